"""The tiny release for this folder."""

from tests.data_lake.release.conftest import release, tables, written

__all__ = ["release", "tables", "written"]
