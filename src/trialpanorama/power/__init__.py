"""Sample size and power: what a trial's design needs, by published formulas and exact computation, usable alone.

Each calculation takes named assumptions and solves for what is not given: the size, the power, or the effect that can
be detected. `METHODS` lists them. Sizes are rounded up in each arm. A result says what it rests on, by which formula,
and how it was computed, step by step.

    >>> from trialpanorama import power
    >>> power.t_test(difference=5, sd=12, power=0.9).n_per_arm
    (123, 123)
"""

from __future__ import annotations

from trialpanorama.power._core import METHODS, Method, Parameter, Sizing
from trialpanorama.power._explore import Assurance, assurance, curve, find_method, sensitivity
from trialpanorama.power._means import (
    anova,
    bioequivalence,
    cluster_means,
    correlation,
    crossover,
    equivalence_means,
    noninferiority_means,
    one_sample_t_test,
    paired_t_test,
    t_test,
)
from trialpanorama.power._proportions import (
    cluster_proportions,
    diagnostic,
    dropout,
    equivalence_proportions,
    mcnemar,
    noninferiority_proportions,
    one_proportion,
    proportions,
)
from trialpanorama.power._sequential import boundaries, group_sequential
from trialpanorama.power._survival import log_rank

__all__ = [
    "METHODS", "Assurance", "Method", "Parameter", "Sizing", "anova", "assurance", "bioequivalence", "boundaries",
    "cluster_means", "cluster_proportions", "correlation", "crossover", "curve", "diagnostic", "dropout",
    "equivalence_means", "equivalence_proportions", "find_method", "group_sequential", "log_rank", "mcnemar",
    "noninferiority_means", "noninferiority_proportions", "one_proportion", "one_sample_t_test", "paired_t_test",
    "proportions", "sensitivity", "t_test",
]  # fmt: skip
