"""Models that do not look at the picture, under both metric sets: the table of ``docs/evaluation.md``.

``python -m tests.transforms.scoring.degenerate`` writes the table again.
"""

import math
from collections.abc import Callable, Iterator

from medmultipoints.transforms.scoring.answers.items import PARTS, Item, Truth
from medmultipoints.transforms.scoring.published_metrics import published_metrics
from medmultipoints.transforms.scoring.strict import strict_scores
from tests.docs.page_tables import write_table
from tests.transforms.scoring.questions import Lists, fenced, truth

NAME = "degenerate"
IMAGES = 60
CENTRE = [320.0, 240.0]
COLUMNS = {
    "published": ("count_mae", "point_mae", "matching_accuracy", "zero_cases", "iou", "mAP_50"),
    "strict": ("unread_rate", "exact_count_accuracy", "point_error", "point_f1_50", "box_iou", "box_f1_50", "mAP_50"),
}


def scenes() -> Iterator[tuple[Lists, Lists]]:
    """Points and boxes of each image: 0 to 11 objects of 20 to 60 px on a grid, no randomness."""
    for image in range(IMAGES):
        boxes = []
        for number in range(image % 12):
            size = 20.0 + 10 * ((image + number) % 5)
            x, y = 40.0 + 150 * (number % 4) + image % 7, 40.0 + 140 * (number // 4) + image % 5
            boxes.append([x, y, x + size, y + size])
        yield [[(x1 + x2) / 2, (y1 + y2) / 2] for x1, y1, x2, y2 in boxes], boxes


def questions() -> list[Truth]:
    """Each task asked of each image."""
    found = []
    for image, (points, boxes) in enumerate(scenes()):
        for task in PARTS:
            known = {"item_id": f"{image}:{task}", "group": str(image), "count": len(boxes), "boxes": boxes}
            found.append(truth(task, points=points if "point" in task else [], **known))
    return found


def _said(task: str, points: Lists, boxes: Lists, count: int | None = None) -> str:
    key, places = ("point_2d", points) if "point" in task else ("bbox_2d", boxes)
    stated = {"counts": len(places) if count is None else count}
    if task == "counting":
        return fenced(stated)
    return fenced(
        stated | {key: places} if task in ("cnt_and_point", "count_and_box") else [{key: one} for one in places]
    )


def _everything(asked: Truth) -> str:
    return _said(asked.task, _lists(asked.points), _lists(asked.boxes), asked.count)


def _first(asked: Truth) -> str:
    return _said(asked.task, _lists(asked.points)[:1], _lists(asked.boxes)[:1])


def _repeated(asked: Truth) -> str:
    return _said(asked.task, _lists(asked.points)[:1] * 30, _lists(asked.boxes)[:1] * 30)


def _lists(places: tuple[tuple[float, ...], ...]) -> Lists:
    return [list(place) for place in places]


MODELS: dict[str, Callable[[Truth], str]] = {
    "the truth": _everything,
    "finds nothing, in good JSON": lambda asked: _said(asked.task, [], []),
    "writes no JSON": lambda _: "I am sorry, but I cannot see any objects in this image.",
    "the truth, without the fence": lambda asked: _everything(asked).strip("`").removeprefix("json"),
    "the picture's centre for everything": lambda asked: _said(asked.task, [CENTRE], [[310.0, 230.0, 330.0, 250.0]]),
    "one true object, no other": _first,
    "one true object, thirty times": _repeated,
}


def scores_of(model: Callable[[Truth], str]) -> dict[str, float]:
    """Every column of the table: published values as means over the tasks that have them, zero cases as their sum."""
    items = [Item(asked, model(asked)) for asked in questions()]
    published = published_metrics(items)
    strict = strict_scores(items).overall
    found = {}
    for name in COLUMNS["published"]:
        values = [metrics[name] for metrics in published.values() if name in metrics]
        found[f"published {name}"] = sum(values) if name == "zero_cases" else math.fsum(values) / len(values)
    return found | {f"strict {name}": strict[name] for name in COLUMNS["strict"]}


def render_table() -> str:
    """The table as Markdown."""
    rows = {name: scores_of(model) for name, model in MODELS.items()}
    columns = list(next(iter(rows.values())))
    titles = [column.replace(" ", "<br>", 1) for column in columns]
    lines = [f"| model | {' | '.join(titles)} |", f"|---|{'---:|' * len(columns)}"]
    for name, row in rows.items():
        lines.append(f"| {name} | {' | '.join(_cell(column, row[column]) for column in columns)} |")
    return "\n".join(lines) + "\n"


def _cell(column: str, value: float) -> str:
    return f"{value:.0f}" if column.endswith("zero_cases") else f"{value:.2f}"


if __name__ == "__main__":
    write_table(NAME, render_table())
