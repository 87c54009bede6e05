"""TOML files that people write."""

from pathlib import Path

import pytest

from medmultipoints.data_lake.toml_files import read_toml
from medmultipoints.transforms.errors import UsageError


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b"\xef\xbb\xbfa = 1\n")
    assert read_toml(tmp_path / "a.toml", "model", absent="") == {"a": 1}


@pytest.mark.parametrize("content", [b"a = ", b"\xff = 1", b"a = " + b"[" * 20_000])
def test_what_is_not_toml_is_refused_with_the_remedy(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.toml").write_bytes(content)
    with pytest.raises(UsageError, match=r"^model \S+a\.toml: not valid TOML: (?s:.*)\. Correct it\.$"):
        read_toml(tmp_path / "a.toml", "model", absent="Give it.", wrong="Correct it.")


def test_a_file_that_is_not_there_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^model \S+gone\.toml: No such file or directory\. Give it\.$"):
        read_toml(tmp_path / "gone.toml", "model", absent="Give it.")
