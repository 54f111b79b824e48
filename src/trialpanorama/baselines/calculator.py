"""Sample sizes computed: the assumptions are read from the text, and the formula that fits them does the rest.

It answers every question. What a text does not say is taken as planners usually do: 5 % two-sided, 80 % power, two
arms of equal size, no drop-out, for two proportions the test without continuity correction, and of means whose spread
is not given a usual effect. Where not even a power can be read, the answer is the median size of the training split.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from statistics import median
from typing import Any, ClassVar

import msgspec

from trialpanorama import power
from trialpanorama.baselines import Baseline
from trialpanorama.baselines._assumptions import Assumptions, Reading, read
from trialpanorama.errors import UserError
from trialpanorama.tasks import AnySample, AnyTask
from trialpanorama.tasks.sample_size import Calculation, Planned, SampleSize

ALPHA, SIDES, POWER, ARMS, PROPORTIONS_TEST = 0.05, 2, 0.8, 2, "pooled"
"""What is assumed where a text does not say it."""
USUAL_EFFECT = 2 / 3
"""The difference of means, in standard deviations, where a text gives none or no spread: what came nearest to the sizes
of 59 such statements of articles that no figure is measured on."""


class Required(msgspec.Struct, frozen=True):
    """How large a trial must be: with an outcome, and enrolled for that. Per arm is the largest arm."""

    total: int
    per_arm: int
    enrolled_total: int
    enrolled_per_arm: int
    events: int | None = None

    def size(self, answer_type: str, includes_drop_out: bool | None) -> int:
        """The one that is asked for; events are the total where the design counts none."""
        if answer_type == "events":
            return self.total if self.events is None else self.events
        if answer_type == "total":
            return self.enrolled_total if includes_drop_out else self.total
        return self.enrolled_per_arm if includes_drop_out else self.per_arm


class NotEnough(ValueError):
    """The assumptions do not say what the design needs."""


def supposed(assumptions: Assumptions) -> Assumptions:
    """The same, with the usual effect where a text gives a power and neither rates nor a difference with its spread."""
    means = (assumptions.mean_difference, assumptions.sd)
    is_told = assumptions.effect_size is not None or None not in means
    if assumptions.design not in ("two_means", "paired_means") or assumptions.power is None or is_told:
        return assumptions
    return msgspec.structs.replace(assumptions, effect_size=USUAL_EFFECT)


def required(assumptions: Assumptions) -> Required:
    """The size that assumptions call for, by the calculation of `power` for their design.

    Raises NotEnough where they do not suffice.
    """
    return required_by(*calculation(assumptions), assumptions)


def required_by(sizing: power.Sizing, arms: int, assumptions: Assumptions) -> Required:
    """The size that a calculation and what comes after it call for: several arms, a design effect, drop-out."""
    # Sizes of a calculation for two arms hold for each pair of several; those of one group have one arm.
    each = list(sizing.n_per_arm)
    each += [max(each, default=0)] * (arms - len(each))
    if not any(each) and sizing.events:
        # Nothing says how many will have an event: all are taken to.
        each = [math.ceil(sizing.events / arms)] * arms
    inflation = assumptions.design_effect if assumptions.design_effect and assumptions.icc is None else 1.0
    each = [math.ceil(n * inflation - 1e-9) for n in each]
    kept = 1.0 if assumptions.design == "dropout" else 1 - (assumptions.drop_out or 0.0)
    enrolled = [math.ceil(n / kept - 1e-9) for n in each]
    return Required(sum(each), max(each), sum(enrolled), max(enrolled), sizing.events)


_ONE_GROUP = ("paired_means", "one_mean", "one_proportion", "paired_proportions", "correlation", "diagnostic")


_UNSURE = ("paired_means", "one_mean", "crossover_means", "repeated_measures", "cluster_means", "cluster_proportions")
"""Designs whose spread within participants or clusters is worded in too many ways to be sure which one is meant."""
_SURE = range(12, 2001)
"""Sizes outside are more often misread than planned."""


def claims_all(reading: Reading, answer_type: str) -> bool:
    """Whether all was read that the answer needs: for a total the arms, too, for people the share with an event.

    Of printed statements also whether their kind follows from what they say more often than not: a bare standardised
    effect, a comparison within participants or clusters and a very small or large size do not.
    """
    told = reading.assumptions
    if reading.is_printed and (
        told.design in _UNSURE or (told.effect_size is not None and told.design != "bioequivalence")
    ):
        return False
    try:
        size = required(told).size(answer_type, False)
    except NotEnough:
        return False
    if reading.is_printed and size not in _SURE:
        return False
    if told.design == "survival" and answer_type != "events":
        shares = (told.event_probability, told.event_rate_1, told.accrual)
        if all(share is None for share in shares):
            return False
    return reading.claims and (answer_type != "total" or told.arms is not None or told.design in _ONE_GROUP)


def reading_of(asked: Calculation) -> Reading:
    """What a question's text says, with the number of arms that the question itself knows."""
    reading = read(asked.text)
    if asked.arms and reading.assumptions.arms != asked.arms and reading.assumptions.design not in _ONE_GROUP:
        told = msgspec.structs.replace(reading.assumptions, arms=asked.arms)
        return msgspec.structs.replace(reading, assumptions=told)
    return reading


class Calculator(Baseline):
    """Reads what is assumed and computes."""

    name: ClassVar[str] = "calculator"
    meaning: ClassVar[str] = (
        "Reads the assumptions by rules and computes the size; the median of training where it cannot"
    )

    @classmethod
    def answers(cls, task: AnyTask, sample: AnySample) -> bool:
        """Only questions for a size."""
        return isinstance(task, SampleSize)

    def fit(self, samples: Sequence[AnySample], task: AnyTask) -> None:
        """Remember the median size of each kind of answer, and of the statements that trials report alone if any."""
        self._task = task
        real = [sample for sample in samples if sample.strata.get("origin") == "reported"] or samples
        self._usual = {
            kind: round(median(sizes))
            for kind in ("total", "per_arm", "events")
            if (sizes := [sample.gold.sample_size for sample in real if sample.gold.unit == kind])
        }
        self._any = round(median(self._usual.values())) if self._usual else 100

    def claims(self, sample: AnySample) -> bool:
        """Whether the text was read to give all that its calculation needs."""
        return self._read(sample)[1]

    def answer(self, sample: AnySample) -> str:
        """The reply with the size computed, else with the usual one."""
        unit = sample.inputs.answer_type
        size = self._read(sample)[0] or self._usual.get(unit, self._any)
        return self._task.reply(Planned(size, unit))

    def _read(self, sample: AnySample) -> tuple[int | None, bool]:
        asked = sample.inputs
        reading = reading_of(asked)
        try:
            size = required(supposed(reading.assumptions)).size(asked.answer_type, asked.includes_drop_out)
        except NotEnough:
            return None, False
        return (size, claims_all(reading, asked.answer_type)) if size > 0 else (None, False)


# --- one calculation for each design


def _given(*values: float | None) -> list[float]:
    if any(value is None for value in values):
        raise NotEnough("a value that the design needs is missing")
    return [float(value) for value in values if value is not None]


def calculation(assumptions: Assumptions) -> tuple[power.Sizing, int]:
    """The calculation of `power` that assumptions call for, and how many arms there are.

    Raises NotEnough where they do not suffice.
    """
    try:
        return _sized(assumptions)
    except (UserError, ArithmeticError, ValueError) as error:
        raise NotEnough(str(error)) from None


def _sized(a: Assumptions) -> tuple[power.Sizing, int]:
    alpha = ALPHA if a.alpha is None else a.alpha
    wanted = POWER if a.power is None else a.power
    ratio, arms = a.allocation_ratio or 1.0, a.arms or ARMS
    both: dict[str, Any] = {"alpha": alpha, "sides": a.sides or SIDES, "power": wanted}
    # A margin is tested on one side: by half of a level that is not said to be one-sided.
    margin: dict[str, Any] = {"alpha": alpha if a.sides == 1 else alpha / 2, "power": wanted, "ratio": ratio}
    alike: dict[str, Any] = {"alpha": alpha, "power": wanted}
    test = (a.test or "").lower()
    match a.design:
        case "paired_means" | "one_mean":
            difference, sd = _effect(a)
            return power.one_sample_t_test(difference=difference, sd=sd, **both), 1
        case "crossover_means":
            difference, sd = _effect(a)
            return power.crossover(difference=difference, within_sd=sd, **both), 2
        case "bioequivalence":
            (cv,) = _given(a.coefficient_of_variation)
            limit = 1 + a.margin if a.margin else 1.25
            true_ratio = a.effect_size or 0.95
            return power.bioequivalence(cv=cv, true_ratio=true_ratio, limit=limit, **alike), 2
        case "two_proportions":
            control, treatment = _given(a.proportion_1, a.proportion_2)
            kind = next((name for words, name in _TESTS.items() if re.search(words, test)), PROPORTIONS_TEST)
            return power.proportions(control=control, treatment=treatment, test=kind, ratio=ratio, **both), arms
        case "paired_proportions":
            gain, loss = _given(a.proportion_1, a.proportion_2)
            return power.mcnemar(gain=gain, loss=loss, **both), 1
        case "one_proportion":
            null, true = _given(a.proportion_1, a.proportion_2)
            kind = "exact" if re.search(r"exact|binom", test) else "normal"
            # Several arms that are each tested against a fixed value are as many single groups.
            return power.one_proportion(null_proportion=null, proportion=true, test=kind, **both), a.arms or 1
        case "survival":
            return _survival(a, ratio, both), arms
        case "anova":
            groups = max(a.arms or 3, 2)
            if a.effect_size is not None:
                return power.anova(groups=groups, effect_size=a.effect_size, **alike), groups
            difference, sd = _effect(a)
            # Two arms as far apart as stated, the others midway: the least spread that this difference leaves.
            spread = difference / sd * math.sqrt(1 / (2 * groups))
            return power.anova(groups=groups, effect_size=spread, **alike), groups
        case "correlation":
            (r,) = _given(a.correlation)
            return power.correlation(correlation=r, **both), 1
        case "noninferiority_means":
            least, sd = _given(a.margin, a.sd)
            return power.noninferiority_means(margin=least, sd=sd, difference=a.mean_difference or 0.0, **margin), arms
        case "equivalence_means":
            least, sd = _given(a.margin, a.sd)
            difference = a.mean_difference or 0.0
            return power.equivalence_means(margin=least, sd=sd, difference=difference, ratio=ratio, **alike), arms
        case "noninferiority_proportions":
            control, least = _given(a.proportion_1, a.margin)
            return power.noninferiority_proportions(
                control=control, treatment=a.proportion_2, margin=least, **margin
            ), arms
        case "equivalence_proportions":
            control, least = _given(a.proportion_1, a.margin)
            return power.equivalence_proportions(
                control=control, treatment=a.proportion_2, margin=least, ratio=ratio, **alike
            ), arms
        case "cluster_means":
            difference, sd = _effect(a)
            size, icc = _given(a.cluster_size, a.icc)
            return power.cluster_means(
                difference=difference, sd=sd, cluster_size=size, icc=icc, ratio=ratio, **both
            ), arms
        case "cluster_proportions":
            control, treatment, size, icc = _given(a.proportion_1, a.proportion_2, a.cluster_size, a.icc)
            return power.cluster_proportions(
                control=control, treatment=treatment, cluster_size=size, icc=icc, ratio=ratio, **both
            ), arms
        case "diagnostic":
            precision, prevalence = _given(a.precision, a.prevalence)
            return power.diagnostic(
                sensitivity=a.proportion_1,
                specificity=a.proportion_2,
                precision=precision,
                prevalence=prevalence,
                alpha=alpha,
            ), 1
        case "dropout":
            n, lost = _given(a.n_evaluable, a.drop_out)
            return power.dropout(n_evaluable=int(n), dropout=lost, arms=arms), arms
        case "group_sequential":
            n, looks = _given(a.n_evaluable, a.looks)
            boundary = a.boundary or "obrien-fleming"
            return power.group_sequential(looks=int(looks), n_fixed=int(n), boundary=boundary, **both), 2
        case _:
            return _two_means(a, ratio, both, test), arms


_TESTS = {"fisher": "fisher", "arcsin": "arcsine", "pooled": "pooled", "correct|yates|continuity": "continuity"}


def _two_means(a: Assumptions, ratio: float, both: dict[str, Any], test: str) -> power.Sizing:
    difference, sd = _effect(a)
    if a.design == "repeated_measures" and a.correlation:
        # The baseline as a covariate takes its share of the variance away.
        sd *= math.sqrt(1 - a.correlation**2)
    other = None if a.effect_size is not None else a.sd_2
    sizing = power.t_test(difference=difference, sd=sd, treatment_sd=other, ratio=ratio, **both)
    if re.search("wilcoxon|mann|rank", test):
        # The rank test needs pi / 3 times as many as the t test where outcomes are normal.
        grown = tuple(math.ceil(n * math.pi / 3) for n in sizing.n_per_arm)
        step = f"The rank test needs pi / 3 times as many where outcomes are normal: {grown[0]} and {grown[1]}."
        sizing = msgspec.structs.replace(sizing, n_per_arm=grown, n_total=sum(grown), steps=(*sizing.steps, step))
    return sizing


def _effect(a: Assumptions) -> tuple[float, float]:
    """A difference of means and the standard deviation that it is measured against."""
    if a.effect_size is not None:
        return abs(a.effect_size), 1.0
    difference, sd = _given(a.mean_difference, a.sd)
    return abs(difference), sd


def _survival(a: Assumptions, ratio: float, both: dict[str, Any]) -> power.Sizing:
    given: dict[str, Any] = {"ratio": ratio, **both}
    if a.hazard_ratio is not None:
        given["hazard_ratio"] = a.hazard_ratio
    elif a.median_1 is not None and a.median_2 is not None:
        given["hazard_ratio"] = a.median_1 / a.median_2
    else:
        first, second = _given(a.event_rate_1, a.event_rate_2)
        given["hazard_ratio"] = math.log(1 - second) / math.log(1 - first)
    if a.event_probability is not None:
        given["event_share"] = a.event_probability
    elif a.event_rate_1 is not None:
        expected = 1 - (1 - a.event_rate_1) ** given["hazard_ratio"]
        second = expected if a.event_rate_2 is None else a.event_rate_2
        given["event_share"] = (a.event_rate_1 + ratio * second) / (1 + ratio)
    elif a.median_1 is not None and (a.accrual is not None or a.follow_up is not None):
        given |= {"control_median": a.median_1, "accrual": a.accrual, "follow_up": a.follow_up}
    return power.log_rank(**given)


BASELINE = Calculator
