"""Every baseline on every task: what a model has to beat, with intervals.

    python benchmarks/floors.py --warehouse DIR [--tasks TASK...] [--limit N] [--json FILE]

Each baseline is fitted on the training split and answers the test split in the task's own form; its replies pass the
same reader and scores as a model's. Figures are over all samples asked; intervals are 95 % bootstrap intervals over
groups (a trial's or a review's samples together).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from trialpanorama.baselines import baselines
from trialpanorama.evaluate import bootstrap
from trialpanorama.tasks import AnyTask, Metric, columns, load, task, tasks
from trialpanorama.warehouse import Warehouse


def floors(warehouse: Warehouse, chosen: AnyTask, limit: int | None) -> list[dict[str, Any]]:
    """The figures of all baselines that can answer a task."""
    training, asked = load(warehouse, chosen, "train"), load(warehouse, chosen, "test")[:limit]
    if not training or not asked:
        print(f"{chosen.name}: {len(training)} for training, {len(asked)} for the test; left out", file=sys.stderr)
        return []
    rows = []
    for name, made in baselines().items():
        if not made.answers(chosen, asked[0]):
            continue
        started = time.perf_counter()
        fitted = made()
        fitted.fit(training, chosen)
        fit_seconds = time.perf_counter() - started
        scored = [
            (row, sample.group)
            for sample in asked
            for row in chosen.rows(chosen.read(fitted.answer(sample), sample), sample)
        ]
        found = columns([row for row, _ in scored], [group for _, group in scored])
        for metric in chosen.metrics:
            interval = bootstrap(found, metric.compute)
            rows.append(
                {
                    "task": f"{chosen.name}@{chosen.version}",
                    "baseline": name,
                    "metric": f"{metric.name} {metric.arrow}",
                    "value": interval.value,
                    "low": interval.low,
                    "high": interval.high,
                    "n": counted(metric, found, len(asked)),
                    "training": len(training),
                    "fit_seconds": round(fit_seconds, 1),
                }
            )
        print(f"{chosen.name} {name}: {time.perf_counter() - started:.0f} s", file=sys.stderr)
    return rows


def counted(metric: Metric, found: Mapping[str, Any], asked: int) -> str:
    """How many samples a figure is over: those of its origin, or the reviews and their candidates."""
    if "reported" in found and metric.name != "other_unit":
        origin = 0.0 if metric.name.endswith("_generated") else 1.0
        return f"{int((found['reported'] == origin).sum()):,}"
    if (decisions := len(found["group"])) > asked:
        return f"{len(set(found['group'])):,} reviews, {decisions:,} candidates"
    return f"{asked:,}"


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--warehouse", type=Path, required=True)
    parser.add_argument("--tasks", nargs="*", help="all of them, without variants, unless named")
    parser.add_argument("--limit", type=int, help="ask only so many samples of each task")
    parser.add_argument("--json", type=Path, help="also write the rows as JSON")
    options = parser.parse_args()
    warehouse = Warehouse.open(options.warehouse)
    rows: list[dict[str, Any]] = []
    for name in options.tasks or tasks():
        rows += floors(warehouse, task(name), options.limit)
    print(f"Snapshot {warehouse.snapshot}{', FICTIONAL' if warehouse.manifest.is_fictional else ''}\n")
    print("| task | baseline | metric | value | 95 % interval | n |")
    print("| --- | --- | --- | --- | --- | --- |")
    for row in rows:
        value = "–" if row["value"] is None else f"{row['value']:.3f}"
        interval = "–" if row["low"] is None else f"{row['low']:.3f} to {row['high']:.3f}"
        print(f"| {row['task']} | {row['baseline']} | {row['metric']} | {value} | {interval} | {row['n']} |")
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(rows)))


if __name__ == "__main__":
    main()
