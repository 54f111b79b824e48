"""ISRCTN registry: the XML of its query interface, and the JSON that ctrdata makes of it.

A `fullTrial` holds the trial and, beside it, its contacts, sponsors and funders, which the trial names by their ids.
There is no recruitment status in it: the registry derives one from the dates, and so does this reader.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from trialpanorama import identifiers, vocabulary
from trialpanorama.errors import FetchFailed, UserError
from trialpanorama.fetching import Fetch
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
    json_tree,
    links,
    named_by_first_line,
    outcomes,
    references,
    sponsor,
    xml_tree,
)
from trialpanorama.sources._reading import Entry, as_utf8, each, json_values, parse_xml, peek, xml_elements
from trialpanorama.vocabulary import Design, OutcomeType, ReferenceType, SponsorRole

if TYPE_CHECKING:
    from trialpanorama.fetching import Session, Wanted

_DERIVED_STATUS = "derived from the dates, as of the day of the copy or of the last update in it"
_SEVERAL_PURPOSES = "several purposes are given"


def _record(full: Tree, trial: Tree, copied: str | None, not_before: str = "") -> Record:
    """A Record out of a `fullTrial` (or a `trial` without its parties) as a tree.

    `copied` is the day of the copy, where it is known; `not_before` is a day on which it was not made yet.
    """
    notes = Notes()
    described, design, people = trial.one("trialDescription"), trial.one("trialDesign"), trial.one("participants")
    canonical = trial.line("@publicIdentifierCanonical")
    ids = _identifiers(trial, canonical)
    last_updated = notes.date(trial.line("@lastUpdated"), "last_updated_date")
    exported = notes.date(copied, "exported_date")
    assigned = trial.line("isrctn/@dateAssigned") or trial.line("@publicIdentifierDateAssigned")
    start = notes.date(people.line("recruitmentStart") or design.line("overallStartDate"), "start_date")
    completion = notes.date(design.line("overallEndDate"), "completion_date")
    study_type_raw = design.word("primaryStudyDesign")
    found = _design(design)
    allocation_raw = design.word("interventionalTrialDesign/allocation") or design.word("secondaryStudyDesign")
    masking_raw = design.word("interventionalTrialDesign/masking")
    model_raw = design.word("interventionalTrialDesign/assignment")
    phase_raw = _joined(trial.each("interventions/intervention"), "phase")
    purpose_raw, purpose = _purpose(design, notes)
    size_raw = people.line("targetEnrolment") or people.line("totalTarget")
    size = notes.enrollment(size_raw, "enrollment_target")
    final = vocabulary.enrollment(people.line("totalFinalEnrolment"))
    low, high = _age(people.one("lowerAgeLimit")), _age(people.one("upperAgeLimit"))
    results = trial.one("results")
    cited, linked = _publications(trial)
    return Record(
        register="isrctn",
        id=ids.own,
        url=identifiers.url(ids.own),
        identifiers=ids,
        public_title=described.line("title"),
        scientific_title=described.line("scientificTitle"),
        acronym=described.line("acronym"),
        brief_summary=described.text("plainEnglishSummary"),
        detailed_description=_now(described.text("studyHypothesis"), "detailed_description", notes),
        keywords=list(dict.fromkeys(trial.lines("conditions/condition/diseaseClass1"))),
        status=_status(trial, notes, max(filter(None, (_day(exported), _day(last_updated), not_before)), default=None)),
        status_raw=_override(trial),
        why_stopped=design.text("reasonAbandoned"),
        registration_date=notes.date(assigned, "registration_date"),
        start_date=start,
        completion_date=completion,
        results_posted_date=notes.date(_results_posted(trial), "results_posted_date"),
        last_updated_date=last_updated,
        exported_date=exported,
        study_type=vocabulary.study_type(study_type_raw),
        study_type_raw=study_type_raw,
        phases=list(vocabulary.phases(phase_raw)),
        phase_raw=phase_raw,
        study_design_raw=design.line("studyDesign"),
        allocation=found.allocation,
        allocation_raw=allocation_raw if found.allocation else None,
        intervention_model=found.intervention_model,
        intervention_model_raw=model_raw,
        intervention_model_description=_control(design),
        observational_model=found.observational_model,
        time_perspective=found.time_perspective,
        masking=found.masking,
        masking_raw=masking_raw,
        is_masked=found.is_masked,
        masked_roles=list(found.masked_roles),
        primary_purpose=purpose,
        primary_purpose_raw=purpose_raw,
        enrollment_target=size,
        enrollment_raw=size_raw if size_raw and str(size) != size_raw else None,
        enrollment_actual=final or None,  # newer records write 0 until there is a number
        inclusion_criteria=_now(people.text("inclusion"), "inclusion_criteria", notes),
        exclusion_criteria=_now(people.text("exclusion"), "exclusion_criteria", notes),
        minimum_age_years=vocabulary.age_years(low),
        minimum_age_raw=low or people.line("ageRange"),
        maximum_age_years=vocabulary.age_years(high, is_maximum=True),
        maximum_age_raw=high or people.line("ageRange"),
        sex=vocabulary.sex(people.word("gender")),
        sex_raw=people.word("gender"),
        healthy_volunteers=_healthy(people),
        conditions=_conditions(trial),
        interventions=_interventions(trial, notes),
        outcomes=[
            *_outcomes(described, "primary", "PRIMARY", notes),
            *_outcomes(described, "secondary", "SECONDARY", notes),
        ],
        sponsors=_sponsors(full, trial),
        officials=_officials(full),
        contacts=_contacts(full, described),
        countries=countries(people.lines("recruitmentCountries/country")),
        locations=_locations(people),
        ipd_sharing={"yes": "YES", "no": "NO"}.get((trial.word("miscellaneous/ipdSharingPlan") or "").lower()),
        ipd_description=_paragraphs(results.text("ipdSharingStatement"), *results.lines("dataPolicies/dataPolicy")),
        references=cited,
        links=linked,
        has_results=True if _has_results(trial) else None,
        notes=notes,
    )


def _identifiers(trial: Tree, canonical: str | None) -> Identifiers:
    ids = Identifiers(canonical or trial.line("isrctn") or trial.line("_id"), "isrctn", "isrctn")
    refs = trial.one("externalRefs")
    ids.name(refs.line("clinicalTrialsGovNumber"), "clinicalTrialsGovNumber")
    ids.name(refs.line("eudraCTNumber"), "eudraCTNumber")
    ids.name(refs.line("irasNumber"), "irasNumber", type_raw="IRAS")
    ids.name(refs.line("protocolSerialNumber"), "protocolSerialNumber", role="organisation")
    for number in refs.each("secondaryNumbers/secondaryNumber"):
        type_raw = number.line("@numberType")
        role = "organisation" if (type_raw or "").lower() == "protocol serial number" else "secondary"
        ids.name(number.line(), "secondaryNumber", type_raw, role)
    ids.name_doi(refs.line("doi"), "doi")
    return ids


# --- status


def _day(date: PartialDate | None) -> str | None:
    return date.date if date else None


def _override(trial: Tree) -> str | None:
    """What the registry's staff set by hand; it wins over the dates."""
    return (
        trial.line("trialDesign/overallStatusOverride")
        or trial.line("participants/recruitmentStatusOverride")
        or trial.line("participants/recruitmentStartStatusOverride")
    )


def _status(trial: Tree, notes: Notes, as_of: str | None) -> vocabulary.Status | None:
    override = _override(trial)
    if override:
        return notes.status(override, "isrctn")
    if as_of is None:
        return None
    start, end, over = (
        vocabulary.parse_date(trial.line(path))
        for path in ("participants/recruitmentStart", "participants/recruitmentEnd", "trialDesign/overallEndDate")
    )
    found: vocabulary.Status | None = None
    if over and over < as_of:
        found = "COMPLETED"
    elif end and end < as_of:
        found = "ACTIVE_NOT_RECRUITING"
    elif start:
        found = "RECRUITING" if start <= as_of else "NOT_YET_RECRUITING"
    if found:
        notes.say("status", _DERIVED_STATUS, as_of)
    return found


# --- design


def _design(design: Tree) -> Design:
    """The newer record's own fields; then the word for the study type; then what the sentence says."""
    newer = design.one("interventionalTrialDesign")
    labelled = "; ".join(
        f"{label}: {word}"
        for label, path in (("Allocation", "allocation"), ("Masking", "masking"), ("Assignment", "assignment"))
        if (word := newer.line(path))
    )
    kind = design.line("secondaryStudyDesign")
    sentence = vocabulary.design(design.line("studyDesign"))
    found = vocabulary.design(labelled).filled(vocabulary.design(kind)).filled(sentence)
    if vocabulary.study_type(design.word("primaryStudyDesign")) != "OBSERVATIONAL":
        return found
    return found._replace(
        allocation=None,
        observational_model=found.observational_model or vocabulary.observational_model(kind),
        time_perspective=found.time_perspective or vocabulary.time_perspective((kind or "").removesuffix(" study")),
    )


def _control(design: Tree) -> str | None:
    control = design.line("interventionalTrialDesign/control")
    return f"Control: {control}" if control else None


_PURPOSES = ("interventionalTrialDesign/purposes/purpose", "trialTypes/trialType", "trialType")
"""From the newest records to the oldest."""


def _purpose(design: Tree, notes: Notes) -> tuple[str | None, vocabulary.Purpose | None]:
    """The words, and the one purpose that they name; `Quality of life` beside another adds nothing."""
    words = next(filter(None, map(design.lines, _PURPOSES)), [])
    raw = "; ".join(words) or None
    found = list(dict.fromkeys(one for word in words if (one := vocabulary.primary_purpose(word))))
    specific = [one for one in found if one != "OTHER"] or found
    if len(specific) > 1:
        notes.say("primary_purpose", _SEVERAL_PURPOSES, raw)
        return raw, None
    return raw, specific[0] if specific else None


def _joined(parts: list[Tree], path: str) -> str | None:
    return "; ".join(dict.fromkeys(word for part in parts if (word := part.word(path)))) or None


# --- population and content


def _age(limit: Tree) -> str | None:
    """`18 Years`, of the text or of the attributes."""
    text, value, unit = limit.line(), limit.line("@value"), limit.line("@unit")
    return text or (f"{value.removesuffix('.0')} {unit}" if value and unit else None)


def _healthy(people: Tree) -> bool | None:
    said = {"true": True, "yes": True, "false": False, "no": False}.get(
        (people.word("healthyVolunteersAllowed") or "").lower()
    )
    listed = people.lines("participantTypes/participantType") or people.lines("participantType")
    types = [word.lower() for word in listed]
    return True if said is None and "healthy volunteer" in types else said


def _conditions(trial: Tree) -> list[Condition]:
    """What the registrant wrote, then the registry's finer class; its coarse class is a keyword."""
    found: dict[str, Condition] = {}
    for path in ("description", "diseaseClass2"):
        for name in trial.lines(f"conditions/condition/{path}"):
            found.setdefault(name.lower(), Condition(name=name))
    return list(found.values())


_DRUG_SEPARATOR = re.compile(r"[;\n]|,\s+(?![^()]{0,200}\))")
_NUMBER = re.compile(r"^\s*\d{1,2}[.)]\s+")


_CURRENT = re.compile(r"\A(?:Current|Updated|Amended|Revised|New)\b[^\n]{0,120}:[ \t]*\n\s*", re.I)
_PREVIOUS = re.compile(
    r"^[ \t_]*(?:Previous|Original|Former)\b[^\n]{0,60}"
    r"\b(?:outcome|measure|criteria|hypothes[ie]s|interventions?|objectives?|aims?)\b[^\n]{0,60}:[ \t]*$",
    re.I | re.M,
)
_EARLIER = "an earlier version that stands in the same text is left out"


def _now(text: str | None, field: str, notes: Notes) -> str | None:
    """A text as it is now: when one is changed, the registry keeps the former one below the new one."""
    previous = _PREVIOUS.search(text or "")
    if text is None or previous is None or not text[: previous.start()].strip(" _\n"):
        return text
    notes.say(field, _EARLIER, text[previous.start() :][:1000])
    return _CURRENT.sub("", text[: previous.start()].strip(" _\n"), count=1)


def _interventions(trial: Tree, notes: Notes) -> list[Intervention]:
    found: list[Intervention] = []
    for one in trial.each("interventions/intervention"):
        type_raw, text = one.word("interventionType"), _now(one.text("description"), "interventions", notes)
        type = vocabulary.intervention_type(type_raw)
        names = [_NUMBER.sub("", piece).strip(" .") for piece in _DRUG_SEPARATOR.split(one.text("drugNames") or "")]
        for name in dict.fromkeys(filter(None, names)):
            found.append(Intervention(name=name, type=type, type_raw=type_raw, description=text))
        if text and not any(names):
            name, description = named_by_first_line(text)
            found.append(Intervention(name=name, type=type, type_raw=type_raw, description=description))
    return found


def _outcomes(described: Tree, which: str, type: OutcomeType, notes: Notes) -> list[Outcome]:
    """Newer records list what is measured, how and when; older ones have a text."""
    listed = [
        Outcome(type=type, measure=measure, description=one.text("method"), time_frame=one.line("timepoints"))
        for one in described.each(f"{which}Outcomes/outcomeMeasure")
        if (measure := one.text("variable"))
    ]
    return listed or outcomes(_now(described.text(f"{which}Outcome"), "outcomes", notes), type)


# --- people and places


def _named(full: Tree, kind: str, ids: list[str]) -> list[Tree]:
    """The parties of a kind in the order in which the trial names them; all of them where the ids do not match."""
    parties = full.each(kind)
    by_id = {id: party for party in parties if (id := party.line("@id"))}
    return [by_id[id] for id in ids if id in by_id] or parties


def _sponsors(full: Tree, trial: Tree) -> list[Sponsor]:
    found: list[Sponsor] = []
    for position, one in enumerate(_named(full, "sponsor", trial.lines("parties/sponsorId"))):
        type, status = one.line("sponsorType"), one.line("commercialStatus")
        role: SponsorRole = "COLLABORATOR" if position else "LEAD"
        is_told_by_type = vocabulary.sponsor_class(type) is not None and vocabulary.sponsor_class(status) != "INDUSTRY"
        found += sponsor(one.line("organisation"), role, type if is_told_by_type else status or type)
    for one in _named(full, "funder", trial.lines("parties/funderId")):
        found += sponsor(one.line("name"), "FUNDER")
    return distinct_sponsors(found)


def _person(contact: Tree) -> str | None:
    return " ".join(word for part in ("title", "forename", "surname") if (word := contact.line(part))) or None


def _officials(full: Tree) -> list[Official]:
    found = []
    for contact in full.each("contact"):
        types = {word.lower() for word in contact.lines("contactTypes/contactType")}
        name = _person(contact)
        if name and "principal investigator" in types:
            found.append(Official(name=name, role="PRINCIPAL_INVESTIGATOR"))
    return found


def _contacts(full: Tree, described: Tree) -> list[Contact]:
    found = [
        _contact(one, ", ".join(one.lines("contactTypes/contactType")).lower() or None, _person(one))
        for one in full.each("contact")
    ]
    found += [_contact(one, "sponsor", one.line("organisation")) for one in full.each("sponsor")]
    found += [
        _contact(one, "ethics", one.line("committeeName")) for one in described.each("ethicsCommittees/ethicsCommittee")
    ]
    return [one for one in found if one.email or one.phone or one.address]


def _contact(party: Tree, type: str | None, name: str | None) -> Contact:
    details = party.one("contactDetails")
    address = ", ".join(line for part in ("address", "city", "state", "zip", "country") if (line := details.line(part)))
    return Contact(
        type=type, name=name, address=address or None, email=details.line("email"), phone=details.line("telephone")
    )


def _locations(people: Tree) -> list[Location]:
    found = [
        Location(
            facility=one.line("name"),
            city=one.line("city"),
            state=one.line("state"),
            postal_code=one.line("zip"),
            country=vocabulary.country(one.line("country")) or one.line("country"),
        )
        for one in people.each("trialCentres/trialCentre")
    ]
    return [one for one in found if one != Location()]


# --- what came of it

_POSTED = ("basicresults", "plainenglishresults")


def _kind(output: Tree) -> str:
    return re.sub(r"[\W_]+", "", output.line("@outputType") or "").lower()


def _has_results(trial: Tree) -> bool:
    results = trial.one("results")
    reports = results.text("basicReport") or results.text("plainEnglishReport")
    return bool(reports) or any(_kind(output) in _POSTED for output in trial.each("outputs/output"))


def _results_posted(trial: Tree) -> str | None:
    dates = [
        day
        for output in trial.each("outputs/output")
        if _kind(output) in _POSTED and (day := output.line("@dateUploaded") or output.line("@dateCreated"))
    ]
    return min(dates, default=None)


def _publications(trial: Tree) -> tuple[list[Reference], list[Link]]:
    results = trial.one("results")
    websites = URL.findall(trial.text("trialDescription/trialWebsite") or "")
    linked = [Link(url=url, label="trial website") for url in websites]
    cited: list[Reference] = []
    for output in trial.each("outputs/output"):
        kind, label = _kind(output), output.line("description") or output.line("@outputType")
        url = output.line("externalLink/@url") or output.line("externalLink")
        file = output.line("localFile/@downloadFilename") or output.line("localFile/@originalFilename")
        type: ReferenceType | None = "RESULT" if "result" in kind and "article" in kind else None
        cited += references(url, type)
        if url or file:
            linked.append(Link(url=url or file, label=label))
    text = results.text("publicationDetails")
    linked += [Link(url=url.rstrip(".)"), label="publication") for url in URL.findall(text or "")]
    for line in (text or "").split("\n"):
        type = "RESULT" if "result" in line.lower() else None
        cited += references(line, type, citation=line.strip())
    for file_ in trial.each("attachedFiles/attachedFile"):
        url = file_.line("@downloadUrl") or file_.line("name")
        if url:
            linked.append(Link(url=url, label=file_.line("description")))
    return distinct_references(cited), links(linked)


def _paragraphs(*texts: str | None) -> str | None:
    return "\n".join(dict.fromkeys(filter(None, texts))) or None


# --- formats

_DOCUMENT = re.compile(rb"<(?:(\w{1,20}):)?(allTrials|fullTrial|trial)(?=[\s>/])")
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_NAMESPACE = b"http://www.67bricks.com/isrctn"


def _is_xml(head: bytes) -> bool:
    found = _DOCUMENT.search(_COMMENT.sub(b"", head[:4000]))
    return found is not None and (_NAMESPACE in head or (b"<isrctn" in head and b"<trialDescription" in head))


_DATED_NAME = re.compile(r"isrctn-(\d{4}-\d\d-\d\d)-\d+\.xml(?:\.gz)?")
"""Files that were fetched: the answers of the interface do not say when they were given."""
_LAST_UPDATED = re.compile(rb"\slastUpdated=[\"'](\d{4}-\d\d-\d\d)T")
_LOOKED_THROUGH = 2**24


def _read_xml(stream: BinaryIO, name: str) -> Iterator[Record | Reject]:
    head, stream = peek(stream, _LOOKED_THROUGH)
    found = _DOCUMENT.search(_COMMENT.sub(b"", head[:4000]))
    prefix = found[1] + b":" if found and found[1] else b""
    tag = "fullTrial" if b"fullTrial" in head[:65_536] else "trial"
    dated = _DATED_NAME.fullmatch(PurePosixPath(name).name)
    not_before = max(_LAST_UPDATED.findall(head), default=b"").decode()  # a copy is no older than what is in it
    to_record = partial(_xml_record, prefix=prefix, copied=dated[1] if dated else None, not_before=not_before)
    return each(xml_elements(as_utf8(stream, head), (prefix.decode() + tag,)), to_record)


def _xml_record(entry: Entry, prefix: bytes, copied: str | None, not_before: str) -> Record:
    data = entry.data
    if prefix:  # it was declared on an element that is cut off
        data = data.replace(b"</" + prefix, b"</").replace(b"<" + prefix, b"<")
    full = xml_tree(parse_xml(data))
    return _record(full, full.one("trial") or full, copied, not_before)


def _is_ctrdata_json(head: bytes) -> bool:
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"[", b"{") and (
        re.search(rb'"trialDescription"\s*:\s*\{', head) is not None and b'"isrctn"' in head
    )


def _read_ctrdata_json(stream: BinaryIO) -> Iterator[Record | Reject]:
    return each(json_values(stream), _json_record)


def _json_record(entry: Entry) -> Record:
    trial = json_tree(entry.data)
    return _record(trial, trial, trial.line("record_last_import"))


# --- fetching

_API = "https://www.isrctn.com/api/query/format/default"
_HOST = "www.isrctn.com"
_AT_ONCE = 500
"""Trials that are asked for in one answer: some 10 MB. The interface has no pages, so a search is cut by the time of
the last change until no part has more."""
_LIMIT = 5_000
"""What is said to the interface, which gives ten trials otherwise; more than `_AT_ONCE`, should some be added."""
_EVERYTHING = "lastEdited GE 1900-01-01T00:00:00"
_FIRST_CHANGE = datetime(2000, 1, 1)
_TRIAL_PAGE = re.compile(r"/(ISRCTN\d{8})/?", re.I)
_HOW_SHOWN = {"page", "pageSize", "sort", "searchType", "totalResults", "limit"}
_FILTER = re.compile(r"(?:^|,)\s*(?:(GT|GE|LT|LE)[ +])?(\w+):(.*?)(?=$|,\s*(?:(?:GT|GE|LT|LE)[ +])?\w+:)", re.S)
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_TOTAL = re.compile(rb"<allTrials[^>]{0,500}?totalCount=[\"'](\d{1,9})[\"']")
_Window = tuple[str | None, str | None]


def _fetch(session: Session, wanted: Wanted) -> None:
    """Parts of a search by the time of the last change, from the oldest on.

    A trial that is changed meanwhile moves to the last part, which has no end: it may come twice, and is never missed.
    """
    query = _query(wanted)
    windows = session.recall("windows")
    if windows is None:
        since = wanted.since.isoformat() + "T00:00:00" if wanted.since else None
        total, windows = _plan(session, query, since)
        session.remember("total", total)
        session.remember("windows", windows)
    total = int(session.recall("total"))
    session.expect(total, "trials")
    there = 0
    for number, (low, high) in enumerate(windows, start=1):
        name = f"isrctn-{session.log.started[:10]}-{number:05d}.xml"  # the answer does not say when it was given
        parameters: dict[str, str | int] = {"q": _within(query, low, high), "limit": _LIMIT}
        data = session.kept(name) or session.read(_API, params=parameters, kind="xml", check=_cut)
        trials = data.count(b"<fullTrial")
        there += trials
        if trials:
            if not session.has(name):
                session.keep(name, data, _API, params=parameters)
            session.count(name, trials)
    if there < total:
        session.lacks(f"{total - there:,} of {total:,} trials, which no part of the time has")


def _plan(session: Session, query: str, since: str | None) -> tuple[int, list[_Window]]:
    """How many trials there are, and parts of the time that have few enough of them, in order."""
    begun = datetime.fromisoformat(session.log.started).replace(tzinfo=None, microsecond=0)
    total = _number_of(session, query, since, None)
    waiting: list[tuple[int, str | None, str | None]] = [(total, since, None)]
    found: list[_Window] = []
    while waiting:
        count, low, high = waiting.pop()
        first = datetime.fromisoformat(low) if low else _FIRST_CHANGE
        middle = first + ((datetime.fromisoformat(high) if high else begun) - first) / 2
        cut = middle.replace(microsecond=0).isoformat()
        if not count and high:
            continue  # what is changed now moves to the part without an end
        if count <= _AT_ONCE or not (low or first.isoformat()) < cut < (high or "9999"):
            found.append((low, high))
            continue
        later, earlier = _number_of(session, query, cut, high), _number_of(session, query, low, cut)
        if min(later, earlier) >= count:
            raise FetchFailed(
                f"{_API} gives the same trials for any time of the last change; a search of more than "
                f"{_AT_ONCE} cannot be fetched so."
            )
        waiting += [(later, cut, high), (earlier, low, cut)]
    return total, found


def _number_of(session: Session, query: str, low: str | None, high: str | None) -> int:
    answer = session.read(_API, params={"q": _within(query, low, high), "limit": 1}, kind="xml", check=_untold)
    total = _TOTAL.search(answer[:4000])
    return int(total[1]) if total else 0


def _untold(answer: bytes) -> str | None:
    return None if _TOTAL.search(answer[:4000]) else "the answer does not say how many trials there are"


def _cut(answer: bytes) -> str | None:
    """Whether an answer has fewer trials than it says there are."""
    total, there = _TOTAL.search(answer[:4000]), answer.count(b"<fullTrial")
    if total is None:
        return _untold(answer)
    return f"the answer has {there} of {int(total[1])} trials" if there < int(total[1]) else None


def _within(query: str, low: str | None, high: str | None) -> str:
    """The query for a part of the time; a day without its hour would be ignored by the interface."""
    parts = [query] if query != _EVERYTHING or not (low or high) else []
    parts += [f"lastEdited GE {low}"] if low else []
    parts += [f"lastEdited LT {high}"] if high else []
    return " AND ".join(f"({part})" if part is query and len(parts) > 1 else part for part in parts)


def _query(wanted: Wanted) -> str:
    """The query of the interface for what the user typed or pasted; raises UserError for other addresses."""
    address = wanted.address
    if address is None:
        return wanted.query.strip() or _EVERYTHING
    if address.hostname not in ("isrctn.com", _HOST):
        raise UserError(f"{wanted.query} is no page of ISRCTN. Give words, or the address of a search there.")
    trial = _TRIAL_PAGE.fullmatch(address.path)
    if trial:
        return trial[1].upper()
    given = wanted.parameters
    unknown = given.keys() - {"q", "filters"} - _HOW_SHOWN
    if unknown or address.path.rstrip("/") not in ("/search", "/api/query/format/default", "/api/query/format/who"):
        raise UserError(f"{wanted.query} is no search of ISRCTN that can be fetched. Give its words instead.")
    by_field: dict[str, list[str]] = {}
    for comparison, field, text in _FILTER.findall(given.get("filters", "")):
        value = f"{text.strip()}T00:00:00" if _DAY.fullmatch(text.strip()) else text.strip()
        quoted = value.replace('"', "")
        term = f"{field} {comparison} {value}" if comparison else f'{field}:"{quoted}"'
        by_field.setdefault(f"{field} {comparison}", []).append(term)
    filters = [" OR ".join(terms) for terms in by_field.values()]  # the site takes any of several values of a field
    parts = [part for part in (given.get("q", "").strip(), *filters) if part]
    return " AND ".join(f"({part})" for part in parts) if len(parts) > 1 else next(iter(parts), _EVERYTHING)


SOURCE = Source(
    name="isrctn",
    title="ISRCTN registry",
    home_page="https://www.isrctn.com/",
    licence="CC BY 4.0",
    is_open=True,
    registers=("isrctn",),
    obtain=(
        "Fetch it; or query https://www.isrctn.com/api/query/format/default?q=...&limit=... for XML (the words of a "
        "search on the web site work as q); or load trials with the R package ctrdata and export them as JSON."
    ),
    formats=(
        Format(
            "api-xml",
            "Answer of the query interface, or one trial of it (fullTrial)",
            _is_xml,
            _read_xml,
            uses_name=True,
        ),
        Format("ctrdata-json", "Trials as the R package ctrdata stores them", _is_ctrdata_json, _read_ctrdata_json),
    ),
    fetch=Fetch(
        run=_fetch,
        hosts=(_HOST,),
        requests_per_minute=30,
        terms=(
            "ISRCTN offers its interface to everyone; the records are CC BY 4.0 "
            "(https://www.isrctn.com/page/faqs#using-the-data)."
        ),
        queries=(
            '--query takes the words and fields of the registry\'s search (condition:asthma AND phase:"Phase III"), '
            "ISRCTN numbers, or the address of a search or trial on the site; --since goes by the last change."
        ),
    ),
)
