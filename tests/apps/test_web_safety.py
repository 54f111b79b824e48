"""What stands between the browser and the pages: hosts, other sites, tokens, forms, sizes, headers, the audit log."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the web extra is not installed")
from starlette.testclient import TestClient

from tests.apps.conftest import Done
from trialpanorama.apps import web
from trialpanorama.apps.web import _inside, create_app, safety
from trialpanorama.apps.web.safety import HEADERS, LARGEST_BODY, Safety, is_loopback
from trialpanorama.errors import UserError

TOKEN = "a-token-of-enough-length"
PROGRAM = {"x-requested-by": "test"}
Message = dict[str, Any]


async def _page(scope: Any, receive: Any, send: Any) -> None:
    """A page that hands back what it was sent, with the field that its forms would have."""
    body, is_more = b"", scope["method"] == "POST"
    while is_more:
        message = await receive()
        body += message.get("body", b"")
        is_more = message.get("more_body", False)
    answer = json.dumps(
        {"csrf": scope["state"]["csrf"], "body": body.decode(), "query": scope["query_string"].decode()}
    )
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
    await send({"type": "http.response.body", "body": answer.encode()})


def _client(app: Any = None, **options: Any) -> TestClient:
    return TestClient(app or Safety(_page, **options), base_url="http://127.0.0.1:8321", follow_redirects=False)


@pytest.fixture(scope="module")
def site(warehouse: Path) -> Iterator[TestClient]:
    with TestClient(create_app(warehouse), base_url="http://127.0.0.1", raise_server_exceptions=False) as opened:
        yield opened


# --- what answers may do


def test_every_answer_has_the_headers_refusals_and_errors_too(
    site: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("a secret of the machine")

    monkeypatch.setattr("trialpanorama.apps.show.problems_facts", fail)
    answers = [
        site.get("/search"), site.get("/search.json"), site.get("/search.csv"), site.get("/openapi.json"),
        site.get("/static/style.css"), site.get("/nothing"), site.get("/trial"), site.get("/problems?places=77"),
        site.get("/", headers={"host": "evil.example"}), site.post("/sql", data={"sql": "SELECT 1"}),
        site.delete("/sql"), site.get("/sizing/t-test?sd=-1&difference=1"),
    ]  # fmt: skip
    assert {one.status_code for one in answers} == {200, 400, 403, 404, 405, 421, 422, 500}
    for one in answers:
        for name, value in HEADERS.items():
            assert one.headers.get_list(name) == [value], (one.url, name)
    for name in ("script", "style"):
        assert "unsafe" not in HEADERS["content-security-policy"], name
    assert HEADERS["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("form", ["", ".json", ".csv"])
def test_a_fault_of_ours_tells_no_traceback(site: TestClient, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("a secret of the machine")

    monkeypatch.setattr("trialpanorama.apps.graph.overdue_facts", fail)
    answer = site.get(f"/overdue{form}?months=13")
    assert answer.status_code == 500
    assert "Unexpected RuntimeError" in answer.text
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text


# --- who may ask


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8321", "localhost:8321", "LOCALHOST", "[::1]:8321", "[::1]"])
def test_this_machine_s_own_names_are_answered(host: str) -> None:
    assert _client().get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8321", "127.0.0.1.evil.example", "", "[::2]", "0.0.0.0"]
)
def test_another_name_for_this_machine_is_refused(host: str) -> None:
    answer = _client().get("/", headers={"host": host})
    assert answer.status_code == 421
    assert "csrf" not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
    ],
)
def test_pages_of_other_sites_may_not_ask(headers: dict[str, str]) -> None:
    assert _client().get("/sql.json", headers=headers).status_code == 403
    assert _client().post("/sql.json", data={"sql": "x"}, headers=headers | PROGRAM).status_code == 403


def test_a_link_from_another_site_may_be_followed_but_not_a_form_sent() -> None:
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert _client().get("/", headers=headers).status_code == 200
    assert _client().post("/", data={"sql": "x"}, headers=headers | PROGRAM).status_code == 403


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(method: str) -> None:
    assert _client().request(method, "/").status_code == 405


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.8.9.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False),
     ("192.168.1.5", False), ("example.org", False), ("", False)],
)  # fmt: skip
def test_what_can_be_reached_from_this_machine_alone(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


# --- forms


def test_a_form_needs_the_field_of_its_own_page() -> None:
    client, other = _client(), _client()
    assert client.post("/", data={"sql": "x"}).status_code == 403  # no session yet
    csrf = client.get("/").json()["csrf"]
    assert client.post("/", data={"sql": "x"}).status_code == 403
    assert client.post("/", data={"sql": "x", "csrf": "0" * 64}).status_code == 403
    sent = client.post("/", data={"sql": "x", "csrf": csrf})
    assert sent.status_code == 200
    assert sent.json()["body"] == f"sql=x&csrf={csrf}"
    other.get("/")
    assert other.post("/", data={"sql": "x", "csrf": csrf}).status_code == 403


def test_the_session_is_a_cookie_that_no_script_and_no_other_site_sees() -> None:
    said = _client().get("/").headers["set-cookie"]
    assert re.fullmatch(r"trialpanorama_session=[0-9a-f]{64}; Path=/; HttpOnly; SameSite=Strict", said)
    # one that a stranger planted is replaced
    planted = _client().get("/", headers={"cookie": "trialpanorama_session=short; x=y"})
    assert "set-cookie" in planted.headers


def test_a_request_is_bounded_whether_it_says_its_length_or_not() -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert _client().post("/", content=b"a=" + b"x" * (LARGEST_BODY - 2), headers=PROGRAM | form).status_code == 200
    assert _client().post("/", content=b"a=" + b"x" * LARGEST_BODY, headers=PROGRAM | form).status_code == 413

    def endless() -> Iterator[bytes]:
        for _ in range(LARGEST_BODY // 1024 + 1):
            yield b"x" * 1024

    assert _client().post("/", content=endless(), headers=PROGRAM | form).status_code == 413
    assert _client().post("/", content=b"{}", headers=PROGRAM | {"content-type": "text/plain"}).status_code == 415
    assert _client().post("/", content=b"\xff=\xff", headers=PROGRAM | form).status_code == 400
    many = "&".join(f"a{i}=1" for i in range(200)).encode()
    assert _client().post("/", content=many, headers=PROGRAM | form).status_code == 400


def test_fields_that_were_left_empty_are_not_asked_for() -> None:
    assert _client().get("/?a=1&b=&c=x%3D&d&e==").json()["query"] == "a=1&c=x%3D&e=="


# --- the token


def test_nothing_is_told_without_the_token_but_the_form_that_asks_for_it(warehouse: Path) -> None:
    with _client(create_app(warehouse, token=TOKEN, hosts=None)) as client:
        for address in ("/", "/search.json", "/sql", "/openapi.json", "/nothing"):
            assert client.get(address).status_code == 401, address
            assert client.get(address, headers={"authorization": "Bearer wrong"}).status_code == 401
        assert client.post("/sql.json", data={"sql": "SELECT 1"}, headers=PROGRAM).status_code == 401
        sent = client.get("/search", headers={"accept": "text/html"})
        assert (sent.status_code, sent.headers["location"]) == (303, "/login?next=/search")
        form = client.get(sent.headers["location"])
        assert form.status_code == 200
        snapshot = client.get("/atlas.json", headers={"authorization": f"Bearer {TOKEN}"}).json()["snapshot"]
        assert snapshot not in form.text
        assert client.get("/static/style.css").status_code == 200


def test_whoever_has_the_token_is_let_in_and_sent_to_the_page(warehouse: Path) -> None:
    with _client(create_app(warehouse, token=TOKEN, hosts=None)) as client:
        form = client.get("/login?next=/search").text
        csrf = (re.search('name="csrf" value="([0-9a-f]+)"', form) or [""])[1]
        wrong = client.post("/login", data={"token": "wrong", "csrf": csrf})
        assert (wrong.status_code, client.get("/search").status_code) == (401, 401)
        assert "not the token" in wrong.text
        assert client.post("/login", data={"token": TOKEN}).status_code == 403  # a form of another page
        right = client.post("/login?next=/search", data={"token": f" {TOKEN}\n", "csrf": csrf})
        assert (right.status_code, right.headers["location"]) == (303, "/search")
        assert "HttpOnly; SameSite=Strict" in right.headers["set-cookie"]
        assert TOKEN not in right.headers["set-cookie"]
        assert client.get("/search").status_code == 200
        with _client(create_app(warehouse, token=TOKEN, hosts=None)) as after_a_new_start:
            assert after_a_new_start.get("/search", headers={"cookie": right.headers["set-cookie"]}).status_code == 401


@pytest.mark.parametrize("address", ["//evil.example", "/\\evil.example", "https://evil.example", "evil", ""])
def test_signing_in_leads_to_no_other_site(address: str) -> None:
    assert _inside(address) == "/"


def test_a_header_cannot_be_cut_in_two(site: TestClient) -> None:
    client = _client(Safety(_page, token=TOKEN, hosts=None))
    answer = client.get("/a%0d%0aset-cookie:%20x=y", headers={"accept": "text/html"})
    assert answer.status_code == 303
    assert set(answer.headers.get_list("set-cookie")) == set()
    assert "\n" not in answer.headers["location"]


@pytest.mark.parametrize(
    "path", ["/static/../safety.py", "/static/%2e%2e/safety.py", "/static/..%2fsafety.py", "//etc/passwd"]
)
def test_no_other_file_is_served(site: TestClient, path: str) -> None:
    answer = site.get(path)
    assert answer.status_code == 404
    assert "import" not in answer.text


def test_the_web_library_hands_no_trace_of_a_visit_to_a_collector(
    warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = pytest.importorskip("opentelemetry.trace", reason="opentelemetry is not installed")
    asked: list[Any] = []

    class Collector(trace.TracerProvider):  # type: ignore[misc,name-defined]  # known at run time only
        def get_tracer(self, *arguments: Any, **named: Any) -> Any:
            asked.append(arguments)
            return trace.NoOpTracer()

    monkeypatch.setattr(trace, "get_tracer_provider", Collector)
    with TestClient(create_app(warehouse), base_url="http://127.0.0.1") as client:
        assert client.get("/sql").status_code == 200
    assert asked == []


# --- the audit log


def test_every_post_is_written_down_without_secrets(warehouse: Path, tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    with _client(create_app(warehouse, token=TOKEN, audit=log)) as client:
        bearer = {"authorization": f"Bearer {TOKEN}"} | PROGRAM
        client.post("/sql.json", data={"sql": "SELECT 'ü'"}, headers=bearer)
        client.post("/login", data={"token": TOKEN, "csrf": "x"})
        client.post("/sql", data={"sql": "x" * (LARGEST_BODY + 1)}, headers=bearer)
        client.get("/search", headers=bearer)
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert [(one["path"], one["status"]) for one in lines] == [("/sql.json", 200), ("/login", 403), ("/sql", 413)]
    assert lines[0]["fields"] == {"sql": "SELECT 'ü'"}
    assert TOKEN not in log.read_text(encoding="utf-8")


# --- the command


def test_a_token_that_can_be_guessed_is_refused_and_one_is_made_where_others_reach(
    warehouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    import uvicorn

    made: list[Safety] = []
    monkeypatch.setattr(uvicorn.Server, "run", lambda server: made.append(server.config.app))
    folder = tmp_path / "warehouse"
    shutil.copytree(warehouse, folder)

    def start(host: str, token: str | None = None) -> list[str]:
        said: list[str] = []
        web.serve(folder, host=host, port=8321, token=token, logs=None, say=said.append)
        return said

    with pytest.raises(UserError, match="too short"):
        start("127.0.0.1", "guess")
    assert made == []
    assert start("127.0.0.1")[-1].startswith("http://127.0.0.1:8321/")
    assert _client(made[-1]).get("/sql").status_code == 200
    token = start("0.0.0.0")[-1].rpartition(" ")[2]
    assert len(token) >= safety.LEAST_TOKEN
    assert _client(made[-1]).get("/sql").status_code == 401
    assert _client(made[-1]).get("/sql", headers={"authorization": f"Bearer {token}"}).status_code == 200
    assert (tmp_path / "warehouse.web" / "audit.jsonl").exists()
    assert (tmp_path / "warehouse.web").stat().st_mode & 0o077 == 0


def test_an_address_that_is_taken_is_one_clear_line(warehouse: Path, command: Callable[..., Done]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = command("serve", "--port", str(port), "-w", warehouse)
    assert done.code == 2
    assert f"The address 127.0.0.1:{port} cannot be had" in done.err
    assert "Traceback" not in done.err
    assert command("serve", "-w", warehouse / "nowhere").code == 2
