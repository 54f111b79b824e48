"""Two runs on the same samples: paired differences with intervals, and a test by exchanging the two."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from trialpanorama.errors import UnknownName, UserError
from trialpanorama.evaluate.figures import RESAMPLES, SEED, Groups, draws, interval
from trialpanorama.evaluate.results import Result, SampleResult, columns_of, read_logs, read_result
from trialpanorama.tasks import Metric, task

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trialpanorama.tasks import Columns


class Difference(msgspec.Struct, kw_only=True, frozen=True):
    """One metric of one run less that of another, on the samples that both answered."""

    task: str
    metric: str
    model: str
    other: str
    mine: float | None
    """The metric of `model` on those samples."""
    theirs: float | None
    """The metric of `other` on them."""
    value: float | None
    low: float | None
    high: float | None
    p_value: float | None
    """How often a difference as large comes up where each group's replies are exchanged between the two by chance."""
    n: int
    groups: int
    left_out: int
    """Samples of either run that the other lacks."""


def difference(
    one: Result, other: Result, metric_name: str | None = None, *, resamples: int = RESAMPLES, seed: int = SEED
) -> Difference:
    """How much better `one` is than `other` in a metric (the headline unless named), sample by sample.

    Both runs are drawn together, whole groups at a time, so that what makes a sample hard for both cancels out. Raises
    UserError for runs that do not compare: other task, version or snapshot.
    """
    chosen = task(one.task)
    metrics = [chosen.metric(metric_name) if metric_name else chosen.metrics[0]]
    return _differences(one, other, metrics, resamples, seed)[0]


def compare(one: Result, other: Result, *, resamples: int = RESAMPLES, seed: int = SEED) -> list[Difference]:
    """The paired difference of two runs in every metric of their task; raises UserError as `difference` does."""
    return _differences(one, other, task(one.task).metrics, resamples, seed)


def _differences(one: Result, other: Result, metrics: Sequence[Metric], resamples: int, seed: int) -> list[Difference]:
    import numpy as np

    for what in ("task", "version", "snapshot", "split"):
        if getattr(one, what) != getattr(other, what):
            raise UserError(f"These runs do not compare: {what} {getattr(one, what)} and {getattr(other, what)}.")
    if one.version != task(one.task).version:
        raise UserError(
            f"These runs are of version {one.version} of {one.task}; the installed one is version "
            f"{task(one.task).version}. Score them anew: trialpanorama rescore LOG..."
        )
    mine, theirs = ({sample.id: sample for sample in run.samples if sample.rows} for run in (one, other))
    shared = [id for id in mine if id in theirs]
    if not shared:
        raise UserError(f"{one.model} and {other.model} have no answered sample in common.")
    number = {group: place for place, group in enumerate(dict.fromkeys(mine[id].group for id in shared))}
    count = len(number)
    scores = [_numbered([side[id] for id in shared], number) for side in (mine, theirs)]
    sides = [Groups(side, range(count)) for side in scores]
    values = [[metric.compute(side) for side in scores] for metric in metrics]
    drawn: list[list[float]] = [[] for _ in metrics]
    exchanged: list[list[float]] = [[] for _ in metrics]
    if count >= 2:
        for chosen in draws(count, resamples, seed):
            taken = [side.draw(chosen) for side in sides]
            for place, metric in enumerate(metrics):
                drawn[place].append(metric.compute(taken[0]) - metric.compute(taken[1]))
        random = np.random.default_rng(seed)
        whole = [side.draw(np.arange(count)) for side in sides]
        for _ in range(resamples):
            swapped = _exchanged(whole, random.random(count) < 0.5)
            for place, metric in enumerate(metrics):
                exchanged[place].append(metric.compute(swapped[0]) - metric.compute(swapped[1]))
    found = []
    for place, metric in enumerate(metrics):
        first, second = values[place]
        figure = interval(first - second, drawn[place])
        found.append(
            Difference(
                task=one.task,
                metric=metric.name,
                model=one.model,
                other=other.model,
                mine=None if math.isnan(first) else first,
                theirs=None if math.isnan(second) else second,
                value=figure.value,
                low=figure.low,
                high=figure.high,
                p_value=_p_value(first - second, exchanged[place]),
                n=len(shared),
                groups=count,
                left_out=len(mine.keys() ^ theirs.keys()),
            )
        )
    return found


def _numbered(samples: Sequence[SampleResult], number: Mapping[str, int]) -> Columns:
    """The rows of samples, their groups numbered as those of the other side are."""
    import numpy as np

    groups = [number[sample.group] for sample in samples for _ in sample.rows]
    return {**columns_of(samples), "group": np.array(groups, dtype=np.float64)}


def _exchanged(sides: Sequence[Columns], is_swapped: NDArray[np.bool_]) -> list[Columns]:
    """Both sides with the rows of some groups exchanged between them."""
    import numpy as np

    rows = [is_swapped[side["group"].astype(int)] for side in sides]
    return [
        {key: np.concatenate([sides[here][key][~rows[here]], sides[there][key][rows[there]]]) for key in sides[here]}
        for here, there in ((0, 1), (1, 0))
    ]


def _p_value(observed: float, exchanged: Sequence[float]) -> float | None:
    """Two-sided; the observed order is one of those that chance can give."""
    defined = [value for value in exchanged if not math.isnan(value)]
    if math.isnan(observed) or not defined or len(defined) < 0.95 * len(exchanged):
        return None
    as_large = sum(abs(value) >= abs(observed) - 1e-12 for value in defined)
    return (1 + as_large) / (1 + len(defined))


def find_runs(
    names: Iterable[str], log_dir: str | os.PathLike[str], task_name: str | None = None
) -> list[list[Result]]:
    """For each task that two runs are both about, the pair of them.

    A run is named by its log, or by its model: then it is the model's latest run in `log_dir`. Raises UnknownName for
    a model without a run, and UserError where the two have no task in common.
    """
    sides: list[dict[str, Result]] = []
    known: list[Result] | None = None
    for name in names:
        if Path(name).is_file():
            sides.append({(one := read_result(name)).task: one})
            continue
        known = read_logs(log_dir) if known is None else known
        runs = {one.task: one for one in known if one.model == name}
        if not runs:
            raise UnknownName("run", name, {one.model for one in known})
        sides.append(runs)
    shared = [name for name in sides[0] if all(name in side for side in sides)]
    if task_name is not None:
        shared = [name for name in shared if name == task(task_name).name]
    if not shared:
        tasks_run = " and ".join(", ".join(side) for side in sides)
        raise UserError(f"These runs have no task in common: {tasks_run}.")
    return [[side[name] for side in sides] for name in shared]
