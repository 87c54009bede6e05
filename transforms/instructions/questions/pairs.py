"""Two frames of a video: the same object later, what came or went, what moved most, what is of the same class."""

import json
import math
from collections.abc import Iterator, Sequence

from medmultipoints.transforms.instructions.phrases import LEAD_OF_MOVES, MOST_FRAMES_APART, MOST_OF_A_CLASS
from medmultipoints.transforms.instructions.questions.question import Question, Words, distinct, ids, rounded
from medmultipoints.transforms.instructions.scenes import Scene, Thing

Pair = tuple[Scene, Scene]
Tracks = dict[str, Thing]


def pairs(group: Sequence[Scene], task: str, words: Words) -> Iterator[Pair]:
    """Frames of a video at most so many frames apart, the earlier first, as many as the share of the task takes."""
    frames = [scene for scene in group if scene.video_id is not None and scene.frame_index is not None]
    for place, earlier in enumerate(frames):
        for later in frames[place + 1 :]:
            gap = (later.frame_index or 0) - (earlier.frame_index or 0)
            if gap > MOST_FRAMES_APART:
                break
            alike = (earlier.width, earlier.height, earlier.split) == (later.width, later.height, later.split)
            if gap > 0 and alike and words.kept(task, earlier.image_sha256, later.image_sha256):
                yield earlier, later


def ask_tracking(group: Sequence[Scene], words: Words) -> Iterator[Question]:
    """Where an object of the earlier frame is in the later one: one that moved by more than its own size."""
    for pair in pairs(group, "tracking", words):
        earlier, later = pair
        found: dict[str, tuple[Thing, Thing]] = {}
        for label in later.records:
            before, after = tracks(earlier, label), tracks(later, label)
            moved = (track for track in before.keys() & after.keys() if _moved(before[track], after[track]))
            found |= {track: (before[track], after[track]) for track in moved}
        clear = {
            track: (before_it, after_it)
            for track, (before_it, after_it) in found.items()
            if distinct(before_it, earlier.things) and distinct(after_it, later.things)
        }
        if clear:
            before_it, after_it = clear[words.pick(sorted(clear), "tracking", *_about(pair))]
            yield _question("tracking", pair, later, after_it, words, given=before_it)


def ask_appeared(group: Sequence[Scene], words: Words) -> Iterator[Question]:
    """The one object of a class that the later frame has and the earlier has not, where none of the class is gone."""
    for pair in pairs(group, "appeared", words):
        yield from _ask_change("appeared", pair, pair[0], pair[1], words)


def ask_vanished(group: Sequence[Scene], words: Words) -> Iterator[Question]:
    """The one object of a class that the earlier frame has and the later has not, where none of the class is new."""
    for pair in pairs(group, "vanished", words):
        yield from _ask_change("vanished", pair, pair[1], pair[0], words)


def ask_moved_most(group: Sequence[Scene], words: Words) -> Iterator[Question]:
    """The object of a class that moved by far the most, where both frames have the same objects of the class."""
    for pair in pairs(group, "moved_most", words):
        earlier, later = pair
        found = {}
        for label in later.records:
            before, after = tracks(earlier, label), tracks(later, label)
            whole = not any(thing.truncated for thing in (*before.values(), *after.values()))
            if len(after) > 1 and before.keys() == after.keys() and whole:
                ways = {track: math.dist(before[track].centre, after[track].centre) for track in after}
                first, second = sorted(ways, key=lambda track: (-ways[track], track))[:2]
                leads = ways[first] >= LEAD_OF_MOVES * ways[second] and _moved(before[first], after[first])
                if leads and distinct(after[first], later.things):
                    found[label] = after[first]
        if found:
            thing = found[words.pick(sorted(found), "moved_most", *_about(pair))]
            yield _question("moved_most", pair, later, thing, words)


def ask_same_class(group: Sequence[Scene], words: Words) -> Iterator[Question]:
    """All objects of the later frame that are of the class of one of the earlier, where there are several classes."""
    for pair in pairs(group, "same_class", words):
        earlier, later = pair
        several = len({thing.label for thing in later.things}) > 1
        few = [label for label in later.records if 0 < len(later.of(label)) <= MOST_OF_A_CLASS]
        labels = [label for label in few if label in later.certain and earlier.of(label)] if several else []
        if not labels:
            continue
        label = words.pick(labels, "same_class", *_about(pair))
        given = words.pick(earlier.of(label), "same_class given", *_about(pair))
        if distinct(given, earlier.things):
            name = words.name("same_class", pair, label, *_about(pair)).singular
            yield Question(
                task="same_class",
                home=later,
                record_id=later.records[label],
                part=earlier.image_sha256[:16],
                scenes=pair,
                label=label,
                slots={"region": region(given)},
                content=[{"bbox_2d": rounded(thing.box), "label": name} for thing in later.of(label)],
                object_ids=ids([given, *later.of(label)]),
            )


def tracks(scene: Scene, label: str) -> Tracks:
    """The objects of a label by their track; none where one of them has no track."""
    things = scene.of(label)
    return {thing.track_id: thing for thing in things if thing.track_id} if all(t.track_id for t in things) else {}


def region(thing: Thing) -> str:
    """The box of an object, as a prompt gives it."""
    return json.dumps({"bbox_2d": rounded(thing.box)})


def _ask_change(task: str, pair: Pair, without: Scene, having: Scene, words: Words) -> Iterator[Question]:
    found = {}
    for label in having.records:
        more, fewer = tracks(having, label), tracks(without, label)
        tracked = len(more) == len(having.of(label)) and len(fewer) == len(without.of(label))
        certain = label in having.certain and label in without.certain
        if certain and tracked and len(more) == len(fewer) + 1 and fewer.keys() < more.keys():
            found[label] = more[min(more.keys() - fewer.keys())]
    if found:
        thing = found[words.pick(sorted(found), task, *_about(pair))]
        if distinct(thing, having.of(thing.label)):
            yield _question(task, pair, having, thing, words)


def _question(task: str, pair: Pair, home: Scene, thing: Thing, words: Words, given: Thing | None = None) -> Question:
    other = pair[0] if home is pair[1] else pair[1]
    name = words.name(task, pair, thing.label, *_about(pair))
    return Question(
        task=task,
        home=home,
        record_id=home.records[thing.label],
        part=other.image_sha256[:16],
        scenes=pair,
        label=thing.label,
        name=name,
        slots={"region": region(given)} if given else {},
        content={"bbox_2d": rounded(thing.box), "label": name.singular},
        object_ids=ids([given, thing] if given else [thing]),
    )


def _moved(before: Thing, after: Thing) -> bool:
    """Whether the centre moved by more than the object's own size, with the whole object seen both times."""
    whole = not (before.truncated or after.truncated)
    return whole and math.dist(before.centre, after.centre) > max(*before.sides, *after.sides)


def _about(pair: Pair) -> tuple[str, str]:
    return pair[0].image_sha256, pair[1].image_sha256
