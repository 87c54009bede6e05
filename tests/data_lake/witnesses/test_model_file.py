"""A declared model is read whole, or what is wrong with it is named."""

from pathlib import Path

import pytest

from medmultipoints.data_lake.witnesses.model_file import load_model
from medmultipoints.transforms.errors import DataError, UsageError
from tests.data_lake.witnesses.declared_models import declare, red_model


def test_a_model_knows_what_it_learned(tmp_path: Path) -> None:
    model = load_model(declare(tmp_path, red_model(), groups=["video:a/1"], pixels=["ab"]))
    assert ("red", (3, 16, 16)) == (model.name, model.declared.network.input_shape)
    assert model.learned("video:a/1", "cd")
    assert model.learned(None, "ab")
    assert not model.learned("video:a/2", "cd")
    assert (1, 1) == (model.statement()["trained_pictures"], model.statement()["trained_groups"])


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ([('sha256 = "', 'hash = "')], UsageError, None),
        ([('licence = "CC0-1.0"\n', "")], UsageError, "licence: the key is missing"),
        ([("width = 16", "width = 0")], UsageError, "input.width"),
        ([('labels = ["polyps"]', 'labels = ["a", "a"]')], UsageError, "a label is named twice"),
        ([('"segmentation"', '"oracle"')], UsageError, "task"),
        ([('file = "red.onnx"', 'file = "../red.onnx"')], UsageError, "file"),
        ([('file = "red.onnx"', 'file = "gone.onnx"')], UsageError, "gone.onnx: No such file"),
        ([("[input]", "[input")], UsageError, "not valid TOML"),
    ],
)
def test_a_declaration_that_is_not_complete_is_named(
    tmp_path: Path, changes: list[tuple[str, str]], error: type[Exception], words: str | None
) -> None:
    if words is None:  # both hashes are wanted
        path = declare(tmp_path, red_model())
        text = Path(path).read_text("utf-8")
        Path(path).write_text("\n".join(line for line in text.splitlines() if not line.startswith("sha256")), "utf-8")
        words = "sha256: the key is missing; trained_on.sha256: the key is missing"
    else:
        path = declare(tmp_path, red_model(), changes=changes)
    with pytest.raises(error, match=words):
        load_model(path)


@pytest.mark.parametrize(
    ("groups", "pixels", "words"), [([], [], "no groups and no luma_blake3"), (["image:1"], [], "no luma_blake3")]
)
def test_a_model_of_a_split_lists_what_it_learned(
    tmp_path: Path, groups: list[str], pixels: list[str], words: str
) -> None:
    """Such a model would judge the pictures that it was trained on."""
    changes = [('release = "nothing"', 'release = "demo 1.0.0"\nsplit = "train"')]
    path = declare(tmp_path, red_model(), groups=groups, pixels=pixels, changes=changes)
    with pytest.raises(DataError, match=f"the split train of demo 1.0.0, but red.json has {words}. List group_id"):
        load_model(path)
    load_model(declare(tmp_path, red_model(), groups=["image:1"], pixels=["ab"], changes=changes))
    load_model(declare(tmp_path, red_model()))


@pytest.mark.parametrize(("file", "key"), [("red.onnx", "file"), ("red.json", "trained_on.file")])
def test_a_file_with_another_hash_is_refused(tmp_path: Path, file: str, key: str) -> None:
    path = declare(tmp_path, red_model())
    (tmp_path / file).write_bytes(b"other")
    with pytest.raises(DataError, match=f"{key}: {file} has sha256 [0-9a-f]{{64}}, expected"):
        load_model(path)


def test_a_name_that_is_neither_a_file_nor_installed_says_so() -> None:
    with pytest.raises(UsageError, match="no package with models is installed"):
        load_model("nowhere")


def test_an_onnx_file_is_no_declaration(tmp_path: Path) -> None:
    declare(tmp_path, red_model())
    with pytest.raises(UsageError, match="this is the ONNX file. Give the TOML file"):
        load_model(str(tmp_path / "red.onnx"))


def install(folder: Path, *names: str, value: str = "polyp_models") -> None:
    """Lay out a package as an installer does, with the models of these names among its files."""
    (folder / "polyp_models").mkdir(parents=True)
    (folder / "polyp_models" / "__init__.py").write_text("", "utf-8")
    info = folder / "polyp_models-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: polyp-models\nVersion: 1.0\n", "utf-8")
    offered = "".join(f"{name} = {value}\n" for name in names)
    (info / "entry_points.txt").write_text(f"[medmultipoints.models]\n{offered}", "utf-8")


def test_a_model_of_an_installed_package_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "red", "gone")
    declare(tmp_path / "polyp_models", red_model())
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path / "polyp_models")
    model = load_model("red")
    assert ("red", red_model()) == (model.name, model.onnx)
    with pytest.raises(UsageError, match="installed are gone, red"):
        load_model("nowhere")
    with pytest.raises(UsageError, match=r"model gone: the package polyp_models has no gone.toml"):
        load_model("gone")


@pytest.mark.parametrize("value", ["no_such_package", "polyp_models:attribute", "no.such"])
def test_a_model_of_a_package_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    install(tmp_path, "red", value=value)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError, match="model red: the package"):
        load_model("red")
