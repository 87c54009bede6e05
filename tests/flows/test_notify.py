"""The end of a run that fails goes through the block that is configured; one that does not answer fails nothing."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.variables import Variable

from flows.alert import alert
from flows.flow_ends import NOTIFY
from flows.parameters import VerifyParameters
from flows.verify import verify
from tests.flows.prefect_server import quiet_server, seen

BLOCK = "custom-webhook/curators"


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[None]:
    """One server for all tests of this file."""
    with quiet_server():
        yield


@pytest.fixture
def received() -> Iterator[list[dict[str, str]]]:
    """What is sent to the webhook that the block names."""
    messages: list[dict[str, str]] = []

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing is printed."""

    web = HTTPServer(("127.0.0.1", 0), Answer)
    Thread(target=web.serve_forever, daemon=True).start()
    CustomWebhookNotificationBlock(
        name="curators",
        url=f"http://127.0.0.1:{web.server_port}",
        json_data={"subject": "{{subject}}", "body": "{{body}}"},
    ).save("curators", overwrite=True)
    yield messages
    web.shutdown()
    web.server_close()


def failing(tmp_path: Path) -> tuple[str, str]:
    """The end of a run that has to fail."""
    return seen(verify(VerifyParameters(recipe="nothing", lake=str(tmp_path)), return_state=True))


def test_nothing_is_sent_unless_it_is_configured(tmp_path: Path, received: list[dict[str, str]]) -> None:
    Variable.unset(NOTIFY)
    assert failing(tmp_path)[0] == "Failed"
    assert received == []


def test_a_failed_run_is_told_with_its_message(tmp_path: Path, received: list[dict[str, str]]) -> None:
    Variable.set(NOTIFY, BLOCK, overwrite=True)
    assert failing(tmp_path)[0] == "Failed"
    (message,) = received
    assert message["subject"] == "verify nothing: failed"
    assert "no release 'nothing'" in message["body"]


def test_a_block_that_is_not_there_fails_nothing_else(tmp_path: Path, received: list[dict[str, str]]) -> None:
    Variable.set(NOTIFY, "custom-webhook/nobody", overwrite=True)
    name, message = failing(tmp_path)
    assert (name, received) == ("Failed", [])
    assert "no release 'nothing'" in message


def test_an_alert_goes_through_the_block_that_it_names(received: list[dict[str, str]]) -> None:
    assert seen(alert("a refresh failed", "in the night", BLOCK, return_state=True))[1] == "a refresh failed"
    assert received == [{"subject": "a refresh failed", "body": "in the night"}]
