"""Fictional trials whose end depends on what they say, and a forecast fitted on them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import NamedTuple

from tests.handmade import CONDITIONS, DRUGS, KEEPS_OUT, LETS_IN, many_trials
from tests.handmade import warehouse as warehouse_of
from tests.tasks.test_outcome_labels import write
from trialpanorama.baselines.forecaster import Settings
from trialpanorama.forecast import Forecast, fit
from trialpanorama.warehouse import Warehouse

FAST = Settings(trees=15, folds=2)
REFITS = 5
REASONS = ("Slow accrual", "Lack of funding", "Futility at the interim analysis", "Serious adverse events")
XML = Path(__file__).resolve().parents[1] / "fixtures" / "clinicaltrials_gov" / "one_study.xml"


def label_rows(count: int, first: int, seed: int) -> list[dict[str, str]]:
    """Rows as TOP has them: trials that are given a lozenge succeed at 80 %, those given a spray at 20 %."""
    draw = random.Random(seed)
    rows = []
    for number in range(first, first + count):
        condition, _ = CONDITIONS[draw.randrange(len(CONDITIONS))]
        form = draw.choice(("lozenge", "spray"))
        succeeds = draw.random() < (0.8 if form == "lozenge" else 0.2)
        criteria = "\n".join(
            [
                "Inclusion Criteria:",
                "",
                *(f"  -  {text}\n" for text in draw.sample(LETS_IN, 3)),
                "Exclusion Criteria:",
                "",
            ]
            + [f"  -  {text}\n" for text in draw.sample(KEEPS_OUT, 3)]
        )
        rows.append(
            {
                "nctid": f"NCT99{number:06d}",
                "status": "completed" if succeeds else draw.choice(("completed", "terminated")),
                "why_stop": "" if succeeds else draw.choice(("", *REASONS)),
                "label": str(int(succeeds)),
                "phase": draw.choice(("phase 1", "phase 2")),
                "diseases": str([condition]),
                "drugs": str([f"{draw.choice(DRUGS)} {form}"]),
                "criteria": criteria,
            }
        )
    return rows


class Made(NamedTuple):
    """What the tests of forecasts share."""

    forecast: Forecast
    warehouse: Warehouse
    labels: Path
    held_out: Path
    """Label files: what it was fitted on, and what it was not."""


def made(folder: Path) -> Made:
    """A forecast fitted in seconds on fictional trials, 240 of a warehouse and 200 of a label file."""
    warehouse = warehouse_of(folder / "warehouse", many_trials(240))
    labels = write(folder / "labels.csv", label_rows(200, 500_000, 1))
    held_out = write(folder / "held_out.csv.gz", label_rows(120, 600_000, 2))
    model = folder / "warehouse.models" / "forecast"
    fit(warehouse, model, [labels], settings=FAST, refits=REFITS)
    return Made(Forecast.open(model), warehouse, labels, held_out)
