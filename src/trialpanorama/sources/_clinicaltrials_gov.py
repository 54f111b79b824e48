"""What two sources make of a ClinicalTrials.gov study: the shape of API v2, and the Record of what has that shape.

The register's own formats (`clinicaltrials_gov`) and AACT's tables (`aact`) are turned into this shape, or fill the
Record by the same functions, so that one study gives one Record whichever way it came.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from types import UnionType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import msgspec

from trialpanorama import identifiers, vocabulary
from trialpanorama.errors import Unreadable
from trialpanorama.record import (
    AdverseEvents,
    Arm,
    Baseline,
    Condition,
    Contact,
    Country,
    Identifier,
    Intervention,
    Link,
    Location,
    MeshTerm,
    Note,
    Official,
    Outcome,
    OutcomeMeasure,
    PartialDate,
    ParticipantFlow,
    Record,
    Reference,
    Results,
    Sponsor,
)
from trialpanorama.sources._reading import (
    fold,
)
from trialpanorama.vocabulary import OutcomeType, ReferenceType, SponsorRole, parse_date

REGISTER = "clinicaltrials_gov"
_T = TypeVar("_T")

# --- what the formats share


def new_record(nct_id: str) -> Record:
    """The Record of a study, with everything that follows from its id."""
    given = nct_id.strip()
    own = identifiers.normalise(given, REGISTER)
    number = own.id if own else given
    record = Record(id=number, register=REGISTER, url=f"https://clinicaltrials.gov/study/{number}")
    record.identifiers.append(
        Identifier(
            number, REGISTER if own else None, "primary", raw=None if number == nct_id else nct_id, field="nctId"
        )
    )
    if own is None:
        record.notes.append(Note("id", "not a number of this register", nct_id))
    return record


def add_id(
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


def partial_date(text: str | None, type_raw: str | None = None) -> PartialDate | None:
    if not text:
        return None
    iso = parse_date(text)
    return PartialDate(iso, vocabulary.date_type(type_raw), None if iso == text else text)


def known_word(record: Record, field: str, folded: _T | None, raw: str) -> _T | None:
    """The canonical value; a word that is not known keeps the record and leaves a note."""
    if folded is None:
        record.notes.append(Note(field, _UNKNOWN_WORD, raw))
    return folded


_UNKNOWN_WORD = "not a known value"


def yes_or_no(text: str | None) -> bool | None:
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
def v2_token(words: str | None) -> str | None:
    """The token of API v2 for the words of an older format: `Count of Participants` is COUNT_OF_PARTICIPANTS."""
    text = fold(words)
    if not text:
        return None
    if confidence := _CONFIDENCE.fullmatch(text):
        return f"CONFIDENCE_{confidence[1].replace('.', '')}"
    return _TOKENS.get(text) or re.sub(r"\W+", "_", text).strip("_").upper()


def set_status(record: Record, raw: str) -> None:
    record.status_raw = raw
    record.status = known_word(record, "status", vocabulary.status(raw), raw)


def set_last_known_status(record: Record, raw: str) -> None:
    record.last_known_status = known_word(record, "last_known_status", vocabulary.status(raw), raw)


def set_study_type(record: Record, raw: str) -> None:
    record.study_type_raw = raw
    # withheld studies say N/A: that is no type
    record.study_type = None if raw == "N/A" else known_word(record, "study_type", vocabulary.study_type(raw), raw)


def set_phases(record: Record, raws: Iterable[str], raw: str) -> None:
    record.phase_raw = raw
    for one in raws:
        if phases := vocabulary.phases(one):
            record.phases.extend(phases)
        else:
            record.notes.append(Note("phases", _UNKNOWN_WORD, one))


def _set_masking(record: Record, raw: str, roles: Iterable[str] = ()) -> None:
    record.masking_raw = raw
    record.masking = known_word(record, "masking", vocabulary.masking(raw), raw)
    if record.masking:
        record.is_masked = record.masking != "NONE"
    if record.is_masked:
        record.masked_roles = list(vocabulary.masked_roles(", ".join((raw, *roles))))


def set_design_part(record: Record, part: str, raw: str) -> None:
    """Allocation, model, purpose, perspective or masking out of one word or token."""
    match part:
        case "allocation":
            record.allocation_raw = raw
            record.allocation = known_word(record, part, vocabulary.allocation(raw), raw)
        case "intervention_model":
            record.intervention_model_raw = raw
            record.intervention_model = known_word(record, part, vocabulary.intervention_model(raw), raw)
        case "primary_purpose":
            record.primary_purpose_raw = raw
            record.primary_purpose = known_word(record, part, vocabulary.primary_purpose(raw), raw)
        case "observational_model":
            record.observational_model = known_word(record, part, vocabulary.observational_model(raw), raw)
        case "time_perspective":
            record.time_perspective = known_word(record, part, vocabulary.time_perspective(raw), raw)
        case "masking":
            _set_masking(record, raw)


_STILL_RECRUITING = frozenset({"NOT_YET_RECRUITING", "RECRUITING", "ENROLLING_BY_INVITATION"})


def set_enrollment(record: Record, raw: str, type_raw: str | None) -> None:
    count = known_word(record, "enrollment_raw", vocabulary.enrollment(raw), raw)
    kind = vocabulary.date_type(type_raw)
    if kind is None and record.status in _STILL_RECRUITING:
        kind = "ESTIMATED"  # a number is reached when recruitment has ended
    if count is None or kind is None:
        record.enrollment_raw = raw
        if count is not None:
            record.notes.append(Note("enrollment_raw", "planned or reached is not said", raw))
    elif kind == "ACTUAL":
        record.enrollment_actual = count
    else:
        record.enrollment_target = count


def set_age(record: Record, minimum: str | None, maximum: str | None) -> None:
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


def set_eligibility(record: Record, text: str | None) -> None:
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


def sponsor_of(name: str, class_raw: str | None, role: SponsorRole) -> Sponsor:
    return Sponsor(name, role, vocabulary.sponsor_class(class_raw), class_raw)


@lru_cache(4096)
def country_name(name: str) -> str:
    return vocabulary.country(name) or name


def set_countries(record: Record, names: Iterable[str], removed: Iterable[str]) -> None:
    """Countries of recruitment as legacy XML sorts them (of the sites, where no list is given), and removed ones."""
    listed = list(dict.fromkeys(names)) or sorted({site.country for site in record.locations if site.country})
    recruiting = {country_name(raw) for raw in listed}
    for is_removed, raws in ((False, listed), (True, removed)):
        for raw in raws:
            name = country_name(raw)
            if not (is_removed and name in recruiting):  # such as Czech Republic, which is Czechia now
                record.countries.append(Country(name, None if raw == name else raw, is_removed))


_DOI = re.compile(r"\b10\.\d{4,9}/[^\s\"<>;,]*[^\s\"<>;,.)\]]")


def reference_of(
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


class Person(_Json):
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
    contacts: list[Person] | None = None
    geo_point: _GeoPoint | None = None


class _ContactsLocationsModule(_Json):
    central_contacts: list[Person] | None = None
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


def record_of_study(study: Study) -> Record:
    """The Record of a study in the shape of API v2."""
    protocol = study.protocol_section
    module = protocol.identification_module if protocol else None
    if protocol is None or module is None or not module.nct_id or not module.nct_id.strip():
        raise Unreadable("missing_identifier", "identificationModule has no nctId")
    record = new_record(module.nct_id)
    for alias in module.nct_id_aliases or ():
        add_id(record, alias, "alias", "nctIdAliases")
    if org := module.org_study_id_info:
        add_id(record, org.id, "organisation", "orgStudyIdInfo", org.type)
    for other in module.secondary_id_infos or ():
        add_id(record, other.id, "secondary", "secondaryIdInfos", other.type, other.domain)
    record.public_title = fold(module.brief_title)
    record.scientific_title = fold(module.official_title)
    record.acronym = fold(module.acronym)
    for set_module, part in zip(_SET_MODULES, msgspec.structs.astuple(protocol)[1:], strict=True):
        if part is not None:
            set_module(record, part)
    misc = study.derived_section.misc_info_module if study.derived_section else None
    set_countries(record, (), (misc.removed_countries if misc else None) or ())
    if misc:
        record.exported_date = partial_date(misc.version_holder)
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


def no_study(given: dict[str, Any]) -> Unreadable | None:
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
    return partial_date(struct.date, struct.type) if struct else None


def _set_status_module(record: Record, module: _StatusModule) -> None:
    if module.overall_status:
        set_status(record, module.overall_status)
    if module.last_known_status:
        set_last_known_status(record, module.last_known_status)
    record.why_stopped = fold(module.why_stopped)
    if module.expanded_access_info:
        record.has_expanded_access = module.expanded_access_info.has_expanded_access
    record.first_submitted_date = partial_date(module.study_first_submit_date)
    record.registration_date = _struct_date(module.study_first_post_date_struct)
    record.start_date = _struct_date(module.start_date_struct)
    record.primary_completion_date = _struct_date(module.primary_completion_date_struct)
    record.completion_date = _struct_date(module.completion_date_struct)
    record.results_posted_date = _struct_date(module.results_first_post_date_struct)
    record.last_updated_date = _struct_date(module.last_update_post_date_struct) or partial_date(
        module.last_update_submit_date
    )
    record.verified_date = partial_date(module.status_verified_date)


def _set_sponsors(record: Record, module: _SponsorCollaboratorsModule) -> None:
    if (lead := module.lead_sponsor) and (name := fold(lead.name)):
        record.sponsors.append(sponsor_of(name, lead.class_, "LEAD"))
    for agency in module.collaborators or ():
        if name := fold(agency.name):
            record.sponsors.append(sponsor_of(name, agency.class_, "COLLABORATOR"))
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
        set_study_type(record, module.study_type)
    if module.phases:
        set_phases(record, module.phases, "|".join(module.phases))
    record.target_duration = module.target_duration
    if module.bio_spec:
        record.biospecimen_retention = module.bio_spec.retention
    if (enrollment := module.enrollment_info) and enrollment.count is not None:
        set_enrollment(record, str(enrollment.count), enrollment.type)
    design = module.design_info
    if design is None:
        return
    for part in ("allocation", "intervention_model", "primary_purpose", "observational_model", "time_perspective"):
        if raw := getattr(design, part):
            set_design_part(record, part, raw)
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
    set_eligibility(record, module.eligibility_criteria or None)
    record.healthy_volunteers = module.healthy_volunteers
    if module.sex:
        record.sex_raw = module.sex
        record.sex = known_word(record, "sex", vocabulary.sex(module.sex), module.sex)
    set_age(record, module.minimum_age, module.maximum_age)
    record.study_population = module.study_population or None
    record.sampling_method = module.sampling_method


def contact_of(type: str, contact: Person, affiliation: str | None = None) -> Contact:
    phone = contact.phone
    if phone and contact.phone_ext:
        phone = f"{phone} ext. {contact.phone_ext}"
    return Contact(type, contact.name, affiliation, None, contact.email, phone)


def _set_places(record: Record, module: _ContactsLocationsModule) -> None:
    record.contacts.extend(contact_of("central", contact) for contact in module.central_contacts or ())
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
                country_name(country) if country else None,
                vocabulary.status(site.status),
                point.lat if point else None,
                point.lon if point else None,
            )
        )
        if site.contacts:
            record.contacts.extend(contact_of("site", contact, site.facility) for contact in site.contacts)


_REFERENCE_TYPES = get_args(ReferenceType)


def _set_references(record: Record, module: _ReferencesModule) -> None:
    for given in module.references or ():
        kind = given.type if given.type in _REFERENCE_TYPES else None
        if given.type and kind is None:
            record.notes.append(Note("references", _UNKNOWN_WORD, given.type))
        record.references.append(
            reference_of(given.pmid, cast("ReferenceType | None", kind), given.citation, bool(given.retractions))
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
                measure.type = known_word(record, "results", vocabulary.outcome_type(measure.type), measure.type)
            posting = measure.anticipated_posting_date
            measure.anticipated_posting_date = parse_date(posting) or posting
        results.outcome_measures = msgspec.convert(measures, list[OutcomeMeasure], from_attributes=True)
    if section.adverse_events_module is not None:
        results.adverse_events = msgspec.convert(section.adverse_events_module, AdverseEvents, from_attributes=True)
    if more := section.more_info_module:
        if more.limitations_and_caveats:
            results.limitations = more.limitations_and_caveats.description or None
        if point := more.point_of_contact:
            person = Person(name=point.title, phone=point.phone, phone_ext=point.phone_ext, email=point.email)
            record.contacts.append(contact_of("results", person, point.organization))
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


@cache
def group_id_of(xml_id: str) -> str:
    """The id of API v2 for one of legacy XML: P1 of the participant flow is FG000."""
    prefix = {"P": "FG", "B": "BG", "O": "OG", "E": "EG"}.get(xml_id[:1])
    return f"{prefix}{int(xml_id[1:]) - 1:03d}" if prefix and xml_id[1:].isdecimal() else xml_id


ENTITY = re.compile(r"&(?:[aA]mp;)*(?:[a-zA-Z]{2,8}|#\d{1,6}|#[xX][0-9a-fA-F]{1,5});")
_AMPERSANDS = re.compile(r"&(?:[aA]mp;)+(?!$)")
_MARKDOWN_ESCAPE = re.compile(r"\\([\\<>\[\]*&^~_#`|])")


def without_entities(text: str) -> str:
    """The text without entities: some sponsors' programs escape it, once or more, before the register sees it."""
    if "&" not in text:
        return text
    return ENTITY.sub(lambda found: html.unescape(_AMPERSANDS.sub("&", found[0])), text)


def without_escapes(text: str) -> str:
    """The text without entities, and without the escapes that API v2 writes before what Markdown reads as markup."""
    return without_entities(_MARKDOWN_ESCAPE.sub(r"\1", text))
