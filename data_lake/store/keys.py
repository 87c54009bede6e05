"""Names for work before it is done: digests of code, data files, parameters and inputs."""

import hashlib
import re
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path

import orjson

import medmultipoints

CODE_ROOT = Path(medmultipoints.__file__).parent.parent
# Packages whose distribution has another name; asking the metadata of all distributions takes 0.2 s.
DISTRIBUTIONS = {"cv2": "opencv-python-headless", "PIL": "pillow", "yaml": "pyyaml"}

_IMPORT = re.compile(
    rb"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]*(\([^)]*\)|[^\n;#]*)|import[ \t]+([\w., \t]+))", re.MULTILINE
)
_FOR_TYPES = re.compile(rb"^if TYPE_CHECKING:[^\n]*\n(?:[ \t]+[^\n]*\n|\n)*", re.MULTILINE)
_COMMENT = re.compile(rb"#[^\n]*")


def digest(value: object) -> str:
    """Return the sha256 of a value's canonical JSON: sorted keys, no blanks."""
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
    """Return the sha256 over the source of the modules and of every project module that they import, however deep."""
    return _digest_of(reachable(modules, root), root)


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


def package_versions(modules: Iterable[str], root: Path = CODE_ROOT) -> dict[str, str]:
    """Return the versions of the installed packages that the modules, and the project modules they reach, import.

    Codecs are part of the packages that bring them. A package that is not installed is left out: nothing ran it.
    """
    return _packages(reachable(modules, root), root)


def code_inputs(modules: Iterable[str], root: Path = CODE_ROOT) -> dict[str, object]:
    """Return both, the code digest of modules and the versions of the packages that they reach, by one walk."""
    files = reachable(modules, root)
    return {"code": _digest_of(files, root), "packages": _packages(files, root)}


def _digest_of(files: Iterable[str], root: Path) -> str:
    return digest({name: _module_digest(root / name) for name in sorted(files)})


def _packages(files: Iterable[str], root: Path) -> dict[str, str]:
    own = {"medmultipoints", *(file.partition("/")[0].removesuffix(".py") for file in files)}
    roots = {name.partition(".")[0] for file in files for name in _imports(root / file)}
    found = {package: _version(package) for package in roots - sys.stdlib_module_names - own}
    return {package: known for package, known in sorted(found.items()) if known is not None}


@cache
def _version(package: str) -> str | None:
    """Return the installed version of the distribution that brings an importable package; None where there is none."""
    with suppress(PackageNotFoundError):
        return version(DISTRIBUTIONS.get(package, package))
    names = packages_distributions().get(package)
    return version(names[0]) if names else None


def _imports(path: Path) -> tuple[str, ...]:
    return _scanned(path, path.stat().st_mtime_ns)[1]


def _module_digest(path: Path) -> str:
    return _scanned(path, path.stat().st_mtime_ns)[0]


@cache
def _scanned(path: Path, _mtime: int) -> tuple[str, tuple[str, ...]]:
    """Return the sha256 of a module and the names it imports when it runs, so not those for type checking alone.

    Import lines are found by a pattern, 30 times faster than a syntax tree; a test holds the two equal.
    """
    source = path.read_bytes()
    names: list[str] = []
    for module, members, plain in _IMPORT.findall(_FOR_TYPES.sub(b"\n", source)):
        if module:
            names += [module.decode(), *(f"{module.decode()}.{name}" for name in _names(members))]
        names += _names(plain)
    return hashlib.sha256(source).hexdigest(), tuple(names)


def _names(listed: bytes) -> list[str]:
    """Return the names of ``a, b as c``, in brackets or not, comments left out."""
    text = _COMMENT.sub(b"", listed).strip(b"() \t").decode()
    return [found.split()[0] for found in text.split(",") if found.strip()]
