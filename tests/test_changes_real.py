"""The real exports of 2020: no version gets lost, and what changed is what another reader of spreadsheets finds."""

from __future__ import annotations

import csv
import gzip
import html
import re
from pathlib import Path

import openpyxl
import pytest

from tests.conftest import unlinked
from trialpanorama.build import build
from trialpanorama.changes import changes
from trialpanorama.warehouse import Warehouse

pytestmark = pytest.mark.slow

REAL = (
    "ICTRP-Results_18Mar2020.xml.gz",
    "COVID19-927-trials_7Apr2020.csv.gz",
    "COVID19-927-trials_7Apr2020.xlsx",
    "COVID19-1528-trials_22Apr2020.xlsx",
    "ICTRP_29apr.xlsx",
    "COVID19-12May2020.xlsx",
    "COVID19-2june2020.xlsx",
    "COVID19-web_19Jun.xlsx",
)


@unlinked()
def test_real_exports_built_one_after_another_lose_no_version(shared_data: Path, tmp_path: Path) -> None:
    _built_one_after_another(REAL[:3], shared_data, tmp_path)


@pytest.mark.verify
def test_real_exports_of_months_lose_no_version(shared_data: Path, tmp_path: Path) -> None:
    _built_one_after_another(REAL, shared_data, tmp_path)


def _built_one_after_another(names: tuple[str, ...], shared_data: Path, tmp_path: Path) -> None:
    files = [shared_data / "registries" / "ictrp" / name for name in names]
    have: set[tuple[str, str]] = set()
    total = 0
    for number, file in enumerate(files, 1):
        manifest = build([file], tmp_path / "W")
        said = Warehouse.open(tmp_path / "W").query("SELECT record_id, content_sha256 FROM records")
        now = set(zip(said["record_id"].to_pylist(), said["content_sha256"].to_pylist(), strict=True))
        assert have <= now
        total += manifest.files[-1].records
        assert len(now) == manifest.records == total
        assert len(manifest.files) == number
        have = now
    at_once = build(files[::-1], tmp_path / "V")
    assert at_once.snapshot == manifest.snapshot
    # the newest export wins in `studies`
    newest = Warehouse.open(tmp_path / "W").query(
        """SELECT s.study_id, r.exported_date.date AS taken, max(o.exported_date.date) AS newest
           FROM studies s JOIN trial_records t USING (study_id) JOIN records r ON r.record_id = s.record_ids[1]
               JOIN records o ON o.record_id = t.record_id AND o.id = r.id
           GROUP BY ALL HAVING taken <> newest"""
    )
    assert newest.num_rows == 0, newest.to_pylist()[:5]


def _sheet(path: Path) -> dict[str, dict[str, str]]:
    """The rows of a spreadsheet by TrialID."""
    rows = openpyxl.load_workbook(path, read_only=True).worksheets[0].iter_rows(values_only=True)
    header = [str(cell or "").strip() for cell in next(rows)]
    cells = (dict(zip(header, ("" if cell is None else str(cell) for cell in one), strict=True)) for one in rows)
    return {one["TrialID"].strip().removeprefix("EUCTR"): one for one in cells if one["TrialID"]}


def _bare(text: str) -> str:
    """A text without markup, case and white space."""
    plain = html.unescape(html.unescape(re.sub(r"<[^<>]*>", "", text)))
    return "".join(plain.lower().split())


@unlinked()
def test_real_changes_are_those_of_two_spreadsheets(shared_data: Path, tmp_path: Path) -> None:
    files = [shared_data / "registries" / "ictrp" / name for name in ("ICTRP_29apr.xlsx", "COVID19-12May2020.xlsx")]
    old, new = map(_sheet, files)
    both = old.keys() & new.keys()

    def differing(*columns: str) -> set[str]:
        return {
            id
            for id in both
            if _bare("".join(old[id][c] for c in columns)) != _bare("".join(new[id][c] for c in columns))
        }

    build(files, tmp_path / "W")
    found = changes(Warehouse.open(tmp_path / "W"), "2020-05-12", limit=None, everything=True)
    ours: dict[str, set[str]] = {}
    for trial in found.trials:
        for step in trial.steps:
            for change in step.changes:
                ours.setdefault(change.field, set()).add(step.id)
    for field, columns in {
        "status": ["Recruitment Status"],
        "enrollment_target": ["Target size"],
        "eligibility": ["Inclusion Criteria", "Exclusion Criteria"],
        "public_title": ["Public title"],
        "scientific_title": ["Scientific title"],
        "acronym": ["Acronym"],
        "start_date": ["Date enrollement"],
        "sponsors": ["Primary sponsor"],
        "study_type": ["Study type"],
        "phases": ["Phase"],
        "minimum_age": ["Inclusion agemin"],
        "maximum_age": ["Inclusion agemax"],
    }.items():
        assert ours.get(field, set()) == differing(*columns), field
    new_ones = ours["trial"] | ours["first_seen"] | ours["registration"]
    assert new_ones == new.keys() - old.keys()
    # lists: a change of order is none, and registers in whose words the members cannot be told apart say a little more
    for field, column in (
        ("primary_outcomes", "Primary outcome"),
        ("countries", "Countries"),
        ("conditions", "Condition"),
        ("interventions", "Intervention"),
    ):
        members = {
            id for id in both if {*map(_bare, old[id][column].split(";"))} != {*map(_bare, new[id][column].split(";"))}
        }
        assert ours[field] <= differing(column), field
        assert len(ours[field] ^ members) <= 8, (field, ours[field] ^ members)


@unlinked()
def test_real_csv_and_spreadsheet_of_one_day_are_one_version(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "registries" / "ictrp"
    found = {}
    for name in ("COVID19-927-trials_7Apr2020.csv.gz", "COVID19-927-trials_7Apr2020.xlsx"):
        built = tmp_path / name
        build([folder / name, folder / "COVID19-1528-trials_22Apr2020.xlsx"], built)
        found[name] = changes(Warehouse.open(built), "2020-04-22", limit=None, everything=True).by_field
    from_csv, from_sheet = found.values()
    assert from_csv == from_sheet, "no spreadsheet's own doing shows as a change"
    with gzip.open(folder / REAL[1], "rt", encoding="utf-8-sig", newline="") as file:
        assert sum(1 for _ in csv.DictReader(file)) == 927
    build([folder / REAL[1], folder / REAL[2]], tmp_path / "both")
    both = changes(Warehouse.open(tmp_path / "both"), "2020", everything=True)
    assert (both.versioned, both.total) == (0, 0)
