"""Names for work before it is done: digests of code, data files, parameters and inputs."""

import ast
import hashlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import requires, version
from pathlib import Path
from re import match

import orjson

import medmultipoints

CODE_ROOT = Path(medmultipoints.__file__).parent.parent


def digest(value: object) -> str:
    """The sha256 of a value's canonical JSON: sorted keys, no blanks."""
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=_plain)).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (tuple, set, frozenset)):
        return sorted(value) if isinstance(value, (set, frozenset)) else list(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"no canonical form for {type(value)}")


def code_digest(modules: Iterable[str], root: Path = CODE_ROOT) -> str:
    """The sha256 over the source of the modules and of every project module that they import, however deep."""
    return digest({name: _module_digest(root / name) for name in sorted(reachable(modules, root))})


def reachable(modules: Iterable[str], root: Path = CODE_ROOT) -> frozenset[str]:
    """Return the files, relative to the root, of the modules and of all modules of their own packages that they import.

    Imports are absolute. The packages around a module count too: importing it runs their ``__init__``. What lies next
    to the package, as in a folder of installed packages, does not count.
    """
    modules = tuple(modules)
    own = {module.partition(".")[0] for module in modules}
    found: set[str] = set()
    seen: set[str] = {""}
    todo = [module.replace(".", "/") for module in modules]
    while todo:
        stem = todo.pop()
        if stem in seen:
            continue
        seen.add(stem)
        todo.append(stem.rpartition("/")[0])
        for name in (f"{stem}.py", f"{stem}/__init__.py"):
            if (root / name).is_file():
                found.add(name)
                todo += (other.replace(".", "/") for other in _imports(root / name) if other.partition(".")[0] in own)
    return frozenset(found)


def package_versions() -> dict[str, str]:
    """Installed versions of the packages the project declares for run time: they are part of every key."""
    names = (match(r"[A-Za-z0-9._-]+", line) for line in requires("medmultipoints") or () if "extra ==" not in line)
    return {name.group(): version(name.group()) for name in names if name}


def _imports(path: Path) -> tuple[str, ...]:
    return _parsed(path, path.stat().st_mtime_ns)[1]


def _module_digest(path: Path) -> str:
    return _parsed(path, path.stat().st_mtime_ns)[0]


@cache
def _parsed(path: Path, _mtime: int) -> tuple[str, tuple[str, ...]]:
    source = path.read_bytes()
    names: list[str] = []
    for node in ast.walk(_tree(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return hashlib.sha256(source).hexdigest(), tuple(names)


def _tree(source: bytes, attempts: int = 5) -> ast.Module:
    """The syntax tree; tried again where Python 3.11 stumbles because another thread was parsing (its issue 106905)."""
    for _ in range(attempts - 1):
        with suppress(SystemError):
            return ast.parse(source)
    return ast.parse(source)
