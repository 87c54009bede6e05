"""Load the first rows of a dataset with ``load_dataset``, in a separate process with its own caches.

Standard input: JSON with path, revision, configs (splits by config) and rows. Standard output: JSON with the rows by
config and split, without pictures; a picture that does not decode to its stated size is an error.
"""

import json
import os
import sys
from typing import Any


def load_rows(path: str, revision: str | None, config: str, split: str, rows: int) -> list[dict[str, Any]]:
    """Return the first rows; ValueError for a picture that does not decode to its stated size."""
    import datasets

    stream = datasets.load_dataset(path, config, split=split, revision=revision, streaming=True)
    found = []
    for row in stream.take(rows):
        if "img_size" in row and "image" in row:  # in a dialect, ``image`` is a path
            size = row.pop("image").size
            if list(size) != row["img_size"]:
                raise ValueError(f"{next(iter(row.values()))}: the picture has {size}, img_size says {row['img_size']}")
        found.append({name: value for name, value in row.items() if not _are_pictures(value)})
    return found


def _are_pictures(value: Any) -> bool:
    """Return whether a value is a list of pictures, each of which opens; ValueError for one that does not."""
    from PIL import Image

    if not (isinstance(value, list) and value and all(isinstance(one, Image.Image) for one in value)):
        return False
    for one in value:
        one.load()
    return True


def main() -> None:
    """Answer the request on standard input."""
    asked = json.load(sys.stdin)
    answer = {
        config: {split: load_rows(asked["path"], asked["revision"], config, split, asked["rows"]) for split in splits}
        for config, splits in asked["configs"].items()
    }
    sys.stdout.write(f"\n{json.dumps(answer)}\n")
    sys.stdout.flush()
    os._exit(0)  # reader threads that are still alive sometimes abort a regular exit


if __name__ == "__main__":
    main()
