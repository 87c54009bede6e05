"""Convert a model's responses in a dialect to answers of the release."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from medmultipoints.data_lake.release.export.dialect_lines import FORMS, LeftOut
from medmultipoints.data_lake.release.export.dialect_rows import read_items
from medmultipoints.data_lake.release.export.dialects import find_dialect
from medmultipoints.data_lake.release.export.folder import read_mark
from medmultipoints.data_lake.release.export.plain import choose_splits
from medmultipoints.data_lake.release.write.manifest import read_manifest
from medmultipoints.transforms.dialects.conversations.answers import Unsupported
from medmultipoints.transforms.dialects.items import Item
from medmultipoints.transforms.dialects.registry import Conversation
from medmultipoints.transforms.errors import UsageError

Restore = Callable[[str], str]
_MODELS_OWN = (
    "ms-swift writes the numbers of each model. Take --dialect qwen-vl-1000 for a model that answers from 0 to 1000 "
    "(Qwen2-VL, Qwen3-VL, InternVL), qwen2.5-vl for Qwen2.5-VL, and none for one that "
    "answers in pixels of the released picture"
)


def read_forms(folder: Path, split: str | None, dialect: str) -> dict[str, Restore | LeftOut]:
    """Return, by instruction id, how to restore an answer from a response, or why the export left it out.

    UsageError for a dialect without responses, or with responses in the model's own form.
    """
    restore, form = _form(dialect)
    manifest = read_manifest(folder)
    found: dict[str, Restore | LeftOut] = {}
    for name in choose_splits(manifest, split):
        for item in read_items(folder, manifest, name):
            try:
                form.encode(item)
                found[item.instruction_id] = partial(restore, item)
            except Unsupported as reason:
                found[item.instruction_id] = LeftOut(dialect, item.instruction_id, item.record_id, str(reason))
    return found


def _form(dialect: str) -> tuple[Callable[[Item, str], str], Conversation]:
    form = find_dialect(dialect).form
    usual = ", ".join(name for name, one in FORMS.items() if one.restore)
    if not isinstance(form, Conversation):
        raise UsageError(f"--dialect {dialect}: it has no questions that a model answers. Choose one of {usual}.")
    if form.restore is None:
        raise UsageError(f"--dialect {dialect}: {_MODELS_OWN}.")
    return form.restore, form


def refuse_exports(truth: Path) -> None:
    """Raise UsageError for an export in a dialect or one of its files, whose numbers differ from the release's."""
    mark = read_mark(truth if truth.is_dir() else truth.parent)
    if mark and (dialect := mark.get("dialect")):
        raise UsageError(
            f"{truth} is of an export in the dialect {dialect}. Give the release folder as --truth, and "
            f"--dialect {dialect}."
        )
