"""Declare pairs of a picture and a mask of the same name, which are read strictly.

Only a declaration chooses this format, since no content proves that a source should be read strictly.
"""

from typing import Final

from medmultipoints.transforms.records import MaskLayer
from medmultipoints.transforms.sources.annotated import AnnotatedPicture, Files, Reading, ReadProblem
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.described import DescribedSource
from medmultipoints.transforms.sources.formats.format import Format
from medmultipoints.transforms.sources.pairs.reader import KEYS, read_samples
from medmultipoints.transforms.sources.reading.proposing import ask_missing

_QUESTIONS: Final = {
    "images": 'Which files are pictures? Give patterns, such as "**/images/*".',
    "annotations": 'Which files are masks, and which JSON has boxes, if any? Such as ["**/masks/*", "**/boxes.json"].',
    "masks.label": "What do the masks show? Give the label of the objects.",
}


def read(declaration: Declaration, files: Files) -> Reading:
    """Yield the picture of each pair with its mask, for `inspect` to count and show, and the problems of all others."""
    found = read_samples(files, described=DescribedSource("pairs", declaration))
    for sample in found.samples:
        layers = sample.layers or (MaskLayer(member=str(sample.mask_member), label=sample.mask_label),)
        yield AnnotatedPicture(
            member=str(sample.image_member),
            name=sample.stem,
            width=sample.source_width,
            height=sample.source_height,
            layers=layers,
        )
    for row in (row for row in found.exclusions if row.verdict == "rejected"):
        yield ReadProblem(key=row.key, reason=row.reason, detail=row.detail)


FORMAT = Format(
    name="pairs",
    title="Pairs of a picture and a mask of the same name, with boxes in one JSON; a pair with a fault is rejected",
    recognise=lambda _files, stated: ask_missing("pairs", stated, _QUESTIONS),
    read=read,
    index=lambda described, files: read_samples(files, described=described),
    weight=0,
    lost="groups, holes of paths and further readings",
    export="any script that writes one white-on-black mask per picture",
    keys=KEYS,
)
