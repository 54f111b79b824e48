"""The benchmark of completion: how its folds part trials, and what it adds to what a forecast may see."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.handmade import connection, many_trials
from trialpanorama.tasks import task

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import completion

    yield completion
    sys.modules.pop("completion", None)


@pytest.fixture(scope="module")
def samples() -> list[Any]:
    con = connection(many_trials(120))
    found = [one for split in ("train", "validation", "test") for one in task("trial_completion").samples(con, split)]
    # A group that spans all of the time.
    found = [msgspec.structs.replace(one, group="wide") if n % 20 == 0 else one for n, one in enumerate(found)]
    return sorted(found, key=lambda one: (one.date, one.subject))


@pytest.mark.parametrize("design", ["forward", "blocked", "shuffled"])
def test_no_group_stands_on_both_sides_and_forward_trains_on_earlier_trials_alone(
    benchmark: Any, samples: list[Any], design: str
) -> None:
    asked = []
    for _, training, test in getattr(benchmark, design)(samples):
        assert training
        assert not {one.group for one in training} & {one.group for one in test}
        if design == "forward":
            assert max(one.date for one in training) <= min(one.date for one in test)
        asked += [one.subject for one in test]
    assert len(asked) == len(set(asked))
    assert len(asked) == (round(0.6 * len(samples)) if design == "forward" else len(samples))


def test_blocks_are_judged_by_later_trials_too(benchmark: Any, samples: list[Any]) -> None:
    _, training, test = next(benchmark.blocked(samples))
    assert min(one.date for one in training) >= max(one.date for one in test)


def test_a_wider_task_shows_more_and_has_two_labels(benchmark: Any, samples: list[Any]) -> None:
    one = samples[0]
    known = {one.subject: benchmark.More("made of wool", {"own id=WOOL-#": 1.0})}
    strict, wider = benchmark.Wider(), benchmark.Wider(known)
    assert wider.text(one) == strict.text(one) + "\nmade of wool"
    assert set(wider.features(one)) - set(strict.features(one)) == {"own id=WOOL-#"}
    assert wider.label(one) in wider.labels(one) == ("complete", "stopped")
