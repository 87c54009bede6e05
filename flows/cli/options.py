"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

LakeOption = Annotated[Path, typer.Option("--lake", envvar="LAKE_ROOT", help="Folder of the data lake.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on standard output, for machines.")]
DEFAULT_LAKE = Path("lake")
