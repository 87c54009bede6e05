"""Count the sentences that test the judge, and its verdicts on them: the table of ``docs/evaluation.md``.

``python -m tests.transforms.claims.figures`` writes the table again.
"""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

from medmultipoints.transforms.claims.judge import judge_text
from tests.docs.page_tables import write_table
from tests.transforms.claims.pictures import PICTURES, WORDS

NAME = "judged sentences"
FILES = {
    "sentences.txt": "by kind of claim",
    "held_back.txt": "to mislead; the judge was corrected after each batch",
    "as_models_write.txt": "in the manner of language models",
    "last_batch.txt": "to mislead, the last batch, before any correction",
}
MARKS = {"+": "true", "-": "false", "?": "uncheckable", "~": "uncheckable"}


class Written(NamedTuple):
    """One sentence; ``readable``: a reader may know its verdict, although the grammar does not."""

    kind: str
    picture: str
    verdict: str
    text: str
    readable: bool


def read_sentences(name: str) -> list[Written]:
    """The sentences of one file."""
    found, kind, picture = [], "", ""
    for line in Path(__file__).with_name(name).read_text("utf-8").splitlines():
        mark, _, rest = line.partition(" ")
        if mark == "=":
            kind, picture = rest.split()
        elif mark in MARKS:
            found.append(Written(kind, picture, MARKS[mark], rest, mark == "~"))
    return found


def verdict_of(text: str, picture: str) -> str:
    """The verdict of the last sentence of a text."""
    judged = judge_text(text.replace(" / ", " "), PICTURES[picture], WORDS)
    return judged[-1].verdict if judged else "uncheckable"


def render_table() -> str:
    """The table as Markdown."""
    rows = ["| sentences | number | true | false | uncheckable | of these a reader may know | wrong verdicts |"]
    rows.append("|---|---:|---:|---:|---:|---:|---:|")
    for name, how in FILES.items():
        written = read_sentences(name)
        counts = Counter(one.verdict for one in written)
        wrong = sum(verdict_of(one.text, one.picture) != one.verdict for one in written)
        readable = sum(one.readable for one in written)
        numbers = (len(written), *(counts[verdict] for verdict in ("true", "false", "uncheckable")), readable, wrong)
        rows.append(f"| {how} | {' | '.join(f'{number:,}' for number in numbers)} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    write_table(NAME, render_table())
