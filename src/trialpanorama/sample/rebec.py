"""ReBEC's OpenTrials XML: codes in attributes, persons once and named by number, the design in fields of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from trialpanorama.sample._files import Output, Text
from trialpanorama.sample._native import Native
from trialpanorama.sample._xml import element, parent
from trialpanorama.sample.lexicon import EUROPE
from trialpanorama.sample.mess import Mess
from trialpanorama.sample.model import SNAPSHOT, Registration, Trial

_COUNTRIES = {
    **EUROPE, "Brazil": "BR", "United States": "US", "China": "CN", "Japan": "JP", "India": "IN", "Canada": "CA",
    "Australia": "AU",
}  # fmt: skip
_STATUS = {
    "NOT_YET_RECRUITING": "not-yet-recruiting", "RECRUITING": "recruiting", "ENROLLING_BY_INVITATION": "recruiting",
    "ACTIVE_NOT_RECRUITING": "recruitment-completed", "SUSPENDED": "suspended", "TERMINATED": "terminated",
    "COMPLETED": "data-analysis-completed", "WITHDRAWN": "withdrawn", "UNKNOWN": "other",
}  # fmt: skip
_MODELS = {
    "SINGLE_GROUP": "single-group", "PARALLEL": "parallel", "CROSSOVER": "cross-over", "FACTORIAL": "factorial",
    "SEQUENTIAL": "other",
}  # fmt: skip
_MASKING = {"NONE": "open", "SINGLE": "single-blind", "DOUBLE": "double-blind", "TRIPLE": "triple-blind"}
_ALLOCATIONS = {
    "RANDOMIZED": "randomized-controlled", "NON_RANDOMIZED": "non-randomized-controlled", "NA": "single-arm-study",
}  # fmt: skip
_PHASES = {"EARLY_PHASE1": "0", "PHASE1": "1", "PHASE2": "2", "PHASE3": "3", "PHASE4": "4"}
_SEXES = {"ALL": "both", "FEMALE": "F", "MALE": "M"}
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<trials>\n'


def trial_xml(trial: Trial, registration: Registration) -> str:
    """One trial."""
    missing = registration.missing
    others = [] if "collaborators" in missing else [name for name, _ in trial.collaborators]
    return parent(
        "trial",
        parent(
            "trial_identification",
            element("trial_id", registration.id),
            element("utrn"),
            element("reg_name", "REBEC"),
            element("public_title", registration.public_title),
            element("acronym", trial.acronym),
            element("scientific_title", "" if "official_title" in missing else registration.scientific_title),
        ),
        parent(
            "sponsors_and_support",
            parent("primary_sponsor", element("name", registration.sponsor), element("address"), country_code="BR"),
            *(parent("secondary_sponsor", element("name", name), element("address")) for name in others),
        ),
        parent("health_conditions", element("freetext", ";".join(registration.conditions))),
        parent(
            "interventions",
            element("freetext", "\n".join(f"Group {n}: {arm.description}" for n, arm in enumerate(trial.arms, 1))),
        ),
        _recruitment(trial, registration),
        _study(trial, missing),
        parent(
            "outcomes",
            *(element("primary_outcome", f"{measure}, {frame}") for measure, frame in trial.primary_outcomes),
            *(
                element("secondary_outcome", f"{measure}, {frame}")
                for measure, frame in trial.secondary_outcomes
                if "secondary_outcomes" not in missing
            ),
        ),
        _contacts(registration),
        parent(
            "secondary_ids",
            *(
                parent(
                    "secondary_id",
                    element("sec_id", id),
                    element("issuing_authority", kind if kind not in ("ORG", "EXTENSION") else ""),
                )
                for kind, id in registration.secondary_ids
            ),
        ),
        parent("references", element("link", url=f"/rg/{registration.id}/v1/")),
        status="published",
        date_registration=registration.registered.isoformat(),
        created=registration.registered.isoformat(),
        updated=registration.updated.isoformat(),
    )


def _recruitment(trial: Trial, registration: Registration) -> str:
    missing = registration.missing
    inclusion = "\n".join(trial.inclusion)
    if registration.contact_in_text:
        inclusion += "\n" + registration.contact_in_text
    kind = "actual" if registration.start <= SNAPSHOT else "anticipated"
    end = "" if "completion" in missing else f"{registration.completion:%d/%m/%Y}"
    return parent(
        "recruitment",
        *(element("recruitment_country", value=_COUNTRIES.get(name, name)) for name in registration.countries),
        element("inclusion_criteria", inclusion),
        element("exclusion_criteria", "\n".join(trial.exclusion)),
        element("gender", value=_SEXES[trial.sex]),
        _age("agemin", trial.minimum_age),
        _age("agemax", None if "maximum_age" in missing else trial.maximum_age),
        element(f"date_enrolment_{kind}", start=f"{registration.start:%d/%m/%Y}", end=end),
        element("target_size", "" if "size" in missing else trial.planned),
        study_status=_STATUS.get(registration.status, "other"),
    )


def _age(name: str, years: int | None) -> str:
    return element(name, value=str(years or 0), unit="years" if years else "null")


def _study(trial: Trial, missing: frozenset[str]) -> str:
    is_interventional = trial.study_type == "INTERVENTIONAL"
    fields = {
        "phase": "-".join(_PHASES[phase] for phase in trial.phases if phase != "NA") or "n-a",
        "purpose": (trial.purpose or "").lower().replace("_", "-"),
        "intervention_assignment": _MODELS.get(trial.model or "", ""),
        "masking": _MASKING.get(trial.masking or "NONE", "quadruple-blind"),
        "allocation": _ALLOCATIONS.get(trial.allocation or "", ""),
    }
    return parent(
        "study",
        element("study_design", "Clinical trial" if is_interventional else "Observational study"),
        element("type", "intervention" if is_interventional else "observational"),
        *(
            element(name, value=value if is_interventional and name not in missing and value else "null")
            for name, value in fields.items()
        ),
        expanded_access_program="no",
        number_of_arms=str(len(trial.arms)),
    )


def _contacts(registration: Registration) -> str:
    if registration.contact is None:
        return element("contacts")
    name, email, telephone = registration.contact
    return parent(
        "contacts",
        parent(
            "person",
            element("firstname", "Fictional"),
            element("lastname", name.removeprefix("Fictional ")),
            element("address", "1 Fictional Street"),
            element("telephone", telephone),
            element("email", email),
            element("affiliation", registration.sponsor),
            pid="1",
        ),
        element("public_contact", person="1"),
        element("scientific_contact", person="1"),
    )


def _open(path: Path, format: str) -> Output:
    return Text(path, format, _HEAD, "", "</trials>\n")


def _entries(trial: Trial, registration: Registration, mess: Mess) -> Iterator[tuple[str, str]]:
    del mess  # the file is made by a program
    yield registration.id, trial_xml(trial, registration)


NATIVES = (
    # the other half is in the file that goes to WHO
    Native("ReBEC", "rebec", "opentrials-xml", "registries/rebec/opentrials_{:03d}.xml", _open, _entries, 50, 0),
)
