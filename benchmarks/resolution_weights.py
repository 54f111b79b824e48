"""Learn the weights by which registrations are held to be one study, and write them into the package.

    python benchmarks/resolution_weights.py [--real WAREHOUSE]

Three kinds of pairs teach:

generated    candidate pairs of development collections (`LABELLED` of `_resolution`), where truth is known, each once
             with ids and once with all ids hidden; two of them are messier than the others, for what disagreement is
             worth depends on how often registrations of one study disagree
real         candidate pairs of a warehouse of real records (--real). Where an id links or truth is not known, pairs are
             taken that agreement and disagreement in all fields make all but certain (expectation and maximisation over
             shares of levels, begun with those of the generated pairs); what lies between teaches nothing
siblings     real pairs of one register, which gives each study one number: alike, and yet two studies. They are what a
             sponsor's programme of templated titles looks like

The frozen seeds are never used. Weights are those of a logistic regression on levels, held to fall from the most alike
level to the least, and never to speak for a level's opposite; `missing` weighs nothing.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import duckdb
import msgspec
import numpy as np
from scipy import optimize, sparse

from _resolution import CHOOSING, LABELLED, connection, development_settings
from _resolution_rivals import Pair
from trialpanorama.resolve import blocking, features, model, registrations

OUT = Path(model.__file__).with_name("weights.json")
SCORED = CHOOSING[-1]
"""The development collection that teaches nothing and is scored."""
SUPPORTING = {
    "title": 3, "title_shared": 2, "sponsor": 2, "conditions": 2, "interventions": 2, "outcomes": 2, "secondary": 2,
    "criteria": 2, "size": 3, "start": 3, "completion": 3, "countries": 3, "ages": 2, "title_contrast": 0,
    "title_subject": 0,
}  # fmt: skip
"""How many levels of a field may speak for one study (1 where none is said); the others may only speak against it."""
MASS = {"generated": 1 / 3, "real": 1.0, "real_match": 5.0, "siblings": 0.3}
"""How much one pair of each kind counts: real matches are few, generated pairs and siblings many."""
SHRINKAGE = 2.0
ACCEPT, SHOW = 0.5, 0.1
CELLS = [(field, level) for field, levels in features.LEVELS.items() for level in levels]
PLACE = {cell: place for place, cell in enumerate(CELLS)}

Levels = dict[str, str]


class Candidates(NamedTuple):
    """Compared pairs."""

    pairs: list[Pair]
    levels: list[Levels]


def compared(con: duckdb.DuckDBPyConnection, *, within_registers: bool = False) -> Candidates:
    """The candidate pairs of a collection of Records, and their levels."""
    registrations(con)
    rarity = blocking.block(con, within_registers=within_registers)
    ready = {key: features.prepare(profile, rarity) for key, profile in blocking.profiles(con).items()}
    pairs = con.execute("SELECT key_a, key_b FROM candidates ORDER BY ALL").fetchall()
    said = (features.compare(ready[a], ready[b], rarity).levels for a, b in pairs)
    return Candidates(pairs, [{f: v for f, v in levels.items() if v != features.MISSING} for levels in said])


# --- which real pairs are all but certain


def shares(rows: list[Levels], weight: np.ndarray) -> tuple[dict[tuple[str, str], float], Counter[str]]:
    """The share of each level among weighted pairs, and the weight of the pairs that give the field."""
    count: Counter[tuple[str, str]] = Counter()
    given: Counter[str] = Counter()
    for levels, mass in zip(rows, weight.tolist(), strict=True):
        for field, level in levels.items():
            count[field, level] += mass
            given[field] += mass
    return {(f, v): (count[f, v] + 0.5) / (given[f] + 0.5 * len(features.LEVELS[f])) for f, v in CELLS}, given


def likely(real: list[Levels], generated: list[Levels], truth: np.ndarray) -> np.ndarray:
    """Log-odds in bits that each real pair is one study, as if fields were independent (Fellegi and Sunter)."""
    known = [shares(generated, truth.astype(float)), shares(generated, 1.0 - truth)]
    odds = _log_ratio(known[0][0], known[1][0])
    for _ in range(12):
        bits = np.array([sum(odds[cell] for cell in levels.items()) for levels in real]) - 7.5
        belief = 1 / (1 + np.exp2(-np.clip(bits, -60, 60)))
        learnt = [shares(real, belief), shares(real, 1 - belief)]
        mixed = []
        for (one, n), (other, m) in zip(known, learnt, strict=True):
            part = {field: (n[field] / (n[field] + 20), m[field] / (m[field] + 20)) for field in features.LEVELS}
            mixed.append(
                {
                    (f, v): (one[f, v] * part[f][0] + other[f, v] * part[f][1]) / max(sum(part[f]), 1e-9)
                    for f, v in CELLS
                }
            )
        odds = _log_ratio(*mixed)
    return bits


def _log_ratio(one: dict[tuple[str, str], float], other: dict[tuple[str, str], float]) -> dict[tuple[str, str], float]:
    return {cell: float(np.clip(math.log2(max(one[cell], 1e-6) / max(other[cell], 1e-6)), -6, 6)) for cell in CELLS}


# --- weights


def matrix(rows: list[Levels]) -> sparse.csr_matrix:
    """One row a pair, one column a level of a field."""
    places = [(row, PLACE[cell]) for row, levels in enumerate(rows) for cell in levels.items()]
    rows_at, columns_at = zip(*places, strict=True)
    return sparse.csr_matrix((np.ones(len(places)), (rows_at, columns_at)), shape=(len(rows), len(CELLS)))


def steps() -> np.ndarray:
    """Weights out of steps that are never negative: levels that support add up from the least, the others down."""
    made = np.zeros((len(CELLS), len(CELLS)))
    for field, levels in features.LEVELS.items():
        supporting = SUPPORTING.get(field, 1)
        for i, level in enumerate(levels):
            for j, other in enumerate(levels):
                if j < supporting and i <= j:
                    made[PLACE[field, level], PLACE[field, other]] = 1
                if j >= supporting and i >= j:
                    made[PLACE[field, level], PLACE[field, other]] = -1
    return made


def fit(x: sparse.csr_matrix, y: np.ndarray, mass: np.ndarray) -> np.ndarray:
    """Weights in bits, by penalised likelihood; the last is the constant."""
    made = steps()
    stepped = sparse.csr_matrix(x @ made)

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        odds = stepped @ values[:-1] + values[-1]
        weights = made @ values[:-1]
        error = mass * (1 / (1 + np.exp(-odds)) - y)
        value = float((mass * (np.logaddexp(0, odds) - y * odds)).sum() + SHRINKAGE / 2 * weights @ weights)
        return value, np.append(stepped.T @ error + SHRINKAGE * (made.T @ weights), error.sum())

    bounds = [(0, None)] * len(CELLS) + [(None, None)]
    begin = np.append(np.full(len(CELLS), 0.1), -3.0)
    found = optimize.minimize(loss, begin, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 3000})
    return np.append(made @ found.x[:-1], found.x[-1]) / math.log(2)


def centred(bits: np.ndarray, y: np.ndarray) -> float:
    """What to add to the log-odds so that the expected number of matches is the true one."""
    return float(optimize.brentq(lambda c: (1 / (1 + np.exp2(-np.clip(bits + c, -60, 60)))).sum() - y.sum(), -20, 20))


def main() -> None:
    """Learn, score on a seed that taught nothing, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, help="warehouse of real records")
    arguments = parser.parse_args()
    made: dict[tuple[int, bool], tuple[Candidates, np.ndarray, int]] = {}
    for collection in (*LABELLED, SCORED):
        with tempfile.TemporaryDirectory() as folder:
            for hidden, setting in development_settings(Path(folder), collection).items():
                with connection(str(setting.records)) as con:
                    found = compared(con)
                truth = np.array([tuple(sorted(pair)) in setting.true for pair in found.pairs])
                made[collection.seed, hidden] = found, truth, len(setting.true)
                print(
                    f"seed {collection.seed}, hidden {hidden}: {truth.sum():,} of {len(setting.true):,} are candidates"
                )
    taught = [made[collection.seed, hidden] for collection in LABELLED for hidden in (False, True)]
    generated = [levels for found, _, _ in taught for levels in found.levels]
    truth = np.concatenate([right for _, right, _ in taught])
    rows, y, mass = [matrix(generated)], [truth], [np.full(len(truth), MASS["generated"])]
    sources = {"generated": [int(truth.sum()), int((~truth).sum())]}
    natural = list(zip(rows, y, strict=True))
    if arguments.real:
        with connection(f"{arguments.real}/records/**/*.parquet") as con:
            real, siblings = compared(con), compared(con, within_registers=True)
        bits = likely(real.levels, generated, truth)
        alike = np.array([levels.get("title") in ("same", "near", "high", "fair") for levels in real.levels])
        certain = ((bits >= 5) & alike) | (bits <= 0)
        match = (bits >= 5)[certain]
        rows.append(matrix([levels for levels, sure in zip(real.levels, certain, strict=True) if sure]))
        y.append(match)
        mass.append(np.where(match, MASS["real_match"], MASS["real"]))
        natural.append((rows[-1], match))
        # a study that was entered twice into one register is no sibling
        others = [levels for levels in siblings.levels if not _entered_twice(levels)]
        rows.append(matrix(others))
        y.append(np.zeros(len(others), bool))
        mass.append(np.full(len(others), MASS["siblings"]))
        sources |= {"real": [int(match.sum()), int((~match).sum())], "siblings": [0, len(others)]}
    weights = fit(sparse.vstack(rows), np.concatenate(y), np.concatenate(mass))
    start = weights[-1] + centred(
        np.concatenate([x @ weights[:-1] + weights[-1] for x, _ in natural]),
        np.concatenate([right for _, right in natural]),
    )
    learnt = model.Model(
        how="python benchmarks/resolution_weights.py --real WAREHOUSE; candidate pairs (one study, two studies): "
        + ", ".join(f"{name} {one:,} and {two:,}" for name, (one, two) in sources.items()),
        start=round(float(start), 2),
        accept=ACCEPT,
        show=SHOW,
        weights={
            field: {level: round(float(weights[PLACE[field, level]]), 2) + 0.0 for level in levels}
            for field, levels in features.LEVELS.items()
        },
    )
    for hidden in (False, True):
        found, truth, true = made[SCORED.seed, hidden]
        odds = matrix(found.levels) @ weights[:-1] + start
        accepted = odds >= math.log2(ACCEPT / (1 - ACCEPT))
        right = int((accepted & truth).sum())
        print(f"seed {SCORED.seed}, hidden {hidden}: precision {right / accepted.sum():.4f}, recall {right / true:.4f}")
    OUT.write_bytes(msgspec.json.format(msgspec.json.encode(learnt), indent=1) + b"\n")
    print(f"{OUT}\n{learnt.how}")


def _entered_twice(levels: Levels) -> bool:
    near = ("same", "month", None)
    return levels.get("title") == "same" and levels.get("size") in ("same", None) and levels.get("start") in near


if __name__ == "__main__":
    main()
