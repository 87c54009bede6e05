"""Stage ``derive``: turn the bytes of every sample into an image row, regions and, if changed, stored bytes."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

import polars as pl

from medmultipoints.data_lake.archives.source_files import SourceFiles
from medmultipoints.data_lake.archives.video import decode_frames
from medmultipoints.data_lake.store.images import put_images
from medmultipoints.expectations.references import references_hold
from medmultipoints.flows.engine.stage import Build, Inputs, Output, Rules, Scans, Stage, read_once, source_shard
from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.flows.stages.choosing.kept import rows_of_few
from medmultipoints.flows.stages.reading.label_names import brought_labels, check_labels, check_ontology
from medmultipoints.flows.stages.reading.official_splits import check_official
from medmultipoints.flows.stages.reading.source_coverage import require_every_source
from medmultipoints.transforms.columns.annotation_rows import with_annotations
from medmultipoints.transforms.columns.record_columns import Columns, sample_of
from medmultipoints.transforms.columns.tables import schema_of
from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.pictures.decode import decode_image
from medmultipoints.transforms.pictures.numbering import (
    Gray,
    find_numbering_problem,
    frames_to_compare,
    miniature,
    odd_sizes,
)
from medmultipoints.transforms.pictures.scratch import Scratch
from medmultipoints.transforms.records import Exclusion, Sample, UnusedAnnotation
from medmultipoints.transforms.regions.derive import (
    Derived,
    DeriveParameters,
    ImageFacts,
    derive_sample,
    reject,
)
from medmultipoints.transforms.regions.derived_columns import (
    derived_region_columns,
    image_columns,
    speck_columns,
    thumbnail_columns,
    track_rows,
)
from medmultipoints.transforms.regions.tracks import inconsistent_tracks, join_label_files
from medmultipoints.transforms.sources.accounting import exclude_sample

STILLS_PER_SHARD = 250


def derive_parameters(recipe: Recipe) -> DeriveParameters:
    """Return the part of the recipe that this stage depends on."""
    return DeriveParameters(
        threshold=recipe.boxes.threshold,
        orientation=recipe.pictures.orientation,
        min_area_px=recipe.boxes.min_area_px,
        max_side=recipe.images.max_side,
        resample=recipe.images.resample,
        jpeg_quality=recipe.images.jpeg_quality,
    )


def derive_shards(build: Build, inputs: Inputs) -> tuple[str, ...]:
    """Return one shard per video, volume or 250 still images; the division depends on the samples alone."""
    stated = inputs.scan("annotations").filter(pl.col("mask_member").is_null())
    check_ontology(build, stated.select("source", "label"), brought_labels(build, inputs))
    check_labels(build, inputs)
    check_official(build.recipe, inputs.read("samples", "official_split"))
    return tuple(divided_samples(inputs)["shard"].unique(maintain_order=True))


@read_once
def divided_samples(inputs: Inputs) -> pl.DataFrame:
    """Return the sample_id and the shard of each sample."""
    samples = inputs.read("samples", "sample_id", "source", "video_id", "plane", "image_member").sort("sample_id")
    still = source_shard(STILLS_PER_SHARD, "video_id")
    video = pl.format("{}-video-{}", "source", "video_id")
    volume = pl.when(pl.col("plane").is_not_null()).then(pl.format("{}-volume-{}", "source", "image_member"))
    return samples.select("sample_id", shard=pl.coalesce(video, volume, still))


def derive_shard(build: Build, inputs: Inputs, shard: str) -> Output:
    """Return images, regions, specks and stored bytes of one shard."""
    own = divided_samples(inputs).filter(pl.col("shard") == shard)
    rows = rows_of_few(own, inputs.scan("samples"))
    annotations = rows_of_few(own, inputs.scan("annotations")).partition_by("sample_id", as_dict=True)
    samples = [
        with_annotations(sample_of(row), own.iter_rows(named=True) if own is not None else ())
        for row in rows.iter_rows(named=True)
        for own in [annotations.get((row["sample_id"],))]
    ]
    files = build.files(samples[0].source)
    described = next(source.info.described for source in build.sources if source.name == samples[0].source)
    parameters = replace(derive_parameters(build.recipe), classes=described.classes)
    outcomes = list(derive_all(samples, files, parameters))
    outcomes = reject_odd_sizes(samples, reject_inconsistent(samples, outcomes))
    derived = [outcome for outcome in outcomes if isinstance(outcome, Derived)]
    unused = [exclude_annotation(found.image, one) for found in derived for one in found.unused]
    changed = [(found.image.sample_id, found.stored) for found in derived if found.stored is not None]
    return Output(
        inputs=[*(sample.sample_id for sample in samples), *(row.key for row in unused)],
        used={found.image.sample_id: found.image.sample_id for found in derived},
        tables={
            "images": as_frame("images", image_columns(derived)),
            "regions": region_frame(derived),
            "specks": as_frame("specks", speck_columns(derived)),
            "thumbnails": as_frame("thumbnails", thumbnail_columns(derived)),
        },
        exclusions=[*(outcome for outcome in outcomes if isinstance(outcome, Exclusion)), *unused],
        blobs={"stored": put_images(build.lake, changed)},
    )


def exclude_annotation(image: ImageFacts, unused: UnusedAnnotation) -> Exclusion:
    """Return the exclusion of an annotation that shows no object in its picture."""
    key = f"{image.sample_id}#{unused.key}"
    return exclude_sample(image.sample_id, unused.verdict, unused.reason, unused.detail, key=key)


def derive_all(
    samples: Sequence[Sample], files: SourceFiles, parameters: DeriveParameters
) -> Iterator[Derived | Exclusion]:
    """Yield the outcome of each sample: files first, then frames that must be decoded from their video."""
    scratch, joined = Scratch(), join_label_files(samples, files.read, parameters.classes)
    for sample in samples:
        if sample.image_member is not None:
            yield derive_sample(sample, files.read, parameters, scratch=scratch, joined=joined)
    undecoded = [sample for sample in samples if sample.image_member is None]
    for video in sorted({str(sample.video_member) for sample in undecoded}):
        frames = {sample.frame_index: sample for sample in undecoded if sample.video_member == video}
        yield from derive_frames(video, frames, files, parameters, scratch)


def derive_frames(
    video: str, frames: dict[int | None, Sample], files: SourceFiles, parameters: DeriveParameters, scratch: Scratch
) -> Iterator[Derived | Exclusion]:
    """Yield the outcome of each frame of a video; reject it unless neighbouring pictures prove its frame number.

    Frames that the video does not contain are rejected, too.
    """
    wanted = dict(frames)
    neighbours = read_neighbours(frames.values(), files)
    compared = frames_to_compare(neighbours)
    problem = "the video ends before this frame"
    small: dict[int, Gray] = {}
    outcomes: list[tuple[Sample, Derived | Exclusion]] = []
    try:
        for index, pixels in decode_frames(
            files.read(video), [index for index in frames if index is not None], video, optional=compared
        ):
            if index in compared:
                small[index] = miniature(pixels)
            if index in wanted:
                sample = wanted.pop(index)
                outcomes.append((sample, derive_sample(sample, files.read, parameters, pixels, scratch)))
    except MemberProblem as error:
        problem = error.detail
    for sample, outcome in outcomes:
        own = {
            one.frame_index: neighbours[one.frame_index] for one in sample.neighbours if one.frame_index in neighbours
        }
        doubt = find_numbering_problem(own, small) if sample.neighbours else None
        yield outcome if doubt is None else reject(sample, "frame_numbering", doubt)
    for sample in wanted.values():
        yield reject(sample, "frame_missing", problem)


def read_neighbours(samples: Iterable[Sample], files: SourceFiles) -> dict[int, Gray]:
    """Return small versions of the pictures that prove the numbers of decoded frames; damaged ones are skipped."""
    found = {}
    for one in sorted({one for sample in samples for one in sample.neighbours}, key=lambda one: one.frame_index):
        with suppress(MemberProblem):
            found[one.frame_index] = miniature(decode_image(files.read(one.member)).pixels)
    return found


def reject_odd_sizes(samples: Sequence[Sample], outcomes: Iterable[Derived | Exclusion]) -> list[Derived | Exclusion]:
    """Return the outcomes with frames rejected whose size differs from that of most frames of their video."""
    found = list(outcomes)
    by_id = {sample.sample_id: sample for sample in samples}
    if any(sample.video_id is None for sample in samples):
        return found
    images = [outcome.image for outcome in found if isinstance(outcome, Derived)]
    problems = odd_sizes((image.sample_id, image.original_width, image.original_height) for image in images)
    return [
        reject(by_id[outcome.image.sample_id], "frame_size_differs", problems[outcome.image.sample_id])
        if isinstance(outcome, Derived) and outcome.image.sample_id in problems
        else outcome
        for outcome in found
    ]


def reject_inconsistent(
    samples: Sequence[Sample], outcomes: Iterable[Derived | Exclusion]
) -> list[Derived | Exclusion]:
    """Return the outcomes with frames rejected in which a track has another class than in most of its frames."""
    by_id = {sample.sample_id: sample for sample in samples}
    found = list(outcomes)
    derived = [outcome for outcome in found if isinstance(outcome, Derived)]
    problems = inconsistent_tracks({outcome.image.sample_id: outcome.tracked for outcome in derived})
    return [
        reject(by_id[outcome.image.sample_id], "track_class_changes", problems[outcome.image.sample_id])
        if isinstance(outcome, Derived) and outcome.image.sample_id in problems
        else outcome
        for outcome in found
    ]


def as_frame(table: str, columns: Columns) -> pl.DataFrame:
    """Return columns with the declared types of their table."""
    return pl.DataFrame(columns, schema=schema_of(table))


def region_frame(derived: Sequence[Derived]) -> pl.DataFrame:
    """Return the table ``regions``: those from masks and annotations, and those from label files."""
    tracks = track_rows(derived)
    others = as_frame("regions", derived_region_columns(derived))
    return pl.concat([others, tracks.cast({name: others.schema[name] for name in tracks.columns})], how="diagonal")


def derive_rules(tables: Scans, inputs: Inputs) -> Rules:
    """Check that regions and specks have an image, images have a sample, and no source is lost."""
    require_every_source(inputs.recipe, inputs.scan("samples"), tables["images"], tables["exclusions"])
    return {
        "regions_have_images": references_hold(tables["regions"], "sample_id", tables["images"], "sample_id"),
        "specks_have_images": references_hold(tables["specks"], "sample_id", tables["images"], "sample_id"),
        "images_have_samples": references_hold(tables["images"], "sample_id", inputs.scan("samples"), "sample_id"),
    }


STAGE = Stage(
    name="derive",
    work=derive_shard,
    shards=derive_shards,
    reads=("index",),
    reads_sources=True,
    writes=("images", "regions", "specks", "thumbnails"),
    blobs=("stored",),
    parameters=derive_parameters,
    rules=derive_rules,
)
