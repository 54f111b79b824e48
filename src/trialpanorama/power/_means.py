"""Means: t tests, non-inferiority and equivalence, crossover, clusters, analysis of variance, correlation."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

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
    Spread,
    check,
    check_common,
    check_differs,
    critical,
    gauss_legendre,
    listed,
    method,
    phi,
    plan_of,
    say_z,
    short,
    up,
    z_of,
)

if TYPE_CHECKING:
    import numpy as np

    Floats = np.ndarray[Any, Any]

Difference = Annotated[float | None, Given("Difference to detect, in the unit of the standard deviation.")]
Expected = Annotated[float, Given("True difference expected, treatment minus control; above 0 is better.")]
Margin = Annotated[float | None, Given("The largest difference that does not matter, above 0.")]
TreatmentSpread = Annotated[float | None, Given("Standard deviation of the treatment arm, where it is another one.")]
Icc = Annotated[float, Given("Intracluster correlation, 0 to 1.")]
ClusterSize = Annotated[float, Given("Mean number of evaluable participants of a cluster.", "participants")]
ClusterCv = Annotated[float, Given("Coefficient of variation of the cluster sizes; 0 if all are of one size.")]

FURTHEST = 1000.0
"""Detectable effects are searched up to so many standard deviations."""


def over_spread(df: float, function: Callable[[Floats], Floats], highest: float = math.inf) -> float:
    """Mean of `function` over s / sigma, the estimate of a standard deviation with `df` degrees of freedom.

    Only up to `highest`. Gauss-Legendre quadrature between the quantiles that leave out 1e-14 on both sides.
    """
    import numpy as np
    from scipy.special import gammaincinv, gammaln

    first, last = np.sqrt(2 * gammaincinv(df / 2, np.array([1e-14, 1 - 1e-14])) / df)
    last = min(float(last), highest)
    if last <= first:
        return 0.0
    nodes, weights = gauss_legendre(160)
    step = (nodes + 1) / 2  # squared, for points that lie dense at 0, where few degrees of freedom bend the density
    s = first + (last - first) * step**2
    half = df / 2
    if half < 100:
        scale = half * math.log(half) - half - float(gammaln(half))
    else:  # Stirling's series, as large terms would cancel out
        scale = math.log(half / (2 * math.pi)) / 2 - 1 / (12 * half) + 1 / (360 * half**3)
    density = np.exp(half * (1 - s**2 + 2 * np.log(s)) - np.log(s) + math.log(2) + scale)
    return float(np.sum(weights * step * density * function(s)) * (last - first))


def t_right(ncp: float, df: float, alpha: float) -> float:
    """Probability that a noncentral t exceeds the one-sided critical value at `alpha`: mean of Phi(ncp - t s)."""
    from scipy.special import ndtr, stdtrit

    if df <= 0:
        return 0.0
    t = float(stdtrit(df, 1 - alpha))
    return over_spread(df, lambda s: ndtr(ncp - t * s))


def f_right(ncp: float, between: float, within: float, alpha: float) -> float:
    """Probability that a noncentral F exceeds its critical value at `alpha`.

    The mean, over the estimated variance, of the noncentral chi-square's right tail. (scipy's own function of the
    noncentral F gives no number here and there, as for noncentrality 1477.38 with 1 and 1000 degrees of freedom.)
    """
    from scipy.special import chndtr, fdtri

    least = float(fdtri(between, within, 1 - alpha)) * between
    ncp = min(ncp, 1e6)  # beyond, the power is 1 for all practical purposes
    return over_spread(within, lambda s: 1 - chndtr(least * s**2, between, ncp))


def _say_t(distance: float, error: float, df: float, alpha: float, sides: int, what: str = "difference") -> list[str]:
    """What a t test's power is made of."""
    from scipy.special import stdtrit

    t = float(stdtrit(df, 1 - alpha / sides))
    return [
        f"Standard error {error:.5g} with {df:.5g} degrees of freedom; noncentrality {what} / standard error = "
        f"{short(distance)} / {error:.5g} = {distance / error:.4f}; t to pass {t:.4f}."
    ]


def _say_tost(low: float, high: float, error: float, df: float, alpha: float) -> list[str]:
    """What the power of two one-sided t tests is made of."""
    from scipy.special import stdtrit

    return [
        f"Standard error {error:.5g} with {df:.5g} degrees of freedom; {low / error:.4f} and {high / error:.4f} "
        f"standard errors to the margins; t to pass on both sides {float(stdtrit(df, 1 - alpha)):.4f}."
    ]


def _error(sds: Sequence[float], arms: Sequence[float], equal: bool) -> tuple[float, float]:
    """Standard error of a difference of two means, and its degrees of freedom (Satterthwaite's if variances differ)."""
    parts = [sd**2 / n for sd, n in zip(sds, arms, strict=True)]
    error = math.sqrt(sum(parts))
    if equal:
        return error, sum(arms) - 2
    return error, sum(parts) ** 2 / sum(part**2 / (n - 1) for part, n in zip(parts, arms, strict=True))


def _check_spreads(sd: float, treatment_sd: float | None = None) -> None:
    check("sd", sd, 0, math.inf, example="12")
    check("treatment_sd", treatment_sd, 0, math.inf, example="12")


def _pair(sd: float, treatment_sd: float | None, ratio: float, text: str = "") -> str:
    other = sd if treatment_sd is None else treatment_sd
    return f"({short(sd)}² + {short(other)}²/{ratio:g}){text}"


def _normal_pair(sds: Sequence[float], ratio: float, alpha: float, sides: int, power: float, distance: float) -> float:
    """Size of the first arm by the normal approximation."""
    z = critical(alpha, sides) + z_of(power)
    return z**2 * (sds[0] ** 2 + sds[1] ** 2 / ratio) / distance**2


@method("t-test", "Two means, parallel arms (t test)", prior="difference")
def t_test(
    *,
    difference: Difference = None,
    sd: Spread,
    treatment_sd: TreatmentSpread = None,
    ratio: Ratio = 1.0,
    alpha: Alpha = 0.05,
    sides: Sides = 2,
    power: Power = None,
    n_total: Size = None,
    dropout: Dropout = 0.0,
) -> Plan:
    """Compare the means of two parallel arms by a t test.

    Power from the noncentral t distribution: noncentrality difference / sqrt(sd1²/n1 + sd2²/n2), n1 + n2 - 2 degrees
    of freedom (Cohen 1988, ch. 2; Chow, Shao, Wang 2008, section 3.2). With a second standard deviation it is
    Welch's test, with the degrees of freedom of Satterthwaite (Welch 1938; Moser, Stevens, Watts 1989).
    """
    _check_spreads(sd, treatment_sd)
    check_common(alpha=alpha, power=power, n_total=n_total, ratio=ratio, dropout=dropout, sides=sides)
    check_differs("difference", difference, 0, "no difference")
    sds = (sd, sd if treatment_sd is None else treatment_sd)
    sign = -1.0 if difference is not None and difference < 0 else 1.0

    def right(arms: Sequence[float], effect: float) -> float:
        error, df = _error(sds, arms, treatment_sd is None)
        return t_right(sign * effect / error, df, alpha / sides)

    def derive(effect: float, target: float) -> list[str]:
        first = _normal_pair(sds, ratio, alpha, sides, target, effect)
        return [
            *say_z(alpha, sides, target),
            f"Normal approximation: n1 = ({critical(alpha, sides):.4f} + {z_of(target):.4f})² × "
            f"{_pair(sd, treatment_sd, ratio)} / {short(effect)}² = {first:.3f}, "
            f"n2 = {ratio:g} × n1 = {ratio * first:.3f}.",
            "The t distribution in place of the normal one (noncentral t, solved for n) gives a little more.",
        ]

    return Plan(
        right=right, effect_name="difference", effect=difference, bounds=(0.0, FURTHEST * max(sds)), power=power,
        n_total=n_total, dropout=dropout, weights=(1.0, ratio), two_tailed=sides == 2, derive=derive,
        weigh=lambda arms, effect: _say_t(effect, *_error(sds, arms, treatment_sd is None), alpha, sides),
        formula="Two-sample t test, noncentral t (Cohen 1988, ch. 2)" if treatment_sd is None
        else "Welch's t test, noncentral t with Satterthwaite's degrees of freedom (Welch 1938; Moser et al. 1989)",
    )  # fmt: skip


def _single(
    name: str, *, difference: float | None, sd: float, alpha: float, sides: int, power: float | None,
    n_total: int | None, dropout: float, formula: str, unit: str,
) -> Plan:  # fmt: skip
    """A t test of one column of numbers against 0."""
    check_common(alpha=alpha, power=power, n_total=n_total, dropout=dropout, sides=sides)
    check_differs(name, difference, 0, "no difference")
    sign = -1.0 if difference is not None and difference < 0 else 1.0

    def right(arms: Sequence[float], effect: float) -> float:
        return t_right(sign * effect * math.sqrt(arms[0]) / sd, arms[0] - 1, alpha / sides)

    def derive(effect: float, target: float) -> list[str]:
        z = critical(alpha, sides) + z_of(target)
        return [
            *say_z(alpha, sides, target),
            f"Normal approximation: n = ({critical(alpha, sides):.4f} + {z_of(target):.4f})² × {short(sd)}² / "
            f"{short(effect)}² = {z**2 * sd**2 / effect**2:.3f}.",
            "The t distribution in place of the normal one (noncentral t, solved for n) gives a little more.",
        ]

    return Plan(
        right=right, effect_name=name, effect=difference, bounds=(0.0, FURTHEST * sd), power=power, n_total=n_total,
        dropout=dropout, two_tailed=sides == 2, derive=derive, formula=formula, unit=unit,
        weigh=lambda arms, effect: _say_t(effect, sd / math.sqrt(arms[0]), arms[0] - 1, alpha, sides),
    )  # fmt: skip


@method("paired-t-test", "Two means of the same participants (paired t test)", prior="difference")
def paired_t_test(
    *,
    difference: Difference = None,
    sd_difference: Annotated[float | None, Given("Standard deviation of the differences within a pair.")] = None,
    sd: Annotated[float | None, Given("Standard deviation of one measurement; with the correlation, instead.")] = None,
    correlation: Annotated[float | None, Given("Correlation of the two measurements of a pair.")] = None,
    alpha: Alpha = 0.05,
    sides: Sides = 2,
    power: Power = None,
    n_total: Annotated[int | None, Given("Pairs enrolled, when the size is fixed.", "pairs", "N")] = None,
    dropout: Dropout = 0.0,
) -> Plan:
    """Compare two measurements of each participant (or of matched pairs) by a paired t test; n counts pairs.

    Noncentral t with noncentrality difference sqrt(n) / sd of the differences and n - 1 degrees of freedom (Cohen 1988,
    ch. 2; Julious 2010). From the spread of one measurement it is sd sqrt(2 (1 - correlation)).
    """
    check("sd_difference", sd_difference, 0, math.inf, example="12")
    check("sd", sd, 0, math.inf, example="12")
    check("correlation", correlation, -1, 1, example="0.5")
    if sd_difference is None:
        if sd is None or correlation is None:
            raise UserError("The spread is missing: give --sd-difference 12, or --sd 12 with --correlation 0.5.")
        sd_difference = sd * math.sqrt(2 * (1 - correlation))
    elif sd is not None or correlation is not None:
        raise UserError("The spread is given twice: give --sd-difference, or --sd with --correlation, not both.")
    return _single(
        "difference", difference=difference, sd=sd_difference, alpha=alpha, sides=sides, power=power, n_total=n_total,
        dropout=dropout, formula="Paired t test, noncentral t (Cohen 1988, ch. 2)", unit="pairs",
    )  # fmt: skip


@method("one-sample-t-test", "One mean against a fixed value (t test)", prior="difference")
def one_sample_t_test(
    *,
    difference: Difference = None,
    sd: Spread,
    alpha: Alpha = 0.05,
    sides: Sides = 2,
    power: Power = None,
    n_total: Size = None,
    dropout: Dropout = 0.0,
) -> Plan:
    """Compare one mean with a fixed value by a t test.

    Noncentral t with noncentrality difference sqrt(n) / sd and n - 1 degrees of freedom (Cohen 1988, ch. 2; Chow, Shao,
    Wang 2008, section 3.1).
    """
    _check_spreads(sd)
    return _single(
        "difference", difference=difference, sd=sd, alpha=alpha, sides=sides, power=power, n_total=n_total,
        dropout=dropout, formula="One-sample t test, noncentral t (Cohen 1988, ch. 2)", unit="participants",
    )  # fmt: skip


# --- non-inferiority and equivalence


@method("noninferiority-means", "Two means: treatment not worse than control by the margin", prior="difference")
def noninferiority_means(
    *,
    difference: Expected = 0.0,
    margin: Margin = None,
    sd: Spread,
    treatment_sd: TreatmentSpread = None,
    ratio: Ratio = 1.0,
    alpha: OneSidedAlpha = 0.025,
    power: Power = None,
    n_total: Size = None,
    dropout: Dropout = 0.0,
) -> Plan:
    """Show that a treatment's mean is not worse than the control's by more than a margin (one-sided t test).

    Noncentral t with noncentrality (difference + margin) / standard error (Chow, Shao, Wang 2008, section 3.2;
    Julious 2004). A margin below 0 (superiority by a margin) is not taken.
    """
    _check_spreads(sd, treatment_sd)
    check("difference", difference, -math.inf, math.inf, example="0")
    check("margin", margin, 0, math.inf, example="3")
    check_common(alpha=alpha, power=power, n_total=n_total, ratio=ratio, dropout=dropout)
    if margin is not None and difference <= -margin:
        raise UserError(
            f"difference is {difference:g}, and the margin {margin:g}: the treatment is expected to be worse than the "
            "margin allows. Give a larger --margin or --difference."
        )
    sds = (sd, sd if treatment_sd is None else treatment_sd)

    def chance(arms: Sequence[float], true: float, allowed: float) -> float:
        error, df = _error(sds, arms, treatment_sd is None)
        return t_right((true + allowed) / error, df, alpha)

    def derive(effect: float, target: float) -> list[str]:
        first = _normal_pair(sds, ratio, alpha, 1, target, difference + effect)
        return [
            *say_z(alpha, 1, target),
            f"Distance from the margin: {short(difference)} + {short(effect)} = {short(difference + effect)}.",
            f"Normal approximation: n1 = ({critical(alpha, 1):.4f} + {z_of(target):.4f})² × "
            f"{_pair(sd, treatment_sd, ratio)} / {short(difference + effect)}² = {first:.3f}, "
            f"n2 = {ratio:g} × n1 = {ratio * first:.3f}.",
            "The t distribution in place of the normal one (noncentral t, solved for n) gives a little more.",
        ]

    return Plan(
        right=lambda arms, allowed: chance(arms, difference, allowed),
        success=lambda arms, true: chance(arms, true, margin or 0.0),
        effect_name="margin", effect=margin, bounds=(max(0.0, -difference), abs(difference) + FURTHEST * max(sds)),
        power=power, n_total=n_total, dropout=dropout, weights=(1.0, ratio), derive=derive,
        weigh=lambda arms, allowed: _say_t(
            difference + allowed, *_error(sds, arms, treatment_sd is None), alpha, 1, "difference + margin"
        ),
        formula="Non-inferiority of means, one-sided t test, noncentral t (Chow, Shao, Wang 2008, section 3.2)",
    )  # fmt: skip


def tost(low: float, high: float, df: float, alpha: float) -> float:
    """Power of two one-sided t tests: `low` and `high` are the distances to the margins in standard errors.

    Both are above 0 inside of the margins. The integral over the estimated standard deviation is exact (Owen 1965;
    Phillips 1990): given s, the estimate must lie at least t s inside of both margins.
    """
    from scipy.special import ndtr, stdtrit

    if df <= 0:
        return 0.0
    t = float(stdtrit(df, 1 - alpha))
    inside = over_spread(df, lambda s: ndtr(high - t * s) - ndtr(t * s - low), (low + high) / (2 * t))
    return max(0.0, inside)


def _derive_tost(target: float, alpha: float, difference: float, margin: float, spread: float, what: str) -> list[str]:
    """The normal approximation of a size for equivalence: n = spread (z + z)² / distance²."""
    centred = difference == 0
    z_power = z_of((1 + target) / 2) if centred else z_of(target)
    distance = margin - abs(difference)
    n = spread * (-z_of(alpha) + z_power) ** 2 / distance**2
    beta = "1 - beta/2, as no difference is expected" if centred else "1 - beta"
    return [
        f"Alpha {alpha:g} for each of two one-sided tests: z is {-z_of(alpha):.4f}.",
        f"Power {target:g}: z at {beta} is {z_power:.4f}.",
        f"Normal approximation: {what} = {short(spread)} × ({-z_of(alpha):.4f} + {z_power:.4f})² / "
        f"{short(distance)}² = {n:.3f}.",
        "The exact power of both t tests (Owen's integral, solved for n) gives a little more.",
    ]


@method("equivalence-means", "Two means: treatment and control alike within the margin", prior="difference")
def equivalence_means(
    *,
    difference: Expected = 0.0,
    margin: Margin = None,
    sd: Spread,
    ratio: Ratio = 1.0,
    alpha: OneSidedAlpha = 0.05,
    power: Power = None,
    n_total: Size = None,
    dropout: Dropout = 0.0,
) -> Plan:
    """Show that two means differ by less than a margin in either direction (two one-sided t tests).

    Exact power of both tests by Owen's integral (Owen 1965; Phillips 1990; Julious 2004); the tests are
    Schuirmann's (1987).
    """
    _check_spreads(sd)
    check("difference", difference, -math.inf, math.inf, example="0")
    check("margin", margin, 0, math.inf, example="3")
    check_common(alpha=alpha, power=power, n_total=n_total, ratio=ratio, dropout=dropout)
    if margin is not None and abs(difference) >= margin:
        raise UserError(
            f"difference is {difference:g}, and the margin {margin:g}: the arms are not expected to be equivalent. "
            "Give a larger --margin or a smaller --difference."
        )

    def chance(arms: Sequence[float], true: float, allowed: float) -> float:
        error, df = _error((sd, sd), arms, True)
        return tost((true + allowed) / error, (allowed - true) / error, df, alpha)

    return Plan(
        right=lambda arms, allowed: chance(arms, difference, allowed),
        success=lambda arms, true: chance(arms, true, margin or 0.0),
        effect_name="margin", effect=margin, bounds=(abs(difference), abs(difference) + FURTHEST * sd), power=power,
        n_total=n_total, dropout=dropout, weights=(1.0, ratio),
        weigh=lambda arms, allowed: _say_tost(
            difference + allowed, allowed - difference, *_error((sd, sd), arms, True), alpha
        ),
        derive=lambda effect, target: _derive_tost(
            target, alpha, difference, effect, sd**2 * (1 + 1 / ratio), "n of the control arm"
        ),
        formula="Equivalence of means, two one-sided t tests, exact by Owen's integral (Phillips 1990; Julious 2004)",
    )  # fmt: skip


# --- crossover


@method("crossover", "Two means in a 2x2 crossover (t test)", prior="difference")
def crossover(
    *,
    difference: Difference = None,
    within_sd: Annotated[float, Given("Standard deviation within a participant (root of the residual variance).")],
    alpha: Alpha = 0.05,
    sides: Sides = 2,
    power: Power = None,
    n_total: Size = None,
    dropout: Dropout = 0.0,
) -> Plan:
    """Compare two treatments in a 2x2 crossover; the arms are the two sequences, of equal size.

    The standard error of the treatments' difference is within_sd sqrt((1/n1 + 1/n2) / 2), with n1 + n2 - 2 degrees of
    freedom (Senn 2002, ch. 3; Julious 2004).
    """
    check("within_sd", within_sd, 0, math.inf, example="8")
    check_common(alpha=alpha, power=power, n_total=n_total, dropout=dropout, sides=sides)
    check_differs("difference", difference, 0, "no difference")
    sign = -1.0 if difference is not None and difference < 0 else 1.0
    sds = (within_sd / math.sqrt(2),) * 2

    def right(arms: Sequence[float], effect: float) -> float:
        error, df = _error(sds, arms, True)
        return t_right(sign * effect / error, df, alpha / sides)

    def derive(effect: float, target: float) -> list[str]:
        first = _normal_pair(sds, 1.0, alpha, sides, target, effect)
        return [
            *say_z(alpha, sides, target),
            f"Normal approximation: N = 2 × ({critical(alpha, sides):.4f} + {z_of(target):.4f})² × "
            f"{short(within_sd)}² / {short(effect)}² = {2 * first:.3f}, half of it in each sequence.",
            "The t distribution in place of the normal one (noncentral t, solved for n) gives a little more.",
        ]

    return Plan(
        right=right, effect_name="difference", effect=difference, bounds=(0.0, FURTHEST * within_sd), power=power,
        n_total=n_total, dropout=dropout, weights=(1.0, 1.0), two_tailed=sides == 2, derive=derive,
        weigh=lambda arms, effect: _say_t(effect, *_error(sds, arms, True), alpha, sides),
        formula="2x2 crossover, t test, noncentral t (Senn 2002, ch. 3; Julious 2004)",
    )  # fmt: skip


@method("bioequivalence", "Average bioequivalence in a 2x2 crossover (log scale)", prior="true_ratio", log_prior=True)
def bioequivalence(
    *,
    true_ratio: Annotated[float, Given("Ratio of the geometric means that is expected, treatment to control.")] = 0.95,
    limit: Annotated[float, Given("Upper limit of the ratio, above 1; the lower one is its inverse.")] = 1.25,
    cv: Annotated[float, Given("Coefficient of variation within a participant: 0.3 is 30 %.")],
    alpha: OneSidedAlpha = 0.05,
    power: Power = None,
    n_total: Size = None,
    dropout: Dropout = 0.0,
) -> Plan:
    """Show average bioequivalence in a 2x2 crossover: two one-sided t tests on the log scale.

    The variance within a participant is ln(1 + CV²); exact power by Owen's integral (Schuirmann 1987; Diletti,
    Hauschke, Steinijans 1991; Phillips 1990). The arms are the two sequences, of equal size.
    """
    check("cv", cv, 0, 10, example="0.3")
    check("limit", limit, 1, 10, example="1.25")
    check("true_ratio", true_ratio, 0, math.inf, example="0.95")
    check_common(alpha=alpha, power=power, n_total=n_total, dropout=dropout)
    if not 1 / limit < true_ratio < limit:
        raise UserError(
            f"true_ratio is {true_ratio:g}, outside of {1 / limit:.4g} to {limit:g}: the arms are not expected to be "
            "equivalent. Give another --true-ratio or --limit."
        )
    within = math.sqrt(math.log1p(cv**2))

    def right(arms: Sequence[float], ratio: float) -> float:
        error, df = _error((within / math.sqrt(2),) * 2, arms, True)
        return tost((math.log(ratio) + math.log(limit)) / error, (math.log(limit) - math.log(ratio)) / error, df, alpha)

    def derive(effect: float, target: float) -> list[str]:
        return [
            f"Variance within a participant on the log scale: ln(1 + {cv:g}²) = {within**2:.5f}.",
            f"Expected ratio {effect:g}: ln = {math.log(effect):.5f}; limits ±ln {limit:g} = ±{math.log(limit):.5f}.",
            *_derive_tost(target, alpha, math.log(effect), math.log(limit), 2 * within**2, "N"),
        ]

    return Plan(
        right=right, effect_name="true_ratio", effect=true_ratio, bounds=(1.0, limit), power=power, n_total=n_total,
        dropout=dropout, weights=(1.0, 1.0), derive=derive,
        weigh=lambda arms, effect: _say_tost(
            math.log(effect * limit), math.log(limit / effect), *_error((within / math.sqrt(2),) * 2, arms, True), alpha
        ),
        formula="Bioequivalence, 2x2 crossover, two one-sided t tests on the log scale, exact (Diletti et al. 1991)",
    )  # fmt: skip


# --- clusters


def design_effect(cluster_size: float, icc: float, cv: float = 0.0) -> float:
    """How many times larger a trial of clusters is: 1 + ((cv² + 1) m - 1) icc (Eldridge, Ashby, Kerry 2006)."""
    check("cluster_size", cluster_size, 1, 1e6, example="20", closed=True)
    check("icc", icc, 0, 1, example="0.05", low_closed=True)
    check("cluster_cv", cv, 0, 5, example="0.4", low_closed=True)
    return 1 + ((cv**2 + 1) * cluster_size - 1) * icc


def clustered(plan: Plan, cluster_size: float, icc: float, cv: float) -> Plan:
    """A plan for individuals, as one for clusters: each arm weighs as much as its size over the design effect."""
    from dataclasses import replace

    inflation = design_effect(cluster_size, icc, cv)

    def effective(arms: Sequence[float]) -> list[float]:
        return [arm / inflation for arm in arms]

    def derive(effect: float, target: float) -> list[str]:
        size = f"({cv:g}² + 1) × {cluster_size:g}" if cv else f"{cluster_size:g}"
        return [
            *plan.derive(effect, target),
            f"Design effect: 1 + ({size} - 1) × {icc:g} = {inflation:.4f}; each arm is so many times larger.",
        ]

    def warn(arms: Sequence[float], effect: float) -> list[str]:
        clusters = min(arms) / cluster_size
        few = (
            f"Only {math.floor(clusters + 1e-9)} clusters in an arm: below about 15 the power is overstated, as the "
            "test has few degrees of freedom."
        )
        return [
            *([few] if clusters < 15 else []),
            *plan.warn(effective(arms), effect),
        ]

    def finish(sizing: Sizing) -> Sizing:
        from msgspec.structs import replace as changed

        done = plan.finish(sizing)
        clusters = [up(arm / cluster_size) for arm in done.n_evaluable_per_arm]
        step = f"Clusters of {short(cluster_size)} evaluable participants: {' and '.join(map(str, clusters))}."
        details = {**done.details, "design_effect": inflation, "clusters_per_arm": clusters}
        return changed(done, steps=(*done.steps, step), details=details)

    return replace(
        plan, right=lambda arms, effect: plan.right(effective(arms), effect), derive=derive, warn=warn, finish=finish,
        weigh=lambda arms, effect: [
            f"Each arm weighs as much as its size / {inflation:.4f}: {listed(effective(arms))}.",
            *plan.weigh(effective(arms), effect),
        ],
        block=cluster_size, smallest=max(2, math.ceil(2 * inflation)),
        formula=f"{plan.formula}; design effect (Donner, Klar 2000; Eldridge, Ashby, Kerry 2006)",
    )  # fmt: skip


@method("cluster-means", "Two means, whole clusters randomised", prior="difference")
def cluster_means(
    *,
    difference: Difference = None,
    sd: Spread,
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
    """Compare two means when whole clusters are randomised: a t test's size times the design effect.

    Design effect 1 + ((cv² + 1) m - 1) icc for clusters of mean size m whose sizes vary by cv (Donner and Klar 2000;
    Eldridge, Ashby, Kerry 2006). Arms are rounded up to whole clusters.
    """
    plan = plan_of(
        "t-test", difference=difference, sd=sd, ratio=ratio, alpha=alpha, sides=sides, power=power, n_total=n_total,
        dropout=dropout,
    )  # fmt: skip
    return clustered(plan, cluster_size, icc, cluster_cv)


# --- more than two arms, and correlation


@method("anova", "Means of several arms (one-way analysis of variance)", prior="effect_size")
def anova(
    *,
    groups: Annotated[int | None, Given("How many arms, when the effect is given as Cohen's f.", "", "K")] = None,
    effect_size: Annotated[float | None, Given("Cohen's f: spread of the arms' means in standard deviations.")] = None,
    means: Annotated[Sequence[float] | None, Given("The arms' means, instead: 10,12,15.", "", "X,X,...")] = None,
    sd: Annotated[float | None, Given("Standard deviation within an arm, with the means.")] = None,
    alpha: Alpha = 0.05,
    power: Power = None,
    n_total: Size = None,
    dropout: Dropout = 0.0,
) -> Plan:
    """Compare the means of several arms of equal size by one-way analysis of variance.

    Noncentral F with noncentrality N f² and (k - 1, N - k) degrees of freedom (Cohen 1988, ch. 8); f is the standard
    deviation of the means over that within the arms.
    """
    check_common(alpha=alpha, power=power, n_total=n_total, dropout=dropout)
    if means is not None:
        if effect_size is not None or groups not in (None, len(means)):
            raise UserError("The effect is given twice: give --means with --sd, or --groups with --effect-size.")
        if len(means) < 2 or sd is None:
            raise UserError("Two means or more are needed, and the spread within an arm: --means 10,12,15 --sd 4.")
        _check_spreads(sd)
        for mean in means:
            check("means", mean, -math.inf, math.inf, example="10,12,15")
        groups = len(means)
        centre = sum(means) / groups
        effect_size = math.sqrt(sum((mean - centre) ** 2 for mean in means) / groups) / sd
        check_differs("means", effect_size, 0, "as all of them are the same")
    elif groups is None:
        raise UserError("How many arms? Give --groups 3 with --effect-size 0.25, or --means 10,12,15 with --sd 4.")
    elif not 2 <= groups <= 1000:
        raise UserError(f"groups is {groups}: it must be 2 to 1000, such as --groups 3.")
    check("effect_size", effect_size, 0, math.inf, example="0.25")
    k = groups

    def right(arms: Sequence[float], effect: float) -> float:
        total = sum(arms)
        return f_right(total * effect**2, k - 1, total - k, alpha) if total > k else 0.0

    def derive(effect: float, target: float) -> list[str]:
        source = [] if means is None else [
            f"Means {', '.join(map(short, means))} vary by {short(effect * (sd or 0))}, so f = "
            f"{short(effect * (sd or 0))} / {short(sd or 0)} = {effect:.4f}."
        ]  # fmt: skip
        return [
            *source,
            f"The noncentrality of F with {k - 1} and N - {k} degrees of freedom is N × {effect:.4f}²; N is solved for "
            f"power {target:g} at alpha {alpha:g}.",
        ]

    return Plan(
        right=right, effect_name="effect_size", effect=effect_size, bounds=(0.0, FURTHEST), power=power,
        n_total=n_total, dropout=dropout, weights=(1.0,) * k, derive=derive,
        weigh=lambda arms, effect: [
            f"Noncentrality {sum(arms)} × {effect:.5g}² = {sum(arms) * effect**2:.4f}; F with {k - 1} and "
            f"{sum(arms) - k:g} degrees of freedom."
        ],
        formula="One-way analysis of variance, noncentral F (Cohen 1988, ch. 8)",
    )  # fmt: skip


@method("correlation", "A correlation (Fisher's z)", prior="correlation")
def correlation(
    *,
    correlation: Annotated[float | None, Given("The correlation to detect, -1 to 1.")] = None,
    null_correlation: Annotated[float, Given("The correlation that it is tested against.")] = 0.0,
    alpha: Alpha = 0.05,
    sides: Sides = 2,
    power: Power = None,
    n_total: Size = None,
    dropout: Dropout = 0.0,
) -> Plan:
    """Test a correlation by Fisher's z: atanh r is normal with variance 1 / (n - 3).

    n = ((z_alpha + z_beta) / (atanh r - atanh r0))² + 3 (Fisher 1921; Machin et al. 2009).
    """
    check("correlation", correlation, -1, 1, example="0.3")
    check("null_correlation", null_correlation, -1, 1, example="0")
    check_common(alpha=alpha, power=power, n_total=n_total, dropout=dropout, sides=sides)
    check_differs("correlation", correlation, null_correlation, "the one tested against")
    sign = -1.0 if correlation is not None and correlation < null_correlation else 1.0

    def right(arms: Sequence[float], effect: float) -> float:
        away = sign * (math.atanh(effect) - math.atanh(null_correlation))
        return phi(away * math.sqrt(max(arms[0] - 3, 0)) - critical(alpha, sides))

    def derive(effect: float, target: float) -> list[str]:
        away = math.atanh(effect) - math.atanh(null_correlation)
        n = ((critical(alpha, sides) + z_of(target)) / away) ** 2 + 3
        return [
            *say_z(alpha, sides, target),
            f"Fisher's z: atanh {effect:g} - atanh {null_correlation:g} = {away:.4f}.",
            f"n = (({critical(alpha, sides):.4f} + {z_of(target):.4f}) / {away:.4f})² + 3 = {n:.3f}.",
        ]

    return Plan(
        right=right, effect_name="correlation", effect=correlation, bounds=(null_correlation, 1 - 1e-9), power=power,
        n_total=n_total, dropout=dropout, smallest=4, derive=derive,
        weigh=lambda arms, effect: [
            f"z = |atanh {effect:.5g} - atanh {null_correlation:g}| × sqrt({arms[0]} - 3) = "
            f"{abs(math.atanh(effect) - math.atanh(null_correlation)) * math.sqrt(arms[0] - 3):.4f}; less "
            f"{critical(alpha, sides):.4f}: Phi gives the power."
        ],
        formula="Correlation, n = ((z_alpha + z_beta) / (atanh r - atanh r0))² + 3 (Fisher 1921)",
    )  # fmt: skip
