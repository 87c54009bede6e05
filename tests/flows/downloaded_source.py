"""A source that is downloaded: an installed plug-in declares it, a server on this machine has its archive."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.data_lake.fetch.file_server import FileServer, serve
from tests.flows.small_builds import write_recipe

SOURCE = """
name     = "ours"
reader   = "pairs"
labels   = ["instrument"]
title    = "Ours"
homepage = "https://example.org"
licence  = "CC-BY-4.0"
citation = "Us"
[[archives]]
name = "ours.zip"
url  = "{url}/ours.zip"
[read]
format = "pairs"
images = "**/images/*"
annotations = ["**/masks/*", "**/bboxes.json"]
masks.label = "instrument"
"""


@contextmanager
def served(archive: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """Within the block the server has an archive of Kvasir-Instrument, and the catalogue lists ``ours``."""
    package, metadata = folder / "ours_plugin", folder / "ours_plugin-1.0.dist-info"
    package.mkdir()
    metadata.mkdir()
    (package / "__init__.py").write_text("")
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: ours-plugin\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[medmultipoints.catalogue]\nours = ours_plugin\n")
    monkeypatch.syspath_prepend(str(folder))
    with serve({"/ours.zip": archive.read_bytes()}) as running:
        (package / "ours.toml").write_text(SOURCE.format(url=running.url))
        yield running


def recipe_of_ours(folder: Path) -> str:
    """The path of the small recipe with ``ours`` as its only source."""
    three = "[sources.hyperkvasir]\n[sources.kvasir_instrument]\n[sources.visem_tracking]"
    return write_recipe(folder / "small.toml", (three, "[sources.ours]"))
