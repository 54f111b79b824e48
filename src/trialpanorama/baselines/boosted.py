"""Design facts and a judgement of the words under gradient-boosted trees: facts that count only together.

Where labels are the same for all samples, the trees see the structured features and, as one number, what a linear
model makes of the description's words. Where labels stand for options, they see how alike description and option are.
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
_PARTS = 5
"""Parts of the training samples, each judged by its words after learning from the others."""


class Boosted(LabelBaseline):
    """Gradient-boosted trees on facts and the words' judgement."""

    name: ClassVar[str] = "boosted"
    meaning: ClassVar[str] = (
        "Design facts and what a linear model makes of the words, gradient-boosted trees; for options, how alike they "
        "are"
    )
    rounds: ClassVar[int] = 60
    """Trees, one after the other."""
    leaves: ClassVar[int] = 4
    """Leaves of a tree at most: how many facts can count together."""

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
        from sklearn.feature_extraction import DictVectorizer
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import StratifiedKFold, cross_val_predict

        self._task = task
        labels = [task.label(sample) for sample in samples]
        self._first = Counter(labels).most_common(1)[0][0]
        self._is_only = len(set(labels)) == 1
        if self._is_only:
            return
        # The most frequent label is told from all others first: in competition with many rare ones it is told worse.
        is_other = np.array([label != self._first for label in labels])
        self._facts = DictVectorizer(sparse=False)
        facts = self._facts.fit_transform([dict(task.features(sample)) for sample in samples])
        self._kept = (facts != 0).sum(axis=0) >= min(_LEAST_SEEN, 1 + len(samples) // 20)
        self._words = TfidfVectorizer(min_df=1 if len(samples) < 50 else 3, max_features=60_000, sublinear_tf=True)
        weighted = self._words.fit_transform([task.text(sample) for sample in samples])
        self._judge = LogisticRegression(C=3.0, solver="liblinear", random_state=SEED)
        # A judgement of words it was fitted on would be believed too much: each sample's is by a model without it.
        parts = min(_PARTS, int(is_other.sum()), int((~is_other).sum()))
        judged = np.zeros(len(samples))
        if parts > 1:
            folds = StratifiedKFold(parts, shuffle=True, random_state=SEED)
            judged = cross_val_predict(self._judge, weighted, is_other, cv=folds, method="decision_function")
        self._judge.fit(weighted, is_other)
        table = np.column_stack([facts[:, self._kept], judged])
        self._trees = settings.trees().fit(table, is_other)
        others = [label for label in labels if label != self._first]
        self._other = others[0] if len(set(others)) == 1 else None
        if self._other is None:
            self._among = settings.trees().fit(table[is_other], others)

    def probabilities(self, sample: AnySample) -> dict[str, float]:
        import numpy as np

        if self._is_only:
            return {self._first: 1.0}
        facts = self._facts.transform([dict(self._task.features(sample))])[:, self._kept]
        words = self._words.transform([self._task.text(sample)])
        row = np.column_stack([facts, self._judge.decision_function(words)])
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
