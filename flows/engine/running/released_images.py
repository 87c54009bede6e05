"""Read the released bytes of images, for stages that read pictures."""

from collections.abc import Callable

from medmultipoints.data_lake.store.images import stored_reader
from medmultipoints.flows.engine.stage import Build, Inputs


def image_reader(build: Build, inputs: Inputs) -> Callable[[str], bytes]:
    """Return a reader of released bytes by sample_id: redacted, derived, or unchanged from the source."""
    samples = inputs.read("samples", "sample_id", "source", "image_member")
    members = {sample_id: (source, member) for sample_id, source, member in samples.iter_rows()}
    files = {name: build.files(name) for name in samples["source"].unique()}
    stored = stored_reader(build.lake, inputs.objects["stored"])
    redacted = stored_reader(build.lake, inputs.objects.get("redacted", ()))

    def read(sample_id: str) -> bytes:
        changed = redacted(sample_id) or stored(sample_id)
        if changed is not None:
            return changed
        source, member = members[sample_id]
        return files[source].read(member)

    return read
