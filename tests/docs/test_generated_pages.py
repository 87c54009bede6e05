"""Pages that are generated are fresh, and what is written by hand names what exists."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from prefect.flows import load_flow_from_entrypoint

from medmultipoints.data_lake.catalogue import load_catalogue
from medmultipoints.flows.engine.request import (
    BuildRequest,
    Destination,
    PublishRequest,
    RefreshRequest,
    VerifyRequest,
)
from medmultipoints.flows.orchestration.deployments import NIGHTLY, deployments, schedule_of
from medmultipoints.flows.recipe.load import load_recipe
from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.flows.recipe.source_checks import reader_options
from medmultipoints.flows.stages.pipeline import PIPELINE
from tests.docs.pages import PAGES, ROOT
from tools.recipe_reference import describe_type, meaning_of
from tools.reference import pages

GENERATED = {path.name: (path, text) for path, text in pages().items()}


@pytest.mark.parametrize("name", sorted(GENERATED))
def test_generated_pages_are_fresh(name: str) -> None:
    """Otherwise run `make docs` and commit the result."""
    path, text = GENERATED[name]
    assert path.read_text("utf-8") == text


def test_every_key_of_a_recipe_has_a_meaning() -> None:
    """Of the recipe, its sections and the options of our readers."""
    sections = [field.annotation for field in Recipe.model_fields.values() if hasattr(field.annotation, "model_fields")]
    catalogue = load_catalogue()
    readers = [reader_options(catalogue[name].reader) for name in load_recipe("demo").sources]
    top = {name: field for name, field in Recipe.model_fields.items() if field.annotation not in sections}
    fields = [top, *(model.model_fields for model in [*sections, *readers])]
    assert [name for model in fields for name, field in model.items() if not meaning_of(field)] == []


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Recipe.model_fields["sources"].annotation, "table of tables"),
        (int | None, "integer"),
        (tuple[str, ...], "list, each text"),
        (dict[str, float], "table, each value number"),
    ],
)
def test_types_are_put_into_words(kind: object, words: str) -> None:
    """The words that the recipe's reference uses."""
    assert describe_type(kind) == words


def test_the_design_names_every_stage_in_order() -> None:
    """The picture of the flow is that of the pipeline."""
    picture = (ROOT / "docs" / "design.md").read_text("utf-8").split("```")[1]
    places = [re.search(rf"^ ?.*\b{stage.name}\b", picture, re.MULTILINE) for stage in PIPELINE]
    assert all(places)
    assert all(table in picture for stage in PIPELINE for table in stage.writes)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """Files exist, and so do the headings that a link points at."""
    text = re.sub(r"`[^`\n]*`", "", page.read_text("utf-8"))  # a pattern in a code span is no link
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]+)(?:#([^)]+))?\)", text):
        path = page.parent / target
        assert path.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
            assert anchor in {heading.lower().replace(" ", "-") for heading in headings}


@pytest.mark.slow
def test_the_deployments_fit_their_flows() -> None:
    """Of ``prefect.yaml``: parameters are valid, entry points are modules of the package, recipes load."""
    served = {one.flow.name: one for one in deployments(RefreshRequest(), schedule_of(None, NIGHTLY, "UTC"), "UTC")}
    declared = yaml.safe_load((ROOT / "prefect.yaml").read_text("utf-8"))["deployments"]
    assert [one["entrypoint"].rpartition(".")[2] for one in declared] == list(served)
    for deployment in declared:
        flow = load_flow_from_entrypoint(deployment["entrypoint"])
        assert flow is served[flow.name].flow
        if "what" in deployment["parameters"]:
            checked = flow.validate_parameters(deployment["parameters"])
            assert load_recipe(checked["what"].recipe)
        assert set(deployment["parameters"]) <= set(flow.parameters.properties)
        assert bool(deployment.get("schedules")) == (served[flow.name].schedule is not None)


def test_every_parameter_is_described() -> None:
    """The form of the Prefect UI explains itself."""
    for form in (BuildRequest, RefreshRequest, PublishRequest, VerifyRequest, Destination):
        assert [name for name, field in form.model_fields.items() if not field.description] == []


def test_analytics_are_off() -> None:
    """Nothing that Prefect starts here reports home."""
    settings = tomllib.loads((ROOT / "prefect.toml").read_text("utf-8"))
    assert settings["server"]["analytics_enabled"] is False


def test_one_version_and_one_licence() -> None:
    """Project, citation, change log and licence file agree."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert (citation["version"], citation["license"]) == (project["version"], project["license"])
    assert citation["authors"] == project["authors"]
    assert f"\n## {project['version']}\n" in (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert "Apache License" in (ROOT / "LICENSE").read_text("utf-8")
