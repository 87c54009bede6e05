"""Whatever bytes come in, a parser ends in a result or in a named error, in bounded time; by a fixed seed.

`make accept ONLY=f1` looks further, led by the code that an input reaches, where atheris is installed.
"""

import time
import zlib

import numpy as np
import pytest

from tests.faults.parsers import PARSERS, Parser

ROUNDS = 120
MOST_SECONDS = 5.0
ODD = (b"\0", b"\xff", b"NaN", b"1e999", b"-1", b"[[[[", b"\xed\xa0\x80", "\u0661".encode(), b"\x1b[2J", b"9" * 30)


def mutate(data: bytes, chance: np.random.Generator) -> bytes:
    """Bytes cut off, flipped, overwritten, repeated, or with something odd put in."""
    for _ in range(int(chance.integers(1, 4))):
        at = int(chance.integers(0, max(1, len(data))))
        end = at + int(chance.integers(1, 12))
        match int(chance.integers(0, 5)):
            case 0:
                data = data[:at]
            case 1:
                data = (
                    data[:at] + bytes([data[at] ^ (1 << int(chance.integers(0, 8)))]) + data[at + 1 :]
                    if data
                    else b"\0"
                )
            case 2:
                data = data[:at] + chance.bytes(end - at) + data[end:]
            case 3:
                data = data[:end] + data[at:]
            case _:
                data = data[:at] + ODD[int(chance.integers(0, len(ODD)))] + data[end:]
    return data


@pytest.mark.parametrize("name", PARSERS)
def test_a_sound_input_is_read(name: str) -> None:
    assert all(PARSERS[name].survives(seed) for seed in PARSERS[name].seeds)


@pytest.mark.parametrize("name", PARSERS)
def test_any_input_ends_in_a_result_or_a_named_error(name: str) -> None:
    parser: Parser = PARSERS[name]
    chance = np.random.Generator(np.random.PCG64(zlib.crc32(name.encode())))
    for number in range(ROUNDS):
        data = mutate(parser.seeds[number % len(parser.seeds)], chance)
        start = time.process_time()
        parser.survives(data)
        assert time.process_time() - start < MOST_SECONDS, data[:200]
