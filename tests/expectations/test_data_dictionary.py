"""The data dictionary is generated, committed and complete."""

from medmultipoints.transforms.columns.tables import load_table, table_names
from tools.dictionary import DICTIONARY, FILES, render_dictionary


def test_the_committed_dictionary_is_the_generated_one() -> None:
    """Otherwise run `make docs` and commit the result."""
    assert DICTIONARY.read_text("utf-8") == render_dictionary()


def test_every_column_and_rule_is_in_it() -> None:
    """With its meaning."""
    text = render_dictionary()
    for table in map(load_table, table_names()):
        assert f"## {table.name}\n" in text
        assert all(f"| `{column.name}` | `{column.type}` |" in text for column in table.columns)
        assert all(f"- `{rule.name}`: {rule.meaning}\n" in text for rule in table.rules)


def test_tables_of_a_release_come_first_and_the_others_say_that_they_are_not_in_it() -> None:
    first, *sections = render_dictionary().split("\n## ")
    assert [section.partition("\n")[0] for section in sections[: len(FILES)]] == list(FILES)
    assert all(f"`{files}` | [`{name}`](#{name})" in first for name, files in FILES.items())
    assert all("Not part of a release." in section for section in sections[len(FILES) :])
    assert "with the columns `instruction_id`, `record_id`, `image_file`" in sections[list(FILES).index("instructions")]
