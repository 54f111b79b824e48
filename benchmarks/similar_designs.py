"""How near the trials are that the design desk calls similar, beside search by the same words alone.

    python benchmarks/similar_designs.py WAREHOUSE [--trials N] [--json]

Registered trials are taken as drafts: title, conditions, interventions and phase. A trial that is found is near if the
MeSH headings that its register attached agree with the draft's: one heading of a condition, one of an intervention.
The linkers never see those headings. Prints the share of near trials among the first ten, with 95 % bootstrap
intervals over drafts, the paired difference to search by words, what chance would give, and the time of a look-up.
The weights of `trialpanorama.designs.WEIGHTS` were set before this was measured, and not changed after.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

from trialpanorama.designs import Draft, DraftIntervention, record_of, similar
from trialpanorama.evaluate import bootstrap
from trialpanorama.search import Search
from trialpanorama.search.index import Index, Limits
from trialpanorama.search.tree import Text
from trialpanorama.warehouse import Warehouse

FIRST = 10
SEED = 20261122
_DRAFTS = """
    SELECT t.study_id, r.public_title, r.phases, [c.name FOR c IN r.conditions], [i.name FOR i IN r.interventions],
        [lower(m.term) FOR m IN r.mesh_terms IF m.about = 'condition' AND NOT m.is_ancestor],
        [lower(m.term) FOR m IN r.mesh_terms IF m.about = 'intervention' AND NOT m.is_ancestor]
    FROM trial_records t JOIN records r USING (record_id) WHERE t.precedence = 1 AND r.kind = 'REGISTRATION'
    ORDER BY t.study_id"""


def main() -> None:
    """Look up, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("warehouse", type=Path)
    parser.add_argument("--trials", type=int, default=150)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    warehouse = Warehouse.open(options.warehouse)
    index = Index.open(warehouse)
    with warehouse.connect() as con:
        rows = con.execute(_DRAFTS).fetchall()
    headings = {row[0]: (set(row[5] or ()), set(row[6] or ())) for row in rows}
    usable = [row for row in rows if all(headings[row[0]])]
    draw = np.random.default_rng(SEED)
    chosen = [usable[place] for place in draw.permutation(len(usable))[: options.trials]]

    def near(one: str, found: list[str]) -> list[float]:
        """Shares of the first ten that agree in a condition, an intervention, both."""
        own = headings[one]
        agree = [[bool(a & b) for a, b in zip(own, headings.get(id, (set(), set())), strict=True)] for id in found]
        return [sum(kind(a) for a in agree) / FIRST for kind in (lambda a: a[0], lambda a: a[1], all)]

    names = [f"{what}_{how}" for how in ("desk", "words", "chance") for what in ("condition", "intervention", "both")]
    scores: dict[str, list[float]] = {name: [] for name in names}
    seconds = []
    every = list(headings)
    for study_id, title, phases, conditions, interventions, _, _ in chosen:
        record = record_of(
            Draft(
                id=study_id,
                public_title=title,
                phases=phases or [],
                conditions=conditions or [],
                interventions=[DraftIntervention(name=name) for name in interventions or ()],
            )
        )
        began = time.perf_counter()
        desk = [one.study_id for one in similar(warehouse, record, FIRST)]
        seconds.append(time.perf_counter() - began)
        text = " ".join([title or "", *(conditions or ()), *(interventions or ())])
        search = Search("plain", Text(text, ("all",)))
        hits = index.search(search, Limits(None, {"kind": "trial"}), most=FIRST + 1).hits
        words = [hit.id for hit in hits if hit.id != study_id][:FIRST]
        chance = [every[place] for place in draw.integers(0, len(every), FIRST)]
        found = [*near(study_id, desk), *near(study_id, words), *near(study_id, chance)]
        for name, value in zip(names, found, strict=True):
            scores[name].append(value)
    columns: Any = {name: np.array(values) for name, values in scores.items()}
    figures: dict[str, Any] = {}
    for name in names:
        interval = bootstrap(columns, lambda c, name=name: float(np.mean(c[name])))
        figures[name] = (interval.value, interval.low, interval.high)
    for what in ("condition", "intervention", "both"):
        interval = bootstrap(
            columns, lambda c, what=what: float(np.mean(c[f"{what}_desk"]) - np.mean(c[f"{what}_words"]))
        )
        figures[f"{what}_desk_minus_words"] = (interval.value, interval.low, interval.high)
    facts = {
        "snapshot": warehouse.snapshot,
        "is_fictional": warehouse.manifest.is_fictional,
        "drafts": len(chosen),
        "of": len(usable),
        "figures": figures,
        "seconds_median": statistics.median(seconds),
        "seconds_p95": float(np.quantile(seconds, 0.95)),
    }
    if options.json:
        print(json.dumps(facts, indent=1))
        return
    print(f"{len(chosen)} of {len(usable):,} trials with headings as drafts, snapshot {warehouse.snapshot}")
    for name, (value, low, high) in figures.items():
        print(f"{name.replace('_', ' '):<28} {value:>6.3f} ({low:.3f} to {high:.3f})")
    print(f"a look-up takes {facts['seconds_median']:.2f} s (median), {facts['seconds_p95']:.2f} s (95 %)")


if __name__ == "__main__":
    main()
