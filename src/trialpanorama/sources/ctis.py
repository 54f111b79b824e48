"""CTIS, the EU's Clinical Trials Information System: what its public portal answers, as JSON.

A trial is answered in one of two shapes, that of today and that from before 17 June 2024; the R package ctrdata keeps
either, with a few fields of the search hit added. A search hit alone tells a tenth of it. Codes of CTIS are read where
they are known from the portal; others are noted and left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import parse_qs, unquote

import msgspec

from trialpanorama import vocabulary
from trialpanorama.errors import Refused, UserError
from trialpanorama.fetching import Fetch
from trialpanorama.record import (
    Arm,
    Condition,
    Contact,
    Intervention,
    Link,
    Location,
    MeshTerm,
    Outcome,
    PartialDate,
    Record,
    Reference,
    Reject,
    Sponsor,
)
from trialpanorama.sources import Format, Source
from trialpanorama.sources._eu import (
    REGISTERED_TYPE,
    SCOPES,
    Ages,
    Band,
    ages,
    arm_type,
    mesh_term,
    patience,
    plain,
    purpose,
    refuse_others,
)
from trialpanorama.sources._native import (
    Identifiers,
    Notes,
    Tree,
    countries,
    distinct_references,
    distinct_sponsors,
    json_tree,
    references,
    sponsor,
)
from trialpanorama.sources._reading import Entry, each, fold, json_values
from trialpanorama.vocabulary import Allocation, InterventionType, OutcomeType, Status

if TYPE_CHECKING:
    from trialpanorama.fetching import Session, Wanted

_ROLES_AS_ARMS = "the roles of the products: the register names no arms"
_SEVERAL_PURPOSES = "the scope of the trial names several purposes"
_REGISTERED_BY_DECISION = "the day of the first decision: the register does not say when it first showed the trial"
_FROM_TITLE = "told from the title: the register has no such field for this trial"
_ONLY_EEA = "only the participants in the EEA"
_UNKNOWN_CODE = "a code that is not known here"

STATUSES = {
    "1": "Under evaluation",
    "2": "Authorised, recruitment pending",
    "3": "Authorised, recruiting",
    "4": "Ongoing, recruiting",
    "5": "Ongoing, recruitment ended",
    "6": "Temporarily halted",
    "7": "Suspended",
    "8": "Ended",
    "9": "Expired",
    "10": "Revoked",
    "11": "Not authorised",
    "12": "Cancelled",
}
"""The portal's words for `ctPublicStatusCode`, which search hits and newer answers call `ctStatus`."""
_PHASES = {
    "1": "Human pharmacology (Phase I) - First administration to humans",
    "2": "Human pharmacology (Phase I) - Bioequivalence study",
    "3": "Human pharmacology (Phase I) - Other",
    "4": "Therapeutic exploratory (Phase II)",
    "5": "Therapeutic confirmatory (Phase III)",
    "6": "Therapeutic use (Phase IV)",
    "7": "Phase I and Phase II (Integrated) - First administration to humans",
    "8": "Phase I and Phase II (Integrated) - Bioequivalence study",
    "9": "Phase I and Phase II (Integrated) - Other",
    "10": "Phase II and Phase III (Integrated)",
    "11": "Phase III and Phase IV (Integrated)",
}
_ROLES = {"1": "Test", "2": "Comparator", "3": "Placebo"}
_COMMERCIAL = {"true": "Commercial", "false": "Non-Commercial"}
_ALLOCATIONS: dict[str, Allocation] = {"1": "RANDOMIZED", "2": "NON_RANDOMIZED", "3": "NA"}

_BANDS = {
    "1": Band("In utero", 0.0, 0.0),
    "2": Band("0-17 years", 0.0, 17.0),
    "3": Band("18-64 years", 18.0, 64.0),
    "4": Band("65+ years", 65.0, None),
}
_BANDS_OF_MINORS = {
    "1": Band("Preterm newborn infants", 0.0, 0.0),
    "2": Band("Newborns (0-27 days)", 0.0, 27 / 365.25),
    "3": Band("Infants and toddlers (28 days-23 months)", 28 / 365.25, 23 / 12),
    "4": Band("Children (2-11 years)", 2.0, 11.0),
    "5": Band("Adolescents (12-17 years)", 12.0, 17.0),
}
_MINORS = "2"
"""The code of the band that has finer ones."""
_VIEW = "https://euclinicaltrials.eu/ctis-public/view/{}"
_DOCUMENT = "https://euclinicaltrials.eu/ctis-public-api/documents/{}/{}/download"


def _text(tree: Tree, path: str = "") -> str | None:
    return plain(tree.as_written(path))


def _line(tree: Tree, path: str = "") -> str | None:
    return fold(_text(tree, path))


# --- a trial


def _of_trial(entry: Entry) -> Record:
    tree = json_tree(entry.data)
    refuse_others(tree, "CTIS")
    application = tree.one("authorizedApplication") or tree
    part = application.one("authorizedPartI")
    details = part.one("trialDetails")
    information = details.one("trialInformation")
    states = application.each("authorizedPartsII")
    notes = Notes()
    ids = _identifiers(tree, application, details)
    titles = details.one("clinicalTrialIdentifiers")
    full_title = _line(titles, "fullTitle") or _line(tree, "title")
    events = _Events(tree, states)
    status_raw = _status_word(tree)
    status = notes.status(status_raw, "ctis")
    if status == "COMPLETED" and events.ended_early:
        status = "TERMINATED"
    phase_code = _line(information, "trialCategory/trialPhase")
    scopes = _scopes(information, notes)
    interventions, arms = _products(part, details, notes)
    limits = _ages(information.one("populationOfTrialSubjects"))
    sex_raw = _sexes(information.one("populationOfTrialSubjects"))
    inside = _countries_of(states) or [_line(one, "mscName") or "" for one in application.each("memberStatesConcerned")]
    outside = [_line(one, "name") or "" for one in part.each("rowCountriesInfo")]
    target = _target(tree, part, states, notes)
    record = Record(
        register="ctis",
        id=ids.own,
        url=_VIEW.format(ids.own),
        identifiers=ids,
        public_title=_line(titles, "publicTitle"),
        scientific_title=full_title,
        acronym=_acronym(_line(titles, "shortTitle") or _line(tree, "shortTitle")),
        detailed_description=_objectives(information),
        status=status,
        status_raw=status_raw,
        why_stopped=events.why_stopped,
        first_submitted_date=_first_submitted(tree, application, notes),
        registration_date=_first_decision(tree, states, notes),
        start_date=events.start(information, notes),
        completion_date=events.completion(information, bool(outside), notes),
        results_posted_date=_results_posted(tree, notes),
        last_updated_date=notes.date(_last_update(tree), "last_updated_date", order="dmy"),
        exported_date=notes.date(_line(tree, "record_last_import"), "exported_date"),
        study_type=vocabulary.study_type(REGISTERED_TYPE),
        phases=list(vocabulary.phases(phase_code, "ctis") or vocabulary.phases(_line(tree, "trialPhase"))),
        phase_raw=_line(tree, "trialPhase") or _PHASES.get(phase_code or "", phase_code),
        primary_purpose=purpose(scopes),
        primary_purpose_raw=", ".join(scopes) or None,
        enrollment_target=target,
        inclusion_criteria=_numbered(information, "eligibilityCriteria/principalInclusionCriteria"),
        exclusion_criteria=_numbered(information, "eligibilityCriteria/principalExclusionCriteria"),
        minimum_age_years=limits.minimum_years,
        minimum_age_raw=limits.minimum_raw,
        maximum_age_years=limits.maximum_years,
        maximum_age_raw=limits.maximum_raw,
        sex=vocabulary.sex(sex_raw),
        sex_raw=sex_raw,
        healthy_volunteers=_healthy(information),
        conditions=_conditions(part, information),
        mesh_terms=_mesh_terms(part, tree),
        interventions=interventions,
        arms=arms,
        outcomes=[
            *_end_points(information, "primaryEndPoints", "PRIMARY"),
            *_end_points(information, "secondaryEndPoints", "SECONDARY"),
        ],
        sponsors=_sponsors(tree, part, information),
        contacts=[*_contacts(tree, part), *_site_contacts(states)],
        countries=countries([*inside, *outside]),
        locations=[*_locations(application, states, events.stopped_in)],
        references=_references(details),
        links=[*_documents(tree, ids.own)],
        has_results=_has_results(tree),
        notes=notes,
    )
    _add_design(record, details, full_title, notes)
    return record


def _identifiers(tree: Tree, application: Tree, details: Tree) -> Identifiers:
    ids = Identifiers(_line(tree, "ctNumber"), "ctis", "ctNumber")
    titles = details.one("clinicalTrialIdentifiers")
    numbers = titles.one("secondaryIdentifyingNumbers")
    eudract = _line(application, "eudraCt/eudraCtCode") or _line(tree, "eudraCtInfo/eudraCtCode")
    ids.name(eudract, "eudraCtCode", "EudraCT")
    ids.name(_line(numbers, "nctNumber/number"), "nctNumber", "NCT")
    ids.name(_line(numbers, "isrctnNumber/number"), "isrctnNumber", "ISRCTN")
    ids.name(_line(numbers, "whoUniversalTrialNumber/number"), "whoUniversalTrialNumber", "WHO UTN")
    for one in numbers.each("additionalRegistries"):
        ids.name(_line(one, "number"), "additionalRegistries", _line(one, "otherRegistryName"))
    ids.name(_line(titles, "shortTitle") or _line(tree, "shortTitle"), "shortTitle", role="organisation")
    for plan in details.each("scientificAdviceAndPip/paediatricInvestigationPlan"):
        type_raw = "Paediatric Investigation Plan"
        ids.name(_line(plan, "paediatricInvestigationNumber"), "paediatricInvestigationPlan", type_raw)
    for one in details.each("associatedClinicalTrials"):
        ids.name(_line(one, "ctNumber"), "associatedClinicalTrials", "associated trial", "mentioned")
    return ids


def _acronym(short_title: str | None) -> str | None:
    """The short title, unless it is a protocol code, as it mostly is."""
    return short_title if short_title and not re.search(r"\d", short_title) and len(short_title) < 40 else None


def _status_word(tree: Tree) -> str | None:
    """The status in the portal's words, whether the answer has its code or its words."""
    said = _line(tree, "ctPublicStatusCode") or _line(tree, "ctStatus")
    return STATUSES.get(said or "", said)


def _objectives(information: Tree) -> str | None:
    objective = information.one("trialObjective")
    main = _text(objective, "mainObjective")
    others = _numbered(objective, "secondaryObjectives")
    parts = (("Main objective", main), ("Secondary objectives", others))
    return "\n\n".join(f"{title}: {said}" for title, said in parts if said) or None


def _numbered(tree: Tree, path: str) -> str | None:
    """A list of criteria or objectives in the order of their numbers, as lines."""
    name = path.rpartition("/")[2]
    key = "secondaryObjective" if name == "secondaryObjectives" else name
    texts = [text for one in _in_order(tree.each(path)) if (text := _text(one, key) or _text(one))]
    if len(texts) < 2:
        return texts[0] if texts else None
    return "\n".join(f"{number}. {text}" for number, text in enumerate(texts, 1))


def _in_order(parts: Iterable[Tree]) -> list[Tree]:
    numbered = [(int(n) if (n := _line(one, "number") or "").isdecimal() and len(n) < 9 else 0, one) for one in parts]
    return [one for _, one in sorted(numbered, key=lambda pair: pair[0])]


def _end_points(information: Tree, name: str, type: OutcomeType) -> Iterator[Outcome]:
    for one in _in_order(information.each(f"endPoint/{name}")):
        if measure := _text(one, "endPoint"):
            yield Outcome(type=type, measure=measure)


def _scopes(information: Tree, notes: Notes) -> list[str]:
    found: list[str] = []
    for one in information.each("trialObjective/trialScopes"):
        code = _line(one, "code") or ""
        if code.isdecimal() and 0 < int(code[:4]) <= len(SCOPES):
            found.append(SCOPES[int(code) - 1])
    if len({"Diagnosis", "Prophylaxis", "Therapy"} & set(found)) > 1:
        notes.say("primary_purpose", _SEVERAL_PURPOSES, ", ".join(found))
    return [scope for scope in SCOPES if scope in found]


def _conditions(part: Tree, information: Tree) -> list[Condition]:
    """The conditions in the sponsor's words, and their MedDRA terms."""
    found: dict[tuple[str, str | None], Condition] = {}
    medical = information.one("medicalCondition")
    for one in medical.each("partIMedicalConditions") or part.each("medicalConditions"):
        if name := _line(one, "medicalCondition"):
            found.setdefault((name.lower(), None), Condition(name=name))
    for term in medical.each("meddraConditionTerms"):
        name, code, version = _line(term, "termName"), _line(term, "classificationCode"), _line(term, "version")
        if name:
            coded = Condition(name=name, code=code, vocabulary=f"MedDRA {version}" if version else "MedDRA")
            found.setdefault((name.lower(), code), coded)
    return list(found.values())


def _mesh_terms(part: Tree, tree: Tree) -> list[MeshTerm]:
    areas = [_line(one, "name") for one in part.each("therapeuticAreas")]
    areas = areas or [_line(one) for one in tree.each("therapeuticAreas")]
    return [term for area in dict.fromkeys(areas) if (term := mesh_term(area))]


# --- population


def _ages(population: Tree) -> Ages:
    """Bands of years, and for minors the finer ones where they are given."""
    codes = [
        _line(one, "ageRangeCategoryCode") or _line(one, "ageRangeCategory") for one in population.each("ageRanges")
    ]
    finer = [
        _BANDS_OF_MINORS[code]
        for one in population.each("ageRangeSecondaryIds")
        if (_line(one, "ageRangeCategoryCode") or _line(one, "ageRangeCategory")) == _MINORS
        and (code := _line(one, "ctAgeRangeCode") or _line(one, "ctAgeRange")) in _BANDS_OF_MINORS
    ]
    found = [_BANDS[code] for code in codes if code in _BANDS and not (code == _MINORS and finer)]
    return ages([*found, *finer])


def _sexes(population: Tree) -> str | None:
    answers = {"true": "yes", "false": "no"}
    said = [
        f"{name}: {answers[answer]}"
        for name, path in (("Female", "isFemaleSubjects"), ("Male", "isMaleSubjects"))
        if (answer := _line(population, path)) in answers
    ]
    return " ".join(said) or None


def _healthy(information: Tree) -> bool | None:
    groups = [_line(one, "name") or "" for one in information.each("populationOfTrialSubjects/clinicalTrialGroups")]
    return any("healthy" in group.lower() for group in groups) if any(groups) else None


def _count(tree: Tree, path: str) -> int:
    value = _line(tree, path) or ""
    return int(value) if value.isdecimal() and len(value) < 9 else 0


def _target(tree: Tree, part: Tree, states: list[Tree], notes: Notes) -> int | None:
    """Participants planned in the member states and in the rest of the world."""
    inside = sum(
        _count(one, "recruitmentSubjectCount") or _count(one, "mscInfo/recruitmentSubjectCount") for one in states
    )
    if not inside:
        inside = notes.enrollment(_line(tree, "totalNumberEnrolled"), "enrollment_target") or 0
    return inside + _count(part, "rowSubjectCount") or None


# --- products and design


def _products(part: Tree, details: Tree, notes: Notes) -> tuple[list[Intervention], list[Arm]]:
    """The products, and the arms that are named; else the roles that the products have."""
    found: list[Intervention] = []
    roles: dict[str, Arm] = {}
    for role, product in _products_by_role(part):
        one = _product(product, role)
        if one is None:
            continue
        if role:
            arm = roles.setdefault(role.lower(), Arm(label=role, type=arm_type(role), type_raw=role))
            one.arm_labels.append(arm.label)
            if one.name not in arm.intervention_names:
                arm.intervention_names.append(one.name)
        if one not in found:
            found.append(one)
    named = [
        Arm(label=label, description=_text(arm, "description"))
        for arm in details.each("protocolInformation/studyDesign/periodDetails/armDetails")
        if (label := _line(arm, "title"))
    ]
    if named:
        for one in found:
            one.arm_labels.clear()
        return found, named
    if roles:
        notes.say("arms", _ROLES_AS_ARMS)
    return found, list(roles.values())


def _products_by_role(part: Tree) -> Iterator[tuple[str | None, Tree]]:
    groups = part.each("productRoleGroupInfos")
    for group in groups:
        role = _line(group, "productRoleName") or _ROLES.get(_line(group, "productRoleCode") or "")
        for product in group.each("products"):
            yield role, product
    if not groups:
        for product in part.each("products"):
            yield _ROLES.get(_line(product, "mpRoleInTrial") or ""), product


def _product(product: Tree, role: str | None) -> Intervention | None:
    listed = product.one("productDictionaryInfo")
    substances = [_line(one, "actSubstName") for one in listed.each("productSubstances")]
    names: dict[str, str] = {}
    for name in (
        _line(product, "productName"),
        _line(listed, "prodName"),
        _line(product, "jsonActiveSubstanceNames"),
        _line(listed, "activeSubstanceName"),
        *substances,
        _line(listed, "activeSubstanceOtherDescriptiveName"),
        _line(product, "sponsorProductCodeEdit"),
        _line(listed, "sponsorProductCode"),
    ):
        if name:
            names.setdefault(name.lower(), name)
    if not names:
        return None
    first, *others = names.values()
    form = _line(product, "pharmaceuticalFormDisplay") or _line(listed, "pharmForm")
    routes = [route for one in product.each("routes") if (route := _line(one))]
    dose, unit = _line(product, "maxDailyDoseAmount"), _line(product, "doseUom")
    atc = _line(listed, "atcCode")
    said = [
        form,
        ", ".join(routes),
        f"maximum daily dose {dose} {unit or ''}".strip() if dose else None,
        f"ATC {atc}" if atc and atc != "-" else None,
    ]
    type_, type_raw = _type(product, listed, role)
    return Intervention(
        name=first,
        type=type_,
        type_raw=type_raw,
        description="; ".join(part for part in said if part) or None,
        other_names=others,
    )


def _type(product: Tree, listed: Tree, role: str | None) -> tuple[InterventionType | None, str | None]:
    origins = [
        _line(one, "substanceOrigin") or _line(one, "actSubstOrigin") for one in listed.each("productSubstances")
    ]
    raw = ", ".join(dict.fromkeys(origin for origin in origins if origin)) or None
    if "bio" in (raw or "").lower() or _line(product, "anAdvancedTherapyMedicinalProduct") == "true":
        return "BIOLOGICAL", raw
    is_chemical = "chemical" in (raw or "").lower() or _line(product, "allSubstancesChemicals") == "true"
    return ("DRUG" if is_chemical or role == "Placebo" else None), raw


def _add_design(record: Record, details: Tree, title: str | None, notes: Notes) -> None:
    """Design out of the periods, which few trials fill in, else out of what the title says of it."""
    periods = details.each("protocolInformation/studyDesign/periodDetails")
    for period in periods:
        code = _line(period, "allocationMethod")
        if record.allocation is None and code:
            record.allocation, record.allocation_raw = _ALLOCATIONS.get(code), code
            if record.allocation is None:
                notes.say("allocation", _UNKNOWN_CODE, code)
        record.masking_description = record.masking_description or _text(period, "blindingDetails")
        if record.masking_raw is None and (code := _line(period, "blindingMethodCode")):
            record.masking_raw = code
            notes.say("masking", _UNKNOWN_CODE, code)
        names = ", ".join(_line(one, "name") or "" for one in period.each("blindedRoles"))
        if not record.masked_roles and (roles := vocabulary.masked_roles(names)):
            record.masked_roles, record.is_masked = list(roles), True
            record.masking = vocabulary.masking(f"masked: {names}")
    record.number_of_arms = max((len(period.each("armDetails")) for period in periods), default=0) or None
    said = vocabulary.design(title)
    if record.allocation is None and said.allocation:
        record.allocation = said.allocation
        notes.say("allocation", _FROM_TITLE)
    if record.is_masked is None and said.is_masked is not None:
        record.masking, record.is_masked = said.masking, said.is_masked
        record.masked_roles = list(said.masked_roles)
        notes.say("masking", _FROM_TITLE)
    if said.intervention_model:
        record.intervention_model = said.intervention_model
        notes.say("intervention_model", _FROM_TITLE)


# --- dates


class _Events:
    """What the member states were notified of: starts, halts and ends, each with its day."""

    def __init__(self, tree: Tree, states: list[Tree]) -> None:
        self._days: dict[str, list[str]] = {}
        self.why_stopped: str | None = None
        self.stopped_in: set[str] = set()
        """Member states in which it was ended early."""
        ended_in: set[str] = set()
        for group in tree.each("events/trialEvents"):
            for event in [group, *group.each("events")]:
                reason = _text(event, "earlyTerminationReason")
                if reason and not reason.isdecimal():
                    self.why_stopped = self.why_stopped or reason
                kind, day = _line(event, "notificationType"), _line(event, "date")
                if kind and day:
                    self._add(kind, day)
                if kind == "EARLY_TERMINATION":
                    self.stopped_in.add(_line(group, "mscName") or "")
                elif kind == "END_OF_TRIAL":
                    ended_in.add(_line(group, "mscName") or "")
        for info in (one.one("mscInfo") for one in states):
            for name in ("trialPeriod", "activeTrialPeriod"):
                for period in info.each(name):
                    self._add("START_OF_TRIAL", _line(period, "trialStartDate"))
                    self._add("END_OF_TRIAL", _line(period, "trialEndDate"))
            for name in ("trialRecruitmentPeriod", "activeTrialRecruitmentPeriod"):
                for period in info.each(name):
                    self._add("START_OF_RECRUITMENT", _line(period, "recruitmentStartDate"))
        self._add("START_OF_TRIAL", vocabulary.parse_date(_line(tree, "startDateEU"), "dmy"))
        for end in tree.each("authorizedApplication/trialGlobalEnd") + tree.each("trialGlobalEnd"):
            self._add("GLOBAL_END_OF_TRIAL", _line(end, "date") or _line(end, "globalEndDate") or _line(end))
        concerned = {_line(one, "mscInfo/mscName") or "" for one in states}
        self.ended_early = bool(self.stopped_in) and concerned <= self.stopped_in
        self._ended_in_each_state = bool(concerned) and concerned <= self.stopped_in | ended_in

    def _add(self, kind: str, day: str | None) -> None:
        if day:
            self._days.setdefault(kind, []).append(day[:10])

    def start(self, information: Tree, notes: Notes) -> PartialDate | None:
        """The first start in any member state; else the planned start of recruitment."""
        begun = self._days.get("START_OF_TRIAL") or self._days.get("START_OF_RECRUITMENT")
        if begun:
            return notes.date(min(begun), "start_date", "ACTUAL")
        planned = _line(information, "trialDuration/estimatedRecruitmentStartDate")
        return notes.date(planned, "start_date", "ESTIMATED")

    def completion(self, information: Tree, is_elsewhere: bool, notes: Notes) -> PartialDate | None:
        """The end everywhere, which is that in the last member state unless it runs elsewhere; else the planned one."""
        ended = self._days.get("GLOBAL_END_OF_TRIAL") or self._days.get("EARLY_TERMINATION" if self.ended_early else "")
        if not ended and self._ended_in_each_state and not is_elsewhere:
            ended = [*self._days.get("END_OF_TRIAL", []), *self._days.get("EARLY_TERMINATION", [])]
        if ended:
            return notes.date(max(ended), "completion_date", "ACTUAL")
        duration = information.one("trialDuration")
        planned = _line(duration, "estimatedGlobalEndDate") or _line(duration, "estimatedEndDate")
        return notes.date(planned, "completion_date", "ESTIMATED")


def _first_submitted(tree: Tree, application: Tree, notes: Notes) -> PartialDate | None:
    days = [_line(one, "submissionDate") for one in application.each("applicationInfo") + tree.each("applications")]
    found = [day for day in (_line(tree, "submissionDate"), *days) if day]
    return notes.date(min(found)[:10] if found else None, "first_submitted_date")


_DECISION = re.compile(r"[A-Z]{2}:\s?(\d{4}-\d\d-\d\d|\d\d/\d\d/\d{4})")


def _first_decision(tree: Tree, states: list[Tree], notes: Notes) -> PartialDate | None:
    """The day on which the first member state decided."""
    days = [_line(one, "mscInfo/firstDecisionDate") or _line(one, "decisionDate") for one in states]
    days += [vocabulary.parse_date(day, "dmy") for day in _DECISION.findall(_line(tree, "decisionDate") or "")]
    days += [vocabulary.parse_date(_line(tree, "decisionDateOverall"), "dmy"), _line(tree, "authorizationDate")]
    found = [day for day in days if day]
    if not found:
        return None
    notes.say("registration_date", _REGISTERED_BY_DECISION)
    return notes.date(min(found)[:10], "registration_date")


def _last_update(tree: Tree) -> str | None:
    for name in ("lastUpdated", "lastPublicationUpdate", "publishDate"):
        if found := _line(tree, name):
            return found
    return None


def _results_posted(tree: Tree, notes: Notes) -> PartialDate | None:
    days = [_line(one, "submissionDate") for one in tree.each("results/summaryResults")]
    found = [day for day in days if day]
    return notes.date(min(found)[:10] if found else None, "results_posted_date")


def _has_results(tree: Tree) -> bool | None:
    """Whether summaries or reports of results are posted; they are documents, whose content is not in the answer."""
    for kind in ("summaryResults", "laypersonResults", "clinicalStudyReports"):
        if tree.each(f"results/{kind}"):
            return True
    said = _line(tree, "resultsFirstReceived")
    return {"yes": True, "no": False}.get((said or "").lower())


# --- people and places


def _sponsors(tree: Tree, part: Tree, information: Tree) -> list[Sponsor]:
    found: list[Sponsor] = []
    given = part.each("sponsors") or [*tree.each("primarySponsor"), *tree.each("coSponsors")]
    for one in sorted(given, key=lambda one: _line(one, "primary") != "true"):
        name = _line(one, "organisation/name")
        if name and name.lower() not in {known.name.lower() for known in found}:
            class_raw = _line(one, "organisation/type") or _line(one, "commercial")
            class_raw = class_raw or _COMMERCIAL.get(_line(one, "isCommercial") or "")
            found.extend(sponsor(name, "COLLABORATOR" if found else "LEAD", class_raw))
    for one in information.each("sourceOfMonetarySupport"):
        found.extend(sponsor(_line(one, "organisationName"), "FUNDER"))
    return distinct_sponsors(found)


def _contacts(tree: Tree, part: Tree) -> Iterator[Contact]:
    for one in part.each("sponsors") or tree.each("primarySponsor"):
        for type, name in (("public", "publicContacts"), ("scientific", "scientificContacts")):
            for contact in one.each(name):
                yield Contact(
                    type=type,
                    name=_line(contact, "functionalName"),
                    affiliation=_line(contact, "organisation/name"),
                    email=_line(contact, "functionalEmailAddress"),
                    phone=_line(contact, "telephone"),
                )


def _site_contacts(states: list[Tree]) -> Iterator[Contact]:
    for site in (site for one in states for site in one.each("trialSites")):
        person, place = site.one("personInfo"), _place(site)
        names = [_line(person, "firstName"), _line(person, "lastName")]
        name = " ".join(part for part in names if part) or None
        email, phone = (
            _line(person, "email") or _line(place, "email"),
            _line(person, "telephone") or _line(place, "phone"),
        )
        if name or email or phone:
            yield Contact(
                type="site", name=name, affiliation=_line(place, "organisation/name"), email=email, phone=phone
            )


def _place(site: Tree) -> Tree:
    return site.one("organisationAddressInfo")


def _countries_of(states: list[Tree]) -> list[str]:
    return [name for one in states if (name := _line(one, "mscInfo/mscName") or _line(one, "mscInfo/countryName"))]


def _locations(application: Tree, states: list[Tree], stopped_in: set[str]) -> Iterator[Location]:
    recruiting = {_line(one, "mscName"): _state_status(one) for one in application.each("memberStatesConcerned")}
    for state in states:
        country = _line(state, "mscInfo/mscName") or _line(state, "mscInfo/countryName")
        status = recruiting.get(country)
        if status == "COMPLETED" and country in stopped_in:
            status = "TERMINATED"
        for site in state.each("trialSites"):
            place = _place(site)
            at = _line(place, "address/countryName") or country
            facility = [_line(place, "organisation/name"), _line(site, "departmentName")]
            yield Location(
                facility=", ".join(name for name in facility if name) or None,
                city=_line(place, "address/city"),
                postal_code=_line(place, "address/postcode"),
                country=vocabulary.country(at) or at,
                status=status,
            )


def _state_status(state: Tree) -> Status | None:
    return vocabulary.status(STATUSES.get(_line(state, "mscPublicStatusCode") or ""), "ctis")


def _references(details: Tree) -> list[Reference]:
    found: list[Reference] = []
    for name in ("pubmedCode", "pubmedUrl", "references"):
        for one in details.each(name):
            said = " ".join(filter(None, (_line(one, key) for key, _ in one.items()))) or _line(one) or ""
            found += references(f"pmid: {said}" if said.isdecimal() else said, None)
    return distinct_references(found)


def _documents(tree: Tree, id: str) -> Iterator[Link]:
    for one in tree.each("documents"):
        uuid = _line(one, "uuid")
        label = [_line(one, "documentTypeLabel"), _line(one, "title")]
        if uuid:
            yield Link(url=_DOCUMENT.format(id, uuid), label=": ".join(part for part in label if part) or None)


# --- a search hit


def _of_hit(entry: Entry) -> Record:
    """What a page of search results says of a trial: enough to list it, not to read it."""
    tree = json_tree(entry.data)
    refuse_others(tree, "CTIS")
    notes = Notes()
    ids = Identifiers(_line(tree, "ctNumber"), "ctis", "ctNumber")
    ids.name(_line(tree, "shortTitle"), "shortTitle", role="organisation")
    status_raw = _status_word(tree)
    phase_raw, sex_raw = _line(tree, "trialPhase"), _line(tree, "gender")
    bands = [band for band in _BANDS.values() if band.name in (_line(tree, "ageGroup") or "")]
    limits = ages(bands)
    started = vocabulary.parse_date(_line(tree, "startDateEU"), "dmy")
    if target := notes.enrollment(_line(tree, "totalNumberEnrolled"), "enrollment_target"):
        notes.say("enrollment_target", _ONLY_EEA, str(target))
    title = _line(tree, "ctTitle")
    record = Record(
        register="ctis",
        id=ids.own,
        url=_VIEW.format(ids.own),
        identifiers=ids,
        scientific_title=title,
        acronym=_acronym(_line(tree, "shortTitle")),
        status=notes.status(status_raw, "ctis"),
        status_raw=status_raw,
        registration_date=_first_decision(tree, [], notes),
        start_date=PartialDate(date=started, type="ACTUAL", raw=_line(tree, "startDateEU")) if started else None,
        last_updated_date=notes.date(_last_update(tree), "last_updated_date", order="dmy"),
        study_type=vocabulary.study_type(REGISTERED_TYPE),
        phases=list(vocabulary.phases(phase_raw)),
        phase_raw=phase_raw,
        enrollment_target=target or None,
        minimum_age_years=limits.minimum_years,
        minimum_age_raw=limits.minimum_raw,
        maximum_age_years=limits.maximum_years,
        maximum_age_raw=limits.maximum_raw,
        sex=vocabulary.sex((sex_raw or "").replace(", ", "/")),
        sex_raw=sex_raw,
        conditions=[Condition(name=name) for one in tree.each("conditions") if (name := _line(one))],
        mesh_terms=_mesh_terms(Tree(None), tree),
        interventions=[Intervention(name=name) for name in _listed(tree, "product")],
        outcomes=[
            *(Outcome(type="PRIMARY", measure=text) for one in tree.each("primaryEndPoint") if (text := _text(one))),
            *(Outcome(type="SECONDARY", measure=text) for one in tree.each("endPoint") if (text := _text(one))),
        ],
        sponsors=distinct_sponsors(sponsor(_line(tree, "sponsor"), "LEAD", _line(tree, "sponsorType"))),
        countries=countries((_line(one) or "").partition(":")[0] for one in tree.each("trialCountries")),
        has_results=_has_results(tree),
        notes=notes,
    )
    _add_design(record, Tree(None), title, notes)
    return record


def _listed(tree: Tree, name: str) -> list[str]:
    """The texts of a field that is a list, or one text with commas."""
    given = [text for one in tree.each(name) if (text := _line(one))]
    return [part for text in given for part in text.split(", ") if part] if len(given) == 1 else given


# --- formats

_HAS_NUMBER = re.compile(rb'"ctNumber"\s*:\s*["\[]')
_NAMES_REGISTER = re.compile(rb'"ctrname"\s*:[\s\[]*"(\w{1,20})"')
_ONLY_OF_TRIALS = (b'"authorizedApplication"', b'"authorizedPartI"', b'"publicEvaluation"', b'"primarySponsor"')
_ONLY_OF_HITS = (b'"ctTitle"', b'"trialCountries"', b'"decisionDateOverall"')


def _is_json(head: bytes) -> bool:
    if not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")) or not _HAS_NUMBER.search(head):
        return False
    named = _NAMES_REGISTER.search(head)
    return named is None or named[1] == b"CTIS"


def _is_trial(head: bytes) -> bool:
    return _is_json(head) and any(key in head for key in _ONLY_OF_TRIALS)


def _is_page_of_hits(head: bytes) -> bool:
    return _is_json(head) and not _is_trial(head) and any(key in head for key in _ONLY_OF_HITS)


def _read_trials(stream: BinaryIO) -> Iterator[Record | Reject]:
    return each(json_values(stream), _of_trial)


def _read_hits(stream: BinaryIO) -> Iterator[Record | Reject]:
    return each(json_values(stream, ("data",)), _of_hit)


# --- fetching

_HOST = "euclinicaltrials.eu"
_SEARCH = f"https://{_HOST}/ctis-public-api/search"
_RETRIEVE = f"https://{_HOST}/ctis-public-api/retrieve/"
_PAGE_SIZE = 100
_LAST_ROW = 10_000
"""Rows of a search that the interface shows, in either direction."""
_NUMBER = re.compile(r"\d{4}-\d{6}-\d{2}-\d{2}")
_PAGE_OF_A_TRIAL = re.compile(r"/(?:view|retrieve)/(\d{4}-\d{6}-\d{2}-\d{2})(?!\d)")
_CRITERIA = {
    "basicSearchInputAND": "containAll",
    "basicSearchInputOR": "containAny",
    "basicSearchInputNOT": "containNot",
    "EUCT": "number",
    "number": "number",
}
"""Parameters that the addresses of the portal have, or had before 17 June 2024, and the criteria they stand for."""

_Hit = list[str]
"""The number of a trial and the day of its last change, as the search says them."""


def _fetch(session: Session, wanted: Wanted) -> None:
    """The list of what is found, then each trial of it."""
    numbers = _found(session, _criteria(wanted), wanted.since)
    session.expect(len(numbers), "trials")
    with patience() as one:
        for number in numbers:
            with one():
                _trial(session, number)


def _trial(session: Session, number: str) -> None:
    name = f"trials/{number}.json"
    try:
        session.read(_RETRIEVE + number, name=name, check=_no_trial)
    except Refused as refused:
        if refused.status not in (404, 410):
            raise
        session.lacks(f"{number}: listed, and not shown")
    else:
        session.count(name, 1)


def _found(session: Session, criteria: dict[str, object], since: date | None) -> list[str]:
    """The numbers of the trials that a search finds, each once.

    The interface shows the first 10,000 rows of a search, so that a longer one is read from both of its ends, and one
    that is longer than that in parts, by status. There is no criterion for the day of the decision.
    """
    hits: dict[str, str] = {}
    total = _total(session, criteria)
    parts = [criteria]
    if total > 2 * _LAST_ROW:
        asked = criteria.get("status")
        parts = [{**criteria, "status": [one]} for one in (asked if isinstance(asked, list) else map(int, STATUSES))]
    for part in parts:
        rows = total if part is criteria else _total(session, part)
        most = _LAST_ROW // _PAGE_SIZE
        pages = -(-rows // _PAGE_SIZE)
        ends = [("DESC", min(pages, most))]
        if pages > most:
            ends.append(("ASC", min(pages - most + 1, most)))  # one more: those of a day stand in any order
        for direction, last in ends:
            for number in range(1, last + 1):
                hits |= dict(_page(session, part, direction, number)[1])
    if len(hits) < total:
        session.lacks(f"{total - len(hits):,} of {total:,} trials, which the pages of the search do not have")
    return [number for number, changed in hits.items() if since is None or not _is_before(changed, since)]


def _total(session: Session, criteria: dict[str, object]) -> int:
    return _page(session, criteria, "DESC", 1)[0]


def _page(session: Session, criteria: dict[str, object], direction: str, number: int) -> tuple[int, list[_Hit]]:
    """How many rows a search has, and those of one page; not kept as a file, which would be read as records."""
    key = f"{msgspec.json.encode(criteria, order='sorted').decode()} {direction} {number}"
    if (known := session.recall(key)) is not None:
        return known[0], known[1]
    asked = {
        "pagination": {"page": number, "size": _PAGE_SIZE},
        "sort": {"property": "decisionDate", "direction": direction},
        "searchCriteria": criteria,
    }
    page = msgspec.json.decode(session.read(_SEARCH, json=asked, check=_no_page), type=_Page)
    hits = [[hit.ct_number, hit.last_updated or ""] for hit in page.data if _NUMBER.fullmatch(hit.ct_number)]
    session.remember(key, [page.pagination.total_records, hits])
    return page.pagination.total_records, hits


class _Row(msgspec.Struct, rename="camel"):
    ct_number: str
    last_updated: str | None = None


class _Pagination(msgspec.Struct, rename="camel"):
    total_records: int


class _Page(msgspec.Struct):
    """What the fetcher needs of a page of the search."""

    pagination: _Pagination
    data: list[_Row]


def _no_page(data: bytes) -> str | None:
    try:
        msgspec.json.decode(data, type=_Page)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return f"the answer is no page of a search ({error})"
    return None


def _no_trial(data: bytes) -> str | None:
    return None if b'"ctNumber"' in data else "the answer has no trial in it"


def _is_before(changed: str, since: date) -> bool:
    """Whether a day, as the search writes it (24/04/2024), is before another; one that cannot be read is not."""
    day = re.fullmatch(r"(\d\d)/(\d\d)/(\d{4})(?!\d).*", changed)
    return day is not None and (int(day[3]), int(day[2]), int(day[1])) < (since.year, since.month, since.day)


def _criteria(wanted: Wanted) -> dict[str, object]:
    """The criteria of the interface for what the user typed or pasted; raises UserError for other addresses."""
    text, address = wanted.query.strip(), wanted.address
    if text.startswith("{"):
        return _as_criteria(text)
    if address is None:
        numbers = _NUMBER.findall(text)
        if numbers and not re.sub(r"[\s,;]|\bOR\b", "", _NUMBER.sub("", text)):
            return {"number": numbers[0]} if len(numbers) == 1 else {"containAny": ", ".join(numbers)}
        return {"containAll": text} if text else {}
    if address.hostname not in (_HOST, f"www.{_HOST}"):
        raise UserError(f"{wanted.query} is no page of CTIS. Give words, or the address of a search there.")
    fragment = unquote(address.fragment)
    if page := _PAGE_OF_A_TRIAL.search(f"{address.path}#{fragment}"):
        return {"number": page[1]}
    if fragment.startswith("searchCriteria="):
        return _as_criteria(fragment.removeprefix("searchCriteria="))
    given = parse_qs(address.query) | parse_qs(fragment.partition("?")[2])
    if not given.keys() & _CRITERIA.keys() or given.keys() - _CRITERIA.keys() - {"lang"}:
        raise UserError(
            f"{wanted.query} does not say what was searched for (the portal keeps that to itself). Give the words, or "
            "the criteria as JSON; without --query everything is fetched."
        )
    return {_CRITERIA[key]: values[-1] for key, values in given.items() if key in _CRITERIA}


def _as_criteria(text: str) -> dict[str, object]:
    """Criteria as the portal writes them; those without a value say nothing."""
    try:
        said = msgspec.json.decode(text, type=dict[str, object])
    except msgspec.DecodeError as error:
        raise UserError(f"{text} is no JSON object ({error}). Give the criteria of CTIS, or words.") from None
    inner = said.get("searchCriteria")
    criteria = inner if isinstance(inner, dict) else said
    return {str(key): value for key, value in criteria.items() if value not in (None, "", [])}


SOURCE = Source(
    name="ctis",
    title="Clinical Trials Information System (EU)",
    home_page="https://euclinicaltrials.eu/",
    licence="Reuse with acknowledgement of the EMA as the source (EMA legal notice)",
    is_open=True,
    registers=("ctis",),
    obtain=(
        "Search at https://euclinicaltrials.eu/ and fetch the trials as JSON from "
        "https://euclinicaltrials.eu/ctis-public-api/retrieve/NUMBER; or export records that the R package ctrdata has "
        "stored as JSON."
    ),
    formats=(
        Format(
            "retrieve-json",
            "Trials as the portal answers them, or answered them before 17 June 2024, also as ctrdata stores them",
            _is_trial,
            _read_trials,
        ),
        Format(
            "search-json", "Pages of search results: the few fields that a list shows", _is_page_of_hits, _read_hits
        ),
    ),
    fetch=Fetch(
        run=_fetch,
        hosts=(_HOST,),
        requests_per_minute=100,
        terms=(
            "What the portal shows may be reused if the EMA is named as its source (EMA legal notice, "
            "https://www.ema.europa.eu/en/about-us/about-website/legal-notice); its interface is the one that its own "
            "pages use, and needs a request for each trial."
        ),
        queries=(
            "--query takes words that must all be found, CT numbers, the address of a trial or of a search "
            '(https://euclinicaltrials.eu/ctis-public/search#searchCriteria={"containAny":"neuroblastoma"}), or its '
            "criteria alone as JSON; --since goes by the last change that the search shows."
        ),
    ),
)
