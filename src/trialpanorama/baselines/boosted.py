"""Design facts and topics of the description under gradient-boosted trees: facts that count only together.

Where labels are the same for all samples, the trees see the structured features (a word as whether it is that word,
and as how frequent it is in training) and the description's topics. Where labels stand for options, they see how alike
description and option are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

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
    rounds: ClassVar[int] = 120
    """Trees for each label."""
    leaves: ClassVar[int] = 8
    """Leaves of a tree at most: how many facts can count together."""
    topics: ClassVar[int] = 40
    """Topics that stand for the description."""

    def learn(self, samples: Sequence[AnySample], task: AnyLabelTask) -> None:
        """Fit on the training split."""
        self._task = task
        has_options = bool(task.options(samples[0]))
        samples = samples[: MOST_PAIRED_SAMPLES if has_options else MOST_SAMPLES]
        self._priors = frequencies(samples, task)
        self._model: _Classifier | _Matcher = (
            _Matcher(samples, task, self._trees()) if has_options else _Classifier(samples, task, self)
        )

    def answer(self, sample: AnySample) -> str:
        """The reply that the fitted probabilities stand for."""
        return self._task.reply(self._task.decide(self._model.probabilities(sample), self._priors))

    def _trees(self) -> HistGradientBoostingClassifier:
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
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction import DictVectorizer
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.multiclass import OneVsRestClassifier
        from sklearn.pipeline import make_pipeline

        self._task = task
        labels = [task.label(sample) for sample in samples]
        self._only = labels[0] if len(set(labels)) == 1 else None
        if self._only is not None:
            return
        facts = [task.features(sample) for sample in samples]
        self._seen = Counter((name, value) for fact in facts for name, value in fact.items() if isinstance(value, str))
        least = min(_LEAST_SEEN, 1 + len(samples) // 20)
        self._facts = DictVectorizer(sparse=False)
        table = self._facts.fit_transform([self._counted(fact) for fact in facts])
        self._kept = (table != 0).sum(axis=0) >= least
        texts = TfidfVectorizer(min_df=2, max_features=20_000, sublinear_tf=True)
        weighted = texts.fit_transform([task.text(sample) for sample in samples])
        topics = TruncatedSVD(max(1, min(settings.topics, *(side - 1 for side in weighted.shape))), random_state=SEED)
        topics.fit(weighted)
        self._topics = make_pipeline(texts, topics)
        self._trees = OneVsRestClassifier(settings._trees())
        self._trees.fit(self._table(samples), labels)

    def _counted(self, facts: Mapping[str, str | float]) -> dict[str, str | float]:
        """The facts, and how frequent each that is a word was in training."""
        import math

        counts = {
            f"frequency of {name}": math.log1p(self._seen[name, value])
            for name, value in facts.items()
            if isinstance(value, str)
        }
        return dict(facts) | counts

    def _table(self, samples: Sequence[AnySample]) -> Any:
        import numpy as np

        facts = self._facts.transform([self._counted(self._task.features(sample)) for sample in samples])
        return np.hstack(
            [facts[:, self._kept], self._topics.transform([self._task.text(sample) for sample in samples])]
        )

    def probabilities(self, sample: AnySample) -> dict[str, float]:
        if self._only is not None:
            return {self._only: 1.0}
        found = self._trees.predict_proba(self._table([sample]))[0]
        return {str(label): float(p) for label, p in zip(self._trees.classes_, found, strict=True)}


class _Matcher:
    """Probabilities of options, by how alike each is to the description."""

    def __init__(self, samples: Sequence[AnySample], task: AnyLabelTask, trees: HistGradientBoostingClassifier) -> None:
        self._alike = Likeness(samples, task)
        self._trees = trees
        self._trees.fit(*self._alike.pairs(samples))

    def probabilities(self, sample: AnySample) -> dict[str, float]:
        return self._alike.shares(sample, self._trees.decision_function(self._alike(sample)))


BASELINE = Boosted
