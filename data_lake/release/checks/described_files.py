"""Check the front matter of the card, and croissant.json, against the files of a release.

What they say in sentences is not compared: nothing in a release proves a sentence.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import yaml

from medmultipoints.data_lake.release.card.croissant import (
    CONFORMS,
    CONTEXT,
    CROISSANT,
    KEYS,
    SPLIT_SET,
    TYPES,
    as_array,
    file_object,
    file_set,
    reference,
    split_set,
)
from medmultipoints.data_lake.release.card.front_matter import config_tables, declared_table
from medmultipoints.data_lake.release.checks.card_check import README
from medmultipoints.data_lake.release.read.json_files import read_object
from medmultipoints.data_lake.release.read.released_tables import read_parquet, readable, splits_of, table_files
from medmultipoints.data_lake.release.write.manifest import Manifest
from medmultipoints.data_lake.release.write.parquet import describe_features

Entries = Mapping[str, Any]
WORDS = {"double": "float64", "float": "float32", "large_string": "string"}
PICTURE = {"bytes", "path"}


def check_described_files(folder: Path, manifest: Manifest) -> Iterator[str]:
    """Yield a sentence for each config of the card and each entry of croissant.json that contradicts the files."""
    if manifest.lists(README) and (folder / README).is_file():
        front = _front_matter(folder)
        stated = {name: _config(row) for name, row in _named(front.get("configs"), "config_name").items()}
        found = {name: _info(row) for name, row in _named(front.get("dataset_info"), "config_name").items()}
        configs, infos = _facts_by_config(folder, manifest)
        yield from differences(f"{README}: config", stated, configs)
        yield from differences(f"{README}: dataset_info of", found, infos)
    if manifest.lists(CROISSANT) and (folder / CROISSANT).is_file():
        held = read_object(folder, CROISSANT)
        yield from differences(f"{CROISSANT}:", stated_entries(held), expected_entries(folder, manifest))


def _facts_by_config(folder: Path, manifest: Manifest) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return, by config of the Parquet files, the file patterns by split, and the columns, rows and bytes."""
    sizes = {file.path: file.bytes for file in manifest.entries}
    configs: dict[str, Any] = {}
    infos: dict[str, Any] = {}
    for name, table in config_tables([*sizes]).items():
        for split in splits_of(manifest):
            for path in (one for one in table_files(manifest, table, split) if one.endswith(".parquet")):
                with readable(folder / path) as file:
                    rows, features = file.metadata.num_rows, describe_features(file.schema_arrow)
                configs.setdefault(name, {})[split] = f"{table}/{split}-*"
                known = infos.setdefault(name, {"features": features})
                size, number = known.get(split, (0, 0))
                known[split] = (size + sizes[path], number + rows)
    return configs, infos


def _config(row: Entries) -> dict[str, Any]:
    return {str(file.get("split")): file.get("path") for file in row.get("data_files", ())}


def _info(row: Entries) -> dict[str, Any]:
    splits = {str(one.get("name")): (one.get("num_bytes"), one.get("num_examples")) for one in row.get("splits", ())}
    return {"features": row.get("features"), **splits}


def _named(rows: Any, key: str) -> dict[str, Entries]:
    return {str(row.get(key)): row for row in rows if isinstance(row, dict)} if isinstance(rows, list) else {}


def _front_matter(folder: Path) -> Entries:
    """Return the metadata block of the card; empty if it cannot be read."""
    text = (folder / README).read_text("utf-8", errors="replace")
    held = yaml.safe_load(text[4:].partition("\n---\n")[0]) if text.startswith("---\n") else None
    return held if isinstance(held, dict) else {}


def differences(what: str, stated: Entries, files: Entries) -> Iterator[str]:
    """Yield a sentence for each entry that differs from what the files give."""
    for name in sorted(stated.keys() | files.keys()):
        if stated.get(name) != files.get(name):
            yield f"{what} {name} does not match the files"


def stated_entries(held: Entries) -> dict[str, Any]:
    """Return the entries of croissant.json by kind and id, without their sentences."""
    found: dict[str, Any] = {"@context": held.get("@context"), "@type": held.get("@type")}
    found["conformsTo"] = CONFORMS in (held.get("conformsTo") or ())
    for row in _rows(held.get("distribution")):
        found[f"file {row.get('@id')}"] = _bare(row)
    for row in _rows(held.get("recordSet")):
        found[f"record set {row.get('@id')}"] = _bare(row) | {"field": None}
        for field in _rows(row.get("field")):
            found[f"field {field.get('@id')}"] = _bare(field) | {"subField": None}
            for inner in _rows(field.get("subField")):
                found[f"field {inner.get('@id')}"] = _bare(inner) | {"subField": None}
    counts = {key: len(held[key]) for key in ("distribution", "recordSet") if isinstance(held.get(key), list)}
    return found | {"numbers of entries": counts}


def expected_entries(folder: Path, manifest: Manifest) -> dict[str, Any]:
    """Return the entries that the files of a release give, in the form of ``stated_entries``."""
    files = [one for one in manifest.entries if one.path != CROISSANT]
    found: dict[str, Any] = {"@context": CONTEXT, "@type": "sc:Dataset", "conformsTo": True}
    for one in files:
        found[f"file {one.path}"] = file_object(one)
    found |= _split_entries(read_parquet(folder, manifest, "images"))
    sets = 0
    for config, table in config_tables([one.path for one in files]).items():
        paths = [path for path in table_files(manifest, table) if path.endswith(".parquet")]
        if paths:
            sets += 1
            with readable(folder / paths[0]) as file:
                found |= _table_entries(config, table, file.schema_arrow)
    return found | {"numbers of entries": {"distribution": len(files) + sets, "recordSet": sets + 1}}


def _split_entries(images: pl.DataFrame) -> dict[str, Any]:
    splits = split_set(images)
    fields = {f"field {field['@id']}": field | {"subField": None} for field in splits["field"]}
    return {f"record set {SPLIT_SET}": _bare(splits) | {"field": None}, **fields}


def _table_entries(config: str, table: str, schema: pa.Schema) -> dict[str, Any]:
    """Return the set of files, the record set and the fields of one config."""
    declared = declared_table(config)
    key = declared.key if declared else KEYS["instructions"]
    records = {"@type": "cr:RecordSet", "@id": config, "name": config, "key": {"@id": f"{config}/{key}"}, "field": None}
    found: dict[str, Any] = {f"file {config}-files": _bare(file_set(config, table)), f"record set {config}": records}
    for column in schema:
        for field in _field_entries(config, column):
            found[f"field {field['@id']}"] = field | {"subField": None}
    return found


def _field_entries(config: str, column: pa.Field) -> Iterator[dict[str, Any]]:
    """Yield the entry of a column, and of each part of a structure."""
    inner, depth = _innermost(column.type)
    whole: dict[str, Any] = {"@type": "cr:Field", "@id": f"{config}/{column.name}", "name": column.name}
    source: dict[str, Any] = {"fileSet": {"@id": f"{config}-files"}, "extract": {"column": column.name}}
    if not pa.types.is_struct(inner):
        linked = reference(config, column.name) if declared_table(config) else {}
        yield whole | {"dataType": _type(inner), "source": source} | as_array(depth) | linked
        return
    parts = {part.name: part.type for part in inner}
    if parts.keys() == PICTURE and not depth:
        yield whole | {"dataType": TYPES["image"], "source": source | {"transform": {"jsonPath": "bytes"}}}
        return
    yield whole | as_array(depth)
    for name, kind in parts.items():
        if parts.keys() != PICTURE or name == "path":
            scalar, levels = _innermost(kind)
            own = {
                "@type": "cr:Field",
                "@id": f"{config}/{column.name}/{name}",
                "name": name,
                "dataType": _type(scalar),
            }
            yield own | as_array(levels) | {"source": source | {"transform": {"jsonPath": name}}}


def _innermost(kind: pa.DataType) -> tuple[pa.DataType, int]:
    depth = 0
    while pa.types.is_list(kind) or pa.types.is_large_list(kind):
        kind, depth = kind.value_type, depth + 1
    return kind, depth


def _type(kind: pa.DataType) -> str | None:
    return TYPES.get(WORDS.get(str(kind), str(kind)))


def _bare(row: Entries) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in ("description", "field", "subField")}


def _rows(value: Any) -> Iterable[Entries]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else ()
