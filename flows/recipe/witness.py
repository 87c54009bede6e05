"""The part of a recipe about what models say of the pictures."""

from medmultipoints.flows.recipe.pinned import PinnedFile


class Witness(PinnedFile):
    """Predictions of models, as `medmultipoints witness` wrote them: released apart, never as truth."""
