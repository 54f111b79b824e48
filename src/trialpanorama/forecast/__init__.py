"""What will become of a trial: a forecast of success and of completion from the trial as it is planned, with reasons.

`fit` learns from a warehouse and label files, `Forecast.open` reads what it wrote, `Forecast.predict` asks it about a
draft, `evaluate` measures it on trials that it has not seen.

    forecast = Forecast.open()
    prediction = forecast.predict(read_draft(content, "draft.xml"))
    prediction.probability, prediction.interval, prediction.reasons
"""

from __future__ import annotations

from trialpanorama.forecast.evaluating import Evaluation, evaluate
from trialpanorama.forecast.fitting import fit
from trialpanorama.forecast.predicting import Forecast, find_model
from trialpanorama.forecast.prediction import (
    OUTCOME_MEANINGS,
    OUTCOMES,
    Comparison,
    Completion,
    Fitted,
    Likely,
    Opinion,
    Prediction,
    Reason,
)

__all__ = [
    "OUTCOMES",
    "OUTCOME_MEANINGS",
    "Comparison",
    "Completion",
    "Evaluation",
    "Fitted",
    "Forecast",
    "Likely",
    "Opinion",
    "Prediction",
    "Reason",
    "evaluate",
    "find_model",
    "fit",
]
