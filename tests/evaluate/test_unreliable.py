"""A server that answers, stalls, resets, says 429 and 500, cuts JSON short and refuses: no sample is lost.

What comes of a request is decided by its prompt and by how often that was asked, so that a test knows what must come
out, in whatever order requests arrive.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.fake_model import FakeServer, completion
from tests.handmade import many_trials, warehouse
from trialpanorama import evaluate, tasks
from trialpanorama.evaluate.results import OUTCOMES
from trialpanorama.warehouse import Warehouse

REPOSITORY = Path(__file__).resolve().parents[2]
TASK = "trial_completion"
SEED = 7

ENDS = {
    "answered": lambda: completion('{"outcome": "stopped", "probability": 0.2, "reason": "efficacy"}'),
    "right": lambda: completion('Let me think.\n```json\n{"outcome": "complete", "probability": 0.9}\n```'),
    "filtered": lambda: completion(None, "content_filter"),
    "refused": lambda: completion(None, "stop", "I cannot help with that."),
    "truncated": lambda: completion('{"outcome": "stopp', "length"),
    "unreadable": lambda: completion("That depends."),
    "failed": lambda: (500, {"error": {"message": "always"}}),
}  # fmt: skip
OUTCOME = {"right": "answered", "filtered": "refused"}


def end_of(prompt: str) -> str:
    """What a prompt is replied in the end."""
    return random.Random(f"{SEED}:{prompt}").choices(list(ENDS), [50, 30, 3, 3, 4, 5, 2])[0]


class Unreliable:
    """Decides what comes of each request, and remembers what was asked and what was replied."""

    def __init__(self, stalls: float = 0.02) -> None:
        self.asked: Counter[str] = Counter()
        self.replied: Counter[str] = Counter()
        self.most_at_once = 0
        self._now, self._lock, self._stalls = 0, threading.Lock(), stalls

    def __call__(self, request: dict[str, Any], number: int) -> Any:
        prompt = request["messages"][-1]["content"]
        with self._lock:
            self.asked[prompt] += 1
            times = self.asked[prompt]
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        time.sleep(0.05)
        with self._lock:
            self._now -= 1
        faults = [None, "reset", "cut", (429, {"error": {"message": "slow"}}), (500, {"error": {"message": "x"}}), "ok"]
        weights = [self._stalls, 0.05, 0.02, 0.05, 0.05, 1 - 0.17 - self._stalls]
        fault: Any = random.Random(f"{SEED}:{times}:{prompt}").choices(faults, weights)[0]
        # A body that is cut twice fails the sample; once is enough to see that it is asked again.
        if fault == "ok" or (fault == "cut" and times > 1):
            with self._lock:
                self.replied[prompt] += 1
            return ENDS[end_of(prompt)]()
        return fault


@pytest.fixture
def server() -> Iterator[FakeServer]:
    made = FakeServer(needs_schema=False)
    yield made
    made.close()


@pytest.fixture
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeat requests at once: how long Inspect waits in between is not what is tested."""
    from inspect_ai.model._model import ModelAPI
    from tenacity import wait_fixed

    monkeypatch.setattr(ModelAPI, "retry_wait", lambda self: wait_fixed(0.02))


def contestant(url: str, **config: Any) -> evaluate.Contestant:
    patience = {"max_retries": 4, "attempt_timeout": 8, "max_connections": 50}
    return evaluate.Contestant(
        model="openai-api/fake/tiny", base_url=url, args={"api_key": "none"}, config=patience | config
    )


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    made = warehouse(tmp_path_factory.mktemp("unreliable") / "w", many_trials(1_500))
    tasks.build(made, names=[TASK])
    return made


def _accounted(opened: Warehouse, server: FakeServer, folder: Path, n: int) -> None:
    server.answer = faults = Unreliable()
    options = evaluate.Options(split="train", limit=n)
    (result,) = evaluate.run_all([TASK], [contestant(server.url)], opened.path, options, log_dir=folder)
    chosen = tasks.task(TASK)
    samples = tasks.load(opened, chosen, "train")[:n]
    ends = {sample.id: end_of(chosen.prompt(sample)) for sample in samples}
    found = {sample.id: sample.outcome for sample in result.samples}
    assert found == {id: OUTCOME.get(end, end) for id, end in ends.items()}
    assert result.n == n == sum(result.outcomes.values())
    assert all(result.outcomes[outcome] for outcome in OUTCOMES), "every kind of end is met"
    assert faults.most_at_once <= 50
    assert all(faults.asked[chosen.prompt(s)] for s in samples)
    assert all(s.reply or s.outcome in ("failed", "refused") for s in result.samples)
    # The denominators: failed samples are in no figure, all the others are.
    rows = {row.metric: row for row in evaluate.table([result])}
    scored = [s for s in samples if ends[s.id] != "failed"]
    said = {"answered": "stopped", "right": "complete"}
    truth = np.array([s.gold.outcome for s in scored])
    right = np.array([said.get(ends[s.id]) == s.gold.outcome for s in scored])
    expected = np.mean([right[truth == outcome].mean() for outcome in ("complete", "stopped")])
    row = rows["balanced_accuracy"]
    assert row.value == pytest.approx(expected)
    counted = Counter(found.values())
    assert (row.n, row.failed, row.refused, row.unreadable, row.truncated) == (
        n, counted["failed"], counted["refused"], counted["unreadable"], counted["truncated"],
    )  # fmt: skip
    # The files beside the log tell the same.
    (metrics,), (results,) = folder.rglob("metrics.json"), folder.rglob("results.json")
    told = json.loads(metrics.read_bytes())
    assert told["outcomes"] == result.outcomes
    assert told["metrics"]["balanced_accuracy"]["value"] == pytest.approx(expected)
    assert Counter(sample["outcome"] for sample in json.loads(results.read_bytes())["samples"]) == counted
    assert told["usage"]["output_tokens"] == 40 * len(scored)
    assert sum(sample.repetitions for sample in result.samples) > 0, "requests that were made again are told"


@pytest.mark.usefixtures("_no_waiting")
def test_every_sample_is_accounted_for(opened: Warehouse, server: FakeServer, tmp_path: Path) -> None:
    _accounted(opened, server, tmp_path, 150)


@pytest.mark.verify
@pytest.mark.usefixtures("_no_waiting")
def test_a_thousand_samples_at_fifty_in_flight_are_accounted_for(
    opened: Warehouse, server: FakeServer, tmp_path: Path
) -> None:
    _accounted(opened, server, tmp_path, 1_000)


_RUN = """
import sys
from pathlib import Path
from inspect_ai.model._model import ModelAPI
from tenacity import wait_fixed
ModelAPI.retry_wait = lambda self: wait_fixed(0.02)
from tests.evaluate.test_unreliable import TASK, contestant
from trialpanorama import evaluate
url, warehouse, logs, n = sys.argv[1:]
options = evaluate.Options(split="train", limit=int(n))
(result,) = evaluate.run_all([TASK], [contestant(url)], warehouse, options, log_dir=logs)
print(result.n, result.status)
"""


def _killed_and_resumed(
    opened: Warehouse, server: FakeServer, folder: Path, n: int, kills: int, how: signal.Signals = signal.SIGKILL
) -> None:
    chosen = tasks.task(TASK)
    samples = tasks.load(opened, chosen, "train")[:n]
    prompts = {chosen.prompt(sample): sample.id for sample in samples}
    command = [sys.executable, "-c", _RUN, server.url, str(opened.path), str(folder), str(n)]
    had: set[str] = set()
    asked_twice = 0
    for attempt in range(kills + 1):
        server.answer = faults = Unreliable(stalls=0)
        if attempt < kills:
            process = subprocess.Popen(
                command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
            )
            target = (n - len(had)) // 2
            deadline = time.monotonic() + 120
            while sum(faults.replied.values()) < target and process.poll() is None:
                assert time.monotonic() < deadline
                time.sleep(0.005)
            process.send_signal(how)
            out, err = process.communicate(timeout=120)
            assert process.returncode in (-how, 128 + how), (process.returncode, err)
            assert out == "", "it was ended in the middle"
        else:  # another process than the one that was ended: this one, which need not start first
            options = evaluate.Options(split="train", limit=n)
            (last,) = evaluate.run_all([TASK], [contestant(server.url)], opened.path, options, log_dir=folder)
            assert (last.n, last.status) == (n, "success")
        again = {prompts[prompt] for prompt in faults.asked} & had
        assert not again, "what the run had is not asked for again"
        replied = {prompts[prompt] for prompt in faults.replied if end_of(prompt) != "failed"}
        kept = _kept(folder)
        asked_twice += len(replied - kept) if attempt < kills else 0
        had |= kept
    assert asked_twice <= kills * 50, "only what was in flight can be asked for again"
    assert not _kept(folder) or any(end_of(prompt) == "failed" for prompt in prompts)
    (result,) = evaluate.read_logs(folder)
    assert {s.id: s.outcome for s in result.samples} == {
        id: OUTCOME.get(end_of(prompt), end_of(prompt)) for prompt, id in prompts.items()
    }
    # A run that ended whole tells the tokens of all its replies, whichever attempt received them.
    assert result.usage.output_tokens == 40 * (n - result.failed)


def _kept(folder: Path) -> set[str]:
    found = set()
    for path in (folder / ".replies").glob("*.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                found.add(json.loads(line)["id"])
            except ValueError:
                continue
    return found


@pytest.mark.slow
@pytest.mark.usefixtures("_no_waiting")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_was_ended_goes_on_and_asks_nothing_twice(
    how: signal.Signals, opened: Warehouse, server: FakeServer, tmp_path: Path
) -> None:
    _killed_and_resumed(opened, server, tmp_path, 100, 1, how)


@pytest.mark.verify
@pytest.mark.usefixtures("_no_waiting")
def test_a_run_that_is_killed_again_and_again_goes_on(opened: Warehouse, server: FakeServer, tmp_path: Path) -> None:
    _killed_and_resumed(opened, server, tmp_path, 1_000, 3)
