"""What the servers of the sources say, told to the curator: a log, a page, a word at the end of a run."""

from collections.abc import Mapping

from prefect.artifacts import create_markdown_artifact
from prefect.logging import get_run_logger

from medmultipoints.data_lake.fetch.upstream import Answer, ask_servers, keep_answers
from medmultipoints.flows.engine.stage import Build
from medmultipoints.flows.orchestration.progress import tell

LOUD = ("changed", "not reachable")


def look_upstream(build: Build, given: Mapping[str, str]) -> str:
    """Which sources changed, for the message of the run; empty where none did. Whatever happens, the run goes on."""
    log = get_run_logger()
    try:
        answers = ask_servers([source.info for source in build.sources], given, build.lake.landing)
        keep_answers(build.lake, answers)
    except Exception as error:  # noqa: BLE001 (news about servers is no part of a release)
        log.warning("the servers of the sources could not be asked: %s: %s", type(error).__name__, error)
        return ""
    for answer in answers:
        (log.warning if answer.verdict in LOUD else log.info)(answer.sentence())
    shown = upstream_markdown(answers)
    tell(lambda: create_markdown_artifact(shown, key="sources", description="What the servers of the sources have"))
    changed = sorted({answer.source for answer in answers if answer.verdict == "changed"})
    return f"changed at its server: {', '.join(changed)} (see the artifact sources)" if changed else ""


def upstream_markdown(answers: list[Answer]) -> str:
    """The artifact: one line a downloaded file, or a source given locally."""
    rows = "\n".join(
        f"| {one.source} | {one.file} | {one.verdict} | {one.detail.replace('|', '/')} |" for one in answers
    )
    return (
        "# Sources at their servers\n\nBuilds take only files whose sha256 the catalogue accepts: what changed at a "
        f"server enters none by itself.\n\n| source | file | verdict | details |\n|---|---|---|---|\n{rows}\n"
    )
