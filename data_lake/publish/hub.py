"""Keep versions in a dataset repository of the Hugging Face Hub."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO, TypeVar, cast

from medmultipoints.data_lake.http.retries import RetryPolicy, Transient, persist
from medmultipoints.data_lake.publish.hub_client import (
    RangedFile,
    Trouble,
    check_name,
    explain,
    open_client,
    trouble_of,
)
from medmultipoints.data_lake.publish.places import (
    PIECE,
    Change,
    KeptCommit,
    KeptFile,
    LostAnswer,
    PlaceState,
    StaleParent,
)
from medmultipoints.transforms.errors import MachineError, PipelineError, UsageError

Result = TypeVar("Result")
POLICY = RetryPolicy(attempts=3)
TIMEOUT = 600.0
DEFAULT_ENDPOINT = "https://huggingface.co"


class HubPlace:
    """One branch of a dataset repository. Token and endpoint come from HF_TOKEN or the login, and HF_ENDPOINT."""

    def __init__(
        self, repo: str, *, private: bool = False, branch: str = "main", pull_request: bool = False,
        sleep: Callable[[float], None] = time.sleep, timeout: float = TIMEOUT,
    ) -> None:  # fmt: skip
        check_name(repo)
        self.repo, self.private, self.branch = repo, private, branch
        self._pull_request, self._sleep = pull_request, sleep
        self.endpoint = os.environ.get("HF_ENDPOINT", DEFAULT_ENDPOINT).rstrip("/")
        self._token, self._api, self._files = open_client(self.endpoint, timeout)
        self._named: dict[str, Any] = {"repo_id": repo, "repo_type": "dataset"}

    def __repr__(self) -> str:
        return f"HubPlace({self.repo!r})"

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a place on the Hub holds a token and is never written anywhere")

    @property
    def name(self) -> str:
        return f"{self.endpoint}/datasets/{self.repo}" + ("" if self.branch == "main" else f"@{self.branch}")

    @property
    def proposes(self) -> bool:
        return self._pull_request

    def state(self) -> PlaceState:
        """Return the current state of the branch; ``exists`` is False if this token can see no repository."""
        refs = self._ask("reading the references", self._refs, missing=None)
        if refs is None:
            return PlaceState(exists=False)
        if self.private:
            self._check_private()
        heads = {branch.name: branch.target_commit for branch in refs.branches}
        tags = {tag.name: tag.target_commit for tag in refs.tags}
        proposals = self._proposals(refs) if self._pull_request else {}
        head = heads.get(self.branch, heads.get("main"))  # a new branch starts there
        if head is None:
            return PlaceState(exists=True, ready=False, tags=tags, proposals=proposals)
        listed = self._ask("reading the commits", lambda: self._api.list_repo_commits(revision=head, **self._named))
        commits = tuple(KeptCommit(commit.commit_id, commit.title, commit.message) for commit in listed)
        return PlaceState(True, self.branch in heads, head, self.files(head), tags, commits, proposals)

    def _check_private(self) -> None:
        info = self._ask("reading the repository", lambda: self._api.dataset_info(self.repo))
        if not info.private:
            raise UsageError(
                f"{self.name} exists and is public. Make it private in its settings on the Hub first, or leave out "
                "--private."
            )

    def _proposals(self, refs: Any) -> Mapping[str, str]:
        """Return the commits of open pull requests; the references of closed and merged ones are never removed."""
        listed = self._ask(
            "reading the pull requests",
            lambda: list(self._api.get_repo_discussions(discussion_type="pull_request", **self._named)),
        )
        waiting = {request.git_reference for request in listed if request.status not in ("closed", "merged")}
        return {one.ref: one.target_commit for one in refs.pull_requests or () if one.ref in waiting}

    def _refs(self) -> Any:
        return self._api.list_repo_refs(include_pull_requests=self._pull_request, **self._named)

    def files(self, revision: str) -> Mapping[str, KeptFile]:
        """Return all files of a revision with the hashes that the Hub reports."""
        entries = self._ask(
            f"listing the files of {revision[:12]}",
            lambda: list(self._api.list_repo_tree(revision=revision, recursive=True, **self._named)),
        )
        return {entry.path: _kept(entry) for entry in entries if hasattr(entry, "blob_id")}

    def stream(self, revision: str, path: str) -> Iterator[bytes]:
        """Yield the bytes of a file; an interrupted read resumes at its position."""
        done = 0
        pieces = self._pieces(revision, path, done)

        def next_piece() -> bytes | None:
            nonlocal pieces
            try:
                return next(pieces, None)
            except Exception:
                pieces = self._pieces(revision, path, done)
                raise

        while (data := self._ask(f"reading {path}", next_piece)) is not None:
            done += len(data)
            yield data

    def open(self, revision: str, path: str) -> BinaryIO:
        """Return a file that is read in ranges."""
        place = f"datasets/{self.repo}/{path}"
        file = self._ask(
            f"opening {path}",
            lambda: cast("BinaryIO", self._files.open(place, "rb", revision=revision, cache_type="none")),
        )
        return cast("BinaryIO", RangedFile(file, lambda read: self._ask(f"reading {path}", read)))

    def _pieces(self, revision: str, path: str, start: int) -> Iterator[bytes]:
        from huggingface_hub import get_session, hf_hub_url, hf_raise_for_status
        from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

        url = hf_hub_url(self.repo, path, repo_type="dataset", revision=revision, endpoint=self.endpoint)
        headers = build_hf_headers(token=self._token or False) | {"Accept-Encoding": "identity"}
        headers |= {"Range": f"bytes={start}-"} if start else {}
        with get_session().stream("GET", url, headers=headers, follow_redirects=True) as answer:
            hf_raise_for_status(answer)
            known = 0 if answer.status_code == 206 else start  # a server may ignore the range and send everything
            for data in answer.iter_bytes(PIECE):
                yield data[known:]
                known = max(0, known - len(data))

    def create(self) -> None:
        """Create the repository, private if asked, and the branch."""
        what = "making the repository"
        self._ask(what, lambda: self._api.create_repo(private=self.private, exist_ok=True, **self._named))
        if self.branch != "main":
            self._ask(
                f"making the branch {self.branch}",
                lambda: self._api.create_branch(branch=self.branch, exist_ok=True, **self._named),
            )

    def commit(self, change: Change, parent: str | None) -> str:
        """Create one commit on ``parent``; every failure but a stale parent is a LostAnswer for the caller to solve."""
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        operations: list[Any] = [
            *(CommitOperationAdd(file.path, str(change.folder / file.path)) for file in change.add),
            *(CommitOperationDelete(path) for path in change.delete),
        ]
        try:
            made = self._api.create_commit(
                operations=operations,
                commit_message=change.title,
                commit_description=change.message,
                revision=self.branch,
                parent_commit=parent,
                create_pr=self._pull_request,
                **self._named,
            )
            return str(made.oid)
        except Exception as error:  # noqa: BLE001 - classified by status
            trouble = trouble_of(error, self._token)
        problem = explain("making the commit", self.name, trouble)
        if trouble.status == 412:
            raise StaleParent(str(problem))
        if trouble.wait and trouble.may_pass:
            self._sleep(trouble.wait)
        lost = LostAnswer(str(problem), definite=not trouble.may_pass)
        lost.exit_code = problem.exit_code
        raise lost

    def tag(self, tag: str, commit: str, message: str) -> None:
        """Set the tag on the commit; an existing tag on another commit is an error and is never moved."""

        def attempt() -> None:
            trouble = Trouble(None, "the tag is not there", None)
            try:
                self._api.create_tag(tag=tag, revision=commit, tag_message=message, **self._named)
            except Exception as error:  # noqa: BLE001 - classified by status
                trouble = trouble_of(error, self._token)
            refs = self._ask("reading the tags", self._refs)
            tagged_commit = {known.name: known.target_commit for known in refs.tags}.get(tag)
            if tagged_commit not in (commit, None):
                raise MachineError(
                    f"{self.name}: the tag {tag} is on commit {tagged_commit[:12]} and not on that of this "
                    "release. Tags never move: build the release under another version and publish that."
                )
            if tagged_commit is None:
                raise self._problem(f"setting the tag {tag}", trouble)

        persist(attempt, POLICY, sleep=self._sleep)

    def load_argument(self, tag: str) -> tuple[str, str | None] | None:
        """Return the repository's name and the tag."""
        return self.repo, tag

    def environment(self) -> Mapping[str, str]:
        """Return the endpoint and the token, for a child process only."""
        return {"HF_ENDPOINT": self.endpoint} | ({"HF_TOKEN": self._token} if self._token else {})

    def _ask(self, what: str, call: Callable[[], Result], **default: Any) -> Result:
        """Return the result of the call, retried after temporary failures.

        ``missing`` if there is no such repository.
        """

        def attempt() -> Result:
            try:
                return call()
            except Exception as error:  # noqa: BLE001 - the client raises many kinds; classified by status
                trouble = trouble_of(error, self._token)
                absent = type(error).__name__ == "RepositoryNotFoundError" and trouble.status == 404
            if absent and "missing" in default:
                return cast("Result", default["missing"])
            raise self._problem(what, trouble)

        return persist(attempt, POLICY, sleep=self._sleep)

    def _problem(self, what: str, trouble: Trouble) -> PipelineError | Transient:
        """Return the error for the user, inside a Transient if a retry may help."""
        error = explain(what, self.name, trouble)
        return Transient(str(error), trouble.wait, error) if trouble.may_pass else error


def _kept(entry: Any) -> KeptFile:
    if entry.lfs is None:
        return KeptFile(entry.path, entry.size, None, entry.blob_id)
    return KeptFile(entry.path, entry.lfs.size, entry.lfs.sha256, None)
