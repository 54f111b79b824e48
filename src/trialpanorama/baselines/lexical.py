"""The option worded most like the description: how far a question gives its own answer away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from trialpanorama.baselines import LabelBaseline
from trialpanorama.tasks import AnyLabelTask, AnySample, AnyTask, LabelTask

MOST_SAMPLES = 6_000
"""Training samples that words are weighted by: more change the weights little."""


class Lexical(LabelBaseline):
    """Chooses by cosine similarity of words, weighted by how rare they are in training; it learns nothing else."""

    name: ClassVar[str] = "lexical"
    meaning: ClassVar[str] = "The option worded most like the description (TF-IDF cosine); the first of equals"

    @classmethod
    def answers(cls, task: AnyTask, sample: AnySample) -> bool:
        """Only tasks with options."""
        return isinstance(task, LabelTask) and bool(task.options(sample))

    def learn(self, samples: Sequence[AnySample], task: AnyLabelTask) -> None:
        """Count in how many texts of the training split each word stands."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        self._task = task
        self._words = TfidfVectorizer(sublinear_tf=True, stop_words="english")
        self._words.fit(
            text for sample in samples[:MOST_SAMPLES] for text in (task.text(sample), *task.options(sample).values())
        )

    def answer(self, sample: AnySample) -> str:
        """The option with the greatest similarity."""
        options = self._task.options(sample)
        said, *theirs = self._words.transform([self._task.text(sample), *options.values()])
        alike = {letter: float((said @ own.T).sum()) for letter, own in zip(options, theirs, strict=True)}
        return self._task.reply(self._task.decide(alike, dict.fromkeys(alike, 1 / len(alike))))


BASELINE = Lexical
