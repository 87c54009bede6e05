"""One path through the pipeline: what is finished is kept, whatever the workers and the order of the input."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from medmultipoints.data_lake.release.write.manifest import ManifestSource, read_manifest
from medmultipoints.data_lake.store.layout import Lake
from medmultipoints.data_lake.store.objects import object_path, receipt_path
from medmultipoints.data_lake.store.runs import read_runs
from medmultipoints.flows.engine.execute import Outcome, execute
from medmultipoints.flows.engine.planning.plan import plan_build
from medmultipoints.flows.engine.running.run import Unwatched, run_in_threads
from medmultipoints.flows.stages.pipeline import PIPELINE
from medmultipoints.transforms.errors import DataError
from tests.flows.small_builds import STAGES, build, kept, make_sources, prepared, write_recipe


def counts(outcome: Outcome) -> dict[str, Mapping[str, int]]:
    """The accounting by stage."""
    return {stage.name: stage.counts for stage in outcome.stages}


def without_hashes(source: ManifestSource) -> list[tuple[str, int]]:
    """Name and size of each file of a source: shuffled archives hold the same entries."""
    return [(file.name, file.bytes) for file in source.files]


def test_the_first_build_runs_every_stage(first: Outcome) -> None:
    assert [stage.name for stage in first.stages] == STAGES
    assert kept(first) == []
    assert not first.release.kept


def test_every_input_of_every_stage_is_accounted_for(first: Outcome) -> None:
    """What a stage yields is what the next takes in, from the files of the sources to the rows of the release."""
    found = counts(first)
    for name, count in found.items():
        assert count["in"] == count["used"] + count["dropped"] + count["rejected"], name
    members = sum(len(first.build.files(source.name).names()) for source in first.build.sources)
    assert found["index"]["in"] == members
    assert found["index"]["rows"] == found["derive"]["in"]
    assert found["derive"]["used"] == found["dedup"]["in"] == found["derive"]["rows"]
    assert {found[name]["in"] for name in ("audit", "split", "record")} == {found["dedup"]["used"]}
    assert found["record"]["rows"] == found["instruct"]["in"] == found["release"]["in"] == found["release"]["used"]
    assert found["derive"]["rejected"] == 2, "one truncated picture in each of the two image sources"


def test_a_second_build_keeps_every_stage(lake: Path, recipe: str, sources: dict[str, str], first: Outcome) -> None:
    """In a lake that was moved, too."""
    assert plan_build(prepared(recipe, lake, sources), PIPELINE).is_finished
    again = build(recipe, lake, sources)
    assert kept(again) == STAGES
    assert counts(again) == counts(first)
    assert (again.release.manifest_root, again.release.kept) == (first.release.manifest_root, True)


def test_the_keys_of_a_plan_are_not_computed_again(
    lake: Path, recipe: str, sources: dict[str, str], first: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_build(prepared(recipe, lake, sources), PIPELINE)
    monkeypatch.delattr("medmultipoints.flows.engine.running.run.plan_keys")
    again = execute(plan.build, PIPELINE, run_in_threads(1), Unwatched(), plan)
    assert kept(again) == STAGES


def test_workers_do_not_show(tmp_path: Path, recipe: str, sources: dict[str, str], first: Outcome) -> None:
    """The first build had one thread; this one has four."""
    other = build(recipe, tmp_path / "lake", sources, workers=4)
    assert kept(other) == []
    assert other.release.manifest_root == first.release.manifest_root


def test_the_order_of_the_archives_shows_in_their_hashes_alone(tmp_path: Path, recipe: str, first: Outcome) -> None:
    """inputs.json states the sha256 of every archive, Croissant that of inputs.json; no other file differs."""
    shuffled = make_sources(tmp_path / "sources", shuffle_seed=3)
    other = build(recipe, tmp_path / "lake", shuffled, workers=4)
    one, two = (read_manifest(outcome.release.path) for outcome in (first, other))
    assert one.logical_digest == two.logical_digest
    assert {file.path for file in {*one.files} ^ {*two.files}} == {"inputs.json", "croissant.json"}
    assert one.accounting == two.accounting
    assert [without_hashes(source) for source in one.sources] == [without_hashes(source) for source in two.sources]


def test_an_edit_of_the_recipe_rebuilds_what_depends_on_it(lake: Path, tmp_path: Path, sources: dict[str, str]) -> None:
    """Other fractions touch the splits and what follows; the pictures are not read again."""
    edited = write_recipe(tmp_path / "small.toml", ("train = 0.6, test = 0.4", "train = 0.5, test = 0.5"))
    assert not plan_build(prepared(edited, lake, sources), PIPELINE).is_finished
    assert kept(build(edited, lake, sources, version="2.0.0")) == [
        "index",
        "derive",
        "text",
        "scenes",
        "correct",
        "dedup",
        "join",
        "near",
        "measure",
        "survey",
        "audit",
    ]


@pytest.mark.parametrize("stage", ["index", "split", "release"])
def test_a_stage_whose_object_is_damaged_is_done_again(
    lake: Path, recipe: str, sources: dict[str, str], first: Outcome, stage: str
) -> None:
    """No other stage is, for it yields the same bytes as before."""
    result = next(result for result in first.stages if result.name == stage)
    entry = next(entries[0] for name, entries in result.receipt.objects.items() if name != "exclusions")
    path = object_path(Lake(lake), entry.sha256)
    path.unlink()
    path.write_bytes(b"damaged")
    again = build(recipe, lake, sources)
    assert kept(again) == [name for name in STAGES if name != stage]
    assert again.release.manifest_root == first.release.manifest_root


def test_an_interrupted_stage_keeps_the_shards_that_were_finished(
    lake: Path, recipe: str, sources: dict[str, str], first: Outcome
) -> None:
    """Only the shard without a receipt is done again."""
    key = next(result.key for result in first.stages if result.name == "derive")
    receipt_path(Lake(lake), "derive", key).unlink()
    shards = sorted((lake / "receipts" / "derive.parts").iterdir())
    assert len(shards) == 5, "two image sources and three videos"
    before = {path: path.stat().st_mtime_ns for path in shards}
    shards[0].unlink()
    assert kept(build(recipe, lake, sources)) == [name for name in STAGES if name != "derive"]
    assert [path for path in shards if path.stat().st_mtime_ns != before[path]] == shards[:1]


def test_results_that_exceed_a_lowered_limit_are_not_used(lake: Path, tmp_path: Path, sources: dict[str, str]) -> None:
    """Finished stages are no way around the limit of rejections, and nothing has to be done again to see it."""
    strict = write_recipe(tmp_path / "small.toml", ("max_rejected_fraction = 0.5", "max_rejected_fraction = 0.05"))
    with pytest.raises(DataError, match=r"^derive: 2 of \d+ inputs are rejected \(.*%\), more than the 5% that"):
        build(strict, lake, sources)


def test_a_build_that_fails_leaves_a_record_and_no_release(tmp_path: Path, sources: dict[str, str]) -> None:
    strict = write_recipe(tmp_path / "small.toml", ("max_rejected_fraction = 0.5", "by_stage = { derive = 0.01 }"))
    with pytest.raises(DataError) as caught:
        build(strict, tmp_path / "lake", sources)
    (run,) = read_runs(Lake(tmp_path / "lake"))
    assert (run["recipe"], run["outcome"], run["error"]) == ("small", "failed", str(caught.value))
    assert list((tmp_path / "lake" / "releases" / "small").glob("*.*.*")) == []
    assert list((tmp_path / "lake" / "tmp").iterdir()) == []


def test_a_finished_build_leaves_nothing_but_its_results(first: Outcome) -> None:
    lake = first.build.lake
    assert list(lake.temporary.iterdir()) == []
    assert [path.name for path in (lake.releases / "small").iterdir() if path.name != ".lock"] == ["1.0.0"]
    (run,) = read_runs(lake)
    assert (run["outcome"], run["manifest_root"]) == ("released", first.release.manifest_root)


def test_the_first_error_of_a_shard_ends_the_stage() -> None:
    """Its own error, not that of the pool."""
    with pytest.raises(AttributeError, match="'str' object has no attribute 'build'"):
        list(run_in_threads(2)(["no_job"]))  # type: ignore[list-item]
