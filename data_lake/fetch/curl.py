"""The same request by the system's curl, which verifies certificates with the system's own means.

The body comes through a pipe: should this process be killed, curl finds the pipe closed and ends as well.
"""

import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO

from medmultipoints.data_lake.fetch.http_response import CertificateRefused, Method, Reply, Transient

CHUNK = 1 << 16
CERTIFICATE_CODES = frozenset({51, 58, 60, 77, 83, 90, 91})


def by_hand(url: str, name: str) -> str:
    """The command with which a person gets the file."""
    return f"curl --fail --location --continue-at - --output {shlex.quote(name)} {shlex.quote(url)}"


@contextmanager
def request(url: str, headers: Mapping[str, str], timeout: float, method: Method, local: bool) -> Iterator[Reply]:
    """The reply after all redirects; CertificateRefused also where there is no curl."""
    program = shutil.which("curl")
    if program is None:
        raise CertificateRefused("the server's certificate cannot be verified, and there is no curl to try instead")
    protocols = "=https,http" if local else "=https"
    command = [program, "--silent", "--show-error", "--location", "--include", "--suppress-connect-headers"]
    command += ["--http1.1", "--proto", protocols, "--proto-redir", "=https", "--connect-timeout", str(timeout)]
    command += ["--speed-limit", "1", "--speed-time", str(max(1, round(timeout)))]
    command += [*(["--noproxy", "*"] if local else ()), *(["--head"] if method == "HEAD" else ())]
    command += [part for name, value in headers.items() for part in ("--header", f"{name}: {value}")]
    with subprocess.Popen([*command, "--", url], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            yield _reply(process)
        finally:
            process.kill()


def _reply(process: subprocess.Popen[bytes]) -> Reply:
    assert process.stdout is not None
    status, headers = _read_head(process, process.stdout)
    while status < 200 or (300 <= status < 400 and "location" in headers):
        status, headers = _read_head(process, process.stdout)
    return Reply(status, headers, _body(process, process.stdout))


def _read_head(process: subprocess.Popen[bytes], output: IO[bytes]) -> tuple[int, dict[str, str]]:
    words = output.readline().split()
    if len(words) < 2:
        _check_end(process)
        raise Transient("the server sent no reply")
    lines = iter(lambda: output.readline().strip().decode("latin-1"), "")
    pairs = (line.partition(":") for line in lines)
    return int(words[1]), {name.strip().lower(): value.strip() for name, _, value in pairs}


def _body(process: subprocess.Popen[bytes], output: IO[bytes]) -> Iterator[bytes]:
    while chunk := output.read(CHUNK):
        yield chunk
    _check_end(process)


def _check_end(process: subprocess.Popen[bytes]) -> None:
    assert process.stderr is not None
    message = process.stderr.read().decode(errors="replace").strip().partition("\n")[0]
    code = process.wait()
    if code in CERTIFICATE_CODES:
        raise CertificateRefused(f"the server's certificate cannot be verified, not by curl either: {message}")
    if code:
        raise Transient(message or f"curl ended with code {code}")
