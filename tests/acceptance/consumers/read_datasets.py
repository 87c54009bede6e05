"""Entries of a conversation through ``datasets``, as a trainer loads them: one JSON line an entry."""

import json
import sys
from pathlib import Path

from datasets import disable_progress_bars, load_dataset


def read(folder: Path, cache: str) -> None:
    """Print every entry of every split."""
    disable_progress_bars()
    files = sorted(path for path in folder.glob("*.json*") if path.stem not in ("export", "dataset_info"))
    for path in files:
        for row in load_dataset("json", data_files=str(path), split="train", cache_dir=cache):
            print(json.dumps(row))


read(Path(sys.argv[1]), sys.argv[2])
