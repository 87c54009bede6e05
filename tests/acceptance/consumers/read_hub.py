"""One reader of a published version: ``read_hub.py READER REPO TAG COMMIT`` prints what it saw as JSON."""

import json
import sys


def load_dataset(repo: str, revision: str) -> dict[str, dict[str, int]]:
    """Rows by config and split; every picture opens with its stated size."""
    import datasets

    counts: dict[str, dict[str, int]] = {}
    for config in ("records", "images", "objects", "instructions"):
        loaded = datasets.load_dataset(repo, config, revision=revision)
        counts[config] = {split: part.num_rows for split, part in loaded.items()}
        if config == "records":
            for part in loaded.values():
                assert all(list(row["image"].size) == row["img_size"] for row in part)
    return counts


def snapshot_download(repo: str, revision: str) -> int:
    """Files of the snapshot."""
    from pathlib import Path

    import huggingface_hub

    folder = huggingface_hub.snapshot_download(repo, repo_type="dataset", revision=revision)
    return sum(path.is_file() for path in Path(folder).rglob("*"))


def pandas(repo: str, revision: str) -> int:
    """Rows of the objects table."""
    import pandas as pd
    from huggingface_hub import HfFileSystem

    paths = HfFileSystem().glob(f"datasets/{repo}@{revision}/objects/*.parquet")
    return sum(len(pd.read_parquet(f"hf://{path}")) for path in paths)


def polars(repo: str, revision: str) -> int:
    """Rows of the objects table; polars' own hf:// ignores HF_ENDPOINT, so it is given open files."""
    import polars as pl
    from huggingface_hub import HfFileSystem

    files = HfFileSystem()
    paths = files.glob(f"datasets/{repo}@{revision}/objects/*.parquet")
    return sum(pl.read_parquet(files.open(path)).height for path in paths)


READERS = {
    "load_dataset_tag": lambda repo, tag, _: load_dataset(repo, tag),
    "load_dataset_commit": lambda repo, _, commit: load_dataset(repo, commit),
    "snapshot_download": lambda repo, tag, _: snapshot_download(repo, tag),
    "pandas": lambda repo, tag, _: pandas(repo, tag),
    "polars": lambda repo, tag, _: polars(repo, tag),
}

if __name__ == "__main__":
    print(json.dumps(READERS[sys.argv[1]](*sys.argv[2:])))
