"""How well outcomes are forecast on the TOP benchmark, whose labels are success (1) and failure (0) of drug trials.

    python benchmarks/outcome.py [TRAIN ...] [--also FILE ...] [--test FILE] [--settings one|grid] [--log FILE]

TRAIN are files of the phase that is asked about (default: phase I, training and validation, of ../shared/data or
$TRIALPANORAMA_DATA), --also files of other phases that only train (default: phase II and III, validation).

Without --test the files are judged forward in time. TOP has no dates: NCT numbers, which rise with the day of
registration, stand in for them; the number is never a feature. The oldest half of the trials only trains; the rest are
five blocks, each forecast from all trials with lower numbers, of all phases. `grid` fits every setting of GRID on each
block and lets the AUROC of the blocks before choose the setting of the next (the first block only chooses); `one` takes
the forecaster as it is set, on all five. --log appends every configuration and its figures to a JSON file.

With --test the forecaster is fitted on everything else, trials of the test file taken out by id, and judged on it.

Figures are over all forecast trials, with 95 % intervals (percentile bootstrap over trials), beside the floors: the
prior, TF-IDF with logistic regression, design facts alone. The last line is no forecast: it is what a rule on the
file's own status reaches, which no forecast may see. A forecast that comes near it has leaked.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import time
from collections.abc import Callable, Sequence
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from trialpanorama.baselines import Baseline, baseline
from trialpanorama.baselines.forecaster import Forecaster, Settings
from trialpanorama.evaluate import bootstrap
from trialpanorama.tasks import AnySample, columns
from trialpanorama.tasks.outcome_prediction import TASK

DATA = (
    Path(os.environ.get("TRIALPANORAMA_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data") / "outcomes"
)
TRAIN = [DATA / f"top_phase_I_{part}.csv.gz" for part in ("train", "valid")]
ALSO = [DATA / f"top_phase_{phase}_valid.csv.gz" for phase in ("II", "III")]
BLOCKS, FIRST = 5, 0.5
GRID = (
    Settings(),
    Settings(trees=0),
    Settings(strength=0.0),
    Settings(half_life_years=None),
    Settings(facts=False),
)
Scores = list[dict[str, float]]


class TfIdf(Baseline):
    """The floor of the literature: TF-IDF of one or two words of the description, logistic regression with C = 1."""

    name, meaning = "tfidf", "TF-IDF of words and word pairs, logistic regression"

    def fit(self, samples: Sequence[AnySample], task: Any) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        self._model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(solver="liblinear"))
        self._model.fit([TASK.text(s) for s in samples], [TASK.label(s) == "success" for s in samples])
        self._prior = float(np.mean([TASK.label(s) == "success" for s in samples]))

    def answer(self, sample: AnySample) -> str:
        chance = float(self._model.predict_proba([TASK.text(sample)])[0, 1])
        return TASK.reply(TASK.decide({"success": chance}, {"success": self._prior}))


class Facts(TfIdf):
    """Design facts alone under logistic regression."""

    name, meaning = "facts", "Design facts, logistic regression"

    def fit(self, samples: Sequence[AnySample], task: Any) -> None:
        from sklearn.feature_extraction import DictVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        self._model = make_pipeline(DictVectorizer(sparse=False), LogisticRegression(solver="liblinear"))
        self._model.fit([dict(TASK.features(s)) for s in samples], [TASK.label(s) == "success" for s in samples])
        self._prior = float(np.mean([TASK.label(s) == "success" for s in samples]))

    def answer(self, sample: AnySample) -> str:
        chance = float(self._model.predict_proba([dict(TASK.features(sample))])[0, 1])
        return TASK.reply(TASK.decide({"success": chance}, {"success": self._prior}))


def forecast(made: Baseline, training: Sequence[AnySample], asked: Sequence[AnySample]) -> Scores:
    """The scores of a baseline that learns from some samples and answers others."""
    made.fit(training, TASK)
    if isinstance(made, Forecaster):  # all at once: one by one takes minutes
        prior = {"success": float(np.mean([TASK.label(sample) == "success" for sample in training]))}
        replies = [TASK.reply(TASK.decide(chances, prior)) for chances in made.probabilities(asked)]
    else:
        replies = [made.answer(sample) for sample in asked]
    return [TASK.score(TASK.read(reply, sample), sample) for reply, sample in zip(replies, asked, strict=True)]


def figures(scores: Scores) -> dict[str, Any]:
    """Every metric with its interval."""
    found = {metric.name: bootstrap(columns(scores), metric.compute) for metric in TASK.metrics}
    return {
        name: [round(v, 4) if v is not None else None for v in (i.value, i.low, i.high)] for name, i in found.items()
    }


def paired(one: Scores, other: Scores, metric: str) -> list[float | None]:
    """How much more of a metric the one has than the other, on the same trials, with its interval."""
    compute = TASK.metric(metric).compute
    both = {f"1:{key}": column for key, column in columns(one).items()}
    both |= {f"2:{key}": column for key, column in columns(other).items()}

    def less(drawn: Any) -> float:
        sides = [{key[2:]: column for key, column in drawn.items() if key.startswith(side)} for side in ("1:", "2:")]
        return compute(sides[0]) - compute(sides[1])

    found = bootstrap(both, less)
    return [round(v, 4) if v is not None else None for v in (found.value, found.low, found.high)]


def status_rule(paths: Sequence[Path], asked: Sequence[AnySample]) -> str:
    """What calling every trial that was not stopped a success reaches: the leak, read here and nowhere else."""
    status: dict[str, str] = {}
    for path in paths:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
            status |= {row["nctid"]: row["status"].lower() for row in csv.DictReader(file) if "status" in row}
    stopped = ("terminated", "withdrawn", "suspended")
    known = [sample for sample in asked if sample.subject in status]
    scores = []
    for sample in known:
        said = float(not status[sample.subject].startswith(stopped))
        scores.append(
            TASK.score(TASK.read(TASK.reply(TASK.decide({"success": said}, {"success": 0.5})), sample), sample)
        )
    if not scores:
        return "no status in the files"
    found = TASK.aggregate(scores)
    return f"auroc {found['auroc']:.3f}, f1 {found['f1']:.3f}, average precision {found['average_precision']:.3f}"


def blocks(asked: list[AnySample], also: list[AnySample]) -> list[tuple[list[AnySample], list[AnySample]]]:
    """For each block the trials with lower numbers, of all phases, and the block."""
    asked = sorted(asked, key=lambda sample: sample.subject)
    cuts = [int(len(asked) * (FIRST + (1 - FIRST) * part / BLOCKS)) for part in range(BLOCKS + 1)]
    found = []
    for low, high in pairwise(cuts):
        block = asked[low:high]
        earlier = asked[:low] + [sample for sample in also if sample.subject < block[0].subject]
        found.append((sorted(earlier, key=lambda sample: sample.id), block))
    return found


def forward(parts: list[tuple[list[AnySample], list[AnySample]]], make: Callable[[], Baseline]) -> list[Scores]:
    """The scores of each block."""
    return [forecast(make(), *part) for part in parts]


def chosen(parts: list[tuple[list[AnySample], list[AnySample]]], log: Callable[[dict[str, Any]], None]) -> Scores:
    """Each block forecast by the setting that was best on the blocks before it; the first has none before it."""
    auroc = TASK.metric("auroc").compute
    tried: list[list[Scores]] = []
    for settings in GRID:
        began = time.monotonic()
        plain = msgspec.structs.replace(settings, folds=0)  # the order of forecasts needs no temperature
        tried.append([forecast(Forecaster(plain), *part) for part in parts])
        each = [round(auroc(columns(scores)), 4) for scores in tried[-1]]
        pooled = figures(list(chain.from_iterable(tried[-1])))
        entry = {"settings": msgspec.to_builtins(plain), "auroc_by_block": each, **pooled}
        log({"run": "grid", "seconds": round(time.monotonic() - began), **entry})
    out: Scores = []
    for place in range(1, len(parts)):
        before = [np.mean([auroc(columns(one[earlier])) for earlier in range(place)]) for one in tried]
        settings = GRID[int(np.argmax(before))]
        scores = forecast(Forecaster(settings), *parts[place])
        log({"run": "nested", "block": place + 1, "settings": msgspec.to_builtins(settings), **figures(scores)})
        out += scores
    return out


def main() -> None:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", nargs="*", type=Path, default=TRAIN)
    parser.add_argument("--also", nargs="*", type=Path, default=ALSO)
    parser.add_argument("--test", type=Path)
    parser.add_argument("--settings", choices=("one", "grid"), default="one")
    parser.add_argument("--log", type=Path)
    options = parser.parse_args()

    def log(entry: dict[str, Any]) -> None:
        print(json.dumps(entry), flush=True)
        if options.log:
            kept = json.loads(options.log.read_text()) if options.log.exists() else {"runs": []}
            kept["runs"].append(entry)
            options.log.write_text(json.dumps(kept, indent=1) + "\n")

    train = list(TASK.samples_from(options.train, "train"))
    ids = {sample.subject for sample in train}
    also = list(TASK.samples_from(options.also, "train")) if options.also else []
    also = [sample for sample in also if sample.subject not in ids]
    if options.test:
        test = list(TASK.samples_from([options.test], "test"))
        asked_ids = {sample.subject for sample in test}
        known = [sample for sample in sorted([*train, *also], key=lambda s: s.id) if sample.subject not in asked_ids]
        parts = [(known, test)]
    else:
        parts = blocks(train, also)
    first = 1 if options.settings == "grid" and not options.test else 0
    asked = [sample for _, block in parts[first:] for sample in block]
    print(f"{len(train)} trials to train on, {len(also)} of other phases; {len(asked)} forecast, of which "
          f"{np.mean([TASK.label(s) == 'success' for s in asked]):.3f} succeed", flush=True)  # fmt: skip
    kinds: dict[str, Callable[[], Baseline]] = {
        "prior": baseline("majority"),
        "tfidf": TfIdf,
        "facts": Facts,
        "linear": baseline("linear"),
    }
    floors = {name: list(chain.from_iterable(forward(parts[first:], kind))) for name, kind in kinds.items()}
    for name, scores in floors.items():
        log({"run": "floor", "baseline": name, "n": len(scores), **figures(scores)})
    found = chosen(parts, log) if first else list(chain.from_iterable(forward(parts, Forecaster)))
    what = "forecaster, settings chosen on the blocks before" if first else "forecaster"
    log({"run": "test" if options.test else "forward", "baseline": what, "n": len(found), **figures(found)})
    for floor in ("prior", "tfidf"):
        differences = {
            metric: paired(found, floors[floor], metric) for metric in ("average_precision", "auroc", "brier")
        }
        log({"run": "paired", "forecaster_less": floor, "n": len(found), **differences})
    files = [options.test] if options.test else options.train
    print(f"WARNING: the file's own status would give {status_rule(files, asked)}. It is no forecast, and not read.")


if __name__ == "__main__":
    main()
