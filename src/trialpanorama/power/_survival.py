"""Time to an event: the log-rank test by Schoenfeld's or Freedman's formula, from events to participants."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Annotated

from msgspec.structs import replace

from trialpanorama.errors import UserError
from trialpanorama.power._core import (
    Alpha,
    Dropout,
    Given,
    Plan,
    Power,
    Ratio,
    Sides,
    Size,
    Sizing,
    check,
    check_choice,
    check_common,
    check_differs,
    critical,
    listed,
    method,
    phi,
    say_z,
    up,
    z_of,
)

Time = "time units"
FORMULAS = {
    "schoenfeld": "d = (1 + r)² (z_alpha + z_beta)² / (r ln² HR) (Schoenfeld 1981, 1983)",
    "freedman": "d = (1 + r HR)² (z_alpha + z_beta)² / (r (1 - HR)²) (Freedman 1982; Machin et al. 2009)",
}


def event_probability(hazard: float, accrual: float, follow_up: float, loss: float = 0.0) -> float:
    """Share of an arm that has its event during the trial (Lachin and Foulkes 1986).

    Exponential times to event and to loss; entry is uniform over `accrual`, and all are followed for `follow_up` more.
    """
    total = hazard + loss
    if accrual == 0:
        return hazard / total * -math.expm1(-total * follow_up)
    entered = math.exp(-total * follow_up) * -math.expm1(-total * accrual) / (total * accrual)
    return hazard / total * (1 - entered)


def _control_hazard(
    median: float | None, survival: float | None, at_time: float | None, hazard: float | None
) -> float | None:
    check("at_time", at_time, 0, math.inf, example="24")
    check("control_hazard", hazard, 0, math.inf, example="0.05")
    if sum(value is not None for value in (median, survival, hazard)) > 1:
        raise UserError(
            "The control arm's survival is given twice: give one of --control-median, --control-survival and "
            "--control-hazard."
        )
    if hazard is not None:
        return hazard
    if median is not None:
        return math.log(2) / median
    if survival is not None and at_time is not None:
        return -math.log(survival) / at_time
    return None


@method("log-rank", "Time to an event in two arms (log-rank test)", prior="hazard_ratio", log_prior=True)
def log_rank(
    *,
    hazard_ratio: Annotated[float | None, Given("Hazard of the treatment arm over that of the control arm.")] = None,
    formula: Annotated[str, Given("Whose formula counts the events.", "", "|".join(FORMULAS))] = "schoenfeld",
    direction: Annotated[
        str, Given("Where a detectable hazard ratio is looked for: below or above 1.", "", "decrease|increase")
    ] = "decrease",
    ratio: Ratio = 1.0,
    alpha: Alpha = 0.05,
    sides: Sides = 2,
    power: Power = None,
    events: Annotated[int | None, Given("Events in total, when their number is fixed.", "", "N")] = None,
    n_total: Size = None,
    event_share: Annotated[float | None, Given("Share of all participants that will have an event, 0 to 1.")] = None,
    control_median: Annotated[float | None, Given("Median time to the event in the control arm.", Time)] = None,
    control_survival: Annotated[float | None, Given("Share of the control arm free of the event, at a time.")] = None,
    at_time: Annotated[float | None, Given("The time of that share.", Time)] = None,
    treatment_median: Annotated[
        float | None, Given("Median time to the event under treatment, instead of the hazard ratio.", Time)
    ] = None,
    treatment_survival: Annotated[
        float | None, Given("Share of the treatment arm free of the event, at the same time, instead of it.")
    ] = None,
    control_hazard: Annotated[float | None, Given("Events per time unit in the control arm.", "per time unit")] = None,
    accrual: Annotated[float | None, Given("How long participants are enrolled, at an even rate.", Time)] = None,
    follow_up: Annotated[float | None, Given("How long all are followed after the last one came in.", Time)] = None,
    loss_hazard: Annotated[float, Given("Losses to follow-up per time unit, in both arms.", "per time unit")] = 0.0,
    dropout: Dropout = 0.0,
) -> Plan:
    """Compare the times to an event of two arms by the log-rank test: events, and participants where that can be told.

    schoenfeld: d = (1 + r)² (z_a + z_b)² / (r ln² HR) (Schoenfeld 1981, 1983); freedman: d = (1 + r HR)² (z_a + z_b)² /
    (r (1 - HR)²) (Freedman 1982). Participants: events over the share that has one, which is given, or follows from the
    control arm's survival at a time (both arms followed to it), or from exponential survival, uniform accrual,
    follow-up and losses (Lachin and Foulkes 1986). Without any of these only events are computed.
    Two medians (of exponential times), or two shares free of the event at one time, stand for a hazard ratio.
    """
    check_choice("formula", formula, tuple(FORMULAS))
    check_choice("direction", direction, ("decrease", "increase"))
    check_common(alpha=alpha, power=power, n_total=n_total, ratio=ratio, dropout=dropout, sides=sides)
    check("events", events, 2, 1e8, example="200", closed=True)
    hazard_ratio, source = _hazard_ratio(
        hazard_ratio, control_median, treatment_median, control_survival, treatment_survival
    )
    check("hazard_ratio", hazard_ratio, 0, 1000, example="0.7")
    check_differs("hazard_ratio", hazard_ratio, 1, "no difference")
    if events is not None and n_total is not None:
        raise UserError("Both the events and the size are given: leave out --events or --n-total.")
    falls = direction == "decrease" if hazard_ratio is None else hazard_ratio < 1
    shares, words = _shares(
        event_share, control_median, control_survival, at_time, control_hazard, accrual, follow_up, loss_hazard,
        is_for_ratio=treatment_median is not None or treatment_survival is not None,
    )  # fmt: skip
    z = critical(alpha, sides)

    def unit(hr: float) -> float:
        """The test statistic's mean in the planned direction, over the root of the number of events."""
        if formula == "schoenfeld":
            mean = -math.log(hr) * math.sqrt(ratio) / (1 + ratio)
        else:
            mean = (1 - hr) * math.sqrt(ratio) / (1 + ratio * hr)
        return mean if falls else -mean

    def needed(hr: float, target: float) -> float:
        return ((z + z_of(target)) / unit(hr)) ** 2

    def expected(arms: Sequence[float], hr: float) -> float:
        assert shares is not None
        return sum(n * share for n, share in zip(arms, shares(hr), strict=True))

    def derive(hr: float, target: float) -> list[str]:
        zs = f"({z:.4f} + {z_of(target):.4f})²"
        if formula == "schoenfeld":
            line = f"(1 + {ratio:g})² × {zs} / ({ratio:g} × {math.log(hr):.5f}²)"
        else:
            line = f"(1 + {ratio:g} × {hr:g})² × {zs} / ({ratio:g} × (1 - {hr:g})²)"
        lines = [*source, *say_z(alpha, sides, target), f"Events = {line} = {needed(hr, target):.3f}, rounded up."]
        if shares is None or events is not None:
            return lines
        probabilities = shares(hr)
        mean = (probabilities[0] + ratio * probabilities[1]) / (1 + ratio)
        return [
            *lines,
            *words,
            f"Share with an event: control {probabilities[0]:.4f}, treatment {probabilities[1]:.4f}, all {mean:.4f}.",
            f"Participants = {needed(hr, target):.3f} / {mean:.4f} = {needed(hr, target) / mean:.3f}, before rounding.",
        ]

    target = 0.8 if power is None else power
    in_events = shares is None or events is not None
    bounds = (1.0, 1e-3 if falls else 1e3)

    def finish(sizing: Sizing) -> Sizing:
        hr = sizing.effect["hazard_ratio"]
        if not in_events:
            if sizing.solved_for == "n":
                return replace(sizing, events=up(needed(hr, target)))
            return replace(sizing, events=math.floor(expected(sizing.n_evaluable_per_arm, hr) + 1e-9))
        counted = sizing.n_evaluable_per_arm[0]
        arms: tuple[int, ...] = ()
        evaluable: tuple[int, ...] = ()
        steps = list(sizing.steps)
        if shares is not None:
            first = counted / sum(w * share for w, share in zip((1.0, ratio), shares(hr), strict=True))
            evaluable = (up(first), up(first * ratio))
            arms = tuple(up(n / (1 - dropout)) for n in evaluable)
            steps += [*words, f"Enrolled for {counted} events: {listed(arms)}, each arm rounded up."]
        return replace(
            sizing,
            solved_for="events" if sizing.solved_for == "n" else sizing.solved_for,
            n_total=sum(arms) or None, n_per_arm=arms, n_evaluable_per_arm=evaluable, events=counted,
            steps=tuple(steps),
        )  # fmt: skip

    def weigh(arms: Sequence[float], hr: float) -> list[str]:
        count = arms[0] if in_events else expected(arms, hr)
        reach = unit(hr) * math.sqrt(count)
        return [
            f"Mean of the test statistic {unit(hr):.5f} × sqrt({count:.5g} events) = {reach:.4f}; less {z:.4f}: "
            f"{reach - z:.4f}, and Phi of it."
        ]

    def warn(arms: Sequence[float], hr: float) -> list[str]:
        count = arms[0] if in_events else expected(arms, hr)
        few = (
            f"Only {math.floor(count)} events: both formulas are approximations for many events; confirm by simulation."
        )
        extreme = f"A hazard ratio of {hr:.3g} is far from 1, where the two formulas disagree: confirm by simulation."
        return [*([few] if count < 30 else []), *([extreme] if not 0.2 < hr < 5 else [])]

    if in_events:
        if n_total is not None:
            raise UserError(
                "How many of these participants will have an event cannot be told: give --event-share 0.6, or "
                "--control-median with --accrual and --follow-up, or --events instead of --n-total."
            )
        return Plan(
            right=lambda arms, hr: phi(unit(hr) * math.sqrt(arms[0]) - z), effect_name="hazard_ratio",
            effect=hazard_ratio, bounds=bounds, power=power, n_total=events, derive=derive, weigh=weigh, warn=warn,
            finish=finish, unit="events", formula=f"Log-rank test, {FORMULAS[formula]}",
        )  # fmt: skip
    return Plan(
        right=lambda arms, hr: phi(unit(hr) * math.sqrt(expected(arms, hr)) - z), effect_name="hazard_ratio",
        effect=hazard_ratio, bounds=bounds, power=power, n_total=n_total, dropout=dropout, weights=(1.0, ratio),
        derive=derive, weigh=weigh, warn=warn, finish=finish, formula=f"Log-rank test, {FORMULAS[formula]}",
    )  # fmt: skip


def _hazard_ratio(
    ratio: float | None, median: float | None, treated_median: float | None, survival: float | None,
    treated_survival: float | None,
) -> tuple[float | None, list[str]]:  # fmt: skip
    """The hazard ratio, where it is given or follows from both arms' survival; and how it follows, in words."""
    for name, time in (("control_median", median), ("treatment_median", treated_median)):
        check(name, time, 0, math.inf, example="12")
    for name, share in (("control_survival", survival), ("treatment_survival", treated_survival)):
        check(name, share, 0, 1, example="0.6")
    if treated_median is None and treated_survival is None:
        return ratio, []
    if ratio is not None or (treated_median is not None and treated_survival is not None):
        raise UserError(
            "The effect is given twice: give one of --hazard-ratio, --treatment-median and --treatment-survival."
        )
    if treated_median is not None:
        if median is None:
            raise UserError("The median of the control arm is missing: give --control-median with --treatment-median.")
        found = median / treated_median
        return found, [f"Hazard ratio from the medians: {median:g} / {treated_median:g} = {found:.5f}."]
    assert treated_survival is not None
    if survival is None:
        raise UserError("The control arm's share is missing: give --control-survival with --treatment-survival.")
    found = math.log(treated_survival) / math.log(survival)
    return found, [f"Hazard ratio from the shares: ln {treated_survival:g} / ln {survival:g} = {found:.5f}."]


Shares = Callable[[float], tuple[float, float]]


def _shares(
    event_share: float | None, median: float | None, survival: float | None, at_time: float | None,
    hazard: float | None, accrual: float | None, follow_up: float | None, loss_hazard: float, *, is_for_ratio: bool,
) -> tuple[Shares | None, list[str]]:  # fmt: skip
    """Shares of the two arms with an event, as a function of the hazard ratio; and where they come from, in words."""
    check("event_share", event_share, 0, 1, example="0.6")
    check("accrual", accrual, 0, math.inf, example="24", low_closed=True)
    check("follow_up", follow_up, 0, math.inf, example="12", low_closed=True)
    check("loss_hazard", loss_hazard, 0, math.inf, example="0.005", low_closed=True)
    base = _control_hazard(median, survival, at_time, hazard)
    if event_share is not None:
        if (base is not None or survival is not None) and not is_for_ratio:
            raise UserError(
                "The share with an event is given twice: give --event-share, or the control arm's survival."
            )
        return (lambda hr: (event_share, event_share)), [f"Share of all participants with an event: {event_share:g}."]
    if accrual is None and follow_up is None:
        if survival is not None:
            return (
                (lambda hr: (1 - survival, 1 - survival**hr)),
                [f"Free of the event at the end: control {survival:g}, treatment {survival:g} to the power HR."],
            )
        if base is not None and not is_for_ratio:
            raise UserError(
                "How long is the trial? Give --accrual 24 and --follow-up 12 with the control arm's survival."
            )
        return None, []
    if base is None:
        raise UserError(
            "How soon do events happen? Give --control-median 12, or --control-survival 0.6 with --at-time 24."
        )
    entry, end, h = accrual or 0.0, follow_up or 0.0, base
    if entry + end <= 0:
        raise UserError("The trial has no duration: give --accrual 24, --follow-up 12 or both.")
    words = (
        f"Exponential times, control hazard {h:.5f} per time unit; accrual {entry:g}, then follow-up {end:g}; loss "
        f"{loss_hazard:g} per time unit."
    )

    def both(hr: float) -> tuple[float, float]:
        control = event_probability(h, entry, end, loss_hazard)
        return control, event_probability(h * hr, entry, end, loss_hazard)

    return both, [words]
