"""Fictional registries with known truth, in the formats of the real ones.

It imports neither `sources` nor `vocabulary`, so that it cannot agree with them by construction.
"""

from __future__ import annotations

from trialpanorama.sample.mess import CLEAN, Mess
from trialpanorama.sample.registers import MAXIMUM_TRIALS
from trialpanorama.sample.writing import Summary, write

__all__ = ["CLEAN", "MAXIMUM_TRIALS", "Mess", "Summary", "write"]
