"""Write the in-toto statement that a signature covers: a release and all its inputs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import orjson

from medmultipoints.data_lake.release.write.files import hash_file
from medmultipoints.data_lake.release.write.manifest import MANIFEST, Manifest
from medmultipoints.transforms.errors import DataError

STATEMENT: Final = f"{MANIFEST}.intoto.json"
SIGNATURE: Final = f"{STATEMENT}.sig"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "https://slsa.dev/provenance/v1"
BUILD_TYPE: Final = "urn:medmultipoints:build:1"
BUILDER: Final = "urn:medmultipoints:pipeline"


def statement_bytes(folder: Path, manifest: Manifest) -> bytes:
    """Return the statement of a release, the same for equal manifests: it contains no time, host or path.

    Subjects are the manifest root, the manifest itself and every file; materials (``resolvedDependencies``) are the
    source files and the code.
    """
    manifest_sha256 = hash_file(folder / MANIFEST, MANIFEST).sha256
    root = _named(manifest.title, manifest.manifest_root) | {
        "annotations": {"digest_of": "JSON list of [path, bytes, sha256] of all files, sorted by path, without blanks"}
    }
    files = [_named(file.path, file.sha256) for file in manifest.files]
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [root, _named(MANIFEST, manifest_sha256), *files],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"recipe": manifest.recipe},
                "internalParameters": {"packages": manifest.packages},
                "resolvedDependencies": [*_materials(manifest), _named("code", manifest.code_digest)],
            },
            "runDetails": {"builder": {"id": BUILDER}},
        },
    }
    return orjson.dumps(statement, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def _named(name: str, sha256: str) -> dict[str, Any]:
    return {"name": name, "digest": {"sha256": sha256}}


def _materials(manifest: Manifest) -> Iterator[dict[str, Any]]:
    for source in manifest.sources:
        for file in source.files:
            annotations = {"bytes": file.bytes, "official": file.known}
            yield _named(f"{source.name}/{file.name}", file.sha256) | {"annotations": annotations}


def check_statement(folder: Path, manifest: Manifest, statement: Path) -> Iterator[str]:
    """Yield a sentence for each difference between the folder and the statement; files are compared byte by byte."""
    stated = read_statement(statement)
    release, root = next(iter(stated["subject"].items()))
    if (release, root) != (manifest.title, manifest.manifest_root):
        yield f"the statement is of {release}, root {root[:12]}; {MANIFEST} is of another release or root"
    for name, sha256 in list(stated["subject"].items())[1:]:
        if not (folder / name).is_file():
            yield f"{name} is missing"
        elif (found := hash_file(folder / name, name).sha256) != sha256:
            yield f"{name} has sha256 {found}, the signed statement says {sha256}"
    listed = {file.path for file in manifest.files}
    yield from (f"{name} is not in the signed statement" for name in sorted(listed - stated["subject"].keys()))
    made_of = {material["name"]: material["digest"]["sha256"] for material in _materials(manifest)}
    made_of["code"] = manifest.code_digest
    for name in sorted(made_of.keys() | stated["materials"].keys()):
        if made_of.get(name) != stated["materials"].get(name):
            yield f"the manifest and the signed statement name different source files: {name}"


def read_statement(path: Path) -> dict[str, dict[str, str]]:
    """Return sha256 by name of the subjects, the release first, and of the materials; DataError for any other file."""
    try:
        stated = orjson.loads(path.read_bytes())
        if (stated["_type"], stated["predicateType"]) != (STATEMENT_TYPE, PREDICATE_TYPE):
            raise DataError(f"{path.name} is not a statement of type {PREDICATE_TYPE}. Sign the release again.")
        materials = stated["predicate"]["buildDefinition"]["resolvedDependencies"]
        return {"subject": _digests(stated["subject"]), "materials": _digests(materials)}
    except FileNotFoundError:
        raise DataError(f"{path.name} is missing: the release is not signed, or the statement was lost.") from None
    except (orjson.JSONDecodeError, LookupError, StopIteration, TypeError, AttributeError) as error:
        raise DataError(f"{path.name} is damaged: {error}. Get it again, or sign the release again.") from error


def _digests(entries: list[dict[str, Any]]) -> dict[str, str]:
    return {str(entry["name"]): str(entry["digest"]["sha256"]) for entry in entries}
