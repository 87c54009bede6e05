"""Draft an entry of ``corrections/*.toml`` for a finding; it is refused until reviewer and date are added."""

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
# The page fills in the template of the chosen action; ``entry`` returns the same text for every action.
TEMPLATES: Final = {action: HEAD + OWN.get(action, "") + TAIL for action in ACTIONS}


def values_of(finding: Mapping[str, Any], boxes: Sequence[Sequence[float]] = ()) -> dict[str, Any] | None:
    """Return the values for a template of one finding; None if its image was rejected and no decision is possible.

    ``boxes`` are all boxes of the label in the image, in pixels of the original: a replacement must list all of them.
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
    """Return the possible actions; boxes can be replaced only if there are some."""
    return tuple(action for action in ACTIONS if action != "replace_boxes" or values["boxes"])


def entry(values: Mapping[str, Any], action: str, *, of_label: bool = False) -> str:
    """Return the entry as TOML; JSON strings are valid TOML strings.

    ``of_label``: an accept is about the finding's label alone, since the image has such findings of others.
    """
    given = {**values, "action": action}
    template = TEMPLATES[action]
    if of_label and action == "accept":
        template = template.replace(OWN[action], f"{OWN[action]}label = {{label}}\n")
    return re.sub(r"\{(\w+)\}", lambda found: json.dumps(given[found[1]], ensure_ascii=False), template)
