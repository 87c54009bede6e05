"""Apply the recipe's meaning of mask values: class numbers, object numbers or colours."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Annotated, Final

from pydantic import AfterValidator, ValidationInfo

from medmultipoints.transforms.records import MaskLayer, MaskObject, Sample
from medmultipoints.transforms.sources.accounting import printable

IGNORED: Final = "ignore"
LARGEST_VALUE: Final = 65535
NO_VALUES: Final[Mapping[str, str]] = {}


def check_values(values: Mapping[str, str], labels: Collection[str]) -> Mapping[str, str]:
    """Return the values unchanged. Raise ValueError for an invalid value or colour, or a label the masks lack."""
    for key, meaning in values.items():
        parts = key.split(",")
        plain = all(part.isascii() and part.isdecimal() and str(int(part)) == part for part in parts)
        if not plain or not (1 <= int(parts[0]) <= LARGEST_VALUE if len(parts) == 1 else _is_colour(parts)):
            raise ValueError(
                f"'{printable(key)}' is neither a value from 1 to {LARGEST_VALUE} nor a colour such as 255,0,0"
            )
        if meaning not in (*labels, IGNORED):
            known = ", ".join(f"'{label}'" for label in labels)
            raise ValueError(f"{key} is '{printable(meaning)}', which is neither {known} nor '{IGNORED}'")
    if len({"," in key for key in values}) > 1:
        raise ValueError("give values or colours, not both")
    return values


def _is_colour(parts: list[str]) -> bool:
    return len(parts) == 3 and all(int(part) <= 255 for part in parts)


def _check(values: Mapping[str, str], info: ValidationInfo) -> Mapping[str, str]:
    return check_values(values, (info.context or {}).get("labels", ()))


MaskValues = Annotated[
    Mapping[str, str],
    AfterValidator(_check),
    'value in the masks, or colour as "r,g,b" = label, or "ignore" for areas to ignore; a mask with another value is '
    "rejected. Empty: masks are white on black, see threshold in [boxes]",
]
"""Recipe option of a reader; its labels are those of the source, the validation context ``labels``."""
MaskObjects = Annotated[
    MaskObject,
    "with mask_values, an object is a connected component of a label's areas, all areas of one value, or of one label "
    "(file)",
]


def state_masks(sample: Sample, values: Mapping[str, str], objects: MaskObject) -> Sample:
    """Return the sample with its mask as a layer of the stated values; unchanged if there are no values or no mask."""
    if not values or sample.mask_member is None:
        return sample
    layer = MaskLayer(
        member=sample.mask_member,
        kind="rgb" if any("," in key for key in values) else "classes",
        object=objects,
        labels={key: label for key, label in values.items() if label != IGNORED},
        ignore=tuple(key for key, label in values.items() if label == IGNORED),
        min_area_px=0,
    )
    return replace(sample, mask_member=None, layers=(layer,))
