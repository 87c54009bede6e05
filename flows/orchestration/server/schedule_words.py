"""Check a schedule and its time zone before a server starts; Prefect checks them again."""

import re
from typing import Final
from zoneinfo import available_timezones

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.problems import meant

_FIELDS: Final = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("day of the week", 0, 7))
_NUMBER: Final = re.compile(r"(?<![/\w#])\d+")  # no step, and no n-th weekday


def check_schedule(cron: str | None, timezone: str) -> None:
    """Raise UsageError for an unknown time zone, or a cron text without five fields or with a number out of range."""
    zones = available_timezones()
    if zones and timezone not in zones:
        raise UsageError(f"--timezone {timezone}: there is no such time zone; {_meant_zone(timezone, zones)}.")
    fields = cron.split() if cron else []
    if not fields or fields[0].startswith("@"):
        return
    if len(fields) != len(_FIELDS):
        names = ", ".join(name for name, _, _ in _FIELDS)
        raise UsageError(f"--cron '{cron}': expected five fields, {names}, such as '0 2 * * *'.")
    for field, (name, least, most) in zip(fields, _FIELDS, strict=True):
        for number in _NUMBER.findall(field):
            if not least <= int(number) <= most:
                raise UsageError(f"--cron '{cron}': {number} is no {name} ({least} to {most}).")


def _meant_zone(timezone: str, zones: set[str]) -> str:
    near = meant(timezone, zones)
    return near if near.startswith("perhaps") else "write one such as Europe/Oslo"
