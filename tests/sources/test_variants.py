"""Files of the same kinds as other programs, systems and years save them: they give the same Records.

Every fixture is changed as spreadsheets, converters and archives change a file; what is read must not change.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
import warnings
from collections.abc import Callable
from pathlib import Path

import msgspec
import openpyxl
import pytest

from trialpanorama import ingest, sources
from trialpanorama.record import Record, Reject
from trialpanorama.sources._encodings import guess

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
ALL = sorted(
    path
    for name in sources.sources()
    for path in (FIXTURES / name).glob("*")
    if path.is_file() and not path.name.endswith((".golden.json", ".xlsx"))
)
DAMAGED = {"full_export.csv", "web.csv", "some_columns.csv"}
"""Their rows are damaged on purpose, and a program that reads and saves a table changes what is damaged."""
TABLES = [path for path in ALL if path.suffix == ".csv" and path.name not in DAMAGED]


def table(data: bytes) -> list[list[str]]:
    return [row for row in csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")) if row]


def saved(rows: list[list[str]], delimiter: str = ",") -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue().encode()


def workbook(rows: list[list[str]]) -> bytes:
    book = openpyxl.Workbook()
    book.create_sheet("Read me")["A1"] = "Downloaded by a fictional user"
    for row in rows:
        book.worksheets[0].append(row)
    content = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        book.save(content)
    return content.getvalue()


WHERE = {"place", "record_id", "content_sha256"}


def read(data: bytes, name: str) -> list[object]:
    """What is read, without where it stands."""
    found: list[object] = []
    for outcome in ingest.read_content(data, name):
        if isinstance(outcome, Record):
            said = msgspec.to_builtins(outcome)
            found.append({field: value for field, value in said.items() if field not in WHERE})
        else:
            found.append(outcome.reason)
    return found


def in_utf_16(data: bytes) -> bytes | None:
    if re.search(rb"encoding=[\"'](?!utf-8)", data[:100], re.IGNORECASE):
        return None
    return codecs.BOM_UTF16_LE + data.removeprefix(codecs.BOM_UTF8).decode().encode("utf-16-le")


ANY: dict[str, Callable[[bytes], bytes | None]] = {
    "in UTF-16": in_utf_16,
    "with a byte-order mark": lambda data: codecs.BOM_UTF8 + data.removeprefix(codecs.BOM_UTF8),
}


@pytest.mark.parametrize("change", ANY)
@pytest.mark.parametrize("path", ALL, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_file_in_another_form_of_unicode_is_the_same(path: Path, change: str) -> None:
    data = path.read_bytes()
    if (changed := ANY[change](data)) is not None:
        assert read(changed, path.name) == read(data, path.name)


OF_TABLES: dict[str, Callable[[list[list[str]]], bytes]] = {
    "semicolons": lambda rows: saved(rows, ";"),
    "tabs": lambda rows: saved(rows, "\t"),
    "sep line of Excel": lambda rows: b"sep=;\r\n" + saved(rows, ";"),
    "a title above, and an empty line": lambda rows: b"Export of 1 May 2099\r\n\r\n" + saved(rows),
    "lines that end in returns": lambda rows: saved(rows).replace(b"\r\n", b"\n").replace(b"\n", b"\r"),
    "blanks around the titles": lambda rows: saved([[f" {title} " for title in rows[0]], *rows[1:]]),
    "empty rows and columns at the end": lambda rows: saved([[*row, "", ""] for row in [*rows, [""] * len(rows[0])]]),
    "new columns": lambda rows: saved([["New", *rows[0]], *([str(n), *row] for n, row in enumerate(rows[1:], 1))]),
    "a workbook": workbook,
}


@pytest.mark.parametrize("change", OF_TABLES)
@pytest.mark.parametrize("path", TABLES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_table_that_another_program_saved_is_the_same(path: Path, change: str) -> None:
    rows = table(path.read_bytes())
    rows = [row for row in rows if len(row) == len(rows[0])]
    if change == "lines that end in returns":
        rows = [[cell.replace("\r", " ").replace("\n", " ") for cell in row] for row in rows]
    assert read(OF_TABLES[change](rows), path.name) == read(saved(rows), path.name)


def test_columns_of_clinicaltrials_gov_may_be_written_in_any_letters() -> None:
    rows = table((FIXTURES / "clinicaltrials_gov" / "all_columns.csv").read_bytes())
    changed = saved([[title.upper() for title in rows[0]], *rows[1:]])
    assert read(changed, "a.csv") == read(saved(rows), "a.csv")


# --- encodings

SENTENCES = {
    "cp1252": "Étude randomisée à l’hôpital – évaluation des patients âgés, 10 µg (n ≥ 20)".replace("≥", ">"),
    "gb18030": "随机对照试验：评价药物治疗糖尿病患者的疗效和安全性",
    "cp932": "糖尿病患者を対象とした無作為化比較試験のテスト",
    "euc_jp": "糖尿病患者を対象とした無作為化比較試験のテスト",
    "cp949": "당뇨병 환자를 대상으로 한 무작위 배정 임상시험",
}
OTHERS = {
    "cp1251": "Рандомизированное исследование",
    "cp1250": "Badanie skuteczności leczenia białaczki w Łodzi, wśród dzieci",
    "mac_roman": SENTENCES["cp1252"],
    "cp1254": "Şeker hastalığı için tedavi, çocuklarda güvenlik",
    "big5": "隨機對照試驗：評價藥物治療糖尿病患者的療效",
}


@pytest.mark.parametrize("encoding", SENTENCES)
def test_an_encoding_of_spreadsheets_is_told_from_its_characters(encoding: str) -> None:
    rows = [["NCT Number", "Study Title", "Study Status"]]
    rows += [[f"NCT9900000{n}", f"{SENTENCES[encoding]} {n}", "COMPLETED"] for n in range(1, 8)]
    text = saved(rows).decode()
    found = [*ingest.read_content(text.encode(encoding), "trials.csv")]
    assert [outcome.public_title for outcome in found if isinstance(outcome, Record)] == [row[1] for row in rows[1:]]
    assert all(isinstance(o, Record) and o.notes[-1].raw == encoding for o in found)
    assert not any(o.notes for o in ingest.read_content(text.encode(), "trials.csv") if isinstance(o, Record))


@pytest.mark.parametrize("encoding", OTHERS)
def test_an_encoding_that_cannot_be_told_is_not_guessed(encoding: str) -> None:
    assert guess((f"title\n{OTHERS[encoding]}\n" * 20).encode(encoding)) is None


@pytest.mark.parametrize("text", ["caf\u00e9", "plain"])
@pytest.mark.parametrize("bad", [b"\xff", b"\xe9", b"\x92s", b"\xd3\xa3\xd6"])
def test_damaged_bytes_are_no_reason_to_leave_utf_8(text: str, bad: bytes) -> None:
    rows = [["NCT Number", "Study Title", "Study Status"]]
    rows += [[f"NCT9900000{n}", text, "COMPLETED"] for n in range(1, 8)]
    damaged = saved(rows).replace(b"NCT99000003,", b"NCT99000003," + bad)
    if len(bad) > 2 and text == "plain":
        assert guess(damaged) != "cp1252"
        return
    found = [*ingest.read_content(damaged, "trials.csv")]
    assert [o.reason if isinstance(o, Reject) else o.public_title for o in found] == [
        *[text] * 2, "invalid_encoding", *[text] * 4,
    ]  # fmt: skip


def test_characters_far_behind_the_beginning_are_read_too() -> None:
    rows = [["NCT Number", "Study Title", "Study Status"]]
    rows += [[f"NCT9900{n:04d}", "A plain title of a trial" * 4, "COMPLETED"] for n in range(2000)]
    rows += [[f"NCT9901{n:04d}", "Étude à l’hôpital", "COMPLETED"] for n in range(3)]
    found = [*ingest.read_content(saved(rows).decode().encode("cp1252"), "trials.csv")]
    assert len(found) == 2003
    assert isinstance(found[-1], Record)
    assert found[-1].public_title == "Étude à l’hôpital"


# --- XML and JSON


@pytest.mark.parametrize("path", [p for p in ALL if p.suffix == ".xml"], ids=lambda p: f"{p.parent.name}/{p.name}")
def test_comments_above_the_root_are_no_entries(path: Path) -> None:
    data = path.read_bytes()
    root = re.search(rb"<(?=[A-Za-z])", data)
    assert root
    comment = b"<!-- made by a <trial> of a program: <Trial> -->\n"
    changed = data[: root.start()] + comment + data[root.start() :]
    assert read(changed, path.name) == read(data, path.name)


def test_an_array_of_pages_holds_the_entries_of_all() -> None:
    page = json.loads((FIXTURES / "clinicaltrials_gov" / "page.json").read_bytes())
    alone = read(json.dumps(page).encode(), "page.json")
    assert read(json.dumps([page, page]).encode(), "pages.json") == alone * 2
