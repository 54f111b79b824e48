"""What two titles tell about whether they belong to one study."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from difflib import SequenceMatcher
from functools import lru_cache

from trialpanorama.relations import FOLLOW_ON, FOLLOW_ON_ELSE

NEAR_IDENTICAL = 0.95
"""Least share of words in common order (twice the matching words over all words) of titles taken for the same."""

_PILOT = r"\bpilot\b|\bfeasibility (?:study|trial)\b"
_NUMBERED = r"\b(part|cohort|stage|segment|arm) ([a-h]|\d{1,2}|i{1,3}|iv|v|one|two|three|four)\b"
_MARKS = [(name, re.compile(pattern)) for name, pattern in (FOLLOW_ON | {"pilot": _PILOT}).items()]
_ELSE = [(name, re.compile(pattern)) for name, pattern in FOLLOW_ON_ELSE.items()]
_PARTS = re.compile(_NUMBERED)
_DIGIT = {
    word: str(n)
    for n, words in enumerate(("i one", "ii two", "iii three", "iv four", "v"), 1)
    for word in words.split()
}
_WORD = re.compile(r"\w+")
_ROMAN = re.compile(r"[ivx]+")


@lru_cache(1024)
def words(title: str) -> tuple[str, ...]:
    """The title's words, without case, accents and punctuation."""
    return tuple(_WORD.findall(_plain(title)))


def _plain(title: str) -> str:
    """The title without case and accents."""
    if title.isascii():
        return title.casefold()
    plain = unicodedata.normalize("NFKD", title).casefold()
    return "".join(c for c in plain if not unicodedata.combining(c))


@lru_cache(1024)
def marks(*titles: str) -> frozenset[str]:
    """What the titles of a study say that sets it apart from its parent or sister: extension, pilot, part 2 ..."""
    plain = [" ".join(_plain(title).split()) for title in titles]
    found = {name for name, pattern in _MARKS for title in plain if pattern.search(title)}
    found = found or {name for name, pattern in _ELSE for title in plain if pattern.search(title)}
    parts = (part for title in plain for part in _PARTS.findall(title))
    return frozenset(found | {f"{word} {_DIGIT.get(number, number)}" for word, number in parts})


def near_identical(one: str, other: str) -> bool:
    """Whether two titles differ in no more than a few words, and in no number or mark."""
    mine, yours = words(one), words(other)
    if not mine or not yours or marks(one) != marks(other):
        return False
    if mine == yours:
        return True
    if sorted(filter(is_number, mine)) != sorted(filter(is_number, yours)):
        return False
    if 2 * min(len(mine), len(yours)) < NEAR_IDENTICAL * (len(mine) + len(yours)):
        return False
    return SequenceMatcher(None, mine, yours, autojunk=False).ratio() >= NEAR_IDENTICAL


def any_near_identical(titles: Iterable[str], others: Iterable[str]) -> bool:
    """Whether any of the one's titles is nearly any of the other's."""
    others = tuple(others)
    return any(near_identical(one, other) for one in titles for other in others)


def likeness(titles: Iterable[str], others: Iterable[str]) -> float:
    """The greatest share of words that one of the titles and one of the others have in common, 0 to 1."""
    mine, yours = ([frozenset(words(title)) for title in side] for side in (titles, others))
    shares = (2 * len(one & other) / (len(one) + len(other)) for one in mine for other in yours if one or other)
    return round(max(shares, default=0.0), 6)


def tell_apart(titles: Iterable[str], others: Iterable[str]) -> bool:
    """Whether only one of two studies calls itself an extension, pilot ..., and no titles are nearly the same."""
    titles, others = tuple(titles), tuple(others)
    if not titles or not others:
        return False
    return marks(*titles) != marks(*others) and not any_near_identical(titles, others)


@lru_cache(100_000)
def is_number(word: str) -> bool:
    """Whether a word is a number, holds one, or is a Roman one."""
    return any(c.isdigit() for c in word) or _ROMAN.fullmatch(word) is not None
