"""Load the recipe: find its file, parse it, and check it with the files that it names."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from medmultipoints.data_lake.catalogue import load_catalogue
from medmultipoints.flows.recipe.corrections import of_sources, read_corrections
from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.flows.recipe.ontology import read_ontology
from medmultipoints.flows.recipe.pinned import locate_files
from medmultipoints.flows.recipe.source_checks import REMEDY, bare_problem, check_sources
from medmultipoints.transforms.errors import MachineError, UsageError
from medmultipoints.transforms.problems import meant, problems
from medmultipoints.transforms.splits.split_changes import split_reference
from medmultipoints.transforms.toml_text import parse_toml

IN_A_RELEASE: Final = "manifest.json"


def shipped_recipes() -> dict[str, Path]:
    """Return the recipes that come with the project, by name."""
    folder = Path(str(files("medmultipoints.flows"))) / "recipes"
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def load_recipe(name_or_path: str, given: Collection[str] = ()) -> Recipe:
    """Return the checked recipe; UsageError lists every problem with its key, or the available recipes.

    ``given`` are the sources whose path is known: their tables may be empty.
    """
    shipped = shipped_recipes()
    path = shipped.get(name_or_path, Path(name_or_path))
    if not path.is_file():
        said = "there is no such file" if path.suffix or path.name != name_or_path else meant(name_or_path, shipped)
        said = "it is a folder" if path.is_dir() else said
        known = ", ".join(shipped)
        raise UsageError(f"no recipe '{name_or_path}': {said}. Give one of {known} or the path of a TOML file.")
    try:
        raw = parse_toml(path.read_bytes(), f"recipe {path}", REMEDY)
    except OSError as error:
        raise MachineError(f"recipe {path}: {error.strerror}. Check that the file is readable.") from error
    recipe, wrong = _validated(raw)
    with _after(wrong, str(path)):
        corrections = read_corrections(recipe.corrections, path.parent)
        recipe = recipe.model_copy(update={"corrections": corrections})
    with _after(wrong, str(path)):
        if isinstance(recipe.ontology, str):
            recipe = recipe.model_copy(update={"ontology": read_ontology(path.parent / recipe.ontology)})
        recipe = check_sources(recipe, load_catalogue(), str(path), path.parent, given)
    if wrong:
        raise UsageError(f"recipe {path}: {'; '.join(wrong)}. {REMEDY}")
    located = recipe.splits.model_copy(update={"previous": locate_previous(recipe.splits.previous, path.parent)})
    return recipe.model_copy(update={"splits": located, **locate_files(recipe, path.parent)})


@contextmanager
def _after(wrong: list[str], where: str) -> Iterator[None]:
    """Add an error to the earlier ones of the recipe; raise it if it is the first."""
    try:
        yield
    except UsageError as error:
        if not wrong:
            raise
        wrong.append(bare_problem(str(error), where))


def _validated(raw: Mapping[str, Any]) -> tuple[Recipe, list[str]]:
    """Return the recipe and its problems; invalid parts get their defaults, so that the others can be checked."""
    try:
        return Recipe.model_validate(raw), []
    except ValidationError as error:
        wrong = {found["loc"][0] if found["loc"] else "sources" for found in error.errors()}
        placeholder: dict[str, Any] = {"name": "recipe", "version": "1.0.0", "title": "", "sources": {}}
        rest = placeholder | {key: value for key, value in raw.items() if key not in wrong}
        try:
            return Recipe.model_validate(rest), [problems(error, Recipe)]
        except ValidationError:
            return Recipe.model_construct(None, **placeholder), [problems(error, Recipe)]


def check_limits(recipe: Recipe, stages: Collection[str], where: str) -> None:
    """Raise UsageError if ``validation.by_stage`` names a stage that the pipeline does not have."""
    for name in recipe.validation.by_stage:
        if name not in stages:
            raise UsageError(
                f"recipe {where}: validation.by_stage.{name}: '{name}' is not a stage; {meant(name, stages)}. {REMEDY}"
            )


def select_sources(recipe: Recipe, only: tuple[str, ...]) -> Recipe:
    """Return the recipe reduced to the named sources; UsageError for an unknown name."""
    unknown = [name for name in only if name not in recipe.sources]
    if unknown:
        raise UsageError(
            f"--only {unknown[0]}: recipe '{recipe.name}' has no such source; it has {', '.join(recipe.sources)}."
        )
    kept = {name: options for name, options in recipe.sources.items() if not only or name in only}
    corrections = of_sources(recipe.corrections, tuple(kept))
    return recipe.model_copy(update={"sources": kept, "corrections": corrections})


def locate_previous(reference: str | None, folder: Path) -> str | None:
    """Return the reference with the path of an existing release, resolved from the recipe's folder.

    Others are unchanged: a name in the lake, or a path from the working folder.
    """
    place, root = split_reference(reference or "")
    own = (folder / Path(place).expanduser()).absolute()
    if not (own / IN_A_RELEASE).is_file():
        return reference
    return f"{own}@{root}" if root else str(own)
