"""The template environment of every HTML page: values are escaped, a missing value is an error."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jinja2

Functions = Mapping[str, Callable[..., Any]]
NONE: Functions = {}


def load_template(path: Path, *, filters: Functions = NONE, functions: Functions = NONE) -> jinja2.Template:
    """Return the template of an HTML page; it may include others of its folder, and use the filters and functions."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(path.parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(filters)
    environment.globals.update(functions)
    return environment.get_template(path.name)
