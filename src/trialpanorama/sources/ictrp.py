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
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache, partial
from itertools import pairwise
from typing import Any, BinaryIO, NamedTuple

from trialpanorama import identifiers, vocabulary
from trialpanorama.errors import Unreadable
from trialpanorama.record import (
    Condition,
    Contact,
    Identifier,
    Note,
    Outcome,
    PartialDate,
    Record,
    Reject,
    Results,
)
from trialpanorama.sources import HEAD_BYTES, Format, Source
from trialpanorama.sources import _dialects as dialects
from trialpanorama.sources._clinicaltrials_gov import set_eligibility
from trialpanorama.sources._provider_xml import provider_xml
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
    table_header,
    unwrap,
    whole,
    xml_elements,
)
from trialpanorama.sources._workbooks import cell_text, sheets
from trialpanorama.vocabulary import DateOrder, DateType, OutcomeType, is_placeholder

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
    "results_baseline": "resultsbaselinechar",
    "results_flow": "resultsparticipantflow",
    "results_adverse_events": "resultsadverseevents",
    "results_measures": "resultsoutcomemeasures",
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
_DOUBTFUL_SIZE = "planned or reached: the source does not say which"
_DOUBTFUL_START = "the date of authorisation stands where the start should"
_DOUBTFUL_EXPORT = "a spreadsheet may have exchanged day and month"
_DATE_OF_PHASE = "a spreadsheet made a date of two phases"
_DAY_ADDED = "a spreadsheet may have added the day"

_YES_OR_NO = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
"""The register's words, and what spreadsheets and databases make of them."""
_MISSING = frozenset({"", "NULL"})
_MISSING_IN_FULL_EXPORT = frozenset({"", "NULL", "NA"})
_SERIAL_DATE = re.compile(r"[1-9]\d{4}(?:\.\d+)?")
_ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_SECONDARY_ID_SEPARATOR = re.compile(r"[;|\n]|,\s*|\s/\s")
_BREAK = re.compile(r"\s*<br\s*/?\s*>", re.I)
_ITEM = re.compile(r"(?:[-*•]|\d{1,2}[.)]) ")
_WHO_PREFIX = re.compile(r"\A\s*(?:in|ex)clusion criteria:\s*", re.I)
_EU_AGE_BANDS = ("Are the trial subjects under 18?", "Adults (18-64 years)", "Elderly (>=65 years)")
_EU_AGE_BAND = re.compile(rf"({'|'.join(map(re.escape, _EU_AGE_BANDS))})\s*:?\s*(yes|no)\b", re.I)
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
        return from_html(dialects.unscrambled(raw)) if raw else None

    def unwrapped(self, column: str) -> str | None:
        """The cell as text. ClinicalTrials.gov wrapped texts that begin with a break, as it does in legacy XML."""
        raw = self.cells.get(column, "")
        if not _BREAK.match(raw):
            return self.text(column)
        text = from_html(dialects.unscrambled(_BREAK.sub("<br>", raw)))
        following = [line for before, line in pairwise((text or "").split("\n")) if before and line]
        is_list = 2 * sum(bool(_ITEM.match(line)) for line in following) > len(following)
        return text if is_list else unwrap(text)

    def note(self, field: str, note: str, raw: str | None = None) -> None:
        self.notes.append(Note(field=field, note=note, raw=raw))

    def date(self, column: str, field: str, order: DateOrder, type: DateType | None = None) -> PartialDate | None:
        raw = self.line(column)
        if raw is None or dialects.MISSING_DATE.search(raw) or is_placeholder(raw):
            return None
        found = vocabulary.parse_date(raw, "excel" if _SERIAL_DATE.fullmatch(raw) else order)
        if found is None:
            self.note(field, dialects.NOT_A_DATE, raw)
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
    if is_other_number or (found is None and not dialects.POSSIBLE_ID.fullmatch(raw_id)):
        detail = f"{raw_id[:60]!r} is no registry number" if raw_id else "the row has no TrialID"
        raise Unreadable("missing_identifier", detail)
    row = _Row(cells, found, raw_id)
    register = row.register
    design_raw = row.text("design")
    design = vocabulary.design(design_raw)
    study_type_raw, phase_raw = row.line("study_type"), row.text("phase")
    study_type = vocabulary.study_type(study_type_raw)
    conditions, keywords = dialects.conditions(row.text("conditions"), register)
    interventions, arms = dialects.interventions(row.text("interventions"), register)
    keywords += dialects.intervention_keywords(row.text("interventions"), register)
    exclusion = _criteria(row.text("exclusion"))
    # ClinicalTrials.gov's text has both parts under its own headings
    is_undivided = register == "clinicaltrials_gov" and exclusion is None
    inclusion = row.unwrapped("inclusion") if is_undivided else _criteria(row.text("inclusion"))
    ages = _ages(row, inclusion)
    has_results = _YES_OR_NO.get((row.line("has_results") or "").lower())
    links, references = dialects.links(row.line("results_url"), row.line("protocol_url"), row.line("results_summary"))
    status_raw = row.line("status")
    why_stopped, public_title = dialects.called_off(row.line("public_title"), register)
    status = _status(row, status_raw, is_full_export) if why_stopped is None else "WITHDRAWN"
    if why_stopped:
        row.note("status", dialects.FROM_TITLE, why_stopped)
    enrollment_target, enrollment_raw = _enrollment(row, status)
    arms_in_design = _ARMS_IN_DESIGN.search(design_raw or "")
    record = Record(
        register=register,
        id=row.id,
        url=_url(row),
        identifiers=_identifiers(row, raw_id),
        public_title=public_title,
        scientific_title=row.line("scientific_title"),
        acronym=row.line("acronym"),
        detailed_description=dialects.objectives(row.text("primary_outcome"), register),
        keywords=keywords,
        status=status,
        status_raw=status_raw,
        why_stopped=why_stopped,
        registration_date=_registration_date(row),
        start_date=_start_date(row),
        completion_date=row.date("completed", "completion_date", row.order),
        results_posted_date=_results_posted_date(row, has_results),
        last_updated_date=row.date("refreshed", "last_updated_date", "dmy"),
        exported_date=_exported_date(row),
        study_type=study_type,
        study_type_raw=study_type_raw,
        phases=_phases(row, phase_raw, study_type),
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
            *dialects.outcomes(row.text("primary_outcome"), "PRIMARY", register),
            *dialects.outcomes(row.text("secondary_outcome"), "SECONDARY", register),
        ],
        sponsors=dialects.sponsors(
            row.line("sponsor"),
            (row.text("secondary_sponsors") or "").split(";"),
            (row.text("support") or "").split(";"),
        ),
        contacts=_contacts(row),
        countries=dialects.countries(row.text("countries"), register),
        ipd_sharing=dialects.ipd_sharing(row.line("ipd_plan")),
        ipd_description=row.text("ipd_description"),
        references=references,
        links=links,
        has_results=has_results,
        results=_results(row) if has_results else None,
        notes=row.notes,
    )
    if is_undivided:
        set_eligibility(record, inclusion)
    return record


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
    found = dialects.URL.search(row.line("url") or "")
    return found[0] if found else identifiers.url(row.id)


def _status(row: _Row, raw: str | None, is_full_export: bool) -> vocabulary.Status | None:
    if raw is None:
        return None
    if not is_full_export and raw.lower() == "not recruiting":
        row.note("status", _DOUBTFUL_STATUS, raw)
        return "UNKNOWN"
    found = vocabulary.status(raw, row.register)
    if found is None:
        row.note("status", dialects.UNKNOWN_WORD, raw)
    return found


def _phases(row: _Row, raw: str | None, study_type: vocabulary.StudyType | None) -> list[vocabulary.Phase]:
    found = dialects.phases(raw, row.register, study_type)
    if raw and row.register in ("chictr", "itmctr") and raw.strip() == "0" and found != ["NA"]:
        row.note("phases", dialects.DOUBTFUL_PHASE, raw)
    elif raw and (_ISO_DAY.match(raw) or _SERIAL_DATE.fullmatch(raw)):
        row.note("phases", _DATE_OF_PHASE, raw)
    return found


def _registration_date(row: _Row) -> PartialDate | None:
    is_iso = vocabulary.parse_date(row.line("registered_iso"), "ymd") or row.line("registered") is None
    column = "registered_iso" if is_iso else "registered"
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
    if raw is None or dialects.MISSING_DATE.search(raw) or is_placeholder(raw):
        return None
    row.note("results_posted_date", dialects.DOUBTFUL_POSTED, raw)
    return PartialDate(raw=raw)


_RESULT_TEXTS = ("results_summary", "results_baseline", "results_flow", "results_adverse_events", "results_measures")
_NO_RESULTS = re.compile(r"no results (?:are )?available\.?", re.I)


def _results(row: _Row) -> Results | None:
    """The texts about results. Without a yes EU CTR has its title and objective there, so only with one they count."""
    texts = [row.text(column) for column in _RESULT_TEXTS]
    said = [None if is_placeholder(text) or _NO_RESULTS.fullmatch(text or "") else text for text in texts]
    return dialects.results(*said)


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
        row.note("enrollment_target", dialects.NOT_A_SIZE, raw)
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


# --- formats

_ROW_START = re.compile(
    r'"{0,4}(?:(?:JPRN-)?(?:UMIN|jRCT|JapicCTI|JMA|C\d)|NCT|EUCTR|CTIS|ISRCTN|ACTRN|ChiCTR|ITMCTR|ChiMCTR|KCT|CTRI[/-]|'
    r'DRKS|IRCT|NTR|NL|RBR-|PACTR|PER-|RPCEC|SLCTR[/-]|TCTR|LBCTR)[\w/.-]{1,30}"{0,4}\s*([,;\t])',
    re.I,
)
_FULL_EXPORT_ROW = re.compile(_ROW_START.pattern + r'\s*"{0,4}\d{1,2} (?:[A-Z][a-z]{2,8}) \d{4}"{0,4}\s*\1', re.I)
_WRAPPED = re.compile(r'"(.*)"', re.S)
_HEADER_WITHIN_ROWS = 20
_LOCALE_WITHIN_ROWS = 1000


def _is_web_csv(head: bytes) -> bool:
    found = table_header(head, _is_registry_export)
    return found is not None and not _is_cut_from_full_export(found[2])


def _is_full_export_rows(head: bytes) -> bool:
    found = table_header(head, _is_registry_export)
    return found is not None and _is_cut_from_full_export(found[2])


def _is_cut_from_full_export(header: Iterable[str]) -> bool:
    """Whether it has a column that only the full export has."""
    return not {"children", "bridge", "actual_size", "enrolment_type"}.isdisjoint(map(_column, header))


def _is_full_export(head: bytes) -> bool:
    text = head.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    row = next(filter(None, map(_FULL_EXPORT_ROW.match, re.split(r"\r?\n", text))), None)
    if row is None or table_header(head, _is_registry_export):
        return False
    if len(head) >= HEAD_BYTES:
        return True
    try:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=row[1])
        return any(len(_FULL_EXPORT) == len(cells) - cells[len(_FULL_EXPORT) :].count("") for cells in rows)
    except csv.Error:
        return False


def _read_web_csv(stream: BinaryIO) -> Iterator[Record | Reject]:
    return each(csv_rows(stream, _is_registry_export, _ROW_START), partial(_to_record, is_full_export=False))


def _read_full_export_rows(stream: BinaryIO) -> Iterator[Record | Reject]:
    return each(csv_rows(stream, _is_registry_export, _ROW_START), partial(_to_record, is_full_export=True))


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
    return each(_sheet_rows(stream), _sheet_record)


def _sheet_record(entry: Entry) -> Record:
    return _to_record(entry, is_full_export=_is_cut_from_full_export(entry.row or ()))


def _sheet_rows(stream: BinaryIO) -> Iterator[Entry | Reject]:
    """Rows of every sheet that has a registry export's header, as the text that the spreadsheet was made from."""
    ordinal = 0
    try:
        for _, rows in sheets(stream):
            for entry in _rows_of_sheet(rows):
                ordinal += 1
                entry.ordinal = ordinal
                yield entry
    except Unreadable as unreadable:
        yield reject(unreadable.reason, unreadable.detail, b"", ordinal + 1, None)
        return
    if not ordinal:
        yield reject("not_a_registry_export", "no sheet has the header of a registry export", b"", 1, None)


def _rows_of_sheet(rows: Iterator[tuple[Any, ...]]) -> Iterator[Entry]:
    numbered = enumerate(rows, start=1)
    header: tuple[str, ...] = ()
    for number, cells in numbered:
        header = tuple(cell_text(cell) for cell in cells)
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
    read, certain = row.get("registered"), cell_text(row.get("registered_iso"))
    found = identifiers.normalise(cell_text(row.get("id")))
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
        texts = [cell_text(cell) for cell in cells[: len(header)]]
        if not any(map(str.strip, texts)):
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


# --- the web service


def _is_trial_details(head: bytes) -> bool:
    return b"<Primary_Register_text" in head or (b"<NewDataSet" in head and b"<TrialID" in head)


def _read_trial_details(stream: BinaryIO) -> Iterator[Record | Reject]:
    head, stream = peek(stream, 1024)
    return each(whole(as_utf8(stream, head)), _trial_details_record)


_DETAIL_DESIGN = {"Allocation": "Allocation", "Assignement": "Assignment"}
"""Fields of the design, as the service spells them, by the labels that they have in WHO's exports."""
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
    trial = tables["Trial"][0]
    parts = [trial.get("Study_design")]
    parts += [f"{label}: {trial[field]}" for field, label in _DETAIL_DESIGN.items() if field in trial]
    cells["design"] = "; ".join(filter(None, parts))
    record = _record({column: value for column, value in cells.items() if value}, is_full_export=False)
    given = tables.get("Intervention", [])
    if len(given) == len(record.interventions):
        for one, row in zip(record.interventions, given, strict=True):
            if one.type is None and (type_ := vocabulary.intervention_type(row.get("Intervention_code"))):
                one.type, one.type_raw = type_, row["Intervention_code"]
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
        provider_xml(),
        Format("web-xlsx", "The same columns as an Excel workbook", _is_workbook, _read_workbook),
    ),
    no_fetch=(
        "WHO gives the full export to those who accept its terms of use, and its web service to those who buy a "
        "licence; the search page exports by hand."
    ),
)
