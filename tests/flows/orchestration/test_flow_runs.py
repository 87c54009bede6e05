"""How runs end: what was told in words is not told again as a traceback."""

import logging

import pytest
from prefect.states import Completed

from medmultipoints.flows.orchestration.flow_runs import Progress, as_flow_state
from medmultipoints.transforms.errors import DataError

RUN_LOG = logging.getLogger("prefect.flow_runs")


@pytest.mark.filterwarnings("ignore:Logger .* attempted to send logs to the API")
def test_a_traceback_is_told_of_faults_alone(caplog: pytest.LogCaptureFixture) -> None:
    """The engine of a worker logs whatever error a flow ends in."""
    as_flow_state(lambda _progress: Completed(), Progress())
    RUN_LOG.addHandler(caplog.handler)
    for error in (DataError("told in words"), ZeroDivisionError("a fault")):
        RUN_LOG.error("Engine execution exited with unexpected exception", exc_info=error)
    RUN_LOG.removeHandler(caplog.handler)
    assert {str(record.exc_info[1]) for record in caplog.records if record.exc_info} == {"a fault"}
