"""The words by which a prompt asks: what the asks of each task must hold, and what they must not."""

import re
from collections.abc import Mapping
from typing import Final

COUNT: Final = re.compile(r"\b(how many|count(?!er)\w*|numbers?|totals?|tally)\b", re.IGNORECASE)
POINT: Final = re.compile(r"\b(pin)?point\w*\b", re.IGNORECASE)
BOX: Final = re.compile(r"\b(box\w*|bounding|bbox\w*)\b", re.IGNORECASE)
PLACE: Final = re.compile(
    r"\b(where\w*|locat\w+|locali[sz]\w+|positions?|coordinates?|mark\w*|find|draw|outline|detect)\b", re.IGNORECASE
)
POINT_OR_POSITION: Final = re.compile(POINT.pattern + r"|\bpositions?\b", re.IGNORECASE)
ALL: Final = re.compile(r"\b(every|each|all|wherever|per)\b", re.IGNORECASE)
DENSITY: Final = re.compile(r"\b(density|densities|dense)\b", re.IGNORECASE)
WHOLE: Final = re.compile(r"\bimage 1\b|\bfirst image\b", re.IGNORECASE)
LATER: Final = re.compile(r"\bimage 2\b|\bsecond image\b", re.IGNORECASE)


def _words(alternatives: str) -> re.Pattern[str]:
    return re.compile(rf"\b({alternatives})\b", re.IGNORECASE)


# What an ask must contain, and what neither ask nor request may contain, because the answer does not give it.
WANTED: Final[Mapping[str, Mapping[str, re.Pattern[str]]]] = {
    "pointing": {"points": POINT_OR_POSITION, "all objects": ALL},
    "bounding": {"boxes": BOX, "all objects": ALL},
    "counting": {"a number": COUNT},
    "cnt_and_point": {"a number": COUNT, "points": POINT_OR_POSITION, "all objects": ALL},
    "count_and_box": {"a number": COUNT, "boxes": BOX, "all objects": ALL},
    "presence": {
        "whether it is there": _words("any|is there|present|presence|appears?|visible|contains?|shows?"),
        "a number": COUNT,
        "boxes": BOX,
    },
    "referring": {"a box": BOX},
    "classification": {"the organ": _words("organ"), "the class": _words("class"), "the finding": _words("finding")},
    "label_path": {"a path": _words("path|hierarchy")},
    "class_counts": {"a number": COUNT, "the total": _words("total|sum|overall"), "the density": DENSITY},
    "description": {"a description": _words(r"descri\w+|characteri[sz]e|caption\w*|portray|account|tell|say")},
    "dialogue": {"answers": _words(r"answer\w*|reply|respond")},
    "negation_pairs": {
        "whether they hold": _words("hold|true|truth|right|judge|mark|verdict|verify|check|deny|whether")
    },
    "segmentation": {"a mask": _words(r"segment\w*|masks?|delineate\w*|outlines?|trace")},
    "stills_referring": {"a box": BOX, "the image": _words("image")},
    "tracking": {"a box": BOX, "the later image": LATER},
    "appeared": {"a box": BOX, "the later image": LATER},
    "vanished": {"a box": BOX, "the later image": LATER},
    "moved_most": {"a box": BOX, "the later image": LATER},
    "same_class": {"boxes": BOX, "all objects": ALL, "the later image": LATER},
    "motion": {"a path": _words("path|route|track|way"), "a speed": _words("speed|fast")},
    "video_counts": {"a number": COUNT, "the mean": _words("means?|average"), "the density": DENSITY},
    "crop_grounding": {"a box": BOX, "the whole image": WHOLE, "the crop": LATER},
}
UNWANTED: Final[Mapping[str, tuple[re.Pattern[str], ...]]] = {
    "pointing": (COUNT, BOX),
    "bounding": (COUNT, POINT),
    "counting": (POINT, BOX, PLACE),
    "cnt_and_point": (BOX,),
    "count_and_box": (POINT,),
    "presence": (POINT,),
    "referring": (COUNT, POINT, ALL),
    "classification": (COUNT, POINT, BOX, PLACE),
    "label_path": (COUNT, POINT, BOX),
    "class_counts": (POINT, BOX),
    "description": (COUNT,),
    "dialogue": (POINT, BOX),
    "negation_pairs": (COUNT, POINT, BOX),
    "segmentation": (COUNT,),
    "stills_referring": (COUNT, POINT, ALL),
    "tracking": (COUNT, POINT, ALL),
    "appeared": (COUNT, POINT, ALL),
    "vanished": (COUNT, POINT, ALL),
    "moved_most": (COUNT, POINT),
    "same_class": (COUNT, POINT),
    "motion": (COUNT, POINT, _words("net|displacement|time|seconds")),
    "video_counts": (POINT, BOX),
    "crop_grounding": (COUNT, POINT, ALL),
}
UNITS: Final = _words("(mega)?pixels?|px|per ?cent|percentages?|fractions?|normali[sz]ed")
"""What coordinates are counted in: the request alone says it, so that a dialect can say it for another frame."""
NAMES: Final = ("{name}", "{names}", "{a_name}")
