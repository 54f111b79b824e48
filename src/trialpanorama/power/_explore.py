"""What a plan depends on: assurance over a prior, tables of sizes over assumptions, power curves."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from trialpanorama.errors import UnknownName, UserError
from trialpanorama.power._core import METHODS, Method, Sizing, check, divide, option


def find_method(name: str) -> Method:
    """The calculation of that name; raises UnknownName with near misses."""
    if name not in METHODS:
        raise UnknownName("calculation", name, METHODS, "trialpanorama power --help")
    return METHODS[name]


class Assurance(msgspec.Struct, frozen=True, kw_only=True):
    """The power expected over what is believed about the effect, beside the power if the belief's centre is true."""

    assurance: float
    power: float
    prior: str
    formula: str = "Assurance, the mean of the power over a normal prior (O'Hagan, Stevens, Campbell 2005)"


def assurance(name: str, prior_sd: float, **given: Any) -> Assurance:
    """The chance of a significant result in the planned direction when the effect is uncertain.

    The effect is normal around the value given, with standard deviation `prior_sd` (of its logarithm, for hazard ratios
    and ratios of means), cut at what is possible; the power is averaged over it (O'Hagan, Stevens, Campbell 2005).
    """
    known = find_method(name)
    if known.build is None or not known.prior:
        raise UserError(f"{name} has no effect to be uncertain of: assurance is of a test's power.")
    check("prior_sd", prior_sd, 0, math.inf, example="0.2")
    sizing = known.size(**given)
    plan = known.build(**given)
    centre = given.get(known.prior, sizing.effect.get(known.prior, sizing.assumptions.get(known.prior)))
    if centre is None:  # a proportion that is the control's unless said otherwise
        centre = sizing.assumptions.get("control")
    if centre is None:
        raise UserError(f"The prior has no centre: give {option(known.prior)}.")
    succeeds = plan.success or plan.right
    arms = sizing.n_evaluable_per_arm
    if not arms or sizing.solved_for == "events" or sizing.n_total is None:
        arms = (sizing.events or 0,)
    if plan.unit == "events":
        arms = (sizing.events or 0,)
    lowest, highest = _possible(known.prior, known.log_prior)
    middle = math.log(centre) if known.log_prior else centre
    # The normal prior in 2,000 strips over 8 standard deviations: the error is far below what is printed.
    strips, total, weight = 2_000, 0.0, 0.0
    low, high = max(lowest, middle - 8 * prior_sd), min(highest, middle + 8 * prior_sd)
    for i in range(strips):
        value = low + (high - low) * (i + 0.5) / strips
        density = math.exp(-(((value - middle) / prior_sd) ** 2) / 2)
        total += density * succeeds(arms, math.exp(value) if known.log_prior else value)
        weight += density
    scale = f"log {known.prior}" if known.log_prior else known.prior
    return Assurance(
        assurance=total / weight,
        power=succeeds(arms, centre),
        prior=f"{scale} normal, mean {middle:.5g}, standard deviation {prior_sd:g}",
    )


def _possible(parameter: str, is_log: bool) -> tuple[float, float]:
    if is_log:
        return -50.0, 50.0
    if parameter == "difference":
        return -math.inf, math.inf
    if parameter == "correlation":
        return -1 + 1e-9, 1 - 1e-9
    return 1e-9, (math.inf if parameter == "effect_size" else 1 - 1e-9)


def sensitivity(name: str, vary: Mapping[str, Sequence[Any]], **given: Any) -> list[dict[str, Any]]:
    """A row for every combination of the values of `vary`: the values, n_total, n_per_arm, events, power_reached,
    effect_found (where the effect is what is solved for).

    Where a combination cannot be computed the row says why, in `problem`.
    """
    known = find_method(name)
    for parameter in vary:
        if parameter not in known.parameters:
            raise UnknownName(f"option of {name}", parameter, known.parameters, f"trialpanorama power {name} --help")
    if math.prod(len(values) for values in vary.values()) > 10_000:
        raise UserError("The table would have more than 10,000 rows: give fewer values to --vary.")
    rows = []
    for values in itertools.product(*vary.values()):
        changed = dict(zip(vary, values, strict=True))
        row: dict[str, Any] = dict(changed)
        try:
            sizing: Sizing | None = known.size(**{**given, **changed})
            problem = None
        except UserError as error:
            sizing, problem = None, str(error)
        row |= {
            "n_total": sizing and sizing.n_total,
            "n_per_arm": sizing and list(sizing.n_per_arm),
            "events": sizing and sizing.events,
            "power_reached": sizing and sizing.power,
            "effect_found": next(iter(sizing.effect.values())) if sizing and sizing.solved_for == "effect" else None,
            "problem": problem,
        }
        rows.append(row)
    return rows


def curve(name: str, points: int = 25, **given: Any) -> list[dict[str, float]]:
    """Power against size, from an eighth of the size that was given or found to twice it: n (or events) and power."""
    known = find_method(name)
    if known.build is None:
        raise UserError(f"{name} has no power to draw.")
    sizing = known.size(**given)
    plan = known.build(**given)
    effect = next(iter(sizing.effect.values()))
    in_events = plan.unit == "events"
    largest = 2 * ((sizing.events if in_events else sizing.n_total) or 0)
    least = math.ceil(plan.smallest * sum(plan.weights) / min(plan.weights) / (1 - plan.dropout)) + len(plan.weights)
    sizes = sorted({max(least, round(largest * k / points)) for k in range(max(1, points // 8), points + 1)})
    rows = []
    for size in sizes:
        evaluable = [math.floor(arm * (1 - plan.dropout) + 1e-9) for arm in divide(size, plan.weights)]
        if min(evaluable) >= plan.smallest and max(evaluable) <= plan.largest:
            rows.append({"events" if in_events else "n_total": float(size), "power": plan.reach(evaluable, effect)})
    return rows
