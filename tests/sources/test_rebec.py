"""ReBEC's OpenTrials XML: two spellings of its values, persons by number, translations."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from trialpanorama.record import Condition, Contact, Outcome, PartialDate, Record, Reject
from trialpanorama.sources import HEAD_BYTES, rebec

FIXTURE = Path(__file__).resolve().parent.parent / "fixtures" / "rebec" / "opentrials.xml"
FORMAT = next(format for format in rebec.SOURCE.formats if format.name == "opentrials-xml")


def read(data: bytes) -> list[Record | Reject]:
    assert [format.name for format in rebec.SOURCE.formats if format.recognise(data[:HEAD_BYTES])] == ["opentrials-xml"]
    return list(FORMAT.outcomes(io.BytesIO(data)))


def one(inside: str = "", id: str = "RBR-99000e1") -> Record:
    (outcome,) = read(
        f"<trials><trial status='published'><trial_identification><trial_id>{id}</trial_id></trial_identification>"
        f"<sponsors_and_support/>{inside}</trial></trials>".encode()
    )
    assert isinstance(outcome, Record), outcome
    return outcome


def study(**values: str) -> str:
    return "<study>" + "".join(f"<{name} value='{value}'/>" for name, value in values.items()) + "</study>"


def test_a_value_is_read_from_text_and_from_attribute() -> None:
    for people in (
        "<recruitment status='not_yet_recruiting'><target_size value='40'/><gender value='both'/></recruitment>",
        "<recruitment study_status='not-yet-recruiting'><target_size>40</target_size><gender>both</gender>"
        "</recruitment>",
    ):
        record = one(
            people + "<outcomes><primary_outcome value='Heat'/><primary_outcome>Cough</primary_outcome></outcomes>"
        )
        assert (record.status, record.enrollment_target, record.sex) == ("NOT_YET_RECRUITING", 40, "ALL")
        assert record.outcomes == [Outcome("PRIMARY", "Heat"), Outcome("PRIMARY", "Cough")]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"allocation": "randomized-controlled", "masking": "double-blind", "intervention_assignment": "parallel"},
         ("RANDOMIZED", "DOUBLE", "PARALLEL")),
        ({"allocation": "non-randomized-controlled", "masking": "open", "intervention_assignment": "cross-over"},
         ("NON_RANDOMIZED", "NONE", "CROSSOVER")),
        ({"allocation": "single-arm-study", "masking": "single-blind", "intervention_assignment": "single-group"},
         ("NA", "SINGLE", "SINGLE_GROUP")),
        ({"allocation": "null", "masking": "null", "intervention_assignment": "null"}, (None, None, None)),
    ],
)  # fmt: skip
def test_the_design_has_fields_of_its_own(values: dict[str, str], expected: tuple[str | None, ...]) -> None:
    record = one(study(**values))
    assert (record.allocation, record.masking, record.intervention_model) == expected


def test_that_a_field_does_not_apply_is_said() -> None:
    study = "<study><phase value='n/a'/><allocation value='n/a'/><purpose value='etiologic'/></study>"
    record = one("<recruitment><gender value='-'/></recruitment>" + study)
    assert (record.phases, record.allocation, record.primary_purpose) == (["NA"], "NA", "OTHER")
    assert (record.sex, record.sex_raw) == ("ALL", "-")


def test_what_the_fields_leave_open_the_sentence_may_say() -> None:
    sentence = "<study_design>Randomised, open trial of treatment, parallel</study_design>"
    record = one(f"<study>{sentence}<masking value='double-blind'/></study>")
    assert (record.allocation, record.masking, record.intervention_model) == ("RANDOMIZED", "DOUBLE", "PARALLEL")
    assert record.primary_purpose == "TREATMENT"


@pytest.mark.parametrize(
    ("least", "greatest", "years"),
    [
        (("18", "years"), ("0", "null"), (18.0, None)),
        (("6", "months"), ("70", "years"), (0.5, 70.0)),
        (("0", "null"), ("0", "years"), (None, None)),
    ],
)
def test_an_age_without_a_unit_is_no_limit(
    least: tuple[str, str], greatest: tuple[str, str], years: tuple[float | None, float | None]
) -> None:
    ages = "".join(
        f"<{name} value='{value}' unit='{unit}'/>"
        for name, (value, unit) in (("agemin", least), ("agemax", greatest))
    )  # fmt: skip
    record = one(f"<recruitment>{ages}</recruitment>")
    assert (record.minimum_age_years, record.maximum_age_years) == years


def test_persons_stand_once_and_are_named_by_number_in_each_role() -> None:
    (first, _) = read(FIXTURE.read_bytes())
    assert isinstance(first, Record)
    said = {
        "name": "Contato Quinze", "affiliation": "Universidade Exemplo",
        "address": "Rua Exemplo, 1, Cidade Exemplo, 00000-000", "email": "contact@example.org", "phone": "000-0000",
    }  # fmt: skip
    assert first.contacts == [Contact("public", **said), Contact("scientific", **said)]


def test_terms_keep_their_vocabulary_and_chapters_are_keywords() -> None:
    (first, second) = read(FIXTURE.read_bytes())
    assert isinstance(first, Record)
    assert isinstance(second, Record)
    assert first.conditions == [
        Condition("Imaginary fever"), Condition("Fever", "C23.888.119.344", "DeCS"),
        Condition("Fever, unspecified", "R50.9", "ICD-10"),
    ]  # fmt: skip
    assert first.keywords == ["Pathological conditions, signs and symptoms", "Antipyretics"]
    assert second.keywords == ["C23", "C23.888.119.344"]
    assert [condition.code for condition in second.conditions] == [None]


def test_dates_say_whether_they_have_come() -> None:
    (first, second) = read(FIXTURE.read_bytes())
    assert isinstance(first, Record)
    assert isinstance(second, Record)
    assert first.start_date == PartialDate("2020-11", "ACTUAL", "11/2020")
    assert second.start_date == PartialDate("2023-06-01", "ESTIMATED", "01/06/2023")
    assert first.registration_date == PartialDate("2021-01-19")


def test_a_trial_that_is_only_told_in_portuguese_says_so() -> None:
    (_, second) = read(FIXTURE.read_bytes())
    assert isinstance(second, Record)
    assert second.language == "pt"
    assert second.public_title is not None
    assert "caminhada" in second.public_title


def test_another_registers_id_is_none_of_rebec() -> None:
    (outcome,) = read(
        b"<trials><trial><trial_identification><trial_id>NCT99000001</trial_id></trial_identification>"
        b"<sponsors_and_support/></trial></trials>"
    )
    assert isinstance(outcome, Reject)
    assert outcome.reason == "missing_identifier"
