"""What a failure and a quarantine say in the UI."""

from flows.flow_ends import failure_markdown
from flows.progress import Progress
from flows.report import rejected_words
from transforms.errors import DataError


def test_a_message_of_several_lines_stays_in_its_cell() -> None:
    """A line break would end the table in the middle of what happened."""
    shown = failure_markdown(DataError("it exists.\nThe difference:\na | b"), Progress())
    assert "| what | it exists.<br>The difference:<br>a / b |\n" in shown


def test_rows_that_the_table_does_not_show_are_counted() -> None:
    """Nothing is cut in silence."""
    assert rejected_words(7, 7) == "Inputs in quarantine"
    assert rejected_words(1000, 1234).startswith("Inputs in quarantine: the first 1,000 of 1,234;")
