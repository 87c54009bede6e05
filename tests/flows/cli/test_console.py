"""Tables of the command line: for people in a terminal, for programs elsewhere."""

import pytest

from medmultipoints.flows.cli.console import table


def test_a_table_outside_a_terminal_is_one_row_a_line_whole_and_separated_by_tabs(
    capfd: pytest.CaptureFixture[str],
) -> None:
    long = "/".join(["a folder with [brackets]"] * 40)
    table("Reasons", ["reason", "file", "inputs"], [["short", long, "1"], ["a\nbreak\tand a tab", "", "1,000"]])
    assert capfd.readouterr().out == (
        f"Reasons\nreason\tfile\tinputs\nshort\t{long}\t1\na\\nbreak\\tand a tab\t\t1,000\n"
    )


def test_a_table_without_a_title_begins_with_its_columns(capfd: pytest.CaptureFixture[str]) -> None:
    table("", ["label"], [["polyps"]], err=True)
    assert capfd.readouterr().err == "label\npolyps\n"
