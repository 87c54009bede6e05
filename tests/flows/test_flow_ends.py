"""How runs end: what was told in words is not told again as a traceback."""

import logging

import pytest
from prefect.engine import handle_engine_signals
from prefect.states import Completed

from flows.flow_ends import ended
from flows.progress import Progress
from transforms.errors import DataError


def test_the_engine_of_a_worker_adds_no_traceback_to_what_was_told(caplog: pytest.LogCaptureFixture) -> None:
    """It logs the error that a flow ends in; a fault of the program keeps its traceback."""
    ended(lambda _progress: Completed(), Progress())
    logging.getLogger("prefect.engine").addHandler(caplog.handler)
    for error in (DataError("told in words"), ZeroDivisionError("a fault")):
        with pytest.raises(SystemExit), handle_engine_signals():
            raise error
    logging.getLogger("prefect.engine").removeHandler(caplog.handler)
    assert {str(record.exc_info[1]) for record in caplog.records if record.exc_info} == {"a fault"}
