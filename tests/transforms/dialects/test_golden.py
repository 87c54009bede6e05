"""The files of every dialect are, byte for byte, those that were looked at when they were committed."""

import pytest

from medmultipoints.transforms.dialects.registry import DIALECTS
from tests.transforms.dialects.decoders.masks import read_mask_png
from tests.transforms.dialects.goldens import FOLDER, golden_files


@pytest.mark.parametrize("name", DIALECTS)
def test_files_are_those_of_the_golden_folder(name: str) -> None:
    found = dict(golden_files(DIALECTS[name]))
    kept = {path.relative_to(FOLDER / name).as_posix(): path for path in (FOLDER / name).rglob("*") if path.is_file()}
    assert found.keys() == kept.keys()
    for path, data in found.items():
        if path.endswith(".png"):  # its bytes depend on the version of zlib, its pixels do not
            assert (read_mask_png(data) == read_mask_png(kept[path].read_bytes())).all()
        else:
            assert data == kept[path].read_bytes(), path
