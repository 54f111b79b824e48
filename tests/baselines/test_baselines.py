"""Baselines: each learns from train, replies in the task's form, and does what it says."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.handmade import connection, many_trials
from tests.tasks.test_trials import TRIAL_TASKS
from trialpanorama import baselines
from trialpanorama.errors import UnknownName, UserError
from trialpanorama.tasks import SPLITS, AnySample, AnyTask, LabelTask, Unreadable, task, tasks


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    return connection(many_trials(400))


def _figures(name: str, chosen: AnyTask, con: duckdb.DuckDBPyConnection) -> tuple[dict[str, float], list[str]]:
    training, test = list(chosen.samples(con, "train")), list(chosen.samples(con, "test"))
    made = baselines.baseline(name)()
    made.fit(training, chosen)
    replies = [made.answer(sample) for sample in test]
    answers = [chosen.read(reply, sample) for reply, sample in zip(replies, test, strict=True)]
    assert not any(isinstance(answer, Unreadable) for answer in answers)
    return chosen.aggregate([chosen.score(a, s) for a, s in zip(answers, test, strict=True)]), replies


def test_every_file_of_the_folder_is_a_baseline_that_says_what_it_is() -> None:
    files = {path.stem for path in Path(baselines.__file__).parent.glob("[!_]*.py")}
    assert set(baselines.baselines()) == files
    for name, made in baselines.baselines().items():
        assert made.name == name
        assert made.meaning


def test_a_misspelt_baseline_is_told_the_nearest() -> None:
    with pytest.raises(UnknownName, match="Close: majority"):
        baselines.baseline("majorty")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["majority", "linear", "lexical", "option_only", "random_choice"])
@pytest.mark.parametrize("task_name", ["trial_completion", "endpoint_design"])
def test_replies_are_read_and_the_same_each_time(name: str, task_name: str, con: duckdb.DuckDBPyConnection) -> None:
    chosen = task(task_name)
    sample = next(iter(chosen.samples(con, "test")))
    if not baselines.baseline(name).answers(chosen, sample):
        assert task_name == "trial_completion"
        assert name in ("lexical", "option_only")
        return
    assert _figures(name, chosen, con)[1] == _figures(name, chosen, con)[1]


def test_majority_is_the_floor(con: duckdb.DuckDBPyConnection) -> None:
    completion, replies = _figures("majority", task("trial_completion"), con)
    assert completion["balanced_accuracy"] == completion["auroc"] == 0.5
    assert len(set(replies)) == 1
    endpoint, replies = _figures("majority", task("endpoint_design"), con)
    assert endpoint["accuracy"] == pytest.approx(0.25, abs=0.02)
    assert len(set(replies)) == 1


def test_linear_finds_the_signal_that_is_there(con: duckdb.DuckDBPyConnection) -> None:
    """Rural trials stop at 55 %, urban ones at 12 %: the best AUROC that can be had is about 0.76."""
    figures, _ = _figures("linear", task("trial_completion"), con)
    assert 0.62 < figures["auroc"] < 0.85
    assert figures["balanced_accuracy"] > 0.6
    assert figures["brier"] < _figures("majority", task("trial_completion"), con)[0]["brier"]


@pytest.mark.slow
def test_linear_and_lexical_find_the_drug_that_an_endpoint_names_unless_it_is_masked(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trialpanorama.tasks._distractors._TELLING", 0.0)
    for name in ("linear", "lexical"):
        assert _figures(name, task("endpoint_design"), con)[0]["accuracy"] > 0.3
    monkeypatch.setattr("trialpanorama.tasks._distractors._TELLING", 1.0)
    for name in ("linear", "lexical"):
        assert _figures(name, task("endpoint_design"), con)[0]["accuracy"] < 0.3


def test_random_choice_is_chance_and_the_same_each_time(con: duckdb.DuckDBPyConnection) -> None:
    chosen = task("endpoint_design")
    samples = [sample for split in SPLITS for sample in chosen.samples(con, split)]
    made = baselines.baseline("random_choice")()
    made.fit([], chosen)
    replies = [made.answer(sample) for sample in samples]
    right = [chosen.score(chosen.read(r, s), s)["correct"] for r, s in zip(replies, samples, strict=True)]
    assert len(right) > 300
    assert sum(right) / len(right) == pytest.approx(0.25, abs=0.07)
    assert [made.answer(sample) for sample in samples] == replies


def test_random_choice_tosses_a_coin_where_several_options_may_be_right(con: duckdb.DuckDBPyConnection) -> None:
    figures, replies = _figures("random_choice", task("eligibility_design_all"), con)
    assert figures["option_accuracy"] == pytest.approx(0.5, abs=0.1)
    assert figures["accuracy"] < 0.1
    assert len(set(replies)) > 10
    with pytest.raises(UserError, match="cannot answer arm_design_free"):
        baselines.baseline("random_choice")().fit([], task("arm_design_free"))


def test_training_of_one_answer_only_gives_that_answer(con: duckdb.DuckDBPyConnection) -> None:
    chosen = task("trial_completion")
    one = [sample for sample in chosen.samples(con, "train") if sample.gold.outcome == "complete"]
    for name in ("majority", "linear", "boosted"):
        made = baselines.baseline(name)()
        made.fit(one, chosen)
        assert chosen.read(made.answer(one[0]), one[0]) == chosen.read(
            '{"outcome": "complete", "reason": "enrollment"}', one[0]
        )


def test_frequencies_are_shares_over_all_labels(con: duckdb.DuckDBPyConnection) -> None:
    for chosen in tasks().values():
        samples: list[AnySample] = list(chosen.samples(con, "train"))
        if not isinstance(chosen, LabelTask) or not samples:
            assert chosen.name not in TRIAL_TASKS
            continue
        shares = baselines.frequencies(samples, chosen)
        assert set(shares) == set(chosen.labels(samples[0]))
        assert sum(shares.values()) == pytest.approx(1)
