"""ms-swift's own loading and its filling of placeholders, without a model: what the model would be taught.

Loads the file as training does, then normalises and fills as ``Template`` does for a model of relative coordinates
(``norm1000``) and for one of pixels (``none``), in Qwen's JSON form.
"""

import json
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
            picture = inputs.images[0]
            name = picture["path"] if isinstance(picture, dict) else picture
            inputs.images = [Image.open(folder / name)]
            objects = inputs.objects
            if objects:
                objects["width"], objects["height"] = [inputs.images[0].width], [inputs.images[0].height]
                Template.normalize_bbox(SimpleNamespace(norm_bbox=scale), inputs)
            print(json.dumps({"picture": name, "answer": fill(inputs.messages[-1]["content"], objects)}))


def fill(text: str, objects: dict[str, list[object]]) -> str:
    """The text with its placeholders filled in order, as Qwen's templates print numbers."""
    for token, values in (("<bbox>", objects.get("bbox") or []), ("<ref-object>", objects.get("ref") or [])):
        for value in values:
            text = text.replace(token, str(value), 1)
    return text


read(Path(sys.argv[1]), sys.argv[2])
