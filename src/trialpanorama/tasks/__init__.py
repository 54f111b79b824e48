"""The questions: one file per task, found by walking this folder.

A task is the single owner of its samples, its prompt, its reader, its scores and (through `score`) its reward.
Evaluation, baselines, training data and the web page use this one definition.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import pkgutil
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar, get_args

import msgspec

from trialpanorama import identifiers
from trialpanorama.errors import UnknownName, UserError
from trialpanorama.warehouse import Warehouse

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    from numpy.typing import NDArray

    Columns = Mapping[str, NDArray[np.float64]]

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
Inputs = TypeVar("Inputs", bound=msgspec.Struct)
Answer = TypeVar("Answer", bound=msgspec.Struct)

NOT_NEEDED = "more than the task asks for"
"""Why a trial that could make a sample, or was not even read, makes none."""

SEED = 20261121
"""Orders samples and mixes options; the same snapshot and seed give the same samples."""


class Sample(msgspec.Struct, Generic[Inputs, Answer], kw_only=True, frozen=True):
    """One question of a task: what may be shown, and the answer that must not be."""

    id: str
    """Study id and task version: `NCT90000001@1`. Never part of a prompt."""
    study_id: str
    split: Split
    group: str
    """Trials that share an id or a text; a group is never on both sides of a split."""
    date: str
    """When the trial was registered (or else began), ISO 8601."""
    is_fictional: bool = False
    inputs: Inputs
    gold: Answer


class Unreadable(msgspec.Struct, frozen=True):
    """A reply that is not an answer; it counts as wrong, and is counted apart."""

    why: str


class Metric(msgspec.Struct, frozen=True):
    """A figure over all samples of a run; its meaning and direction are written here and nowhere else."""

    name: str
    title: str
    direction: Literal["higher", "lower", "one"]
    """Whether more is better, less is better, or 1 is best."""
    meaning: str
    compute: Callable[[Columns], float]
    """From the columns of scores, one entry a sample; not a number where it is not defined."""
    floor: float | None = None
    """What answering without looking gives, where that is known."""

    @property
    def arrow(self) -> str:
        """The direction as a reader sees it in a table's header."""
        return {"higher": "↑", "lower": "↓", "one": "→1"}[self.direction]


class Task(ABC, Generic[Inputs, Answer]):
    """What a file in this folder defines as its `TASK`."""

    name: ClassVar[str]
    """The file's name in this folder; the name in commands and tables."""
    version: ClassVar[int]
    """Raised whenever samples, prompt, reader or scores change: figures compare within a version only."""
    title: ClassVar[str]
    meaning: ClassVar[str]
    metrics: ClassVar[tuple[Metric, ...]]
    """The first is the headline."""
    most_samples: ClassVar[Mapping[Split, int]]
    """How many samples a split has at most: the first of its trials, in their shuffled order."""
    inputs: type[Inputs]
    answer: type[Answer]

    @abstractmethod
    def samples(
        self, con: duckdb.DuckDBPyConnection, split: Split, left_out: Counter[str] | None = None
    ) -> Iterator[Sample[Inputs, Answer]]:
        """The samples of a split, in a fixed shuffled order, so that the first n of them are a random sample.

        `left_out` counts the trials that make no sample, by reason.
        """

    @abstractmethod
    def prompt(self, sample: Sample[Inputs, Answer]) -> str:
        """What a model is asked: never the gold answer, never an identifier of the trial."""

    @abstractmethod
    def reply(self, answer: Answer) -> str:
        """An answer in the form that the prompt asks for; `read` understands it."""

    @abstractmethod
    def read(self, reply: str, sample: Sample[Inputs, Answer]) -> Answer | Unreadable:
        """The answer that a reply gives. Raises nothing, whatever the reply is."""

    @abstractmethod
    def score(self, answer: Answer | Unreadable, sample: Sample[Inputs, Answer]) -> dict[str, float]:
        """The scores of one answer; the same keys for every sample, among them `correct` and `unreadable` (0 or 1)."""

    # What a baseline may know of a task, so that it can answer any task of its kind.

    @abstractmethod
    def text(self, sample: Sample[Inputs, Answer]) -> str:
        """The description of the trial as a model sees it, without the question."""

    @abstractmethod
    def labels(self, sample: Sample[Inputs, Answer]) -> Sequence[str]:
        """The answers among which the sample asks to choose."""

    @abstractmethod
    def label(self, sample: Sample[Inputs, Answer]) -> str:
        """The right one of `labels`."""

    @abstractmethod
    def decide(self, probabilities: Mapping[str, float], priors: Mapping[str, float]) -> Answer:
        """The answer that a probability for each label stands for, given how frequent each label is in training."""

    def options(self, sample: Sample[Inputs, Answer]) -> Mapping[str, str]:
        """The text of each label, where labels stand for options of the sample; else nothing."""
        return {}

    def features(self, sample: Sample[Inputs, Answer]) -> Mapping[str, str | float]:
        """Structured facts about the trial: words and numbers by name."""
        return {}

    def aggregate(self, scores: Sequence[Mapping[str, float]]) -> dict[str, float]:
        """Each metric over the scores of a run's samples."""
        found = columns(scores)
        return {metric.name: metric.compute(found) for metric in self.metrics}

    def metric(self, name: str) -> Metric:
        """The metric of this name; raises UnknownName with the nearest."""
        for metric in self.metrics:
            if metric.name == name:
                return metric
        raise UnknownName(f"metric of {self.name}", name, [m.name for m in self.metrics])

    def decode(self, line: bytes | str) -> Sample[Inputs, Answer]:
        """A sample from its JSON."""
        return msgspec.json.decode(line, type=Sample[self.inputs, self.answer])  # type: ignore[name-defined]


def columns(scores: Sequence[Mapping[str, float]]) -> Columns:
    """Scores of samples turned into one array per key."""
    import numpy as np

    return {key: np.array([score[key] for score in scores], dtype=np.float64) for key in (scores[0] if scores else ())}


AnyTask = Task[Any, Any]
AnySample = Sample[Any, Any]


@cache
def tasks() -> dict[str, AnyTask]:
    """Every task, by name, in alphabetical order."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
    return {name: importlib.import_module(f"{__name__}.{name}").TASK for name in names}


def task(name: str) -> AnyTask:
    """The task of this name; raises UnknownName with the nearest."""
    try:
        return tasks()[name]
    except KeyError:
        raise UnknownName("task", name, tasks(), "trialpanorama tasks list") from None


# --- samples on disk


class Card(msgspec.Struct, kw_only=True):
    """What a folder of samples was made of, and how much is in it."""

    task: str
    version: int
    title: str
    meaning: str
    snapshot: str
    """Of the warehouse they were made from."""
    is_fictional: bool
    seed: int
    code: str
    """Fingerprint of the code that made them."""
    samples: dict[Split, int]
    first_date: dict[Split, str]
    last_date: dict[Split, str]
    labels: dict[Split, dict[str, int]]
    """How often each answer is the right one."""
    left_out: dict[Split, dict[str, int]]
    """Trials that make no sample, by reason."""
    undated: int = 0
    """Registered trials without any date: they are in no split."""


def build(warehouse: Warehouse, out: Path | None = None, names: Iterable[str] | None = None) -> dict[str, Card]:
    """Write the samples of tasks (all of them unless named) as OUT/TASK/SPLIT.jsonl with a card.json.

    OUT is the folder `tasks` of the warehouse unless given.
    """
    out = out or warehouse.path / "tasks"
    cards: dict[str, Card] = {}
    con = warehouse.connect()
    try:
        for chosen in [task(name) for name in names] if names is not None else tasks().values():
            card = _empty_card(chosen, warehouse)
            card.undated = _undated(con)
            folder = out / chosen.name
            folder.mkdir(parents=True, exist_ok=True)
            # The card goes first and comes back last: samples without a card are never read.
            (folder / "card.json").unlink(missing_ok=True)
            for split in SPLITS:
                left_out: Counter[str] = Counter()
                with (folder / f"{split}.jsonl").open("wb") as file:
                    for sample in chosen.samples(con, split, left_out):
                        file.write(msgspec.json.encode(sample) + b"\n")
                        label = chosen.label(sample)
                        card.samples[split] += 1
                        card.labels[split][label] = card.labels[split].get(label, 0) + 1
                        card.first_date[split] = min(card.first_date.get(split, sample.date), sample.date)
                        card.last_date[split] = max(card.last_date.get(split, sample.date), sample.date)
                card.left_out[split] = dict(sorted(left_out.items()))
                card.labels[split] = dict(sorted(card.labels[split].items()))
            partial = folder / ".card.json"
            partial.write_bytes(msgspec.json.format(msgspec.json.encode(card)))
            partial.replace(folder / "card.json")
            cards[chosen.name] = card
    finally:
        con.close()
    return cards


def load(warehouse: Warehouse, chosen: AnyTask, split: Split) -> list[AnySample]:
    """The samples of a split: as built if they are of this snapshot and this code, else made now."""
    folder = warehouse.path / "tasks" / chosen.name
    try:
        card = msgspec.json.decode((folder / "card.json").read_bytes(), type=Card)
        fresh = (card.snapshot, card.version, card.seed, card.code) == (
            warehouse.snapshot,
            chosen.version,
            SEED,
            _code(),
        )
    except (FileNotFoundError, msgspec.MsgspecError):
        fresh = False
    if fresh:
        with (folder / f"{split}.jsonl").open("rb") as file:
            return [chosen.decode(line) for line in file]
    con = warehouse.connect()
    try:
        return list(chosen.samples(con, split))
    finally:
        con.close()


def require(samples: Sequence[AnySample], chosen: AnyTask, split: Split, warehouse: Warehouse) -> None:
    """Raise UserError where a split has no sample: what to add to the warehouse."""
    if not samples:
        raise UserError(
            f"{warehouse.path} holds no {split} sample for {chosen.name} ({chosen.title.lower()}). "
            "Build it from more trials (trialpanorama build INPUT...), or see why they were left out: "
            "trialpanorama tasks build"
        )


def _empty_card(chosen: AnyTask, warehouse: Warehouse) -> Card:
    return Card(
        task=chosen.name,
        version=chosen.version,
        title=chosen.title,
        meaning=chosen.meaning,
        snapshot=warehouse.snapshot,
        is_fictional=warehouse.manifest.is_fictional,
        seed=SEED,
        code=_code(),
        samples=dict.fromkeys(SPLITS, 0),
        first_date={},
        last_date={},
        labels={split: {} for split in SPLITS},
        left_out={split: {} for split in SPLITS},
    )


def _undated(con: duckdb.DuckDBPyConnection) -> int:
    from trialpanorama.tasks._trials import count

    found = con.execute("SELECT count(*) FROM studies WHERE kind = 'registration'").fetchone()
    return (int(found[0]) if found else 0) - sum(count(con, split) for split in SPLITS)


@cache
def _code() -> str:
    digest = hashlib.sha256()
    for path in [*sorted(Path(os.fspath(__path__[0])).glob("*.py")), Path(identifiers.__file__)]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
