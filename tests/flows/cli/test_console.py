"""Tables of the command line: for people in a terminal, for programs elsewhere."""

from io import StringIO

import pytest

from medmultipoints.flows.cli.console import PlainConsole, table


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


@pytest.mark.parametrize(
    "text", ["d1/0:x:y", "a:B:bounding", "[red]x[x]", "/data/[a-z]/1", "[link=x]y", "rows [1, 2]", r"C:\x"]
)
def test_text_from_data_is_printed_as_it_is(text: str) -> None:
    """No part of a name becomes an emoji, a style or nothing, whoever prints it; own styles are styles."""
    for print_it in (lambda to: to.print(f"[bold]{text}[/] end"), lambda to: to.print(f"{text} end", markup=False)):
        console = PlainConsole(file=StringIO(), emoji=False, width=200)
        print_it(console)
        assert console.file.getvalue() == f"{text} end\n"


def test_titles_and_columns_of_a_table_are_printed_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    console = PlainConsole(file=StringIO(), emoji=False, width=200, force_terminal=True, color_system=None)
    monkeypatch.setattr("medmultipoints.flows.cli.console.OUT", console)
    table("labels [/] :x:", ["[b]"], [["[i]:B:[/] of a long name"]])
    assert [line.strip() for line in console.file.getvalue().splitlines()] == [
        "labels [/] :x:",
        "[b]",
        "[i]:B:[/] of a long name",
    ]
