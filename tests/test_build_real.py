"""The real registry files: every input is counted by another parser, and nothing of a contact is left.

Looks at the warehouse that $TRIALPANORAMA_REAL_WAREHOUSE names, as continuous integration has just built one of
them, else builds one of its own.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import re
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import openpyxl
import pytest

from trialpanorama.build import build
from trialpanorama.warehouse import Manifest, Warehouse

FOLDERS = ("registries", "pubmed")
"""What the reviews hold is counted where their formats are tested."""
pytestmark = pytest.mark.verify


def count_inputs(content: bytes) -> int:
    """Studies, rows and articles of a file; anything else is one input. Uses nothing of the project."""
    if content[:2] == b"\x1f\x8b":
        return count_inputs(gzip.decompress(content))
    if content[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if "xl/workbook.xml" in archive.namelist():
                sheet = openpyxl.load_workbook(io.BytesIO(content), read_only=True).worksheets[0]
                rows = [row for row in sheet.iter_rows(values_only=True) if any(cell not in (None, "") for cell in row)]
                return len(rows) - 1
            return sum(count_inputs(archive.read(info)) for info in archive.infolist() if not info.is_dir())
    text = content.decode("utf-8-sig", "replace")
    if text.lstrip().startswith(("{", "[")):
        lines = text.splitlines()
        if len(lines) > 1 and all(line.startswith("{") and line.endswith("}") for line in lines):
            return len(lines)
        return _count_json(json.loads(text))
    if text.lstrip().startswith("<"):
        root = ElementTree.fromstring(content.lstrip())
        tags = {"PubmedArticleSet": ("PubmedArticle", "PubmedBookArticle"), "Trials_downloaded_from_ICTRP": ("Trial",)}
        return sum(child.tag in tags[root.tag] for child in root) if root.tag in tags else 1
    if re.search(r"^EudraCT Number:", text, re.MULTILINE):
        return len(re.findall(r"^Summary\s*$", text, re.MULTILINE))
    if re.search(r"^PMID- ", text, re.MULTILINE):
        return len(re.findall(r"^PMID- ", text, re.MULTILINE))
    rows = list(csv.reader(io.StringIO(text, newline="")))
    header = {cell.strip() for cell in rows[0]} if rows else set()
    if "NCT Number" in header or ("TrialID" in header and header & {"Recruitment_status", "Recruitment Status"}):
        return sum(bool(row) for row in rows) - 1
    return 1


def _count_json(value: Any) -> int:
    if isinstance(value, list):
        of_a_study = {"protocolSection", "ctNumber", "isrctn", "eudractNumber", "a2_eudract_number"}
        studies = [item for item in value if isinstance(item, dict) and not of_a_study.isdisjoint(item)]
        return len(studies) if len(studies) == len(value) and studies else 1
    if "FullStudiesResponse" in value:
        return len(value["FullStudiesResponse"].get("FullStudies", [])) or 1
    return len(value["studies"]) if "studies" in value else 1


@pytest.fixture(scope="module")
def built(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    """The warehouse of the real files."""
    if made := os.environ.get("TRIALPANORAMA_REAL_WAREHOUSE"):
        return Path(made), Warehouse.open(made).manifest
    folder = tmp_path_factory.mktemp("real") / "W"
    return folder, build([shared_data / name for name in FOLDERS], folder)


def test_real_records_and_rejects_are_all_inputs(shared_data: Path, built: tuple[Path, Manifest]) -> None:
    _, manifest = built
    counted = {
        path.relative_to(shared_data).as_posix(): count_inputs(path.read_bytes())
        for name in FOLDERS
        for path in sorted((shared_data / name).rglob("*"))
        if path.is_file()
    }
    built_from = {file.file: file.inputs for file in manifest.files}
    assert {name: built_from.get(name) for name in counted} == counted
    assert manifest.inputs == manifest.records + manifest.rejects == sum(built_from.values())


def test_real_rejects_are_no_well_formed_studies(built: tuple[Path, Manifest]) -> None:
    _, manifest = built
    assert set(manifest.rejects_by_reason) <= {
        "empty_file",
        "not_a_registry_export",
        "format_without_reader",
        "study_fragment",
    }


_EMAIL = r"[A-Za-z0-9._%+-]+ ?@ ?[A-Za-z0-9-]+[.][A-Za-z]{2,}"
_PHONE = (
    r"[+][0-9]{1,3}[ ().-]?[0-9](?:[ ().-]?[0-9]){7,12}|[(][0-9]{3}[)] ?[0-9]{3}[-. ][0-9]{4}"
    r"|\b(?i:tel|phone|fax)[a-z]*[.:]? ?[+(]?[0-9](?:[ ().-]?[0-9]){6,}"
)


def test_real_tables_hold_no_contacts(built: tuple[Path, Manifest]) -> None:
    folder, _ = built
    warehouse = Warehouse.open(folder)
    connection = warehouse.connect()
    for table in warehouse.table_names():
        for pattern in (_EMAIL, _PHONE):
            # the texts of reviews have the cells of tables joined to rows of digits that look like telephone numbers
            rows = "WHERE source <> 'reviews'" if (table, pattern) == ("records", _PHONE) else ""
            found = connection.execute(
                f"""SELECT regexp_extract(text, ?) FROM (SELECT to_json(t)::VARCHAR AS text FROM "{table}" t {rows})
                    WHERE regexp_matches(text, ?) LIMIT 5""",
                [pattern, pattern],
            ).fetchall()
            assert not found, f"{table}: {found}"
