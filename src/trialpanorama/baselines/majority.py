"""The most frequent answer of the training split, whatever is asked: the floor under every other figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from trialpanorama.baselines import LabelBaseline, frequencies
from trialpanorama.tasks import AnyLabelTask, AnySample


class Majority(LabelBaseline):
    """Answers every sample alike, with the label (or position) that is most frequent in training."""

    name: ClassVar[str] = "majority"
    meaning: ClassVar[str] = "The most frequent answer (or position) of the training split, for every sample"

    def learn(self, samples: Sequence[AnySample], task: AnyLabelTask) -> None:
        """Count the labels."""
        shares = frequencies(samples, task)
        self._reply = task.reply(task.decide(shares, shares))

    def answer(self, sample: AnySample) -> str:
        """The same reply for every sample."""
        return self._reply


BASELINE = Majority
