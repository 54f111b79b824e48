"""How trials like a planned one were designed, and what became of them.

A draft is read into a Record: from any registry's format, or from a short YAML or JSON file in the Record's own words.
Its conditions and interventions are linked by the names that the concepts of the snapshot have, so that no terminology
is loaded, and one snapshot gives one answer on every machine. Trials are ranked by what they share with it; a summary
says which arms, criteria, endpoints and sizes they had, with the trials behind each figure.
"""

from __future__ import annotations

import datetime
import difflib
import functools
import itertools
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
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
    import duckdb

    from trialpanorama.warehouse import Warehouse


# --- drafts


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
    """How alike they are in each respect (a key of WEIGHTS), 0 to 1."""


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
    with warehouse.connect() as con:
        about = _About(con, warehouse, record)
        words = _by_words(warehouse, record, before)
        candidates = _candidates(con, about, words, before)
        scored = sorted(
            ((_score(about, one, words), one) for one in candidates),
            key=lambda found: (-found[0][0], found[1].study_id),
        )[:count]
        became = _became(con, [one.study_id for _, one in scored], before)
    return [
        Similar(
            study_id=one.study_id,
            title=one.title,
            score=score,
            shared=shared,
            study_type=one.study_type,
            phases=one.phases,
            **became[one.study_id],
        )
        for (score, shared), one in scored
    ]


WEIGHTS: Mapping[str, float] = {
    "conditions": 0.4,
    "interventions": 0.25,
    "words": 0.2,
    "phases": 0.1,
    "study_type": 0.1,
    "intervention_types": 0.05,
}
"""What each respect counts for; those that a draft says nothing of are left out, and the others share the whole."""
_CANDIDATES = 400
"""Trials that are compared more closely: so many by concepts, and as many by words."""
_LEAST_BITS = math.log2(3)
"""Broader concepts that more than half of all trials have (such as Disease) make no trial similar."""
_NAMED, _NAMED_ABOVE = 5, 2
"""Concepts that are named as shared; and broader ones where there is nothing else."""
_SHORTEST_NAME, _LONGEST_NAME = 3, 7
"""Characters of a name that is looked up at least (mg is no magnesium), and its words at most."""
_PHASES: Mapping[str, float] = {"EARLY_PHASE1": 0.5, "PHASE1": 1, "PHASE2": 2, "PHASE3": 3, "PHASE4": 4}
_FIELDS = ("conditions", "interventions")
_KINDS: Mapping[str, list[str]] = {"conditions": ["condition"], "interventions": ["drug", "procedure"]}
"""Concepts that the words of a field may mean though no trial wrote them there."""


class _Knowledge:
    """What a snapshot knows of its concepts: what stands above each, and how much each tells."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        above = con.execute("SELECT concept_id, list(ancestor_id) FROM concept_ancestors GROUP BY concept_id")
        self.above = {concept: frozenset(ancestors) for concept, ancestors in above.fetchall()}
        self.names: dict[str, str] = dict(con.execute("SELECT concept_id, name FROM concepts").fetchall())
        counts = con.execute(f"""
            WITH said AS ({_SAID})
            SELECT field, concept, count(DISTINCT study_id) FROM (
                SELECT field, study_id, concept_id AS concept FROM said
                UNION ALL SELECT field, study_id, ancestor_id FROM said JOIN concept_ancestors USING (concept_id))
            GROUP BY field, concept""").fetchall()
        ((trials,),) = con.execute("SELECT count(*) FROM studies WHERE kind = 'registration'").fetchall()
        # never nothing: where all trials are about one disease, it still is what they are about
        self.bits = {(field, concept): math.log2(1 + trials / n) for field, concept, n in counts}

    def closure(self, concepts: Iterable[str]) -> frozenset[str]:
        """Concepts with all that stands above them."""
        own = frozenset(concepts)
        return own.union(*(self.above.get(one, frozenset()) for one in own))

    def weight(self, field: str, concepts: Iterable[str]) -> float:
        """How much concepts tell together, in bits."""
        return sum(self.bits.get((field, one), 0.0) for one in concepts)

    def alike(self, field: str, one: frozenset[str], other: frozenset[str]) -> float:
        """What two closures share of what they tell (simGIC, Pesquita 2007): 0 to 1."""
        whole = self.weight(field, one | other)
        return self.weight(field, one & other) / whole if whole else 0.0

    def shared(self, field: str, own: Sequence[str], theirs: Sequence[str]) -> list[str]:
        """Names of what two lists have in common: what one of them says itself, else what stands nearest above."""
        both = self.closure(own) & self.closure(theirs)
        said = both & {*own, *theirs}
        found = said or {one for one in both if self.weight(field, [one]) >= _LEAST_BITS}
        higher = frozenset().union(*(self.above.get(one, frozenset()) for one in found))
        order = sorted(found - higher, key=lambda one: (-self.weight(field, [one]), one))
        return [self.names.get(one, one) for one in order[: _NAMED if said else _NAMED_ABOVE]]


_SAID = """
    SELECT DISTINCT study_id, field, concept_id FROM mentions
    WHERE field IN ('conditions', 'interventions') AND concept_id IS NOT NULL AND NOT coalesce(is_negated, false)"""


@functools.lru_cache(maxsize=4)
def _knowledge(folder: Path, snapshot: str) -> _Knowledge:
    from trialpanorama.warehouse import Warehouse

    with Warehouse.open(folder).connect() as con:
        return _Knowledge(con)


class _About:
    """What a draft is about, in the concepts of a snapshot."""

    def __init__(self, con: duckdb.DuckDBPyConnection, warehouse: Warehouse, record: Record) -> None:
        self.known = _knowledge(warehouse.path, warehouse.snapshot)
        texts = {
            "conditions": [one.name for one in record.conditions],
            "interventions": [name for one in record.interventions for name in (one.name, *one.other_names)],
        }
        self.concepts = {field: _linked(con, field, texts[field]) for field in _FIELDS}
        self.closures = {field: self.known.closure(self.concepts[field]) for field in _FIELDS}
        self.study_type = record.study_type
        self.phases = set(record.phases) - {"NA"}
        self.types = {one.type for one in record.interventions if one.type}
        self.ids = [record.id, *(one.id for one in record.identifiers if _is_own(one.role, one.id))]
        self.titles = [_plain(title) for title in (record.public_title, record.scientific_title) if title]


def _is_own(role: str, id: str) -> bool:
    """Whether an identifier tells which trial it is; sponsors' short codes, such as 01, name many."""
    return role in ("primary", "alias", "secondary", "bridge") or (role == "organisation" and len(id) > 5)


def _plain(text: str) -> str:
    return " ".join(_words(text))


def _words(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKD", text).casefold()
    return re.findall(r"[^\W_]+", "".join(sign for sign in folded if not unicodedata.combining(sign)))


def _linked(con: duckdb.DuckDBPyConnection, field: str, texts: Sequence[str]) -> list[str]:
    """The concepts that texts name, by the names that the snapshot has for them, the longest names first.

    A name that trials of the snapshot write in the same field means what it mostly means there.
    """
    spans = {text: _spans(text) for text in dict.fromkeys(texts)}
    names = sorted({name for found in spans.values() for _, _, name in found})
    if not names:
        return []
    rows = con.execute(
        """
        WITH wanted AS (SELECT unnest($names) AS name),
        said AS (
            SELECT lower(text) AS name, concept_id, count(*) AS n FROM mentions
            WHERE field = $field AND concept_id IS NOT NULL AND lower(text) IN (FROM wanted) GROUP BY ALL),
        known AS (
            SELECT lower(name) AS name, concept_id, 0 AS n
            FROM (SELECT concept_id, unnest(names) AS name FROM concepts WHERE list_contains($kinds, kind))
            WHERE lower(name) IN (FROM wanted))
        SELECT name, arg_max(concept_id, (n, concept_id)) FROM (FROM said UNION ALL FROM known) GROUP BY name""",
        {"names": names, "field": field, "kinds": _KINDS[field]},
    ).fetchall()
    meaning = dict(rows)
    concepts: dict[str, None] = {}
    for found in spans.values():
        taken: set[int] = set()
        for first, last, name in found:
            if name in meaning and taken.isdisjoint(range(first, last)):
                taken.update(range(first, last))
                concepts[meaning[name]] = None
    return list(concepts)


def _spans(text: str) -> list[tuple[int, int, str]]:
    """The runs of words in a text, the longest first: first word, the word after the last, the run in lower case."""
    places = [match.span() for match in re.finditer(r"[^\W_]+(?:['’][^\W_]+)?", text[:2_000])][:200]
    return [
        (first, first + length, " ".join(text[places[first][0] : places[first + length - 1][1]].lower().split()))
        for length in range(min(_LONGEST_NAME, len(places)), 0, -1)
        for first in range(len(places) - length + 1)
        if places[first + length - 1][1] - places[first][0] >= _SHORTEST_NAME
    ]


def _by_words(warehouse: Warehouse, record: Record, before: str | None) -> dict[str, float] | None:
    """Trials by how well their words fit those of a draft, the best 1; None without an index."""
    from trialpanorama.search import Search
    from trialpanorama.search.index import Index, Limits
    from trialpanorama.search.tree import Text

    said = [record.public_title, record.scientific_title, *(one.name for one in record.conditions), *record.keywords]
    said += [one.name for one in record.interventions]
    text = " ".join(filter(None, said))
    if not text.strip() or not Index.is_ready(warehouse):
        return None
    found = Index.open(warehouse).search(
        Search("plain", Text(text[:20_000], ("all",))), Limits(before, {"kind": "trial"}), most=_CANDIDATES
    )
    best = max((hit.score for hit in found.hits), default=0.0) or 1.0
    return {hit.id: hit.score / best for hit in found.hits}


class _Candidate(msgspec.Struct, frozen=True):
    """A trial that may be similar."""

    study_id: str
    title: str | None
    study_type: StudyType | None
    phases: list[Phase]
    types: list[InterventionType]
    concepts: dict[str, list[str]]
    """Concepts by the field they were found in."""


_REGISTERED = "coalesce(registration_date, first_submitted_date, start_date)"


def _candidates(
    con: duckdb.DuckDBPyConnection, about: _About, words: Mapping[str, float] | None, before: str | None
) -> list[_Candidate]:
    """Trials that share concepts with a draft, the most telling first, and those that share words with it."""
    told = [
        (field, concept, about.known.bits.get((field, concept), 0.0))
        for field in _FIELDS
        for concept in sorted(about.closures[field])
    ]
    told = [one for one in told if one[2] >= _LEAST_BITS or one[1] in about.concepts[one[0]]]
    rows = con.execute(
        f"""
        WITH told AS (SELECT unnest($fields) AS field, unnest($concepts) AS concept, unnest($bits) AS bits),
        said AS ({_SAID}),
        below AS (
            SELECT field, concept, bits, concept AS concept_id FROM told
            UNION ALL SELECT field, concept, bits, concept_id
            FROM told JOIN concept_ancestors a ON a.ancestor_id = told.concept),
        held AS (SELECT DISTINCT study_id, field, concept, bits FROM said JOIN below USING (field, concept_id)),
        allowed AS (
            SELECT study_id, title, trial_type, coalesce(phases, []) AS phases FROM studies
            WHERE kind = 'registration' AND ($before IS NULL OR {_REGISTERED} < CAST($before AS DATE))
                AND study_id NOT IN (SELECT study_id FROM identifiers
                    WHERE list_contains($ids, id) AND role <> 'mentioned')
                AND NOT list_contains($ids, study_id)),
        near AS (
            SELECT study_id FROM held JOIN allowed USING (study_id) GROUP BY study_id, phases
            ORDER BY sum(bits) + CASE WHEN list_has_any(phases, $phases) THEN 1 ELSE 0 END DESC, study_id
            LIMIT {_CANDIDATES}),
        chosen AS (FROM near UNION SELECT unnest($words))
        SELECT study_id, title, trial_type, phases,
            (SELECT list(DISTINCT intervention_type ORDER BY intervention_type) FROM disposition d
             WHERE d.study_id = a.study_id AND intervention_type IS NOT NULL),
            (SELECT list({{'field': field, 'id': concept_id}} ORDER BY field, concept_id) FROM said s
             WHERE s.study_id = a.study_id)
        FROM allowed a WHERE study_id IN (FROM chosen) ORDER BY study_id""",
        {
            "fields": [field for field, _, _ in told],
            "concepts": [concept for _, concept, _ in told],
            "bits": [bits for _, _, bits in told],
            "before": before,
            "ids": about.ids,
            "phases": sorted(about.phases),
            "words": list(words or ()),
        },
    ).fetchall()
    return [
        _Candidate(
            study_id,
            title,
            study_type,
            phases,
            types or [],
            {field: [one["id"] for one in concepts or () if one["field"] == field] for field in _FIELDS},
        )
        for study_id, title, study_type, phases, types, concepts in rows
        if not title or _plain(title) not in about.titles
    ]


def _score(about: _About, one: _Candidate, words: Mapping[str, float] | None) -> tuple[float, Shared]:
    """How alike a draft and a trial are, and in what."""
    parts = {
        field: about.known.alike(field, about.closures[field], about.known.closure(one.concepts[field]))
        for field in _FIELDS
        if about.closures[field]
    }
    if words is not None:
        parts["words"] = words.get(one.study_id, 0.0)
    if about.phases:
        parts["phases"] = _phases_alike(about.phases, one.phases)
    if about.study_type:
        parts["study_type"] = float(one.study_type == about.study_type)
    if about.types:
        parts["intervention_types"] = len(about.types & set(one.types)) / len(about.types | set(one.types))
    whole = sum(WEIGHTS[name] for name in parts) or 1.0
    score = sum(WEIGHTS[name] * value for name, value in parts.items()) / whole
    return round(score, 4), Shared(
        **{field: about.known.shared(field, about.concepts[field], one.concepts[field]) for field in _FIELDS},
        phases=[phase for phase in one.phases if phase in about.phases],
        intervention_types=sorted(about.types & set(one.types)),
        parts={name: round(value, 4) for name, value in parts.items()},
    )


def _phases_alike(own: Iterable[str], theirs: Iterable[str]) -> float:
    """1 for a phase in common, half for neighbours."""
    gaps = [abs(_PHASES[one] - _PHASES[other]) for one in own for other in theirs if other in _PHASES]
    return 0.0 if not gaps or min(gaps) > 1 else 1.0 - min(gaps) / 2


def _became(con: duckdb.DuckDBPyConnection, ids: Sequence[str], before: str | None) -> dict[str, dict[str, Any]]:
    """What became of trials, as far as it had by a day; and their numbers, dates and sponsors."""
    found = con.execute(
        f"""
        WITH numbers AS (
            SELECT study_id, list(DISTINCT id ORDER BY id) AS ids FROM identifiers
            WHERE list_contains($ids, study_id) AND role IN ('primary', 'alias', 'secondary', 'bridge')
                AND register IS NOT NULL GROUP BY study_id),
        primary_p AS (
            SELECT study_id, CASE WHEN bool_and(is_below) THEN true WHEN NOT bool_or(is_below) THEN false END AS is_met
            FROM (
                SELECT study_id, p_value < 0.05 OR (p_value = 0.05 AND p_value_inequality IN ('<', '<=')) AS is_below
                FROM results
                WHERE list_contains($ids, study_id) AND endpoint_type = 'PRIMARY' AND p_value IS NOT NULL
                    AND (p_value < 0.05 OR coalesce(non_inferiority_type, 'SUPERIORITY') LIKE 'SUPERIORITY%')
                    AND NOT (p_value < 0.05 AND p_value_inequality IN ('>', '>=')))
            GROUP BY study_id),
        told AS (
            SELECT s.*, o.outcome_type, p.is_met, coalesce(n.ids, []) AS ids,
                $before IS NULL OR coalesce(s.completion_date, s.primary_completion_date) < CAST($before AS DATE)
                    AS has_ended,
                $before IS NULL OR s.results_posted_date < CAST($before AS DATE) AS has_posted
            FROM studies s LEFT JOIN outcomes o USING (study_id) LEFT JOIN numbers n USING (study_id)
                LEFT JOIN primary_p p USING (study_id)
            WHERE list_contains($ids, s.study_id))
        SELECT study_id, ids, lead_sponsor_class AS sponsor_class, sponsor, is_fictional,
            {_REGISTERED} AS registration_date, start_date,
            CASE WHEN has_ended THEN coalesce(nullif(enrollment_actual, 0), enrollment_target) END AS enrollment,
            CASE WHEN has_ended THEN recruitment_status END AS status,
            CASE WHEN has_ended THEN outcome_type END AS outcome,
            CASE WHEN has_ended THEN why_stopped END AS why_stopped,
            CASE WHEN has_ended THEN completion_date END AS completion_date,
            CASE WHEN has_posted THEN coalesce(has_results, results_posted_date IS NOT NULL) END AS has_results,
            CASE WHEN has_posted THEN is_met END AS primary_endpoint_met
        FROM told""",
        {"ids": list(ids), "before": before},
    )
    names = [column[0] for column in found.description or ()]
    rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    return {row.pop("study_id"): row for row in rows}


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
    ids = [one.study_id for one in similar]
    with warehouse.connect() as con:
        con.execute("CREATE TEMP TABLE chosen AS SELECT unnest($ids) AS study_id", {"ids": ids})
        return Designs(
            trials=ids,
            is_fictional=any(one.is_fictional for one in similar),
            ended=dict(sorted(Counter(one.outcome or "UNDETERMINED" for one in similar).items())),
            why_stopped={one.study_id: one.why_stopped for one in similar if one.why_stopped},
            arms=_arm_patterns(con),
            comparators=_comparators(con),
            features=_features(con),
            criteria=_criteria(con),
            endpoints=_endpoints(con, ("PRIMARY",)),
            secondary_endpoints=_endpoints(con, ("SECONDARY", "OTHER_PRE_SPECIFIED")),
            figures=_figures(con),
        )


MOST_COMMON = 25
"""Of a list of what is common to some trials."""
_EXAMPLES = 3
_MONTH_DAYS = 30.4375


def _figure(name: str, meaning: str, unit: str, trials: Mapping[str, float]) -> Figure:
    """Median and quartiles (linear between neighbours) of one value a trial."""
    import numpy as np

    if not trials:
        return Figure(name=name, meaning=meaning, unit=unit, n=0)
    low, median, high = np.quantile(list(trials.values()), [0.25, 0.5, 0.75]).tolist()
    return Figure(
        name=name, meaning=meaning, unit=unit, n=len(trials), median=median, low=low, high=high, trials=dict(trials)
    )


_MEASURES: Mapping[str, tuple[str, str, str]] = {
    "number_of_arms": ("coalesce(s.number_of_arms, a.arms)", "Arms, or groups of an observational study", "arms"),
    "enrollment": (
        "coalesce(nullif(s.enrollment_actual, 0), nullif(s.enrollment_target, 0))",
        "Participants reached, else planned; trials that enrolled none are left out",
        "participants",
    ),
    "enrollment_per_arm": (
        "coalesce(nullif(s.enrollment_actual, 0), nullif(s.enrollment_target, 0)) / coalesce(s.number_of_arms, a.arms)",
        "Participants divided by the number of arms",
        "participants per arm",
    ),
    "duration_months": (
        "CASE WHEN o.outcome_type = 'COMPLETED' THEN nullif(greatest("
        "date_diff('day', s.start_date, coalesce(s.completion_date, s.primary_completion_date)), 0), 0)"
        f" / {_MONTH_DAYS} END",
        "From the start to the end of trials that were completed",
        "months",
    ),
    "sites": ("nullif(s.number_of_locations, 0)", "Sites that the register lists", "sites"),
    "accrual_per_month": (
        "CASE WHEN o.outcome_type = 'COMPLETED' THEN nullif(s.enrollment_actual, 0) / nullif(greatest(date_diff("
        f"'day', s.start_date, coalesce(s.primary_completion_date, s.completion_date)), 0), 0) * {_MONTH_DAYS} END",
        "Participants reached per month between the start and the last measurement of the primary outcome, of "
        "completed trials. Registers do not say when recruitment ended: follow-up is within, so recruitment was faster",
        "participants per month",
    ),
    "minimum_age_years": ("s.minimum_age_years", "Least age, of trials that state one", "years"),
    "maximum_age_years": ("s.maximum_age_years", "Greatest age, of trials that state one", "years"),
}
"""Figures: SQL over a study `s`, its outcome `o` and its arms `a`; what they mean; their unit."""


def _figures(con: duckdb.DuckDBPyConnection) -> dict[str, Figure]:
    columns = ", ".join(f"CAST({sql} AS DOUBLE)" for sql, _, _ in _MEASURES.values())
    rows = con.execute(f"""
        SELECT s.study_id, {columns}
        FROM studies s JOIN chosen USING (study_id) LEFT JOIN outcomes o USING (study_id)
            LEFT JOIN (SELECT study_id, count(DISTINCT arm_position) AS arms FROM disposition JOIN chosen
                USING (study_id) WHERE arm_position IS NOT NULL GROUP BY study_id) a USING (study_id)
        ORDER BY s.study_id""").fetchall()
    return {
        name: _figure(name, meaning, unit, {row[0]: row[place] for row in rows if row[place] is not None})
        for place, (name, (_, meaning, unit)) in enumerate(_MEASURES.items(), 1)
    }


def _common(rows: Iterable[tuple[str, str, str | None]], of: int | None = None) -> list[Common]:
    """What trials have in common, from rows of name, trial and wording: the most frequent first, then by name."""
    trials: dict[str, dict[str, None]] = {}
    examples: dict[str, dict[str, None]] = {}
    for name, study_id, wording in rows:
        trials.setdefault(name, {})[study_id] = None
        if wording:
            examples.setdefault(name, {})[wording] = None
    known = len({study_id for found in trials.values() for study_id in found}) if of is None else of
    return [
        Common(name=name, n=len(found), of=known, trials=list(found), examples=list(examples.get(name, ()))[:_EXAMPLES])
        for name, found in sorted(trials.items(), key=lambda one: (-len(one[1]), one[0]))[:MOST_COMMON]
    ]


def _arm_patterns(con: duckdb.DuckDBPyConnection) -> list[Common]:
    rows = con.execute("""
        SELECT study_id, arm_position, any_value(group_type), any_value(arm_label)
        FROM disposition JOIN chosen USING (study_id) WHERE arm_position IS NOT NULL
        GROUP BY ALL ORDER BY study_id, arm_position""").fetchall()
    arms: dict[str, list[tuple[str | None, str | None]]] = {}
    for study_id, _, kind, label in rows:
        arms.setdefault(study_id, []).append((kind, label))
    order = [*get_args(ArmType)]
    patterns = []
    for study_id, found in arms.items():
        kinds = Counter(kind for kind, _ in found if kind)
        if len(found) == kinds.total():  # an arm of unknown type leaves the pattern unknown
            name = ", ".join(f"{kinds[kind]} {_spoken(kind)}" for kind in order if kind in kinds)
            patterns.append((name, study_id, " | ".join(label for _, label in found if label)))
    return _common(patterns)


def _spoken(name: str) -> str:
    return name.replace("_", " ").lower()


def _comparators(con: duckdb.DuckDBPyConnection) -> list[Common]:
    rows = con.execute("""
        SELECT CASE WHEN contains(lower(x.intervention_name), 'placebo') THEN 'placebo'
                ELSE lower(coalesce(d.concept_name, x.intervention_name, x.group_type)) END, x.study_id,
            coalesce(x.intervention_name, x.arm_label)
        FROM disposition x JOIN chosen USING (study_id)
            LEFT JOIN (SELECT study_id, position, any_value(concept_name) AS concept_name, count(*) AS n FROM drugs
                       WHERE concept_id IS NOT NULL GROUP BY ALL HAVING n = 1) d
                ON d.study_id = x.study_id AND d.position = x.intervention_position
        WHERE x.group_type IN ('ACTIVE_COMPARATOR', 'PLACEBO_COMPARATOR', 'SHAM_COMPARATOR', 'NO_INTERVENTION')
        ORDER BY x.study_id, x.arm_position, x.intervention_position""").fetchall()
    return _common((_spoken(name), study_id, wording) for name, study_id, wording in rows)


_FEATURES = ("allocation", "intervention_model", "masking", "primary_purpose", "sex")


def _features(con: duckdb.DuckDBPyConnection) -> dict[str, list[Common]]:
    rows = con.execute(
        f"SELECT study_id, {', '.join(_FEATURES)} FROM studies JOIN chosen USING (study_id) ORDER BY study_id"
    ).fetchall()
    return {
        name: _common((row[place], row[0], None) for row in rows if row[place])
        for place, name in enumerate(_FEATURES, 1)
    }


def _criteria(con: duckdb.DuckDBPyConnection) -> list[Common]:
    """What eligibility asks about, by concept, else by its words; a value must keep its direction to be counted."""
    rows = con.execute("""
        SELECT study_id, kind, is_inclusion, coalesce(concept_name, lower(entity)) AS about, text, low, high, unit
        FROM criteria JOIN chosen USING (study_id)
        WHERE kind IS NOT NULL AND (concept_name IS NOT NULL OR entity IS NOT NULL OR kind IN ('age', 'sex'))
        ORDER BY study_id, position, part""").fetchall()
    with_criteria = len({row[0] for row in rows})
    groups: dict[tuple[str, bool | None, str], list[Any]] = {}
    for row in rows:
        _, kind, is_inclusion, about, *_ = row
        about = kind if kind in _ONE_THING else about
        groups.setdefault((kind, is_inclusion, about), []).append(row)
    found = []
    for (kind, is_inclusion, about), asked in groups.items():
        trials = list(dict.fromkeys(row[0] for row in asked))
        wordings = sorted(dict.fromkeys(" ".join(row[4].split()) for row in asked if row[4]), key=len)
        found.append(
            Common(
                name=about,
                n=len(trials),
                of=with_criteria,
                trials=trials,
                examples=wordings[:_EXAMPLES],
                kind=kind,
                is_inclusion=is_inclusion,
                limits=_limits(asked),
            )
        )
    found.sort(key=lambda one: (-one.n, one.kind or "", one.name, str(one.is_inclusion)))
    return found[: 2 * MOST_COMMON]


_ONE_THING = (
    "age",
    "sex",
    "pregnancy",
    "consent",
    "contraception",
    "life expectancy",
    "language",
    "performance status",
)
"""Kinds of criteria that are about one thing, whatever words they use."""


def _limits(asked: Sequence[Any]) -> list[Figure]:
    """The lower and upper limits of a criterion, for the unit that most trials write it in."""
    units = Counter(row[7] for row in asked if row[7] and (row[5] is not None or row[6] is not None))
    if not units:
        return []
    unit = min(units, key=lambda one: (-units[one], one))
    figures = []
    for name, place, meaning in (("low", 5, "Lower limit"), ("high", 6, "Upper limit")):
        trials = {row[0]: row[place] for row in reversed(asked) if row[7] == unit and row[place] is not None}
        if trials:
            figures.append(_figure(name, meaning, unit, trials))
    return figures


_UNKNOWN_ENDPOINT = "in other words"
"""Outcomes of which no word is known; they stand last."""


def _endpoints(con: duckdb.DuckDBPyConnection, types: Sequence[str]) -> list[Common]:
    """What is measured, by the words that were known for an endpoint or biomarker, else by its domain."""
    rows = con.execute(
        f"""
        WITH known AS (
            SELECT study_id, position,
                CASE kind WHEN 'biomarker' THEN concept_name ELSE lower(trim(matched)) END AS name
            FROM mentions JOIN chosen USING (study_id)
            WHERE field = 'outcomes' AND kind IN ('endpoint', 'biomarker') AND NOT coalesce(is_negated, false))
        SELECT DISTINCT coalesce(k.name, '{_UNKNOWN_ENDPOINT}'), e.study_id, e.measure, e.time_frame,
            coalesce(e.endpoint_domain, ''), e.position
        FROM endpoints e JOIN chosen USING (study_id)
            LEFT JOIN known k ON k.study_id = e.study_id AND k.position = e.position AND k.name IS NOT NULL
        WHERE list_contains($types, e.endpoint_type) AND e.measure IS NOT NULL ORDER BY ALL""",
        {"types": list(types)},
    ).fetchall()
    frames: dict[str, Counter[str]] = {}
    domains: dict[str, Counter[str]] = {}
    for name, _, _, frame, domain, _ in rows:
        domains.setdefault(name, Counter())[domain] += 1
        if frame:
            frames.setdefault(name, Counter())[" ".join(frame.split())] += 1
    found = _common((name, study_id, measure) for name, study_id, measure, *_ in rows)
    found.sort(key=lambda one: one.name == _UNKNOWN_ENDPOINT)
    return [
        msgspec.structs.replace(
            one,
            kind=domains[one.name].most_common(1)[0][0] or None,
            time_frames=[frame for frame, _ in frames.get(one.name, Counter()).most_common(_EXAMPLES)],
        )
        for one in found
    ]
