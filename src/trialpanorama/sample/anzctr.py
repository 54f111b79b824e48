"""ANZCTR's own XML: a zip with one file a trial, dates as day/month/year."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from trialpanorama.sample._files import Archive
from trialpanorama.sample._native import Native
from trialpanorama.sample._xml import element, parent
from trialpanorama.sample.dialects import native_status
from trialpanorama.sample.lexicon import CITIES
from trialpanorama.sample.mess import Mess
from trialpanorama.sample.model import SNAPSHOT, Registration, Trial

_MASKED = {
    "PARTICIPANT": "The people receiving the treatment/s",
    "CARE_PROVIDER": "The people administering the treatment/s",
    "OUTCOMES_ASSESSOR": "The people assessing the outcomes",
    "INVESTIGATOR": "The people analysing the results/data",
}
_CODES = {
    "DRUG": "Treatment: Drugs", "BIOLOGICAL": "Treatment: Drugs", "DEVICE": "Treatment: Devices",
    "PROCEDURE": "Treatment: Surgery", "BEHAVIORAL": "Behaviour", "DIAGNOSTIC_TEST": "Diagnosis / Prognosis",
}  # fmt: skip
_PURPOSES = {"TREATMENT": "Treatment", "PREVENTION": "Prevention", "DIAGNOSTIC": "Diagnosis"}
_MODELS = {"SINGLE_GROUP": "Single group", "PARALLEL": "Parallel", "CROSSOVER": "Crossover", "FACTORIAL": "Factorial"}
_PHASES = {"EARLY_PHASE1": "0", "PHASE1": "1", "PHASE2": "2", "PHASE3": "3", "PHASE4": "4"}
_SEXES = {"ALL": "Both males and females", "FEMALE": "Females", "MALE": "Males"}
_SPONSOR_TYPES = {
    "INDUSTRY": "Commercial sector/Industry", "OTHER_GOV": "Government body", "NETWORK": "Other Collaborative groups",
    "INDIV": "Individual",
}  # fmt: skip


def _date(day: datetime.date | None) -> str:
    return f"{day.day}/{day:%m/%Y}" if day else ""


def document(trial: Trial, registration: Registration) -> str:
    """The file of one trial."""
    summary = trial.summary + (f"\n{registration.contact_in_text}" if registration.contact_in_text else "")
    secondary = [id for _, id in registration.secondary_ids] or ["Nil known"]
    title = "" if "official_title" in registration.missing else registration.scientific_title
    root = parent(
        "ANZCTR_Trial",
        element("stage", "Registered"),
        element("submitdate", _date(registration.registered)),
        element("approvaldate", _date(registration.registered)),
        element("dateLastUpdated", _date(registration.updated)),
        element("actrnumber", registration.id),
        parent(
            "trial_identification",
            element("studytitle", registration.public_title),
            element("scientifictitle", title),
            element("utrn"),
            element("trialacronym", trial.acronym),
            *(element("secondaryid", id) for id in secondary),
        ),
        parent("conditions", *(element("healthcondition", name) for name in registration.conditions)),
        _interventions(trial),
        parent("outcomes", *_outcomes(trial, registration)),
        _eligibility(trial, registration),
        _design(trial, registration),
        _recruitment(trial, registration),
        _sponsorship(trial, registration),
        parent(
            "ethicsAndSummary",
            element("summary", summary),
            element("publicnotes", "" if "detailed_description" in registration.missing else trial.description),
            parent("ethicscommitee", element("ethicname", "Fictional Human Research Ethics Committee")),
        ),
        parent("contacts", *_contacts(registration)),
        requestNumber=str(9_000_000 + trial.index),
    )
    return '<?xml version="1.0" encoding="utf-8"?>\n' + root


def _interventions(trial: Trial) -> str:
    given = [f"{item.name}\n{item.description}" for item in trial.interventions]
    codes = [element("interventioncode", _CODES.get(item.type, "Treatment: Other")) for item in trial.interventions]
    control = "Placebo" if any(arm.type == "PLACEBO_COMPARATOR" for arm in trial.arms) else "Active"
    return parent(
        "interventions",
        element("interventions", "".join(given[:1])),
        element("comparator", "\n".join(given[1:])),
        element("control", control if given[1:] else "Uncontrolled"),
        *codes,
    )


def _outcomes(trial: Trial, registration: Registration) -> Iterator[str]:
    secondary = [] if "secondary_outcomes" in registration.missing else trial.secondary_outcomes
    for name, pairs in (("primaryOutcome", trial.primary_outcomes), ("secondaryOutcome", secondary)):
        for measure, frame in pairs:
            yield parent(name, element("outcome", measure), element("timepoint", frame))


def _eligibility(trial: Trial, registration: Registration) -> str:
    high = None if "maximum_age" in registration.missing else trial.maximum_age
    return parent(
        "eligibility",
        element("inclusivecriteria", "\n".join(trial.inclusion)),
        element("inclusiveminage", trial.minimum_age or 0),
        element("inclusiveminagetype", "Years" if trial.minimum_age else "No limit"),
        element("inclusivemaxage", high or 0),
        element("inclusivemaxagetype", "Years" if high else "No limit"),
        element("inclusivegender", _SEXES[trial.sex]),
        element("healthyvolunteer", "Yes" if trial.healthy else "No"),
        element("exclusivecriteria", "\n".join(trial.exclusion)),
    )


def _design(trial: Trial, registration: Registration) -> str:
    missing = registration.missing
    if trial.study_type != "INTERVENTIONAL":
        words = ("Natural history", "Longitudinal", "Defined population", "Prospective")
        names = ("purposeobs", "duration", "selection", "timing")
        return parent("trial_design", element("studytype", "Observational"), *map(element, names, words))
    allocation = "Randomised controlled trial" if trial.allocation == "RANDOMIZED" else "Non-randomised trial"
    is_open = trial.masking in (None, "NONE")
    masking = "Open (masking not used)" if is_open else "Blinded (masking used)"
    who = [] if is_open or "masking" in missing else trial.who_masked
    ticked = [
        element(f"masking{n}", words if role in who else "") for n, (role, words) in enumerate(_MASKED.items(), 1)
    ]
    return parent(
        "trial_design",
        element("studytype", "Interventional"),
        element("purpose", "" if "purpose" in missing else _PURPOSES.get(trial.purpose or "", "Treatment")),
        element("allocation", "" if "allocation" in missing else allocation),
        element("concealment", "Central randomisation"),
        element("masking", "" if "masking" in missing else masking),
        element("assignment", _MODELS.get(trial.model or "", "Other")),
        element("endpoint", "Efficacy"),
        *ticked,
    )


def _recruitment(trial: Trial, registration: Registration) -> str:
    missing = registration.missing
    status = registration.status
    over = status in ("COMPLETED", "TERMINATED", "WITHDRAWN")
    phases = [_PHASES[phase] for phase in trial.phases if phase in _PHASES]
    started = registration.start <= SNAPSHOT
    completion = None if "completion" in missing else registration.completion
    home, *abroad = sorted(registration.countries, key=lambda name: name != "Australia")
    sites = [] if "locations" in missing else trial.sites
    return parent(
        "recruitment",
        element("phase", "Phase " + " / Phase ".join(phases) if phases else "Not Applicable"),
        element("anticipatedstartdate", _date(registration.start)),
        element("actualstartdate", _date(registration.start) if started else ""),
        element("anticipatedlastvisitdate", _date(completion)),
        element("actuallastvisitdate", _date(completion) if over else ""),
        element("samplesize", "" if "size" in missing else trial.planned),
        element("actualsamplesize", trial.actual if over and registration.is_current and trial.actual else ""),
        element("recruitmentstatus", native_status("ANZCTR", status)),
        element("withdrawnreason", trial.why_stopped if registration.is_current and trial.why_stopped else ""),
        element("recruitmentcountry", home),
        *(
            element("hospital", f"Fictional Hospital {number} - {CITIES[site][0]}")
            for number, site in enumerate(sites, 1)
            if CITIES[site][3] == "Australia"
        ),
        *(parent("countryoutsideaustralia", element("country", name), element("state")) for name in abroad),
    )


def _sponsorship(trial: Trial, registration: Registration) -> str:
    others = [] if "collaborators" in registration.missing else trial.collaborators
    return parent(
        "sponsorship",
        element("primarysponsortype", _SPONSOR_TYPES.get(trial.sponsor_class, "University")),
        element("primarysponsorname", registration.sponsor),
        parent("fundingsource", element("fundingtype", "Other"), element("fundingname", registration.sponsor)),
        *(parent("secondarysponsor", element("sponsorname", name)) for name, _ in others),
    )


def _contacts(registration: Registration) -> Iterator[str]:
    if registration.contact:
        name, email, telephone = registration.contact
        type = element("type", "Public Queries")
        yield parent("contact", element("name", name), element("phone", telephone), element("email", email), type)


def _entries(trial: Trial, registration: Registration, mess: Mess) -> Iterator[tuple[str, tuple[str, str]]]:
    yield registration.id, (f"{registration.id}.xml", document(trial, registration))


NATIVES = (
    Native(
        register="ANZCTR",
        source="anzctr",
        format="anzctr-xml",
        path="registries/anzctr/anzctr-trials_{:03d}.zip",
        open=Archive,
        entries=_entries,
    ),
)
