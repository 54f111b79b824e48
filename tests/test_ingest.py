"""Inputs = records + rejects, whatever the inputs are."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tarfile
import time
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialpanorama import ingest
from trialpanorama.build import build
from trialpanorama.errors import UserError
from trialpanorama.record import Record, Reject
from trialpanorama.warehouse import InputFile

FIXTURES = Path(__file__).resolve().parent / "fixtures"


def articles(*pmids: int) -> bytes:
    """A small PubmedArticleSet."""
    inside = "".join(
        f"<PubmedArticle><MedlineCitation Status='MEDLINE'><PMID Version='1'>{pmid}</PMID><Article>"
        f"<Journal><Title>Fictional Journal</Title><JournalIssue><PubDate><Year>2019</Year></PubDate></JournalIssue>"
        f"</Journal>"
        f"<ArticleTitle>FICTIONAL article {pmid}</ArticleTitle></Article></MedlineCitation></PubmedArticle>\n"
        for pmid in pmids
    )
    return f'<?xml version="1.0"?>\n<PubmedArticleSet>\n{inside}</PubmedArticleSet>\n'.encode()


def read(path: Path) -> list[Record | Reject]:
    """Everything that ingest makes of one file."""
    (file,) = ingest.find_inputs([path])
    return list(ingest.read_piece(ingest.Piece(file)))


def summary(outcomes: list[Record | Reject]) -> list[str]:
    """The ids of Records and the reasons of Rejects, in order."""
    return [outcome.id if isinstance(outcome, Record) else outcome.reason for outcome in outcomes]


def zipped(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


ONE, TWO = articles(99000001), articles(99000002, 99000003)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("plain.xml", TWO, ["99000002", "99000003"]),
        ("misnamed.csv", ONE, ["99000001"]),
        ("gzip.gz", gzip.compress(TWO, mtime=0), ["99000002", "99000003"]),
        (
            "two-gzip-streams.gz",
            gzip.compress(TWO[:200], mtime=0) + gzip.compress(TWO[200:], mtime=0),
            ["99000002", "99000003"],
        ),
        ("bzip2.bz2", bz2.compress(ONE), ["99000001"]),
        ("xz.xz", lzma.compress(ONE), ["99000001"]),
        ("zip.zip", zipped({"a/": b"", "a/one.xml": ONE, "two.xml": TWO}), ["99000001", "99000002", "99000003"]),
        ("gzip-in-zip.zip", zipped({"one.xml.gz": gzip.compress(ONE, mtime=0)}), ["99000001"]),
        ("empty.xml", b"", ["empty_file"]),
        ("empty-set.xml", b"<?xml version='1.0'?><PubmedArticleSet></PubmedArticleSet>", ["empty_file"]),
        ("empty.zip", zipped({}), ["empty_file"]),
        ("empty-member.zip", zipped({"none.xml": b"", "one.xml": ONE}), ["empty_file", "99000001"]),
        ("text.txt", b"nothing that a registry ever wrote\n", ["not_a_registry_export"]),
        ("table.csv", b"patient,arm\n1,A\n2,B\n", ["not_a_registry_export"]),
        ("paper.pdf", b"%PDF-1.7\n...", ["format_without_reader"]),
        ("jats.xml", b"<?xml version='1.0'?>\n<article><front/></article>", ["missing_identifier"]),
        ("feed.xml", b"<?xml version='1.0'?><rss version='2.0'></rss>", ["format_without_reader"]),
        ("dump.zip", zipped({"postgres.dmp": b"PGDMP\x01\x0e\x00"}), ["format_without_reader"]),
        (
            "zip-in-zip.zip",
            zipped({"in.zip": zipped({"one.xml": ONE}), "two.xml": TWO}),
            ["99000001", "99000002", "99000003"],
        ),
        ("zip-in-gzip.zip.gz", gzip.compress(zipped({"one.xml": ONE}), mtime=0), ["99000001"]),
        (
            "deep.zip",
            zipped({"3.zip": zipped({"2.zip": zipped({"1.zip": zipped({"one.xml": ONE})})}), "one.xml": ONE}),
            ["nested_archive", "99000001"],
        ),
        (
            "of-macos.zip",
            zipped({"one.xml": ONE, "__MACOSX/._one.xml": b"\0\5\x16\7", ".DS_Store": b"\0\0\0\1Bud1"}),
            ["99000001"],
        ),
        ("alone.xml.lzma", lzma.compress(ONE, format=lzma.FORMAT_ALONE), ["99000001"]),
        ("page.html", b"<!DOCTYPE html>\n<html><body>CTRI/2099/01/000001</body></html>", ["format_without_reader"]),
        ("cut.gz", gzip.compress(ONE, mtime=0)[:5], ["broken_archive"]),
        ("cut.zip", zipped({"one.xml": ONE})[:-30], ["broken_archive"]),
        ("not-gzip.gz", b"\x1f\x8bnot really gzip", ["broken_archive"]),
    ],
)
def test_every_input_ends_as_a_record_or_a_reject(
    tmp_path: Path, name: str, content: bytes, expected: list[str]
) -> None:
    (tmp_path / name).write_bytes(content)
    assert summary(read(tmp_path / name)) == expected


def test_a_truncated_gzip_keeps_its_whole_articles(tmp_path: Path) -> None:
    path = tmp_path / "cut.xml.gz"
    content = gzip.compress(articles(*range(99000000, 99000400)))
    path.write_bytes(content[: len(content) // 2])
    *records, last = read(path)
    assert len(records) > 50
    assert all(isinstance(record, Record) for record in records)
    assert isinstance(last, Reject)
    assert last.reason == "broken_archive"


def test_one_broken_member_does_not_harm_the_others(tmp_path: Path) -> None:
    path = tmp_path / "broken-member.zip"
    content = bytearray(
        zipped({"1.xml": articles(99000001), "2.xml": articles(99000002) * 20, "3.xml": articles(99000003)})
    )
    with zipfile.ZipFile(io.BytesIO(bytes(content))) as archive:
        info = archive.getinfo("2.xml")
    damaged = info.header_offset + 60
    content[damaged : damaged + 10] = b"\x00" * 10
    path.write_bytes(content)
    outcomes = summary(read(path))
    assert outcomes[0] == "99000001"
    assert outcomes[-1] == "99000003"
    assert "broken_archive" in outcomes


def test_a_member_with_a_wrong_checksum_is_one_reject(tmp_path: Path) -> None:
    path = tmp_path / "checksum.zip"
    content = bytearray(zipped({"1.xml": ONE, "2.xml": articles(99000005)}, zipfile.ZIP_STORED))
    at = content.find(b"article 99000001")
    content[at : at + 7] = b"changed"
    path.write_bytes(content)
    assert summary(read(path)) == ["broken_archive", "99000005"]


def test_a_tar_archive_is_read_like_a_folder(tmp_path: Path) -> None:
    path = tmp_path / "set.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in {"a/one.xml": ONE, "two.xml": TWO, "none.txt": b""}.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    outcomes = read(path)
    assert summary(outcomes) == ["99000001", "99000002", "99000003", "empty_file"]
    assert outcomes[0].place.member == "a/one.xml"


def test_a_zip_bomb_is_one_reject_and_its_neighbour_is_read(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("bomb.xml", "w") as member:
            for _ in range(300):
                member.write(b"\0" * 2**20)
        archive.writestr("one.xml", ONE)
    assert summary(read(path)) == ["decompression_bomb", "99000001"]


def test_a_gzip_bomb_stops_early(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    with gzip.open(path, "wb") as file:
        file.write(b"<?xml version='1.0'?><PubmedArticleSet>")
        for _ in range(300):
            file.write(b" " * 2**20)
    assert summary(read(path)) == ["decompression_bomb"]


def test_xml_entities_that_expand_without_bound_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "laughs.xml"
    entities = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 12))
    path.write_text(
        f'<?xml version="1.0"?><!DOCTYPE clinical_study [<!ENTITY l0 "ha">{entities}]>'
        "<clinical_study><id_info><nct_id>NCT99000001</nct_id></id_info><brief_title>&l11;</brief_title></clinical_study>"
    )
    assert summary(read(path)) == ["forbidden_xml_entities"]


@pytest.mark.parametrize(
    "head", [b'{"protocolSection": {"identificationModule": {"nctId": "', b"<PubmedArticleSet><PubmedArticle>"]
)
def test_a_single_line_of_200_megabytes_is_one_reject(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "line"
    with path.open("wb") as file:
        file.write(head)
        for _ in range(200):
            file.write(b"x" * 2**20)
    outcomes = read(path)
    assert len(outcomes) == 1
    assert isinstance(outcomes[0], Reject)


def test_what_is_no_regular_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert summary(read(tmp_path)) == ["file_not_readable"]
    with pytest.raises(UserError, match="neither a file nor a folder"):
        ingest.find_inputs([tmp_path / "pipe"])


def test_names_that_are_no_utf_8_are_read_and_written_out(tmp_path: Path) -> None:
    strange = os.fsdecode(b"M\xfcnchen")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        info = tarfile.TarInfo(f"{strange}.xml")
        info.size = len(ONE)
        archive.addfile(info, io.BytesIO(ONE))
    (tmp_path / strange).mkdir()
    (tmp_path / strange / "plain.xml").write_bytes(TWO)
    (tmp_path / f"{strange}.tar").write_bytes(buffer.getvalue())
    found = ingest.find_inputs([tmp_path])
    units = ingest.plan(found, tmp_path / "staging", keep_contacts=False)
    results = [ingest.read_unit(unit) for unit in units]
    assert sorted(count[1:] for result in results for count in result.counts) == [(1, 0), (2, 0)]
    assert sorted(Path(file.file).name for file in found) == ["M\\xfcnchen.tar", "plain.xml"]
    assert msgspec.json.decode(msgspec.json.encode(found), type=list[InputFile]) == found
    assert not ingest.changed(found)


def test_a_number_that_no_column_can_hold_is_noted_and_harms_nobody(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "arms.xml").write_bytes(
        b"<clinical_study><id_info><nct_id>NCT99000001</nct_id></id_info><brief_title>FICTIONAL</brief_title>"
        b"<number_of_arms>9223372036854775808</number_of_arms></clinical_study>"
    )
    (tmp_path / "in" / "one.xml").write_bytes(ONE)
    (unit,) = ingest.plan(ingest.find_inputs([tmp_path / "in"]), tmp_path / "out", keep_contacts=False)
    assert [count[1:] for count in ingest.read_unit(unit).counts] == [(1, 0), (1, 0)]
    (written,) = (tmp_path / "out" / "records" / "clinicaltrials_gov").iterdir()
    ((arms, notes),) = duckdb.sql(f"SELECT number_of_arms, notes FROM '{written}'").fetchall()
    assert arms is None
    assert [(note["field"], note["raw"]) for note in notes] == [("number_of_arms", "9223372036854775808")]


def test_a_file_that_changed_is_told(tmp_path: Path) -> None:
    for name in ("stays", "touched", "grows", "goes"):
        (tmp_path / name).write_bytes(ONE)
    found = ingest.find_inputs([tmp_path])
    os.utime(tmp_path / "touched", (1, 1))
    (tmp_path / "grows").write_bytes(TWO)
    (tmp_path / "goes").unlink()
    assert sorted(file.file.rsplit("/", 1)[-1] for file in ingest.changed(found)) == ["goes", "grows"]


def test_places_say_where_an_entry_was_read(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    content = zipped({"a.xml": ONE, "b.xml": TWO})
    (tmp_path / "in" / "set.zip").write_bytes(content)
    (file,) = ingest.find_inputs([tmp_path / "in"])
    last = list(ingest.read_piece(ingest.Piece(file)))[-1]
    assert (last.place.file, last.place.member, last.place.ordinal) == ("in/set.zip", "b.xml", 2)
    offset = last.place.offset
    assert offset is not None
    assert TWO[offset:].startswith(b"<PubmedArticle>")


def test_the_same_bytes_twice_are_two_sets_of_records(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(ONE)
    (tmp_path / "b.xml").write_bytes(ONE)
    files = ingest.find_inputs([tmp_path])
    units = ingest.plan(files, tmp_path, False)
    keys = [
        outcome.record_id
        for unit in units
        for piece in unit.pieces
        for outcome in ingest.read_piece(piece)
        if isinstance(outcome, Record)
    ]
    assert len(set(keys)) == len(keys) == 2


@pytest.mark.parametrize(("title", "expected"), [(b"FICTIONAL article", True), (b"Some article", False)])
def test_a_record_is_fictional_if_its_id_and_its_text_say_so(tmp_path: Path, title: bytes, expected: bool) -> None:
    (tmp_path / "a.xml").write_bytes(ONE.replace(b"FICTIONAL article", title))
    (record,) = read(tmp_path / "a.xml")
    assert isinstance(record, Record)
    ingest.record_line(record, keep_contacts=False)
    assert record.is_fictional is expected


def test_a_missing_input_is_named() -> None:
    with pytest.raises(UserError, match="nowhere"):
        ingest.find_inputs([Path("nowhere")])


def test_large_archives_are_divided_and_nothing_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "UNIT_BYTES", 4_000)
    path = tmp_path / "many.zip"
    path.write_bytes(zipped({f"{i}.xml": articles(99000000 + i) for i in range(60)}))
    units = ingest.plan(ingest.find_inputs([path]), tmp_path, False)
    assert len(units) >= 3
    ids = [o.id for unit in units for piece in unit.pieces for o in ingest.read_piece(piece) if isinstance(o, Record)]
    assert sorted(ids) == [str(99000000 + i) for i in range(60)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Write to a.b-c@example.org now", "Write to [e-mail removed] now"),
        ("someone (at) example.com", "[e-mail removed]"),
        ("Tel: +44 20 7946 0123.", "Tel: [telephone removed]."),
        ("phone 202-555-0147 or fax (202) 555-0148", "phone [telephone removed] or fax [telephone removed]"),
        ("call 020 7946 0123", "call [telephone removed]"),
        ("1-800-555-0199", "[telephone removed]"),
        ("+86 138 0000 0000", "[telephone removed]"),
        ("+33.1.99.00.12.34 or +1 (202) 555.0147", "[telephone removed] or [telephone removed]"),
        ("+0044 20 7946 0123", "[telephone removed]"),
        ("ph 4.18 5550147", "ph [telephone removed]"),
    ],
)
def test_contacts_are_taken_out_of_texts(text: str, expected: str) -> None:
    assert ingest.without_contacts(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "NCT99000001, 2099-012345-21, ISRCTN99000001, U1111-1222-3333, CTRI/2099/01/012345",
        "doses of 100-200-400 mg in 2019-2020 (2019-05-31)",
        "contact within 24-48 hours; call 2019-2020; a cell count of 1500000",
        "CD4+ 200-350 cells, HbA1c 7.5-10.5 %, ratio 1:1:1, 10.1000/j.cct.2019.01.001",
        "telephone interview at 12, 24 and 52 weeks",
        "change +0.12 0.34 0.53, then +2.5 (20.9) - 3.2 (10.5) 0.38 and + 148.2 (58.0) -159.3 (146.7)",
        "+ 45 (26) 38 (24) of 90; +51 (1.4)12 (0.3); + 0/30 14 28 - 0/30; + 18.2 16.8 17.3 15.0; + 0.0003668",
        "a pH 4.18-5.87 of waters",
    ],
)
def test_what_is_no_contact_stays(text: str) -> None:
    assert ingest.without_contacts(text) == text


@pytest.mark.parametrize("unit", ["'", "a'", "a.", "1 ", "1-", "(1", "+1 ", "tel ", "call 1 "])
def test_no_long_text_hangs_the_scrubbing(unit: str) -> None:
    begun = time.process_time()
    ingest.without_contacts(unit * 50_000 + " @ ")
    assert time.process_time() - begun < 10  # a quadratic pattern takes minutes


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.text(max_size=80))
def test_taking_out_contacts_twice_changes_nothing_more(text: str) -> None:
    once = ingest.without_contacts(text)
    assert ingest.without_contacts(once) == once


@settings(derandomize=True, max_examples=150, deadline=None)
@given(
    at=st.integers(0, 2_000),
    remove=st.integers(0, 400),
    insert=st.binary(max_size=60),
    shape=st.sampled_from(["plain", "gzip", "zip", "tar"]),
)
def test_damaged_files_give_only_records_and_rejects(
    tmp_path_factory: pytest.TempPathFactory, at: int, remove: int, insert: bytes, shape: str
) -> None:
    content = articles(*range(99000000, 99000008))
    if shape == "gzip":
        content = gzip.compress(content, mtime=0)
    elif shape == "zip":
        content = zipped({"a.xml": content, "b.xml": ONE})
    elif shape == "tar":
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            info = tarfile.TarInfo("a.xml")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        content = buffer.getvalue()
    damaged = content[:at] + insert + content[at + remove :]
    path = tmp_path_factory.mktemp("damaged") / "file"
    path.write_bytes(damaged)
    kinds = Counter(type(outcome).__name__ for outcome in read(path))
    assert set(kinds) <= {"Record", "Reject"}
    assert sum(kinds.values()) >= 1


# --- collections: studies that are spread over many members

TABLES = {path.name: path.read_bytes() for path in (FIXTURES / "aact" / "current").iterdir()}
STUDIES_AND_REJECTS = ["NCT99000101", "NCT99000102", "malformed_row", "malformed_row", "study_fragment"]


def written(path: Path, members: dict[str, bytes]) -> Path:
    path.write_bytes(zipped(members))
    return path


def test_tables_in_a_zip_are_read_as_studies(tmp_path: Path) -> None:
    outcomes = read(written(tmp_path / "aact.zip", TABLES))
    assert sorted(summary(outcomes)) == STUDIES_AND_REJECTS
    for outcome in outcomes:
        assert (outcome.source, outcome.place.format, outcome.place.file) == ("aact", "flat-files", "aact.zip")
        assert outcome.place.member in TABLES
        if isinstance(outcome, Record):
            assert outcome.place.member == "studies.txt"
            assert outcome.licence.startswith("Public domain")
    keys = [outcome.record_id for outcome in outcomes if isinstance(outcome, Record)]
    assert len(set(keys)) == 2


def test_other_members_of_such_a_zip_are_inputs_of_their_own(tmp_path: Path) -> None:
    members = {"schema.pdf": b"%PDF-1.7\n...", "in/studies.txt": b"", "one.xml": ONE, "empty.txt": b""}
    outcomes = read(written(tmp_path / "more.zip", members | TABLES))
    others = {o.place.member: s for o, s in zip(outcomes, summary(outcomes), strict=True) if o.source != "aact"}
    assert others == {
        "schema.pdf": "format_without_reader",
        "in/studies.txt": "empty_file",
        "one.xml": "99000001",
        "empty.txt": "empty_file",
    }
    assert sorted(summary([o for o in outcomes if o.place.member in TABLES])) == STUDIES_AND_REJECTS


def test_an_unpacked_folder_is_one_input_and_reads_as_its_zip(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "20260912"
    folder.mkdir(parents=True)
    for name, content in TABLES.items():
        (folder / name).write_bytes(content)
    (folder / "notes.pdf").write_bytes(b"%PDF-1.7\n...")
    (tmp_path / "data" / "one.xml").write_bytes(ONE)
    found = ingest.find_inputs([tmp_path / "data"])
    assert {file.file: file.bytes for file in found} == {
        "data/20260912": sum(map(len, TABLES.values())),
        "data/20260912/notes.pdf": 12,
        "data/one.xml": len(ONE),
    }
    one = next(file for file in found if file.file == "data/20260912")
    (given,) = ingest.find_inputs(sorted(folder.glob("*.txt")))
    assert (given.file, given.sha256) == ("20260912", one.sha256)
    some = ingest.find_inputs([folder / "studies.txt", folder / "conditions.txt"])  # not all of it: two single tables
    assert [file.file for file in some] == ["studies.txt", "conditions.txt"]
    unpacked = list(ingest.read_piece(ingest.Piece(one)))
    of_zip = read(written(tmp_path / "aact.zip", TABLES))
    assert summary(unpacked) == summary(of_zip)
    assert [o.place.member for o in unpacked] == [o.place.member for o in of_zip]
    (folder / "keywords.txt").write_bytes(TABLES["keywords.txt"] + b"9|NCT99000101|more|more\n")
    assert one.sha256 not in {file.sha256 for file in ingest.find_inputs([folder])}


@pytest.mark.parametrize(
    ("damage", "reason"),
    [("checksum", "broken_archive"), ("encrypted", "encrypted_archive"), ("bomb", "decompression_bomb")],
)
def test_a_damaged_table_is_a_reject_and_the_studies_say_so(tmp_path: Path, damage: str, reason: str) -> None:
    tables = dict(TABLES)
    if damage == "bomb":
        tables["keywords.txt"] += b"1|NCT99000101|" + b" " * (70 * 2**20) + b"\n"
    content = bytearray(zipped(tables))
    at = content.index(b"keywords.txt")
    local = content.rindex(b"PK\x03\x04", 0, at)
    central = content.rindex(b"PK\x01\x02", 0, content.rindex(b"keywords.txt"))
    if damage == "checksum":
        content[central + 16] ^= 1
    elif damage == "encrypted":
        content[local + 6] |= 1
        content[central + 8] |= 1
    path = tmp_path / "aact.zip"
    path.write_bytes(content)
    outcomes = read(path)
    (broken,) = (o for o in outcomes if isinstance(o, Reject) and o.place.member == "keywords.txt")
    assert broken.reason == reason
    records = [o for o in outcomes if isinstance(o, Record)]
    assert len(records) == 2
    for record in records:
        assert [note.raw for note in record.notes if note.field == "keywords"] == ["keywords"]
    assert sorted(summary([o for o in outcomes if o is not broken])) == STUDIES_AND_REJECTS


def test_tables_without_the_table_of_studies_say_what_is_missing(tmp_path: Path) -> None:
    members = {name: content for name, content in TABLES.items() if name != "studies.txt"}
    outcomes = read(written(tmp_path / "aact.zip", members))
    assert {outcome.reason for outcome in outcomes if isinstance(outcome, Reject)} == {"study_fragment"}
    assert len(outcomes) == len(members)
    assert all("studies.txt" in outcome.detail for outcome in outcomes if isinstance(outcome, Reject))


def test_a_large_collection_is_divided_by_study_under_names_that_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "aact.zip", TABLES | {"schema.pdf": b"%PDF-1.7\n..."})
    whole = {o.record_id: o.content_sha256 for o in read(path) if isinstance(o, Record)}
    monkeypatch.setattr(ingest, "PART_BYTES", 2_000)
    monkeypatch.setattr(ingest, "UNIT_BYTES", 500)
    units = ingest.plan(ingest.find_inputs([path]), tmp_path, False)
    assert 3 <= len(units) <= ingest.MOST_PARTS
    assert [unit.name for unit in units] == [u.name for u in ingest.plan(ingest.find_inputs([path]), tmp_path, False)]
    assert len({unit.name for unit in units}) == len(units)
    outcomes = [outcome for unit in units for piece in unit.pieces for outcome in ingest.read_piece(piece)]
    assert {o.record_id: o.content_sha256 for o in outcomes if isinstance(o, Record)} == whole
    assert sorted(summary(outcomes)) == sorted([*STUDIES_AND_REJECTS, "format_without_reader"])


def test_a_warehouse_of_tables_counts_every_input(tmp_path: Path) -> None:
    folder = tmp_path / "tables"
    folder.mkdir()
    for name, content in TABLES.items():
        (folder / name).write_bytes(content)
    written(tmp_path / "aact.zip", TABLES)
    manifest = build([folder, tmp_path / "aact.zip"], tmp_path / "warehouse", workers=1)
    assert [(file.records, file.rejects) for file in manifest.files] == [(2, 3), (2, 3)]
    again = build([folder, tmp_path / "aact.zip"], tmp_path / "warehouse", workers=1)
    assert again.snapshot == manifest.snapshot


def test_folders_behind_links_are_read_once_and_files_of_the_system_are_no_inputs(tmp_path: Path) -> None:
    elsewhere, given = tmp_path / "elsewhere", tmp_path / "given of ünïcode"
    elsewhere.mkdir()
    (given / "empty").mkdir(parents=True)
    (elsewhere / "one").write_bytes(ONE)
    (given / "linked").symlink_to(elsewhere)
    (given / "again").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(given)
    (given / "two.xml").symlink_to(given / "nowhere.xml")
    for name in (".DS_Store", "._one", "Thumbs.db", "desktop.ini"):
        (given / name).write_bytes(b"\0\0")
    found = ingest.find_inputs([given])
    assert sorted(Path(file.path).name for file in found) == ["nowhere.xml", "one"]
    outcomes = [outcome for file in found for outcome in ingest.read_piece(ingest.Piece(file))]
    assert sorted(summary(outcomes)) == ["99000001", "file_not_readable"]


def test_a_folder_that_cannot_be_opened_is_a_reject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    scan, access = os.scandir, os.access

    def scan_others(path: str) -> Any:
        if str(path) == str(closed):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", scan_others)
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != closed and access(path, mode))
    (found,) = ingest.find_inputs([tmp_path])
    (outcome,) = ingest.read_piece(ingest.Piece(found))
    assert isinstance(outcome, Reject)
    assert (outcome.reason, outcome.detail) == ("file_not_readable", "the folder cannot be opened")
