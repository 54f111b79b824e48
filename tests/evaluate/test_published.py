"""The published figures, and that they are plainly marked as measured on other data."""

from __future__ import annotations

import pytest

from trialpanorama import tasks
from trialpanorama.evaluate.published import PUBLISHED


@pytest.mark.parametrize("name", list(PUBLISHED))
def test_published_figures_stand_beside_metrics_that_there_are(name: str) -> None:
    known = {metric.name for metric in tasks.task(name).metrics}
    for one in PUBLISHED[name]:
        assert one.task == name
        assert one.figures.keys() <= known
        assert all(value <= 1 or metric == "mae" for metric, value in one.figures.items())


def test_figures_are_those_of_the_published_tables() -> None:
    found = {(name, one.model): one.figures for name, rows in PUBLISHED.items() for one in rows}
    assert found["study_search", "o3-mini"] == {"recall_100": 0.276, "recall_500": 0.378}
    assert found["trial_completion", "GPT-4o"] == {"balanced_accuracy": 0.593, "reason_balanced_accuracy": 0.195}
    assert found["sample_size", "GPT-4o-mini"] == {"within_20": 0.228, "mae": 411.4}
    assert len(found) == 8 * 5
