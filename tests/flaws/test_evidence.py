"""The flaws of the published benchmark that concern questions on evidence."""

from __future__ import annotations

import msgspec
import pytest

from tests.tasks.test_evidence_summary import sample
from trialpanorama.tasks._choice import Chosen
from trialpanorama.tasks.evidence_summary import TASK


def _flawed_letter(reply: str) -> str:
    """The published rule: the value of `answer_choice` in lower case, and nothing else."""
    try:
        return str(msgspec.json.decode(reply)["answer_choice"]).lower()
    except (msgspec.DecodeError, KeyError, TypeError):
        return ""


@pytest.mark.parametrize("reply", ['{"answer_choice": "B."}', '{"answer_choice": "(B)"}', '{"answer_choice": ["B"]}'])
def test_flaw_08_a_letter_with_a_mark_is_the_letter(reply: str) -> None:
    gold = sample("B").gold.answer
    assert _flawed_letter(reply) != gold.lower()
    assert TASK.score(TASK.read(reply, sample("B")), sample("B"))["correct"] == 1


def test_flaw_08_macro_f1_stands_beside_accuracy_and_shows_a_class_that_is_lost() -> None:
    golds = ["A"] * 4 + ["B"] * 4 + ["C"]
    answers = [Chosen("A")] * 4 + [Chosen("B")] * 5
    scores = [TASK.score(answer, sample(gold)) for answer, gold in zip(answers, golds, strict=True)]
    flawed = sum(score["correct"] for score in scores) / len(scores)
    assert flawed > 0.88, "accuracy alone hides that no C is ever found"
    found = TASK.aggregate(scores)
    assert found["accuracy"] == flawed
    assert found["macro_f1"] < 0.65
