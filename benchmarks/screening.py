"""How well studies are found and ranked for a review without any label of it: leave one review out.

    python benchmarks/screening.py --warehouse DIR [--json]

The warehouse is one of the real files: trialpanorama build ../shared/data/registries ../shared/data/pubmed
../shared/data/reviews. Every review with a question and 80 % of what it included in the warehouse takes part, whatever
its split; each is answered by baseline/retriever as it is (its search, and its verdicts on batches of candidates),
fitted on all other reviews without any paper that the review at hand looked at.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from trialpanorama.baselines.retriever import Screener, search_for
from trialpanorama.evaluate import bootstrap
from trialpanorama.tasks import AnySample, AnyTask, columns, register, task
from trialpanorama.tasks._reviews import reviews
from trialpanorama.tasks.study_screening import Batch, Decisions, StudyScreening
from trialpanorama.tasks.study_search import StudySearch
from trialpanorama.warehouse import Warehouse

TASKS = ("study_screening", "study_screening_natural")


def without(samples: Sequence[AnySample], titles: frozenset[str]) -> list[AnySample]:
    """Samples without the candidates that have one of these titles."""
    kept = []
    for sample in samples:
        pairs = [
            (candidate, decision)
            for candidate, decision in zip(sample.inputs.candidates, sample.gold.decisions, strict=True)
            if folded(candidate.title) not in titles
        ]
        if pairs:
            inputs = Batch(sample.inputs.question, [candidate for candidate, _ in pairs])
            gold = Decisions([decision for _, decision in pairs])
            kept.append(msgspec.structs.replace(sample, inputs=inputs, gold=gold))
    return kept


def folded(title: str) -> str:
    """A title without case and punctuation."""
    return " ".join(re.findall(r"[^\W_]+", title.lower()))


def figures(of: AnyTask, rows: Sequence[Mapping[str, float]], groups: Sequence[str]) -> dict[str, Any]:
    """Each metric with its 95 % interval, whole reviews drawn again."""
    found = columns(rows, groups)
    return {metric.name: msgspec.structs.astuple(bootstrap(found, metric.compute)) for metric in of.metrics}


def screen(warehouse: Warehouse, name: str) -> dict[str, Any]:
    """Verdicts on every batch, each review's by what the others included."""
    start = time.perf_counter()
    of = task(name)
    assert isinstance(of, StudyScreening)
    left_out: Counter[str] = Counter()
    with warehouse.connect() as con:
        samples: list[AnySample] = [
            msgspec.structs.replace(sample, snapshot=warehouse.snapshot)
            for sample in of.ask(con, reviews(con, None, left_out), None, left_out)
        ]
    rows: list[dict[str, float]] = []
    groups: list[str] = []
    each: dict[str, Any] = {}
    for review in sorted({sample.subject for sample in samples}):
        own = [sample for sample in samples if sample.subject == review]
        titles = frozenset(folded(one.title) for sample in own for one in sample.inputs.candidates)
        screener = Screener(without([sample for sample in samples if sample.subject != review], titles))
        said = [row for sample in own for row in of.rows(of.read(of.reply(screener.decide(sample)), sample), sample)]
        each[review] = {
            "candidates": len(said),
            "included": int(sum(row["included"] for row in said)),
            **of.aggregate(said, [review] * len(said)),
        }
        rows += said
        groups += [review] * len(said)
    return {
        "reviews": each,
        "figures": figures(of, rows, groups),
        "candidates": len(rows),
        "left_out": dict(left_out),
        "seconds": round(time.perf_counter() - start, 1),
    }


def search(warehouse: Warehouse) -> dict[str, Any]:
    """The retriever's searches, beside plain words: the question as it is."""
    start = time.perf_counter()
    of = task("study_search")
    assert isinstance(of, StudySearch)
    with warehouse.connect() as con:
        asked = [sample for review in reviews(con, None) if (sample := of.ask(review)) is not None]
    asked = [msgspec.structs.replace(sample, snapshot=warehouse.snapshot) for sample in asked]
    found: dict[str, Any] = {"reviews": {}, "figures": {}}
    for name in ("retriever", "question alone"):
        rows = []
        for sample in asked:
            said = search_for(sample)
            if name != "retriever":
                said = msgspec.structs.replace(said, query=sample.inputs.title)
            rows.append(of.score(of.read(of.reply(said), sample), sample))
        found["reviews"][name] = {sample.subject: row for sample, row in zip(asked, rows, strict=True)}
        found["figures"][name] = figures(of, rows, [sample.subject for sample in asked])
    return found | {"seconds": round(time.perf_counter() - start, 1)}


def show(facts: Mapping[str, Any]) -> str:
    """The figures as text."""
    lines = []
    for name, one in facts["screening"].items():
        lines.append(f"{name}: {len(one['reviews'])} reviews, {one['candidates']:,} candidates, {one['seconds']} s")
        lines += [
            f"  {metric:<12} {value[0]:.3f}" + (f" [{value[1]:.3f}, {value[2]:.3f}]" if value[1] is not None else "")
            for metric, value in one["figures"].items()
            if value[0] is not None
        ]
        lines += [
            f"  {review:<36} {each['included']:>4} of {each['candidates']:>5}   AUROC {each['auroc']:.3f}   "
            f"WSS@95 {each['wss_95']:.3f}"
            for review, each in one["reviews"].items()
        ]
    lines.append(f"study_search: {facts['search']['seconds']} s")
    for name, values in facts["search"]["figures"].items():
        shown = "   ".join(
            f"{metric} {low:.3f}" if high is None else f"{metric} {value:.3f} [{low:.3f}, {high:.3f}]"
            for metric, (value, low, high) in values.items()
        )
        lines.append(f"  {name:<16} {shown}")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--warehouse", type=Path, required=True)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    warehouse = Warehouse.open(options.warehouse)
    register(warehouse)
    facts = {
        "snapshot": warehouse.snapshot,
        "screening": {name: screen(warehouse, name) for name in TASKS},
        "search": search(warehouse),
    }
    print(json.dumps(facts, indent=1) if options.json else show(facts))


if __name__ == "__main__":
    main()
