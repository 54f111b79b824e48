"""A trial that is only planned: read from any registry's format, or from YAML or JSON in the Record's own words."""

from __future__ import annotations

import datetime
import difflib
import itertools
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_type_hints

import msgspec

from trialpanorama import vocabulary
from trialpanorama.errors import REJECT_REASONS, UserError
from trialpanorama.record import Arm, Condition, Country, Intervention, Outcome, PartialDate, Record, Reject, Sponsor
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
    pass


class _Part(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What the parts of a draft have in common."""


class DraftIntervention(_Part, frozen=True, kw_only=True):
    """What is to be given to, done to, or observed in the participants."""

    name: str
    type: InterventionType | None = None
    description: str | None = None


class DraftArm(_Part, frozen=True, kw_only=True):
    """A group of participants that is to be treated alike."""

    label: str
    type: ArmType | None = None
    description: str | None = None
    intervention_names: list[str] = []


class DraftOutcome(_Part, frozen=True, kw_only=True):
    """Something that is to be measured."""

    type: OutcomeType = "PRIMARY"
    measure: str
    time_frame: str | None = None
    description: str | None = None


class Draft(_Part, frozen=True, kw_only=True):
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


MOST_DRAFT_BYTES = 256 * 1024
"""Of a draft in YAML or JSON: a long protocol's criteria are a tenth of it."""
_DEEPEST = 10
"""Lists and blocks within each other, in a draft."""
_MOST_LOOKED_AT = 1_000
"""Entries of a file in which the one study is looked for."""
_ALLOWED = "Keys and values: trialpanorama designs template"


def read_draft(content: bytes, name: str) -> Record:
    """The one study of a file: a registry's export of any format, or a draft in YAML or JSON (see `Draft`).

    `name` is the file's name, for messages and to tell formats that need it. Raises UserError for anything else, for
    several studies, and for a publication.
    """
    from trialpanorama.ingest import read_content

    if name.lower().endswith((".yaml", ".yml")):
        return record_of(_read_draft(content, name))
    records: list[Record] = []
    rejects: list[Reject] = []
    for outcome in itertools.islice(read_content(content, name), _MOST_LOOKED_AT):
        if isinstance(outcome, Reject):
            rejects.append(outcome)
        elif records:
            raise UserError(f"{name} holds several studies. Give a file with one: the one that is planned.")
        else:
            records.append(outcome)
    if not records:
        rejected = rejects[0]
        if rejected.reason == "not_a_registry_export" and _may_be_draft(content):
            return record_of(_read_draft(content, name))
        detail = f" ({rejected.detail})" if rejected.detail and rejected.reason != "not_a_registry_export" else ""
        raise UserError(
            f"{name} is no study that can be read: {REJECT_REASONS[rejected.reason]}{detail}. "
            "Give a registry's file, or write a draft: trialpanorama designs template"
        )
    (record,) = records
    if record.kind != "REGISTRATION":
        raise UserError(f"{name} is a {record.kind.lower()}, not the registration or the draft of a trial.")
    return record


def _may_be_draft(content: bytes) -> bool:
    """Whether a text that no registry wrote begins a line with a key of a draft."""
    keys = "|".join(Draft.__struct_fields__).encode()
    return re.search(rb"(?m)^[\s{]*\"?(?:" + keys + rb")\"?\s*:", content[:MOST_DRAFT_BYTES]) is not None


def _read_draft(content: bytes, name: str) -> Draft:
    import yaml

    if len(content) > MOST_DRAFT_BYTES:
        raise UserError(f"{name} is longer than a draft can be, {MOST_DRAFT_BYTES // 1024} KiB.")
    try:
        text = content.decode("utf-8-sig")
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        depth = 0
        for event in yaml.parse(text, Loader=loader):  # before anything is built of it
            if isinstance(event, yaml.AliasEvent):
                raise UserError(f"{name} repeats a part by an alias (*), which drafts do without. Write it out.")
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                raise UserError(f"{name} has lists in lists in lists, which drafts do without. {_ALLOWED}")
        found = yaml.load(text, loader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as why:
        place = getattr(why, "problem_mark", None)
        where = f" in line {place.line + 1}" if place else ""
        said = getattr(why, "problem", None) or type(why).__name__
        raise UserError(f"{name} is neither a registry's file nor YAML: {said}{where}. {_ALLOWED}") from None
    if not isinstance(found, dict):
        raise UserError(f"{name} holds no keys and values, so it is no draft. {_ALLOWED}")
    try:
        draft = msgspec.convert(_folded(found), Draft)
    except msgspec.ValidationError as why:
        raise UserError(f"{name}: {_explained(str(why))} {_ALLOWED}") from None
    if not (draft.public_title or draft.scientific_title or draft.conditions or draft.interventions):
        raise UserError(f"{name} says neither a title nor conditions nor interventions. {_ALLOWED}")
    return draft


_FOLDS: Mapping[str, Any] = {
    "study_type": vocabulary.study_type,
    "primary_purpose": vocabulary.primary_purpose,
    "allocation": vocabulary.allocation,
    "intervention_model": vocabulary.intervention_model,
    "masking": vocabulary.masking,
    "sex": vocabulary.sex,
    "sponsor_class": vocabulary.sponsor_class,
}
_PARTS: Mapping[str, tuple[str, Any]] = {
    "interventions": ("name", vocabulary.intervention_type),
    "arms": ("label", vocabulary.arm_type),
    "outcomes": ("measure", vocabulary.outcome_type),
}
_DATES = ("start_date", "primary_completion_date", "completion_date")
_BULLET = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+")


def _folded(found: Mapping[Any, Any]) -> dict[str, Any]:
    """What a draft says with registry words as the Record has them; what is left empty is left out."""
    said = {str(key): value for key, value in found.items() if value not in (None, "", [], {})}
    for name, fold in _FOLDS.items():
        if isinstance(word := said.get(name), str):
            said[name] = fold(word) or word
    for name in ("conditions", "keywords", "countries", "phases", "inclusion_criteria", "exclusion_criteria"):
        if isinstance(text := said.get(name), str):
            said[name] = [without for line in text.splitlines() if (without := _BULLET.sub("", line).strip())]
    if isinstance(words := said.get("phases"), list):
        said["phases"] = [phase for word in words for phase in vocabulary.phases(str(word)) or (word,)]
    for name, (key, fold) in _PARTS.items():
        if isinstance(parts := said.get(name), list):
            said[name] = [_folded_part({key: part} if isinstance(part, str) else part, fold) for part in parts]
    for name in _DATES:
        if isinstance(day := said.get(name), datetime.date | int):
            said[name] = str(day)
        if isinstance(day := said.get(name), str):
            said[name] = vocabulary.parse_date(day) or [day]  # a list is no date, and the message says so
    return said


def _folded_part(part: Any, fold: Any) -> Any:
    if not isinstance(part, dict):
        return part
    said = {str(key): value for key, value in part.items() if value not in (None, "", [])}
    if isinstance(word := said.get("type"), str):
        said["type"] = fold(word) or word
    return said


def _explained(why: str) -> str:
    """A fault that msgspec found, in a user's words, with the nearest key or the allowed values."""
    message, _, place = why.partition(" - at `$")
    where = place.rstrip("`").lstrip(".")
    of, _, key = re.sub(r"\[[^\]]*\]", "", where).rpartition(".")
    if "unknown field" in message:
        unknown = message.split("`")[1]
        block = _blocks().get(key, Draft)
        near = difflib.get_close_matches(unknown, block.__struct_fields__, 1, 0.5)
        hint = f"did you mean {near[0]}?" if near else f"possible: {', '.join(block.__struct_fields__)}."
        return f"unknown key {where + '.' if where else ''}{unknown}; {hint}"
    if key in _DATES:
        return f"{where} is no date: write it as 2027-03-31, 2027-03 or 2027."
    if "Invalid enum" in message:
        hint = get_type_hints(_blocks().get(of, Draft))[key]
        values = [value for one in (hint, *get_args(hint)) for value in get_args(one) if isinstance(value, str)]
        return f"{where}: {message.removeprefix('Invalid enum value ')} is not one of {', '.join(values)}."
    return f"{where}: {message}." if where else f"{message}."


def _blocks() -> dict[str, type[_Part]]:
    return {"interventions": DraftIntervention, "arms": DraftArm, "outcomes": DraftOutcome}


def record_of(draft: Draft) -> Record:
    """A draft as a Record of the source `draft`."""

    def lines(items: Sequence[str]) -> str | None:
        return "\n".join(f"- {item}" for item in items) or None

    def date(text: str | None) -> PartialDate | None:
        return PartialDate(date=text, type="ESTIMATED") if text else None

    interventions = [
        Intervention(
            name=one.name,
            type=one.type,
            description=one.description,
            arm_labels=[arm.label for arm in draft.arms if one.name in arm.intervention_names],
        )
        for one in draft.interventions
    ]
    return Record(
        id=draft.id,
        source="draft",
        public_title=draft.public_title,
        scientific_title=draft.scientific_title,
        brief_summary=draft.brief_summary,
        study_type=draft.study_type,
        phases=draft.phases,
        primary_purpose=draft.primary_purpose,
        allocation=draft.allocation,
        intervention_model=draft.intervention_model,
        masking=draft.masking,
        is_masked=draft.masking != "NONE" if draft.masking else None,
        conditions=[Condition(name=name) for name in draft.conditions],
        keywords=draft.keywords,
        interventions=interventions,
        number_of_arms=len(draft.arms) or None,
        arms=[
            Arm(label=one.label, type=one.type, description=one.description, intervention_names=one.intervention_names)
            for one in draft.arms
        ],
        outcomes=[
            Outcome(type=one.type, measure=one.measure, description=one.description, time_frame=one.time_frame)
            for one in draft.outcomes
        ],
        enrollment_target=draft.enrollment_target,
        inclusion_criteria=lines(draft.inclusion_criteria),
        exclusion_criteria=lines(draft.exclusion_criteria),
        minimum_age_years=draft.minimum_age_years,
        maximum_age_years=draft.maximum_age_years,
        sex=draft.sex,
        healthy_volunteers=draft.healthy_volunteers,
        sponsors=[Sponsor(name=draft.sponsor or "", sponsor_class=draft.sponsor_class)]
        if draft.sponsor or draft.sponsor_class
        else [],
        countries=[Country(name=vocabulary.country(name) or name) for name in draft.countries],
        start_date=date(draft.start_date),
        primary_completion_date=date(draft.primary_completion_date),
        completion_date=date(draft.completion_date),
        has_dmc=draft.has_dmc,
    )


def draft_of(record: Record) -> Draft:
    """A Record as a draft that can be edited: what was planned, and nothing of what became of it."""
    lead = next((one for one in record.sponsors if one.role == "LEAD"), None)

    def items(text: str | None) -> list[str]:
        return [without for line in (text or "").splitlines() if (without := _BULLET.sub("", line).strip())]

    def day(date: PartialDate | None) -> str | None:
        return date.date if date else None

    return Draft(
        id=record.id,
        public_title=record.public_title,
        scientific_title=record.scientific_title,
        brief_summary=record.brief_summary,
        study_type=record.study_type or "INTERVENTIONAL",
        phases=record.phases,
        primary_purpose=record.primary_purpose,
        allocation=record.allocation,
        intervention_model=record.intervention_model,
        masking=record.masking,
        conditions=[one.name for one in record.conditions],
        keywords=record.keywords,
        interventions=[
            DraftIntervention(name=one.name, type=one.type, description=one.description) for one in record.interventions
        ],
        arms=[
            DraftArm(
                label=one.label, type=one.type, description=one.description, intervention_names=one.intervention_names
            )
            for one in record.arms
        ],
        outcomes=[
            DraftOutcome(type=one.type, measure=one.measure, time_frame=one.time_frame, description=one.description)
            for one in record.outcomes
        ],
        enrollment_target=record.enrollment_target,
        inclusion_criteria=items(record.inclusion_criteria or record.eligibility_criteria),
        exclusion_criteria=items(record.exclusion_criteria),
        minimum_age_years=record.minimum_age_years,
        maximum_age_years=record.maximum_age_years,
        sex=record.sex,
        healthy_volunteers=record.healthy_volunteers,
        sponsor=lead.name or None if lead else None,
        sponsor_class=lead.sponsor_class if lead else None,
        countries=[one.name for one in record.countries if not one.is_removed],
        start_date=day(record.start_date),
        primary_completion_date=day(record.primary_completion_date),
        completion_date=day(record.completion_date),
        has_dmc=record.has_dmc,
    )


def draft_text(draft: Draft, form: Literal["yaml", "json"] = "yaml") -> str:
    """A draft as a file holds it; `read_draft` reads it back."""
    if form == "json":
        return msgspec.json.format(msgspec.json.encode(draft), indent=2).decode() + "\n"
    import yaml

    return str(yaml.safe_dump(msgspec.to_builtins(draft), sort_keys=False, allow_unicode=True, width=110))


def template() -> str:
    """A draft to fill in, as YAML: a fictional trial, with what each key means."""
    return _TEMPLATE.format(**{f"{name}_values": " | ".join(values) for name, values in _values().items()})


def _values() -> dict[str, tuple[str, ...]]:
    named = {
        "study_type": StudyType, "phase": Phase, "purpose": Purpose, "allocation": Allocation,
        "model": InterventionModel, "masking": Masking, "intervention": InterventionType, "arm": ArmType,
        "outcome": OutcomeType, "sex": Sex, "sponsor": SponsorClass,
    }  # fmt: skip
    return {name: get_args(hint) for name, hint in named.items()}


_TEMPLATE = """\
# A planned trial. Fill in what is known and delete the rest: a title, conditions or interventions are enough.
# This example is FICTIONAL.
public_title: Verolimab for adults with moderate asthma
scientific_title: A randomised, double-blind, placebo-controlled trial of verolimab in adults with moderate asthma
brief_summary: Whether verolimab lowers the rate of exacerbations within a year.
study_type: INTERVENTIONAL  # {study_type_values}
phases: [PHASE2]  # {phase_values}
primary_purpose: TREATMENT  # {purpose_values}
allocation: RANDOMIZED  # {allocation_values}
intervention_model: PARALLEL  # {model_values}
masking: DOUBLE  # {masking_values}
conditions: [Asthma]
keywords: [exacerbation]
interventions:
  - name: Verolimab
    type: DRUG  # {intervention_values}
    description: 150 mg under the skin every four weeks
  - name: Placebo
    type: DRUG
arms:
  - label: Verolimab
    type: EXPERIMENTAL  # {arm_values}
    description: Beside inhaled corticosteroids
    intervention_names: [Verolimab]
  - label: Placebo
    type: PLACEBO_COMPARATOR
    intervention_names: [Placebo]
outcomes:
  - type: PRIMARY  # {outcome_values}
    measure: Annual rate of exacerbations
    time_frame: 52 weeks
    description: Courses of systemic corticosteroids for at least three days
enrollment_target: 240  # participants
inclusion_criteria:
  - Asthma for at least one year
  - Two or more exacerbations within the last year
exclusion_criteria:
  - Current smoker
minimum_age_years: 18
maximum_age_years: 75
sex: ALL  # {sex_values}
healthy_volunteers: false
sponsor: Example University
sponsor_class: OTHER  # {sponsor_values}
countries: [Germany, France]
start_date: 2027-03
primary_completion_date: 2029-03
completion_date: 2029-06
has_dmc: true  # a data monitoring committee
id: DRAFT  # any id; a registry number keeps the trial itself out of those that are like it
"""
