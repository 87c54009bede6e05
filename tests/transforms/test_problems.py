"""What is wrong with a file that a person wrote is said with its key, in plain words."""

from typing import Annotated

import pytest
from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError

from medmultipoints.transforms.problems import FILE_NAME, Sha256, first_problem, meant, problems


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")

    file: Annotated[str, Field(pattern=FILE_NAME)]
    parents: tuple[str, ...] = ()
    sha256: Sha256 | None = None
    size: float = 0


class Parts(RootModel[dict[str, Part]]):
    pass


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({}, "file: the key is missing"),
        ({"file": "../x"}, "file: '../x' is not the name of a file alone, without a folder"),
        ({"file": "x", "sha256": "12"}, "sha256: '12' is not a sha256 of 64 hex digits"),
        ({"file": "x", "parnts": ["y"]}, "parnts: unknown key; perhaps 'parents' is meant"),
        ({"file": "x", "q": 1}, "q: unknown key; known are file, parents, sha256, size"),
        ({"file": "x", "parents": "y"}, "parents: must be a list"),
        ({"file": "x", "size": "big"}, "size: must be a number"),
        ({"file": 3}, "file: must be a text in quotes"),
    ],
)
def test_each_problem_has_key_and_words(part: dict[str, object], words: str) -> None:
    """Alone, and as one table of many under a name."""
    with pytest.raises(ValidationError) as alone:
        Part.model_validate(part)
    assert problems(alone.value, Part) == words
    with pytest.raises(ValidationError) as named:
        Parts.model_validate({"polyp": part})
    assert problems(named.value, Parts) == f"polyp.{words}"


def test_all_problems_are_named_or_counted() -> None:
    with pytest.raises(ValidationError) as caught:
        Part.model_validate({"file": 3, "size": "big"})
    assert problems(caught.value, Part) == "file: must be a text in quotes; size: must be a number"
    assert first_problem(caught.value, Part) == "file: must be a text in quotes (and 1 more)"


def test_a_name_that_is_nearly_right_is_proposed() -> None:
    known = ("hyperkvasir", "visem_tracking")
    assert meant("hyperkvazir", known) == "perhaps 'hyperkvasir' is meant"
    assert meant("cells", known) == "known are hyperkvasir, visem_tracking"
