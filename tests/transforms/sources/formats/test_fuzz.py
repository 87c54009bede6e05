"""Whatever bytes a person brings, inspection ends in a result or in an error for people, never in a traceback."""

import json
import zlib
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from medmultipoints.transforms.errors import PipelineError
from medmultipoints.transforms.regions.derive import DeriveParameters, derive_sample
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.declared import read_declared
from medmultipoints.transforms.sources.inspecting.inspection import declare, inspect_source, nest_keys
from medmultipoints.transforms.sources.registry import find_format
from tests.members import MemoryMembers
from tests.transforms.sources.formats.layouts import Layout
from tests.transforms.sources.formats.test_layouts import EVERY, LAYOUTS

ODD: tuple[Any, ...] = (None, -1, 1e400, "", "x", [], {}, [[]], [None], {"a": 1}, True, 2**70, "\ud800", float("nan"))
INSPECTED = 2
DERIVED = 6


def damaged(data: bytes, chance: np.random.Generator) -> bytes:
    """Bytes cut off, overwritten or repeated."""
    at = int(chance.integers(0, max(1, len(data))))
    match int(chance.integers(0, 3)):
        case 0:
            return data[:at]
        case 1:
            return data[:at] + bytes(chance.integers(0, 256, 8, dtype=np.uint8)) + data[at + 8 :]
        case _:
            return data[:at] + data[max(0, at - 30) :]


def odd_json(value: Any, chance: np.random.Generator) -> Any:
    """JSON with one value in thirty replaced by another kind."""
    if chance.random() < 1 / 30:
        return ODD[int(chance.integers(0, len(ODD)))]
    if isinstance(value, dict):
        return {key: odd_json(held, chance) for key, held in value.items()}
    if isinstance(value, list):
        return [odd_json(held, chance) for held in value]
    return value


def mutate(name: str, data: bytes, chance: np.random.Generator) -> bytes:
    if name.endswith((".json", ".jsonl")) and chance.random() < 0.7:
        return json.dumps(odd_json(json.loads(data.splitlines()[0] or b"{}"), chance)).encode()
    return damaged(data, chance)


def random_for(layout: Layout, seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(zlib.crc32(layout.name.encode()) + seed))


def inspect_damaged(layout: Layout, chance: np.random.Generator) -> None:
    """Damage all annotation files and one picture, and inspect what is left."""
    names = sorted(layout.files)
    texts = [name for name in names if not name.endswith((".png", ".jpg", ".tif"))] or names[:2]
    files = dict(layout.files)
    for name in texts[:6]:
        files[name] = mutate(name, files[name], chance)
    picture = names[int(chance.integers(0, len(names)))]
    files[picture] = mutate(picture, layout.files[picture], chance)
    with suppress(PipelineError):
        inspect_source(MemoryMembers(files), {})


def read_damaged(layout: Layout, declaration: Declaration, chance: np.random.Generator) -> None:
    """Damage one to three files of a source that was declared when it was sound, and read it to its regions."""
    names, files = sorted(layout.files), dict(layout.files)
    for place in chance.integers(0, len(names), int(chance.integers(1, 4))).tolist():
        files[names[place]] = mutate(names[place], files[names[place]], chance)
    members = MemoryMembers(files)
    with suppress(PipelineError):
        indexed = read_declared("s", declaration, {}, members, find_format(declaration.format).read)
        assert all(one.reason and one.detail for one in indexed.exclusions)
        for sample in list(indexed.samples)[:DERIVED]:
            derive_sample(sample, members.read, DeriveParameters())


def declared(layout: Layout) -> Declaration:
    return declare(inspect_source(MemoryMembers(layout.files), nest_keys(layout.answers)).used)


@pytest.mark.parametrize("layout", EVERY, ids=lambda layout: layout.name)
def test_damage_ends_in_words(layout: Layout) -> None:
    """By a fixed seed; every problem has a reason."""
    chance = random_for(layout, 0)
    for _ in range(INSPECTED):
        inspect_damaged(layout, chance)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_damage_behind_a_declaration_ends_in_words(layout: Layout) -> None:
    read_damaged(layout, declared(layout), random_for(layout, 1))
