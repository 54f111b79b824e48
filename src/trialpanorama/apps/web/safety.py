"""What stands between the browser and the pages: who may ask, from where, how much, and what the answer may do.

It wraps any ASGI application and needs no library of its own, so that no route can be forgotten.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import ipaddress
import json
import secrets
import threading
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

SESSION, SIGNED_IN = "trialpanorama_session", "trialpanorama_signed_in"
"""Cookies."""
CSRF_FIELD = "csrf"
SCRIPT_HEADER = "x-requested-by"
"""A header that no page of another site can add to a request; it stands for the field in programs."""
LARGEST_BODY = 256 * 1024
"""Bytes of a request."""
LEAST_TOKEN = 16
"""Characters of a token that a user chooses."""
DRAINED, DRAINED_SECONDS = 2 * 2**30, 60
"""Bytes of a refused request, and seconds, that are read and thrown away, so that a browser gets to see why."""
_LOGGED = 2_000
"""Characters of a form's field in the audit log."""
_NOT_LOGGED = (CSRF_FIELD, "token", "draft")
"""Fields that are no business of the audit log; an application adds what is (`scope["state"]["written_down"]`)."""
_FREE = ("/login", "/static/")
"""What is answered without a token: the form that asks for it, and its looks."""

HEADERS = {
    # no script at all, and nothing from elsewhere
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    # with no-referrer a browser would send a form's Origin as null
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "private, no-cache",
}


SCRIPT_POLICY = HEADERS["content-security-policy"] + "; script-src 'self'; connect-src 'self'"
"""Of pages that say so (`scope["state"]["has_script"]`): scripts of this site, which ask this site alone."""


class Refusal(Exception):
    """A request that is not answered: the HTTP status and one clear line."""

    def __init__(self, status: int, why: str) -> None:
        self.status, self.why = status, why
        super().__init__(why)


def is_loopback(host: str) -> bool:
    """Whether an address to bind to can be reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Safety:
    """An application behind its guards.

    `token`: what has to be known to be let in; nobody is asked where it is None. `hosts`: names under which the
    application answers; any where it is None, which is safe only behind a token. `audit`: a file to which a line is
    added for each POST. `take_files`: takes in a form with files, sent to one of `takes_files`; the application finds
    it as `scope["state"]["received"]`, and what it does not keep is discarded.
    """

    def __init__(
        self,
        app: Application,
        *,
        token: str | None = None,
        hosts: Iterable[str] | None = ("127.0.0.1", "localhost", "[::1]"),
        audit: Path | None = None,
        take_files: Callable[[dict[str, str], Receive, Callable[[dict[str, str]], None]], Awaitable[Any]] | None = None,
        takes_files: Iterable[str] = (),
    ) -> None:
        self.app = app
        self._take_files, self._takes_files = take_files, frozenset(takes_files)
        self._token = token
        self._hosts = None if hosts is None else frozenset(hosts)
        self._audit = audit
        self._secret = secrets.token_bytes(32)
        self._writing = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        cookies = _cookies(headers.get("cookie", ""))
        session = cookies.get(SESSION, "")
        is_new = not (session.isalnum() and len(session) == 64)
        if is_new:
            session = secrets.token_hex(32)
        state = scope.setdefault("state", {})
        state["csrf"] = self._signature("csrf", session)
        state["has_token"] = self._token is not None
        answered = 500

        async def guarded(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = message["status"]
                said = [(name, value) for name, value in message.get("headers", ()) if name.decode() not in HEADERS]
                said += [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                if state.get("has_script"):
                    policy = b"content-security-policy"
                    said = [(name, SCRIPT_POLICY.encode() if name == policy else value) for name, value in said]
                if is_new and any(name == b"content-type" and value.startswith(b"text/html") for name, value in said):
                    said.append((b"set-cookie", _cookie(SESSION, session)))
                if state.get("signed_in"):
                    said.append((b"set-cookie", _cookie(SIGNED_IN, self._signature("token", self._token or ""))))
                message = {**message, "headers": said}
            await send(message)

        fields: dict[str, str] = {}
        received = None
        receive = reading = _Reading(receive)
        try:
            self._check_origin(scope, headers)
            if self._token is not None and not self._is_let_in(scope, headers, cookies):
                raise Refusal(401, "This needs the token that `trialpanorama serve` printed.")
            if scope["method"] == "POST":
                if self._take_files is not None and scope["path"] in self._takes_files:
                    received = await self._take_files(
                        headers, receive, lambda fields: self._check_form(headers, fields, session, is_new)
                    )
                    fields, state["received"], body = received.fields, received, b""
                else:
                    body = await _body(headers, receive)
                    fields = _fields(headers, body)
                    self._check_form(headers, fields, session, is_new)
                receive = _again(body)
            elif scope["method"] not in ("GET", "HEAD"):
                raise Refusal(405, "Only GET, HEAD and POST are answered.")
            if scope["path"] == "/login" and fields and self.is_token(fields.get("token", "")):
                state["signed_in"] = True
            scope["query_string"] = _without_blanks(scope.get("query_string", b""))
            await self.app(scope, receive, guarded)
        except Refusal as refusal:
            if scope["method"] == "POST" and "expect" not in headers:
                await reading.drain()
            if refusal.status == 401 and "text/html" in headers.get("accept", "") and scope["method"] == "GET":
                # after signing in, back to the page that was asked for
                asked = quote(scope["path"])
                await _answer(guarded, 303, "", (b"location", f"/login?next={asked}".encode()))
            else:
                await _answer(guarded, refusal.status, refusal.why)
        finally:
            if received is not None:
                received.discard()
            if scope["method"] == "POST":
                # forms with files hold drafts, in whatever field: of those only what the application says
                said = {} if received is not None else fields
                self._write_down(scope, {**said, **state.get("written_down", {})}, answered)

    def is_token(self, said: str) -> bool:
        """Whether this is the token, compared in constant time."""
        return self._token is not None and hmac.compare_digest(said.strip().encode(), self._token.encode())

    def _signature(self, purpose: str, value: str) -> str:
        return hmac.new(self._secret, f"{purpose}:{value}".encode(), sha256).hexdigest()

    def _check_origin(self, scope: Scope, headers: dict[str, str]) -> None:
        host = headers.get("host", "")
        if self._hosts is not None and _name(host) not in self._hosts:
            raise Refusal(421, f'This answers to {", ".join(sorted(self._hosts))} only, not to "{host[:80]}".')
        # a browser says when another site's page is behind a request; following a link from there is fine
        site, mode = headers.get("sec-fetch-site", "none"), headers.get("sec-fetch-mode", "navigate")
        if site in ("cross-site", "same-site") and (mode != "navigate" or scope["method"] == "POST"):
            raise Refusal(403, "Pages of other sites may not ask this one.")
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != host:
            raise Refusal(403, "Pages of other sites may not ask this one.")

    def _check_form(self, headers: dict[str, str], fields: dict[str, str], session: str, is_new: bool) -> None:
        if SCRIPT_HEADER in headers:
            return
        if is_new or not hmac.compare_digest(
            fields.get(CSRF_FIELD, "").encode(), self._signature("csrf", session).encode()
        ):
            raise Refusal(
                403,
                "The form is not one of this page, or is too old: load the page again (cookies have to be allowed). "
                f"A program sends the header {SCRIPT_HEADER} instead.",
            )

    def _is_let_in(self, scope: Scope, headers: dict[str, str], cookies: dict[str, str]) -> bool:
        if scope["path"].startswith(_FREE):
            return True
        said = headers.get("authorization", "")
        if said[:7].lower() == "bearer " and self.is_token(said[7:]):
            return True
        return hmac.compare_digest(
            cookies.get(SIGNED_IN, "").encode(), self._signature("token", self._token or "").encode()
        )

    def _write_down(self, scope: Scope, fields: dict[str, str], status: int) -> None:
        if self._audit is None:
            return
        line = {
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "client": (scope.get("client") or ("unknown",))[0],
            "path": scope["path"][:_LOGGED],
            "status": status,
            "fields": {name: value[:_LOGGED] for name, value in fields.items() if name not in _NOT_LOGGED},
        }
        with self._writing, self._audit.open("a", encoding="utf-8") as out:
            out.write(json.dumps(line, ensure_ascii=False) + "\n")


def _cookies(header: str) -> dict[str, str]:
    pairs = (part.strip().partition("=") for part in header.split(";"))
    return {name: value for name, _, value in pairs}


def _cookie(name: str, value: str) -> bytes:
    return f"{name}={value}; Path=/; HttpOnly; SameSite=Strict".encode()


def _name(host: str) -> str:
    """A Host header without its port."""
    return host[: host.rfind("]") + 1] if host.startswith("[") else host.partition(":")[0].lower()


async def _body(headers: dict[str, str], receive: Receive) -> bytes:
    refusal = Refusal(413, f"A request may have {LARGEST_BODY // 1024} KB at most.")
    said = headers.get("content-length", "0")
    if not said.isdecimal():
        raise Refusal(400, "The length of the request is not a number.")
    if int(said) > LARGEST_BODY:
        raise refusal
    parts, size, is_more = [], 0, True
    while is_more:
        message = await receive()
        if message["type"] != "http.request":
            raise Refusal(400, "The request ended early.")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > LARGEST_BODY:
            raise refusal
        is_more = message.get("more_body", False)
    return b"".join(parts)


class _Reading:
    """The body of a request as it is read, the rest of which can be thrown away."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._is_at_end = False

    async def __call__(self) -> Message:
        message = await self._receive()
        self._is_at_end = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def drain(self) -> None:
        """A browser that is still sending does not look at the answer: read on, and keep nothing."""
        size = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAINED_SECONDS):
                while not self._is_at_end and size < DRAINED:
                    size += len((await self()).get("body", b""))


def _again(body: bytes) -> Receive:
    """What hands on a body that was read already."""
    is_sent = False

    async def receive() -> Message:
        nonlocal is_sent
        if is_sent:
            return {"type": "http.disconnect"}
        is_sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _fields(headers: dict[str, str], body: bytes) -> dict[str, str]:
    """The first value of each field of a form."""
    if not body and SCRIPT_HEADER in headers:  # a program that has nothing to add
        return {}
    if headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise Refusal(415, "A form has to be sent as application/x-www-form-urlencoded.")
    try:
        return {name: values[0] for name, values in parse_qs(body.decode(), max_num_fields=100).items()}
    except ValueError:
        raise Refusal(400, "The form cannot be read.") from None


def _without_blanks(query: bytes) -> bytes:
    """A query string without the fields of a form that were left empty."""
    return b"&".join(part for part in query.split(b"&") if part and part.find(b"=") not in (-1, len(part) - 1))


async def _answer(send: Send, status: int, why: str, *more: tuple[bytes, bytes]) -> None:
    body = f"{why}\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode()), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
