"""The reader of CTIS finds in the sample's own files what its truth says."""

from __future__ import annotations

import io
import re
from collections import Counter

from trialpanorama.record import Record
from trialpanorama.sample import CLEAN, Mess, windows
from trialpanorama.sample.ctis import NATIVES
from trialpanorama.sample.lexicon import CITIES, EUROPE
from trialpanorama.sample.model import SNAPSHOT, Registration, Trial
from trialpanorama.sources import ctis

(NATIVE,) = NATIVES
(FORMAT,) = [format for format in ctis.SOURCE.formats if format.name == "retrieve-json"]


def registered(mess: Mess) -> list[tuple[Trial, Registration, Record, bytes]]:
    """Every trial of six windows that is registered here, with what the reader makes of its answer."""
    found = []
    for number in range(6):
        for trial in windows.window(5, number, 200, mess).trials:
            for registration in trial.registrations:
                if registration.register != NATIVE.register:
                    continue
                for id, answer in NATIVE.entries(trial, registration, mess):
                    assert FORMAT.recognise(answer)
                    (record,) = FORMAT.outcomes(io.BytesIO(answer))
                    assert isinstance(record, Record)
                    assert record.id == id == registration.id
                    found.append((trial, registration, record, answer))
    return found


def test_a_clean_sample_is_read_as_it_is_true() -> None:
    shapes: Counter[bool] = Counter()
    for trial, registration, record, answer in registered(CLEAN):
        where = registration.id
        shapes[b"authorizedApplication" in answer] += 1
        assert record.public_title == registration.public_title, where
        assert record.scientific_title == registration.scientific_title, where
        expected = {"ENROLLING_BY_INVITATION": "RECRUITING", "UNKNOWN": "RECRUITING"}
        is_seen = registration.status != "TERMINATED" or set(EUROPE) & set(registration.countries)
        if is_seen:
            assert record.status == expected.get(registration.status, registration.status), where
        assert record.registration_date is None or record.registration_date.date == registration.registered.isoformat()
        assert record.start_date is not None, where
        assert record.start_date.date == registration.start.isoformat(), where
        in_europe = set(EUROPE) & set(registration.countries)
        if in_europe:
            assert record.start_date.type == ("ACTUAL" if registration.start <= SNAPSHOT else "ESTIMATED"), where
        assert record.completion_date is not None, where
        assert record.completion_date.date == registration.completion.isoformat(), where
        if trial.study_type == "INTERVENTIONAL":
            phases = ["PHASE1" if phase == "EARLY_PHASE1" else phase for phase in trial.phases if phase != "NA"]
            assert record.phases == phases, where
            assert record.allocation == trial.allocation, where
            assert record.masked_roles == sorted(trial.who_masked, key=_ORDER.index), where
            if trial.who_masked:
                assert record.masking == trial.masking, where
            if trial.purpose in ("TREATMENT", "PREVENTION", "DIAGNOSTIC"):
                assert record.primary_purpose == trial.purpose, where
        assert record.enrollment_target == trial.planned, where
        assert record.sex == trial.sex, where
        assert record.healthy_volunteers == trial.healthy, where
        assert [condition.name for condition in record.conditions] == registration.conditions, where
        assert [one.name for one in record.interventions] == [one.name for one in trial.interventions], where
        assert [arm.label for arm in record.arms] == [arm.label for arm in trial.arms], where
        assert len(record.locations) == sum(1 for _ in _sites(trial)), where
        assert {country.name for country in record.countries} == set(registration.countries), where
        assert [one.name for one in record.sponsors if one.role == "LEAD"] == [trial.sponsor], where
        inclusion = [re.sub(r"^\d+\. ", "", line) for line in (record.inclusion_criteria or "").split("\n")]
        assert inclusion == trial.inclusion, where
        primary = [one.measure for one in record.outcomes if one.type == "PRIMARY"]
        assert primary == [f"{measure} ({frame})" for measure, frame in trial.primary_outcomes], where
        quoted = {id.removeprefix("JPRN-") for _, id in registration.secondary_ids}
        assert quoted <= {one.id for one in record.identifiers}, where
        assert not any(contact.email for contact in record.contacts), where
    assert min(shapes[True], shapes[False]) > 3


_ORDER = ["PARTICIPANT", "CARE_PROVIDER", "INVESTIGATOR", "OUTCOMES_ASSESSOR"]


def _sites(trial: Trial) -> list[int]:
    return [site for site in trial.sites if CITIES[site][3] in EUROPE]


def test_what_is_missing_or_in_the_way_is_missing_in_the_record() -> None:
    seen = 0
    for _, registration, record, _ in registered(Mess()):
        assert (record.enrollment_target is None) == ("size" in registration.missing)
        if "locations" in registration.missing:
            assert record.locations == []
        if registration.contact:
            seen += 1
            assert registration.contact in [(one.name, one.email, one.phone) for one in record.contacts]
        if registration.contact_in_text:
            assert registration.contact_in_text in str(record.inclusion_criteria)
    assert seen > 2
