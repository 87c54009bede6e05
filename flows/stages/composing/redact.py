"""Stage ``redact``: remove text or metadata from pictures by the privacy policy, and list the changes."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from medmultipoints.data_lake.store.images import put_images
from medmultipoints.expectations.references import references_hold
from medmultipoints.flows.engine.running.released_images import image_reader
from medmultipoints.flows.engine.stage import Build, Inputs, Output, Rules, Scans, Stage
from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.flows.stages.choosing.kept import corrected_regions, rows_of, split_images
from medmultipoints.transforms.columns.tables import schema_of
from medmultipoints.transforms.pictures.decode import decode_image, detect_format, encode_png
from medmultipoints.transforms.pictures.metadata import strip_metadata
from medmultipoints.transforms.pictures.thumbnails import pack, perceptual_hash, thumbnail, to_luma
from medmultipoints.transforms.records import Exclusion
from medmultipoints.transforms.sources.accounting import exclude_sample
from medmultipoints.transforms.text.redact import fill_boxes, touched_objects


@dataclass(frozen=True, slots=True)
class Redaction:
    """One picture as released: the filled boxes, the kinds of text in them, and the new file."""

    sample_id: str
    kinds: tuple[str, ...]
    boxes: tuple[tuple[int, ...], ...]
    data: bytes

    def row(self) -> tuple[object, ...]:
        """Return the row of the table ``redactions``."""
        small = thumbnail(to_luma(decode_image(self.data).pixels))
        sha256, kind = hashlib.sha256(self.data).hexdigest(), detect_format(self.data)
        boxes = [list(box) for box in self.boxes]
        own = (self.sample_id, list(self.kinds), boxes, sha256, len(self.data), kind)
        return (*own, perceptual_hash(small), pack(small))


def redact_pictures(build: Build, inputs: Inputs, _shard: str) -> Output:
    """Return the redacted pictures; a picture with text over an object is rejected."""
    places = _places(build.recipe, inputs)
    images = split_images(inputs).join(places.lazy().select("sample_id").unique(), on="sample_id", how="semi").collect()
    regions = rows_of(images, corrected_regions(inputs)).partition_by("sample_id", as_dict=True)
    read, done, exclusions = image_reader(build, inputs), list[Redaction](), list[Exclusion]()
    for sample_id, scale in images.select("sample_id", "scale").iter_rows():
        own = places.filter(pl.col("sample_id") == sample_id)
        boxes = own["box"].drop_nulls().to_list()
        objects = regions[(sample_id,)].iter_rows(named=True) if (sample_id,) in regions else ()
        touched = touched_objects(boxes, objects, scale)
        if touched:
            said = f"the text to be filled lies over {', '.join(touched)}"
            exclusions.append(exclude_sample(sample_id, "rejected", "redaction_over_object", said))
        else:
            kinds = tuple(own["kind"].unique().sort())
            done.append(Redaction(sample_id, kinds, tuple(map(tuple, boxes)), _change(read, sample_id, boxes)))
    table = pl.DataFrame([one.row() for one in done], schema=schema_of("redactions"), orient="row")
    return Output(
        inputs=images["sample_id"].to_list(),
        used={one.sample_id: one.sample_id for one in done},
        tables={"redactions": table},
        exclusions=exclusions,
        blobs={"redacted": put_images(build.lake, [(one.sample_id, one.data) for one in done])},
    )


def _places(recipe: Recipe, inputs: Inputs) -> pl.DataFrame:
    """Return the places of text whose kind the policy redacts."""
    kinds = [kind for kind in recipe.privacy.model_dump() if recipe.privacy.action(kind) == "redact"]
    return inputs.read("text_places").filter(pl.col("kind").is_in(kinds))


def _change(read: Callable[[str], bytes], sample_id: str, boxes: list[list[int]]) -> bytes:
    """Return the file with the boxes filled, lossless elsewhere; without boxes, with its metadata removed."""
    data = read(sample_id)
    return encode_png(fill_boxes(decode_image(data).pixels, boxes)) if boxes else strip_metadata(data)


def redact_rules(tables: Scans, inputs: Inputs) -> Rules:
    """Check that every redacted picture is an image of a split."""
    images = split_images(inputs)
    return {"redactions_have_images": references_hold(tables["redactions"], "sample_id", images, "sample_id")}


def redact_parameters(recipe: Recipe) -> object:
    """Return the part of the recipe that this stage depends on."""
    return recipe.privacy.model_dump()


STAGE = Stage(
    name="redact",
    work=redact_pictures,
    reads=("index", "derive", "text", "correct", "dedup", "split"),
    reads_sources=True,
    writes=("redactions",),
    blobs=("redacted",),
    parameters=redact_parameters,
    rules=redact_rules,
)
