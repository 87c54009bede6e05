"""Describe the pictures of a release: ask the server for missing replies and judge them."""

import hashlib
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, field
from importlib.resources import files
from itertools import islice
from pathlib import Path

import orjson

from medmultipoints.data_lake.describe.chat import ChatReply, ChatServer, Unanswered
from medmultipoints.data_lake.describe.outgoing_picture import MIME, check_text_readers, picture_filler
from medmultipoints.data_lake.describe.reply_file import Journal, Reply
from medmultipoints.data_lake.describe.server_settings import ServerSettings
from medmultipoints.data_lake.prompts.object_names import release_names
from medmultipoints.data_lake.release.checks.answers import box_policy
from medmultipoints.data_lake.release.read.released_tables import check_split, read_chosen_pictures, read_parquet
from medmultipoints.data_lake.release.write.manifest import read_manifest
from medmultipoints.transforms.compose.label_terms import plurals_of
from medmultipoints.transforms.descriptions.accept import Accepted, AcceptPolicy, accept_reply
from medmultipoints.transforms.descriptions.described_scenes import DescribedScene, described_scenes
from medmultipoints.transforms.descriptions.knowledge_entries import Entry, EntryKind, parse_entries, retrieve
from medmultipoints.transforms.descriptions.prompting import SYSTEM, prompt_sha256, write_prompt
from medmultipoints.transforms.descriptions.replies import Outcome, without_thoughts
from medmultipoints.transforms.errors import MachineError, UsageError
from medmultipoints.transforms.records import UNKNOWN

Progress = Callable[[int, int], None]
MOST_AT_FIRST = 3
"""Refused pictures after which a run ends if the server accepted none."""


@dataclass(frozen=True, slots=True)
class Question:
    """The request for one picture."""

    image_sha256: str
    key: str
    prompt: str
    picture: bytes
    filled: int


@dataclass(slots=True)
class Described:
    """The outcome of a run, and what the default policy accepts of the replies.

    ``cost``: of all answers in the file and the empty ones of this run; ``judged``: pictures with a reply in the file;
    ``filled``: text places that were filled; ``unanswered``: pictures without a reply, by the server's reason;
    ``stopped``: why pictures were not asked about, empty if all were.
    """

    pictures: int = 0
    asked: int = 0
    known: int = 0
    cost: float = 0.0
    judged: int = 0
    kept: int = 0
    filled: int = 0
    unanswered: Counter[str] = field(default_factory=Counter)
    sentences: Counter[str] = field(default_factory=Counter)
    fallen: Counter[str] = field(default_factory=Counter)
    stopped: str = ""


def describe_pictures(
    folder: Path,
    out: Path,
    settings: ServerSettings,
    *,
    split: str | None = None,
    limit: int | None = None,
    progress: Progress = lambda _done, _of: None,
    say: Callable[[str], None] = lambda _text: None,
) -> Described:
    """Write replies about the pictures of a release to a file; existing replies are not requested again.

    However the run ends, the file then holds all answers. UsageError for invalid settings; MachineError if the server
    fails. At the limit of the cost the outcome says why it stopped.
    """
    _check_settings(settings, out, say)
    definitions = load_definitions(settings.knowledge)
    scenes = list(islice(release_scenes(folder, split), limit))
    if not scenes:
        raise UsageError(f"{folder}: there is nothing to describe in this release.")
    journal = Journal(out)
    known = journal.known(out)
    done = Described(pictures=len(scenes), cost=sum(_price(one, settings) for one in known.values()))
    replies: dict[str, Reply] = {}
    questions = _questions(folder, split, scenes, settings, definitions)
    try:
        with ChatServer(settings, say) as server, closing(_ask_all(questions, server, journal, known, done)) as answers:
            for reply in answers:
                replies[reply.image_sha256] = reply
                progress(len(replies), len(scenes))
    finally:
        written = journal.merge(out, replies)
    for one in scenes:
        if found := written.get(one.scene.image_sha256):
            _count(done, found, judge_reply(found, one, AcceptPolicy()))
    return done


def _check_settings(settings: ServerSettings, out: Path, say: Callable[[str], None]) -> None:
    """Raise UsageError for missing readers or folders; note that pictures are sent unencrypted."""
    check_text_readers(settings.readers)
    if settings.unencrypted:
        say(f"note: {settings.address}: the pictures are sent unencrypted; use https if others can read the network")
    if not out.parent.is_dir():
        raise UsageError(f"--out {out}: the folder {out.parent} does not exist. Make it, or correct the path.")


def release_scenes(folder: Path, split: str | None = None) -> Iterator[DescribedScene]:
    """Yield the pictures of a release with their known facts; ``split`` limits them to one split."""
    manifest = read_manifest(folder)
    check_split(manifest, split)
    records, objects, images = (read_parquet(folder, manifest, name) for name in ("data", "objects", "images"))
    names = release_names(records, images, plurals_of(manifest.recipe))
    wanted = None if split is None else set(images.filter(split=split)["image_sha256"])
    yield from described_scenes(records, objects, images, names, box_policy(manifest.recipe), wanted)


def judge_reply(reply: Reply, one: DescribedScene, policy: AcceptPolicy) -> Accepted:
    """Return the accepted part of a reply about a picture."""
    return accept_reply(reply.reply, reply.outcome, one.picture, one.vocabulary, policy)


def _questions(
    folder: Path,
    split: str | None,
    scenes: Sequence[DescribedScene],
    settings: ServerSettings,
    definitions: Sequence[Entry],
) -> Iterator[Question]:
    """Yield the question for each picture, in the order of the release's files."""
    by_image = {one.scene.image_sha256: one for one in scenes}
    fill = picture_filler(settings.readers)
    for picture in read_chosen_pictures(folder, read_manifest(folder), by_image, split):
        one = by_image.pop(picture.image_sha256, None)
        if one is not None:
            data, filled = fill(picture.data)
            prompt = write_prompt(one.picture, one.names, retrieve(definitions, _wanted(one)))
            yield Question(picture.image_sha256, question_key(settings, prompt, data), prompt, data, filled)


def _wanted(one: DescribedScene) -> Mapping[EntryKind, Sequence[str]]:
    known: dict[EntryKind, list[str]] = {
        "label": list(one.names),
        "finding": [one.scene.finding],
        "organ": [one.scene.organ],
    }
    return {kind: [name for name in names if name != UNKNOWN] for kind, names in known.items()}


def question_key(settings: ServerSettings, prompt: str, picture: bytes) -> str:
    """Return the key of a question: an answer with the same key need not be requested again."""
    sent = [settings.model, settings.temperature, settings.seed, settings.max_tokens, SYSTEM, prompt]
    return hashlib.sha256(orjson.dumps([*sent, hashlib.sha256(picture).hexdigest()])).hexdigest()


def _ask_all(
    questions: Iterator[Question],
    server: ChatServer,
    journal: Journal,
    known: Mapping[str, Reply],
    done: Described,
) -> Generator[Reply]:
    """Yield each reply; a fixed number of questions run at once, and none start after a failure or a stop."""
    running: set[Future[Reply]] = set()
    with ThreadPoolExecutor(server.settings.at_once) as pool:
        try:
            for question in questions:
                found = known.get(question.key)
                if found and not _is_empty(found.outcome, found.reply):
                    done.known += 1
                    yield found
                    continue
                while len(running) >= server.settings.at_once:
                    yield from _wait_for_replies(running, server.settings, done)
                _check_cost(server.settings, done)
                if done.stopped:
                    break
                running.add(pool.submit(_ask, server, journal, question, done))
            while running:
                yield from _wait_for_replies(running, server.settings, done)
            _check_answers(server.settings, done, most=1)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _ask(server: ChatServer, journal: Journal, question: Question, done: Described) -> Reply:
    """Return the reply once it is on disk, so that a paid answer survives the failure of another question.

    Unanswered if it is empty. An answer whose cost is unknown stops a run that has a limit.
    """
    answer = server.ask(question.prompt, question.picture, MIME)
    if server.settings.max_cost is not None and not answer.counted:
        done.stopped = (
            "max_cost cannot be kept: the server does not count the tokens of its answers (no `usage`). The answers "
            "so far are kept; remove max_cost, or use a server that counts."
        )
    if _is_empty(answer.outcome, answer.text):
        raise Unanswered("the answer is empty", answer.tokens_in, answer.tokens_out)
    reply = _as_reply(question, answer, server.settings)
    journal.add(reply)
    return reply


def _is_empty(outcome: Outcome, text: str) -> bool:
    return outcome == "answered" and not without_thoughts(text)


def _wait_for_replies(running: set[Future[Reply]], settings: ServerSettings, done: Described) -> Iterator[Reply]:
    """Wait for at least one reply and yield those that arrived; an error is raised after them.

    A picture that the server does not accept is counted.
    """
    ended, _ = wait(running, return_when=FIRST_COMPLETED)
    running -= ended
    for future in sorted(ended, key=lambda one: one.exception() is not None):
        try:
            reply = future.result()
        except Unanswered as problem:
            done.unanswered[str(problem)] += 1
            done.cost += _price(problem, settings)
            _check_answers(settings, done)
            continue
        done.asked += 1
        done.cost += _price(reply, settings)
        yield reply


def _price(reply: Reply | Unanswered, settings: ServerSettings) -> float:
    return (reply.tokens_in * settings.price_in + reply.tokens_out * settings.price_out) / 1e6


def _check_answers(settings: ServerSettings, done: Described, most: int = MOST_AT_FIRST) -> None:
    """Raise MachineError if the server refused at least ``most`` pictures and accepted none."""
    if done.unanswered.total() >= most and not (done.asked or done.known):
        raise MachineError(f"{settings.address}: {next(iter(done.unanswered))}. Correct the settings, then run again.")


def _check_cost(settings: ServerSettings, done: Described) -> None:
    if settings.max_cost is not None and done.cost >= settings.max_cost:
        done.stopped = (
            f"the answers so far cost {done.cost:.2f}, and max_cost is {settings.max_cost:g}. They are kept; "
            "raise max_cost and run again to go on."
        )


def _as_reply(question: Question, answer: ChatReply, settings: ServerSettings) -> Reply:
    return Reply(
        image_sha256=question.image_sha256,
        key=question.key,
        model=settings.model,
        prompt_sha256=prompt_sha256(),
        temperature=settings.temperature,
        seed=settings.seed,
        outcome=answer.outcome,
        reply=answer.text,
        filled=question.filled,
        tokens_in=answer.tokens_in,
        tokens_out=answer.tokens_out,
    )


def _count(done: Described, reply: Reply, accepted: Accepted) -> None:
    done.judged += 1
    done.filled += reply.filled
    done.kept += not accepted.reason
    done.fallen.update([accepted.reason] if accepted.reason else [])
    done.sentences.update(one.verdict for one in accepted.sentences)


def load_definitions(folders: Iterable[Path | str] = ()) -> tuple[Entry, ...]:
    """Return all entries; an entry of a later folder replaces an earlier one on the same subject."""
    shipped = files("medmultipoints.data_lake.describe") / "knowledge"
    texts = [(one.name, one.read_text("utf-8")) for one in shipped.iterdir() if one.name.endswith(".toml")]
    found = [entry for name, text in sorted(texts) for entry in parse_entries(name, text)]
    for folder in map(Path, folders):
        found += _read_folder(folder)
    return tuple(found)


def _read_folder(folder: Path) -> list[Entry]:
    paths = sorted(folder.glob("*.toml"))
    if not paths:
        raise UsageError(f"knowledge: {folder} has no TOML file. Correct the path.")
    try:
        return [entry for path in paths for entry in parse_entries(str(path), path.read_text("utf-8"))]
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"knowledge: {folder} cannot be read: {error}. Correct the file.") from error
