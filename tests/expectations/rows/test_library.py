"""The import of Great Expectations."""

import subprocess
import sys

import pytest

FIRST_USE = """
import sys

from medmultipoints.expectations.rows.library import gx
assert not any(name.startswith("scipy.stats.") for name in sys.modules), "loaded before its first use"
assert gx.__version__
import scipy.stats
assert scipy.stats.norm.cdf(0) == 0.5
"""


@pytest.mark.slow
def test_the_import_leaves_scipy_stats_until_its_first_use() -> None:
    done = subprocess.run([sys.executable, "-c", FIRST_USE], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
