"""A forecast out of words, letters and design facts: two unlike models averaged, the latest trials weighing most.

Logistic regression reads the description's words and word pairs, and the letters of its beginning, where titles,
conditions and drugs stand: a drug's code or ending says what kind it is. Extremely randomised trees (Geurts, Ernst and
Wehenkel 2006) read the most frequent of them and the design facts. Their log-probabilities are averaged, and sharpened
or dimmed by one temperature (Guo et al. 2017), fitted on forecasts for groups of trials that were left out.
No language model, no network.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from trialpanorama.baselines import LabelBaseline, frequencies
from trialpanorama.tasks import SEED, AnyLabelTask, AnySample, AnyTask, LabelTask

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

MOST_SAMPLES = 6_000
"""More training samples than these take long; the first ones are a random sample."""
_WORDS, _LETTERS, _BEGINNING = 60_000, 30_000, 400
"""Words and word pairs, pieces of two to five letters, and the characters of the beginning that these are read in."""
_FREQUENT_WORDS, _FREQUENT_LETTERS = 3_000, 1_000
"""Those of them that the forest reads."""
_LEAST_TO_CALIBRATE = 60
"""Groups below which a temperature would be noise."""
_LEAST_PROBABILITY = 1e-4


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a validation may choose."""

    half_life_years: float | None = 5.0
    """A trial that many years older than the latest weighs half; none: all weigh alike."""
    strength: float = 1.0
    """Inverse of the regression's regularisation; 0: no regression."""
    trees: int = 200
    """Trees of the forest; 0: no forest."""
    least_leaf: int = 3
    share_of_features: float = 0.05
    """Of all features, those that a split of a tree may choose from."""
    facts: bool = True
    """Whether the forest reads the design facts."""
    folds: int = 3
    """Of groups of trials, to fit the temperature on; 0: forecasts are left as they come."""


class Forecaster(LabelBaseline):
    """Words, letters and facts under logistic regression and a forest, averaged, recency-weighted and calibrated."""

    name: ClassVar[str] = "forecaster"
    meaning: ClassVar[str] = (
        "Words, letters and design facts: logistic regression and a forest of random trees averaged, the latest trials "
        "weighing most; calibrated on groups left out"
    )

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()

    @classmethod
    def answers(cls, task: AnyTask, sample: AnySample) -> bool:
        """Only tasks whose labels are the same for all samples."""
        return isinstance(task, LabelTask) and not task.options(sample)

    def learn(self, samples: Sequence[AnySample], task: AnyLabelTask) -> None:
        """Fit both models, and the temperature."""
        import numpy as np

        samples = samples[:MOST_SAMPLES]
        self._task, self._temperature = task, 1.0
        self._priors = frequencies(samples, task)
        truth = [task.label(sample) for sample in samples]
        self._labels = sorted(set(truth))
        if len(self._labels) == 1:
            return
        self._reader = Reader(samples, task)
        said, facts = self._reader.transform(samples)
        weights = weights_by_age(samples, self._settings.half_life_years)
        classes = np.searchsorted(self._labels, truth)
        self._models = self._fitted(said, facts, classes, weights)
        groups = sorted({sample.group for sample in samples})
        folds = self._settings.folds
        if folds and len(groups) >= _LEAST_TO_CALIBRATE:
            fold = dict(zip(np.random.default_rng(SEED).permutation(groups), range(len(groups)), strict=True))
            place = np.array([fold[sample.group] % folds for sample in samples])
            logs = np.empty((len(samples), len(self._labels)))
            for left_out in range(folds):
                rest, asked = place != left_out, place == left_out
                models = self._fitted(said[rest], facts[rest], classes[rest], weights[rest])
                logs[asked] = blended([model.probabilities(said[asked], facts[asked]) for model in models])
            self._temperature = temperature_of(logs, classes)

    def _fitted(self, said: Any, facts: Matrix, classes: Any, weights: Matrix) -> list[Regressions | Forest]:
        models: list[Regressions | Forest] = []
        if self._settings.strength:
            models.append(Regressions(self._settings, len(self._labels)))
        if self._settings.trees:
            models.append(Forest(self._settings, len(self._labels), self._reader.frequent))
        for model in models:
            model.fit(said, facts, classes, weights)
        return models

    def probabilities(self, samples: Sequence[AnySample]) -> list[dict[str, float]]:
        """How likely each label is, for each sample; they add up to 1."""
        import numpy as np

        if len(self._labels) == 1:
            return [{self._labels[0]: 1.0} for _ in samples]
        said, facts = self._reader.transform(samples)
        logs = blended([model.probabilities(said, facts) for model in self._models])
        chances = np.exp(normalised(logs / self._temperature))
        return [dict(zip(self._labels, row.tolist(), strict=True)) for row in chances]

    def answer(self, sample: AnySample) -> str:
        """The reply that the calibrated probabilities stand for."""
        return self._task.reply(self._task.decide(self.probabilities([sample])[0], self._priors))


class Reader:
    """Samples as numbers: weighted words and letters, sparse, and facts."""

    def __init__(self, samples: Sequence[AnySample], task: AnyLabelTask) -> None:
        import numpy as np
        from sklearn.feature_extraction import DictVectorizer
        from sklearn.feature_extraction.text import TfidfVectorizer

        self._task = task
        least = 1 if len(samples) < 50 else 3
        self.words = TfidfVectorizer(ngram_range=(1, 2), min_df=least, max_features=_WORDS, sublinear_tf=True)
        self.letters = TfidfVectorizer(
            analyzer="char_wb", ngram_range=(2, 5), min_df=least, max_features=_LETTERS, sublinear_tf=True
        )
        self.facts = DictVectorizer(sparse=False)
        texts = [task.text(sample) for sample in samples]
        self.facts.fit([dict(task.features(sample)) for sample in samples])
        # The inverse frequency of documents is least for what stands in most of them.
        parts = (
            (self.words.fit(texts), _FREQUENT_WORDS),
            (self.letters.fit(map(_beginning, texts)), _FREQUENT_LETTERS),
        )
        frequent = [np.argsort(part.idf_, kind="stable")[:most] for part, most in parts]
        self.frequent = np.concatenate([frequent[0], frequent[1] + len(self.words.idf_)])

    def transform(self, samples: Sequence[AnySample]) -> tuple[Any, Matrix]:
        from scipy.sparse import hstack

        texts = [self._task.text(sample) for sample in samples]
        # Half the weight for letters: they repeat the words.
        letters = self.letters.transform(map(_beginning, texts)) * 0.5
        said = hstack([self.words.transform(texts), letters], format="csr")
        return said, self.facts.transform([dict(self._task.features(sample)) for sample in samples])


def _beginning(text: str) -> str:
    return text[:_BEGINNING]


class Regressions:
    """Each label against the rest: several times quicker on sparse text than all labels at once."""

    def __init__(self, settings: Settings, labels: int) -> None:
        self._strength, self._labels = settings.strength, labels

    def fit(self, said: Any, facts: Matrix, classes: Any, weights: Matrix) -> None:
        from sklearn.linear_model import LogisticRegression

        self.models: list[Any] = []
        for label in range(1 if self._labels == 2 else 0, self._labels):
            is_label = classes == label
            if is_label.all() or not is_label.any():
                self.models.append(float(is_label.all()))
                continue
            model = LogisticRegression(C=self._strength, solver="liblinear", random_state=SEED)
            self.models.append(model.fit(said, is_label, sample_weight=weights))

    def probabilities(self, said: Any, facts: Matrix) -> Matrix:
        import numpy as np

        each = [
            np.full(said.shape[0], model) if isinstance(model, float) else model.predict_proba(said)[:, 1]
            for model in self.models
        ]
        found: Matrix = np.column_stack([1 - each[0], *each] if self._labels == 2 else each)
        return found


class Forest:
    """Extremely randomised trees on frequent words, letters and facts."""

    def __init__(self, settings: Settings, labels: int, frequent: Any) -> None:
        from sklearn.ensemble import ExtraTreesClassifier

        self._labels, self._frequent, self._with_facts = labels, frequent, settings.facts
        self.trees = ExtraTreesClassifier(
            settings.trees,
            min_samples_leaf=settings.least_leaf,
            max_features=settings.share_of_features,
            random_state=SEED,
            n_jobs=1,
        )

    def fit(self, said: Any, facts: Matrix, classes: Any, weights: Matrix) -> None:
        self.trees.fit(self._columns(said, facts), classes, sample_weight=weights)

    def probabilities(self, said: Any, facts: Matrix) -> Matrix:
        import numpy as np

        found = np.zeros((said.shape[0], self._labels))
        found[:, self.trees.classes_] = self.trees.predict_proba(self._columns(said, facts))
        return found

    def _columns(self, said: Any, facts: Matrix) -> Any:
        import numpy as np

        words = said[:, self._frequent].toarray().astype(np.float32)
        return np.hstack([words, facts.astype(np.float32)]) if self._with_facts else words


def weights_by_age(samples: Sequence[AnySample], half_life_years: float | None) -> Matrix:
    """Weights by age, with mean 1; a date says at least its year."""
    import numpy as np

    years = np.array([int(s.date[:4]) + (int(s.date[5:7] or 1) - 1) / 12 for s in samples])
    weights = np.ones(len(samples)) if half_life_years is None else 0.5 ** ((years.max() - years) / half_life_years)
    return np.asarray(weights / weights.mean(), dtype=np.float64)


def blended(found: Sequence[Matrix]) -> Matrix:
    """Log-probabilities averaged over models."""
    import numpy as np

    logs = [np.log(np.maximum(chances, _LEAST_PROBABILITY)) for chances in found]
    return normalised(sum(logs[1:], logs[0]) / len(logs))


def normalised(logs: Matrix) -> Matrix:
    """Rows of log-probabilities that each sum to one."""
    from scipy.special import logsumexp

    found: Matrix = logs - logsumexp(logs, axis=1, keepdims=True)
    return found


def temperature_of(logs: Matrix, classes: Any) -> float:
    """What log-probabilities must be divided by for the truth to be likeliest."""
    import numpy as np
    from scipy.optimize import minimize_scalar

    def loss(logarithm: float) -> float:
        scaled = normalised(logs / np.exp(logarithm))
        return -float(scaled[np.arange(len(classes)), classes].mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-2.0, 2.0), method="bounded").x))


BASELINE = Forecaster
