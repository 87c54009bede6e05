"""A schedule that makes no sense is refused before a server starts."""

import re

import pytest

from medmultipoints.flows.orchestration.deployments import schedule_of
from medmultipoints.flows.orchestration.server.schedule_words import check_schedule
from medmultipoints.transforms.errors import UsageError


@pytest.mark.parametrize(
    ("cron", "timezone", "said"),
    [
        ("99 * * * *", "UTC", "--cron '99 * * * *': 99 is no minute (0 to 59)."),
        ("0 2,24 * * *", "UTC", "24 is no hour (0 to 23)"),
        ("0 2 1-32 * *", "UTC", "32 is no day (1 to 31)"),
        ("every night", "UTC", "expected five fields, minute, hour, day, month, day of the week, such as '0 2 * * *'"),
        (None, "Europe/Olso", "--timezone Europe/Olso: there is no such time zone; perhaps 'Europe/Oslo' is meant."),
        ("0 2 * * *", "xyz", "write one such as Europe/Oslo"),
    ],
)
def test_a_wrong_schedule_is_refused_with_what_is_right(cron: str | None, timezone: str, said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        check_schedule(cron, timezone)


@pytest.mark.parametrize("cron", ["0 2 * * *", "*/90 0-23/2 1,31 jan-dec 7", "@daily", "5 4 * * sun", "0 0 L * *"])
def test_what_prefect_takes_is_not_refused(cron: str) -> None:
    check_schedule(cron, "Europe/Oslo")
    assert schedule_of(None, cron, "Europe/Oslo") is not None
