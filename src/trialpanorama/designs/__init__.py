"""How trials like a planned one were designed, and what became of them.

A draft is read into a Record; the trials of a warehouse are ranked by what they share with it; a summary says which
arms, criteria, endpoints and sizes they had.
"""

from __future__ import annotations

from trialpanorama.designs.drafts import (
    MOST_DRAFT_BYTES,
    Draft,
    DraftArm,
    DraftIntervention,
    DraftOutcome,
    draft_of,
    draft_text,
    read_draft,
    record_of,
    template,
)
from trialpanorama.designs.likeness import WEIGHTS, Shared, Similar, similar
from trialpanorama.designs.summaries import MOST_COMMON, Common, Designs, Figure, summary

__all__ = [
    "MOST_COMMON",
    "MOST_DRAFT_BYTES",
    "WEIGHTS",
    "Common",
    "Designs",
    "Draft",
    "DraftArm",
    "DraftIntervention",
    "DraftOutcome",
    "Figure",
    "Shared",
    "Similar",
    "draft_of",
    "draft_text",
    "read_draft",
    "record_of",
    "similar",
    "summary",
    "template",
]
