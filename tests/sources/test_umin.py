"""UMIN's file of the whole registry: two languages in headers and cells, double columns, a second header row."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialpanorama.record import Contact, PartialDate, Record, Reject
from trialpanorama.sources import HEAD_BYTES, umin

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "umin"
(FORMAT,) = umin.SOURCE.formats
HEADERS = next(csv.reader([(FIXTURES / "ctr_data_j.csv").read_text(encoding="utf-8").splitlines()[0]]))
TITLE = "試験名/Official scientific title of the study"


def read(data: bytes) -> list[Record | Reject]:
    assert FORMAT.recognise(data[:HEAD_BYTES])
    return list(FORMAT.outcomes(io.BytesIO(data)))


def table(*rows: dict[str, str], headers: list[str] = HEADERS) -> bytes:
    """Rows of cells by header; of a double column the first is filled, the second by `header#2`."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(headers)
    for row in rows:
        seen: dict[str, int] = {}
        cells = []
        for header in headers:
            seen[header] = seen.get(header, 0) + 1
            cells.append(row.get(header if seen[header] == 1 else f"{header}#{seen[header]}", ""))
        writer.writerow(cells)
    return text.getvalue().encode()


def one(**cells: str) -> Record:
    """A row with these cells, by the English half of the header."""
    by_english = {header.partition("/")[2] or header: header for header in HEADERS}
    row = {by_english[name]: value for name, value in cells.items()}
    (outcome,) = read(table({"UMIN試験ID/UMIN ID": "UMIN999000001"} | row))
    assert isinstance(outcome, Record), outcome
    return outcome


@pytest.mark.parametrize(
    ("japanese", "english", "text", "language"),
    [
        ("架空", "FICTIONAL", "FICTIONAL", None),
        ("FICTIONAL", "架空", "FICTIONAL", None),
        ("架空", "", "架空", "ja"),
        ("", "FICTIONAL", "FICTIONAL", None),
        ("架空", "架空2", "架空", "ja"),
    ],
)
def test_of_two_columns_the_english_one_counts(japanese: str, english: str, text: str, language: str | None) -> None:
    row = {"UMIN試験ID/UMIN ID": "UMIN999000001", TITLE: japanese, f"{TITLE}#2": english}
    (record,) = read(table(row))
    assert isinstance(record, Record)
    assert (record.scientific_title, record.language) == (text, language)


def test_columns_are_known_by_either_half_of_their_header_in_any_order() -> None:
    data = (FIXTURES / "ctr_data_j.csv").read_bytes()
    rows = list(csv.reader(io.StringIO(data.decode(), newline="")))
    halves = []
    for keep in (0, 2):
        text = io.StringIO()
        names = [header.partition("/")[keep] or header for header in rows[0]]
        csv.writer(text).writerows([row[:2] + row[:1:-1] for row in [names, *rows[1:]]])
        halves.append([outcome for outcome in read(text.getvalue().encode()) if isinstance(outcome, Record)])
    expected = [outcome for outcome in read(data) if isinstance(outcome, Record)]
    for found in halves:
        assert [record.id for record in found] == [record.id for record in expected]
        for record, other in zip(found, expected, strict=True):
            assert record.status == other.status
            assert record.phases == other.phases
            assert record.masking == other.masking
            assert record.inclusion_criteria == other.inclusion_criteria
            assert [o.measure for o in record.outcomes] == [o.measure for o in other.outcomes]
            assert record.registration_date == other.registration_date


def test_the_second_header_row_is_no_input_and_a_row_without_a_number_is_one() -> None:
    second = dict.fromkeys(HEADERS[2:6], "日本語")
    row = {"UMIN試験ID/UMIN ID": "UMIN999000001", TITLE: "FICTIONAL\nof two lines"}
    lost = {TITLE: "FICTIONAL", "登録日時/Registered date": "2020/01/02"}
    with_second, without = read(table(second, row, lost)), read(table(row, lost))
    for outcomes in (with_second, without):
        assert [type(outcome) for outcome in outcomes] == [Record, Reject]
        assert [outcome.place.ordinal for outcome in outcomes] == [1, 2]
    assert [outcome.place.line for outcome in with_second] == [3, 5]
    assert [outcome.place.line for outcome in without] == [2, 4]
    assert [type(outcome) for outcome in read(table(lost, row))] == [Reject, Record]


def test_the_number_stands_in_the_second_column_whatever_its_header() -> None:
    headers = [*HEADERS]
    headers[1] = "番号"
    (record,) = read(table({"番号": "UMIN999000001", TITLE: "FICTIONAL"}, headers=headers))
    assert isinstance(record, Record)
    assert record.id == "UMIN999000001"


@pytest.mark.parametrize(
    ("cell", "least", "greatest"),
    [
        ("20歳/years-old以上/<=", 20.0, 20.0),
        ("20 years-old <=", 20.0, 20.0),
        ("6ヶ月/months-old以上/<=", 0.5, 0.5),
        ("適用なし/Not applicable", None, None),
        ("150歳/years-old", None, None),
        ("0歳/years-old", 0.0, None),
    ],
)
def test_ages(cell: str, least: float | None, greatest: float | None) -> None:
    record = one(**{"Age-lower limit": cell, "Age-upper limit": cell})
    assert (record.minimum_age_years, record.maximum_age_years) == (least, greatest)
    assert record.minimum_age_raw == cell


@pytest.mark.parametrize(
    ("cell", "masking", "roles"),
    [
        ("オープン/Open -no one is blinded", "NONE", []),
        ("単盲検/Single blind -participants are blinded", "SINGLE", ["PARTICIPANT"]),
        ("単盲検/Single blind -investigator(s) and assessor(s) are blinded", "SINGLE",
         ["INVESTIGATOR", "OUTCOMES_ASSESSOR"]),
        ("オープンだが測定者/Open -but assessor(s) are blinded", "SINGLE", ["OUTCOMES_ASSESSOR"]),
        ("二重盲検/Double blind -all involved are blinded", "DOUBLE", []),
    ],
)  # fmt: skip
def test_blinding(cell: str, masking: str, roles: list[str]) -> None:
    record = one(Blinding=cell)
    assert (record.masking, record.masked_roles, record.is_masked) == (masking, roles, masking != "NONE")
    assert record.masking_raw == cell.partition("/")[2]


@pytest.mark.parametrize(
    ("cell", "status"),
    [
        ("開始前/Preinitiation", "NOT_YET_RECRUITING"),
        ("一般募集中/Open public recruiting", "RECRUITING"),
        ("限定募集中/Enrolling by invitation", "ENROLLING_BY_INVITATION"),
        ("参加者募集終了-試験継続中/No longer recruiting", "ACTIVE_NOT_RECRUITING"),
        ("試験終了/Completed", "COMPLETED"),
        ("主たる結果の公表済み/Main results already published", "COMPLETED"),
        ("参加者募集中断/Suspended", "SUSPENDED"),
        ("試験中止/Terminated", "TERMINATED"),
    ],
)
def test_status(cell: str, status: str) -> None:
    record = one(**{"Recruitment status": cell})
    assert (record.status, record.notes) == (status, [])


def test_several_choices_are_joined_by_colons() -> None:
    record = one(
        **{
            "Region": "日本/Japan:アジア（日本以外）/Asia(except Japan)",
            "Classification by specialty": "内科学一般/Medicine in general:外科学一般/Surgery in general",
            "Type of intervention": "医薬品/Medicine:手技/Maneuver",
            "Interventions/Control_1": "FICTIONAL tea",
        }
    )
    assert [country.name for country in record.countries] == ["Japan", "Asia(except Japan)"]
    assert record.keywords == ["Medicine in general", "Surgery in general"]
    assert [(i.name, i.type) for i in record.interventions] == [("FICTIONAL tea", None)]
    only = one(**{"Type of intervention": "手技/Maneuver", "Interventions/Control_1": "FICTIONAL press"})
    assert [(i.type, i.type_raw) for i in only.interventions] == [("PROCEDURE", "Maneuver")]


def test_a_single_arm_has_no_allocation() -> None:
    record = one(**{"Basic design": "単群/Single arm", "Randomization": "非ランダム化/Non-randomized"})
    assert (record.intervention_model, record.allocation, record.allocation_raw) == (
        "SINGLE_GROUP", "NA", "Non-randomized",
    )  # fmt: skip


def test_sizes_that_are_none_are_noted() -> None:
    record = one(**{"Target sample size": "9999999999"})
    assert (record.enrollment_target, record.enrollment_raw) == (None, "9999999999")
    assert [note.field for note in record.notes] == ["enrollment_target"]


def test_contacts_have_the_columns_of_the_same_name_in_turn() -> None:
    record = next(o for o in read((FIXTURES / "ctr_data_j.csv").read_bytes()) if isinstance(o, Record))
    assert record.contacts == [
        Contact("research", "Taro Example", "Fictional University", "1 Fictional Street", "research@example.org",
                "000-0000"),
        Contact("public", "Hanako Example", "Fictional Hospital", "2 Fictional Street", "public@example.org",
                "000-0001"),
    ]  # fmt: skip
    assert [(official.name, official.affiliation) for official in record.officials] == [
        ("Taro Example", "Fictional University")
    ]


def test_a_quotation_mark_that_is_not_closed_costs_one_row() -> None:
    rows = [{"受付番号/Receipt No.": f"R00009900{n}", "UMIN試験ID/UMIN ID": f"UMIN99900000{n}"} for n in (1, 2, 3)]
    lines = table(*rows).decode().splitlines(keepends=True)
    lines[1] = lines[1].replace(",,", ',"lost,', 1)
    outcomes = read("".join(lines).encode())
    assert [getattr(outcome, "id", "rejected") for outcome in outcomes] == [
        "rejected",
        "UMIN999000002",
        "UMIN999000003",
    ]


def test_tables_that_only_mention_such_columns_are_not_umins() -> None:
    for header in ("Condition,Gender,Study type", "UMIN ID,Title", "Developmental phase,Narrative objectives1,x"):
        assert not FORMAT.recognise(f"{header}\n1,2,3\n".encode())


@settings(derandomize=True, max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(sorted({*HEADERS} - {"登録日時/Registered date"})), st.text(max_size=12), max_size=8
    )
)
def test_whatever_stands_in_the_cells_each_row_is_one_outcome(cells: dict[str, str]) -> None:
    row = {"UMIN試験ID/UMIN ID": "UMIN999000001", "登録日時/Registered date": "2020/01/02"}
    outcomes = read(table(row | cells, row))
    assert len(outcomes) == 2
    assert not any(isinstance(outcome, Reject) and outcome.reason == "reader_fault" for outcome in outcomes)
    last = outcomes[-1]
    assert isinstance(last, Record)
    assert last.first_submitted_date == PartialDate(date="2020-01-02", raw="2020/01/02")


@pytest.mark.parametrize("answer", ["Not applicable", "該当せず/Not applicable", "該当せず"])
def test_that_a_phase_does_not_apply_is_an_answer(answer: str) -> None:
    assert one(**{"Developmental phase": answer}).phases == ["NA"]
    assert one(**{"Blinding": "Not applicable"}).masking == "NONE"
    assert one(**{"Developmental phase": ""}).phases == []
