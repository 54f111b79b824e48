"""Intervals over whole groups, and figures by stratum."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.evaluate.test_runs import _score, made
from trialpanorama import evaluate
from trialpanorama.evaluate.figures import Groups, intervals, metrics_facts
from trialpanorama.evaluate.results import later


def _mean(scores: Any) -> float:
    return float(scores["x"].mean()) if len(scores["x"]) else math.nan


def test_whole_groups_are_drawn_and_a_group_drawn_twice_counts_as_two() -> None:
    scores = {"x": np.array([1.0, 2.0, 3.0, 4.0]), "group": np.array([0.0, 1.0, 1.0, 2.0])}
    drawn = Groups(scores).draw(np.array([1, 1, 2]))
    assert drawn["x"].tolist() == [2, 3, 2, 3, 4]
    assert drawn["group"].tolist() == [0, 0, 1, 1, 2]


@pytest.mark.parametrize(("groups", "rows"), [(40, 1), (40, 25)])
def test_an_interval_is_as_wide_as_the_number_of_groups_makes_it(groups: int, rows: int) -> None:
    random = np.random.default_rng(5)
    level = random.normal(0, 1, groups)
    scores = {"x": np.repeat(level, rows), "group": np.repeat(np.arange(groups, dtype=float), rows)}
    found = evaluate.bootstrap(scores, _mean)
    assert found.low is not None
    assert found.high is not None
    # Rows of a group that are all alike add nothing: the interval is that of the groups' means.
    expected = 2 * 1.96 * level.std() / math.sqrt(groups)
    assert found.high - found.low == pytest.approx(expected, rel=0.15)
    if rows > 1:
        naive = evaluate.bootstrap({"x": scores["x"]}, _mean)
        assert naive.high is not None
        assert naive.low is not None
        assert naive.high - naive.low < 0.3 * (found.high - found.low), "rows as if they were independent: too narrow"


def test_one_group_has_no_interval_and_a_figure_that_is_mostly_undefined_neither() -> None:
    one = {"x": np.arange(5.0), "group": np.zeros(5)}
    assert evaluate.bootstrap(one, _mean) == evaluate.Interval(2.0, None, None)
    scores = {"x": np.arange(10.0)}
    rare = evaluate.bootstrap(scores, lambda c: 1.0 if 0.0 in c["x"] else math.nan)
    assert rare == evaluate.Interval(1.0, None, None)


def test_several_figures_come_from_the_same_draws() -> None:
    scores = {"x": np.random.default_rng(1).normal(size=60)}
    both = intervals(scores, {"mean": _mean, "twice": lambda c: 2 * _mean(c)})
    assert both["mean"] == evaluate.bootstrap(scores, _mean)
    assert both["mean"].low is not None
    assert both["twice"].low == pytest.approx(2 * both["mean"].low)


# --- strata


def _run() -> Any:
    run = made([_score(i % 2 == 0, i) for i in range(40)] + [None])
    for place, sample in enumerate(run.samples):
        sample.date = f"20{20 + place // 20}-05-01"
        sample.strata = {"phase": "PHASE3" if place < 36 else "PHASE2", "register": "one"}
    run.samples[-1].strata["phase"] = "PHASE2"
    return run


def test_strata_say_n_what_failed_and_leave_out_what_all_have_in_common() -> None:
    run = _run()
    found = {(row.stratum, row.group): row for row in evaluate.strata(run)}
    assert set(found) == {("phase", "PHASE3"), ("phase", "PHASE2")}
    large, small = found["phase", "PHASE3"], found["phase", "PHASE2"]
    assert (large.n, large.failed, large.value) == (36, 0, 0.5)
    assert large.low is not None
    assert (small.n, small.failed) == (5, 1)
    assert (small.value, small.low) == (0.5, None), "four groups are too few for an interval"


def test_a_training_cut_off_parts_what_may_have_been_read_from_what_cannot() -> None:
    run = _run()
    run.cutoff = "2020-12"
    found = {row.group: row.n for row in evaluate.strata(run) if row.stratum == "training cut-off"}
    assert found == {"until 2020-12": 20, "after 2020-12": 21}
    facts = metrics_facts(run)
    assert {row["stratum"] for row in facts["strata"]} == {"phase", "training cut-off"}
    assert facts["metrics"]["accuracy"]["value"] == 0.5


@pytest.mark.parametrize(
    ("date", "after", "is_later"),
    [
        ("2024-06-30", "2024-06", False),
        ("2024-07-01", "2024-06", True),
        ("2024-07", "2024-06-15", True),
        ("2024-06", "2024-06-15", False),
        ("2025", "2024", True),
        ("2024-12-31", "2024", False),
        ("", "1900", False),
    ],
)
def test_later_is_later_than_the_whole_of_a_month_or_year(date: str, after: str, is_later: bool) -> None:
    assert later(date, after) is is_later


def test_only_samples_after_a_date_are_looked_at() -> None:
    later_part = evaluate.restrict(_run(), "2020")
    assert (later_part.n, later_part.failed, later_part.after) == (21, 1, "2020")
    assert {sample.date[:4] for sample in later_part.samples} == {"2021", "2022"}
    assert {row.n for row in evaluate.table([later_part])} == {21}
    assert evaluate.restrict(later_part, "2019").after == "2020", "what was left out before stays out"
