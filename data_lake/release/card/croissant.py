"""Write croissant.json of a release: its files and tables in the Croissant 1.1 vocabulary.

Columns come from the declarations, hashes from the files. URLs are relative: the file describes its own folder, even
after a copy. https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson
import polars as pl

from medmultipoints.data_lake.release.card.card_facts import CardFacts
from medmultipoints.data_lake.release.card.front_matter import config_tables, declared_table, front_matter
from medmultipoints.data_lake.release.card.licences import choose_licence, licence_link, licensed
from medmultipoints.data_lake.release.card.rai import CONFORMS as RAI_CONFORMS
from medmultipoints.data_lake.release.card.rai import responsible_ai
from medmultipoints.data_lake.release.export.dialect_lines import FORMS, PICTURES, WITH_PICTURES
from medmultipoints.data_lake.release.write.files import DIALECT_PREFIX, PARQUET_FILE, FileEntry
from medmultipoints.data_lake.release.write.instruction_rows import released_columns
from medmultipoints.transforms.columns.tables import Column, Table
from medmultipoints.transforms.dialects.registry import DIALECTS
from medmultipoints.transforms.splits.official import in_order

CROISSANT = "croissant.json"
CONFORMS = "http://mlcommons.org/croissant/1.1"
FORMATS = {
    "parquet": "application/x-parquet",
    "jsonl": "application/jsonlines",
    "json": "application/json",
    "md": "text/markdown",
    "png": "image/png",
    "svg": "image/svg+xml",
}
TYPES = {
    "string": "sc:Text",
    "int32": "sc:Integer",
    "int64": "sc:Integer",
    "float32": "sc:Float",
    "float64": "sc:Float",
    "bool": "sc:Boolean",
    "image": "sc:ImageObject",
}
SPLITS = {"train": "cr:TrainingSplit", "validation": "cr:ValidationSplit", "test": "cr:TestSplit"}
SPLIT_SET, SPLIT_NAME = "splits", "splits/name"
KEYS = {"records": "record_id", "images": "sample_id", "objects": "object_id", "instructions": "instruction_id"}
REFERENCES: Mapping[tuple[str, str], str] = {
    ("records", "sample_id"): "images/sample_id",
    ("objects", "record_id"): "records/record_id",
    ("objects", "sample_id"): "images/sample_id",
    ("instructions", "record_id"): "records/record_id",
}
"""Columns of record sets that hold the key of another."""
PREFIXED = (
    "citeAs column conformsTo containedIn equivalentProperty extract field fileProperty fileObject fileSet format "
    "includes isArray arrayShape isLiveDataset jsonPath key md5 parentField path recordSet references regex repeated "
    "replace samplingRate separator source subField transform"
)
CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "sc": "https://schema.org/",
    **{name: f"cr:{name}" for name in PREFIXED.split()},
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    "description": {"@container": "@language"},
}


def croissant_bytes(facts: CardFacts, files: Iterable[FileEntry]) -> bytes:
    """Return the content of croissant.json; ``files`` are all files of the release except this one and the manifest."""
    listed = sorted(files)
    tables = config_tables([file.path for file in listed])
    named = [name for name in tables if any(_is_of(file, tables[name]) for file in listed)]
    metadata = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": [CONFORMS, RAI_CONFORMS],
        "name": facts.name,
        "alternateName": facts.title,
        "description": facts.description,
        **_metadata(facts),
        "version": facts.version,
        "isLiveDataset": False,
        **responsible_ai(facts),
        "keywords": front_matter(facts)["tags"],
        "distribution": [*map(file_object, listed), *(file_set(name, tables[name]) for name in named)],
        "recordSet": [split_set(facts.tables.images), *(_record_set(name) for name in named)],
    }
    return orjson.dumps(metadata, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _metadata(facts: CardFacts) -> dict[str, Any]:
    """Return creators, date and licence; facts that the recipe does not have are left out."""
    citations = [source.citation for source in facts.sources if source.citation]
    sources = licensed(facts.sources, facts.licensed_pictures)
    chosen = choose_licence(sources)
    own = sorted({source.licence for source in sources} - {chosen})
    properties: dict[str, Any] = {
        "url": facts.curated.homepage,
        "creator": [{"@type": "sc:Person", "name": name} for name in facts.curated.authors],
        "datePublished": facts.release_date,
        "license": [licence_link(name, sources) for name in (chosen, *own)],
        "citeAs": " ".join([facts.curated.citation, *citations]).strip(),
        "isBasedOn": [source.homepage for source in facts.sources if source.homepage],
    }
    return {name: value for name, value in properties.items() if value}


def _is_of(file: FileEntry, table: str) -> bool:
    found = PARQUET_FILE.fullmatch(file.path)
    return found is not None and found["table"] == table


def file_object(file: FileEntry) -> dict[str, Any]:
    """Return the entry of a file."""
    return {
        "@type": "cr:FileObject",
        "@id": file.path,
        "name": file.path,
        "contentUrl": file.path,
        "contentSize": f"{file.bytes} B",
        "encodingFormat": FORMATS.get(file.path.rsplit(".")[-1], "application/octet-stream"),
        "sha256": file.sha256,
    }


def file_set(config: str, table: str) -> dict[str, Any]:
    """Return the entry of the Parquet files of a config."""
    return {
        "@type": "cr:FileSet",
        "@id": f"{config}-files",
        "name": f"{config}-files",
        "description": f"The Parquet files of {config}, in the folder of this file.",
        "encodingFormat": FORMATS["parquet"],
        "includes": f"{table}/*.parquet",
    }


def split_set(images: pl.DataFrame) -> dict[str, Any]:
    """Return the record set of the splits of these images."""
    names = in_order(images["split"])
    rows = [{SPLIT_NAME: name, "splits/url": SPLITS.get(name, "cr:Split")} for name in names]
    return {
        "@type": "cr:RecordSet",
        "@id": SPLIT_SET,
        "name": SPLIT_SET,
        "description": "The splits; no video and no group of equal images is in two of them.",
        "dataType": "cr:Split",
        "key": {"@id": SPLIT_NAME},
        "field": [
            {"@type": "cr:Field", "@id": SPLIT_NAME, "name": "name", "dataType": "sc:Text"},
            {"@type": "cr:Field", "@id": "splits/url", "name": "url", "dataType": "sc:URL"},
        ],
        "data": rows,
    }


def _record_set(config: str) -> dict[str, Any]:
    table = declared_table(config)
    if table is None:
        return _dialect_set(config)
    return {
        "@type": "cr:RecordSet",
        "@id": config,
        "name": config,
        "description": table.meaning,
        "key": {"@id": f"{config}/{table.key}"},
        "field": list(_fields(config, table)),
    }


def _dialect_set(config: str) -> dict[str, Any]:
    """Return the record set of a dialect: turns and places are lists of structures, described as nested fields."""
    dialect = DIALECTS[config.removeprefix(DIALECT_PREFIX)]
    return {
        "@type": "cr:RecordSet",
        "@id": config,
        "name": config,
        "description": f"One instruction as {dialect.title}.",
        "key": {"@id": f"{config}/{KEYS['instructions']}"},
        "field": [_dialect_field(config, name, kind) for name, kind in _dialect_columns(dialect.name).items()],
    }


def _dialect_columns(dialect: str) -> dict[str, Any]:
    """Return the columns of a dialect's table; pictures as paths, because mlcroissant reads no lists of pictures."""
    columns = dict(FORMS[dialect].columns)
    return columns | ({PICTURES: pl.List(pl.Struct({"path": pl.String()}))} if dialect in WITH_PICTURES else {})


def _dialect_field(config: str, name: str, kind: Any) -> dict[str, Any]:
    inner, depth = _innermost_type(kind)
    whole = {"@type": "cr:Field", "@id": f"{config}/{name}", "name": name} | as_array(depth)
    source = {"fileSet": {"@id": f"{config}-files"}, "extract": {"column": name}}
    if not isinstance(inner, pl.Struct):
        return whole | {"dataType": TYPES[_word(inner)], "source": source}
    parts = [(field.name, *_innermost_type(field.dtype)) for field in inner.fields]
    return whole | {
        "subField": [
            {"@type": "cr:Field", "@id": f"{config}/{name}/{part}", "name": part, "dataType": TYPES[_word(scalar)]}
            | as_array(levels)
            | {"source": source | {"transform": {"jsonPath": part}}}
            for part, scalar, levels in parts
        ]
    }


def _innermost_type(kind: Any) -> tuple[Any, int]:
    """Return the innermost element type of a list, and its depth."""
    depth = 0
    while isinstance(kind, pl.List):
        kind, depth = kind.inner, depth + 1
    return kind, depth


def _word(scalar: pl.DataType) -> str:
    return str(scalar).lower()


def as_array(depth: int) -> dict[str, Any]:
    """Return the keys of a field whose values are lists of ``depth`` levels."""
    return {"isArray": True, "arrayShape": ",".join(["-1"] * depth)} if depth else {}


def _fields(config: str, table: Table) -> Iterator[dict[str, Any]]:
    """Yield ``split`` first: mlcroissant joins only by the first reference, and only with inline rows."""
    for column in sorted(released_columns(table), key=lambda column: column.name != "split"):
        yield _field(config, column)


def _field(config: str, column: Column) -> dict[str, Any]:
    source: dict[str, Any] = {"fileSet": {"@id": f"{config}-files"}, "extract": {"column": column.name}}
    if column.type == "image":
        source["transform"] = {"jsonPath": "bytes"}
    field: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"{config}/{column.name}",
        "name": column.name,
        "description": column.meaning + (f" ({column.unit})" if column.unit else ""),
        "dataType": TYPES[column.scalar],
        "source": source,
    }
    field |= as_array(column.depth)
    return field | reference(config, column.name)


def reference(config: str, column: str) -> dict[str, Any]:
    """Return the key of a field that refers to the rows of another record set, or nothing."""
    target = SPLIT_NAME if column == "split" else REFERENCES.get((config, column))
    return {"references": {"field": {"@id": target}}} if target else {}
