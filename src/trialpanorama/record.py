"""The Record: what one source says about one study, and the parts it is made of.

Each field's meaning, unit and allowed values are said here once. The Parquet schema, the SQL column comments and
the data dictionary in the docs are rendered from these classes (`trialpanorama.warehouse`). A Record is written by
one source, and nothing ever overwrites it. Unknown is `None` (or an empty list), never "" or 0. Where a canonical
value is folded out of a registry's word, the word stands beside it in a field that ends in `_raw`.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from trialpanorama.errors import RejectReason
from trialpanorama.vocabulary import (
    Allocation,
    ArmType,
    DateType,
    InterventionModel,
    InterventionType,
    MaskedRole,
    Masking,
    ObservationalModel,
    OutcomeType,
    Phase,
    Purpose,
    RecordKind,
    ReferenceType,
    Sex,
    SponsorClass,
    SponsorRole,
    Status,
    StudyType,
    TimePerspective,
)


def _written(value: Any) -> Any:
    """A default that is written out: structs leave out what equals a plain default, and it would be read as unknown."""
    return msgspec.field(default_factory=lambda: value)


class Part(msgspec.Struct, omit_defaults=True, gc=False):
    """The common base of a Record's parts; it has no field of its own."""


class Place(Part):
    """Where in the inputs an entry was read, so that anyone can find it again."""

    file: Annotated[
        str, Meta(description="The input file, as given on the command line or found below a folder given there")
    ] = ""
    file_sha256: Annotated[str, Meta(description="SHA-256 of the file's bytes, as they lie on disk")] = ""
    member: Annotated[str | None, Meta(description="Path inside the archive, where the file is one")] = None
    format: Annotated[str | None, Meta(description="The format that was recognised, of the source's list")] = None
    ordinal: Annotated[int, Meta(description="Which entry of the file or member it is, from 1")] = _written(1)
    offset: Annotated[
        int | None, Meta(description="Where the entry begins in the decompressed member", extra={"unit": "bytes"})
    ] = None
    line: Annotated[int | None, Meta(description="Line or sheet row on which a row of a table begins, from 1")] = None
    entry_sha256: Annotated[str, Meta(description="SHA-256 of the entry's own bytes (of a row: of its cells)")] = ""


class Reject(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One input that could not be read: inputs = records + rejects, always."""

    reason: Annotated[RejectReason, Meta(description="Why, out of a closed list")]
    detail: Annotated[str, Meta(description="The same for a person, with the line or field where it is known")] = ""
    source: Annotated[str | None, Meta(description="The source that recognised the file, where one did")] = None
    place: Annotated[Place, Meta(description="Where it stands in the inputs")] = msgspec.field(default_factory=Place)


class PartialDate(Part):
    """A date as precise as it was given."""

    date: Annotated[
        str | None,
        Meta(
            description="ISO 8601, as long as it is precise: 2019, 2019-05 or 2019-05-31; none if the text is no date"
        ),
    ] = None
    type: Annotated[
        DateType | None, Meta(description="Whether it has happened or was expected, where the source says so")
    ] = None
    raw: Annotated[str | None, Meta(description="The source's own text, where it differs from `date`")] = None


class Identifier(Part):
    """One identifier that a Record gives for its study, or names in passing."""

    id: Annotated[str, Meta(description="Normalised, as trialpanorama.identifiers prints it; else the text itself")]
    register: Annotated[
        str | None,
        Meta(description="The register that issues such ids (a name of trialpanorama.identifiers); none for others"),
    ] = None
    role: Annotated[
        str,
        Meta(
            description="primary: the Record's own; alias: an older id of the same Record; secondary: the Record says "
            "the study also has it; organisation: the sponsor's protocol code; bridge: ICTRP's link to another record; "
            "mentioned: it only occurs in a text",
            extra={"values": ["primary", "alias", "secondary", "organisation", "bridge", "mentioned"]},
        ),
    ] = _written("secondary")
    raw: Annotated[str | None, Meta(description="The source's own text, where it differs from `id`")] = None
    type_raw: Annotated[
        str | None, Meta(description="The kind of id in the source's words (EUDRACT_NUMBER, NIH ...)")
    ] = None
    issuer: Annotated[str | None, Meta(description="Who issued it, in the source's words")] = None
    field: Annotated[str | None, Meta(description="The field of the source where it was found")] = None


class Sponsor(Part):
    """An organisation (or person) that leads, supports or pays for the study."""

    name: Annotated[str, Meta(description="As the source writes it")]
    role: Annotated[SponsorRole, Meta(description="Lead sponsor, collaborator (secondary sponsor) or funder")] = (
        _written("LEAD")
    )
    sponsor_class: Annotated[SponsorClass | None, Meta(description="ClinicalTrials.gov agency class")] = None
    sponsor_class_raw: Annotated[
        str | None, Meta(description="The source's own word; none where the class was told from the name")
    ] = None


class Condition(Part):
    """A disease or health problem that the study is about, as it was said."""

    name: Annotated[str, Meta(description="As the source writes it")]
    code: Annotated[
        str | None, Meta(description="A code the source itself gives, such as an ICD-10 or MedDRA code")
    ] = None
    vocabulary: Annotated[str | None, Meta(description="Where `code` comes from")] = None


class MeshTerm(Part):
    """A MeSH term that the source itself attached."""

    term: Annotated[str, Meta(description="MeSH heading")]
    id: Annotated[str | None, Meta(description="MeSH unique id, such as D003924")] = None
    about: Annotated[
        str,
        Meta(description="What the term describes", extra={"values": ["condition", "intervention", "article"]}),
    ] = _written("condition")
    is_ancestor: Annotated[bool, Meta(description="A broader term of an attached one, not attached itself")] = _written(
        False
    )
    is_major: Annotated[bool | None, Meta(description="A main topic of the article (PubMed)")] = None
    qualifiers: Annotated[list[str], Meta(description="MeSH qualifiers (PubMed)")] = []


class Intervention(Part):
    """What is given to, done to, or observed in the participants."""

    name: Annotated[str, Meta(description="As the source writes it, without its type prefix")]
    type: Annotated[InterventionType | None, Meta(description="ClinicalTrials.gov intervention type")] = None
    type_raw: Annotated[str | None, Meta(description="The source's own word")] = None
    description: Annotated[str | None, Meta(description="As the source writes it")] = None
    other_names: Annotated[list[str], Meta(description="Synonyms, brand names, codes")] = []
    arm_labels: Annotated[list[str], Meta(description="Labels of the arms that receive it")] = []


class Arm(Part):
    """A group of participants that is treated alike."""

    label: Annotated[str, Meta(description="As the source writes it")]
    type: Annotated[ArmType | None, Meta(description="ClinicalTrials.gov arm type")] = None
    type_raw: Annotated[str | None, Meta(description="The source's own word")] = None
    description: Annotated[str | None, Meta(description="As the source writes it")] = None
    intervention_names: Annotated[list[str], Meta(description="Names of its interventions, without type prefix")] = []


class Outcome(Part):
    """Something the study set out to measure."""

    type: Annotated[OutcomeType, Meta(description="Primary, secondary or other")]
    measure: Annotated[str, Meta(description="What is measured")]
    description: Annotated[str | None, Meta(description="How it is measured")] = None
    time_frame: Annotated[str | None, Meta(description="When it is measured")] = None


class Location(Part):
    """A site of the study."""

    facility: Annotated[str | None, Meta(description="Name of the site")] = None
    city: Annotated[str | None, Meta(description="City")] = None
    state: Annotated[str | None, Meta(description="State or province")] = None
    postal_code: Annotated[str | None, Meta(description="Postal code")] = None
    country: Annotated[str | None, Meta(description="Country, in ClinicalTrials.gov's spelling")] = None
    status: Annotated[Status | None, Meta(description="Recruitment at this site")] = None
    latitude: Annotated[float | None, Meta(description="North is positive", extra={"unit": "degrees"})] = None
    longitude: Annotated[float | None, Meta(description="East is positive", extra={"unit": "degrees"})] = None


class Country(Part):
    """A country where the study recruits."""

    name: Annotated[str, Meta(description="In ClinicalTrials.gov's spelling; the source's word where it is not known")]
    raw: Annotated[str | None, Meta(description="The source's word, where it differs")] = None
    is_removed: Annotated[bool, Meta(description="The register lists it as a country that takes no part any more")] = (
        _written(False)
    )


class Official(Part):
    """A person responsible for the study's science; never with an e-mail address or telephone number."""

    name: Annotated[str, Meta(description="As the source writes it")]
    role: Annotated[
        str | None, Meta(description="PRINCIPAL_INVESTIGATOR, STUDY_CHAIR, STUDY_DIRECTOR, or the source's word")
    ] = None
    affiliation: Annotated[str | None, Meta(description="Institution")] = None


class Contact(Part):
    """A contact person; kept only if the user asked for it (--keep-contacts)."""

    type: Annotated[str | None, Meta(description="public, scientific, site, ethics, or the source's word")] = None
    name: Annotated[str | None, Meta(description="Name")] = None
    affiliation: Annotated[str | None, Meta(description="Institution")] = None
    address: Annotated[str | None, Meta(description="Postal address")] = None
    email: Annotated[str | None, Meta(description="E-mail address")] = None
    phone: Annotated[str | None, Meta(description="Telephone number")] = None


class Reference(Part):
    """A publication that the record cites or that cites the record."""

    pmid: Annotated[str | None, Meta(description="PubMed id")] = None
    doi: Annotated[str | None, Meta(description="Digital object identifier")] = None
    type: Annotated[
        ReferenceType | None,
        Meta(
            description="RESULT: the sponsor's claim that it reports this study; DERIVED: linked by the register itself"
        ),
    ] = None
    citation: Annotated[str | None, Meta(description="As the source writes it")] = None
    is_retracted: Annotated[bool, Meta(description="The register marks it as retracted")] = _written(False)


class Link(Part):
    """A web address or document that the record points to."""

    url: Annotated[str | None, Meta(description="Web address, or file name of a document that the register holds")] = (
        None
    )
    label: Annotated[str | None, Meta(description="What it is, in the source's words")] = None


class Note(Part):
    """Something a user should know about one value: it was doubtful, or it could not be read and was kept as text."""

    field: Annotated[str, Meta(description="The Record's field")]
    note: Annotated[str, Meta(description="What is doubtful about it, in a few fixed words")]
    raw: Annotated[str | None, Meta(description="The source's text")] = None


# --- posted results. Values stay text here, as published ("NA", "<0.01", "1,204"); the tables hold them as numbers.


class ResultGroup(Part):
    """A group of participants in posted results; its id is local to the module it stands in."""

    id: Annotated[str, Meta(description="Local id, such as OG000")]
    title: Annotated[str | None, Meta(description="Title")] = None
    description: Annotated[str | None, Meta(description="Description")] = None


class GroupCount(Part):
    """How many participants (or units) of one group."""

    group_id: Annotated[str | None, Meta(description="ResultGroup.id")] = None
    num_subjects: Annotated[str | None, Meta(description="As published", extra={"unit": "participants"})] = None
    num_units: Annotated[str | None, Meta(description="As published", extra={"unit": "other units, such as eyes"})] = (
        None
    )
    comment: Annotated[str | None, Meta(description="Comment")] = None


class Milestone(Part):
    """A point in a period of the participant flow."""

    type: Annotated[str | None, Meta(description="STARTED, COMPLETED, NOT COMPLETED, or the sponsor's own")] = None
    comment: Annotated[str | None, Meta(description="Comment")] = None
    achievements: Annotated[list[GroupCount], Meta(description="Who reached it")] = []


class DropWithdraw(Part):
    """A reason for not completing a period."""

    type: Annotated[str | None, Meta(description="The reason, such as Adverse Event or Lost to Follow-up")] = None
    comment: Annotated[str | None, Meta(description="Comment")] = None
    reasons: Annotated[list[GroupCount], Meta(description="How many left for it")] = []


class FlowPeriod(Part):
    """A period of the participant flow."""

    title: Annotated[str | None, Meta(description="Title")] = None
    milestones: Annotated[list[Milestone], Meta(description="Milestones in order")] = []
    drop_withdraws: Annotated[list[DropWithdraw], Meta(description="Reasons for not completing")] = []


class ParticipantFlow(Part):
    """How participants went through the study."""

    recruitment_details: Annotated[str | None, Meta(description="When and where participants were recruited")] = None
    pre_assignment_details: Annotated[str | None, Meta(description="What happened before assignment")] = None
    type_units_analyzed: Annotated[str | None, Meta(description="What is counted if not participants")] = None
    groups: Annotated[list[ResultGroup], Meta(description="Groups of the flow")] = []
    periods: Annotated[list[FlowPeriod], Meta(description="Periods in order")] = []


class DenominatorCount(Part):
    """A denominator of one group."""

    group_id: Annotated[str | None, Meta(description="ResultGroup.id")] = None
    value: Annotated[str | None, Meta(description="As published")] = None


class Denominator(Part):
    """How many were analysed, per group."""

    units: Annotated[str | None, Meta(description="Participants, or the unit analysed")] = None
    counts: Annotated[list[DenominatorCount], Meta(description="Per group")] = []


class Measurement(Part):
    """A measured value of one group."""

    group_id: Annotated[str | None, Meta(description="ResultGroup.id")] = None
    value: Annotated[str | None, Meta(description="As published")] = None
    spread: Annotated[str | None, Meta(description="Dispersion, of the measure's dispersion_type")] = None
    lower_limit: Annotated[str | None, Meta(description="As published")] = None
    upper_limit: Annotated[str | None, Meta(description="As published")] = None
    comment: Annotated[str | None, Meta(description="Comment, such as why a value is missing")] = None


class MeasureCategory(Part):
    """A category (row) of a measure."""

    title: Annotated[str | None, Meta(description="Title")] = None
    measurements: Annotated[list[Measurement], Meta(description="Per group")] = []


class MeasureClass(Part):
    """A class (block of rows, such as a time point) of a measure."""

    title: Annotated[str | None, Meta(description="Title")] = None
    denoms: Annotated[list[Denominator], Meta(description="Denominators where they differ from the measure's")] = []
    categories: Annotated[list[MeasureCategory], Meta(description="Categories in order")] = []


class BaselineMeasure(Part):
    """A baseline characteristic."""

    title: Annotated[str | None, Meta(description="Title")] = None
    description: Annotated[str | None, Meta(description="Description")] = None
    population_description: Annotated[str | None, Meta(description="Who was analysed")] = None
    param_type: Annotated[str | None, Meta(description="MEAN, MEDIAN, COUNT_OF_PARTICIPANTS, ...")] = None
    dispersion_type: Annotated[str | None, Meta(description="STANDARD_DEVIATION, FULL_RANGE, ...")] = None
    unit_of_measure: Annotated[str | None, Meta(description="Unit")] = None
    denoms: Annotated[list[Denominator], Meta(description="Denominators where they differ")] = []
    classes: Annotated[list[MeasureClass], Meta(description="Classes in order")] = []


class Baseline(Part):
    """Baseline characteristics of the participants."""

    population_description: Annotated[str | None, Meta(description="Who was analysed")] = None
    type_units_analyzed: Annotated[str | None, Meta(description="What is counted if not participants")] = None
    groups: Annotated[list[ResultGroup], Meta(description="Groups of the baseline")] = []
    denoms: Annotated[list[Denominator], Meta(description="Denominators")] = []
    measures: Annotated[list[BaselineMeasure], Meta(description="Measures in order")] = []


class Analysis(Part):
    """A statistical analysis of an outcome."""

    group_ids: Annotated[list[str], Meta(description="Groups compared")] = []
    group_description: Annotated[str | None, Meta(description="What is compared, and the planned power")] = None
    non_inferiority_type: Annotated[str | None, Meta(description="SUPERIORITY, NON_INFERIORITY, EQUIVALENCE, ...")] = (
        None
    )
    non_inferiority_comment: Annotated[str | None, Meta(description="Margin and its reason")] = None
    p_value: Annotated[str | None, Meta(description="As published, such as <0.001")] = None
    p_value_comment: Annotated[str | None, Meta(description="Comment")] = None
    statistical_method: Annotated[str | None, Meta(description="ANCOVA, Log Rank, ...")] = None
    statistical_comment: Annotated[str | None, Meta(description="Comment")] = None
    param_type: Annotated[str | None, Meta(description="Hazard Ratio (HR), Mean Difference, ...")] = None
    param_value: Annotated[str | None, Meta(description="The estimate, as published")] = None
    ci_pct_value: Annotated[str | None, Meta(description="Confidence level", extra={"unit": "percent"})] = None
    ci_num_sides: Annotated[str | None, Meta(description="ONE_SIDED or TWO_SIDED")] = None
    ci_lower_limit: Annotated[str | None, Meta(description="As published")] = None
    ci_upper_limit: Annotated[str | None, Meta(description="As published")] = None
    dispersion_type: Annotated[str | None, Meta(description="Of the estimate")] = None
    dispersion_value: Annotated[str | None, Meta(description="As published")] = None
    estimate_comment: Annotated[str | None, Meta(description="Comment")] = None
    other_analysis_description: Annotated[str | None, Meta(description="An analysis that is not a hypothesis test")] = (
        None
    )


class OutcomeMeasure(Part):
    """A posted outcome with its values and analyses."""

    type: Annotated[OutcomeType | None, Meta(description="Primary, secondary or other")] = None
    title: Annotated[str | None, Meta(description="Title")] = None
    description: Annotated[str | None, Meta(description="Description")] = None
    population_description: Annotated[str | None, Meta(description="Who was analysed")] = None
    reporting_status: Annotated[str | None, Meta(description="POSTED or NOT_POSTED")] = None
    anticipated_posting_date: Annotated[str | None, Meta(description="When it will be posted")] = None
    param_type: Annotated[str | None, Meta(description="MEAN, MEDIAN, NUMBER, ...")] = None
    dispersion_type: Annotated[str | None, Meta(description="As published")] = None
    unit_of_measure: Annotated[str | None, Meta(description="Unit")] = None
    time_frame: Annotated[str | None, Meta(description="When it was measured")] = None
    type_units_analyzed: Annotated[str | None, Meta(description="What is counted if not participants")] = None
    groups: Annotated[list[ResultGroup], Meta(description="Groups of the outcome")] = []
    denoms: Annotated[list[Denominator], Meta(description="Denominators")] = []
    classes: Annotated[list[MeasureClass], Meta(description="Classes in order")] = []
    analyses: Annotated[list[Analysis], Meta(description="Analyses in order")] = []


class EventGroup(Part):
    """A group of participants at risk of adverse events."""

    id: Annotated[str, Meta(description="Local id, such as EG000")]
    title: Annotated[str | None, Meta(description="Title")] = None
    description: Annotated[str | None, Meta(description="Description")] = None
    deaths_num_affected: Annotated[int | None, Meta(description="Deaths", extra={"unit": "participants"})] = None
    deaths_num_at_risk: Annotated[int | None, Meta(description="At risk", extra={"unit": "participants"})] = None
    serious_num_affected: Annotated[
        int | None, Meta(description="With a serious event", extra={"unit": "participants"})
    ] = None
    serious_num_at_risk: Annotated[int | None, Meta(description="At risk", extra={"unit": "participants"})] = None
    other_num_affected: Annotated[
        int | None, Meta(description="With another event", extra={"unit": "participants"})
    ] = None
    other_num_at_risk: Annotated[int | None, Meta(description="At risk", extra={"unit": "participants"})] = None


class EventStat(Part):
    """How often one adverse event occurred in one group."""

    group_id: Annotated[str | None, Meta(description="EventGroup.id")] = None
    num_events: Annotated[int | None, Meta(description="Events", extra={"unit": "events"})] = None
    num_affected: Annotated[int | None, Meta(description="With the event", extra={"unit": "participants"})] = None
    num_at_risk: Annotated[int | None, Meta(description="At risk", extra={"unit": "participants"})] = None


class AdverseEvent(Part):
    """An adverse event term with its counts per group."""

    term: Annotated[str | None, Meta(description="As published")] = None
    organ_system: Annotated[str | None, Meta(description="System organ class, as published")] = None
    source_vocabulary: Annotated[str | None, Meta(description="Such as MedDRA 21.0")] = None
    assessment_type: Annotated[str | None, Meta(description="SYSTEMATIC_ASSESSMENT or NON_SYSTEMATIC_ASSESSMENT")] = (
        None
    )
    notes: Annotated[str | None, Meta(description="Comment")] = None
    stats: Annotated[list[EventStat], Meta(description="Per group")] = []


class AdverseEvents(Part):
    """The adverse events module of posted results."""

    frequency_threshold: Annotated[
        str | None, Meta(description="Least share reported for other events", extra={"unit": "percent"})
    ] = None
    time_frame: Annotated[str | None, Meta(description="Over what time events were collected")] = None
    description: Annotated[str | None, Meta(description="How events were collected")] = None
    event_groups: Annotated[list[EventGroup], Meta(description="Groups at risk")] = []
    serious_events: Annotated[list[AdverseEvent], Meta(description="Serious adverse events")] = []
    other_events: Annotated[list[AdverseEvent], Meta(description="Other adverse events")] = []


class Results(Part):
    """Results posted in the register."""

    participant_flow: Annotated[ParticipantFlow | None, Meta(description="Participant flow")] = None
    baseline: Annotated[Baseline | None, Meta(description="Baseline characteristics")] = None
    outcome_measures: Annotated[list[OutcomeMeasure], Meta(description="Posted outcomes")] = []
    adverse_events: Annotated[AdverseEvents | None, Meta(description="Adverse events")] = None
    limitations: Annotated[str | None, Meta(description="Limitations and caveats")] = None


# --- publications


class AbstractSection(Part):
    """A section of a structured abstract."""

    text: Annotated[str, Meta(description="Text")]
    label: Annotated[str | None, Meta(description="The authors' own heading")] = None
    category: Annotated[
        str | None, Meta(description="NLM's category: BACKGROUND, OBJECTIVE, METHODS, RESULTS, CONCLUSIONS, UNASSIGNED")
    ] = None


class Author(Part):
    """An author of a publication."""

    last_name: Annotated[str | None, Meta(description="Last name")] = None
    fore_name: Annotated[str | None, Meta(description="First and middle names")] = None
    initials: Annotated[str | None, Meta(description="Initials")] = None
    suffix: Annotated[str | None, Meta(description="Such as Jr, Sr, 3rd")] = None
    collective_name: Annotated[str | None, Meta(description="Name of a group that is the author")] = None
    affiliations: Annotated[list[str], Meta(description="Affiliations, without e-mail addresses")] = []
    orcid: Annotated[str | None, Meta(description="ORCID iD")] = None


class Correction(Part):
    """A relation to another article: erratum, retraction, comment, republication."""

    type: Annotated[str, Meta(description="RefType of NLM, such as RetractionIn, ErratumFor, CommentOn")]
    pmid: Annotated[str | None, Meta(description="PubMed id of the other article")] = None
    citation: Annotated[str | None, Meta(description="The other article in words")] = None


class TextSection(Part):
    """A section of a full text."""

    text: Annotated[str, Meta(description="Its paragraphs, with a line break between them; tables row by row")]
    title: Annotated[str | None, Meta(description="Its heading")] = None
    path: Annotated[str | None, Meta(description="The headings that it stands under, joined by ` > `")] = None
    type: Annotated[
        str | None, Meta(description="The kind of section as the publisher marks it, such as methods (JATS sec-type)")
    ] = None


class Finding(Part):
    """What a reader found an article to say about one comparison."""

    question: Annotated[
        str | None, Meta(description="The source's number of the question, which several annotators may have answered")
    ] = None
    intervention: Annotated[str | None, Meta(description="What was given, in the annotator's words")] = None
    comparator: Annotated[str | None, Meta(description="What it was compared with, in the annotator's words")] = None
    outcome: Annotated[str | None, Meta(description="What was measured, in the annotator's words")] = None
    direction: Annotated[
        str | None,
        Meta(
            description="What the intervention did to the outcome, against the comparator",
            extra={"values": ["INCREASED", "DECREASED", "NO_DIFFERENCE"]},
        ),
    ] = None
    direction_raw: Annotated[str | None, Meta(description="The source's own word")] = None
    evidence: Annotated[str | None, Meta(description="The words of the article that show it")] = None
    annotator: Annotated[str | None, Meta(description="Who found it, as the source numbers its annotators")] = None
    is_confirmed: Annotated[
        bool | None, Meta(description="Whether a second reader held the direction and the evidence to be right")
    ] = None


class Paper(Part):
    """What only a publication has."""

    pmid: Annotated[str | None, Meta(description="PubMed id")] = None
    version: Annotated[int | None, Meta(description="Version of the PubMed record")] = None
    doi: Annotated[str | None, Meta(description="Digital object identifier")] = None
    pmcid: Annotated[str | None, Meta(description="PubMed Central id")] = None
    medline_status: Annotated[str | None, Meta(description="MEDLINE, In-Process, PubMed-not-MEDLINE, ...")] = None
    journal: Annotated[str | None, Meta(description="Full title of the journal, or of the book")] = None
    journal_abbreviation: Annotated[str | None, Meta(description="NLM title abbreviation")] = None
    issn: Annotated[str | None, Meta(description="ISSN")] = None
    volume: Annotated[str | None, Meta(description="Volume")] = None
    issue: Annotated[str | None, Meta(description="Issue")] = None
    pages: Annotated[str | None, Meta(description="Pages")] = None
    publication_date: Annotated[PartialDate | None, Meta(description="Of the issue")] = None
    electronic_date: Annotated[PartialDate | None, Meta(description="Of the electronic article")] = None
    publication_types: Annotated[
        list[str], Meta(description="MeSH publication types; of a full text its JATS article-type")
    ] = []
    languages: Annotated[list[str], Meta(description="MARC language codes")] = []
    vernacular_title: Annotated[str | None, Meta(description="Title in the language of the article")] = None
    abstract_sections: Annotated[list[AbstractSection], Meta(description="Sections in order")] = []
    authors: Annotated[list[Author], Meta(description="Authors in order")] = []
    chemicals: Annotated[list[str], Meta(description="Substance names of NLM")] = []
    grants: Annotated[list[str], Meta(description="Grant ids with their agencies")] = []
    corrections: Annotated[list[Correction], Meta(description="Errata, retractions, comments")] = []
    cited_pmids: Annotated[list[str], Meta(description="PubMed ids of the reference list")] = []
    is_retracted: Annotated[bool, Meta(description="The article is a retracted publication")] = _written(False)
    sections: Annotated[list[TextSection], Meta(description="The full text, where the source carries it")] = []
    findings: Annotated[list[Finding], Meta(description="What annotators found it to say")] = []


# --- systematic reviews


class ReviewedStudy(Part):
    """A study that a systematic review looked at, with the reports (papers, registrations) that belong to it."""

    decision: Annotated[
        str | None,
        Meta(
            description="What the reviewers decided; none: a candidate that was only retrieved",
            extra={"values": ["INCLUDED", "EXCLUDED"]},
        ),
    ] = None
    stage: Annotated[
        str | None,
        Meta(
            description="On what the decision was taken, where the source says so",
            extra={"values": ["TITLE_ABSTRACT", "FULL_TEXT"]},
        ),
    ] = None
    name: Annotated[str | None, Meta(description="The review's name of the study, such as Smith 2001")] = None
    reason: Annotated[str | None, Meta(description="Why it was excluded, in the source's words")] = None
    is_seed: Annotated[bool, Meta(description="The reviewers knew it before they searched")] = _written(False)
    is_retrieved: Annotated[
        bool | None, Meta(description="Whether the review's search found it, where the source says so")
    ] = None
    report_ids: Annotated[
        list[str], Meta(description="Its reports: PMIDs; else registry numbers, DOIs, or the source's own ids")
    ] = []


class Review(Part):
    """What only a systematic review has."""

    question: Annotated[str | None, Meta(description="What it asks: its objective, or its title put as a question")] = (
        None
    )
    criteria: Annotated[str | None, Meta(description="Which studies it takes, in the reviewers' words")] = None
    search_query: Annotated[str | None, Meta(description="The search as the reviewers ran it, line breaks kept")] = None
    search_syntax: Annotated[
        str | None, Meta(description="Its language", extra={"values": ["PUBMED", "OVID", "OTHER"]})
    ] = None
    search_source: Annotated[
        str | None, Meta(description="Where and when the search was run, in the source's words")
    ] = None
    search_from_date: Annotated[PartialDate | None, Meta(description="Earliest publication date searched")] = None
    search_until_date: Annotated[PartialDate | None, Meta(description="Latest publication date searched")] = None
    collection: Annotated[
        str | None, Meta(description="The test collection that the review belongs to, and its part, such as testing")
    ] = None
    studies: Annotated[list[ReviewedStudy], Meta(description="The studies it looked at")] = []


class Record(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What one source says about one study."""

    # who says it, and where it stands
    record_id: Annotated[str, Meta(description="Key of this table; set by ingest, the same for the same input")] = ""
    content_sha256: Annotated[
        str, Meta(description="SHA-256 of this row without the key, this field and the file's name; set by ingest")
    ] = ""
    source: Annotated[str, Meta(description="The source that was read (the file's name in sources/)")] = ""
    kind: Annotated[RecordKind, Meta(description="A registration of a study, a publication or a systematic review")] = (
        _written("REGISTRATION")
    )
    register: Annotated[
        str | None,
        Meta(
            description="The register that issued `id` (a name of trialpanorama.identifiers); of an ICTRP row, its registry"
        ),
    ] = None
    id: Annotated[str, Meta(description="The Record's own identifier, normalised: NCT number, PMID, ...")]
    url: Annotated[str | None, Meta(description="The record's page in its register")] = None
    licence: Annotated[str, Meta(description="The licence or terms under which the source gives it")] = ""
    is_fictional: Annotated[bool, Meta(description="Made up by trialpanorama's sample generator")] = _written(False)
    language: Annotated[
        str | None, Meta(description="Language of the texts, ISO 639-1, where it is known not to be English")
    ] = None
    place: Annotated[Place, Meta(description="Where it was read")] = msgspec.field(default_factory=Place)
    notes: Annotated[
        list[Note], Meta(description="Values that are doubtful, or that could not be read and were kept as text")
    ] = []

    # names
    identifiers: Annotated[list[Identifier], Meta(description="Every identifier that the record gives")] = []
    public_title: Annotated[str | None, Meta(description="Title for the public, or brief title")] = None
    scientific_title: Annotated[
        str | None, Meta(description="Scientific or official title; title of a publication")
    ] = None
    acronym: Annotated[str | None, Meta(description="Acronym")] = None
    brief_summary: Annotated[str | None, Meta(description="Short description; abstract of a publication")] = None
    detailed_description: Annotated[str | None, Meta(description="Long description")] = None
    keywords: Annotated[list[str], Meta(description="Free keywords")] = []

    # state and dates
    status: Annotated[Status | None, Meta(description="Recruitment status")] = None
    status_raw: Annotated[str | None, Meta(description="The source's own word")] = None
    last_known_status: Annotated[
        Status | None, Meta(description="The status before it became UNKNOWN for want of an update")
    ] = None
    why_stopped: Annotated[
        str | None, Meta(description="Why it was suspended, terminated or withdrawn, in the sponsor's words")
    ] = None
    first_submitted_date: Annotated[PartialDate | None, Meta(description="First submitted to the register")] = None
    registration_date: Annotated[PartialDate | None, Meta(description="Registered, or first posted")] = None
    start_date: Annotated[PartialDate | None, Meta(description="First enrolment, or start of the study")] = None
    primary_completion_date: Annotated[
        PartialDate | None, Meta(description="Last measurement of the primary outcome")
    ] = None
    completion_date: Annotated[PartialDate | None, Meta(description="End of the study")] = None
    results_posted_date: Annotated[PartialDate | None, Meta(description="Results first posted")] = None
    last_updated_date: Annotated[PartialDate | None, Meta(description="Last update posted in the register")] = None
    verified_date: Annotated[PartialDate | None, Meta(description="Last verified by the responsible party")] = None
    exported_date: Annotated[PartialDate | None, Meta(description="When this copy was exported from the source")] = None

    # design
    study_type: Annotated[StudyType | None, Meta(description="Study type")] = None
    study_type_raw: Annotated[str | None, Meta(description="The source's own word")] = None
    phases: Annotated[
        list[Phase], Meta(description="Phase; a combined phase has two members; NA is said by the source, not unknown")
    ] = []
    phase_raw: Annotated[str | None, Meta(description="The source's own word")] = None
    study_design_raw: Annotated[str | None, Meta(description="The whole design string, where the source has one")] = (
        None
    )
    allocation: Annotated[Allocation | None, Meta(description="How participants are assigned to arms")] = None
    allocation_raw: Annotated[str | None, Meta(description="The source's own word")] = None
    intervention_model: Annotated[InterventionModel | None, Meta(description="Intervention model")] = None
    intervention_model_raw: Annotated[str | None, Meta(description="The source's own word")] = None
    intervention_model_description: Annotated[str | None, Meta(description="In the sponsor's words")] = None
    observational_model: Annotated[ObservationalModel | None, Meta(description="Observational model")] = None
    time_perspective: Annotated[
        TimePerspective | None, Meta(description="Time perspective of an observational study")
    ] = None
    masking: Annotated[Masking | None, Meta(description="How many roles are masked")] = None
    masking_raw: Annotated[str | None, Meta(description="The source's own word")] = None
    masking_description: Annotated[str | None, Meta(description="In the sponsor's words")] = None
    is_masked: Annotated[
        bool | None, Meta(description="Whether anyone is masked; known also where the level is not")
    ] = None
    masked_roles: Annotated[list[MaskedRole], Meta(description="Who is masked")] = []
    primary_purpose: Annotated[Purpose | None, Meta(description="Primary purpose")] = None
    primary_purpose_raw: Annotated[str | None, Meta(description="The source's own word")] = None
    number_of_arms: Annotated[
        int | None, Meta(description="Arms (or groups of an observational study)", extra={"unit": "arms"})
    ] = None
    target_duration: Annotated[str | None, Meta(description="Follow-up of a patient registry")] = None
    enrollment_target: Annotated[int | None, Meta(description="Planned enrolment", extra={"unit": "participants"})] = (
        None
    )
    enrollment_actual: Annotated[int | None, Meta(description="Reached enrolment", extra={"unit": "participants"})] = (
        None
    )
    enrollment_raw: Annotated[str | None, Meta(description="The source's own text, where it is more than a number")] = (
        None
    )

    # population
    eligibility_criteria: Annotated[
        str | None, Meta(description="Criteria in one text, where the source does not divide them")
    ] = None
    inclusion_criteria: Annotated[str | None, Meta(description="Inclusion criteria")] = None
    exclusion_criteria: Annotated[str | None, Meta(description="Exclusion criteria")] = None
    minimum_age_years: Annotated[
        float | None, Meta(description="Least age; none means no limit, or not said", extra={"unit": "years"})
    ] = None
    minimum_age_raw: Annotated[str | None, Meta(description="The source's own text")] = None
    maximum_age_years: Annotated[
        float | None, Meta(description="Greatest age; none means no limit, or not said", extra={"unit": "years"})
    ] = None
    maximum_age_raw: Annotated[str | None, Meta(description="The source's own text")] = None
    sex: Annotated[Sex | None, Meta(description="Sex of the participants")] = None
    sex_raw: Annotated[str | None, Meta(description="The source's own word")] = None
    healthy_volunteers: Annotated[bool | None, Meta(description="Whether healthy volunteers may take part")] = None
    study_population: Annotated[str | None, Meta(description="Population of an observational study")] = None
    sampling_method: Annotated[str | None, Meta(description="PROBABILITY_SAMPLE or NON_PROBABILITY_SAMPLE")] = None

    # content
    conditions: Annotated[list[Condition], Meta(description="Conditions studied")] = []
    mesh_terms: Annotated[list[MeshTerm], Meta(description="MeSH terms that the source attached")] = []
    interventions: Annotated[list[Intervention], Meta(description="Interventions")] = []
    arms: Annotated[list[Arm], Meta(description="Arms")] = []
    outcomes: Annotated[list[Outcome], Meta(description="Registered outcomes")] = []

    # people and places
    sponsors: Annotated[list[Sponsor], Meta(description="Lead sponsor, collaborators, funders")] = []
    responsible_party: Annotated[
        str | None, Meta(description="SPONSOR, PRINCIPAL_INVESTIGATOR, SPONSOR_INVESTIGATOR, or the source's words")
    ] = None
    officials: Annotated[list[Official], Meta(description="Overall officials")] = []
    contacts: Annotated[list[Contact], Meta(description="Contact persons; empty unless contacts are kept")] = []
    countries: Annotated[list[Country], Meta(description="Countries of recruitment")] = []
    locations: Annotated[list[Location], Meta(description="Sites")] = []

    # oversight and sharing
    has_dmc: Annotated[bool | None, Meta(description="Has a data monitoring committee")] = None
    is_fda_regulated_drug: Annotated[
        bool | None, Meta(description="Studies a drug regulated by the FDA (United States)")
    ] = None
    is_fda_regulated_device: Annotated[
        bool | None, Meta(description="Studies a device regulated by the FDA (United States)")
    ] = None
    has_expanded_access: Annotated[bool | None, Meta(description="The drug is also available outside the study")] = None
    biospecimen_retention: Annotated[
        str | None, Meta(description="SAMPLES_WITH_DNA, SAMPLES_WITHOUT_DNA, NONE_RETAINED")
    ] = None
    ipd_sharing: Annotated[
        str | None, Meta(description="Plan to share participant data: YES, NO, UNDECIDED, or the source's words")
    ] = None
    ipd_description: Annotated[str | None, Meta(description="The plan in words")] = None

    # what came of it
    references: Annotated[list[Reference], Meta(description="Publications")] = []
    links: Annotated[list[Link], Meta(description="Web addresses and documents")] = []
    has_results: Annotated[bool | None, Meta(description="Results are posted in the register")] = None
    results: Annotated[Results | None, Meta(description="Posted results, where the source carries them")] = None
    paper: Annotated[Paper | None, Meta(description="What only a publication has")] = None
    review: Annotated[Review | None, Meta(description="What only a systematic review has")] = None
