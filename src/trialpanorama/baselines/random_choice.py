"""An answer drawn at random: the floor that needs no training split."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import ClassVar

from trialpanorama.baselines import Baseline
from trialpanorama.errors import UserError
from trialpanorama.tasks import SEED, AnySample, AnyTask, LabelTask
from trialpanorama.tasks._choice import MANY_LETTERS, ChosenSeveral, SeveralChoicesTask


class RandomChoice(Baseline):
    """Every label is as likely; where any number of options may be right, each is chosen by the toss of a coin."""

    name: ClassVar[str] = "random_choice"
    meaning: ClassVar[str] = "An answer at random, each as likely; the same for a sample each time"

    @classmethod
    def answers(cls, task: AnyTask, sample: AnySample) -> bool:
        """Tasks with labels or options."""
        return isinstance(task, LabelTask | SeveralChoicesTask)

    def fit(self, samples: Sequence[AnySample], task: AnyTask) -> None:
        """Nothing to learn; raises UserError for a task without labels and options."""
        if not isinstance(task, LabelTask | SeveralChoicesTask):
            raise UserError(f"baseline/{self.name} cannot answer {task.name}: it chooses among labels or options.")
        self._task: AnyTask = task

    def answer(self, sample: AnySample) -> str:
        """The answer that the sample's id draws."""
        task, draw = self._task, random.Random(f"{SEED}:{sample.id}")
        if isinstance(task, LabelTask):
            labels = task.labels(sample)
            chosen = draw.choice(labels)
            return task.reply(
                task.decide({label: float(label == chosen) for label in labels}, dict.fromkeys(labels, 1 / len(labels)))
            )
        offered = MANY_LETTERS[: len(sample.inputs.options)]
        return task.reply(ChosenSeveral([letter for letter in offered if draw.random() < 0.5]))


BASELINE = RandomChoice
