"""Which registrations are one study: links are accepted one by one, the strongest first, unless a guard refuses."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from trialpanorama.resolve.model import model
from trialpanorama.resolve.titles import any_near_identical, likeness, tell_apart
from trialpanorama.tables import LinkMethod, Refusal

SCORES: dict[LinkMethod, float] = {
    "override": 1.0,
    "same_id": 1.0,
    "alias": 1.0,
    "mutual_id": 0.98,
    "bridge": 0.95,
    "secondary_id": 0.9,
    "common_id": 0.85,
    "utn": 0.8,
}
"""Strength of a link by an id, by the way in which it is asserted; that of any other link is its probability."""

RIVAL = 2.0
"""Another registration of the same register, no more than so many bits behind, leaves it open which of them it is."""


class Registration(NamedTuple):
    """What the guards look at: the register that issued a key, and the titles under it."""

    register: str | None
    titles: tuple[str, ...]


class Link(NamedTuple):
    """Two keys that may be one study, and why."""

    a: str
    b: str
    method: LinkMethod
    is_ambiguous: bool = False
    """Many records of one register name the same other, and it names none of them back."""
    probability: float | None = None
    """Of a link by likeness; none where an id, or a person, says it."""

    @property
    def score(self) -> float:
        """Strength, 0 to 1."""
        return SCORES[self.method] if self.probability is None else self.probability


Pair = tuple[str, str]


def decide(
    registrations: Mapping[str, Registration], links: Collection[Link], forbidden: Iterable[Pair] = ()
) -> tuple[dict[Link, Refusal | None], list[list[str]]]:
    """Accept or refuse each link: the reason (none where it is accepted), and the groups of keys that are one study.

    A person's overrides come first and pass every guard; then ids, then likeness. `forbidden` pairs never come into one
    group, not through others either. The outcome does not depend on the order of the links. Groups of one key are not
    returned.
    """
    groups = _Groups(registrations, links, forbidden)
    reasons: dict[Link, Refusal | None] = {}
    by_likeness = sorted((link for link in links if link.probability is not None), key=_order)

    def order_by_id(link: Link) -> tuple[bool, float, float, Link]:
        # of two studies of one register that an entry names, its own has more words of the title
        is_later, strength, _ = _order(link)
        return is_later, strength, -likeness(registrations[link.a].titles, registrations[link.b].titles), link

    for link in sorted((link for link in links if link.probability is None), key=order_by_id):
        reasons[link] = groups.refused[link] if link in groups.refused else groups.join(link)
    rivals, enough = _rivals(registrations, by_likeness, groups), model().accept
    for link in by_likeness:
        if link in groups.refused:
            reasons[link] = groups.refused[link]
        elif link.score < enough:
            reasons[link] = "too_little_evidence"
        elif link in rivals:
            reasons[link] = "ambiguous_match"
        else:
            reasons[link] = groups.join(link)
    return reasons, groups.several()


def _order(link: Link) -> tuple[bool, float, Link]:
    return link.method != "override", -link.score, link._replace(probability=0.0)


def _rivals(registrations: Mapping[str, Registration], links: list[Link], groups: _Groups) -> set[Link]:
    """Links for which another registration of the same register, not yet linked elsewhere, stands nearly as near."""
    at: dict[tuple[str, str | None], list[tuple[float, str, Link]]] = defaultdict(list)
    for link in links:
        for here, there in ((link.a, link.b), (link.b, link.a)):
            at[here, registrations[there].register].append((_bits(link.score), there, link))

    def is_free(here: str, rival: str, key: str) -> bool:
        mine = registrations[here].register
        return not groups.are_one(key, rival) and all(registrations[k].register != mine for k in groups.of(rival))

    return {
        link
        for (here, _), near in at.items()
        for bits, key, link in near
        if any(other >= bits - RIVAL and rival != key and is_free(here, rival, key) for other, rival, _ in near)
    }


def _bits(probability: float) -> float:
    return math.log2(max(probability, 1e-9) / max(1 - probability, 1e-9))


class _Groups:
    """Keys that are one study, as far as links were accepted."""

    def __init__(
        self, registrations: Mapping[str, Registration], links: Collection[Link], forbidden: Iterable[Pair]
    ) -> None:
        self._registrations = registrations
        self._of = {key: [key] for link in sorted(links) for key in (link.a, link.b)}
        self._aliases = {frozenset((link.a, link.b)) for link in links if link.method in ("alias", "override")}
        self._apart: dict[str, dict[str, Refusal]] = defaultdict(dict)
        self.refused: dict[Link, Refusal] = {}
        for link in links:
            if link.method in ("alias", "override"):
                continue
            if link.is_ambiguous:
                self.refused[link] = "ambiguous_id"
            elif tell_apart(registrations[link.a].titles, registrations[link.b].titles):
                self.refused[link] = "follow_on_study"
                self._keep_apart(link.a, link.b, "follow_on_study")
        for a, b in forbidden:
            self._keep_apart(a, b, "override")
        self.refused |= {link: "override" for link in links if self._apart.get(link.a, {}).get(link.b) == "override"}

    def _keep_apart(self, a: str, b: str, reason: Refusal) -> None:
        self._apart[a][b] = self._apart[b][a] = reason

    def of(self, key: str) -> list[str]:
        """The group of a key by now."""
        return self._of[key]

    def are_one(self, a: str, b: str) -> bool:
        """Whether the two are in one group by now."""
        return self._of[a] is self._of[b]

    def join(self, link: Link) -> Refusal | None:
        """Make one group of two, or say why they cannot be one study."""
        one, other = self._of[link.a], self._of[link.b]
        if one is other:
            return None
        reason = self._refusal(link, one, other)
        if reason is None:
            small, large = sorted((one, other), key=len)
            large += small
            self._of.update(dict.fromkeys(small, large))
        return reason

    def several(self) -> list[list[str]]:
        """The groups of more than one key."""
        return sorted({id(group): sorted(group) for group in self._of.values() if len(group) > 1}.values())

    def _refusal(self, link: Link, one: list[str], other: list[str]) -> Refusal | None:
        told = {reason for a in one if a in self._apart for b, reason in self._apart[a].items() if b in set(other)}
        if "override" in told:
            return "override"
        if link.method == "override":
            return None
        if told:
            return "follow_on_study"
        by_register: dict[str | None, list[str]] = defaultdict(list)
        for b in other:
            by_register[self._registrations[b].register].append(b)
        for a in one:
            mine = self._registrations[a]
            if mine.register is None:
                continue
            for b in by_register[mine.register]:
                if frozenset((a, b)) in self._aliases or _renumbered(mine.register, a, b):
                    continue
                # titles of one programme may be the same: only an id can say that such two are one study
                if link.probability is not None or not any_near_identical(mine.titles, self._registrations[b].titles):
                    return "same_register"
        return None


_LETTERS = re.compile(r"[A-Za-z]+")
_RENUMBERED = {"ntr": {"NTR", "NL"}, "umin": {"UMIN", "C"}, "itmctr": {"ITMCTR", "ChiMCTR"}}


def _renumbered(register: str, a: str, b: str) -> bool:
    """Whether the two ids are of the old and the new numbering of one register, under which a trial has one of each."""
    beginnings = {match[0] for match in map(_LETTERS.match, (a, b)) if match}
    return beginnings == _RENUMBERED.get(register)
