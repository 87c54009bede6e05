"""ms-swift's own loading and its filling of placeholders, without a model: what the model would be taught.

Loads the file as training does, then normalises and fills as ``Template`` does for a model of relative coordinates
(``norm1000``) and for one of pixels (``none``), in Qwen's JSON form.
"""

import json
import re
import sys
from contextlib import redirect_stdout
from pathlib import Path
from types import SimpleNamespace


def read(folder: Path, scale: str) -> None:
    """Print every answer as a model of that scale would be taught it."""
    with redirect_stdout(sys.stderr):
        from PIL import Image
        from swift.dataset import load_dataset
        from swift.template.base import Template
        from swift.template.template_inputs import StdTemplateInputs

        loaded = {path: load_dataset([str(path)], num_proc=1)[0] for path in sorted(folder.glob("*.jsonl"))}
    for dataset in loaded.values():
        for row in dataset:
            inputs = StdTemplateInputs.from_dict({key: value for key, value in row.items() if value is not None})
            names = [picture["path"] if isinstance(picture, dict) else picture for picture in inputs.images]
            inputs.images = [Image.open(folder / name) for name in names]
            objects = inputs.objects
            if objects:
                objects["width"] = [picture.width for picture in inputs.images]
                objects["height"] = [picture.height for picture in inputs.images]
                Template.normalize_bbox(SimpleNamespace(norm_bbox=scale), inputs)
            print(json.dumps({"pictures": names, "answer": fill(inputs.messages, objects)[-1]}))


def fill(messages: list[dict[str, str]], objects: dict[str, list[object]]) -> list[str]:
    """The messages with their placeholders filled in order, those of the prompt first, as Qwen prints numbers."""
    values = {"<bbox>": iter(objects.get("bbox") or []), "<ref-object>": iter(objects.get("ref") or [])}
    return [
        re.sub("|".join(values), lambda found: str(next(values[found[0]])), message["content"]) for message in messages
    ]


read(Path(sys.argv[1]), sys.argv[2])
