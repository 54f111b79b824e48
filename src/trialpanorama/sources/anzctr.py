"""Australian New Zealand Clinical Trials Registry: "Download all to XML", a zip with one file a trial.

Two spellings of the format are read alike: names differ in case and in what they are nested in, but each says what it
holds, so most fields are looked up by name alone. A few files of the download are records of ClinicalTrials.gov with
sites in Australia; they have no number of this registry and are rejected.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from trialpanorama import identifiers, vocabulary
from trialpanorama.errors import Unreadable
from trialpanorama.record import (
    Condition,
    Contact,
    Intervention,
    Link,
    Location,
    Official,
    Outcome,
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
    links,
    named_by_first_line,
    references,
    sponsor,
    xml_tree,
)
from trialpanorama.sources._reading import Entry, as_utf8, each, parse_xml, peek, xml_elements
from trialpanorama.vocabulary import Design, MaskedRole, Masking, OutcomeType

_ENROLMENT_ENDS = "the date of the last enrolment: the record has none of the last visit"


class _Trial:
    """A record: fields that stand once are found by their name wherever they are nested."""

    def __init__(self, root: Tree) -> None:
        # older files group these, newer ones have them at the top
        self._parts: dict[str, list[Tree]] = {}
        for group in (root, *(root.one(name) for name in _GROUPS)):
            for name, _ in group.items():
                self._parts.setdefault(name, []).extend(group.each(name))

    def text(self, *names: str) -> str | None:
        return next((text for part in self._named(names) if (text := part.text())), None)

    def line(self, *names: str) -> str | None:
        return next((line for part in self._named(names) if (line := part.line())), None)

    def word(self, *names: str) -> str | None:
        return next((word for part in self._named(names) if (word := part.word())), None)

    def each(self, path: str) -> list[Tree]:
        name, _, inside = path.partition("/")
        parts = self._parts.get(name, [])
        return [one for part in parts for one in part.each(inside)] if inside else parts

    def lines(self, *paths: str) -> list[str]:
        return [line for path in paths for part in self.each(path) if (line := part.line())]

    def _named(self, names: tuple[str, ...]) -> Iterator[Tree]:
        return (part for name in names for part in self._parts.get(name, ()))


_GROUPS = (
    "trial_identification",
    "conditions",
    "interventions",
    "outcomes",
    "eligibility",
    "trial_design",
    "recruitment",
    "sponsorship",
    "ethicsandsummary",
    "contacts",
)


def _record(root: Tree) -> Record:
    trial = _Trial(root)
    notes = Notes()
    ids = _identifiers(trial)
    found = _design(trial)
    low = _age(trial, "min")
    high = _age(trial, "max")
    size_raw = trial.line("samplesize")
    size = notes.enrollment(size_raw, "enrollment_target")
    status_raw = trial.word("recruitmentstatus")
    purpose_raw = trial.word("purpose", "purposeobs")
    publications = trial.text("publication")
    return Record(
        register="anzctr",
        id=ids.own,
        url=identifiers.url(ids.own),
        identifiers=ids,
        public_title=trial.line("studytitle", "publictitle"),
        scientific_title=trial.line("scientifictitle"),
        acronym=trial.line("trialacronym"),
        brief_summary=trial.text("summary"),
        detailed_description=trial.text("publicnotes"),
        keywords=_categories(trial),
        status=notes.status(status_raw, "anzctr"),
        status_raw=status_raw,
        why_stopped=_joined(trial.text("withdrawnreason"), trial.text("withdrawnreasonother")),
        first_submitted_date=notes.date(trial.line("submitdate"), "first_submitted_date", order="dmy"),
        registration_date=notes.date(trial.line("approvaldate"), "registration_date", order="dmy"),
        start_date=_date(trial, "startdate", "start_date", notes),
        completion_date=_completion(trial, notes),
        last_updated_date=notes.date(trial.line("datelastupdated"), "last_updated_date", order="dmy"),
        study_type=vocabulary.study_type(trial.word("studytype")),
        study_type_raw=trial.word("studytype"),
        phases=list(vocabulary.phases(trial.word("phase"))),
        phase_raw=trial.word("phase"),
        study_design_raw=_labelled(trial),
        allocation=found.allocation,
        allocation_raw=trial.word("allocation"),
        intervention_model=found.intervention_model,
        intervention_model_raw=trial.word("assignment"),
        intervention_model_description=trial.text("designfeatures"),
        observational_model=found.observational_model,
        time_perspective=found.time_perspective,
        masking=found.masking,
        masking_raw=trial.word("masking"),
        masking_description=_concealment(trial),
        is_masked=found.is_masked,
        masked_roles=list(found.masked_roles),
        primary_purpose=found.primary_purpose,
        primary_purpose_raw=purpose_raw,
        target_duration=_follow_up(trial),
        enrollment_target=size,
        enrollment_raw=size_raw if size_raw and str(size) != size_raw else None,
        enrollment_actual=notes.enrollment(trial.line("actualsamplesize"), "enrollment_actual"),
        inclusion_criteria=trial.text("inclusivecriteria"),
        exclusion_criteria=trial.text("exclusivecriteria"),
        minimum_age_years=vocabulary.age_years(low),
        minimum_age_raw=low,
        maximum_age_years=vocabulary.age_years(high, is_maximum=True),
        maximum_age_raw=high,
        sex=vocabulary.sex(trial.word("inclusivegender")),
        sex_raw=trial.word("inclusivegender"),
        healthy_volunteers={"yes": True, "no": False}.get((trial.word("healthyvolunteer") or "").lower()),
        conditions=_conditions(trial),
        interventions=_interventions(trial),
        outcomes=[*_outcomes(trial, "primaryoutcome", "PRIMARY"), *_outcomes(trial, "secondaryoutcome", "SECONDARY")],
        sponsors=_sponsors(trial),
        officials=_officials(trial),
        contacts=_contacts(trial),
        countries=countries(trial.lines("recruitmentcountry", "countryoutsideaustralia/country")),
        locations=_locations(trial),
        references=_references(publications),
        links=_links(trial, publications),
        notes=notes,
    )


def _identifiers(trial: _Trial) -> Identifiers:
    own = trial.line("actrnumber", "actrn")
    other = identifiers.normalise(own or trial.line("nctid"))
    if other is not None and other.register != "anzctr":
        owner = identifiers.REGISTERS[other.register].title
        raise Unreadable("missing_identifier", f"{other.id} is a record of {owner} that this registry only shows")
    ids = Identifiers(own, "anzctr", "actrnumber")
    ids.name(trial.line("utrn"), "utrn", type_raw="UTN")
    for text in trial.lines("secondaryid", "secondaryids"):
        ids.name(text, "secondaryid")
    return ids


# --- dates


def _date(trial: _Trial, name: str, field: str, notes: Notes) -> PartialDate | None:
    return notes.date(trial.line(f"actual{name}"), field, "ACTUAL", "dmy") or notes.date(
        trial.line(f"anticipated{name}"), field, "ESTIMATED", "dmy"
    )


def _completion(trial: _Trial, notes: Notes) -> PartialDate | None:
    """The last visit; older records only say when the last participant was enrolled."""
    last_visit = _date(trial, "lastvisitdate", "completion_date", notes)
    if last_visit:
        return last_visit
    last_enrolment = _date(trial, "enddate", "completion_date", notes)
    if last_enrolment:
        notes.say("completion_date", _ENROLMENT_ENDS, last_enrolment.raw)
    return last_enrolment


# --- design

_LABELS = (
    ("Purpose", ("purpose", "purposeobs")),
    ("Allocation", ("allocation",)),
    ("Masking", ("masking",)),
    ("Assignment", ("assignment",)),
    ("Control", ("control",)),
    ("Duration", ("duration",)),
    ("Selection", ("selection",)),
    ("Timing", ("timing",)),
    ("Type of endpoint", ("endpoint",)),
)


def _labelled(trial: _Trial) -> str | None:
    """The registry's choices in one line, each with its label."""
    said = ((label, trial.line(*names)) for label, names in _LABELS)
    return "; ".join(f"{label}: {word}" for label, word in said if word) or None


_MASKED: tuple[tuple[re.Pattern[str], MaskedRole | None], ...] = (
    (re.compile(r"receiving|subject|participant", re.I), "PARTICIPANT"),
    (re.compile(r"administering|therapist|clinician", re.I), "CARE_PROVIDER"),
    (re.compile(r"assess", re.I), "OUTCOMES_ASSESSOR"),
    (re.compile(r"analys", re.I), None),
)
"""Who may be masked, in the order of the registry's list; ClinicalTrials.gov has no role for data analysts."""
_LEVELS: tuple[Masking, ...] = ("SINGLE", "DOUBLE", "TRIPLE", "QUADRUPLE")


def _masked(trial: _Trial) -> list[MaskedRole | None]:
    """Who is masked: named in words, or ticked at its place in the list."""
    found: dict[int, MaskedRole | None] = {}
    for number in range(1, 6):
        said = trial.word(f"masking{number}") or ""
        is_ticked = said.lower() in ("yes", "true", "1")
        for place, (pattern, role) in enumerate(_MASKED, start=1):
            if pattern.search(said) or (is_ticked and place == number):
                found[place] = role
    return [found[place] for place in sorted(found)]


def _design(trial: _Trial) -> Design:
    found = vocabulary.design(_labelled(trial))
    masked = _masked(trial)
    if not masked or found.is_masked is False:
        return found
    return found._replace(
        masking=_LEVELS[len(masked) - 1], is_masked=True, masked_roles=tuple(role for role in masked if role)
    )


def _concealment(trial: _Trial) -> str | None:
    parts = (("Allocation concealment", "concealment"), ("Sequence generation", "sequence"))
    return "\n".join(f"{label}: {text}" for label, name in parts if (text := trial.text(name))) or None


def _follow_up(trial: _Trial) -> str | None:
    return _joined(trial.line("followup"), trial.line("followuptype"), " ")


def _joined(first: str | None, second: str | None, between: str = "\n") -> str | None:
    return between.join(filter(None, (first, second))) or None


# --- population and content


def _age(trial: _Trial, end: str) -> str | None:
    """`18 Years`, or the words `No limit` and `Not stated`."""
    number, unit = trial.line(f"inclusive{end}age"), trial.word(f"inclusive{end}agetype")
    if number and unit and unit.lower() not in ("no limit", "not stated"):
        return f"{number.removesuffix('.0')} {unit}"
    return unit or number


def _categories(trial: _Trial) -> list[str]:
    """The registry's classification: `Cancer - Breast`."""
    found = []
    for code in trial.each("conditioncode"):
        found.append(_joined(code.line("conditioncode1"), code.line("conditioncode2"), " - "))
    return list(dict.fromkeys(filter(None, found)))


def _conditions(trial: _Trial) -> list[Condition]:
    names = trial.lines("healthcondition", "condition/conditionname", "conditionname")
    found: dict[str, Condition] = {}
    for name in names:
        found.setdefault(name.lower(), Condition(name=name))
    return list(found.values())


def _interventions(trial: _Trial) -> list[Intervention]:
    """What is done, with the registry's codes for it; then what it is compared with."""
    codes = trial.lines("interventioncode", "intervention/interventioncode")
    types = {vocabulary.intervention_type(code) for code in codes}
    type = next(iter(types)) if len(types) == 1 else None
    found = []
    texts = [part.text() for part in trial.each("interventions")] + [
        part.text() for part in trial.each("intervention/interventiondescription")
    ]
    for text in dict.fromkeys(filter(None, texts)):
        name, description = named_by_first_line(text)
        found.append(
            Intervention(
                name=name,
                type=type,
                type_raw="; ".join(dict.fromkeys(codes)) or None,
                description=description,
            )
        )
    comparator = trial.text("comparator")
    if comparator and (trial.word("control") or "").lower() != "uncontrolled":
        name, description = named_by_first_line(comparator)
        found.append(Intervention(name=name, description=description))
    return found


def _outcomes(trial: _Trial, name: str, type: OutcomeType) -> list[Outcome]:
    return [
        Outcome(type=type, measure=measure, time_frame=one.line("timepoint"))
        for one in trial.each(name)
        if (measure := one.text("outcome") or one.text())
    ]


# --- people and places


def _sponsors(trial: _Trial) -> list[Sponsor]:
    found = list(sponsor(trial.line("primarysponsorname"), "LEAD", trial.line("primarysponsortype")))
    for one in trial.each("secondarysponsor"):
        name = one.line("sponsorname") or one.line("secondarysponsorname")
        found += sponsor(name, "COLLABORATOR", one.line("sponsortype") or one.line("secondarysponsortype"))
    for one in trial.each("othercollaborator"):
        name = one.line("othercollaboratorname") or one.line("collaboratorname") or one.line("name")
        found += sponsor(name, "COLLABORATOR", one.line("othercollaboratortype") or one.line("collaboratortype"))
    for one in trial.each("fundingsource"):
        found += sponsor(one.line("fundingname"), "FUNDER", one.line("fundingtype"))
    for name in trial.lines("fundingsourcename"):
        found += sponsor(name, "FUNDER")
    return distinct_sponsors(found)


def _person(contact: Tree) -> str | None:
    return _joined(contact.line("title"), contact.line("name"), " ")


def _officials(trial: _Trial) -> list[Official]:
    return [
        Official(name=name, role="PRINCIPAL_INVESTIGATOR")
        for contact in trial.each("contact")
        if "principal investigator" in (contact.line("type") or "").lower() and (name := _person(contact))
    ]


_CONTACT_TYPES = ("public", "scientific", "principal investigator")


def _contacts(trial: _Trial) -> list[Contact]:
    found = []
    for one in trial.each("contact"):
        type_raw = (one.line("type") or "").lower()
        found.append(
            Contact(
                type=next((type for type in _CONTACT_TYPES if type in type_raw), type_raw or None),
                name=_person(one),
                address=_joined(one.line("address"), one.line("country"), ", "),
                email=one.line("email"),
                phone=one.line("phone"),
            )
        )
    for one in [
        *trial.each("ethicscommitee"),
        *trial.each("ethicscommittee"),
    ]:  # the registry's spelling, and the right
        address = one.line("ethicaddress") or one.line("ethiccountry")
        found.append(Contact(type="ethics", name=one.line("ethicname"), address=address))
    return [one for one in found if one.name or one.email or one.phone]


def _locations(trial: _Trial) -> list[Location]:
    """Hospitals as `name - suburb`, in Australia; elsewhere only the country and its state are given."""
    codes: dict[str, str] = {}
    for text in trial.lines("postcode"):
        code, _, suburb = text.partition(" - ")
        codes.setdefault(suburb.lower(), code)
    found = []
    for text in trial.lines("hospital"):
        name, _, suburb = text.rpartition(" - ")
        city = suburb if name else None
        postal_code = codes.get(city.lower()) if city else None
        found.append(Location(facility=name or text, city=city, postal_code=postal_code, country="Australia"))
    for one in trial.each("countryoutsideaustralia"):
        country, state = one.line("country"), one.line("state")
        if country and state:
            found.append(Location(state=state, country=vocabulary.country(country) or country))
    return found


# --- what came of it


def _references(publications: str | None) -> list[Reference]:
    """Every line of the text is a publication of the sponsor's, whether or not its number is in it."""
    found: list[Reference] = []
    for line in (publications or "").split("\n"):
        if line.strip():
            found += references(line, None, line.strip()) or [Reference(citation=line.strip())]
    return distinct_references(found)


def _links(trial: _Trial, publications: str | None) -> list[Link]:
    found = [Link(url=url, label="trial website") for url in URL.findall(trial.text("trialwebsite") or "")]
    found += [Link(url=url.rstrip(".)"), label="publication") for url in URL.findall(publications or "")]
    for attachment in trial.each("attachment"):
        name = attachment.line() or attachment.line("filename") or attachment.line("name") or attachment.line("link")
        if name:
            found.append(Link(url=name, label=attachment.line("description") or attachment.line("type")))
    return links(found)


# --- format


def _is_xml(head: bytes) -> bool:
    return re.search(rb"<ANZCTR_Trial[\s>]", head) is not None


def _read_xml(stream: BinaryIO) -> Iterator[Record | Reject]:
    head, stream = peek(stream, 1024)
    return each(xml_elements(as_utf8(stream, head), ("ANZCTR_Trial",)), _xml_record)


def _xml_record(entry: Entry) -> Record:
    return _record(xml_tree(parse_xml(entry.data), str.lower))


SOURCE = Source(
    name="anzctr",
    title="Australian New Zealand Clinical Trials Registry",
    home_page="https://www.anzctr.org.au/",
    licence="ANZCTR terms and conditions: free to search and download, with acknowledgement",
    is_open=False,
    registers=("anzctr",),
    obtain=(
        'Search at https://www.anzctr.org.au/TrialSearch.aspx (empty for all trials), then "Download all to XML": '
        "a zip with one file a trial, which is read as it is."
    ),
    formats=(Format("xml", "One trial of the download (ANZCTR_Trial)", _is_xml, _read_xml),),
    no_fetch=(
        "the download is made by the session of a web form, and there is no interface for programs without an account; "
        "download it by hand."
    ),
)
