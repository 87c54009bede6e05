"""The language of code, pages and messages: words that a reader has to decipher stay out, plurals are formed."""

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT

PACKAGES = ("transforms", "expectations", "data_lake", "flows")
WORN = re.compile(
    r"\b(?:anew|glances?|mend(?:ed)?|strangers?|whatever|beside|held against|there is none of that name|"
    r"is no (?:name|address|folder) of|a fault of the program)\b",
    re.IGNORECASE,
)
UNFORMED = re.compile(r"\b(?:row|box|image|file|object|input|finding)\((?:s|es)\)")
KINDS = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", -1)}
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
TEMPLATES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.jinja"))


def texts(path: Path) -> Iterator[str]:
    """Yield the comments and texts of a module, or a page or template whole."""
    content = path.read_text("utf-8")
    if path.suffix != ".py":
        yield content
        return
    tokens = tokenize.generate_tokens(io.StringIO(content).readline)
    yield from (token.string for token in tokens if token.type in KINDS)


@pytest.mark.slow
@pytest.mark.parametrize("pattern", [WORN, UNFORMED], ids=["worn words", "plurals in brackets"])
def test_plain_words(pattern: re.Pattern[str]) -> None:
    """Otherwise say it in the field's standard terms, and form the plural."""
    paths = [*SOURCES, *TEMPLATES, *(page for page in PAGES if page.name != "CHANGELOG.md")]
    found = {
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in paths
        for text in texts(path)
        for match in pattern.finditer(text)
    }
    assert found == set()
