"""Paired comparisons: groups drawn together, and a test by exchange."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.evaluate.test_runs import _score, made
from trialpanorama import evaluate
from trialpanorama.errors import UnknownName, UserError
from trialpanorama.evaluate.results import Result


def _pair(n: int, better: float, seed: int) -> tuple[Result, Result]:
    random = np.random.default_rng(seed)
    hard = random.random(n)
    return (
        made([_score(bool(random.random() > h - better), i) for i, h in enumerate(hard)]),
        made([_score(bool(random.random() > h), i) for i, h in enumerate(hard)], model="other/model"),
    )


def test_every_metric_is_compared_on_the_same_samples() -> None:
    one, other = _pair(200, 0.2, 1)
    found = evaluate.compare(one, other)
    assert [row.metric for row in found] == ["accuracy", "macro_f1"]
    accuracy = found[0]
    assert accuracy.mine is not None
    assert accuracy.theirs is not None
    assert accuracy.value == pytest.approx(accuracy.mine - accuracy.theirs)
    assert accuracy == evaluate.difference(one, other)
    assert (accuracy.n, accuracy.groups, accuracy.left_out) == (200, 200, 0)
    assert accuracy.p_value is not None
    assert accuracy.p_value < 0.01
    assert evaluate.compare(one, one)[0].p_value == 1


def test_samples_of_one_group_are_drawn_and_exchanged_together() -> None:
    one, other = _pair(200, 0.15, 3)
    alone = evaluate.difference(one, other)
    # Twenty copies of ten samples say no more than ten samples.
    for run in (one, other):
        run.samples = [
            type(s)(id=f"{s.id}.{copy}", scores=s.scores, rows=s.rows, group=s.group)
            for s in run.samples[:10]
            for copy in range(20)
        ]
    grouped = evaluate.difference(one, other)
    assert (grouped.n, grouped.groups) == (200, 10)
    assert grouped.low is not None
    assert grouped.high is not None
    assert alone.low is not None
    assert alone.high is not None
    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)
    assert grouped.p_value is not None
    assert alone.p_value is not None
    assert grouped.p_value > alone.p_value


def test_sides_may_give_different_numbers_of_rows_for_a_sample() -> None:
    one, other = _pair(30, 0.3, 4)
    for sample in one.samples:
        sample.rows = sample.rows * 3
    found = evaluate.difference(one, other)
    assert found.groups == 30
    assert found.value == pytest.approx((found.mine or 0) - (found.theirs or 0))
    assert found.low is not None


@pytest.mark.slow
def test_the_test_by_exchange_is_wrong_as_often_as_it_says() -> None:
    p_values = [evaluate.difference(*_pair(60, 0.0, seed), resamples=200).p_value or 1 for seed in range(150)]
    assert 0.01 <= np.mean([p < 0.1 for p in p_values]) <= 0.18


def test_runs_are_found_by_log_or_by_model(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no folder"):
        evaluate.find_runs(("a/b", "c/d"), tmp_path / "none")


def test_runs_of_an_older_version_do_not_compare() -> None:
    old = made([_score(True)] * 3, version=99)
    with pytest.raises(UserError, match="rescore"):
        evaluate.difference(old, old)
    with pytest.raises(UnknownName, match="accuracy"):
        evaluate.difference(made([_score(True)]), made([_score(True)]), "acuracy")
