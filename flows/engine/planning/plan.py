"""Plan a run before it starts: the key of every stage, and which stages are finished."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from medmultipoints.data_lake.catalogue import read_digest
from medmultipoints.data_lake.store.keys import Scan, code_inputs, digest
from medmultipoints.data_lake.store.objects import Receipt, read_receipt
from medmultipoints.expectations.rows.suites import TABLE_RULES, load_suite, table_digest
from medmultipoints.flows.engine.planning.place import newest_version
from medmultipoints.flows.engine.stage import Build, Stage

ENGINE = ("medmultipoints.flows.engine.running.finish", "medmultipoints.flows.engine.stage")
"""The modules that every result depends on, of every stage."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A build at its initial version, the keys of its stages, and the receipts of finished stages.

    The keys hold while the process runs; the holder of the build's lock reads receipts again.
    """

    build: Build
    keys: Mapping[str, str]
    done: Mapping[str, Receipt]

    @property
    def is_finished(self) -> bool:
        """Whether every stage is finished and intact."""
        return len(self.done) == len(self.keys)


def plan_build(build: Build, stages: Sequence[Stage]) -> Plan:
    """Return the plan of a build."""
    build = settled(build)
    keys = plan_keys(build, stages)
    return Plan(build, keys, finished(build, stages, keys))


def plan_keys(build: Build, stages: Sequence[Stage]) -> dict[str, str]:
    """Return the key of each stage: code, data files, parameters, packages, and the keys of its inputs."""
    keys: dict[str, str] = {}
    scan: Scan = {}
    sources = source_inputs(build)
    for stage in stages:
        modules = [stage.work.__module__, *ENGINE]
        keys[stage.name] = digest(
            {
                "stage": stage.name,
                **code_inputs(modules, scan=scan),
                "tables": {table: table_digest(table) for table in (*stage.writes, "exclusions")},
                "table_rules": load_suite(TABLE_RULES),
                "data": stage.data(),
                "parameters": stage.parameters(build.recipe),
                "sources": sources if stage.reads_sources else None,
                "reads": {name: keys[name] for name in stage.reads},
            }
        )
    return keys


def source_inputs(build: Build) -> dict[str, object]:
    """Return the identity of the selected sources: the digest of their files, and how they are read."""
    return {source.name: (source.fingerprint.digest, read_digest(source.info)) for source in build.sources}


def finished(build: Build, stages: Sequence[Stage], keys: Mapping[str, str]) -> dict[str, Receipt]:
    """Return the receipts of stages whose results exist and are intact."""
    receipts = {stage.name: read_receipt(build.lake, stage.name, keys[stage.name]) for stage in stages}
    return {name: receipt for name, receipt in receipts.items() if receipt is not None}


def at_version(build: Build, version: str) -> Build:
    """Return the same build under another version."""
    return replace(build, recipe=build.recipe.model_copy(update={"version": version}))


def settled(build: Build) -> Build:
    """Return the build at its initial version: under ``auto``, that of the newest release of its name."""
    newest = newest_version(build.lake, build.recipe.name) if build.request.version == "auto" else None
    return at_version(build, newest) if newest else build
