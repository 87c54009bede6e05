"""A signed release: valid, by the wrong key, with a changed byte anywhere, with a file missing."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from medmultipoints.data_lake.release.checks.verify import Check, verify_release
from medmultipoints.data_lake.release.sign.provenance import SIGNATURE, STATEMENT, statement_bytes
from medmultipoints.data_lake.release.sign.signature import Trust, sign_release
from medmultipoints.data_lake.release.write.manifest import read_manifest
from medmultipoints.transforms.diff.releases import Tables
from medmultipoints.transforms.errors import UsageError
from tests.data_lake.release.tiny_release import write_release


def make_key(folder: Path, name: str) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", folder / name], check=True)
    return folder / name


def allow(folder: Path, key: Path, options: str = "") -> Path:
    path = folder / f"{key.name}.allowed"
    path.write_text(f"{key.name}@example.org {options} {key.with_suffix('.pub').read_text()}")
    return path


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return make_key(tmp_path, "curator")


@pytest.fixture
def trust(tmp_path: Path, key: Path) -> Trust:
    return Trust(allow(tmp_path, key))


@pytest.fixture
def signed(release: Path, key: Path) -> Path:
    sign_release(release, key)
    return release


def signature_of(folder: Path, trust: Trust) -> Check:
    return next(check for check in verify_release(folder, trust=trust).checks if check.name == "signature")


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_signed_release_is_valid_and_tells_by_whom(signed: Path, trust: Trust) -> None:
    report = verify_release(signed, trust=trust)
    assert report.ok
    assert signature_of(signed, trust).detail.startswith("by curator@example.org")


def test_signing_changes_nothing_of_the_release(signed: Path, tmp_path: Path, tables: Tables) -> None:
    unsigned = write_release(tmp_path / "again", tables)
    assert read_manifest(signed) == read_manifest(unsigned)
    assert (signed / STATEMENT).read_bytes() == statement_bytes(unsigned, read_manifest(unsigned))


def test_the_statement_names_root_files_and_source_archives(signed: Path) -> None:
    stated, manifest = orjson.loads((signed / STATEMENT).read_bytes()), read_manifest(signed)
    assert stated["subject"][0]["digest"] == {"sha256": manifest.manifest_root}
    assert {entry["name"] for entry in stated["subject"][2:]} == {file.path for file in manifest.files}
    materials = stated["predicate"]["buildDefinition"]["resolvedDependencies"]
    archives = ["hyperkvasir/a.zip", "kvasir_instrument/a.zip", "visem_tracking/a.zip"]
    assert [entry["name"] for entry in materials] == [*archives, "code"]


def test_another_key_is_told_apart(release: Path, trust: Trust, tmp_path: Path) -> None:
    sign_release(release, make_key(tmp_path, "stranger"))
    assert "was made with a key that" in signature_of(release, trust).detail


def test_a_key_that_is_allowed_for_other_things_only_is_refused(signed: Path, key: Path, tmp_path: Path) -> None:
    found = signature_of(signed, Trust(allow(tmp_path, key, 'namespaces="git"')))
    assert (found.ok, "the key may not sign it" in found.detail or "does not allow" in found.detail) == (False, True)


@pytest.mark.parametrize(
    "signers",
    [
        'git@example.org namespaces="git" {key}\ncurator@example.org {key}',
        "!stranger@example.org,curator@example.org {key}",
    ],
    ids=["a line for other things first", "a negated name first"],
)
def test_of_all_names_of_a_key_the_one_that_may_sign_is_reported(
    signed: Path, key: Path, tmp_path: Path, signers: str
) -> None:
    allowed = tmp_path / "allowed"
    allowed.write_text(signers.format(key=key.with_suffix(".pub").read_text().strip()) + "\n")
    found = signature_of(signed, Trust(allowed))
    assert (found.ok, found.detail.startswith("by curator@example.org")) == (True, True), found.detail


def every_file(folder: Path) -> list[str]:
    return [*(file.path for file in read_manifest(folder).files), "manifest.json"]


@pytest.mark.parametrize("damage", [flip, Path.unlink], ids=["changed byte", "missing"])
def test_a_file_that_is_not_the_signed_one_is_named(signed: Path, trust: Trust, damage: Callable[[Path], None]) -> None:
    for name in every_file(signed):
        kept = (signed / name).read_bytes()
        damage(signed / name)
        failed = [check for check in verify_release(signed, trust=trust).checks if not check.ok]
        assert any(name in check.detail for check in failed), name
        (signed / name).write_bytes(kept)
    assert signature_of(signed, trust).ok


@pytest.mark.parametrize("name", [STATEMENT, SIGNATURE])
def test_a_statement_or_signature_that_is_changed_or_missing_is_named(signed: Path, trust: Trust, name: str) -> None:
    flip(signed / name)
    changed = signature_of(signed, trust)
    (signed / name).unlink()
    missing = signature_of(signed, trust)
    assert (changed.ok, missing.ok) == (False, False)
    assert name.split(".intoto")[0] in changed.detail
    assert missing.detail.startswith(f"{name} is missing")


def test_a_forged_manifest_does_not_hide_the_changed_file(signed: Path, trust: Trust) -> None:
    text = (signed / "manifest.json").read_text()
    flip(signed / "README.md")
    (signed / "manifest.json").write_text(text.replace('"release_date": "2026-01-02"', '"release_date": "2026-01-03"'))
    detail = signature_of(signed, trust).detail
    assert "manifest.json has sha256" in detail
    assert "README.md has sha256" in detail


def test_a_detached_signature_is_taken(signed: Path, trust: Trust, tmp_path: Path) -> None:
    apart = (signed / SIGNATURE).rename(tmp_path / "apart.sig")
    assert signature_of(signed, Trust(trust.allowed_signers, apart)).ok


def test_signers_that_are_not_there_say_nothing_of_the_release(signed: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--allowed-signers .*nobody: there is no such file"):
        verify_release(signed, trust=Trust(tmp_path / "nobody"))


def test_a_key_that_is_not_there_is_a_sentence(release: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        sign_release(release, tmp_path / "nothing")
    (tmp_path / "broken").write_text("no key")
    with pytest.raises(UsageError, match="that you can unlock"):
        sign_release(release, tmp_path / "broken")
