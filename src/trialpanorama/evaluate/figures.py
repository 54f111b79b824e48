"""Figures of runs with bootstrap intervals over whole groups: the results table, and the same by stratum."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from trialpanorama.evaluate.results import BASELINE_PREFIX, Result, SampleResult, columns_of, later
from trialpanorama.tasks import Metric, task

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trialpanorama.tasks import Columns

    Compute = Callable[[Columns], float]

RESAMPLES, LEVEL, SEED = 1_000, 0.95, 20261121
RESAMPLES_OF_STRATA = 300
"""There are many strata, and few samples in most: more draws would say no more."""
LEAST_GROUPS = 5
"""Groups that a stratum must have for an interval: fewer say next to nothing."""


class Interval(msgspec.Struct, frozen=True):
    """A figure and its 95 % bootstrap interval; None where it is not defined."""

    value: float | None
    low: float | None
    high: float | None


UNDEFINED = Interval(None, None, None)


class Row(msgspec.Struct, kw_only=True, frozen=True):
    """A line of the results table: one metric of one run."""

    task: str
    version: int
    model: str
    split: str
    metric: str
    title: str
    arrow: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    failed: int
    refused: int
    unreadable: int
    truncated: int
    floor: float | None
    """What the majority baseline reached on the same samples, else what answering blindly gives, where known."""
    is_fictional: bool
    snapshot: str
    log: str


class Stratum(msgspec.Struct, kw_only=True, frozen=True):
    """The headline metric of one run on the samples that have something in common."""

    task: str
    model: str
    metric: str
    stratum: str
    """What samples are told apart by, such as `phase`."""
    group: str
    """What they have in common, such as `PHASE3`."""
    value: float | None
    low: float | None
    high: float | None
    n: int
    """Samples that were asked, those that failed included."""
    failed: int


# --- drawing groups


class Groups:
    """Rows of scores, of which whole groups can be drawn again and again."""

    def __init__(self, scores: Columns, order: Sequence[float] | None = None) -> None:
        """`order` says which groups there are and in which order; all of them, in theirs, unless given."""
        import numpy as np

        self._scores = scores
        length = len(next(iter(scores.values()))) if scores else 0
        group = scores["group"] if "group" in scores else np.arange(length, dtype=np.float64)
        known = np.unique(group) if order is None else np.asarray(order, dtype=np.float64)
        place = np.searchsorted(known, group)
        self.count = len(known)
        self._sizes = np.bincount(place, minlength=self.count)
        self._order = np.argsort(place, kind="stable")
        self._first = np.concatenate([[0], np.cumsum(self._sizes)[:-1]])

    def draw(self, chosen: NDArray[np.int64]) -> Columns:
        """The rows of these groups, one group after the other; a group that is drawn twice counts as two."""
        import numpy as np

        length = self._sizes[chosen]
        ends = np.cumsum(length)
        rows = self._order[np.repeat(self._first[chosen] - (ends - length), length) + np.arange(ends[-1])]
        taken = {key: column[rows] for key, column in self._scores.items()}
        taken["group"] = np.repeat(np.arange(len(chosen), dtype=np.float64), length)
        return taken


def draws(count: int, resamples: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Numbers of groups, drawn with replacement."""
    import numpy as np

    random = np.random.default_rng(seed)
    for _ in range(resamples):
        yield random.integers(0, count, count)


def interval(value: float, drawn: Sequence[float] | NDArray[np.float64]) -> Interval:
    """A figure with the percentile interval of what it was on draws.

    Draws on which it is not defined are left out; where they are more than one in twenty, so is the interval.
    """
    import numpy as np

    if math.isnan(value):
        return UNDEFINED
    found = np.asarray(drawn, dtype=np.float64)
    defined = found[~np.isnan(found)]
    if not found.size or defined.size < 0.95 * found.size:
        return Interval(value, None, None)
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value, float(low), float(high))


def intervals(
    scores: Columns, computes: Mapping[str, Compute], *, resamples: int = RESAMPLES, seed: int = SEED
) -> dict[str, Interval]:
    """Several figures with their intervals, all from the same draws of whole groups."""
    if not scores or not len(next(iter(scores.values()))):
        return dict.fromkeys(computes, UNDEFINED)
    values = {name: compute(scores) for name, compute in computes.items()}
    groups = Groups(scores)
    drawn: dict[str, list[float]] = {name: [] for name in computes}
    wanted = {name: compute for name, compute in computes.items() if not math.isnan(values[name])}
    if groups.count >= 2 and wanted:
        for chosen in draws(groups.count, resamples, seed):
            taken = groups.draw(chosen)
            for name, compute in wanted.items():
                drawn[name].append(compute(taken))
    return {name: interval(values[name], drawn[name]) for name in computes}


def bootstrap(scores: Columns, compute: Compute, *, resamples: int = RESAMPLES, seed: int = SEED) -> Interval:
    """A figure with its percentile interval: whole groups drawn again with replacement, `resamples` times.

    The column `group` says which rows are one group; without it each row is one.
    """
    return intervals(scores, {"": compute}, resamples=resamples, seed=seed)[""]


class _Scores:
    """Columns of scores, which are the same where their content is."""

    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        digest = hashlib.sha256()
        for name, column in sorted(columns.items()):
            digest.update(f"{name} {column.dtype} {len(column)} ".encode() + column.tobytes())
        self._digest = digest.digest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Scores) and self._digest == other._digest

    def __hash__(self) -> int:
        return hash(self._digest)


@lru_cache(maxsize=1024)
def _intervals(metrics: tuple[Metric, ...], scores: _Scores, resamples: int, seed: int) -> list[Interval]:
    """Metrics, drawn once: a run's own file, a table and a report show the same ones."""
    computes = {metric.name: metric.compute for metric in metrics}
    found = intervals(scores.columns, computes, resamples=resamples, seed=seed)
    return [found[metric.name] for metric in metrics]


# --- tables


def table(results: Iterable[Result], *, resamples: int = RESAMPLES, seed: int = SEED) -> list[Row]:
    """The results table: a row for each metric of each run, with n, what was no answer, and the interval.

    A metric is over the samples that have a score; failed ones are counted beside it, unreadable, truncated and
    refused replies are in it as wrong answers. A run of another version of a task than the installed one keeps its own
    row, without figures.
    """
    results = list(results)
    floors = {_kind(one): one for one in results if one.model == f"{BASELINE_PREFIX}majority"}
    rows = []
    for one in results:
        chosen, outcomes = task(one.task), one.outcomes
        current = one.version == chosen.version
        floor_run = floors.get(_kind(one))
        if floor_run is not None and {s.id for s in floor_run.samples} != {s.id for s in one.samples}:
            floor_run = None
        found = [UNDEFINED] * len(chosen.metrics)
        if current:
            found = _intervals(tuple(chosen.metrics), _Scores(one.columns), resamples, seed)
        for metric, figure in zip(chosen.metrics, found, strict=True):
            rows.append(
                Row(
                    task=one.task,
                    version=one.version,
                    model=one.model,
                    split=one.split,
                    metric=metric.name,
                    title=metric.title,
                    arrow=metric.arrow,
                    value=figure.value,
                    low=figure.low,
                    high=figure.high,
                    n=one.n,
                    failed=outcomes["failed"],
                    refused=outcomes["refused"],
                    unreadable=outcomes["unreadable"],
                    truncated=outcomes["truncated"],
                    floor=_figure(metric, floor_run) if floor_run is not None and current else metric.floor,
                    is_fictional=one.is_fictional,
                    snapshot=one.snapshot,
                    log=one.log,
                )
            )
    return rows


def _kind(one: Result) -> tuple[Any, ...]:
    return one.task, one.version, one.split, one.snapshot


def _figure(metric: Metric, one: Result) -> float | None:
    value = metric.compute(one.columns) if one.scores else math.nan
    return None if math.isnan(value) else value


def strata(one: Result, *, resamples: int = RESAMPLES_OF_STRATA, seed: int = SEED) -> list[Stratum]:
    """The headline metric of a run for each stratum of its samples, the largest first.

    What all samples have in common is left out. Where the model's training cut-off is known, samples before and after
    it are strata too: what a model may have read about, and what it cannot have.
    """
    chosen = task(one.task)
    if one.version != chosen.version:
        return []
    metric = chosen.metrics[0]
    found = []
    for name, members in _by_stratum(one).items():
        if len(members) < 2:
            continue
        for group, samples in sorted(members.items(), key=lambda item: (-len(item[1]), item[0])):
            scores = _Scores(columns_of(samples))
            enough = len({sample.group for sample in samples if sample.scores is not None}) >= LEAST_GROUPS
            (figure,) = _intervals((metric,), scores, resamples if enough else 0, seed)
            found.append(
                Stratum(
                    task=one.task,
                    model=one.model,
                    metric=metric.name,
                    stratum=name,
                    group=group,
                    value=figure.value,
                    low=figure.low,
                    high=figure.high,
                    n=len(samples),
                    failed=sum(sample.scores is None for sample in samples),
                )
            )
    return found


def _by_stratum(one: Result) -> dict[str, dict[str, list[SampleResult]]]:
    found: dict[str, dict[str, list[SampleResult]]] = {}
    for sample in one.samples:
        named = dict(sample.strata)
        if one.cutoff:
            named["training cut-off"] = f"{'after' if later(sample.date, one.cutoff) else 'until'} {one.cutoff}"
        for name, group in named.items():
            found.setdefault(name, {}).setdefault(group, []).append(sample)
    return found


def metrics_facts(one: Result) -> dict[str, Any]:
    """The figures of a run, overall and by stratum, as `metrics.json` holds them."""
    chosen = task(one.task)
    rows = {row.metric: row for row in table([one])}
    return {
        "metrics": {
            metric.name: {
                "title": metric.title,
                "direction": metric.direction,
                "meaning": metric.meaning,
                "value": rows[metric.name].value,
                "low": rows[metric.name].low,
                "high": rows[metric.name].high,
                "level": LEVEL,
            }
            for metric in chosen.metrics
        },
        "strata": [
            {name: getattr(row, name) for name in ("stratum", "group", "metric", "value", "low", "high", "n", "failed")}
            for row in strata(one)
        ],
    }
