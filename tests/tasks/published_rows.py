"""Rows as the published benchmark has them, hand-written and fictional: every task, every published key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

OPTIONS = {
    "A": "Change in fever score at week twelve",
    "B": "Hours without rash on day ten",
    "C": "Size of the spleen by ultrasound",
    "D": "Relapse of fever within a year",
}


def design(number: int, answer: str) -> dict[str, Any]:
    return {
        "id": f"q{number}",
        "trial_id": f"NCT9900000{number}",
        "question": f"A trial gives Fictumab to adults with fever of kind {number}. Which of these belongs to it?",
        "options": OPTIONS,
        "answer": answer,
    }


def size(number: int, answer: int, kind: str) -> dict[str, Any]:
    return {
        "id": f"s{number}",
        "question": "Two equal groups, 5 % two-sided, power 80 %, standardised difference 0.5. How many are needed?",
        "answer": answer,
        "answer_type": kind,
        "explanation": "By the formula for two means.",
        "trial_id": f"NCT9900001{number}",
        "pmid": f"9900001{number}",
    }


def completion(number: int, outcome: str, why: str | None = None) -> dict[str, Any]:
    return {
        "metadata": {"study_nctid": f"NCT9900002{number}"},
        "inputs": {
            "title": f"Fictumab in Gloaming Fever at rural sites, part {number}",
            "phase": "PHASE2/PHASE3",
            "allocation": "RANDOMIZED",
            "intervention_model": "PARALLEL",
            "observational_model": None,
            "primary_purpose": "TREATMENT",
            "time_perspective": None,
            "masking": "DOUBLE",
            "number_of_arms": 2,
        },
        "context": [
            {
                "type": "eligibility_criteria",
                "criteria": "Inclusion Criteria:~- fever~- rash",
                "gender": "ALL",
                "minimum_age": "18 Years",
                "maximum_age": None,
                "healthy_volunteers": "No",
            },
            {
                "type": "arm_design",
                "arms": [
                    {"title": "Fictumab", "group_type": "EXPERIMENTAL", "description": "One tablet a day"},
                    {"title": "Placebo", "group_type": "PLACEBO_COMPARATOR", "description": None},
                ],
            },
        ],
        "labels": {"outcome": outcome, "terminate_type": why, "terminate_reason_desc": None},
    }


_INPUTS = {
    "background": "Gloaming Fever keeps people from sleep.",
    "objectives": "To find out whether Fictumab helps people with Gloaming Fever.",
    "selection criteria": "Randomised trials of Fictumab against placebo.",
}


def search(number: int) -> dict[str, Any]:
    return {
        "metadata": {"review_pmid": f"9900003{number}"},
        "inputs": _INPUTS,
        "labels": [f"9900010{number}", f"9900020{number}"],
    }


def screening(number: int) -> dict[str, Any]:
    ids = [f"9900010{number}", f"9900020{number}", f"9900030{number}"]
    labels = zip(ids[::-1], ("excluded", "included", "included"), strict=True)
    return {
        "metadata": {"review_pmid": f"9900003{number}"},
        "inputs": _INPUTS,
        "context": [
            {"PMID": id, "title": f"Fictumab and fever, part {place}", "abstract": f"We gave {place} tablets."}
            for place, id in enumerate(ids, 1)
        ],
        # In another order than the context, as published rows may be.
        "labels": [{"PMID": id, "label": label} for id, label in labels],
    }


ROWS: dict[str, list[dict[str, Any]]] = {
    "study_search": [search(1), search(2)],
    "study_screening": [screening(1), screening(2)],
    "evidence_summary": [design(1, "A") | {"trials": ["99000041", "99000042"]}, design(2, "D") | {"trials": []}],
    "arm_design": [design(1, "B"), design(2, "C")],
    "eligibility_design": [design(1, "C"), design(2, "A")],
    "endpoint_design": [design(1, "D"), design(2, "B")],
    "sample_size": [size(1, 128, "total"), size(2, 64, "per arm")],
    "trial_completion": [
        completion(1, "complete"),
        completion(2, "terminate", "enrollment issues"),
        completion(3, "terminate", "regulatory/approval"),
    ],
}
"""Rows of each task, by our name of it."""


def write(folder: Path, name: str, split: str = "test") -> Path:
    """The rows of a task as a file of this split in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{split}.jsonl"
    path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in ROWS[name]))
    return path
