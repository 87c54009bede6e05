"""A finding as an entry of ``corrections/*.toml``, to be completed: without reviewer and date it is refused."""

import json
import re
from collections.abc import Mapping
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


def values_of(finding: Mapping[str, Any]) -> dict[str, Any]:
    """What a template asks for, of one finding. The boxes are those that the audit derived from the mask."""
    derived = finding["derived_box"]
    return {
        "image": finding["sample_id"],
        "image_sha256": finding["image_sha256"] or "",
        "kind": finding["kind"],
        "label": finding["label"],
        "boxes": [[int(side) if float(side).is_integer() else side for side in derived]] if derived else [],
        "reason": f"{finding['kind']}: ",
    }


def entry(values: Mapping[str, Any], action: str) -> str:
    """The entry as TOML; texts of JSON are texts of TOML."""
    given = {**values, "action": action}
    return re.sub(r"\{(\w+)\}", lambda found: json.dumps(given[found[1]], ensure_ascii=False), TEMPLATES[action])
