"""Of two pictures of one frame, the larger is kept."""

import polars as pl

from medmultipoints.transforms.examinations.joins import Join, find_repeated_frames, join_table


def test_of_a_frame_that_is_there_twice_the_largest_picture_stays() -> None:
    """Each dropped picture has a copy that is kept; pictures of one scene are not copies."""
    sizes = {"s/a": (62, 53), "s/b": (72, 57), "s/c": (72, 57), "s/d": (50, 50), "s/e": (90, 90)}
    images = pl.DataFrame(
        [(name, *size) for name, size in sizes.items()], ["sample_id", "width", "height"], orient="row"
    )
    pairs = [("s/a", "s/b", "same_frame"), ("s/b", "s/c", "same_frame"), ("s/a", "s/d", "same_frame")]
    scene = ("s/b", "s/e", "same_scene")
    joins = join_table([Join(sample_id=one, other_id=two, kind=kind, inliers=9) for one, two, kind in [*pairs, scene]])
    assert {"s/a": "s/b", "s/c": "s/b"} == find_repeated_frames(images, joins)
    assert {} == find_repeated_frames(images, joins.filter(kind="same_scene"))
