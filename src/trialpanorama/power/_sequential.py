"""Group-sequential trials: boundaries by recursive numerical integration, and what looking early costs and saves."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from trialpanorama.errors import UserError
from trialpanorama.power._core import (
    Alpha,
    Given,
    Ratio,
    Sides,
    Sizing,
    bisect,
    calculation,
    check,
    check_choice,
    check_common,
    gauss_legendre,
    phi,
    short,
    up,
    z_of,
)

if TYPE_CHECKING:
    import numpy as np

BOUNDARIES = {
    "obrien-fleming": "O'Brien and Fleming (1979): z_k = c / sqrt(t_k)",
    "pocock": "Pocock (1977): z_k = c",
    "lan-demets-obrien-fleming": "Lan and DeMets (1983), O'Brien-Fleming type: spent 2 (1 - Phi(z_(alpha/2) / sqrt t))",
    "lan-demets-pocock": "Lan and DeMets (1983), Pocock type: spent alpha ln(1 + (e - 1) t)",
}
NODES = 64
FAR = 8.0
"""Normal values beyond this have no weight."""


def spent(boundary: str, fraction: float, alpha: float) -> float:
    """One-sided type I error that a Lan-DeMets boundary has spent at an information fraction (`alpha` one-sided).

    O'Brien-Fleming type: 2 (1 - Phi(z_(alpha/2) / sqrt t)); Pocock type: alpha ln(1 + (e - 1) t) (Lan and DeMets 1983).
    """
    if boundary == "lan-demets-pocock":
        return alpha * math.log1p((math.e - 1) * fraction)
    return 2 * phi(z_of(alpha / 2) / math.sqrt(fraction))


class Walk:
    """The distribution of the test statistic from look to look among the trials that go on.

    On the scale of Brownian motion B(t) = z sqrt(t) with drift; the density at a look is the integral of the one before
    over the continuation region against the normal increment (Armitage, McPherson, Rowe 1969; Jennison and Turnbull
    2000, ch. 19), by Gauss-Legendre quadrature.
    """

    def __init__(self, drift: float, sides: int) -> None:
        self.drift, self.sides, self.time = drift, sides, 0.0
        self.points: np.ndarray[Any, Any] | None = None
        self.mass: np.ndarray[Any, Any] | None = None

    def exit(self, fraction: float, bound: float) -> tuple[float, float]:
        """Probabilities of passing `bound` (a z value) upwards, and `-bound` downwards, at a look (0 if one-sided)."""
        import numpy as np
        from scipy.special import ndtr

        step, border = fraction - self.time, bound * math.sqrt(fraction)
        mean = self.drift * step
        points = np.zeros(1) if self.points is None else self.points
        mass = np.ones(1) if self.mass is None else self.mass
        above = float(mass @ ndtr((points + mean - border) / math.sqrt(step)))
        if self.sides == 1:
            return above, 0.0
        return above, float(mass @ ndtr((-border - points - mean) / math.sqrt(step)))

    def go_on(self, fraction: float, bound: float) -> None:
        """Keep the trials that did not pass the bounds of a look."""
        import numpy as np

        step, root = fraction - self.time, math.sqrt(fraction)
        middle = self.drift * fraction
        high = min(bound * root, middle + FAR * root)
        low = middle - FAR * root if self.sides == 1 else max(-bound * root, middle - FAR * root)
        if high <= low:  # no trial goes on
            self.points, self.mass, self.time = np.zeros(1), np.zeros(1), fraction
            return
        nodes, weights = gauss_legendre(NODES)
        # Steps much shorter than the region need more nodes than one panel has.
        panels = max(1, math.ceil((high - low) / (math.sqrt(step) * 12)))
        edges = np.linspace(low, high, panels + 1)
        half = (high - low) / panels / 2
        points = np.concatenate([edge + half * (nodes + 1) for edge in edges[:-1]])
        before = np.zeros(1) if self.points is None else self.points
        mass = np.ones(1) if self.mass is None else self.mass
        away = (points[:, None] - before[None, :] - self.drift * step) / math.sqrt(step)
        density = np.exp(-(away**2) / 2) @ mass / math.sqrt(2 * math.pi * step)
        self.points, self.mass, self.time = points, density * np.tile(weights * half, panels), fraction


def crossing(
    bounds: Sequence[float], fractions: Sequence[float], drift: float, sides: int
) -> tuple[list[float], list[float]]:
    """Probabilities of stopping at each look: above the upper bound, and below the lower one."""
    walk, above, below = Walk(drift, sides), [], []
    for fraction, bound in zip(fractions, bounds, strict=True):
        up_here, down_here = walk.exit(fraction, bound)
        above.append(up_here)
        below.append(down_here)
        if fraction != fractions[-1]:
            walk.go_on(fraction, bound)
    return above, below


def boundaries(boundary: str, fractions: Sequence[float], alpha: float, sides: int = 2) -> list[float]:
    """The z values that the test statistic must pass at each look; `alpha` is the total of both sides if there are two.

    Two-sided bounds are symmetric, and spend alpha / 2 upwards.
    """
    check_choice("boundary", boundary, tuple(BOUNDARIES))
    one_sided = alpha / sides
    if boundary.startswith("lan-demets"):
        walk, bounds, before = Walk(0.0, sides), [], 0.0
        for fraction in fractions:
            total = spent(boundary, fraction, one_sided)
            here = total - before
            bound = FAR + 2.0
            if here > 1e-15:
                bound = bisect(_shortfall(walk, fraction, here), -FAR, FAR + 2.0)
            bounds.append(bound)
            walk.go_on(fraction, bound)
            before = total
        return bounds
    shape = [1 / math.sqrt(t) if boundary == "obrien-fleming" else 1.0 for t in fractions]

    def excess(c: float) -> float:
        return one_sided - sum(crossing([c * s for s in shape], fractions, 0.0, sides)[0])

    c = bisect(excess, 0.01, 10.0, 1e-10)
    return [c * s for s in shape]


def _shortfall(walk: Walk, fraction: float, wanted: float) -> Callable[[float], float]:
    return lambda bound: wanted - walk.exit(fraction, bound)[0]


@calculation("group-sequential", "Interim looks: boundaries, inflation and expected sizes")
def group_sequential(
    *,
    looks: Annotated[int | None, Given("How many looks, the final one included, evenly spaced.", "", "K")] = None,
    fractions: Annotated[
        Sequence[float] | None, Given("Information fractions of the looks, instead: 0.5,0.75,1.", "", "X,X,...")
    ] = None,
    boundary: Annotated[str, Given("Which boundaries.", "", "|".join(BOUNDARIES))] = "obrien-fleming",
    alpha: Alpha = 0.05,
    sides: Sides = 2,
    power: Annotated[float, Given("The power wanted.")] = 0.9,
    n_fixed: Annotated[
        int | None, Given("Size (evaluable) of the same trial without looks.", "participants", "N")
    ] = None,
    events_fixed: Annotated[int | None, Given("Events of the same trial without looks.", "", "N")] = None,
    ratio: Ratio = 1.0,
    dropout: Annotated[float, Given("The share of those enrolled that will give no outcome, 0 to 1.")] = 0.0,
) -> Sizing:
    """Plan interim looks at efficacy: boundaries, inflation of the size, chances to stop, expected sizes.

    Bounds by recursive numerical integration (Armitage, McPherson, Rowe 1969; Jennison and Turnbull 2000, ch. 2, 7,
    19). The inflation factor is (drift with looks / drift without)²; it multiplies the size of the fixed trial.
    """
    times = _fractions(looks, fractions)
    check_choice("boundary", boundary, tuple(BOUNDARIES))
    check_common(alpha=alpha, power=power, ratio=ratio, dropout=dropout, sides=sides)
    check("n_fixed", n_fixed, 2, 1e8, example="300", closed=True)
    check("events_fixed", events_fixed, 2, 1e8, example="200", closed=True)
    if power <= alpha / sides:
        raise UserError(f"power is {power:g}, no more than the type I error: give a larger --power, such as 0.9.")
    bounds = boundaries(boundary, times, alpha, sides)
    fixed = -z_of(alpha / sides) + z_of(power)
    drift = bisect(lambda d: sum(crossing(bounds, times, d, sides)[0]) - power, 0.0, fixed * 3, 1e-10)
    inflation = (drift / fixed) ** 2
    stops = {
        name: crossing(bounds, times, share * drift, sides)
        for name, share in (("no_effect", 0.0), ("half_effect", 0.5), ("planned_effect", 1.0))
    }
    expected = {name: _expected(times, above, below) for name, (above, below) in stops.items()}
    above, below = stops["no_effect"]
    used, total = [], 0.0
    for a, b in zip(above, below, strict=True):
        total += a + b
        used.append(total)
    steps = [
        f"Looks at information fractions {', '.join(map(short, times))}.",
        f"{BOUNDARIES[boundary]}; z to pass: {', '.join(f'{b:.3f}' for b in bounds)}.",
        f"Type I error spent up to each look: {', '.join(f'{u:.5f}' for u in used)}.",
        f"Drift for power {power:g}: {drift:.4f} with looks, {fixed:.4f} without; inflation ({drift:.4f} / "
        f"{fixed:.4f})² = {inflation:.4f}.",
    ]
    details: dict[str, Any] = {
        "information_fractions": list(times),
        "z_bounds": bounds,
        "nominal_p": [sides * phi(-b) for b in bounds],
        "alpha_spent": used,
        "inflation_factor": inflation,
        "drift": drift,
        "stop_probability": {n: [a + b for a, b in zip(*pair, strict=True)] for n, pair in stops.items()},
        "expected_share_of_largest_size": expected,
        "expected_share_of_fixed_size": {n: share * inflation for n, share in expected.items()},
    }
    arms: tuple[int, ...] = ()
    evaluable: tuple[int, ...] = ()
    if n_fixed is not None:
        first = n_fixed * inflation / (1 + ratio)
        evaluable = (up(first), up(first * ratio))
        arms = tuple(up(n / (1 - dropout)) for n in evaluable)
        details["n_at_looks"] = [up(t * sum(evaluable)) for t in times]
        details["expected_n"] = {n: share * sum(evaluable) for n, share in expected.items()}
        steps.append(
            f"Largest size: {n_fixed} × {inflation:.4f} = {n_fixed * inflation:.2f}; each arm rounded up: "
            f"{' and '.join(map(str, evaluable))}."
        )
        if dropout:
            steps.append(f"Drop-out of {dropout:.1%}: each arm divided by {1 - dropout:g} and rounded up: {sum(arms)}.")
    events = None
    if events_fixed is not None:
        events = up(events_fixed * inflation)
        details["events_at_looks"] = [up(t * events) for t in times]
        details["expected_events"] = {n: share * events for n, share in expected.items()}
        steps.append(
            f"Most events: {events_fixed} × {inflation:.4f} = {events_fixed * inflation:.2f}, rounded up: {events}."
        )
    steps.append(
        "Expected share of the largest size: "
        + ", ".join(f"{share:.3f} with {name.replace('_', ' ')}" for name, share in expected.items())
        + "."
    )
    return Sizing(
        method="", solved_for="boundaries", n_total=sum(arms) or None, n_per_arm=arms, n_evaluable_per_arm=evaluable,
        events=events, power=sum(stops["planned_effect"][0]), formula=BOUNDARIES[boundary], steps=tuple(steps),
        details=details,
    )  # fmt: skip


def _fractions(looks: int | None, fractions: Sequence[float] | None) -> tuple[float, ...]:
    if (looks is None) == (fractions is None):
        raise UserError("When are the looks? Give one of --looks 3 and --fractions 0.5,0.75,1.")
    if fractions is None:
        assert looks is not None
        check("looks", looks, 1, 50, example="3", closed=True)
        return tuple((k + 1) / looks for k in range(looks))
    times = tuple(fractions)
    rising = all(a < b for a, b in zip((0.0, *times), times, strict=False))
    if not times or len(times) > 50 or not rising or abs(times[-1] - 1) > 1e-9:
        raise UserError("fractions must rise from above 0 to 1, and be 50 at most, such as --fractions 0.5,0.75,1.")
    return times


def _expected(times: Sequence[float], above: Sequence[float], below: Sequence[float]) -> float:
    """Mean information fraction at the end of the trial."""
    share, going = 0.0, 1.0
    for t, a, b in zip(times[:-1], above, below, strict=False):
        share += t * (a + b)
        going -= a + b
    return share + going
