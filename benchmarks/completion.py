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
designs      where figures come from: one table of how trials are parted (forward; blocks of registration time, each
             judged by a model of all other blocks, later ones too; shuffled), which trials (without or with those
             registered after their end) and which fields (the sponsor's name alone; strict; with whose ids the trial
             bears; with what a current copy may have changed)
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
import math
import os
import re
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
from trialpanorama.tasks._trials import Mask, Start
from trialpanorama.tasks.trial_completion import Forecast, TrialCompletion, reason_of
from trialpanorama.warehouse import Warehouse

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from tests.tasks.test_real_reasons import found as words_of  # noqa: E402
from tests.tasks.test_real_reasons import judged, words  # noqa: E402

DATA = Path(os.environ.get("TRIALPANORAMA_DATA") or REPOSITORY.parent / "shared" / "data")
LEGACY = Path("registries") / "clinicaltrials_gov" / "AllPublicXML_part.zip"
PARTS = ("choose", "forward", "shuffled", "ablation", "designs", "reasons")
FIRST, FOLDS, CHOOSING, SHUFFLED_FOLDS, BLOCKS = 0.4, 6, 3, 5, 5

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


def blocked(samples: Sequence[Trial]) -> Iterator[tuple[int, list[Trial], Sequence[Trial]]]:
    """Blocks of registration time, each judged by all others, later ones too, but those of its own groups."""
    cuts = [round(len(samples) * place / BLOCKS) for place in range(BLOCKS + 1)]
    for fold, (low, high) in enumerate(pairwise(cuts)):
        groups = {one.group for one in samples[low:high]}
        rest = [*samples[:low], *samples[high:]]
        yield fold, [one for one in rest if one.group not in groups], samples[low:high]


Folds = Callable[[Sequence[Trial]], Iterator[tuple[int, list[Trial], Sequence[Trial]]]]


# --- figures


def run(
    kind: type[Baseline], samples: Sequence[Trial], folds: Folds, wanted: range, task: TrialCompletion = TASK
) -> Columns:
    """The test trials of the wanted folds and the scores of a baseline on them, through its replies."""
    asked: list[Trial] = []
    rows: list[dict[str, float]] = []
    for fold, training, test in folds(samples):
        if fold in wanted:
            made = kind()
            made.fit(training, task)
            rows += [task.score(task.read(made.answer(one), one), one) | {"fold": float(fold)} for one in test]
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


class More(msgspec.Struct):
    """What a register says of a trial beyond what the task shows."""

    text: str = ""
    facts: dict[str, str | float] = {}


class Wider(EveryTrial):
    """The task's outcome alone, with more before the model than it shows, if any."""

    def __init__(self, *more: Mapping[str, More]) -> None:
        self._more = more

    def labels(self, sample: Trial) -> Sequence[str]:
        """One model for both outcomes instead of one for each reason."""
        return ("complete", "stopped")

    def label(self, sample: Trial) -> str:
        """What became of it."""
        return sample.gold.outcome

    def text(self, sample: Trial) -> str:
        """The description and what else is said."""
        return "\n".join([super().text(sample), *(known[sample.subject].text for known in self._more)])

    def features(self, sample: Trial) -> Mapping[str, str | float]:
        """The facts and what else is known."""
        facts = dict(super().features(sample))
        for known in self._more:
            facts |= known[sample.subject].facts
        return facts


def ids_borne(warehouse: Warehouse) -> dict[str, More]:
    """Whose ids a trial bears: the sponsor's own with its digits masked, and the letters that secondary ids begin with.

    Mostly given at the start; secondary ids may be added later.
    """
    with warehouse.connect() as con:
        rows = con.execute(
            """SELECT s.study_id, list(coalesce(i.raw, i.id) ORDER BY i.position) FILTER (i.role = 'organisation'),
                      list(coalesce(i.raw, i.id) ORDER BY i.position) FILTER (i.role = 'secondary')
               FROM studies s LEFT JOIN identifiers i USING (study_id) GROUP BY s.study_id"""
        ).fetchall()
    found = {}
    for study, own, others in rows:
        facts: dict[str, str | float] = {"ids": min(len(others or ()), 5) / 5}
        for role, ids in (("own", own), ("other", others)):
            for one in ids or ():
                facts[f"{role} id={re.sub(r'[0-9]+', '#', one.upper())[:12]}"] = 1.0
                facts[f"{role} issuer={re.match('[A-Z]*', one.upper())[0]}"] = 1.0  # type: ignore[index]
        found[study] = More(facts=facts)
    return found


def as_of_now(warehouse: Warehouse) -> dict[str, More]:
    """What a register asks for at the start and a current copy may have changed or added since.

    No enrolment, no date of an end, nothing of results; sentences that tell the end are taken out, as everywhere.
    """
    with warehouse.connect() as con:
        rows = con.execute(
            """SELECT study_id, s.collaborators, s.countries, s.number_of_locations, s.keywords, s.acronym,
                      year(s.start_date) - year(s.registration_date), year(s.start_date),
                      r.brief_summary, r.detailed_description, r.responsible_party, r.is_fda_regulated_drug,
                      r.is_fda_regulated_device, r.has_expanded_access, r.ipd_sharing,
                      [o.measure FOR o IN r.outcomes], [o.affiliation FOR o IN r.officials],
                      len(r."references"), len(r.links)
               FROM studies s JOIN records r ON r.record_id = s.record_ids[1]"""
        ).fetchall()
    found = {}
    for row in rows:
        study, collaborators, countries, sites, keywords, acronym, lag, year, *rest = row
        summary, detail, party, drug, device, expanded, sharing, measures, affiliations, references, links = rest
        mask = Mask([study], acronym)
        texts = [mask(summary), mask(detail), *(keywords or ()), *(measures or ()), *(affiliations or ())]
        facts: dict[str, str | float] = {
            "responsible party": str(party),
            "regulated drug": str(drug),
            "regulated device": str(device),
            "expanded access": str(expanded),
            "data are shared": str(sharing),
            "sites": math.log1p(sites or 0) / 3,
            "collaborators": min(len(collaborators or ()), 5) / 5,
            "countries": min(len(countries or ()), 10) / 10,
            "measures": min(len(measures or ()), 10) / 10,
            "started years after registration": max(-6, min(6, lag or 0)) / 6,
            "start year": (year - 1990) / 10 if year else 0.0,
        }
        given = {
            "detail": detail, "keywords": keywords, "measures": measures, "start": year, "acronym": acronym,
            "references": references, "links": links, "officials": affiliations,
        }  # fmt: skip
        facts |= {f"{name} given": float(bool(value)) for name, value in given.items()}
        facts |= {f"collaborator={name}": 1.0 for name in collaborators or ()}
        facts |= {f"country={name}": 1.0 for name in countries or ()}
        found[study] = More("\n".join(text for text in texts if text), facts)
    return found


def designs(warehouse: Warehouse, samples: Sequence[Trial], with_late: Sequence[Trial], log: Log) -> None:
    """Every way of parting trials, of choosing them and of choosing fields, by one baseline."""
    ids, now = ids_borne(warehouse), as_of_now(warehouse)
    strict = Wider()
    others = tuple(field for field in Start.__struct_fields__ if field != "lead_sponsor")
    tasks = {
        "the sponsor's name alone": strict,
        "strict fields": strict,
        "and whose ids it bears": Wider(ids),
        "and what a current copy may have changed": Wider(ids, now),
    }
    parted: dict[str, tuple[Folds, range]] = {
        "forward, later three folds": (forward, range(CHOOSING, FOLDS)),
        "blocks of time": (blocked, range(BLOCKS)),
        "shuffled": (shuffled, range(SHUFFLED_FOLDS)),
    }
    for way, (folds, wanted) in parted.items():
        for which, trials in (("without those registered after their end", samples), ("all finished", with_late)):
            for fields, task in tasks.items():
                asked = [blank(one, others) for one in trials] if "alone" in fields else trials
                found = run(Linear, asked, folds, wanted, task)
                log("designs", f"{way}; {which}; {fields}", figures(found, ("auroc", "balanced_accuracy")))


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
        with_late = finished(warehouse, with_late=True) if {"shuffled", "designs"} & set(parts) else []
        if "shuffled" in parts:
            mixed(samples, with_late, log)
        if "ablation" in parts:
            ablate(samples, log)
        if "designs" in parts:
            designs(warehouse, samples, with_late, log)
        if "reasons" in parts:
            reasons(folders[0] if folders else DATA, log)
    if given.log:
        given.log.write_text(json.dumps(log.rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
