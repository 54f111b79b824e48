"""Which concepts of several vocabularies are the same thing, by what they say of one another and by their names.

Pairs are taken up from the surest to the least sure: concepts with the same preferred name; those that share a name and
refer to one another; those that refer to nobody else, and that nobody else refers to. Left out are

- a reference that is one of several, under another name;
- a reference under another name where another concept of that vocabulary bears the name;
- a reference under another name that denies what the other one says: "non-squamous" and "squamous";
- a pair that would bring two concepts of one vocabulary together: a chain of references must not join what a vocabulary
  tells apart.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from functools import cache
from itertools import combinations
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from trialpanorama.ontologies._columns import Columns

Pair = tuple[str, str]
_IDENTIFYING = {"unii": "UNII", "cas": "CAS", "inchi_key": "INCHIKEY"}
"""Attributes that name one substance, and the prefixes under which cross-references give the same."""
_BY_NAME = "known_by_name"
"""Attribute of a substance to which its vocabulary gives no number that others know: its name stands for one."""
_NO_WORD = re.compile(r"[\W_]+")
_DENIED = re.compile(r"\bnon[-\s]?(\w{4,})", re.IGNORECASE)


def prefix(id: str) -> str:
    """The vocabulary of an id, such as MESH."""
    return id.partition(":")[0]


class _Names:
    """The names of concepts, by their ids."""

    def __init__(self, vocabularies: Sequence[Columns], places: Mapping[str, tuple[Columns, int]]) -> None:
        self.vocabularies = vocabularies
        self.places = places
        self.plain = cache(self._plain)
        self.denied = cache(self._denied)

    def kind(self, id: str) -> str:
        columns, row = self.places[id]
        return columns.kinds[row]

    def preferred(self, id: str) -> str:
        """The preferred name, in small letters."""
        columns, row = self.places[id]
        return columns.names[row][0].lower()

    def _plain(self, id: str) -> set[str]:
        """The words of each name of a concept, in alphabetical order: "Neoplasms, Lung" is "lung neoplasms"."""
        columns, row = self.places[id]
        return {" ".join(sorted(_NO_WORD.sub(" ", name.casefold()).split())) for name in _meant(columns, row)}

    def _denied(self, id: str) -> set[str]:
        """The words that names of a concept deny, in small letters: of "non-squamous" the squamous."""
        columns, row = self.places[id]
        return {match[1].lower() for name in _meant(columns, row) for match in _DENIED.finditer(name)}

    def _says(self, id: str) -> set[str]:
        """The words of a concept's names, without those that they deny."""
        columns, row = self.places[id]
        return {word for name in _meant(columns, row) for word in _NO_WORD.split(_DENIED.sub(" ", name).lower())}

    def contradict(self, one: str, other: str) -> bool:
        """Whether names of one concept deny what names of the other say, and not the other way round as well."""
        return any(
            (denied := self.denied(a) - self.denied(b)) and not denied.isdisjoint(self._says(b) - self._says(a))
            for a, b in ((one, other), (other, one))
        )

    def bearers(self, wanted: Set[str]) -> dict[str, set[str]]:
        """The concepts that bear each of these names (in small letters), obsolete ones left out."""
        found: dict[str, set[str]] = defaultdict(set)
        for columns in self.vocabularies:
            for row, id in enumerate(columns.ids):
                if not columns.obsolete[row]:
                    for name in _meant(columns, row):
                        if (small := name.lower()) in wanted:
                            found[small].add(id)
        return found


def _meant(columns: Columns, row: int) -> Iterator[str]:
    """The names that mean a concept itself."""
    for name, kind in zip(columns.names[row], columns.name_kinds[row], strict=True):
        if kind in ("preferred", "exact"):
            yield name


class Groups(msgspec.Struct):
    """The groups of more than one concept that are the same thing."""

    of: list[list[str]]
    """The ids of each group, in alphabetical order."""


def groups(vocabularies: Sequence[Columns], places: Mapping[str, tuple[Columns, int]]) -> Groups:
    """The groups of concepts that are the same thing; `places` says where each concept stands."""
    names = _Names(vocabularies, places)
    stated = _stated(vocabularies, names)
    namesakes = {*_namesakes(names)}
    partners = Counter(end for one, other in stated for end in ((one, prefix(other)), (other, prefix(one))))
    ranked, unsure = [], []
    for one, other in stated.keys() | namesakes:
        rivals = partners[one, prefix(other)] + partners[other, prefix(one)] - 2
        are_namesakes = (one, other) in namesakes
        if are_namesakes or not names.plain(one).isdisjoint(names.plain(other)):
            ranked.append((not are_namesakes, rivals, -stated.get((one, other), 0), one, other))
        elif not rivals and not names.contradict(one, other):
            unsure.append((one, other))
    ranked.sort()
    ranked += sorted((True, 0, -stated[pair], *pair) for pair in _not_contradicted(unsure, names))
    found: dict[str, dict[str, str]] = {}
    for *_, one, other in ranked:
        first = found.get(one) or {prefix(one): one}
        second = found.get(other) or {prefix(other): other}
        if not first.keys() & second.keys():
            both = first | second
            found |= dict.fromkeys(both.values(), both)
    return Groups([sorted(group.values()) for id, group in found.items() if id == min(group.values())])


def _stated(vocabularies: Sequence[Columns], names: _Names) -> dict[Pair, int]:
    """Pairs of concepts that refer to one another, or that bear the same number of a substance, with how often."""
    pairs: dict[Pair, int] = defaultdict(int)
    substances: dict[str, set[str]] = defaultdict(set)
    for columns in vocabularies:
        is_numbered = not columns.attribute_names.isdisjoint(_IDENTIFYING)
        for row, (id, references) in enumerate(zip(columns.ids, columns.cross_references, strict=True)):
            if columns.obsolete[row]:
                continue
            attributes = columns.attributes(row) if is_numbered else {}
            numbers = [f"{of}:{attributes[key]}" for key, of in _IDENTIFYING.items() if key in attributes]
            for other in {*references, *numbers} if references or numbers else ():
                if prefix(other) in _IDENTIFYING.values():
                    substances[other].add(id)
                elif other in names.places:
                    pairs[min(id, other), max(id, other)] += 1
    for ids in substances.values():
        if len(ids) > 1 and len({*map(prefix, ids)}) == len(ids):
            for pair in combinations(sorted(ids), 2):
                pairs[pair] += 1
    for pair in _of_one_name(vocabularies, names):
        pairs[pair] += 1
    return pairs


def _not_contradicted(pairs: Sequence[Pair], names: _Names) -> Iterator[Pair]:
    """Those of the pairs in which neither's preferred name belongs to another concept of the other one's vocabulary."""

    def spellings(id: str) -> tuple[str, str]:
        return names.preferred(id), f"{names.preferred(id)}s"

    bearers = names.bearers({spelling for pair in pairs for id in pair for spelling in spellings(id)})

    def is_taken(one: str, other: str) -> bool:
        of_that_name = {id for spelling in spellings(one) for id in bearers.get(spelling, ())}
        return any(prefix(id) == prefix(other) and id != other for id in of_that_name)

    for one, other in pairs:
        if not is_taken(one, other) and not is_taken(other, one):
            yield one, other


def _namesakes(names: _Names) -> Iterator[Pair]:
    """Pairs of concepts of one kind with the same preferred name, each the only one of its vocabulary."""
    first: dict[str, str] = {}
    again: dict[str, list[str]] = {}
    for columns in names.vocabularies if len(names.vocabularies) > 1 else ():
        for id, given, is_obsolete in zip(columns.ids, columns.names, columns.obsolete, strict=True):
            if not is_obsolete:
                name = given[0].lower()
                if first.setdefault(name, id) != id:
                    again.setdefault(name, [first[name]]).append(id)
    for ids in again.values():
        if len({*map(prefix, ids)}) == len(ids):
            for one, other in combinations(sorted(ids), 2):
                if names.kind(one) == names.kind(other):
                    yield one, other


def _of_one_name(vocabularies: Sequence[Columns], names: _Names) -> Iterator[Pair]:
    """Pairs of a substance that is known by its name alone, and another vocabulary's only one of that name."""
    if not any(_BY_NAME in columns.attribute_names for columns in vocabularies):
        return
    drugs = [
        (columns.ids[row], _BY_NAME in columns.attribute_names and _BY_NAME in columns.attributes(row))
        for columns in vocabularies
        for row, kind in enumerate(columns.kinds)
        if kind == "drug" and not columns.obsolete[row]
    ]
    bearers: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for id, _ in drugs:
        for name in names.plain(id):
            bearers[name][prefix(id)].append(id)
    for id, is_known_by_name in drugs:
        for name in names.plain(id) if is_known_by_name else ():
            for of, ids in bearers[name].items():
                if of != prefix(id) and len(ids) == 1:
                    yield min(id, ids[0]), max(id, ids[0])
