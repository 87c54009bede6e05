"""Deposit a release at Zenodo or a server with the same API, which assigns a DOI (https://developers.zenodo.org).

A deposit is a draft until it is published; publishing cannot be undone. A second call after a failure keeps what was
uploaded: a deposit is found by the release and manifest root in its notes.
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlsplit

import httpx2

from medmultipoints.data_lake.deposit.package import Package
from medmultipoints.data_lake.http.request import is_local, may_pass
from medmultipoints.data_lake.http.retries import RetryPolicy, Transient, persist
from medmultipoints.transforms.errors import DataError, MachineError, UsageError

TOKEN: Final = "ZENODO_TOKEN"  # noqa: S105 (the name of a variable)
ATTEMPTS: Final = 4
PAGE: Final = 100
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Deposit:
    """A deposit: its number, its DOI (reserved while it is a draft), its page, and whether it is published."""

    number: int
    doi: str
    page: str
    published: bool
    uploaded: tuple[str, ...] = ()


class Zenodo:
    """A client of one server; ``wait`` is the number of seconds before the second attempt."""

    def __init__(self, server: str, token: str, *, wait: float = 1.0, timeout: float = 300.0) -> None:
        parts = urlsplit(server)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"--server {server}: not a valid URL; expected https://HOST.")
        if parts.scheme == "http" and not is_local(server):
            raise UsageError(f"--server {server} is refused: anyone on the way could read your token. Use https.")
        self.server, self._wait = server.rstrip("/"), wait
        self._client = httpx2.Client(
            verify=httpx2.create_ssl_context(),
            headers={"Authorization": f"Bearer {token}", "User-Agent": "medmultipoints"},
            timeout=timeout,
            trust_env=not is_local(server),
        )

    def deposit(self, package: Package, say: Callable[[str], None], *, publish: bool) -> Deposit:
        """Upload a release as a draft, check every uploaded file, and publish the draft if asked.

        DataError if this version is already deposited with other content, or an uploaded file differs.
        """
        found = self._find(package)
        if found and found["submitted"]:
            return _deposit(found)
        draft = found or self._new_draft(package, say)
        draft = self._ask("PUT", self._url(draft["id"]), json={"metadata": dict(package.metadata)})
        uploaded = self._upload(draft, package, say)
        self._check(draft["id"], package)
        if publish:
            draft = self._ask("POST", f"{self._url(draft['id'])}/actions/publish", repeat=False)
        return _deposit(draft, uploaded)

    def _find(self, package: Package) -> Row | None:
        """Return the deposit of this release or None; DataError if its version is deposited with other content."""
        name = f"medmultipoints release {package.manifest.title},"
        same = [one for one in self._all() if name in _notes(one)]
        other = next((one for one in same if package.mark not in _notes(one) and one["submitted"]), None)
        if other:
            raise DataError(
                f"{package.manifest.title} is deposited as {_deposit(other).doi} with other "
                "content. Build a new version."
            )
        return next(iter(same), None)

    def _new_draft(self, package: Package, say: Callable[[str], None]) -> Row:
        """Return a new draft: a new version of the newest deposit with that name, or the first one."""
        name = f"medmultipoints release {package.manifest.name} "
        earlier = [one for one in self._all() if name in _notes(one) and one["submitted"]]
        if not earlier:
            created: Row = self._ask("POST", self._url(), json={}, repeat=False)
            return created
        newest = max(earlier, key=lambda one: int(one["id"]))
        say(f"a new version of {_deposit(newest).doi}")
        made = self._ask("POST", f"{self._url(newest['id'])}/actions/newversion", repeat=False)
        draft: Row = self._ask("GET", str(made["links"]["latest_draft"]))
        return draft

    def _upload(self, draft: Row, package: Package, say: Callable[[str], None]) -> tuple[str, ...]:
        """Upload missing files, and remove those inherited from the previous version."""
        there = self._listed(draft["id"])
        for name, (number, md5) in there.items():
            if package.md5.get(name) != md5:
                self._ask("DELETE", f"{self._url(draft['id'])}/files/{number}")
        wanted = [name for name in package.files if there.get(name, ("", ""))[1] != package.md5[name]]
        for name in wanted:
            say(f"uploading {name} ({package.files[name].stat().st_size:,} bytes)")
            self._ask("PUT", f"{draft['links']['bucket']}/{quote(name)}", file=package.files[name])
        return tuple(wanted)

    def _check(self, number: int, package: Package) -> None:
        there = {name: md5 for name, (_, md5) in self._listed(number).items()}
        if there != dict(package.md5):
            wrong = sorted(name for name in {*there, *package.md5} if there.get(name) != package.md5.get(name))
            raise DataError(
                f"deposit {number}: {', '.join(wrong)} did not arrive as sent. Nothing was published; run again."
            )

    def _listed(self, number: int) -> dict[str, tuple[str, str]]:
        files = self._ask("GET", f"{self._url(number)}/files")
        return {one["filename"]: (one["id"], str(one["checksum"]).removeprefix("md5:")) for one in files}

    def _all(self) -> list[Row]:
        """Return every deposit of the token's owner."""
        found: list[Row] = []
        while True:
            page = 1 + len(found) // PAGE
            rows = self._ask("GET", f"{self._url()}?size={PAGE}&page={page}")
            found += rows
            if len(rows) < PAGE:
                return found

    def _url(self, number: int | None = None) -> str:
        return f"{self.server}/api/deposit/depositions{'' if number is None else f'/{number}'}"

    def _ask(self, method: str, url: str, *, json: Any = None, file: Any = None, repeat: bool = True) -> Any:
        """Return the response to one request; a temporary failure is retried if a repetition is safe."""
        if not url.startswith(f"{self.server}/"):
            raise DataError(f"{self.server} answers with an address of another host: {url}. Nothing was sent there.")
        again = "Run the same command again: it goes on with the same draft"
        answer = persist(
            lambda: self._send(method, url, json, file),
            RetryPolicy(attempts=ATTEMPTS if repeat else 1, first_wait=self._wait),
            lambda problem: MachineError(f"{self.server}: {problem}. {again}."),
        )
        return _content(answer, self.server)

    def _send(self, method: str, url: str, json: Any, file: Any) -> httpx2.Response:
        try:
            with file.open("rb") if file else nullcontext() as content:
                answer = self._client.request(method, url, json=json, content=content)
        except httpx2.TransportError as error:
            raise Transient(f"{type(error).__name__}: {error}") from error
        if may_pass(answer.status_code):
            raise Transient(f"it answers {answer.status_code}")
        return answer


def _content(answer: httpx2.Response, server: str) -> Any:
    if answer.status_code in (401, 403):
        raise UsageError(
            f"{server} refuses the token in {TOKEN} ({answer.status_code}). It needs the scopes deposit:write and "
            "deposit:actions."
        )
    if answer.is_error:
        raise UsageError(f"{server} refuses the deposit: {answer.status_code} {_reasons(answer)}.")
    return answer.json() if answer.content else None


def _reasons(answer: httpx2.Response) -> str:
    try:
        content = answer.json()
    except ValueError:
        return answer.text[:200]
    errors = [f"{one.get('field')}: {one.get('message')}" for one in content.get("errors", ())]
    return "; ".join([str(content.get("message", "")).rstrip("."), *errors])[:500]


def _notes(one: Row) -> str:
    return str(one.get("metadata", {}).get("notes", ""))


def _deposit(one: Row, uploaded: tuple[str, ...] = ()) -> Deposit:
    metadata = one.get("metadata", {})
    doi = one.get("doi") or metadata.get("doi") or metadata.get("prereserve_doi", {}).get("doi", "")
    links = one.get("links", {})
    return Deposit(int(one["id"]), str(doi), str(links.get("html", "")), bool(one["submitted"]), uploaded)
