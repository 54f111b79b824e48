"""Hand-made Records of systematic reviews, and the tables in which they become one review each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.test_tables import Made, Query, native, one, paper
from trialpanorama.record import Finding, Identifier, Paper, PartialDate, Record, Review, ReviewedStudy

pytestmark = pytest.mark.slow

CD = "CD990001"


@pytest.fixture
def query(tmp_path: Path) -> Query:
    """Make all tables of some Records, and query them."""
    return lambda records, sql: Made(records, tmp_path)(sql)


def study(*reports: str, said: str | None = None, on: str | None = None, **fields: Any) -> ReviewedStudy:
    return ReviewedStudy(decision=said, stage=on, report_ids=list(reports), **fields)


def review(record_id: str, *studies: ReviewedStudy, id: str = CD, **fields: Any) -> Record:
    told = {name: fields.pop(name) for name in list(fields) if name in Review.__struct_fields__}
    return Record(
        **{
            "record_id": record_id,
            "id": id,
            "register": "cochrane" if id.startswith("CD") else None,
            "source": "reviews",
            "kind": "REVIEW",
            "licence": "MIT",
            "review": Review(studies=list(studies), **told),
        }
        | fields
    )


INCLUDED, EXCLUDED = {"said": "INCLUDED", "on": "FULL_TEXT"}, {"said": "EXCLUDED", "on": "FULL_TEXT"}
LET_THROUGH, IRRELEVANT = {"said": "INCLUDED", "on": "TITLE_ABSTRACT"}, {"said": "EXCLUDED", "on": "TITLE_ABSTRACT"}


def test_a_topic_and_two_levels_of_judgements_are_one_review(query: Query) -> None:
    topic = review(
        "topic",
        *(study(pmid, is_retrieved=True) for pmid in ("99000001", "99000002", "99000003")),
        scientific_title="Glowing elbows",
        search_query="1. exp Elbow/",
        search_syntax="OVID",
        collection="CLEF-TAR 2099, testing",
    )
    abstracts = review(
        "abstracts",
        study("99000001", **LET_THROUGH),
        study("99000002", **LET_THROUGH),
        study("99000003", **IRRELEVANT),
        licence="none stated",
    )
    contents = review("contents", study("99000001", **INCLUDED), study("99000002", said="EXCLUDED"))
    contents.review.studies.append(study("99000003", said="EXCLUDED"))  # type: ignore[union-attr]
    records = [topic, abstracts, contents]
    row = one(query(records, "FROM reviews"))
    expected = {
        "review_id": CD,
        "title": "Glowing elbows",
        "search_query": "1. exp Elbow/",
        "search_syntax": "OVID",
        "collections": ["CLEF-TAR 2099, testing"],
        "number_of_reports": 3,
        "number_retrieved": 3,
        "number_included": 1,
        "number_excluded": 2,
        "number_of_seeds": 0,
        "number_of_studies_included": 1,
        "record_ids": ["abstracts", "contents", "topic"],
        "licence": "MIT; none stated",
        "is_open": False,
        "paper_id": None,
    }
    assert {name: row[name] for name in expected} == expected
    columns = "report_id, decision, decision_title_abstract, decision_full_text, is_disputed"
    rows = [tuple(row.values()) for row in query(records, f"SELECT {columns} FROM review_studies")]
    assert rows == [
        ("99000001", "INCLUDED", "INCLUDED", "INCLUDED", False),
        ("99000002", "EXCLUDED", "INCLUDED", "EXCLUDED", False),
        ("99000003", "EXCLUDED", "EXCLUDED", None, False),
    ]
    edges = query(
        records, "SELECT head_type, tail_id, tail_type, relation_type FROM relations WHERE head_id = 'CD990001'"
    )
    assert [tuple(row.values()) for row in edges] == [
        ("review", "99000001", "publication", "includes"),
        ("review", "99000002", "publication", "excludes"),
    ]


def test_what_records_say_of_a_report_is_taken_together(query: Query) -> None:
    cases: list[tuple[list[dict[str, str]], str | None, str | None, str | None, bool]] = [
        ([{}], None, None, None, False),
        ([LET_THROUGH], "INCLUDED", "INCLUDED", None, False),
        ([IRRELEVANT], "EXCLUDED", "EXCLUDED", None, False),
        ([{"said": "INCLUDED"}], "INCLUDED", None, None, False),
        ([{"said": "EXCLUDED"}, IRRELEVANT], "EXCLUDED", "EXCLUDED", None, False),
        ([{"said": "EXCLUDED"}, LET_THROUGH], "EXCLUDED", "INCLUDED", "EXCLUDED", False),
        ([INCLUDED, EXCLUDED], "INCLUDED", "INCLUDED", "INCLUDED", True),
        ([INCLUDED, IRRELEVANT], "INCLUDED", "INCLUDED", "INCLUDED", True),
        ([{"said": "INCLUDED"}, {"said": "EXCLUDED"}], "INCLUDED", None, None, True),
        ([INCLUDED, LET_THROUGH, {}], "INCLUDED", "INCLUDED", "INCLUDED", False),
    ]
    records = [
        review(f"r{case}.{number}", study("99000001", **words), id=f"CD9900{case:02}")
        for case, (said, *_) in enumerate(cases)
        for number, words in enumerate(said)
    ]
    columns = "decision, decision_title_abstract, decision_full_text, is_disputed"
    rows = query(records, f"SELECT {columns} FROM review_studies ORDER BY review_id")
    assert [tuple(row.values()) for row in rows] == [tuple(expected) for _, *expected in cases]


def test_a_topic_number_and_a_cochrane_number_are_one_review(query: Query) -> None:
    page = review("page", id="SIGIR2099-1", identifiers=[Identifier(CD, "cochrane", "alias")])
    cited = review("cited", study("99000001", "99000002", name="Glow 2098", **INCLUDED), id="SIGIR2099-1")
    judged = review("judged", study("99000001", **INCLUDED), study("99000002", **INCLUDED))
    other = review("other", study("99000001", **INCLUDED), id="SIGIR2099-2")
    records = [page, cited, judged, other]
    assert [row["review_id"] for row in query(records, "FROM reviews")] == [CD, "SIGIR2099-2"]
    rows = query(
        records, "SELECT study_position, study_name, report_id FROM review_studies WHERE review_id = 'CD990001'"
    )
    # the second file does not know that both papers report one study
    assert [tuple(row.values()) for row in rows] == [(1, "Glow 2098", "99000001"), (1, "Glow 2098", "99000002")]


def test_the_search_that_the_reviewers_ran_comes_before_derived_ones(query: Query) -> None:
    published = review(
        "z",
        search_query="1. exp Elbow/",
        search_syntax="OVID",
        search_source="MEDLINE 2098",
        search_until_date=PartialDate("2098-08"),
    )
    derived = review("a", search_query='{"bool": {}}', search_syntax="OTHER", search_from_date=PartialDate("2050"))
    row = one(query([published, derived], "FROM reviews"))
    assert (row["search_query"], row["search_syntax"], row["search_source"]) == (
        "1. exp Elbow/",
        "OVID",
        "MEDLINE 2098",
    )
    assert (row["search_from_date"], row["search_until_date_precision"]) == (None, "month")


def cochrane_article(pmid: str, version: str) -> Record:
    doi = f"10.1002/14651858.{CD}{version}"
    return paper(pmid, paper=Paper(pmid=pmid, doi=doi), scientific_title="Glowing elbows")


def test_a_review_is_linked_to_its_article(query: Query) -> None:
    articles = [
        cochrane_article("99000011", ""),
        cochrane_article("99000012", ".pub3"),
        cochrane_article("99000013", ".pub2"),
    ]
    row = one(query([review("r", study("99000001", **INCLUDED)), *articles], "FROM reviews"))
    assert row["paper_id"] == "99000012"
    exact = review("r", identifiers=[Identifier(f"10.1002/14651858.{CD.lower()}.pub2", "doi", "alias")])
    assert one(query([exact, *articles], "FROM reviews"))["paper_id"] == "99000013"
    said = review("r", id="SEED-7", identifiers=[Identifier("99000019", "pubmed", "alias")])
    assert one(query([said], "FROM reviews"))["paper_id"] == "99000019"
    edge = one(query([said], "FROM relations"))
    assert (edge["head_id"], edge["tail_id"], edge["relation_type"]) == ("SEED-7", "99000019", "published_as")


def test_a_report_is_known_by_its_pmid_and_by_its_trial(query: Query) -> None:
    result = paper(
        "99000001",
        scientific_title="It glows",
        identifiers=[Identifier(native().id, "clinicaltrials_gov")],
        paper=Paper(pmid="99000001", doi="10.99999/fictional.1", pmcid="PMC99000001"),
    )
    listed = review(
        "a",
        study("10.99999/fictional.1", said="EXCLUDED"),
        study("10.99999/fictional.2", **INCLUDED),
        study(native().id, **INCLUDED),
    )
    again = review("b", study("PMC99000001", **LET_THROUGH))
    rows = query([native(), result, listed, again], "FROM review_studies ORDER BY report_id")
    assert [(row["report_id"], row["study_ids"], row["decision"], row["record_ids"]) for row in rows] == [
        ("10.99999/fictional.2", None, "INCLUDED", ["a"]),
        ("99000001", [native().id], "EXCLUDED", ["a", "b"]),
        (native().id, [native().id], "INCLUDED", ["a"]),
    ]


def test_an_included_registration_is_an_edge_to_its_trial(query: Query) -> None:
    twin_id = "DRKS99000001"
    twin = Record(
        record_id="twin",
        id=twin_id,
        register="drks",
        source="ictrp",
        identifiers=[Identifier(native().id, "clinicaltrials_gov")],
    )
    listed = review("a", study(twin_id, **INCLUDED), study("NCT99000009", **EXCLUDED))
    rows = query([native(), twin, listed], "SELECT tail_id, tail_type, relation_type FROM relations")
    assert [tuple(row.values()) for row in rows] == [
        (native().id, "trial", "includes"),
        ("NCT99000009", "trial", "excludes"),
    ]


def test_a_review_known_by_its_studies_is_no_paper(query: Query) -> None:
    listed = paper("99000001", record_id="a-list")
    told = paper("99000001", record_id="b-text", scientific_title="It glows", brief_summary="At night.")
    rows = query([review("r", study("99000001")), listed, told], "FROM papers")
    assert [(row["paper_id"], row["title"]) for row in rows] == [("99000001", "It glows")]


def test_a_review_without_studies_is_counted_as_nothing(query: Query) -> None:
    row = one(query([review("r", search_query="humming")], "FROM reviews"))
    assert (row["number_of_reports"], row["number_retrieved"], row["number_included"]) == (0, None, 0)


def test_an_answer_takes_the_words_of_its_question(query: Query) -> None:
    def article(record_id: str, *findings: Finding) -> Record:
        return Record(
            record_id=record_id,
            id="PMC99000001",
            register="pmc",
            source="reviews",
            kind="PUBLICATION",
            paper=Paper(pmcid="PMC99000001", findings=list(findings)),
        )

    asked = article("asked", Finding("1", "Humming", "Silence", "Hums"), Finding("2", "Humming", "Silence", "Sleep"))
    answered = article(
        "answered",
        Finding(
            "1", direction="INCREASED", direction_raw="significantly increased", evidence="They hum.", annotator="7"
        ),
        Finding("1", direction_raw="invalid prompt", annotator="8"),
    )
    known = paper("99000001", paper=Paper(pmid="99000001", pmcid="PMC99000001"))
    columns = "paper_id, question, intervention, outcome, direction, annotator, record_id"
    rows = query([asked, answered, known], f"SELECT {columns} FROM findings")
    assert [tuple(row.values()) for row in rows] == [
        ("99000001", "1", "Humming", "Hums", "INCREASED", "7", "answered"),
        ("99000001", "1", "Humming", "Hums", None, "8", "answered"),
        ("99000001", "2", "Humming", "Sleep", None, None, "asked"),
    ]
