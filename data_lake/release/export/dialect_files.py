"""Write the files of an export in a dialect: conversations, or picture layouts with their objects."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

import orjson

from medmultipoints.data_lake.release.export.dialect_rows import read_dialect_pictures, read_items
from medmultipoints.data_lake.release.export.pictures import write_atomically, write_pictures
from medmultipoints.data_lake.release.export.plain import image_paths
from medmultipoints.data_lake.release.read.released_tables import read_parquet
from medmultipoints.data_lake.release.write.manifest import Manifest
from medmultipoints.transforms.dialects.conversations.answers import Unsupported
from medmultipoints.transforms.dialects.items import Contents
from medmultipoints.transforms.dialects.layouts.rendering import rendering, resizing
from medmultipoints.transforms.dialects.registry import Conversation, Layout
from medmultipoints.transforms.errors import DataError

INFO: Final = "dataset_info.json"
_TAGS: Final = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "system_tag": "system",
}


@dataclass(frozen=True, slots=True)
class Export:
    """An export in progress: the release and the target folder."""

    folder: Path
    manifest: Manifest
    to: Path
    contents: Contents

    @property
    def release(self) -> tuple[Path, Manifest]:
        """The folder of the release and its manifest."""
        return self.folder, self.manifest


@dataclass(frozen=True, slots=True)
class Written:
    """The number of pictures and entries (instructions or objects); ``left_out`` counts unsupported ones by reason."""

    images: int
    entries: int
    left_out: Counter[str]


def write_conversations(export: Export, form: Conversation) -> Written:
    """Write one file of entries per split, the pictures they need, and the trainer's index file."""
    images = entries = 0
    left_out: Counter[str] = Counter()
    filled: list[str] = []
    for split in export.contents.splits:
        used: set[str] = set()
        lines = _lines(export, form, split, used, left_out)
        count = _write_lines(export.to / form.path(split), lines, listed=form.listed)
        entries += count
        filled += [split] if count else []
        paths = image_paths(read_parquet(export.folder, export.manifest, "images", split))
        kept = {sample_id: path for sample_id, path in paths.items() if path in used}
        images += write_pictures(export.release, split, export.to, kept, shown=used, render=resizing(form.resize))
    if form.dataset_info:
        write_atomically(export.to / INFO, [_dataset_info(export.manifest.name, form, filled)])
    return Written(images, entries, left_out)


def write_layout(export: Export, form: Layout) -> Written:
    """Write the pictures of each split to their paths, and the other files of the layout."""
    images = entries = 0
    left_out: Counter[str] = Counter()
    known: set[str] = set()
    for split in export.contents.splits:
        pictures = read_dialect_pictures(export.folder, export.manifest, split)
        placement = form.place(pictures, split)
        left_out.update(placement.left_out)
        _claim(known, placement.paths.values())
        for path, chunks in form.encode(pictures, export.contents, split):
            _claim(known, [path])
            write_atomically(export.to / path, chunks)
        for picture in pictures:
            if picture.sample_id in placement.paths:
                held = sum(form.holds(found) for found in picture.objects)
                entries += held
                left_out["object without a mask"] += len(picture.objects) - held
        images += write_pictures(export.release, split, export.to, placement.paths, render=rendering(form.rendering))
    for path, chunks in form.whole(export.contents):
        _claim(known, [path])
        write_atomically(export.to / path, chunks)
    return Written(images, entries, +left_out)


def _lines(export: Export, form: Conversation, split: str, used: set[str], left_out: Counter[str]) -> Iterator[bytes]:
    """Yield the entries of a split; adds their pictures to ``used`` and counts unsupported ones in ``left_out``."""
    for item in read_items(export.folder, export.manifest, split):
        try:
            line = form.encode(item)
        except Unsupported as reason:
            left_out[str(reason)] += 1
            continue
        used.update(item.pictures)
        yield orjson.dumps(line)


def _write_lines(path: Path, lines: Iterator[bytes], *, listed: bool) -> int:
    """Write the entries and return their number; without any, no file is written, since readers refuse empty ones."""
    first = next(lines, None)
    if first is None:
        return 0
    count = 1

    def chunks() -> Iterator[bytes]:
        nonlocal count
        opening, between, closing = (b"[\n", b",\n", b"\n]\n") if listed else (b"", b"\n", b"\n")
        yield opening + first
        for line in lines:
            count += 1
            yield between + line
        yield closing

    write_atomically(path, chunks())
    return count


def _dataset_info(name: str, form: Conversation, splits: Iterable[str]) -> bytes:
    """Return the index in which LLaMA-Factory looks up the files."""
    shape = {"formatting": "sharegpt", "columns": {"messages": "messages", "images": "images"}, "tags": _TAGS}
    entries = {f"{name}_{split}": {"file_name": form.path(split)} | shape for split in splits}
    return orjson.dumps(entries, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _claim(known: set[str], paths: Iterable[str]) -> None:
    """Add the paths; DataError for a path that is used twice or leads out of the folder."""
    for path in paths:
        parts = PurePosixPath(path).parts
        if path in known or path.startswith("/") or ".." in parts or path != "/".join(parts):
            raise DataError(
                f"the file {path!r} of the export occurs twice or leads out of the folder; verify the release."
            )
        known.add(path)
