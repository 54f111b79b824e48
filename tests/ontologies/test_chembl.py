"""How ChEMBL is read: native releases with made-up entries."""

from __future__ import annotations

import csv
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from tests.ontologies.releases import FIXTURES, copy, get, names, read
from trialpanorama.errors import UserError
from trialpanorama.ontologies import install


def _database(path: Path) -> Path:
    """The tables of the fixture as the release has them: in one SQLite database."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("create table version (name varchar(50), creation_date timestamp, comments varchar(2000))")
        database.execute("insert into version values ('ChEMBL_99', '2031-05-06 00:00:00', 'made up')")
        for table in ("molecule_dictionary", "molecule_synonyms", "molecule_hierarchy"):
            with (FIXTURES / "chembl" / f"{table}.tsv").open(encoding="utf-8", newline="") as file:
                header, *rows = csv.reader(file, delimiter="\t")
            database.execute(f"create table {table} ({', '.join(header)})")
            marks = ", ".join("?" * len(header))
            database.executemany(
                f"insert into {table} values ({marks})", [[cell or None for cell in row] for row in rows]
            )
        database.commit()
    return path


def test_molecules_with_a_name(tmp_path: Path) -> None:
    molecules = read("chembl", tmp_path)
    assert [concept.id for concept in molecules.all("drug")] == [
        "CHEMBL.COMPOUND:CHEMBL990001",
        "CHEMBL.COMPOUND:CHEMBL990002",
        "CHEMBL.COMPOUND:CHEMBL990004",
    ]
    assert names(molecules, "CHEMBL.COMPOUND:CHEMBL990001") == {
        "ZELVOTINIB": "preferred",
        "Zelvora": "brand",
        "ZLV-20417": "code",
        "Zelvotinib": "exact",
    }
    salt, code = get(molecules, "CHEMBL.COMPOUND:CHEMBL990002"), get(molecules, "CHEMBL.COMPOUND:CHEMBL990004")
    assert salt.attributes == {
        "max_phase": "4",
        "first_approval": "2031",
        "molecule_type": "Small molecule",
        "salt_of": "CHEMBL.COMPOUND:CHEMBL990001",
    }
    assert salt.parents == ["CHEMBL.COMPOUND:CHEMBL990001"]
    assert code.name == "MRS-1"


def test_the_database_says_the_same_as_its_tables(tmp_path: Path) -> None:
    path = _database(tmp_path / "chembl_99.db")
    tables, database = read("chembl", tmp_path / "a"), read("chembl", tmp_path / "b", path)
    assert list(tables.all()) == list(database.all())
    assert (database.versions["chembl"].version, database.versions["chembl"].date) == ("99", "2031-05-06")


def test_reading_does_not_touch_the_database(tmp_path: Path) -> None:
    path = _database(tmp_path / "chembl_99.db")
    before = path.read_bytes()
    path.chmod(0o444)
    install([path], tmp_path / "store")
    assert path.read_bytes() == before
    assert sorted(found.name for found in tmp_path.iterdir()) == ["chembl_99.db", "store"]


def test_a_database_that_is_cut_short_or_another_one(tmp_path: Path) -> None:
    cut = _database(tmp_path / "chembl_99.db")
    cut.write_bytes(cut.read_bytes()[:-512])
    with pytest.raises(UserError, match="cut short"):
        install([cut], tmp_path / "store")
    other = tmp_path / "chembl_of_mine.db"
    with closing(sqlite3.connect(other)) as database:
        database.execute("create table version (name, creation_date)")
        database.commit()
    with pytest.raises(UserError, match="no database of ChEMBL that is known here"):
        install([other], tmp_path / "store")


def test_the_packed_database_has_to_be_unpacked(tmp_path: Path) -> None:
    inner = _database(tmp_path / "chembl_99.db")
    packed = tmp_path / "chembl_99_sqlite.tar.gz"
    with tarfile.open(packed, "w:gz") as archive:
        archive.add(inner, "chembl_99/chembl_99_sqlite/chembl_99.db")
    with pytest.raises(UserError, match="Unpack it"):
        install([packed], tmp_path / "store")


def test_tables_separated_by_commas(tmp_path: Path) -> None:
    folder = copy("chembl", tmp_path / "commas")
    for path in folder.glob("*.tsv"):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file, delimiter="\t"))
        path.unlink()
        with path.with_suffix(".csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
    assert list(read("chembl", tmp_path / "a").all()) == list(read("chembl", tmp_path / "b", folder).all())
