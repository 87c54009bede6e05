"""Score the masks among a model's answers against those of a release."""

from collections.abc import Mapping
from pathlib import Path

import orjson

from medmultipoints.data_lake.evaluate.score import SEGMENTATION
from medmultipoints.data_lake.release.read.released_tables import read_all_instructions, read_parquet
from medmultipoints.data_lake.release.write.manifest import read_manifest
from medmultipoints.transforms.instructions.answers.fences import read_fenced
from medmultipoints.transforms.masks.run_lengths import decode_rle
from medmultipoints.transforms.scoring.mask_overlap import MaskScore, score_mask


def score_masks(truth: Path, responses: Mapping[str, str], split: str | None = None) -> list[MaskScore]:
    """Return the score of each mask in ``responses``, by instruction id; none if the truth is a file."""
    if not responses or not truth.is_dir():
        return []
    manifest = read_manifest(truth)
    names = read_parquet(truth, manifest, "data", split).select("record_id", "sample_id")
    images = read_parquet(truth, manifest, "images", split).select("sample_id", "group_id")
    groups = dict(names.join(images, on="sample_id").select("record_id", "group_id").iter_rows())
    asked = read_all_instructions(truth, manifest, split).filter(task=SEGMENTATION).sort("instruction_id")
    return [
        _score(row["answer"], groups[row["record_id"]], responses[row["instruction_id"]])
        for row in asked.iter_rows(named=True)
        if row["instruction_id"] in responses
    ]


def _score(answer: str, group: str, response: str) -> MaskScore:
    stated = orjson.loads(read_fenced(answer, "any") or answer)["rle"]
    return score_mask(group, decode_rle(stated["counts"], *stated["size"]), response)
