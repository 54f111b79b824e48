"""How alike a description and each of its options are: columns for models that choose among options."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trialpanorama.tasks import SEED, AnyLabelTask, AnySample


class Likeness:
    """Words, parts of words and topics that a description shares with its options, learnt from training texts."""

    def __init__(self, samples: Sequence[AnySample], task: AnyLabelTask) -> None:
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfVectorizer

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

    def __call__(self, sample: AnySample) -> Any:
        """A row for each option of a sample, in their order."""
        return self._rows([sample])

    def _rows(self, samples: Sequence[AnySample]) -> Any:
        """The rows of all options of all samples; their texts are taken apart at once."""
        import numpy as np

        options = [list(self._task.options(sample).values()) for sample in samples]
        texts = [text for sample, own in zip(samples, options, strict=True) for text in (self._task.text(sample), *own)]
        weighted, parts = self._words.transform(texts), self._parts.transform(texts)
        topics = self._topics.transform(weighted) if self._topics is not None else None
        if topics is not None:
            topics /= np.maximum(np.linalg.norm(topics, axis=1, keepdims=True), 1e-9)
        rows, asked = [], 0
        for own in options:
            first, last = asked + 1, asked + 1 + len(own)
            columns = [
                (weighted[first:last] @ weighted[asked : asked + 1].T).toarray().ravel(),
                (parts[first:last] @ parts[asked : asked + 1].T).toarray().ravel(),
                np.log1p([len(option) for option in own]) / 5,
            ]
            if topics is not None:
                columns.append(topics[first:last] @ topics[asked])
            found = np.column_stack(columns)
            # What counts is how an option stands among its rivals.
            rows.append(np.hstack([found, found - found.mean(axis=0)]))
            asked = last
        return np.concatenate(rows)

    def pairs(self, samples: Sequence[AnySample]) -> tuple[Any, list[bool]]:
        """The rows of all options of all samples, and which of them are the right ones."""
        right = [letter == self._task.label(sample) for sample in samples for letter in self._task.options(sample)]
        return self._rows(samples), right

    def shares(self, sample: AnySample, scores: Any) -> dict[str, float]:
        """Log-odds of the options as probabilities that add to one."""
        import numpy as np

        weights = np.exp(scores - scores.max())
        return dict(zip(self._task.options(sample), (weights / weights.sum()).tolist(), strict=True))
