"""How complete the records of a source are: which of the thirty things that most registers say they have."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from trialpanorama.record import Record

MAPPED_FIELDS: dict[str, Callable[[Record], object]] = {
    "its own id": lambda r: r.id,
    "other ids": lambda r: any(i.role not in ("primary", "mentioned") for i in r.identifiers),
    "public title": lambda r: r.public_title,
    "scientific title": lambda r: r.scientific_title,
    "acronym": lambda r: r.acronym,
    "status": lambda r: r.status_raw or r.status,
    "why stopped": lambda r: r.why_stopped,
    "study type": lambda r: r.study_type,
    "phase": lambda r: r.phases,
    "allocation": lambda r: r.allocation,
    "masking": lambda r: r.masking or r.is_masked is not None,
    "intervention model": lambda r: r.intervention_model,
    "primary purpose": lambda r: r.primary_purpose,
    "conditions": lambda r: r.conditions or any(m.about == "condition" for m in r.mesh_terms),
    "interventions": lambda r: r.interventions,
    "arms": lambda r: r.arms or r.number_of_arms,
    "primary outcomes": lambda r: any(o.type == "PRIMARY" for o in r.outcomes),
    "secondary outcomes": lambda r: any(o.type == "SECONDARY" for o in r.outcomes),
    "eligibility": lambda r: r.eligibility_criteria or r.inclusion_criteria or r.exclusion_criteria,
    "age limits": lambda r: r.minimum_age_raw or r.maximum_age_raw or r.minimum_age_years or r.maximum_age_years,
    "sex": lambda r: r.sex,
    "enrolment": lambda r: r.enrollment_target is not None or r.enrollment_actual is not None,
    "registration date": lambda r: r.registration_date,
    "start date": lambda r: r.start_date,
    "completion date": lambda r: r.primary_completion_date or r.completion_date,
    "lead sponsor": lambda r: any(s.role == "LEAD" for s in r.sponsors),
    "collaborators and funders": lambda r: any(s.role != "LEAD" for s in r.sponsors),
    "countries and sites": lambda r: r.countries or r.locations,
    "posted results": lambda r: r.has_results is not None or r.results,
    "publications": lambda r: r.references or r.paper,
}
"""The thirty things that most registers say, and whether a Record has them: how complete a source is."""


class Coverage:
    """How much the Records of one source say, counted one Record at a time."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self.records = 0
        self._counts = dict.fromkeys(MAPPED_FIELDS, 0)
        for record in records:
            self.add(record)

    def add(self, record: Record) -> None:
        """Count what a Record has."""
        self.records += 1
        for name, has in MAPPED_FIELDS.items():
            self._counts[name] += bool(has(record))

    @property
    def shares(self) -> dict[str, float]:
        """For each mapped field the share of Records (0 to 1) that have it."""
        return {name: count / max(self.records, 1) for name, count in self._counts.items()}

    @property
    def fields(self) -> int:
        """How many of the mapped fields at least one Record has."""
        return sum(count > 0 for count in self._counts.values())

    @property
    def mean(self) -> float:
        """The share (0 to 1) of the mapped fields that a Record has on average."""
        return sum(self._counts.values()) / (len(MAPPED_FIELDS) * max(self.records, 1))
