"""The forecaster: both models, ages, temperature, and what it may not look at."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests.handmade import connection, many_trials
from trialpanorama.baselines import baseline
from trialpanorama.baselines.forecaster import Forecaster, Settings, normalised, temperature_of, weights_by_age
from trialpanorama.errors import UserError
from trialpanorama.tasks import AnyLabelTask, AnySample, LabelTask, Unreadable, task, tasks

FAST = Settings(trees=40, folds=2)
COMPLETION = task("trial_completion")
assert isinstance(COMPLETION, LabelTask)


@pytest.fixture(scope="module")
def made() -> tuple[list[AnySample], list[AnySample]]:
    con = connection(many_trials(400))
    return list(COMPLETION.samples(con, "train")), list(COMPLETION.samples(con, "test"))


@pytest.fixture(scope="module")
def fitted(made: tuple[list[AnySample], list[AnySample]]) -> Forecaster:
    forecaster = Forecaster(FAST)
    forecaster.fit(made[0], COMPLETION)
    return forecaster


def test_it_is_a_baseline_for_labels_that_stay_the_same(made: tuple[list[AnySample], list[AnySample]]) -> None:
    assert baseline("forecaster") is Forecaster
    assert Forecaster.answers(COMPLETION, made[0][0])
    con = connection(many_trials(60))
    choice = task("endpoint_design")
    assert not Forecaster.answers(choice, next(iter(choice.samples(con, "train"))))
    assert not Forecaster.answers(tasks()["sample_size"], made[0][0])
    with pytest.raises(UserError, match="chooses among labels"):
        Forecaster().fit([], tasks()["sample_size"])


def test_probabilities_add_up_are_read_and_find_the_signal(
    fitted: Forecaster, made: tuple[list[AnySample], list[AnySample]]
) -> None:
    """Rural trials stop at 55 %, urban ones at 12 %: the best AUROC that can be had is about 0.76."""
    chances = fitted.probabilities(made[1])
    assert all(sum(row.values()) == pytest.approx(1) for row in chances)
    answers = [COMPLETION.read(fitted.answer(sample), sample) for sample in made[1]]
    assert not any(isinstance(answer, Unreadable) for answer in answers)
    assert [a.probability for a in answers] == pytest.approx([c["complete"] for c in chances], abs=1e-6)
    figures = COMPLETION.aggregate([COMPLETION.score(a, s) for a, s in zip(answers, made[1], strict=True)])
    assert 0.62 < figures["auroc"] < 0.85
    prior = np.mean([COMPLETION.label(s) == "complete" for s in made[0]])
    truth = np.array([COMPLETION.label(s) == "complete" for s in made[1]])
    assert figures["brier"] < float(((prior - truth) ** 2).mean())


def test_the_same_samples_give_the_same_forecasts_and_gold_is_not_looked_at(
    fitted: Forecaster, made: tuple[list[AnySample], list[AnySample]]
) -> None:
    again = Forecaster(FAST)
    again.fit(made[0], COMPLETION)
    asked = made[1][:20]
    assert again.probabilities(asked) == fitted.probabilities(asked)
    other = next(sample.gold for sample in made[1] if sample.gold != asked[0].gold)
    blind = [msgspec.structs.replace(s, gold=other, id="x", subject="y", date="1999-01-01") for s in asked]
    assert again.probabilities(blind) == fitted.probabilities(asked)


def test_one_at_a_time_or_all_at_once_is_the_same(
    fitted: Forecaster, made: tuple[list[AnySample], list[AnySample]]
) -> None:
    asked = made[1][:5]
    for row, alone in zip(fitted.probabilities(asked), (fitted.probabilities([s])[0] for s in asked), strict=True):
        assert row == pytest.approx(alone)


def test_training_of_one_answer_only_gives_that_answer(made: tuple[list[AnySample], list[AnySample]]) -> None:
    one = [sample for sample in made[0] if sample.gold.outcome == "complete"]
    forecaster = Forecaster(FAST)
    forecaster.fit(one, COMPLETION)
    assert forecaster.probabilities(one[:1]) == [{"complete": 1.0}]


def test_few_samples_and_labels_that_a_fold_lacks_do_not_stop_it(
    made: tuple[list[AnySample], list[AnySample]],
) -> None:
    complete = [sample for sample in made[0] if sample.gold.outcome == "complete"]
    stopped = [sample for sample in made[0] if sample.gold.outcome != "complete"]
    for training in (complete[:4] + stopped[:1], complete[:90] + stopped[:1]):
        forecaster = Forecaster(FAST)
        forecaster.fit(training, COMPLETION)
        assert sum(forecaster.probabilities(made[1][:1])[0].values()) == pytest.approx(1)


@pytest.mark.parametrize("settings", [Settings(trees=0, folds=2), Settings(strength=0, trees=40, folds=0, facts=False)])
def test_either_model_works_alone(settings: Settings, made: tuple[list[AnySample], list[AnySample]]) -> None:
    forecaster = Forecaster(settings)
    forecaster.fit(made[0], COMPLETION)
    assert len({row["complete"] for row in forecaster.probabilities(made[1])}) > 3


def test_the_latest_trials_weigh_most(made: tuple[list[AnySample], list[AnySample]]) -> None:
    old, new = (msgspec.structs.replace(made[0][0], date=date) for date in ("2010-06-01", "2015-06"))
    weights = weights_by_age([old, new], 5.0)
    assert weights[1] == pytest.approx(2 * weights[0])
    assert weights.mean() == pytest.approx(1)
    assert weights_by_age([old, new], None).tolist() == [1, 1]


def test_a_recent_change_is_learnt_sooner_with_a_half_life(made: tuple[list[AnySample], list[AnySample]]) -> None:
    """Long ago the one word told success, of late the other: only a model that forgets follows."""
    gold = {s.gold.outcome: s.gold for s in made[0]}
    samples = []
    for number in range(240):
        is_late, rural = number >= 160, number % 2 == 0
        said = msgspec.structs.replace(made[0][0].inputs, title=f"Study at {'rural' if rural else 'urban'} sites")
        samples.append(
            msgspec.structs.replace(
                made[0][0],
                inputs=said,
                group=str(number),
                date=f"{2020 if is_late else 2000}-01-01",
                gold=gold["complete" if rural == is_late else "stopped"],
            )
        )
    rural = samples[0]
    chances = []
    for half_life in (2.0, None):
        forecaster = Forecaster(Settings(half_life_years=half_life, trees=0))
        forecaster.fit(samples, COMPLETION)
        chances.append(forecaster.probabilities([rural])[0]["complete"])
    assert chances[0] > 0.5 > chances[1]


def test_the_temperature_dims_what_is_too_sure_and_sharpens_what_is_too_timid() -> None:
    random = np.random.default_rng(2)
    logit = random.normal(0, 1.5, 4_000)
    truth = (random.random(4_000) < 1 / (1 + np.exp(-logit))).astype(int)
    for factor in (2.0, 1.0, 0.5):
        logs = normalised(np.column_stack([np.zeros_like(logit), factor * logit]))
        assert temperature_of(logs, truth) == pytest.approx(factor, rel=0.12)


def test_real_phase_one_trials_are_forecast_better_than_by_the_prior(shared_data: Path) -> None:
    """A quick fit of the regression alone: what the benchmark measures in full."""
    chosen: AnyLabelTask = task("outcome_prediction")  # type: ignore[assignment]
    folder = shared_data / "outcomes"
    training = list(chosen.samples_from([folder / "top_phase_I_train.csv.gz"], "train"))
    asked = list(chosen.samples_from([folder / "top_phase_I_valid.csv.gz"], "test"))
    assert not {one.subject for one in training} & {one.subject for one in asked}
    forecaster = Forecaster(Settings(trees=0, folds=0))
    forecaster.fit(training, chosen)
    answers = [chosen.decide(chances, {"success": 0.5}) for chances in forecaster.probabilities(asked)]
    figures = chosen.aggregate([chosen.score(a, s) for a, s in zip(answers, asked, strict=True)])
    assert figures["auroc"] > 0.65
    assert figures["brier"] < 0.23
