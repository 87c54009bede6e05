"""Faults on demand: one line of text each, see the README beside this file."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field


@dataclass
class Fault:
    """What happens to requests that match: ``status``, or a dropped connection unless the request ``passes``."""

    method: str
    path: re.Pattern[str]
    after: bool
    status: int | None = None
    delay: float | None = None
    cut: int | None = None
    whole: bool = False
    times: int = 1
    skip: int = 0
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def passes(self) -> bool:
        """Whether the answer is the right one, if late, cut off or without regard to the range asked for."""
        return self.delay is not None or self.cut is not None or self.whole

    def matches(self, method: str, path: str) -> bool:
        return self.method in ("*", method) and self.path.search(path) is not None


def parse_fault(text: str) -> Fault:
    """The fault that a line of text means; ValueError says what is wrong with it."""
    try:
        method, path, when, act, *options = text.split()
    except ValueError:
        raise ValueError(f"fault {text!r}: write METHOD PATH before|after ACT [name=value ...]") from None
    if when not in ("before", "after"):
        raise ValueError(f"fault {text!r}: {when!r} is neither before nor after")
    fault = Fault(method, re.compile(path), when == "after")
    if act.startswith("delay:"):
        fault.delay = float(act.removeprefix("delay:"))
    elif act.startswith("cut:"):
        fault.cut = int(act.removeprefix("cut:"))
    elif act == "whole":
        fault.whole = True
    elif act != "drop":
        fault.status = int(act)
    for option in options:
        name, _, value = option.partition("=")
        if name in ("times", "skip"):
            setattr(fault, name, int(value))
        else:
            fault.headers[name] = value
    return fault


class Faults:
    """The faults that are still to come; requests of many threads ask here."""

    def __init__(self, texts: list[str]) -> None:
        self._lock = threading.Lock()
        self._waiting = [parse_fault(text) for text in texts]

    def add(self, texts: list[str]) -> None:
        """More faults, after those that wait."""
        faults = [parse_fault(text) for text in texts]
        with self._lock:
            self._waiting += faults

    def clear(self) -> None:
        """No more faults."""
        with self._lock:
            self._waiting.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """The fault for this request, used up by one; the first that matches."""
        with self._lock:
            for fault in self._waiting:
                if fault.times > 0 and fault.matches(method, path):
                    if fault.skip > 0:
                        fault.skip -= 1
                        continue
                    fault.times -= 1
                    return fault
        return None
