"""ANZCTR: two spellings of its XML, records of another register among its own, and the words of the real registry."""

from __future__ import annotations

import csv
import gzip
import io
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from trialpanorama import sources, vocabulary
from trialpanorama.record import Country, Location, PartialDate, Record, Reject
from trialpanorama.sources import HEAD_BYTES, anzctr

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "anzctr"
(FORMAT,) = anzctr.SOURCE.formats
OWN = "<actrnumber>ACTRN12699000000001</actrnumber>"


def read(data: bytes) -> list[Record | Reject]:
    """What the reader makes of a file that it recognises."""
    assert FORMAT.recognise(data[:HEAD_BYTES])
    return list(FORMAT.outcomes(io.BytesIO(data)))


def one(inside: str, own: str = OWN) -> Record:
    (outcome,) = read(f"<ANZCTR_Trial>{own}{inside}</ANZCTR_Trial>".encode())
    assert isinstance(outcome, Record), outcome
    return outcome


def design(**said: str) -> str:
    return f"<trial_design>{''.join(f'<{name}>{value}</{name}>' for name, value in said.items())}</trial_design>"


def test_nested_and_flat_names_say_the_same() -> None:
    nested = one(
        "<trial_identification><studytitle>FICTIONAL</studytitle><utrn>U1111-9999-0001</utrn></trial_identification>"
        "<trial_design><studytype>Interventional</studytype></trial_design>"
        "<recruitment><phase>Phase 3</phase><recruitmentstatus>Completed</recruitmentstatus></recruitment>"
        "<conditions><healthcondition>Warts</healthcondition></conditions>"
        "<sponsorship><fundingsource><fundingname>Fictional Fund</fundingname></fundingsource></sponsorship>"
    )
    flat = one(
        "<publictitle>FICTIONAL</publictitle><utrn>U1111-9999-0001</utrn><studytype>Interventional</studytype>"
        "<phase>Phase 3</phase><recruitmentstatus>Completed</recruitmentstatus>"
        "<conditions><condition><conditionname>Warts</conditionname></condition></conditions>"
        "<sponsorship><fundingsourcename>Fictional Fund</fundingsourcename></sponsorship>",
        own="<actrn>ACTRN12699000000001</actrn>",
    )
    nested.place = flat.place
    assert nested == flat
    assert nested.phases == ["PHASE3"]
    assert [identifier.id for identifier in nested.identifiers] == ["ACTRN12699000000001", "U1111-9999-0001"]


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("<nctid>NCT99000001</nctid>", "ClinicalTrials.gov"),
        ("<actrnumber>NCT99000001</actrnumber>", "ClinicalTrials.gov"),
        ("<actrnumber>ACTRN1</actrnumber>", "'ACTRN1' is no number"),
        ("", "no number"),
    ],
)
def test_only_records_with_a_number_of_its_own_are_read(number: str, reason: str) -> None:
    (reject,) = read(f"<ANZCTR_Trial>{number}<studytitle>FICTIONAL</studytitle></ANZCTR_Trial>".encode())
    assert isinstance(reject, Reject)
    assert reject.reason == "missing_identifier"
    assert reason in reject.detail


def test_days_stand_before_months() -> None:
    record = one(
        "<approvaldate>3/02/2012</approvaldate><recruitment><anticipatedstartdate>04/05/2012</anticipatedstartdate></recruitment>"
    )
    assert record.registration_date == PartialDate(date="2012-02-03", raw="3/02/2012")
    assert record.start_date == PartialDate(date="2012-05-04", type="ESTIMATED", raw="04/05/2012")


def test_what_has_happened_wins_over_what_was_planned() -> None:
    dates = (
        "<recruitment><anticipatedstartdate>01/01/2012</anticipatedstartdate><actualstartdate>02/01/2012</actualstartdate>"
        "<anticipatedlastvisitdate>01/01/2013</anticipatedlastvisitdate><actualenddate>05/05/2012</actualenddate></recruitment>"
    )
    record = one(dates)
    assert record.start_date == PartialDate(date="2012-01-02", type="ACTUAL", raw="02/01/2012")
    assert record.completion_date == PartialDate(date="2013-01-01", type="ESTIMATED", raw="01/01/2013")
    assert record.notes == []
    older = one("<recruitment><actualenddate>05/05/2012</actualenddate></recruitment>")
    assert older.completion_date == PartialDate(date="2012-05-05", type="ACTUAL", raw="05/05/2012")
    assert [note.field for note in older.notes] == ["completion_date"]


@pytest.mark.parametrize(
    ("who", "masking", "roles"),
    [
        ({}, None, []),
        ({"masking1": "The people receiving the treatment/s"}, "SINGLE", ["PARTICIPANT"]),
        (
            {"masking1": "The people receiving the treatment/s", "masking3": "The people assessing the outcomes"},
            "DOUBLE",
            ["PARTICIPANT", "OUTCOMES_ASSESSOR"],
        ),
        ({"masking1": "True", "masking2": "True", "masking3": "False"}, "DOUBLE", ["PARTICIPANT", "CARE_PROVIDER"]),
        (
            {
                "masking2": "The people administering the treatment/s",
                "masking4": "The people analysing the results/data",
            },
            "DOUBLE",
            ["CARE_PROVIDER"],
        ),
        (
            {f"masking{n}": "Yes" for n in (1, 2, 3, 4)},
            "QUADRUPLE",
            ["PARTICIPANT", "CARE_PROVIDER", "OUTCOMES_ASSESSOR"],
        ),
    ],
)
def test_the_level_of_masking_counts_who_is_on_the_list(who: dict[str, str], masking: str, roles: list[str]) -> None:
    record = one(design(studytype="Interventional", masking="Blinded (masking used)", **who))
    assert (record.masking, record.is_masked, record.masked_roles) == (masking, True, roles)
    opened = one(design(studytype="Interventional", masking="Open (masking not used)", **who))
    assert (opened.masking, opened.is_masked, opened.masked_roles) == ("NONE", False, [])


@pytest.mark.parametrize(
    ("number", "unit", "raw", "years"),
    [
        ("18", "Years", "18 Years", 18.0),
        ("18.0", "Years", "18 Years", 18.0),
        ("6", "Months", "6 Months", 0.5),
        ("36", "Hours", "36 Hours", 36 / (24 * 365.25)),
        ("30", "Minutes", "30 Minutes", 30 / (60 * 24 * 365.25)),
        ("0", "No limit", "No limit", None),
        ("", "Not stated", "Not stated", None),
        ("", "", None, None),
    ],
)
def test_ages_have_their_unit_in_another_field(number: str, unit: str, raw: str | None, years: float | None) -> None:
    for end in ("min", "max"):
        fields = f"<inclusive{end}age>{number}</inclusive{end}age><inclusive{end}agetype>{unit}</inclusive{end}agetype>"
        record = one(f"<eligibility>{fields}</eligibility>")
        ages = {
            "min": (record.minimum_age_raw, record.minimum_age_years),
            "max": (record.maximum_age_raw, record.maximum_age_years),
        }
        assert ages[end] == (raw, None if years is None else pytest.approx(years))


@pytest.mark.parametrize("tag", ["ethicscommitee", "ethicscommittee"])
def test_the_misspelt_ethics_committee_is_found(tag: str) -> None:
    record = one(f"<ethicsAndSummary><{tag}><ethicname>Fictional HREC</ethicname></{tag}></ethicsAndSummary>")
    assert [(contact.type, contact.name) for contact in record.contacts] == [("ethics", "Fictional HREC")]


def test_hospitals_find_the_postcode_of_their_suburb() -> None:
    record = one(
        "<recruitment><recruitmentcountry>Australia</recruitmentcountry>"
        "<hospital>Fictional St Vincent - East - Townsville</hospital>"
        "<hospital>Fictional Clinic</hospital><postcode>4999 - Townsville</postcode><countryoutsideaustralia>"
        "<country>Viet Nam</country><state>Hanoi</state></countryoutsideaustralia></recruitment>"
    )
    assert record.locations == [
        Location(facility="Fictional St Vincent - East", city="Townsville", postal_code="4999", country="Australia"),
        Location(facility="Fictional Clinic", country="Australia"),
        Location(state="Hanoi", country="Vietnam"),
    ]
    assert record.countries == [Country(name="Australia"), Country(name="Vietnam", raw="Viet Nam")]


def test_several_codes_of_one_type_give_that_type_and_others_none() -> None:
    def types(*codes: str) -> list[str | None]:
        inside = "".join(f"<interventioncode>{code}</interventioncode>" for code in codes)
        record = one(f"<interventions><interventions>Honey</interventions>{inside}</interventions>")
        return [intervention.type for intervention in record.interventions]

    assert types("Behaviour", "Lifestyle") == ["BEHAVIORAL"]
    assert types("Treatment: Drugs", "Behaviour") == [None]
    assert types("None") == [None]
    assert types() == [None]


def test_html_of_the_web_form_becomes_text() -> None:
    record = one("<interventions><interventions>A &amp;lt; B&lt;br&gt;twice</interventions></interventions>")
    (intervention,) = record.interventions
    assert (intervention.name, intervention.description) == ("A < B", "A < B\ntwice")


def test_personal_details_stand_in_contacts_only() -> None:
    (record,) = read((FIXTURES / "ACTRN12699000000001.xml").read_bytes())
    assert isinstance(record, Record)
    assert {contact.email for contact in record.contacts} >= {"three@example.org", "four@example.org"}
    record.contacts = []
    assert "@example.org" not in repr(record)
    assert "0000 000" not in repr(record)


def _column(rows: list[dict[str, str]], name: str) -> Counter[str]:
    return Counter(row[name] for row in rows if row[name])


def test_real_words_of_the_registry_are_known(shared_data: Path) -> None:
    with gzip.open(shared_data / "registries/anzctr/anzctr_table.csv.gz", "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 17_510
    folded: dict[str, dict[str, Any]] = {
        "study_status": {word: vocabulary.status(word, "anzctr") for word in _column(rows, "study_status")},
        "phase": {word: vocabulary.phases(word) for word in _column(rows, "phase")},
        "allocation": {word: vocabulary.allocation(word) for word in _column(rows, "allocation")},
        "purpose": {word: vocabulary.primary_purpose(word) for word in _column(rows, "purpose")},
        "gender": {word: vocabulary.sex(word) for word in _column(rows, "gender")},
        "masking": {word: vocabulary.design(f"Masking: {word}").is_masked for word in _column(rows, "masking")},
        "assignment": {word: vocabulary.intervention_model(word) for word in _column(rows, "assignment")},
        "intervention_code": {word: vocabulary.intervention_type(word) for word in _column(rows, "intervention_code")},
        "funding": {word: vocabulary.sponsor_class(word) for word in _column(rows, "funding")},
    }
    unknown = {(name, word) for name, words in folded.items() for word, token in words.items() if token in (None, ())}
    assert unknown == {
        ("assignment", "Other"),
        ("intervention_code", "None"),
        ("intervention_code", "Not applicable"),
        ("funding", "Self funded/Unfunded"),
    }
    assert folded["study_status"]["Stopped early"] == "TERMINATED"
    assert folded["study_status"]["Active, not recruiting"] == "ACTIVE_NOT_RECRUITING"
    assert folded["masking"] == {"Blinded (masking used)": True, "Open (masking not used)": False}
    shares = {
        name: sum(n for word, n in _column(rows, name).items() if words[word] not in (None, ())) / len(rows)
        for name, words in folded.items()
    }
    # what is missing of 1 is empty in the registry, but for the words above
    assert {name: round(share, 2) for name, share in shares.items()} == {
        "study_status": 1.0, "phase": 0.88, "allocation": 1.0, "purpose": 1.0, "gender": 1.0, "masking": 0.89,
        "assignment": 0.83, "intervention_code": 0.98, "funding": 0.91,
    }  # fmt: skip


def test_real_table_made_for_research_is_no_export_of_the_registry(shared_data: Path) -> None:
    with gzip.open(shared_data / "registries/anzctr/anzctr_table.csv.gz") as file:
        assert sources.recognise(file.read(HEAD_BYTES)) is None
