"""Registers that most users meet in WHO's exports only: there and in their own uploads a trial reads the same."""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections import Counter
from pathlib import Path

import pytest

from trialpanorama import sources
from trialpanorama.record import Condition, Outcome, Record
from trialpanorama.sources import HEAD_BYTES

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
REGISTERS = ("ctri", "jrct", "lbctr", "nl_omon", "pactr", "slctr")
SAME = (
    "id", "register", "public_title", "scientific_title", "acronym", "study_type", "phases",
    "study_design_raw", "allocation", "intervention_model", "observational_model", "time_perspective", "masking",
    "is_masked", "masked_roles", "primary_purpose", "enrollment_target", "inclusion_criteria", "exclusion_criteria",
    "minimum_age_years", "maximum_age_years", "sex", "conditions", "outcomes", "sponsors", "countries", "ipd_sharing",
)  # fmt: skip


def records(data: bytes) -> list[Record]:
    (format,) = (f for s in sources.sources().values() for f in s.formats if f.recognise(data[:HEAD_BYTES]))
    outcomes = list(format.outcomes(io.BytesIO(data)))
    assert all(isinstance(outcome, Record) for outcome in outcomes)
    return [outcome for outcome in outcomes if isinstance(outcome, Record)]


def web(**cells: str) -> Record:
    """A row of WHO's web export."""
    row = {"Public title": "T", "Date registration": "", "Recruitment Status": ""}
    row |= {name.replace("_", " "): value for name, value in cells.items()}
    text = io.StringIO()
    csv.writer(text).writerows([row.keys(), row.values()])
    (record,) = records(text.getvalue().encode())
    return record


EXPORTED = {record.id: record for record in records((FIXTURES / "ictrp" / "dialects.xml").read_bytes())}


@pytest.mark.parametrize("name", REGISTERS)
def test_an_upload_and_whos_export_of_it_say_the_same(name: str) -> None:
    uploaded = records((FIXTURES / name / "upload.xml").read_bytes())
    assert len(uploaded) == 3
    for record in uploaded:
        exported = EXPORTED[record.id]
        for field in SAME:
            assert getattr(record, field) == getattr(exported, field), (record.id, field)
        same_ids = {(i.id, i.register) for i in record.identifiers if i.register != "utn"}  # which WHO leaves out
        assert same_ids == {(i.id, i.register) for i in exported.identifiers}
        for field in ("registration_date", "start_date"):
            dates = [getattr(one, field) for one in (record, exported)]
            assert dates[0].date == dates[1].date is not None, (record.id, field)


def test_every_source_says_which_part_is_native_and_which_comes_through_who() -> None:
    for name in REGISTERS:
        source = sources.source(name)
        assert "WHO's exports" in source.obtain
        assert "Native: only the XML" in source.obtain
        assert "web pages are not read" in source.obtain
        assert [format.name for format in source.formats] == ["provider-xml"]


def test_slctr_gives_each_outcome_its_time_in_brackets() -> None:
    text = "Number with fever [Time frame: 14 days]<br>Number with cough [Day 7];Sleep"
    assert web(TrialID="SLCTR/2099/001", Primary_outcome=text).outcomes == [
        Outcome("PRIMARY", "Number with fever", time_frame="14 days"),
        Outcome("PRIMARY", "Number with cough", time_frame="Day 7"),
        Outcome("PRIMARY", "Sleep"),
    ]


@pytest.mark.parametrize(
    ("text", "outcomes"),
    [
        ("Heat. Measurement time: day 7.", [("Heat", "day 7")]),
        ("1) Heat (degrees). Measurement time: day 7. 2) Cough. Measurement time: at baseline and, day 9",
         [("Heat (degrees)", "day 7"), ("Cough", "at baseline and, day 9")]),
        ("Heat. Measurement time: day 7. Cough. Measurement time: day 9",
         [("Heat. Measurement time: day 7. Cough. Measurement time: day 9", None)]),
        ("1) Heat. 2) Cough. Measurement time: day 9", [("1) Heat. 2) Cough. Measurement time: day 9", None)]),
        ("Heat", [("Heat", None)]),
    ],
)  # fmt: skip
def test_rpcec_says_when_each_outcome_is_measured(text: str, outcomes: list[tuple[str, str | None]]) -> None:
    record = web(TrialID="RPCEC99000001", Primary_outcome=text)
    assert [(outcome.measure, outcome.time_frame) for outcome in record.outcomes] == outcomes


@pytest.mark.parametrize(
    ("id", "text", "labels"),
    [
        ("RBR-99000a", "Group 1: Exercise (n=33)<br>Group 2: Rest", ["Group 1", "Group 2"]),
        ("RBR-99000a", "All participants rest.", []),
        ("RPCEC99000001", "Group A: Tea. Group B (Control): Rest.", ["Group A", "Group B (Control)"]),
        ("RPCEC99000001", "Group I (experimental): Tea. Group II (control): Rest.",
         ["Group I (experimental)", "Group II (control)"]),
        ("RPCEC99000001", "Group 1 Experimental: Tea Group 2 Control: Rest",
         ["Group 1 Experimental", "Group 2 Control"]),
    ],
)  # fmt: skip
def test_groups_that_are_numbered_are_arms(id: str, text: str, labels: list[str]) -> None:
    record = web(TrialID=id, Intervention=text)
    assert [arm.label for arm in record.arms] == labels
    assert [i.arm_labels for i in record.interventions] == ([[label] for label in labels] or [[]])


def test_omon_puts_a_meddra_code_after_the_condition() -> None:
    record = web(TrialID="NL-OMON99001", Condition="<p>Imaginary fever</p>;10016558;imaginary cough;cough")
    assert record.conditions == [
        Condition("Imaginary fever", "10016558", "MedDRA"), Condition("imaginary cough"), Condition("cough"),
    ]  # fmt: skip
    assert web(TrialID="LBCTR2099010001", Condition="Fever <br>Heat;10016558").conditions == [
        Condition("Fever"), Condition("Heat"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("design", "purpose"),
    [
        ("double-blind, three arms, parallel, randomized, controlled clinical trial of treatment", "TREATMENT"),
        ("open trial of prevention, one arm", "PREVENTION"),
        ("open trial of fictamab, one arm", None),
    ],
)
def test_rebec_says_the_purpose_in_its_sentence(design: str, purpose: str | None) -> None:
    assert web(TrialID="RBR-99000a", Study_design=design).primary_purpose == purpose


def test_real_rows_of_each_register_are_records_of_it(shared_data: Path) -> None:
    data = gzip.decompress((shared_data / "registries" / "ictrp" / "full_export_rows.csv.gz").read_bytes())
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    shapes = {
        "ctri": r"CTRI/",
        "jrct": r"(?:JPRN-)?jRCT",
        "umin": r"(?:JPRN-)?UMIN",
        "pactr": r"PACTR",
        "slctr": "SLCTR",
    }
    shapes |= {"irct": "IRCT", "tctr": "TCTR", "rebec": "RBR-", "rpcec": "RPCEC", "cris": "KCT", "lbctr": "LBCTR"}
    ids = [next(value for key, value in row.items() if key.lower() == "trialid") for row in rows]
    expected = Counter(name for id in ids for name, shape in shapes.items() if re.match(shape, id))
    found = records(data)
    assert len(found) == len(rows) == 125
    assert {name: n for name, n in Counter(record.register for record in found).items() if name in shapes} == expected
    for record in found:
        if record.register in ("ctri", "irct", "tctr", "slctr"):
            assert any(outcome.time_frame for outcome in record.outcomes), record.id
