"""One frame, cut and uncut: both pictures stay in one group, or the smaller one is dropped and accounted for."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from medmultipoints.data_lake.release.checks.verify import verify_release
from medmultipoints.flows.engine.report import exclusions_of
from tests.faults.tiny_sources import LABEL_TABLE, POLYP_BOXES, box, jpeg, make_polyps, polyp, write_polyps
from tests.flows.small_builds import build
from tests.transforms.examinations.test_keypoints import tissue

RECIPE = """
name = "twins"
version = "1.0.0"
title = "Twins"
release_date = "2026-11-21"
[sources.hyperkvasir]
[boxes]
policy = "audited"
[splits]
fractions = {{ train = 0.6, test = 0.4 }}
pixels = true
{more}
"""


def write_twins(folder: Path) -> Path:
    """Six polyps, of which ``a1`` is a part of ``b2``: columns 48 to 399 and rows 24 to 339."""
    files, whole = make_polyps(), tissue(5)
    stated = json.loads(files[POLYP_BOXES])
    mask = np.zeros(whole.shape, np.uint8)
    mask[100:200, 150:260] = 255
    for stem, (left, top, right, bottom) in {"a1": (48, 24, 400, 340), "b2": (0, 0, 420, 360)}.items():
        files[polyp(stem)] = jpeg(whole[top:bottom, left:right])
        files[polyp(stem, "masks")] = jpeg(mask[top:bottom, left:right])
        place = box("polyp", xmin=149 - left, ymin=99 - top, xmax=260 - left, ymax=200 - top)
        stated[stem] = {"height": bottom - top, "width": right - left, "bbox": [place]}
    files[POLYP_BOXES] = json.dumps(stated).encode()
    assert LABEL_TABLE in files
    assert cv2.countNonZero(mask[..., 0]) == 11_000
    return write_polyps(folder, files)


@pytest.mark.parametrize("action", ["keep", "drop"])
def test_twins_are_kept_together_or_the_smaller_one_is_dropped(tmp_path: Path, action: str) -> None:
    recipe = tmp_path / "twins.toml"
    recipe.write_text(RECIPE.format(more=f'same_frame = "{action}"'))
    outcome = build(str(recipe), tmp_path / "lake", {"hyperkvasir": str(write_twins(tmp_path / "source"))})
    (join,) = outcome.table("joins").rows(named=True)
    assert (join["kind"], join["sample_id"], join["other_id"]) == ("same_frame", "hyperkvasir/a1", "hyperkvasir/b2")
    released = set(outcome.table("released_images")["sample_id"])
    left_out = exclusions_of(outcome).filter(reason="same_frame").select("sample_id", "verdict", "detail").rows()
    assert verify_release(outcome.release.path, leakage=True).ok
    if action == "keep":
        groups = dict(outcome.table("splits").select("sample_id", "group_id").rows())
        assert groups["hyperkvasir/a1"] == groups["hyperkvasir/b2"]
        assert {"hyperkvasir/a1", "hyperkvasir/b2"} < released
        assert [] == left_out
    else:
        assert "hyperkvasir/a1" not in released
        assert "hyperkvasir/b2" in released
        detail = "shows the same frame as hyperkvasir/b2, which is larger"
        assert [("hyperkvasir/a1", "dropped", detail)] == left_out
