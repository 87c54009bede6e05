"""The meaning of words that a report counts."""

from medmultipoints.transforms.reporting.explained import meaning_of_kind, meaning_of_reason


def test_a_word_that_is_both_a_finding_and_a_reason_has_a_meaning_of_each() -> None:
    assert meaning_of_kind("same_frame") == "the same frame is in the data twice, cut and uncut"
    assert meaning_of_reason("same_frame") == "a cut copy of another picture, dropped by `[splits] same_frame`"


def test_a_reason_of_a_mask_is_found_without_its_prefix_and_a_rule_of_a_table_has_none() -> None:
    assert meaning_of_reason("values_unclear") == meaning_of_reason("mask_values_unclear")
    assert meaning_of_reason("box_has_area") == meaning_of_kind("nothing") == ""
