"""Same study? Records become Trials, and every link keeps its evidence.

Registrations that share an id are one Trial: versions and copies of one record, the country protocols of one EU
trial, the submissions of one CTIS number. Registrations that name each other's ids are linked, in one direction or
both, and so are those that name one number of which there is no Record here; pairs that no id links are compared field
by field, and linked where they are alike enough (`likely`); a guard may refuse any of these (`clusters`). A publication
belongs to the Trial whose id it names, as a relation and not as a member; a report of a trial that no registration here
covers is a Trial of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trialpanorama import identifiers
from trialpanorama.resolve import blocking
from trialpanorama.resolve.aliases import write_aliases
from trialpanorama.resolve.clusters import SCORES, Link, Registration, decide
from trialpanorama.resolve.disagreements import write_disagreements
from trialpanorama.resolve.likely import TEMPORARY as CHUNKS
from trialpanorama.resolve.likely import Evidence, Likely, likely_pairs
from trialpanorama.resolve.overrides import Override
from trialpanorama.tables import IS_TRIAL_PUBLICATION, NEWEST_PAPERS, TABLES, Refusal, write_table

if TYPE_CHECKING:
    import duckdb

MANY = 4
"""An id that more than this many registrations of one register name says nothing, nor does one of no Record here, such
as a UTN, that more registrations give."""


def resolve(
    con: duckdb.DuckDBPyConnection,
    out: Path,
    *,
    previous: Path | None = None,
    overrides: Sequence[Override] = (),
    warn: Callable[[str], None] = lambda _: None,
) -> dict[str, int]:
    """Write the tables of Trials, links, aliases and disagreements into `out`; returns how many rows each has.

    `con` has the relations `records` and `source_licences` (source, is_open). The outcome does not depend on the order
    of Records, and a study_id stays the same when Records are added, unless a register of higher precedence joins or
    two Trials turn out to be one: then trial_aliases leads from the id of `previous` (the folder of tables of the
    warehouse before) to the present one. `warn` is told of each of the `overrides` that names an id of no Record.
    """
    registrations(con)
    for statement in (_TARGETS, _NAMED, _PAIRS):
        con.execute(statement)
    forbidden = _override(con, overrides, warn)
    _compare(con)
    _decide(con, forbidden)
    for statement in (_TRIAL_OF_KEY, _PUBLICATION_LINKS, NEWEST_PAPERS, _MEMBERS):
        con.execute(statement)
    queries = {"trial_records": _TRIAL_RECORDS, "trial_links": _TRIAL_LINKS, "publication_links": _NAMED_BY_PAPERS}
    tables = {table.name: table for table in TABLES}
    counts = {name: write_table(con, tables[name], sql, out) for name, sql in queries.items()}
    counts["trial_aliases"] = write_aliases(con, out, previous)
    counts["disagreements"] = write_disagreements(con, out)
    for name in _TEMPORARY:
        con.execute(f"DROP TABLE {name}")
    return counts


_TEMPORARY = (
    "registers",
    "said",
    "trial_keys",
    "registrations",
    "targets",
    "named",
    "pairs",
    "decisions",
    "groups",
    "trial_of_key",
    "named_by_papers",
    "newest_papers",
    "members",
    *blocking.TEMPORARY,
    *CHUNKS,
)


def registrations(con: duckdb.DuckDBPyConnection) -> None:
    """Make the tables that a comparison begins with: `registrations`, and the keys they stand under."""
    _registers(con)
    _trial_keys(con)
    con.execute(_REGISTRATIONS)


def _registers(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE OR REPLACE TEMP TABLE registers (name VARCHAR, precedence INTEGER, is_trial_register BOOLEAN)")
    con.executemany(
        "INSERT INTO registers VALUES (?, ?, ?)",
        [(r.name, r.precedence, r.is_trial_register) for r in identifiers.REGISTERS.values()],
    )


def _trial_keys(con: duckdb.DuckDBPyConnection) -> None:
    """The registry ids that Records give (`said`), and for each id the key that all Records of its trial share."""
    con.execute(_SAID)

    def trial_key(id: str, register: str) -> str:
        return identifiers.trial_key(id, register or None)

    con.create_function("trial_key", trial_key, ["VARCHAR", "VARCHAR"], "VARCHAR")
    con.execute(_TRIAL_KEYS)
    con.remove_function("trial_key")


def _override(
    con: duckdb.DuckDBPyConnection, overrides: Sequence[Override], warn: Callable[[str], None]
) -> list[tuple[str, str]]:
    """Add the overrides to `pairs`; returns the pairs that must not be one study."""
    registrations_of = dict(con.execute("FROM targets").fetchall())
    decided: dict[tuple[str, str], Override] = {}
    for override in overrides:
        ids = (override.a, override.b)
        unknown = [id for id in ids if identifiers.trial_key(id) not in registrations_of]
        if unknown:
            warn(
                f"{override.place}: no Record here has the id {' or '.join(unknown)}, so that the line changes nothing."
            )
            continue
        a, b = sorted((registrations_of[key] for key in override.keys), key=_key_rank)
        if a != b:  # an old number and the one that took it over are one registration
            decided[a, b] = override
    said = [
        Likely(a, b, "override", 1.0, (Evidence("override", override.why or None, None, None),))
        for (a, b), override in decided.items()
    ]
    _add(con, said, probability="NULL")
    return [pair for pair, override in decided.items() if not override.is_same]


def _key_rank(key: str) -> tuple[int, str]:
    found = identifiers.normalise(key)
    return identifiers.REGISTERS[found.register].precedence if found else len(identifiers.REGISTERS), key


def _compare(con: duckdb.DuckDBPyConnection) -> None:
    """Add to `pairs` those that no id links, with their probability; those that are no near miss are left out."""
    rows: list[Likely] = []
    for pair in likely_pairs(con):
        rows.append(pair)
        if len(rows) == _AT_ONCE:
            _add(con, rows)
            rows.clear()
    _add(con, rows)


_AT_ONCE = 5_000


def _add(con: duckdb.DuckDBPyConnection, rows: list[Likely], probability: str = "probability") -> None:
    evidence = [[dict(zip(Evidence._fields, row, strict=True)) for row in pair.evidence] for pair in rows]
    _rows_of_python(
        con,
        {
            "key_a": ([pair.a for pair in rows], "string"),
            "key_b": ([pair.b for pair in rows], "string"),
            "method": ([pair.method for pair in rows], "string"),
            "probability": ([pair.probability for pair in rows], "float64"),
            "evidence": (evidence, _EVIDENCE),
        },
        f"""INSERT INTO pairs BY NAME
            SELECT * REPLACE ({probability} AS probability), false AS is_ambiguous FROM rows_of_python""",
    )


def _decide(con: duckdb.DuckDBPyConnection, forbidden: list[tuple[str, str]]) -> None:
    """Put the decision on each pair into `decisions`, and the study_id of each linked key into `groups`."""
    known = {
        key: Registration(register, tuple(title for title in titles if title))
        for key, register, *titles in con.execute(_LINKED).fetchall()
    }
    links = [
        Link(*row)
        for row in con.execute("SELECT key_a, key_b, method, is_ambiguous, probability FROM pairs").fetchall()
    ]
    old_names = {key for (key,) in con.execute("SELECT DISTINCT to_key FROM named WHERE role = 'alias'").fetchall()}
    reasons, groups = decide(known, links, forbidden)
    decided = [(link.a, link.b, link.method, link.score, reason) for link, reason in _bounded(reasons)]

    def rank(key: str) -> tuple[int, bool, str]:
        return _precedence(known[key]), key in old_names, key

    chosen = [(key, min(group, key=rank)) for group in groups for key in group]
    for name, rows, columns in (
        (
            "decisions",
            decided,
            {"key_a": "string", "key_b": "string", "method": "string", "score": "float64", "reason": "string"},
        ),
        ("groups", chosen, {"key": "string", "study_id": "string"}),
    ):
        values = zip(*rows, strict=True) if rows else [[] for _ in columns]
        made = {column: (list(of), type) for (column, type), of in zip(columns.items(), values, strict=True)}
        _rows_of_python(con, made, f"CREATE OR REPLACE TEMP TABLE {name} AS FROM rows_of_python")


NEAR_MISSES = 5
"""So many refused pairs without an id are kept of each registration, the likeliest."""


def _bounded(reasons: dict[Link, Refusal | None]) -> Iterator[tuple[Link, Refusal | None]]:
    """The decisions, without the less likely of many near misses of one registration."""
    misses: Counter[str] = Counter()
    for link in sorted(reasons, key=lambda link: (-link.score, link.a, link.b)):
        if link.probability is not None and reasons[link] is not None:
            misses.update((link.a, link.b))
            if max(misses[link.a], misses[link.b]) > NEAR_MISSES:
                continue
        yield link, reasons[link]


def _rows_of_python(con: duckdb.DuckDBPyConnection, columns: dict[str, tuple[list[Any], str]], sql: str) -> None:
    """Run a statement on lists of values, which it knows as `rows_of_python`."""
    import pyarrow as pa

    types = {"string": pa.string(), "float64": pa.float64()}
    types[_EVIDENCE] = pa.list_(
        pa.struct([(name, types["float64" if name == "weight" else "string"]) for name in Evidence._fields])
    )
    table = pa.table([pa.array(values, types[type]) for values, type in columns.values()], names=list(columns))
    con.register("rows_of_python", table)
    con.execute(sql)
    con.unregister("rows_of_python")


_EVIDENCE = "evidence"


def _precedence(registration: Registration) -> int:
    known = identifiers.REGISTERS.get(registration.register or "")
    return known.precedence if known else len(identifiers.REGISTERS)


_IS_REGISTRATION = "coalesce(kind, 'REGISTRATION') = 'REGISTRATION'"

_SAID = """
    CREATE OR REPLACE TEMP TABLE said AS
    SELECT record_id, kind, i.id AS id, i.register AS register, coalesce(i.role, 'secondary') AS role,
        coalesce(i.field, i.type_raw) AS field
    FROM (SELECT record_id, coalesce(kind, 'REGISTRATION') AS kind, unnest(identifiers) AS i FROM records)
    WHERE coalesce(i.role, 'secondary') <> 'primary'
        AND (coalesce(i.role, 'secondary') <> 'mentioned' OR kind <> 'REGISTRATION')
        AND i.register IN (SELECT name FROM registers WHERE is_trial_register OR name = 'utn')"""

_TRIAL_KEYS = f"""
    CREATE OR REPLACE TEMP TABLE trial_keys AS
    SELECT id, register, trial_key(id, coalesce(register, '')) AS key
    FROM (SELECT id, register FROM said UNION SELECT id, register FROM records WHERE {_IS_REGISTRATION})"""

# Among the Records of one key: native before ICTRP's copy, English before other languages (the United Kingdom's
# protocol of an EU trial first), then the newest; of one date, the register's own before AACT's copy, which says less.
_VERSION_ORDER = """source = 'ictrp', coalesce(language, 'en') <> 'en', NOT ends_with(id, '-GB'),
    updated DESC NULLS LAST, exported DESC NULLS LAST, source = 'aact', record_id"""

_REGISTRATIONS = f"""
    CREATE OR REPLACE TEMP TABLE registrations AS
    SELECT *, row_number() OVER (PARTITION BY key ORDER BY {_VERSION_ORDER}) AS version
    FROM (SELECT r.record_id, r.id, r.register, r.source, r.language, r.last_updated_date.date AS updated,
            r.exported_date.date AS exported, k.key
        FROM records r JOIN trial_keys k ON k.id = r.id AND k.register IS NOT DISTINCT FROM r.register
        WHERE {_IS_REGISTRATION})"""

# A key that a text may name, and the registration that stands for it: its own, or the one that took over the old id.
_TARGETS = """
    CREATE OR REPLACE TEMP TABLE targets AS
    SELECT key AS named_key, key FROM registrations WHERE version = 1
    UNION ALL
    SELECT k.key, min(r.key)
    FROM said s JOIN registrations r USING (record_id) JOIN trial_keys k ON k.id = s.id AND k.register = s.register
    WHERE s.role = 'alias' AND k.key NOT IN (SELECT key FROM registrations)
    GROUP BY k.key HAVING count(DISTINCT r.key) = 1"""

_NAMED = """
    CREATE OR REPLACE TEMP TABLE named AS
    SELECT DISTINCT r.key AS from_key, r.register AS from_register, t.key AS to_key, s.role, s.field, s.id
    FROM said s JOIN registrations r USING (record_id) JOIN trial_keys k ON k.id = s.id AND k.register = s.register
        JOIN targets t ON t.named_key = k.key
    WHERE r.key <> t.key"""

_PAIRS = f"""
    CREATE OR REPLACE TEMP TABLE pairs AS
    WITH nodes AS (
        SELECT key, (coalesce(p.precedence, 999), key) AS rank
        FROM registrations r LEFT JOIN registers p ON p.name = r.register WHERE version = 1),
    crowded AS (
        SELECT to_key, from_register FROM named GROUP BY ALL HAVING count(DISTINCT from_key) > {MANY}),
    directed AS (
        SELECT CASE WHEN f.rank < t.rank THEN f.key ELSE t.key END AS key_a,
            CASE WHEN f.rank < t.rank THEN t.key ELSE f.key END AS key_b, f.rank < t.rank AS is_a_naming,
            role, field, n.id, c.to_key IS NOT NULL AS is_crowded
        FROM named n JOIN nodes f ON f.key = n.from_key JOIN nodes t ON t.key = n.to_key
            LEFT JOIN crowded c ON c.to_key = n.to_key AND c.from_register IS NOT DISTINCT FROM n.from_register),
    by_id AS (
        SELECT key_a, key_b,
            CASE WHEN bool_or(role = 'alias') THEN 'alias' WHEN count(DISTINCT is_a_naming) = 2 THEN 'mutual_id'
                WHEN bool_or(role = 'bridge') THEN 'bridge' ELSE 'secondary_id' END AS method,
            bool_and(is_crowded) AND count(DISTINCT is_a_naming) = 1 AND NOT bool_or(role = 'alias') AS is_ambiguous,
            list_sort(list_distinct(list({{'field': coalesce(field, 'id'),
                'value_a': CASE WHEN is_a_naming THEN id ELSE key_a END,
                'value_b': CASE WHEN is_a_naming THEN key_b ELSE id END}}))) AS evidence
        FROM directed GROUP BY key_a, key_b),
    carriers AS (
        SELECT DISTINCT k.key AS carried, r.key, n.rank, s.register
        FROM said s JOIN registrations r USING (record_id) JOIN nodes n ON n.key = r.key
            JOIN trial_keys k ON k.id = s.id AND k.register = s.register
        WHERE k.key NOT IN (SELECT named_key FROM targets)
        QUALIFY count(DISTINCT r.key) OVER (PARTITION BY k.key) <= {MANY}),
    by_carried AS (
        SELECT a.key AS key_a, b.key AS key_b,
            CASE WHEN bool_and(a.register = 'utn') THEN 'utn' ELSE 'common_id' END AS method, false AS is_ambiguous,
            list_sort(list({{'field': a.register, 'value_a': a.carried, 'value_b': b.carried}})) AS evidence
        FROM carriers a JOIN carriers b ON a.carried = b.carried AND a.rank < b.rank GROUP BY a.key, b.key)
    SELECT key_a, key_b, method, is_ambiguous,
        [{{'field': e.field, 'value_a': e.value_a, 'value_b': e.value_b, 'weight': NULL::DOUBLE}} FOR e IN evidence]
            AS evidence, NULL::DOUBLE AS probability
    FROM (FROM by_id UNION ALL FROM by_carried ANTI JOIN by_id USING (key_a, key_b))"""

_LINKED = """
    SELECT g.key, g.register, r.public_title, r.scientific_title
    FROM registrations g JOIN records r USING (record_id)
    WHERE g.version = 1 AND g.key IN (SELECT key_a FROM pairs UNION SELECT key_b FROM pairs)"""

_TRIAL_OF_KEY = """
    CREATE OR REPLACE TEMP TABLE trial_of_key AS
    SELECT t.named_key, coalesce(g.study_id, t.key) AS study_id
    FROM targets t LEFT JOIN groups g USING (key)"""

_NAMED_BY_PAPERS = "FROM named_by_papers"

_PUBLICATION_LINKS = """
    CREATE OR REPLACE TEMP TABLE named_by_papers AS
    SELECT DISTINCT s.record_id, t.study_id, s.id, s.role, s.field, r.source, r.licence, l.is_open
    FROM said s JOIN trial_keys k ON k.id = s.id AND k.register = s.register JOIN trial_of_key t ON t.named_key = k.key
        JOIN records r USING (record_id) LEFT JOIN source_licences l ON l.source = r.source
    WHERE s.kind <> 'REGISTRATION'"""

# A report of a trial is a Trial of its own unless it names a registration here, or one lists it as its results.
_MEMBERS = f"""
    CREATE OR REPLACE TEMP TABLE members AS
    SELECT record_id, t.study_id, register, source, language, id, updated, exported
    FROM registrations g JOIN trial_of_key t ON t.named_key = g.key
    UNION ALL
    SELECT record_id, id, register, source, language, id, last_updated_date.date, exported_date.date
    FROM records WHERE kind = 'PUBLICATION' AND id IN (
        SELECT r.id FROM newest_papers n JOIN records r USING (record_id) WHERE {IS_TRIAL_PUBLICATION}
        EXCEPT SELECT id FROM records WHERE record_id IN (SELECT record_id FROM named_by_papers)
        EXCEPT SELECT said.pmid FROM (SELECT unnest("references") AS said FROM records WHERE {_IS_REGISTRATION})
            WHERE said.type IN ('RESULT', 'DERIVED'))"""

_TRIAL_RECORDS = f"""
    SELECT record_id, study_id, row_number() OVER (PARTITION BY study_id ORDER BY
            coalesce(precedence, 999), {_VERSION_ORDER}) AS precedence, source, licence, is_open
    FROM (SELECT m.*, p.precedence, r.licence, l.is_open FROM members m JOIN records r USING (record_id)
        LEFT JOIN registers p ON p.name = m.register LEFT JOIN source_licences l ON l.source = m.source)"""

_TRIAL_LINKS = f"""
    WITH compared AS (
        SELECT a.record_id AS record_a, b.record_id AS record_b, method, d.score, d.reason, p.evidence, p.probability
        FROM pairs p JOIN decisions d USING (key_a, key_b, method)
            JOIN registrations a ON a.key = p.key_a AND a.version = 1
            JOIN registrations b ON b.key = p.key_b AND b.version = 1
        UNION ALL
        SELECT a.record_id, b.record_id, 'same_id', {SCORES["same_id"]}, NULL,
            [{{'field': 'id', 'value_a': a.id, 'value_b': b.id, 'weight': NULL::DOUBLE}}], NULL
        FROM registrations a JOIN registrations b USING (key) WHERE a.version = 1 AND b.version > 1)
    SELECT m.study_id, record_a, record_b, a.id AS id_a, b.id AS id_b,
        a.register AS register_a, b.register AS register_b, method, score, reason IS NULL AS is_accepted, reason,
        CASE WHEN probability IS NULL THEN list_append(evidence,
            {{'field': 'title', 'value_a': coalesce(a.scientific_title, a.public_title),
              'value_b': coalesce(b.scientific_title, b.public_title), 'weight': NULL::DOUBLE}})
            ELSE evidence END AS evidence,
        CASE WHEN a.source = b.source THEN a.source ELSE concat(a.source, '; ', b.source) END AS source,
        CASE WHEN a.licence = b.licence THEN a.licence ELSE concat_ws('; ', a.licence, b.licence) END AS licence,
        la.is_open AND lb.is_open AS is_open
    FROM compared JOIN members m ON m.record_id = record_a
        JOIN records a ON a.record_id = record_a JOIN records b ON b.record_id = record_b
        LEFT JOIN source_licences la ON la.source = a.source LEFT JOIN source_licences lb ON lb.source = b.source"""
