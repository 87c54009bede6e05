"""Whatever bytes a person brings, inspection ends in a result or in an error for people, never in a traceback."""

import json
import zlib
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from medmultipoints.transforms.errors import PipelineError
from medmultipoints.transforms.sources.inspection import inspect_source
from tests.members import MemoryMembers
from tests.transforms.sources.formats.layouts import Layout, all_layouts

ODD: tuple[Any, ...] = (None, -1, 1e400, "", "x", [], {}, [[]], [None], {"a": 1}, True, 2**70, "\ud800", float("nan"))
ROUNDS = 6


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


@pytest.mark.parametrize("layout", all_layouts(), ids=lambda layout: layout.name)
def test_damage_ends_in_words(layout: Layout) -> None:
    """Each file is damaged in turn, by a fixed seed; every problem has a reason."""
    chance = np.random.Generator(np.random.PCG64(zlib.crc32(layout.name.encode())))
    names = sorted(layout.files)
    texts = [name for name in names if not name.endswith((".png", ".jpg", ".tif"))] or names[:2]
    for _ in range(ROUNDS):
        files = dict(layout.files)
        for name in texts[:6]:
            files[name] = mutate(name, files[name], chance)
        picture = names[int(chance.integers(0, len(names)))]
        files[picture] = mutate(picture, layout.files[picture], chance)
        with suppress(PipelineError):
            assert inspect_source(MemoryMembers(files), {}).pictures >= 0
