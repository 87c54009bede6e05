"""Parse XML from untrusted files, refusing entities and external references. Namespaces of tags are removed."""

import re
from collections.abc import Iterator
from typing import IO
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring, iterparse

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.regions.decimals import parse_decimal

_DECLARED = re.compile(rb"^\s*<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"'][^>]*\?>")
_OWN = ("utf-8", "utf8", "utf-16", "us-ascii", "iso-8859-1")
"""Encodings that the parser reads itself; others, such as GB2312, are decoded first."""


def parse_xml(data: bytes, name: str) -> Element:
    """Return the root of an XML document. Raise MemberProblem ``xml_unsafe`` or ``xml_damaged``."""
    try:
        declared = _DECLARED.match(data)
        encoding = declared[1].decode("ascii") if declared else "utf-8"
        foreign = declared is not None and encoding.lower() not in _OWN
        root: Element = fromstring(
            data[declared.end() :].decode(encoding) if foreign and declared else data, forbid_dtd=False
        )
    except (DefusedXmlException, ParseError, ValueError, LookupError) as error:
        raise _problem(name, error) from error
    for element in root.iter():
        element.tag = _bare(element.tag)
    return root


def _bare(tag: str) -> str:
    """Return a tag without its namespace; comments and instructions have no text as tag."""
    return tag.rpartition("}")[2] if isinstance(tag, str) else tag


def iterate_xml(stream: IO[bytes], name: str, tags: frozenset[str]) -> Iterator[Element]:
    """Yield the elements named in ``tags``, clearing each afterwards to bound memory."""
    try:
        for _, element in iterparse(stream, forbid_dtd=False):
            element.tag = _bare(element.tag)
            if element.tag in tags:
                yield element
                element.clear()
    except (DefusedXmlException, ParseError, ValueError, LookupError) as error:
        raise _problem(name, error) from error


def _problem(name: str, error: Exception) -> MemberProblem:
    if isinstance(error, DefusedXmlException):
        what = type(error).__name__
        return MemberProblem("xml_unsafe", f"{name} declares entities or external references ({what}); it is not read")
    return MemberProblem("xml_damaged", f"{name} is not well-formed XML: {error}")


def text(element: Element | None, path: str) -> str:
    """Return the stripped text at ``path``, or an empty string."""
    found = None if element is None else element.find(path)
    return (found.text or "").strip() if found is not None else ""


def number(value: str | None) -> float:
    """Return the number in a text, or NaN."""
    try:
        return parse_decimal(value.strip()) if value is not None else float("nan")
    except ValueError:
        return float("nan")
