"""Read the released bytes of images, for stages that read pictures."""

from bisect import bisect_left
from collections.abc import Callable

import polars as pl

from medmultipoints.data_lake.store.images import stored_reader
from medmultipoints.flows.engine.stage import Build, Inputs, read_once


def image_reader(build: Build, inputs: Inputs) -> Callable[[str], bytes]:
    """Return a reader of released bytes by sample_id: redacted, derived, or unchanged from the source."""
    members = named_members(inputs)
    files = {name: build.files(name) for name in members["source"].unique()}
    stored = stored_reader(build.lake, inputs.objects["stored"])
    redacted = stored_reader(build.lake, inputs.objects.get("redacted", ()))

    def read(sample_id: str) -> bytes:
        changed = redacted(sample_id) or stored(sample_id)
        if changed is not None:
            return changed
        _, source, member = members.row(bisect_left(members["sample_id"], sample_id))
        return files[source].read(member)

    return read


@read_once
def named_members(inputs: Inputs) -> pl.DataFrame:
    """Return the source and the member of each sample, sorted by sample_id: a dict of them takes thrice the memory."""
    return inputs.read("samples", "sample_id", "source", "image_member").sort("sample_id")
