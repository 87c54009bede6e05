"""The scorer: hand-computed examples, 500 random cases to 1e-6, blind models punished, published items read."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.acceptance.inputs import ROOT, real_data
from tests.docs.page_tables import PAGE, read_table
from tests.transforms.scoring.degenerate import MODELS, NAME, render_table, scores_of
from tests.transforms.scoring.test_published_metrics import (
    test_five_hundred_random_cases_agree_with_a_second_computation,
)

BLOCKS = 10
PUNISHED = ("point_f1_50", "box_f1_50", "box_iou", "mAP_50")
SIGHTED = ("the truth", "the truth, without the fence", "one true object, no other")


def run(work: Path) -> dict[str, Any]:
    """Tests of the scorer, the random cases, the table of blind models, and the command on the published items."""
    check_examples()
    for block in range(BLOCKS):
        test_five_hundred_random_cases_agree_with_a_second_computation(block)
    blind = check_blind_models()
    return {"random_cases": BLOCKS * 50, "agreement": 1e-6, "blind_models": blind} | check_published_items(work)


def check_examples() -> None:
    """The hand-computed examples pass."""
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "tests/transforms/scoring", "-k", "not five_hundred"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]


def check_blind_models() -> dict[str, dict[str, float]]:
    """The strict set gives next to nothing to a model that does not look; the page's table is the code's."""
    assert read_table(NAME) == render_table(), f"{PAGE.name} is out of date"
    scores = {name: scores_of(model) for name, model in MODELS.items()}
    for name, row in scores.items():
        if name not in SIGHTED:
            worst = max(row[f"strict {metric}"] for metric in PUNISHED)
            assert worst < 0.1, f"{name}: {worst}"
    return {name: {column: round(value, 4) for column, value in row.items()} for name, row in scores.items()}


def check_published_items(work: Path) -> dict[str, Any]:
    """The command reads every real published answer and finds it perfect against itself."""
    truth = real_data() / "medmultipoints" / "published_items.jsonl"
    answers = [json.loads(line)["gt"] for line in truth.read_bytes().splitlines()]
    predictions = work / "predictions.jsonl"
    lines = [json.dumps({"response": f"```json\n{json.dumps(answer)}\n```"}) for answer in answers]
    predictions.write_text("".join(f"{line}\n" for line in lines))
    command = [str(Path(sys.executable).with_name("medmultipoints")), "evaluate", "--json"]
    command += ["--truth", str(truth), "--predictions", str(predictions)]
    report = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    overall = report["strict"]["overall"]
    assert report["items"] == len(answers), f"{report['items']} of {len(answers)} items scored"
    assert report["disagreements"] == [], report["disagreements"]
    for name in ("exact_count_accuracy", "point_f1_25", "box_f1_75", "mAP"):
        assert overall[name]["value"] == 1, f"{name} is {overall[name]['value']}"
    return {"published_items": report["items"], "groups": report["strict"]["groups"]}
