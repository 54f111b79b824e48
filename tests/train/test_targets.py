"""Replies that are more than the gold: searches that were tried, sizes reckoned step by step; and linked concepts."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest

from tests.handmade import HandTrial
from tests.reviewed import HandPaper, HandReview, reviewed_warehouse
from trialpanorama import tasks
from trialpanorama.tasks import SPLITS, AnySample, Sample, task
from trialpanorama.tasks._choice import Choice, Chosen
from trialpanorama.tasks._design import Open, Written
from trialpanorama.tasks._reviews import Question
from trialpanorama.tasks._size_designs import designs
from trialpanorama.tasks._trials import Start
from trialpanorama.tasks.sample_size import TASK as SIZE
from trialpanorama.tasks.sample_size import Calculation, Planned, _split_of
from trialpanorama.tasks.study_search import TASK as SEARCH
from trialpanorama.tasks.study_search import Query, sought
from trialpanorama.train import targets
from trialpanorama.warehouse import Warehouse

# --- searches


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Sample[Question, Query]:
    """A review whose question does not say what its papers are called; two of five are later than its search."""
    included = [
        HandPaper(number=number, title=f"Fictumab eases {what} in dusk sufferers", abstract=None)
        for number, what in enumerate(("itching", "shivering", "sleeplessness", "headache"), 1)
    ]
    others = [
        HandPaper(number=number, decision="excluded", title=f"Walking and {what}", abstract=None)
        for number, what in enumerate(("bread", "stones", "rivers", "lamps", "wind", "shoes", "clouds", "hills"), 10)
    ]
    late = HandPaper(number=30, title="Zorbamine eases dusk sufferers", abstract=None, published="2016-01-01")
    review = HandReview(id="CD990001", title="Remedies for gloaming fever", papers=[*included, *others, late])
    made = reviewed_warehouse(
        tmp_path_factory.mktemp("searched") / "w", [review], [HandTrial(number=1)], snapshot="targets000000000"
    )
    return next(sample for split in SPLITS for sample in tasks.load(made, SEARCH, split))


def test_the_search_to_imitate_is_the_best_of_those_that_were_run(searched: Sample[Question, Query]) -> None:
    assert SEARCH.demonstration(searched) is None, "no search of the question's own words finds anything"
    reply = targets.demonstration(SEARCH, searched)
    assert reply is not None
    best = SEARCH.read(reply, searched)
    found = {query: SEARCH.score(query, searched) for query in targets.candidates(SEARCH, searched)}
    assert isinstance(best, Query)
    assert found[best]["recall_100"] == 1.0 == max(scores["recall_100"] for scores in found.values())
    perfect = [scores["retrieved"] for scores in found.values() if scores["recall_100"] == 1.0]
    assert len(perfect) > 1
    assert found[best]["retrieved"] == min(perfect) == 4


def test_words_of_the_included_papers_name_no_paper(searched: Sample[Question, Query]) -> None:
    words = targets.telling(searched)
    assert words[0] in ("fictumab", "eases", "dusk", "sufferers")
    assert not {"itching", "shivering", "sleeplessness", "headache"} & set(words), "a word of one title points at it"
    assert "zorbamine" not in words, "the review's search could not find that paper"
    for query in targets.candidates(SEARCH, searched):
        assert not any(id in query.query for id in (*sought(searched), "uid", searched.subject))
        assert len(query.query) < 600


def test_a_review_of_which_no_search_finds_anything_has_no_demonstration(searched: Sample[Question, Query]) -> None:
    none = msgspec.structs.replace(
        searched, inputs=Question("Remedies for gloaming fever", before="1990-01-01"), gold=Query('"1"[uid]', "pubmed")
    )
    assert targets.demonstration(SEARCH, none) is None
    assert targets.demonstration(SEARCH, msgspec.structs.replace(searched, snapshot="")) is None


# --- sizes


def sized(text: str, gold: int, unit: Any = "total", arms: int | None = 2, lost: bool | None = None) -> AnySample:
    return Sample(
        id="NCT90000001@1", subject="NCT90000001", split="train", group="NCT90000001", date="2019-05-01",
        inputs=Calculation(text, unit, arms, lost), gold=Planned(gold, unit),
    )  # fmt: skip


TWO_MEANS = (
    "The mean of two groups is compared. A difference of 5 points should be detected, the standard deviation is 12 "
    "points. A power of 90% is wanted at a two-sided significance level of 5%."
)


def test_the_steps_of_a_size_end_in_the_reply() -> None:
    reply = targets.demonstration(
        SIZE, sized(f"{TWO_MEANS} A drop-out of 20% is expected.", 308, lost=True), reasoning=True
    )
    assert reply == (
        "<think>\n"
        "Formula: Two-sample t test, noncentral t (Cohen 1988, ch. 2).\n"
        "The text says: alpha 0.05; sides 2; power 0.9; mean difference 5; SD 12; arms 2; drop-out 0.2.\n"
        "Alpha 0.05, two-sided: z at 1 - alpha/2 is 1.9600.\n"
        "Power 0.9: z is 1.2816.\n"
        "Normal approximation: n1 = (1.9600 + 1.2816)² × (12² + 12²/1) / 5² = 121.046, n2 = 1 × n1 = 121.046.\n"
        "The t distribution in place of the normal one (noncentral t, solved for n) gives a little more.\n"
        "Size of each arm that reaches the power: 122.01 and 122.01; each rounded up: 123 and 123, 246 in total.\n"
        "Standard error 1.5302 with 244 degrees of freedom; noncentrality difference / standard error = 5 / 1.5302 = "
        "3.2676; t to pass 1.9697.\n"
        "Power with 123 and 123 evaluable participants and difference 5: 0.9023.\n"
        "Drop-out 0.2: each arm is divided by 0.8 and rounded up: 154 in the largest arm, 308 in total.\n"
        "Asked is the total of all arms: 308.\n"
        "</think>\n"
        "\n"
        '{"sample_size":308,"unit":"total"}'
    )


@pytest.mark.parametrize(
    ("text", "gold", "arms", "why"),
    [
        (TWO_MEANS, 400, 2, "the authors state another size"),
        ("Enough will be enrolled to see a difference.", 246, 2, "nothing to reckon with is said"),
        (TWO_MEANS.replace("power of 90%", "good power"), 184, 2, "the power is not said"),
    ],
)
def test_a_size_that_does_not_follow_has_the_plain_reply(text: str, gold: int, arms: int, why: str) -> None:
    sample = sized(text, gold, arms=arms)
    assert targets.demonstration(SIZE, sample, reasoning=True) == SIZE.reply(sample.gold), why


def test_without_reasoning_the_reply_is_plain() -> None:
    assert targets.demonstration(SIZE, sized(TWO_MEANS, 246)) == '{"sample_size":246,"unit":"total"}'
    near = targets.demonstration(SIZE, sized(TWO_MEANS, 250), reasoning=True)
    assert near is not None
    assert near.endswith('{"sample_size":246,"unit":"total"}'), "the reply is what the steps come to, within 5 %"


def test_generated_designs_of_every_kind_are_reckoned_exactly_and_the_size_is_derived() -> None:
    seen = set()
    for design in designs(_split_of, "train", 150, 7):
        sample = msgspec.structs.replace(
            sized(design.text, design.size, design.answer_type, design.arms, design.includes_drop_out),
            strata={"origin": "generated"},
        )
        reply = targets.demonstration(SIZE, sample, reasoning=True)
        assert reply is not None
        assert reply.startswith("<think>\nFormula: ")
        answer = SIZE.read(reply, sample)
        assert isinstance(answer, Planned)
        assert answer == sample.gold
        assert reply.count("<think>") == reply.count("</think>") == 1
        *steps, _ = reply.split("</think>")[0].strip().splitlines()
        # The number asked for stands in a step, or is the sum of what two arms are rounded up to.
        numbers = {int(found.replace(",", "")) for line in steps for found in re.findall(r"\d[\d,]*", line)}
        pairs = [re.findall(r"\d[\d,]*", line)[-2:] for line in steps if "rounded up" in line]
        sums = {sum(int(one.replace(",", "")) for one in pair) for pair in pairs}
        events = {
            int(re.sub(r"\..*", "", found)) + 1
            for line in steps
            for found in re.findall(r"= (\d+\.\d+), rounded", line)
        }
        assert answer.sample_size in numbers | sums | events, reply
        seen.add(design.method)
    assert len(seen) > 10


# --- linked concepts

MENTIONS = [
    ("condition", "conditions", "Gloaming Fever", "Twilight Pyrexia", "TEST:1"),
    ("drug", "interventions", "Fictumab", "Fictumab", "TEST:2"),
    ("endpoint", "outcomes", "Gloaming Fever", "Spleen Size", "TEST:3"),
    ("adverse_event", "adverse_events", "Gloaming Fever", "Rash", "TEST:4"),
    ("condition", "eligibility_criteria", "Fever", "Spleen Disorder", "TEST:5"),
    ("condition", "conditions", "ever", "Partial Word", "TEST:6"),
]


def told(kept: str = "Fictumab in Gloaming Fever") -> AnySample:
    return Sample(
        id="NCT90000001@2", subject="NCT90000001", split="train", group="NCT90000001", date="2019-05-01",
        inputs=Choice(Start(title=kept), ["Spleen size", "Hours awake", "Rash score", "Sleep"]), gold=Chosen("A"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    found = duckdb.connect()
    found.execute(
        "CREATE TABLE mentions (study_id VARCHAR, kind VARCHAR, field VARCHAR, text VARCHAR, concept_name VARCHAR, "
        "concept_id VARCHAR, is_negated BOOLEAN, is_history BOOLEAN)"
    )
    rows = [("NCT90000001", *mention, False, False) for mention in MENTIONS]
    rows += [("NCT90000001", "condition", "conditions", "Fictumab", "Denied Thing", "TEST:7", True, False)]
    rows += [("NCT90000002", "condition", "conditions", "Gloaming Fever", "Of Another", "TEST:8", False, False)]
    found.executemany("INSERT INTO mentions VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    return found


def test_concepts_of_words_that_are_shown_stand_below_the_description(con: duckdb.DuckDBPyConnection) -> None:
    chosen, sample = task("endpoint_design"), told()
    shown = targets.linked(chosen, con, [sample]).prompt(sample)
    text = chosen.text(sample)
    block = f"{targets.HEAD}\n- Fictumab (TEST:2)\n- Twilight Pyrexia (TEST:1)"
    assert shown == chosen.prompt(sample).replace(text, f"{text}\n\n{block}")
    other = msgspec.structs.replace(sample, subject="NCT90000003")
    assert targets.linked(chosen, con, [sample]).prompt(other) == chosen.prompt(other)


def test_neither_endpoints_nor_what_is_masked_nor_words_of_the_options_come_back(
    con: duckdb.DuckDBPyConnection,
) -> None:
    chosen = task("endpoint_design")
    for sample in (told(), told("[masked] in Gloaming Fever")):
        shown = targets.linked(chosen, con, [sample]).prompt(sample)
        for name in ("Spleen Size", "Rash", "Spleen Disorder", "Partial Word", "Denied Thing", "Of Another"):
            assert f"- {name}" not in shown
        if "Fictumab" not in sample.inputs.trial.title:
            assert "Fictumab" not in shown
    masked = told("[masked] in [masked]")
    assert targets.linked(chosen, con, [masked]).prompt(masked) == chosen.prompt(masked)


def test_the_right_answer_changes_nothing_of_what_is_linked(con: duckdb.DuckDBPyConnection) -> None:
    """An absence that depended on the answer would tell it."""
    chosen = task("endpoint_design")
    mentions = [(mention, f"{name} {letter}", id) for letter in "ABCD" for _, _, mention, name, id in MENTIONS]
    blocks = {
        targets.concepts(chosen, msgspec.structs.replace(told(), gold=Chosen(letter)), mentions)
        for letter in ("A", "B", "C", "D")
    }
    assert len(blocks) == 1
    free = task("endpoint_design_free")
    sample = msgspec.structs.replace(told(), inputs=Open(told().inputs.trial), gold=Written(["Spleen size"]))
    assert "Spleen" not in targets.linked(free, con, [sample]).prompt(sample)


def test_shuffled_mentions_give_the_same_block() -> None:
    mentions = [(mention, name, id) for _, _, mention, name, id in MENTIONS]
    turned = random.Random(1).sample(mentions, len(mentions))
    chosen = task("endpoint_design")
    assert targets.concepts(chosen, told(), mentions) == targets.concepts(chosen, told(), turned) != ""


# --- real reviews


@pytest.mark.slow
def test_real_searches_that_were_tried_find_more_than_the_question_does(real_topics: Path) -> None:
    opened = Warehouse.open(real_topics)
    samples = [sample for split in SPLITS for sample in tasks.load(opened, SEARCH, split)]
    recalls = []
    for sample in samples:
        replies = (SEARCH.demonstration(sample), targets.demonstration(SEARCH, sample))
        recalls.append([SEARCH.score(SEARCH.read(reply or "", sample), sample)["recall_100"] for reply in replies])
        assert recalls[-1][1] >= recalls[-1][0]
        assert not any(id in (replies[1] or "") for id in sought(sample))
    own, tried = (sum(column) / len(samples) for column in zip(*recalls, strict=True))
    assert len(samples) == 11
    assert tried > own + 0.2
