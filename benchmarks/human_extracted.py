"""Compare the normalisers with fields that people extracted from 2,501 ICTRP records.

How their values fold, what counts as answered and how rows are split was fixed beforehand:
docs/decisions/0002-human-extracted-gold.md.

    python benchmarks/human_extracted.py [FILE] [--half development|held-out|all] [--disagreements]
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

from trialpanorama import vocabulary

APART = ("ChiCTR", "TCTR")
"""Registers whose design text often does not say; reported apart."""

MISSING = ("", "NA", "NULL")


def rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of human_extracted_fields.csv.gz, missing values as the empty string."""
    with gzip.open(path, "rt", encoding="utf-8", errors="replace", newline="") as file:
        for row in csv.DictReader(file):
            yield {name: "" if value in MISSING else value for name, value in row.items()}


def half(trial_id: str) -> str:
    """Which half of the rows a trial is in: rules are tuned on `development` only."""
    return "held-out" if hashlib.sha256(trial_id.encode()).digest()[0] % 2 else "development"


def fold_randomisation(design: vocabulary.Design) -> str | None:
    if design.allocation == "RANDOMIZED":
        return "Yes"
    if design.allocation == "NA" or design.intervention_model == "SINGLE_GROUP":
        return "Not applicable"
    return "No" if design.allocation == "NON_RANDOMIZED" else None


def fold_blinding(design: vocabulary.Design) -> str | None:
    return None if design.is_masked is None else "Yes" if design.is_masked else "No"


def fold_phase(phases: tuple[vocabulary.Phase, ...]) -> str | None:
    if not phases:
        return None
    if phases == ("NA",):
        return "Undefined"
    return "Phase " + max("1" if phase == "EARLY_PHASE1" else phase[-1] for phase in phases)


def fold_sponsor(sponsor_class: vocabulary.SponsorClass | None) -> str | None:
    if sponsor_class is None:
        return None
    return {"INDUSTRY": "Industry", "INDIV": "Investigator"}.get(sponsor_class, "Non industry")


if __name__ == "__main__":
    sys.exit("not scored yet")
