"""Flaws of scores and rewards for sample sizes: the flawed rule goes wrong, the task's own does not."""

from __future__ import annotations

import re

import pytest

from trialpanorama.tasks import Sample, Unreadable
from trialpanorama.tasks.sample_size import TASK, Calculation, Planned


def _asked(size: int, answer_type: str = "total", arms: int | None = 2) -> Sample[Calculation, Planned]:
    return Sample(
        id="a@1",
        subject="a",
        split="test",
        group="a",
        date="",
        strata={"origin": "reported"},
        inputs=Calculation("A trial of gloaming fever.", answer_type, arms),  # type: ignore[arg-type]
        gold=Planned(size, answer_type),  # type: ignore[arg-type]
    )


def _scores(reply: str, asked: Sample[Calculation, Planned]) -> dict[str, float]:
    return TASK.score(TASK.read(reply, asked), asked)


@pytest.mark.parametrize("said", ["1,500", "1,500 patients", "N = 1500"])
def test_flaw_09_numbers_as_people_write_them_are_read(said: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        int(said)
    assert _scores(f'{{"sample_size": "{said}"}}', _asked(1500))["correct"] == 1


def test_flaw_09_total_and_per_arm_are_different_answers() -> None:
    def ignoring_what_is_counted(answer: int, gold: int) -> bool:
        return abs(answer - gold) <= 0.2 * gold

    assert not ignoring_what_is_counted(60, 120), "60 per arm is 120 in two arms"
    assert _scores('{"sample_size": "60 per arm"}', _asked(120))["correct"] == 1
    apart = _scores('{"sample_size": 60, "unit": "per_arm"}', _asked(60, arms=None))
    assert (apart["correct"], apart["other_unit"], apart["unreadable"]) == (0, 1, 0)
    events = _scores('{"sample_size": 120, "unit": "events"}', _asked(120))
    assert (events["correct"], events["other_unit"]) == (0, 1)


def test_flaw_09_too_many_and_too_few_are_as_wrong() -> None:
    def asymmetric(answer: float, gold: float) -> bool:
        return abs(answer - gold) <= 0.2 * gold

    assert (asymmetric(81, 100), asymmetric(100 * 100 / 81, 100)) == (True, False)
    for answer in (81, 82, 84, 90, 95, 99):
        few, many = _asked(100_000), _asked(answer * 1000)
        one, other = _scores(str(answer * 1000), few), _scores("100000", many)
        assert one.keys() == other.keys()
        assert all(one[key] == pytest.approx(other[key]) for key in one if key != "error")


def test_flaw_09_one_huge_trial_does_not_rule_the_error() -> None:
    answers = [(110, 100)] * 9 + [(5_000, 50_000)]
    mean_of_errors = sum(abs(a - g) for a, g in answers) / len(answers)
    assert mean_of_errors > 4_000
    figures = TASK.aggregate([_scores(str(a), _asked(g)) for a, g in answers])
    assert figures["mae"] == pytest.approx(mean_of_errors)
    assert figures["median_log_error"] == pytest.approx(0.0953, abs=1e-4)


def _first_number(reply: str, gold: int) -> float:
    """The published reward: any first number within 20 %."""
    found = re.search(r"\d+", reply)
    return 1.1 if found and abs(int(found.group()) - gold) <= 0.2 * gold else 0.0


def test_flaw_11_the_first_number_is_not_the_answer() -> None:
    assert _first_number("50 per arm, 100 total", 100) == 0
    assert TASK.read("50 per arm, 100 total", _asked(100)) == Planned(100, "total")
    assert TASK.reward(_scores("50 per arm, 100 total", _asked(100))) == 1


@pytest.mark.parametrize("reply", ["100-120", "100 to 120", "-100", "100 or 300", "between 100 and 5000"])
def test_flaw_11_ranges_and_negative_numbers_pay_nothing(reply: str) -> None:
    assert _first_number(reply, 100) == 1.1
    assert isinstance(TASK.read(reply, _asked(100)), Unreadable)
    assert TASK.reward(_scores(reply, _asked(100))) == 0


def test_flaw_12_tags_that_are_missing_are_not_put_in() -> None:
    def mending(reply: str, gold: int) -> float:
        reply = reply if "</think>" in reply else f"{reply}</think>"
        reply = reply if "<answer>" in reply else f"{reply}<answer>{re.findall(r'[0-9]+', reply)[-1]}</answer>"
        return _first_number(reply.split("<answer>")[-1], gold)

    cut_off = "<think>Two arms of 50 would make 100"
    assert mending(cut_off, 100) == 1.1, "a reply that was cut off while thinking earns the full reward"
    assert isinstance(TASK.read(cut_off, _asked(100)), Unreadable)
    assert TASK.reward(_scores(cut_off, _asked(100))) == 0
    whole = cut_off + '</think>{"sample_size": 100, "unit": "total"}'
    assert TASK.reward(_scores(whole, _asked(100))) == 1
