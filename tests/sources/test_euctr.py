"""EU CTR: every quirk of its text, its results and ctrdata's JSON that is known, on fictional trials and real files."""

from __future__ import annotations

import html
import io
import json
import re
import tracemalloc
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.replay import Asked, Replay, Reply, Service, fetch_from
from tests.replay import euctr as replay_euctr

from trialpanorama.errors import FetchFailed, UserError
from trialpanorama.fetching import FetchLog, Wanted
from trialpanorama.record import Note, Record, Reject
from trialpanorama.sources import HEAD_BYTES, euctr

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "euctr"
FORMATS = {format.name: format for format in euctr.SOURCE.formats}
LINK = "https://www.clinicaltrialsregister.eu/ctr-search/trial"
SEARCH = "https://www.clinicaltrialsregister.eu/ctr-search/search"


def recognised(head: bytes) -> list[str]:
    return [name for name, format in FORMATS.items() if format.recognise(head[:HEAD_BYTES])]


def read(data: bytes, name: str = "") -> list[Record | Reject]:
    """What the format that recognises these bytes makes of them."""
    (format,) = recognised(data)
    return list(FORMATS[format].outcomes(io.BytesIO(data), name))


def one(data: bytes, name: str = "") -> Record:
    (outcome,) = read(data, name)
    assert isinstance(outcome, Record), outcome
    return outcome


def full_text(*lines: str, number: str = "2090-000001-10", country: str = "DE", status: str = "Ongoing") -> bytes:
    header = [
        "Summary",
        f"EudraCT Number: {number}",
        f"Trial Status: {status}",
        f"Link: {LINK}/{number}/{country}/",
        "",
        "A. Protocol Information",
        f"A.2 EudraCT number: {number}",
        "A.3 Full title of the trial: FICTIONAL title",
    ]
    return ("\r\n".join([*header, *lines]) + "\r\n").encode()


def protocol(*lines: str, **header: str) -> Record:
    return one(full_text(*lines, **header))


def notes(record: Record, field: str) -> list[Note]:
    return [note for note in record.notes if note.field == field]


# --- the full text


def test_the_preamble_is_no_entry_and_each_country_is_a_record() -> None:
    outcomes = read((FIXTURES / "full_text.txt").read_bytes())
    assert [one.id for one in outcomes if isinstance(one, Record)] == [
        "2090-000001-10-ES",
        "2090-000001-10-DE",
        "2090-000002-20-3RD",
    ]


def test_entries_stand_where_their_place_says() -> None:
    data = (FIXTURES / "full_text.txt").read_bytes()
    starts = [one.place.offset for one in read(data)]
    assert [data[at : at + 9] for at in starts if at is not None] == [b"Summary\r\n"] * 3


@pytest.mark.parametrize(("country", "id"), [("GB", "2090-000001-10-GB"), ("3rd", "2090-000001-10-3RD")])
def test_the_country_of_a_record_comes_from_its_link(country: str, id: str) -> None:
    assert protocol("A.1 Member State Concerned:", country=country).id == id


def test_a_line_that_only_looks_coded_belongs_to_the_answer() -> None:
    text = ["1. One of", "A. Fever", "B.1.1 of the guideline: met", "P. falciparum: none", "N. A.", "E.4 of it: too"]
    record = protocol(f"E.3 Principal inclusion criteria: {text[0]}", *text[1:], "E.4 Principal exclusion criteria: X")
    assert record.inclusion_criteria == "\n".join(text)
    assert record.exclusion_criteria == "X"


def test_an_answer_without_a_language_comes_before_others_and_one_in_a_language_says_so() -> None:
    tagged = protocol(
        "A.3.2 Name or abbreviated title of the trial where available (es): FICTICIO",
        "A.3.2 Name or abbreviated title of the trial where available: FICTION",
    )
    assert tagged.acronym == "FICTION"
    lines = full_text("A.3 Full title of the trial (es): FICTICIO").replace(b"FICTIONAL title", b"")
    spanish = one(lines)
    assert (spanish.scientific_title, spanish.language) == ("FICTICIO", "es")


def test_values_of_many_lines_keep_them_and_odd_separators_become_blanks() -> None:
    record = protocol(
        "E.4 Principal exclusion criteria: first\u2028half", "", "", "", "second &amp; last", "E.5 End points"
    )
    assert record.exclusion_criteria == "first half\n\nsecond & last"


def test_what_is_not_in_eudract_is_unknown() -> None:
    assert protocol("A.3.2 Name or abbreviated title: Information not present in EudraCT").acronym is None


@pytest.mark.parametrize(
    ("abbreviated", "acronym"),
    [
        ("FICTION-123", "FICTION-123"),
        ("fictional trial of fictinib", None),
        ("Ph1/2 study of fictinib in subjects with fictional dementia (FTD-XY)", None),
    ],
)
def test_a_title_is_no_acronym(abbreviated: str, acronym: str | None) -> None:
    lay = "A.3.1 Title of the trial for lay people: Fictional trial of fictinib"
    assert protocol(lay, f"A.3.2 Name or abbreviated title: {abbreviated}").acronym == acronym


def test_comparisons_are_no_markup() -> None:
    record = protocol("E.3 Principal inclusion criteria: PSA <ULN and > 2, age &lt;65 or >80")
    assert record.inclusion_criteria == "PSA <ULN and > 2, age <65 or >80"


def test_the_label_with_a_colon_in_it_is_no_ethics_opinion_and_no_decision() -> None:
    record = protocol(
        "N. Competent Authority Decision: Authorised",
        "N. Date of Competent Authority Decision: 2020-02-03",
        "N. Ethics Committee Opinion: Reason(s) for unfavourable opinion: 2021-01-01",
    )
    assert record.start_date is not None
    assert record.start_date.date == "2020-02-03"
    assert [note.note for note in notes(record, "start_date")] == [
        "the date of authorisation stands where the start should"
    ]


def test_a_refused_trial_has_no_start() -> None:
    record = protocol(
        "N. Competent Authority Decision: Not Authorised", "N. Date of Competent Authority Decision: 2020-02-03"
    )
    assert record.start_date is None


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("Ongoing", "UNKNOWN"),
        ("Completed", "COMPLETED"),
        ("Prematurely Ended", "TERMINATED"),
        ("Temporarily Halted", "SUSPENDED"),
        ("Suspended by CA", "SUSPENDED"),
        ("Restarted", "UNKNOWN"),
        ("Not Authorised", "WITHDRAWN"),
        ("Prohibited by CA", "WITHDRAWN"),
        ("GB - no longer in EU/EEA", "UNKNOWN"),
        ("Trial now transitioned", "UNKNOWN"),
    ],
)
def test_every_status_of_the_register(word: str, status: str) -> None:
    record = protocol(status=word)
    assert (record.status, record.status_raw) == (status, word)


def test_a_status_that_says_nothing_is_filled_from_the_end_of_the_trial() -> None:
    record = protocol("P. End of Trial Status: Completed", status="GB - no longer in EU/EEA")
    assert (record.status, record.status_raw) == ("COMPLETED", "Completed")


def test_products_keep_their_substances_apart() -> None:
    record = protocol(
        "D.IMP: 1",
        "D.1.2 and D.1.3 IMP Role: Test",
        "D.3.8 INN - Proposed INN: ALPHA",
        "D.3.10.1 Concentration unit: mg",
        "D.3.10.3 Concentration number: 5",
        "D.3.8 INN - Proposed INN: BETA",
        "D.3.10.3 Concentration number: 7",
        "D. IMP: 2",
        "D.1.2 and D.1.3 IMP Role: Comparator",
        "D.2.1.1.1 Trade name: Gammabrand",
    )
    first, second = record.interventions
    assert (first.name, first.other_names, first.description) == ("ALPHA", ["BETA"], "5 mg; 7")
    assert second.name == "Gammabrand"
    assert [(arm.label, arm.type, arm.intervention_names) for arm in record.arms] == [
        ("Test", "EXPERIMENTAL", ["ALPHA"]),
        ("Comparator", "ACTIVE_COMPARATOR", ["Gammabrand"]),
    ]


def test_placebo_is_asked_for_with_a_question_mark() -> None:
    said = {
        answer: protocol("D.8 Placebo: 1", f"D.8.1 Is a Placebo used in this Trial? {answer}")
        for answer in ("Yes", "No")
    }
    assert [one.name for one in said["Yes"].interventions] == ["Placebo"]
    assert said["No"].interventions == []


def test_the_size_is_that_of_the_whole_trial_or_of_the_only_part() -> None:
    parts = ("F.4.1 In the member state: 10", "F.4.2.1 In the EEA: 20")
    assert protocol(*parts, "F.4.2.2 In the whole clinical trial: 30").enrollment_target == 30
    assert protocol(*parts).enrollment_target == 20
    outside = "E.8.6.1 Trial being conducted both within and outside the EEA: Yes"
    assert protocol(outside, *parts).enrollment_target is None
    alone = "E.8.5 The trial involves multiple Member States: No"
    assert protocol(alone, parts[0]).enrollment_target == 10


@pytest.mark.parametrize(
    ("yes", "ages"),
    [
        (["F.1.1", "F.1.1.1"], (0, 0)),
        (["F.1.1", "F.1.1.5", "F.1.2"], (2, 64)),
        (["F.1.2", "F.1.3"], (18, None)),
        (["F.1.1"], (0, 17)),
        ([], (None, None)),
    ],
)
def test_ages_are_those_of_the_outermost_bands(yes: list[str], ages: tuple[float | None, float | None]) -> None:
    labels = {
        "F.1.1": "Trial has subjects under 18",
        "F.1.1.1": "In Utero",
        "F.1.1.5": "Children (2-11years)",
        "F.1.2": "Adults (18-64 years)",
        "F.1.3": "Elderly (>=65 years)",
    }
    lines = [f"{code} {label}: {'Yes' if code in yes else 'No'}" for code, label in labels.items()]
    record = protocol("F.1.1 Number of subjects for this age range: 20", *lines)
    assert (record.minimum_age_years, record.maximum_age_years) == ages


def test_double_blind_comes_before_single_before_open() -> None:
    lines = ["E.8.1.1 Randomised: Yes", "E.8.1.2 Open: Yes", "E.8.1.3 Single blind: Yes"]
    assert protocol(*lines).masking == "SINGLE"
    assert protocol(*lines, "E.8.1.4 Double blind: Yes").masking == "DOUBLE"


def test_a_protocol_without_a_number_is_rejected_and_its_neighbours_stay() -> None:
    bad = b"Summary\r\nEudraCT Number: none\r\nA.3 Full title of the trial: FICTIONAL\r\n"
    outcomes = read(full_text() + bad + full_text(country="ES"))
    assert [one.reason if isinstance(one, Reject) else one.id for one in outcomes] == [
        "2090-000001-10-DE",
        "missing_identifier",
        "2090-000001-10-ES",
    ]


def test_bytes_that_are_no_text_reject_their_protocol_only() -> None:
    outcomes = read(full_text("E.1.1 Medical condition(s): \xff").replace("\xff".encode(), b"\xff") + full_text())
    assert [one.reason if isinstance(one, Reject) else one.id for one in outcomes] == [
        "invalid_encoding",
        "2090-000001-10-DE",
    ]


def test_many_protocols_need_no_more_memory_than_one() -> None:
    once = full_text("E.3 Principal inclusion criteria: " + "x" * 10_000)

    class Endless(io.RawIOBase):
        def __init__(self) -> None:
            self.rest, self.buffer = 2_000, b""

        def readable(self) -> bool:
            return True

        def readinto(self, target: Any) -> int:
            if not self.buffer and self.rest:
                self.rest, self.buffer = self.rest - 1, once
            part = self.buffer[: len(target)]
            target[: len(part)] = part
            self.buffer = self.buffer[len(part) :]
            return len(part)

    tracemalloc.start()
    count = sum(1 for _ in FORMATS["full-text"].outcomes(cast(BinaryIO, io.BufferedReader(Endless()))))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 2_000
    assert peak < 8_000_000


@settings(max_examples=150, derandomize=True, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=40), max_size=8))
def test_whatever_stands_in_an_answer_the_next_question_is_read(lines: list[str]) -> None:
    text = ["E.3 Principal inclusion criteria: begun", *("x" + line for line in lines)]
    record = protocol(*text, "E.4 Principal exclusion criteria: the end")
    assert record.exclusion_criteria == "the end"
    assert (record.inclusion_criteria or "").startswith("begun")


# --- results


def results_xml(inside: str, attributes: str = "") -> bytes:
    information = "<trialInformation><sponsorProtocolCode>F</sponsorProtocolCode></trialInformation>"
    return f"<result{attributes}>{information}{inside}</result>".encode()


def test_the_number_of_results_may_stand_only_in_the_name_of_the_file() -> None:
    assert one(results_xml(""), "EU-CTR 2090-000007-70 v2 - Results.xml").id == "2090-000007-70"
    assert one(results_xml("", ' eudractNumber="2090-000008-80"'), "x.xml").id == "2090-000008-80"
    (rejected,) = read(results_xml(""), "results.xml")
    assert isinstance(rejected, Reject)
    assert rejected.reason == "missing_identifier"


def test_dates_are_those_of_the_register_and_not_shifted_to_utc() -> None:
    record = one(next(FIXTURES.glob("*.xml")).read_bytes(), next(FIXTURES.glob("*.xml")).name)
    assert record.start_date is not None
    assert record.start_date.date == "2019-06-18"
    assert record.completion_date is not None
    assert record.completion_date.date == "2022-05-20"


def test_organ_systems_and_countries_are_named_and_what_is_not_known_keeps_its_number() -> None:
    path = next(FIXTURES.glob("*.xml"))
    record = one(path.read_bytes(), path.name)
    assert [country.name for country in record.countries] == ["Spain", "Germany"]
    assert [note.raw for note in notes(record, "countries")] == ["100000000999"]
    assert record.enrollment_actual == 100
    assert record.results is not None
    assert record.results.adverse_events is not None
    assert record.results.adverse_events.other_events[0].organ_system == "Nervous system disorders"
    assert record.results.adverse_events.serious_events[0].organ_system == "100000009999"


def test_what_is_said_of_all_events_holds_where_an_event_does_not_say_it() -> None:
    path = next(FIXTURES.glob("*.xml"))
    head, found, events = path.read_text().partition('<reportingGroups>\n      <reportingGroup id="AE-1"')
    said = "<assessmentMethod><value>ADV_EVT_ASSESS_TYPE.nonSystematic</value></assessmentMethod>"
    own = "<dictionary><otherName>WHO-ART</otherName><version>3</version></dictionary>"
    record = one((head + found + re.sub("<assessmentMethod>.*</assessmentMethod>", "", events)).encode(), path.name)
    changed = one((head + found + events.replace(said, said + own)).encode(), path.name)
    assert record.results is not None
    assert record.results.adverse_events is not None
    assert [event.assessment_type for event in record.results.adverse_events.serious_events] == [
        "SYSTEMATIC_ASSESSMENT"
    ]
    assert changed.results is not None
    assert changed.results.adverse_events is not None
    (event,) = changed.results.adverse_events.serious_events
    assert (event.assessment_type, event.source_vocabulary) == ("NON_SYSTEMATIC_ASSESSMENT", "WHO-ART 3")


def test_values_of_every_group_and_category_are_found_again() -> None:
    path = next(FIXTURES.glob("*.xml"))
    record = one(path.read_bytes(), path.name)
    assert record.results is not None
    found = [
        measurement.value
        for outcome in record.results.outcome_measures
        for group in outcome.classes
        for category in group.categories
        for measurement in category.measurements
    ]
    written = re.findall(
        r"<(?:tendencyValue|countableValue)[^>]*><value>([^<]+)", path.read_text().partition("<endPoints>")[2]
    )
    assert sorted(map(str, found)) == sorted(written)


def test_results_with_entities_of_their_own_are_refused() -> None:
    bomb = b'<!DOCTYPE r [<!ENTITY a "b">]>' + results_xml("")
    (rejected,) = read(bomb, "2090-000007-70.xml")
    assert isinstance(rejected, Reject)
    assert rejected.reason == "forbidden_xml_entities"


# --- the summary of a search


def test_a_summary_has_a_trial_once_with_the_status_of_each_country() -> None:
    first, second = read((FIXTURES / "summary.txt").read_bytes())
    assert isinstance(first, Record)
    assert isinstance(second, Record)
    assert [(one.id, one.role) for one in first.identifiers] == [
        ("2090-000101-10", "primary"),
        ("EX-101", "organisation"),
    ]
    assert first.scientific_title == "A randomised study of imaginamab in imaginary fever: part one"
    assert [(one.name, one.code, one.vocabulary) for one in first.conditions] == [
        ("Imaginary fever: all kinds", None, None),
        ("Imaginary fever", "10999998", "MedDRA 19.0"),
        ("Fever, invented", None, None),
    ]
    assert [country.name for country in first.countries] == ["Sweden", "Portugal", "United Kingdom"]
    assert (first.minimum_age_years, first.maximum_age_years, first.sex) == (12.0, 64.0, "ALL")
    assert (second.minimum_age_years, second.maximum_age_years, second.sex) == (0.0, 17.0, "FEMALE")
    assert first.start_date is not None
    assert (first.start_date.date, bool(notes(first, "start_date"))) == ("2091-06-07", True)


@pytest.mark.parametrize(
    ("protocols", "status"),
    [
        ("SE(Completed) PT(Completed)", "COMPLETED"),
        ("SE(Completed) PT(Prematurely Ended)", "COMPLETED"),
        ("SE(Prematurely Ended) PT(Prematurely Ended)", "TERMINATED"),
        ("SE(Prematurely Ended) GB(GB - no longer in EU/EEA)", "TERMINATED"),
        ("SE(Completed) PT(Ongoing)", "UNKNOWN"),
        ("SE(Not Authorised) PT(Completed)", "COMPLETED"),
        ("SE(Not Authorised)", "WITHDRAWN"),
        ("SE(Trial now transitioned)", "UNKNOWN"),
        ("", None),
    ],
)
def test_a_trial_has_ended_when_it_has_in_each_country(protocols: str, status: str | None) -> None:
    lines = f"EudraCT Number: 2090-000101-10\nSponsor Protocol Number: 1\nTrial protocol: {protocols}\n"
    assert one(lines.encode()).status == status


# --- ctrdata


def test_a_record_is_read_alike_from_an_array_and_from_lines() -> None:
    entries = json.loads((FIXTURES / "ctrdata.json").read_bytes())
    lines = b"\n".join(json.dumps(entry).encode() for entry in entries)
    ids = [outcome.id for outcome in read(lines) if isinstance(outcome, Record)]
    assert ids == ["2090-000003-30-3RD", "2090-000004-40-CZ"]


def test_the_records_of_other_registers_are_rejected_by_name() -> None:
    rejected = [outcome for outcome in read((FIXTURES / "ctrdata.json").read_bytes()) if isinstance(outcome, Reject)]
    assert [(one.reason, "CTGOV2" in one.detail) for one in rejected] == [("not_a_registry_export", True)]
    assert recognised(b'[{"_id": "ISRCTN99000001", "ctrname": "ISRCTN", "x": "a2_eudract_number"}]') == []


def test_the_arms_of_the_results_replace_roles_and_get_their_products() -> None:
    record = next(
        one
        for one in read((FIXTURES / "ctrdata.json").read_bytes())
        if isinstance(one, Record) and one.id.endswith("CZ")
    )
    assert [arm.label for arm in record.arms] == ["Fictomab 20 mg", "Placebo"]
    assert [one.arm_labels for one in record.interventions] == [["Fictomab 20 mg"], ["Placebo"]]
    assert notes(record, "arms") == notes(record, "start_date") == []


# --- real files


def test_real_full_text(shared_data: Path) -> None:
    data = (shared_data / "registries" / "euctr" / "test_error_trials_euctr.txt").read_bytes()
    outcomes = read(data)
    records = [one for one in outcomes if isinstance(one, Record)]
    links = re.findall(rb"^Link: \S+/trial/([\d-]+/\w+)/", data, re.M)
    assert [one.id for one in outcomes if isinstance(one, Record)] == [
        link.decode().replace("/", "-") for link in links
    ]
    assert len(outcomes) == len(records) == 10
    titles = re.findall(rb"^A\.3 Full title of the trial: (.+)$", data, re.M)
    assert [one.scientific_title for one in records] == [title.decode().strip() for title in titles]
    targets = [int(number) for number in re.findall(rb"^F\.4\.2\.2 [^:]*: (\d+)$", data, re.M)]
    assert Counter(targets) == Counter(one.enrollment_target for one in records if one.enrollment_target in targets)
    assert sum(len(one.interventions) for one in records) >= data.count(b"\nD.8.1 Is a Placebo used in this Trial? Yes")
    assert all(b"\nE.4 " not in (one.inclusion_criteria or "").encode() for one in records)
    assert all(len(one.conditions) >= 1 and one.inclusion_criteria and one.exclusion_criteria for one in records)
    assert sum(len(one.conditions) - len({c.name for c in one.conditions if not c.code}) for one in records) == 21


def test_lists_of_one_are_the_values_in_them() -> None:
    def in_lists(value: Any) -> Any:
        if isinstance(value, dict):
            parts = {key: in_lists(part) for key, part in value.items()}
            return {key: part if isinstance(part, list) else [part] for key, part in parts.items()}
        return [in_lists(part) for part in value] if isinstance(value, list) else value

    given = json.loads((FIXTURES / "ctrdata.json").read_bytes())[0]
    plain, listed = (one(json.dumps(entry).encode()) for entry in (given, in_lists(given)))
    listed.place = plain.place
    assert listed == plain


def test_real_ctrdata_export(shared_data: Path) -> None:
    data = (shared_data / "registries" / "euctr" / "my_trials_EUCTR.json").read_bytes()
    entries = json.loads(data)
    records = [one for one in read(data) if isinstance(one, Record)]
    assert [one.id[:14] for one in records] == [entry["a2_eudract_number"] for entry in entries]
    assert [one.id[14:] for one in records] == ["-DE", "-DE", "-ES", "-BE"]
    for record, entry in zip(records, entries, strict=True):
        counts = entry.get("trialInformation", {}).get("countrySubjectCounts", {}).get("countrySubjectCount", [])
        assert record.enrollment_actual == (sum(int(one["subjects"]) for one in counts) or None)
        measures = entry.get("endPoints", {}).get("endPoint", [])
        assert len(record.results.outcome_measures if record.results else []) == len(measures)
        events = entry.get("adverseEvents", {}).get("seriousAdverseEvents", {}).get("seriousAdverseEvent", [])
        found = record.results.adverse_events if record.results else None
        assert [event.term for event in (found.serious_events if found else [])] == [
            html.unescape(event["term"]) for event in events
        ]
        assert all(not (event.organ_system or "").isdigit() for event in (found.serious_events if found else []))


# --- fetching


def fetched(service: Service, folder: Path, query: str = "") -> tuple[FetchLog, Replay]:
    with Replay(service) as replay:
        log = fetch_from(replay, euctr.SOURCE, Wanted(query), folder)
    return log, replay


def test_a_fetch_asks_page_after_page_of_the_same_search(tmp_path: Path) -> None:
    log, replay = fetched(replay_euctr.SERVICE, tmp_path, f"{SEARCH}?query=tea&country=es&country=de&mode=x#tabs")
    first, *pages = replay.asked
    assert (first.path, first.parameters["query"]) == ("/ctr-search/search", "tea")
    assert [asked.parameters for asked in pages] == [
        {"query": "tea", "country": "de", "page": str(page), "mode": "current_page"} for page in (1, 2)
    ]
    assert all("country=es&country=de" in file.url for file in log.files.values())
    assert (log.total, log.unit) == (2, "files")
    assert log.records == sum(file.read_bytes().count(b"\nSummary\n") for file in tmp_path.glob("*.txt"))


def test_a_page_that_is_never_answered_does_not_keep_the_others_away(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Reply:
        if asked.parameters.get("page") == "2":
            return Reply(b"\n", "text/plain")
        return replay_euctr.SERVICE.answer(asked)

    with pytest.raises(FetchFailed, match=r"page=2.*: there is no protocol in the answer"):
        fetched(Service(answer, ()), tmp_path)
    assert sorted(file.name for file in tmp_path.glob("*.txt")) == ["euctr-00001.txt", "euctr-00003.txt"]
    log, replay = fetched(replay_euctr.SERVICE, tmp_path)
    assert log.complete
    assert [asked.parameters["page"] for asked in replay.asked] == ["2"]


def test_a_register_that_is_down_is_not_asked_for_every_page(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Reply:
        if asked.path.endswith("/search"):
            return Reply(b"<html>Trials with a EudraCT protocol (44,123)</html>", "text/html")
        return Reply(b"", status=503)

    with Replay(Service(answer, ())) as replay, pytest.raises(FetchFailed):
        fetch_from(replay, euctr.SOURCE, Wanted(), tmp_path)
    assert {asked.parameters.get("page") for asked in replay.asked} == {None, "1", "2", "3"}


def test_what_the_register_says_and_does_not_have_is_told(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Reply:
        if asked.path.endswith(".zip") or "/result/" in asked.path:
            return Reply(b"", status=404)
        reply = replay_euctr.SERVICE.answer(asked)
        return Reply(re.sub(rb"protocol \(\d+\)", b"protocol (9)", reply.body), reply.type, reply.status)

    log, _ = fetched(Service(answer, ()), tmp_path, "query=tea&resultsstatus=trials-with-results")
    assert log.complete
    there = set(re.findall(rb"\nEudraCT Number: (\S+)", (tmp_path / "euctr-00001.txt").read_bytes()))
    assert log.missing == [f"{number.decode()}: results, which are said to be there" for number in sorted(there)]
    log, _ = fetched(Service(answer, ()), tmp_path / "2", ", ".join(list(replay_euctr.TRIALS)[:3]))
    assert log.missing == ["6 of 9 trials, which the pages of the search do not have"]


@pytest.mark.parametrize(
    ("query", "search"),
    [
        ("", {"query": [""]}),
        (" grey fever ", {"query": ["grey fever"]}),
        ("2090-000001-10", {"query": ["2090-000001-10"]}),
        ("2090-000001-10 2090-000002-11", {"query": ["2090-000001-10 OR 2090-000002-11"]}),
        ("query=cancer&age=under-18&phase=", {"query": ["cancer"], "age": ["under-18"]}),
        ("age=under-18", {"query": [""], "age": ["under-18"]}),
        (f"{LINK}/2090-000001-10/3rd", {"query": ["2090-000001-10"]}),
        (f"{LINK}/2090-000001-10/results", {"query": ["2090-000001-10"], "resultsstatus": ["trials-with-results"]}),
        ("https://www.clinicaltrialsregister.eu/ctr-search/search?query=a+b&page=7", {"query": ["a b"]}),
    ],
)
def test_what_a_query_asks(query: str, search: dict[str, list[str]]) -> None:
    assert euctr._search(Wanted(query)) == search


@pytest.mark.parametrize(
    ("query", "since", "date_from"),
    [("tea", "2020-02-01", "2020-02-01"), ("query=tea&dateFrom=2021-01-01", "2020-02-01", "2021-01-01")],
)
def test_since_is_the_day_of_the_first_entry(query: str, since: str, date_from: str) -> None:
    search = euctr._search(Wanted(query, date.fromisoformat(since)))
    assert search == {"query": ["tea"], "dateFrom": [date_from]}


@pytest.mark.parametrize(
    "query", ["https://euclinicaltrials.eu/ctis-public/search", "https://www.clinicaltrialsregister.eu/about.html"]
)
def test_what_is_no_search_is_said_in_one_line(query: str) -> None:
    with pytest.raises(UserError, match=r"\.$"):
        euctr._search(Wanted(query))
