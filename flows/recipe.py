"""The recipe: one TOML file that says what a release is made of. Unknown keys are errors."""

import inspect
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model, model_validator

from data_lake.catalogue import SourceInfo, load_catalogue, load_reader
from transforms.errors import UsageError

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Version = Annotated[str, Field(pattern=r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$")]
Policy = Literal["published", "audited"]
Label = Literal["polyps", "instrument", "normal", "cluster", "pinhead"]
Task = Literal["pointing", "bounding", "counting", "cnt_and_point", "count_and_box"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Boxes(_Section):
    """How masks, tracks and source boxes become boxes and points."""

    policy: Policy = Field("audited", description="published: source boxes x scale; audited: from masks and tracks")
    threshold: int = Field(128, ge=1, le=255, description="mask values from here on belong to an object")
    min_area_px: int = Field(20, ge=1, description="smaller mask components are specks: dropped and reported")
    track_rounding: Literal["none", "nearest", "floor"] = Field("none", description="integer boxes from label text")


class Images(_Section):
    """How pictures are stored."""

    max_side: int | None = Field(None, ge=16, description="longest side in px; none: original bytes untouched")
    resample: Literal["lanczos", "bicubic", "bilinear", "box"] = "lanczos"
    jpeg_quality: int = Field(95, ge=1, le=100)


class Labels(_Section):
    """Which labels become records, and under which name; a label that is not named is left out."""

    names: Mapping[Label, str] = Field({label: label for label in Label.__args__})
    zero_counts: bool = Field(False, description="records with count 0 where absence is certain")


class Splits(_Section):
    """Shares of the images; whole groups go to one split."""

    fractions: Mapping[Name, Annotated[float, Field(gt=0, le=1)]] = Field({"train": 1.0})

    @model_validator(mode="after")
    def _sums_to_one(self) -> "Splits":
        if abs(sum(self.fractions.values()) - 1) > 1e-9:
            raise ValueError(f"the fractions sum to {sum(self.fractions.values()):g}, not 1")
        return self


class Instructions(_Section):
    """Which prompts are written."""

    tasks: tuple[Task, ...] = Task.__args__


class Validation(_Section):
    """When rejections stop the release: the largest share of a stage's inputs, by stage."""

    max_rejected_fraction: Annotated[float, Field(ge=0, le=1)] = 0.5
    by_stage: Mapping[Name, Annotated[float, Field(ge=0, le=1)]] = {}


class Recipe(_Section):
    """One release: sources, policies, splits, tasks, thresholds, version."""

    name: Name
    version: Version
    title: str
    description: str = ""
    seed: int = 0
    release_date: str | None = Field(None, pattern=r"^\d{4}-\d{2}-\d{2}$")
    sources: Mapping[str, Mapping[str, object]]
    boxes: Boxes = Boxes()
    images: Images = Images()
    labels: Labels = Labels()
    splits: Splits = Splits()
    instructions: Instructions = Instructions()
    validation: Validation = Validation()

    @model_validator(mode="after")
    def _has_sources(self) -> "Recipe":
        if not self.sources:
            raise ValueError("sources: at least one source is needed")
        return self


def shipped_recipes() -> dict[str, Path]:
    """The recipes that come with the project, by name."""
    folder = Path(str(files("flows"))) / "recipes"
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def load_recipe(name_or_path: str) -> Recipe:
    """The checked recipe; UsageError lists every problem with its key, or the recipes there are."""
    shipped = shipped_recipes()
    path = shipped.get(name_or_path, Path(name_or_path))
    if not path.is_file():
        raise UsageError(f"no recipe '{name_or_path}': give one of {', '.join(shipped)} or the path of a TOML file.")
    try:
        recipe = Recipe.model_validate(tomllib.loads(path.read_text("utf-8-sig")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"recipe {path}: not valid TOML: {error}.") from error
    except ValidationError as error:
        raise UsageError(f"recipe {path}: {problems(error)}.") from error
    return check_sources(recipe, load_catalogue(), str(path))


def select_sources(recipe: Recipe, only: tuple[str, ...]) -> Recipe:
    """The recipe cut to the named sources; UsageError for a name it does not have."""
    unknown = [name for name in only if name not in recipe.sources]
    if unknown:
        raise UsageError(
            f"--only {unknown[0]}: recipe '{recipe.name}' has no such source; it has {', '.join(recipe.sources)}."
        )
    kept = {name: options for name, options in recipe.sources.items() if not only or name in only}
    return recipe.model_copy(update={"sources": kept})


def check_sources(recipe: Recipe, catalogue: Mapping[str, SourceInfo], where: str) -> Recipe:
    """The recipe with its source options completed by the readers' defaults and checked against their types."""
    complete = {}
    for name, options in recipe.sources.items():
        if name not in catalogue:
            raise UsageError(f"recipe {where}: unknown source '{name}'; there are {', '.join(catalogue)}.")
        try:
            complete[name] = reader_options(catalogue[name].reader).model_validate(dict(options)).model_dump()
        except ValidationError as error:
            raise UsageError(f"recipe {where}: sources.{name}: {problems(error)}.") from error
    return recipe.model_copy(update={"sources": complete})


def reader_options(reader: str) -> type[BaseModel]:
    """The options of a reader, as its keyword arguments declare them; ``seed`` comes from the recipe itself."""
    fields = {
        parameter.name: (parameter.annotation, ... if parameter.default is parameter.empty else parameter.default)
        for parameter in inspect.signature(load_reader(reader)).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.name != "seed"
    }
    return create_model(f"{reader}_options", __config__=ConfigDict(extra="forbid", frozen=True), **fields)  # type: ignore[call-overload, no-any-return]


def problems(error: ValidationError) -> str:
    """Every problem of a validation as one sentence with the key it concerns."""
    return "; ".join(
        f"{'.'.join(str(part) for part in problem['loc']) or 'recipe'}: "
        + ("unknown key" if problem["type"] == "extra_forbidden" else problem["msg"])
        for problem in error.errors()
    )
