"""ClinicalTrials.gov: the register of the United States National Library of Medicine, in its four formats.

API v2 JSON and the old v1 JSON are decoded into the shape of the API v2, whose posted results the Record's results
repeat name by name; legacy XML and the CSV of a search fill the Record directly. The four agree in what they share:

- A date keeps its precision; the words of older formats (Anticipated, Estimate) become v2's ESTIMATED.
- Enrolment without a type (old records, every CSV) is neither called planned nor reached: it stays in
  `enrollment_raw`, with a note.
- API v2 folds white space itself, and indents nested lists: its longer texts are kept as they are, but for the
  escapes before what Markdown would read as markup (`\\>`). Legacy XML wraps its text blocks at 100 columns, which is
  undone; breaks between paragraphs and list items stay.
- Legacy XML lists references of the sponsor and of the register in one, so their type is not known, except RESULT.
- A CSV cell joins the parts of an outcome (measure, description, time frame) and of a site (name, city, state) by
  commas that the parts hold too: they stay together, as `measure` and `facility`, with a note.
"""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache, lru_cache
from types import NoneType, UnionType
from typing import Any, BinaryIO, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import msgspec
from lxml.etree import _Element

from trialpanorama import identifiers, vocabulary
from trialpanorama.errors import Unreadable
from trialpanorama.record import (
    AdverseEvent,
    AdverseEvents,
    Analysis,
    Arm,
    Baseline,
    BaselineMeasure,
    Condition,
    Contact,
    Country,
    Denominator,
    DenominatorCount,
    DropWithdraw,
    EventGroup,
    EventStat,
    FlowPeriod,
    GroupCount,
    Identifier,
    Intervention,
    Link,
    Location,
    MeasureCategory,
    MeasureClass,
    Measurement,
    MeshTerm,
    Milestone,
    Note,
    Official,
    Outcome,
    OutcomeMeasure,
    PartialDate,
    ParticipantFlow,
    Record,
    Reference,
    Reject,
    ResultGroup,
    Results,
    Sponsor,
)
from trialpanorama.sources import Format, Source
from trialpanorama.sources._reading import (
    Entry,
    as_utf8,
    block,
    csv_rows,
    each,
    fold,
    json_values,
    one_or_more,
    parse_xml,
    peek,
    unwrap,
    xml_elements,
)
from trialpanorama.vocabulary import OutcomeType, ReferenceType, SponsorRole, parse_date

_REGISTER = "clinicaltrials_gov"
_T = TypeVar("_T")

# --- what the formats share


def _new_record(nct_id: str) -> Record:
    """The Record of a study, with everything that follows from its id."""
    given = nct_id.strip()
    own = identifiers.normalise(given, _REGISTER)
    number = own.id if own else given
    record = Record(id=number, register=_REGISTER, url=f"https://clinicaltrials.gov/study/{number}")
    record.identifiers.append(
        Identifier(
            number, _REGISTER if own else None, "primary", raw=None if number == nct_id else nct_id, field="nctId"
        )
    )
    if own is None:
        record.notes.append(Note("id", "not a number of this register", nct_id))
    return record


def _add_id(
    record: Record, text: str | None, role: str, field: str, type_raw: str | None = None, issuer: str | None = None
) -> None:
    """Add an id, whatever it is: EudraCT numbers stand under every type and also as the sponsor's own number."""
    given = fold(text)
    if not given:
        return
    found = identifiers.normalise(given)
    if found is None:
        record.identifiers.append(
            Identifier(
                given, None, role, raw=None if given == text else text, type_raw=type_raw, issuer=issuer, field=field
            )
        )
        return
    if role == "organisation":
        role = "secondary"
    raw = None if found.id == text else text
    record.identifiers.append(Identifier(found.id, found.register, role, raw, type_raw, issuer, field))


def _date(text: str | None, type_raw: str | None = None) -> PartialDate | None:
    if not text:
        return None
    iso = parse_date(text)
    return PartialDate(iso, vocabulary.date_type(type_raw), None if iso == text else text)


def _folded(record: Record, field: str, folded: _T | None, raw: str) -> _T | None:
    """The canonical value; a word that is not known keeps the record and leaves a note."""
    if folded is None:
        record.notes.append(Note(field, _UNKNOWN_WORD, raw))
    return folded


_UNKNOWN_WORD = "not a known value"


def _yes(text: str | None) -> bool | None:
    """Yes and No of the older formats; `Accepts Healthy Volunteers` is a yes."""
    if not text:
        return None
    word = text.strip().lower()
    return True if word in ("yes", "true", "y") or word.startswith("accepts") else False if word in _NOES else None


_NOES = ("no", "false", "n")
_TOKENS = {
    "1-Sided": "ONE_SIDED",
    "2-Sided": "TWO_SIDED",
    "Standard Error of the Mean": "STANDARD_ERROR_OF_MEAN",
    "Geometric Coefficient of Variation": "GEOMETRIC_COEFFICIENT",
}
_CONFIDENCE = re.compile(r"([\d.]+)% Confidence Interval")


@lru_cache(4096)
def _token(words: str | None) -> str | None:
    """The token of API v2 for the words of an older format: `Count of Participants` is COUNT_OF_PARTICIPANTS."""
    text = fold(words)
    if not text:
        return None
    if confidence := _CONFIDENCE.fullmatch(text):
        return f"CONFIDENCE_{confidence[1].replace('.', '')}"
    return _TOKENS.get(text) or re.sub(r"\W+", "_", text).strip("_").upper()


def _set_status(record: Record, raw: str) -> None:
    record.status_raw = raw
    record.status = _folded(record, "status", vocabulary.status(raw), raw)


def _set_last_known_status(record: Record, raw: str) -> None:
    record.last_known_status = _folded(record, "last_known_status", vocabulary.status(raw), raw)


def _set_study_type(record: Record, raw: str) -> None:
    record.study_type_raw = raw
    # withheld studies say N/A: that is no type
    record.study_type = None if raw == "N/A" else _folded(record, "study_type", vocabulary.study_type(raw), raw)


def _set_phases(record: Record, raws: Iterable[str], raw: str) -> None:
    record.phase_raw = raw
    for one in raws:
        if phases := vocabulary.phases(one):
            record.phases.extend(phases)
        else:
            record.notes.append(Note("phases", _UNKNOWN_WORD, one))


def _set_masking(record: Record, raw: str, roles: Iterable[str] = ()) -> None:
    record.masking_raw = raw
    record.masking = _folded(record, "masking", vocabulary.masking(raw), raw)
    if record.masking:
        record.is_masked = record.masking != "NONE"
    if record.is_masked:
        record.masked_roles = list(vocabulary.masked_roles(", ".join((raw, *roles))))


def _set_design_part(record: Record, part: str, raw: str) -> None:
    """Allocation, model, purpose, perspective or masking out of one word or token."""
    match part:
        case "allocation":
            record.allocation_raw = raw
            record.allocation = _folded(record, part, vocabulary.allocation(raw), raw)
        case "intervention_model":
            record.intervention_model_raw = raw
            record.intervention_model = _folded(record, part, vocabulary.intervention_model(raw), raw)
        case "primary_purpose":
            record.primary_purpose_raw = raw
            record.primary_purpose = _folded(record, part, vocabulary.primary_purpose(raw), raw)
        case "observational_model":
            record.observational_model = _folded(record, part, vocabulary.observational_model(raw), raw)
        case "time_perspective":
            record.time_perspective = _folded(record, part, vocabulary.time_perspective(raw), raw)
        case "masking":
            _set_masking(record, raw)


def _set_enrollment(record: Record, raw: str, type_raw: str | None) -> None:
    count = _folded(record, "enrollment_raw", vocabulary.enrollment(raw), raw)
    kind = vocabulary.date_type(type_raw)
    if count is None or kind is None:
        record.enrollment_raw = raw
        if count is not None:
            record.notes.append(Note("enrollment_raw", "planned or reached is not said", raw))
    elif kind == "ACTUAL":
        record.enrollment_actual = count
    else:
        record.enrollment_target = count


def _set_age(record: Record, minimum: str | None, maximum: str | None) -> None:
    """Age limits in years; `N/A` of the older formats and an age left out of API v2 mean no limit."""
    if minimum:
        record.minimum_age_raw = minimum
        record.minimum_age_years = vocabulary.age_years(minimum)
    if maximum:
        record.maximum_age_raw = maximum
        record.maximum_age_years = vocabulary.age_years(maximum, is_maximum=True)


_HEADING = re.compile(
    r"[\s\W\d]*(?:(?:key|main|major|general|basic|patients?|subjects?|study|participants?)\s+)*"
    r"(?P<kind>in|ex)clusion\s+criteri(?:a|on)\b(?P<rest>[^:\n]{0,60}:|\W*(?=\n|$))",
    re.IGNORECASE,
)


def _set_eligibility(record: Record, text: str | None) -> None:
    """The one text, and the two halves where exactly one heading of each kind begins a line."""
    if text is None:
        return
    record.eligibility_criteria = text
    lower = text.encode("ascii", "replace").lower()  # many times faster than to lower all Unicode, as long as the text
    headings: dict[str, re.Match[str]] = {}
    at = lower.find(b"clusion criteri")
    while at >= 0:
        line = text.rfind("\n", 0, at) + 1
        heading = _HEADING.match(text, line)
        if heading and heading.start("kind") == at - 2:
            if heading["kind"].lower() in headings:
                return
            headings[heading["kind"].lower()] = heading
        at = lower.find(b"clusion criteri", at + 15)
    if len(headings) == 2:
        inclusion, exclusion = headings["in"], headings["ex"]
        if inclusion.start() < exclusion.start():
            record.inclusion_criteria = text[inclusion.end() : exclusion.start()].strip() or None
            record.exclusion_criteria = text[exclusion.end() :].strip() or None
        else:
            record.exclusion_criteria = text[exclusion.end() : inclusion.start()].strip() or None
            record.inclusion_criteria = text[inclusion.end() :].strip() or None


def _sponsor(name: str, class_raw: str | None, role: SponsorRole) -> Sponsor:
    return Sponsor(name, role, vocabulary.sponsor_class(class_raw), class_raw)


@lru_cache(4096)
def _country(name: str) -> str:
    return vocabulary.country(name) or name


def _set_countries(record: Record, names: Iterable[str], removed: Iterable[str]) -> None:
    """Countries of recruitment as legacy XML sorts them (of the sites, where no list is given), and removed ones."""
    listed = list(dict.fromkeys(names)) or sorted({site.country for site in record.locations if site.country})
    for is_removed, raws in ((False, listed), (True, removed)):
        for raw in raws:
            name = _country(raw)
            record.countries.append(Country(name, None if raw == name else raw, is_removed))


_DOI = re.compile(r"\b10\.\d{4,9}/[^\s\"<>;,]*[^\s\"<>;,.)\]]")


def _reference(
    pmid: str | None, type: ReferenceType | None, citation: str | None, is_retracted: bool = False
) -> Reference:
    named = citation.find("doi") if citation else -1
    doi = _DOI.search(citation, named) if citation and named >= 0 else None
    return Reference(pmid.strip() if pmid else None, doi[0] if doi else None, type, citation, is_retracted)


_MESH_UID = re.compile(r"([DC])000(\d{6})")


@lru_cache(16384)
def _mesh_uid(uid: str | None) -> str | None:
    """The id as NLM writes it: ClinicalTrials.gov pads old ids (D003924) to the ten characters of new ones."""
    padded = _MESH_UID.fullmatch(uid) if uid else None
    # the first ids of ten characters are about D000066388 and C000588000
    if padded and int(padded[2]) < (66_388 if padded[1] == "D" else 588_000):
        return padded[1] + padded[2]
    return uid


def _without_type(name: str) -> str:
    """`Drug: Aspirin` is Aspirin; a name that begins with another word and a colon stays whole."""
    prefix, colon, rest = name.partition(": ")
    return rest if colon and vocabulary.intervention_type(prefix) else name


# --- API v2 JSON, decoded into its own shape


class _Json(msgspec.Struct, rename="camel", gc=False):
    """A JSON object of API v2; nulls, which the API does not write, are taken for absent."""


class _DateStruct(_Json):
    date: str | None = None
    type: str | None = None


class _SecondaryId(_Json):
    id: str | None = None
    type: str | None = None
    domain: str | None = None


class _IdentificationModule(_Json):
    nct_id: str | None = None
    nct_id_aliases: list[str] | None = None
    org_study_id_info: _SecondaryId | None = None
    secondary_id_infos: list[_SecondaryId] | None = None
    brief_title: str | None = None
    official_title: str | None = None
    acronym: str | None = None


class _ExpandedAccessInfo(_Json):
    has_expanded_access: bool | None = None


class _StatusModule(_Json):
    status_verified_date: str | None = None
    overall_status: str | None = None
    last_known_status: str | None = None
    why_stopped: str | None = None
    expanded_access_info: _ExpandedAccessInfo | None = None
    start_date_struct: _DateStruct | None = None
    primary_completion_date_struct: _DateStruct | None = None
    completion_date_struct: _DateStruct | None = None
    study_first_submit_date: str | None = None
    study_first_post_date_struct: _DateStruct | None = None
    results_first_post_date_struct: _DateStruct | None = None
    last_update_submit_date: str | None = None
    last_update_post_date_struct: _DateStruct | None = None


class _ResponsibleParty(_Json):
    type: str | None = None
    old_name_title: str | None = None
    old_organization: str | None = None


class _Agency(_Json):
    name: str | None = None
    class_: str | None = msgspec.field(name="class", default=None)


class _SponsorCollaboratorsModule(_Json):
    responsible_party: _ResponsibleParty | None = None
    lead_sponsor: _Agency | None = None
    collaborators: list[_Agency] | None = None


class _OversightModule(_Json):
    oversight_has_dmc: bool | None = None
    is_fda_regulated_drug: bool | None = None
    is_fda_regulated_device: bool | None = None


class _DescriptionModule(_Json):
    brief_summary: str | None = None
    detailed_description: str | None = None


class _ConditionsModule(_Json):
    conditions: list[str] | None = None
    keywords: list[str] | None = None


class _MaskingInfo(_Json):
    masking: str | None = None
    masking_description: str | None = None
    who_masked: list[str] | None = None


class _DesignInfo(_Json):
    allocation: str | None = None
    intervention_model: str | None = None
    intervention_model_description: str | None = None
    primary_purpose: str | None = None
    observational_model: str | None = None
    time_perspective: str | None = None
    masking_info: _MaskingInfo | None = None


class _BioSpec(_Json):
    retention: str | None = None


class _EnrollmentInfo(_Json):
    count: int | str | None = None
    type: str | None = None


class _DesignModule(_Json):
    study_type: str | None = None
    phases: list[str] | None = None
    design_info: _DesignInfo | None = None
    target_duration: str | None = None
    bio_spec: _BioSpec | None = None
    enrollment_info: _EnrollmentInfo | None = None


class _ArmGroup(_Json):
    label: str | None = None
    type: str | None = None
    description: str | None = None
    intervention_names: list[str] | None = None


class _Intervention(_Json):
    name: str | None = None
    type: str | None = None
    description: str | None = None
    arm_group_labels: list[str] | None = None
    other_names: list[str] | None = None


class _ArmsInterventionsModule(_Json):
    arm_groups: list[_ArmGroup] | None = None
    interventions: list[_Intervention] | None = None


class _Outcome(_Json):
    measure: str | None = None
    description: str | None = None
    time_frame: str | None = None


class _OutcomesModule(_Json):
    primary_outcomes: list[_Outcome] | None = None
    secondary_outcomes: list[_Outcome] | None = None
    other_outcomes: list[_Outcome] | None = None


class _EligibilityModule(_Json):
    eligibility_criteria: str | None = None
    healthy_volunteers: bool | None = None
    sex: str | None = None
    minimum_age: str | None = None
    maximum_age: str | None = None
    study_population: str | None = None
    sampling_method: str | None = None


class _Contact(_Json):
    name: str | None = None
    phone: str | None = None
    phone_ext: str | None = None
    email: str | None = None


class _Official(_Json):
    name: str | None = None
    affiliation: str | None = None
    role: str | None = None


class _GeoPoint(_Json):
    lat: float | None = None
    lon: float | None = None


class _Location(_Json):
    facility: str | None = None
    status: str | None = None
    city: str | None = None
    state: str | None = None
    zip: str | None = None
    country: str | None = None
    contacts: list[_Contact] | None = None
    geo_point: _GeoPoint | None = None


class _ContactsLocationsModule(_Json):
    central_contacts: list[_Contact] | None = None
    overall_officials: list[_Official] | None = None
    locations: list[_Location] | None = None


class _Retraction(_Json):
    pmid: str | None = None


class _Reference(_Json):
    pmid: str | None = None
    type: str | None = None
    citation: str | None = None
    retractions: list[_Retraction] | None = None


class _SeeAlsoLink(_Json):
    label: str | None = None
    url: str | None = None


class _AvailIpd(_Json):
    type: str | None = None
    url: str | None = None


class _ReferencesModule(_Json):
    references: list[_Reference] | None = None
    see_also_links: list[_SeeAlsoLink] | None = None
    avail_ipds: list[_AvailIpd] | None = None


class _IpdSharingStatementModule(_Json):
    ipd_sharing: str | None = None
    description: str | None = None
    url: str | None = None


class _ProtocolSection(_Json):
    identification_module: _IdentificationModule | None = None
    status_module: _StatusModule | None = None
    sponsor_collaborators_module: _SponsorCollaboratorsModule | None = None
    oversight_module: _OversightModule | None = None
    description_module: _DescriptionModule | None = None
    conditions_module: _ConditionsModule | None = None
    design_module: _DesignModule | None = None
    arms_interventions_module: _ArmsInterventionsModule | None = None
    outcomes_module: _OutcomesModule | None = None
    eligibility_module: _EligibilityModule | None = None
    contacts_locations_module: _ContactsLocationsModule | None = None
    references_module: _ReferencesModule | None = None
    ipd_sharing_statement_module: _IpdSharingStatementModule | None = None


@cache
def _camel_twin(part: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """A Part as API v2 writes it: the same fields, in camel case, with any word where the Part has canonical ones."""
    hints = get_type_hints(part)
    fields: list[Any] = []
    for field in msgspec.structs.fields(part):
        default = list if get_origin(hints[field.name]) is list else None
        given: Any = msgspec.field(default_factory=default) if default else None
        fields.append((field.name, _twin_type(hints[field.name]), *(() if field.required else (given,))))
    return msgspec.defstruct(part.__name__, fields, rename="camel", gc=False)


def _twin_type(hint: Any) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is list:
        return list[_twin_type(arguments[0])]  # type: ignore[misc]
    if origin in (Union, UnionType):
        return Union[tuple(_twin_type(argument) for argument in arguments)]  # noqa: UP007 built at run time
    if origin is Literal:
        return str
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return _camel_twin(hint)
    return hint


class _LimitationsAndCaveats(_Json):
    description: str | None = None


class _PointOfContact(_Json):
    title: str | None = None
    organization: str | None = None
    email: str | None = None
    phone: str | None = None
    phone_ext: str | None = None


class _MoreInfoModule(_Json):
    limitations_and_caveats: _LimitationsAndCaveats | None = None
    point_of_contact: _PointOfContact | None = None


_OutcomeMeasuresModule = msgspec.defstruct(
    "_OutcomeMeasuresModule",
    [("outcome_measures", list[_camel_twin(OutcomeMeasure)], msgspec.field(default_factory=list))],  # type: ignore[misc]
    rename="camel",
)
_ResultsSection = msgspec.defstruct(
    "_ResultsSection",
    [
        ("participant_flow_module", _camel_twin(ParticipantFlow) | None, None),
        ("baseline_characteristics_module", _camel_twin(Baseline) | None, None),
        ("outcome_measures_module", _OutcomeMeasuresModule | None, None),
        ("adverse_events_module", _camel_twin(AdverseEvents) | None, None),
        ("more_info_module", _MoreInfoModule | None, None),
    ],
    rename="camel",
)


class _LargeDoc(_Json):
    label: str | None = None
    filename: str | None = None


class _LargeDocumentModule(_Json):
    large_docs: list[_LargeDoc] | None = None


class _DocumentSection(_Json):
    large_document_module: _LargeDocumentModule | None = None


class _Mesh(_Json):
    id: str | None = None
    term: str | None = None


class _BrowseModule(_Json):
    meshes: list[_Mesh] | None = None
    ancestors: list[_Mesh] | None = None


class _MiscInfoModule(_Json):
    version_holder: str | None = None
    removed_countries: list[str] | None = None


class _DerivedSection(_Json):
    misc_info_module: _MiscInfoModule | None = None
    condition_browse_module: _BrowseModule | None = None
    intervention_browse_module: _BrowseModule | None = None


class _AnnotationSection(_Json):
    pass


class Study(_Json):
    """A study in API v2 JSON: what a Record needs of it, under the API's names."""

    protocol_section: _ProtocolSection | None = None
    results_section: _ResultsSection | None = None  # type: ignore[valid-type]
    annotation_section: _AnnotationSection | None = None
    document_section: _DocumentSection | None = None
    derived_section: _DerivedSection | None = None
    has_results: bool | None = None


def _record_of_study(study: Study) -> Record:
    """The Record of a study in the shape of API v2."""
    protocol = study.protocol_section
    module = protocol.identification_module if protocol else None
    if protocol is None or module is None or not module.nct_id or not module.nct_id.strip():
        raise Unreadable("missing_identifier", "identificationModule has no nctId")
    record = _new_record(module.nct_id)
    for alias in module.nct_id_aliases or ():
        _add_id(record, alias, "alias", "nctIdAliases")
    if org := module.org_study_id_info:
        _add_id(record, org.id, "organisation", "orgStudyIdInfo", org.type)
    for other in module.secondary_id_infos or ():
        _add_id(record, other.id, "secondary", "secondaryIdInfos", other.type, other.domain)
    record.public_title = fold(module.brief_title)
    record.scientific_title = fold(module.official_title)
    record.acronym = fold(module.acronym)
    for set_module, part in zip(_SET_MODULES, msgspec.structs.astuple(protocol)[1:], strict=True):
        if part is not None:
            set_module(record, part)
    misc = study.derived_section.misc_info_module if study.derived_section else None
    _set_countries(record, (), (misc.removed_countries if misc else None) or ())
    if misc:
        record.exported_date = _date(misc.version_holder)
    if derived := study.derived_section:
        record.mesh_terms = [
            MeshTerm(term, _mesh_uid(mesh.id), about, is_ancestor)
            for about, browse in (
                ("condition", derived.condition_browse_module),
                ("intervention", derived.intervention_browse_module),
            )
            if browse
            for is_ancestor, meshes in ((False, browse.meshes), (True, browse.ancestors))
            for mesh in meshes or ()
            if (term := mesh.term)
        ]
    documents = study.document_section.large_document_module if study.document_section else None
    for document in (documents.large_docs if documents else None) or ():
        url = document.filename
        if url:
            url = f"https://cdn.clinicaltrials.gov/large-docs/{record.id[-2:]}/{record.id}/{url}"
        record.links.append(Link(url, document.label))
    record.has_results = study.has_results
    if study.results_section is not None:
        _set_results(record, study.results_section)
    return record


def _no_study(given: dict[str, Any]) -> Unreadable | None:
    """Why a JSON object in the shape of API v2 is no study; none if it has an id."""
    sections = [name for name in _STUDY_SECTIONS if isinstance(given.get(name), dict)]
    if not sections:
        return Unreadable("not_a_registry_export", "JSON without a section of a study")
    modules = [module for section in sections for module in given[section]]
    protocol = given.get("protocolSection")
    identification = protocol.get("identificationModule") if isinstance(protocol, dict) else None
    if isinstance(identification, dict):
        number = identification.get("nctId")
        if isinstance(number, str) and number.strip():
            return None
        if "briefTitle" in identification or "orgStudyIdInfo" in identification:
            return Unreadable("missing_identifier", "identificationModule has no nctId")
    return Unreadable("study_fragment", f"no nctId; it holds {', '.join(modules) or 'no module'}")


_STUDY_SECTIONS = tuple(name for name in Study.__struct_encode_fields__ if name.endswith("Section"))


def _struct_date(struct: _DateStruct | None) -> PartialDate | None:
    return _date(struct.date, struct.type) if struct else None


def _set_status_module(record: Record, module: _StatusModule) -> None:
    if module.overall_status:
        _set_status(record, module.overall_status)
    if module.last_known_status:
        _set_last_known_status(record, module.last_known_status)
    record.why_stopped = fold(module.why_stopped)
    if module.expanded_access_info:
        record.has_expanded_access = module.expanded_access_info.has_expanded_access
    record.first_submitted_date = _date(module.study_first_submit_date)
    record.registration_date = _struct_date(module.study_first_post_date_struct)
    record.start_date = _struct_date(module.start_date_struct)
    record.primary_completion_date = _struct_date(module.primary_completion_date_struct)
    record.completion_date = _struct_date(module.completion_date_struct)
    record.results_posted_date = _struct_date(module.results_first_post_date_struct)
    record.last_updated_date = _struct_date(module.last_update_post_date_struct) or _date(
        module.last_update_submit_date
    )
    record.verified_date = _date(module.status_verified_date)


def _set_sponsors(record: Record, module: _SponsorCollaboratorsModule) -> None:
    if (lead := module.lead_sponsor) and (name := fold(lead.name)):
        record.sponsors.append(_sponsor(name, lead.class_, "LEAD"))
    for agency in module.collaborators or ():
        if name := fold(agency.name):
            record.sponsors.append(_sponsor(name, agency.class_, "COLLABORATOR"))
    if party := module.responsible_party:
        old = ", ".join(filter(None, (fold(party.old_name_title), fold(party.old_organization))))
        record.responsible_party = party.type or old or None


def _set_oversight(record: Record, module: _OversightModule) -> None:
    record.has_dmc = module.oversight_has_dmc
    record.is_fda_regulated_drug = module.is_fda_regulated_drug
    record.is_fda_regulated_device = module.is_fda_regulated_device


def _set_description(record: Record, module: _DescriptionModule) -> None:
    record.brief_summary = module.brief_summary or None
    record.detailed_description = module.detailed_description or None


def _set_conditions(record: Record, module: _ConditionsModule) -> None:
    record.conditions = [Condition(name) for name in module.conditions or () if name]
    record.keywords = [word for word in module.keywords or () if word]


def _set_design(record: Record, module: _DesignModule) -> None:
    if module.study_type:
        _set_study_type(record, module.study_type)
    if module.phases:
        _set_phases(record, module.phases, "|".join(module.phases))
    record.target_duration = module.target_duration
    if module.bio_spec:
        record.biospecimen_retention = module.bio_spec.retention
    if (enrollment := module.enrollment_info) and enrollment.count is not None:
        _set_enrollment(record, str(enrollment.count), enrollment.type)
    design = module.design_info
    if design is None:
        return
    for part in ("allocation", "intervention_model", "primary_purpose", "observational_model", "time_perspective"):
        if raw := getattr(design, part):
            _set_design_part(record, part, raw)
    record.intervention_model_description = design.intervention_model_description or None
    if masking := design.masking_info:
        if masking.masking:
            _set_masking(record, masking.masking, masking.who_masked or ())
        record.masking_description = masking.masking_description or None


def _set_arms(record: Record, module: _ArmsInterventionsModule) -> None:
    record.arms = [
        Arm(
            label,
            vocabulary.arm_type(arm.type),
            arm.type,
            arm.description or None,
            [_without_type(name) for name in arm.intervention_names or () if name],
        )
        for arm in module.arm_groups or ()
        if (label := arm.label)
    ]
    record.number_of_arms = len(record.arms) or None
    record.interventions = [
        Intervention(
            name,
            vocabulary.intervention_type(given.type),
            given.type,
            given.description or None,
            given.other_names or [],
            given.arm_group_labels or [],
        )
        for given in module.interventions or ()
        if (name := given.name)
    ]


def _set_outcomes(record: Record, module: _OutcomesModule) -> None:
    kinds: tuple[tuple[OutcomeType, list[_Outcome] | None], ...] = (
        ("PRIMARY", module.primary_outcomes),
        ("SECONDARY", module.secondary_outcomes),
        ("OTHER_PRE_SPECIFIED", module.other_outcomes),
    )
    record.outcomes = [
        Outcome(kind, measure, outcome.description or None, outcome.time_frame)
        for kind, outcomes in kinds
        for outcome in outcomes or ()
        if (measure := outcome.measure)
    ]


def _set_eligibility_module(record: Record, module: _EligibilityModule) -> None:
    _set_eligibility(record, module.eligibility_criteria or None)
    record.healthy_volunteers = module.healthy_volunteers
    if module.sex:
        record.sex_raw = module.sex
        record.sex = _folded(record, "sex", vocabulary.sex(module.sex), module.sex)
    _set_age(record, module.minimum_age, module.maximum_age)
    record.study_population = module.study_population or None
    record.sampling_method = module.sampling_method


def _contact(type: str, contact: _Contact, affiliation: str | None = None) -> Contact:
    phone = contact.phone
    if phone and contact.phone_ext:
        phone = f"{phone} ext. {contact.phone_ext}"
    return Contact(type, contact.name, affiliation, None, contact.email, phone)


def _set_places(record: Record, module: _ContactsLocationsModule) -> None:
    record.contacts.extend(_contact("central", contact) for contact in module.central_contacts or ())
    record.officials = [
        Official(name, official.role, official.affiliation)
        for official in module.overall_officials or ()
        if (name := official.name)
    ]
    for site in module.locations or ():
        country = site.country
        point = site.geo_point
        record.locations.append(
            Location(
                site.facility,
                site.city,
                site.state,
                site.zip,
                _country(country) if country else None,
                vocabulary.status(site.status),
                point.lat if point else None,
                point.lon if point else None,
            )
        )
        if site.contacts:
            record.contacts.extend(_contact("site", contact, site.facility) for contact in site.contacts)


_REFERENCE_TYPES = get_args(ReferenceType)


def _set_references(record: Record, module: _ReferencesModule) -> None:
    for given in module.references or ():
        kind = given.type if given.type in _REFERENCE_TYPES else None
        if given.type and kind is None:
            record.notes.append(Note("references", _UNKNOWN_WORD, given.type))
        record.references.append(
            _reference(given.pmid, cast(ReferenceType | None, kind), given.citation, bool(given.retractions))
        )
    record.links.extend(Link(link.url, link.label) for link in module.see_also_links or ())
    record.links.extend(Link(data.url, data.type) for data in module.avail_ipds or ())


def _set_sharing(record: Record, module: _IpdSharingStatementModule) -> None:
    record.ipd_sharing = module.ipd_sharing
    record.ipd_description = module.description or None
    if url := module.url:
        record.links.append(Link(url, "IPD sharing"))


def _set_results(record: Record, section: Any) -> None:
    """The posted results: names and values are those of API v2, so msgspec converts whole modules at once."""
    results = Results()
    if section.participant_flow_module is not None:
        results.participant_flow = msgspec.convert(
            section.participant_flow_module, ParticipantFlow, from_attributes=True
        )
    if section.baseline_characteristics_module is not None:
        results.baseline = msgspec.convert(section.baseline_characteristics_module, Baseline, from_attributes=True)
    if section.outcome_measures_module is not None:
        measures = section.outcome_measures_module.outcome_measures
        for measure in measures:
            if measure.type:
                measure.type = _folded(record, "results", vocabulary.outcome_type(measure.type), measure.type)
            posting = measure.anticipated_posting_date
            measure.anticipated_posting_date = parse_date(posting) or posting
        results.outcome_measures = msgspec.convert(measures, list[OutcomeMeasure], from_attributes=True)
    if section.adverse_events_module is not None:
        results.adverse_events = msgspec.convert(section.adverse_events_module, AdverseEvents, from_attributes=True)
    if more := section.more_info_module:
        if more.limitations_and_caveats:
            results.limitations = more.limitations_and_caveats.description or None
        if point := more.point_of_contact:
            person = _Contact(name=point.title, phone=point.phone, phone_ext=point.phone_ext, email=point.email)
            record.contacts.append(_contact("results", person, point.organization))
    if results != Results():
        record.results = results


_SET_MODULES: tuple[Callable[[Record, Any], None], ...] = (
    _set_status_module,
    _set_sponsors,
    _set_oversight,
    _set_description,
    _set_conditions,
    _set_design,
    _set_arms,
    _set_outcomes,
    _set_eligibility_module,
    _set_places,
    _set_references,
    _set_sharing,
)
"""For every module of the protocol section after the first, in its order."""

_STUDY = msgspec.json.Decoder(Study)
_ANY_OBJECT = msgspec.json.Decoder(dict[str, Any])
_ESCAPE = re.compile(rb"\\\\(?=\\\\|[<>\[\]*&^~_#`|])")


def _decode(data: bytes, decoder: msgspec.json.Decoder[_T]) -> _T:
    """Decode JSON; raises Unreadable that says what is wrong, and where."""
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        raise Unreadable("malformed_json", str(error)) from None
    except UnicodeDecodeError as error:
        raise Unreadable("invalid_encoding", str(error)) from None
    except msgspec.DecodeError as error:
        raise Unreadable("truncated" if "truncated" in str(error) else "malformed_json", str(error)) from None


def _read_v2_study(entry: Entry) -> Record:
    data = _ESCAPE.sub(b"", entry.data)
    try:
        return _record_of_study(_decode(data, _STUDY))
    except Unreadable as unreadable:
        if unreadable.reason in ("malformed_json", "missing_identifier"):
            raise _no_study(_decode(data, _ANY_OBJECT)) or unreadable from None
        raise


def _read_v2_json(stream: BinaryIO) -> Iterator[Record | Reject]:
    return one_or_more(stream, _ONE_V2_STUDY, lambda whole: json_values(whole, ("studies",)), _read_v2_study)


_ONE_V2_STUDY = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"protocolSection"')


# --- old v1 JSON, turned into the shape of API v2


_V1_ONLY_NAMES = {"gender": "sex"}


@cache
def _v2_field(shape: type[msgspec.Struct], v1_name: str, is_list: bool) -> tuple[str, Any] | None:
    """The v2 field that a v1 name stands for, and its type; v1 writes its place before it (PrimaryOutcomeTimeFrame)."""
    name = _V1_ONLY_NAMES.get(v1_name.lower(), v1_name.lower())
    hints = get_type_hints(shape)
    best: tuple[int, str, Any] | None = None
    for field in msgspec.structs.fields(shape):
        hint = next((a for a in get_args(hints[field.name]) if get_origin(a) is list), hints[field.name])
        endings = _singulars(field.encode_name.lower()) if is_list else (field.encode_name.lower(),)
        length = max((len(ending) for ending in endings if name.endswith(ending)), default=0)
        if length > (best[0] if best else 0):
            best = length, field.encode_name, hint
    return best[1:] if best else None


def _singulars(name: str) -> tuple[str, ...]:
    """A v2 name as it is, and as v1 has it inside a list: analyses are OutcomeAnalysis, meshes are ConditionMesh."""
    plurals = (("yses", "ysis"), ("ies", "y"), ("es", ""), ("s", ""))
    return (name, *(name.removesuffix(plural) + single for plural, single in plurals if name.endswith(plural)))


_V1_TOKENS = {
    ("BaselineMeasure", "paramType"),
    ("BaselineMeasure", "dispersionType"),
    ("OutcomeMeasure", "paramType"),
    ("OutcomeMeasure", "reportingStatus"),
    ("Analysis", "nonInferiorityType"),
    ("Analysis", "ciNumSides"),
    ("Analysis", "dispersionType"),
    ("AdverseEvent", "assessmentType"),
    ("_Official", "role"),
    ("_ResponsibleParty", "type"),
    ("_BioSpec", "retention"),
    ("_EligibilityModule", "samplingMethod"),
    ("_IpdSharingStatementModule", "ipdSharing"),
    ("_Reference", "type"),
}
"""Where v1 has words and the Record holds the tokens of API v2 without a fold of their own."""


def _v2_object(shape: type[msgspec.Struct], v1: dict[str, Any]) -> dict[str, Any]:
    """A v1 object under v2's names; what has no place in the shape is left out."""
    v2: dict[str, Any] = {}
    for v1_name, value in v1.items():
        is_list = v1_name.endswith("List") and isinstance(value, dict) and len(value) == 1
        if is_list:  # XList holds nothing but a list X
            v1_name, value = next(iter(value.items()))
        found = _v2_field(shape, v1_name, is_list)
        if found is None:
            continue
        name, hint = found
        if get_origin(hint) is list:
            items = value if isinstance(value, list) else [value]
            v2[name] = [_v2_value(shape, name, get_args(hint)[0], item) for item in items]
        else:
            if isinstance(value, list):
                value = ", ".join(map(str, value))
            v2[name] = _v2_value(shape, name, hint, value)
    return v2


def _v2_value(shape: type[msgspec.Struct], name: str, hint: Any, value: Any) -> Any:
    kind = next((a for a in get_args(hint) if a is not NoneType), hint)
    if isinstance(value, dict) and isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _v2_object(kind, value)
    if not isinstance(value, str):
        return value
    if kind is bool:
        return _yes(value)
    return _token(value) if (shape.__name__, name) in _V1_TOKENS else value


_V1_WRAPPERS = ("FullStudiesResponse", "FullStudy", "Study")


def _read_v1_study(entry: Entry) -> Record:
    given = _decode(entry.data, _ANY_OBJECT)
    if "StudyFieldsResponse" in given:
        raise Unreadable("format_without_reader", "a table of chosen fields (StudyFieldsResponse): export full studies")
    while wrapper := next((key for key in _V1_WRAPPERS if isinstance(given.get(key), dict)), None):
        given = given[wrapper]
    v2 = _v2_object(Study, given)
    if why_not := _no_study(v2):
        raise why_not
    try:
        study = msgspec.convert(v2, Study, strict=False)
    except msgspec.ValidationError as error:
        raise Unreadable("malformed_json", f"{error} (in the terms of API v2)") from None
    record = _record_of_study(study)
    # v1 has no flag of its own for results
    record.has_results = study.results_section is not None
    return record


def _read_v1_json(stream: BinaryIO) -> Iterator[Record | Reject]:
    return each(json_values(stream, ("FullStudies",)), _read_v1_study)


# --- CSV: the table of a search, with the columns that the user chose


_CSV_OUTCOMES: tuple[tuple[str, OutcomeType], ...] = (
    ("Primary Outcome Measures", "PRIMARY"),
    ("Secondary Outcome Measures", "SECONDARY"),
    ("Other Outcome Measures", "OTHER_PRE_SPECIFIED"),
)
_CSV_DESIGN = {
    "Allocation": "allocation",
    "Intervention Model": "intervention_model",
    "Masking": "masking",
    "Primary Purpose": "primary_purpose",
    "Observational Model": "observational_model",
    "Time Perspective": "time_perspective",
}
_CSV_COLUMNS = {
    "NCT Number",
    "Study Title",
    "Study URL",
    "Acronym",
    "Study Status",
    "Brief Summary",
    "Study Results",
    "Conditions",
    "Interventions",
    *(column for column, _ in _CSV_OUTCOMES),
    "Sponsor",
    "Collaborators",
    "Sex",
    "Age",
    "Phases",
    "Enrollment",
    "Funder Type",
    "Study Type",
    "Study Design",
    "Other IDs",
    "Start Date",
    "Primary Completion Date",
    "Completion Date",
    "First Posted",
    "Results First Posted",
    "Last Update Posted",
    "Locations",
    "Study Documents",
}
_CSV_ROW = re.compile(r'"?NCT\d{8}"?(?:,|\s*$)')
_CSV_INTERVENTIONS = re.compile(rf"\|(?=(?:{'|'.join(get_args(vocabulary.InterventionType))}): )")
_CSV_DOCUMENTS = re.compile(r"(?<=\.pdf)\|")
_MARKDOWN_ESCAPE = re.compile(r"\\([\\<>\[\]*&^~_#`|])")
_POSTAL_CODE = re.compile(r"(?=.*\d)[A-Z\d][A-Z\d -]{0,11}")
_COUNTRIES_WITH_COMMAS = re.compile(
    r"(?:^|, )(Congo, The Democratic Republic of the|(?:Iran|Micronesia|Palestinian Territor\w+|Korea|Macedonia|"
    r"Moldova|Tanzania|Virgin Islands|Bolivia|Venezuela)[^,]*, [^,]+)$"
)


def _csv_parts(cell: str | None, separator: re.Pattern[str] | None = None) -> list[str]:
    parts = (separator.split(cell) if separator else cell.split("|")) if cell else []
    return [part for raw in parts if (part := fold(raw))]


def _csv_site(text: str) -> Location:
    """A site as the CSV joins it: name, city, state, postal code and country, of which any may be missing."""
    with_comma = _COUNTRIES_WITH_COMMAS.search(text)
    rest, _, country = text.rpartition(", ")
    if with_comma and vocabulary.country(with_comma[1]):
        rest, country = text[: with_comma.start()], with_comma[1]
    before, _, last = rest.rpartition(", ")
    is_code = bool(before) and _POSTAL_CODE.fullmatch(last) is not None
    return Location(
        (before if is_code else rest) or None, postal_code=last if is_code else None, country=_country(country)
    )


def _read_csv_row(entry: Entry) -> Record:
    row = entry.row or {}
    number = fold(row.get("NCT Number"))
    if number is None:
        raise Unreadable("missing_identifier", "the cell NCT Number is empty")
    record = _new_record(number)

    def cell(column: str) -> str | None:
        return fold(row.get(column))

    for place, other in enumerate(_csv_parts(row.get("Other IDs"))):
        _add_id(record, other, "secondary" if place else "organisation", "Other IDs")
    record.public_title = cell("Study Title")
    record.acronym = cell("Acronym")
    record.brief_summary = block(_MARKDOWN_ESCAPE.sub(r"\1", row.get("Brief Summary") or ""))
    if status := cell("Study Status"):
        _set_status(record, status)
    if results := cell("Study Results"):
        record.has_results = _yes(results)
    record.conditions = [Condition(name) for name in _csv_parts(row.get("Conditions"))]
    for given in _csv_parts(row.get("Interventions"), _CSV_INTERVENTIONS):
        type_raw, colon, name = given.partition(": ")
        type = vocabulary.intervention_type(type_raw) if colon else None
        record.interventions.append(Intervention(name, type, type_raw) if type else Intervention(given))
    for column, kind in _CSV_OUTCOMES:
        if text := row.get(column):
            outcomes = _MARKDOWN_ESCAPE.sub(r"\1", text).split("|")
            record.outcomes.extend(Outcome(kind, measure) for raw in outcomes if (measure := block(raw)))
    if record.outcomes:
        record.notes.append(Note("outcomes", "measure, description and time frame are not divided"))
    if sponsor := cell("Sponsor"):
        record.sponsors.append(_sponsor(sponsor, cell("Funder Type"), "LEAD"))
    record.sponsors.extend(_sponsor(name, None, "COLLABORATOR") for name in _csv_parts(row.get("Collaborators")))
    if sex := cell("Sex"):
        record.sex_raw = sex
        record.sex = _folded(record, "sex", vocabulary.sex(sex), sex)
    if phases := cell("Phases"):
        _set_phases(record, phases.split("|"), phases)
    if enrollment := cell("Enrollment"):
        _set_enrollment(record, enrollment, None)
    if study_type := cell("Study Type"):
        _set_study_type(record, study_type)
    if design := cell("Study Design"):
        record.study_design_raw = design
        for part in design.split("|"):
            label, _, value = part.partition(": ")
            # for observational studies the export writes a lone letter in place of the perspective
            if label in _CSV_DESIGN and len(value) > 1:
                _set_design_part(record, _CSV_DESIGN[label], value)
    record.start_date = _date(cell("Start Date"))
    record.primary_completion_date = _date(cell("Primary Completion Date"))
    record.completion_date = _date(cell("Completion Date"))
    record.registration_date = _date(cell("First Posted"))
    record.results_posted_date = _date(cell("Results First Posted"))
    record.last_updated_date = _date(cell("Last Update Posted"))
    record.locations = [_csv_site(site) for site in _csv_parts(row.get("Locations"))]
    if record.locations:
        record.notes.append(Note("locations", "name, city and state of a site are not divided"))
        _set_countries(record, (), ())
    for document in _csv_parts(row.get("Study Documents"), _CSV_DOCUMENTS):
        label, _, url = document.rpartition(", ")
        record.links.append(Link(url, label or None))
    return record


def _read_csv(stream: BinaryIO) -> Iterator[Record | Reject]:
    return each(csv_rows(stream, begins_row=_CSV_ROW), _read_csv_row)


# --- legacy XML, read in one pass over the children of each element


def _text(element: _Element) -> str | None:
    """The text of an element on one line."""
    text = element.text
    if not text:
        return None
    return fold(_unescape(text) if "&" in text else text)


_ENTITY = re.compile(r"&(?:[a-zA-Z]{2,8}|#\d{1,6}|#[xX][0-9a-fA-F]{1,5});")


def _unescape(text: str) -> str:
    """Some conversions escaped the text before they wrote it into XML."""
    return _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)


def _prose(element: _Element) -> str | None:
    """A longer text. One that begins with a line break was wrapped by the register; in others a break is meant."""
    text = element.text
    if text is None:
        return None
    if "&" in text:
        text = _unescape(text)
    if "\n" not in text:
        return fold(text)
    return unwrap(text) if text[0] == "\n" else block(text)


def _texts(element: _Element) -> dict[str, str | None]:
    """The one-line texts of the children by tag."""
    return {child.tag: _text(child) for child in element}


_Handler = Callable[[Record, _Element], None]


def _line(field: str) -> _Handler:
    return lambda record, element: setattr(record, field, _text(element))


def _long(field: str) -> _Handler:
    return lambda record, element: setattr(record, field, _prose(element[0] if len(element) else element))


def _dated(field: str) -> _Handler:
    return lambda record, element: setattr(record, field, _date(_text(element), element.get("type")))


def _dated_unless_set(field: str) -> _Handler:
    def handle(record: Record, element: _Element) -> None:
        if getattr(record, field) is None:
            setattr(record, field, _date(_text(element), element.get("type")))

    return handle


def _flag(field: str) -> _Handler:
    return lambda record, element: setattr(record, field, _yes(_text(element)))


def _tokenised(field: str) -> _Handler:
    return lambda record, element: setattr(record, field, _token(_text(element)))


def _listed(field: str) -> _Handler:
    def handle(record: Record, element: _Element) -> None:
        if text := _text(element):
            getattr(record, field).append(text)

    return handle


def _with_text(set_value: Callable[[Record, str], None]) -> _Handler:
    def handle(record: Record, element: _Element) -> None:
        if text := _text(element):
            set_value(record, text)

    return handle


def _xml_header(record: Record, element: _Element) -> None:
    for child in element:
        if child.tag == "download_date" and (text := _text(child)):
            record.exported_date = _date(text.rpartition("processed this data on ")[2])


def _xml_ids(record: Record, element: _Element) -> None:
    for child in element:
        match child.tag:
            case "org_study_id":
                _add_id(record, child.text, "organisation", "org_study_id")
            case "secondary_id":
                _add_id(record, child.text, "secondary", "secondary_id")
            case "nct_alias":
                _add_id(record, child.text, "alias", "nct_alias")


def _xml_sponsors(record: Record, element: _Element) -> None:
    for child in element:
        texts = _texts(child)
        if name := texts.get("agency"):
            role: SponsorRole = "LEAD" if child.tag == "lead_sponsor" else "COLLABORATOR"
            record.sponsors.append(_sponsor(name, texts.get("agency_class"), role))


def _xml_oversight(record: Record, element: _Element) -> None:
    for child in element:
        match child.tag:
            case "has_dmc":
                record.has_dmc = _yes(child.text)
            case "is_fda_regulated_drug":
                record.is_fda_regulated_drug = _yes(child.text)
            case "is_fda_regulated_device":
                record.is_fda_regulated_device = _yes(child.text)


def _xml_design(record: Record, element: _Element) -> None:
    for child in element:
        if child.tag == "intervention_model_description":
            record.intervention_model_description = _prose(child)
        elif child.tag == "masking_description":
            record.masking_description = _prose(child)
        elif text := _text(child):
            _set_design_part(record, child.tag, text)


def _xml_design_string(record: Record, raw: str) -> None:
    """Dumps of before 2017 hold the whole design in one string."""
    record.study_design_raw = raw
    design = vocabulary.design(raw)
    record.allocation = design.allocation
    record.intervention_model = design.intervention_model
    record.observational_model = design.observational_model
    record.time_perspective = design.time_perspective
    record.masking = design.masking
    record.is_masked = design.is_masked
    record.masked_roles = list(design.masked_roles)
    record.primary_purpose = design.primary_purpose


def _xml_outcome(kind: OutcomeType) -> _Handler:
    def handle(record: Record, element: _Element) -> None:
        outcome = Outcome(kind, "")
        for child in element:
            match child.tag:
                case "measure":
                    outcome.measure = _text(child) or ""
                case "time_frame":
                    outcome.time_frame = _text(child)
                case "description":
                    outcome.description = _prose(child)
        if outcome.measure:
            record.outcomes.append(outcome)

    return handle


def _xml_arms_number(record: Record, raw: str) -> None:
    if raw.isdecimal():
        record.number_of_arms = int(raw)


def _xml_enrollment(record: Record, element: _Element) -> None:
    if text := _text(element):
        _set_enrollment(record, text, element.get("type"))


def _xml_condition(record: Record, raw: str) -> None:
    record.conditions.append(Condition(raw))


def _xml_arm(record: Record, element: _Element) -> None:
    arm = Arm("")
    for child in element:
        match child.tag:
            case "arm_group_label":
                arm.label = _text(child) or ""
            case "arm_group_type":
                arm.type_raw = _text(child)
                arm.type = vocabulary.arm_type(arm.type_raw)
            case "description":
                arm.description = _prose(child)
    if arm.label:
        record.arms.append(arm)


def _xml_intervention(record: Record, element: _Element) -> None:
    given = Intervention("")
    for child in element:
        match child.tag:
            case "intervention_name":
                given.name = _text(child) or ""
            case "intervention_type":
                given.type_raw = _text(child)
                given.type = vocabulary.intervention_type(given.type_raw)
            case "description":
                given.description = _prose(child)
            case "other_name":
                if text := _text(child):
                    given.other_names.append(text)
            case "arm_group_label":
                if text := _text(child):
                    given.arm_labels.append(text)
    if given.name:
        record.interventions.append(given)


def _xml_eligibility(record: Record, element: _Element) -> None:
    minimum = maximum = None
    for child in element:
        match child.tag:
            case "criteria":
                _set_eligibility(record, _prose(child[0] if len(child) else child))
            case "gender":
                if raw := _text(child):
                    record.sex_raw = raw
                    record.sex = _folded(record, "sex", vocabulary.sex(raw), raw)
            case "minimum_age":
                minimum = _text(child)
            case "maximum_age":
                maximum = _text(child)
            case "healthy_volunteers":
                record.healthy_volunteers = _yes(child.text)
            case "study_pop":
                record.study_population = _prose(child[0] if len(child) else child)
            case "sampling_method":
                record.sampling_method = _token(child.text)
    _set_age(record, minimum, maximum)


def _xml_person(texts: dict[str, str | None]) -> str | None:
    """A name in one (`last_name`, as the register writes it), in parts, or a title (of posted results)."""
    parts = (texts.get("first_name"), texts.get("middle_name"), texts.get("last_name") or texts.get("name_or_title"))
    name = " ".join(filter(None, parts))
    return f"{name}, {texts['degrees']}" if name and texts.get("degrees") else name or None


def _xml_official(record: Record, element: _Element) -> None:
    texts = _texts(element)
    if name := _xml_person(texts):
        record.officials.append(Official(name, _token(texts.get("role")), texts.get("affiliation")))


def _xml_contact(type: str, element: _Element, affiliation: str | None = None) -> Contact:
    texts = _texts(element)
    person = _Contact(_xml_person(texts), texts.get("phone"), texts.get("phone_ext"), texts.get("email"))
    return _contact(type, person, texts.get("organization") or affiliation)


def _xml_central_contact(record: Record, element: _Element) -> None:
    record.contacts.append(_xml_contact("central", element))


def _xml_location(record: Record, element: _Element) -> None:
    facility = city = state = code = country = status = None
    for child in element:
        tag = child.tag
        if tag == "facility":
            for part in child.iter():  # one pass: large studies have hundreds of sites
                tag = part.tag
                if tag == "city":
                    city = _text(part)
                elif tag == "country":
                    country = _text(part)
                elif tag == "zip":
                    code = _text(part)
                elif tag == "state":
                    state = _text(part)
                elif tag == "name":
                    facility = _text(part)
        elif tag == "status":
            status = vocabulary.status(_text(child))
        else:  # contact, contact_backup, investigator
            record.contacts.append(_xml_contact("site", child, facility))
    country = _country(country) if country else None
    record.locations.append(Location(facility, city, state, code, country, status))


def _xml_link(record: Record, element: _Element) -> None:
    texts = _texts(element)
    record.links.append(Link(texts.get("url"), texts.get("description")))


def _xml_reference(type: ReferenceType | None) -> _Handler:
    def handle(record: Record, element: _Element) -> None:
        citation = pmid = None
        for child in element:
            if child.tag == "citation":
                citation = _text(child)
            elif child.tag == "PMID":
                pmid = child.text
        record.references.append(_reference(pmid, type, citation))

    return handle


def _xml_responsible_party(record: Record, element: _Element) -> None:
    texts = _texts(element)
    old = ", ".join(filter(None, (texts.get("name_title"), texts.get("organization"))))
    record.responsible_party = _token(texts.get("responsible_party_type")) or old or None


def _xml_mesh(about: str) -> _Handler:
    def handle(record: Record, element: _Element) -> None:
        record.mesh_terms.extend(MeshTerm(term, None, about) for child in element if (term := _text(child)))

    return handle


def _xml_sharing(record: Record, element: _Element) -> None:
    for child in element:
        match child.tag:
            case "sharing_ipd":
                record.ipd_sharing = _token(child.text)
            case "ipd_description":
                record.ipd_description = _prose(child)
            case "ipd_url":
                record.links.append(Link(_text(child), "IPD sharing"))


def _xml_documents(record: Record, element: _Element) -> None:
    """`provided_document_section` and `study_docs`: what the register holds, and where participant data are."""
    for child in element:
        texts = _texts(child)
        url = texts.get("document_url") or texts.get("doc_url")
        record.links.append(Link(url, texts.get("document_type") or texts.get("doc_type")))


# posted results


@cache
def _group_id(xml_id: str) -> str:
    """The id of API v2 for one of legacy XML: P1 of the participant flow is FG000."""
    prefix = {"P": "FG", "B": "BG", "O": "OG", "E": "EG"}.get(xml_id[:1])
    return f"{prefix}{int(xml_id[1:]) - 1:03d}" if prefix and xml_id[1:].isdecimal() else xml_id


def _attribute_group(element: _Element) -> str | None:
    given = element.get("group_id")
    return _group_id(given) if given else None


def _xml_groups(element: _Element) -> list[ResultGroup]:
    groups = []
    for child in element:
        group = ResultGroup(_attribute_group(child) or "")
        for part in child:
            if part.tag == "title":
                group.title = _text(part)
            elif part.tag == "description":
                group.description = _prose(part)
        groups.append(group)
    return groups


def _xml_group_counts(element: _Element) -> list[GroupCount]:
    return [GroupCount(_attribute_group(child), child.get("count"), None, _prose(child)) for child in element]


def _xml_denominators(element: _Element) -> list[Denominator]:
    denominators = []
    for child in element:
        denominator = Denominator()
        for part in child:
            if part.tag == "units":
                denominator.units = _text(part)
            elif part.tag == "count_list":
                denominator.counts = [DenominatorCount(_attribute_group(count), count.get("value")) for count in part]
        denominators.append(denominator)
    return denominators


def _xml_categories(element: _Element) -> list[MeasureCategory]:
    categories = []
    for child in element:
        category = MeasureCategory()
        for part in child:
            if part.tag in ("title", "sub_title"):
                category.title = _text(part)
            elif part.tag == "measurement_list":
                category.measurements = [
                    Measurement(
                        _attribute_group(value),
                        value.get("value"),
                        value.get("spread"),
                        value.get("lower_limit"),
                        value.get("upper_limit"),
                        _prose(value),
                    )
                    for value in part
                ]
        categories.append(category)
    return categories


def _xml_classes(element: _Element) -> list[MeasureClass]:
    if element.tag == "category_list":  # before 2017 a measure had no classes
        return [MeasureClass(categories=_xml_categories(element))]
    classes = []
    for child in element:
        one = MeasureClass()
        for part in child:
            if part.tag == "title":
                one.title = _text(part)
            elif part.tag == "analyzed_list":
                one.denoms = _xml_denominators(part)
            elif part.tag == "category_list":
                one.categories = _xml_categories(part)
        classes.append(one)
    return classes


def _xml_flow(element: _Element) -> ParticipantFlow:
    flow = ParticipantFlow()
    for child in element:
        match child.tag:
            case "recruitment_details":
                flow.recruitment_details = _prose(child)
            case "pre_assignment_details":
                flow.pre_assignment_details = _prose(child)
            case "group_list":
                flow.groups = _xml_groups(child)
            case "period_list":
                flow.periods = [_xml_period(period) for period in child]
    return flow


def _xml_period(element: _Element) -> FlowPeriod:
    period = FlowPeriod()
    for child in element:
        match child.tag:
            case "title":
                period.title = _text(child)
            case "milestone_list":
                for given in child:
                    milestone = Milestone()
                    for part in given:
                        if part.tag == "title":
                            milestone.type = _text(part)
                        elif part.tag == "participants_list":
                            milestone.achievements = _xml_group_counts(part)
                    period.milestones.append(milestone)
            case "drop_withdraw_reason_list":
                for given in child:
                    reason = DropWithdraw()
                    for part in given:
                        if part.tag == "title":
                            reason.type = _text(part)
                        elif part.tag == "participants_list":
                            reason.reasons = _xml_group_counts(part)
                    period.drop_withdraws.append(reason)
    return period


def _xml_baseline(element: _Element) -> Baseline:
    baseline = Baseline()
    for child in element:
        match child.tag:
            case "population":
                baseline.population_description = _prose(child)
            case "group_list":
                baseline.groups = _xml_groups(child)
            case "analyzed_list":
                baseline.denoms = _xml_denominators(child)
            case "measure_list":
                for given in child:
                    measure = BaselineMeasure()
                    _xml_measure(measure, given)
                    measure.dispersion_type = _token(measure.dispersion_type)
                    baseline.measures.append(measure)
    return baseline


def _xml_measure(measure: BaselineMeasure | OutcomeMeasure, element: _Element) -> None:
    for child in element:
        match child.tag:
            case "title":
                measure.title = _text(child)
            case "description":
                measure.description = _prose(child)
            case "population":
                measure.population_description = _prose(child)
            case "units":
                measure.unit_of_measure = _text(child)
            case "param":
                measure.param_type = _token(child.text)
            case "dispersion":
                measure.dispersion_type = _text(child)
            case "units_analyzed":
                if isinstance(measure, OutcomeMeasure):
                    measure.type_units_analyzed = _text(child)
            case "analyzed_list":
                measure.denoms = _xml_denominators(child)
            case "class_list" | "category_list":
                measure.classes = _xml_classes(child)


def _xml_outcome_measure(record: Record, element: _Element) -> OutcomeMeasure:
    outcome = OutcomeMeasure(reporting_status="NOT_POSTED")
    for child in element:
        match child.tag:
            case "type":
                if raw := _text(child):
                    outcome.type = _folded(record, "results", vocabulary.outcome_type(raw), raw)
            case "title":
                outcome.title = _text(child)
            case "description":
                outcome.description = _prose(child)
            case "time_frame":
                outcome.time_frame = _text(child)
            case "population":
                outcome.population_description = _prose(child)
            case "posting_date":
                outcome.anticipated_posting_date = parse_date(_text(child)) or _text(child)
            case "group_list":
                outcome.groups = _xml_groups(child)
            case "measure":
                outcome.reporting_status = "POSTED"
                title, description = outcome.title, outcome.description
                _xml_measure(outcome, child)
                outcome.title, outcome.description = title or outcome.title, description or outcome.description
            case "analysis_list":
                outcome.analyses = [_xml_analysis(analysis) for analysis in child]
    return outcome


_XML_ANALYSIS = {
    "groups_desc": "group_description",
    "non_inferiority_desc": "non_inferiority_comment",
    "p_value": "p_value",
    "p_value_desc": "p_value_comment",
    "method": "statistical_method",
    "method_desc": "statistical_comment",
    "param_type": "param_type",
    "param_value": "param_value",
    "ci_percent": "ci_pct_value",
    "ci_lower_limit": "ci_lower_limit",
    "ci_upper_limit": "ci_upper_limit",
    "dispersion_value": "dispersion_value",
    "estimate_desc": "estimate_comment",
    "other_analysis_desc": "other_analysis_description",
}
_XML_ANALYSIS_TOKENS = {
    "non_inferiority_type": "non_inferiority_type",
    "ci_n_sides": "ci_num_sides",
    "dispersion_type": "dispersion_type",
}


def _xml_analysis(element: _Element) -> Analysis:
    analysis = Analysis()
    for child in element:
        tag = child.tag
        if field := _XML_ANALYSIS.get(tag):
            setattr(analysis, field, _prose(child))
        elif field := _XML_ANALYSIS_TOKENS.get(tag):
            setattr(analysis, field, _token(child.text))
        elif tag == "group_id_list":
            analysis.group_ids = [_group_id(group) for part in child if (group := _text(part))]
    return analysis


def _xml_events(element: _Element) -> AdverseEvents:
    events = AdverseEvents()
    for child in element:
        match child.tag:
            case "time_frame":
                events.time_frame = _prose(child)
            case "desc":
                events.description = _prose(child)
            case "group_list":
                events.event_groups = [
                    EventGroup(group.id, group.title, group.description) for group in _xml_groups(child)
                ]
            case "serious_events":
                events.serious_events = _xml_event_list(events, child)
            case "other_events":
                events.other_events = _xml_event_list(events, child)
    return events


_XML_TOTALS = (("mortality", "deaths"), ("serious", "serious"), ("other", "other"))


def _xml_event_list(events: AdverseEvents, element: _Element) -> list[AdverseEvent]:
    """One kind of events. The category Total, which API v2 keeps in the event groups, goes there."""
    vocabulary_name = assessment = None
    listed: list[AdverseEvent] = []
    for child in element:
        match child.tag:
            case "frequency_threshold":
                events.frequency_threshold = _text(child)
            case "default_vocab":
                vocabulary_name = _text(child)
            case "default_assessment":
                assessment = _token(child.text)
            case "category_list":
                for category in child:
                    system = None
                    for part in category:
                        if part.tag == "title":
                            system = _text(part)
                        elif part.tag == "event_list":
                            for given in part:
                                event = _xml_event(given, system, vocabulary_name, assessment)
                                if system == "Total":
                                    _xml_total(events.event_groups, event)
                                else:
                                    listed.append(event)
    return listed


def _xml_event(
    element: _Element, system: str | None, default_vocabulary: str | None, assessment: str | None
) -> AdverseEvent:
    event = AdverseEvent(organ_system=system, source_vocabulary=default_vocabulary, assessment_type=assessment)
    for child in element:
        match child.tag:
            case "sub_title":
                event.term = _text(child)
                event.source_vocabulary = fold(child.get("vocab")) or event.source_vocabulary
            case "assessment":
                event.assessment_type = _token(child.text)
            case "description":
                event.notes = _prose(child)
            case "counts":
                event.stats.append(
                    EventStat(
                        _attribute_group(child),
                        _count(child.get("events")),
                        _count(child.get("subjects_affected")),
                        _count(child.get("subjects_at_risk")),
                    )
                )
    return event


@lru_cache(4096)
def _count(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() else None


def _xml_total(groups: list[EventGroup], total: AdverseEvent) -> None:
    term = (total.term or "").lower()
    kind = next((kind for word, kind in _XML_TOTALS if word in term), None)
    for stat in total.stats:
        for group in groups:
            if kind and group.id == stat.group_id:
                setattr(group, f"{kind}_num_affected", stat.num_affected)
                setattr(group, f"{kind}_num_at_risk", stat.num_at_risk)


def _xml_results(record: Record, element: _Element) -> None:
    results = Results()
    for child in element:
        match child.tag:
            case "participant_flow":
                results.participant_flow = _xml_flow(child)
            case "baseline":
                results.baseline = _xml_baseline(child)
            case "outcome_list":
                results.outcome_measures = [_xml_outcome_measure(record, outcome) for outcome in child]
            case "reported_events":
                results.adverse_events = _xml_events(child)
            case "limitations_and_caveats":
                results.limitations = _prose(child)
            case "point_of_contact":
                record.contacts.append(_xml_contact("results", child))
    record.results = results
    record.has_results = True


_XML: dict[str, _Handler] = {
    "required_header": _xml_header,
    "id_info": _xml_ids,
    "brief_title": _line("public_title"),
    "acronym": _line("acronym"),
    "official_title": _line("scientific_title"),
    "sponsors": _xml_sponsors,
    "oversight_info": _xml_oversight,
    "brief_summary": _long("brief_summary"),
    "detailed_description": _long("detailed_description"),
    "overall_status": _with_text(_set_status),
    "last_known_status": _with_text(_set_last_known_status),
    "why_stopped": _line("why_stopped"),
    "start_date": _dated("start_date"),
    "completion_date": _dated("completion_date"),
    "primary_completion_date": _dated("primary_completion_date"),
    "phase": _with_text(lambda record, raw: _set_phases(record, (raw,), raw)),
    "study_type": _with_text(_set_study_type),
    "has_expanded_access": _flag("has_expanded_access"),
    "study_design_info": _xml_design,
    "study_design": _with_text(_xml_design_string),
    "target_duration": _line("target_duration"),
    "primary_outcome": _xml_outcome("PRIMARY"),
    "secondary_outcome": _xml_outcome("SECONDARY"),
    "other_outcome": _xml_outcome("OTHER_PRE_SPECIFIED"),
    "number_of_arms": _with_text(_xml_arms_number),
    "number_of_groups": _with_text(_xml_arms_number),
    "enrollment": _xml_enrollment,
    "condition": _with_text(_xml_condition),
    "arm_group": _xml_arm,
    "intervention": _xml_intervention,
    "biospec_retention": _tokenised("biospecimen_retention"),
    "eligibility": _xml_eligibility,
    "overall_official": _xml_official,
    "overall_contact": _xml_central_contact,
    "overall_contact_backup": _xml_central_contact,
    "location": _xml_location,
    "link": _xml_link,
    "reference": _xml_reference(None),
    "results_reference": _xml_reference("RESULT"),
    "verification_date": _dated("verified_date"),
    "study_first_submitted": _dated("first_submitted_date"),
    "firstreceived_date": _dated_unless_set("first_submitted_date"),
    "study_first_posted": _dated("registration_date"),
    "results_first_posted": _dated("results_posted_date"),
    "last_update_posted": _dated("last_updated_date"),
    "last_update_submitted": _dated_unless_set("last_updated_date"),
    "lastchanged_date": _dated_unless_set("last_updated_date"),
    "responsible_party": _xml_responsible_party,
    "keyword": _listed("keywords"),
    "condition_browse": _xml_mesh("condition"),
    "intervention_browse": _xml_mesh("intervention"),
    "patient_data": _xml_sharing,
    "provided_document_section": _xml_documents,
    "study_docs": _xml_documents,
    "clinical_results": _xml_results,
}


def _read_xml_study(entry: Entry) -> Record:
    root = parse_xml(entry.data)
    if root.tag != "clinical_study":
        raise Unreadable("malformed_xml", f"the root is <{root.tag}>, not <clinical_study>")
    ids = next(root.iterchildren("id_info"), None)
    number = next((child.text for child in ids if child.tag == "nct_id"), None) if ids is not None else None
    if number is None or not number.strip():
        raise Unreadable("missing_identifier", "id_info has no nct_id")
    record = _new_record(number)
    record.has_results = False
    countries: list[str] = []
    removed: list[str] = []
    for child in root:
        tag = child.tag
        if handler := _XML.get(tag):
            handler(record, child)
        elif tag == "location_countries":
            countries = [name for country in child if (name := _text(country))]
        elif tag == "removed_countries":
            removed = [name for country in child if (name := _text(country))]
    _set_countries(record, countries, removed)
    if record.arms:
        names: dict[str, list[str]] = {}
        for given in record.interventions:
            for label in given.arm_labels:
                names.setdefault(label, []).append(given.name)
        for arm in record.arms:
            arm.intervention_names = names.get(arm.label, [])
        record.number_of_arms = record.number_of_arms or len(record.arms)
    return record


def _read_xml(stream: BinaryIO) -> Iterator[Record | Reject]:
    """One study a file, as the register gives it; also several, one after the other or inside another element."""
    return one_or_more(stream, _ONE_XML_STUDY, _cut_xml, _read_xml_study)


def _cut_xml(stream: BinaryIO) -> Iterator[Entry | Reject]:
    head, whole = peek(stream, 400)
    return xml_elements(as_utf8(whole, head), ("clinical_study",))


_ONE_XML_STUDY = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<[?!][^<]*>\s*)*<clinical_study[\s>]")


# --- recognition


_BLANKS = b"\xef\xbb\xbf \t\r\n"
_V2_KEY = re.compile(rb'"(?:protocolSection|resultsSection|annotationSection|documentSection|derivedSection)"\s*:')
_V1_KEY = re.compile(
    rb'"(?:FullStudiesResponse|FullStudies|FullStudy|StudyFieldsResponse|StudyStatistics|'
    rb'(?:Protocol|Results|Annotation|Document|Derived)Section)"\s*:'
)


def _is_v2_json(head: bytes) -> bool:
    return head.lstrip(_BLANKS)[:1] in (b"{", b"[") and _V2_KEY.search(head) is not None


def _is_v1_json(head: bytes) -> bool:
    return head.lstrip(_BLANKS)[:1] in (b"{", b"[") and _V1_KEY.search(head) is not None


def _is_csv(head: bytes) -> bool:
    line = head.lstrip(_BLANKS).partition(b"\n")[0].decode("utf-8", "replace")
    if "NCT Number" not in line:
        return False
    columns = {cell.strip() for cell in next(csv.reader(io.StringIO(line)), [])}
    return "NCT Number" in columns and len(columns & _CSV_COLUMNS) * 2 > len(columns)


def _is_xml(head: bytes) -> bool:
    return head.lstrip(_BLANKS)[:1] == b"<" and re.search(rb"<clinical_study[\s>]", head) is not None


SOURCE = Source(
    name=_REGISTER,
    title="ClinicalTrials.gov",
    home_page="https://clinicaltrials.gov",
    licence="Public domain, with attribution (ClinicalTrials.gov terms and conditions)",
    is_open=True,
    registers=(_REGISTER,),
    obtain=(
        "Search on the home page and download as JSON or CSV with all columns, or ask the API: "
        "https://clinicaltrials.gov/api/v2/studies?query.cond=...&pageSize=1000 (follow nextPageToken). "
        "Older dumps (AllPublicXML.zip, AllAPIJSON.zip) are read too."
    ),
    formats=(
        Format(
            "api-v2-json",
            "API v2 JSON: one study, an array, one a line, or a page of a search",
            _is_v2_json,
            _read_v2_json,
        ),
        Format("api-v1-json", "Old API v1 JSON, with full studies (until 2024)", _is_v1_json, _read_v1_json),
        Format("csv", "CSV of a search, with any choice of columns", _is_csv, _read_csv),
        Format("legacy-xml", "Legacy XML, one clinical_study a file or several (until 2024)", _is_xml, _read_xml),
    ),
)
