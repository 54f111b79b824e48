"""German Clinical Trials Register: the JSON of one trial's download or of a whole search (its published schema).

Texts stand in German and English; the English one is taken where there is one. Words are tokens of the schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from trialpanorama import identifiers, vocabulary
from trialpanorama.record import (
    Arm,
    Condition,
    Contact,
    Intervention,
    Link,
    Location,
    Official,
    PartialDate,
    Record,
    Reference,
    Reject,
    Sponsor,
)
from trialpanorama.sources import Format, Source
from trialpanorama.sources._native import (
    URL,
    Identifiers,
    Notes,
    Tree,
    countries,
    distinct_references,
    distinct_sponsors,
    json_tree,
    links,
    named_by_first_line,
    outcomes,
    references,
    sponsor,
)
from trialpanorama.sources._reading import Entry, each, json_values
from trialpanorama.vocabulary import Design, Masking, ReferenceType, SponsorRole


def _record(entry: Entry) -> Record:
    study = json_tree(entry.data)
    notes = Notes()
    ids = _identifiers(study)
    described = _in_english(study.each("trialDescriptions"))
    recruitment, design = study.one("recruitment"), study.one("studyCharacteristic")
    criteria = _in_english(recruitment.each("recruitmentDescriptions"))
    measured = _in_english(design.each("characteristicDescriptions"))
    results = study.one("trialResults")
    status_raw, study_type_raw = recruitment.word("status"), design.word("type")
    phase_raw, purpose_raw = design.word("phase"), design.word("purpose")
    found = _design(design)
    low, high = _age(recruitment.one("minimumAge")), _age(recruitment.one("maximumAge"))
    nations = countries(_country_names(recruitment))
    arms = _arms(study)
    title = described.line("title")
    posted = notes.date(results.line("firstResultPublication"), "results_posted_date")
    cited, linked = _publications(study)
    return Record(
        register="drks",
        id=ids.own,
        url=identifiers.url(ids.own),
        language=_language(study),
        identifiers=ids,
        public_title=title,
        scientific_title=title,  # the register has one title for both
        acronym=described.line("acronym"),
        brief_summary=described.text("summary"),
        detailed_description=described.text("scientificSummary"),
        status=notes.status(status_raw, "drks"),
        status_raw=status_raw,
        why_stopped=criteria.text("reasonDescription") or criteria.text("reasonForStatusDescription"),
        registration_date=notes.date(study.line("registrationDrks"), "registration_date"),
        start_date=_date(recruitment, "StartDate", "start_date", notes),
        completion_date=_date(recruitment, "CompletionDate", "completion_date", notes),
        results_posted_date=posted,
        last_updated_date=notes.date(study.line("lastUpdate"), "last_updated_date"),
        study_type=vocabulary.study_type(study_type_raw),
        study_type_raw=study_type_raw,
        phases=list(vocabulary.phases(phase_raw)),
        phase_raw=phase_raw,
        study_design_raw=_labelled(design),
        allocation=found.allocation,
        allocation_raw=design.word("allocation"),
        intervention_model=found.intervention_model,
        intervention_model_raw=design.word("assignment"),
        time_perspective=found.time_perspective,
        masking=found.masking,
        masking_raw=design.word("blindingType"),
        masking_description=_concealment(measured),
        is_masked=found.is_masked,
        masked_roles=list(found.masked_roles),
        primary_purpose=vocabulary.primary_purpose(purpose_raw),
        primary_purpose_raw=purpose_raw,
        number_of_arms=len(arms) or None,
        enrollment_target=notes.enrollment(recruitment.line("plannedParticipants"), "enrollment_target"),
        enrollment_actual=notes.enrollment(recruitment.line("totalParticipants"), "enrollment_actual"),
        inclusion_criteria=criteria.text("inclusionCriteria"),
        exclusion_criteria=criteria.text("exclusionCriteria"),
        minimum_age_years=vocabulary.age_years(low),
        minimum_age_raw=low,
        maximum_age_years=vocabulary.age_years(high, is_maximum=True),
        maximum_age_raw=high,
        sex=vocabulary.sex(recruitment.word("gender")),
        sex_raw=recruitment.word("gender"),
        healthy_volunteers=_truth(recruitment.word("healthyVolunteers")),
        conditions=_conditions(study),
        interventions=_interventions(arms) if study_type_raw == "INTERVENTIONAL" else [],
        arms=arms,
        outcomes=[
            *outcomes(measured.text("primaryOutcome"), "PRIMARY"),
            *outcomes(measured.text("secondaryOutcome"), "SECONDARY"),
        ],
        sponsors=_sponsors(study),
        officials=_officials(study),
        contacts=_contacts(study),
        countries=nations,
        locations=_locations(recruitment, nations[0].name if len(nations) == 1 else None),
        ipd_sharing={True: "YES", False: "NO"}.get(_truth(results.word("ipdSharingPlan"))),  # type: ignore[arg-type]
        ipd_description=_in_english(results.each("trialResultsDescriptions")).text("ipdSharingPlanDescription"),
        references=cited,
        links=linked,
        has_results=_has_results(results, posted) if results else None,
        notes=notes,
    )


# --- what the schema does everywhere


def _locale(described: Tree) -> str | None:
    return described.word("idLocale/locale") or described.word("idArm/locale")


def _language(study: Tree) -> str | None:
    """German, where the study has no English title."""
    titled = {_locale(one) for one in study.each("trialDescriptions") if one.line("title")}
    return "de" if titled == {"de"} else None


def _in_english(descriptions: list[Tree]) -> Tree:
    """The text in English; each of its fields that is empty there in German."""
    merged: dict[str, object] = {}
    for one in sorted(descriptions, key=lambda one: _locale(one) != "en"):
        merged.update({name: value for name, value in one.items() if name not in merged and one.text(name)})
    return Tree(merged)


def _truth(word: str | None) -> bool | None:
    return {"true": True, "false": False}.get((word or "").lower())


def _date(recruitment: Tree, name: str, field: str, notes: Notes) -> PartialDate | None:
    return notes.date(recruitment.line(f"actual{name}"), field, "ACTUAL") or notes.date(
        recruitment.line(f"scheduled{name}"), field, "ESTIMATED"
    )


def _age(limit: Tree) -> str | None:
    """`18 YEARS`, or the token alone where there is no limit."""
    amount, unit = limit.line("amount") or limit.line("value"), limit.word("unit")
    return f"{amount} {unit}" if amount and unit and not unit.startswith("NO_") else unit


def _country_names(recruitment: Tree) -> list[str]:
    return [
        word
        for one in recruitment.each("countries")
        if (word := one.word("idCountry/code") or one.word("code") or one.word("country") or one.word())
    ]


def _identifiers(study: Tree) -> Identifiers:
    ids = Identifiers(study.line("drksId"), "drks", "drksId")
    given = study.one("secondaryIds")
    issuer = given.line("otherPrimaryRegisterName")
    ids.name(given.line("otherPrimaryRegisterId"), "otherPrimaryRegisterId", issuer=issuer)
    ids.name(given.line("eudraCtNumber"), "eudraCtNumber", "EudraCT")
    ids.name(given.line("universalTrialNumber"), "universalTrialNumber", "UTN")
    ids.name(given.line("eudamedNumber"), "eudamedNumber", "EUDAMED")
    for other in study.each("otherSecondaryIds"):
        ids.name(other.line("value"), "otherSecondaryIds", issuer=other.line("description"))
    for related in study.each("trialResults/relatedDrksTrials"):
        ids.name(related.line("drksId"), "relatedDrksTrials", role="mentioned")
    return ids


# --- design

_LEVELS: tuple[Masking, ...] = ("SINGLE", "DOUBLE", "TRIPLE", "QUADRUPLE", "QUADRUPLE")


def _labelled(design: Tree) -> str | None:
    """The register's choices in one line, each with its label."""
    controls = ", ".join(design.lines("controlTypes/idControlType/controlType"))
    blinded = ", ".join(design.lines("blindingWhoList/idBlindingWho/blindingWho"))
    said = (
        ("Allocation", design.word("allocation")),
        ("Blinding", design.word("blindingType")),
        ("Who is blinded", blinded),
        ("Control", controls),
        ("Assignment", design.word("assignment")),
        ("Purpose", design.word("purpose")),
        ("Timing", design.word("timing")),
        ("Duration", design.word("duration")),
    )
    return "; ".join(f"{label}: {word}" for label, word in said if word) or None


def _design(design: Tree) -> Design:
    """The tokens; everyone on the list counts as blinded, also data analysts, who have no role of their own."""
    blinded = design.lines("blindingWhoList/idBlindingWho/blindingWho")
    blinding = (design.word("blindingType") or "").upper()
    is_masked = True if blinded and blinding != "OPEN" else {"BLINDED": True, "OPEN": False}.get(blinding)
    level: Masking | None = "NONE" if is_masked is False else None
    if is_masked and blinded:
        level = _LEVELS[min(len(blinded), len(_LEVELS)) - 1]
    perspective = vocabulary.time_perspective(design.word("timing")) or vocabulary.time_perspective(
        design.word("duration")
    )
    return Design(
        allocation=vocabulary.allocation(design.word("allocation")),
        intervention_model=vocabulary.intervention_model(design.word("assignment")),
        time_perspective=None if design.word("type") == "INTERVENTIONAL" else perspective,
        masking=level,
        is_masked=is_masked,
        masked_roles=vocabulary.masked_roles(", ".join(blinded)) if is_masked else (),
    )


def _concealment(measured: Tree) -> str | None:
    parts = (("Allocation concealment", "typeOfHiddenAllocation"), ("Sequence generation", "typeOfSequenceGeneration"))
    return "\n".join(f"{label}: {text}" for label, name in parts if (text := measured.text(name))) or None


# --- content

_CATALOGUES = {"ICD10": "ICD-10", "ORPHA_CODE": "Orphanet"}
_ORPHAN = re.compile(r"ORPHA(?:-?code)?[: ]*(\d{1,6})\b", re.I)
"""An Orphanet number in front of a free text."""


def _conditions(study: Tree) -> list[Condition]:
    found: dict[tuple[str, str | None], Condition] = {}
    for one in study.each("studiedHealthConditions"):
        code, catalogue = one.line("code"), one.word("catalog")
        name = _in_english(one.each("studiedHealthConditionDescriptions")).line("comment") or code
        if name and code is None and (orphan := _ORPHAN.match(name)):
            code, catalogue = f"ORPHA:{orphan[1]}", "ORPHA_CODE"
        if name:
            vocabulary_ = _CATALOGUES.get(catalogue or "", catalogue) if code else None
            found.setdefault((name.lower(), code), Condition(name=name, code=code, vocabulary=vocabulary_))
    return list(found.values())


def _arms(study: Tree) -> list[Arm]:
    """Groups by number, each in English where that is given."""
    by_number: dict[str, list[Tree]] = {}
    for group in study.each("observationalGroups"):
        by_number.setdefault(group.line("idArm/arm") or str(len(by_number) + 1), []).append(group)
    found = []
    for number, groups in by_number.items():
        if text := _in_english(groups).text("comment"):
            found.append(Arm(label=f"Arm {number}", description=text))
    return found


_ARM_LABEL = re.compile(
    r"(?:intervention|control|experimental|treatment|active|verum|placebo|comparator|study)[ -]?(?:arm|group|gruppe)?"
    r"(?: \w)?(?: \([^()]{1,30}\))?:\s*(?=\S)",
    re.I,
)
"""What the group is, before what it receives."""


def _interventions(arms: list[Arm]) -> list[Intervention]:
    """What each arm receives: the register does not name interventions apart from the arms."""
    found = []
    for arm in arms:
        name, description = named_by_first_line(arm.description or "")
        if label := _ARM_LABEL.match(name):
            name, description = name[label.end() :], arm.description
        found.append(Intervention(name=name, description=description, arm_labels=[arm.label]))
        arm.intervention_names = [name]
    return found


# --- people and places


def _roles(contact: Tree) -> tuple[str, str]:
    return contact.word("idContactIdType/type") or "", contact.word("otherType") or ""


def _sponsors(study: Tree) -> list[Sponsor]:
    found: list[Sponsor] = []
    for one in study.each("trialContacts"):
        type, other = _roles(one)
        if type == "PRIMARY_SPONSOR":
            found += _organisation(one, "LEAD")
        elif "SECONDARY_SPONSOR" in (type, other.removeprefix("OTHER_")):
            found += _organisation(one, "COLLABORATOR")
    for one in study.each("materialSupports"):
        found += _organisation(one, "FUNDER", one.word("type"))
    return distinct_sponsors(found)


def _organisation(party: Tree, role: SponsorRole, class_raw: str | None = None) -> Iterator[Sponsor]:
    affiliation = party.line("contact/affiliation")
    for one in sponsor(affiliation or _person(party.one("contact")), role, class_raw):
        if affiliation and one.sponsor_class == "INDIV":
            one.sponsor_class = None  # an institution that is named like a person
        yield one


def _person(contact: Tree) -> str | None:
    return " ".join(word for part in ("title", "firstName", "lastName") if (word := contact.line(part))) or None


def _officials(study: Tree) -> list[Official]:
    found: dict[str, Official] = {}
    for one in study.each("trialContacts"):
        name = _person(one.one("contact"))
        if name and any("PRINCIPAL_COORDINATING_INVESTIGATOR" in role for role in _roles(one)):
            affiliation = one.line("contact/affiliation")
            found.setdefault(name, Official(name=name, role="PRINCIPAL_INVESTIGATOR", affiliation=affiliation))
    return list(found.values())


_CONTACT_TYPES = {
    "PUBLIC_QUERIES": "public",
    "OTHER_PUBLIC_QUERIES": "public",
    "SCIENTIFIC_QUERIES": "scientific",
    "OTHER_SCIENTIFIC_QUERIES": "scientific",
    "ETHICS_COMMITTEE": "ethics",
    "OTHER_ETHICS_COMMITTEE": "ethics",
}


def _contacts(study: Tree) -> list[Contact]:
    found = []
    for one in [*study.each("trialContacts"), *study.each("ethicsCommittee/ethicVotes")]:
        contact = one.one("contact")
        type, other = _roles(one)
        token = other or type or one.word("type") or ""
        address = ", ".join(line for part in ("streetAndNo", "zip", "city", "country") if (line := contact.line(part)))
        found.append(
            Contact(
                type=_CONTACT_TYPES.get(token) or token.replace("_", " ").lower() or None,
                name=_person(contact),
                affiliation=contact.line("affiliation"),
                address=address or None,
                email=contact.line("email"),
                phone=contact.line("phone"),
            )
        )
    return [one for one in found if one.name or one.affiliation or one.email or one.phone]


def _locations(recruitment: Tree, country: str | None) -> list[Location]:
    """Sites; their country is only known where the study has no other."""
    found = []
    for one in recruitment.each("institutes"):
        facility, city = one.line("name"), one.line("city")
        if facility or city:
            found.append(Location(facility=facility, city=city, country=country))
    return found


# --- what came of it

_REFERENCE_TYPES: dict[str, ReferenceType] = {"RESULT": "RESULT", "ABSTRACT": "RESULT", "LITERATURE": "BACKGROUND"}


def _publications(study: Tree) -> tuple[list[Reference], list[Link]]:
    linked = [Link(url=url, label="study website") for url in URL.findall(study.text("url") or "")]
    cited: list[Reference] = []
    for one in study.each("trialResults/publications"):
        kind, text, url = one.word("type") or "", one.line("description"), one.line("link")
        type = _REFERENCE_TYPES.get(kind)
        found = references(f"{url or ''} {text or ''}", type, text)
        cited += found or ([Reference(type=type, citation=text)] if type and text else [])
        if address := url or one.line("document/name"):
            linked.append(Link(url=address, label=text or kind or None))
    return distinct_references(cited), links(linked)


def _has_results(results: Tree, posted: PartialDate | None) -> bool:
    """A summary or report of results in the register itself, or the day on which the entry first had them."""
    kinds = results.lines("publications/type")
    summary = _in_english(results.each("trialResultsDescriptions")).text("briefSummaryOfResultsDescription")
    return posted is not None or summary is not None or "BASICREPORTING" in kinds


# --- format


def _is_json(head: bytes) -> bool:
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"[", b"{") and (
        re.search(rb'"drksId"\s*:\s*(?:"|null)', head) is not None
        and re.search(rb'"(?:recruitment|trialDescriptions|studyCharacteristic|ethicsCommittee)"\s*:', head) is not None
    )


def _read_json(stream: BinaryIO) -> Iterator[Record | Reject]:
    return each(json_values(stream), _record)


SOURCE = Source(
    name="drks",
    title="German Clinical Trials Register",
    home_page="https://drks.de/",
    licence="DRKS terms of use: free to use with the source named",
    is_open=False,
    registers=("drks",),
    obtain=(
        'Search at https://drks.de/search/en and choose "Download" and JSON: for one trial, or for all that were '
        "found (DRKS_search_....json)."
    ),
    formats=(Format("json", "Download of a trial, or of a search (an array of them)", _is_json, _read_json),),
    no_fetch=(
        "the download is made by the session of a web form that has to be confirmed, and there is no interface for "
        "programs; download it by hand."
    ),
)
