"""What there is to know of a fictional trial, its registrations and its papers, before any format is chosen."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field

from trialpanorama.sample.lexicon import CITIES, Condition

SNAPSHOT = datetime.date(2025, 6, 30)
"""The day on which the fictional registries were exported."""
MARK = "(FICTIONAL)"
"""Ends the public title of every record and the title of every article."""
KEYWORD = "FICTIONAL RECORD"
STOPPED = ("TERMINATED", "WITHDRAWN")
DAY = datetime.timedelta(days=1)


@dataclass(slots=True)
class Arm:
    """A group of participants that is treated alike."""

    label: str
    type: str
    description: str
    interventions: list[str]


@dataclass(slots=True)
class Intervention:
    """Something given or done; `concept` is the generic drug, or none for what no vocabulary knows."""

    type: str
    name: str
    concept: str | None
    description: str
    other_names: list[str]
    arms: list[str]


@dataclass(slots=True)
class Registration:
    """What one register says about a trial, mess included; it becomes one record, or several (countries, versions)."""

    register: str
    id: str
    public_title: str
    scientific_title: str
    conditions: list[str]
    sponsor: str
    status: str
    is_current: bool
    """Whether the status and the actual figures are the true ones (false: the register lags behind)."""
    registered: datetime.date
    start: datetime.date
    primary_completion: datetime.date
    completion: datetime.date
    updated: datetime.date
    countries: list[str]
    secondary_ids: list[tuple[str, str]] = field(default_factory=list)
    """Kind (a register, EXTENSION for the parent's id, ORG) and id as typed."""
    missing: frozenset[str] = frozenset()
    contact: tuple[str, str, str] | None = None
    """Name, e-mail address, telephone number."""
    contact_in_text: str = ""
    ids: list[str] = field(default_factory=list)
    """The ids of the records this becomes, as an export prints them."""


@dataclass(slots=True)
class Paper:
    """An article about a trial, or a review of several."""

    pmid: str
    kind: str
    """results, protocol, secondary, review, book, or unrelated."""
    trials: list[int]
    databank_ids: list[tuple[str, str]]
    abstract_ids: list[str]
    published: datetime.date
    subject: Trial | None = field(repr=False, compare=False)  # which holds this paper
    condition: Condition


@dataclass(slots=True)
class Trial:
    """One fictional trial."""

    index: int
    condition: Condition
    second_condition: Condition | None
    study_type: str
    phases: tuple[str, ...]
    allocation: str | None
    model: str | None
    masking: str | None
    who_masked: tuple[str, ...]
    purpose: str | None
    arms: list[Arm]
    interventions: list[Intervention]
    sponsor: str
    sponsor_class: str
    collaborators: list[tuple[str, str]]
    protocol_code: str
    acronym: str
    brief_title: str
    official_title: str
    reworded_title: str
    summary: str
    description: str
    inclusion: list[str]
    exclusion: list[str]
    strict: int
    minimum_age: int | None
    maximum_age: int | None
    sex: str
    healthy: bool
    primary_outcomes: list[tuple[str, str]]
    secondary_outcomes: list[tuple[str, str]]
    sites: list[int]
    """Places in lexicon.CITIES; a city may have several sites."""
    has_dmc: bool
    planned: int
    actual: int | None
    registered: datetime.date
    start: datetime.date
    primary_completion: datetime.date
    completion: datetime.date
    status: str
    fate: str
    """What becomes of it, even if after the snapshot: completed or stopped."""
    reason: str | None
    why_stopped: str | None
    effect: float
    """True standardised effect of the experimental arm."""
    has_results: bool
    parent: Trial | None
    registrations: list[Registration] = field(default_factory=list)
    papers: list[Paper] = field(default_factory=list)
    reviews: list[Paper] = field(default_factory=list)

    @property
    def countries(self) -> list[str]:
        """Countries of its sites, in their order."""
        return list(dict.fromkeys(CITIES[site][3] for site in self.sites))

    @property
    def name(self) -> str:
        """Its name in truth.json."""
        return f"FT{self.index:06d}"
