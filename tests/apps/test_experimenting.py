"""The commands about trained models: what they refuse, what they send and to whom, what they print."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.apps.conftest import Done
from tests.train.test_card import a_run
from tests.train.threads import one_thread  # noqa: F401  # a fixture
from trialpanorama.apps import experimenting
from trialpanorama.errors import UserError
from trialpanorama.train import hub

Command = Callable[..., Done]


class Hub:
    """A model hub on this machine, as far as one upload needs it; it keeps what it was sent."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, str | None]] = []
        self.files: dict[str, bytes] = {}
        self.created: dict[str, Any] = {}
        self.refuses = False
        kept = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                kept.requests.append((self.command, self.path, self.headers["Authorization"]))
                self._answer(*kept.answer(self.path, body))

            def do_GET(self) -> None:
                kept.requests.append((self.command, self.path, self.headers["Authorization"]))
                self._answer(404, {"error": "not here"})

            def _answer(self, status: int, answer: dict[str, Any]) -> None:
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """What the hub says to a POST."""
        import base64

        if self.refuses:
            return 403, {"error": "this token may not write"}
        if path == "/api/repos/create":
            self.created = json.loads(body)
            return 200, {"url": f"{self.url}/someone/model", "name": "someone/model"}
        if path == "/api/validate-yaml":
            return 200, {"errors": [], "warnings": []}
        if "/preupload/" in path:
            asked = [one["path"] for one in json.loads(body)["files"]]
            return 200, {"files": [{"path": one, "uploadMode": "regular", "shouldIgnore": False} for one in asked]}
        for line in body.splitlines():
            one = json.loads(line)
            if one["key"] == "file":
                self.files[one["value"]["path"]] = base64.b64decode(one["value"]["content"])
        return 200, {"commitUrl": f"{self.url}/someone/model/commit/abc", "commitOid": "abc", "hookOutput": ""}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def a_hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    pytest.importorskip("huggingface_hub", reason="the train extra is not installed")
    made = Hub()
    monkeypatch.setenv(hub.ENDPOINT, made.url)
    monkeypatch.setenv(hub.TOKEN, "a-made-up-token")
    yield made
    made.close()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A finished run with a model, a checkpoint and logs."""
    made = a_run(tmp_path / "runs" / "mine", is_fictional=True)
    (made / "model" / "model.safetensors").write_bytes(b"made-up weights")
    (made / "model" / "config.json").write_bytes(b"{}")
    (made / "checkpoint-9").mkdir()
    (made / "checkpoint-9" / "optimizer.pt").write_bytes(b"state")
    (made / "scores").mkdir()
    (made / "scores" / "log.eval").write_bytes(b"prompts")
    return made


# --- push


def test_weights_and_card_are_sent_and_nothing_else(command: Command, a_hub: Hub, run: Path) -> None:
    done = command("train", "push", run, "someone/model", "--yes", "--json")
    assert done.code == 0, done.err
    assert set(a_hub.files) == {"README.md", "config.json", "model.safetensors"}
    assert a_hub.files["model.safetensors"] == b"made-up weights"
    assert b"FICTIONAL" in a_hub.files["README.md"]
    assert a_hub.created.get("private") or a_hub.created.get("visibility") == "private", a_hub.created
    assert {token for _, path, token in a_hub.requests if "/someone/model" in path or "/repos/" in path} == {
        "Bearer a-made-up-token"
    }
    assert done.json["name"] == "someone/model"
    assert "3 files" in done.err
    assert "a-made-up-token" not in done.out + done.err


@pytest.mark.parametrize(
    ("arguments", "token", "told"),
    [
        (["someone/model"], "t", "add --yes"),
        (["someone/model", "--yes"], "", "$HF_TOKEN"),
        (["model", "--yes"], "t", "OWNER/MODEL"),
        (["../some/where", "--yes"], "t", "OWNER/MODEL"),
    ],
)
def test_nothing_is_sent_unless_all_is_in_order(
    command: Command,
    a_hub: Hub,
    run: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    token: str,
    told: str,
) -> None:
    monkeypatch.setenv(hub.TOKEN, token)
    done = command("train", "push", run, *arguments)
    assert (done.code, a_hub.requests) == (2, [])
    assert told in done.err
    assert "Traceback" not in done.err


def test_a_run_without_weights_or_end_is_not_sent(command: Command, a_hub: Hub, run: Path, tmp_path: Path) -> None:
    (run / "model" / "model.safetensors").unlink()
    assert "holds no weights" in command("train", "push", run, "someone/model", "--yes").err
    assert "holds no run" in command("train", "push", tmp_path, "someone/model", "--yes").err
    assert a_hub.requests == []


def test_what_the_hub_says_is_told_in_one_line(command: Command, a_hub: Hub, run: Path) -> None:
    a_hub.refuses = True
    done = command("train", "push", run, "someone/model", "--yes")
    assert done.code == 2
    assert "refuses someone/model" in done.err
    assert a_hub.files == {}


def test_a_hub_that_is_not_there_is_told_in_one_line(command: Command, a_hub: Hub, run: Path) -> None:
    a_hub.close()
    done = command("train", "push", run, "someone/model", "--yes")
    assert done.code == 2
    assert "cannot be reached" in done.err


def test_at_a_terminal_one_is_asked(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(hub.TOKEN, "t")
    (run / "README.md").write_text("A card.", encoding="utf-8")
    upload = hub.upload_of(run, "someone/model")
    experimenting.agree(upload, yes=False, confirm=lambda _: True)
    with pytest.raises(UserError, match="Nothing was sent"):
        experimenting.agree(upload, yes=False, confirm=lambda _: False)


# --- card, score, experiment


def test_the_card_command_keeps_licences(command: Command, run: Path) -> None:
    done = command("train", "card", run, "--data-licence", "CC0")
    assert (done.code, done.out.strip()) == (0, str(run / "README.md"))
    assert "Data: CC0." in (run / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["train", "score", "nowhere"], "There is no folder nowhere"),
        (["train", "score", "."], "--task NAME"),
        (["train", "score", ".", "--task", "sample_sice"], "sample_size"),
        (["train", "score", ".", "--task", "sample_size", "--split", "tset"], "test"),
        (
            ["train", "score", ".", "--task", "sample_size", "--odds", "--base-url", "http://127.0.0.1:1/v1"],
            "--base-url",
        ),
        (["experiment", "outcomes"], "outcome"),
        (["experiment", "outcome", "--scale", "huge"], "full"),
        (["experiment", "outcome", "--labels", "top.csv"], "--tested-on"),
        (["experiment", "outcome", "--set", "data.most=3"], "most"),
    ],
)
def test_a_mistake_is_one_line(command: Command, arguments: list[str], told: str) -> None:
    done = command(*arguments)
    assert done.code == 2
    assert told in done.err
    assert len(done.err.strip().splitlines()) == 1


@pytest.mark.usefixtures("one_thread")
def test_a_model_is_scored_by_its_words_and_its_odds(command: Command, warehouse: Path, tmp_path: Path) -> None:
    from tests.tiny_models import tiny_qwen3
    from trialpanorama.tasks import load, task
    from trialpanorama.warehouse import Warehouse

    chosen = task("trial_completion")
    samples = load(Warehouse.open(warehouse), chosen, "train")
    texts = [chosen.prompt(sample) for sample in samples[:20]] + [chosen.reply(sample.gold) for sample in samples]
    folder = tiny_qwen3(tmp_path / "tiny", texts)
    common = ("train", "score", folder, "--task", "trial_completion", "--limit", "3", "-w", warehouse, "--json")
    words = command(*common, "--max-tokens", "4")
    assert words.code == 0, words.err
    assert {(row["model"], row["n"], row["unreadable"] + row["truncated"]) for row in words.json} == {("tiny", 3, 3)}
    odds = command(*common, "--odds")
    assert odds.code == 0, odds.err
    assert {(row["model"], row["n"], row["unreadable"]) for row in odds.json} == {("odds/tiny", 3, 0)}
    kept = json.loads((folder / "scores.json").read_bytes())
    assert {row["model"] for row in kept} == {"tiny", "odds/tiny"}
    assert all(row["is_fictional"] for row in kept)
