"""Define the part of a recipe for a language model's descriptions."""

from typing import Literal

from pydantic import Field

from medmultipoints.flows.recipe.pinned import PinnedFile


class Describe(PinnedFile):
    """Replies of a language model, as `medmultipoints describe` wrote them: released apart, sentence by sentence."""

    uncheckable: Literal["drop", "mark"] = Field(
        default="drop", description="sentences that the measured facts neither prove nor refute: left out, or marked"
    )
    least_kept: float = Field(
        default=0.3,
        ge=0,
        le=1,
        description="least share of a text's sentences to keep; with fewer, the text is left out",
    )
