"""Withdrawn images are found in releases by their bytes and by their pixels."""

from pathlib import Path

import pytest

from medmultipoints.data_lake.publish.git_folder import GitFolder
from medmultipoints.data_lake.publish.plain_folder import PlainFolder
from medmultipoints.data_lake.publish.plan import plan_push
from medmultipoints.data_lake.publish.push import PushResult, push
from medmultipoints.data_lake.publish.withdrawn import find_holders, refuse_withdrawn, withdrawn_hashes
from medmultipoints.data_lake.release.write.manifest import Manifest, read_manifest
from medmultipoints.transforms.errors import DataError
from tests.data_lake.release.tiny_release import write_release
from tests.data_lake.release.tiny_tables import make_tables
from tests.hub.fixtures import without
from tests.hub.git_store import git

IMAGES = make_tables().images.filter(sample_id="hyperkvasir/a")
BYTES, PIXELS = IMAGES["image_sha256"].item(), IMAGES["luma_blake3"].item()
WITHDRAWALS = pytest.mark.parametrize(
    "entry", [{"image_sha256": BYTES}, {"image_sha256": "9" * 64, "luma_blake3": PIXELS}], ids=["bytes", "pixels"]
)


def withdrawing(folder: Path, entry: dict[str, str]) -> Manifest:
    """The manifest of the release, as if its recipe withdrew an image."""
    given = read_manifest(folder)
    recipe = {**given.recipe, "corrections": {"withdrawn": [{"luma_blake3": None} | entry]}}
    return given.model_copy(update={"recipe": recipe})


@WITHDRAWALS
def test_a_release_may_not_hold_what_the_version_before_withdrew(tmp_path: Path, entry: dict[str, str]) -> None:
    folder = write_release(tmp_path / "release", make_tables())
    with pytest.raises(DataError, match=f"would hold 1 withdrawn image, for example {BYTES}"):
        refuse_withdrawn(folder, read_manifest(folder), withdrawing(folder, entry))


@WITHDRAWALS
def test_published_versions_that_hold_it_are_named(tmp_path: Path, entry: dict[str, str]) -> None:
    folder, place = write_release(tmp_path / "release", make_tables(), "1.0.0"), PlainFolder(tmp_path / "place")
    push(plan_push(folder, place), place)
    (holder,) = find_holders(place, place.state(), withdrawn_hashes(withdrawing(folder, entry)))
    assert (holder.tag, holder.images) == ("v1.0.0", (BYTES,))


def publish(folder: Path, place: GitFolder) -> PushResult:
    return push(plan_push(folder, place), place, waits=())


def test_a_version_that_was_removed_for_a_withdrawal_gets_no_tag_again(versions, tmp_path: Path) -> None:
    place = GitFolder(tmp_path / "place")
    publish(versions["1.0.0"], place)
    git(place.folder, "tag", "--delete", "v1.0.0")
    assert plan_push(versions["2.0.0"], place).unfinished
    assert publish(versions["2.0.0 withdrawing"], place).outcome == "pushed"
    assert list(place.state().tags) == ["v2.0.0"]
    with pytest.raises(DataError, match="would hold 1 withdrawn image"):
        publish(versions["1.0.0"], place)
    assert list(place.state().tags) == ["v2.0.0"]


def test_a_version_may_not_leave_out_a_withdrawal_of_the_one_before(versions, tmp_path: Path) -> None:
    place = GitFolder(tmp_path / "place")
    for version in ("1.0.0", "2.0.0 withdrawing"):
        publish(versions[version], place)
    forgetful = write_release(tmp_path / "3.0.0", without(make_tables(), "kvasir_instrument/c"), "3.0.0")
    with pytest.raises(DataError, match=r"leaves out 1 withdrawn hash of 2\.0\.0"):
        publish(forgetful, place)
    assert list(place.state().tags) == ["v1.0.0", "v2.0.0"]
