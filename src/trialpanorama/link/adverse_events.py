"""Adverse event terms: MedDRA where the user has installed it, else the disease of the same name.

Registers require MedDRA's words for the terms of posted results, mostly preferred terms, so that only the name itself,
or its other spelling, is taken; a term that is like another one is another event.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from trialpanorama.link._links import Link
from trialpanorama.link._names import is_unsafe, key_of_words, normalise, variants

if TYPE_CHECKING:
    from trialpanorama.ontologies import Concepts

_VERSION = re.compile(r"\s*(?:[\[(][^\])]*[\])]|\bNOS\b|\*+|†|,? grade (?:[1-5]|[iv]{1,3}).*)\s*$", re.I)
"""What reporters append: a version in brackets, "NOS", a grade, a footnote mark."""


class AdverseEventLinker:
    """Links the terms of posted adverse events."""

    def __init__(self, concepts: Concepts) -> None:
        self._levels = {concept.id: concept.attributes.get("level", "") for concept in concepts.all("event")}
        self._events: dict[str, tuple[str, str]] = {}
        self._diseases: dict[str, tuple[str, str]] = {}
        self._reordered: dict[str, tuple[str, str]] = {}
        # preferred names first, and among them MedDRA's preferred terms before its lower levels
        named = sorted(
            (name.kind != "preferred", self._levels.get(concept.id) != "PT", concept.id, name.text)
            for kind in ("event", "condition")
            for concept in concepts.all(kind)
            if not concept.is_obsolete
            for name in concept.names
            if name.kind in ("preferred", "exact") and not is_unsafe(name.text)
        )
        for _, _, id, text in named:
            names = self._events if id in self._levels else self._diseases
            meant = (id if id in self._levels else concepts.preferred(id, "condition"), text)
            names.setdefault(normalise(text), meant)
            self._reordered.setdefault(key_of_words(normalise(text).split()), meant)
            for other in variants(text):
                self._reordered.setdefault(normalise(other), meant)

    def link(self, texts: Sequence[str], hints: Sequence[str | None]) -> list[list[Link]]:
        """One link for each term; the hint, the organ system that the reporter chose, is not needed for it."""
        return [[self._link(text)] for text in texts]

    def _link(self, text: str) -> Link:
        short = _VERSION.sub("", text)
        for form, method, score in ((text, "exact", 1.0), (short, "stripped", 0.95)):
            key = normalise(form)
            for names in (self._events, self._diseases):
                if key in names:
                    return self._linked(text, *names[key], method, score)
        key = normalise(short)
        if found := self._reordered.get(key):
            return self._linked(text, *found, "variant", 0.95)
        if found := self._reordered.get(key_of_words(key.split())):
            return self._linked(text, *found, "reordered", 0.9)
        return Link(0, len(text), text, None, "none", 0.0, kind="adverse_event")

    def _linked(self, text: str, id: str, name: str, method: str, score: float) -> Link:
        level = self._levels.get(id, "")
        return Link(0, len(text), text, id, method, score, name, kind="adverse_event", qualifier=level)
