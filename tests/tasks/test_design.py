"""What the three design tasks and their variants promise alike."""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.handmade import HandTrial, connection, many_trials
from trialpanorama import tasks
from trialpanorama.tasks import SPLITS, Sample, Unreadable
from trialpanorama.tasks._choice import LETTERS, MANY_LETTERS, Choice, ChosenSeveral
from trialpanorama.tasks._design import DesignTask, FreeDesignTask, Open, SeveralDesignsTask, Written, matches
from trialpanorama.tasks._distractors import INTERVENTION, MASK, key, keys, too_alike
from trialpanorama.tasks._replies import words
from trialpanorama.tasks._trials import Arm, Start
from trialpanorama.tasks.arm_design import ArmDesignFree
from trialpanorama.tasks.eligibility_design import EligibilityDesignAll

NAMES = ("arm_design", "eligibility_design", "endpoint_design")


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    return connection(many_trials(240))


def _task(name: str) -> DesignTask:
    found = tasks.task(name)
    assert isinstance(found, DesignTask)
    return found


def _fours(name: str, con: duckdb.DuckDBPyConnection, split: tasks.Split) -> list[list[Sample[Any, Any]]]:
    fours = defaultdict(list)
    for sample in tasks.task(name).samples(con, split):
        fours[frozenset([sample.subject, *sample.entities])].append(sample)
    return list(fours.values())


@pytest.mark.parametrize("name", NAMES)
def test_each_of_four_trials_is_asked_about_once_with_the_same_options(
    name: str, con: duckdb.DuckDBPyConnection
) -> None:
    """So that nothing that options tell of themselves helps: whoever looks at them alone is right once in four."""
    for split in SPLITS:
        fours = _fours(name, con, split)
        assert len(fours) >= 5
        for four in fours:
            assert len(four) == 4
            assert len({sample.subject for sample in four}) == 4
            assert len({sample.group for sample in four}) == 1
            assert len({frozenset(sample.inputs.options) for sample in four}) == 1
            right = [sample.inputs.options[LETTERS.index(sample.gold.answer)] for sample in four]
            assert sorted(right) == sorted(four[0].inputs.options)
            assert len(set(right)) == 4


@pytest.mark.parametrize("name", NAMES)
def test_answers_stand_at_balanced_places_from_the_start(name: str, con: duckdb.DuckDBPyConnection) -> None:
    places = [sample.gold.answer for sample in tasks.task(name).samples(con, "train")]
    for first in range(0, len(places), 4):
        assert sorted(places[first : first + 4]) == list(LETTERS)


@pytest.mark.parametrize("name", NAMES)
def test_a_limited_run_asks_about_many_fours(name: str, con: duckdb.DuckDBPyConnection) -> None:
    first = [sample.group for _, sample in zip(range(20), tasks.task(name).samples(con, "train"), strict=False)]
    assert len(set(first)) == 20


@pytest.mark.parametrize("name", NAMES)
def test_no_option_and_no_word_that_tells_stands_in_the_description(
    name: str, con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A word of some options that is in some of the four descriptions would tell which go together."""
    # In a world of four drugs each is a common word; here none is.
    monkeypatch.setattr("trialpanorama.tasks._distractors._TELLING", 1.0)
    task = _task(name)
    masked = telling = 0
    for split in SPLITS:
        for four in _fours(name, con, split):
            texts = [task.text(sample) for sample in four]
            masked += sum(text.count(MASK) for text in texts)
            said = [frozenset(words(text).split()) for text in texts]
            options = [frozenset(words(text).split()) for text in four[0].inputs.options]
            for text in texts:
                for option in four[0].inputs.options:
                    measure = option.removesuffix(" (time frame: 12 weeks)")
                    assert f" {words(measure)} " not in f" {words(text)} "
            for word in frozenset.union(*options) - frozenset.intersection(*options):
                if len(word) > 1 and key(word) not in _FACTS:
                    telling += 1
                    assert sum(word in own for own in said) in (0, 4), word
    assert telling > 50
    assert masked > 0


_FACTS = keys("experimental placebo comparator intervention masked double participant parallel randomized")
"""Words of facts that are no free text, which every description has."""


def test_arms_are_asked_without_arms_and_criteria_without_criteria(con: duckdb.DuckDBPyConnection) -> None:
    for sample in tasks.task("arm_design").samples(con, "train"):
        assert not sample.inputs.trial.arms
        assert not sample.inputs.trial.interventions
        assert sample.inputs.trial.number_of_arms is None
        assert sample.inputs.trial.criteria
    for sample in tasks.task("eligibility_design").samples(con, "train"):
        trial = sample.inputs.trial
        assert trial.arms
        assert (trial.criteria, trial.minimum_age_years, trial.maximum_age_years, trial.sex) == (None, None, None, None)


def test_criteria_do_not_name_what_the_trial_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trialpanorama.tasks._distractors._TELLING", 1.0)
    many = many_trials(40)
    for place, trial in enumerate(many):
        kept_out = f"Known intolerance of {trial.drug} or its relatives\n- Severe rust deficiency number {place}"
        trial.criteria = ("- " + "\n- ".join((trial.criteria or ("", ""))[0].split("\n- ")[1:]), f"- {kept_out}")
    con = connection(many)
    options = [o for s in tasks.task("eligibility_design").samples(con, "train") for o in s.inputs.options]
    assert any(INTERVENTION in option for option in options)
    assert not any(trial.drug in option for trial in many for option in options)


def test_criteria_that_say_nothing_are_in_no_option() -> None:
    empty = (
        "Renal function: See Disease Characteristics",
        "Prior endocrine therapy: Not specified",
        "Must not have any:",
    )
    many = many_trials(40)
    for trial in many:
        lets_in, keeps_out = trial.criteria or ("", "")
        trial.criteria = ("\n".join([lets_in, *(f"- {text}" for text in empty)]), keeps_out)
    samples = list(tasks.task("eligibility_design").samples(connection(many), "train"))
    assert samples
    options = " ".join(option for sample in samples for option in sample.inputs.options)
    assert not any(text.rstrip(":") in options for text in empty)


def test_criteria_that_fit_any_trial_or_stand_twice_are_in_no_option() -> None:
    general = (
        "Platelet count at least 100,000/mm3",
        "Creatinine no greater than 1.5 times normal",
        "Karnofsky 70-100% at screening",
        "Life expectancy: At least 12 weeks",
        "No other investigational agents",
    )
    many = many_trials(40)
    for trial in many:
        lets_in, keeps_out = trial.criteria or ("", "")
        trial.criteria = ("\n".join([lets_in, *(f"- {text}" for text in general), lets_in]), keeps_out)
    samples = list(tasks.task("eligibility_design").samples(connection(many), "train"))
    assert samples
    for option in (option for sample in samples for option in sample.inputs.options):
        assert not any(text in option for text in general)
        items = re.split(r"; |: |\. ", option)
        assert len(items) == len(set(items)), option


def _nonsense(seed: int) -> str:
    draw = random.Random(seed)
    return " ".join("".join(draw.choices("bdfgklmnprst", k=6)) for _ in range(9))


def test_options_that_share_half_their_criteria_are_not_put_together() -> None:
    many = many_trials(40)
    for place, trial in enumerate(many):
        trial.criteria = (f"- History of smoked lamplight\n- {_nonsense(place)}", "- Pregnancy")
    assert not list(tasks.task("eligibility_design").samples(connection(many), "train"))


def test_a_letter_that_belongs_to_a_masked_word_is_masked_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trialpanorama.tasks._distractors._TELLING", 1.0)
    many = many_trials(40)
    for trial in many:
        name = f"{trial.drug[:5]}amin"
        trial.title = f"{name} C in {trial.conditions[0]}, a study of number {trial.number}"
        trial.arms = ((f"{name} C every day", "EXPERIMENTAL"), trial.arms[1])
    titles = [sample.inputs.trial.title for sample in tasks.task("arm_design").samples(connection(many), "train")]
    assert any(title.startswith(f"{MASK} in ") for title in titles)
    assert not any(f"{MASK} C " in title for title in titles)


def test_options_do_not_name_what_is_given_by_its_initials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trialpanorama.tasks._distractors._TELLING", 1.0)
    many = many_trials(40)
    for trial in many:
        trial.primary = (trial.primary[0].replace(trial.drug, f"{trial.drug[0]}VAD"),)
        trial.drug = f"{trial.drug} Vented Aiding Device"
    samples = list(tasks.task("endpoint_design").samples(connection(many), "train"))
    assert samples
    assert all(INTERVENTION in option for sample in samples for option in sample.inputs.options)


@pytest.mark.parametrize("name", NAMES)
def test_options_of_four_are_not_the_same_in_other_words(name: str, con: duckdb.DuckDBPyConnection) -> None:
    for four in _fours(name, con, "train"):
        options = [keys(text) - {key("intervention")} for text in four[0].inputs.options]
        assert not any(one == other for place, one in enumerate(options) for other in options[:place])


@pytest.mark.parametrize("name", NAMES)
def test_the_same_block_of_trials_gives_the_same_fours_and_blocks_are_bounded(
    name: str, con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trialpanorama.tasks._distractors._AT_ONCE", 40)
    left_out: Counter[str] = Counter()
    samples = list(tasks.task(name).samples(con, "train", left_out))
    assert len(samples) + left_out.total() == 168
    assert len(samples) > 100
    place = {trial_id: rank for rank, trial_id in enumerate(_order(con))}
    for sample in samples:
        assert len({place[one] // 40 for one in (sample.subject, *sample.entities)}) == 1


def _order(con: duckdb.DuckDBPyConnection) -> list[str]:
    rows = con.execute("SELECT study_id FROM trial_splits WHERE split = 'train' AND is_used ORDER BY place").fetchall()
    return [row[0] for row in rows]


def test_linked_conditions_bring_trials_together() -> None:
    """Trials whose conditions have no word in common are of one condition where a concept says so."""
    many = [
        HandTrial(number=place, title=f"Trial of remedies number {place}", conditions=(name,), primary=(measure,))
        for place, (name, measure) in enumerate(
            [
                ("Gloaming", "hours without rash at home"),
                ("Dusk disease", "walked distance on a slope"),
                ("Twilight pox", "serum copper by assay"),
                ("Febris crepuscularis", "sleep quality in diaries"),
            ],
            1,
        )
    ]
    con = connection(many)
    for place in range(1, 5):
        con.execute(
            "INSERT INTO conditions (study_id, condition_name, concept_id, condition_mesh_type, depth) "
            "VALUES (?, 'x', 'MESH:D999', 'linked', 0)",
            [f"NCT99{place:06d}"],
        )
    samples = [s for split in SPLITS for s in tasks.task("endpoint_design").samples(con, split)]
    assert {sample.strata["distractors"] for sample in samples} <= {"same condition"}


# --- any number right


def _several(right: list[str], options: int = 5) -> Sample[Choice, ChosenSeveral]:
    texts = ["Fever score", "Fever score at night", "Walked distance", "Cough (any)", "Serum copper", "G", "H", "I"]
    return Sample(
        id="NCT99000001@1",
        subject="NCT99000001",
        split="test",
        group="NCT99000001",
        date="2030-01-01",
        inputs=Choice(Start(title="A trial"), texts[:options]),
        gold=ChosenSeveral(right),  # type: ignore[arg-type]
    )


ALL = EligibilityDesignAll()


@pytest.mark.parametrize(
    ("reply", "letters"),
    [
        ('{"answer": ["A", "C"]}', "AC"),
        ('{"answer": ["c", "(A)"]}', "AC"),
        ('{"answers": "A, C"}', "AC"),
        ('{"answer": "A and C"}', "AC"),
        ('{"answer": "B"}', "B"),
        ('{"answer": []}', ""),
        ('{"answer": "none"}', ""),
        ('{"answer": ["A. Fever score", "Walked distance"]}', "AC"),
        ('```json\n{"answer": ["D", "E"]}\n```', "DE"),
        ("A, C", "AC"),
        ("A and C.", "AC"),
        ("(A), (C) & (E)", "ACE"),
        ("**A**, **B**", "AB"),
        ("Options A, B and D", "ABD"),
        ("Answer: A, D", "AD"),
        ("The correct answers are B and E.", "BE"),
        ("They measure fever. The answers are A and B, as said.", "AB"),
        ("A. Fever score\nC. Walked distance", "AC"),
        ("- A\n- C", "AC"),
        ("Walked distance\ncough, any", "CD"),
        ("None of the above", ""),
        ("<think>A, B</think>C", "C"),
    ],
)
def test_what_is_read_where_several_may_be_right(reply: str, letters: str) -> None:
    assert ALL.read(reply, _several(["A"])) == ChosenSeveral(list(letters))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "F",
        '{"answer": ["A", "F"]}',
        '{"answer": ["A", 2]}',
        '{"answer": {"A": true}}',
        '{"answer": null}',
        '{"answer": ["A"]} {"answer": ["B"]}',
        "A or C",
        "A. Walked distance\nC. Fever score",
        "A: wrong\nC: right",
        "Answer: A. Answer: B, C.",
        "A trial like this needs more thought",
        "I cannot tell",
        "<think>Answer: A",
    ],
)
def test_what_is_not_read_where_several_may_be_right(reply: str) -> None:
    assert isinstance(ALL.read(reply, _several(["A"])), Unreadable)


@given(st.text(max_size=300) | st.text(alphabet='ABCDEFabc()[]{}":., andswer\n', max_size=60))
@settings(derandomize=True, max_examples=300, deadline=None)
def test_any_reply_is_read_or_unreadable_and_scored_in_every_variant(reply: str) -> None:
    answer = ALL.read(reply, _several(["A", "C"]))
    scores = ALL.score(answer, _several(["A", "C"]))
    assert scores["correct"] == float(answer == ChosenSeveral(["A", "C"]))
    assert all(0 <= scores[name] <= 1 for name in ("f1", "option_accuracy"))
    free = ArmDesignFree()
    written = free.read(reply, _open(["a warm bath"]))
    assert 0 <= free.reward(free.score(written, _open(["a warm bath"]))) <= 1


def test_scores_where_several_are_right() -> None:
    sample = _several(["A", "C"])
    perfect = ALL.score(ChosenSeveral(["A", "C"]), sample)
    assert (perfect["correct"], perfect["f1"], perfect["option_accuracy"]) == (1, 1, 1)
    half = ALL.score(ChosenSeveral(["A", "B"]), sample)
    assert (half["correct"], half["f1"], half["option_accuracy"]) == (0, 0.5, 0.6)
    nothing = ALL.score(ChosenSeveral([]), sample)
    assert (nothing["correct"], nothing["f1"], nothing["option_accuracy"]) == (0, 0, 0.6)
    unreadable = ALL.score(Unreadable("?"), sample)
    assert (unreadable["f1"], unreadable["option_accuracy"], unreadable["unreadable"]) == (0, 0, 1)
    assert ALL.aggregate([perfect, half]) == {"accuracy": 0.5, "f1": 0.75, "option_accuracy": 0.8}


@pytest.mark.parametrize("name", NAMES)
def test_what_belongs_to_four_trials_is_offered_and_only_the_own_is_right(
    name: str, con: duckdb.DuckDBPyConnection
) -> None:
    task = tasks.task(f"{name}_all")
    assert isinstance(task, SeveralDesignsTask)
    numbers: Counter[int] = Counter()
    left_out: Counter[str] = Counter()
    samples = list(task.samples(con, "train", left_out))
    assert len(samples) + left_out.total() == 168
    for four in _fours(task.name, con, "train"):
        assert len({frozenset(sample.inputs.options) for sample in four}) == 1
        right = [
            {sample.inputs.options[MANY_LETTERS.index(letter)] for letter in sample.gold.answer} for sample in four
        ]
        assert sum(map(len, right)) == len(set.union(*right)) == len(four[0].inputs.options) <= 8
        numbers.update(map(len, right))
        for sample in four:
            assert task.read(task.reply(sample.gold), sample) == sample.gold
            assert task.reply(sample.gold) not in task.prompt(sample)
    assert len(numbers) > 1 or name == "endpoint_design", "any number is right"


# --- free text


def _open(items: list[str]) -> Sample[Open, Written]:
    return Sample(
        id="NCT99000001@1",
        subject="NCT99000001",
        split="test",
        group="NCT99000001",
        date="2030-01-01",
        inputs=Open(Start(title="A trial", arms=[Arm("x")])),
        gold=Written(items),
    )


@pytest.mark.parametrize(
    ("reply", "items"),
    [
        ('{"items": ["one bath", " two baths "]}', ["one bath", "two baths"]),
        ('{"items": []}', []),
        ('{"items": "one bath\\ntwo baths"}', ["one bath", "two baths"]),
        ("Arms:\n- one bath\n- two baths", ["one bath", "two baths"]),
        ("1. one bath\n2) two baths", ["one bath", "two baths"]),
        ('<think>- none</think>{"items": ["one bath"]}', ["one bath"]),
    ],
)
def test_free_text_that_is_read(reply: str, items: list[str]) -> None:
    assert ArmDesignFree().read(reply, _open(["x"])) == Written(items)


@pytest.mark.parametrize(
    "reply", ["", "one bath", '{"items": 3}', '{"items": [3]}', '{"items": ["a"]} {"items": ["b"]}', "<think>- a"]
)
def test_free_text_that_is_not_read(reply: str) -> None:
    assert isinstance(ArmDesignFree().read(reply, _open(["x"])), Unreadable)


def test_items_are_matched_one_to_one_by_their_words() -> None:
    true = ["Change in fever score at week twelve", "Hours without rash"]
    assert matches(true, true) == 2
    assert matches([true[0], true[0]], true) == 1, "said twice, it counts once"
    assert matches(["fever score, week twelve"], true) == 1
    assert matches(["temperature"], true) == 0
    assert matches([], true) == 0
    # Each of the two fits the first; only one of them also fits the second.
    assert matches(["alpha beta gamma", "alpha beta delta"], ["alpha beta gamma epsilon", "alpha beta gamma"]) == 2


def test_scores_of_free_text() -> None:
    task, sample = ArmDesignFree(), _open(["Fictumab once a week", "Warm baths"])
    full = task.score(Written(["warm baths", "fictumab once weekly a week"]), sample)
    assert (full["correct"], full["f1"], full["precision"], full["recall"]) == (1, 1, 1, 1)
    half = task.score(Written(["warm baths", "cold baths with salt and lamps"]), sample)
    assert (half["correct"], half["f1"], half["precision"], half["recall"]) == (0, 0.5, 0.5, 0.5)
    assert task.reward(half) == 0.5
    assert task.score(Unreadable("?"), sample)["f1"] == task.score(Written([]), sample)["f1"] == 0


@pytest.mark.parametrize("name", NAMES)
def test_free_text_is_asked_of_every_trial_and_its_answer_is_not_in_the_prompt(
    name: str, con: duckdb.DuckDBPyConnection
) -> None:
    task = tasks.task(f"{name}_free")
    assert isinstance(task, FreeDesignTask)
    left_out: Counter[str] = Counter()
    samples = list(task.samples(con, "train", left_out))
    assert len(samples) + left_out.total() == 168
    assert len(samples) > 160
    for sample in samples:
        assert task.read(task.reply(sample.gold), sample) == sample.gold
        assert task.score(sample.gold, sample)["correct"] == 1
        prompt = words(task.prompt(sample))
        for item in sample.gold.items:
            assert f" {words(re.sub(r'^(?:In|Ex)cluded: ', '', item))} " not in f" {prompt} "


def test_words_are_compared_by_their_first_letters() -> None:
    assert keys("Randomised injections of the drug") == keys("a randomized injection: drug")
    assert keys("injection") != keys("infusion")
    assert too_alike(keys("fever score at week twelve"), keys("Fever scores, at week twelve"))
    assert not too_alike(keys("fever score"), keys("walked distance"))
