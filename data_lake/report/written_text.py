"""List for a report what language models wrote: the kept text of each picture, and how many sentences were refused."""

from typing import Any

from medmultipoints.data_lake.release.read.released_tables import read_parquet, read_quarantine, table_files
from medmultipoints.data_lake.report.materials import Materials
from medmultipoints.data_lake.report.sections import MOST_ROWS, Listing
from medmultipoints.transforms.columns.tables import empty_frame, load_table
from medmultipoints.transforms.descriptions.description_rows import describe_texts

TEXTS = "descriptions"


def written_text(own: Materials) -> dict[str, Any] | None:
    """Return the counts and the kept texts; None for a release without written text."""
    refused = read_quarantine(own.folder, own.manifest, "refused_sentences")
    if refused is None:
        return None
    written = bool(table_files(own.manifest, TEXTS))
    texts = read_parquet(own.folder, own.manifest, TEXTS) if written else empty_frame(load_table(TEXTS))
    counted = describe_texts(texts, refused)
    if counted is None:
        return None
    rows = tuple(texts.sort("sample_id").head(MOST_ROWS).select("sample_id", "text", "model").iter_rows())
    columns = ("image", "kept text", "model")
    caption = "Texts of which at least a part is kept"
    return counted | {"texts": Listing(TEXTS, caption, columns, rows, texts.height, "descriptions/*.parquet")}
