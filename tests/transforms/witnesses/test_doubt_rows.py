"""A reviewer sees each doubted object once, and what a model does not know last."""

import polars as pl

from medmultipoints.transforms.columns.tables import schema_of
from medmultipoints.transforms.witnesses.doubt_rows import doubts_to_review

BOX = [0.0, 0.0, 10.0, 10.0]


def table(*rows: tuple[str, str, str, str, list[str], float, float]) -> pl.DataFrame:
    """Rows of doubts: id, model, label, kind, objects, doubt, agreement; all of one picture, in this order."""
    return pl.DataFrame(
        [
            {"doubt_id": name, "model_sha256": model, "label": label, "kind": kind, "object_ids": objects}
            | {"doubt": doubt, "agreement": agreement, "place": place, "sample_id": "s/a", "image_sha256": "a"}
            | {"derived_box": BOX}
            for place, (name, model, label, kind, objects, doubt, agreement) in enumerate(rows, 1)
        ],
        schema={name: schema_of("doubts")[name] for name in schema_of("doubts")},
    )


def ids(*rows: tuple[str, str, str, str, list[str], float, float]) -> list[str]:
    return doubts_to_review(table(*rows))["doubt_id"].to_list()


def test_an_object_comes_once_by_the_mean_of_its_models() -> None:
    """One model alone doubts the first object; both doubt the second."""
    rows = [
        ("a1", "m1", "polyps", "extra", ["a"], 1.0, 0.4),
        ("b1", "m1", "polyps", "shifted", ["b"], 0.9, 0.4),
        ("b2", "m2", "polyps", "shifted", ["b"], 0.8, 0.5),
        ("a2", "m2", "polyps", "agrees", ["a"], 0.1, 0.5),
    ]
    assert ["b1", "a1"] == ids(*rows)


def test_a_missing_object_that_several_models_see_comes_once() -> None:
    rows = [("x1", "m1", "polyps", "missing", [], 0.9, 0.0), ("x2", "m2", "polyps", "missing", [], 0.8, 0.0)]
    assert ["x1"] == ids(*rows)


def test_labels_that_a_model_never_finds_come_last() -> None:
    rows = [
        ("t1", "m1", "tool", "extra", ["t"], 1.0, 0.0),
        ("p1", "m1", "polyps", "shifted", ["p"], 0.7, 0.3),
    ]
    assert ["p1", "t1"] == ids(*rows)


def test_without_doubts_there_is_nothing_to_review() -> None:
    assert [] == ids()
    assert [] == ids(("p1", "m1", "polyps", "agrees", ["p"], 0.1, 0.9))
