"""Parse XML from untrusted files, refusing entities and external references."""

from collections.abc import Iterator
from typing import IO
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring, iterparse

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.regions.decimals import parse_decimal


def parse_xml(data: bytes, name: str) -> Element:
    """Return the root of an XML document. Raise MemberProblem ``xml_unsafe`` or ``xml_damaged``."""
    try:
        root: Element = fromstring(data, forbid_dtd=False)
    except (DefusedXmlException, ParseError, ValueError, LookupError) as error:
        raise _problem(name, error) from error
    return root


def iterate_xml(stream: IO[bytes], name: str, tags: frozenset[str]) -> Iterator[Element]:
    """Yield the elements named in ``tags``, clearing each afterwards to bound memory."""
    try:
        for _, element in iterparse(stream, forbid_dtd=False):
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
