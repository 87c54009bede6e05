"""Tiny sources without a fault, for the tests to spoil."""

import pytest

from tests.faults.tiny_sources import Files, make_frames, make_instruments, make_polyps


@pytest.fixture
def polyps() -> Files:
    return make_polyps()


@pytest.fixture
def instruments() -> Files:
    return make_instruments()


@pytest.fixture
def frames() -> Files:
    return make_frames()
