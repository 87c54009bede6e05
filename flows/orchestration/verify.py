"""Define the Prefect flow that verifies the newest release, in the lake and where it is published."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefect import State, flow
from prefect.artifacts import create_table_artifact
from prefect.runtime import flow_run
from prefect.states import Completed

from medmultipoints.data_lake.publish.read_back import check_rows, fetched_release
from medmultipoints.data_lake.release.checks.verify import Check, verify_release
from medmultipoints.data_lake.release.write.manifest import read_manifest
from medmultipoints.data_lake.store.layout import open_lake
from medmultipoints.flows.engine.planning.place import newest_release
from medmultipoints.flows.engine.publishing import place_of
from medmultipoints.flows.engine.request import VerifyRequest
from medmultipoints.flows.orchestration.flow_runs import Progress, as_flow_state, call_api, tag_run
from medmultipoints.flows.orchestration.notifications import notify
from medmultipoints.transforms.errors import DataError, UsageError
from medmultipoints.transforms.reporting.hidden import escape_rows

REMEDY = "Do not use this copy: build or publish the version again."


def name_run() -> str:
    """Return the name of the run, such as ``verify audited``."""
    return f"verify {VerifyRequest.model_validate(flow_run.parameters['what']).recipe}"


@flow(
    name="verify",
    flow_run_name=name_run,
    persist_result=False,
    on_failure=[notify],
    on_crashed=[notify],
    description="Recompute everything that the newest release claims, in the lake and where it is published.",
)
def verify(what: VerifyRequest = VerifyRequest()) -> State[Any]:  # noqa: B008 (frozen)
    """Verify the newest release of a name.

    Args:
        what: The release, its lake, and where it is published.

    """

    def work(_progress: Progress) -> State[Any]:
        tag_run(what.recipe)
        folder = newest_release(open_lake(what.lake), what.recipe)
        if folder is None:
            raise UsageError(f"no release '{what.recipe}' in {what.lake}: build one first, or give another lake.")
        checks = all_checks(folder, what)
        rows = [{"where": where, "check": one.name, "ok": one.ok, "found": one.detail} for where, one in checks]
        call_api(create_table_artifact, escape_rows(rows), key="checks", description=f"Checks of {folder}")
        failed = [f"{where}: {one.name}: {one.detail}" for where, one in checks if not one.ok]
        if failed:
            raise DataError(
                f"{what.recipe} {folder.name}: {len(failed)} checks failed; the first: {failed[0]}. {REMEDY}"
            )
        return Completed(message=f"{what.recipe} {folder.name}: all {len(checks)} checks hold")

    return as_flow_state(work, Progress())


def all_checks(folder: Path, what: VerifyRequest) -> Sequence[tuple[str, Check]]:
    """Return every check with its place."""
    checks = [("lake", check) for check in verify_release(folder, leakage=what.leakage).checks]
    published = what.published_at.at(folder.name) if what.published_at else None
    found = place_of(published) if published else None
    if published is None or found is None:
        return checks
    with fetched_release(*found) as copy:
        checks += [(published, check) for check in (*verify_release(copy).checks, check_rows(*found, copy))]
        ours, theirs = read_manifest(folder).manifest_root, read_manifest(copy).manifest_root
    same = Check("same_as_in_the_lake", ours == theirs, f"manifest_root {theirs}, in the lake {ours}")
    return [*checks, (published, same)]
