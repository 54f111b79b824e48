"""What every linker gives: a mention in a text, the concept that it means, and the words that justify it."""

from __future__ import annotations

import msgspec


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """A concept that a mention might mean, where none was linked."""

    concept_id: str
    name: str
    """The concept's preferred name."""
    score: float
    """Likeness of the nearest name to the mention, 0 to 1."""


class Link(msgspec.Struct, frozen=True, gc=False):
    """A mention in a text and the concept it was linked to, if any."""

    start: int
    end: int
    """Code points into the text that was given: `text[start:end]` is `Link.text`."""
    text: str
    concept_id: str | None
    """CURIE (MESH:D003924); none for a mention that no concept was found for."""
    method: str
    """exact, variant, abbreviation, stripped, reordered, brand, salt, combination, code, context, other_name,
    registered, fuzzy, llm, none."""
    score: float
    """How sure the link is, 0 to 1."""
    matched: str = ""
    """The vocabulary's name that justifies the link, "" if none."""
    candidates: list[Candidate] = []
    """The nearest concepts where nothing was linked, best first, at most three."""
    is_negated: bool = False
    """The text says that this is absent (without diabetes)."""
    is_history: bool = False
    """The text says that this is past (history of stroke)."""
    kind: str = "condition"
    """condition, drug, placebo, procedure, device, population, behaviour ..."""
    qualifier: str = ""
    """Of a biomarker its part by the BEST glossary, of an endpoint its area, of an adverse event its MedDRA level."""
