"""What a search means to an index: headings by their proper names, and words without a field mapped to headings.

PubMed's automatic term mapping, as its User Guide describes it: the longest runs of words that are a heading or one of
its entry terms are looked for as that heading, as the words of its name, and as the words that were typed. Words with a
field, in quotation marks or cut short are left as they are.
"""

from __future__ import annotations

import re

import msgspec

from trialpanorama import identifiers
from trialpanorama.search import ovid, pubmed
from trialpanorama.search.headings import Names, key
from trialpanorama.search.tree import AUTOMATIC, And, Heading, Node, Not, Or, Search, Text, is_word, join

LONGEST_NAME = 12
"""Words of the longest run that is looked up among names."""
MOST_NAMED = 10
"""Headings that a note names."""
_WILDCARD = re.compile(r"[*?#]|\$\d")
STOPWORDS = frozenset(
    "a an and are as at be by for from in is of on or that the to was were with".split()  # noqa: SIM905
)
_HEADING_FIELDS = (("heading",), ("major_heading",))


class Translation(msgspec.Struct, frozen=True):
    """What a part of a search was taken for."""

    words: str
    """The part as it was read."""
    meaning: str
    """What it was looked for as, in the language of the search."""


class Translated(msgspec.Struct, frozen=True):
    """A search as an index looks for it."""

    search: Search
    translations: tuple[Translation, ...] = ()


def translate(search: Search, names: Names) -> Translated:
    """Map a search to the headings of a release; plain words stay as they are."""
    if search.syntax == "plain":
        return Translated(search)
    one = _Translator(search, names)
    tree = one.node(search.tree)
    notes = (*search.notes, *one.notes())
    return Translated(msgspec.structs.replace(search, tree=tree, notes=notes), tuple(one.made))


class _Translator:
    def __init__(self, search: Search, names: Names) -> None:
        self._is_ovid, self._names = search.syntax == "ovid", names
        self._print = ovid.to_text if self._is_ovid else pubmed.to_text
        self._unknown: dict[str, None] = {}
        self.made: dict[Translation, None] = {}

    def node(self, node: Node) -> Node:
        """A tree with its headings and words mapped."""
        if isinstance(node, And | Or):
            return join(type(node), [self.node(part) for part in node.parts])
        if isinstance(node, Not):
            return Not(self.node(node.first), self.node(node.second))
        if isinstance(node, Heading):
            return self._changed(node, msgspec.structs.replace(node, name=self._heading(node.name)))
        if isinstance(node, Text) and node.fields in _HEADING_FIELDS:
            return self._changed(node, msgspec.structs.replace(node, words=self._heading(node.words)))
        if isinstance(node, Text) and node.fields == (AUTOMATIC,) and not node.is_phrase and not self._is_ovid:
            return self._changed(node, self._mapped(node.words))
        return node

    def notes(self) -> list[str]:
        """That there are headings which the release lacks, the first few by name."""
        names = list(self._unknown)
        if not names:
            return []
        more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
        listed = ", ".join(f'"{name}"' for name in names[:MOST_NAMED])
        return [f"No heading of {self._names.release}, found where a source gave it as one: {listed}{more}"]

    def _changed(self, node: Node, meaning: Node) -> Node:
        if meaning != node:
            self.made[Translation(self._print(node), self._print(meaning))] = None
        return meaning

    def _heading(self, name: str) -> str:
        """The proper name of a heading; one that is not known stays, and that is said."""
        if _WILDCARD.search(name):
            return name
        found = self._names.heading(name)
        if found is None:
            self._unknown[name] = None
            return name
        return name if found.lower() == name.lower() else found

    def _mapped(self, words: str) -> Node:
        """The longest runs of words that are headings, the others in all fields."""
        tokens = [token for token in words.split() if key(token)]
        keys = ["" if _WILDCARD.search(token) else key(token) for token in tokens]
        parts: list[Node] = []
        at = 0
        while at < len(tokens):
            end, heading = self._longest(keys, at)
            run, at = tokens[at:end], end
            if len(run) == 1 and run[0].lower() in STOPWORDS:
                continue
            found = identifiers.normalise(run[0]) if len(run) == 1 else None
            if found:
                parts.append(Text(found.id, ("id",), is_phrase=not is_word(found.id)))
            else:
                parts.append(_either(heading, run) if heading else _word(run[0]))
        if not tokens:
            return Text(words, ("all",), is_phrase=True)
        # what is said twice is looked for once
        return join(And, list(dict.fromkeys(parts or [_word(token) for token in tokens])))

    def _longest(self, keys: list[str], at: int) -> tuple[int, str | None]:
        """Where the longest run from here that is a heading ends, and the heading; else the next word and None."""
        longest = min(len(keys), at + LONGEST_NAME)
        for end in range(next((end for end in range(at, longest) if not keys[end]), longest), at, -1):
            if heading := self._names.mapped(" ".join(keys[at:end])):
                return end, heading
        return at + 1, None


def _either(heading: str, run: list[str]) -> Node:
    """A heading, the words of its name, or the words that were typed."""
    typed = [_word(word) for word in run]
    named = [_word(word) for word in key(heading).split() if word not in STOPWORDS]
    ways = [join(And, list(typed))]
    if key(heading) != key(" ".join(run)) and named:
        ways.insert(0, join(And, list(named)))
    return join(Or, [Heading(heading), *ways])


def _word(word: str) -> Text:
    return Text(word, ("all",), is_phrase=not is_word(word))
