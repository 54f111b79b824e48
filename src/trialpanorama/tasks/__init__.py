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
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar, get_args

import msgspec

from trialpanorama import identifiers, power
from trialpanorama.errors import UnknownName, UserError
from trialpanorama.warehouse import Warehouse

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    from numpy.typing import NDArray

    from trialpanorama.tasks._contamination import Contamination

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
    """Subject and task version: `NCT90000001@1`, with `#2` for the second of a subject. Never part of a prompt."""
    subject: str
    """The trial (study id), review or paper that it is about. Never part of a prompt."""
    split: Split
    group: str
    """Samples that stand or fall together, as those of trials that share an id, or of one review: never on both sides
    of a split, and drawn together where an interval is computed."""
    date: str
    """When the trial was registered (or else began), the paper published, the review's search closed; ISO 8601."""
    is_fictional: bool = False
    entities: list[str] = []
    """What else it is made of: ids of trials, papers and reviews."""
    snapshot: str = ""
    """Of the warehouse that it was made from."""
    strata: dict[str, str] = {}
    """What figures are broken down by: therapeutic area, phase, year, register ... and how the sample was made."""
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
    """From the columns of rows (one entry a sample, or a decision of one) and their `group`; not a number where it is
    not defined."""
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

    def demonstration(self, sample: Sample[Inputs, Answer]) -> str | None:
        """The reply that a model may learn to imitate; none where there is none worth it."""
        return self.reply(sample.gold)

    @abstractmethod
    def read(self, reply: str, sample: Sample[Inputs, Answer]) -> Answer | Unreadable:
        """The answer that a reply gives. Raises nothing, whatever the reply is."""

    @abstractmethod
    def score(self, answer: Answer | Unreadable, sample: Sample[Inputs, Answer]) -> dict[str, float]:
        """The scores of one answer; the same keys for every sample, among them `correct` and `unreadable` (0 or 1)."""

    def rows(self, answer: Answer | Unreadable, sample: Sample[Inputs, Answer]) -> list[dict[str, float]]:
        """What the metrics are computed over: the scores of one answer, unless an answer holds many decisions."""
        return [self.score(answer, sample)]

    def reward(self, scores: Mapping[str, float]) -> float:
        """What an answer with these scores is worth, from 0 to 1: the reward of reinforcement learning."""
        return scores["correct"]

    def samples_from(
        self, paths: Sequence[Path], split: Split, con: duckdb.DuckDBPyConnection | None = None
    ) -> Iterator[Sample[Inputs, Answer]]:
        """The samples of a split that files give: of our samples (`tasks word`), of labels, or the published benchmark.

        With a warehouse, its trials may say more about them. Raises UserError for a task that reads no such files.
        """
        from trialpanorama.tasks import _published

        for path in paths:
            if path.is_file() and _is_ours(path):
                yield from (sample for sample in map(self.decode, path.open("rb")) if sample.split == split)
            elif self.name not in _published.FOLDERS:
                raise UserError(f"{self.name} reads no label files: it takes its samples from a warehouse alone.")
            else:
                yield from _published.samples(self.name, [path], split)

    # What a language model may put into other words (`_wording`); a task that offers nothing has none of the two.

    rests_on_figures: ClassVar[bool] = False
    """Whether the answer is computed from the numbers of the question, so that none may be lost."""

    def wording(self, sample: Sample[Inputs, Answer]) -> str:
        """The part of the question that may be worded otherwise, its facts unchanged."""
        raise NotImplementedError

    def worded(self, sample: Sample[Inputs, Answer], text: str) -> Sample[Inputs, Answer]:
        """The sample with a text in the place of `wording`."""
        raise NotImplementedError

    # What a baseline may know of a task, so that it can answer any task of its kind.

    @abstractmethod
    def text(self, sample: Sample[Inputs, Answer]) -> str:
        """The description as a model sees it, without the question."""

    def features(self, sample: Sample[Inputs, Answer]) -> Mapping[str, str | float]:
        """Structured facts: words and numbers by name."""
        return {}

    def aggregate(self, rows: Sequence[Mapping[str, float]], groups: Sequence[str] | None = None) -> dict[str, float]:
        """Each metric over the rows of a run's samples; `groups` says to which group each belongs."""
        found = columns(rows, groups)
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


class LabelTask(Task[Inputs, Answer]):
    """A task that asks to choose among labels."""

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


def columns(rows: Sequence[Mapping[str, float]], groups: Sequence[str] | None = None) -> Columns:
    """Rows of samples turned into one array per key, and `group`, the number of each row's group.

    Without `groups` each row is a group of its own.
    """
    import numpy as np

    if not rows:
        return {}
    found = {key: np.array([row[key] for row in rows], dtype=np.float64) for key in rows[0]}
    number = {group: float(place) for place, group in enumerate(dict.fromkeys(groups or ()))}
    found["group"] = np.array([number[group] for group in groups] if groups else range(len(rows)), dtype=np.float64)
    return found


AnyTask = Task[Any, Any]
AnyLabelTask = LabelTask[Any, Any]
AnySample = Sample[Any, Any]


def _modules() -> dict[str, ModuleType]:
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
    return {name: importlib.import_module(f"{__name__}.{name}") for name in names}


@cache
def tasks() -> dict[str, AnyTask]:
    """Every task, by name, in alphabetical order."""
    return {name: module.TASK for name, module in _modules().items()}


@cache
def variants() -> dict[str, AnyTask]:
    """Other ways to ask what a task asks (its file's VARIANTS), by name: run when they are named."""
    return {variant.name: variant for module in _modules().values() for variant in getattr(module, "VARIANTS", ())}


def task(name: str) -> AnyTask:
    """The task or variant of this name; raises UnknownName with the nearest."""
    known = tasks() | variants()
    try:
        return known[name]
    except KeyError:
        raise UnknownName("task", name, known, "trialpanorama tasks list") from None


_warehouses: dict[str, Path] = {}
"""Where the warehouse of each snapshot lies that this process has used; samples do not tell paths."""


def register(warehouse: Warehouse) -> None:
    """Let samples of this warehouse's snapshot find it again."""
    _warehouses[warehouse.snapshot] = warehouse.path


def warehouse_of(snapshot: str) -> Warehouse:
    """The warehouse that samples were made from, for answers that are judged by running them.

    It is one that this process has used, else $TRIALPANORAMA_WAREHOUSE. Raises UserError where neither has that
    snapshot.
    """
    if (path := _warehouses.get(snapshot)) is None:
        found = Warehouse.open(None)
        if found.snapshot != snapshot:
            raise UserError(
                f"The samples were made from snapshot {snapshot}, and {found.path} is {found.snapshot}. Point "
                "$TRIALPANORAMA_WAREHOUSE at the warehouse that they were made from."
            )
        register(found)
        return found
    return Warehouse.open(path)


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
    strata: dict[Split, dict[str, dict[str, int]]]
    """How many samples each stratum has."""
    undated: int = 0
    """Registered trials without any date: they are in no split."""
    held_back: int = 0
    """Trials that make no sample, as a review of a later split includes them."""


def build(warehouse: Warehouse, out: Path | None = None, names: Iterable[str] | None = None) -> dict[str, Card]:
    """Write the samples of tasks (all of them unless named) as OUT/TASK/SPLIT.jsonl with a card.json.

    OUT is the folder `tasks` of the warehouse unless given. OUT/contamination.json says what the splits of all tasks
    there know of one another: ids, near-duplicate texts, ids of later splits in earlier texts.
    """
    out = out or warehouse.path / "tasks"
    cards: dict[str, Card] = {}
    from trialpanorama.tasks._splits import held_back, undated

    register(warehouse)
    con = warehouse.connect()
    try:
        for chosen in [task(name) for name in names] if names is not None else tasks().values():
            card = _empty_card(chosen, warehouse)
            card.undated, card.held_back = undated(con), held_back(con)
            folder = out / chosen.name
            folder.mkdir(parents=True, exist_ok=True)
            # The card goes first and comes back last: samples without a card are never read.
            (folder / "card.json").unlink(missing_ok=True)
            for split in SPLITS:
                left_out: Counter[str] = Counter()
                with (folder / f"{split}.jsonl").open("wb") as file:
                    for sample in _completed(chosen.samples(con, split, left_out), con, warehouse.snapshot):
                        file.write(msgspec.json.encode(sample) + b"\n")
                        card.samples[split] += 1
                        if isinstance(chosen, LabelTask):
                            label = chosen.label(sample)
                            card.labels[split][label] = card.labels[split].get(label, 0) + 1
                        for stratum, value in sample.strata.items():
                            counted = card.strata[split].setdefault(stratum, {})
                            counted[value] = counted.get(value, 0) + 1
                        if sample.date:
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
    _report_contamination(out, warehouse.snapshot)
    return cards


def _report_contamination(folder: Path, snapshot: str) -> None:
    """Compare the splits of all tasks of a snapshot that lie in a folder; writes contamination.json."""
    from trialpanorama.tasks._contamination import contamination

    there = {}
    for path in sorted(folder.glob("*/card.json")):
        card = msgspec.json.decode(path.read_bytes(), type=Card)
        if card.snapshot == snapshot and card.task in tasks() | variants():
            there[card.task] = task(card.task)
    found = contamination(folder, there)
    (folder / "contamination.json").write_bytes(msgspec.json.format(msgspec.json.encode(found)))


def read_contamination(folder: Path) -> Contamination:
    """What the last build of tasks into a folder found its splits to know of one another."""
    from trialpanorama.tasks._contamination import Contamination

    return msgspec.json.decode((folder / "contamination.json").read_bytes(), type=Contamination)


def _is_ours(path: Path) -> bool:
    """Whether a file holds samples as this package writes them."""
    with path.open("rb") as file:
        try:
            first = msgspec.json.decode(file.readline())
        except msgspec.MsgspecError:
            return False
    return isinstance(first, dict) and {"split", "inputs", "gold"} <= first.keys()


def load(warehouse: Warehouse, chosen: AnyTask, split: Split) -> list[AnySample]:
    """The samples of a split: as built if they are of this snapshot and this code, else made now."""
    register(warehouse)
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
        return list(_completed(chosen.samples(con, split), con, warehouse.snapshot))
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
        strata={split: {} for split in SPLITS},
    )


def _completed(samples: Iterable[AnySample], con: duckdb.DuckDBPyConnection, snapshot: str) -> Iterator[AnySample]:
    """Samples with their snapshot and strata."""
    from trialpanorama.tasks._strata import strata

    found = strata(con)
    for sample in samples:
        central = {"year": sample.date[:4]} if sample.date else {}
        yield msgspec.structs.replace(
            sample, snapshot=snapshot, strata=found.get(sample.subject, {}) | central | sample.strata
        )


@cache
def _code() -> str:
    digest = hashlib.sha256()
    folders = [Path(os.fspath(__path__[0])), Path(os.fspath(power.__path__[0]))]
    for path in [*(path for folder in folders for path in sorted(folder.glob("*.py"))), Path(identifiers.__file__)]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
