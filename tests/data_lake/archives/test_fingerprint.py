"""An input is identified by its bytes and names."""

from pathlib import Path

from medmultipoints.data_lake.archives.fingerprint import fingerprint


def test_fingerprint_depends_on_bytes_and_names_alone(tmp_path: Path) -> None:
    """The same files elsewhere have the same digest; another byte gives another."""
    for folder, content in (("one", b"1"), ("two", b"1"), ("three", b"2")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "b.csv").write_bytes(b"B")
        (tmp_path / folder / "a.csv").write_bytes(content)
        (tmp_path / folder / ".hidden").write_bytes(folder.encode())
    one, two, three = (fingerprint(tmp_path / folder) for folder in ("one", "two", "three"))
    assert [file.name for file in one.files] == ["a.csv", "b.csv"]
    assert one.digest == two.digest != three.digest
