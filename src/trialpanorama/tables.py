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

import types
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from trialpanorama.record import (
    AdverseEvent,
    AdverseEvents,
    Analysis,
    Arm,
    Condition,
    EventStat,
    Identifier,
    Intervention,
    Outcome,
    OutcomeMeasure,
    Paper,
    PartialDate,
    Record,
    Sponsor,
)

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


def _sql_type(annotation: Any) -> tuple[str, tuple[str, ...]]:
    """The DuckDB type of a field's annotation, and its allowed values where it lists them."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        (inner,) = (a for a in arguments if a is not type(None))
        return _sql_type(inner)
    if origin is list:
        inner_type, values = _sql_type(arguments[0])
        return f"{inner_type}[]", values
    if origin is Literal:
        return "VARCHAR", tuple(arguments)
    return _SQL_TYPES[annotation], ()


def same(field: str, of: type[msgspec.Struct] = Record, name: str | None = None, type: str | None = None) -> Column:
    """The column that holds a field of Record (or of one of its parts), with the meaning that stands there."""
    annotation = get_type_hints(of, include_extras=True)[field]
    plain, meta = get_args(annotation)[:2] if get_origin(annotation) is Annotated else (annotation, msgspec.Meta())
    sql_type, values = (type, ()) if type else _sql_type(plain)
    extra = meta.extra or {}
    return Column(
        name or field, sql_type, meta.description or "", extra.get("unit"), tuple(extra.get("values", ())) or values
    )


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
_IS_OPEN = Column("is_open", "BOOLEAN", "Whether the terms of every source of the row let it be passed on")
_PROVENANCE = (_RECORD_ID, _SOURCE, same("licence"), _IS_OPEN)
_ENDPOINT_TYPE = same("type", Outcome, name="endpoint_type")


def _empty(columns: tuple[Column, ...]) -> str:
    return "SELECT " + ", ".join(f"NULL AS {c.name}" for c in columns) + " WHERE false"


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
    Column("min_age_unit", "VARCHAR", "Unit of `min_age`", values=("Years", "Months", "Weeks", "Days", "Hours", "Minutes")),
    Column("max_age_unit", "VARCHAR", "Unit of `max_age`", values=("Years", "Months", "Weeks", "Days", "Hours", "Minutes")),
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
    Column("countries", "VARCHAR[]", "Countries of recruitment, in ClinicalTrials.gov's spelling, in alphabetical order"),
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

_CONDITIONS = (
    _STUDY_ID,
    _STUDY_SOURCE,
    Column("condition_name", "VARCHAR", "The condition as the source writes it, or the MeSH heading"),
    Column("condition_mesh_id", "VARCHAR", "MeSH unique id, such as D003924; NULL for a mention that no one mapped"),
    Column(
        "condition_mesh_type",
        "VARCHAR",
        "mesh-list: a term that the source attached; mesh-ancestor: a broader term of one; NULL: the source's words",
        values=("mesh-list", "mesh-ancestor"),
    ),
    Column("position", "BIGINT", "Its place among the Record's conditions, or among its MeSH terms, from 1"),
    same("code", Condition),
    same("vocabulary", Condition),
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
    _POSITION,
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
    Column("arm_position", "BIGINT", "The arm's place in the Record's list, from 1; NULL where no arm has the intervention"),
    Column("intervention_position", "BIGINT", "The intervention's place in the Record's list, from 1; NULL for an arm without"),
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
    Column("analysis_position", "BIGINT", "The analysis's place in the outcome's list, from 1; NULL for an outcome without"),
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
    Column("p_value_inequality", "VARCHAR", "How the true p-value stands to `p_value`", values=("=", "<", "<=", ">", ">=")),
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
    Column("head_id", "VARCHAR", "Where the edge begins: a PMID"),
    Column("head_type", "VARCHAR", "What the head is", values=("publication", "review")),
    Column("tail_id", "VARCHAR", "Where the edge ends: a study_id or a PMID"),
    Column("tail_type", "VARCHAR", "What the tail is", values=("trial", "publication", "review")),
    Column(
        "relation_type",
        "VARCHAR",
        "names_id_of: the head gives a registry id of the Trial, in its databank list or in its text; result_of: the "
        "register lists it as reporting results (the sponsor's claim); derived_from: the register found the Trial's id in "
        "it; background_of: the register lists it as background; cited_by: listed without a type; else NLM's word for a "
        "correction, such as RetractionOf",
    ),
    Column("evidence", "STRUCT(field VARCHAR, id VARCHAR, record_id VARCHAR)[]", "Each place that says so, and the id there"),
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
        "abstract_sections", "STRUCT(label VARCHAR, category VARCHAR, text VARCHAR)[]", "Sections of the abstract in order"
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
    Column("first_published_date", "DATE", "The earlier of the two dates; a month or year alone stands as its first day"),
    same("publication_types", Paper),
    same("languages", Paper),
    Column("mesh_terms", "VARCHAR[]", "MeSH headings of the article, in order"),
    same("keywords"),
    same("chemicals", Paper),
    Column("registry_ids", "VARCHAR[]", "Registry ids that it gives, in its databank list or its text, in alphabetical order"),
    same("cited_pmids", Paper),
    same("medline_status", Paper),
    Column("is_trial", "BOOLEAN", "Its publication types say that it reports a clinical trial"),
    same("is_retracted", Paper),
    same("is_fictional"),
    *_PROVENANCE,
)

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
        "names the other in that role; utn: both carry one WHO universal trial number",
        values=("same_id", "alias", "bridge", "mutual_id", "secondary_id", "utn"),
    ),
    Column("score", "DOUBLE", "Strength of the evidence, 0 to 1; fixed per method, not a probability"),
    Column("is_accepted", "BOOLEAN", "Whether the two are held to be one Trial for it"),
    Column(
        "reason",
        "VARCHAR",
        "Why it was refused; NULL where it was accepted",
        values=("same_register", "follow_on_study", "ambiguous_id"),
    ),
    Column(
        "evidence",
        "STRUCT(field VARCHAR, value_a VARCHAR, value_b VARCHAR, weight DOUBLE)[]",
        "What was compared, with both values; the weights that were added up where there are any",
    ),
    Column("source", "VARCHAR", "Sources of the two Records, joined by a semicolon where they differ"),
    Column("licence", "VARCHAR", "Licences of the two Records, joined by a semicolon where they differ"),
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
