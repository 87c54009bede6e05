"""Sign a release, and check its signature, offline with OpenSSH: ``ssh-keygen -Y``."""

import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from medmultipoints.data_lake.release.sign.provenance import SIGNATURE, STATEMENT, check_statement, statement_bytes
from medmultipoints.data_lake.release.write.manifest import Manifest, read_manifest
from medmultipoints.data_lake.store.temporary import write_durably
from medmultipoints.transforms.errors import DataError, MachineError, UsageError

NAMESPACE: Final = "medmultipoints-release"
"""What a signature is for: one that was made for mail, say, is none for a release."""


@dataclass(frozen=True, slots=True)
class Trust:
    """The trusted signers: a file of allowed signers (see ``ssh-keygen(1)``), and the path of the signature.

    Without ``signature``, the one in the release folder is used.
    """

    allowed_signers: Path
    signature: Path | None = None


def sign_release(folder: Path, key: Path) -> tuple[Path, Path]:
    """Sign a release; return the paths of statement and signature, next to the manifest and not part of its root.

    ``key`` is a private SSH key, or a public one whose private half an agent holds. Verify the release before signing
    it.
    """
    if not key.is_file():
        raise UsageError(f"--key {key}: there is no such file. `ssh-keygen -t ed25519 -f KEY` makes a key.")
    statement = statement_bytes(folder, read_manifest(folder))
    done = _keygen(["sign", "-f", str(key), "-n", NAMESPACE], statement)
    if done.returncode:
        raise UsageError(f"--key {key}: {_said(done)}. Give a private SSH key that you can unlock.")
    for name, data in ((STATEMENT, statement), (SIGNATURE, done.stdout)):
        try:
            write_durably(folder / name, data)
        except OSError as error:
            raise MachineError(f"{folder / name} cannot be written: {error.strerror}.") from error
    return folder / STATEMENT, folder / SIGNATURE


def check_signature(folder: Path, manifest: Manifest, trust: Trust, signers: list[str]) -> Iterator[str]:
    """Yield a sentence for each problem: the signature, its signer, or a file that differs from the signed one.

    The signer is added to ``signers``.
    """
    statement, signature = folder / STATEMENT, trust.signature or folder / SIGNATURE
    for path in (statement, signature):
        if not path.is_file():
            yield f"{path.name} is missing: the release is not signed, or the file was lost"
            return
    signers.append(find_signer(statement, signature, trust.allowed_signers))
    yield from check_statement(folder, manifest, statement)


def find_signer(statement: Path, signature: Path, allowed_signers: Path) -> str:
    """Return who signed the statement, by the name in the file of allowed signers; DataError if none of them did."""
    if not allowed_signers.is_file():
        raise UsageError(f"--allowed-signers {allowed_signers}: there is no such file.")
    given = ["-s", str(signature), "-f", str(allowed_signers)]
    data = statement.read_bytes()
    found = _keygen(["find-principals", *given], b"")
    names = _names(found.stdout)
    if found.returncode or not names:
        whole = _keygen(["check-novalidate", "-n", NAMESPACE, "-s", str(signature)], data)
        if whole.returncode:
            raise DataError(f"{signature.name} is not a signature of {statement.name}: {_said(whole)}")
        raise DataError(f"{signature.name} was made with a key that {allowed_signers} does not allow")
    # ssh-keygen names only the first line with that key; a later line may be the one that allows this use of it.
    for name in dict.fromkeys([*names, *_names(allowed_signers.read_bytes())]):
        done = _keygen(["verify", *given, "-I", name, "-n", NAMESPACE], data)
        if not done.returncode:
            return name
    raise DataError(f"{statement.name} is not what {names[0]} signed, or the key may not sign it: {_said(done)}")


def _names(lines: bytes) -> list[str]:
    """Return the names in lines of allowed signers, in order; a name after ``!`` is not allowed to sign."""
    first = (
        line.split(maxsplit=1)[0].strip('"') for line in lines.decode(errors="replace").splitlines() if line.strip()
    )
    return [name for names in first if names[:1] != "#" for name in names.split(",") if name and name[0] != "!"]


def _keygen(arguments: Sequence[str], data: bytes) -> "subprocess.CompletedProcess[bytes]":
    try:
        return subprocess.run(["ssh-keygen", "-Y", *arguments], input=data, capture_output=True, check=False)
    except FileNotFoundError:
        raise MachineError("ssh-keygen is not installed: install the OpenSSH client, 8.2 or newer.") from None


def _said(done: "subprocess.CompletedProcess[bytes]") -> str:
    lines = (done.stderr + done.stdout).decode(errors="replace").strip().splitlines()
    return lines[-1].rstrip(".") if lines else f"ssh-keygen ended with {done.returncode}"
