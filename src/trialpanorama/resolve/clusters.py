"""Which registrations are one study: links are accepted one by one, the strongest first, unless a guard refuses."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import NamedTuple

from trialpanorama.resolve.titles import any_near_identical, tell_apart
from trialpanorama.tables import LinkMethod, Refusal

SCORES: dict[LinkMethod, float] = {
    "same_id": 1.0,
    "alias": 1.0,
    "mutual_id": 0.98,
    "bridge": 0.95,
    "secondary_id": 0.9,
    "utn": 0.8,
}
"""Strength of a link, by the way in which it is asserted."""


class Registration(NamedTuple):
    """What the guards look at: the register that issued a key, and the titles under it."""

    register: str | None
    titles: tuple[str, ...]


class Link(NamedTuple):
    """Two keys that may be one study, and why."""

    a: str
    b: str
    method: LinkMethod
    is_ambiguous: bool
    """Many records of one register name the same other, and it names none of them back."""


def decide(
    registrations: Mapping[str, Registration], links: Collection[Link]
) -> tuple[dict[Link, Refusal | None], list[list[str]]]:
    """Accept or refuse each link: the reason (none where it is accepted), and the groups of keys that are one study.

    The outcome does not depend on the order of the links. Groups of one key are not returned.
    """
    ordered = sorted(links, key=lambda link: (-SCORES[link.method], link))
    reasons: dict[Link, Refusal | None] = {}
    apart: dict[str, set[str]] = defaultdict(set)
    for link in ordered:
        if link.method == "alias":
            continue
        if link.is_ambiguous:
            reasons[link] = "ambiguous_id"
        elif tell_apart(registrations[link.a].titles, registrations[link.b].titles):
            reasons[link] = "follow_on_study"
            apart[link.a].add(link.b)
            apart[link.b].add(link.a)
    groups = {key: [key] for link in ordered for key in (link.a, link.b)}
    aliases = {frozenset((link.a, link.b)) for link in ordered if link.method == "alias"}
    for link in ordered:
        if link in reasons:
            continue
        one, other = groups[link.a], groups[link.b]
        reasons[link] = None if one is other else _refusal(registrations, one, other, apart, aliases)
        if one is not other and reasons[link] is None:
            small, large = sorted((one, other), key=len)
            large += small
            groups.update(dict.fromkeys(small, large))
    together = {id(group): sorted(group) for group in groups.values() if len(group) > 1}
    return reasons, sorted(together.values())


def _refusal(
    registrations: Mapping[str, Registration],
    one: list[str],
    other: list[str],
    apart: Mapping[str, set[str]],
    aliases: set[frozenset[str]],
) -> Refusal | None:
    """Why two groups cannot be one study."""
    if any(not apart[a].isdisjoint(other) for a in one if a in apart):
        return "follow_on_study"
    by_register: dict[str | None, list[str]] = defaultdict(list)
    for b in other:
        by_register[registrations[b].register].append(b)
    for a in one:
        mine = registrations[a]
        if mine.register is None:
            continue
        for b in by_register[mine.register]:
            if frozenset((a, b)) in aliases or _renumbered(mine.register, a, b):
                continue
            if not any_near_identical(mine.titles, registrations[b].titles):
                return "same_register"
    return None


_LETTERS = re.compile(r"[A-Za-z]+")
_RENUMBERED = {"ntr": {"NTR", "NL"}, "umin": {"UMIN", "C"}, "itmctr": {"ITMCTR", "ChiMCTR"}}


def _renumbered(register: str, a: str, b: str) -> bool:
    """Whether the two ids are of the old and the new numbering of one register, under which a trial has one of each."""
    beginnings = {match[0] for match in map(_LETTERS.match, (a, b)) if match}
    return beginnings == _RENUMBERED.get(register)
