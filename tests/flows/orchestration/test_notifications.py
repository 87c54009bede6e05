"""The end of a run that fails goes through the block that is configured; one that does not answer fails nothing."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from prefect.blocks.notifications import CustomWebhookNotificationBlock, SlackWebhook
from prefect.variables import Variable

from medmultipoints.flows.engine.request import VerifyRequest
from medmultipoints.flows.orchestration.notifications import NOTIFY, alert
from medmultipoints.flows.orchestration.verify import verify
from tests.flows.prefect_server import quiet_server, seen

BLOCK = "custom-webhook/curators"
RUN_LOG = "prefect.flow_runs"


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[None]:
    """One server for all tests of this file."""
    with quiet_server():
        yield


@contextmanager
def web_server(status: int) -> Iterator[tuple[int, list[dict[str, str]]]]:
    """The port of a server that answers so, and what it is sent."""
    messages: list[dict[str, str]] = []

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}"))
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing is printed."""

    web = HTTPServer(("127.0.0.1", 0), Answer)
    Thread(target=web.serve_forever, daemon=True).start()
    yield web.server_port, messages
    web.shutdown()
    web.server_close()


@pytest.fixture
def received() -> Iterator[list[dict[str, str]]]:
    """What is sent to the webhook that the block names."""
    with web_server(200) as (port, messages):
        CustomWebhookNotificationBlock(
            name="curators",
            url=f"http://127.0.0.1:{port}",
            json_data={"subject": "{{subject}}", "body": "{{body}}"},
        ).save("curators", overwrite=True)
        yield messages


def failing(tmp_path: Path) -> tuple[str, str]:
    """The end of a run that has to fail."""
    return seen(verify(VerifyRequest(recipe="nothing", lake=str(tmp_path)), return_state=True))


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


@pytest.mark.parametrize(
    ("messenger", "said"),
    [
        (CustomWebhookNotificationBlock, "403 Forbidden' for url 'http://127.0.0.1:{}/...'"),
        (SlackWebhook, "error=403"),
    ],
)
def test_a_refusal_is_told_without_the_key_in_the_address(
    messenger: type[CustomWebhookNotificationBlock], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The rest of a webhook's address is its key, and logs are for many eyes."""
    with web_server(403) as (port, asked):
        scheme = "http" if messenger is CustomWebhookNotificationBlock else "json"
        messenger(name="refused", url=f"{scheme}://127.0.0.1:{port}/services/KEY").save("refused", overwrite=True)
        alert("a refresh failed", "in the night", f"{messenger.get_block_type_slug()}/refused")
    assert len(asked) == 1
    (told,) = [one.getMessage() for one in caplog.records if "notif" in one.getMessage() and one.name == RUN_LOG]
    assert "was not sent" in told
    assert said.format(port) in told
    assert "KEY" not in told


def test_an_alert_goes_through_the_block_that_it_names(received: list[dict[str, str]]) -> None:
    assert seen(alert("a refresh failed", "in the night", BLOCK, return_state=True))[1] == "a refresh failed"
    assert received == [{"subject": "a refresh failed", "body": "in the night"}]
