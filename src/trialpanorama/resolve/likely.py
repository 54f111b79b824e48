"""Pairs of registrations that no id links, and how likely it is that they are one study."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from trialpanorama.resolve.blocking import block, profiles
from trialpanorama.resolve.features import (
    ABOUT_TITLES,
    LEVELS,
    MISSING,
    Comparison,
    Prepared,
    Profile,
    compare,
    prepare,
    said,
)
from trialpanorama.resolve.model import Model, model
from trialpanorama.tables import LinkMethod

if TYPE_CHECKING:
    import duckdb

AT_ONCE = 20_000
"""So many pairs are compared at a time; their registrations are in memory together."""
_KEPT = 40_000
"""So many registrations stay ready for the pairs that follow."""


class Evidence(NamedTuple):
    """One field of a comparison: what either says, and what it is worth, in bits (none where nothing is weighed)."""

    field: str
    value_a: str | None
    value_b: str | None
    weight: float | None


class Likely(NamedTuple):
    """A compared pair that is at least a near miss."""

    a: str
    b: str
    method: LinkMethod
    probability: float
    evidence: tuple[Evidence, ...]


def likely_pairs(con: duckdb.DuckDBPyConnection) -> Iterator[Likely]:
    """Compare the candidate pairs that `pairs` has not, in a fixed order; those that are no near miss are left out."""
    weights = model()
    rarity = block(con)
    con.execute(_CHUNKS)
    ((chunks,),) = con.execute("SELECT coalesce(max(chunk) + 1, 0) FROM chunks").fetchall()
    ready: dict[str, Prepared] = {}
    for chunk in range(chunks):
        pairs = con.execute(f"SELECT key_a, key_b FROM chunks WHERE chunk = {chunk} ORDER BY ALL").fetchall()
        if len(ready) > _KEPT:
            ready.clear()
        for key, profile in profiles(con, _IN_CHUNK.format(chunk=chunk)).items():
            if key not in ready:
                ready[key] = prepare(profile, rarity)
        for key_a, key_b in pairs:
            a, b = ready[key_a], ready[key_b]
            compared = compare(a, b, rarity)
            probability = weights.probability(compared)
            if probability >= weights.show:
                evidence = explained(a.profile, b.profile, compared, weights)
                yield Likely(key_a, key_b, _method(compared), probability, evidence)


def explained(a: Profile, b: Profile, compared: Comparison, weights: Model) -> tuple[Evidence, ...]:
    """Each field that both give, with its weight; about the titles, what weighs, with the words that only one has.

    The first row is what a candidate pair is worth before anything is compared, so that weights add up to log-odds.
    """
    rows = [Evidence("prior", None, None, weights.start)]
    for field in LEVELS:
        level = compared.levels[field]
        if level == MISSING or (field in ABOUT_TITLES and not weights.weight(field, level)):
            continue
        if field == "title":
            values: tuple[str | None, str | None] = (compared.title_a, compared.title_b)
        elif field in ("title_shared", "second_title", "title_marks"):
            values = (level, level)
        elif field in ABOUT_TITLES:
            values = (" ".join(compared.only_a) or None, " ".join(compared.only_b) or None)
        else:
            values = (said(a, field), said(b, field))
        rows.append(Evidence(field, *values, weights.weight(field, level)))
    return tuple(rows)


def _method(compared: Comparison) -> LinkMethod:
    return "title" if compared.levels["title"] in ("same", "near") else "similar"


TEMPORARY = ("chunks",)

_CHUNKS = f"""
    CREATE OR REPLACE TEMP TABLE chunks AS
    SELECT key_a, key_b, (row_number() OVER (ORDER BY key_a, key_b) - 1) // {AT_ONCE} AS chunk
    FROM (
        SELECT if(swapped, key_b, key_a) AS key_a, if(swapped, key_a, key_b) AS key_b
        FROM (
            SELECT c.*, (coalesce(rb.precedence, 999), key_b) < (coalesce(ra.precedence, 999), key_a) AS swapped
            FROM candidates c JOIN profiles a ON a.key = key_a JOIN profiles b ON b.key = key_b
                LEFT JOIN registers ra ON ra.name = a.register LEFT JOIN registers rb ON rb.name = b.register))
    ANTI JOIN pairs USING (key_a, key_b)"""

_IN_CHUNK = "key IN (SELECT unnest([key_a, key_b]) FROM chunks WHERE chunk = {chunk})"
