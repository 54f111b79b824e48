"""Proportions: two arms, one arm, pairs, non-inferiority and equivalence, clusters, diagnostic accuracy."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Annotated

from trialpanorama.errors import UserError
from trialpanorama.power._core import (
    Alpha,
    Dropout,
    Given,
    OneSidedAlpha,
    Plan,
    Power,
    Ratio,
    Sides,
    Size,
    Sizing,
    calculation,
    check,
    check_choice,
    check_common,
    check_differs,
    critical,
    method,
    phi,
    plan_of,
    say_z,
    short,
    up,
    z_of,
)
from trialpanorama.power._means import ClusterCv, ClusterSize, Icc, clustered

Control = Annotated[float, Given("Proportion with the outcome in the control arm, 0 to 1.")]
Treatment = Annotated[float | None, Given("Proportion with the outcome in the treatment arm, 0 to 1.")]
Direction = Annotated[
    str, Given("Where a detectable proportion is looked for: above or below the other.", "", "increase|decrease")
]
DIRECTIONS = ("increase", "decrease")
TESTS = {
    "pooled": "z test with pooled variance (Fleiss, Levin, Paik 2003, ch. 4)",
    "unpooled": "z test with unpooled variance (Chow, Shao, Wang 2008, section 4.2)",
    "continuity": "z test with continuity correction (Fleiss, Tytun, Ury 1980)",
    "arcsine": "arcsine test (Cohen 1988, ch. 6)",
    "fisher": "Fisher's exact test, by enumeration (Thomas, Conlon 1992)",
}
LARGEST_FISHER = 600


def _few(arms: Sequence[float], proportions: Sequence[float], advice: str) -> list[str]:
    least = min(min(n * p, n * (1 - p)) for n, p in zip(arms, proportions, strict=True))
    if least >= 5:
        return []
    return [f"A cell is expected to count only {short(least)}, below 5: the normal approximation is poor; {advice}."]


@functools.lru_cache(maxsize=8)
def _log_factorials(n: int) -> Sequence[float]:
    import numpy as np
    from scipy.special import gammaln

    values: Sequence[float] = gammaln(np.arange(n + 1) + 1.0)
    return values


def fisher_power(n1: int, n2: int, p1: float, p2: float, alpha: float, sides: int) -> tuple[float, float]:
    """Exact power of Fisher's test: of a significantly higher proportion in arm 2, and of a significantly lower one.

    Every table is gone through. Two-sided p-values add up all tables of the same margins that are not more probable.
    """
    import numpy as np

    log = np.asarray(_log_factorials(n1 + n2))
    x1, x2 = np.arange(n1 + 1), np.arange(n2 + 1)
    choose1 = log[n1] - log[x1] - log[n1 - x1]
    choose2 = log[n2] - log[x2] - log[n2 - x2]
    with np.errstate(divide="ignore", invalid="ignore"):
        b1 = np.exp(choose1 + x1 * math.log(p1) + (n1 - x1) * math.log1p(-p1))
        b2 = np.exp(choose2 + x2 * math.log(p2) + (n2 - x2) * math.log1p(-p2))
    higher = lower = 0.0
    for total in range(1, n1 + n2):
        second = np.arange(max(0, total - n1), min(n2, total) + 1)
        first = total - second
        table = np.exp(choose1[first] + choose2[second] - (log[n1 + n2] - log[total] - log[n1 + n2 - total]))
        chance = b1[first] * b2[second]
        above = np.cumsum(table[::-1])[::-1]
        below = np.cumsum(table)
        if sides == 1:
            higher += float(chance[above <= alpha].sum())
            lower += float(chance[below <= alpha].sum())
            continue
        order = np.sort(table)
        p_value = np.cumsum(order)[np.searchsorted(order, table * (1 + 1e-7), side="right") - 1]
        is_significant = p_value <= alpha
        is_higher = second * n1 > first * n2
        higher += float(chance[is_significant & is_higher].sum())
        lower += float(chance[is_significant & ~is_higher].sum())
    return higher, lower


@method("proportions", "Two proportions, parallel arms", prior="treatment")
def proportions(
    *,
    control: Control,
    treatment: Treatment = None,
    test: Annotated[str, Given("The test that is planned.", "", "|".join(TESTS))] = "pooled",
    direction: Direction = "increase",
    ratio: Ratio = 1.0,
    alpha: Alpha = 0.05,
    sides: Sides = 2,
    power: Power = None,
    n_total: Size = None,
    dropout: Dropout = 0.0,
) -> Plan:
    """Compare the proportions of two parallel arms: pooled or unpooled z, continuity-corrected, arcsine, Fisher exact.

    pooled: n1 = (z_a sqrt(p(1-p)(1 + 1/r)) + z_b sqrt(p1 q1 + p2 q2 / r))² / (p2 - p1)² with p = (p1 + r p2) / (1 + r)
    (Fleiss, Levin, Paik 2003, ch. 4); unpooled: n1 = (z_a + z_b)² (p1 q1 + p2 q2 / r) / (p2 - p1)² (Chow, Shao, Wang
    2008); continuity: the pooled one, with (1/n1 + 1/n2) / 2 taken off the difference (Fleiss, Tytun, Ury 1980);
    arcsine: n1 = (z_a + z_b)² (1 + 1/r) / (2 asin sqrt p2 - 2 asin sqrt p1)² (Cohen 1988); fisher: all tables counted.
    """
    check("control", control, 0, 1, example="0.2")
    check("treatment", treatment, 0, 1, example="0.3")
    check_choice("test", test, tuple(TESTS))
    check_choice("direction", direction, DIRECTIONS)
    check_common(alpha=alpha, power=power, n_total=n_total, ratio=ratio, dropout=dropout, sides=sides)
    check_differs("treatment", treatment, control, "the proportion of the control arm")
    rises = direction == "increase" if treatment is None else treatment > control
    sign = 1.0 if rises else -1.0
    z = critical(alpha, sides)

    def variances(p2: float, r: float) -> tuple[float, float]:
        """Of the difference, per participant of the first arm: pooled, and as it is."""
        mean = (control + r * p2) / (1 + r)
        return mean * (1 - mean) * (1 + 1 / r), control * (1 - control) + p2 * (1 - p2) / r

    def right(arms: Sequence[float], p2: float) -> float:
        n1, n2 = arms
        if test == "fisher":
            return fisher_power(int(n1), int(n2), control, p2, alpha, sides)[0 if rises else 1]
        if test == "arcsine":
            h = sign * 2 * (math.asin(math.sqrt(p2)) - math.asin(math.sqrt(control)))
            return phi(h * math.sqrt(n1 * n2 / (n1 + n2)) - z)
        pooled, true = variances(p2, n2 / n1)
        away = sign * (p2 - control)
        if test == "unpooled":
            return phi(away * math.sqrt(n1 / true) - z)
        if test == "continuity":
            away -= (1 / n1 + 1 / n2) / 2
        return phi((away * math.sqrt(n1) - z * math.sqrt(pooled)) / math.sqrt(true))

    def simple(p2: float, target: float) -> float:
        """Size of the first arm of the pooled z test."""
        pooled, true = variances(p2, ratio)
        return (z * math.sqrt(pooled) + z_of(target) * math.sqrt(true)) ** 2 / (p2 - control) ** 2

    def derive(p2: float, target: float) -> list[str]:
        lines = say_z(alpha, sides, target)
        z_power, gap = z_of(target), p2 - control
        pooled, true = variances(p2, ratio)
        if test == "arcsine":
            h = 2 * (math.asin(math.sqrt(p2)) - math.asin(math.sqrt(control)))
            n = (z + z_power) ** 2 * (1 + 1 / ratio) / h**2
            return [
                *lines,
                f"h = 2 asin sqrt {p2:g} - 2 asin sqrt {control:g} = {h:.5f}.",
                f"n1 = ({z:.4f} + {z_power:.4f})² × (1 + 1/{ratio:g}) / {h:.5f}² = {n:.3f}.",
            ]
        spread = f"{control:g} × {1 - control:g} + {p2:g} × {1 - p2:g} / {ratio:g} = {true:.5f}"
        lines.append(f"Difference {gap:+.4g}; variance {spread}.")
        if test == "unpooled":
            n = (z + z_power) ** 2 * true / gap**2
            return [*lines, f"n1 = ({z:.4f} + {z_power:.4f})² × {true:.5f} / {gap:.4g}² = {n:.3f}."]
        mean, n = (control + ratio * p2) / (1 + ratio), simple(p2, target)
        lines += [
            f"Mean proportion {mean:.5g}; pooled variance {mean:.5g} × {1 - mean:.5g} × (1 + 1/{ratio:g}) = "
            f"{pooled:.5f}.",
            f"n1 = ({z:.4f} × sqrt {pooled:.5f} + {z_power:.4f} × sqrt {true:.5f})² / {gap:.4g}² = {n:.3f}.",
        ]
        if test == "continuity":
            c = (ratio + 1) / (2 * ratio * abs(gap))
            corrected = n / 4 * (1 + math.sqrt(1 + 4 * c / n)) ** 2
            lines.append(
                f"Continuity: n1 / 4 × (1 + sqrt(1 + 2 × {ratio + 1:g} / ({n:.3f} × {ratio:g} × {abs(gap):.4g})))² = "
                f"{corrected:.3f}."
            )
        if test == "fisher":
            lines.append("From there on, the power of Fisher's test is added up over every possible table.")
        return lines

    def weigh(arms: Sequence[float], p2: float) -> list[str]:
        if test == "fisher":
            return []
        n1, n2 = arms
        if test == "arcsine":
            h = 2 * abs(math.asin(math.sqrt(p2)) - math.asin(math.sqrt(control)))
            reach = h * math.sqrt(n1 * n2 / (n1 + n2))
            root = f"sqrt({short(n1)} × {short(n2)} / {short(n1 + n2)})"
            return [f"{h:.5f} × {root} - {z:.4f} = {reach - z:.4f}, and Phi of it."]
        pooled, true = (math.sqrt(v / n1) for v in variances(p2, n2 / n1))
        null, gap = (true if test == "unpooled" else pooled), abs(p2 - control)
        less = (1 / n1 + 1 / n2) / 2 if test == "continuity" else 0.0
        corrected = f" - {less:.5f} for continuity" if less else ""
        return [
            f"Standard error {true:.5f}, and {null:.5f} under no difference: "
            f"({gap:.5g}{corrected} - {z:.4f} × {null:.5f}) / {true:.5f} = {(gap - less - z * null) / true:.4f}, "
            "and Phi of it."
        ]

    def warn(arms: Sequence[float], p2: float) -> list[str]:
        return [] if test == "fisher" else _few(arms, (control, p2), "see --test fisher")

    edge = 1e-9
    return Plan(
        right=right, effect_name="treatment", effect=treatment,
        bounds=(control, 1 - edge if rises else edge), power=power, n_total=n_total, dropout=dropout,
        weights=(1.0, ratio), exact=test == "fisher", largest=LARGEST_FISHER if test == "fisher" else int(1e8),
        start=0.9 * simple(treatment, power or 0.8) if treatment is not None else 0.0,
        smallest=2, derive=derive, weigh=weigh, warn=warn, formula=f"Two proportions, {TESTS[test]}",
    )  # fmt: skip


@method("cluster-proportions", "Two proportions, whole clusters randomised", prior="treatment")
def cluster_proportions(
    *,
    control: Control,
    treatment: Treatment = None,
    direction: Direction = "increase",
    cluster_size: ClusterSize,
    icc: Icc,
    cluster_cv: ClusterCv = 0.0,
    ratio: Ratio = 1.0,
    alpha: Alpha = 0.05,
    sides: Sides = 2,
    power: Power = None,
    n_total: Size = None,
    dropout: Dropout = 0.0,
) -> Plan:
    """Compare two proportions when whole clusters are randomised: the unpooled z test's size times the design effect.

    Design effect 1 + ((cv² + 1) m - 1) icc for clusters of mean size m whose sizes vary by cv (Donner and Klar 2000;
    Eldridge, Ashby, Kerry 2006). Arms are rounded up to whole clusters.
    """
    plan = plan_of(
        "proportions", control=control, treatment=treatment, test="unpooled", direction=direction, ratio=ratio,
        alpha=alpha, sides=sides, power=power, n_total=n_total, dropout=dropout,
    )  # fmt: skip
    return clustered(plan, cluster_size, icc, cluster_cv)


# --- one arm


def binomial_power(n: int, null: float, true: float, alpha: float, sides: int) -> tuple[float, float, int, int]:
    """Exact power of a binomial test with equal tails: of a high result and of a low one, with the critical counts."""
    import numpy as np
    from scipy.special import bdtr

    tail = alpha / sides
    counts = np.arange(n + 1)
    below = bdtr(counts, n, null)  # P(X <= k)
    above = 1 - np.concatenate([[0.0], below[:-1]])  # P(X >= k)
    high = int(np.argmax(above <= tail)) if above[-1] <= tail else n + 1
    low = int(np.sum(below <= tail)) - 1
    power_high = float(1 - bdtr(high - 1, n, true)) if 0 < high <= n else 0.0
    power_low = float(bdtr(low, n, true)) if low >= 0 else 0.0
    return power_high, power_low, high, low


@method("one-proportion", "One proportion against a fixed value", prior="proportion")
def one_proportion(
    *,
    null_proportion: Annotated[float, Given("The proportion that is tested against, 0 to 1.")],
    proportion: Annotated[float | None, Given("The proportion expected, 0 to 1.")] = None,
    test: Annotated[str, Given("Exact binomial, or the normal approximation.", "", "exact|normal")] = "exact",
    direction: Direction = "increase",
    alpha: Alpha = 0.05,
    sides: Sides = 2,
    power: Power = None,
    n_total: Size = None,
    dropout: Dropout = 0.0,
) -> Plan:
    """Test one proportion against a fixed value: exact binomial (equal tails) or the normal approximation.

    exact: binomial tails (Chernick and Liu 2002 on their sawtooth power; A'Hern 2001 for phase II); normal: n = (z_a
    sqrt(p0 q0) + z_b sqrt(p1 q1))² / (p1 - p0)² (Fleiss, Levin, Paik 2003, ch. 2).
    """
    check("null_proportion", null_proportion, 0, 1, example="0.2")
    check("proportion", proportion, 0, 1, example="0.4")
    check_choice("test", test, ("exact", "normal"))
    check_choice("direction", direction, DIRECTIONS)
    check_common(alpha=alpha, power=power, n_total=n_total, dropout=dropout, sides=sides)
    check_differs("proportion", proportion, null_proportion, "the one tested against")
    rises = direction == "increase" if proportion is None else proportion > null_proportion
    sign, z, null = (1.0 if rises else -1.0), critical(alpha, sides), null_proportion

    def right(arms: Sequence[float], p: float) -> float:
        if test == "exact":
            return binomial_power(int(arms[0]), null, p, alpha, sides)[0 if rises else 1]
        away = sign * (p - null) * math.sqrt(arms[0])
        return phi((away - z * math.sqrt(null * (1 - null))) / math.sqrt(p * (1 - p)))

    def simple(p: float, target: float) -> float:
        spread = z * math.sqrt(null * (1 - null)) + z_of(target) * math.sqrt(p * (1 - p))
        return spread**2 / (p - null) ** 2

    def derive(p: float, target: float) -> list[str]:
        lines = [
            *say_z(alpha, sides, target),
            f"Normal approximation: n = ({z:.4f} × sqrt({null:g} × {1 - null:g}) + {z_of(target):.4f} × "
            f"sqrt({p:g} × {1 - p:g}))² / {p - null:.4g}² = {simple(p, target):.3f}.",
        ]
        exact = "From about there on, binomial tails are added up for each size."
        return [*lines, exact] if test == "exact" else lines

    def warn(arms: Sequence[float], p: float) -> list[str]:
        return [] if test == "exact" else _few(arms, (null,), "see --test exact")

    def finish(sizing: Sizing) -> Sizing:
        from msgspec.structs import replace

        if test != "exact":
            return sizing
        p = sizing.effect["proportion"]
        n = sizing.n_evaluable_per_arm[0]
        _, _, high, low = binomial_power(n, null, p, alpha, sides)
        bound, words = (high, "or more") if rises else (low, "or fewer")
        step = f"With {n} evaluable, {bound} {words} with the outcome are significant."
        return replace(sizing, steps=(*sizing.steps, step), details={**sizing.details, "critical_count": bound})

    edge = 1e-9
    name = "exact binomial test (Chernick, Liu 2002)" if test == "exact" else "z test (Fleiss, Levin, Paik 2003, ch. 2)"
    return Plan(
        right=right, effect_name="proportion", effect=proportion, bounds=(null, 1 - edge if rises else edge),
        power=power, n_total=n_total, dropout=dropout, exact=test == "exact", smallest=2,
        largest=10_000 if test == "exact" else int(1e8),
        start=0.9 * simple(proportion, power or 0.8) if proportion is not None else 0.0,
        derive=derive, warn=warn, finish=finish, formula=f"One proportion, {name}",
    )  # fmt: skip


# --- pairs


def mcnemar_exact(pairs: int, gain: float, loss: float, alpha: float, sides: int) -> tuple[float, float]:
    """Exact power of the binomial test on discordant pairs: in favour of the treatment, and against it.

    The number of discordant pairs is binomial, and so is, given that, the number among them that favour the treatment.
    """
    import numpy as np
    from scipy.special import bdtr, gammaln

    tail, discordant = alpha / sides, gain + loss
    m = np.arange(1, pairs + 1)
    log_weight = (
        float(gammaln(pairs + 1)) - gammaln(m + 1) - gammaln(pairs - m + 1) + m * math.log(discordant)
        + (pairs - m) * math.log1p(-discordant)
    )  # fmt: skip
    weight = np.exp(log_weight)
    keep = weight > 1e-15
    m, weight = m[keep], weight[keep]
    low = np.floor(m / 2 + z_of(tail) * np.sqrt(m) / 2)
    while np.any(more := bdtr(np.maximum(low + 1, 0), m, 0.5) <= tail):
        low = np.where(more, np.maximum(low + 1, 0), low)
    while np.any(less := (low >= 0) & (bdtr(np.maximum(low, 0), m, 0.5) > tail)):
        low = np.where(less, low - 1, low)
    share = gain / discordant
    possible = low >= 0
    against = np.where(possible, bdtr(np.maximum(low, 0), m, share), 0.0)
    favour = np.where(possible, bdtr(np.maximum(low, 0), m, 1 - share), 0.0)
    return float(weight @ favour), float(weight @ against)


@method("mcnemar", "Two proportions of the same participants (McNemar)", prior="gain")
def mcnemar(
    *,
    gain: Annotated[float | None, Given("Share of pairs with the outcome under treatment only, 0 to 1.")] = None,
    loss: Annotated[float, Given("Share of pairs with the outcome under control only, 0 to 1.")],
    test: Annotated[str, Given("Normal approximation, or exact binomial.", "", "normal|exact")] = "normal",
    alpha: Alpha = 0.05,
    sides: Sides = 2,
    power: Power = None,
    n_total: Annotated[int | None, Given("Pairs enrolled, when the size is fixed.", "pairs", "N")] = None,
    dropout: Dropout = 0.0,
) -> Plan:
    """Compare two proportions of the same participants (or of matched pairs) by McNemar's test; n counts pairs.

    normal: n = (z_a sqrt(d) + z_b sqrt(d - (p10 - p01)²))² / (p10 - p01)², d = p10 + p01 (Connor 1987); exact: binomial
    test on the discordant pairs, averaged over their number (Duffy 1984).
    """
    check("gain", gain, 0, 1, example="0.25")
    check("loss", loss, 0, 1, example="0.1")
    if gain is not None and gain + loss >= 1:
        raise UserError(f"gain and loss add up to {gain + loss:g}: they are shares of all pairs, below 1 in total.")
    check_choice("test", test, ("normal", "exact"))
    check_common(alpha=alpha, power=power, n_total=n_total, dropout=dropout, sides=sides)
    check_differs("gain", gain, loss, "the same as the loss")
    sign = -1.0 if gain is not None and gain < loss else 1.0
    z, most = critical(alpha, sides), 1 - loss - 1e-9

    def right(arms: Sequence[float], p: float) -> float:
        p = min(p, most)
        if test == "exact":
            return mcnemar_exact(int(arms[0]), p, loss, alpha, sides)[0 if sign > 0 else 1]
        away, d = p - loss, p + loss
        return phi((sign * away * math.sqrt(arms[0]) - z * math.sqrt(d)) / math.sqrt(max(d - away**2, 1e-300)))

    def simple(p: float, target: float) -> float:
        away, d = p - loss, p + loss
        return (z * math.sqrt(d) + z_of(target) * math.sqrt(d - away**2)) ** 2 / away**2

    def derive(p: float, target: float) -> list[str]:
        away, d = p - loss, p + loss
        return [
            *say_z(alpha, sides, target),
            f"Discordant pairs {p:g} + {loss:g} = {d:.4g}; difference {p:g} - {loss:g} = {away:.4g}.",
            f"n = ({z:.4f} × sqrt {d:.4g} + {z_of(target):.4f} × sqrt({d:.4g} - {away:.4g}²))² / {away:.4g}² = "
            f"{simple(p, target):.3f} pairs.",
            *(["From about there on, binomial tails are added up for each size."] if test == "exact" else []),
        ]

    def warn(arms: Sequence[float], p: float) -> list[str]:
        discordant = arms[0] * (p + loss)
        if test == "exact" or discordant >= 10:
            return []
        return [f"Only {short(discordant)} discordant pairs are expected: see --test exact."]

    return Plan(
        right=right, effect_name="gain", effect=gain, bounds=(loss, most), power=power, n_total=n_total,
        dropout=dropout, exact=test == "exact", largest=5_000 if test == "exact" else int(1e8), smallest=2,
        start=0.9 * simple(gain, power or 0.8) if gain is not None else 0.0, derive=derive, warn=warn, unit="pairs",
        formula="McNemar's test, normal approximation (Connor 1987)" if test == "normal"
        else "McNemar's test, exact unconditional power (Duffy 1984)",
    )  # fmt: skip


# --- non-inferiority and equivalence


def restricted(control: float, treatment: float, ratio: float, difference: float) -> tuple[float, float]:
    """The most likely proportions (control, treatment) that differ by `difference`, given those observed.

    The closed form of Farrington and Manning (1990, appendix; after Miettinen and Nurminen 1985): the root of a cubic.
    """
    # In their notation: p1 (treatment) - p2 (control) = s, theta = n2 / n1.
    s, theta = difference, 1 / ratio
    a = 1 + theta
    b = -(1 + theta + treatment + theta * control + s * (theta + 2))
    c = s**2 + s * (2 * treatment + theta + 1) + treatment + theta * control
    d = -treatment * s * (1 + s)
    v = b**3 / (3 * a) ** 3 - b * c / (6 * a**2) + d / (2 * a)
    u = math.copysign(math.sqrt(max(b**2 / (3 * a) ** 2 - c / (3 * a), 0.0)), v)
    w = (math.pi + math.acos(max(-1.0, min(1.0, v / u**3)))) / 3 if u else 0.0
    first = 2 * u * math.cos(w) - b / (3 * a)
    first = min(max(first, max(0.0, s)), min(1.0, 1 + s))
    return first - s, first


def _against(arms: Sequence[float], control: float, treatment: float, border: float, test: str, z: float) -> float:
    """Probability that treatment minus control is significantly above `border`."""
    n1, n2 = arms
    true = math.sqrt(control * (1 - control) / n1 + treatment * (1 - treatment) / n2)
    if test == "unpooled":
        return phi((treatment - control - border) / true - z)
    p1, p2 = restricted(control, treatment, n2 / n1, border)
    null = math.sqrt(p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2)
    return phi((treatment - control - border - z * null) / true)


SCORES = {
    "farrington-manning": "score test with restricted estimates (Farrington, Manning 1990, method 3)",
    "unpooled": "z test with unpooled variance (Blackwelder 1982)",
}
ScoreTest = Annotated[str, Given("The test that is planned.", "", "|".join(SCORES))]
ProportionMargin = Annotated[float | None, Given("The largest difference that does not matter, 0 to 1.")]


def _say_border(
    control: float, treatment: float, border: float, ratio: float, test: str, z: float, z_power: float
) -> list[str]:
    true = control * (1 - control) + treatment * (1 - treatment) / ratio
    distance = treatment - control - border
    lines = [f"Distance from the margin: {treatment:g} - {control:g} - ({border:+.4g}) = {distance:.4g}."]
    if test == "unpooled":
        n = (z + z_power) ** 2 * true / distance**2
        return [*lines, f"n1 = ({z:.4f} + {z_power:.4f})² × {true:.5f} / {distance:.4g}² = {n:.3f}."]
    p1, p2 = restricted(control, treatment, ratio, border)
    null = p1 * (1 - p1) + p2 * (1 - p2) / ratio
    n = (z * math.sqrt(null) + z_power * math.sqrt(true)) ** 2 / distance**2
    return [
        *lines,
        f"The most likely proportions at the margin: control {p1:.5f}, treatment {p2:.5f}; variance {null:.5f} there, "
        f"{true:.5f} at those expected.",
        f"n1 = ({z:.4f} × sqrt {null:.5f} + {z_power:.4f} × sqrt {true:.5f})² / {distance:.4g}² = {n:.3f}.",
    ]


@method("noninferiority-proportions", "Two proportions: treatment not worse by the margin", prior="treatment")
def noninferiority_proportions(
    *,
    control: Control,
    treatment: Annotated[float | None, Given("Proportion expected under treatment; the control's if left out.")] = None,
    margin: ProportionMargin = None,
    higher_is: Annotated[str, Given("Whether a higher proportion is better or worse.", "", "better|worse")] = "better",
    test: ScoreTest = "farrington-manning",
    ratio: Ratio = 1.0,
    alpha: OneSidedAlpha = 0.025,
    power: Power = None,
    n_total: Size = None,
    dropout: Dropout = 0.0,
) -> Plan:
    """Show that a treatment's proportion is not worse than the control's by more than a margin (one-sided).

    farrington-manning: n1 = (z_a sqrt(v0) + z_b sqrt(v1))² / distance², v0 at the most likely proportions on the margin
    (Farrington and Manning 1990, eq. 4, method 3); unpooled: n1 = (z_a + z_b)² v1 / distance² (Blackwelder 1982).
    """
    check_choice("higher_is", higher_is, ("better", "worse"))
    expected = control if treatment is None else treatment
    _check_pair(control, expected, margin, test)
    check_common(alpha=alpha, power=power, n_total=n_total, ratio=ratio, dropout=dropout)
    flip = higher_is == "worse"
    p1 = 1 - control if flip else control
    p2 = 1 - expected if flip else expected
    z = critical(alpha, 1)
    if margin is not None and p2 - p1 <= -margin:
        raise UserError(
            f"The treatment is expected to be worse by {p1 - p2:.4g}, and the margin is {margin:g}: give a larger "
            "--margin or another --treatment."
        )
    return Plan(
        right=lambda arms, allowed: _against(arms, p1, p2, -allowed, test, z),
        success=lambda arms, true: _against(arms, p1, 1 - true if flip else true, -(margin or 0.0), test, z),
        effect_name="margin", effect=margin, bounds=(max(0.0, p1 - p2), min(1.0, max(p1, 1 - p1)) - 1e-9), power=power,
        n_total=n_total, dropout=dropout, weights=(1.0, ratio),
        derive=lambda allowed, target: [
            *say_z(alpha, 1, target),
            *_say_border(p1, p2, -allowed, ratio, test, z, z_of(target)),
        ],
        warn=lambda arms, allowed: _few(arms, (p1, p2), "plan an exact test, or confirm by simulation"),
        formula=f"Non-inferiority of proportions, {SCORES[test]}",
    )  # fmt: skip


@method("equivalence-proportions", "Two proportions alike within the margin", prior="treatment")
def equivalence_proportions(
    *,
    control: Control,
    treatment: Annotated[float | None, Given("Proportion expected under treatment; the control's if left out.")] = None,
    margin: ProportionMargin = None,
    test: ScoreTest = "farrington-manning",
    ratio: Ratio = 1.0,
    alpha: OneSidedAlpha = 0.05,
    power: Power = None,
    n_total: Size = None,
    dropout: Dropout = 0.0,
) -> Plan:
    """Show that two proportions differ by less than a margin in either direction (two one-sided tests).

    Power of both tests: the sum of the two powers less 1 (Chow, Shao, Wang 2008, section 4.2), with the variances of
    Farrington and Manning (1990) or unpooled ones.
    """
    expected = control if treatment is None else treatment
    _check_pair(control, expected, margin, test)
    check_common(alpha=alpha, power=power, n_total=n_total, ratio=ratio, dropout=dropout)
    z = critical(alpha, 1)
    if margin is not None and abs(expected - control) >= margin:
        raise UserError(
            f"The arms are expected to differ by {abs(expected - control):.4g}, and the margin is {margin:g}: give a "
            "larger --margin or another --treatment."
        )

    def both(arms: Sequence[float], true: float, allowed: float) -> float:
        above = _against(arms, control, true, -allowed, test, z)
        below = _against(arms, 1 - control, 1 - true, -allowed, test, z)
        return max(0.0, above + below - 1)

    def derive(allowed: float, target: float) -> list[str]:
        nearer = -allowed if expected <= control else allowed
        return [
            f"Two one-sided tests at alpha {alpha:g}: z is {z:.4f}.",
            f"Variance at the proportions expected, {control:g} and {expected:g}: "
            f"{control * (1 - control) + expected * (1 - expected) / ratio:.5f}; the nearer margin is {nearer:+.4g}.",
            f"The size is solved for the powers of both tests to add up to 1 + {target:g}.",
        ]

    return Plan(
        right=lambda arms, allowed: both(arms, expected, allowed),
        success=lambda arms, true: both(arms, true, margin or 0.0),
        effect_name="margin", effect=margin, power=power, n_total=n_total, dropout=dropout, weights=(1.0, ratio),
        bounds=(abs(expected - control), min(1.0, max(control, 1 - control)) - 1e-9), derive=derive,
        warn=lambda arms, allowed: _few(arms, (control, expected), "confirm by simulation"),
        formula=f"Equivalence of proportions, two one-sided tests, {SCORES[test]}",
    )  # fmt: skip


def _check_pair(control: float, treatment: float, margin: float | None, test: str) -> None:
    check("control", control, 0, 1, example="0.8")
    check("treatment", treatment, 0, 1, example="0.8")
    check("margin", margin, 0, 1, example="0.1")
    check_choice("test", test, tuple(SCORES))


# --- diagnostic accuracy


@calculation("diagnostic", "Sensitivity and specificity with a given precision")
def diagnostic(
    *,
    sensitivity: Annotated[float | None, Given("Sensitivity expected, 0 to 1.")] = None,
    specificity: Annotated[float | None, Given("Specificity expected, 0 to 1.")] = None,
    precision: Annotated[float | None, Given("Half the width of the confidence interval, 0 to 0.5.")] = None,
    prevalence: Annotated[float, Given("Share of those enrolled who have the condition, 0 to 1.")],
    alpha: Annotated[float, Given("1 minus the level of the confidence interval.")] = 0.05,
    n_total: Size = None,
    dropout: Dropout = 0.0,
) -> Sizing:
    """Estimate sensitivity, specificity or both with a given precision; or, for a given size, what precision it has.

    With condition: z² Se (1 - Se) / W², over the prevalence for all; without: z² Sp (1 - Sp) / W², over 1 - prevalence;
    the larger total counts (Buderer 1996).
    """
    check("sensitivity", sensitivity, 0, 1, example="0.9")
    check("specificity", specificity, 0, 1, example="0.85")
    check("prevalence", prevalence, 0, 1, example="0.2")
    check("precision", precision, 0, 0.5, example="0.05")
    check_common(alpha=alpha, n_total=n_total, dropout=dropout)
    if sensitivity is None and specificity is None:
        raise UserError("Nothing to estimate: give --sensitivity 0.9, --specificity 0.85 or both.")
    if (precision is None) == (n_total is None):
        raise UserError("Give one of --precision (to compute the size) and --n-total (to compute the precision).")
    z = critical(alpha, 2)
    parts = [
        (name, word, value, share)
        for name, word, value, share in (
            ("sensitivity", "with the condition", sensitivity, prevalence),
            ("specificity", "without it", specificity, 1 - prevalence),
        )
        if value is not None
    ]
    steps = [f"Confidence level {1 - alpha:g}: z is {z:.4f}."]
    warnings: list[str] = []
    details: dict[str, float] = {}
    if precision is not None:
        totals = []
        for name, word, value, share in parts:
            needed = z**2 * value * (1 - value) / precision**2
            totals.append(needed / share)
            details[f"n_for_{name}"] = up(needed)
            steps.append(
                f"{name.capitalize()} {value:g}: {z:.4f}² × {value:g} × {1 - value:g} / {precision:g}² = {needed:.3f} "
                f"{word}; over their share {share:g}: {needed / share:.3f} in total."
            )
        evaluable = up(max(totals))
        enrolled = up(evaluable / (1 - dropout))
        steps.append(f"The larger, rounded up: {evaluable}.")
        if dropout:
            steps.append(f"Drop-out of {dropout:.1%}: divided by {1 - dropout:g} and rounded up: {enrolled}.")
    else:
        assert n_total is not None
        enrolled = n_total
        evaluable = math.floor(n_total * (1 - dropout) + 1e-9)
        if evaluable < 2:
            raise UserError(f"{n_total} participants leave {evaluable} evaluable: give a larger --n-total.")
        for name, word, value, share in parts:
            half = z * math.sqrt(value * (1 - value) / (evaluable * share))
            details[f"precision_of_{name}"] = half
            steps.append(
                f"{name.capitalize()} {value:g} with {evaluable * share:.4g} {word}: {z:.4f} × sqrt({value:g} × "
                f"{1 - value:g} / {evaluable * share:.4g}) = ±{half:.4f}."
            )
    for name, word, value, share in parts:
        if (few := evaluable * share * min(value, 1 - value)) < 5:
            warnings.append(f"Only {short(few)} {word} are expected on one side of {name}: an exact interval is wider.")
    widest = precision if precision is not None else max(details.values())
    return Sizing(
        method="", solved_for="n" if precision is not None else "precision", n_total=enrolled, n_per_arm=(enrolled,),
        n_evaluable_per_arm=(evaluable,), effect={"precision": float(widest)},
        formula="Precision of sensitivity and specificity, n = z² p (1 - p) / W² / share (Buderer 1996)",
        steps=tuple(steps), warnings=tuple(warnings), details=dict(details),
    )  # fmt: skip


@calculation("dropout", "More participants, for those who will give no outcome")
def dropout(
    *,
    n_evaluable: Annotated[int, Given("How many must give an outcome, in total.", "participants", "N")],
    dropout: Dropout,
    arms: Annotated[int, Given("In how many arms of equal size.", "", "K")] = 2,
) -> Sizing:
    """Enrol enough for a number of outcomes: each arm over 1 - drop-out, rounded up (Julious 2010).

    The evaluable number is divided into arms of equal size, each rounded up.
    """
    check("n_evaluable", n_evaluable, 1, 1e9, example="128", closed=True)
    check("arms", arms, 1, 1000, example="2", closed=True)
    check_common(alpha=0.05, dropout=dropout)
    each = up(n_evaluable / arms)
    enrolled = up(each / (1 - dropout))
    return Sizing(
        method="", solved_for="n", n_total=enrolled * arms, n_per_arm=(enrolled,) * arms,
        n_evaluable_per_arm=(each,) * arms, formula="n / (1 - drop-out), each arm rounded up (Julious 2010)",
        steps=(
            f"{n_evaluable} evaluable in {arms} arms: {each} each, rounded up.",
            f"{each} / (1 - {dropout:g}) = {each / (1 - dropout):.3f}, rounded up: {enrolled} each, "
            f"{enrolled * arms} in total.",
        ),
    )  # fmt: skip
