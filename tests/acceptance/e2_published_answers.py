"""The published items on real pictures: the released answers have the published shape and values, to the letter."""

import json
from pathlib import Path
from typing import Any

from medmultipoints.data_lake.release.read.released_tables import read_all_instructions
from medmultipoints.data_lake.release.write.manifest import read_manifest
from tests.acceptance.a2_published import published_items
from tests.acceptance.builds import build
from tests.acceptance.inputs import hyperkvasir

POLYP_ITEMS = 23


def run(work: Path) -> dict[str, Any]:
    """Every published item of a picture at hand against the JSONL of the recipe ``published``."""
    folder = build("published", work / "lake", {"hyperkvasir": hyperkvasir()}).release.path
    rows = read_all_instructions(folder, read_manifest(folder))
    answers = {(row["record_id"], row["task"]): row["answer"] for row in rows.iter_rows(named=True)}
    compared = 0
    for item in published_items():
        if "hyperkvasir_id" not in item:
            continue
        wanted = f"```json\n{json.dumps(item['gt'])}\n```"
        found = answers[f"{item['image_sha256']}:polyps", item["task"]]
        assert found == wanted, f"{item['image_sha256']} {item['task']}: {found} is not {wanted}"
        compared += 1
    assert compared >= POLYP_ITEMS, f"{compared} items compared"
    line = (folder / "instructions/train.jsonl").read_bytes().splitlines()[0]
    keys = list(json.loads(line))
    assert keys == ["messages", "images", "instruction_id", "record_id"], keys
    return {"items": compared, "tasks": sorted(set(rows["task"])), "instructions": rows.height}
