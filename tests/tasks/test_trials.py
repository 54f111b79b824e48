"""What tasks may show of a trial, masking, and the splits."""

from __future__ import annotations

import datetime
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.handmade import HandTrial, connection, many_trials
from trialpanorama.tables import TABLES
from trialpanorama.tasks import SPLITS, tasks
from trialpanorama.tasks._trials import SHOWN, WITHHELD, Mask, PlanMask, describe, trials

STUDIES = next(table for table in TABLES if table.name == "studies")


TRIAL_TASKS = ("arm_design", "eligibility_design", "endpoint_design", "trial_completion")
"""Tasks whose samples these fictional trials are enough for."""


def test_every_column_of_studies_is_either_shown_or_withheld_with_a_reason() -> None:
    assert set(SHOWN).isdisjoint(WITHHELD)
    assert set(SHOWN) | set(WITHHELD) == {column.name for column in STUDIES.columns}
    assert all(WITHHELD.values())


def _other(column_type: str) -> Any:
    return {
        "VARCHAR": "leaked words",
        "VARCHAR[]": ["leaked words"],
        "BIGINT": 987654,
        "INTEGER": 987654,
        "DOUBLE": 98.7654,
        "BOOLEAN": True,
        "DATE": datetime.date(1987, 6, 5),
    }[column_type]


def test_no_withheld_column_reaches_a_prompt() -> None:
    """Prompts stay the same, byte by byte, whatever withheld columns say: so no rule on them can be recovered."""
    choosing = {"study_id", "kind", "registration_date", "completion_date"}  # they choose the trial or its split
    leaked = {column.name: _other(column.type) for column in STUDIES.columns if column.name in set(WITHHELD) - choosing}
    base = many_trials(60)
    changed = [msgspec.structs.replace(trial, studies=leaked) for trial in base]
    before, after = connection(base), connection(changed)
    for task in tasks().values():
        for split in SPLITS:
            prompts = [task.prompt(sample) for sample in task.samples(before, split)]
            assert prompts or task.name not in TRIAL_TASKS
            assert [task.prompt(sample) for sample in task.samples(after, split)] == prompts


def test_the_end_of_a_trial_does_not_change_its_prompt() -> None:
    task = tasks()["trial_completion"]
    prompts = []
    for status, why in (("COMPLETED", None), ("TERMINATED", "Slow accrual"), ("WITHDRAWN", "No funding")):
        con = connection([HandTrial(number=999, status=status, why_stopped=why)])
        (sample,) = (sample for split in SPLITS for sample in task.samples(con, split))
        prompts.append(task.prompt(sample))
    assert len(prompts) == 3
    assert len(set(prompts)) == 1


def test_no_prompt_holds_the_gold_answer_or_an_id_or_a_status_word() -> None:
    con = connection(many_trials(90))
    for task in tasks().values():
        for split in SPLITS:
            for sample in task.samples(con, split):
                prompt = task.prompt(sample)
                assert sample.subject not in prompt
                assert task.reply(sample.gold) not in prompt
                telling = r"TERMINATED|WITHDRAWN|COMPLETED|accrual|Futility|\bNCT\d"
                assert not re.search(telling, task.text(sample)) or task.name not in TRIAL_TASKS


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Extension of NCT99000001 and ISRCTN99000002", "Extension of [id] and [id]"),
        ("Protocol CA-209-057 part B", "Protocol [id] part B"),
        ("The GLOAM Trial: GLOAM-2", "The [acronym] Trial: [acronym]-2"),
        ("TERMINATED: Fictumab in Amber Lung", "Fictumab in Amber Lung"),
        ("Fictumab in Amber Lung (WITHDRAWN)", "Fictumab in Amber Lung"),
        ("Fictumab in Amber Lung [Study Terminated]", "Fictumab in Amber Lung"),
        ("Fictumab in Amber Lung - terminated early", "Fictumab in Amber Lung"),
        ("Adults. The study was terminated due to slow accrual. No pregnancy.", "Adults. No pregnancy."),
        ("Recruitment has been prematurely stopped. Adults.", "Adults."),
        ("Patients who completed the parent study", "Patients who completed the parent study"),
        ("Subjects withdrawn from opioids", "Subjects withdrawn from opioids"),
        ("Medical termination of pregnancy", "Medical termination of pregnancy"),
        ("Terminated pregnancy, or cancelled surgery", "Terminated pregnancy, or cancelled surgery"),
        ("", None),
        (None, None),
        ("This study was withdrawn.", None),
    ],
)
def test_masking(text: str | None, masked: str | None) -> None:
    assert Mask(["NCT99000777", "CA-209-057", "clinicaltrials_gov:NCT99000777", "B"], "GLOAM")(text) == masked


@pytest.mark.parametrize(
    ("text", "planned"),
    [
        ("Any stage of rust lung (closed to accrual as of 11/04/2035)", "Any stage of rust lung"),
        ("Amber lung [closed to accrual 8/35] or rust lung", "Amber lung or rust lung"),
        ("Rust lung is closed to accrual effective 07/02/2035", "Rust lung"),
        ("Arm B: (In November 2035 this arm was closed for lack of efficacy) Fictumab", "Arm B: Fictumab"),
        ("A Randomized Study (Phase I Closed) of Fictumab", "A Randomized Study of Fictumab"),
        ("Fictumab (PART A CLOSED FOR SUBJECT RECRUITMENT.) in adults", "Fictumab in adults"),
        ("[AS PER AMENDMENT 1/21/97: No antacids.]", "[No antacids.]"),
        (
            "Prior fictumab for 3-24 months (amended 04/04/94) before entry",
            "Prior fictumab for 3-24 months before entry",
        ),
        ("Effective June 10, 2035, a history of rust is allowed", "a history of rust is allowed"),
        ("Donors required (As of 8/1/35, permanently closed) below 55 years", "Donors required below 55 years"),
        ("Closed-angle glaucoma; closed head injury", "Closed-angle glaucoma; closed head injury"),
        ("If toxic, stratum 1 is closed and stratum 2 opens", "If toxic, stratum 1 is closed and stratum 2 opens"),
        ("A wound (open or closed) of 12/15 mm", "A wound (open or closed) of 12/15 mm"),
    ],
)
def test_what_came_of_a_part_of_the_trial_is_no_plan(text: str, planned: str) -> None:
    """Registers are edited while a trial runs: what was closed or amended since was not known at its start."""
    assert PlanMask([])(text) == planned


def test_no_prompt_tells_what_was_closed_or_amended_since() -> None:
    lets_in = "- Rust lung (closed to accrual as of 04/02/2035)\n- Amber lung [AS PER AMENDMENT 3/11/2034: any stage]"
    con = connection([HandTrial(number=999, criteria=(lets_in, "- Rust"))])
    for name in TRIAL_TASKS:
        for sample in (s for split in SPLITS for s in tasks()[name].samples(con, split)):
            prompt = tasks()[name].prompt(sample)
            assert "Amber lung" in prompt
            assert not re.search("accrual as of|AMENDMENT|2034|2035", prompt)


@given(st.text(max_size=300))
@settings(derandomize=True, max_examples=200, deadline=None)
def test_masking_twice_changes_nothing(text: str) -> None:
    mask = Mask(["NCT99000777", "X-1234"], "GLOAM")
    once = mask(text)
    assert mask(once) == once


def test_a_trial_reads_as_its_plan() -> None:
    (trial,) = (t for split in SPLITS for t in trials(connection([HandTrial(number=1)]), split))
    text = describe(trial.start)
    assert "Title: A Study of Fictumab in Gloaming Fever" in text
    assert "Phase: phase2" in text
    assert "Masking: double (participant)" in text
    assert "- experimental: Active. Active group [Fictumab]" in text
    assert "Inclusion criteria:\nAdults with Gloaming Fever" in text
    assert "Least age: 18 years" in text
    assert "None" not in text


# --- splits


def _sides(many: list[HandTrial]) -> dict[str, tuple[str, str, str]]:
    con = connection(many)
    return {t.study_id: (split, t.group, t.date) for split in SPLITS for t in trials(con, split)}


def test_splits_follow_time_and_have_their_shares() -> None:
    sides = _sides(many_trials(300))
    dates = {split: sorted(date for side, _, date in sides.values() if side == split) for split in SPLITS}
    assert dates["train"][-1] < dates["validation"][0] <= dates["validation"][-1] < dates["test"][0]
    assert [round(len(dates[split]) / 300, 1) for split in SPLITS] == [0.7, 0.1, 0.2]


def test_trials_that_share_an_id_or_a_title_stay_together_on_the_later_side() -> None:
    many = many_trials(100)
    many += [
        HandTrial(
            number=901, registered="2005-01-01", title="First of a pair that shares an id", also=("ISRCTN99000001",)
        ),
        HandTrial(
            number=902, registered="2019-12-01", title="Second of a pair that shares an id", also=("ISRCTN99000001",)
        ),
        HandTrial(number=903, registered="2005-01-01", title="One title for two quite different trials"),
        HandTrial(number=904, registered="2019-12-01", title="One title, for two quite different TRIALS."),
        HandTrial(number=905, registered="2005-01-01", title="A trial that names another", also=("NCT99000906",)),
        HandTrial(number=906, registered="2019-12-01", title="A trial that is named by another"),
    ]
    sides = _sides(many)
    for one, other in ((901, 902), (903, 904), (905, 906)):
        pair = [sides[f"NCT99000{number}"] for number in (one, other)]
        assert pair[0][:2] == pair[1][:2]
        assert pair[0][0] == "test"
    groups = {split: {group for side, group, _ in sides.values() if side == split} for split in SPLITS}
    assert groups["train"].isdisjoint(groups["test"] | groups["validation"])
    assert groups["validation"].isdisjoint(groups["test"])


def test_a_trial_is_on_the_same_side_in_every_task() -> None:
    con = connection(many_trials(120))
    sides: dict[str, set[str]] = {}
    for task in tasks().values():
        for split in SPLITS:
            for sample in task.samples(con, split):
                sides.setdefault(sample.subject, set()).add(split)
    assert all(len(side) == 1 for side in sides.values())


def test_trials_read_in_pieces_are_the_same_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    con = connection(many_trials(60))
    whole = [list(trials(con, split)) for split in SPLITS]
    monkeypatch.setattr("trialpanorama.tasks._trials._AT_ONCE", 7)
    assert [list(trials(con, split)) for split in SPLITS] == whole
