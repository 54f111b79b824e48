"""Runs of a model on a task, read back from their logs: figures with bootstrap intervals, and paired differences."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trialpanorama.baselines import baseline
from trialpanorama.errors import TrialPanoramaError, UserError
from trialpanorama.tasks import AnyTask, Metric, Split, columns, task

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog
    from inspect_ai.model import Model

    from trialpanorama.tasks import Columns

BASELINE_PREFIX = "baseline/"
RESAMPLES, LEVEL, SEED = 1_000, 0.95, 20261121
_MODEL_EXAMPLES = "openai/gpt-4o, hf/Qwen/Qwen3-0.6B, vllm/..., baseline/majority"


class SampleResult(msgspec.Struct, kw_only=True):
    """What came of one sample of a run."""

    id: str
    scores: dict[str, float] | None
    """None where the run failed on it."""
    error: str | None = None
    prompt: str = ""
    reply: str = ""
    """As the model gave it."""
    answer: str | None = None
    """As it was read; none where it was unreadable."""
    gold: str = ""
    why_unreadable: str | None = None
    rows: list[dict[str, float]] = []
    """What the metrics are computed over where that is not the scores: a row for each decision of the answer."""
    group: str = ""
    """Samples of one group stand or fall together."""


class Result(msgspec.Struct, kw_only=True):
    """A run of one model on one task, as its log tells it."""

    log: str
    task: str
    version: int
    model: str
    split: str
    snapshot: str
    is_fictional: bool
    created: str
    status: str
    """success, cancelled or error: in the latter two, samples may be missing."""
    n: int
    """Samples that were asked."""
    samples: list[SampleResult]
    atlas: dict[str, Any]
    """Counts of the warehouse that the samples came from."""
    error: str | None = None

    @property
    def failed(self) -> int:
        """Samples without a score: the model or the run failed on them, or never came to them."""
        return self.n - len(self.scores)

    @property
    def unreadable(self) -> int:
        """Replies that were no answer; they count as wrong."""
        return int(sum(score["unreadable"] for score in self.scores))

    @property
    def scores(self) -> list[dict[str, float]]:
        """The scores of the samples that have them."""
        return [sample.scores for sample in self.samples if sample.scores is not None]

    @property
    def columns(self) -> Columns:
        """The rows of the samples that have scores, as columns."""
        return _columns(self.samples)


def _columns(samples: Iterable[SampleResult]) -> Columns:
    scored = [
        (row, sample.group or sample.id)
        for sample in samples
        if sample.scores is not None
        for row in sample.rows or [sample.scores]
    ]
    return columns([row for row, _ in scored], [group for _, group in scored])


class Interval(msgspec.Struct, frozen=True):
    """A figure and its 95 % bootstrap interval; None where it is not defined."""

    value: float | None
    low: float | None
    high: float | None


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
    unreadable: int
    floor: float | None
    """What the majority baseline reached on the same samples, else what answering blindly gives, where known."""
    is_fictional: bool
    snapshot: str
    log: str


class Difference(msgspec.Struct, kw_only=True, frozen=True):
    """One metric of one run less that of another, on the samples that both answered."""

    task: str
    metric: str
    model: str
    other: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    left_out: int
    """Samples of either run that the other lacks."""


# --- running


def run(
    task_name: str,
    model: str | Model,
    warehouse: str | os.PathLike[str] | None = None,
    *,
    split: Split = "test",
    limit: int | None = None,
    log_dir: str | os.PathLike[str] | None = None,
    display: str = "none",
    config: Mapping[str, Any] | None = None,
) -> Result:
    """Ask a model every sample of a task and write one log.

    `model` is `baseline/NAME` or any of Inspect's model names (or a model object). `limit` takes the first samples,
    which are a random part of the split. The log goes to `log_dir`, else $INSPECT_LOG_DIR, else ./logs. `config` holds
    Inspect's generation options (temperature, max_tokens ...). Raises UserError where the model cannot be had.
    """
    chosen = task(task_name)
    kind = _baseline_kind(model)
    import inspect_ai

    from trialpanorama.evaluate import plugin

    asked = plugin.NO_MODEL if kind else _model(model)
    logs = inspect_ai.eval(
        plugin.make_task(chosen.name, os.fspath(warehouse) if warehouse is not None else None, split),
        model=asked,
        solver=plugin.solvers[kind]() if kind else None,
        limit=limit,
        log_dir=os.fspath(log_dir) if log_dir is not None else None,
        display=display,  # type: ignore[arg-type]
        log_level="error",
        log_realtime=False,
        score_display=False,
        acp_server=False,
        ctl_server=False,
        **dict(config or {}),
    )
    found = result(logs[0])
    if not found.scores and (found.error or found.samples):
        why = found.error or next((sample.error for sample in found.samples if sample.error), "no reason given")
        kind_of_error: type[TrialPanoramaError] = (
            UserError if kind is None or "UserError" in why else TrialPanoramaError
        )
        raise kind_of_error(
            f"{found.model} answered none of {found.n} samples of {task_name}: {why.strip().splitlines()[-1]} "
            f"The log: {found.log}"
        )
    return found


def _baseline_kind(model: str | Model) -> str | None:
    if not isinstance(model, str) or not model.startswith(BASELINE_PREFIX):
        return None
    name = model.removeprefix(BASELINE_PREFIX)
    baseline(name)
    return name


def _model(model: str | Model) -> Model:
    from inspect_ai._util.error import PrerequisiteError
    from inspect_ai.model import ModelOutput, ModelUsage, get_model

    if not isinstance(model, str):
        return model
    if "/" not in model:
        raise UserError(f'A model is PROVIDER/NAME or baseline/NAME, not "{model}". Examples: {_MODEL_EXAMPLES}')
    if model.startswith("mockllm/"):
        # Inspect's mock model counts tokens with a file that it downloads; told the usage, it stays offline.
        def reply(*_: Any) -> ModelOutput:
            output = ModelOutput.from_content(model=model, content="Default output from mockllm/model")
            output.usage = ModelUsage(input_tokens=0, output_tokens=0, total_tokens=0)
            return output

        return get_model(model, custom_outputs=reply, memoize=False)
    try:
        return get_model(model)
    except PrerequisiteError as error:
        raise UserError(_plain(str(error.message))) from None
    except (ValueError, ImportError, LookupError) as error:
        raise UserError(f'There is no model "{model}": {_plain(str(error))} Examples: {_MODEL_EXAMPLES}') from None


def _plain(text: str) -> str:
    return " ".join(re.sub(r"\[/?[a-z ]+\]", "", text).split()).removeprefix("ERROR: ")


# --- reading logs


def result(log: EvalLog) -> Result:
    """What a log tells about its run; raises UserError for a log of something else."""
    about = log.eval.metadata or {}
    if "task_version" not in about:
        raise UserError(f"{log.location} is not a log of a TrialPanorama task.")
    samples = []
    for sample in log.samples or ():
        score = next(iter((sample.scores or {}).values()), None)
        samples.append(
            SampleResult(
                id=str(sample.id),
                scores=dict(score.value) if score is not None and isinstance(score.value, dict) else None,
                error=sample.error.message if sample.error else None,
                prompt=sample.input if isinstance(sample.input, str) else "",
                reply=sample.output.completion,
                answer=score.answer if score else None,
                gold=sample.target if isinstance(sample.target, str) else "",
                why_unreadable=score.explanation if score else None,
                rows=list((score.metadata or {}).get("rows", ())) if score else [],
                group=str((sample.metadata or {}).get("sample", {}).get("group") or sample.id),
            )
        )
    order = {str(id): place for place, id in enumerate(log.eval.dataset.sample_ids or ())}
    samples.sort(key=lambda sample: order.get(sample.id, len(order)))
    asked = log.results.total_samples if log.results else 0
    return Result(
        log=log.location,
        task=str(about["task"]),
        version=int(about["task_version"]),
        model=_model_name(log),
        split=str(about["split"]),
        snapshot=str(about["snapshot"]),
        is_fictional=bool(about["is_fictional"]),
        created=str(log.eval.created),
        status=log.status,
        n=max(asked, len(samples), _asked(log)),
        samples=samples,
        atlas=dict(about.get("atlas") or {}),
        error=log.error.message if log.error else None,
    )


def _asked(log: EvalLog) -> int:
    """How many samples the run was to ask, also where it ended early."""
    ids = log.eval.dataset.sample_ids
    return len(ids) if ids is not None else int(log.eval.dataset.samples or 0)


def _model_name(log: EvalLog) -> str:
    if log.eval.model != "none/none":
        return str(log.eval.model)
    # The baseline says in its output who it is; a run that never came so far has only the solver's name.
    for sample in log.samples or ():
        if sample.output.model.startswith(BASELINE_PREFIX):
            return sample.output.model
    return BASELINE_PREFIX + (log.eval.solver or "majority").rpartition("/")[2]


def read_result(path: str | os.PathLike[str]) -> Result:
    """The run of one log file."""
    from inspect_ai.log import read_eval_log

    return result(read_eval_log(os.fspath(path)))


def read_logs(log_dir: str | os.PathLike[str], *, all_runs: bool = False) -> list[Result]:
    """The runs of a folder of logs, oldest first; of repeated runs only the latest, unless `all_runs`.

    Logs of other tasks are passed over. Raises UserError where there is none of ours.
    """
    from inspect_ai.log import list_eval_logs, read_eval_log

    folder = Path(log_dir)
    if not folder.is_dir():
        raise UserError(
            f"There is no folder {folder}. Make a run first: trialpanorama evaluate TASK --model baseline/majority"
        )
    dated = []
    for info in list_eval_logs(os.fspath(folder.resolve())):
        log = read_eval_log(info)
        if "task_version" in (log.eval.metadata or {}):
            dated.append((log.eval.created, info.mtime or 0.0, log.location, result(log)))
    found = [one for *_, one in sorted(dated, key=lambda entry: entry[:3])]
    if not found:
        raise UserError(
            f"{folder} holds no log of our tasks. Make one: trialpanorama evaluate TASK --model baseline/majority"
        )
    if all_runs:
        return found
    latest = {(one.task, one.version, one.model, one.split, one.snapshot): one for one in found}
    return [one for one in found if latest[one.task, one.version, one.model, one.split, one.snapshot] is one]


# --- figures


def bootstrap(
    scores: Columns, compute: Callable[[Columns], float], *, resamples: int = RESAMPLES, seed: int = SEED
) -> Interval:
    """A figure with its percentile interval: whole groups drawn again with replacement, `resamples` times.

    Draws on which the figure is not defined are left out; where they are more than one in twenty, so is the interval.
    """
    import numpy as np

    n = len(next(iter(scores.values()))) if scores else 0
    value = compute(scores) if n else math.nan
    _, place = np.unique(scores["group"] if n and "group" in scores else np.arange(n), return_inverse=True)
    groups = int(place.max()) + 1 if n else 0
    if groups < 2 or math.isnan(value):
        return Interval(None if math.isnan(value) else value, None, None)
    random = np.random.default_rng(seed)
    sizes = np.bincount(place)
    order, first = np.argsort(place, kind="stable"), np.concatenate([[0], np.cumsum(sizes)[:-1]])
    drawn = np.empty(resamples)
    for index in range(resamples):
        chosen = random.integers(0, groups, groups)
        # The rows of each drawn group, one group after the other; a group drawn twice counts as two.
        length = sizes[chosen]
        ends = np.cumsum(length)
        rows = order[np.repeat(first[chosen] - (ends - length), length) + np.arange(ends[-1])]
        taken = {key: column[rows] for key, column in scores.items()}
        taken["group"] = np.repeat(np.arange(groups, dtype=np.float64), length)
        drawn[index] = compute(taken)
    defined = drawn[~np.isnan(drawn)]
    if defined.size < 0.95 * resamples:
        return Interval(value, None, None)
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value, float(low), float(high))


def table(results: Iterable[Result], *, resamples: int = RESAMPLES, seed: int = SEED) -> list[Row]:
    """The results table: a row for each metric of each run, with n, failed, unreadable and the interval.

    A metric is over the samples that have a score; failed ones are counted beside it, unreadable replies are in it as
    wrong answers. A run of another version of a task than the installed one keeps its own row, without figures.
    """
    results = list(results)
    floors = {
        (one.task, one.version, one.split, one.snapshot): one
        for one in results
        if one.model == f"{BASELINE_PREFIX}majority"
    }
    rows = []
    for one in results:
        chosen = task(one.task)
        found = one.columns
        floor_run = floors.get((one.task, one.version, one.split, one.snapshot))
        same_samples = floor_run is not None and {s.id for s in floor_run.samples} == {s.id for s in one.samples}
        for metric in chosen.metrics:
            current = one.version == chosen.version
            interval = (
                bootstrap(found, metric.compute, resamples=resamples, seed=seed)
                if current and found
                else Interval(None, None, None)
            )
            rows.append(
                Row(
                    task=one.task,
                    version=one.version,
                    model=one.model,
                    split=one.split,
                    metric=metric.name,
                    title=metric.title,
                    arrow=metric.arrow,
                    value=interval.value,
                    low=interval.low,
                    high=interval.high,
                    n=one.n,
                    failed=one.failed,
                    unreadable=one.unreadable,
                    floor=_figure(metric, floor_run)
                    if floor_run is not None and same_samples and current
                    else metric.floor,
                    is_fictional=one.is_fictional,
                    snapshot=one.snapshot,
                    log=one.log,
                )
            )
    return rows


def _figure(metric: Metric, one: Result) -> float | None:
    value = metric.compute(one.columns) if one.scores else math.nan
    return None if math.isnan(value) else value


def difference(
    one: Result, other: Result, metric_name: str | None = None, *, resamples: int = RESAMPLES, seed: int = SEED
) -> Difference:
    """How much better `one` is than `other` in a metric (the headline unless named), sample by sample.

    Both runs are drawn together, so that what makes a sample hard for both cancels out. Raises UserError for runs that
    do not compare: other task, version or snapshot.
    """
    for what in ("task", "version", "snapshot", "split"):
        if getattr(one, what) != getattr(other, what):
            raise UserError(f"These runs do not compare: {what} {getattr(one, what)} and {getattr(other, what)}.")
    chosen: AnyTask = task(one.task)
    metric = chosen.metric(metric_name) if metric_name else chosen.metrics[0]
    mine = {sample.id: sample for sample in one.samples if sample.scores is not None}
    theirs = {sample.id: sample for sample in other.samples if sample.scores is not None}
    shared = [id for id in mine if id in theirs]
    if not shared:
        raise UserError(f"{one.model} and {other.model} have no answered sample in common.")
    paired = _paired([mine[id] for id in shared], [theirs[id] for id in shared])

    def compute(drawn: Columns) -> float:
        sides = [
            {key[2:]: column for key, column in drawn.items() if key.startswith(side)} | {"group": drawn["group"]}
            for side in ("1:", "2:")
        ]
        return metric.compute(sides[0]) - metric.compute(sides[1])

    interval = bootstrap(paired, compute, resamples=resamples, seed=seed)
    return Difference(
        task=one.task,
        metric=metric.name,
        model=one.model,
        other=other.model,
        value=interval.value,
        low=interval.low,
        high=interval.high,
        n=len(shared),
        left_out=len(mine.keys() ^ theirs.keys()),
    )


def _paired(mine: Sequence[SampleResult], theirs: Sequence[SampleResult]) -> Columns:
    sides = {"1:": _columns(mine), "2:": _columns(theirs)}
    found = {f"{side}{key}": column for side, side_columns in sides.items() for key, column in side_columns.items()}
    return found | {"group": found["1:group"]}
