"""Builds with descriptions by a model that lies: no lie is released, and the truth is the same without them."""

import hashlib
import html
import json
import shutil
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from medmultipoints.data_lake.describe.describe_pictures import describe_pictures
from medmultipoints.data_lake.describe.server_settings import ServerSettings
from medmultipoints.data_lake.release.checks.verify import verify_release
from medmultipoints.data_lake.report.page import report_page
from medmultipoints.flows.cli.building.build import models_of
from medmultipoints.transforms.errors import DataError, UsageError
from tests.chat_server import chat_server, lying
from tests.flows.small_builds import build, make_sources, write_recipe

TRUTH = ("data", "images", "objects", "instructions")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sources, a release without descriptions, the replies of a lying server, and the release with them."""
    folder = tmp_path_factory.mktemp("described")
    sources = make_sources(folder / "sources")
    plain = build(write_recipe(folder / "plain.toml"), folder / "lake", sources).release.path
    lies: list[str] = []
    with chat_server(lying(lies)) as chat:
        settings = ServerSettings(address=chat.address, model="liar", readers=("raster",), requests_per_minute=60_000)
        describe_pictures(plain, folder / "replies.jsonl", settings)
    (folder / "lies.json").write_text(json.dumps(lies))
    (folder / "plain").symlink_to(plain)
    (folder / "with").symlink_to(build(described(folder), folder / "lake2", sources).release.path)
    return folder


def described(folder: Path, extra: str = "") -> str:
    """The recipe that pins the replies."""
    sha256 = hashlib.sha256((folder / "replies.jsonl").read_bytes()).hexdigest()
    section = f'[describe]\nfile = "replies.jsonl"\nsha256 = "{sha256}"\n{extra}\n[validation]'
    return write_recipe(folder / "with.toml", ("[validation]", section))


def descriptions(release: Path) -> pl.DataFrame:
    """All rows of the config."""
    return pl.concat([pl.read_parquet(path) for path in sorted(release.glob("descriptions/*.parquet"))])


def test_no_lie_is_in_the_release(folder: Path) -> None:
    """Nowhere in it, not even in quarantine; everything else that was said is there."""
    lies = set(json.loads((folder / "lies.json").read_text()))
    rows = descriptions(folder / "with")
    kept = set(rows["sentences"].explode())
    assert len(lies) > 5
    assert kept
    assert not kept & lies
    refused = pl.read_parquet(folder / "with" / "quarantine" / "refused_sentences.parquet")
    assert refused.filter(reason="false_claim").height > 5
    everything = b"".join(path.read_bytes() for path in (folder / "with").rglob("*") if path.is_file())
    assert not [lie for lie in lies if lie.encode() in everything]


def test_every_sentence_names_the_objects_that_it_rests_on(folder: Path) -> None:
    """By the ids of the table of objects."""
    objects = pl.concat([pl.read_parquet(path) for path in sorted((folder / "with").glob("objects/*.parquet"))])
    known = set(objects["object_id"])
    for row in descriptions(folder / "with").iter_rows(named=True):
        assert len(row["sentences"]) == len(row["regions"]) == len(row["verdicts"]) == len(row["parts"])
        assert {one for regions in row["regions"] for one in regions} <= known
        assert row["text"] == " ".join(row["sentences"])
        assert row["model"] == "liar"


def test_the_truth_is_the_same_without_descriptions(folder: Path) -> None:
    """Byte by byte."""
    for table in TRUTH:
        files = sorted(path.name for path in (folder / "plain" / table).iterdir())
        assert files == sorted(path.name for path in (folder / "with" / table).iterdir())
        for name in files:
            assert (folder / "plain" / table / name).read_bytes() == (folder / "with" / table / name).read_bytes()


def test_the_release_verifies_and_its_card_says_who_wrote_the_text(folder: Path) -> None:
    """Every kept sentence is judged again; the card counts what was kept and refused."""
    assert [check for check in verify_release(folder / "with").checks if not check.ok] == []
    card = (folder / "with" / "README.md").read_text("utf-8")
    assert "config_name: descriptions" in card
    assert "`liar`" in card


def test_the_report_shows_kept_texts_and_counts_refused_sentences(folder: Path) -> None:
    page, _ = report_page(folder / "with")
    section = page.partition('<section id="written"')[2].partition("</section>")[0]
    texts = descriptions(folder / "with").sort("sample_id")
    assert texts["sentences"][0][0] in html.unescape(section)
    refused = pl.read_parquet(folder / "with" / "quarantine" / "refused_sentences.parquet")
    lies = refused.filter(reason="false_claim").height
    assert f"{lies:,} as false_claim" in section
    assert 'id="written"' not in report_page(folder / "plain")[0]


def test_the_end_of_the_build_counts_kept_and_refused_sentences(folder: Path) -> None:
    (line,) = models_of(build(described(folder), folder / "lake2", make_sources(folder / "sources")))
    refused = pl.read_parquet(folder / "with" / "quarantine" / "refused_sentences.parquet")
    kept = len(descriptions(folder / "with")["sentences"].explode())
    assert line.startswith(f"written     {kept:,} of {kept + refused.height:,} sentences kept; not kept: ")
    assert f"{refused.filter(reason='false_claim').height:,} false_claim" in line
    assert (
        models_of(build(write_recipe(folder / "plain.toml"), folder / "lake", make_sources(folder / "sources"))) == []
    )


def test_a_wrong_line_is_named_by_the_file_of_the_recipe(folder: Path, tmp_path: Path) -> None:
    """Not by the name of the copy in the lake."""
    first, *others = (folder / "replies.jsonl").read_text().splitlines()
    odd = "\n".join([*others, json.dumps(json.loads(first) | {"temperature": float("nan")})])
    (folder / "odd.jsonl").write_text(odd)
    sha256 = hashlib.sha256(odd.encode()).hexdigest()
    section = f'[describe]\nfile = "odd.jsonl"\nsha256 = "{sha256}"\n[validation]'
    recipe = write_recipe(folder / "odd.toml", ("[validation]", section))
    with pytest.raises(
        DataError, match=f"^describe.file odd.jsonl, line {len(others) + 1}: temperature: must be a finite"
    ):
        build(recipe, folder / "lake2", make_sources(folder / "sources"))


def test_another_file_is_refused(folder: Path, tmp_path: Path) -> None:
    """The recipe pins its content."""
    recipe = Path(described(folder))
    changed = tmp_path / "replies.jsonl"
    changed.write_bytes((folder / "replies.jsonl").read_bytes() + b"\n")
    (tmp_path / "with.toml").write_text(recipe.read_text())
    with pytest.raises(UsageError, match="has sha256"):
        build(str(tmp_path / "with.toml"), tmp_path / "lake", {})


def test_verify_finds_a_lie_that_is_put_in(folder: Path, tmp_path: Path) -> None:
    """Every kept sentence is judged again from the tables of the release."""
    changed = tmp_path / "release"
    shutil.copytree(folder / "with", changed)
    path = min(changed.glob("descriptions/*.parquet"))
    table = pq.read_table(path)
    rows = table.to_pylist()
    rows[0]["sentences"][0] = "There are 77 polyps."
    rows[0]["text"] = " ".join(rows[0]["sentences"])
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)
    failed = {check.name: check.detail for check in verify_release(changed).checks if not check.ok}
    assert "There are 77 polyps." in failed["descriptions_hold"]
