"""ReBEC, Brazil: what it uploads to WHO (RBR-ictrp-ALL.xml), and OpenTrials XML, which says more of the design.

OpenTrials is the software that the registry runs on. Its XML has come in two spellings: the value of an element in an
attribute `value` (2011), or as its text; both are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from trialpanorama import identifiers, vocabulary
from trialpanorama.record import Condition, Contact, Country, Outcome, PartialDate, Record, Reject
from trialpanorama.sources import Format, Source
from trialpanorama.sources import _dialects as dialects
from trialpanorama.sources._native import Identifiers, Notes, Tree, xml_tree
from trialpanorama.sources._provider_xml import ethics_number, provider_xml
from trialpanorama.sources._reading import Entry, as_utf8, each, parse_xml, peek, xml_elements
from trialpanorama.vocabulary import OutcomeType

_EXPANDED_ACCESS = {"yes": True, "no": False}


def _value(tree: Tree) -> str | None:
    """The text of an element or its attribute `value`; `null` is none, and the blanks of slugs come back."""
    text = tree.word() or tree.word("@value")
    return None if text in (None, "null") else text.replace("_", " ")


def _to_record(entry: Entry) -> Record:
    trial = xml_tree(parse_xml(entry.data))
    notes = Notes()
    named, people, study = trial.one("trial_identification"), trial.one("recruitment"), trial.one("study")
    ids = Identifiers(named.line("trial_id"), "rebec", "trial_id")
    ids.name(named.line("utrn") or named.line("utrn_number"), "utrn")
    for row in trial.each("secondary_ids/secondary_id"):
        id = row.line("sec_id")
        ids.name(id, "sec_id", ethics_number(id), issuer=row.line("issuing_authority"))
    translation = next(iter(trial.each("translation")), Tree(None))
    is_english = bool(named.line("public_title") or named.line("scientific_title"))
    titles = named if is_english else translation
    status_raw = _value(people.one("@study_status")) or _value(people.one("@status"))
    design_raw = study.text("study_design")
    design = vocabulary.design(design_raw)
    phase_raw, type_raw = _value(study.one("phase")), _value(study.one("type"))
    purpose_raw, model_raw, masking_raw, allocation_raw = (
        _value(study.one(name)) for name in ("purpose", "intervention_assignment", "masking", "allocation")
    )
    masking = vocabulary.masking(masking_raw) or design.masking
    low, high = (_age(people.one(name)) for name in ("agemin", "agemax"))
    size_raw, arms = _value(people.one("target_size")), study.line("@number_of_arms") or ""
    outcomes = trial.one("outcomes")
    interventions, groups = dialects.interventions(trial.text("interventions/freetext"), "rebec")
    codes = [_value(code) for code in trial.each("interventions/i_code")]
    for one, code in zip(interventions, codes if len(codes) == len(interventions) else [], strict=False):
        one.type, one.type_raw = vocabulary.intervention_type(code), code
    conditions, keywords = _conditions(trial.one("health_conditions"))
    return Record(
        register="rebec",
        id=ids.own,
        url=_link(trial) or identifiers.url(ids.own),
        language="pt" if not is_english and translation else None,
        identifiers=[*ids],
        public_title=titles.line("public_title"),
        scientific_title=titles.line("scientific_title"),
        acronym=named.line("acronym") or named.line("scientific_acronym"),
        keywords=[*dict.fromkeys([*keywords, *trial.lines("interventions/keyword/text")])],
        status=notes.status(status_raw, "rebec"),
        status_raw=status_raw,
        first_submitted_date=notes.date(trial.line("@created"), "first_submitted_date"),
        registration_date=notes.date(trial.line("@date_registration"), "registration_date"),
        start_date=_start_date(people, notes),
        last_updated_date=notes.date(trial.line("@updated"), "last_updated_date"),
        study_type=vocabulary.study_type(type_raw),
        study_type_raw=type_raw,
        phases=list(vocabulary.phases(phase_raw)),
        phase_raw=phase_raw,
        study_design_raw=design_raw,
        allocation=vocabulary.allocation(allocation_raw) or design.allocation,
        allocation_raw=allocation_raw,
        intervention_model=vocabulary.intervention_model(model_raw) or design.intervention_model,
        intervention_model_raw=model_raw,
        masking=masking,
        masking_raw=masking_raw,
        is_masked=design.is_masked if masking is None else masking != "NONE",
        masked_roles=list(design.masked_roles),
        primary_purpose=vocabulary.primary_purpose(purpose_raw) or design.primary_purpose,
        primary_purpose_raw=purpose_raw,
        number_of_arms=int(arms) or None if arms.isascii() and arms.isdecimal() and len(arms) < 4 else None,
        enrollment_target=(size := notes.enrollment(size_raw, "enrollment_target")),
        enrollment_raw=size_raw if str(size) != size_raw else None,
        inclusion_criteria=people.text("inclusion_criteria"),
        exclusion_criteria=people.text("exclusion_criteria"),
        minimum_age_years=vocabulary.age_years(low),
        minimum_age_raw=low,
        maximum_age_years=vocabulary.age_years(high, is_maximum=True),
        maximum_age_raw=high,
        sex=vocabulary.sex(_value(people.one("gender"))),
        sex_raw=_value(people.one("gender")),
        conditions=conditions,
        interventions=interventions,
        arms=groups,
        outcomes=[
            *(one for part in outcomes.each("primary_outcome") for one in _outcomes(part, "PRIMARY")),
            *(one for part in outcomes.each("secondary_outcome") for one in _outcomes(part, "SECONDARY")),
        ],
        sponsors=dialects.sponsors(
            trial.line("sponsors_and_support/primary_sponsor/name"),
            trial.lines("sponsors_and_support/secondary_sponsor/name"),
            trial.lines("sponsors_and_support/source_support/name"),
        ),
        contacts=_contacts(trial.one("contacts")),
        countries=_countries(people),
        has_expanded_access=_EXPANDED_ACCESS.get(study.line("@expanded_access_program") or ""),
        notes=[*notes],
    )


def _age(tree: Tree) -> str | None:
    """`18 years`; a limit without a unit (`null`) is none."""
    value, unit = tree.line("@value"), tree.line("@unit")
    return f"{value} {unit}" if value and unit not in (None, "null") else None


def _start_date(people: Tree, notes: Notes) -> PartialDate | None:
    actual = people.line("date_enrolment_actual/@start")
    expected = people.line("date_enrolment_anticipated/@start")
    return notes.date(actual or expected, "start_date", "ACTUAL" if actual else "ESTIMATED", "dmy")


def _conditions(tree: Tree) -> tuple[list[Condition], list[str]]:
    """The sponsor's text, and the registry's words for it; the words that only classify are keywords."""
    found, _ = dialects.conditions(tree.text("freetext"), "rebec")
    named = {condition.name.lower() for condition in found}
    for part in tree.each("keyword"):
        name, code = part.line("text"), part.line("@code")
        if name and name.lower() not in named:
            named.add(name.lower())
            is_icd = (part.line("@vocabulary") or "").lower().startswith("icd")
            found.append(Condition(name=name, code=code, vocabulary="ICD-10" if is_icd else "DeCS"))
    codes = [part.line("text") or part.line() for part in tree.each("hc_code")]
    return found, [code for code in [*codes, *tree.lines("keyword")] if code]


def _outcomes(part: Tree, type: OutcomeType) -> list[Outcome]:
    text = part.text() or part.text("@value")
    return [Outcome(type=type, measure=text)] if text else []


def _contacts(tree: Tree) -> list[Contact]:
    """Each person in each role; roles name persons by number."""
    persons = {person.line("@pid"): person for person in tree.each("person")}
    contacts = []
    for kind in ("public", "scientific", "site"):
        for role in tree.each(f"{kind}_contact"):
            person = persons.get(role.line("@person"), Tree(None))
            names = (person.line(part) for part in ("firstname", "middlename", "lastname"))
            address = (person.line(part) for part in ("address", "city", "zip"))
            if person:
                contacts.append(
                    Contact(
                        type=kind,
                        name=" ".join(name for name in names if name) or None,
                        affiliation=person.line("affiliation/name") or person.line("affiliation"),
                        address=", ".join(part for part in address if part) or None,
                        email=person.line("email"),
                        phone=person.line("telephone"),
                    )
                )
    return contacts


def _countries(people: Tree) -> list[Country]:
    names = [name for part in people.each("recruitment_country") if (name := _value(part))]
    return dialects.countries("\n".join(vocabulary.country(name) or name for name in names), "rebec")


def _link(trial: Tree) -> str | None:
    return next((url for url in trial.lines("references/link/@url") if url.startswith("http")), None)


# --- formats


def _is_opentrials(head: bytes) -> bool:
    return b"<trial_identification" in head and b"<sponsors_and_support" in head


def _read(stream: BinaryIO) -> Iterator[Record | Reject]:
    head, stream = peek(stream, 1024)
    return each(xml_elements(as_utf8(stream, head), ("trial",)), _to_record)


SOURCE = Source(
    name="rebec",
    title="Brazilian Clinical Trials Registry",
    home_page="https://ensaiosclinicos.gov.br/",
    licence="ReBEC terms of use; the rights stay with the registrants",
    is_open=False,
    registers=("rebec",),
    obtain=(
        "At https://ensaiosclinicos.gov.br/ select trials in a list and choose Download selected as OpenTrials XML: "
        "native. So is the XML that the registry uploads to WHO (RBR-ictrp-ALL.xml). Its pages are not read. WHO's "
        "exports carry ReBEC too: see ictrp."
    ),
    formats=(
        provider_xml("rebec"),
        Format("opentrials-xml", "OpenTrials XML of selected trials, from the registry's lists", _is_opentrials, _read),
    ),
    no_fetch="the registry documents no address for its XML: it is chosen trial by trial on the web page.",
)
