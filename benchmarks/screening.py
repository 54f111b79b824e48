"""How well studies are found and ranked for a review without any label of it: leave one review out.

    python benchmarks/screening.py --warehouse DIR [--json]

The warehouse is one of the real files: trialpanorama build ../shared/data/registries ../shared/data/pubmed
../shared/data/reviews. Every review with a question and 80 % of what it included in the warehouse takes part, whatever
its split (of the real files, the eleven topics of Cohen 2006 with 10,879 titled candidates, 664 of them included); each
is answered by baseline/retriever as it is (its search, and its verdicts on batches of candidates), fitted on all other
reviews without any paper that the review at hand looked at. No label of the review at hand is used. Intervals draw
whole reviews.

What was tried, mean over the eleven topics at natural prevalence; all of it, the choice included, was measured on these
topics, so that the intervals do not hold the choice. "Drugs of the topic" are those that titles found for the topic
name more often than other titles do.

| ranking of candidates, learnt from ten topics | AUROC | WSS@95 |
| --- | --- | --- |
| logistic regression on words and pairs of words (C = 0.1; 1; 10) | 0.793; 0.798; 0.786 | 0.272; 0.286; 0.297 |
| 25 features by hand: drugs of the topic, designs, length, year, authors ... (2) | 0.766; 0.760 | 0.277; 0.269 |
| one of them alone: mentions of such drugs; the topic's words in abstract; in title | 0.712; 0.569; 0.512 | |
| both (3 weights) | 0.802 to 0.818 | 0.327 to 0.356 |
| both, features standardised within the topic (3) | 0.796 to 0.813 | 0.315 to 0.332 |
| words, names of drugs replaced by "drug of the topic" and "other drug" | 0.820 | 0.344 |
| the same of titles alone, runs of up to three | 0.772 | 0.255 |
| text and titles (weights of titles 0.3; 0.5; 1) | 0.822; 0.822; 0.817 | 0.346; 0.351; 0.336 |
| text and titles, other C (0.5; 2) | 0.822; 0.819 | 0.347; 0.359 |
| only what occurs in 4; 7; 9 of the topics | 0.818; 0.816; 0.816 | 0.342; 0.348; 0.343 |
| with the features by hand as well (4) | 0.817 to 0.822 | 0.338 to 0.351 |
| with plain words and features as well | 0.823 | 0.344 |
| feedback: a second model on the topic's own best as if included (4) | 0.813 to 0.823 | 0.316 to 0.350 |
| drugs of the topic from the index, by the question (chosen) and not from all its candidates | 0.823 | 0.324 |
| the same, by question and titles of the batch | 0.817 | 0.323 |
| words of the topic replaced too, by the question; by question and batch | 0.817; 0.813 | 0.291; 0.317 |
| as baseline/retriever has it now | 0.822 [0.767, 0.876] | 0.322 [0.202, 0.456] |

| search, among the papers dated before 2004 | Recall@100 | Recall@500 |
| --- | --- | --- |
| the question alone, plain words | 0.168 | 0.466 |
| with 3; 5; 8; 12 drugs of the topic | 0.319; 0.345; 0.311; 0.281 | 0.625; 0.673; 0.674; 0.663 |
| with 5; 8 drugs from 100 titles in place of 300 | 0.293; 0.286 | 0.627; 0.651 |
| with "randomized controlled trial double-blind placebo"; and 5; 8 drugs | 0.209; 0.372; 0.378 | 0.418; 0.689; 0.704 |
| with 5 (chosen); 8 drugs and "randomized versus double-blind" | 0.389; 0.352 | 0.693; 0.711 |
| boolean, with words of trials: 5; 8; 12 drugs or the question | 0.370; 0.365; 0.339 | 0.614; 0.621; 0.633 |
| boolean, 8 drugs in the title | 0.349 | 0.582 |
| the ranking `fused` of the question | 0.253 | 0.644 |
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
