"""ClinicalTrials.gov: every known quirk of its four formats on fictional studies, and the real files where they are."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import xml.etree.ElementTree as ElementTree
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialpanorama.record import Country, Identifier, Location, Note, Outcome, PartialDate, Record, Reject
from trialpanorama.sources import HEAD_BYTES, clinicaltrials_gov

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "clinicaltrials_gov"
FILES = sorted(path.name for path in FIXTURES.iterdir() if ".golden." not in path.name)
FORMATS = {format.name: format for format in clinicaltrials_gov.SOURCE.formats}


def recognised(data: bytes) -> list[str]:
    return [format.name for format in FORMATS.values() if format.recognise(data[:HEAD_BYTES])]


def outcomes(data: bytes) -> list[Record | Reject]:
    (name,) = recognised(data)
    return list(FORMATS[name].read(io.BytesIO(data)))


def fixture(name: str) -> list[Record | Reject]:
    return outcomes((FIXTURES / name).read_bytes())


def one(data: bytes) -> Record:
    (record,) = outcomes(data)
    assert isinstance(record, Record), record
    return record


def only_reject(data: bytes) -> Reject:
    (reject,) = outcomes(data)
    assert isinstance(reject, Reject), reject
    return reject


def v2(id: str | None = "NCT99000001", **modules: Any) -> bytes:
    """A study in API v2 JSON with these modules."""
    identification = {"nctId": id, **modules.pop("identificationModule", {})}
    return json.dumps({"protocolSection": {"identificationModule": identification, **modules}}).encode()


def v1(**modules: Any) -> bytes:
    protocol = {"IdentificationModule": {"NCTId": "NCT99000001"}, **modules}
    return json.dumps({"FullStudy": {"Rank": 1, "Study": {"ProtocolSection": protocol}}}).encode()


def xml(inside: str) -> bytes:
    return f"<clinical_study><id_info><nct_id>NCT99000001</nct_id></id_info>{inside}</clinical_study>".encode()


def row(**cells: str) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    named = {"NCT Number": "NCT99000001", **{name.replace("_", " "): cell for name, cell in cells.items()}}
    writer.writerows([named.keys(), named.values()])
    return text.getvalue().encode()


# --- recognition


def test_a_format_is_recognised_by_content_whatever_stands_before_it() -> None:
    for name in FILES:
        data = (FIXTURES / name).read_bytes()
        assert len(recognised(data)) == 1
        if not name.endswith(".ndjson") and not data.startswith(b"\xef\xbb\xbf"):
            assert recognised(b"\xef\xbb\xbf" + data) == recognised(data)
            assert [type(o) for o in outcomes(b"\xef\xbb\xbf" + data)] == [type(o) for o in outcomes(data)]
        if not name.endswith(".csv"):
            assert recognised(b" \r\n\t" + data) == recognised(data)


@pytest.mark.parametrize(
    "data",
    [
        b'<?xml version="1.0"?><rss version="2.0"><channel><title>Studies</title></channel></rss>',
        b"trial_id,status\nDRKS99000001,PENDING\n",
        b"id,address,number\nx,y,ACTRN12699000000001\n",
        b"table,column,type\nstudies,nct_id,string\n",
        b"TrialID,url\nNCT99000001,x\n",
        b"title,NCT Number mentioned in the text\nx,NCT99000001\n",
        b'"NCT Number",a,b,c,d,e\nNCT99000001,,,,,\n',
        b'{"data": [{"nctId": "NCT99000001"}]}',
    ],
)
def test_other_tables_and_feeds_are_not_recognised(data: bytes) -> None:
    assert recognised(data) == []


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"protocolSection": {}, "hasResults": false}', "study_fragment"),
        (b'{"resultsSection": {"participantFlowModule": {"groups": [{"title": "no id"}]}}}', "study_fragment"),
        (b'{"protocolSection": {"designModule": {"phases": 4}}}', "study_fragment"),
        (b'{"Study": {"ProtocolSection": {"ConditionsModule": {}}}}', "study_fragment"),
        (v2(None, identificationModule={"briefTitle": "Lost"}), "missing_identifier"),
        (v2("  ", identificationModule={"briefTitle": "Lost"}), "missing_identifier"),
        (v2(designModule={"phases": {"a": 4}}), "malformed_json"),
        (b'{"protocolSection": [', "truncated"),
        (b'{"protocolSection": {"identificationModule": {"nctId": "NCT99000001\xff"}}}', "invalid_encoding"),
        (b'{"StudyFieldsResponse": {"StudyFields": [{"NCTId": ["NCT99000001"]}]}}', "format_without_reader"),
        (b'{"StudyStatistics": {"ElmtDefs": {}}}', "not_a_registry_export"),
        (b"<clinical_study><id_info/></clinical_study>", "missing_identifier"),
        (b"<clinical_study><id_info><nct_id>NCT99000001</nct_id>", "truncated"),
        (xml("<brief_title>a</brief_summary>"), "malformed_xml"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]>' + xml("<brief_title>&a;</brief_title>"), "forbidden_xml_entities"),
        (b"NCT Number,Study Title\n,Lost\n", "missing_identifier"),
        (b"NCT Number,Study Title\nNCT99000001\n", "malformed_row"),
    ],
)
def test_what_is_no_study_is_a_reject_that_says_why(data: bytes, reason: str) -> None:
    assert only_reject(data).reason == reason


def as_stored(value: Any, change: Callable[[Any], Any]) -> Any:
    """JSON whose every value went through another program."""
    if isinstance(value, dict):
        return change({name: as_stored(part, change) for name, part in value.items()})
    return change([as_stored(part, change) for part in value] if isinstance(value, list) else value)


@pytest.mark.parametrize(
    "change",
    [
        lambda value: [value] if not isinstance(value, list) else value,
        lambda value: value[0] if isinstance(value, list) and len(value) == 1 else value,
        lambda value: str(value) if isinstance(value, bool | int | float) else value,
        lambda value: float(value) if isinstance(value, int) and not isinstance(value, bool) else value,
        lambda value: {"documentSection": None, "groups": None} | value if isinstance(value, dict) else value,
        lambda value: {"descriptionModule": {}, "whyStopped": {}} | value if isinstance(value, dict) else value,
    ],
    ids=["lists of one", "single values", "numbers as texts", "whole numbers as decimals", "nulls", "empty objects"],
)
def test_a_study_that_another_program_stored_is_the_same(change: Callable[[Any], Any]) -> None:
    study = json.loads((FIXTURES / "one_study.json").read_bytes())
    del study["documentSection"], study["protocolSection"]["descriptionModule"]
    written, stored = (
        msgspec.to_builtins(one(json.dumps(given).encode())) for given in (study, as_stored(study, change))
    )
    assert [field for field in written if field != "place" and stored.get(field) != written[field]] == []


def test_numbers_of_the_old_api_may_be_numbers() -> None:
    texts = (FIXTURES / "full_studies.json").read_text(encoding="utf-8")
    numbers = re.sub(r'("\w*(?:Count|Num\w+|Value|Spread|Limit|PMID|Zip)"): "([1-9]\d*)"', r"\1: \2", texts)
    assert numbers != texts
    (written,), (stored,) = outcomes(texts.encode()), outcomes(numbers.encode())
    stored.place = written.place
    assert stored == written


# --- one study in four formats


def test_the_four_formats_agree_on_one_study() -> None:
    (json_record,) = fixture("one_study.json")
    (v1_record,) = fixture("full_studies.json")
    (xml_record,) = fixture("one_study.xml")
    csv_record = fixture("all_columns.csv")[0]
    for record in (json_record, v1_record, xml_record, csv_record):
        assert isinstance(record, Record)
        assert record.id == "NCT99000101"
        assert (record.status, record.phases, record.study_type) == (
            "TERMINATED",
            ["PHASE2", "PHASE3"],
            "INTERVENTIONAL",
        )
        assert (record.allocation, record.intervention_model, record.primary_purpose) == (
            "RANDOMIZED",
            "PARALLEL",
            "TREATMENT",
        )
        assert (record.masking, record.is_masked, record.masked_roles) == (
            "DOUBLE",
            True,
            ["PARTICIPANT", "INVESTIGATOR"],
        )
        assert {c.name for c in record.countries if not c.is_removed} == {"United States", "Germany"}
        ids = [(i.id, i.register, i.role) for i in record.identifiers if i.role != "alias"]
        assert ids == [
            ("NCT99000101", "clinicaltrials_gov", "primary"),
            ("FICT-101", None, "organisation"),
            ("2090-000101-42", "euctr", "secondary"),
            ("2090-000102-41", "euctr", "secondary"),
            ("2099-500101-42-00", "ctis", "secondary"),
            ("R01ZZ00101", None, "secondary"),
        ]


@pytest.mark.parametrize("other", ["full_studies.json", "one_study.xml"])
def test_posted_results_are_the_same_from_every_format(other: str) -> None:
    (expected,) = fixture("one_study.json")
    (found,) = fixture(other)
    assert isinstance(expected, Record)
    assert isinstance(found, Record)
    assert expected.results is not None
    assert found.results == expected.results
    assert found.has_results is expected.has_results is True


def test_results_hold_flow_baseline_outcomes_and_events() -> None:
    (record,) = fixture("one_study.xml")
    assert isinstance(record, Record)
    results = record.results
    assert results is not None
    assert results.participant_flow is not None
    assert results.baseline is not None
    assert results.adverse_events is not None
    assert results.participant_flow.periods[0].milestones[0].achievements[1].comment == "One never came"
    assert results.baseline.measures[1].classes[0].denoms[0].counts[0].value == "20"
    assert [analysis.p_value for analysis in results.outcome_measures[0].analyses] == ["<0.001"]
    group = results.adverse_events.event_groups[0]
    assert (group.deaths_num_affected, group.serious_num_affected, group.other_num_affected) == (0, 1, 3)
    assert [event.term for event in results.adverse_events.serious_events] == ["Imaginary rash"]
    assert results.adverse_events.other_events[0].source_vocabulary == "House list"


# --- quirks


def test_dispersion_is_a_token_in_baseline_measures_and_words_in_outcome_measures() -> None:
    for name in ("one_study.json", "full_studies.json", "one_study.xml"):
        (record,) = fixture(name)
        assert isinstance(record, Record)
        assert record.results is not None
        assert record.results.baseline is not None
        assert record.results.baseline.measures[0].dispersion_type == "STANDARD_DEVIATION"
        assert record.results.outcome_measures[0].dispersion_type == "95% Confidence Interval"


@pytest.mark.parametrize(
    ("words", "token"),
    [
        ("Count of Participants", "COUNT_OF_PARTICIPANTS"),
        ("Inter-Quartile Range", "INTER_QUARTILE_RANGE"),
        ("97.5% Confidence Interval", "CONFIDENCE_975"),
        ("Geometric Coefficient of Variation", "GEOMETRIC_COEFFICIENT"),
        ("Non-Inferiority or Equivalence (legacy)", "NON_INFERIORITY_OR_EQUIVALENCE_LEGACY"),
    ],
)
def test_words_of_legacy_results_become_tokens(words: str, token: str) -> None:
    measure = f"<measure><dispersion>{words}</dispersion></measure>"
    record = one(
        xml(f"<clinical_results><baseline><measure_list>{measure}</measure_list></baseline></clinical_results>")
    )
    assert record.results is not None
    assert record.results.baseline is not None
    assert record.results.baseline.measures[0].dispersion_type == token


def test_result_groups_are_local_to_each_outcome() -> None:
    group = '<group_list><group group_id="O1"><title>{}</title></group></group_list>'
    listed = "".join(f"<outcome><title>{t}</title>{group.format(t)}</outcome>" for t in ("First", "Second"))
    record = one(xml(f"<clinical_results><outcome_list>{listed}</outcome_list></clinical_results>"))
    assert record.results is not None
    groups = [measure.groups[0] for measure in record.results.outcome_measures]
    assert [(g.id, g.title) for g in groups] == [("OG000", "First"), ("OG000", "Second")]


def test_what_is_left_out_is_unknown() -> None:
    record = one(v2())
    said = {name for name in Record.__struct_fields__ if getattr(record, name)}
    assert said == {"kind", "register", "id", "url", "place", "identifiers"}
    assert record.has_results is None
    assert record.enrollment_actual is None


@pytest.mark.parametrize(
    ("given", "date"), [("2090", "2090"), ("2090-02", "2090-02"), ("2090-02-28", "2090-02-28"), ("2090-02-30", None)]
)
def test_dates_keep_their_precision(given: str, date: str | None) -> None:
    record = one(v2(statusModule={"startDateStruct": {"date": given, "type": "ESTIMATED"}}))
    assert record.start_date == PartialDate(date, "ESTIMATED", None if date else given)


@pytest.mark.parametrize(
    ("type", "canonical"), [("Actual", "ACTUAL"), ("Anticipated", "ESTIMATED"), ("Estimate", "ESTIMATED")]
)
def test_date_types_of_legacy_xml(type: str, canonical: str) -> None:
    record = one(xml(f'<start_date type="{type}">September 27, 2017</start_date>'))
    assert record.start_date == PartialDate("2017-09-27", canonical, "September 27, 2017")  # type: ignore[arg-type]
    assert one(xml("<start_date>September 2017</start_date>")).start_date == PartialDate(
        "2017-09", None, "September 2017"
    )


@pytest.mark.parametrize("status", ["SUSPENDED", "TERMINATED", "WITHDRAWN"])
def test_why_it_stopped_is_kept_as_said(status: str) -> None:
    module = {"overallStatus": status, "whyStopped": "No money left"}
    assert one(v2(statusModule=module)).why_stopped == "No money left"
    assert (
        one(xml(f"<overall_status>{status.title()}</overall_status><why_stopped>\n  No\n  </why_stopped>")).why_stopped
        == "No"
    )


def test_a_withdrawn_study_reached_nobody() -> None:
    record = one(
        v2(statusModule={"overallStatus": "WITHDRAWN"}, designModule={"enrollmentInfo": {"count": 0, "type": "ACTUAL"}})
    )
    assert (record.status, record.enrollment_actual) == ("WITHDRAWN", 0)


def test_unknown_is_computed_and_the_last_known_status_kept() -> None:
    module = {"overallStatus": "UNKNOWN", "lastKnownStatus": "RECRUITING"}
    assert one(v2(statusModule=module)).last_known_status == "RECRUITING"
    record = one(
        xml("<overall_status>Unknown status</overall_status><last_known_status>Recruiting</last_known_status>")
    )
    assert (record.status, record.last_known_status) == ("UNKNOWN", "RECRUITING")


def test_a_withheld_study_has_almost_nothing() -> None:
    first = fixture("lines.ndjson")[0]
    last = fixture("several.xml")[-1]
    assert isinstance(first, Record)
    assert isinstance(last, Record)
    assert first.status == last.status == "WITHHELD"
    assert last.study_type is None
    assert last.notes == []


@pytest.mark.parametrize("maximum", ["N/A", None])
def test_no_age_limit_is_said_in_two_ways(maximum: str | None) -> None:
    module = {"minimumAge": "18 Years"} | ({"maximumAge": maximum} if maximum else {})
    record = one(v2(eligibilityModule=module))
    assert (record.minimum_age_years, record.maximum_age_years, record.maximum_age_raw) == (18.0, None, maximum)


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("18 Years", 18.0),
        ("6 Months", 0.5),
        ("2 Weeks", 14 / 365.25),
        ("1 Day", 1 / 365.25),
        ("30 Minutes", 0.5 / 8766),
    ],
)
def test_ages_in_every_unit(text: str, years: float) -> None:
    for record in (
        one(v2(eligibilityModule={"minimumAge": text})),
        one(xml(f"<eligibility><minimum_age>{text}</minimum_age></eligibility>")),
    ):
        assert record.minimum_age_years == pytest.approx(years, rel=1e-3)
        assert record.minimum_age_raw == text


@pytest.mark.parametrize(
    ("word", "sex"),
    [("All", "ALL"), ("Both", "ALL"), ("Female", "FEMALE"), ("Male", "MALE"), ("Female: no Male: yes", "MALE")],
)
def test_sex_in_old_and_new_words(word: str, sex: str) -> None:
    assert one(xml(f"<eligibility><gender>{word}</gender></eligibility>")).sex == sex


@pytest.mark.parametrize("type", ["EUDRACT_NUMBER", "REGISTRY", "OTHER"])
def test_eudract_numbers_are_found_under_every_type(type: str) -> None:
    ids = {
        "secondaryIdInfos": [{"id": "EudraCT No. 2090-000007-42", "type": type}],
        "orgStudyIdInfo": {"id": "2090-000008-41"},
    }
    found = one(v2(identificationModule=ids)).identifiers[1:]
    assert [(i.id, i.register, i.role) for i in found] == [
        ("2090-000008-41", "euctr", "secondary"),
        ("2090-000007-42", "euctr", "secondary"),
    ]
    assert found[1].raw == "EudraCT No. 2090-000007-42"


def test_a_ctis_number_typed_as_eudract_is_a_ctis_number() -> None:
    ids = {"secondaryIdInfos": [{"id": "2099-500007-42-00", "type": "EUDRACT_NUMBER"}]}
    assert one(v2(identificationModule=ids)).identifiers[1].register == "ctis"


def test_a_number_that_is_none_of_the_register_is_kept_with_a_note() -> None:
    record = one(v2("NCT000001"))
    assert record.id == "NCT000001"
    assert record.identifiers[0] == Identifier("NCT000001", None, "primary", field="nctId")
    assert record.notes == [Note("id", "not a number of this register", "NCT000001")]


def test_aliases_are_older_ids_of_the_same_record() -> None:
    for name in ("one_study.json", "full_studies.json", "one_study.xml"):
        (record,) = fixture(name)
        assert isinstance(record, Record)
        assert [i.id for i in record.identifiers if i.role == "alias"] == ["NCT99000102"]


def test_reference_types_are_who_claims_them() -> None:
    (from_json,) = fixture("one_study.json")
    (from_xml,) = fixture("one_study.xml")
    assert isinstance(from_json, Record)
    assert isinstance(from_xml, Record)
    assert [(r.pmid, r.type, r.is_retracted) for r in from_json.references] == [
        ("99000101", "RESULT", False),
        ("99000102", "DERIVED", True),
    ]
    # legacy XML mixes the sponsor's background with what the register derived
    assert [(r.pmid, r.type) for r in from_xml.references] == [("99000102", None), ("99000101", "RESULT")]
    assert from_xml.references[1].doi == "10.5555/jim.2091.101"


def test_arm_labels_join_interventions_to_arms_also_where_they_do_not_match() -> None:
    arms = "<arm_group><arm_group_label>A</arm_group_label></arm_group>"
    given = "<intervention><intervention_name>X</intervention_name><arm_group_label>{}</arm_group_label></intervention>"
    assert one(xml(arms + given.format("A"))).arms[0].intervention_names == ["X"]
    record = one(xml(arms + given.format("A, high dose")))
    assert record.arms[0].intervention_names == []
    assert record.interventions[0].arm_labels == ["A, high dose"]


def test_the_type_before_an_intervention_is_split_off_and_nothing_else() -> None:
    names = ["Drug: A: B", "Dietary Supplement: C", "Protocol: D"]
    record = one(v2(armsInterventionsModule={"armGroups": [{"label": "x", "interventionNames": names}]}))
    assert record.arms[0].intervention_names == ["A: B", "C", "Protocol: D"]


def test_markdown_escapes_are_undone() -> None:
    text = r"Age \>= 18, 5\*10\^9, \[see\] a \\ b, C:\new" + "\n\n* one\n* two"
    record = one(v2(descriptionModule={"briefSummary": text}))
    assert record.brief_summary == "Age >= 18, 5*10^9, [see] a \\ b, C:\\new\n\n* one\n* two"
    assert one(row(Brief_Summary=text)).brief_summary == record.brief_summary


def test_wrapped_lines_of_text_blocks_are_joined_and_paragraphs_kept() -> None:
    text = "\n      First line of\n      a paragraph.\n\n        -  an item that goes\n           on\n\n    "
    record = one(xml(f"<brief_summary><textblock>{text}</textblock></brief_summary>"))
    assert record.brief_summary == "First line of a paragraph.\n\n- an item that goes on"
    record = one(
        xml("<arm_group><arm_group_label>A</arm_group_label><description>One.\r\nTwo.</description></arm_group>")
    )
    assert record.arms[0].description == "One.\nTwo."


def folded_line(text: str) -> str:
    return " ".join(text.split())


def folded_paragraphs(text: str) -> str:
    """Lines of a paragraph joined by blanks, paragraphs by blank lines, word by word."""
    lines = [*map(folded_line, text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))]
    return re.sub(r"(?<!\n)\n(?!\n)", " ", re.sub("\n\n+", "\n\n", "\n".join(lines).strip("\n")))


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.lists(st.sampled_from(["a", "b-", " ", "  ", "\t", "\n", "\n\n", "\r\n", "\u00a0", "\u2003", "é"])))
def test_white_space_of_legacy_xml_is_folded_as_word_by_word(pieces: list[str]) -> None:
    text = "".join(pieces)
    written = text.replace("\r", "&#xD;")
    record = one(
        xml(
            f"<brief_title>{written}</brief_title><why_stopped>\n{written}</why_stopped>"
            f"<detailed_description><textblock>\n      {written}\n    </textblock></detailed_description>"
            f"<location><facility><name>{written}</name><address><city>{written}</city></address></facility></location>"
        )
    )
    line = folded_line(text) or None
    assert (record.public_title, record.why_stopped) == (line, line)
    assert (record.locations[0].facility, record.locations[0].city) == (line, line)
    assert record.detailed_description == (folded_paragraphs(text) or None)


def test_doubly_escaped_entities_become_characters_and_other_ampersands_stay() -> None:
    record = one(
        xml("<brief_title>The patient&amp;apos;s R&amp;D &amp;lt; &amp;#39;x&amp;#39; &amp;copy</brief_title>")
    )
    assert record.public_title == "The patient's R&D < 'x' &copy"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"BMI \&lt; 37", "BMI < 37"),
        (r"rate \&#8805; 100 &quot;bpm&quot;", 'rate ≥ 100 "bpm"'),
        ("a patient&Amp;Amp;#39;s choice", "a patient's choice"),
        ("this &amp;amp; that &amp; those", "this & that & those"),
        ("R&D; AT&T &copy", "R&D; AT&T &copy"),
    ],
)
def test_entities_that_a_sponsor_escaped_become_characters(written: str, meant: str) -> None:
    assert one(v2(descriptionModule={"briefSummary": written})).brief_summary == meant
    assert one(row(Brief_Summary=written)).brief_summary == meant


def test_forbidden_characters_in_xml_do_not_cost_the_study() -> None:
    assert one(xml("<brief_title>a&#1;b\x1fc</brief_title>")).public_title == "abc"


@pytest.mark.parametrize(
    ("text", "halves"),
    [
        ("Inclusion Criteria:\n\n* a\n\nExclusion Criteria:\n\n* b", ("* a", "* b")),
        ("EXCLUSION CRITERIA\nb\nKey Inclusion Criteria:\na", ("a", "b")),
        ("1. Inclusion criteria for adults: a\n2. Exclusion criteria: b", ("a", "b")),
        ("Inclusion Criteria:\na\nExclusion Criteria:\nb\nInclusion Criteria:\nc", (None, None)),
        ("Inclusion Criteria:\na", (None, None)),
        ("Those who meet the inclusion criteria: a\nExclusion Criteria:\nb", (None, None)),
    ],
)
def test_criteria_are_divided_only_where_both_headings_are_found_once(text: str, halves: tuple[str, str]) -> None:
    record = one(v2(eligibilityModule={"eligibilityCriteria": text}))
    assert (record.inclusion_criteria, record.exclusion_criteria) == halves
    assert record.eligibility_criteria == text


def test_an_unknown_token_leaves_a_note_and_not_a_reject() -> None:
    record = fixture("page.json")[1]
    assert isinstance(record, Record)
    assert (record.status, record.status_raw) == (None, "PAUSED_FOR_REVIEW")
    assert {n.field for n in record.notes} >= {"status", "phases", "allocation", "masking", "sex"}


@pytest.mark.parametrize(
    ("type", "fields"),
    [("ACTUAL", (None, 7, None)), ("ESTIMATED", (7, None, None)), (None, (None, None, "7"))],
)
def test_enrollment_is_planned_or_reached_or_neither(
    type: str | None, fields: tuple[int | None, int | None, str | None]
) -> None:
    info = {"count": 7} | ({"type": type} if type else {})
    record = one(v2(designModule={"enrollmentInfo": info}))
    assert (record.enrollment_target, record.enrollment_actual, record.enrollment_raw) == fields
    assert bool(record.notes) is (type is None)


def test_old_dumps_with_one_design_string_and_old_date_names() -> None:
    record = fixture("old_dump.xml")[0]
    assert isinstance(record, Record)
    assert (record.allocation, record.intervention_model, record.masking, record.primary_purpose) == (
        "RANDOMIZED",
        "CROSSOVER",
        "NONE",
        "PREVENTION",
    )
    assert record.first_submitted_date == PartialDate("2090-02-01", None, "February 1, 2090")
    assert record.last_updated_date == PartialDate("2090-04-02", None, "April 2, 2090")
    assert record.sponsors[0].sponsor_class == "FED"
    assert record.phases == ["NA"]
    assert record.public_title is not None
    assert record.public_title.endswith("Université of Nowhere")


def test_removed_countries_are_kept_apart() -> None:
    for name in ("one_study.json", "full_studies.json", "one_study.xml"):
        (record,) = fixture(name)
        assert isinstance(record, Record)
        assert record.countries == [Country("Germany"), Country("United States"), Country("France", is_removed=True)]


def test_a_removed_country_that_takes_part_under_a_newer_name_is_not_removed() -> None:
    record = one(
        b"<clinical_study><id_info><nct_id>NCT99000001</nct_id></id_info><location_countries><country>Czechia</country>"
        b"</location_countries><removed_countries><country>Czech Republic</country><country>France</country>"
        b"</removed_countries></clinical_study>"
    )
    assert record.countries == [Country("Czechia"), Country("France", is_removed=True)]


@pytest.mark.parametrize(
    ("status", "target"),
    [("NOT_YET_RECRUITING", 40), ("RECRUITING", 40), ("COMPLETED", None), ("UNKNOWN", None)],
)
def test_the_csv_gives_a_planned_size_while_a_trial_recruits(status: str, target: int | None) -> None:
    header = "NCT Number,Study Title,Study URL,Study Status,Conditions,Enrollment"
    record = one(f"{header}\nNCT99000001,T,,{status},Fever,40\n".encode())
    assert (record.enrollment_target, record.enrollment_actual) == (target, None)
    assert record.enrollment_raw == (None if target else "40")
    assert [note.raw for note in record.notes] == ([] if target else ["40"])


@pytest.mark.parametrize(
    ("element", "token"),
    [
        ("<non_inferiority>Yes</non_inferiority>", "NON_INFERIORITY_OR_EQUIVALENCE_LEGACY"),
        ("<non_inferiority>No</non_inferiority>", "SUPERIORITY_OR_OTHER_LEGACY"),
        (
            "<non_inferiority_type>Superiority or Other (legacy)</non_inferiority_type>",
            "SUPERIORITY_OR_OTHER_LEGACY",
        ),
    ],
)
def test_hypotheses_of_older_dumps_have_the_tokens_of_v2(element: str, token: str) -> None:
    analysis = f"<analysis_list><analysis>{element}</analysis></analysis_list>"
    results = one(
        xml(f"<clinical_results><outcome_list><outcome>{analysis}</outcome></outcome_list></clinical_results>")
    ).results
    assert results is not None
    assert [one.non_inferiority_type for measure in results.outcome_measures for one in measure.analyses] == [token]


def test_mesh_ids_are_written_as_nlm_writes_them() -> None:
    meshes = {"meshes": [{"id": "D000005334", "term": "Fever"}, {"id": "D000086382", "term": "COVID-19"}]}
    study = json.loads(v2()) | {"derivedSection": {"conditionBrowseModule": meshes}}
    assert [mesh.id for mesh in one(json.dumps(study).encode()).mesh_terms] == ["D005334", "D000086382"]


def test_contacts_are_where_ingest_can_drop_them_and_nowhere_else() -> None:
    for name in ("one_study.json", "full_studies.json", "one_study.xml"):
        (record,) = fixture(name)
        assert isinstance(record, Record)
        assert [(c.type, c.email) for c in record.contacts] == [
            ("central", "office@example.org"),
            ("results", "office@example.org"),
        ]
        assert record.contacts[0].phone == "000-0000 ext. 12"
        record.contacts = []
        assert b"000-0000" not in msgspec.json.encode(record)


def test_one_broken_study_harms_no_neighbour() -> None:
    assert [o.id if isinstance(o, Record) else o.reason for o in fixture("several.xml")] == [
        "NCT99000161",
        "malformed_xml",
        "missing_identifier",
        "malformed_xml",
        "NCT99000165",
    ]
    assert [o.id if isinstance(o, Record) else o.reason for o in fixture("lines.ndjson")] == [
        "NCT99000121",
        "malformed_json",
        "NCT99000123",
    ]


@pytest.mark.parametrize("join", [b"", b"\n", b"\r\n"])
def test_studies_may_simply_follow_each_other(join: bytes) -> None:
    ids = ["NCT99000001", "NCT99000002", "NCT99000003"]
    assert [o.id for o in outcomes(join.join(map(v2, ids))) if isinstance(o, Record)] == ids
    studies = [xml("").replace(b"NCT99000001", id.encode()) for id in ids]
    assert [o.id for o in outcomes(join.join(studies)) if isinstance(o, Record)] == ids


@pytest.mark.parametrize(
    "wrap",
    [
        "[%s]",
        '{"study": %s, "history": {}}',
        '{"studies": [%s]}',
        '{"totalCount": 1, "studies": [%s], "nextPageToken": "x"}',
    ],
)
def test_v2_studies_in_an_array_or_envelope(wrap: str) -> None:
    assert one((wrap % v2().decode()).encode()).id == "NCT99000001"


@pytest.mark.parametrize("wrap", ["%s", "[%s]", '{"FullStudiesResponse": {"FullStudies": [%s]}}'])
def test_v1_studies_in_every_wrapper(wrap: str) -> None:
    assert one((wrap % v1().decode()).encode()).id == "NCT99000001"
    study = json.loads(v1())["FullStudy"]["Study"]
    assert one((wrap % json.dumps({"Study": study})).encode()).id == "NCT99000001"
    assert one((wrap % json.dumps(study)).encode()).id == "NCT99000001"


# --- CSV


def test_columns_may_be_chosen_and_ordered_freely() -> None:
    reader = csv.reader(io.StringIO((FIXTURES / "all_columns.csv").read_text(encoding="utf-8-sig")))
    header, *rows = reader
    whole = fixture("all_columns.csv")
    for first in range(0, len(header), 3):
        chosen = ["NCT Number", *header[first : first + 3]]
        text = io.StringIO()
        csv.writer(text).writerows([chosen, *([cells[header.index(c)] for c in chosen] for cells in rows)])
        for part, all in zip(outcomes(text.getvalue().encode()), whole, strict=True):
            assert isinstance(part, Record)
            for name in Record.__struct_fields__:
                # a class needs the column of the name; a site gives countries
                if name not in ("place", "notes", "sponsors", "identifiers") and getattr(part, name):
                    said, expected = getattr(part, name), getattr(all, name)
                    assert said == expected or (name == "outcomes" and said == [o for o in expected if o in said])


@pytest.mark.parametrize(
    "rename",
    [
        lambda title: title.replace(" ", ".").replace("/", "."),
        lambda title: title.lower().replace(" ", "_"),
        lambda title: title.upper(),
        lambda title: f" {title.replace(' ', '  ')}",
    ],
    ids=["R", "a data frame", "capitals", "blanks"],
)
def test_columns_may_be_spelt_as_programs_spell_them(rename: Callable[[str], str]) -> None:
    header, *rows = csv.reader(io.StringIO((FIXTURES / "all_columns.csv").read_text(encoding="utf-8-sig")))
    text = io.StringIO()
    csv.writer(text).writerows([map(rename, header), *rows])
    changed, given = (
        outcomes(data) for data in (text.getvalue().encode(), (FIXTURES / "all_columns.csv").read_bytes())
    )
    for outcome in (*changed, *given):
        outcome.place.line = None
    assert changed == given


def test_the_site_of_before_2017_names_other_columns() -> None:
    record = one(
        b"Rank,NCT Number,Title,Recruitment,Study Results,Sponsor/Collaborators,Gender,Funded Bys,Study Types,"
        b"First Received,Last Updated,Last Verified\n"
        b"1,NCT99000001,Sleep,Completed,No Results Available,Ortho Fictional|Other Fictional,Both,Industry,"
        b'Interventional,"January 2, 2009","March 4, 2011",March 2011\n'
    )
    assert (record.status, record.has_results, record.sex) == ("COMPLETED", False, "ALL")
    assert [sponsor.role for sponsor in record.sponsors] == ["LEAD", "COLLABORATOR"]
    dates = (record.first_submitted_date, record.last_updated_date, record.verified_date)
    assert [date.date for date in dates if date] == ["2009-01-02", "2011-03-04", "2011-03"]


def test_a_cell_divides_interventions_only_before_a_type() -> None:
    record = one(row(Interventions="DRUG: A|B tablets|DEVICE: Pump: small|OTHER: C", Study_Status="COMPLETED"))
    assert [(i.type, i.name) for i in record.interventions] == [
        ("DRUG", "A|B tablets"),
        ("DEVICE", "Pump: small"),
        ("OTHER", "C"),
    ]


def test_the_parts_of_an_outcome_stay_together() -> None:
    record = one(row(Primary_Outcome_Measures="Pain, on a scale, from 0 to 10, Day 7|Death, Day 28"))
    assert record.outcomes == [
        Outcome("PRIMARY", "Pain, on a scale, from 0 to 10, Day 7"),
        Outcome("PRIMARY", "Death, Day 28"),
    ]
    assert [n.field for n in record.notes] == ["outcomes"]


@pytest.mark.parametrize(
    ("text", "site"),
    [
        ("H, Lyon, 69000, France", Location("H, Lyon", postal_code="69000", country="France")),
        ("H, Leeds, LS1 3EX, United Kingdom", Location("H, Leeds", postal_code="LS1 3EX", country="United Kingdom")),
        ("Clinic 9, Iceland", Location("Clinic 9", country="Iceland")),
        ("H, Seoul, Korea, Republic of", Location("H, Seoul", country="Korea, Republic of")),
        ("Iran, Islamic Republic of", Location(country="Iran, Islamic Republic of")),
        ("Iceland", Location(country="Iceland")),
    ],
)
def test_a_site_ends_with_its_postal_code_and_country(text: str, site: Location) -> None:
    assert one(row(Locations=text)).locations == [site]


def test_an_unclosed_quotation_mark_costs_its_row_only() -> None:
    rows = ["NCT Number,Study Title", 'NCT99000001,"Open', "NCT99000002,Whole", 'NCT99000003,"Quoted, whole"']
    found = outcomes("\n".join(rows).encode())
    assert [o.id if isinstance(o, Record) else o.reason for o in found] == [
        "malformed_row",
        "NCT99000002",
        "NCT99000003",
    ]


# --- whatever the bytes say: Records and Rejects


@settings(max_examples=150, derandomize=True, deadline=None)
@given(st.sampled_from(FILES), st.data())
def test_damaged_files_give_only_records_and_rejects(name: str, data: st.DataObject) -> None:
    content = bytearray((FIXTURES / name).read_bytes())
    (format,) = recognised(bytes(content))
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, len(content) - 1))
        end = min(len(content), start + data.draw(st.integers(0, 200)))
        match data.draw(st.integers(0, 3)):
            case 0:
                del content[start : max(end, start + 1)]
            case 1:
                content[start:start] = content[start:end] * 3
            case 2:
                content[start] = data.draw(st.integers(0, 255))
            case _:
                pieces = (
                    b'"',
                    b"\\",
                    b"{",
                    b"]",
                    b"<",
                    b"&",
                    b"\0",
                    b"\xff",
                    b"null",
                    b"1e999",
                    b"\n",
                    b"{" * 300,
                    b"&#0;",
                )
                content[start:start] = data.draw(st.sampled_from(pieces))
        if not content:
            return
    for outcome in FORMATS[format].read(io.BytesIO(bytes(content))):
        assert isinstance(outcome, Record | Reject)
        assert not isinstance(outcome, Reject) or outcome.reason != "reader_fault", outcome.detail


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**12) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, derandomize=True, deadline=None)
@given(st.sampled_from(["one_study.json", "full_studies.json"]), st.integers(0, 10**6), JSON_VALUES)
def test_any_value_in_any_place_of_a_study_gives_a_record_or_reject(name: str, place: int, value: Any) -> None:
    study = json.loads((FIXTURES / name).read_bytes())
    places: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        for key, inside in node.items() if isinstance(node, dict) else enumerate(node):
            places.append((node, key))
            if isinstance(inside, dict | list):
                walk(inside)

    walk(study)
    holder, key = places[place % len(places)]
    holder[key] = value
    for outcome in FORMATS["api-v2-json" if name == "one_study.json" else "api-v1-json"].read(
        io.BytesIO(json.dumps(study).encode())
    ):
        assert not isinstance(outcome, Reject) or outcome.reason != "reader_fault", outcome.detail


# --- the real files


def real_members(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file and archive member, opened."""
    for path in sorted(folder.iterdir()):
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                for member in archive.infolist():
                    if not member.is_dir():
                        yield f"{path.name}/{member.filename}", archive.read(member)
        elif path.suffix == ".gz":
            yield path.name, gzip.decompress(path.read_bytes())
        else:
            yield path.name, path.read_bytes()


def count_independently(data: bytes) -> tuple[int, int]:
    """Studies, and inputs that are none, in a file of a format of this source; with other parsers than ours."""
    text = data.decode("utf-8-sig", "replace").lstrip()
    if text.startswith("<"):
        return (1, 0) if ElementTree.fromstring(data).tag == "clinical_study" else (0, 1)
    if text.startswith(("{", "[")):
        found = json.loads(text)
        if isinstance(found, dict):
            found = found.get("FullStudiesResponse", {}).get("FullStudies") or found.get("studies") or [found]
        studies = sum('"nctId"' in json.dumps(study) or '"NCTId": "' in json.dumps(study) for study in found)
        return studies, len(found) - studies
    return len(list(csv.reader(io.StringIO(text)))) - 1, 0


@pytest.mark.slow
def test_real_every_study_is_read_and_everything_else_is_a_reject(shared_data: Path) -> None:
    per_file: Counter[tuple[str, str]] = Counter()
    unrecognised: list[str] = []
    for name, data in real_members(shared_data / "registries" / "clinicaltrials_gov"):
        if not recognised(data):
            unrecognised.append(name)
            continue
        studies, others = count_independently(data)
        found = outcomes(data)
        records = [outcome for outcome in found if isinstance(outcome, Record)]
        assert (len(records), len(found) - len(records)) == (studies, others), name
        file = name.partition("/")[0]
        per_file[file, "records"] += len(records)
        per_file.update((file, outcome.reason) for outcome in found if isinstance(outcome, Reject))
    assert unrecognised == [
        "aact_columns.csv",
        "aact_json_cases.zip/spec/support/json_data/updatedstudies.json",
        "ctg-oas-v2.yaml",
        "edge_cases_xml.zip/empty_search.xml",
        "edge_cases_xml.zip/covid_search.xml",
    ]
    assert per_file == {
        ("AllPublicXML_part.zip", "records"): 6035,
        ("edge_cases_xml.zip", "records"): 70,
        ("ctg-studies.json.zip", "records"): 635,
        ("ctg-studies_urology.csv.gz", "records"): 635,
        ("ctg-studies_array_1.json.gz", "records"): 100,
        ("ctg-studies_array_2.json.gz", "records"): 50,
        ("ctg-studies_array_3.json.gz", "records"): 10,
        ("ctg-studies_array_4.json.gz", "records"): 128,
        ("ctg-studies_subset_columns.csv.gz", "records"): 717,
        ("aact_json_cases.zip", "records"): 19 + 206,
        ("aact_json_cases.zip", "study_fragment"): 48,
        ("aact_json_cases.zip", "not_a_registry_export"): 1,
        ("aact_json_cases.zip", "format_without_reader"): 1,
        ("NCT02513394.json", "records"): 1,
        ("NCT02513394.xml", "records"): 1,
    }


def test_real_tables_of_other_sources_are_left_to_them(shared_data: Path) -> None:
    tables = [*shared_data.rglob("*.csv"), *shared_data.rglob("*.csv.gz"), *shared_data.rglob("*.json.gz")]
    assert any(path.name == "drks_table.csv.gz" for path in tables)
    for path in tables:
        if path.parent.name != "clinicaltrials_gov":
            with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
                assert recognised(stream.read(HEAD_BYTES)) == [], path


def one_line(text: str | None) -> str:
    return " ".join((text or "").split())


def as_cell(parts: list[str | None]) -> str:
    return ", ".join(filter(None, map(one_line, parts)))


def date_of(name: str) -> Callable[[Record], str | None]:
    return lambda record: getattr(record, name).date if getattr(record, name) else None


def joined_outcomes(kind: str) -> Callable[[Record], str]:
    """The outcomes as a CSV cell holds them: the parts of one joined by commas, several by bars."""
    return lambda record: "|".join(
        as_cell([o.measure, o.description, o.time_frame]) for o in record.outcomes if o.type == kind
    )


BOTH_CARRY: dict[str, Callable[[Record], object]] = {
    **{name: (lambda record, name=name: getattr(record, name)) for name in (  # type: ignore[misc]
        "id", "url", "public_title", "acronym", "status", "status_raw", "has_results", "conditions", "sex", "sex_raw",
        "phases", "phase_raw", "study_type", "study_type_raw", "allocation", "intervention_model", "masking",
        "is_masked", "masked_roles", "primary_purpose",
    )},
    **{name: date_of(name) for name in (
        "start_date", "primary_completion_date", "completion_date", "registration_date", "results_posted_date",
        "last_updated_date",
    )},
    **{f"outcomes {kind}": joined_outcomes(kind) for kind in ("PRIMARY", "SECONDARY", "OTHER_PRE_SPECIFIED")},
    # the CSV has no descriptions, synonyms and arms
    "interventions": lambda record: [(i.type, i.type_raw, i.name) for i in record.interventions],
    # Funder Type is the class of the lead sponsor only
    "sponsors": lambda record: [(s.name, s.role, s.role == "LEAD" and s.sponsor_class) for s in record.sponsors],
    # the CSV does not say whether the number is planned or reached
    "enrollment": lambda record: [
        str(n) for n in (record.enrollment_actual, record.enrollment_target, record.enrollment_raw) if n is not None
    ],
    # Other IDs has no aliases, types and issuers
    "identifiers": lambda record: [(i.id, i.register, i.role) for i in record.identifiers if i.role != "alias"],
    # the CSV joins name, city, state, postal code and country; it has no coordinates and status of sites
    "locations": lambda record: [
        as_cell([site.facility, site.city, site.state, site.postal_code, site.country]) for site in record.locations
    ],
    "countries": lambda record: [country for country in record.countries if not country.is_removed],
    "documents": lambda record: [link for link in record.links if link.url and "large-docs" in link.url],
}  # fmt: skip
"""What a Record from API v2 JSON and one from the CSV of the same day must agree in, and how it is compared.

Not carried by the CSV: observational model and time perspective (it prints `Observational Model: |Time Perspective: p`
for every observational study), ages (only the groups CHILD, ADULT, OLDER_ADULT), eligibility, arms, everything else.
"""


def test_real_635_trials_agree_as_json_and_csv(shared_data: Path) -> None:
    folder = shared_data / "registries" / "clinicaltrials_gov"
    with zipfile.ZipFile(folder / "ctg-studies.json.zip") as archive:
        from_json = {r.id: r for name in archive.namelist() for r in [one(archive.read(name))]}
    from_csv = {
        r.id: r
        for r in outcomes(gzip.decompress((folder / "ctg-studies_urology.csv.gz").read_bytes()))
        if isinstance(r, Record)
    }
    assert len(from_json) == 635
    assert from_json.keys() == from_csv.keys()
    differences = [
        f"{id} {field}: {of(from_json[id])!r} as JSON, {of(from_csv[id])!r} as CSV"
        for id in from_json
        for field, of in BOTH_CARRY.items()
        if of(from_json[id]) != of(from_csv[id])
    ]
    assert differences == []
    for field, of in BOTH_CARRY.items():  # a field that is empty in all agrees in nothing
        assert any(of(record) for record in from_csv.values()), field


# NCT02513394 as legacy XML of August 2020 and as API v2 JSON of October 2023, in its raw files.
DIFFER_BY_FORMAT = {
    "place",
    "identifiers",  # same ids; types, issuers and field names are v2's alone
    "mesh_terms",  # same attached terms; ids and ancestors are v2's alone
    "eligibility_criteria", "inclusion_criteria", "exclusion_criteria",  # list marks and line breaks
    "status_raw", "study_type_raw", "phase_raw", "allocation_raw", "intervention_model_raw", "masking_raw",
    "primary_purpose_raw", "sex_raw",  # words and tokens
    "maximum_age_raw",  # N/A and left out
    "first_submitted_date", "registration_date", "start_date", "completion_date",  # same dates; `raw` in words
    "interventions", "arms",  # type_raw in words and tokens
}  # fmt: skip
DIFFER_BY_TIME = {
    "exported_date": ("2020-08-18", "2023-10-06"),
    "verified_date": ("2019-12", "2023-04"),
    "last_updated_date": ("2020-03-09", "2023-06-15"),
    "primary_completion_date": ("2020-09", "2020-11"),  # and estimated became actual
    "results_posted_date": (None, "2022-04-13"),
    "has_results": (False, True),
    "results": (False, True),
    "outcomes": ((1, 1), (1, 4)),  # primary, secondary
    "locations": (233, 437),
    "countries": (9, 21),
    "references": (0, 4),
    "links": (0, 1),  # the protocol
    "contacts": (0, 1),  # point of contact of the results
    "officials": ("Monica Bertagnolli, MD", "Suzanne George, MD"),  # the first of four
    "sponsors": ("OTHER", "NETWORK"),  # class of the first collaborator, which XML did not know
}


def test_real_nct02513394_differs_between_xml_of_2020_and_json_of_2023_where_expected(shared_data: Path) -> None:
    folder = shared_data / "registries" / "clinicaltrials_gov"
    old, new = (one((folder / f"NCT02513394.{ending}").read_bytes()) for ending in ("xml", "json"))
    differing = {name for name in Record.__struct_fields__ if getattr(old, name) != getattr(new, name)}
    assert differing == DIFFER_BY_FORMAT | DIFFER_BY_TIME.keys()

    def measured(record: Record, name: str) -> object:
        value = getattr(record, name)
        match name:
            case "outcomes":
                return tuple(sum(o.type == kind for o in value) for kind in ("PRIMARY", "SECONDARY"))
            case "officials":
                return value[0].name
            case "sponsors":
                return value[1].sponsor_class
            case "results":
                return value is not None
            case "has_results":
                return value
        if name.endswith("_date"):
            return value.date if value else None
        return len(value)

    assert {name: (measured(old, name), measured(new, name)) for name in DIFFER_BY_TIME} == DIFFER_BY_TIME

    def without_format(record: Record) -> dict[str, object]:
        return {
            "identifiers": [(i.id, i.register, i.role) for i in record.identifiers],
            "mesh_terms": [(m.term, m.about) for m in record.mesh_terms if not m.is_ancestor],
            "criteria": [
                re.sub(r"[\s*-]+", " ", text or "").strip()
                for text in (record.eligibility_criteria, record.inclusion_criteria, record.exclusion_criteria)
            ],
            "dates": [
                (d.date, d.type) if d else None
                for d in (
                    record.first_submitted_date,
                    record.registration_date,
                    record.start_date,
                    record.completion_date,
                )
            ],
            "interventions": [(i.name, i.type, i.description, i.arm_labels) for i in record.interventions],
            "arms": [(a.label, a.type, a.description, a.intervention_names) for a in record.arms],
        }

    assert without_format(old) == without_format(new)


@lru_cache
def result_pairs(folder: Path) -> list[tuple[Record, Record]]:
    """The two trials with results that are in the data both as legacy XML and as v1 JSON."""
    pairs = []
    with zipfile.ZipFile(folder / "edge_cases_xml.zip") as old, zipfile.ZipFile(folder / "aact_json_cases.zip") as new:
        for id in ("NCT00023673", "NCT02028676"):
            member = next(name for name in new.namelist() if name.endswith(f"{id}.json"))
            pairs.append((one(old.read(f"{id}.xml")), one(new.read(member))))
    return pairs


def test_real_results_are_the_same_as_xml_and_json(shared_data: Path) -> None:
    for old, new in result_pairs(shared_data / "registries" / "clinicaltrials_gov"):
        assert old.results is not None
        assert new.results is not None
        assert old.results.participant_flow is not None
        assert old.results.adverse_events is not None
        assert new.results.adverse_events is not None

        def folded(part: object) -> object:
            return json.loads(re.sub(r"(?:\\n|\s)+", " ", msgspec.json.encode(part).decode()))

        assert folded(old.results.participant_flow) == folded(new.results.participant_flow)
        assert len(old.results.outcome_measures) == len(new.results.outcome_measures)
        for first, second in zip(old.results.outcome_measures, new.results.outcome_measures, strict=True):
            for analysis in (*first.analyses, *second.analyses):
                if analysis.ci_pct_value == "0":  # v1 wrote 0 where the level is not given
                    analysis.ci_pct_value = None
            assert folded(first) == folded(second)
        assert folded(old.results.adverse_events.event_groups) == folded(new.results.adverse_events.event_groups)
        for events in ("serious_events", "other_events"):
            assert {e.term: e.stats for e in getattr(old.results.adverse_events, events)} == {
                e.term: e.stats for e in getattr(new.results.adverse_events, events)
            }


def test_real_nothing_of_the_schema_is_lost_in_v1(shared_data: Path) -> None:
    """Every v1 name stands for at most one v2 field of its object, and no field is fed by two."""
    folder = shared_data / "registries" / "clinicaltrials_gov"
    with zipfile.ZipFile(folder / "aact_json_cases.zip") as archive:
        for name in archive.namelist():
            data = archive.read(name)
            if recognised(data) == ["api-v1-json"]:
                for outcome in outcomes(data):
                    if isinstance(outcome, Record):
                        assert outcome.public_title
                        assert outcome.status
                        assert outcome.study_type
                        assert outcome.sponsors
                        assert outcome.registration_date
                        assert outcome.conditions
                        assert outcome.eligibility_criteria
                        assert outcome.phases or outcome.study_type != "INTERVENTIONAL"
                        assert all(a.intervention_names or a.type in ("NO_INTERVENTION", None) for a in outcome.arms)


WITHOUT_PLACE_IN_A_RECORD = {
    "source",  # the organisation that sent the record, nearly always the lead sponsor
    "biospec_descr",
    "expanded_access_info",  # kinds of expanded access
    "is_fda_regulated",  # before 2017, of drug or device alike
    "is_section_801",
    "study_first_submitted_qc", "last_update_submitted_qc", "results_first_submitted", "results_first_submitted_qc",
    "disposition_first_submitted", "disposition_first_submitted_qc", "disposition_first_posted",
    "firstreceived_results_date", "firstreceived_results_disposition_date",
    "pending_results",
}  # fmt: skip


@pytest.mark.slow
def test_real_every_part_of_legacy_xml_is_in_the_record(shared_data: Path) -> None:
    """Counted with another parser: no part of a study goes missing, and no element is left out unawares."""
    folder = shared_data / "registries" / "clinicaltrials_gov"
    expected: Counter[str] = Counter()
    found: Counter[str] = Counter()
    left_out: set[str] = set()
    with zipfile.ZipFile(folder / "AllPublicXML_part.zip") as archive:
        for member in archive.infolist()[::7]:
            data = b"" if member.is_dir() else archive.read(member)
            if not data:
                continue
            root = ElementTree.fromstring(data)
            record = one(data)
            handled = {*clinicaltrials_gov._XML, "location_countries", "removed_countries"}
            left_out |= {child.tag for child in root} - handled
            for name, path in {
                "locations": "location", "keywords": "keyword", "conditions": "condition", "arms": "arm_group",
                "interventions": "intervention", "officials": "overall_official", "links": "link",
                "sponsors": "sponsors/*", "mesh_terms": "*/mesh_term",
            }.items():  # fmt: skip
                expected[name] += len(root.findall(path))
                found[name] += len(getattr(record, name))
            expected["references"] += len(root.findall("reference")) + len(root.findall("results_reference"))
            found["references"] += len(record.references)
            for path in ("provided_document_section/*", "study_docs/*", "patient_data/ipd_url"):
                expected["links"] += len(root.findall(path))
            expected["identifiers"] += len(root.findall("id_info/*"))
            found["identifiers"] += len(record.identifiers)
            expected["outcomes"] += sum(
                len(root.findall(f"{kind}_outcome")) for kind in ("primary", "secondary", "other")
            )
            found["outcomes"] += len(record.outcomes)
            for name, path in {
                "start_date": "start_date", "completion_date": "completion_date", "verified_date": "verification_date",
                "primary_completion_date": "primary_completion_date", "registration_date": "study_first_posted",
                "last_updated_date": "last_update_posted", "results_posted_date": "results_first_posted",
            }.items():  # fmt: skip
                expected[name] += len(root.findall(path))
                date = getattr(record, name)
                found[name] += date is not None and date.date is not None
            for name, path in {
                "scientific_title": "official_title", "acronym": "acronym", "brief_summary": "brief_summary",
                "detailed_description": "detailed_description", "eligibility_criteria": "eligibility/criteria",
                "study_population": "eligibility/study_pop", "why_stopped": "why_stopped",
                "last_known_status": "last_known_status", "phase_raw": "phase",
                "allocation": "study_design_info/allocation", "masking": "study_design_info/masking",
                "primary_purpose": "study_design_info/primary_purpose", "responsible_party": "responsible_party",
                "intervention_model": "study_design_info/intervention_model", "ipd_sharing": "patient_data/sharing_ipd",
                "observational_model": "study_design_info/observational_model", "results": "clinical_results",
                "time_perspective": "study_design_info/time_perspective", "sex": "eligibility/gender",
                "biospecimen_retention": "biospec_retention", "sampling_method": "eligibility/sampling_method",
            }.items():  # fmt: skip
                expected[name] += len(root.findall(path))
                found[name] += bool(getattr(record, name))
            for name, path in {
                "healthy_volunteers": "eligibility/healthy_volunteers", "has_dmc": "oversight_info/has_dmc",
                "has_expanded_access": "has_expanded_access",
            }.items():  # fmt: skip
                expected[name] += len(root.findall(path))
                found[name] += getattr(record, name) is not None
            criteria = one_line(root.findtext("eligibility/criteria/textblock"))
            assert criteria == one_line(record.eligibility_criteria) or "&" in criteria, record.id
    assert found == expected
    assert left_out <= WITHOUT_PLACE_IN_A_RECORD


def test_real_every_part_of_api_v2_json_is_in_the_record(shared_data: Path) -> None:
    folder = shared_data / "registries" / "clinicaltrials_gov"
    with zipfile.ZipFile(folder / "ctg-studies.json.zip") as archive:
        for name in archive.namelist():
            data = archive.read(name)
            study = json.loads(data)
            record = one(data)
            protocol = study["protocolSection"]

            def given(module: str, part: str, protocol: dict[str, Any] = protocol) -> Any:
                return protocol.get(module, {}).get(part)

            counted = {
                "conditions": given("conditionsModule", "conditions"),
                "keywords": given("conditionsModule", "keywords"),
                "arms": given("armsInterventionsModule", "armGroups"),
                "interventions": given("armsInterventionsModule", "interventions"),
                "locations": given("contactsLocationsModule", "locations"),
                "officials": given("contactsLocationsModule", "overallOfficials"),
                "references": given("referencesModule", "references"),
                "phases": given("designModule", "phases"),
                "outcomes": [
                    outcome
                    for kind in ("primary", "secondary", "other")
                    for outcome in given("outcomesModule", f"{kind}Outcomes") or []
                ],
            }
            assert {n: len(getattr(record, n)) for n in counted} == {n: len(v or []) for n, v in counted.items()}
            assert record.status == given("statusModule", "overallStatus")
            assert record.study_type == given("designModule", "studyType")
            assert record.phases == (given("designModule", "phases") or [])
            design = given("designModule", "designInfo") or {}
            assert record.allocation == design.get("allocation")
            assert record.intervention_model == design.get("interventionModel")
            assert record.observational_model == design.get("observationalModel")
            assert record.time_perspective == design.get("timePerspective")
            assert record.primary_purpose == design.get("primaryPurpose")
            masking = design.get("maskingInfo", {})
            assert record.masking == masking.get("masking")
            assert set(record.masked_roles) == set(masking.get("whoMasked", []))
            assert record.sex == given("eligibilityModule", "sex")
            assert record.has_results is study["hasResults"] is (record.results is not None)
            assert [a.type for a in record.arms] == [a.get("type") for a in counted["arms"] or []]
            assert [i.type for i in record.interventions] == [i["type"] for i in counted["interventions"] or []]
            assert record.sponsors[0].sponsor_class == given("sponsorCollaboratorsModule", "leadSponsor")["class"]
            assert not [note for note in record.notes if note.field != "enrollment_raw"]
            if record.results is not None:
                results = study["resultsSection"]
                assert record.results.adverse_events is not None or "adverseEventsModule" not in results
                measures = results.get("outcomeMeasuresModule", {}).get("outcomeMeasures", [])
                assert [m.type for m in record.results.outcome_measures] == [m.get("type") for m in measures]
                assert [len(m.analyses) for m in record.results.outcome_measures] == [
                    len(m.get("analyses", [])) for m in measures
                ]
