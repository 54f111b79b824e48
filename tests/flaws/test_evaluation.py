"""The flaws of the published benchmark that concern how models are asked and figures computed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.evaluate.test_runs import _score, made
from tests.fake_model import FakeServer, asks_for_schema, completion
from tests.handmade import many_trials, warehouse
from trialpanorama import evaluate, tasks
from trialpanorama.evaluate import Contestant, Options
from trialpanorama.warehouse import Warehouse

TASK = "trial_completion"
REPLY = '{"outcome": "complete", "probability": 0.9, "reason": null}'


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return warehouse(tmp_path_factory.mktemp("flaws") / "w", many_trials(120))


@pytest.fixture
def server() -> Iterator[FakeServer]:
    made = FakeServer(needs_schema=False)
    made.answer = lambda request, number: completion(REPLY)
    yield made
    made.close()


def ask(opened: Warehouse, server: FakeServer, folder: Path, *, config: Any = None, **options: Any) -> evaluate.Result:
    """A run of four samples on the fake server."""
    model = Contestant(
        model="openai-api/fake/tiny", base_url=server.url, args={"api_key": "none"},
        config={"max_retries": 2, "attempt_timeout": 20} | (config or {}),
    )  # fmt: skip
    (found,) = evaluate.run_all([TASK], [model], opened.path, Options(**({"limit": 4} | options)), log_dir=folder)
    return found


@pytest.fixture
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    from inspect_ai.model._model import ModelAPI
    from tenacity import wait_fixed

    monkeypatch.setattr(ModelAPI, "retry_wait", lambda self: wait_fixed(0.02))


def test_flaw_04_what_failed_stays_in_the_count_and_what_is_unreadable_in_the_figure() -> None:
    replies = [True] * 6 + [False] * 2 + ["unreadable"] + [None]
    scores = [
        _score(False, 0) | {"unreadable": 1.0, "chosen": -1.0} if reply == "unreadable"
        else None if reply is None else _score(bool(reply), 0)
        for reply in replies
    ]  # fmt: skip
    run = made(scores)
    run.samples[8].outcome = "unreadable"
    flawed = np.mean([reply for reply in replies if isinstance(reply, bool)])
    assert flawed == 0.75, "errors and unreadable replies are taken out of the denominator"
    row = next(row for row in evaluate.table([run]) if row.metric == "accuracy")
    assert row.value == pytest.approx(6 / 9)
    assert (row.n, row.failed, row.unreadable) == (10, 1, 1)
    assert sum(run.outcomes.values()) == run.n


def test_flaw_13_nothing_but_what_the_user_gave_is_said_as_the_system(
    opened: Warehouse, server: FakeServer, tmp_path: Path
) -> None:
    def flawed(system: str, example: str, reply: str, prompt: str) -> list[dict[str, str]]:
        """The published rule: the replies of examples are said as the system says its own."""
        said = [("system", system), ("user", example), ("system", reply), ("user", prompt)]
        return [{"role": role, "content": content} for role, content in said]

    wrong = flawed("Be brief.", "A trial ...", REPLY, "Another ...")
    assert [message["role"] for message in wrong].count("system") == 2
    ask(opened, server, tmp_path, system_prompt="Be brief.")
    for request in server.requests:
        assert [message["role"] for message in request["messages"]] == ["system", "user"]
        assert request["messages"][0]["content"] == "Be brief."
    server.requests.clear()
    ask(opened, server, tmp_path / "without")
    assert {tuple(m["role"] for m in request["messages"]) for request in server.requests} == {("user",)}


def test_flaw_14_figures_carry_intervals_and_differences_a_test() -> None:
    random = np.random.default_rng(9)
    hard = random.random(100)
    one = made([_score(bool(random.random() > h), i) for i, h in enumerate(hard)])
    other = made([_score(bool(random.random() > h), i) for i, h in enumerate(hard)], model="other/model")
    flawed = [float(np.mean([score["correct"] for score in run.scores])) for run in (one, other)]
    assert flawed[0] != flawed[1], "two bare numbers: one of the two looks better"
    rows = [row for row in evaluate.table([one, other]) if row.metric == "accuracy"]
    assert all(row.low is not None and row.high is not None and 0.1 < row.high - row.low < 0.3 for row in rows)
    found = evaluate.difference(one, other)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0 < found.high, "nothing says that one is better"
    assert found.p_value is not None
    assert found.p_value > 0.05


def test_flaw_16_only_what_came_after_a_model_s_cut_off_can_be_counted() -> None:
    run = made([_score(place < 30, place) for place in range(40)])
    for place, sample in enumerate(run.samples):
        sample.date = "2022-03-01" if place < 30 else "2024-09-01"
    run.cutoff = "2023-12"
    flawed = next(row.value for row in evaluate.table([run]) if row.metric == "accuracy")
    assert flawed == 0.75, "what it has read about before, it knows"
    after = evaluate.looked_at([run], "cutoff")
    assert next((row.value, row.n) for row in evaluate.table(after) if row.metric == "accuracy") == (0, 10)
    parted = {row.group: row.value for row in evaluate.strata(run) if row.stratum == "training cut-off"}
    assert parted == {"until 2023-12": 1.0, "after 2023-12": 0.0}


@pytest.mark.parametrize("reply", [(401, {"error": {"message": "no such key"}}), (500, {"error": {"message": "down"}})])
@pytest.mark.usefixtures("_no_waiting")
def test_flaw_33_the_sanity_check_fails_when_calls_fail(
    reply: Any, opened: Warehouse, server: FakeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from trialpanorama.apps.cli import run

    def flawed() -> int:
        """The published way: the error is printed, and the script ends well."""
        try:
            raise RuntimeError("no such key")
        except RuntimeError as error:
            print(f"Error: {error}")
        return 0

    assert flawed() == 0
    line = ["sanity", TASK, "--model", "openai-api/fake/tiny", "--base-url", server.url]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAKE_API_KEY", "none")
        patch.chdir(tmp_path)
        assert run([*line, "--warehouse", str(opened.path)]) == 0
        server.answer = lambda request, number: reply
        assert run([*line, "--warehouse", str(opened.path)]) == 1
    assert "3 of 3 calls failed" in capsys.readouterr().err


def test_flaw_33_the_files_are_called_what_they_are_said_to_be(
    opened: Warehouse, server: FakeServer, tmp_path: Path
) -> None:
    result = ask(opened, server, tmp_path)
    flawed = f"{result.model.replace('/', '_')}_summary.json"
    assert not list(tmp_path.rglob(flawed))
    (metrics,), (results,) = tmp_path.rglob("metrics.json"), tmp_path.rglob("results.json")
    assert metrics.parent == results.parent
    told = json.loads(metrics.read_bytes())
    assert list(told["metrics"]) == [metric.name for metric in tasks.task(TASK).metrics]
    assert len(json.loads(results.read_bytes())["samples"]) == told["n"] == 4


@pytest.mark.usefixtures("_no_waiting")
@pytest.mark.parametrize(
    "fault", [(500, {"error": {"message": "x"}}), (429, {"error": {"message": "x"}}), "reset", "cut"]
)
def test_flaw_35_a_call_that_fails_once_is_made_again(
    fault: Any, opened: Warehouse, server: FakeServer, tmp_path: Path
) -> None:
    seen: set[str] = set()

    def answer(request: dict[str, Any], number: int) -> Any:
        prompt = request["messages"][-1]["content"]
        if prompt in seen:
            return completion(REPLY)
        seen.add(prompt)
        return fault

    # The published rule: one call for each sample, and its failure is the end of it.
    flawed = [answer({"messages": [{"content": str(place)}]}, 1) for place in range(4)]
    assert all(reply == fault for reply in flawed)
    server.answer = answer
    result = ask(opened, server, tmp_path)
    assert result.outcomes["answered"] == result.n == 4


def test_flaw_35_a_run_that_was_ended_keeps_what_it_had_and_counts_its_tokens(
    opened: Warehouse, server: FakeServer, tmp_path: Path
) -> None:
    broken = tasks.task(TASK).prompt(tasks.load(opened, tasks.task(TASK), "test")[0])
    server.answer = lambda request, number: (
        (418, {"error": {"message": "x"}}) if request["messages"][-1]["content"] == broken else completion(REPLY)
    )
    first = ask(opened, server, tmp_path)
    assert first.failed == 1
    flawed = first.n * 2
    server.requests.clear()
    server.answer = lambda request, number: completion(REPLY)
    second = ask(opened, server, tmp_path)
    assert first.n - first.failed + len(server.requests) == 4 < flawed, "everything again, had nothing been kept"
    assert second.outcomes["answered"] == 4
    assert (second.usage.input_tokens, second.usage.cache_read_tokens, second.usage.output_tokens) == (400, 1600, 160)


def test_flaw_36_a_reply_has_a_schema_and_a_limit_of_its_own_and_what_is_cut_off_is_counted(
    opened: Warehouse, server: FakeServer, tmp_path: Path
) -> None:
    cut = '{"outcome": "complete", "probab'
    flawed = "complete" if "complete" in cut else None
    assert flawed == "complete", "the published fall-back finds an answer in what was cut off"
    server.answer = lambda request, number: completion(cut, "length")
    result = ask(opened, server, tmp_path, config={"max_tokens": 4_321})
    assert result.outcomes == {"answered": 0, "unreadable": 0, "truncated": 4, "refused": 0, "failed": 0}
    assert all(sample.scores and sample.scores["correct"] == 0 for sample in result.samples)
    assert all(asks_for_schema(request) and request["max_tokens"] == 4_321 for request in server.requests)
    server.requests.clear()
    ask(opened, server, tmp_path / "unlimited")
    assert not any("max_tokens" in request for request in server.requests), "no limit unless one is asked for"


def test_flaw_36_any_server_that_speaks_the_protocol_can_be_asked(
    opened: Warehouse, server: FakeServer, tmp_path: Path
) -> None:
    flawed = {"azure"}
    for provider, more in (("openai-api/fake", {}), ("openai", {"responses_api": False})):
        assert provider not in flawed
        model = Contestant(model=f"{provider}/tiny", base_url=server.url, args={"api_key": "none"} | more)
        (found,) = evaluate.run_all([TASK], [model], opened.path, Options(limit=2), log_dir=tmp_path / provider)
        assert found.outcomes["answered"] == 2
