"""Read a declared model: a TOML file with the sha256 of an ONNX file, its input, output and training data.

The ONNX file and the list of training pictures lie next to the TOML file. Both are named with their sha256; a model
with weights in further files is refused, because no hash would cover them.
"""

import hashlib
import json
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from medmultipoints.data_lake.toml_files import read_model
from medmultipoints.transforms.errors import DataError, UsageError
from medmultipoints.transforms.problems import Sha256, TomlTable
from medmultipoints.transforms.witnesses.network import Network

GROUP: Final = "medmultipoints.models"
"""Entry points of installed packages: name = the package that holds ``NAME.toml``."""
MOST_BYTES: Final = 4 * 1024**3
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Side = Annotated[int, Field(ge=8, le=4096)]
Levels = tuple[float, float, float]
Deviation = tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]]


class Input(TomlTable):
    """The model's input."""

    width: Side = Field(description="width of the input in px; pictures are resized to it by area")
    height: Side = Field(description="height of the input in px")
    mean: Levels = Field(default=(0.0, 0.0, 0.0), description="subtracted from red, green and blue, of 0 to 255")
    std: Deviation = Field(default=(255.0, 255.0, 255.0), description="divides what is left")
    click_radius: int = Field(default=0, ge=0, le=64, description="disks of clicks in px; 0: it takes no clicks")


class Result(TomlTable):
    """The model's output."""

    labels: tuple[Annotated[str, Field(min_length=1)], ...] = Field(min_length=1, description="one map a label")
    activation: Literal["none", "sigmoid", "softmax"] = Field(
        default="none", description="what makes probabilities of the output; softmax: the first map is the background"
    )
    threshold: float = Field(default=0.5, gt=0, lt=1, description="probability from which a pixel belongs to an object")

    @model_validator(mode="after")
    def _each_once(self) -> "Result":
        if len(set(self.labels)) < len(self.labels):
            raise ValueError("labels: a label is named twice")
        return self


class TrainedOn(TomlTable):
    """The model's training data."""

    release: str = Field(min_length=1, description="name and version of the release, or what it was, in words")
    split: str = Field(default="", description="split of that release")
    seed: int = Field(default=0, description="seed of the training")
    file: FileName = Field(description="JSON with the lists `groups` and `luma_blake3` that it was trained on")
    sha256: Sha256 = Field(description="sha256 of that file")


class ModelFacts(TomlTable):
    """What a release says of a model."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", description="name of the model")
    task: Literal["segmentation"] = Field(description="what it does")
    sha256: Sha256 = Field(description="sha256 of the ONNX file")
    licence: str = Field(min_length=1, description="licence of the weights")
    source: str = Field(default="", description="where the model comes from")
    output: Result
    trained_on: TrainedOn


class Declared(ModelFacts):
    """The content of a model's TOML file."""

    file: FileName = Field(description="the ONNX file next to this one")
    input: Input

    @property
    def network(self) -> Network:
        """Return the model's input and output."""
        taken, given = self.input, self.output
        return Network(
            width=taken.width, height=taken.height, mean=taken.mean, std=taken.std, click_radius=taken.click_radius,
            labels=given.labels, activation=given.activation, threshold=given.threshold,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Model:
    """A declared model whose files were read and match their hashes."""

    declared: Declared
    onnx: bytes
    groups: frozenset[str]
    pixels: frozenset[str]

    @property
    def name(self) -> str:
        return self.declared.name

    @property
    def sha256(self) -> str:
        return self.declared.sha256

    def learned(self, group_id: str | None, luma_blake3: str) -> bool:
        """Return whether the model was trained on a picture or its group, so that it may not judge it."""
        return group_id in self.groups or luma_blake3 in self.pixels

    def statement(self) -> dict[str, Any]:
        """Return the facts about the model for a predictions file."""
        facts = self.declared.model_dump(mode="json", exclude={"input", "file"})
        return facts | {"trained_pictures": len(self.pixels), "trained_groups": len(self.groups)}


def load_model(name_or_path: str) -> Model:
    """Return the model of a TOML file or installed package; UsageError or DataError names the fault."""
    path = find_model(name_or_path)
    declared = read_model(
        Declared, path, "model", absent="Give the path of a model's TOML file.",
        wrong="Correct the file; docs/witnesses.md has all keys.",
    )  # fmt: skip
    onnx = _read(path, "file", declared.file, declared.sha256)
    learned = _read(path, "trained_on.file", declared.trained_on.file, declared.trained_on.sha256)
    groups, pixels = _parse_learned(path.with_name(declared.trained_on.file), learned)
    _check_learned(path, declared.trained_on, groups, pixels)
    return Model(declared, onnx, groups, pixels)


def find_model(name_or_path: str) -> Path:
    """Return the TOML file at a path, or under a name that an installed package registers."""
    installed = {one.name: one for one in entry_points(group=GROUP)}
    if name_or_path in installed:
        return _installed_file(name_or_path, installed[name_or_path].value)
    path = Path(name_or_path).expanduser()
    if path.suffix == ".onnx":
        raise UsageError(f"model {path}: this is the ONNX file. Give the TOML file that declares it.")
    if path.is_file():
        return path
    known = f"installed are {', '.join(sorted(installed))}" if installed else "no package with models is installed"
    raise UsageError(f"model {name_or_path}: there is no such file, and {known}. Give the path of its TOML file.")


def _installed_file(name: str, package: str) -> Path:
    """Return the TOML file of a model that a package registers."""
    try:
        path = Path(str(files(package).joinpath(f"{name}.toml")))
    except (ImportError, TypeError, ValueError) as error:
        raise UsageError(
            f"model {name}: the package {package} that registers it cannot be read ({error}). Install it again."
        ) from error
    if not path.is_file():
        raise UsageError(f"model {name}: the package {package} has no {name}.toml. Install it again, unpacked.")
    return path


def _read(toml: Path, key: str, name: str, sha256: str) -> bytes:
    path = toml.with_name(name)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise DataError(f"model {toml}: {key}: {name} has more than 4 GB. Use a smaller model.")
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"model {toml}: {key}: {path}: {error.strerror}. Put the file next to the TOML file."
        ) from error
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise DataError(
            f"model {toml}: {key}: {name} has sha256 {found}, expected {sha256}. Get the declared file, or declare "
            "the one that is meant."
        )
    return data


def _parse_learned(path: Path, data: bytes) -> tuple[frozenset[str], frozenset[str]]:
    try:
        found = json.loads(data)
        lists = [found[key] for key in ("groups", "luma_blake3")]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(
            f"{path}: not a JSON object with the lists groups and luma_blake3. Correct the file."
        ) from error
    if not all(isinstance(one, list) and all(isinstance(text, str) for text in one) for one in lists):
        raise DataError(f"{path}: groups and luma_blake3 must be lists of texts. Correct the file.")
    return frozenset(lists[0]), frozenset(lists[1])


def _check_learned(toml: Path, trained_on: TrainedOn, groups: frozenset[str], pixels: frozenset[str]) -> None:
    """Raise DataError for a split without training pictures: the model would judge the pictures that it learned."""
    empty = [name for name, found in (("groups", groups), ("luma_blake3", pixels)) if not found]
    if trained_on.split and empty:
        raise DataError(
            f"model {toml}: trained_on names the split {trained_on.split} of {trained_on.release}, but "
            f"{trained_on.file} has no {' and no '.join(empty)}. List group_id and luma_blake3 of the training "
            "pictures (columns of the table images), or leave out split if the model was trained on other pictures."
        )


def learned_bytes(groups: frozenset[str], pixels: frozenset[str]) -> bytes:
    """Return the content of the file that lists a model's training pictures."""
    return json.dumps({"groups": sorted(groups), "luma_blake3": sorted(pixels)}, indent=0).encode() + b"\n"
