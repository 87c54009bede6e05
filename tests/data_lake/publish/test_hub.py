"""Reading a repository of the Hub, and what a server does to it on the way."""

import pytest
from huggingface_hub import HfApi

from tests.hub.fixtures import place_at, publish
from tests.hub.running import WRITER, TestHub

PATH = "images/train-00000-of-00001.parquet"


@pytest.mark.parametrize("then", ["before delay:0", "before whole"])
def test_a_reading_that_breaks_off_goes_on_where_it_was(
    hub: TestHub, repo: str, versions, then: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medmultipoints.data_lake.publish.hub.PIECE", 100)
    publish(versions["1.0.0"], repo)
    hub.calm()
    hub.fault("GET /lfs/ before cut:250", f"GET /lfs/ {then}")
    data = b"".join(place_at(repo).stream("v1.0.0", PATH))
    assert data == (versions["1.0.0"] / PATH).read_bytes()
    assert len([row for row in hub.log if row["path"].startswith("/lfs/")]) == 2


def test_a_closed_pull_request_is_no_proposal(hub: TestHub, repo: str, versions) -> None:
    publish(versions["1.0.0"], repo)
    publish(versions["1.1.0"], repo, pull_request=True)
    assert list(place_at(repo, pull_request=True).state().proposals) == ["refs/pr/1"]
    HfApi(endpoint=hub.endpoint, token=WRITER).change_discussion_status(repo, 1, "closed", repo_type="dataset")
    assert publish(versions["1.1.0"], repo, pull_request=True).outcome == "proposed"
    assert list(place_at(repo, pull_request=True).state().proposals) == ["refs/pr/2"]
