"""WHO ICTRP: the registrations of every primary registry in one file, one row (or element) each.

Every row goes to the registry of its id: `source` is ictrp, `register` the registry's name. Four kinds of file exist:
the web export (as CSV, XLSX or XML; 40 or so headed columns, status rolled up to two words), the full export (63
columns without a header, the registry's own words), tables cut out of it (headed), and the web service's XML.

WHO joins the registries' lists into one text; each registry does so in its own dialect, and nothing escapes the
separators. A list is taken apart only where the dialect makes that safe; elsewhere the text stays whole.
"""

from __future__ import annotations

import csv
import io
import re
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from functools import lru_cache, partial
from typing import Any, BinaryIO, NamedTuple

from trialpanorama import identifiers, vocabulary
from trialpanorama.errors import Unreadable
from trialpanorama.record import (
    Arm,
    Condition,
    Contact,
    Country,
    Identifier,
    Intervention,
    Link,
    Note,
    Outcome,
    PartialDate,
    Record,
    Reference,
    Reject,
    Sponsor,
)
from trialpanorama.sources import HEAD_BYTES, Format, Source
from trialpanorama.sources._reading import (
    Entry,
    as_utf8,
    csv_rows,
    each,
    fold,
    from_html,
    parse_xml,
    peek,
    reject,
    whole,
    xml_elements,
)
from trialpanorama.vocabulary import DateOrder, DateType, OutcomeType, ReferenceType, SponsorRole, is_placeholder

# --- columns

_FULL_EXPORT = [
    "id",
    "refreshed",
    "secondary_ids",
    "public_title",
    "scientific_title",
    "url",
    "public_first",
    "public_last",
    "public_address",
    "public_email",
    "public_phone",
    "public_affiliation",
    "scientific_first",
    "scientific_last",
    "scientific_address",
    "scientific_email",
    "scientific_phone",
    "scientific_affiliation",
    "study_type",
    "design",
    "phase",
    "registered",
    "enrolled",
    "target_size",
    "status",
    "sponsor",
    "secondary_sponsors",
    "support",
    "countries",
    "conditions",
    "interventions",
    "age_min",
    "age_max",
    "sex",
    "inclusion",
    "exclusion",
    "primary_outcome",
    "secondary_outcome",
    "bridge",
    "bridge_type",
    "children",
    "enrolment_type",
    "retrospective",
    "actual_size",
    "results_url",
    "results_summary",
    "results_posted",
    "results_published",
    "results_baseline",
    "results_flow",
    "results_adverse_events",
    "results_measures",
    "protocol_url",
    "ipd_plan",
    "ipd_description",
    "completed",
    "has_results",
    "ethics_status",
    "ethics_date",
    "ethics_name",
    "ethics_address",
    "ethics_phone",
    "ethics_email",
]
"""The 63 columns of the full export, in its order: it has no header."""

_ALIASES = {
    "id": "trialid",
    "refreshed": "lastrefreshedon|lastupdate|lastupdated|unknown",
    "secondary_ids": "secondaryid|secondaryids",
    "public_title": "publictitle",
    "scientific_title": "scientifictitle",
    "acronym": "acronym",
    "url": "url|webaddress",
    "study_type": "studytype",
    "design": "studydesign",
    "phase": "phase",
    "registered": "dateregistration|dateregistration2",
    "registered_iso": "dateregistration3",
    "exported": "exportdate",
    "enrolled": "dateenrollement|dateenrollment|dateenrolment",
    "target_size": "targetsize",
    "status": "recruitmentstatus|recruitmentstatus2",
    "sponsor": "primarysponsor",
    "secondary_sponsors": "secondarysponsor|secondarysponsors",
    "support": "sourcesupport",
    "countries": "countries",
    "conditions": "condition|conditions",
    "interventions": "intervention|interventions",
    "age_min": "agemin|inclusionagemin",
    "age_max": "agemax|inclusionagemax",
    "sex": "gender|inclusiongender|inclusionsex",
    "inclusion": "inclusioncriteria",
    "exclusion": "exclusioncriteria",
    "primary_outcome": "primaryoutcome|primaryoutcomes",
    "secondary_outcome": "secondaryoutcome|secondaryoutcomes",
    "bridge": "bridgingflag",
    "bridge_type": "bridgedtype",
    "children": "childs",
    "enrolment_type": "typeenrolment|typeenrollment",
    "actual_size": "resultsactualenrollment|resultsactualenrolment",
    "results_url": "resultsurllink",
    "results_summary": "resultssummary",
    "results_posted": "resultsdateposted",
    "protocol_url": "resultsurlprotocol",
    "ipd_plan": "resultsipdplan",
    "ipd_description": "resultsipddescription",
    "completed": "resultsdatecompleted",
    "has_results": "resultsyesno",
    **{
        f"{who}_{part}": "|".join(f"{prefix}contact{word}" for prefix in prefixes for word in words.split())
        for who, prefixes in (("public", ("", "public")), ("scientific", ("scientific",)))
        for part, words in {
            "first": "firstname",
            "last": "lastname",
            "address": "address",
            "email": "email",
            "phone": "tel telephone",
            "affiliation": "affiliation",
        }.items()
    },
}
_COLUMN_OF = {alias: column for column, aliases in _ALIASES.items() for alias in aliases.split("|")}

_OF_A_REGISTRATION = ({"id"}, {"public_title", "scientific_title"}, {"registered", "registered_iso"}, {"status"})
"""What makes a table a registry export, beside the id and a title: when the study was registered and whether it
recruits. Every registry states them, and a table derived for research leaves them out or recodes them."""


@lru_cache(1024)
def _column(header: str) -> str | None:
    """The column that this header names, however it is spaced and spelt; None for columns that are not read."""
    return _COLUMN_OF.get(re.sub(r"[\W_]+", "", header).lower())


def _is_registry_export(headers: Iterable[str]) -> bool:
    columns = {_column(header) for header in headers}
    return all(columns & needed for needed in _OF_A_REGISTRATION)


# --- rows into Records

_DOUBTFUL_STATUS = "the web export folds every status but recruiting into this word"
_DOUBTFUL_PHASE = "the registry also writes 0 for studies without a phase"
_DOUBTFUL_SIZE = "planned or reached: the source does not say which"
_DOUBTFUL_START = "the date of authorisation stands where the start should"
_DOUBTFUL_POSTED = "not taken as a date: nothing says that results are posted"
_DOUBTFUL_EXPORT = "a spreadsheet may have exchanged day and month"
_DATE_OF_PHASE = "a spreadsheet made a date of two phases"
_DAY_ADDED = "a spreadsheet may have added the day"
_NOT_A_DATE = "not a date"
_NOT_A_SIZE = "not a number of participants"
_UNKNOWN_WORD = "not a word that is known here"

_MISSING = frozenset({"", "NULL"})
_MISSING_IN_FULL_EXPORT = frozenset({"", "NULL", "NA"})
_SERIAL_DATE = re.compile(r"[1-9]\d{4}(?:\.\d+)?")
_ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_SENTINEL = re.compile(r"\b1900\b|^19000101$")
_POSSIBLE_ID = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[\w./-]{5,40}")
"""An id of a registry that is not known here yet."""
_SECONDARY_ID_SEPARATOR = re.compile(r"[;|\n]|,\s*|\s/\s")
_WHO_PREFIX = re.compile(r"\A\s*(?:in|ex)clusion criteria:\s*", re.I)
_URL = re.compile(r"https?://[^\s;,]+", re.I)
_PMID = re.compile(r"(?:pubmed[^\s?;,]*?/|pmid:?\s*)(\d{1,8})\b", re.I)
_DOI = re.compile(r"\b10\.\d{4,9}/[^\s;,]+", re.I)
_EU_AGE_BANDS = ("Are the trial subjects under 18?", "Adults (18-64 years)", "Elderly (>=65 years)")
_EU_AGE_BAND = re.compile(rf"({'|'.join(map(re.escape, _EU_AGE_BANDS))})\s*:?\s*(yes|no)\b", re.I)
_COMMA_LISTS = frozenset({"umin", "jrct", "japiccti", "jma", "slctr"})
_ARMS_IN_DESIGN = re.compile(r"Number of treatment arms in the trial\s*:\s*(\d{1,3})", re.I)


class _Row:
    """One row by column, its missing markers gone, and the Notes that reading it gives."""

    def __init__(self, cells: dict[str, str], found: identifiers.Found | None, raw_id: str) -> None:
        self.cells = cells
        self.id = found.id if found else raw_id
        self.register = found.register if found else None
        self.order: DateOrder = vocabulary.date_order(self.register) if self.register else "dmy"
        self.notes: list[Note] = []

    def line(self, column: str) -> str | None:
        """The cell as one line of text."""
        raw = self.cells.get(column)
        if raw and raw.isascii() and raw.isprintable() and "&" not in raw and "<" not in raw:
            return fold(raw)  # nothing to clean, which is true of most cells
        return fold(self.text(column))

    def text(self, column: str) -> str | None:
        """The cell as text, its lines kept."""
        raw = self.cells.get(column)
        return from_html(_unscrambled(raw)) if raw else None

    def note(self, field: str, note: str, raw: str | None = None) -> None:
        self.notes.append(Note(field=field, note=note, raw=raw))

    def date(self, column: str, field: str, order: DateOrder, type: DateType | None = None) -> PartialDate | None:
        raw = self.line(column)
        if raw is None or _SENTINEL.search(raw) or is_placeholder(raw):
            return None
        found = vocabulary.parse_date(raw, "excel" if _SERIAL_DATE.fullmatch(raw) else order)
        if found is None:
            self.note(field, _NOT_A_DATE, raw)
        return PartialDate(date=found, type=type, raw=raw if raw != found else None)


def _to_record(entry: Entry, is_full_export: bool) -> Record:
    missing = _MISSING_IN_FULL_EXPORT if is_full_export else _MISSING
    cells: dict[str, str] = {}
    for header, value in (entry.row or {}).items():
        column = _column(header)
        if column and value.strip() not in missing:
            cells.setdefault(column, value)
    return _record(cells, is_full_export)


def _record(cells: dict[str, str], is_full_export: bool) -> Record:
    raw_id = fold(cells.get("id")) or ""
    found = identifiers.normalise(raw_id)
    is_other_number = found is not None and not identifiers.REGISTERS[found.register].is_trial_register
    if is_other_number or (found is None and not _POSSIBLE_ID.fullmatch(raw_id)):
        detail = f"{raw_id[:60]!r} is no registry number" if raw_id else "the row has no TrialID"
        raise Unreadable("missing_identifier", detail)
    row = _Row(cells, found, raw_id)
    register = row.register
    design_raw = row.text("design")
    design = vocabulary.design(design_raw)
    study_type_raw, phase_raw = row.line("study_type"), row.text("phase")
    conditions, keywords = _conditions(row.text("conditions"), row)
    interventions, arms = _interventions(row.text("interventions"), row)
    exclusion = _criteria(row.text("exclusion"))
    # ClinicalTrials.gov's text has both parts under its own headings
    is_undivided = register == "clinicaltrials_gov" and exclusion is None
    inclusion = row.text("inclusion") if is_undivided else _criteria(row.text("inclusion"))
    ages = _ages(row, inclusion)
    has_results = {"yes": True, "no": False}.get((row.line("has_results") or "").lower())
    links, references = _links(row)
    status_raw = row.line("status")
    status = _status(row, status_raw, is_full_export)
    enrollment_target, enrollment_raw = _enrollment(row, status)
    arms_in_design = _ARMS_IN_DESIGN.search(design_raw or "")
    return Record(
        register=register,
        id=row.id,
        url=_url(row),
        identifiers=_identifiers(row, raw_id),
        public_title=row.line("public_title"),
        scientific_title=row.line("scientific_title"),
        acronym=row.line("acronym"),
        detailed_description=_eu_objectives(row),
        keywords=keywords,
        status=status,
        status_raw=status_raw,
        registration_date=_registration_date(row),
        start_date=_start_date(row),
        completion_date=row.date("completed", "completion_date", row.order),
        results_posted_date=_results_posted_date(row, has_results),
        last_updated_date=row.date("refreshed", "last_updated_date", "dmy"),
        exported_date=_exported_date(row),
        study_type=vocabulary.study_type(study_type_raw),
        study_type_raw=study_type_raw,
        phases=_phases(row, phase_raw),
        phase_raw=phase_raw,
        study_design_raw=design_raw,
        allocation=design.allocation,
        intervention_model=design.intervention_model,
        observational_model=design.observational_model,
        time_perspective=design.time_perspective,
        masking=design.masking,
        is_masked=design.is_masked,
        masked_roles=list(design.masked_roles),
        primary_purpose=design.primary_purpose,
        number_of_arms=int(arms_in_design[1]) or None if arms_in_design else None,
        enrollment_target=enrollment_target,
        enrollment_raw=enrollment_raw,
        enrollment_actual=_actual_size(row),
        eligibility_criteria=inclusion if is_undivided else None,
        inclusion_criteria=None if is_undivided else inclusion,
        exclusion_criteria=exclusion,
        minimum_age_years=ages.minimum_years,
        minimum_age_raw=ages.minimum_raw,
        maximum_age_years=ages.maximum_years,
        maximum_age_raw=ages.maximum_raw,
        sex=vocabulary.sex(row.line("sex")),
        sex_raw=row.line("sex"),
        conditions=conditions,
        interventions=interventions,
        arms=arms,
        outcomes=[
            *_outcomes(row.text("primary_outcome"), "PRIMARY", row),
            *_outcomes(row.text("secondary_outcome"), "SECONDARY", row),
        ],
        sponsors=_sponsors(row),
        contacts=_contacts(row),
        countries=_countries(row),
        ipd_sharing=_ipd_sharing(row.line("ipd_plan")),
        ipd_description=row.text("ipd_description"),
        references=references,
        links=links,
        has_results=has_results,
        notes=row.notes,
    )


_SCRAMBLED = re.compile(r"[^\x00-\x7f]{2,}")
_SCRAMBLED_LEADS = frozenset(b"\xc2\xc3\xc4\xc5\xcb\xce\xcf\xd0\xd1\xe2\xef")


def _unscrambled(text: str) -> str:
    """Undo UTF-8 that was read as Windows-1252 or Mac Roman on the way; what lost characters stays as it is."""
    return text if text.isascii() else _SCRAMBLED.sub(_unscramble, text)


def _unscramble(run: re.Match[str]) -> str:
    for encode in (_as_windows, _as_macintosh):
        try:
            data = encode(run[0])
            if data[0] in _SCRAMBLED_LEADS:
                return _unscrambled(data.decode("utf-8"))  # some text was scrambled twice
        except UnicodeError:
            continue
    return run[0]


def _as_windows(text: str) -> bytes:
    # the five bytes that Windows-1252 leaves undefined came through as control characters
    return b"".join(c.encode("latin-1" if "\x80" <= c <= "\x9f" else "cp1252") for c in text)


def _as_macintosh(text: str) -> bytes:
    return text.encode("mac_roman")


def _identifiers(row: _Row, raw_id: str) -> list[Identifier]:
    own = Identifier(id=row.id, register=row.register, role="primary", field="TrialID")
    own.raw = raw_id if raw_id != row.id else None
    named = {(row.id.lower(), "secondary"), (row.id.lower(), "bridge")}
    identifiers_ = [own]

    def add(id: str, register: str | None, role: str, raw: str, field: str, type_raw: str | None = None) -> None:
        if (id.lower(), role) not in named:
            named.add((id.lower(), role))
            identifiers_.append(
                Identifier(
                    id=id, register=register, role=role, raw=raw if raw != id else None, field=field, type_raw=type_raw
                )
            )

    for piece in _SECONDARY_ID_SEPARATOR.split(row.text("secondary_ids") or ""):
        raw = piece.strip(" .:")
        if not raw or identifiers.is_junk(raw):
            continue
        found = list(identifiers.find(raw))
        for one in found:
            if not identifiers.is_junk(one.id):
                add(one.id, one.register, "secondary", raw, "Secondary_ID")
        if not found:
            add(raw, None, "secondary", raw, "Secondary_ID")
    for column, field, type_raw in (
        ("bridge", "Bridging_flag", row.line("bridge_type")),
        ("children", "Childs", None),
    ):
        for piece in (row.line(column) or "").split(";"):
            one_ = identifiers.normalise(piece.strip())
            if one_:
                add(one_.id, one_.register, "bridge", piece.strip(), field, type_raw)
    return identifiers_


def _url(row: _Row) -> str | None:
    found = _URL.search(row.line("url") or "")
    return found[0] if found else identifiers.url(row.id)


def _status(row: _Row, raw: str | None, is_full_export: bool) -> vocabulary.Status | None:
    if raw is None:
        return None
    if not is_full_export and raw.lower() == "not recruiting":
        row.note("status", _DOUBTFUL_STATUS, raw)
        return "UNKNOWN"
    found = vocabulary.status(raw, row.register)
    if found is None:
        row.note("status", _UNKNOWN_WORD, raw)
    return found


def _phases(row: _Row, raw: str | None) -> list[vocabulary.Phase]:
    found = list(vocabulary.phases(raw, row.register))
    if raw and row.register in ("chictr", "itmctr") and raw.strip() == "0":
        row.note("phases", _DOUBTFUL_PHASE, raw)
    elif raw and (_ISO_DAY.match(raw) or _SERIAL_DATE.fullmatch(raw)):
        row.note("phases", _DATE_OF_PHASE, raw)
    return found


def _registration_date(row: _Row) -> PartialDate | None:
    column = "registered_iso" if vocabulary.parse_date(row.line("registered_iso"), "ymd") else "registered"
    return row.date(column, "registration_date", row.order)


def _start_date(row: _Row) -> PartialDate | None:
    said = row.line("enrolment_type")
    found = row.date("enrolled", "start_date", row.order, vocabulary.date_type(said))
    if found is None:
        return None
    if said and said.lower() == "date trial authorised":
        row.note("start_date", _DOUBTFUL_START, said)
    raw = row.line("enrolled") or ""
    is_from_spreadsheet = _ISO_DAY.match(raw) or _SERIAL_DATE.fullmatch(raw)
    if row.register == "clinicaltrials_gov" and is_from_spreadsheet and (found.date or "").endswith("-01"):
        # its own dates read "June 2019" or "June 1, 2019": both became the first of June
        row.note("start_date", _DAY_ADDED, raw)
        return PartialDate(date=found.date[:7] if found.date else None, type=found.type, raw=raw)
    return found


def _results_posted_date(row: _Row, has_results: bool | None) -> PartialDate | None:
    """CRIS writes the registration date here and RPCEC a plan, so without a yes it is no date of results."""
    if has_results:
        return row.date("results_posted", "results_posted_date", row.order)
    raw = row.line("results_posted")
    if raw is None or _SENTINEL.search(raw) or is_placeholder(raw):
        return None
    row.note("results_posted_date", _DOUBTFUL_POSTED, raw)
    return PartialDate(raw=raw)


def _exported_date(row: _Row) -> PartialDate | None:
    found = row.date("exported", "exported_date", "mdy")
    raw = row.line("exported") or ""
    # the export writes month/day/year: an ISO date was made by a spreadsheet that could not be seen through
    if found and _ISO_DAY.match(raw) and raw[8:10] <= "12" and raw[5:7] != raw[8:10]:
        row.note("exported_date", _DOUBTFUL_EXPORT, raw)
    return found


def _enrollment(row: _Row, status: vocabulary.Status | None) -> tuple[int | None, str | None]:
    raw = row.line("target_size")
    if raw is None or is_placeholder(raw):
        return None, None
    found = vocabulary.enrollment(raw)
    if found is None:
        row.note("enrollment_target", _NOT_A_SIZE, raw)
    elif row.register == "clinicaltrials_gov" and status not in ("RECRUITING", "NOT_YET_RECRUITING", None):
        row.note("enrollment_target", _DOUBTFUL_SIZE, raw)
    return found, None if str(found) == raw else raw


def _actual_size(row: _Row) -> int | None:
    """Only a number counts: CTRI writes 0 where there is none, PACTR a date."""
    raw = row.line("actual_size") or ""
    return int(raw) or None if re.fullmatch(r"\d{1,8}", raw) else None


def _criteria(text: str | None) -> str | None:
    """The text without the heading that WHO puts before it."""
    text = _WHO_PREFIX.sub("", text or "", count=1).strip()
    return None if is_placeholder(text) else text


class _Ages(NamedTuple):
    minimum_years: float | None = None
    minimum_raw: str | None = None
    maximum_years: float | None = None
    maximum_raw: str | None = None


def _ages(row: _Row, criteria: str | None) -> _Ages:
    low, high = row.line("age_min"), row.line("age_max")
    if low or high:
        years = vocabulary.age_years(low), vocabulary.age_years(high, is_maximum=True)
        return _Ages(years[0], low, years[1], high)
    return _eu_age_bands(criteria) if row.register in ("euctr", "ctis") else _Ages()


def _eu_age_bands(criteria: str | None) -> _Ages:
    """Least and greatest age out of the three questions that the EU register's criteria end with.

    The exact ages of minors are not asked, and the text may break off before the last answer.
    """
    answers = {band: answer.lower() == "yes" for band, answer in _EU_AGE_BAND.findall(criteria or "")}
    minors, adults, elderly = (answers.get(band) for band in _EU_AGE_BANDS)
    lowest = next((band for band in _EU_AGE_BANDS if answers.get(band)), None)
    highest = next((band for band in reversed(_EU_AGE_BANDS) if answers.get(band)), None)
    if minors is None or lowest is None:
        return _Ages()
    least = None if minors else 18.0 if adults else 65.0
    greatest = None if elderly or elderly is None else 64.0 if adults else 17.0
    return _Ages(least, lowest, greatest, highest if elderly is not None else None)


def _sponsors(row: _Row) -> list[Sponsor]:
    lead = row.line("sponsor")
    named: tuple[tuple[SponsorRole, list[str]], ...] = (
        ("LEAD", [lead] if lead else []),
        ("COLLABORATOR", (row.text("secondary_sponsors") or "").split(";")),
        ("FUNDER", (row.text("support") or "").split(";")),
    )
    found: dict[tuple[str, str], Sponsor] = {}
    for role, names in named:
        for name in map(fold, names):
            if name and not is_placeholder(name):
                sponsor_class = vocabulary.sponsor_class_from_name(name)
                found.setdefault((role, name.lower()), Sponsor(name=name, role=role, sponsor_class=sponsor_class))
    return list(found.values())


def _contacts(row: _Row) -> list[Contact]:
    contacts = []
    for type in ("public", "scientific"):
        said = {
            part: (row.line(f"{type}_{part}") or "").strip(" ;") or None
            for part in ("first", "last", "address", "email", "phone", "affiliation")
        }
        if any(said.values()):
            name = " ".join(part for part in (said["first"], said["last"]) if part) or None
            contacts.append(
                Contact(
                    type=type,
                    name=name,
                    affiliation=said["affiliation"],
                    address=said["address"],
                    email=said["email"],
                    phone=said["phone"],
                )
            )
    return contacts


def _countries(row: _Row) -> list[Country]:
    text = row.text("countries")
    if not text:
        return []
    separator = r"[;\n]|,(?![^()]*\))" if row.register in _COMMA_LISTS and not vocabulary.country(text) else r"[;\n]"
    found: dict[str, Country] = {}
    for piece in re.split(separator, text):
        raw = piece.strip(" ?.")
        if raw and not is_placeholder(raw):
            name = vocabulary.country(raw) or raw
            found.setdefault(name.lower(), Country(name=name, raw=piece.strip() if piece.strip() != name else None))
    return list(found.values())


def _ipd_sharing(raw: str | None) -> str | None:
    word = re.match(r"(yes|no|undecided)\b", raw or "", re.I)
    return word[1].upper() if word else raw


def _links(row: _Row) -> tuple[list[Link], list[Reference]]:
    links = [
        Link(url=url, label=label)
        for column, label in (("results_url", "results"), ("protocol_url", "protocol"))
        for url in dict.fromkeys(_URL.findall(row.line(column) or ""))
    ]
    references: dict[str, Reference] = {}
    # the link is the sponsor's word that it reports this study; the summary may cite any paper
    types: tuple[tuple[str, ReferenceType | None], ...] = (("results_url", "RESULT"), ("results_summary", None))
    for column, type in types:
        text = row.line(column) or ""
        for pmid in _PMID.findall(text):
            references.setdefault(pmid, Reference(pmid=pmid, type=type))
        for found in _DOI.findall(text):
            doi = found.rstrip("./)").lower()
            references.setdefault(doi, Reference(doi=doi, type=type))
    return links, list(references.values())


# --- conditions

_ICD = r"[A-Z]\d{2}(?:\.?\d{1,2})?"
_CTRI_CONDITION = re.compile(r"Health Condition \d+:\s*", re.I)
_GLUED_CODE = re.compile(rf"-?\s*({_ICD}|null)\s*[-–]\s*(.*)|-\s*({_ICD})\s+(.+)", re.S)
_IRCT_CONDITION = re.compile(r"(?:^|\s)Condition \d+:\s*")
_MEDDRA = re.compile(
    r"MedDRA version:\s*([\d.]+)\s*Level:\s*\w*?\s*Classification code:?\s*(\d+)\s*Term:\s*(.*?)\s*"
    r"(?:System Organ Class:[^;\n]*)?(?=;|\n|MedDRA version:|\Z)",
    re.S,
)
_THERAPEUTIC_AREA = re.compile(r"Therapeutic area:\s*([^;\n]+)")
_PURE_CODE = re.compile(rf"{_ICD}|[CD]\d{{6,9}}|M\d{{4,9}}")
_CODE_RANGE = re.compile(r"[A-Z]\d{2}\s*-\s*[A-Z]\d{2}")


def _conditions(text: str | None, row: _Row) -> tuple[list[Condition], list[str]]:
    """Conditions, and the registry's own classification of them as keywords."""
    if not text:
        return [], []
    if row.register in ("euctr", "ctis"):
        found, keywords = _eu_conditions(text)
    elif row.register == "ctri":
        found, keywords = [_coded(piece) for piece in _CTRI_CONDITION.split(text)], []
    else:
        found, keywords = _listed_conditions(text, row.register)
    conditions: dict[str, Condition] = {}
    for condition in found:
        condition.name = condition.name.strip(" .,;")
        if condition.name and not is_placeholder(condition.name):
            known = conditions.setdefault(condition.name.lower(), condition)
            if condition.code and not known.code:
                known.code, known.vocabulary = condition.code, condition.vocabulary
    return list(conditions.values()), [word for word in dict.fromkeys(keywords) if not is_placeholder(word)]


def _coded(text: str) -> Condition:
    """`Q214- Septal defect` and `U07.1 - Emergency use` have their ICD-10 code in front."""
    text = fold(text) or ""
    match = _GLUED_CODE.fullmatch(text)
    if not match:
        return Condition(name=text)
    code, name = match[1] or match[3], match[2] or match[4] or ""
    return Condition(name=name) if code == "null" else Condition(name=name, code=code, vocabulary="ICD-10")


def _eu_conditions(text: str) -> tuple[list[Condition], list[str]]:
    """Free text, then MedDRA terms with their codes, then the therapeutic area."""
    end = min((m.start() for m in (_MEDDRA.search(text), _THERAPEUTIC_AREA.search(text)) if m), default=len(text))
    found = [Condition(name=fold(text[:end]) or "")]
    for match in _MEDDRA.finditer(text):
        version, code, term = match.groups()
        found.append(Condition(name=fold(term) or "", code=code, vocabulary=f"MedDRA {version}"))
    return found, [area.strip() for area in _THERAPEUTIC_AREA.findall(text)]


def _listed_conditions(text: str, register: str | None) -> tuple[list[Condition], list[str]]:
    """`free text <br>term <br>term;code;category`: the first line is the sponsor's, what follows the registry's."""
    first, *rest = text.split("\n")
    if register == "irct":
        names = [piece.strip(" .") for piece in _IRCT_CONDITION.split(first)]
        pieces = [piece for line in rest for piece in line.split(";")]
    elif register == "isrctn":
        return [Condition(name=first), *map(Condition, rest[1:])], [line.strip() for line in rest[:1]]
    else:
        names = first.split(";")
        pieces = [piece for line in rest for piece in line.split(";")]
    if register == "anzctr":
        own = {name.strip().lower() for name in names}
        is_category = [" - " in piece and piece.strip().lower() not in own for piece in pieces]
        keywords = [piece.strip() for piece, is_one in zip(pieces, is_category, strict=True) if is_one]
        pieces = [piece for piece, is_one in zip(pieces, is_category, strict=True) if not is_one]
        return [*map(Condition, names), *map(Condition, pieces)], keywords
    found: list[Condition] = []
    codes: list[str] = []
    keywords = []
    terms: dict[str, Condition] = {}
    for position, piece in enumerate([*names, *pieces]):
        piece = piece.strip()
        if _PURE_CODE.fullmatch(piece):
            codes.append(piece)
        elif _CODE_RANGE.fullmatch(piece) or piece.isdecimal():
            keywords += [] if piece.isdecimal() else [piece]
        elif piece:
            condition = _coded(piece)
            found.append(condition)
            if position >= len(names):
                terms.setdefault(condition.name.lower(), condition)
    if len(codes) == len(terms):  # one code a term, in the same order; else nothing says which is whose
        for condition, code in zip(terms.values(), codes, strict=True):
            condition.code, condition.vocabulary = code, "MeSH" if re.match(r"[CD]\d{6}", code) else "ICD-10"
    else:
        keywords += codes
    return found, keywords


# --- interventions

_TYPE = (
    r"(?:Drug|Biological|Device|Procedure|Radiation|Behaviou?ral|Genetic|Dietary Supplement|Combination Product|"
    r"Diagnostic Test|Other)"
)
_TYPED = re.compile(rf"({_TYPE})\s?:\s*(.*)", re.S)
_TYPED_SEPARATOR = re.compile(rf";\s*(?={_TYPE}\s?:)")
_CTRI_INTERVENTION = re.compile(r"^((?:Control )?Intervention ?\d+)\s*:\s*", re.M)
_NUMBERED = re.compile(r"(?:^|\s)((?:Intervention|Arm|Group) \d+):\s*")
_GROUP_LABEL = re.compile(
    r"((?:intervention|control|experimental|treatment|comparison|placebo) group[^:\n]{0,12}):\s*", re.I
)
_JAPIC_LABEL = re.compile(
    r"^(Control intervention name|Intervention name|INN of the (?:control )?intervention|"
    r"Dosage And administration of the (?:control )?intervention)\s*:[ \t]*",
    re.M | re.I,
)
_EU_LABEL = re.compile(
    r"(Trade Name|Product Name|Product Code|Pharmaceutical Form|INN or Proposed INN|CAS Number|Current Sponsor code|"
    r"Other descriptive name|Concentration unit|Concentration type|Concentration number|EV Substance Code|"
    r"Pharmaceutical form of the placebo|Route of administration of the placebo):\s*"
)
_EU_NAMES = (
    "Product Name",
    "Trade Name",
    "INN or Proposed INN",
    "Other descriptive name",
    "Product Code",
    "Current Sponsor code",
)
_EU_DETAILS = (
    "Pharmaceutical Form",
    "CAS Number",
    "Concentration unit",
    "Concentration type",
    "Concentration number",
)
_REPEC_GROUP = re.compile(r"\s*Group name:")
_REPEC_TREATMENT = re.compile(r"\s*Type of group[;:].*?Intervention\(s\) description:", re.S)
_NAME_LENGTH = 200

_Treatments = tuple[list[Intervention], list[Arm]]


def _interventions(text: str | None, row: _Row) -> _Treatments:
    if not text:
        return [], []
    reader = _INTERVENTION_DIALECTS.get(row.register or "")
    interventions, arms = reader(text) if reader else ([_intervention(text)], [])
    named: dict[tuple[str | None, str], Intervention] = {}
    for one in interventions:
        if one.name and not is_placeholder(one.name):
            known = named.setdefault((one.type, one.name.lower()), one)
            known.arm_labels += [label for label in one.arm_labels if label not in known.arm_labels]
    return list(named.values()), arms


def _intervention(text: str, arm: str | None = None) -> Intervention:
    """A text as an intervention; of a long one the first sentence is the name, and the whole the description."""
    text = text.strip(" ;,\n")
    labels = [arm] if arm else []
    if len(text) <= _NAME_LENGTH and "\n" not in text:
        return Intervention(name=text, arm_labels=labels)
    name = text.split("\n", 1)[0]
    if len(name) > _NAME_LENGTH:
        sentence = re.match(rf".{{30,{_NAME_LENGTH}}}?[a-z)]{{3}}\.(?=\s)", name)
        name = sentence[0] if sentence else name[:_NAME_LENGTH].rsplit(" ", 1)[0]
    return Intervention(name=name.strip(" ;,.:"), description=text, arm_labels=labels)


def _typed_interventions(text: str) -> _Treatments:
    found = []
    for piece in _TYPED_SEPARATOR.split(text):
        match = _TYPED.fullmatch(piece.strip(" ;"))
        one = _intervention(match[2] if match else piece)
        if match:
            one.type, one.type_raw = vocabulary.intervention_type(match[1]), match[1]
        found.append(one)
    return found, []


def _ctri_interventions(text: str) -> _Treatments:
    """`Intervention1: name: details`, one a line."""
    _, *pieces = _CTRI_INTERVENTION.split(text)
    if not pieces:
        return [_intervention(text)], []
    found = []
    for piece in pieces[1::2]:
        name, _, details = piece.strip().partition(": ")
        one = _intervention(name)
        if details.strip() and not is_placeholder(details.strip()):
            one.description = details.strip() if one.description is None else piece.strip()
        found.append(one)
    return found, []


def _numbered_interventions(text: str) -> _Treatments:
    """`Intervention 1: Intervention group: ... Intervention 2: Control group: ...`"""
    before, *pieces = _NUMBERED.split(text)
    if not pieces:
        pieces, before = ["", before], ""
    found, arms = [], []
    for number, piece in zip(pieces[::2], pieces[1::2], strict=True):
        label = number
        while match := _GROUP_LABEL.match(piece):
            label = f"{number}: {match[1]}" if number else match[1]
            piece = piece[match.end() :]
        piece = piece.strip()
        found.append(_intervention(piece, label or None))
        if label:
            arms.append(
                Arm(label=label, description=piece or None, intervention_names=[found[-1].name] if piece else [])
            )
    return found, arms


def _grouped_interventions(text: str) -> _Treatments:
    """`group:treatment;group:treatment;`"""
    groups: list[list[str]] = []
    for piece in re.split("[;\uff1b]", text):
        label, *rest = (part.strip() for part in re.split("[:\uff1a]", piece, maxsplit=1))
        treatment = rest[0] if rest else label
        if rest and label:
            groups.append([label, treatment])
        elif treatment and groups:
            groups[-1][1] = f"{groups[-1][1]}; {treatment}".strip("; ")
        elif treatment:
            groups.append(["", treatment])
    found, arms = [], []
    for label, treatment in groups:
        one = _intervention(treatment, label or None)
        is_said = bool(treatment) and not is_placeholder(treatment)
        if is_said:
            found.append(one)
        if label:
            arms.append(
                Arm(
                    label=label,
                    description=treatment if is_said else None,
                    intervention_names=[one.name] if is_said else [],
                )
            )
    return found, arms


def _japic_interventions(text: str) -> _Treatments:
    found: list[Intervention] = []
    _, *pieces = _JAPIC_LABEL.split(text)
    for label, value in zip(pieces[::2], pieces[1::2], strict=True):
        value, label = value.strip(), label.lower()
        if label.endswith("name"):
            found.append(Intervention(name=fold(value) or ""))
        elif found and value and not is_placeholder(value):
            if label.startswith("inn"):
                if value.lower() != found[-1].name.lower():
                    found[-1].other_names.append(value)
            else:
                found[-1].description = value
    return (found, []) if found else ([_intervention(text)], [])


def _eu_interventions(text: str) -> _Treatments:
    """Products as label and value; a product begins with its trade name, else with its name."""
    _, *pieces = _EU_LABEL.split(text)
    products: list[list[tuple[str, str]]] = []
    for label, value in zip(pieces[::2], pieces[1::2], strict=True):
        labels = {known for known, _ in products[-1]} if products else set()
        if (
            not products
            or label in ("Trade Name", "Pharmaceutical form of the placebo")
            or (label == "Product Name" and labels - {"Trade Name"})
        ):
            products.append([])
        products[-1].append((label, fold(value) or ""))
    found = []
    for product in products:
        if product[0][0].endswith("of the placebo"):
            description = "\n".join(f"{label}: {value}" for label, value in product if value)
            found.append(Intervention(name="Placebo", description=description))
            continue
        names: dict[str, str] = {}
        for wanted in _EU_NAMES:
            for label, value in product:
                if label == wanted and not is_placeholder(value):
                    names.setdefault(value.lower(), value)
        details = [f"{label}: {value}" for label, value in product if label in _EU_DETAILS and value]
        if names:
            name, *others = names.values()
            found.append(Intervention(name=name, other_names=others, description="\n".join(details) or None))
    return (found, []) if found else ([_intervention(text)], [])


def _repec_interventions(text: str) -> _Treatments:
    """`Group name:a Type of group;1 N° of participants:200 Intervention(s) description:b`"""
    found, arms = [], []
    for piece in _REPEC_GROUP.split(text)[1:]:
        label, *rest = (part.strip() for part in _REPEC_TREATMENT.split(piece, maxsplit=1))
        treatment = rest[0] if rest else ""
        found.append(_intervention(treatment or label, label))
        arms.append(Arm(label=label, description=treatment or None, intervention_names=[found[-1].name]))
    return (found, arms) if found else ([_intervention(text)], [])


def _lines_of_interventions(text: str) -> _Treatments:
    return [_intervention(line) for line in text.split("\n")], []


def _semicolon_interventions(text: str) -> _Treatments:
    return [_intervention(piece) for piece in text.split(";")], []


_INTERVENTION_DIALECTS: dict[str, Callable[[str], _Treatments]] = {
    "clinicaltrials_gov": _typed_interventions,
    "cris": _typed_interventions,
    "ctri": _ctri_interventions,
    "irct": _numbered_interventions,
    "drks": _numbered_interventions,
    "chictr": _grouped_interventions,
    "itmctr": _grouped_interventions,
    "euctr": _eu_interventions,
    "ctis": _eu_interventions,
    "repec": _repec_interventions,
    "pactr": _semicolon_interventions,
    "japiccti": _japic_interventions,
    "umin": _lines_of_interventions,
}


# --- outcomes

_EU_SECTION = re.compile(
    r"(Main Objective|Secondary Objective|Primary end point\(s\)|Secondary end point\(s\)|"
    r"Timepoint\(s\) of evaluation of this end point):[ \t]*",
)
_TIMEPOINT = re.compile(r"[. ]*\bTime ?points?:\s*|(?<=\w)Timepoint:\s*", re.I)
_METHOD = re.compile(r"[. ]*Method of measurement:\s*", re.I)
_LABELLED_OUTCOME = re.compile(r";?\s*(?:\bOutcome name|\bName):\s*", re.I)
_LABELLED_PART = re.compile(r";?\s*\b(Measure|Timepoint)s?:\s*", re.I)
_CLOSING_BRACKET = re.compile(r"(?<=\])\s*;(?=\S|\Z)")
_TIGHT_SEMICOLON = re.compile(r";(?=\S|\Z)")
_FRAME_LABEL = re.compile(r"Time ?frame:?\s*", re.I)

_Measure = tuple[str, str | None, str | None]
"""What is measured, when, and how."""


def _outcomes(text: str | None, type: OutcomeType, row: _Row) -> list[Outcome]:
    if not text:
        return []
    reader = _OUTCOME_DIALECTS.get(row.register or "")
    found: dict[tuple[str, str | None], Outcome] = {}
    for measure, time_frame, description in reader(text) if reader else [(text, None, None)]:
        measure = measure.strip(" ;\n\t")
        if measure and not is_placeholder(measure):
            when = None if is_placeholder(time_frame) else fold(time_frame)
            how = None if is_placeholder(description) else description
            found.setdefault((measure, when), Outcome(type=type, measure=measure, time_frame=when, description=how))
    return list(found.values())


def _listed_outcomes(text: str) -> list[_Measure]:
    """A list joined by `;`; one followed by a blank belongs to the text."""
    return [(piece, None, None) for piece in _TIGHT_SEMICOLON.split(text)]


def _timepoint_outcomes(text: str) -> list[_Measure]:
    """`Outcome. Timepoint: when. Method of measurement: how;Outcome. ...` and `OutcomeTimepoint: when;...`"""
    pieces: list[list[str]] = []
    is_whole = True
    for piece in _TIGHT_SEMICOLON.split(text):
        has_timepoint = _TIMEPOINT.search(piece) is not None
        if is_whole and (has_timepoint or not pieces):
            pieces.append([piece])
            is_whole = has_timepoint
        else:
            # every outcome has its time point: a piece without one was cut out of its neighbour
            pieces[-1].append(piece)
            is_whole = is_whole or has_timepoint
    found: list[_Measure] = []
    for piece in pieces:
        measure, *frames = _TIMEPOINT.split(";".join(piece), maxsplit=1)
        when, *how = _METHOD.split(frames[0], maxsplit=1) if frames else [""]
        found.append((measure, when.strip(" .") or None, how[0].strip() if how else None))
    return found


def _bracketed_outcomes(text: str) -> list[_Measure]:
    """`Outcome [when];Outcome [Timeframe when]`; text without brackets stays whole."""
    found: list[_Measure] = []
    for piece in _CLOSING_BRACKET.split(text):
        piece = piece.strip(" ;\n\t")
        opening = _opening_of_last_bracket(piece)
        if opening is None:
            found.append((piece, None, None))
        else:
            found.append((piece[:opening], _FRAME_LABEL.sub("", piece[opening + 1 : -1].strip(), count=1), None))
    return found


def _opening_of_last_bracket(text: str) -> int | None:
    if not text.endswith("]"):
        return None
    depth = 0
    for position in range(len(text) - 1, -1, -1):
        depth += (text[position] == "]") - (text[position] == "[")
        if depth == 0:
            return position
    return None


def _labelled_outcomes(text: str) -> list[_Measure]:
    """`Name: a;Timepoints: b;Measure: c;Name: ...` and `Outcome name:a Measure:c Timepoints:b ...`"""
    found: list[_Measure] = []
    for piece in _LABELLED_OUTCOME.split(text)[1:]:
        name, *parts = _LABELLED_PART.split(piece)
        said = {label.lower(): value.strip(" ;\n") for label, value in zip(parts[::2], parts[1::2], strict=True)}
        found.append((name, said.get("timepoint"), said.get("measure")))
    return found or [(text, None, None)]


def _eu_sections(text: str) -> dict[str, str]:
    _, *pieces = _EU_SECTION.split(text)
    said: dict[str, str] = {}
    for label, value in zip(pieces[::2], pieces[1::2], strict=True):
        value = value.strip(" ;\n")
        if value:
            said.setdefault(label, value)
    return said


def _eu_outcomes(text: str) -> list[_Measure]:
    """The end points only: objectives stand in the same text."""
    said = _eu_sections(text)
    if not said:
        return [(text, None, None)]
    end_points = said.get("Primary end point(s)") or said.get("Secondary end point(s)")
    return [(end_points, said.get("Timepoint(s) of evaluation of this end point"), None)] if end_points else []


def _eu_objectives(row: _Row) -> str | None:
    if row.register not in ("euctr", "ctis"):
        return None
    said = _eu_sections(row.text("primary_outcome") or "")
    lines = [f"{label}: {said[label]}" for label in ("Main Objective", "Secondary Objective") if label in said]
    return "\n".join(lines) or None


_OUTCOME_DIALECTS: dict[str, Callable[[str], list[_Measure]]] = {
    "clinicaltrials_gov": _listed_outcomes,
    "chictr": _listed_outcomes,
    "itmctr": _listed_outcomes,
    "cris": _listed_outcomes,
    "irct": _timepoint_outcomes,
    "ctri": _timepoint_outcomes,
    "tctr": _bracketed_outcomes,
    "anzctr": _bracketed_outcomes,
    "lbctr": _labelled_outcomes,
    "repec": _labelled_outcomes,
    "euctr": _eu_outcomes,
    "ctis": _eu_outcomes,
}


# --- formats

_ROW_START = re.compile(
    r'"{0,4}(?:(?:JPRN-)?(?:UMIN|jRCT|JapicCTI|JMA|C\d)|NCT|EUCTR|CTIS|ISRCTN|ACTRN|ChiCTR|ITMCTR|ChiMCTR|KCT|CTRI[/-]|'
    r'DRKS|IRCT|NTR|NL|RBR-|PACTR|PER-|RPCEC|SLCTR[/-]|TCTR|LBCTR)[\w/.-]{1,30}"{0,4}\s*,',
    re.I,
)
_FULL_EXPORT_ROW = re.compile(_ROW_START.pattern + r'\s*"{0,4}\d{1,2} (?:[A-Z][a-z]{2,8}) \d{4}"{0,4}\s*,', re.I)
_WRAPPED = re.compile(r'"(.*)"', re.S)
_MAX_SHEET_BYTES = 2**29
"""A workbook whose text expands to more than this is no registry export (the largest known has some 20 MB)."""
_HEADER_WITHIN_ROWS = 20
_LOCALE_WITHIN_ROWS = 1000
_SPREADSHEET_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")


def _header(head: bytes) -> list[str]:
    """The cells of the first line that has any, if this may be a table."""
    text = head.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    if "\0" in text[:1000] or text.lstrip()[:1] in ("<", "{", "["):
        return []
    try:
        return next((row for row in csv.reader(io.StringIO(text, newline="")) if row), [])
    except csv.Error:
        return []


def _is_web_csv(head: bytes) -> bool:
    header = _header(head)
    return _is_registry_export(header) and not _is_cut_from_full_export(header)


def _is_full_export_rows(head: bytes) -> bool:
    header = _header(head)
    return _is_registry_export(header) and _is_cut_from_full_export(header)


def _is_cut_from_full_export(header: Iterable[str]) -> bool:
    """Whether it has a column that only the full export has."""
    return not {"children", "bridge", "actual_size", "enrolment_type"}.isdisjoint(map(_column, header))


def _is_full_export(head: bytes) -> bool:
    text = head.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    starts = [line for line in re.split(r"\r?\n", text) if _FULL_EXPORT_ROW.match(line)]
    if not starts or _is_registry_export(_header(head)):
        return False
    if len(head) >= HEAD_BYTES:
        return True
    try:
        return any(len(row) == len(_FULL_EXPORT) for row in csv.reader(io.StringIO(text, newline="")))
    except csv.Error:
        return False


def _read_web_csv(stream: BinaryIO) -> Iterator[Record | Reject]:
    return each(csv_rows(stream, begins_row=_ROW_START), partial(_to_record, is_full_export=False))


def _read_full_export_rows(stream: BinaryIO) -> Iterator[Record | Reject]:
    return each(csv_rows(stream, begins_row=_ROW_START), partial(_to_record, is_full_export=True))


def _read_full_export(stream: BinaryIO) -> Iterator[Record | Reject]:
    return each(csv_rows(stream, tuple(_FULL_EXPORT), _ROW_START), _full_export_record)


def _full_export_record(entry: Entry) -> Record:
    cells = {column: value.strip() for column, value in (entry.row or {}).items()}
    cells["id"] = cells["id"].lstrip("\ufeff").strip('"')
    # the export wraps every value but the first in quotation marks of its own; tables made from it may have lost them
    said = [value for column, value in cells.items() if column != "id" and value not in _MISSING]
    if 2 * sum(bool(_WRAPPED.fullmatch(value)) for value in said) > len(said):
        cells = {column: match[1].strip() if (match := _WRAPPED.fullmatch(v)) else v for column, v in cells.items()}
    return _record({c: v for c, v in cells.items() if v not in _MISSING_IN_FULL_EXPORT}, is_full_export=True)


def _is_web_xml(head: bytes) -> bool:
    if _is_trial_details(head):
        return False
    return b"<Trials_downloaded_from_ICTRP" in head or (b"<Trial>" in head and b"<TrialID>" in head)


def _read_web_xml(stream: BinaryIO) -> Iterator[Record | Reject]:
    head, stream = peek(stream, 1024)
    return each(xml_elements(as_utf8(stream, head), ("Trial",)), _web_xml_record)


def _web_xml_record(entry: Entry) -> Record:
    cells: dict[str, str] = {}
    for element in parse_xml(entry.data):
        value = "".join(map(str, element.itertext()))
        column = _column(element.tag) if value.strip() not in _MISSING else None
        if column:
            cells[column] = f"{cells[column]};{value}" if column in cells else value
    return _record(cells, is_full_export=False)


def _is_workbook(head: bytes) -> bool:
    # the names of the members stand in the clear before their content; a document or presentation has no xl/
    return head.startswith(b"PK\x03\x04") and re.search(rb"PK\x03\x04.{26}xl/", head, re.S) is not None


def _read_workbook(stream: BinaryIO) -> Iterator[Record | Reject]:
    return each(_sheet_rows(stream), partial(_to_record, is_full_export=False))


def _sheet_rows(stream: BinaryIO) -> Iterator[Entry | Reject]:
    """Rows of every sheet that has a registry export's header, as the text that the spreadsheet was made from."""
    import openpyxl

    try:
        if not stream.seekable():
            copy = tempfile.SpooledTemporaryFile(max_size=1 << 25)  # noqa: SIM115 - closed with the workbook
            while chunk := stream.read(1 << 20):
                copy.write(chunk)
            stream = copy  # type: ignore[assignment]
        stream.seek(0)
        with zipfile.ZipFile(stream) as archive:
            size = sum(info.file_size for info in archive.infolist())
        if size > _MAX_SHEET_BYTES:
            yield reject("decompression_bomb", f"the workbook expands to {size >> 20} MiB", b"", 1, None)
            return
        stream.seek(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and links, which are not read
            workbook = openpyxl.load_workbook(stream, read_only=True)
    except Exception as error:  # openpyxl raises whatever its parts raise
        yield reject("broken_archive", f"not a readable workbook: {error}"[:300], b"", 1, None)
        return
    ordinal = 0
    is_export = False
    try:
        for sheet in workbook.worksheets:
            sheet.reset_dimensions()
            for entry in _rows_of_sheet(sheet.iter_rows(values_only=True)):
                is_export = True
                ordinal += 1
                entry.ordinal = ordinal
                yield entry
    except Exception as error:
        yield reject("truncated", f"the workbook breaks off: {error}"[:300], b"", ordinal + 1, None)
        return
    finally:
        workbook.close()
    if not is_export:
        yield reject("not_a_registry_export", "no sheet has the header of a registry export", b"", 1, None)


def _rows_of_sheet(rows: Iterator[tuple[Any, ...]]) -> Iterator[Entry]:
    numbered = enumerate(rows, start=1)
    header: tuple[str, ...] = ()
    for number, cells in numbered:
        header = tuple(_typed(cell) for cell in cells)
        if _is_registry_export(header):
            break
        if number >= _HEADER_WITHIN_ROWS:
            return
    else:
        return
    columns = [_column(name) for name in header]
    waiting: list[tuple[int, tuple[Any, ...]]] = []
    is_day_first: bool | None = None
    for number, cells in numbered:
        waiting.append((number, cells))
        if is_day_first is None:
            is_day_first = _is_day_first(cells, columns)
        if is_day_first is not None or len(waiting) >= _LOCALE_WITHIN_ROWS:
            yield from _entries(waiting, header, columns, is_day_first)
            waiting.clear()
    yield from _entries(waiting, header, columns, is_day_first)


def _is_day_first(cells: Sequence[Any], columns: Sequence[str | None]) -> bool | None:
    """Whether the spreadsheet read 03/04 as 3 April, told from a row that has the date in two spellings."""
    row = dict(zip(columns, cells, strict=False))
    read, certain = row.get("registered"), _typed(row.get("registered_iso"))
    found = identifiers.normalise(_typed(row.get("id")))
    if not isinstance(read, datetime) or found is None or vocabulary.date_order(found.register) != "dmy":
        return None
    as_read, exchanged = f"{read:%Y%m%d}", f"{read:%Y%d%m}"
    return None if as_read == exchanged else {as_read: True, exchanged: False}.get(certain)


def _entries(
    rows: Iterable[tuple[int, tuple[Any, ...]]],
    header: Sequence[str],
    columns: Sequence[str | None],
    is_day_first: bool | None,
) -> Iterator[Entry]:
    for number, cells in rows:
        texts = [_typed(cell) for cell in cells[: len(header)]]
        if not any(texts):
            continue
        texts += [""] * (len(header) - len(texts))
        order = _order_of_row(texts, columns)
        for position, (cell, column) in enumerate(zip(cells, columns, strict=False)):
            if not isinstance(cell, datetime) or cell.day > 12 or is_day_first is None:
                continue  # a 13th cannot have been read the wrong way round
            expected = "mdy" if column == "exported" else order if column in _REGISTRY_DATES else None
            if expected == "mdy" or (expected == "dmy" and not is_day_first):
                # write the text that the spreadsheet must have read
                first, second = (cell.day, cell.month) if is_day_first else (cell.month, cell.day)
                texts[position] = f"{first}/{second}/{cell.year}"
        data = "\x1f".join(texts).encode("utf-8", "replace")
        yield Entry(data, 0, None, number, dict(zip(header, texts, strict=True)))


_REGISTRY_DATES = frozenset({"registered", "enrolled", "completed", "results_posted"})


def _order_of_row(texts: Sequence[str], columns: Sequence[str | None]) -> DateOrder | None:
    found = identifiers.normalise(dict(zip(columns, texts, strict=False)).get("id"))
    # ClinicalTrials.gov writes months as words, which no spreadsheet misreads
    return None if found is None or found.register == "clinicaltrials_gov" else vocabulary.date_order(found.register)


def _typed(cell: Any) -> str:
    """What stands in a cell, as text; a number or date as a text file would have it."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return _SPREADSHEET_ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), cell) if "_x" in cell else cell
    if isinstance(cell, datetime):
        return cell.isoformat(" ") if cell.time() != cell.min.time() else cell.date().isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


# --- the web service


def _is_trial_details(head: bytes) -> bool:
    return b"<Primary_Register_text" in head or (b"<NewDataSet" in head and b"<TrialID" in head)


def _read_trial_details(stream: BinaryIO) -> Iterator[Record | Reject]:
    head, stream = peek(stream, 1024)
    return each(whole(as_utf8(stream, head)), _trial_details_record)


_DETAIL_LISTS = {
    "countries": ("Country", "CountryName"),
    "interventions": ("Intervention", "Intervention_FreeText"),
    "secondary_ids": ("Secondary_IDs", "SecondaryID"),
    "support": ("Source_support", "Source_Name"),
    "secondary_sponsors": ("Secondary_Sponsors", "Secondary_Sponsor"),
}


def _trial_details_record(entry: Entry) -> Record:
    """One study as tables of a .NET data set: Trial, Criteria and Results have one row, the others many."""
    tables: dict[str, list[dict[str, str]]] = {}
    for element in parse_xml(entry.data).iter():
        if len(element):
            name = element.tag.rpartition("}")[2]
            row = {child.tag.rpartition("}")[2]: (child.text or "").strip() for child in element}
            tables.setdefault(name, []).append({field: value for field, value in row.items() if value not in _MISSING})
    if len(tables.get("Trial", [])) != 1:
        raise Unreadable("malformed_xml", f"{len(tables.get('Trial', []))} Trial tables where there should be one")
    cells: dict[str, str] = {}
    for name in ("Trial", "Criteria", "Results"):
        for row in tables.get(name, [])[:1]:
            cells.update((column, value) for field, value in row.items() if (column := _column(field)))
    for column, (name, field) in _DETAIL_LISTS.items():
        values = [row[field] for row in tables.get(name, []) if field in row]
        if values:
            cells[column] = "\n".join(values) if column == "interventions" else ";".join(values)
    record = _record(cells, is_full_export=False)
    kinds: tuple[tuple[OutcomeType, str, str], ...] = (
        ("PRIMARY", "Primary_outcome", "Time_frame1"),
        ("SECONDARY", "Secondary_outcome", "Time_frame2"),
    )
    record.conditions = [
        Condition(name=condition, code=row.get("Condition_code"))
        for row in tables.get("Health_condition", [])
        if (condition := fold(from_html(row.get("Condition_FreeText")))) and not is_placeholder(condition)
    ]
    record.outcomes = [
        Outcome(type=type, measure=measure, time_frame=fold(row.get(frame) or row.get("Timepoints")))
        for type, table, frame in kinds
        for row in tables.get(table, [])
        if (measure := from_html(row.get("Outcome_Name"))) and not is_placeholder(measure)
    ]
    record.contacts = [
        Contact(
            name=fold(f"{row.get('Firstname', '')} {row.get('Lastname', '')}"),
            affiliation=fold(row.get("Affiliation")),
            address=fold(", ".join(row[part] for part in ("Address", "City", "Country") if part in row)),
            email=fold(row.get("Email")),
            phone=fold(row.get("Telephone")),
        )
        for row in tables.get("Contacts", [])
        if row
    ]
    return record


SOURCE = Source(
    name="ictrp",
    title="WHO International Clinical Trials Registry Platform",
    home_page="https://trialsearch.who.int/",
    licence="WHO ICTRP terms of use; the rights stay with the registries",
    is_open=False,
    registers=tuple(name for name, register in identifiers.REGISTERS.items() if register.is_trial_register),
    obtain=(
        "Search at https://trialsearch.who.int/ and export all trials to XML; or accept the terms at "
        "https://www.who.int/tools/clinical-trials-registry-platform/the-ictrp-search-portal to download the full "
        "export and its weekly increments (CSV)."
    ),
    formats=(
        Format("web-csv", "Headed CSV of the web export or of WHO's COVID-19 list", _is_web_csv, _read_web_csv),
        Format(
            "full-export-rows-csv",
            "Rows cut out of the full export, with a header (columns in any order)",
            _is_full_export_rows,
            _read_full_export_rows,
        ),
        Format(
            "full-export-csv",
            "Full or weekly export: CSV of 63 columns without a header",
            _is_full_export,
            _read_full_export,
        ),
        Format(
            "trial-details-xml",
            "Answer of the web service GetTrialDetails, one study",
            _is_trial_details,
            _read_trial_details,
        ),
        Format("web-xml", '"Export all trials to XML" of the search portal', _is_web_xml, _read_web_xml),
        Format("web-xlsx", "The same columns as an Excel workbook", _is_workbook, _read_workbook),
    ),
)
