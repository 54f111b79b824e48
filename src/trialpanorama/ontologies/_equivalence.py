"""Which concepts of several vocabularies are the same thing, by what they say of one another and by their names.

Pairs are taken up from the surest to the least sure: concepts with the same preferred name; those that share a name and
refer to one another; those that refer to nobody else, and that nobody else refers to. Left out are

- a reference that is one of several, under another name;
- a reference under another name where another concept of that vocabulary bears the name;
- a pair that would bring two concepts of one vocabulary together: a chain of references must not join what a vocabulary
  tells apart.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trialpanorama.ontologies._store import Columns

Pair = tuple[str, str]
_IDENTIFYING = {"unii": "UNII", "cas": "CAS", "inchi_key": "INCHIKEY"}
"""Attributes that name one substance, and the prefixes under which cross-references give the same."""
_BY_NAME = "known_by_name"
"""Attribute of a substance to which its vocabulary gives no number that others know: its name stands for one."""
_NO_WORD = re.compile(r"[\W_]+")


def prefix(id: str) -> str:
    """The vocabulary of an id, such as MESH."""
    return id.partition(":")[0]


class _Names:
    """The names of all concepts that are not obsolete, to be looked up either way."""

    def __init__(self, vocabularies: Sequence[Columns]) -> None:
        self.places = {id: (columns, row) for columns in vocabularies for row, id in enumerate(columns.ids)}
        self.preferred: dict[str, list[str]] = defaultdict(list)
        """Ids by preferred names, in small letters."""
        self._bearers: dict[str, list[str]] = defaultdict(list)
        for columns in vocabularies:
            rows = zip(columns.ids, columns.names, columns.name_kinds, columns.obsolete, strict=True)
            for id, names, kinds, is_obsolete in rows:
                if not is_obsolete:
                    self.preferred[names[0].lower()].append(id)
                    for name, kind in zip(names, kinds, strict=True):
                        if kind in ("preferred", "exact"):
                            self._bearers[name.lower()].append(id)
        self.plain = cache(self._plain)

    def kind(self, id: str) -> str:
        columns, row = self.places[id]
        return columns.kinds[row]

    def _plain(self, id: str) -> set[str]:
        """The words of each name of a concept, in alphabetical order: "Neoplasms, Lung" is "lung neoplasms"."""
        columns, row = self.places[id]
        pairs = zip(columns.names[row], columns.name_kinds[row], strict=True)
        return {
            " ".join(sorted(_NO_WORD.sub(" ", name.casefold()).split()))
            for name, kind in pairs
            if kind in ("preferred", "exact")
        }

    def contradict(self, one: str, other: str) -> bool:
        """Whether another concept of either's vocabulary bears the name of the other one."""
        return self._is_taken(one, other) or self._is_taken(other, one)

    def _is_taken(self, one: str, other: str) -> bool:
        columns, row = self.places[one]
        name = columns.names[row][0].lower()
        bearers = {*self._bearers.get(name, ()), *self._bearers.get(f"{name}s", ())}
        return any(prefix(id) == prefix(other) and id != other for id in bearers)


def groups(vocabularies: Sequence[Columns]) -> dict[str, frozenset[str]]:
    """The groups of more than one concept, by each of their ids."""
    names = _Names(vocabularies)
    stated = _stated(vocabularies, names)
    namesakes = {*_namesakes(names)}
    partners = Counter(end for one, other in stated for end in ((one, prefix(other)), (other, prefix(one))))
    ranked = []
    for one, other in stated.keys() | namesakes:
        rivals = partners[one, prefix(other)] + partners[other, prefix(one)] - 2
        are_namesakes = (one, other) in namesakes
        share_a_name = are_namesakes or not names.plain(one).isdisjoint(names.plain(other))
        if share_a_name or not (rivals or names.contradict(one, other)):
            ranked.append((not are_namesakes, not share_a_name, rivals, -stated.get((one, other), 0), one, other))
    found: dict[str, dict[str, str]] = {}
    for *_, one, other in sorted(ranked):
        first = found.get(one) or {prefix(one): one}
        second = found.get(other) or {prefix(other): other}
        if not first.keys() & second.keys():
            both = first | second
            found |= dict.fromkeys(both.values(), both)
    return {id: frozenset(group.values()) for id, group in found.items()}


def _stated(vocabularies: Sequence[Columns], names: _Names) -> dict[Pair, int]:
    """Pairs of concepts that refer to one another, or that bear the same number of a substance, with how often."""
    pairs: dict[Pair, int] = defaultdict(int)
    substances: dict[str, set[str]] = defaultdict(set)
    for columns in vocabularies:
        for row, id in enumerate(columns.ids):
            if columns.obsolete[row]:
                continue
            attributes = columns.attributes[row]
            numbers = [f"{of}:{attributes[key]}" for key, of in _IDENTIFYING.items() if key in attributes]
            for other in {*columns.cross_references[row], *numbers}:
                if prefix(other) in _IDENTIFYING.values():
                    substances[other].add(id)
                elif other in names.places:
                    pairs[min(id, other), max(id, other)] += 1
    for ids in substances.values():
        if len({*map(prefix, ids)}) == len(ids):
            for pair in combinations(sorted(ids), 2):
                pairs[pair] += 1
    for pair in _of_one_name(vocabularies, names):
        pairs[pair] += 1
    return pairs


def _namesakes(names: _Names) -> Iterator[Pair]:
    """Pairs of concepts of one kind with the same preferred name, each the only one of its vocabulary."""
    for ids in names.preferred.values():
        if len(ids) > 1 and len({*map(prefix, ids)}) == len(ids):
            for one, other in combinations(sorted(ids), 2):
                if names.kind(one) == names.kind(other):
                    yield one, other


def _of_one_name(vocabularies: Sequence[Columns], names: _Names) -> Iterator[Pair]:
    """Pairs of a substance that is known by its name alone, and another vocabulary's only one of that name."""
    drugs = [
        (columns.ids[row], _BY_NAME in columns.attributes[row])
        for columns in vocabularies
        for row, kind in enumerate(columns.kinds)
        if kind == "drug" and not columns.obsolete[row]
    ]
    if not any(is_known_by_name for _, is_known_by_name in drugs):
        return
    bearers: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for id, _ in drugs:
        for name in names.plain(id):
            bearers[name][prefix(id)].append(id)
    for id, is_known_by_name in drugs:
        for name in names.plain(id) if is_known_by_name else ():
            for of, ids in bearers[name].items():
                if of != prefix(id) and len(ids) == 1:
                    yield min(id, ids[0]), max(id, ids[0])
