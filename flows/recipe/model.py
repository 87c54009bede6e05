"""Read the recipe: one TOML file that defines a release. Unknown keys are errors."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from medmultipoints.flows.recipe.corrections import Corrections
from medmultipoints.flows.recipe.effects import unused_keys
from medmultipoints.flows.recipe.instructions import Instructions
from medmultipoints.flows.recipe.ontology import Term
from medmultipoints.flows.recipe.pinned import Describe, Witness
from medmultipoints.flows.recipe.privacy import Privacy, Text, unread_kinds
from medmultipoints.transforms.compose.label_terms import Terms, plurals_of, released_terms
from medmultipoints.transforms.problems import NAME, VERSION, Day, ReleasedLabel, TomlTable
from medmultipoints.transforms.splits.official import OFFICIAL, official_name

MOST = 2**31 - 1
Name = Annotated[str, Field(pattern=NAME, max_length=100)]
Version = Annotated[str, Field(pattern=VERSION)]
Policy = Literal["published", "audited"]
SourceLabel = Annotated[str, Field(min_length=1)]


class Boxes(TomlTable):
    """How masks, tracks and source boxes become boxes and points."""

    policy: Policy = Field(
        default="audited", description="published: source boxes x scale; audited: from masks and tracks"
    )
    threshold: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="least mask value of an object; none: 128, or half the range of a 16-bit file that uses all of it, "
        "and masks with areas of other values are rejected. Of sources of the catalogue and of `pairs`",
    )
    min_area_px: int = Field(
        default=20,
        ge=1,
        le=MOST,
        description="smaller mask components are specks: dropped and reported. Of sources of the catalogue and of "
        "`pairs`; other declared sources have min_area_px in [read.masks]",
    )
    track_rounding: Literal["none", "nearest", "floor"] = Field(
        default="none", description="how boxes of tracks are rounded to integers"
    )


class Pictures(TomlTable):
    """How pictures are read."""

    orientation: Literal["stored", "displayed", "refuse"] = Field(
        default="stored",
        description="tags that make readers turn or mirror a picture. stored: they are removed, and pixels, masks and "
        "boxes stay as stored; displayed: they are applied to all three; refuse: such pictures are rejected",
    )


class Images(TomlTable):
    """How pictures are stored."""

    max_side: int | None = Field(
        default=None, ge=16, le=MOST, description="longest side in px; none: original bytes untouched"
    )
    resample: Literal["lanczos", "bicubic", "bilinear", "box"] = Field(
        default="lanczos", description="filter that makes pictures smaller"
    )
    jpeg_quality: int = Field(
        default=95, ge=1, le=100, description="quality of resized pictures and of frames decoded from video"
    )


class Labels(TomlTable):
    """Which labels become records, and under which name; a label that is not named is left out."""

    names: Mapping[SourceLabel, ReleasedLabel] = Field(
        default={}, description="label of a source = label in the release; empty: all labels of the sources as they are"
    )
    others: Literal["drop", "keep"] = Field(
        default="drop", description="labels of declared sources that names omits; keep if names is empty"
    )
    zero_counts: bool = Field(default=False, description="write records with count 0 where absence is certain")


class Splits(TomlTable):
    """Shares of the images; whole groups go to one split."""

    fractions: Mapping[Name, Annotated[float, Field(gt=0, le=1)]] = Field(
        default={"train": 1.0}, description="split = share; the shares sum to 1"
    )
    honour_official: bool = Field(
        default=False, description="images keep the split that their source's authors assigned, if the recipe has it"
    )
    previous: str | None = Field(
        default=None,
        description="RELEASE or RELEASE@ROOT, a folder relative to the recipe, or NAME@ROOT, a release in the lake: "
        "its images keep their split; ROOT is its manifest root or the first 8 digits or more",
    )
    near_threshold: float | None = Field(
        default=None,
        ge=0,
        le=0.3,
        description="pictures closer than this distance (1 - correlation) are near-duplicates and stay in one "
        "split; none: chosen from the histogram of distances",
    )
    starts: bool = Field(
        default=False,
        description="for endoscopy stills with a burned-in clock and timer: pictures of one day whose clock minus "
        "timer differs by at most 2 s are of one examination; needs text.readers",
    )
    days: bool = Field(
        default=False,
        description="for pictures with a burned-in date: all that show one day stay in one split; needs text.readers",
    )
    pixels: bool = Field(
        default=False,
        description="stills of one scene (7 or more keypoints under one map) are of one examination, and one frame "
        "cut and uncut is found; 0.5 s a picture",
    )
    same_frame: Literal["keep", "drop"] = Field(
        default="keep",
        description="of one frame cut and uncut: keep both pictures in one group, or drop the smaller; needs pixels",
    )

    @model_validator(mode="after")
    def _finds_what_it_drops(self) -> "Splits":
        if self.same_frame == "drop" and not self.pixels:
            raise ValueError('same_frame = "drop" needs pixels = true: without it no frame is found twice')
        return self

    @model_validator(mode="after")
    def _sums_to_one(self) -> "Splits":
        if abs(sum(self.fractions.values()) - 1) > 1e-9:
            raise ValueError(f"the fractions sum to {sum(self.fractions.values()):g}, not 1")
        return self

    @field_validator("fractions")
    @classmethod
    def _named_as_usual(cls, fractions: Mapping[Name, float]) -> Mapping[Name, float]:
        taken: dict[str, str] = {}
        for name in fractions:
            if taken.setdefault(official_name(name), name) != name:
                raise ValueError(f"{taken[official_name(name)]} and {name} mean the same split; write one of them")
            alike = [usual for usual in OFFICIAL if abs(len(usual) - len(name)) < 2]
            near = get_close_matches(name, alike, n=1, cutoff=0.8)
            if near and name not in OFFICIAL and name.isalpha():
                raise ValueError(f"{name!r} is not the name of a split; perhaps {near[0]!r} is meant")
        return fractions


class Validation(TomlTable):
    """When rejections stop the release: the largest share of a stage's inputs, by stage."""

    max_rejected_fraction: float = Field(default=0.5, ge=0, le=1, description="for every stage that by_stage omits")
    by_stage: Mapping[str, Annotated[float, Field(ge=0, le=1)]] = Field(default={}, description="stage = largest share")
    broken_sources: Literal["stop", "leave-out"] = Field(
        default="stop",
        description="a source that cannot be read, or of which every picture is rejected: stop the build, or leave the "
        "source out and report it",
    )


class Card(TomlTable):
    """What a curator writes for the dataset card by hand; texts are Markdown and survive every rebuild."""

    about: str = Field(default="", description="after the description")
    uses: str = Field(default="", description="intended uses, and what it must not be used for")
    limits: str = Field(default="", description="added to the known defects and limits")
    changes: str = Field(default="", description="what is new in this version, in a curator's words")
    citation: str = Field(default="", description="how to cite this dataset; those of the sources follow")
    homepage: str | None = Field(default=None, description="where the dataset is described")
    authors: tuple[str, ...] = Field(default=(), description="who made it")
    contacts: tuple[str, ...] = Field(default=(), description="whom to ask")
    tags: tuple[str, ...] = Field(default=(), description="added to the tags of the Hub")
    examples: tuple[str, ...] = Field(
        default=(),
        max_length=8,
        description="images to show on the card, by sample_id; by default up to eight in which the reader ocr and the "
        "audit find nothing about a person, and none if ocr does not read",
    )


class Recipe(TomlTable):
    """One release: sources, policies, splits, tasks, thresholds, version."""

    name: Name = Field(description="name of the release, and of its folder")
    version: Version = Field(description="three numbers, as 1.0.0; --version overrules it")
    title: str = Field(description="heading of the dataset card")
    description: str = Field(default="", description="first paragraph of the dataset card")
    seed: int = Field(
        default=0, ge=-(2**63), lt=2**63, description="decides frame sampling, splits and the wording of prompts"
    )
    release_date: Day | None = Field(
        default=None, description="as 2026-11-21; none: the day of SOURCE_DATE_EPOCH, if that is set"
    )
    sources: Mapping[str, Mapping[str, object]] = Field(
        description="one table a source, with the options of its reader; of equal images the first source's stays, "
        "unless a copy has stronger evidence"
    )
    ontology: str | Mapping[str, Term] = Field(
        default={}, description="TOML file of labels: names, synonyms, parents and codes of declared sources"
    )
    boxes: Boxes = Boxes()
    pictures: Pictures = Pictures()
    images: Images = Images()
    labels: Labels = Labels()
    splits: Splits = Splits()
    text: Text = Text()
    privacy: Privacy = Privacy()
    instructions: Instructions = Instructions()
    witness: Witness = Witness()
    describe: Describe = Describe()
    corrections: Corrections = Corrections()
    validation: Validation = Validation()
    card: Card = Card()

    @property
    def terms(self) -> Terms:
        """The terms of the ontology, as plain values, by released label."""
        return released_terms(self.model_dump(mode="json", include={"ontology", "labels"}))

    @property
    def plurals(self) -> dict[str, str]:
        """The plurals that the ontology gives, by released label."""
        return plurals_of(self.model_dump(mode="json", include={"ontology", "labels"}))

    @model_validator(mode="after")
    def _has_sources(self) -> "Recipe":
        if not self.sources:
            raise ValueError("sources: at least one source is needed")
        return self

    @model_validator(mode="after")
    def _uses_what_it_states(self) -> "Recipe":
        if unused := [*unused_keys(self), *unread_kinds(self.text, self.privacy)]:
            raise ValueError("; ".join(unused))
        return self

    @model_validator(mode="after")
    def _can_read_times(self) -> "Recipe":
        if (self.splits.starts or self.splits.days) and not self.text.readers:
            raise ValueError("splits.starts and splits.days need text.readers")
        return self
