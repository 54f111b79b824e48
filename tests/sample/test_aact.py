"""The sample's AACT tables say what is true, and what the same study's API v2 JSON says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.aact_tables import differences, of_json, read, tables_of
from tests.sample.conftest import Written
from trialpanorama import ingest
from trialpanorama.record import Record
from trialpanorama.sample import CLEAN, Mess, clinicaltrials_gov, windows


@pytest.mark.parametrize("as_exported", [False, True])
def test_a_study_gives_the_same_record_as_its_json(tmp_path: Path, as_exported: bool) -> None:
    documents = [
        clinicaltrials_gov.study(trial, registration)
        for trial in windows.window(11, 0, 200, Mess()).trials
        for registration in trial.registrations
        if registration.register == "ClinicalTrials.gov"
    ]
    outcomes = read(tables_of(documents, tmp_path / "aact.zip", as_exported))
    found = {outcome.id: outcome for outcome in outcomes if isinstance(outcome, Record)}
    assert len(found) == len(outcomes) == len(documents) > 100
    expected = [of_json(document) for document in documents]
    assert sum(record.results is not None for record in expected) > 10
    places = {place for one in expected for place, _, _ in differences(one, found[one.id], as_exported)}
    assert places == {".mesh_terms[].id"}
    assert [record.contacts for record in expected] == [found[record.id].contacts for record in expected]


def test_the_tables_say_what_is_true(clean: Written) -> None:
    truth = {
        record["id"]: trial
        for trial in clean.truth["trials"]
        for record in trial["records"]
        if record["format"] == "aact-flat-files"
    }
    (item,) = (item for item in clean.truth["inputs"] if item["format"] == "aact-flat-files")
    (file,) = ingest.find_inputs([clean.directory / item["file"]])
    records = list(ingest.read_piece(ingest.Piece(file)))
    assert len(records) == len(truth) == item["inputs"] > 3
    for record in records:
        assert isinstance(record, Record)
        trial = truth[record.id]
        assert (record.source, record.register, record.place.member) == ("aact", "clinicaltrials_gov", "studies.txt")
        assert record.scientific_title == trial["title"]
        assert record.status == trial["status"]
        assert record.why_stopped == trial["why_stopped"]
        assert record.study_type == trial["study_type"]
        if trial["study_type"] == "INTERVENTIONAL":
            assert list(record.phases) == trial["phases"]
        assert record.allocation == trial["allocation"]
        assert record.intervention_model == trial["intervention_model"]
        assert record.masking == trial["masking"]
        assert record.primary_purpose == trial["primary_purpose"]
        assert len(record.arms) == (trial["arms"] if trial["study_type"] != "EXPANDED_ACCESS" else 0)
        primary = [(o.measure, o.time_frame) for o in record.outcomes if o.type == "PRIMARY"]
        assert primary == [(o["measure"], o["time_frame"]) for o in trial["primary_outcomes"]]
        assert {c.name for c in record.countries} == (set(trial["countries"]) if record.locations else set())
        assert [s.name for s in record.sponsors if s.role == "LEAD"] == [trial["sponsor"]]


def test_the_archive_depends_on_its_content_alone(tmp_path: Path) -> None:
    trial = windows.window(11, 0, 200, CLEAN).trials[0]
    document = clinicaltrials_gov.study(trial, trial.registrations[0]) | {}
    document["protocolSection"]["identificationModule"]["nctId"] = "NCT99000001"
    for name in ("a.zip", "b.zip"):
        tables_of([document], tmp_path / name)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
