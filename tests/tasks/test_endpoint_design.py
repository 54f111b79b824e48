"""Reader, options and scores of endpoint_design."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.handmade import HandTrial, connection, many_trials
from trialpanorama.tasks import SPLITS, Sample, Unreadable
from trialpanorama.tasks._choice import LETTERS, Choice, Chosen
from trialpanorama.tasks._distractors import _Pool, entry_of
from trialpanorama.tasks._replies import words
from trialpanorama.tasks._trials import Start, trials
from trialpanorama.tasks.endpoint_design import TASK

OPTIONS = ["Overall survival at two years", "Overall survival", "Change in blood pressure", "Number of (serious) falls"]


def sample(right: str = "B") -> Sample[Choice, Chosen]:
    return Sample(
        id="NCT99000001@1",
        subject="NCT99000001",
        split="test",
        group="NCT99000001",
        date="2030-01-01",
        inputs=Choice(Start(title="A trial"), OPTIONS),
        gold=Chosen(right),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("reply", "letter"),
    [
        ("A", "A"),
        ("(A)", "A"),
        ("A.", "A"),
        (" a ) ", "A"),
        ("**B**", "B"),
        ("[C]", "C"),
        ("Answer: A", "A"),
        ("answer: b", "B"),
        ("Option C", "C"),
        ("The answer is (D).", "D"),
        ("The correct option is B because A is too broad.", "B"),
        ("A is too broad and C is off. The answer is B.", "B"),
        ("Final answer: **C**", "C"),
        ("B) Overall survival", "B"),
        ("B. some other words", "B"),
        ("C: Change in blood pressure", "C"),
        ("I would choose (D), falls.", "D"),
        (r"So \boxed{C}", "C"),
        (r"So $\boxed{\text{C}}$", "C"),
        (r"$$\boxed{\mathbf{(C)}}$$", "C"),
        ("Option B is correct.", "B"),
        ("A and D are too narrow, so (C) is the best choice.", "C"),
        ("A is right for adults; the answer is C.", "C"),
        ("A is not correct. So **B** is correct", "B"),
        ("答案是B", "B"),
        ("正确答案：C。", "C"),
        ("Overall survival", "B"),
        ("overall survival at TWO years.", "A"),
        ("It must be the number of serious falls, I think", "D"),
        ('{"answer": "A"}', "A"),
        ('{"answer": "(b)"}', "B"),
        ('{"answer_choice": "C. Change in blood pressure"}', "C"),
        ('{"answer": ["D"]}', "D"),
        ('{"answer": "Change in blood pressure"}', "C"),
        ('A or B or C? ```json\n{"step_by_step_thinking": "A, then B", "answer_choice": "C"}\n```', "C"),
        ("<think>A? (B)? Answer: C</think>Answer: D", "D"),
    ],
)
def test_what_is_read(reply: str, letter: str) -> None:
    assert TASK.read(reply, sample()) == Chosen(letter)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "E",
        "A or B",
        "A, B",
        "A and C",
        "A/B",
        "(A) or (B)",
        "Answer: A. Answer: B.",
        "Answer: A or B",
        '{"answer": "A"} {"answer": "B"}',
        '{"answer": "A", "Answer": "B"}',
        '{"answer": ["A", "B"]}',
        '{"answer": "A or B"}',
        '{"answer": "E"}',
        '{"answer": null}',
        '{"answer": 1}',
        "A. Change in blood pressure",
        "Overall survival and change in blood pressure",
        "A trial of this kind needs a better endpoint",
        "I cannot tell",
        "Lo siento, no puedo responder a esta pregunta.",
        "抱歉，我无法回答这个问题。",
        "Option A is correct. Option B is correct.",
        "I do not think that option B is correct.",
        "Option B is not correct.",
        "A is correct and B is correct.",
        "The claim that A is correct is wrong.",
        "Vitamin D is the best choice.",
        "Hepatitis B is right, and group A is right-handed.",
        "<think>Answer: A",
        "All of the above",
        "None",
    ],
)
def test_what_is_not_read(reply: str) -> None:
    assert isinstance(TASK.read(reply, sample()), Unreadable)


@given(st.text(max_size=300) | st.text(alphabet='ABCDabcd()[]{}":., answer', max_size=60))
@settings(derandomize=True, max_examples=500, deadline=None)
def test_any_reply_is_read_or_unreadable_and_scored(reply: str) -> None:
    answer = TASK.read(reply, sample())
    assert isinstance(answer, Chosen | Unreadable)
    scores = TASK.score(answer, sample())
    assert scores["correct"] == float(answer == Chosen("B"))
    assert scores["unreadable"] == float(isinstance(answer, Unreadable))


@pytest.mark.parametrize("letter", LETTERS)
def test_what_is_replied_is_read_back(letter: str) -> None:
    answer = Chosen(letter)  # type: ignore[arg-type]
    assert TASK.read(TASK.reply(answer), sample()) == answer


# --- samples


def test_options_are_endpoints_of_the_same_condition_that_name_no_drug(monkeypatch: pytest.MonkeyPatch) -> None:
    # In a world of four drugs each is a common word; here none is.
    monkeypatch.setattr("trialpanorama.tasks._distractors._TELLING", 1.0)
    many = many_trials(240)
    home = {trial.primary[0].replace(trial.drug, "[intervention]"): trial for trial in many}
    con = connection(many)
    for split in SPLITS:
        samples = list(TASK.samples(con, split))
        assert len(samples) > 20
        for s in samples:
            owners = [home[option.removesuffix(" (time frame: 12 weeks)")] for option in s.inputs.options]
            assert owners[LETTERS.index(s.gold.answer)].study_id == s.subject
            assert {owner.study_id for owner in owners} == {s.subject, *s.entities}
            if s.strata["distractors"] == "same condition":
                assert all(owner.conditions == owners[0].conditions for owner in owners)
        if split == "train":  # where there are enough to choose from
            assert sum(s.strata["distractors"] == "same condition" for s in samples) > 0.8 * len(samples)


def test_no_distractor_is_an_endpoint_of_the_trial_itself_in_other_words() -> None:
    many = many_trials(120)
    many.append(
        HandTrial(
            number=999,
            title="A trial of many endpoints indeed",
            primary=("Fever score by clinic visit",),
            secondary=tuple(sorted({trial.primary[0].replace("by method", "using method") for trial in many[:60]})),
            registered="2019-12-01",
        )
    )
    con = connection(many)
    mine = [s for split in SPLITS for s in TASK.samples(con, split) if "NCT99000999" in (s.subject, *s.entities)]
    own = {words(trial.primary[0]) for trial in many[:60]}
    for s in mine:
        assert own.isdisjoint(words(text.removesuffix(" (time frame: 12 weeks)")) for text in s.inputs.options)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Maximum Tolerated Dose (MTD)", "Dose-limiting toxicities graded by Common Criteria"),
        ("Overall survival in all", "Mortality by any cause"),
        ("Response rate (complete or partial) of lanterns", "Confirmed objective response after two months"),
        (
            "Gloaming use diary",
            "Gloaming use diary kept by mothers, read by nurses",
        ),  # who has the second has the first
        ("Fictumab level in blood", "Level of Dramavir in blood"),  # the same once the drugs are hidden
    ],
)
def test_no_two_options_may_both_be_right(one: str, other: str) -> None:
    many = [
        HandTrial(number=1, title="Trial of remedies number 1", primary=(one,)),
        HandTrial(number=2, title="Trial of remedies number 2", primary=(other,), drug="Dramavir"),
        HandTrial(number=3, title="Trial of remedies number 3", primary=("Walked distance on a slope",)),
    ]
    con = connection(many)
    entries = [entry_of(trial, TASK.facts, Counter()) for split in SPLITS for trial in trials(con, split)]
    pool = _Pool(sorted((entry for entry in entries if entry), key=lambda entry: entry.trial.study_id))
    assert pool._likeness(0, 1) == -math.inf
    assert pool._likeness(0, 2) > -math.inf


def test_an_endpoint_that_names_nothing_but_what_is_given_is_left_out() -> None:
    many = [*many_trials(60), HandTrial(number=901, title="The first special trial", primary=("Fictumab level",))]
    left_out = Counter[str]()
    for split in SPLITS:
        list(TASK.samples(connection(many), split, left_out))
    assert left_out["nothing but what is given"] == 1


def test_trials_that_cannot_be_asked_are_counted() -> None:
    many = [
        *many_trials(60),
        HandTrial(number=901, title="The first special trial", primary=()),
        HandTrial(number=902, title="The second special trial", conditions=()),
        HandTrial(number=903, title="The third special trial", primary=("Safety",)),
        HandTrial(number=904, title="The fourth special trial", studies={"trial_type": None}),
        HandTrial(number=905, title="The fifth special trial", primary=("Primary outcome measure",)),
    ]
    con, left_out = connection(many), Counter[str]()
    samples = [s for split in SPLITS for s in TASK.samples(con, split, left_out)]
    assert len(samples) + left_out.pop("fewer than three similar trials") == 60
    assert left_out == {
        "no primary endpoint": 1,
        "no condition": 1,
        "no endpoint of two words or more": 2,
        "neither interventional nor observational": 1,
    }


# --- scores


def _figures(said: list[str], right: str) -> dict[str, float]:
    return TASK.aggregate(
        [
            TASK.score(TASK.read(reply, sample(letter)), sample(letter))
            for reply, letter in zip(said, right, strict=True)
        ]
    )


def test_perfect_constant_inverted_and_unreadable_answers() -> None:
    right = "ABCD" * 3
    assert _figures(list(right), right) == {"accuracy": 1.0, "macro_f1": 1.0}
    assert _figures(["A"] * 12, right) == {"accuracy": 0.25, "macro_f1": pytest.approx(0.1)}
    assert _figures(list("BCDA" * 3), right) == {"accuracy": 0.0, "macro_f1": 0.0}
    assert _figures(["?"] * 12, right) == {"accuracy": 0.0, "macro_f1": 0.0}
    half = _figures([letter if place % 2 else "?" for place, letter in enumerate(right)], right)
    assert half["accuracy"] == 0.5
