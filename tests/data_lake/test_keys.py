"""Digests that change when, and only when, what they stand for does."""

from importlib.metadata import version
from pathlib import Path, PurePosixPath

import pytest

from data_lake.keys import code_digest, digest, package_versions, reachable

PROJECT = {
    "top/__init__.py": "",
    "top/work.py": "from top.inner import middle\nimport json\n",
    "top/inner/__init__.py": '"""The package around the middle."""\n',
    "top/inner/middle.py": "import far.deep.bottom as low\n",
    "far/__init__.py": "",
    "far/deep/__init__.py": "from far import beside\n",
    "far/deep/bottom.py": "def f():\n    from late.lazily import g\n    return g\n",
    "far/beside.py": "",
    "late/lazily.py": "from top import work\n",
    "top/unrelated.py": "import far.deep.bottom\n",
    "far/deep/sibling.py": "",
    "json.txt": "no module",
}
REACHED = set(PROJECT) - {"top/unrelated.py", "far/deep/sibling.py", "json.txt"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project: work -> middle -> bottom -> (inside a function) lazily -> work."""
    for name, text in PROJECT.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_reachable_are_all_project_modules_that_an_import_runs(project: Path) -> None:
    """However deep, in functions, in circles, and the packages around each module."""
    assert reachable(["top.work"], project) == REACHED


@pytest.mark.parametrize("name", sorted(PROJECT))
def test_an_edit_changes_the_digest_if_the_code_can_reach_it(project: Path, name: str) -> None:
    before = code_digest(["top.work"], project)
    (project / name).write_text(PROJECT[name] + "# edited\n")
    assert (code_digest(["top.work"], project) != before) == (name in REACHED)


def test_a_new_module_counts_once_it_is_imported(project: Path) -> None:
    before = code_digest(["top.work"], project)
    (project / "far/new.py").write_text("")
    assert code_digest(["top.work"], project) == before
    (project / "far/beside.py").write_text("from far import new\n")
    assert code_digest(["top.work"], project) != before


def test_the_digest_is_the_same_wherever_the_project_lies(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for name in PROJECT:
        (elsewhere / name).parent.mkdir(parents=True, exist_ok=True)
        (elsewhere / name).write_bytes((project / name).read_bytes())
    assert code_digest(["top.work"], project) == code_digest(["top.work"], elsewhere)


def test_modules_may_be_named_with_dots_or_slashes_in_any_order(project: Path) -> None:
    assert code_digest(["top/work", "far.beside"], project) == code_digest(["far.beside", "top.work"], project)


def test_stages_reach_the_code_below_them() -> None:
    """The rule that the small project shows holds for the real one."""
    reached = {PurePosixPath(name).with_suffix("").as_posix() for name in reachable(["flows.stages.derive"])}
    assert {"transforms/derive", "transforms/masks", "transforms/boxes", "data_lake/store"} <= reached
    assert not {name for name in reached if name.startswith(("flows/cli", "flows/build", "tests"))}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ((1, 2), [1, 2]),
        ({"x", "y"}, ["x", "y"]),
        (Path("a/b"), "a/b"),
    ],
)
def test_equal_values_have_equal_digests(one: object, other: object) -> None:
    assert digest(one) == digest(other)


@pytest.mark.parametrize(("one", "other"), [([1, 2], [2, 1]), ("1", 1), ({}, []), (None, False), (["ab"], ["a", "b"])])
def test_other_values_have_other_digests(one: object, other: object) -> None:
    assert digest(one) != digest(other)


def test_a_digest_is_the_sha256_of_canonical_json() -> None:
    """Golden: sha256 of {"a":[1,null],"b":"é"}."""
    assert digest({"b": "é", "a": (1, None)}) == "e03c3c1ebb5fccd76e3bd35b9a86169f35e6f1b069645d48ac278175f54c4208"


def test_a_value_without_a_canonical_form_is_refused() -> None:
    with pytest.raises(TypeError):
        digest(object())


def test_packages_of_run_time_are_in_every_key_and_tools_are_not() -> None:
    found = package_versions()
    assert found["polars"] == version("polars")
    assert found["fsspec"] == version("fsspec")
    assert not {"pytest", "ruff", "mypy"} & set(found)
