"""The tasks and baselines as Inspect sees them: `inspect eval trialpanorama/TASK --model MODEL`.

Every task of `trialpanorama.tasks` is an Inspect task, every baseline an Inspect solver (`--solver
trialpanorama/linear --model none/none`). With the model none/none and no solver, the majority baseline answers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
from inspect_ai import Task as InspectTask
from inspect_ai import task as inspect_task
from inspect_ai.dataset import MemoryDataset
from inspect_ai.dataset import Sample as InspectSample
from inspect_ai.model import ModelOutput
from inspect_ai.scorer import Metric, SampleScore, Score, Scorer, Target, Value, metric, scorer
from inspect_ai.solver import Generate, Solver, TaskState, solver

from trialpanorama.baselines import Baseline, baseline, baselines
from trialpanorama.errors import UserError
from trialpanorama.tasks import AnySample, Split, Unreadable, load, require, task, tasks, variants, warehouse_of
from trialpanorama.warehouse import Warehouse

NO_MODEL = "none/none"
DEFAULT_BASELINE = "majority"


def make_task(name: str, warehouse: str | Path | None = None, split: Split = "test") -> InspectTask:
    """One of our tasks as an Inspect task, its samples from a warehouse.

    A sample that fails is recorded as failed, and the run goes on: it is no zero, and the table counts it.
    """
    chosen, opened = task(name), Warehouse.open(warehouse)
    samples = load(opened, chosen, split)
    require(samples, chosen, split, opened)
    manifest = opened.manifest
    return InspectTask(
        dataset=MemoryDataset(
            [
                InspectSample(
                    id=sample.id,
                    input=chosen.prompt(sample),
                    target=chosen.reply(sample.gold),
                    metadata={"task": name, "snapshot": opened.snapshot, "sample": msgspec.to_builtins(sample)},
                )
                for sample in samples
            ],
            name=f"{name}/{split}",
        ),
        solver=ask(),
        scorer=answers(name),
        fail_on_error=False,
        name=name,
        version=chosen.version,
        metadata={
            "task": name,
            "task_version": chosen.version,
            "split": split,
            "snapshot": opened.snapshot,
            "is_fictional": manifest.is_fictional or any(sample.is_fictional for sample in samples),
            "atlas": {
                "inputs": manifest.inputs,
                "records": manifest.records,
                "rejects": manifest.rejects,
                "trials": manifest.trials,
                "sources": {source.name: source.records for source in manifest.sources},
            },
        },
    )


def _sample(state: TaskState) -> AnySample:
    return task(state.metadata["task"]).decode(msgspec.json.encode(state.metadata["sample"]))


# --- solvers


@lru_cache(maxsize=8)
def _fitted(kind: str, name: str, path: Path, snapshot: str) -> Baseline:
    opened, chosen = Warehouse.open(path), task(name)
    if opened.snapshot != snapshot:
        raise UserError(f"{path} was built anew during the run. Run it again.")
    training = load(opened, chosen, "train")
    require(training, chosen, "train", opened)
    made = baseline(kind)()
    made.fit(training, chosen)
    return made


def _answer(kind: str, state: TaskState) -> TaskState:
    name, snapshot, sample = str(state.metadata["task"]), str(state.metadata["snapshot"]), _sample(state)
    if not baseline(kind).answers(task(name), sample):
        raise UserError(f"baseline/{kind} cannot answer {name}: {baseline(kind).meaning}")
    reply = _fitted(kind, name, warehouse_of(snapshot).path, snapshot).answer(sample)
    state.output = ModelOutput.from_content(model=f"baseline/{kind}", content=reply)
    state.messages.append(state.output.message)
    state.completed = True
    return state


@solver
def ask() -> Solver:
    """Asks the model; with the model none/none, the majority baseline answers."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        return _answer(DEFAULT_BASELINE, state) if str(state.model) == NO_MODEL else await generate(state)

    return solve


def _publish_baseline(kind: str) -> Callable[..., Solver]:
    @solver(name=kind)
    def answering() -> Solver:
        async def solve(state: TaskState, generate: Generate) -> TaskState:
            return _answer(kind, state)

        return solve

    return answering


# --- scores


@metric
def summary(name: str) -> Metric:
    """The task's own figures; those that are not defined are left out."""

    def compute(scores: list[SampleScore]) -> Value:
        rows = [row for item in scores for row in (item.score.metadata or {}).get("rows", ())]
        found = task(name).aggregate(rows) if rows else {}
        return {key: value for key, value in found.items() if value == value}

    return compute


def answers(name: str) -> Scorer:
    """Reads a reply and scores it, both as the task says."""
    chosen = task(name)

    @scorer(metrics=[summary(name)], name="answers")
    def scoring() -> Scorer:
        async def score(state: TaskState, target: Target) -> Score:
            sample = _sample(state)
            answer = chosen.read(state.output.completion, sample)
            is_unreadable = isinstance(answer, Unreadable)
            scores = chosen.score(answer, sample)
            return Score(
                value=dict(scores),
                metadata={"rows": chosen.rows(answer, sample), "reward": chosen.reward(scores)},
                answer=None if is_unreadable else chosen.reply(answer),
                explanation=answer.why if isinstance(answer, Unreadable) else None,
            )

        return score

    return scoring()


# --- what Inspect finds


def _publish_task(name: str) -> Callable[..., InspectTask]:
    @inspect_task(name=name)
    def published(warehouse: str | None = None, split: str = "test") -> InspectTask:
        return make_task(name, warehouse, split)  # type: ignore[arg-type]

    return published


solvers: dict[str, Callable[..., Solver]] = {kind: _publish_baseline(kind) for kind in baselines()}
inspect_tasks: dict[str, Callable[..., Any]] = {name: _publish_task(name) for name in (*tasks(), *variants())}
