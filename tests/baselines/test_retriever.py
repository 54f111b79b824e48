"""The retriever: topics without labels, searches, and rankings learnt from other reviews."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.reviewed import many_reviews, reviewed_warehouse
from trialpanorama import tasks
from trialpanorama.baselines import baseline, baselines
from trialpanorama.baselines.retriever import Retriever, Screener, search_for, topic_drugs
from trialpanorama.errors import UserError
from trialpanorama.ontologies import load
from trialpanorama.tasks import SPLITS, AnySample, AnyTask
from trialpanorama.tasks._reviews import Question
from trialpanorama.tasks.study_screening import Decisions
from trialpanorama.warehouse import Warehouse

SCREENING, SEARCH = tasks.task("study_screening"), tasks.task("study_search")


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return reviewed_warehouse(tmp_path_factory.mktemp("retriever") / "w", many_reviews(), snapshot="retriever0000000")


def every(warehouse: Warehouse, task: AnyTask) -> list[AnySample]:
    return [sample for split in SPLITS for sample in tasks.load(warehouse, task, split)]


def test_the_drugs_of_a_topic_are_found_without_its_labels(opened: Warehouse) -> None:
    tasks.register(opened)
    names = {concept.id: concept.name for concept in load().all("drug")}
    found = topic_drugs(opened.snapshot, Question("Triptans for migraine", before="2010-07-01"), ())
    assert {names[id] for id in found[:3]} == {"Sumatriptan", "Zolmitriptan", "Rizatriptan"}


def test_without_a_warehouse_the_candidates_tell_the_drugs() -> None:
    titles = [f"Cetirizine against Loratadine {number}" for number in range(4)] + ["Nothing here"]
    assert len(topic_drugs("no such snapshot", Question("Antihistamines"), titles)) == 2


def test_a_search_adds_the_drugs_and_finds_more_than_the_question_alone(opened: Warehouse) -> None:
    for sample in every(opened, SEARCH):
        query = search_for(sample)
        assert query.syntax == "plain"
        assert sample.inputs.title in query.query
        alone = msgspec.structs.replace(query, query=sample.inputs.title)
        mine, other = (SEARCH.score(one, sample) for one in (query, alone))
        assert mine["recall_100"] >= other["recall_100"]
        assert mine["ndcg_100"] > other["ndcg_100"]


def test_candidates_of_a_review_are_ranked_by_what_other_reviews_included(opened: Warehouse) -> None:
    samples = every(opened, SCREENING)
    rows, groups = [], []
    for sample in samples:
        made = Retriever()
        made.fit([one for one in samples if one.subject != sample.subject], SCREENING)
        said = SCREENING.rows(SCREENING.read(made.answer(sample), sample), sample)
        rows += said
        groups += [sample.group] * len(said)
    found = SCREENING.aggregate(rows, groups)
    assert found["auroc"] > 0.95
    assert found["accuracy"] > 0.9
    assert found["missing"] == 0


def test_no_label_of_the_review_at_hand_is_looked_at(opened: Warehouse) -> None:
    first, *others = every(opened, SCREENING)
    made = Retriever()
    made.fit(others, SCREENING)
    turned = Decisions([
        msgspec.structs.replace(one, decision="exclude" if one.decision == "include" else "include")
        for one in first.gold.decisions
    ])  # fmt: skip
    assert made.answer(first) == made.answer(msgspec.structs.replace(first, gold=turned))


def test_the_same_samples_give_the_same_replies(opened: Warehouse) -> None:
    first, *others = every(opened, SCREENING)
    replies = []
    for _ in range(2):
        made = Retriever()
        made.fit(others, SCREENING)
        replies.append(made.answer(first))
    assert replies[0] == replies[1]


def test_training_with_one_kind_of_candidate_still_answers(opened: Warehouse) -> None:
    first, *others = every(opened, SCREENING)
    all_in = [
        msgspec.structs.replace(
            one, gold=Decisions([msgspec.structs.replace(d, decision="include") for d in one.gold.decisions])
        )
        for one in others
    ]
    said = Screener(all_in).decide(first)
    assert all(one.decision == "include" for one in said.decisions)


def test_it_answers_the_tasks_on_reviews_alone(opened: Warehouse) -> None:
    assert baseline("retriever") is baselines()["retriever"] is Retriever
    sample = every(opened, SEARCH)[0]
    completion = tasks.task("trial_completion")
    assert Retriever.answers(SEARCH, sample)
    assert Retriever.answers(tasks.task("study_screening_natural"), sample)
    assert not Retriever.answers(completion, sample)
    with pytest.raises(UserError, match="cannot answer trial_completion"):
        Retriever().fit([], completion)


def test_it_runs_as_a_baseline(opened: Warehouse, tmp_path: Path) -> None:
    from trialpanorama.evaluate import run

    for name in ("study_search", "study_screening"):
        found = run(name, "baseline/retriever", opened.path, log_dir=tmp_path)
        assert found.n == 2
        assert found.failed == found.unreadable == 0
