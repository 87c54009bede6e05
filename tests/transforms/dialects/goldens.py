"""The golden files of the dialects. ``python -m tests.transforms.dialects.goldens`` writes them again."""

from collections.abc import Iterator
from pathlib import Path

import orjson

from medmultipoints.transforms.dialects.conversations.answers import Unsupported
from medmultipoints.transforms.dialects.registry import DIALECTS, Conversation, Dialect
from medmultipoints.transforms.instructions.answers.published import PUBLISHED
from tests.transforms.dialects.samples import BOXES, CONTENTS, PICTURES, item

FOLDER = Path(__file__).parents[2] / "golden" / "dialects"


def golden_files(dialect: Dialect) -> Iterator[tuple[str, bytes]]:
    """The files of the sample instructions or pictures; one line an instruction, none for those without a form."""
    form = dialect.form
    if isinstance(form, Conversation):
        yield form.path("train"), b"".join(lines(form))
        return
    for files in (form.encode(PICTURES, CONTENTS, "train"), form.whole(CONTENTS)):
        for path, chunks in files:
            yield path, b"".join(chunks)


def lines(form: Conversation) -> Iterator[bytes]:
    for task in PUBLISHED:
        for boxes in (BOXES, BOXES[:1], ()):
            try:
                yield orjson.dumps(form.encode(item(task, boxes)), option=orjson.OPT_APPEND_NEWLINE)
            except Unsupported:
                continue


def main() -> None:
    for name, dialect in DIALECTS.items():
        for path, data in golden_files(dialect):
            target = FOLDER / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)


if __name__ == "__main__":
    main()
