"""Declarations are read strictly, and every schema follows from them."""

from collections.abc import Callable
from typing import Any

import datasets
import polars as pl
import pyarrow as pa
import pytest

from medmultipoints.expectations.rows import suites as generated
from medmultipoints.expectations.rows.suites import table_digest
from medmultipoints.transforms.columns import tables as columns
from medmultipoints.transforms.columns.tables import (
    Check,
    Column,
    DeclarationError,
    Parameter,
    Table,
    arrow_schema,
    conform,
    empty_frame,
    load_table,
    parse_table,
    polars_schema,
    released_schema,
    suite_name,
    table_names,
)

TEXT = """
key = "id"
entity = "id"
meaning = "A thing."
[columns]
id    = { type = "string", meaning = "name", check = { unique = true } }
label = { type = "string", meaning = "class", check = { values = { parameter = "labels" } } }
boxes = { type = "list<list<float32>>", nullable = true, unit = "px", meaning = "boxes" }
[rules]
"""


def features(table: Table) -> datasets.Features:
    """The Hugging Face feature of each column: ``Image`` for pictures, ``List`` for lists, ``Value`` for the rest."""

    def feature(column: Column) -> Any:
        kind: Any = datasets.Image() if column.type == "image" else datasets.Value(column.scalar)
        for _ in range(column.depth):
            kind = datasets.List(kind)
        return kind

    return datasets.Features({column.name: feature(column) for column in table.columns})


def test_a_declaration_becomes_frozen_values() -> None:
    """Checks, parameters of the recipe, nesting and units are kept."""
    table = parse_table("things", TEXT)
    assert (table.key, table.entity, table.meaning, table.rules) == ("id", "id", "A thing.", ())
    assert table.column("id").check == Check(unique=True)
    assert table.column("label").check.values == Parameter("labels")
    boxes = table.column("boxes")
    assert (boxes.scalar, boxes.depth, boxes.nullable, boxes.unit) == ("float32", 2, True, "px")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('meaning = "A thing."', 'meaning = "A thing."\nnote = "x"', r"things: unknown key note"),
        ('unit = "px"', 'units = "px"', r"things.boxes: unknown key units"),
        ("unique = true", "uniq = true", r"things.id: unknown key uniq"),
        ('parameter = "labels"', 'recipe = "labels"', r"things.label: unknown key recipe"),
        ("list<list<float32>>", "list<float16>", r"things.boxes: unknown type 'list<float16>'"),
        ('meaning = "boxes"', 'meaning = "boxes", check = { min = 0 }', r"things.boxes: a check needs a scalar column"),
        ('entity = "id"', 'entity = "image"', r"things.toml: entity = 'image' is not one of its columns"),
        ('key = "id"\n', "", r"things: missing key key"),
        (', meaning = "name"', "", r"things.id: missing key meaning"),
        ("[columns]", "[columns", r"things.toml is not valid TOML"),
    ],
)
def test_a_wrong_declaration_is_refused_by_name(old: str, new: str, message: str) -> None:
    """Unknown keys and types, missing keys, checks that cannot apply, roles that name no column."""
    assert old in TEXT
    with pytest.raises(DeclarationError, match=message):
        parse_table("things", TEXT.replace(old, new))


def test_an_unknown_table_or_variant_is_refused() -> None:
    """The message lists what there is."""
    with pytest.raises(
        DeclarationError,
        match="Declared are: annotations, conventions, corrections, descriptions, dialect_lines, disagreements,",
    ):
        load_table("tracks")
    with pytest.raises(DeclarationError, match="Known are: audited, published"):
        suite_name("records", "strict")


def test_only_records_have_a_suite_of_their_own_under_the_published_policy() -> None:
    """All other tables are judged alike under both policies."""
    assert suite_name("records", "published") == "records_published"
    assert suite_name("records", "audited") == suite_name("records") == "records"
    assert suite_name("regions", "published") == "regions"


@pytest.mark.parametrize("name", table_names())
def test_all_schemas_of_a_table_agree(name: str) -> None:
    """Polars, Arrow and Hugging Face name the same columns, in declared order, of the same types."""
    table = load_table(name)
    assert arrow_schema(table) == features(table).arrow_schema.remove_metadata()
    assert released_schema(table.columns).equals(features(table).arrow_schema, check_metadata=True)
    plain = empty_frame(table).to_arrow(compat_level=pl.CompatLevel.oldest()).schema
    assert pa.schema([(f.name, f.type) for f in arrow_schema(table, images=False)]).names == plain.names
    assert empty_frame(table).schema == polars_schema(table)
    assert empty_frame(table).to_arrow().cast(arrow_schema(table, images=False)).num_rows == 0


def test_published_columns_come_first_in_published_types() -> None:
    """The schema that readers of the published dataset rely on."""
    schema = arrow_schema(load_table("records"))
    assert schema.names[:6] == ["image", "image_sha256", "img_size", "points", "bbox", "count"]
    assert schema.names[6:10] == ["label", "collection_method", "classification", "organ"]
    assert str(schema.field("bbox").type) == "list<element: list<element: float>>".replace("element", "item")
    assert schema.field("count").type == pa.int32()


def test_conform_orders_casts_and_sorts(good_frame: Callable[[str, int], pl.DataFrame]) -> None:
    """Shuffled columns, rows and narrower types come out as declared, whatever the order of the input."""
    regions = good_frame("regions", 4)
    shuffled = regions.select(reversed(regions.columns)).reverse().with_columns(pl.col("index").cast(pl.Int8))
    assert conform(shuffled, load_table("regions")).equals(regions)


def test_conform_orders_rows_that_share_a_key(good_frame: Callable[[str, int], pl.DataFrame]) -> None:
    """Ties are broken by the other columns, lists included."""
    table = load_table("records")
    same = good_frame("records", 3).with_columns(record_id=pl.lit("same"))
    assert conform(same, table).equals(conform(same.reverse(), table))


def test_conform_keeps_images_where_there_are_any(good_frame: Callable[[str, int], pl.DataFrame]) -> None:
    """The image column is optional before the release, and first in it."""
    image = pl.lit({"bytes": b"x", "path": "a.jpg"}, dtype=polars_schema(load_table("records"), images=True)["image"])
    assert conform(good_frame("records", 1).with_columns(image=image), load_table("records")).columns[0] == "image"


def test_conform_names_missing_and_undeclared_columns(good_frame: Callable[[str, int], pl.DataFrame]) -> None:
    """So does it name the type that does not fit."""
    splits, table = good_frame("splits", 1), load_table("splits")
    with pytest.raises(DeclarationError, match=r"missing columns \['split'\], undeclared columns \['part'\]"):
        conform(splits.rename({"split": "part"}), table)
    regions = good_frame("regions", 1).with_columns(index=pl.lit("first"))
    with pytest.raises(DeclarationError, match="regions: values of another type than declared"):
        conform(regions, load_table("regions"))


def test_the_digest_follows_the_declaration_and_the_suites(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Editing either changes the key of the stages that write the table, and of no other table."""
    tables, suites = tmp_path_factory.mktemp("tables"), tmp_path_factory.mktemp("suites")
    for source, target in ((columns.TABLES, tables), (generated.SUITES, suites)):
        for path in source.iterdir():
            (target / path.name).write_bytes(path.read_bytes())
    before = {name: table_digest(name) for name in table_names()}
    monkeypatch.setattr(columns, "TABLES", tables)
    monkeypatch.setattr(generated, "TABLES", tables)
    monkeypatch.setattr(generated, "SUITES", suites)
    assert {name: table_digest(name) for name in table_names()} == before
    (tables / "splits.toml").write_text("# edited")
    (suites / "records_published.json").write_text("{}")
    after = {name: table_digest(name) for name in table_names()}
    assert {name for name in before if before[name] != after[name]} == {"splits", "records"}
