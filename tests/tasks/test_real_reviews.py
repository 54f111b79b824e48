"""Searching and screening for real reviews: the eleven topics of Cohen 2006."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from trialpanorama.tasks import SPLITS, AnySample, load, task
from trialpanorama.tasks._reviews import reviews
from trialpanorama.tasks.study_screening import MOST_CANDIDATES
from trialpanorama.tasks.study_search import TASK as SEARCH
from trialpanorama.tasks.study_search import sought
from trialpanorama.warehouse import Warehouse

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def opened(real_topics: Path) -> Warehouse:
    return Warehouse.open(real_topics)


def _samples(name: str, opened: Warehouse) -> list[AnySample]:
    return [sample for split in SPLITS for sample in load(opened, task(name), split)]


def test_real_topics_all_ask_a_question(opened: Warehouse) -> None:
    left_out: Counter[str] = Counter()
    with opened.connect() as con:
        found = list(reviews(con, None, left_out))
    assert len(found) == 11
    assert sum(len(review.papers) for review in found) > 10_000
    assert {review.question.title for review in found} >= {"Beta Blockers", "NSAIDS", "Urinary Incontinence"}
    assert all(re.fullmatch(r"\d{4}-01-01", review.question.before or "") for review in found)
    assert all(reason.startswith("a paper") for reason in left_out)


def test_real_topics_are_searched_for_and_their_gold_finds_all(opened: Warehouse) -> None:
    samples = _samples("study_search", opened)
    assert len(samples) >= 9
    for sample in samples:
        assert SEARCH.score(sample.gold, sample)["recall_500"] == 1
        prompt = SEARCH.prompt(sample)
        assert not any(id in prompt for id in sought(sample))


@pytest.mark.parametrize(("name", "most"), [("study_screening", 0.5), ("study_screening_natural", 0.3)])
def test_real_batches_fit_a_prompt_and_hold_no_id(name: str, most: float, opened: Warehouse) -> None:
    samples = _samples(name, opened)
    assert len({sample.subject for sample in samples}) >= 9
    verdicts: Counter[str] = Counter()
    for sample in samples:
        prompt = task(name).prompt(sample)
        assert len(prompt) < 30_000
        assert len(sample.inputs.candidates) <= MOST_CANDIDATES
        assert not any(id in prompt for id in sample.entities if id.isdigit())
        verdicts.update(decision.decision for decision in sample.gold.decisions)
    assert verdicts["include"] <= most * verdicts.total()
    assert verdicts["include"] > 450
