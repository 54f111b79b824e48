"""The tables of the warehouse: what a row and a column mean, and the SQL that makes them out of Records and Trials.

The eleven tables of the published TrialPanorama database keep their names, columns and order; what it lacks comes after
them. A column that holds a Record's field takes its meaning, unit and values from `trialpanorama.record`. All work is
SQL over Parquet, so that it runs out of core.

Rules of every table: unknown is NULL; each row carries the source and licence of the Record that it came from; rows
are written in the order of the table's key, whatever the order of Records. A Trial often has several Records that
repeat each other: a list (arms, outcomes, conditions ...) is therefore taken whole from one of them, the Record of the
highest precedence that has any, and a single value from the Record of the highest precedence that gives it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import msgspec

from trialpanorama.record import (
    AdverseEvent,
    AdverseEvents,
    Analysis,
    Arm,
    Condition,
    EventStat,
    Finding,
    Identifier,
    Intervention,
    Outcome,
    OutcomeMeasure,
    Paper,
    PartialDate,
    Record,
    Review,
    ReviewedStudy,
    Sponsor,
)
from trialpanorama.relations import (
    NODE_MEANING,
    NODE_TYPES,
    RELATION_MEANING,
    RELATIONS_SQL,
    SAID_COUNTRIES,
    first_day,
)
from trialpanorama.warehouse import fields, sql_text

if TYPE_CHECKING:
    import duckdb


class Column(msgspec.Struct, frozen=True):
    """A column: its DuckDB type, and what its values mean."""

    name: str
    type: str
    meaning: str
    unit: str | None = None
    values: tuple[str, ...] = ()


class Table(msgspec.Struct, frozen=True):
    """A table: what one row is, and the query that gives its rows."""

    name: str
    meaning: str
    """One row is ..."""
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    """The columns that tell rows apart, in the order in which rows are sorted."""
    sql: str | None
    """Query over `records`, `members` and the tables that stand before; none where another stage writes the table."""
    published_columns: tuple[str, ...] = ()
    """The columns of the published database, in its order; none for a table that it lacks."""


_SQL_TYPES: dict[object, str] = {str: "VARCHAR", int: "BIGINT", float: "DOUBLE", bool: "BOOLEAN", PartialDate: "DATE"}


def _sql_type(annotation: Any) -> str:
    """The DuckDB type of a field's annotation."""
    arguments = [a for a in get_args(annotation) if a is not type(None)]
    if get_origin(annotation) is list:
        return f"{_sql_type(arguments[0])}[]"
    if get_origin(annotation) is Literal:
        return "VARCHAR"
    return _sql_type(arguments[0]) if arguments else _SQL_TYPES[annotation]


def same(field: str, of: type[msgspec.Struct] = Record, name: str | None = None, type: str | None = None) -> Column:
    """The column that holds a field of Record (or of one of its parts), with the meaning that stands there."""
    (said,) = (candidate for candidate in fields(of) if candidate.name == field)
    return Column(name or field, type or _sql_type(said.annotation), said.meaning, said.unit, said.values)


def _date_columns(field: str, of: type[msgspec.Struct] = Record) -> tuple[Column, ...]:
    date = same(field, of)
    return (
        msgspec.structs.replace(date, meaning=f"{date.meaning}; a month or year alone stands as its first day"),
        Column(f"{field}_precision", "VARCHAR", f"How precise `{field}` is", values=("day", "month", "year")),
        same("type", PartialDate, name=f"{field}_type"),
    )


_STUDY_ID = Column("study_id", "VARCHAR", "The Trial: the id of its Record in the register of the highest precedence")
_STUDY_SOURCE = Column("study_source", "VARCHAR", "The register that issued `study_id`; pubmed for a publication")
_RECORD_ID = Column("record_id", "VARCHAR", "The Record that the row comes from")
_POSITION = Column("position", "BIGINT", "Its place in the Record's list, from 1")
_SOURCE = Column("source", "VARCHAR", "The source whose file gave the row (a name of `trialpanorama sources`)")
_IS_OPEN = Column(
    "is_open", "BOOLEAN", "Whether the terms of every source that gave a value of the row let it be passed on"
)
_PROVENANCE = (_RECORD_ID, _SOURCE, same("licence"), _IS_OPEN)
_ENDPOINT_TYPE = same("type", Outcome, name="endpoint_type")


_NODE_TYPES = tuple(type.name for type in NODE_TYPES)
MENTION_FIELDS = (
    "conditions", "interventions", "outcomes", "adverse_events", "public_title", "scientific_title",
    "eligibility_criteria",
)  # fmt: skip
"""Where mentions are looked for."""


# --- studies: one row per Trial, merged field by field

_DATES = (
    "first_submitted_date",
    "registration_date",
    "start_date",
    "primary_completion_date",
    "completion_date",
    "results_posted_date",
    "last_updated_date",
    "verified_date",
)

_STUDIES = (
    _STUDY_ID,
    _STUDY_SOURCE,
    same("study_type", name="trial_type"),
    Column("title", "VARCHAR", "Title for the public; the scientific title where there is none"),
    Column("abstract", "VARCHAR", "Short description, or abstract of a publication; the long one where there is none"),
    Column("sponsor", "VARCHAR", "Name of the lead sponsor, as the source writes it"),
    Column("start_year", "INTEGER", "Year of `start_date`; of a publication, the year it was published"),
    same("status", name="recruitment_status"),
    Column(
        "phase",
        "VARCHAR",
        "Phase in one word: the members of `phases` joined by a slash, and NOT_APPLICABLE where the source says so",
    ),
    Column("actual_accrual", "BIGINT", "The published name of `enrollment_actual`", "participants"),
    Column("target_accrual", "BIGINT", "The published name of `enrollment_target`", "participants"),
    Column("min_age", "DOUBLE", "Least age, in `min_age_unit`; NULL means no limit, or not said"),
    Column("max_age", "DOUBLE", "Greatest age, in `max_age_unit`; NULL means no limit, or not said"),
    Column(
        "min_age_unit", "VARCHAR", "Unit of `min_age`", values=("Years", "Months", "Weeks", "Days", "Hours", "Minutes")
    ),
    Column(
        "max_age_unit", "VARCHAR", "Unit of `max_age`", values=("Years", "Months", "Weeks", "Days", "Hours", "Minutes")
    ),
    same("sex"),
    same("healthy_volunteers"),
    # what the published table lacks
    Column(
        "kind",
        "VARCHAR",
        "Whether the Trial was registered, or is known from a publication alone",
        values=("registration", "publication"),
    ),
    same("public_title"),
    same("scientific_title"),
    same("acronym"),
    same("status_raw"),
    same("last_known_status"),
    same("why_stopped"),
    *(column for field in _DATES for column in _date_columns(field)),
    same("phases"),
    same("allocation"),
    same("intervention_model"),
    same("observational_model"),
    same("time_perspective"),
    same("masking"),
    same("is_masked"),
    same("masked_roles"),
    same("primary_purpose"),
    same("number_of_arms"),
    same("enrollment_target"),
    same("enrollment_actual"),
    same("minimum_age_years"),
    same("maximum_age_years"),
    same("eligibility_criteria"),
    same("inclusion_criteria"),
    same("exclusion_criteria"),
    same("sponsor_class", Sponsor, name="lead_sponsor_class"),
    Column("collaborators", "VARCHAR[]", "Names of the collaborators, as the source writes them"),
    Column(
        "countries",
        "VARCHAR[]",
        "Countries of recruitment, in ClinicalTrials.gov's spelling, in alphabetical order; continents, which some registers list too, are left out",
    ),
    Column("number_of_locations", "BIGINT", "Sites that the Record lists; NULL where it lists none", "sites"),
    same("keywords"),
    same("has_results"),
    same("has_dmc"),
    same("is_fictional"),
    Column("registers", "VARCHAR[]", "Registers that hold the Trial, in alphabetical order"),
    Column("record_ids", "VARCHAR[]", "Its Records, highest precedence first"),
    Column("number_of_records", "BIGINT", "How many Records it has", "records"),
    Column("sources", "VARCHAR[]", "Sources that gave its Records, in alphabetical order"),
    Column("licences", "VARCHAR[]", "Licences of its Records, in alphabetical order"),
    Column("source", "VARCHAR", "Source of the Record of the highest precedence"),
    same("licence"),
    _IS_OPEN,
)

# --- the other tables

_CONCEPT_ID = Column(
    "concept_id", "VARCHAR", "The concept (a key of `concepts`), such as MESH:D003924; NULL: none was found"
)
_CONCEPT_NAME = Column("concept_name", "VARCHAR", "The concept's preferred name")
_VOCABULARY = Column("vocabulary", "VARCHAR", "The terminology of the concept, such as mesh")
_VOCABULARY_VERSION = Column("vocabulary_version", "VARCHAR", "The release of the terminology that was read")
_METHOD = Column(
    "method",
    "VARCHAR",
    "How the words led to the concept. exact: they are one of its names; variant: in another spelling; abbreviation: they "
    "are short for one; stripped: without words that do not change it (stage, severity, dose); reordered: the same words in "
    "another order; brand, salt, combination: through a product, a salt or a mixture; code: by a code; context: the other "
    "words of the Record decide; rule: by telling words; table: by the list of what criteria measure; number: a limit beside "
    "unknown words; other_name: by another name that the Record gives the drug; registered: by what another registration "
    "calls the code; fuzzy: like one, letter by letter; llm: a language model said so; none: nothing was found",
    values=(
        "exact", "variant", "abbreviation", "stripped", "reordered", "brand", "salt", "combination", "code", "context",
        "rule", "table", "number", "other_name", "registered", "fuzzy", "llm", "none",
    ),
)  # fmt: skip
_LINK_SCORE = Column(
    "score", "DOUBLE", "How sure the link is, 0 to 1; fixed per method, or a likeness, not a probability"
)

_MENTIONS = (
    _STUDY_ID,
    _STUDY_SOURCE,
    Column(
        "kind",
        "VARCHAR",
        "What is mentioned: condition, drug, biomarker, endpoint or adverse_event; what is none of these is set apart by "
        "its own word, such as placebo, procedure, device or population",
    ),
    Column("field", "VARCHAR", "The Record's field, or table, in which it stands", values=MENTION_FIELDS),
    Column("position", "BIGINT", "The place of the text in the field's list, from 1"),
    Column("part", "BIGINT", "Which mention of the text, from 1"),
    Column("text", "VARCHAR", "The words that mention it"),
    Column("text_start", "BIGINT", "Where they begin in the text, from 0", "characters"),
    Column("text_end", "BIGINT", "Where they end", "characters"),
    _CONCEPT_ID,
    _CONCEPT_NAME,
    _VOCABULARY,
    _VOCABULARY_VERSION,
    _METHOD,
    _LINK_SCORE,
    Column("matched", "VARCHAR", "The name in the terminology that justifies the link"),
    Column(
        "qualifier",
        "VARCHAR",
        "Of a biomarker, its part by the BEST glossary; of an endpoint, its domain; of a code that another registration "
        "explains, that study",
    ),
    Column("is_negated", "BOOLEAN", "Whether the text says that it is absent"),
    Column("is_history", "BOOLEAN", "Whether the text says that it is past"),
    Column(
        "candidates",
        'STRUCT(concept_id VARCHAR, "name" VARCHAR, score DOUBLE)[]',
        "The nearest concepts where none was linked, best first",
    ),
    *_PROVENANCE,
)

_CONCEPTS = (
    Column("concept_id", "VARCHAR", "CURIE: the terminology's Biolink prefix and its id, such as MESH:D003924"),
    Column("name", "VARCHAR", "Preferred name"),
    Column(
        "kind",
        "VARCHAR",
        "What it is",
        values=("condition", "drug", "gene", "outcome", "event", "unit", "procedure", "population", "other"),
    ),
    Column("names", "VARCHAR[]", "Its names, the preferred one first"),
    Column("parents", "VARCHAR[]", "The next broader concepts"),
    Column("cross_references", "VARCHAR[]", "The same thing in other terminologies"),
    Column(
        "attributes", 'STRUCT("name" VARCHAR, "value" VARCHAR)[]', "What else the terminology says, such as CAS number"
    ),
    _VOCABULARY,
    _VOCABULARY_VERSION,
    Column("source", "VARCHAR", "The terminology that the row comes from"),
    same("licence"),
    _IS_OPEN,
)

_CONCEPT_ANCESTORS = (
    Column("concept_id", "VARCHAR", "A concept that a mention was linked to"),
    Column("ancestor_id", "VARCHAR", "A broader concept, of the same terminology"),
    Column("ancestor_name", "VARCHAR", "Its preferred name"),
    Column("depth", "BIGINT", "Steps from one to the other along the shortest way", "steps"),
    _VOCABULARY_VERSION,
    Column("source", "VARCHAR", "The terminology that the row comes from"),
    same("licence"),
    _IS_OPEN,
)

_DRUG_CONCEPTS = (
    Column("concept_id", "VARCHAR", "The concept that mentions are linked to"),
    Column("drug_moa_id", "VARCHAR", "Key into drug_moa; NULL where no mechanism is known"),
    Column("rx_normalized_name", "VARCHAR", "RxNorm name"),
    Column("rx_mapping_id", "DOUBLE", "RxNorm concept id (RXCUI)"),
    Column("drugbank_name", "VARCHAR", "DrugBank name"),
    Column("drugbank_id", "VARCHAR", "DrugBank id"),
    Column("drugbank_mesh_id", "VARCHAR", "MeSH id of the same drug"),
    Column("fda_approved", "BOOLEAN", "Approved in the United States; NULL: no terminology here says"),
    Column("ema_approved", "BOOLEAN", "Approved in the European Union; NULL: no terminology here says"),
    Column("pmda_approved", "BOOLEAN", "Approved in Japan; NULL: no terminology here says"),
    Column("source", "VARCHAR", "The terminologies that the row comes from, joined by a semicolon"),
    same("licence"),
    _IS_OPEN,
)

_CRITERIA = (
    _STUDY_ID,
    _STUDY_SOURCE,
    Column("position", "BIGINT", "The criterion's place in the Record, from 1, over all its fields"),
    Column("part", "BIGINT", "Which of the things that the criterion asks, from 1"),
    Column(
        "is_inclusion", "BOOLEAN", "true: it lets people in; false: it keeps them out; NULL: the text does not tell"
    ),
    Column("text", "VARCHAR", "The criterion's words"),
    Column("entity", "VARCHAR", "The words that say what is asked about; NULL where a limit stands alone"),
    Column(
        "kind",
        "VARCHAR",
        "What is asked about: condition, drug, measurement, score, age, sex, pregnancy, consent ...; allergy: also the "
        "drug or treatment that it is to, or that is contraindicated; exception: what the criterion does "
        "not speak of (`except skin cancer`), neither asked for nor kept out",
    ),
    _CONCEPT_ID,
    _CONCEPT_NAME,
    Column("comparator", "VARCHAR", "How the value, or else the time, is bounded; NULL where no sign says it"),
    Column("low", "DOUBLE", "Lower limit, in `unit`"),
    Column("high", "DOUBLE", "Upper limit, in `unit`"),
    Column("unit", "VARCHAR", "Unit of the limits, by UCUM; NULL where there is none or it is not known"),
    Column("unit_raw", "VARCHAR", "The unit as the source writes it"),
    Column("time_value", "DOUBLE", "For how long, or how long ago, in `time_unit`"),
    Column("time_unit", "VARCHAR", "Unit of the time, by UCUM, such as wk"),
    Column("is_negated", "BOOLEAN", "Whether the text says that it must be absent"),
    Column("is_history", "BOOLEAN", "Whether the text speaks of the past"),
    _METHOD,
    _LINK_SCORE,
    Column("matched", "VARCHAR", "The name in the terminology that justifies the link"),
    _VOCABULARY,
    _VOCABULARY_VERSION,
    Column(
        "field",
        "VARCHAR",
        "The Record's field in which it stands",
        values=("eligibility_criteria", "inclusion_criteria", "exclusion_criteria"),
    ),
    Column("text_start", "BIGINT", "Where the criterion begins in the field's text, from 0", "characters"),
    Column("text_end", "BIGINT", "Where it ends", "characters"),
    Column("entity_start", "BIGINT", "Where the entity begins in the field's text, from 0", "characters"),
    Column("entity_end", "BIGINT", "Where it ends", "characters"),
    *_PROVENANCE,
)

_SPONSORS = (
    _STUDY_ID,
    _STUDY_SOURCE,
    same("role", Sponsor),
    Column("sponsor_name", "VARCHAR", "The name as the source writes it"),
    Column("sponsor_id", "VARCHAR", "The organisation: what its spellings have in common"),
    Column(
        "normalized_name",
        "VARCHAR",
        "The spelling of the organisation's name that is met most, without legal form, department and country",
    ),
    same("sponsor_class", Sponsor),
    Column(
        "class_method",
        "VARCHAR",
        "Where the class comes from. register: of this entry; organisation: what registers mostly say of the same "
        "organisation in other entries; name: its words",
        values=("register", "organisation", "name"),
    ),
    _POSITION,
    *_PROVENANCE,
)

_CONDITIONS = (
    _STUDY_ID,
    _STUDY_SOURCE,
    Column("condition_name", "VARCHAR", "The condition as the source writes it, or the MeSH heading"),
    Column("condition_mesh_id", "VARCHAR", "MeSH unique id, such as D003924; NULL for a mention that no one mapped"),
    Column(
        "condition_mesh_type",
        "VARCHAR",
        "mesh-list: a term that the source attached; mesh-ancestor: a broader term of one; linked: a concept that the words "
        "were linked to; linked-ancestor: a broader concept of one; NULL: the source's words",
        values=("mesh-list", "mesh-ancestor", "linked", "linked-ancestor"),
    ),
    Column(
        "position",
        "BIGINT",
        "Its place among the Record's conditions, or among its MeSH terms, from 1; of a broader concept, of the nearest "
        "condition under it",
    ),
    same("code", Condition),
    same("vocabulary", Condition),
    Column("part", "BIGINT", "Which of the concepts that the words at `position` were linked to, from 1; 0: the words"),
    _CONCEPT_ID,
    _VOCABULARY_VERSION,
    _METHOD,
    _LINK_SCORE,
    Column("depth", "BIGINT", "Steps up from the linked concept; 0: the concept itself", "steps"),
    *_PROVENANCE,
)

_DRUGS = (
    _STUDY_ID,
    _STUDY_SOURCE,
    Column("drug_moa_id", "VARCHAR", "Key into drug_moa; NULL until the drug is linked"),
    same("name", Intervention, name="drug_name"),
    Column("rx_normalized_name", "VARCHAR", "RxNorm name; NULL until the drug is linked"),
    Column("rx_source", "VARCHAR", "How the RxNorm name was found"),
    Column("rx_mapping_id", "DOUBLE", "RxNorm concept id (RXCUI)"),
    Column("drugbank_name", "VARCHAR", "DrugBank name; NULL until the drug is linked"),
    Column("drugbank_id", "VARCHAR", "DrugBank id"),
    Column("drugbank_mesh_id", "VARCHAR", "MeSH id of the DrugBank entry"),
    Column("drug_source", "VARCHAR", "Where the mention stands", values=("intervention",)),
    Column("fda_approved", "BOOLEAN", "Approved in the United States; NULL until the drug is linked"),
    Column("ema_approved", "BOOLEAN", "Approved in the European Union; NULL until the drug is linked"),
    Column("pmda_approved", "BOOLEAN", "Approved in Japan; NULL until the drug is linked"),
    same("description", Intervention, name="drug_description"),
    _POSITION,
    same("type", Intervention, name="intervention_type"),
    same("other_names", Intervention),
    Column("part", "BIGINT", "Which of the drugs that the intervention names, from 1"),
    Column("mention", "VARCHAR", "The words that name the drug"),
    _CONCEPT_ID,
    _CONCEPT_NAME,
    _VOCABULARY_VERSION,
    _METHOD,
    _LINK_SCORE,
    *_PROVENANCE,
)

_DRUG_MOA = (
    Column("drug_name", "VARCHAR", "Name of the drug"),
    Column("drug_moa_id", "VARCHAR", "Key of the drug"),
    Column("target_name", "VARCHAR", "Name of the target"),
    Column("target_class", "VARCHAR", "Class of the target, such as GPCR"),
    Column("accession", "VARCHAR", "UniProt accession of the target"),
    Column("gene", "VARCHAR", "Gene symbol of the target"),
    Column("swissprot", "VARCHAR", "Swiss-Prot entry name of the target"),
    Column("act_value", "DOUBLE", "Potency", "negative decimal logarithm of the molar concentration"),
    Column("act_unit", "VARCHAR", "Unit in which the potency was measured"),
    Column("act_type", "VARCHAR", "Kind of potency, such as Ki or IC50"),
    Column("act_comment", "VARCHAR", "Comment on the potency"),
    Column("act_source", "VARCHAR", "Where the potency was published"),
    Column("relation", "VARCHAR", "Relation of the measured to the given potency, such as = or <"),
    Column("moa", "DOUBLE", "1 where the target is part of the mechanism of action"),
    Column("moa_source", "VARCHAR", "Where the mechanism was published"),
    Column("act_source_url", "VARCHAR", "Web address of `act_source`"),
    Column("moa_source_url", "VARCHAR", "Web address of `moa_source`"),
    Column("action_type", "VARCHAR", "What the drug does to the target, such as INHIBITOR"),
    Column("tdl", "VARCHAR", "Target development level"),
    Column("organism", "VARCHAR", "Organism of the target"),
    _SOURCE,
    same("licence"),
    _IS_OPEN,
)

_BIOMARKERS = (
    _STUDY_ID,
    _STUDY_SOURCE,
    Column("biomarker_type", "VARCHAR", "Its part in the study, such as predictive, safety or surrogate endpoint"),
    Column("biomarker_name", "VARCHAR", "The biomarker, as the source writes it"),
    Column("biomarker_genes", "VARCHAR", "Gene symbols"),
    Column("field", "VARCHAR", "The Record's field in which it stands", values=MENTION_FIELDS),
    _POSITION,
    Column("part", "BIGINT", "Which mention of the text, from 1"),
    _CONCEPT_ID,
    _VOCABULARY_VERSION,
    _METHOD,
    _LINK_SCORE,
    *_PROVENANCE,
)

_ENDPOINTS = (
    _STUDY_ID,
    _STUDY_SOURCE,
    Column("primary_endpoint", "VARCHAR", "The measure, where it is a primary one"),
    Column("primary_endpoint_domain", "VARCHAR", "Domain of a primary endpoint; NULL until it is linked"),
    Column("primary_endpoint_subdomain", "VARCHAR", "Subdomain of a primary endpoint; NULL until it is linked"),
    _POSITION,
    _ENDPOINT_TYPE,
    same("measure", Outcome),
    same("description", Outcome),
    same("time_frame", Outcome),
    Column("endpoint_domain", "VARCHAR", "Domain of the measure, whatever its type; NULL where no rule knows it"),
    Column("endpoint_subdomain", "VARCHAR", "Subdomain of the measure"),
    _CONCEPT_ID,
    _VOCABULARY_VERSION,
    _METHOD,
    _LINK_SCORE,
    *_PROVENANCE,
)

_DISPOSITION = (
    _STUDY_ID,
    same("type", Intervention, name="intervention_type"),
    same("type", Arm, name="group_type"),
    same("name", Intervention, name="intervention_name"),
    same("description", Intervention, name="intervention_description"),
    _STUDY_SOURCE,
    Column(
        "number_of_subjects",
        "DOUBLE",
        "Who started the first period in the group of the participant flow that has the arm's label as its title",
        "participants",
    ),
    Column(
        "arm_position", "BIGINT", "The arm's place in the Record's list, from 1; NULL where no arm has the intervention"
    ),
    Column(
        "intervention_position",
        "BIGINT",
        "The intervention's place in the Record's list, from 1; NULL for an arm without",
    ),
    same("label", Arm, name="arm_label"),
    same("description", Arm, name="arm_description"),
    *_PROVENANCE,
)

_OUTCOMES = (
    _STUDY_ID,
    _STUDY_SOURCE,
    same("status", name="overall_status"),
    Column(
        "outcome_type",
        "VARCHAR",
        "How the study ended: STOPPED is TERMINATED or WITHDRAWN; ONGOING has not ended; UNDETERMINED is SUSPENDED, "
        "UNKNOWN or WITHHELD; NULL for the statuses of expanded access",
        values=("COMPLETED", "STOPPED", "ONGOING", "UNDETERMINED"),
    ),
    same("why_stopped", name="why_terminated"),
    Column("is_stopped", "BOOLEAN", "true: stopped; false: completed; NULL: neither, or not known"),
    *_PROVENANCE,
)

_ADVERSE_EVENTS = (
    _STUDY_ID,
    _STUDY_SOURCE,
    same("term", AdverseEvent, name="adverse_event_name"),
    same("notes", AdverseEvent, name="adverse_event_description"),
    Column("is_serious", "BOOLEAN", "Whether it was reported as a serious event"),
    Column("meddra_id", "VARCHAR", "MedDRA code; NULL until the term is linked to the user's own copy"),
    Column("meddra_id_type", "VARCHAR", "MedDRA level of the code, such as PT or LLT"),
    Column("position", "BIGINT", "The term's place in the Record's list of serious or of other events, from 1"),
    Column("group_position", "BIGINT", "The group's place in the term's list of counts, from 1"),
    same("organ_system", AdverseEvent),
    same("source_vocabulary", AdverseEvent),
    same("assessment_type", AdverseEvent),
    same("group_id", EventStat),
    Column("group_title", "VARCHAR", "Title of the group at risk"),
    same("num_events", EventStat),
    same("num_affected", EventStat),
    same("num_at_risk", EventStat),
    same("time_frame", AdverseEvents),
    _CONCEPT_ID,
    _CONCEPT_NAME,
    _VOCABULARY_VERSION,
    _METHOD,
    _LINK_SCORE,
    *_PROVENANCE,
)

_RESULTS = (
    _STUDY_ID,
    _STUDY_SOURCE,
    same("population_description", OutcomeMeasure, name="population"),
    Column("interventions", "VARCHAR", "Titles of the groups compared, joined by a semicolon"),
    same("title", OutcomeMeasure, name="outcomes"),
    Column(
        "group_type",
        "VARCHAR",
        "Arm types of the groups compared, joined by a semicolon, where each title is the label of a registered arm",
    ),
    Column("outcome_position", "BIGINT", "The posted outcome's place in the Record's list, from 1"),
    Column(
        "analysis_position", "BIGINT", "The analysis's place in the outcome's list, from 1; NULL for an outcome without"
    ),
    same("type", OutcomeMeasure, name="endpoint_type"),
    same("description", OutcomeMeasure),
    same("time_frame", OutcomeMeasure),
    same("reporting_status", OutcomeMeasure),
    same("param_type", OutcomeMeasure, name="measure_type"),
    same("unit_of_measure", OutcomeMeasure),
    same("group_ids", Analysis),
    Column("group_titles", "VARCHAR[]", "Titles of the groups compared; of all groups for an outcome without analysis"),
    same("group_description", Analysis),
    same("non_inferiority_type", Analysis),
    same("statistical_method", Analysis),
    Column("p_value", "DOUBLE", "The number in `p_value_raw`, where it lies between 0 and 1"),
    Column(
        "p_value_inequality", "VARCHAR", "How the true p-value stands to `p_value`", values=("=", "<", "<=", ">", ">=")
    ),
    same("p_value", Analysis, name="p_value_raw"),
    same("param_type", Analysis, name="estimate_type"),
    Column("estimate", "DOUBLE", "The number in `estimate_raw`"),
    same("param_value", Analysis, name="estimate_raw"),
    same("ci_pct_value", Analysis, name="ci_percent", type="DOUBLE"),
    same("ci_num_sides", Analysis, name="ci_sides"),
    Column("ci_lower", "DOUBLE", "Lower limit of the confidence interval: the number in `ci_lower_raw`"),
    same("ci_lower_limit", Analysis, name="ci_lower_raw"),
    Column("ci_upper", "DOUBLE", "Upper limit of the confidence interval: the number in `ci_upper_raw`"),
    same("ci_upper_limit", Analysis, name="ci_upper_raw"),
    same("dispersion_type", Analysis),
    Column("dispersion", "DOUBLE", "The number in `dispersion_raw`"),
    same("dispersion_value", Analysis, name="dispersion_raw"),
    *_PROVENANCE,
)

_RELATIONS = (
    Column("head_id", "VARCHAR", "Where the edge begins: the id of a node of type `head_type`"),
    Column("head_type", "VARCHAR", NODE_MEANING, values=_NODE_TYPES),
    Column("tail_id", "VARCHAR", "Where the edge ends: the id of a node of type `tail_type`"),
    Column("tail_type", "VARCHAR", "What the tail is, in the words of `head_type`", values=_NODE_TYPES),
    Column("relation_type", "VARCHAR", RELATION_MEANING),
    Column(
        "method",
        "VARCHAR",
        "How it is known: that of the link in mentions, paper_links or trial_links; register; reviewers",
    ),
    Column("score", "DOUBLE", "How sure it is, 0 to 1; NULL: stated, and not judged"),
    Column("date", "DATE", "Of the document that says so: the paper, the review, the registration or its last update"),
    Column(
        "evidence",
        "STRUCT(field VARCHAR, id VARCHAR, record_id VARCHAR)[]",
        "Each place that says so, and the words or id there",
    ),
    Column(
        "vocabulary_version", "VARCHAR", "The release of the terminology that the concept of the edge is of, if one is"
    ),
    *_PROVENANCE,
)

_IDENTIFIERS = (
    _STUDY_ID,
    same("id", Identifier),
    same("register", Identifier),
    same("role", Identifier),
    same("raw", Identifier),
    same("type_raw", Identifier),
    same("issuer", Identifier),
    same("field", Identifier),
    _POSITION,
    *_PROVENANCE,
)

_PAPERS = (
    Column("paper_id", "VARCHAR", "Key: PMID, or the source's own id of an article without one"),
    Column("study_id", "VARCHAR", "The Trial that is known from this publication alone; NULL for the others"),
    same("kind"),
    same("doi", Paper),
    same("pmcid", Paper),
    same("scientific_title", name="title"),
    same("vernacular_title", Paper),
    same("brief_summary", name="abstract"),
    Column(
        "abstract_sections",
        'STRUCT("label" VARCHAR, category VARCHAR, "text" VARCHAR)[]',
        "Sections of the abstract in order",
    ),
    Column("authors", "VARCHAR[]", "Last name and initials, or the name of the group, in order"),
    same("journal", Paper),
    same("journal_abbreviation", Paper),
    same("issn", Paper),
    same("volume", Paper),
    same("issue", Paper),
    same("pages", Paper),
    *_date_columns("publication_date", Paper)[:2],
    *_date_columns("electronic_date", Paper)[:2],
    Column(
        "first_published_date", "DATE", "The earlier of the two dates; a month or year alone stands as its first day"
    ),
    same("publication_types", Paper),
    same("languages", Paper),
    Column("mesh_terms", "VARCHAR[]", "MeSH headings of the article, in order"),
    same("keywords"),
    same("chemicals", Paper),
    Column(
        "registry_ids",
        "VARCHAR[]",
        "Registry ids that it gives, in its databank list or its text, in alphabetical order",
    ),
    same("cited_pmids", Paper),
    same("medline_status", Paper),
    Column("is_trial", "BOOLEAN", "Its publication types say that it reports a clinical trial"),
    same("is_retracted", Paper),
    same("is_fictional"),
    *_PROVENANCE,
)

_REVIEW_ID = Column(
    "review_id",
    "VARCHAR",
    "The systematic review: its Cochrane number (CD012345) where a Record gives one, else collection and topic",
)
_DECISIONS = ("INCLUDED", "EXCLUDED")

_REVIEWS = (
    _REVIEW_ID,
    same("scientific_title", name="title"),
    Column("abstract", "VARCHAR", "Abstract of the review"),
    same("question", Review),
    same("criteria", Review),
    same("search_query", Review),
    same("search_syntax", Review),
    same("search_source", Review),
    *_date_columns("search_from_date", Review)[:2],
    *_date_columns("search_until_date", Review)[:2],
    Column("collections", "VARCHAR[]", "Test collections that the review belongs to, in alphabetical order"),
    Column("paper_id", "VARCHAR", "PMID of the article that is the review (of a Cochrane review, of its last version)"),
    same("url"),
    Column("number_of_reports", "BIGINT", "Papers that the reviewers looked at, or that were retrieved", "papers"),
    Column("number_retrieved", "BIGINT", "Those that the review's search found, as far as a Record says so", "papers"),
    Column("number_included", "BIGINT", "Those that were included in the end", "papers"),
    Column("number_excluded", "BIGINT", "Those that were excluded, on whatever", "papers"),
    Column("number_of_seeds", "BIGINT", "Those that the reviewers knew before they searched", "papers"),
    Column("number_of_studies_included", "BIGINT", "Studies of which at least one paper was included", "studies"),
    same("is_fictional"),
    Column("record_ids", "VARCHAR[]", "The Records that speak of it, in alphabetical order"),
    Column("record_id", "VARCHAR", "The first of them"),
    _SOURCE,
    same("licence"),
    _IS_OPEN,
)

_REVIEW_STUDIES = (
    _REVIEW_ID,
    Column("study_position", "BIGINT", "Which study of the review the report belongs to, from 1"),
    same("name", ReviewedStudy, name="study_name"),
    Column(
        "report_id", "VARCHAR", "The report: its PMID where it has one, else DOI, PMC id, registry number or own id"
    ),
    Column(
        "study_ids", "VARCHAR[]", "Trials that the report is about, as far as they are known, in alphabetical order"
    ),
    Column(
        "decision",
        "VARCHAR",
        "The last decision that is known: on the full text, else on title and abstract; NULL: only retrieved",
        values=_DECISIONS,
    ),
    Column(
        "decision_title_abstract",
        "VARCHAR",
        "Decision on title and abstract; what was judged on its full text had passed it",
        values=_DECISIONS,
    ),
    Column("decision_full_text", "VARCHAR", "Decision on the full text", values=_DECISIONS),
    Column("is_disputed", "BOOLEAN", "Records of the review say different things about it; inclusion is then believed"),
    same("reason", ReviewedStudy),
    same("is_seed", ReviewedStudy),
    same("is_retrieved", ReviewedStudy),
    Column("record_ids", "VARCHAR[]", "The Records of the review that list it, in alphabetical order"),
    Column("record_id", "VARCHAR", "The first of them"),
    _SOURCE,
    same("licence"),
    _IS_OPEN,
)

_FINDINGS = (
    Column("paper_id", "VARCHAR", "The publication: its PMID where it has one, else its PMC id or own id"),
    same("question", Finding),
    same("intervention", Finding),
    same("comparator", Finding),
    same("outcome", Finding),
    same("direction", Finding),
    same("direction_raw", Finding),
    same("evidence", Finding),
    same("annotator", Finding),
    same("is_confirmed", Finding),
    _POSITION,
    *_PROVENANCE,
)

PaperType = Literal["results", "protocol", "secondary", "review", "comment", "other"]
"""What a paper is to a trial; the meaning of each stands at `paper_type` of `paper_links`."""

PaperMethod = Literal[
    "databank", "registration_statement", "abstract", "methods", "mention", "result_reference", "derived_reference",
    "background_reference", "reference", "similarity",
]  # fmt: skip
"""Why a paper and a Trial are put together; the meaning of each stands at `method` of `paper_links`."""

PaperRefusal = Literal[
    "weak_place", "many_trials", "weak_reference", "before_start", "unlikely", "topic_only", "ambiguous"
]
"""Why a paper is not held to be about the Trial; the meaning of each stands at `reason` of `paper_links`."""

LinkMethod = Literal[
    "override", "same_id", "alias", "bridge", "mutual_id", "secondary_id", "common_id", "utn", "title", "similar"
]
"""In what way two Records are held to be one Trial; the meaning of each stands at `trial_links.method`."""

Refusal = Literal[
    "override", "same_register", "follow_on_study", "ambiguous_id", "ambiguous_match", "too_little_evidence"
]
"""Why two Records are not held to be one Trial; the meaning of each stands at `trial_links.reason`."""

_TRIAL_LINKS = (
    Column("study_id", "VARCHAR", "The Trial of `record_a`"),
    Column("record_a", "VARCHAR", "One Record, of the highest precedence under its id"),
    Column("record_b", "VARCHAR", "The other"),
    Column("id_a", "VARCHAR", "The id of `record_a`"),
    Column("id_b", "VARCHAR", "The id of `record_b`"),
    Column("register_a", "VARCHAR", "The register of `record_a`"),
    Column("register_b", "VARCHAR", "The register of `record_b`"),
    Column(
        "method",
        "VARCHAR",
        "same_id: two versions or copies under one id; mutual_id: each names the other; alias, bridge, secondary_id: one "
        "names the other in that role; common_id: both name one number of a register that has no Record here; utn: both "
        "carry one WHO universal trial number; title, similar: no id links them, but what they say does, with titles "
        "that are nearly the same (title) or not (similar); override: a person says so",
        values=get_args(LinkMethod),
    ),
    Column(
        "score",
        "DOUBLE",
        "Strength of the evidence, 0 to 1: of title and similar the probability that they are one Trial; else fixed per "
        "method, and no probability",
    ),
    Column("is_accepted", "BOOLEAN", "Whether the two are held to be one Trial for it"),
    Column(
        "reason",
        "VARCHAR",
        "same_register: it would join two different studies of one register; follow_on_study: only one of the titles says "
        "extension, pilot, part 2 ...; ambiguous_id: many registrations of one register name that id; ambiguous_match: "
        "another registration of that register is nearly as like; too_little_evidence: a near miss; override: a person "
        "says that they are two; NULL: accepted",
        values=get_args(Refusal),
    ),
    Column(
        "evidence",
        "STRUCT(field VARCHAR, value_a VARCHAR, value_b VARCHAR, weight DOUBLE)[]",
        "What was compared, with both values; the weights that were added up where there are any, in bits of log-odds",
    ),
    Column("source", "VARCHAR", "Sources of the two Records, joined by a semicolon where they differ"),
    Column("licence", "VARCHAR", "Licences of the two Records, joined by a semicolon where they differ"),
    _IS_OPEN,
)

TrialChange = Literal["merged", "split", "renamed"]
"""What became of a Trial; the meaning of each stands at `trial_aliases.change`."""

_TRIAL_ALIASES = (
    Column("old_study_id", "VARCHAR", "A study_id of an earlier state of the warehouse"),
    Column("study_id", "VARCHAR", "The Trial to which its Records belong now"),
    Column(
        "change",
        "VARCHAR",
        "merged: it became one with another Trial; renamed: a register of higher precedence joined; split: its Records "
        "went to several Trials, of which this is one (the old id may stand for another of them)",
        values=get_args(TrialChange),
    ),
    Column(
        "records_moved",
        "BIGINT",
        "How many of its Records went there, when it happened; 0 where newer ones took their places",
        "records",
    ),
    _SOURCE,
    same("licence"),
    _IS_OPEN,
)

_DISAGREEMENTS = (
    _STUDY_ID,
    Column("field", "VARCHAR", "The field of the Record of which registers say different things"),
    Column(
        "number_of_values",
        "BIGINT",
        "How many different values there are; dates differ where they do in what all of them are precise to",
        "values",
    ),
    Column(
        "said",
        "STRUCT(says VARCHAR, said_by VARCHAR, record_id VARCHAR)[]",
        "What each register (`said_by`) says, in its Record of the highest precedence; the first is the one that wins",
    ),
    Column("source", "VARCHAR", "Sources of these Records, joined by a semicolon where they differ"),
    Column("licence", "VARCHAR", "Licences of these Records, joined by a semicolon where they differ"),
    _IS_OPEN,
)

_TRIAL_RECORDS = (
    Column("record_id", "VARCHAR", "The Record"),
    Column("study_id", "VARCHAR", "The Trial that it belongs to"),
    Column("precedence", "BIGINT", "1 for the Record of the Trial whose values win, then 2 ..."),
    _SOURCE,
    same("licence"),
    _IS_OPEN,
)

_PUBLICATION_LINKS = (
    Column("record_id", "VARCHAR", "The Record of a publication or review"),
    Column("study_id", "VARCHAR", "The Trial whose registry id it gives"),
    Column("id", "VARCHAR", "The id that it gives, normalised"),
    same("role", Identifier),
    same("field", Identifier),
    _SOURCE,
    same("licence"),
    _IS_OPEN,
)


_PAPER_LINKS = (
    Column("paper_id", "VARCHAR", "The paper: its PMID where it has one, else its PMC id or own id"),
    Column("study_id", "VARCHAR", "The Trial"),
    Column(
        "method",
        "VARCHAR",
        "The reason. databank: the article's metadata list the Trial's id; registration_statement: its text "
        "gives it as its registration; abstract, methods: it stands there; mention: elsewhere in the text; "
        "result_reference, derived_reference, background_reference, reference: the register lists the paper, as "
        "results, because it found the id in it, as background, or without a type; similarity: titles, people, "
        "numbers and dates agree",
        values=get_args(PaperMethod),
    ),
    Column(
        "score",
        "DOUBLE",
        "Strength of the evidence, 0 to 1: fixed per method, for similarity the probability of its model",
    ),
    Column("is_accepted", "BOOLEAN", "Whether the paper is held to be about the Trial"),
    Column(
        "reason",
        "VARCHAR",
        "weak_place: the id stands where papers cite others; many_trials: the paper names many trials; "
        "weak_reference: the register does not list it as results; before_start: listed as results, "
        "but published before the trial began; unlikely: not similar enough; topic_only: nothing but drug and "
        "condition agrees, as in any other trial of them; ambiguous: another Trial is as similar; NULL: accepted",
        values=get_args(PaperRefusal),
    ),
    Column(
        "paper_type",
        "VARCHAR",
        "results: reports the trial; protocol: describes its plan; secondary: an analysis beside its main results; "
        "review: of several trials; comment: letter, editorial, erratum or news; other: not known; NULL: the paper "
        "is not in the warehouse",
        values=get_args(PaperType),
    ),
    Column("paper_date", "DATE", "When it was first published; a month or year alone stands as its first day"),
    Column(
        "evidence",
        "STRUCT(field VARCHAR, value_paper VARCHAR, value_trial VARCHAR, weight DOUBLE)[]",
        "What was found or compared, with both values; the bits of evidence that similarity added up",
    ),
    Column("record_id", "VARCHAR", "The Record that says so: of the paper, or of the register that lists it"),
    Column("source", "VARCHAR", "Its source (a name of `trialpanorama sources`)"),
    Column("licence", "VARCHAR", "Its licence"),
    _IS_OPEN,
)


# --- SQL


def _precision(struct: str) -> str:
    return f"CASE length({struct}.date) WHEN 4 THEN 'year' WHEN 7 THEN 'month' WHEN 10 THEN 'day' END"


def _number(text: str) -> str:
    """The number in a published value: "1,204", "<0.001", "0,05", "12.5%"; NULL where it is no single number."""
    bare = f"regexp_replace({text}, '[\\s%<>=≤≥~]', '', 'g')"
    plain = (
        f"CASE WHEN regexp_full_match({bare}, '[+-]?[1-9]\\d{{0,2}}(,\\d{{3}})+(\\.\\d+)?') THEN replace({bare}, ',', '') "
        f"ELSE replace({bare}, ',', '.') END"
    )
    return f"CASE WHEN regexp_full_match({bare}, '[+-]?[0-9.,]+([eE][+-]?\\d+)?') THEN try_cast({plain} AS DOUBLE) END"


_UNIT = "regexp_extract({raw}, '^\\s*([0-9.]+)\\s*(year|month|week|day|hour|minute)s?\\b', {group}, 'i')"


def _age(years: str, raw: str) -> tuple[str, str]:
    """Age and its unit as the source gives them; in years where its text is not a number and a unit."""
    number, unit = _UNIT.format(raw=raw, group=1), _UNIT.format(raw=raw, group=2)
    value = f"CASE WHEN {years} IS NOT NULL THEN coalesce(try_cast({number} AS DOUBLE), {years}) END"
    word = f"upper({unit}[1]) || lower({unit}[2:]) || 's'"
    return value, (
        f"CASE WHEN {years} IS NOT NULL THEN CASE WHEN try_cast({number} AS DOUBLE) IS NULL THEN 'Years' ELSE {word} END END"
    )


def _list(expression: str) -> str:
    """The list, or NULL where it is empty."""
    return f"CASE WHEN len({expression}) > 0 THEN {expression} END"


_MIN_AGE, _MIN_AGE_UNIT = _age("r.minimum_age_years", "r.minimum_age_raw")
_MAX_AGE, _MAX_AGE_UNIT = _age("r.maximum_age_years", "r.maximum_age_raw")
_LEAD = "[s FOR s IN r.sponsors IF coalesce(s.role, 'LEAD') = 'LEAD'][1]"
_SITE_COUNTRIES = "[s.country FOR s IN r.locations IF s.country IS NOT NULL]"

_MERGED: tuple[dict[str, str], ...] = (
    # Columns of one group are taken from one Record: the first whose first column has a value.
    {"trial_type": "r.study_type"},
    {"title": "coalesce(r.public_title, r.scientific_title)"},
    {"abstract": "coalesce(r.brief_summary, r.detailed_description)"},
    {"sponsor": f"{_LEAD}.name", "lead_sponsor_class": f"{_LEAD}.sponsor_class"},
    {
        "recruitment_status": "r.status",
        "status_raw": "r.status_raw",
        "last_known_status": "r.last_known_status",
        "why_stopped": "r.why_stopped",
    },
    {
        "phase": "nullif(replace(array_to_string(list_sort(r.phases), '/'), 'NA', 'NOT_APPLICABLE'), '')",
        "phases": _list("list_sort(r.phases)"),
    },
    {"actual_accrual": "r.enrollment_actual", "enrollment_actual": "r.enrollment_actual"},
    {"target_accrual": "r.enrollment_target", "enrollment_target": "r.enrollment_target"},
    {"min_age": _MIN_AGE, "min_age_unit": _MIN_AGE_UNIT, "minimum_age_years": "r.minimum_age_years"},
    {"max_age": _MAX_AGE, "max_age_unit": _MAX_AGE_UNIT, "maximum_age_years": "r.maximum_age_years"},
    {"sex": "r.sex"},
    {"healthy_volunteers": "r.healthy_volunteers"},
    {"public_title": "r.public_title"},
    {"scientific_title": "r.scientific_title"},
    {"acronym": "r.acronym"},
    *(
        {
            field: first_day(f"r.{field}"),
            f"{field}_precision": _precision(f"r.{field}"),
            f"{field}_type": f"r.{field}.type",
        }
        for field in _DATES
    ),
    {"published_date": f"least({first_day('r.paper.publication_date')}, {first_day('r.paper.electronic_date')})"},
    {"allocation": "r.allocation"},
    {"intervention_model": "r.intervention_model"},
    {"observational_model": "r.observational_model"},
    {"time_perspective": "r.time_perspective"},
    {
        "is_masked": "coalesce(r.is_masked, r.masking <> 'NONE')",
        "masking": "r.masking",
        "masked_roles": _list("r.masked_roles"),
    },
    {"primary_purpose": "r.primary_purpose"},
    {"number_of_arms": "r.number_of_arms"},
    {
        "any_criteria": "coalesce(r.inclusion_criteria, r.exclusion_criteria, r.eligibility_criteria)",
        "eligibility_criteria": "r.eligibility_criteria",
        "inclusion_criteria": "r.inclusion_criteria",
        "exclusion_criteria": "r.exclusion_criteria",
    },
    {"collaborators": _list("[s.name FOR s IN r.sponsors IF s.role = 'COLLABORATOR']")},
    {
        "countries": _list(
            f"list_sort(list_distinct(CASE WHEN len({SAID_COUNTRIES}) > 0 THEN {SAID_COUNTRIES} ELSE {_SITE_COUNTRIES} END))"
        )
    },
    {"number_of_locations": "nullif(len(r.locations), 0)"},
    {"keywords": _list("r.keywords")},
    {"has_results": "r.has_results"},
    {"has_dmc": "r.has_dmc"},
)


_FIRST_COLUMNS = [next(iter(group)) for group in _MERGED]

_WINNERS = f"""
    CREATE OR REPLACE TEMP TABLE winners AS
    SELECT study_id, {", ".join(f"min(precedence) FILTER ({name}) AS {name}" for name in _FIRST_COLUMNS)}
    FROM (SELECT m.study_id, m.precedence,
            {", ".join(f"({group[name]}) IS NOT NULL AS {name}" for name, group in zip(_FIRST_COLUMNS, _MERGED, strict=True))}
          FROM records r JOIN members m USING (record_id) WHERE NOT m.is_alone)
    GROUP BY study_id"""
"""`winners`: of each Trial of several Records, the precedence of the Record that gives each group of columns."""


def _studies_sql() -> str:
    """The first Record of each Trial, completed with what only others give.

    Only what the first Record lacks is grouped, so that the texts of a million Trials are never in memory together.
    """
    flat = ", ".join(f"{expression} AS {name}" for group in _MERGED for name, expression in group.items())
    winner = {name: first for first, group in zip(_FIRST_COLUMNS, _MERGED, strict=True) for name in group}
    completed = ", ".join(
        f"any_value(CASE WHEN w.{first} = f.precedence THEN f.{name} END) AS {name}" for name, first in winner.items()
    )
    merged = ", ".join(
        f"CASE WHEN w.{first} > 1 THEN c.{name} ELSE f.{name} END AS {name}" for name, first in winner.items()
    )
    return f"""
        WITH trials AS (
            SELECT study_id, any_value(study_source) AS study_source, any_value(kind) AS kind,
                arg_min(source, precedence) AS source, arg_min(licence, precedence) AS licence,
                bool_and(is_open) FILTER (precedence IN (1, {", ".join(f"w.{name}" for name in _FIRST_COLUMNS)})) AS is_open,
                bool_or(is_fictional) AS is_fictional,
                list_sort(list_distinct(list(register))) AS registers, list(record_id ORDER BY precedence) AS record_ids,
                count(*) AS number_of_records, list_sort(list_distinct(list(source))) AS sources,
                list_sort(list_distinct(list(licence))) AS licences
            FROM members LEFT JOIN winners w USING (study_id) GROUP BY study_id),
        first AS (
            SELECT m.study_id, m.precedence, {flat} FROM records r JOIN members m USING (record_id) WHERE m.precedence = 1),
        others AS (
            SELECT m.study_id, m.precedence, {flat}
            FROM records r JOIN (SELECT members.* FROM members JOIN winners w USING (study_id)
                  WHERE precedence > 1 AND precedence IN ({", ".join(f"w.{name}" for name in _FIRST_COLUMNS)})) m
                USING (record_id)),
        completed AS (
            SELECT study_id, {completed} FROM others f JOIN winners w USING (study_id) GROUP BY study_id),
        merged AS (
            SELECT study_id, {merged} FROM first f LEFT JOIN winners w USING (study_id) LEFT JOIN completed c USING (study_id))
        SELECT *, CASE kind WHEN 'publication' THEN year(published_date) ELSE year(start_date) END AS start_year
        FROM merged JOIN trials USING (study_id)"""


def best(has: str) -> str:
    """FROM clause: of each Trial the Record `r` of the highest precedence of which `has` is true, with its member `m`."""
    return f"""records r JOIN (
            SELECT m.* FROM records r JOIN members m USING (record_id) WHERE {has}
            QUALIFY row_number() OVER (PARTITION BY m.study_id ORDER BY m.precedence) = 1) m USING (record_id)"""


_MESH_ID = "CASE WHEN starts_with(concept_id, 'MESH:') THEN substr(concept_id, 6) END"
_OF_CONDITIONS = """field = 'conditions' AND kind = 'condition' AND concept_id IS NOT NULL
        AND NOT coalesce(is_negated, false)"""

MEMBER = "m.study_id, m.study_source, m.record_id, m.source, m.licence, m.is_open"
MEMBER_NAMES = "study_id, study_source, record_id, source, licence, is_open"

_CONDITIONS_SQL = f"""
    SELECT {MEMBER_NAMES}, position, 0 AS part, said.name AS condition_name, said.code AS code, said.vocabulary AS vocabulary
    FROM (SELECT {MEMBER}, unnest(r.conditions) AS said, generate_subscripts(r.conditions, 1) AS position
          FROM {best("len(r.conditions) > 0")})
    UNION ALL BY NAME
    SELECT {MEMBER_NAMES}, position, 0 AS part, mesh.term AS condition_name, mesh.id AS condition_mesh_id,
        CASE WHEN coalesce(mesh.is_ancestor, false) THEN 'mesh-ancestor' ELSE 'mesh-list' END AS condition_mesh_type
    FROM (SELECT {MEMBER}, unnest(r.mesh_terms) AS mesh, generate_subscripts(r.mesh_terms, 1) AS position
          FROM {best("len([t FOR t IN r.mesh_terms IF coalesce(t.about, 'condition') = 'condition']) > 0")})
    WHERE coalesce(mesh.about, 'condition') = 'condition'
    UNION ALL BY NAME
    SELECT {MEMBER_NAMES}, position, part, concept_name AS condition_name, {_MESH_ID} AS condition_mesh_id,
        'linked' AS condition_mesh_type, concept_id, vocabulary_version, method, score, 0 AS depth
    FROM mentions WHERE {_OF_CONDITIONS}
    UNION ALL BY NAME
    SELECT study_id, study_source, arg_min(record_id, near) AS record_id, arg_min(source, near) AS source,
        arg_min(licence, near) AS licence, bool_and(is_open) AS is_open, arg_min(position, near) AS position,
        arg_min(part, near) AS part, ancestor_name AS condition_name,
        CASE WHEN starts_with(ancestor_id, 'MESH:') THEN substr(ancestor_id, 6) END AS condition_mesh_id,
        'linked-ancestor' AS condition_mesh_type, ancestor_id AS concept_id, vocabulary_version,
        arg_min(method, near) AS method, arg_min(score, near) AS score, min(depth) AS depth
    FROM (SELECT m.study_id, m.study_source, m.record_id, m.source, m.licence, m.is_open AND a.is_open AS is_open,
            m.position, m.part, m.method, m.score, a.ancestor_id, a.ancestor_name, a.vocabulary_version, a.depth,
            {{'depth': a.depth, 'position': m.position, 'part': m.part}} AS near
          FROM (SELECT * FROM mentions WHERE {_OF_CONDITIONS}) m JOIN concept_ancestors a USING (concept_id))
    GROUP BY study_id, study_source, ancestor_id, ancestor_name, vocabulary_version"""

_DRUGS_SQL = f"""
    WITH given AS (
        SELECT {MEMBER_NAMES}, position, given.name AS drug_name, given.description AS drug_description,
            given.type AS intervention_type, {_list("given.other_names")} AS other_names, 'intervention' AS drug_source
        FROM (SELECT {MEMBER}, unnest(r.interventions) AS given, generate_subscripts(r.interventions, 1) AS position
              FROM {best("len(r.interventions) > 0")})),
    linked AS (
        SELECT study_id, record_id, position, row_number() OVER (PARTITION BY study_id, record_id, position ORDER BY part)
            AS part, text AS mention, concept_id, concept_name, vocabulary_version, method, score, is_open
        FROM mentions WHERE kind = 'drug' AND field = 'interventions')
    SELECT g.* REPLACE (g.is_open AND coalesce(l.is_open, true) AND coalesce(d.is_open, true) AS is_open),
        coalesce(l.part, 1) AS part, l.* EXCLUDE (study_id, record_id, position, part, is_open),
        CASE WHEN d.rx_mapping_id IS NOT NULL THEN l.method END AS rx_source,
        d.* EXCLUDE (concept_id, source, licence, is_open)
    FROM given g LEFT JOIN linked l USING (study_id, record_id, position) LEFT JOIN drug_concepts d USING (concept_id)
    WHERE g.intervention_type IN ('DRUG', 'BIOLOGICAL', 'COMBINATION_PRODUCT') OR l.concept_id IS NOT NULL"""

_BIOMARKERS_SQL = """
    SELECT study_id, study_source, record_id, m.source, m.licence, m.is_open, field, position, part, text AS biomarker_name,
        qualifier AS biomarker_type, CASE WHEN c.kind = 'gene' THEN coalesce(c.symbol, m.concept_name) END AS biomarker_genes,
        m.concept_id, m.vocabulary_version, method, score
    FROM mentions m LEFT JOIN (
        SELECT concept_id, kind, [a.value FOR a IN attributes IF a.name = 'symbol'][1] AS symbol FROM concepts) c
        USING (concept_id)
    WHERE m.kind = 'biomarker'"""

_ENDPOINTS_SQL = f"""
    WITH said AS (
        SELECT {MEMBER_NAMES}, position, said
        FROM (SELECT {MEMBER}, unnest(r.outcomes) AS said, generate_subscripts(r.outcomes, 1) AS position
              FROM {best("len(r.outcomes) > 0")})),
    linked AS (
        SELECT study_id, record_id, position, concept_id, concept_name, qualifier, vocabulary_version, method, score
        FROM mentions WHERE kind = 'endpoint' AND field = 'outcomes' AND concept_id IS NOT NULL
        QUALIFY row_number() OVER (PARTITION BY study_id, record_id, position ORDER BY part) = 1)
    SELECT {MEMBER_NAMES}, position, CASE WHEN said.type = 'PRIMARY' THEN said.measure END AS primary_endpoint,
        said.type AS endpoint_type, said.measure AS measure, said.description AS description, said.time_frame AS time_frame,
        qualifier AS endpoint_domain, concept_name AS endpoint_subdomain, concept_id, vocabulary_version, method, score,
        CASE WHEN said.type = 'PRIMARY' THEN qualifier END AS primary_endpoint_domain,
        CASE WHEN said.type = 'PRIMARY' THEN concept_name END AS primary_endpoint_subdomain
    FROM said LEFT JOIN linked USING (study_id, record_id, position)"""

_FLOW_GROUP = "[g.id FOR g IN flow.groups IF lower(trim(g.title)) = lower(trim(arm.label))][1]"
_STARTED = "[s FOR s IN flow.periods[1].milestones IF s.type = 'STARTED'][1].achievements"
_GIVEN_IN_ARM = "list_contains(arm.intervention_names, i.given.name) OR list_contains(i.given.arm_labels, arm.label)"

_DISPOSITION_SQL = f"""
    WITH flat AS (
        SELECT {MEMBER}, r.arms AS arms, r.results.participant_flow AS flow,
            list_transform(r.interventions, lambda given, position: {{'given': given, 'position': position}}) AS interventions
        FROM {best("len(r.arms) > 0 OR len(r.interventions) > 0")}),
    by_arm AS (
        SELECT {MEMBER_NAMES}, flow, interventions, unnest(arms) AS arm, generate_subscripts(arms, 1) AS arm_position
        FROM flat),
    pairs AS (
        SELECT {MEMBER_NAMES}, arm, arm_position,
            {_number(f"[a.num_subjects FOR a IN {_STARTED} IF a.group_id = {_FLOW_GROUP}][1]")} AS number_of_subjects,
            unnest(CASE WHEN len([i FOR i IN interventions IF coalesce({_GIVEN_IN_ARM}, false)]) > 0
                THEN [i FOR i IN interventions IF coalesce({_GIVEN_IN_ARM}, false)] ELSE [NULL] END) AS i
        FROM by_arm
        UNION ALL
        SELECT {MEMBER_NAMES}, NULL, NULL, NULL, unnest([i FOR i IN interventions
            IF len([arm FOR arm IN coalesce(arms, []) IF coalesce({_GIVEN_IN_ARM}, false)]) = 0])
        FROM flat)
    SELECT {MEMBER_NAMES}, number_of_subjects, arm_position, arm.label AS arm_label, arm.type AS group_type,
        arm.description AS arm_description, i.position AS intervention_position, i.given.type AS intervention_type,
        i.given.name AS intervention_name, i.given.description AS intervention_description
    FROM pairs"""

_STOPPED = "('TERMINATED', 'WITHDRAWN')"

_OUTCOMES_SQL = f"""
    SELECT {MEMBER}, r.status AS overall_status, r.why_stopped AS why_terminated,
        CASE WHEN r.status = 'COMPLETED' THEN 'COMPLETED' WHEN r.status IN {_STOPPED} THEN 'STOPPED'
            WHEN r.status IN ('NOT_YET_RECRUITING', 'RECRUITING', 'ENROLLING_BY_INVITATION', 'ACTIVE_NOT_RECRUITING')
                THEN 'ONGOING'
            WHEN r.status IN ('SUSPENDED', 'UNKNOWN', 'WITHHELD') THEN 'UNDETERMINED' END AS outcome_type,
        CASE WHEN r.status = 'COMPLETED' THEN false WHEN r.status IN {_STOPPED} THEN true END AS is_stopped
    FROM {best("r.status IS NOT NULL")}"""

_ADVERSE_EVENTS_SQL = f"""
    WITH flat AS (
        SELECT {MEMBER}, r.results.adverse_events AS module
        FROM {best("len(r.results.adverse_events.serious_events) > 0 OR len(r.results.adverse_events.other_events) > 0")}),
    events AS (
        SELECT {MEMBER_NAMES}, module.event_groups AS groups, module.time_frame AS time_frame, true AS is_serious,
            unnest(module.serious_events) AS event, generate_subscripts(module.serious_events, 1) AS position,
            0 AS before FROM flat
        UNION ALL
        SELECT {MEMBER_NAMES}, module.event_groups, module.time_frame, false,
            unnest(module.other_events), generate_subscripts(module.other_events, 1),
            coalesce(len(module.serious_events), 0) FROM flat),
    linked AS (
        SELECT study_id, record_id, position AS place, concept_id, concept_name, qualifier, vocabulary_version, method, score,
            is_open AS is_open_term
        FROM mentions WHERE kind = 'adverse_event' AND concept_id IS NOT NULL
        QUALIFY row_number() OVER (PARTITION BY study_id, record_id, position ORDER BY part) = 1),
    stats AS (
        SELECT * EXCLUDE (event), event.term AS adverse_event_name, event.notes AS adverse_event_description,
            event.organ_system AS organ_system, event.source_vocabulary AS source_vocabulary,
            event.assessment_type AS assessment_type,
            unnest(CASE WHEN len(event.stats) > 0 THEN event.stats ELSE [NULL] END) AS stat,
            generate_subscripts(CASE WHEN len(event.stats) > 0 THEN event.stats ELSE [NULL] END, 1) AS group_position
        FROM events)
    SELECT stats.* REPLACE (is_open AND coalesce(is_open_term, true) AS is_open), linked.concept_id, concept_name,
        vocabulary_version, method, score, stat.group_id AS group_id, [g.title FOR g IN groups IF g.id = stat.group_id][1] AS group_title,
        stat.num_events AS num_events, stat.num_affected AS num_affected, stat.num_at_risk AS num_at_risk,
        CASE WHEN starts_with(concept_id, 'MEDDRA:') THEN substr(concept_id, 8) END AS meddra_id,
        CASE WHEN starts_with(concept_id, 'MEDDRA:') THEN qualifier END AS meddra_id_type
    FROM stats LEFT JOIN linked ON linked.study_id = stats.study_id AND linked.record_id = stats.record_id
        AND place = before + position"""

_TITLES = "[g.title FOR g IN groups IF g.title IS NOT NULL]"
_ARM_TYPES = "[[a.type FOR a IN arms IF lower(trim(a.label)) = lower(trim(title))][1] FOR title IN group_titles]"
_SIGN = "regexp_extract(analysis.p_value, '^\\s*(<=|>=|≤|≥|<|>|=)', 1)"

_RESULTS_SQL = f"""
    WITH flat AS (
        SELECT {MEMBER}, r.arms AS arms, unnest(r.results.outcome_measures) AS posted,
            generate_subscripts(r.results.outcome_measures, 1) AS outcome_position
        FROM {best("len(r.results.outcome_measures) > 0")}),
    analyses AS (
        SELECT *, unnest(CASE WHEN len(posted.analyses) > 0 THEN posted.analyses ELSE [NULL] END) AS analysis,
            CASE WHEN len(posted.analyses) > 0 THEN generate_subscripts(posted.analyses, 1) END AS analysis_position
        FROM flat),
    grouped AS (
        SELECT *, CASE WHEN len(analysis.group_ids) > 0
            THEN [g FOR g IN posted.groups IF list_contains(analysis.group_ids, g.id)] ELSE posted.groups END AS groups
        FROM analyses),
    titled AS (SELECT *, {_list(_TITLES)} AS group_titles FROM grouped)
    SELECT {MEMBER_NAMES}, outcome_position, analysis_position, group_titles,
        posted.population_description AS population, array_to_string(group_titles, '; ') AS interventions,
        posted.title AS outcomes,
        CASE WHEN len(group_titles) = len([t FOR t IN {_ARM_TYPES} IF t IS NOT NULL])
            THEN array_to_string({_ARM_TYPES}, '; ') END AS group_type,
        posted.type AS endpoint_type, posted.description AS description, posted.time_frame AS time_frame,
        posted.reporting_status AS reporting_status, posted.param_type AS measure_type,
        posted.unit_of_measure AS unit_of_measure, {_list("analysis.group_ids")} AS group_ids,
        analysis.group_description AS group_description, analysis.non_inferiority_type AS non_inferiority_type,
        analysis.statistical_method AS statistical_method,
        CASE WHEN {_number("analysis.p_value")} BETWEEN 0 AND 1 THEN {_number("analysis.p_value")} END AS p_value,
        CASE WHEN {_number("analysis.p_value")} BETWEEN 0 AND 1
            THEN CASE {_SIGN} WHEN '' THEN '=' WHEN '≤' THEN '<=' WHEN '≥' THEN '>=' ELSE {_SIGN} END
        END AS p_value_inequality,
        analysis.p_value AS p_value_raw, analysis.param_type AS estimate_type,
        {_number("analysis.param_value")} AS estimate, analysis.param_value AS estimate_raw,
        {_number("analysis.ci_pct_value")} AS ci_percent, analysis.ci_num_sides AS ci_sides,
        {_number("analysis.ci_lower_limit")} AS ci_lower, analysis.ci_lower_limit AS ci_lower_raw,
        {_number("analysis.ci_upper_limit")} AS ci_upper, analysis.ci_upper_limit AS ci_upper_raw,
        analysis.dispersion_type AS dispersion_type,
        {_number("analysis.dispersion_value")} AS dispersion, analysis.dispersion_value AS dispersion_raw
    FROM titled"""

_IDENTIFIERS_SQL = f"""
    SELECT {MEMBER_NAMES}, position, said.id AS id, said.register AS register, coalesce(said.role, 'secondary') AS role,
        said.raw AS raw, said.type_raw AS type_raw, said.issuer AS issuer, said.field AS field
    FROM (SELECT {MEMBER}, unnest(r.identifiers) AS said, generate_subscripts(r.identifiers, 1) AS position
          FROM records r JOIN members m USING (record_id))"""

NEWEST_PAPERS = """
    CREATE OR REPLACE TEMP TABLE newest_papers AS
    SELECT record_id, id AS paper_id, kind FROM records
    WHERE kind = 'PUBLICATION' OR (kind = 'REVIEW' AND review IS NULL)
    QUALIFY row_number() OVER (PARTITION BY id ORDER BY paper.version DESC NULLS LAST,
        last_updated_date.date DESC NULLS LAST, exported_date.date DESC NULLS LAST,
        paper.medline_status IS NULL, scientific_title IS NULL, brief_summary IS NULL, record_id) = 1"""
"""`newest_papers`: of each publication or review the newest Record; a review that is known by its studies is no paper.

Of an article and its full text it is the article as PubMed has it, with its publication types and MeSH terms.
"""

IS_TRIAL_PUBLICATION = """coalesce(r.kind = 'PUBLICATION' AND len([t FOR t IN r.paper.publication_types
    IF regexp_matches(t, '^(Randomized Controlled|Controlled Clinical|Pragmatic Clinical|Adaptive Clinical|Equivalence) Trial$'
        '|^Clinical Trial(, Phase [IV]+)?$')]) > 0
    AND len([t FOR t IN r.paper.publication_types IF t IN ('Review', 'Systematic Review', 'Meta-Analysis',
        'Clinical Trial Protocol', 'Comment', 'Editorial', 'Published Erratum', 'Retraction of Publication')]) = 0, false)"""
"""SQL: whether Record `r` is a publication whose types (MeSH) say that it reports a trial on people, and nothing else."""

_PAPERS_SQL = f"""
    SELECT r.id AS paper_id, m.study_id AS study_id, r.kind AS kind, r.paper.doi AS doi, r.paper.pmcid AS pmcid,
        r.scientific_title AS title, r.paper.vernacular_title AS vernacular_title, r.brief_summary AS abstract,
        {_list("[{'label': s.label, 'category': s.category, 'text': s.text} FOR s IN r.paper.abstract_sections]")}
            AS abstract_sections,
        {
    _list(
        "[coalesce(a.collective_name, concat_ws(' ', a.last_name, coalesce(a.initials, a.fore_name)))"
        " FOR a IN r.paper.authors]"
    )
} AS authors,
        r.paper.journal AS journal, r.paper.journal_abbreviation AS journal_abbreviation, r.paper.issn AS issn,
        r.paper.volume AS volume, r.paper.issue AS issue, r.paper.pages AS pages,
        {first_day("r.paper.publication_date")} AS publication_date,
        {_precision("r.paper.publication_date")} AS publication_date_precision,
        {first_day("r.paper.electronic_date")} AS electronic_date,
        {_precision("r.paper.electronic_date")} AS electronic_date_precision,
        least({first_day("r.paper.publication_date")}, {first_day("r.paper.electronic_date")}) AS first_published_date,
        {_list("r.paper.publication_types")} AS publication_types, {_list("r.paper.languages")} AS languages,
        {_list("[t.term FOR t IN r.mesh_terms IF t.about = 'article']")} AS mesh_terms, {
    _list("r.keywords")
} AS keywords,
        {_list("r.paper.chemicals")} AS chemicals,
        {
    _list(
        "list_sort(list_distinct([i.id FOR i IN r.identifiers IF i.register IS NOT NULL"
        " AND coalesce(i.role, 'secondary') IN ('secondary', 'mentioned')]))"
    )
} AS registry_ids,
        {_list("r.paper.cited_pmids")} AS cited_pmids, r.paper.medline_status AS medline_status,
        {IS_TRIAL_PUBLICATION} AS is_trial, coalesce(r.paper.is_retracted, false) AS is_retracted,
        coalesce(r.is_fictional, false) AS is_fictional, r.record_id AS record_id, r.source AS source,
        r.licence AS licence, s.is_open AS is_open
    FROM records r JOIN newest_papers USING (record_id) LEFT JOIN source_licences s ON s.source = r.source
        LEFT JOIN members m ON m.record_id = r.record_id"""

# A review has as many Records as files speak of it; one of them may tell its Cochrane number.
_REVIEW_RECORDS = """
    CREATE OR REPLACE TEMP TABLE review_records AS
    WITH mine AS (SELECT record_id, id, identifiers FROM records WHERE kind = 'REVIEW' AND review IS NOT NULL),
    numbers AS (
        SELECT id, min(said.id) AS cochrane FROM (SELECT id, unnest(identifiers) AS said FROM mine)
        WHERE said.register = 'cochrane' GROUP BY id)
    SELECT record_id, coalesce(cochrane, id) AS review_id FROM mine LEFT JOIN numbers USING (id)"""

_REVIEW_REPORTS = """
    CREATE OR REPLACE TEMP TABLE review_reports AS
    SELECT review_id, record_id, source, licence, is_open, study.name AS name, study.decision AS decision,
        study.stage AS stage, study.reason AS reason, coalesce(study.is_seed, false) AS is_seed,
        study.is_retrieved AS is_retrieved, list_min(study.report_ids) AS first_report,
        unnest(study.report_ids) AS report_id
    FROM (SELECT v.review_id, v.record_id, r.source, r.licence, s.is_open, unnest(r.review.studies) AS study
          FROM records r JOIN review_records v USING (record_id) LEFT JOIN source_licences s ON s.source = r.source)"""

# The PMID of a report that was listed under its DOI or PMC id.
_PMID_OF = """
    CREATE OR REPLACE TEMP TABLE pmid_of AS
    WITH wanted AS (
        SELECT report_id FROM review_reports WHERE NOT regexp_full_match(report_id, '[0-9]+')
        UNION
        SELECT id FROM records WHERE kind = 'PUBLICATION' AND register <> 'pubmed' AND len(paper.findings) > 0),
    found AS (
        SELECT w.report_id, r.paper.pmid AS pmid FROM records r JOIN wanted w ON w.report_id = lower(r.paper.doi)
        WHERE r.kind = 'PUBLICATION' AND r.paper.pmid IS NOT NULL
        UNION ALL
        SELECT w.report_id, r.paper.pmid FROM records r JOIN wanted w ON w.report_id = r.paper.pmcid
        WHERE r.kind = 'PUBLICATION' AND r.paper.pmid IS NOT NULL)
    SELECT report_id, min(pmid) AS pmid FROM found GROUP BY report_id"""

_REVIEWED = """
    CREATE OR REPLACE TEMP TABLE reviewed AS
    WITH named AS (
        SELECT r.* REPLACE (coalesce(p.pmid, r.report_id) AS report_id), coalesce(f.pmid, r.first_report) AS first_known
        FROM review_reports r LEFT JOIN pmid_of p ON p.report_id = r.report_id
            LEFT JOIN pmid_of f ON f.report_id = r.first_report),
    merged AS (
        SELECT review_id, report_id, min(name) AS study_name, coalesce(min(name), min(first_known)) AS study,
            bool_or(decision = 'INCLUDED' AND stage = 'FULL_TEXT') AS full_in,
            bool_or(decision = 'EXCLUDED' AND stage = 'FULL_TEXT') AS full_out,
            bool_or(decision = 'INCLUDED' AND stage = 'TITLE_ABSTRACT') AS abstract_in,
            bool_or(decision = 'EXCLUDED' AND stage = 'TITLE_ABSTRACT') AS abstract_out,
            bool_or(decision = 'INCLUDED' AND stage IS NULL) AS some_in,
            bool_or(decision = 'EXCLUDED' AND stage IS NULL) AS some_out,
            string_agg(DISTINCT reason, '; ' ORDER BY reason) AS reason, bool_or(is_seed) AS is_seed,
            bool_or(is_retrieved) AS is_retrieved, list_sort(list(DISTINCT record_id)) AS record_ids,
            min(record_id) AS record_id, arg_min(source, record_id) AS source,
            string_agg(DISTINCT licence, '; ' ORDER BY licence) AS licence, bool_and(is_open) AS is_open
        FROM named GROUP BY review_id, report_id),
    staged AS (
        SELECT *, CASE WHEN full_in OR full_out OR abstract_in THEN 'INCLUDED' WHEN abstract_out THEN 'EXCLUDED' END
                AS decision_title_abstract,
            CASE WHEN full_in THEN 'INCLUDED' WHEN full_out OR (abstract_in AND some_out AND NOT coalesce(some_in, false))
                THEN 'EXCLUDED' END AS decision_full_text
        FROM merged)
    SELECT *, coalesce(decision_full_text, CASE WHEN some_in THEN 'INCLUDED' WHEN some_out THEN 'EXCLUDED' END,
            decision_title_abstract) AS decision,
        coalesce(full_in AND (full_out OR some_out), false) OR coalesce(some_in AND (some_out OR full_out), false)
            OR coalesce(abstract_out AND (abstract_in OR full_in OR full_out OR some_in), false) AS is_disputed,
        dense_rank() OVER (PARTITION BY review_id ORDER BY study) AS study_position
    FROM staged"""
"""`reviewed`: of each review each report once, with what its Records say of it taken together."""

# Of a Cochrane review the article that it says it is, else its last version; of others the one that they say.
_REVIEW_PAPERS = r"""
    CREATE OR REPLACE TEMP TABLE review_papers AS
    WITH own AS (
        SELECT review_id, said.id AS id, said.register AS register
        FROM (SELECT v.review_id, unnest(r.identifiers) AS said FROM records r JOIN review_records v USING (record_id))
        WHERE said.register IN ('pubmed', 'doi')),
    dois AS (SELECT id, min(review_id) AS review_id FROM own WHERE register = 'doi' GROUP BY id),
    numbers AS (SELECT DISTINCT review_id FROM review_records),
    articles AS (
        SELECT id AS paper_id, record_id, lower(paper.doi) AS doi,
            upper(regexp_extract(lower(paper.doi), '^10\.1002/14651858\.((?:cd|ed|mr)[0-9]{6})', 1)) AS cochrane,
            coalesce(try_cast(regexp_extract(lower(paper.doi), '\.pub([0-9]+)$', 1) AS INTEGER), 1) AS version
        FROM records WHERE kind = 'PUBLICATION' AND register = 'pubmed' AND paper.doi IS NOT NULL),
    found AS (
        SELECT review_id, id AS paper_id, 0 AS rank, 0 AS version, NULL AS record_id FROM own WHERE register = 'pubmed'
        UNION ALL
        SELECT d.review_id, paper_id, 1, version, record_id FROM articles a JOIN dois d ON d.id = a.doi
        UNION ALL
        SELECT n.review_id, paper_id, 2, version, record_id FROM articles a JOIN numbers n ON n.review_id = a.cochrane)
    SELECT review_id, arg_min(paper_id, (rank, -version, paper_id)) AS paper_id FROM found GROUP BY review_id"""

_REVIEWS_SQL = f"""
    WITH mine AS (
        SELECT v.review_id, r.record_id, r.source, r.licence, s.is_open, coalesce(r.is_fictional, false) AS is_fictional,
            r.scientific_title AS title, r.brief_summary AS abstract, r.url AS url, r.register AS register,
            r.review.question AS question, r.review.criteria AS criteria, r.review.collection AS collection,
            r.review.search_query AS search_query, r.review.search_syntax AS search_syntax,
            r.review.search_source AS search_source,
            {first_day("r.review.search_from_date")} AS search_from_date,
            {_precision("r.review.search_from_date")} AS search_from_date_precision,
            {first_day("r.review.search_until_date")} AS search_until_date,
            {_precision("r.review.search_until_date")} AS search_until_date_precision
        FROM records r JOIN review_records v USING (record_id) LEFT JOIN source_licences s ON s.source = r.source),
    searches AS (
        SELECT * FROM mine WHERE search_query IS NOT NULL
        QUALIFY row_number() OVER (PARTITION BY review_id ORDER BY coalesce(search_syntax, '') = 'OTHER',
            search_syntax IS NULL, search_source IS NULL, search_until_date DESC NULLS LAST, length(search_query) DESC,
            record_id) = 1),
    said AS (
        SELECT review_id, arg_min(title, record_id) AS title, arg_min(abstract, record_id) AS abstract,
            arg_min(question, record_id) AS question, arg_min(criteria, record_id) AS criteria,
            {_list("list_sort(list(DISTINCT collection) FILTER (collection IS NOT NULL))")} AS collections,
            arg_min(url, (register IS NULL, record_id)) AS url, bool_and(is_fictional) AS is_fictional,
            list_sort(list(record_id)) AS record_ids, min(record_id) AS record_id,
            arg_min(source, record_id) AS source, string_agg(DISTINCT licence, '; ' ORDER BY licence) AS licence,
            bool_and(is_open) AS is_open
        FROM mine GROUP BY review_id),
    counted AS (
        SELECT review_id, count(*) AS number_of_reports,
            nullif(count(*) FILTER (is_retrieved), 0) AS number_retrieved,
            count(*) FILTER (decision = 'INCLUDED') AS number_included,
            count(*) FILTER (decision = 'EXCLUDED') AS number_excluded,
            count(*) FILTER (is_seed) AS number_of_seeds,
            count(DISTINCT study_position) FILTER (decision = 'INCLUDED') AS number_of_studies_included
        FROM reviewed GROUP BY review_id)
    SELECT said.*, q.search_query, q.search_syntax, q.search_source, q.search_from_date, q.search_from_date_precision,
        q.search_until_date, q.search_until_date_precision, p.paper_id,
        coalesce(number_of_reports, 0) AS number_of_reports, number_retrieved,
        coalesce(number_included, 0) AS number_included, coalesce(number_excluded, 0) AS number_excluded,
        coalesce(number_of_seeds, 0) AS number_of_seeds,
        coalesce(number_of_studies_included, 0) AS number_of_studies_included
    FROM said LEFT JOIN searches q USING (review_id) LEFT JOIN counted USING (review_id)
        LEFT JOIN review_papers p USING (review_id)"""

# Questions and answers often stand in files of their own: an answer takes the words of its question.
_FINDINGS_SQL = """
    WITH said AS (
        SELECT coalesce(p.pmid, r.id) AS paper_id, r.record_id, r.source, r.licence, s.is_open,
            unnest(r.paper.findings) AS finding, generate_subscripts(r.paper.findings, 1) AS position
        FROM records r LEFT JOIN pmid_of p ON p.report_id = r.id LEFT JOIN source_licences s ON s.source = r.source
        WHERE len(r.paper.findings) > 0),
    flat AS (
        SELECT * EXCLUDE (finding), finding.question AS question, finding.intervention AS intervention,
            finding.comparator AS comparator, finding.outcome AS outcome, finding.direction AS direction,
            finding.direction_raw AS direction_raw, finding.evidence AS evidence, finding.annotator AS annotator,
            finding.is_confirmed AS is_confirmed
        FROM said),
    answers AS (FROM flat WHERE direction_raw IS NOT NULL OR direction IS NOT NULL OR question IS NULL),
    questions AS (
        FROM flat WHERE direction_raw IS NULL AND direction IS NULL AND question IS NOT NULL
        QUALIFY row_number() OVER (PARTITION BY paper_id, question ORDER BY intervention IS NULL, record_id, position) = 1)
    SELECT a.* REPLACE (coalesce(a.intervention, q.intervention) AS intervention,
            coalesce(a.comparator, q.comparator) AS comparator, coalesce(a.outcome, q.outcome) AS outcome)
    FROM answers a LEFT JOIN questions q ON q.paper_id = a.paper_id AND q.question = a.question
    UNION ALL
    FROM questions q ANTI JOIN answers a ON a.paper_id = q.paper_id AND a.question = q.question"""

_REVIEW_STUDIES_SQL = """
    WITH wanted AS (SELECT DISTINCT report_id FROM reviewed),
    trials AS (
        SELECT w.report_id, l.study_id FROM records r JOIN publication_links l USING (record_id)
            JOIN wanted w ON w.report_id = r.id
        UNION ALL
        SELECT w.report_id, m.study_id FROM records r JOIN members m USING (record_id)
            JOIN wanted w ON w.report_id = r.id),
    known AS (SELECT report_id, list_sort(list(DISTINCT study_id)) AS study_ids FROM trials GROUP BY report_id)
    SELECT reviewed.*, study_ids FROM reviewed LEFT JOIN known USING (report_id)"""


def _published(columns: tuple[Column, ...], last: str) -> tuple[str, ...]:
    """The published columns: those up to this one."""
    names = tuple(column.name for column in columns)
    return names[: names.index(last) + 1]


TABLES: tuple[Table, ...] = (
    Table(
        "studies",
        "One row is one Trial: each value from the Record of the highest precedence that gives it",
        _STUDIES,
        ("study_id",),
        _studies_sql(),
        _published(_STUDIES, "healthy_volunteers"),
    ),
    Table(
        "conditions",
        "One row is one condition of a Trial as a source says it, a MeSH term that a source attached, a concept that the "
        "words were linked to, or a broader concept of one",
        _CONDITIONS,
        ("study_id", "condition_mesh_type", "position", "part", "concept_id"),
        _CONDITIONS_SQL,
        _published(_CONDITIONS, "condition_mesh_type"),
    ),
    Table(
        "drugs",
        "One row is one drug, biological or combination product that a Record lists as an intervention of the Trial; an "
        "intervention that names several is as many rows",
        _DRUGS,
        ("study_id", "position", "part"),
        _DRUGS_SQL,
        _published(_DRUGS, "drug_description"),
    ),
    Table(
        "drug_moa",
        "One row is one target of a drug that a Trial tests; empty where no terminology of mechanisms is installed",
        _DRUG_MOA,
        ("drug_moa_id", "accession", "act_type"),
        None,
        _published(_DRUG_MOA, "organism"),
    ),
    Table(
        "biomarkers",
        "One row is one mention of a biomarker in a Record of the Trial",
        _BIOMARKERS,
        ("study_id", "field", "position", "part"),
        _BIOMARKERS_SQL,
        _published(_BIOMARKERS, "biomarker_genes"),
    ),
    Table(
        "endpoints",
        "One row is one outcome that a Record registers for the Trial",
        _ENDPOINTS,
        ("study_id", "position"),
        _ENDPOINTS_SQL,
        _published(_ENDPOINTS, "primary_endpoint_subdomain"),
    ),
    Table(
        "disposition",
        "One row is one intervention of one arm of a Trial; an arm without intervention, or the other way round, is a row",
        _DISPOSITION,
        ("study_id", "arm_position", "intervention_position"),
        _DISPOSITION_SQL,
        _published(_DISPOSITION, "number_of_subjects"),
    ),
    Table(
        "outcomes",
        "One row is how one Trial ended, or that it goes on",
        _OUTCOMES,
        ("study_id",),
        _OUTCOMES_SQL,
        _published(_OUTCOMES, "why_terminated"),
    ),
    Table(
        "adverse_events",
        "One row is one posted adverse event term in one group of participants, serious and other events apart",
        _ADVERSE_EVENTS,
        ("study_id", "is_serious", "position", "group_position"),
        _ADVERSE_EVENTS_SQL,
        _published(_ADVERSE_EVENTS, "meddra_id_type"),
    ),
    Table(
        "results",
        "One row is one posted statistical analysis of an outcome; a posted outcome without any is a row of its own",
        _RESULTS,
        ("study_id", "outcome_position", "analysis_position"),
        _RESULTS_SQL,
        _published(_RESULTS, "group_type"),
    ),
    Table(
        "relations",
        "One row is one edge of the graph: between Trials, papers, reviews, concepts, sponsors, countries ...",
        _RELATIONS,
        ("head_id", "tail_id", "relation_type"),
        RELATIONS_SQL,
        _published(_RELATIONS, "relation_type"),
    ),
    # what the published database lacks
    Table(
        "identifiers",
        "One row is one identifier that one Record of the Trial gives",
        _IDENTIFIERS,
        ("study_id", "record_id", "position"),
        _IDENTIFIERS_SQL,
    ),
    Table(
        "papers",
        "One row is one publication or review, as its newest Record has it",
        _PAPERS,
        ("paper_id",),
        _PAPERS_SQL,
    ),
    Table(
        "reviews",
        "One row is one systematic review, with its question, its search and how many papers it took",
        _REVIEWS,
        ("review_id",),
        _REVIEWS_SQL,
    ),
    Table(
        "review_studies",
        "One row is one report (paper, registration) that a systematic review looked at, and what was decided on it",
        _REVIEW_STUDIES,
        ("review_id", "study_position", "report_id"),
        _REVIEW_STUDIES_SQL,
    ),
    Table(
        "findings",
        "One row is what one annotator found a publication to say about one comparison, or a question none answered",
        _FINDINGS,
        ("paper_id", "question", "annotator", "record_id", "position"),
        _FINDINGS_SQL,
    ),
    Table(
        "paper_links",
        "One row is one paper, one Trial and one reason to put them together: accepted or refused, with the evidence",
        _PAPER_LINKS,
        ("study_id", "paper_id", "method"),
        None,
    ),
    Table(
        "mentions",
        "One row is one mention of a condition, drug, biomarker, outcome or adverse event, with the concept that it was linked "
        "to and what justifies it, or with none",
        _MENTIONS,
        ("study_id", "field", "position", "kind", "part"),
        None,
    ),
    Table(
        "concepts",
        "One row is one concept of a terminology that a mention was linked to, or that is broader than one",
        _CONCEPTS,
        ("concept_id",),
        None,
    ),
    Table(
        "concept_ancestors",
        "One row is one linked concept and one that is broader",
        _CONCEPT_ANCESTORS,
        ("concept_id", "depth", "ancestor_id"),
        None,
    ),
    Table(
        "drug_concepts",
        "One row is one linked drug, with its ids in other terminologies and where it is approved",
        _DRUG_CONCEPTS,
        ("concept_id",),
        None,
    ),
    Table(
        "criteria",
        "One row is one thing that one eligibility criterion asks; a criterion of which nothing was understood is a row too",
        _CRITERIA,
        ("study_id", "position", "part"),
        None,
    ),
    Table("sponsors", "One row is one sponsor or collaborator of a Trial", _SPONSORS, ("study_id", "position"), None),
    Table(
        "trial_links",
        "One row is one pair of Records that were compared: held to be one Trial, or refused, with the evidence",
        _TRIAL_LINKS,
        ("study_id", "id_a", "id_b", "record_a", "record_b", "method"),
        None,
    ),
    Table("trial_records", "One row is one Record and its Trial", _TRIAL_RECORDS, ("study_id", "precedence"), None),
    Table(
        "trial_aliases",
        "One row is one old study_id, and a Trial to which its Records belong now",
        _TRIAL_ALIASES,
        ("old_study_id", "study_id"),
        None,
    ),
    Table(
        "disagreements",
        "One row is one field of one Trial of which its registers say different things",
        _DISAGREEMENTS,
        ("study_id", "field"),
        None,
    ),
    Table(
        "publication_links",
        "One row is one registry id of a Trial that a publication or review gives; it is no Record of the Trial for it",
        _PUBLICATION_LINKS,
        ("study_id", "record_id", "id", "role", "field"),
        None,
    ),
)
"""Every table that is made of Records, in the order in which they are made."""


def build_tables(
    con: duckdb.DuckDBPyConnection, out: Path, progress: Callable[[str, int], None] | None = None
) -> dict[str, int]:
    """Write every table as `out`/NAME.parquet and return how many rows each has.

    `con` has the relations `records` and `source_licences` (source, is_open); `out` is the folder into which
    `resolve` has written its own tables. `progress` is told each table and its rows.
    """
    for table in TABLES:
        if table.sql is None:
            place = sql_text(out / f"{table.name}.parquet")
            con.execute(f"CREATE OR REPLACE TEMP VIEW {table.name} AS SELECT * FROM read_parquet({place})")
    (threads,) = con.execute("SELECT current_setting('threads')").fetchone() or (1,)
    con.execute(f"SET threads = {min(int(threads), _THREADS)}")
    # Joins run as written: the wide rows of `records` stream past the narrow table on the right, which is kept in memory.
    con.execute("SET disabled_optimizers = 'join_order,build_side_probe_side'")
    con.execute(MEMBERS)
    con.execute(_WINNERS)
    con.execute(NEWEST_PAPERS)
    for statement in (_REVIEW_RECORDS, _REVIEW_REPORTS, _PMID_OF, _REVIEWED, _REVIEW_PAPERS):
        con.execute(statement)
    con.execute("DROP TABLE review_reports")
    counts: dict[str, int] = {}
    for table in TABLES:
        if table.sql is not None:
            counts[table.name] = write_table(con, table, table.sql, out)
            if progress:
                progress(table.name, counts[table.name])
    for name in ("members", "winners", "newest_papers", "review_records", "pmid_of", "reviewed", "review_papers"):
        con.execute(f"DROP TABLE {name}")
    con.execute("RESET disabled_optimizers")
    con.execute(f"SET threads = {threads}")
    return counts


_THREADS = 2
"""At most so many threads make tables: each holds some hundred megabytes of long rows."""


MEMBERS = """
    CREATE OR REPLACE TEMP TABLE members AS
    SELECT t.*, r.register AS register, coalesce(r.is_fictional, false) AS is_fictional,
        count(*) OVER trial = 1 AS is_alone,
        first_value(coalesce(r.register, t.source)) OVER ranked AS study_source,
        CASE first_value(r.kind) OVER ranked WHEN 'PUBLICATION' THEN 'publication' ELSE 'registration' END AS kind
    FROM records r JOIN trial_records t USING (record_id)
    WINDOW trial AS (PARTITION BY t.study_id), ranked AS (PARTITION BY t.study_id ORDER BY t.precedence)"""
"""`members`: what the other queries need to know of every Record that belongs to a Trial."""


_SORTED_AT_ONCE = 150_000_000
"""How many bytes of rows are sorted at a time: DuckDB's own sort of rows as long as a study's needs them all in memory."""

_ROW_GROUP = 4096
"""Rows in a row group: each thread that reads or writes holds a whole one in memory."""


def write_table(con: duckdb.DuckDBPyConnection, table: Table, sql: str, out: Path) -> int:
    """Write the rows of a query as a table: its columns and types, sorted by its key; columns not given are NULL.

    The rows are written as they come, and then sorted range by range of the key's first column, which is never NULL.
    """
    import pyarrow as pa
    import pyarrow.parquet

    given = {row[0] for row in con.execute(f"DESCRIBE {sql}").fetchall()}
    columns = ", ".join(f"CAST({c.name if c.name in given else 'NULL'} AS {c.type}) AS {c.name}" for c in table.columns)
    unsorted = out / f".{table.name}.part"
    place = sql_text(unsorted)
    con.execute("SET preserve_insertion_order = false")
    con.execute(
        f"COPY (SELECT {columns} FROM ({sql})) TO {place} (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE {_ROW_GROUP})"
    )
    con.execute("RESET preserve_insertion_order")
    metadata = pyarrow.parquet.read_metadata(unsorted)
    size = sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
    step = metadata.num_rows // (size // _SORTED_AT_ONCE + 1) + 1
    first = table.key[0]
    cuts = []
    if step <= metadata.num_rows:
        cuts = con.execute(
            f"""SELECT DISTINCT {first} FROM (SELECT {first}, row_number() OVER (ORDER BY {first}) AS place
                FROM read_parquet({place})) WHERE place % {step} = 0 ORDER BY 1"""
        ).fetchall()
    bounds = [sql_text(cut) for (cut,) in cuts]
    ranges = [
        " AND ".join([f"{first} {sign} {bound}" for sign, bound in ((">=", low), ("<", high)) if bound] or ["true"])
        for low, high in pairwise(["", *bounds, ""])
    ]
    with contextlib.ExitStack() as stack:
        stack.callback(unsorted.unlink)
        writer = None
        for inside in ranges:
            reader: pa.RecordBatchReader = con.sql(
                f"SELECT * FROM read_parquet({place}) WHERE {inside} ORDER BY {', '.join(table.key)}"
            ).arrow(_ROW_GROUP)
            if writer is None:
                target = out / f"{table.name}.parquet"
                writer = stack.enter_context(pyarrow.parquet.ParquetWriter(target, reader.schema, compression="zstd"))
            for batch in reader:
                writer.write_batch(batch)
    return int(metadata.num_rows)
