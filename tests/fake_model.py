"""A language model for tests: an OpenAI-compatible server on this machine whose replies a test writes."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

Fault = Literal["reset", "cut"]
"""The connection is reset, or the body ends in the middle of its JSON."""
Answer = Callable[[dict[str, Any], int], tuple[int, dict[str, Any]] | Fault | None]


def mention(quote: str, kind: str = "condition", name: str = "", start: int = 0, **more: Any) -> dict[str, Any]:
    said = {"quote": quote, "start": start, "kind": kind, "name": name or quote, "id": None}
    return said | {"negated": False, "history": False} | more


def completion(content: str | None, finish: str = "stop", refusal: str | None = None) -> tuple[int, dict[str, Any]]:
    message = {"role": "assistant", "content": content, "refusal": refusal}
    usage = {"prompt_tokens": 500, "completion_tokens": 40, "total_tokens": 540}
    usage |= {"prompt_tokens_details": {"cached_tokens": 400}}  # type: ignore[dict-item]
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return 200, {
        "id": "1", "object": "chat.completion", "created": 1, "model": "tiny", "choices": [choice], "usage": usage,
    }  # fmt: skip


def mentions(*said: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    return completion(json.dumps({"mentions": said}))


NO_SCHEMA = (400, {"error": {"message": "response_format holds no strict schema"}})


def asks_for_schema(request: dict[str, Any]) -> bool:
    """Whether a request gives a strict schema as such servers want it: every object closed, every field required."""
    asked = request.get("response_format", {})
    schema = asked.get("json_schema", {}).get("schema", {})
    return asked.get("type") == "json_schema" and asked["json_schema"].get("strict") is True and is_strict(schema)


def is_strict(schema: dict[str, Any]) -> bool:
    """Whether a JSON Schema, and each in it, closes its objects and requires all of their fields."""
    if schema.get("type") == "object":
        fields = schema["properties"]
        is_closed = schema.get("additionalProperties") is False and set(schema.get("required", [])) == set(fields)
        return is_closed and all(is_strict(field) for field in fields.values())
    return is_strict(schema["items"]) if schema.get("type") == "array" else bool(schema)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away before its reply came is no error."""


class FakeServer:
    """An OpenAI-compatible server on this machine; `answer` gets each request and its number, None is a stall.

    It refuses requests that give no strict schema, unless told that it need not.
    """

    def __init__(self, *, needs_schema: bool = True) -> None:
        self.requests: list[dict[str, Any]] = []
        self.answer: Answer = lambda request, number: mentions()
        self.is_over = threading.Event()
        fake, lock = self, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with lock:
                    fake.requests.append(request | {"path": self.path})
                    number = len(fake.requests)
                answer = fake.answer(request, number) if not needs_schema or asks_for_schema(request) else NO_SCHEMA
                if answer is None:
                    fake.is_over.wait(20)
                    self.close_connection = True
                    return
                if answer == "reset":
                    # Closed with what was sent unread: the other side gets a reset.
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.connection.shutdown(socket.SHUT_RD)
                    self.close_connection = True
                    return
                status, body = completion("{") if answer == "cut" else answer
                content = json.dumps(body).encode()
                if answer == "cut":
                    content = content[: len(content) // 2]
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.send_header("Retry-After-Ms", "1")
                self.end_headers()
                self.wfile.write(content)

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.is_over.set()
        self._server.shutdown()
        self._server.server_close()
