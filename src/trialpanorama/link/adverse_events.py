"""Adverse event terms: MedDRA where the user has installed it, else the disease of the same name.

Registers require MedDRA's words for the terms of posted results, mostly preferred terms, so that only a name itself, or
its other spelling, is taken; a term that is merely like another one is another event.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from trialpanorama.link._links import Link
from trialpanorama.link._names import key_of_words, normalise

if TYPE_CHECKING:
    from trialpanorama.link.conditions import ConditionLinker
    from trialpanorama.ontologies import Concepts

_APPENDED = re.compile(r"\s*(?:[\[(][^\])]*[\])]|\bNOS\b|\*+|†|,? grade (?:[1-5]|[iv]{1,3}).*)\s*$", re.I)
"""What reporters append: a version in brackets, "NOS", a grade, a footnote mark."""
_PREPENDED = re.compile(r"\s*(?:\*+\s*|[A-Z][A-Z /,-]{3,60}::\s*)+")
"""What they put before it: a footnote mark, a class of the older terms of the National Cancer Institute."""
_SURE = ("exact", "variant", "reordered")


def _bare(text: str) -> str:
    """A term without what stands before and behind it."""
    return _APPENDED.sub("", text[place.end() if (place := _PREPENDED.match(text)) else 0 :]) or text


class AdverseEventLinker:
    """Links the terms of posted adverse events; diseases are found by the linker of conditions."""

    def __init__(self, concepts: Concepts, conditions: ConditionLinker) -> None:
        self._conditions = conditions
        self._levels = {concept.id: concept.attributes.get("level", "") for concept in concepts.all("event")}
        # preferred names first, and among them preferred terms before lower levels
        named = sorted(
            (name.kind != "preferred", self._levels[concept.id] != "PT", concept.id, name.text)
            for concept in concepts.all("event")
            if not concept.is_obsolete
            for name in concept.names
            if name.kind in ("preferred", "exact")
        )
        self._events: dict[str, tuple[str, str]] = {}
        self._reordered: dict[str, tuple[str, str]] = {}
        for _, _, id, text in named:
            key = normalise(text)
            self._events.setdefault(key, (id, text))
            self._reordered.setdefault(key_of_words(key.split()), (id, text))

    def link(self, texts: Sequence[str], hints: Sequence[str | None]) -> list[list[Link]]:
        """One link for each term; the hint, the organ system that the reporter chose, is not needed for it."""
        events = [self._event(text) for text in texts]
        left = [at for at, event in enumerate(events) if event is None]
        short = [_bare(texts[at]) for at in left]
        for at, term, links in zip(left, short, self._conditions.link(short), strict=True):
            whole = [one for one in links if one.concept_id and one.method in _SURE and len(one.text) == len(term)]
            if whole and len(links) == 1:
                (found,) = whole
                is_whole = len(term) == len(texts[at])
                start = texts[at].find(term)
                events[at] = msgspec.structs.replace(
                    found, start=start, end=start + len(term), kind="adverse_event", is_negated=False, is_history=False,
                    method=found.method if is_whole else "stripped",
                    score=found.score if is_whole else min(found.score, 0.95),
                )  # fmt: skip
        return [
            [event or Link(0, len(text), text, None, "none", 0.0, kind="adverse_event")]
            for text, event in zip(texts, events, strict=True)
        ]

    def _event(self, text: str) -> Link | None:
        """What MedDRA has of a term."""
        short = _bare(text)
        for form, method, score in ((text, "exact", 1.0), (short, "stripped", 0.95)):
            if found := self._events.get(normalise(form)):
                return self._linked(text, *found, method, score)
        found = self._reordered.get(key_of_words(normalise(short).split()))
        return self._linked(text, *found, "reordered", 0.9) if found else None

    def _linked(self, text: str, id: str, name: str, method: str, score: float) -> Link:
        return Link(0, len(text), text, id, method, score, name, kind="adverse_event", qualifier=self._levels[id])
