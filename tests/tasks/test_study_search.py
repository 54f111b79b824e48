"""From a review's question to its studies: samples, replies, and searches on the frozen snapshot."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.handmade import HandTrial
from tests.reviewed import Decision, HandPaper, HandReview, numbered, reviewed, reviewed_warehouse
from trialpanorama import tasks
from trialpanorama.errors import UserError
from trialpanorama.tasks import SPLITS, Sample, Unreadable
from trialpanorama.tasks._reviews import (
    ELSEWHERE,
    NO_QUESTION,
    NO_TITLES,
    NOT_INDEXED,
    NOTHING_INCLUDED,
    Question,
    describe,
    reviews,
    topic,
)
from trialpanorama.tasks.study_search import TASK, UNDATED, Query, by_ids, sought

Asked = Sample[Question, Query]
EIGHT: list[Decision] = ["included"] * 8


def samples(*given: HandReview) -> tuple[dict[str, Asked], Counter[str]]:
    """The samples of all splits by review, and what was left out."""
    con, left_out = reviewed(given), Counter[str]()
    return {one.subject: one for split in SPLITS for one in TASK.samples(con, split, left_out)}, left_out


def asked(before: str | None = None, gold: tuple[str, ...] = ("99000001",)) -> Asked:
    return Sample(
        id="CD990001@1", subject="CD990001", split="test", group="CD990001", date="2015-06-30",
        inputs=Question("Drugs for gloaming fever", before=before), gold=by_ids(gold),
    )  # fmt: skip


# --- samples


def test_a_review_asks_for_what_it_included_up_to_the_end_of_its_search() -> None:
    found, left_out = samples(HandReview(id="CD990001", papers=numbered(1, "included", "included", "nearly")))
    sample = found["CD990001"]
    assert sought(sample) == ["99000001", "99000002"]
    assert sample.inputs == Question("Drugs for gloaming fever", before="2015-07-01")
    assert (sample.group, sample.date, sample.is_fictional) == ("CD990001", "2015-06-30", True)
    assert sample.entities == ["99000001", "99000002", "CD990001"]
    assert not left_out


def test_the_prompt_shows_the_question_and_no_id() -> None:
    title = "Drugs for gloaming fever after NCT01234567 (PMID: 99000001; PMC9999999, doi:10.99999/fever.1) and CD990001"
    found, _ = samples(HandReview(id="CD990001", title=title, papers=numbered(1, "included", "excluded")))
    prompt = TASK.prompt(found["CD990001"])
    assert "gloaming fever" in prompt
    assert "2015-07-01" in prompt
    for id in ("NCT01234567", "99000001", "PMC9999999", "10.99999", "CD990001"):
        assert id not in prompt


@pytest.mark.parametrize(
    ("review", "reason"),
    [
        (HandReview(id="CD990001"), NOTHING_INCLUDED),
        (HandReview(id="CD990001", papers=numbered(1, "excluded", "nearly")), NOTHING_INCLUDED),
        (
            HandReview(
                id="CD990001", papers=[*numbered(1, *EIGHT[1:]), *numbered(8, "included", "included", is_held=False)]
            ),
            NOT_INDEXED,
        ),
        (HandReview(id="CD990001", title=None, papers=numbered(1, "included")), NO_QUESTION),
        (HandReview(id="CD990001", papers=[HandPaper(number=1, title=None)]), NO_TITLES),
        (HandReview(id="CD990001", until="2011-01-01", papers=numbered(1, "included")), UNDATED),
        (HandReview(id="CD990001", papers=numbered(1, "included", published=None)), UNDATED),
    ],
)  # fmt: skip
def test_a_review_that_cannot_be_asked_about_is_counted_by_the_reason(review: HandReview, reason: str) -> None:
    found, left_out = samples(review)
    assert not found
    assert left_out[reason] == 1
    assert sum(count for why, count in left_out.items() if not why.startswith("a paper")) == 1


def test_eighty_per_cent_of_what_was_included_are_enough() -> None:
    papers = [*numbered(1, *EIGHT), *numbered(9, "included", "included", is_held=False)]
    found, left_out = samples(HandReview(id="CD990001", papers=papers))
    assert len(sought(found["CD990001"])) == 8
    assert left_out == {"a paper, not a review: it has no title here": 2}


def test_a_paper_that_a_later_review_looked_at_is_left_out_of_the_earlier_one() -> None:
    shared = numbered(50, "included")
    given = [
        HandReview(
            id=f"CD9900{year}", until=f"20{year}-01-01",
            papers=[*numbered(100 * year, *EIGHT, published="2005-01-01"), *shared],
        )
        for year in range(10, 20)
    ]  # fmt: skip
    given[0].papers = shared
    found, left_out = samples(*given)
    assert {sample.split for sample in found.values()} == set(SPLITS)
    assert all(("99000050" in sought(sample)) == (sample.split == "test") for sample in found.values())
    assert left_out[ELSEWHERE] == 1, "the first review has nothing else"
    assert left_out["a paper, not a review: it stands in another split"] == 8


def test_the_background_of_a_review_is_shown_and_its_findings_are_not() -> None:
    con = reviewed([HandReview(id="CD990001", papers=numbered(1, "included"), own=HandPaper(number=900))])
    con.execute(
        """UPDATE papers SET abstract_sections = [
            {'label': 'BACKGROUND', 'category': NULL, 'text': 'Fever is common.'},
            {'label': 'OBJECTIVES', 'category': NULL, 'text': 'To assess drugs.'},
            {'label': 'SELECTION CRITERIA', 'category': NULL, 'text': 'Randomised trials.'},
            {'label': 'SEARCH METHODS', 'category': NULL, 'text': 'We searched the moon.'},
            {'label': 'MAIN RESULTS', 'category': NULL, 'text': 'We included nine trials.'}]
           WHERE paper_id = '99000900'"""
    )
    (review,) = (one for split in SPLITS for one in reviews(con, split))
    text = describe(review.question)
    assert [line.partition(":")[0] for line in text.splitlines()] == [
        "Title", "Background", "Objectives", "Selection criteria",
    ]  # fmt: skip
    assert "nine" not in text
    assert "moon" not in text
    assert review.own_papers == ["99000900"]


@pytest.mark.parametrize(
    ("until", "precision", "before"),
    [("2015-06-30", "day", "2015-07-01"), ("2015-12-01", "month", "2016-01-01"), ("2015-01-01", "year", "2016-01-01")],
)
def test_a_search_ends_with_its_day_month_or_year(until: str, precision: str, before: str) -> None:
    row = {"search_until_date_precision": precision}
    found, _ = samples(HandReview(id="CD990001", until=until, papers=numbered(1, "included"), reviews=row))
    assert found["CD990001"].inputs.before == before


def test_without_a_date_of_its_search_a_review_ends_with_its_article_or_the_year_of_its_newest_paper() -> None:
    papers = [*numbered(1, "included"), *numbered(2, "excluded", published="2013-09-01")]
    found, _ = samples(HandReview(id="CD990001", until=None, papers=papers))
    assert found["CD990001"].inputs.before == "2014-01-01"
    own = HandPaper(number=900, published="2013-10-05")
    found, _ = samples(HandReview(id="CD990001", until=None, papers=papers, own=own))
    assert found["CD990001"].inputs.before == "2013-10-05"


@pytest.mark.parametrize(
    ("id", "words"),
    [
        ("COHEN2006-AmberLungDrugs", "Amber Lung Drugs"),
        ("COHEN2006-NSAIDS", "NSAIDS"),
        ("REVIEW-gloaming-fever-1a2b3c4d", "gloaming fever"),
        ("IELAB-SEED-6", None),
        ("CD012345", None),
        ("ED990001", None),
    ],
)
def test_a_topic_is_folded_out_of_an_id_that_was_made_of_it(id: str, words: str | None) -> None:
    assert topic(id) == words


# --- replies


@pytest.mark.parametrize(
    ("reply", "query"),
    [
        ('{"query": "fever[ti] AND drug*", "syntax": "pubmed"}', Query("fever[ti] AND drug*", "pubmed")),
        ('Here it is:\n```json\n{"query": "fever"}\n```', Query("fever", "auto")),
        ('{"QUERY": " fever ", "syntax": "Plain text"}', Query("fever", "plain")),
        ('<think>{"query": "no"}</think><answer>{"query": "fever", "syntax": null}</answer>', Query("fever", "auto")),
        ("My search:\n```\n(fever OR ague) AND trial*[tiab]\n```", Query("(fever OR ague) AND trial*[tiab]", "auto")),
        ('{"query": "fever"} and once more {"query": "fever"}', Query("fever", "auto")),
        ('{"query": "fever\n AND\tdrug", "syntax": "pubmed"}', Query("fever\n AND\tdrug", "pubmed")),
        ('{"query": "(fever AND drug", "syntax": "pubmed"}', Query("(fever AND drug", "pubmed")),
    ],
)
def test_a_search_is_read_wherever_it_stands(reply: str, query: Query) -> None:
    assert TASK.read(reply, asked()) == query


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("", "empty"),
        ("<think>I wonder", "empty"),
        ("I am sorry, but I cannot help with that.", "no JSON object"),
        ("fever AND drugs", "no JSON object"),
        ('{"query": ""}', "no text"),
        ('{"query": ["fever", "drug"]}', "no text"),
        ('{"query": "fever", "syntax": "google"}', "no query syntax 'google'"),
        ('{"query": "fever"} or {"query": "ague"}', "different queries"),
        ('{"query": "fever AND", "syntax": "pubmed"}', "breaks off"),
        ('{"query": "a ovary/ fever\\u0000"}', "cannot be read"),
    ],
)
def test_what_is_no_search_is_unreadable_and_says_why(reply: str, why: str) -> None:
    found = TASK.read(reply, asked())
    assert isinstance(found, Unreadable)
    assert why in found.why


# --- scores


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    """A sample on a warehouse with two included papers, others, the review's own article and a trial."""
    papers = [
        HandPaper(number=1, title="Fictumab in gloaming fever", published="2012-01-01"),
        HandPaper(number=2, title="Examplinib in gloaming fever", published="2014-01-01"),
        HandPaper(number=3, decision="excluded", title="Gloaming fever in mice", published="2013-01-01"),
        HandPaper(number=4, decision="excluded", title="Fictumab in amber lung", published="2013-01-01"),
        HandPaper(number=5, decision="excluded", title="Fictumab in gloaming fever, later", published="2016-01-01"),
    ]
    own = HandPaper(number=900, title="Fictumab and Examplinib in gloaming fever: a review", published="2015-01-01")
    given = HandReview(id="CD990001", papers=papers, own=own)
    opened = reviewed_warehouse(
        tmp_path_factory.mktemp("searched") / "w", [given],
        [HandTrial(number=1, title="Fictumab in gloaming fever", registered="2012-01-01")], snapshot="searched00000000",
    )  # fmt: skip
    return next(sample for split in SPLITS for sample in tasks.load(opened, TASK, split))


def scored(sample: Asked, query: str, syntax: str = "pubmed") -> dict[str, float]:
    return TASK.score(TASK.read(json.dumps({"query": query, "syntax": syntax}), sample), sample)


def test_the_gold_finds_everything_and_nothing_else(searched: Asked) -> None:
    scores = TASK.score(TASK.read(TASK.reply(searched.gold), searched), searched)
    assert TASK.read(TASK.reply(searched.gold), searched) == searched.gold
    assert scores == {
        "correct": 1, "unreadable": 0, "recall_100": 1, "recall_500": 1, "precision_100": 1, "ndcg_100": 1,
        "retrieved": 2,
    }  # fmt: skip
    assert TASK.reward(scores) == 1


def test_papers_alone_of_the_reviews_time_are_found_and_never_the_review_itself(searched: Asked) -> None:
    scores = scored(searched, "fictumab[ti] AND fever[ti]")
    assert scores["retrieved"] == 1, "neither the trial, the review nor the later paper"
    assert (scores["recall_100"], scores["precision_100"]) == (0.5, 1.0)
    assert scored(searched, '"99000900"[uid] OR "NCT99000001"[uid]')["retrieved"] == 0


def test_plain_words_rank_by_relevance(searched: Asked) -> None:
    scores = scored(searched, "fictumab examplinib gloaming fever", "plain")
    assert scores["recall_100"] == 1
    assert scores["retrieved"] == 4
    assert scores["precision_100"] == 0.5
    assert 0.5 < scores["ndcg_100"] <= 1


def test_a_search_that_finds_nothing_and_a_reply_that_is_none_both_have_no_recall_but_differ(searched: Asked) -> None:
    nothing, unreadable = scored(searched, "unicorns"), TASK.score(Unreadable("no JSON"), searched)
    for scores in (nothing, unreadable):
        assert (scores["recall_100"], scores["precision_100"], scores["ndcg_100"]) == (0, 0, 0)
    assert (nothing["unreadable"], unreadable["unreadable"]) == (0, 1)
    assert nothing.keys() == unreadable.keys()


def test_the_median_of_papers_found_is_over_searches_alone(searched: Asked) -> None:
    rows = [scored(searched, "fever"), scored(searched, "fictumab"), TASK.score(Unreadable("none"), searched)]
    found = TASK.aggregate(rows)
    assert found["retrieved"] == (rows[0]["retrieved"] + rows[1]["retrieved"]) / 2
    assert found["recall_100"] == pytest.approx(sum(row["recall_100"] for row in rows) / 3)


def test_a_search_that_the_index_refuses_is_counted_as_unreadable(searched: Asked) -> None:
    many = " OR ".join(f"w{number}*" for number in range(3_000))
    scores = scored(searched, f"({many}) AND ({many})")
    assert (scores["unreadable"], scores["recall_100"]) == (1, 0)


def test_the_same_search_gives_the_same_scores(searched: Asked) -> None:
    assert [scored(searched, "fever drugs", "plain") for _ in range(3)] == [
        scored(searched, "fever drugs", "plain")
    ] * 3


def test_a_snapshot_that_is_not_there_is_an_error_and_no_zero(searched: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRIALPANORAMA_WAREHOUSE", raising=False)
    with pytest.raises(UserError):
        TASK.score(Query("fever"), msgspec.structs.replace(searched, snapshot="fedcba9876543210"))


# --- published files


def test_published_rows_are_read(tmp_path: Path) -> None:
    row: dict[str, Any] = {
        "metadata": {"review_pmid": 99000900},
        "inputs": {
            "background": "Fever is common.", "objectives": "To assess drugs. Or others.", "selection criteria": "Any.",
        },
        "labels": [99000001, "99000001", "99000002"],
    }  # fmt: skip
    (tmp_path / "test.jsonl").write_text(json.dumps(row) + "\n\n", encoding="utf-8")
    (sample,) = TASK.samples_from([tmp_path], "test")
    assert sample.subject == "99000900"
    assert sought(sample) == ["99000001", "99000002"]
    assert describe(sample.inputs).splitlines()[0] == "Title: To assess drugs"
    assert list(TASK.samples_from([tmp_path], "train")) == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "is no JSON"),
        ("[1]", "no JSON object"),
        ('{"labels": ["1"]}', "metadata.review_pmid"),
        ('{"metadata": {"review_pmid": 1}, "inputs": {"background": "x"}}', "no labels"),
    ],
)
def test_a_published_row_that_is_broken_is_told(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "test.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=why):
        list(TASK.samples_from([tmp_path / "test.jsonl"], "test"))
