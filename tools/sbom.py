"""Write the bill of materials of the lock file (CycloneDX 1.6) and audit it, without network access.

``python -m tools.sbom [FILE]``: each package must be pinned with hashes, installed in that version, and under a licence
compatible with an Apache-2.0 product; otherwise the command lists the packages and exits with 1. It does not check
known vulnerabilities, which need a daily database: give FILE to a scanner such as osv-scanner.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from packaging.markers import Marker

LOCK = Path(__file__).resolve().parents[1] / "requirements.lock"
TARGET = Path("build") / "sbom.cdx.json"
PINNED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)(?P<marker>[^\\]*)")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
VIA = re.compile(r"^    #(?: via|  ) +([A-Za-z0-9._-]+)(?: \(.*\))?$")
PERMISSIVE = re.compile(
    r"\b(MIT|MIT-CMU|MIT-0|BSD|0BSD|Apache|ISC|PSF|PSFL|Python|CC0|Zlib|CNRI|FreeBSD|Unlicense|HPND|MPL|Mozilla)\b",
    re.IGNORECASE,
)
"""MPL covers only the files of the package itself, so other code may use it unchanged."""
BINDING = re.compile(r"\b(A?GPL|LGPL|SSPL|BUSL|GNU|Commercial|Proprietary|NonCommercial)", re.IGNORECASE)
CHOSEN: Mapping[str, str] = {"text-unidecode": "Artistic-1.0-Perl"}
"""Packages with a choice of licences, and the chosen one."""
LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Package:
    """One entry of the lock file."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]
    users: tuple[str, ...]


def read_lock(text: str) -> tuple[Package, ...]:
    """Return the packages of a lock file, in file order; raise ValueError for an entry that is not pinned."""
    entries = re.split(r"\n(?=[A-Za-z0-9])", "\n" + text.strip())
    return tuple(
        _package(entry.strip("\n")) for entry in entries if entry.strip() and not entry.lstrip().startswith("#")
    )


def _package(entry: str) -> Package:
    found = PINNED.match(entry)
    if found is None:
        raise ValueError(f"not pinned to a version: {entry.splitlines()[0]}")
    users = tuple(via[1] for line in entry.splitlines() if (via := VIA.match(line)))
    marker = found["marker"].strip().removeprefix(";").strip()
    return Package(found["name"], found["version"], marker, tuple(HASH.findall(entry)), users)


def licence_of(found: PackageMetadata) -> str:
    """Return the licence in a package's metadata: its expression, short text or classifiers, in this order."""
    expression, text = found.get("License-Expression"), str(found.get("License") or "").strip()
    if expression:
        return str(expression)
    classifiers = [str(one) for one in found.get_all("Classifier") or [] if str(one).startswith("License ::")]
    named = " OR ".join(sorted({one.rpartition(" :: ")[2] for one in classifiers} - {"OSI Approved"}))
    return named or (text if text and "\n" not in text and len(text) <= LONGEST_NAME else "unknown")


def audit(packages: Sequence[Package]) -> Iterator[str]:
    """Yield a sentence for each package that fails the audit."""
    for one in packages:
        if not one.hashes:
            yield f"{one.name} {one.version}: no hash in the lock file"
        if one.marker and not Marker(one.marker).evaluate():
            continue  # for another Python or machine
        try:
            found = metadata(one.name)
        except PackageNotFoundError:
            yield f"{one.name} {one.version}: not installed, so its licence is unknown; install the lock file"
            continue
        if found["Version"] != one.version:
            yield f"{one.name}: {found['Version']} is installed, the lock file has {one.version}"
        licence = CHOSEN.get(one.name, licence_of(found))
        if BINDING.search(licence) or not (one.name in CHOSEN or PERMISSIVE.search(licence)):
            yield f"{one.name} {one.version}: licence {licence!r} is not known to be permissive"


def bill(packages: Sequence[Package]) -> dict[str, object]:
    """Return the bill of materials, which depends only on the lock file."""
    uses: dict[str, list[str]] = {_ref(one): [] for one in packages}
    refs = {_key(one.name): _ref(one) for one in packages}
    for one in packages:
        for user in one.users:
            if _key(user) in refs:
                uses[refs[_key(user)]].append(_ref(one))
    body: dict[str, object] = {
        "components": [_component(one) for one in packages],
        "dependencies": [{"ref": ref, "dependsOn": sorted(used)} for ref, used in uses.items()],
    }
    serial = uuid5(NAMESPACE_URL, json.dumps(body, sort_keys=True))
    head = {"bomFormat": "CycloneDX", "specVersion": "1.6", "serialNumber": f"urn:uuid:{serial}", "version": 1}
    root = {"type": "application", "name": "medmultipoints", "bom-ref": "medmultipoints"}
    return head | {"metadata": {"component": root | {"licenses": [{"license": {"id": "Apache-2.0"}}]}}} | body


def _component(one: Package) -> dict[str, object]:
    try:
        licences = [{"license": {"name": CHOSEN.get(one.name, licence_of(metadata(one.name)))}}]
    except PackageNotFoundError:
        licences = []
    return {
        "type": "library",
        "bom-ref": _ref(one),
        "name": one.name,
        "version": one.version,
        "purl": _ref(one),
        "licenses": licences,
        "hashes": [{"alg": "SHA-256", "content": value} for value in one.hashes],
    }


def _ref(one: Package) -> str:
    return f"pkg:pypi/{_key(one.name)}@{one.version}"


def _key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main(arguments: Sequence[str]) -> int:
    """Write the bill, print the audit's problems, and return the exit code."""
    target = Path(arguments[0]) if arguments else TARGET
    packages = read_lock(LOCK.read_text("utf-8"))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(bill(packages), indent=1, sort_keys=True) + "\n", "utf-8")
    problems = list(audit(packages))
    sys.stdout.writelines(f"{problem}\n" for problem in problems)
    sys.stdout.write(f"{target}: {len(packages)} packages, {len(problems)} problems\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
