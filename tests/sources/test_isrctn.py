"""ISRCTN: what its XML hides in attributes, references and dates, and the real trials that ctrdata stores."""

from __future__ import annotations

import io
import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialpanorama.errors import FetchFailed, UserError
from trialpanorama.fetching import Session, Wanted
from trialpanorama.record import Country, Outcome, PartialDate, Record, Reject
from trialpanorama.sources import HEAD_BYTES, isrctn

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "isrctn"
FORMATS = {format.name: format for format in isrctn.SOURCE.formats}
NAMESPACE = 'xmlns="http://www.67bricks.com/isrctn"'


def read(data: bytes, file: str = "") -> list[Record | Reject]:
    """What the format that recognises these bytes makes of them."""
    (name,) = [name for name, format in FORMATS.items() if format.recognise(data[:HEAD_BYTES])]
    return list(FORMATS[name].outcomes(io.BytesIO(data), file))


def one(data: bytes) -> Record:
    (outcome,) = read(data)
    assert isinstance(outcome, Record), outcome
    return outcome


def xml(inside: str, parties: str = "", attributes: str = 'lastUpdated="2020-06-01T00:00:00.000Z"') -> bytes:
    """An answer of the interface with one trial, of which only some fields are said."""
    return (
        f'<allTrials totalCount="1" {NAMESPACE}><fullTrial><trial {attributes}><isrctn>99000001</isrctn>'
        f"<trialDescription><title>FICTIONAL</title></trialDescription>{inside}</trial>{parties}</fullTrial></allTrials>"
    ).encode()


def participants(**said: str) -> str:
    return f"<participants>{''.join(f'<{name}>{value}</{name}>' for name, value in said.items())}</participants>"


@pytest.mark.parametrize(
    "document",
    [
        f"<allTrials {NAMESPACE}><fullTrial>{{}}</fullTrial></allTrials>",
        f"<fullTrial {NAMESPACE}>{{}}</fullTrial>",
        "<?xml version='1.0'?><allTrials><fullTrial>{}</fullTrial></allTrials>",
        f"<allTrials {NAMESPACE}>{{}}</allTrials>",
    ],
)
def test_one_trial_is_found_in_every_document_it_comes_in(document: str) -> None:
    inside = "<isrctn>99000001</isrctn><trialDescription><title>Under &lt; 5 (FICTIONAL)</title></trialDescription>"
    trial = f'<trial version="1">{inside}</trial>'
    assert one(document.format(trial).encode()).id == "ISRCTN99000001"
    root = f"<trial {NAMESPACE}>{inside}</trial>"
    assert one(root.encode()).public_title == "Under < 5 (FICTIONAL)"


def test_prefixes_that_a_tool_wrote_do_not_matter() -> None:
    given = (FIXTURES / "query.xml").read_bytes()
    rewritten = ElementTree.tostring(ElementTree.fromstring(given))
    assert b"<ns0:fullTrial>" in rewritten
    before, after = read(given), read(rewritten)
    for outcome in [*before, *after]:
        outcome.place = type(outcome.place)()
    assert before == after


def test_a_trial_that_is_not_closed_does_not_harm_its_neighbour() -> None:
    data = (FIXTURES / "query.xml").read_bytes()
    at = data.index(b"</trial>")
    broken = data[:at] + data[at:].replace(b"</fullTrial>", b"", 1)
    outcomes = read(broken)
    assert [getattr(outcome, "reason", "record") for outcome in outcomes] == [
        "malformed_xml",
        "record",
        "missing_identifier",
    ]
    assert [o.reason for o in read(data[:6000]) if isinstance(o, Reject)] == ["truncated"]


def test_no_known_number_is_no_identifier() -> None:
    refs = (
        "<externalRefs><eudraCTNumber>Nil known</eudraCTNumber>"
        "<clinicalTrialsGovNumber>Nil known</clinicalTrialsGovNumber>"
        "<protocolSerialNumber>N/A</protocolSerialNumber><secondaryNumbers><secondaryNumber>Nil known</secondaryNumber>"
        "<secondaryNumber>ISRCTN99000001</secondaryNumber></secondaryNumbers></externalRefs>"
    )
    record = one(xml(refs))
    assert [(i.id, i.role, i.raw) for i in record.identifiers] == [("ISRCTN99000001", "primary", "99000001")]


def test_the_canonical_number_of_the_attribute_wins_and_a_wrong_number_is_refused() -> None:
    record = one(xml("", attributes='publicIdentifierCanonical="ISRCTN99000002"'))
    assert record.id == "ISRCTN99000002"
    (reject,) = read(xml("").replace(b"99000001", b"12345678"))
    assert isinstance(reject, Reject)
    assert reject.reason == "missing_identifier"


def test_home_nations_are_one_country() -> None:
    nations = "".join(
        f"<country>{name}</country>" for name in ("England", "United Kingdom", "Wales", "Northern Ireland")
    )
    record = one(xml(participants(recruitmentCountries=nations + "<country>Viet Nam</country>")))
    assert record.countries == [Country(name="United Kingdom", raw="England"), Country(name="Vietnam", raw="Viet Nam")]


@pytest.mark.parametrize(
    ("start", "end", "over", "status"),
    [
        ("2020-06-02", "2021-01-01", "2022-01-01", "NOT_YET_RECRUITING"),
        ("2020-06-01", "2021-01-01", "2022-01-01", "RECRUITING"),
        ("2020-01-01", "2020-06-01", "2022-01-01", "RECRUITING"),
        ("2020-01-01", "2020-05-31", "2022-01-01", "ACTIVE_NOT_RECRUITING"),
        ("2020-01-01", "2020-05-01", "2020-05-31", "COMPLETED"),
        ("2020-01-01", "", "", "RECRUITING"),
        ("", "2020-05-31", "", "ACTIVE_NOT_RECRUITING"),
        ("", "", "", None),
    ],
)
def test_status_follows_from_the_dates_as_of_the_last_update(start: str, end: str, over: str, status: str) -> None:
    design = f"<trialDesign><overallEndDate>{over}</overallEndDate></trialDesign>"
    record = one(xml(design + participants(recruitmentStart=start, recruitmentEnd=end)))
    assert (record.status, record.status_raw) == (status, None)
    assert [note.raw for note in record.notes if note.field == "status"] == (["2020-06-01"] if status else [])
    undated = one(xml(design + participants(recruitmentStart=start, recruitmentEnd=end), attributes=""))
    assert undated.status is None


def test_a_copy_is_as_new_as_its_name_and_its_newest_record_say() -> None:
    older = xml(participants(recruitmentStart="2019-01-01", recruitmentEnd="2021-01-01"))
    assert one(older).status == "RECRUITING"
    newer = b'<fullTrial><trial lastUpdated="2021-05-05T09:00:00.000Z"><isrctn>99000002</isrctn></trial></fullTrial>'
    record, _ = read(older.replace(b"</allTrials>", newer + b"</allTrials>"))
    assert isinstance(record, Record)
    assert (record.status, record.notes[0].raw, record.exported_date) == ("ACTIVE_NOT_RECRUITING", "2021-05-05", None)
    (fetched,) = read(older, "folder/isrctn-2026-01-02-00001.xml")
    assert isinstance(fetched, Record)
    assert fetched.status == "ACTIVE_NOT_RECRUITING"
    assert fetched.exported_date == PartialDate(date="2026-01-02")


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.lists(st.dates(date(2015, 1, 1), date(2190, 1, 1)), min_size=4, max_size=4))
def test_a_trial_never_goes_back_as_its_copy_gets_newer(days: list[date]) -> None:
    steps = ["NOT_YET_RECRUITING", "RECRUITING", "ACTIVE_NOT_RECRUITING", "COMPLETED"]
    start, end, over = sorted(days[:3])
    copies = sorted([start, end, over, days[3]])
    inside = f"<trialDesign><overallEndDate>{over}</overallEndDate></trialDesign>" + participants(
        recruitmentStart=str(start), recruitmentEnd=str(end)
    )
    found = [one(xml(inside, attributes=f'lastUpdated="{copy}T00:00:00.000Z"')).status for copy in copies]
    places = [steps.index(status) for status in found if status]
    assert places == sorted(places)


@pytest.mark.parametrize(("word", "status"), [("Stopped", "TERMINATED"), ("Suspended", "SUSPENDED")])
def test_what_was_set_by_hand_wins_over_the_dates(word: str, status: str) -> None:
    record = one(xml(participants(recruitmentStart="2019-01-01", recruitmentStatusOverride=word)))
    assert (record.status, record.status_raw, record.notes) == (status, word, [])


def test_parties_are_joined_by_their_ids_in_the_trials_order() -> None:
    parties = (
        '<sponsor id="a"><organisation>Fictional A</organisation></sponsor>'
        '<sponsor id="b"><organisation>Fictional B</organisation></sponsor>'
        '<funder id="f"><name>Fictional Fund</name></funder>'
    )
    named = "<parties><sponsorId>b</sponsorId><sponsorId>a</sponsorId><funderId>f</funderId></parties>"
    roles = [(sponsor.name, sponsor.role) for sponsor in one(xml(named, parties)).sponsors]
    assert roles == [("Fictional B", "LEAD"), ("Fictional A", "COLLABORATOR"), ("Fictional Fund", "FUNDER")]
    unknown = "<parties><sponsorId>z</sponsorId></parties>"
    assert one(xml(unknown, parties)).sponsors[0].name == "Fictional A"


@pytest.mark.parametrize(
    ("type", "status", "expected"),
    [
        ("Industry", "", ("INDUSTRY", "Industry")),
        ("Not defined", "Commercial", ("INDUSTRY", "Commercial")),
        ("Other", "Commercial", ("INDUSTRY", "Commercial")),
        ("Government", "Non-commercial", ("OTHER_GOV", "Government")),
        ("Hospital/treatment centre", "Non-commercial", ("OTHER", "Hospital/treatment centre")),
        ("", "", ("OTHER", None)),
    ],
)
def test_sponsor_class_is_told_by_type_and_commerce(type: str, status: str, expected: tuple[str, str]) -> None:
    party = (
        f'<sponsor id="a"><organisation>Fictional University</organisation><sponsorType>{type}</sponsorType>'
        f"<commercialStatus>{status}</commercialStatus></sponsor>"
    )
    (sponsor,) = one(xml("", party)).sponsors
    assert (sponsor.sponsor_class, sponsor.sponsor_class_raw) == expected


def test_both_shapes_of_outcomes_are_read() -> None:
    def outcomes(inside: str) -> list[Outcome]:
        described = f"<trialDescription><title>FICTIONAL</title>{inside}</trialDescription>"
        return one(
            xml("").replace(b"<trialDescription><title>FICTIONAL</title></trialDescription>", described.encode())
        ).outcomes

    newer = outcomes(
        "<primaryOutcomes><outcomeMeasure><variable>Sleep</variable><method>Diary</method><timepoints>Daily</timepoints>"
        "</outcomeMeasure></primaryOutcomes><primaryOutcome/>"
    )
    assert newer == [Outcome(type="PRIMARY", measure="Sleep", description="Diary", time_frame="Daily")]
    numbered = outcomes("<secondaryOutcome>1.\tSleep\n2.\tRest\n2.1 Naps</secondaryOutcome>")
    assert [outcome.measure for outcome in numbered] == ["Sleep", "Rest\n2.1 Naps"]
    for whole in ("Current as of 2016\n1. Sleep\n2. Rest", "1. Sleep\n3. Rest", "2.5 hours of sleep", "1. Sleep"):
        assert [outcome.measure for outcome in outcomes(f"<primaryOutcome>{whole}</primaryOutcome>")] == [whole]
    timed = outcomes("<primaryOutcome>1. Sleep\n2. Rest\n\nMeasured at 21 days.</primaryOutcome>")
    assert [(outcome.measure, outcome.time_frame) for outcome in timed] == [
        ("Sleep", "at 21 days"),
        ("Rest", "at 21 days"),
    ]


@pytest.mark.parametrize(
    ("types", "purpose", "noted"),
    [
        (("Treatment",), "TREATMENT", False),
        (("Treatment", "Quality of life"), "TREATMENT", False),
        (("Quality of life",), "OTHER", False),
        (("Treatment", "Prevention"), None, True),
        (("Not Specified",), None, False),
    ],
)
def test_only_one_purpose_is_the_primary_one(types: tuple[str, ...], purpose: str, noted: bool) -> None:
    inside = "".join(f"<trialType>{type}</trialType>" for type in types)
    record = one(xml(f"<trialDesign><trialTypes>{inside}</trialTypes></trialDesign>"))
    assert record.primary_purpose == purpose
    assert bool(record.notes) == noted


def _as_ctrdata(element: ElementTree.Element) -> Any:
    """An element as ctrdata stores it: without attributes and namespace, repeated names as a list, empty ones as ""."""
    children: dict[str, list[Any]] = {}
    for child in element:
        children.setdefault(child.tag.rpartition("}")[2], []).append(_as_ctrdata(child))
    return {name: found[0] if len(found) == 1 else found for name, found in children.items()} or element.text or ""


def test_ctrdatas_copy_of_a_trial_says_what_its_xml_says() -> None:
    document = ElementTree.parse(FIXTURES / "query.xml").getroot()
    copies = [_as_ctrdata(full[0]) | {"record_last_import": "2025-06-21 10:00:00"} for full in document]
    lost = {
        "place", "identifiers", "status", "notes", "sponsors", "officials", "contacts", "results_posted_date", "links",
        "registration_date", "last_updated_date", "exported_date", "has_results", "minimum_age_years",
        "minimum_age_raw", "references",
    }  # fmt: skip
    pairs = zip(read((FIXTURES / "query.xml").read_bytes()), read(json.dumps(copies).encode()), strict=True)
    for original, copy in pairs:
        if isinstance(original, Record):
            assert isinstance(copy, Record)
            for field in set(Record.__struct_fields__) - lost:
                assert getattr(original, field) == getattr(copy, field), field
            own = {i.id for i in original.identifiers}
            assert own == {i.id for i in copy.identifiers} | ({"U1111-9999-0002"} & own)
        else:
            assert isinstance(copy, Reject)


def test_personal_details_stand_in_contacts_only() -> None:
    record = next(o for o in read((FIXTURES / "query.xml").read_bytes()) if isinstance(o, Record))
    assert {contact.email for contact in record.contacts} == {
        "one@example.org",
        "two@example.org",
        "sponsor@example.org",
    }
    record.contacts, record.brief_summary = [], None
    assert "@example.org" not in repr(record)
    assert "7946" not in repr(record)


THIRTY = (
    "identifiers", "public_title", "scientific_title", "acronym", "status", "why_stopped", "study_type", "phases",
    "allocation", "masking", "intervention_model", "primary_purpose", "conditions", "interventions", "arms", "outcomes",
    "inclusion_criteria", "minimum_age_raw", "sex", "enrollment_target", "enrollment_actual", "registration_date",
    "start_date", "completion_date", "sponsors", "countries", "locations", "ipd_sharing", "has_results", "references",
)  # fmt: skip


def test_real_trials_of_ctrdata_are_all_read(shared_data: Path) -> None:
    data = (shared_data / "registries/isrctn/my_trials_ISRCTN.json").read_bytes()
    stored = json.loads(data)
    records = [outcome for outcome in read(data) if isinstance(outcome, Record)]
    assert [record.id for record in records] == [f"ISRCTN{trial['isrctn']}" for trial in stored]
    assert len(records) == 9
    for record, trial in zip(records, stored, strict=True):
        assert record.study_type == "INTERVENTIONAL"
        assert record.phases == ["PHASE3"]
        assert record.allocation == "RANDOMIZED"
        assert record.sex == "ALL"
        assert str(record.enrollment_target) == trial["participants"]["targetEnrolment"]
        assert record.start_date is not None
        assert record.start_date.date == trial["participants"]["recruitmentStart"][:10]
        given = trial["participants"]["recruitmentCountries"]["country"]
        nations = {"England", "Scotland", "Wales"}
        named = {name for name in (given if isinstance(given, list) else [given]) if name not in nations}
        assert {country.raw or country.name for country in record.countries} == named
        assert not record.contacts or {contact.type for contact in record.contacts} == {"ethics"}
    statuses = {record.id: record.status for record in records}
    assert statuses["ISRCTN96912679"] == "RECRUITING"
    assert statuses["ISRCTN12949496"] == "TERMINATED"
    assert set(statuses.values()) == {"RECRUITING", "TERMINATED", "COMPLETED"}
    linked = {i.id for record in records for i in record.identifiers if i.register in ("clinicaltrials_gov", "euctr")}
    assert linked == {"NCT01727609", "NCT01035190", "2015-004526-33", "2014-002988-16", "2012-004260-22"}
    filled = sum(bool(getattr(record, name)) for record in records for name in THIRTY)
    assert filled / (len(records) * len(THIRTY)) > 0.65


# --- fetching


class Asked:
    """A session that only counts: it knows when each trial was changed, and notes every query."""

    def __init__(self, edited: list[str], heeds_bounds: bool = True) -> None:
        self.edited, self.heeds_bounds = edited, heeds_bounds
        self.queries: list[str] = []
        self.log = SimpleNamespace(started="2026-01-01T00:00:00+00:00")

    def read(self, url: str, *, params: dict[str, Any], kind: str, check: Callable[[bytes], str | None]) -> bytes:
        self.queries.append(params["q"])
        bounds = re.findall(r"lastEdited (GE|LT) (\S+?)(?=\)|$| AND)", params["q"]) if self.heeds_bounds else []
        count = sum(all((day >= b) if word == "GE" else (day < b) for word, b in bounds) for day in self.edited)
        answer = f'<allTrials totalCount="{count}">'.encode()
        assert check(answer) is None
        return answer


def planned(asked: Asked, since: str | None = None) -> list[tuple[str | None, str | None]]:
    return isrctn._plan(cast("Session", asked), "sleep", since)[1]


@settings(derandomize=True, max_examples=40, deadline=None)
@given(st.lists(st.datetimes(datetime(1999, 1, 1), datetime(2027, 1, 1)), min_size=1, max_size=6), st.integers(1, 400))
def test_parts_of_the_time_have_every_trial_once_and_few_of_them(moments: list[datetime], each_time: int) -> None:
    edited = [moment.replace(microsecond=0).isoformat() for moment in moments] * each_time
    windows = planned(Asked(edited))
    holding = [
        [(low, high) for low, high in windows if (low is None or day >= low) and (high is None or day < high)]
        for day in edited
    ]
    assert all(len(found) == 1 for found in holding)
    for low, high in windows:
        inside = [day for day in edited if (low is None or day >= low) and (high is None or day < high)]
        is_one_moment = (
            low and high and datetime.fromisoformat(high) - datetime.fromisoformat(low) <= timedelta(seconds=1)
        )
        assert len(inside) <= 500 or is_one_moment or set(inside) & {d for d in edited if d < "2000" or d >= "2026"}


def test_a_search_is_cut_only_if_it_has_too_many_and_from_the_day_that_was_said() -> None:
    few = Asked(["2020-01-01T00:00:00"] * 500)
    assert planned(few) == [(None, None)]
    assert few.queries == ["sleep"]
    many = Asked(["2020-01-01T00:00:00"] * 300 + ["2021-01-01T00:00:00"] * 300)
    windows = planned(many, "2019-06-01T00:00:00")
    assert windows[0][0] == "2019-06-01T00:00:00"
    assert windows[-1][1] is None
    assert all(
        re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", bound) for window in windows for bound in window if bound
    )


def test_an_interface_that_does_not_heed_the_time_is_not_asked_without_end() -> None:
    asked = Asked(["2020-01-01T00:00:00"] * 501, heeds_bounds=False)
    with pytest.raises(FetchFailed, match="last change"):
        planned(asked)
    assert len(asked.queries) == 3


SEARCH = "https://www.isrctn.com/search?"


@pytest.mark.parametrize(
    ("given", "query"),
    [
        ("", "lastEdited GE 1900-01-01T00:00:00"),
        (" cold feet ", "cold feet"),
        ("https://www.isrctn.com/ISRCTN99000001", "ISRCTN99000001"),
        ("https://www.isrctn.com/isrctn99000001?q=&filters=", "ISRCTN99000001"),
        (SEARCH + "q=", "lastEdited GE 1900-01-01T00:00:00"),
        (SEARCH + "q=cold+feet&page=2&pageSize=100&searchType=basic-search", "cold feet"),
        (SEARCH + "q=&filters=condition%3Acold+feet&searchType=advanced-search", 'condition:"cold feet"'),
        (
            SEARCH + "q=sleep&filters=ageRange:Neonate,conditionCategory:Skin,+Hair+and+Nails",
            '(sleep) AND (ageRange:"Neonate") AND (conditionCategory:"Skin, Hair and Nails")',
        ),
        (SEARCH + "filters=phase:Phase+I,phase:Phase+II", 'phase:"Phase I" OR phase:"Phase II"'),
        (
            SEARCH + "filters=GT+overallStartDate:2000-01-01,LE+overallStartDate:2001-02-03",
            "(overallStartDate GT 2000-01-01T00:00:00) AND (overallStartDate LE 2001-02-03T00:00:00)",
        ),
        ("https://www.isrctn.com/api/query/format/default?q=gender:Female&limit=10", "gender:Female"),
    ],
)
def test_searches_of_the_site_become_queries_of_its_interface(given: str, query: str) -> None:
    assert isrctn._query(Wanted(query=given)) == query


@pytest.mark.parametrize(
    "given", ["https://example.org/search?q=x", SEARCH + "what=x", "https://www.isrctn.com/page/api"]
)
def test_other_addresses_are_refused(given: str) -> None:
    with pytest.raises(UserError):
        isrctn._query(Wanted(query=given))


def test_the_total_target_stands_in_for_the_target() -> None:
    assert one(xml(participants(totalTarget="130"))).enrollment_target == 130
    assert one(xml(participants(targetEnrolment="120", totalTarget="130"))).enrollment_target == 120


def test_of_a_text_that_was_changed_the_former_version_is_left_out() -> None:
    changed = "Current {0} as of 01/02/2020:\n1. Sleep\n2. Rest\n\n_____\n\nPrevious {0} as of 01/02/2019:\n1. Sleep"
    criteria = changed.format("participant inclusion criteria")
    outcome = changed.format("secondary outcome measures")
    record = one(
        xml(participants(inclusion=criteria), "").replace(
            b"</trialDescription>", f"<secondaryOutcome>{outcome}</secondaryOutcome></trialDescription>".encode()
        )
    )
    assert record.inclusion_criteria == "1. Sleep\n2. Rest"
    assert [one.measure for one in record.outcomes] == ["Sleep", "Rest"]
    assert [note.field for note in record.notes] == ["inclusion_criteria", "outcomes"]
    kept = "Previous treatment with the following:\n1. Sleep"
    assert one(xml(participants(exclusion=kept))).exclusion_criteria == kept


def test_records_from_before_types_were_lists_are_read() -> None:
    design = "<trialDesign><trialType>Prevention</trialType></trialDesign>"
    record = one(xml(design + participants(participantType="Healthy volunteer")))
    assert (record.primary_purpose, record.healthy_volunteers) == ("PREVENTION", True)
