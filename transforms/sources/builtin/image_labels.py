"""Parse HyperKvasir's label table: organ, finding and classification of each labelled image."""

from medmultipoints.transforms.sources.accounting import Problem
from medmultipoints.transforms.sources.builtin.csv_rows import CsvRow, read_csv_rows
from medmultipoints.transforms.sources.builtin.findings import FindingClass, find_class

COLUMNS = ("Video file", "Organ", "Finding", "Classification")


def parse_image_labels(source: str, member: str, data: bytes) -> tuple[dict[str, FindingClass], dict[str, Problem]]:
    """Return the class of each stem with a valid row, and the problem of each other stem (or ``line N``).

    Both naming schemes are accepted.
    Reasons: ``duplicate_label_row``, ``label_row_invalid``, ``finding_unknown``, ``label_row_conflict``.
    Errors: SourceDataError if the file is not a table with these columns.
    """
    classes: dict[str, FindingClass] = {}
    problems: dict[str, Problem] = {}
    lines: dict[str, int] = {}
    for row in read_csv_rows(source, member, data, COLUMNS):
        where = f"{member}, line {row.line}"
        stem = row.fields.get("Video file") or f"line {row.line}"
        outcome = _classify(where, row)
        if stem in lines:
            outcome = Problem("duplicate_label_row", f"{where}: {stem!r} has a row on line {lines[stem]} already")
            classes.pop(stem, None)
        lines.setdefault(stem, row.line)
        if isinstance(outcome, Problem):
            problems[stem] = outcome
        else:
            classes[stem] = outcome
    return classes, problems


def _classify(where: str, row: CsvRow) -> FindingClass | Problem:
    if not row.complete or not all(row.fields[name] for name in COLUMNS):
        return Problem("label_row_invalid", f"{where}: fields are missing or too many: {dict(row.fields)}")
    found = find_class(row.fields["Finding"])
    if found is None:
        return Problem("finding_unknown", f"{where}: finding {row.fields['Finding']!r} is not one of the 23 classes")
    stated = (row.fields["Organ"], row.fields["Classification"])
    if stated != (found.organ, found.classification):
        expected = f"{found.organ!r}, {found.classification!r}"
        return Problem(
            "label_row_conflict",
            f"{where}: {found.finding!r} goes with {expected}, not with {stated[0]!r}, {stated[1]!r}",
        )
    return found
