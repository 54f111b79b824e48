"""Small warehouses of fictional systematic reviews, table by table, for tests of searching and screening."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import duckdb
import msgspec
import pyarrow as pa

from tests.handmade import HandTrial, connection, warehouse
from trialpanorama.warehouse import Warehouse, write_catalogue

Decision = Literal["included", "excluded", "nearly", "unjudged"]
"""`nearly`: excluded on its full text."""


class HandPaper(msgspec.Struct, kw_only=True):
    """A fictional paper that a review looked at."""

    number: int
    decision: Decision = "included"
    title: str | None = "Fictumab versus placebo in gloaming fever"
    abstract: str | None = "Fever was scored daily. FICTIONAL"
    published: str | None = "2012-05-01"
    is_held: bool = True
    """Whether the warehouse has it."""

    @property
    def id(self) -> str:
        """Its reserved, fictional PMID."""
        return str(99_000_000 + self.number)


class HandReview(msgspec.Struct, kw_only=True):
    """A fictional review; `reviews` overrides columns of its row."""

    id: str
    papers: Sequence[HandPaper] = ()
    title: str | None = "Drugs for gloaming fever"
    until: str | None = "2015-06-30"
    own: HandPaper | None = None
    """The article that the review itself is."""
    reviews: dict[str, Any] = {}


def numbered(first: int, *decisions: Decision, **fields: Any) -> list[HandPaper]:
    """Papers with these decisions, numbered from `first`."""
    return [
        HandPaper(number=number, decision=decision, title=f"Paper number {number} on gloaming fever", **fields)
        for number, decision in enumerate(decisions, first)
    ]


def reviewed(reviews: Iterable[HandReview], trials: Iterable[HandTrial] = ()) -> duckdb.DuckDBPyConnection:
    """The tables of these reviews and trials in memory."""
    con = connection(trials)
    rows: dict[str, dict[str, dict[str, Any]]] = {"papers": {}, "reviews": {}, "review_studies": {}}
    for review in reviews:
        for place, paper in enumerate(review.papers, 1):
            rows["review_studies"][f"{review.id}:{place}"] = _looked(review, place, paper)
        for paper in (*review.papers, *filter(None, (review.own,))):
            if paper.is_held:
                rows["papers"][paper.id] = _paper(paper)
        rows["reviews"][review.id] = {
            "review_id": review.id,
            "title": review.title,
            "search_until_date": _day(review.until),
            "search_until_date_precision": "day" if review.until else None,
            "paper_id": review.own.id if review.own else None,
            "is_fictional": True,
        } | review.reviews
    for table, made in rows.items():
        if made:
            keys = {key: None for row in made.values() for key in row}
            con.register("given", pa.Table.from_pylist([{key: row.get(key) for key in keys} for row in made.values()]))
            con.execute(f'INSERT INTO "{table}" BY NAME SELECT * FROM given')
            con.unregister("given")
    return con


def _day(text: str | None) -> datetime.date | None:
    return datetime.date.fromisoformat(text) if text else None


def _looked(review: HandReview, place: int, paper: HandPaper) -> dict[str, Any]:
    is_included, was_read = paper.decision == "included", paper.decision in ("included", "nearly")
    last = None if paper.decision == "unjudged" else "INCLUDED" if is_included else "EXCLUDED"
    return {
        "review_id": review.id,
        "study_position": place,
        "report_id": paper.id,
        "decision": last,
        "decision_title_abstract": "INCLUDED" if was_read else last,
        "decision_full_text": last if was_read else None,
    }


def _paper(paper: HandPaper) -> dict[str, Any]:
    return {
        "paper_id": paper.id,
        "title": paper.title,
        "abstract": paper.abstract,
        "first_published_date": _day(paper.published),
        "publication_date": _day(paper.published),
        "record_id": f"record-{paper.id}",
        "source": "pubmed",
        "is_fictional": True,
    }


_RECORDS = """
    SELECT NULL::VARCHAR AS source, NULL::VARCHAR AS record_id,
        NULL::STRUCT(term VARCHAR, is_ancestor BOOLEAN, is_major BOOLEAN, qualifiers VARCHAR[])[] AS mesh_terms,
        NULL::STRUCT(name VARCHAR)[] AS interventions
    WHERE false"""


def reviewed_warehouse(
    folder: Path, reviews: Iterable[HandReview], trials: Iterable[HandTrial] = (), snapshot: str = "0123456789abcdef"
) -> Warehouse:
    """A warehouse on disk of these reviews and trials, which can be searched."""
    trials = list(trials)
    warehouse(folder, trials, snapshot=snapshot)
    with reviewed(reviews, trials) as con:
        for table in ("papers", "reviews", "review_studies"):
            con.execute(f"COPY \"{table}\" TO '{folder / 'tables' / table}.parquet' (FORMAT parquet)")
        con.execute(f"COPY ({_RECORDS}) TO '{folder / 'records' / 'none'}.parquet' (FORMAT parquet)")
    write_catalogue(folder, [], {})
    return Warehouse.open(folder)


# --- many of them

_TOPICS = (
    ("Proton pump inhibitors", "reflux", ("Omeprazole", "Lansoprazole", "Pantoprazole")),
    ("Beta blockers", "hypertension", ("Atenolol", "Metoprolol", "Propranolol")),
    ("Antihistamines", "hay fever", ("Cetirizine", "Loratadine", "Fexofenadine")),
    ("Opioids", "pain after surgery", ("Morphine", "Oxycodone", "Tramadol")),
    ("Statins", "raised cholesterol", ("Simvastatin", "Atorvastatin", "Pravastatin")),
    ("Triptans", "migraine", ("Sumatriptan", "Zolmitriptan", "Rizatriptan")),
    ("Anticonvulsants", "seizures", ("Lamotrigine", "Carbamazepine", "Topiramate")),
    ("Calcium channel blockers", "angina", ("Nifedipine", "Verapamil", "Diltiazem")),
    ("Antipsychotics", "schizophrenia", ("Olanzapine", "Risperidone", "Quetiapine")),
    ("Oral hypoglycaemics", "diabetes", ("Metformin", "Glipizide", "Repaglinide")),
)


def many_reviews() -> list[HandReview]:
    """Ten reviews of classes of drugs, one a year: they include comparisons of two of the class, and exclude others."""
    made = []
    for place, (drugs, condition, (one, two, three)) in enumerate(_TOPICS):
        year, first = 2005 + place, 1_000 + 100 * place
        pairs = ((one, two), (two, three), (one, three))
        titles: list[tuple[str, Decision]] = [
            (f"{a} versus {b} in {condition}: a randomized double-blind trial of {drugs.lower()}", "included")
            for a, b in pairs * 2
        ]
        titles += [(f"Safety of {a} in {condition}: a cohort that took {drugs.lower()}", "nearly") for a, _ in pairs]
        titles += [(f"Pharmacokinetics of {a} in healthy volunteers", "excluded") for a, _ in pairs]
        titles += [(f"A letter on {condition} and the price of {drugs.lower()}", "excluded") for _ in range(6)]
        papers = [
            HandPaper(
                number=first + number,
                decision=decision,
                title=f"{title}, number {number}",
                abstract=f"This FICTIONAL paper is the one numbered {number}.",
                published=f"{year - 2}-03-01",
            )
            for number, (title, decision) in enumerate(titles)
        ]
        made.append(
            HandReview(id=f"CD99{place:04d}", title=f"{drugs} for {condition}", papers=papers, until=f"{year}-06-30")
        )
    return made
