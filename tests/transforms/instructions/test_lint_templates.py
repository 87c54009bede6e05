"""The lint passes the shipped templates and holds each kind of bad one."""

import re
from collections.abc import Callable

import polars as pl
import pytest

from medmultipoints.transforms.instructions.naming.names import Name, Names
from medmultipoints.transforms.instructions.prompts import Template, Templates
from medmultipoints.transforms.instructions.write import write_instructions
from tests.transforms.instructions.lint import lint_templates

Tables = Callable[..., tuple[pl.DataFrame, pl.DataFrame]]
LABELS = ["polyps", "instrument", "normal", "pinhead", "cluster"]
_COUNTED = r"(polyp|instrument|pinhead|cluster)"
_ADJECTIVE = r"((sperm|surgical) )?"
BAD_ENGLISH = re.compile(
    rf"{_COUNTED}ss\b|sperms\b|\ba [aeiou]|\ban [^aeiou]|\b(each|every|one|per|an?) {_ADJECTIVE}{_COUNTED}s\b"
    rf"|\b(all|many|are|of)( the)? {_ADJECTIVE}{_COUNTED}\b(?! sperm)"
    rf"|\bis {_COUNTED}s\b|{_COUNTED}s (is|has)\b|{_COUNTED} (are|have)\b"
)
POINTS = "[1.5, 2.5], [3.5, 2.5]"
BOXES = "[1.0, 2.0, 3.0, 4.0], [5.0, 2.0, 6.0, 4.0]"
GOOD_REQUEST = {
    "counting": 'Give fenced JSON: {"counts": 1, "label": "{name}"}',
    "pointing": 'Give fenced JSON: [{"point_2d": [1.5, 2.5], "label": "{name}"}, '
    '{"point_2d": [3.5, 2.5], "label": "{name}"}]',
    "bounding": 'Give fenced JSON: [{"bbox_2d": [1.0, 2.0, 3.0, 4.0], "label": "{name}"}, '
    '{"bbox_2d": [5.0, 2.0, 6.0, 4.0], "label": "{name}"}]',
    "cnt_and_point": 'Give fenced JSON: {"counts": 2, "point_2d": [' + POINTS + '], "label": "{name}"}',
    "count_and_box": 'Give fenced JSON: {"counts": 2, "bbox_2d": [' + BOXES + '], "label": "{name}"}',
}


def _faults(templates: Templates, names: Names, task: str, template: Template) -> str:
    few = (*templates.by_task[task][:6], template)
    faults = lint_templates(Templates({task: few}), names)
    return "\n".join(fault for fault in faults if "written twice" not in fault)


@pytest.mark.slow
def test_the_shipped_templates_are_clean(templates: Templates, names: Names) -> None:
    """Every template with every name passes every check."""
    assert lint_templates(templates, names) == []


@pytest.mark.parametrize(
    ("task", "ask", "fault"),
    [
        ("counting", "Point to all {names} and count them.", "'Point' asks for what the answer does not give"),
        ("counting", "Where are the {names}? How many are there?", "'Where' asks for what"),
        ("counting", "Describe the {names}.", "does not ask for a number"),
        ("pointing", "Point to a nice one of the {names}.", "does not ask for all objects"),
        ("pointing", "How many {names} are there? Point to each.", "'How many' asks for what"),
        ("pointing", "Draw a box around every {name}.", "'box' asks for what"),
        ("pointing", "Give the pixel position of each {name}.", "'pixel' is a unit, which belongs to the request"),
        ("pointing", "Point to each {name}, in fractions of the width.", "'fractions' is a unit"),
        ("pointing", "Show every {name}.", "does not ask for points"),
        ("bounding", "Point to every {name} with a box.", "'Point' asks for what"),
        ("bounding", "List every {name}.", "does not ask for boxes"),
        ("cnt_and_point", "Point to every {name}.", "does not ask for a number"),
        ("cnt_and_point", "Count every {name}.", "does not ask for points"),
        ("count_and_box", "Box every {name}.", "does not ask for a number"),
        ("count_and_box", "Count every {name}, point to it and box it.", "'point' asks for what"),
        ("counting", "How many {c_lbl} are there among the {names}?", "unknown placeholder {c_lbl}"),
        ("counting", "How many are there?", "names no object"),
        ("counting", "How many {names} is there? {names} is what I want.", "a singular verb follows {names}"),
        ("counting", "Is the number the same if every {name} are shown?", "a plural verb follows {name}"),
        ("counting", "How large is the number if there are {name}?", "a plural verb precedes {name}"),
        ("counting", "Count each {names}.", "a singular is wanted"),
        ("counting", "What is the number of {name} here?", "a plural is wanted"),
        ("counting", "Is there a {name}, and how many are there?", "articles belong to {a_name} alone"),
        ("counting", "Count the {a_name}.", "articles belong to {a_name} alone"),
        ("counting", "count the {names}.", "does not begin with a capital"),
        ("counting", "Count the {names}. how many are there?", "does not begin with a capital"),
        ("counting", "Is there {a_name}, and how many {names} are there?", "a yes or no is asked for"),
        ("counting", "Count the  {names}.", "stray white space"),
        ("counting", "Count the the {names}.", "a word is doubled"),
        ("counting", "Count the {names}", "does not end with a full stop or question mark"),
        ("counting", "Count the {names}, that is every cluster.", "holds the name cluster itself"),
        ("counting", "Count the {names} in [this] image.", "brackets or quotes belong to the request"),
        ("counting", "Count the {names} in an picture.", "'an picture'"),
        ("counting", "Count the {names} in a image.", "'a image'"),
        ("counting", "How many {names} are visible, in this image?", "repeats another"),
        ("counting", "<image> Count the {names}.", "must start with <image>, once"),
    ],
)
def test_a_bad_ask_is_held(templates: Templates, names: Names, task: str, ask: str, fault: str) -> None:
    """An ask with the wrong verb, placeholder or grammar is reported with the reason."""
    assert fault in _faults(templates, names, task, Template(ask, GOOD_REQUEST[task]))


@pytest.mark.parametrize(
    ("task", "request_text", "fault"),
    [
        ("counting", 'Give fenced JSON: {"counts": count, "label": c_lbl}', "not JSON"),
        ("counting", 'Give fenced JSON: {"count": 1, "label": "{name}"}', "not of the shape of the task"),
        ("counting", "Give fenced JSON.", "no JSON example"),
        ("counting", 'Give fenced JSON: {"counts": 1, "label": "{name}"} please', "not JSON"),
        ("counting", 'Give fenced JSON: {"counts": 1, "label": "{name}", }', "not JSON"),
        ("counting", 'Give JSON: {"counts": 1, "label": "{name}"}', "does not ask for JSON in a fenced block"),
        ("counting", 'Give fenced JSON {"counts": 1, "label": "{name}"}', "must follow a colon and a space"),
        ("counting", 'Give fenced JSON: {"counts": 1, "label": "polyp"}', "the label of the example must be {name}"),
        ("counting", 'Give positions as fenced JSON: {"counts": 1, "label": "{name}"}', "'positions' asks for"),
        ("pointing", 'Give fenced JSON: [{"point_2d": [1.5, 2.5], "label": "{name}"}]', "shows a single object"),
        ("pointing", 'Give fenced JSON: [{"point_2d": [1.5, 2.5], "label": "{name}"},.., {..}]', "not JSON"),
        (
            "cnt_and_point",
            GOOD_REQUEST["cnt_and_point"].replace('"counts": 2', '"counts": 3'),
            "count is not its number of entries",
        ),
        (
            "count_and_box",
            GOOD_REQUEST["count_and_box"].replace("3.0", "1.0"),
            "has no area",
        ),
    ],
)
def test_a_bad_request_is_held(templates: Templates, names: Names, task: str, request_text: str, fault: str) -> None:
    """A request whose example is not a valid answer of the task is reported with the reason."""
    assert fault in _faults(templates, names, task, Template(templates.by_task[task][0].ask, request_text))


def test_missing_and_few_templates_are_held(templates: Templates, names: Names) -> None:
    """A task without templates and one with too few asks are both faults."""
    few = {"counting": templates.by_task["counting"][:1]}

    faults = lint_templates(Templates(few), names)

    assert "pointing: no templates" in faults
    assert "counting: 1 asks, at least 25 are wanted" in faults


def test_a_wrong_article_of_a_name_is_held(templates: Templates) -> None:
    """The lint reads the filled prompts, so a wrong article in the names file shows."""
    faults = lint_templates(templates, Names((Name("instrument", "instruments", "a"),), {}))

    assert any("'a instrument'" in fault for fault in faults)


@pytest.mark.slow
@pytest.mark.parametrize("count", [0, 1, 2, 40])
def test_rendered_prompts_read_as_english(tables: Tables, templates: Templates, names: Names, count: int) -> None:
    """For none, one, two or many objects: plurals, articles, and number after each and all are right."""
    boxes = [(float(number), 0.0, number + 2.0, 2.0) for number in range(count)]
    records, images = tables([(chr(0x100 + i), label, boxes) for i in range(30) for label in LABELS])
    images = images.with_columns(labels_exhaustive=pl.lit(LABELS))
    for policy in ("published", "audited"):
        written = write_instructions(records, images, templates, names, seed=count, policy=policy)
        assert written["answer_rederived"].all()
        assert [prompt for prompt in written["prompt"] if BAD_ENGLISH.search(prompt)] == []
        assert {prompt.count("<image>") for prompt in written["prompt"]} == {1}


@pytest.mark.parametrize(
    ("task", "ask", "fault"),
    [
        ("presence", "Count every {name} and box it, then count again.", "does not ask for whether it is there"),
        ("referring", "Draw a box around {referent}.", "the article the belongs before {referent}"),
        ("referring", "Draw a box around all of the {referent}.", "'all' asks for what"),
        ("classification", "Name the organ and the class.", "does not ask for the finding"),
        ("classification", "Where is the organ, which class, what finding?", "'Where' asks for what"),
        ("label_path", "Name the {names} of this image.", "does not ask for a path"),
        ("class_counts", "Count {classes} and give the density.", "does not ask for the total"),
        ("class_counts", "Count by class, give total and density.", "has no place for {classes}"),
        ("description", "Describe the {name} in the box.", "unknown placeholder {name}"),
        ("segmentation", "Box the {name} {hint}.", "does not ask for a mask"),
        ("tracking", "Box the {name} from {region} again.", "does not ask for the later image"),
        ("same_class", "Box what is like {region} in image 2.", "does not ask for all objects"),
        ("motion", "Give path, speed and displacement of the {name} at {region}, in {timing}.", "'displacement' asks"),
        ("video_counts", "Count {classes} in each image and give the density.", "does not ask for the mean"),
    ],
)
def test_an_ask_of_another_task_is_held(templates: Templates, names: Names, task: str, ask: str, fault: str) -> None:
    """Each task has its own words for what its answer gives, and for what it does not give."""
    found = _faults(templates, names, task, Template(ask, templates.by_task[task][0].request))

    assert fault in found


def test_an_example_of_another_shape_is_held(templates: Templates, names: Names) -> None:
    """The example that ends a request has the keys of the answer, in their order."""
    ask = templates.by_task["referring"][0].ask
    request = 'Give fenced JSON: {"label": "{name}", "bbox_2d": [1.0, 2.0, 3.0, 4.0]}'

    assert "not of the shape of the task" in _faults(templates, names, "referring", Template(ask, request))
