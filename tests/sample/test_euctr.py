"""The reader of EU CTR finds in the sample's own files what its truth says."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from trialpanorama.record import Record
from trialpanorama.sample import CLEAN, Mess, windows
from trialpanorama.sample._native import Native
from trialpanorama.sample.euctr import NATIVES
from trialpanorama.sample.lexicon import EUROPE
from trialpanorama.sample.model import Registration, Trial
from trialpanorama.sources import euctr

_STATUSES = {"COMPLETED": "COMPLETED", "TERMINATED": "TERMINATED", "WITHDRAWN": "WITHDRAWN", "SUSPENDED": "SUSPENDED"}
_MASKINGS = {"NONE": "NONE", "SINGLE": "SINGLE"}
_LOWEST = (0, 2, 12, 18, 65)
_HIGHEST = (1, 11, 17, 64, None)


def registered(native: Native, mess: Mess) -> Iterator[tuple[Trial, Registration, str, Record]]:
    """Every trial of three windows that is registered here, with what the reader makes of each protocol."""
    for number in range(3):
        for trial in windows.window(5, number, 200, mess).trials:
            for registration in trial.registrations:
                if registration.register != native.register:
                    continue
                for id, entry in native.entries(trial, registration, mess):
                    data = entry.encode() if isinstance(entry, str) else entry
                    (format,) = [one for one in euctr.SOURCE.formats if one.recognise(data)]
                    (record,) = format.outcomes(io.BytesIO(data))
                    assert isinstance(record, Record)
                    assert record.id == id
                    yield trial, registration, id, record


PROTOCOLS = [native for native in NATIVES if not native.is_beside]


@pytest.mark.parametrize("native", PROTOCOLS, ids=lambda native: native.format)
def test_a_clean_sample_is_read_as_it_is_true(native: Native) -> None:
    seen = results = 0
    for trial, registration, id, record in registered(native, CLEAN):
        seen += 1
        country = next(name for name, code in EUROPE.items() if id.endswith(code))
        assert record.public_title == registration.public_title, id
        assert record.scientific_title == registration.scientific_title, id
        assert record.language is None, id
        assert record.acronym == (trial.acronym or None), id
        assert record.status == _STATUSES.get(registration.status, "UNKNOWN"), id
        assert record.registration_date is not None, id
        assert record.registration_date.date == registration.registered.isoformat(), id
        if registration.status != "WITHDRAWN":
            assert record.start_date is not None, id
            assert record.start_date.date == registration.start.isoformat(), id
        if registration.status in ("COMPLETED", "TERMINATED"):
            assert record.completion_date is not None, id
            assert record.completion_date.date == registration.completion.isoformat(), id
        if trial.study_type == "INTERVENTIONAL":
            phases = [phase.removeprefix("EARLY_") for phase in trial.phases]
            assert record.phases == phases, id
            assert (record.allocation == "RANDOMIZED") == (trial.allocation == "RANDOMIZED"), id
            assert record.masking == _MASKINGS.get(trial.masking or "", "DOUBLE"), id
            if trial.model in ("PARALLEL", "CROSSOVER"):
                assert record.intervention_model == trial.model, id
            if trial.purpose in ("TREATMENT", "PREVENTION", "DIAGNOSTIC"):
                assert record.primary_purpose == trial.purpose, id
        assert record.number_of_arms == len(trial.arms), id
        assert record.enrollment_target == trial.planned, id
        lowest = [round(low) if low else 0 for low in (record.minimum_age_years or 0,)]
        assert lowest == [max(low for low in _LOWEST if low <= (trial.minimum_age or 0))], id
        expected = next((high for high in _HIGHEST if high is None or high >= (trial.maximum_age or 999)), None)
        assert (record.maximum_age_years and int(record.maximum_age_years)) == expected, id
        assert record.sex == trial.sex, id
        assert record.healthy_volunteers == trial.healthy, id
        assert [condition.name for condition in record.conditions] == registration.conditions, id
        products = [item.name for item in trial.interventions if item.name != "Placebo"]
        names = {name.lower() for one in record.interventions for name in (one.name, *one.other_names)}
        assert {name.lower() for name in products} <= names, id
        assert ("placebo" in names) == (len(products) < len(trial.interventions)), id
        assert {one.name for one in record.countries} == {country, *registration.countries}, id
        sponsors = [one.name for one in record.sponsors if one.role in ("LEAD", "COLLABORATOR")]
        assert sponsors == [trial.sponsor, *(name for name, _ in trial.collaborators if name != trial.sponsor)], id
        measures = [one.measure for one in record.outcomes if one.type == "PRIMARY"]
        assert " ".join(measures).split() == " ".join(measure for measure, _ in trial.primary_outcomes).split(), id
        assert record.has_dmc == trial.has_dmc, id
        quoted = {other.removeprefix("JPRN-") for _, other in registration.secondary_ids}
        assert quoted <= {one.id for one in record.identifiers}, id
        assert not any(contact.email for contact in record.contacts), id
        if record.results:
            results += 1
            assert record.enrollment_actual == trial.actual, id
            assert [arm.label for arm in record.arms] == list(dict.fromkeys(arm.label for arm in trial.arms)), id
            assert record.results.outcome_measures[0].title == trial.primary_outcomes[0][0], id
    assert seen > 100
    assert (results > 5) == (native.format == "euctr-ctrdata")


@pytest.mark.parametrize("native", PROTOCOLS, ids=lambda native: native.format)
def test_what_is_missing_or_in_the_way_is_missing_in_the_record(native: Native) -> None:
    seen = 0
    for _, registration, id, record in registered(native, Mess()):
        assert (record.scientific_title is None) == ("official_title" in registration.missing), id
        assert (record.enrollment_target is None) == ("size" in registration.missing), id
        if "masking" in registration.missing and not record.results:
            assert record.masking is None, id
        if registration.contact:
            seen += 1
            assert registration.contact in [(one.name, one.email, one.phone) for one in record.contacts], id
        if registration.contact_in_text:
            assert registration.contact_in_text in str(record.inclusion_criteria), id
    assert seen > 5


def test_results_of_their_own_download_are_those_of_the_trial() -> None:
    (native,) = (native for native in NATIVES if native.is_beside)
    seen = 0
    for number in range(3):
        for trial in windows.window(5, number, 200, CLEAN).trials:
            for registration in trial.registrations:
                if registration.register != "EUCTR":
                    continue
                for id, (name, text) in native.entries(trial, registration, CLEAN):
                    seen += 1
                    (format,) = [one for one in euctr.SOURCE.formats if one.recognise(text.encode())]
                    (record,) = format.outcomes(io.BytesIO(text.encode()), name)
                    assert isinstance(record, Record)
                    assert record.id == id
                    assert record.results is not None
                    assert record.enrollment_actual == trial.actual
                    assert record.start_date is not None
                    assert record.start_date.date == registration.start.isoformat()
                    assert [arm.label for arm in record.arms] == list(dict.fromkeys(arm.label for arm in trial.arms))
                    outcome = record.results.outcome_measures[0]
                    assert (outcome.title, outcome.time_frame) == trial.primary_outcomes[0]
    assert seen > 5
