"""Tables on disk: schemas rendered from structs, bounded queries, exports, and one step from old to new."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import typing
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pyarrow as pa
import pytest

from trialpanorama import warehouse
from trialpanorama.build import build
from trialpanorama.errors import UnknownName, UserError
from trialpanorama.record import Record
from trialpanorama.warehouse import Warehouse, arrow_schema, fields, records_table

from .test_ingest import articles


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A warehouse of a few fictional articles."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "in").mkdir()
    (folder / "in" / "set.xml").write_bytes(articles(99000001, 99000002, 99000003))
    (folder / "in" / "note.txt").write_text("not a registry export")
    build([folder / "in"], folder / "W", workers=1)
    return Warehouse.open(folder / "W")


def test_every_field_of_a_record_says_what_it_means() -> None:
    for struct in [Record, *_all_parts()]:
        for field in fields(struct):
            assert field.meaning, f"{struct.__name__}.{field.name} has no meaning"
    assert len(_all_parts()) > 30


def _all_parts() -> list[Any]:
    """Every struct that a Record is made of."""
    waiting: list[Any] = [Record]
    seen: list[Any] = []
    while waiting:
        for field in fields(waiting.pop()):
            new = [struct for struct in _structs(field.annotation) if struct not in seen]
            seen += new
            waiting += new
    return seen


def _structs(annotation: Any) -> list[Any]:
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return [annotation]
    return [struct for argument in typing.get_args(annotation) for struct in _structs(argument)]


def test_a_record_survives_the_way_to_parquet_and_back() -> None:
    record = Record(id="NCT99000001", source="x", phases=["PHASE1", "PHASE2"], minimum_age_years=0.5, has_dmc=False)
    table = records_table([record, Record(id="NCT99000002")])
    assert table.schema.equals(arrow_schema(Record))
    row = table.to_pylist()[0]
    assert (row["id"], row["phases"], row["minimum_age_years"], row["has_dmc"]) == (
        "NCT99000001",
        ["PHASE1", "PHASE2"],
        0.5,
        False,
    )
    assert table.to_pylist()[1]["has_dmc"] is None
    assert table.schema.field("id").metadata[b"comment"].startswith(b"The Record's own identifier")


def test_no_default_becomes_unknown_on_the_way_to_parquet() -> None:
    """A field that is left at its default has the default in the table too, not null."""
    lost = []
    for struct in [Record, *_all_parts()]:
        required = {field.name for field in msgspec.structs.fields(struct) if field.required}
        value = struct(**dict.fromkeys(required, "x"))
        row = warehouse.lines_table(struct, msgspec.json.encode(value) + b"\n").to_pylist()[0]
        for name in row:
            default = getattr(value, name)
            if default not in (None, "", []) and not isinstance(default, msgspec.Struct) and row[name] != default:
                lost.append(f"{struct.__name__}.{name}")
    assert lost == []


def test_the_manifest_counts_every_input(small: Warehouse) -> None:
    manifest = small.manifest
    assert (manifest.inputs, manifest.records, manifest.rejects) == (4, 3, 1)
    assert manifest.is_fictional
    assert {file.file: (file.records, file.rejects) for file in manifest.files} == {
        "in/set.xml": (3, 0),
        "in/note.txt": (0, 1),
    }


def test_no_warehouse_says_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(warehouse.ENVIRONMENT_VARIABLE, str(tmp_path / "none"))
    with pytest.raises(UserError, match="trialpanorama build INPUT"):
        Warehouse.open()


@pytest.mark.parametrize("part", ["tables/studies.parquet", "warehouse.duckdb", "records"])
def test_a_damaged_warehouse_says_what_it_lacks(small: Warehouse, tmp_path: Path, part: str) -> None:
    shutil.copytree(small.path, tmp_path / "W")
    (tmp_path / "W" / part).rename(tmp_path / "taken away")
    with pytest.raises(UserError, match=f"it has no {part}.*--replace"):
        Warehouse.open(tmp_path / "W")


def test_any_name_of_a_folder_will_do_but_one_with_a_comma(small: Warehouse, tmp_path: Path) -> None:
    place = tmp_path / """Ümläut's [x] *? "q" {a} %20 W"""
    shutil.copytree(small.path, place)
    opened = Warehouse.open(place)
    assert opened.query("SELECT count(*) FROM records").column(0)[0].as_py() == 3
    assert opened.connect().execute("SELECT count(*) FROM records").fetchone() == (3,)
    assert opened.export("csv", tmp_path / "out's")["rejects"] == 1
    shutil.copytree(small.path, tmp_path / "a, b")
    with pytest.raises(UserError, match="comma"):
        Warehouse.open(tmp_path / "a, b").connect()
    with pytest.raises(UserError, match="comma"):
        build([tmp_path], tmp_path / "b, c")


def test_the_guide_for_r_holds_with_any_duckdb(
    small: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "warehouse").symlink_to(small.path)
    monkeypatch.chdir(tmp_path)
    guide = Path(__file__).parent.parent / "docs" / "guides" / "r.md"
    (opened,), statements = (
        re.findall(pattern, guide.read_text(encoding="utf-8"))
        for pattern in (r'duckdb\(\), "([^"]+)"', r'db(?:Execute|GetQuery)\(con, "([^"]+)"\)')
    )
    assert len(statements) == 3
    with duckdb.connect(opened, read_only=True) as connection:
        for statement in statements:
            connection.execute(statement)


def test_a_catalogue_that_cannot_be_opened_is_the_users_to_mend(small: Warehouse, tmp_path: Path) -> None:
    shutil.copytree(small.path, tmp_path / "W")
    (tmp_path / "W" / "warehouse.duckdb").write_bytes(b"no database")
    with pytest.raises(UserError, match="cannot be opened"):
        Warehouse.open(tmp_path / "W").connect()


def test_a_query_answers_a_select(small: Warehouse) -> None:
    assert small.query("SELECT count(*) AS n FROM records").to_pylist() == [{"n": 3}]
    assert small.query("SELECT id FROM records ORDER BY id", max_rows=2).num_rows == 2
    assert (
        small.query("SELECT meaning FROM dictionary WHERE table_name = 'records' AND column_name = 'id'").num_rows == 1
    )


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM records",
        "CREATE TABLE x (a INT)",
        "COPY (SELECT 1) TO '{folder}/stolen.csv'",
        "SELECT 1; SELECT 2",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM read_parquet('https://example.org/x.parquet')",
        "ATTACH '{folder}/x.db'",
        "SET enable_external_access = true",
        "PRAGMA database_list",
        "INSTALL httpfs",
        "SELECT nothing FROM records",
        "SELECT * FROM nowhere",
        "SELEC 1",
        "",
    ],
)
def test_a_query_cannot_do_anything_else(small: Warehouse, sql: str) -> None:
    with pytest.raises(UserError):
        small.query(sql.format(folder=small.path), seconds=10)
    assert not (small.path / "stolen.csv").exists()


def test_a_query_is_stopped_in_time_and_memory(small: Warehouse) -> None:
    with pytest.raises(UserError, match="--seconds"):
        small.query("SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b", seconds=0.5)
    with pytest.raises(UserError, match="memory"):
        small.query("SELECT list(range) FROM range(200000000)", memory_mb=64, seconds=60)
    with pytest.raises(UserError, match="LIMIT"):
        small.query("SELECT repeat('x', 1000) AS t, range FROM range(1000000)", max_result_mb=16)


@pytest.mark.parametrize("format", ["parquet", "csv", "sqlite", "hf"])
def test_exports_hold_the_rows(small: Warehouse, tmp_path: Path, format: warehouse.ExportFormat) -> None:
    counts = small.export(format, tmp_path / "out", include_restricted=True)
    if format == "hf":
        assert set(counts) == {
            "studies", "conditions", "drugs", "drug_moa", "disposition", "biomarkers", "endpoints", "outcomes",
            "adverse_events", "results", "relations",
        }  # fmt: skip
        columns = duckdb.sql(f"DESCRIBE SELECT * FROM '{tmp_path}/out/studies/studies.parquet'").fetchall()
        assert [row[0] for row in columns][:4] == ["study_id", "study_source", "trial_type", "title"]
        assert len(columns) == 17
        assert "config_name: studies" in (tmp_path / "out" / "README.md").read_text()
        return
    assert counts["records"] == 3
    if format == "sqlite":
        database = sqlite3.connect(tmp_path / "out" / "trialpanorama.sqlite")
        rows = database.execute("SELECT id, place FROM records ORDER BY id").fetchall()
        assert [row[0] for row in rows] == ["99000001", "99000002", "99000003"]
        assert json.loads(rows[0][1])["file"] == "in/set.xml"
    else:
        rows = duckdb.sql(f"SELECT id FROM '{tmp_path}/out/records.{format}' ORDER BY id").fetchall()
        assert [str(row[0]) for row in rows] == ["99000001", "99000002", "99000003"]


def test_an_export_leaves_out_what_may_not_be_passed_on(small: Warehouse, tmp_path: Path) -> None:
    closed = [source.name for source in small.manifest.sources if not source.is_open]
    counts = small.export("parquet", tmp_path / "out")
    assert counts["records"] == (0 if "pubmed" in closed else 3)


def test_an_export_never_overwrites(small: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="not an empty folder"):
        small.export("csv", tmp_path)
    with pytest.raises(UnknownName, match="parquet"):
        small.export("parket", tmp_path / "new")  # type: ignore[arg-type]


def test_publishing_exchanges_folders_in_one_step(tmp_path: Path) -> None:
    staging, target = warehouse.staging_folder(tmp_path / "W"), tmp_path / "W"
    for content in ("old", "new"):
        staging.mkdir()
        (staging / "manifest.json").write_text(content)
        warehouse.publish(staging, target)
        assert (target / "manifest.json").read_text() == content
        assert not staging.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["W"]


def test_publishing_works_without_the_exchange(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warehouse, "_exchange", lambda one, other: False)
    test_publishing_exchanges_folders_in_one_step(tmp_path)


def test_tables_carry_their_meaning_into_sql(small: Warehouse) -> None:
    connection = small.connect()
    said = dict(connection.execute("SELECT view_name, comment FROM duckdb_views() WHERE NOT internal").fetchall())
    assert set(said) == set(small.table_names())
    assert all(said.values())
    columns = "SELECT table_name, column_name, comment FROM duckdb_columns() WHERE NOT internal"
    meanings = "SELECT table_name, column_name, meaning FROM dictionary"
    assert connection.execute(f"({columns}) EXCEPT ({meanings})").fetchall() == []
    types = connection.execute(
        "SELECT count(*), count(DISTINCT table_name) FROM dictionary WHERE meaning <> ''"
    ).fetchone()
    assert types is not None
    assert types[0] > 150
    declared = connection.execute("SELECT table_name, column_name, type FROM dictionary").fetchall()
    for table in small.table_names():
        real = {row[0]: row[1] for row in connection.execute(f'DESCRIBE "{table}"').fetchall()}
        listed = {column: type_ for name, column, type_ in declared if name == table}
        assert list(listed) == list(real) or set(listed) == set(real), table
        for column, type_ in listed.items():
            if not type_.startswith("STRUCT"):
                assert real[column].split("(")[0] == type_.split("(")[0], f"{table}.{column}"


def test_arrow_types_are_those_of_the_structs() -> None:
    schema = arrow_schema(Record)
    assert schema.field("phases").type == pa.list_(pa.string())
    assert schema.field("start_date").type.field("date").type == pa.string()
    assert schema.field("results").type.num_fields == 5
