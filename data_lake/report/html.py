"""Set up the template environment of all HTML pages: values are escaped, a missing value is an error."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medmultipoints.transforms.reporting.hidden import IN_JSON

if TYPE_CHECKING:
    import jinja2

Functions = Mapping[str, Callable[..., Any]]
NONE: Functions = {}


def show(value: object) -> object:
    """Return a value with hidden characters as JSON escapes, because pages also hold JSON for scripts."""
    return value.translate(IN_JSON) if isinstance(value, str) else value


def load_template(path: Path, *, filters: Functions = NONE, functions: Functions = NONE) -> "jinja2.Template":
    """Return the template of an HTML page; it may include others from its folder, and use the filters and functions."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(path.parent),
        autoescape=True,
        finalize=show,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(filters)
    environment.globals.update(functions)
    return environment.get_template(path.name)
