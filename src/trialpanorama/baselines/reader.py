"""Evidence read by rules: posted results are computed; of an abstract the one sentence that answers is classified.

Posted results say it all: the p-value, or else the interval, tells whether there is a difference, the values which
way it goes. Of an abstract the sentence is taken that has most of the outcome's words and speaks of a comparison; a
logistic regression on its words, fitted in training, tells the effect. Intervention, comparator and outcome are
marked in it, so that what is learnt is the language of results and not the names of drugs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from trialpanorama.baselines import Baseline
from trialpanorama.errors import UserError
from trialpanorama.tasks import AnySample, AnyTask
from trialpanorama.tasks._choice import LETTERS, Chosen
from trialpanorama.tasks._replies import words
from trialpanorama.tasks.evidence_summary import (
    ALPHA,
    ANSWERS,
    EFFECT_OF,
    EFFECTS,
    Effect,
    Evidence,
    EvidenceSummary,
    no_effect,
)

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

_QUOTED = re.compile(r'"([^"]*)"')
_SENTENCE = re.compile(r"(?<=[.;])\s+|\n")
_COMPARISON = re.compile(r"(?i)\bp\s*[<=>≤≥]|signific|differ|higher|lower|increas|decreas|reduc")
_P = re.compile(r"(?i)\bp(?:-value)?\s*[:=]?\s*([<>≤≥]?)\s*(0?\.\d+|[01](?:\.0+)?)")
_FEW = 50
"""Abstracts below which a word that stands in one of them only is learnt too."""
_POSTED_P = re.compile(r"(?m)^p-value: \D*?([<>≤≥]?)=? ?(\d*\.?\d+)")
_EMPTY = frozenset(["the", "of", "in", "and", "a", "to", "with", "at", "for", "by", "on", "or", "was", "were", "group"])
_VALUE = re.compile(r"(?m)^\s(-?[\d.,]+)%?(?: \([^\n]*\))?(?:, ([\d.]+) analysed)?$")
_INTERVAL = re.compile(r"(?m)^(.+): \S+ \(95 % confidence interval (\S+) to (\S+)\)$")
_OF_PARTICIPANTS = re.compile(
    r"(?m)^Measured: (?:number|count of participants)\b.*, in (?:participants|patients|subjects)$"
)


def computed(text: str) -> Effect | None:
    """The effect that posted results tell, as evidence_summary shows them; none where they are not such results."""
    values = [
        float(value.replace(",", "")) / (float(analysed) if analysed and _OF_PARTICIPANTS.search(text) else 1)
        for value, analysed in _VALUE.findall(text)
        if re.fullmatch(r"-?\d[\d,]*\.?\d*|-?\.\d+", value)
    ]
    interval, p = _INTERVAL.search(text), _POSTED_P.search(text)
    nothing = no_effect(interval.group(1)) if interval else None
    if len(values) != 2:
        return None
    if p:
        is_significant = _is_small(*p.groups())
    elif interval and nothing is not None:
        is_significant = not float(interval.group(2)) <= nothing <= float(interval.group(3))
    else:
        return None
    return "NO_DIFFERENCE" if not is_significant else "INCREASED" if values[0] > values[1] else "DECREASED"


def _is_small(sign: str, value: str) -> bool:
    return sign not in (">", "≥") and (float(value) < ALPHA or (sign == "<" and float(value) == ALPHA))


def told(evidence: Evidence) -> str:
    """The words of the sentence that answers, with what is compared and measured marked."""
    asked = [frozenset(words(text).split()) - _EMPTY for text in _QUOTED.findall(evidence.question)]
    comparator, intervention, outcome = (asked + [frozenset[str]()] * 3)[:3]

    def relevance(sentence: str) -> float:
        said = frozenset(words(sentence).split())
        shares = [len(one & said) / (len(one) + 1) for one in (outcome, intervention, comparator)]
        return 2 * shares[0] + (shares[1] + shares[2]) / 2 + bool(_COMPARISON.search(sentence))

    sentence = max(_SENTENCE.split(evidence.text), key=relevance)
    marks = dict.fromkeys(outcome, "OUTCOME")
    marks |= dict.fromkeys(intervention - comparator, "ONE") | dict.fromkeys(comparator - intervention, "OTHER")
    found = [marks.get(word, "0" if word.isdigit() else word) for word in words(sentence).split()]
    order = "".join(mark for mark in ("ONE", "OTHER") if mark in found)
    if len(order) > len("OTHER"):
        order = "ONEFIRST" if found.index("ONE") < found.index("OTHER") else "OTHERFIRST"
    tests = ["SMALLP" if _is_small(*one) else "LARGEP" for one in _P.findall(sentence)]
    return " ".join([*found, f"order{order}", *tests])


class Reader(Baseline):
    """Rules for posted results, one classified sentence for abstracts."""

    name: ClassVar[str] = "reader"
    meaning: ClassVar[str] = (
        "Posted results computed; of an abstract the sentence that answers, classified by its words (evidence_summary)"
    )

    @classmethod
    def answers(cls, task: AnyTask, sample: AnySample) -> bool:
        """Only evidence_summary, where its evidence and its three answers are ours."""
        return isinstance(task, EvidenceSummary) and set(sample.inputs.options) == set(EFFECT_OF)

    def fit(self, samples: Sequence[AnySample], task: AnyTask) -> None:
        """Learn the language of results from training; raises UserError for another task."""
        if not isinstance(task, EvidenceSummary):
            raise UserError(f"baseline/{self.name} cannot answer {task.name}: it reads evidence.")
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        self._task = task
        abstracts = [sample for sample in samples if computed(sample.inputs.text) is None]
        effects = [EFFECT_OF[sample.inputs.options[LETTERS.index(sample.gold.answer)]] for sample in abstracts]
        self._model: Pipeline | None = None
        if len(set(effects)) > 1:
            self._model = make_pipeline(
                TfidfVectorizer(
                    sublinear_tf=True, lowercase=False, token_pattern=r"\S+", min_df=1 if len(effects) < _FEW else 2
                ),
                LogisticRegression(max_iter=2_000),
            )
            self._model.fit([told(sample.inputs) for sample in abstracts], effects)

    def answer(self, sample: AnySample) -> str:
        """The letter of the effect that is computed, else the likeliest."""
        effect: Any = computed(sample.inputs.text)
        if effect is None:
            effect = self._model.predict([told(sample.inputs)])[0] if self._model else EFFECTS[-1]
        return self._task.reply(Chosen(LETTERS[sample.inputs.options.index(ANSWERS[effect])]))


BASELINE = Reader
