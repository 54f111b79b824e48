"""The words of ClinicalTrials.gov before the API v2, for the tokens that the API v2 gives."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

INTERVENTION_WORDS = {
    "DRUG": "Drug", "BIOLOGICAL": "Biological", "DEVICE": "Device", "PROCEDURE": "Procedure", "RADIATION": "Radiation",
    "BEHAVIORAL": "Behavioral", "GENETIC": "Genetic", "DIETARY_SUPPLEMENT": "Dietary Supplement",
    "DIAGNOSTIC_TEST": "Diagnostic Test", "OTHER": "Other",
}  # fmt: skip
STATUS_WORDS = {
    "NOT_YET_RECRUITING": "Not yet recruiting", "RECRUITING": "Recruiting",
    "ENROLLING_BY_INVITATION": "Enrolling by invitation",
    "ACTIVE_NOT_RECRUITING": "Active, not recruiting", "SUSPENDED": "Suspended", "TERMINATED": "Terminated",
    "COMPLETED": "Completed", "WITHDRAWN": "Withdrawn", "UNKNOWN": "Unknown status", "AVAILABLE": "Available",
    "NO_LONGER_AVAILABLE": "No longer available",
}  # fmt: skip
PHASE_WORDS = {
    "EARLY_PHASE1": "Early Phase 1",
    "PHASE1": "Phase 1",
    "PHASE2": "Phase 2",
    "PHASE3": "Phase 3",
    "PHASE4": "Phase 4",
    "NA": "N/A",
}
_PHASE_PAIRS = {"PHASE1/PHASE2": "Phase 1/Phase 2", "PHASE2/PHASE3": "Phase 2/Phase 3"}
CLASS_WORDS = {"NIH": "NIH", "FED": "U.S. Fed", "INDUSTRY": "Industry"}
MODEL_WORDS = {
    "SINGLE_GROUP": "Single Group Assignment", "PARALLEL": "Parallel Assignment", "CROSSOVER": "Crossover Assignment",
    "FACTORIAL": "Factorial Assignment", "SEQUENTIAL": "Sequential Assignment",
}  # fmt: skip
ALLOCATION_WORDS = {"RANDOMIZED": "Randomized", "NON_RANDOMIZED": "Non-Randomized", "NA": "N/A"}
OBSERVATION_WORDS = {"CASE_CONTROL": "Case-Control", "CASE_ONLY": "Case-Only", "CROSS_SECTIONAL": "Cross-Sectional"}
NON_INFERIORITY_WORDS = {"SUPERIORITY": "Superiority"}


def in_words(token: str) -> str:
    """A token in words: STUDY_CHAIR is Study Chair."""
    return token.replace("_", " ").title()


def masking_words(info: Mapping[str, Any]) -> str:
    """Double (Participant, Investigator) and the like."""
    if info["masking"] == "NONE":
        return "None (Open Label)"
    who = ", ".join(in_words(role) for role in info.get("whoMasked", ()))
    return in_words(info["masking"]) + (f" ({who})" if who else "")


def phase_words(phases: Sequence[str]) -> str:
    """Phase 1/Phase 2 and the like."""
    return _PHASE_PAIRS.get("/".join(phases)) or PHASE_WORDS[phases[0]]


def long_date(iso: str) -> str:
    """2019-05-31 is May 31, 2019; 2019-05 is May 2019."""
    if len(iso) == 7:
        return datetime.date.fromisoformat(iso + "-01").strftime("%B %Y")
    day = datetime.date.fromisoformat(iso)
    return f"{day.strftime('%B')} {day.day}, {day.year}"


def plain(text: str) -> str:
    """The API v2's text without the signs that escape Markdown."""
    return text.replace("\\^", "^").replace("\\<", "<").replace("\\>", ">")
