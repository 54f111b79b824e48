"""Finds and ranks studies for a review without any label of it, from its question and what other reviews included.

The first papers that the snapshot's index finds for the question tell which drugs it is about: those that their titles
name far more often than other titles do. For a search these drugs, and words of trials, are added to the question. For
screening they are put in the place of their names ("[drug of the topic] versus [drug of the topic] in [other drug]
..."), so that what other reviews included, in title and abstract, says something of this one.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, cast

from trialpanorama.baselines import Baseline
from trialpanorama.errors import UserError
from trialpanorama.tasks import SEED, AnySample, AnyTask, Sample, warehouse_of
from trialpanorama.tasks._reviews import Question, index_of
from trialpanorama.tasks.study_screening import Batch, Candidate, Decision, Decisions, StudyScreening
from trialpanorama.tasks.study_search import Query, StudySearch

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FIRST = 300
"""Papers found for a question, whose titles are looked at."""
_LEAST = 3
"""Titles among them that must name a drug."""
_TOPIC_DRUGS, _SEARCHED_DRUGS = 12, 5
_TRIAL_WORDS = "randomized versus double-blind"
_MOST_TITLES = 20_000
"""Titles of a snapshot, drawn at random, that tell how often each drug is named anyway."""
_MOST_CANDIDATES = 30_000
"""More training candidates change little and take long."""
_TITLE_WEIGHT = 0.5
_FOLDS = 5
_LONGEST_NAME = 4
"""Words of a drug's name that are looked up."""


class Retriever(Baseline):
    """Searches with the question, its drugs and words of trials; ranks candidates by what other reviews included."""

    name: ClassVar[str] = "retriever"
    _reply: Callable[[AnySample], str]
    meaning: ClassVar[str] = (
        "The question with drugs that the snapshot's papers name beside it; for screening, logistic regression on what "
        "other reviews included, drugs of the topic put in place of their names"
    )

    @classmethod
    def answers(cls, task: AnyTask, sample: AnySample) -> bool:
        """Only the tasks on reviews."""
        return isinstance(task, StudySearch | StudyScreening)

    def fit(self, samples: Sequence[AnySample], task: AnyTask) -> None:
        """Learn from the training split; raises UserError for a task that is not on reviews."""
        if isinstance(task, StudySearch):
            self._reply = lambda sample: task.reply(search_for(sample))
        elif isinstance(task, StudyScreening):
            screener = Screener(samples)
            self._reply = lambda sample: task.reply(screener.decide(sample))
        else:
            raise UserError(f"baseline/{self.name} cannot answer {task.name}: it searches and screens for reviews.")

    def answer(self, sample: AnySample) -> str:
        """A search, or verdicts with probabilities."""
        return self._reply(sample)


def search_for(sample: Sample[Question, Query]) -> Query:
    """The question, the drugs of its topic and words of trials, to be ranked by."""
    drugs = topic_drugs(sample.snapshot, sample.inputs, ())[:_SEARCHED_DRUGS]
    names = " ".join(_drug_names().get(drug, "") for drug in drugs)
    asked = " ".join(filter(None, (sample.inputs.title, sample.inputs.objectives)))
    return Query(" ".join(f"{asked} {names} {_TRIAL_WORDS}".split()), "plain")


class Screener:
    """Tells from what other reviews included how likely a candidate is to be included."""

    def __init__(self, samples: Sequence[Sample[Batch, Decisions]]) -> None:
        import numpy as np
        from scipy.sparse import hstack
        from sklearn.feature_extraction.text import TfidfVectorizer

        rows = [
            (sample.group, *said, decision.decision == "include")
            for sample in samples
            for said, decision in zip(rendered(sample), sample.gold.decisions, strict=True)
        ][:_MOST_CANDIDATES]
        names, titles, bodies, included = zip(*rows, strict=True)
        groups, truth = np.array(names), np.array(included, dtype=bool)
        self._prior = min(max(float(truth.mean()), 1e-6), 1 - 1e-6)
        self._only = len(set(included)) == 1
        self._least_odds = 0.0
        if self._only:
            return
        least = 5 if len(rows) >= 500 else 1
        self._words = TfidfVectorizer(sublinear_tf=True, min_df=least, ngram_range=(1, 2), token_pattern=r"\S+")
        self._titles = TfidfVectorizer(sublinear_tf=True, min_df=least, ngram_range=(1, 3), token_pattern=r"\S+")
        self._hstack = hstack
        matrix = self._joined(self._words.fit_transform(bodies), self._titles.fit_transform(titles))
        self._regression = _fitted(matrix, truth, groups)
        self._least_odds = _least_odds(matrix, truth, groups)

    def _joined(self, words: Any, titles: Any) -> Any:
        return self._hstack([words, _TITLE_WEIGHT * titles], format="csr")

    def log_odds(self, sample: Sample[Batch, Decisions]) -> NDArray[Any]:
        """How likely each candidate is to be included; from 0 on it is included."""
        import numpy as np

        titles, bodies = zip(*rendered(sample), strict=True)
        if self._only:
            return np.zeros(len(titles))
        matrix = self._joined(self._words.transform(bodies), self._titles.transform(titles))
        return cast("NDArray[Any]", self._regression.decision_function(matrix) - self._least_odds)

    def decide(self, sample: Sample[Batch, Decisions]) -> Decisions:
        """Include what is likelier than a verdict's break-even; probabilities are at the prevalence of training."""
        prior = math.log(self._prior / (1 - self._prior))
        return Decisions(
            [
                Decision(number, "include" if odds >= 0 else "exclude", round(1 / (1 + math.exp(-(odds + prior))), 6))
                for number, odds in enumerate(self.log_odds(sample).tolist(), 1)
            ]
        )


def _fitted(matrix: Any, truth: NDArray[Any], groups: NDArray[Any]) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=500, random_state=SEED).fit(matrix, truth, _weights(groups, truth))


def _least_odds(matrix: Any, truth: NDArray[Any], groups: NDArray[Any]) -> float:
    """The log-odds from which on to include, so that verdicts on reviews that took no part are right most often.

    Included and excluded papers count alike, and so do reviews.
    """
    import numpy as np
    from sklearn.model_selection import GroupKFold

    folds = min(_FOLDS, len(np.unique(groups)))
    if folds < 2:
        return 0.0
    odds, is_told = np.zeros(len(truth)), np.zeros(len(truth), dtype=bool)
    for rest, held_out in GroupKFold(folds).split(matrix, groups=groups):
        if len(np.unique(truth[rest])) == 2:
            odds[held_out] = _fitted(matrix[rest], truth[rest], groups[rest]).decision_function(matrix[held_out])
            is_told[held_out] = True
    odds, truth, groups = odds[is_told], truth[is_told], groups[is_told]
    if len(np.unique(truth)) < 2:
        return 0.0
    weights = _weights(groups, truth)
    order = np.argsort(odds, kind="stable")
    # All are included at first; each step upwards excludes one more.
    gained = np.cumsum(np.where(truth[order], -weights[order], weights[order]))
    best = int(np.argmax(gained))
    return float(odds[order][min(best + 1, len(order) - 1)] + odds[order][best]) / 2 if gained[best] > 0 else 0.0


def _weights(groups: NDArray[Any], truth: NDArray[Any]) -> NDArray[Any]:
    """Each review counts alike, and in it what was included as much as what was not."""
    import numpy as np

    _, place = np.unique(groups, return_inverse=True)
    cell = 2 * place + truth
    counts = np.bincount(cell)
    return cast("NDArray[Any]", len(truth) / (np.count_nonzero(counts) * counts[cell]))


# --- drugs of a topic

_WORD = re.compile(r"[a-z0-9]+")
_TOPIC, _OTHER, _FIGURE = "[topic]", "[drug]", "[figure]"


def rendered(sample: Sample[Batch, Decisions]) -> list[tuple[str, str]]:
    """Of each candidate its title, and title and abstract, with drugs of the topic and others in place of names."""
    question, candidates = sample.inputs.question, sample.inputs.candidates
    drugs = frozenset(topic_drugs(sample.snapshot, question, tuple(one.title for one in candidates)))
    return [_rendered(candidate, drugs) for candidate in candidates]


@lru_cache(maxsize=16_384)
def _rendered(candidate: Candidate, drugs: frozenset[str]) -> tuple[str, str]:
    title, abstract = (
        " ".join(
            (_TOPIC if drug in drugs else _OTHER) if drug else _FIGURE if word.isdigit() else word
            for word, drug in _said(text)
            if drug or word.isdigit() or len(word) > 1
        )
        for text in (candidate.title, candidate.abstract or "")
    )
    return f"[title] {title} [end]", f"{title} {abstract}"


def topic_drugs(snapshot: str, question: Question, titles: Sequence[str]) -> list[str]:
    """The drugs (concept ids) that a question is about, the likeliest first.

    By the titles of what the snapshot's index finds for it; where no warehouse of the snapshot is known, by `titles`.
    """
    try:
        return _by_index(snapshot, question)
    except UserError:
        return _lifted(titles, Counter(), len(titles))


@lru_cache(maxsize=4_096)
def _by_index(snapshot: str, question: Question) -> list[str]:
    return _lifted(_found(snapshot, question), *_usual(snapshot))


def _lifted(titles: Sequence[str], usual: Counter[str], total: int) -> list[str]:
    """The drugs that these titles name more often than titles do usually."""
    named = Counter(drug for title in titles for drug in _drugs(title))
    lift = {
        drug: math.log((count / len(titles)) / ((usual[drug] + 0.5) / (total + 1))) * math.sqrt(count)
        for drug, count in named.items()
        if count >= _LEAST
    }
    best = sorted((drug for drug in lift if lift[drug] > 0), key=lambda drug: (-lift[drug], drug))
    return best[:_TOPIC_DRUGS]


def _found(snapshot: str, question: Question) -> list[str]:
    from trialpanorama.search import parse
    from trialpanorama.search.index import Limits

    limits = Limits(before=question.before, only={"kind": "paper"})
    asked = " ".join(filter(None, (question.title, question.objectives)))
    return [hit.title for hit in index_of(snapshot).search(parse(asked, "plain"), limits, most=_FIRST).hits]


@lru_cache(maxsize=4)
def _usual(snapshot: str) -> tuple[Counter[str], int]:
    """How many titles of a random part of a snapshot's papers name each drug, and how many titles that are."""
    with warehouse_of(snapshot).connect() as con:
        rows = con.execute(
            f"SELECT title FROM papers WHERE title IS NOT NULL ORDER BY md5('{SEED}:' || paper_id) LIMIT {_MOST_TITLES}"
        ).fetchall()
    return Counter(drug for (title,) in rows for drug in _drugs(title)), len(rows)


def _drugs(text: str) -> set[str]:
    return {drug for _, drug in _said(text) if drug}


def _said(text: str) -> Iterator[tuple[str, str | None]]:
    """The words of a text, those of a drug's name as one, with the drug."""
    words, names, longest = _WORD.findall(text.lower()), _drugs_by_name(), _longest_names()
    at = 0
    while at < len(words):
        word, drug, end = words[at], None, at + 1
        for behind in range(min(len(words), at + longest.get(word, 0)), at, -1):
            if drug := names.get(" ".join(words[at:behind])):
                end = behind
                break
        yield word, drug
        at = end


@cache
def _drugs_by_name() -> dict[str, str]:
    """Drugs by their names, in small letters: those of the terminologies that are installed, else of the lexicon."""
    from trialpanorama import ontologies

    found: dict[str, str] = {}
    for concept in ontologies.load().all("drug"):
        for name in concept.names:
            words = " ".join(_WORD.findall(name.text.lower()))
            if name.kind in ("preferred", "exact", "brand") and len(words) >= 5 and not words.isdigit():
                found.setdefault(words, concept.id)
    return found


@cache
def _longest_names() -> dict[str, int]:
    """How many words the longest name has that begins with a word."""
    found: dict[str, int] = {}
    for name in _drugs_by_name():
        words = name.split()
        if len(words) <= _LONGEST_NAME:
            found[words[0]] = max(len(words), found.get(words[0], 0))
    return found


@cache
def _drug_names() -> dict[str, str]:
    from trialpanorama import ontologies

    return {concept.id: concept.name for concept in ontologies.load().all("drug")}


BASELINE = Retriever
