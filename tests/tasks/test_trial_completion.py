"""Reader, reasons, samples and scores of trial_completion."""

from __future__ import annotations

import datetime
import json
import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.handmade import HandTrial, connection, many_trials
from trialpanorama.tables import TABLES
from trialpanorama.tasks import SPLITS, Sample, Unreadable, task
from trialpanorama.tasks._scores import auroc, calibration_slope, macro_f1, recall_mean
from trialpanorama.tasks._trials import WITHHELD, Start
from trialpanorama.tasks.trial_completion import REASONS, TASK, Forecast, reason_of

COMPLETE = Forecast("complete", 1.0)
STOPPED = Forecast("stopped", 0.0)


def sample(gold: Forecast = COMPLETE) -> Sample[Start, Forecast]:
    return Sample(
        id="NCT99000001@1",
        subject="NCT99000001",
        split="test",
        group="NCT99000001",
        date="2030-01-01",
        inputs=Start(title="A trial"),
        gold=gold,
    )


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ('{"outcome": "complete", "probability": 0.8, "reason": null}', Forecast("complete", 0.8)),
        ('{"outcome": "stopped", "probability": 0.2, "reason": "safety"}', Forecast("stopped", 0.2, "safety")),
        # a null or missing reason is legal and never drops the answer
        ('{"outcome": "stopped", "probability": 0.2, "reason": null}', Forecast("stopped", 0.2)),
        ('{"outcome": "stopped", "probability": 0.2}', Forecast("stopped", 0.2)),
        ('{"outcome": "stopped", "probability": 0.2, "reason": "bad luck"}', Forecast("stopped", 0.2)),
        ('{"outcome": "stopped", "probability": 0.2, "reason": ["safety", "efficacy"]}', Forecast("stopped", 0.2)),
        (
            '{"outcome": "stopped", "probability": 0.2, "reason": "Lack of efficacy"}',
            Forecast("stopped", 0.2, "efficacy"),
        ),
        (
            '{"outcome": "stopped", "probability": 0.2, "reason": "regulatory/approval"}',
            Forecast("stopped", 0.2, "regulatory"),
        ),
        (
            '{"outcome": "stopped", "probability": 0.2, "reason": "Enrollment issues."}',
            Forecast("stopped", 0.2, "enrollment"),
        ),
        ('{"Outcome": "Terminated", "Probability": "20%"}', Forecast("stopped", 0.2)),
        ('{"outcome": "COMPLETED", "probability": "0.75"}', Forecast("complete", 0.75)),
        ('{"outcome": "complete", "probability": 1}', Forecast("complete", 1.0)),
        # without a probability the forecast is for certain
        ('{"outcome": "complete"}', COMPLETE),
        ('{"outcome": "stopped", "probability": null}', STOPPED),
        ('Thinking {about} it...\n```json\n{"outcome": "stopped", "probability": 0.1}\n```', Forecast("stopped", 0.1)),
        ('{"other": 1} {"outcome": "stopped", "probability": 0.1}', Forecast("stopped", 0.1)),
        (
            '{"outcome":"stopped","probability":0.3} then {"outcome":"stopped","probability":0.4}',
            Forecast("stopped", 0.4),
        ),
        ('<think>{"outcome": "complete"}</think>{"outcome": "stopped", "probability": 0.3}', Forecast("stopped", 0.3)),
        ('complete it is</think>\n{"outcome": "stopped", "probability": 0.3}', Forecast("stopped", 0.3)),
        ("complete", COMPLETE),
        ("**Stopped.**", STOPPED),
        ("Outcome: terminated", STOPPED),
        ("The outcome is: withdrawn", STOPPED),
        ("**Outcome:** complete\n**Probability:** 0.85\n**Reason:** null", Forecast("complete", 0.85)),
        (
            "- Outcome: Terminated\n- Probability: 30 percent\n- Reason: lack of efficacy",
            Forecast("stopped", 0.3, "efficacy"),
        ),
        ('{"outcome": "complete", "probability": "80 per cent"}', Forecast("complete", 0.8)),
    ],
)
def test_what_is_read(reply: str, expected: Forecast) -> None:
    assert TASK.read(reply, sample()) == expected


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "   ",
        # the substring trap of the original: all of these hold the word complete
        "not complete",
        "incomplete",
        "It will terminate before completion.",
        "The trial will not be completed",
        '{"outcome": "not complete", "probability": 0.2}',
        '{"outcome": "incomplete", "probability": 0.2}',
        '{"outcome": "complete or stopped", "probability": 0.5}',
        '{"outcome": null, "probability": 0.2}',
        '{"outcome": ["complete"], "probability": 0.2}',
        '{"probability": 0.2}',
        '{"outcome": "complete", "outcome": "stopped", "probability": 0.2}',
        '{"outcome": "complete"} or {"outcome": "stopped"}',
        '{"outcome": "complete", "probability": 85}',
        '{"outcome": "complete", "probability": -0.1}',
        '{"outcome": "complete", "probability": "high"}',
        '{"outcome": "complete", "probability": true}',
        '{"outcome": "complete", "probability": NaN}',
        '{"outcome": "complete", "probability": Infinity}',
        '{"outcome": "complete", "probability": [0.5]}',
        '{"outcome": "complete", "probability": ' + "9" * 400 + "}",
        '{"outcome": "complete", "probability": "120%"}',
        '{"outcome": "complete", "probability": 0.',
        '<think>It looks fine, {"outcome": "complete", "probability": 0.9}',
        "Default output",
        "null",
        "[]",
        "{" * 5000,
        '{"a":' * 3000,
        "I am sorry, I cannot tell.",
        "Outcome: complete\nOutcome: stopped",
        "Outcome: complete, I think\nProbability: 0.9",
        "Outcome: complete\nProbability: high",
        "Probability: 0.9",
        "The trial will not be completed.",
        "Yes",
    ],
)
def test_what_is_not_read(reply: str) -> None:
    assert isinstance(TASK.read(reply, sample()), Unreadable)


@given(
    st.text(max_size=400)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=20) | st.integers(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["outcome", "probability", "reason", "x"]), inner, max_size=4)
        ),
        max_leaves=8,
    ).map(json.dumps)
)
@settings(derandomize=True, max_examples=400, deadline=None)
def test_any_reply_is_read_or_unreadable_and_scored(reply: str) -> None:
    answer = TASK.read(reply, sample(STOPPED))
    assert isinstance(answer, Forecast | Unreadable)
    scores = TASK.score(answer, sample(STOPPED))
    assert scores.keys() == TASK.score(COMPLETE, sample()).keys()
    assert all(math.isfinite(value) for value in scores.values())
    assert 0 <= scores["probability"] <= 1


@given(
    st.sampled_from(["complete", "stopped"]), st.floats(0, 1), st.none() | st.sampled_from(REASONS),
    st.text(alphabet="abc \n.*#", max_size=40),
)  # fmt: skip
@settings(derandomize=True, max_examples=200, deadline=None)
def test_what_is_replied_is_read_back_whatever_is_said_before(
    outcome: str, probability: float, reason: str, before: str
) -> None:
    answer = Forecast(outcome, probability, reason)  # type: ignore[arg-type]
    assert TASK.read(before + TASK.reply(answer), sample()) == answer


# --- reasons


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("Enrolment too slow", "enrollment"),
        ("Nobody signed up", "enrollment"),
        ("Only few patients agreed", "enrollment"),
        ("The grant ran out", "feasibility"),
        ("Sponsor decision, not due to any safety concerns", "feasibility"),
        ("Business reasons; no safety or efficacy issues", "feasibility"),
        ("Not based on safety but on portfolio priorities", "feasibility"),
        ("Stopped for futility on the advice of the Data and Safety Monitoring Board", "efficacy"),
        ("No significant difference between groups", "efficacy"),
        ("Did not reach its primary endpoint", "efficacy"),
        ("Ethics approval was not renewed", "regulatory"),
        ("Clinical hold", "regulatory"),
        ("Liver toxicity", "safety"),
        ("Two unexpected deaths, and slow recruitment", "safety"),
        ("The question was answered by another study", "other"),
        ("--", None),
        ("", None),
        (None, None),
    ],
)
def test_the_sponsors_words_have_a_class(words: str | None, reason: str | None) -> None:
    assert reason_of(words) == reason


# --- samples


def _of_chictr(number: int, status_raw: str) -> HandTrial:
    """A trial that was called off, and what its register gives as its status."""
    studies = {"study_source": "chictr", "status_raw": status_raw}
    why, title = "No grant was given", f"The special trial {number}"
    return HandTrial(number=number, status="WITHDRAWN", why_stopped=why, title=title, studies=studies)


def test_what_is_neither_completed_nor_stopped_is_left_out_and_counted() -> None:
    many = [
        *many_trials(30),
        HandTrial(number=901, status="SUSPENDED", title="The first special trial"),
        HandTrial(number=902, status="UNKNOWN", title="The second special trial"),
        HandTrial(number=903, status="RECRUITING", title="The third special trial"),
        HandTrial(number=904, title="The fourth special trial", registered="2016-01-01", completed="2015-01-01"),
        HandTrial(number=905, title="The fifth special trial", studies={"trial_type": "EXPANDED_ACCESS"}),
        HandTrial(number=906, title="?"),
        _of_chictr(907, "Stopped"),
        _of_chictr(908, "Not Recruiting"),
    ]
    con, left_out = connection(many), Counter[str]()
    samples = [s for split in SPLITS for s in TASK.samples(con, split, left_out)]
    assert len(samples) == 31
    assert left_out == {
        "status SUSPENDED": 1,
        "status UNKNOWN": 1,
        "status RECRUITING": 1,
        "registered after its end": 1,
        "neither interventional nor observational": 1,
        "no title to go by": 1,
        "called off by its title alone": 1,
    }
    stopped = {t.study_id for t in many if t.status in ("TERMINATED", "WITHDRAWN") and t.number != 908}
    assert {s.subject for s in samples if s.gold.outcome == "stopped"} == stopped
    assert all((s.gold.reason is not None) == (s.gold.outcome == "stopped") for s in samples)


STUDIES = next(table for table in TABLES if table.name == "studies")
OTHER = {
    "VARCHAR": "words of the end",
    "VARCHAR[]": ["words of the end"],
    "BIGINT": 987654,
    "INTEGER": 987654,
    "DOUBLE": 98.7654,
    "BOOLEAN": True,
    "DATE": datetime.date(2031, 2, 3),
}


@pytest.fixture(scope="module")
def shown() -> tuple[str, dict[str, str | float]]:
    return _shown({})


def _shown(studies: dict[str, Any]) -> tuple[str, dict[str, str | float]]:
    """Prompt and features of one trial, some columns of which are others."""
    con = connection([HandTrial(number=1, status="TERMINATED", why_stopped="Slow accrual", studies=studies)])
    (made,) = (one for split in SPLITS for one in TASK.samples(con, split))
    return TASK.prompt(made), dict(TASK.features(made))


@pytest.mark.parametrize("name", sorted(set(WITHHELD) - {"study_id", "kind"}))
def test_no_withheld_column_changes_a_prompt_or_a_feature(name: str, shown: tuple[str, dict[str, str | float]]) -> None:
    """One column at a time: enrolment, completion dates, sites, status, results, free text."""
    (kind,) = (column.type for column in STUDIES.columns if column.name == name)
    value = datetime.date(2014, 1, 1) if name == "registration_date" else OTHER[kind]
    assert _shown({name: value}) == shown


def test_what_leaks_is_withheld() -> None:
    leaks = {"enrollment_actual", "enrollment_target", "actual_accrual", "target_accrual", "completion_date"}
    leaks |= {"primary_completion_date", "has_results", "results_posted_date", "recruitment_status", "why_stopped"}
    assert leaks | {"number_of_locations", "countries", "abstract", "last_updated_date"} <= set(WITHHELD)


def test_shown_columns_do_change_the_prompt(shown: tuple[str, dict[str, str | float]]) -> None:
    """So that the test above can fail."""
    for studies in ({"sponsor": "Imaginary Hospital"}, {"phases": ["PHASE3"]}, {"has_dmc": True}):
        prompt, features = _shown(studies)
        assert prompt != shown[0]
        assert features != shown[1]


def test_what_the_end_leaves_in_other_tables_changes_nothing(shown: tuple[str, dict[str, str | float]]) -> None:
    """Posted results, adverse events, flow of participants and papers hang on a trial that has ended."""
    con = connection([HandTrial(number=1, status="TERMINATED", why_stopped="Slow accrual")])
    shown_tables = {"studies", "outcomes", "conditions", "disposition", "identifiers", "endpoints"}
    filled = []
    for table in TABLES:
        if table.name not in shown_tables and any(column.name == "study_id" for column in table.columns):
            con.execute(f'INSERT INTO "{table.name}" (study_id) VALUES (?)', ["NCT99000001"])
            filled.append(table.name)
    assert {"results", "adverse_events"} <= set(filled)
    (made,) = (one for split in SPLITS for one in TASK.samples(con, split))
    assert (TASK.prompt(made), dict(TASK.features(made))) == shown


def test_the_sponsor_is_named_and_masked_of_ids() -> None:
    prompt, features = _shown({"sponsor": "Imaginary Hospital (NCT99000001)"})
    assert "Name of the lead sponsor: Imaginary Hospital ([id])" in prompt
    assert features["lead_sponsor"] == "imaginary hospital id"
    assert {key for key in features if key.startswith("sponsor=")} == {
        "sponsor=imaginary",
        "sponsor=hospital",
        "sponsor=id",
    }


# --- scores


def _figures(pairs: list[tuple[str, Forecast]]) -> dict[str, float]:
    return TASK.aggregate([TASK.score(TASK.read(reply, sample(gold)), sample(gold)) for reply, gold in pairs])


GOLDS = (
    [COMPLETE] * 6 + [Forecast("stopped", 0.0, reason) for reason in ("safety", "efficacy", "enrollment")] + [STOPPED]
)


def test_perfect_answers_score_one() -> None:
    found = _figures([(TASK.reply(gold), gold) for gold in GOLDS])
    assert found["balanced_accuracy"] == found["auroc"] == found["reason_balanced_accuracy"] == 1
    assert found["brier"] == 0


def test_inverted_answers_score_nothing() -> None:
    found = _figures([(TASK.reply(STOPPED if gold is COMPLETE else COMPLETE), gold) for gold in GOLDS])
    assert found["balanced_accuracy"] == found["auroc"] == found["reason_balanced_accuracy"] == 0
    assert found["brier"] == 1


def test_constant_answers_score_what_chance_does() -> None:
    found = _figures([('{"outcome": "complete", "probability": 0.6}', gold) for gold in GOLDS])
    assert found["balanced_accuracy"] == found["auroc"] == 0.5
    assert found["brier"] == pytest.approx(0.24)
    assert math.isnan(found["calibration_slope"])


def test_unreadable_answers_are_wrong_and_never_dropped() -> None:
    found = _figures([("no idea", gold) for gold in GOLDS])
    assert found["balanced_accuracy"] == found["auroc"] == found["reason_balanced_accuracy"] == 0
    assert found["brier"] == 1
    half = _figures([(TASK.reply(gold) if index % 2 else "no idea", gold) for index, gold in enumerate(GOLDS)])
    assert half["balanced_accuracy"] == 0.5


def test_one_lucky_stop_is_no_perfect_reason() -> None:
    """Reasons are scored over all truly stopped trials, whatever outcome was forecast."""
    replies = [TASK.reply(COMPLETE)] * 6 + [TASK.reply(GOLDS[6])] + [TASK.reply(COMPLETE)] * 3
    assert _figures(list(zip(replies, GOLDS, strict=True)))["reason_balanced_accuracy"] == pytest.approx(1 / 3)


def test_figures_agree_with_scikit_learn() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score, f1_score, roc_auc_score

    random = np.random.default_rng(5)
    truth = (random.random(400) < 0.7).astype(float)
    probability = np.clip(np.round(0.3 * truth + 0.7 * random.random(400), 2), 0.01, 0.99)
    said = (probability > 0.5).astype(float)
    assert auroc(truth, probability) == pytest.approx(roc_auc_score(truth, probability))
    assert recall_mean(truth, (said == truth).astype(float)) == pytest.approx(balanced_accuracy_score(truth, said))
    letters, chosen = random.integers(0, 4, 400).astype(float), random.integers(0, 4, 400).astype(float)
    assert macro_f1(letters, chosen) == pytest.approx(f1_score(letters, chosen, average="macro"))
    logit = np.log(probability / (1 - probability))[:, None]
    fitted = LogisticRegression(C=1e9, tol=1e-9, max_iter=1000).fit(logit, truth)
    assert calibration_slope(truth, probability) == pytest.approx(fitted.coef_[0][0], rel=1e-3)


def test_the_slope_of_a_calibrated_forecast_is_one_and_of_an_extreme_one_less() -> None:
    random = np.random.default_rng(1)
    logit = random.normal(0, 1.2, 40_000)
    truth = (random.random(40_000) < 1 / (1 + np.exp(-logit))).astype(float)
    assert calibration_slope(truth, 1 / (1 + np.exp(-logit))) == pytest.approx(1, abs=0.05)
    assert calibration_slope(truth, 1 / (1 + np.exp(-2 * logit))) == pytest.approx(0.5, abs=0.05)
    assert math.isnan(calibration_slope(truth, truth)), "parted without error: no slope"


def test_a_rarer_outcome_is_forecast_where_it_is_likelier_than_in_general() -> None:
    priors = {"complete": 0.9, "safety": 0.06, "efficacy": 0.04}
    assert TASK.decide({"complete": 0.95}, priors).outcome == "complete"
    assert TASK.decide({"complete": 0.8, "safety": 0.01, "efficacy": 0.19}, priors) == Forecast(
        "stopped", 0.8, "efficacy"
    )
    assert TASK.decide(priors, priors) == Forecast("complete", 0.9, "safety")


def test_the_task_is_found_by_its_name() -> None:
    assert task("trial_completion") is TASK
