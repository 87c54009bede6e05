"""Remember that this process was interrupted: libraries turn an interrupt into errors of their own."""

from threading import Event
from typing import Final

INTERRUPTED: Final = Event()
"""Set by the first SIGINT or SIGTERM of a command; every error after it is a consequence."""
