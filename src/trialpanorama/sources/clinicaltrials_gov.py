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

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache, lru_cache
from types import NoneType, UnionType
from typing import Any, BinaryIO, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from lxml.etree import _Element

from trialpanorama import vocabulary
from trialpanorama.errors import FetchFailed, Refused, Unreadable, UserError
from trialpanorama.fetching import Fetch, Session, Wanted
from trialpanorama.record import (
    AdverseEvent,
    AdverseEvents,
    Analysis,
    Arm,
    Baseline,
    BaselineMeasure,
    Condition,
    Contact,
    Denominator,
    DenominatorCount,
    DropWithdraw,
    EventGroup,
    EventStat,
    FlowPeriod,
    GroupCount,
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
    ParticipantFlow,
    Record,
    Reject,
    ResultGroup,
    Results,
)
from trialpanorama.sources import Format, Source
from trialpanorama.sources._clinicaltrials_gov import (
    ENTITY,
    REGISTER,
    Person,
    Study,
    add_id,
    contact_of,
    country_name,
    group_id_of,
    known_word,
    new_record,
    no_study,
    partial_date,
    record_of_study,
    reference_of,
    set_age,
    set_countries,
    set_design_part,
    set_eligibility,
    set_enrollment,
    set_last_known_status,
    set_phases,
    set_status,
    set_study_type,
    sponsor_of,
    v2_token,
    without_entities,
    without_escapes,
    yes_or_no,
)
from trialpanorama.sources._reading import (
    Entry,
    as_utf8,
    block,
    children,
    csv_rows,
    each,
    fold,
    json_values,
    one_or_more,
    parse_xml,
    peek,
    table_header,
    unwrap,
    xml_elements,
)
from trialpanorama.vocabulary import OutcomeType, ReferenceType, SponsorRole, parse_date

_T = TypeVar("_T")

# --- API v2 JSON

_STUDY = msgspec.json.Decoder(Study)
_ANY_OBJECT = msgspec.json.Decoder(dict[str, Any])
_ESCAPE = re.compile(rb"\\\\(?=\\\\|[<>\[\]*&^~_#`|])")
_ESCAPED_ENTITY = re.compile(ENTITY.pattern.encode())


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
    if b"&" in data:
        data = _ESCAPED_ENTITY.sub(lambda found: msgspec.json.encode(without_entities(found[0].decode()))[1:-1], data)
    try:
        return record_of_study(_decode(data, _STUDY))
    except Unreadable as unreadable:
        if unreadable.reason not in ("malformed_json", "missing_identifier"):
            raise
        given = _decode(data, _ANY_OBJECT)
        inside = given.get("study")  # what the pages of the register's site get
        fitted = _fitted(Study, inside if isinstance(inside, dict) else given)
        if why_not := no_study(fitted):
            raise why_not from None
        try:
            return record_of_study(msgspec.convert(fitted, Study, strict=False))
        except msgspec.ValidationError:
            raise unreadable from None


def _fitted(hint: Any, value: Any) -> Any:
    """A JSON value as the API would write it, where the program that stored it made its lists and numbers otherwise.

    R keeps a single value as a list of one (or a list of one as the value), spreadsheets and databases keep numbers
    and flags as texts, and what is missing may be a null or an empty object.
    """
    if get_origin(hint) in (Union, UnionType):
        kinds = [kind for kind in get_args(hint) if kind is not NoneType]
        hint = kinds[0] if len(kinds) == 1 else Any
    if get_origin(hint) is list:
        items = value if isinstance(value, list) else [value]
        return [_fitted(get_args(hint)[0], item) for item in items if item is not None]
    if isinstance(value, list) and len(value) < 2:
        value = value[0] if value else None
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        if not isinstance(value, dict):
            return value or None
        return {name: _fitted(kind, value[name]) for name, kind in _kinds(hint).items() if name in value}
    if isinstance(value, dict) and not value:
        return None
    if hint is bool and isinstance(value, str):
        return yes_or_no(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if hint is str and isinstance(value, int | float) and not isinstance(value, bool) else value


@cache
def _kinds(shape: type[msgspec.Struct]) -> dict[str, Any]:
    """The types of an object's values by the API's names."""
    hints = get_type_hints(shape)
    return {field.encode_name: hints[field.name] for field in msgspec.structs.fields(shape)}


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
        return yes_or_no(value)
    return v2_token(value) if (shape.__name__, name) in _V1_TOKENS else value


_V1_WRAPPERS = ("FullStudiesResponse", "FullStudy", "Study")


def _read_v1_study(entry: Entry) -> Record:
    given = _decode(entry.data, _ANY_OBJECT)
    if "StudyFieldsResponse" in given:
        raise Unreadable("format_without_reader", "a table of chosen fields (StudyFieldsResponse): export full studies")
    while wrapper := next((key for key in _V1_WRAPPERS if isinstance(given.get(key), dict)), None):
        given = given[wrapper]
    v2 = _v2_object(Study, given)
    if why_not := no_study(v2):
        raise why_not
    try:
        study = msgspec.convert(_fitted(Study, v2), Study, strict=False)
    except msgspec.ValidationError as error:
        raise Unreadable("malformed_json", f"{error} (in the terms of API v2)") from None
    record = record_of_study(study)
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
_CSV_NAMES = {
    **{column.lower(): column for column in _CSV_COLUMNS},
    # of the site that was closed in June 2024, whose files are still in use
    "sponsor collaborators": "Sponsor/Collaborators",
    "outcome measures": "Outcome Measures",
    "last verified": "Last Verified",
    "title": "Study Title",
    "status": "Study Status",
    "recruitment": "Study Status",
    "url": "Study URL",
    "gender": "Sex",
    "funded bys": "Funder Type",
    "study types": "Study Type",
    "study designs": "Study Design",
    "age groups": "Age",
    "first received": "First Submitted",
    "last updated": "Last Update Posted",
}
_CSV_RESULTS = {"has results": True, "no results available": False}
_CSV_AGE = re.compile(
    r"(?:(?P<low>[\d.]+ \w+) (?:and older|to (?P<high>[\d.]+ \w+))|up to (?P<most>[\d.]+ \w+))\b", re.I
)
_CSV_ROW = re.compile(r'"?NCT\d{8}"?(?:[,;\t]|\s*$)')
_CSV_INTERVENTIONS = re.compile(
    rf"\|(?=(?:{'|'.join(type.replace('_', '[ _]') for type in get_args(vocabulary.InterventionType))}): )", re.I
)
_CSV_DOCUMENTS = re.compile(r"(?<=\.pdf)\|")
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
        (before if is_code else rest) or None, postal_code=last if is_code else None, country=country_name(country)
    )


def _read_csv_row(entry: Entry) -> Record:
    row = {column: cell and without_escapes(cell) for column, cell in (entry.row or {}).items()}
    number = fold(row.get("NCT Number"))
    if number is None:
        raise Unreadable("missing_identifier", "the cell NCT Number is empty")
    record = new_record(number)

    def cell(column: str) -> str | None:
        return fold(row.get(column))

    for place, other in enumerate(_csv_parts(row.get("Other IDs"))):
        add_id(record, other, "secondary" if place else "organisation", "Other IDs")
    record.public_title = cell("Study Title")
    record.acronym = cell("Acronym")
    record.brief_summary = block(row.get("Brief Summary"))
    if status := cell("Study Status"):
        set_status(record, status)
    if results := cell("Study Results"):
        record.has_results = _CSV_RESULTS.get(results.lower(), yes_or_no(results))
    record.conditions = [Condition(name) for name in _csv_parts(row.get("Conditions"))]
    for given in _csv_parts(row.get("Interventions"), _CSV_INTERVENTIONS):
        type_raw, colon, name = given.partition(": ")
        type = vocabulary.intervention_type(type_raw) if colon else None
        record.interventions.append(Intervention(name, type, type_raw) if type else Intervention(given))
    for column, kind in _CSV_OUTCOMES:
        if text := row.get(column):
            record.outcomes.extend(Outcome(kind, measure) for raw in text.split("|") if (measure := block(raw)))
    if record.outcomes:
        record.notes.append(Note("outcomes", "measure, description and time frame are not divided"))
    if measures := cell("Outcome Measures"):
        record.notes.append(Note("outcomes", "primary and others are not told apart, and were not read", measures))
    sponsors = [*filter(None, [cell("Sponsor")]), *_csv_parts(row.get("Collaborators"))]
    sponsors = sponsors or _csv_parts(row.get("Sponsor/Collaborators"))
    funder = cell("Funder Type")
    for place, name in enumerate(sponsors):
        # the old site names the kinds of all of them, in an order of its own
        is_of_lead = not place and funder is not None and "|" not in funder
        record.sponsors.append(sponsor_of(name, funder if is_of_lead else None, "COLLABORATOR" if place else "LEAD"))
    if sex := cell("Sex"):
        record.sex_raw = sex
        record.sex = known_word(record, "sex", vocabulary.sex(sex), sex)
    if age := _CSV_AGE.match(cell("Age") or ""):
        set_age(record, age["low"], age["high"] or age["most"])
    if phases := cell("Phases"):
        set_phases(record, phases.split("|"), phases)
    if enrollment := cell("Enrollment"):
        set_enrollment(record, enrollment, None)
    if study_type := cell("Study Type"):
        set_study_type(record, study_type)
    if design := cell("Study Design"):
        record.study_design_raw = design
        for part in design.split("|"):
            label, _, value = part.partition(": ")
            # for observational studies the export writes a lone letter in place of the perspective
            if label in _CSV_DESIGN and len(value) > 1:
                set_design_part(record, _CSV_DESIGN[label], value)
    record.start_date = partial_date(cell("Start Date"))
    record.primary_completion_date = partial_date(cell("Primary Completion Date"))
    record.completion_date = partial_date(cell("Completion Date"))
    record.first_submitted_date = partial_date(cell("First Submitted"))
    record.registration_date = partial_date(cell("First Posted"))
    record.results_posted_date = partial_date(cell("Results First Posted"))
    record.last_updated_date = partial_date(cell("Last Update Posted"))
    record.verified_date = partial_date(cell("Last Verified"))
    record.locations = [_csv_site(site) for site in _csv_parts(row.get("Locations"))]
    if record.locations:
        record.notes.append(Note("locations", "name, city and state of a site are not divided"))
        set_countries(record, (), ())
    for document in _csv_parts(row.get("Study Documents"), _CSV_DOCUMENTS):
        label, _, url = document.rpartition(", ")
        record.links.append(Link(url, label.strip('"') or None))
    return record


def _read_csv(stream: BinaryIO) -> Iterator[Record | Reject]:
    return each(csv_rows(stream, _is_csv_header, _CSV_ROW, _csv_names), _read_csv_row)


def _csv_names(columns: list[str]) -> list[str]:
    """The columns as the register writes them: programs change the size of letters, and blanks to dots or lines."""
    return [_CSV_NAMES.get(" ".join(_CSV_WORDS.findall(column.lower())), column) for column in columns]


_CSV_WORDS = re.compile("[a-z0-9]+")


def _is_csv_header(columns: list[str]) -> bool:
    names = {*_csv_names(columns)} - {""}
    return "NCT Number" in names and len(names & {*_CSV_NAMES.values()}) * 2 > len(names)


# --- legacy XML, read in one pass over the children of each element


def _text(element: _Element) -> str | None:
    """The text of an element on one line."""
    text = element.text
    if text and text.isprintable() and "  " not in text and "&" not in text:
        return text.strip() or None
    return fold(without_entities(text)) if text else None


def _prose(element: _Element) -> str | None:
    """A longer text. One that begins with a line break was wrapped by the register; in others a break is meant."""
    text = element.text
    if text is None:
        return None
    if "&" in text:
        text = without_entities(text)
    if "\n" not in text:
        return fold(text)
    return unwrap(text) if text[0] == "\n" else block(text)


def _texts(element: _Element) -> dict[str, str | None]:
    """The one-line texts of the children by tag."""
    return {child.tag: _text(child) for child in children(element)}


_Handler = Callable[[Record, _Element], None]


def _line(field: str) -> _Handler:
    return lambda record, element: setattr(record, field, _text(element))


def _long(field: str) -> _Handler:
    return lambda record, element: setattr(record, field, _prose(element[0] if len(element) else element))


def _dated(field: str) -> _Handler:
    return lambda record, element: setattr(record, field, partial_date(_text(element), element.get("type")))


def _dated_unless_set(field: str) -> _Handler:
    def handle(record: Record, element: _Element) -> None:
        if getattr(record, field) is None:
            setattr(record, field, partial_date(_text(element), element.get("type")))

    return handle


def _flag(field: str) -> _Handler:
    return lambda record, element: setattr(record, field, yes_or_no(_text(element)))


def _tokenised(field: str) -> _Handler:
    return lambda record, element: setattr(record, field, v2_token(_text(element)))


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
    for child in children(element):
        if child.tag == "download_date" and (text := _text(child)):
            record.exported_date = partial_date(text.rpartition("processed this data on ")[2])


def _xml_ids(record: Record, element: _Element) -> None:
    for child in children(element):
        match child.tag:
            case "org_study_id":
                add_id(record, child.text, "organisation", "org_study_id")
            case "secondary_id":
                add_id(record, child.text, "secondary", "secondary_id")
            case "nct_alias":
                add_id(record, child.text, "alias", "nct_alias")


def _xml_sponsors(record: Record, element: _Element) -> None:
    for child in children(element):
        texts = _texts(child)
        if name := texts.get("agency"):
            role: SponsorRole = "LEAD" if child.tag == "lead_sponsor" else "COLLABORATOR"
            record.sponsors.append(sponsor_of(name, texts.get("agency_class"), role))


def _xml_oversight(record: Record, element: _Element) -> None:
    for child in children(element):
        match child.tag:
            case "has_dmc":
                record.has_dmc = yes_or_no(child.text)
            case "is_fda_regulated_drug":
                record.is_fda_regulated_drug = yes_or_no(child.text)
            case "is_fda_regulated_device":
                record.is_fda_regulated_device = yes_or_no(child.text)


def _xml_design(record: Record, element: _Element) -> None:
    for child in children(element):
        if child.tag == "intervention_model_description":
            record.intervention_model_description = _prose(child)
        elif child.tag == "masking_description":
            record.masking_description = _prose(child)
        elif text := _text(child):
            set_design_part(record, child.tag, text)


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
        for child in children(element):
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
        set_enrollment(record, text, element.get("type"))


def _xml_condition(record: Record, raw: str) -> None:
    record.conditions.append(Condition(raw))


def _xml_arm(record: Record, element: _Element) -> None:
    arm = Arm("")
    for child in children(element):
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
    for child in children(element):
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
    for child in children(element):
        match child.tag:
            case "criteria":
                set_eligibility(record, _prose(child[0] if len(child) else child))
            case "gender":
                if raw := _text(child):
                    record.sex_raw = raw
                    record.sex = known_word(record, "sex", vocabulary.sex(raw), raw)
            case "minimum_age":
                minimum = _text(child)
            case "maximum_age":
                maximum = _text(child)
            case "healthy_volunteers":
                record.healthy_volunteers = yes_or_no(child.text)
            case "study_pop":
                record.study_population = _prose(child[0] if len(child) else child)
            case "sampling_method":
                record.sampling_method = v2_token(child.text)
    set_age(record, minimum, maximum)


def _xml_person(texts: dict[str, str | None]) -> str | None:
    """A name in one (`last_name`, as the register writes it), in parts, or a title (of posted results)."""
    parts = (texts.get("first_name"), texts.get("middle_name"), texts.get("last_name") or texts.get("name_or_title"))
    name = " ".join(filter(None, parts))
    return f"{name}, {texts['degrees']}" if name and texts.get("degrees") else name or None


def _xml_official(record: Record, element: _Element) -> None:
    texts = _texts(element)
    if name := _xml_person(texts):
        record.officials.append(Official(name, v2_token(texts.get("role")), texts.get("affiliation")))


def _xml_contact(type: str, element: _Element, affiliation: str | None = None) -> Contact:
    texts = _texts(element)
    person = Person(_xml_person(texts), texts.get("phone"), texts.get("phone_ext"), texts.get("email"))
    return contact_of(type, person, texts.get("organization") or affiliation)


def _xml_central_contact(record: Record, element: _Element) -> None:
    record.contacts.append(_xml_contact("central", element))


def _xml_location(record: Record, element: _Element) -> None:
    facility = city = state = code = country = status = None
    for child in children(element):
        tag = child.tag
        if tag == "facility":
            for part in children(child):
                if part.tag == "name":
                    facility = _text(part)
                elif part.tag == "address":
                    for place in children(part):
                        match place.tag:
                            case "city":
                                city = _text(place)
                            case "state":
                                state = _text(place)
                            case "zip":
                                code = _text(place)
                            case "country":
                                country = _text(place)
        elif tag == "status":
            status = vocabulary.status(_text(child))
        else:  # contact, contact_backup, investigator
            record.contacts.append(_xml_contact("site", child, facility))
    country = country_name(country) if country else None
    record.locations.append(Location(facility, city, state, code, country, status))


def _xml_link(record: Record, element: _Element) -> None:
    texts = _texts(element)
    record.links.append(Link(texts.get("url"), texts.get("description")))


def _xml_reference(type: ReferenceType | None) -> _Handler:
    def handle(record: Record, element: _Element) -> None:
        citation = pmid = None
        for child in children(element):
            if child.tag == "citation":
                citation = _text(child)
            elif child.tag == "PMID":
                pmid = child.text
        record.references.append(reference_of(pmid, type, citation))

    return handle


def _xml_responsible_party(record: Record, element: _Element) -> None:
    texts = _texts(element)
    old = ", ".join(filter(None, (texts.get("name_title"), texts.get("organization"))))
    record.responsible_party = v2_token(texts.get("responsible_party_type")) or old or None


def _xml_mesh(about: str) -> _Handler:
    def handle(record: Record, element: _Element) -> None:
        record.mesh_terms.extend(MeshTerm(term, None, about) for child in children(element) if (term := _text(child)))

    return handle


def _xml_sharing(record: Record, element: _Element) -> None:
    for child in children(element):
        match child.tag:
            case "sharing_ipd":
                record.ipd_sharing = v2_token(child.text)
            case "ipd_description":
                record.ipd_description = _prose(child)
            case "ipd_url":
                record.links.append(Link(_text(child), "IPD sharing"))


def _xml_documents(record: Record, element: _Element) -> None:
    """`provided_document_section` and `study_docs`: what the register holds, and where participant data are."""
    for child in children(element):
        texts = _texts(child)
        url = texts.get("document_url") or texts.get("doc_url")
        record.links.append(Link(url, texts.get("document_type") or texts.get("doc_type")))


# posted results


def _attribute_group(element: _Element) -> str | None:
    given = element.get("group_id")
    return group_id_of(given) if given else None


def _xml_groups(element: _Element) -> list[ResultGroup]:
    groups = []
    for child in children(element):
        group = ResultGroup(_attribute_group(child) or "")
        for part in children(child):
            if part.tag == "title":
                group.title = _text(part)
            elif part.tag == "description":
                group.description = _prose(part)
        groups.append(group)
    return groups


def _xml_group_counts(element: _Element) -> list[GroupCount]:
    return [GroupCount(_attribute_group(child), child.get("count"), None, _prose(child)) for child in children(element)]


def _xml_denominators(element: _Element) -> list[Denominator]:
    denominators = []
    for child in children(element):
        denominator = Denominator()
        for part in children(child):
            if part.tag == "units":
                denominator.units = _text(part)
            elif part.tag == "count_list":
                denominator.counts = [
                    DenominatorCount(_attribute_group(count), count.get("value")) for count in children(part)
                ]
        denominators.append(denominator)
    return denominators


def _xml_categories(element: _Element) -> list[MeasureCategory]:
    categories = []
    for child in children(element):
        category = MeasureCategory()
        for part in children(child):
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
    for child in children(element):
        one = MeasureClass()
        for part in children(child):
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
    for child in children(element):
        match child.tag:
            case "recruitment_details":
                flow.recruitment_details = _prose(child)
            case "pre_assignment_details":
                flow.pre_assignment_details = _prose(child)
            case "group_list":
                flow.groups = _xml_groups(child)
            case "period_list":
                flow.periods = [_xml_period(period) for period in children(child)]
    return flow


def _xml_period(element: _Element) -> FlowPeriod:
    period = FlowPeriod()
    for child in children(element):
        match child.tag:
            case "title":
                period.title = _text(child)
            case "milestone_list":
                for given in children(child):
                    milestone = Milestone()
                    for part in children(given):
                        if part.tag == "title":
                            milestone.type = _text(part)
                        elif part.tag == "participants_list":
                            milestone.achievements = _xml_group_counts(part)
                    period.milestones.append(milestone)
            case "drop_withdraw_reason_list":
                for given in children(child):
                    reason = DropWithdraw()
                    for part in children(given):
                        if part.tag == "title":
                            reason.type = _text(part)
                        elif part.tag == "participants_list":
                            reason.reasons = _xml_group_counts(part)
                    period.drop_withdraws.append(reason)
    return period


def _xml_baseline(element: _Element) -> Baseline:
    baseline = Baseline()
    for child in children(element):
        match child.tag:
            case "population":
                baseline.population_description = _prose(child)
            case "group_list":
                baseline.groups = _xml_groups(child)
            case "analyzed_list":
                baseline.denoms = _xml_denominators(child)
            case "measure_list":
                for given in children(child):
                    measure = BaselineMeasure()
                    _xml_measure(measure, given)
                    measure.dispersion_type = v2_token(measure.dispersion_type)
                    baseline.measures.append(measure)
    return baseline


def _xml_measure(measure: BaselineMeasure | OutcomeMeasure, element: _Element) -> None:
    for child in children(element):
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
                measure.param_type = v2_token(child.text)
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
    for child in children(element):
        match child.tag:
            case "type":
                if raw := _text(child):
                    outcome.type = known_word(record, "results", vocabulary.outcome_type(raw), raw)
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
                outcome.analyses = [_xml_analysis(analysis) for analysis in children(child)]
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

_NON_INFERIORITY = {"Yes": "NON_INFERIORITY_OR_EQUIVALENCE_LEGACY", "No": "SUPERIORITY_OR_OTHER_LEGACY"}


def _xml_analysis(element: _Element) -> Analysis:
    analysis = Analysis()
    for child in children(element):
        tag = child.tag
        if field := _XML_ANALYSIS.get(tag):
            setattr(analysis, field, _prose(child))
        elif field := _XML_ANALYSIS_TOKENS.get(tag):
            setattr(analysis, field, v2_token(child.text))
        elif tag == "non_inferiority":  # of before 2016
            analysis.non_inferiority_type = _NON_INFERIORITY.get(child.text or "")
        elif tag == "group_id_list":
            analysis.group_ids = [group_id_of(group) for part in children(child) if (group := _text(part))]
    return analysis


def _xml_events(element: _Element) -> AdverseEvents:
    events = AdverseEvents()
    for child in children(element):
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
    for child in children(element):
        match child.tag:
            case "frequency_threshold":
                events.frequency_threshold = _text(child)
            case "default_vocab":
                vocabulary_name = _text(child)
            case "default_assessment":
                assessment = v2_token(child.text)
            case "category_list":
                for category in children(child):
                    system = None
                    for part in children(category):
                        if part.tag == "title":
                            system = _text(part)
                        elif part.tag == "event_list":
                            for given in children(part):
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
    for child in children(element):
        match child.tag:
            case "sub_title":
                event.term = _text(child)
                event.source_vocabulary = fold(child.get("vocab")) or event.source_vocabulary
            case "assessment":
                event.assessment_type = v2_token(child.text)
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
    for child in children(element):
        match child.tag:
            case "participant_flow":
                results.participant_flow = _xml_flow(child)
            case "baseline":
                results.baseline = _xml_baseline(child)
            case "outcome_list":
                results.outcome_measures = [_xml_outcome_measure(record, outcome) for outcome in children(child)]
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
    "overall_status": _with_text(set_status),
    "last_known_status": _with_text(set_last_known_status),
    "why_stopped": _line("why_stopped"),
    "start_date": _dated("start_date"),
    "completion_date": _dated("completion_date"),
    "primary_completion_date": _dated("primary_completion_date"),
    "phase": _with_text(lambda record, raw: set_phases(record, (raw,), raw)),
    "study_type": _with_text(set_study_type),
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
    number = next((child.text for child in children(ids) if child.tag == "nct_id"), None) if ids is not None else None
    if number is None or not number.strip():
        raise Unreadable("missing_identifier", "id_info has no nct_id")
    record = new_record(number)
    record.has_results = False
    countries: list[str] = []
    removed: list[str] = []
    for child in children(root):
        tag = child.tag
        if handler := _XML.get(tag):
            handler(record, child)
        elif tag == "location_countries":
            countries = [name for country in children(child) if (name := _text(country))]
        elif tag == "removed_countries":
            removed = [name for country in children(child) if (name := _text(country))]
    set_countries(record, countries, removed)
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


_REGISTER_OF_CTRDATA = re.compile(rb'"ctrname"\s*:[\s\[]*"(\w+)"')
"""A collection of the R package ctrdata may mix registers; it belongs to the source of its first entry."""


def _is_v2_json(head: bytes) -> bool:
    register = _REGISTER_OF_CTRDATA.search(head)
    if register and not register.group(1).startswith(b"CTGOV"):
        return False
    return head.lstrip(_BLANKS)[:1] in (b"{", b"[") and _V2_KEY.search(head) is not None


def _is_v1_json(head: bytes) -> bool:
    return head.lstrip(_BLANKS)[:1] in (b"{", b"[") and _V1_KEY.search(head) is not None


def _is_csv(head: bytes) -> bool:
    return table_header(head, _is_csv_header) is not None


def _is_xml(head: bytes) -> bool:
    return head.lstrip(_BLANKS)[:1] == b"<" and re.search(rb"<clinical_study[\s>]", head) is not None


# --- fetching


_API = "https://clinicaltrials.gov/api/v2/studies"
_HOSTS = ("clinicaltrials.gov", "www.clinicaltrials.gov")
_STUDY_PAGE = re.compile(r"/(?:study|show)/(NCT\d{8})", re.IGNORECASE)
_NCT_IDS = re.compile(r"NCT\d{8}(?:[\s,|]+NCT\d{8})*", re.IGNORECASE)
_AREAS = ("cond", "term", "intr", "titles", "outc", "spons", "lead", "id", "patient")
"""Fields of the site's search form that the API has as `query.AREA`."""
_DATES = {
    "start": "StartDate",
    "primComp": "PrimaryCompletionDate",
    "studyComp": "CompletionDate",
    "firstPost": "StudyFirstPostDate",
    "resFirstPost": "ResultsFirstPostDate",
    "lastUpdPost": "LastUpdatePostDate",
}
_PLACES = {"locn": "LocationFacility", "city": "LocationCity", "state": "LocationState", "country": "LocationCountry"}
_AGES = {"y": "years", "m": "months", "w": "weeks", "d": "days", "h": "hours"}
_FILTERS = ("overallStatus", "geo", "ids", "advanced", "synonyms")
_OF_THE_API = {
    *(f"query.{area}" for area in (*_AREAS, "locn")),
    *(f"{kind}.{name}" for kind in ("filter", "postFilter") for name in _FILTERS),
    "aggFilters",
    "geoDecay",
}
_HOW_SHOWN = {
    *("viewType", "page", "limit", "sort", "rank", "checkSpell", "tab"),
    *("format", "markupFormat", "fields", "pageSize", "pageToken", "countTotal"),
}
"""What says how results are shown, and not which."""
_EMPTY_PAGES = 20


class _NctId(msgspec.Struct, frozen=True):
    nctId: str = ""


class _Day(msgspec.Struct, frozen=True):
    date: str = ""


class _Posted(msgspec.Struct, frozen=True):
    lastUpdatePostDateStruct: _Day = _Day()


class _Protocol(msgspec.Struct, frozen=True):
    identificationModule: _NctId = _NctId()
    statusModule: _Posted = _Posted()


class _Found(msgspec.Struct, frozen=True):
    """A study of a page, as far as the fetcher reads it."""

    protocolSection: _Protocol = _Protocol()

    @property
    def nct_id(self) -> str:
        return self.protocolSection.identificationModule.nctId

    @property
    def last_update(self) -> str:
        return self.protocolSection.statusModule.lastUpdatePostDateStruct.date


class _Page(msgspec.Struct, frozen=True):
    studies: list[_Found]
    nextPageToken: str | None = None
    totalCount: int | None = None


class _Seen(msgspec.Struct, frozen=True):
    """What is remembered of a page, so that a run that goes on need not read the pages again."""

    ids: list[str]
    latest: str
    """The last date of an update."""
    token: str | None
    total: int | None


def _fetch(session: Session, wanted: Wanted) -> None:
    """Every page of a search, as it comes, in the order of the studies' last update.

    Page tokens do not live for ever. When one is refused, the search is begun anew from the last date that came; the
    studies of that one day may come twice.
    """
    asked = _asked(wanted)
    new_beginnings: dict[str, str] = session.recall("new beginnings") or {}
    number, empty, total, token, latest = 1, 0, None, None, ""
    known, since_beginning, known_at_beginning = set[str](), set[str](), 0
    beginning = wanted.since.isoformat() if wanted.since else ""
    while True:
        if token is not None and str(number) in new_beginnings:
            beginning, token, since_beginning = new_beginnings[str(number)], None, set()
            known_at_beginning = len(known)
        try:
            page = _page(session, f"studies-{number:06d}.json", _page_parameters(asked, beginning, token))
        except Refused as error:
            if error.status != 400 or token is None or not latest or len(known) == known_at_beginning:
                raise
            new_beginnings[str(number)] = latest
            session.remember("new beginnings", new_beginnings)
            continue
        ids = set(page.ids)
        empty = 0 if ids else empty + 1
        if (ids and ids <= since_beginning) or empty > _EMPTY_PAGES:
            raise FetchFailed(f"{_API} gives the same page again and again. Try later: the same command goes on.")
        known |= ids
        since_beginning |= ids
        latest, token = max(latest, page.latest), page.token
        number += bool(ids)
        if total is None:
            total = page.total
            session.expect(total, "studies")
        if token is None:
            break
    if total is not None and len(known) < total:
        session.lacks(f"{total - len(known):,} of the {total:,} studies that the register announced")


def _page(session: Session, name: str, parameters: dict[str, str]) -> _Seen:
    """Fetch a page and keep it under its name, if there are studies on it; or recall what was on it."""
    if session.has(name) and (recalled := session.recall(name)) is not None:
        return msgspec.convert(recalled, _Seen)
    data = session.kept(name) or session.read(_API, params=parameters, check=_is_no_page)
    page = msgspec.json.decode(data, type=_Page)
    latest = max((study.last_update for study in page.studies), default="")
    seen = _Seen([study.nct_id for study in page.studies], latest, page.nextPageToken, page.totalCount)
    if page.studies:
        if not session.has(name):
            session.keep(name, data, _API, params=parameters)
        session.remember(name, msgspec.to_builtins(seen))
        session.count(name, len(page.studies))
    return seen


def _is_no_page(data: bytes) -> str | None:
    try:
        msgspec.json.decode(data, type=_Page)
    except msgspec.ValidationError as error:
        return f"no page of studies came ({error})"
    return None


def _page_parameters(asked: dict[str, str], beginning: str, token: str | None) -> dict[str, str]:
    parameters = {**asked, "format": "json", "sort": "LastUpdatePostDate:asc", "countTotal": "true", "pageSize": "1000"}
    if beginning:
        recent = f"AREA[LastUpdatePostDate]RANGE[{beginning},MAX]"
        parameters["filter.advanced"] = _all_of([recent, asked.get("filter.advanced", "")])
    return parameters | ({"pageToken": token} if token else {})


def _all_of(expressions: Iterable[str]) -> str:
    """Expressions of the register's query language (Essie) joined by AND."""
    given = [expression for expression in expressions if expression]
    return given[0] if len(given) == 1 else " AND ".join(f"({expression})" for expression in given)


def _asked(wanted: Wanted) -> dict[str, str]:
    """The API's parameters for a query: words, NCT numbers, or the address of a search on the site."""
    address = wanted.address
    if address is None:
        if _NCT_IDS.fullmatch(wanted.query):  # as words they would switch every filter off, --since too
            return {"filter.ids": ",".join(re.findall(r"NCT\d{8}", wanted.query.upper()))}
        return {"query.term": wanted.query} if wanted.query else {}
    if address.hostname not in _HOSTS:
        raise UserError(
            f"{address.hostname} is not ClinicalTrials.gov. Paste the address of a search on {_SEARCH_PAGE}"
        )
    if study := _STUDY_PAGE.search(address.path):
        return {"filter.ids": study[1].upper()}
    given = {name: value for name, value in wanted.parameters.items() if name not in _HOW_SHOWN}
    asked = {name: given.pop(name) for name in list(given) if name in _OF_THE_API}
    asked |= {f"query.{area}": given.pop(area) for area in _AREAS if area in given}
    expressions = [asked.pop("filter.advanced", "")]
    expressions += [_range(area, given.pop(name)) for name, area in _DATES.items() if name in given]
    if ages := given.pop("ageRange", ""):
        youngest, _, oldest = ages.partition("_")
        expressions.append(f"AREA[MinimumAge]RANGE[{_age(youngest) or 'MIN'},MAX]")
        expressions.append(f"AREA[MaximumAge]RANGE[MIN,{_age(oldest) or 'MAX'}]")
    words, latitude, longitude = given.pop("locStr", ""), given.pop("lat", ""), given.pop("lng", "")
    distance = given.pop("distance", "") or "50"
    places = [f"AREA[{area}]{_quoted(given.pop(name))}" for name, area in _PLACES.items() if name in given]
    if latitude and longitude:
        unit = "" if distance.endswith(("mi", "km")) else "mi"
        asked["filter.geo"] = f"distance({latitude},{longitude},{distance}{unit})"
    elif places:
        expressions.append(f"SEARCH[Location]({' AND '.join(places)})")
    elif words:
        asked["query.locn"] = words
    if given:
        raise UserError(
            f"The address says something that is not known here: {', '.join(given)}. Leave it out, or make the search "
            f"anew on {_SEARCH_PAGE} and paste its address."
        )
    return asked | ({"filter.advanced": _all_of(expressions)} if any(expressions) else {})


_SEARCH_PAGE = "https://clinicaltrials.gov/search"


def _range(area: str, days: str) -> str:
    first, _, last = days.partition("_")
    return f"AREA[{area}]RANGE[{first or 'MIN'},{last or 'MAX'}]"


def _quoted(words: str) -> str:
    """Words that stand for themselves: Trinidad and Tobago is one country."""
    return '"' + words.replace('"', " ") + '"'


def _age(text: str) -> str:
    found = re.fullmatch(r"(\d+)([ymwdh])", text.strip().lower())
    return f"{found[1]} {_AGES[found[2]]}" if found else ""


SOURCE = Source(
    name=REGISTER,
    title="ClinicalTrials.gov",
    home_page="https://clinicaltrials.gov",
    licence="Public domain, with attribution (ClinicalTrials.gov terms and conditions)",
    is_open=True,
    registers=(REGISTER,),
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
        Format(
            "csv", "CSV of a search, with any choice of columns, also of the site before June 2024", _is_csv, _read_csv
        ),
        Format("legacy-xml", "Legacy XML, one clinical_study a file or several (until 2024)", _is_xml, _read_xml),
    ),
    fetch=Fetch(
        run=_fetch,
        hosts=("clinicaltrials.gov",),
        requests_per_minute=50,
        terms=(
            "The National Library of Medicine offers the API to everyone; what comes is in the public domain "
            "(https://clinicaltrials.gov/about-site/terms-conditions)."
        ),
        queries=(
            "--query takes words and expressions as the search field Other terms does, NCT numbers, or the address of "
            "a search or study on the site; --since goes by the date of the last update."
        ),
    ),
)
