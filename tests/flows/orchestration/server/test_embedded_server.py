import pytest
from prefect.settings.models.server.services import ServerServicesTaskRunRecorderSettings

from medmultipoints.flows.orchestration.server.embedded_server import TOGETHER


def test_task_runs_are_written_together_and_the_page_is_a_second_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefect ignores unknown settings, and an interval below 1 is 0: it would write without rest."""
    for name, value in TOGETHER.items():
        monkeypatch.setenv(name, value)
    recorder = ServerServicesTaskRunRecorderSettings()
    assert (recorder.batch_size, recorder.flush_interval) == (50, 1.0)
