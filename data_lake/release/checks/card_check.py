"""Check a release's README.md against the rules of the Hub before an upload."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from medmultipoints.data_lake.release.write.manifest import Manifest
from medmultipoints.transforms.errors import DataError

README = "README.md"
SIZES = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "100M<n<1B", "n>10M")
CREATORS = ("found", "crowdsourced", "expert-generated", "machine-generated", "no-annotation", "other")
REQUIRED = ("license", "pretty_name", "configs", "dataset_info", "size_categories")


def check_card(folder: Path, manifest: Manifest) -> None:
    """Raise DataError with the first problem unless the Hub can read the front matter."""
    try:
        text = (folder / README).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{folder / README} cannot be read: {error}. Build the release again.") from None
    for problem in card_problems(text, [entry.path for entry in manifest.files]):
        raise DataError(f"{README}: {problem}. Correct the card's text in the recipe and build the release again.")


def card_problems(text: str, paths: list[str]) -> Iterator[str]:
    """Yield a sentence for each part of the front matter that the Hub or its viewer would not accept."""
    if not text.startswith("---\n") or "\n---\n" not in text[4:]:
        yield "has no front matter between two lines of ---"
        return
    try:
        values = yaml.safe_load(text[4:].split("\n---\n", 1)[0])
    except yaml.YAMLError as error:
        yield f"front matter is not valid YAML: {' '.join(str(error).split())}"
        return
    if not isinstance(values, dict):
        yield "front matter is not a mapping of names to values"
        return
    yield from (f"front matter has no {name}" for name in REQUIRED if not values.get(name))
    yield from _value_problems(values)
    yield from _config_problems(values, paths)


def _value_problems(values: dict[str, Any]) -> Iterator[str]:
    if values.get("license") == "other" and not (values.get("license_name") and values.get("license_link")):
        yield "license: other needs license_name and license_link"
    for name, allowed in (("size_categories", SIZES), ("annotations_creators", CREATORS)):
        yield from (
            f"{name}: {one!r} is not one of {', '.join(allowed)}" for one in values.get(name, ()) if one not in allowed
        )
    for name in ("tags", "language", "task_categories"):
        if not all(isinstance(one, str) for one in values.get(name, ())):
            yield f"{name} holds a value that is not text: write it in quotes"


def _config_problems(values: dict[str, Any], paths: list[str]) -> Iterator[str]:
    configs = values.get("configs") or ()
    for config in configs:
        for file in config["data_files"]:
            patterns = [file["path"]] if isinstance(file["path"], str) else file["path"]
            for pattern in patterns:
                if not any(fnmatchcase(path, pattern) for path in paths):
                    yield f"config {config['config_name']}: no file of the release matches {pattern}"
    described = {info.get("config_name") for info in values.get("dataset_info") or ()}
    named = {config["config_name"] for config in configs}
    if described != named:
        yield f"configs and dataset_info name different configs: {', '.join(sorted(map(str, described ^ named)))}"
