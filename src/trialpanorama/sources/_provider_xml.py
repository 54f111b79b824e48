"""WHO's data-provider XML: what registries upload to ICTRP, and what several of them give to anybody.

A `trial` (ChiCTR writes `Triall`) has the leaves of WHO's data set under `main`, `criteria` and list elements, and
groups of leaves for contacts, secondary ids and ethics reviews. The registries differ in the order of day and month,
in the dialect of their lists (`_dialects`), and in what goes wrong on the way: see the tests.

A file belongs to the register of the first id in it. A record keeps its own register, whatever file it stands in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from functools import lru_cache, partial
from typing import BinaryIO

from lxml import etree

from trialpanorama import identifiers, vocabulary
from trialpanorama.errors import Unreadable
from trialpanorama.record import (
    Arm,
    Contact,
    Identifier,
    Intervention,
    Link,
    Outcome,
    PartialDate,
    Record,
    Reject,
)
from trialpanorama.sources import Format
from trialpanorama.sources import _dialects as dialects
from trialpanorama.sources._native import Notes, listed_ids
from trialpanorama.sources._reading import Entry, as_utf8, each, fold, from_html, parse_xml, peek, xml_elements
from trialpanorama.vocabulary import OutcomeType, is_placeholder

_TAGS = ("trial", "Triall", "Trial")
_ROWS = ("contact", "secondary_id", "ethics_review")
_MARKUP = frozenset(
    ("p", "br", "div", "span", "ul", "ol", "li", "b", "i", "u", "em", "strong", "sub", "sup", "font", "a")
)
"""What may stand inside a text where a registry does not escape it."""

_CUT_OFF = "may be cut off: it ends where a registry's upload ends its texts"
_NOT_A_STATUS = "a fault of the registry's export wrote this word where the status should be"
_CUT_TEXTS = {
    "public_title": ("public_title", 0),
    "scientific_title": ("scientific_title", 0),
    "hc_freetext": ("conditions", 3000),
    "i_freetext": ("interventions", 3000),
    "inclusion_criteria": ("inclusion_criteria", 4000),
    "exclusion_criteria": ("exclusion_criteria", 4000),
    "prim_outcome": ("outcomes", 8000),
    "sec_outcome": ("outcomes", 8000),
}
"""The texts that are cut off in the uploads of registries, and after how many characters, where that is known."""
_NO_RESULTS_DATE = ("cris", "rpcec")
"""CRIS writes the date of registration where that of results should be, RPCEC a plan."""
_ETHICS_NUMBERS = (
    ("CAAE", re.compile(r"\d{8}\.\d\.\d{4}\.\d{4}")),
    ("CEP", re.compile(r"\d\.\d{3}\.\d{3}")),
)
"""Numbers that Brazil's ethics committees give; they stand among the secondary ids of ReBEC."""
_CODE = re.compile(r"[A-Z]\d{2}(?:\.\d+)*|[\d.]+", re.I)
_WINDOWS_CHARACTERS = {
    code: bytes([code]).decode("cp1252", "ignore") or None for code in range(0x80, 0xA0)
}  # what says ISO-8859-1 (TCTR) is Windows-1252 wherever the two differ
_SCRIPTS = (
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("zh", re.compile("[\u4e00-\u9fff]")),
    ("ko", re.compile("[\uac00-\ud7a3]")),
    ("fa", re.compile("[\u0600-\u06ff]")),
    ("th", re.compile("[\u0e00-\u0e7f]")),
)
_LATIN = re.compile("[A-Za-z\u00c0-\u024f]")


class _Trial:
    """The leaves of one trial by name, its groups as rows, and the Notes that reading it gives."""

    def __init__(self, root: etree._Element) -> None:
        self.notes = Notes()
        self.register: str | None = None
        self._leaves: dict[str, list[str]] = {}
        self._rows: dict[str, list[dict[str, str]]] = {name: [] for name in _ROWS}
        for element in root.iter(etree.Element):
            name = _name(element)
            if name in _ROWS:
                self._rows[name].append({_name(child): _text_of(child) for child in element})
            elif name not in _MARKUP and all(_name(child) in _MARKUP for child in element):
                parent = element.getparent()
                if parent is None or _name(parent) not in _ROWS:
                    self._leaves.setdefault(name, []).append(_text_of(element))
        for name, (field, most) in _CUT_TEXTS.items():
            for raw in map(str.strip, self._leaves.get(name, [])):
                if raw.endswith(("...", "\u2026")) or most - 3 <= len(raw) <= most > 0:
                    self.notes.say(field, _CUT_OFF, raw[-40:])

    def texts(self, name: str) -> list[str]:
        """Every text that the trial has under this name."""
        return [text for raw in self._leaves.get(name, []) if (text := _cleaned(raw))]

    def text(self, name: str) -> str | None:
        """The first text under this name, in English where there are several."""
        found = self.texts(name)
        return next((text for text in found if _language(text) is None), next(iter(found), None))

    def line(self, name: str) -> str | None:
        """The same as one line."""
        return fold(self.text(name))

    def said(self, name: str) -> str | None:
        """The same, but nothing where the text only stands where a value would be."""
        text = self.text(name)
        return None if is_placeholder(text) else text

    def lines(self, *names: str) -> list[str]:
        """The texts under these names, each as one line; placeholders and empty members of lists are left out."""
        texts = [text for name in names for text in self.texts(name)]
        return [line for text in texts if (line := fold(text.strip(" ;"))) and not is_placeholder(line)]

    def rows(self, name: str) -> Iterator[dict[str, str]]:
        """The groups of this name, as lines by the names of their leaves."""
        for row in self._rows[name]:
            yield {
                leaf: line for leaf, raw in row.items() if (line := fold(_cleaned(raw))) and not is_placeholder(line)
            }

    def date(self, name: str, field: str, type: vocabulary.DateType | None = None) -> PartialDate | None:
        raw = self.line(name)
        if raw is None or is_placeholder(raw) or dialects.MISSING_DATE.search(raw):
            return None
        order = vocabulary.date_order(self.register) if self.register else "dmy"
        converted = _from_other_calendar(raw, self.register)
        found = self.notes.date(converted or raw, field, type, order)
        if converted and found:
            found.raw = raw
            self.notes.say(field, _CONVERTED, raw)
        return found


def _name(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2].lower()


def _text_of(element: etree._Element) -> str:
    """The text of a leaf; markup inside it stays markup, for the text is read as HTML."""
    if not len(element):
        return element.text or ""
    return (element.text or "") + "".join(etree.tostring(child, encoding="unicode") for child in element)


_DATE = re.compile(r"(\d{1,4})[-/.](\d{1,2})[-/.](\d{1,4})")
_CONVERTED = "was written in the calendar of the registry's country"


def _from_other_calendar(raw: str, register: str | None) -> str | None:
    """An Iranian date of the solar calendar (1398/03/10), or a Thai one of the Buddhist era (31/05/2562), in ours."""
    match = _DATE.fullmatch(raw)
    if match is None or register not in ("irct", "tctr"):
        return None
    year, month, day = map(int, match.groups() if len(match[1]) == 4 else reversed(match.groups()))
    if register == "tctr" and 2500 <= year < 2600:
        return f"{year - 543}-{month:02}-{day:02}"
    if register == "irct" and 1370 <= year < 1450 and 1 <= month <= 12 and 1 <= day <= 31:
        before = (month - 1) * 31 if month < 7 else (month - 7) * 30 + 186
        year += 1595  # from a beginning of the calendar's leap years, eight in 33 years
        days = 365 * year + year // 33 * 8 + (year % 33 + 3) // 4 + before + day
        return date.fromordinal(days - _DAYS_BEFORE_OURS).isoformat()
    return None


_DAYS_BEFORE_OURS = 356_033


def _cleaned(raw: str) -> str | None:
    text = from_html(raw)
    return dialects.unscrambled(text).translate(_WINDOWS_CHARACTERS) if text and not text.isascii() else text


def _language(text: str | None) -> str | None:
    """The language of a text that is mostly in another script than the Latin one."""
    if not text or text.isascii():
        return None
    latin = len(_LATIN.findall(text))
    return next((language for language, script in _SCRIPTS if len(script.findall(text)) > latin), None)


# --- trials into Records


def _to_record(entry: Entry) -> Record:
    trial = _Trial(parse_xml(entry.data))
    named = _identifiers(trial)
    register = trial.register
    status_raw, phase_raw = trial.line("recruitment_status"), trial.line("phase")
    design_raw = trial.said("study_design")
    design = vocabulary.design(design_raw)
    conditions, keywords = dialects.conditions(
        trial.text("hc_freetext"), register, _listed(trial.lines("hc_keyword", "hc_code"))
    )
    interventions, arms = _interventions(trial)
    has_results = _has_results(trial)
    why_stopped, public_title = dialects.called_off(fold(trial.said("public_title")), register)
    if why_stopped:
        trial.notes.say("status", dialects.FROM_TITLE, why_stopped)
    links, references = dialects.links(
        trial.text("results_url_link"), trial.text("results_url_protocol"), trial.text("results_summary")
    )
    record = Record(
        register=register,
        id=named[0].id,
        url=_url(trial, named[0].id),
        identifiers=named,
        public_title=public_title,
        scientific_title=fold(trial.said("scientific_title")),
        acronym=fold(trial.said("acronym")) or fold(trial.said("scientific_acronym")),
        detailed_description=dialects.objectives(trial.text("prim_outcome"), register),
        keywords=[*dict.fromkeys([*keywords, *_words(trial.lines("i_keyword"))])],
        status="WITHDRAWN" if why_stopped else _status(trial, status_raw),
        status_raw=status_raw,
        why_stopped=why_stopped,
        registration_date=trial.date("date_registration", "registration_date"),
        start_date=trial.date("date_enrolment", "start_date", vocabulary.date_type(trial.line("type_enrolment"))),
        completion_date=trial.date("results_date_completed", "completion_date"),
        results_posted_date=_results_posted_date(trial, has_results),
        study_type=vocabulary.study_type(trial.line("study_type")),
        study_type_raw=trial.line("study_type"),
        phases=_phases(trial, phase_raw),
        phase_raw=phase_raw,
        study_design_raw=design_raw,
        allocation=design.allocation,
        intervention_model=design.intervention_model,
        observational_model=design.observational_model,
        time_perspective=design.time_perspective,
        masking=design.masking,
        is_masked=design.is_masked,
        masked_roles=list(design.masked_roles),
        primary_purpose=design.primary_purpose,
        number_of_arms=len(arms) or None,
        enrollment_actual=_actual_size(trial),
        inclusion_criteria=trial.said("inclusion_criteria"),
        exclusion_criteria=trial.said("exclusion_criteria"),
        minimum_age_raw=trial.line("agemin"),
        minimum_age_years=vocabulary.age_years(trial.line("agemin")),
        maximum_age_raw=trial.line("agemax"),
        maximum_age_years=vocabulary.age_years(trial.line("agemax"), is_maximum=True),
        sex=vocabulary.sex(trial.line("gender")),
        sex_raw=trial.line("gender"),
        conditions=conditions,
        interventions=interventions,
        arms=arms,
        outcomes=_outcomes(trial),
        sponsors=dialects.sponsors(
            trial.line("primary_sponsor"),
            _listed(trial.lines("sponsor_name")),
            _listed(trial.lines("source_name")),
        ),
        contacts=_contacts(trial),
        countries=dialects.countries("\n".join(trial.lines("country2")), register),
        ipd_sharing=dialects.ipd_sharing(trial.line("results_ipd_plan")),
        ipd_description=trial.said("results_ipd_description"),
        references=references,
        links=[*links, *_further_links(trial)],
        has_results=has_results,
        results=dialects.results(*map(trial.said, _RESULT_TEXTS)),
    )
    size_raw = fold(trial.said("target_size"))
    record.enrollment_target = trial.notes.enrollment(size_raw, "enrollment_target")
    record.enrollment_raw = size_raw if str(record.enrollment_target) != size_raw else None
    record.language = _language(record.public_title) or _language(record.scientific_title)
    record.notes = [*trial.notes]
    return record


def _identifiers(trial: _Trial) -> list[Identifier]:
    """The identifiers, the trial's own first; tells the trial its register."""
    raw = trial.line("trial_id") or ""
    own = identifiers.normalise(raw)
    is_other_number = own is not None and not identifiers.REGISTERS[own.register].is_trial_register
    if is_other_number or (own is None and not dialects.POSSIBLE_ID.fullmatch(raw)):
        raise Unreadable("missing_identifier", f"{raw[:60]!r} is no registry number" if raw else "there is no trial_id")
    trial.register = own.register if own else None
    id = own.id if own else raw
    named = {id.lower(): Identifier(id, trial.register, "primary", raw=raw if raw != id else None, field="trial_id")}
    given: list[tuple[str, str, str | None]] = [("utrn", trial.line("utrn") or "", None)]
    given += [("sec_id", row.get("sec_id", ""), row.get("issuing_authority")) for row in trial.rows("secondary_id")]
    for field, text, issuer in given:
        for raw, numbers in listed_ids(text):
            kind = ethics_number(raw)
            found: list[tuple[str, str | None]] = [(one.id, one.register) for one in numbers]
            for id, register in [(raw, None)] if kind or not found else found:
                other = raw if raw != id else None
                named.setdefault(id.lower(), Identifier(id, register, "secondary", other, kind, issuer, field))
    return [*named.values()]


def ethics_number(text: str | None) -> str | None:
    """Of which kind the number of a Brazilian ethics committee is; None if it is none."""
    return next((kind for kind, pattern in _ETHICS_NUMBERS if pattern.fullmatch(text or "")), None)


def _url(trial: _Trial, id: str) -> str | None:
    found = dialects.URL.search(trial.line("url") or "")
    return found[0] if found else identifiers.url(id)


def _status(trial: _Trial, raw: str | None) -> vocabulary.Status | None:
    if raw == "Array":
        trial.notes.say("status", _NOT_A_STATUS, raw)
        return "UNKNOWN"
    return trial.notes.status(raw, trial.register or "")


def _phases(trial: _Trial, raw: str | None) -> list[vocabulary.Phase]:
    found = dialects.phases(raw, trial.register, vocabulary.study_type(trial.line("study_type")))
    if raw == "0" and trial.register in ("chictr", "itmctr") and found != ["NA"]:
        trial.notes.say("phases", dialects.DOUBTFUL_PHASE, raw)
    return found


def _actual_size(trial: _Trial) -> int | None:
    """Only a number counts: PACTR writes a date here, and CTRI 0 where there is none."""
    raw = trial.line("results_actual_enrolment") or trial.line("results_actual_enrollment") or ""
    size = int(raw) if raw.isascii() and raw.isdecimal() and len(raw) <= 8 else None
    return None if size == 0 and trial.register == "ctri" else size


def _listed(texts: Iterable[str]) -> list[str]:
    """The members of lists that are joined by `;`, and may be given as one text or as several."""
    return [piece for text in texts for part in text.split(";") if (piece := part.strip())]


def _words(texts: Iterable[str]) -> list[str]:
    return [piece for piece in _listed(texts) if not _CODE.fullmatch(piece) and not is_placeholder(piece)]


def _interventions(trial: _Trial) -> tuple[list[Intervention], list[Arm]]:
    found, arms = dialects.interventions(trial.text("i_freetext"), trial.register)
    codes = _listed(trial.lines("i_code"))
    kinds = [vocabulary.intervention_type(code) for code in codes]
    if not found:  # PACTR names them in the fields for keywords and codes
        named = [word for word in dict.fromkeys(_words([*trial.lines("i_keyword"), *codes])) if word]
        return [Intervention(name=name) for name in named if vocabulary.intervention_type(name) is None], arms
    if len(set(codes)) == len(found) == 1:
        codes, kinds = codes[:1], kinds[:1]
    if len(kinds) == len(found):
        for one, kind, code in zip(found, kinds, codes, strict=True):
            if kind and one.type is None:
                one.type, one.type_raw = kind, code
    return found, arms


def _outcomes(trial: _Trial) -> list[Outcome]:
    types: tuple[tuple[OutcomeType, str], ...] = (("PRIMARY", "prim_outcome"), ("SECONDARY", "sec_outcome"))
    found: dict[tuple[str, str, str | None], Outcome] = {}
    for type, name in types:
        for text in trial.texts(name):
            for one in dialects.outcomes(text, type, trial.register):
                found.setdefault((type, one.measure, one.time_frame), one)
    return list(found.values())


def _contacts(trial: _Trial) -> list[Contact]:
    contacts = []
    for row in trial.rows("contact"):
        kind = (row.get("type") or "").lower() or None
        name = " ".join(row[part] for part in ("firstname", "middlename", "lastname") if part in row)
        address = ", ".join(row[part] for part in ("address", "city", "zip", "country1") if part in row)
        said = Contact(
            type=kind,
            name=name or None,
            affiliation=row.get("affiliation"),
            address=address or None,
            email=row.get("email"),
            phone=row.get("telephone"),
        )
        if any((said.name, said.affiliation, said.address, said.email, said.phone)):
            contacts.append(said)
    for row in trial.rows("ethics_review"):
        parts = [row.get(f"contact_{part}") for part in ("name", "address", "email", "phone")]
        if any(parts):
            contacts.append(Contact("ethics", name=parts[0], address=parts[1], email=parts[2], phone=parts[3]))
    return contacts


# --- results

_RESULT_TEXTS = {
    "results_summary": "summary of results",
    "results_baseline_char": "baseline characteristics",
    "results_participant_flow": "participant flow",
    "results_adverse_events": "adverse events",
    "results_outcome_measures": "outcome measures",
}


def _has_results(trial: _Trial) -> bool | None:
    said = {"yes": True, "no": False}.get((trial.line("results_yes_no") or "").lower())
    is_there = any(trial.said(name) for name in (*_RESULT_TEXTS, "results_url_link"))
    return said if said is not None else is_there or None


def _results_posted_date(trial: _Trial, has_results: bool | None) -> PartialDate | None:
    if has_results and trial.register not in _NO_RESULTS_DATE:
        return trial.date("results_date_posted", "results_posted_date")
    raw = trial.line("results_date_posted")
    if raw is None or is_placeholder(raw) or dialects.MISSING_DATE.search(raw):
        return None
    trial.notes.say("results_posted_date", dialects.DOUBTFUL_POSTED, raw)
    return PartialDate(raw=raw)


def _further_links(trial: _Trial) -> list[Link]:
    return [
        Link(url=url, label=label)
        for name, label in _RESULT_TEXTS.items()
        for url in dict.fromkeys(dialects.URL.findall(trial.line(name) or ""))
    ]


# --- formats

_IS_PROVIDER_XML = re.compile(r"<triall?(?:\s[^<>]{0,200})?>(?:(?!</trial).){0,400}?<main[\s>]", re.I | re.S)
_ID = re.compile(
    r"<trial_id(?:\s[^<>]{0,200})?>\s*(?:<!\[CDATA\[)?\s*([^<>\[\]]{1,60}?)\s*(?:\]\]>)?\s*</trial_id", re.I
)
_REGISTER_NAME = re.compile(
    r"<reg_name(?:\s[^<>]{0,200})?>\s*(?:<!\[CDATA\[)?\s*([^<>\[\]]{1,80}?)\s*(?:\]\]>)?\s*</reg_name", re.I
)
_REGISTER_OF_NAME = {
    **{name.lower(): one.name for one in reversed(identifiers.REGISTERS.values()) for name in one.ictrp_names},
    **{name.lower(): one.name for one in identifiers.REGISTERS.values() for name in (one.name, one.title)},
    "jprn": "jrct",
    "rpec": "repec",
}
NATIVE = frozenset(
    {"chictr", "itmctr", "cris", "irct", "rebec", "repec", "rpcec", "tctr", "ctri", "jrct", "japiccti", "jma"}
    | {"pactr", "slctr", "lbctr", "nl_omon"}
)
"""The registers whose own sources read this format; such files of any other register are read by `ictrp`."""


@lru_cache(2)
def _register_of_file(head: bytes) -> str | None:
    """The register of the first id that is known, else of the first name; "" for another's, None if it is none."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = head.decode("utf-16", "ignore")
    elif b"<main" in head or b"<MAIN" in head or b"<Main" in head:
        text = head.decode("utf-8", "replace")
    else:
        return None
    if (not _ID.search(text) and not _REGISTER_NAME.search(text)) or not _IS_PROVIDER_XML.search(text):
        return None
    for match in _ID.finditer(text):
        found = identifiers.normalise(match[1])
        if found and identifiers.REGISTERS[found.register].is_trial_register:
            return found.register
    return next((_REGISTER_OF_NAME.get(name[1].lower(), "") for name in _REGISTER_NAME.finditer(text)), "")


def _is_file_of(registers: frozenset[str], head: bytes) -> bool:
    return _register_of_file(head) in registers


def _is_other_file(head: bytes) -> bool:
    register = _register_of_file(head)
    return register is not None and register not in NATIVE


def _read(stream: BinaryIO) -> Iterator[Record | Reject]:
    head, stream = peek(stream, 1024)
    return each(xml_elements(as_utf8(stream, head), _TAGS), _to_record)


def provider_xml(*registers: str) -> Format:
    """The format for files of these registers; without any, for files of registers that have no source for it."""
    return Format(
        "provider-xml",
        "XML that a registry uploads to WHO, one or many trials a file",
        partial(_is_file_of, frozenset(registers)) if registers else _is_other_file,
        _read,
    )
