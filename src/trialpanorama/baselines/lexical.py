"""The option that shares most words with the description: how far a question gives its own answer away."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from trialpanorama.baselines import LabelBaseline
from trialpanorama.tasks import AnyLabelTask, AnySample, AnyTask, LabelTask


class Lexical(LabelBaseline):
    """Chooses by the share of an option's words that stand in the description; it learns nothing."""

    name: ClassVar[str] = "lexical"
    meaning: ClassVar[str] = "The option with the greatest share of its words in the description; the first of equals"

    @classmethod
    def answers(cls, task: AnyTask, sample: AnySample) -> bool:
        """Only tasks with options."""
        return isinstance(task, LabelTask) and bool(task.options(sample))

    def learn(self, samples: Sequence[AnySample], task: AnyLabelTask) -> None:
        """Nothing to learn."""
        self._task = task

    def answer(self, sample: AnySample) -> str:
        """The option with the greatest overlap."""
        said = _words(self._task.text(sample))
        overlap = {
            letter: len(words & said) / (len(words) or 1)
            for letter, words in ((letter, _words(text)) for letter, text in self._task.options(sample).items())
        }
        return self._task.reply(self._task.decide(overlap, dict.fromkeys(overlap, 1 / len(overlap))))


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[^\W_]{3,}", text.lower()))


BASELINE = Lexical
