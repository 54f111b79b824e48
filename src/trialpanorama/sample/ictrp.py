"""WHO ICTRP's exports: web XML, web CSV and XLSX, and the headerless full export; with each register's own dialect."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from random import Random
from xml.sax.saxutils import escape

from trialpanorama.sample import mess as messing
from trialpanorama.sample._words import long_date
from trialpanorama.sample.clinicaltrials_gov import criteria
from trialpanorama.sample.dialects import (
    COMMA_LISTS,
    COUNTRY_SPELLINGS,
    DIALECTS,
    conditions,
    date_words,
    design_europe,
    interventions,
    native_status,
    outcomes,
    phase_europe,
    rolled_up_status,
    yes_or_no,
)
from trialpanorama.sample.mess import Mess
from trialpanorama.sample.model import SNAPSHOT, Registration, Trial

WEB_XML_FIELDS = (
    "Export_date", "Internal_Number", "TrialID", "Last_Refreshed_on", "Public_title", "Scientific_title", "Acronym",
    "Primary_sponsor", "Retrospective_flag", "Date_registration3", "Date_registration", "Source_Register",
    "web_address", "Recruitment_Status", "other_records", "Inclusion_agemin", "Inclusion_agemax", "Inclusion_gender",
    "Date_enrollement", "Target_size", "Study_type", "Study_design", "Phase", "Countries", "Contact_Firstname",
    "Contact_Lastname", "Contact_Address", "Contact_Email", "Contact_Tel", "Contact_Affiliation",
    "Inclusion_Criteria", "Exclusion_Criteria", "Condition", "Intervention", "Primary_outcome", "Secondary_outcome",
    "Secondary_ID", "Source_Support", "Secondary_Sponsor", "Ethics_review_status", "Ethics_review_approval_date",
    "Ethics_review_contact_name", "Ethics_review_contact_address", "Ethics_review_contact_phone",
    "Ethics_review_contact_email", "results_yes_no", "results_date_posted", "results_url_link",
    "results_date_completed", "results_ipd_plan",
)  # fmt: skip
CSV_COLUMNS = (
    "TrialID", "Last Refreshed on", "Public title", "Scientific title", "Acronym", "Primary sponsor",
    "Date registration", "Date registration3", "Export date", "Source Register", "web address", "Recruitment Status",
    "other records", "Inclusion agemin", "Inclusion agemax", "Inclusion gender", "Date enrollement", "Target size",
    "Study type", "Study design", "Phase", "Countries", "Contact Firstname", "Contact Lastname", "Contact Address",
    "Contact Email", "Contact Tel", "Contact Affiliation", "Inclusion Criteria", "Exclusion Criteria", "Condition",
    "Intervention", "Primary outcome", "results date posted", "results date completed", "results url link",
    "Retrospective flag", "Bridging flag truefalse", "Bridged type", "results yes no",
)  # fmt: skip
FULL_COLUMNS = 63

Row = dict[str, str]


def _gap(rng: Random, mess: Mess) -> str:
    """What stands between the parts of a EUCTR field: a new line, or what is left of it."""
    if rng.random() < mess.html_leftover:
        return ("<br>", "<br>                ", "")[int(rng.random() * 3)]
    return "\n"


@dataclass(slots=True)
class Entry:
    """One row: a record id, the registration it comes from, and the day of its version."""

    trial: Trial
    registration: Registration
    id: str
    status: str
    refreshed: datetime.date
    family: list[str]
    """Record ids that WHO knows to be the same trial, the parent first; empty if it knows none."""


def row(entry: Entry, exported: datetime.date, mess: Mess) -> Row:
    """The row as the fields of the web exports, with the full export's own in lower case."""
    trial, registration = entry.trial, entry.registration
    register = registration.register
    dialect = DIALECTS[register]
    rng = Random(f"{entry.id}/{entry.refreshed}")
    draw = rng.random
    missing = registration.missing
    gap = _gap(rng, mess)
    europe = register in ("EUCTR", "CTIS")
    prospective = registration.registered <= registration.start
    low, high = trial.minimum_age, None if "maximum_age" in missing else trial.maximum_age
    age_low, age_high, none = dialect.ages
    sex = {"ALL": dialect.sexes[0], "FEMALE": dialect.sexes[1], "MALE": dialect.sexes[2]}[trial.sex]
    if europe:
        sex = gap.join(
            ("", f"Female: {yes_or_no(trial.sex != 'MALE')}", f"Male: {yes_or_no(trial.sex != 'FEMALE')}", "")
        ).strip("\n")
    spelling = COUNTRY_SPELLINGS.get(register, {})
    countries = [spelling.get(country, country) for country in registration.countries]
    if register == "PACTR":
        countries = countries * min(3, len(trial.sites))
    inclusion, exclusion = _criteria_texts(trial, register)
    if registration.contact_in_text:
        inclusion += "\n" + registration.contact_in_text
    secondary = ";".join(_typed_id(kind, id) for kind, id in registration.secondary_ids)
    if register in ("ANZCTR", "ISRCTN") and not secondary:
        secondary = "Nil known"
    name, email, telephone = registration.contact or ("", "", "")
    results = trial.has_results and registration.is_current and register == "ClinicalTrials.gov"
    over = entry.status in ("COMPLETED", "TERMINATED", "WITHDRAWN")
    fields: Row = {
        "TrialID": entry.id,
        "Last_Refreshed_on": f"{entry.refreshed.day} {entry.refreshed:%B %Y}",
        "Public_title": registration.public_title,
        "Scientific_title": "" if "official_title" in missing else registration.scientific_title,
        "Acronym": trial.acronym,
        "Primary_sponsor": registration.sponsor,
        "Retrospective_flag": "Yes" if prospective else "No",
        "Date_registration3": f"{registration.registered:%Y%m%d}",
        "Date_registration": date_words(registration.registered, dialect.date),
        "Source_Register": dialect.source_register,
        "web_address": dialect.url.format(registration.id),
        "Recruitment_Status": rolled_up_status(register, entry.status),
        "other_records": "Yes" if len(entry.family) > 1 else "No",
        "Inclusion_agemin": (age_low.format(low) if low else none) if age_low else "",
        "Inclusion_agemax": (age_high.format(high) if high else none) if age_high else "",
        "Inclusion_gender": sex,
        "Date_enrollement": _enrolment_date(registration, register, dialect.date, draw()),
        "Target_size": "" if "size" in missing else _size(trial, register, over and registration.is_current),
        "Study_type": dialect.study_types[trial.study_type != "INTERVENTIONAL"]
        if trial.study_type != "EXPANDED_ACCESS"
        else "Expanded Access",
        "Study_design": design_europe(trial, gap) if europe else dialect.design(trial),
        "Phase": phase_europe(trial, gap) if europe else dialect.phase(trial),
        "Countries": (", " if register in COMMA_LISTS else ";").join(countries),
        "Contact_Firstname": " " if name and register == "ClinicalTrials.gov" else "",
        "Contact_Lastname": name,
        "Contact_Address": "1 Fictional Street" if name and draw() < 0.5 else "",
        "Contact_Email": email,
        "Contact_Tel": telephone,
        "Contact_Affiliation": registration.sponsor if name else "",
        "Inclusion_Criteria": inclusion,
        "Exclusion_Criteria": exclusion,
        "Condition": conditions(registration, register, gap),
        "Intervention": interventions(trial, register, gap),
        "Primary_outcome": outcomes(trial.primary_outcomes, register, dialect.outcome, main=True),
        "Secondary_outcome": ""
        if "secondary_outcomes" in missing
        else outcomes(trial.secondary_outcomes, register, dialect.outcome, main=False),
        "Secondary_ID": secondary,
        "Source_Support": "Please refer to primary and secondary sponsors"
        if register == "ClinicalTrials.gov"
        else ""
        if "collaborators" in missing
        else registration.sponsor,
        "Secondary_Sponsor": "" if "collaborators" in missing else ";".join(other for other, _ in trial.collaborators),
        "Ethics_review_status": "Approved" if register not in ("ClinicalTrials.gov", "EUCTR") else "",
        "results_yes_no": "Yes" if results else "",
        "results_date_posted": date_words(registration.updated, "d/m/y") if results else "",
        "results_url_link": f"https://clinicaltrials.gov/ct2/show/results/{registration.id}" if results else "",
        "results_date_completed": date_words(registration.completion, dialect.date)
        if over and "completion" not in missing
        else "",
        "Bridging_flag_truefalse": "True " if len(entry.family) > 1 else "False",
        "Bridged_type": "          "
        if len(entry.family) < 2
        else "parent    "
        if entry.family[0] == entry.id
        else "child     ",
        "Export_date": f"{exported.month}/{exported.day}/{exported.year} 10:40:56 AM",
        "Internal_Number": str(9_000_000 + trial.index),
        "native_status": native_status(register, entry.status),
        "enrolment_type": "Actual" if registration.start <= SNAPSHOT else "Anticipated",
        "actual_enrolment": _actual_enrolment(trial, registration, register, over),
        "results_date_completed_iso": registration.completion.isoformat()
        if over and "completion" not in missing
        else "",
        "retrospective": "" if prospective else "1",
    }
    return _with_mess(fields, register, rng, mess)


_TEXTS = (
    "Inclusion_Criteria",
    "Exclusion_Criteria",
    "Intervention",
    "Primary_outcome",
    "Secondary_outcome",
    "Condition",
)


def _with_mess(fields: Row, register: str, rng: Random, mess: Mess) -> Row:
    if rng.random() < mess.lost_comparison_sign:
        for name in (*_TEXTS, "Inclusion_agemin", "Inclusion_agemax"):
            fields[name] = messing.without_comparison_signs(fields[name])
    if rng.random() < mess.doubled_entity:
        for name in _TEXTS:
            fields[name] = messing.with_doubled_entities(fields[name])
    if rng.random() < mess.html_leftover:
        for name in _TEXTS:
            fields[name] = messing.with_html(fields[name])
    if rng.random() < mess.mojibake:
        for name in ("Scientific_title", "Inclusion_Criteria"):
            fields[name] = messing.with_mojibake(fields[name])
    if rng.random() < mess.trailing_blanks:
        fields["Scientific_title"] = fields["Scientific_title"].ljust(1000)
    return fields


def _criteria_texts(trial: Trial, register: str) -> tuple[str, str]:
    if register == "ClinicalTrials.gov":
        return criteria(trial).replace("* ", "- "), ""
    mark = "{n}. " if register in ("ChiCTR", "ANZCTR", "jRCT") else "- " if register != "EUCTR" else ""
    texts = [
        "\n".join(mark.format(n=n) + line for n, line in enumerate(lines, 1))
        for lines in (trial.inclusion, trial.exclusion)
    ]
    return f"Inclusion criteria: {texts[0]}", f"Exclusion criteria: {texts[1]}"


def _typed_id(kind: str, id: str) -> str:
    return f"EudraCT {id}" if kind == "EUCTR" and id[-1] in "02468" else id


def _enrolment_date(registration: Registration, register: str, style: str, draw: float) -> str:
    day = registration.start
    if register == "ClinicalTrials.gov":
        return long_date(day.isoformat() if draw < 0.6 else day.isoformat()[:7])
    if register in ("jRCT", "UMIN"):
        return f"{day:%Y/%m/%d}" if draw < 0.5 else date_words(day, "d/m/y")
    return date_words(day, style)


def _size(trial: Trial, register: str, actual: bool) -> str:
    count = trial.actual if actual and register == "ClinicalTrials.gov" else trial.planned
    if register == "ChiCTR":
        share, rest = divmod(trial.planned, len(trial.arms))
        return "".join(
            f"{arm.label.replace(':', ' ')}:{share + (rest if at == 0 else 0)};" for at, arm in enumerate(trial.arms)
        )
    return str(count)


def _actual_enrolment(trial: Trial, registration: Registration, register: str, over: bool) -> str:
    if register == "CTRI":
        return "0"
    if register == "PACTR" and over:
        return date_words(registration.completion, "d/m/y")  # sic: a date stands in this column for this register
    return str(trial.actual) if over and registration.is_current and register in ("ANZCTR", "DRKS", "ISRCTN") else ""


# --- the four formats


def web_xml(fields: Row) -> str:
    """A `Trial` of the web XML export."""
    lines = ["  <Trial>\n"]
    for name in WEB_XML_FIELDS:
        value = fields.get(name, "")
        lines.append(f"    <{name}>{escape(value)}</{name}>\n" if value else f"    <{name} />\n")
    lines.append("  </Trial>\n")
    return "".join(lines)


def csv_cells(fields: Row) -> list[str]:
    """The 40 cells of the web CSV."""
    return [fields.get(name.replace(" ", "_"), "") for name in CSV_COLUMNS]


_SPREADSHEET_PHASES = {"1-2": (2, 1), "2-3": (3, 2)}


def xlsx_cells(
    fields: Row, registered: datetime.date, refreshed: datetime.date, draw: float, mess: Mess
) -> list[object]:
    """The same cells as a spreadsheet holds them: dates as dates, whole numbers as numbers, blanks as nothing."""
    cells: list[object] = []
    for name, text in zip(CSV_COLUMNS, csv_cells(fields), strict=True):
        value: object = text or None
        if name == "Date registration":
            value = datetime.datetime.combine(registered, datetime.time())
        elif name == "Last Refreshed on":
            value = datetime.datetime.combine(refreshed, datetime.time())
        elif name in ("Date registration3", "Target size", "Inclusion agemin") and text.isdigit():
            value = int(text)
        elif name == "Phase" and text in _SPREADSHEET_PHASES and draw < mess.spreadsheet_date:
            month, day = _SPREADSHEET_PHASES[text]
            value = datetime.datetime(refreshed.year, month, day)
        elif name == "Bridging flag truefalse":
            value = text.strip() == "True"
        cells.append(value)
    return cells


_FULL_FIELDS: dict[int, str] = {
    2: "Secondary_ID", 3: "Public_title", 4: "Scientific_title", 5: "web_address", 7: "Contact_Lastname",
    8: "Contact_Address", 9: "Contact_Email", 10: "Contact_Tel", 11: "Contact_Affiliation", 18: "Study_type",
    19: "Study_design", 20: "Phase", 21: "Date_registration", 22: "Date_enrollement", 23: "Target_size",
    24: "native_status", 25: "Primary_sponsor", 26: "Secondary_Sponsor", 27: "Source_Support", 28: "Countries",
    29: "Condition", 30: "Intervention", 31: "Inclusion_agemin", 32: "Inclusion_agemax", 33: "Inclusion_gender",
    34: "Inclusion_Criteria", 35: "Exclusion_Criteria", 36: "Primary_outcome", 37: "Secondary_outcome",
    41: "enrolment_type", 42: "retrospective", 43: "actual_enrolment", 44: "results_url_link",
    46: "results_date_posted", 55: "results_date_completed_iso", 56: "results_yes_no", 57: "Ethics_review_status",
}  # fmt: skip


def full_cells(entry: Entry, fields: Row) -> list[str]:
    """The 63 cells of the full export: NULL for missing, and a pair of quote characters around every other value."""
    cells = ["NULL"] * FULL_COLUMNS
    for at, name in _FULL_FIELDS.items():
        if fields.get(name):
            cells[at] = fields[name]
    if entry.registration.register == "ClinicalTrials.gov":
        day = entry.registration.registered
        cells[21] = f"{day.day}/{day.month}/{day.year}"
    if len(entry.family) > 1:
        is_parent = entry.family[0] == entry.id
        cells[38], cells[39] = entry.family[0], "parent" if is_parent else "child"
        if is_parent:
            cells[40] = ";".join(entry.family[1:])
    cells[58] = (
        f"{entry.registration.registered:%b %d %Y} 12:00AM" if cells[57] == "Approved" else "Jan  1 1900 12:00AM"
    )
    wrapped = [cell if cell == "NULL" else f'"{cell}"' for cell in cells]
    wrapped[0] = entry.id
    wrapped[1] = f'"{fields["Last_Refreshed_on"]}"'
    return wrapped
