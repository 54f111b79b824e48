"""The reader of UMIN finds in the sample's own file what its truth says."""

from __future__ import annotations

from pathlib import Path

from tests.sample.conftest import read_back
from trialpanorama.sample import CLEAN, Mess
from trialpanorama.sample.umin import NATIVES

(NATIVE,) = NATIVES


def test_a_clean_sample_is_read_as_it_is_true(tmp_path: Path) -> None:
    for trial, registration, record in read_back(NATIVE, tmp_path, CLEAN):
        where = registration.id
        assert record.public_title == registration.public_title, where
        assert record.scientific_title == registration.scientific_title, where
        assert record.language is None
        assert record.study_type == trial.study_type, where
        if trial.phases and trial.phases[0] != "NA":
            assert record.phases == list(trial.phases), where
        if trial.study_type == "INTERVENTIONAL":
            assert record.allocation == trial.allocation, where
            assert record.intervention_model in ("PARALLEL", trial.model), where
            assert record.is_masked == (trial.masking != "NONE"), where
            assert record.primary_purpose in ("OTHER", trial.purpose), where
        status = {"WITHDRAWN": "TERMINATED", "UNKNOWN": "UNKNOWN"}.get(registration.status, registration.status)
        assert record.status == status, where
        for field, day in (
            (record.registration_date, registration.registered),
            (record.start_date, registration.start),
            (record.completion_date, registration.completion),
            (record.last_updated_date, registration.updated),
        ):
            assert field is not None, where
            assert field.date == day.isoformat(), where
        assert record.enrollment_target == trial.planned, where
        assert record.number_of_arms == len(trial.arms), where
        assert [arm.description for arm in record.arms] == [arm.description for arm in trial.arms], where
        assert record.minimum_age_years == trial.minimum_age, where
        assert record.maximum_age_years == trial.maximum_age, where
        assert record.sex == trial.sex, where
        assert [condition.name for condition in record.conditions] == ["; ".join(registration.conditions)], where
        assert [sponsor.name for sponsor in record.sponsors if sponsor.role == "LEAD"] == [trial.sponsor], where
        primary = [outcome.measure for outcome in record.outcomes if outcome.type == "PRIMARY"]
        assert primary == [f"{measure} ({frame})" for measure, frame in trial.primary_outcomes], where
        assert record.inclusion_criteria == "\n".join(trial.inclusion), where
        assert record.contacts == [], where
        assert record.notes == [], where


def test_a_messy_sample_is_read_too(tmp_path: Path) -> None:
    everything = Mess(**dict.fromkeys(Mess.__struct_fields__, 1))
    for _, registration, record in read_back(NATIVE, tmp_path, everything):
        assert record.public_title == registration.public_title
        assert registration.contact is not None
        assert [contact.email for contact in record.contacts] == [registration.contact[1]]
        assert registration.contact_in_text in (record.inclusion_criteria or "")
        assert (record.allocation, record.masking, record.enrollment_target) in {(None, None, None), ("NA", None, None)}
