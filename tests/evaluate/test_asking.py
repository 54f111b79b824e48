"""How models are asked: several at once, with a schema where they take one, once for each sample."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fake_model import FakeServer, asks_for_schema, completion
from tests.handmade import many_trials, warehouse
from tests.tasks import published_rows
from tests.tasks.test_outcome_labels import TOP_ROW, write
from trialpanorama import evaluate, tasks
from trialpanorama.errors import UserError
from trialpanorama.evaluate import Contestant, Options, Price
from trialpanorama.evaluate.runs import load_environment
from trialpanorama.tasks import _published
from trialpanorama.warehouse import Warehouse

TASK = "trial_completion"
REPLY = '{"outcome": "stopped", "probability": 0.1, "reason": "efficacy"}'


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    made = warehouse(tmp_path_factory.mktemp("asking") / "w", many_trials(150))
    tasks.build(made, names=[TASK, "endpoint_design"])
    return made


@pytest.fixture
def server() -> Iterator[FakeServer]:
    made = FakeServer(needs_schema=False)
    made.answer = lambda request, number: completion(REPLY)
    yield made
    made.close()


def contestant(server: FakeServer, name: str = "tiny", label: str = "", **more: Any) -> Contestant:
    more["config"] = {"max_retries": 0, "attempt_timeout": 20} | more.get("config", {})
    return Contestant(
        model=f"openai-api/fake/{name}", name=label, base_url=server.url, args={"api_key": "none"}, **more
    )


def run(opened: Warehouse, folder: Path, *models: Any, names: tuple[str, ...] = (TASK,), **more: Any) -> Any:
    return evaluate.run_all(names, models, opened.path, Options(**({"limit": 6} | more)), log_dir=folder)


def test_several_models_are_asked_at_once_and_baselines_beside_them(
    opened: Warehouse, server: FakeServer, tmp_path: Path
) -> None:
    began: dict[str, list[float]] = {}

    def answer(request: dict[str, Any], number: int) -> Any:
        began.setdefault(request["model"], []).append(time.monotonic())
        time.sleep(0.2)
        return completion(REPLY)

    server.answer = answer
    slow = {"max_connections": 1}
    models = [contestant(server, "one", config=slow), contestant(server, "two", config=slow), "baseline/majority"]
    results = run(opened, tmp_path, *models, names=(TASK, "endpoint_design"))
    assert [(r.task, r.model) for r in results] == [
        (task, model)
        for task in (TASK, "endpoint_design")
        for model in ("openai-api/fake/one", "openai-api/fake/two", "baseline/majority")
    ]
    assert all(r.n == 6 and not r.failed for r in results)
    assert max(began["one"][0], began["two"][0]) < min(began["one"][-1], began["two"][-1]), "side by side"
    assert len(list(tmp_path.rglob("results.json"))) == len(list(tmp_path.rglob("metrics.json"))) == 6


def test_files_beside_the_log_tell_each_sample_and_each_figure(
    opened: Warehouse, server: FakeServer, tmp_path: Path
) -> None:
    (result,) = run(opened, tmp_path, contestant(server, price=Price(2, 8, cache_read=1)))
    (results,), (metrics,) = tmp_path.rglob("results.json"), tmp_path.rglob("metrics.json")
    assert results.parent == metrics.parent
    assert results.parent.parent.name == "openai-api-fake-tiny", "a folder for each model, in it one for each time"
    told = json.loads(results.read_bytes())
    assert told["log"] == Path(result.log).name
    assert [s["id"] for s in told["samples"]] == [s.id for s in result.samples]
    first = told["samples"][0]
    assert (first["reply"], first["outcome"], first["error"]) == (REPLY, "answered", None)
    assert (first["input_tokens"], first["cache_read_tokens"], first["output_tokens"]) == (100, 400, 40)
    assert first["cost"] == pytest.approx((100 * 2 + 400 * 1 + 40 * 8) / 1e6)
    assert first["reward"] == tasks.task(TASK).reward(first["scores"])
    told = json.loads(metrics.read_bytes())
    assert told["usage"]["cost"] == pytest.approx(6 * first["cost"])
    assert told["outcomes"] == {"answered": 6, "unreadable": 0, "truncated": 0, "refused": 0, "failed": 0}
    row = evaluate.table([result])[0]
    assert told["metrics"][row.metric]["value"] == row.value
    assert told["metrics"][row.metric]["low"] == row.low


def test_the_reward_in_the_log_is_the_task_s_own(opened: Warehouse, server: FakeServer, tmp_path: Path) -> None:
    (result,) = run(opened, tmp_path, contestant(server))
    chosen = tasks.task(TASK)
    for sample, came in zip(tasks.load(opened, chosen, "test"), result.samples, strict=False):
        scores = chosen.score(chosen.read(came.reply, sample), sample)
        assert came.scores == scores
        assert came.reward == chosen.reward(scores)
        assert came.group == sample.group
        assert came.date == sample.date


# --- the form of a reply


def test_a_schema_is_given_unless_told_otherwise(opened: Warehouse, server: FakeServer, tmp_path: Path) -> None:
    (result,) = run(opened, tmp_path / "a", contestant(server))
    assert all(asks_for_schema(request) for request in server.requests)
    assert result.settings["structured"] is True
    server.requests.clear()
    (result,) = run(opened, tmp_path / "b", contestant(server), structured=False)
    assert not any("response_format" in request for request in server.requests)
    assert result.settings["structured"] is False


def test_a_server_that_knows_no_schemas_is_asked_without(opened: Warehouse, server: FakeServer, tmp_path: Path) -> None:
    def answer(request: dict[str, Any], number: int) -> Any:
        if "response_format" in request:
            return 400, {"error": {"message": "response_format is not supported"}}
        return completion(REPLY)

    server.answer = answer
    (result,) = run(opened, tmp_path, contestant(server, config={"max_connections": 1}))
    assert result.outcomes["answered"] == 6
    refused = sum("response_format" in request for request in server.requests)
    assert refused == 1, "once it has said so it is not tried again"
    assert result.usage.output_tokens == 6 * 40


def test_a_bad_request_stays_one(opened: Warehouse, server: FakeServer, tmp_path: Path) -> None:
    server.answer = lambda request, number: (400, {"error": {"message": "too long"}})
    with pytest.raises(UserError, match=r"answered none of 6.*too long"):
        run(opened, tmp_path, contestant(server))


# --- what was asked is not asked again


def test_the_same_command_asks_only_for_what_failed(opened: Warehouse, server: FakeServer, tmp_path: Path) -> None:
    chosen = tasks.task(TASK)
    samples = tasks.load(opened, chosen, "test")[:6]
    bad = chosen.prompt(samples[2])

    def answer(request: dict[str, Any], number: int) -> Any:
        is_bad = request["messages"][-1]["content"] == bad
        return (418, {"error": {"message": "broken"}}) if is_bad else completion(REPLY)

    server.answer = answer
    (first,) = run(opened, tmp_path, contestant(server))
    assert (first.failed, first.outcomes["answered"]) == (1, 5)
    assert "broken" in str(first.samples[2].error)
    server.requests.clear()
    server.answer = lambda request, number: completion(REPLY)
    (second,) = run(opened, tmp_path, contestant(server))
    assert [request["messages"][-1]["content"] for request in server.requests] == [bad]
    assert (second.failed, second.usage.output_tokens) == (0, 6 * 40)
    assert [one.failed for one in evaluate.read_logs(tmp_path)] == [0], "the whole run counts"
    # All answered: the same command is another run.
    server.requests.clear()
    run(opened, tmp_path, contestant(server))
    assert len(server.requests) == 6


def test_another_way_of_asking_is_another_run(opened: Warehouse, server: FakeServer, tmp_path: Path) -> None:
    broken = tasks.task(TASK).prompt(tasks.load(opened, tasks.task(TASK), "test")[0])

    def answer(request: dict[str, Any], number: int) -> Any:
        is_broken = request["messages"][-1]["content"] == broken
        return (418, {"error": {"message": "broken"}}) if is_broken else completion(REPLY)

    server.answer = answer
    for more in ({}, {"config": {"temperature": 1}}, {"system_prompt": "Be brief."}, {"fresh": True}):
        server.requests.clear()
        run(opened, tmp_path, contestant(server), **more)
        asked = {request["messages"][-1]["content"] for request in server.requests}
        assert len(asked) == 6, more
    server.requests.clear()
    run(opened, tmp_path, contestant(server))
    assert {request["messages"][-1]["content"] for request in server.requests} == {broken}


# --- options


def test_options_reach_the_server(opened: Warehouse, server: FakeServer, tmp_path: Path) -> None:
    config = {"temperature": 0.5, "max_tokens": 77, "seed": 3}
    (result,) = run(opened, tmp_path, contestant(server), config=config, system_prompt="Be brief.", limit=1)
    (request,) = server.requests
    assert (request["temperature"], request["max_tokens"], request["seed"]) == (0.5, 77, 3)
    assert request["messages"][0] == {"role": "system", "content": "Be brief."}
    assert [message["role"] for message in request["messages"]] == ["system", "user"]
    assert result.settings["config"] == config
    assert result.settings["system_prompt"] == "Be brief."


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"config": {"temprature": 1}}, "no generation option temprature"),
        ({"config": {"temperature": "hot"}}, "temperature"),
        ({"after": "soon"}, "no date"),
        ({"after": "2999"}, "dated later than 2999"),
        ({"after": "cutoff"}, "no `cutoff`"),
        ({"paths": (Path("nowhere.jsonl"),)}, "no file nowhere.jsonl"),
    ],
)
def test_a_mistake_is_said_before_anything_is_asked(
    options: dict[str, Any], says: str, opened: Warehouse, server: FakeServer, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=says) as caught:
        run(opened, tmp_path / "logs", contestant(server), **options)
    assert "\n" not in str(caught.value)
    assert server.requests == []
    assert not (tmp_path / "logs").exists()


def test_only_samples_after_a_cut_off_are_asked(opened: Warehouse, server: FakeServer, tmp_path: Path) -> None:
    dates = sorted(sample.date for sample in tasks.load(opened, tasks.task(TASK), "test"))
    middle = dates[len(dates) // 2]
    later = sum(date > middle for date in dates)
    models = [contestant(server, cutoff=middle), "baseline/majority"]
    model, baseline = run(opened, tmp_path, *models, after="cutoff", limit=None)
    assert (model.n, baseline.n) == (later, len(dates))
    assert (model.after, model.cutoff) == (middle, middle)
    (again,) = run(opened, tmp_path, contestant(server, "other"), after=middle, limit=None)
    assert again.n == later


def test_a_folder_s_env_file_is_read_and_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("TP_TEST_ONE=file\nTP_TEST_TWO=file\n", encoding="utf-8")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    # Set and taken away again, so that what the file sets is gone after the test.
    monkeypatch.setenv("TP_TEST_ONE", "x")
    monkeypatch.delenv("TP_TEST_ONE")
    monkeypatch.setenv("TP_TEST_TWO", "environment")
    load_environment()
    assert (os.environ["TP_TEST_ONE"], os.environ["TP_TEST_TWO"]) == ("file", "environment")


def test_names_of_a_matrix_are_the_names_in_tables(opened: Warehouse, server: FakeServer, tmp_path: Path) -> None:
    cold, warm = (contestant(server, "tiny", label=f"tiny at {t}", config={"temperature": t}) for t in (0, 1))
    run(opened, tmp_path, cold, warm)
    assert sorted(one.model for one in evaluate.read_logs(tmp_path)) == ["tiny at 0", "tiny at 1"]
    assert {request["temperature"] for request in server.requests} == {0, 1}


# --- scoring anew


def test_a_log_is_scored_anew_without_asking(
    opened: Warehouse, server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = tasks.task(TASK).prompt(tasks.load(opened, tasks.task(TASK), "test")[1])

    def answer(request: dict[str, Any], number: int) -> Any:
        is_failing = request["messages"][-1]["content"] == failing
        return (418, {"error": {"message": "broken"}}) if is_failing else completion(REPLY)

    server.answer = answer
    (before,) = run(opened, tmp_path, contestant(server))
    server.requests.clear()
    chosen = tasks.task(TASK)
    score = type(chosen).score
    monkeypatch.setattr(type(chosen), "score", lambda self, a, s: score(self, a, s) | {"correct": 0.25})
    after = evaluate.rescore(before.log)
    assert server.requests == []
    assert {s.scores["correct"] for s in after.samples if s.scores} == {0.25}
    assert (after.n, after.failed, after.usage) == (before.n, 1, before.usage)
    assert [s.reply for s in after.samples] == [s.reply for s in before.samples]
    assert after.log != before.log
    assert evaluate.read_result(before.log).scores == before.scores, "the log itself stays as it was"
    assert [one.log for one in evaluate.read_logs(tmp_path)] == [after.log], "the latest counts"


def test_a_log_of_other_words_is_not_scored_anew(
    opened: Warehouse, server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (before,) = run(opened, tmp_path, contestant(server))
    chosen = tasks.task(TASK)
    prompt = type(chosen).prompt
    monkeypatch.setattr(type(chosen), "prompt", lambda self, sample: prompt(self, sample) + " Really?")
    with pytest.raises(UserError, match="other words"):
        evaluate.rescore(before.log)
    with pytest.raises(UserError, match="no log"):
        evaluate.rescore(tmp_path / "none.eval")


# --- samples from files


@pytest.mark.parametrize("name", ["endpoint_design", "trial_completion"])
def test_the_published_benchmark_is_asked_from_its_files(
    name: str, server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRIALPANORAMA_WAREHOUSE", raising=False)
    monkeypatch.chdir(tmp_path)
    benchmark = tmp_path / "benchmark"
    for split in ("train", "test"):
        published_rows.write(benchmark / _published.folder(name), name, split)
    for path in benchmark.rglob("train*"):  # a baseline does not learn from what it is asked
        path.write_text(path.read_text(encoding="utf-8").replace("NCT990000", "NCT990009"), encoding="utf-8")
    options = Options(paths=(benchmark,))
    model, baseline = evaluate.run_all([name], [contestant(server), "baseline/majority"], None, options)
    expected = list(tasks.task(name).samples_from([benchmark], "test"))
    for result in (model, baseline):
        assert [sample.id for sample in result.samples] == [sample.id for sample in expected]
        assert not result.failed
        assert result.snapshot.startswith("files-")
    assert evaluate.compare(model, baseline)[0].n == len(expected)
    with pytest.raises(UserError, match="holds no validation split"):
        evaluate.run_all([name], ["baseline/majority"], None, Options(paths=(benchmark,), split="validation"))


def test_a_baseline_learns_nothing_from_the_trials_that_it_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Label files of outcomes have one part: whoever learnt from it would be asked what it has seen."""
    monkeypatch.delenv("TRIALPANORAMA_WAREHOUSE", raising=False)
    monkeypatch.chdir(tmp_path)
    rows = [TOP_ROW | {"nctid": f"NCT9900{number:04}", "label": str(number % 2)} for number in range(12)]
    options = Options(paths=(write(tmp_path / "top.csv", rows),))
    with pytest.raises(UserError, match="beside those that are asked"):
        evaluate.run_all(["outcome_prediction"], ["baseline/majority"], None, options)
