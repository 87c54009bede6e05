"""The key of every stage, known before anything runs: what a run would do, and what it would keep."""

from collections.abc import Mapping, Sequence

from medmultipoints.data_lake.catalogue import reader_digest
from medmultipoints.data_lake.store.keys import code_digest, digest, package_versions
from medmultipoints.data_lake.store.objects import Receipt, read_receipt
from medmultipoints.expectations.suites import TABLE_RULES, load_suite, table_digest
from medmultipoints.flows.engine.stage import Build, Stage

ENGINE = ("medmultipoints.flows.engine.finish", "medmultipoints.flows.engine.plan", "medmultipoints.flows.engine.stage")


def plan_keys(build: Build, stages: Sequence[Stage]) -> dict[str, str]:
    """The key of each stage: code, data files, parameters, packages, and the keys of what it reads."""
    packages = package_versions()
    keys: dict[str, str] = {}
    for stage in stages:
        keys[stage.name] = digest(
            {
                "stage": stage.name,
                "code": code_digest([stage.work.__module__, *ENGINE]),
                "tables": {table: table_digest(table) for table in (*stage.writes, "exclusions")},
                "table_rules": load_suite(TABLE_RULES),
                "data": stage.data(),
                "parameters": stage.parameters(build.recipe),
                "sources": source_inputs(build) if stage.reads_sources else None,
                "reads": {name: keys[name] for name in stage.reads},
                "packages": packages,
            }
        )
    return keys


def source_inputs(build: Build) -> dict[str, object]:
    """What identifies the selected sources: the digest of their files, the code of their readers."""
    return {source.name: (source.fingerprint.digest, reader_digest(source.info.reader)) for source in build.sources}


def finished(build: Build, stages: Sequence[Stage], keys: Mapping[str, str]) -> dict[str, Receipt]:
    """The receipts of stages whose results are there and intact."""
    receipts = {stage.name: read_receipt(build.lake, stage.name, keys[stage.name]) for stage in stages}
    return {name: receipt for name, receipt in receipts.items() if receipt is not None}
