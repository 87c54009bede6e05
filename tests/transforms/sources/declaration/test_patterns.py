"""Patterns of paths: what a hole holds, what is ambiguous, and what joins."""

import pytest

from medmultipoints.transforms.sources.declaration.patterns import PatternError, compile_pattern, fill


def read(pattern: str, path: str) -> dict[str, str] | None:
    return compile_pattern(pattern).match(path)


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("BCCD/JPEGImages/{stem}.jpg", "BCCD/JPEGImages/BloodImage_00002.jpg", {"stem": "BloodImage_00002"}),
        ("{stem}.jpg", "a_jpg.rf.0123.jpg", {"stem": "a_jpg.rf.0123"}),
        ("{stem}.jpg", "A.JPG", {"stem": "A"}),
        ("{stem}.jpg", "folder/a.jpg", None),
        ("{nr:int}_{mode}_{organ}.png", "12_ct_left_liver.png", {"nr": "12", "mode": "ct", "organ": "left_liver"}),
        ("{a}/{b:OD|OS}_{n:int}.tif", "x/OS_007.tif", {"a": "x", "b": "OS", "n": "007"}),
        (r"{p:[A-Z]{2}\d{4}}_{n:int}.tif", "AB0001_3.tif", {"p": "AB0001", "n": "3"}),
        ("**/{stem}.png", "{a}/b/c.png", {"stem": "c"}),
        ("**/{stem}.png", "c.png", {"stem": "c"}),
        ("images/**", "images/a/b.png", {}),
        ("{stem}[_{eye:OD|OS}].png", "x_OD.png", {"stem": "x", "eye": "OD"}),
        ("{stem:x}[_{eye:OD|OS}].png", "x.png", {"stem": "x"}),
        ("ct_tumor ({n:int}).png", "ct_tumor (10).png", {"n": "10"}),
        ("{p}/{p}_{n:int}.png", "a/a_1.png", {"p": "a", "n": "1"}),
        ("{p}/{p}_{n:int}.png", "a/b_1.png", None),
        ("{rule:.+}.png", "a/b.png", None),
        (r"{volume:.+_\d+}_{slice:int}_{target:\D+}_{k:int}.png", "amos_0004_75_vena_cava_000.png",
         {"volume": "amos_0004", "slice": "75", "target": "vena_cava", "k": "000"}),
    ],
)  # fmt: skip
def test_a_hole_is_the_shortest_text_without_slash_and_the_next_character(
    pattern: str, path: str, expected: dict[str, str] | None
) -> None:
    assert expected == read(pattern, path)


def test_a_hole_may_hold_the_next_character_where_there_is_one_way() -> None:
    found = read(r"ct_{target}_{n:\d{3}}.png", "ct_inferior_vena_cava_000.png")
    assert found == {"target": "inferior_vena_cava", "n": "000"}


def test_a_path_with_two_readings_is_refused_with_both() -> None:
    with pytest.raises(PatternError, match=r"in two ways: volume = 'amos'.* or volume = 'amos_0004'"):
        read("{volume}_{slice:int}_{target}_{k:int}.png", "amos_0004_75_vena_cava_000.png")


@pytest.mark.parametrize("pattern", ["{a}{b}.png", "{a}*.png", "{a", "{}.png", "{1a}.png", "{a:(}.png"])
def test_a_wrong_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError, match="pattern"):
        compile_pattern(pattern)


def test_numbers_join_without_leading_zeros() -> None:
    pictures, masks = compile_pattern("{p}_{n:int}.png"), compile_pattern("m/{p}_{n:int}_mask.png")
    one, two = pictures.match("a_7.png"), masks.match("m/a_007_mask.png")
    assert one is not None
    assert two is not None
    assert pictures.key(one, ("p", "n")) == masks.key(two, ("p", "n"))


def test_a_text_is_filled_from_holes_and_names_the_one_that_is_missing() -> None:
    assert fill("{p}-{eye}", {"p": "a", "eye": "OD"}) == "a-OD"
    with pytest.raises(PatternError, match="no hole {patient}"):
        fill("{patient}", {"p": "a"})
