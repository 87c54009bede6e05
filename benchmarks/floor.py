"""Measure the floor: read, hash and decode every file once and write the picture bytes to Parquet.

``python -m benchmarks.floor FOLDER OUTPUT WORKERS`` prints its seconds as JSON. No pipeline that decodes the corpus
can be faster with these libraries and threads.
"""

import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import simplejpeg

ROW_GROUP = 100
SCHEMA = pa.schema([("path", pa.string()), ("sha256", pa.string()), ("bytes", pa.binary())])


def read_decoded(path: Path) -> tuple[str, str, bytes]:
    """Return name, sha256 and bytes of a file, after decoding a picture (a mask in gray)."""
    data = path.read_bytes()
    if path.suffix == ".jpg":
        simplejpeg.decode_jpeg(data, "GRAY" if path.parent.name == "masks" else "RGB")
    return path.name, hashlib.sha256(data).hexdigest(), data


def batches(paths: Sequence[Path]) -> Iterator[Sequence[Path]]:
    """Yield batches of paths, one per row group."""
    return (paths[start : start + ROW_GROUP] for start in range(0, len(paths), ROW_GROUP))


def main(folder: Path, output: Path, workers: int) -> None:
    """Run the measurement and print the seconds."""
    start = time.perf_counter()
    pictures = sorted(folder.rglob("images/*.jpg"))
    others = sorted(path for path in folder.rglob("*") if path.is_file() and path.parent.name != "images")
    options = {"compression": "none", "use_dictionary": False, "write_statistics": False}
    with ThreadPoolExecutor(workers) as pool, pq.ParquetWriter(output / "floor.parquet", SCHEMA, **options) as writer:
        remaining = [pool.submit(lambda part: list(map(read_decoded, part)) and None, part) for part in batches(others)]
        for rows in pool.map(lambda part: list(map(read_decoded, part)), batches(pictures)):
            writer.write_table(pa.table(list(zip(*rows, strict=True)), schema=SCHEMA))
        for one in remaining:
            one.result()
    seconds = time.perf_counter() - start
    print(json.dumps({"work": {"floor": seconds}, "build_seconds": seconds}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
