"""The option that looks right without the question: how far options give themselves away."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar

from trialpanorama.baselines import LabelBaseline
from trialpanorama.tasks import SEED, AnyLabelTask, AnySample, AnyTask, LabelTask

MOST_SAMPLES = 6_000


class OptionOnly(LabelBaseline):
    """Logistic regression on an option's words, parts of words, length and plainness; it never sees the description.

    Each is taken as it is and against the other options of the sample.
    """

    name: ClassVar[str] = "option_only"
    meaning: ClassVar[str] = (
        "The likeliest option by its words, parts of words, length and plainness alone, logistic regression; it never "
        "sees the description"
    )

    @classmethod
    def answers(cls, task: AnyTask, sample: AnySample) -> bool:
        """Only tasks with options."""
        return isinstance(task, LabelTask) and bool(task.options(sample))

    def learn(self, samples: Sequence[AnySample], task: AnyLabelTask) -> None:
        """Fit on the options of the training split, right or not."""
        from scipy.sparse import vstack
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression

        self._task = task
        samples = samples[:MOST_SAMPLES]
        texts = [text for sample in samples for text in task.options(sample).values()]
        least = 1 if len(samples) < 50 else 3
        self._words = TfidfVectorizer(ngram_range=(1, 2), min_df=least, max_features=50_000, sublinear_tf=True)
        self._parts = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 4), max_features=20_000, sublinear_tf=True)
        self._words.fit(texts)
        self._parts.fit(texts)
        right = [letter == task.label(sample) for sample in samples for letter in task.options(sample)]
        self._regression = LogisticRegression(solver="liblinear", random_state=SEED)
        self._regression.fit(vstack([self._seen(sample) for sample in samples], format="csr"), right)

    def _seen(self, sample: AnySample) -> Any:
        """A row of features for each option."""
        import numpy as np
        from scipy.sparse import csr_matrix, hstack

        options = list(self._task.options(sample).values())
        weighted = self._words.transform(options)
        looks = np.array(
            [
                [
                    np.log1p(len(text)),
                    np.log1p(len(text.split())),
                    len(re.findall(r"\d", text)) / (len(text) or 1),
                    len(re.findall(r"[^\w\s]", text)) / (len(text) or 1),
                    sum(map(len, text.split())) / (len(text.split()) or 1) / 10,
                    # How rare its words are in training.
                    float(row.dot(self._words.idf_)[0]) / (row.sum() or 1) / 10,
                ]
                for text, row in zip(options, weighted, strict=True)
            ]
        )
        return hstack(
            [weighted, self._parts.transform(options), csr_matrix(np.hstack([looks, looks - looks.mean(axis=0)]))],
            format="csr",
        )

    def answer(self, sample: AnySample) -> str:
        """The likeliest option."""
        scores = self._regression.predict_proba(self._seen(sample))[:, 1]
        probabilities = dict(zip(self._task.options(sample), (scores / scores.sum()).tolist(), strict=True))
        return self._task.reply(self._task.decide(probabilities, dict.fromkeys(probabilities, 1 / len(probabilities))))


BASELINE = OptionOnly
