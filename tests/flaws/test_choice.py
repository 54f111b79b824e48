"""Known flaws of questions with lettered options."""

from __future__ import annotations

import random
from collections import defaultdict

import duckdb
import msgspec
import pytest

from tests.handmade import connection, many_trials
from trialpanorama import tasks
from trialpanorama.baselines import baseline
from trialpanorama.tasks import SPLITS, AnySample, Sample
from trialpanorama.tasks._choice import LETTERS, Choice, Chosen
from trialpanorama.tasks._design import DesignTask
from trialpanorama.tasks._trials import Start, trials
from trialpanorama.tasks.endpoint_design import TASK

DESIGNS = ("arm_design", "eligibility_design", "endpoint_design")


def _sample(right: str) -> Sample[Choice, Chosen]:
    return Sample(
        id="NCT99000001@2",
        subject="NCT99000001",
        split="test",
        group="NCT99000001",
        date="2030-01-01",
        inputs=Choice(Start(title="A trial"), ["Fever score", "Walked distance", "Cough frequency", "Serum copper"]),
        gold=Chosen(right),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("reply", ["B.", "(B)", "B) Walked distance", '["B"]', '{"answer": "B. Walked distance"}'])
def test_flaw_08_a_letter_with_marks_is_the_letter(reply: str) -> None:
    sample = _sample("B")

    def flawed(reply: str) -> bool:
        return reply == "B"

    assert not flawed(reply)
    assert TASK.score(TASK.read(reply, sample), sample)["correct"] == 1


def test_flaw_08_macro_f1_is_computed_and_tells_a_favourite_letter_from_a_choice() -> None:
    """By accuracy alone, one who always says A is as good as one who is right a quarter of the time at each letter."""
    right = "ABCD" * 4
    always_a = ["A"] * 16
    sometimes = [
        letter if place < 4 else LETTERS[(LETTERS.index(letter) + 1) % 4] for place, letter in enumerate(right)
    ]

    def figures(said: list[str]) -> dict[str, float]:
        scores = []
        for reply, letter in zip(said, right, strict=True):
            sample = _sample(letter)
            scores.append(TASK.score(TASK.read(reply, sample), sample))
        return TASK.aggregate(scores)

    assert figures(always_a)["accuracy"] == figures(sometimes)["accuracy"] == 0.25
    assert figures(always_a)["macro_f1"] == pytest.approx(0.1)
    assert figures(sometimes)["macro_f1"] == pytest.approx(0.25)


def test_flaw_17_a_design_of_training_is_no_question_of_the_test() -> None:
    """Trials drawn anew for each task stand on both sides; here each stands on one, as question and as distractor."""
    con = connection(many_trials(240))
    flawed: dict[str, set[str]] = defaultdict(set)
    sides: dict[str, set[str]] = defaultdict(set)
    for number, name in enumerate((*DESIGNS, "trial_completion", *(f"{design}_free" for design in DESIGNS))):
        samples: list[AnySample] = []
        for split in SPLITS:
            for sample in tasks.task(name).samples(con, split):
                samples.append(sample)
                for id in (sample.subject, *sample.entities):
                    sides[id].add(split)
        # The flawed rule: a share of each task's own samples, whatever the others hold out.
        for place, sample in enumerate(sorted(samples, key=lambda sample: sample.id)):
            flawed[sample.subject].add("test" if (place + number) % 5 == 0 else "train")
    assert any(len(side) > 1 for side in flawed.values())
    assert len(sides) == 240
    assert all(len(side) == 1 for side in sides.values())


def _accuracy(name: str, task: DesignTask, training: list[AnySample], asked: list[AnySample]) -> float:
    made = baseline(name)()
    made.fit(training, task)
    return sum(task.score(task.read(made.answer(one), one), one)["correct"] for one in asked) / len(asked)


def _flawed(task: DesignTask, con: duckdb.DuckDBPyConnection) -> list[AnySample]:
    """The published way: the description as it is, and what belongs to any three other trials."""
    draw = random.Random(3)
    found = [(trial, task.facts(trial)) for trial in trials(con, "train")]
    made = []
    for trial, facts in found:
        options = [other.option for _, other in draw.sample([one for one in found if one[0] is not trial], 3)]
        place = draw.randrange(4)
        options.insert(place, facts.option)
        made.append(
            msgspec.structs.replace(
                _sample(LETTERS[place]), id=f"{trial.study_id}@0", inputs=Choice(facts.stem, options)
            )
        )
    return made


@pytest.mark.parametrize("name", DESIGNS[::2])
def test_flaw_18_counting_words_does_not_find_the_answer(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # In a world of four drugs each is a common word; here none is.
    monkeypatch.setattr("trialpanorama.tasks._distractors._TELLING", 1.0)
    con = connection(many_trials(360))
    task = tasks.task(name)
    assert isinstance(task, DesignTask)
    flawed, ours = _flawed(task, con), list(task.samples(con, "train"))
    assert len(ours) > 200
    assert _accuracy("lexical", task, flawed, flawed) > 0.5
    assert _accuracy("lexical", task, ours, ours) < 0.35


@pytest.mark.parametrize("name", DESIGNS)
def test_flaw_18_options_alone_say_nothing(name: str) -> None:
    """Where each trial's option is a distractor as often as it is right, no model of options beats chance."""
    con = connection(many_trials(240))
    task = tasks.task(name)
    assert isinstance(task, DesignTask)
    training, asked = list(task.samples(con, "train")), list(task.samples(con, "test"))
    assert _accuracy("option_only", task, training, asked) == 0.25

    def flawed(sample: AnySample) -> AnySample:
        """Distractors cut short, as those written for the purpose are: the longest option is right."""
        right = LETTERS.index(sample.gold.answer)
        options = [text if place == right else text[:-8] for place, text in enumerate(sample.inputs.options)]
        return msgspec.structs.replace(sample, inputs=msgspec.structs.replace(sample.inputs, options=options))

    assert _accuracy("option_only", task, [flawed(one) for one in training], [flawed(one) for one in asked]) > 0.5


@pytest.mark.parametrize("name", DESIGNS)
def test_flaw_18_no_place_is_right_more_often(name: str) -> None:
    con = connection(many_trials(240))
    task = tasks.task(name)
    assert isinstance(task, DesignTask)
    samples = list(task.samples(con, "train"))
    places = [sum(sample.gold.answer == letter for sample in samples) for letter in LETTERS]
    assert max(places) == min(places)
    # The flawed rule: the right one is put in where a coin falls, so that one place can lead by chance.
    draw = random.Random(1)
    by_chance = [draw.randrange(4) for _ in samples]
    counts = [by_chance.count(place) for place in range(4)]
    assert max(counts) > min(counts)
