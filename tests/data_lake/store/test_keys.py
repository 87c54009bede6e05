"""Digests change when, and only when, the code or value that they name does."""

import ast
from importlib.metadata import version
from pathlib import Path, PurePosixPath

import pytest

from medmultipoints.data_lake.store.keys import CODE_ROOT, _scanned, code_digest, digest, package_versions, reach

PROJECT = {
    "toy/__init__.py": "",
    "toy/top/__init__.py": "",
    "toy/top/work.py": "from toy.top.inner import middle\nimport json, beside_toy\n",
    "toy/top/inner/__init__.py": '"""The package around the middle."""\n',
    "toy/top/inner/middle.py": "import toy.far.deep.bottom as low\n",
    "toy/far/__init__.py": "",
    "toy/far/deep/__init__.py": "from toy.far import beside\n",
    "toy/far/deep/bottom.py": "def f():\n    from toy.late.lazily import g\n    return g\n",
    "toy/far/beside.py": "",
    "toy/late/lazily.py": "from toy.top import work\n",
    "toy/top/unrelated.py": "import toy.far.deep.bottom\n",
    "toy/far/deep/sibling.py": "",
    "beside_toy.py": "",
    "json.txt": "no module",
}
REACHED = set(PROJECT) - {"toy/top/unrelated.py", "toy/far/deep/sibling.py", "json.txt", "beside_toy.py"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project: work -> middle -> bottom -> (inside a function) lazily -> work."""
    for name, text in PROJECT.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_reachable_are_all_project_modules_that_an_import_runs(project: Path) -> None:
    """However deep, in functions, in circles, and the packages around each module."""
    assert set(reach(("toy.top.work",), project, {})) == REACHED


@pytest.mark.parametrize("name", sorted(PROJECT))
def test_an_edit_changes_the_digest_if_the_code_can_reach_it(project: Path, name: str) -> None:
    before = code_digest(["toy.top.work"], project)
    (project / name).write_text(PROJECT[name] + "# edited\n")
    assert (code_digest(["toy.top.work"], project) != before) == (name in REACHED)


def test_a_new_module_counts_once_it_is_imported(project: Path) -> None:
    before = code_digest(["toy.top.work"], project)
    (project / "toy/far/new.py").write_text("")
    assert code_digest(["toy.top.work"], project) == before
    (project / "toy/far/beside.py").write_text("from toy.far import new\n")
    assert code_digest(["toy.top.work"], project) != before


def test_the_digest_is_the_same_wherever_the_project_lies(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for name in PROJECT:
        (elsewhere / name).parent.mkdir(parents=True, exist_ok=True)
        (elsewhere / name).write_bytes((project / name).read_bytes())
    assert code_digest(["toy.top.work"], project) == code_digest(["toy.top.work"], elsewhere)


def test_modules_may_be_named_with_dots_or_slashes_in_any_order(project: Path) -> None:
    assert code_digest(["toy/top/work", "toy.far.beside"], project) == code_digest(
        ["toy.far.beside", "toy.top.work"], project
    )


def test_stages_reach_the_code_below_them() -> None:
    """The rule that the small project shows holds for the real one."""
    stage = "medmultipoints.flows.stages.reading.derive"
    reached = {PurePosixPath(name).with_suffix("").as_posix() for name in reach((stage,), CODE_ROOT, {})}
    wanted = {f"medmultipoints/{name}" for name in ("transforms/regions/derive", "data_lake/store/objects")}
    assert wanted <= reached
    assert not {
        name
        for name in reached
        if "flows/cli" in name or "orchestration" in name or not name.startswith("medmultipoints/")
    }


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


def test_packages_of_a_stage_are_those_that_its_modules_import() -> None:
    """Another version of one that it cannot reach keeps the stage; codecs are part of the packages that bring them."""
    index, derive, manifest = (
        package_versions([f"medmultipoints.flows.stages.{name}", "medmultipoints.flows.engine.running.finish"])
        for name in ("reading.index", "reading.derive", "releasing.manifest")
    )
    assert index["polars"] == version("polars")
    assert derive["cv2"] == version("opencv-python-headless")
    assert derive["PIL"] == version("pillow")
    assert "jinja2" in manifest
    assert "jinja2" not in index
    assert not {"rich", "typer", "fastapi", "prefect", "httpx", "pytest", "medmultipoints", "os"} & {*derive, *manifest}


def test_a_package_that_is_not_installed_has_no_version(project: Path) -> None:
    (project / "toy" / "odd.py").write_text("import nowhere_to_be_found\nimport numpy as np\n")
    assert package_versions(["toy.odd"], project) == {"numpy": version("numpy")}


def test_imports_are_those_of_the_syntax_tree() -> None:
    """For every module of the project: lines in any form, comments, brackets, and none for type checking alone."""
    for path in sorted((CODE_ROOT / "medmultipoints").rglob("*.py")):
        tree = ast.parse(path.read_bytes())
        guarded = [
            node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        ]
        skipped = {id(inner) for node in guarded for inner in ast.walk(node)}
        wanted: set[str] = set()
        for node in ast.walk(tree):
            if id(node) in skipped:
                continue
            if isinstance(node, ast.Import):
                wanted |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                wanted |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
        assert set(_scanned(path, 0)[1]) == {(name.partition(".")[0], name.replace(".", "/")) for name in wanted}, path
