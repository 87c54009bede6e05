"""Simulate HyperKvasir: the segmented archive, the label table, and optionally the labelled archive."""

import uuid
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from medmultipoints.transforms.sources.builtin.findings import CLASSES, ORGAN_FOLDERS, FindingClass
from medmultipoints.transforms.sources.simulated.image_mask_pairs import PairSource, draft_pairs, encode_annotation
from medmultipoints.transforms.sources.simulated.images import (
    POLYP_SIZES,
    choose_size,
    draw_mucosa,
    draw_polyp_mask,
    encode_picture,
)
from medmultipoints.transforms.sources.simulated.members import (
    Content,
    Member,
    Planted,
    Simulated,
    digest,
    generator,
    shuffled,
)
from medmultipoints.transforms.sources.simulated.pair_faults import NO_FAULTS, PAIR_FAULTS, PairFault, plant_pair_faults

SEGMENTED_ZIP = "hyper-kvasir-segmented-images.zip"
LABELLED_ZIP = "hyper-kvasir-labeled-images.zip"
LABEL_TABLE = "image-labels.csv"
CSV_BOM = "csv_bom"

HYPERKVASIR = PairSource(
    name="hyperkvasir",
    label="polyp",
    image_name="segmented-images/images/{stem}.jpg",
    mask_name="segmented-images/masks/{stem}.jpg",
    annotation="segmented-images/bounding-boxes.json",
    sizes=POLYP_SIZES,
    draw_mask=draw_polyp_mask,
    object_colour=(200, 120, 95),
)

_CLASS = {item.finding: item for item in CLASSES}
_LANDMARKS = ("cecum", "pylorus", "z-line", "retroflex-rectum", "retroflex-stomach", "ileum")
_ORGAN_FOLDER = {organ: folder for folder, organ in ORGAN_FOLDERS.items()}


def simulate_hyperkvasir(
    *,
    seed: int,
    images: int,
    unsegmented: int = 2,
    negatives: int = 0,
    faults: Sequence[str] = (),
    further: Mapping[str, PairFault] = NO_FAULTS,
    shuffle_seed: int | None = None,
) -> Simulated:
    """Return a source of ``images`` polyp pairs, each with a row in the label table, and the named faults.

    ``unsegmented``: number of polyps with a row but without mask and box. ``negatives``: number of images of landmarks;
    if any, the labelled archive is added, with all polyps and the table, else the table is a separate file.
    Errors: UsageError if there are too few images for the faults.
    """
    stems = make_stems(seed, "polyp", images)
    draft = draft_pairs(HYPERKVASIR, seed, stems)
    labelled = dict.fromkeys((*stems, *make_stems(seed, "unsegmented", unsegmented)), _CLASS["polyps"])
    for number, stem in enumerate(make_stems(seed, "negative", negatives)):
        labelled[stem] = _CLASS[_LANDMARKS[number % len(_LANDMARKS)]]
    archived = _labelled_images(seed, labelled, {stem: draft.contents[HYPERKVASIR.image(stem)] for stem in stems})
    planted = plant_pair_faults(draft, {name: PAIR_FAULTS[name] for name in faults if name != CSV_BOM} | dict(further))
    table = f"labeled-images/{LABEL_TABLE}" if negatives else LABEL_TABLE
    if CSV_BOM in faults:
        planted = (*planted, Planted(HYPERKVASIR.name, CSV_BOM, "", table, None))
    members = [
        *(Member(SEGMENTED_ZIP, name, content) for name, content in draft.contents.items()),
        Member(SEGMENTED_ZIP, HYPERKVASIR.annotation, partial(encode_annotation, draft.entries)),
        Member(LABELLED_ZIP if negatives else "", table, partial(encode_label_table, labelled, CSV_BOM in faults)),
        *(archived if negatives else ()),
    ]
    return Simulated(HYPERKVASIR.name, shuffled(members, shuffle_seed), planted)


def make_stems(seed: int, kind: str, count: int) -> tuple[str, ...]:
    """Return UUIDs that depend only on seed, kind and position, so that adding images keeps the first ones."""
    return tuple(str(uuid.UUID(bytes=digest(seed, "stem", kind, i)[:16], version=4)) for i in range(count))


def encode_label_table(labelled: dict[str, FindingClass], byte_order_mark: bool = False) -> bytes:
    """Return the label table in its authors' format: CRLF between rows and no final newline."""
    rows = [f"{stem},{item.organ},{item.finding},{item.classification}" for stem, item in sorted(labelled.items())]
    text = "\r\n".join(["Video file,Organ,Finding,Classification", *rows])
    return text.encode("utf-8-sig" if byte_order_mark else "utf-8")


def _labelled_images(seed: int, labelled: dict[str, FindingClass], segmented: dict[str, Content]) -> list[Member]:
    return [
        Member(
            LABELLED_ZIP,
            f"labeled-images/{_ORGAN_FOLDER[item.organ]}/{item.classification}/{item.finding}/{stem}.jpg",
            segmented.get(stem) or partial(_plain_image, seed, stem),
        )
        for stem, item in labelled.items()
    ]


def _plain_image(seed: int, stem: str) -> bytes:
    """Return a picture without objects."""
    rng = generator(seed, HYPERKVASIR.name, stem)
    width, height = choose_size(rng, POLYP_SIZES)
    return encode_picture(draw_mucosa(rng, np.zeros((height, width), dtype=np.uint8), (0, 0, 0)))
