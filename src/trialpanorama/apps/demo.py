"""The whole way in one command, on fictional trials; and the long commands that it shares with the command line."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from trialpanorama.apps.console import Reporter, put, say
from trialpanorama.errors import UserError

if TYPE_CHECKING:
    from trialpanorama.warehouse import Manifest


_SHOWN = ("majority", "linear", "calculator", "reader", "retriever")
"""The baselines of the demo: quick ones, at least one for each task."""
_ASKED = 100
"""Samples that the demo asks of a task at most."""


def write_sample(directory: Path, *, trials: int, seed: int) -> list[Path]:
    """Write fictional registry files, showing progress; returns the folders that `build` reads."""
    from trialpanorama import sample

    with Reporter() as reporter:
        sample.write(
            directory, trials, seed, progress=lambda done, total: reporter.update("sample", done, total, "trials")
        )
    folders = (directory / name for name in ("registries", "pubmed", "reviews"))
    return [folder for folder in folders if folder.is_dir()]


def build_warehouse(
    inputs: Sequence[Path],
    warehouse: Path,
    *,
    workers: int | None = None,
    keep_contacts: bool = False,
    replace: bool = False,
    spark_master: str | None = None,
    vocabularies: Path | None = None,
    overrides: Path | None = None,
) -> Manifest:
    """Build a warehouse, showing progress."""
    from trialpanorama.build import Progress, build

    with Reporter() as reporter:

        def progress(state: Progress) -> None:
            if state.unit == "bytes":
                detail = f"{state.records:,} records, {state.rejects:,} rejects"
                reporter.update(state.stage, state.done / 1e6, state.total / 1e6, "MB", detail)
            else:
                reporter.update(state.stage, state.done, state.total)

        return build(
            inputs,
            warehouse,
            workers=workers,
            keep_contacts=keep_contacts,
            replace=replace,
            spark_master=spark_master,
            vocabularies=vocabularies,
            overrides=overrides,
            progress=progress,
            warn=say,
        )


def _is_ours(path: Path) -> bool:
    beside = (".warehouse.", "warehouse.")  # a build that was stopped; fitted forecasts, the web page's own files
    return path.name in ("sample", "warehouse", "logs", "report.html") or path.name.startswith(beside)


def run_demo(directory: Path, *, trials: int, seed: int) -> None:
    """Fictional registry files, warehouse, atlas, tasks, baselines, results table, report."""
    from trialpanorama import tasks
    from trialpanorama.apps.evaluating import evaluate_models
    from trialpanorama.apps.show import atlas_facts, atlas_text, results_text
    from trialpanorama.baselines import baselines
    from trialpanorama.evaluate import Options, report, table
    from trialpanorama.warehouse import Warehouse

    if directory.exists() and not (directory.is_dir() and all(_is_ours(path) for path in directory.iterdir())):
        raise UserError(f"{directory} is not the folder of an earlier demo. Name another: trialpanorama demo DIR")
    folder = directory / "warehouse"
    build_warehouse(write_sample(directory / "sample", trials=trials, seed=seed), folder, replace=True)
    warehouse = Warehouse.open(folder)
    put(atlas_text(atlas_facts(warehouse)))
    put("")
    with Reporter() as reporter:
        reporter.update("tasks", 0)
        cards = tasks.build(warehouse)
        reporter.update("tasks", sum(sum(card.samples.values()) for card in cards.values()), unit="samples")
    logs = directory / "logs"
    shutil.rmtree(logs, ignore_errors=True)
    results = []
    for name, chosen in tasks.tasks().items():
        samples = tasks.load(warehouse, chosen, "test")
        if not samples or not cards[name].samples["train"]:
            say(f"{name} has no sample to train on, or none for the test, in a demo of this size.")
            continue
        models = [f"baseline/{kind}" for kind in _SHOWN if baselines()[kind].answers(chosen, samples[0])]
        results += evaluate_models([name], models, warehouse.path, Options(limit=_ASKED), logs=logs)
    put(results_text(table(results), headline_only=True))
    put("")
    put(f"Report: {report(logs, directory / 'report.html')}")
    where = f"--warehouse {shlex.quote(str(folder))}"
    (example,) = warehouse.query(
        "SELECT study_id FROM studies ORDER BY len(registers) DESC, number_of_records DESC, study_id", max_rows=1
    ).to_pylist()
    program = "trialpanorama" if shutil.which("trialpanorama") else shlex.quote(sys.argv[0])
    put(f"Next: {program} show {example['study_id']} {where}")
    put(f"      {program} search 'random*[tiab] AND hypertension[mh]' {where}")
    put(f"      {program} changes --since 2025-04-01 {where}")
    put(f"      {program} evaluate trial_completion --model openai/gpt-4o-mini --limit 20 {where}")
