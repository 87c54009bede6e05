"""What is said of whole images proved: the source's words, the counts of every class that is certain, the density."""

from collections.abc import Sequence

from medmultipoints.transforms.instructions.lexicon import Lexicon
from medmultipoints.transforms.instructions.phrases import DENSITIES, listed
from medmultipoints.transforms.instructions.proofs.reading import Reading, clear_label, require
from medmultipoints.transforms.instructions.scenes import Scene


def prove_classification(reading: Reading, scenes: Sequence[Scene], _lexicon: Lexicon) -> tuple[str, ...]:
    """No object: the answer rests on what the source says of the image."""
    (scene,), stated = scenes, reading.answer
    for key in ("organ", "classification", "finding"):
        require(stated[key] == getattr(scene, key), f"{key}_differs")
    return ()


def prove_label_path(reading: Reading, scenes: Sequence[Scene], lexicon: Lexicon) -> tuple[str, ...]:
    """The ids of the objects at the end of the path."""
    (scene,), stated = scenes, reading.answer["path"]
    require(len(stated) == 4, "path_differs")
    label = clear_label(lexicon, stated[3])
    require(stated[:3] == [scene.organ, scene.classification, scene.finding], "path_differs")
    found = tuple(thing.object_id for thing in scene.things if thing.label == label)
    require(bool(found), "path_differs")
    return found


def prove_class_counts(reading: Reading, scenes: Sequence[Scene], lexicon: Lexicon) -> tuple[str, ...]:
    """The ids of all objects counted, in the order of their classes."""
    (scene,), stated = scenes, reading.answer
    labels = [clear_label(lexicon, entry["label"]) for entry in stated["classes"]]
    require(len(labels) > 1 and sorted(labels) == labels == sorted(scene.certain), "classes_differ")
    require(listed([lexicon.clear(label).plural for label in labels]) in reading.ask, "prompt_names_differ")
    counted = [thing for thing in scene.things if thing.label in labels]
    for label, entry in zip(labels, stated["classes"], strict=True):
        require(entry["counts"] == sum(thing.label == label for thing in counted), "count_differs")
    require(stated["counts"] == len(counted), "count_differs")
    require(stated["density"] == density_of(len(counted)), "density_differs")
    return tuple(thing.object_id for thing in counted)


def density_of(count: int) -> str:
    """The density class of a number of objects."""
    words = {word: most for most, word in DENSITIES}
    return min((word for word in words if words[word] >= count), key=words.__getitem__, default="crowded")
