"""Keep the comments of a declaration when it is written again."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_HEADING: Final = re.compile(r"\s*\[([^\[\]]+)\]\s*(#.*)?")
_KEY: Final = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_COMMENT: Final = re.compile(r"""(?:[^"'#]|"(?:\\.|[^"\\])*"|'[^']*')*(#.*)""")
_WRITTEN: Final = re.compile(r"# open: |#   .* in \[read.*\]$|# stated$")
"""Comments that an inspection writes about open questions and stated keys, and writes again where they hold."""


class _Line(NamedTuple):
    """A line of a declaration: the dotted key or heading that it is about, if any, its text, and its comment."""

    key: str | None
    plain: str
    comment: str


def _lines(text: str) -> Iterator[_Line]:
    table = ""
    for line in text.splitlines():
        found = _COMMENT.fullmatch(line)
        comment = found[1] if found else ""
        plain = line.removesuffix(comment).rstrip()
        if heading := _HEADING.fullmatch(line):
            table = _plain_key(heading[1])
            yield _Line(table, plain, comment)
        else:
            key = _KEY.match(plain)
            yield _Line(f"{table}.{_plain_key(key[1])}".lstrip(".") if key else None, plain, comment)


def _plain_key(text: str) -> str:
    return re.sub(r"""\s|["']""", "", text)


def keep_comments(text: str, old: str) -> str:
    """Return the new text of a declaration with the comments of its old one, except those about open questions.

    A comment stays with its key, or above what follows it; if neither is there any more, it is at the end. If the line
    of its key has changed, the new comment is kept, too.
    """
    above, own = _collect(old)
    written: list[str] = []
    lines = list(_lines(text))
    said = {line.comment for line in lines}
    for line in lines:
        written += [comment for comment in above.pop(line.key or "", []) if comment not in said]
        before = own.pop(line.key or "", None)
        if before is None:
            written.append(f"{line.plain}  {line.comment}".strip() if line.comment else line.plain)
        elif line.plain == before.plain:
            written.append(f"{line.plain}  {before.comment}")
        else:
            written += [before.comment, f"{line.plain}  {line.comment}".rstrip()]
    rest = [comment for held in above.values() for comment in held] + [line.comment for line in own.values()]
    return "\n".join([*written, *rest]) + "\n"


def _collect(old: str) -> tuple[dict[str, list[str]], dict[str, _Line]]:
    """Return the comments above each key or heading ("": at the end), and the lines with a comment of their own."""
    above: dict[str, list[str]] = {}
    own: dict[str, _Line] = {}
    waiting: list[str] = []
    for line in _lines(old):
        if line.key is None:
            waiting += [line.comment] if line.comment and not _WRITTEN.match(line.comment) else []
            continue
        if waiting:
            above.setdefault(line.key, []).extend(waiting)
            waiting = []
        if line.comment and not _WRITTEN.match(line.comment):
            own[line.key] = line
    return above | ({"\0": waiting} if waiting else {}), own
