"""Complete and check the tables of a recipe's sources, and its labels against them."""

import inspect
from collections.abc import Collection, Mapping
from pathlib import Path

from pydantic import BaseModel, ValidationError, create_model

from medmultipoints.data_lake.catalogue import SourceInfo, load_reader
from medmultipoints.flows.recipe.corrections import check_entries
from medmultipoints.flows.recipe.model import Labels, Recipe
from medmultipoints.flows.recipe.ontology import with_ontology
from medmultipoints.flows.recipe.sources import HANDLING, check_policy, complete_table, is_declared, kept_path
from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.problems import TomlTable, meant, problems

REMEDY = "Correct the recipe and run again."


def bare_problem(message: str, where: str) -> str:
    """Return an error about the recipe without the common start and end of such errors."""
    return message.removeprefix(f"recipe {where}: ").removesuffix(REMEDY).rstrip(" .")


def check_sources(
    recipe: Recipe,
    catalogue: Mapping[str, SourceInfo],
    where: str,
    folder: Path = Path(),
    given: Collection[str] = (),
) -> Recipe:
    """Return the recipe with its source options and labels completed and checked; paths are relative to ``folder``."""
    complete: dict[str, Mapping[str, object]] = {}
    wrong: list[UsageError] = []
    for name in recipe.sources:
        try:
            complete[name] = _complete_source(recipe, name, catalogue, where, folder, given)
        except UsageError as error:
            wrong.append(error)
    try:
        labels = complete_labels(recipe, catalogue, where) if not wrong else recipe.labels
        known = set(catalogue) | set(recipe.sources)
        check_entries(recipe.corrections, known, None if labels.others == "keep" else labels.names)
    except UsageError as error:
        wrong.append(error)
    if len(wrong) == 1:
        raise wrong[0]
    if wrong:
        raise UsageError(f"recipe {where}: {'; '.join(bare_problem(str(error), where) for error in wrong)}. {REMEDY}")
    return recipe.model_copy(update={"sources": complete, "labels": labels})


def _complete_source(
    recipe: Recipe,
    name: str,
    catalogue: Mapping[str, SourceInfo],
    where: str,
    folder: Path,
    given: Collection[str],
) -> Mapping[str, object]:
    """Return the table of one source with its options completed and checked."""
    table = recipe.sources[name]
    if is_declared(name, table, catalogue, given):
        terms = recipe.ontology if not isinstance(recipe.ontology, str) else {}
        return with_ontology(complete_table(name, table, catalogue, folder), terms)
    if name not in catalogue:
        raise UsageError(
            f"recipe {where}: unknown source '{name}'; {meant(name, catalogue)}, or give a source of your own "
            f'with path = "FOLDER" in [sources.{name}]. {REMEDY}'
        )
    options = {key: value for key, value in table.items() if key not in HANDLING}
    info = catalogue[name]
    known = reader_options(info.reader)
    try:
        checked = known.model_validate(options, context={"labels": info.labels})
        return checked.model_dump() | kept_path(table, folder, name) | check_policy(name, table)
    except ValidationError as error:
        raise UsageError(f"recipe {where}: sources.{name}: {problems(error, known)}. {REMEDY}") from error
    except UsageError as error:  # from an option that its reader checks itself
        raise UsageError(f"recipe {where}: sources.{error}") from error


def complete_labels(recipe: Recipe, catalogue: Mapping[str, SourceInfo], where: str) -> Labels:
    """Return the recipe's labels, or all labels of its sources; UsageError for a label that no source has."""
    known = [name for name in recipe.sources if name in catalogue]
    declared = len(known) < len(recipe.sources) or any(catalogue[name].is_declared for name in known)
    brought = {label: label for name in known for label in catalogue[name].labels}
    for label in recipe.labels.names:
        if label not in brought and not declared:
            there = ", ".join(brought)
            raise UsageError(
                f"recipe {where}: labels.names: unknown label '{label}'; its sources bring {there}. {REMEDY}"
            )
    if recipe.labels.names:
        return recipe.labels
    return recipe.labels.model_copy(update={"names": brought, "others": "keep" if declared else recipe.labels.others})


def reader_options(reader: str) -> type[BaseModel]:
    """Return the options of a reader, as its keyword arguments declare them, except those that a build gives."""
    fields = {
        parameter.name: (parameter.annotation, ... if parameter.default is parameter.empty else parameter.default)
        for parameter in inspect.signature(load_reader(reader)).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.name not in ("seed", "described")
    }
    return create_model(f"{reader}_options", __base__=TomlTable, **fields)  # type: ignore[call-overload, no-any-return]
