"""How much each level of agreement is worth, and whether a pair has enough of it.

The weights (`weights.json`, log-odds in bits) are added up, one per field; the sum is the logarithm of the odds that
the two registrations are one study. `benchmarks/resolution_weights.py` learns them, and says from what.
"""

from __future__ import annotations

import math
from functools import cache
from importlib.resources import files

import msgspec

from trialpanorama.resolve.features import Comparison


class Model(msgspec.Struct, frozen=True):
    """Weights of a comparison's levels, in bits."""

    how: str
    """From what the weights were learnt."""
    start: float
    """Log-odds of a candidate pair before anything is compared."""
    accept: float
    """Least probability of a pair that is held to be one study."""
    show: float
    """Least probability of a pair that is kept as a near miss."""
    weights: dict[str, dict[str, float]]
    """Field, level, weight; a level that is not listed (`missing`) weighs nothing."""

    def weight(self, field: str, level: str) -> float:
        """What one field adds."""
        return self.weights[field].get(level, 0.0)

    def probability(self, comparison: Comparison) -> float:
        """That the two are one study, by all fields together; rounded, to be the same on every machine."""
        bits = self.start + sum(self.weight(field, level) for field, level in comparison.levels.items())
        return round(1 / (1 + math.exp2(-max(-60.0, min(60.0, bits)))), 9)


@cache
def model() -> Model:
    """The weights that come with the package."""
    return msgspec.json.decode(files("trialpanorama.resolve").joinpath("weights.json").read_bytes(), type=Model)
