"""Systematic reviews as tasks may ask about them: their question, and what became of each paper that they looked at."""

from __future__ import annotations

import datetime
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from trialpanorama import identifiers
from trialpanorama.errors import UserError
from trialpanorama.tasks import SEED, Split, warehouse_of
from trialpanorama.tasks._published import FOLDERS
from trialpanorama.tasks._splits import LEAST_INDEXED, split_all

if TYPE_CHECKING:
    import duckdb

    from trialpanorama.search.index import Index

NO_QUESTION = "the review has no title, question or topic in words"
NOTHING_INCLUDED = "nothing that the review included is known"
NOT_INDEXED = f"less than {LEAST_INDEXED:.0%} of what the review included is in the warehouse"
NO_TITLES = "nothing that the review included has a title here"
ELSEWHERE = "nothing that the review included stands in its own split"
_PAPER = "a paper, not a review: "
"""Begins the reasons why a paper that a review looked at is left out of the review's samples."""


class Question(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a review asks; texts are masked."""

    title: str
    background: str | None = None
    objectives: str | None = None
    criteria: str | None = None
    """What studies had to be like to be included."""
    before: str | None = None
    """The day after its search ended (ISO 8601): what was published from then on, it could not find."""


class Looked(msgspec.Struct, frozen=True):
    """A paper that a review looked at and judged."""

    id: str
    is_included: bool
    was_read: bool
    """Judged on its full text: if it was excluded, it was nearly included."""
    length: int
    """Characters of title and abstract."""
    published: str | None
    """ISO 8601."""


class Review(msgspec.Struct, frozen=True):
    """A review, and the papers with a text that it judged, in the order of their ids."""

    id: str
    split: Split
    date: str
    is_fictional: bool
    question: Question
    papers: list[Looked]
    own_papers: list[str]
    """The articles that are the review itself."""
    studies: list[str]
    """Registered trials that it included."""

    @property
    def included(self) -> list[Looked]:
        """What it included."""
        return [paper for paper in self.papers if paper.is_included]

    @property
    def excluded(self) -> list[Looked]:
        """What it excluded."""
        return [paper for paper in self.papers if not paper.is_included]


# --- reading them

_LOOKED = """
    WITH asked AS (
        SELECT v.*, CASE v.split WHEN 'train' THEN 0 WHEN 'validation' THEN 1 ELSE 2 END AS side
        FROM review_splits v WHERE v.is_usable),
    looked AS (
        SELECT a.review_id, a.split, a.side, a.place, s.report_id,
            coalesce(bool_or(s.decision = 'INCLUDED'), false) AS is_included,
            coalesce(bool_or(s.decision = 'EXCLUDED'), false) AS is_excluded,
            coalesce(bool_or(s.decision_full_text IS NOT NULL), false) AS was_read,
            max(coalesce(s.study_ids, [])) AS study_ids
        FROM review_studies s JOIN asked a USING (review_id)
        WHERE s.report_id IS NOT NULL GROUP BY ALL),
    latest AS (SELECT report_id, max(side) AS side FROM looked GROUP BY 1)
    SELECT k.review_id, k.report_id, k.is_included, k.is_excluded, k.was_read, k.study_ids,
        length(p.title) + coalesce(length(p.abstract), 0), CAST(p.first_published_date AS VARCHAR),
        p.title IS NOT NULL AND trim(p.title) <> '',
        l.side <> k.side OR (k.is_included AND t.split IS DISTINCT FROM k.split AND t.split IS NOT NULL)
    FROM looked k JOIN latest l USING (report_id) LEFT JOIN papers p ON p.paper_id = k.report_id
        LEFT JOIN paper_splits t ON t.paper_id = k.report_id
    WHERE $split IS NULL OR k.split = $split ORDER BY k.split, k.place, k.review_id, k.report_id"""
_ABOUT = """
    SELECT r.review_id, v.split, v.date, coalesce(r.is_fictional, false), r.title, r.question, r.criteria,
        CAST(r.search_until_date AS VARCHAR), r.search_until_date_precision, p.paper_id,
        CAST(p.first_published_date AS VARCHAR), p.title, p.abstract_sections, v.is_usable
    FROM reviews r JOIN review_splits v USING (review_id) LEFT JOIN papers p ON p.paper_id = r.paper_id
    WHERE $split IS NULL OR v.split = $split ORDER BY v.split, v.place"""
_INCLUDING = "SELECT DISTINCT review_id FROM review_studies WHERE decision = 'INCLUDED'"
_OWN = """
    SELECT r.review_id, p.paper_id FROM reviews r JOIN papers p ON p.paper_id = r.paper_id
    UNION SELECT r.review_id, p.paper_id FROM reviews r JOIN papers p
        ON regexp_extract(lower(p.doi), '14651858\\.((?:cd|ed|mr)[0-9]{6})', 1) = lower(r.review_id)
    ORDER BY ALL"""


def reviews(
    con: duckdb.DuckDBPyConnection, split: Split | None, left_out: Counter[str] | None = None
) -> Iterator[Review]:
    """The reviews of a split that can be asked about, in their shuffled order.

    A review needs a question, and at least 80 % of what it included in the warehouse. Each paper is one, however often
    the review lists it; one that a review of a later split looked at too, or that it included and that stands in
    another split, is left out. Without a split it is every review, and nothing is left out for that.
    `left_out` counts reviews, and in reasons that say so papers.
    """
    counted: Counter[str] = Counter() if left_out is None else left_out
    split_all(con)
    looked: dict[str, list[Any]] = {}
    for review_id, *row in con.execute(_LOOKED, {"split": split}).fetchall():
        looked.setdefault(review_id, []).append(row)
    own = own_papers(con)
    including = {
        id
        for (id,) in con.execute("SELECT DISTINCT review_id FROM review_studies WHERE decision = 'INCLUDED'").fetchall()
    }
    for about in con.execute(_ABOUT, {"split": split}).fetchall():
        review_id, is_usable = about[0], about[-1]
        if not is_usable:
            counted[NOT_INDEXED if review_id in including else NOTHING_INCLUDED] += 1
            continue
        made = _review(about, looked.get(review_id, []), own.get(review_id, []), counted, across=split is None)
        if isinstance(made, Review):
            yield made
        else:
            counted[made] += 1


def own_papers(con: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """The articles that a review itself is, in all their versions, by review: they list what it included."""
    own: dict[str, list[str]] = {}
    for review_id, paper in con.execute(_OWN).fetchall():
        own.setdefault(review_id, []).append(paper)
    return own


def _review(
    row: tuple[Any, ...], looked: list[Any], own: list[str], counted: Counter[str], *, across: bool
) -> Review | str:
    id, split, date, is_fictional, title, said, criteria, until, precision, _, published, own_title, sections, _ = row
    papers: list[Looked] = []
    studies: set[str] = set()
    titled = 0
    for report, is_included, is_excluded, was_read, study_ids, length, day, has_text, is_elsewhere in looked:
        if report in own:
            continue
        titled += is_included and has_text
        if is_elsewhere and not across:
            counted[_PAPER + "it stands in another split"] += 1
        elif not has_text:
            counted[_PAPER + "it has no title here"] += 1
        elif not (is_included or is_excluded):
            counted[_PAPER + "it was found and not judged"] += 1
        else:
            papers.append(Looked(report, is_included, was_read, length, day))
            studies.update(study_ids if is_included else ())
    if not titled:
        return NO_TITLES
    if not any(paper.is_included for paper in papers):
        return ELSEWHERE
    name = title or own_title or topic(id)
    if not (name or said):
        return NO_QUESTION
    parts = _sections(sections or [])
    question = Question(
        title=masked(name or said),
        background=_masked(parts.get("background")),
        objectives=_masked(parts.get("objectives") or said),
        criteria=_masked(parts.get("criteria") or criteria),
        before=_after(until, precision) or published or _next_year(paper.published for paper in papers),
    )
    return Review(id, split, date, is_fictional, question, papers, own, sorted(studies))


_SECTIONS = (
    ("criteria", re.compile(r"(?i)selection criteria|eligibility|inclusion criteria|study selection")),
    ("objectives", re.compile(r"(?i)objective|\baims?\b|purpose")),
    ("background", re.compile(r"(?i)background|introduction|context|rationale")),
)
"""Parts of a review's abstract that were written before its search, and their headings; what it found is not shown."""


def _sections(sections: list[dict[str, Any]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for section in sections:
        label, text = section.get("label") or "", section.get("text")
        part = next((name for name, heading in _SECTIONS if heading.search(label)), None)
        if part and text:
            found.setdefault(part, text)
    return found


_PREFIX = re.compile(r"^(?:CLEF-TAR|EVIDENCE-INFERENCE|IELAB-SEED|[^-]+)(?:-|$)")
"""What stands before a review's own name in its id: the collection."""
_HASH = re.compile(r"-(?=[0-9a-f]*\d)[0-9a-f]{8}$")
_HUMP = re.compile(r"[A-Z]{2,}s?(?![a-z])|[A-Z]?[a-z]+|[A-Z](?=[^a-z]|$)")


def topic(review_id: str) -> str | None:
    """A review's topic in words, from an id that was made of it: "Beta Blockers" of COHEN2006-BetaBlockers.

    None of an id that is a number, such as CD012345.
    """
    if identifiers.normalise(review_id):
        return None
    slug = _HASH.sub("", _PREFIX.sub("", review_id))
    words = _HUMP.findall(slug)
    return " ".join(words) if any(len(word) > 2 for word in words) else None


def _after(until: str | None, precision: str | None) -> str | None:
    """The day after a search ended; after its month or year where no more is known."""
    if not until:
        return None
    day = datetime.date.fromisoformat(until)
    if precision == "year":
        return f"{day.year + 1}-01-01"
    if precision == "month":
        return (day.replace(day=1) + datetime.timedelta(days=31)).replace(day=1).isoformat()
    return (day + datetime.timedelta(days=1)).isoformat()


def _next_year(published: Iterable[str | None]) -> str | None:
    """The year after the newest of what a review looked at, where nothing says when it searched."""
    newest = max(filter(None, published), default=None)
    return f"{int(newest[:4]) + 1}-01-01" if newest else None


_BACKGROUND = 20_000
"""Papers from which random candidates are drawn, in each split."""


def background(con: duckdb.DuckDBPyConnection, review: Review, number: int) -> list[Looked]:
    """Random papers that no review looked at and that this one's search could have found; those of its split first."""
    if not con.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'review_background'").fetchall():
        con.execute(
            f"""CREATE TEMP TABLE review_background AS
                SELECT p.paper_id, t.split, length(p.title) + coalesce(length(p.abstract), 0) AS length,
                    CAST(p.first_published_date AS VARCHAR) AS published
                FROM papers p JOIN paper_splits t USING (paper_id)
                    ANTI JOIN review_studies s ON s.report_id = p.paper_id
                    ANTI JOIN reviews r ON r.paper_id = p.paper_id
                WHERE trim(p.title) <> ''
                QUALIFY row_number() OVER (PARTITION BY t.split ORDER BY md5('{SEED}:' || p.paper_id), p.paper_id)
                    <= {_BACKGROUND}"""
        )
    found = con.execute(
        """SELECT paper_id, length, published FROM review_background
           WHERE $before IS NULL OR published < $before
           ORDER BY split <> $split, md5($review || ':' || paper_id), paper_id LIMIT $number""",
        {"split": review.split, "before": review.question.before, "review": review.id, "number": max(0, number)},
    ).fetchall()
    return [Looked(id, False, False, length, day) for id, length, day in found]


# --- texts


_PUBLISHED = re.compile(
    r"(?i)(?<=\bPMID)[:\s]{0,3}\d{1,9}\b|\bPMC\d{4,9}\b|\b10\.\d{4,9}/[^\s\"<>]*[^\s\"<>.,;:)\]]|\b(?:CD|ED|MR)\d{6}\b"
)
"""PMIDs, PMC ids, DOIs and the numbers of Cochrane reviews."""


def masked(text: str) -> str:
    """A text on one line; registry numbers and ids of publications taken out."""
    for found in reversed(identifiers.find(text)):
        text = f"{text[: found.start]}[id]{text[found.end :]}"
    return " ".join(_PUBLISHED.sub(" [id]", text).split())


def _masked(text: str | None) -> str | None:
    return masked(text) or None if text else None


def texts(con: duckdb.DuckDBPyConnection, ids: Iterable[str]) -> dict[str, tuple[str, str | None]]:
    """Title and abstract of papers, masked, by id; those without a title are left out."""
    rows = con.execute(
        """SELECT paper_id, title, abstract FROM papers SEMI JOIN (SELECT unnest($ids) AS paper_id) USING (paper_id)
           WHERE title IS NOT NULL""",
        {"ids": sorted(set(ids))},
    ).fetchall()
    return {id: (masked(title), _masked(abstract)) for id, title, abstract in rows}


def describe(question: Question) -> str:
    """A review's question as a reader sees it, one fact a line."""
    lines = [f"Title: {question.title}"]
    for head, text in (
        ("Background", question.background),
        ("Objectives", question.objectives),
        ("Selection criteria", question.criteria),
    ):
        if text:
            lines.append(f"{head}: {text}")
    return "\n".join(lines)


def shuffled(*parts: str) -> str:
    """What to order by, to put things into a fixed random order."""
    return hashlib.md5(":".join((str(SEED), *parts)).encode(), usedforsecurity=False).hexdigest()


# --- searching the snapshot


def index_of(snapshot: str) -> Index:
    """The search index of a snapshot, made if it is not there yet, and opened once a process.

    Raises UserError where no warehouse of that snapshot is known.
    """
    warehouse = warehouse_of(snapshot)
    if warehouse.snapshot != snapshot:
        raise UserError(f"{warehouse.path} was built anew during the run. Run it again.")
    return _index(str(warehouse.path), snapshot)


@lru_cache(maxsize=4)
def _index(path: str, snapshot: str) -> Index:
    from trialpanorama.search.index import Index
    from trialpanorama.warehouse import Warehouse

    return Index.open(Warehouse.open(path))


# --- published files


def published(paths: Iterable[Any], split: Split, name: str) -> Iterator[dict[str, Any]]:
    """The rows of published JSONL files; of folders with one file a split, those of the split.

    Of the whole benchmark's folder, those of the task of this name. Raises UserError for a line that is no JSON object.
    """
    for path in paths:
        path = next((path / known for known in FOLDERS[name] if (path / known).is_dir()), path)
        files = sorted(path.rglob("*.jsonl")) if path.is_dir() else [path]
        named = [file for file in files if split in file.stem.lower()]
        for file in named if path.is_dir() else files:
            with file.open("rb") as lines:
                for number, line in enumerate(lines, 1):
                    if not line.strip():
                        continue
                    try:
                        row = msgspec.json.decode(line)
                    except msgspec.DecodeError as error:
                        raise UserError(f"{file}, line {number}, is no JSON ({error}).") from None
                    if not isinstance(row, dict):
                        raise UserError(f"{file}, line {number}, is no JSON object.")
                    yield row


def published_question(row: dict[str, Any]) -> tuple[str, Question]:
    """The review's id and question of a published row; raises UserError where it has none."""
    about, inputs = row.get("metadata") or {}, row.get("inputs") or {}
    id = str(about.get("review_pmid") or about.get("PMID") or "")
    said = {" ".join(key.lower().replace("_", " ").split()): str(value) for key, value in inputs.items() if value}
    if not id or not said:
        raise UserError(
            "A row of these files needs metadata.review_pmid and inputs (background, objectives, selection criteria)."
        )
    objectives = said.get("objectives") or said.get("objective")
    return id, Question(
        title=masked(said.get("title") or (objectives or next(iter(said.values()))).split(". ")[0]),
        background=_masked(said.get("background")),
        objectives=_masked(objectives),
        criteria=_masked(said.get("selection criteria")),
    )
