"""The reader of OpenTrials XML finds in the sample's own file what its truth says."""

from __future__ import annotations

from pathlib import Path

from tests.sample.conftest import read_back
from trialpanorama.sample import CLEAN, Mess
from trialpanorama.sample.rebec import NATIVES

(NATIVE,) = NATIVES


def test_a_clean_sample_is_read_as_it_is_true(tmp_path: Path) -> None:
    for trial, registration, record in read_back(NATIVE, tmp_path, CLEAN):
        where = registration.id
        assert record.public_title == registration.public_title, where
        assert record.scientific_title == registration.scientific_title, where
        assert record.study_type == trial.study_type, where
        if trial.study_type == "INTERVENTIONAL":
            assert record.phases == (list(trial.phases) or ["NA"]), where
            assert record.allocation == trial.allocation, where
            assert record.intervention_model in (None, trial.model), where
            assert record.masking == trial.masking, where
            assert record.primary_purpose == trial.purpose, where
        assert record.status == registration.status.replace("ENROLLING_BY_INVITATION", "RECRUITING"), where
        for field, day in (
            (record.registration_date, registration.registered),
            (record.start_date, registration.start),
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
        assert [condition.name for condition in record.conditions] == registration.conditions, where
        assert {country.name for country in record.countries} == set(trial.countries), where
        assert [sponsor.name for sponsor in record.sponsors if sponsor.role == "LEAD"] == [trial.sponsor], where
        primary = [outcome.measure for outcome in record.outcomes if outcome.type == "PRIMARY"]
        assert primary == [f"{measure}, {frame}" for measure, frame in trial.primary_outcomes], where
        assert record.inclusion_criteria == "\n".join(trial.inclusion), where
        assert (record.contacts, record.notes) == ([], []), where


def test_a_messy_sample_is_read_too(tmp_path: Path) -> None:
    everything = Mess(**dict.fromkeys(Mess.__struct_fields__, 1))
    for _, registration, record in read_back(NATIVE, tmp_path, everything):
        assert record.public_title == registration.public_title
        assert registration.contact is not None
        assert [(c.type, c.name, c.email) for c in record.contacts] == [
            (kind, *registration.contact[:2]) for kind in ("public", "scientific")
        ]
        assert registration.contact_in_text in (record.inclusion_criteria or "")
        assert (record.allocation, record.masking, record.enrollment_target) == (None, None, None)
