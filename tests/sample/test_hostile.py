"""The folder of broken inputs is broken in the ways that truth says."""

from __future__ import annotations

import csv
import gzip
import io
import json
import xml.etree.ElementTree as ET
import zipfile
import zlib
from pathlib import Path

import pytest

from tests.sample.conftest import Written


@pytest.fixture(scope="module")
def folder(messy: Written) -> Path:
    return messy.directory / "hostile"


def test_every_file_is_listed_with_a_reject(messy: Written, folder: Path) -> None:
    listed = {item["file"]: item for item in messy.truth["inputs"] if item["file"].startswith("hostile/")}
    assert {f"hostile/{path.name}" for path in folder.iterdir()} == set(listed)
    assert all(1 <= item["rejects"] <= item["inputs"] for item in listed.values())
    assert len(listed) >= 16


def test_nothing_is_large_on_disk(folder: Path) -> None:
    assert max(path.stat().st_size for path in folder.iterdir()) < 2_000_000


def test_truncated_gzip_gives_three_studies_and_then_fails(folder: Path) -> None:
    content = (folder / "truncated.ndjson.gz").read_bytes()
    lines = zlib.decompressobj(31).decompress(content).split(b"\n")
    assert [json.loads(line)["protocolSection"]["identificationModule"]["nctId"] for line in lines[:3]]
    assert len(lines) == 4
    with pytest.raises(json.JSONDecodeError):
        json.loads(lines[3])
    with pytest.raises(EOFError):
        gzip.decompress(content)


def test_only_the_second_member_is_broken(folder: Path) -> None:
    with zipfile.ZipFile(folder / "broken_member.zip") as archive:
        first, second, third = archive.namelist()
        json.loads(archive.read(first))
        json.loads(archive.read(third))
        with pytest.raises((zipfile.BadZipFile, zlib.error)):
            archive.read(second)


def test_the_password_is_asked_for(folder: Path) -> None:
    with zipfile.ZipFile(folder / "encrypted_member.zip") as archive, pytest.raises(RuntimeError, match="encrypted"):
        archive.read("study.json")


def test_the_bomb_would_expand_a_thousandfold(folder: Path) -> None:
    with zipfile.ZipFile(folder / "bomb.zip") as archive:
        member = archive.infolist()[0]
    assert member.file_size > 96 * 2**20
    assert member.file_size / member.compress_size > 500


def test_one_row_of_three_is_wrong(folder: Path) -> None:
    rows = list(csv.reader(io.StringIO((folder / "too_many_cells.csv").read_text())))
    assert [len(row) for row in rows] == [40, 40, 42, 40]
    lines = (folder / "invalid_utf8.csv").read_bytes().splitlines()
    for at, line in enumerate(lines):
        if at == 2:
            with pytest.raises(UnicodeDecodeError):
                line.decode()
        else:
            line.decode()


def test_markup_is_broken_or_not_a_study(folder: Path) -> None:
    with pytest.raises(ET.ParseError):
        ET.parse(folder / "cut.xml")
    assert b"<!ENTITY lol9" in (folder / "billion_laughs.xml").read_bytes()
    assert ET.parse(folder / "feed.xml").getroot().tag == "rss"
    with pytest.raises(json.JSONDecodeError):
        json.loads((folder / "bad_json.json").read_bytes())
    study = json.loads((folder / "no_identifier.json").read_bytes())
    assert "nctId" not in study["protocolSection"]["identificationModule"]
    assert (folder / "empty.json").stat().st_size == 0


def test_the_tables_are_broken_in_three_ways(folder: Path) -> None:
    with zipfile.ZipFile(folder / "broken_tables.zip") as archive:
        studies = list(csv.reader(io.StringIO(archive.read("studies.txt").decode()), delimiter="|"))
        assert [len(row) == len(studies[0]) for row in studies[1:]] == [True, True, False]
        known = {row[0] for row in studies[1:]}
        conditions = archive.read("conditions.txt").decode().splitlines()[1:]
        assert [row.split("|")[1] in known for row in conditions] == [True, True, False]
        with pytest.raises(zipfile.BadZipFile, match="CRC"):
            archive.read("keywords.txt")
