"""Power statements: found, sized, masked, and the common numbers read."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialpanorama.tasks._power_statements import (
    Statement,
    alphas,
    arms,
    drop_outs,
    mask,
    plain,
    powers,
    sizes,
    statement,
    statements,
    whole,
    windows,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [("12", 12), ("1,500", 1500), ("1 500", 1500), ("twenty-four", 24), ("One-hundred and forty-three", 143),
     ("two thousand five hundred", 2500), ("ninety", 90)],
)  # fmt: skip
def test_whole_numbers(text: str, value: int) -> None:
    assert whole(text) == value


def test_one_spelling() -> None:
    assert plain("a hazard ratio of 0·72 [3,4–6], p <.05") == "a hazard ratio of 0.72 , p <0.05"
    assert plain("Twenty per cent, 1,200 patients and 0,05") == "20%, 1200 patients and 0.05"
    assert plain("a difference of 5 percentage points") == "a difference of 5%"
    assert plain("one-sided, two-sided, one of them") == "1-sided, 2-sided, one of them"


@pytest.mark.parametrize(
    ("text", "alpha", "power", "lost"),
    [
        ("80% power at the 5% significance level", 0.05, 0.8, None),
        ("power of 0.9 and a two-sided alpha of 0.01", 0.01, 0.9, None),
        ("(α = 0.05, β = 0.2)", 0.05, 0.8, None),
        ("type I error of 5% and type II error of 10%", 0.05, 0.9, None),
        ("power 90%, p < 0.05, and a drop-out of 15%", 0.05, 0.9, 0.15),
        ("with 95% confidence and 85% power, allowing for 20% loss to follow-up", 0.05, 0.85, 0.2),
        ("beta 0.80 and alpha 0.05", 0.05, 0.8, None),
        ("a 90% chance of detecting it at the 0.05 level", 0.05, 0.9, None),
        ("a weight loss of 10% with 80% power at 5% significance", 0.05, 0.8, None),
        ("at the significance level of 95% and power of 80%", 0.05, 0.8, None),
        ("power of 0.9, 95% significance", 0.05, 0.9, None),
        ("a one-sided level of 2.5%; 90% certain of detecting it", 0.025, 0.9, None),
        ("a = 0.05; the power of the trial to detect a fall from 32% to 16% is 90%", 0.05, 0.9, None),
        ("p < 0.05, found with a probability of 0.9", 0.05, 0.9, None),
        ("80% power, 5% significance, and 20% loss to follow-up", 0.05, 0.8, 0.2),
    ],
)
def test_levels_powers_and_losses(text: str, alpha: float, power: float, lost: float | None) -> None:
    text = plain(text)
    assert {one.value for one in alphas(text)} == {alpha}
    assert {one.value for one in powers(text)} == {power}
    assert {one.value for one in drop_outs(text)} == ({lost} if lost else set())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("32 patients in each group were needed", [(32, "per_arm")]),
        ("a total of 450 patients (225 per group)", [(450, "total"), (225, "per_arm")]),
        ("requires 278 events", [(278, "events")]),
        ("Sixty-four children per arm", [(64, "per_arm")]),
        ("the sample size was calculated as n = 40", [(40, "total")]),
        ("37 practices per arm with 25 patients per practice", [(37, "other"), (25, "other")]),
        (
            "groups of 193 and 246, respectively, a total sample size of 439",
            [(193, "arm"), (246, "arm"), (439, "total")],
        ),
        ("17-20 patients per group", []),
        ("a previous study of 72 patients", [(72, "other")]),
        ("aged 18 years, type 2 diabetes patients", []),
        ("for one in 6 women", [(6, "arm")]),
        ("80% of patients", []),
        ("1,500 women (750 in each arm)", [(1500, "total"), (750, "per_arm")]),
    ],
)
def test_sizes(text: str, found: list[tuple[int, str]]) -> None:
    got = [(size.value, size.kind) for size in sizes(text)]
    assert [one for one in got if one[1] != "arm"] == [one for one in found if one[1] != "arm"]


FOUND = (
    "The spleen was measured by touch. The standard deviation of fever scores is 9 points. To detect a difference of 4 "
    "points with 90% power at a two-sided 5% level, 108 patients per arm are needed. With an expected drop-out of 10%, "
    "120 patients per arm (240 in all) will be randomised. Ethics approval was given."
)


def test_a_statement_is_found_and_masked() -> None:
    (found,) = statements(f"Nothing of the kind.\n{FOUND}")
    assert isinstance(found, Statement)
    assert (found.size, found.answer_type, found.arms, found.includes_drop_out) == (108, "per_arm", 2, False)
    assert "[N] patients per arm are needed" in found.text
    assert found.text.count("[number]") == 2
    assert "standard deviation of fever scores is 9 points" in found.text
    for size in ("108", "120", "240"):
        assert size not in found.text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("The trial had 80% power to detect a difference between 30% and 50%.", None),
        ("We need 90 patients in each group for 80% power.", "the power statement does not say the whole effect"),
        (
            "We need 90 patients in each group to find a difference between 30% and 50% with enough power.",
            "the power statement gives no value of the power",
        ),
        (
            "A post hoc power of 80% was found for 90 patients in each group with rates of 30% and 50%.",
            "the power was computed after the trial",
        ),
        (
            "In all, 90 patients were enrolled. It had 80% power to tell 30% from 50%.",
            "the power statement gives no size that was planned",
        ),
    ],
)
def test_why_a_statement_cannot_be_asked(text: str, why: str | None) -> None:
    assert list(statements(text)) == ([] if why is None else [why])


def test_other_senses_of_power_are_passed_over() -> None:
    assert not list(windows("The signal had a power density of 10 units in 24 patients. Beta-blockers: 5 patients."))
    assert not list(windows("Power\t80%\t120 patients"))


def test_sizes_that_follow_from_the_one_asked_are_masked_too() -> None:
    text = "A power of 80% needs 120 patients per group, that is 240, or 40 in each of three hospitals; SD 60 points."
    asked = next(size for size in sizes(text) if size.value == 120)
    masked = mask(text, asked.start, also=[40])
    assert "240" not in masked
    assert " 40 " not in masked
    assert "SD 60 points" in masked


def test_a_change_that_is_as_large_as_another_size_is_no_size() -> None:
    text = "Mean worsening of 30 points (SD 60); 90 per group and 30 in each hospital give 80% power."
    asked = next(size for size in sizes(text) if size.value == 90)
    assert "worsening of 30 points" in mask(text, asked.start)


def test_whether_a_size_has_the_drop_out_in_it() -> None:
    with_it = (
        "Assuming 10% drop-out, 200 patients per group are needed for 80% power to tell 30% from 45% at the 5% level."
    )
    (found,) = statements(with_it)
    assert isinstance(found, Statement)
    assert found.includes_drop_out is True
    (found,) = statements(with_it.replace("Assuming 10% drop-out, ", "") + " This included a loss to follow-up of 10%.")
    assert isinstance(found, Statement)
    assert found.includes_drop_out is True
    (found,) = statements(with_it.replace("Assuming 10% drop-out, ", ""))
    assert isinstance(found, Statement)
    assert found.includes_drop_out is None


def test_arms() -> None:
    assert arms("the three treatment groups") == 3
    assert arms("compared with the control group") == 2
    assert arms("a sample of patients") is None
    assert arms("the six-minute walk of both groups") == 2
    assert arms("between the 60 mg group and others") != 6


@given(st.text(max_size=300) | st.text(alphabet="power 80%N=123 patients per group.βα,()-", max_size=200))
@settings(derandomize=True, max_examples=300, deadline=None)
def test_any_text_is_read_without_fault(text: str) -> None:
    for found in statements(text):
        assert isinstance(found, str | Statement)
    for size in sizes(text):
        assert text[size.start : size.end]
        assert size.value >= 4
    assert isinstance(statement(text), str | Statement)


def test_long_hostile_texts_are_read_in_time() -> None:
    for piece in ("(((,,, ", "sample size of of of ", "power of about at least ", "1 000 ", "patients and "):
        list(statements("power 80% " + piece * 3_000))
