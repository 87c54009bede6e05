"""Fixtures that every test folder shares."""

from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes is for benchmarks to say: on a busy machine a deadline would fail at random.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")

REAL = Path(__file__).resolve().parents[2] / "shared" / "real"


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder of real source data beside the checkout; the test skips where it is absent."""
    if not REAL.is_dir():
        pytest.skip(f"no real data at {REAL.parent.name}/{REAL.name} beside the checkout")
    return REAL
