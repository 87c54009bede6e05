"""Simulate Kvasir-Instrument: a zip with two nested tar.gz archives, the boxes and the official split."""

from collections.abc import Mapping, Sequence
from functools import partial

from medmultipoints.transforms.sources.simulated.image_mask_pairs import PairSource, draft_pairs, encode_annotation
from medmultipoints.transforms.sources.simulated.images import INSTRUMENT_SIZES, draw_instrument_mask
from medmultipoints.transforms.sources.simulated.members import Member, Simulated, digest, pack_tar_gz, shuffled
from medmultipoints.transforms.sources.simulated.pair_faults import NO_FAULTS, PAIR_FAULTS, PairFault, plant_pair_faults

INSTRUMENT_ZIP = "kvasir-instrument.zip"
FOLDER = "kvasir-instrument/"

KVASIR_INSTRUMENT = PairSource(
    name="kvasir_instrument",
    label="instrument",
    image_name=FOLDER + "images/{stem}.jpg",
    mask_name=FOLDER + "masks/{stem}.png",
    annotation=FOLDER + "bboxes.json",
    sizes=INSTRUMENT_SIZES,
    draw_mask=draw_instrument_mask,
    object_colour=(150, 155, 165),
)

_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"


def simulate_kvasir_instrument(
    *,
    seed: int,
    images: int,
    faults: Sequence[str] = (),
    further: Mapping[str, PairFault] = NO_FAULTS,
    shuffle_seed: int | None = None,
) -> Simulated:
    """Return a source of ``images`` pairs, one in five in ``test.txt`` and the rest in ``train.txt``.

    Pictures are in ``images.tar.gz`` and masks in ``masks.tar.gz`` of the zip; a shuffle seed also shuffles these.
    Errors: UsageError if there are too few images for the faults.
    """
    stems = tuple(cuid(seed, KVASIR_INSTRUMENT.name, i) for i in range(images))
    draft = draft_pairs(KVASIR_INSTRUMENT, seed, stems)
    planted = plant_pair_faults(draft, {name: PAIR_FAULTS[name] for name in faults} | dict(further))
    packed = (Member("", name.removeprefix(FOLDER), content) for name, content in draft.contents.items())
    pictures = shuffled(packed, shuffle_seed)
    gone = {entry.stem for entry in planted if entry.kind == "mask_without_image"}
    members = [
        *(
            Member(INSTRUMENT_ZIP, f"{FOLDER}{kind}.tar.gz", partial(pack_tar_gz, _of_kind(pictures, kind)))
            for kind in ("images", "masks")
        ),
        Member(INSTRUMENT_ZIP, KVASIR_INSTRUMENT.annotation, partial(encode_annotation, draft.entries)),
        *(
            Member(INSTRUMENT_ZIP, f"{FOLDER}{name}", partial(_stem_list, stems, gone, chosen))
            for name, chosen in (("train.txt", (1, 2, 3, 4)), ("test.txt", (0,)))
        ),
    ]
    return Simulated(KVASIR_INSTRUMENT.name, shuffled(members, shuffle_seed), planted)


def cuid(*parts: object) -> str:
    """Return a string like the ids of the sources' labelling tool: ``c`` and 24 letters or digits."""
    number, characters = int.from_bytes(digest("cuid", *parts)[:17], "big"), []
    for _ in range(22):
        number, position = divmod(number, 36)
        characters.append(_BASE36[position])
    return "ckz" + "".join(characters)


def _of_kind(pictures: Sequence[Member], kind: str) -> tuple[Member, ...]:
    return tuple(member for member in pictures if member.name.startswith(f"{kind}/"))


def _stem_list(stems: Sequence[str], gone: set[str], chosen: Sequence[int]) -> bytes:
    """Return one stem per line with a final newline."""
    kept = (stem for number, stem in enumerate(stems) if number % 5 in chosen and stem not in gone)
    return "".join(f"{stem}\n" for stem in kept).encode()
