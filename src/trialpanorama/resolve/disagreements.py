"""Where registers say different things of one Trial."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trialpanorama.tables import TABLES, write_table
from trialpanorama.warehouse import sql_text

if TYPE_CHECKING:
    import duckdb


def write_disagreements(con: duckdb.DuckDBPyConnection, out: Path) -> int:
    """Write the table disagreements into `out`, next to trial_records; returns how many rows it has.

    `con` has `records`, and `members` with the register of each Record.
    """
    place = sql_text(out / "trial_records.parquet")
    con.execute(
        f"""CREATE OR REPLACE TEMP VIEW registered AS
            SELECT t.*, m.register FROM read_parquet({place}) t JOIN members m USING (record_id)"""
    )
    (table,) = (table for table in TABLES if table.name == "disagreements")
    count = write_table(con, table, _DISAGREEMENTS, out)
    con.execute("DROP VIEW registered")
    return count


_LEAD_CLASS = "[s.sponsor_class FOR s IN r.sponsors IF coalesce(s.role, 'LEAD') = 'LEAD'][1]"
_COUNTRIES = "[c.name FOR c IN r.countries IF NOT coalesce(c.is_removed, false)]"
_VALUES = {
    "study_type": "r.study_type",
    "status": "r.status",
    "phases": "array_to_string(list_sort(r.phases), '/')",
    "allocation": "r.allocation",
    "masking": "r.masking",
    "primary_purpose": "r.primary_purpose",
    "enrollment_target": "r.enrollment_target::VARCHAR",
    "enrollment_actual": "r.enrollment_actual::VARCHAR",
    "start_date": "r.start_date.date",
    "primary_completion_date": "r.primary_completion_date.date",
    "completion_date": "r.completion_date.date",
    "minimum_age_years": "round(r.minimum_age_years, 2)::VARCHAR",
    "maximum_age_years": "round(r.maximum_age_years, 2)::VARCHAR",
    "sex": "r.sex",
    "sponsor_class": _LEAD_CLASS,
    "countries": f"array_to_string(list_sort(list_distinct({_COUNTRIES})), '; ')",
}
"""What is compared, as text."""

_UNPIVOTED = ", ".join(f"{{'field': '{field}', 'value': {value}}}" for field, value in _VALUES.items())

# Of each register, the Record of the highest precedence that gives the field speaks: older versions do not disagree.
# Dates differ where they do within the precision that all of them have.
_DISAGREEMENTS = f"""
    WITH several AS (
        SELECT study_id FROM registered GROUP BY study_id HAVING count(DISTINCT register) > 1),
    given AS (
        SELECT m.study_id, m.record_id, m.register, m.precedence, m.source, m.licence, m.is_open,
            unnest([{_UNPIVOTED}], recursive := true)
        FROM registered m JOIN several USING (study_id) JOIN records r USING (record_id)),
    said AS (
        FROM given WHERE value <> ''
        QUALIFY row_number() OVER (PARTITION BY study_id, field, register ORDER BY precedence) = 1),
    compared AS (
        SELECT *, CASE WHEN ends_with(field, '_date')
            THEN value[:min(length(value)) OVER (PARTITION BY study_id, field)] ELSE value END AS alike FROM said)
    SELECT study_id, field, count(DISTINCT alike) AS number_of_values,
        list({{'says': value, 'said_by': register, 'record_id': record_id}} ORDER BY precedence) AS said,
        array_to_string(list_sort(list_distinct(list(source))), '; ') AS source,
        array_to_string(list_sort(list_distinct(list(licence))), '; ') AS licence,
        bool_and(is_open) AS is_open
    FROM compared GROUP BY study_id, field HAVING count(DISTINCT alike) > 1"""
