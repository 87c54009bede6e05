"""Corrections of a recipe: read from files, followed through a build, told by card, findings and publish plan."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from medmultipoints.data_lake.publish.plain_folder import PlainFolder
from medmultipoints.data_lake.publish.plan import plan_push
from medmultipoints.data_lake.publish.push import push
from medmultipoints.data_lake.release.checks.verify import verify_release
from medmultipoints.data_lake.simulate import SimulatedSizes, write_sources
from medmultipoints.flows.engine.execute import Outcome
from medmultipoints.flows.engine.planning.plan import plan_keys
from medmultipoints.flows.recipe.corrections import Corrections, of_sources, read_corrections
from medmultipoints.flows.recipe.load import load_recipe
from medmultipoints.flows.stages.pipeline import PIPELINE
from medmultipoints.transforms.errors import DataError, UsageError
from tests.docs.pages import ROOT, named_files
from tests.flows.small_builds import STAGES, build, prepared, write_recipe

SIZES = SimulatedSizes(polyps=12, instruments=6, videos=0, unsegmented=0)
CHANGES = (
    ("[sources.visem_tracking]\n", ""),
    ("[boxes]", '[corrections]\nfiles = ["corrections/*.toml"]\n\n[boxes]'),
)
GOOD = {"image": "hyperkvasir/a", "image_sha256": "0" * 64, "action": "exclude"}
REVIEW = {"reason": "looked at it twice", "reviewer": "A. Reviewer", "date": "2026-11-20"}
WITHDRAWN = """[[withdrawn]]
image_sha256 = "{}"
reason = "consent withdrawn"
reviewer = "A. Reviewer"
date = "2026-11-21"
"""


def table(**values: Any) -> str:
    """An entry as a curator writes it."""
    return "\n".join(["[[corrections]]", *(f"{key} = {json.dumps(value)}" for key, value in (values | REVIEW).items())])


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("sources")
    written = write_sources(folder, seed=3, sizes=SIZES, faults=("phantom_box",))
    return {name: str(path) for name, path in written.paths.items()}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the recipe."""
    folder = tmp_path_factory.mktemp("corrected")
    folder.joinpath("corrections").mkdir()
    return folder


@pytest.fixture(scope="module")
def before(place: Path, sources: dict[str, str]) -> Outcome:
    """The release without any decision: the pattern of the recipe matches nothing yet."""
    return build(write_recipe(place / "small.toml", *CHANGES), place / "lake", sources)


@pytest.fixture(scope="module")
def acts(before: Outcome) -> dict[str, dict[str, Any]]:
    """An entry of each action, each about an image of its own."""
    objects = before.table("objects").sort("sample_id")
    (phantom,) = before.table("disagreements").filter(kind="phantom", source="hyperkvasir").to_dicts()
    rows = (
        objects.filter(pl.col("sample_id") != phantom["sample_id"]).unique("sample_id", keep="first").sort("sample_id")
    )
    polyps = rows.filter(label="polyps").to_dicts()
    about = [{"image": row["sample_id"], "image_sha256": row["image_sha256"]} for row in polyps]
    pinned = {"object": polyps[3]["object_id"], "box": [polyps[3][side] for side in ("x1", "y1", "x2", "y2")]}
    replace = {"action": "replace_boxes", "label": "polyps", "boxes": [[1, 2, 30, 40], [50, 60, 70, 80]]}
    return {
        "exclude": about[0] | {"action": "exclude"},
        "accept": {"image": phantom["sample_id"], "image_sha256": phantom["image_sha256"]}
        | {"action": "accept", "kind": "phantom"},
        "replace_boxes": about[1] | replace,
        "set_label": about[2] | {"action": "set_label", "label": "instrument"},
        "exclude_object": about[3] | {"action": "exclude"} | pinned,
        "withdrawn": about[4],
    }  # fmt: skip


@pytest.fixture(scope="module")
def after(place: Path, sources: dict[str, str], before: Outcome, acts: dict[str, dict[str, Any]]) -> Outcome:
    """The next version, with every decision."""
    entries = [table(**act) for name, act in acts.items() if name != "withdrawn"]
    (place / "corrections" / "polyps.toml").write_text("\n\n".join(entries))
    (place / "corrections" / "withdrawn.toml").write_text(WITHDRAWN.format(acts["withdrawn"]["image_sha256"]))
    recipe = write_recipe(place / "small.toml", *CHANGES)
    return build(recipe, place / "lake", sources, version="2.0.0")


@pytest.mark.slow
def test_each_decision_is_in_the_release(before: Outcome, after: Outcome, acts: dict[str, dict[str, Any]]) -> None:
    objects = after.table("objects")
    images = set(after.table("released_images")["sample_id"])
    assert not {acts["exclude"]["image"], acts["withdrawn"]["image"]} & images
    replaced = objects.filter(sample_id=acts["replace_boxes"]["image"])
    assert replaced.select("evidence", "x1", "y1", "x2", "y2", "point_kind").rows() == [
        ("correction", 1, 2, 30, 40, "box_centre"),
        ("correction", 50, 60, 70, 80, "box_centre"),
    ]
    assert set(objects.filter(sample_id=acts["set_label"]["image"])["label"]) == {"instrument"}
    counts = [one.table("objects").filter(sample_id=acts["exclude_object"]["image"]).height for one in (before, after)]
    assert counts[1] == counts[0] - 1
    (finding,) = after.table("disagreements").filter(kind="phantom", sample_id=acts["accept"]["image"]).to_dicts()
    assert finding["severity"] == "info"
    assert finding["action"] == "accepted by A. Reviewer, 2026-11-20: looked at it twice"


@pytest.mark.slow
def test_the_rest_of_the_release_is_as_before(before: Outcome, after: Outcome, acts: dict[str, dict[str, Any]]) -> None:
    touched = [act["image"] for act in acts.values()]
    others = [one.table("objects").drop("split").filter(~pl.col("sample_id").is_in(touched)) for one in (before, after)]
    assert others[0].equals(others[1])


@pytest.mark.slow
def test_what_left_is_accounted_for_with_the_reviewer_s_words(after: Outcome, acts: dict[str, dict[str, Any]]) -> None:
    rows = pl.read_parquet(after.release.path / "quarantine/exclusions.parquet").filter(stage="correct")
    assert sorted(rows.select("sample_id", "verdict", "reason", "detail").rows()) == sorted(
        [
            (acts["exclude"]["image"], "dropped", "excluded_by_review",
             "looked at it twice (A. Reviewer, 2026-11-20; polyps.toml, [[corrections]] 1)"),
            (acts["withdrawn"]["image"], "dropped", "withdrawn",
             "consent withdrawn (A. Reviewer, 2026-11-21; withdrawn.toml, [[withdrawn]] 1)"),
        ]
    )  # fmt: skip


@pytest.mark.slow
def test_card_and_tables_list_every_decision(after: Outcome, acts: dict[str, dict[str, Any]]) -> None:
    card = (after.release.path / "README.md").read_text()
    for name, act in acts.items():
        assert (act["image_sha256"] if name == "withdrawn" else f"| {act['image']} | {act['action']} |") in card
    listed = pl.read_parquet(after.release.path / "quarantine/corrections.parquet")
    assert listed["action"].to_list() == ["exclude", "accept", "replace_boxes", "set_label", "exclude"]
    assert verify_release(after.release.path).ok


@pytest.mark.slow
def test_the_publish_plan_names_the_versions_that_still_hold_a_withdrawn_image(
    tmp_path: Path, before: Outcome, after: Outcome, acts: dict[str, dict[str, Any]]
) -> None:
    versions = PlainFolder(tmp_path / "versions")
    push(plan_push(before.release.path, versions), versions)
    plan = plan_push(after.release.path, versions)
    held = [(holder.tag, holder.images) for holder in plan.holders]
    assert held == [("v1.0.0", (acts["withdrawn"]["image_sha256"],))]
    push(plan, versions)
    assert [holder.tag for holder in plan_push(after.release.path, versions).holders] == ["v1.0.0"]


@pytest.mark.slow
def test_a_version_that_brings_a_withdrawn_image_back_is_neither_built_nor_published(
    tmp_path: Path, place: Path, sources: dict[str, str], after: Outcome
) -> None:
    """The withdrawal was taken out of the recipe."""
    versions = PlainFolder(tmp_path / "versions")
    push(plan_push(after.release.path, versions), versions)
    (tmp_path / "corrections").mkdir()
    recipe = write_recipe(tmp_path / "small.toml", *CHANGES)
    refused = "small 3.0.0 would hold 1 withdrawn image, for example .* Keep the .* entries of the versions before"
    with pytest.raises(DataError, match=refused):
        build(recipe, place / "lake", sources, version="3.0.0")
    elsewhere = build(recipe, tmp_path / "lake", sources, version="3.0.0")
    with pytest.raises(DataError, match=refused):
        plan_push(elsewhere.release.path, versions)


@pytest.mark.slow
def test_an_entry_that_no_longer_matches_ends_the_build_with_its_file(
    tmp_path: Path, sources: dict[str, str], acts: dict[str, dict[str, Any]]
) -> None:
    (tmp_path / "corrections").mkdir()
    stale = acts["exclude"] | {"image_sha256": "0" * 64}
    (tmp_path / "corrections" / "old.toml").write_text(table(**acts["set_label"]) + "\n" + table(**stale))
    with pytest.raises(DataError, match=r"corrections: old\.toml, \[\[corrections\]\] 2: .* now has the sha256 "):
        build(write_recipe(tmp_path / "small.toml", *CHANGES), tmp_path / "lake", sources)


@pytest.mark.slow
def test_a_changed_reason_rebuilds_from_the_corrections_on(
    tmp_path: Path, sources: dict[str, str], acts: dict[str, dict[str, Any]]
) -> None:
    (tmp_path / "corrections").mkdir()
    recipe, file = write_recipe(tmp_path / "small.toml", *CHANGES), tmp_path / "corrections" / "a.toml"
    keys = []
    for act in ({}, acts["set_label"], acts["set_label"] | {"label": "polyps"}):
        file.write_text(table(**act) if act else "")
        keys.append(plan_keys(prepared(recipe, tmp_path / "lake", sources), PIPELINE))
    for one, other in pairwise(keys):
        assert [stage for stage in STAGES if one[stage] != other[stage]] == STAGES[STAGES.index("correct") :]


def test_corrections_of_sources_that_are_not_built_are_left_aside() -> None:
    act = {"image": "hyperkvasir/a", "image_sha256": "0" * 64, "action": "exclude"} | REVIEW
    stated = Corrections.model_validate({"entries": [act]})
    assert of_sources(stated, ("hyperkvasir",)) == stated
    assert of_sources(stated, ("kvasir_instrument",)).entries == ()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"image": "hyperkvasirr/a"}, "image hyperkvasirr/a: no such source; there are "),
        ({"action": "set_label", "label": "polyp"}, "label 'polyp': the recipe has polyps, "),
    ],
)
def test_a_source_or_a_label_that_nobody_knows_is_refused_with_the_recipe(
    tmp_path: Path, recipe: str, wrong: dict[str, str], message: str
) -> None:
    """A misspelt name must neither drop a decision nor cost a build."""
    (tmp_path / "a.toml").write_text(table(**GOOD | wrong))
    path = tmp_path / "recipe.toml"
    path.write_text(Path(recipe).read_text() + '\n[corrections]\nfiles = ["a.toml"]\n')
    with pytest.raises(UsageError) as caught:
        load_recipe(str(path))
    assert str(caught.value).startswith(f"a.toml, [[corrections]] 1: {message}")


def test_the_file_that_the_documentation_shows_is_a_good_one(tmp_path: Path) -> None:
    ((name, text),) = named_files(ROOT / "docs" / "corrections.md").items()
    (tmp_path / "corrections").mkdir()
    (tmp_path / name).write_text(text)
    found = read_corrections(Corrections(files=("corrections/*.toml",)), tmp_path)
    assert [entry.action for entry in found.entries] == ["replace_boxes"]
    assert len(found.withdrawn) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[corrections", "corrections a.toml: not valid TOML: "),
        ("[[correction]]", "corrections a.toml: [[correction]]: unknown key"),
        (table(**GOOD | {"action": "cut"}), "corrections a.toml: [[corrections]] 1: action: must be 'exclude'"),
        (table(**GOOD | {"image_sha256": "beef"}), "[[corrections]] 1: image_sha256: 'beef' is not a sha256 of 64 hex"),
        (table(**GOOD | {"image": "a"}), "[[corrections]] 1: image: 'a' is not an image such as hyperkvasir/NAME"),
        (table(**GOOD | {"colour": 1}), "[[corrections]] 1: colour: unknown key"),
        (table(**GOOD) + "\n" + table(**GOOD | {"action": "set_label"}), "[[corrections]] 2: set_label needs label"),
        (table(**GOOD | {"action": "replace_boxes"}), "[[corrections]] 1: replace_boxes needs label and boxes"),
        (table(**GOOD | {"action": "accept", "boxes": [[1, 1, 9, 9]]}), "[[corrections]] 1: accept takes no boxes"),
        (table(**GOOD | {"object": "x"}), "[[corrections]] 1: object and box go together"),
        (table(**GOOD).replace("A. Reviewer", ""), "[[corrections]] 1: reviewer: must not be empty"),
        (
            table(**GOOD | {"action": "replace_boxes", "label": "polyps", "boxes": [[9.0, 2.0, 3.0, 8.0]]}),
            "[[corrections]] 1: boxes.0: the box [9.0, 2.0, 3.0, 8.0] is not x1, y1, x2, y2 with 0 <= x1 < x2 and",
        ),
        (table(**GOOD).replace("2026-11-20", "2026-13-45"), "[[corrections]] 1: date: month must be in 1..12"),
        (WITHDRAWN.format("0" * 64).replace("date", "day"), "[[withdrawn]] 1: date: the key is missing"),
    ],
)  # fmt: skip
def test_a_wrong_entry_is_named_with_file_number_and_key(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(UsageError) as caught:
        read_corrections(Corrections(files=("a.toml",)), tmp_path)
    assert message in str(caught.value)


def test_all_mistakes_of_a_file_are_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(table(**GOOD).replace("A. Reviewer", "").replace("2026-11-20", "today"))
    with pytest.raises(UsageError) as caught:
        read_corrections(Corrections(files=("a.toml",)), tmp_path)
    assert "[[corrections]] 1: reviewer: must not be empty; [[corrections]] 1: date: " in str(caught.value)


def test_a_file_that_is_named_must_be_there_and_the_manifest_names_it_by_its_hash(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"corrections\.files: b\.toml: there is no such file"):
        read_corrections(Corrections(files=("b.toml",)), tmp_path)
    with pytest.raises(UsageError, match=r"corrections\.files: corections/\*\.toml: .*corections is not a folder\."):
        read_corrections(Corrections(files=("corections/*.toml",)), tmp_path)
    (tmp_path / "b.toml").write_text("")
    found = read_corrections(Corrections(files=("*.toml",)), tmp_path)
    assert found.files == ("b.toml@e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",)
    assert load_recipe("demo").corrections == Corrections()
