"""``medmultipoints witness``, ``train-witness`` and ``evaluate-clicks``: models that check labels and add new ones."""

from collections.abc import Mapping
from os import cpu_count
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from medmultipoints.data_lake.release.write.manifest import read_manifest
from medmultipoints.flows.cli.console import OUT, counting, print_json, table
from medmultipoints.flows.cli.options import JsonOption, SplitOption
from medmultipoints.flows.cli.releases.release import ReleaseArgument
from medmultipoints.transforms.reporting.counted import plural

ModelOption = Annotated[
    list[str],
    typer.Option("--model", metavar="TOML", help="TOML file of a model, or the name of an installed one; repeatable."),
]
OutOption = Annotated[Path, typer.Option("--out", help="Folder to write to.")]
ExecutorOption = Annotated[
    Literal["opencv", "onnxruntime", "onnxruntime-cuda"],
    typer.Option("--executor", help="What runs the model; onnxruntime needs the extra `onnx`."),
]
ThreadsOption = Annotated[int | None, typer.Option("--workers", min=1, help="Threads; the default is one per core.")]


def witness(
    release: ReleaseArgument,
    model: ModelOption,
    out: OutOption,
    pictures: Annotated[
        list[Path] | None,
        typer.Option("--pictures", help="Folder or archive of further pictures, without records; repeatable."),
    ] = None,
    split: SplitOption = None,
    executor: ExecutorOption = "opencv",
    workers: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write models' predictions for the pictures of a release, for `[witness]` of a recipe.

    A model does not judge pictures that it was trained on, nor others of their groups.

    Example: `medmultipoints witness lake/releases/demo/1.0.0 --model models/small-unet-1.toml --out witness`
    """
    from medmultipoints.data_lake.witnesses.write_predictions import predict_release

    with counting("pictures") as progress:
        outcome = predict_release(
            release, model, out, pictures=pictures or [], split=split, executor=executor,
            workers=workers or cpu_count() or 1, progress=progress,
        )  # fmt: skip
    if as_json:
        print_json(outcome)
    else:
        _print_predicted(outcome)


def _print_predicted(outcome: Mapping[str, Any]) -> None:
    """Print what was judged and left out, the notes, and the section for the recipe."""
    judged = f"{plural(outcome['judged'], 'judgement')} of {plural(outcome['pictures'], 'picture')}, "
    judged += plural(outcome["objects"], "object")
    OUT.print(f"{judged}; {outcome['learned']:,} left out because the model was trained on the picture or its group")
    if outcome["unreadable"]:
        OUT.print(f"{plural(outcome['unreadable'], 'file')} left out: decoding failed")
    for note in outcome["notes"]:
        OUT.print(f"note: {note}", markup=False)
    OUT.print(
        f'\nFor the recipe:\n\\[witness]\nfile = "{outcome["file"]}"\nsha256 = "{outcome["sha256"]}"', soft_wrap=True
    )


def train_witness(
    release: ReleaseArgument,
    out: OutOption,
    split: Annotated[str, typer.Option(help="Split to learn from.")] = "train",
    folds: Annotated[int, typer.Option(min=2, max=20, help="Models; each leaves out one part of the groups.")] = 3,
    steps: Annotated[int, typer.Option(min=1, max=100_000, help="Training steps of each model.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, max=2**31, help="Decides folds, first weights and examples.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Train the fixed small model on a release, cross-fitted by group, and score it on what it did not learn.

    Needs the extra `train`; takes minutes on two cores.

    Example: `medmultipoints train-witness lake/releases/demo/1.0.0 --out models`
    """
    from medmultipoints.data_lake.witnesses.train_models import Training, train_and_score

    with counting("training steps") as progress:
        score = train_and_score(release, out, Training(split, folds, seed, steps), cpu_count() or 1, progress)
    if as_json:
        print_json(score)
        return
    _print_score(score)
    OUT.print(f"\n{folds} models and score.json are in {out}", soft_wrap=True)


def evaluate_clicks(
    release: ReleaseArgument,
    model: Annotated[str, typer.Option("--model", metavar="TOML", help="TOML file of a model that takes clicks.")],
    split: SplitOption = None,
    rounds: Annotated[int, typer.Option(min=1, max=100, help="Largest number of clicks per object.")] = 10,
    most: Annotated[
        int | None, typer.Option(min=1, help="Score only so many objects, drawn by their ids; the default is all.")
    ] = None,
    executor: ExecutorOption = "opencv",
    as_json: JsonOption = False,
) -> None:
    """Score a model in rounds of corrective clicks: Dice and IoU after each, and the clicks to an IoU of 0.9.

    Objects of pictures that the model was trained on are left out.

    Example: `medmultipoints evaluate-clicks lake/releases/demo/1.0.0 --model models/small-unet-1.toml`
    """
    from medmultipoints.data_lake.evaluate import corrective_clicks
    from medmultipoints.data_lake.witnesses.model_file import load_model

    with counting("objects") as progress:
        found = corrective_clicks.evaluate_clicks(
            release, read_manifest(release), load_model(model), split=split, rounds=rounds, most=most,
            executor=executor, progress=lambda done: progress(done, None),
        )  # fmt: skip
    if as_json:
        print_json(found)
    else:
        _print_clicks(found, rounds)


def _print_clicks(found: Mapping[str, Any], rounds: int) -> None:
    """Print the overlap after each click, and how many clicks an IoU of 0.9 takes."""
    rows = [
        [str(n), f"{d:.3f}", f"{i:.3f}"] for n, (d, i) in enumerate(zip(found["dice"], found["iou"], strict=True), 1)
    ]
    table(f"{found['model']} on {plural(found['objects'], 'object')}", ["clicks", "Dice", "IoU"], rows)
    missed = f"{found['not_reached']:,} did not reach it in {rounds} and count as {rounds}"
    OUT.print(f"\nclicks to an IoU of 0.9: {found['clicks_to_90']:.2f} ({missed})")
    if found["learned"]:
        OUT.print(f"{plural(found['learned'], 'object')} left out: the model was trained on their pictures or groups")


def _print_score(score: dict[str, Any]) -> None:
    rows = []
    for part in ("out_of_fold", "other_splits"):
        for key, found in score[part].items():
            for name, one in [(key, found)] if key == "all" else found.items():
                if one["judgements"]:
                    dice = [f"{one['mean_dice']:.3f}", f"{one['median_dice']:.3f}"]
                    rows.append([part.replace("_", " "), key, name, f"{one['judgements']:,}", *dice])
    table("Dice of the small model", ["on", "by", "value", "judgements", "mean", "median"], rows)
    missed = [name for name, one in score["out_of_fold"].get("label", {}).items() if one["mean_dice"] == 0]
    if missed:
        OUT.print(f"note: the models find no {', '.join(missed)}: their doubts about it mean nothing", markup=False)
