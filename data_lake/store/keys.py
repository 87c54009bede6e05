"""Compute the keys of work before it runs: digests of code, data files, parameters and inputs."""

import hashlib
import os
import re
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

import medmultipoints

CODE_ROOT = Path(medmultipoints.__file__).parent.parent
# Packages whose distribution has another name; reading the metadata of all distributions takes 0.2 s.
DISTRIBUTIONS = {"cv2": "opencv-python-headless", "PIL": "pillow", "nrrd": "pynrrd", "yaml": "pyyaml"}

_IMPORT = re.compile(
    rb"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]*(\([^)]*\)|[^\n;#]*)|import[ \t]+([\w., \t]+))", re.MULTILINE
)
_FOR_TYPES = re.compile(rb"^if TYPE_CHECKING:[^\n]*\n(?:[ \t]+[^\n]*\n|\n)*", re.MULTILINE)
_COMMENT = re.compile(rb"#[^\n]*")


def digest(value: object) -> str:
    """Return the sha256 of a value's canonical JSON: sorted keys, no whitespace."""
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=_plain)).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (tuple, set, frozenset)):
        return sorted(value) if isinstance(value, (set, frozenset)) else list(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"no canonical form for {type(value)}")


Import = tuple[str, str]
"""The package and the path, without a suffix, of what a module imports."""
Scan = dict[str, tuple[tuple[str, str, tuple[Import, ...]], ...]]
"""Files that were looked at, by their module's path: file, sha256 and imports."""


def code_digest(modules: Iterable[str], root: Path = CODE_ROOT) -> str:
    """Return the sha256 over the source of the modules and of every project module that they import, transitively."""
    return str(code_inputs(modules, root)["code"])


def package_versions(modules: Iterable[str], root: Path = CODE_ROOT) -> dict[str, str]:
    """Return the versions of the installed packages that the modules and their imported project modules use.

    Codecs belong to the packages that contain them. A package that is not installed is left out, since no code used it.
    """
    return dict(code_inputs(modules, root)["packages"])


def code_inputs(modules: Iterable[str], root: Path = CODE_ROOT, scan: Scan | None = None) -> dict[str, Any]:
    """Return the code digest of modules and the versions of the packages that they import.

    Several calls with the same ``scan`` read each file once.
    """
    modules = tuple(modules)
    own = {"medmultipoints", *(_root(module) for module in modules)}
    files = reach(modules, root, {} if scan is None else scan)
    roots = {package for _, imports in files.values() for package, _ in imports}
    found = {package: _version(package) for package in roots - sys.stdlib_module_names - own}
    packages = {package: known for package, known in sorted(found.items()) if known is not None}
    return {"code": digest({name: sha256 for name, (sha256, _) in files.items()}), "packages": packages}


def reach(modules: tuple[str, ...], root: Path, scan: Scan) -> dict[str, tuple[str, tuple[Import, ...]]]:
    """Return sha256 and imports, by path below the root, of the modules and of all own modules that they import.

    Imports are absolute. Parent packages count, too, because importing a module runs their ``__init__``. Files next to
    the package, as in a folder of installed packages, do not count.
    """
    own = {_root(module) for module in modules}
    found: dict[str, tuple[str, tuple[Import, ...]]] = {}
    seen: set[str] = {""}
    todo = [module.replace(".", "/") for module in modules]
    while todo:
        stem = todo.pop()
        if stem in seen:
            continue
        seen.add(stem)
        todo.append(stem.rpartition("/")[0])
        for name, sha256, imports in _look(stem, root, scan):
            found[name] = sha256, imports
            todo += [path for package, path in imports if package in own and path not in seen]
    return found


def _look(stem: str, root: Path, scan: Scan) -> tuple[tuple[str, str, tuple[Import, ...]], ...]:
    """Return the file of a module or package, if it has one; most imported names are members without a file."""
    if stem not in scan:
        found = []
        for name in (f"{stem}.py", f"{stem}/__init__.py"):
            path = f"{root}/{name}"  # a Path for each name would take a third of the time of all keys
            with suppress(FileNotFoundError, NotADirectoryError):
                found.append((name, *_scanned(path, os.stat(path).st_mtime_ns)))  # noqa: PTH116
        scan[stem] = tuple(found)
    return scan[stem]


def _root(module: str) -> str:
    return module.partition(".")[0]


@cache
def _version(package: str) -> str | None:
    """Return the installed version of the distribution that provides a package; None if it is missing."""
    with suppress(PackageNotFoundError):
        return version(DISTRIBUTIONS.get(package, package))
    if find_spec(package) is None:
        return None
    names = packages_distributions().get(package)
    return version(names[0]) if names else None


@cache
def _scanned(path: str, _mtime: int) -> tuple[str, tuple[Import, ...]]:
    """Return the sha256 of a module and its runtime imports, without those for type checking.

    Import lines are found by a pattern, 30 times faster than a syntax tree; a test checks that both agree.
    """
    source = Path(path).read_bytes()
    names: list[str] = []
    for module, members, plain in _IMPORT.findall(_FOR_TYPES.sub(b"\n", source)):
        if module:
            names += [module.decode(), *(f"{module.decode()}.{name}" for name in _names(members))]
        names += _names(plain)
    imports = tuple((_root(name), name.replace(".", "/")) for name in names)
    return hashlib.sha256(source).hexdigest(), imports


def _names(listed: bytes) -> list[str]:
    """Return the names of ``a, b as c``, with or without parentheses, without comments."""
    text = _COMMENT.sub(b"", listed).strip(b"() \t").decode()
    return [found.split()[0] for found in text.split(",") if found.strip()]
