"""Include or exclude: batches, replies, and figures that count each candidate once."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reviewed import Decision as Said
from tests.reviewed import HandPaper, HandReview, many_reviews, numbered, reviewed
from trialpanorama import tasks
from trialpanorama.errors import UserError
from trialpanorama.tasks import NOT_NEEDED, SPLITS, Sample, Unreadable
from trialpanorama.tasks._reviews import Question
from trialpanorama.tasks.study_screening import (
    MOST_CANDIDATES,
    MOST_CHARACTERS,
    NOTHING_EXCLUDED,
    TASK,
    Batch,
    Candidate,
    Decision,
    Decisions,
    StudyScreening,
    Verdict,
    judged,
    work_saved,
)

NATURAL = tasks.task("study_screening_natural")
Asked = Sample[Batch, Decisions]


def samples(
    *given: HandReview, task: tasks.AnyTask = TASK, left_out: Counter[str] | None = None
) -> list[tasks.AnySample]:
    """The samples of all splits."""
    con = reviewed(given)
    return [one for split in SPLITS for one in task.samples(con, split, left_out)]


def asked(*gold: Verdict, subject: str = "CD990001") -> Asked:
    """A sample with candidates that were included or excluded."""
    return Sample(
        id=f"{subject}@1#1", subject=subject, split="test", group=subject, date="2015-06-30",
        inputs=Batch(Question("Drugs"), [Candidate(f"Paper {place}") for place in range(1, len(gold) + 1)]),
        gold=Decisions([Decision(n, verdict, float(verdict == "include")) for n, verdict in enumerate(gold, 1)]),
    )  # fmt: skip


THREE = asked("include", "exclude", "exclude")


def repeated(decision: Said, count: int) -> list[Said]:
    return [decision] * count


# --- samples


def test_a_balanced_batch_has_as_many_included_as_excluded_and_takes_near_misses_first() -> None:
    papers = numbered(1, *repeated("included", 4), *repeated("excluded", 30), *repeated("nearly", 3), "unjudged")
    (sample,) = samples(HandReview(id="CD990001", papers=papers))
    verdicts = Counter(one.decision for one in sample.gold.decisions)
    assert verdicts == {"include": 4, "exclude": 4}
    titles = {one.title for one in sample.inputs.candidates}
    assert {f"Paper number {number} on gloaming fever" for number in (35, 36, 37)} <= titles
    assert [one.candidate for one in sample.gold.decisions] == list(range(1, 9))
    assert sample.gold.decisions != sorted(sample.gold.decisions, key=lambda one: one.decision)


def test_natural_prevalence_asks_about_all_that_a_review_judged() -> None:
    papers = numbered(1, *repeated("included", 2), *repeated("nearly", 3), *repeated("excluded", 60), "unjudged")
    found = samples(HandReview(id="CD990001", papers=papers), task=NATURAL)
    verdicts = Counter(one.decision for sample in found for one in sample.gold.decisions)
    assert verdicts == {"include": 2, "exclude": 63}
    assert len({sample.id for sample in found}) == len(found) == 4
    assert len({candidate.title for sample in found for candidate in sample.inputs.candidates}) == 65


def test_random_papers_fill_up_a_review_that_tells_its_near_misses_alone() -> None:
    papers = numbered(1, *repeated("included", 2), *repeated("nearly", 3))
    con = reviewed([HandReview(id="CD990001", papers=papers)])
    con.execute(
        """INSERT INTO papers BY NAME SELECT (99500000 + i)::VARCHAR AS paper_id, 'Any paper ' || i AS title,
           (CASE WHEN i < 300 THEN '2010-01-01' ELSE '2020-01-01' END)::DATE AS first_published_date
           FROM range(400) t(i)"""
    )
    found = [one for split in SPLITS for one in NATURAL.samples(con, split)]
    verdicts = Counter(one.decision for sample in found for one in sample.gold.decisions)
    assert verdicts["include"] == 2
    assert verdicts["exclude"] == 38, "to a prevalence of five per cent"
    numbers = [int(c.title[10:]) for s in found for c in s.inputs.candidates if c.title.startswith("Any")]
    assert numbers
    assert max(numbers) < 300, "nothing from after its search"
    again = [one for split in SPLITS for one in NATURAL.samples(con, split)]
    assert [one.inputs for one in again] == [one.inputs for one in found]


def test_batches_fit_and_no_text_is_cut() -> None:
    long = "word " * 900
    papers = [
        HandPaper(
            number=number, decision="included" if number % 2 else "nearly", title=f"Paper {number}", abstract=long
        )
        for number in range(1, 61)
    ]
    papers[7].abstract = "endless " * 9_000 + "END"
    for task in (TASK, NATURAL):
        found = samples(HandReview(id="CD990001", papers=papers), task=task)
        candidates = [one for sample in found for one in sample.inputs.candidates]
        assert sorted(one.title for one in candidates) == sorted(f"Paper {number}" for number in range(1, 61))
        assert all((one.abstract or "").endswith(("word", "END")) for one in candidates)
        for sample in found:
            sizes = [len(one.title) + len(one.abstract or "") for one in sample.inputs.candidates]
            assert len(sizes) <= MOST_CANDIDATES
            assert sum(sizes) <= MOST_CHARACTERS or len(sizes) <= 2
        assert len({sample.group for sample in found}) == 1


def test_no_identifier_stands_in_a_prompt() -> None:
    papers = numbered(1, "included", "nearly", abstract="Registered as NCT01234567; see doi:10.99999/x. PMID 99000077")
    (sample,) = samples(HandReview(id="CD990001", papers=papers))
    prompt = TASK.prompt(sample)
    for id in ("99000001", "99000002", "99000077", "NCT01234567", "10.99999", "CD990001"):
        assert id not in prompt
    assert "Candidate 1\nTitle: " in prompt
    assert sample.entities == ["99000001", "CD990001"]


def test_each_review_is_asked_about_or_counted() -> None:
    given = many_reviews()
    given.append(HandReview(id="CD991000", papers=numbered(1, "included")))
    left_out: Counter[str] = Counter()
    found = samples(*given, left_out=left_out)
    assert len({sample.subject for sample in found}) == 10
    assert left_out == {NOTHING_EXCLUDED: 1}


def test_a_split_is_cut_to_its_size_in_a_shuffled_order(monkeypatch: pytest.MonkeyPatch) -> None:
    con = reviewed(many_reviews())
    everything = list(TASK.samples(con, "train"))
    monkeypatch.setattr(StudyScreening, "most_samples", {"train": 3, "validation": 1, "test": 1})
    left_out: Counter[str] = Counter()
    some = list(TASK.samples(con, "train", left_out))
    assert some == everything[:3]
    assert left_out == {NOT_NEEDED: len({one.subject for one in everything}) - 3}


# --- replies

FULL = [Decision(1, "include", 0.9), Decision(2, "exclude", 0.2), Decision(3, "exclude", 0.0)]


@pytest.mark.parametrize(
    "reply",
    [
        '{"decisions": [{"candidate": 1, "decision": "include", "probability": 0.9}, '
        '{"candidate": 2, "decision": "exclude", "probability": 0.2}, {"candidate": 3, "decision": "exclude"}]}',
        '```json\n[{"id": "1", "decision": "INCLUDED", "probability": "90%"}, {"id": "[2]", "decision": "Excluded", '
        '"probability": 0.2}, {"id": "Candidate 3", "decision": "not relevant"}]\n```',
        '{"results": [{"PMID": 1, "decision": "included", "confidence": 90}, {"PMID": 2, "decision": "excluded", '
        '"confidence": 80}, {"PMID": 3, "decision": "excluded", "confidence": 100}]}',
        '{"1": {"decision": "include", "probability": 0.9}, "2": {"decision": "exclude", "probability": 0.2}, '
        '"3": "no"}',
        '<think>{"1": "exclude"}</think>{"answer": {"1": {"verdict": true, "probability": 0.9}, '
        '"candidate 2": {"verdict": false, "probability": 0.2}, "#3": false}}',
    ],
)
def test_verdicts_are_read_in_many_forms(reply: str) -> None:
    assert TASK.read(reply, THREE) == Decisions(FULL)


@pytest.mark.parametrize(
    "reply",
    [
        '{"included": [1], "excluded": [2, "3"]}',
        "1: include\n2: exclude\n3: EXCLUDED",
        "1. **Include**\n2. **Exclude**\n3. **Exclude** (wrong drug)",
        "{1: 'INCLUDED', 2: 'EXCLUDED', 3: 'EXCLUDED'}",
        "Candidate 1 - include\nCandidate 2 - exclude\nCandidate 3 - exclude",
        "| Candidate | Decision |\n|---|---|\n| 1 | Include |\n| 2 | **Exclude** |\n| 3 | Exclude | wrong drug |",
        "Include: 1\nExclude: 2, 3",
        "**Included:** candidate 1\n**Excluded:** 2 and 3",
        '{"1": "include", "2": "exclude", "3": "exclude"}',
        '{"number": 3, "study": "On drugs", "decisions": {"1": "include", "2": "exclude", "3": "exclude"}}',
        '{"included": [1], "excluded": [2, 3], "number": 3}',
    ],
)
def test_a_verdict_without_a_probability_is_given_for_certain(reply: str) -> None:
    found = TASK.read(reply, THREE)
    assert isinstance(found, Decisions)
    assert [msg.decision for msg in found.decisions] == ["include", "exclude", "exclude"]
    assert [msg.probability for msg in found.decisions] == [1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "<think>1: include",
        "I cannot screen these abstracts.",
        "All candidates are excluded.",
        '{"decisions": []}',
        '{"decisions": [{"candidate": 1, "decision": "maybe"}]}',
        '{"decisions": [{"candidate": 17, "decision": "include"}]}',
        '{"decisions": [{"candidate": null, "decision": "include"}]}',
        '{"decisions": {"candidate": [1, 2]}}',
    ],
)
def test_a_reply_without_any_verdict_is_unreadable(reply: str) -> None:
    assert isinstance(TASK.read(reply, THREE), Unreadable)


def test_the_reply_of_an_answer_is_read_as_that_answer() -> None:
    odd = Decisions([Decision(1, "include", 0.25), Decision(1, "exclude", 0.5), Decision(8, None, 0.5)])
    for answer in (THREE.gold, odd):
        assert TASK.read(TASK.reply(answer), THREE) == answer


@settings(derandomize=True, max_examples=150, deadline=None)
@given(st.text(alphabet='{}[]:,"123 includexclude\n.probality', max_size=120))
def test_reading_never_raises_and_scores_stay_in_bounds(reply: str) -> None:
    scores = TASK.score(TASK.read(reply, THREE), THREE)
    assert 0 <= scores["accuracy"] <= 1
    assert 0 <= TASK.reward(scores) <= 1
    json.dumps(scores, allow_nan=False)


# --- figures


def rows(reply: Decisions | Unreadable, sample: Asked = THREE) -> list[dict[str, float]]:
    return TASK.rows(reply, sample)


def test_each_candidate_is_a_row_and_one_left_out_is_missing_and_wrong() -> None:
    found = rows(Decisions([Decision(1, "include", 0.7), Decision(3, "exclude", 0.1)]))
    assert [row["correct"] for row in found] == [1, 0, 1]
    assert [row["missing"] for row in found] == [0, 1, 0]
    assert [row["verdict"] for row in found] == [1, -1, 0]
    assert [row["probability"] for row in found] == [0.7, 1.0, 0.1], "the wrong answer, for certain"


def test_named_twice_counts_once_and_a_contradiction_is_no_verdict() -> None:
    answer = Decisions([
        Decision(1, "include", 0.6), Decision(1, "include", 0.8), Decision(2, "exclude", 0.1),
        Decision(2, "include", 0.9), Decision(3, "exclude", 0.0), Decision(9, "include", 1.0),
        Decision(9, "include", 1.0), Decision(12, "exclude", 0.0),
    ])  # fmt: skip
    found = rows(answer)
    assert [row["correct"] for row in found] == [1, 0, 1]
    assert found[0]["probability"] == pytest.approx(0.7)
    scores = TASK.score(answer, THREE)
    assert (scores["contradicted"], scores["left_out"], scores["made_up"]) == (1, 0, 2)
    assert TASK.aggregate(found)["made_up"] == pytest.approx(2 / 3)
    assert [one.verdict if one else None for one in judged(answer, THREE)] == ["include", None, "exclude"]


def test_figures_of_a_run() -> None:
    sample = asked("include", "include", "include", "exclude", "exclude")
    said = [("include", 0.9), ("include", 0.6), ("exclude", 0.3), ("include", 0.5), ("exclude", 0.1)]
    answer = Decisions([Decision(n, verdict, p) for n, (verdict, p) in enumerate(said, 1)])  # type: ignore[arg-type]
    found = TASK.aggregate(TASK.rows(answer, sample), ["CD990001"] * 5)
    assert found["accuracy"] == pytest.approx(3 / 5)
    assert found["precision"] == pytest.approx(2 / 3)
    assert found["recall"] == pytest.approx(2 / 3)
    assert found["f1"] == pytest.approx(2 / 3)
    assert found["specificity"] == pytest.approx(1 / 2)
    assert found["auroc"] == pytest.approx(5 / 6)
    assert found["wss_95"] == pytest.approx(1 / 5 - 0.05)
    assert found["missing"] == 0
    scores = TASK.score(answer, sample)
    assert TASK.reward(scores) == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_a_figure_of_each_review_is_averaged_over_reviews_and_not_pooled() -> None:
    # Within each review the order is perfect; between them the scales differ.
    one = TASK.rows(Decisions([Decision(1, "include", 0.9), Decision(2, "include", 0.8)]), asked("include", "exclude"))
    other = TASK.rows(
        Decisions([Decision(1, "exclude", 0.2), Decision(2, "exclude", 0.1)]), asked("include", "exclude")
    )
    assert TASK.aggregate(one + other, ["A", "A", "B", "B"])["auroc"] == 1
    assert TASK.aggregate(one + other, ["A"] * 4)["auroc"] == 0.75
    assert math.isnan(TASK.aggregate(one[:1], ["A"])["auroc"])


@pytest.mark.parametrize(
    ("included", "probability", "saved"),
    [
        ([1, 1, 0, 0, 0, 0, 0, 0, 0, 0], [9, 8, 7, 6, 5, 4, 3, 2, 1, 0], 0.75),
        ([1, 0, 0, 0, 0, 0, 0, 0, 0, 1], [9, 8, 7, 6, 5, 4, 3, 2, 1, 0], -0.05),
        ([1, 0, 1, 0], [5, 5, 5, 5], -0.05),
        ([1] * 19 + [0] + [1] + [0] * 79, list(range(100, 0, -1)), 0.76),
        ([0, 0], [1, 2], math.nan),
        ([1, 1], [1, 2], math.nan),
    ],
)
def test_work_saved_is_what_need_not_be_read_for_95_per_cent(
    included: list[int], probability: list[float], saved: float
) -> None:
    found = work_saved(np.array(included, float), np.array(probability, float))
    assert found == pytest.approx(saved, nan_ok=True)


# --- published files


def published_row(**changes: Any) -> dict[str, Any]:
    return {
        "metadata": {"PMID": 99000900},
        "inputs": {"objectives": "To assess drugs."},
        "context": [{"PMID": 99000000 + n, "title": f"Paper {n}", "abstract": ""} for n in (1, 2, 3, 3)],
        "labels": [{"PMID": str(99000000 + n), "label": "included" if n == 2 else "excluded"} for n in (3, 2, 1, 4)],
    } | changes


def test_published_rows_are_joined_by_pmid_whatever_their_order(tmp_path: Path) -> None:
    (tmp_path / "test.jsonl").write_text(json.dumps(published_row()), encoding="utf-8")
    (sample,) = TASK.samples_from([tmp_path / "test.jsonl"], "test")
    verdicts = {
        candidate.title: decision.decision
        for candidate, decision in zip(sample.inputs.candidates, sample.gold.decisions, strict=True)
    }
    assert verdicts == {"Paper 1": "exclude", "Paper 2": "include", "Paper 3": "exclude"}


def test_a_published_row_without_candidates_is_told(tmp_path: Path) -> None:
    (tmp_path / "test.jsonl").write_text(json.dumps(published_row(labels=[])), encoding="utf-8")
    with pytest.raises(UserError, match="no candidate with both"):
        list(TASK.samples_from([tmp_path / "test.jsonl"], "test"))
