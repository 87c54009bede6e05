"""Parse references to the release that splits follow: RELEASE, RELEASE@ROOT or NAME@ROOT."""

import re

ROOT = re.compile(r"[0-9a-f]{8,64}")


def split_reference(reference: str) -> tuple[str, str]:
    """Return place and root of a reference; the root is empty if not given."""
    place, at, root = reference.rpartition("@")
    return (place, root) if at and ROOT.fullmatch(root) else (reference, "")
