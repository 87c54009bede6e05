"""A release gets a DOI: a draft first, every file compared, one record for all versions, nothing done twice."""

import json
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from typer.testing import CliRunner

from medmultipoints.data_lake.catalogue import load_catalogue
from medmultipoints.data_lake.deposit.package import Package, make_package, write_archive
from medmultipoints.data_lake.deposit.zenodo import Zenodo
from medmultipoints.data_lake.release.card.card_facts import Curated
from medmultipoints.data_lake.release.checks.verify import verify_release
from medmultipoints.data_lake.release.write.manifest import read_manifest
from medmultipoints.flows.cli.app import app
from medmultipoints.transforms.diff.releases import Tables
from medmultipoints.transforms.errors import DataError, MachineError, UsageError
from tests.data_lake.deposit.zenodo_server import TOKEN, Archive, archive
from tests.data_lake.release.tiny_release import write_release
from tests.data_lake.release.tiny_tables import make_tables

OPEN = (("hyperkvasir/a", "polyps", [(2.0, 3.0, 10.0, 9.0)]),)
"""Rows of a source whose licence an archive knows."""


@pytest.fixture
def server() -> Iterator[Archive]:
    with archive() as running:
        yield running


@pytest.fixture
def tables() -> Tables:
    return make_tables(OPEN)


def release(folder: Path, tables: Tables, version: str = "1.0.0") -> Path:
    sources = [load_catalogue()["hyperkvasir"]]
    return write_release(folder / version, tables, version, curated=Curated(authors=("A. Author",)), sources=sources)


def package(folder: Path, tables: Tables, version: str = "1.0.0") -> Package:
    (folder / f"work-{version}").mkdir()
    return make_package(release(folder, tables, version), folder / f"work-{version}")


def client(server: Archive, token: str = TOKEN) -> Zenodo:
    return Zenodo(server.address, token, wait=0.01, timeout=20)


def silent(_text: str) -> None:
    """Say nothing."""


def test_a_draft_has_a_doi_and_all_that_a_reader_needs(server: Archive, tmp_path: Path, tables: Tables) -> None:
    made = package(tmp_path, tables)
    draft = client(server).deposit(made, silent, publish=False)
    assert (draft.doi, draft.published) == ("10.5072/zenodo.100", False)
    assert set(server.files[100]) == {"tiny-1.0.0.zip", "README.md", "manifest.json"}
    told = server.depositions[100]["metadata"]
    assert (told["title"], told["version"], told["creators"]) == ("Tiny", "1.0.0", [{"name": "A. Author"}])
    assert told["license"] == "cc-by-4.0"
    assert told["related_identifiers"][0]["relation"] == "isDerivedFrom"
    zipfile.ZipFile(BytesIO(server.files[100]["tiny-1.0.0.zip"])).extractall(tmp_path / "got")
    assert verify_release(tmp_path / "got" / "tiny-1.0.0").ok


def test_the_same_again_goes_on_with_the_draft_and_then_does_nothing(
    server: Archive, tmp_path: Path, tables: Tables
) -> None:
    made = package(tmp_path, tables)
    first = client(server).deposit(made, silent, publish=False)
    assert len(first.uploaded) == 3
    done = client(server).deposit(made, silent, publish=True)
    assert (done.uploaded, done.published, done.doi) == ((), True, first.doi)
    server.asked.clear()
    again = client(server).deposit(made, silent, publish=True)
    assert (again.doi, again.published) == (first.doi, True)
    assert [one.split()[0] for one in server.asked] == ["GET"]
    assert len(server.depositions) == 1


def test_a_later_version_is_a_new_version_of_the_record(server: Archive, tmp_path: Path, tables: Tables) -> None:
    client(server).deposit(package(tmp_path, tables), silent, publish=True)
    said: list[str] = []
    second = client(server).deposit(package(tmp_path, tables, "1.1.0"), said.append, publish=True)
    assert second.doi == "10.5072/zenodo.101"
    assert said[0] == "a new version of 10.5072/zenodo.100"
    assert set(server.files[101]) == {"tiny-1.1.0.zip", "README.md", "manifest.json"}
    assert "tiny-1.0.0.zip" in server.files[100]


def test_a_version_that_is_deposited_with_other_content_is_refused(
    server: Archive, tmp_path: Path, tables: Tables
) -> None:
    client(server).deposit(package(tmp_path, tables), silent, publish=True)
    (tmp_path / "other").mkdir()
    other = package(tmp_path / "other", make_tables((("hyperkvasir/a", "polyps", [(2.0, 3.0, 11.0, 9.0)]),)))
    with pytest.raises(DataError, match=r"tiny 1.0.0 is deposited as 10.5072/zenodo.100 with other content"):
        client(server).deposit(other, silent, publish=True)


def test_what_arrives_damaged_is_not_published(server: Archive, tmp_path: Path, tables: Tables) -> None:
    server.damage = b"x"
    with pytest.raises(DataError, match=r"README.md, manifest.json, tiny-1.0.0.zip did not arrive as sent"):
        client(server).deposit(package(tmp_path, tables), silent, publish=True)
    assert not server.depositions[100]["submitted"]


def test_a_server_that_stumbles_is_asked_again_and_one_that_is_down_is_named(
    server: Archive, tmp_path: Path, tables: Tables
) -> None:
    made = package(tmp_path, tables)
    server.faults = [503, 429]
    assert client(server).deposit(made, silent, publish=True).published
    server.faults = [503] * 9
    with pytest.raises(MachineError, match="it answers 503"):
        client(server).deposit(made, silent, publish=True)


def test_a_wrong_token_and_a_token_on_the_open_road_are_refused(
    server: Archive, tmp_path: Path, tables: Tables
) -> None:
    with pytest.raises(UsageError, match="refuses the token in ZENODO_TOKEN"):
        client(server, "wrong").deposit(package(tmp_path, tables), silent, publish=False)
    with pytest.raises(UsageError, match="could read your token"):
        Zenodo("http://zenodo.example.org", TOKEN)


def test_the_archive_is_the_same_for_the_same_release(tmp_path: Path, tables: Tables) -> None:
    folder = release(tmp_path, tables)
    for name in ("a.zip", "b.zip"):
        write_archive(folder, read_manifest(folder), tmp_path / name)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_without_authors_or_under_terms_of_its_own_nothing_is_deposited(tmp_path: Path, tables: Tables) -> None:
    nobody = write_release(tmp_path / "nobody", tables)
    with pytest.raises(UsageError, match=r"give \[card\] authors in the recipe"):
        make_package(nobody, tmp_path)
    mixed = write_release(tmp_path / "mixed", make_tables(), curated=Curated(authors=("A. Author",)))
    with pytest.raises(UsageError, match="is not one that archives offer"):
        make_package(mixed, tmp_path)


def test_the_command_tells_doi_and_page(
    server: Archive, tmp_path: Path, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = release(tmp_path, tables)
    words = ["deposit", str(folder), "--server", server.address]
    monkeypatch.delenv("ZENODO_TOKEN", raising=False)
    assert isinstance(CliRunner().invoke(app, words).exception, UsageError)
    monkeypatch.setenv("ZENODO_TOKEN", TOKEN)
    refused = CliRunner().invoke(app, [*words, "--publish"]).exception
    assert isinstance(refused, UsageError), refused
    assert not server.depositions
    told = json.loads(CliRunner().invoke(app, [*words, "--publish", "--yes", "--json"]).stdout)
    assert (told["doi"], told["published"]) == ("10.5072/zenodo.100", True)
