"""The flaws of the published benchmark that concern searching and screening for reviews.

Its rules are written down here as they were published, so that each can be seen to go wrong.
"""

from __future__ import annotations

import ast
import json
import math
import os
import random
import re
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.reviewed import HandPaper, HandReview, many_reviews, numbered, reviewed, reviewed_warehouse
from tests.tasks.test_study_screening import asked
from trialpanorama import tasks
from trialpanorama.errors import UserError
from trialpanorama.search.index import Index
from trialpanorama.tasks import SPLITS, Sample, Unreadable
from trialpanorama.tasks._reviews import Question
from trialpanorama.tasks.study_screening import TASK as SCREENING
from trialpanorama.tasks.study_search import TASK as SEARCH
from trialpanorama.tasks.study_search import Query, by_ids, sought

NATURAL = tasks.task("study_screening_natural")
PAIRS = asked(*("include", "exclude") * 5)


# --- the published rules of screening


def flawed_judgements(reply: str, labels: Mapping[str, str]) -> list[tuple[str, str]]:
    """What it compares: decision and label, for each PMID that is known; where it reads nothing, all are excluded."""
    try:
        results = json.loads(reply)["results"]
    except (ValueError, KeyError, TypeError):
        results = [{"PMID": pmid, "decision": "excluded"} for pmid in labels]
    return [(one["decision"], labels[one["PMID"]]) for one in results if one["PMID"] in labels]


def flawed_macro_accuracy(judgements: Sequence[tuple[str, str]]) -> float:
    return float(all(decision == label for decision, label in judgements))


def flawed_accuracy(judgements: Sequence[tuple[str, str]]) -> float:
    return sum((decision == "included") == (label == "included") for decision, label in judgements) / len(judgements)


LABELS = {str(n): "included" if n % 2 else "excluded" for n in range(1, 11)}


def published_reply(decisions: Sequence[tuple[object, str]]) -> str:
    return json.dumps({"results": [{"PMID": pmid, "decision": decision} for pmid, decision in decisions]})


def scored(reply: str) -> dict[str, float]:
    return SCREENING.score(SCREENING.read(reply, PAIRS), PAIRS)


# --- metrics and readers


@pytest.mark.parametrize("ids", [list(range(1, 11)), [f"9{n:07d}" for n in range(10)]], ids=["numbers", "made up"])
def test_flaw_01_verdicts_that_match_no_candidate_are_not_all_right(ids: list[object]) -> None:
    reply = published_reply([(id, "excluded") for id in ids])
    assert flawed_macro_accuracy(flawed_judgements(reply, LABELS)) == 1, "all() of nothing"

    answer = SCREENING.read(reply, PAIRS)
    scores = SCREENING.score(answer, PAIRS)
    assert scores["correct"] == 0
    if isinstance(ids[0], int):
        assert scores["accuracy"] == 0.5, "a number is the candidate's number, however it is written"
    else:
        assert isinstance(answer, Unreadable)
        assert scores["accuracy"] == 0


def test_flaw_02_candidates_left_out_are_missing_and_wrong() -> None:
    reply = published_reply([("1", "included")])
    assert flawed_accuracy(flawed_judgements(reply, LABELS)) == 1
    found = SCREENING.aggregate(SCREENING.rows(SCREENING.read(reply, PAIRS), PAIRS))
    assert found["accuracy"] == 0.1
    assert found["missing"] == 0.9
    assert found["recall"] == 0.2


def test_flaw_02_a_candidate_named_twice_counts_once_and_one_made_up_not_at_all() -> None:
    right = [(str(n), LABELS[str(n)]) for n in range(1, 11)]
    wrong_but = [*((id, "included") for id, _ in right), *[("1", "included")] * 30]
    judged = flawed_judgements(published_reply(wrong_but), LABELS)
    assert flawed_accuracy(judged) > 0.85, "one right verdict, said thirty times"
    assert scored(published_reply(wrong_but))["accuracy"] == 0.5

    with_more = scored(published_reply([*right, ("77", "included"), ("78", "excluded")]))
    assert (with_more["accuracy"], with_more["made_up"]) == (1, 2)


def test_flaw_02_the_spelling_of_a_verdict_does_not_turn_it_round() -> None:
    reply = published_reply([(id, label.removesuffix("d").upper()) for id, label in LABELS.items()])
    assert flawed_accuracy(flawed_judgements(reply, LABELS)) == 0.5, "include is read as excluded"
    assert scored(reply)["accuracy"] == 1


@pytest.mark.parametrize("reply", ["I am sorry, but I cannot do that.", '{"results": [', ""])
def test_flaw_03_a_reply_that_cannot_be_read_is_not_exclude_all(reply: str) -> None:
    assert flawed_accuracy(flawed_judgements(reply, LABELS)) == 0.5
    scores = scored(reply)
    assert (scores["unreadable"], scores["accuracy"], SCREENING.reward(scores)) == (1, 0, 0)
    rows = SCREENING.rows(SCREENING.read(reply, PAIRS), PAIRS)
    assert SCREENING.aggregate(rows)["specificity"] == 0, "garbage excludes nothing"


# --- the published rules of search


def flawed_means(replies: Sequence[str], found: Mapping[str, list[str]], labels: list[Any]) -> dict[str, float]:
    """Mean recall and precision at 100: a reply that is no JSON object leaves the mean, an error finds nothing."""
    recalls, precisions = [], []
    for reply in replies:
        try:
            query = json.loads(reply).get("query")
        except (ValueError, AttributeError):
            continue
        hits = found.get(query, [])[:100]
        recalls.append(len([label for label in labels if label in hits]) / len(labels))
        precisions.append(len([hit for hit in hits if hit in labels]) / 100)
    return {"recall": sum(recalls) / len(recalls), "precision": sum(precisions) / len(precisions)}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Sample[Question, Query]:
    """A review of four papers among others, some from after its search, one of them the review itself."""
    papers = [
        *numbered(1, "included", "included", "included", "included", published="2012-01-01"),
        *numbered(11, "excluded", "excluded", "excluded", published="2013-01-01"),
        *numbered(21, "excluded", "excluded", "excluded", published="2017-01-01"),
    ]
    own = HandPaper(number=900, title="Drugs for gloaming fever on paper number 1 to 4", published="2015-05-01")
    opened = reviewed_warehouse(
        tmp_path_factory.mktemp("small") / "w",
        [HandReview(id="CD990001", papers=papers, own=own)],
        snapshot="smallreviews0000",
    )
    return next(sample for split in SPLITS for sample in tasks.load(opened, SEARCH, split))


def searched(sample: Sample[Question, Query], query: str) -> dict[str, float]:
    reply = json.dumps({"query": query, "syntax": "pubmed"})
    return SEARCH.score(SEARCH.read(reply, sample), sample)


def test_flaw_10_a_reply_that_is_no_search_stays_in_the_mean(small: Sample[Question, Query]) -> None:
    good, bad = '{"query": "gloaming"}', '"gloaming"'
    flawed = flawed_means([good, bad, bad, bad], {"gloaming": sought(small)}, sought(small))
    assert flawed["recall"] == 1, "three failures raise the score"
    rows = [row for reply in (good, bad, bad, bad) for row in SEARCH.rows(SEARCH.read(reply, small), small)]
    assert SEARCH.aggregate(rows)["recall_100"] == 0.25
    assert sum(row["unreadable"] for row in rows) == 3


def test_flaw_10_precision_divides_by_what_was_found(small: Sample[Question, Query]) -> None:
    hits = sought(small)[:2]
    assert flawed_means(['{"query": "two"}'], {"two": hits}, sought(small))["precision"] == 0.02
    assert searched(small, by_ids(hits).query)["precision_100"] == 1


def test_flaw_10_an_error_of_the_search_is_an_error_and_not_a_recall_of_0(
    small: Sample[Question, Query], monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise OSError("the index is gone")

    assert flawed_means(['{"query": "gloaming"}'], {}, sought(small))["recall"] == 0
    monkeypatch.setattr(Index, "search", breaks)
    with pytest.raises(OSError, match="gone"):
        searched(small, "gloaming")


def test_flaw_10_labels_said_twice_or_as_numbers_are_one_paper(tmp_path: Path) -> None:
    labels = [99000001, "99000001", 99000001, 99000002]
    assert flawed_means(['{"query": "x"}'], {"x": ["99000001", "99000002"]}, labels)["recall"] == 0.25
    row = {"metadata": {"review_pmid": "99000900"}, "inputs": {"objectives": "Drugs."}, "labels": labels}
    (tmp_path / "test.jsonl").write_text(json.dumps(row), encoding="utf-8")
    (sample,) = SEARCH.samples_from([tmp_path], "test")
    assert sought(sample) == ["99000001", "99000002"]


def test_flaw_10_all_that_is_measured_is_reported() -> None:
    names = {metric.name for metric in SEARCH.metrics}
    assert names == {"recall_100", "recall_500", "precision_100", "ndcg_100", "retrieved"}


def flawed_reward(reply: str, labels: list[str], found: Mapping[str, list[str]]) -> float:
    """The search reward: the first query in the reply counts, whatever follows."""
    query = re.search(r'"query":\s*"([^"]*)"', reply)
    hits = found.get(query[1], []) if query else []
    return 0.1 + len(set(labels) & set(hits[:100])) / len(labels) if hits else 0.0


def test_flaw_11_the_reward_of_a_search_takes_no_first_guess_out_of_many(small: Sample[Question, Query]) -> None:
    right = by_ids(sought(small)).query.replace('"', "'")
    reply = json.dumps({"query": right}) + " or else " + json.dumps({"query": "unicorns"})
    assert flawed_reward(reply, sought(small), {right: sought(small)}) == 1.1
    answer = SEARCH.read(reply, small)
    assert isinstance(answer, Unreadable)
    assert SEARCH.reward(SEARCH.score(answer, small)) == 0


# --- data and validity


def test_flaw_15_screening_shows_numbers_of_a_batch_and_no_pmids() -> None:
    papers = numbered(1, "included", "included", "nearly", "nearly")
    con = reviewed([HandReview(id="CD990001", papers=papers)])
    (sample,) = (one for split in SPLITS for one in SCREENING.samples(con, split))
    flawed = "\n".join(f"PMID: {paper.id}\nTitle: {paper.title}" for paper in papers)
    assert papers[0].id in flawed
    assert not re.search(r"\b99\d{6}\b|CD99", SCREENING.prompt(sample))


def test_flaw_16_neither_the_review_nor_what_came_later_is_found(small: Sample[Question, Query]) -> None:
    index = Index.open(tasks.warehouse_of(small.snapshot))
    from trialpanorama.search import parse

    flawed = {hit.id for hit in index.search(parse("gloaming fever", "pubmed")).hits}
    assert {"99000900", "99000021"} <= flawed, "without limits the review and later papers are there"
    scores = searched(small, "gloaming fever")
    assert scores["retrieved"] == 7
    assert scores["precision_100"] == pytest.approx(4 / 7)
    assert searched(small, '"99000900"[uid] OR "99000021"[uid]')["retrieved"] == 0


def test_flaw_17_no_included_study_of_a_test_review_is_in_a_training_review() -> None:
    given = many_reviews()
    shared = given[-1].papers[0]
    for review in given[:-1]:
        review.papers = [*review.papers, msgspec.structs.replace(shared, published="2001-01-01")]
    flawed = {review.id: {paper.id for paper in review.papers if paper.decision == "included"} for review in given}
    assert flawed[given[0].id] & flawed[given[-1].id], "a split by reviews alone has it on both sides"
    con = reviewed(given)
    for task in (SEARCH, SCREENING, NATURAL):
        sides: dict[str, set[str]] = {}
        for split in SPLITS:
            for sample in task.samples(con, split):
                for id in sample.entities:
                    sides.setdefault(id, set()).add(split)
        assert sides
        assert all(len(where) == 1 for where in sides.values())


def test_flaw_19_screening_is_also_asked_at_natural_prevalence_with_the_work_saved() -> None:
    papers = [*numbered(1, "included", "included", "included", "nearly", "nearly", "nearly")]
    papers += [HandPaper(number=number, decision="excluded", title=f"Paper {number}") for number in range(7, 101)]
    con = reviewed([HandReview(id="CD990001", papers=papers)])

    def prevalence(task: tasks.AnyTask) -> float:
        said: list[Any] = [
            one for split in SPLITS for sample in task.samples(con, split) for one in sample.gold.decisions
        ]
        return [one.decision for one in said].count("include") / len(said)

    flawed_half_and_half = prevalence(SCREENING)
    assert flawed_half_and_half == 0.5
    assert prevalence(NATURAL) == 0.03
    # A ranker that leaves a tenth to be read, with every verdict the same: accuracy sees nothing of it.
    sample = asked(*("include" if place == 0 else "exclude" for place in range(20)))
    answer = msgspec.structs.replace(sample.gold, decisions=[
        msgspec.structs.replace(one, decision="exclude", probability=1 / one.candidate) for one in sample.gold.decisions
    ])  # fmt: skip
    found = NATURAL.aggregate(NATURAL.rows(answer, sample), ["CD990001"] * 20)
    assert found["recall"] == 0
    assert found["wss_95"] == pytest.approx(0.9)


def test_flaw_20_no_candidate_is_cut_while_its_label_stays() -> None:
    words = " ".join(["fever"] * 250)
    papers = [
        HandPaper(number=n, decision="included" if n <= 26 else "nearly", title=f"Paper {n}", abstract=words)
        for n in range(1, 52)
    ]
    most_tokens, characters_a_token = 8_192, 4
    whole = "\n\n".join(f"Title: {paper.title}\nAbstract: {paper.abstract}" for paper in papers)
    seen = whole[: most_tokens * characters_a_token]
    assert sum(f"Title: {paper.title}\n" in seen for paper in papers) < 30, "51 abstracts, 51 labels, 30 are read"

    con = reviewed([HandReview(id="CD990001", papers=papers)])
    for sample in (one for split in SPLITS for one in NATURAL.samples(con, split)):
        prompt, reply = NATURAL.prompt(sample), NATURAL.reply(sample.gold)
        assert (len(prompt) + len(reply)) / characters_a_token < most_tokens
        assert len(re.findall(r"^Candidate \d+$", prompt, re.MULTILINE)) == len(sample.gold.decisions)
        assert prompt.count(words) == len(sample.gold.decisions)


def test_flaw_21_labels_are_joined_by_id_and_never_by_their_place(tmp_path: Path) -> None:
    ids = [str(99_000_000 + n) for n in range(1, 7)]
    labels = [{"PMID": id, "label": "included" if int(id) % 2 else "excluded"} for id in ids]
    shuffled = random.Random(1).sample(labels, len(labels))
    row = {
        "metadata": {"PMID": "99000900"},
        "inputs": {"objectives": "Drugs."},
        "context": [{"PMID": id, "title": f"Paper {id[-1]}", "abstract": "Text."} for id in ids],
        "labels": shuffled,
    }
    flawed_target = repr({n: one["label"].upper() for n, one in enumerate(shuffled, 1)})
    truth = repr({n: one["label"].upper() for n, one in enumerate(labels, 1)})
    assert flawed_target != truth
    with pytest.raises(ValueError, match="Expecting property name"):
        json.loads(flawed_target)
    (tmp_path / "train.jsonl").write_text(json.dumps(row), encoding="utf-8")
    (sample,) = SCREENING.samples_from([tmp_path], "train")
    for candidate, decision in zip(sample.inputs.candidates, sample.gold.decisions, strict=True):
        assert decision.decision == ("include" if int(candidate.title[-1]) % 2 else "exclude")
    json.loads(SCREENING.reply(sample.gold))
    assert SCREENING.read(truth, sample) == SCREENING.read(str(ast.literal_eval(truth)), sample), (
        "a Python repr is read"
    )


def test_flaw_25_a_search_needs_no_network_and_gives_one_answer(
    small: Sample[Question, Query], monkeypatch: pytest.MonkeyPatch
) -> None:
    drifting = iter([["99000001"], ["99000001", "99000002"], []])

    def flawed_live_search() -> float:
        return len(set(next(drifting)) & set(sought(small))) / len(sought(small))

    assert len({flawed_live_search() for _ in range(3)}) == 3, "an index that changes, and an error that is a zero"

    def no_network(*_: object, **__: object) -> None:
        raise AssertionError("a search opened the network")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    monkeypatch.setattr(socket, "create_connection", no_network)
    scores = [searched(small, "gloaming AND fever") for _ in range(5)]
    assert all(one == scores[0] for one in scores)
    long = " OR ".join(f'"word{number} of a long search"[tiab]' for number in range(500))
    assert len(long) > 8_000, "too long for the address of a request"
    assert searched(small, f"gloaming OR {long}")["recall_100"] == 1


def test_flaw_25_a_snapshot_that_changed_is_told_and_not_searched(
    small: Sample[Question, Query], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "TRIALPANORAMA_WAREHOUSE", str(tasks.warehouse_of(small.snapshot).path))
    other = msgspec.structs.replace(small, snapshot="anothersnapshot0")
    with pytest.raises(UserError, match="anothersnapshot0"):
        searched(other, "gloaming")
    assert not math.isnan(searched(small, "gloaming")["recall_100"])


def test_flaw_22_search_targets_that_nobody_ran(tmp_path: Path) -> None:
    opened = reviewed_warehouse(tmp_path / "w", many_reviews())
    samples = [sample for split in SPLITS for sample in tasks.load(opened, SEARCH, split)]
    assert samples
    for sample in samples:
        weak_teacher = SEARCH.reply(Query("zzyzx[tiab] AND qwertyuiop[tiab]", "pubmed"))
        assert SEARCH.score(SEARCH.read(weak_teacher, sample), sample)["recall_500"] == 0, "imitated all the same"
        target = SEARCH.demonstration(sample)
        if target is not None:
            assert SEARCH.score(SEARCH.read(target, sample), sample)["recall_500"] > 0
            assert "[uid]" not in target
    assert any(SEARCH.demonstration(sample) for sample in samples)
    nothing_found = msgspec.structs.replace(samples[0], inputs=Question("zzyzx qwertyuiop"))
    assert SEARCH.demonstration(nothing_found) is None
