"""What a text says around a mention: abbreviations that it defines, and whether the thing is absent or past.

Abbreviations follow Schwartz and Hearst (2003, "A simple algorithm for identifying abbreviation definitions in biomedical
text"); negation follows NegEx (Chapman and others 2001): a trigger reaches to the end of its clause, but no further than
a few words, unless a word such as "but" ends it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

import msgspec

Trigger = Literal["negated", "negated before", "history", "history before", "end"]

TRIGGERS: dict[str, Trigger] = {
    **dict.fromkeys(
        (
            "no", "not", "without", "absence of", "absent", "negative for", "free of", "free from", "other than", "except",
            "except for", "excluding", "rule out", "ruled out", "never had", "no evidence of", "no history of",
            "no known", "no prior", "no previous", "no signs of", "no sign of", "no symptoms of", "lack of", "denies",
            "neither", "do not have", "does not have", "did not have", "must not have", "not have", "non", "no current",
            "no active", "not due to", "not caused by", "nor",
        ),
        "negated",
    ),
    **dict.fromkeys(("history of", "prior", "previous", "previously", "past", "past history of", "medical history of",
                     "personal history of", "known history of", "a history of", "recovered from", "survivors of"), "history"),
    **dict.fromkeys(("has been ruled out", "have been excluded", "is excluded", "was excluded", "were excluded",
                     "is absent", "was ruled out", "is ruled out", "unlikely"), "negated before"),
    **dict.fromkeys(("in the past", "in history", "history", "in medical history", "in the medical history"), "history before"),
    **dict.fromkeys(("but", "however", "although", "though", "unless", "who have", "with current", "because", "if",
                     "not only", "no more than", "no less than", "no later than", "no longer than", "not more than",
                     "not less than", "not limited to", "no matter", "no increase", "no change"), "end"),
}  # fmt: skip
"""Words that change what a mention says, and how: behind them, before them, or that end the reach of others."""

REACH = 60
"""Code points between a trigger and the mention that it still reaches; about eight words."""
_CLAUSE_END = re.compile(r"[.;:\n]\s|[.;:\n]$|\n")


class Said(msgspec.Struct, frozen=True):
    """A trigger in a text."""

    start: int
    end: int
    trigger: Trigger


def assertion(text: str, start: int, end: int, said: list[Said]) -> tuple[bool, bool]:
    """Whether a mention at these code points is negated, and whether it is history, given the text's triggers in order."""
    negated = history = False
    for trigger in reversed(said):
        if trigger.start >= end:
            continue
        if start - trigger.end > REACH or (trigger.end <= start and _CLAUSE_END.search(text, trigger.end, start)):
            break
        if trigger.end > start:
            continue
        if trigger.trigger == "end":
            break
        negated |= trigger.trigger == "negated"
        history |= trigger.trigger == "history"
    for trigger in said:
        if trigger.start < end or trigger.trigger not in ("negated before", "history before"):
            continue
        if trigger.start - end <= 12 and not _CLAUSE_END.search(text, end, trigger.start + 1):
            negated |= trigger.trigger == "negated before"
            history |= trigger.trigger == "history before"
        break
    return negated, history


class Abbreviation(msgspec.Struct, frozen=True):
    """A short form and the words that a text says it stands for."""

    short: str
    long: str
    start: int
    end: int
    """Code points of the long form."""
    short_start: int
    short_end: int


_PARENTHESIS = re.compile(r"[(\[]\s*[\"'“]?([^()\[\]\"“”]{2,60})[\"'”]?\s*[)\]]")
_SHORT = re.compile(r"(?=.*[A-Z])[A-Za-z0-9][A-Za-z0-9./+-]{1,9}$")


def abbreviations(text: str) -> Iterator[Abbreviation]:
    """The abbreviations that a text defines: "chronic obstructive pulmonary disease (COPD)", "COPD (chronic ...)"."""
    for match in _PARENTHESIS.finditer(text):
        inside = match[1].strip().rstrip(",;")
        inside = re.split(r"[,;]| hereafter| henceforth", inside)[0].strip()
        if _SHORT.match(inside):
            words = len(inside) + 5 if len(inside) + 5 < 2 * len(inside) else 2 * len(inside)
            before = text[: match.start()].rstrip()
            clause = re.split(r"[.;:()\[\]\n]\s?", before)[-1]
            window = " ".join(clause.split(" ")[-words:])
            place = _long_form(inside, window)
            if place is not None:
                start = len(before) - len(window) + place
                offset = text.index(inside, match.start())
                yield Abbreviation(inside, text[start : len(before)], start, len(before), offset, offset + len(inside))
        elif short := re.search(
            r"(?:^|(?<=[\s,;/]))([A-Z][A-Za-z0-9-]{1,8})\s*$", text[max(0, match.start() - 12) : match.start()]
        ):
            if sum(c.isupper() for c in short[1]) >= 2 and _long_form(short[1], inside) == 0:
                base = max(0, match.start() - 12) + short.start(1)
                offset = text.index(inside, match.start())
                yield Abbreviation(short[1], inside, offset, offset + len(inside), base, base + len(short[1]))


def is_short_for(short: str, long: str) -> bool:
    """Whether some letters or words are an abbreviation of the last of the words before them."""
    return len(short) <= 12 and " " not in short and _long_form(short, long.rstrip(" ([")) is not None


def _long_form(short: str, window: str) -> int | None:
    """Where in the words before it the long form of an abbreviation begins: its letters from right to left, the first
    at the beginning of a word."""
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
