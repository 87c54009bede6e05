"""Both upload paths of the client, and the bytes that are sent when one record of a 200 MB release changes."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.acceptance.inputs import small
from tests.acceptance.publishing import apart, publish_by_command
from tests.data_lake.release import tiny_tables
from tests.data_lake.release.tiny_release import write_release
from tests.hub.running import TestHub, start_hub

REPO = "acme/large"
SIDE = 320


def run(work: Path) -> dict[str, Any]:
    """The pushes, in a process of its own."""
    return apart(__name__, work)


def show(work: Path) -> dict[str, Any]:
    """Bytes sent by the first push and by the one with one corrected box, over LFS and over Xet."""
    first, second, size = write_large(work / "releases", 60 if small() else 1_600)
    figures: dict[str, Any] = {"release_bytes": size}
    for name, options in (("lfs", ()), ("xet", ("--xet",))):
        with start_hub(work / name, *options) as hub:
            sent = []
            for folder in (first, second):
                hub.calm()
                before = stored(hub)
                told = publish_by_command(hub, work / f"home-{name}", folder, REPO, xet=name == "xet")
                assert (told["outcome"], told["read_back"]) == ("pushed", ["files_read_back", "rows_load"]), told
                uploaded = sum(row["bytes"] for row in hub.log if row["method"] == "PUT")
                sent.append(stored(hub) - before if name == "xet" else uploaded)
            figures |= {f"{name}_first": sent[0], f"{name}_one_record": sent[1]}
            figures[f"{name}_share"] = round(sent[1] / size, 4)
    assert figures["xet_share"] < 0.1, f"a changed record sends {figures['xet_share']:.1%} of the release again"
    return figures


def stored(hub: TestHub) -> int:
    """The bytes of the chunks that the client put into the Xet storage."""
    return sum(path.stat().st_size for path in (hub.root / "cas").rglob("*") if "xorbs" in path.parts)


def write_large(folder: Path, images: int) -> tuple[Path, Path, int]:
    """Two releases of incompressible pictures that differ in one box, and the bytes of the first."""
    noise = np.random.default_rng(5)
    objects = list(tiny_tables.OBJECTS)
    for number in range(images):
        buffer = BytesIO()
        Image.fromarray(noise.integers(0, 256, (SIDE, SIDE, 3), np.uint8)).save(buffer, "JPEG", quality=95)
        tiny_tables.PICTURES[f"hyperkvasir/noise{number:05d}"] = buffer.getvalue()
        objects.append((f"hyperkvasir/noise{number:05d}", "polyps", [(5.0, 6.0, 50.0, 60.0)]))
    first = write_release(folder / "first", tiny_tables.make_tables(tuple(objects)))
    objects[len(objects) // 2] = (*objects[len(objects) // 2][:2], [(5.0, 6.0, 51.0, 60.0)])
    second = write_release(folder / "second", tiny_tables.make_tables(tuple(objects)), "1.1.0")
    return first, second, sum(path.stat().st_size for path in first.rglob("*") if path.is_file())
