"""Figures over the scores of a run, computed on whole columns so that they can be resampled quickly."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64]


def share(values: Column) -> float:
    """The mean; not a number where there is nothing."""
    return float(values.mean()) if values.size else math.nan


def recall_mean(truth: Column, correct: Column) -> float:
    """Balanced accuracy: the share answered rightly within each true class, averaged over the classes that occur."""
    if not truth.size:
        return math.nan
    _, place = np.unique(truth, return_inverse=True)
    return float((np.bincount(place, weights=correct) / np.bincount(place)).mean())


def macro_f1(truth: Column, chosen: Column) -> float:
    """F1 averaged over the true classes; an answer of no class (-1) is a miss of the true one."""
    scores = []
    for label in np.unique(truth):
        hits = float(((truth == label) & (chosen == label)).sum())
        scores.append(2 * hits / float((truth == label).sum() + (chosen == label).sum()))
    return float(np.mean(scores)) if scores else math.nan


def auroc(positive: Column, probability: Column) -> float:
    """The chance that a positive is given a higher probability than a negative; ties count half."""
    is_positive = positive > 0.5
    positives = int(is_positive.sum())
    negatives = positive.size - positives
    if not positives or not negatives:
        return math.nan
    _, place, count = np.unique(probability, return_inverse=True, return_counts=True)
    ranks = np.cumsum(count) - (count - 1) / 2
    total = float(ranks[place][is_positive].sum())
    return (total - positives * (positives + 1) / 2) / (positives * negatives)


def average_precision(positive: Column, probability: Column) -> float:
    """Precision at each rank where positives are found, weighted by how many are found there; ties are one rank."""
    is_positive = positive > 0.5
    if not is_positive.any():
        return math.nan
    _, place = np.unique(-probability, return_inverse=True)
    found = np.cumsum(np.bincount(place, weights=is_positive))
    shown = np.cumsum(np.bincount(place))
    return float((np.diff(found, prepend=0.0) * found / shown).sum() / found[-1])


def f1(positive: Column, said: Column) -> float:
    """Harmonic mean of precision and recall of what was called positive; not a number where nothing is or was."""
    hits = float(((positive > 0.5) & (said > 0.5)).sum())
    called = float((positive > 0.5).sum() + (said > 0.5).sum())
    return 2 * hits / called if called else math.nan


def calibration_slope(positive: Column, probability: Column) -> float:
    """Slope of the truth's log-odds on the forecast's: below 1 means too extreme, above 1 too timid.

    Not a number where all forecasts are equal, or where they part the two classes without error.
    """
    logit = np.log(np.clip(probability, 0.001, 0.999))
    logit = logit - np.log1p(-np.clip(probability, 0.001, 0.999))
    if positive.size == 0 or np.ptp(logit) < 1e-9 or np.ptp(positive) == 0:
        return math.nan
    design = np.column_stack([np.ones_like(logit), logit])
    weights = np.zeros(2)
    for _ in range(50):
        fitted = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        variance = fitted * (1 - fitted)
        try:
            step = np.linalg.solve(design.T @ (design * variance[:, None]), design.T @ (positive - fitted))
        except np.linalg.LinAlgError:
            return math.nan
        weights = weights + step
        if not np.all(np.isfinite(weights)) or abs(weights[1]) > 50:
            return math.nan
        if np.abs(step).max() < 1e-8:
            return float(weights[1])
    return math.nan
