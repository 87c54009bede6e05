"""Source files are data: checked, ranked by licence, extended by plug-ins."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from medmultipoints.data_lake.catalogue import (
    OWN_READERS,
    SourceInfo,
    load_catalogue,
    load_reader,
    read_source,
    reader_digest,
)
from medmultipoints.data_lake.release.card.licences import choose_licence
from medmultipoints.transforms.errors import UsageError

MINIMAL = """
name = "polyps_of_ours"
reader = "hyperkvasir"
labels = ["polyps"]
title = "Polyps of ours"
homepage = "https://example.org/polyps"
licence = "CC-BY-NC-4.0"
citation = "Us (2026)"
[[archives]]
name = "polyps.zip"
url = "https://example.org/polyps.zip"
"""


def test_the_three_sources_ship() -> None:
    """The catalogue holds the three sources, each with an installed reader key."""
    catalogue = load_catalogue()
    assert {"hyperkvasir", "kvasir_instrument", "visem_tracking"} <= set(catalogue)
    assert {info.reader for info in catalogue.values()} <= set(OWN_READERS)


def test_label_table_is_read_by_range_against_its_own_hash() -> None:
    """Of the 3.9 GB labelled archive only the table is fetched."""
    info = load_catalogue()["hyperkvasir"]
    assert [archive.name for archive in info.archives if archive.required] == ["hyper-kvasir-segmented-images.zip"]
    assert info.members[0].sha256 == ("a4a6054c00129814b6261c8b3e60305c14a4ff4b34ad988c3bdafe204bfa487c",)


def test_the_shipped_sources_combine_under_research_only() -> None:
    assert "LicenseRef-research-only" == choose_licence(list(load_catalogue().values()))


def test_a_licence_that_nobody_declared_stands_alone() -> None:
    """What nobody declared must not be taken for free."""
    ours = read_source(MINIMAL.replace("CC-BY-NC-4.0", "LicenseRef-ours").encode(), "ours.toml")
    assert "LicenseRef-ours" == choose_licence([ours])
    with pytest.raises(UsageError, match="Declare `terms`"):
        choose_licence([ours, load_catalogue()["hyperkvasir"]])


def test_terms_that_a_source_declares_count() -> None:
    terms = '\n[terms]\nunder = ["LicenseRef-ours", "LicenseRef-research-only"]\n'
    text = MINIMAL.replace("CC-BY-NC-4.0", "LicenseRef-ours")
    ours = read_source((text + terms).encode(), "ours.toml")
    catalogue = load_catalogue()
    assert "LicenseRef-ours" == choose_licence([ours])
    assert "LicenseRef-research-only" == choose_licence([ours, catalogue["kvasir_instrument"]])


def test_extra_folder_adds_a_source(tmp_path: Path) -> None:
    """One TOML file is all that a source of one's own needs here."""
    (tmp_path / "ours.toml").write_text(MINIMAL)
    info = load_catalogue([tmp_path])["polyps_of_ours"]
    assert (info.archives[0].sha256, info.archives[0].required) == ((), True)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("title", "titel"), "ours.toml: titel: unknown key; perhaps 'title' is meant"),
        (('title = "Polyps of ours"', ""), "a source with a reader needs labels, title, homepage and archives"),
        (("[[archives]]", "[[archives]]\nmd5 = ''"), "ours.toml: archives.0.md5: unknown key"),
        (
            ("[[archives]]", "[[archives]]\nsha256 = ['12']"),
            "archives.0.sha256.0: '12' is not a sha256 of 64 hex digits",
        ),
        (
            ('polyps.zip"\nurl', '../polyps.zip"\nurl'),
            "archives.0.name: '../polyps.zip' is not the name of a file alone",
        ),
        (("title = ", "title "), "ours.toml: not valid TOML"),
    ],
)
def test_a_faulty_file_is_named_with_its_key(change: tuple[str, str], problem: str) -> None:
    """Every fault names the file and the key."""
    raw = MINIMAL.replace(*change).encode()
    with pytest.raises(UsageError) as caught:
        read_source(raw, "ours.toml")
    assert problem in str(caught.value)


def test_a_broken_source_states_no_label() -> None:
    """Its format may be unknown, and then its declaration is none."""
    read = {"known": ["tumor"]}
    assert SourceInfo(name="s", title="S", read=read, broken="no format is recognised").stated_labels == ()


def test_a_name_declared_twice_is_refused(tmp_path: Path) -> None:
    """Two files may not both declare one source."""
    (tmp_path / "a.toml").write_text(MINIMAL)
    (tmp_path / "b.toml").write_text(MINIMAL)
    with pytest.raises(UsageError, match=r"b\.toml: source 'polyps_of_ours' is already declared in .*a\.toml"):
        load_catalogue([tmp_path])


def test_unknown_reader_names_the_installed_ones() -> None:
    """The message lists what could have been meant."""
    with pytest.raises(UsageError, match="no reader 'nope': installed are frames, hyperkvasir, .*pairs"):
        load_reader("nope")


def test_plug_in_package_brings_catalogue_and_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package adds a source by two entry points; an edit of its files changes the reader's digest."""
    package = tmp_path / "polyp_plugin"
    package.mkdir()
    (package / "__init__.py").write_text("def read(members): return 'read'\n")
    (package / "ours.toml").write_text(MINIMAL.replace('reader = "hyperkvasir"', 'reader = "ours"'))
    metadata = tmp_path / "polyp_plugin-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: polyp-plugin\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[medmultipoints.sources]\nours = polyp_plugin:read\n[medmultipoints.catalogue]\nours = polyp_plugin\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    info = load_catalogue()["polyps_of_ours"]
    assert load_reader(info.reader)(None) == "read"
    before = reader_digest("ours")
    (package / "ours.toml").write_text(MINIMAL)
    assert before == before[:64] != reader_digest("ours")


@pytest.mark.slow
def test_reader_digest_is_stable() -> None:
    """Another process finds the same, whatever the order of its sets."""
    ask = "from medmultipoints.data_lake.catalogue import reader_digest; print(reader_digest('hyperkvasir'))"
    found = {
        subprocess.run(
            [sys.executable, "-c", ask], env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout.decode()
        for seed in ("1", "2")
    }
    assert found == {f"{reader_digest('hyperkvasir')}\n"}


@pytest.mark.parametrize("content", ["raise RuntimeError('broken at import')", "import nothing_of_this_name", "def ("])
def test_a_broken_plug_in_takes_nothing_else_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    """Its source is missing, and that is logged; its reader is refused by name when somebody asks for it."""
    name = f"broken_{abs(hash(content))}"
    package = tmp_path / name
    package.mkdir()
    (package / "__init__.py").write_text(content)
    metadata = tmp_path / f"{name}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        f"[medmultipoints.sources]\nbroken = {name}:read\n[medmultipoints.catalogue]\nbroken = {name}\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "hyperkvasir" in load_catalogue()
    assert "plug-in 'broken'" in caplog.text
    with pytest.raises(UsageError, match="reader 'broken'"):
        load_reader("broken")
