"""A finding as an entry of ``corrections/*.toml``, to be completed: without reviewer and date it is refused."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

ACTIONS: Final = ("accept", "exclude", "replace_boxes", "set_label")
HEAD: Final = """[[corrections]]
image = {image}
image_sha256 = {image_sha256}
action = {action}
"""
OWN: Final = {
    "accept": "kind = {kind}\n",
    "replace_boxes": "label = {label}\nboxes = {boxes}\n",
    "set_label": "label = {label}\n",
}
TAIL: Final = """reason = {reason}
reviewer = ""
date = ""
"""
# What the page fills in when somebody chooses an action; the same text for every action as ``entry`` gives.
TEMPLATES: Final = {action: HEAD + OWN.get(action, "") + TAIL for action in ACTIONS}


def values_of(finding: Mapping[str, Any], boxes: Sequence[Sequence[float]] = ()) -> dict[str, Any] | None:
    """Return what a template asks for, of one finding; None where its image was rejected and nothing can be decided.

    ``boxes`` are all that the image has of the label, in pixels of the original: replaced, none may be missing.
    """
    if finding["image_sha256"] is None:
        return None
    return {
        "image": finding["sample_id"],
        "image_sha256": finding["image_sha256"],
        "kind": finding["kind"],
        "label": finding["label"],
        "boxes": [[int(side) if float(side).is_integer() else side for side in box] for box in boxes],
        "reason": f"{finding['kind']}: ",
    }


def offered(values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the actions that can be taken; boxes are replaced only where there are some."""
    return tuple(action for action in ACTIONS if action != "replace_boxes" or values["boxes"])


def entry(values: Mapping[str, Any], action: str) -> str:
    """Return the entry as TOML; texts of JSON are texts of TOML."""
    given = {**values, "action": action}
    return re.sub(r"\{(\w+)\}", lambda found: json.dumps(given[found[1]], ensure_ascii=False), TEMPLATES[action])
