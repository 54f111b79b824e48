"""How well sizes are computed from assumptions, and from the words of real power statements.

    python benchmarks/sample_size.py [PART...] [--log NOTE] [--misses]

PART is any of (all, if none is named):

inputs       the calculator on what a reader wrote down from each statement: how near it comes to the stated size when
             nothing has to be read. Statements that state all that their formula needs.
text         the calculator on the statements' words, with every size masked: the whole way. The denominator is every
             statement of the row; a statement that nothing can be read from counts as missed.
others       the statements that the package itself finds in other full texts of the data (Evidence Inference); their
             misses were read to extend the rules. The size is the one that rules took for it, so that a miss may be
             theirs
generated    made-up designs of the test split, whose size is exact

Held out: benchmarks/judged/power_statements.json, even-numbered articles, read by hand by somebody who wrote no rule.
Development: power_statements_development.json, odd-numbered articles, on which the rules were written. Texts come from
../shared/data or $TRIALPANORAMA_DATA. Intervals are 95 %, percentile bootstrap over articles. --log adds the held-out
figures to benchmarks/judged/power_statements_runs.json; --misses shows the ids and values of what is missed.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import math
import os
import subprocess
import tempfile
import zipfile
from collections.abc import Container, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from trialpanorama import ingest
from trialpanorama.baselines._assumptions import Assumptions, read
from trialpanorama.baselines.calculator import NotEnough, claims_all, reading_of, required, supposed
from trialpanorama.evaluate import bootstrap
from trialpanorama.tasks import SEED
from trialpanorama.tasks._power_statements import mask, sizes, statements
from trialpanorama.tasks._size_designs import designs
from trialpanorama.tasks.sample_size import MOST_GENERATED, Calculation, _split_of

HERE = Path(__file__).resolve().parent
JUDGED = HERE / "judged"
HELD_OUT, DEVELOPMENT = JUDGED / "power_statements.json", JUDGED / "power_statements_development.json"
RUNS = JUDGED / "power_statements_runs.json"
PARTS = ("inputs", "text", "others", "generated")
TIERS = (20, 10, 5)

Judged = dict[str, Any]


class Outcome(msgspec.Struct):
    """What the calculator said of one statement."""

    id: str
    article: str
    stated: int
    computed: int | None
    claims: bool = True
    assumptions: Assumptions | None = None


# --- what the reader wrote down


def assumptions_of(judged: Judged) -> Assumptions:
    """The annotated values as the calculator takes them; a relative effect is applied to what it is of."""
    fields: Judged = {name: judged[name] for name in Assumptions.__struct_fields__ if judged.get(name) is not None}
    first = judged.get("proportion_1")
    if "proportion_2" not in fields and first is not None:
        if judged.get("relative_reduction") is not None:
            fields["proportion_2"] = first * (1 - judged["relative_reduction"])
        elif judged.get("risk_difference") is not None:
            fields["proportion_2"] = first - judged["risk_difference"]
    one, two = judged.get("mean_1"), judged.get("mean_2")
    if "mean_difference" not in fields and one is not None:
        if two is not None:
            fields["mean_difference"] = abs(one - two)
        elif judged.get("relative_difference") is not None:
            fields["mean_difference"] = abs(one * judged["relative_difference"])
    if judged.get("accrual_months") is not None:
        fields["accrual"] = judged["accrual_months"]
    if judged.get("follow_up_months") is not None:
        fields["follow_up"] = judged["follow_up_months"]
    if fields.get("allocation_ratio"):
        fields["allocation_ratio"] = max(fields["allocation_ratio"], 1 / fields["allocation_ratio"])
    return Assumptions(**fields)


def _computed(assumptions: Assumptions, judged: Judged) -> int | None:
    try:
        size = required(assumptions).size(judged["gold"]["unit"], judged["gold"]["rule"] == "final")
    except NotEnough:
        return None
    return size or None


def from_inputs(statements: Sequence[Judged]) -> list[Outcome]:
    """The calculator given the annotated values."""
    found = []
    for judged in statements:
        given = assumptions_of(judged)
        size = _computed(given, judged)
        found.append(Outcome(judged["id"], judged["pmcid"], judged["gold"]["value"], size, assumptions=given))
    return found


# --- from the words


def _data() -> Path:
    return Path(os.environ.get("TRIALPANORAMA_DATA") or HERE.parents[1] / "shared" / "data")


def articles() -> dict[str, list[str]]:
    """The sections of every full text by PubMed Central number, as the package reads them."""
    found: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        inputs = ingest.find_inputs([_data() / "pubmed" / "pmc_jats_fulltext.zip"])
        for unit in ingest.plan(inputs, Path(folder), keep_contacts=False):
            for piece in unit.pieces:
                for outcome in ingest.read_piece(piece):
                    paper = getattr(outcome, "paper", None)
                    if paper is not None and paper.pmcid:
                        found[paper.pmcid] = [section.text or "" for section in paper.sections]
    return found


def masked(text: str, judged: Judged) -> str:
    """The statement with its sizes taken out, as the task does; what the reader marked as a size is masked, too."""
    gold = judged["gold"]
    sizes_given = [judged.get(name) for name in ("n_total", "n_per_arm", "n_events")]
    before = judged.get("n_before_drop_out")
    marked = {gold["value"], *(n for n in sizes_given if n), *([before["value"]] if before else [])}
    asked = next((size.start for size in sizes(text) if size.value == gold["value"]), None)
    return mask(text, asked, also=sorted(marked))


def from_text(statements: Sequence[Judged], texts: dict[str, list[str]]) -> list[Outcome]:
    """The calculator given the words."""
    found = []
    for judged in statements:
        text = texts[judged["pmcid"]][judged["section"]][judged["start"] : judged["end"]]
        if hashlib.sha256(text.encode()).hexdigest()[:16] != judged["statement_sha256"]:
            raise SystemExit(f"{judged['id']}: the text is not the one that was judged")
        reading = read(masked(text, judged))
        size = _computed(supposed(reading.assumptions), judged)
        found.append(
            Outcome(
                judged["id"],
                judged["pmcid"],
                judged["gold"]["value"],
                size,
                claims=size is not None and claims_all(reading, judged["gold"]["unit"]),
                assumptions=reading.assumptions,
            )
        )
    return found


def others(known: Container[str]) -> Iterator[tuple[str, Calculation, int]]:
    """Article, question and size of each statement found in the full texts of Evidence Inference that are not known."""
    seen = set()
    with zipfile.ZipFile(_data() / "reviews" / "evidence_inference_train_validation.zip") as held:
        for name in held.namelist():
            article = Path(name).stem
            if not name.endswith(".abst") or article in known:
                continue
            for found in statements(held.read(name).decode("utf-8", "replace")):
                if not isinstance(found, str) and found.text not in seen:
                    seen.add(found.text)
                    asked = Calculation(found.text, found.answer_type, found.arms, found.includes_drop_out)
                    yield article, asked, found.size


def from_others(known: Container[str]) -> list[Outcome]:
    """The calculator given the words of statements that nobody judged."""
    found = []
    for number, (article, asked, size) in enumerate(others(known)):
        reading = reading_of(asked)
        try:
            computed = required(supposed(reading.assumptions)).size(asked.answer_type, asked.includes_drop_out) or None
        except NotEnough:
            computed = None
        claims = computed is not None and claims_all(reading, asked.answer_type)
        found.append(Outcome(f"{article} {number}", article, size, computed, claims))
    return found


def from_designs() -> list[Outcome]:
    """The calculator given made-up designs."""
    found = []
    for number, design in enumerate(designs(_split_of, "test", MOST_GENERATED["test"], SEED)):
        reading = read(design.text)
        try:
            size = required(reading.assumptions).size(design.answer_type, design.includes_drop_out) or None
        except NotEnough:
            size = None
        found.append(
            Outcome(
                f"{design.method} {number}", str(number), design.size, size, claims_all(reading, design.answer_type)
            )
        )
    return found


# --- figures


def within(one: Outcome, share: int) -> bool:
    """Between 1/1.2 and 1.2 times the stated size, for 20."""
    return one.computed is not None and abs(math.log(one.computed / one.stated)) <= math.log(1 + share / 100) + 1e-12


def rows(title: str, outcomes: Sequence[Outcome]) -> Iterator[dict[str, Any]]:
    """One row for each tier, with n and interval."""
    if not outcomes:
        return
    number = {article: float(place) for place, article in enumerate(dict.fromkeys(one.article for one in outcomes))}
    group = np.array([number[one.article] for one in outcomes])
    for share in TIERS:
        hit = np.array([float(within(one, share)) for one in outcomes])
        interval = bootstrap({"hit": hit, "group": group}, lambda columns: float(columns["hit"].mean()))
        assert interval.low is not None
        assert interval.high is not None
        yield {
            "row": title,
            "within": share,
            "n": len(outcomes),
            "hits": int(hit.sum()),
            "share": round(float(hit.mean()), 4),
            "low": round(interval.low, 4),
            "high": round(interval.high, 4),
        }


def measured(parts: Sequence[str]) -> tuple[list[dict[str, Any]], list[Outcome]]:
    """All rows of the parts, and every outcome that is off by more than 20 %."""
    held = json.loads(HELD_OUT.read_text())["statements"]
    whole = [one for one in held if one["complete"]]
    found: list[dict[str, Any]] = []
    missed: list[Outcome] = []
    if "inputs" in parts:
        outcomes = from_inputs(whole)
        found += rows("given the inputs, held out: complete statements", outcomes)
        missed += [one for one in outcomes if not within(one, 20)]
    texts = articles() if {"text", "others"} & set(parts) else {}
    if "text" in parts:
        outcomes = from_text(held, texts)
        complete = {one["id"] for one in whole}
        chosen = [one for one in outcomes if one.id in complete]
        found += rows("from text, held out: complete statements", chosen)
        found += rows("from text, held out: complete, all inputs claimed", [one for one in chosen if one.claims])
        found += rows("from text, held out: every statement", outcomes)
        found += rows("from text, held out: every one, all inputs claimed", [one for one in outcomes if one.claims])
        development = from_text(json.loads(DEVELOPMENT.read_text())["statements"], texts)
        found += rows("from text, development", development)
        found += rows("from text, development: all inputs claimed", [one for one in development if one.claims])
    if "others" in parts:
        outcomes = from_others(texts)
        found += rows("from text, other full texts", outcomes)
        found += rows("from text, other full texts: all inputs claimed", [one for one in outcomes if one.claims])
    if "generated" in parts:
        found += rows("generated designs", from_designs())
    return found, missed


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="*", choices=[*PARTS, []], default=[])
    parser.add_argument("--log", metavar="NOTE", help="add the held-out figures to the log of runs, with a note")
    parser.add_argument(
        "--misses", action="store_true", help="what the calculator says where it has the inputs and misses"
    )
    given = parser.parse_args()
    found, missed = measured(given.part or PARTS)
    for row in found:
        print(
            f"{row['row']:<52} within {row['within']:>2} %: {100 * row['share']:5.1f} % "
            f"[{100 * row['low']:.1f}, {100 * row['high']:.1f}]  {row['hits']}/{row['n']}"
        )
    if given.misses:
        for one in missed:
            known = {k: v for k, v in msgspec.structs.asdict(one.assumptions).items() if v is not None}  # type: ignore[arg-type]
            print(one.id, "stated", one.stated, "computed", one.computed, known)
    if given.log:
        commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=HERE)
        runs = json.loads(RUNS.read_text()) if RUNS.exists() else []
        held = [row for row in found if "held out" in row["row"]]
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="minutes")
        runs.append({"date": now, "commit": commit.stdout.strip(), "note": given.log, "rows": held})
        RUNS.write_text(json.dumps(runs, indent=1) + "\n")


if __name__ == "__main__":
    main()
