"""Searches of several lines: each line is a search, and later lines put earlier ones together by their numbers."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import NamedTuple

_NUMBER = re.compile(
    r"[ \t]*(?:(?:S(?=\d)|#[ \t]?)(\d{1,3})(?:[.):]+|(?=[\s(\"#]))|(\d{1,3})(?:[.):]+|(?=\s)))[ \t]*(?=\S)"
)
_OPERATOR = re.compile(r"(?i)(?:and|or|not|adj\d*)\b(?!/)")
_COUNT = re.compile(r"\s*[\[(]\s?\d[\d, ]{0,12}(?:results?|hits?|references)?\s?[\])]\Z|(?:\s\s|\t)\d[\d,]{0,12}\Z")


class Line(NamedTuple):
    """A line of a search: its number, its text, and where that begins in the whole."""

    number: int
    text: str
    at: int


def split(query: str, are_lines_searches: bool) -> list[Line]:
    """The lines of a search with their numbers; one line if it is not numbered, or each if `are_lines_searches`.

    Lines are numbered if most of them begin with the number that follows the line before. A line without a number
    goes on with the one before it. The count of hits that databases print at the end of a line is left out.
    """
    raw = [(match.start(), match.group()) for match in re.finditer(r"[^\r\n]+", query) if match.group().strip()]
    numbers = [_number(text) for _, text in raw]
    follows = sum(
        found is not None
        and ((number == 0 and found[0] == 1) or (previous is not None and abs(found[0] - previous[0]) <= 1))
        for number, (found, previous) in enumerate(zip(numbers, [None, *numbers], strict=False))
    )
    if len(raw) > 1 and follows * 2 >= len(raw) and numbers[0]:
        numbered = _numbered(query, raw, numbers)
        if all(one.number > other.number for one, other in pairwise(numbered)):
            numbered.reverse()  # a search history with the newest search first
        return numbered
    are_lines_searches = are_lines_searches or (len(raw) > 1 and re.search(r"(?m)^\s*\(*#\d", query) is not None)
    if not are_lines_searches:
        return [Line(1, query, 0)]
    found: list[_Span] = []
    for at, text in raw:
        if found and found[-1].open_parentheses > 0:
            found[-1].go_on(at, text)
        else:
            found.append(_Span(len(found) + 1, at, text))
    return [span.line(query) for span in found]


class _Span:
    """A line while it grows: only its ends are kept, as a query may have as many lines as letters."""

    def __init__(self, number: int, at: int, text: str) -> None:
        self.number, self.at = number, at
        self.open_parentheses = 0
        self.go_on(at, text)

    def go_on(self, at: int, text: str) -> None:
        """Add a line of text that goes on with this one."""
        self.end, self.last = at + len(text), text
        self.open_parentheses += _depth(text)

    def line(self, query: str) -> Line:
        """The whole of it, without the count of hits."""
        return Line(self.number, _without_count(query[self.at : self.end]), self.at)


def _number(text: str) -> tuple[int, int] | None:
    """The number that a line begins with, and how long it is; none if the number belongs to the search ("1 or 2")."""
    match = _NUMBER.match(text)
    if not match:
        return None
    digits = 1 if match.group(1) else 2
    if text[match.end(digits)].isspace() and _OPERATOR.match(text, match.end()):
        return None
    return int(match.group(digits)), match.end()


def _without_count(text: str) -> str:
    text = text.rstrip()
    end = max(len(text) - 40, 0)
    return text[:end] + _COUNT.sub("", text[end:])


def _numbered(query: str, raw: list[tuple[int, str]], numbers: list[tuple[int, int] | None]) -> list[Line]:
    spans: list[_Span] = []
    for (at, text), found in zip(raw, numbers, strict=True):
        if found is None and spans:
            last = spans[-1]
            if last.open_parentheses > 0 or not _is_over(last.last, text):
                last.go_on(at, text)
                continue
            found = (last.number + 1, 0)
        number, skip = found or (1, 0)
        spans.append(_Span(number, at + skip, text[skip:]))
    return [span.line(query) for span in spans]


def _is_over(text: str, following: str) -> bool:
    """Whether a line is a whole search and the next one begins another (its number was lost: "1 or 2")."""
    begins_with_reference = re.match(r"\s*#?\d+\s+(?i:and|or|not)\b", following) is not None
    return begins_with_reference and not re.search(r"(?i)\b(?:and|or|not)\s*\Z", text)


def _depth(text: str) -> int:
    """How many parentheses are open at the end, those in quotation marks left out."""
    plain = re.sub(r'"[^"]*"', "", text)
    return plain.count("(") - plain.count(")")
