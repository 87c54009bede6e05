"""Reading a repository of the Hub, and what a server does to it on the way."""

import pytest

from tests.hub.fixtures import place_at, publish
from tests.hub.running import TestHub

PATH = "images/train-00000-of-00001.parquet"


@pytest.mark.parametrize("then", ["before delay:0", "before whole"])
def test_a_reading_that_breaks_off_goes_on_where_it_was(
    hub: TestHub, repo: str, versions, then: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("data_lake.publish.hub.PIECE", 100)
    publish(versions["1.0.0"], repo)
    hub.calm()
    hub.fault("GET /lfs/ before cut:250", f"GET /lfs/ {then}")
    data = b"".join(place_at(repo).stream("v1.0.0", PATH))
    assert data == (versions["1.0.0"] / PATH).read_bytes()
    assert len([row for row in hub.log if row["path"].startswith("/lfs/")]) == 2
