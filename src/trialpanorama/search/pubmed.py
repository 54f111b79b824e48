"""PubMed's query language: tags in brackets, quotation marks, truncation, and operators taken from left to right.

After the PubMed User Guide of the National Library of Medicine. The lines of a search history (`#1`, `#2 AND #3`) are
read too, since reviews print them.
"""

from __future__ import annotations

import re
from functools import reduce

import msgspec

from trialpanorama.search import lines
from trialpanorama.search.tree import (
    AUTOMATIC,
    DATES,
    DEEPEST,
    FIELDS,
    PUBMED_TAGS,
    And,
    Heading,
    Near,
    Node,
    Not,
    Or,
    QueryError,
    Range,
    Reading,
    Search,
    Text,
    in_fields,
    is_word,
    join,
    without,
)

_TOKEN = re.compile(
    r"""(?P<blank>[\s,;]+(?=[\s,;()"\[#]|\Z)|\s+)
    | (?P<open>\() | (?P<close>\))
    | "(?P<quoted>[^"]*)"
    | \[(?P<tag>[^\[\]]*)\]
    | (?P<colon>:)(?=\s*["\d])
    | (?P<line>\#\d{1,3})(?!\w)
    | (?P<word>(?:[^\s()"\[\]:]|:(?!\s*["\d])|(?<=[^\d\s"\]]):)+)
    """,
    re.VERBOSE,
)
_QUOTATION_MARKS = str.maketrans("“”„‟″«»＂", '""""""""')
_LIMITS = re.compile(r"(?i)(?<![\s,])[\s,]+(?:with\s+)?(?:limits?|limits activated)\s*:\s*(.*)\Z", re.DOTALL)
_DATES = re.compile(r"(\d{4}(?:/\d\d?){0,2})\s*(?::|to)\s*(\d{4}(?:/\d\d?){0,2})")
_SEARCH = re.compile(r"(?i)\s*search:?\s+(?=\S)")
_HEADING_TAG = re.compile(r"(.+?)\s*:\s*no\s?exp\Z")
_NEAR_TAG = re.compile(r"(.+?)\s*:\s*~\s*(\d{1,4})\Z")
_DAY = re.compile(r"(\d{4})(?:[/-](\d{1,2})(?:[/-](\d{1,2}))?)?\Z")
_FIGURE = re.compile(r"\d[\w-]*")
"""A word of PubMed that begins with a figure: type 2 diabetes, 5-fluorouracil."""
_OPEN_BEGINNING = ("1000", "0001")
_OPEN_END = ("3000", "4000", "9999")
"""Years that stand for "from the first" and "up to now" in a range."""


def parse(query: str, repairs: bool = False) -> Search:
    """Read a search in PubMed's language; of a search history, the last line. Raises QueryError with the place."""
    plain = query.translate(_QUOTATION_MARKS)
    reading = Reading(query, repairs)
    tree: Node | None = None
    for line in lines.split(plain, are_lines_searches=False):
        tree = _Line(query, plain, line, reading).read()
        reading.finish(line.number, tree)
    if tree is None:
        raise QueryError("The query is empty", query, 0, "Give at least one word.")
    return Search("pubmed", tree, tuple(reading.notes))


class _Token(msgspec.Struct, frozen=True):
    kind: str
    text: str
    at: int


class _Line:
    """The reader of one search."""

    def __init__(self, query: str, plain: str, line: lines.Line, reading: Reading) -> None:
        self._query, self._reading = query, reading
        prefix = _SEARCH.match(line.text) if len(plain) > len(line.text) else None
        begin = prefix.end() if prefix else 0
        limits = _LIMITS.search(line.text)
        self._limits = limits.group(1) if limits else ""
        self._tokens = self._cut(line.text[: limits.start()] if limits else line.text, begin, line.at)
        self._at = self._depth = 0
        self._end = line.at + len(line.text.rstrip())

    def _cut(self, text: str, at: int, base: int) -> list[_Token]:
        tokens: list[_Token] = []
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                what = {'"': "This quotation mark is not closed", "[": "This bracket is not closed"}
                problem = what.get(text[at], "This was not expected here")
                raise QueryError(problem, self._query, base + at)
            kind = str(match.lastgroup)
            if kind == "word" and match.group().upper() in ("AND", "OR", "NOT"):
                kind = "operator"
            if kind == "tag" and not match.group(kind).strip():
                raise QueryError(
                    "These brackets are empty", self._query, base + at, "Such as [tiab], [mh], [pt], [dp]."
                )
            if kind != "blank":
                tokens.append(_Token(kind, match.group(kind if kind != "operator" else 0), base + match.start()))
            at = match.end()
        return tokens

    def _error(self, problem: str, at: int | None = None, hint: str = "") -> QueryError:
        return QueryError(problem, self._query, self._here() if at is None else at, hint)

    def _here(self) -> int:
        return self._tokens[self._at].at if self._at < len(self._tokens) else self._end

    def _kind(self) -> str:
        return self._tokens[self._at].kind if self._at < len(self._tokens) else ""

    def read(self) -> Node:
        if not self._tokens:
            raise self._error("The query is empty", 0, "Give at least one word.")
        node = self._expression()
        while self._kind() == "close":
            self._reading.mend("A closing parenthesis too many", self._here(), "left out")
            self._at += 1
            if self._kind() not in ("", "close"):
                node = self._expression(node)
        if self._kind():
            raise self._error("This was not expected here")
        return join(And, [node, *self._limited()])

    def _limited(self) -> list[Node]:
        """What a search history prints after "Limits:": dates, languages, kinds of article."""
        dates: list[Node] = [
            Range("date_published", _iso_text(first), _iso_text(last)) for first, last in _DATES.findall(self._limits)
        ]
        words = [" ".join(part.split()) for part in re.split(r"[,;]", _DATES.sub("", self._limits))]
        return dates + [Text(part, ("filter",), is_phrase=True) for part in words if part.strip(" ./:")]

    def _expression(self, node: Node | None = None) -> Node:
        """Operands with operators, taken from left to right; no operator between two operands means AND."""
        parts = [node or self._operand()]
        pending = ""
        while self._kind() not in ("", "close"):
            operator = "AND"
            if self._kind() == "operator":
                operator = self._word().upper()
                self._at += 1
                if operator in ("AND", "OR") and self._kind() == "operator" and self._word().upper() == "NOT":
                    operator = "NOT"  # "AND NOT"
                    self._at += 1
            if pending not in ("", operator):
                parts = [_put_together(pending, parts)]
            pending = operator
            parts.append(self._operand())
        return _put_together(pending, parts)

    def _word(self) -> str:
        return self._tokens[self._at].text

    def _operand(self) -> Node:
        kind = self._kind()
        if kind == "":
            raise self._error("The query breaks off here", hint="A word is missing.")
        if kind == "open":
            return self._group()
        if kind == "close":
            raise self._error("Nothing stands before this parenthesis")
        if kind == "operator":
            while self._kind() == "operator":
                self._reading.mend(f'Nothing stands before "{self._word()}"', self._here(), "left out")
                self._at += 1
            return self._operand()
        if kind == "tag":
            raise self._error(f"Nothing stands before [{self._word()}]")
        if kind == "line":
            number, at = int(self._word()[1:]), self._here()
            self._at += 1
            return self._reading.line(number, at)
        self._reading.count(self._here())
        return self._term()

    def _group(self) -> Node:
        begin = self._tokens[self._at].at
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._error(f"More than {DEEPEST} parentheses stand in each other")
        self._at += 1
        if self._kind() == "close":
            raise self._error("There is nothing in these parentheses", begin)
        node = self._expression()
        if self._kind() != "close":
            self._reading.mend("This parenthesis is not closed", begin, "closed at the end")
        self._at += 1
        self._depth -= 1
        if self._kind() == "tag":
            place = self._tokens[self._at].at
            node = in_fields(node, (self._field(self._word(), place),))
            self._at += 1
        return node

    def _term(self) -> Node:
        """Words or a quotation, with the tag that follows; or a range of dates."""
        first = self._tokens[self._at]
        self._at += 1
        words, is_quoted = first.text, first.kind == "quoted"
        if first.kind == "colon":
            raise self._error("Nothing stands before this colon", first.at)
        while not is_quoted and self._kind() == "word":
            words += " " + self._word()
            self._at += 1
        words = " ".join(words.split())
        tag, place = "", first.at
        if self._kind() == "tag":
            tag, place = self._word(), self._tokens[self._at].at
            self._at += 1
        if self._kind() == "colon":
            return self._range(words, tag, first.at)
        if not words.strip("*#?. ,;'"):
            raise self._error("There is no word to look for", first.at, "A wildcard needs letters before it.")
        return self._tagged(words, is_quoted, tag, place) if tag else self._untagged(words, is_quoted)

    def _untagged(self, words: str, is_quoted: bool) -> Node:
        is_plain = all(is_word(word) or _FIGURE.fullmatch(word) for word in words.split())
        return Text(words, is_phrase=is_quoted or not is_plain)

    def _tagged(self, words: str, is_quoted: bool, tag: str, place: int) -> Node:
        name = " ".join(tag.lower().replace("–", "-").split())
        if match := _NEAR_TAG.match(name):
            parts = tuple(Text(word, is_phrase=not is_word(word)) for word in words.split())
            if len(parts) > 1:
                field = self._field(match.group(1), place)
                return Near(parts, int(match.group(2)) + 1, fields=(field,))
            name = match.group(1)
        is_exploded = True
        if match := _HEADING_TAG.match(name):
            name, is_exploded = match.group(1), False
        field = self._field(name, place)
        if field in ("heading", "major_heading"):
            heading, _, qualifiers = words.partition("/")
            if not heading.strip():
                raise self._error("There is no heading before the slash", place)
            listed = tuple(part.strip() for part in qualifiers.split("/") if part.strip())
            return Heading(heading.strip(), is_exploded, field == "major_heading", listed)
        if field in DATES:
            if match := _DAY.match(words.rstrip("*")):
                day = self._day(match, place)
                return Range(field, day, day)
            if match := re.fullmatch(r"(?i)(?:published\s+)?last\s+(\d+)\s+(day|month|year)s?", words):
                return Text(words.lower(), (field,), is_phrase=True)
            raise self._error(
                f'"{words}" is no date', place, "Write a year, 2012/05 or 2012/05/31, or a range 2010:2012[dp]."
            )
        return Text(words, (field,), is_phrase=is_quoted or " " in words or not is_word(words))

    def _day(self, match: re.Match[str], place: int) -> str:
        """A date in ISO 8601; the 31st stands for the last day of any month."""
        _, month, day = match.groups()
        if not 1 <= int(month or 1) <= 12 or not 1 <= int(day or 1) <= 31:
            raise self._error(f'"{match.group()}" is no date', place, "Months go from 1 to 12, days from 1 to 31.")
        return _iso(match)

    def _field(self, tag: str, place: int) -> str:
        name = " ".join(tag.lower().replace("–", "-").split())
        name = re.sub(r"\s*:\s*(?:~\s*\d{1,4}|no\s?exp)\Z", "", name)
        if name not in PUBMED_TAGS:
            import difflib

            near = difflib.get_close_matches(name, PUBMED_TAGS, n=3, cutoff=0.5)
            hint = f"Close: {', '.join(f'[{one}]' for one in near)}." if near else "Such as [tiab], [mh], [pt], [dp]."
            raise self._error(f"There is no field [{tag.strip()}]", place, hint)
        return PUBMED_TAGS[name]

    def _range(self, first: str, first_tag: str, at: int) -> Node:
        """`2000:2010[dp]`, or `"2000/01/01"[dp] : "2010/12/31"[dp]`."""
        self._at += 1
        if self._kind() not in ("word", "quoted"):
            raise self._error("A range has no end", at, "Write it as 2000:2010[dp].")
        last = self._word()
        self._at += 1
        tag, place = first_tag, at
        if self._kind() == "tag":
            tag, place = self._word(), self._tokens[self._at].at
            self._at += 1
        field = self._field(tag, place) if tag else "date_published"
        days = [_DAY.match(part.strip()) for part in (first, last)]
        if field not in DATES or not all(days):
            raise self._error(f'"{first}:{last}" is no range of dates', at, "Write it as 2000:2010[dp].")
        begin, end = (self._day(day, at) for day in days if day)
        begins_open, ends_open = begin[:4] in _OPEN_BEGINNING, end[:4] in _OPEN_END
        if begin[: len(end)] > end[: len(begin)]:
            raise self._error(f'The range "{first}:{last}" ends before it begins', at, "Write the earlier date first.")
        return Range(field, None if begins_open else begin, None if ends_open else end)


def _put_together(operator: str, parts: list[Node]) -> Node:
    return reduce(without, parts) if operator == "NOT" else join(Or if operator == "OR" else And, parts)


def _iso_text(day: str) -> str:
    match = _DAY.match(day)
    return _iso(match) if match else day


def _iso(match: re.Match[str]) -> str:
    return "-".join(f"{int(part):02d}" if len(part) < 3 else part for part in match.groups() if part)


def to_text(node: Node) -> str:
    """The tree of a PubMed search as a query that is read as the same tree."""
    if isinstance(node, Text):
        words = f'"{node.words}"' if node.is_phrase else node.words
        return " OR ".join(words if name == AUTOMATIC else f"{words}[{_tag(name)}]" for name in node.fields)
    if isinstance(node, Heading):
        tag = ("majr" if node.is_major else "mh") + ("" if node.is_exploded else ":noexp")
        return f'"{"/".join((node.name, *node.qualifiers))}"[{tag}]'
    if isinstance(node, Range):
        first, last = ((day or other).replace("-", "/") for day, other in ((node.first, "1000"), (node.last, "3000")))
        if first == last:
            return f"{first}[{_tag(node.field)}]"
        return f"{first}:{last}[{_tag(node.field)}]"
    if isinstance(node, Near):
        words = " ".join(part.words for part in node.parts if isinstance(part, Text))
        return f'"{words}"[{_tag(node.fields[0])}:~{node.distance - 1}]'
    if isinstance(node, Not):
        return f"{_part(node.first)} NOT {_part(node.second)}"
    return f" {'AND' if isinstance(node, And) else 'OR'} ".join(_part(part) for part in node.parts)


def _part(node: Node) -> str:
    text = to_text(node)
    is_alone = isinstance(node, Heading | Range | Near) or (isinstance(node, Text) and len(node.fields) == 1)
    return text if is_alone else f"({text})"


def _tag(name: str) -> str:
    return FIELDS[name].pubmed[0]
