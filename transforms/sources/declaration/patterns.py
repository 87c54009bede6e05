r"""Match member paths against patterns with named holes, and fill texts from them.

``{patient}`` matches the shortest text without ``/`` and without the character after the hole; ``{slice:int}`` matches
a whole number; ``{visit:\d{3}}`` matches the regular expression within one folder. ``*`` matches any text within one
folder, ``**`` any folders; ``[...]`` is optional. Matching is case-sensitive, except for the extension. If a path does
not match, holes may also contain the character after them, provided that the result is unique.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.regions.decimals import is_whole

_HOLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class PatternError(UsageError):
    """Raised if a pattern of a declaration is invalid, or matches a path in two ways."""


@dataclass(frozen=True, slots=True)
class Hole:
    """A named hole: ``rule`` is empty, ``int`` or a regular expression."""

    name: str
    rule: str


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern. ``holes``: names in order; a repeated name must match the same text."""

    text: str
    holes: tuple[str, ...]
    numbers: frozenset[str]
    strict: re.Pattern[str]
    shortest: re.Pattern[str]
    longest: re.Pattern[str]

    def match(self, path: str) -> dict[str, str] | None:
        """Return the text of each hole, or None if the path does not match.

        Raises PatternError if the path matches in more than one way.
        """
        found = self._match(path)
        return None if found is None else _values(found)

    def spans(self, path: str) -> dict[str, tuple[int, int]]:
        """Return where each hole that is filled begins and ends in a path, as ``match`` reads it."""
        found = self._match(path)
        return {} if found is None else {name: found.span(name) for name in _values(found)}

    def _match(self, path: str) -> re.Match[str] | None:
        found = self.strict.fullmatch(path)
        if found is not None or not self.holes:
            return found
        first, last = self.shortest.fullmatch(path), self.longest.fullmatch(path)
        if first is None or last is None:
            return None
        if _values(first) != _values(last):
            raise PatternError(
                f"pattern {self.text!r} reads {path!r} in two ways: {_show(_values(first))} or {_show(_values(last))}. "
                r"Give a hole a rule, such as {name:\d+}."
            )
        return first

    def fits(self, path: str) -> bool:
        """Return whether a path matches, in one or more ways."""
        try:
            return self.match(path) is not None
        except PatternError:
            return True

    def key(self, values: Mapping[str, str], names: Iterable[str]) -> tuple[str, ...]:
        """Return the values of ``names`` as a join key, with numbers without leading zeros."""
        return tuple(_number(values.get(name, "")) if name in self.numbers else values.get(name, "") for name in names)


def as_patterns(value: object) -> tuple[str, ...]:
    """Return the patterns that a key of TOML states: one text, a list, or the keys of a table."""
    return (value,) if isinstance(value, str) else tuple(map(str, value)) if isinstance(value, Iterable) else ()


def fill(template: str, values: Mapping[str, str]) -> str:
    """Return the text with each ``{hole}`` replaced by its value. Raise PatternError for a hole without one."""

    def value(found: re.Match[str]) -> str:
        if found[1] not in values:
            known = ", ".join(sorted(values)) or "none"
            raise PatternError(f"{template!r}: no hole {{{found[1]}}}; known are {known}. Add it to a pattern.")
        return values[found[1]]

    return re.sub(r"\{([^{}]*)\}", value, template)


def template_holes(template: str) -> tuple[str, ...]:
    """Return the names of the holes of a text for ``fill``."""
    return tuple(re.findall(r"\{([^{}]*)\}", template))


@lru_cache(maxsize=1024)
def compile_pattern(text: str) -> Pattern:
    """Return a compiled pattern. Raise PatternError for an unclosed hole, an invalid rule, or adjacent holes."""
    parts = _split(text)
    holes = tuple(dict.fromkeys(part.name for part in parts if isinstance(part, Hole)))
    numbers = frozenset(part.name for part in parts if isinstance(part, Hole) and part.rule == "int")
    try:
        forms = [re.compile(_expression(parts, form)) for form in ("strict", "shortest", "longest")]
    except re.error as error:
        raise PatternError(f"pattern {text!r}: {error}. Correct the rule of its hole.") from error
    return Pattern(text, holes, numbers, *forms)


def _split(text: str) -> list[Hole | str]:
    """Return holes, the marks ``*``, ``**/``, ``**``, ``[``, ``]`` and single characters."""
    parts: list[Hole | str] = []
    at = 0
    while at < len(text):
        if text[at] == "{":
            end = _closing(text, at)
            parts.append(_hole(text, text[at + 1 : end]))
            at = end + 1
            continue
        mark = next((mark for mark in ("**/", "**") if text.startswith(mark, at)), text[at])
        parts.append(mark)
        at += len(mark)
    _refuse_touching(text, parts)
    return parts


def _closing(text: str, start: int) -> int:
    depth = 0
    for at in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return at
    raise PatternError(f"pattern {text!r}: the hole at {text[start:]!r} has no closing brace.")


def _hole(text: str, inside: str) -> Hole:
    name, _, rule = inside.partition(":")
    if not _HOLE_NAME.fullmatch(name):
        raise PatternError(f"pattern {text!r}: {{{inside}}} has no name; write it as {{name}} or {{name:rule}}.")
    return Hole(name, rule)


def _refuse_touching(text: str, parts: list[Hole | str]) -> None:
    open_ended = [isinstance(part, Hole) and not part.rule for part in parts]
    for at in range(len(parts) - 1):
        if (open_ended[at] and (open_ended[at + 1] or parts[at + 1] in ("*", "**"))) or (
            parts[at] in ("*", "**") and open_ended[at + 1]
        ):
            raise PatternError(f"pattern {text!r} is ambiguous: two holes are adjacent. Give one a rule.")


def _expression(parts: list[Hole | str], form: str) -> str:
    seen: set[str] = set()
    found: list[str] = []
    extension = _extension_start(parts)
    for at, part in enumerate(parts):
        if isinstance(part, Hole):
            found.append(f"(?P={part.name})" if part.name in seen else _hole_expression(parts, at, form))
            seen.add(part.name)
        elif part in ("**/", "**", "*"):
            found.append({"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*"}[part])
        elif part in "[]":
            found.append("(?:" if part == "[" else ")?")
        else:
            literal = re.escape(part)
            found.append(f"(?i:{literal})" if at >= extension else literal)
    return "".join(found)


def _hole_expression(parts: list[Hole | str], at: int, form: str) -> str:
    hole = parts[at]
    assert isinstance(hole, Hole)
    if hole.rule == "int":
        return f"(?P<{hole.name}>[0-9]+)"
    if hole.rule:
        return f"(?P<{hole.name}>(?:(?!/)(?:{_within_folder(hole.rule)})))"
    following = parts[at + 1] if at + 1 < len(parts) else ""
    if form == "strict" and isinstance(following, str) and following not in ("", "/", "*", "**", "**/", "[", "]"):
        return f"(?P<{hole.name}>[^/{re.escape(following)}]+)"
    return f"(?P<{hole.name}>[^/]+{'' if form == 'longest' else '?'})"


def _within_folder(rule: str) -> str:
    """Return the rule with dots that do not match ``/``, except escaped ones and those in sets."""
    return re.sub(r"(\\.|\[(?:\\.|[^\]])*\])|\.", lambda found: found[1] or "[^/]", rule)


def _extension_start(parts: list[Hole | str]) -> int:
    """Return the index at which the literal extension begins, or ``len(parts)`` without one."""
    for at in range(len(parts) - 1, -1, -1):
        part = parts[at]
        if part == ".":
            return at
        if not isinstance(part, str) or not part.isalnum():
            break
    return len(parts)


def _values(found: re.Match[str]) -> dict[str, str]:
    return {name: value for name, value in found.groupdict().items() if value is not None}


def _number(text: str) -> str:
    return str(int(text)) if is_whole(text) else text


def _show(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name} = {value!r}" for name, value in values.items())
