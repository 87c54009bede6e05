"""Find the columns of picture, label and box in a table by their values and by common names."""

import csv
import io
import json
import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.regions.decimals import parse_decimal
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.annotated import Files
from medmultipoints.transforms.sources.reading.path_patterns import SPLIT_WORDS
from medmultipoints.transforms.sources.reading.picture_index import PictureIndex
from medmultipoints.transforms.sources.reading.stated_sizes import SIZE_NAMES, stated_sizes

Row = Mapping[str, str]
UNEVEN: Final = ""
"""Key of a row of another number of cells than the header: its only value says so. No column has this name."""
_EVEN: Final = 10
"""Least number of rows for each uneven one among the first lines of a table."""
BOX_NAMES: Final[tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]] = (
    ("xyxy", (("xmin", "x_min", "x1", "left", "x0", "xtl", "bbox_x1", "bbox_xmin", "xstart"),
              ("ymin", "y_min", "y1", "top", "y0", "ytl", "bbox_y1", "bbox_ymin", "ystart"),
              ("xmax", "x_max", "x2", "right", "xbr", "bbox_x2", "bbox_xmax", "xend"),
              ("ymax", "y_max", "y2", "bottom", "ybr", "bbox_y2", "bbox_ymax", "yend"))),
    ("cxcywh", (("cx", "xc", "x_center", "xcenter", "x_centre"), ("cy", "yc", "y_center", "ycenter", "y_centre"),
                ("w", "width", "bbox_width", "box_width"), ("h", "height", "bbox_height", "box_height"))),
    ("xywh", (("x", "left", "bbox_x", "xmin", "x_min", "x0"), ("y", "top", "bbox_y", "ymin", "y_min", "y0"),
              ("w", "width", "bbox_width", "bbox_w", "box_width"), ("h", "height", "bbox_height", "bbox_h"))),
)  # fmt: skip
LABELS: Final = (
    "class_name", "classname", "label_name", "labelname", "category_name", "finding_label", "class", "label",
    "category", "finding", "target", "cell_type", "lesion_type", "type", "name", "class_id", "category_id", "klasse",
    "classe", "clase",
)  # fmt: skip
ONE_BOX: Final = ("bbox", "box", "bounding_box", "bboxes", "boundingbox", "bounding_boxes")
CROWDS: Final = ("isgroupof", "iscrowd", "is_crowd", "is_group_of", "crowd")
"""Names of the flag of a region of many objects."""
SCORES: Final = ("score", "confidence", "conf", "probability", "prob")
_SPLITS: Final = SPLIT_WORDS | {"validate", "unassigned"}
_FLAGS: Final = frozenset({"", "0", "1", "0.0", "1.0", "true", "false"})
PICTURES: Final = (
    "filename",
    "file_name",
    "image",
    "image_id",
    "image_path",
    "imageid",
    "path",
    "img",
    "patientid",
    "image_index",
    "id",
)
_GROUPS: Final = re.compile(
    r"(?<![a-z])(patient|subject|person|case|mrn|exam|examination|study|studyinstanceuid|series|seriesinstanceuid|volume|"
    r"video|sequence|fall|untersuchung|paciente|sujet)(?![a-z])"
)
"""Words in names of columns that identify a patient, an examination, a volume or a video."""
_EMPTY: Final = frozenset({"", "nan", "none", "null", "na", "n/a"})


def is_empty(text: str) -> bool:
    """Return whether a cell is empty or a word for a missing value."""
    return text.strip().casefold() in _EMPTY


def read_number(text: str, decimal: str = ".") -> float:
    """Return the number of a cell, or NaN."""
    if decimal != "." and "." in text:
        return math.nan  # the point separates thousands, or is a mistake
    try:
        return parse_decimal(text.strip().replace(decimal, "."))
    except ValueError:
        return math.nan


@dataclass(frozen=True, slots=True)
class Dialect:
    """Format of a text table: delimiter, decimal mark, encoding, and whether it has a header."""

    delimiter: str
    decimal: str
    encoding: str
    header: bool = True


def find_dialect(head: bytes, least: int = 3) -> Dialect | None:
    """Return the dialect of a table with at least ``least`` columns by its first lines, or None for other texts."""
    encoding = "utf-8-sig"
    try:
        text = head.decode(encoding)
    except UnicodeDecodeError as error:
        if len(head) - error.start > 4:
            encoding = "cp1252"
        text = head.decode(encoding, "replace")
    lines = [line for line in text.splitlines()[:50] if line.strip()]
    if len(lines) > 2 and len(head) >= 1 << 16:
        lines.pop()
    for delimiter in (";", "\t", ",", "|"):
        rows = list(csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter))
        even = [row for row in rows if len(row) == len(rows[0])] if rows else []
        if len(even) > 1 and len(rows[0]) >= least and len(rows) - len(even) <= len(rows) // _EVEN:
            rows = even
            body = [cell for row in rows[1:] for cell in row]
            comma = delimiter != "," and sum(bool(re.fullmatch(r"-?\d+,\d+", cell)) for cell in body) > 0
            return Dialect(delimiter, "," if comma else ".", encoding, _is_header(rows))
    return None


_PICTURE_FILE: Final = re.compile(r".*\.(jpe?g|png|tiff?|bmp|webp|gif|dcm)\s*", re.IGNORECASE)


def _is_header(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether the first row is a header: it has neither picture files nor numbers in all numeric columns."""
    if any(map(_PICTURE_FILE.fullmatch, rows[0])):
        return False
    columns = [[row[at] for row in rows] for at in range(len(rows[0]))]
    numbers = [held for held in columns if all(is_empty(text) or _is_number(text) for text in held[1:])]
    return not numbers or not all(_is_number(held[0]) for held in numbers)


def _is_number(text: str) -> bool:
    return not math.isnan(read_number(text)) or not math.isnan(read_number(text, ","))


def text_rows(files: Files, name: str, dialect: Dialect, *, uneven: bool = False) -> Iterator[tuple[int, Row]]:
    """Yield line number and cells of each row. Raise MemberProblem ``table_damaged`` for a malformed row.

    ``uneven``: yield rows of another number of cells than the first row with the key ``UNEVEN`` instead.
    """
    with files.open(name) as stream:
        text = io.TextIOWrapper(stream, dialect.encoding, "replace", newline="")
        reader = csv.reader(text, delimiter=dialect.delimiter)
        try:
            header = [name.strip() for name in next(reader, ())] if dialect.header else []
            for cells in filter(None, reader):
                header = header or list(map(str, range(1, len(cells) + 1)))
                if len(cells) < len(header) or any(cells[len(header) :]):
                    said = f"{plural(len(cells), 'field')}, not {len(header)} as in the first line"
                    if not uneven:
                        raise MemberProblem("table_damaged", f"{name}, line {reader.line_num}: {said}")
                    yield reader.line_num, {UNEVEN: said}
                    continue
                yield reader.line_num, {name: cell.strip() for name, cell in zip(header, cells, strict=False) if name}
        except csv.Error as error:
            raise MemberProblem("table_damaged", f"{name}, line {reader.line_num}: {error}") from error


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns by field, as in ``[read] fields``; ``form``: form of the box according to the column names."""

    fields: Mapping[str, str]
    form: str | None


def find_columns(header: Sequence[str], rows: Sequence[Row], index: PictureIndex) -> Columns | None:
    """Return the columns of picture, label and box, or None if there are no pictures or boxes."""
    plain = {_plain(name): name for name in reversed(header)}
    image = find_pictures(header, rows, index)
    if image is None:
        return None
    fields = {"image": image}
    single = next((plain[name] for name in ONE_BOX if name in plain), None)
    form = None
    if single is not None and any(parse_box(row.get(single, "")) for row in rows):
        fields["box"] = single
    else:
        form, corners = _box_columns(plain, image)
        if form is None:
            return None
        fields |= dict(zip(("x1", "y1", "x2", "y2"), corners, strict=True))
    label = find_label(header, {image})
    return Columns(fields | ({"label": label} if label else {}), form)


def guess_columns(header: Sequence[str], rows: Sequence[Row], index: PictureIndex) -> Columns | None:
    """Return the likely columns of a table without meaningful column names, to be confirmed, or None.

    The picture is the column that joins most pictures, at least in half of the rows; the box is the first four columns
    of numbers, the label a column of words: that with a common name of labels, else the first that names no groups.
    """
    sampled = rows[:: max(1, len(rows) // 60)][:60]
    hits = {name: sum(index.find(row.get(name, "")).member is not None for row in sampled) for name in header}
    image = max(hits, key=lambda name: hits[name], default=None)
    if image is None or not sampled or hits[image] * 2 < len(sampled):
        return None
    held = {name: [text for row in sampled if not is_empty(text := row.get(name, ""))] for name in header}
    numbers = [name for name in header if name != image and held[name] and all(map(_is_number, held[name]))]
    words = [name for name in header if name != image and held[name] and not any(map(_is_number, held[name]))]
    words = [name for name in words if not {text.casefold() for text in held[name]} <= _SPLITS] or words
    if len(numbers) < 4:
        return None
    fields = {"image": image, **dict(zip(("x1", "y1", "x2", "y2"), numbers, strict=False))}
    label = find_label(words, ()) or next((name for name in words if not names_groups(name)), None)
    return Columns(fields | ({"label": label} if label else {}), None)


def find_crowd(header: Sequence[str], rows: Sequence[Row]) -> str | None:
    """Return the column that marks crowd regions, or None."""
    plain = {_plain(name): name for name in reversed(header)}
    found = next((plain[name] for name in CROWDS if name in plain), None)
    return found if found and all(row.get(found, "").casefold() in _FLAGS for row in rows) else None


def find_scores(header: Sequence[str], rows: Sequence[Row]) -> str | None:
    """Return the column of confidences between 0 and 1, as predictions have, or None."""
    plain = {_plain(name): name for name in reversed(header)}
    found = next((plain[name] for name in SCORES if name in plain), None)
    numbers = [read_number(row[found]) for row in rows if row.get(found)] if found else []
    return found if numbers and all(0 <= n <= 1 for n in numbers) and set(numbers) - {0.0, 1.0} else None


def stated_size(
    rows: Sequence[Row], boxes: Sequence[Sequence[float]], taken: Collection[str]
) -> tuple[int, int] | None:
    """Return the size of a picture that its rows give, or None; columns of the size of each box are not that."""
    plain = {name: key for key in reversed(list(rows[0])) if key not in taken and (name := _plain(key)) in SIZE_NAMES}
    sizes = [list(stated_sizes({name: read_number(row.get(key, "")) for name, key in plain.items()})) for row in rows]
    for size in sizes[0]:
        of_box = all(abs(c - a - size[0]) <= 1.5 and abs(d - b - size[1]) <= 1.5 for a, b, c, d in boxes)
        if all(size in found for found in sizes) and not (boxes and of_box):
            return size
    return None


def _plain(name: str) -> str:
    """Return a column name normalised for comparison, without brackets as in ``Bbox [x,y,w,h]``."""
    bare = name.replace("_{n}", "").replace("{n}", "")
    bare = re.sub(r"^(b?box|bounding[ _]box)\s*\[", "", bare.strip().casefold()).strip("[]() ")
    return re.sub(r"[\s-]+", "_", bare)


def _box_columns(plain: Mapping[str, str], image: str) -> tuple[str | None, tuple[str, ...]]:
    for form, groups in BOX_NAMES:
        found = [
            next((plain[name] for name in names if name in plain and plain[name] != image), None) for names in groups
        ]
        if all(found) and len(set(found)) == 4:
            return form, tuple(name for name in found if name)
    return None, ()


def find_label(header: Sequence[str], taken: Collection[str]) -> str | None:
    """Return the first column with a common name for labels, or None."""
    plain = {_plain(name).replace("_", ""): name for name in reversed(header)}
    found = (plain.get(name.replace("_", "")) for name in LABELS)
    return next((column for column in found if column is not None and column not in taken), None)


def names_groups(column: str) -> bool:
    """Return whether a word of a column's name, as in ``patient_id`` or ``PatientID``, is one of groups."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", column)
    return _GROUPS.search(words.casefold()) is not None or _GROUPS.search(column.casefold()) is not None


def find_pictures(header: Sequence[str], rows: Sequence[Row], index: PictureIndex) -> str | None:
    """Return the column that joins pictures in most rows, at least half, else one named for pictures, or None."""
    plain = {_plain(name): name for name in reversed(header)}
    sampled = rows[:: max(1, len(rows) // 60)][:60]
    hits = {name: sum(index.find(row.get(name, "")).member is not None for row in sampled) for name in header}
    best = max(hits, key=lambda name: hits[name], default=None)
    if best is not None and sampled and hits[best] * 2 >= len(sampled):
        return best
    return next((plain[name] for name in PICTURES if name in plain), None)


def parse_box(text: str) -> list[float] | None:
    """Return the four numbers of a cell such as ``[1, 2, 3, 4]`` or ``1 2 3 4``, or None."""
    try:
        held = json.loads(text)
    except ValueError:
        held = [read_number(part) for part in re.split(r"[\s,;]+", text.strip("[](){} ")) if part]
    if isinstance(held, dict):
        held = list(held.values())
    sound = (
        isinstance(held, list) and len(held) == 4 and all(isinstance(v, int | float) and math.isfinite(v) for v in held)
    )
    return [float(value) for value in held] if sound else None


def as_cells(values: Mapping[str, Any]) -> Row:
    """Return the values of a row as text; missing values are empty."""
    return {
        key: "" if value is None else value if isinstance(value, str) else str(value) for key, value in values.items()
    }
