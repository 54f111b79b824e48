"""The tree of a search: what is looked for, in which fields, and how the parts are put together.

Both query languages (`pubmed`, `ovid`) are read into this tree and printed from it; what a tree finds is the index's
business. In the words of a `Text`, `*` stands for any ending, `#` for one letter, `?` for one letter or none, and `$n`
for an ending of at most n letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from trialpanorama.errors import UserError


class Field(NamedTuple):
    """A field that a search can name."""

    meaning: str
    pubmed: tuple[str, ...] = ()
    """PubMed's tags for it, in lower case, the one that is printed first."""
    ovid: tuple[str, ...] = ()
    """Ovid's two-letter codes for it, the one that is printed first."""


FIELDS: dict[str, Field] = {
    "title": Field("Title", ("ti", "title"), ("ti",)),
    "abstract": Field("Abstract", ("ab", "abstract"), ("ab",)),
    "title_abstract": Field("Title, abstract and authors' keywords", ("tiab", "title/abstract")),
    "text": Field(
        "Title, abstract, headings, substances and keywords", ("tw", "text word", "text words", "text"), ("mp",)
    ),
    "title_abstract_text": Field("Title and abstract, as Ovid's text word", (), ("tw", "tx")),
    "all": Field("Every field", ("all", "all fields", "all field"), ("af",)),
    "heading_word": Field("Words of the MeSH headings", (), ("hw",)),
    "heading": Field(
        "MeSH heading",
        ("mh", "mesh", "mesh terms", "mesh term", "mesh heading", "mesh headings", "mesh heading term"),
        ("sh",),
    ),
    "major_heading": Field(
        "MeSH heading that is a main topic", ("majr", "mesh major topic", "major", "mesh major topics"), ("mj",)
    ),
    "subheading": Field("MeSH qualifier", ("sh", "subheading", "mesh subheading", "subheadings"), ("fs", "xs")),
    "publication_type": Field("Publication type", ("pt", "ptyp", "publication type", "publication types"), ("pt",)),
    "substance": Field(
        "Substance name", ("nm", "substance name", "supplementary concept", "substance", "substances"), ("nm",)
    ),
    "pharmacological_action": Field("Pharmacological action", ("pa", "pharmacological action")),
    "registry_number": Field("CAS or EC number, or UNII", ("rn", "ec/rn number", "registry number"), ("rn",)),
    "keyword": Field("Authors' keywords", ("ot", "other term", "other terms"), ("kw", "kf", "ot")),
    "author": Field(
        "Author",
        (
            "au",
            "author",
            "1au",
            "author - first",
            "lastau",
            "author - last",
            "fau",
            "author - full",
            "full author name",
        ),
        ("au", "fa", "ax"),
    ),
    "corporate_author": Field("Group that is the author", ("cn", "author - corporate", "corporate author"), ("ca",)),
    "affiliation": Field("Affiliation of an author", ("ad", "affiliation"), ("in",)),
    "journal": Field("Journal", ("ta", "journal", "jour", "journal title", "is", "issn"), ("jn", "ja", "jw", "nj")),
    "language": Field("Language", ("la", "lang", "language"), ("la", "lg")),
    "id": Field("PubMed id, or registry number", ("uid", "pmid", "aid", "doi", "article identifier"), ("ui", "id")),
    "registration": Field("Registry number that an article gives", ("si", "secondary source id"), ("si",)),
    "grant": Field("Grant", ("gr", "grant number", "grants and funding"), ("gr", "gi", "no")),
    "place": Field("Country of the journal, or place that is a topic", ("pl", "place of publication"), ("cp", "cy")),
    "filter": Field("A ready-made part of the database", ("filter", "sb", "subset"), ("sb", "st")),
    "date_published": Field(
        "Date of publication",
        (
            "dp",
            "pdat",
            "date - publication",
            "publication date",
            "date of publication",
            "epdat",
            "ppdat",
            "date - electronic publication",
        ),
        ("yr", "dp"),
    ),
    "date_entered": Field(
        "Date on which it came into the database",
        (
            "edat",
            "crdt",
            "mhda",
            "lr",
            "date - entrez",
            "entrez date",
            "date - entry",
            "date - create",
            "date - mesh",
            "date - modification",
            "date - completion",
            "dcom",
            "entry date",
            "create date",
            "mesh date",
        ),
        ("ed", "dt", "ep", "da", "up", "rd", "ez", "dc", "em"),
    ),
}
"""Every field, by the name that it has in a tree."""

AUTOMATIC = "automatic"
"""Where no field was named: PubMed maps the words to headings by itself, Ovid looks in `text`."""

PUBMED_TAGS = {tag: name for name, field in FIELDS.items() for tag in field.pubmed}
OVID_CODES = {code: name for name, field in FIELDS.items() for code in field.ovid}
DATES = ("date_published", "date_entered")


class Text(msgspec.Struct, frozen=True, tag="text", omit_defaults=True):
    """Words in fields; one that is found in any of the fields is found."""

    words: str
    fields: tuple[str, ...] = (AUTOMATIC,)
    is_phrase: bool = False
    """The words have to stand in this order, one after the other."""


class Heading(msgspec.Struct, frozen=True, tag="heading", omit_defaults=True):
    """A MeSH heading that was given to an article or trial."""

    name: str
    is_exploded: bool = True
    """The headings below it count too."""
    is_major: bool = False
    """It has to be a main topic."""
    qualifiers: tuple[str, ...] = ()
    """It has to be there with one of these subheadings."""


class Near(msgspec.Struct, frozen=True, tag="near", omit_defaults=True):
    """Parts that stand near each other in one field."""

    parts: tuple[Node, ...]
    distance: int
    """How many words apart at most; 1: next to each other."""
    is_ordered: bool = False
    fields: tuple[str, ...] = (AUTOMATIC,)


class Range(msgspec.Struct, frozen=True, tag="range", omit_defaults=True):
    """A range of dates, both ends included; an end is a year, month or day (ISO 8601), or open."""

    field: str
    first: str | None = None
    last: str | None = None


class And(msgspec.Struct, frozen=True, tag="and"):
    """All of the parts."""

    parts: tuple[Node, ...]


class Or(msgspec.Struct, frozen=True, tag="or"):
    """Any of the parts."""

    parts: tuple[Node, ...]


class Not(msgspec.Struct, frozen=True, tag="not"):
    """The first without the second."""

    first: Node
    second: Node


Node = Text | Heading | Near | Range | And | Or | Not

LARGEST_QUERY = 100_000
"""Characters of the longest query that is read; the longest published search strategies have a third of this."""
DEEPEST = 100
"""Parentheses, and operators, in each other."""
MOST_TERMS = 20_000
"""Words and headings of one query, those of the lines that it names included."""
MOST_REPAIRS = 50


class Search(msgspec.Struct, frozen=True):
    """A search that was read."""

    syntax: str
    """pubmed, ovid or plain."""
    tree: Node
    notes: tuple[str, ...] = ()
    """What could not be taken as it was meant, and what was done instead."""


class QueryError(UserError):
    """A query that cannot be read: what is wrong, and at which place of the text."""

    def __init__(self, problem: str, query: str, at: int, hint: str = "") -> None:
        self.problem = problem
        self.at = min(max(at, 0), len(query))
        line = query.count("\n", 0, self.at) + 1
        column = self.at - query.rfind("\n", 0, self.at)
        self.place = f"line {line}, character {column}" if "\n" in query.strip() else f"character {column}"
        following = " ".join(query[self.at : self.at + 40].split())
        near = f', at "{following[:30]}"' if following else ", at the end"
        super().__init__(f"{problem} ({self.place}{near}).{' ' + hint if hint else ''}")


class Reading:
    """What the lines of one query share while it is read: earlier lines, small slips, and how large it may become."""

    def __init__(self, query: str, repairs: bool) -> None:
        self.query, self.repairs, self.notes = query, repairs, list[str]()
        self._earlier: dict[int, tuple[Node, int]] = {}
        self._terms = 0

    def finish(self, number: int, tree: Node) -> None:
        """Keep what a line searches for, so that later ones can name it."""
        self._earlier[number] = tree, self._terms
        self._terms = 0

    def count(self, at: int, terms: int = 1) -> None:
        """Add terms to the line that is being read; raises QueryError beyond the most that a query may have.

        Lines that name lines can double a query with each, so this has to be told before the tree is made.
        """
        self._terms += terms
        if self._terms > MOST_TERMS:
            raise QueryError(f"The query has more than {MOST_TERMS:,} terms", self.query, at)

    def has(self, number: int) -> bool:
        """Whether there is an earlier line of this number."""
        return number in self._earlier

    @property
    def has_lines(self) -> bool:
        """Whether any line was read before this one."""
        return bool(self._earlier)

    def line(self, number: int, at: int) -> Node:
        """An earlier line; raises QueryError if there is none. To be repaired, it is left out."""
        if number not in self._earlier:
            self.mend(f"There is no earlier line {number}", at, "left out")
            return Or(())
        tree, terms = self._earlier[number]
        self.count(at, terms)
        return tree

    def mend(self, problem: str, at: int, remedy: str) -> None:
        """A slip that can be repaired in one way: noted with its place, or raised as QueryError."""
        if not self.repairs:
            raise QueryError(problem, self.query, at, "--repair reads it nevertheless, and says what was done.")
        if len(self.notes) >= MOST_REPAIRS:
            raise QueryError(f"More than {MOST_REPAIRS} slips, the last one: {problem}", self.query, at)
        self.notes.append(f"{problem} ({QueryError(problem, self.query, at).place}): {remedy}")


def join(kind: type[And] | type[Or], parts: list[Node]) -> Node:
    """Parts put together by AND or OR; what is of the same kind already is taken apart, a single part stays as it is.

    A part that holds nothing (a line that does not exist) is left out.
    """
    flat: list[Node] = []
    for part in parts:
        if isinstance(part, And | Or) and not part.parts:
            continue
        flat.extend(part.parts if isinstance(part, kind) else (part,))
    return flat[0] if len(flat) == 1 else kind(tuple(flat))


def without(node: Node, other: Node) -> Node:
    """The first without the second; a part that holds nothing takes nothing away."""
    return node if isinstance(other, And | Or) and not other.parts else Not(node, other)


def in_fields(node: Node, fields: tuple[str, ...]) -> Node:
    """The tree with these fields wherever none was named."""
    if isinstance(node, And | Or):
        return join(type(node), [in_fields(part, fields) for part in node.parts])
    if isinstance(node, Not):
        return Not(in_fields(node.first, fields), in_fields(node.second, fields))
    if isinstance(node, Text | Near) and node.fields == (AUTOMATIC,):
        return msgspec.structs.replace(node, fields=fields)
    return node


def leaves(node: Node) -> Iterator[Text | Heading | Range]:
    """The leaves of a tree, from left to right."""
    if isinstance(node, And | Or | Near):
        for part in node.parts:
            yield from leaves(part)
    elif isinstance(node, Not):
        yield from leaves(node.first)
        yield from leaves(node.second)
    else:
        yield node


def depth(node: Node) -> int:
    """How many operators stand in each other; told without recursion, as it may be any number."""
    deepest, waiting = 0, [(node, 1)]
    while waiting:
        one, level = waiting.pop()
        deepest = max(deepest, level)
        below = (
            one.parts if isinstance(one, And | Or | Near) else (one.first, one.second) if isinstance(one, Not) else ()
        )
        waiting += [(part, level + 1) for part in below]
    return deepest


def is_word(words: str) -> bool:
    """Whether words are a single word that no query language takes for anything else."""
    return _WORD.fullmatch(words) is not None and words.lower() not in _OPERATORS


_WORD = re.compile(r"[^\W\d_][\w'’*#?$-]*|\d+[^\W\d_][\w'’*#?$-]*")
_OPERATORS = {"and", "or", "not", "exp", "explode", "limit", "use", "from", "search"}
