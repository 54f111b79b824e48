"""Where the words of a search stand in what it found: in the title, and in pieces of the abstract around them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping

import msgspec

from trialpanorama.search.index import SEARCHED_FIELDS, Found, Highlight, Hit
from trialpanorama.search.tree import AUTOMATIC, And, Near, Node, Not, Or, Search, Text
from trialpanorama.search.words import question_stems, stem_analyzer, word_pattern, word_tokens

MOST_PIECES = 2
"""Pieces of an abstract that are shown."""
AROUND = 80
"""Characters on each side of a word."""
_LONGEST_WORD = 100
_MOST_SIGNS = 3
"""Signs for missing letters in a word that is still marked; more of them take too long to compare."""
_WORD = re.compile(r"[^\W_]+")
_SIGN = re.compile(r"[*?#]|\$\d")

Matcher = Callable[[str], bool]


def highlight(found: Found, search: Search, abstracts: Mapping[tuple[str, str], str]) -> Found:
    """What was found, with the words of the search marked; abstracts are given by kind and id."""
    marker = _Marker(search)
    hits = tuple(
        msgspec.structs.replace(hit, highlights=marker.highlights(hit, abstracts.get((hit.kind, hit.id), "")))
        for hit in found.hits
    )
    return msgspec.structs.replace(found, hits=hits)


class _Phrases:
    """The phrases that are looked for in a field, by their first words."""

    def __init__(self) -> None:
        self.exact: dict[str, list[list[Matcher]]] = {}
        self.others: list[list[Matcher]] = []
        self._known: dict[str, list[list[Matcher]]] = {}

    def beginning(self, word: str) -> list[list[Matcher]]:
        """The phrases that may begin with a word; each word is compared once, however often it stands in texts."""
        if word not in self._known:
            self._known[word] = [*self.exact.get(word, ()), *(one for one in self.others if one[0](word))]
        return self._known[word]


class _Marker:
    def __init__(self, search: Search) -> None:
        self._phrases = {"title": _Phrases(), "abstract": _Phrases()}
        if search.syntax == "plain":
            stems, cut = question_stems(search.tree.words if isinstance(search.tree, Text) else ""), stem_analyzer()
            for phrases in self._phrases.values():
                phrases.others.append([lambda word: not stems.keys().isdisjoint(cut.analyze(word))])
            return
        said: dict[tuple[str, tuple[str, ...]], None] = {}
        for text, fields in _texts(search.tree):
            for field in dict.fromkeys(name for one in fields for name in SEARCHED_FIELDS.get(one, ())):
                if field in self._phrases:
                    said[field, tuple(word_tokens(text))] = None
        for field, words in said:
            if not words or any(len(_SIGN.findall(word)) > _MOST_SIGNS for word in words):
                continue
            phrase = [_matcher(word) for word in words]
            if _SIGN.search(words[0]):
                self._phrases[field].others.append(phrase)
            else:
                self._phrases[field].exact.setdefault(words[0], []).append(phrase)

    def highlights(self, hit: Hit, abstract: str) -> tuple[Highlight, ...]:
        """The title, if a word is marked in it, and pieces of the abstract."""
        marks = self._marks("title", hit.title)
        title = [Highlight("title", hit.title, tuple(marks))] if marks else []
        pieces: list[Highlight] = []
        end = 0
        marks = self._marks("abstract", abstract)
        for start, stop in marks:
            if stop <= end or len(pieces) == MOST_PIECES:
                continue
            begin, end = _piece(abstract, end, start, stop)
            inside = tuple((one - begin, other - begin) for one, other in marks if begin <= one and other <= end)
            pieces.append(Highlight("abstract", abstract[begin:end], inside))
        return (*title, *pieces)

    def _marks(self, field: str, text: str) -> list[tuple[int, int]]:
        """Where words that were looked for in a field begin and end, in order, none in another."""
        words = [(match.start(), match.end(), _plain(match.group())) for match in _WORD.finditer(text)]
        marked: set[int] = set()
        for at, (_, _, word) in enumerate(words):
            for phrase in self._phrases[field].beginning(word):
                following = words[at + 1 : at + len(phrase)]
                if len(following) == len(phrase) - 1 and all(
                    matches(other) for matches, (_, _, other) in zip(phrase[1:], following, strict=True)
                ):
                    marked.update(range(at, at + len(phrase)))
        return [words[at][:2] for at in sorted(marked)]


def _texts(node: Node) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The words that a tree looks for, with their fields; those that must not be there are left out."""
    if isinstance(node, And | Or):
        for part in node.parts:
            yield from _texts(part)
    elif isinstance(node, Not):
        yield from _texts(node.first)
    elif isinstance(node, Near):
        for part in node.parts:
            for words, _ in _texts(part):
                yield words, ("all",) if node.fields == (AUTOMATIC,) else node.fields
    elif isinstance(node, Text):
        yield node.words, ("all",) if node.fields == (AUTOMATIC,) else node.fields


def _matcher(token: str) -> Matcher:
    if _SIGN.search(token):
        compiled = re.compile(word_pattern(token))
        return lambda word: len(word) <= _LONGEST_WORD and compiled.fullmatch(word) is not None
    return token.__eq__


def _plain(word: str) -> str:
    """A word as the index has it: lower case, accents folded."""
    low = word.lower()
    return low if low.isascii() else unicodedata.normalize("NFKD", low).encode("ascii", "ignore").decode() or low


def _piece(text: str, low: int, start: int, stop: int) -> tuple[int, int]:
    """A piece of a text around a word, which begins at `low` or later and is cut between words where it can be."""
    begin, end = max(start - AROUND, low), min(stop + AROUND, len(text))
    while low < begin < start and not text[begin - 1].isspace():
        begin += 1
    while begin < start and text[begin].isspace():
        begin += 1
    while stop < end < len(text) and not text[end].isspace():
        end -= 1
    return begin, end
