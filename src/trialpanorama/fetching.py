"""How files come from a register's own interface: politely, whole, and once. No other file opens the network.

A source's fetcher is a function `run(session, wanted)` in its `Fetch`. It walks the interface in whatever way that has
(pages, tokens, lists of ids) and leaves every connection to its `Session`, which

- holds one connection to a host, keeps to the source's requests a minute, and waits as long as `Retry-After` says;
- tries again what may pass (a cut, a stall, 429, 5xx, an HTML page where data was expected), and ends with one line
  about what will not;
- keeps each finished file under the output folder, with its address, size and SHA-256 in `fetch.json`, so that the
  same command goes on where it stopped and fetches nothing twice.

    def _fetch(session: Session, wanted: Wanted) -> None:
        token, number = "", 1
        while token is not None:
            page = f"studies-{number:05d}.json"
            data = session.read(URL, params={"token": token}, kind="json", name=page)  # from the disk, if it is there
            answer = decode(data)
            session.expect(answer.total, "studies")
            session.count(page, len(answer.studies))
            token, number = answer.next, number + 1
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import html
import io
import itertools
import logging
import os
import re
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, Protocol, TypeVar
from urllib.parse import SplitResult, parse_qs, urlencode, urljoin, urlsplit, urlunsplit

import msgspec

from trialpanorama.errors import FetchFailed, Refused, UserError

if TYPE_CHECKING:
    import ssl

    import httpx2
    import stamina


T = TypeVar("T")
Kind = Literal["json", "xml", "text", "zip", "gzip", "html"]
"""What an address gives; a body that is something else, or only the beginning of it, is fetched again.

Only where `html` is said may it be a web page: an index of files, not a page made for readers.

Of a `text` no end can be told: where its length is not announced either, a cut shows only when the connection breaks.
"""

LOG_NAME = "fetch.json"
PART_SUFFIX = ".part"
READ_BYTES = 2**29
"""The largest answer that is taken into memory (512 MiB)."""
SAVE_BYTES = 2**32
"""The largest download whose length the server does not say (4 GiB)."""
LARGEST_BYTES = 2**37
"""The largest download of all (128 GiB)."""
ATTEMPTS = 8
"""How often a request is made before it is given up; a download that goes forward does not count."""
ATTEMPTS_OFFLINE = 3
"""How often a connection is tried if none has ever come about: then there is no network to wait for."""
LONGEST_WAIT = 900.0
"""A server that asks for more patience than this (seconds) ends the command, which can be repeated then."""
LONGEST_READ = 900.0
"""Seconds that an answer may take which is read into memory, however much comes."""
_SLOWEST = 100
"""Bytes a second: an answer that drips more slowly than this for five minutes counts as stalled."""
_REDIRECTS = 5
_HEAD = 2048

_KEPT = "What is finished is kept: the same command goes on from there."
_PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 525, 527, 529})
"""Statuses that pass by themselves."""


class Wanted(msgspec.Struct, frozen=True):
    """What the user asked for."""

    query: str = ""
    """In the register's own query language, or the address of a search on its page; empty: everything."""
    since: date | None = None
    """Only what was added or changed on this day or later."""

    @property
    def address(self) -> SplitResult | None:
        """The query as an address, if it is one that was pasted from a web page."""
        parts = urlsplit(self.query.strip())
        return parts if parts.scheme in ("http", "https") and parts.hostname else None

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of a pasted address (the last, where one is repeated); blank ones are left out."""
        return {key: values[-1] for key, values in parse_qs(self.address.query).items()} if self.address else {}


class Fetch(msgspec.Struct, frozen=True):
    """How a source is fetched from its own interface."""

    run: Callable[[Session, Wanted], None]
    """Fetches what is wanted, with the session alone (`fetching.py`); on a second run it makes the same calls,
    and the session answers from the disk what is there."""
    hosts: tuple[str, ...]
    """The hosts it asks, all of them by https; redirects lead nowhere else."""
    terms: str
    """What the register says about such use, and where, in a sentence."""
    queries: str
    """What --query and --since may be, in a sentence or two."""
    requests_per_minute: float = 60
    """How often a host is asked at most."""
    takes_since: bool = True
    """Whether --since is possible; where it is not, the fetcher says why."""


class Fetchable(Protocol):
    """What can be fetched: a source, or a terminology."""

    @property
    def name(self) -> str:
        """Its name in commands."""

    @property
    def fetch(self) -> Fetch | None:
        """How it is fetched; none where it is not."""

    @property
    def no_fetch(self) -> str | None:
        """Why it is not fetched."""


class FetchedFile(msgspec.Struct, omit_defaults=True):
    """A finished file."""

    name: str
    """Its path in the folder."""
    url: str
    bytes: int
    sha256: str
    date: str
    """When it was finished, UTC."""
    etag: str | None = None
    last_modified: str | None = None
    records: int | None = None


class Part(msgspec.Struct, omit_defaults=True):
    """A download that has begun: the file `NAME.part`."""

    url: str
    etag: str | None = None
    last_modified: str | None = None
    total: int | None = None

    @property
    def validator(self) -> str | None:
        """What the rest may be asked for with (If-Range): nothing weak."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.last_modified


class FetchLog(msgspec.Struct):
    """What `fetch.json` holds: what was asked, what came, what it took, what is missing."""

    tool: str
    source: str
    query: str
    since: date | None
    started: str
    finished: str | None = None
    complete: bool = False
    """Whether everything that was asked for is here."""
    total: int | None = None
    """How many entries the register has of it, where it says so."""
    unit: str = "records"
    requests: int = 0
    retries: int = 0
    bytes: int = 0
    """What came over the network."""
    waited_s: float = 0.0
    """Seconds spent waiting: for the host's pace, because it asked for it, and before retries."""
    missing: list[str] = msgspec.field(default_factory=list)
    """What was asked for and not given, in words."""
    files: dict[str, FetchedFile] = msgspec.field(default_factory=dict)
    parts: dict[str, Part] = msgspec.field(default_factory=dict)
    """Downloads that have begun; empty when complete."""
    memory: dict[str, Any] = msgspec.field(default_factory=dict)
    """What the fetcher needs to go on; empty when complete."""

    @property
    def records(self) -> int | None:
        """How many records the files hold, where that is known of every one."""
        counts = [file.records for file in self.files.values()]
        known = [count for count in counts if count is not None]
        return sum(known) if counts and len(known) == len(counts) else None


class Clock:
    """Time, so that a test can do without it."""

    def now(self) -> float:
        """Seconds from a fixed point, never backwards."""
        return time.monotonic()

    def utc(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class State(msgspec.Struct, frozen=True):
    """How far a fetch is, for who shows it."""

    done: float
    total: float | None
    unit: str
    detail: str


class _Again(Exception):
    """The request may succeed when it is repeated, after `wait` seconds if the server said so."""

    def __init__(self, what: str, wait: float | None = None) -> None:
        super().__init__(what)
        self.wait = wait


class _Request(msgspec.Struct, frozen=True):
    """One request as the fetcher made it."""

    url: str
    json: Any = None
    form: Mapping[str, str] | None = None
    headers: Mapping[str, str] = {}

    @property
    def method(self) -> str:
        return "GET" if self.json is None and self.form is None else "POST"


Parameters = Mapping[str, str | int | Sequence[str]]


class Session:
    """One run of a fetcher: the only way to the network, and the keeper of the output folder."""

    def __init__(
        self,
        folder: Path,
        log: FetchLog,
        *,
        hosts: Sequence[str],
        requests_per_minute: float,
        mirror: str | None = None,
        progress: Callable[[State], None] | None = None,
        clock: Clock | None = None,
        timeout_s: float = 60,
        read_bytes: int = READ_BYTES,
        save_bytes: int = SAVE_BYTES,
    ) -> None:
        self.folder = folder
        self.log = log
        self._hosts = frozenset(hosts)
        self._mirror = urlsplit(mirror) if mirror else None
        self._progress = progress or (lambda state: None)
        self._clock = clock or Clock()
        self._timeout_s = timeout_s
        self._read_bytes, self._save_bytes = read_bytes, save_bytes
        self._seconds_between = 60 / requests_per_minute
        self._next: dict[str, float] = {}
        self._client: httpx2.Client | None = None
        self._journal: IO[bytes] | None = None
        self._attempt: stamina.Attempt | None = None
        self._is_online = False
        self._counted = sum(file.records or 0 for file in log.files.values())

    # --- what a fetcher calls

    def read(
        self,
        url: str,
        *,
        params: Parameters | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        kind: Kind = "json",
        name: str | None = None,
        check: Callable[[bytes], str | None] | None = None,
    ) -> bytes:
        """The whole answer of an address, in memory: GET, or POST if `json` or `form` is given.

        With a `name` it is also kept under this name; if it was already, by this run or an earlier one, it comes from
        there and the network is not asked. `check` says what is wrong with an answer that came whole and with status
        200, such as an error report instead of data; it is asked for again then, as after any other passing fault.
        Raises Refused (its `status` says which 4xx) and FetchFailed.
        """
        if name is not None:
            self._path(name)
            if (kept := self.kept(name)) is not None:
                return kept
        request = _Request(_with(url, params), json, form, headers or {})
        data, response_headers = self._attempts(request.url, lambda: self._whole(request, kind, check))
        if name is not None:
            self._keep(name, data, request.url, response_headers)
        return data

    def save(
        self,
        name: str,
        url: str,
        *,
        params: Parameters | None = None,
        headers: Mapping[str, str] | None = None,
        kind: Kind = "text",
        md5: str | None = None,
    ) -> Path:
        """Download an address (GET) to a file of the folder, whatever its size; returns its path.

        A download that broke off is continued where the server allows it; a file that changed meanwhile is begun
        again. A finished one is not fetched a second time. `md5`: what the file must have, in hexadecimal.
        """
        path = self._path(name)
        if self.has(name):
            return path
        request = _Request(_with(url, params), headers=headers or {})
        while not self._attempts(request.url, lambda: self._download(name, path, request, kind, md5)):
            self.log.retries += 1
        return path

    def keep(self, name: str, data: bytes, url: str, *, params: Parameters | None = None) -> Path:
        """Keep data that came from an address, in the words it came in, as a file of the folder."""
        return self._keep(name, data, _with(url, params), {})

    def kept(self, name: str) -> bytes | None:
        """What a finished file holds; None if there is none of this name."""
        return (self.folder / name).read_bytes() if self.has(name) else None

    def has(self, name: str) -> bool:
        """Whether a file of this name is finished."""
        return name in self.log.files

    def expect(self, total: int | None, unit: str) -> None:
        """Say how many records (studies, articles, files) there will be in all, for the progress and the summary."""
        self.log.total, self.log.unit = total, unit
        self.show()

    def count(self, name: str, records: int) -> None:
        """Say how many records a finished file holds."""
        file = self.log.files[name]
        if file.records != records:
            self._counted += records - (file.records or 0)
            file.records = records
            self._note({"file": file})
        self.show()

    def lacks(self, what: str) -> None:
        """Say what was asked for and did not come, in a few words; the summary repeats it."""
        if what not in self.log.missing:
            self.log.missing.append(what)
            self._note({"missing": what})

    def remember(self, key: str, value: Any) -> None:
        """Keep a JSON value until the fetch is complete, so that the next run can go on from it."""
        self.log.memory[key] = value
        self._note({"memory": [key, value]})

    def recall(self, key: str) -> Any:
        """What was remembered, by this run or an earlier one; None if nothing."""
        return self.log.memory.get(key)

    def pace(self, requests_per_minute: float) -> None:
        """Change the number of requests a minute, where a host allows more to a user who has a key."""
        self._seconds_between = 60 / requests_per_minute

    # --- requests

    def _whole(
        self, request: _Request, kind: Kind, check: Callable[[bytes], str | None] | None
    ) -> tuple[bytes, Mapping[str, str]]:
        with self._answer(request, {}) as response:
            parts: list[bytes] = []
            size, limit, began = 0, self._read_bytes, self._clock.now()
            for chunk in self._body(response.iter_bytes()):
                size += len(chunk)
                if size > limit:
                    raise FetchFailed(f"{_short(request.url)} gives more than {limit:,} bytes and does not end.")
                if self._clock.now() - began > LONGEST_READ:
                    raise FetchFailed(f"{_short(request.url)} does not end within {LONGEST_READ / 60:.0f} minutes.")
                parts.append(chunk)
            data = b"".join(parts)
            _check_page(data[:_HEAD], request.url, kind)
            _check_whole(io.BytesIO(data), kind)
            if check is not None and (complaint := check(data)):
                raise _Again(complaint)
            return data, response.headers

    def _download(self, name: str, path: Path, request: _Request, kind: Kind, md5: str | None) -> bool:
        """One request for the file or its rest; False if it went forward and has to be continued."""
        partial = path.with_name(path.name + PART_SUFFIX)
        part = self.log.parts.get(name)
        have = partial.stat().st_size if partial.exists() else 0
        asked = {"Accept-Encoding": "identity"}
        if have and part and part.url == request.url and part.validator:
            asked |= {"Range": f"bytes={have}-", "If-Range": part.validator}
        else:
            have, part = 0, None
        with self._answer(request, asked) as response:
            headers = response.headers
            if part is None or response.status_code == 200:
                have, part = 0, Part(request.url, headers.get("etag"), headers.get("last-modified"), _length(headers))
            elif not _goes_on(part, have, response.status_code, headers):
                self._forget(name, partial)
                raise _Again("the file changed during the download")
            if response.status_code != 416 and not self._write(name, partial, part, have, response, kind):
                return False
        self._finish(name, path, partial, part, kind, md5)
        return True

    def _write(self, name: str, partial: Path, part: Part, have: int, response: httpx2.Response, kind: Kind) -> bool:
        """Write what comes behind the bytes that are there; False if it broke off and can be continued."""
        chunks = self._body(response.iter_raw())
        head, broken = b"", None
        if have == 0:
            head, broken = _first(chunks)
            _check_page(head, part.url, kind)  # before what is there is given up for it
            partial.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(b"")
            self.log.parts[name] = part
            self._note({"part": [name, part]})
        size, limit = have, min(max(self._save_bytes, part.total or 0), LARGEST_BYTES)
        try:
            with partial.open("ab") as file:
                for chunk in itertools.chain([head], chunks):
                    file.write(chunk)
                    size += len(chunk)
                    if size > limit:
                        self._forget(name, partial)
                        raise FetchFailed(f"{_short(part.url)} gives more than {limit:,} bytes and does not end.")
                    self.show()
            if broken:
                raise broken
            if part.total is not None and size < part.total:
                raise _Again(f"the answer ends after {size:,} of {part.total:,} bytes")
        except _Again:
            if part.validator and size > have:
                return False
            raise
        return True

    def _finish(self, name: str, path: Path, partial: Path, part: Part, kind: Kind, md5: str | None) -> None:
        try:
            with partial.open("rb") as file:
                _check_whole(file, kind)
                file.seek(0)
                if md5 and hashlib.file_digest(file, "md5").hexdigest() != md5.lower():
                    raise _Again("the file does not have the checksum that it should")
                file.seek(0)
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        except _Again:
            self._forget(name, partial)
            raise
        size = partial.stat().st_size
        self._done(FetchedFile(name, part.url, size, sha256, self._stamp(), part.etag, part.last_modified))
        partial.replace(path)
        self.show()

    def _forget(self, name: str, partial: Path) -> None:
        """Begin a download again."""
        self.log.parts.pop(name, None)
        partial.unlink(missing_ok=True)

    def _attempts(self, url: str, once: Callable[[], T]) -> T:
        """What a request gives, after as many attempts as it takes; waits pass on the session's clock."""
        import stamina

        log = logging.getLogger("stamina")
        if not log.handlers:
            log.addHandler(logging.NullHandler())  # retries are shown as progress
        attempts = stamina.retry_context(
            on=self._wait_after, attempts=ATTEMPTS, timeout=None, wait_initial=1, wait_max=60, wait_jitter=0
        )
        try:
            for attempt in attempts:
                self._attempt = attempt
                with attempt:
                    return once()
        except _Again as error:
            raise FetchFailed(f"{_short(url)}: {error}, {ATTEMPTS} times. {_KEPT}") from None
        raise AssertionError("the last attempt returns or raises")

    def _wait_after(self, error: Exception) -> bool | float:
        """Whether a request is to be repeated. The waiting is done here, on a clock that tests can turn."""
        if not isinstance(error, _Again):
            return False
        if self._attempt and self._attempt.num < ATTEMPTS:
            seconds = self._attempt.next_wait if error.wait is None else error.wait
            if seconds > LONGEST_WAIT:
                raise FetchFailed(f"{error}; it asks to come back in {seconds / 60:,.0f} minutes. {_KEPT}")
            self.log.retries += 1
            self._wait(seconds, f"{error}; again in {seconds:.0f} s")
        return 0.0

    def _wait(self, seconds: float, why: str) -> None:
        if seconds > 0:
            self.show(why)
            self.log.waited_s += seconds
            self._clock.sleep(seconds)

    @contextlib.contextmanager
    def _answer(self, request: _Request, headers: Mapping[str, str]) -> Iterator[httpx2.Response]:
        """One answer that is neither an error nor a redirect; its body is not read yet."""
        import httpx2

        url, method = request.url, request.method
        for _ in range(_REDIRECTS + 1):
            parts = urlsplit(url)
            if parts.scheme != "https" or parts.hostname not in self._hosts:
                raise FetchFailed(f"{_short(request.url)} leads to {_short(url)}, no https address of this source.")
            address = self._mirrored(parts)
            self._keep_pace(address)
            self.log.requests += 1
            try:
                built = self._open().build_request(
                    method,
                    address,
                    json=request.json if method == "POST" else None,
                    data=request.form if method == "POST" else None,
                    headers={**request.headers, **headers},
                )
                response = self._open().send(built, stream=True)
            except httpx2.TransportError as error:
                tried = self._attempt.num if self._attempt else 1
                if isinstance(error, httpx2.ConnectError) and not self._is_online and tried >= ATTEMPTS_OFFLINE:
                    host = urlsplit(address).hostname
                    raise FetchFailed(
                        f"{host} cannot be reached: {_words(error)}. Is there a network? {_KEPT}"
                    ) from None
                raise _Again(_words(error)) from None
            except (httpx2.InvalidURL, UnicodeError):
                raise FetchFailed(f"{_short(url)} is no address.") from None
            self._is_online = True
            with contextlib.closing(response):
                if response.status_code not in (301, 302, 303, 307, 308):
                    self._judge(request.url, response, is_rest="Range" in headers)
                    yield response
                    return
                target = urljoin(address, response.headers.get("location", ""))
                url = self._unmirrored(target, parts)
                if response.status_code in (301, 302, 303):
                    method = "GET"
        raise FetchFailed(f"{_short(request.url)} leads from one address to the next without end.")

    def _judge(self, url: str, response: httpx2.Response, *, is_rest: bool) -> None:
        """Raise what a status means that is no success; `is_rest`: only the rest of a file was asked for."""
        status = response.status_code
        if status == 200 or (is_rest and status in (206, 416)):
            return
        words = f"{status} {response.reason_phrase}".strip()
        if status in _PASSING:
            wait = _retry_after(response.headers.get("retry-after", ""), self._clock.utc())
            raise _Again(f"{urlsplit(url).hostname} answers {words}", wait)
        if 400 <= status < 500:
            said = self._said(response)
            raise Refused(
                f"{_short(url)} answers {words}{': ' + said if said else ''}. Nothing that was fetched is lost. What "
                f"can be asked for: trialpanorama sources {self.log.source}",
                status,
            )
        raise FetchFailed(f"{_short(url)} answers {words}, which is neither data nor an error that passes. {_KEPT}")

    def _said(self, response: httpx2.Response) -> str:
        """The reason that an error's body gives, as one short line."""
        data = b""
        with contextlib.suppress(_Again):
            for chunk in self._body(response.iter_bytes()):
                data += chunk
                if len(data) >= 2**14:
                    break
        text = page_title(data) or re.sub(r"<[^>]*>", " ", data.decode("utf-8", "replace"))
        text = " ".join(html.unescape(text).split())
        return text if len(text) <= 200 else text[:197] + "..."

    def _body(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """The chunks of a body as they arrive, so that none is lost; a break of any kind is an `_Again`."""
        import httpx2

        began, size = self._clock.now(), 0
        try:
            for chunk in chunks:
                size += len(chunk)
                self.log.bytes += len(chunk)
                if chunk:
                    yield chunk
                seconds = self._clock.now() - began
                if seconds > 300 and size / seconds < _SLOWEST:
                    raise _Again("the answer drips and does not end")
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            raise _Again(_words(error)) from None

    def _open(self) -> httpx2.Client:
        if self._client is None:
            import httpx2

            self._client = httpx2.Client(
                headers={"User-Agent": _user_agent(), "Accept": "*/*"},
                verify=_certificates(),
                timeout=self._timeout_s,
                limits=httpx2.Limits(max_connections=len(self._hosts), max_keepalive_connections=len(self._hosts)),
                follow_redirects=False,
                trust_env=self._mirror is None or not _is_here(self._mirror),  # no proxy between a machine and itself
            )
        return self._client

    def _keep_pace(self, address: str) -> None:
        parts = urlsplit(address)
        if _is_here(parts):
            return  # this machine's own mirror needs no manners
        host, now = parts.hostname or "", self._clock.now()
        due = self._next.get(host, now)
        if due > now:
            self.log.waited_s += due - now
            self._clock.sleep(due - now)
        self._next[host] = max(due, now) + self._seconds_between

    def _mirrored(self, parts: SplitResult) -> str:
        if self._mirror is None:
            return urlunsplit(parts)
        path = self._mirror.path.rstrip("/") + parts.path
        return urlunsplit((self._mirror.scheme, self._mirror.netloc, path, parts.query, ""))

    def _unmirrored(self, target: str, before: SplitResult) -> str:
        """Where a redirect leads, as if there were no mirror."""
        parts = urlsplit(target)
        if self._mirror is None or parts.netloc != self._mirror.netloc:
            return target
        path = parts.path.removeprefix(self._mirror.path.rstrip("/"))
        return urlunsplit((before.scheme, before.netloc, path, parts.query, ""))

    # --- the folder

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name) or name.endswith(PART_SUFFIX) or name == LOG_NAME:
            raise ValueError(f"{name!r} is no name for a file of a fetch")
        return self.folder / name

    def _keep(self, name: str, data: bytes, url: str, headers: Mapping[str, str]) -> Path:
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + PART_SUFFIX)
        partial.write_bytes(data)
        sha256 = hashlib.sha256(data).hexdigest()
        validators = headers.get("etag"), headers.get("last-modified")
        self._done(FetchedFile(name, url, len(data), sha256, self._stamp(), *validators))
        partial.replace(path)
        self.show()
        return path

    def _done(self, file: FetchedFile) -> None:
        """Write down that a file is whole, before it gets its name: a kill between the two is mended by `resume`."""
        self.log.files[file.name] = file
        self.log.parts.pop(file.name, None)
        self._note({"file": file})

    def _note(self, fact: dict[str, Any]) -> None:
        """Add a line to the journal: what has happened since `fetch.json` was written."""
        if self._journal is None:
            self._journal = (self.folder / (LOG_NAME + PART_SUFFIX)).open("ab")
        self._journal.write(msgspec.json.encode(fact) + b"\n")
        self._journal.flush()

    def _stamp(self) -> str:
        return self._clock.utc().isoformat(timespec="seconds")

    def show(self, detail: str = "") -> None:
        """Say how far the fetch is."""
        log = self.log
        fetched = f"{len(log.files):,} files, {log.bytes / 1e6:,.1f} MB"
        done = len(log.files) if log.unit == "files" else self._counted
        self._progress(State(done, log.total, log.unit, f"{fetched}; {detail}" if detail else fetched))

    def close(self, *, complete: bool) -> None:
        """Write `fetch.json` and let go of network and files."""
        if self._client is not None:
            self._client.close()
        if self._journal is not None:
            self._journal.close()
            self._journal = None
        if complete:
            self.log.complete, self.log.finished = True, self._stamp()
            self.log.memory.clear()
            self.log.parts.clear()
        write_log(self.folder, self.log)


_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")


@cache
def _certificates() -> ssl.SSLContext:
    """The authorities that are trusted; reading them takes longer than most requests."""
    import httpx2

    return httpx2.create_ssl_context()


def _user_agent() -> str:
    """Who asks: the product, its version, and the project's page where the release names one."""
    from importlib.metadata import PackageNotFoundError, metadata

    from trialpanorama import __version__

    pages: list[str] = []
    with contextlib.suppress(PackageNotFoundError):
        pages = metadata("trialpanorama").get_all("Project-URL") or []
    page = f" (+{pages[0].rpartition(', ')[2]})" if pages else ""
    return f"TrialPanorama/{__version__}{page}"


def fetch(
    source: Fetchable,
    wanted: Wanted,
    folder: Path,
    *,
    mirror: str | None = None,
    progress: Callable[[State], None] | None = None,
    clock: Clock | None = None,
    **settings: Any,
) -> FetchLog:
    """Fetch what is wanted of a source into a folder, or what is still missing of it; returns what `fetch.json` says.

    `mirror` replaces scheme and host of every address; `settings` are those of Session. Raises UserError where the
    source is not fetched or the folder belongs to another fetch or cannot be written, Refused and FetchFailed for what
    the network does; what is finished stays.
    """
    if source.fetch is None:
        raise UserError(f"{source.name} is not fetched: {source.no_fetch} See: trialpanorama sources {source.name}")
    try:
        clock = clock or Clock()
        with _only_one_fetch(folder, source, wanted, clock) as log:
            if not log.complete:
                hosts, pace = source.fetch.hosts, source.fetch.requests_per_minute
                session = Session(
                    folder,
                    log,
                    hosts=hosts,
                    requests_per_minute=pace,
                    mirror=mirror,
                    progress=progress,
                    clock=clock,
                    **settings,
                )
                complete = False
                session.show()
                try:
                    source.fetch.run(session, wanted)
                    complete = True
                finally:
                    session.close(complete=complete)
            return log
    except OSError as error:
        raise UserError(f"{error.filename or folder}: {error.strerror or error}. {_KEPT}") from error


@contextlib.contextmanager
def _only_one_fetch(folder: Path, source: Fetchable, wanted: Wanted, clock: Clock) -> Iterator[FetchLog]:
    """The log of the folder, new or to go on with; no other fetch works in it meanwhile."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file. Name a folder: --out DIR")
    names = [path.name for path in folder.iterdir()] if folder.exists() else []
    if LOG_NAME not in names and not all(name.startswith(LOG_NAME) for name in names):
        raise UserError(f"{folder} holds files that no fetch has written. Name a new folder: --out DIR")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / (LOG_NAME + PART_SUFFIX)).open("ab") as lock:
        try:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:
            pass
        except OSError:
            raise UserError(f"Another fetch works in {folder}. Wait for it, or name another --out DIR") from None
        log = resume(folder)
        if log is None:
            from trialpanorama import __version__

            started = clock.utc().isoformat(timespec="seconds")
            log = FetchLog(f"trialpanorama {__version__}", source.name, wanted.query, wanted.since, started)
        elif (log.source, log.query, log.since) != (source.name, wanted.query, wanted.since):
            asked = f"{log.source}" + (f' --query "{log.query}"' if log.query else "")
            asked += f" --since {log.since}" if log.since else ""
            raise UserError(f"{folder} belongs to another fetch ({asked}). Name another folder: --out DIR")
        write_log(folder, log)
        try:
            yield log
        finally:
            if log.complete:
                (folder / (LOG_NAME + PART_SUFFIX)).unlink(missing_ok=True)


def resume(folder: Path) -> FetchLog | None:
    """What is known of a fetch into a folder: `fetch.json` and the journal since; None if there was none.

    A file that was written down and does not have its name yet gets it; one that is gone is fetched again.
    """
    try:
        log = msgspec.json.decode((folder / LOG_NAME).read_bytes(), type=FetchLog)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise UserError(f"{folder / LOG_NAME} cannot be read ({error}). Name a new folder: --out DIR") from None
    journal = folder / (LOG_NAME + PART_SUFFIX)
    for line in journal.read_bytes().splitlines() if journal.exists() else ():
        try:
            fact = msgspec.json.decode(line)
        except msgspec.DecodeError:
            break  # a kill came while the last line was written
        for kind, value in fact.items():
            if kind == "file":
                file = msgspec.convert(value, FetchedFile)
                log.files[file.name] = file
                log.parts.pop(file.name, None)
            elif kind == "part":
                log.parts[value[0]] = msgspec.convert(value[1], Part)
            elif kind == "memory":
                log.memory[value[0]] = value[1]
            elif kind == "missing" and value not in log.missing:
                log.missing.append(value)
    for file in list(log.files.values()):
        path = folder / file.name
        partial = path.with_name(path.name + PART_SUFFIX)
        if not path.exists() and partial.exists() and partial.stat().st_size == file.bytes:
            partial.replace(path)
        if not path.exists() or path.stat().st_size != file.bytes:
            del log.files[file.name]
            log.complete, log.finished = False, None
    return log


def write_log(folder: Path, log: FetchLog) -> None:
    """Write `fetch.json` in one step, and begin the journal anew."""
    path = folder / LOG_NAME
    temporary = path.with_name(path.name + ".new" + PART_SUFFIX)
    temporary.write_bytes(msgspec.json.format(msgspec.json.encode(log), indent=1) + b"\n")
    temporary.replace(path)
    journal = folder / (LOG_NAME + PART_SUFFIX)
    if journal.exists():
        os.truncate(journal, 0)


# --- what an answer says


def _with(url: str, params: Parameters | None) -> str:
    if not params:
        return url
    return url + ("&" if "?" in url else "?") + urlencode(params, doseq=True)


def _words(error: Exception) -> str:
    """A fault of the connection in a few words."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).lower()
    return f"{name} ({error})" if str(error) else name


def _retry_after(value: str, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for: a number or an HTTP date; None if it says nothing readable."""
    from email.utils import parsedate_to_datetime  # which loads socket

    if re.fullmatch(r"[0-9]{1,9}", value.strip()):
        return float(value)
    try:
        then = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    return max((then - now).total_seconds(), 0.0)


def _length(headers: Mapping[str, str]) -> int | None:
    """How many bytes a whole answer announces."""
    found = re.fullmatch(r"[0-9]+", headers.get("content-length", ""))
    return int(found[0]) if found else None


def _goes_on(part: Part, have: int, status: int, headers: Mapping[str, str]) -> bool:
    """Whether an answer is the rest (206), or the news that there is none (416), of the file that was begun."""
    found = re.fullmatch(r"bytes (?:([0-9]+)-[0-9]+|\*)/([0-9]+|\*)", headers.get("content-range", "").strip())
    if found is None or (part.etag and headers.get("etag", part.etag) != part.etag):
        return False
    total = None if found[2] == "*" else int(found[2])
    if status == 416:
        return total == have
    return found[1] == str(have) and (None in (total, part.total) or total == part.total)


def _is_here(parts: SplitResult) -> bool:
    return parts.hostname in ("localhost", "127.0.0.1", "::1")


def _short(url: str) -> str:
    """An address for a message."""
    return url if len(url) <= 200 else url[:197] + "..."


_PAGE = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?>(?>(?:<\?xml[^>]*>|<!--.*?-->)\s*)*)<(?:!doctype\s+html|html)[\s>]", re.I | re.S
)


def _first(chunks: Iterator[bytes]) -> tuple[bytes, _Again | None]:
    """The beginning of a body, enough to tell what it is, and what broke it off there, if anything did."""
    head = b""
    try:
        for chunk in chunks:
            head += chunk
            if len(head) >= _HEAD:
                break
    except _Again as error:
        return head, error
    return head, None


def _check_page(head: bytes, url: str, kind: Kind) -> None:
    """Refuse a web page where data was expected: error pages and log-ins come with status 200 too."""
    if kind != "html" and _PAGE.match(head):
        raise _Again(f"{urlsplit(url).hostname} gives a web page instead of data ({page_title(head) or 'no title'})")


def page_title(head: bytes) -> str:
    """The title of a web page, for a message; empty if it has none."""
    found = re.search(rb"<title[^>]*>(.*?)</title>", head, re.I | re.S)
    return " ".join(html.unescape(found[1].decode("utf-8", "replace")).split())[:120] if found else ""


def _check_whole(file: IO[bytes], kind: Kind) -> None:
    """Refuse a body that is not of its kind, or only the beginning of one."""
    if not _is_whole(file, kind):
        raise _Again(f"the answer is not whole, or no {kind}")


def _is_whole(file: IO[bytes], kind: Kind) -> bool:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if kind == "text":
        return True
    if kind == "html":
        return file.read().rstrip().lower().endswith(b"</html>")
    if kind == "zip":
        return zipfile.is_zipfile(file)
    if kind == "json":
        try:
            msgspec.json.decode(file.read().removeprefix(b"\xef\xbb\xbf"), type=msgspec.Raw)
        except msgspec.DecodeError:
            return False
        return True
    if kind == "gzip":
        try:
            with gzip.open(file) as unpacked:
                while unpacked.read(2**20):
                    pass
        except (OSError, EOFError, zlib.error):
            return False
        return size > 0
    head = file.read(_HEAD).lstrip(b"\xef\xbb\xbf \t\r\n")
    root = _ROOT.match(head)
    if root is None:
        return False
    file.seek(max(size - 1024, 0))
    tail = _COMMENTS_AT_END.sub(b"", file.read().rstrip())
    is_alone = re.fullmatch(rb"[^<>]*/>\s*", head[root.end() :])
    return bool(is_alone or re.search(rb"</" + re.escape(root[1]) + rb"\s*>$", tail))


_ROOT = re.compile(rb"(?>(?>(?:<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*(?:\[.*?\]\s*)?>)\s*)*)<([^\s/>!?]+)", re.DOTALL)
_COMMENTS_AT_END = re.compile(rb"(?:\s*<!--[^<]*-->)+$")
