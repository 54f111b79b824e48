"""The sample's full texts, read by the project's reader, say what is true of the trials they report."""

from __future__ import annotations

import io
import re
import zipfile

import pytest

from tests.sample.conftest import Written
from trialpanorama.record import Record
from trialpanorama.sources import HEAD_BYTES, recognise

pytestmark = pytest.mark.slow


def _records(written: Written) -> dict[str, Record]:
    found = {}
    for item in written.truth["inputs"]:
        if item["format"] == "pmc-jats":
            with zipfile.ZipFile(written.directory / item["file"]) as archive:
                for name in archive.namelist():
                    data = archive.read(name)
                    recognised = recognise(data[:HEAD_BYTES])
                    assert recognised is not None
                    assert recognised[0].name == "pmc"
                    (record,) = recognised[1].outcomes(io.BytesIO(data))
                    assert isinstance(record, Record)
                    found[record.id] = record
    return found


def test_full_texts_say_what_is_true(clean: Written) -> None:
    records = _records(clean)
    papers = {paper["pmid"]: paper for paper in clean.truth["papers"]}
    trials = {trial["trial"]: trial for trial in clean.truth["trials"]}
    with_power = 0
    for pmid, record in records.items():
        paper, trial = papers[pmid], trials[papers[pmid]["trials"][0]]
        assert record.paper is not None
        assert record.scientific_title is not None
        assert record.scientific_title.endswith("(FICTIONAL).")
        assert record.paper.electronic_date is not None
        assert record.paper.electronic_date.date == paper["published"]
        assert record.contacts == []
        named = {i.id for i in record.identifiers if i.role == "mentioned"}
        assert {re.sub(r"-[A-Z]{2}$", "", id) for id in paper["abstract_ids"]} <= {
            re.sub(r"-[A-Z]{2}$", "", id) for id in named
        } | {re.sub("^(JPRN-|EUCTR)", "", id) for id in named}
        sections = {section.title: section for section in record.paper.sections}
        for outcome in trial["primary_outcomes"]:
            assert outcome["time_frame"] in sections["Outcomes"].text
        assert (sections["Outcomes"].path, sections["Outcomes"].type) == ("Methods", "methods")
        assert f"at {trial['sites']} sites" in sections["Design and participants"].text
        if paper["kind"] == "results":
            rows = [line.split("\t") for line in sections["Results"].text.split("\n") if "\t" in line]
            assert rows[0] == ["Group", "Participants"]
            assert len(rows) == 1 + trial["arms"]
            assert f"{sum(int(row[1]) for row in rows[1:])} participants took part" in sections["Results"].text
        if "Sample size" in sections:
            with_power += 1
            each = re.search(
                r"(\d+) participants in each group \((\d+) in all\).*power of (\d+)%", sections["Sample size"].text
            )
            assert each is not None
            assert int(each[2]) == int(each[1]) * trial["arms"] <= max(trial["planned_size"], 2 * trial["arms"])
    assert len(records) > 15
    assert with_power > 3


def test_contact_details_stand_where_they_are_sought(messy: Written) -> None:
    records = _records(messy).values()
    assert any(contact.email for record in records for contact in record.contacts)
    assert any("@example." in str(record.paper) for record in records)
