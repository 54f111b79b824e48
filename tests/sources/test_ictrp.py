"""WHO ICTRP: every quirk of its exports that is known, on fictional rows, and the real files where they are."""

from __future__ import annotations

import csv
import gzip
import io
import random
import tracemalloc
import xml.etree.ElementTree as ElementTree
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, cast

import openpyxl
import pytest

from trialpanorama.record import Country, Note, Outcome, Record, Reject
from trialpanorama.sources import HEAD_BYTES, _workbooks, ictrp

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "ictrp"
FORMATS = {format.name: format for format in ictrp.SOURCE.formats}
WEB_HEADER = (FIXTURES / "web.csv").read_text(encoding="utf-8-sig").splitlines()[0].split(",")
FULL_HEADER = [
    "TrialID",
    "last_update",
    "SecondaryIDs",
    "public_title",
    "Scientific_title",
    "url",
    "Public_Contact_Firstname",
    "Public_Contact_Lastname",
    "Public_Contact_Address",
    "Public_Contact_Email",
    "Public_Contact_Tel",
    "Public_Contact_Affiliation",
    "Scientific_Contact_Firstname",
    "Scientific_Contact_Lastname",
    "Scientific_Contact_Address",
    "Scientific_Contact_Email",
    "Scientific_Contact_Tel",
    "Scientific_Contact_Affiliation",
    "study_type",
    "study_design",
    "phase",
    "Date_registration",
    "Date_enrollement",
    "Target_size",
    "Recruitment_status",
    "Primary_sponsor",
    "Secondary_sponsors",
    "Source_Support",
    "Countries",
    "Conditions",
    "Interventions",
    "Agemin",
    "Agemax",
    "Gender",
    "Inclusion_Criteria",
    "Exclusion_Criteria",
    "Primary_Outcome",
    "Secondary_Outcomes",
    "Bridging_flag",
    "Bridged_type",
    "Childs",
    "type_enrolment",
    "Retrospective_flag",
    "results_actual_enrollment",
    "results_url_link",
    "results_summary",
    "results_date_posted",
    "results_date_first_publication",
    "results_baseline_char",
    "results_participant_flow",
    "results_adverse_events",
    "results_outcome_measures",
    "results_url_protocol",
    "results_IPD_plan",
    "results_IPD_description",
    "results_date_completed",
    "results_yes_no",
    "Ethics_Status",
    "Ethics_Approval_Date",
    "Ethics_Contact_Name",
    "Ethics_Contact_Address",
    "Ethics_Contact_Phone",
    "Ethics_Contact_Email",
]


def recognised(head: bytes) -> list[str]:
    return [name for name, format in FORMATS.items() if format.recognise(head[:HEAD_BYTES])]


def read(data: bytes) -> list[Record | Reject]:
    """What the format that recognises these bytes makes of them."""
    (name,) = recognised(data)
    return list(FORMATS[name].read(io.BytesIO(data)))


def one(data: bytes) -> Record:
    (outcome,) = read(data)
    assert isinstance(outcome, Record), outcome
    return outcome


def web_csv(*rows: dict[str, str], header: list[str] = WEB_HEADER) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    for row in rows:
        assert set(row) <= set(header), set(row) - set(header)
        writer.writerow([row.get(column, "") for column in header])
    return text.getvalue().encode()


def web(**cells: str) -> Record:
    """One row of the web export."""
    row = {"Last Refreshed on": "3 February 2021", "Public title": "Title", "Recruitment Status": "Recruiting"}
    return one(web_csv(row | {column.replace("_", " "): value for column, value in cells.items()}))


def full_csv(*rows: dict[str, str]) -> bytes:
    text = io.StringIO()
    for row in rows:
        assert set(row) <= set(FULL_HEADER), set(row) - set(FULL_HEADER)
        cells = [row.get(column, "NULL") for column in FULL_HEADER]
        csv.writer(text, lineterminator="\n").writerow(
            [cells[0], *(cell if cell == "NULL" else f'"{cell}"' for cell in cells[1:])]
        )
    return text.getvalue().encode()


def full(**cells: str) -> Record:
    """One row of the full export."""
    return one(full_csv({"last_update": "15 July 2021", "public_title": "Title", **cells}))


def notes(record: Record, field: str) -> list[Note]:
    return [note for note in record.notes if note.field == field]


def ids(record: Record, role: str) -> list[str]:
    return [identifier.id for identifier in record.identifiers if identifier.role == role]


def measures(record: Record) -> list[tuple[str, str | None]]:
    return [(outcome.measure, outcome.time_frame) for outcome in record.outcomes]


def workbook(rows: Iterable[list[object]], header: list[str] = WEB_HEADER) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(header)
    for row in rows:
        sheet.append(row)
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def sheet_row(**cells: object) -> list[object]:
    named = {column.replace("_", " "): value for column, value in cells.items()}
    return [named.get(column) for column in WEB_HEADER]


# --- recognition


@pytest.mark.parametrize(
    ("file", "format"),
    [
        ("web.csv", "web-csv"),
        ("web.xlsx", "web-xlsx"),
        ("web.xml", "web-xml"),
        ("full_export.csv", "full-export-csv"),
        ("full_export_rows.csv", "full-export-rows-csv"),
        ("trial_details.xml", "trial-details-xml"),
    ],
)
def test_each_format_is_recognised_by_its_content(file: str, format: str) -> None:
    assert recognised((FIXTURES / file).read_bytes()) == [format]


@pytest.mark.parametrize(
    "header",
    [
        # derived for research: its id, title and design are the registry's, its status and dates are gone
        "TrialID,url,Scientific_title,Conditions,study_arm,start_date,control_arm,randomisation,blinding,"
        "source_registry,phase_clean,sponsor_type,Study_design,Phase,Public_title,Primary_sponsor,Interventions",
        "trial_id,umc,registration_date,completion_date,status,phase,is_randomized,primary_sponsor",
        "id,number,submitted,approved,condition,intervention_code,gender,purpose,allocation,phase,study_status",
        "Registry,Prefix,Abbreviation,Date Example,Format",
        "NCT Number,Study Title,Study URL,Study Status,Conditions,Interventions",
        "TrialID\nSecondaryIDs\npublic_title\nScientific_title\nurl",
        "",
    ],
)
def test_tables_derived_for_research_and_field_lists_are_no_registry_export(header: str) -> None:
    assert recognised(f"{header}\n{'x,' * header.count(',')}x\n".encode()) == []


def test_columns_may_come_in_any_order_and_number() -> None:
    row = {"Public title": "T", "Date registration3": "20210127", "TrialID": "NCT99000001", "Recruitment Status": "x"}
    data = web_csv(row, header=sorted(row, reverse=True))
    assert one(data).id == "NCT99000001"
    assert one(data).registration_date is not None
    for column in row:
        assert recognised(web_csv(row, header=sorted(row)).replace(column.encode(), b"Other")) == []


def test_headers_are_known_however_they_are_spelt() -> None:
    header = ["trial_id", "PUBLIC_TITLE", "Date Registration", "recruitment-status", "Conditions"]
    data = ",".join(header).encode() + b"\nNCT99000001,T,27/01/2021,Recruiting,Fever\n"
    assert [c.name for c in one(data).conditions] == ["Fever"]


def test_two_columns_that_happen_to_look_like_the_full_export_are_not_it() -> None:
    assert recognised(b'NCT99000001,"3 June 2020"\nNCT99000002,"4 June 2020"\n') == []


def test_a_document_that_is_a_zip_is_not_taken_for_a_workbook() -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", "<document/>")
    assert recognised(data.getvalue()) == []


def test_a_workbook_without_the_header_is_one_reject() -> None:
    (outcome,) = read(workbook([["NCT99000001", "x"]], header=["TrialID", "Randomised?"]))
    assert isinstance(outcome, Reject)
    assert outcome.reason == "not_a_registry_export"


# --- the full export


def test_full_export_has_63_columns_without_a_header_and_null_for_missing() -> None:
    record = full(TrialID="NCT99000001", Primary_sponsor="Fictional Pharma Ltd", Agemin="NA")
    assert record.place.ordinal == record.place.line == 1
    assert record.last_updated_date is not None
    assert record.last_updated_date.date == "2021-07-15"
    assert record.scientific_title is record.acronym is record.minimum_age_raw is None
    assert record.public_title == "Title"


def test_full_export_wraps_values_in_quotation_marks_of_its_own() -> None:
    title = 'The "first" and the "second"'
    assert full(TrialID="NCT99000001", public_title=title).public_title == title
    assert full(TrialID="NCT99000001", public_title='"quoted"').public_title == '"quoted"'


def test_full_export_without_the_extra_marks_keeps_those_of_a_value() -> None:
    cells = ["NCT99000001", "15 July 2021", "NULL", '"Quoted"', *["NULL"] * 20, "Sponsor", *["NULL"] * 38]
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    assert one(text.getvalue().encode()).public_title == '"Quoted"'


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ('DRKS99000001,"""1 July 2021""",NULL,"an open mark, and\nmore of it,NULL\n', "malformed_row"),
        ('DRKS99000001,"""1 July 2021""",NULL\n', "malformed_row"),
        ("DRKS99000001," * 64 + "\n", "malformed_row"),
    ],
)
def test_one_bad_row_does_not_take_the_row_after_it(bad: str, reason: str) -> None:
    good = {"last_update": "15 July 2021", "public_title": "T"}
    before, after = (full_csv({"TrialID": id, **good}) for id in ("NCT99000001", "CTRI/2099/01/000001"))
    outcomes = read(before + bad.encode() + after + before)
    assert [o.id if isinstance(o, Record) else o.reason for o in outcomes] == [
        "NCT99000001",
        reason,
        "CTRI/2099/01/000001",
        "NCT99000001",
    ]
    assert [o.place.ordinal for o in outcomes] == [1, 2, 3, 4]


def test_a_value_may_have_line_breaks_that_look_like_rows() -> None:
    record = full(TrialID="NCT99000001", Inclusion_Criteria="See\nNCT99000002, and\nDRKS99000001,too")
    assert record.eligibility_criteria == "See\nNCT99000002, and\nDRKS99000001,too"


def test_headed_rows_of_the_full_export_mix_null_and_na() -> None:
    header = "TrialID,Public_title,Date_registration,Recruitment_status,Childs,Gender,Agemax,Phase"
    record = one(f"{header}\nNCT99000001,T,18/9/2021,Completed,NULL,NA,NA,NA\n".encode())
    assert record.sex_raw is record.maximum_age_raw is record.phase_raw is None
    assert record.status == "COMPLETED"


def test_na_as_a_phase_of_the_web_export_means_not_applicable() -> None:
    assert web(TrialID="KCT9900001", Phase="NA").phases == ["NA"]


def test_bridging_flag_is_an_id_there_and_a_boolean_elsewhere() -> None:
    record = full(
        TrialID="EUCTR2090-000001-10-DE",
        Bridging_flag="NCT99000001",
        Bridged_type="child",
        Childs="EUCTR2090-000001-10-ES;JPRN-UMIN999000001",
    )
    assert ids(record, "bridge") == ["NCT99000001", "2090-000001-10-ES", "UMIN999000001"]
    assert [i.field for i in record.identifiers] == ["TrialID", "Bridging_flag", "Childs", "Childs"]
    assert ids(web(TrialID="NCT99000001", Bridging_flag_truefalse="True "), "bridge") == []


@pytest.mark.parametrize(
    ("register", "id", "size", "actual"),
    [
        ("ctri", "CTRI/2099/01/000001", "0", None),
        ("pactr", "PACTR209901000000001", "03/08/2021", None),
        ("jrct", "JPRN-jRCT9900000001", "91", 91),
        ("anzctr", "ACTRN12699000000001", "NA", None),
    ],
)
def test_actual_enrolment_counts_only_as_a_number(register: str, id: str, size: str, actual: int | None) -> None:
    record = full(TrialID=id, results_actual_enrollment=size)
    assert (record.register, record.enrollment_actual) == (register, actual)


def test_the_retrospective_flag_is_not_read_because_its_meaning_is_reversed_between_exports() -> None:
    flagged, plain = full(TrialID="NCT99000001", Retrospective_flag="1"), full(TrialID="NCT99000001")
    flagged.place = plain.place
    assert flagged == plain


# --- registers and ids


@pytest.mark.parametrize(
    ("raw", "register", "id"),
    [
        ("NCT99000001", "clinicaltrials_gov", "NCT99000001"),
        ("EUCTR2090-000001-10-DE", "euctr", "2090-000001-10-DE"),
        ("EUCTR2090-000001-10-Outside-EU/EEA", "euctr", "2090-000001-10-3RD"),
        ("CTIS2090-500001-10-00", "ctis", "2090-500001-10-00"),
        ("JPRN-UMIN999000001", "umin", "UMIN999000001"),
        ("JPRN-jRCT9900000001", "jrct", "jRCT9900000001"),
        ("JPRN-JapicCTI-990001", "japiccti", "JapicCTI-990001"),
        ("JPRN-JMA-IIA99001", "jma", "JMA-IIA99001"),
        ("JPRN-C000000001", "umin", "C000000001"),
        ("ACTRN12699000000001", "anzctr", "ACTRN12699000000001"),
        ("chictr9900000001", "chictr", "ChiCTR9900000001"),
        ("ITMCTR9900000001", "itmctr", "ITMCTR9900000001"),
        ("CTRI/2099/01/000001", "ctri", "CTRI/2099/01/000001"),
        ("KCT9900001", "cris", "KCT9900001"),
        ("DRKS99000001", "drks", "DRKS99000001"),
        ("IRCT999000000001N1", "irct", "IRCT999000000001N1"),
        ("ISRCTN99000001", "isrctn", "ISRCTN99000001"),
        ("NTR0001", "ntr", "NTR0001"),
        ("NL-OMON99001", "nl_omon", "NL-OMON99001"),
        ("PACTR209901000000001", "pactr", "PACTR209901000000001"),
        ("RBR-99000a", "rebec", "RBR-99000a"),
        ("PER-901-99", "repec", "PER-901-99"),
        ("RPCEC99000001", "rpcec", "RPCEC99000001"),
        ("SLCTR/2099/001", "slctr", "SLCTR/2099/001"),
        ("SLCTR-2099-001", "slctr", "SLCTR/2099/001"),
        ("CTRI-2099-01-000001", "ctri", "CTRI/2099/01/000001"),
        ("UMIN-CTR999000001", "umin", "UMIN999000001"),
        ("TCTR20990101001", "tctr", "TCTR20990101001"),
        ("LBCTR2099010001", "lbctr", "LBCTR2099010001"),
    ],
)
def test_each_row_goes_to_the_registry_of_its_id(raw: str, register: str, id: str) -> None:
    for record in (full(TrialID=raw), web(TrialID=raw)):
        assert (record.register, record.id) == (register, id)
        primary = record.identifiers[0]
        assert (primary.id, primary.role, primary.raw) == (id, "primary", raw if raw != id else None)
        assert record.url


def test_a_trial_that_another_registry_lists_under_its_first_number_stays_with_that_number() -> None:
    assert web(TrialID="NCT99000001", Source_Register="ANZCTR").register == "clinicaltrials_gov"


def test_a_registry_of_its_own_number_shape_is_kept_without_a_register() -> None:
    record = web(TrialID="NEWREG2021/0001")
    assert (record.id, record.register) == ("NEWREG2021/0001", None)


@pytest.mark.parametrize("id", ["", "   ", "Total", "no id 1", "U1111-9999-0001"])
def test_a_row_without_a_registry_number_is_a_reject(id: str) -> None:
    outcomes = read(web_csv({"TrialID": id, "Public title": "T"}, {"TrialID": "NCT99000001"}))
    assert [o.id if isinstance(o, Record) else o.reason for o in outcomes] == ["missing_identifier", "NCT99000001"]


def test_secondary_ids_are_split_cleaned_and_looked_through() -> None:
    raw = "FP-101-EX;2090-000001-10; 1111-9999-0001|Nil known;001;101;UMIN-CTR999000001,CTRI/2099/01/000001"
    raw += " / SLCTR/2099/001;NCT99000001;version 2.1 of 2021;FP-101-EX"
    record = full(TrialID="NCT99000001", SecondaryIDs=raw)
    assert ids(record, "secondary") == [
        "FP-101-EX",
        "2090-000001-10",
        "U1111-9999-0001",
        "UMIN999000001",
        "CTRI/2099/01/000001",
        "SLCTR/2099/001",
    ]


@pytest.mark.parametrize("fake", ["NCT00000000", "NCT12345678", "NCT99999999", "ISRCTN12345678", "0000000", "NIL"])
def test_made_up_secondary_ids_are_dropped(fake: str) -> None:
    assert ids(full(TrialID="DRKS99000001", SecondaryIDs=fake), "secondary") == []


def test_a_ccmo_file_number_is_no_id_of_the_dutch_register() -> None:
    record = full(TrialID="EUCTR2090-000001-10-NL", SecondaryIDs="NL73848.000.21")
    (identifier,) = record.identifiers[1:]
    assert (identifier.id, identifier.register) == ("NL73848.000.21", None)


# --- status


@pytest.mark.parametrize("word", ["Not Recruiting", "Not recruiting"])
def test_the_web_export_rolls_every_status_up_into_not_recruiting(word: str) -> None:
    record = web(TrialID="ISRCTN99000001", Recruitment_Status=word)
    assert (record.status, record.status_raw) == ("UNKNOWN", word)
    assert [note.raw for note in notes(record, "status")] == [word]


@pytest.mark.parametrize(
    ("id", "raw", "status"),
    [
        ("NCT99000001", "Active, not recruiting", "ACTIVE_NOT_RECRUITING"),
        ("ACTRN12699000000001", "Stopped early", "TERMINATED"),
        ("CTRI/2099/01/000001", "Open to Recruitment", "RECRUITING"),
        ("EUCTR2090-000001-10-DE", "Authorised-recruitment may be ongoing or finished", "UNKNOWN"),
        ("JPRN-UMIN999000001", "Main results already published", "COMPLETED"),
        ("TCTR20990101001", "Pending (Not yet recruiting)", "NOT_YET_RECRUITING"),
        ("RBR-99000a", "Array", "UNKNOWN"),
    ],
)
def test_the_full_export_keeps_the_registrys_own_status(id: str, raw: str, status: str) -> None:
    record = full(TrialID=id, Recruitment_status=raw)
    assert (record.status, record.status_raw) == (status, raw)
    assert not notes(record, "status")


@pytest.mark.parametrize(
    ("phrase", "is_called_off"),
    [
        ("Cancelled by the investigator              ", True),
        ("Retracted due to lack of patient           ", True),
        ("Cancelled, due to modify the protocol ", True),
        ("Cancelled surgery of ", False),
        ("Suspended by ", False),
    ],
)
def test_chictr_says_before_the_title_that_a_study_was_called_off(phrase: str, is_called_off: bool) -> None:
    row = {"Public_title": f"{phrase}A trial of fictamab", "Recruitment_Status": "Not Recruiting"}
    record = web(TrialID="ChiCTR9900000001", **row)
    if is_called_off:
        assert (record.status, record.status_raw) == ("WITHDRAWN", "Not Recruiting")
        assert (record.why_stopped, record.public_title) == (phrase.strip(), "A trial of fictamab")
        assert [note.raw for note in notes(record, "status")] == [phrase.strip()]
    else:
        assert (record.status, record.why_stopped) == ("UNKNOWN", None)
        assert record.public_title == f"{phrase}A trial of fictamab"
    assert web(TrialID="ISRCTN99000001", **row).status == "UNKNOWN"


def test_a_status_that_is_not_known_is_noted() -> None:
    record = full(TrialID="NCT99000001", Recruitment_status="Dreaming")
    assert record.status is None
    assert [note.raw for note in notes(record, "status")] == ["Dreaming"]


# --- dates


@pytest.mark.parametrize(
    ("id", "raw", "date"),
    [
        ("NCT99000001", "4/3/2021", "2021-03-04"),
        ("EUCTR2090-000001-10-DE", "04/03/2021", "2021-03-04"),
        ("CTIS2090-500001-10-00", "04/03/2021", "2021-03-04"),
        ("ISRCTN99000001", "04/03/2021", "2021-03-04"),
        ("DRKS99000001", "04/03/2021", "2021-03-04"),
        ("ACTRN12699000000001", "04/03/2021", "2021-03-04"),
        ("JPRN-UMIN999000001", "04/03/2021", "2021-03-04"),
        ("PACTR209901000000001", "04/03/2021", "2021-03-04"),
        ("RBR-99000a", "04/03/2021", "2021-03-04"),
        ("NTR0001", "04/03/2021", "2021-03-04"),
        ("CTRI/2099/01/000001", "04-03-2021", "2021-03-04"),
        ("ChiCTR9900000001", "2021-03-04", "2021-03-04"),
        ("KCT9900001", "2021-03-04", "2021-03-04"),
        ("IRCT999000000001N1", "2021-03-04", "2021-03-04"),
        ("SLCTR/2099/001", "2021-03-04", "2021-03-04"),
        ("NL-OMON99001", "2021-03-04", "2021-03-04"),
    ],
)
def test_registration_dates_are_read_in_the_order_of_their_register(id: str, raw: str, date: str) -> None:
    found = full(TrialID=id, Date_registration=raw).registration_date
    assert found is not None
    assert (found.date, found.raw) == (date, None if raw == date else raw)


def test_a_serial_number_of_a_spreadsheet_is_read_where_there_is_no_other_date() -> None:
    found = web(TrialID="NCT99000001", Date_registration3="44223").registration_date
    assert found is not None
    assert found.date == "2021-01-27"


def test_date_registration3_is_preferred_and_replaced_where_it_is_no_date() -> None:
    found = web(TrialID="NCT99000001", Date_registration="27/01/2021", Date_registration3="20210128").registration_date
    assert found is not None
    assert found.date == "2021-01-28"
    found = web(TrialID="NCT99000001", Date_registration="27/01/2021", Date_registration3="20219999").registration_date
    assert found is not None
    assert found.date == "2021-01-27"


@pytest.mark.parametrize(
    ("id", "raw", "date"),
    [
        ("NCT99000001", "January 25, 2020", "2020-01-25"),
        ("NCT99000001", "June 2019", "2019-06"),
        ("JPRN-JapicCTI-990001", "01/6/2019", "2019-06-01"),
        ("JPRN-UMIN999000001", "2019/08/01", "2019-08-01"),
        ("JPRN-UMIN999000001", "02/08/2019", "2019-08-02"),
        ("CTRI/2099/01/000001", "12-02-2019", "2019-02-12"),
    ],
)
def test_enrolment_dates_have_forms_of_their_own_and_keep_their_precision(id: str, raw: str, date: str) -> None:
    record = full(TrialID=id, Date_enrollement=raw)
    assert record.start_date is not None
    assert record.start_date.date == date
    assert not notes(record, "start_date")


@pytest.mark.parametrize("sentinel", ["1900-01-01", "01/01/1900", "Jan  1 1900 12:00AM", "1/1/1900 12:00:00 AM"])
def test_1900_stands_where_there_is_no_date(sentinel: str) -> None:
    record = full(TrialID="NCT99000001", Date_enrollement=sentinel, results_date_completed=sentinel)
    assert record.start_date is record.completion_date is None
    assert not record.notes


def test_a_date_that_is_none_is_kept_as_text_and_noted() -> None:
    record = web(TrialID="NTR0001", Date_enrollement="not decided yet", Date_registration="31/02/2021")
    for found in (record.start_date, record.registration_date):
        assert found is not None
        assert found.date is None
    assert record.start_date is not None
    assert record.start_date.raw == "not decided yet"
    assert [note.note for note in record.notes] == ["not a date", "not a date"]


def test_the_type_of_the_enrolment_date() -> None:
    for said, type in (("Anticipated", "ESTIMATED"), ("actual", "ACTUAL"), ("Actual", "ACTUAL"), ("NULL", None)):
        start = full(TrialID="NCT99000001", Date_enrollement="June 2019", type_enrolment=said).start_date
        assert start is not None
        assert start.type == type


def test_the_eu_register_gives_the_date_of_authorisation_for_the_start() -> None:
    record = full(
        TrialID="EUCTR2090-000001-10-DE", Date_enrollement="18/05/2020", type_enrolment="Date trial authorised"
    )
    assert record.start_date is not None
    assert record.start_date.type is None
    assert [note.raw for note in notes(record, "start_date")] == ["Date trial authorised"]


def test_export_and_refresh_dates() -> None:
    record = web(TrialID="NCT99000001", Export_date="4/7/2021 10:40:56 AM", Last_Refreshed_on="7 May 2021")
    assert record.exported_date is not None
    assert record.last_updated_date is not None
    assert (record.exported_date.date, record.last_updated_date.date) == ("2021-04-07", "2021-05-07")
    assert not notes(record, "exported_date")


def test_a_date_of_results_counts_only_where_results_are_said_to_be_posted() -> None:
    said = full(TrialID="NCT99000001", results_date_posted="2021-03-01", results_yes_no="Yes")
    assert said.results_posted_date is not None
    assert (said.results_posted_date.date, said.has_results) == ("2021-03-01", True)
    # CRIS repeats the registration date, RPCEC writes a plan
    unsaid = full(TrialID="KCT9900001", results_date_posted="2021-03-01")
    assert unsaid.results_posted_date is not None
    assert (unsaid.results_posted_date.date, unsaid.results_posted_date.raw) == (None, "2021-03-01")
    assert unsaid.has_results is None
    assert notes(unsaid, "results_posted_date")


# --- design, phase, size, age, sex

EU_PHASE = (
    "Human pharmacology (Phase I): no{0}Therapeutic exploratory (Phase II): yes{0}"
    "Therapeutic confirmatory - (Phase III): yes{0}Therapeutic use (Phase IV): {0}"
)


@pytest.mark.parametrize("separator", ["\n", "<br>", " ", ""])
@pytest.mark.parametrize("id", ["EUCTR2090-000001-10-DE", "CTIS2090-500001-10-00"])
def test_the_eu_phase_sentence_in_four_separator_styles(separator: str, id: str) -> None:
    assert full(TrialID=id, phase=EU_PHASE.format(separator)).phases == ["PHASE2", "PHASE3"]


def test_chictr_phase_0_is_doubtful() -> None:
    record = web(TrialID="ChiCTR9900000001", Phase="0")
    assert record.phases == ["EARLY_PHASE1"]
    assert [note.raw for note in notes(record, "phases")] == ["0"]
    assert not notes(web(TrialID="TCTR20990101001", Phase="Phase 0"), "phases")


@pytest.mark.parametrize("study_type", ["Observational study", "Diagnostic test", "Health services reaserch"])
def test_phase_0_of_a_study_that_is_no_trial_is_no_phase(study_type: str) -> None:
    record = web(TrialID="ChiCTR9900000001", Phase="0", Study_type=study_type)
    assert (record.phases, record.phase_raw) == (["NA"], "0")
    assert not notes(record, "phases")
    assert web(TrialID="ChiCTR9900000001", Phase="0", Study_type="Interventional study").phases == ["EARLY_PHASE1"]


@pytest.mark.parametrize(
    ("raw", "size"),
    [
        ("Experimental group:30;Control group:30;", 60),
        ("Group 1:30;Group 2:30;", 60),
        ("1:132;2:132;", 264),
        ("Case series:100;", 100),
        ("400", 400),
    ],
)
def test_chictr_target_sizes_are_summed(raw: str, size: int) -> None:
    record = web(TrialID="ChiCTR9900000001", Target_size=raw)
    assert record.enrollment_target == size
    assert record.enrollment_raw == (None if raw.isdecimal() else raw)
    assert not notes(record, "enrollment_target")


@pytest.mark.parametrize(
    "raw", ["400 (200 in each arm)", "400 (200 per group)", "400 (100 participants in each group)"]
)
def test_a_size_may_say_how_it_is_divided(raw: str) -> None:
    record = web(TrialID="SLCTR/2099/001", Target_size=raw)
    assert (record.enrollment_target, record.enrollment_raw) == (400, raw)
    assert not notes(record, "enrollment_target")


@pytest.mark.parametrize("raw", ["400 (300 in each arm)", "400 (200 in London)", "about sixty in all", "9999"])
def test_a_size_that_is_no_number_stays_text(raw: str) -> None:
    record = web(TrialID="RPCEC99000001", Target_size=raw)
    assert (record.enrollment_target, record.enrollment_raw) == (None, raw)
    assert notes(record, "enrollment_target")


def test_clinicaltrials_gov_sizes_are_planned_or_reached() -> None:
    assert not notes(
        full(TrialID="NCT99000001", Target_size="20", Recruitment_status="Recruiting"), "enrollment_target"
    )
    record = full(TrialID="NCT99000001", Target_size="20", Recruitment_status="Completed")
    assert (record.enrollment_target, record.enrollment_actual) == (20, None)
    assert notes(record, "enrollment_target")


@pytest.mark.parametrize(
    ("id", "low", "high", "years"),
    [
        ("NCT99000001", "6 Months", "N/A", (0.5, None)),
        ("RBR-99000a", "18Y", "0", (18, None)),
        ("KCT9900001", "19(Year)", "No Limit", (19, None)),
        ("PACTR209901000000001", "19 Year(s)", "44 Year(s)", (19, 44)),
        ("JPRN-jRCT9900000001", ">= 20age old", "< 80age old", (20, 80)),
        ("JPRN-UMIN999000001", "20years-old", "Not applicable", (20, None)),
        ("IRCT999000000001N1", "18 years", "no limit", (18, None)),
        ("RPCEC99000001", "19 years", "None", (19, None)),
        ("DRKS99000001", "no minimum age", "no maximum age", (None, None)),
        ("ChiCTR9900000001", "18", "99", (18, 99)),
        ("CTIS2090-500001-10-00", "18", "65+", (18, None)),
        ("ACTRN12699000000001", "No limit", "-2147483648", (None, None)),
        ("TCTR20990101001", "18 Years", "0 N/A (No limit)", (18, None)),
        ("LBCTR2099010001", "18", "120", (18, None)),
    ],
)
def test_age_limits_in_every_form(id: str, low: str, high: str, years: tuple[float | None, float | None]) -> None:
    record = web(TrialID=id, Inclusion_agemin=low, Inclusion_agemax=high)
    assert (record.minimum_age_years, record.maximum_age_years) == years
    assert (record.minimum_age_raw, record.maximum_age_raw) == (low, high)


@pytest.mark.parametrize(
    ("minors", "adults", "elderly", "years"),
    [
        ("no", "yes", "yes", (18, None)),
        ("no", "yes", "no", (18, 64)),
        ("no", "no", "yes", (65, None)),
        ("yes", "no", "no", (None, 17)),
        ("yes", "yes", "no", (None, 64)),
        ("yes", "yes", "yes", (None, None)),
        ("no", "no", "no", (None, None)),
    ],
)
def test_the_eu_register_asks_for_age_bands_at_the_end_of_the_criteria(
    minors: str, adults: str, elderly: str, years: tuple[float | None, float | None]
) -> None:
    criteria = (
        f"Inclusion criteria: Fever<br>Are the trial subjects under 18? {minors}<br>Number of subjects for this age "
        f"range: <br>F.1.2 Adults (18-64 years) {adults}<br>F.1.2.1 Number of subjects for this age range 16<br>"
        f"F.1.3 Elderly (>=65 years) {elderly}<br>F.1.3.1 Number of subjects for this age range <br>"
    )
    record = full(TrialID="EUCTR2090-000001-10-DE", Inclusion_Criteria=criteria)
    assert (record.minimum_age_years, record.maximum_age_years) == years
    assert record.inclusion_criteria is not None
    assert "under 18?" in record.inclusion_criteria
    cut = criteria[: criteria.index("F.1.3 ")]
    record = full(TrialID="EUCTR2090-000001-10-DE", Inclusion_Criteria=cut)
    assert record.maximum_age_years is record.maximum_age_raw is None
    record = full(TrialID="DRKS99000001", Inclusion_Criteria=criteria)
    assert record.minimum_age_years is record.minimum_age_raw is None


@pytest.mark.parametrize(
    ("raw", "sex"),
    [
        ("<br>Female: no<br>Male: yes<br>", "MALE"),
        ("<br> Female: yes<br> Male: yes<br>", "ALL"),
        ("Female: yes Male: no", "FEMALE"),
        ("-", "ALL"),
        ("Both, male and female", "ALL"),
        ("Females", "FEMALE"),
    ],
)
def test_sex(raw: str, sex: str) -> None:
    assert web(TrialID="EUCTR2090-000001-10-DE", Inclusion_gender=raw).sex == sex


def test_design_dialects_reach_the_record() -> None:
    eu = (
        "Controlled: yes Randomised: yes Open: no Single blind: no Double blind: yes Parallel group: yes "
        "Cross over: no Other: no Number of treatment arms in the trial: 3"
    )
    record = full(TrialID="EUCTR2090-000001-10-DE", study_design=eu)
    assert (record.allocation, record.masking, record.intervention_model) == ("RANDOMIZED", "DOUBLE", "PARALLEL")
    assert (record.number_of_arms, record.study_design_raw, record.is_masked) == (3, eu, True)
    cris = (
        "Primary Purpose : Treatment, Intervention Model : Parallel, Blinding/Masking : Double, "
        "Blinding Target : Subject, Investigator, Allocation : RCT"
    )
    record = full(TrialID="KCT9900001", study_design=cris)
    assert (record.allocation, record.masked_roles) == ("RANDOMIZED", ["PARTICIPANT", "INVESTIGATOR"])
    assert record.primary_purpose == "TREATMENT"
    assert full(TrialID="ChiCTR9900000001", study_design="Sequential").intervention_model == "SEQUENTIAL"


# --- texts


def test_breaks_entities_and_control_characters() -> None:
    record = full(
        TrialID="CTRI/2099/01/000001",
        Inclusion_Criteria="Inclusion criteria: a &amp;amp; b<br/ >c&lt;br&gt;d&#x0D;<br>e\x0b\x1f <p>f</p>",
        Scientific_title="Title&#x0D; of two\nlines" + " " * 1000,
    )
    assert record.inclusion_criteria == "a & b\nc\nd\ne f"
    assert record.scientific_title == "Title of two lines"


def test_entities_that_were_escaped_twice() -> None:
    record = full(TrialID="PER-901-99", Conditions="Imaginaci&amp;oacute;n", public_title="A &amp;amp; B &lt;br&gt; C")
    assert [c.name for c in record.conditions] == ["Imaginación"]
    assert record.public_title == "A & B C"


def test_characters_that_xml_forbids_do_not_cost_the_record() -> None:
    data = b"<Trials_downloaded_from_ICTRP><Trial><TrialID>ChiCTR9900000001</TrialID><Public_title>A&#1;B&#x1F;C"
    record = one(data + b"</Public_title></Trial></Trials_downloaded_from_ICTRP>")
    assert record.public_title == "ABC"


@pytest.mark.parametrize(
    ("scrambled", "said"),
    [
        ("Fondation M√©diterran√©e", "Fondation Méditerranée"),
        ("the ‚ÄúDiagnosis‚Äù", "the “Diagnosis”"),
        ("1 Î¼M, 37 Â°C, XÂ®", "1 μM, 37 °C, X®"),
        ("√Ç¬∞C", "°C"),
        ("2Ã?106", "2Ã?106"),  # a byte was lost: nothing can be restored
        ("Universitätsklinikum – Köln, ß®, é", "Universitätsklinikum – Köln, ß®, é"),
        ("——临床试验", "——临床试验"),
    ],
)
def test_scrambled_characters_are_restored_where_nothing_was_lost(scrambled: str, said: str) -> None:
    assert web(TrialID="NCT99000001", Public_title=scrambled).public_title == said


def test_a_comparison_sign_that_was_lost_is_not_guessed() -> None:
    record = full(TrialID="IRCT999000000001N1", Inclusion_Criteria="Inclusion criteria: Age = 18 years")
    assert record.inclusion_criteria == "Age = 18 years"
    assert record.minimum_age_years is None


def test_criteria_lose_the_heading_of_who_and_keep_their_own() -> None:
    undivided = (
        "<br>        Inclusion Criteria:<br><br>          -  Fever<br><br>        Exclusion Criteria:<br><br>  -  Cough"
    )
    record = full(TrialID="NCT99000001", Inclusion_Criteria=undivided)
    assert record.eligibility_criteria == "Inclusion Criteria:\n\n- Fever\n\nExclusion Criteria:\n\n- Cough"
    assert (record.inclusion_criteria, record.exclusion_criteria) == ("- Fever", "- Cough")
    record = full(
        TrialID="ISRCTN99000001",
        Inclusion_Criteria="Inclusion criteria: <br>                1. Fever",
        Exclusion_Criteria="Exclusion criteria: 1. Cough",
    )
    assert (record.inclusion_criteria, record.exclusion_criteria) == ("1. Fever", "1. Cough")
    assert record.eligibility_criteria is None
    record = full(TrialID="TCTR20990101001", Exclusion_Criteria="Exclusion criteria: None")
    assert record.exclusion_criteria is None


@pytest.mark.parametrize("line_break", ["<br>", "\n<br>", "\r\n<br>", "_x000D_<br />"])
def test_criteria_that_clinicaltrials_gov_wrapped_are_unwrapped_and_divided(line_break: str) -> None:
    lines = [
        "",
        "        Inclusion Criteria:",
        "",
        "          -  Fever of the imaginary kind",
        "             for a week",
        "",
    ]
    lines += ["        Exclusion Criteria:", "", "        Cough", ""]
    (record,) = sheet({"TrialID": "NCT99000001", "Inclusion Criteria": line_break.join(lines)})
    assert isinstance(record, Record)
    assert record.inclusion_criteria == "- Fever of the imaginary kind for a week"
    assert record.exclusion_criteria == "Cough"
    assert record.eligibility_criteria == (
        "Inclusion Criteria:\n\n- Fever of the imaginary kind for a week\n\nExclusion Criteria:\n\nCough"
    )


def test_lists_whose_items_follow_each_other_line_by_line_are_not_unwrapped() -> None:
    text = (
        "<br>Inclusion Criteria:<br><br>* Fever<br>* Cough<br>* Imaginary pain<br><br>Exclusion Criteria:<br><br>* None"
    )
    record = full(TrialID="NCT99000001", Inclusion_Criteria=text)
    assert record.inclusion_criteria == "* Fever\n* Cough\n* Imaginary pain"


# --- sponsors, countries, contacts, sharing


def test_sponsors_and_the_texts_that_stand_for_none() -> None:
    record = full(
        TrialID="NCT99000001",
        Primary_sponsor="Fictional Pharma Ltd",
        Secondary_sponsors="Example University;Example University;NIL",
        Source_Support="Please refer to primary and secondary sponsors",
    )
    assert [(s.name, s.role, s.sponsor_class, s.sponsor_class_raw) for s in record.sponsors] == [
        ("Fictional Pharma Ltd", "LEAD", "INDUSTRY", None),
        ("Example University", "COLLABORATOR", "OTHER", None),
    ]
    record = full(TrialID="IRCT999000000001N1", Primary_sponsor="-", Source_Support="Example Ministry;-")
    assert [(s.name, s.role) for s in record.sponsors] == [("Example Ministry", "FUNDER")]


def test_countries_are_split_folded_and_named_once() -> None:
    def countries(id: str, raw: str) -> list[Country]:
        return full(TrialID=id, Countries=raw).countries

    assert [c.name for c in countries("PACTR209901000000001", "Egypt;Egypt;Egypt")] == ["Egypt"]
    assert countries("ChiCTR9900000001", "China?") == [Country(name="China", raw="China?")]
    assert [c.name for c in countries("NCT99000001", "Korea, Republic of;Iran, Islamic Republic of")] == [
        "Korea, Republic of",
        "Iran, Islamic Republic of",
    ]
    assert countries("NTR0001", "The Netherlands") == [Country(name="Netherlands", raw="The Netherlands")]
    assert [c.name for c in countries("JPRN-UMIN999000001", "Japan,Asia(except Japan),North America")] == [
        "Japan",
        "Asia(except Japan)",
        "North America",
    ]
    assert [c.name for c in countries("SLCTR/2099/001", "\n   Sri Lanka,India\n  ")] == ["Sri Lanka", "India"]


def test_contacts_are_contacts_only() -> None:
    record = full(
        TrialID="KCT9900001",
        Public_Contact_Firstname="; ;",
        Public_Contact_Lastname="Contact One",
        Public_Contact_Email="contact@example.org",
        Scientific_Contact_Tel="000-0000",
        Ethics_Contact_Name="board@example.org",
    )
    assert [(c.type, c.name, c.email, c.phone) for c in record.contacts] == [
        ("public", "Contact One", "contact@example.org", None),
        ("scientific", None, None, "000-0000"),
    ]
    assert web(TrialID="KCT9900001", Contact_Tel="1").contacts[0].type == "public"


def test_texts_about_results_are_results_where_results_are_said_to_be_posted() -> None:
    texts = {
        "results_summary": "Fever fell",
        "results_baseline_char": "Mean age 50",
        "results_participant_flow": "60 were recruited",
        "results_adverse_events": "No results available",
        "results_outcome_measures": "37.1 and 38.2 degrees",
    }
    results = full(TrialID="PACTR202001999999999", results_yes_no="Yes", **texts).results
    assert results is not None
    assert results.participant_flow is not None
    assert results.participant_flow.recruitment_details == "60 were recruited"
    assert results.baseline is not None
    assert [measure.description for measure in results.baseline.measures] == ["Mean age 50"]
    assert [measure.description for measure in results.outcome_measures] == ["Fever fell", "37.1 and 38.2 degrees"]
    assert results.adverse_events is None
    # EU CTR's rows have the title of the trial there
    assert full(TrialID="EUCTR2090-000001-10-DE", **texts).results is None


def test_sharing_and_results_links() -> None:
    record = full(
        TrialID="JPRN-jRCT9900000001",
        results_url_link="https://pubmed.ncbi.nlm.nih.gov/99000001/;https://doi.org/10.99999/fictional.1",
        results_url_protocol="https://example.org/protocol.pdf",
        results_IPD_plan="Undecided - It is not yet known if there will be a plan to make this available",
        results_yes_no="Yes",
    )
    assert [(link.label, link.url) for link in record.links] == [
        ("results", "https://pubmed.ncbi.nlm.nih.gov/99000001/"),
        ("results", "https://doi.org/10.99999/fictional.1"),
        ("protocol", "https://example.org/protocol.pdf"),
    ]
    assert [(r.pmid, r.doi, r.type) for r in record.references] == [
        ("99000001", None, "RESULT"),
        (None, "10.99999/fictional.1", "RESULT"),
    ]
    assert (record.ipd_sharing, record.has_results) == ("UNDECIDED", True)
    record = full(
        TrialID="ISRCTN99000001", results_summary="2021 protocol in https://pubmed.ncbi.nlm.nih.gov/99000002/ (added)"
    )
    assert [(r.pmid, r.type) for r in record.references] == [("99000002", None)]


# --- conditions


@pytest.mark.parametrize(
    ("id", "raw", "expected", "keywords"),
    [
        ("NCT99000001", "Fever;Cough", [("Fever", None, None), ("Cough", None, None)], []),
        ("NCT99000001", "Graft; Dreadful;Fever", [("Graft; Dreadful", None, None), ("Fever", None, None)], []),
        (
            "TCTR20990101001",
            "Fever\nDread of dogs <br>Fever<br>Dogs, Cats<br>Bites;Fever<br>Dogs, Cats<br>Bites",
            [("Fever", None, None), ("Dread of dogs", None, None)],
            ["Fever", "Dogs", "Cats", "Bites"],
        ),
        (
            "TCTR20990101001",
            "Fever <br>Fever; Dogs; ;Fever; Dogs; ",
            [("Fever", None, None)],
            ["Fever", "Dogs"],
        ),
        (
            "IRCT999000000001N1",
            "Fever. <br>Fever of the mind;XA01.0.",
            [("Fever", None, None), ("Fever of the mind", "XA01.0", "ICD-11")],
            [],
        ),
        (
            "CTRI/2099/01/000001",
            "Health Condition 1: Q214- Imaginary septumHealth Condition 2: null- Fever",
            [("Imaginary septum", "Q214", "ICD-10"), ("Fever", None, None)],
            [],
        ),
        (
            "EUCTR2090-000001-10-DE",
            "Fever; of <br>the mind <br>MedDRA version: 21.0Level: LLTClassification code 99000001Term: Mind fever"
            "System Organ Class: 99000002;Therapeutic area: Diseases [C] - Imaginary Diseases [C99]",
            [("Fever; of the mind", None, None), ("Mind fever", "99000001", "MedDRA 21.0")],
            ["Diseases [C] - Imaginary Diseases [C99]"],
        ),
        (
            "EUCTR2090-000001-10-DE",
            "Fever <br>MedDRA version: 23.0\nLevel: PT\nClassification code 99000001\nTerm: Mind fever\n"
            "System Organ Class: 99000002 - Imaginary\n;Therapeutic area: Not possible to specify",
            [("Fever", None, None), ("Mind fever", "99000001", "MedDRA 23.0")],
            ["Not possible to specify"],
        ),
        (
            "IRCT999000000001N1",
            "Condition 1: Fever. Condition 2: Cough. <br>Fever, unspecified <br>Cough, dry;U99.1;R99",
            [
                ("Fever", None, None),
                ("Cough", None, None),
                ("Fever, unspecified", "U99.1", "ICD-10"),
                ("Cough, dry", "R99", "ICD-10"),
            ],
            [],
        ),
        (
            "IRCT999000000001N1",
            "Condition 1: Fever. <br>Fever, unspecified <br>Cough, dry;U99.1",
            [("Fever", None, None), ("Fever, unspecified", None, None), ("Cough, dry", None, None)],
            ["U99.1"],
        ),
        (
            "ACTRN12699000000001",
            "Fever;Dread; <br>Fever <br>Dread;Infection - Other infectious diseases",
            [("Fever", None, None), ("Dread", None, None)],
            ["Infection - Other infectious diseases"],
        ),
        ("DRKS99000001", ";U99.1 - Imaginary fever", [("Imaginary fever", "U99.1", "ICD-10")], []),
        ("KCT9900001", ";Neoplasms", [("Neoplasms", None, None)], []),
        (
            "ISRCTN99000001",
            "Fever, of the mind <br>Infections and Infestations <br>Fever, unspecified",
            [("Fever, of the mind", None, None), ("Fever, unspecified", None, None)],
            ["Infections and Infestations"],
        ),
        (
            "RBR-99000a",
            "febre <br>Fever, unspecified ;A00-B99;Fever, unspecified ",
            [("febre", None, None), ("Fever, unspecified", None, None)],
            ["A00-B99"],
        ),
        ("PACTR209901000000001", " <br>Fever;Fever", [("Fever", None, None)], []),
        ("JPRN-jRCT9900000001", "Fever <br>fever;D999999", [("Fever", "D999999", "MeSH")], []),
        (
            "PER-901-99",
            "-U991 Imaginary fever\n <br>Imaginary fever;U991;Imaginary fever",
            [("Imaginary fever", "U991", "ICD-10")],
            [],
        ),
        ("LBCTR2099010001", "Fever <br>Dread;2568;Dread", [("Fever", None, None), ("Dread", None, None)], []),
        ("CTRI/2099/01/000001", "NIL", [], []),
    ],
)
def test_condition_dialects(
    id: str, raw: str, expected: list[tuple[str, str | None, str | None]], keywords: list[str]
) -> None:
    record = full(TrialID=id, Conditions=raw)
    assert [(c.name, c.code, c.vocabulary) for c in record.conditions] == expected
    assert record.keywords == keywords


# --- interventions


def test_interventions_of_clinicaltrials_gov_have_types_and_repeat() -> None:
    record = full(TrialID="NCT99000001", Interventions="Drug: A;Drug: A;Other: B; red;Dietary Supplement: C")
    assert [(i.type, i.name) for i in record.interventions] == [
        ("DRUG", "A"),
        ("OTHER", "B; red"),
        ("DIETARY_SUPPLEMENT", "C"),
    ]
    record = full(TrialID="KCT9900001", Interventions="Radiation : rays")
    assert [(i.type, i.type_raw, i.name) for i in record.interventions] == [("RADIATION", "Radiation", "rays")]


def test_interventions_of_ctri_are_numbered_lines() -> None:
    raw = "Intervention1: herb: 5 g<br>daily<br>Control Intervention1: Not applicable: Not applicable<br>"
    record = full(TrialID="CTRI/2099/01/000001", Interventions=raw)
    assert [(i.name, i.description) for i in record.interventions] == [("herb", "5 g\ndaily")]


def test_interventions_of_irct_and_drks_are_numbered_groups() -> None:
    raw = "Intervention 1: Intervention group: Intervention group: syrup 5 ml. Intervention 2: Control group: water."
    record = full(TrialID="IRCT999000000001N1", Interventions=raw)
    assert [(i.name, i.arm_labels) for i in record.interventions] == [
        ("syrup 5 ml.", ["Intervention 1: Intervention group"]),
        ("water.", ["Intervention 2: Control group"]),
    ]
    assert [(a.label, a.intervention_names) for a in record.arms] == [
        ("Intervention 1: Intervention group", ["syrup 5 ml."]),
        ("Intervention 2: Control group", ["water."]),
    ]
    record = full(TrialID="DRKS99000001", Interventions="Arm 1: rest<br>in bed Arm 2: walks")
    assert [arm.label for arm in record.arms] == ["Arm 1", "Arm 2"]
    record = full(TrialID="IRCT999000000001N1", Interventions="Intervention group: syrup")
    assert [(arm.label, arm.description) for arm in record.arms] == [("Intervention group", "syrup")]


def test_interventions_of_rebec_have_codes_and_terms_behind_them() -> None:
    record = full(TrialID="RBR-99000a", Interventions="All drink fictamab; 5 ml. Daily.;Drug;Fictamab;Coffee")
    assert [(i.name, i.type, i.type_raw) for i in record.interventions] == [
        ("All drink fictamab; 5 ml. Daily.", "DRUG", "Drug")
    ]
    assert record.keywords == ["Fictamab", "Coffee"]
    record = full(TrialID="RBR-99000a", Interventions="Tea is drunk.;Immunization, Passive;Biological/vaccine")
    assert [(i.name, i.type) for i in record.interventions] == [("Tea is drunk.", "BIOLOGICAL")]
    record = full(TrialID="RBR-99000a", Interventions="Group 1: Tea<br>Group 2: Rest;Other;Drug;Fictamab")
    assert [(i.name, i.type) for i in record.interventions] == [("Tea", None), ("Rest", None)]
    record = full(TrialID="RBR-99000a", Interventions="Tea; coffee;rest")
    assert [i.name for i in record.interventions] == ["Tea; coffee;rest"]
    assert record.keywords == []


def test_interventions_of_chictr_are_named_groups() -> None:
    record = full(TrialID="ChiCTR9900000001", Interventions="A:tea; hot;B:Nil;C:tea; hot;")
    assert [(a.label, a.description) for a in record.arms] == [("A", "tea; hot"), ("B", None), ("C", "tea; hot")]
    assert [(i.name, i.arm_labels) for i in record.interventions] == [("tea; hot", ["A", "C"])]


def test_interventions_of_japiccti_are_labelled_lines() -> None:
    raw = (
        "Intervention name : FP-101<br>INN of the intervention : fictamab<br>Dosage And administration of the "
        "intervention : 20 mg<br>Control intervention name : -<br>INN of the control intervention : -<br>"
        "Dosage And administration of the control intervention : -"
    )
    (intervention,) = full(TrialID="JPRN-JapicCTI-990001", Interventions=raw).interventions
    assert (intervention.name, intervention.other_names, intervention.description) == ("FP-101", ["fictamab"], "20 mg")


@pytest.mark.parametrize("separator", ["<br>", " ", "\n"])
def test_interventions_of_the_eu_registers_are_labelled_products(separator: str) -> None:
    raw = separator.join(
        [
            "Trade Name: Fictaban",
            "Product Name: Fictamab",
            "Product Code: FP-101",
            "Pharmaceutical Form: Tablet",
            "INN or Proposed INN: FICTAMAB",
            "Concentration number: 20-",
            "Pharmaceutical form of the placebo: Tablet",
            "Route of administration of the placebo: Oral use",
            "Product Name: Comparamab",
            "Product Name: ",
            "INN or Proposed INN: Thirdamab",
        ]
    )
    record = full(TrialID="CTIS2090-500001-10-00", Interventions=raw)
    assert [(i.name, i.other_names) for i in record.interventions] == [
        ("Fictamab", ["Fictaban", "FP-101"]),
        ("Placebo", []),
        ("Comparamab", []),
        ("Thirdamab", []),
    ]
    assert record.interventions[0].description == "Pharmaceutical Form: Tablet\nConcentration number: 20-"


def test_interventions_of_repec_pactr_and_umin() -> None:
    raw = (
        "Group name:Usual Type of group;2 N° of participants:200 Intervention(s) description:Usual care. <br>"
        "Group name:New Type of group;1 N° of participants:200 Intervention(s) description:Fictamab."
    )
    record = full(TrialID="PER-901-99", Interventions=raw)
    assert [(a.label, a.description) for a in record.arms] == [("Usual", "Usual care."), ("New", "Fictamab.")]
    names = [i.name for i in full(TrialID="PACTR209901000000001", Interventions=";A;B").interventions]
    assert names == ["A", "B"]
    names = [i.name for i in full(TrialID="JPRN-UMIN999000001", Interventions="A<br>A<br>B").interventions]
    assert names == ["A", "B"]


def test_a_long_free_text_is_named_by_its_first_sentence_and_kept_whole() -> None:
    raw = "Participants in the first group are asked to rest at home. " + "They are visited every day. " * 20
    (intervention,) = full(TrialID="RPCEC99000001", Interventions=raw).interventions
    assert intervention.name == "Participants in the first group are asked to rest at home"
    assert intervention.description == raw.strip()


@pytest.mark.parametrize("raw", ["NA", "Not applicable", "None", ";", "NIL"])
def test_no_intervention(raw: str) -> None:
    record = web(TrialID="NTR0001", Intervention=raw)
    assert record.interventions == record.arms == []


# --- outcomes


@pytest.mark.parametrize(
    ("id", "raw", "expected"),
    [
        ("NCT99000001", "Fever;Score; worst of the day", [("Fever", None), ("Score; worst of the day", None)]),
        ("ChiCTR9900000001", "fever;cough;", [("fever", None), ("cough", None)]),
        ("KCT9900001", "Bleeding;Transfusion", [("Bleeding", None), ("Transfusion", None)]),
        (
            "IRCT999000000001N1",
            "Fever. Timepoint: day 1; day 7. Method of measurement: thermometer.;Cough. Timepoint: day 7.",
            [("Fever", "day 1; day 7"), ("Cough", "day 7")],
        ),
        (
            "IRCT999000000001N1",
            "Fever;chills. Timepoint: day 1;day 7. Method of measurement: by ear;mouth.;Cough. Timepoint: day 7.",
            [("Fever;chills", "day 1;day 7"), ("Cough", "day 7")],
        ),
        (
            "CTRI/2099/01/000001",
            "Fever <br/ ><br>by thermometerTimepoint: Day 7;CoughTimepoint: Day 14",
            [("Fever\n\nby thermometer", "Day 7"), ("Cough", "Day 14")],
        ),
        (
            "TCTR20990101001",
            "Stress; acute [Timeframe Baseline Scale]\t\t\t;Sleep [Timeframe Day 7]\t\t\t",
            [("Stress; acute", "Baseline Scale"), ("Sleep", "Day 7")],
        ),
        (
            "ACTRN12699000000001",
            "Fever [of the mind]; daily[Baseline and [primary] week 12];Calls[Week 12];NIL<br><br>[NIL]",
            [("Fever [of the mind]; daily", "Baseline and [primary] week 12"), ("Calls", "Week 12")],
        ),
        (
            "LBCTR2099010001",
            "Name: Dread (dread; fear);Timepoints: one month;Measure: A; B;Name: Fever;Timepoints: day 1;Measure: C",
            [("Dread (dread; fear)", "one month"), ("Fever", "day 1")],
        ),
        ("PER-901-99", "Outcome name:Deaths<br>Measure:all<br>Timepoints:5 months", [("Deaths", "5 months")]),
        (
            "EUCTR2090-000001-10-DE",
            "Main Objective: To show; something.;Secondary Objective: ;Primary end point(s): Fever; mean;"
            "Timepoint(s) of evaluation of this end point: Week 12",
            [("Fever; mean", "Week 12")],
        ),
        (
            "EUCTR2090-000001-10-DE",
            "Timepoint(s) of evaluation of this end point: Day 15;Primary end point(s): Fever;Main Objective: To show",
            [("Fever", "Day 15")],
        ),
        (
            "JPRN-JapicCTI-990001",
            "safety, efficacy<br>Safety : events<br>Efficacy : fever",
            [("Safety : events\nEfficacy : fever", None)],
        ),
        ("JPRN-JapicCTI-990001", "efficacy", [("efficacy", None)]),
        ("DRKS99000001", "genetic profiles; phenotypes;traits", [("genetic profiles; phenotypes;traits", None)]),
        ("ISRCTN99000001", "1. Fever<br>2. Cough;dry", [("1. Fever\n2. Cough;dry", None)]),
        ("RPCEC99000001", "none", []),
    ],
)
def test_outcome_dialects(id: str, raw: str, expected: list[tuple[str, str | None]]) -> None:
    record = full(TrialID=id, Primary_Outcome=raw)
    assert measures(record) == expected
    assert {outcome.type for outcome in record.outcomes} <= {"PRIMARY"}


def test_secondary_outcomes_and_methods() -> None:
    record = full(
        TrialID="EUCTR2090-000001-10-DE",
        Primary_Outcome="Main Objective: To show.;Secondary Objective: To see.",
        Secondary_Outcomes="Timepoint(s) of evaluation of this end point: Week 4;Secondary end point(s): Cough",
    )
    assert record.outcomes == [Outcome(type="SECONDARY", measure="Cough", time_frame="Week 4")]
    assert record.detailed_description == "Main Objective: To show.\nSecondary Objective: To see."
    record = full(
        TrialID="IRCT999000000001N1", Primary_Outcome="Fever. Timepoint: day 1. Method of measurement: by hand."
    )
    assert record.outcomes[0].description == "by hand."


# --- spreadsheets


def sheet(*rows: dict[str, object]) -> list[Record | Reject]:
    base = {"Public_title": "T", "Recruitment_Status": "Recruiting"}
    return read(workbook([sheet_row(**(base | row)) for row in rows]))


def test_a_spreadsheet_has_days_with_a_time_and_answers_of_its_own() -> None:
    cells = {"TrialID": "ACTRN12699000000001", "Date registration": 44223.5, "Date registration3": None}
    for answer in (True, False):
        (record,) = sheet({**cells, "results yes no": answer})
        assert isinstance(record, Record)
        assert record.has_results is answer
        assert record.registration_date is not None
        assert record.registration_date.date == "2021-01-27"


def test_a_spreadsheet_makes_dates_of_phases() -> None:
    outcomes = sheet(
        {"TrialID": "IRCT999000000001N1", "Phase": datetime(2020, 3, 2)},
        {"TrialID": "IRCT999000000001N2", "Phase": datetime(2020, 2, 1)},
        {"TrialID": "IRCT999000000001N3", "Phase": 43892},
        {"TrialID": "IRCT999000000001N4", "Phase": 3},
    )
    phases = [cast(Record, outcome).phases for outcome in outcomes]
    assert phases == [["PHASE2", "PHASE3"], ["PHASE1", "PHASE2"], ["PHASE2", "PHASE3"], ["PHASE3"]]
    assert [len(notes(cast(Record, outcome), "phases")) for outcome in outcomes] == [1, 1, 1, 0]


def test_a_spreadsheet_adds_the_day_to_june_2019() -> None:
    """Clinicaltrials.gov writes `June 2019` and `June 1, 2019`; a day-first spreadsheet makes a date of the first."""
    first, second, third = sheet(
        {"TrialID": "NCT99000001", "Date_enrollement": datetime(2019, 6, 1)},
        {"TrialID": "NCT99000002", "Date_enrollement": "June 1, 2019"},
        {"TrialID": "ISRCTN99000001", "Date_enrollement": datetime(2019, 6, 1)},
    )
    starts = [cast(Record, outcome).start_date for outcome in (first, second, third)]
    assert [start.date for start in starts if start] == ["2019-06", "2019-06-01", "2019-06-01"]
    assert notes(cast(Record, first), "start_date")
    assert not notes(cast(Record, second), "start_date")


@pytest.mark.parametrize("is_day_first", [True, False])
def test_a_spreadsheet_of_either_country_exchanges_some_days_and_months(is_day_first: bool) -> None:
    """The export date is month-first text, most registries' dates are day-first; two spellings of one date tell."""

    def typed(first: int, second: int) -> datetime:
        return datetime(2021, second, first) if is_day_first else datetime(2021, first, second)

    (outcome,) = sheet(
        {
            "TrialID": "ISRCTN99000001",
            "Date_registration": typed(3, 4),
            "Date_registration3": 20210403,
            "Date_enrollement": typed(5, 6),
            "Export_date": typed(7, 8),
        }
    )
    record = cast(Record, outcome)
    dates = [record.registration_date, record.start_date, record.exported_date]
    assert [date.date for date in dates if date] == ["2021-04-03", "2021-06-05", "2021-07-08"]
    assert not record.notes


def test_an_export_date_that_a_spreadsheet_may_have_exchanged_is_noted() -> None:
    (outcome,) = sheet({"TrialID": "ChiCTR9900000001", "Export_date": datetime(2021, 7, 4)})
    assert notes(cast(Record, outcome), "exported_date")


def test_spreadsheet_cells_are_read_as_the_text_file_has_them() -> None:
    (outcome,) = sheet(
        {
            "TrialID": "ChiCTR9900000001",
            "Inclusion_agemin": 0.1,
            "Inclusion_agemax": 75.0,
            "Target_size": 30,
            "Inclusion_Criteria": "Inclusion criteria: a_x000D_<br>b",
            "Bridging_flag_truefalse": False,
            "Date_registration3": 20210216,
            "Date_enrollement": 44287,
        }
    )
    record = cast(Record, outcome)
    assert (record.minimum_age_raw, record.maximum_age_raw, record.enrollment_target) == ("0.1", "75", 30)
    assert record.inclusion_criteria == "a\nb"
    assert record.start_date is not None
    assert record.start_date.date == "2021-04-01"
    assert (record.place.ordinal, record.place.line) == (1, 2)


def test_a_header_below_a_heading_and_on_another_sheet_is_found() -> None:
    book = openpyxl.Workbook()
    first = book.active
    assert first is not None
    first.append(["About this list"])
    second = book.create_sheet("list")
    second.append(["WHO list of trials"])
    second.append([])
    second.append(WEB_HEADER)
    second.append(sheet_row(TrialID="NCT99000001"))
    second.append([])
    second.append(["NCT99000002"])
    data = io.BytesIO()
    book.save(data)
    outcomes = read(data.getvalue())
    assert [(cast(Record, o).id, o.place.ordinal, o.place.line) for o in outcomes] == [
        ("NCT99000001", 1, 4),
        ("NCT99000002", 2, 6),
    ]


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.95])
def test_a_damaged_workbook_is_rejected(cut: float) -> None:
    data = (FIXTURES / "web.xlsx").read_bytes()
    outcomes = list(FORMATS["web-xlsx"].read(io.BytesIO(data[: int(len(data) * cut)])))
    assert [type(outcome) for outcome in outcomes] == [Reject]


def test_a_workbook_that_expands_without_bound_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_workbooks, "_MAX_BYTES", 1000)
    (outcome,) = read((FIXTURES / "web.xlsx").read_bytes())
    assert isinstance(outcome, Reject)
    assert outcome.reason == "decompression_bomb"


# --- XML


def test_a_trial_that_is_not_closed_does_not_take_its_neighbour() -> None:
    outcomes = read((FIXTURES / "web.xml").read_bytes())
    assert [o.id if isinstance(o, Record) else o.reason for o in outcomes] == [
        "2090-500002-20-01",
        "ChiCTR9900000003",
        "malformed_xml",
        "KCT9900002",
    ]


def test_web_xml_in_another_encoding() -> None:
    text = "<Trials_downloaded_from_ICTRP><Trial><TrialID>RBR-99000a</TrialID><Public_title>Febre imaginária"
    data = f"<?xml version='1.0' encoding='ISO-8859-1'?>{text}</Public_title></Trial></Trials_downloaded_from_ICTRP>"
    assert one(data.encode("latin-1")).public_title == "Febre imaginária"


def test_entities_of_a_file_are_refused() -> None:
    data = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><Trials_downloaded_from_ICTRP><Trial><TrialID>&a;</TrialID></Trial>'
    (outcome,) = read(data + b"</Trials_downloaded_from_ICTRP>")
    assert isinstance(outcome, Reject)
    assert outcome.reason in ("forbidden_xml_entities", "malformed_xml")


def test_the_answer_of_the_web_service() -> None:
    record = one((FIXTURES / "trial_details.xml").read_bytes())
    assert (record.id, record.public_title) == ("ChiCTR9900000004", "Imaginary ointment")
    assert [c.name for c in record.countries] == ["China", "Vietnam"]
    assert [(o.type, o.measure, o.time_frame) for o in record.outcomes] == [
        ("PRIMARY", "Itch score", "Day 7"),
        ("SECONDARY", "Sleep", "Day 14"),
    ]
    assert ids(record, "secondary") == ["NCT99000007"]
    assert [arm.label for arm in record.arms] == ["Ointment", "Placebo"]


# --- robustness


class Endless:
    """A stream without an end that counts what is taken from it."""

    def __init__(self, start: bytes, entry: bytes) -> None:
        self.buffer = start
        self.entry = entry
        self.taken = 0

    def read(self, size: int = -1) -> bytes:
        while len(self.buffer) < size:
            self.buffer += self.entry * 50
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        self.taken += len(data)
        return data

    def readline(self, size: int = -1) -> bytes:
        while b"\n" not in self.buffer:
            self.buffer += self.entry
        end = self.buffer.index(b"\n") + 1
        return self.read(end if size < 0 else min(end, size))


@pytest.mark.parametrize("name", ["web-csv", "full-export-csv", "web-xml"])
def test_files_are_streamed(name: str) -> None:
    if name == "web-xml":
        entry = b"<Trial><TrialID>NCT99000001</TrialID>" + b"<Public_title>x</Public_title>" * 50 + b"</Trial>\n"
        endless = Endless(b"<Trials_downloaded_from_ICTRP>", entry)
    elif name == "web-csv":
        rows = web_csv({"TrialID": "NCT99000001", "Public title": "x" * 1000})
        endless = Endless(rows[: rows.index(b"\n") + 1], rows[rows.index(b"\n") + 1 :])
    else:
        endless = Endless(b"", full_csv({"TrialID": "NCT99000001", "public_title": "x" * 1000}))
    tracemalloc.start()
    outcomes = FORMATS[name].read(cast(BinaryIO, endless))
    for number in range(1, 1001):
        assert next(outcomes).place.ordinal == number
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8e6
    assert endless.taken < 1000 * 2500 + 1e6


@pytest.mark.parametrize(
    ("id", "piece"),
    [
        ("PER-901-99", "Outcome name:a Measure:b "),
        ("PER-901-99", "Group name:a Type of group;"),
        ("LBCTR2099010001", "Name: x;"),
        ("IRCT999000000001N1", "a;"),
        ("CTRI/2099/01/000001", "];"),
        ("ACTRN12699000000001", "["),
        ("EUCTR2090-000001-10-DE", "MedDRA version: 1 Level: "),
    ],
)
def test_a_text_that_only_looks_like_a_list_does_not_hold_up_the_rest(id: str, piece: str) -> None:
    """Time that grew with the square of the length would take hours here."""
    text = piece * (200_000 // len(piece))
    record = full(TrialID=id, Conditions=text, Interventions=text, Primary_Outcome=text, Secondary_Outcomes=text)
    assert record.conditions or record.interventions or record.outcomes


def mutated(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        start = chance.randrange(len(changed))
        end = min(start + chance.choice((1, 2, 10, 200)), len(changed))
        match chance.randrange(5):
            case 0:
                del changed[start:end]
            case 1:
                changed[start:start] = changed[start:end] * chance.choice((1, 3))
            case 2:
                changed[start] = chance.randrange(256)
            case 3:
                changed[start:start] = chance.choice((b'"', b"\n", b",", b"<", b">", b"\0", b"\xff", b"&#x1F;", b"]]>"))
            case 4:
                other = chance.randrange(len(changed))
                changed[start:end] = changed[other : other + end - start]
        if not changed:
            return b"x"
    return bytes(changed)


def mutated_members(data: bytes, chance: random.Random) -> bytes:
    """The workbook with one of its parts changed, so that the change is not found by its check sum alone."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new:
        part = chance.choice([name for name in old.namelist() if name.startswith("xl/")])
        for name in old.namelist():
            new.writestr(name, mutated(old.read(name), chance) if name == part else old.read(name))
    return changed.getvalue()


@pytest.mark.parametrize("file", sorted(path.name for path in FIXTURES.iterdir() if ".golden." not in path.name))
def test_mutated_files_give_only_records_and_rejects(file: str) -> None:
    data = (FIXTURES / file).read_bytes()
    (name,) = recognised(data)
    chance = random.Random(file)
    change = mutated_members if name == "web-xlsx" else mutated
    for _ in range(80):
        outcomes = list(FORMATS[name].read(io.BytesIO(change(data, chance))))
        assert all(isinstance(outcome, Record | Reject) for outcome in outcomes)
        assert not [o.detail for o in outcomes if isinstance(o, Reject) and o.reason == "reader_fault"]


# --- the real files

REAL = "registries/ictrp"


def open_real(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path) if path.suffix == ".gz" else path.open("rb"))


@lru_cache(2)
def read_real(path: Path) -> list[Record | Reject]:
    with open_real(path) as stream:
        (name,) = recognised(stream.read(HEAD_BYTES))
        stream.seek(0)
        return list(FORMATS[name].read(stream))


def count_real(path: Path) -> int:
    """The studies of a file, counted with another parser."""
    if path.suffix == ".xlsx":
        rows = openpyxl.load_workbook(path, read_only=True).worksheets[0].iter_rows(values_only=True)
        return sum(1 for row in rows if row[0]) - 1
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        if ".xml" in path.name:
            return sum(element.tag == "Trial" for _, element in ElementTree.iterparse(cast(BinaryIO, stream.buffer)))
        return sum(1 for _ in csv.reader(stream)) - 1


EXPORTS = {
    "COVID19-12May2020.xlsx": (2369, "2020-05-12"),
    "COVID19-1528-trials_22Apr2020.xlsx": (1528, "2020-04-22"),
    "COVID19-2june2020.xlsx": (3237, "2020-06-04"),
    "COVID19-927-trials_7Apr2020.csv.gz": (927, "2020-04-07"),
    "COVID19-927-trials_7Apr2020.xlsx": (927, "2020-04-07"),
    "ICTRP-Results_18Mar2020.xml.gz": (578, "2020-03-18"),
    "ICTRP_29apr.xlsx": (1829, "2020-04-29"),
    "full_export_rows.csv.gz": (125, None),
    "COVID19-web_19Jun.xlsx": (3650, "2020-06-19"),
}
"""Studies, and the day of the export: Excel read 5/12/2020 as 5 December, and yet it is 12 May."""


@pytest.mark.parametrize(
    "file",
    [pytest.param(file, marks=[pytest.mark.slow] if number > 1000 else []) for file, (number, _) in EXPORTS.items()],
)
def test_real_every_study_of_an_export_becomes_a_record(shared_data: Path, file: str) -> None:
    path = shared_data / REAL / file
    outcomes = read_real(path)
    assert [outcome for outcome in outcomes if isinstance(outcome, Reject)] == []
    number, day = EXPORTS[file]
    assert len(outcomes) == count_real(path) == number
    records = cast(list[Record], outcomes)
    assert {record.exported_date and record.exported_date.date for record in records} == {day}
    refreshed = [str(record.last_updated_date.date) for record in records if record.last_updated_date]
    assert len(refreshed) == number
    assert day is None or max(refreshed) <= day
    assert all(record.register and record.public_title and record.registration_date for record in records)
    assert all(record.registration_date and record.registration_date.date for record in records)
    assert {note.note for record in records for note in record.notes}.isdisjoint({"not a word that is known here"})


@pytest.mark.slow
def test_real_registers_are_those_that_the_export_names(shared_data: Path) -> None:
    names = {
        "ClinicalTrials.gov": {"clinicaltrials_gov"},
        "EU Clinical Trials Register": {"euctr"},
        "JPRN": {"umin", "jrct", "japiccti", "jma"},
        "German Clinical Trials Register": {"drks"},
        "Netherlands Trial Register": {"ntr"},
    }
    path = shared_data / REAL / "COVID19-web_19Jun.xlsx"
    sheet = openpyxl.load_workbook(path, read_only=True).worksheets[0].iter_rows(values_only=True)
    at = next(sheet).index("Source Register")
    outcomes = read_real(path)
    for row, outcome in zip(sheet, cast(list[Record], outcomes), strict=True):
        assert outcome.register in names.get(str(row[at]), {str(row[at]).lower()})


FILLED = [
    "url",
    "acronym",
    "scientific_title",
    "status",
    "registration_date",
    "start_date",
    "completion_date",
    "last_updated_date",
    "exported_date",
    "study_type",
    "phases",
    "study_design_raw",
    "allocation",
    "intervention_model",
    "masking",
    "is_masked",
    "primary_purpose",
    "enrollment_target",
    "enrollment_actual",
    "eligibility_criteria",
    "inclusion_criteria",
    "exclusion_criteria",
    "minimum_age_years",
    "maximum_age_years",
    "sex",
    "conditions",
    "interventions",
    "arms",
    "outcomes",
    "sponsors",
    "countries",
    "contacts",
    "ipd_sharing",
    "links",
    "has_results",
]


def filled(records: Iterable[Record]) -> Iterator[tuple[str, int, dict[str, float]]]:
    """Register, number of records, and the share of them that has each field."""
    by_register: dict[str, list[Record]] = {}
    for record in records:
        by_register.setdefault(record.register or "", []).append(record)
    for register, group in sorted(by_register.items()):
        share = {
            field: sum(getattr(record, field) not in (None, []) for record in group) / len(group) for field in FILLED
        }
        yield register, len(group), share


@pytest.mark.slow
def test_real_fields_are_filled_in_every_register(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = read_real(shared_data / REAL / "COVID19-web_19Jun.xlsx")
    table = list(filled(cast(list[Record], outcomes)))
    print(f"{'':26}" + " ".join(f"{register[:7]:>7}" for register, _, _ in table))
    print(f"{'records':26}" + " ".join(f"{number:7}" for _, number, _ in table))
    for field in FILLED:
        print(f"{field:26}" + " ".join(f"{share[field]:7.0%}" for _, _, share in table))
    assert len(table) == 20
    for register, number, share in table:
        for field in ("registration_date", "last_updated_date", "exported_date", "study_type", "url"):
            assert share[field] > 0.99 or number * (1 - share[field]) <= 1, (register, field, share[field])
        assert share["sponsors"] > 0.75, register  # a quarter of the Dutch register's trials say that they have none
        assert share["conditions"] > 0.97, register
        assert share["outcomes"] > 0.9, register
        assert share["start_date"] > 0.98, register
        # UMIN's inclusion criteria are empty in the export
        assert share["eligibility_criteria"] + share["inclusion_criteria"] > 0.99 or register == "umin", register


@pytest.mark.parametrize(
    "file",
    [
        "ictrp/human_extracted_fields.csv.gz",
        "ictrp/registry_prefixes_date_formats.csv",
        "ictrp/ICTRP_export_datafields.txt",
        "drks/drks_table.csv.gz",
        "anzctr/anzctr_table.csv.gz",
        "clinicaltrials_gov/ctg-studies_urology.csv.gz",
        "clinicaltrials_gov/ctg-studies_subset_columns.csv.gz",
        "clinicaltrials_gov/aact_columns.csv",
    ],
)
def test_real_tables_that_are_no_ictrp_export_are_not_recognised(shared_data: Path, file: str) -> None:
    with open_real(shared_data / "registries" / file) as stream:
        assert recognised(stream.read(HEAD_BYTES)) == []


EXCEL_CHANGED = {
    "place": "rows of another file",
    "phase_raw": "1-2 and 2-3 became dates (the phases themselves are restored)",
    "notes": "say so; and that a day may have been added to `February 2020`",
    "contacts": "telephone numbers became numbers or formulas: their plus sign or leading zero is gone",
}


def test_real_csv_and_xlsx_of_one_day_agree_but_for_what_excel_destroyed(shared_data: Path) -> None:
    pair = [read_real(shared_data / REAL / f"COVID19-927-trials_7Apr2020{end}") for end in (".csv.gz", ".xlsx")]
    differing: Counter[str] = Counter()
    for from_csv, from_xlsx in zip(*cast(list[list[Record]], pair), strict=True):
        for field in Record.__struct_fields__:
            ours, theirs = getattr(from_csv, field), getattr(from_xlsx, field)
            if field.endswith("_date") and ours is not None:
                ours, theirs = (ours.date, ours.type), (theirs.date, theirs.type)  # raw: text there, a date here
            differing[field] += ours != theirs
        assert from_csv.phases == from_xlsx.phases
        assert [c.email for c in from_csv.contacts] == [c.email for c in from_xlsx.contacts]
    assert {field for field, count in differing.items() if count} == set(EXCEL_CHANGED)
    assert (differing["phase_raw"], differing["contacts"]) == (9, 35)


def test_real_dates_of_the_full_export_agree_with_those_its_users_made(shared_data: Path) -> None:
    path = shared_data / REAL / "full_export_rows.csv.gz"
    outcomes = read_real(path)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        for row, outcome in zip(csv.DictReader(stream), outcomes, strict=True):
            record = cast(Record, outcome)
            assert record.registration_date is not None
            assert record.start_date is not None
            assert record.registration_date.date == row["Date_registration_format"]
            is_day_inferred = row["Day_inferred"] == "TRUE"
            assert record.start_date.date == row["Date_enrollment_format"][: 7 if is_day_inferred else 10]


def test_the_web_service_has_fields_of_its_own_for_allocation_assignment_and_codes() -> None:
    data = (FIXTURES / "trial_details.xml").read_bytes().replace(b"ChiCTR9900000004", b"ACTRN12699000000001")
    data = data.replace(
        b"<Study_design>Parallel</Study_design>",
        b"<Allocation>Randomised controlled trial</Allocation><Assignement>Crossover</Assignement>",
    )
    code = b"</Intervention_FreeText><Intervention_code>Treatment: Drugs</Intervention_code>"
    record = one(data.replace(b"</Intervention_FreeText>", code))
    assert (record.allocation, record.intervention_model) == ("RANDOMIZED", "CROSSOVER")
    assert [(one.type, one.type_raw) for one in record.interventions] == [("DRUG", "Treatment: Drugs")]
