"""Figures on trials that a forecast has not seen."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tests.forecast.made import Made
from trialpanorama.errors import UserError
from trialpanorama.forecast import Evaluation, evaluate, evaluating
from trialpanorama.forecast.evaluating import FORECAST, net_benefit
from trialpanorama.tasks import load
from trialpanorama.tasks._scores import auroc, f1
from trialpanorama.tasks.outcome_prediction import TASK as OUTCOME
from trialpanorama.tasks.trial_completion import TASK as COMPLETION


@pytest.fixture(autouse=True, scope="module")
def _few_draws() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluating, "RESAMPLES", 60)
        yield


@pytest.fixture(scope="module")
def measured(fitted: Made) -> list[Evaluation]:
    return evaluate(fitted.forecast, fitted.warehouse, [fitted.held_out])


def test_the_test_split_and_label_files_are_measured_beside_floors(fitted: Made, measured: list[Evaluation]) -> None:
    completion, outcome = measured
    assert (completion.question, outcome.question) == ("completion", "outcome")
    assert completion.n == len(load(fitted.warehouse, COMPLETION, "test"))
    assert (outcome.n, outcome.trials) == (120, "held_out.csv.gz")
    assert outcome.is_fictional
    floors = {"prior", "words, logistic regression", "design facts, logistic regression"}
    for one in measured:
        models = {figure.model for figure in one.figures}
        assert {FORECAST, "regression alone", "forest alone", *floors} == models
        assert all(figure.n == one.n for figure in one.figures if figure.phase == "all")
    by = {(figure.model, figure.metric): figure for figure in outcome.figures if figure.phase == "all"}
    mine, prior = by[FORECAST, "auroc"], by["prior", "auroc"]
    assert prior.value == 0.5
    assert mine.low is not None
    assert mine.low > 0.6, "the signal is strong"
    assert by[FORECAST, "calibration_slope"].value is not None
    assert by["prior", "calibration_slope"].value is None


def test_figures_are_those_of_the_forecasts_themselves(fitted: Made, measured: list[Evaluation]) -> None:
    samples = list(OUTCOME.samples_from([fitted.held_out], "test"))
    model = fitted.forecast.outcome
    chances = np.array([model.probability(sample.inputs, OUTCOME) for sample in samples])
    truth = np.array([float(sample.gold.outcome == "success") for sample in samples])
    by = {f.metric: f.value for f in measured[1].figures if (f.model, f.phase) == (FORECAST, "all")}
    assert by["auroc"] == pytest.approx(auroc(truth, chances), abs=1e-4)
    assert by["brier"] == pytest.approx(float(((chances - truth) ** 2).mean()), abs=1e-4)
    threshold = fitted.forecast.card.outcome.threshold
    assert threshold is not None
    assert by["f1"] == pytest.approx(f1(truth, (chances >= threshold).astype(float)), abs=1e-4)
    prior = fitted.forecast.outcome.usual
    difference = next(d for d in measured[1].differences if (d.other, d.metric) == ("prior", "brier"))
    wanted = float(((chances - truth) ** 2).mean() - ((prior - truth) ** 2).mean())
    assert difference.value == pytest.approx(wanted, abs=1e-4)
    assert difference.high is not None
    assert difference.high < 0


def test_phases_are_measured_apart(measured: list[Evaluation]) -> None:
    counts = {f.phase: f.n for f in measured[1].figures if (f.model, f.metric) == (FORECAST, "auroc")}
    assert counts["PHASE1"] + counts["PHASE2"] == counts["all"] == 120


def test_the_risk_of_being_stopped_is_the_positive_end_of_completion(fitted: Made, measured: list[Evaluation]) -> None:
    stopped = sum(sample.gold.outcome == "stopped" for sample in load(fitted.warehouse, COMPLETION, "test"))
    assert measured[0].positives == stopped
    value = next(f.value for f in measured[0].figures if (f.model, f.metric) == (FORECAST, "auroc"))
    assert value is not None
    assert value > 0.5


def test_net_benefit_by_hand() -> None:
    truth = np.array([1.0, 1, 0, 0, 0])
    acts = np.array([True, False, True, True, False])
    assert net_benefit(truth, acts, 0.2) == pytest.approx(1 / 5 - 2 / 5 * 0.25)
    assert net_benefit(truth, np.ones(5, dtype=bool), 0.5) == pytest.approx(2 / 5 - 3 / 5)


def test_the_decision_curve_weighs_against_all_and_none(measured: list[Evaluation]) -> None:
    for one in measured[1].decision:
        assert one.forecast is not None
        assert one.all is not None
        assert one.gain == pytest.approx(one.forecast - max(one.all, 0), abs=2e-4)
    middle = next(one for one in measured[1].decision if one.threshold == 0.5)
    assert middle.gain_low is not None
    assert middle.gain_low > 0


def test_trials_that_it_was_fitted_on_are_left_out(fitted: Made) -> None:
    (found,) = evaluate(fitted.forecast, None, [fitted.labels, fitted.held_out])
    assert found.left_out == {"the model was fitted on it": 200}
    assert found.n == 120
    with pytest.raises(UserError, match="0 for outcome, 0 of them positive, 200 left out"):
        evaluate(fitted.forecast, None, [fitted.labels])
    with pytest.raises(UserError, match="no warehouse and no label files"):
        evaluate(fitted.forecast, None)
