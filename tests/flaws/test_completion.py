"""The flaws of the published benchmark that concern whether a trial completes: its reader, its figures, its prompt."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable

import pytest

from tests.handmade import HandTrial, connection
from tests.tasks.test_trial_completion import COMPLETE, STOPPED, sample
from trialpanorama import identifiers
from trialpanorama.tasks import SPLITS, Unreadable
from trialpanorama.tasks.trial_completion import REASONS, TASK, Forecast

SAID_COMPLETE = '{"outcome": "complete", "probability": 0.9, "reason": null}'
SAID_STOPPED = '{"outcome": "stopped", "probability": 0.2, "reason": "safety"}'


def _flawed_outcome(reply: str) -> str | None:
    """The published reader: JSON, else a search of the text that looks for "complete" first."""
    try:
        said = json.loads(reply)
        said["termination_reason"].lower()
        return str(said["outcome"])
    except json.JSONDecodeError:
        lowered = reply.lower()
        return "complete" if "complet" in lowered else "terminate" if "terminat" in lowered else None


def _flawed_accuracy(replies: list[tuple[str, str]]) -> float:
    """The published figure: over the replies that could be read and raised nothing."""
    right = []
    for reply, gold in replies:
        try:
            outcome = _flawed_outcome(reply)
        except (AttributeError, KeyError):
            continue
        if outcome is not None:
            right.append(outcome == gold)
    return statistics.fmean(right)


def _figures(replies: list[tuple[str, Forecast]]) -> dict[str, float]:
    return TASK.aggregate([TASK.score(TASK.read(reply, sample(gold)), sample(gold)) for reply, gold in replies])


def test_flaw_04_what_cannot_be_read_stays_in_the_denominator() -> None:
    """One right answer among ten, nine of them no answer at all."""
    published = [('{"outcome": "complete", "termination_reason": ""}', "complete")] + [
        ("I cannot tell.", "complete")
    ] * 9
    assert _flawed_accuracy(published) == 1
    golds = [COMPLETE] * 5 + [STOPPED] * 5
    found = _figures([(SAID_COMPLETE if place == 0 else "I cannot tell.", gold) for place, gold in enumerate(golds)])
    assert found["balanced_accuracy"] == pytest.approx(0.1)
    assert found["auroc"] < 0.2


def test_flaw_05_a_reason_that_is_null_loses_no_answer() -> None:
    """A forecast of a stop without a reason is legal, and wrong here: it must not fall out of the figure."""
    null = '{"outcome": "terminate", "termination_reason": null}'
    with pytest.raises(AttributeError):
        _flawed_outcome(null)
    kept = ('{"outcome": "complete", "termination_reason": "none"}', "complete")
    assert _flawed_accuracy([kept, (null, "complete")]) == 1
    ours = '{"outcome": "stopped", "probability": 0.1, "reason": null}'
    assert TASK.read(ours, sample()) == Forecast("stopped", 0.1)
    assert _figures([(SAID_COMPLETE, COMPLETE), (ours, COMPLETE)])["balanced_accuracy"] == 0.5


@pytest.mark.parametrize("reply", ["not complete", "Incomplete.", "It will terminate before completion"])
def test_flaw_06_what_only_holds_the_word_complete_is_not_a_forecast_of_it(reply: str) -> None:
    assert _flawed_outcome(reply) == "complete"
    assert isinstance(TASK.read(reply, sample()), Unreadable)


def test_flaw_06_the_reader_knows_every_reason_that_the_prompt_names_and_no_other() -> None:
    asked = ("enrollment issues", "feasibility", "lack of efficacy", "regulatory/approval", "safety issues", "other")
    of_its_own = ("accrual", "money", "futility", "authorities", "harm", "unknown")
    assert not set(asked) & set(of_its_own), "a reader with names of its own finds none that the prompt asked for"
    prompt = TASK.prompt(sample())
    for words, reason in zip(asked, REASONS, strict=True):
        assert f'- "{reason}":' in prompt
        reply = json.dumps({"outcome": "stopped", "probability": 0.2, "reason": words})
        assert TASK.read(reply, sample()) == Forecast("stopped", 0.2, reason)


def test_flaw_07_the_reason_is_scored_over_all_stopped_trials_not_over_those_called_stopped() -> None:
    """One easy stop is called, with its reason; nine are missed."""
    golds = [Forecast("stopped", 0.0, "safety")] + [Forecast("stopped", 0.0, "enrollment")] * 9
    replies = [SAID_STOPPED] + [SAID_COMPLETE] * 9
    read = [TASK.read(reply, sample(gold)) for reply, gold in zip(replies, golds, strict=True)]
    both = [
        answer.reason == gold.reason
        for answer, gold in zip(read, golds, strict=True)
        if isinstance(answer, Forecast) and answer.outcome == gold.outcome == "stopped"
    ]
    assert statistics.fmean(both) == 1
    found = _figures(list(zip(replies, golds, strict=True)))
    assert found["reason_balanced_accuracy"] == 0.5


def test_flaw_07_accuracy_of_the_common_outcome_is_not_the_headline() -> None:
    """Ninety of a hundred trials complete: who always says so is right nine times in ten and has learnt nothing."""
    golds = [COMPLETE] * 90 + [STOPPED] * 10
    rows = [TASK.score(COMPLETE, sample(gold)) for gold in golds]
    assert statistics.fmean(row["correct"] for row in rows) == 0.9
    assert TASK.metrics[0].name == "balanced_accuracy"
    assert TASK.aggregate(rows)["balanced_accuracy"] == 0.5


def _flawed_prompt(trial: HandTrial) -> str:
    return f"Clinical trial {trial.study_id}\nTitle: {trial.title}"


REMEMBERED: dict[str, str] = {"NCT99000041": "stopped"}
"""What a model has read about a trial that it can name."""


def _rememberer(prompt: str) -> str:
    """A model that knows nothing but what it has read of trials by their number or acronym."""
    named = [known for known in ("NCT99000041", "GLOAMSTAR") if known in prompt]
    return REMEMBERED["NCT99000041"] if named else "complete"


@pytest.mark.parametrize(
    "write",
    [
        lambda trial: trial,
        lambda trial: HandTrial(
            number=41,
            title="Fictumab in Gloaming Fever (GLOAMSTAR, NCT99000041): a randomised trial",
            studies={"acronym": "GLOAMSTAR", "inclusion_criteria": "Took part in GLOAMSTAR (NCT99000041)"},
            status=trial.status,
        ),
    ],
)
def test_flaw_15_a_prompt_does_not_name_the_trial(write: Callable[[HandTrial], HandTrial]) -> None:
    """The published prompt starts with the registry number, so that a model may remember instead of forecast."""
    trial = write(HandTrial(number=41, status="TERMINATED"))
    assert _rememberer(_flawed_prompt(trial)) == "stopped"
    con = connection([trial])
    (made,) = (one for split in SPLITS for one in TASK.samples(con, split))
    prompt = TASK.prompt(made)
    assert made.subject == trial.study_id
    assert not identifiers.find(prompt)
    assert _rememberer(prompt) == "complete"
