"""What a curator writes for the card by hand: given by the recipe, so that it survives every regeneration."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Curated:
    """Texts are Markdown and are put on the card as they are; empty ones are left out."""

    about: str = ""
    uses: str = ""
    limits: str = ""
    changes: str = ""
    citation: str = ""
    homepage: str | None = None
    authors: tuple[str, ...] = ()
    contacts: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
