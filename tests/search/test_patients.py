"""What is read of a patient from a description."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialpanorama.search.patients import Patient, ailments, read_patient

READ = {
    "A 45-year-old man with chest pain, married to a woman of 40 years": Patient(45, "MALE"),
    "48 M with hypertension": Patient(48, "MALE"),
    "74M hx of stroke": Patient(74, "MALE"),
    "79 yo F with dyspnea": Patient(79, "FEMALE"),
    "Pt is a 22yo F, otherwise healthy, with a 5 yr history of mastocytosis": Patient(22, "FEMALE"),
    "70 y/o with COPD. She uses oxygen.": Patient(70, "FEMALE"),
    "A 57-year old farmer. He has a tremor.": Patient(57, "MALE"),
    "A 41 year man who plays": Patient(41, "MALE"),
    "A 6-month-old male infant": Patient(0.5, "MALE"),
    "A 3-day-old female infant born to a 30-year-old mother": Patient(0.0082, "FEMALE"),
    "A 15-week-old infant": Patient(0.2875, None),
    "19 yo Hispanic, G1P1 at 32 weeks": Patient(19, "FEMALE"),
    "A mother brings her son, aged 7, who coughs": Patient(7, None),
    "BP 120/80, pulse 70, EF 60% 2 years ago": Patient(None, None),
    "Blood pressure was 160 and he was admitted 3 days ago": Patient(None, "MALE"),
    "": Patient(),
}


@pytest.mark.parametrize(("description", "expected"), READ.items(), ids=[*READ])
def test_age_and_sex_are_read(description: str, expected: Patient) -> None:
    assert read_patient(description) == expected


def test_what_ails_a_patient_is_neither_figures_nor_what_is_denied() -> None:
    words = ailments(
        "A 45-year-old man with gout. He denies fever or chills, no rash; pulse 92/min. Without pain, obese."
    )
    assert {"gout", "obese", "man"} <= {*words.replace(".", " ").replace(",", " ").split()}
    assert not {"fever", "chills", "rash", "92", "45", "pain"} & {*words.replace(".", " ").split()}


@given(st.text(max_size=300))
def test_any_text_can_be_a_description(text: str) -> None:
    patient = read_patient(text)
    assert patient.age_years is None or 0 <= patient.age_years <= 999
    assert len(ailments(text)) <= 2 * len(text)
