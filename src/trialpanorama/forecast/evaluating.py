"""How good a fitted forecast is on trials that it has not seen: figures with intervals, beside floors.

Average precision and ROC-AUC are of the probabilities themselves; F1 is at the threshold that was chosen on validation;
the Brier score is set against that of the prior on the same trials; the decision curve says what going by the forecast
gains over going on with every trial. Trials that the model was fitted on are left out, and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trialpanorama.errors import UserError
from trialpanorama.forecast.models import Model
from trialpanorama.tasks import AnyLabelTask, AnySample, Split, load
from trialpanorama.tasks.outcome_prediction import TASK as OUTCOME
from trialpanorama.tasks.trial_completion import TASK as COMPLETION

if TYPE_CHECKING:
    from trialpanorama.evaluate.figures import Interval
    from trialpanorama.forecast.predicting import Forecast
    from trialpanorama.tasks import Columns
    from trialpanorama.warehouse import Warehouse

LEAST, LEAST_OF_A_PHASE = 10, 20
"""Trials below which there is nothing to measure, over all and within a phase."""
FORECAST = "forecast"
RESAMPLES = 1_000
"""Draws of groups of trials behind each interval."""
_THRESHOLDS = {"outcome": (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8), "completion": (0.05, 0.1, 0.15, 0.2, 0.3, 0.4)}


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One metric of one model on one group of trials, with its 95 % interval."""

    model: str
    phase: str
    """The phase of the trials, or `all`."""
    metric: str
    title: str
    arrow: str
    """Which way is better."""
    value: float | None
    low: float | None
    high: float | None
    n: int


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """The forecast less another model, on the same trials."""

    other: str
    metric: str
    title: str
    arrow: str
    value: float | None
    low: float | None
    high: float | None
    n: int


class NetBenefit(msgspec.Struct, frozen=True, kw_only=True):
    """What it gains to act where the forecast is at least `threshold`: true less weighed false positives, a trial.

    A false positive weighs threshold / (1 - threshold) of a true one (Vickers and Elkin 2006).
    """

    threshold: float
    forecast: float | None
    low: float | None
    high: float | None
    all: float | None
    """Of acting on every trial; acting on none gains 0."""
    gain: float | None
    """Of the forecast over the better of all and none, with its interval."""
    gain_low: float | None
    gain_high: float | None


class Evaluation(msgspec.Struct, kw_only=True):
    """A model on held-out trials."""

    question: str
    """`outcome` (will it succeed) or `completion` (will it be stopped: that is the positive end)."""
    trials: str
    """Which trials these are."""
    n: int
    positives: int
    left_out: dict[str, int]
    """Trials that were not asked about, by reason."""
    threshold: float | None
    threshold_from: str | None
    figures: list[Figure]
    differences: list[Difference]
    decision: list[NetBenefit]
    is_fictional: bool
    snapshot: str
    fitted_on: str


def evaluate(
    forecast: Forecast, warehouse: Warehouse | None, labels: Sequence[Path] = (), *, split: Split = "test"
) -> list[Evaluation]:
    """Measure a forecast on a warehouse's held-out split (outcome and completion) and on label files.

    Raises UserError where no trial is left that it has not seen.
    """
    found = []
    sources: list[tuple[str, str, AnyLabelTask, list[AnySample]]] = []
    if warehouse is not None:
        where = f"{split} split of {warehouse.path.name}"
        sources.append(("outcome", where, OUTCOME, load(warehouse, OUTCOME, split)))
        if forecast.completion is not None:
            sources.append(("completion", where, COMPLETION, load(warehouse, COMPLETION, split)))
    if labels:
        con = warehouse.connect() if warehouse else None
        try:
            samples = list(OUTCOME.samples_from(list(labels), "test", con))
        finally:
            if con is not None:
                con.close()
        sources.append(("outcome", ", ".join(path.name for path in labels), OUTCOME, samples))
    why: list[str] = []
    for question, where, task, samples in sources:
        left_out: Counter[str] = Counter()
        kept = []
        for sample in samples:
            if forecast.knows(sample.subject, sample.id.partition("@")[0]):
                left_out["the model was fitted on it"] += 1
            else:
                kept.append(sample)
        positives = sum(_is_positive(question, sample) for sample in kept)
        if len(kept) < LEAST or positives in (0, len(kept)):
            why.append(
                f"{where}: {len(kept)} for {question}, {positives} of them positive, {left_out.total()} left out"
            )
            continue
        found.append(_evaluation(forecast, question, where, task, kept, left_out))
    if not found:
        raise UserError(
            f"Too few held-out trials to measure on ({'; '.join(why) or 'no warehouse and no label files'}); at least "
            f"{LEAST} with both ends are needed. Give label files that the model was not fitted on: "
            "trialpanorama outcome evaluate --labels FILE..."
        )
    return found


def _is_positive(question: str, sample: AnySample) -> bool:
    return bool(sample.gold.outcome == ("success" if question == "outcome" else "stopped"))


def _evaluation(
    forecast: Forecast,
    question: str,
    where: str,
    task: AnyLabelTask,
    samples: Sequence[AnySample],
    left_out: Mapping[str, int],
) -> Evaluation:
    import numpy as np

    model = forecast.outcome if question == "outcome" else forecast.completion
    assert model is not None
    part = forecast.card.outcome if question == "outcome" else forecast.card.completion
    assert part is not None
    chances = chances_of(model, task, samples)
    if question == "completion":
        chances = {name: 1 - column for name, column in chances.items()}
    truth = np.array([float(_is_positive(question, sample)) for sample in samples])
    _, group = np.unique([sample.group for sample in samples], return_inverse=True)
    phases = np.array(["/".join(sample.inputs.phases) or "unknown" for sample in samples])
    figures = []
    for phase in ["all", *sorted(set(phases.tolist()))]:
        chosen = np.ones(len(truth), dtype=bool) if phase == "all" else phases == phase
        if phase != "all" and (chosen.sum() < LEAST_OF_A_PHASE or truth[chosen].all() or not truth[chosen].any()):
            continue
        for name in chances if phase == "all" else (FORECAST, "prior"):
            figures += _figures(name, phase, truth[chosen], chances[name][chosen], group[chosen], part.threshold)
    return Evaluation(
        question=question,
        trials=where,
        n=len(samples),
        positives=int(truth.sum()),
        left_out=dict(left_out),
        threshold=part.threshold,
        threshold_from=part.threshold_from,
        figures=figures,
        differences=_differences(truth, chances, group),
        decision=_decision(truth, chances[FORECAST], group, _THRESHOLDS[question]),
        is_fictional=forecast.card.is_fictional or any(sample.is_fictional for sample in samples),
        snapshot=forecast.card.snapshot,
        fitted_on=forecast.card.fitted_on,
    )


def chances_of(model: Model, task: AnyLabelTask, samples: Sequence[AnySample]) -> dict[str, Any]:
    """The positive label's probability for each sample, by the forecast, its two parts and the floors."""
    import numpy as np

    found: dict[str, list[Any]] = {}
    for after in range(0, len(samples), 200):  # what the trees read is dense
        rows = [model.row_of(sample.inputs, task) for sample in samples[after : after + 200]]
        found.setdefault(FORECAST, []).append(model.probabilities(rows)[:, model.positive])
        for name, column in model.parts(rows).items():
            found.setdefault(name, []).append(column)
    return {name: np.concatenate(columns) for name, columns in found.items()}


def _computes(with_f1: bool) -> dict[str, Callable[[Columns], float]]:
    names = ["average_precision", "auroc", "brier", "calibration_slope"] + ["f1"] * with_f1
    return {name: OUTCOME.metric(name).compute for name in names}


_TITLES = {"f1": "F1"}


def _figures(model: str, phase: str, truth: Any, chances: Any, group: Any, threshold: float | None) -> list[Figure]:
    from trialpanorama.evaluate.figures import intervals

    with_f1 = model == FORECAST and threshold is not None
    scores = {"success": truth, "probability": chances, "group": group.astype(float)}
    if with_f1:
        scores["said_success"] = (chances >= threshold).astype(float)
    found = intervals(scores, _computes(with_f1), resamples=RESAMPLES)
    return [
        Figure(
            model=model,
            phase=phase,
            metric=name,
            title=_TITLES.get(name, OUTCOME.metric(name).title),
            arrow=OUTCOME.metric(name).arrow,
            value=_rounded(one.value),
            low=_rounded(one.low),
            high=_rounded(one.high),
            n=len(truth),
        )
        for name, one in found.items()
    ]


def _differences(truth: Any, chances: Mapping[str, Any], group: Any) -> list[Difference]:
    """The forecast less each other model, on the same draws of trials."""
    from trialpanorama.evaluate.figures import intervals

    computes: dict[str, Callable[[Columns], float]] = {}
    for other in chances:
        if other == FORECAST:
            continue
        for name in ("average_precision", "auroc", "brier"):
            computes[f"{name}|{other}"] = _less(OUTCOME.metric(name).compute, other)
    scores = {"success": truth, "group": group.astype(float), **chances}
    found = intervals(scores, computes, resamples=RESAMPLES)
    out = []
    for key, one in found.items():
        name, _, other = key.partition("|")
        metric = OUTCOME.metric(name)
        out.append(
            Difference(
                other=other,
                metric=name,
                title=metric.title,
                arrow=metric.arrow,
                value=_rounded(one.value),
                low=_rounded(one.low),
                high=_rounded(one.high),
                n=len(truth),
            )
        )
    return out


def _less(compute: Callable[[Columns], float], other: str) -> Callable[[Columns], float]:
    return lambda c: compute({**c, "probability": c[FORECAST]}) - compute({**c, "probability": c[other]})


def _decision(truth: Any, chances: Any, group: Any, thresholds: Sequence[float]) -> list[NetBenefit]:
    from trialpanorama.evaluate.figures import intervals

    computes: dict[str, Callable[[Columns], float]] = {}
    for at in thresholds:
        computes |= {f"forecast|{at}": _net(at), f"all|{at}": _net_of_all(at), f"gain|{at}": _gain(at)}
    scores = {"success": truth, "probability": chances, "group": group.astype(float)}
    found = intervals(scores, computes, resamples=RESAMPLES)

    def of(name: str, at: float) -> Interval:
        return found[f"{name}|{at}"]

    return [
        NetBenefit(
            threshold=at,
            forecast=_rounded(of("forecast", at).value),
            low=_rounded(of("forecast", at).low),
            high=_rounded(of("forecast", at).high),
            all=_rounded(of("all", at).value),
            gain=_rounded(of("gain", at).value),
            gain_low=_rounded(of("gain", at).low),
            gain_high=_rounded(of("gain", at).high),
        )
        for at in thresholds
    ]


def net_benefit(truth: Any, acts: Any, threshold: float) -> float:
    """True positives less false ones weighed by the odds of the threshold, a trial."""
    right = float((truth * acts).mean())
    wrong = float(((1 - truth) * acts).mean())
    return right - wrong * threshold / (1 - threshold)


def _net(at: float) -> Callable[[Columns], float]:
    return lambda c: net_benefit(c["success"], c["probability"] >= at, at)


def _net_of_all(at: float) -> Callable[[Columns], float]:
    return lambda c: net_benefit(c["success"], c["probability"] >= 0, at)


def _gain(at: float) -> Callable[[Columns], float]:
    return lambda c: _net(at)(c) - max(_net_of_all(at)(c), 0.0)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
