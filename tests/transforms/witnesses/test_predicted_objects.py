"""Objects of a probability map: one a component, steady where the model sees the same in a changed picture."""

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.masks.run_lengths import decode_rle
from medmultipoints.transforms.witnesses.network import Network, variants
from medmultipoints.transforms.witnesses.predicted_objects import find_objects

NETWORK = Network(width=32, height=32, mean=(0,) * 3, std=(1,) * 3, labels=("polyps",))
PICTURE = np.random.default_rng(0).integers(20, 250, (128, 128, 3), np.uint8)


def maps_of(map_: NDArray[np.float32]) -> NDArray[np.float32]:
    """The maps of a model that sees the same in each variant: the map, moved and mirrored in the same way."""
    return variants(map_[None, None])


def squares() -> NDArray[np.float32]:
    map_ = np.zeros((32, 32), np.float32)
    map_[4:12, 4:12], map_[20:28, 16:28] = 0.97, 0.75
    return map_


def test_each_component_is_an_object_with_its_score_bin_and_tone() -> None:
    first, second = find_objects(maps_of(squares()), NETWORK, PICTURE)
    assert ("polyps", 9) == (first.label, first.score_bin)
    assert second.score_bin in (6, 7)
    assert first.tone is not None
    mask = decode_rle(first.rle, 128, 128)
    assert mask[16:48, 16:48].mean() > 0.95
    assert first.area_px == mask.sum()
    assert 1.0 == first.stability == second.stability


def test_what_a_model_sees_in_one_variant_alone_is_not_steady() -> None:
    maps = maps_of(squares())
    maps[1:, :, 18:30, 14:30] = 0  # the second square is seen in the picture as it is, and mirrored elsewhere
    maps[5:] = 0
    first, second = find_objects(maps, NETWORK, PICTURE)
    assert first.stability < 1
    assert 0.0 == second.stability


def test_nothing_above_the_threshold_is_no_object() -> None:
    assert [] == find_objects(maps_of(np.full((32, 32), 0.4, np.float32)), NETWORK, PICTURE)


def test_a_pixel_belongs_to_the_more_probable_class() -> None:
    network = Network(width=32, height=32, mean=(0,) * 3, std=(1,) * 3, labels=("a", "b"))
    one = np.full((32, 32), 0.6, np.float32)
    other = np.zeros((32, 32), np.float32)
    other[:, 16:] = 0.9
    maps = np.concatenate([maps_of(one), maps_of(other)], axis=1)
    a, b = find_objects(maps, network, PICTURE)
    assert 0 == (decode_rle(a.rle, 128, 128) & decode_rle(b.rle, 128, 128)).sum()
    assert 128 * 128 == a.area_px + b.area_px
