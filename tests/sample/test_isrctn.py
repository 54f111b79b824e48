"""The reader of ISRCTN finds in the sample's own files what its truth says."""

from __future__ import annotations

import io

from trialpanorama.record import Record
from trialpanorama.sample import CLEAN, Mess, windows
from trialpanorama.sample.isrctn import NATIVES
from trialpanorama.sample.model import SNAPSHOT, Registration, Trial
from trialpanorama.sources import isrctn

(NATIVE,) = NATIVES
FORMAT = isrctn.SOURCE.formats[0]


def registered(mess: Mess) -> list[tuple[Trial, Registration, Record]]:
    """Every trial of four windows that is registered here, with what the reader makes of its entry."""
    found = []
    for number in range(4):
        for trial in windows.window(5, number, 200, mess).trials:
            for registration in trial.registrations:
                if registration.register != NATIVE.register:
                    continue
                for id, entry in NATIVE.entries(trial, registration, mess):
                    document = f'<allTrials xmlns="http://www.67bricks.com/isrctn">{entry}</allTrials>'.encode()
                    assert FORMAT.recognise(document)
                    (record,) = FORMAT.outcomes(io.BytesIO(document), NATIVE.path.format(1))
                    assert isinstance(record, Record)
                    assert record.id == id == registration.id
                    found.append((trial, registration, record))
    assert len(found) > 40
    return found


def test_a_clean_sample_is_read_as_it_is_true() -> None:
    for trial, registration, record in registered(CLEAN):
        where = registration.id
        assert record.public_title == registration.public_title, where
        assert record.scientific_title == registration.scientific_title, where
        assert record.study_type == trial.study_type, where
        if trial.phases and "EARLY_PHASE1" not in trial.phases:
            assert record.phases == list(trial.phases), where
        if trial.study_type == "INTERVENTIONAL":
            assert record.allocation == trial.allocation, where
            assert record.is_masked == (trial.masking != "NONE"), where
            assert record.masking in (None, "DOUBLE", trial.masking), where
            assert record.intervention_model in (None, trial.model), where
            assert record.primary_purpose in ("OTHER", trial.purpose), where
        if registration.status == "WITHDRAWN":
            assert record.status == "TERMINATED", where  # there is one word for both
        elif registration.completion != SNAPSHOT:  # on the very day it may be either
            assert record.status == registration.status.replace("ENROLLING_BY_INVITATION", "RECRUITING"), where
        assert record.why_stopped == trial.why_stopped, where
        for field, day in (
            (record.registration_date, registration.registered),
            (record.start_date, registration.start),
            (record.completion_date, registration.completion),
        ):
            assert field is not None, where
            assert field.date == day.isoformat(), where
        assert record.enrollment_target == trial.planned, where
        assert record.minimum_age_years == trial.minimum_age, where
        assert record.maximum_age_years == trial.maximum_age, where
        assert record.sex == trial.sex, where
        assert {condition.name for condition in record.conditions} == set(registration.conditions), where
        assert {country.name for country in record.countries} == set(trial.countries), where
        assert all(location.city for location in record.locations), where
        assert len(record.locations) == len(trial.sites), where
        assert [sponsor.name for sponsor in record.sponsors if sponsor.role == "LEAD"] == [trial.sponsor], where
        primary = [outcome for outcome in record.outcomes if outcome.type == "PRIMARY"]
        assert [
            outcome.measure.startswith(measure)
            for outcome, (measure, _) in zip(primary, trial.primary_outcomes, strict=True)
        ]
        assert len(record.outcomes) == len(trial.primary_outcomes) + len(trial.secondary_outcomes), where
        named = {identifier.id for identifier in record.identifiers}
        assert {id for kind, id in registration.secondary_ids if kind != "EUCTR"} <= named, where
        assert record.contacts == [], where


def test_what_is_missing_or_in_the_way_is_missing_in_the_record() -> None:
    messy = Mess()
    seen = 0
    for _, registration, record in registered(messy):
        assert (record.scientific_title is None) == ("official_title" in registration.missing)
        assert (record.completion_date is None) == ("completion" in registration.missing)
        assert (record.enrollment_target is None) == ("size" in registration.missing)
        assert (record.locations == []) == ("locations" in registration.missing)
        if registration.contact:
            seen += 1
            assert registration.contact in [(contact.name, contact.email, contact.phone) for contact in record.contacts]
        if registration.contact_in_text:
            assert registration.contact_in_text in str(record.brief_summary)
    assert seen > 5
