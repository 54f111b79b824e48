"""Ovid's query language, as systematic reviews print it: numbered lines, `exp Heading/`, `adj3`, `.ti,ab.`, `or/1-5`.

What binds strongest comes first: ADJ, AND, NOT, OR. Described in Ovid's own help pages and in those of libraries.
"""

from __future__ import annotations

import re

import msgspec

from trialpanorama.search import lines
from trialpanorama.search.tree import (
    AUTOMATIC,
    DATES,
    DEEPEST,
    FIELDS,
    OVID_CODES,
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

_CODES = "|".join(sorted(OVID_CODES, key=len, reverse=True))
_SUFFIX = re.compile(
    rf"(?i)\s*\.\s*((?:{_CODES})(?:\s*,\s*(?:{_CODES}))*)\s*(?:\.(?!\w)|(?=\s*(?:$|[\s)\]])))(?:\s*/\s*freq\s*=\s*\d+)?"
)
_IN_FIELDS = re.compile(rf"(?i)\s+in\s+((?:{_CODES})(?:\s*,\s*(?:{_CODES}))*)(?=\s*(?:$|\)))")
_COMMENT = re.compile(r"\s*\[[^\]]*(?:\]|\Z)")
_QUALIFIERS = (
    "aa ab ac ad ae ag ah ai an bi bl bs cf ch ci cl cn co cs ct cy de df dg dh di dt du ec ed eh em en ep es et gd ge "
    "hi im ip ir is ju lj ma me mi mo mt nu og pa pc pd ph pk po pp ps px py ra re rh ri rt sc sd se sh sn st su sz td "
    "th tm to tr tu ul ur ut ve vi vs"
).replace(" ", "|")
"""Ovid's codes of the MeSH qualifiers; "or" (organization) and "in" (injuries) would be taken for words."""
_HEADING_END = re.compile(rf"\s*/(?!\s*freq)((?:\s*,?\s*(?:{_QUALIFIERS})\b)*)(?![\w*$-])", re.IGNORECASE)
_OPERATOR = re.compile(r"(?i)(and|or|not|adj\d*|near\d*|next\d*)(?=[\s(\"]|\Z)")
_FARTHEST = 99
_COMBINE = re.compile(r"(?i)\s*(or|and)\s*/\s*(#?\d+(?:\s*[-–,]\s*#?\d+)*)")
_REFERENCE = re.compile(r"#?(\d{1,3})(?=\s*(?:\Z|\)|(?:and|or|not)\b))", re.IGNORECASE)
_EXPLODE = re.compile(r"(?i)exp(?:lode)?\s+(?=[\w*\"'])")
_LIMIT = re.compile(r"(?i)\s*limit\s+#?(\d{1,3})\s+to\s+(.+)\Z", re.DOTALL)
_WITHOUT_DUPLICATES = re.compile(r"(?i)\s*(?:remove\s+duplicates\s+from|deduplicate|use)\s+#?(\d{1,3})\s*\Z")
_KEEP = re.compile(r"(?i)\s*from\s+#?(\d{1,3})\s+keep\s+[\d,\s-]+\Z")
_YEARS = re.compile(
    r"(?i)\(?\s*(yr|ed|dt|up|ep|da|dp)\s*=\s*\"?\s*(\d{4,8})?\s*(?:[-–]\s*(\d{4,8}|current|))?\s*\"?\s*\)?"
)
_WORD_END = re.compile(r"[\s()\"]")


def parse(query: str, repairs: bool = False) -> Search:
    """Read a search in Ovid's language, of one or many lines; the last line is what is searched.

    Raises QueryError with the place in the text.
    """
    reading = Reading(query, repairs)
    tree: Node | None = None
    for line in lines.split(query, are_lines_searches=True):
        tree = _Line(query, line, reading).read()
        reading.finish(line.number, tree)
    if tree is None:
        raise QueryError("The query is empty", query, 0, "Give at least one word.")
    return Search("ovid", tree, tuple(reading.notes))


class _Line:
    """The reader of one line."""

    def __init__(self, query: str, line: lines.Line, reading: Reading) -> None:
        self._query, self._text, self._begin = query, line.text, line.at
        self._reading = reading
        self._at = self._depth = 0

    def read(self) -> Node:
        special = self._limited() or self._combined()
        if special:
            return special
        node = self._any()
        self._blanks()
        if self._text[self._at :].strip() == "(":
            self._reading.mend("Nothing follows this parenthesis", self._begin + self._at, "left out")
            self._at = len(self._text)
        while self._text[self._at : self._at + 1] == ")":
            self._reading.mend("A closing parenthesis too many", self._begin + self._at, "left out")
            self._at += 1
            node = self._suffixes(node)
            self._blanks()
        if self._at < len(self._text):
            raise self._error("This was not expected here")
        return node

    def _error(self, problem: str, at: int | None = None, hint: str = "") -> QueryError:
        return QueryError(problem, self._query, self._begin + (self._at if at is None else at), hint)

    def _blanks(self) -> None:
        while self._at < len(self._text) and (self._text[self._at].isspace() or self._text[self._at] in ",;"):
            self._at += 1

    # --- lines that are no expressions

    def _limited(self) -> Node | None:
        if match := _WITHOUT_DUPLICATES.match(self._text) or _KEEP.match(self._text):
            if match.re is _KEEP:
                self._reading.notes.append(f'"{self._text.strip()}": a choice by hand cannot be repeated; all are kept')
            return self._line(int(match.group(1)), match.start(1))
        match = _LIMIT.match(self._text)
        if not match:
            return None
        node = self._line(int(match.group(1)), match.start(1))
        limits = match.group(2)
        parts: list[Node] = [node]
        for found in _YEARS.finditer(limits):
            code, first, last = found.groups()
            is_open = last is not None and not last[:1].isdigit()
            place = match.start(2) + found.start()
            parts.append(self._dates(OVID_CODES[code.lower()], first, None if is_open else last or first, place))
        for word in re.split(r"(?i)\band\b|[()]", _YEARS.sub(" ", limits)):
            text = " ".join(word.replace('"', " ").split())
            if text:
                parts.append(Text(text, ("filter",), is_phrase=True))
        return join(And, parts)

    def _combined(self) -> Node | None:
        """`or/1-5`, alone on its line or as the beginning of a longer expression (left to `_operand`)."""
        match = _COMBINE.match(self._text)
        if not match:
            return None
        rest = self._text[match.end() :].strip(" .)")
        if rest.isdigit():
            self._reading.mend("Two line numbers with nothing between", self._begin + match.end(), "read as a range")
            match = _COMBINE.match(f"{match.group()}-{rest}")
            rest = ""
        return self._lines_of(match) if match and not rest else None

    def _lines_of(self, match: re.Match[str]) -> Node:
        numbers: list[int] = []
        for part in match.group(2).replace("#", "").replace("–", "-").split(","):
            first, _, last = part.partition("-")
            numbers += range(int(first), int(last or first) + 1) if int(last or first) - int(first) < 1000 else ()
        # a range may span a number that was skipped in the numbering, but not a whole that does not exist
        known = [number for number in numbers if self._reading.has(number)]
        if not known:
            raise self._error(f"There is no earlier line {numbers[0] if numbers else ''}".rstrip(), match.start(2))
        if len(known) < len(numbers):
            missing = ", ".join(str(number) for number in numbers if not self._reading.has(number))
            self._reading.notes.append(f'"{match.group().strip()}": there is no line {missing}')
        return join(
            Or if match.group(1).lower() == "or" else And, [self._line(number, match.start(2)) for number in known]
        )

    def _line(self, number: int, at: int) -> Node:
        return self._reading.line(number, self._begin + at)

    # --- expressions, from what binds weakest to what binds strongest

    def _any(self) -> Node:
        parts = [self._without()]
        while self._take("or"):
            parts.append(self._without())
        return join(Or, parts)

    def _without(self) -> Node:
        node = self._all()
        while self._take("not"):
            node = without(node, self._all())
        return node

    def _all(self) -> Node:
        parts = [self._near()]
        while self._take("and"):
            if self._peek() == "not":
                self._take("not")
                parts = [Not(join(And, parts), self._near())]
            else:
                parts.append(self._near())
        return join(And, parts)

    def _near(self) -> Node:
        node = self._operand()
        while (operator := self._peek()).startswith(("adj", "near", "next")):
            digits = operator.lstrip("adjnertx")
            is_ordered = operator == "adj" or operator.startswith("next")
            distance = int(digits[:3] or (1 if is_ordered else 10))
            if not 1 <= distance <= _FARTHEST:
                raise self._error(f"Words stand 1 to {_FARTHEST} places from each other", hint="Such as adj3.")
            self._take(operator)
            node, fields = _nearer(node, self._operand(), distance, is_ordered)
            node = self._suffixes(node if not fields else in_fields(node, fields))
        return node

    def _peek(self) -> str:
        self._blanks()
        match = _OPERATOR.match(self._text, self._at)
        return match.group(1).lower() if match else ""

    def _take(self, operator: str) -> bool:
        if self._peek() != operator:
            return False
        self._at += len(operator)
        return True

    def _operand(self) -> Node:
        self._blanks()
        text, at = self._text, self._at
        if at >= len(text):
            raise self._error("The query breaks off here", hint="A word, a heading or a line number is missing.")
        if text[at] == "(":
            return self._group()
        if text[at] == ")":
            raise self._error("Nothing stands before this parenthesis")
        if self._peek():
            while operator := self._peek():
                self._reading.mend(f'Nothing stands before "{operator}"', self._begin + self._at, "left out")
                self._take(operator)
            return self._operand()
        if match := _COMBINE.match(text, at):
            self._at = match.end()
            return self._suffixes(self._lines_of(match))
        if (match := _REFERENCE.match(text, at)) and (self._reading.has_lines or text[at] == "#"):
            self._at = match.end()
            return self._line(int(match.group(1)), at)
        self._reading.count(self._begin + at)
        return self._words()

    def _group(self) -> Node:
        begin = self._at
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._error(f"More than {DEEPEST} parentheses stand in each other")
        self._at += 1
        node = self._any()
        self._blanks()
        if self._at >= len(self._text):
            self._reading.mend("This parenthesis is not closed", self._begin + begin, "closed at the end of its line")
        elif self._text[self._at] != ")":
            raise self._error("This was not expected here")
        self._at += 1
        self._depth -= 1
        return self._suffixes(node, begin)

    def _suffixes(self, node: Node, begin: int | None = None) -> Node:
        """Fields that follow an expression, which began at a place."""
        begin = self._at if begin is None else begin
        match = _SUFFIX.match(self._text, self._at) or _IN_FIELDS.match(self._text, self._at)
        if not match:
            return node
        self._at = match.end()
        if comment := _COMMENT.match(self._text, self._at):
            self._at = comment.end()
        return self._placed(node, _fields(match.group(1)), begin)

    def _placed(self, node: Node, fields: tuple[str, ...], begin: int) -> Node:
        """An expression in its fields: words that stand for dates become ranges, headings stay what they are."""
        if isinstance(node, Text) and len(fields) == 1 and fields[0] in DATES and node.fields == (AUTOMATIC,):
            if match := re.fullmatch(r"(\d{4}(?:\d\d){0,2})\**", node.words):
                return self._dates(fields[0], match.group(1), match.group(1), begin)
            if match := re.fullmatch(r"(\d{4,8})?\s?-\s?(\d{4,8})?", node.words):
                return self._dates(fields[0], match.group(1), match.group(2), begin)
        if isinstance(node, And | Or):
            return join(type(node), [self._placed(part, fields, begin) for part in node.parts])
        if isinstance(node, Not):
            return Not(self._placed(node.first, fields, begin), self._placed(node.second, fields, begin))
        return in_fields(node, fields)

    def _dates(self, field: str, first: str | None, last: str | None, at: int) -> Range:
        """A range of dates, of which an end that is not given is open."""
        for digits in filter(None, (first, last)):
            if not (1 <= int(digits[4:6] or 1) <= 12 and 1 <= int(digits[6:8] or 1) <= 31):
                raise self._error(f'"{digits}" is no date', at, "Months go from 1 to 12, days from 1 to 31.")
        begin, end = _day(first), _day(last)
        if begin and end and begin[: len(end)] > end[: len(begin)]:
            raise self._error(f'The range "{first}-{last}" ends before it begins', at, "Write the earlier date first.")
        return Range(field, begin, end)

    def _words(self) -> Node:
        """A heading, or words up to an operator, a parenthesis or their fields."""
        text, begin = self._text, self._at
        is_exploded = is_major = False
        if match := _EXPLODE.match(text, self._at):
            is_exploded, self._at = True, match.end()
        if text[self._at : self._at + 1] == "*" and text[self._at + 1 : self._at + 2].strip():
            is_major, self._at = True, self._at + 1
        start, quoted = self._at, 0
        pieces: list[str] = []
        while True:
            self._blanks_only()
            if self._at >= len(text):
                break
            if match := _SUFFIX.match(text, self._at):
                break
            if self._ends_heading():
                break
            character = text[self._at]
            if character in "()" or (pieces and self._peek_word()):
                break
            if character == '"':
                end = text.find('"', self._at + 1)
                if end < 0:
                    raise self._error("This quotation mark is not closed")
                pieces.append(text[self._at + 1 : end])
                quoted += 1
                self._at = end + 1
                continue
            if character == "[":
                comment = _COMMENT.match(text, self._at)
                self._at = comment.end() if comment else len(text)
                continue
            pieces.append(self._word())
        words = " ".join(" ".join(pieces).split())
        if self._at < len(text) and text[self._at] == "/":
            return self._heading(words, is_exploded, is_major, start)
        if is_exploded and not words:
            words = "exp"
        if not _wildcards(words).strip("*$?# .,;'"):
            raise self._error("There is no word to look for", begin, "A wildcard needs letters before it.")
        is_phrase = bool(quoted) or not is_word(_wildcards(words))
        node: Node = Text(_wildcards(words), is_phrase=is_phrase)
        if is_exploded or is_major:  # "exp Dementia" without its slash
            node = Heading(words, is_exploded=is_exploded, is_major=is_major)
        return self._suffixes(node, begin)

    def _blanks_only(self) -> None:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1

    def _peek_word(self) -> bool:
        return _OPERATOR.match(self._text, self._at) is not None

    def _word(self) -> str:
        text, at = self._text, self._at
        while self._at < len(text) and not _WORD_END.match(text[self._at]):
            if self._at > at and (_SUFFIX.match(text, self._at) or self._ends_heading()):
                break
            self._at += 1
        if self._at == at:
            self._at += 1
        return text[at : self._at]

    def _ends_heading(self) -> bool:
        """Whether the slash ends a heading rather than standing inside a word (SPECT/CT)."""
        match = _HEADING_END.match(self._text, self._at) if self._text[self._at] == "/" else None
        return match is not None and not _SUFFIX.match(self._text, match.end())

    def _heading(self, name: str, is_exploded: bool, is_major: bool, start: int) -> Node:
        if not name:
            raise self._error("There is no heading before the slash", start)
        match = _HEADING_END.match(self._text, self._at)
        qualifiers = tuple(re.findall(r"[a-z]{2}", (match.group(1) if match else "").lower()))
        self._at = match.end() if match else self._at + 1
        if comment := _COMMENT.match(self._text, self._at):
            self._at = comment.end()
        node: Node = Heading(name, is_exploded=is_exploded, is_major=is_major, qualifiers=qualifiers)
        return self._suffixes(node)


def _fields(codes: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(OVID_CODES[code.strip().lower()] for code in codes.split(",")))


def _day(digits: str | None) -> str | None:
    if not digits:
        return None
    return "-".join(part for part in (digits[:4], digits[4:6], digits[6:8]) if part)


def _nearer(left: Node, right: Node, distance: int, is_ordered: bool) -> tuple[Node, tuple[str, ...]]:
    """Two parts near each other; fields that the last part names are those of the whole."""
    fields: tuple[str, ...] = ()
    if isinstance(right, Text | Near) and right.fields != (AUTOMATIC,):
        fields = right.fields
    return Near((_bare(left), _bare(right)), distance, is_ordered), fields


def _bare(node: Node) -> Node:
    """The words of a part without the fields, which the whole has."""
    if isinstance(node, And | Or):
        return join(type(node), [_bare(part) for part in node.parts])
    return msgspec.structs.replace(node, fields=(AUTOMATIC,)) if isinstance(node, Text | Near) else node


def _wildcards(words: str) -> str:
    """Ovid's signs for endings in the tree's way: `:` and `$` are `*`, `$3` stays."""
    return re.sub(r"\$(?!\d)|:(?=\s|\Z)", "*", words)


def to_text(node: Node) -> str:
    """The tree of an Ovid search as one line that is read as the same tree."""
    if isinstance(node, Text):
        return _quoted(node.words, node.is_phrase) + _suffix(node.fields)
    if isinstance(node, Heading):
        mark = ("exp " if node.is_exploded else "") + ("*" if node.is_major else "")
        return f"{mark}{_quoted(node.name, not is_word(node.name))}/{','.join(node.qualifiers)}"
    if isinstance(node, Range):
        return f"{(node.first or '').replace('-', '')}-{(node.last or '').replace('-', '')}{_suffix((node.field,))}"
    if isinstance(node, Near):
        operator = (
            ("adj" if node.distance == 1 else f"next{node.distance}") if node.is_ordered else f"adj{node.distance}"
        )
        return f"({f' {operator} '.join(_part(part) for part in node.parts)}){_suffix(node.fields)}"
    if isinstance(node, Not):
        return f"{_part(node.first)} not {_part(node.second)}"
    return f" {'and' if isinstance(node, And) else 'or'} ".join(_part(part) for part in node.parts)


def _part(node: Node) -> str:
    text = to_text(node)
    return f"({text})" if isinstance(node, And | Or | Not) else text


def _quoted(words: str, is_phrase: bool) -> str:
    return f'"{words}"' if is_phrase else words


def _suffix(fields: tuple[str, ...]) -> str:
    codes = [FIELDS[name].ovid[0] for name in fields if name != AUTOMATIC]
    return f".{','.join(codes)}." if codes else ""
