"""DRKS's own JSON: the array that a search is exported as, every text in German and English."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from trialpanorama.sample._files import Text
from trialpanorama.sample._native import Native
from trialpanorama.sample.lexicon import CITIES
from trialpanorama.sample.mess import Mess
from trialpanorama.sample.model import SNAPSHOT, Registration, Trial

_STATUSES = {
    "NOT_YET_RECRUITING": "PENDING", "ENROLLING_BY_INVITATION": "INVITE_ONLY", "SUSPENDED": "SUSPENDED",
    "ACTIVE_NOT_RECRUITING": "COMPLETE_FOLLOW_UP_CONTINUING", "COMPLETED": "COMPLETE_FOLLOW_UP_COMPLETE",
    "TERMINATED": "DISCONTINIUED", "WITHDRAWN": "WITHDRAWN",
}  # fmt: skip
_BLINDED = {
    "PARTICIPANT": "PATIENT_SUBJECT", "CARE_PROVIDER": "CAREGIVER", "INVESTIGATOR": "INVESTIGATOR_THERAPIST",
    "OUTCOMES_ASSESSOR": "ASSESSOR",
}  # fmt: skip
_PHASES = {"EARLY_PHASE1": "0", "PHASE1": "I", "PHASE2": "II", "PHASE3": "III", "PHASE4": "IV"}
_ALLOCATIONS = {
    "RANDOMIZED": "RANDOMIZED_CONTROLLED_TRIAL", "NON_RANDOMIZED": "NON_RANDOMIZED_CONTROLLED_TRIAL",
    "NA": "SINGLE_ARM_STUDY",
}  # fmt: skip
_MODELS = {"SINGLE_GROUP": "SINGLE", "PARALLEL": "PARALLEL", "CROSSOVER": "CROSSOVER", "FACTORIAL": "FACTORIAL"}
_PURPOSES = {
    **{word: word for word in ("TREATMENT", "PREVENTION", "DIAGNOSTIC", "SUPPORTIVE_CARE", "SCREENING")},
    "HEALTH_SERVICES_RESEARCH": "HEALTH_CARE_SYSTEM",
    "BASIC_SCIENCE": "BASIC_RESEARCH_PHYSIOLOGICAL_STUDY",
}
_CODES = {
    "Australia": "AU", "Austria": "AT", "Brazil": "BR", "Canada": "CA", "China": "CN", "Cuba": "CU", "Denmark": "DK",
    "Egypt": "EG", "France": "FR", "Germany": "DE", "India": "IN", "Iran, Islamic Republic of": "IR", "Italy": "IT",
    "Japan": "JP", "Kenya": "KE", "Korea, Republic of": "KR", "Lebanon": "LB", "Netherlands": "NL",
    "New Zealand": "NZ", "Peru": "PE", "Poland": "PL", "South Africa": "ZA", "Spain": "ES", "Sri Lanka": "LK",
    "Sweden": "SE", "Thailand": "TH", "United Kingdom": "GB", "United States": "US",
}  # fmt: skip
_GERMAN = "Auf Deutsch: "


def _in_two(**texts: str | None) -> list[dict[str, Any]]:
    """The same in German (which is only marked as such) and in English."""
    german = {name: _GERMAN + text if text else text for name, text in texts.items()}
    return [{"idLocale": {"locale": "de"}, **german}, {"idLocale": {"locale": "en"}, **texts}]


def _contact(type: str, affiliation: str | None, person: tuple[str, str, str] | None = None) -> dict[str, Any]:
    name, email, telephone = person or (None, None, None)
    first, _, last = (name or "").partition(" ")
    contact = {
        "affiliation": affiliation, "city": None, "country": "DE", "email": email, "fax": None,
        "firstName": first or None, "lastName": last or None, "phone": telephone, "streetAndNo": None, "title": None,
        "url": None, "zip": None,
    }  # fmt: skip
    return {"contact": contact, "idContactIdType": {"type": type}, "otherType": None}


def _listed(pairs: Sequence[tuple[str, str]]) -> str:
    texts = [f"{measure}, {frame}" for measure, frame in pairs]
    return "\n".join(f"{n}. {text}" for n, text in enumerate(texts, 1)) if len(texts) > 1 else "".join(texts)


def study(trial: Trial, registration: Registration) -> dict[str, Any]:
    """One study of the export."""
    missing = registration.missing
    over = registration.status in ("COMPLETED", "TERMINATED", "WITHDRAWN")
    description = "" if "detailed_description" in missing else trial.description
    summary = trial.summary + (f" {registration.contact_in_text}" if registration.contact_in_text else "")
    others = [] if "collaborators" in missing else trial.collaborators
    known = {kind: id for kind, id in registration.secondary_ids if kind in ("EUCTR", "ClinicalTrials.gov")}
    more = [
        {"value": id, "description": "Fictional issuer" if kind == "ORG" else None}
        for kind, id in registration.secondary_ids
        if known.get(kind) != id
    ]
    contacts = [
        _contact("PRIMARY_SPONSOR", registration.sponsor),
        *(_contact("SECONDARY_SPONSOR", name) for name, _ in others),
        *([_contact("PUBLIC_QUERIES", None, registration.contact)] if registration.contact else ()),
    ]
    registry = "ClinicalTrials.gov" if "ClinicalTrials.gov" in known else None
    return {
        "drksId": registration.id,
        "ethicsCommittee": {"applicationDate": None, "ethicVotes": [], "number": None},
        "lastUpdate": registration.updated.isoformat(),
        "materialSupports": [
            {
                "contact": _contact("", registration.sponsor)["contact"],
                "type": "COMMERCIAL" if trial.sponsor_class == "INDUSTRY" else "INSTITUTIONAL",
            }
        ],
        "observationalGroups": _groups(trial, registration),
        "otherSecondaryIds": more,
        "recruitment": _recruitment(trial, registration, over),
        "registrationDrks": registration.registered.isoformat(),
        "registrationType": "PROSPECTIVE" if registration.registered <= registration.start else "RETROSPECTIVE",
        "secondaryIds": {
            "eudamedNumber": None,
            "eudraCtNumber": known.get("EUCTR"),
            "noOtherIdentificationNumbersAvailable": not registration.secondary_ids,
            "otherPrimaryRegisterId": known.get("ClinicalTrials.gov"),
            "otherPrimaryRegisterName": registry,
            "universalTrialNumber": None,
        },
        "sponsored": trial.sponsor_class != "INDUSTRY",
        "studiedHealthConditions": [
            {
                "catalog": "FREETEXT",
                "code": None,
                "studiedHealthConditionDescriptions": _in_two(comment=name),
                "type": type,
            }
            for name, type in zip(registration.conditions, ("MAIN", "OTHER"), strict=False)
        ],
        "studyCharacteristic": _characteristic(trial, registration),
        "trialContacts": contacts,
        "trialDescriptions": [
            {
                "idLocale": {"locale": "de"},
                "acronym": trial.acronym or None,
                "title": f"{_GERMAN}{registration.public_title}",
            },
            {
                "idLocale": {"locale": "en"},
                "acronym": trial.acronym or None,
                "scientificSummary": description,
                "summary": summary,
                "title": registration.public_title,
            },
        ],
        "trialResults": {
            "firstResultPublication": None,
            "ipdSharingPlan": False,
            "publications": [],
            "trialResultsDescriptions": [],
        },
        "trialStatus": "UPDATED",
        "url": None,
    }


def _groups(trial: Trial, registration: Registration) -> list[dict[str, Any]]:
    found = []
    for number, arm in enumerate(trial.arms, 1):
        text = arm.label if "arm_descriptions" in registration.missing else f"{arm.label}: {arm.description}"
        for locale, comment in (("de", _GERMAN + text), ("en", text)):
            found.append({"comment": comment, "idArm": {"arm": number, "locale": locale}})
    return found


def _recruitment(trial: Trial, registration: Registration, over: bool) -> dict[str, Any]:
    missing = registration.missing
    start = registration.start.isoformat()
    end = None if "completion" in missing else registration.completion.isoformat()
    high = None if "maximum_age" in missing else trial.maximum_age
    stopped = trial.why_stopped if registration.is_current else None
    criteria = _in_two(
        exclusionCriteria="\n".join(trial.exclusion),
        inclusionCriteria="\n".join(trial.inclusion),
        reasonDescription=stopped,
    )
    sites = [] if "locations" in missing else trial.sites
    return {
        "actualCompletionDate": end if over else None,
        "actualStartDate": start if registration.start <= SNAPSHOT else None,
        "centricType": "MULTICENTRIC" if len(trial.sites) > 1 else "MONOCENTRIC",
        "countries": [{"idCountry": {"code": _CODES[name]}} for name in registration.countries],
        "gender": trial.sex,
        "healthyVolunteers": trial.healthy,
        "institutes": [
            {"city": CITIES[site][0], "name": f"Fictional Hospital {number}", "type": "MEDICAL_CENTER"}
            for number, site in enumerate(sites, 1)
        ],
        "maximumAge": {"amount": high, "unit": "YEARS" if high else "NO_MAX_AGE"},
        "minimumAge": {"amount": trial.minimum_age, "unit": "YEARS" if trial.minimum_age else "NO_MIN_AGE"},
        "plannedParticipants": None if "size" in missing else trial.planned,
        "recruitmentDescriptions": criteria,
        "scheduledCompletionDate": end,
        "scheduledStartDate": start,
        "status": _STATUSES.get(registration.status, "RECRUITING"),
        "totalParticipants": trial.actual if over and registration.is_current else None,
    }


def _characteristic(trial: Trial, registration: Registration) -> dict[str, Any]:
    interventional = trial.study_type == "INTERVENTIONAL"
    missing = registration.missing
    allocation = trial.allocation if interventional and "allocation" not in missing else None
    phases = [_PHASES[phase] for phase in trial.phases if phase in _PHASES]
    secondary = [] if "secondary_outcomes" in missing else trial.secondary_outcomes
    masking = None if "masking" in missing or not interventional else trial.masking
    who = trial.who_masked if masking not in (None, "NONE") else ()
    placebo = any(arm.type == "PLACEBO_COMPARATOR" for arm in trial.arms)
    return {
        "allocation": _ALLOCATIONS.get(allocation or ""),
        "assignment": _MODELS.get(trial.model or "", "OTHER") if interventional else None,
        "blindingType": None if masking is None else "OPEN" if masking == "NONE" else "BLINDED",
        "blindingWhoList": [{"idBlindingWho": {"blindingWho": _BLINDED[role]}} for role in who],
        "characteristicDescriptions": _in_two(
            primaryOutcome=_listed(trial.primary_outcomes), secondaryOutcome=_listed(secondary)
        ),
        "controlTypes": [{"idControlType": {"controlType": "PLACEBO" if placebo else "ACTIVE_CONTROL"}}],
        "duration": "LONGITUDINAL",
        "phase": "PHASE_" + "_".join(phases) if phases else "N_A" if interventional else None,
        "purpose": None if "purpose" in missing else _PURPOSES.get(trial.purpose or "", "OTHER"),
        "timing": "PROSPECTIVE",
        "type": "INTERVENTIONAL" if interventional else "NON_INTERVENTIONAL",
    }


def _entries(trial: Trial, registration: Registration, mess: Mess) -> Iterator[tuple[str, bytes]]:
    yield registration.id, msgspec.json.encode(study(trial, registration))


NATIVES = (
    Native(
        register="DRKS",
        source="drks",
        format="drks-json",
        path="registries/drks/DRKS_search_{:03d}.json",
        open=lambda path, format: Text(path, format, "[\n", ",\n", "\n]\n"),
        entries=_entries,
    ),
)
