"""Simulated HyperKvasir and Kvasir-Instrument: layout, agreement of masks and boxes, determinism, faults."""

import gzip
import io
import json
import tarfile
from collections.abc import Callable, Mapping

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.sources.simulated.faults import FAULTS, all_faults, faults_of
from medmultipoints.transforms.sources.simulated.hyperkvasir import LABELLED_ZIP, simulate_hyperkvasir
from medmultipoints.transforms.sources.simulated.images import (
    POLYP_SIZES,
    choose_size,
    draw_polyp_mask,
    encode_lossy_mask,
    stored_boxes,
)
from medmultipoints.transforms.sources.simulated.kvasir_instrument import simulate_kvasir_instrument
from medmultipoints.transforms.sources.simulated.members import Simulated, generator

BOXES = "segmented-images/bounding-boxes.json"


def _contents(source: Simulated) -> dict[str, bytes]:
    return {member.name: member.content() for member in source.members}


def _unpacked(source: Simulated) -> dict[str, bytes]:
    """Members with the nested archives opened."""
    found: dict[str, bytes] = {}
    for name, data in _contents(source).items():
        if not name.endswith(".tar.gz"):
            found[name] = data
            continue
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(data))) as archive:
            found |= {entry.name: archive.extractfile(entry).read() for entry in archive}  # type: ignore[union-attr]
    return found


def _pixels(data: bytes) -> NDArray[np.uint8]:
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), dtype=np.uint8)


def _published_boxes(mask: NDArray[np.uint8]) -> list[tuple[int, ...]]:
    """The grown boxes of the components, computed another way than by the simulation."""
    _, _, stats, _ = cv2.connectedComponentsWithStats((mask[..., 0] >= 128).astype(np.uint8), connectivity=8)
    return sorted((max(x - 1, 0), max(y - 1, 0), x + w, y + h) for x, y, w, h, _ in stats[1:].tolist())


def _stated(entry: Mapping[str, list[dict[str, int]]]) -> list[tuple[int, ...]]:
    return sorted((box["xmin"], box["ymin"], box["xmax"], box["ymax"]) for box in entry["bbox"])


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    first, second = (_contents(simulate_hyperkvasir(seed=1, images=3)) for _ in range(2))
    assert first == second
    assert not first.keys() & _contents(simulate_hyperkvasir(seed=2, images=3)).keys() - {BOXES, "image-labels.csv"}


def test_more_images_keep_the_first_ones() -> None:
    few, many = (_contents(simulate_hyperkvasir(seed=1, images=count)) for count in (2, 4))
    assert all(many[name] == data for name, data in few.items() if name.endswith(".jpg"))


def test_hyperkvasir_states_the_grown_box_of_each_component_and_the_size_of_each_image() -> None:
    files = _contents(simulate_hyperkvasir(seed=4, images=8))
    for stem, entry in json.loads(files[BOXES]).items():
        mask, image = (_pixels(files[f"segmented-images/{kind}/{stem}.jpg"]) for kind in ("masks", "images"))
        assert _stated(entry) == _published_boxes(mask)
        assert image.shape == mask.shape == (entry["height"], entry["width"], 3)


def test_lossy_masks_are_gray_and_not_pure_black_and_white() -> None:
    files = _contents(simulate_hyperkvasir(seed=4, images=2))
    for name in [name for name in files if "/masks/" in name]:
        mask = _pixels(files[name])
        assert np.ptp(mask, axis=2).max() == 0
        assert len(np.unique(mask)) > 2


@pytest.mark.slow
def test_jpeg_never_changes_the_components_of_a_mask() -> None:
    for number in range(150):
        rng = generator("masks", number)
        mask = draw_polyp_mask(rng, *choose_size(rng, POLYP_SIZES))
        assert np.array_equal(_pixels(encode_lossy_mask(mask))[..., 0] >= 128, mask >= 128)


def test_one_mask_in_seven_shows_more_than_one_polyp() -> None:
    drawn = [stored_boxes(draw_polyp_mask(generator("many", number), 622, 529)) for number in range(300)]
    assert 0.08 < np.mean([len(boxes) > 1 for boxes in drawn]) < 0.22
    assert all(1 <= len(boxes) <= 4 for boxes in drawn)


def test_the_label_table_ends_lines_with_crlf_and_has_no_final_newline() -> None:
    table = _contents(simulate_hyperkvasir(seed=1, images=3, unsegmented=2))["image-labels.csv"]
    header, *rows = table.split(b"\r\n")
    assert header == b"Video file,Organ,Finding,Classification"
    assert len(rows) == 5
    assert all(row.endswith(b",Lower GI,polyps,pathological-findings") for row in rows)


def test_negatives_bring_the_labelled_archive_with_its_own_table() -> None:
    source = simulate_hyperkvasir(seed=1, images=2, unsegmented=1, negatives=6)
    names = [member.name for member in source.members if member.archive == LABELLED_ZIP]
    assert "labeled-images/image-labels.csv" in names
    assert sum("/polyps/" in name for name in names) == 3
    assert sum("/anatomical-landmarks/" in name for name in names) == 6
    assert "image-labels.csv" not in _contents(source)


def test_kvasir_instrument_nests_its_pictures_and_splits_four_to_one() -> None:
    source = simulate_kvasir_instrument(seed=3, images=10)
    assert [member.name for member in source.members] == [
        f"kvasir-instrument/{name}"
        for name in ("bboxes.json", "images.tar.gz", "masks.tar.gz", "test.txt", "train.txt")
    ]
    files = _unpacked(source)
    train, test = (files[f"kvasir-instrument/{name}.txt"].decode().splitlines() for name in ("train", "test"))
    entries = json.loads(files["kvasir-instrument/bboxes.json"])
    assert (len(train), len(test)) == (8, 2)
    assert set(train) | set(test) == set(entries)
    for stem, entry in entries.items():
        mask = _pixels(files[f"masks/{stem}.png"])
        assert set(np.unique(mask)) == {0, 255}
        assert _stated(entry) == _published_boxes(mask)
        assert _pixels(files[f"images/{stem}.jpg"]).shape == mask.shape


def test_a_shuffle_seed_changes_the_order_of_the_entries_and_nothing_else() -> None:
    plain, shuffled = (simulate_kvasir_instrument(seed=3, images=6, shuffle_seed=seed) for seed in (None, 5))
    assert _contents(plain) != _contents(shuffled)
    assert _unpacked(plain) == _unpacked(shuffled)


@pytest.mark.slow
@pytest.mark.parametrize("simulate", [simulate_hyperkvasir, simulate_kvasir_instrument])
def test_every_fault_is_planted_on_an_image_of_its_own(simulate: Callable[..., Simulated]) -> None:
    clean = simulate(seed=9, images=34)
    names = faults_of(clean.source, all_faults())
    source = simulate(seed=9, images=34, faults=names)
    assert [entry.kind for entry in source.planted] == list(names) == list(FAULTS[clean.source])
    assert len({entry.stem for entry in source.planted}) == len(names)
    before, after = _unpacked(clean), _unpacked(source)
    assert _changed(before, after) <= {entry.stem for entry in source.planted}


def _changed(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> set[str]:
    """Stems of pictures and masks that are not the same in both."""
    names = {name for name in before.keys() | after.keys() if name.endswith((".jpg", ".png"))}
    return {name.rpartition("/")[2].rpartition(".")[0] for name in names if before.get(name) != after.get(name)}


@pytest.mark.slow
def test_the_planted_defects_are_what_their_names_say() -> None:
    kinds = faults_of("hyperkvasir", all_faults())
    source = simulate_hyperkvasir(seed=9, images=34, faults=kinds)
    files, stem_of = _contents(source), {entry.kind: entry.stem for entry in source.planted}
    entries = json.loads(files[BOXES])

    def image(kind: str) -> bytes:
        return files[f"segmented-images/images/{stem_of[kind]}.jpg"]

    def mask(kind: str) -> NDArray[np.uint8]:
        return _pixels(files[f"segmented-images/masks/{stem_of[kind]}.jpg"])

    images = [data for name, data in files.items() if "/images/" in name]
    assert (0, 0, 1, 1) in _published_boxes(mask("stray_pixel"))
    assert _stated(entries[stem_of["inflated_box"]])[0][:2] == (0, 0)
    assert len(entries[stem_of["phantom_box"]]["bbox"]) == len(_published_boxes(mask("phantom_box"))) + 1
    assert images.count(image("duplicate_bytes")) == 2
    assert images.count(image("duplicate_pixels")) == 1
    same = [data for data in images if len(data) == len(image("duplicate_pixels")) - 15]
    assert any(np.array_equal(_pixels(data), _pixels(image("duplicate_pixels"))) for data in same)
    assert image("empty_image") == b""
    assert image("mislabelled_image").startswith(b"\x89PNG")
    assert mask("mask_of_other_size").shape != _pixels(image("mask_of_other_size")).shape
    assert "ymax" not in entries[stem_of["box_lacks_key"]]["bbox"][0]
    assert isinstance(entries[stem_of["box_text"]]["bbox"][0]["ymin"], str)
    assert stem_of["image_without_entry"] not in entries
    assert f"segmented-images/images/{stem_of['entry_without_image']}.jpg" not in files
    assert files["image-labels.csv"].startswith(b"\xef\xbb\xbf")


def test_too_few_images_for_the_faults_say_how_many_are_needed() -> None:
    with pytest.raises(UsageError, match="the faults need 3 images .* has 1"):
        simulate_kvasir_instrument(seed=1, images=1, faults=("empty_image", "duplicate_bytes"))


def test_an_unknown_fault_is_named_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="unknown fault 'typo'; known are stray_pixel, "):
        faults_of("hyperkvasir", ("typo",))
