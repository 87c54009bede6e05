"""The shape of the project: import direction, purity, lengths, names, docstrings, package data, a fresh lock file."""

import ast
import re
import shutil
import statistics
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
LAYERS = ("records", "transforms", "expectations", "data_lake", "flows")
PACKAGES = LAYERS[1:]
BEDROCK = {"medmultipoints.transforms.records", "medmultipoints.transforms.errors"}
DATA_SUFFIXES = {".toml", ".json", ".jinja"}

PURE = {"pathlib.PurePath", "pathlib.PurePosixPath"}  # paths as text: they touch no disk
IMPURE = {
    *("asyncio", "ctypes", "fsspec", "glob", "httpx", "mmap", "multiprocessing", "os", "pathlib", "prefect", "random"),
    *("requests", "secrets", "shelve", "shutil", "signal", "socket", "sqlite3", "subprocess", "tempfile", "threading"),
    *("time", "urllib"),
}
IMPURE_NAMES = {
    ("datetime", "now"),
    ("datetime", "today"),
    ("datetime", "utcnow"),
    ("date", "today"),
    ("uuid", "uuid4"),
}
SEEDED_RANDOM = {"Generator", "PCG64", "Philox", "SeedSequence", "default_rng"}
NO_STAGES = {
    "as_released",
    "kept",
    "label_names",
    "official_splits",
    "pipeline",
    "source_coverage",
}  # the list, and what stages share
VAGUE = {"utils", "helpers", "manager", "base", "misc", "common"}

MOST_LINES, MEDIAN_LINES = 400, 130
LONGEST_FUNCTION, USUAL_FUNCTION, SHARE_OF_USUAL = 45, 30, 0.9


def modules() -> dict[str, Path]:
    """The file of every module of the project by its dotted name."""
    paths = (path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))
    names = {path: ".".join(("medmultipoints", *path.relative_to(ROOT).with_suffix("").parts)) for path in paths}
    return {name.removesuffix(".__init__"): path for path, name in names.items()}


MODULES = modules()
TREES = {name: ast.parse(path.read_bytes(), str(path)) for name, path in MODULES.items()}


def imports(tree: ast.AST) -> Iterator[str]:
    """Every module that a file imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer(module: str) -> int:
    """How far from the records a module is."""
    return 0 if module in BEDROCK else LAYERS.index(module.split(".")[1])


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method of a file."""
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """From ``def`` to the last line."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def impurities(tree: ast.AST) -> Iterator[str]:
    """What in a file reaches for the disk, the network, the environment, the clock or a global random state."""
    plain = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    parts = {name for name in imports(tree) if name.rpartition(".")[0] in IMPURE} - PURE
    yield from sorted({name for name in plain | parts if name.split(".")[0] in IMPURE})
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == "open":
            yield "open()"
        if isinstance(node, ast.Attribute):
            owner = ast.unparse(node.value)
            if (owner.split(".")[-1], node.attr) in IMPURE_NAMES:
                yield f"{owner}.{node.attr}"
            if owner in ("np.random", "numpy.random") and node.attr not in SEEDED_RANDOM:
                yield f"{owner}.{node.attr}"
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("default_rng") and not node.args:
            yield "default_rng() without a seed"


def test_imports_go_one_way() -> None:
    """Records and errors <- transforms <- expectations <- data_lake <- flows, and never back."""
    edges = {(module, name) for module, tree in TREES.items() for name in imports(tree) if name in MODULES}
    assert {(module, name) for module, name in edges if layer(name) > layer(module)} == set()
    assert {(module, name) for module, name in edges if module in BEDROCK} == set()


def test_one_import_name() -> None:
    """The folders at the top are imported as parts of ``medmultipoints``, never by their bare names."""
    files = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    bare = {
        path: [name for name in imports(ast.parse((ROOT / path).read_bytes())) if name.split(".")[0] in PACKAGES]
        for path in files.stdout.split()
    }
    assert {path: names for path, names in bare.items() if names} == {}


def importers(*packages: str) -> set[str]:
    """The modules that import one of these packages."""
    return {module for module, tree in TREES.items() if {name.split(".")[0] for name in imports(tree)} & {*packages}}


def test_only_orchestration_knows_prefect() -> None:
    """Everything else runs without a server, but for the desk, which is one."""
    found = importers("prefect", "prefect_dask", "prefect_ray")
    assert {module for module in found if not module.startswith("medmultipoints.flows.orchestration.")} == set()
    servers = ("medmultipoints.flows.orchestration.", "medmultipoints.data_lake.review.")
    assert {module for module in importers("uvicorn", "starlette") if not module.startswith(servers)} == set()


def test_only_the_command_line_knows_typer_and_rich() -> None:
    """What a person sees on a terminal is decided in one room."""
    found = importers("typer", "rich")
    assert {module for module in found if not module.startswith("medmultipoints.flows.cli.")} == set()


def test_rooms_of_flows_import_one_way() -> None:
    """Recipe <- engine <- stages <- orchestration <- command line: each room imports those before it."""
    rooms = ("recipe", "engine", "stages", "orchestration", "cli")
    flows = [module for module in MODULES if module.startswith("medmultipoints.flows.")]
    place = {module: rooms.index(module.split(".")[2]) for module in flows if module.split(".")[2] in rooms}
    edges = {(module, name) for module in place for name in imports(TREES[module]) if name in place}
    assert {(module, name) for module, name in edges if place[name] > place[module]} == set()


def executed_imports(tree: ast.AST) -> Iterator[str]:
    """The modules that a file imports when it runs: those for type checking alone are left out."""
    guarded = [
        node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
    ]
    skipped = {id(inner) for node in guarded for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) not in skipped and isinstance(node, ast.Import | ast.ImportFrom):
            yield from imports(node)


def test_no_circle_of_imports() -> None:
    """A module can be read once everything that it imports is read; imports inside functions count."""
    needed = {
        module: {name for name in executed_imports(tree) if name in MODULES and name != module}
        for module, tree in TREES.items()
    }
    read: set[str] = set()
    while ready := {module for module, others in needed.items() if module not in read and others <= read}:
        read |= ready
    assert sorted(MODULES.keys() - read) == []


def stage_names() -> Iterator[str]:
    """The names in ``STAGE = Stage(name=…, …)``, the last statement of each stage's module."""
    for module, tree in TREES.items():
        in_stages = module.startswith("medmultipoints.flows.stages.") and MODULES[module].stem != "__init__"
        if in_stages and module.rpartition(".")[2] not in NO_STAGES:
            last = tree.body[-1]
            assert isinstance(last, ast.Assign), f"{module} does not end in STAGE = Stage(…)"
            assert isinstance(last.value, ast.Call)
            assert ast.unparse(last.targets[0]) == "STAGE"
            yield from (ast.literal_eval(given.value) for given in last.value.keywords if given.arg == "name")


def test_stages_are_named_in_their_modules_alone() -> None:
    """The engine knows no stage; a list of stage names outside of the stages would go out of date in silence."""
    names = set(stage_names())
    lists = {
        f"{module}:{node.lineno}"
        for module, tree in TREES.items()
        if not module.startswith("medmultipoints.flows.stages.")
        for node in ast.walk(tree)
        if isinstance(node, ast.Tuple | ast.List | ast.Set)
        and sum(isinstance(item, ast.Constant) and item.value in names for item in node.elts) > 2
    }
    assert names >= {"index", "derive", "manifest"}
    assert lists == set()


def test_transforms_are_pure() -> None:
    """No disk, network, environment, clock or global randomness below ``transforms``."""
    found = {
        module: [*impurities(tree)] for module, tree in TREES.items() if module.startswith("medmultipoints.transforms")
    }
    assert {module: problems for module, problems in found.items() if problems} == {}


def test_files_are_short() -> None:
    """A file is as long as its idea: none over 400 lines, half of them under 130."""
    length = {module: len(path.read_text("utf-8").splitlines()) for module, path in MODULES.items()}
    assert {module: count for module, count in length.items() if count > MOST_LINES} == {}
    assert statistics.median(count for count in length.values() if count) <= MEDIAN_LINES


def test_functions_are_short() -> None:
    """Nine functions in ten have 30 lines or fewer, none more than 45."""
    length = {
        f"{module}.{function.name}": lines(function) for module, tree in TREES.items() for function in functions(tree)
    }
    assert {name: count for name, count in length.items() if count > LONGEST_FUNCTION} == {}
    usual = sum(count <= USUAL_FUNCTION for count in length.values())
    assert usual >= SHARE_OF_USUAL * len(length)


def test_modules_are_named_for_what_they_do() -> None:
    """A name that fits everything says nothing."""
    assert [module for module in MODULES if VAGUE & set(module.split("."))] == []


def test_what_is_public_has_a_docstring() -> None:
    """Modules with code, public functions and classes say what they return or guarantee."""
    assert [module for module, tree in TREES.items() if tree.body and not ast.get_docstring(tree)] == []
    named = [
        (module, node)
        for module, tree in TREES.items()
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_")
    ]
    assert [f"{module}.{node.name}" for module, node in named if not ast.get_docstring(node)] == []


@pytest.mark.slow
def test_the_wheel_holds_every_module_and_every_data_file(tmp_path: Path) -> None:
    """What the code reads from its own packages travels with an installed copy."""
    copy = tmp_path / "project"
    for package in (*PACKAGES, "medmultipoints"):
        shutil.copytree(ROOT / package, copy / package, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, copy)
    built = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", tmp_path, copy],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("medmultipoints-*.whl")
    files = (path for package in PACKAGES for path in (copy / package).rglob("*"))
    wanted = {
        f"medmultipoints/{path.relative_to(copy).as_posix()}"
        for path in files
        if path.suffix in DATA_SUFFIXES | {".py"}
    }
    packed = set(zipfile.ZipFile(wheel).namelist())
    assert wanted - packed == set()
    assert {name.split("/")[0] for name in packed if ".dist-info/" not in name} == {"medmultipoints"}


def locked() -> dict[str, tuple[str, str]]:
    """The locked version of each package and the lines with its hashes."""
    text = (ROOT / "requirements.lock").read_text("utf-8")
    entries = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    found = [(re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;]+)", entry), entry) for entry in entries]
    assert [entry.splitlines()[0] for match, entry in found if not match] == []
    return {canonicalize_name(match[1]): (match[2], entry) for match, entry in found if match}


def test_the_lock_file_is_fresh() -> None:
    """Each dependency of pyproject.toml is locked at a version that it allows."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    declared = map(Requirement, [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]])
    versions = {name: version for name, (version, _) in locked().items()}
    found = {one: versions.get(canonicalize_name(one.name)) for one in declared}
    stale = {str(one): version for one, version in found.items() if version is None or version not in one.specifier}
    assert stale == {}, "run `make lock`"


def test_the_lock_file_has_hashes_and_no_address() -> None:
    """An install takes the very files that were locked, from whatever index is configured."""
    assert [name for name, (_, entry) in locked().items() if "--hash=sha256:" not in entry] == []
    text = (ROOT / "requirements.lock").read_text("utf-8")
    assert re.findall(r"https?://|--(?:extra-)?index-url|--find-links", text) == []
