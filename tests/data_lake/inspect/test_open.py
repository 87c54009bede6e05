"""Pictures whose file ends too early are found by their last bytes."""

import zipfile
from pathlib import Path

import numpy as np

from medmultipoints.data_lake.archives.source_files import open_source
from medmultipoints.data_lake.inspect.open import find_truncated
from medmultipoints.transforms.pictures.decode import encode_jpeg, encode_png

PIXELS = np.random.default_rng(1).integers(0, 256, (40, 60, 3), dtype=np.uint8)
JPEG, PNG = encode_jpeg(PIXELS), encode_png(PIXELS)
PADDING, VIDEO = bytes(40), b"a video that a telephone adds " * 100
SOUND = {"a.jpg": JPEG, "b.png": PNG, "padded.jpg": JPEG + PADDING, "followed.jpg": JPEG + VIDEO, "empty.jpg": b""}
CUT = {"x/c.jpg": JPEG[: len(JPEG) // 2], "x/d.JPEG": JPEG[:-2], "x/e.png": PNG[: len(PNG) // 2], "x/f.png": PNG[:-12]}


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def test_pictures_that_end_too_early_are_counted_and_named(tmp_path: Path) -> None:
    (hint,) = find_truncated(open_source("s", write(tmp_path / "in", SOUND | CUT), tmp_path))
    assert hint.key == "truncated"
    assert hint.text == (
        "4 pictures whose file ends too early: x/c.jpg, x/d.JPEG, x/e.png and 1 more; copy the files again, or a build "
        "puts them in quarantine"
    )


def test_padding_and_other_data_after_the_end_are_no_damage(tmp_path: Path) -> None:
    assert find_truncated(open_source("s", write(tmp_path / "in", SOUND), tmp_path)) == ()


def test_members_of_archives_are_not_unpacked_for_it(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for name, data in CUT.items():
            archive.writestr(name, data)
    assert find_truncated(open_source("s", tmp_path / "in.zip", tmp_path)) == ()
