"""How good, how honest and how quick forecasts are, by the commands that a user types.

    python benchmarks/forecast.py [PART...] [--warehouse DIR] [--model DIR] [--log FILE]

The real files are those of ../shared/data or $TRIALPANORAMA_DATA; --warehouse is one built from its registries. PART is
any of (all, if none is named):

forward    TOP, phase I, forward in time as `benchmarks/outcome.py` does it: the oldest half only trains, four blocks
           are forecast each from all trials with lower NCT numbers (phases II and III too), by a model of its own that
           is fitted on label files of those trials. The first of the five blocks is left out, as it chose settings
           there. Calibration slope, Brier against the prior's on the same trials, average precision, AUROC
fit        `outcome fit` on the warehouse and on TOP's training file of phase I and the validation files of phase II and
           III; into --model
evaluate   `outcome evaluate` of that model: the warehouse's test split, and TOP's validation file of phase I
exports    the same trials as TOP's row tells them and as the register's own entry in the warehouse does: how far the
           forecasts of one trial lie apart
speed      `predict` of one real XML, from the shell to the shell, and of an archive of 1,000
coverage   intervals: labels are drawn anew from the model's own forecasts, which then are the truth; a model fitted on
           them is asked whether its 95 % intervals hold the truth. What a bootstrap of a regularised model misses, its
           bias, shows here

Figures have 95 % intervals (percentile bootstrap over groups). --log writes every figure to a file.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from trialpanorama.baselines.forecaster import Settings
from trialpanorama.evaluate import bootstrap
from trialpanorama.evaluate.figures import intervals
from trialpanorama.forecast import Forecast, evaluate, fit
from trialpanorama.forecast.evaluating import FORECAST, chances_of
from trialpanorama.forecast.fitting import fit_model
from trialpanorama.forecast.models import Model
from trialpanorama.tasks.outcome_prediction import TASK
from trialpanorama.tasks.outcome_prediction import Forecast as Answer
from trialpanorama.warehouse import Warehouse

sys.path.insert(0, str(Path(__file__).parent))

from outcome import ALSO, TRAIN, blocks

DATA = Path(os.environ.get("TRIALPANORAMA_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
PARTS = ("forward", "fit", "evaluate", "exports", "speed", "coverage")
LABELS = [TRAIN[0], *ALSO]
HELD_OUT = TRAIN[1]
ARCHIVE = DATA / "registries" / "clinicaltrials_gov" / "AllPublicXML_part.zip"
DRAWS = 3


class Log:
    """Figures as they come: printed, and kept in a file if there is one."""

    def __init__(self, path: Path | None) -> None:
        self._path, self._kept = path, [] if path is None or not path.exists() else json.loads(path.read_text())["runs"]

    def __call__(self, **entry: Any) -> None:
        """Add an entry."""
        sys.stdout.write(json.dumps(entry) + "\n")
        sys.stdout.flush()
        self._kept.append(entry)
        if self._path:
            self._path.write_text(json.dumps({"runs": self._kept}, indent=1) + "\n")


def rounded(interval: Any) -> list[float | None]:
    """Value, low and high."""
    return [None if v is None else round(v, 4) for v in (interval.value, interval.low, interval.high)]


def figures(truth: Any, chances: Any, prior: Any) -> dict[str, Any]:
    """The figures of forecasts, and their Brier score less that of the prior on the same draws."""
    names = ("average_precision", "auroc", "brier", "calibration_slope")
    found = intervals({"success": truth, "probability": chances}, {name: TASK.metric(name).compute for name in names})
    paired = bootstrap(
        {"truth": truth, "one": chances, "other": prior},
        lambda c: float(((c["one"] - c["truth"]) ** 2 - (c["other"] - c["truth"]) ** 2).mean()),
    )
    return {name: rounded(one) for name, one in found.items()} | {"brier_less_the_priors": rounded(paired)}


def rows_of(paths: Sequence[Path]) -> dict[str, dict[str, str]]:
    """The rows of label files by trial; of a trial in several files the first."""
    found: dict[str, dict[str, str]] = {}
    for path in paths:
        with gzip.open(path, "rt", newline="") as file:
            for row in csv.DictReader(file):
                found.setdefault(row["nctid"], row)
    return found


def written(path: Path, rows: Sequence[dict[str, str]]) -> Path:
    """A label file of these rows."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(
            file, ["nctid", "label", "phase", "diseases", "drugs", "criteria"], extrasaction="ignore"
        )
        writer.writeheader()
        writer.writerows(rows)
    return path


def forward(log: Log, folder: Path) -> None:
    """Blocks of phase I, each forecast from what was registered before."""
    rows = rows_of([*TRAIN, *ALSO])
    train = list(TASK.samples_from(TRAIN, "train"))
    ids = {sample.subject for sample in train}
    also = [sample for sample in TASK.samples_from(ALSO, "train") if sample.subject not in ids]
    truth, chances, prior, each = [], [], [], []
    for number, (earlier, block) in enumerate(blocks(train, also)[1:], 2):
        began = time.process_time()
        labels = written(folder / f"earlier_{number}.csv", [rows[sample.subject] for sample in earlier])
        fit(None, folder / f"model_{number}", [labels], refits=1)
        forecast = Forecast.open(folder / f"model_{number}")
        assert not any(forecast.knows(sample.subject) for sample in block)
        found = chances_of(forecast.outcome, TASK, block)
        truth.append(np.array([float(TASK.label(sample) == "success") for sample in block]))
        chances.append(found[FORECAST])
        prior.append(found["prior"])
        auroc = TASK.metric("auroc").compute({"success": truth[-1], "probability": chances[-1]})
        each.append(round(auroc, 3))
        log(run="block", block=number, learnt_from=len(earlier), n=len(block), auroc=each[-1],
            temperature=forecast.card.outcome.temperature, cpu_seconds=round(time.process_time() - began))  # fmt: skip
    all_of = [np.concatenate(part) for part in (truth, chances, prior)]
    log(
        run="forward",
        n=len(all_of[0]),
        share=round(float(all_of[0].mean()), 3),
        auroc_by_block=each,
        **figures(*all_of),
    )


def fitted(log: Log, warehouse: Path, model: Path) -> None:
    """The model that the other parts ask."""
    began = time.monotonic(), time.process_time()
    card = fit(Warehouse.open(warehouse), model, LABELS, progress=lambda stage: sys.stderr.write(stage + "\n"))
    size = sum(path.stat().st_size for path in model.rglob("*") if path.is_file())
    log(run="fit", seconds=round(time.monotonic() - began[0]), cpu_seconds=round(time.process_time() - began[1]),
        megabytes=round(size / 2**20, 1), card=msgspec.to_builtins(card))  # fmt: skip


def evaluated(log: Log, warehouse: Path, model: Path) -> None:
    """What the model reaches on trials that it has not seen."""
    for found in evaluate(Forecast.open(model), Warehouse.open(warehouse), [HELD_OUT]):
        kept = [f for f in found.figures if f.phase == "all"]
        log(run="evaluate", question=found.question, trials=found.trials, n=found.n, positives=found.positives,
            left_out=found.left_out,
            figures={f"{f.model}: {f.metric}": [f.value, f.low, f.high] for f in kept},
            less={f"{d.other}: {d.metric}": [d.value, d.low, d.high] for d in found.differences},
            gain={str(one.threshold): [one.gain, one.gain_low, one.gain_high] for one in found.decision})  # fmt: skip


def exports(log: Log, warehouse: Path, model: Path) -> None:
    """One trial as two sources tell it."""
    outcome = Forecast.open(model).outcome
    by_row = {one.id: one for one in TASK.samples_from([*LABELS, HELD_OUT], "test")}
    con = Warehouse.open(warehouse).connect()
    try:
        joined = {one.id: one for one in TASK.samples_from([*LABELS, HELD_OUT], "test", con)}
    finally:
        con.close()
    both = [
        name for name, one in joined.items() if name in by_row and one.inputs.title and not by_row[name].inputs.title
    ]
    if not both:
        log(run="exports", n=0)
        return
    one, other = (chances_of(outcome, TASK, [source[name] for name in both])[FORECAST] for source in (by_row, joined))
    apart = np.abs(one - other)
    log(run="exports", n=len(both), mean_difference=round(float(apart.mean()), 4),
        largest=round(float(apart.max()), 4), correlation=round(float(np.corrcoef(one, other)[0, 1]), 4))  # fmt: skip


def speed(log: Log, warehouse: Path, model: Path, folder: Path) -> None:
    """From the shell to the shell."""

    def asked(*arguments: str | Path) -> tuple[float, float, Any]:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.monotonic()
        command = [str(Path(sys.executable).with_name("trialpanorama")), "predict", *map(str, arguments), "--json"]
        done = subprocess.run([*command, "--model", str(model), "-w", str(warehouse)], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return time.monotonic() - began, cpu, json.loads(done.stdout)

    one = DATA / "outcomes" / "NCT00000378.xml"
    for similar in (10, 0):
        tries = [asked(one, "--similar", str(similar))[:2] for _ in range(5)]
        log(run="one XML", similar=similar, seconds=[round(wall, 2) for wall, _ in tries],
            cpu_seconds=[round(cpu, 2) for _, cpu in tries])  # fmt: skip
    with zipfile.ZipFile(ARCHIVE) as archive, zipfile.ZipFile(folder / "thousand.zip", "w") as out:
        names = [name for name in archive.namelist() if name.endswith(".xml")][:1000]
        for name in names:
            out.writestr(name, archive.read(name))
    for similar in (0, 10):
        wall, cpu, found = asked(folder / "thousand.zip", "--similar", str(similar))
        log(run="1,000 XML", similar=similar, forecasts=sum("probability" in one for one in found),
            seconds=round(wall, 1), cpu_seconds=round(cpu, 1))  # fmt: skip


def coverage(log: Log, model: Path, folder: Path) -> None:
    """Whether 95 % intervals hold the truth, where the truth is known as it is drawn from it."""
    truth = Forecast.open(model).outcome
    samples = sorted(TASK.samples_from([TRAIN[0], *ALSO], "train"), key=lambda sample: sample.id)
    asked = list(TASK.samples_from([HELD_OUT], "test"))
    known = chances_of(truth, TASK, samples)[FORECAST]
    wanted = chances_of(truth, TASK, asked)[FORECAST]
    random = np.random.default_rng(20261122)
    held: list[Any] = []
    widths: list[float] = []
    for draw in range(DRAWS):
        drawn = random.random(len(samples)) < known
        again = [
            msgspec.structs.replace(one, gold=Answer("success" if is_one else "failure", float(is_one)))
            for one, is_one in zip(samples, drawn, strict=True)
        ]
        fit_model(again, TASK, "success", Settings(), 20, folder / f"drawn_{draw}", None,
                  lambda sample: bool(sample.gold.outcome == "success"))  # fmt: skip
        found = Model.open(folder / f"drawn_{draw}")
        rows = [found.row_of(one.inputs, TASK) for one in asked]
        chances = found.probabilities(rows)[:, found.positive]
        logit = np.log(chances) - np.log1p(-chances)
        spread = 1.959964 * found.refitted(rows).std(axis=1, ddof=1)
        low, high = 1 / (1 + np.exp(-(logit - spread))), 1 / (1 + np.exp(-(logit + spread)))
        held.append(((low <= wanted) & (wanted <= high)).astype(float))
        widths.append(float((high - low).mean()))
    shares = bootstrap({"held": np.mean(held, axis=0)}, lambda c: float(c["held"].mean()))
    log(run="coverage", draws=DRAWS, asked=len(asked), held=rounded(shares),
        held_of_each_draw=[round(float(one.mean()), 3) for one in held],
        mean_width=[round(one, 3) for one in widths], spread_of_truth=round(float(wanted.std()), 3))  # fmt: skip


def main() -> None:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], metavar="PART")
    parser.add_argument("--warehouse", type=Path, default=Path("warehouse"))
    parser.add_argument("--model", type=Path)
    parser.add_argument("--log", type=Path)
    options = parser.parse_args()
    parts = options.parts or PARTS
    log = Log(options.log)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = options.model or folder / "model"
        if "forward" in parts:
            forward(log, folder)
        if "fit" in parts or (not model.exists() and set(parts) - {"forward"}):
            fitted(log, options.warehouse, model)
        if "evaluate" in parts:
            evaluated(log, options.warehouse, model)
        if "exports" in parts:
            exports(log, options.warehouse, model)
        if "speed" in parts:
            speed(log, options.warehouse, model, folder)
        if "coverage" in parts:
            coverage(log, model, folder)


if __name__ == "__main__":
    main()
