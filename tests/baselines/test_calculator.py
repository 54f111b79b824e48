"""The calculator: assumptions read from words, sizes computed from assumptions."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.baselines.size_statements import STATEMENTS
from trialpanorama import power
from trialpanorama.baselines import baseline
from trialpanorama.baselines._assumptions import Assumptions, read
from trialpanorama.baselines.calculator import Calculator, NotEnough, claims_all, reading_of, required, supposed
from trialpanorama.tasks import SEED, Sample, task
from trialpanorama.tasks._size_designs import designs
from trialpanorama.tasks.sample_size import TASK, Calculation, Planned, _split_of

CASES: list[tuple[str, dict[str, Any]]] = [
    (
        "We assumed that relapse of gloaming fever would occur in 30% of patients given placebo and in 15% "
        "of those given fictumab. To detect this difference with 80% power at a two-sided 5% level, [N] "
        "patients per group are needed.",
        {"design": "two_proportions", "proportion_1": 0.3, "proportion_2": 0.15, "power": 0.8, "alpha": 0.05},
    ),
    (
        "A sample of [N] patients in each arm gives 90% power to detect a reduction in relapse from 40% to "
        "25% (alpha = 0.05).",
        {"proportion_1": 0.4, "proportion_2": 0.25, "power": 0.9},
    ),
    (
        "Assuming a cure rate of 60% in the control arm, [N] patients per arm are required to show an "
        "absolute increase of 15 percentage points with a power of 0.8 and alpha of 0.05.",
        {"proportion_1": 0.6, "proportion_2": 0.75},
    ),
    (
        "Assuming a mortality of 20% in controls and a relative risk reduction of 25%, [N] patients are "
        "needed in total (power 80%, two-sided alpha 0.05).",
        {"proportion_1": 0.2, "proportion_2": 0.15},
    ),
    (
        "With an expected event rate of 12% under placebo, [N] patients would be needed to detect a relative "
        "risk of 0.5 with 80% power at the 0.05 level.",
        {"proportion_1": 0.12, "proportion_2": 0.06},
    ),
    (
        "Based on a pilot study, the mean fever score was 24 (SD 8). To detect a difference of 5 points "
        "between groups with a power of 80% and a significance level of 0.05, [N] patients are required per "
        "group.",
        {"design": "two_means", "mean_difference": 5, "sd": 8},
    ),
    (
        "To detect a mean difference of 4 mm (standard deviation 9 mm) with 90% power at the 5% significance "
        "level, [N] participants in each group were required.",
        {"mean_difference": 4, "sd": 9, "power": 0.9},
    ),
    (
        "The study was designed to have 80% power to detect a difference of 0.5 standard deviations between "
        "the two groups, requiring [N] participants per group (two-sided alpha 5%).",
        {"effect_size": 0.5},
    ),
    (
        "Using a standard deviation of 12 points, a sample size of [N] per group was calculated to detect a "
        "clinically relevant difference of 6 points on the ear scale (0-100) with alpha 0.05 and beta 0.20.",
        {"mean_difference": 6, "sd": 12, "power": 0.8},
    ),
    (
        "We expected a decrease in spleen size of 2.0 ± 1.8 cm in the treatment group and 0.8 ± 1.8 cm in "
        "the control group. [N] patients per group were needed for a power of 80% and alpha of 0.05.",
        {"mean_difference": 1.2, "sd": 1.8},
    ),
    (
        "Sample size was calculated on the assumption of a mean (SD) pain score of 45 (20) mm in the control "
        "group and a 30% reduction in the intervention group, with α=0.05 and β=0.2; [N] patients per group "
        "were needed.",
        {"mean_difference": 13.5, "sd": 20},
    ),
    (
        "To detect a hazard ratio of 0.75 with 80% power and a two-sided type I error of 5%, [N] events are required.",
        {"design": "survival", "hazard_ratio": 0.75},
    ),
    (
        "With [N] deaths the log-rank test has 90% power to detect an improvement in median survival from 10 "
        "to 14 months at a two-sided alpha of 0.05.",
        {"design": "survival", "median_1": 10, "median_2": 14},
    ),
    (
        "A total of [N] patients gives 80% power at the 5% level to detect a difference in 5-year survival "
        "between 50% and 60% by the log-rank test.",
        {"design": "survival", "event_rate_1": 0.5, "event_rate_2": 0.4},
    ),
    (
        "The non-inferiority margin was set at 10%. With an expected success rate of 85% in both groups, a "
        "one-sided alpha of 2.5% and 80% power, [N] patients per group were needed.",
        {"design": "noninferiority_proportions", "margin": 0.1, "proportion_1": 0.85, "sides": 1, "alpha": 0.025},
    ),
    (
        "For non-inferiority with a margin of 5 mmHg, a standard deviation of 14 mmHg, one-sided alpha 0.025 "
        "and 90% power, [N] participants per arm are needed.",
        {"design": "noninferiority_means", "margin": 5, "sd": 14},
    ),
    (
        "In this crossover trial a within-subject standard deviation of 15 was assumed; [N] participants "
        "give 90% power to detect a difference of 10 at the 5% level.",
        {"design": "crossover_means", "mean_difference": 10, "sd": 15},
    ),
    (
        "Assuming an intracluster correlation coefficient of 0.05 and 20 patients per practice, [N] patients "
        "in total are needed to detect an increase in screening from 40% to 55% with 80% power at a 5% "
        "significance level in the two arms.",
        {"design": "cluster_proportions", "icc": 0.05, "cluster_size": 20, "proportion_1": 0.4, "proportion_2": 0.55},
    ),
    (
        "Power calculations showed that [N] children per group would be sufficient to detect a 20% "
        "difference in the prevalence of amber lung (40% vs 20%) with 80% power and 95% confidence.",
        {"proportion_1": 0.4, "proportion_2": 0.2, "alpha": 0.05},
    ),
    (
        "We estimated that [N] women per group would give 80% power to detect a halving of the rate of "
        "infection, from 10% to 5%, at the 5% level.",
        {"proportion_1": 0.1, "proportion_2": 0.05},
    ),
    (
        "Twenty-five percent of the control group and 45% of the intervention group were expected to "
        "respond; with alpha set at 5% and power at 85%, [N] people were needed in each group.",
        {"proportion_1": 0.25, "proportion_2": 0.45, "power": 0.85},
    ),
    (
        "A correlation of 0.35 can be detected with [N] patients at a power of 80% and a two-sided alpha of 0.05.",
        {"design": "correlation", "correlation": 0.35},
    ),
    (
        "An effect size of 0.25 (Cohen's f) for a one-way ANOVA with three groups, α = .05 and power = .80, "
        "requires [N] participants in total.",
        {"design": "anova", "effect_size": 0.25},
    ),
    (
        "To show a difference of 1.5 kg with a standard deviation of change of 3.2 kg, [N] subjects per "
        "group are required (80% power, 5% significance). Allowing for a 20% drop-out rate, [number] "
        "subjects will be recruited.",
        {"mean_difference": 1.5, "sd": 3.2, "drop_out": 0.2},
    ),
    (
        "The primary outcome is change in the WOMBAT-36 score at 12 weeks. A difference of 8 points is "
        "clinically important; assuming an SD of 16, [N] participants per group give 80% power at the 5% "
        "level (two-sided).",
        {"mean_difference": 8, "sd": 16},
    ),
    (
        "With 90% power, at the 5% two-sided significance level, [N] patients in each group were needed to "
        "detect a reduction of 10 mm Hg in blood pressure, assuming that the standard deviation was 20 mm "
        "Hg.",
        {"mean_difference": 10, "sd": 20, "power": 0.9},
    ),
    (
        "The rate of fistula was expected to be 35% with standard care. A sample size of [N] patients per "
        "group was needed to detect a 50% reduction with 80% power and a significance level of 5%.",
        {"proportion_1": 0.35, "proportion_2": 0.175},
    ),
    (
        "We calculated that [N] patients in each group would be needed to detect a 15% absolute difference "
        "in remission, from 30% to 45%, with a type I error of 5% and a type II error of 20%.",
        {"proportion_1": 0.3, "proportion_2": 0.45, "power": 0.8},
    ),
    (
        "Sample size: assuming 50% adherence in controls, to detect an improvement to 65% at 80% power and "
        "5% significance, [N] patients per group are required.",
        {"proportion_1": 0.5, "proportion_2": 0.65},
    ),
    (
        "Previous work suggests mean scores of 52 and 46 in the two groups with a standard deviation of 11. "
        "With α at 0.05 and power of 80%, [N] subjects per group were required.",
        {"mean_difference": 6, "sd": 11},
    ),
    (
        "To have an 80% chance of detecting, as significant at the 5% level, a decrease in the primary "
        "outcome measure from 18 in the control group to 14 in the experimental group (SD 7), [N] patients "
        "per group are required.",
        {"mean_difference": 4, "sd": 7, "power": 0.8},
    ),
    (
        "Based on a two-sided alpha of 0.05, a power of 0.80, and an expected difference in means of 0.4 "
        "with a common standard deviation of 0.9, [N] patients per group were needed.",
        {"mean_difference": 0.4, "sd": 0.9},
    ),
    (
        "It was calculated that [N] patients per group would be required to demonstrate a reduction in the "
        "incidence of nausea from 60 to 30% (alpha=0.05, power=0.8).",
        {"proportion_1": 0.6, "proportion_2": 0.3},
    ),
    (
        "A power analysis indicated that [N] patients per group were needed to detect a 20 min difference in "
        "the time to first analgesia (SD 30 min) with alpha=0.05 and beta=0.1.",
        {"mean_difference": 20, "sd": 30, "power": 0.9},
    ),
    (
        "The incidence of hypotension was assumed to be 55%. We considered a 25% absolute reduction "
        "relevant. With power 80% and α error 5%, [N] patients per group were needed.",
        {"proportion_1": 0.55, "proportion_2": 0.3},
    ),
    (
        "The proportion of responders was estimated at 0.30 in the placebo group and 0.50 in the active "
        "group. For 80% power (two-tailed test, p<0.05) [N] patients per group were required.",
        {"proportion_1": 0.3, "proportion_2": 0.5},
    ),
    (
        "Sample size was based on detecting a 1-day difference in length of stay with a standard deviation "
        "of 2 days; [N] patients per group provide 80% power with an alpha level of 0.05.",
        {"mean_difference": 1, "sd": 2},
    ),
    (
        "A mean reduction in HbA1c of 0.5% (SD 1.1%) was considered relevant; 90% power and a 5% "
        "significance level need [N] patients per arm.",
        {"mean_difference": 0.5, "sd": 1.1, "power": 0.9},
    ),
    (
        "A sample size of [N] was needed to test whether the response rate exceeds a null value of 20%, if "
        "the true rate is 40%, in this single-arm study with 80% power and one-sided alpha of 0.05.",
        {"design": "one_proportion", "proportion_1": 0.2, "proportion_2": 0.4, "sides": 1},
    ),
    (
        "To detect an odds ratio of 2.0 with 25% exposed among controls, 80% power and 5% significance, [N] "
        "patients per group are needed.",
        {"proportion_1": 0.25, "proportion_2": 0.4},
    ),
    (
        "Assuming equivalence limits of ±10 points and a standard deviation of 20 points, [N] patients per "
        "group are required for equivalence with 80% power and 5% significance.",
        {"design": "equivalence_means", "margin": 10, "sd": 20},
    ),
    (
        "[N] patients per group would provide 80% power to detect an increase from 5% to 15% in adverse "
        "events, at p = 0.05.",
        {"proportion_1": 0.05, "proportion_2": 0.15},
    ),
    (
        "Sample size estimation was based on the assumption that 70% of the patients in the fictumab group "
        "and 50% in the control group would be pain-free. For an alpha of 0.05 and a beta of 0.2, [number] "
        "patients per group were required. To compensate for a 10% drop-out rate we planned to include [N] "
        "patients.",
        {"proportion_1": 0.7, "proportion_2": 0.5, "power": 0.8, "drop_out": 0.1},
    ),
    (
        "A total of [N] subjects ([number] per group) was needed to provide 80% power to detect a 10% "
        "difference between groups in the proportion with fever (30% vs. 40%), using a two-sided chi-square "
        "test with a significance level of 5%, assuming 15% attrition.",
        {"proportion_1": 0.3, "proportion_2": 0.4, "drop_out": 0.15},
    ),
    (
        "Assuming a SD of 2.5 in the change of ear score, a study with [N] patients per arm would have a "
        "power of 90% to detect a between-group difference of 1.2 (two-sided test, alpha 0.05).",
        {"sd": 2.5, "mean_difference": 1.2, "power": 0.9},
    ),
    (
        "The study had a power of 0.90 to detect a mean difference of 0.3 mmol/L with an SD of 0.8 mmol/L at "
        "p<0.05 with [N] participants in each group.",
        {"sd": 0.8, "mean_difference": 0.3},
    ),
    (
        "In order to detect a medium effect size (d=0.5) with 80% power and alpha=0.05 (two-tailed), [N] "
        "participants were needed in total for the two groups.",
        {"effect_size": 0.5, "power": 0.8},
    ),
    (
        "We anticipated that the success rate would be 90% with the new technique compared with 70% with the "
        "conventional technique. [N] patients per group were required with α = 0.05 and 1-β = 0.80.",
        {"proportion_1": 0.9, "proportion_2": 0.7, "power": 0.8},
    ),
    (
        "Given an expected rate of 8 per cent in the control group and 4 per cent in the treatment group, "
        "and with a two-sided significance level of 5 per cent and a power of 90 per cent, [N] patients per "
        "group were required.",
        {"proportion_1": 0.08, "proportion_2": 0.04, "power": 0.9},
    ),
    (
        "The SD of the primary outcome was estimated to be 10 points. To detect a difference of 5 points "
        "(half a standard deviation) with 90% power at the 5% level, [N] patients per group are needed.",
        {"effect_size": 0.5},
    ),
    (
        "With a two-sided test at the 5% level, a trial of [N] patients would have 85% power to detect a "
        "reduction in mortality from 30% to 20%; two arms.",
        {"proportion_1": 0.3, "proportion_2": 0.2, "power": 0.85},
    ),
    (
        "Our primary endpoint is the visual analogue scale (0-100 mm). We consider 15 mm a relevant "
        "difference and expect a standard deviation of 25 mm. With alpha = 5% and power = 80%, [N] patients "
        "are necessary in each group.",
        {"mean_difference": 15, "sd": 25},
    ),
    (
        "It was estimated that 40% of women in the usual care group and 55% of women in the intervention "
        "group would breastfeed at 6 months. To detect this difference (alpha=0.05, power=80%), [N] women "
        "per group were needed, and [number] after allowing for 20% loss to follow-up.",
        {"proportion_1": 0.4, "proportion_2": 0.55, "drop_out": 0.2},
    ),
    (
        "Enrolment of [N] patients was planned to yield 80% power to detect a 30% relative reduction in the "
        "event rate, assuming a placebo event rate of 25% (two-sided alpha 0.05).",
        {"proportion_1": 0.25, "proportion_2": 0.175},
    ),
    (
        "From a previous study the standard deviation of walking distance was 60 m. A difference of 35 m was "
        "regarded as clinically important; with a power of 0.8 and a significance level of 0.05, [N] "
        "patients per group were needed.",
        {"mean_difference": 35, "sd": 60},
    ),
    (
        "To detect a reduction of one third in the incidence of relapse from 45% with 80% power at 5% "
        "significance, [N] patients per group are required.",
        {"proportion_1": 0.45},
    ),
    (
        "Based on a mean of 120 s (SD 40 s), [N] patients in each group would detect a 25% decrease with 80% "
        "power and a type I error of 0.05.",
        {"mean_difference": 30, "sd": 40},
    ),
    (
        "A sample of [N] in each group will have 80% power to detect a difference in means of 3.0, assuming "
        "that the common standard deviation is 6.5, using a two group t-test with a 0.05 two-sided "
        "significance level.",
        {"mean_difference": 3, "sd": 6.5},
    ),
    (
        "When the sample size in each group is [N], a two group chi-square test with a 0.050 two-sided "
        "significance level will have 80% power to detect the difference between a proportion of 0.20 and a "
        "proportion of 0.40.",
        {"proportion_1": 0.2, "proportion_2": 0.4},
    ),
    (
        "The required sample was [N] for each group, with 95% power, an alpha of 5%, a difference of 2 days "
        "and a standard deviation of 3 days.",
        {"mean_difference": 2, "sd": 3, "power": 0.95},
    ),
    (
        "The study was powered at 80% to detect a 20 mmHg difference (SD 30 mmHg) with a type-I error rate "
        "of 5%: [N] per arm.",
        {"mean_difference": 20, "sd": 30, "power": 0.8},
    ),
    (
        "We planned [N] randomised patients in 2:1 allocation for 90% power to detect a response rate of 45% "
        "versus 25% at a two-sided 5% significance level.",
        {"proportion_1": 0.45, "proportion_2": 0.25, "allocation_ratio": 2, "power": 0.9},
    ),
    (
        "A sample size of [N] per group has 80% power to detect a difference between mean changes of 0.8 and "
        "0.3, with an SD of 0.9 in both groups, at 5% significance.",
        {"mean_difference": 0.5, "sd": 0.9},
    ),
    (
        "Using a significance level of 0.05 with a power of 0.9 the number of patients needed was [N] per "
        "group, if the infection rate fell by half from 16% to 8%.",
        {"proportion_1": 0.16, "proportion_2": 0.08, "power": 0.9},
    ),
    (
        "The sample of [N] patients per group was based on an expected between-group difference of 10 in the "
        "FEVER-20 scale, an SD of 18, a two-sided alpha of .05 and a power of .90.",
        {"mean_difference": 10, "sd": 18, "power": 0.9},
    ),
    (
        "We assumed that 15% of the placebo group and 5% of the treated group would relapse within 12 "
        "months. A study of [N] patients per group would have 80% power (α 0.05) to detect this.",
        {"proportion_1": 0.15, "proportion_2": 0.05},
    ),
    (
        "Hypothesising that complication rates would drop from 22% to 11%, [N] patients in each arm were "
        "needed (80% power, p<0.05, two-sided Fisher's exact test).",
        {"proportion_1": 0.22, "proportion_2": 0.11, "test": "fisher"},
    ),
    (
        "Assuming 55% or more of patients in group 2 and 35% of patients in group 1 would respond, [N] "
        "patients per group were required to achieve greater than 90% power (two-sided chi-square, α = "
        "0.05).",
        {"proportion_1": 0.55, "proportion_2": 0.35, "power": 0.9},
    ),
    (
        "The trial required [N] events for 90% power to detect a hazard ratio of 0.70 using a two-sided "
        "log-rank test at the 5% level; with accrual over 24 months and a further 12 months of follow-up "
        "this needs [number] patients.",
        {"design": "survival", "hazard_ratio": 0.7, "power": 0.9},
    ),
    (
        "We hypothesised an improvement in 2-year progression-free survival from 40% to 55%. With a "
        "two-sided alpha of 0.05 and 80% power, [N] patients are needed in total in the two arms (log-rank "
        "test).",
        {"design": "survival", "event_rate_1": 0.6, "event_rate_2": 0.45},
    ),
    (
        "The median survival in the control arm was expected to be 9 months; an increase to 12 months was "
        "considered relevant. With 80% power and a two-sided 5% level, [N] events were needed.",
        {"design": "survival", "median_1": 9, "median_2": 12},
    ),
    (
        "In this three-arm trial a difference of 6 points between any two groups (SD 14) should be found "
        "with 80% power at the 5% level, for which [N] patients per group are needed.",
        {"mean_difference": 6, "sd": 14, "arms": 3},
    ),
    (
        "We expected a mean (± SD) of 12 ± 4 days in the control group, and considered a reduction of 2 days "
        "relevant. With alpha 0.05 and power 90%, [N] patients per group were required.",
        {"mean_difference": 2, "sd": 4, "power": 0.9},
    ),
    (
        "Given a within-group standard deviation of 1.1, [N] children per group allow detection of a "
        "difference of 0.5 z-scores with 90% power and 5% significance.",
        {"mean_difference": 0.5, "sd": 1.1},
    ),
    (
        "For a two-sided significance level of 5% and 80% power, [N] women in each group would be needed to "
        "detect an increase in the proportion breastfeeding at six weeks from 30% to 40%.",
        {"proportion_1": 0.3, "proportion_2": 0.4},
    ),
    (
        "It was assumed that the incidence of shivering would be 50% in the saline group, and that a "
        "reduction to 20% would be of clinical importance. [N] patients per group were needed (α = 0.05, "
        "power = 80%).",
        {"proportion_1": 0.5, "proportion_2": 0.2},
    ),
    (
        "Our sample size of [N] in each group was chosen to detect a difference of one standard deviation "
        "with a power of 90% at a 5% level.",
        {"effect_size": 1, "power": 0.9},
    ),
    (
        "A prior study showed a mean of 5.2 (SD 2.1). Assuming that the treatment would lower this by 1.5, "
        "[N] patients per group were required for a power of 80% with a type I error of 0.05.",
        {"mean_difference": 1.5, "sd": 2.1},
    ),
    (
        "The number of patients needed was calculated to be [N] in each group to show a difference in the "
        "failure rate from 20% in one group to 5% in the other, with a power of 80% and p<0.05.",
        {"proportion_1": 0.2, "proportion_2": 0.05},
    ),
    (
        "A sample size of [N] patients per treatment was estimated to give 80% power to detect a treatment "
        "difference of 0.12 L in trough FEV1, assuming a standard deviation of 0.25 L and a two-sided "
        "significance level of 0.05.",
        {"mean_difference": 0.12, "sd": 0.25},
    ),
    (
        "With [N] participants per group, the trial has 90% power to show a between-group difference of 12 "
        "mm on a 100 mm scale, given an SD of 25 mm (two-sided alpha 5%).",
        {"mean_difference": 12, "sd": 25, "power": 0.9},
    ),
    (
        "The primary hypothesis is that 10% fewer patients will relapse (25% v 35%). To show this with 80% "
        "power and 5% two-sided significance, [N] patients per arm are needed.",
        {"proportion_1": 0.25, "proportion_2": 0.35},
    ),
    (
        "We assumed a success rate of 65% with standard care and 80% with fictumab. Setting type 1 error at "
        "0.05 and type 2 error at 0.2, [N] patients were needed per arm.",
        {"proportion_1": 0.65, "proportion_2": 0.8, "power": 0.8},
    ),
    (
        "Sample size calculations assumed a 3-month abstinence rate of 12% in the control group and 24% in "
        "the intervention group, 80% power, and a two-tailed alpha of .05, yielding [N] per group.",
        {"proportion_1": 0.12, "proportion_2": 0.24},
    ),
    (
        "The minimum clinically important difference is 1.0 point on the severity scale (SD 1.8). With alpha "
        "= .05, two tailed, and power = .80, a sample of [N] per arm is necessary; anticipating 15% "
        "attrition, [number] per arm were enrolled.",
        {"mean_difference": 1.0, "sd": 1.8, "drop_out": 0.15},
    ),
    (
        "Power calculation: for a 15 bpm difference in heart rate with a standard deviation of 20 bpm, power "
        "of 90% and significance of 5%, [N] patients in each group.",
        {"mean_difference": 15, "sd": 20, "power": 0.9},
    ),
    (
        "With an alpha of 0.05, [N] patients per group would yield a power of 80% if the true response rates "
        "were 0.60 and 0.80.",
        {"proportion_1": 0.6, "proportion_2": 0.8},
    ),
    (
        "A total sample of [N] was needed for a paired t test to detect a mean difference of 3 with a "
        "standard deviation of differences of 7, at 80% power and alpha 0.05.",
        {"design": "paired_means", "mean_difference": 3, "sd": 7},
    ),
    (
        "To detect a decrease in mean pain from 50 mm to 35 mm with an SD of 22 mm (power 85%, alpha 5%), "
        "[N] patients per group were needed.",
        {"mean_difference": 15, "sd": 22, "power": 0.85},
    ),
    (
        "We needed [N] patients to have a 90% power to detect a 40% reduction in the primary outcome, "
        "expected in 18% of controls, at the two-sided 0.05 level.",
        {"proportion_1": 0.18, "proportion_2": 0.108, "power": 0.9},
    ),
    (
        "The study was designed with 80% power to detect a 5-percentage-point difference, from 10% to 15%, "
        "at a 2-sided significance level of .05; this required [N] patients.",
        {"proportion_1": 0.1, "proportion_2": 0.15},
    ),
    (
        "Assuming a common SD of 1.3%, [N] patients per arm provide 90% power to detect a treatment "
        "difference of 0.5% in HbA1c at the two-sided 5% level.",
        {"mean_difference": 0.5, "sd": 1.3},
    ),
    (
        "With clusters of 15 patients and an intra-practice correlation coefficient of 0.04, [N] patients in "
        "all are needed to detect a difference between 30% and 45% with 80% power and 5% significance in two "
        "arms.",
        {"design": "cluster_proportions", "cluster_size": 15, "icc": 0.04, "proportion_1": 0.3, "proportion_2": 0.45},
    ),
    (
        "We assumed 25 pupils per class, an intraclass correlation for the ear score of 0.1, a standard "
        "deviation of 6 and a difference of 2; [N] pupils per arm give 80% power at the 5% level.",
        {"design": "cluster_means", "cluster_size": 25, "icc": 0.1, "sd": 6, "mean_difference": 2},
    ),
    (
        "The sample size of [N] per group (80% power, alpha 0.05, SD 10, difference 5) was increased by 15% "
        "to [number].",
        {"sd": 10, "mean_difference": 5, "drop_out": 0.15},
    ),
    (
        "In this phase II study a response rate below 10% was uninteresting and 30% the target response. "
        "With an alpha of 0.05 and power of 80%, [N] patients are needed.",
        {"design": "one_proportion", "proportion_1": 0.1, "proportion_2": 0.3},
    ),
    (
        "We powered the study on the walking test, whose standard deviation at baseline in our earlier "
        "cohort of older people living at home was 80 m. A difference of 40 m was deemed relevant. 80% power "
        "and a two-sided 5% level require [N] patients per arm.",
        {"sd": 80, "mean_difference": 40},
    ),
    (
        "Mean length of stay was 8.5 (SD 3.2) days. A 20% reduction was considered important. With 80% power "
        "and 5% significance [N] patients per group were needed.",
        {"mean_difference": 1.7, "sd": 3.2},
    ),
    (
        "Based on pilot data (mean 14.2, SD 3.1 in the control group; mean 12.1, SD 2.9 in the treatment "
        "group), [N] patients per group were needed for 90% power with an alpha of 0.05.",
        {"mean_difference": 2.1, "power": 0.9},
    ),
    (
        "We calculated that [N] patients per group were required to detect a difference of 0.8 in the fever "
        "score with a power of 0.8, alpha of 0.05, and an estimated SD of 1.4. Ten per cent dropped out in "
        "the pilot.",
        {"mean_difference": 0.8, "sd": 1.4},
    ),
    (
        "Assuming that 60% of those in the control arm and 80% of those in the fictumab arm will be free of "
        "fever at day 28, [N] patients per arm provide 90% power (two-sided alpha=5%).",
        {"proportion_1": 0.6, "proportion_2": 0.8, "power": 0.9},
    ),
    (
        "A sample size of [N] patients was needed to detect a clinically significant difference of 20 mm in "
        "VAS pain between the two groups with SD = 25 mm, α = 0.05 and 80% power, plus 10% for drop-outs.",
        {"mean_difference": 20, "sd": 25, "drop_out": 0.1},
    ),
    (
        "Power analysis: to show that the incidence of cough is reduced from 60% to 30% (by half) with an α "
        "error of 5% and β error of 10%, [N] patients per group.",
        {"proportion_1": 0.6, "proportion_2": 0.3, "power": 0.9},
    ),
    (
        "The ear index is expected to be 3.5 in the control group and 2.8 in the intervention group, with a "
        "standard deviation of 1.2. [N] per group give 80% power at 5%.",
        {"mean_difference": 0.7, "sd": 1.2},
    ),
    (
        "An absolute risk reduction of 8% from a baseline risk of 24% would need [N] patients per group at "
        "80% power and 5% significance.",
        {"proportion_1": 0.24, "proportion_2": 0.16},
    ),
    (
        "A two-sided 5% significance test with [N] patients per group has 80% power to detect a change in "
        "the success rate of 20% from the 55% seen in controls.",
        {"proportion_1": 0.55, "proportion_2": 0.75},
    ),
    (
        "Between-group difference of at least 3.5 units (pooled standard deviation = 7.1 units), "
        "significance level 5%, power 80%: [N] participants per group.",
        {"mean_difference": 3.5, "sd": 7.1},
    ),
    (
        "If the true difference is 4 mmHg and the standard deviation 11 mmHg, a trial with [N] patients per "
        "group will reject the null hypothesis with probability (power) 0.9 at a type I error of 0.05.",
        {"mean_difference": 4, "sd": 11, "power": 0.9},
    ),
    (
        "A standard deviation (SD) of 5 and a difference of 3 were assumed; 80% power, alpha 0.05: [N] per group.",
        {"sd": 5, "mean_difference": 3},
    ),
    (
        "With SDs of 10.5 and 9, a difference of 6 units needs [N] per group at 80% power and 5% significance level.",
        {"mean_difference": 6},
    ),
    (
        "For a difference of 3 (SD=5), power 0.8, α=0.05, [N] per arm.",
        {"sd": 5, "mean_difference": 3},
    ),
    (
        "For a difference of 3 (S.D. 5), power 0.8, α=0.05, [N] per arm.",
        {"sd": 5, "mean_difference": 3},
    ),
    (
        "Assuming a standard deviation of ±5 kg, [N] patients per group will detect a 3 kg difference with "
        "80% power at the 0.05 level.",
        {"sd": 5, "mean_difference": 3},
    ),
    (
        "Assuming a variance of 25, [N] patients per group will detect a difference of 3 with 80% power at "
        "the 0.05 level.",
        {"sd": 5, "mean_difference": 3},
    ),
    (
        "The difference considered was 3 mm (with standard deviation 5 mm), with 80% power at the 0.05 "
        "level: [N] per group.",
        {"sd": 5, "mean_difference": 3},
    ),
    (
        "A mean difference in weight of 3.0 kg (s.d. 5.0 kg) between groups could be detected with [N] "
        "participants per group (80% power, P=0.05).",
        {"sd": 5, "mean_difference": 3},
    ),
    (
        "A 3-point difference with an assumed standard deviation of 5 points, 80% power and two-sided alpha "
        "of 0.05 leads to [N] per group.",
        {"sd": 5, "mean_difference": 3},
    ),
    (
        "Given the SD of the change in HbA1c (1.2%), [N] per group have 90% power to detect a difference in "
        "change of 0.6% at the 5% level.",
        {"sd": 1.2, "mean_difference": 0.6},
    ),
    (
        "Assuming standard deviations of 2.0 in both groups and a mean of 7.0 in controls, [N] per group can "
        "detect a mean of 6.0 with 80% power and 5% significance.",
        {"sd": 2, "mean_difference": 1},
    ),
    (
        "We wished to detect a difference of at least 15 ml/min/1.73 m2 with an SD of 20; power 80%, "
        "significance 5%; [N] per group.",
        {"sd": 20, "mean_difference": 15},
    ),
    (
        "A decrease of the score by 3 units was considered relevant with SD 5; to show this with 80% power "
        "at alpha 0.05, [N] patients per group are needed.",
        {"sd": 5, "mean_difference": 3},
    ),
    (
        "To detect a 25% reduction in morphine use (mean 40 mg, SD 18 mg) with 80% power and alpha 0.05, [N] "
        "per group were needed.",
        {"sd": 18, "mean_difference": 10},
    ),
    (
        "The mean of the control group was assumed to be 40 mg with a standard deviation of 18 mg, and a 25% "
        "lower use relevant. 80% power, alpha .05: [N] per group.",
        {"sd": 18, "mean_difference": 10},
    ),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_what_is_read_from_a_statement(text: str, expected: dict[str, Any]) -> None:
    found = read(text)
    for name, value in expected.items():
        assert getattr(found.assumptions, name) == pytest.approx(value), name
    required(found.assumptions)


@pytest.mark.parametrize(
    "text",
    [
        "[N] patients per group give enough power.",
        "[N] patients per group give 80% power at 5% significance to detect a difference of 20%.",
        "With 80% power and then 90% power at 5% significance, [N] patients tell 30% from 50%.",
        "With 80% power at 5% significance [N] patients tell an SD of 5 or an SD of 7 and a difference of 3.",
        "By simulation, [N] patients per group give 80% power at 5% to tell rates of 30% and 50%.",
    ],
)
def test_what_is_in_doubt_is_not_claimed(text: str) -> None:
    assert not read(text).claims


@given(
    st.text(max_size=300) | st.text(alphabet="power 80%[N]1.23 SD ± from to patients per group.βα,()-", max_size=200)
)
@settings(derandomize=True, max_examples=300, deadline=None)
def test_any_text_is_read_without_fault(text: str) -> None:
    found = read(text).assumptions
    with contextlib.suppress(NotEnough):
        assert required(found).total > 0


# --- computing


def test_each_design_is_the_calculation_of_power() -> None:
    pair: dict[str, Any] = {"alpha": 0.05, "power": 0.9}
    for given_, expected in (
        (Assumptions(mean_difference=5, sd=12, **pair), power.t_test(difference=5, sd=12, power=0.9)),
        (Assumptions(effect_size=0.4, sides=1, **pair), power.t_test(difference=0.4, sd=1, sides=1, power=0.9)),
        (
            Assumptions(design="paired_means", mean_difference=5, sd=12, **pair),
            power.paired_t_test(difference=5, sd_difference=12, power=0.9),
        ),
        (
            Assumptions(design="two_proportions", proportion_1=0.3, proportion_2=0.45, test="pooled", **pair),
            power.proportions(control=0.3, treatment=0.45, power=0.9),
        ),
        (
            Assumptions(design="noninferiority_proportions", proportion_1=0.8, margin=0.1, **pair),
            power.noninferiority_proportions(control=0.8, margin=0.1, power=0.9),
        ),
        (
            Assumptions(design="cluster_means", mean_difference=5, sd=12, icc=0.05, cluster_size=20, **pair),
            power.cluster_means(difference=5, sd=12, icc=0.05, cluster_size=20, power=0.9),
        ),
        (
            Assumptions(design="anova", effect_size=0.25, arms=4, **pair),
            power.anova(groups=4, effect_size=0.25, power=0.9),
        ),
    ):
        found = required(given_)
        assert (found.total, found.per_arm) == (expected.n_total, max(expected.n_per_arm))


def test_drop_out_arms_and_events() -> None:
    plain = required(Assumptions(effect_size=0.5))
    lost = required(Assumptions(effect_size=0.5, drop_out=0.2, arms=3))
    assert (plain.per_arm, plain.total) == (64, 128)
    assert (lost.per_arm, lost.total, lost.enrolled_per_arm, lost.enrolled_total) == (64, 192, 80, 240)
    assert lost.size("total", True) == 240
    assert lost.size("total", False) == lost.size("total", None) == 192
    deaths = required(Assumptions(design="survival", hazard_ratio=0.75))
    assert deaths.size("events", None) == 380
    assert deaths.total == 380, "where nothing tells the share with an event, all are taken to have one"
    half = required(Assumptions(design="survival", hazard_ratio=0.75, event_probability=0.5))
    assert half.total == pytest.approx(760, abs=2)


def test_what_does_not_suffice_says_so() -> None:
    for lacking in (
        Assumptions(),
        Assumptions(mean_difference=5),
        Assumptions(mean_difference=0, sd=1),
        Assumptions(design="two_proportions", proportion_1=0.3),
        Assumptions(design="two_proportions", proportion_1=0.3, proportion_2=0.3),
        Assumptions(design="survival"),
        Assumptions(effect_size=0.5, alpha=7.0),
    ):
        with pytest.raises(NotEnough):
            required(lacking)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "A one-group chi-square test with a 5% two-sided significance level will have 90% power to detect the "
            "difference between the null rate of 55% and a rate of 70% of any treatment arm with [N] patients.",
            {"design": "one_proportion", "proportion_1": 0.55, "proportion_2": 0.7, "arms": None},
        ),
        (
            "With an incidence of cramps of 14% under placebo, an effect of 40%, power of 85% and alpha of 5%, [N] "
            "swimmers per group are needed.",
            {"proportion_1": 0.14, "proportion_2": 0.084},
        ),
        (
            "We assume that the tea lowers the share of sleepless nights by 30% (12.0% to 8.4%); for a power of 80% "
            "[N] sleepers per arm are needed.",
            {"proportion_1": 0.12, "proportion_2": 0.084},
        ),
        (
            "[N] knitters give 90% power to detect an absolute difference in this outcome between treatment groups of "
            "25%, assuming a control group rate of 10% and alpha of 0.05.",
            {"proportion_1": 0.1, "proportion_2": 0.35},
        ),
        (
            "Fluid would increase from an expected 35 ± 17 ml to 45 ml; [N] hikers in each group give 80% power at a "
            "two-sided level of 0.05.",
            {"mean_difference": 10.0, "sd": 17.0},
        ),
        (
            "We powered the study for a difference in day 1 warmth of 16 points, with an SD of 20 points: [N] each "
            "give 80% power with a one-tail α = 0.05.",
            {"mean_difference": 16.0, "sd": 20.0, "sides": 1},
        ),
        (
            "A change from 83 to 50 % would need [N] climbers (alpha and beta error of 0.05 and 0.2).",
            {"power": 0.8, "alpha": 0.05},
        ),
    ],
)
def test_wordings_of_more_articles(text: str, expected: dict[str, Any]) -> None:
    found = msgspec.structs.asdict(read(text).assumptions)
    assert {key: found[key] for key in expected} == pytest.approx(expected)


@pytest.mark.parametrize(("text", "answer_type", "includes_drop_out", "assumed"), STATEMENTS)
def test_sizes_of_further_wordings(
    text: str, answer_type: str, includes_drop_out: bool, assumed: dict[str, Any]
) -> None:
    meant = required(Assumptions(**({"alpha": 0.05, "power": 0.8} | assumed)))
    found = required(supposed(read(text).assumptions))
    assert found.size(answer_type, includes_drop_out) == pytest.approx(
        meant.size(answer_type, includes_drop_out), rel=0.06
    )


@pytest.mark.parametrize(
    "text",
    [
        "[N] walkers per group give 80% power at a 5% level to detect an effect size of 0.5.",
        "[N] walkers per group give 80% power at a 5% level to detect 5 m (SD 9 m) by a paired t test.",
        "[N] walkers per group give 80% power at a 5% level to detect 5 m (SD 9 m) in a mixed model.",
        "[N] walkers per group give 80% power at a 5% level to detect 5 m (SD 90 m).",
        "[N] walkers per group give 80% power at a 5% level to detect 5 m (SD 2 m).",
    ],
)
def test_what_printed_sizes_seldom_follow_from_is_not_claimed(text: str) -> None:
    reading = read(text)
    assert reading.is_printed
    required(reading.assumptions)
    assert not claims_all(reading, "per_arm")
    sure = "[N] walkers per group give 80% power at a 5% level to detect 5 m (SD 9 m)."
    assert claims_all(read(sure), "per_arm")


def test_a_crossover_without_a_spread_is_supposed_to_be_within_participants() -> None:
    text = "In a crossover study [N] knitters give 80% power at 0.05 to detect a difference of 3 rows."
    assert (
        required(supposed(read(text).assumptions)).total
        == power.one_sample_t_test(difference=2 / 3, sd=1.0, alpha=0.05, sides=2, power=0.8).n_total
    )


def test_a_difference_without_its_spread_is_supposed_to_be_the_usual_one_and_never_claimed() -> None:
    reading = read("To detect a difference of 3 points with 80% power at 0.05, [N] walkers per group are needed.")
    assert not reading.claims
    with pytest.raises(NotEnough):
        required(reading.assumptions)
    assert required(supposed(reading.assumptions)).per_arm == 37
    told = Assumptions(mean_difference=5, sd=12, power=0.8)
    assert supposed(told) == told
    assert supposed(Assumptions()) == Assumptions()


def test_how_many_arms_the_question_knows_counts_more_than_a_test_for_two_groups() -> None:
    text = "[N] divers give 90% power to detect a difference of 13 with an SD of 40 (two-group t-test, 5% two-sided)."
    assert reading_of(Calculation(text, "total", 3, None)).assumptions.arms == 3
    assert reading_of(Calculation(text, "total", None, None)).assumptions.arms == 2
    alone = "[N] divers give 90% power to tell 45% from 30% by a one-group chi-square test (5% two-sided)."
    assert reading_of(Calculation(alone, "total", 2, None)).assumptions.arms is None


# --- answering


def _asked(text: str, answer_type: str = "per_arm", size: int = 100, origin: str = "reported") -> Sample[Any, Any]:
    return Sample(
        id="a@1", subject="a", split="test", group="a", date="", strata={"origin": origin},
        inputs=Calculation(text, answer_type, 2),  # type: ignore[arg-type]
        gold=Planned(size, answer_type),  # type: ignore[arg-type]
    )  # fmt: skip


def test_the_calculator_computes_or_falls_back_to_the_median_of_training() -> None:
    assert baseline("calculator") is Calculator
    chosen = Calculator()
    chosen.fit([_asked("x", size=n) for n in (10, 30, 80)] + [_asked("x", size=9_000, origin="generated")], TASK)
    unreadable, clear = _asked("[N] patients give enough power."), _asked(CASES[6][0])
    assert TASK.read(chosen.answer(unreadable), unreadable) == Planned(30, "per_arm")
    assert not chosen.claims(unreadable)
    assert TASK.read(chosen.answer(clear), clear) == Planned(
        power.t_test(difference=4, sd=9, power=0.9).n_per_arm[0], "per_arm"
    )
    assert chosen.claims(clear)
    total = _asked("[N] in all give 80% power at 5% significance to detect a difference of 5 (SD 9).", "total")
    assert chosen.claims(total), "the question tells the arms"


def test_the_calculator_answers_questions_for_sizes_only() -> None:
    assert Calculator.answers(TASK, _asked("x"))
    assert not Calculator.answers(task("trial_completion"), _asked("x"))


def test_made_up_designs_are_computed_as_they_were_made() -> None:
    exact = 0
    found = list(designs(_split_of, "test", 300, SEED))
    for design in found:
        reading = read(design.text)
        assert reading.claims, design.text
        exact += required(reading.assumptions).size(design.answer_type, design.includes_drop_out) == design.size
    assert exact / len(found) >= 0.9


# --- real statements


@pytest.fixture(scope="module")
def measured() -> ModuleType:
    path = Path(__file__).parents[2] / "benchmarks" / "sample_size.py"
    spec = importlib.util.spec_from_file_location("sample_size_benchmark", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_real_statements_given_their_inputs(measured: ModuleType) -> None:
    whole = [one for one in json.loads(measured.HELD_OUT.read_text())["statements"] if one["complete"]]
    assert len(whole) >= 60
    outcomes = measured.from_inputs(whole)
    assert sum(measured.within(one, 20) for one in outcomes) / len(outcomes) >= 0.85
    assert sum(measured.within(one, 10) for one in outcomes) / len(outcomes) >= 0.65


def test_real_statements_from_their_words(measured: ModuleType, shared_data: Path) -> None:
    whole = [one for one in json.loads(measured.HELD_OUT.read_text())["statements"] if one["complete"]]
    outcomes = measured.from_text(whole, measured.articles())
    claimed = [one for one in outcomes if one.claims]
    assert sum(measured.within(one, 20) for one in outcomes) / len(outcomes) >= 0.5
    assert sum(measured.within(one, 20) for one in claimed) / len(claimed) >= 0.7
