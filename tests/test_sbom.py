"""The bill of materials says what the lock file pins, and the audit names what does not pass, without a network."""

import json
from email.message import Message
from pathlib import Path

import pytest

from tools.sbom import LOCK, Package, audit, bill, licence_of, main, read_lock

LINES = """
# made by a tool
alpha==1.0 \\
    --hash=sha256:{a}
    # via
    #   beta
    #   medmultipoints (pyproject.toml)
beta==2.0 ; python_version < '3' \\
    --hash=sha256:{b} \\
    --hash=sha256:{a}
    # via medmultipoints (pyproject.toml)
""".format(a="a" * 64, b="b" * 64)


@pytest.mark.slow
def test_the_lock_file_passes_and_gives_one_bill(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("one.json", "two.json")]
    assert [0, 0] == [main([str(file)]) for file in files]
    assert files[0].read_bytes() == files[1].read_bytes()
    made = json.loads(files[0].read_text())
    assert ("CycloneDX", "1.6") == (made["bomFormat"], made["specVersion"])
    refs = {one["bom-ref"] for one in made["components"]}
    assert len(refs) == len(read_lock(LOCK.read_text()))
    assert all(set(one["dependsOn"]) <= refs for one in made["dependencies"])


def test_entries_have_version_marker_hashes_and_users() -> None:
    assert read_lock(LINES) == (
        Package("alpha", "1.0", "", ("a" * 64,), ("beta", "medmultipoints")),
        Package("beta", "2.0", "python_version < '3'", ("b" * 64, "a" * 64), ("medmultipoints",)),
    )
    assert {"ref": "pkg:pypi/beta@2.0", "dependsOn": ["pkg:pypi/alpha@1.0"]} in bill(read_lock(LINES))["dependencies"]  # type: ignore[operator]


def test_what_does_not_pass_is_named() -> None:
    packages = [
        Package("no-such-package", "1.0", "", ("a",), ()),
        Package("numpy", "0.1", "", (), ()),
        Package("other-machine", "1.0", "sys_platform == 'nowhere'", ("a",), ()),
    ]
    problems = list(audit(packages))
    assert [problem.partition(":")[0] for problem in problems] == ["no-such-package 1.0", "numpy 0.1", "numpy"]


@pytest.mark.parametrize(
    ("fields", "licence"),
    [
        ({"License-Expression": "MIT"}, "MIT"),
        ({"License": "BSD-3-Clause"}, "BSD-3-Clause"),
        ({"License": "Copyright\nmany lines", "Classifier": "License :: OSI Approved :: MIT License"}, "MIT License"),
        ({"License": "Copyright\nmany lines"}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_the_licence_that_a_package_states(fields: dict[str, str], licence: str) -> None:
    found = Message()
    for name, value in fields.items():
        found[name] = value
    assert licence == licence_of(found)  # type: ignore[arg-type]


def test_an_entry_without_a_version_is_refused() -> None:
    with pytest.raises(ValueError, match="not pinned to a version: alpha>=1"):
        read_lock("alpha>=1\n")
