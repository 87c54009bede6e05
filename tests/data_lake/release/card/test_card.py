"""The card: metadata that the Hub's own library accepts, and numbers that are computed."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import polars as pl
import pytest
from datasets import Features, load_dataset
from huggingface_hub import DatasetCard
from PIL import Image

from medmultipoints.data_lake.catalogue import load_catalogue
from medmultipoints.data_lake.release.card.card import TEMPLATE, render_card
from medmultipoints.data_lake.release.card.card_facts import Curated
from medmultipoints.data_lake.release.card.card_pictures import EXAMPLES, HISTOGRAM, _axis, bin_counts, histogram_png
from medmultipoints.data_lake.release.card.front_matter import config_tables, released_config
from medmultipoints.data_lake.release.card.licences import choose_licence, hub_licence, licence_reason, licensed
from medmultipoints.data_lake.release.export.dialect_lines import FORMS
from medmultipoints.data_lake.release.write.files import DIALECT_PREFIX, MADE, FileEntry
from medmultipoints.data_lake.release.write.parquet import describe_features
from medmultipoints.transforms.compose.stats import count_histogram
from medmultipoints.transforms.diff.releases import Tables
from tests.data_lake.release.tiny_release import card_facts

FILES = [
    FileEntry("data/test-00000-of-00001.parquet", 10, "a" * 64),
    FileEntry("data/train-00000-of-00001.parquet", 20, "a" * 64),
    FileEntry("images/train-00000-of-00001.parquet", 5, "a" * 64),
]


def card_of(tables: Tables, **values: object) -> str:
    return render_card(replace(card_facts(tables, FILES), **values), TEMPLATE.read_text("utf-8"))


CONFIGS = (*config_tables(()), *MADE, *(f"{DIALECT_PREFIX}{name}" for name in FORMS))


@pytest.mark.parametrize("config", CONFIGS)
def test_features_are_described_as_the_library_does(config: str) -> None:
    schema = released_config(config, ("normal", "polyps"))
    assert describe_features(schema) == Features.from_arrow_schema(schema)._to_yaml_list()


def test_the_hub_library_reads_the_metadata(tables: Tables) -> None:
    data = DatasetCard(card_of(tables)).data.to_dict()
    assert (data["license"], data["license_name"]) == ("other", "research-only")
    assert data["size_categories"] == ["n<1K"]
    assert data["configs"][0] == {
        "config_name": "records",
        "default": True,
        "data_files": [{"split": "train", "path": "data/train-*"}, {"split": "test", "path": "data/test-*"}],
    }
    assert data["dataset_info"][0]["features"][:3] == [
        {"name": "image", "dtype": "image"},
        {"name": "image_sha256", "dtype": "string"},
        {"name": "img_size", "list": "int32"},
    ]
    assert data["dataset_info"][0]["splits"][0] == {"name": "train", "num_bytes": 20, "num_examples": 4}


def test_a_config_without_files_is_not_named(tables: Tables) -> None:
    data = DatasetCard(card_of(tables)).data.to_dict()
    assert [config["config_name"] for config in data["configs"]] == ["records", "images"]
    assert [info["config_name"] for info in data["dataset_info"]] == ["records", "images"]
    assert data["configs"][1]["data_files"] == [{"split": "train", "path": "images/train-*"}]


def test_the_body_states_counts_sources_and_accounting(tables: Tables) -> None:
    text = card_of(tables)
    for line in (
        "Version 1.0.0, 2026-01-02. 4 images, 5 records (one per image and label), 5 objects, 25 instructions.",
        "| test | polyps | 1 | 1 | 2 |",
        "| polyps | 1 | 1.5 | 1.5 | 2 |",
        "| polyps | 2-3 | 1 |",
        "| index | 5 | 4 | 0 | 1 | 4 |",
        "| index | rejected | mask_without_image | 1 |",
        "(`hyperkvasir`) | CC-BY-4.0 | 2 | 2 | 3 by mask | official: sha256 of every file is an accepted one |",
        "(`kvasir_instrument`) | LicenseRef-research-only | 1 | 1 | 1 by track | **not official or not verifiable**",
        "LicenseRef-research-only is the freest licence that the sources of all pictures allow",
        "| `bbox` | `list<list<float32>>` | px |",
    ):
        assert line in text


def test_a_source_of_ones_own_is_not_reproached_for_having_no_accepted_hash(tables: Tables) -> None:
    facts = card_facts(tables, FILES)
    own = [one.model_copy(update={"archives": ()}) for one in facts.sources]
    text = card_of(tables, sources=own, known=dict.fromkeys(facts.known, False))
    assert "not published under a sha256 to compare with; the hashes are in `manifest.json` |" in text
    assert "not official" not in text


def test_the_published_card_lists_what_is_unknown(tables: Tables) -> None:
    recipe = {
        "seed": 42,
        "sources": {"visem_tracking": {"sampling": "per_video"}},
        "boxes": {"policy": "published", "track_rounding": "nearest"},
        "images": {"resample": "lanczos", "jpeg_quality": 95},
    }
    text = card_of(tables, policy="published", recipe=recipe)
    assert "which video frames were drawn: here sampling `per_video`" in text
    assert "here `track_rounding = nearest`" in text
    assert "here `lanczos` and 95" in text
    assert "grown by one pixel" in text


def test_findings_of_the_audit_are_counted_by_kind(tables: Tables) -> None:
    findings = pl.DataFrame(
        {
            "sample_id": ["a", "b"],
            "severity": ["error", "error"],
            "kind": ["phantom"] * 2,
            "action": ["box | left out"] * 2,
            "iou": [None, None],
        }
    )
    assert "| error | phantom | box \\| left out | 2 |" in card_of(tables, disagreements=findings)


def test_the_card_counts_what_pictures_carry_and_promises_nothing(tables: Tables) -> None:
    kinds = ["shows_date", "shows_date", "carries_gps", "same_frame", "same_frame"]
    first, second = tables.images["sample_id"][:2]
    of = {"sample_id": [first, second, first, first, second], "kind": kinds}
    rows = of | {"severity": ["info"] * 5, "action": ["kept"] * 5, "iou": [None, None, None, 0.9, 0.9]}
    held_back = {
        "sample_id": "not/released",
        "kind": "shows_date",
        "severity": "info",
        "action": "held back",
        "iou": None,
    }
    text = card_of(
        tables, disagreements=pl.concat([pl.DataFrame(rows), pl.DataFrame([held_back])], how="diagonal_relaxed")
    )
    assert "| shows_date | 2 |" in text
    assert "| carries_gps | 1 |" in text
    assert "1 frame is in the data twice" in text
    assert "union of 0.90 in the median" in text
    assert "What no reader finds may be in a picture all the same" in text
    assert "free of" not in text.split("## ", 1)[1].split("What no reader finds")[0][-400:]


def test_what_the_curator_wrote_stands_on_the_card_as_it_is(tables: Tables) -> None:
    curated = Curated(
        about="Made with **care**.",
        uses="Counting.",
        limits="- One hospital.",
        changes="Two boxes mended.",
        citation="Us, 2026.",
        contacts=("someone@example.org",),
        tags=("endoscopy", "medical"),
    )
    text = card_of(tables, curated=curated)
    for words in ("\nMade with **care**.\n", "## Intended uses\n\nCounting.", "- One hospital.", "Two boxes mended."):
        assert words in text
    assert text.index("Us, 2026.") < text.index("HyperKvasir, a comprehensive")
    assert DatasetCard(text).data.to_dict()["tags"][-1] == "endoscopy"


@pytest.mark.parametrize("path", [HISTOGRAM, EXAMPLES])
def test_the_card_shows_the_pictures_that_the_release_has(tables: Tables, path: str) -> None:
    assert "assets/" not in card_of(tables)
    files = [*FILES, FileEntry(path, 1, "a" * 64)]
    assert f"]({path})" in render_card(card_facts(tables, files), TEMPLATE.read_text("utf-8"))


def test_the_histogram_is_the_same_picture_whatever_the_order_of_rows(tables: Tables) -> None:
    rows = count_histogram(tables.records)
    drawn = histogram_png(rows)
    assert drawn == histogram_png(rows.reverse())
    with Image.open(BytesIO(drawn)) as image:
        assert image.size == (920, 480)
    assert bin_counts(pl.DataFrame({"label": ["a"] * 3, "count": [0, 5, 7], "records": [1, 2, 3]})) == [
        {"label": "a", "low": 0, "records": 1, "bin": "0"},
        {"label": "a", "low": 4, "records": 5, "bin": "4-7"},
    ]
    assert list(_axis([1, 16]).values()) == ["1", "2-3", "4-7", "8-15", "16-31"]
    assert list(_axis([0, 2])) == [0, 1, 2]


def test_the_card_of_a_release_without_rows_still_renders(tables: Tables) -> None:
    empty = Tables(*(frame.clear() for frame in (tables.records, tables.objects, tables.images, tables.instructions)))
    assert "0 images, 0 records" in card_of(empty)


def test_a_free_licence_is_named_as_the_hub_names_it() -> None:
    catalogue = load_catalogue()
    free = [catalogue["hyperkvasir"], catalogue["visem_tracking"]]
    assert hub_licence(free) == {"license": "cc-by-4.0"}
    for licence, known in (("ODbL-1.0", "odbl"), ("GPL-3.0-only", "gpl-3.0"), ("GLWTPL", "other")):
        own = [source.model_copy(update={"licence": licence, "terms": None}) for source in free[:1]]
        assert hub_licence(own)["license"] == known
    assert hub_licence(own)["license_link"] == "https://spdx.org/licenses/GLWTPL.html"
    assert licence_reason(free).startswith("The sources of all pictures are under CC-BY-4.0")


def test_a_source_without_pictures_does_not_decide_the_licence(tables: Tables) -> None:
    sources = [*load_catalogue().values()]
    assert choose_licence(licensed(sources, tables.images)) == "LicenseRef-research-only"
    without = tables.images.filter(pl.col("source") != "kvasir_instrument")
    assert choose_licence(licensed(sources, without)) == "CC-BY-4.0"
    assert licensed(sources, tables.images.clear()) == sources


@pytest.mark.slow
def test_load_dataset_gives_pictures_and_all_columns_back(
    release: Path, tables: Tables, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    for config, frame, key in (
        ("records", tables.records, "record_id"),
        ("images", tables.images, "sample_id"),
        ("objects", tables.objects, "object_id"),
    ):
        for split in ("train", "test"):
            loaded = load_dataset(str(release), config, split=split, cache_dir=str(tmp_path / "cache"))
            wanted = frame.filter(pl.col("split") == split).sort(key).to_dicts()
            rows = [{name: value for name, value in row.items() if name != "image"} for row in loaded]
            assert rows == wanted
    records = load_dataset(str(release), split="train", cache_dir=str(tmp_path / "cache"))
    assert [list(row["image"].size) for row in records] == [row["img_size"] for row in records]


def test_load_dataset_reads_the_instructions(release: Path, tables: Tables, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    path = str(release / "instructions/test.jsonl")
    loaded = load_dataset("json", data_files=path, split="train", cache_dir=str(tmp_path))
    wanted = tables.instructions.filter(pl.col("split") == "test").sort("instruction_id")
    assert [row["messages"][1]["content"] for row in loaded] == wanted["answer"].to_list()
    assert [row["images"] for row in loaded] == [[one] for one in wanted["image_file"]]
