"""How trials like a planned one were designed, and what became of them.

A draft is read into a Record: from any registry's format, or from a short YAML or JSON file in the Record's own words.
Its conditions and interventions are linked by the names that the concepts of the snapshot have, so that no terminology
is loaded, and one snapshot gives one answer on every machine. Trials are ranked by what they share with it; a summary
says which arms, criteria, endpoints and sizes they had, with the trials behind each figure.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from trialpanorama.record import Record
from trialpanorama.vocabulary import (
    Allocation,
    ArmType,
    InterventionModel,
    InterventionType,
    Masking,
    OutcomeType,
    Phase,
    Purpose,
    Sex,
    SponsorClass,
    StudyType,
)

if TYPE_CHECKING:
    from trialpanorama.warehouse import Warehouse


# --- drafts


class _Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What the parts of a draft have in common."""


class DraftIntervention(_Part):
    """What is to be given to, done to, or observed in the participants."""

    name: str
    type: InterventionType | None = None
    description: str | None = None


class DraftArm(_Part):
    """A group of participants that is to be treated alike."""

    label: str
    type: ArmType | None = None
    description: str | None = None
    intervention_names: list[str] = []


class DraftOutcome(_Part):
    """Something that is to be measured."""

    type: OutcomeType = "PRIMARY"
    measure: str
    time_frame: str | None = None
    description: str | None = None


class Draft(_Part):
    """A planned trial in a file of one's own; each key is the Record's field of that name, or a short form of it."""

    id: str = "DRAFT"
    public_title: str | None = None
    scientific_title: str | None = None
    brief_summary: str | None = None
    study_type: StudyType = "INTERVENTIONAL"
    phases: list[Phase] = []
    primary_purpose: Purpose | None = None
    allocation: Allocation | None = None
    intervention_model: InterventionModel | None = None
    masking: Masking | None = None
    conditions: list[str] = []
    keywords: list[str] = []
    interventions: list[DraftIntervention] = []
    arms: list[DraftArm] = []
    outcomes: list[DraftOutcome] = []
    enrollment_target: Annotated[int, msgspec.Meta(ge=0)] | None = None
    inclusion_criteria: list[str] = []
    exclusion_criteria: list[str] = []
    minimum_age_years: Annotated[float, msgspec.Meta(ge=0)] | None = None
    maximum_age_years: Annotated[float, msgspec.Meta(ge=0)] | None = None
    sex: Sex | None = None
    healthy_volunteers: bool | None = None
    sponsor: str | None = None
    sponsor_class: SponsorClass | None = None
    countries: list[str] = []
    start_date: str | None = None
    primary_completion_date: str | None = None
    completion_date: str | None = None
    has_dmc: bool | None = None


def read_draft(content: bytes, name: str) -> Record:
    """The one study of a file: a registry's export of any format, or a draft in YAML or JSON (see `Draft`).

    `name` is the file's name, for messages and to tell formats that need it. Raises UserError for anything else, for
    several studies, and for a publication.
    """
    raise NotImplementedError


def draft_of(record: Record) -> Draft:
    """A Record as a draft that can be edited."""
    raise NotImplementedError


def draft_text(draft: Draft, form: Literal["yaml", "json"] = "yaml") -> str:
    """A draft as a file holds it; `read_draft` reads it back."""
    raise NotImplementedError


def template() -> str:
    """A draft to fill in, as YAML, with what each key means."""
    raise NotImplementedError


# --- similar trials


class Shared(msgspec.Struct, frozen=True, kw_only=True):
    """What a trial has in common with a draft: why it is thought similar."""

    conditions: list[str] = []
    """Names of the most specific concepts that both are about."""
    interventions: list[str] = []
    """Names of the most specific concepts (drugs, procedures) that both test."""
    phases: list[Phase] = []
    intervention_types: list[InterventionType] = []
    parts: dict[str, float] = {}
    """How alike they are in each respect, 0 to 1: conditions, interventions, words, phases, intervention_types."""


class Similar(msgspec.Struct, frozen=True, kw_only=True):
    """A registered trial that is like a draft, and what became of it."""

    study_id: str
    ids: list[str]
    """All its registry numbers."""
    title: str | None
    score: float
    """How alike, 0 to 1."""
    shared: Shared
    study_type: StudyType | None = None
    phases: list[Phase] = []
    enrollment: int | None = None
    """Reached, else planned; participants."""
    status: str | None = None
    outcome: Literal["COMPLETED", "STOPPED", "ONGOING", "UNDETERMINED"] | None = None
    """How it ended; None: not known, or not yet at the day that was asked for."""
    why_stopped: str | None = None
    """In the sponsor's words."""
    has_results: bool | None = None
    primary_endpoint_met: bool | None = None
    """Whether the posted p-values of its primary endpoints are below 0.05: all (true) or none (false) of them."""
    registration_date: datetime.date | None = None
    start_date: datetime.date | None = None
    completion_date: datetime.date | None = None
    sponsor: str | None = None
    sponsor_class: SponsorClass | None = None
    is_fictional: bool = False


def similar(warehouse: Warehouse, record: Record, count: int = 10, before: str | None = None) -> list[Similar]:
    """The `count` registered trials that are most like a draft, the best first; of the same score, by id.

    No trial that is the draft itself (by an id or the title) is among them. With `before` (ISO 8601) only trials
    registered before that day, and of what became of them only what had happened by then. Words are ranked by the
    search index where the warehouse has one; it works without.
    """
    raise NotImplementedError


# --- how they were designed


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A number over trials: median and quartiles."""

    name: str
    meaning: str
    unit: str
    n: int
    """Trials that have it."""
    median: float | None = None
    low: float | None = None
    """First quartile."""
    high: float | None = None
    """Third quartile."""
    trials: dict[str, float] = {}
    """The value of each trial."""


class Common(msgspec.Struct, frozen=True, kw_only=True):
    """Something that some of the trials have in common, the most frequent first."""

    name: str
    n: int
    """Trials that have it."""
    of: int
    """Trials of which it is known whether they have it."""
    trials: list[str] = []
    examples: list[str] = []
    """Wordings, as registered."""
    kind: str | None = None
    """Of a criterion: what it asks about (age, condition, measurement ...)."""
    is_inclusion: bool | None = None
    """Of a criterion: whether it lets people in."""
    time_frames: list[str] = []
    """Of an endpoint."""
    limits: list[Figure] = []
    """Of a criterion: its lower and upper limits, one figure for each unit."""


class Designs(msgspec.Struct, frozen=True, kw_only=True):
    """How some trials were designed."""

    trials: list[str]
    """Their study ids."""
    is_fictional: bool
    """Whether any of them was made up."""
    ended: dict[str, int]
    """How many completed, were stopped, go on; of how many it cannot be told (UNDETERMINED)."""
    why_stopped: dict[str, str]
    """Of those that were stopped: the sponsor's words."""
    arms: list[Common]
    """Which types of arm stand side by side, such as "2 experimental, 1 placebo comparator"."""
    comparators: list[Common]
    """What the comparator arms get."""
    features: dict[str, list[Common]]
    """allocation, intervention_model, masking, primary_purpose, sex."""
    criteria: list[Common]
    """What eligibility asks about."""
    endpoints: list[Common]
    """Primary endpoints by concept or measure."""
    secondary_endpoints: list[Common]
    figures: dict[str, Figure]
    """number_of_arms, enrollment, enrollment_per_arm, duration_months, sites, accrual_per_month, minimum_age_years,
    maximum_age_years."""


def summary(warehouse: Warehouse, similar: Sequence[Similar]) -> Designs:
    """How these trials were designed: arms, criteria, endpoints, sizes, duration, sites, accrual, each with its n."""
    raise NotImplementedError
