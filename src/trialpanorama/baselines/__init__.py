"""Answers without a language model: one file per kind, found by walking this folder.

A baseline learns from the training split and replies in the task's own form, so that its replies pass the same reader
and scores as a model's. It is the floor of every results table.
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cache
from typing import ClassVar

from trialpanorama.errors import UnknownName, UserError
from trialpanorama.tasks import AnyLabelTask, AnySample, AnyTask, LabelTask


class Baseline(ABC):
    """What a file in this folder defines as its `BASELINE` (the class; each run makes its own)."""

    name: ClassVar[str]
    """The file's name in this folder; `baseline/NAME` in commands and tables."""
    meaning: ClassVar[str]

    @classmethod
    def answers(cls, task: AnyTask, sample: AnySample) -> bool:
        """Whether this kind can answer the task, judged by one of its samples."""
        return True

    @abstractmethod
    def fit(self, samples: Sequence[AnySample], task: AnyTask) -> None:
        """Learn from the training split; the same samples give the same baseline."""

    @abstractmethod
    def answer(self, sample: AnySample) -> str:
        """The reply to a sample, in the form that the task's prompt asks for."""


class LabelBaseline(Baseline):
    """A baseline that chooses among the labels of a task."""

    @classmethod
    def answers(cls, task: AnyTask, sample: AnySample) -> bool:
        """Only tasks with labels."""
        return isinstance(task, LabelTask)

    def fit(self, samples: Sequence[AnySample], task: AnyTask) -> None:
        """Learn from the training split; raises UserError for a task without labels."""
        if not isinstance(task, LabelTask):
            raise UserError(f"baseline/{self.name} cannot answer {task.name}: it chooses among labels.")
        self.learn(samples, task)

    @abstractmethod
    def learn(self, samples: Sequence[AnySample], task: AnyLabelTask) -> None:
        """Learn from the training split; the same samples give the same baseline."""


@cache
def baselines() -> dict[str, type[Baseline]]:
    """Every baseline, by name, in alphabetical order."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
    return {name: importlib.import_module(f"{__name__}.{name}").BASELINE for name in names}


def baseline(name: str) -> type[Baseline]:
    """The baseline of this name; raises UnknownName with the nearest."""
    try:
        return baselines()[name]
    except KeyError:
        raise UnknownName("baseline", name, baselines()) from None


def frequencies(samples: Sequence[AnySample], task: AnyLabelTask) -> dict[str, float]:
    """How often each label is the right one among samples, as shares; all labels that can occur are there."""
    counts = dict.fromkeys(task.labels(samples[0]), 0) if samples else {}
    for sample in samples:
        counts[task.label(sample)] += 1
    return {label: count / len(samples) for label, count in counts.items()}
