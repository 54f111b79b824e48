"""Reader, scores and samples of sample_size."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.handmade import HandTrial, connection, many_trials
from trialpanorama import power
from trialpanorama.tasks import SPLITS, Sample, Unreadable, sample_size
from trialpanorama.tasks._size_designs import _KINDS, designs
from trialpanorama.tasks.sample_size import TASK, WORST, Calculation, Planned, _split_of


def sample(
    size: int = 240, answer_type: str = "total", arms: int | None = 2, origin: str = "reported"
) -> Sample[Calculation, Planned]:
    return Sample(
        id="a@1",
        subject="a",
        split="test",
        group="a",
        date="",
        strata={"origin": origin},
        inputs=Calculation("A trial of gloaming fever.", answer_type, arms),  # type: ignore[arg-type]
        gold=Planned(size, answer_type),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("reply", "size", "unit"),
    [
        ('{"sample_size": 240, "unit": "total"}', 240, "total"),
        ('{"sample_size": 240}', 240, "total"),
        ('{"sample_size": 240.0}', 240, "total"),
        ('{"sample_size": "1,500 patients"}', 1500, "total"),
        ('{"sample_size_needed": "1 500"}', 1500, "total"),
        ('{"answer": "N = 240"}', 240, "total"),
        ('{"sample_size": "120 per arm"}', 120, "per_arm"),
        ('{"sample_size": 120, "unit": "per arm"}', 120, "per_arm"),
        ('{"sample_size": 120, "unit": "participants"}', 120, "total"),
        ('{"per_arm": 120, "total": 240}', 240, "total"),
        (
            'Think: 3 arms?\n```json\n{"step_by_step_thinking": "12 and 13", "sample_size_needed": 240}\n```',
            240,
            "total",
        ),
        ("<think>maybe 100</think> 240", 240, "total"),
        ("240", 240, "total"),
        ("1,500 participants", 1500, "total"),
        ("N=240", 240, "total"),
        ("about 240 patients", 240, "total"),
        ("120 per group", 120, "per_arm"),
        ("120 in each arm", 120, "per_arm"),
        ("300 events", 300, "events"),
        ("With z = 1.96 and d = 0.5 it is so.\nFinal answer: 240", 240, "total"),
        ("**Sample size:** 1,240 participants", 1240, "total"),
        ("120 per arm, 240 in total", 240, "total"),
        ("A total of 240 (120 per arm)", 240, "total"),
        ("N = 1,500 (750 per arm)", 1500, "total"),
        ("240 (120 per arm)", 240, "total"),
        ('{"sample_size": "360 (120 per arm)", "unit": "total"}', 360, "total"),
        ('{"sample_size": 240, "unit": "subjects"}', 240, "total"),
        ('{"sample_size": 240, "unit": "participants in total"}', 240, "total"),
        ('{"sample_size": 120, "unit": "patients per arm"}', 120, "per_arm"),
        (r"So $\boxed{240\text{ participants}}$", 240, "total"),
    ],
)
def test_what_is_read(reply: str, size: int, unit: str) -> None:
    assert TASK.read(reply, sample()) == Planned(size, unit)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "I cannot tell",
        "100-120",
        "100 to 120 patients",
        "100 or 120",
        "120, 240",
        "-240",
        "0",
        "240.5",
        "20%",
        "1.500",
        "two hundred",
        '{"sample_size": null}',
        '{"sample_size": true}',
        '{"sample_size": -240}',
        '{"sample_size": 240.5}',
        '{"sample_size": [240]}',
        '{"sample_size": 1e400}',
        '{"sample_size": "200-240"}',
        '{"sample_size": 240, "unit": "mice"}',
        '{"sample_size": 240, "unit": 1}',
        '{"sample_size": "120 per arm", "unit": "total"}',
        '{"sample_size": 240} {"sample_size": 300}',
        '{"sample_size": 240, "answer": 300}',
        "<think>240",
        "9" * 400,
        "250 (120 per arm)",
        "240 (0 per arm)",
        "1960 (120 per arm)",
        '{"sample_size": "250 (120 per arm)", "unit": "total"}',
    ],
)
def test_what_is_not_read(reply: str) -> None:
    assert isinstance(TASK.read(reply, sample()), Unreadable)


def test_a_unit_that_names_people_alone_is_the_one_asked_for() -> None:
    """`participants` tells neither a total nor a size per arm, and must not turn a right answer into a wrong one."""
    reply = '{"sample_size": 120, "unit": "participants"}'
    assert TASK.read(reply, sample(120, "per_arm")) == Planned(120, "per_arm")
    assert TASK.read(reply, sample(240)) == Planned(120, "total")
    assert TASK.read(reply, sample(90, "events")) == Planned(120, "total")
    assert TASK.read("N = 240 (120 per arm)", sample(120, "per_arm")) == Planned(120, "per_arm")


@given(st.text(max_size=200) | st.text(alphabet='0123456789 ,.-{}":armpetolsiz_%nN=', max_size=60))
@settings(derandomize=True, max_examples=500, deadline=None)
def test_any_reply_is_read_or_unreadable_and_scored(reply: str) -> None:
    answer = TASK.read(reply, sample())
    assert isinstance(answer, Planned | Unreadable)
    scores = TASK.score(answer, sample())
    assert scores.keys() == TASK.score(Planned(240, "total"), sample()).keys()
    assert scores["unreadable"] == float(isinstance(answer, Unreadable))
    assert 0 <= TASK.reward(scores) <= 1
    if isinstance(answer, Planned):
        assert TASK.read(TASK.reply(answer), sample()) == answer


# --- scores


@pytest.mark.parametrize(
    ("answer", "within", "reward"),
    [(240, (1, 1, 1), 1), (252, (1, 1, 1), 1), (253, (1, 1, 0), 2 / 3), (288, (1, 0, 0), 1 / 3), (289, (0, 0, 0), 0),
     (200, (1, 0, 0), 1 / 3), (199, (0, 0, 0), 0)],
)  # fmt: skip
def test_tiers_on_the_log_scale(answer: int, within: tuple[int, int, int], reward: float) -> None:
    scores = TASK.score(Planned(answer, "total"), sample())
    assert (scores["within_20"], scores["within_10"], scores["within_5"]) == within
    assert scores["correct"] == within[0]
    assert TASK.reward(scores) == pytest.approx(reward)


def test_units_are_converted_where_the_arms_are_known() -> None:
    assert TASK.score(Planned(80, "per_arm"), sample(240, arms=3))["log_error"] == pytest.approx(0)
    assert TASK.score(Planned(240, "total"), sample(80, "per_arm", 3))["log_error"] == pytest.approx(0)
    for asked in (sample(240, arms=None), sample(240, "events")):
        scores = TASK.score(Planned(240, "per_arm"), asked)
        assert (scores["other_unit"], scores["correct"], scores["log_error"]) == (1, 0, WORST)


def test_reported_and_generated_figures_are_apart_and_undefined_without_samples() -> None:
    reported = [TASK.score(Planned(240, "total"), sample()), TASK.score(Unreadable("no"), sample(100))]
    made = [TASK.score(Planned(480, "total"), sample(origin="generated"))]
    figures = TASK.aggregate([*reported, *made])
    assert figures["within_20"] == 0.5
    assert figures["mae"] == 50
    assert figures["within_20_generated"] == 0
    assert figures["median_log_error_generated"] == pytest.approx(math.log(2))
    assert math.isnan(TASK.aggregate(reported)["within_20_generated"])
    assert math.isnan(TASK.aggregate(made)["within_20"])


# --- samples

STATEMENT = (
    "Relapse is expected in 40% of the control group and in 25% of the treated group. A sample size of 152 patients "
    "per group gives 80% power to detect this difference at a two-sided significance level of 5%. Allowing for 10% "
    "drop-out, 338 patients will be enrolled in NCT99000901."
)


def _many() -> list[HandTrial]:
    telling = HandTrial(number=901, title="A trial that says how it was sized", studies={"abstract": STATEMENT})
    again = HandTrial(number=902, title="Another trial with the same words", studies={"abstract": STATEMENT})
    lacking = HandTrial(
        number=903, title="A trial that is short", studies={"abstract": "We need 90 patients for 80% power."}
    )
    return [*many_trials(60), telling, again, lacking]


def test_statements_of_trials_become_samples_once_and_the_others_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_size, "MOST_GENERATED", dict.fromkeys(SPLITS, 3))
    con, left_out = connection(_many()), Counter[str]()
    found = [
        one for split in SPLITS for one in TASK.samples(con, split, left_out) if one.strata["origin"] == "reported"
    ]
    (one,) = found
    assert one.subject in ("NCT99000901", "NCT99000902")
    assert one.gold == Planned(152, "per_arm")
    assert one.inputs.arms == 2
    assert one.inputs.includes_drop_out is False
    prompt = TASK.prompt(one)
    for told in ("152", "338", "NCT99000901", "304"):
        assert told not in prompt
    assert "[N]" in prompt
    assert "40%" in prompt
    assert "Do not add an allowance for drop-out" in prompt
    assert left_out["trials: the statement stands in another text, too"] == 1
    assert left_out["trials: the power statement does not say the whole effect"] == 1
    assert left_out["trials: no power statement"] == 60
    assert sum(left_out.values()) == 62


def test_generated_designs_hold_all_methods_and_never_cross_splits() -> None:
    texts: dict[str, set[str]] = {}
    methods: Counter[str] = Counter()
    for split, most in (("train", 1_500), ("validation", 200), ("test", 400)):
        made = list(designs(_split_of, split, most, 7))
        assert len(made) == most
        assert all(design.arms is None or design.arms > 1 for design in made)
        methods.update(design.method for design in made)
        # Without the numbers' order nothing but the level's wording differs between texts of one calculation.
        texts[split] = {design.text for design in made}
    assert set(methods) == set(power.METHODS)
    assert len(_KINDS) == len(power.METHODS)
    assert not texts["train"] & texts["test"]
    assert not texts["train"] & texts["validation"]


def test_generated_sizes_are_those_of_power() -> None:
    by_text = {
        design.text: design for design in designs(_split_of, "test", 400, 7) if design.method in ("t-test", "log-rank")
    }
    plain = next(
        design
        for design in by_text.values()
        if design.method == "t-test" and "d = " in design.text and design.arms and design.includes_drop_out is None
    )
    said = {"one-sided": 1, "two-sided": 2}
    effect = float(plain.text.split("d = ")[1].split(". ")[0])
    sides = next(value for word, value in said.items() if word in plain.text)
    numbers = [float(word.strip("%.")) for word in plain.text.split("t test.")[1].split() if word[0].isdigit()]
    alpha, wanted = sorted(value / 100 if value >= 1 else value for value in numbers)
    sizing = power.t_test(difference=effect, sd=1, alpha=alpha, sides=sides, power=wanted)
    assert plain.size == (sizing.n_total if plain.answer_type == "total" else sizing.n_per_arm[0])


def test_drop_out_is_added_where_the_question_says_so() -> None:
    for design in designs(_split_of, "test", 200, 7):
        assert (design.includes_drop_out is None) == ("drop" not in design.text and "lost" not in design.text)
    question = TASK.prompt(
        Sample(
            id="a@1", subject="a", split="test", group="a", date="", strata={"origin": "generated"},
            inputs=Calculation("Ten percent will be lost.", "per_arm", 2, includes_drop_out=True),
            gold=Planned(50, "per_arm"),
        )
    )  # fmt: skip
    assert "Allow for the drop-out" in question
    assert "in each arm" in question


def test_samples_of_both_origins_come_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_size, "MOST_GENERATED", dict.fromkeys(SPLITS, 3))
    con = connection(_many())
    split = next(
        split
        for split in SPLITS
        if any(one.strata["origin"] == "reported" for one in list(TASK.samples(con, split))[:2])
    )
    origins = [one.strata["origin"] for one in TASK.samples(con, split)]
    assert origins[0] == "reported"
    assert origins[1] == "generated"
    assert Counter(origins)["generated"] == 3
