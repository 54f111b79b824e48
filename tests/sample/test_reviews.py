"""The reader of reviews finds in the sample's files what its truth says: which papers a review includes."""

from __future__ import annotations

from collections import defaultdict

import pytest

from tests.sample.conftest import Written
from trialpanorama import ingest
from trialpanorama.record import Record
from trialpanorama.sample.reviews import cochrane_number

pytestmark = pytest.mark.slow


def _read(written: Written) -> dict[str, dict[str, list[Record]]]:
    """Records of each format, by the PMID of the review in whose member they stand."""
    found: dict[str, dict[str, list[Record]]] = defaultdict(lambda: defaultdict(list))
    for item in written.truth["inputs"]:
        if item["file"].startswith("reviews/"):
            (file,) = ingest.find_inputs([written.directory / item["file"]])
            for outcome in ingest.read_piece(ingest.Piece(file)):
                assert isinstance(outcome, Record), outcome
                assert outcome.place.format == item["format"]
                member = outcome.place.member or ""
                pmid = next(review["pmid"] for review in written.truth["reviews"] if review["pmid"] in member)
                found[item["format"]][pmid].append(outcome)
    return found


def _decided(record: Record, decision: str) -> set[str]:
    assert record.review is not None
    return {id for study in record.review.studies if study.decision == decision for id in study.report_ids}


def test_every_format_says_which_papers_are_included(clean: Written) -> None:
    papers = {paper["pmid"]: paper for paper in clean.truth["papers"]}
    trials = {trial["trial"]: trial for trial in clean.truth["trials"]}
    found = _read(clean)
    assert len(found) == 6
    for format, reviews in found.items():
        assert reviews, format
        for pmid, records in reviews.items():
            truth = next(review for review in clean.truth["reviews"] if review["pmid"] == pmid)
            known = [papers[one] for name in truth["trials"] for one in trials[name]["papers"]]
            included = {one["pmid"] for one in known if one["kind"] in ("results", "secondary")}
            excluded = {one["pmid"] for one in known if one["kind"] == "protocol"}
            (review,) = (record for record in records if record.kind == "REVIEW")
            assert review.review is not None
            if format != "ielab-seed-topics":
                assert (review.id, review.register) == (cochrane_number(pmid), "cochrane")
            if format == "clef-tar-topic":
                reports = {id for study in review.review.studies for id in study.report_ids}
                assert included | excluded <= reports
                assert review.review.search_syntax == "OVID"
            else:
                assert _decided(review, "INCLUDED") == included, (format, pmid)
            if format in ("qrels", "labelled-table", "ris"):
                assert excluded <= _decided(review, "EXCLUDED")
            if format == "labelled-table":
                named = [study for study in review.review.studies if study.name]
                assert {study.name.split()[0] for study in named if study.name} == {
                    trial for one in known for trial in one["trials"]
                }
            articles = {record.id for record in records if record.kind == "PUBLICATION"}
            if format in ("labelled-table", "ris"):
                assert included | excluded <= articles


def test_records_of_reviews_are_marked_as_fictional(clean: Written) -> None:
    for reviews in _read(clean).values():
        for records in reviews.values():
            for record in records:
                line = ingest.record_line(record, keep_contacts=False)
                assert b'"is_fictional":true' in line, record.id


def test_numbers_of_reviews_in_one_window_differ() -> None:
    pmids = [str(99_000_000 + window * 200 + 150 + place) for window in range(40) for place in range(6)]
    assert len({cochrane_number(pmid) for pmid in pmids}) == len(pmids)
