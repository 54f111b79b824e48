"""Train, validation and test: every trial, paper and review stands in one of them, for all tasks alike.

Trials are cut by date, and so are reviews and the papers that belong to neither. What a review includes goes where the
review goes; a trial that a review of a later split includes makes no sample, and a review leaves out what stands in
another split than its own. So no trial, no review and no included study is on two sides, whatever the tasks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from trialpanorama import identifiers
from trialpanorama.tasks import SEED, SPLITS, Split

if TYPE_CHECKING:
    import duckdb

_FIRST_VALIDATION, _FIRST_TEST = 70, 80
"""Where validation and test begin, in per cent of what is ordered by date."""
_GROUPING = frozenset(r.name for r in identifiers.REGISTERS.values() if r.is_trial_register or r.name == "utn")
TRIAL_DATE = "coalesce(s.registration_date, s.first_submitted_date, s.start_date)"
LEAST_INDEXED = 0.8
"""Share of a review's included documents that the warehouse must hold for the review to be asked about."""
_MOST_TRIALS_OF_A_REPORT = 5
"""A paper that names more trials than these is about none of them alone, and joins none."""


def split_all(con: duckdb.DuckDBPyConnection) -> None:
    """Put everything into train, validation or test, once per connection.

    Makes the temporary tables `trial_splits` (study_id, date, group_id, split, place, is_used), `paper_splits`
    (paper_id, date, group_id, split, place) and `review_splits` (review_id, date, group_id, split, place, is_usable).
    `place` counts from 1 in a fixed shuffled order within a split. Trials that share a registry id or a title are one
    group, and a group stands where its latest trial does: the oldest 70 % of the finished trials are for training, the
    next 10 % for validation, the latest 20 % for the test; reviews and papers are cut by their own dates in the same
    shares. A review is dated by the end of its search, else by the newest paper that it includes.
    """
    made = con.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'trial_splits'").fetchall()
    if made[0][0]:
        return
    trials = _trials(con)
    group = dict(zip(trials.ids, trials.groups, strict=True))
    own = dict(zip(trials.groups, trials.splits, strict=True))
    reviews = _reviews(con)
    included = _included(con)
    reported = _reported(con, group)

    # What a review includes is tied to the latest review that includes it.
    tied: dict[str, int] = {}
    for review, paper, studies in included:
        if review in reviews.usable:
            side = SPLITS.index(reviews.split[review])
            groups = {group[study] for study in studies if study in group}
            if paper in reported:
                groups.add(reported[paper])
            for key in groups or ({f"paper:{paper}"} if paper else set()):
                tied[key] = max(side, tied.get(key, 0))
    last = {key: SPLITS[max(SPLITS.index(side), tied.get(key, 0))] for key, side in own.items()}

    _write(
        con,
        "trial_splits",
        "study_id",
        {
            "study_id": trials.ids,
            "date": trials.dates,
            "group_id": trials.groups,
            "split": trials.splits,
            "is_used": [last[key] == own[key] for key in trials.groups],
        },
        "split, is_used",
    )
    _write_papers(
        con, reported, last, {key[6:]: SPLITS[side] for key, side in tied.items() if key.startswith("paper:")}
    )
    _write(
        con,
        "review_splits",
        "review_id",
        {
            "review_id": reviews.ids,
            "date": reviews.dates,
            "group_id": reviews.ids,
            "split": [reviews.split[review] for review in reviews.ids],
            "is_usable": [review in reviews.usable for review in reviews.ids],
        },
        "split, is_usable",
    )


def undated(con: duckdb.DuckDBPyConnection) -> int:
    """Registered trials without any date: they stand in no split."""
    split_all(con)
    found = con.execute(
        "SELECT (SELECT count(*) FROM studies WHERE kind = 'registration') - (SELECT count(*) FROM trial_splits)"
    ).fetchall()
    return int(found[0][0])


def held_back(con: duckdb.DuckDBPyConnection) -> int:
    """Trials that make no sample, as a review of a later split includes them."""
    split_all(con)
    return int(con.execute("SELECT count(*) FROM trial_splits WHERE NOT is_used").fetchall()[0][0])


# --- trials


class _Trials:
    """Dated registered trials in the order of their ids: id, date, group, split of the group."""

    def __init__(self, ids: list[str], dates: list[str], groups: list[str], splits: list[Split]) -> None:
        self.ids, self.dates, self.groups, self.splits = ids, dates, groups, splits


def _trials(con: duckdb.DuckDBPyConnection) -> _Trials:
    rows = con.execute(
        f"""SELECT s.study_id, CAST({TRIAL_DATE} AS VARCHAR),
                   trim(lower(regexp_replace(coalesce(s.scientific_title, s.title), '[^[:alnum:]]+', ' ', 'g'))),
                   o.outcome_type IN ('COMPLETED', 'STOPPED')
            FROM studies s LEFT JOIN outcomes o USING (study_id)
            WHERE s.kind = 'registration' AND {TRIAL_DATE} IS NOT NULL ORDER BY s.study_id"""
    ).fetchall()
    number = {row[0]: index for index, row in enumerate(rows)}
    leader = list(range(len(rows)))

    def find(index: int) -> int:
        while leader[index] != index:
            leader[index] = leader[leader[index]]
            index = leader[index]
        return index

    def join(shared: Iterable[tuple[int, str]]) -> None:
        first: dict[str, int] = {}
        for index, key in shared:
            one, other = find(first.setdefault(key, index)), find(index)
            leader[max(one, other)] = min(one, other)

    join((index, row[2]) for index, row in enumerate(rows) if row[2] and row[2].count(" ") >= 4)
    ids = con.execute(
        "SELECT DISTINCT study_id, register, id FROM identifiers WHERE register IS NOT NULL AND role <> 'organisation'"
    ).fetchall()
    join(
        (number[study], f"{register}:{identifiers.trial_key(id, register)}")
        for study, register, id in ids
        if study in number and register in _GROUPING
    )

    latest: dict[int, str] = {}
    for index, row in enumerate(rows):
        latest[find(index)] = max(latest.get(find(index), ""), row[1])
    finished = sorted(latest[find(index)] for index, row in enumerate(rows) if row[3])
    first_validation, first_test = (
        finished[per_cent * len(finished) // 100] if finished else "9999"
        for per_cent in (_FIRST_VALIDATION, _FIRST_TEST)
    )

    def side(date: str) -> Split:
        return "train" if date < first_validation else "validation" if date < first_test else "test"

    return _Trials(
        [row[0] for row in rows],
        [row[1] for row in rows],
        [rows[find(index)][0] for index in range(len(rows))],
        [side(latest[find(index)]) for index in range(len(rows))],
    )


# --- reviews and papers


class _Reviews:
    """All reviews in the order of their ids, with their dates (empty where there is none) and splits."""

    def __init__(self, ids: list[str], dates: list[str], split: dict[str, Split], usable: frozenset[str]) -> None:
        self.ids, self.dates, self.split, self.usable = ids, dates, split, usable


def _reviews(con: duckdb.DuckDBPyConnection) -> _Reviews:
    rows = con.execute(
        """WITH held AS (
               SELECT s.review_id, count(DISTINCT s.report_id) AS included, count(DISTINCT p.paper_id) AS indexed,
                      max(p.first_published_date) AS newest
               FROM review_studies s LEFT JOIN papers p ON p.paper_id = s.report_id
               WHERE s.decision = 'INCLUDED' AND s.report_id IS NOT NULL GROUP BY s.review_id)
           SELECT r.review_id,
                  coalesce(CAST(coalesce(r.search_until_date, o.first_published_date, h.newest) AS VARCHAR), ''),
                  coalesce(h.indexed >= $least * h.included, false)
           FROM reviews r LEFT JOIN held h USING (review_id) LEFT JOIN papers o ON o.paper_id = r.paper_id
           ORDER BY r.review_id""",
        {"least": LEAST_INDEXED},
    ).fetchall()
    usable = frozenset(row[0] for row in rows if row[2])
    split = _by_date({row[0]: row[1] for row in rows if row[2]})
    # The others only need a place to be counted in.
    split |= {row[0]: "train" for row in rows if not row[2]}
    return _Reviews([row[0] for row in rows], [row[1] for row in rows], split, usable)


def _by_date(dates: dict[str, str]) -> dict[str, Split]:
    """The oldest 70 % for training, 10 % for validation, the newest for the test; hashes part what has one date."""
    ordered = sorted(dates, key=lambda id: (dates[id], _shuffled(id), id))
    first, second = (per_cent * len(ordered) // 100 for per_cent in (_FIRST_VALIDATION, _FIRST_TEST))
    return {id: "train" if i < first else "validation" if i < second else "test" for i, id in enumerate(ordered)}


def _shuffled(id: str) -> str:
    import hashlib

    return hashlib.md5(f"{SEED}:{id}".encode(), usedforsecurity=False).hexdigest()


def _included(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str | None, list[str]]]:
    """What each review includes: review, paper, registered trials."""
    return con.execute(
        "SELECT review_id, report_id, coalesce(study_ids, []) FROM review_studies WHERE decision = 'INCLUDED'"
    ).fetchall()


def _reported(con: duckdb.DuckDBPyConnection, group: dict[str, str]) -> dict[str, str]:
    """The trial group that each paper reports; of several the first."""
    found: dict[str, set[str]] = defaultdict(set)
    for paper, study in con.execute(
        "SELECT DISTINCT paper_id, study_id FROM paper_links WHERE is_accepted ORDER BY ALL"
    ).fetchall():
        if study in group:
            found[paper].add(group[study])
    return {paper: min(groups) for paper, groups in found.items() if len(groups) <= _MOST_TRIALS_OF_A_REPORT}


def _write_papers(
    con: duckdb.DuckDBPyConnection, reported: dict[str, str], last: dict[str, Split], tied: dict[str, Split]
) -> None:
    rows = con.execute(
        "SELECT paper_id, coalesce(CAST(first_published_date AS VARCHAR), '') FROM papers ORDER BY paper_id"
    ).fetchall()
    free = _by_date({id: date for id, date in rows if date and id not in reported and id not in tied})
    split = {**free, **tied, **{paper: last[key] for paper, key in reported.items()}}
    kept = [(id, date) for id, date in rows if id in split]
    _write(
        con,
        "paper_splits",
        "paper_id",
        {
            "paper_id": [id for id, _ in kept],
            "date": [date for _, date in kept],
            "group_id": [reported.get(id, id) for id, _ in kept],
            "split": [split[id] for id, _ in kept],
        },
        "split",
    )


def _write(
    con: duckdb.DuckDBPyConnection, name: str, key: str, columns: dict[str, Sequence[object]], partition: str
) -> None:
    import pyarrow as pa

    types = {"is_used": pa.bool_(), "is_usable": pa.bool_()}
    given = pa.table({column: pa.array(values, types.get(column, pa.string())) for column, values in columns.items()})
    con.register("splits_made", given)
    con.execute(
        f"""CREATE TEMP TABLE {name} AS
            SELECT *, row_number() OVER (PARTITION BY {partition} ORDER BY md5('{SEED}:' || {key}), {key}) AS place
            FROM splits_made"""
    )
    con.unregister("splits_made")
