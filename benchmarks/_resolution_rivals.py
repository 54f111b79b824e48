"""Splink and dedupe on the pairs and levels that `resolve` compares, for `_resolution`.

Both are given every pair that is a candidate for `resolve`, and of each pair the level of every field; what is theirs
is how levels become a score. Neither is part of the project: `pip install -r benchmarks/requirements.txt`.
"""

from __future__ import annotations

import logging
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

Pair = tuple[str, str]
MISSING = "missing"


class Compared(NamedTuple):
    """Pairs of registrations, and for each field the level at which each pair agrees."""

    pairs: list[Pair]
    levels: dict[str, list[str]]


class Task(NamedTuple):
    """One collection: its candidate pairs, as many pairs at random, and (of development collections) what is true."""

    candidates: Compared
    random: Compared
    registers: dict[str, str | None]
    true: set[Pair]


Scorer = Callable[[Task], Any]
"""Gives each candidate pair of a collection a score."""


# --- Splink


def splink(known: Mapping[str, Sequence[str]], u: str) -> Scorer:
    """Fellegi-Sunter weights: m by expectation maximisation on the collection that is scored, without any label.

    `known` are the levels of each field. `u` says of which pairs the u probabilities are the frequencies: "random", as
    Splink's documentation has it, or the "candidates", nearly all of which are different studies.
    """

    def score(task: Task) -> Any:
        import duckdb
        import pyarrow as pa
        from splink import DuckDBAPI, Linker, SettingsCreator, block_on

        fields = [field for field, values in task.candidates.levels.items() if set(values) - {MISSING}]
        columns = {"unique_id": list(range(len(task.candidates.pairs)))}
        table = pa.table(columns | {field: task.candidates.levels[field] for field in fields})
        api = DuckDBAPI(duckdb.connect())
        # one row on each side for each pair, so that Splink sees these pairs and no other, each with its levels
        sides = [api.register(table, dataset_display_name=name) for name in ("side_a", "side_b")]
        frequencies = (task.random if u == "random" else task.candidates).levels
        comparisons = [_comparison(field, known[field], frequencies[field]) for field in fields]

        def trained(iterations: int) -> Any:
            settings = SettingsCreator(
                link_type="link_only",
                comparisons=comparisons,
                blocking_rules_to_generate_predictions=[block_on("unique_id")],
                probability_two_random_records_match=0.05,
                max_iterations=iterations,
            )
            linker = Linker(sides, settings, log_level=logging.ERROR)
            linker.training.estimate_parameters_using_expectation_maximisation(
                block_on("unique_id"), populate_probability_two_random_records_match_from_trained_values=True
            )
            return linker

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                linker = trained(25)
            except ValueError:  # a level that no match has dwindles below what Splink can hold
                linker = trained(10)
            predicted = linker.inference.predict()
        rows = api.query_sql(f"SELECT unique_id_l, match_weight FROM {predicted.physical_name}").as_record_list()
        scores = np.full(len(task.candidates.pairs), -np.inf)
        for row in rows:
            scores[row["unique_id_l"]] = row["match_weight"]
        return scores

    return score


def _comparison(field: str, known: Sequence[str], values: Sequence[str]) -> dict[str, Any]:
    """A field's levels as Splink takes them, with u from these values and m to begin with."""
    counts = Counter(value for value in values if value != MISSING)
    levels: list[dict[str, Any]] = [
        {"sql_condition": f"{field}_l = '{MISSING}'", "label_for_charts": MISSING, "is_null_level": True}
    ]
    for place, level in enumerate(known):
        levels.append(
            {
                "sql_condition": f"{field}_l = '{level}'" if place < len(known) - 1 else "ELSE",
                "label_for_charts": level,
                "u_probability": (counts[level] + 1) / (counts.total() + len(known)),  # no level is impossible
                "m_probability": 0.8 if place == 0 else 0.2 / (len(known) - 1),  # true pairs mostly agree
            }
        )
    return {"output_column_name": field, "comparison_levels": levels}


# --- dedupe


def dedupe(known: Mapping[str, Sequence[str]], coding: str, labelled: Sequence[Task]) -> Scorer:
    """dedupe's regularised logistic regression, its penalty by cross-validation, on labelled development pairs.

    `coding` says what a level is to it: its place among its field's levels ("ordinal", missing apart), or a variable of
    its own ("one-hot").
    """
    import dedupe as library

    logging.getLogger("dedupe").setLevel(logging.ERROR)
    one_hot = coding == "one-hot"
    names = [f"{field} {level}" for field in known for level in known[field]] if one_hot else list(known)
    variables = [library.variables.Custom(name, _value, name=name, has_missing=not one_hot) for name in names]
    # `Custom` alone is refused, since it cannot block; this variable is the same for all pairs, which are given here
    model = library.Dedupe([*variables, library.variables.Exact("constant")], num_cores=0)

    def distances(task: Task) -> Any:
        pairs = []
        for levels in zip(*(task.candidates.levels[field] for field in known), strict=True):
            record: dict[str, Any] = {"constant": "constant"}
            for (field, order), level in zip(known.items(), levels, strict=True):
                if one_hot:
                    record.update({f"{field} {one}": float(one == level) for one in order})
                else:
                    record[field] = None if level == MISSING else order.index(level) / max(len(order) - 1, 1)
            pairs.append((record, record))
        return model.data_model.distances(pairs)

    model.classifier.n_jobs = 1
    model.classifier.fit(
        np.concatenate([distances(task) for task in labelled]),
        np.array([pair in task.true for task in labelled for pair in task.candidates.pairs]),
    )
    return lambda task: model.classifier.predict_proba(distances(task))[:, 1]


def _value(one: float, _other: float) -> float:
    """Both records of a pair hold the pair's own value."""
    return one


# --- from scores to groups


def cluster(task: Task, scores: Any, threshold: float, guarded: bool) -> set[Pair]:
    """Pairs that scores from the threshold on connect, the best first; guarded: no register twice in a group."""
    groups: dict[str, list[str]] = {}
    for place in np.argsort(-scores, kind="stable"):
        if scores[place] < threshold:
            break
        a, b = task.candidates.pairs[place]
        one, other = groups.setdefault(a, [a]), groups.setdefault(b, [b])
        if one is other:
            continue
        if guarded and {task.registers[key] for key in one} & {task.registers[key] for key in other}:
            continue
        one += other
        groups.update(dict.fromkeys(other, one))
    together = {id(group): sorted(group) for group in groups.values()}
    return {(a, b) for group in together.values() for i, a in enumerate(group) for b in group[i + 1 :]}


def best_threshold(scorer: Scorer, tasks: Sequence[Task], guarded: bool) -> tuple[float, float]:
    """The threshold with the highest F1 over all these collections, and that F1."""
    scored = [(task, scorer(task)) for task in tasks]
    # where the share of true pairs among all scores at least as high turns from near 1 to near 0
    found = np.concatenate([scores for _, scores in scored])
    true = sum(len(task.true) for task in tasks)
    candidates = np.unique(np.sort(found)[::-1][: 2 * true])
    tried = candidates[np.unique(np.linspace(0, len(candidates) - 1, 60).astype(int))]

    def f1(threshold: float) -> float:
        right = total = 0
        for task, scores in scored:
            pairs = cluster(task, scores, threshold, guarded)
            right, total = right + len(pairs & task.true), total + len(pairs)
        return 2 * right / (total + true)

    values = [f1(threshold) for threshold in tried]
    # a step of this grid is some 40 pairs: around its best, every score is tried
    at = int(np.argmax(values))
    low, high = tried[max(at - 1, 0)], tried[min(at + 1, len(tried) - 1)]
    tried = candidates[(candidates >= low) & (candidates <= high)]
    values = [f1(threshold) for threshold in tried]
    best = max(values)
    # of equally good ones the middle, farthest from either error
    equal = [float(threshold) for threshold, value in zip(tried, values, strict=True) if value == best]
    return equal[len(equal) // 2], best
