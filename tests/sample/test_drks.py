"""The reader of DRKS finds in the sample's own files what its truth says."""

from __future__ import annotations

import io

from trialpanorama.record import Record
from trialpanorama.sample import CLEAN, Mess, windows
from trialpanorama.sample.drks import NATIVES
from trialpanorama.sample.model import Registration, Trial
from trialpanorama.sources import drks

(NATIVE,) = NATIVES
(FORMAT,) = drks.SOURCE.formats


def registered(mess: Mess) -> list[tuple[Trial, Registration, Record]]:
    """Every trial of six windows that is registered here, with what the reader makes of its study."""
    found = []
    for number in range(6):
        for trial in windows.window(5, number, 200, mess).trials:
            for registration in trial.registrations:
                if registration.register != NATIVE.register:
                    continue
                for id, study in NATIVE.entries(trial, registration, mess):
                    assert FORMAT.recognise(b"[" + study + b"]")
                    (record,) = FORMAT.outcomes(io.BytesIO(b"[" + study + b"]"))
                    assert isinstance(record, Record)
                    assert record.id == id == registration.id
                    found.append((trial, registration, record))
    assert len(found) > 25
    return found


def test_a_clean_sample_is_read_as_it_is_true() -> None:
    for trial, registration, record in registered(CLEAN):
        where = registration.id
        assert record.public_title == registration.public_title, where
        assert record.language is None, where
        assert "Deutsch" not in repr(record), where
        assert record.study_type == trial.study_type, where
        if trial.phases:
            assert record.phases == list(trial.phases), where
        if trial.study_type == "INTERVENTIONAL":
            assert record.allocation == trial.allocation, where
            is_level_told = trial.masking == "NONE" or trial.who_masked  # the register has no word for the level
            assert record.masking == (trial.masking if is_level_told else None), where
            assert record.is_masked == (trial.masking != "NONE"), where
            expected = {"CARE_PROVIDER" if role == "INVESTIGATOR" else role for role in trial.who_masked}
            assert set(record.masked_roles) == expected, where
            assert record.intervention_model in (None, trial.model), where
            assert record.primary_purpose == trial.purpose, where
        assert record.status == registration.status, where
        assert record.why_stopped == trial.why_stopped, where
        assert record.start_date is not None, where
        assert record.start_date.date == registration.start.isoformat(), where
        assert record.completion_date is not None, where
        assert record.completion_date.date == registration.completion.isoformat(), where
        assert record.enrollment_target == trial.planned, where
        assert record.minimum_age_years == trial.minimum_age, where
        assert record.maximum_age_years == trial.maximum_age, where
        assert record.sex == trial.sex, where
        assert [condition.name for condition in record.conditions] == registration.conditions, where
        assert [country.name for country in record.countries] == trial.countries, where
        assert len(record.locations) == len(trial.sites), where
        assert [arm.description for arm in record.arms] == [f"{arm.label}: {arm.description}" for arm in trial.arms], (
            where
        )
        assert [sponsor.name for sponsor in record.sponsors if sponsor.role == "LEAD"] == [trial.sponsor], where
        assert len(record.outcomes) == len(trial.primary_outcomes) + len(trial.secondary_outcomes), where
        assert {id for kind, id in registration.secondary_ids} <= {i.id for i in record.identifiers}, where
        assert not any(contact.email for contact in record.contacts), where


def test_what_is_missing_or_in_the_way_is_missing_in_the_record() -> None:
    seen = 0
    for _, registration, record in registered(Mess()):
        assert (record.completion_date is None) == ("completion" in registration.missing)
        assert (record.enrollment_target is None) == ("size" in registration.missing)
        assert (record.locations == []) == ("locations" in registration.missing)
        if registration.contact:
            seen += 1
            assert registration.contact in [(contact.name, contact.email, contact.phone) for contact in record.contacts]
        if registration.contact_in_text:
            assert registration.contact_in_text in str(record.brief_summary)
    assert seen > 5
