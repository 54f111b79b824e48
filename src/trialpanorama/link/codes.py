"""Codes that other registrations explain: what "QZX-12" is, one study may say in its other names or in brackets.

No terminology has all the codes that sponsors give drugs before they have a name, but of many some registration says
which drug they are. A code that stays unlinked is taken for what the others that explain it agree on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

_GROUPS = ("MESH:", "ATC:")
"""Terminologies whose concepts may be groups of drugs, which no code stands for."""
_KEY = "lower(regexp_replace({}, '[^A-Za-z0-9]', '', 'g'))"
_EXPLAINED = f"""
    CREATE OR REPLACE TEMP TABLE explained AS
    WITH unknown AS (
        SELECT DISTINCT {_KEY.format("text")} AS key FROM found
        WHERE linker = 'drug' AND kind = 'drug' AND method = 'code' AND concept_id IS NULL),
    in_brackets AS (
        SELECT {_KEY.format("text")} AS key, concept_id, matched, said, hint FROM found
        WHERE linker = 'drug' AND method = 'context' AND concept_id IS NOT NULL),
    alone AS (
        SELECT said, hint, any_value(concept_id) AS concept_id, any_value(matched) AS matched FROM found
        WHERE linker = 'drug' AND kind = 'drug' GROUP BY said, hint
        HAVING count(*) = 1 AND any_value(concept_id) IS NOT NULL AND any_value(method) <> 'fuzzy'),
    by_other_name AS (
        SELECT {_KEY.format("unnest(string_split(hint, chr(10))[2:])")} AS key, concept_id, matched, said, hint
        FROM alone WHERE contains(hint, chr(10))),
    told AS (
        SELECT DISTINCT key, concept_id, matched, study_id
        FROM (FROM in_brackets UNION ALL FROM by_other_name) e
            JOIN said_interventions s ON s.text = e.said AND s.hint IS NOT DISTINCT FROM e.hint
        WHERE key IN (FROM unknown) AND NOT regexp_matches(concept_id, ?))
    SELECT key, any_value(concept_id) AS concept_id, min_by(matched, (study_id, matched)) AS matched,
        min(study_id) AS study_id, count(DISTINCT study_id) AS studies
    FROM told GROUP BY key HAVING count(DISTINCT concept_id) = 1"""


def explain_codes(con: duckdb.DuckDBPyConnection) -> None:
    """Link the unlinked codes of drugs in `found` to the one drug that other registrations say they are.

    `con` has the temporary tables found and said_interventions of the stage. Codes that registrations explain
    differently stay unlinked. The score is 0.8 where one study says it and 0.9 where several do; `qualifier` is the
    first of them.
    """
    con.execute(_EXPLAINED, ["^(" + "|".join(_GROUPS) + ")"])
    con.execute(f"""
        UPDATE found SET concept_id = e.concept_id, method = 'registered', matched = e.matched,
            score = CASE WHEN e.studies > 1 THEN 0.9 ELSE 0.8 END, qualifier = e.study_id, candidates = []
        FROM explained e
        WHERE linker = 'drug' AND found.kind = 'drug' AND found.method = 'code' AND found.concept_id IS NULL
            AND e.key = {_KEY.format("found.text")}""")
    con.execute("DROP TABLE explained")
