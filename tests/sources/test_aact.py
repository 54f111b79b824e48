"""AACT's tables give the Records that ClinicalTrials.gov's own JSON gives, however the rows lie."""

from __future__ import annotations

import gzip
import itertools
import json
import random
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.aact_tables import COLLECTION, NOT_CARRIED, differences, members_of, of_json, read, tables_of
from tests.replay import Replay, fetch_from, services

from trialpanorama.errors import UserError
from trialpanorama.fetching import Wanted
from trialpanorama.record import Record, Reject
from trialpanorama.sample import aact as writer
from trialpanorama.sources import aact

CURRENT = Path(__file__).resolve().parent.parent / "fixtures" / "aact" / "current"


def records(outcomes: list[Record | Reject]) -> dict[str, Record]:
    found = {outcome.id: outcome for outcome in outcomes if isinstance(outcome, Record)}
    assert len(found) == sum(isinstance(outcome, Record) for outcome in outcomes)
    return found


def contents(outcomes: list[Record | Reject], without_hash: bool = False) -> list[bytes]:
    """Everything that was read, in a stable order."""
    for outcome in outcomes if without_hash else ():
        outcome.place = msgspec.structs.replace(outcome.place, entry_sha256="", line=None)
    return sorted(msgspec.json.encode(outcome) for outcome in outcomes)


def tables(**rows: str) -> dict[str, bytes]:
    """Tables with the columns of AACT and these rows (`;` between cells of a studies row is written by the caller)."""
    return {f"{name}.txt": ("|".join(writer.TABLES[name]) + "\n" + text).encode() for name, text in rows.items()}


def study(nct_id: str, **values: str) -> str:
    """A row of the table studies."""
    values = {"nct_id": nct_id, "brief_title": f"Study {nct_id} (FICTIONAL)", "overall_status": "COMPLETED"} | values
    return "|".join(values.get(column, "") for column in writer.TABLES["studies"]) + "\n"


# --- the same Records as API v2


def _real_studies(folder: Path) -> Iterator[dict[str, Any]]:
    seen: set[str] = set()
    files = sorted(folder.glob("ctg-studies_array_*.json.gz"))
    lists = (json.loads(gzip.decompress(path.read_bytes())) for path in files)
    with zipfile.ZipFile(folder / "ctg-studies.json.zip") as archive:
        members = (json.loads(archive.read(name)) for name in archive.namelist() if name.endswith(".json"))
        for document in itertools.chain(itertools.chain.from_iterable(lists), members):
            number = document["protocolSection"]["identificationModule"]["nctId"]
            if number not in seen:
                seen.add(number)
                yield document


@pytest.mark.parametrize(
    ("as_exported", "most"),
    [(False, 300), (True, 150)] + [pytest.param(shape, 2_000, marks=pytest.mark.slow) for shape in (False, True)],
)
def test_real_studies_give_the_records_of_their_json(
    shared_data: Path, tmp_path: Path, as_exported: bool, most: int
) -> None:
    documents = list(itertools.islice(_real_studies(shared_data / "registries" / "clinicaltrials_gov"), most))
    outcomes = read(tables_of(documents, tmp_path / "aact.zip", as_exported))
    found = records(outcomes)
    assert len(found) == len(outcomes) == len(documents) >= min(most, 900)
    wrong: Counter[str] = Counter()
    for document in documents:
        expected = of_json(document)
        for place, _, _ in differences(expected, found[expected.id], as_exported):
            wrong[place] += 1
    assert set(wrong) <= set(NOT_CARRIED), wrong


# --- rows and their order


def test_every_part_has_its_studies_and_all_have_all(tmp_path: Path) -> None:
    rows = "".join(study(f"NCT990{n:05d}") for n in range(200))
    given_tables = tables(studies=rows, conditions="".join(f"{n}|NCT990{n:05d}|c{n}|c\n" for n in range(0, 220, 2)))
    whole = read(given_tables)
    assert Counter(isinstance(outcome, Record) for outcome in whole) == {True: 200, False: 10}
    parted = [read(given_tables, part, 3) for part in range(3)]
    assert all(parted)
    assert contents([outcome for part in parted for outcome in part]) == contents(whole)


def test_neither_the_order_of_rows_nor_the_numbers_of_a_load_matter() -> None:
    members = members_of(CURRENT)
    expected = contents(read(members), without_hash=True)
    chance = random.Random(4)
    moved: dict[str, bytes] = {}
    for name, content in members.items():
        header, *lines = content.decode().splitlines()
        columns = header.split("|")
        shifted = []
        for line in lines:
            cells = re.split(r'\|(?=(?:[^"]*"[^"]*")*[^"]*$)', line)
            if len(cells) == len(columns):  # AACT's own numbers; "nct_id" and "document_id" are not
                cells = [
                    str(int(cell) + 70_000_000) if re.fullmatch(r"id|\w+_id", column) and cell.isdecimal() else cell
                    for column, cell in zip(columns, cells, strict=True)
                ]
            shifted.append("|".join(cells) + "\n")
        if name != "studies.txt":
            chance.shuffle(shifted)
        moved[name] = f"{header}\n{''.join(shifted)}".encode()
    assert moved != members
    found = read(moved)
    for outcome in found:  # the note on an unreadable row names its line
        for note in outcome.notes if isinstance(outcome, Record) else ():
            note.raw = re.sub(r"line \d+", "line 3", note.raw or "")
    for one, other in zip(contents(found, without_hash=True), expected, strict=True):
        assert json.loads(one) == json.loads(other)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("plain ~ tilde", "plain ~ tilde"),
        ('"two~lines"', "two\nlines"),
        ('"a line~* a list, \\~3 items"', "a line\n* a list, ~3 items"),
        ('"kept\nlines ~ and all"', "kept\nlines ~ and all"),
        ('"a | b"', "a | b"),
        ('"one\r\ntwo"', "one\ntwo"),
        ('"one\r~two"', "one\ntwo"),
        ('"he said ""no"""', 'he said "no"'),
        ('5" wide', '5" wide'),
        ('a "word" in it', 'a "word" in it'),
        ('"quoted" and more', '"quoted" and more'),
        ("x \\< y \\* z", "x < y * z"),
        ('""', None),
        ("", None),
    ],
)
def test_cells_are_read_as_they_were_meant(cell: str, expected: str | None) -> None:
    given_tables = tables(
        studies=study("NCT99000001") + study("NCT99000002"),
        brief_summaries=f"1|NCT99000001|{cell}\n2|NCT99000002|the next row\n",
    )
    outcomes = read(given_tables)
    assert not [outcome for outcome in outcomes if isinstance(outcome, Reject)]
    assert [records(outcomes)[f"NCT9900000{n}"].brief_summary for n in (1, 2)] == [expected, "the next row"]


def test_a_tilde_is_a_line_break_only_where_the_register_has_line_breaks() -> None:
    given_tables = tables(
        studies=study("NCT99000001"), design_outcomes='1|NCT99000001|primary|"~3 | 4"|"~2 | 3"||"a~b"\n'
    )
    (outcome,) = records(read(given_tables))["NCT99000001"].outcomes
    assert (outcome.measure, outcome.time_frame, outcome.description) == ("~3 | 4", "~2 | 3", "a\nb")


def test_an_open_quotation_mark_takes_no_other_row_with_it() -> None:
    given_tables = tables(
        studies="".join(study(f"NCT9900000{n}") for n in (1, 2, 3)),
        brief_summaries='1|NCT99000001|fine\n2|NCT99000002|"never | closed\n3|NCT99000003|fine\n',
    )
    outcomes = read(given_tables)
    assert [records(outcomes)[f"NCT9900000{n}"].brief_summary for n in (1, 2, 3)] == ["fine", None, "fine"]
    (lost,) = (outcome for outcome in outcomes if isinstance(outcome, Reject))
    assert (lost.reason, lost.place.member, lost.place.line) == ("malformed_row", "brief_summaries.txt", 3)
    (note,) = records(outcomes)["NCT99000002"].notes
    assert (note.field, note.raw) == ("brief_summary", "brief_summaries, line 3")


def test_bytes_that_are_no_text_cost_their_row_alone() -> None:
    given_tables = tables(studies=study("NCT99000001"), keywords="1|NCT99000001|a|a\n2|NCT99000001|b|b\n")
    given_tables["keywords.txt"] = given_tables["keywords.txt"].replace(b"|a|", b"|\xff|")
    outcomes = read(given_tables)
    assert records(outcomes)["NCT99000001"].keywords == ["b"]
    assert [outcome.reason for outcome in outcomes if isinstance(outcome, Reject)] == ["invalid_encoding"]


def test_rows_without_a_study_are_one_reject_for_each_study() -> None:
    orphans = "1|NCT99000009|a|a\n2|NCT99000009|b|b\n3||c|c\n"
    outcomes = read(tables(studies=study("NCT99000001"), keywords=orphans, conditions="1|NCT99000009|d|d\n"))
    rejects = {outcome.detail: outcome.reason for outcome in outcomes if isinstance(outcome, Reject)}
    assert rejects == {
        "NCT99000009: no row of studies, but of conditions (1), keywords (2)": "study_fragment",
        "no nct_id: no row of studies, but of keywords (1)": "study_fragment",
    }


def test_a_study_without_a_number_and_one_given_twice() -> None:
    outcomes = read(tables(studies=study("") + study("NCT99000001") * 2, keywords="1|NCT99000001|a|a\n"))
    assert [o.reason for o in outcomes if isinstance(o, Reject)] == ["missing_identifier"]
    assert [o.keywords for o in outcomes if isinstance(o, Record)] == [["a"], ["a"]]


def test_a_table_without_its_header_is_said_and_noted() -> None:
    outcomes = read(tables(studies=study("NCT99000001")) | {"keywords.txt": b"what|is|this\n1|2|3\n"})
    (reject,) = (outcome for outcome in outcomes if isinstance(outcome, Reject))
    assert (reject.reason, reject.place.member) == ("study_fragment", "keywords.txt")
    assert [note.field for note in records(outcomes)["NCT99000001"].notes] == ["keywords"]


# --- values


@pytest.mark.parametrize(
    ("values", "field", "expected"),
    [
        ({"phase": "PHASE1/PHASE2"}, "phases", ["PHASE1", "PHASE2"]),
        ({"phase": "Phase 1/Phase 2"}, "phases", ["PHASE1", "PHASE2"]),
        ({"phase": "Early Phase 1"}, "phases", ["EARLY_PHASE1"]),
        ({"phase": "N/A"}, "phases", ["NA"]),
        ({"phase": "NA"}, "phases", ["NA"]),
        ({"overall_status": "Enrolling by invitation"}, "status", "ENROLLING_BY_INVITATION"),
        ({"overall_status": "ENROLLING_BY_INVITATION"}, "status", "ENROLLING_BY_INVITATION"),
        ({"enrollment": "7", "enrollment_type": "Actual"}, "enrollment_actual", 7),
        ({"enrollment": "7", "enrollment_type": "ESTIMATED"}, "enrollment_target", 7),
        ({"has_dmc": "f"}, "has_dmc", False),
        ({"has_dmc": ""}, "has_dmc", None),
        ({"plan_to_share_ipd": "Undecided"}, "ipd_sharing", "UNDECIDED"),
        ({"results_first_posted_date": "2020-01-02"}, "has_results", True),
        ({}, "has_results", False),
        ({"number_of_groups": "3"}, "number_of_arms", 3),
    ],
)
def test_both_vocabularies_are_read(values: dict[str, str], field: str, expected: object) -> None:
    outcomes = read(tables(studies=study("NCT99000001", **values), keywords=""))
    assert getattr(records(outcomes)["NCT99000001"], field) == expected


def test_a_month_is_not_made_a_day() -> None:
    row = study("NCT99000001", start_month_year="2019-05", start_date="2019-05-31", start_date_type="ACTUAL")
    date = records(read(tables(studies=row, keywords="")))["NCT99000001"].start_date
    assert msgspec.to_builtins(date) == {"date": "2019-05", "type": "ACTUAL"}


@settings(max_examples=150, derandomize=True, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\\"), max_size=60))
def test_whatever_a_text_holds_comes_back_and_harms_no_other(text: str) -> None:
    written = "".join(writer.line([n, f"NCT9900000{n}", cell]) for n, cell in ((1, "before"), (2, text), (3, "after")))
    given_tables = tables(studies="".join(study(f"NCT9900000{n}") for n in (1, 2, 3)), brief_summaries=written)
    found = records(read(given_tables))
    assert [found[f"NCT9900000{n}"].brief_summary for n in (1, 3)] == ["before", "after"]
    if "~" not in text:
        assert found["NCT99000002"].brief_summary == (text.strip() or None)


# --- which members are the tables


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["studies.txt", "conditions.txt", "schema.pdf"], ["studies.txt", "conditions.txt"]),
        (["day/studies.txt", "day/links.txt", "links.txt"], ["day/studies.txt", "day/links.txt"]),
        (["studies.txt", "search_terms.txt"], ["studies.txt", "search_terms.txt"]),
        (["studies.txt"], []),
        (["conditions.txt", "facilities.txt"], []),
        (["studies.txt", "a/conditions.txt"], []),
        (["studies.csv", "conditions.csv"], []),
    ],
)  # fmt: skip
def test_tables_are_chosen_by_name_beside_studies(names: list[str], chosen: list[str]) -> None:
    header = "|".join(writer.TABLES["studies"]).encode() + b"\n"
    assert COLLECTION.choose(names, lambda _: header) == chosen
    assert COLLECTION.choose(names, lambda _: b"id|name\n") == []


def test_every_table_of_the_published_columns_is_known(shared_data: Path) -> None:
    text = (shared_data / "registries" / "clinicaltrials_gov" / "aact_columns.csv").read_text()
    of_studies = {table for table, column, _ in (line.split(",") for line in text.split()[1:]) if column == "nct_id"}
    own = {"load_issues", "study_json_records", "study_records", "study_xml_records"}  # never exported
    assert of_studies - own <= aact._TABLES.keys() | aact._NOT_OF_STUDIES


@pytest.mark.parametrize(
    ("wanted", "said"), [(Wanted(query="yesterday"), "no day"), (Wanted(since=date(2026, 1, 1)), "all studies")]
)
def test_what_is_no_copy_is_not_asked_for(wanted: Wanted, said: str, tmp_path: Path) -> None:
    with Replay(services()["aact"]) as replay:
        with pytest.raises(UserError, match=said):
            fetch_from(replay, aact.SOURCE, wanted, tmp_path)
        assert replay.asked == []
