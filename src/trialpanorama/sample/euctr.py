"""The EU Clinical Trials Register: the full-text download, results XML, and both together as ctrdata stores them.

A protocol is made once, as the answers of the register's form; the text and the JSON are drawn from them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from trialpanorama.sample._files import Archive, Text
from trialpanorama.sample._native import Native
from trialpanorama.sample._xml import element, parent
from trialpanorama.sample.dialects import native_status
from trialpanorama.sample.lexicon import EUROPE
from trialpanorama.sample.mess import Mess
from trialpanorama.sample.model import Registration, Trial

Answer = tuple[str, str, str]
"""Code, label and value of a question."""

_COUNTRIES = {code: name for name, code in EUROPE.items()}
_LANGUAGES = {"DE": "de", "AT": "de", "FR": "fr", "ES": "es", "IT": "it", "PL": "pl", "NL": "nl"}
_AUTHORITY = "FICT"
_PURPOSES = {"DIAGNOSTIC": 1, "PREVENTION": 2, "TREATMENT": 3}
_SCOPES = (
    "Diagnosis", "Prophylaxis", "Therapy", "Safety", "Efficacy", "Pharmacokinetic", "Pharmacodynamic",
    "Bioequivalence", "Dose response", "Pharmacogenetic", "Pharmacogenomic", "Pharmacoeconomic", "Others",
)  # fmt: skip
_BANDS = (
    ("F.1.1.4", "Infants and toddlers (28 days-23 months)", 0, 1),
    ("F.1.1.5", "Children (2-11years)", 2, 11),
    ("F.1.1.6", "Adolescents (12-17 years)", 12, 17),
    ("F.1.2", "Adults (18-64 years)", 18, 64),
    ("F.1.3", "Elderly (>=65 years)", 65, 200),
)
_ADVANCED = ("BIOLOGICAL", "GENETIC")


def _yes(value: bool) -> str:
    return "Yes" if value else "No"


def _protocol(trial: Trial, registration: Registration, code: str) -> list[Answer]:
    """Section A: who the trial is."""
    country = _COUNTRIES[code]
    known = dict(reversed(registration.secondary_ids))
    title = "" if "official_title" in registration.missing else registration.scientific_title
    answers = [
        ("A.1", "Member State Concerned", f"{country} - {_AUTHORITY}"),
        ("A.2", "EudraCT number", registration.id),
        ("A.3", "Full title of the trial", title),
    ]
    if code in _LANGUAGES and title:
        answers.append(("A.3", f"Full title of the trial ({_LANGUAGES[code]})", f"* {title}"))
    label = "Title of the trial for lay people, in easily understood, i.e. non-technical, language"
    answers += [
        ("A.3.1", label, registration.public_title),
        ("A.3.2", "Name or abbreviated title of the trial where available", trial.acronym),
        ("A.4.1", "Sponsor's protocol code number", trial.protocol_code),
    ]
    if "ISRCTN" in known:
        label = "ISRCTN (International Standard Randomised Controlled Trial) Number"
        answers.append(("A.5.1", label, known["ISRCTN"].removeprefix("ISRCTN")))
    if "ClinicalTrials.gov" in known:
        answers.append(("A.5.2", "US NCT (ClinicalTrials.gov registry) number", known["ClinicalTrials.gov"]))
    others = [
        (kind, id)
        for kind, id in registration.secondary_ids
        if kind not in ("ISRCTN", "ClinicalTrials.gov") or known[kind] != id
    ]
    if others:
        answers.append(("A.5.4", "Other Identifiers", "".join(f"\nName: {kind}\nNumber: {id}" for kind, id in others)))
    answers.append(("A.7", "Trial is part of a Paediatric Investigation Plan", "No"))
    return answers


def _sponsors(trial: Trial, registration: Registration) -> list[list[Answer]]:
    """Section B: each sponsor with its funder and contact point."""
    name, email, telephone = registration.contact or ("", "", "")
    others = [] if "collaborators" in registration.missing else trial.collaborators
    blocks = []
    for number, (sponsor, kind) in enumerate([(registration.sponsor, trial.sponsor_class), *others]):
        block = [
            ("B.1.1", "Name of Sponsor", sponsor),
            ("B.1.3.4", "Country", registration.countries[0]),
            ("B.3.1 and B.3.2", "Status of the sponsor", "Commercial" if kind == "INDUSTRY" else "Non-Commercial"),
        ]
        if not number:
            block += [
                ("B.4.1", "Name of organisation providing support", sponsor),
                ("B.4.2", "Country", registration.countries[0]),
                ("B.5.1", "Name of organisation", sponsor),
                ("B.5.2", "Functional name of contact point", name),
                ("B.5.4", "Telephone number", telephone),
                ("B.5.6", "E-mail", email),
            ]
        blocks.append(block)
    return blocks


def _products(trial: Trial) -> list[tuple[list[Answer], list[Answer]]]:
    """Section D: each product, and its active substance."""
    blocks = []
    for item in trial.interventions:
        if item.name == "Placebo":
            continue
        types = {arm.type for arm in trial.arms if item.name in arm.interventions}
        advanced = item.type in _ADVANCED
        product = [
            ("D.1.2 and D.1.3", "IMP Role", "Comparator" if types == {"ACTIVE_COMPARATOR"} else "Test"),
            ("D.2.1", "IMP to be used in the trial has a marketing authorisation", "No"),
            ("D.3.1", "Product name", item.name),
            ("D.3.4", "Pharmaceutical form", "Tablet"),
            ("D.3.7", "Routes of administration for this IMP", "Oral use"),
        ]
        substance = [("D.3.8", "INN - Proposed INN", item.concept or "")]
        substance += [("D.3.9.3", "Other descriptive name", name) for name in item.other_names[:1]]
        product += [
            ("D.3.11.1", "Active substance of chemical origin", _yes(not advanced)),
            (
                "D.3.11.2",
                "Active substance of biological/ biotechnological origin (other than Advanced Therapy IMP (ATIMP)",
                _yes(advanced),
            ),
        ]
        blocks.append((product, substance))
    return blocks


def _has_placebo(trial: Trial) -> bool:
    return any(item.name == "Placebo" for item in trial.interventions)


def _general(trial: Trial, registration: Registration) -> list[Answer]:
    """Section E: what is studied, in whom, how."""
    missing = registration.missing
    first, *more = registration.conditions
    inclusion = list(trial.inclusion)
    if registration.contact_in_text:
        inclusion.append(registration.contact_in_text)
    secondary = [] if "secondary_outcomes" in missing else trial.secondary_outcomes
    objective = "" if "detailed_description" in missing else trial.description
    frame = "Timepoint(s) of evaluation of this end point"
    answers = [
        ("E.1.1", "Medical condition(s) being investigated", first),
        ("E.1.1.1", "Medical condition in easily understood language", "".join(more[:1])),
        ("E.1.1.2", "Therapeutic area", "Diseases [C] - Fictional Diseases [C99]"),
        ("E.2.1", "Main objective of the trial", objective),
        ("E.3", "Principal inclusion criteria", "\n".join(inclusion)),
        ("E.4", "Principal exclusion criteria", "\n".join(trial.exclusion)),
        ("E.5.1", "Primary end point(s)", "\n".join(measure for measure, _ in trial.primary_outcomes)),
        ("E.5.1.1", frame, "; ".join(when for _, when in trial.primary_outcomes)),
        ("E.5.2", "Secondary end point(s)", "\n".join(measure for measure, _ in secondary)),
        ("E.5.2.1", frame, "; ".join(when for _, when in secondary)),
    ]
    number = 0 if "purpose" in missing else _PURPOSES.get(trial.purpose or "", 13)
    for at, scope in enumerate(_SCOPES, 1):
        answers.append((f"E.6.{at}", scope, _yes(at in (number, 4, 5)) if number else ""))
    return answers + _design(trial, registration)


def _design(trial: Trial, registration: Registration) -> list[Answer]:
    missing = registration.missing
    phases = {phase.removeprefix("EARLY_") for phase in trial.phases}
    masking = trial.masking or "NONE"
    is_known = "masking" not in missing
    planned = [] if "locations" in missing else registration.countries
    names = (
        ("E.7.1", "Human pharmacology (Phase I)", "PHASE1"),
        ("E.7.2", "Therapeutic exploratory (Phase II)", "PHASE2"),
        ("E.7.3", "Therapeutic confirmatory (Phase III)", "PHASE3"),
        ("E.7.4", "Therapeutic use (Phase IV)", "PHASE4"),
    )
    randomised = "" if "allocation" in missing else _yes(trial.allocation == "RANDOMIZED")
    answers = [
        *((code, label, _yes(token in phases)) for code, label, token in names),
        ("E.8.1", "Controlled", _yes(len(trial.arms) > 1)),
        ("E.8.1.1", "Randomised", randomised),
        ("E.8.1.2", "Open", _yes(masking == "NONE") if is_known else ""),
        ("E.8.1.3", "Single blind", _yes(masking == "SINGLE") if is_known else ""),
        ("E.8.1.4", "Double blind", _yes(masking not in ("NONE", "SINGLE")) if is_known else ""),
        ("E.8.1.5", "Parallel group", _yes(trial.model == "PARALLEL")),
        ("E.8.1.6", "Cross over", _yes(trial.model == "CROSSOVER")),
        ("E.8.1.7", "Other", _yes(trial.model not in ("PARALLEL", "CROSSOVER"))),
        ("E.8.2.2", "Placebo", _yes(_has_placebo(trial))),
        ("E.8.2.4", "Number of treatment arms in the trial", str(len(trial.arms))),
        ("E.8.5", "The trial involves multiple Member States", _yes(len(planned) > 1)),
        ("E.8.6.1", "Trial being conducted both within and outside the EEA", "No"),
        (
            "E.8.6.3",
            "If E.8.6.1 or E.8.6.2 are Yes, specify the regions in which trial sites are planned",
            "".join(f"\n{name}" for name in planned),
        ),
        ("E.8.7", "Trial has a data monitoring committee", _yes(trial.has_dmc)),
    ]
    return answers


def _population(trial: Trial, registration: Registration) -> list[Answer]:
    """Section F, and the decisions of sections N and P."""
    missing = registration.missing
    least = trial.minimum_age or 0
    greatest = None if "maximum_age" in missing else trial.maximum_age
    answers = [("F.1.1", "Trial has subjects under 18", _yes(least < 18))]
    for code, label, low, high in _BANDS:
        answers.append((code, label, _yes(least <= high and (greatest is None or greatest >= low))))
    size = "" if "size" in missing else str(trial.planned)
    decision = "Not Authorised" if registration.status == "WITHDRAWN" else "Authorised"
    answers += [
        ("F.2.1", "Female", _yes(trial.sex != "MALE")),
        ("F.2.2", "Male", _yes(trial.sex != "FEMALE")),
        ("F.3.1", "Healthy volunteers", _yes(trial.healthy)),
        ("F.4.2.2", "In the whole clinical trial", size),
        ("N.", "Competent Authority Decision", decision),
        ("N.", "Date of Competent Authority Decision", registration.start.isoformat()),
        ("P.", "End of Trial Status", _status(registration)),
    ]
    if registration.status in ("COMPLETED", "TERMINATED") and "completion" not in missing:
        answers.append(("P.", "Date of the global end of the trial", registration.completion.isoformat()))
    return answers


def _status(registration: Registration) -> str:
    return "Ongoing" if registration.status == "UNKNOWN" else native_status("EUCTR", registration.status)


def _country(id: str) -> str:
    return id.rpartition("-")[2]


# --- the text

_HEADINGS = {
    "E.1.1": "E. General Information on the Trial\nE.1 Medical condition or disease under investigation",
    "E.2.1": "E.2 Objective of the trial",
    "E.5.1": "E.5 End points",
    "E.6.1": "E.6 and E.7 Scope of the trial\nE.6 Scope of the Trial",
    "E.7.1": "E.7 Trial type and phase",
    "E.8.1": "E.8 Design of the trial",
    "F.1.1": "F. Population of Trial Subjects\nF.1 Age Range",
    "F.2.1": "F.2 Gender",
    "F.4.2.2": "F.4 Planned number of subjects to be included",
}
_PREAMBLE = "This file contains full details on each clinical trial selected for download.\r\n\r\n"


def full_text(trial: Trial, registration: Registration, id: str) -> str:
    """The protocol of one country, as the download has it."""
    code = _country(id)
    lines = [
        "Summary",
        f"EudraCT Number: {registration.id}",
        f"Sponsor's Protocol Code Number: {trial.protocol_code}",
        f"National Competent Authority: {_COUNTRIES[code]} - {_AUTHORITY}",
        "Clinical Trial Type: EEA CTA",
        f"Trial Status: {_status(registration)}",
        f"Date on which this record was first entered in the EudraCT database: {registration.registered}",
        f"Link: https://www.clinicaltrialsregister.eu/ctr-search/trial/{registration.id}/{code}/",
        "",
        "A. Protocol Information",
        *_lines(_protocol(trial, registration, code)),
        "",
        "B. Sponsor Information",
    ]
    for number, block in enumerate(_sponsors(trial, registration), 1):
        lines += [f"Sponsor {number}", *_lines(block)]
    lines += ["", "D. IMP Identification"]
    for number, (product, substance) in enumerate(_products(trial), 1):
        lines += [f"D.IMP: {number}", *_lines(product[:5])]
        lines += ["D.3.8 to D.3.10 IMP Identification Details (Active Substances)", *_lines(substance)]
        lines += ["D.3.11 The IMP contains an", *_lines(product[5:])]
    lines.append("D.8 Information on Placebo")
    if _has_placebo(trial):
        lines += ["D.8 Placebo: 1", "D.8.1 Is a Placebo used in this Trial? Yes"]
    lines += ["", *_lines(_general(trial, registration)), "", *_lines(_population(trial, registration)), "", ""]
    return "\r\n".join(lines).replace("\r\n\n", "\r\n")


def _lines(answers: list[Answer]) -> Iterator[str]:
    for code, label, value in answers:
        if code in _HEADINGS:
            yield from _HEADINGS[code].split("\n")
        yield from f"{code} {label}: {value}".split("\n")


# --- ctrdata's JSON

_NOT_A_WORD = re.compile(r"[^a-z0-9]+")


def _key(code: str, label: str) -> str:
    head = "_and_".join(part.replace(".", "") for part in code.lower().split(" and "))
    return f"{head}_{_NOT_A_WORD.sub('_', re.sub(r'[()-]', '', label.lower()))}".strip("_")


def _fields(answers: list[Answer]) -> dict[str, str]:
    return {_key(code, label): " ".join(value.split()) for code, label, value in answers if value}


def ctrdata(trial: Trial, registration: Registration, id: str) -> dict[str, Any]:
    """The protocol of one country, with the results of the trial where there are any."""
    sponsors = []
    for number, block in enumerate(_sponsors(trial, registration), 1):
        funders = [_fields([answer for answer in block if answer[0].startswith("B.4")])]
        rest = _fields([answer for answer in block if not answer[0].startswith("B.4")])
        sponsors.append({"_b1_sponsor": str(number), **rest, "b4_sources_of_monetary_or_material_support": funders})
    products = [
        {"_dimp": str(number), **_fields(product), "d38_imp_identification_details": [_fields(substance)]}
        for number, (product, substance) in enumerate(_products(trial), 1)
    ]
    placebo = {"_d8_placebo": "1", "d81_is_a_placebo_used_in_this_trial": "Yes"}
    record: dict[str, Any] = {
        "_id": id,
        "ctrname": "EUCTR",
        "x4_clinical_trial_type": "EEA CTA",
        "x5_trial_status": _status(registration),
        "x6_date_on_which_this_record_was_first_entered_in_the_eudract_database": registration.registered.isoformat(),
        **_fields(_protocol(trial, registration, _country(id))),
        "b1_sponsor": sponsors,
        "dimp": products,
        "d8_placebo": [placebo] if _has_placebo(trial) else [],
        **_fields(_general(trial, registration)),
        **_fields(_population(trial, registration)),
    }
    if trial.has_results and registration.is_current and trial.actual:
        record |= _results(trial, registration)
    return record


def _results(trial: Trial, registration: Registration) -> dict[str, Any]:
    """The tree of the results XML: who took part, and the first outcome."""
    arms = [
        {"id": f"Arm-{number}", "title": arm.label, "description": arm.description}
        for number, arm in enumerate(trial.arms, 1)
    ]
    share, rest = divmod(trial.actual or 0, len(arms))
    sizes = [share + (rest if not at else 0) for at in range(len(arms))]
    started = [
        arm | {"startedMilestoneAchievement": {"subjects": str(size)}} for arm, size in zip(arms, sizes, strict=True)
    ]
    groups = [
        {
            "armId": arm["id"],
            "id": f"Group-{at}",
            "subjects": str(size),
            "countableValues": {"countableValue": {"value": str(size // 2)}},
        }
        for at, (arm, size) in enumerate(zip(arms, sizes, strict=True))
    ]
    measure, frame = trial.primary_outcomes[0]
    return {
        "trialInformation": {
            "sponsorProtocolCode": trial.protocol_code,
            "recruitmentStartDate": f"{registration.start}T00:00:00+02:00",
            "countrySubjectCounts": {"countrySubjectCount": [{"subjects": str(trial.actual)}]},
        },
        "subjectDisposition": {
            "postAssignmentPeriods": {
                "postAssignmentPeriod": {"id": "Period-1", "title": "Overall trial", "arms": {"arm": started}}
            }
        },
        "endPoints": {
            "endPoint": {
                "title": measure,
                "timeFrame": frame,
                "countable": "true",
                "unit": "Subjects",
                "type": {"value": "ENDPOINT_TYPE.primary"},
                "armReportingGroups": {"armReportingGroup": groups},
            }
        },
    }


def results_xml(trial: Trial, registration: Registration) -> str:
    """The results of a trial as their own download has them; its number stands in the file's name alone."""
    tree = _results(trial, registration)
    tree["trialInformation"] = {"fullTitle": registration.public_title, **tree["trialInformation"]}
    inside = "".join(_elements(name, value) for name, value in tree.items())
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<ns2:result xmlns:ns2="{_NAMESPACE}">\n{inside}</ns2:result>\n'


_NAMESPACE = "http://eudract.ema.europa.eu/schema/clinical_trial_result"
_ATTRIBUTES = ("id", "armId")


def _elements(name: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_elements(name, one) for one in value)
    if isinstance(value, dict):
        children = [_elements(key, inner) for key, inner in value.items() if key not in _ATTRIBUTES]
        return parent(name, *children, **{key: value[key] for key in _ATTRIBUTES if key in value})
    return element(name, value)


def _record_ids(registration: Registration) -> list[str]:
    return [id.removeprefix("EUCTR") for id in registration.ids]


def _texts(trial: Trial, registration: Registration, mess: Mess) -> Iterator[tuple[str, str]]:
    for id in _record_ids(registration):
        yield id, full_text(trial, registration, id)


def _records(trial: Trial, registration: Registration, mess: Mess) -> Iterator[tuple[str, bytes]]:
    for id in _record_ids(registration):
        yield id, msgspec.json.encode(ctrdata(trial, registration, id))


def _results_files(trial: Trial, registration: Registration, mess: Mess) -> Iterator[tuple[str, tuple[str, str]]]:
    if trial.has_results and registration.is_current and trial.actual:
        id = _record_ids(registration)[0].rpartition("-")[0]
        yield id, (f"EU-CTR {id} v1 - Results.xml", results_xml(trial, registration))


NATIVES = (
    Native(
        register="EUCTR",
        source="euctr",
        format="euctr-full-text",
        path="registries/euctr/trials-full_{:03d}.txt",
        open=lambda path, format: Text(path, format, _PREAMBLE),
        entries=_texts,
        share=45,
    ),
    Native(
        register="EUCTR",
        source="euctr",
        format="euctr-ctrdata",
        path="registries/euctr/ctrdata_{:03d}.ndjson",
        open=lambda path, format: Text(path, format, "", "\n", "\n"),
        entries=_records,
        share=20,
    ),
    Native(
        register="EUCTR",
        source="euctr",
        format="euctr-results-xml",
        path="registries/euctr/results_{:03d}.zip",
        open=Archive,
        entries=_results_files,
        is_beside=True,
    ),
)
