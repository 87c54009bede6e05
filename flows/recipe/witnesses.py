"""Define the part of a recipe for predictions of models."""

from pydantic import Field

from medmultipoints.flows.recipe.pinned import PinnedFile


class Witness(PinnedFile):
    """Predictions of models, as `medmultipoints witness` wrote them: released apart, never as truth."""

    stability: float = Field(
        default=0.95, ge=0, le=1, description="least stability of a proposal: mean IoU after small shifts and flips"
    )
    likeness: float = Field(
        default=0.05, ge=0, le=1, description="least probability that a proposal looks like the objects of its class"
    )
