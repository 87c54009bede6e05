"""Check the statements of manifest.json against the files under its root."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from medmultipoints.data_lake.catalogue import SourceInfo
from medmultipoints.data_lake.release.card.croissant import CROISSANT
from medmultipoints.data_lake.release.checks.card_check import README
from medmultipoints.data_lake.release.read.json_files import read_object
from medmultipoints.data_lake.release.write.manifest import Manifest
from medmultipoints.data_lake.release.write.origins import INPUTS, RECIPE, stated_inputs, without_version
from medmultipoints.transforms.diff.releases import Tables

VERSION = re.compile(r"\d+\.\d+\.\d+")
CARD_VERSION = re.compile(r"^Version (\d+\.\d+\.\d+)(?:, (\d{4}-\d{2}-\d{2}))?\. ", re.MULTILINE)
CARD_CODE = re.compile(r"the digest of the code \(`([0-9a-f]{12})`\)")


def check_identity(folder: Path, manifest: Manifest) -> Iterator[str]:
    """Yield a sentence if name, version, date or code differs in the folder, card or croissant.json."""
    place = folder.resolve()
    if VERSION.fullmatch(place.name) and place.name != manifest.version:
        yield f"the folder is that of version {place.name}, the manifest says {manifest.version}"
    if VERSION.fullmatch(place.name) and place.parents[1].name == "releases" and place.parent.name != manifest.name:
        yield f"the folder is that of '{place.parent.name}', the manifest says '{manifest.name}'"
    for name, problems in ((CROISSANT, _croissant_problems), (README, _card_problems)):
        if not manifest.lists(name):
            yield f"the manifest lists no {name}"
        elif (folder / name).is_file():
            yield from problems(folder, manifest)


def _croissant_problems(folder: Path, manifest: Manifest) -> Iterator[str]:
    stated = read_object(folder, CROISSANT)
    wanted = {"name": manifest.name, "version": manifest.version, "datePublished": manifest.release_date}
    for key, value in wanted.items():
        if stated.get(key) != value:
            yield f"{CROISSANT} has {key} {stated.get(key)}, the manifest says {value}"


def _card_problems(folder: Path, manifest: Manifest) -> Iterator[str]:
    card = (folder / README).read_text("utf-8", errors="replace")
    version, code = CARD_VERSION.search(card), CARD_CODE.search(card)
    if version is None or version.groups() != (manifest.version, manifest.release_date):
        found = " of ".join(filter(None, version.groups())) if version else "no version"
        yield f"{README} says {found}, the manifest says {manifest.version} of {manifest.release_date or 'no date'}"
    if code is None or code[1] != manifest.code_digest[:12]:
        yield f"{README} says the code is {code[1] if code else 'nowhere'}, the manifest {manifest.code_digest[:12]}"


def check_recipe(folder: Path, manifest: Manifest) -> Iterator[str]:
    """Yield a sentence for each key of the manifest's recipe that differs in recipe.json, including withdrawals."""
    stated, claimed = read_object(folder, RECIPE), without_version(manifest.recipe)
    for key in sorted(stated.keys() | claimed.keys()):
        if stated.get(key) != claimed.get(key):
            yield f"recipe.{key}: the manifest says other than {RECIPE}"
    own = {"name": manifest.name, "version": manifest.version, "release_date": manifest.release_date}
    for key, value in own.items():
        if manifest.recipe.get(key, value) != value:
            yield f"recipe.{key} is {manifest.recipe[key]}, the manifest itself says {value}"


def check_inputs(folder: Path, manifest: Manifest) -> Iterator[str]:
    """Yield a sentence for each source and stage of the manifest that differs in inputs.json."""
    stated, claimed = read_object(folder, INPUTS), stated_inputs(manifest.sources, manifest.accounting)
    for key in ("sources", "accounting"):
        given = stated.get(key)
        rows = {row.get("name"): row for row in given} if isinstance(given, list) else {}
        named = {row["name"]: row for row in claimed[key]}
        for name in sorted(rows.keys() | named.keys()):
            if rows.get(name) != named.get(name):
                yield f"{key}: {name} differs between the manifest and {INPUTS}"
        if not isinstance(given, list) or len(given) != len(claimed[key]):
            yield f"{key}: {INPUTS} does not list as many as the manifest"


def check_sources(manifest: Manifest, tables: Tables, catalogue: Mapping[str, SourceInfo]) -> Iterator[str]:
    """Yield a sentence for each source that contradicts the images table, and each file wrongly called official."""
    for name in sorted(set(tables.images["source"]) - {source.name for source in manifest.sources}):
        yield f"images come from the source {name}, which the manifest does not list"
    for source in manifest.sources:
        if source.known != all(file.known for file in source.files):
            yield f"{source.name}: known is {source.known}, which its files contradict"
        if info := catalogue.get(source.name):
            yield from _unofficial(source.name, info, {file.sha256: file.name for file in source.files if file.known})
        loose = {file.name: file.sha256 for file in source.files}
        shown = tables.images.filter(source=source.name, image_origin="member").select("member", "image_sha256")
        for member, sha256 in shown.filter(pl.col("member").is_in(list(loose))).iter_rows():
            if loose[member] != sha256:
                yield f"{source.name}/{member}: sha256 {sha256} in the images table, {loose[member]} in the manifest"


def _unofficial(name: str, info: SourceInfo, claimed: Mapping[str, str]) -> Iterator[str]:
    """Yield files that are wrongly claimed to be official; those with only a known sha384 are not checked."""
    if any(archive.sha384 for archive in info.archives):
        return
    accepted = {sha256 for file in info.archives for sha256 in file.sha256}
    accepted |= {sha256 for file in info.members for sha256 in file.sha256}
    for sha256, file in claimed.items():
        if sha256 not in accepted:
            yield f"{name}/{file} is said to be official, but {sha256} is not an accepted sha256"
