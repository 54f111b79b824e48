"""ISRCTN's own XML: older records with texts, newer ones (from 2023) with lists of outcomes and of design choices."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from trialpanorama.sample._files import Text
from trialpanorama.sample._native import Native
from trialpanorama.sample._xml import element, parent
from trialpanorama.sample.lexicon import CITIES
from trialpanorama.sample.mess import Mess
from trialpanorama.sample.model import DAY, SNAPSHOT, Registration, Trial

_NUMBER_TYPES = {"CTIS": "ctis", "ClinicalTrials.gov": "nct", "EUCTR": "eudract"}
_INTERVENTION_TYPES = {
    "DRUG": "Drug", "BIOLOGICAL": "Biological/Vaccine", "DEVICE": "Device", "PROCEDURE": "Procedure/Surgery",
    "BEHAVIORAL": "Behavioural", "DIETARY_SUPPLEMENT": "Supplement", "GENETIC": "Genetic",
}  # fmt: skip
_PHASES = {"PHASE1": "I", "PHASE2": "II", "PHASE3": "III", "PHASE4": "IV"}
_OLDER_PURPOSES = {"TREATMENT": "Treatment", "PREVENTION": "Prevention", "DIAGNOSTIC": "Diagnostic"}
_PURPOSES = {
    **_OLDER_PURPOSES, "SUPPORTIVE_CARE": "Supportive care", "BASIC_SCIENCE": "Basic science",
    "HEALTH_SERVICES_RESEARCH": "Health services research", "SCREENING": "Screening",
}  # fmt: skip
_ALLOCATIONS = {
    "RANDOMIZED": "Randomized controlled trial",
    "NON_RANDOMIZED": "Non-randomized controlled trial",
    "NA": "Single arm",
}
_MODELS = {"SINGLE_GROUP": "Single", "PARALLEL": "Parallel", "CROSSOVER": "Crossover", "FACTORIAL": "Factorial"}
_SPONSOR_TYPES = {"INDUSTRY": "Industry", "OTHER_GOV": "Government"}
_SEXES = {"ALL": "All", "FEMALE": "Female", "MALE": "Male"}
_STOPPED = {"TERMINATED": "Stopped", "WITHDRAWN": "Stopped", "SUSPENDED": "Suspended"}


def _instant(day: datetime.date) -> str:
    return f"{day}T00:00:00.000Z"


def _end_of_recruitment(registration: Registration) -> datetime.date:
    """The registry has no word for the status, and derives it from the dates as of the day of the export."""
    start, end = registration.start, registration.completion
    if end <= SNAPSHOT or registration.status == "ACTIVE_NOT_RECRUITING":
        return max(start, min(start + (end - start) * 2 / 3, SNAPSHOT - DAY))
    return max(start + (end - start) / 2, SNAPSHOT + DAY)


def full_trial(trial: Trial, registration: Registration) -> str:
    """A `fullTrial`: the trial and the parties it names."""
    missing = registration.missing
    is_newer = registration.registered.year >= 2023
    inside = parent(
        "trial",
        element("isrctn", registration.id.removeprefix("ISRCTN"), dateAssigned=_instant(registration.registered)),
        _description(trial, registration, is_newer),
        _references(trial, registration),
        _design(trial, registration, is_newer),
        _participants(trial, registration),
        parent("conditions", *(_condition(name) for name in registration.conditions)),
        parent("interventions", _intervention(trial)),
        parent("results", parent("dataPolicies", element("dataPolicy", "Available on request"))),
        parent("outputs", *(_output(paper.pmid) for paper in trial.papers if paper.databank_ids)),
        parent(
            "parties",
            element("funderId", "f-1") if "collaborators" not in missing else "",
            element("contactId", "c-1") if registration.contact else "",
            element("sponsorId", "s-1"),
        ),
        parent("miscellaneous", element("ipdSharingPlan", "No")),
        lastUpdated=_instant(registration.updated),
        version="1",
        isPublished="true",
        publicIdentifierType="isrctn",
        publicIdentifierCanonical=registration.id,
        publicIdentifierDateAssigned=_instant(registration.registered),
    )
    return parent("fullTrial", inside, *_parties(trial, registration))


def _description(trial: Trial, registration: Registration, is_newer: bool) -> str:
    summary = trial.summary
    if registration.contact_in_text:
        summary += f"\n\nWho is the main contact?\n{registration.contact_in_text}"
    title = "" if "official_title" in registration.missing else registration.scientific_title
    secondary = [] if "secondary_outcomes" in registration.missing else trial.secondary_outcomes
    return parent(
        "trialDescription",
        element("acknowledgment", "true"),
        element("title", registration.public_title),
        element("scientificTitle", title),
        element("acronym", trial.acronym),
        element("studyHypothesis", "" if "detailed_description" in registration.missing else trial.description),
        element("plainEnglishSummary", summary),
        *_outcomes("primary", trial.primary_outcomes, is_newer),
        *_outcomes("secondary", secondary, is_newer),
        element("ethicsApprovalRequired", "Ethics approval required"),
    )


def _outcomes(which: str, pairs: list[tuple[str, str]], is_newer: bool) -> Iterator[str]:
    measured = [
        parent("outcomeMeasure", element("variable", measure), element("method"), element("timepoints", frame))
        for measure, frame in pairs
    ]
    yield parent(f"{which}Outcomes", *(measured if is_newer else ()))
    texts = [f"{measure} at {frame}" for measure, frame in pairs]
    listed = "\n".join(f"{n}. {text}" for n, text in enumerate(texts, 1)) if len(texts) > 1 else "".join(texts)
    yield element(f"{which}Outcome", "" if is_newer else listed)


def _references(trial: Trial, registration: Registration) -> str:
    given: dict[str, str] = {}
    numbers = []
    for kind, id in registration.secondary_ids:
        if kind in ("ClinicalTrials.gov", "EUCTR", "ORG") and kind not in given:
            given[kind] = id
        else:
            numbers.append(element("secondaryNumber", id, numberType=_NUMBER_TYPES.get(kind, "other")))
    return parent(
        "externalRefs",
        element("doi", f"10.1186/{registration.id}"),
        element("eudraCTNumber", given.get("EUCTR", "Nil known")),
        element("irasNumber"),
        element("clinicalTrialsGovNumber", given.get("ClinicalTrials.gov", "Nil known")),
        element("protocolSerialNumber", given.get("ORG", "Nil known")),
        parent("secondaryNumbers", *(numbers or [element("secondaryNumber", "Nil known", numberType="ctis")])),
    )


def _design(trial: Trial, registration: Registration, is_newer: bool) -> str:
    missing = registration.missing
    is_interventional = trial.study_type == "INTERVENTIONAL"
    masking = None if "masking" in missing else trial.masking
    allocation = None if "allocation" in missing else trial.allocation
    purpose = None if "purpose" in missing else trial.purpose or ""
    blind = {"NONE": "open-label", "SINGLE": "single-blind", None: ""}.get(masking, "double-blind")
    drawn = {"RANDOMIZED": "randomised controlled", "NON_RANDOMIZED": "non-randomised", "NA": "single-arm"}
    model = (trial.model or "").lower().replace("_", "-").replace("single-group", "")
    words = ("Multi-centre", blind, drawn.get(allocation or "", ""), model, "trial")
    sentence = " ".join(word for word in words if word) if is_interventional else "Prospective cohort study"
    newer = parent(
        "interventionalTrialDesign",
        element("allocation", _ALLOCATIONS.get(allocation or "", "")),
        element("masking", {None: "", "NONE": "Open (masking not used)"}.get(masking, "Blinded (masking used)")),
        element("control", "Placebo" if any(arm.type == "PLACEBO_COMPARATOR" for arm in trial.arms) else "Active"),
        element("assignment", _MODELS.get(trial.model or "", "Other")),
        parent("purposes", element("purpose", _PURPOSES.get(purpose, "Other"))) if purpose is not None else "",
    )
    type = element("trialType", _OLDER_PURPOSES.get(purpose, "Other")) if purpose is not None else ""
    return parent(
        "trialDesign",
        element("studyDesign", sentence),
        element("primaryStudyDesign", "Interventional" if is_interventional else "Observational"),
        element("secondaryStudyDesign", "" if is_interventional else "Cohort study"),
        newer if is_newer and is_interventional else parent("trialTypes", type),
        element("overallStartDate", _instant(registration.start)),
        element("overallEndDate", "" if "completion" in missing else _instant(registration.completion)),
        element("overallStatusOverride", _STOPPED.get(registration.status, "")),
        element("reasonAbandoned", trial.why_stopped if registration.is_current and trial.why_stopped else ""),
    )


def _participants(trial: Trial, registration: Registration) -> str:
    missing = registration.missing
    nations = [*registration.countries, *(["England"] if "United Kingdom" in registration.countries else ())]
    over = registration.status in ("COMPLETED", "TERMINATED", "WITHDRAWN")
    high = None if "maximum_age" in missing else trial.maximum_age
    low = trial.minimum_age
    return parent(
        "participants",
        parent("recruitmentCountries", *(element("country", name) for name in nations)),
        parent("trialCentres", *(() if "locations" in missing else map(_centre, range(len(trial.sites)), trial.sites))),
        parent("participantTypes", element("participantType", "Healthy volunteer" if trial.healthy else "Patient")),
        element("inclusion", "\n".join(f"{n}. {line}" for n, line in enumerate(trial.inclusion, 1))),
        element("ageRange", "Adult"),
        element("lowerAgeLimit", f"{low} Years", unit="years", value=f"{low}.0") if low else element("lowerAgeLimit"),
        element("upperAgeLimit", f"{high} Years", unit="years", value=f"{high}.0")
        if high
        else element("upperAgeLimit"),
        element("gender", _SEXES[trial.sex]),
        element("targetEnrolment", "" if "size" in missing else trial.planned),
        element("totalFinalEnrolment", trial.actual if over and registration.is_current and trial.actual else ""),
        element("exclusion", "\n".join(f"{n}. {line}" for n, line in enumerate(trial.exclusion, 1))),
        element("recruitmentStart", _instant(registration.start)),
        element("recruitmentEnd", _instant(_end_of_recruitment(registration))),
        element("recruitmentStatusOverride", _STOPPED.get(registration.status, "")),
    )


def _centre(number: int, site: int) -> str:
    city, state, code, country, _, _ = CITIES[site]
    return parent(
        "trialCentre",
        element("name", f"Fictional Hospital {number + 1} of {city}"),
        element("address", f"{number + 1} Fictional Street"),
        element("city", city),
        element("state", state),
        element("country", country),
        element("zip", code),
        id=f"t-{number + 1}",
    )


def _condition(name: str) -> str:
    return parent(
        "condition", element("description", name), element("diseaseClass1", "Other"), element("diseaseClass2")
    )


def _intervention(trial: Trial) -> str:
    phases = [_PHASES[phase] for phase in trial.phases if phase in _PHASES]
    phase = f"Phase {'/'.join(phases)}" if phases else "Not Applicable" if "NA" in trial.phases else "Not Specified"
    drugs = [item.name for item in trial.interventions if item.type in ("DRUG", "BIOLOGICAL")]
    kind = trial.interventions[0].type if trial.interventions else ""
    return parent(
        "intervention",
        element("description", "\n".join(f"{item.name}: {item.description}" for item in trial.interventions)),
        element("interventionType", _INTERVENTION_TYPES.get(kind, "Other")),
        element("phase", phase),
        element("drugNames", ", ".join(drugs)),
    )


def _output(pmid: str) -> str:
    link = element("externalLink", url=f"https://pubmed.ncbi.nlm.nih.gov/{pmid}/")
    return parent("output", link, element("description", "results"), id=f"o-{pmid}", outputType="resultsarticle")


def _parties(trial: Trial, registration: Registration) -> Iterator[str]:
    if registration.contact:
        name, email, telephone = registration.contact
        details = parent("contactDetails", element("telephone", telephone), element("email", email))
        types = parent("contactTypes", element("contactType", "Public"))
        forename, _, surname = name.partition(" ")
        yield parent("contact", element("forename", forename), element("surname", surname), types, details, id="c-1")
    yield parent(
        "sponsor",
        element("organisation", registration.sponsor),
        element("sponsorType", _SPONSOR_TYPES.get(trial.sponsor_class, "University/education")),
        element("commercialStatus", "Commercial" if trial.sponsor_class == "INDUSTRY" else "Non-commercial"),
        id="s-1",
    )
    if "collaborators" not in registration.missing:
        yield parent("funder", element("name", registration.sponsor), id="f-1")


def _entries(trial: Trial, registration: Registration, mess: Mess) -> Iterator[tuple[str, str]]:
    yield registration.id, full_trial(trial, registration)


_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<allTrials xmlns="http://www.67bricks.com/isrctn">\n'

NATIVES = (
    Native(
        register="ISRCTN",
        source="isrctn",
        format="isrctn-xml",
        path=f"registries/isrctn/isrctn-{SNAPSHOT}-{{:05d}}.xml",
        open=lambda path, format: Text(path, format, _HEAD, "", "</allTrials>\n"),
        entries=_entries,
    ),
)
