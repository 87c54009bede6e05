"""Gather what prompts and verdicts need of each picture of a release: facts, vocabulary and label names."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import polars as pl

from medmultipoints.transforms.claims.facts import PictureFacts, Vocabulary
from medmultipoints.transforms.claims.scene_facts import picture_facts, scene_vocabulary
from medmultipoints.transforms.instructions.naming.lexicon import Lexicon
from medmultipoints.transforms.instructions.naming.names import Names, labels_present
from medmultipoints.transforms.instructions.scenes import Scene, gather_scenes, group_key


@dataclass(frozen=True, slots=True)
class DescribedScene:
    """One picture: its scene, facts, vocabulary, and the name of each of its labels."""

    scene: Scene
    picture: PictureFacts
    vocabulary: Vocabulary
    names: dict[str, str]


def described_scenes(
    records: pl.DataFrame,
    objects: pl.DataFrame,
    images: pl.DataFrame,
    names: Names,
    policy: str,
    wanted: Collection[str] | None = None,
) -> Iterator[DescribedScene]:
    """Yield the pictures of a release, or only those with an image_sha256 in ``wanted``, in the order of their groups.

    ``records``, ``objects`` and ``images`` must be of the whole release: labels and organs are looked up in them.
    """
    lexicon = Lexicon(names, policy, labels_present(records))
    labels, organs = set(records["label"]), set(images["organ"])
    rows = images if wanted is None else images.filter(pl.col("image_sha256").is_in(list(wanted)))
    only = group_key(images).join(rows.select("sample_id"), on="sample_id").select("group").unique()
    shown = set(rows["sample_id"])
    for group in gather_scenes(records, objects, images, only=only):
        for scene in (one for one in group if one.sample_id in shown):
            yield describe_scene(scene, lexicon, labels, organs)


def describe_scene(scene: Scene, lexicon: Lexicon, labels: Collection[str], organs: Collection[str]) -> DescribedScene:
    """Return one picture; if it shows a single object, "it" refers to that object."""
    asked = scene.objects[0].object_id if len(scene.objects) == 1 else None
    spoken = sorted({item.label for item in scene.objects} | (set(scene.certain) & set(labels)))
    known = {label: lexicon.allowed([scene], label) for label in spoken}
    names = {label: found[0].singular for label, found in known.items() if found}
    return DescribedScene(scene, picture_facts(scene, labels, asked), scene_vocabulary(scene, lexicon, organs), names)
