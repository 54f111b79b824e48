"""The readers of the uploads to WHO find in the sample's own files what its truth says."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.sample.conftest import read
from trialpanorama.record import Record
from trialpanorama.sample import CLEAN, Mess, chictr, provider_xml, windows
from trialpanorama.sample._native import Native
from trialpanorama.sample.model import Registration, Trial
from trialpanorama.sources import HEAD_BYTES, recognise

NATIVES = (*provider_xml.NATIVES, *chictr.NATIVES)
Row = tuple[Trial, Registration, Record]


def contents(path: Path) -> Iterator[bytes]:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            yield from (archive.read(name) for name in archive.namelist())
    else:
        yield gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


@cache
def registrations(mess: Mess) -> list[tuple[Trial, Registration]]:
    """All registrations of some windows."""
    trials = [trial for number in range(4) for trial in windows.window(5, number, 200, mess).trials]
    return [(trial, registration) for trial in trials for registration in trial.registrations]


def written(native: Native, folder: Path, mess: Mess) -> list[Row]:
    """Every trial of some windows that is registered here, written to a file and read by the source it is meant for."""
    path = folder / native.path.format(1).rpartition("/")[2]
    output = native.open(path, native.format)
    given = {}
    for trial, registration in registrations(mess):
        if registration.register == native.register:
            for id, entry in native.entries(trial, registration, mess):
                output.add(entry)
                given[id] = (trial, registration)
    output.close()
    assert [id for id, _ in read(path, native.format)] == [*given]
    found = []
    for content in contents(path):
        claimed = recognise(content[:HEAD_BYTES])
        assert claimed is not None
        assert claimed[0].name == native.source
        for record in claimed[1].outcomes(io.BytesIO(content)):
            assert isinstance(record, Record), record
            found.append((*given[record.id], record))
    assert len(found) == len(given) >= 4
    return found


@pytest.mark.parametrize("native", NATIVES, ids=lambda native: native.source)
def test_a_clean_sample_is_read_as_it_is_true(native: Native, tmp_path: Path) -> None:
    for trial, registration, record in written(native, tmp_path, CLEAN):
        where = registration.id
        assert record.register == native.source
        assert record.public_title == registration.public_title, where
        assert record.scientific_title == registration.scientific_title, where
        assert record.study_type == trial.study_type, where
        if trial.phases and "EARLY_PHASE1" not in trial.phases and trial.phases[0] != "NA":
            assert record.phases == list(trial.phases), where
        if trial.study_type == "INTERVENTIONAL":
            assert record.intervention_model in (None, trial.model), where
            assert record.primary_purpose in (None, "OTHER", trial.purpose), where
            assert record.masking in (None, "DOUBLE", "TRIPLE", trial.masking), where
            if trial.allocation == "RANDOMIZED" and native.source != "chictr":
                assert record.allocation == "RANDOMIZED", where
        for field, day in (
            (record.registration_date, registration.registered),
            (record.start_date, registration.start),
            (record.completion_date, registration.completion),
        ):
            assert field is not None, where
            assert field.date == day.isoformat(), where
        assert record.enrollment_target == trial.planned, where
        if native.source not in ("ctri", "repec"):  # which do not say ages
            assert record.minimum_age_years == trial.minimum_age, where
            assert record.maximum_age_years == trial.maximum_age, where
        assert record.sex == trial.sex, where
        assert {condition.name for condition in record.conditions} == set(registration.conditions), where
        assert {country.name for country in record.countries} == set(trial.countries), where
        assert [sponsor.name for sponsor in record.sponsors if sponsor.role == "LEAD"] == [trial.sponsor], where
        assert {s.name for s in record.sponsors if s.role == "COLLABORATOR"} == {n for n, _ in trial.collaborators}
        primary = [outcome.measure for outcome in record.outcomes if outcome.type == "PRIMARY"]
        assert all(
            said.startswith(measure) for said, (measure, _) in zip(primary, trial.primary_outcomes, strict=True)
        ), where
        frames = [outcome.time_frame for outcome in record.outcomes if outcome.type == "PRIMARY"]
        if native.source in ("irct", "ctri", "tctr", "slctr", "lbctr", "repec"):
            assert frames == [frame for _, frame in trial.primary_outcomes], where
        assert record.inclusion_criteria is not None
        assert all(line in record.inclusion_criteria for line in trial.inclusion), where
        named = {identifier.id for identifier in record.identifiers}
        assert {id for kind, id in registration.secondary_ids if kind not in ("CTIS", "jRCT")} <= named, where
        assert record.contacts == [], where
        assert [note.note for note in record.notes if note.field != "phases"] == [], where


@pytest.mark.parametrize("native", NATIVES, ids=lambda native: native.source)
def test_a_messy_sample_is_read_too(native: Native, tmp_path: Path) -> None:
    everything = Mess(**dict.fromkeys(Mess.__struct_fields__, 1))
    for _, registration, record in written(native, tmp_path, everything):
        assert record.public_title == registration.public_title, registration.id
        assert record.enrollment_target is None
        assert record.contacts
        assert record.contacts[0].name == registration.contact[0] if registration.contact else False
        assert registration.contact_in_text in (record.inclusion_criteria or ""), registration.id
        assert "<br>" not in (record.exclusion_criteria or "")
        assert "&" not in (record.exclusion_criteria or "").replace(" & ", "")
