"""Tasks times models, each run one log: figures with intervals, comparisons, a report.

Runs are Inspect's (`inspect_ai`): its log is the product, and every table, plot and page is derived from logs alone.
"""

from __future__ import annotations

from trialpanorama.evaluate.comparing import Difference, compare, difference, find_runs
from trialpanorama.evaluate.figures import Interval, Row, Stratum, bootstrap, strata, table
from trialpanorama.evaluate.matrix import Contestant, priced, read_matrix, read_prices
from trialpanorama.evaluate.report import looked_at, report
from trialpanorama.evaluate.results import (
    OUTCOMES,
    Price,
    Result,
    SampleResult,
    Usage,
    read_logs,
    read_result,
    restrict,
)
from trialpanorama.evaluate.runs import CUTOFF, Options, rescore, run, run_all

__all__ = [
    "CUTOFF",
    "OUTCOMES",
    "Contestant",
    "Difference",
    "Interval",
    "Options",
    "Price",
    "Result",
    "Row",
    "SampleResult",
    "Stratum",
    "Usage",
    "bootstrap",
    "compare",
    "difference",
    "find_runs",
    "looked_at",
    "priced",
    "read_logs",
    "read_matrix",
    "read_prices",
    "read_result",
    "report",
    "rescore",
    "restrict",
    "run",
    "run_all",
    "strata",
    "table",
]
