"""Words and design facts, weighted by logistic regression: what can be had without a language model.

Where labels are the same for all samples, the description's TF-IDF and the structured features are classified. Where
they stand for options, each pair of description and option is scored on how alike the two are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from trialpanorama.baselines import LabelBaseline, frequencies
from trialpanorama.baselines._likeness import Likeness
from trialpanorama.tasks import SEED, AnyLabelTask, AnySample

MOST_SAMPLES, MOST_PAIRED_SAMPLES = 30_000, 6_000
"""More training samples than these change the figures little and take long; the first ones are a random sample."""


class Linear(LabelBaseline):
    """TF-IDF and structured features under logistic regression."""

    name: ClassVar[str] = "linear"
    meaning: ClassVar[str] = (
        "TF-IDF of the description and design facts, logistic regression; for options, how alike they are"
    )
    longest: ClassVar[int] = 1
    """Words in a row that are one feature, at most."""
    freedom: ClassVar[float] = 3.0
    """Inverse of the weight that holds the coefficients down."""

    def learn(self, samples: Sequence[AnySample], task: AnyLabelTask) -> None:
        """Fit on the training split."""
        self._task = task
        has_options = bool(task.options(samples[0]))
        samples = samples[: MOST_PAIRED_SAMPLES if has_options else MOST_SAMPLES]
        self._priors = frequencies(samples, task)
        self._model: _Classifier | _Matcher = (
            _Matcher(samples, task) if has_options else _Classifier(samples, task, self.longest, self.freedom)
        )

    def answer(self, sample: AnySample) -> str:
        """The reply that the fitted probabilities stand for."""
        return self._task.reply(self._task.decide(self._model.probabilities(sample), self._priors))


class _Classifier:
    """Probabilities of labels that are the same for all samples."""

    def __init__(self, samples: Sequence[AnySample], task: AnyLabelTask, longest: int, freedom: float) -> None:
        from scipy.sparse import hstack
        from sklearn.feature_extraction import DictVectorizer
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.multiclass import OneVsRestClassifier
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import MaxAbsScaler

        self._task, self._hstack = task, hstack
        least = 1 if len(samples) < 50 else 3
        self._words = TfidfVectorizer(ngram_range=(1, longest), min_df=least, max_features=60_000, sublinear_tf=True)
        self._facts = make_pipeline(DictVectorizer(), MaxAbsScaler())
        labels = [task.label(sample) for sample in samples]
        self._only = labels[0] if len(set(labels)) == 1 else None
        if self._only is None:
            matrix = hstack(
                [
                    self._words.fit_transform([task.text(sample) for sample in samples]),
                    self._facts.fit_transform([dict(task.features(sample)) for sample in samples]),
                ],
                format="csr",
            )
            # One label against the rest: several times quicker on sparse text than all labels at once.
            self._regression = OneVsRestClassifier(LogisticRegression(C=freedom, solver="liblinear", random_state=SEED))
            self._regression.fit(matrix, labels)

    def probabilities(self, sample: AnySample) -> dict[str, float]:
        if self._only is not None:
            return {self._only: 1.0}
        row = self._hstack(
            [
                self._words.transform([self._task.text(sample)]),
                self._facts.transform([dict(self._task.features(sample))]),
            ],
            format="csr",
        )
        found = self._regression.predict_proba(row)[0]
        return {str(label): float(p) for label, p in zip(self._regression.classes_, found, strict=True)}


class _Matcher:
    """Probabilities of options, by how alike each is to the description."""

    def __init__(self, samples: Sequence[AnySample], task: AnyLabelTask) -> None:
        from sklearn.linear_model import LogisticRegression

        self._alike = Likeness(samples, task)
        self._regression = LogisticRegression(random_state=SEED)
        self._regression.fit(*self._alike.pairs(samples))

    def probabilities(self, sample: AnySample) -> dict[str, float]:
        return self._alike.shares(sample, self._regression.decision_function(self._alike(sample)))


BASELINE = Linear
