"""The project's readers, which share no code with the sample, find in it what its truth says."""

from __future__ import annotations

import gzip
import io
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tests.sample.conftest import Written
from trialpanorama import identifiers, ingest
from trialpanorama.record import Record, Reject
from trialpanorama.sources import recognise

pytestmark = pytest.mark.slow


def _read(written: Written, item: dict[str, Any]) -> Iterator[Record | Reject]:
    path = written.directory / item["file"]
    if path.suffix == ".zip":
        (found,) = ingest.find_inputs([path])
        yield from ingest.read_piece(ingest.Piece(found))
        return
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    recognised = recognise(content[:65_536])
    assert recognised is not None, item["file"]
    yield from recognised[1].outcomes(io.BytesIO(content))


def _registered(written: Written) -> Iterator[tuple[str, Record, dict[str, Any]]]:
    """Format, Record and truth of every registration."""
    truth = {
        (record["file"], str(identifiers.normalise(record["id"]).id)): trial  # type: ignore[union-attr]
        for trial in written.truth["trials"]
        for record in trial["records"]
    }
    for item in written.truth["inputs"]:
        if item["file"].startswith("registries/"):
            for one in _read(written, item):
                assert isinstance(one, Record)
                yield item["format"], one, truth[item["file"], one.id]


@pytest.mark.parametrize("name", ["clean", "messy"])
def test_each_input_is_read_or_rejected_as_meant(name: str, request: pytest.FixtureRequest) -> None:
    written: Written = request.getfixturevalue(name)
    for item in written.truth["inputs"]:
        if not item["file"].startswith("hostile/"):
            kinds = Counter(isinstance(one, Reject) for one in _read(written, item))
            assert (kinds[False], kinds[True]) == (item["inputs"] - item["rejects"], item["rejects"]), item["file"]


def test_records_of_the_first_register_say_what_is_true(clean: Written) -> None:
    seen = 0
    for format, record, trial in _registered(clean):
        if record.source not in ("", "clinicaltrials_gov") or not format.startswith(
            ("api-v2-json", "api-v2-ndjson", "legacy")
        ):
            continue
        seen += 1
        assert record.register == "clinicaltrials_gov"
        assert record.scientific_title == trial["title"]
        assert record.study_type == trial["study_type"]
        if trial["study_type"] == "INTERVENTIONAL":
            assert list(record.phases) == trial["phases"]
        assert record.allocation == trial["allocation"]
        assert record.intervention_model == trial["intervention_model"]
        assert record.masking == trial["masking"]
        assert record.primary_purpose == trial["primary_purpose"]
        assert record.status == trial["status"]
        assert record.why_stopped == trial["why_stopped"]
        if trial["outcome"]:
            assert record.enrollment_actual == trial["actual_size"]
        elif trial["study_type"] != "EXPANDED_ACCESS":
            assert record.enrollment_target == trial["planned_size"]
        assert record.start_date is not None
        assert trial["start"].startswith(record.start_date.date or "none")
        primary = [(o.measure, o.time_frame) for o in record.outcomes if o.type == "PRIMARY"]
        assert primary == [(o["measure"], o["time_frame"]) for o in trial["primary_outcomes"]]
        assert {c.name for c in record.conditions} <= {c["mention"] for c in trial["conditions"]}
        assert {c.name for c in record.countries} == (set(trial["countries"]) if record.locations else set())
        assert [s.name for s in record.sponsors if s.role == "LEAD"] == [trial["sponsor"]]
    assert seen > 120


def test_rows_of_the_other_registers_never_contradict_the_truth(clean: Written) -> None:
    seen: Counter[str] = Counter()
    for format, record, trial in _registered(clean):
        if format not in ("web-csv", "web-xml", "xlsx", "full-csv"):
            continue
        seen[str(record.register)] += 1
        where = (format, record.id)
        assert record.register in {r["register"] for r in trial["records"]}, where
        assert record.scientific_title == trial["title"], where
        assert record.study_type == trial["study_type"], where
        if trial["study_type"] == "INTERVENTIONAL":
            assert record.allocation in (None, "NA", trial["allocation"]) or trial["allocation"] != "RANDOMIZED", where
            assert (record.masking in (None, "NONE")) or trial["masking"] != "NONE", where
            if record.register != "chictr" and "EARLY_PHASE1" not in trial["phases"]:
                assert list(record.phases) in ([], trial["phases"]), where
        assert record.start_date is not None, where
        assert trial["start"].startswith(record.start_date.date or "none"), where
        assert record.enrollment_target in (None, trial["planned_size"], trial["actual_size"]), where
        assert {c.name for c in record.countries} == set(trial["countries"]), where
    assert len(seen) >= 18


def test_results_are_the_same_in_all_formats_of_the_first_register() -> None:
    from trialpanorama.sample import CLEAN, clinicaltrials_gov, clinicaltrials_gov_legacy, windows

    def results(content: bytes) -> dict[str, Any]:
        recognised = recognise(content[:65_536])
        assert recognised is not None
        (record,) = recognised[1].outcomes(io.BytesIO(content))
        assert isinstance(record, Record)
        return dict(msgspec.to_builtins(record.results))

    compared = 0
    for trial in windows.window(6, 0, 200, CLEAN).trials:
        for registration in trial.registrations:
            if registration.register != "ClinicalTrials.gov" or not trial.has_results:
                continue
            document = clinicaltrials_gov.study(trial, registration)
            expected = results(msgspec.json.encode(document))
            assert results(msgspec.json.encode(clinicaltrials_gov_legacy.v1_response([document]))) == expected
            legacy = results(clinicaltrials_gov_legacy.xml(document).encode())
            assert legacy.keys() == expected.keys()
            compared += 1
    assert compared > 10
