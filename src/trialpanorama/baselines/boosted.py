"""Design facts and topics of the description under gradient-boosted trees: facts that count only together.

Where labels are the same for all samples, the trees see the structured features and the description's topics. Where
labels stand for options, they see how alike description and option are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from trialpanorama.baselines import LabelBaseline, frequencies
from trialpanorama.baselines._likeness import Likeness
from trialpanorama.tasks import SEED, AnyLabelTask, AnySample

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

MOST_SAMPLES, MOST_PAIRED_SAMPLES = 30_000, 6_000
"""More training samples than these change the figures little and take long; the first ones are a random sample."""
_LEAST_SEEN = 15
"""Samples that must show a fact before the trees may ask for it."""


class Boosted(LabelBaseline):
    """Gradient-boosted trees on facts and topics."""

    name: ClassVar[str] = "boosted"
    meaning: ClassVar[str] = (
        "Design facts and topics of the description, gradient-boosted trees; for options, how alike they are"
    )
    rounds: ClassVar[int] = 60
    """Trees, one after the other."""
    leaves: ClassVar[int] = 4
    """Leaves of a tree at most: how many facts can count together."""
    topics: ClassVar[int] = 10
    """Topics that stand for the description."""

    def learn(self, samples: Sequence[AnySample], task: AnyLabelTask) -> None:
        """Fit on the training split."""
        self._task = task
        has_options = bool(task.options(samples[0]))
        samples = samples[: MOST_PAIRED_SAMPLES if has_options else MOST_SAMPLES]
        self._priors = frequencies(samples, task)
        self._model: _Classifier | _Matcher = (
            _Matcher(samples, task, self.trees()) if has_options else _Classifier(samples, task, self)
        )

    def answer(self, sample: AnySample) -> str:
        """The reply that the fitted probabilities stand for."""
        return self._task.reply(self._task.decide(self._model.probabilities(sample), self._priors))

    def trees(self) -> HistGradientBoostingClassifier:
        """Trees that are not fitted yet."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        return HistGradientBoostingClassifier(
            max_iter=self.rounds,
            max_leaf_nodes=self.leaves,
            learning_rate=0.06,
            l2_regularization=5.0,
            max_bins=63,
            early_stopping=False,
            random_state=SEED,
        )


class _Classifier:
    """Probabilities of labels that are the same for all samples."""

    def __init__(self, samples: Sequence[AnySample], task: AnyLabelTask, settings: Boosted) -> None:
        import numpy as np
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction import DictVectorizer
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.multiclass import OneVsRestClassifier
        from sklearn.pipeline import make_pipeline

        self._task = task
        labels = [task.label(sample) for sample in samples]
        self._first = Counter(labels).most_common(1)[0][0]
        self._is_only = len(set(labels)) == 1
        if self._is_only:
            return
        self._facts = DictVectorizer(sparse=False)
        table = self._facts.fit_transform([dict(task.features(sample)) for sample in samples])
        self._kept = (table != 0).sum(axis=0) >= min(_LEAST_SEEN, 1 + len(samples) // 20)
        texts = TfidfVectorizer(min_df=2, max_features=20_000, sublinear_tf=True)
        weighted = texts.fit_transform([task.text(sample) for sample in samples])
        topics = TruncatedSVD(max(1, min(settings.topics, *(side - 1 for side in weighted.shape))), random_state=SEED)
        table = np.hstack([table[:, self._kept], topics.fit_transform(weighted)])
        self._topics = make_pipeline(texts, topics)
        # The most frequent label is told from all others by as many samples as there are; told in competition with
        # many rare ones it is told worse.
        is_other = np.array([label != self._first for label in labels])
        self._trees = settings.trees().fit(table, is_other)
        others = [label for label in labels if label != self._first]
        self._other = others[0] if len(set(others)) == 1 else None
        if self._other is None:
            self._among = OneVsRestClassifier(settings.trees()).fit(table[is_other], others)

    def probabilities(self, sample: AnySample) -> dict[str, float]:
        import numpy as np

        if self._is_only:
            return {self._first: 1.0}
        facts = self._facts.transform([dict(self._task.features(sample))])[:, self._kept]
        row = np.hstack([facts, self._topics.transform([self._task.text(sample)])])
        other = float(self._trees.predict_proba(row)[0, 1])
        if self._other is not None:
            return {self._first: 1 - other, self._other: other}
        among = zip(self._among.classes_, self._among.predict_proba(row)[0], strict=True)
        return {self._first: 1 - other} | {str(label): other * float(share) for label, share in among}


class _Matcher:
    """Probabilities of options, by how alike each is to the description."""

    def __init__(self, samples: Sequence[AnySample], task: AnyLabelTask, trees: HistGradientBoostingClassifier) -> None:
        self._alike = Likeness(samples, task)
        self._trees = trees
        self._trees.fit(*self._alike.pairs(samples))

    def probabilities(self, sample: AnySample) -> dict[str, float]:
        return self._alike.shares(sample, self._trees.decision_function(self._alike(sample)))


BASELINE = Boosted
