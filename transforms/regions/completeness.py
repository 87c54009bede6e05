"""Judge whether the annotations of a picture may be incomplete, so that absence of an object is not certain."""

from medmultipoints.transforms.masks.components import MaskRegions
from medmultipoints.transforms.masks.run_lengths import decode_rle
from medmultipoints.transforms.records import Region
from medmultipoints.transforms.regions.annotated_objects import OUTSIDE, AnnotatedObjects
from medmultipoints.transforms.regions.framing import AROUND_SHARE, covers_frame, may_be_inverted


def may_be_incomplete(found: MaskRegions | None, annotated: AnnotatedObjects, width: int, height: int) -> bool:
    """Return whether annotations may be incomplete: only specks, unknown areas, an object outside or frame-filling."""
    drawn = [region for region in annotated.regions if region.evidence == "mask"]
    drawn += found.regions if found else ()
    alone = bool(annotated.specks) and not annotated.regions
    specks = found.specks if found and not found.regions else ()
    return (
        alone
        or annotated.uncertain
        or any(one.reason == OUTSIDE for one in annotated.unused)
        or any(one.reason == "below_min_area" for one in specks)
        or any(covers_frame(region.box, width, height) or _may_be_inverted(region, width, height) for region in drawn)
    )


def _may_be_inverted(region: Region, width: int, height: int) -> bool:
    """Return whether an object covers much of the frame and surrounds a dark area."""
    if region.rle is None or (region.area_px or 0) <= AROUND_SHARE * width * height:
        return False
    return may_be_inverted(decode_rle(region.rle, height, width))
