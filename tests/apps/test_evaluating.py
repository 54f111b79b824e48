"""The commands that ask models: evaluate, compare, rescore, sanity, report."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.apps.conftest import Done
from tests.fake_model import FakeServer, completion
from trialpanorama.apps.evaluating import generation_options, text_or_file
from trialpanorama.errors import UserError

Command = Callable[..., Done]
REPLY = '{"outcome": "complete", "probability": 0.8}'


@pytest.fixture
def server() -> Iterator[FakeServer]:
    made = FakeServer(needs_schema=False)
    made.answer = lambda request, number: completion(REPLY)
    yield made
    made.close()


@pytest.fixture
def models(server: FakeServer, tmp_path: Path) -> Path:
    """A file of models: two that the fake server answers for, and a baseline."""
    entry = {"model": "openai-api/fake/tiny", "base_url": server.url, "args": {"api_key": "none"}}
    config = {"config": {"max_retries": 0, "attempt_timeout": 20}}
    listed = [
        entry | config | {"name": "first", "cutoff": "2020"},
        entry | config | {"name": "second", "price": {"input": 1, "output": 2}},
        {"model": "baseline/majority"},
    ]
    path = tmp_path / "models.json"
    path.write_text(json.dumps({"models": listed}), encoding="utf-8")
    return path


def test_models_of_a_file_are_asked_compared_reported_and_scored_anew(
    command: Command, warehouse: Path, models: Path, server: FakeServer, tmp_path: Path
) -> None:
    (tmp_path / "say.txt").write_text("Answer briefly.\n", encoding="utf-8")
    line = ["evaluate", "trial_completion", "--models", models, "--limit", "4", "--warehouse", warehouse]
    line += ["--logs", "runs", "--system-prompt", "say.txt", "--temperature", "0", "--option", "seed=3"]
    done = command(*line)
    assert done.code == 0, done.err
    for word in ("first", "second", "baseline/majority", "truncated", "US $"):
        assert word in done.out
    assert {request["messages"][0]["content"] for request in server.requests} == {"Answer briefly."}
    assert {(request["temperature"], request["seed"]) for request in server.requests} == {(0, 3)}
    assert len(server.requests) == 8

    compared = command("compare", "first", "baseline/majority", "--logs", "runs", "--json")
    assert compared.code == 0, compared.err
    assert {row["metric"] for row in compared.json} >= {"balanced_accuracy", "auroc"}
    assert {row["n"] for row in compared.json} == {4}
    assert "95 % interval" in command("compare", "first", "second", "--logs", "runs").out
    assert "Close: " in command("compare", "frist", "second", "--logs", "runs").err

    for name, words in (
        ("page.html", ["<b>FICTIONAL</b>", "other data", "by stratum"]),
        ("page.md", ["# Results", "| first (FICTIONAL) |", "published; other data", "| Stratum |", "US $ |"]),
        ("page.tex", [r"\begin{tabular}", r"\toprule", r"95 \% interval", "published; other data"]),
    ):
        done = command("report", name, "--logs", "runs")
        assert done.code == 0, done.err
        text = (tmp_path / name).read_text(encoding="utf-8")
        for word in words:
            assert word in text, (name, word)
    assert command("report", "page.pdf", "--logs", "runs").code == 2
    assert command("report", "a.out", "--format", "md", "--logs", "runs").code == 0
    few = command("report", "late.md", "--after", "2999", "--logs", "runs", "--json")
    assert {row["n"] for row in few.json["results"]} == {0}

    logs = sorted((tmp_path / "runs").glob("*.eval"))
    server.requests.clear()
    again = command("rescore", *logs, "--json")
    assert again.code == 0, again.err
    assert server.requests == []
    assert len(list((tmp_path / "runs").glob("*-rescored.eval"))) == len(logs) == 3
    both = command("rescore", *logs, "--out", "one.eval")
    assert (both.code, both.err.count("\n")) == (2, 1)


def test_what_failed_is_said_with_how_to_have_it_asked(
    command: Command, warehouse: Path, models: Path, server: FakeServer
) -> None:
    line = ["evaluate", "trial_completion", "--models", models, "--limit", "4", "--warehouse", warehouse]
    server.answer = lambda request, number: (418, {"error": {"message": "broken"}})
    failing = command(*line, "--json")
    assert "first failed on 4 of 4 samples of trial_completion. The same command asks for those alone." in failing.err
    assert failing.code == 0, "the baseline answered; the table says what failed"
    assert {row["failed"] for row in failing.json if row["model"] == "first"} == {4}
    assert {row["value"] for row in failing.json if row["model"] == "first"} == {None}
    server.answer = lambda request, number: completion(REPLY)
    again = command(*line, "--json")
    assert "failed" not in again.err
    assert {row["failed"] for row in again.json} == {0}


def test_sanity_passes_when_calls_work_and_fails_when_they_do_not(
    command: Command, warehouse: Path, models: Path, server: FakeServer, tmp_path: Path
) -> None:
    line = ["sanity", "trial_completion", "--models", models, "--warehouse", warehouse]
    done = command(*line, "--json")
    assert done.code == 0, done.err
    assert [(one["model"], one["asked"], one["answered"]) for one in done.json] == [
        ("first", 3, 3), ("second", 3, 3), ("baseline/majority", 3, 3),
    ]  # fmt: skip
    server.answer = lambda request, number: (401, {"error": {"message": "no such key"}})
    done = command(*line)
    assert done.code == 1
    assert "6 of 9 calls failed" in done.err
    assert "no such key" in done.out
    assert [path.name for path in tmp_path.iterdir()] == ["models.json"], "it leaves nothing behind"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("evaluate trial_completion", "--model NAME"),
        ("evaluate trial_completion -m baseline/majority -m baseline/majority", "named twice"),
        ("evaluate trial_completion -m baseline/majority --option temperature", "KEY=VALUE"),
        ("evaluate trial_completion --models none.yaml", "none.yaml"),
        ("evaluate trial_completion -m baseline/majority --prices none.yaml", "none.yaml"),
        ("sanity trial_completion", "--model NAME"),
    ],
)
def test_a_mistake_is_said_in_one_line(line: str, says: str, command: Command, warehouse: Path) -> None:
    done = command(*line.split(), "--warehouse", warehouse)
    assert done.code == 2
    assert says in done.err
    assert done.err.count("\n") == 1


def test_options_are_read_as_yaml_and_prompts_from_files(tmp_path: Path) -> None:
    given: dict[str, Any] = generation_options(["top_p=0.5", "stop_seqs=[a, b]", "x=: ["], seed=1, max_tokens=None)
    assert given == {"top_p": 0.5, "stop_seqs": ["a", "b"], "x": ": [", "seed": 1}
    (tmp_path / "p.txt").write_text("From a file.\n", encoding="utf-8")
    assert text_or_file(str(tmp_path / "p.txt")) == "From a file."
    assert text_or_file("Just so.") == "Just so."
    assert text_or_file("long " * 2_000) == "long " * 2_000
    assert text_or_file(None) is None
    (tmp_path / "b").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="cannot be read as text"):
        text_or_file(str(tmp_path / "b"))
