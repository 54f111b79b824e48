"""Tasks times models, each run one log: figures with intervals, comparisons, a report.

Runs are Inspect's (`inspect_ai`): its log is the product, and every table, plot and page is derived from logs alone.
"""

from __future__ import annotations

from trialpanorama.evaluate.report import report
from trialpanorama.evaluate.runs import (
    Difference,
    Interval,
    Result,
    Row,
    bootstrap,
    difference,
    read_logs,
    read_result,
    run,
    table,
)

__all__ = [
    "Difference",
    "Interval",
    "Result",
    "Row",
    "bootstrap",
    "difference",
    "read_logs",
    "read_result",
    "report",
    "run",
    "table",
]
