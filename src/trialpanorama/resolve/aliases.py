"""Trial ids over time: where the Records of a Trial went when it was merged, split or renamed by a rebuild.

A study_id follows from the Records alone, so that the same inputs always give the same ids. When Records are added, a
Trial may take the id of a register of higher precedence, or two Trials turn out to be one: the old id then leads to
the present one, over any number of rebuilds.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trialpanorama.tables import TABLES, write_table
from trialpanorama.warehouse import sql_text

if TYPE_CHECKING:
    import duckdb


def write_aliases(con: duckdb.DuckDBPyConnection, out: Path, previous: Path | None) -> int:
    """Write trial_aliases into `out`, next to trial_records; returns how many rows it has.

    `previous` is the folder of tables of the warehouse before, none or without tables for the first. `con` has
    `source_licences`, and what `resolve` knows of each id that a text may name (`trial_of_key`).
    """
    _view(con, "present", out / "trial_records.parquet", "record_id, study_id, precedence, source, licence, is_open")
    before = previous / "trial_records.parquet" if previous else None
    _view(con, "before", before, "record_id, study_id", empty="record_id VARCHAR, study_id VARCHAR")
    aliases = previous / "trial_aliases.parquet" if previous else None
    old = "old_study_id VARCHAR, study_id VARCHAR, change VARCHAR, records_moved BIGINT"
    _view(con, "aliases_before", aliases, "old_study_id, study_id, change, records_moved", empty=old)
    (table,) = (table for table in TABLES if table.name == "trial_aliases")
    count = write_table(con, table, _ALIASES, out)
    for name in ("present", "before", "aliases_before"):
        con.execute(f"DROP VIEW {name}")
    return count


def _view(con: duckdb.DuckDBPyConnection, name: str, path: Path | None, columns: str, empty: str = "") -> None:
    if path is not None and path.exists():
        place = sql_text(path)
        con.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT {columns} FROM read_parquet({place})")
    else:
        typed = ", ".join(f"NULL::{type} AS {column}" for column, type in (c.split() for c in empty.split(", ")))
        con.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT {typed} WHERE false")


# A Record that left its Trial shows where the Trial went. Where all Records of a Trial were replaced by newer ones, its
# own id does: the registration that has it now.
_ALIASES = """
    WITH moved AS (
        SELECT b.study_id AS old_study_id, p.study_id, count(*) AS records_moved
        FROM before b JOIN present p USING (record_id) WHERE b.study_id <> p.study_id GROUP BY ALL),
    replaced AS (
        SELECT b.study_id AS old_study_id, t.study_id, 0 AS records_moved
        FROM (SELECT DISTINCT study_id FROM before) b JOIN trial_of_key t ON t.named_key = b.study_id
        WHERE b.study_id <> t.study_id
            AND b.study_id NOT IN (SELECT old_study_id FROM moved)
            AND b.study_id NOT IN (SELECT study_id FROM present)),
    gone AS (FROM moved UNION ALL FROM replaced),
    changed AS (
        SELECT old_study_id, study_id,
            CASE WHEN old_study_id IN (SELECT study_id FROM present)
                    OR count(*) OVER (PARTITION BY old_study_id) > 1 THEN 'split'
                WHEN study_id IN (SELECT study_id FROM before)
                    OR count(*) OVER (PARTITION BY study_id) > 1 THEN 'merged'
                ELSE 'renamed' END AS change,
            records_moved
        FROM gone),
    carried AS (
        SELECT a.old_study_id, coalesce(c.study_id, a.study_id) AS study_id, a.change, a.records_moved
        FROM aliases_before a LEFT JOIN changed c ON c.old_study_id = a.study_id AND c.change <> 'split'),
    known AS (
        SELECT *, true AS is_new FROM changed
        UNION ALL SELECT *, false FROM carried WHERE study_id <> old_study_id),
    first_records AS (FROM present WHERE precedence = 1)
    SELECT old_study_id, study_id, change, records_moved, source, licence, is_open
    FROM known JOIN first_records USING (study_id)
    WHERE change = 'split' OR old_study_id NOT IN (SELECT study_id FROM present)
    QUALIFY row_number() OVER (PARTITION BY old_study_id, study_id ORDER BY is_new DESC, change, records_moved) = 1"""
