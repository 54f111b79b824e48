"""Drawing from lists, at speed; and a turn of grammar."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random


def pick(rng: Random, options: Sequence[str]) -> str:
    """One of them."""
    return options[int(rng.random() * len(options))]


def some(rng: Random, options: Sequence[str], count: int) -> list[str]:
    """So many different ones, in a random order (several times as fast as Random.sample)."""
    pool = list(options)
    for at in range(count):
        other = at + int(rng.random() * (len(pool) - at))
        pool[at], pool[other] = pool[other], pool[at]
    return pool[:count]


def share(rng: Random, table: Sequence[tuple[float, str]]) -> str:
    """One of a table whose rows say up to where the draw may go."""
    draw = rng.random()
    return next(value for limit, value in table if draw < limit)


def in_sentence(text: str) -> str:
    """The text with a small first letter, unless it begins with an abbreviation or a code."""
    return text[:1].lower() + text[1:] if text[1:2].islower() else text
