"""Tables for the criteria of trials: what is measured in people, what else is asked of them, and signs for limits."""

from __future__ import annotations

from importlib import resources
from typing import NamedTuple


def set_of(words: str) -> frozenset[str]:
    """Words that stand apart in a text."""
    return frozenset(words.split())


class Term(NamedTuple):
    """Something that criteria speak of and that is neither a disease nor a drug."""

    name: str
    kind: str
    unit: str
    """UCUM, of numbers that have none of their own; "" if it cannot be told."""
    heading: str
    """MeSH heading of the same, "" if there is none."""


def _read() -> tuple[list[str], list[Term]]:
    names: list[str] = []
    terms: list[Term] = []
    table = resources.files("trialpanorama.ontologies").joinpath("builtin/criteria.tsv").read_text(encoding="utf-8")
    for line in table.splitlines()[1:]:
        name, kind, unit, heading, spellings = line.split("\t")
        for spelling in spellings.split(";"):
            names.append(spelling.strip())
            terms.append(Term(name, kind, unit, heading))
    return names, terms


NAMES, TERMS = _read()
"""Ways to write what criteria speak of, and what each stands for."""

MEASURED = frozenset(("age", "measurement", "life expectancy", "performance status", "score", "substance use"))
"""Kinds that numbers are said of."""
SCORED = frozenset(("performance status", "score"))
"""Kinds whose numbers need neither a sign nor a unit."""

_SAID = {
    ">=": r"≥|⩾|≧|≽|>\s?/?\s?=|=\s?/?\s?>|&gt;=|&gt;\s?/?\s?=|&ge;|&#8805;|(?:greater|more|higher|larger|longer|"
    r"older|above|over|superior)(?: than)?,? (?:or|and) equal(?:s)?(?: to| than)?|"
    r"equal(?:s)?(?: to)? or (?:greater|more|higher|larger|longer|older|above|over)(?: than)?|at least|"
    r"(?:no|not) (?:be )?(?:less|lower|fewer|smaller|shorter|younger|earlier) than|(?:not|no)\s?<|"
    r"minimum(?: age)?(?: of)?|"
    r"a minimum of|min\.?|not (?:below|under)|starting (?:at|from)|au moins|mindestens|al menos|pelo menos|almeno|"
    r"ten minste",
    ">": r">|＞|&gt;|(?:greater|more|higher|larger|longer|older|bigger|later|superior|upper) (?:than|to)|over|"
    r"above|exceeding|exceeds?|"
    r"in excess of|beyond|plus de|mehr als|más de|mayor(?:es)? de|mais de|supérieure? à|maggiore di|über",
    "<=": r"≤|⩽|≦|≼|<\s?/?\s?=|=\s?/?\s?<|&lt;=|&lt;\s?/?\s?=|&le;|&#8804;|(?:less|lower|fewer|smaller|shorter|"
    r"younger|below|under)(?: than)?,? (?:or|and) equal(?:s)?(?: to| than)?|"
    r"equal(?:s)?(?: to)? or (?:less|lower|fewer|smaller|shorter|younger|below|under)(?: than)?|at most|"
    r"(?:no|not) (?:be )?(?:more|greater|higher|larger|longer|older|later) than|(?:not|no)\s?>|"
    r"maximum(?: age)?(?: of)?|a maximum of|max\.?|"
    r"not (?:exceed|exceeding|above|over)|up to|until|not to exceed|does not exceed|within(?: the)?(?: last| past|"
    r" previous| prior| preceding| first)?|"
    r"(?:in|during|over|for|of) the (?:last|past|previous|prior|preceding|first)|(?:last|past|previous|preceding)|"
    r"au plus|höchstens|"
    r"innerhalb(?: von)?|dans les|en los últimos|a lo sumo",
    "<": r"<|＜|&lt;|(?:less|lower|fewer|smaller|shorter|younger|inferior|earlier) (?:than|to)|under|below|"
    r"moins de|weniger als|menos de|"
    r"menor(?:es)? de|inférieure? à|minore di|unter",
    "=": r"=|equals?(?: to)?|exactly",
}
SIGNS: tuple[tuple[str, str], ...] = tuple((sign, _SAID[sign]) for sign in (">=", "<=", ">", "<", "="))
"""What says that a number is a limit, in the order in which it is tried."""

WORD_NUMBERS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "fourteen": 14, "fifteen": 15, "sixteen": 16, "eighteen": 18, "twenty": 20,
    "twenty-one": 21, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
ROMAN = {"I": 1, "II": 2, "III": 3, "IV": 4, "V": 5}
