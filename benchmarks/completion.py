"""How well completion can be forecast from a trial's start: forward in time, shuffled, and by which facts.

    python benchmarks/completion.py [DATA] [PART...] [--warehouse DIR] [--log FILE]

DATA is the folder of the real files (../shared/data or $TRIALPANORAMA_DATA): the legacy XML of ClinicalTrials.gov is
built into a warehouse first. --warehouse takes the finished trials of one that is there instead. PART is any of (all,
if none is named):

choose       every configuration of the baselines, forward in time, on the earlier folds alone
forward      the baselines as they are set, on the later folds: overall, by phase, year and sponsor class; the reason
             against the prior (paired)
shuffled     the same with trials of all years mixed (five folds of whole groups): not a forecast, since a trial is
             then judged by later ones, but the way such figures are often measured. Also with the trials that were
             registered after their end, which the task leaves out
ablation     the linear baseline, forward, without one kind of fact at a time, and with one kind alone
reasons      a classifier of the sponsors' words beside the rules, on judged words: trained on what the rules say of all
             other words, and used alone, or where the rules say "other" and it is sure

Forward: trials in order of registration; the oldest 40 % only train, the others are six folds of equal size, each
forecast from all trials before it, those of its own groups left out. The first three folds choose, the last three
report. Figures are averaged over folds, since each fold has a model of its own, with 95 % intervals (percentile
bootstrap over groups). --log writes every figure to a file.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from trialpanorama.baselines import Baseline
from trialpanorama.baselines.boosted import Boosted
from trialpanorama.baselines.linear import Linear
from trialpanorama.baselines.majority import Majority
from trialpanorama.build import build
from trialpanorama.evaluate import bootstrap
from trialpanorama.tasks import SEED, SPLITS, Sample, columns
from trialpanorama.tasks._scores import auroc, recall_mean
from trialpanorama.tasks._trials import Start
from trialpanorama.tasks.trial_completion import Forecast, TrialCompletion, reason_of
from trialpanorama.warehouse import Warehouse

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from tests.tasks.test_real_reasons import found as words_of  # noqa: E402
from tests.tasks.test_real_reasons import judged, words  # noqa: E402

DATA = Path(os.environ.get("TRIALPANORAMA_DATA") or REPOSITORY.parent / "shared" / "data")
LEGACY = Path("registries") / "clinicaltrials_gov" / "AllPublicXML_part.zip"
PARTS = ("choose", "forward", "shuffled", "ablation", "reasons")
FIRST, FOLDS, CHOOSING, SHUFFLED_FOLDS = 0.4, 6, 3, 5

Columns = Mapping[str, NDArray[np.float64]]
Trial = Sample[Start, Forecast]


class EveryTrial(TrialCompletion):
    """The task without a limit on how many samples it makes."""

    most_samples: ClassVar[Mapping[Any, int]] = dict.fromkeys(SPLITS, 10**9)


TASK = EveryTrial()


def configuration(kind: type[Baseline], **settings: float) -> type[Baseline]:
    """A baseline with other settings."""
    return type(kind.__name__, (kind,), settings)


CONFIGURATIONS: dict[str, type[Baseline]] = {
    "majority": Majority,
    "linear, single words": configuration(Linear, longest=1, freedom=1.0),
    "linear, single words, freedom 0.3": configuration(Linear, longest=1, freedom=0.3),
    "linear, single words, freedom 3": configuration(Linear, longest=1, freedom=3.0),
    "linear, two words": configuration(Linear, longest=2, freedom=1.0),
    "boosted, 60 rounds, 4 leaves": configuration(Boosted, rounds=60, leaves=4),
    "boosted, 60 rounds, 8 leaves": configuration(Boosted, rounds=60, leaves=8),
    "boosted, 120 rounds, 4 leaves": configuration(Boosted, rounds=120, leaves=4),
}

# --- samples


def finished(warehouse: Warehouse, *, with_late: bool = False) -> list[Trial]:
    """The finished trials in order of registration; `with_late` also those registered after their end."""
    con = warehouse.connect()
    try:
        if with_late:
            # Without an end nothing is registered after it.
            ((catalogue,),) = con.execute("SELECT current_database()").fetchall()
            con.execute(
                "CREATE TEMP VIEW studies AS SELECT * REPLACE (NULL::DATE AS completion_date) "
                f'FROM "{catalogue}".main.studies'
            )
        return sorted(
            (sample for split in SPLITS for sample in TASK.samples(con, split)), key=lambda one: (one.date, one.subject)
        )
    finally:
        con.close()


def forward(samples: Sequence[Trial]) -> Iterator[tuple[int, list[Trial], Sequence[Trial]]]:
    """Number, training and test of each fold: whatever is earlier trains, but the test's own groups."""
    cuts = [round(len(samples) * (FIRST + (1 - FIRST) * place / FOLDS)) for place in range(FOLDS + 1)]
    for fold, (low, high) in enumerate(pairwise(cuts)):
        groups = {one.group for one in samples[low:high]}
        yield fold, [one for one in samples[:low] if one.group not in groups], samples[low:high]


def shuffled(samples: Sequence[Trial]) -> Iterator[tuple[int, list[Trial], Sequence[Trial]]]:
    """Folds of whole groups, drawn at random from all years."""
    groups = sorted({one.group for one in samples})
    drawn = dict(zip(groups, np.random.default_rng(SEED).integers(0, SHUFFLED_FOLDS, len(groups)), strict=True))
    for fold in range(SHUFFLED_FOLDS):
        test = [one for one in samples if drawn[one.group] == fold]
        yield fold, [one for one in samples if drawn[one.group] != fold], test


Folds = Callable[[Sequence[Trial]], Iterator[tuple[int, list[Trial], Sequence[Trial]]]]


# --- figures


def run(kind: type[Baseline], samples: Sequence[Trial], folds: Folds, wanted: range) -> Columns:
    """The test trials of the wanted folds and the scores of a baseline on them, through its replies."""
    asked: list[Trial] = []
    rows: list[dict[str, float]] = []
    for fold, training, test in folds(samples):
        if fold in wanted:
            made = kind()
            made.fit(training, TASK)
            rows += [TASK.score(TASK.read(made.answer(one), one), one) | {"fold": float(fold)} for one in test]
            asked += test
    return columns(rows, [one.group for one in asked])


def over_folds(compute: Callable[[Columns], float]) -> Callable[[Columns], float]:
    """The mean over folds of a figure."""

    def mean(found: Columns) -> float:
        per_fold = [
            compute({key: column[found["fold"] == fold] for key, column in found.items()})
            for fold in np.unique(found["fold"])
        ]
        return float(np.nanmean(per_fold)) if not np.all(np.isnan(per_fold)) else float("nan")

    return mean


FIGURES: dict[str, Callable[[Columns], float]] = {
    "auroc": over_folds(lambda c: auroc(c["complete"], c["probability"])),
    "balanced_accuracy": over_folds(lambda c: recall_mean(c["complete"], c["correct"])),
    "auroc_pooled": lambda c: auroc(c["complete"], c["probability"]),
    **{
        metric.name: metric.compute
        for metric in TASK.metrics
        if metric.name in ("brier", "calibration_slope", "reason_balanced_accuracy")
    },
}


def figures(found: Columns, names: Sequence[str] = tuple(FIGURES)) -> dict[str, Any]:
    """Figures with their intervals and how many trials they are over."""
    made: dict[str, Any] = {"n": len(found["complete"]), "stopped": int((found["complete"] == 0).sum())}
    for name in names:
        at = bootstrap(found, FIGURES[name])
        made[name] = [round(x, 4) if x is not None else None for x in (at.value, at.low, at.high)]
    return made


def shown(made: Mapping[str, Any]) -> str:
    """Figures on one line."""
    parts = [f"n {made['n']}" + (f" ({made['stopped']} stopped)" if "stopped" in made else "")]
    for name, value in made.items():
        if isinstance(value, list):
            low_to_high = f" ({value[1]:.3f} to {value[2]:.3f})" if value[1] is not None else ""
            parts.append(f"{name} {value[0]:.3f}{low_to_high}")
    return ", ".join(parts)


class Log:
    """What was measured, printed as it comes and kept."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def __call__(self, part: str, what: str, made: Mapping[str, Any]) -> None:
        self.rows.append({"part": part, "what": what, **made})
        print(f"{part}: {what}: {shown(made)}", flush=True)


# --- parts


def choose(samples: Sequence[Trial], log: Log) -> None:
    """Every configuration on the earlier folds."""
    for name, kind in CONFIGURATIONS.items():
        began = time.perf_counter()
        found = run(kind, samples, forward, range(CHOOSING))
        log("choose", name, figures(found, ("auroc", "balanced_accuracy")))
        print(f"  {time.perf_counter() - began:.0f} s for {CHOOSING} fits and {len(found['complete'])} answers")


STRATA: dict[str, Callable[[Trial], str]] = {
    "phase": lambda one: "/".join(one.inputs.phases) or "none",
    "year": lambda one: one.date[:4],
    "sponsor": lambda one: one.inputs.lead_sponsor_class or "unknown",
}


def report(samples: Sequence[Trial], log: Log) -> None:
    """The baselines as they are set, on the later folds."""
    asked = [one for fold, _, test in forward(samples) if fold >= CHOOSING for one in test]
    found: dict[str, Columns] = {}
    for kind in (Majority, Linear, Boosted):
        every = run(kind, samples, forward, range(FOLDS))
        found[kind.name] = {key: column[every["fold"] >= CHOOSING] for key, column in every.items()}
        log("forward", kind.name, figures(found[kind.name]))
        log("forward, all six folds", kind.name, figures(every, ("auroc", "balanced_accuracy")))
    for stratum, of in STRATA.items():
        for value in sorted({of(one) for one in asked}):
            chosen = np.array([of(one) == value for one in asked])
            part = {key: column[chosen] for key, column in found["linear"].items()}
            if min((part["complete"] == 0).sum(), (part["complete"] == 1).sum()) >= 10:
                log("forward", f"linear, {stratum} {value}", figures(part, ("auroc",)))
    for name in ("linear", "boosted"):
        log("forward", f"reason, {name} less majority", reason_gain(found[name], found["majority"]))


def reason_gain(model: Columns, prior: Columns) -> dict[str, Any]:
    """By how much the reason is told better than by the prior, on the same stopped trials."""
    stopped = model["reason"] >= 0
    pair = {
        "reason": model["reason"][stopped],
        "model": model["reason_correct"][stopped],
        "prior": prior["reason_correct"][stopped],
        "group": model["group"][stopped],
    }
    gains: dict[str, Callable[[Columns], float]] = {
        "accuracy": lambda c: float((c["model"] - c["prior"]).mean()),
        "balanced_accuracy": lambda c: recall_mean(c["reason"], c["model"]) - recall_mean(c["reason"], c["prior"]),
    }
    made: dict[str, Any] = {"n": int(stopped.sum()), "stopped": int(stopped.sum())}
    for name, compute in gains.items():
        at = bootstrap(pair, compute)
        made[name] = [round(x, 4) if x is not None else None for x in (at.value, at.low, at.high)]
    return made


def mixed(samples: Sequence[Trial], with_late: Sequence[Trial], log: Log) -> None:
    """Trials of all years mixed."""
    for what, trials in (("", samples), (", with those registered after their end", with_late)):
        for kind in (Linear, Boosted):
            found = run(kind, trials, shuffled, range(SHUFFLED_FOLDS))
            log("shuffled", kind.name + what, figures(found, ("auroc", "balanced_accuracy")))
    found = run(Linear, with_late, forward, range(CHOOSING, FOLDS))
    log("forward", "linear, with those registered after their end", figures(found, ("auroc", "balanced_accuracy")))


KINDS: dict[str, tuple[str, ...]] = {
    "titles": ("title", "scientific_title"),
    "sponsor": ("lead_sponsor", "lead_sponsor_class"),
    "name of the sponsor": ("lead_sponsor",),
    "conditions": ("conditions",),
    "interventions and arms": ("interventions", "arms", "number_of_arms"),
    "criteria": ("criteria", "sex", "minimum_age_years", "maximum_age_years", "healthy_volunteers"),
    "design": (
        "trial_type",
        "phases",
        "allocation",
        "intervention_model",
        "observational_model",
        "time_perspective",
        "masking",
        "masked_roles",
        "primary_purpose",
        "has_dmc",
    ),
}


def blank(sample: Trial, fields: Sequence[str]) -> Trial:
    """The sample without some fields of what is shown."""
    empty = Start(title="")
    kept = msgspec.structs.replace(sample.inputs, **{field: getattr(empty, field) for field in fields})
    return msgspec.structs.replace(sample, inputs=kept)


def ablate(samples: Sequence[Trial], log: Log) -> None:
    """Without one kind of fact at a time, and with one kind alone."""
    everything = tuple(Start.__struct_fields__)
    cases = {f"without {name}": fields for name, fields in KINDS.items()} | {
        f"{name} alone": tuple(field for field in everything if field not in fields) for name, fields in KINDS.items()
    }
    for name, fields in {"everything": (), **cases}.items():
        found = run(Linear, [blank(one, fields) for one in samples], forward, range(FOLDS))
        log("ablation", name, figures(found, ("auroc",)))


SURE = (0.3, 0.5, 0.7)
"""From which probability on the classifier overrules "other"."""


def reasons(data: Path, log: Log) -> None:
    """Whether a classifier reads the sponsors' words better than the rules."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    every = {folded.lower(): folded for said in words(data) if (folded := " ".join(said.split()))}
    for name in ("reasons_judged", "reasons_judged_2"):
        classes = judged(name)
        said = words_of(data, classes)
        keys = sorted(said)
        fold = np.random.default_rng(SEED).integers(0, 10, len(keys))
        ruled = np.array([reason_of(said[key]) or "other" for key in keys])
        given = {"rules": ruled, "classifier": ruled.copy()}
        given |= {f"rules, then from {sure}": ruled.copy() for sure in SURE}
        for number in range(10):
            place = np.flatnonzero(fold == number)
            tested = {said[keys[one]].lower() for one in place}
            training = [one for lowered, one in every.items() if lowered not in tested and reason_of(one)]
            model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(C=10.0))
            model.fit(training, [reason_of(one) for one in training])
            probability = model.predict_proba([said[keys[one]] for one in place])
            best = model.classes_[probability.argmax(axis=1)]
            given["classifier"][place] = best
            for sure in SURE:
                overruled = (ruled[place] == "other") & (probability.max(axis=1) > sure)
                given[f"rules, then from {sure}"][place[overruled]] = best[overruled]
        truth = np.array([classes[key] for key in keys])
        for what, answers in given.items():
            at = bootstrap({"right": (answers == truth).astype(float)}, lambda c: float(c["right"].mean()))
            log("reasons", f"{what}, {name}", {"n": len(keys), "accuracy": [at.value, at.low, at.high]})


def main(arguments: Sequence[str]) -> None:
    """Run the parts that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", metavar="DATA|PART")
    parser.add_argument("--warehouse", type=Path)
    parser.add_argument("--log", type=Path)
    given = parser.parse_args(arguments)
    parts = [word for word in given.words if word in PARTS] or list(PARTS)
    folders = [Path(word) for word in given.words if word not in PARTS]
    with tempfile.TemporaryDirectory() as scratch:
        if given.warehouse is None:
            given.warehouse = Path(scratch) / "legacy"
            build([(folders[0] if folders else DATA) / LEGACY], given.warehouse)
        warehouse, log = Warehouse.open(given.warehouse), Log()
        samples = finished(warehouse)
        for fold, training, test in forward(samples):
            stopped = sum(one.gold.outcome == "stopped" for one in test)
            print(f"fold {fold}: {len(training)} train, {len(test)} from {test[0].date}, {stopped} stopped")
        if "choose" in parts:
            choose(samples, log)
        if "forward" in parts:
            report(samples, log)
        if "shuffled" in parts:
            mixed(samples, finished(warehouse, with_late=True), log)
        if "ablation" in parts:
            ablate(samples, log)
        if "reasons" in parts:
            reasons(folders[0] if folders else DATA, log)
    if given.log:
        given.log.write_text(json.dumps(log.rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
