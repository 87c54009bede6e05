"""Every edit of a release that is sealed again is found, or is one of what ``verify`` says that it cannot prove."""

import copy
import hashlib
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from medmultipoints.data_lake.release.checks.card_check import tables_on
from medmultipoints.data_lake.release.checks.verify import verify_release
from medmultipoints.data_lake.simulate import SimulatedSizes, write_sources
from tests.acceptance.builds import build
from tests.acceptance.inputs import small
from tests.data_lake.release.checks.test_forged import replace, seal

MOST = 60
"""Edits of one file; more are spread evenly over it."""
EMPTY: tuple[Any, ...] = (None, [], {})
Edit = tuple[str, Callable[[Path], None]]

STATED = tuple(
    map(
        re.compile,
        (
            r"README\.md line .*",
            r"assets/.*",
            r"expectations\.json tables\..*",
            r"data/\S+ collection_method",
            r"images/\S+ (member|mask_off_binary|fps)",
            r"images/\S+ group_id",  # a name; the groups themselves are counted in leakage.json
            r"leakage\.json (checked|not_checked|format|examinations\.text|official_splits|search).*",
            r"leakage\.json near_duplicates\.(pairs|in_one_group).*",
            r"quarantine/conventions\.parquet .*",
            r"quarantine/disagreements\.parquet (label|source_box|derived_box|iou|side_px|detail|places|action)",
            r"quarantine/disagreements\.parquet (severity|a row less)",
            r"quarantine/exclusions\.parquet (exclusion_id|source|key|sample_id|detail)",
            r"quarantine/near_distances\.parquet .*",
            r"croissant\.json (.*\.)?(description|alternateName|keywords|citeAs|creator)(\..*)?( removed)?",
            r"croissant\.json (url|isBasedOn)(\..*)?( removed)?",
            r"croissant\.json rai:.*",
        ),
    )
)
"""What ``verify`` reports as stated: names of edits (file, then place) that nothing in a release can prove."""


def run(work: Path) -> dict[str, Any]:
    """Edit each file in turn; count what was found, what is stated, and what passed in silence: nothing."""
    sizes = SimulatedSizes(polyps=5, instruments=4, videos=3, frames=4)
    sources = write_sources(work / "in", seed=3, sizes=sizes).paths
    release = build("demo", work / "lake", sources).release.path
    assert judge(release, work / "edited", lambda _folder: None) == "passed", "the sealed release itself does not hold"
    table: dict[str, Counter[str]] = {}
    passed = []
    for name, edit in spread(release):
        file = name.split(" ", 1)[0]
        verdict = judge(release, work / "edited", edit)
        if verdict == "passed" and any(pattern.fullmatch(name) for pattern in STATED):
            verdict = "stated"
        passed += [name] if verdict == "passed" else []
        table.setdefault(re.sub(r"(train|test|validation)-0", "SPLIT-0", file), Counter())[verdict] += 1
    assert not passed, "\n".join(passed)
    total = sum(table.values(), Counter())
    return {"edits": total.total(), **total, "by_file": {name: dict(found) for name, found in sorted(table.items())}}


def judge(release: Path, copied: Path, edit: Callable[[Path], None]) -> str:
    """Return ``found`` or ``passed``."""
    shutil.rmtree(copied, ignore_errors=True)
    folder = copied / "releases" / release.parent.name / release.name
    shutil.copytree(release, folder)
    edit(folder)
    try:
        forge(folder)
    except Exception:  # noqa: BLE001 (the tables cannot even be read any more)
        return "found"
    return "passed" if verify_release(folder, leakage=True).ok else "found"


def forge(folder: Path) -> None:
    """State sizes, rows and hashes as the files now give them: in the card, in croissant.json and in the manifest."""
    text = (folder / "README.md").read_text("utf-8")
    head, middle, rest = text[4:].partition("\n---\n")
    front = yaml.safe_load(head)
    tables = {row["config_name"]: row["data_files"] for row in front["configs"]}
    for info in front["dataset_info"]:
        places = {one["split"]: sorted(folder.glob(one["path"])) for one in tables[info["config_name"]]}
        for split in info["splits"]:
            files = places[split["name"]]
            split["num_bytes"] = sum(path.stat().st_size for path in files)
            split["num_examples"] = sum(pq.read_metadata(path).num_rows for path in files)
    if front != yaml.safe_load(head):
        made = yaml.safe_dump(front, sort_keys=False, allow_unicode=True).rstrip("\n")
        replace(folder / "README.md", f"---\n{made}{middle}{rest}".encode())
    croissant = json.loads((folder / "croissant.json").read_bytes())
    for row in croissant.get("distribution", ()):
        path = folder / str(row.get("contentUrl", "no file"))
        if path.is_file() and {"sha256", "contentSize"} <= row.keys():
            data = path.read_bytes()
            row.update(sha256=hashlib.sha256(data).hexdigest(), contentSize=f"{len(data)} B")
    if croissant != json.loads((folder / "croissant.json").read_bytes()):
        replace(folder / "croissant.json", json.dumps(croissant).encode())
    seal(folder)


def spread(release: Path) -> Iterator[Edit]:
    """Yield at most ``MOST`` edits of each file but the manifest, spread evenly."""
    for path in sorted(path for path in release.rglob("*") if path.is_file() and path.name != "manifest.json"):
        name = path.relative_to(release).as_posix()
        made = list(edits_of(release, name))
        most = min(len(made), 3 if small() else MOST)
        yield from (made[at * len(made) // most] for at in range(most))


def edits_of(release: Path, name: str) -> Iterator[Edit]:
    kind = name.rpartition(".")[2]
    if kind == "json":
        yield from json_edits(release, name)
    elif kind == "parquet":
        yield from parquet_edits(release, name)
    elif kind in ("md", "jsonl"):
        yield from line_edits(release, name)
    else:
        yield f"{name} a byte more", lambda folder: replace(folder / name, (folder / name).read_bytes() + b"x")


def json_edits(release: Path, name: str) -> Iterator[Edit]:
    """Yield a change of each value and the removal of each entry."""
    whole = json.loads((release / name).read_bytes())

    def at(path: tuple[Any, ...], change: Callable[[Any, Any], None]) -> Callable[[Path], None]:
        def edit(folder: Path) -> None:
            held = copy.deepcopy(whole)
            inner = held
            for step in path[:-1]:
                inner = inner[step]
            change(inner, path[-1])
            replace(folder / name, json.dumps(held).encode())

        return edit

    for path, value in leaves(whole):
        if name == "croissant.json" and path[0] == "distribution" and path[-1] in ("sha256", "contentSize"):
            continue  # ``forge`` restores them
        if not isinstance(value, dict | list):
            yield f"{name} {spell(path)}", at(path, lambda inner, key: inner.__setitem__(key, other(inner[key])))
        yield f"{name} {spell(path)} removed", at(path, lambda inner, key: inner.__delitem__(key))


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if path:
        yield path, value
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in steps:
        yield from leaves(inner, (*path, key))


def spell(path: tuple[Any, ...]) -> str:
    return ".".join("#" if isinstance(step, int) else str(step) for step in path)


def other(value: Any) -> Any:
    """Return another value of the same kind."""
    if value is None or isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int | float) else value[:-1] + ("y" if value.endswith("x") else "x")


def parquet_edits(release: Path, name: str) -> Iterator[Edit]:
    """Yield a change of a value of each column, a row less, and a row twice."""
    held = pq.read_table(release / name)

    def write(make: Callable[[pa.Table], pa.Table]) -> Callable[[Path], None]:
        def edit(folder: Path) -> None:
            (folder / name).unlink()
            pq.write_table(make(held).replace_schema_metadata(held.schema.metadata), folder / name)

        return edit

    def change(column: str) -> Callable[[pa.Table], pa.Table]:
        def make(table: pa.Table) -> pa.Table:
            field, values = table.schema.field(column), table[column].to_pylist()
            row = next(at for at, value in enumerate(values) if value not in EMPTY)
            values[row] = deep(values[row])
            return table.set_column(table.schema.get_field_index(column), field, pa.array(values, field.type))

        return make

    if held.num_rows:
        filled = [name for name in held.column_names if any(value not in EMPTY for value in held[name].to_pylist())]
        yield from ((f"{name} {column}", write(change(column))) for column in filled)
        yield f"{name} a row less", write(lambda table: table.slice(1))
        yield f"{name} a row twice", write(lambda table: pa.concat_tables([table.slice(0, 1), table]))


def deep(value: Any) -> Any:
    """Return a value that differs in its first part."""
    if isinstance(value, dict):
        key = next((key for key, inner in value.items() if inner is not None), next(iter(value)))
        return value | {key: deep(value[key])}
    if isinstance(value, list):
        return [deep(value[0]), *value[1:]] if value else value
    if isinstance(value, bytes):
        return value[:-1] + bytes([value[-1] ^ 1])
    return other(value) if value is not None else None


def line_edits(release: Path, name: str) -> Iterator[Edit]:
    """Yield each line removed, each line twice, and each last number of a line changed."""
    lines = (release / name).read_text("utf-8").splitlines(keepends=True)

    def put(at: int, text: str) -> Callable[[Path], None]:
        made = "".join((*lines[:at], text, *lines[at + 1 :])).encode()
        return lambda folder: replace(folder / name, made)

    counted = {row for rows in tables_on([line.rstrip("\n") for line in lines]).values() for row in rows}
    for at, line in enumerate(lines):
        kind = "number" if line.rstrip("\n") in counted else "line"
        place = f"{name} {kind} {line.strip()[:60]!r}"
        if line.strip() and not line.strip().startswith(("num_bytes:", "num_examples:")):  # ``forge`` restores them
            yield f"{place} removed", put(at, "")
            if numbers := list(re.finditer(r"\d+", line)):
                begin, end = numbers[-1].span()
                yield f"{place} another number", put(at, f"{line[:begin]}{int(line[begin:end]) + 1}{line[end:]}")
            if words := list(re.finditer(r"[a-z]{4,}", line)):
                begin, end = words[len(words) // 2].span()
                yield f"{place} another word", put(at, f"{line[:begin]}{line[begin:end][::-1]}q{line[end:]}")
