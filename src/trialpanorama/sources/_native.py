"""What the readers of single registers share: documents as trees of names and texts, and the fields made from them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any

import msgspec
from lxml import etree

from trialpanorama import identifiers, vocabulary
from trialpanorama.errors import Unreadable
from trialpanorama.record import Country, Identifier, Link, Note, Outcome, PartialDate, Reference, Sponsor
from trialpanorama.sources._reading import fold, from_html
from trialpanorama.vocabulary import DateOrder, DateType, OutcomeType, ReferenceType, SponsorRole, is_placeholder

# --- documents


class Tree:
    """A document of names and texts, from XML or JSON; whatever is missing or has another shape is an empty Tree.

    A name that stands for several values and one that stands for one are read alike: `each` gives all, `one` the
    first. Attributes of XML have an `@` before their name.
    """

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def __bool__(self) -> bool:
        return bool(self._value)

    def each(self, path: str) -> list[Tree]:
        """Every part of this path (names with a slash between them)."""
        found = [self._value]
        for name in path.split("/"):
            found = [one for value in found if isinstance(value, dict) for one in _several(value.get(name))]
        return [Tree(value) for value in found]

    def items(self) -> Iterable[tuple[str, Any]]:
        """Names and what they stand for."""
        return self._value.items() if isinstance(self._value, dict) else ()

    def one(self, path: str) -> Tree:
        """The first part of this path."""
        return Tree(_first(self._value, path.split("/")))

    def text(self, path: str = "") -> str | None:
        """The text of the first part of this path: its lines are kept, HTML goes, a placeholder is no text."""
        text = self._said(path)
        return None if is_missing(text) else text

    def as_written(self, path: str = "") -> str | None:
        """The text of the first part of this path as it stands, also where it is a placeholder; none if it is empty."""
        value = _first(self._value, path.split("/")) if path else self._value
        if isinstance(value, dict):
            value = value.get("#text")
        if isinstance(value, bool):
            return "true" if value else "false"
        return (value if isinstance(value, str) else str(value) if isinstance(value, int | float) else None) or None

    def line(self, path: str = "") -> str | None:
        """The same as one line."""
        return fold(self.text(path))

    def lines(self, path: str) -> list[str]:
        """The texts of every part of this path, each as one line."""
        return [line for part in self.each(path) if (line := part.line())]

    def word(self, path: str = "") -> str | None:
        """The word that was chosen from a list, where `No` and `Not applicable` are answers."""
        return fold(self._said(path))

    def _said(self, path: str) -> str | None:
        value = _first(self._value, path.split("/")) if path else self._value
        if isinstance(value, dict):
            value = value.get("#text")
        if isinstance(value, bool):
            return "true" if value else "false"
        return from_html(value) if isinstance(value, str) else str(value) if isinstance(value, int | float) else None


def _first(value: Any, path: list[str]) -> Any:
    for place, name in enumerate(path, start=1):
        if not isinstance(value, dict):
            return None
        value = value.get(name)
        if isinstance(value, list):
            inside = (_first(one, path[place:]) for one in value)
            return next((one for one in inside if one is not None), None)
    return value


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


_NOT_PROVIDED = re.compile(
    r"(?:not (?:yet )?(?:provided|available|entered|specified|known|defined)|nil known|none known)"
    r"(?: at (?:the )?(?:time of )?registration)?[.]?|\[-+\]\*?|-+",
    re.I,
)


def is_missing(text: str | None) -> bool:
    """Whether a text only stands where a value would be (`Nil known`, `Not provided at time of registration`)."""
    return not text or is_placeholder(text) or (len(text) < 60 and _NOT_PROVIDED.fullmatch(text.strip()) is not None)


def xml_tree(element: etree._Element, name: Callable[[str], str] = str) -> Tree:
    """An element without its namespaces; `name` may change the names of what is in it."""
    return Tree(_of_element(element, name))


def _of_element(element: etree._Element, name: Callable[[str], str]) -> Any:
    if not len(element) and not element.attrib:
        return (element.text or "").strip()
    found: dict[str, Any] = {f"@{str(key).rpartition('}')[2]}": value for key, value in element.items()}
    texts = [element.text or ""]
    for child in element:
        if isinstance(child.tag, str):
            found.setdefault(name(child.tag.rpartition("}")[2]), []).append(_of_element(child, name))
        texts.append(child.tail or "")
    if text := "".join(texts).strip():
        found["#text"] = text
    return found


_ANY = msgspec.json.Decoder()


def json_tree(data: bytes) -> Tree:
    """A JSON document; raises Unreadable."""
    try:
        return Tree(_ANY.decode(data))
    except UnicodeDecodeError as error:
        raise Unreadable("invalid_encoding", str(error)) from None
    except msgspec.DecodeError as error:
        raise Unreadable("truncated" if "truncated" in str(error) else "malformed_json", str(error)) from None


# --- fields

_NOT_A_DATE = "not a date"
_NOT_A_SIZE = "not a number of participants"
_UNKNOWN_WORD = "not a word that is known here"


class Notes(list[Note]):
    """The notes of one Record, with the fields that are noted when they cannot be read."""

    def say(self, field: str, note: str, raw: str | None = None) -> None:
        """Add a note."""
        self.append(Note(field=field, note=note, raw=raw))

    def date(
        self, raw: str | None, field: str, type: DateType | None = None, order: DateOrder = "ymd"
    ) -> PartialDate | None:
        """A date; one that cannot be read is noted and keeps its text."""
        if raw is None:
            return None
        found = vocabulary.parse_date(raw, order)
        if found is None:
            if raw.startswith(vocabulary.MISSING_DATE):
                return None
            self.say(field, _NOT_A_DATE, raw)
        return PartialDate(date=found, type=type, raw=raw if raw != found else None)

    def status(self, raw: str | None, register: str) -> vocabulary.Status | None:
        """A recruitment status; a word that is not known is noted."""
        found = vocabulary.status(raw, register)
        if raw and found is None:
            self.say("status", _UNKNOWN_WORD, raw)
        return found

    def enrollment(self, raw: str | None, field: str) -> int | None:
        """A number of participants; a text that gives none is noted."""
        found = vocabulary.enrollment(raw)
        if raw and found is None:
            self.say(field, _NOT_A_SIZE, raw)
        return found


_ID_SEPARATOR = re.compile(r"[;|\n\uff1b\uff0c\u3001]|(?<!\d),\s*|,(?!\d{3}(?!\d))\s*|\s/\s")
"""Not the comma of 75,061."""


def listed_ids(text: str | None) -> Iterator[tuple[str, list[identifiers.Found]]]:
    """Each piece of a list of ids that is not junk, with the registry numbers in it, also where blanks divide one."""
    for piece in _ID_SEPARATOR.split(text or ""):
        raw = piece.strip(" .:")
        if raw and not identifiers.is_junk(raw) and not is_missing(raw):
            yield raw, identifiers.find(raw) or identifiers.find("".join(raw.split()))


class Identifiers(list[Identifier]):
    """The identifiers of one Record, its own first; none is listed twice."""

    def __init__(self, raw: str | None, register: str, field: str) -> None:
        """Raises Unreadable if the text is no id of this register."""
        found = identifiers.normalise(raw, register)
        if found is None:
            title = identifiers.REGISTERS[register].title
            raise Unreadable(
                "missing_identifier", f"{raw[:60]!r} is no number of {title}" if raw else f"no number of {title}"
            )
        self.own = found.id
        super().__init__(
            [
                Identifier(
                    id=found.id, register=register, role="primary", raw=raw if raw != found.id else None, field=field
                )
            ]
        )
        self._seen = {found.id.lower()}

    def name(
        self,
        text: str | None,
        field: str,
        type_raw: str | None = None,
        role: str = "secondary",
        issuer: str | None = None,
    ) -> None:
        """Add what a field holds: every registry number in it; else each piece that is not junk, in this role."""
        for raw, found in listed_ids(text):
            for one in found:
                known_role = "mentioned" if role == "mentioned" else "secondary"
                self._add(one.id, one.register, known_role, raw, field, type_raw, issuer)
            if not found:
                self._add(raw, None, role, raw, field, type_raw, issuer)

    def name_doi(self, text: str | None, field: str) -> None:
        """Add the DOI that the registry gave to the record itself."""
        found = identifiers.normalise(text, "doi")
        if text and found:
            self._add(found.id, "doi", "alias", text, field, None, None)

    def _add(
        self, id: str, register: str | None, role: str, raw: str, field: str, type_raw: str | None, issuer: str | None
    ) -> None:
        if id.lower() in self._seen:
            return
        self._seen.add(id.lower())
        self.append(
            Identifier(
                id=id,
                register=register,
                role=role,
                raw=raw if raw != id else None,
                type_raw=type_raw,
                issuer=issuer,
                field=field,
            )
        )


def countries(names: Iterable[str]) -> list[Country]:
    """Countries in their order, each once: England and Wales are the United Kingdom."""
    found: dict[str, Country] = {}
    for raw in names:
        if not is_missing(raw):
            name = vocabulary.country(raw) or raw
            found.setdefault(name.lower(), Country(name=name, raw=raw if raw != name else None))
    return list(found.values())


def sponsor(name: str | None, role: SponsorRole, class_raw: str | None = None) -> Iterator[Sponsor]:
    """The organisation, if it is named; its class from the register's word, else from the name."""
    if name:
        known = vocabulary.sponsor_class(class_raw)
        yield Sponsor(
            name=name,
            role=role,
            sponsor_class=known or vocabulary.sponsor_class_from_name(name),
            sponsor_class_raw=class_raw,
        )


def distinct_sponsors(sponsors: Iterable[Sponsor]) -> list[Sponsor]:
    """Each organisation once in each role."""
    found: dict[tuple[str, str], Sponsor] = {}
    for one in sponsors:
        found.setdefault((one.role, one.name.lower()), one)
    return list(found.values())


_NUMBERED = re.compile(r"^[ \t]*(\d{1,2})[.)](?!\d)[ \t]*", re.M)


_WHEN_ALL = re.compile(
    r"\n[ \t]*\n[ \t]*(?:all (?:outcomes |of these )?(?:(?:are|were|will be) )?)?"
    r"(?:measured|assessed|evaluated|recorded) "
    r"((?:at|on|after|before|within|during|every|until|up to)\b[^\n]{1,150}?)\.?\s*$",
    re.I,
)
"""A last paragraph about all of a list: "Measured at baseline and 21 days"."""


def outcomes(text: str | None, type: OutcomeType) -> list[Outcome]:
    """A text about outcomes: taken apart where its lines are numbered 1, 2, 3 from the first on; else left whole.

    A line that ends in a colon may stand before the list, and before a further list, which begins with 1 again: it is
    the description of what it introduces, unless it only says that these are outcomes.
    """
    if not text:
        return []
    marks = list(_NUMBERED.finditer(text))
    numbers = [int(mark[1]) for mark in marks]
    runs_on = all(number in (1, before + 1) for before, number in pairwise(numbers))
    heading = text[: marks[0].start()].strip() if marks else ""
    if len(marks) < 2 or numbers[0] != 1 or not runs_on or (heading and not _HEADING.fullmatch(heading)):
        return [Outcome(type=type, measure=text)]
    when = _WHEN_ALL.search(text, marks[-1].end()) if numbers.count(1) == 1 else None
    ends = [*(mark.start() for mark in marks[1:]), when.start() if when else len(text)]
    found = []
    for mark, end, following in zip(marks, ends, [*numbers[1:], 0], strict=True):
        piece, introduction = text[mark.end() : end].strip(), heading
        if following == 1:
            piece, _, heading = piece.rpartition("\n")
            if not _HEADING.fullmatch(heading.strip()):
                return [Outcome(type=type, measure=text)]
        if not is_missing(piece):
            description = None if _OF_OUTCOMES.fullmatch(introduction) else introduction.rstrip(" :") or None
            found.append(
                Outcome(type=type, measure=piece.strip(), description=description, time_frame=when[1] if when else None)
            )
    return found


_HEADING = re.compile(r"[^\n]{1,200}:")
_OF_OUTCOMES = re.compile(
    r"(?:(?:the|our|current|updated|planned|main|key|other|primary|secondary|clinical|study|trial)\s+){0,4}"
    r"(?:outcomes?|end ?points?)(?:\s+(?:measures?|variables?|parameters?))?(?:\s+(?:are|include|is))?"
    r"(?:\s+\(?as of [\d/]+\)?)?\s*:",
    re.I,
)


def named_by_first_line(text: str) -> tuple[str, str | None]:
    """A name for what is only described: the first line; and the description, where there is more."""
    name = text.partition("\n")[0].strip()
    return name, text if text != name else None


URL = re.compile(r"https?://[^\s;,<>\"]+", re.I)
_PMID = re.compile(r"(?:pubmed[^\s?;,]{0,60}?/(?:\?term=)?|pmid:?\s{0,9})(\d{1,8})\b", re.I)
_DOI = re.compile(r"\b10\.\d{4,9}/[^\s;,<>\"]+", re.I)


def references(text: str | None, type: ReferenceType | None, citation: str | None = None) -> list[Reference]:
    """The articles whose PubMed id or DOI stands in a text."""
    found: dict[str, Reference] = {}
    for pmid in _PMID.findall(text or ""):
        found.setdefault(pmid, Reference(pmid=pmid, type=type, citation=citation))
    for match in _DOI.findall(text or ""):
        doi = match.rstrip("./)").lower()
        found.setdefault(doi, Reference(doi=doi, type=type, citation=citation))
    return list(found.values())


def distinct_references(given: Iterable[Reference]) -> list[Reference]:
    """Each article once: what is said first of it counts."""
    found: dict[str, Reference] = {}
    for one in given:
        found.setdefault(one.pmid or one.doi or one.citation or "", one)
    return list(found.values())


def links(given: Iterable[Link]) -> list[Link]:
    """Each address once."""
    found: dict[str, Link] = {}
    for one in given:
        found.setdefault(one.url or "", one)
    return list(found.values())
