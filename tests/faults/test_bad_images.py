"""Pictures and masks that cannot be used go to quarantine, the rest is released; too many of them stop the build."""

from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest

from medmultipoints.flows.engine.execute import Outcome
from tests.faults.building import build, check_closed, excluded, message_of_stop, released
from tests.faults.cases import PAIR, Case, Spoil, check_case, keys_of, plant
from tests.faults.tiny_sources import (
    Files,
    jpeg,
    make_polyps,
    pixels,
    png,
    polyp,
    square,
    write_frames,
    write_instruments,
    write_polyps,
)

TWICE = "listed-twice"
ENDS = "{image}: JPEG: the file ends at byte "


def image(change: Callable[[bytes], bytes]) -> Spoil:
    return lambda files, stem: files.update({polyp(stem): change(files[polyp(stem)])})


def mask(content: bytes) -> Spoil:
    return lambda files, stem: files.update({polyp(stem, "masks"): content})


def gray(width: int) -> bytes:
    return jpeg(cv2.merge([square(width)] * 3).astype(np.uint8))


def garble(data: bytes) -> bytes:
    """The JPEG with 40 bytes of its pixel data overwritten."""
    start = data.index(b"\xff\xda") + 20
    return data[:start] + b"\xff" * 40 + data[start + 40 :]


def rename(old: str, new: str) -> Spoil:
    return lambda files, stem: files.update({polyp(stem).replace(old, new): files.pop(polyp(stem))})


def repeat(new: str) -> Spoil:
    """A second file whose name differs from the picture's in its extension only."""
    return lambda files, stem: files.update({polyp(stem).replace(".jpg", new): jpeg(pixels("another"))})


def remove(kind: str) -> Spoil:
    def spoil(files: Files, stem: str) -> None:
        del files[polyp(stem, kind)]

    return spoil


def both(first: str, second: str) -> str:
    return f"more than one image is called '{{stem}}': {first}, {second}"


CASES = {
    "unreadable": Case(image(garble), "unreadable_image", "{image}: JPEG decoder: "),
    "no-frame": Case(image(lambda data: data[:2] + data[-2:]), "unreadable_image", "{image}: JPEG decoder: "),
    "truncated": Case(image(lambda data: data[:-200]), "truncated_image", ENDS),
    "header-only": Case(image(lambda data: data[:100]), "truncated_image", ENDS + "100, before its end marker"),
    "empty": Case(image(lambda _: b""), "empty_file", "{image}: the file has no bytes"),
    "png-named-jpg": Case(
        image(lambda _: png(pixels("other"))),
        "mislabelled_image",
        "{image}: named as JPEG, but its bytes are PNG",
    ),
    "jpeg-named-png": Case(
        rename(".jpg", ".png"),
        "mislabelled_image",
        "segmented-images/images/{stem}.png: named as PNG, but its bytes are JPEG",
    ),
    "text-named-jpg": Case(
        image(lambda _: b"<html>404 Not Found</html>"),
        "mislabelled_image",
        "{image}: neither a JPEG nor a PNG file: it begins with 3c 68 74 6d 6c",
    ),
    "mask-of-other-size": Case(
        mask(gray(60)), "mask_size_mismatch", "{image}: the mask {mask} is 60x48 px, the image 64x48"
    ),
    "mask-truncated": Case(
        mask(gray(64)[:-60]), "mask_truncated_image", "{image}: its mask {mask}: JPEG: the file ends"
    ),
    "mask-empty": Case(mask(b""), "mask_empty_file", "{image}: its mask {mask}: the file has no bytes"),
    "mask-is-text": Case(mask(b"none"), "mask_mislabelled_image", "{image}: its mask {mask}: neither a JPEG nor a PNG"),
    "mask-without-image": Case(
        remove("images"), "image_missing", "mask {mask} has no image of the same name", ("{source}/{mask}",)
    ),
    "image-without-mask": Case(
        remove("masks"), "mask_missing", "image {image} has no mask of the same name", ("{source}/{image}",)
    ),
    "same-stem-in-capitals": Case(
        repeat(".JPG"),
        "duplicate_stem",
        both("segmented-images/images/{stem}.JPG", "{image}"),
        (*PAIR, "{source}/segmented-images/images/{stem}.JPG"),
    ),
    "same-stem-as-png": Case(
        repeat(".png"),
        "duplicate_stem",
        both("{image}", "segmented-images/images/{stem}.png"),
        (*PAIR, "{source}/segmented-images/images/{stem}.png"),
    ),
    TWICE: Case(
        lambda files, stem: None,
        "duplicate_stem",
        "more than one image is called '{stem}': {image} (which the archive lists 2 times)",
        PAIR,
    ),
}


def names_of(stem: str) -> Mapping[str, str]:
    return {"source": "hyperkvasir", "stem": stem, "image": polyp(stem), "mask": polyp(stem, "masks")}


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    folder = tmp_path_factory.mktemp("images")
    files = plant(make_polyps([*CASES, "whole", "sound"]), CASES)
    return build(folder, {"hyperkvasir": write_polyps(folder / "polyps", files, twice=[polyp(TWICE)])})


@pytest.mark.parametrize("stem", CASES)
def test_a_bad_picture_is_quarantined_with_its_file(spoilt: Outcome, stem: str) -> None:
    check_case(spoilt, CASES[stem], names_of(stem))


def test_the_other_pictures_are_released(spoilt: Outcome) -> None:
    """Nothing but the spoilt inputs is held back, and every file of the archive is accounted for."""
    lost = {key for stem, case in CASES.items() for key in keys_of(case, names_of(stem))}
    assert set(excluded(spoilt)) == lost
    assert released(spoilt) == {"hyperkvasir/whole", "hyperkvasir/sound"}
    check_closed(spoilt)


def test_bad_png_masks_and_frames(tmp_path: Path, instruments: Files, frames: Files) -> None:
    """The other sources name their files as well: a PNG mask cut off, a mask that is a JPEG, a frame cut off."""
    cut, mislabelled = (f"kvasir-instrument/masks/{stem}.png" for stem in ("a1", "b2"))
    instruments[cut] = instruments[cut][:60]
    instruments[mislabelled] = gray(64)
    frame = "VISEM_Tracking_Train_v4/Train/11/images/11_frame_0.jpg"
    frames[frame] = frames[frame][:300]
    sources = {
        "kvasir_instrument": write_instruments(tmp_path / "instruments", instruments),
        "visem_tracking": write_frames(tmp_path / "frames", frames),
    }
    outcome = build(tmp_path, sources)
    found = {key: (reason, detail.partition(" (decoder")[0]) for key, (_, reason, detail) in excluded(outcome).items()}
    image = "kvasir-instrument/images/{}.jpg: its mask kvasir-instrument/masks/{}.png: {}"
    assert found == {
        "kvasir_instrument/a1": (
            "mask_truncated_image",
            image.format("a1", "a1", "PNG: the file ends at byte 60, inside the chunk 'IDAT' of 149 bytes"),
        ),
        "kvasir_instrument/b2": (
            "mask_mislabelled_image",
            image.format("b2", "b2", "named as PNG, but its bytes are JPEG"),
        ),
        "visem_tracking/11_frame_0": (
            "truncated_image",
            f"{frame}: JPEG: the file ends at byte 300, before its end marker",
        ),
    }
    assert len(released(outcome)) == 4 + 5
    check_closed(outcome)


def test_too_many_rejections_stop_with_the_most_frequent_reason(tmp_path: Path, polyps: Files) -> None:
    for stem in ("a1", "b2", "c3"):
        polyps[polyp(stem)] = b""
    polyps[polyp("d4")] = b"text"
    source = write_polyps(tmp_path / "polyps", polyps)
    assert message_of_stop(tmp_path, {"hyperkvasir": source}, exit_code=1, limit=0.5) == (
        "derive: 4 of 6 inputs are rejected (66.7%), more than the 50% that the recipe allows "
        "(validation.max_rejected_fraction). Most often: empty_file (3), for example hyperkvasir/a1: "
        "segmented-images/images/a1.jpg: the file has no bytes. What helps: copy it again. "
        "A higher limit builds without these inputs."
    )


def test_a_source_of_which_no_picture_can_be_used_stops_the_build(
    tmp_path: Path, polyps: Files, instruments: Files
) -> None:
    """Whatever share of rejections the recipe allows, and although another source is sound."""
    polyps |= {polyp(stem): b"" for stem in ("a1", "b2", "c3", "d4", "e5", "f6")}
    sources = {
        "hyperkvasir": write_polyps(tmp_path / "polyps", polyps),
        "kvasir_instrument": write_instruments(tmp_path / "instruments", instruments),
    }
    assert message_of_stop(tmp_path, sources, exit_code=1) == (
        "hyperkvasir: all files: no usable sample: 6 times empty_file, for example hyperkvasir/a1: "
        "segmented-images/images/a1.jpg: the file has no bytes. Give what is missing with --source hyperkvasir=PATH, "
        "or leave it out with --only."
    )


def with_comment(data: bytes) -> bytes:
    """The same pixels under other bytes."""
    return data[:2] + b"\xff\xfe\x00\x07again" + data[2:]


@pytest.mark.parametrize("order", [("hyperkvasir", "kvasir_instrument"), ("kvasir_instrument", "hyperkvasir")])
def test_of_equal_pictures_the_first_source_of_the_recipe_wins(
    tmp_path: Path, polyps: Files, instruments: Files, order: tuple[str, str]
) -> None:
    """By bytes, then by pixels, though mask and boxes of the copy are sound."""
    instruments["kvasir-instrument/images/a1.jpg"] = polyps[polyp("a1")]
    instruments["kvasir-instrument/images/b2.jpg"] = with_comment(polyps[polyp("b2")])
    paths = {
        "hyperkvasir": write_polyps(tmp_path / "polyps", polyps),
        "kvasir_instrument": write_instruments(tmp_path / "instruments", instruments),
    }
    outcome = build(tmp_path, {name: paths[name] for name in order})
    first, second = order
    assert excluded(outcome) == {
        f"{second}/{stem}": (
            "dropped",
            f"duplicate_{kind}",
            f"the same {kind} as {first}/{stem}, though with other objects",
        )
        for kind, stem in (("bytes", "a1"), ("pixels", "b2"))
    }
    assert len(released(outcome)) == 10
    check_closed(outcome)
