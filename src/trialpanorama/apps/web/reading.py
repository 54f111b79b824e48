"""A copy of the tables that single pages are looked up in, made once for each snapshot.

The warehouse's files are made to be read from end to end. A page asks for one trial: for that the same tables lie
beside the warehouse in DuckDB's own format with indexes, so that a page costs a tenth.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from trialpanorama.apps.show import SAID
from trialpanorama.warehouse import Warehouse, look_in, sql_text

if TYPE_CHECKING:
    import duckdb

_VERSION = 3
"""Changes with what is copied; a copy of another version is made anew."""
_KEYS = {
    "studies": ("study_id",),
    "trial_records": ("study_id", "record_id"),
    "identifiers": ("study_id", "id"),
    "trial_links": ("study_id", "record_a", "record_b"),
    "relations": ("head_id", "tail_id"),
    "papers": ("paper_id",),
    "results": ("study_id",),
    "records": ("record_id",),
}
"""The tables that are copied, and the columns by which a row is looked up; the others are read where they are."""
_OF_RECORDS = ("record_id", "id", "register", "source", "url", "licence", "place")
"""Columns of `records` that a trial's page shows beside what the records say."""


class Reading(Warehouse):
    """A warehouse whose connections look up trials and papers in the copy; `records` has what their pages show."""

    def __init__(self, warehouse: Warehouse, copy: Path) -> None:
        super().__init__(warehouse.path, warehouse.manifest)
        self.copy = copy

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A read-only connection to the copy."""
        import duckdb

        connection = duckdb.connect(str(self.copy), read_only=True)
        look_in(connection, self.path)
        connection.execute("SET enable_progress_bar = false")
        # many ask at once: each query takes one core
        connection.execute("SET threads = 1")
        return connection


def reading(warehouse: Warehouse, folder: Path, say: Callable[[str], None]) -> Warehouse:
    """The warehouse with its copy in `folder`, made if it is not there; the warehouse itself where none can be made."""
    copy = folder / f"lookup-{warehouse.snapshot}-{_VERSION}.duckdb"
    if not copy.exists():
        partial = folder / f".lookup.{os.getpid()}.part"
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            partial.unlink(missing_ok=True)
            _make(warehouse, partial)
            partial.replace(copy)
        except OSError as error:
            say(f"Pages are slower than they could be: {folder} cannot be written to ({error.strerror or error}).")
            return warehouse
        finally:
            with contextlib.suppress(OSError):
                partial.unlink()
    for old in folder.glob("lookup-*.duckdb"):
        if old != copy:
            with contextlib.suppress(OSError):
                old.unlink()
    return Reading(warehouse, copy)


def _make(warehouse: Warehouse, path: Path) -> None:
    import duckdb

    try:
        with duckdb.connect(str(path)) as connection:
            _fill(connection, warehouse)
    except duckdb.IOException as error:  # no place, or no leave to write
        raise OSError(str(error)) from None


def _fill(connection: duckdb.DuckDBPyConnection, warehouse: Warehouse) -> None:
    look_in(connection, warehouse.path)
    connection.execute("SET enable_progress_bar = false")
    connection.execute(f"ATTACH {sql_text(warehouse.path / 'warehouse.duckdb')} AS warehouse (READ_ONLY)")
    # A page takes twenty texts out of hundreds of thousands: unpacked, they cost a tenth; the file grows by half.
    connection.execute("PRAGMA force_compression = 'uncompressed'")
    views = connection.execute(
        "SELECT view_name, sql FROM duckdb_views() WHERE database_name = 'warehouse' AND NOT internal"
    ).fetchall()
    for name, sql in views:
        if name not in _KEYS:
            connection.execute(sql)
            continue
        chosen = ", ".join(_shown(connection)) if name == "records" else "*"
        connection.execute(f'CREATE TABLE "{name}" AS SELECT {chosen} FROM warehouse."{name}"')
        for key in _KEYS[name]:
            connection.execute(f'CREATE INDEX "{name}_{key}" ON "{name}" ("{key}")')
    connection.execute("DETACH warehouse")


def _shown(connection: duckdb.DuckDBPyConnection) -> list[str]:
    names = [row[0] for row in connection.execute("DESCRIBE warehouse.records").fetchall()]
    said = " ".join(SAID.values())
    return [name for name in names if name in _OF_RECORDS or re.search(rf"\b{name}\b", said)]
