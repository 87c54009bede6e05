"""What a refusal of the Hub means decides the remedy; a token never travels unencrypted."""

import pytest

from medmultipoints.data_lake.publish.hub import HubPlace
from medmultipoints.data_lake.publish.hub_client import Trouble, check_endpoint, explain
from medmultipoints.transforms.errors import MachineError, UsageError


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (
            403,
            "Private repository storage limit reached, please upgrade your plan to raise it.",
        ),
        (403, "You have exceeded your public storage quota"),
        (413, "Storage quota exceeded"),
        (507, "no disk space left for this namespace"),
    ],
)
def test_a_quota_is_told_as_room_and_not_as_rights(status: int, text: str) -> None:
    trouble = Trouble(status, text, None)
    problem = explain("making the commit", "hub", trouble)
    assert isinstance(problem, MachineError)
    assert "The storage of that namespace is full" in str(problem)
    assert "role write" not in str(problem)
    assert not trouble.may_pass


def test_missing_rights_are_told_as_rights() -> None:
    problem = explain("making the commit", "hub", Trouble(403, "Forbidden: no permission", None))
    assert isinstance(problem, UsageError)
    assert "role write" in str(problem)


@pytest.mark.parametrize("endpoint", ["http://hub.example.org", "http://10.0.0.8:8080", "http://localhost.example.org"])
def test_a_token_over_plain_http_to_another_machine_is_refused(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any request is made; without a token, public data may be read."""
    monkeypatch.setenv("HF_TOKEN", "hf_secret_of_a_test")
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    with pytest.raises(UsageError, match="could read your token") as caught:
        HubPlace("acme/data")
    assert "hf_secret" not in str(caught.value)
    check_endpoint(endpoint, None)


@pytest.mark.parametrize(
    "endpoint", ["https://hub.example.org", "http://127.0.0.1:8077", "http://[::1]:80", "http://localhost"]
)
def test_encrypted_and_local_endpoints_are_accepted(endpoint: str) -> None:
    check_endpoint(endpoint, "hf_secret_of_a_test")


def test_what_is_no_address_is_named() -> None:
    with pytest.raises(UsageError, match="HF_ENDPOINT=hub is not a valid URL; expected https://HOST"):
        check_endpoint("hub", None)
