"""Sample size and power: against published values, statsmodels, brute force and simulation; and what must always hold.

A simulated power may be off by four standard errors of its own; seeds are fixed.
"""

from __future__ import annotations

import inspect
import itertools
import math
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, special, stats

from trialpanorama import power
from trialpanorama.errors import UnknownName, UserError
from trialpanorama.power import METHODS, Sizing
from trialpanorama.power._core import divide, phi, up, z_of
from trialpanorama.power._means import design_effect, f_right, t_right, tost
from trialpanorama.power._proportions import binomial_power, fisher_power, mcnemar_exact, restricted
from trialpanorama.power._sequential import crossing, spent
from trialpanorama.power._survival import event_probability

PROPERTIES = settings(max_examples=60, derandomize=True, deadline=None)
BOUNDARIES = ("obrien-fleming", "pocock", "lan-demets-obrien-fleming", "lan-demets-pocock")


# --- published values


@pytest.mark.parametrize(("effect", "published"), [(0.2, 393), (0.5, 64), (0.8, 26)])
def test_t_test_agrees_with_cohen_1992_table_2(effect: float, published: int) -> None:
    """Cohen, A power primer (1992), table 2, test 1: per group, alpha 0.05, power 0.80; he rounds to the nearest."""
    n = power.t_test(difference=effect, sd=1, power=0.8).n_per_arm[0]
    assert published <= n <= published + 1


@pytest.mark.parametrize(
    ("groups", "effect", "published"),
    [
        (2, 0.1, 393),
        (2, 0.25, 64),
        (3, 0.1, 322),
        (3, 0.25, 52),
        (3, 0.4, 21),
        (4, 0.1, 274),
        (4, 0.25, 45),
        (4, 0.4, 18),
    ],
)
def test_anova_agrees_with_cohen_1992_table_2(groups: int, effect: float, published: int) -> None:
    """Cohen (1992), table 2, test 7: per group, alpha 0.05, power 0.80; he rounds to the nearest."""
    n = power.anova(groups=groups, effect_size=effect, power=0.8).n_per_arm[0]
    assert published <= n <= published + 1


@pytest.mark.parametrize(("effect", "published"), [(0.1, 783), (0.3, 85)])
def test_correlation_agrees_with_cohen_1992_table_2(effect: float, published: int) -> None:
    """Cohen (1992), table 2, test 3: alpha 0.05, power 0.80."""
    assert power.correlation(correlation=effect, power=0.8).n_total == published


@pytest.mark.parametrize(
    ("test", "control", "treatment", "wanted", "published", "source"),
    [
        ("unpooled", 0.65, 0.85, 0.8, 70, "Chow, Shao, Wang 2008, section 4.2"),
        ("continuity", 0.25, 0.40, 0.9, 216, "Stata manual, sampsi 0.25 0.4"),
        ("pooled", 0.25, 0.40, 0.8, 152, "Stata, power twoproportions 0.25 0.4"),
    ],
)
def test_proportions_agree_with_published_sizes(
    test: str, control: float, treatment: float, wanted: float, published: int, source: str
) -> None:
    n = power.proportions(control=control, treatment=treatment, test=test, power=wanted).n_per_arm
    assert n == (published, published), source


@pytest.mark.parametrize(("sides", "published"), [(1, 580), (2, 711)])
def test_one_proportion_agrees_with_stata(sides: int, published: int) -> None:
    """Stata: sampsi 0.4 0.46, onesample, power 0.90."""
    sizing = power.one_proportion(null_proportion=0.4, proportion=0.46, test="normal", power=0.9, sides=sides)
    assert sizing.n_total == published


def test_exact_binomial_agrees_with_single_stage_phase_2_designs() -> None:
    """A'Hern 2001: 10 % against 30 %, one-sided alpha 0.05, power 0.80: 25 patients, 6 responses."""
    sizing = power.one_proportion(null_proportion=0.1, proportion=0.3, sides=1, power=0.8)
    assert (sizing.n_total, sizing.details["critical_count"]) == (25, 6)


def test_noninferiority_of_proportions_agrees_with_chow() -> None:
    """Chow, Shao, Wang 2008, section 4.2: 0.65 and 0.85, margin 0.10, alpha 0.05, power 0.80: 25 per arm."""
    sizing = power.noninferiority_proportions(
        control=0.65, treatment=0.85, margin=0.1, test="unpooled", alpha=0.05, power=0.8
    )
    assert sizing.n_per_arm == (25, 25)


@pytest.mark.parametrize(
    ("cv", "published", "reached"), [(0.2, 20, 0.834680), (0.25, 28, 0.807439), (0.3, 40, 0.815845)]
)
def test_bioequivalence_agrees_with_diletti_1991(cv: float, published: int, reached: float) -> None:
    """Diletti, Hauschke, Steinijans 1991, table for ratio 0.95 and power 0.80; powers of R's PowerTOST (exact)."""
    sizing = power.bioequivalence(cv=cv, true_ratio=0.95, power=0.8)
    assert sizing.n_total == published
    assert sizing.power == pytest.approx(reached, abs=1e-6)


@pytest.mark.parametrize(
    ("boundary", "looks", "constant", "inflation_80", "inflation_90"),
    [
        ("pocock", 2, 2.178, 1.110, 1.100),
        ("pocock", 3, 2.289, 1.166, 1.151),
        ("pocock", 4, 2.361, 1.202, 1.183),
        ("pocock", 5, 2.413, 1.229, 1.207),
        ("pocock", 10, 2.555, 1.301, 1.271),
        ("obrien-fleming", 2, 1.977, 1.008, 1.007),
        ("obrien-fleming", 3, 2.004, 1.017, 1.016),
        ("obrien-fleming", 4, 2.024, 1.024, 1.022),
        ("obrien-fleming", 5, 2.040, 1.028, 1.026),
        ("obrien-fleming", 10, 2.087, 1.040, 1.037),
    ],
)
def test_boundaries_agree_with_jennison_and_turnbull(
    boundary: str, looks: int, constant: float, inflation_80: float, inflation_90: float
) -> None:
    """Jennison and Turnbull 2000, tables 2.1 to 2.4: two-sided alpha 0.05, equally spaced looks."""
    for wanted, inflation in ((0.8, inflation_80), (0.9, inflation_90)):
        details = power.group_sequential(looks=looks, boundary=boundary, power=wanted).details
        assert details["z_bounds"][-1] == pytest.approx(constant, abs=6e-4)
        assert details["inflation_factor"] == pytest.approx(inflation, abs=6e-4)


@pytest.mark.parametrize(
    ("boundary", "published"),
    [
        ("lan-demets-obrien-fleming", [4.8769, 3.3569, 2.6803, 2.2898, 2.0310]),
        ("lan-demets-pocock", [2.4380, 2.4268, 2.4101, 2.3966, 2.3859]),
    ],
)
def test_spending_boundaries_agree_with_reboussin_2000(boundary: str, published: list[float]) -> None:
    """Reboussin, DeMets, Kim, Lan 2000 (the LanDeMets program): five looks, two-sided alpha 0.05."""
    assert power.boundaries(boundary, [0.2, 0.4, 0.6, 0.8, 1.0], 0.05) == pytest.approx(published, abs=6e-4)


@pytest.mark.parametrize(
    ("ratio", "wanted", "events"), [(2.0, 0.8, 66), (1.5, 0.8, 191), (0.7, 0.9, 331), (0.75, 0.9, 508)]
)
def test_schoenfelds_formula(ratio: float, wanted: float, events: int) -> None:
    """By hand from Schoenfeld 1983: 4 (1.95996 + z)² / ln² HR, z = 0.84162 or 1.28155."""
    assert power.log_rank(hazard_ratio=ratio, power=wanted).events == events


@pytest.mark.parametrize(("ratio", "allocation", "events"), [(2.0, 1.0, 71), (0.5, 1.0, 71), (0.5, 2.0, 63)])
def test_freedmans_formula(ratio: float, allocation: float, events: int) -> None:
    """By hand from Freedman 1982: (1 + r HR)² (1.95996 + 0.84162)² / (r (1 - HR)²) = 7.8489 × 9, 9 and 8."""
    sizing = power.log_rank(hazard_ratio=ratio, ratio=allocation, formula="freedman", power=0.8)
    assert sizing.events == events


def test_log_rank_at_a_fixed_time_by_hand() -> None:
    """Survival 0.41 against 0.60 (HR 0.5729), power 0.90: 135.4 events; over (0.59 + 0.40) / 2 of all: 273.6."""
    sizing = power.log_rank(hazard_ratio=math.log(0.6) / math.log(0.41), control_survival=0.41, at_time=5, power=0.9)
    assert (sizing.events, sizing.n_per_arm) == (136, (137, 137))


def test_diagnostic_accuracy_by_buderers_formula() -> None:
    """Buderer 1996: Se 0.90, Sp 0.85, W 0.10, prevalence 0.20: 34.57 / 0.2 = 172.9 and 48.98 / 0.8 = 61.2."""
    sizing = power.diagnostic(sensitivity=0.9, specificity=0.85, precision=0.1, prevalence=0.2)
    assert (sizing.n_total, sizing.details) == (173, {"n_for_sensitivity": 35, "n_for_specificity": 49})
    back = power.diagnostic(sensitivity=0.9, specificity=0.85, prevalence=0.2, n_total=173)
    assert back.solved_for == "precision"
    assert 0.0999 < back.details["precision_of_sensitivity"] <= 0.1
    only = power.diagnostic(specificity=0.85, precision=0.1, prevalence=0.2, dropout=0.1)
    assert (only.n_evaluable_per_arm, only.n_per_arm) == ((62,), (69,))


def test_cluster_trials_by_hand() -> None:
    """Eldridge, Ashby, Kerry 2006: 1 + ((0.4² + 1) 20 - 1) 0.05 = 2.11; with equal sizes 1 + 19 × 0.05 = 1.95."""
    assert design_effect(20, 0.05, 0.4) == pytest.approx(2.11)
    assert design_effect(20, 0.05) == pytest.approx(1.95)
    alone = power.proportions(control=0.3, treatment=0.2, test="unpooled", power=0.8)
    sizing = power.cluster_proportions(control=0.3, treatment=0.2, cluster_size=20, icc=0.05, cluster_cv=0.4, power=0.8)
    needed = (z_of(0.975) + z_of(0.8)) ** 2 * (0.21 + 0.16) / 0.01
    assert alone.n_per_arm[0] == math.ceil(needed)
    assert sizing.details["clusters_per_arm"] == [math.ceil(needed * 2.11 / 20)] * 2
    assert sizing.n_per_arm[0] == 20 * sizing.details["clusters_per_arm"][0]


def test_dropout_by_hand() -> None:
    sizing = power.dropout(n_evaluable=129, dropout=0.15, arms=2)
    assert (sizing.n_evaluable_per_arm, sizing.n_per_arm, sizing.n_total) == ((65, 65), (77, 77), 154)


# --- statsmodels, brute force, independent integration


@pytest.mark.parametrize(
    ("d", "ratio", "sides", "alpha"), [*itertools.product((0.15, 0.5, 1.4), (0.5, 1, 2), (1, 2), (0.01, 0.05))]
)
def test_t_test_agrees_with_statsmodels(d: float, ratio: float, sides: int, alpha: float) -> None:
    oracle = pytest.importorskip("statsmodels.stats.power").TTestIndPower()
    alternative = "two-sided" if sides == 2 else "larger"
    sizing = power.t_test(difference=d, sd=1, ratio=ratio, sides=sides, alpha=alpha, power=0.85)
    n1, n2 = sizing.n_per_arm
    reached = oracle.power(d, n1, alpha, ratio=n2 / n1, alternative=alternative)
    assert sizing.power == pytest.approx(reached, abs=1e-8)
    exact = oracle.solve_power(d, None, alpha, 0.85, ratio=ratio, alternative=alternative)
    assert n1 == math.ceil(exact - 1e-6)


@pytest.mark.parametrize("d", [0.2, 0.6, 1.5])
def test_paired_and_one_sample_t_tests_agree_with_statsmodels(d: float) -> None:
    oracle = pytest.importorskip("statsmodels.stats.power").TTestPower()
    n = math.ceil(oracle.solve_power(d, None, 0.05, 0.9) - 1e-6)
    one = power.one_sample_t_test(difference=d, sd=1, power=0.9)
    paired = power.paired_t_test(difference=d, sd=1, correlation=0.5, power=0.9)
    assert one.n_total == paired.n_total == n
    assert one.power == pytest.approx(oracle.power(d, n, 0.05), abs=1e-8)


@pytest.mark.parametrize(("groups", "effect"), [(3, 0.25), (5, 0.4), (10, 0.15)])
def test_anova_agrees_with_statsmodels(groups: int, effect: float) -> None:
    oracle = pytest.importorskip("statsmodels.stats.power").FTestAnovaPower()
    sizing = power.anova(groups=groups, effect_size=effect, power=0.85)
    assert sizing.power == pytest.approx(oracle.power(effect, sizing.n_total, 0.05, k_groups=groups), abs=1e-8)


@pytest.mark.parametrize(("p1", "p2"), [(0.2, 0.4), (0.5, 0.45), (0.02, 0.08)])
def test_arcsine_agrees_with_statsmodels(p1: float, p2: float) -> None:
    module = pytest.importorskip("statsmodels.stats.power")
    effects = pytest.importorskip("statsmodels.stats.proportion")
    h = abs(effects.proportion_effectsize(p1, p2))
    sizing = power.proportions(control=p1, treatment=p2, test="arcsine", power=0.9, ratio=2)
    n1, n2 = sizing.n_per_arm
    oracle = module.NormalIndPower().power(h, n1, 0.05, ratio=n2 / n1)
    assert sizing.power == pytest.approx(oracle, abs=1e-6)


@pytest.mark.parametrize(("p1", "p2", "ratio"), [(0.2, 0.4, 1), (0.5, 0.3, 2), (0.02, 0.08, 0.5)])
def test_pooled_proportions_agree_with_statsmodels(p1: float, p2: float, ratio: float) -> None:
    oracle = pytest.importorskip("statsmodels.stats.proportion")
    sizing = power.proportions(control=p1, treatment=p2, ratio=ratio, n_total=600)
    n1, n2 = sizing.n_per_arm
    found = oracle.power_proportions_2indep(p2 - p1, p1, n2, ratio=n1 / n2)
    assert sizing.power == pytest.approx(found.power, abs=1e-4)


@pytest.mark.parametrize(
    ("n1", "n2", "p1", "p2", "sides"), [(9, 12, 0.2, 0.7, 2), (15, 8, 0.8, 0.3, 2), (12, 12, 0.1, 0.6, 1)]
)
def test_fisher_power_agrees_with_every_table(n1: int, n2: int, p1: float, p2: float, sides: int) -> None:
    higher = lower = 0.0
    for x1, x2 in itertools.product(range(n1 + 1), range(n2 + 1)):
        table = [[x2, n2 - x2], [x1, n1 - x1]]
        chance = stats.binom.pmf(x1, n1, p1) * stats.binom.pmf(x2, n2, p2)
        if sides == 2:
            significant = stats.fisher_exact(table)[1] <= 0.05
            higher += chance * (significant and x2 * n1 > x1 * n2)
            lower += chance * (significant and x2 * n1 < x1 * n2)
        else:
            higher += chance * (stats.fisher_exact(table, "greater")[1] <= 0.05)
            lower += chance * (stats.fisher_exact(table, "less")[1] <= 0.05)
    assert fisher_power(n1, n2, p1, p2, 0.05, sides) == pytest.approx((higher, lower), abs=1e-10)


@pytest.mark.parametrize(("n", "null", "true", "sides"), [(20, 0.1, 0.35, 1), (33, 0.5, 0.25, 2), (5, 0.01, 0.9, 2)])
def test_binomial_power_agrees_with_the_binomial_test(n: int, null: float, true: float, sides: int) -> None:
    high, low, _, _ = binomial_power(n, null, true, 0.05, sides)
    chance = [float(stats.binom.pmf(x, n, true)) for x in range(n + 1)]
    above = [stats.binomtest(x, n, null, "greater").pvalue <= 0.05 / sides for x in range(n + 1)]
    below = [stats.binomtest(x, n, null, "less").pvalue <= 0.05 / sides for x in range(n + 1)]
    assert high == pytest.approx(sum(c for c, hit in zip(chance, above, strict=True) if hit), abs=1e-12)
    assert low == pytest.approx(sum(c for c, hit in zip(chance, below, strict=True) if hit), abs=1e-12)


def test_mcnemar_power_agrees_with_every_outcome() -> None:
    pairs, gain, loss = 30, 0.4, 0.1
    favour = against = 0.0
    for won, lost in itertools.product(range(pairs + 1), repeat=2):
        if 0 < won + lost <= pairs:
            chance = stats.multinomial.pmf([won, lost, pairs - won - lost], pairs, [gain, loss, 1 - gain - loss])
            if stats.binomtest(won, won + lost, 0.5).pvalue <= 0.05:
                favour, against = favour + chance * (won > lost), against + chance * (won < lost)
    assert mcnemar_exact(pairs, gain, loss, 0.05, 2) == pytest.approx((favour, against), abs=1e-10)


@given(st.floats(0.02, 0.98), st.floats(0.02, 0.98), st.sampled_from([0.5, 1.0, 2.0]), st.floats(-0.5, 0.5))
@PROPERTIES
def test_restricted_proportions_are_the_most_likely(control: float, treatment: float, ratio: float, gap: float) -> None:
    p1, p2 = restricted(control, treatment, ratio, gap)
    assert p2 - p1 == pytest.approx(gap, abs=1e-9)
    low, high = max(0.0, -gap) + 1e-9, min(1.0, 1 - gap) - 1e-9

    def unlikely(p: float) -> float:
        q = p + gap
        return -(
            control * math.log(p) + (1 - control) * math.log1p(-p)
            + ratio * (treatment * math.log(q) + (1 - treatment) * math.log1p(-q))
        )  # fmt: skip

    found = optimize.minimize_scalar(unlikely, bounds=(low, high), method="bounded", options={"xatol": 1e-10})
    assert unlikely(min(max(p1, low), high)) <= found.fun + 1e-9


@pytest.mark.parametrize(("df", "ncp"), [*itertools.product((1, 1.3, 2, 7.5, 30, 1000), (-3, 0, 0.5, 2.8, 6, 20))])
def test_the_noncentral_t_agrees_with_scipy(df: float, ncp: float) -> None:
    expected = 1 - special.nctdtr(df, ncp, special.stdtrit(df, 0.975))
    assert t_right(ncp, df, 0.025) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize(("between", "within"), [*itertools.product((1, 3, 9), (20, 200, 20_000))])
def test_the_noncentral_f_agrees_with_scipy(between: int, within: int) -> None:
    for ncp in (0.01, 4, 12, 40):
        expected = 1 - special.ncfdtr(between, within, ncp, special.fdtri(between, within, 0.95))
        assert f_right(ncp, between, within, 0.05) == pytest.approx(expected, abs=1e-8)


def test_the_noncentral_f_has_a_value_where_scipys_has_none() -> None:
    """scipy 1.17 gives nan for this noncentrality, 1 and 1000 degrees of freedom."""
    assert f_right(1477.3776525985127, 1, 1000, 0.05) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(
    ("low", "high", "df"), [(2.2, 2.2, 10), (1.0, 4.0, 5), (3.0, 2.0, 400), (9.0, 3.0, 2), (0.5, 0.5, 30)]
)
def test_tost_agrees_with_another_integration(low: float, high: float, df: int) -> None:
    t = stats.t.ppf(0.95, df)

    def density(s: float) -> float:
        inside = stats.norm.cdf(high - t * s) - stats.norm.cdf(t * s - low)
        return max(0.0, float(inside)) * float(stats.chi.pdf(s * math.sqrt(df), df)) * math.sqrt(df)

    expected, _ = integrate.quad(density, 0, (low + high) / (2 * t), epsabs=1e-10, limit=200)
    assert tost(low, high, df, 0.05) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize(
    ("hazard", "accrual", "follow_up", "loss"), [(0.1, 12, 6, 0), (0.03, 24, 0, 0.01), (0.5, 0, 3, 0.2)]
)
def test_event_probability_agrees_with_another_integration(
    hazard: float, accrual: float, follow_up: float, loss: float
) -> None:
    def seen(time: float) -> float:
        return hazard / (hazard + loss) * (1 - math.exp(-(hazard + loss) * time))

    expected = integrate.quad(seen, follow_up, follow_up + accrual)[0] / accrual if accrual else seen(follow_up)
    assert event_probability(hazard, accrual, follow_up, loss) == pytest.approx(expected, abs=1e-10)


def test_two_looks_agree_with_the_bivariate_normal_distribution() -> None:
    fractions, drift = [0.4, 1.0], 2.5
    bounds = [2.5, 2.0]
    above, below = crossing(bounds, fractions, drift, 2)
    mean = [drift * math.sqrt(t) for t in fractions]
    correlation = math.sqrt(0.4)
    pair = stats.multivariate_normal(mean, [[1, correlation], [correlation, 1]], abseps=1e-10, releps=1e-10)

    def box(x_low: float, x_high: float, y_low: float) -> float:
        def under(x: float, y: float) -> float:
            return float(pair.cdf([x, y]))

        return under(x_high, 9) - under(x_low, 9) - under(x_high, y_low) + under(x_low, y_low)

    assert above[0] == pytest.approx(stats.norm.sf(2.5 - mean[0]), abs=1e-10)
    assert below[0] == pytest.approx(stats.norm.cdf(-2.5 - mean[0]), abs=1e-10)
    assert above[1] == pytest.approx(box(-2.5, 2.5, 2.0), abs=1e-6)


def test_assurance_has_a_closed_form_for_a_normal_test() -> None:
    """O'Hagan, Stevens, Campbell 2005: Phi((m - z se) / sqrt(se² + s²)); the log hazard ratio has se = 2 / sqrt d."""
    events, ratio, spread = 200, 0.7, 0.2
    found = power.assurance("log-rank", spread, hazard_ratio=ratio, events=events)
    error = 2 / math.sqrt(events)
    expected = phi((-math.log(ratio) - z_of(0.975) * error) / math.hypot(error, spread))
    assert found.assurance == pytest.approx(expected, abs=1e-6)
    assert found.power == pytest.approx(phi(-math.log(ratio) / error - z_of(0.975)), abs=1e-12)


# --- simulation


def near(hits: int, trials: int, computed: float) -> bool:
    """A simulated power is within four standard errors of a computed one."""
    return abs(hits / trials - computed) <= 4 * math.sqrt(computed * (1 - computed) / trials) + 1e-9


def simulate_t(trials: int) -> tuple[int, float]:
    sizing = power.t_test(difference=5, sd=8, ratio=1.5, n_total=100)
    n1, n2 = sizing.n_per_arm
    random = np.random.default_rng(11)
    p = stats.ttest_ind(random.normal(5, 8, (trials, n2)), random.normal(0, 8, (trials, n1)), axis=1).pvalue
    return int((p <= 0.05).sum()), sizing.power or 0


def simulate_welch(trials: int) -> tuple[int, float]:
    sizing = power.t_test(difference=6, sd=5, treatment_sd=14, n_total=90)
    n1, n2 = sizing.n_per_arm
    random = np.random.default_rng(12)
    found = stats.ttest_ind(
        random.normal(6, 14, (trials, n2)), random.normal(0, 5, (trials, n1)), axis=1, equal_var=False
    )
    return int((found.pvalue <= 0.05).sum()), sizing.power or 0


def simulate_anova(trials: int) -> tuple[int, float]:
    sizing = power.anova(means=[10, 12, 15], sd=6, n_total=60)
    random = np.random.default_rng(13)
    arms = [random.normal(mean, 6, (trials, 20)) for mean in (10, 12, 15)]
    return int((stats.f_oneway(*arms, axis=1).pvalue <= 0.05).sum()), sizing.power or 0


def simulate_tost(trials: int) -> tuple[int, float]:
    sizing = power.equivalence_means(difference=1, margin=5, sd=8, n_total=100)
    random = np.random.default_rng(14)
    a, b = random.normal(0, 8, (trials, 50)), random.normal(1, 8, (trials, 50))
    gap = b.mean(1) - a.mean(1)
    error = np.sqrt((a.var(1, ddof=1) + b.var(1, ddof=1)) / 50)
    t = stats.t.ppf(0.95, 98)
    return int(((gap + 5) / error > t).astype(int) @ ((5 - gap) / error > t).astype(int)), sizing.power or 0


def simulate_crossover(trials: int) -> tuple[int, float]:
    """Whole 2x2 data: participant, period and treatment; analysed by the differences between periods."""
    sizing = power.crossover(difference=4, within_sd=6, n_total=40)
    random = np.random.default_rng(15)
    halves = []
    for sign in (1, -1):
        person = random.normal(0, 20, (trials, 20))
        first = person + random.normal(0, 6, (trials, 20)) + 4 * (sign > 0)
        second = person + random.normal(0, 6, (trials, 20)) + 4 * (sign < 0) + 3  # 3: the second period's effect
        halves.append((first - second) / 2)
    p = stats.ttest_ind(halves[0], halves[1], axis=1).pvalue
    return int((p <= 0.05).sum()), sizing.power or 0


def simulate_noninferiority(trials: int) -> tuple[int, float]:
    """The score test of Farrington and Manning itself, with the restricted estimates of each simulated trial."""
    sizing = power.noninferiority_proportions(control=0.7, treatment=0.72, margin=0.1, n_total=600)
    random = np.random.default_rng(16)
    x1, x2 = random.binomial(300, 0.7, trials), random.binomial(300, 0.72, trials)
    hits = 0
    for (a, b), count in zip(*np.unique(np.column_stack([x1, x2]), axis=0, return_counts=True), strict=True):
        p1, p2 = restricted(a / 300, b / 300, 1.0, -0.1)
        z = (b / 300 - a / 300 + 0.1) / math.sqrt((p1 * (1 - p1) + p2 * (1 - p2)) / 300)
        hits += int(count) * (z > z_of(0.975))
    return hits, sizing.power or 0


def simulate_log_rank(trials: int) -> tuple[int, float]:
    """Exponential times, uniform accrual, losses; the log-rank statistic computed from the risk sets."""
    sizing = power.log_rank(
        hazard_ratio=0.65, control_median=12, accrual=18, follow_up=12, loss_hazard=0.01, n_total=260
    )
    random = np.random.default_rng(17)
    hits = 0
    treated = np.arange(260) % 2 == 1
    for _ in range(trials):
        time = random.exponential(12 / math.log(2) / np.where(treated, 0.65, 1.0))
        leave = np.minimum(random.exponential(100, 260), 12 + random.uniform(0, 18, 260))
        order = np.argsort(np.minimum(time, leave))
        event, arm = (time <= leave)[order], treated[order]
        at_risk = 260 - np.arange(260)
        share = np.cumsum(arm[::-1])[::-1] / at_risk
        observed, expected = arm[event].sum(), share[event].sum()
        variance = (share * (1 - share))[event].sum()
        hits += abs(observed - expected) / math.sqrt(variance) > z_of(0.975)
    return hits, sizing.power or 0


def simulate_clusters(trials: int) -> tuple[int, float]:
    """The means of 40 clusters of 20, compared by a t test."""
    sizing = power.cluster_means(difference=4, sd=10, cluster_size=20, icc=0.1, n_total=800)
    random = np.random.default_rng(18)
    spread = math.sqrt(100 * 0.1 + 100 * 0.9 / 20)
    p = stats.ttest_ind(random.normal(4, spread, (trials, 20)), random.normal(0, spread, (trials, 20)), axis=1).pvalue
    return int((p <= 0.05).sum()), sizing.power or 0


def simulate_looks(trials: int) -> tuple[int, float]:
    sizing = power.group_sequential(fractions=[0.3, 0.55, 1.0], boundary="lan-demets-pocock", power=0.85)
    random = np.random.default_rng(19)
    details = sizing.details
    times = np.array(details["information_fractions"])
    steps = np.diff(times, prepend=0.0)
    walk = np.cumsum(random.normal(details["drift"] * steps, np.sqrt(steps), (trials, 3)), axis=1)
    passed = walk / np.sqrt(times) >= np.array(details["z_bounds"])
    return int(passed.any(axis=1).sum()), sizing.power or 0


def simulate_mcnemar(trials: int) -> tuple[int, float]:
    sizing = power.mcnemar(gain=0.25, loss=0.1, test="exact", n_total=120)
    random = np.random.default_rng(20)
    counts = random.multinomial(120, [0.25, 0.1, 0.65], trials)
    won, lost = counts[:, 0], counts[:, 1]
    tail = stats.binom.sf(won - 1, won + lost, 0.5)
    return int((tail <= 0.025).sum()), sizing.power or 0


SIMULATIONS: list[tuple[Callable[[int], tuple[int, float]], int]] = [
    (simulate_t, 20_000),
    (simulate_welch, 20_000),
    (simulate_anova, 10_000),
    (simulate_tost, 10_000),
    (simulate_crossover, 10_000),
    (simulate_mcnemar, 20_000),
    (simulate_looks, 50_000),
]
ROUGH: list[tuple[Callable[[int], tuple[int, float]], int, float]] = [
    (simulate_noninferiority, 10_000, 0.01),
    (simulate_log_rank, 2_000, 0.02),
    (simulate_clusters, 10_000, 0.02),
]
"""What is an approximation may be off by a little of its own (the last number)."""


@pytest.mark.parametrize(("simulate", "trials"), SIMULATIONS, ids=lambda value: getattr(value, "__name__", ""))
def test_exact_powers_agree_with_simulation(simulate: Callable[[int], tuple[int, float]], trials: int) -> None:
    hits, computed = simulate(trials)
    assert 0.3 < computed < 0.99
    assert near(hits, trials, computed)


@pytest.mark.parametrize(("simulate", "trials", "slack"), ROUGH, ids=lambda value: getattr(value, "__name__", ""))
def test_approximate_powers_are_near_simulation(
    simulate: Callable[[int], tuple[int, float]], trials: int, slack: float
) -> None:
    hits, computed = simulate(trials)
    assert 0.3 < computed < 0.99
    assert abs(hits / trials - computed) <= 4 * math.sqrt(computed * (1 - computed) / trials) + slack


@pytest.mark.verify
@pytest.mark.parametrize("simulate", [s for s, *_ in SIMULATIONS], ids=lambda value: value.__name__)
def test_exact_powers_agree_with_long_simulation(simulate: Callable[[int], tuple[int, float]]) -> None:
    hits, computed = simulate(100_000)
    assert near(hits, 100_000, computed)


@pytest.mark.verify
def test_the_log_rank_formulas_bracket_long_simulation() -> None:
    hits, computed = simulate_log_rank(20_000)
    assert abs(hits / 20_000 - computed) < 0.015


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_looks_keep_the_type_1_error_in_simulation(boundary: str) -> None:
    times = np.array([0.25, 0.5, 0.75, 1.0])
    bounds = np.array(power.boundaries(boundary, list(times), 0.05))
    random = np.random.default_rng(21)
    walk = np.cumsum(random.normal(0, 0.5, (50_000, 4)), axis=1)
    assert near(int((np.abs(walk / np.sqrt(times)) >= bounds).any(axis=1).sum()), 50_000, 0.05)


# --- what always holds

EXAMPLES: dict[str, dict[str, Any]] = {
    "t-test": {"difference": 5, "sd": 12},
    "paired-t-test": {"difference": 5, "sd_difference": 12},
    "one-sample-t-test": {"difference": 5, "sd": 12},
    "noninferiority-means": {"margin": 5, "sd": 12},
    "equivalence-means": {"margin": 5, "sd": 12},
    "crossover": {"difference": 5, "within_sd": 12},
    "bioequivalence": {"cv": 0.3},
    "cluster-means": {"difference": 5, "sd": 12, "cluster_size": 12, "icc": 0.03},
    "anova": {"groups": 4, "effect_size": 0.25},
    "correlation": {"correlation": 0.3},
    "proportions": {"control": 0.2, "treatment": 0.35},
    "cluster-proportions": {"control": 0.4, "treatment": 0.25, "cluster_size": 12, "icc": 0.03},
    "one-proportion": {"null_proportion": 0.2, "proportion": 0.35, "test": "normal"},
    "mcnemar": {"gain": 0.25, "loss": 0.1},
    "noninferiority-proportions": {"control": 0.8, "margin": 0.1},
    "equivalence-proportions": {"control": 0.8, "margin": 0.1},
    "log-rank": {"hazard_ratio": 0.7, "control_median": 12, "accrual": 24, "follow_up": 12},
}
"""One for each calculation that has a power."""
SOLVABLE = {name: given for name, given in EXAMPLES.items() if name != "bioequivalence"}


def effect_of(name: str) -> str:
    return next(iter(METHODS[name].size(**EXAMPLES[name]).effect))


def test_every_calculation_with_a_power_is_tried() -> None:
    assert set(EXAMPLES) == {name for name, known in METHODS.items() if known.build}


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("wanted", [0.6, 0.8, 0.95])
def test_the_size_found_reaches_the_power_and_one_less_does_not(name: str, wanted: float) -> None:
    known = METHODS[name]
    found = known.size(**EXAMPLES[name], power=wanted)
    assert found.power >= wanted - 1e-9
    again = known.size(**EXAMPLES[name], n_total=found.n_total)
    assert again.power == pytest.approx(found.power)
    step = round(EXAMPLES[name].get("cluster_size", 1)) * len(found.n_per_arm)
    fewer = known.size(**EXAMPLES[name], n_total=found.n_total - step)
    assert fewer.power < wanted


@pytest.mark.parametrize("name", SOLVABLE)
def test_the_effect_found_has_the_power(name: str) -> None:
    effect = effect_of(name)
    given = {key: value for key, value in SOLVABLE[name].items() if key != effect}
    direction = {"direction": "decrease"} if name == "cluster-proportions" else {}
    found = METHODS[name].size(**given, **direction, n_total=300, power=0.85)
    assert found.solved_for == "effect"
    back = METHODS[name].size(**{**given, effect: found.effect[effect]}, n_total=300)
    assert back.solved_for == "power"
    assert back.power == pytest.approx(0.85, abs=1e-6)


@pytest.mark.parametrize("name", EXAMPLES)
def test_power_rises_with_size_and_with_alpha(name: str) -> None:
    known, given = METHODS[name], EXAMPLES[name]
    sizes = [known.size(**given, n_total=n).power for n in (72, 144, 288, 576)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]
    alphas = [known.size(**given, n_total=288, alpha=alpha).power for alpha in (0.001, 0.01, 0.05, 0.1)]
    assert alphas == sorted(alphas)
    assert alphas[0] < alphas[-1]


@pytest.mark.parametrize("name", SOLVABLE)
def test_a_larger_effect_needs_fewer(name: str) -> None:
    known, effect = METHODS[name], effect_of(name)
    assert known.build
    near = known.build(**SOLVABLE[name]).bounds[0]
    sizes = []
    for factor in (0.7, 1.0, 1.1, 1.3):
        moved = near + factor * (SOLVABLE[name][effect] - near)
        sizes.append(known.size(**{**SOLVABLE[name], effect: moved}, power=0.9).n_total)
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[-1]


@pytest.mark.parametrize("name", EXAMPLES)
def test_dropout_adds_participants_and_nothing_else(name: str) -> None:
    known = METHODS[name]
    whole, short = known.size(**EXAMPLES[name]), known.size(**EXAMPLES[name], dropout=0.2)
    assert short.n_evaluable_per_arm == whole.n_per_arm
    assert short.n_per_arm == tuple(math.ceil(n / 0.8) for n in whole.n_per_arm)
    assert (short.power, short.events) == (whole.power, whole.events)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_result_says_what_it_rests_on_and_how_it_came(name: str) -> None:
    sizing = METHODS[name].size(**EXAMPLES[name], power=0.9)
    assert sizing.method == name
    assert EXAMPLES[name].items() <= sizing.assumptions.items()
    assert sizing.assumptions["power"] == 0.9
    assert sizing.n_total == sum(sizing.n_per_arm)
    assert any(letter.isdigit() for letter in sizing.formula.split("(")[-1]), "a source with its year"
    assert all(step.endswith((".", ".0")) and "\n" not in step for step in sizing.steps)
    assert str(max(sizing.n_evaluable_per_arm)) in " ".join(sizing.steps)
    assert f"{sizing.power:.4f}" in sizing.steps[-1] + sizing.steps[-2]


@given(st.floats(0.05, 3), st.floats(1.01, 3), st.floats(0.55, 0.97), st.floats(0.001, 0.1))
@PROPERTIES
def test_larger_effects_need_fewer(effect: float, factor: float, wanted: float, alpha: float) -> None:
    small = power.t_test(difference=effect, sd=1, power=wanted, alpha=alpha)
    large = power.t_test(difference=effect * factor, sd=1, power=wanted, alpha=alpha)
    assert (large.n_total or 0) <= (small.n_total or 0)
    assert (small.power or 0) >= wanted - 1e-9


@given(
    st.floats(0.02, 0.98), st.floats(0.02, 0.98), st.sampled_from(["pooled", "unpooled", "continuity", "arcsine"]),
    st.sampled_from([0.5, 1.0, 2.0]), st.floats(0.55, 0.97),
)  # fmt: skip
@PROPERTIES
def test_proportions_may_change_places(p1: float, p2: float, test: str, ratio: float, wanted: float) -> None:
    assume(abs(p1 - p2) > 0.01)
    sizing = power.proportions(control=p1, treatment=p2, test=test, ratio=ratio, power=wanted)
    assert (sizing.power or 0) >= wanted - 1e-9
    mirrored = power.proportions(control=1 - p1, treatment=1 - p2, test=test, ratio=ratio, power=wanted)
    swapped = power.proportions(control=p2, treatment=p1, test=test, ratio=1 / ratio, power=wanted)
    for other in (mirrored.n_per_arm, swapped.n_per_arm[::-1]):
        assert all(abs(a - b) <= 1 for a, b in zip(sizing.n_per_arm, other, strict=True))


@given(st.floats(0.1, 0.9), st.floats(0.1, 0.95), st.sampled_from(["schoenfeld", "freedman"]))
@PROPERTIES
def test_log_rank_arms_may_change_places(ratio: float, wanted: float, formula: str) -> None:
    assume(wanted > 0.5)
    one = power.log_rank(hazard_ratio=ratio, formula=formula, power=wanted, ratio=2)
    other = power.log_rank(hazard_ratio=1 / ratio, formula=formula, power=wanted, ratio=0.5)
    assert abs((one.events or 0) - (other.events or 0)) <= 1


@given(st.integers(2, 5000), st.lists(st.floats(0.1, 10), min_size=1, max_size=5))
@PROPERTIES
def test_arms_add_up_to_the_total(total: int, weights: list[float]) -> None:
    arms = divide(total, weights)
    assert sum(arms) == total
    assert all(abs(arm - total * w / sum(weights)) < 1 for arm, w in zip(arms, weights, strict=True))


@pytest.mark.parametrize(("size", "whole"), [(85.2, 86), (85.0, 85), (85.0 + 1e-9, 85), (85.001, 86), (0.2, 1)])
def test_sizes_are_rounded_up(size: float, whole: int) -> None:
    assert up(size) == whole


@given(st.integers(2, 8), st.sampled_from(BOUNDARIES), st.sampled_from([1, 2]), st.sampled_from([0.01, 0.05]))
@settings(max_examples=20, derandomize=True, deadline=None)
def test_looks_spend_alpha_and_reach_the_power(looks: int, boundary: str, sides: int, alpha: float) -> None:
    sizing = power.group_sequential(looks=looks, boundary=boundary, sides=sides, alpha=alpha, power=0.9)
    details = sizing.details
    assert details["alpha_spent"][-1] == pytest.approx(alpha, abs=1e-7)
    if boundary.startswith("lan"):
        fractions = details["information_fractions"]
        planned = [sides * spent(boundary, t, alpha / sides) for t in fractions]
        assert details["alpha_spent"] == pytest.approx(planned, abs=1e-7)
    assert sizing.power == pytest.approx(0.9, abs=1e-8)
    assert sum(details["stop_probability"]["planned_effect"]) == pytest.approx(0.9, abs=1e-4)
    assert 1 <= details["inflation_factor"] < 1.5
    shares = details["expected_share_of_largest_size"]
    assert shares["planned_effect"] < shares["half_effect"] < shares["no_effect"] <= 1


def test_one_look_is_the_fixed_trial() -> None:
    sizing = power.group_sequential(looks=1, boundary="pocock", n_fixed=200)
    assert sizing.details["z_bounds"] == pytest.approx([z_of(0.975)], abs=1e-8)
    assert sizing.n_total == 200


@given(st.floats(0.05, 2), st.sampled_from(["t-test", "log-rank", "proportions", "noninferiority-means"]))
@settings(max_examples=15, derandomize=True, deadline=None)
def test_assurance_is_less_sure_than_power(spread: float, name: str) -> None:
    scale = {"t-test": 5, "log-rank": 0.3, "proportions": 0.1, "noninferiority-means": 4}[name]
    found = power.assurance(name, spread * scale, **EXAMPLES[name], power=0.9)
    assert 0 < found.assurance < found.power


def test_a_certain_belief_is_the_power() -> None:
    for name, example in EXAMPLES.items():
        found = power.assurance(name, 1e-6, **example, power=0.9)
        assert found.assurance == pytest.approx(found.power, abs=1e-4), name


def test_the_uncertain_effect_is_averaged_by_simulation() -> None:
    found = power.assurance("t-test", 3, difference=5, sd=12, n_total=180)
    random = np.random.default_rng(22)
    effects = random.normal(5, 3, 20_000)
    gaps = random.normal(effects, 12 * math.sqrt(2 / 90))
    spreads = 12 * np.sqrt(random.chisquare(178, 20_000) / 178)
    hits = gaps / (spreads * math.sqrt(2 / 90)) > stats.t.ppf(0.975, 178)
    assert near(int(hits.sum()), 20_000, found.assurance)


# --- particular cases


def test_exact_tests_name_the_size_from_which_on_it_holds() -> None:
    sizing = power.one_proportion(null_proportion=0.1, proportion=0.3, sides=1, power=0.8)
    lasting = next(step for step in sizing.steps if "up and down" in step)
    assert "from 29 on" in lasting
    powers = [binomial_power(n, 0.1, 0.3, 0.05, 1)[0] for n in range(2, 39)]
    assert min(n for n, reached in enumerate(powers, 2) if reached >= 0.8) == 25
    assert max(n for n, reached in enumerate(powers, 2) if reached < 0.8) == 28


def test_fisher_needs_about_what_the_continuity_correction_says() -> None:
    exact = power.proportions(control=0.1, treatment=0.4, test="fisher", power=0.8)
    corrected = power.proportions(control=0.1, treatment=0.4, test="continuity", power=0.8)
    assert abs(exact.n_per_arm[0] - corrected.n_per_arm[0]) <= 3
    assert fisher_power(*exact.n_per_arm, 0.1, 0.4, 0.05, 2)[0] == pytest.approx(exact.power)


def test_events_give_participants_and_back() -> None:
    design: dict[str, Any] = {"control_median": 12, "accrual": 24, "follow_up": 12, "loss_hazard": 0.01}
    sizing = power.log_rank(hazard_ratio=0.7, power=0.9, **design, dropout=0.1)
    assert sizing.events == 331
    shares = [event_probability(math.log(2) / 12 * hr, 24, 12, 0.01) for hr in (1, 0.7)]
    assert sum(n * share for n, share in zip(sizing.n_evaluable_per_arm, shares, strict=True)) >= 330.3
    fixed = power.log_rank(hazard_ratio=0.7, events=331, **design, dropout=0.1)
    assert fixed.solved_for == "power"
    assert fixed.power == pytest.approx(0.9, abs=1e-3)
    assert abs((fixed.n_total or 0) - (sizing.n_total or 0)) <= 4
    alone = power.log_rank(hazard_ratio=0.7, power=0.9)
    assert (alone.solved_for, alone.events, alone.n_total, alone.n_per_arm) == ("events", 331, None, ())
    found = power.log_rank(events=331, power=0.9, direction="increase")
    assert found.effect["hazard_ratio"] == pytest.approx(1 / 0.7, rel=1e-3)


def test_a_hazard_ratio_follows_from_medians_or_from_shares() -> None:
    design: dict[str, Any] = {"power": 0.9, "accrual": 24, "follow_up": 12}
    plain = power.log_rank(hazard_ratio=12 / 18, control_median=12, **design)
    assert power.log_rank(control_median=12, treatment_median=18, **design).n_per_arm == plain.n_per_arm
    events = power.log_rank(control_median=12, treatment_median=18, power=0.9)
    assert (events.solved_for, events.events, events.n_total) == ("events", plain.events, None)
    shares = power.log_rank(control_survival=0.41, treatment_survival=0.6, power=0.9)
    assert shares.effect["hazard_ratio"] == pytest.approx(math.log(0.6) / math.log(0.41))
    assert (shares.events, shares.n_per_arm) == (136, (137, 137))
    shared = power.log_rank(control_median=12, treatment_median=18, power=0.9, event_share=0.7)
    assert shared.n_total == 2 * math.ceil(power.log_rank(hazard_ratio=2 / 3, power=0.9).events / 0.7 / 2)


def test_a_lower_treatment_proportion_is_found_where_it_is_looked_for() -> None:
    lower = power.proportions(control=0.4, n_total=200, power=0.8, direction="decrease").effect["treatment"]
    higher = power.proportions(control=0.4, n_total=200, power=0.8).effect["treatment"]
    assert lower < 0.4 < higher


def test_worse_outcomes_mirror_better_ones() -> None:
    deaths = power.noninferiority_proportions(control=0.2, treatment=0.21, margin=0.05, higher_is="worse")
    survivors = power.noninferiority_proportions(control=0.8, treatment=0.79, margin=0.05)
    assert deaths.n_per_arm == survivors.n_per_arm


def test_warnings_tell_when_an_approximation_is_poor() -> None:
    rare = power.proportions(control=0.01, treatment=0.1, power=0.8)
    assert any("below 5" in warning for warning in rare.warnings)
    assert not power.proportions(control=0.3, treatment=0.5, power=0.8).warnings
    few = power.log_rank(hazard_ratio=0.1, power=0.8)
    assert any("events" in warning for warning in few.warnings)
    assert any("far from 1" in warning for warning in few.warnings)
    clusters = power.cluster_means(difference=8, sd=12, cluster_size=30, icc=0.02, power=0.8)
    assert any("clusters" in warning for warning in clusters.warnings)
    assert any("0.8 is assumed" in warning for warning in power.t_test(difference=5, sd=12).warnings)


def test_a_table_goes_through_every_combination_and_keeps_problems() -> None:
    rows = power.sensitivity("proportions", {"treatment": [0.2, 0.3, 0.4], "power": [0.8, 0.9]}, control=0.2)
    assert [(row["treatment"], row["power"]) for row in rows] == list(itertools.product((0.2, 0.3, 0.4), (0.8, 0.9)))
    assert all("no size can find it" in row["problem"] and row["n_total"] is None for row in rows[:2])
    sizes = [row["n_total"] for row in rows[2:]]
    assert sizes == [
        power.proportions(control=0.2, treatment=p, power=w).n_total
        for p, w in itertools.product((0.3, 0.4), (0.8, 0.9))
    ]
    with pytest.raises(UnknownName, match="treatment"):
        power.sensitivity("proportions", {"treatmnt": [0.2]}, control=0.2)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_curve_rises_through_the_size_found(name: str) -> None:
    points = power.curve(name, 12, **EXAMPLES[name], power=0.9)
    powers = [point["power"] for point in points]
    assert powers == sorted(powers)
    assert powers[0] < 0.9 < powers[-1]
    with pytest.raises(UserError, match="no power"):
        power.curve("dropout", n_evaluable=10, dropout=0.1)


@pytest.mark.parametrize("name", METHODS)
def test_every_parameter_says_what_it_means_and_every_function_its_source(name: str) -> None:
    known = METHODS[name]
    assert all(parameter.meaning.endswith(".") for parameter in known.parameters.values())
    assert set(known.parameters) == set(inspect.signature(known.size).parameters)
    source = inspect.getdoc(known.size) or ""
    assert any(year.isdigit() and len(year) == 4 for year in source.replace(")", " ").replace(",", " ").split()), name


# --- mistakes


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: power.t_test(difference=5, sd=12, alpha=5), ["alpha is 5", "--alpha 0.05"]),
        (lambda: power.t_test(difference=5, sd=12, power=90), ["power is 90", "--power 0.9"]),
        (lambda: power.t_test(difference=5, sd=-1), ["sd is -1", "above 0"]),
        (lambda: power.t_test(difference=0, sd=1), ["difference is 0", "no size can find it"]),
        (lambda: power.t_test(sd=1), ["--difference", "--n-total"]),
        (lambda: power.t_test(difference=1, sd=1, n_total=20, power=0.9), ["all given", "leave out"]),
        (lambda: power.t_test(difference=1, sd=1, n_total=3), ["evaluable per arm", "--n-total"]),
        (lambda: power.t_test(difference=1e-9, sd=1), ["More than", "--difference"]),
        (lambda: power.t_test(sd=1, n_total=4, power=0.9, dropout=0.9), ["evaluable per arm"]),
        (lambda: power.t_test(difference=math.nan, sd=1), ["difference"]),
        (lambda: power.t_test(difference=1, sd=math.inf), ["sd is inf"]),
        (lambda: power.t_test(difference=1, sd=1, ratio=0), ["ratio is 0", "--ratio 1"]),
        (lambda: power.t_test(difference=1, sd=1, dropout=1), ["dropout is 1", "--dropout 0.1"]),
        (lambda: power.t_test(difference=1, sd=1, sides=3), ["sides is 3", "--sides 2"]),
        (lambda: power.paired_t_test(difference=1), ["--sd-difference", "--correlation"]),
        (lambda: power.paired_t_test(difference=1, sd=1, sd_difference=1), ["twice"]),
        (lambda: power.noninferiority_means(difference=-4, margin=3, sd=1), ["--margin"]),
        (lambda: power.equivalence_means(difference=4, margin=3, sd=1), ["not expected to be equivalent"]),
        (lambda: power.bioequivalence(cv=0.2, true_ratio=1.3), ["outside of 0.8"]),
        (lambda: power.proportions(control=0, treatment=0.5), ["control is 0"]),
        (lambda: power.proportions(control=20, treatment=30), ["control is 20", "--control 0.2"]),
        (lambda: power.proportions(control=0.5, treatment=0.5), ["no size"]),
        (lambda: power.proportions(control=0.5, treatment=0.6, test="fischer"), ["fischer", "fisher"]),
        (lambda: power.proportions(control=0.5, treatment=0.51, test="fisher"), ["at most 600", "--test"]),
        (lambda: power.proportions(control=0.5, treatment=0.6, test="fisher", n_total=4000), ["at most 600"]),
        (lambda: power.proportions(control=0.95, n_total=20, power=0.9), ["Even treatment"]),
        (lambda: power.mcnemar(gain=0.7, loss=0.5), ["1.2"]),
        (lambda: power.noninferiority_proportions(control=0.8, treatment=0.6, margin=0.1), ["worse by 0.2"]),
        (lambda: power.equivalence_proportions(control=0.8, treatment=0.6, margin=0.1), ["differ by 0.2"]),
        (lambda: power.log_rank(hazard_ratio=1), ["hazard_ratio is 1"]),
        (lambda: power.log_rank(hazard_ratio=0.7, n_total=200), ["--event-share", "--events"]),
        (lambda: power.log_rank(hazard_ratio=0.7, control_median=12), ["--accrual"]),
        (lambda: power.log_rank(hazard_ratio=0.7, accrual=12, follow_up=12), ["--control-median"]),
        (lambda: power.log_rank(hazard_ratio=0.7, control_median=12, control_hazard=1), ["twice"]),
        (lambda: power.log_rank(hazard_ratio=0.7, n_total=10, events=5), ["leave out"]),
        (lambda: power.log_rank(hazard_ratio=0.7, control_median=12, treatment_median=18), ["twice"]),
        (lambda: power.log_rank(treatment_median=18), ["--control-median"]),
        (lambda: power.log_rank(control_median=18, treatment_median=18), ["hazard_ratio is 1"]),
        (lambda: power.anova(), ["--groups", "--means"]),
        (lambda: power.anova(means=[1, 1, 1], sd=2), ["all of them are the same"]),
        (lambda: power.anova(means=[1, 2]), ["--sd"]),
        (lambda: power.diagnostic(prevalence=0.2, precision=0.1), ["--sensitivity"]),
        (lambda: power.diagnostic(sensitivity=0.9, prevalence=0.2), ["--precision", "--n-total"]),
        (lambda: power.cluster_means(difference=1, sd=1, cluster_size=0.5, icc=0.1), ["cluster_size"]),
        (lambda: power.group_sequential(), ["--looks", "--fractions"]),
        (lambda: power.group_sequential(fractions=[0.5, 0.4, 1]), ["rise"]),
        (lambda: power.group_sequential(looks=3, boundary="pokock"), ["pocock"]),
        (lambda: power.assurance("t-tset", 1), ["t-test"]),
        (lambda: power.assurance("dropout", 1), ["no effect"]),
        (lambda: power.assurance("t-test", 0, difference=1, sd=1), ["prior_sd is 0"]),
    ],
)
def test_a_mistake_gets_one_sentence_that_says_what_to_type(call: Callable[[], Sizing], words: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    assert all(word in message for word in words), message


def test_the_calculations_are_listed_without_loading_numpy() -> None:
    code = "import sys; from trialpanorama.power import METHODS; print(len(METHODS), 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == [str(len(METHODS)), "False"]


def strange(random: np.random.Generator, parameter: power.Parameter) -> Any:
    """A value that somebody may type, sensible or not."""
    if parameter.kind == "word":
        return random.choice([*parameter.metavar.split("|"), "nonsense"]).item()
    if parameter.kind == "count":
        return random.choice([0, -5, 1, 2, 3, 10, 50, 101, 300, 1000, 10**6, 10**12]).item()
    edges = [0, -1, 1, 0.05, 0.5, 0.9, 5, 12, 1e-9, 1e-300, 1e300, math.nan, math.inf, -math.inf]
    numbers = [random.choice(edges).item(), random.uniform(), random.uniform(), 10 ** random.uniform(-12, 12)]
    if parameter.kind == "numbers":
        return [random.choice(numbers).item() for _ in range(random.integers(5))]
    return random.choice(numbers).item()


@pytest.mark.parametrize("name", METHODS)
def test_nothing_that_is_typed_ends_in_another_error(name: str) -> None:
    known = METHODS[name]
    random = np.random.default_rng(23)
    sized = 0
    for _ in range(150):
        chosen = {
            key: strange(random, parameter)
            for key, parameter in known.parameters.items()
            if parameter.is_required or random.uniform() < 0.3
        }
        if "fisher" in chosen.values() or chosen.get("looks", 1) > 10:
            continue  # slow, and tried elsewhere
        try:
            sizing = known.size(**chosen)
        except UserError:
            continue
        sized += 1
        assert sizing.power is None or 0 <= sizing.power <= 1 + 1e-9
        if sizing.solved_for == "n" and sizing.power is not None:
            assert sizing.power >= sizing.assumptions["power"] - 1e-6
    assert sized or len(known.parameters) > 8
