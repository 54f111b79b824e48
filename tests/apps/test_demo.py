"""The demo goes the whole way without a network, says what is fictional, and can be run again."""

from __future__ import annotations

import shlex
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.apps.conftest import Done

Command = Callable[..., Done]


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.socket.connect

    def refuse(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX:
            raise AssertionError(f"the network was opened: {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.slow
@pytest.mark.usefixtures("no_network")
def test_the_demo_goes_the_whole_way(command: Command, tmp_path: Path) -> None:
    done = command("demo")
    assert done.code == 0, done.err
    lines = done.out.splitlines()

    # The README shows what it prints: all but the date of the build and the last digits of figures, which depend on
    # the machine's arithmetic.
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    shown = readme[readme.index("demo/warehouse: snapshot") :].split("\n```", 1)[0].splitlines()
    assert [_comparable(line) for line in shown] == [_comparable(line) for line in lines]

    atlas, table = lines[: lines.index("")], lines[lines.index("") :]
    assert "FICTIONAL" in atlas[0]
    for task in ("trial_completion", "endpoint_design"):
        for model in ("baseline/majority", "baseline/linear"):
            assert any(task in line and model in line for line in table)
    assert any(line.startswith("FICTIONAL") for line in table)
    (page,) = [line.removeprefix("Report: ") for line in table if line.startswith("Report: ")]
    assert "FICTIONAL" in (tmp_path / page).read_text(encoding="utf-8")

    (next_line,) = [line.removeprefix("Next: ") for line in table if line.startswith("Next: ")]
    assert command(*next_line.split()[1:]).code == 0

    for line in table[table.index(f"Next: {next_line}") + 1 :]:
        if "openai/" not in line:
            assert command(*shlex.split(line)[1:]).code == 0, line

    snapshot, files = (
        command("atlas", "--json", "--warehouse", "demo/warehouse").json[k] for k in ("snapshot", "files")
    )
    again = command("report", "again.html", "--logs", "demo/logs", "--json")
    assert {row["snapshot"] for row in again.json["results"]} == {snapshot}

    assert command("demo", "--trials", "100", "--seed", "8").code == 0
    assert command("atlas", "--json", "--warehouse", "demo/warehouse").json["snapshot"] != snapshot
    assert command("atlas", "--json", "--warehouse", "demo/warehouse").json["files"] <= files + 2


def _comparable(line: str) -> list[str]:
    words = line.removeprefix("Next:").split()
    if line.startswith("demo/warehouse"):
        return words[:3]  # up to the snapshot id
    if "baseline/" in line:
        return [word for word in words if "." not in word]
    return words[1:] if "--warehouse" in line else words  # the command's own path is the machine's


def test_evaluate_and_report(command: Command, warehouse: Path) -> None:
    line = ["evaluate", "trial_completion", "--model", "baseline/majority", "--limit", "5", "--warehouse", warehouse]
    rows = command(*line, "--logs", "runs", "--json").json
    assert {row["n"] for row in rows} == {5}
    assert {row["model"] for row in rows} == {"baseline/majority"}
    done = command("report", "--logs", "runs", "--json")
    assert [row | {"log": None} for row in done.json["results"]] == [row | {"log": None} for row in rows]
    assert Path(done.json["report"]).exists()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("evaluate trial_completoin --model baseline/majority", ["trial_completion"]),
        ("evaluate trial_completion --model baseline/majorty", ["majority"]),
        ("evaluate trial_completion --model gpt", ["PROVIDER/NAME"]),
        ("evaluate trial_completion --model baseline/majority --split tets", ["test"]),
        ("evaluate trial_completion", ["--model"]),
        ("evaluate trial_completion --model baseline/majority --limit 0", ["--limit"]),
    ],
)
def test_a_mistake_in_evaluate_is_found_before_any_run(
    line: str, words: list[str], command: Command, warehouse: Path, tmp_path: Path
) -> None:
    done = command(*line.split(), "--warehouse", warehouse)
    assert done.code == 2
    assert done.out == ""
    assert done.err.count("\n") == 1, done.err
    for word in words:
        assert word in done.err
    assert list(tmp_path.iterdir()) == []


def test_report_without_runs_says_how_to_make_one(command: Command) -> None:
    done = command("report")
    assert done.code == 2
    assert "trialpanorama evaluate" in done.err
