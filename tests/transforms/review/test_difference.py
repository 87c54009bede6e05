def test_what_may_concern_a_person_is_a_matter_of_the_recipe() -> None:
    assert privacy_words("shifted", {}) == []
    (reported,) = privacy_words("shows_date", {})
    assert reported.startswith('[privacy] date = "report" in the recipe: nothing was done.')
    assert privacy_words("shows_number", {"number": "redact"}) == [
        '[privacy] number = "redact" in the recipe: such places were filled, but for those that touch an object.'
    ]
