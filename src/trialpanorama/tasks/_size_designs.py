"""Designs made up, so that the size is exact: every kind of calculation of `power`, worded in plain English.

A design is drawn from a seed, sized by `power`, and told in words in which nothing but the size is missing. Which split
it belongs to follows from a hash of the calculation itself, so that no calculation stands on two sides.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from trialpanorama import power
from trialpanorama.tasks._power_statements import AnswerType

LEAST, MOST = 8, 30_000
"""Sizes that a trial may have."""


class Design(msgspec.Struct, frozen=True):
    """A calculation in words, and its size."""

    method: str
    """As `trialpanorama power` names it."""
    text: str
    size: int
    answer_type: AnswerType
    arms: int | None
    includes_drop_out: bool | None


class _Plan(msgspec.Struct, frozen=True):
    """A design before it is sized: what is computed, and the sentences about it."""

    method: str
    given: dict[str, Any]
    context: str
    effect: Sequence[str]
    """Ways to word it, one of which is chosen."""
    test: str
    arms: int
    has_power: bool = True
    asks: tuple[AnswerType, ...] = ("total", "per_arm")


def designs(split_of: Callable[[str], str], split: str, most: int, seed: int) -> Iterator[Design]:
    """So many different designs of a split, in a fixed order; `split_of` tells the split of a calculation's key."""
    seen: set[str] = set()
    number = 0
    while len(seen) < most:
        number += 1
        rng = random.Random(f"{seed}:{number}")
        plan = _KINDS[rng.choices(range(len(_KINDS)), _WEIGHTS)[0]](rng)
        key = f"{plan.method}:{sorted(plan.given.items())}"
        if split_of(hashlib.md5(key.encode(), usedforsecurity=False).hexdigest()) != split:
            continue
        made = _told(plan, rng)
        if made is not None and made.text not in seen:
            seen.add(made.text)
            yield made


@lru_cache(maxsize=50_000)
def _sized(method: str, given: tuple[tuple[str, Any], ...]) -> tuple[tuple[int, ...], int | None]:
    """Evaluable sizes of the arms, and events."""
    sizing = power.METHODS[method].size(**dict(given))
    return sizing.n_evaluable_per_arm or sizing.n_per_arm, sizing.events


def _told(plan: _Plan, rng: random.Random) -> Design | None:
    given = tuple((key, tuple(value) if isinstance(value, list) else value) for key, value in plan.given.items())
    each, events = _sized(plan.method, given)
    lost = plan.given.get("dropout", 0.0) or rng.choice((0.0, 0.0, 0.0, 0.05, 0.1, 0.15, 0.2, 0.25))
    answer_type = rng.choice([kind for kind in plan.asks if kind != "per_arm" or len(set(each)) == 1 < len(each)])
    if answer_type == "events":
        lost = 0.0
    if plan.method == "dropout":
        each = tuple(power.METHODS["dropout"].size(**plan.given).n_per_arm)
    is_counted = bool(lost) and (plan.method == "dropout" or rng.random() < 0.75)
    if is_counted and plan.method != "dropout":
        each = tuple(math.ceil(n / (1 - lost) - 1e-9) for n in each)
    size = (events or 0) if answer_type == "events" else sum(each) if answer_type == "total" else max(each)
    if not LEAST <= size <= MOST:
        return None
    sentences = [plan.context, rng.choice(plan.effect), plan.test]
    if plan.has_power:
        sentences.append(_level(plan.given, rng))
    if (ratio := plan.given.get("ratio", 1.0)) != 1.0:
        sentences.append(f"Participants are allocated to treatment and control in a ratio of {ratio:g}:1.")
    if lost and plan.method != "dropout":
        sentences.append(
            rng.choice(("A drop-out of {} is expected.", "{} of participants are expected to be lost to follow-up."))
            .format(_percent(lost))
        )  # fmt: skip
    return Design(
        method=plan.method,
        text=" ".join(sentence for sentence in sentences if sentence),
        size=size,
        answer_type=answer_type,
        arms=plan.arms if len(set(each)) == 1 and plan.arms > 1 else None,
        includes_drop_out=is_counted if lost else None,
    )


# --- words


def _percent(value: float) -> str:
    return f"{100 * value:.6g}%"


def _level(given: dict[str, Any], rng: random.Random) -> str:
    alpha, wanted, sides = given["alpha"], given["power"], given.get("sides")
    side = {1: "one-sided ", 2: "two-sided "}.get(sides or 0, "")
    return rng.choice(
        (
            f"The {side}significance level is {_percent(alpha)} and the power {_percent(wanted)}.",
            f"A power of {wanted:g} is wanted at a {side}significance level of {alpha:g}.",
            f"The trial should have {_percent(wanted)} power with a {side}type I error of {_percent(alpha)}.",
            f"With {'a ' + side if side else 'an '}alpha of {alpha:g} the power should be {_percent(wanted)}.",
        )
    )


_OUTCOMES = (
    ("pain score", "points"), ("systolic blood pressure", "mmHg"), ("walking distance", "m"), ("body weight", "kg"),
    ("depression score", "points"), ("forced expiratory volume", "ml"), ("quality of life score", "points"),
    ("LDL cholesterol", "mg/dl"), ("bone density", "units"), ("fatigue score", "points"),
)  # fmt: skip
_EVENTS = (
    "response", "wound infection", "remission", "readmission", "vaccine uptake", "relapse", "cure", "adherence",
    "a urinary infection", "a fall",
)  # fmt: skip
_SPREADS = (0.5, 0.8, 1.2, 2, 2.5, 4, 5, 6, 8, 10, 12, 15, 18, 20, 24, 30, 40, 50, 75, 100)
_DELTAS = (0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.9, 1.0)


def _both(rng: random.Random) -> dict[str, Any]:
    alpha, sides = rng.choice(((0.05, 2), (0.05, 2), (0.05, 2), (0.05, 2), (0.01, 2), (0.025, 1)))
    return {"alpha": alpha, "sides": sides, "power": rng.choice((0.8, 0.8, 0.8, 0.85, 0.9, 0.9, 0.9))}


def _alike(rng: random.Random, alpha: float) -> dict[str, Any]:
    return {"alpha": alpha, "power": rng.choice((0.8, 0.85, 0.9))}


def _ratio(rng: random.Random) -> float:
    return rng.choice((1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 3.0))


def _measured(rng: random.Random) -> tuple[str, str, float, float]:
    """An outcome with its unit, a standard deviation, and a difference that is a round share of it."""
    (outcome, unit), sd, delta = rng.choice(_OUTCOMES), rng.choice(_SPREADS), rng.choice(_DELTAS)
    return outcome, unit, sd, delta


# --- kinds


def _two_means(rng: random.Random) -> _Plan:
    outcome, unit, sd, delta = _measured(rng)
    gap = f"{delta * sd:.6g} {unit}"
    return _Plan(
        method="t-test",
        given={"difference": delta, "sd": 1.0, "ratio": _ratio(rng), **_both(rng)},
        context=f"A randomised trial compares the mean {outcome} of two parallel groups.",
        effect=(
            f"It should detect a difference of {gap}, with a standard deviation of {sd:g} {unit}.",
            f"The smallest difference that matters is {gap}; the standard deviation (SD) is {sd:g} {unit}.",
            f"The standard deviation is {sd:g} {unit} in both groups, and a reduction of {gap} is to be found.",
            f"The standardised effect size to detect is d = {delta:g}.",
        ),
        test="The groups will be compared by a t test.",
        arms=2,
    )


def _paired(rng: random.Random) -> _Plan:
    outcome, unit, sd, delta = _measured(rng)
    return _Plan(
        method="paired-t-test",
        given={"difference": delta, "sd_difference": 1.0, **_both(rng)},
        context=f"In a before and after study the {outcome} of each participant is measured twice.",
        effect=(
            f"A mean change of {delta * sd:.6g} {unit} should be detected; the standard deviation of the changes is "
            f"{sd:g} {unit}.",
            f"The standard deviation of the differences is {sd:g} {unit}, and the change to detect {delta * sd:.6g} "
            f"{unit}.",
        ),
        test="The measurements will be compared by a paired t test.",
        arms=1,
        asks=("total",),
    )


def _one_mean(rng: random.Random) -> _Plan:
    outcome, unit, sd, delta = _measured(rng)
    return _Plan(
        method="one-sample-t-test",
        given={"difference": delta, "sd": 1.0, **_both(rng)},
        context=f"In a single-group study the mean {outcome} is compared with a fixed value.",
        effect=(
            f"A difference of {delta * sd:.6g} {unit} from it should be detected; the standard deviation is {sd:g} "
            f"{unit}.",
            f"The standard deviation is {sd:g} {unit} and the difference to detect {delta * sd:.6g} {unit}.",
        ),
        test="A one-sample t test will be used.",
        arms=1,
        asks=("total",),
    )


def _crossover(rng: random.Random) -> _Plan:
    outcome, unit, sd, delta = _measured(rng)
    return _Plan(
        method="crossover",
        given={"difference": delta, "within_sd": 1.0, **_both(rng)},
        context=f"Two treatments are compared in a 2x2 crossover trial by their mean {outcome}.",
        effect=(
            f"The within-participant standard deviation is {sd:g} {unit}; a difference of {delta * sd:.6g} {unit} "
            "should be detected.",
            f"It should detect a difference of {delta * sd:.6g} {unit}, with a within-participant standard deviation "
            f"of {sd:g} {unit}.",
        ),
        test="",
        arms=2,
        asks=("total",),
    )


def _bioequivalence(rng: random.Random) -> _Plan:
    cv, ratio = round(rng.uniform(0.12, 0.45), 2), rng.choice((0.95, 0.97, 1.0, 1.03, 1.05))
    return _Plan(
        method="bioequivalence",
        given={"cv": cv, "true_ratio": ratio, "limit": 1.25, **_alike(rng, 0.05)},
        context="Bioequivalence of two formulations is to be shown in a 2x2 crossover study.",
        effect=(
            f"The coefficient of variation within participants is {_percent(cv)}, the true ratio {ratio:g}, the "
            "equivalence limits are 0.8 and 1.25.",
        ),
        test="Two one-sided t tests are made on the log scale.",
        arms=2,
        asks=("total",),
    )


def _noninferior_means(rng: random.Random) -> _Plan:
    outcome, unit, sd, delta = _measured(rng)
    return _Plan(
        method="noninferiority-means",
        given={"margin": delta, "sd": 1.0, "ratio": _ratio(rng), **_alike(rng, rng.choice((0.025, 0.05)))},
        context=f"A non-inferiority trial compares the mean {outcome} of two groups, which are expected to be alike.",
        effect=(
            f"The non-inferiority margin is {delta * sd:.6g} {unit} and the standard deviation {sd:g} {unit}.",
            f"With a standard deviation of {sd:g} {unit}, a margin of {delta * sd:.6g} {unit} is set.",
        ),
        test="The test is one-sided.",
        arms=2,
    )


def _equivalent_means(rng: random.Random) -> _Plan:
    outcome, unit, sd, delta = _measured(rng)
    return _Plan(
        method="equivalence-means",
        given={"margin": delta, "sd": 1.0, **_alike(rng, rng.choice((0.025, 0.05)))},
        context=f"Equivalence of two treatments is to be shown by their mean {outcome}; no difference is expected.",
        effect=(f"The equivalence margin is {delta * sd:.6g} {unit} and the standard deviation {sd:g} {unit}.",),
        test="Each of the two tests is one-sided.",
        arms=2,
    )


def _clustered(rng: random.Random) -> tuple[dict[str, Any], str]:
    size, icc = rng.choice((5, 10, 20, 25, 40)), rng.choice((0.01, 0.02, 0.05, 0.1))
    unit = rng.choice(("practice", "school", "clinic", "village"))
    return {"cluster_size": size, "icc": icc}, (
        f"Whole clusters are randomised, with {size} participants per {unit} and an intracluster correlation (ICC) of "
        f"{icc:g}."
    )


def _cluster_means(rng: random.Random) -> _Plan:
    outcome, unit, sd, delta = _measured(rng)
    given, words = _clustered(rng)
    return _Plan(
        method="cluster-means",
        given={"difference": delta, "sd": 1.0, **given, **_both(rng)},
        context=f"The mean {outcome} is compared between two groups. {words}",
        effect=(
            f"A difference of {delta * sd:.6g} {unit} should be detected; the standard deviation is {sd:g} {unit}.",
        ),
        test="",
        arms=2,
    )


def _rates(rng: random.Random) -> tuple[float, float]:
    while True:
        control, gap = rng.choice(range(5, 90, 5)) / 100, rng.choice((4, 5, 6, 8, 10, 12, 15, 20, 25)) / 100
        treated = control + rng.choice((-1, 1)) * gap
        if 0.02 <= treated <= 0.97:
            return control, round(treated, 4)


def _versus(control: float, treated: float, event: str) -> tuple[str, ...]:
    c, t = _percent(control), _percent(treated)
    verb = "rise" if treated > control else "fall"
    return (
        f"The proportion with {event} is expected to be {c} under control and {t} under treatment.",
        f"The rate of {event} should {verb} from {c} to {t}.",
        f"It should detect a difference in the proportion with {event} between {c} in the control group and {t} in the "
        "treatment group.",
    )


def _cluster_proportions(rng: random.Random) -> _Plan:
    control, treated = _rates(rng)
    event = rng.choice(_EVENTS)
    given, words = _clustered(rng)
    return _Plan(
        method="cluster-proportions",
        given={"control": control, "treatment": treated, **given, **_both(rng)},
        context=f"A trial compares how often {event} is seen in two groups. {words}",
        effect=_versus(control, treated, event),
        test="",
        arms=2,
    )


def _proportions(rng: random.Random) -> _Plan:
    control, treated = _rates(rng)
    event = rng.choice(_EVENTS)
    test = rng.choice(("pooled", "pooled", "continuity", "arcsine"))
    return _Plan(
        method="proportions",
        given={"control": control, "treatment": treated, "test": test, "ratio": _ratio(rng), **_both(rng)},
        context=f"A randomised trial compares how often {event} is seen in two parallel groups.",
        effect=_versus(control, treated, event),
        test={
            "pooled": "The test is a z test with pooled variance.",
            "continuity": "The test is a z test with continuity correction.",
            "arcsine": "The test is an arcsine test.",
        }[test],
        arms=2,
    )


def _one_proportion(rng: random.Random) -> _Plan:
    null = rng.choice((0.1, 0.2, 0.3, 0.4, 0.5, 0.6))
    true = round(null + rng.choice((0.1, 0.15, 0.2, 0.25)), 2)
    test = rng.choice(("normal", "exact"))
    n, t = _percent(null), _percent(true)
    return _Plan(
        method="one-proportion",
        given={"null_proportion": null, "proportion": true, "test": test, **_both(rng)},
        context=f"In a single-arm study the proportion with {rng.choice(_EVENTS)} is tested against a fixed value.",
        effect=(
            f"The rate should be shown to differ from {n} to {t}.",
            f"A null proportion of {n} is set against an expected proportion of {t}.",
        ),
        test="An exact binomial test is used." if test == "exact" else "The normal approximation is used.",
        arms=1,
        asks=("total",),
    )


def _mcnemar(rng: random.Random) -> _Plan:
    loss = rng.choice(range(2, 16)) / 100
    gain = round(loss + rng.choice(range(5, 26)) / 100, 4)
    return _Plan(
        method="mcnemar",
        given={"gain": gain, "loss": loss, **_both(rng)},
        context="Each participant is observed under treatment and under control, and discordant results are compared.",
        effect=(
            f"The outcome is expected in {_percent(gain)} only under treatment and in {_percent(loss)} only under "
            "control.",
        ),
        test="McNemar's test with its normal approximation is used.",
        arms=1,
        asks=("total",),
    )


def _noninferior_proportions(rng: random.Random) -> _Plan:
    control, margin = rng.choice((0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)), rng.choice((0.05, 0.08, 0.1, 0.12, 0.15))
    event = rng.choice(("cure", "response", "remission"))
    return _Plan(
        method="noninferiority-proportions",
        given={
            "control": control,
            "margin": margin,
            "ratio": _ratio(rng),
            **_alike(rng, rng.choice((0.025, 0.05))),
        },
        context=f"A non-inferiority trial compares the proportions with {event}.",
        effect=(
            f"Both groups are expected to have a rate of {_percent(control)}; the margin is {_percent(margin)}.",
            f"The non-inferiority margin is {_percent(margin)}, the expected rate {_percent(control)} in both groups.",
        ),
        test="The test is one-sided (Farrington-Manning).",
        arms=2,
    )


def _equivalent_proportions(rng: random.Random) -> _Plan:
    control, margin = rng.choice((0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9)), rng.choice((0.08, 0.1, 0.12, 0.15, 0.2))
    return _Plan(
        method="equivalence-proportions",
        given={"control": control, "margin": margin, **_alike(rng, rng.choice((0.025, 0.05)))},
        context="Equivalence of two treatments is to be shown by the proportions with a response.",
        effect=(
            f"Both groups are expected to have a rate of {_percent(control)}; the equivalence margin is "
            f"{_percent(margin)}.",
        ),
        test="Each of the two tests is one-sided (Farrington-Manning).",
        arms=2,
    )


def _anova(rng: random.Random) -> _Plan:
    groups, size = rng.choice((3, 4, 5, 6)), rng.choice((0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4))
    return _Plan(
        method="anova",
        given={
            "groups": groups,
            "effect_size": size,
            "alpha": rng.choice((0.05, 0.01)),
            "power": rng.choice((0.8, 0.9)),
        },
        context=f"The mean {rng.choice(_OUTCOMES)[0]} of {groups} groups of equal size is compared.",
        effect=(f"The effect size to detect is Cohen's f = {size:g}.",),
        test="The test is a one-way analysis of variance.",
        arms=groups,
    )


def _correlation(rng: random.Random) -> _Plan:
    r = rng.choice(range(15, 70, 5)) / 100
    one, other = rng.sample([outcome for outcome, _ in _OUTCOMES], 2)
    return _Plan(
        method="correlation",
        given={"correlation": r, **_both(rng)},
        context=f"In one group of patients the {one} is related to the {other}.",
        effect=(f"A correlation of {r:g} should be told from none.",),
        test="It is tested by its z transformation.",
        arms=1,
        asks=("total",),
    )


def _diagnostic(rng: random.Random) -> _Plan:
    kind = rng.choice(("sensitivity", "specificity"))
    value, precision = rng.choice((0.75, 0.8, 0.85, 0.9, 0.95)), rng.choice((0.03, 0.04, 0.05, 0.06, 0.08, 0.1))
    prevalence, alpha = rng.choice((0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)), rng.choice((0.05, 0.05, 0.1))
    return _Plan(
        method="diagnostic",
        given={kind: value, "precision": precision, "prevalence": prevalence, "alpha": alpha},
        context="The accuracy of a diagnostic test is to be estimated.",
        effect=(
            f"A {kind} of {_percent(value)} is expected, and the half-width of its {_percent(1 - alpha)} confidence "
            f"interval should be {_percent(precision)}; the prevalence of the condition among those enrolled is "
            f"{_percent(prevalence)}.",
        ),
        test="",
        arms=1,
        has_power=False,
        asks=("total",),
    )


def _dropout(rng: random.Random) -> _Plan:
    arms, lost = rng.choice((2, 2, 3, 4)), rng.choice((0.05, 0.08, 0.1, 0.12, 0.15, 0.2, 0.25, 0.3))
    n = arms * rng.randrange(12, 400)
    word = {2: "two", 3: "three", 4: "four"}[arms]
    return _Plan(
        method="dropout",
        given={"n_evaluable": n, "dropout": lost, "arms": arms},
        context=f"A trial with {word} arms of equal size needs {n} evaluable participants in all.",
        effect=(f"{_percent(lost)} are expected to drop out.", f"The expected drop-out is {_percent(lost)}."),
        test="",
        arms=arms,
        has_power=False,
    )


def _sequential(rng: random.Random) -> _Plan:
    looks, boundary = rng.choice((2, 3, 4, 5)), rng.choice(("obrien-fleming", "pocock"))
    n = 20 * rng.randrange(4, 45)
    name = {"obrien-fleming": "O'Brien-Fleming", "pocock": "Pocock"}[boundary]
    return _Plan(
        method="group-sequential",
        given={"looks": looks, "n_fixed": n, "boundary": boundary, "alpha": 0.05, "sides": 2, "power": 0.9},
        context=f"A two-arm trial without interim looks would need {n} participants.",
        effect=(
            f"Instead {looks} evenly spaced looks are planned, the final one included, with Lan-DeMets {name} "
            "boundaries; how many must be enrolled at most?",
        ),
        test="",
        arms=2,
        asks=("total",),
    )


def _log_rank(rng: random.Random) -> _Plan:
    hazard = rng.choice((0.5, 0.55, 0.6, 0.65, 0.7, 0.72, 0.75, 0.78, 0.8, 1.3, 1.4, 1.5))
    common = {"hazard_ratio": hazard, "ratio": _ratio(rng), **_both(rng)}
    context = f"Two groups are compared by the time to {rng.choice(('death', 'progression', 'relapse', 'discharge'))}."
    test = "The log-rank test is used (Schoenfeld's formula)."
    kind = rng.randrange(3)
    if kind == 0:
        told, more, asks = "", {}, ("events",)
    elif kind == 1:
        held = rng.choice(range(20, 95, 5)) / 100
        told, more, asks = (
            f" {_percent(held)} of all participants will have an event.",
            {"event_share": held},
            ("total",),
        )
    else:
        median, accrual, after = rng.choice((6, 9, 12, 18, 24)), rng.choice((12, 18, 24, 36)), rng.choice((6, 12, 24))
        told = (
            f" The median time in the control group is {median} months, accrual takes {accrual} months at an even "
            f"rate, and the follow-up after it {after} months; times are exponential."
        )
        more, asks = {"control_median": median, "accrual": accrual, "follow_up": after}, ("total",)
    return _Plan(
        method="log-rank",
        given={**common, **more},
        context=context,
        effect=(f"A hazard ratio of {hazard:g} should be detected.{told}",),
        test=test,
        arms=2,
        asks=asks,  # type: ignore[arg-type]
    )


_KINDS: tuple[Callable[[random.Random], _Plan], ...] = (
    _two_means, _paired, _one_mean, _crossover, _bioequivalence, _noninferior_means, _equivalent_means, _cluster_means,
    _cluster_proportions, _proportions, _one_proportion, _mcnemar, _noninferior_proportions, _equivalent_proportions,
    _anova, _correlation, _diagnostic, _dropout, _sequential, _log_rank,
)  # fmt: skip
_WEIGHTS = (12, 4, 2, 4, 2, 4, 2, 5, 6, 14, 3, 3, 6, 3, 3, 3, 3, 3, 2, 12)
"""How often each is drawn: roughly as often as trials are planned so."""
