"""All dialects by name, with frame, form of a box, wrapping and known losses."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from medmultipoints.transforms.dialects.conversations import columns, encode, locations, molmo, swift
from medmultipoints.transforms.dialects.conversations.columns import Columns
from medmultipoints.transforms.dialects.conversations.encode import Line, Wrap, encode_json
from medmultipoints.transforms.dialects.conversations.responses import restore_numbers
from medmultipoints.transforms.dialects.frames import FRACTIONS, QWEN2_5_PIXELS, QWEN2_5_RESIZE, THOUSAND, Frame, Resize
from medmultipoints.transforms.dialects.items import Contents, Item, Picture, Placement
from medmultipoints.transforms.dialects.layouts import biomedparse, coco, mot, sa_med2d, yolo
from medmultipoints.transforms.dialects.layouts.coco import Files
from medmultipoints.transforms.dialects.layouts.rendering import Rendering
from medmultipoints.transforms.records import ReleasedObject


@dataclass(frozen=True, slots=True)
class Conversation:
    """A dialect with one entry per instruction.

    ``columns`` are the columns of a table of entries. ``listed``: a split is one JSON list instead of JSON Lines.
    ``resize``: pictures are written at that size. ``encode`` raises Unsupported for an instruction it cannot express.
    ``restore`` converts a response to an answer of the release; None if the dialect has no such form of its own.
    """

    encode: Callable[[Item], Line]
    columns: Columns
    restore: Callable[[Item, str], str] | None
    listed: bool = False
    resize: Resize | None = None
    dataset_info: bool = False

    def path(self, split: str) -> str:
        return f"{split}.{'json' if self.listed else 'jsonl'}"


@dataclass(frozen=True, slots=True)
class Layout:
    """A dialect with files for pictures and their objects.

    ``encode`` yields the files of a split, ``whole`` those of the export; ``holds`` says whether an object has a form.
    The functions iterate the pictures more than once. They raise ValueError for data that the layout cannot express.
    """

    place: Callable[[Iterable[Picture], str], Placement]
    encode: Callable[[Iterable[Picture], Contents, str], Files]
    whole: Callable[[Contents], Files] = lambda _contents: iter(())
    holds: Callable[[ReleasedObject], bool] = lambda _found: True
    rendering: Rendering = "as released"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One dialect; the texts are rows of docs/dialects.md, ``resize`` are the limits of the model's resize.

    ``needs`` are the splits without which its trainer does not begin.
    """

    name: str
    title: str
    form: Conversation | Layout
    frame: str = "0-1000 of width and height"
    boxes: str = "x1, y1, x2, y2"
    rounding: str = "whole numbers: 0.05 % of each side"
    lost: str = "nothing else"
    loaded_by: str = "`datasets` (as JSON)"
    resize: Resize | None = None
    needs: tuple[str, ...] = ()


def _json(frame: Frame, wrap: Wrap, row: Columns, **more: Any) -> Conversation:
    return Conversation(
        lambda item: encode_json(item, frame, wrap),
        row,
        lambda item, response: restore_numbers(response, frame, item.size),
        **more,
    )


def _has_mask(found: ReleasedObject) -> bool:
    return found.rle is not None


_MESSAGES: Final = (encode.wrap_messages, columns.MESSAGES)
_CONVERSATION: Final = (encode.wrap_conversation, columns.CONVERSATIONS)
_TRL: Final = (encode.wrap_completion, columns.PROMPT_COMPLETION)
_SINGLE: Final = (encode.wrap_single, columns.CONVERSATION_OF_ONE)
_ROW: Final = columns.PREFIX_SUFFIX
_RESIZED: Final = "pixels of the picture resized to multiples of 28 (3,136 to 1,003,520 px)"
_QWEN2_5: Final[dict[str, Any]] = {
    "frame": _RESIZED,
    "rounding": "whole pixels of the resized picture: half a pixel of it; one at its far edges",
    "resize": QWEN2_5_RESIZE,
}
"""What all dialects for Qwen2.5-VL have in common."""

_ALL: Final = (
    Dialect(
        name="swift",
        title="ms-swift, JSON answers, pictures resized beforehand for Qwen2.5-VL",
        lost="the original pixels: pictures are resized (Lanczos, JPEG quality 95 or PNG)",
        **_QWEN2_5,
        form=_json(QWEN2_5_PIXELS, *_MESSAGES, resize=QWEN2_5_RESIZE),
    ),
    Dialect(
        name="swift-objects",
        title="ms-swift, placeholders and `objects`; one file for all models",
        frame="pixels of the released picture (`bbox_type` real)",
        boxes="x1, y1, x2, y2; a point is x, y",
        rounding="none",
        lost="the wording of the format request: it names the keys only",
        loaded_by="ms-swift (loading, scaling, filling), `datasets`",
        form=Conversation(swift.encode_objects, columns.OBJECTS, None),
    ),
    Dialect(
        name="llama-factory",
        title="LLaMA-Factory, sharegpt, for Qwen2-VL, Qwen3-VL, InternVL",
        form=_json(THOUSAND, *_MESSAGES, listed=True, dataset_info=True),
    ),
    Dialect(
        name="llama-factory-resized",
        title="LLaMA-Factory, sharegpt, pictures resized beforehand for Qwen2.5-VL",
        lost="the original pixels: pictures are resized; set image_max_pixels to 1003520, or it resizes once more",
        **_QWEN2_5,
        form=_json(QWEN2_5_PIXELS, *_MESSAGES, listed=True, dataset_info=True, resize=QWEN2_5_RESIZE),
    ),
    Dialect(
        name="trl",
        title="TRL, prompt and completion, for Qwen2-VL, Qwen3-VL, InternVL",
        loaded_by="`datasets` (as JSON), TRL's SFTTrainer",
        form=_json(THOUSAND, *_TRL),
    ),
    Dialect(
        name="trl-resized",
        title="TRL, prompt and completion, pictures resized beforehand for Qwen2.5-VL",
        lost="the original pixels: pictures are resized",
        loaded_by="`datasets` (as JSON), TRL's SFTTrainer",
        **_QWEN2_5,
        form=_json(QWEN2_5_PIXELS, *_TRL, resize=QWEN2_5_RESIZE),
    ),
    Dialect(
        name="qwen2.5-vl",
        title="Qwen-VL's fine-tuning tool, Qwen2.5-VL",
        **_QWEN2_5 | {"frame": f"{_RESIZED}; the tool resizes, pictures stay as released"},
        form=_json(QWEN2_5_PIXELS, *_CONVERSATION, listed=True),
    ),
    Dialect(
        name="qwen-vl-1000",
        title="Qwen-VL's fine-tuning tool, Qwen2-VL and Qwen3-VL",
        form=_json(THOUSAND, *_CONVERSATION, listed=True),
    ),
    Dialect(
        name="molmo",
        title="Molmo, PixMo points",
        frame="0-100 of width and height",
        boxes="none",
        rounding="one decimal: 0.05 % of each side",
        lost="boxes (such instructions are left out), the order of the points, capitals in names, the format request",
        form=Conversation(molmo.encode, columns.PIXMO, molmo.restore),
    ),
    Dialect(
        name="llava",
        title="LLaVA",
        frame="0-1 of width and height",
        rounding="three decimals: 0.05 % of each side",
        form=_json(FRACTIONS, *_SINGLE, listed=True),
    ),
    Dialect(
        name="paligemma",
        title="PaliGemma, prefix and suffix",
        frame="0-1023 location tokens",
        boxes="y1, x1, y2, x2",
        rounding="whole numbers: 0.049 % of each side",
        lost="points, and answers of a number with places (such instructions are left out), the wording of the ask",
        form=Conversation(locations.encode_paligemma, _ROW, locations.restore_paligemma),
    ),
    Dialect(
        name="florence2",
        title="Florence-2, prefix and suffix",
        frame="1,000 cells of width and height, the middle of the cell",
        rounding="whole cells: 0.05 % of each side",
        lost="points and numbers (such instructions are left out), the wording of the ask",
        form=Conversation(locations.encode_florence, _ROW, locations.restore_florence),
    ),
    Dialect(
        name="coco",
        title="COCO detection, with masks where there are any",
        frame="pixels of the released picture",
        boxes="x, y, width, height",
        rounding="none",
        lost="points",
        loaded_by="pycocotools, supervision, datumaro",
        form=Layout(coco.place, coco.encode_detection),
    ),
    Dialect(
        name="coco-keypoints",
        title="COCO keypoints: the point of each object",
        frame="pixels of the released picture",
        boxes="x, y, width, height; keypoint x, y, visible",
        rounding="none",
        lost="what kind of point it is",
        loaded_by="pycocotools, datumaro",
        form=Layout(coco.place, coco.encode_keypoints),
    ),
    Dialect(
        name="yolo",
        title="YOLO detection",
        frame="0-1 of width and height",
        boxes="centre x, y, width, height",
        rounding="eight decimals",
        lost="points, masks, tracks; pictures whose labels may be incomplete; what passes the picture's edge",
        loaded_by="ultralytics, supervision, datumaro",
        needs=("train", "validation"),
        form=Layout(yolo.place, yolo.encode, yolo.encode_data),
    ),
    Dialect(
        name="mot",
        title="MOT challenge",
        frame="pixels, counted from 1",
        boxes="left, top, width, height",
        rounding="four decimals",
        lost="pictures outside videos, points",
        loaded_by="TrackEval, py-motmetrics, datumaro",
        form=Layout(mot.place, mot.encode),
    ),
    Dialect(
        name="biomedparse",
        title="BiomedParse, 1,024 x 1,024",
        frame="pixels of a square picture of 1,024",
        boxes="masks, one for each target",
        rounding="one pixel of the 1,024",
        lost="objects without a mask, the borders between touching objects, the original pixels",
        loaded_by="our own reader only",
        form=Layout(biomedparse.place, biomedparse.encode, holds=_has_mask, rendering="square png"),
    ),
    Dialect(
        name="sa-med2d",
        title="SA-Med2D-20M, one mask for each object",
        frame="pixels of the released picture",
        boxes="masks, one for each object",
        rounding="none; one pixel where the release resized the picture",
        lost="objects without a mask, points",
        loaded_by="our own reader only",
        form=Layout(sa_med2d.place, sa_med2d.encode, holds=_has_mask, rendering="png"),
    ),
)
DIALECTS: Final[Mapping[str, Dialect]] = MappingProxyType({dialect.name: dialect for dialect in _ALL})
