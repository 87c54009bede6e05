"""Certificates are always verified, with those of the system; a server that nobody vouches for sends no byte."""

import shutil
import subprocess
from pathlib import Path

import pytest

from medmultipoints.data_lake.fetch.download import fetch_file
from medmultipoints.data_lake.fetch.upstream import ask
from medmultipoints.data_lake.http.retries import Refused
from medmultipoints.transforms.errors import MachineError
from tests.data_lake.fetch.downloads import CONTENT, QUICK, SHA256, TABLE, archive, big_zip, table_of
from tests.data_lake.fetch.file_server import serve


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for the loopback address that no one vouches for."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the program openssl")
    folder = tmp_path_factory.mktemp("certificate")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost"
    subprocess.run(
        [*command.split(), "-addext", "subjectAltName=IP:127.0.0.1"], cwd=folder, check=True, capture_output=True
    )
    return folder / "cert.pem", folder / "key.pem"


def test_a_certificate_that_the_system_knows_is_accepted(
    certificate: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Archives, resumed ones too, and members come from a server whose certificate SSL_CERT_FILE holds."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    with serve({"/set.zip": CONTENT, "/big.zip": big_zip()}, certificate) as server:
        server.faults = ["drop", 503]
        assert fetch_file(archive(server, SHA256), tmp_path, policy=QUICK).read_bytes() == CONTENT
        assert server.sent == len(CONTENT)
        assert fetch_file(table_of(server), tmp_path, policy=QUICK).read_bytes() == TABLE


def test_a_server_is_asked_as_safely_as_a_file_is_downloaded(
    certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By HEAD, else by one byte; never without verification."""
    with serve({"/set.zip": CONTENT}, certificate) as server:
        with pytest.raises(Refused, match="certificate cannot be verified"):
            ask(f"{server.url}/set.zip", 5)
        assert server.methods == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        found = ask(f"{server.url}/set.zip", 5)
        server.head = 405
        assert found == ask(f"{server.url}/set.zip", 5)
    assert str(found) == 'ETag "v1", 3,000,000 bytes'
    assert server.methods == ["HEAD", "HEAD", "GET"]


def test_an_unverified_server_is_never_trusted(certificate: tuple[Path, Path], tmp_path: Path) -> None:
    """No byte comes in, and the message says what to do."""
    with serve({"/set.zip": CONTENT}, certificate) as server:
        with pytest.raises(
            MachineError,
            match="certificate cannot be verified.*SSL_CERT_FILE.*curl --fail --location.*--source ours=PATH",
        ):
            fetch_file(archive(server), tmp_path, source="ours", policy=QUICK)
        assert server.asked == []
