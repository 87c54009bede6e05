"""What the caller of a flow in this process hands over beside its parameters.

Functions instead of the variables themselves: a flow travels to workers with everything that its code names.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from medmultipoints.flows.engine.run import Observer
from medmultipoints.flows.engine.stage import Build

_OBSERVER: ContextVar[Observer | None] = ContextVar("observer", default=None)
# Hashing gigabytes of archives twice would be felt.
_PREPARED: ContextVar[Build | None] = ContextVar("prepared", default=None)


@contextmanager
def given(prepared: Build, observer: Observer | None = None) -> Iterator[None]:
    """Within the block a flow finds its build prepared, and somebody who watches."""
    preparing, observing = _PREPARED.set(prepared), _OBSERVER.set(observer)
    try:
        yield
    finally:
        _PREPARED.reset(preparing)
        _OBSERVER.reset(observing)


def given_build() -> Build | None:
    """The build that the caller prepared, if it did."""
    return _PREPARED.get()


def given_observer() -> Observer | None:
    """Who watches beside the server."""
    return _OBSERVER.get()
