"""ChiCTR and ITMCTR: groups with their sizes, the phase that is none, and the real file."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from trialpanorama.record import Outcome, PartialDate, Record
from trialpanorama.sources import HEAD_BYTES, chictr

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "chictr"
(FORMAT,) = chictr.SOURCE.formats


def read(data: bytes) -> list[Record]:
    assert FORMAT.recognise(data[:HEAD_BYTES])
    outcomes = list(FORMAT.outcomes(io.BytesIO(data)))
    assert all(isinstance(outcome, Record) for outcome in outcomes), outcomes
    return [outcome for outcome in outcomes if isinstance(outcome, Record)]


def one(main: str = "", rest: str = "", id: str = "ChiCTR9900000001") -> Record:
    (record,) = read(f"<trials><Triall><main><trial_id>{id}</trial_id>{main}</main>{rest}</Triall></trials>".encode())
    return record


@pytest.mark.parametrize(
    ("raw", "size"),
    [
        ("Experimental group:30;Control group:30;", 60),
        ("试验组：30；对照组：40；", 70),
        ("Case series:100", 100),
        ("Group 1:30;Group 2:;", None),
        ("30 in each group", 30),
        ("9999", None),
    ],
)
def test_the_sizes_of_groups_are_added_up(raw: str, size: int | None) -> None:
    record = one(f"<target_size>{raw}</target_size>")
    assert record.enrollment_target == size
    assert record.enrollment_raw == raw
    assert bool(record.notes) is (size is None)


def test_a_study_that_was_called_off_says_so_before_its_title() -> None:
    title = "<public_title>Cancelled due to lack of patients      A trial of needles</public_title>"
    record = one(f"{title}<recruitment_status>Recruiting</recruitment_status>")
    assert (record.status, record.status_raw) == ("WITHDRAWN", "Recruiting")
    assert (record.why_stopped, record.public_title) == ("Cancelled due to lack of patients", "A trial of needles")


def test_groups_are_arms_also_those_that_get_nothing() -> None:
    record = one("<i_freetext>Needles:Ten needles;Tea:Tea; three cups;Control:N/A;</i_freetext>")
    assert [(arm.label, arm.description) for arm in record.arms] == [
        ("Needles", "Ten needles"), ("Tea", "Tea; three cups"), ("Control", None),
    ]  # fmt: skip
    assert [(i.name, i.arm_labels) for i in record.interventions] == [
        ("Ten needles", ["Needles"]), ("Tea; three cups", ["Tea"]),
    ]  # fmt: skip
    assert record.number_of_arms == 3


@pytest.mark.parametrize(
    ("raw", "phases", "is_doubtful"),
    [
        ("0", ["EARLY_PHASE1"], True),
        ("I (Phase I study)", ["PHASE1"], False),
        ("I+II (Phase I+Phase II)", ["PHASE1", "PHASE2"], False),
        ("New Treatment Measure Clinical Study", ["NA"], False),
        ("Diagnostic New Technique Clincal Study", ["NA"], False),
        ("Retrospective study", ["NA"], False),
    ],
)
def test_phases(raw: str, phases: list[str], is_doubtful: bool) -> None:
    record = one(f"<phase>{raw}</phase>")
    assert record.phases == phases
    assert record.phase_raw == raw
    assert [note.field for note in record.notes] == ["phases"] * is_doubtful


@pytest.mark.parametrize(
    ("raw", "allocation", "model", "observed"),
    [
        ("Parallel", None, "PARALLEL", None),
        ("Factorial", None, "FACTORIAL", None),
        ("Single arm", "NA", "SINGLE_GROUP", None),
        ("Sequential", None, "SEQUENTIAL", None),
        ("Case-Control study", None, None, "CASE_CONTROL"),
        ("Non randomized control", "NON_RANDOMIZED", None, None),
    ],
)
def test_the_one_word_of_the_design(raw: str, allocation: str | None, model: str | None, observed: str | None) -> None:
    record = one(f"<study_design>{raw}</study_design>")
    assert (record.allocation, record.intervention_model, record.observational_model) == (allocation, model, observed)


def test_lists_of_outcomes_are_taken_apart() -> None:
    rest = (
        "<primary_outcome><prim_outcome>heat;cough, dry;</prim_outcome></primary_outcome>"
        "<secondary_outcome><sec_outcome>sleep;</sec_outcome><sec_outcome/></secondary_outcome>"
    )
    assert one(rest=rest).outcomes == [
        Outcome("PRIMARY", "heat"), Outcome("PRIMARY", "cough, dry"), Outcome("SECONDARY", "sleep"),
    ]  # fmt: skip


def test_ids_of_both_registers_and_of_the_older_kinds() -> None:
    for id, printed, register in (
        ("ChiCTR-TRC-99000002", "ChiCTR-TRC-99000002", "chictr"),
        ("chictr 9900000001", "ChiCTR9900000001", "chictr"),
        ("ITMCTR9900000001", "ITMCTR9900000001", "itmctr"),
        ("ChiMCTR9900000001", "ChiMCTR9900000001", "itmctr"),
    ):
        record = one(id=id)
        assert (record.id, record.register) == (printed, register)


def test_texts_that_are_only_chinese_say_so() -> None:
    (record,) = read((FIXTURES / "ChiCTR-TRC-99000002.xml").read_bytes())
    assert record.language == "zh"
    assert record.start_date == PartialDate(date="2013-05")
    (other,) = read((FIXTURES / "ITMCTR9900000003.xml").read_bytes())
    assert (other.language, other.ipd_sharing, other.enrollment_actual) == (None, "YES", 78)


def test_real_file_agrees_with_a_reading_by_hand(shared_data: Path) -> None:
    data = (shared_data / "registries" / "chictr" / "ChiCTR2000034346.xml").read_bytes()
    records = read(data)
    assert len(records) == len(re.findall(rb"<Triall\b", data)) == 1
    (record,) = records
    dates = (record.registration_date, record.start_date)
    assert [found.date for found in dates if found] == ["2020-07-02", "2020-04-10"]
    assert (record.id, record.status, record.phases, record.study_type) == (
        "ChiCTR2000034346", "COMPLETED", ["NA"], "OTHER",
    )  # fmt: skip
    assert (record.enrollment_target, record.number_of_arms, record.sex) == (2418 + 821, 2, "ALL")
    assert (record.minimum_age_years, record.maximum_age_years) == (None, None)
    assert [sponsor.role for sponsor in record.sponsors] == ["LEAD", "FUNDER"]
    assert [contact.type for contact in record.contacts] == ["scientific", "public", "ethics"]
    assert [country.name for country in record.countries] == ["China"]
    assert (len(record.conditions), len(record.interventions), len(record.outcomes)) == (1, 0, 1)
    assert record.notes == []
