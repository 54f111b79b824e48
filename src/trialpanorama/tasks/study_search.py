"""Which search finds the studies that a systematic review includes? It is run on the frozen snapshot."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

import msgspec

from trialpanorama.errors import UserError
from trialpanorama.tasks import NOT_NEEDED, Metric, Sample, Split, Task, Unreadable, warehouse_of
from trialpanorama.tasks._replies import json_objects, spoken, words
from trialpanorama.tasks._reviews import (
    Question,
    Review,
    describe,
    index_of,
    own_papers,
    published,
    published_question,
    reviews,
)
from trialpanorama.tasks._scores import share
from trialpanorama.tasks._splits import LEAST_INDEXED

if TYPE_CHECKING:
    import duckdb

    from trialpanorama.search import Search

Syntax = Literal["auto", "pubmed", "ovid", "plain"]
SYNTAXES: tuple[Syntax, ...] = get_args(Syntax)

UNDATED = f"less than {LEAST_INDEXED:.0%} of what the review included is dated before its search ended"
_DEPTHS = (100, 500)


class Query(msgspec.Struct, frozen=True):
    """A search, and the language that it is written in."""

    query: str
    syntax: Syntax = "auto"
    """`plain` are words to rank by; `auto` tells PubMed's and Ovid's language apart by their signs."""


_ID = re.compile(r'"([^"]+)"\[uid\]')
_FENCED = re.compile(r"```[a-zA-Z]*[ \t]*\n(.*?)```", re.DOTALL)


def by_ids(ids: Sequence[str]) -> Query:
    """The search that finds these papers and no other: what the gold is, as no review's own search finds just them."""
    return Query(" OR ".join(f'"{id}"[uid]' for id in ids), "pubmed")


def sought(sample: Sample[Question, Query]) -> list[str]:
    """The ids of the papers that a sample's search should find, each once."""
    return list(dict.fromkeys(_ID.findall(sample.gold.query)))


class StudySearch(Task[Question, Query]):
    """From a review's question to the papers it includes, by a search."""

    name = "study_search"
    version = 2
    title = "Study search"
    meaning = (
        "From a review's question to the studies it includes: a search, run on the frozen snapshot among papers "
        "published before the review's own search ended."
    )
    most_samples: ClassVar[Mapping[Split, int]] = {"train": 100_000, "validation": 2_000, "test": 5_000}
    inputs = Question
    answer = Query
    metrics = (
        Metric(
            "recall_100",
            "Recall@100",
            "higher",
            "Share of the included papers among the first 100 found, averaged over reviews; a reply that is no search "
            "finds nothing",
            lambda c: share(c["recall_100"]),
            0.0,
        ),
        Metric(
            "recall_500",
            "Recall@500",
            "higher",
            "Share of the included papers among the first 500 found, averaged over reviews",
            lambda c: share(c["recall_500"]),
            0.0,
        ),
        Metric(
            "precision_100",
            "Precision@100",
            "higher",
            "Share of included papers among the first 100 found, or among all where fewer were found; nothing found "
            "counts 0",
            lambda c: share(c["precision_100"]),
            0.0,
        ),
        Metric(
            "ndcg_100",
            "nDCG@100",
            "higher",
            "How early the included papers stand among the first 100, against the best order of them",
            lambda c: share(c["ndcg_100"]),
            0.0,
        ),
        Metric(
            "retrieved",
            "Papers found",
            "lower",
            "How many papers a search found, of all that it was run on: the median over the replies that are searches",
            lambda c: _median(c["retrieved"][c["unreadable"] == 0].tolist()),
        ),
    )

    def samples(
        self, con: duckdb.DuckDBPyConnection, split: Split, left_out: Counter[str] | None = None
    ) -> Iterator[Sample[Question, Query]]:
        """The reviews of a split, by what they included that a search of their time can find."""
        counted: Counter[str] = Counter() if left_out is None else left_out
        made = 0
        for review in reviews(con, split, counted):
            sample = self.ask(review)
            if sample is None:
                counted[UNDATED] += 1
            elif made == self.most_samples[split]:
                counted[NOT_NEEDED] += 1
            else:
                made += 1
                yield sample

    def ask(self, review: Review) -> Sample[Question, Query] | None:
        """The sample of a review; none where too few of its papers are dated before its search ended."""
        before = review.question.before
        found = [p.id for p in review.included if before is None or (p.published and p.published < before)]
        if not found or len(found) < LEAST_INDEXED * len(review.included):
            return None
        return Sample(
            id=f"{review.id}@{self.version}",
            subject=review.id,
            split=review.split,
            group=review.id,
            date=review.date,
            is_fictional=review.is_fictional,
            entities=sorted({review.id, *review.own_papers, *found, *review.studies}),
            inputs=review.question,
            gold=by_ids(found),
        )

    def prompt(self, sample: Sample[Question, Query]) -> str:
        """The review's question, and what is known of the index."""
        before = sample.inputs.before
        limit = f" Only papers published before {before} are searched." if before else ""
        return (
            "You are an experienced information specialist. Below is the question of a systematic review. Write one "
            "search that finds the papers it should include, in an index of titles, abstracts, keywords and MeSH "
            f"headings.{limit} What it finds is ranked by relevance: papers among the first 100 count most, those "
            f"among the first 500 count too.\n\n<review>\n{describe(sample.inputs)}\n</review>\n\n"
            "The search is either a boolean one in PubMed's language (AND, OR, NOT, parentheses, quotation marks, "
            "truncation with *, field tags such as [tiab] and [mh]) or plain words, which are ranked by and need not "
            "all occur.\n\nEnd your reply with one JSON object and nothing after it:\n"
            '{"query": the search, "syntax": "pubmed" or "plain"}'
        )

    def reply(self, answer: Query) -> str:
        """The JSON object that the prompt asks for."""
        return msgspec.json.encode(answer).decode()

    def demonstration(self, sample: Sample[Question, Query]) -> str | None:
        """The best of several searches made of the question, by what it really finds; none where all find nothing.

        The gold lists ids: imitating it would be reciting. Without a snapshot to run searches on there is none either.
        """
        if not sample.snapshot:
            return None
        found = {query: self.score(query, sample) for query in _candidates(sample.inputs)}
        best = max(found, key=lambda query: (found[query]["recall_100"], found[query]["recall_500"]))
        return self.reply(best) if found[best]["recall_500"] else None

    def read(self, reply: str, sample: Sample[Question, Query]) -> Query | Unreadable:
        """The search of a reply: in its JSON object, or in one fenced block without JSON.

        Without a language it is told by its signs. A slip such as a parenthesis that is not closed is mended; what
        cannot be read as a search is Unreadable, and so are several different searches.
        """
        text = spoken(reply)
        if not text:
            return Unreadable("the reply is empty, or ends within a thought")
        found = [_query(item) for item in json_objects(text) if "query" in item]
        if not found and len(blocks := _FENCED.findall(text)) == 1:
            found = [Query(blocks[0].strip())]
        if not found:
            return Unreadable("no JSON object with a query")
        if unreadable := next((one for one in found if isinstance(one, Unreadable)), None):
            return unreadable
        queries = {one for one in found if isinstance(one, Query)}
        if len(queries) > 1:
            return Unreadable("several JSON objects with different queries")
        (query,) = queries
        parsed = _parsed(query)
        return parsed if isinstance(parsed, Unreadable) else query

    def score(self, answer: Query | Unreadable, sample: Sample[Question, Query]) -> dict[str, float]:
        """The search, run on the sample's snapshot; one that the index refuses as too wide counts as unreadable.

        Raises UserError where the snapshot is not there: that is no failure of the answer.
        """
        gold = sought(sample)
        search = None if isinstance(answer, Unreadable) else _parsed(answer)
        hits, total = ([], 0) if search is None or isinstance(search, Unreadable) else _run(search, sample)
        ranks = [rank for rank, id in enumerate(hits or (), 1) if id in set(gold)]
        within = {depth: sum(rank <= depth for rank in ranks) for depth in _DEPTHS}
        looked_at = min(_DEPTHS[0], len(hits or ()))
        ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(len(gold), _DEPTHS[0]) + 1))
        return {
            "correct": float(within[100] == len(gold)),
            "unreadable": float(search is None or isinstance(search, Unreadable) or hits is None),
            "recall_100": within[100] / len(gold),
            "recall_500": within[500] / len(gold),
            "precision_100": within[100] / looked_at if looked_at else 0.0,
            "ndcg_100": sum(1 / math.log2(rank + 1) for rank in ranks if rank <= _DEPTHS[0]) / ideal,
            "retrieved": float(total),
        }

    def reward(self, scores: Mapping[str, float]) -> float:
        """Mean of recall and nDCG among the first 100: whoever finds all there is must still put the right ones first.

        By recall alone a search for everything would earn all in an index of up to 100 papers.
        """
        return (scores["recall_100"] + scores["ndcg_100"]) / 2

    def text(self, sample: Sample[Question, Query]) -> str:
        """The review's question."""
        return describe(sample.inputs)

    def samples_from(
        self, paths: Sequence[Path], split: Split, con: duckdb.DuckDBPyConnection | None = None
    ) -> Iterator[Sample[Question, Query]]:
        """Samples out of published JSONL (metadata.review_pmid, inputs, labels: PMIDs); scores need a warehouse."""
        for row in published(paths, split, "study_search"):
            id, question = published_question(row)
            ids = list(dict.fromkeys(str(label).strip() for label in row.get("labels") or ()))
            if not ids:
                raise UserError(f"The review {id} has no labels: a row of study search lists the PMIDs it included.")
            yield Sample(
                id=f"{id}@{self.version}",
                subject=id,
                split=split,
                group=id,
                date="",
                entities=sorted({id, *ids}),
                inputs=question,
                gold=by_ids(ids),
            )


def _candidates(question: Question) -> list[Query]:
    """Searches that a question itself offers: its title, with what else it says, and its title's words joined."""
    said = [question.title, question.objectives, question.criteria, question.background]
    ranked = [" ".join(filter(None, said[:most])) for most in range(1, len(said) + 1)]
    telling = [word for word in words(question.title).split() if len(word) > 3]
    boolean = [Query(" AND ".join(f"{word}[tiab]" for word in telling), "pubmed")] if telling else []
    return [Query(text, "plain") for text in dict.fromkeys(ranked)] + boolean


def _query(item: Mapping[str, object]) -> Query | Unreadable:
    query, syntax = item["query"], item.get("syntax")
    if not isinstance(query, str) or not query.strip():
        return Unreadable("the query is no text")
    if syntax is None:
        return Query(query.strip())
    said = re.sub(r"[^a-z]", "", syntax.lower()) if isinstance(syntax, str) else ""
    said = {"plaintext": "plain", "freetext": "plain", "text": "plain", "boolean": "pubmed"}.get(said, said)
    known = next((one for one in SYNTAXES if one == said), None)
    return Query(query.strip(), known) if known else Unreadable(f"there is no query syntax {str(syntax)[:40]!r}")


def _parsed(answer: Query) -> Search | Unreadable:
    from trialpanorama.search import QueryError, parse

    try:
        return parse(answer.query, answer.syntax, repairs=True)
    except QueryError as error:
        return Unreadable(f"the query cannot be read: {str(error).splitlines()[0]}")


def _run(search: Search, sample: Sample[Question, Query]) -> tuple[list[str] | None, int]:
    """The ids of the first 500 papers found, and how many were found; no ids where the index refuses the search."""
    from trialpanorama.search.index import Limits

    index = index_of(sample.snapshot)  # what is wrong with the snapshot is raised here
    own = _own_papers(sample.snapshot).get(sample.subject, frozenset()) | {sample.subject}
    limits = Limits(before=sample.inputs.before, only={"kind": "paper"})
    try:
        found = index.search(search, limits, most=_DEPTHS[-1] + len(own))
    except UserError:
        return None, 0
    hits = [hit.id for hit in found.hits]
    kept = [id for id in hits if id not in own]
    return kept[: _DEPTHS[-1]], found.total - (len(hits) - len(kept))


@lru_cache(maxsize=4)
def _own_papers(snapshot: str) -> dict[str, frozenset[str]]:
    """The articles that are a review themselves: they list what is sought, so that finding them would not count."""
    with warehouse_of(snapshot).connect() as con:
        return {review: frozenset(papers) for review, papers in own_papers(con).items()}


def _median(values: list[float]) -> float:
    import statistics

    return statistics.median(values) if values else math.nan


TASK = StudySearch()
