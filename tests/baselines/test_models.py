"""The fitted baselines, linear and boosted: what they promise beside finding a signal."""

from __future__ import annotations

from typing import Any

import duckdb
import msgspec
import pytest

from tests.handmade import connection, many_trials
from trialpanorama import baselines
from trialpanorama.tasks import AnySample, Unreadable
from trialpanorama.tasks.trial_completion import TASK, Forecast


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    return connection(many_trials(300))


@pytest.fixture(scope="module", params=["linear", "boosted"])
def fitted(request: pytest.FixtureRequest, con: duckdb.DuckDBPyConnection) -> Any:
    made = baselines.baseline(request.param)()
    made.fit(list(TASK.samples(con, "train")), TASK)
    return made


def test_probabilities_are_of_labels_and_add_to_one(fitted: Any, con: duckdb.DuckDBPyConnection) -> None:
    for sample in TASK.samples(con, "test"):
        found = fitted._model.probabilities(sample)
        assert set(found) <= set(TASK.labels(sample))
        assert sum(found.values()) == pytest.approx(1)


def test_the_answer_that_is_asked_for_is_not_looked_at(fitted: Any, con: duckdb.DuckDBPyConnection) -> None:
    asked = next(one for one in TASK.samples(con, "test") if one.gold.outcome == "stopped")
    other = msgspec.structs.replace(asked, gold=Forecast("complete", 1.0))
    assert fitted.answer(asked) == fitted.answer(other)


def test_trees_find_a_signal_of_words_and_one_of_facts() -> None:
    """Rural trials stop at 55 %, urban ones at 12 %, which their titles alone tell; or their masking does."""
    worded = many_trials(600)
    masked = [
        msgspec.structs.replace(
            one, title=one.title.replace("rural", "some").replace("urban", "some"), studies={"masking": masking}
        )
        for one in worded
        for masking in ["NONE" if "rural" in one.title else "DOUBLE"]
    ]
    for many in (worded, masked):
        con = connection(many)
        made = baselines.baseline("boosted")()
        made.fit(list(TASK.samples(con, "train")), TASK)
        test = list(TASK.samples(con, "test"))
        assert 0.62 < TASK.aggregate([TASK.score(TASK.read(made.answer(one), one), one) for one in test])["auroc"] < 0.9


def test_a_reason_is_given_for_a_stop_that_is_forecast(fitted: Any, con: duckdb.DuckDBPyConnection) -> None:
    answers = [TASK.read(fitted.answer(one), one) for one in TASK.samples(con, "test")]
    assert {answer.outcome for answer in answers if isinstance(answer, Forecast)} == {"complete", "stopped"}
    assert all(isinstance(answer, Forecast) and answer.reason for answer in answers)


@pytest.mark.parametrize("name", ["linear", "boosted"])
@pytest.mark.parametrize("labels", [1, 2, 3])
@pytest.mark.parametrize("each", [1, 3])
def test_few_samples_of_few_labels_are_learnt(
    name: str, labels: int, each: int, con: duckdb.DuckDBPyConnection
) -> None:
    by_label: dict[str, list[AnySample]] = {}
    for one in TASK.samples(con, "train"):
        by_label.setdefault(TASK.label(one), []).append(one)
    few = [one for label in sorted(by_label)[:labels] for one in by_label[label][:each]]
    made = baselines.baseline(name)()
    made.fit(few, TASK)
    assert not isinstance(TASK.read(made.answer(few[0]), few[0]), Unreadable)
