"""CTIS's public answers, one trial a line: most in the shape of today, some in that from before June 2024."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from trialpanorama.sample._files import Text
from trialpanorama.sample._native import Native
from trialpanorama.sample.lexicon import CITIES, EUROPE
from trialpanorama.sample.mess import Mess
from trialpanorama.sample.model import SNAPSHOT, Registration, Trial

_IN_THE_OLDER_SHAPE = 3
"""One entry of so many, as a collection has them that was begun before the portal was rebuilt."""
_STATUSES = {
    "NOT_YET_RECRUITING": 2, "RECRUITING": 4, "ENROLLING_BY_INVITATION": 4, "ACTIVE_NOT_RECRUITING": 5, "SUSPENDED": 6,
    "COMPLETED": 8, "TERMINATED": 8, "WITHDRAWN": 12, "UNKNOWN": 4,
}  # fmt: skip
_WORDS = {
    2: "Authorised, recruitment pending", 4: "Ongoing, recruiting", 5: "Ongoing, recruitment ended",
    6: "Temporarily halted", 8: "Ended", 12: "Cancelled",
}  # fmt: skip
_PHASES = {
    ("EARLY_PHASE1",): "1", ("PHASE1",): "3", ("PHASE2",): "4", ("PHASE3",): "5", ("PHASE4",): "6",
    ("PHASE1", "PHASE2"): "9", ("PHASE2", "PHASE3"): "10",
}  # fmt: skip
_SCOPES = {"DIAGNOSTIC": "1", "PREVENTION": "2", "TREATMENT": "3"}
_SAFETY, _OTHER_SCOPE = "4", "13"
_ALLOCATIONS = {"RANDOMIZED": "1", "NON_RANDOMIZED": "2", "NA": "3"}
_ROLES = {
    "PARTICIPANT": "Subject", "CARE_PROVIDER": "Carer", "INVESTIGATOR": "Investigator",
    "OUTCOMES_ASSESSOR": "Assessor",
}  # fmt: skip
_BANDS = ((2, 0, 17), (3, 18, 64), (4, 65, 200))
_REGISTERS = {"ClinicalTrials.gov": "nctNumber", "ISRCTN": "isrctnNumber"}


def _numbered(texts: list[str], key: str) -> list[dict[str, Any]]:
    """A list as the register keeps it: in no order, each with its number."""
    return [{"id": number, "number": number, key: text} for number, text in reversed([*enumerate(texts, 1)])]


def _identifiers(trial: Trial, registration: Registration) -> dict[str, Any]:
    numbers: dict[str, Any] = {"additionalRegistries": []}
    for kind, id in registration.secondary_ids:
        name = _REGISTERS.get(kind)
        if name and name not in numbers:
            numbers[name] = {"number": id}
        elif kind != "EUCTR" or id != _eudract(registration):
            numbers["additionalRegistries"].append({"number": id, "otherRegistryName": kind, "ctRegistryCode": "6"})
    return {
        "fullTitle": "" if "official_title" in registration.missing else registration.scientific_title,
        "publicTitle": registration.public_title,
        "shortTitle": trial.protocol_code,
        "secondaryIdentifyingNumbers": numbers,
    }


def _eudract(registration: Registration) -> str | None:
    return next((id for kind, id in registration.secondary_ids if kind == "EUCTR"), None)


def _information(trial: Trial, registration: Registration) -> dict[str, Any]:
    missing = registration.missing
    criteria = [*trial.inclusion, *([registration.contact_in_text] if registration.contact_in_text else [])]
    scopes = [] if "purpose" in missing else [_SCOPES.get(trial.purpose or "", _OTHER_SCOPE), _SAFETY]
    greatest = None if "maximum_age" in missing else trial.maximum_age
    secondary = [] if "secondary_outcomes" in missing else trial.secondary_outcomes
    duration: dict[str, Any] = {"estimatedRecruitmentStartDate": registration.start.isoformat()}
    if "completion" not in missing:
        duration["estimatedEndDate"] = registration.completion.isoformat()
    conditions = [{"medicalCondition": name} for name in registration.conditions]
    return {
        "trialCategory": {"isLowIntervention": False, "trialPhase": _PHASES.get(trial.phases)},
        "medicalCondition": {"partIMedicalConditions": conditions},
        "trialObjective": {
            "trialScopes": [{"code": code} for code in scopes],
            "mainObjective": "" if "detailed_description" in missing else trial.description,
            "secondaryObjectives": [],
        },
        "eligibilityCriteria": {
            "principalInclusionCriteria": _numbered(criteria, "principalInclusionCriteria"),
            "principalExclusionCriteria": _numbered(trial.exclusion, "principalExclusionCriteria"),
        },
        "endPoint": {
            "primaryEndPoints": _numbered([f"{m} ({frame})" for m, frame in trial.primary_outcomes], "endPoint"),
            "secondaryEndPoints": _numbered([f"{m} ({frame})" for m, frame in secondary], "endPoint"),
        },
        "trialDuration": duration,
        "sourceOfMonetarySupport": [] if "collaborators" in missing else [{"organisationName": registration.sponsor}],
        "populationOfTrialSubjects": {
            "ageRanges": [
                {"ageRangeCategoryCode": str(code), "ageRangeCategory": str(code)}
                for code, low, high in _BANDS
                if (trial.minimum_age or 0) <= high and (greatest is None or greatest >= low)
            ],
            "ageRangeSecondaryIds": [],
            "clinicalTrialGroups": [{"name": "Healthy volunteers" if trial.healthy else "Patients"}],
            "isFemaleSubjects": trial.sex != "MALE",
            "isMaleSubjects": trial.sex != "FEMALE",
        },
    }


def _period(trial: Trial, registration: Registration) -> dict[str, Any]:
    missing = registration.missing
    allocation = None if "allocation" in missing else trial.allocation
    who = () if "masking" in missing else trial.who_masked
    return {
        "title": "Treatment",
        "allocationMethod": _ALLOCATIONS.get(allocation or ""),
        "blindedRoles": [{"name": _ROLES[role]} for role in who],
        "armDetails": [
            {"title": arm.label, "description": "" if "arm_descriptions" in missing else arm.description}
            for arm in trial.arms
        ],
    }


def _products(trial: Trial) -> list[dict[str, Any]]:
    groups = []
    for number, item in enumerate(trial.interventions, 1):
        types = {arm.type for arm in trial.arms if item.name in arm.interventions}
        is_placebo = item.name == "Placebo"
        role = "Placebo" if is_placebo else "Comparator" if types == {"ACTIVE_COMPARATOR"} else "Test"
        product = {
            "id": number,
            "productName": item.name,
            "jsonActiveSubstanceNames": "n/a" if is_placebo else (item.concept or "N/A"),
            "pharmaceuticalFormDisplay": "TABLET",
            "routes": ["ORAL USE"],
            "allSubstancesChemicals": item.type == "DRUG" and not is_placebo,
            "productDictionaryInfo": {"prodName": item.name, "atcCode": "N/A"},
        }
        groups.append({"id": number, "productRoleName": role, "products": [product]})
    return groups


def _sponsors(trial: Trial, registration: Registration) -> list[dict[str, Any]]:
    kinds = {"INDUSTRY": "Pharmaceutical company"}
    name, email, telephone = registration.contact or (None, None, None)
    contact = {"type": "Public", "functionalName": name, "functionalEmailAddress": email, "telephone": telephone}
    others = [] if "collaborators" in registration.missing else trial.collaborators
    parties = [(registration.sponsor, trial.sponsor_class), *others]
    return [
        {
            "id": number,
            "primary": not number,
            "isCommercial": kind == "INDUSTRY",
            "commercial": "Commercial" if kind == "INDUSTRY" else "Non-Commercial",
            "organisation": {"name": sponsor, "type": kinds.get(kind, "Educational Institution")},
            "publicContacts": [contact] if registration.contact and not number else [],
        }
        for number, (sponsor, kind) in enumerate(parties)
    ]


def _states(trial: Trial, registration: Registration) -> list[dict[str, Any]]:
    """Part II: each member state with its sites and its share of the participants."""
    names = [name for name in registration.countries if name in EUROPE]
    size = 0 if "size" in registration.missing else trial.planned
    share, rest = divmod(size, len(names) or 1)
    states = []
    for at, name in enumerate(names):
        sites = [] if "locations" in registration.missing else [site for site in trial.sites if CITIES[site][3] == name]
        info: dict[str, Any] = {
            "mscName": name,
            "countryName": name,
            "firstDecisionDate": registration.registered.isoformat(),
        }
        if registration.start <= SNAPSHOT:
            info["activeTrialPeriod"] = {"trialStartDate": registration.start.isoformat()}
        states.append(
            {
                "mscInfo": info,
                "recruitmentSubjectCount": share + (rest if not at else 0),
                "trialSites": [
                    {
                        "organisationAddressInfo": {
                            "organisation": {"name": f"Fictional Hospital {number}"},
                            "address": {"city": CITIES[site][0], "postcode": CITIES[site][2], "countryName": name},
                        }
                    }
                    for number, site in enumerate(sites, 1)
                ],
            }
        )
    return states


def trial_answer(trial: Trial, registration: Registration) -> dict[str, Any]:
    """The answer to a request for one trial."""
    status = _STATUSES[registration.status]
    states = _states(trial, registration)
    outside = [name for name in registration.countries if name not in EUROPE]
    size = 0 if "size" in registration.missing else trial.planned
    part = {
        "rowSubjectCount": 0 if states else size,
        "rowCountriesInfo": [{"name": name} for name in outside],
        "trialDetails": {
            "clinicalTrialIdentifiers": _identifiers(trial, registration),
            "trialInformation": _information(trial, registration),
            "protocolInformation": {"studyDesign": {"periodDetails": [_period(trial, registration)]}},
            "references": [],
        },
        "therapeuticAreas": [{"code": "99", "name": "Diseases [C] - Fictional Diseases [C99]"}],
        "sponsors": _sponsors(trial, registration),
        "productRoleGroupInfos": _products(trial),
    }
    eudract = _eudract(registration)
    if int(registration.id[5:11]) % _IN_THE_OLDER_SHAPE == 0 and registration.status != "TERMINATED":
        return {
            "ctStatus": _WORDS[status],
            "decisionDate": ", ".join(
                f"{EUROPE[one['mscInfo']['mscName']]}:{registration.registered}" for one in states
            ),
            "ctNumber": registration.id,
            "title": registration.scientific_title,
            "submissionDate": registration.registered.isoformat(),
            "authorizedPartI": part,
            "authorizedPartsII": states,
            **({"eudraCtInfo": {"eudraCtCode": eudract}} if eudract else {}),
            "lastUpdated": registration.updated.isoformat(),
        }
    early = [{"notificationType": "EARLY_TERMINATION", "date": registration.completion.isoformat()}]
    reason = trial.why_stopped if registration.is_current else None
    is_stopped = registration.status == "TERMINATED"
    return {
        "ctNumber": registration.id,
        "ctStatus": _WORDS[status],
        "decisionDate": registration.registered.isoformat(),
        "publishDate": f"{registration.updated}T03:39:42.531268872",
        "ctPublicStatusCode": status,
        "authorizedApplication": {
            "authorizedPartI": part,
            "authorizedPartsII": states,
            "applicationInfo": [{"type": "INITIAL", "submissionDate": registration.registered.isoformat()}],
            "memberStatesConcerned": [
                {"mscName": one["mscInfo"]["mscName"], "mscPublicStatusCode": status} for one in states
            ],
            **({"eudraCt": {"isTransitioned": True, "eudraCtCode": eudract}} if eudract else {}),
        },
        "events": {
            "trialEvents": [
                {"mscName": one["mscInfo"]["mscName"], "earlyTerminationReason": reason, "events": early}
                for one in states
                if is_stopped
            ]
        },
        "results": {},
        "documents": [],
    }


def _entries(trial: Trial, registration: Registration, mess: Mess) -> Iterator[tuple[str, bytes]]:
    yield registration.id, msgspec.json.encode(trial_answer(trial, registration))


NATIVES = (
    Native(
        register="CTIS",
        source="ctis",
        format="ctis-json",
        path="registries/ctis/ctis_{:03d}.ndjson",
        open=lambda path, format: Text(path, format, "", "\n", "\n"),
        entries=_entries,
    ),
)
