"""Fixtures that every test folder shares."""

import gc
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes is for benchmarks to say: on a busy machine a deadline would fail at random.
settings.register_profile("tests", deadline=None)
settings.register_profile("fast", deadline=None, max_examples=20)
settings.load_profile("tests")

SLOW = {
    "data_lake/deposit/test_zenodo.py",
    "data_lake/describe/test_describe_pictures.py",
    "data_lake/fetch/test_addresses.py",
    "data_lake/fetch/test_hostile_server.py",
    "data_lake/http/test_request.py",
    "data_lake/http/test_ranges.py",
    "data_lake/publish/test_git_folder.py",
    "data_lake/publish/test_hub.py",
    "data_lake/publish/test_places.py",
    "data_lake/publish/test_push.py",
    "data_lake/publish/test_withdrawn.py",
    "data_lake/release/checks/test_card_check.py",
    "data_lake/release/checks/test_forged.py",
    "data_lake/release/checks/test_statements.py",
    "data_lake/release/checks/test_verify.py",
    "data_lake/release/export/test_pictures.py",
    "data_lake/release/export/test_dialect_tables.py",
    "data_lake/release/export/test_dialects.py",
    "data_lake/release/read/test_compare.py",
    "data_lake/release/read/test_sample.py",
    "data_lake/release/read/test_json_files.py",
    "data_lake/release/sign/test_signature.py",
    "data_lake/report/test_page.py",
    "data_lake/report/test_release_pages.py",
    "data_lake/review/test_exchange.py",
    "data_lake/review/test_guards.py",
    "data_lake/review/test_server.py",
    "data_lake/test_ocr.py",
    "data_lake/test_simulated_reasons.py",
    "docs/test_add_a_source.py",
    "docs/test_faults_page.py",
    "docs/test_reasons_page.py",
    "docs/test_tasks_page.py",
    "faults/test_bad_annotations.py",
    "faults/test_bad_images.py",
    "faults/test_bad_machine.py",
    "faults/test_command_line.py",
    "faults/test_disk_full.py",
    "faults/test_empty_release.py",
    "faults/test_kill.py",
    "faults/test_odd_coco.py",
    "faults/test_poisoned_folder.py",
    "faults/test_publish_faults.py",
    "faults/test_publish_killed.py",
    "faults/test_reported_cases.py",
    "flows/cli/operations/test_status.py",
    "flows/cli/review/test_audit.py",
    "flows/cli/releases/test_report.py",
    "flows/cli/test_imports.py",
    "flows/cli/operations/test_lake.py",
    "flows/engine/planning/test_intention.py",
    "flows/engine/planning/test_place.py",
    "flows/engine/running/test_run.py",
    "flows/engine/test_stage.py",
    "flows/orchestration/test_notifications.py",
    "flows/orchestration/test_publish.py",
    "flows/orchestration/test_refresh.py",
    "flows/orchestration/test_artifacts.py",
    "flows/orchestration/test_runners.py",
    "flows/orchestration/server/test_serving.py",
    "flows/orchestration/server/test_server_database.py",
    "flows/stages/composing/test_record.py",
    "flows/stages/composing/test_witness.py",
    "flows/test_api.py",
    "flows/test_card_of_a_build.py",
    "flows/test_declared_builds.py",
    "flows/test_described_builds.py",
    "flows/test_leakage.py",
    "flows/test_odd_recipes.py",
    "flows/test_planted_findings.py",
    "flows/test_privacy_builds.py",
    "flows/test_remote_lake.py",
    "flows/test_round_trip.py",
    "flows/test_same_frame.py",
    "flows/test_wheel.py",
    "properties/test_splits.py",
    "test_architecture.py",
    "transforms/examinations/test_keypoints.py",
    "transforms/instructions/questions/test_mask_requests.py",
    "transforms/instructions/test_published_items.py",
    "transforms/instructions/test_write_instructions.py",
    "transforms/masks/test_crowded_masks.py",
    "transforms/scoring/test_metric_sets.py",
    "transforms/sources/formats/test_samples.py",
}
"""Test modules that take seconds, most of them for starting processes or servers: `make test-fast` leaves them out.

A slow test of a quick module has the marker itself.
"""

REAL = Path(__file__).resolve().parents[2] / "shared" / "real"


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder of real source data beside the checkout; the test skips where it is absent."""
    if not REAL.is_dir():
        pytest.skip(f"no real data at {REAL.parent.name}/{REAL.name} beside the checkout")
    return REAL


def pytest_configure(config: pytest.Config) -> None:
    """Try a fifth of the random examples where slow tests are left out."""
    if _is_quick(config):
        settings.load_profile("fast")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave slow modules unread where their tests are left out: importing them takes seconds, too."""
    return True if _is_quick(config) and _is_slow(collection_path) else None


def pytest_collection_finish() -> None:
    """Spare the garbage collector a walk through every module and test, each time that it runs."""
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of slow modules."""
    for item in items:
        if _is_slow(item.path):
            item.add_marker(pytest.mark.slow)


def _is_quick(config: pytest.Config) -> bool:
    return "not slow" in config.option.markexpr


def _is_slow(path: Path) -> bool:
    root = Path(__file__).parent
    return path.is_relative_to(root) and path.relative_to(root).as_posix() in SLOW
