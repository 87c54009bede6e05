"""Stage ``text``: read text in pictures and in their files, once per picture."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from medmultipoints.data_lake.ocr import ReadText, open_ocr
from medmultipoints.expectations.references import references_hold
from medmultipoints.flows.engine.running.released_images import image_reader
from medmultipoints.flows.engine.stage import Build, Inputs, Output, Rules, Scans, Stage, read_once, source_shard
from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.flows.recipe.privacy import Privacy, reader_versions
from medmultipoints.flows.stages.reading.label_names import check_ontology
from medmultipoints.transforms.columns.tables import schema_of
from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.pictures.decode import decode_image
from medmultipoints.transforms.pictures.metadata import find_metadata
from medmultipoints.transforms.records import Exclusion
from medmultipoints.transforms.sources.accounting import exclude_sample
from medmultipoints.transforms.text.kinds import KINDS, TextPlace, find_places
from medmultipoints.transforms.text.layouts import fonts_text, load_fonts
from medmultipoints.transforms.text.raster import read_raster
from medmultipoints.transforms.text.readings import Reading, combine

PICTURES_PER_SHARD = 100
UNREAD = Reading(None, None, None, None, "unread")


@dataclass(frozen=True, slots=True)
class PictureText:
    """The text in one picture and the metadata of its file."""

    reading: Reading
    places: tuple[TextPlace, ...]
    carried: tuple[tuple[str, str], ...]


def text_shards(build: Build, inputs: Inputs) -> tuple[str, ...]:
    """Return one shard per video, or per source and 100 stills: the division depends on the images alone."""
    check_ontology(build, inputs.scan("regions").select("source", "label"))
    return tuple(read_pictures(inputs)["shard"].unique(maintain_order=True))


@read_once
def read_pictures(inputs: Inputs) -> pl.DataFrame:
    """Return source, sample_id, image_sha256 and shard of all pictures; ``first``: a still or the first of a video."""
    samples = inputs.read("samples", "sample_id", "video_id", "frame_index")
    images = inputs.read("images", "sample_id", "source", "image_sha256").join(samples, on="sample_id")
    ordered = images.sort("source", "video_id", "frame_index", "image_sha256", "sample_id")
    first = pl.int_range(pl.len()).over("source", "video_id") == 0
    still = source_shard(PICTURES_PER_SHARD, "video_id")
    video = pl.format("{}-video-{}", "source", "video_id")
    return ordered.with_columns(first=pl.col("video_id").is_null() | first, shard=pl.coalesce(video, still))


def read_texts(build: Build, inputs: Inputs, shard: str) -> Output:
    """Return readings and places of one shard; pictures that the privacy policy holds back are rejected.

    Pixels are read of one frame per video, or of every frame if the policy acts on a kind of text that pixels may show.
    Metadata are read of every file.
    """
    rows = read_pictures(inputs).filter(pl.col("shard") == shard)
    recipe = build.recipe
    read, look, unread = image_reader(build, inputs), picture_reader(recipe.text.readers), picture_reader(())
    every = any(recipe.privacy.action(kind) != "report" for kind in KINDS)
    found: dict[str, PictureText] = {}
    known: dict[tuple[str, bool], PictureText] = {}
    for sample_id, sha256, first in rows.select("sample_id", "image_sha256", "first").iter_rows():
        place = (sha256, first or every)
        if place not in known:
            known[place] = (look if first or every else unread)(read(sample_id))
        found[sample_id] = known[place]
    exclusions = list(hold_back(found, recipe.privacy))
    held = {exclusion.key for exclusion in exclusions}
    whole = set(found if every else rows.filter("first")["sample_id"])
    return Output(
        inputs=list(found),
        used={sample_id: sample_id for sample_id in found if sample_id not in held},
        tables={
            "readings": readings_of({sample_id: text for sample_id, text in found.items() if sample_id in whole}),
            "text_places": places_of(found),
        },
        exclusions=exclusions,
    )


def picture_reader(readers: Sequence[str]) -> Callable[[bytes], PictureText]:
    """Return a function that reads the text of a picture with those readers; metadata are always read."""
    fonts = load_fonts()
    ocr: ReadText | None = open_ocr() if "ocr" in readers else None

    def look(data: bytes) -> PictureText:
        carried = tuple((one.kind, one.name) for one in find_metadata(data))
        if not readers:
            return PictureText(UNREAD, (), carried)
        pixels = decode_image(data).pixels
        raster = read_raster(pixels, fonts) if "raster" in readers else None
        lines = ocr(pixels) if ocr else []
        height, width = pixels.shape[:2]
        return PictureText(combine(raster, lines), tuple(find_places(raster, lines, width, height)), carried)

    return look


def hold_back(found: dict[str, PictureText], privacy: Privacy) -> Iterator[Exclusion]:
    """Yield the exclusions of pictures that the policy quarantines; DataError names one that it refuses."""
    for sample_id, text in found.items():
        kinds = sorted({place.kind for place in text.places} | {kind for kind, _ in text.carried})
        refused = [kind for kind in kinds if privacy.action(kind) == "refuse"]
        if refused:
            raise DataError(
                f"{sample_id} holds {refused[0]}, which privacy.{refused[0]} = 'refuse' does not allow in a release. "
                "Use 'quarantine' or 'redact', or exclude the picture by a correction."
            )
        held = [kind for kind in kinds if privacy.action(kind) == "quarantine"]
        if held:
            said = f"the picture or its file has: {', '.join(held)}"
            yield exclude_sample(sample_id, "rejected", "private", said)


def readings_of(found: dict[str, PictureText]) -> pl.DataFrame:
    """Return the rows of the table ``readings``."""
    rows = [
        (sample_id, read.layout, read.date, read.clock, read.timer, read.state)
        for sample_id, read in ((sample_id, text.reading) for sample_id, text in found.items())
    ]
    return pl.DataFrame(rows, schema=schema_of("readings"), orient="row")


def places_of(found: dict[str, PictureText]) -> pl.DataFrame:
    """Return the rows of the table ``text_places``."""
    rows = [
        (f"{sample_id}:{number}", sample_id, *place)
        for sample_id, text in found.items()
        for number, place in enumerate(
            [(place.kind, place.reader, list(place.box), place.text) for place in text.places]
            + [(kind, "metadata", None, name) for kind, name in text.carried]
        )
    ]
    return pl.DataFrame(rows, schema=schema_of("text_places"), orient="row")


def text_rules(tables: Scans, inputs: Inputs) -> Rules:
    """Check that every picture that was read is an image, and every place is in an image."""
    return {
        "readings_have_images": references_hold(tables["readings"], "sample_id", inputs.scan("images"), "sample_id"),
        "places_have_images": references_hold(tables["text_places"], "sample_id", inputs.scan("images"), "sample_id"),
    }


def text_parameters(recipe: Recipe) -> object:
    """Return the readers with their packages, and the privacy policy."""
    return {
        "readers": recipe.text.readers,
        "packages": reader_versions(recipe.text),
        "privacy": recipe.privacy.model_dump(),
    }


STAGE = Stage(
    name="text",
    work=read_texts,
    shards=text_shards,
    reads=("index", "derive"),
    reads_sources=True,
    writes=("readings", "text_places"),
    parameters=text_parameters,
    data=fonts_text,
    rules=text_rules,
)
