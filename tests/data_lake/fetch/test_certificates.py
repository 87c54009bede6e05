"""Certificates are always verified: by Python, else by the system's curl, else nothing is downloaded."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from medmultipoints.data_lake.fetch.download import fetch_archive, fetch_member
from medmultipoints.data_lake.fetch.http_response import CertificateRefused
from medmultipoints.data_lake.fetch.upstream import ask
from medmultipoints.transforms.errors import MachineError
from tests.data_lake.fetch.downloads import CONTENT, QUICK, SHA256, TABLE, archive, big_zip, table_of
from tests.data_lake.fetch.file_server import serve


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for the loopback address that no one vouches for."""
    if shutil.which("openssl") is None or shutil.which("curl") is None:
        pytest.skip("needs the programs openssl and curl")
    folder = tmp_path_factory.mktemp("certificate")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost"
    subprocess.run(
        [*command.split(), "-addext", "subjectAltName=IP:127.0.0.1"], cwd=folder, check=True, capture_output=True
    )
    return folder / "cert.pem", folder / "key.pem"


def test_curl_fetches_where_only_it_can_verify(
    certificate: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server that sends an incomplete chain: archives, resumed ones too, and members come by curl."""
    monkeypatch.setenv("CURL_CA_BUNDLE", str(certificate[0]))
    with serve({"/set.zip": CONTENT, "/big.zip": big_zip()}, certificate) as server:
        server.faults = ["drop", 503]
        assert fetch_archive(archive(server, SHA256), tmp_path, patience=QUICK).read_bytes() == CONTENT
        assert server.sent == len(CONTENT)
        assert fetch_member(table_of(server), tmp_path, patience=QUICK).read_bytes() == TABLE


def test_curl_asks_where_only_it_can_verify(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a file changed is asked as safely as the file was fetched; by HEAD, else by one byte."""
    with serve({"/set.zip": CONTENT}, certificate) as server:
        with pytest.raises(CertificateRefused):
            ask(f"{server.url}/set.zip", 5)
        assert server.methods == []
        monkeypatch.setenv("CURL_CA_BUNDLE", str(certificate[0]))
        told = ask(f"{server.url}/set.zip", 5)
        server.head = 405
        assert told == ask(f"{server.url}/set.zip", 5)
    assert str(told) == 'ETag "v1", 3,000,000 bytes'
    assert server.methods == ["HEAD", "HEAD", "GET"]


@pytest.mark.parametrize("has_curl", [True, False])
def test_an_unverified_server_is_never_trusted(
    certificate: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_curl: bool
) -> None:
    """With nothing that vouches for the certificate, no byte comes in, and the message says what to do."""
    if not has_curl:
        monkeypatch.setenv("PATH", os.devnull)
    with serve({"/set.zip": CONTENT}, certificate) as server:
        with pytest.raises(
            MachineError, match="certificate cannot be verified.*curl --fail --location.*--source ours=PATH"
        ):
            fetch_archive(archive(server), tmp_path, source="ours", patience=QUICK)
        assert server.asked == []
