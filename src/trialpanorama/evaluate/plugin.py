"""The tasks and baselines as Inspect sees them: `inspect eval trialpanorama/TASK --model MODEL`.

Every task of `trialpanorama.tasks` is an Inspect task, every baseline an Inspect solver (`--solver
trialpanorama/linear --model none/none`). With the model none/none and no solver, the majority baseline answers, or the
first that can.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from inspect_ai import Task as InspectTask
from inspect_ai import task as inspect_task
from inspect_ai.dataset import MemoryDataset
from inspect_ai.dataset import Sample as InspectSample
from inspect_ai.model import ContentText, ModelOutput, ResponseSchema
from inspect_ai.scorer import Metric, SampleScore, Score, Scorer, Target, Value, metric, scorer
from inspect_ai.solver import Generate, Solver, TaskState, solver
from inspect_ai.util import JSONSchema

from trialpanorama.baselines import Baseline, baseline, baselines
from trialpanorama.errors import UserError
from trialpanorama.evaluate.replies import Replies
from trialpanorama.evaluate.results import Outcome, later
from trialpanorama.evaluate.schema import reply_schema
from trialpanorama.tasks import (
    AnySample,
    AnyTask,
    Split,
    Unreadable,
    columns,
    load,
    register,
    require,
    task,
    tasks,
    variants,
    warehouse_of,
)
from trialpanorama.warehouse import Warehouse

NO_MODEL = "none/none"
DEFAULT_BASELINE = "majority"


class Questions(NamedTuple):
    """Samples to be asked, and what they were made from."""

    samples: list[AnySample]
    snapshot: str
    """Of the warehouse, or of the files of labels."""
    is_fictional: bool
    atlas: dict[str, Any]


def questions(
    name: str,
    warehouse: str | Path | None = None,
    split: Split = "test",
    *,
    paths: Sequence[Path] = (),
    after: str | None = None,
    limit: int | None = None,
) -> Questions:
    """The samples of a task: of a warehouse, or of files of labels; those dated later than `after`, the first `limit`.

    Raises UserError where there is none.
    """
    chosen = task(name)
    if paths:
        found = _from_files(chosen, warehouse, split, paths)
    else:
        opened = Warehouse.open(warehouse)
        samples = load(opened, chosen, split)
        require(samples, chosen, split, opened)
        manifest = opened.manifest
        found = Questions(
            samples,
            opened.snapshot,
            manifest.is_fictional or any(sample.is_fictional for sample in samples),
            {
                "inputs": manifest.inputs,
                "records": manifest.records,
                "rejects": manifest.rejects,
                "trials": manifest.trials,
                "sources": {source.name: source.records for source in manifest.sources},
            },
        )
    kept = [sample for sample in found.samples if after is None or later(sample.date, after)]
    if not kept:
        raise UserError(f"None of the {len(found.samples)} {split} samples of {name} is dated later than {after}.")
    return found._replace(samples=kept[:limit])


_files: dict[tuple[str, str], tuple[tuple[Path, ...], Split]] = {}
"""The files of labels that samples of a task were made from, by their snapshot, for baselines to learn from; and which
of their splits was asked."""


def _from_files(chosen: AnyTask, warehouse: str | Path | None, split: Split, paths: Sequence[Path]) -> Questions:
    for path in paths:
        if not path.exists():
            raise UserError(f"There is no file {path}.")
    try:
        opened: Warehouse | None = Warehouse.open(warehouse)
    except UserError:
        if warehouse is not None:
            raise
        opened = None
    if opened is not None:
        register(opened)
    samples = _read_files(chosen, opened, split, paths)
    if not samples:
        raise UserError(f"{', '.join(map(str, paths))} holds no {split} sample for {chosen.name}.")
    snapshot = f"files-{_hash(paths)}"
    _files[chosen.name, snapshot] = tuple(paths), split
    return Questions(samples, snapshot, any(sample.is_fictional for sample in samples), {})


def _read_files(chosen: AnyTask, opened: Warehouse | None, split: Split, paths: Sequence[Path]) -> list[AnySample]:
    if opened is None:
        return list(chosen.samples_from(paths, split))
    with opened.connect() as con:
        return [
            sample if sample.snapshot else msgspec.structs.replace(sample, snapshot=opened.snapshot)
            for sample in chosen.samples_from(paths, split, con)
        ]


def _hash(paths: Sequence[Path]) -> str:
    """Of what files, and the files of folders, hold."""
    found = hashlib.sha256()
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                with file.open("rb") as opened:
                    found.update(hashlib.file_digest(opened, "sha256").digest())
    return found.hexdigest()[:16]


def make_task(
    name: str,
    warehouse: str | Path | None = None,
    split: Split = "test",
    *,
    asked: Questions | None = None,
    **more: Any,
) -> InspectTask:
    """One of our tasks as an Inspect task, its samples those of a warehouse unless given.

    A sample that fails is recorded as failed, and the run goes on: it is no zero, and the table counts it. `more` are
    further arguments of Inspect's Task; its `metadata` is added to ours.
    """
    chosen = task(name)
    asked = questions(name, warehouse, split) if asked is None else asked
    metadata = {
        "task": name,
        "task_version": chosen.version,
        "split": split,
        "snapshot": asked.snapshot,
        "is_fictional": asked.is_fictional,
        "atlas": asked.atlas,
    } | more.pop("metadata", {})
    return InspectTask(
        dataset=MemoryDataset(
            [
                InspectSample(
                    id=sample.id,
                    input=chosen.prompt(sample),
                    target=chosen.reply(sample.gold),
                    metadata={"task": name, "snapshot": asked.snapshot, "sample": msgspec.to_builtins(sample)},
                )
                for sample in asked.samples
            ],
            name=f"{name}/{split}",
        ),
        solver=more.pop("solver", None) or ask(),
        scorer=answers(name),
        fail_on_error=False,
        name=name,
        version=chosen.version,
        metadata=metadata,
        **more,
    )


def _sample(state: TaskState) -> AnySample:
    return task(state.metadata["task"]).decode(msgspec.json.encode(state.metadata["sample"]))


# --- solvers


@lru_cache(maxsize=8)
def _fitted(kind: str, name: str, snapshot: str) -> Baseline:
    chosen = task(name)
    if files := _files.get((name, snapshot)):
        paths, split = files
        asked = list(chosen.samples_from(paths, split))
        subjects = {sample.subject for sample in asked}
        training = [sample for sample in chosen.samples_from(paths, "train") if sample.subject not in subjects]
        if not training and asked[0].snapshot:  # made of a warehouse's samples, whose splits hold here too
            learnt = load(warehouse_of(asked[0].snapshot), chosen, "train")
            training = [sample for sample in learnt if sample.subject not in subjects]
        if not training:
            raise UserError(
                f"The files hold no train sample of {name} beside those that are asked, so that baseline/{kind} cannot "
                "learn from them."
            )
    else:
        opened = warehouse_of(snapshot)
        if opened.snapshot != snapshot:
            raise UserError(f"{opened.path} was built anew during the run. Run it again.")
        training = load(opened, chosen, "train")
        require(training, chosen, "train", opened)
    made = baseline(kind)()
    made.fit(training, chosen)
    return made


def _answer(kind: str, state: TaskState) -> TaskState:
    name, snapshot, sample = str(state.metadata["task"]), str(state.metadata["snapshot"]), _sample(state)
    if not baseline(kind).answers(task(name), sample):
        raise UserError(f"baseline/{kind} cannot answer {name}: {baseline(kind).meaning}")
    reply = _fitted(kind, name, snapshot).answer(sample)
    state.output = ModelOutput.from_content(model=f"baseline/{kind}", content=reply)
    state.messages.append(state.output.message)
    state.completed = True
    return state


@solver
def ask() -> Solver:
    """Asks the model; with the model none/none, the majority baseline answers, or the first that can."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        if str(state.model) != NO_MODEL:
            return await generate(state)
        chosen, sample = task(str(state.metadata["task"])), _sample(state)
        able = (kind for kind in (DEFAULT_BASELINE, *baselines()) if baseline(kind).answers(chosen, sample))
        return _answer(next(able, DEFAULT_BASELINE), state)

    return solve


class Asking:
    """How one model is asked the samples of one task."""

    def __init__(self, replies: Replies, schema: ResponseSchema | None, tell: Callable[[], None]) -> None:
        self.replies = replies
        self.schema = schema
        """Given with each request until the provider says that it takes none."""
        self.tell = tell
        """Called whenever a sample is done."""


def asking(how: Asking) -> Solver:
    """Asks the model what it was not asked before, and keeps what it says at once."""

    @solver(name="ask")
    def once() -> Solver:
        async def solve(state: TaskState, generate: Generate) -> TaskState:
            try:
                if kept := how.replies.get(str(state.sample_id), state.input_text):
                    state.output = ModelOutput.model_validate_json(kept)
                    state.messages.append(state.output.message)
                    return state
                state = await _generate(how, state, generate)
                if state.output.choices:
                    said = state.output.model_dump_json(exclude_none=True)
                    how.replies.keep(str(state.sample_id), state.input_text, said)
                return state
            finally:
                how.tell()

        return solve

    return once()


async def _generate(how: Asking, state: TaskState, generate: Generate) -> TaskState:
    schema = how.schema
    if schema is None:
        return await generate(state)
    try:
        return await generate(state, response_schema=schema)
    except Exception as error:
        if not _is_bad_request(error):
            raise
        # A server that knows no schemas refuses the request as a whole; without one it may answer.
        state = await generate(state)
        how.schema = None
        return state


def _is_bad_request(error: BaseException | None) -> bool:
    while error is not None:
        if getattr(error, "status_code", None) in (400, 415, 422, 501):
            return True
        error = error.__cause__
    return False


def schema_of(name: str, sample: AnySample) -> ResponseSchema | None:
    """The form of a task's reply for providers of structured output; None where it has no such form."""
    found = reply_schema(task(name), sample)
    return ResponseSchema(name=name, json_schema=JSONSchema.model_validate(found), strict=True) if found else None


def baseline_solver(kind: str, tell: Callable[[], None] = lambda: None) -> Callable[[], Solver]:
    """A baseline as Inspect's solver; `tell` is called whenever a sample is done."""

    @solver(name=kind)
    def answering() -> Solver:
        async def solve(state: TaskState, generate: Generate) -> TaskState:
            try:
                return _answer(kind, state)
            finally:
                tell()

        return solve

    return answering


# --- scores


@metric
def summary(name: str) -> Metric:
    """The task's own figures; those that are not defined are left out."""

    def compute(scores: list[SampleScore]) -> Value:
        chosen = task(name)
        told = [item.score.metadata or {} for item in scores]
        rows = [row for one in told for row in one.get("rows", ())]
        groups = [str(one.get("group")) for one in told for _ in one.get("rows", ())]
        found = columns(rows, groups)
        values = {metric.name: metric.compute(found) for metric in chosen.metrics} if rows else {}
        return {key: value for key, value in values.items() if value == value}

    return compute


def answers(name: str) -> Scorer:
    """Reads a reply and scores it, both as the task says."""
    chosen = task(name)

    @scorer(metrics=[summary(name)], name="answers")
    def scoring() -> Scorer:
        async def score(state: TaskState, target: Target) -> Score:
            sample = _sample(state)
            answer, outcome = read(chosen, state.output, sample)
            scores = chosen.score(answer, sample)
            is_answer = not isinstance(answer, Unreadable)
            return Score(
                value=dict(scores),
                metadata={
                    "rows": chosen.rows(answer, sample),
                    "group": sample.group,
                    "reward": chosen.reward(scores),
                    "outcome": outcome,
                },
                answer=chosen.reply(answer) if is_answer else None,
                explanation=None if is_answer else answer.why,
            )

        return score

    return scoring()


def read(chosen: AnyTask, output: ModelOutput, sample: AnySample) -> tuple[Any, Outcome]:
    """The answer that a model's output gives, or why it gives none, and what that counts as.

    What the provider calls a refusal is not read. A reply that was cut off may still hold an answer.
    """
    if _is_refused(output):
        return Unreadable("the provider says that the model or its filter refused"), "refused"
    answer = chosen.read(output.completion, sample)
    if not isinstance(answer, Unreadable):
        return answer, "answered"
    if output.choices and output.stop_reason in ("max_tokens", "model_length"):
        return Unreadable(f"cut off at the limit of tokens: {answer.why}"), "truncated"
    return answer, "unreadable"


def _is_refused(output: ModelOutput) -> bool:
    if not output.choices:
        return False
    if output.stop_reason == "content_filter":
        return True
    content = output.message.content
    return not isinstance(content, str) and any(isinstance(part, ContentText) and part.refusal for part in content)


# --- what Inspect finds


def _publish_task(name: str) -> Callable[..., InspectTask]:
    @inspect_task(name=name)
    def published(warehouse: str | None = None, split: str = "test") -> InspectTask:
        return make_task(name, warehouse, split)  # type: ignore[arg-type]

    return published


solvers: dict[str, Callable[[], Solver]] = {kind: baseline_solver(kind) for kind in baselines()}
inspect_tasks: dict[str, Callable[..., Any]] = {name: _publish_task(name) for name in (*tasks(), *variants())}
