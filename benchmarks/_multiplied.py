"""A warehouse as large as one likes, of copies of a small one: each trial again under new ids, papers once.

Only good for measuring loads: a word is found in as many more documents as there are copies. Everything that is known
of a trial is copied with it; the words of all copies are the same.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from trialpanorama.warehouse import Warehouse

_OF_TRIALS = ("study_id", "record_id", "record_a", "record_b", "head_id", "tail_id", "id")
"""Columns in which a copy's ids differ."""


def multiply(source: Path, copies: int, folder: Path) -> Warehouse:
    """`source` with each trial `copies` times, written into a new folder."""
    import duckdb

    opened = Warehouse.open(source)
    for inner in ("tables", "records", "rejects"):
        (folder / inner).mkdir(parents=True)
    with opened.connect() as names:
        views = [row[0] for row in names.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()]
    with duckdb.connect() as connection:
        connection.execute(f"SET file_search_path = '{source.resolve()}'")
        connection.execute("SET threads = 1")
        connection.execute("SET memory_limit = '2GB'")
        connection.execute("SET preserve_insertion_order = false")
        connection.execute("CREATE TABLE ids AS SELECT study_id AS id FROM 'tables/studies.parquet'")
        connection.execute("INSERT INTO ids SELECT record_id FROM 'tables/trial_records.parquet'")
        connection.execute("INSERT INTO ids SELECT id FROM 'tables/identifiers.parquet' WHERE study_id IS NOT NULL")
        connection.execute("CREATE TABLE known AS SELECT DISTINCT id FROM ids")
        for name in views:
            if name == "rejects":
                continue
            files = "records/**/*.parquet" if name == "records" else f"tables/{name}.parquet"
            columns = [row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM '{files}'").fetchall()]
            own = [column for column in columns if column in _OF_TRIALS]
            if name in ("papers", "findings", "concepts") or not own:
                select = f"SELECT * FROM '{files}'"
            else:
                # whether an id is a trial's is found out before the rows are multiplied
                asked = ", ".join(f"{one} IN (SELECT id FROM known) AS is_{one}" for one in own)
                new = ", ".join(
                    f"CASE WHEN copy > 0 AND is_{one} THEN {one} || '-' || copy ELSE {one} END AS {one}" for one in own
                )
                flags = ", ".join(f"is_{one}" for one in own)
                select = (
                    f"SELECT * EXCLUDE ({flags}, copy) REPLACE ({new}) FROM (SELECT *, {asked} FROM '{files}') t, "
                    f"range({copies}) c(copy) WHERE copy = 0 OR {' OR '.join(f'is_{one}' for one in own)}"
                )
            out = folder / ("records" if name == "records" else "tables") / f"{name}.parquet"
            connection.execute(f"COPY ({select}) TO '{out}' (COMPRESSION zstd, ROW_GROUP_SIZE 50000)")
    for path in (source / "rejects").rglob("*.parquet"):
        shutil.copy(path, folder / "rejects" / path.name)
    shutil.copy(source / "warehouse.duckdb", folder / "warehouse.duckdb")
    manifest = json.loads((source / "manifest.json").read_text(encoding="utf-8"))
    manifest |= {"snapshot": f"{manifest['snapshot'][:10]}x{copies}", "trials": manifest["trials"] * copies}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return Warehouse.open(folder)
