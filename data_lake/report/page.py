"""Render reports and differences as self-contained HTML pages, the same bytes for the same input."""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import orjson
import polars as pl
from jinja2 import UndefinedError
from markupsafe import Markup, escape

from medmultipoints.data_lake.release.read.compare import diff_folders
from medmultipoints.data_lake.release.read.json_files import reads_release
from medmultipoints.data_lake.release.read.released_tables import read_quarantine
from medmultipoints.data_lake.release.write.changes import plain
from medmultipoints.data_lake.release.write.manifest import Manifest, read_manifest
from medmultipoints.data_lake.report import sections
from medmultipoints.data_lake.report.correction_entries import TEMPLATES, entry, offered
from medmultipoints.data_lake.report.html import Functions, load_template
from medmultipoints.data_lake.report.materials import Album, read_materials
from medmultipoints.data_lake.report.sections import EXAMPLES, Listing
from medmultipoints.data_lake.report.witness_lists import witnesses, written_text
from medmultipoints.transforms.diff.releases import ReleaseDiff
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.reporting.drawing import STYLE, Figure, draw, legend
from medmultipoints.transforms.reporting.explained import meaning_of_kind, meaning_of_reason

FOLDER: Final = Path(__file__).parent
BY_REVIEWERS: Final = ("excluded_by_review", "withdrawn", "objects_excluded_by_review")
FIRST_ROWS: Final = 15
"""Rows of a listing that are there without the script."""


@reads_release
def report_page(
    folder: Path, against: Path | None = None, *, leakage: bool = False, kind: type[Manifest] = Manifest
) -> tuple[str, dict[str, int]]:
    """Return the report of a release, and its leaks between splits (none for a sound release).

    The difference is that from ``against``, else the one in the release itself. With ``leakage`` the certificate is
    recomputed from every picture. ``kind`` is ClaimedManifest for files that need no further hashing.
    """
    own = read_materials(folder, leakage=leakage, kind=kind)
    stated = own.changes if against is None else difference(against, folder)
    album = Album([folder, against] if against else [folder], kind)
    summary = sections.summary(own)
    gallery, findings = sections.gallery(own), sections.findings(own, album)
    page = render(
        "report.html.jinja",
        album,
        own=own,
        manifest=own.manifest,
        summary=summary,
        first_pictures=sections.first_pictures(findings, gallery),
        to_do=sections.to_do(summary, f"{own.manifest.name}/{own.manifest.version}"),
        gallery=gallery,
        videos=sections.videos(own),
        histograms=sections.histograms(own),
        balance=sections.balance(own),
        findings=findings,
        witnesses=witnesses(own),
        written=written_text(own),
        corrections=sections.corrections(own),
        near=sections.near_duplicates(own, album),
        leakage=sections.leakage(own, album),
        quarantine=sections.quarantine(own),
        changes=sections.changes(stated, album),
    )
    return page, summary["leaks"]


def difference(old: Path, new: Path) -> dict[str, Any]:
    """Return the difference from the old release in the form of changes.json."""
    before = read_manifest(old)
    return {"from": before.title, **plain(diff_folders(old, new, EXAMPLES))}


@reads_release
def diff_page(old: Path, new: Path, titles: tuple[str, str], diff: ReleaseDiff) -> str:
    """Return the difference of two releases with drawings of its examples."""
    album = Album([new, old])
    stated = sections.changes({"from": titles[0], **plain(diff)}, album, left_out(new))
    return render("diff.html.jinja", album, titles=titles, changes=stated)


def left_out(folder: Path) -> dict[str, str]:
    """Return, by image, the reason of the reviewer who excluded or withdrew it."""
    found = read_quarantine(folder, read_manifest(folder), "exclusions")
    if found is None:
        return {}
    rows = found.filter(pl.col("reason").is_in(BY_REVIEWERS)).select("sample_id", "reason", "detail")
    return {name: f"{reason.replace('_', ' ')}: {detail}" for name, reason, detail in rows.iter_rows()}


def render(template: str, album: Album, **values: Any) -> str:
    """Return the page; pictures are read for the figures among its values."""
    filters: Functions = {
        "number": _number,
        "plural": plural,
        "listing": _listing,
        "plain_json": _json,
        "drawn": _drawn,
        "marked": _marked,
        "meaning_of_kind": meaning_of_kind,
        "meaning_of_reason": meaning_of_reason,
        "command": _command,
    }
    pictures = album.pictures({figure.image_sha256 for figure in _figures(values)})
    script = (FOLDER / "page.js.jinja").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = load_template(FOLDER / template, filters=filters)
    try:
        return page.render(
            pictures=pictures,
            script=script,
            script_digest=digest,
            style=f"{(FOLDER / 'page.css.jinja').read_text('utf-8')}\n{STYLE}",
            legend=_legend,
            first_rows=FIRST_ROWS,
            offered=offered,
            templates=TEMPLATES,
            entry=entry,
            **values,
        )
    except UndefinedError as error:  # a value that the release does not have
        raise LookupError(str(error)) from error


def _figures(value: object) -> Iterator[Figure]:
    if isinstance(value, Figure):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _figures(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _figures(part)


def _drawn(figure: Figure) -> Markup:
    return Markup(draw(figure))  # noqa: S704 (its words are escaped)


def _legend(*kinds: str) -> Markup:
    return Markup(legend(kinds))  # noqa: S704 (its words are ours)


def _marked(text: str) -> Markup:
    """Return a sentence with the text between backticks as code."""
    parts = [
        escape(part) if place % 2 == 0 else Markup("<code>{}</code>").format(part)
        for place, part in enumerate(text.split("`"))
    ]
    return Markup("").join(parts)


def _command(text: str) -> Markup:
    """Return commands that wrap only between words, not inside an option."""
    lines = [
        Markup(" ").join(Markup("<span>{}</span>").format(word) for word in line.split(" "))
        for line in text.splitlines()
    ]
    return Markup("\n").join(lines)


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}".removesuffix(".00")


def _listing(listing: Listing) -> str:
    return _json({"rows": listing.rows, "entries": listing.entries, "foremost": listing.foremost})


def _json(value: object) -> str:
    """Return JSON that is safe inside a script element or an attribute."""
    return orjson.dumps(value).decode().replace("<", "\\u003c").replace("&", "\\u0026")
