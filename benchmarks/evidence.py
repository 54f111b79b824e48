"""What questions on evidence can be asked of real data, how sure their keys are, and what floors reach on each kind.

    python benchmarks/evidence.py [DATA] [--warehouse DIR]

DATA is the folder of the real files (../shared/data or $TRIALPANORAMA_DATA): posted results of ClinicalTrials.gov, the
annotated papers and PubMed Central's full texts are built into a warehouse first. --warehouse takes one that is there.
Prints the questions of each split and kind, what was left out and why, how many keys a reader of 50 random ones came to
(tests/tasks/evidence_judged.json), how far off the dates of undated papers are (each dated paper dated by the others),
and the baselines, fitted in training, on test and validation together, by kind of evidence, with 95 % intervals
(percentile bootstrap over trials and papers). On posted analyses baseline/reader applies the rule of the key to what is
shown: that it reaches 100 % says that what is shown decides, and that these questions ask for no more than reading.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import re
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from trialpanorama.baselines import baselines
from trialpanorama.build import build
from trialpanorama.evaluate import bootstrap
from trialpanorama.tasks import SPLITS, columns, load
from trialpanorama.tasks.evidence_summary import TASK, _date_near
from trialpanorama.warehouse import Warehouse

REPOSITORY = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("TRIALPANORAMA_DATA") or REPOSITORY.parent / "shared" / "data")
FILES = (
    "registries/clinicaltrials_gov",
    "reviews/evidence_inference_train_validation.zip",
    "pubmed/pmc_jats_fulltext.zip",
)
KINDS = ("analysis", "triple", "all")


def questions(opened: Warehouse) -> None:
    """How many, and why not more."""
    with opened.connect() as con:
        for split in SPLITS:
            left_out: Counter[str] = Counter()
            made = list(TASK.samples(con, split, left_out))
            kinds = Counter(sample.strata["evidence"] for sample in made)
            groups = len({sample.group for sample in made})
            print(f"{split}: {len(made)} questions ({dict(kinds)}) on {groups} trials and papers; left out:")
            for reason, count in left_out.most_common():
                print(f"    {count:>7,} {reason}")


def keys() -> None:
    """The hand-judged share, with Wilson's interval."""
    said = json.loads((REPOSITORY / "tests" / "tasks" / "evidence_judged.json").read_text())
    n, share, z = len(said), sum(one["follows"] for one in said) / len(said), 1.96
    middle, half = share + z * z / (2 * n), z * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
    low, high = ((middle + sign * half) / (1 + z * z / n) for sign in (-1, 1))
    print(f"keys of abstracts that follow from the text: {share:.0%} of {n} ({low:.0%} to {high:.0%})")


def dates(opened: Warehouse) -> None:
    """Each paper with date and PubMed Central number, dated by the others."""
    with opened.connect() as con:
        known = sorted(
            (int(re.sub(r"\D", "", pmcid)), date.toordinal())
            for pmcid, date in con.execute(
                """SELECT pmcid, first_published_date FROM papers
                   WHERE pmcid LIKE 'PMC%' AND first_published_date IS NOT NULL"""
            ).fetchall()
        )
    errors = [
        abs(datetime.date.fromisoformat(_date_near(number, known[:at] + known[at + 1 :])).toordinal() - date) / 365.25
        for at, (number, date) in enumerate(known)
    ]
    if errors:
        median, most = np.percentile(errors, [50, 90])
        print(f"dates of {len(errors)} papers by their number: off by {median:.1f} years (median), {most:.1f} (90 %)")


def floors(opened: Warehouse) -> None:
    """Accuracy and macro F1 of every baseline that answers."""
    training = load(opened, TASK, "train")
    asked = load(opened, TASK, "test") + load(opened, TASK, "validation")
    print(f"{'baseline':<14} {'evidence':<9} {'n':>4}  accuracy             macro F1")
    for name, kind in baselines().items():
        if not kind.answers(TASK, asked[0]):
            continue
        made = kind()
        made.fit(training, TASK)
        scores = [TASK.score(TASK.read(made.answer(one), one), one) for one in asked]
        for evidence in KINDS:
            of = [at for at, one in enumerate(asked) if evidence in (one.strata["evidence"], "all")]
            found = columns([scores[at] for at in of], [asked[at].group for at in of])
            told = [bootstrap(found, metric.compute) for metric in TASK.metrics]
            figures = "  ".join(f"{one.value:.3f} ({one.low:.3f}-{one.high:.3f})" for one in told)
            print(f"{name:<14} {evidence:<9} {len(of):>4}  {figures}", flush=True)


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=DATA)
    parser.add_argument("--warehouse", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.warehouse is None:
            build([given.data / file for file in FILES], Path(folder) / "w")
        opened = Warehouse.open(given.warehouse or Path(folder) / "w")
        questions(opened)
        keys()
        dates(opened)
        floors(opened)


if __name__ == "__main__":
    main()
