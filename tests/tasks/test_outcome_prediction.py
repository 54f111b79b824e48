"""Reader, labels from posted results and from files, what leaks, and scores of outcome_prediction."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.handmade import HandTrial, connection, many_trials
from tests.tasks.test_outcome_labels import TOP_ROW, write
from trialpanorama.errors import UserError
from trialpanorama.tasks import NOT_NEEDED, SPLITS, Sample, Unreadable, task
from trialpanorama.tasks._scores import average_precision, f1
from trialpanorama.tasks._trials import Start
from trialpanorama.tasks.outcome_prediction import TASK, Analysis, Forecast, is_met, verdict

SUCCESS, FAILURE = Forecast("success", 1.0), Forecast("failure", 0.0)


def sample(gold: Forecast = SUCCESS) -> Sample[Start, Forecast]:
    return Sample(
        id="NCT99000001@1",
        subject="NCT99000001",
        split="test",
        group="NCT99000001",
        date="2030-01-01",
        inputs=Start(title="A trial"),
        gold=gold,
    )


# --- replies


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ('{"outcome": "success", "probability": 0.8}', Forecast("success", 0.8)),
        ('{"outcome": "failure", "probability": 0.2}', Forecast("failure", 0.2)),
        ('{"outcome": "failure"}', FAILURE),
        ('{"outcome": "success", "probability": null}', SUCCESS),
        ('{"probability": 0.7}', Forecast("success", 0.7)),
        ('{"probability": "20 %"}', Forecast("failure", 0.2)),
        ('{"Outcome": "Failed", "Probability": "35%"}', Forecast("failure", 0.35)),
        ('Well {x} ...\n```json\n{"outcome": "successful", "probability": 1}\n```', SUCCESS),
        ('<think>{"outcome": "success"}</think>{"outcome": "failure", "probability": 0.3}', Forecast("failure", 0.3)),
        ("success", SUCCESS),
        ("**Failure.**", FAILURE),
        ("The outcome is: failure", FAILURE),
        ("**Outcome:** success\n**Probability:** 70 %", Forecast("success", 0.7)),
        ("I weighed the phase.\nOutcome: failure.\nProbability: 0.3", Forecast("failure", 0.3)),
    ],
)
def test_what_is_read(reply: str, expected: Forecast) -> None:
    assert TASK.read(reply, sample()) == expected


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "unsuccess",
        "not a success",
        "It will not be a success",
        '{"outcome": "success or failure", "probability": 0.5}',
        '{"outcome": null}',
        '{"outcome": "success"} or {"outcome": "failure"}',
        '{"outcome": "success", "outcome": "failure"}',
        '{"outcome": "success", "probability": 85}',
        '{"outcome": "success", "probability": "high"}',
        '{"outcome": "success", "probability": true}',
        '{"outcome": "success", "probability": NaN}',
        '{"outcome": "success", "probability": 0.',
        '<think>so {"outcome": "success"}',
        "{" * 5000,
        "I am sorry, I cannot tell.",
    ],
)
def test_what_is_not_read(reply: str) -> None:
    assert isinstance(TASK.read(reply, sample()), Unreadable)


@given(
    st.text(max_size=300)
    | st.dictionaries(
        st.sampled_from(["outcome", "probability", "x"]),
        st.none() | st.booleans() | st.floats() | st.text(max_size=10) | st.integers() | st.lists(st.integers()),
    ).map(json.dumps)
)
@settings(derandomize=True, max_examples=300, deadline=None)
def test_any_reply_is_read_or_unreadable_and_scored(reply: str) -> None:
    scores = TASK.score(TASK.read(reply, sample(FAILURE)), sample(FAILURE))
    assert scores.keys() == TASK.score(SUCCESS, sample()).keys()
    assert all(math.isfinite(value) and 0 <= value <= 1 for value in scores.values())


@given(st.sampled_from(["success", "failure"]), st.floats(0, 1))
@settings(derandomize=True, max_examples=100, deadline=None)
def test_what_is_replied_is_read_back(outcome: str, probability: float) -> None:
    answer = Forecast(outcome, probability)
    assert TASK.read(TASK.reply(answer), sample()) == answer


# --- labels from posted results


@pytest.mark.parametrize(
    ("analysis", "met"),
    [
        (Analysis(p_value=0.01), True),
        (Analysis(p_value=0.05), False),
        (Analysis(p_value=0.05, p_value_inequality="<"), True),
        (Analysis(p_value=0.2, hypothesis="SUPERIORITY"), False),
        (Analysis(p_value=0.1, p_value_inequality=">"), False),
        (Analysis(p_value=0.1, p_value_inequality="<"), None),
        (Analysis(p_value=0.01, p_value_inequality=">"), None),
        (Analysis(p_value=0.01, hypothesis="NON_INFERIORITY"), True),
        (Analysis(p_value=0.4, hypothesis="NON_INFERIORITY_OR_EQUIVALENCE"), None),
        (Analysis(estimate_type="Hazard Ratio (HR)", ci_percent=95, ci_lower=0.5, ci_upper=0.9), True),
        (Analysis(estimate_type="Odds Ratio (OR)", ci_percent=95, ci_lower=0.5, ci_upper=1.2), False),
        (Analysis(estimate_type="Mean Difference (Net)", ci_percent=95, ci_lower=0.5, ci_upper=1.2), True),
        (Analysis(estimate_type="Mean Difference (Net)", ci_percent=95, ci_lower=-0.5, ci_upper=1.2), False),
        (Analysis(estimate_type="Mean Difference (Net)", ci_percent=90, ci_lower=0.5, ci_upper=1.2), None),
        (Analysis(estimate_type="Mean Difference (Net)", ci_percent=99, ci_lower=-0.5, ci_upper=1.2), None),
        (Analysis(estimate_type="Log odds ratio", ci_percent=95, ci_lower=0.5, ci_upper=1.2), None),
        (Analysis(estimate_type="Slope", ci_percent=95, ci_lower=0.5, ci_upper=1.2), None),
        (Analysis(estimate_type="Risk Ratio (RR)", ci_percent=95, ci_sides="ONE_SIDED", ci_upper=0.9), None),
        (Analysis(hypothesis="EQUIVALENCE", estimate_type="Difference", ci_percent=95, ci_lower=1, ci_upper=2), None),
        (Analysis(measure="Number of adverse events", p_value=0.001), None),
        (Analysis(measure="Cmax of examplinib", p_value=0.6), None),
        (Analysis(), None),
    ],
)  # fmt: skip
def test_whether_one_analysis_met_its_goal(analysis: Analysis, met: bool | None) -> None:
    assert is_met(analysis) is met


def test_analyses_that_disagree_give_no_label() -> None:
    good, bad, dumb = Analysis(p_value=0.01), Analysis(p_value=0.3), Analysis()
    assert verdict([good, dumb, good]) == (True, "")
    assert verdict([bad]) == (False, "")
    assert verdict([good, bad]) == (None, "analyses of primary endpoints disagree")
    assert verdict([dumb])[0] is None
    assert verdict([]) == (None, "no posted analysis of a primary endpoint")


def post(con: duckdb.DuckDBPyConnection, number: int, p_value: float, endpoint_type: str = "PRIMARY") -> None:
    """Post one analysis of a fictional trial."""
    con.execute(
        """INSERT INTO results BY NAME SELECT ? AS study_id, 'Change in fever score' AS outcomes, 1 AS outcome_position,
           1 AS analysis_position, ? AS endpoint_type, ? AS p_value, 'SUPERIORITY' AS non_inferiority_type""",
        [f"NCT99{number:06d}", endpoint_type, p_value],
    )


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    """Trials of which four in five posted a result: met where the number is even."""
    made = connection(many_trials(120))
    for number in range(1, 121):
        if number % 5:
            post(made, number, 0.3 if number % 2 else 0.01)
        else:
            post(made, number, 0.01, "SECONDARY")
    return made


def test_every_trial_is_a_sample_or_counted_and_labels_are_what_was_posted(con: duckdb.DuckDBPyConnection) -> None:
    total, left_out = 0, Counter[str]()
    for split in SPLITS:
        for one in TASK.samples(con, split, left_out):
            total += 1
            number = int(one.subject[3:]) - 99_000_000
            assert number % 5
            assert one.gold == (FAILURE if number % 2 else SUCCESS)
            assert one.split == split
            assert one.strata == {"origin": "posted results"}
    assert total + sum(left_out.values()) == 120
    assert left_out["no posted analysis of a primary endpoint"] == 24


def test_a_split_is_cut_to_its_size_and_counted(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = [one.id for one in TASK.samples(con, "train")]
    monkeypatch.setattr(type(TASK), "most_samples", {"train": 7, "validation": 1, "test": 1})
    left_out: Counter[str] = Counter()
    assert [one.id for one in TASK.samples(con, "train", left_out)] == everything[:7]
    assert left_out[NOT_NEEDED] > 0


# --- leaks


def test_posted_results_and_status_change_no_prompt_and_no_feature() -> None:
    """The same trials with the opposite results and ends: only the gold answer differs."""
    shown = []
    for flipped in (False, True):
        trials = many_trials(40)
        if flipped:
            for trial in trials:
                trial.status, trial.why_stopped = (
                    ("COMPLETED", None) if trial.why_stopped else ("TERMINATED", "Futility")
                )
                trial.studies = {"enrollment_actual": 7, "last_known_status": "RECRUITING", "has_results": True}
        con = connection(trials)
        for number in range(1, 41):
            post(con, number, 0.01 if (number % 2) ^ flipped else 0.3)
        found = {one.subject: one for split in SPLITS for one in TASK.samples(con, split)}
        shown.append({id: (TASK.prompt(one), TASK.text(one), dict(TASK.features(one))) for id, one in found.items()})
        shown[-1] |= {"gold " + id: one.gold.outcome for id, one in found.items()}
    assert len(shown[0]) == 80
    same, other = ({id: v for id, v in one.items() if not id.startswith("gold")} for one in shown)
    assert same == other
    assert all(shown[0][id] != shown[1][id] for id in shown[0] if id.startswith("gold"))


def test_what_a_label_file_says_of_the_end_changes_nothing_but_the_gold(tmp_path: Path) -> None:
    """The status rule cannot be recovered: prompts and features are the same bytes whatever status and label say."""
    ends = (("terminated", "slow accrual", "0"), ("completed", "", "1"), ("unknown status", "x", "0"))
    shown = set()
    for place, (status, why, label) in enumerate(ends):
        row = TOP_ROW | {"status": status, "why_stop": why, "label": label, "smiless": f"['C{place}']"}
        (one,) = TASK.samples_from([write(tmp_path / f"{place}.csv", [row])], "test")
        assert TASK.label(one) == ("success" if label == "1" else "failure")
        shown.add((TASK.prompt(one), TASK.text(one), json.dumps(dict(TASK.features(one)), sort_keys=True)))
    assert len(shown) == 1


def test_the_number_of_a_trial_is_neither_shown_nor_a_feature(tmp_path: Path) -> None:
    shown = []
    for id in ("NCT99000001", "NCT00000002"):
        (one,) = TASK.samples_from([write(tmp_path / f"{id}.csv", [TOP_ROW | {"nctid": id}])], "test")
        shown.append((TASK.prompt(one), dict(TASK.features(one))))
        assert "NCT" not in shown[-1][0]
    assert shown[0] == shown[1]


def test_real_flipping_the_end_in_a_label_file_changes_no_prompt_and_no_feature(
    shared_data: Path, tmp_path: Path
) -> None:
    import csv
    import gzip

    path = shared_data / "outcomes" / "top_phase_I_valid.csv.gz"
    with gzip.open(path, "rt") as file:
        rows = list(csv.DictReader(file))
    flip = {"0": "1", "1": "0"}
    flipped = [
        row
        | {"label": flip[row["label"]], "status": "completed" if row["label"] == "0" else "terminated", "why_stop": "-"}
        for row in rows
    ]
    one, other = (list(TASK.samples_from([p], "test")) for p in (path, write(tmp_path / "flipped.csv", flipped)))
    assert len(one) == len(other) == 117
    for a, b in zip(one, other, strict=True):
        assert TASK.label(a) != TASK.label(b)
        assert TASK.prompt(a) == TASK.prompt(b)
        assert TASK.features(a) == TASK.features(b)
        assert a.inputs == b.inputs


# --- label files beside a warehouse


def test_a_warehouse_adds_what_a_label_file_does_not_tell(tmp_path: Path) -> None:
    con = connection([HandTrial(number=1, registered="2016-05-04", also=("ISRCTN99000001",))])
    labels = write(
        tmp_path / "cto.csv", [{"nct_id": "NCT99000001", "labels": "1"}, {"nct_id": "NCT99000002", "labels": "0"}]
    )
    (one,) = TASK.samples_from([labels], "test", con)
    assert (one.subject, one.date, TASK.label(one)) == ("NCT99000001", "2016-05-04", "success")
    assert one.inputs.masking == "DOUBLE"
    with pytest.raises(UserError, match="a warehouse could give it"):
        list(TASK.samples_from([labels], "test"))
    both = TASK.samples_from([write(tmp_path / "top.csv", [TOP_ROW])], "test", con)
    (one,) = both
    assert one.inputs.masking == "DOUBLE"
    assert one.inputs.conditions == ["Gloaming Fever"], "the warehouse goes first"


def test_labels_of_another_question_are_refused_and_named(tmp_path: Path) -> None:
    path = write(tmp_path / "y.csv", [TOP_ROW | {"label": "poor enrollment"}])
    with pytest.raises(UserError, match='label "poor enrollment" is neither success nor failure'):
        list(TASK.samples_from([path], "test"))


# --- scores


def test_unreadable_answers_are_wrong_and_never_dropped() -> None:
    golds = [SUCCESS] * 5 + [FAILURE] * 5
    found = TASK.aggregate([TASK.score(TASK.read("no idea", sample(gold)), sample(gold)) for gold in golds])
    assert found["auroc"] == found["balanced_accuracy"] == found["f1"] == 0
    assert found["brier"] == 1
    perfect = TASK.aggregate([TASK.score(gold, sample(gold)) for gold in golds])
    assert perfect["auroc"] == perfect["average_precision"] == perfect["f1"] == 1


def test_average_precision_and_f1_agree_with_scikit_learn_ties_and_all() -> None:
    from sklearn.metrics import average_precision_score, f1_score

    random = np.random.default_rng(3)
    for decimals in (1, 2, 6):
        truth = (random.random(300) < 0.6).astype(float)
        probability = np.round(0.2 * truth + 0.8 * random.random(300), decimals)
        assert average_precision(truth, probability) == pytest.approx(average_precision_score(truth, probability))
        said = (probability > 0.5).astype(float)
        assert f1(truth, said) == pytest.approx(f1_score(truth, said))
    assert average_precision(np.ones(4), np.full(4, 0.5)) == 1
    assert math.isnan(average_precision(np.zeros(4), np.full(4, 0.5)))


def test_the_task_is_found_by_its_name() -> None:
    assert task("outcome_prediction") is TASK
