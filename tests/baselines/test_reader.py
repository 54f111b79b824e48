"""The reader of evidence: it computes what is posted, and finds the sentence that answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tests.tasks.test_evidence_summary import HIGHER, LOWER, NONE, _many_papers, _question
from trialpanorama.baselines import baseline
from trialpanorama.baselines.reader import computed, told
from trialpanorama.errors import UserError
from trialpanorama.tasks import AnySample, task
from trialpanorama.tasks.evidence_summary import TASK, Evidence

COUNTS = {
    "measure_type": "NUMBER",
    "unit_of_measure": "participants",
    "values": ("20", "10"),
    "estimate_type": "Risk Ratio (RR)",
    "estimate": 2.0,
    "ci_lower": 1.2,
    "ci_upper": 3.4,
}
NO_INTERVAL = {"ci_lower": None, "ci_upper": None, "ci_percent": None}


@pytest.mark.parametrize(
    "changes",
    [
        HIGHER,
        LOWER,
        NONE,
        COUNTS,
        {**NO_INTERVAL, "p_value": 0.049, "p_value_raw": "0.049"},
        {**NO_INTERVAL, "p_value": 0.05, "p_value_inequality": "<", "p_value_raw": "<0.05"},
        {**NO_INTERVAL, "p_value": 0.3, "p_value_raw": "0.3"},
        {**NO_INTERVAL, "p_value": 0.05, "p_value_inequality": ">", "p_value_raw": "> .05"},
        {"ci_percent": 90.0},
        {"ci_lower": 0.0, "p_value": 0.04, "p_value_raw": "0.04"},
    ],
)
def test_posted_results_are_computed(changes: dict[str, Any]) -> None:
    asked = _question(**changes)
    assert computed(asked.text) == asked.effect


@pytest.mark.parametrize("text", ["", "Fever fell by 3 (1 to 5).", "RESULTS: Fever was lower (p = 0.01).\n 12\n 10"])
def test_what_is_no_table_of_results_is_not_computed(text: str) -> None:
    assert computed(text) is None


def test_the_sentence_with_the_outcome_and_a_comparison_is_taken_and_marked() -> None:
    text = (
        "METHODS: Fever was measured daily.\nRESULTS: Cough did not differ (p = 0.4). "
        "Fever was lower with Fictumab than with placebo (P<0.05)."
    )
    asked = Evidence(text, 'Compared with "placebo", what did "Fictumab" do to the outcome "fever"?', [])
    assert told(asked) == "OUTCOME was lower with ONE than with OTHER p 0 0 orderONEFIRST SMALLP"


def test_what_is_learnt_in_training_answers_the_rest() -> None:
    con = _many_papers(40)
    made = baseline("reader")()
    made.fit(list(TASK.samples(con, "train")), TASK)
    asked = list(_others(con))
    assert len(asked) > 20
    assert all(TASK.score(TASK.read(made.answer(one), one), one)["correct"] for one in asked)


def _others(con: Any) -> Iterator[AnySample]:
    for split in ("validation", "test"):
        yield from TASK.samples(con, split)


def test_it_answers_nothing_else() -> None:
    kind = baseline("reader")
    with pytest.raises(UserError, match="it reads evidence"):
        kind().fit([], task("endpoint_design"))
    sample = next(_others(_many_papers(40)))
    assert kind.answers(TASK, sample)
    other = msgspec.structs.replace(sample, inputs=msgspec.structs.replace(sample.inputs, options=["yes", "no"]))
    assert not kind.answers(TASK, other)
