"""A server on this machine that plays a register's interface, and what real servers do wrong.

A register is a `Service` in a file of its own, `tests/replay/SOURCE.py` with a `SERVICE`: a function from what is asked
to what is answered, and the ids of the records that a fetch of it must bring. `tests/sources/test_fetching.py` plays
every service there is with every fault. What is the same everywhere is done here: Range and If-Range for a reply with
an ETag or Last-Modified, Content-Length, connections that stay open.

    def _answer(asked: Asked) -> Reply:
        if asked.path == "/api/trials" and asked.parameters.get("page") == "1":
            return Reply(json.dumps(...).encode(), "application/json")
        return Reply(b"no such page", status=404)

    SERVICE = Service(answer=_answer, runs=(Run(Wanted(), ("ISRCTN90000001", ...)),))
"""

from __future__ import annotations

import contextlib
import importlib
import json
import pkgutil
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from trialpanorama.fetching import Clock, FetchLog, Wanted, fetch
from trialpanorama.sources import Source

ERROR_PAGE = b"<!DOCTYPE html>\n<html><head><title>Down for maintenance</title></head><body>Come back.</body></html>\n"


@dataclass(frozen=True)
class Asked:
    """A request."""

    method: str
    path: str
    """Without the parameters."""
    parameters: dict[str, str]
    """Of the address; the last, where one is repeated."""
    headers: dict[str, str]
    """With names in lower case."""
    body: bytes

    @property
    def json(self) -> Any:
        """The body of a POST as JSON."""
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        """The body of a POST as a form."""
        return {key: values[-1] for key, values in parse_qs(self.body.decode()).items()}

    @property
    def key(self) -> tuple[str, str, str, bytes]:
        """What makes two requests the same."""
        return self.method, self.path, repr(sorted(self.parameters.items())), self.body


@dataclass(frozen=True)
class Reply:
    """What an undisturbed service answers."""

    body: bytes
    type: str = "text/plain"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """Something to ask of a service, and what must come."""

    wanted: Wanted
    ids: tuple[str, ...]
    """`Record.id` of every record that a build of the fetched folder must have, each as often as it is there."""


@dataclass(frozen=True)
class Service:
    """A register's interface."""

    answer: Callable[[Asked], Reply]
    runs: tuple[Run, ...]
    """The first is played with every fault, the others without."""


FaultKind = Literal[
    "cut", "reset", "stall", "busy", "down", "web_page", "changed", "changed_unsaid", "endless", "too_long", "too_short"
]


@dataclass(frozen=True)
class Fault:
    """What goes wrong with the first `times` answers of every address."""

    kind: FaultKind
    """cut, reset, stall: after `after` bytes of the body (from its end if negative) the connection is closed, reset or
    falls silent; busy: 429 with Retry-After; down: 500 and 503; web_page: an error page with status 200; changed: an
    older file, cut in the middle, and then another one; changed_unsaid: the same from a server that ignores If-Range;
    endless: a body that never ends; too_long, too_short: a Content-Length that is wrong."""
    times: int = 1
    after: int = 0
    retry_after: str = "7"


_OLDER = {"ETag": '"older"', "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}


def services() -> dict[str, Service]:
    """Every service, by the name of its source."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
    return {name: importlib.import_module(f"{__name__}.{name}").SERVICE for name in names}


class Replay:
    """A service that is being played."""

    def __init__(
        self,
        service: Service,
        fault: Fault | Callable[[int], Fault | None] | None = None,
        *,
        gate: threading.Event | None = None,
    ) -> None:
        """The fault is the same for every address, or chosen for each request by how many addresses came before."""
        self.service = service
        self.fault = fault
        self.asked: list[Asked] = []
        """Every request, in order."""
        self.gate = gate
        """If given, answers wait for it from the third request on."""
        self.stop = threading.Event()
        self._seen: dict[tuple[str, str, str, bytes], list[int]] = {}
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.replay = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def note(self, asked: Asked) -> tuple[int, int, int]:
        """Count a request; returns how many requests, other addresses, and requests of this one, there were before."""
        with self._lock:
            self.asked.append(asked)
            seen = self._seen.setdefault(asked.key, [len(self._seen), -1])
            seen[1] += 1
            return len(self.asked) - 1, seen[0], seen[1]

    def __enter__(self) -> Replay:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    replay: Replay

    def handle_error(self, *_: object) -> None:
        """A client that went away is no news."""


@dataclass(frozen=True)
class _Served:
    """What goes over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes
    length: int | None
    """The Content-Length that is announced; None: none, and the connection is closed after the body."""
    ending: Literal["", "close", "reset", "stall", "endless"] = ""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def _play(self) -> None:
        replay = self.server.replay
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parameters = {key: values[-1] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
        headers = {key.lower(): value for key, value in self.headers.items()}
        asked = Asked(self.command, parts.path, parameters, headers, body)
        number, addresses, before = replay.note(asked)
        if replay.gate is not None and number >= 2:
            while not (replay.gate.wait(0.05) or replay.stop.is_set()):
                pass
        fault = replay.fault(addresses) if callable(replay.fault) else replay.fault
        fault = fault if fault and before < fault.times else None
        with contextlib.suppress(OSError):
            self._send(_disturbed(fault, before, asked, replay.service.answer(asked)))

    do_GET = do_POST = do_HEAD = do_PUT = do_DELETE = _play

    def _send(self, served: _Served) -> None:
        self.send_response(served.status)
        for name, value in served.headers.items():
            self.send_header(name, value)
        if served.length is not None:
            self.send_header("Content-Length", str(served.length))
        if served.length is None or served.ending:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(served.body)
        self.wfile.flush()
        if served.ending == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        while served.ending == "endless" and not self.server.replay.stop.is_set():
            self.wfile.write(b" " * 2**14)
        if served.ending == "stall":
            self.server.replay.stop.wait(30)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _disturbed(fault: Fault | None, before: int, asked: Asked, reply: Reply) -> _Served:
    if fault is None:
        return _served(asked, reply)
    kind = fault.kind
    if kind == "busy":
        return _served(asked, Reply(b"slow down", status=429, headers={"Retry-After": fault.retry_after}))
    if kind == "down":
        return _served(asked, Reply(b"", status=(503, 500)[before % 2]))
    if kind == "web_page":
        return _served(asked, Reply(ERROR_PAGE, "text/html"))
    if kind in ("changed", "changed_unsaid") and before == 0:
        headers = {name: _OLDER.get(name, value) for name, value in reply.headers.items()}
        served = _served(asked, replace(reply, body=b"older" + reply.body[5:] + b"older", headers=headers))
        return replace(served, body=served.body[: len(served.body) // 2], ending="close")
    if kind == "changed_unsaid":
        asked = replace(asked, headers={k: v for k, v in asked.headers.items() if k != "if-range"})
    served = _served(asked, reply)
    if kind in ("changed", "changed_unsaid"):
        return served
    if kind == "endless":
        return replace(served, length=None, ending="endless")
    if kind == "too_long":
        return replace(served, length=len(served.body) + 7, ending="close")
    if kind == "too_short":
        return replace(served, length=max(len(served.body) - 7, 0), ending="close")
    ending: Any = {"cut": "close", "reset": "reset", "stall": "stall"}[kind]
    return replace(served, body=served.body[: fault.after] if fault.after else b"", ending=ending)


def _served(asked: Asked, reply: Reply) -> _Served:
    """A reply as an honest server gives it: the part that was asked for, if there is a validator."""
    headers = {"Content-Type": reply.type, **reply.headers}
    validators = {reply.headers[name] for name in ("ETag", "Last-Modified") if name in reply.headers}
    wanted = asked.headers.get("range", "")
    if reply.status != 200 or not validators or not wanted.startswith("bytes="):
        return _Served(reply.status, headers, reply.body, len(reply.body))
    if asked.headers.get("if-range", next(iter(validators))) not in validators:
        return _Served(200, headers, reply.body, len(reply.body))
    start, size = int(wanted[6:].rstrip("-")), len(reply.body)
    if start >= size:
        return _Served(416, {"Content-Range": f"bytes */{size}"}, b"", 0)
    headers["Content-Range"] = f"bytes {start}-{size - 1}/{size}"
    return _Served(206, headers, reply.body[start:], size - start)


# --- fetching from it


class TurnedClock(Clock):
    """A clock on which waiting takes no time."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.waits: list[float] = []

    def now(self) -> float:
        return self.seconds

    def utc(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        self.waits.append(seconds)


def fetch_from(replay: Replay, source: Source, wanted: Wanted, folder: Path, **details: Any) -> FetchLog:
    """A fetch from a replayed service, with a clock that takes no time and small limits."""
    settings = {"clock": TurnedClock(), "timeout_s": 0.1, "read_bytes": 2**22, "save_bytes": 2**22} | details
    return fetch(source, wanted, folder, mirror=replay.url, **settings)


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a fetched folder, without what `fetch` says of it."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: data for name, data in found.items() if name != "fetch.json"}
