"""Why two registrations are held to be one Trial, or why not: the evidence of a warehouse, told for two ids."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from trialpanorama import identifiers
from trialpanorama.errors import UserError
from trialpanorama.resolve.blocking import PROFILES, WORDS, profiles
from trialpanorama.resolve.features import Rarity, compare, prepare
from trialpanorama.resolve.likely import explained
from trialpanorama.resolve.model import model

if TYPE_CHECKING:
    import duckdb


class Reason(msgspec.Struct, frozen=True):
    """One field of the evidence: what either Record says, and what it is worth, in bits of log-odds."""

    field: str
    value_a: str | None
    value_b: str | None
    weight: float | None


class Step(msgspec.Struct, frozen=True):
    """One link between two Records, with its evidence."""

    id_a: str
    id_b: str
    record_a: str
    record_b: str
    register_a: str | None
    register_b: str | None
    method: str
    score: float
    is_accepted: bool
    reason: str | None
    evidence: list[Reason]


class Explanation(msgspec.Struct, frozen=True):
    """What is known of whether two ids are one Trial."""

    id_a: str
    id_b: str
    study_a: str
    study_b: str
    is_one: bool
    path: list[Step]
    """The shortest chain of accepted links from the one to the other; empty where they are two, or share an id."""
    refused: list[Step]
    """The links between Records of the two Trials that were looked at and refused, the strongest first."""
    compared_now: Step | None
    """What a comparison gives where they were never compared: both are of one register (`reason` says so then), or they
    have too little in common to be candidates."""


def explain(con: duckdb.DuckDBPyConnection, id_a: str, id_b: str) -> Explanation:
    """Whether two ids are one Trial, and by which chain of links; else what was refused between them, and why.

    `con` has the tables of a warehouse. Raises UserError for an id that it does not have, with those that are near.
    """
    one, other = _find(con, id_a), _find(con, id_b)
    records_a, records_b = set(one.records), set(other.records)
    if one.study_id == other.study_id:
        steps = _links(con, "study_id = $a AND is_accepted", {"a": one.study_id})
        path = _shortest(steps, records_a, records_b)
        return Explanation(one.id, other.id, one.study_id, other.study_id, True, path, [], None)
    between = """NOT is_accepted AND study_id IN ($a, $b)
        AND record_a IN (SELECT record_id FROM trial_records WHERE study_id IN ($a, $b))
        AND record_b IN (SELECT record_id FROM trial_records WHERE study_id IN ($a, $b))"""
    found = _links(con, between, {"a": one.study_id, "b": other.study_id})
    sides = _study_of(con, [one.study_id, other.study_id])
    refused = [step for step in found if sides[step.record_a] != sides[step.record_b]]
    refused.sort(key=lambda step: (not {step.record_a, step.record_b} & (records_a | records_b), -step.score))
    now = None if refused else _compare_now(con, one, other)
    return Explanation(one.id, other.id, one.study_id, other.study_id, False, [], refused, now)


class _Found(msgspec.Struct, frozen=True):
    id: str
    study_id: str
    records: list[str]


def _find(con: duckdb.DuckDBPyConnection, asked: str) -> _Found:
    """The Trial of an id, and the Records that stand under it."""
    found = identifiers.normalise(asked)
    id = found.id if found else asked.strip()
    key = identifiers.trial_key(id)
    rows = con.execute(
        """SELECT study_id, record_id FROM trial_records JOIN records USING (record_id)
           WHERE id = $id OR id = $key OR starts_with(id, $key || '-') ORDER BY id <> $id, precedence, record_id""",
        {"id": id, "key": key},
    ).fetchall()
    if not rows:
        rows = con.execute(
            """WITH named AS (
                   SELECT study_id, 0 AS rank FROM trial_records WHERE study_id = $id
                   UNION ALL SELECT study_id, 1 FROM trial_aliases WHERE old_study_id = $id
                   UNION ALL SELECT study_id, 2 FROM identifiers WHERE id IN ($id, $key) AND role = 'alias')
               SELECT study_id, record_id FROM trial_records
               WHERE study_id = (SELECT study_id FROM named ORDER BY rank, study_id LIMIT 1) ORDER BY precedence""",
            {"id": id, "key": key},
        ).fetchall()
    if not rows:
        raise UserError(f'No trial of this warehouse has the id "{asked.strip()[:60]}". {_near(con, id)}')
    study_id = rows[0][0]
    return _Found(id, study_id, [record_id for study, record_id in rows if study == study_id])


def _near(con: duckdb.DuckDBPyConnection, id: str) -> str:
    near = con.execute(
        """SELECT id FROM (SELECT DISTINCT id FROM trial_records JOIN records USING (record_id))
           WHERE damerau_levenshtein(id, $id) <= 3 ORDER BY damerau_levenshtein(id, $id), id LIMIT 3""",
        {"id": id},
    ).fetchall()
    return f"Close: {', '.join(row[0] for row in near)}." if near else "Search titles with: trialpanorama query SQL"


_STEP = ", ".join(Step.__struct_fields__)


def _links(con: duckdb.DuckDBPyConnection, where: str, values: dict[str, Any]) -> list[Step]:
    rows = con.execute(
        f"SELECT {_STEP} FROM trial_links WHERE {where} ORDER BY score DESC, record_a, record_b, method", values
    ).fetchall()
    return [
        msgspec.convert(dict(zip(Step.__struct_fields__, row, strict=True)) | {"evidence": row[-1] or []}, Step)
        for row in rows
    ]


def _study_of(con: duckdb.DuckDBPyConnection, studies: list[str]) -> dict[str, str]:
    return dict(
        con.execute(
            "SELECT record_id, study_id FROM trial_records WHERE list_contains($studies, study_id)",
            {"studies": studies},
        ).fetchall()
    )


def _shortest(steps: Iterable[Step], begin: set[str], end: set[str]) -> list[Step]:
    """The fewest links from one set of Records to another; of several chains, the one of the strongest first links."""
    if begin & end:
        return []
    at: dict[str, list[tuple[str, Step]]] = {}
    for step in steps:
        at.setdefault(step.record_a, []).append((step.record_b, step))
        at.setdefault(step.record_b, []).append((step.record_a, step))
    waiting: deque[tuple[str, list[Step]]] = deque((record, []) for record in sorted(begin))
    seen = set(begin)
    while waiting:
        record, path = waiting.popleft()
        for following, step in at.get(record, ()):
            if following in end:
                return [*path, step]
            if following not in seen:
                seen.add(following)
                waiting.append((following, [*path, step]))
    return []


def _compare_now(con: duckdb.DuckDBPyConnection, one: _Found, other: _Found) -> Step | None:
    """Compare two registrations as a rebuild would, if it made them candidates; none for publications."""
    con.execute(
        """CREATE OR REPLACE TEMP TABLE registrations AS
           SELECT CASE WHEN list_contains($a, record_id) THEN 'a' ELSE 'b' END AS key, register, record_id,
               row_number() OVER (PARTITION BY list_contains($a, record_id) ORDER BY precedence) AS version
           FROM trial_records JOIN records USING (record_id)
           WHERE list_contains($a || $b, record_id) AND coalesce(kind, 'REGISTRATION') = 'REGISTRATION'""",
        {"a": one.records, "b": other.records},
    )
    con.execute(PROFILES)
    sides = profiles(con)
    if len(sides) < 2:
        return None
    titles, counts = _counts(con)
    rarity = Rarity(titles, counts)
    ready = [prepare(sides[side], rarity) for side in ("a", "b")]
    compared = compare(ready[0], ready[1], rarity)
    weights = model()
    evidence = explained(ready[0].profile, ready[1].profile, compared, weights)
    registers = sides["a"].register, sides["b"].register
    reason = "same_register" if registers[0] == registers[1] and registers[0] else None
    return Step(
        one.id, other.id, one.records[0], other.records[0], *registers, "similar", weights.probability(compared), False,
        reason, [Reason(*row) for row in evidence],
    )  # fmt: skip


def _counts(con: duckdb.DuckDBPyConnection) -> tuple[int, dict[str, int]]:
    """How many Trials were registered, and in how many of their titles the words of the two registrations stand."""
    said = WORDS.format(text="concat_ws(' ', public_title, scientific_title)")
    rows = con.execute(
        f"""WITH asked AS (SELECT DISTINCT unnest({WORDS.format(text="title")}) AS word
                FROM (SELECT unnest(titles) AS title FROM profiles)),
            titles AS (SELECT unnest(list_distinct({said})) AS word FROM studies WHERE kind = 'registration')
            SELECT word, count(*) FROM titles SEMI JOIN asked USING (word) GROUP BY word"""
    ).fetchall()
    ((titles,),) = con.execute("SELECT count(*) FROM studies WHERE kind = 'registration'").fetchall()
    return titles, dict(rows)
