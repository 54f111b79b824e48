"""EU Clinical Trials Register (EudraCT): protocols as the register's text, posted results as its XML, both as JSON.

The full-text download has one record for each country that a trial was applied for in: the same trial stands there up
to thirty times, with statuses of its own. A line is `CODE label: value`, the value goes on until the next known line,
and nothing escapes what a value holds, so that only the register's own codes with its own labels begin a line. Results
are posted once for the whole trial. The R package ctrdata keeps both, joined, under names made from code and label.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import parse_qs

from trialpanorama import identifiers, vocabulary
from trialpanorama.errors import Refused, Unreadable, UserError
from trialpanorama.fetching import Fetch, page_title
from trialpanorama.record import (
    Arm,
    Condition,
    Contact,
    Intervention,
    Outcome,
    PartialDate,
    Record,
    Reference,
    Reject,
    Sponsor,
)
from trialpanorama.sources import Format, Source
from trialpanorama.sources._eu import (
    COUNTRY_CODES,
    EUTCT_COUNTRIES,
    REGISTERED_TYPE,
    SCOPES,
    Band,
    ages,
    arm_type,
    mesh_term,
    patience,
    plain,
    purpose,
    refuse_others,
)
from trialpanorama.sources._euctr_results import arms as arms_of_results
from trialpanorama.sources._euctr_results import enumerated, line, results, text
from trialpanorama.sources._native import (
    Identifiers,
    Notes,
    Tree,
    countries,
    distinct_sponsors,
    json_tree,
    sponsor,
    xml_tree,
)
from trialpanorama.sources._reading import (
    MAX_ENTRY_BYTES,
    Entry,
    as_utf8,
    begun_entries,
    each,
    fold,
    json_values,
    parse_xml,
    peek,
    reject,
    text_lines,
    whole,
)
from trialpanorama.vocabulary import Allocation, InterventionType, MaskedRole, Masking, Status

if TYPE_CHECKING:
    from trialpanorama.fetching import Session, Wanted

_ROLES_AS_ARMS = "the roles of the products: the register names no arms"
_START_IS_DECISION = "the date of authorisation stands where the start should"
_SEVERAL_PURPOSES = "the scope of the trial names several purposes"
_UNKNOWN_COUNTRY = "an EUTCT id that is not known here"

# --- the protocol: answers by the code of their question

_LABELS = """
A.1 Member State|A.2 EudraCT|A.3 Full title|A.3.1 Title of the trial|A.3.2 Name or abbreviated|A.4.1 Sponsor|
A.5.1 ISRCTN|A.5.2 US NCT|A.5.3 WHO Universal|A.5.4 Other Identifiers|A.7 Trial is part|A.8 EMA Decision|
B.1.1 Name of Sponsor|B.1.3.4 Country|B.3.1 Status|B.4 Source|B.4.1 Name of organisation|B.4.2 Country|
B.5 Contact point|B.5.1 Name of organisation|B.5.2 Functional|B.5.3 Address|B.5.3.1 Street|B.5.3.2 Town|
B.5.3.3 Post code|B.5.3.4 Country|B.5.4 Telephone|B.5.5 Fax|B.5.6 E-mail|
D.1.2 IMP Role|D.2 Status of the IMP|D.2.1 IMP to be used|D.2.1.1.1 Trade name|D.2.1.1.2 Name of the Marketing|
D.2.1.2 Country which|D.2.5 The IMP|D.2.5.1 Orphan drug|D.3 Description|D.3.1 Product name|D.3.2 Product code|
D.3.4 Pharmaceutical form|D.3.4.1 Specific paediatric|D.3.7 Routes|D.3.8 INN|D.3.8 IMP Identification|D.3.9.1 CAS|
D.3.9.2 Current sponsor|D.3.9.3 Other descriptive|D.3.9.4 EV Substance|D.3.10 Strength|D.3.10.1 Concentration unit|
D.3.10.2 Concentration type|D.3.10.3 Concentration number|D.3.11 The IMP contains|D.3.11.1 Active substance|
D.3.11.2 Active substance|D.3.11.3 Advanced|D.3.11.3.1 Somatic|D.3.11.3.2 Gene|D.3.11.3.3 Tissue|
D.3.11.3.4 Combination|D.3.11.3.5 Committee|D.3.11.3.5.1 CAT|D.3.11.4 Combination|D.3.11.5 Radiopharmaceutical|
D.3.11.6 Immunological|D.3.11.7 Plasma|D.3.11.8 Extractive|D.3.11.9 Recombinant|D.3.11.10 Medicinal|D.3.11.11 Herbal|
D.3.11.12 Homeopathic|D.3.11.13 Another|D.3.11.13.1 Other|D.8 Information on|D.8 Placebo|D.8.1 Is a Placebo|
D.8.3 Pharmaceutical form|D.8.4 Route|
E.1 Medical condition|E.1.1 Medical condition|E.1.1.1 Medical condition|E.1.1.2 Therapeutic|E.1.2 Medical condition|
E.1.2 Version|E.1.2 Level|E.1.2 Classification|E.1.2 Term|E.1.2 System Organ|E.1.3 Condition being|E.2 Objective|
E.2.1 Main objective|E.2.2 Secondary objective|E.2.3 Trial contains|E.2.3.1 Full title|E.3 Principal inclusion|
E.4 Principal exclusion|E.5 End points|E.5.1 Primary end|E.5.1.1 Timepoint|E.5.2 Secondary end|E.5.2.1 Timepoint|
E.6 Scope|E.6.1 Diagnosis|E.6.2 Prophylaxis|E.6.3 Therapy|E.6.4 Safety|E.6.5 Efficacy|E.6.6 Pharmacokinetic|
E.6.7 Pharmacodynamic|E.6.8 Bioequivalence|E.6.9 Dose|E.6.10 Pharmacogenetic|E.6.11 Pharmacogenomic|
E.6.12 Pharmacoeconomic|E.6.13 Others|E.6.13.1 Other|E.7 Trial type|E.7.1 Human|E.7.1.1 First|E.7.1.2 Bioequivalence|
E.7.1.3 Other|E.7.1.3.1 Other|E.7.2 Therapeutic|E.7.3 Therapeutic|E.7.4 Therapeutic|E.8 Design|E.8.1 Controlled|
E.8.1.1 Randomised|E.8.1.2 Open|E.8.1.3 Single|E.8.1.4 Double|E.8.1.5 Parallel|E.8.1.6 Cross|E.8.1.7 Other|
E.8.1.7.1 Other|E.8.2 Comparator|E.8.2.1 Other|E.8.2.2 Placebo|E.8.2.3 Other|E.8.2.3.1 Comparator|E.8.2.4 Number|
E.8.3 The trial|E.8.4 The trial|E.8.4.1 Number|E.8.5 The trial|E.8.5.1 Number|E.8.6 Trial involving|E.8.6.1 Trial being|
E.8.6.2 Trial being|E.8.6.3 If E.8.6.1|E.8.6.3 Trial sites|E.8.7 Trial has|E.8.8 Definition|E.8.9 Initial|
E.8.9.1 In the Member|E.8.9.2 In all|
F.1 Age|F.1.1 Trial has|F.1.1 Number|F.1.1.1 In Utero|F.1.1.1.1 Number|F.1.1.2 Preterm|F.1.1.2.1 Number|
F.1.1.3 Newborns|F.1.1.3.1 Number|F.1.1.4 Infants|F.1.1.4.1 Number|F.1.1.5 Children|F.1.1.5.1 Number|
F.1.1.6 Adolescents|F.1.1.6.1 Number|F.1.2 Adults|F.1.2.1 Number|F.1.3 Elderly|F.1.3.1 Number|F.2 Gender|F.2.1 Female|
F.2.2 Male|F.3 Group|F.3.1 Healthy|F.3.2 Patients|F.3.3 Specific|F.3.3.1 Women|F.3.3.2 Women|F.3.3.3 Pregnant|
F.3.3.4 Nursing|F.3.3.5 Emergency|F.3.3.6 Subjects|F.3.3.6.1 Details|F.3.3.7 Others|F.3.3.7.1 Details|F.4 Planned|
F.4.1 In the member|F.4.2 For a|F.4.2.1 In the EEA|F.4.2.2 In the whole|F.5 Plans|
G.4 Investigator|G.4.1 Name|G.4.2 Country|G.4.3 Name|G.4.3.4 Network|H.4 Third Country|H.4.1 Third Country
"""
_HEADER = {
    "eudract number": "X1",
    "sponsor s protocol code number": "X2",
    "national competent authority": "X3",
    "clinical trial type": "X4",
    "trial status": "X5",
    "date on which this record was first entered in the eudract database": "X6",
    "link": "X7",
}
_UNNUMBERED = (
    "competent authority decision",
    "date of competent authority decision",
    "ethics committee opinion",
    "date of ethics committee opinion",
    "end of trial status",
    "date of the global end of the trial",
    "date of global end of the trial",
)
"""The labels of the lines that begin with `N.` or `P.`: a text may begin with `P. falciparum` as well."""
_LANGUAGE_TAG = re.compile(
    r"(.*) (bg|cs|da|de|el|en|es|et|fi|fr|ga|hr|hu|is|it|lt|lv|mt|nl|no|pl|pt|ro|sk|sl|sv)", re.S
)

_NOT_A_WORD = re.compile(r"[^a-z0-9]+")


def _words(label: str) -> str:
    return _NOT_A_WORD.sub(" ", label.lower()).strip()


def _known() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for code, _, label in (entry.partition(" ") for entry in _LABELS.replace("\n", "").split("|")):
        key = code.replace(".", "")
        found[key] = (*found.get(key, ()), _words(label))
    return found


_KNOWN = _known()
"""How the labels of each code begin."""

_CODED = re.compile(r"([A-H](?:\. ?\d{1,2})+)\.?(?: (?:and|to) [A-H][\d.]+)?[ \t]+(\S.*)", re.S)
_LABELLED = re.compile(r"([^:?]*?)(?: \(([a-z]{2})\))?[ \t]*[:?][ \t]?(.*)", re.S)
_SECTION = re.compile(
    r"A\. Protocol Information|B\. Sponsor Information|C\. Applicant Identification|D\. IMP Identification|"
    r"E\. General Information on the Trial|F\. Population of Trial Subjects|"
    r"G\. Investigator Networks to be involved in the Trial|H\. Third Country[A-Za-z ,]{0,80}|"
    r"N\. Review by the Competent Authority or Ethics Committee in the country concerned|P\. End of Trial|"
    r"MedDRA Classification|Sponsor \d{1,3}"
)
"""What stands between the questions; other lines that begin with a letter and a dot are items of a list."""
_PRODUCT = re.compile(r"D\. ?IMP: ?\d{1,4}")

_SUBSTANCE = ("D38", "D391", "D392", "D393", "D394", "D3101", "D3102", "D3103")
_MEDDRA = ("version", "level", "classification code", "term", "system organ class")


_Answer = tuple[str, str, str | None, str]
"""Code, label, language and value."""


class _Answers:
    """The answers of a protocol, or of one of its repeated blocks, by the code of the question."""

    def __init__(self) -> None:
        self._said: dict[str, list[tuple[str, str | None, str]]] = {}
        self.blocks: dict[str, list[_Answers]] = {}
        self.last = -1
        """Where in its order the last answer of a repeated block stands."""

    def add(self, code: str, label: str, language: str | None, value: str) -> None:
        self._said.setdefault(code, []).append((label, language, value))

    def begin(self, kind: str) -> _Answers:
        self.blocks.setdefault(kind, []).append(_Answers())
        return self.blocks[kind][-1]

    def open(self, kind: str) -> _Answers:
        """The block of this kind that was begun last."""
        return self.blocks[kind][-1] if kind in self.blocks else self.begin(kind)

    def in_order(self, kind: str, position: int) -> _Answers:
        """The last block of this kind; a new one if what comes now stands before what it has."""
        found = self.open(kind)
        if position <= found.last:
            found = self.begin(kind)
        found.last = position
        return found

    def each(self, kind: str) -> list[_Answers]:
        return self.blocks.get(kind, [])

    def text(self, code: str, label: str = "") -> str | None:
        """The answer (of the question that begins with these words): the one without a language before others."""
        given = [(language, value) for said, language, value in self._said.get(code, ()) if said.startswith(label)]
        for _, value in sorted(given, key=lambda one: one[0] is not None):
            if found := plain(value):
                return found
        return None

    def line(self, code: str, label: str = "") -> str | None:
        return fold(self.text(code, label))

    def language(self, code: str) -> str | None:
        """The language of the answer, where only one with a language is given."""
        given = {language for _, language, value in self._said.get(code, ()) if plain(value)}
        return next(iter(given)) if len(given) == 1 else None

    def yes(self, code: str, label: str = "") -> bool | None:
        return {"yes": True, "no": False}.get((self.line(code, label) or "").lower())


class _Protocol(_Answers):
    """A protocol that is filled answer by answer, in the order of the form."""

    def take(self, code: str, label: str, language: str | None, value: str) -> None:
        """Put an answer where it belongs."""
        if code in _SUBSTANCE:
            self.open("imp").in_order("substance", _SUBSTANCE.index(code)).add(code, label, language, value)
        elif code == "E12":
            position = next((at for at, name in enumerate(_MEDDRA) if label.startswith(name)), None)
            if position is not None:
                self.in_order("meddra", position).add(label.split()[0], label, language, value)
        elif code in ("B41", "B42"):
            self.open("sponsor").in_order("funder", int(code[2])).add(code, label, language, value)
        elif code.startswith("B"):
            if code == "B11":
                self.in_order("sponsor", 1)
            self.open("sponsor").add(code, label, language, value)
        elif code.startswith("D8"):
            if code == "D8":
                self.begin("placebo")
            else:
                self.open("placebo").add(code, label, language, value)
        elif code == "DIMP":
            self.begin("imp")
        elif code.startswith("D"):
            if code == "D12":
                self.in_order("imp", 1)
            self.open("imp").add(code, label, language, value)
        else:
            self.add(code, label, language, value)


# --- the full text


def _full_texts(stream: BinaryIO) -> Iterator[Entry | Reject]:
    """Cut the download into protocols: each begins with a line `Summary` before its EudraCT number."""
    taken: list[bytes] = []
    size = offset = start = ordinal = 0
    is_inside = is_too_large = False
    waiting: bytes | None = None

    def entry() -> Entry | Reject:
        data = b"".join(taken)
        if is_too_large:
            detail = f"larger than {MAX_ENTRY_BYTES >> 20} MiB; the hash is of its beginning"
            return reject("entry_too_large", detail, data, ordinal, start)
        return Entry(data, ordinal, start)

    for raw in text_lines(stream):
        text_ = raw if raw is not None else b""
        if waiting is not None:
            if not text_.strip():
                waiting += text_
                continue
            if text_.startswith(b"EudraCT Number"):
                if is_inside:
                    yield entry()
                ordinal += 1
                taken, size, start, is_inside, is_too_large = [], 0, offset, True, False
            if is_inside and not is_too_large:
                taken.append(waiting)
                size += len(waiting)
            offset += len(waiting)
            waiting = None
        if text_.rstrip() == b"Summary":
            waiting = text_
            continue
        offset += len(text_) if raw is not None else MAX_ENTRY_BYTES
        size += len(text_)
        if raw is None or size > MAX_ENTRY_BYTES:
            is_too_large = True
        elif is_inside and not is_too_large:
            taken.append(text_)
    if is_inside:
        yield entry()
    elif not ordinal:
        yield reject("malformed_text", "no protocol in it", b"", 1, 0)


def _of_text(entry: Entry) -> Record:
    try:
        lines = entry.data.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise Unreadable("invalid_encoding", str(error)) from None
    protocol = _Protocol()
    for code, label, language, value in _answers(lines):
        protocol.take(code, label, language, value)
    return _record(protocol, Tree(None))


def _answers(lines: list[str]) -> Iterator[_Answer]:
    """Code, label, language and value of each question, in the order of the form."""
    question: tuple[str, str, str | None] | None = None
    value: list[str] = []
    is_header = True
    for text_ in lines:
        text_ = text_.rstrip("\r")
        begun = _question(text_, is_header)
        if begun is None:
            value.append(text_)
            continue
        if question:
            yield (*question, "\n".join(value))
        code, label, language, first = begun
        is_header = is_header and code.startswith("X")
        question = (code, label, language) if first is not None else None
        value = [first or ""]
    if question:
        yield (*question, "\n".join(value))


def _question(text_: str, is_header: bool) -> tuple[str, str, str | None, str | None] | None:
    """The question that a line begins, with the beginning of its value; a heading has none; None for a value's line."""
    if match := _CODED.fullmatch(text_):
        code = match[1].replace(".", "").replace(" ", "")
        labelled = _LABELLED.fullmatch(match[2])
        label = _words(labelled[1] if labelled else match[2])
        if label.startswith(_KNOWN.get(code, ("-",))):
            return (code, label, labelled[2], labelled[3]) if labelled else (code, label, None, None)
    elif text_.startswith(("N. ", "P. ")):
        label, found, rest = text_[3:].partition(":")
        if _words(label).startswith(_UNNUMBERED):
            name = _words(label)
            if rest.lstrip().lower().startswith("reason(s)"):  # the one label with a colon in it
                name, _, rest = "ethics committee opinion reasons", found, rest.partition(":")[2]
            return text_[0], name, None, rest.strip()
    elif is_header:
        label, found, rest = text_.partition(":")
        if found and (code := _HEADER.get(_words(label), "")):
            return code, _words(label), None, rest.strip()
    if _PRODUCT.fullmatch(text_.strip()):
        return "DIMP", "", None, ""
    if _SECTION.fullmatch(text_.strip()):
        return "SECTION", "", None, None
    return None


# --- the summary of a search

_SUMMARY_LINE = re.compile(
    r"(EudraCT Number|Sponsor Protocol Number|Sponsor Name|Full Title|Start Date|Medical condition|Disease|"
    r"Population Age|Gender|Trial protocol|Trial results|Link)\*?:[ \t]*(.*)"
)
_SUMMARY_DISEASE = re.compile(
    r"(?:Version: (?P<version>[\d.]+), )?(?:SOC Term: .*?, )?(?:Classification Code: (?P<code>\d+), )?"
    r"Term: (?P<term>.+?)(?:, Level: \w+)?"
)
_SUMMARY_PROTOCOL = re.compile(r"([A-Z][A-Za-z/ ]*?) ?\(([^()]*)\)")


def _begins_summary(line_: bytes) -> bool | None:
    return True if line_.removeprefix(b"\xef\xbb\xbf").startswith(b"EudraCT Number:") else None


def _of_summary(entry: Entry) -> Record:
    """A trial as a list of search results shows it: all its countries in one, with a status for each."""
    try:
        lines = entry.data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise Unreadable("invalid_encoding", str(error)) from None
    said: dict[str, list[str]] = {}
    answers: list[str] = []
    for text_ in lines:
        if match := _SUMMARY_LINE.fullmatch(text_):
            answers = said.setdefault(match[1], [])
            answers.append(match[2])
        else:
            answers[-1] += f"\n{text_}"

    def answer(label: str) -> str | None:
        return fold(plain(said.get(label, [""])[0]))

    notes = Notes()
    ids = Identifiers(answer("EudraCT Number"), "euctr", "EudraCT Number")
    ids.name(answer("Sponsor Protocol Number"), "Sponsor Protocol Number", role="organisation")
    protocols = _SUMMARY_PROTOCOL.findall(answer("Trial protocol") or "")
    named = {name.strip().lower() for name in (answer("Population Age") or "").split(",")}
    bands = [band for name, band in _SUMMARY_BANDS.items() if name in named]
    limits = ages(bands or [_MINORS] if "under 18" in named else bands)
    conditions = [Condition(name=name) for one in said.get("Medical condition", []) if (name := fold(plain(one)))]
    for one in map(_SUMMARY_DISEASE.fullmatch, filter(None, map(fold, said.get("Disease", [])))):
        if one:
            version = f"MedDRA {one['version']}" if one["version"] else "MedDRA"
            conditions.append(Condition(one["term"], one["code"], version if one["code"] else None))
    begun = notes.date(answer("Start Date"), "start_date")
    if begun:
        notes.say("start_date", _START_IS_DECISION, begun.date)
    link = answer("Link")
    return Record(
        register="euctr",
        id=ids.own,
        url=link if link and link.startswith("http") else identifiers.url(ids.own, "euctr"),
        identifiers=ids,
        scientific_title=answer("Full Title"),
        status=_status_of_trial(status for _, status in protocols),
        status_raw=answer("Trial protocol"),
        start_date=begun,
        study_type=vocabulary.study_type(REGISTERED_TYPE),
        minimum_age_years=limits.minimum_years,
        minimum_age_raw=limits.minimum_raw,
        maximum_age_years=limits.maximum_years,
        maximum_age_raw=limits.maximum_raw,
        sex=vocabulary.sex(answer("Gender")),
        sex_raw=answer("Gender"),
        conditions=conditions,
        sponsors=distinct_sponsors(sponsor(answer("Sponsor Name"), "LEAD")),
        countries=countries(name for code, _ in protocols if (name := vocabulary.country(code))),
        notes=notes,
    )


def _status_of_trial(words: Iterable[str]) -> Status | None:
    """The status of a trial out of those of its countries: it has ended when it has in every one that authorised it."""
    statuses = {vocabulary.status(word, "euctr") for word in words if not word.startswith("GB - no longer")}
    if len(statuses) > 1:
        statuses.discard("WITHDRAWN")
    if statuses == {"COMPLETED", "TERMINATED"}:
        return "COMPLETED"
    return statuses.pop() if len(statuses) == 1 else "UNKNOWN" if statuses else None


# --- ctrdata's JSON

_KEY = re.compile(r"_?([a-h]\d+|x\d|[np](?=_))_?(.*)", re.S)


def _of_json(entry: Entry) -> Record:
    tree = json_tree(entry.data)
    refuse_others(tree, "EUCTR")
    protocol = _Protocol()
    for code, label, language, said in _json_answers(tree):
        protocol.take(code, label, language, said)
    return _record(protocol, tree)


def _json_answers(tree: Tree) -> Iterator[_Answer]:
    for key, value in tree.items():
        match = _KEY.fullmatch(key)
        for part in map(Tree, value if isinstance(value, list) else [value]):
            if key == "dimp":
                yield "DIMP", "", None, ""
                yield from _json_answers(part)
            elif match and part.items():
                if match[1] == "d8":
                    yield "D8", "", None, ""
                yield from _json_answers(part)
            elif match:
                label = match[2].replace("_", " ").strip()
                tagged = _LANGUAGE_TAG.fullmatch(label)
                label, language = (tagged[1], tagged[2]) if tagged else (label, None)
                yield match[1].upper(), label, language, _SWALLOWED_HEADING.sub("", part.as_written() or "")


_SWALLOWED_HEADING = re.compile(rf"\s*(?:{_SECTION.pattern})\Z")
"""ctrdata joins the heading of the next section to the last answer of a section."""


# --- the Record


def _record(protocol: _Protocol, tree: Tree) -> Record:
    notes = Notes()
    ids = _identifiers(protocol, tree)
    status_raw, at_end = protocol.line("X5"), protocol.line("P", "end of trial status")
    if vocabulary.status(status_raw, "euctr") in (None, "UNKNOWN"):
        status_raw = at_end or status_raw
    scopes = [scope for number, scope in enumerate(SCOPES, 1) if protocol.yes(f"E6{number}")]
    primary_purpose = purpose(scopes)
    if primary_purpose is None and len({"Diagnosis", "Prophylaxis", "Therapy"} & set(scopes)) > 1:
        notes.say("primary_purpose", _SEVERAL_PURPOSES, ", ".join(scopes))
    phase_raw = _said(protocol, _PHASES)
    design_raw = _said(protocol, _DESIGN)
    design = vocabulary.design(design_raw)
    limits = ages(band for code, band in _BANDS.items() if protocol.yes(code))
    if protocol.yes("F11", "trial has") and not any(map(protocol.yes, _BANDS_OF_MINORS)):
        limits = ages([_MINORS, *(band for code, band in _BANDS.items() if protocol.yes(code))])
    sex_raw = _said(protocol, {"F21": "Female", "F22": "Male"})
    interventions, arms = _products(protocol)
    if arms:
        notes.say("arms", _ROLES_AS_ARMS)
    link = protocol.line("X7")
    record = Record(
        register="euctr",
        id=ids.own,
        url=link if link and link.startswith("http") else identifiers.url(ids.own, "euctr"),
        language=protocol.language("A3"),
        identifiers=ids,
        public_title=protocol.line("A31"),
        scientific_title=protocol.line("A3"),
        acronym=_acronym(protocol),
        detailed_description=_objectives(protocol),
        status=notes.status(status_raw, "euctr"),
        status_raw=status_raw,
        registration_date=notes.date(protocol.line("X6"), "registration_date"),
        start_date=_start_date(protocol, notes),
        completion_date=notes.date(_global_end(protocol), "completion_date", "ACTUAL"),
        exported_date=notes.date(tree.line("record_last_import"), "exported_date"),
        study_type=vocabulary.study_type(REGISTERED_TYPE),
        study_type_raw=protocol.line("X4"),
        phases=list(vocabulary.phases(phase_raw, "euctr")),
        phase_raw=phase_raw,
        study_design_raw=design_raw,
        allocation=design.allocation,
        intervention_model=design.intervention_model,
        masking=design.masking,
        is_masked=design.is_masked,
        masked_roles=list(design.masked_roles),
        primary_purpose=primary_purpose,
        primary_purpose_raw=", ".join(scopes) or None,
        number_of_arms=vocabulary.enrollment(protocol.line("E824")) or None,
        enrollment_target=_target(protocol, notes),
        inclusion_criteria=protocol.text("E3"),
        exclusion_criteria=protocol.text("E4"),
        minimum_age_years=limits.minimum_years,
        minimum_age_raw=limits.minimum_raw,
        maximum_age_years=limits.maximum_years,
        maximum_age_raw=limits.maximum_raw,
        sex=vocabulary.sex(sex_raw),
        sex_raw=sex_raw,
        healthy_volunteers=protocol.yes("F31"),
        conditions=_conditions(protocol),
        mesh_terms=[area] if (area := mesh_term(protocol.line("E112"))) else [],
        interventions=interventions,
        arms=arms,
        outcomes=[
            Outcome(type=type, measure=measure, time_frame=protocol.line(f"{code}1"))
            for code, type in _OUTCOMES
            if (measure := protocol.text(code))
        ],
        sponsors=_sponsors(protocol),
        contacts=[contact for part in protocol.each("sponsor") if (contact := _contact(part))],
        countries=countries(_countries(protocol)),
        has_dmc=protocol.yes("E87"),
        notes=notes,
    )
    _add_results(record, tree, ids, notes)
    return record


_OUTCOMES: tuple[tuple[str, vocabulary.OutcomeType], ...] = (("E51", "PRIMARY"), ("E52", "SECONDARY"))
_PHASES = {
    "E71": "Human pharmacology (Phase I)",
    "E72": "Therapeutic exploratory (Phase II)",
    "E73": "Therapeutic confirmatory (Phase III)",
    "E74": "Therapeutic use (Phase IV)",
}
_DESIGN = {
    "E81": "Controlled",
    "E811": "Randomised",
    "E812": "Open",
    "E813": "Single blind",
    "E814": "Double blind",
    "E815": "Parallel group",
    "E816": "Cross over",
    "E817": "Other",
    "E8171": "Other trial design description",
    "E821": "If controlled, specify comparator, Other Medicinal Product",
    "E822": "Placebo",
    "E823": "Other",
    "E8231": "If other, specify comparator",
    "E824": "Number of treatment arms in the trial",
}
"""The register's questions in the words in which its design is known in WHO's exports."""
_BANDS_OF_MINORS = {
    "F111": Band("In utero", 0.0, 0.0),
    "F112": Band("Preterm newborn infants (up to gestational age < 37 weeks)", 0.0, 0.0),
    "F113": Band("Newborns (0-27 days)", 0.0, 27 / 365.25),
    "F114": Band("Infants and toddlers (28 days-23 months)", 28 / 365.25, 23 / 12),
    "F115": Band("Children (2-11 years)", 2.0, 11.0),
    "F116": Band("Adolescents (12-17 years)", 12.0, 17.0),
}
_BANDS = {
    **_BANDS_OF_MINORS,
    "F12": Band("Adults (18-64 years)", 18.0, 64.0),
    "F13": Band("Elderly (>=65 years)", 65.0, None),
}
_MINORS = Band("Under 18", 0.0, 17.0)
_SUMMARY_BANDS = {band.name.partition(" (")[0].lower(): band for band in _BANDS.values()}
"""The bands as the list of search results names them."""


def _said(protocol: _Protocol, questions: dict[str, str]) -> str | None:
    """The answers to some questions as lines of `Question: answer`; none if none is answered."""
    lines = [
        f"{question}: {answer.lower() if answer in ('Yes', 'No') else answer}"
        for code, question in questions.items()
        if (answer := protocol.line(code))
    ]
    return "\n".join(lines) or None


_NUMBER = re.compile(r"\d{4}-\d{6}-\d{2}")
_NAME_AND_NUMBER = re.compile(r"^Name:?[ \t]*(.*?)\s*^Number:?[ \t]*(.*?)$", re.S | re.M)


def _identifiers(protocol: _Protocol, tree: Tree) -> Identifiers:
    link = re.search(r"/trial/([\d-]+)/(\w+)", protocol.line("X7") or "")
    stored = re.fullmatch(r"([\d-]+)-(\w+)", tree.line("_id") or "")
    stated = protocol.line("A2") or protocol.line("X1") or tree.line("eudractNumber")
    number = _NUMBER.search(stated or (link[1] if link else stored[1] if stored else ""))
    if link or stored:
        suffix = (link or stored)[2]  # type: ignore[index]
    elif (protocol.line("X4") or "").lower().startswith("outside"):
        suffix = "3RD"
    else:
        suffix = COUNTRY_CODES.get(vocabulary.country(_member_state(protocol)) or "", "")
    ids = Identifiers(f"{number[0]}-{suffix}".rstrip("-") if number else stated, "euctr", "A.2")
    ids[0].raw = None
    ids.name(protocol.line("A41") or protocol.line("X2"), "A.4.1", role="organisation")
    isrctn = identifiers.normalise(protocol.line("A51"), "isrctn")  # often only its digits
    ids.name(isrctn.id if isrctn else protocol.line("A51"), "A.5.1", "ISRCTN")
    ids.name(protocol.line("A52"), "A.5.2", "US NCT")
    ids.name(protocol.line("A53"), "A.5.3", "UTRN")
    others = protocol.text("A54") or ""
    pairs = _NAME_AND_NUMBER.findall(others)
    for name, other in pairs or [("", others)]:
        ids.name(other, "A.5.4", fold(name))
    ids.name(protocol.line("A8"), "A.8", "EMA decision number of the Paediatric Investigation Plan")
    return ids


def _member_state(protocol: _Protocol) -> str | None:
    """The country of A.1, without its authority."""
    stated = protocol.line("A1") or protocol.line("X3")
    return stated.partition(" - ")[0].strip() if stated else None


def _countries(protocol: _Protocol) -> Iterator[str]:
    """The country of the protocol, and those in which sites are planned."""
    if (own := _member_state(protocol)) and not own.lower().startswith("outside"):
        yield own
    for planned in (protocol.text("E863") or "").split("\n"):
        yield from [planned] if vocabulary.country(planned) else _countries_in(planned)
    yield from (protocol.text("H4") or protocol.text("H41") or "").split("\n")


def _countries_in(listed: str) -> Iterator[str]:
    """Countries of a list without separators, the longest names first; a list with other words stays whole."""
    words = listed.split(" ")
    found: list[str] = []
    at = 0
    while at < len(words):
        ends = range(min(len(words), at + _LONGEST_COUNTRY), at, -1)
        end = next((end for end in ends if vocabulary.country(" ".join(words[at:end]))), None)
        if end is None:
            yield listed
            return
        found.append(" ".join(words[at:end]))
        at = end
    yield from found


_LONGEST_COUNTRY = 8
"""Words."""


def _start_date(protocol: _Protocol, notes: Notes) -> PartialDate | None:
    """The day of the authority's decision, as WHO's exports take it; the register knows no other of most trials."""
    decision = protocol.line("N", "competent authority decision")
    found = notes.date(protocol.line("N", "date of competent authority decision"), "start_date")
    if found is None or vocabulary.status(decision) == "WITHDRAWN":
        return None
    notes.say("start_date", _START_IS_DECISION, found.date)
    return found


def _global_end(protocol: _Protocol) -> str | None:
    return protocol.line("P", "date of the global end") or protocol.line("P", "date of global end")


def _target(protocol: _Protocol, notes: Notes) -> int | None:
    """The size of the whole trial; of its part in the EEA or in the country only where there is no other part."""
    size = protocol.line("F422")
    if not size and not protocol.yes("E861") and not protocol.yes("E862"):
        size = protocol.line("F421")
        if size in (None, "0") and protocol.yes("E85") is False:
            size = protocol.line("F41")
    return notes.enrollment(size, "enrollment_target") or None


_LONGEST_ACRONYM = 40


def _acronym(protocol: _Protocol) -> str | None:
    """The "name or abbreviated title", unless a title is told again there or abbreviated to another one."""
    said = protocol.line("A32")
    titles = {(protocol.line(code) or "").casefold() for code in ("A3", "A31")}
    return said if said and len(said) <= _LONGEST_ACRONYM and said.casefold() not in titles else None


def _objectives(protocol: _Protocol) -> str | None:
    parts = (("Main objective", "E21"), ("Secondary objectives", "E22"), ("Sub-studies", "E231"))
    return "\n\n".join(f"{title}: {said}" for title, code in parts if (said := protocol.text(code))) or None


def _conditions(protocol: _Protocol) -> list[Condition]:
    """What the sponsor names it, in the words of doctors and of others, and its MedDRA terms."""
    found: dict[tuple[str, str | None], Condition] = {}
    for name in (protocol.line("E11"), protocol.line("E111")):
        if name:
            found.setdefault((name.lower(), None), Condition(name=name))
    for term in protocol.each("meddra"):
        name, code, version = term.line("term"), term.line("classification"), term.line("version")
        if name:
            coded = Condition(name=name, code=code, vocabulary=f"MedDRA {version}" if version else "MedDRA")
            found.setdefault((name.lower(), code), coded)
    return list(found.values())


_TYPES: tuple[tuple[str, InterventionType], ...] = (
    ("D31132", "GENETIC"),
    ("D3114", "COMBINATION_PRODUCT"),
    ("D3112", "BIOLOGICAL"),
    ("D3113", "BIOLOGICAL"),
    ("D3116", "BIOLOGICAL"),
    ("D3117", "BIOLOGICAL"),
    ("D3119", "BIOLOGICAL"),
    ("D3111", "DRUG"),
    ("D3115", "DRUG"),
    ("D3118", "DRUG"),
    ("D31111", "DRUG"),
    ("D31112", "DRUG"),
)
"""Types by the kind of substance, the most telling first."""
_KINDS = {
    "D3111": "Active substance of chemical origin",
    "D3112": "Active substance of biological/biotechnological origin",
    "D3113": "Advanced Therapy IMP",
    "D31131": "Somatic cell therapy medicinal product",
    "D31132": "Gene therapy medical product",
    "D31133": "Tissue Engineered Product",
    "D31134": "Combination ATIMP",
    "D3114": "Combination product that includes a device",
    "D3115": "Radiopharmaceutical medicinal product",
    "D3116": "Immunological medicinal product",
    "D3117": "Plasma derived medicinal product",
    "D3118": "Extractive medicinal product",
    "D3119": "Recombinant medicinal product",
    "D31110": "Medicinal product containing genetically modified organisms",
    "D31111": "Herbal medicinal product",
    "D31112": "Homeopathic medicinal product",
    "D31113": "Another type of medicinal product",
}


def _products(protocol: _Protocol) -> tuple[list[Intervention], list[Arm]]:
    """The products and placebos, and the roles that they have."""
    found: list[Intervention] = []
    arms: dict[str, Arm] = {}
    for product in protocol.each("imp"):
        one = _product(product)
        if one is None:
            continue
        if role := product.line("D12"):
            arm = arms.setdefault(role.lower(), Arm(label=role, type=arm_type(role), type_raw=role))
            one.arm_labels.append(arm.label)
            if one.name not in arm.intervention_names:
                arm.intervention_names.append(one.name)
        if one not in found:  # another strength of the same product may differ in nothing that was filled in
            found.append(one)
    for placebo in protocol.each("placebo"):
        details = [part for part in (placebo.line("D83"), placebo.line("D84")) if part]
        if placebo.yes("D81") or (details and placebo.yes("D81") is None):
            description = "; ".join(details) or None
            found.append(Intervention(name="Placebo", type="DRUG", description=description, arm_labels=["Placebo"]))
            arms.setdefault("placebo", Arm(label="Placebo", type=arm_type("placebo"), intervention_names=["Placebo"]))
    return found, list(arms.values())


def _product(product: _Answers) -> Intervention | None:
    substances = product.each("substance")
    names = [product.line("D31"), product.line("D2111")]
    for code in ("D38", "D393", "D392"):
        names += [substance.line(code) for substance in substances]
    names.append(product.line("D32"))
    distinct: dict[str, str] = {}
    for name in names:
        if name:
            distinct.setdefault(name.lower(), name)
    if not distinct:
        return None
    first, *others = distinct.values()
    kinds = [code for code in _KINDS if product.yes(code)]
    routes = product.text("D37")
    details = [product.line("D34"), routes.replace("\n", ", ") if routes else None, *map(_dose, substances)]
    return Intervention(
        name=first,
        type=next((type for code, type in _TYPES if code in kinds), None),
        type_raw=", ".join(_KINDS[code] for code in kinds) or None,
        description="; ".join(part for part in details if part) or None,
        other_names=others,
    )


def _dose(substance: _Answers) -> str | None:
    number, unit, type = substance.line("D3103"), substance.line("D3101"), substance.line("D3102")
    if not number:
        return None
    said = [type if type and type.lower() not in ("equal", "range") else None, number, unit]
    return " ".join(part for part in said if part)


def _sponsors(protocol: _Protocol) -> list[Sponsor]:
    found: list[Sponsor] = []
    for part in protocol.each("sponsor"):
        found.extend(sponsor(part.line("B11"), "COLLABORATOR" if found else "LEAD", part.line("B31")))
    for part in protocol.each("sponsor"):
        for funder in part.each("funder"):
            found.extend(sponsor(funder.line("B41"), "FUNDER"))
    return distinct_sponsors(found)


def _contact(part: _Answers) -> Contact | None:
    address = [part.line(code) for code in ("B531", "B533", "B532", "B534")]
    found = Contact(
        type="Contact point",
        name=part.line("B52"),
        affiliation=part.line("B51"),
        address=", ".join(line for line in address if line) or None,
        email=part.line("B56"),
        phone=part.line("B54"),
    )
    return found if found.name or found.email or found.phone else None


# --- results

_ALLOCATIONS: dict[str, Allocation] = {
    "randControlled": "RANDOMIZED",
    "nonRandControlled": "NON_RANDOMIZED",
    "na": "NA",
    "notApplicable": "NA",
}
_MASKINGS: dict[str, Masking] = {"not": "NONE", "single": "SINGLE", "double": "DOUBLE"}
_MASKED: dict[str, MaskedRole] = {
    "subject": "PARTICIPANT",
    "carer": "CARE_PROVIDER",
    "investigator": "INVESTIGATOR",
    "assessor": "OUTCOMES_ASSESSOR",
}
_TRUE_OR_FALSE = {"true": True, "false": False}


def _of_results(entry: Entry, name: str) -> Record:
    tree = xml_tree(parse_xml(entry.data))
    information = tree.one("trialInformation")
    stated = line(tree, "@eudractNumber") or line(tree, "eudractNumber") or line(information, "eudractNumber")
    in_name = _NUMBER.search(name)
    ids = Identifiers(stated or (in_name[0] if in_name else None), "euctr", "eudractNumber")
    notes = Notes()
    objective = text(information, "mainObjective")
    record = Record(
        register="euctr",
        id=ids.own,
        url=identifiers.url(ids.own, "euctr"),
        identifiers=ids,
        scientific_title=line(information, "fullTitle"),
        detailed_description=f"Main objective: {objective}" if objective else None,
        study_type=vocabulary.study_type(REGISTERED_TYPE),
        sponsors=_posted_sponsors(tree),
        contacts=[*_posted_contacts(information)],
        notes=notes,
    )
    if line(information, "isGlobalEndOfTrialReached") == "true":
        is_premature = line(information, "globalEndOfTrialPremature") == "true"
        record.status_raw = "Prematurely Ended" if is_premature else "Completed"
        record.status = vocabulary.status(record.status_raw, "euctr")
    _add_results(record, tree, ids, notes)
    return record


def _add_results(record: Record, tree: Tree, ids: Identifiers, notes: Notes) -> None:
    """Add what posted results say, where there are any; they know of enrolment and arms what protocols only plan."""
    information = tree.one("trialInformation")
    if not information:
        return
    record.has_results = True
    record.results = results(tree)
    for path, role, type_raw in _POSTED_IDS:
        for part in information.each(path):
            ids.name(line(part, ""), path, type_raw, role)
    begun = _day(information, "recruitmentStartDate")
    if begun:
        record.start_date = notes.date(begun, "start_date", "ACTUAL")
        notes[:] = [note for note in notes if note.note != _START_IS_DECISION]
    record.primary_completion_date = notes.date(
        _day(information, "primaryCompletionDate"), "primary_completion_date", "ACTUAL"
    )
    if record.completion_date is None:
        record.completion_date = notes.date(_day(information, "globalEndOfTrialDate"), "completion_date", "ACTUAL")
    _add_enrollment(record, information, notes)
    posted = [arm for arm, _ in arms_of_results(tree)]
    if posted:
        record.arms = posted
        record.number_of_arms = record.number_of_arms or len(posted)
        notes[:] = [note for note in notes if note.note != _ROLES_AS_ARMS]
        for product in record.interventions:
            names = {name.lower() for name in (product.name, *product.other_names)}
            product.arm_labels = [arm.label for arm in posted if names & set(map(str.lower, arm.intervention_names))]
    if not record.interventions:
        record.interventions = _posted_products(tree)
    _add_design(record, tree)
    if record.has_dmc is None:
        record.has_dmc = _TRUE_OR_FALSE.get(line(information, "idmcInvolvement") or "")
    pmids = (line(part, "") for part in tree.each("trialChanges/pubMedReferenceNumbers/pmid"))
    record.references = [
        Reference(pmid=found.id, type="RESULT")
        for pmid in dict.fromkeys(pmids)
        if (found := identifiers.normalise(pmid, "pubmed"))
    ]


_POSTED_IDS = (
    ("sponsorProtocolCode", "organisation", None),
    ("isrctnIdentifier", "secondary", "ISRCTN"),
    ("usctnIdentifier", "secondary", "US NCT"),
    ("whoIdentifier", "secondary", "UTRN"),
    ("otherIdentifiers/otherIdentifier/code", "secondary", None),
    ("pipnumbers/pipnumber/number", "secondary", "Paediatric Investigation Plan"),
)


def _day(tree: Tree, path: str) -> str | None:
    """The date without its time and zone: midnight at the register, which is another day elsewhere."""
    value = line(tree, path)
    return value[:10] if value and value[10:11] == "T" else value


def _add_design(record: Record, tree: Tree) -> None:
    """Allocation and masking of the period that the baseline was taken in, where the protocol does not say."""
    periods = tree.each("subjectDisposition/postAssignmentPeriods/postAssignmentPeriod")
    main = next((one for one in periods if line(one, "baselinePeriod") == "true"), next(iter(periods), Tree(None)))
    if record.allocation is None:
        record.allocation_raw = line(main, "allocation/value")
        record.allocation = _ALLOCATIONS.get(enumerated(main, "allocation") or "")
    if record.masking is None:
        record.masking_raw = line(main, "blindingType/value")
        record.masking = _MASKINGS.get(enumerated(main, "blindingType") or "")
        record.is_masked = None if record.masking is None else record.masking != "NONE"
    if record.is_masked and not record.masked_roles:
        said = {enumerated(one) for one in main.each("clinicalTrialRoles/clinicalTrialRole")}
        record.masked_roles = [role for word, role in _MASKED.items() if word in said]


def _add_enrollment(record: Record, information: Tree, notes: Notes) -> None:
    """The participants of all countries, and the countries."""
    total = 0
    names: list[str] = []
    for one in information.each("countrySubjectCounts/countrySubjectCount"):
        total += int(number) if (number := line(one, "subjects")) and re.fullmatch(r"[0-9]{1,8}", number) else 0
        id = line(one, "country/eutctId")
        if id and id in EUTCT_COUNTRIES:
            names.append(EUTCT_COUNTRIES[id])
        elif id:
            notes.say("countries", _UNKNOWN_COUNTRY, id)
    record.enrollment_actual = total or None
    known = {country.name for country in record.countries}
    record.countries = [*record.countries, *(one for one in countries(names) if one.name not in known)]


def _posted_products(tree: Tree) -> list[Intervention]:
    found: dict[str, Intervention] = {}
    for arm, part in arms_of_results(tree):
        for product in part.each("armProducts/armProduct"):
            if name := line(product, "name"):
                code = line(product, "code")
                details = text(product, "doseAndAdministrationDetails")
                one = Intervention(name=name, description=details, other_names=[code] if code else [])
                found.setdefault(name.lower(), one).arm_labels.append(arm.label)
    return list(found.values())


def _posted_sponsors(tree: Tree) -> list[Sponsor]:
    found: list[Sponsor] = []
    for one in tree.each("trialInformation/sponsors/sponsor"):
        found.extend(sponsor(line(one, "organisationName"), "COLLABORATOR" if found else "LEAD"))
    return distinct_sponsors(found or sponsor(line(tree, "@sponsor") or line(tree, "sponsor"), "LEAD"))


def _posted_contacts(information: Tree) -> Iterator[Contact]:
    for one in information.each("sponsors/sponsor"):
        for type, path in (("public", "publicContact"), ("scientific", "scientificContact")):
            contact = one.one(path)
            telephone = [line(contact, f"telephoneNumber/{part}") for part in ("countryCode", "number")]
            if contact:
                yield Contact(
                    type=type,
                    name=line(contact, "functionalContactName"),
                    affiliation=line(contact, "organisationName"),
                    email=line(contact, "emailAddress"),
                    phone=" ".join(part for part in telephone if part) or None,
                )


# --- formats

_BEGINS_PROTOCOL = re.compile(rb"(?:\A|\n)Summary[ \t]*\r?\n(?:[ \t]*\r?\n){0,5}EudraCT Number")
_NAMES_REGISTER = re.compile(rb'"ctrname"\s*:[\s\[]*"(\w{1,20})"')


def _is_full_text(head: bytes) -> bool:
    return _BEGINS_PROTOCOL.search(head.removeprefix(b"\xef\xbb\xbf")) is not None


def _read_full_text(stream: BinaryIO) -> Iterator[Record | Reject]:
    return each(_full_texts(stream), _of_text)


def _is_summary(head: bytes) -> bool:
    return _SUMMARY_BEGINNING.search(head.removeprefix(b"\xef\xbb\xbf")) is not None


_SUMMARY_BEGINNING = re.compile(rb"(?:\A|\n)EudraCT Number:[ \t]*\d{4}-\d{6}-\d\d[ \t]*\r?\nSponsor Protocol Number:")


def _read_summary(stream: BinaryIO) -> Iterator[Record | Reject]:
    return each(begun_entries(stream, _begins_summary), _of_summary)


def _is_results(head: bytes) -> bool:
    plain_ = head.replace(b"\0", b"")  # the letters of UTF-16
    return b"<trialInformation" in plain_ and (b"<sponsorProtocolCode" in plain_ or b"<analysisStage" in plain_)


def _read_results(stream: BinaryIO, name: str) -> Iterator[Record | Reject]:
    head, stream = peek(stream, 1024)
    return each(whole(as_utf8(stream, head)), partial(_of_results, name=name))


def _is_ctrdata(head: bytes) -> bool:
    if not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")):
        return False
    named = _NAMES_REGISTER.search(head)
    return named[1] == b"EUCTR" if named else b'"a2_eudract_number"' in head


def _read_ctrdata(stream: BinaryIO) -> Iterator[Record | Reject]:
    return each(json_values(stream), _of_json)


# --- fetching

_HOST = "www.clinicaltrialsregister.eu"
_ROOT = f"https://{_HOST}/ctr-search/"
_TRIALS_A_PAGE = 20
_TOTAL = re.compile(rb"Trials with a EudraCT protocol \(([0-9][0-9,.]{0,12})\)")
_NUMBER_OF_PROTOCOL = re.compile(_BEGINS_PROTOCOL.pattern + rb"[ \t]*:?[ \t]*(\d{4}-\d{6}-\d{2})")
_PAGE_OF_A_TRIAL = re.compile(r"/ctr-search/trial/(\d{4}-\d{6}-\d{2})(?:/(\w+))?/?")
_HAS_RESULTS = ("resultsstatus", "trials-with-results")

_Search = dict[str, list[str]]
"""The parameters of a search of the register."""


def _fetch(session: Session, wanted: Wanted) -> None:
    """Page after page of full details; where only trials with results are wanted, the results of each."""
    search = _search(wanted)
    total = session.recall("total")
    if total is None:
        found = _TOTAL.search(session.read(_ROOT + "search", params=search, kind="html", check=_no_total))
        total = int(re.sub(rb"\D", b"", found[1])) if found else 0
        session.remember("total", total)
    pages = -(-total // _TRIALS_A_PAGE)
    with_results = _HAS_RESULTS[1] in search.get(_HAS_RESULTS[0], ())
    session.expect(pages + total if with_results else pages, "files")
    numbers: dict[str, None] = {}
    with patience() as one:
        for page in range(1, pages + 1):
            with one():
                numbers |= dict.fromkeys(_page(session, search, page))
        if with_results:
            for number in numbers:
                with one():
                    _results(session, number)
    if len(numbers) < total:
        session.lacks(f"{total - len(numbers):,} of {total:,} trials, which the pages of the search do not have")


def _page(session: Session, search: _Search, page: int) -> list[str]:
    """The numbers of the protocols on a page of full details."""
    name = f"euctr-{page:05d}.txt"
    parameters = {**search, "page": [str(page)], "mode": ["current_page"]}
    data = session.read(_ROOT + "rest/download/full", params=parameters, kind="text", name=name, check=_cut)
    numbers = [found[1].decode() for found in _NUMBER_OF_PROTOCOL.finditer(data)]
    session.count(name, len(numbers))
    return numbers


def _results(session: Session, number: str) -> None:
    name = f"results/{number}.zip"
    try:
        session.save(name, f"{_ROOT}rest/download/result/zip/xml/{number}", kind="zip")
    except Refused as refused:
        if refused.status not in (404, 410):
            raise
        session.lacks(f"{number}: results, which are said to be there")
    else:
        session.count(name, 1)


def _no_total(data: bytes) -> str | None:
    if _TOTAL.search(data):
        return None
    return f"{_HOST} gives a web page instead of data ({page_title(data) or 'no title'})"


def _cut(data: bytes) -> str | None:
    """What is wrong with full details; each line of them ends, the last one too."""
    if not _BEGINS_PROTOCOL.search(data):
        return "there is no protocol in the answer"
    return None if data.endswith(b"\n") else "the answer ends in the middle of a line"


def _search(wanted: Wanted) -> _Search:
    """The register's parameters for what the user typed or pasted; raises UserError for other addresses."""
    text, address = wanted.query.strip(), wanted.address
    if address is None:
        numbers = _NUMBER.findall(text)
        if len(numbers) > 1 and not re.sub(r"[\s,;]|\bOR\b", "", _NUMBER.sub("", text)):
            text = " OR ".join(numbers)
        given = parse_qs(text) if re.match(r"[a-z]\w*=", text, re.I) else {"query": [text]}
    elif address.hostname not in (_HOST, _HOST.removeprefix("www.")):
        raise UserError(f"{wanted.query} is no page of the EU register. Give words, or the address of a search there.")
    elif page := _PAGE_OF_A_TRIAL.fullmatch(address.path):
        given = {"query": [page[1]]}
        if page[2] == "results":
            given[_HAS_RESULTS[0]] = [_HAS_RESULTS[1]]
    elif address.path in ("/ctr-search/search", "/ctr-search/rest/download/full", "/ctr-search/rest/download/summary"):
        given = parse_qs(address.query)
    else:
        raise UserError(f"{wanted.query} is no search of the EU register. Give its words instead.")
    search = {key: values for key, values in given.items() if key not in ("page", "mode")}
    search.setdefault("query", [""])
    if wanted.since:
        search["dateFrom"] = [max([*search.get("dateFrom", []), wanted.since.isoformat()])]
    return search


SOURCE = Source(
    name="euctr",
    title="EU Clinical Trials Register",
    home_page="https://www.clinicaltrialsregister.eu/",
    licence="Reuse with acknowledgement of the EMA as the source (EMA legal notice)",
    is_open=True,
    registers=("euctr",),
    obtain=(
        'Search at https://www.clinicaltrialsregister.eu/ and download "Full Trial Details" as plain text (20 trials a '
        "page), and the results of a trial as a zip with XML; or export records that the R package ctrdata has stored "
        "as JSON."
    ),
    formats=(
        Format(
            "full-text",
            '"Full Trial Details" as plain text: every protocol, one for each country of a trial',
            _is_full_text,
            _read_full_text,
        ),
        Format(
            "summary-text",
            '"Summary Details" of a search as plain text: the few fields that a list shows, one entry for each trial',
            _is_summary,
            _read_summary,
        ),
        Format(
            "results-xml",
            "Posted results of one trial, as they lie in the zip of its results page",
            _is_results,
            _read_results,
            uses_name=True,
        ),
        Format(
            "ctrdata-json",
            "Protocols, with the results of their trials, as the R package ctrdata stores them: an array or one a line",
            _is_ctrdata,
            _read_ctrdata,
        ),
    ),
    fetch=Fetch(
        run=_fetch,
        hosts=(_HOST,),
        requests_per_minute=30,
        terms=(
            "What the register shows may be reused if the EMA is named as its source (EMA legal notice, "
            "https://www.ema.europa.eu/en/about-us/about-website/legal-notice); its pages offer these downloads."
        ),
        queries=(
            "--query takes the words of a search, EudraCT numbers, or the address of a search or trial on the site; "
            "where that asks for trials with results (resultsstatus=trials-with-results), these come too. --since goes "
            "by the day when a trial was first entered: the register does not say what changed."
        ),
    ),
)
