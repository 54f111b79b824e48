"""What every calculation shares: its result, the checks of its input, and the search for what was not given."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, ParamSpec, get_args, get_type_hints

import msgspec

from trialpanorama.errors import UserError

if TYPE_CHECKING:
    import numpy as np

P = ParamSpec("P")
Probability = Callable[[Sequence[float], float], float]
"""From the arms' sizes and an effect to a probability."""

USUAL_POWER = 0.8
LARGEST_ARM = 1e8
"""No trial is larger: an arm beyond this is a mistake in the input."""
LEAST = 1e-12
"""Smaller numbers than this, and larger ones than its inverse, are mistakes, too."""
ROW = 10
"""The power of exact tests goes up and down from one size to the next: so many sizes in a row are looked at."""


Kind = Literal["number", "count", "word", "numbers"]


class Given(NamedTuple):
    """What a parameter means, said once: for the docs, the command line and the units of a result."""

    meaning: str
    unit: str = ""
    metavar: str = "X"


class Parameter(NamedTuple):
    """One parameter of a calculation: what it means, and what is typed for it."""

    meaning: str
    unit: str
    metavar: str
    kind: Kind
    default: Any
    """None where it may be left out; `inspect.Parameter.empty` where it may not."""

    @property
    def is_required(self) -> bool:
        """There is no calculation without it."""
        return self.default is inspect.Parameter.empty


Alpha = Annotated[float, Given("Type I error of the whole test (both sides together, if it has two).")]
OneSidedAlpha = Annotated[float, Given("Type I error of the one-sided test (each of the two, for equivalence).")]
Power = Annotated[float | None, Given(f"The power wanted; {USUAL_POWER} if neither this nor a size is given.")]
Size = Annotated[int | None, Given("All who are enrolled, when the size is fixed.", "participants", "N")]
Ratio = Annotated[float, Given("Allocation: so many in the treatment arm for each one in the control arm.")]
Dropout = Annotated[float, Given("The share of those enrolled that will give no outcome, 0 to 1.")]
Sides = Annotated[int, Given("2, or 1 for a one-sided test.", "", "1|2")]
Spread = Annotated[float, Given("Standard deviation (of the control arm, where the treatment's is given, too).")]


class Sizing(msgspec.Struct, frozen=True, kw_only=True):
    """A calculation with its result.

    Sizes count all who are enrolled; `n_evaluable_per_arm` those left after drop-out. The first arm is the control.
    """

    method: str
    solved_for: Literal["n", "power", "effect", "events", "precision", "boundaries"]
    n_total: int | None
    n_per_arm: tuple[int, ...]
    n_evaluable_per_arm: tuple[int, ...] = ()
    events: int | None = None
    power: float | None = None
    effect: dict[str, float] = {}
    assumptions: dict[str, Any] = {}
    units: dict[str, str] = {}
    formula: str = ""
    steps: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    details: dict[str, Any] = {}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A test whose power is known as a function of its arms' sizes and of the effect."""

    right: Probability
    """Probability of a significant result in the planned direction."""
    effect_name: str
    effect: float | None
    bounds: tuple[float, float]
    """Of the effect, where it is what is not known: from none (or the least) to the furthest that is searched."""
    formula: str
    power: float | None
    n_total: int | None = None
    dropout: float = 0.0
    weights: tuple[float, ...] = (1.0,)
    """Sizes of the arms relative to the first."""
    smallest: int = 2
    """Of the smallest arm."""
    two_tailed: bool = False
    """The power counts significant results in the wrong direction, too, as textbooks do."""
    exact: bool = False
    """Sizes are whole numbers only, and power does not rise with each step."""
    start: float = 0.0
    """Where the search for an exact size may begin."""
    largest: int = int(LARGEST_ARM)
    block: float = 1.0
    """Arms grow by so many at once (the size of a cluster)."""
    derive: Callable[[float, float], list[str]] = lambda effect, power: []
    """The formula with numbers, from the effect and the power."""
    weigh: Callable[[Sequence[float], float], list[str]] = lambda arms, effect: []
    """How the power of given arms comes about, with numbers."""
    warn: Callable[[Sequence[float], float], list[str]] = lambda arms, effect: []
    finish: Callable[[Sizing], Sizing] = lambda sizing: sizing
    success: Probability | None = None
    """As `right`, over what a prior is about where that is not the effect that is solved for."""
    unit: str = "participants"

    def reach(self, arms: Sequence[float], effect: float) -> float:
        """The power of these arms."""
        power = self.right(arms, effect)
        return power + self.right(arms, 2 * self.bounds[0] - effect) if self.two_tailed else power


@dataclass(frozen=True)
class Method:
    """One kind of calculation, under the name that commands use."""

    name: str
    title: str
    size: Callable[..., Sizing]
    build: Callable[..., Plan] | None = None
    prior: str = ""
    """The parameter that a prior for assurance is about; empty where there is none."""
    log_prior: bool = False
    parameters: dict[str, Parameter] = field(default_factory=dict)


METHODS: dict[str, Method] = {}
"""Every calculation, by name."""


def method(
    name: str, title: str, *, prior: str = "", log_prior: bool = False
) -> Callable[[Callable[P, Plan]], Callable[P, Sizing]]:
    """Make the calculation `name` of a function that plans it."""

    def register(build: Callable[P, Plan]) -> Callable[P, Sizing]:
        given = _parameters(build)

        @functools.wraps(build)
        def size(*arguments: P.args, **named: P.kwargs) -> Sizing:
            plan = build(*arguments, **named)
            return _described(settle(plan), name, build, given, inspect.signature(build).bind(*arguments, **named))

        METHODS[name] = Method(name, title, size, build, prior, log_prior, given)
        return size

    return register


def calculation(name: str, title: str) -> Callable[[Callable[P, Sizing]], Callable[P, Sizing]]:
    """Make the calculation `name` of a function that needs no search."""

    def register(compute: Callable[P, Sizing]) -> Callable[P, Sizing]:
        given = _parameters(compute)

        @functools.wraps(compute)
        def size(*arguments: P.args, **named: P.kwargs) -> Sizing:
            sizing = compute(*arguments, **named)
            return _described(sizing, name, compute, given, inspect.signature(compute).bind(*arguments, **named))

        METHODS[name] = Method(name, title, size, parameters=given)
        return size

    return register


def _parameters(function: Callable[..., Any]) -> dict[str, Parameter]:
    hints = get_type_hints(function, include_extras=True)
    found = {}
    for name, parameter in inspect.signature(function).parameters.items():
        typed, given = (
            hints[name].__origin__,
            next(fact for fact in hints[name].__metadata__ if isinstance(fact, Given)),
        )
        options = set(get_args(typed)) - {type(None)} or {typed}
        kind: Kind = next((_KINDS[one] for one in options if one in _KINDS), "numbers")
        found[name] = Parameter(given.meaning, given.unit, given.metavar, kind, parameter.default)
    return found


_KINDS: dict[Any, Kind] = {float: "number", int: "count", str: "word"}


def plan_of(name: str, **given: Any) -> Plan:
    """The plan of a calculation, for another that builds on it."""
    build = METHODS[name].build
    assert build is not None
    return build(**given)


def _described(
    sizing: Sizing,
    name: str,
    function: Callable[..., Any],
    given: Mapping[str, Parameter],
    bound: inspect.BoundArguments,
) -> Sizing:
    """A result with its name and with what it rests on, defaults included."""
    bound.apply_defaults()
    assumed = {key: value for key, value in bound.arguments.items() if value is not None}
    if "power" in given and sizing.solved_for in ("n", "events", "effect"):
        assumed.setdefault("power", USUAL_POWER)
    units = {key: given[key].unit for key in assumed if given[key].unit}
    return msgspec.structs.replace(sizing, method=name, assumptions=assumed, units=units)


# --- checks


def option(name: str) -> str:
    """A parameter as it is typed."""
    return "--" + name.replace("_", "-")


def words(name: str) -> str:
    """A parameter as it is said."""
    return name.replace("_", " ")


def check(
    name: str,
    value: float | None,
    low: float,
    high: float,
    *,
    example: str,
    closed: bool = False,
    low_closed: bool = False,
) -> None:
    """Refuse a value outside of its range; None passes."""
    if value is None:
        return
    inside = low <= value <= high if closed else low < value < high
    if not (inside or (low_closed and value == low)) or not math.isfinite(value):
        upper = "" if high == math.inf else f" and {'at most' if closed else 'below'} {high:g}"
        lower = "at least" if closed or low_closed else "above"
        lowest = "a number" if low == -math.inf else f"{lower} {low:g}"
        raise UserError(f"{name} is {value:g}: it must be {lowest}{upper}, such as {option(name)} {example}.")
    if value and not LEAST <= abs(value) <= 1 / LEAST:
        raise UserError(
            f"{name} is {value:g}, beyond what can be computed with: give one such as {option(name)} {example}."
        )


def check_common(
    *,
    alpha: float,
    power: float | None = None,
    n_total: int | None = None,
    ratio: float = 1.0,
    dropout: float = 0.0,
    sides: int = 2,
) -> None:
    """Check what all tests have in common."""
    check("alpha", alpha, 1e-9, 0.5, example="0.05")
    check("power", power, 0, 1, example="0.9")
    check("n_total", n_total, 2, 2 * LARGEST_ARM, example="120", closed=True)
    check("ratio", ratio, 0.01, 100, example="1", closed=True)
    check("dropout", dropout, 0, 0.95, example="0.1", low_closed=True)
    if sides not in (1, 2):
        raise UserError(f"sides is {sides}: a test is one- or two-sided, such as --sides 2.")


def check_choice(name: str, value: str, known: Sequence[str]) -> None:
    """Refuse a word that is not one of those known."""
    if value not in known:
        from trialpanorama.errors import UnknownName

        raise UnknownName(name, value, known)


def check_differs(name: str, value: float | None, null: float, what: str) -> None:
    """Refuse an effect that is none: no size would find it; and one that is no number."""
    check(name, value, -math.inf, math.inf, example="5")
    if value is not None and value == null:
        raise UserError(f"{name} is {value:g}, {what}: no size can find it. Give another, or leave {option(name)} out.")


# --- words and numbers


def z_of(probability: float) -> float:
    """The standard normal quantile."""
    return NormalDist().inv_cdf(probability)


def phi(x: float) -> float:
    """The standard normal distribution function, also far out on the left."""
    return 0.5 * math.erfc(-x / math.sqrt(2))


def critical(alpha: float, sides: int) -> float:
    """The normal value that a test statistic must pass."""
    return -z_of(alpha / sides)


def up(size: float) -> int:
    """A size rounded up, unless it is whole but for the error of computing."""
    return math.ceil(size - 1e-7 * max(1.0, abs(size) * 1e-4))


def short(value: float) -> str:
    """A number for a sentence."""
    if not math.isfinite(value):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.4g}"


def listed(values: Sequence[float]) -> str:
    """Numbers in a row: 86 and 86."""
    texts = [short(value) for value in values]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


def totalled(sizes: Sequence[int]) -> str:
    """Sizes in a row with their sum: 86 and 86, 172 in total."""
    return listed(sizes) + (f", {sum(sizes):,} in total" if len(sizes) > 1 else "")


def say_z(alpha: float, sides: int, power: float) -> list[str]:
    """The two normal values that begin nearly every derivation."""
    tail = "two-sided: z at 1 - alpha/2" if sides == 2 else "one-sided: z at 1 - alpha"
    return [
        f"Alpha {alpha:g}, {tail} is {critical(alpha, sides):.4f}.",
        f"Power {power:g}: z is {z_of(power):.4f}.",
    ]


@functools.cache
def gauss_legendre(nodes: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Points of [-1, 1] and their weights, for integrals."""
    import numpy

    points, weights = numpy.polynomial.legendre.leggauss(nodes)
    return points, weights


def bisect(function: Callable[[float], float], low: float, high: float, tolerance: float = 1e-12) -> float:
    """Where a rising function passes 0 between `low` (below 0) and `high` (not below); never below 0 itself."""
    for _ in range(200):
        middle = (low + high) / 2
        if abs(high - low) <= tolerance * max(1.0, abs(middle)):
            break
        if function(middle) >= 0:
            high = middle
        else:
            low = middle
    return high


# --- solving


def settle(plan: Plan) -> Sizing:
    """Find what was not given: the size, the power, or the effect that can be detected."""
    if plan.effect is not None and plan.n_total is not None and plan.power is not None:
        name = option(plan.effect_name)
        raise UserError(f"The size, the power and {name} are all given: leave out the one to compute.")
    if plan.effect is None and plan.n_total is None:
        name = option(plan.effect_name)
        raise UserError(f"Nothing says how large the effect or the trial is: give {name}, or --n-total to compute it.")
    target = USUAL_POWER if plan.power is None else plan.power
    warnings = []
    if plan.power is None and (plan.n_total is None or plan.effect is None):
        warnings.append(f"No power was given: {USUAL_POWER:g} is assumed.")
    solved: Literal["n", "power", "effect"]
    if plan.n_total is not None:
        enrolled = divide(plan.n_total, plan.weights)
        evaluable = tuple(math.floor(arm * (1 - plan.dropout) + 1e-9) for arm in enrolled)
        if min(evaluable) < plan.smallest:
            raise UserError(
                f"{plan.n_total} {plan.unit} leave {listed(evaluable)} evaluable per arm, and this test needs at least "
                f"{plan.smallest}: give a larger {option('n_total')}."
            )
        if max(evaluable) > plan.largest:
            raise UserError(_too_large(plan))
        steps = [f"Enrolled: {listed(enrolled)}; evaluable after {plan.dropout:.0%} drop-out: {listed(evaluable)}."]
        if plan.effect is None:
            solved, effect = "effect", _detectable(plan, evaluable, target)
            steps.append(f"With these sizes, power {target:g} is reached at {words(plan.effect_name)} {short(effect)}.")
        else:
            solved, effect = "power", plan.effect
    else:
        assert plan.effect is not None
        solved, effect = "n", plan.effect
        exact, evaluable = _smallest(plan, target)
        enrolled = tuple(up(arm / (1 - plan.dropout)) for arm in evaluable)
        steps = [*plan.derive(effect, target), *_rounding(plan, exact, evaluable, enrolled)]
    reached = plan.reach(evaluable, effect)
    steps += plan.weigh(evaluable, effect)
    steps.append(
        f"Power with {listed(evaluable)} evaluable {plan.unit} and {words(plan.effect_name)} {short(effect)}: "
        f"{reached:.4f}."
    )
    sizing = Sizing(
        method="",
        solved_for=solved,
        n_total=sum(enrolled),
        n_per_arm=enrolled,
        n_evaluable_per_arm=evaluable,
        power=reached,
        effect={plan.effect_name: effect},
        formula=plan.formula,
        steps=tuple(steps),
        warnings=(*warnings, *plan.warn(evaluable, effect)),
    )
    return plan.finish(sizing)


def divide(total: int, weights: Sequence[float]) -> tuple[int, ...]:
    """A total in whole arms, as near to the allocation as can be; they add up to the total."""
    shares = [total * weight / sum(weights) for weight in weights]
    arms = [math.floor(share + 1e-9) for share in shares]
    for i in sorted(range(len(arms)), key=lambda i: arms[i] - shares[i])[: total - sum(arms)]:
        arms[i] += 1
    return tuple(arms)


def _rounding(plan: Plan, exact: Sequence[float], evaluable: Sequence[int], enrolled: Sequence[int]) -> list[str]:
    one = "of each arm" if len(evaluable) > 1 else "of the sample"
    if plan.exact:
        steps = [
            f"The smallest size that reaches the power: {totalled(evaluable)}.",
            "The power of an exact test goes up and down from one size to the next: it stays above the target from "
            f"{listed(exact)} on ({ROW} sizes in a row).",
        ]
    else:
        whole = "" if plan.block == 1 else f" to whole clusters of {short(plan.block)}"
        solved = " and ".join(f"{arm:,.2f}" for arm in exact)
        steps = [f"Size {one} that reaches the power: {solved}; each rounded up{whole}: {totalled(evaluable)}."]
    if plan.dropout:
        steps.append(
            f"Drop-out of {plan.dropout:.1%}: each arm divided by {1 - plan.dropout:g} and rounded up: "
            f"{totalled(enrolled)}."
        )
    return steps


def _too_large(plan: Plan) -> str:
    if plan.exact:
        return (
            f"The exact test is computed for arms of at most {plan.largest:,}, and this one is larger: choose an "
            "approximate test (see --test)."
        )
    return (
        f"More than {LARGEST_ARM:,.0f} per arm would be needed: check {option(plan.effect_name)} and what it is "
        "measured against."
    )


def _smallest(plan: Plan, target: float) -> tuple[Sequence[float], tuple[int, ...]]:
    """The smallest arms that reach the power, as whole numbers.

    Before them: the same before rounding, or for an exact test the arms from which on larger ones reach it, too.
    """
    effect = plan.effect
    assert effect is not None
    least = plan.smallest / min(plan.weights)

    def missing(first: float) -> float:
        return plan.reach([first * weight for weight in plan.weights], effect) - target

    if plan.exact:
        smallest, lasting = _smallest_exact(plan, effect, target)
        return lasting, smallest
    low, high = least, least
    while missing(high) < 0:
        low, high = high, high * 2
        if high > LARGEST_ARM:
            raise UserError(_too_large(plan))
    first = high if high == least else bisect(missing, low, high)
    exact = [first * weight for weight in plan.weights]
    return exact, tuple(up(up(arm / plan.block) * plan.block) for arm in exact)


def _smallest_exact(plan: Plan, effect: float, target: float) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The smallest arms that reach the power, and those from which on ROW sizes in a row do."""

    def arms(first: int) -> tuple[int, ...]:
        return tuple(up(first * weight) for weight in plan.weights)

    @functools.cache
    def reaches(first: int) -> bool:
        if max(arms(first)) > plan.largest:
            raise UserError(_too_large(plan))
        return plan.reach(arms(first), effect) >= target

    least = up(plan.smallest / min(plan.weights))
    first = max(least, int(plan.start))
    while first > least and any(reaches(size) for size in range(max(least, first - ROW), first)):
        first = max(least, int(first * 0.9))
    while not reaches(first):
        first += 1
    lasting = first
    while not all(reaches(size) for size in range(lasting, lasting + ROW)):
        lasting += 1
    return arms(first), arms(lasting)


def _detectable(plan: Plan, arms: Sequence[float], target: float) -> float:
    """The least effect that these arms find with the power wanted."""
    near, far = plan.bounds

    def missing(share: float) -> float:
        return plan.reach(arms, near + share * (far - near)) - target

    if missing(1.0) < 0:
        raise UserError(
            f"Even {words(plan.effect_name)} {short(far)} is not found with power {target:g} by {listed(arms)} "
            f"{plan.unit}: give a larger size or a smaller power."
        )
    return near + bisect(missing, 0.0, 1.0, 1e-14) * (far - near)
