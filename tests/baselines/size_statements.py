"""Fictional statements, each of which was once misread, with what a reader takes from it."""

from __future__ import annotations

from typing import Any

STATEMENTS: list[tuple[str, str, bool, dict[str, Any]]] = [
    (
        "Sample size: in the literature the incidence of shivering after spinal anaesthesia is about 55%. We "
        "considered a reduction by half to be of clinical interest. For a β of 0.2 and α of 0.05 we needed [N] "
        "patients in each group.",
        "per_arm",
        False,
        {"design": "two_proportions", "proportion_1": 0.55, "proportion_2": 0.275},
    ),
    (
        "The trial is powered to find a 0.4 standardised mean difference in the primary outcome between the two "
        "arms with 80% power and a 5% two-sided type I error, which requires [N] participants in total; allowing "
        "for 20% loss to follow up we aim for [number].",
        "total",
        False,
        {"design": "two_means", "effect_size": 0.4},
    ),
    (
        "The median survival in the standard arm is expected to be 10 months. To detect an increase to 14 months "
        "with 80% power (alpha 0.05, two-sided), [N] events must be observed.",
        "events",
        False,
        {"design": "survival", "median_1": 10, "median_2": 14},
    ),
    (
        "In this crossover study, a within-patient standard deviation of the difference of 9 units was assumed; "
        "to find a difference of 6 units with a power of 80% at alpha = 0.05, [N] patients had to complete both "
        "periods.",
        "total",
        False,
        {"design": "paired_means", "mean_difference": 6, "sd": 9},
    ),
    (
        "From previous experience we expected that 3 of 10 patients would relapse on placebo. To detect a halving"
        " of the risk with power 80% and significance level 5%, [N] patients per group are needed.",
        "per_arm",
        False,
        {"design": "two_proportions", "proportion_1": 0.3, "proportion_2": 0.15},
    ),
    (
        "We calculated that we would need [N] patients in each group to have an 80% chance of detecting, as "
        "significant at the 5% level, a decrease in the length of stay from 9 days in the control group to 7 days"
        " in the experimental group, with a standard deviation of 4 days.",
        "per_arm",
        False,
        {"design": "two_means", "mean_difference": 2, "sd": 4},
    ),
    (
        "The minimum number of patients needed to detect a 25% difference between the groups in complete healing "
        "(50% v 75%) at 12 weeks with 80% power and 5% significance was [N] per group.",
        "per_arm",
        False,
        {"design": "two_proportions", "proportion_1": 0.5, "proportion_2": 0.75},
    ),
    (
        "To demonstrate a 10 percentage point improvement over the current vaccination coverage of 60%, with 90% "
        "power and a 5% two-sided level, [N] parents would be required in all.",
        "total",
        False,
        {"design": "two_proportions", "proportion_1": 0.6, "proportion_2": 0.7, "power": 0.9},
    ),
    (
        "We needed to recruit [N] patients to each arm to be 90% certain of detecting at the 5% level a "
        "difference between recovery rates of 50% and 70%.",
        "per_arm",
        False,
        {"design": "two_proportions", "proportion_1": 0.5, "proportion_2": 0.7, "power": 0.9},
    ),
    (
        "Previous data indicate that the difference in the response of matched pairs is normally distributed with"
        " standard deviation 14. If the true difference in the mean response of matched pairs is 7, we will need "
        "to study [N] subjects to be able to reject the null hypothesis with probability (power) 0.9. The type I "
        "error probability is 0.05.",
        "total",
        False,
        {"design": "paired_means", "mean_difference": 7, "sd": 14, "power": 0.9},
    ),
    (
        "The sample size for comparing two means with repeated measures was calculated. Assuming a correlation of"
        " 0.6 between baseline and follow-up, a standard deviation of 10 and a difference of 5, [N] patients per "
        "group suffice for 90% power at the 5% level using analysis of covariance.",
        "per_arm",
        False,
        {"design": "repeated_measures", "mean_difference": 5, "sd": 10, "correlation": 0.6, "power": 0.9},
    ),
    (
        "With [N] patients the study has 80% power to detect a difference of 20 m in the six-minute walk between "
        "groups (SD 45 m; two-sided alpha 0.05).",
        "total",
        False,
        {"design": "two_means", "mean_difference": 20, "sd": 45},
    ),
    (
        "Sample size was estimated from the pilot data on stair-climbing power. To detect a clinically meaningful"
        " between-group difference of 12% in stair-climbing power, where the coefficient of variation is 15%, "
        "with 80% power at p < 0.05, [N] subjects per group were needed.",
        "per_arm",
        False,
        {"design": "two_means", "mean_difference": 12, "sd": 15},
    ),
    (
        "The prevalence of the outcome in the unexposed was estimated at 20%. With 80% power, 95% confidence and "
        "a ratio of 1:1, [N] women in each group are needed to detect a relative risk of 1.5.",
        "per_arm",
        False,
        {"design": "two_proportions", "proportion_1": 0.2, "proportion_2": 0.3},
    ),
    (
        "The power of the study to detect a reduction of the restenosis rate from 32% to 16% is 90% at a two-"
        "sided alpha level of 0.05 if [N] patients are included in each arm; with 10% of patients without follow-"
        "up angiography, [number] patients will be enrolled.",
        "per_arm",
        False,
        {"design": "two_proportions", "proportion_1": 0.32, "proportion_2": 0.16, "power": 0.9},
    ),
    (
        "Our sample size was chosen so that a 20 mm difference on the 100 mm pain scale would be detected with a "
        "power of 90% (alpha = 0.05) where the within-group SD is 28 mm. This required [N] patients ([number] in "
        "each group).",
        "total",
        False,
        {"design": "two_means", "mean_difference": 20, "sd": 28, "power": 0.9},
    ),
    (
        "It is expected that patients in the control group gain 4 (SD 8) points and those in the therapy group 9 "
        "(SD 8) points. [N] patients in each group are required for a power of 90% with a two-sided alpha of "
        "0.05.",
        "per_arm",
        False,
        {"design": "two_means", "mean_difference": 5, "sd": 8, "power": 0.9},
    ),
    (
        "Assuming a 1:1 randomisation and a baseline adherence of 55%, [N] patients (both arms together) will "
        "have 80% power for a two-sided comparison at the 0.05 level if adherence rises by 15%.",
        "total",
        False,
        {"design": "two_proportions", "proportion_1": 0.55, "proportion_2": 0.7},
    ),
    (
        "We estimated the standard deviation of the sleep time at 55 minutes and wanted to detect a difference of"
        " 30 minutes between the groups with 80% power and 5% significance. This resulted in [N] patients in each"
        " group.",
        "per_arm",
        False,
        {"design": "two_means", "mean_difference": 30, "sd": 55},
    ),
    (
        "Each group would need [N] patients so that a 15% absolute difference from the 35% recurrence with "
        "hydrocortisone could be seen (α=0.05, β=0.2, two-sided).",
        "per_arm",
        False,
        {"design": "two_proportions", "proportion_1": 0.35, "proportion_2": 0.2},
    ),
    (
        "If the true relative risk of failure for experimental subjects relative to controls is 0.5, and the "
        "failure rate in controls is 0.3, we will need to study [N] experimental subjects to reject the null "
        "hypothesis that this relative risk equals 1 with probability (power) 0.8; type I error 0.05.",
        "per_arm",
        False,
        {"design": "two_proportions", "proportion_1": 0.3, "proportion_2": 0.15},
    ),
    (
        "To show that the success rate (85%) would not be more than 10% worse with the short course, [N] patients"
        " in each group were necessary (power 80%, one-sided alpha 5%).",
        "per_arm",
        False,
        {"design": "noninferiority_proportions", "proportion_1": 0.85, "margin": 0.1, "sides": 1},
    ),
    (
        "We calculated the sample size on the basis of studies in primary care in which about 30% of patients "
        "were prescribed antibiotics. To detect a reduction of 10% (to 20%) with 80% power and 5% significance, "
        "[N] patients are needed under simple randomisation; accounting for clustering (ICC 0.03, 20 patients per"
        " practice) this increases to [number].",
        "total",
        False,
        {"design": "two_proportions", "proportion_1": 0.3, "proportion_2": 0.2},
    ),
    (
        "Previous trials reported an SD of about 7 for the quality-of-life score. For this trial to detect a "
        "moderate difference of half a standard deviation (3.5 points), with 80% power and 5% significance, [N] "
        "patients in total are needed.",
        "total",
        False,
        {"design": "two_means", "mean_difference": 3.5, "sd": 7},
    ),
    (
        "To recognise a difference of 1.0 mmol/l between groups as significant at p = 0.05 with a probability of "
        "0.9, and with a standard deviation of 1.6 mmol/l, [N] patients are needed in each group.",
        "per_arm",
        False,
        {"design": "two_means", "mean_difference": 1.0, "sd": 1.6, "power": 0.9},
    ),
    (
        "We estimated that [N] patients would be needed to detect a reduction in the primary end point by 20% "
        "with 80% power; an event rate of 25% in the placebo group at 3 years was assumed, and the two-sided "
        "significance level was 0.05.",
        "total",
        False,
        {"design": "two_proportions", "proportion_1": 0.25, "proportion_2": 0.2},
    ),
    (
        "Because of the paucity of data, the sample size was derived from two small trials of the herb in adults,"
        " in which the mean number of sneezing days fell by 3.4 (SD 4.9) more than with placebo. We considered "
        "2.5 days to be the minimum difference of clinical interest. At 80% power and a 5% two-sided level this "
        "calls for [N] patients in each arm; assuming that 15% drop out, [number] in each arm will be recruited.",
        "per_arm",
        False,
        {"design": "two_means", "mean_difference": 2.5, "sd": 4.9},
    ),
    (
        "The primary outcome was exclusive breastfeeding at 6 weeks, found in 43% of mothers in the last audit. "
        "The smallest increase of importance to policy was judged to be 12 percentage points. [N] mothers in each"
        " arm give 80% power (two-sided test, 5% level).",
        "per_arm",
        False,
        {"design": "two_proportions", "proportion_1": 0.43, "proportion_2": 0.55},
    ),
    (
        "Assuming a mean fasting glucose of 7.2 mmol/l with a standard deviation of 1.4, a fall to 6.5 mmol/l "
        "would be detected with [N] persons per group with a power of 80% at the 5% level.",
        "per_arm",
        False,
        {"design": "two_means", "mean_difference": 0.7, "sd": 1.4},
    ),
    (
        "We planned to detect an improvement in two-year failure-free survival from 60% to 72% with 80% power at "
        "the two-sided 5% level. This requires [N] events.",
        "events",
        False,
        {"design": "survival", "event_rate_1": 0.4, "event_rate_2": 0.28},
    ),
    (
        "The incidence of phlebitis with the standard cannula was assumed to be one in three. A reduction to 20% "
        "was the target. [N] cannulas in each arm give 80% power at a two-sided level of 5%.",
        "per_arm",
        False,
        {"design": "two_proportions", "proportion_1": 0.333, "proportion_2": 0.2},
    ),
    (
        "The trial aims to show that the new dressing is at least as effective as the old (margin of 7.5 days for"
        " the time to healing, SD 20 days). With a power of 80% and one-sided 2.5%, [N] patients per arm are "
        "needed.",
        "per_arm",
        False,
        {"design": "noninferiority_means", "margin": 7.5, "sd": 20, "alpha": 0.025, "sides": 1},
    ),
    (
        "We assumed an average of 6,2 attacks (standard deviation 3,1) and a reduction of 25% with treatment. "
        "With a power of 80% and p<0,05, [N] patients per group were needed.",
        "per_arm",
        False,
        {"design": "two_means", "mean_difference": 1.55, "sd": 3.1},
    ),
    (
        "For the sample size, type 1 error was put at 0.05 and type 2 error at 0.1. Mean IOP reduction was "
        "anticipated to be 7.0 mm Hg with the fixed combination and 5.5 mm Hg with the single drug (SD 3.2 mm "
        "Hg), so [N] patients were needed per group.",
        "per_arm",
        False,
        {"design": "two_means", "mean_difference": 1.5, "sd": 3.2, "power": 0.9},
    ),
    (
        "It was intended to recruit [N] patients, which would yield 80% power to detect a treatment effect of 3.5"
        " points, assuming a 15% drop-out and an SD of the change from baseline of 10 points, at a two-sided "
        "significance level of 5%.",
        "total",
        True,
        {"design": "two_means", "mean_difference": 3.5, "sd": 10, "drop_out": 0.15},
    ),
    (
        "If we take a conservative estimate of the non-attendance rate of 16%, we will need [N] patients per arm "
        "to detect a reduction in non-attendance of 6 percentage points with 80% power at a 5% level of "
        "significance.",
        "per_arm",
        False,
        {"design": "two_proportions", "proportion_1": 0.16, "proportion_2": 0.1},
    ),
    (
        "A cure rate of 93% was expected in both arms. The new regimen would be regarded as non-inferior if the "
        "upper bound of the confidence interval of the difference did not exceed 6%. With a one-sided α of 0.025 "
        "and 80% power, [N] patients per arm were needed.",
        "per_arm",
        False,
        {"design": "noninferiority_proportions", "proportion_1": 0.93, "margin": 0.06, "alpha": 0.025, "sides": 1},
    ),
    (
        "Assuming that sleep fails 30% of bed-makers, a halving of that share and a significance level of 95% and"
        " a power of 80%, [N] are needed per group.",
        "per_arm",
        False,
        {"design": "two_proportions", "proportion_1": 0.3, "proportion_2": 0.15},
    ),
    (
        "[N] wearers are required to show a paired difference between lens types of 1 ± 1.5 units with 80% power "
        "at the 5% level.",
        "total",
        False,
        {"design": "paired_means", "mean_difference": 1, "sd": 1.5},
    ),
    (
        "We assumed that flow would increase by 2% on mint and decrease by 0.5% on fennel with a standard "
        "deviation of 3%; [N] drinkers in each group give a power of 80% with an alpha error of 5%.",
        "per_arm",
        False,
        {"design": "two_means", "mean_difference": 2.5, "sd": 3},
    ),
    (
        "The yearly incidence varies between 1% and 5%. Over the study 30% are expected to be hit in the control "
        "group, and a 50% reduction is to be found with a type 1 error of 5% and 80% power: [N] per group.",
        "per_arm",
        False,
        {"design": "two_proportions", "proportion_1": 0.3, "proportion_2": 0.15},
    ),
    (
        "With an alpha of 0.05, a power of 80% and an expected difference of 30% in response rate, [N] subjects "
        "in each group were calculated.",
        "per_arm",
        False,
        {"design": "two_proportions", "proportion_1": 0.35, "proportion_2": 0.65},
    ),
    (
        "[N] riders give 90% power to detect a 20% reduction in the rate of falls, assuming 4% per year on the "
        "standard saddle and a planned follow-up of 5 years (two-sided alpha 0.05).",
        "total",
        False,
        {"design": "two_proportions", "proportion_1": 0.1846, "proportion_2": 0.1492, "power": 0.9},
    ),
    (
        "Mean block times were 1.23 (SD 1.10) in the first and 0.24 (SD 0.70) in the second group of the pilot; "
        "with a two-sided alpha of 0.05 and a power of 90%, [N] per group were needed.",
        "per_arm",
        False,
        {"design": "two_means", "mean_difference": 0.99, "sd": 0.922, "power": 0.9},
    ),
    (
        "We hypothesised an improvement of the 3-year RFS rate from 20% to 35%; with a type I error of 5% "
        "(2-sided) and a power of 75%, [N] patients in all would be required.",
        "total",
        False,
        {"design": "survival", "event_rate_1": 0.8, "event_rate_2": 0.65, "power": 0.75},
    ),
    (
        "Assuming a median PFS of 3 months on placebo and 4.5 months on the syrup (a 50% improvement), 90% power "
        "to detect a hazard ratio of 0.67 at a two-sided 5% level needs [N] events.",
        "events",
        False,
        {"design": "survival", "hazard_ratio": 0.67, "power": 0.9},
    ),
    (
        "A treatment difference (standard deviation, SD) of -5 (8.5) is to be found with 80% power at an alpha of"
        " 0.05; [N] in each arm.",
        "per_arm",
        False,
        {"design": "two_means", "mean_difference": 5, "sd": 8.5},
    ),
    (
        "A response of 50% is expected in both arms; with 12% as the maximum difference for non-inferiority, a "
        "one-sided alpha of 0.05 and a power of 80%, [N] per arm are needed.",
        "per_arm",
        False,
        {"design": "noninferiority_proportions", "proportion_1": 0.5, "margin": 0.12, "sides": 1},
    ),
    (
        "The change in iron stores of 0.5 mmol/l (standard deviation 0.8 mmol/l) at the 0.05 level and 80% power "
        "suggested that [N] subjects would be required.",
        "total",
        False,
        {"design": "paired_means", "mean_difference": 0.5, "sd": 0.8},
    ),
]
"""The words, what is asked, whether drop-out is counted in, and the assumptions (5 % two-sided and 80 % if unsaid)."""
