"""Runs through Inspect on a small warehouse, and the figures read back from their logs."""

from __future__ import annotations

import importlib.metadata
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.handmade import many_trials, warehouse
from trialpanorama import evaluate, tasks
from trialpanorama.errors import UnknownName, UserError
from trialpanorama.evaluate.results import Result, SampleResult
from trialpanorama.warehouse import Warehouse

SOURCE = Path(evaluate.__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    made = warehouse(tmp_path_factory.mktemp("evaluate") / "w", many_trials(150))
    tasks.build(made)
    return made


@pytest.fixture(scope="module")
def logs(opened: Warehouse) -> Path:
    folder = opened.path.parent / "logs"
    for task, model in (
        ("trial_completion", "baseline/majority"),
        ("trial_completion", "baseline/linear"),
        ("endpoint_design", "baseline/majority"),
    ):
        evaluate.run(task, model, opened.path, log_dir=folder)
    return folder


def _model(reply: Any) -> Any:
    """Inspect's mock model with replies of our own; told the usage, it counts no tokens."""
    from inspect_ai.model import ModelOutput, ModelUsage, get_model

    def answer(messages: Any, *_: Any) -> Any:
        output = ModelOutput.from_content(model="mock", content=reply(messages[-1].text))
        output.usage = ModelUsage()
        return output

    return get_model("mockllm/scripted", custom_outputs=answer, memoize=False)


# --- runs


def test_a_baseline_runs_from_end_to_end(opened: Warehouse, logs: Path) -> None:
    results = evaluate.read_logs(logs)
    assert [(r.task, r.model) for r in results] == [
        ("trial_completion", "baseline/majority"),
        ("trial_completion", "baseline/linear"),
        ("endpoint_design", "baseline/majority"),
    ]
    for result in results:
        expected = tasks.load(opened, tasks.task(result.task), "test")
        assert [s.id for s in result.samples] == [s.id for s in expected]
        assert (result.n, result.failed, result.unreadable, result.status) == (len(expected), 0, 0, "success")
        assert result.is_fictional
        assert result.snapshot == opened.snapshot
        assert result.atlas["trials"] == 150
        assert all(s.prompt and s.reply and s.gold for s in result.samples)


def test_the_log_holds_inspects_own_metrics_too(logs: Path) -> None:
    from inspect_ai.log import read_eval_log

    result = evaluate.read_logs(logs)[0]
    results = read_eval_log(result.log).results
    assert results is not None
    found = {name: metric.value for name, metric in results.scores[0].metrics.items()}
    expected = {row.metric: row.value for row in evaluate.table([result]) if row.value is not None}
    assert found == pytest.approx(expected)


def test_a_limit_takes_the_first_samples(opened: Warehouse, tmp_path: Path) -> None:
    result = evaluate.run("endpoint_design", "baseline/lexical", opened.path, limit=8, log_dir=tmp_path)
    expected = tasks.load(opened, tasks.task("endpoint_design"), "test")[:8]
    assert [s.id for s in result.samples] == [s.id for s in expected]
    assert result.n == 8


def test_a_model_is_asked_the_prompt_and_its_replies_are_scored(opened: Warehouse, tmp_path: Path) -> None:
    asked: list[str] = []

    def reply(prompt: str) -> str:
        asked.append(prompt)
        return '{"outcome": "stopped", "probability": 0.1, "reason": "efficacy"}' if len(asked) % 3 else "no idea"

    result = evaluate.run("trial_completion", _model(reply), opened.path, log_dir=tmp_path)
    chosen = tasks.task("trial_completion")
    assert sorted(asked) == sorted(chosen.prompt(s) for s in tasks.load(opened, chosen, "test"))
    assert result.model == "mockllm/scripted"
    assert result.unreadable == len(asked) // 3
    assert result.failed == 0
    assert all(s.why_unreadable for s in result.samples if s.scores and s.scores["unreadable"])


def test_inspects_mock_model_is_unreadable_and_counted(opened: Warehouse, tmp_path: Path) -> None:
    result = evaluate.run("trial_completion", "mockllm/model", opened.path, log_dir=tmp_path, limit=5)
    assert (result.n, result.failed, result.unreadable) == (5, 0, 5)
    rows = {row.metric: row for row in evaluate.table([result])}
    assert rows["balanced_accuracy"].value == 0
    assert rows["brier"].value == 1


def test_a_failed_sample_is_no_zero_and_is_counted(opened: Warehouse, tmp_path: Path) -> None:
    second = tasks.task("trial_completion").prompt(tasks.load(opened, tasks.task("trial_completion"), "test")[1])

    def reply(prompt: str) -> str:
        if prompt == second:
            raise RuntimeError("the provider broke down")
        return '{"outcome": "complete", "probability": 0.9, "reason": null}'

    result = evaluate.run("trial_completion", _model(reply), opened.path, log_dir=tmp_path, limit=6)
    assert (result.n, result.failed, result.unreadable) == (6, 1, 0)
    assert len(result.scores) == 5
    assert [s.error for s in result.samples if s.scores is None] == ["the provider broke down"] or any(
        "broke down" in (s.error or "") for s in result.samples
    )
    assert all((row.n, row.failed) == (6, 1) for row in evaluate.table([result]))
    again = evaluate.read_result(result.log)
    assert (again.n, again.failed) == (6, 1)


def test_a_run_in_which_all_fails_is_an_error_that_names_the_log(opened: Warehouse, tmp_path: Path) -> None:
    def reply(prompt: str) -> str:
        raise RuntimeError("the provider broke down")

    with pytest.raises(UserError, match=r"answered none of 3 samples.*broke down.*log"):
        evaluate.run("trial_completion", _model(reply), opened.path, log_dir=tmp_path, limit=3)


@pytest.mark.parametrize(
    ("task", "model", "kind", "says"),
    [
        ("trial_completon", "baseline/majority", UnknownName, "Close: trial_completion"),
        ("trial_completion", "baseline/majorty", UnknownName, "Close: majority"),
        ("trial_completion", "majority", UserError, "PROVIDER/NAME or baseline/NAME"),
        ("trial_completion", "nobody/nothing", UserError, "no model"),
        ("trial_completion", "baseline/lexical", UserError, "cannot answer trial_completion"),
    ],
)
def test_what_cannot_be_run_is_said_in_one_line(
    task: str, model: str, kind: type[Exception], says: str, opened: Warehouse, tmp_path: Path
) -> None:
    with pytest.raises(kind, match=says) as caught:
        evaluate.run(task, model, opened.path, log_dir=tmp_path, limit=2)
    assert "\n" not in str(caught.value)


def test_a_missing_warehouse_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no warehouse"):
        evaluate.run("trial_completion", "baseline/majority", tmp_path / "nowhere", log_dir=tmp_path)


_OFFLINE = """
import socket, sys
def refuse(*a, **k): raise AssertionError("the network was used")
socket.getaddrinfo = refuse
real = socket.socket.connect
def connect(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6): refuse()
    return real(self, address)
socket.socket.connect = connect
from trialpanorama import evaluate
for model in ("baseline/majority", "mockllm/model"):
    result = evaluate.run("trial_completion", model, sys.argv[1], log_dir=sys.argv[2], limit=3)
    print(model, result.n, result.failed)
evaluate.report(sys.argv[2], sys.argv[2] + "/report.html")
"""


def test_no_run_uses_the_network(opened: Warehouse, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _OFFLINE, str(opened.path), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(SOURCE), "TIKTOKEN_CACHE_DIR": str(tmp_path / "none")},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["baseline/majority 3 0", "mockllm/model 3 0"]
    assert (tmp_path / "report.html").exists()


def test_without_a_model_inspect_asks_the_majority_baseline(opened: Warehouse, tmp_path: Path) -> None:
    import inspect_ai

    from trialpanorama.evaluate import plugin

    (log,) = inspect_ai.eval(
        plugin.inspect_tasks["trial_completion"](warehouse=str(opened.path)),
        model="none/none", log_dir=str(tmp_path), display="none", limit=4,
    )  # fmt: skip
    result = evaluate.read_result(log.location)
    assert (result.model, result.n, result.failed) == ("baseline/majority", 4, 0)


@pytest.mark.slow
def test_inspects_own_command_finds_tasks_and_baselines(opened: Warehouse, tmp_path: Path) -> None:
    try:
        importlib.metadata.distribution("trialpanorama")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("trialpanorama is not installed, so that its entry point is not either: pip install -e .")
    command = [
        sys.executable,
        "-m",
        "inspect_ai",
        "eval",
        "--model",
        "none/none",
        "--limit",
        "3",
        "--log-dir",
        str(tmp_path),
    ]
    environment = {**os.environ, "INSPECT_DISPLAY": "none", "TRIALPANORAMA_WAREHOUSE": str(opened.path)}
    for more in (
        ["trialpanorama/trial_completion"],
        ["trialpanorama/endpoint_design", "--solver", "trialpanorama/lexical"],
    ):
        done = subprocess.run(
            [*command, *more], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert [(r.task, r.model, r.n, r.failed) for r in evaluate.read_logs(tmp_path)] == [
        ("trial_completion", "baseline/majority", 3, 0),
        ("endpoint_design", "baseline/lexical", 3, 0),
    ]


@pytest.mark.parametrize("name", ["trial_completion", "endpoint_design"])
def test_a_model_that_knows_every_answer_scores_one(name: str, opened: Warehouse, tmp_path: Path) -> None:
    chosen = tasks.task(name)
    right = {chosen.prompt(s): chosen.reply(s.gold) for s in tasks.load(opened, chosen, "test")}
    result = evaluate.run(name, _model(right.__getitem__), opened.path, log_dir=tmp_path)
    for row in evaluate.table([result]):
        if row.value is not None:
            assert (row.value, row.low, row.high) == ((0, 0, 0) if row.arrow == "↓" else (1, 1, 1))


# --- logs


def test_of_repeated_runs_the_latest_counts(opened: Warehouse, tmp_path: Path) -> None:
    for limit in (2, 3):
        evaluate.run("endpoint_design", "baseline/majority", opened.path, log_dir=tmp_path, limit=limit)
    assert [r.n for r in evaluate.read_logs(tmp_path)] == [3]
    assert [r.n for r in evaluate.read_logs(tmp_path, all_runs=True)] == [2, 3]


def test_a_folder_without_logs_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no log"):
        evaluate.read_logs(tmp_path)
    with pytest.raises(UserError, match="no folder"):
        evaluate.read_logs(tmp_path / "nowhere")


def test_a_file_that_is_no_log_or_half_of_one_is_said(opened: Warehouse, tmp_path: Path) -> None:
    evaluate.run("endpoint_design", "baseline/majority", opened.path, log_dir=tmp_path, limit=1)
    (log,) = tmp_path.glob("*.eval")
    (tmp_path / "notes.txt").write_text("no log")
    (tmp_path / "half.eval").write_bytes(log.read_bytes()[:500])
    for name in ("notes.txt", "half.eval"):
        with pytest.raises(UserError, match=f"{name} cannot be read as the log of a run"):
            evaluate.rescore(tmp_path / name)
        with pytest.raises(UserError, match="cannot be read"):
            evaluate.read_result(tmp_path / name)
    with pytest.raises(UserError, match=r"half\.eval cannot be read"):
        evaluate.read_logs(tmp_path)


# --- figures


def made(scores: list[dict[str, float] | None], model: str = "some/model", **changes: Any) -> Result:
    """A run as a log would tell it."""
    about: dict[str, Any] = {
        "log": "a.eval", "task": "endpoint_design", "version": tasks.task("endpoint_design").version, "model": model,
        "split": "test", "snapshot": "abc", "is_fictional": False, "created": "2030", "status": "success",
        "n": len(scores),
        "samples": [
            SampleResult(
                id=str(i), scores=score, rows=[score] if score else [], group=str(i),
                outcome="answered" if score else "failed",
            )
            for i, score in enumerate(scores)
        ],
        "atlas": {},
    }  # fmt: skip
    return Result(**(about | changes))


def _score(is_correct: bool, place: int = 0) -> dict[str, float]:
    return {
        "correct": float(is_correct), "unreadable": 0.0, "gold": float(place % 4),
        "chosen": float((place if is_correct else place + 1) % 4),
    }  # fmt: skip


@pytest.mark.slow
def test_bootstrap_intervals_cover_the_truth_as_often_as_they_say() -> None:
    random, covered, runs = np.random.default_rng(3), 0, 300
    for _ in range(runs):
        scores = {"correct": (random.random(120) < 0.7).astype(float)}
        found = evaluate.bootstrap(
            scores, lambda c: float(c["correct"].mean()), resamples=400, seed=int(random.integers(1e9))
        )
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 0.7 <= found.high
    assert 0.91 <= covered / runs <= 0.98


def test_bootstrap_is_the_same_each_time_and_says_nothing_where_nothing_is_defined() -> None:
    scores = {"x": np.arange(50.0)}
    one = evaluate.bootstrap(scores, lambda c: float(c["x"].mean()))
    assert one == evaluate.bootstrap(scores, lambda c: float(c["x"].mean()))
    assert one.value == 24.5
    assert evaluate.bootstrap(scores, lambda c: math.nan) == evaluate.Interval(None, None, None)
    assert evaluate.bootstrap({"x": np.ones(1)}, lambda c: 1.0) == evaluate.Interval(1.0, None, None)
    assert evaluate.bootstrap({}, lambda c: 1.0) == evaluate.Interval(None, None, None)


def test_a_row_says_n_direction_floor_and_what_failed() -> None:
    run = made([_score(i % 2 == 0, i) for i in range(40)] + [None, None])
    floor = made([_score(i % 4 == 0, i) for i in range(40)] + [None, None], model="baseline/majority")
    accuracy = evaluate.table([floor, run])[2]
    assert (accuracy.metric, accuracy.arrow, accuracy.value) == ("accuracy", "↑", 0.5)
    assert (accuracy.n, accuracy.failed, accuracy.unreadable) == (42, 2, 0)
    assert accuracy.floor == 0.25
    assert accuracy.low is not None
    assert accuracy.high is not None
    assert accuracy.low < 0.5 < accuracy.high
    other_samples = made([_score(True, i) for i in range(5)], model="baseline/majority")
    assert evaluate.table([other_samples, run])[2].floor == 0.25, "other samples: blind guessing"


def test_a_run_of_another_version_keeps_its_row_without_figures() -> None:
    rows = evaluate.table([made([_score(True)] * 3, version=99)])
    assert [(row.value, row.n) for row in rows] == [(None, 3), (None, 3)]


def test_a_paired_difference_is_narrower_than_two_intervals() -> None:
    random = np.random.default_rng(2)
    hard = random.random(300) < 0.4
    one = made([_score(not h or i % 10 == 0, i) for i, h in enumerate(hard)])
    other = made([_score(not h, i) for i, h in enumerate(hard)], model="other/model")
    found = evaluate.difference(one, other)
    assert found.value == pytest.approx(float((hard & (np.arange(300) % 10 == 0)).mean()))
    assert found.low is not None
    assert found.high is not None
    assert found.low > 0, "every difference is in favour of the first"
    alone = evaluate.table([one])[0]
    assert alone.low is not None
    assert alone.high is not None
    assert found.high - found.low < alone.high - alone.low
    assert evaluate.difference(other, one).value == pytest.approx(-found.value)
    assert (evaluate.difference(one, one).value, evaluate.difference(one, one).high) == (0, 0)


def test_differences_are_over_the_samples_that_both_answered() -> None:
    one, other = made([_score(True), None, _score(True)]), made([_score(False), _score(False), None])
    found = evaluate.difference(one, other, "accuracy")
    assert (found.n, found.left_out, found.value) == (1, 2, 1.0)
    with pytest.raises(UserError, match="do not compare: snapshot"):
        evaluate.difference(one, made([_score(True)], snapshot="other"))
    with pytest.raises(UnknownName, match="accuracy"):
        evaluate.difference(one, other, "acuracy")
