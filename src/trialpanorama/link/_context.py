"""What a text says around a mention: abbreviations that it defines, and whether the thing is absent or past.

Abbreviations follow Schwartz and Hearst (2003, "A simple algorithm for identifying abbreviation definitions in
biomedical text"); negation follows NegEx (Chapman and others 2001): a trigger reaches to the end of its clause, but no
further than a few words, unless a word such as "but" ends it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

Trigger = Literal["negated", "negated before", "history", "history before", "end", "exception"]

_NEGATED = """
no; not; without; absence of; absent; negative for; free of; free from; other than; except; except for; excluding;
rule out; ruled out; never had; no evidence of; no history of; no known; no prior; no previous; no signs of; no sign of;
no symptoms of; lack of; denies; neither; do not have; does not have; did not have; must not have; not have; non;
no current; no active; not due to; not caused by; nor
"""
_NEGATED_BEFORE = """
has been ruled out; have been excluded; is excluded; was excluded; were excluded; is absent; was ruled out;
is ruled out; unlikely
"""
_HISTORY = """
history of; prior; previous; previously; past history of; medical history of; personal history of; known history of;
a history of; recovered from; survivors of
"""
_HISTORY_BEFORE = "in the past; in history; history; in medical history; in the medical history"
_END = """
but; however; although; though; unless; who have; with current; because; if; not only; no more than; no less than;
no later than; no longer than; not more than; not less than; not limited to; no matter; no increase; no change;
prior to; previous to; related to; due to; secondary to; caused by; except for patients with;
with or without; with and without; with/without; whether or not; regardless of; irrespective of
"""


def _triggers() -> dict[str, Trigger]:
    found: dict[str, Trigger] = {}
    groups: tuple[tuple[str, Trigger], ...] = (
        (_NEGATED, "negated"), (_NEGATED_BEFORE, "negated before"), (_HISTORY, "history"),
        (_HISTORY_BEFORE, "history before"), (_END, "end"),
    )  # fmt: skip
    for phrases, trigger in groups:
        found |= {" ".join(phrase.split()): trigger for phrase in phrases.split(";")}
    return found


TRIGGERS = _triggers()
"""Words that change what a mention says, and how: behind them, before them, or by ending the reach of others."""

REACH = 60
"""Code points between a trigger and the mention that it still reaches; about eight words."""
REACH_BACK = 12
COMPARES = re.compile(
    r"\s(?:more|less|greater|higher|lower|fewer|older|younger|longer|later|earlier|limited)\b", re.IGNORECASE
)
"""Behind "no" and "not" they make a limit and deny nothing."""
_CLAUSE_END = re.compile(r"(?<!\be\.g)(?<!\bi\.e)(?<!\beg)(?<!\bie)(?<!\bvs)(?<!\betc)[.;:]\s|[.;:]$|\n")


class Said(msgspec.Struct, frozen=True, gc=False):
    """A trigger in a text."""

    start: int
    end: int
    trigger: Trigger


def said_before(text: str, start: int, said: Sequence[Said]) -> tuple[bool, bool]:
    """Whether a mention that starts here is negated, and whether it is history, by the triggers before it, in order."""
    negated = history = False
    for trigger in reversed(said):
        if start - trigger.end > REACH or trigger.trigger == "end" or _CLAUSE_END.search(text, trigger.end, start):
            break
        negated |= trigger.trigger == "negated" and not COMPARES.match(text, trigger.end)
        history |= trigger.trigger == "history"
    return negated, history


def said_behind(text: str, end: int, trigger: Said) -> tuple[bool, bool]:
    """The same by the trigger that follows a mention that ends here."""
    if trigger.start - end > REACH_BACK or _CLAUSE_END.search(text, end, trigger.start):
        return False, False
    return trigger.trigger == "negated before", trigger.trigger == "history before"


# ------------------------------------------------------------------------------------------------------- abbreviations
class Abbreviation(msgspec.Struct, frozen=True, gc=False):
    """A short form and the words that a text says it stands for."""

    short: str
    long: str
    start: int
    end: int
    """Code points of the long form."""


_PARENTHESIS = re.compile(r"[(\[]\s*[\"'“]?([^()\[\]\"“”]{2,60})[\"'”]?\s*[)\]]")
_SHORT = re.compile(r"(?=.*[A-Z])[A-Za-z0-9][A-Za-z0-9./+-]{1,9}$")
_BEFORE = re.compile(r"(?:^|(?<=[\s,;/]))([A-Z][A-Za-z0-9-]{1,8})\s*$")
_CLAUSE = re.compile(r"[.;:()\[\]\n]\s?")
_WINDOW = 120
"""Code points before a parenthesis in which the long form may begin."""


def abbreviations(text: str) -> Iterator[Abbreviation]:
    """The abbreviations that a text defines: "chronic obstructive pulmonary disease (COPD)", "COPD (chronic ...)"."""
    for match in _PARENTHESIS.finditer(text):
        inside = re.split(r"[,;]| hereafter| henceforth", match[1])[0].strip()
        low = max(0, match.start() - _WINDOW)
        if _SHORT.match(inside):
            before = text[low : match.start()].rstrip()
            clause = _CLAUSE.split(before)[-1]
            window = " ".join(clause.split(" ")[-min(len(inside) + 5, 2 * len(inside)) :])
            place = _long_form(inside, window)
            if place is not None:
                end = low + len(before)
                start = end - len(window) + place
                yield Abbreviation(inside, text[start:end], start, end)
        elif (short := _BEFORE.search(text[low : match.start()])) and _long_form(short[1], inside) == 0:
            start = text.index(inside, match.start())
            yield Abbreviation(short[1], inside, start, start + len(inside))


def is_short_for(short: str, long: str) -> bool:
    """Whether some letters are an abbreviation of the last of the words before them."""
    return len(short) <= 12 and " " not in short and _long_form(short, long.rstrip(" ([")) is not None


def _long_form(short: str, window: str) -> int | None:
    """Where the long form of an abbreviation begins in the words before it.

    Its letters are looked for from right to left, the first at the beginning of a word.
    """
    place = len(window) - 1
    letters = [c for c in short.lower() if c.isalnum()]
    lower = window.lower()
    for index in range(len(letters) - 1, -1, -1):
        letter = letters[index]
        while place >= 0 and (lower[place] != letter or (index == 0 and place > 0 and lower[place - 1].isalnum())):
            place -= 1
        if place < 0:
            return None
        place -= 1
    start = lower.rfind(" ", 0, place + 1) + 1
    if len(window) - start <= len(short) or short.lower() in lower[start:].split():
        return None
    return start
