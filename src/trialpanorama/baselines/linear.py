"""Words and design facts, weighted by logistic regression: what can be had without a language model.

Where labels are the same for all samples, the description's TF-IDF and the structured features are classified. Where
they stand for options, each pair of description and option is scored on how alike the two are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from trialpanorama.baselines import LabelBaseline, frequencies
from trialpanorama.tasks import SEED, AnyLabelTask, AnySample

MOST_SAMPLES, MOST_PAIRED_SAMPLES = 30_000, 6_000
"""More training samples than these change the figures little and take long; the first ones are a random sample."""


class Linear(LabelBaseline):
    """TF-IDF and structured features under logistic regression."""

    name: ClassVar[str] = "linear"
    meaning: ClassVar[str] = (
        "TF-IDF of the description and design facts, logistic regression; for options, how alike they are"
    )

    def learn(self, samples: Sequence[AnySample], task: AnyLabelTask) -> None:
        """Fit on the training split."""
        self._task = task
        has_options = bool(task.options(samples[0]))
        samples = samples[: MOST_PAIRED_SAMPLES if has_options else MOST_SAMPLES]
        self._priors = frequencies(samples, task)
        self._model: _Classifier | _Matcher = (_Matcher if has_options else _Classifier)(samples, task)

    def answer(self, sample: AnySample) -> str:
        """The reply that the fitted probabilities stand for."""
        return self._task.reply(self._task.decide(self._model.probabilities(sample), self._priors))


class _Classifier:
    """Probabilities of labels that are the same for all samples."""

    def __init__(self, samples: Sequence[AnySample], task: AnyLabelTask) -> None:
        from scipy.sparse import hstack
        from sklearn.feature_extraction import DictVectorizer
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.multiclass import OneVsRestClassifier

        self._task, self._hstack = task, hstack
        least = 1 if len(samples) < 50 else 3
        self._words = TfidfVectorizer(ngram_range=(1, 2), min_df=least, max_features=60_000, sublinear_tf=True)
        self._facts = DictVectorizer()
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
            self._regression = OneVsRestClassifier(LogisticRegression(solver="liblinear", random_state=SEED))
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
        import numpy as np
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression

        self._task = task
        texts = [text for sample in samples for text in (task.text(sample), *task.options(sample).values())]
        self._words = TfidfVectorizer(stop_words="english", sublinear_tf=True, min_df=1 if len(samples) < 50 else 2)
        self._parts = TfidfVectorizer(analyzer="char_wb", ngram_range=(4, 5), max_features=40_000, sublinear_tf=True)
        weighted = self._words.fit_transform(texts)
        self._parts.fit(texts)
        # Topics let an endpoint match a description with which it shares no word.
        self._topics = (
            TruncatedSVD(min(100, min(weighted.shape) - 1), random_state=SEED) if min(weighted.shape) > 2 else None
        )
        if self._topics is not None:
            self._topics.fit(weighted)
        rows, right = [], []
        for sample in samples:
            rows.append(self._alike(sample))
            right += [letter == task.label(sample) for letter in task.options(sample)]
        self._regression = LogisticRegression(random_state=SEED)
        self._regression.fit(np.concatenate(rows), right)

    def _alike(self, sample: AnySample) -> Any:
        import numpy as np

        options = list(self._task.options(sample).values())
        texts = [self._task.text(sample), *options]
        weighted, parts = self._words.transform(texts), self._parts.transform(texts)
        columns = [
            (weighted[1:] @ weighted[:1].T).toarray().ravel(),
            (parts[1:] @ parts[:1].T).toarray().ravel(),
            np.log1p([len(option) for option in options]) / 5,
        ]
        if self._topics is not None:
            topics = self._topics.transform(weighted)
            topics /= np.maximum(np.linalg.norm(topics, axis=1, keepdims=True), 1e-9)
            columns.append(topics[1:] @ topics[0])
        found = np.column_stack(columns)
        # What counts is how an option stands among its rivals.
        return np.hstack([found, found - found.mean(axis=0)])

    def probabilities(self, sample: AnySample) -> dict[str, float]:
        import numpy as np

        scores = self._regression.decision_function(self._alike(sample))
        weights = np.exp(scores - scores.max())
        return dict(zip(self._task.options(sample), (weights / weights.sum()).tolist(), strict=True))


BASELINE = Linear
