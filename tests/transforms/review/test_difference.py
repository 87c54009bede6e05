"""A finding in words: how two boxes lie to each other, and what the recipe says about personal text."""

from medmultipoints.transforms.review.difference import describe_difference, describe_kind, describe_privacy


def test_two_boxes_in_words() -> None:
    assert describe_difference(None, None) == []
    assert describe_difference([10, 10, 20, 20], [10, 10, 20, 20])[-1] == "All sides agree within 1.5 px."
    tiny = describe_difference([10, 10, 11, 13], [0, 0, 300, 500])
    assert tiny[-2] == "The source's box is a small part of the derived box."
    assert tiny[-1] == "Its area is less than a hundredth of that of the derived box."


def test_what_may_concern_a_person_is_a_matter_of_the_recipe() -> None:
    assert describe_privacy("shifted", {}) == []
    (reported,) = describe_privacy("shows_date", {})
    assert reported.startswith('[privacy] date = "report" in the recipe: nothing was done.')
    assert describe_privacy("shows_number", {"number": "redact"}) == [
        '[privacy] number = "redact" in the recipe: such places were filled, but for those that touch an object.'
    ]


def test_a_kind_of_finding_is_explained_and_a_kind_of_ours_is_not() -> None:
    assert describe_kind("phantom") == ["A second box inside an object: a hole or a notch that was taken for one."]
    assert describe_kind("sample") == []
