"""Compare the normalisers with fields that people extracted from 2,501 ICTRP records.

How their values fold, what counts as answered and how rows are split was fixed beforehand:
docs/decisions/0002-human-extracted-gold.md.

    python benchmarks/human_extracted.py [FILE] [--half development|held-out|all] [--disagreements]
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from trialpanorama import vocabulary

APART = ("ChiCTR", "TCTR")
"""Registers whose design text often does not say; reported apart."""

DEFAULT_FILE = (
    Path(os.environ.get("TRIALPANORAMA_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
    / "registries/ictrp/human_extracted_fields.csv.gz"
)

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
    """Allocation in their words."""
    if design.allocation == "RANDOMIZED":
        return "Yes"
    if design.allocation == "NA" or design.intervention_model == "SINGLE_GROUP":
        return "Not applicable"
    return "No" if design.allocation == "NON_RANDOMIZED" else None


def fold_blinding(design: vocabulary.Design) -> str | None:
    """Masking in their words."""
    return None if design.is_masked is None else "Yes" if design.is_masked else "No"


def fold_phase(phases: tuple[vocabulary.Phase, ...]) -> str | None:
    """Phase in their words: of two the higher."""
    if not phases:
        return None
    if phases == ("NA",):
        return "Undefined"
    return "Phase " + max("1" if phase == "EARLY_PHASE1" else phase[-1] for phase in phases)


def fold_sponsor(sponsor_class: vocabulary.SponsorClass | None) -> str | None:
    """Sponsor class in their words."""
    if sponsor_class is None:
        return None
    return {"INDUSTRY": "Industry", "INDIV": "Investigator"}.get(sponsor_class, "Non industry")


REGISTER_OF_SOURCE = {
    "CT.gov": "clinicaltrials_gov",
    "RBR": "rebec",
    "KCT": "cris",
    "PER": "repec",
    **{name: name.lower() for name in ("ANZCTR", "CTRI", "ChiCTR", "DRKS", "EUCTR", "IRCT", "ISRCTN", "LBCTR", "NTR")},
    **{name: name.lower() for name in ("PACTR", "RPCEC", "TCTR")},
}
"""The file's `source_registry` as a name of trialpanorama.identifiers; JPRN is three registers."""

FIELDS = {
    "randomisation": "randomisation",
    "randomised or not": "randomisation",
    "randomisation, control first": "randomisation",
    "blinding": "blinding",
    "phase": "phase_clean",
    "sponsor": "sponsor_type",
}
"""What is compared, and the column that holds what people found.

`randomised or not` was added after the first scoring: it takes No and Not applicable together, since the people
told these two apart by whether there is a control arm, which a register may say otherwise.
`randomisation, control first` was added still later: what a register calls uncontrolled and randomised is Not
applicable, as it is to the people, whose Not applicable stands exactly where they found no control arm.
"""


def answers(row: dict[str, str]) -> dict[str, str | None]:
    """What the normalisers say about one row, folded; none where they do not answer."""
    register = REGISTER_OF_SOURCE.get(row["source_registry"])
    design = vocabulary.design(row["Study_design"]).filled(vocabulary.design(row["Public_title"]))
    randomisation = fold_randomisation(design)
    return {
        "randomisation": randomisation,
        "randomised or not": "No" if randomisation == "Not applicable" else randomisation,
        "randomisation, control first": "Not applicable" if design.is_uncontrolled else randomisation,
        "blinding": fold_blinding(design),
        "phase": fold_phase(vocabulary.phases(row["Phase"], register)),
        "sponsor": fold_sponsor(vocabulary.sponsor_class_from_name(row["Primary_sponsor"])),
    }


class Comparison(NamedTuple):
    """How far the normalisers and the people agree on one field, over some of the rows."""

    rows: int
    with_gold: int
    """Rows where people gave a value."""
    answered_with_gold: int
    answered: int
    agreed: int
    disagreements: list[tuple[str, str, str, str]]
    """Trial id, source register, their value, ours."""

    @property
    def agreement(self) -> float:
        return self.agreed / self.answered if self.answered else float("nan")

    @property
    def answered_share(self) -> float:
        return self.answered_with_gold / self.with_gold if self.with_gold else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """95 % Wilson score interval of the agreement."""
        return wilson(self.agreed, self.answered)


def wilson(successes: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson score interval of a proportion."""
    if n == 0:
        return 0.0, 1.0
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    spread = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return centre - spread, centre + spread


def compare(some: Iterable[dict[str, str]], field: str) -> Comparison:
    """Compare one field over some rows."""
    n = with_gold = answered_with_gold = answered = agreed = 0
    disagreements: list[tuple[str, str, str, str]] = []
    for row in some:
        n += 1
        theirs, ours = row[FIELDS[field]], answers(row)[field]
        if field == "randomised or not" and theirs == "Not applicable":
            theirs = "No"
        with_gold += theirs != "Unreported"
        if ours is None:
            continue
        answered += 1
        answered_with_gold += theirs != "Unreported"
        if ours == theirs:
            agreed += 1
        else:
            disagreements.append((row["TrialID"], row["source_registry"], theirs, ours))
    return Comparison(n, with_gold, answered_with_gold, answered, agreed, disagreements)


def main() -> None:
    """Print the table, and on request the disagreements."""
    parser = argparse.ArgumentParser(
        description="Compare the normalisers with human-extracted fields of ICTRP records."
    )
    parser.add_argument("file", nargs="?", type=Path, default=DEFAULT_FILE, help="human_extracted_fields.csv.gz")
    parser.add_argument("--half", choices=["development", "held-out", "all"], default="all")
    parser.add_argument("--disagreements", action="store_true", help="list ids with both values")
    parser.add_argument("--by-register", action="store_true", help="one line for each register as well")
    given = parser.parse_args()
    everything = list(rows(given.file))
    groups: dict[str, list[dict[str, str]]] = {}
    for name in ("development", "held-out"):
        if given.half in (name, "all"):
            mine = [row for row in everything if half(row["TrialID"]) == name]
            groups[f"{name}, without {' and '.join(APART)}"] = [
                row for row in mine if row["source_registry"] not in APART
            ]
            for source in APART:
                groups[f"{name}, {source}"] = [row for row in mine if row["source_registry"] == source]
            for source in sorted({row["source_registry"] for row in mine} - set(APART)) if given.by_register else []:
                groups[f"{name}, {source}"] = [row for row in mine if row["source_registry"] == source]
    print("| rows | field | n | answered | agreement (higher is better) | 95 % interval | disagreements |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    found: list[tuple[str, str, tuple[str, str, str, str]]] = []
    for group, some in groups.items():
        for field in FIELDS:
            result = compare(some, field)
            low, high = result.interval
            print(
                f"| {group} | {field} | {result.rows} | {result.answered_share:.1%} | {result.agreement:.1%} "
                f"| {low:.1%} to {high:.1%} | {len(result.disagreements)} |".replace("nan%", "-")
            )
            found += [(group, field, disagreement) for disagreement in result.disagreements]
    if given.disagreements:
        print("\nrows; field; id; register; theirs; ours")
        for group, field, disagreement in found:
            print("; ".join((group, field, *disagreement)))


if __name__ == "__main__":
    main()
