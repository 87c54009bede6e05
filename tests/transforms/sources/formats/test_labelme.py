"""Pictures that LabelMe's files hold themselves are named, and what the docs say to do about them works."""

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path

from medmultipoints.transforms.sources.annotated import ReadProblem
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.inspecting.inspection import inspect_source
from medmultipoints.transforms.sources.registry import read_pictures
from tests.faults.tiny_sources import draw
from tests.members import MemoryMembers

DOCS = Path(__file__).parents[4] / "docs"


def labelme(name: str) -> bytes:
    shape = {"label": "cyst", "points": [[5, 5], [20, 5], [20, 20]], "shape_type": "polygon"}
    held = {"shapes": [shape], "imagePath": f"..\\{name}.jpg", "imageData": base64.b64encode(draw(name)).decode()}
    return json.dumps(held).encode()


def test_pictures_in_the_files_are_named_and_written_by_the_lines_of_the_docs(tmp_path: Path) -> None:
    files = {f"{name}.json": labelme(name) for name in "ab"}
    hints = {hint.key: hint.text for hint in inspect_source(MemoryMembers(files), {}).hints}
    assert hints["pictures_embedded"].startswith("2 files hold their picture themselves (imageData)")
    read = read_pictures(Declaration(format="labelme"), MemoryMembers(files))
    (first, _) = [found for found in read if isinstance(found, ReadProblem)]
    assert first.detail.endswith("; a.json holds it itself (imageData): write it as a file")
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    (lines,) = re.findall(r"```python\n(import base64.*?)```", (DOCS / "formats.md").read_text("utf-8"), re.DOTALL)
    subprocess.run([sys.executable, "-c", lines], cwd=tmp_path, check=True, env=os.environ)
    found = inspect_source(MemoryMembers({path.name: path.read_bytes() for path in tmp_path.iterdir()}), {})
    assert (found.pictures, found.objects) == (2, {"cyst": 2})
    assert "pictures_embedded" not in {hint.key for hint in found.hints}
