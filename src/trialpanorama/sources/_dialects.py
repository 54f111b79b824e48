"""How registries write WHO's twenty items: lists joined into one text, in each registry's own dialect.

WHO passes on what its data providers upload, so that their files and WHO's exports hold the same texts. Nothing escapes
the separators: a list is taken apart only where the dialect makes that safe; elsewhere the text stays whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from trialpanorama import vocabulary
from trialpanorama.record import (
    AdverseEvents,
    Arm,
    Baseline,
    BaselineMeasure,
    Condition,
    Country,
    Intervention,
    Link,
    Outcome,
    OutcomeMeasure,
    ParticipantFlow,
    Reference,
    Results,
    Sponsor,
)
from trialpanorama.sources._reading import fold
from trialpanorama.vocabulary import OutcomeType, Phase, ReferenceType, SponsorRole, StudyType, is_placeholder

DOUBTFUL_PHASE = "the registry also writes 0 for studies without a phase"
DOUBTFUL_POSTED = "not taken as a date: nothing says that results are posted"
NOT_A_DATE = "not a date"
NOT_A_SIZE = "not a number of participants"
UNKNOWN_WORD = "not a word that is known here"

POSSIBLE_ID = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[\w./-]{5,40}")
"""An id of a registry that is not known here yet."""
MISSING_DATE = re.compile(r"\b1900\b|^19000101$")
URL = re.compile(r"https?://[^\s;,]+", re.I)
_PMID = re.compile(r"(?:pubmed[^\s?;,]*?/|pmid:?\s*)(\d{1,8})\b", re.I)
_DOI = re.compile(r"\b10\.\d{4,9}/[^\s;,]+", re.I)
_NO_SPONSOR = re.compile(r"none\W+investigator[\s-]initiated\b", re.I)
_COMMA_LISTS = frozenset({"umin", "jrct", "japiccti", "jma", "slctr"})

# --- text


_SCRAMBLED = re.compile(r"[^\x00-\x7f]{2,}")
_SCRAMBLED_LEADS = frozenset(b"\xc2\xc3\xc4\xc5\xcb\xce\xcf\xd0\xd1\xe2\xef")


def unscrambled(text: str) -> str:
    """Undo UTF-8 that was read as Windows-1252 or Mac Roman on the way; what lost characters stays as it is."""
    return text if text.isascii() else _SCRAMBLED.sub(_unscramble, text)


def _unscramble(run: re.Match[str]) -> str:
    for encode in (_as_windows, _as_macintosh):
        try:
            data = encode(run[0])
            if data[0] in _SCRAMBLED_LEADS:
                return unscrambled(data.decode("utf-8"))  # some text was scrambled twice
        except UnicodeError:
            continue
    return run[0]


def _as_windows(text: str) -> bytes:
    # the five bytes that Windows-1252 leaves undefined came through as control characters
    return b"".join(c.encode("latin-1" if "\x80" <= c <= "\x9f" else "cp1252") for c in text)


def _as_macintosh(text: str) -> bytes:
    return text.encode("mac_roman")


_CALLED_OFF = re.compile(
    r"((?i:cancel+ed|retracted|withdrawn),? (?:by (?:the )?[a-z]+|(?:due to|because of) [a-z ,]{3,60}?))[.,:;]? +"
    r"(?=[A-Z\d])"
)
FROM_TITLE = "told from the title, where the registry says it"


def called_off(title: str | None, register: str | None) -> tuple[str | None, str | None]:
    """Why a study was called off, which ChiCTR writes before its title (`Cancelled by the investigator  A trial ...`).

    Also the title without it.
    """
    if title is None or register not in ("chictr", "itmctr") or not (found := _CALLED_OFF.match(title)):
        return None, title
    return found[1], title[found.end() :]


# --- phases, organisations, countries, links


def phases(raw: str | None, register: str | None, study_type: StudyType | None) -> list[Phase]:
    """Phases; a study that is no trial has none where a register writes 0."""
    if raw and raw.strip() == "0" and study_type not in ("INTERVENTIONAL", None):
        return ["NA"]
    return list(vocabulary.phases(raw, register))


def sponsors(lead: str | None, secondary: Iterable[str], support: Iterable[str]) -> list[Sponsor]:
    """Lead sponsor, collaborators and funders, each once in its role; placeholders are left out."""
    named: tuple[tuple[SponsorRole, Iterable[str]], ...] = (
        ("LEAD", [lead] if lead else []),
        ("COLLABORATOR", secondary),
        ("FUNDER", support),
    )
    found: dict[tuple[str, str], Sponsor] = {}
    for role, names in named:
        for name in map(fold, names):
            if name and not is_placeholder(name) and not _NO_SPONSOR.match(name):
                sponsor_class = vocabulary.sponsor_class_from_name(name)
                found.setdefault((role, name.lower()), Sponsor(name=name, role=role, sponsor_class=sponsor_class))
    return list(found.values())


def countries(text: str | None, register: str | None) -> list[Country]:
    """Countries out of a list joined by `;`, by line breaks, or (Japan, Sri Lanka) by commas."""
    if not text:
        return []
    separator = r"[;\n]|,(?![^()]*\))" if register in _COMMA_LISTS and not vocabulary.country(text) else r"[;\n]"
    found: dict[str, Country] = {}
    for piece in re.split(separator, text):
        raw = piece.strip(" ?.")
        if raw and not is_placeholder(raw):
            name = vocabulary.country(raw) or raw
            found.setdefault(name.lower(), Country(name=name, raw=piece.strip() if piece.strip() != name else None))
    return list(found.values())


def ipd_sharing(raw: str | None) -> str | None:
    """The plan to share participant data by its first word; the text itself where that is not yes, no or undecided."""
    word = re.match(r"(yes|no|undecided)\b", raw or "", re.I)
    return word[1].upper() if word else None if is_placeholder(raw) else raw


def links(results: str | None, protocol: str | None, summary: str | None) -> tuple[list[Link], list[Reference]]:
    """Web addresses of results and protocol, and the papers that these texts name."""
    found = [
        Link(url=url, label=label)
        for text, label in ((results, "results"), (protocol, "protocol"))
        for url in dict.fromkeys(URL.findall(text or ""))
    ]
    references: dict[str, Reference] = {}
    # the link is the sponsor's word that it reports this study; the summary may cite any paper
    types: tuple[tuple[str | None, ReferenceType | None], ...] = ((results, "RESULT"), (summary, None))
    for text, type in types:
        for pmid in _PMID.findall(text or ""):
            references.setdefault(pmid, Reference(pmid=pmid, type=type))
        for one in _DOI.findall(text or ""):
            doi = one.rstrip("./)").lower()
            references.setdefault(doi, Reference(doi=doi, type=type))
    return found, list(references.values())


def results(
    summary: str | None, baseline: str | None, flow: str | None, adverse_events: str | None, measures: str | None
) -> Results | None:
    """The texts about results; what is no more than a web address is left out, and None if nothing remains."""
    texts = [
        None if text is None or URL.fullmatch(text) else text
        for text in (summary, baseline, flow, adverse_events, measures)
    ]
    if not any(texts):
        return None
    summary, baseline, flow, adverse_events, measures = texts
    return Results(
        participant_flow=ParticipantFlow(recruitment_details=flow) if flow else None,
        baseline=Baseline(measures=[BaselineMeasure(description=baseline)]) if baseline else None,
        outcome_measures=[
            OutcomeMeasure(title=title, description=text)
            for title, text in (("summary of results", summary), ("outcome measures", measures))
            if text
        ],
        adverse_events=AdverseEvents(description=adverse_events) if adverse_events else None,
    )


# --- conditions

_ICD = r"[A-Z]\d{2}(?:\.?\d{1,2})?"
_CTRI_CONDITION = re.compile(r"Health Condition \d+:\s*", re.I)
_GLUED_CODE = re.compile(rf"-?\s*({_ICD}|null)\s*[-–]\s*(.*)|-\s*({_ICD})\s+(.+)", re.S)
_IRCT_CONDITION = re.compile(r"(?:^|\s)Condition \d+:\s*")
_MEDDRA = re.compile(
    r"MedDRA version:\s*([\d.]+)\s*Level:\s*\w*?\s*Classification code:?\s*(\d+)\s*Term:\s*(.*?)\s*"
    r"(?:System Organ Class:[^;\n]*)?(?=;|\n|MedDRA version:|\Z)",
    re.S,
)
_THERAPEUTIC_AREA = re.compile(r"Therapeutic area:\s*([^;\n]+)")
_PURE_CODE = re.compile(rf"{_ICD}|[CD]\d{{6,9}}|M\d{{4,9}}")
_ICD_11 = re.compile(r"[1-9A-Z][A-HJ-NP-Z]\d[\dA-HJ-NP-Z](?:\.[\dA-HJ-NP-Z]{1,3})?")
_MEDDRA_CODE = re.compile(r"1\d{7}")
_KEYWORD_SEPARATOR = re.compile(r"[\n,;]")
_SEMICOLON = re.compile(";")
_TIGHT_SEMICOLON = re.compile(r";(?=\S|\Z)")
_LONGEST_CONDITIONS = 5_000
_CLASSIFICATION = re.compile(r"[A-Z]\d{2}\s*-\s*[A-Z]\d{2}|[A-Z]\d{2}(?:\.\d{3})+")
"""A chapter of ICD-10, or a place in the tree of MeSH."""


def conditions(text: str | None, register: str | None, terms: Sequence[str] = ()) -> tuple[list[Condition], list[str]]:
    """Conditions, and the registry's own classification of them as keywords.

    `terms` are the registry's words and codes, where they stand in fields of their own beside the sponsor's text.
    """
    if not text and not terms:
        return [], []
    if register in ("euctr", "ctis"):
        found, keywords = _eu_conditions(text or "")
        found += map(_coded, terms)
    elif register == "ctri":
        found, keywords = [_coded(piece) for piece in [*_CTRI_CONDITION.split(text or ""), *terms]], []
    elif register == "clinicaltrials_gov":  # "Renal Failure; Chronic" is one of its conditions
        found, keywords = [Condition(fold(piece) or "") for piece in [*_TIGHT_SEMICOLON.split(text or ""), *terms]], []
    elif register == "tctr":
        found, keywords = _thai_conditions(text or "", terms)
    else:
        found, keywords = _listed_conditions(text or "", register, terms)
    named: dict[str, Condition] = {}
    for condition in found:
        condition.name = condition.name.strip(" .,;")
        if condition.name and not is_placeholder(condition.name):
            known = named.setdefault(condition.name.lower(), condition)
            if condition.code and not known.code:
                known.code, known.vocabulary = condition.code, condition.vocabulary
    return list(named.values()), [word for word in dict.fromkeys(keywords) if not is_placeholder(word)]


def _coded(text: str) -> Condition:
    """`Q214- Septal defect` and `U07.1 - Emergency use` have their ICD-10 code in front."""
    text = fold(text) or ""
    match = _GLUED_CODE.fullmatch(text)
    if not match:
        return Condition(name=text)
    code, name = match[1] or match[3], match[2] or match[4] or ""
    return Condition(name=name) if code == "null" else Condition(name=name, code=code, vocabulary="ICD-10")


def _eu_conditions(text: str) -> tuple[list[Condition], list[str]]:
    """Free text, then MedDRA terms with their codes, then the therapeutic area."""
    end = min((m.start() for m in (_MEDDRA.search(text), _THERAPEUTIC_AREA.search(text)) if m), default=len(text))
    found = [Condition(name=fold(text[:end]) or "")]
    for match in _MEDDRA.finditer(text):
        version, code, term = match.groups()
        found.append(Condition(name=fold(term) or "", code=code, vocabulary=f"MedDRA {version}"))
    return found, [area.strip() for area in _THERAPEUTIC_AREA.findall(text)]


def _thai_conditions(text: str, terms: Sequence[str]) -> tuple[list[Condition], list[str]]:
    """`condition <br>keyword<br>keyword;keyword<br>keyword`: WHO repeats the keywords in the place of codes."""
    for semicolon in _SEMICOLON.finditer(text[:_LONGEST_CONDITIONS]):
        keywords, before = text[semicolon.end() :].strip(), text[: semicolon.start()].rstrip()
        if keywords and before.endswith("\n" + keywords):
            words = [word for piece in _KEYWORD_SEPARATOR.split(keywords) if (word := fold(piece))]
            lines = before.removesuffix(keywords).split("\n")
            return [Condition(fold(line) or "") for line in [*lines, *terms]], words
    return _listed_conditions(text, "tctr", terms)


def _listed_conditions(text: str, register: str | None, terms: Sequence[str]) -> tuple[list[Condition], list[str]]:
    """`free text <br>term <br>term;code;category`: the first line is the sponsor's, what follows the registry's."""
    first, *rest = text.split("\n")
    if register == "irct":
        names = [piece.strip(" .") for piece in _IRCT_CONDITION.split(first)]
    elif register == "isrctn":
        return [Condition(name=first), *map(Condition, rest[1:]), *map(_coded, terms)], [
            line.strip() for line in rest[:1]
        ]
    else:
        names = first.split(";")
    pieces = [*(piece for line in rest for piece in line.split(";")), *terms]
    if register == "anzctr":
        own = {name.strip().lower() for name in names}
        is_category = [" - " in piece and piece.strip().lower() not in own for piece in pieces]
        keywords = [piece.strip() for piece, is_one in zip(pieces, is_category, strict=True) if is_one]
        pieces = [piece for piece, is_one in zip(pieces, is_category, strict=True) if not is_one]
        return [*map(Condition, names), *map(Condition, pieces)], keywords
    found: list[Condition] = []
    codes: list[str] = []
    keywords = []
    of_registry: dict[str, Condition] = {}
    for position, piece in enumerate([*names, *pieces]):
        piece = piece.strip().rstrip(".") if register == "irct" else piece.strip()
        if register == "nl_omon" and found and _MEDDRA_CODE.fullmatch(piece):
            found[-1].code, found[-1].vocabulary = piece, "MedDRA"
        elif _PURE_CODE.fullmatch(piece) or (register == "irct" and _ICD_11.fullmatch(piece)):
            codes.append(piece)
        elif _CLASSIFICATION.fullmatch(piece) or piece.isdecimal():
            keywords += [] if piece.isdecimal() else [piece]
        elif piece:
            condition = _coded(piece)
            found.append(condition)
            if position >= len(names):
                of_registry.setdefault(condition.name.lower(), condition)
    # one code a term, in the same order; else nothing says which is whose, and ReBEC's are chapters of DeCS
    if len(codes) == len(of_registry) and register != "rebec":
        for condition, code in zip(of_registry.values(), codes, strict=True):
            condition.code, condition.vocabulary = code, _vocabulary_of(code)
    else:
        keywords += codes
    return found, keywords


def _vocabulary_of(code: str) -> str:
    return "MeSH" if re.match(r"[CD]\d{6}", code) else "ICD-10" if _PURE_CODE.fullmatch(code) else "ICD-11"


# --- interventions

_TYPE = (
    r"(?:Drug|Biological|Device|Procedure|Radiation|Behaviou?ral|Genetic|Dietary Supplement|Combination Product|"
    r"Diagnostic Test|Other)"
)
_TYPED = re.compile(rf"({_TYPE})\s?:\s*(.*)", re.S)
_TYPED_SEPARATOR = re.compile(rf";\s*(?={_TYPE}\s?:)")
_CTRI_INTERVENTION = re.compile(r"^((?:Control )?Intervention ?\d+)\s*:\s*", re.M)
_NUMBERED = re.compile(
    r"(?:^|\s)((?:Intervention|Arm|Group) (?:\d+|[A-D]|I{1,3}|IV)(?: (?:\([^()]{1,20}\)|Experimental|Control))?):\s*"
)
_GROUP_LABEL = re.compile(
    r"((?:intervention|control|experimental|treatment|comparison|placebo) group[^:\n]{0,12}):\s*", re.I
)
_JAPIC_LABEL = re.compile(
    r"^(Control intervention name|Intervention name|INN of the (?:control )?intervention|"
    r"Dosage And administration of the (?:control )?intervention)\s*:[ \t]*",
    re.M | re.I,
)
_EU_LABEL = re.compile(
    r"(Trade Name|Product Name|Product Code|Pharmaceutical Form|INN or Proposed INN|CAS Number|Current Sponsor code|"
    r"Other descriptive name|Concentration unit|Concentration type|Concentration number|EV Substance Code|"
    r"Pharmaceutical form of the placebo|Route of administration of the placebo):\s*"
)
_EU_NAMES = (
    "Product Name",
    "Trade Name",
    "INN or Proposed INN",
    "Other descriptive name",
    "Product Code",
    "Current Sponsor code",
)
_EU_DETAILS = (
    "Pharmaceutical Form",
    "CAS Number",
    "Concentration unit",
    "Concentration type",
    "Concentration number",
)
_REPEC_GROUP = re.compile(r"\s*Group name:")
_REPEC_TREATMENT = re.compile(r"\s*Type of group[;:].*?Intervention\(s\) description:", re.S)
_CODE_OR_TERM = re.compile(r"(?:[^\s.][^.\n]{0,59})?")
_NAME_LENGTH = 200

_Treatments = tuple[list[Intervention], list[Arm]]


def interventions(text: str | None, register: str | None) -> tuple[list[Intervention], list[Arm]]:
    """Interventions, and the arms where the dialect names them."""
    if not text:
        return [], []
    reader = _INTERVENTION_DIALECTS.get(register or "")
    found, arms = reader(text) if reader else ([_intervention(text)], [])
    named: dict[tuple[str | None, str], Intervention] = {}
    for one in found:
        if one.name and not is_placeholder(one.name):
            known = named.setdefault((one.type, one.name.lower()), one)
            known.arm_labels += [label for label in one.arm_labels if label not in known.arm_labels]
    return list(named.values()), arms


def _intervention(text: str, arm: str | None = None) -> Intervention:
    """A text as an intervention; of a long one the first sentence is the name, and the whole the description."""
    text = text.strip(" ;,\n")
    labels = [arm] if arm else []
    if len(text) <= _NAME_LENGTH and "\n" not in text:
        return Intervention(name=text, arm_labels=labels)
    name = text.split("\n", 1)[0]
    if len(name) > _NAME_LENGTH:
        sentence = re.match(rf".{{30,{_NAME_LENGTH}}}?[a-z)]{{3}}\.(?=\s)", name)
        name = sentence[0] if sentence else name[:_NAME_LENGTH].rsplit(" ", 1)[0]
    return Intervention(name=name.strip(" ;,.:"), description=text, arm_labels=labels)


def _typed_interventions(text: str) -> _Treatments:
    found = []
    for piece in _TYPED_SEPARATOR.split(text):
        match = _TYPED.fullmatch(piece.strip(" ;"))
        one = _intervention(match[2] if match else piece)
        if match:
            one.type, one.type_raw = vocabulary.intervention_type(match[1]), match[1]
        found.append(one)
    return found, []


def _ctri_interventions(text: str) -> _Treatments:
    """`Intervention1: name: details`, one a line."""
    _, *pieces = _CTRI_INTERVENTION.split(text)
    if not pieces:
        return [_intervention(text)], []
    found = []
    for piece in pieces[1::2]:
        name, _, details = piece.strip().partition(": ")
        one = _intervention(name)
        if details.strip() and not is_placeholder(details.strip()):
            one.description = details.strip() if one.description is None else piece.strip()
        found.append(one)
    return found, []


def _numbered_interventions(text: str) -> _Treatments:
    """`Intervention 1: Intervention group: ... Intervention 2: Control group: ...`"""
    before, *pieces = _NUMBERED.split(text)
    if not pieces:
        pieces, before = ["", before], ""
    found, arms = [], []
    for number, piece in zip(pieces[::2], pieces[1::2], strict=True):
        label = number
        while match := _GROUP_LABEL.match(piece):
            label = f"{number}: {match[1]}" if number else match[1]
            piece = piece[match.end() :]
        piece = piece.strip()
        found.append(_intervention(piece, label or None))
        if label:
            arms.append(
                Arm(label=label, description=piece or None, intervention_names=[found[-1].name] if piece else [])
            )
    return found, arms


def _brazilian_interventions(text: str) -> _Treatments:
    """Numbered groups; the kinds of intervention that WHO puts behind the text count where there is one of each."""
    said, words = _without_codes(text)
    found, arms = _numbered_interventions(said)
    kinds = {word: kind for word in words if (kind := vocabulary.intervention_type(word))}
    if len(found) == len(kinds) == 1:
        ((found[0].type_raw, found[0].type),) = kinds.items()
    return found, arms


def _without_codes(text: str) -> tuple[str, list[str]]:
    """ReBEC's text, and the codes and DeCS terms that WHO joined to it: `text;Drug;Hydroxychloroquine`."""
    pieces = text.split(";")
    end = len(pieces)
    while end > 1 and _CODE_OR_TERM.fullmatch(pieces[end - 1]):
        end -= 1
    words = [word for piece in pieces[end:] if (word := piece.strip())]
    return (";".join(pieces[:end]), words) if any(map(vocabulary.intervention_type, words)) else (text, [])


def intervention_keywords(text: str | None, register: str | None) -> list[str]:
    """The terms that stand behind the text on interventions: keywords, as they are in ReBEC's own files."""
    words = _without_codes(text)[1] if text and register == "rebec" else []
    return [word for word in dict.fromkeys(words) if vocabulary.intervention_type(word) is None]


def _grouped_interventions(text: str) -> _Treatments:
    """`group:treatment;group:treatment;`"""
    groups: list[list[str]] = []
    for piece in re.split("[;\uff1b]", text):
        label, *rest = (part.strip() for part in re.split("[:\uff1a]", piece, maxsplit=1))
        treatment = rest[0] if rest else label
        if rest and label:
            groups.append([label, treatment])
        elif treatment and groups:
            groups[-1][1] = f"{groups[-1][1]}; {treatment}".strip("; ")
        elif treatment:
            groups.append(["", treatment])
    found, arms = [], []
    for label, treatment in groups:
        one = _intervention(treatment, label or None)
        is_said = bool(treatment) and not is_placeholder(treatment)
        if is_said:
            found.append(one)
        if label:
            arms.append(
                Arm(
                    label=label,
                    description=treatment if is_said else None,
                    intervention_names=[one.name] if is_said else [],
                )
            )
    return found, arms


def _japic_interventions(text: str) -> _Treatments:
    found: list[Intervention] = []
    _, *pieces = _JAPIC_LABEL.split(text)
    for label, value in zip(pieces[::2], pieces[1::2], strict=True):
        value, label = value.strip(), label.lower()
        if label.endswith("name"):
            found.append(Intervention(name=fold(value) or ""))
        elif found and value and not is_placeholder(value):
            if label.startswith("inn"):
                if value.lower() != found[-1].name.lower():
                    found[-1].other_names.append(value)
            else:
                found[-1].description = value
    return (found, []) if found else ([_intervention(text)], [])


def _eu_interventions(text: str) -> _Treatments:
    """Products as label and value; a product begins with its trade name, else with its name."""
    _, *pieces = _EU_LABEL.split(text)
    products: list[list[tuple[str, str]]] = []
    for label, value in zip(pieces[::2], pieces[1::2], strict=True):
        labels = {known for known, _ in products[-1]} if products else set()
        if (
            not products
            or label in ("Trade Name", "Pharmaceutical form of the placebo")
            or (label == "Product Name" and labels - {"Trade Name"})
        ):
            products.append([])
        products[-1].append((label, fold(value) or ""))
    found = []
    for product in products:
        if product[0][0].endswith("of the placebo"):
            description = "\n".join(f"{label}: {value}" for label, value in product if value)
            found.append(Intervention(name="Placebo", description=description))
            continue
        names: dict[str, str] = {}
        for wanted in _EU_NAMES:
            for label, value in product:
                if label == wanted and not is_placeholder(value):
                    names.setdefault(value.lower(), value)
        details = [f"{label}: {value}" for label, value in product if label in _EU_DETAILS and value]
        if names:
            name, *others = names.values()
            found.append(Intervention(name=name, other_names=others, description="\n".join(details) or None))
    return (found, []) if found else ([_intervention(text)], [])


def _repec_interventions(text: str) -> _Treatments:
    """`Group name:a Type of group;1 N° of participants:200 Intervention(s) description:b`"""
    found, arms = [], []
    for piece in _REPEC_GROUP.split(text)[1:]:
        label, *rest = (part.strip() for part in _REPEC_TREATMENT.split(piece, maxsplit=1))
        treatment = rest[0] if rest else ""
        found.append(_intervention(treatment or label, label))
        arms.append(Arm(label=label, description=treatment or None, intervention_names=[found[-1].name]))
    return (found, arms) if found else ([_intervention(text)], [])


def _lines_of_interventions(text: str) -> _Treatments:
    return [_intervention(line) for line in text.split("\n")], []


def _semicolon_interventions(text: str) -> _Treatments:
    return [_intervention(piece) for piece in text.split(";")], []


_INTERVENTION_DIALECTS: dict[str, Callable[[str], _Treatments]] = {
    "clinicaltrials_gov": _typed_interventions,
    "cris": _typed_interventions,
    "ctri": _ctri_interventions,
    "irct": _numbered_interventions,
    "drks": _numbered_interventions,
    "rebec": _brazilian_interventions,
    "rpcec": _numbered_interventions,
    "chictr": _grouped_interventions,
    "itmctr": _grouped_interventions,
    "euctr": _eu_interventions,
    "ctis": _eu_interventions,
    "repec": _repec_interventions,
    "pactr": _semicolon_interventions,
    "japiccti": _japic_interventions,
    "umin": _lines_of_interventions,
}


# --- outcomes

_EU_SECTION = re.compile(
    r"(Main Objective|Secondary Objective|Primary end point\(s\)|Secondary end point\(s\)|"
    r"Timepoint\(s\) of evaluation of this end point):[ \t]*",
)
_TIMEPOINT = re.compile(r"[. ]*\bTime ?points?:\s*|(?<=\w)Timepoint:\s*", re.I)
_METHOD = re.compile(r"[. ]*Method of measurement:\s*", re.I)
_BEGINS = r"(?:\b|(?-i:(?<=[A-Za-z\d])(?=[MOT][a-z])))"
"""Where a label begins: at a word, or glued to the text before it where a line break was lost."""
_NUMBER_OF_OUTCOME = re.compile(r"(?:^|(?<=[.;\n])\s*)\d{1,2}\)\s+")
_MEASUREMENT_TIME = re.compile(r"\.?\s*\bMeasurement time\s?:\s*", re.I)
_LABELLED_OUTCOME = re.compile(rf";?\s*(?:{_BEGINS}Outcome name|\bNAME OF THE RESULT|\bName)\s*:\s*", re.I)
_LABELLED_PART = re.compile(
    rf";?\s*{_BEGINS}(?:(?P<how>Measures?|USED MEASURING METHOD)|(?P<when>Timepoints?|"
    r"PERIOD OF TIME WHERE THE MEASUREMENT WILL BE CONDUCTED[A-Z ]*))\s*:\s*",
    re.I,
)
_CLOSING_BRACKET = re.compile(r"(?<=\])\s*(?:;(?=\S|\Z)|\n)")
_FRAME_LABEL = re.compile(r"Time ?frame:?\s*", re.I)

_KINDS_OF_OUTCOME = re.compile(
    r"(?:(?:efficacy|safety|pharmacokinetics|pharmacodynamics|bioequivalence|confirmatory|exploratory|other)"
    r"[,/ \t]*)+\n",
    re.I,
)

_Measure = tuple[str, str | None, str | None]
"""What is measured, when, and how."""


def outcomes(text: str | None, type: OutcomeType, register: str | None) -> list[Outcome]:
    """Outcomes of one type with their time frames, as far as the dialect keeps them apart."""
    if not text:
        return []
    reader = _OUTCOME_DIALECTS.get(register or "")
    found: dict[tuple[str, str | None], Outcome] = {}
    for measure, time_frame, description in reader(text) if reader else [(text, None, None)]:
        measure = measure.strip(" ;\n\t")
        if measure and not is_placeholder(measure):
            when = None if is_placeholder(time_frame) else fold(time_frame)
            how = None if is_placeholder(description) else description
            found.setdefault((measure, when), Outcome(type=type, measure=measure, time_frame=when, description=how))
    return list(found.values())


def _listed_outcomes(text: str) -> list[_Measure]:
    """A list joined by `;`; one followed by a blank belongs to the text."""
    return [(piece, None, None) for piece in _TIGHT_SEMICOLON.split(text)]


def _timepoint_outcomes(text: str) -> list[_Measure]:
    """`Outcome. Timepoint: when. Method of measurement: how;Outcome. ...` and `OutcomeTimepoint: when;...`"""
    pieces: list[list[str]] = []
    is_whole = True
    for piece in _TIGHT_SEMICOLON.split(text):
        has_timepoint = _TIMEPOINT.search(piece) is not None
        if is_whole and (has_timepoint or not pieces):
            pieces.append([piece])
            is_whole = has_timepoint
        else:
            # every outcome has its time point: a piece without one was cut out of its neighbour
            pieces[-1].append(piece)
            is_whole = is_whole or has_timepoint
    found: list[_Measure] = []
    for piece in pieces:
        measure, *frames = _TIMEPOINT.split(";".join(piece), maxsplit=1)
        when, *how = _METHOD.split(frames[0], maxsplit=1) if frames else [""]
        found.append((measure, when.strip(" .") or None, how[0].strip() if how else None))
    return found


def _bracketed_outcomes(text: str) -> list[_Measure]:
    """`Outcome [when];Outcome [Timeframe when]`; text without brackets stays whole."""
    found: list[_Measure] = []
    for piece in _CLOSING_BRACKET.split(text):
        piece = piece.strip(" ;\n\t")
        opening = _opening_of_last_bracket(piece)
        if opening is None:
            found.append((piece, None, None))
        else:
            found.append((piece[:opening], _FRAME_LABEL.sub("", piece[opening + 1 : -1].strip(), count=1), None))
    return found


def _opening_of_last_bracket(text: str) -> int | None:
    if not text.endswith("]"):
        return None
    depth = 0
    for position in range(len(text) - 1, -1, -1):
        depth += (text[position] == "]") - (text[position] == "[")
        if depth == 0:
            return position
    return None


def _numbered_outcomes(text: str) -> list[_Measure]:
    """`1) Outcome. Measurement time: when. 2) ...`; a text in which not each outcome has one time stays whole."""
    found: list[_Measure] = []
    for piece in _NUMBER_OF_OUTCOME.split(text):
        measure, *times = _MEASUREMENT_TIME.split(piece)
        if measure.strip() and len(times) != 1:
            return [(text, None, None)]
        if times:
            found.append((measure, times[0].strip(" .\n"), None))
    return found


def _labelled_outcomes(text: str) -> list[_Measure]:
    """`Name: a;Timepoints: b;Measure: c;Name: ...` and `Outcome name:a Measure:c Timepoints:b ...`"""
    found: list[_Measure] = []
    for piece in _LABELLED_OUTCOME.split(text)[1:]:
        labels = list(_LABELLED_PART.finditer(piece))
        ends = [label.start() for label in labels]
        said = {
            label.lastgroup: piece[label.end() : end].strip(" ;\n")
            for label, end in zip(labels, [*ends[1:], len(piece)], strict=False)
        }
        found.append((piece[: ends[0] if ends else None], said.get("when"), said.get("how")))
    return found or [(text, None, None)]


def _japic_outcomes(text: str) -> list[_Measure]:
    """`safety, efficacy` on a line of its own, then what is measured."""
    return [(_KINDS_OF_OUTCOME.sub("", text, count=1) if _KINDS_OF_OUTCOME.match(text) else text, None, None)]


def _eu_sections(text: str) -> dict[str, str]:
    _, *pieces = _EU_SECTION.split(text)
    said: dict[str, str] = {}
    for label, value in zip(pieces[::2], pieces[1::2], strict=True):
        value = value.strip(" ;\n")
        if value:
            said.setdefault(label, value)
    return said


def _eu_outcomes(text: str) -> list[_Measure]:
    """The end points only: objectives stand in the same text."""
    said = _eu_sections(text)
    if not said:
        return [(text, None, None)]
    end_points = said.get("Primary end point(s)") or said.get("Secondary end point(s)")
    return [(end_points, said.get("Timepoint(s) of evaluation of this end point"), None)] if end_points else []


def objectives(primary_outcome: str | None, register: str | None) -> str | None:
    """The objectives that the EU registers put into the text of the primary outcome."""
    if register not in ("euctr", "ctis"):
        return None
    said = _eu_sections(primary_outcome or "")
    lines = [f"{label}: {said[label]}" for label in ("Main Objective", "Secondary Objective") if label in said]
    return "\n".join(lines) or None


_OUTCOME_DIALECTS: dict[str, Callable[[str], list[_Measure]]] = {
    "clinicaltrials_gov": _listed_outcomes,
    "chictr": _listed_outcomes,
    "itmctr": _listed_outcomes,
    "cris": _listed_outcomes,
    "irct": _timepoint_outcomes,
    "ctri": _timepoint_outcomes,
    "tctr": _bracketed_outcomes,
    "anzctr": _bracketed_outcomes,
    "slctr": _bracketed_outcomes,
    "japiccti": _japic_outcomes,
    "lbctr": _labelled_outcomes,
    "repec": _labelled_outcomes,
    "rpcec": _numbered_outcomes,
    "euctr": _eu_outcomes,
    "ctis": _eu_outcomes,
}
