"""What a forecast says: the structs that the command prints as JSON and the pages show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, get_args

import msgspec

if TYPE_CHECKING:
    from trialpanorama.designs import Designs, Similar

Outcome = Literal["success", "failed_efficacy", "failed_safety", "failed_enrolment", "business_or_other"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
OUTCOME_MEANINGS: Mapping[str, str] = {
    "success": "reaches its goal",
    "failed_efficacy": "misses its primary endpoint, or is stopped for futility",
    "failed_safety": "is stopped for harm to participants, or fear of it",
    "failed_enrolment": "is stopped for too few participants",
    "business_or_other": "is stopped for money, means, a business decision, a regulator, or anything else",
}


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Something of the description that moved a forecast."""

    kind: Literal["text", "fact", "absent"]
    """A passage of the description, a fact of the design, or words that other trials have and this one lacks."""
    place: str
    """The part of the description it stands in, such as `Eligibility criteria`."""
    text: str
    """The passage, or the fact in words."""
    words: list[str] = []
    """The words of the passage that moved it most, the strongest first."""
    effect: float
    """How far it moved the forecast, in log-odds; above 0: upwards."""
    points: float
    """The same in percentage points of the probability: what is gained or lost by it alone, as the rest stands."""


class Likely(msgspec.Struct, frozen=True, kw_only=True):
    """A reason for which a trial may be stopped."""

    reason: str
    meaning: str
    probability: float
    """That this is why, if it is stopped (0 to 1; over all reasons they add up to 1)."""


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the trial will be stopped (terminated, or withdrawn before it begins)."""

    risk: float
    """That it is stopped, 0 to 1."""
    interval: tuple[float, float]
    """95 % interval of `risk`."""
    usual: float
    """Share of the trials that the model was fitted on that were stopped."""
    likely_reasons: list[Likely]
    """The likeliest first."""
    reasons: list[Reason]
    """What moved the risk, the strongest first; above 0: towards being stopped."""
    n: int
    """Trials that it was fitted on."""


class Fitted(msgspec.Struct, frozen=True, kw_only=True):
    """Which model made a forecast."""

    name: str
    fitted_on: str
    """What its labels are, in words."""
    snapshot: str
    """Of the warehouse that it was fitted on."""
    n: int
    """Trials that it was fitted on."""
    usual: float
    """Share of them that succeeded."""
    date: str
    """On which it was fitted."""
    is_fictional: bool
    is_shippable: bool
    """Whether it may be passed on: not where it was fitted on label files, whose terms apply."""
    licence: str
    knows_trial: bool = False
    """The trial is among those that the model was fitted on: it is no forecast, the model has seen its end."""


class Opinion(msgspec.Struct, frozen=True, kw_only=True):
    """What another model says of the same trial."""

    name: str
    probability: float
    """Of success, 0 to 1, from the odds that a language model gives the replies."""
    calibrated_on: int
    """Validation samples that its temperature was fitted on; 0: its odds are left as they come."""


class Prediction(msgspec.Struct, kw_only=True):
    """The forecast of one trial."""

    title: str
    id: str | None
    """The registry number, where the draft has one."""
    source: str
    """The file, and what stands in it."""
    fictional: bool
    """The model, or the trials beside it, are made up: the figures mean nothing."""
    probability: float
    """Of success, 0 to 1."""
    interval: tuple[float, float]
    """95 % interval of the probability: how far it would go with other trials to learn from."""
    classes: dict[str, float]
    """Probability of each of OUTCOMES; they add up to 1, and `success` is `probability`."""
    reasons: list[Reason]
    """What moved it, the strongest first; last what is not said."""
    completion: Completion | None
    """None where the warehouse had too few finished trials to learn from."""
    similar: list[Similar]
    """Past trials like it, and what became of them; empty without a warehouse."""
    expected: Designs | None
    """Duration, sites and accrual of those trials; none without a warehouse."""
    model: Fitted
    opinions: list[Opinion] = []
    """What other models say, where any was asked; `probability` does not rest on them."""
    notes: list[str] = []
    """What a reader must know before using it."""


class Comparison(msgspec.Struct, kw_only=True):
    """Two drafts, the second seen from the first."""

    first: Prediction
    second: Prediction
    difference: float
    """Probability of the second less that of the first."""
    interval: tuple[float, float]
    """95 % interval of the difference: the same refitted models asked about both."""
    risk_difference: float | None
    """Risk of being stopped, second less first."""
    reasons: list[Reason]
    """What only one of the two says, or says differently; `place` names the draft it stands in."""
    fictional: bool
