"""Labels that questions cannot distinguish are found before any question is asked."""

from medmultipoints.data_lake.prompts.object_names import load_names
from medmultipoints.transforms.instructions.naming.alike_labels import find_alike


def test_labels_of_one_name_are_alike_whatever_their_case_or_separators() -> None:
    labels = ["RBC", "rbc", "Rbc", "left_kidney", "left kidney", "tumour", "liver"]
    assert [("RBC", "Rbc", "rbc"), ("left kidney", "left_kidney")] == find_alike(load_names(), labels)


def test_a_label_that_is_the_name_or_the_plural_of_another_is_alike() -> None:
    labels = ["polyps", "Polyp", "cell", "cells", "surgical instrument", "instrument"]
    expected = [("Polyp", "polyps"), ("cell", "cells"), ("instrument", "surgical instrument")]
    assert expected == find_alike(load_names(), labels)


def test_the_labels_of_the_sources_that_come_with_the_project_are_not_alike() -> None:
    assert [] == find_alike(load_names(), ["polyps", "instrument", "normal", "pinhead", "cluster"])
