"""Retry temporary failures: what is retried, how often and after how long."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from medmultipoints.transforms.errors import MachineError, PipelineError
from medmultipoints.transforms.reporting.counted import plural

if TYPE_CHECKING:  # importing it takes a tenth of a build with nothing to do
    from tenacity import RetryCallState, Retrying

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Attempts in a row without progress, and the seconds between them, doubled each time up to a limit."""

    attempts: int = 5
    first_wait: float = 1.0
    longest_wait: float = 60.0
    timeout: float = 60.0


DEFAULT = RetryPolicy()


class Transient(Exception):
    """A failure that a retry may avoid.

    ``wait`` is the number of seconds that the server asks for, ``error`` the one to raise after the last attempt.
    """

    def __init__(self, problem: str, wait: float | None = None, error: PipelineError | None = None) -> None:
        self.wait, self.error = wait, error
        super().__init__(problem)


class Refused(Exception):
    """The server refuses to send the file; a retry does not help."""


def persist(
    attempt: Callable[[], Result],
    policy: RetryPolicy,
    failed: Callable[[str], PipelineError] = MachineError,
    progress: Callable[[], int] = lambda: 0,
    sleep: Callable[[float], None] = time.sleep,
) -> Result:
    """Return the result of ``attempt``, retried after transient failures; progress resets the count.

    ``failed`` turns the last problem into the error to raise.
    """
    try:
        return retrying(policy, progress, sleep)(attempt)
    except Refused as refusal:
        raise failed(str(refusal)) from refusal
    except Transient as problem:
        if problem.error is not None:
            raise problem.error from None
        attempts = plural(policy.attempts, "attempt")
        raise failed(f"{problem} (given up after {attempts} without progress)") from problem


def retrying(policy: RetryPolicy, progress: Callable[[], int], sleep: Callable[[float], None]) -> "Retrying":
    """Return attempts until one has no Transient failure, or ``policy.attempts`` in a row made no progress."""
    from tenacity import Retrying, retry_if_exception_type

    failures, best = 0, progress()

    def count(_state: object) -> None:
        nonlocal failures, best
        failures, best = (1 if progress() > best else failures + 1), max(best, progress())

    def wait(state: "RetryCallState") -> float:
        problem = state.outcome.exception() if state.outcome else None
        asked = problem.wait if isinstance(problem, Transient) else None
        return min(policy.longest_wait, policy.first_wait * 2 ** (failures - 1) if asked is None else asked)

    return Retrying(
        retry=retry_if_exception_type(Transient),
        after=count,
        wait=wait,
        stop=lambda _state: failures >= policy.attempts,
        sleep=sleep,
        reraise=True,
    )
