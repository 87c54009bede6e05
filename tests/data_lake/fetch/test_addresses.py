"""Sources at an address: pinned to a commit or to their content, fetched once, refused where they are not."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_hub import HfApi

from medmultipoints.data_lake.archives.fingerprint import fingerprint
from medmultipoints.data_lake.fetch.addresses import fetch_address, is_address
from medmultipoints.data_lake.store import remote
from medmultipoints.flows.recipe.sources import complete_table
from medmultipoints.transforms.errors import MachineError, UsageError
from tests.hub.fixtures import hub, repo, running_hub
from tests.hub.running import WRITER, TestHub

pytest.importorskip("moto", reason="moto, of the group `dev`, is not installed")
from tests.object_store import BUCKET, object_store

__all__ = ["hub", "repo", "running_hub"]
FILES = {"a.json": b"{}", "images/one.png": b"one", "images/two.png": b"two"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, data in FILES.items():
        (tmp_path / "up" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "up" / name).write_bytes(data)
    return tmp_path / "up"


def held(place: Path) -> dict[str, bytes]:
    found = {str(file.relative_to(place)): file.read_bytes() for file in place.rglob("*") if file.is_file()}
    return {name: data for name, data in found.items() if not name.startswith(".")}


def test_a_data_set_of_a_hub_is_pinned_to_a_commit(hub: TestHub, repo: str, folder: Path, tmp_path: Path) -> None:
    """Without a commit the error gives the address with it; with one the files are those of that commit."""
    api = HfApi(endpoint=hub.endpoint, token=WRITER)
    api.create_repo(repo, repo_type="dataset")
    first = api.upload_folder(repo_id=repo, repo_type="dataset", folder_path=folder).oid
    address = f"hf://datasets/{repo}"
    with pytest.raises(UsageError, match=f"{address}@{first}"):
        fetch_address("s", address, None, tmp_path / "landing")
    (folder / "a.json").write_bytes(b"[1]")
    api.upload_folder(repo_id=repo, repo_type="dataset", folder_path=folder)
    place = fetch_address("s", f"{address}@{first}", None, tmp_path / "landing")
    assert {name: data for name, data in held(place).items() if name in FILES} == FILES
    inner = fetch_address("s", f"{address}@{first}/images", None, tmp_path / "other")
    assert sorted(held(inner)) == ["one.png", "two.png"]
    with pytest.raises(UsageError, match="holds other files"):
        fetch_address("s", f"{address}@{first}", "0" * 64, tmp_path / "landing")
    with pytest.raises(UsageError, match=r"sources\.s"):
        fetch_address("s", f"hf://datasets/acme/nothing@{first}", None, tmp_path / "nothing")


def test_a_hub_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The address and the setting are in the error."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.utils._http.time", SimpleNamespace(sleep=lambda _seconds: None))
    with pytest.raises(MachineError, match="HF_ENDPOINT"):
        fetch_address("s", "hf://datasets/a/b", None, tmp_path)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with object_store() as settings:
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        yield f"s3://{BUCKET}/cells"


def test_a_folder_of_an_object_store_is_pinned_to_its_content(store: str, folder: Path, tmp_path: Path) -> None:
    """Without a sha256 the error gives it; other content is refused; files that are gone there are gone here."""
    for name in FILES:
        remote.put(store, name, folder / name)
    landing = tmp_path / "landing"
    sha256 = fingerprint(folder).digest
    with pytest.raises(UsageError, match=sha256):
        fetch_address("s", store, None, landing)
    assert held(fetch_address("s", store, sha256, landing)) == FILES
    (folder / "a.json").write_bytes(b"other")
    remote.put(store, "a.json", folder / "a.json")
    with pytest.raises(UsageError, match=fingerprint(folder).digest):
        fetch_address("s", store, sha256, landing)
    with pytest.raises(UsageError, match="has no files"):
        fetch_address("s", f"s3://{BUCKET}/nothing", None, tmp_path / "none")


def test_an_address_in_a_recipe_is_no_path(tmp_path: Path) -> None:
    """It stays in the recipe, and so in the release: it says where the files are from."""
    table = {"path": "hf://datasets/a/b@" + "0" * 40, "licence": "MIT"}
    assert complete_table("s", table, {}, tmp_path) == {"url": table["path"], "licence": "MIT"}
    assert not is_address("/data/x")
