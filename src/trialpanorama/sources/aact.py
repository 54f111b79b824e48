"""AACT: the whole of ClinicalTrials.gov as the tables of a database, one text file a table, all in one zip.

The tables of a study are put together again in the shape of ClinicalTrials.gov's API v2, so that a study gives the
Record that the register's own JSON gives, but for what AACT leaves out:

- MeSH ids, the status of an outcome's results (told from whether it has any), denominators of single classes of an
  outcome (of a baseline measure: where they say nothing else than the whole), and comments on adverse events.
- AACT's own ids are drawn anew with each load: they join the tables here and are kept nowhere. The rows of a study are
  read in their order, which was that of the register.
- Line breaks became `~` on export, with the blank that followed, and doubled quotation marks were dropped. Only a cell
  in quotation marks can have had a line break, and where API v2 has line breaks a true tilde is escaped: so `~` is a
  line break in the longer texts, if in quotation marks. Whether there was a blank line cannot be told.
- Limits that AACT holds as numbers only have lost how they were written: 5.0 is given as 5.
- Until early 2024 values are the display words of the register (`Phase 2/Phase 3`), later ones API v2's tokens; what
  is folded knows both, and what is kept as a token is made one.
- A missing minimum or maximum age is written `N/A`: it is no limit, as if left out of API v2.

The zip has some 50 tables with 50 million rows (16 GB): they are dealt out to small files by study, and read study by
study from there, so that memory does not grow with the zip.
"""

from __future__ import annotations

import re
import struct
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, BinaryIO
from zlib import crc32

import msgspec
from isal import isal_zlib

from trialpanorama.errors import Unreadable, UserError
from trialpanorama.fetching import Fetch, Session, Wanted
from trialpanorama.record import Note, Record, Reject
from trialpanorama.sources import Collection, Format, Members, Source
from trialpanorama.sources._clinicaltrials_gov import (
    REGISTER,
    Study,
    country_name,
    group_id_of,
    no_study,
    record_of_study,
    set_countries,
    v2_token,
    without_escapes,
    yes_or_no,
)
from trialpanorama.sources._reading import MAX_ENTRY_BYTES, Entry, each, reject, text_lines, unwrap
from trialpanorama.vocabulary import parse_date

_TABLES = {
    "studies": "id",
    "id_information": "identifiers",
    "brief_summaries": "brief_summary",
    "detailed_descriptions": "detailed_description",
    "calculated_values": "has_results",
    "sponsors": "sponsors",
    "responsible_parties": "responsible_party",
    "conditions": "conditions",
    "keywords": "keywords",
    "browse_conditions": "mesh_terms",
    "browse_interventions": "mesh_terms",
    "designs": "allocation",
    "design_groups": "arms",
    "interventions": "interventions",
    "intervention_other_names": "interventions",
    "design_group_interventions": "arms",
    "design_outcomes": "outcomes",
    "eligibilities": "eligibility_criteria",
    "central_contacts": "contacts",
    "overall_officials": "officials",
    "facilities": "locations",
    "facility_contacts": "contacts",
    "facility_investigators": "contacts",
    "countries": "countries",
    "study_references": "references",
    "retractions": "references",
    "links": "links",
    "documents": "links",
    "provided_documents": "links",
    "ipd_information_types": "ipd_sharing",
    "pending_results": "has_results",
    "participant_flows": "results",
    "result_groups": "results",
    "milestones": "results",
    "drop_withdrawals": "results",
    "baseline_counts": "results",
    "baseline_measurements": "results",
    "outcomes": "results",
    "outcome_counts": "results",
    "outcome_measurements": "results",
    "outcome_analyses": "results",
    "outcome_analysis_groups": "results",
    "reported_events": "results",
    "reported_event_totals": "results",
    "result_contacts": "contacts",
    "result_agreements": "results",
}
"""The tables with rows of studies, and the Record's field that tells most of each."""
_NOT_OF_STUDIES = {
    "categories", "data_definitions", "load_events", "mesh_headings", "mesh_terms", "sanity_checks", "search_results",
    "search_term_results", "search_terms", "statistics", "study_searches",
}  # fmt: skip
"""Tables about AACT itself, about MeSH, or with searches that others made."""

# --- rows of a table


class _Table(msgspec.Struct):
    """A table and what its header says."""

    name: str
    member: str
    columns: tuple[str, ...]
    place: int
    """Of the column nct_id."""

    def key(self, row: bytes) -> bytes:
        """The number of the study that a row belongs to; empty if it has none."""
        if self.place == 1 and not row.startswith(b'"'):  # nearly all rows of all tables
            return row.partition(b"|")[2].partition(b"|")[0].strip(b'" \r').upper()
        cells = row.split(b"|", self.place + 1)
        if any(b'"' in cell for cell in cells[: self.place]):
            return self.cells(row, lenient=True).get("nct_id", "").upper().encode()
        return cells[self.place].strip(b'" \r').upper() if len(cells) > self.place else b""

    def cells(self, row: bytes, lenient: bool = False) -> dict[str, str]:
        """The cells that hold something, by their columns; raises Unreadable."""
        try:
            text = row.decode("utf-8", "replace" if lenient else "strict")
        except UnicodeDecodeError as error:
            byte = error.object[error.start]
            raise Unreadable("invalid_encoding", f"{self.name}: byte {byte:#04x} is not UTF-8") from None
        cells = text.split("|") if '"' not in text else _quoted_cells(text, self.columns)
        if len(cells) != len(self.columns) and not lenient:
            detail = f"{self.name}: {len(cells)} cells where the header has {len(self.columns)}"
            raise Unreadable("malformed_row", detail)
        if any(map(text.__contains__, "\\&\r\0")):
            cells = [*map(_clean, cells)]
        return {
            column: cell
            for column, raw in zip(self.columns, cells, strict=not lenient)
            if raw and (cell := raw.strip())
        }


def _clean(cell: str) -> str:
    return without_escapes(cell.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n"))


_CELL = re.compile(r'(?:"((?:[^"]+|"")*+)"|([^|"]*+))(?:\||\Z)')
_PROSE = re.compile(r".*(?:description|criteria|population|details|caveats)")
"""The columns of texts that the register takes for Markdown: they alone have line breaks, and escapes before tildes."""


def _quoted_cells(text: str, columns: tuple[str, ...]) -> list[str]:
    """The cells of a row with quotation marks; where these do not enclose cells, they are a part of the text."""
    cells: list[str] = []
    at = 0
    while at <= len(text):
        cell = _CELL.match(text, at)
        if cell is None:
            return text.split("|")
        quoted, plain_text = cell.groups()
        if quoted is None:
            cells.append(plain_text)
        else:
            quoted = quoted.replace('""', '"')
            is_prose = "~" in quoted and len(cells) < len(columns) and _PROSE.fullmatch(columns[len(cells)])
            cells.append(_with_line_breaks(quoted) if is_prose else quoted)
        at = cell.end()
        if at == len(text) and not cell[0].endswith("|"):
            break
    return cells


_BREAK = re.compile(r"(?<!\\)~")
_NOT_WRAPPED = re.compile(r"(?<!\\)~(?! {5})")


def _with_line_breaks(text: str) -> str:
    """The line breaks that became tildes. Where all lines are indented they were wrapped, as in legacy XML."""
    if "\n" in text:
        return text
    text = text.replace("\r~", "~").strip(" ~")
    if _NOT_WRAPPED.search(text):
        return _BREAK.sub("\n", text)
    return unwrap(_BREAK.sub("\n", re.sub("~(?= {6})", "\n\n", text))) or ""


_BEGINS_ROW = re.compile(rb'"?(?:\d+|NCT\d{8})"?\|')


def _rows(stream: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Rows with the line each begins on, as bytes, the header first; none in place of a row that is too large.

    A row goes on over line breaks inside quotation marks, but not into what is a row of its own.
    """
    line, pipes = 0, -1
    begun: list[bytes] = []
    begin = size = 0
    for raw in text_lines(stream):
        line += 1
        if begun:
            is_row = raw is not None and _BEGINS_ROW.match(raw) is not None and raw.count(b"|") >= pipes
            if raw is not None and not is_row and size + len(raw) <= MAX_ENTRY_BYTES:
                begun.append(raw)
                size += len(raw)
                if raw.count(b'"') % 2:
                    yield begin, b"".join(begun).rstrip(b"\r\n")
                    begun = []
                continue
            yield begin, b"".join(begun).rstrip(b"\r\n")
            begun = []
        if raw is None:
            yield line, None
            continue
        if pipes < 0:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
            pipes = raw.count(b"|")
        if b'"' in raw and raw.count(b'"') % 2:
            begun, begin, size = [raw], line, len(raw)
        elif row := raw.rstrip(b"\r\n"):
            yield line, row
    if begun:
        yield begin, b"".join(begun).rstrip(b"\r\n")


def _table(name: str, member: str, rows: Iterator[tuple[int, bytes | None]]) -> _Table | None:
    """The table whose header is the first of these rows; none if it is no header of AACT's."""
    _, header = next(rows, (1, None))
    columns = tuple(cell.strip(' "').lower() for cell in (header or b"").decode("utf-8", "replace").split("|"))
    if "nct_id" not in columns or len(set(columns)) < len(columns):
        return None
    return _Table(name, member, columns, columns.index("nct_id"))


# --- a study put together in the shape of API v2

_Row = dict[str, str]
_Rows = dict[str, list[_Row]]


def _some(**values: Any) -> dict[str, Any] | None:
    """The values that there are; none if there is none."""
    return {name: value for name, value in values.items() if value is not None and value != []} or None


def _flag(text: str | None) -> bool | None:
    return {"t": True, "f": False}.get(text or "", yes_or_no(text))


def _integer(text: str | None) -> int | None:
    """A count; also one that was written as a number with decimals."""
    digits = (text or "").removesuffix(".0")
    return int(digits) if digits.isdecimal() and len(digits) < 16 else None


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


def _as_published(row: _Row, column: str) -> str | None:
    """A number as it was written, where the table has that too (since 2025)."""
    number = row.get(column)
    return row.get(f"{column}_raw") or (number.removesuffix(".0") if number else None)


def _study_date(study: _Row, name: str) -> dict[str, Any] | None:
    """A date with the precision that the register gave: AACT completes months to days."""
    date = study.get(f"{name}_month_year") or study.get(f"{name}_date")
    return _some(date=date, type=study.get(f"{name}_date_type")) if date else None


def _v2_study(rows: _Rows) -> dict[str, Any]:
    """The study as API v2 has it, of the rows of its tables."""
    study = _one(rows, "studies")
    values = _one(rows, "calculated_values")
    has_results = _flag(values.get("were_results_reported"))
    if has_results is None:
        has_results = "results_first_posted_date" in study
    derived = _some(
        miscInfoModule=_some(
            versionHolder=_exported(study, values),
            removedCountries=[
                name for row in rows.get("countries", ()) if _flag(row.get("removed")) and (name := row.get("name"))
            ],
        ),
        conditionBrowseModule=_browse(rows.get("browse_conditions", ())),
        interventionBrowseModule=_browse(rows.get("browse_interventions", ())),
    )
    documents = [
        _some(label=row.get("document_type"), filename=row["url"].rsplit("/", 1)[-1] if "url" in row else None) or {}
        for row in rows.get("provided_documents", ())
    ]
    return {
        "protocolSection": _protocol(study, rows),
        "resultsSection": _results(study, rows),
        "documentSection": _some(largeDocumentModule=_some(largeDocs=documents)),
        "derivedSection": derived,
        "hasResults": has_results,
    }


def _one(rows: _Rows, table: str) -> _Row:
    found = rows.get(table)
    return found[0] if found else {}


def _exported(study: _Row, values: _Row) -> str | None:
    said = study.get("nlm_download_date_description", "").rpartition("processed this data on ")[2]
    return parse_date(said) or values.get("nlm_download_date")


def _browse(rows: Iterable[_Row]) -> dict[str, Any] | None:
    terms: dict[bool, list[dict[str, str]]] = {False: [], True: []}
    for row in rows:
        if term := row.get("mesh_term"):
            terms[row.get("mesh_type") == "mesh-ancestor"].append({"term": term})
    return _some(meshes=terms[False], ancestors=terms[True])


def _ids(rows: _Rows) -> dict[str, Any]:
    """Older tables have no id_source: there `id_type` says where an id stood, and nothing its type."""
    found: dict[str, list[dict[str, Any]]] = {"org_study_id": [], "secondary_id": [], "nct_alias": []}
    for row in rows.get("id_information", ()):
        is_new = "id_source" in row
        given = found.get(row["id_source"] if is_new else row.get("id_type", ""))
        if given is not None and (value := row.get("id_value")):
            type = row.get("id_type") if is_new else None
            given.append(_some(id=value, type=type, domain=row.get("id_type_description")) or {})
    return {
        "nctIdAliases": [alias["id"] for alias in found["nct_alias"]],
        "orgStudyIdInfo": found["org_study_id"][0] if found["org_study_id"] else None,
        "secondaryIdInfos": found["org_study_id"][1:] + found["secondary_id"],
    }


def _protocol(study: _Row, rows: _Rows) -> dict[str, Any]:
    eligibility = _one(rows, "eligibilities")
    ages = {
        name: age if (age := eligibility.get(column)) and age.upper() != "N/A" else None
        for name, column in (("minimumAge", "minimum_age"), ("maximumAge", "maximum_age"))
    }
    lead = [row for row in rows.get("sponsors", ()) if row.get("lead_or_collaborator") == "lead"]
    party = _one(rows, "responsible_parties")
    outcomes: dict[str, list[Any]] = {"primary": [], "secondary": [], "other": []}
    for row in rows.get("design_outcomes", ()):
        outcomes.get(row.get("outcome_type", "").lower(), outcomes["other"]).append(
            _some(measure=row.get("measure"), description=row.get("description"), timeFrame=row.get("time_frame")) or {}
        )
    return {
        "identificationModule": _ids(rows)
        | {
            "nctId": study.get("nct_id"),
            "briefTitle": study.get("brief_title"),
            "officialTitle": study.get("official_title"),
            "acronym": study.get("acronym"),
        },
        "statusModule": {
            "overallStatus": study.get("overall_status"),
            "lastKnownStatus": study.get("last_known_status"),
            "whyStopped": study.get("why_stopped"),
            "expandedAccessInfo": _some(hasExpandedAccess=_flag(study.get("has_expanded_access"))),
            "startDateStruct": _study_date(study, "start"),
            "primaryCompletionDateStruct": _study_date(study, "primary_completion"),
            "completionDateStruct": _study_date(study, "completion"),
            "studyFirstSubmitDate": study.get("study_first_submitted_date"),
            "studyFirstPostDateStruct": _study_date(study, "study_first_posted"),
            "resultsFirstPostDateStruct": _study_date(study, "results_first_posted"),
            "lastUpdateSubmitDate": study.get("last_update_submitted_date"),
            "lastUpdatePostDateStruct": _study_date(study, "last_update_posted"),
            "statusVerifiedDate": study.get("verification_month_year") or study.get("verification_date"),
        },
        "sponsorCollaboratorsModule": {
            "responsibleParty": _some(
                type=v2_token(party.get("responsible_party_type")),
                oldNameTitle=party.get("old_name_title"),
                oldOrganization=party.get("organization"),
            ),
            "leadSponsor": _agency(lead[0]) if lead else None,
            "collaborators": [_agency(row) for row in rows.get("sponsors", ()) if not lead or row is not lead[0]],
        },
        "oversightModule": {
            "oversightHasDmc": _flag(study.get("has_dmc")),
            "isFdaRegulatedDrug": _flag(study.get("is_fda_regulated_drug")),
            "isFdaRegulatedDevice": _flag(study.get("is_fda_regulated_device")),
        },
        "descriptionModule": {
            "briefSummary": _one(rows, "brief_summaries").get("description"),
            "detailedDescription": _one(rows, "detailed_descriptions").get("description"),
        },
        "conditionsModule": {
            "conditions": [row["name"] for row in rows.get("conditions", ()) if "name" in row],
            "keywords": [row["name"] for row in rows.get("keywords", ()) if "name" in row],
        },
        "designModule": _design(study, _one(rows, "designs")),
        "armsInterventionsModule": _arms(rows),
        "outcomesModule": {
            "primaryOutcomes": outcomes["primary"],
            "secondaryOutcomes": outcomes["secondary"],
            "otherOutcomes": outcomes["other"],
        },
        "eligibilityModule": ages
        | {
            "eligibilityCriteria": eligibility.get("criteria"),
            "healthyVolunteers": _flag(eligibility.get("healthy_volunteers")),
            "sex": eligibility.get("gender"),
            "studyPopulation": eligibility.get("population"),
            "samplingMethod": v2_token(eligibility.get("sampling_method")),
        },
        "contactsLocationsModule": _places(rows),
        "referencesModule": _references(rows),
        "ipdSharingStatementModule": {
            "ipdSharing": v2_token(study.get("plan_to_share_ipd")),
            "description": study.get("plan_to_share_ipd_description"),
            "url": study.get("ipd_url"),
        },
    }


def _agency(row: _Row) -> dict[str, Any]:
    return {"name": row.get("name"), "class": row.get("agency_class")}


_MASKED = {
    "subject_masked": "PARTICIPANT",
    "caregiver_masked": "CARE_PROVIDER",
    "investigator_masked": "INVESTIGATOR",
    "outcomes_assessor_masked": "OUTCOMES_ASSESSOR",
}


def _design(study: _Row, design: _Row) -> dict[str, Any]:
    phase = study.get("phase")
    return {
        "studyType": study.get("study_type"),
        "phases": (phase.split("/") if phase != "N/A" else [phase]) if phase else None,
        "targetDuration": study.get("target_duration"),
        "bioSpec": _some(retention=v2_token(study.get("biospec_retention"))),
        "enrollmentInfo": _some(count=study.get("enrollment"), type=study.get("enrollment_type")),
        "designInfo": {
            "allocation": design.get("allocation"),
            "interventionModel": design.get("intervention_model"),
            "interventionModelDescription": design.get("intervention_model_description"),
            "primaryPurpose": design.get("primary_purpose"),
            "observationalModel": design.get("observational_model"),
            "timePerspective": design.get("time_perspective"),
            "maskingInfo": _some(
                masking=design.get("masking"),
                maskingDescription=design.get("masking_description"),
                whoMasked=[role for column, role in _MASKED.items() if _flag(design.get(column))],
            ),
        },
    }


def _by(rows: Iterable[_Row], column: str) -> dict[str, list[_Row]]:
    found: dict[str, list[_Row]] = {}
    for row in rows:
        if value := row.get(column):
            found.setdefault(value, []).append(row)
    return found


def _arms(rows: _Rows) -> dict[str, Any]:
    groups, interventions = rows.get("design_groups", ()), rows.get("interventions", ())
    titles = {row["id"]: row["title"] for row in groups if "id" in row and "title" in row}
    names = {
        row["id"]: f"{row.get('intervention_type', 'Other')}: {row['name']}"
        for row in interventions
        if "id" in row and "name" in row
    }
    given = rows.get("design_group_interventions", ())
    of_intervention = _by(given, "intervention_id")
    order = {id: place for place, id in enumerate(names)}
    of_group: dict[str | None, set[str]] = {}
    for link in given:
        if (id := link.get("intervention_id")) in names:
            of_group.setdefault(link.get("design_group_id"), set()).add(id)
    others = _by(rows.get("intervention_other_names", ()), "intervention_id")
    return {
        "armGroups": [
            {
                "label": row.get("title"),
                "type": row.get("group_type"),
                "description": row.get("description"),
                "interventionNames": list(
                    dict.fromkeys(names[id] for id in sorted(of_group.get(row.get("id"), ()), key=order.__getitem__))
                ),
            }
            for row in groups
        ],
        "interventions": [
            {
                "name": row.get("name"),
                "type": row.get("intervention_type"),
                "description": row.get("description"),
                "otherNames": [other["name"] for other in others.get(row.get("id", ""), ()) if "name" in other],
                "armGroupLabels": [
                    titles[link["design_group_id"]]
                    for link in of_intervention.get(row.get("id", ""), ())
                    if link.get("design_group_id") in titles
                ],
            }
            for row in interventions
        ],
    }


def _contact(row: _Row) -> dict[str, Any]:
    return {
        "name": row.get("name"),
        "phone": row.get("phone"),
        "phoneExt": row.get("phone_extension") or row.get("extension"),
        "email": row.get("email"),
    }


def _places(rows: _Rows) -> dict[str, Any]:
    contacts = _by((*rows.get("facility_contacts", ()), *rows.get("facility_investigators", ())), "facility_id")
    return {
        "centralContacts": [_contact(row) for row in rows.get("central_contacts", ())],
        "overallOfficials": [
            {"name": row.get("name"), "affiliation": row.get("affiliation"), "role": v2_token(row.get("role"))}
            for row in rows.get("overall_officials", ())
        ],
        "locations": [
            {
                "facility": row.get("name"),
                "status": row.get("status"),
                "city": row.get("city"),
                "state": row.get("state"),
                "zip": row.get("zip"),
                "country": row.get("country"),
                "contacts": [_contact(contact) for contact in contacts.get(row.get("id", ""), ())],
                "geoPoint": _some(lat=_number(row.get("latitude")), lon=_number(row.get("longitude"))),
            }
            for row in rows.get("facilities", ())
        ],
    }


_OLD_REFERENCES = {"results_reference": "RESULT", "reference": None}


def _references(rows: _Rows) -> dict[str, Any]:
    retracted = {row.get("reference_id") for row in rows.get("retractions", ())}
    return {
        "references": [
            {
                "pmid": row.get("pmid"),
                "type": _OLD_REFERENCES[kind]
                if (kind := row.get("reference_type", "")) in _OLD_REFERENCES
                else v2_token(kind),
                "citation": row.get("citation"),
                "retractions": [{}] if row.get("id", "") in retracted else None,
            }
            for row in rows.get("study_references", ())
        ],
        "seeAlsoLinks": [{"url": row.get("url"), "label": row.get("description")} for row in rows.get("links", ())],
        "availIpds": [{"url": row.get("url"), "type": row.get("document_type")} for row in rows.get("documents", ())],
    }


# posted results


def _results(study: _Row, rows: _Rows) -> dict[str, Any] | None:
    """The posted results, group by group; counts are texts, as in API v2."""
    groups = rows.get("result_groups", ())
    of_type: dict[str, list[_Row]] = {}
    for row in groups:
        of_type.setdefault(row.get("result_type", ""), []).append(row)
    person = _one(rows, "result_contacts")
    contact = _contact(person)
    return _some(
        participantFlowModule=_flow(_one(rows, "participant_flows"), of_type.get("Participant Flow", ()), rows),
        baselineCharacteristicsModule=_baseline(study, of_type.get("Baseline", ()), rows),
        outcomeMeasuresModule=_some(outcomeMeasures=_outcome_measures(groups, rows)),
        adverseEventsModule=_adverse_events(of_type.get("Reported Event", ()), rows),
        moreInfoModule=_some(
            limitationsAndCaveats=_some(description=study.get("limitations_and_caveats")),
            pointOfContact=_some(title=contact.pop("name"), organization=person.get("organization"), **contact),
        ),
    )


def _code(row: _Row) -> str | None:
    code = row.get("ctgov_group_code")
    return group_id_of(code) if code else None


def _group(row: _Row) -> dict[str, Any]:
    return {"id": _code(row) or "", "title": row.get("title"), "description": row.get("description")}


class _Sorted:
    """Rows that are values of one thing for several groups, put together where they first occur.

    A group that occurs again has a value of another thing of the same name.
    """

    def __init__(self) -> None:
        self.things: list[tuple[_Row, list[_Row]]] = []
        self._last: dict[Any, tuple[list[_Row], set[str | None]]] = {}

    def add(self, key: Any, row: _Row) -> None:
        code = row.get("ctgov_group_code")
        values, codes = self._last.get(key, ([], {code}))
        if code in codes:
            values, codes = [], set()
            self.things.append((row, values))
            self._last[key] = values, codes
        values.append(row)
        codes.add(code)


def _flow(flow: _Row, groups: Sequence[_Row], rows: _Rows) -> dict[str, Any] | None:
    periods: dict[str | None, tuple[_Sorted, _Sorted]] = {}
    for at, (table, name) in enumerate((("milestones", "title"), ("drop_withdrawals", "reason"))):
        for row in rows.get(table, ()):
            things = periods.setdefault(row.get("period"), (_Sorted(), _Sorted()))[at]
            things.add((row.get(name), row.get("milestone_description") or row.get("drop_withdraw_comment")), row)
    return _some(
        recruitmentDetails=flow.get("recruitment_details"),
        preAssignmentDetails=flow.get("pre_assignment_details"),
        typeUnitsAnalyzed=flow.get("units_analyzed"),
        groups=[_group(row) for row in groups],
        periods=[
            {
                "title": title,
                "milestones": [
                    {
                        "type": first.get("title"),
                        "comment": first.get("milestone_description"),
                        "achievements": [_group_count(row, row.get("description")) for row in values],
                    }
                    for first, values in milestones.things
                ],
                "dropWithdraws": [
                    {
                        "type": first.get("reason"),
                        "comment": first.get("drop_withdraw_comment"),
                        "reasons": [_group_count(row, row.get("reason_comment")) for row in values],
                    }
                    for first, values in withdrawals.things
                ],
            }
            for title, (milestones, withdrawals) in periods.items()
        ],
    )


def _group_count(row: _Row, comment: str | None) -> dict[str, Any]:
    return {
        "groupId": _code(row),
        "numSubjects": row.get("count"),
        "numUnits": row.get("count_units"),
        "comment": comment,
    }


def _denominators(rows: Iterable[_Row]) -> list[dict[str, Any]]:
    units = _Sorted()
    for row in rows:
        units.add(row.get("units"), row)
    return [
        {
            "units": first.get("units"),
            "counts": [{"groupId": _code(row), "value": row.get("count")} for row in values],
        }
        for first, values in units.things
    ]


def _classes(rows: Iterable[_Row], counts: Iterable[_Row] = ()) -> list[dict[str, Any]]:
    """The classes, categories and values of a measure; `counts` are the denominators that hold for all."""
    of_all = {(row.get("units"), row.get("ctgov_group_code")): row.get("count") for row in counts}
    classes: dict[str | None, _Sorted] = {}
    for row in rows:
        classes.setdefault(row.get("classification"), _Sorted()).add(row.get("category"), row)
    return [
        {
            "title": title,
            "denoms": _other_denominators(categories, of_all),
            "categories": [
                {"title": first.get("category"), "measurements": [_measurement(row) for row in values]}
                for first, values in categories.things
            ],
        }
        for title, categories in classes.items()
    ]


def _other_denominators(
    categories: _Sorted, of_all: Mapping[tuple[str | None, str | None], str | None]
) -> list[dict[str, Any]]:
    """How many were analysed of each group, if that differs from the whole."""
    analysed = {
        (row.get("number_analyzed_units"), row.get("ctgov_group_code")): row
        for _, values in categories.things
        for row in values
        if "number_analyzed" in row
    }
    if all(of_all.get(key) == row["number_analyzed"] for key, row in analysed.items()):
        return []
    return _denominators(
        {"units": units or "Participants", "ctgov_group_code": code or "", "count": row["number_analyzed"]}
        for (units, code), row in analysed.items()
    )


def _measurement(row: _Row) -> dict[str, Any]:
    return {
        "groupId": _code(row),
        "value": row.get("param_value"),
        "spread": row.get("dispersion_value"),
        "lowerLimit": _as_published(row, "dispersion_lower_limit"),
        "upperLimit": _as_published(row, "dispersion_upper_limit"),
        "comment": row.get("explanation_of_na"),
    }


_MEASURE = ("title", "description", "population_description", "param_type", "dispersion_type", "units")


def _baseline(study: _Row, groups: Sequence[_Row], rows: _Rows) -> dict[str, Any] | None:
    measures: dict[tuple[str | None, ...], list[_Row]] = {}
    for row in rows.get("baseline_measurements", ()):
        measures.setdefault(tuple(map(row.get, _MEASURE)), []).append(row)
    return _some(
        populationDescription=study.get("baseline_population"),
        typeUnitsAnalyzed=study.get("baseline_type_units_analyzed"),
        groups=[_group(row) for row in groups],
        denoms=_denominators(rows.get("baseline_counts", ())),
        measures=[
            {
                "title": title,
                "description": description,
                "populationDescription": population,
                "paramType": v2_token(parameter),
                "dispersionType": v2_token(dispersion),
                "unitOfMeasure": units,
                "classes": _classes(values, rows.get("baseline_counts", ())),
            }
            for (title, description, population, parameter, dispersion, units), values in measures.items()
        ],
    )


def _outcome_measures(groups: Sequence[_Row], rows: _Rows) -> list[dict[str, Any]]:
    of_outcome = _by(groups, "outcome_id")
    by_id = {row["id"]: row for row in groups if "id" in row}
    counts = _by(rows.get("outcome_counts", ()), "outcome_id")
    values = _by(rows.get("outcome_measurements", ()), "outcome_id")
    analyses = _by(rows.get("outcome_analyses", ()), "outcome_id")
    compared = _by(rows.get("outcome_analysis_groups", ()), "outcome_analysis_id")
    measures = []
    for row in rows.get("outcomes", ()):
        id = row.get("id", "")
        own_counts, own_values = counts.get(id, []), values.get(id, [])
        own_groups = of_outcome.get(id)
        if own_groups is None:  # before 2025 only the rows of its values say which groups an outcome has
            ids = dict.fromkeys(value.get("result_group_id", "") for value in (*own_counts, *own_values))
            own_groups = [by_id[group] for group in ids if group in by_id]
        measures.append(
            {
                "type": row.get("outcome_type"),
                "title": row.get("title"),
                "description": row.get("description"),
                "populationDescription": row.get("population"),
                "reportingStatus": "POSTED" if own_groups or own_counts or own_values else "NOT_POSTED",
                "anticipatedPostingDate": row.get("anticipated_posting_month_year")
                or row.get("anticipated_posting_date"),
                "paramType": v2_token(row.get("param_type")),
                "dispersionType": row.get("dispersion_type"),
                "unitOfMeasure": row.get("units"),
                "timeFrame": row.get("time_frame"),
                "typeUnitsAnalyzed": row.get("units_analyzed"),
                "groups": [_group(group) for group in own_groups],
                "denoms": _denominators(own_counts),
                "classes": _classes(own_values),
                "analyses": [_analysis(one, compared.get(one.get("id", ""), ())) for one in analyses.get(id, ())],
            }
        )
    return measures


def _analysis(row: _Row, groups: Iterable[_Row]) -> dict[str, Any]:
    p_value = row.get("p_value")
    return {
        "groupIds": [code for group in groups if (code := _code(group))],
        "groupDescription": row.get("groups_description"),
        "nonInferiorityType": v2_token(row.get("non_inferiority_type")),
        "nonInferiorityComment": row.get("non_inferiority_description"),
        "pValue": row.get("p_value_raw") or (row.get("p_value_modifier", "") + p_value if p_value else None),
        "pValueComment": row.get("p_value_description"),
        "statisticalMethod": row.get("method"),
        "statisticalComment": row.get("method_description"),
        "paramType": row.get("param_type"),
        "paramValue": row.get("param_value"),
        "ciPctValue": _as_published(row, "ci_percent"),
        "ciNumSides": v2_token(row.get("ci_n_sides")),
        "ciLowerLimit": _as_published(row, "ci_lower_limit"),
        "ciUpperLimit": _as_published(row, "ci_upper_limit"),
        "dispersionType": v2_token(row.get("dispersion_type")),
        "dispersionValue": row.get("dispersion_value"),
        "estimateComment": row.get("estimate_description"),
        "otherAnalysisDescription": row.get("other_analysis_description"),
    }


_TOTALS = ("deaths", "serious", "other")


def _adverse_events(groups: Sequence[_Row], rows: _Rows) -> dict[str, Any] | None:
    given = rows.get("reported_events", ())
    first = next(iter(given), {})
    thresholds = (row["frequency_threshold"] for row in given if "frequency_threshold" in row)
    kinds = {"serious": _Sorted(), "other": _Sorted()}
    for row in given:
        if kind := kinds.get(row.get("event_type", "").lower()):
            key = tuple(map(row.get, ("adverse_event_term", "organ_system", "vocab", "assessment")))
            kind.add(key, row)
    totals: dict[str, dict[str, Any]] = {}
    for row in rows.get("reported_event_totals", ()):
        name = row.get("event_type", "").lower()
        if name in _TOTALS:
            totals.setdefault(_code(row) or "", {}).update(
                {
                    f"{name}NumAffected": _integer(row.get("subjects_affected")),
                    f"{name}NumAtRisk": _integer(row.get("subjects_at_risk")),
                }
            )
    return _some(
        frequencyThreshold=next(thresholds, None),
        timeFrame=first.get("time_frame"),
        description=first.get("description"),
        eventGroups=[(group := _group(row)) | totals.get(group["id"], {}) for row in groups],
        seriousEvents=[_event(*event) for event in kinds["serious"].things],
        otherEvents=[_event(*event) for event in kinds["other"].things],
    )


def _event(first: _Row, rows: Iterable[_Row]) -> dict[str, Any]:
    return {
        "term": first.get("adverse_event_term"),
        "organSystem": first.get("organ_system"),
        "sourceVocabulary": first.get("vocab") or first.get("default_vocab"),
        "assessmentType": v2_token(first.get("assessment") or first.get("default_assessment")),
        "stats": [
            {
                "groupId": _code(row),
                "numEvents": _integer(row.get("event_count")),
                "numAffected": _integer(row.get("subjects_affected")),
                "numAtRisk": _integer(row.get("subjects_at_risk")),
            }
            for row in rows
        ],
    }


def _record(rows: _Rows) -> Record:
    """The Record of a study; raises Unreadable."""
    study = _v2_study(rows)
    if why_not := no_study(study):
        raise Unreadable("missing_identifier", "studies has no nct_id") from why_not
    record = record_of_study(msgspec.convert(study, Study, strict=False))
    own = _one(rows, "studies")
    record.number_of_arms = record.number_of_arms or _integer(own.get("number_of_arms") or own.get("number_of_groups"))
    if not record.locations:
        names = {row["name"] for row in rows.get("countries", ()) if "name" in row and not _flag(row.get("removed"))}
        removed, record.countries = record.countries, []
        set_countries(record, sorted(map(country_name, names)), ())
        record.countries.extend(removed)
    return record


# --- all tables of a zip


class _Shelf:
    """Rows of some of the studies, out of memory."""

    _FRAME = struct.Struct("<BIII")
    _SIZE = struct.Struct("<I")

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._file = tempfile.SpooledTemporaryFile(max_size=1 << 18)  # noqa: SIM115 (closed by read)

    def add(self, table: int, line: int, ordinal: int, row: bytes) -> None:
        self._waiting += self._FRAME.pack(table, line, ordinal, len(row))
        self._waiting += row
        if len(self._waiting) > 1 << 18:
            self._write()

    def _write(self) -> None:
        packed = isal_zlib.compress(bytes(self._waiting), 1)
        self._file.write(self._SIZE.pack(len(packed)) + packed)
        self._waiting.clear()

    def read(self) -> Iterator[tuple[int, int, int, bytes]]:
        """All rows in the order in which they were added: table, line, ordinal, row."""
        self._write()
        with self._file:
            self._file.seek(0)
            while size := self._file.read(self._SIZE.size):
                block = isal_zlib.decompress(self._file.read(*self._SIZE.unpack(size)))
                at = 0
                while at < len(block):
                    table, line, ordinal, length = self._FRAME.unpack_from(block, at)
                    at += self._FRAME.size + length
                    yield table, line, ordinal, block[at - length : at]


_SHELF_BYTES = 24 * 2**20
_MOST_SHELVES = 256


def _choose(names: Sequence[str], head: Callable[[str], bytes]) -> list[str]:
    """The tables that lie beside a `studies.txt`."""
    folders: dict[str, dict[str, str]] = {}
    for name in dict.fromkeys(names):
        folder, _, file = name.rpartition("/")
        stem = file.lower().removesuffix(".txt")
        if stem != file.lower() and (stem in _TABLES or stem in _NOT_OF_STUDIES):
            folders.setdefault(folder, {}).setdefault(stem, name)
    for tables in folders.values():
        if "studies" in tables and len(tables) > 1 and _HEADER_OF_STUDIES.match(head(tables["studies"])):
            return list(tables.values())
    return []


def _read_tables(members: Members, part: int, parts: int) -> Iterator[Record | Reject]:
    """Deal out the rows of this part's studies to shelves, then read shelf by shelf."""
    by_name = {member.rpartition("/")[2].lower().removesuffix(".txt"): member for member in members.names}
    shelves = [_Shelf() for _ in range(min(1 + members.bytes // parts // _SHELF_BYTES, _MOST_SHELVES))]
    tables: list[_Table] = []
    damaged: list[str] = []
    for name in _TABLES:
        if name not in by_name:
            continue
        member = by_name[name]
        problems: list[Reject] = []
        rows = _rows(members.open(member))
        table = _table(name, member, rows)
        if table:
            number = len(tables)
            tables.append(table)
            key = table.key
            ordinal = 0
            for line, row in rows:
                ordinal += 1
                if row is None:
                    detail = f"{name}: a row of more than {MAX_ENTRY_BYTES >> 20} MiB"
                    problems.append(reject("entry_too_large", detail, b"", ordinal, None, line))
                    continue
                mark = crc32(key(row))
                if mark % parts == part:
                    shelves[mark // parts % len(shelves)].add(number, line, ordinal, row)
        if fault := members.fault(member):
            damaged.append(name)
            problems.append(reject(fault[0], f"{name}: {fault[1]}", b"", 1, None))
        elif table is None:
            damaged.append(name)
            problems.append(reject("study_fragment", f"{name}: no header with a column nct_id", b"", 1, None, 1))
        for problem in problems if part == 0 else ():
            problem.place.member = member
            yield problem
    notes = [Note(_TABLES[name], "the table is damaged: rows may be missing", name) for name in damaged]
    while shelves:
        yield from _read_shelf(shelves.pop(), tables, notes)


def _read_shelf(shelf: _Shelf, tables: Sequence[_Table], notes: Sequence[Note]) -> Iterator[Record | Reject]:
    studies: list[tuple[bytes, int, int, bytes]] = []
    others: dict[bytes, list[tuple[_Table, int, bytes]]] = {}
    for number, line, ordinal, row in shelf.read():
        table = tables[number]
        if table.name == "studies":
            studies.append((table.key(row), line, ordinal, row))
        else:
            others.setdefault(table.key(row), []).append((table, line, row))
    for key, line, ordinal, row in studies:
        yield from _read_study(tables[0], Entry(row, ordinal, None, line), others.get(key, []), notes)
    known = {study[0] for study in studies}
    for key, rows in others.items():
        if key in known:
            continue
        held = Counter(table.name for table, _, _ in rows)
        detail = f"{key.decode('utf-8', 'replace') or 'no nct_id'}: no row of studies, but of " + ", ".join(
            f"{name} ({count})" for name, count in held.items()
        )
        orphans = reject("study_fragment", detail, b"\n".join(row for _, _, row in rows), 1, None, rows[0][1])
        orphans.place.member = rows[0][0].member
        yield orphans


def _read_study(
    table: _Table, entry: Entry, others: Sequence[tuple[_Table, int, bytes]], notes: Sequence[Note]
) -> Iterator[Record | Reject]:
    """The Record of a study, and a Reject for each row that could not be read, the study's own or another."""
    rows: _Rows = {}
    rejects: list[Reject] = []
    own_notes = list(notes)
    for other, line, row in others:
        try:
            rows.setdefault(other.name, []).append(other.cells(row))
        except Unreadable as unreadable:
            lost = reject(unreadable.reason, unreadable.detail, row, 1, None, line)
            lost.place.member = other.member
            rejects.append(lost)
            own_notes.append(Note(_TABLES[other.name], "a row could not be read", f"{other.name}, line {line}"))
    for found in rows.values():
        found.sort(key=_id)

    def to_record(_: Entry) -> Record:
        record = _record(rows | {"studies": [table.cells(entry.data)]})
        if "calculated_values" not in rows and "results_first_posted_date" not in table.columns:
            record.has_results = None
        record.notes.extend(own_notes)
        return record

    whole = Entry(b"\n".join((entry.data, *(row for _, _, row in others))), entry.ordinal, None, entry.line)
    for outcome in each([whole], to_record):
        outcome.place.member = table.member
        yield outcome
    yield from rejects


def _id(row: _Row) -> int:
    return _integer(row.get("id")) or 0


# --- one table alone


_HEADER = re.compile(rb'(?:\xef\xbb\xbf)?(?=[^\r\n]*\bnct_id\b)"?[a-z_0-9]++"?(?:\|"?[a-z_0-9]++"?)+[\r\n]')
_HEADER_OF_STUDIES = re.compile(rb'(?:\xef\xbb\xbf)?(?=[^\n]*\bbrief_title\b)(?=[^\n]*\boverall_status\b)"?nct_id"?\|')


def _is_table(head: bytes) -> bool:
    return _HEADER.match(head) is not None


def _read_table(stream: BinaryIO) -> Iterator[Record | Reject]:
    rows = _rows(stream)
    table = _table("studies", "", rows)
    if table is None or not {"brief_title", "overall_status"} <= {*table.columns}:
        detail = "a table of AACT: give the zip, or the folder with studies.txt and the other tables in it"
        yield reject("study_fragment", detail, b"|".join(c.encode() for c in (table.columns if table else ())), 1, 0, 1)
        return
    for ordinal, (line, row) in enumerate(rows, 1):
        if row is None:
            yield reject("entry_too_large", f"larger than {MAX_ENTRY_BYTES >> 20} MiB", b"", ordinal, None, line)
            continue
        for outcome in _read_study(table, Entry(row, ordinal, None, line), (), ()):
            outcome.place.member = None
            yield outcome


# --- fetching

_HOST = "aact.ctti-clinicaltrials.org"


def _fetch(session: Session, wanted: Wanted) -> None:
    """One copy of the whole, as the download page links it: by its day, from where the site keeps its files."""
    if wanted.since:
        raise UserError("A copy of AACT holds all studies: leave out --since, and give the copy's day as --query.")
    query = wanted.query.strip() or f"{session.log.started[:7]}-01"
    if wanted.address:
        url, name = query, wanted.address.path.rpartition("/")[2].removesuffix(".zip") or "export"
    else:
        try:
            day = date.fromisoformat(query)
        except ValueError:
            raise UserError(
                f"{query} is no day. Give the day of a copy, --query 2026-11-01, or the address of one on https://{_HOST}."
            ) from None
        url, name = f"https://{_HOST}/static/exported_files/daily/{day}", f"{day:%Y%m%d}_export_ctgov"
    session.expect(1, "files")
    session.save(f"{name}.zip", url, kind="zip")


SOURCE = Source(
    name="aact",
    title="AACT",
    home_page="https://aact.ctti-clinicaltrials.org",
    licence="Public domain, as ClinicalTrials.gov; CTTI asks to be acknowledged as the source of AACT",
    is_open=True,
    registers=(REGISTER,),
    obtain=(
        "On the home page, download the pipe-delimited flat files of a day or month (YYYYMMDD_export_ctgov.zip, "
        "2.5 GB); the site asks for a free account. Give the zip as it is, or a folder with its files."
    ),
    formats=(
        Format(
            "table",
            "One table outside of its zip: studies.txt gives what it carries, another table is only a part of studies",
            _is_table,
            _read_table,
        ),
    ),
    collections=(
        Collection(
            "flat-files",
            "All tables as pipe-delimited text, studies.txt and some 50 others, in the zip or unpacked in one folder",
            _choose,
            _read_tables,
        ),
    ),
    fetch=Fetch(
        run=_fetch,
        hosts=(_HOST, "ctti-aact.nyc3.digitaloceanspaces.com"),
        requests_per_minute=6,
        takes_since=False,
        terms=(
            "CTTI encourages the use of all that is on the site and asks to be acknowledged; the site asks for a free "
            "account, though in September 2026 the dated files came without one (https://aact.ctti-clinicaltrials.org)."
        ),
        queries=(
            "--query takes the day of a copy: one of the last 30 days, or the first of a month since 2017 (without it, "
            "of this month); or the address of a copy from the download page. --since is not possible."
        ),
    ),
)
