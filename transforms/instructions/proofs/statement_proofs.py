"""Prove statements: parse each into claims, independently of the code that wrote it, and judge them by the scene."""

from collections.abc import Sequence
from functools import lru_cache

from medmultipoints.transforms.claims.claim_types import Claim, Kind
from medmultipoints.transforms.claims.judge import judge_text
from medmultipoints.transforms.claims.scene_facts import picture_facts, scene_vocabulary
from medmultipoints.transforms.instructions.naming.lexicon import Lexicon
from medmultipoints.transforms.instructions.proofs.reading import require
from medmultipoints.transforms.instructions.scenes import Scene


class StatementJudge:
    """Judge of statements about one scene; absence is certain only for labels whose objects are all released."""

    def __init__(self, scene: Scene, lexicon: Lexicon) -> None:
        shown = lexicon.present.get(scene.image_sha256, frozenset())
        released = [label for label in lexicon.labels if scene.of(label) or label not in shown]
        self._scene, self._picture = scene, picture_facts(scene, released)
        self._vocabulary = scene_vocabulary(scene, lexicon, ())

    def judge(self, text: str) -> tuple[bool, Claim]:
        """Return whether a statement holds, and its single claim; raise Wrong if that is uncertain."""
        judged = judge_text(text, self._picture, self._vocabulary)
        require(len(judged) == 1 and judged[0].verdict != "uncheckable", "statement_unclear")
        return judged[0].verdict == "true", judged[0].claims[-1][0]

    def objects(self, label: str | None) -> tuple[str, ...]:
        """Return the ids of the objects of a label."""
        return tuple(item.object_id for item in self._scene.objects if item.label == label)


@lru_cache(maxsize=64)
def judge_of(scene: Scene, lexicon: Lexicon) -> StatementJudge:
    """Return the judge of a scene, the same for all questions about it that follow each other."""
    return StatementJudge(scene, lexicon)


def kinds_of(claim: Claim) -> set[Kind]:
    """Return the kind of a claim and of the claims within its mention."""
    return {claim.kind, *(given.kind for given in claim.about.given)}


def ids_of(judge: StatementJudge, claims: Sequence[Claim]) -> tuple[str, ...]:
    """Return the ids of all objects of the classes in the claims, each once, in the order of the claims."""
    return tuple(dict.fromkeys(one for claim in claims for one in judge.objects(claim.about.label)))
