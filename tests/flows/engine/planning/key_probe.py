"""Run in a copy of the project: print the keys of all stages as they are, and after each edit of a file.

Arguments: recipe, lake, the sources and the edits as JSON. An edit is [file, old text, new text], where the first
occurrence counts and no old text means the end of the file; it is undone before the next. Nothing is built.
"""

import json
import sys
from pathlib import Path

from medmultipoints.flows.engine.planning.plan import plan_keys
from medmultipoints.flows.engine.prepare import prepare
from medmultipoints.flows.engine.request import BuildRequest
from medmultipoints.flows.stages.pipeline import PIPELINE


def main(recipe: str, lake: str, sources: str, edits: str) -> None:
    """One line of JSON: the list of keys, the untouched project's first."""
    found = [keys(recipe, lake, sources)]
    for name, old, new in json.loads(edits):
        path = Path(name)
        text = path.read_text("utf-8")
        assert old in text, f"{name}: no {old!r} in it"
        path.write_text(text.replace(old, new, 1) if old else text + new, "utf-8")
        found.append(keys(recipe, lake, sources))
        path.write_text(text, "utf-8")
    assert keys(recipe, lake, sources) == found[0], "an edit was not undone"
    print(json.dumps(found))  # noqa: T201


def keys(recipe: str, lake: str, sources: str) -> dict[str, str]:
    """The keys as a new run would compute them."""
    return plan_keys(prepare(BuildRequest(recipe=recipe, lake=lake, sources=json.loads(sources)), PIPELINE), PIPELINE)


if __name__ == "__main__":
    main(*sys.argv[1:])
