"""Canonical values, and the rules that fold every registry's words into them.

The canonical tokens are those of the ClinicalTrials.gov API v2 (its published enumerations): every other
register maps into them with loss in one direction only, and a Record keeps the raw word beside each.
Unknown is `None`, never a token that hides it.

Each function takes what a source wrote (v2 tokens, display words, the words of any register; upper or lower case)
and gives the canonical value, or `None` (an empty tuple) where the text does not say. None of them raises.
"""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple, TypeVar

RecordKind = Literal["REGISTRATION", "PUBLICATION", "REVIEW"]
Status = Literal[
    "NOT_YET_RECRUITING",
    "RECRUITING",
    "ENROLLING_BY_INVITATION",
    "ACTIVE_NOT_RECRUITING",
    "SUSPENDED",
    "TERMINATED",
    "COMPLETED",
    "WITHDRAWN",
    "UNKNOWN",
    "AVAILABLE",
    "NO_LONGER_AVAILABLE",
    "TEMPORARILY_NOT_AVAILABLE",
    "APPROVED_FOR_MARKETING",
    "WITHHELD",
]
Phase = Literal["EARLY_PHASE1", "PHASE1", "PHASE2", "PHASE3", "PHASE4", "NA"]
StudyType = Literal["INTERVENTIONAL", "OBSERVATIONAL", "EXPANDED_ACCESS", "OTHER"]
Allocation = Literal["RANDOMIZED", "NON_RANDOMIZED", "NA"]
InterventionModel = Literal["SINGLE_GROUP", "PARALLEL", "CROSSOVER", "FACTORIAL", "SEQUENTIAL"]
ObservationalModel = Literal[
    "COHORT",
    "CASE_CONTROL",
    "CASE_ONLY",
    "CASE_CROSSOVER",
    "ECOLOGIC_OR_COMMUNITY",
    "FAMILY_BASED",
    "DEFINED_POPULATION",
    "NATURAL_HISTORY",
    "OTHER",
]
TimePerspective = Literal["RETROSPECTIVE", "PROSPECTIVE", "CROSS_SECTIONAL", "OTHER"]
Masking = Literal["NONE", "SINGLE", "DOUBLE", "TRIPLE", "QUADRUPLE"]
MaskedRole = Literal["PARTICIPANT", "CARE_PROVIDER", "INVESTIGATOR", "OUTCOMES_ASSESSOR"]
Purpose = Literal[
    "TREATMENT",
    "PREVENTION",
    "DIAGNOSTIC",
    "ECT",
    "SUPPORTIVE_CARE",
    "SCREENING",
    "HEALTH_SERVICES_RESEARCH",
    "BASIC_SCIENCE",
    "DEVICE_FEASIBILITY",
    "OTHER",
]
SponsorClass = Literal["NIH", "FED", "OTHER_GOV", "INDIV", "INDUSTRY", "NETWORK", "AMBIG", "OTHER", "UNKNOWN"]
SponsorRole = Literal["LEAD", "COLLABORATOR", "FUNDER"]
InterventionType = Literal[
    "DRUG",
    "BIOLOGICAL",
    "DEVICE",
    "PROCEDURE",
    "RADIATION",
    "BEHAVIORAL",
    "GENETIC",
    "DIETARY_SUPPLEMENT",
    "COMBINATION_PRODUCT",
    "DIAGNOSTIC_TEST",
    "OTHER",
]
ArmType = Literal[
    "EXPERIMENTAL", "ACTIVE_COMPARATOR", "PLACEBO_COMPARATOR", "SHAM_COMPARATOR", "NO_INTERVENTION", "OTHER"
]
Sex = Literal["ALL", "FEMALE", "MALE"]
DateType = Literal["ACTUAL", "ESTIMATED"]
OutcomeType = Literal["PRIMARY", "SECONDARY", "OTHER_PRE_SPECIFIED", "POST_HOC"]
ReferenceType = Literal["RESULT", "BACKGROUND", "DERIVED"]
_Token = TypeVar("_Token", bound=str)

MAXIMUM_PLAUSIBLE_AGE = 120.0
"""From this age on a limit means that there is none (years)."""

MISSING_DATE = "1900-01-01"
"""What some exports write where there is no date; `parse_date` refuses it."""


def _squash(text: str) -> str:
    """Letters and digits only, in lower case, so that tokens, display words and odd spacing become one key."""
    return _NOT_A_WORD.sub("", text).casefold()


def _plain(text: str) -> str:
    """Roman numerals, digits and letters of other widths and scripts as those of ASCII (`Ⅱ`, `２`, `۲`)."""
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in unicodedata.normalize("NFKC", text))


def _look_up(table: Mapping[str, _Token], raw: str) -> _Token | None:
    """A word's token; of a word given in two scripts (`관찰연구(Observational Study)`) the Latin half counts too."""
    key = _squash(raw)
    return table.get(key) or (None if key.isascii() else table.get(_OTHER_SCRIPTS.sub("", key)))


_NOT_A_WORD = re.compile(r"[\W_]+")
_OTHER_SCRIPTS = re.compile("[\u0370-\uffff]+")
_PARENTHESIS = re.compile(r"\s{0,9}\([^()]*\)")
_TAG = re.compile(r"<[^<>]{0,40}>")


def _words(table: Mapping[_Token, str]) -> dict[str, _Token]:
    """Turn {token: "word | word"} into a look-up by squashed word; the token itself is always one of its words."""
    found: dict[str, _Token] = {}
    for token, words in table.items():
        names: list[str] = [token, *words.split("|")]
        found.update((key, token) for name in names if (key := _squash(name)))
    return found


def _keys(words: str) -> frozenset[str]:
    """The squashed words of "word | word"; the empty text is one of them."""
    return frozenset(_squash(word) for word in ["", *words.split("|")])


_PLACEHOLDERS = _keys(
    "nil|none|null|na|n/a|not applicable|not available|not avavilable|"
    "not specified|not selected|not stated|not provided|"
    "not entered|not known|not defined|no entry|no sponsor|none known|nil known|nd|no|unknown|undefined|pending|"
    "to be determined|tbd|to follow|same as above|see above|aangevraagd|"
    "无|没有|不适用|暂无|なし|特になし|該当なし|該当せず|없음|해당없음|해당사항없음|ندارد|"
    "ไม่มี|ninguno|nenhum|no aplica|não se aplica|"
    "please refer to primary and secondary sponsors"
)


def is_placeholder(text: str | None) -> bool:
    """Whether the text only stands where a value would be: `NIL`, `--`, `Not applicable`, `[---]*` ..."""
    return not text or (len(text) < 60 and _squash(text) in _PLACEHOLDERS)


# --- status

_STATUS: dict[str, Status] = _words(
    {
        "NOT_YET_RECRUITING": "pending|pending (not yet recruiting)|not recruiting yet|preinitiation|planned|planning|"
        "recruiting planned|recruitment planned|recruitment pending|ongoing, not yet recruiting|"
        "ongoing, recruitment pending|"
        "authorised, recruitment pending|authorised, not started|authorized, recruitment pending|under evaluation|"
        "ainda não recrutando|모집 전|모집전|not yet open|尚未开始|募集前|一般募集前|aún no reclutando",
        "RECRUITING": "open to recruitment|open public recruiting|recruiting ongoing|recruitment ongoing|"
        "ongoing, recruiting|authorised, recruiting|authorized, recruiting|"
        "actively recruiting|recrutando|모집 중|모집중|open|正在进行|募集中|一般募集中|reclutando",
        "ENROLLING_BY_INVITATION": "enrolling by invite|invite only|recruiting by invitation",
        "ACTIVE_NOT_RECRUITING": "closed to recruitment of participants|closed to recruitment|no longer recruiting|"
        "recruitment completed|recruitment complete|recruitment stopped|recruiting complete|"
        "recruiting complete, follow-up continuing|"
        "recruiting completed, follow-up continuing|recruitment complete, follow-up continuing|"
        "recruitment completed, follow-up continuing|"
        "closed: follow-up continuing|complete: follow-up continuing|completed: follow-up continuing|"
        "complete follow-up continuing|ongoing, recruitment ended|ongoing, not recruiting|active not recruiting",
        "COMPLETED": "complete|complete: follow-up complete|completed: follow-up complete|closed: follow-up complete|"
        "recruiting complete, study complete|recruiting complete, follow-up complete|complete follow-up complete|"
        "recruiting completed, follow-up complete|recruitment completed, follow-up complete|data analysis completed|"
        "main results already published|finished|"
        "ended|closed|study complete|연구종결|已完成|试验完成|試験終了|completado|concluído",
        "SUSPENDED": "suspending|temporarily closed|temporary halt|temporary halted|temporarily halted|interrupted|"
        "suspended by CA|"
        "temporary halt or suspension|temporary halted|temporarily closed to recruitment|halted|"
        "recruiting suspended on temporary hold|on hold|일시중단|暂停|一時中断|suspendido|suspenso",
        "TERMINATED": "stopped early|stopped|early termination|prematurely ended|canceled|discontinued|discontiniued|"
        "recruiting stopped after recruiting started|revoked|terminated(halted prematurely)|terminated early|"
        "halted prematurely|other (terminated)|abandoned|조기종료|试验终止|試験中止|terminado|encerrado",
        "WITHDRAWN": "not authorised|not authorized|prohibited by CA|non authorized|non authorised|expired|lapsed|"
        "recruiting withdrawn before recruiting started|expired/lapsed|cancelled|rejected|refused",
        "UNKNOWN": "unknown status|authorised|authorized|active|ongoing|restarted|other|others|array|not recruiting|"
        "authorised-recruitment may be ongoing or finished|not available|gb - no longer in eu/eea|"
        "trial now transitioned",
        "AVAILABLE": "",
        "NO_LONGER_AVAILABLE": "",
        "TEMPORARILY_NOT_AVAILABLE": "temporarily unavailable",
        "APPROVED_FOR_MARKETING": "",
        "WITHHELD": "withheld status",
    }
)
_STATUS_OF_REGISTER: dict[tuple[str | None, str], Status] = {
    ("irct", "complete"): "UNKNOWN",
    ("irct", "completed"): "UNKNOWN",
    ("irct", "recruitmentcomplete"): "UNKNOWN",
}
"""IRCT's word for the end of recruitment, which stays when the trial itself has ended."""
_STATUS_BEGINNINGS: tuple[tuple[str, Status], ...] = (
    ("opentorecruitment", "RECRUITING"),
    ("openpublicrecruiting", "RECRUITING"),
    ("enrollingbyinvitation", "ENROLLING_BY_INVITATION"),
    ("terminated", "TERMINATED"),
    ("withdrawn", "WITHDRAWN"),
    ("notyetrecruiting", "NOT_YET_RECRUITING"),
)


@lru_cache(4096)
def status(raw: str | None, register: str | None = None) -> Status | None:
    """Recruitment status; None if the word is not known or missing.

    A word that says too little is UNKNOWN. That holds for `Not Recruiting`, into which ICTRP's web export folds
    everything from not yet recruiting to completed, and for `Ongoing` and `Authorised` of the EU registers.
    """
    if not raw:
        return None
    key = _squash(raw)
    found = (
        _STATUS_OF_REGISTER.get((register, key))
        or _look_up(_STATUS, raw)
        or _STATUS.get(_squash(_PARENTHESIS.sub("", raw)))
    )
    if found:
        return found
    return next((token for beginning, token in _STATUS_BEGINNINGS if key.startswith(beginning)), None)


# --- phase and study type

_PHASE_PAIR = re.compile(r"Phase\s+(I{1,3}|IV)\)\s*:\s*(yes|no)?", re.I)
_PHASE_TOKEN = re.compile(r"(?<![A-Z0-9.])(IV|III|II|I|[0-4])[ABC]?(?![A-Z0-9.])")
_EXCEL_DAY = re.compile(r"\d{4}-0?(\d)-0?(\d)(?:[ T]00:00(?::00)?(?:\.0+)?)?")
_EXCEL_MONTH = re.compile(r"0?(\d)-(Jan|Feb|Mar|Apr)|(Jan|Feb|Mar|Apr)-0?(\d)", re.I)
_EXCEL_SERIAL = re.compile(r"4\d{4}(?:\.0)?")
_PHASE_OF_NUMBER: dict[str, Phase] = {
    "0": "EARLY_PHASE1",
    "1": "PHASE1",
    "I": "PHASE1",
    "2": "PHASE2",
    "II": "PHASE2",
    "3": "PHASE3",
    "III": "PHASE3",
    "4": "PHASE4",
    "IV": "PHASE4",
}
_PHASES_OF_CTIS_CODE: dict[str, tuple[Phase, ...]] = {
    **dict.fromkeys(("1", "2", "3"), ("PHASE1",)),
    "4": ("PHASE2",),
    "5": ("PHASE3",),
    "6": ("PHASE4",),
    **dict.fromkeys(("7", "8", "9"), ("PHASE1", "PHASE2")),
    "10": ("PHASE2", "PHASE3"),
    "11": ("PHASE3", "PHASE4"),
}
_WITHOUT_PHASE = _keys(
    "na|n/a|n\\a|n/|not applicable|not applicable (n/a)|no phase|other|others|pilot|pilot study|feasibility|"
    "bioequivalence|bioequivalence study|ba/be|new treatment measure clinical study|"
    "diagnostic new technique clincal study|diagnostic new technique clinical study|retrospective study|"
    "basic science|해당사항없음|해당없음|其它|其他|不适用|該当せず|該当なし"
) - {""}
_AFTER_MARKETING = re.compile(r"post[ -]?market|上市后|製造販売後|시판 ?후", re.I)


@lru_cache(4096)
def phases(raw: str | None, register: str | None = None) -> tuple[Phase, ...]:
    """Phases in ascending order, two for a combined one; `("NA",)` if the source says none applies; `()` if unknown.

    Phase 0 is EARLY_PHASE1. ChiCTR also writes `0` for studies without a phase, which cannot be told apart.
    A spreadsheet turns `1-2` into 1 February (or 2 January) of some year and `2-3` into 2 March: such dates, their
    serial numbers and `2-Mar` are read as the two phases. With register `ctis`, a bare integer is CTIS's own code.
    """
    if not raw:
        return ()
    text = _plain(raw).strip()
    if register == "ctis" and text in _PHASES_OF_CTIS_CODE:
        return _PHASES_OF_CTIS_CODE[text]
    answers = _PHASE_PAIR.findall(text)
    if answers:
        found = {_PHASE_OF_NUMBER[number.upper()] for number, answer in answers if answer.lower() == "yes"}
        if not found and all(answer for _, answer in answers):
            return ("NA",)
        return tuple(sorted(found))
    pair = _excel_pair(text)
    if pair:
        return pair
    key = _squash(text)
    if key in _WITHOUT_PHASE:
        return ("NA",)
    if _AFTER_MARKETING.search(text):
        return ("PHASE4",)
    if len(text) > 80 or key in _PLACEHOLDERS:
        return ()
    upper = text.upper().replace("_", " ").replace("PHASE", " ")
    if "EARLY" in upper:
        return ("EARLY_PHASE1",)
    return tuple(sorted({_PHASE_OF_NUMBER[number] for number in _PHASE_TOKEN.findall(upper)}))


def _excel_pair(text: str) -> tuple[Phase, ...]:
    """The combined phase behind a date that a spreadsheet made of it."""
    if _EXCEL_SERIAL.fullmatch(text):
        text = (_EXCEL_DAY_ZERO + timedelta(days=int(text[:5]))).isoformat()
    if match := _EXCEL_DAY.fullmatch(text):
        numbers = (int(match[1]), int(match[2]))
    elif match := _EXCEL_MONTH.fullmatch(text):
        numbers = (int(match[1] or match[4]), _MONTHS[(match[2] or match[3]).lower()])
    else:
        return ()
    low, high = min(numbers), max(numbers)
    return (_PHASE_OF_NUMBER[str(low)], _PHASE_OF_NUMBER[str(high)]) if 1 <= low == high - 1 <= 3 else ()


_STUDY_TYPE: dict[str, StudyType] = _words(
    {
        "INTERVENTIONAL": "intervention|interventional study|interventional trial|interventional clinical trial|"
        "interventional clinical trial of medicinal product|ba/be|treatment study|treatment|prevention|"
        "interventional studies|clinical trial|干预性研究|介入研究|介入|중재연구|intervencional|ensayo clínico",
        "OBSERVATIONAL": "observational study|observational [patient registry]|observational non invasive|"
        "observational invasive|observational patient registry|pms|post marketing surveillance|"
        "epidemiological study|epidemilogical research|epidemiological research|cause/relative factors study|"
        "cause|prognosis study|non-interventional|non-interventional study|retrospective study|case series|"
        "观察性研究|観察研究|観察|관찰연구|observacional",
        "EXPANDED_ACCESS": "expanded access interventional|expanded access program",
        "OTHER": "diagnostic test|basic science|screening|health services research|health services reaserch|"
        "others|others,meta-analysis etc|relative factors research|not applicable",
    }
)


@lru_cache(4096)
def study_type(raw: str | None) -> StudyType | None:
    """Study type; kinds that may be either (diagnostic test, basic science, screening) are OTHER."""
    return _look_up(_STUDY_TYPE, raw) if raw else None


# --- design

_ALLOCATION: dict[str, Allocation] = _words(
    {
        "RANDOMIZED": "randomised|rct|randomized controlled trial|randomised controlled trial|randomized trial|"
        "randomized controlled study|randomized controlled",
        "NON_RANDOMIZED": "non randomised|not randomized|not randomised|non-rct|non-randomized controlled trial|"
        "non-randomised controlled trial|non-randomised trial|non-randomized trial|quasi-randomized|"
        "quasi-randomised",
        "NA": "n/a|not applicable|single arm study|single arm|n/a: single arm study|single arm trial|single group",
    }
)
_INTERVENTION_MODEL: dict[str, InterventionModel] = _words(
    {
        "SINGLE_GROUP": "single group assignment|single group|single|single (group)|single arm|single assignment|"
        "single arm study|single arm trial",
        "PARALLEL": "parallel assignment|parallel group|parallel groups|parallel design",
        "CROSSOVER": "crossover assignment|cross-over|crossover design|cross-over assignment",
        "FACTORIAL": "factorial assignment|factorial design",
        "SEQUENTIAL": "sequential assignment",
    }
)
_OBSERVATIONAL_MODEL: dict[str, ObservationalModel] = _words(
    {
        "COHORT": "cohort study",
        "CASE_CONTROL": "case-control study|case control study|case-comparison",
        "CASE_ONLY": "case series|case study|case-only study",
        "CASE_CROSSOVER": "case-crossover study",
        "ECOLOGIC_OR_COMMUNITY": "ecologic or community studies|ecologic/community",
        "FAMILY_BASED": "",
        "DEFINED_POPULATION": "",
        "NATURAL_HISTORY": "",
        "OTHER": "others",
    }
)
_TIME_PERSPECTIVE: dict[str, TimePerspective] = _words(
    {
        "RETROSPECTIVE": "",
        "PROSPECTIVE": "",
        "CROSS_SECTIONAL": "cross-sectional study",
        "OTHER": "both|retrospective/prospective|others|longitudinal",
    }
)
_PURPOSE: dict[str, Purpose] = _words(
    {
        "TREATMENT": "treatment purpose|therapy|therapeutic|treatment: drugs|treatment study|치료",
        "PREVENTION": "preventive|prophylaxis|prevention purpose|예방",
        "DIAGNOSTIC": "diagnosis|diagnostics|diagnostic purpose|diagnosis / prognosis|진단",
        "ECT": "educational/counseling/training|educational / counselling / training|education|education/guidance",
        "SUPPORTIVE_CARE": "supportive care purpose|supportive|palliative care",
        "SCREENING": "early detection / screening|screening purpose",
        "HEALTH_SERVICES_RESEARCH": "health services research purpose|health care system|health service research|"
        "health services reaserch|healthcare system|health economics",
        "BASIC_SCIENCE": "basic science purpose|basic research/physiological study|basic research|basic sciences",
        "DEVICE_FEASIBILITY": "",
        "OTHER": "others|other purpose|prognosis|prognostic|etiologic|"
        "natural history|psychosocial|pharmacogenetics|pharmacogenomics|"
        "quality of life|기타",
    }
)


@lru_cache(4096)
def allocation(raw: str | None) -> Allocation | None:
    """Allocation out of one word or phrase: `Randomised controlled trial`, `Non-RCT`, `N/A: single arm study` ..."""
    if not raw:
        return None
    found = _look_up(_ALLOCATION, raw) or _ALLOCATION.get(_squash(_PARENTHESIS.sub("", raw)))
    if found:
        return found
    if _NOT_RANDOM.search(raw):
        return "NON_RANDOMIZED"
    if _RANDOM.search(raw):
        return "RANDOMIZED"
    return "NA" if _SINGLE_ARM.search(raw) else None


@lru_cache(4096)
def intervention_model(raw: str | None) -> InterventionModel | None:
    """Intervention model out of one word or phrase: `Parallel Assignment`, `Cross-over`, `Single (group)` ..."""
    if not raw:
        return None
    return _look_up(_INTERVENTION_MODEL, raw) or _model_in(raw)


@lru_cache(1024)
def observational_model(raw: str | None) -> ObservationalModel | None:
    """Observational model out of one word or phrase."""
    return _look_up(_OBSERVATIONAL_MODEL, raw) if raw else None


@lru_cache(1024)
def time_perspective(raw: str | None) -> TimePerspective | None:
    """Time perspective out of one word; `Both` and `Longitudinal` are OTHER."""
    return _look_up(_TIME_PERSPECTIVE, raw) if raw else None


@lru_cache(1024)
def primary_purpose(raw: str | None) -> Purpose | None:
    """Primary purpose out of one word or phrase."""
    return _look_up(_PURPOSE, raw) if raw else None


@lru_cache(4096)
def masking(raw: str | None) -> Masking | None:
    """How many roles are masked; None if the text does not say, also where someone is masked but not who."""
    return _masking_of(raw).masking if raw else None


@lru_cache(4096)
def masked_roles(raw: str | None) -> tuple[MaskedRole, ...]:
    """Who is masked, in the order of `MaskedRole`: `Double (Participant, Investigator)`, `Patient/subject` ..."""
    if not raw:
        return ()
    return tuple(role for role, pattern in _ROLES if pattern.search(raw))


_ROLES: tuple[tuple[MaskedRole, re.Pattern[str]], ...] = (
    ("PARTICIPANT", re.compile(r"participant|subject|patient|volunteer", re.I)),
    ("CARE_PROVIDER", re.compile(r"care[ _-]?(?:provider|giver)|\bcarer|therapist|clinician|physician", re.I)),
    ("INVESTIGATOR", re.compile(r"investigator(?![/ _]therapist)|researcher", re.I)),
    ("OUTCOMES_ASSESSOR", re.compile(r"assess|observer|evaluator|\brater", re.I)),
)
_LEVELS: tuple[Masking, ...] = ("NONE", "SINGLE", "DOUBLE", "TRIPLE", "QUADRUPLE")

_NOT_RANDOM = re.compile(r"\b(?:non?|not|quasi|un|without)[\s/-]*(?:been )?(?:a )?rando?mi?[sz]?|\bnon-?rct\b", re.I)
_RANDOM = re.compile(r"\brandom(?:i[sz]|(?:ly)? (?:assign|allocat))|\brct\b", re.I)
_SINGLE_ARM = re.compile(r"\bsingle[\s-]*(?:arm|group|treatment arm)(?:ed)?\b|\bone[\s-]arm(?:ed)?\b", re.I)
_UNCONTROLLED = re.compile(r"\b(?:uncontrolled|non[- ]?controlled|(?:without (?:a )?|no )control(?: group)?)\b", re.I)
_CROSSOVER = re.compile(r"\bcross[\s-]*over\b", re.I)
_FACTORIAL = re.compile(r"\bfactorial\b", re.I)
_PARALLEL = re.compile(r"\bparal+el", re.I)

_UNMASKED = re.compile(
    r"\bopen[\s-]*(?:label|masking not used|-?no one is blinded)|\bmasking not used|\bno (?:masking|blinding)\b|"
    r"\bun(?:blind|mask)ed|\b(?:not|non)[\s-]*(?:blind|mask)(?:ed)?\b|\bopen\s*\(|"
    r"\bopen,? (?:prospective|random|controlled|multi|single|one|two|three|parallel|non|pilot|clinical|trial|study|"
    r"uncontrolled|comparative|cross|phase|explor|intervention|active|treatment)|(?:^|[,;.:])\s*open\s*(?=$|[,;.)])",
    re.I,
)
_ONLY_ASSESSOR = re.compile(r"open\s*-?\s*but (?:assessor|observer|evaluator)", re.I)
_LEVEL_WORD = re.compile(
    r"\b(quadruple|triple|double|single)[\s-]*(?:\([^)]*\)[\s-]*)?(?:\w+[\s-]+)?(?:bl?ind|mask|dummy)", re.I
)
_LEVEL_ALONE = re.compile(r"^\W*(quadruple|triple|double|single)\b", re.I)
_LEVEL_IN_LIST = re.compile(r",\s*(quadruple|triple|double)\s*(?=,|$)", re.I)
_MASKED_BY_ROLE = re.compile(
    r"\b((?:(?:patient|participant|subject|observer|assessor|investigator|evaluator|rater|outcomes?|analyst|"
    r"statistician|sponsor|researcher|clinician|physician)s?(?:[\s-]*assess(?:or|ment)s?)?"
    r"(?:,\s?|\s?/\s?|\sand\s|\s?&\s?)?){1,6})[\s-]?(?:is |are )?(?:blind|mask)(?:ed|ing)?\b",
    re.I,
)
_MASKING_USED = re.compile(r"\bmasking(?:/blinding)? used", re.I)
_MASKED = re.compile(
    r"(?<!colour )(?<!color )\bblind(?:ed|ing)?\b(?! (?:people|person|patient|spot|loop|child|student|insert|nasal))|"
    r"\bmasked\b(?! (?:hypertension|face))",
    re.I,
)


class _Masking(NamedTuple):
    masking: Masking | None = None
    is_masked: bool | None = None
    roles: tuple[MaskedRole, ...] = ()


_OPEN = _Masking("NONE", False)


def _masking_of(value: str) -> _Masking:
    """Masking out of a value that is about masking; `Not applicable` says that nobody is masked."""
    if _squash(value) in ("none", "open", "no", "notblinded", "notapplicable", "na"):
        return _OPEN
    level = _LEVEL_ALONE.match(value)
    if level is None:
        found = _masking_in(value)
        roles = masked_roles(value) if found.is_masked and not found.masking else ()
        return _Masking(_LEVELS[len(roles)], True, roles) if roles else found
    return _Masking(level[1].upper(), True, masked_roles(value[level.end() :]))  # type: ignore[arg-type]


def _masking_in(text: str) -> _Masking:
    """Masking out of a sentence that may mention it."""
    if _ONLY_ASSESSOR.search(text):
        return _Masking("SINGLE", True, ("OUTCOMES_ASSESSOR",))
    level = _LEVEL_WORD.search(text) or _LEVEL_IN_LIST.search(text)
    by_role = _MASKED_BY_ROLE.search(text)
    if not level and not by_role:
        if used := _MASKING_USED.search(text):
            named = masked_roles(text[used.end() :][:120]) if "/" in used[0] else ()  # PACTR lists who
            return _Masking(_LEVELS[len(named)] if named else None, True, named)
        if _UNMASKED.search(text):
            return _OPEN
    if level:
        listed = level[0] + text[level.end() :][:60]
        roles = masked_roles(listed) if "(" in listed or " are blinded" in listed else ()
        masking: Masking = level[1].upper()  # type: ignore[assignment]
        return _Masking(masking, True, roles)
    if by_role:
        roles = masked_roles(by_role[1])
        return _Masking(_LEVELS[len(roles)] if roles else None, True, roles)
    return _Masking(None, True) if _MASKED.search(text) else _Masking()


def _model_in(text: str) -> InterventionModel | None:
    if _CROSSOVER.search(text):
        return "CROSSOVER"
    if _FACTORIAL.search(text):
        return "FACTORIAL"
    if _SINGLE_ARM.search(text):
        return "SINGLE_GROUP"
    return "PARALLEL" if _PARALLEL.search(text) else None


class Design(NamedTuple):
    """What a design text says; None (or empty) where it does not say."""

    allocation: Allocation | None = None
    intervention_model: InterventionModel | None = None
    observational_model: ObservationalModel | None = None
    time_perspective: TimePerspective | None = None
    masking: Masking | None = None
    is_masked: bool | None = None
    """Whether anyone is masked; known also where `masking` (how many roles) is not."""
    masked_roles: tuple[MaskedRole, ...] = ()
    primary_purpose: Purpose | None = None
    is_uncontrolled: bool | None = None
    """True where the text says outright that there is no control group, randomised or not."""

    def filled(self, other: Design) -> Design:
        """This Design, its gaps filled by another; what is said of masking is taken from one of the two."""
        gaps = {name: getattr(other, name) for name in self._fields if getattr(self, name) in (None, ())}
        if self.is_masked is not None:
            gaps = {name: value for name, value in gaps.items() if name not in ("masking", "masked_roles")}
        return self._replace(**gaps)


_LABELS = {
    "allocation": r"allocation|randomi[sz]ation|randomi[sz]ed",
    "model": r"intervention(?:al)? (?:study )?model|assignment|group",
    "observational": r"observational (?:study )?model|selection",
    "perspective": r"time perspective|timing",
    "masking": r"blinding/masking|masking/blinding|blinding and masking|masking|blinding",
    "roles": r"blinding target|who is (?:/ are )?(?:blinded|masked)(?: / (?:blinded|masked))?",
    "purpose": r"(?:study design |primary )?purpose",
    "arms": r"type",
    "control": r"control(?: group)?",
    "sequence": r"method of generating randomi[sz]ation sequence",
    "other": r"randomi[sz]ation description|blinding description|(?:endpoint|end point) classification|"
    r"type of endpoint|(?:study|design) type|method of allocation concealment|"
    r"placebo|enrollment|biospecimen retention|duration",
}
_LABEL = re.compile(
    r"(?<![A-Za-z])(?:" + "|".join(f"(?P<{name}>{words})" for name, words in reversed(_LABELS.items())) + r")\s*:\s*",
    re.I,
)
_LONGEST_DESIGN = 20_000
"""Characters of a design text that are read; the longest of registers have some 8,000."""
_EU_PAIR = re.compile(
    r"(Controlled|Randomised|Open|Single blind|Double blind|Parallel group|Cross over)\s*:\s*(yes|no)", re.I
)
_EU_OTHER = re.compile(r"Other trial design description\s*:(.*?)(?:If controlled|$)", re.I | re.S)
_EU_ARMS = re.compile(r"Number of treatment arms in the trial\s*:\s*(\d+)", re.I)
_PACTR_MODEL = re.compile(r"(parallel|cross-?over|factorial|single[ -]group|single arm)\s*:[^,]*", re.I)
_PURPOSE_PHRASE = re.compile(
    r"\b([a-z]+(?: [a-z]+){0,3}) purpose\b|\(([^()]{1,60})\)\s*$"
    r"|\btrial of (treatment|prevention|diagnosis|screening)\b",
    re.I,
)
_OBSERVATIONAL_PHRASES: tuple[tuple[re.Pattern[str], ObservationalModel], ...] = (
    (re.compile(r"\bcase[\s-]*cross[\s-]*over\b", re.I), "CASE_CROSSOVER"),
    (re.compile(r"\bcase[\s-]*control", re.I), "CASE_CONTROL"),
    (re.compile(r"\bcase (?:series|study)\b", re.I), "CASE_ONLY"),
    (re.compile(r"\bcohort\b", re.I), "COHORT"),
)
_INTERVENTIONAL = re.compile(r"\bintervention", re.I)
_OBSERVATIONAL = re.compile(
    r"\bobservational\b|\bcohort study|\bcase[ -](?:control|series|study)|\bcross[\s-]*sectional", re.I
)


@lru_cache(2048)
def design(raw: str | None) -> Design:
    """Read a design text in any register's dialect; a sentence (or a title) is read by its key words.

    Label and value (ClinicalTrials.gov, ANZCTR, CRIS, IRCT, DRKS, CTRI, RPCEC, LBCTR, NTR), yes and no answers
    (EU CTR, CTIS), comma lists (jRCT, NL-OMON, PACTR, UMIN), one word (ChiCTR, TCTR), sentences (ISRCTN, ReBEC).
    """
    if not raw or is_placeholder(raw):
        return Design()
    text = _TAG.sub("\n", raw[:_LONGEST_DESIGN]).strip()
    pairs = {name.lower(): answer.lower() == "yes" for name, answer in reversed(_EU_PAIR.findall(text))}
    if "randomised" in pairs and "open" in pairs:
        return _design_of_answers(text, pairs)
    labels = list(_LABEL.finditer(text))
    if all(label.lastgroup in ("arms", "control", "other") for label in labels):
        return _design_of_sentence(text)
    said: dict[str, str] = {}
    for label, following in zip(labels, [*labels[1:], None], strict=True):
        value = text[label.end() : following.start() if following else None].strip(" \n\t.,;")
        if label.lastgroup != "other" and value:
            name = label.lastgroup or ""
            if name == "allocation" and label[0].lower().startswith("randomi") and value.lower() in ("yes", "no"):
                value = "randomized" if value.lower() == "yes" else "not randomized"
            said.setdefault(name, value)
    before = text[: labels[0].start()].strip(" \n\t.,;")
    found = _design_of_values(said).filled(_design_of_sentence(before) if before else Design())
    if found.allocation is None and "random" in said.get("sequence", "").lower():
        return found._replace(allocation="RANDOMIZED")  # CTRI names the method by which the sequence was made
    return found


def _design_of_values(said: Mapping[str, str]) -> Design:
    masked = _masking_of(said["masking"]) if "masking" in said else _Masking()
    roles = masked.roles or (masked_roles(said["roles"]) if "roles" in said and masked.is_masked else ())
    model = intervention_model(said.get("model")) or intervention_model(said.get("arms"))
    chosen = allocation(said.get("allocation"))
    if chosen == "NON_RANDOMIZED":
        chosen = allocation(said.get("arms")) or chosen  # NTR's export answers no for every trial; its type is right
    is_uncontrolled = _UNCONTROLLED.search(said.get("control", "")) is not None
    if chosen == "NON_RANDOMIZED" and is_uncontrolled:
        chosen = "NA"
    elif chosen == "NA" and model not in (None, "SINGLE_GROUP"):
        chosen = None  # not applicable means a single arm, which the text denies
    return Design(
        allocation=chosen,
        intervention_model=model,
        observational_model=observational_model(said.get("observational")),
        time_perspective=time_perspective(said.get("perspective")),
        masking=masked.masking or (_LEVELS[len(roles)] if roles else None),
        is_masked=masked.is_masked,
        masked_roles=roles,
        primary_purpose=primary_purpose(said.get("purpose")),
        is_uncontrolled=is_uncontrolled or None,
    )


def _design_of_answers(text: str, pairs: Mapping[str, bool]) -> Design:
    """EU CTR and CTIS: several of open, single and double blind may be yes; the strictest counts."""
    arms = _EU_ARMS.search(text)
    other = _EU_OTHER.search(text)
    if pairs.get("double blind"):
        masked = _Masking("DOUBLE", True)
    elif pairs.get("single blind"):
        masked = _Masking("SINGLE", True)
    elif pairs.get("open"):
        masked = _OPEN
    else:
        masked = _masking_in(other[1]) if other else _Masking()
    model: InterventionModel | None = None
    if pairs.get("cross over"):
        model = "CROSSOVER"
    elif pairs.get("parallel group"):
        model = "PARALLEL"
    elif arms and arms[1] == "1" and not pairs.get("controlled"):
        model = "SINGLE_GROUP"
    is_uncontrolled = pairs.get("controlled") is False
    chosen: Allocation = "RANDOMIZED" if pairs["randomised"] else "NON_RANDOMIZED"
    if chosen == "NON_RANDOMIZED" and (model == "SINGLE_GROUP" or (model is None and is_uncontrolled)):
        chosen = "NA"
    return Design(chosen, model, None, None, *masked, is_uncontrolled=is_uncontrolled or None)


def _design_of_sentence(text: str) -> Design:
    model: InterventionModel | None = None
    if pactr := _PACTR_MODEL.match(text):
        # the explanation after the colon mentions random allocation, whatever the trial does
        model = _model_in(pactr[1])
        text = text[pactr.end() :]
    masked = _masking_in(text)
    found: Allocation | None = None
    is_uncontrolled = _UNCONTROLLED.search(text) is not None
    model = model or _model_in(text) or ("SEQUENTIAL" if _squash(text) == "sequential" else None)
    if _NOT_RANDOM.search(text):
        found = "NA" if is_uncontrolled else "NON_RANDOMIZED"
    elif _RANDOM.search(text):
        found = "RANDOMIZED"
    elif model == "SINGLE_GROUP" or is_uncontrolled:
        found = "NA"
    perspective: TimePerspective | None = None
    observed: ObservationalModel | None = None
    if found != "RANDOMIZED" and not _INTERVENTIONAL.search(text) and _OBSERVATIONAL.search(text):
        observed = next((model for pattern, model in _OBSERVATIONAL_PHRASES if pattern.search(text)), None)
        lower = text.lower()
        if re.search(r"\bcross[\s-]*sectional", lower):
            perspective = "CROSS_SECTIONAL"
        elif ("retrospective" in lower) != ("prospective" in lower.replace("retrospective", "")):
            perspective = "RETROSPECTIVE" if "retrospective" in lower else "PROSPECTIVE"
        elif "retrospective" in lower:
            perspective = "OTHER"
    return Design(found, model, observed, perspective, *masked, _purpose_in(text), is_uncontrolled or None)


def _purpose_in(text: str) -> Purpose | None:
    for match in _PURPOSE_PHRASE.finditer(text):
        if found := primary_purpose((match[1] or match[2] or match[3]).strip()):
            return found
    if "," not in text:
        return None
    return next((found for part in text.split(",") if (found := primary_purpose(part.strip()))), None)


# --- arms, interventions, outcomes

_INTERVENTION_TYPE: dict[str, InterventionType] = _words(
    {
        "DRUG": "drugs|treatment: drugs|medicine|medication|pharmaceutical",
        "BIOLOGICAL": "biological/vaccine|vaccine|biologic|biologicals",
        "DEVICE": "treatment: devices|devices|medical device",
        "PROCEDURE": "procedure/surgery|treatment: surgery|surgery|surgical|procedure or surgery",
        "RADIATION": "radiotherapy|radiation therapy",
        "BEHAVIORAL": "behavioural|behaviour|behavior|lifestyle|behavioral therapy",
        "GENETIC": "gene transfer|gene therapy",
        "DIETARY_SUPPLEMENT": "supplement|dietary|nutritional supplement|food supplement",
        "COMBINATION_PRODUCT": "mixed|combination product: drug/device",
        "DIAGNOSTIC_TEST": "early detection / screening|diagnosis / prognosis|diagnostic|diagnosis",
        "OTHER": "others|treatment: other|prevention|rehabilitation|other interventions",
    }
)
_ARM_TYPE: dict[str, ArmType] = _words(
    {
        "EXPERIMENTAL": "experimental arm|test|experimental group|intervention",
        "ACTIVE_COMPARATOR": "active comparator arm|active control|active",
        "PLACEBO_COMPARATOR": "placebo|placebo arm|placebo control",
        "SHAM_COMPARATOR": "sham|sham arm|sham intervention",
        "NO_INTERVENTION": "no intervention arm|no treatment|no intervention: control",
        "OTHER": "others",
    }
)
_OUTCOME_TYPE: dict[str, OutcomeType] = _words(
    {
        "PRIMARY": "primary outcome|primary indicator|primary endpoint|primary end point",
        "SECONDARY": "secondary outcome|secondary indicator|key secondary outcome|secondary endpoint|"
        "secondary end point",
        "OTHER_PRE_SPECIFIED": "other|other pre-specified outcome|other outcome|additional indicator|tertiary",
        "POST_HOC": "post-hoc outcome",
    }
)
_DATE_TYPE: dict[str, DateType] = _words(
    {
        "ACTUAL": "real|실제등록(Actual)",
        "ESTIMATED": "estimate|anticipated|expected|planned|예정(Anticipated)",
    }
)


@lru_cache(1024)
def intervention_type(raw: str | None) -> InterventionType | None:
    """Intervention type out of one word or code (`Drug`, `Treatment: Surgery`, `Biological/Vaccine`)."""
    return _look_up(_INTERVENTION_TYPE, raw) if raw else None


@lru_cache(1024)
def arm_type(raw: str | None) -> ArmType | None:
    """Arm type out of one word or phrase."""
    return _look_up(_ARM_TYPE, raw) if raw else None


@lru_cache(1024)
def outcome_type(raw: str | None) -> OutcomeType | None:
    """Outcome type out of one word or phrase."""
    return _look_up(_OUTCOME_TYPE, raw) if raw else None


@lru_cache(1024)
def date_type(raw: str | None) -> DateType | None:
    """Whether a date has happened (`Actual`) or was expected (`Anticipated`, `Estimate`, `ESTIMATED`)."""
    return _look_up(_DATE_TYPE, raw) if raw else None


# --- sponsors

_SPONSOR_CLASS: dict[str, SponsorClass] = _words(
    {
        "NIH": "national institutes of health",
        "FED": "u.s. fed|us fed|u.s. federal",
        "OTHER_GOV": "other gov|government|government body|government agency|public funding|"
        "governmental institution|정부기관",
        "INDIV": "individual|person|investigator|개인",
        "INDUSTRY": "commercial|industry sponsored|commercial sector/industry|pharmaceutical company|"
        "non-pharmaceutical company|laboratory/research/testing facility|pharmaceutical association/federation|"
        "pharmaceutical industry-indian|pharmaceutical industry-global|contract research organization|"
        "제약회사(pharmaceutical company)|제약회사|의료기기회사|company",
        "NETWORK": "other collaborative groups|cooperative group",
        "AMBIG": "",
        "OTHER": "non-commercial|university|university/education|hospital|hospital/treatment centre|charity|"
        "charities/societies/foundations|research council|research organisation|research institution|institutional|"
        "government medical college|private medical college|private hospital/clinic|educational institution|"
        "hospital/clinic/other health care facility|patient organisation/association|health care|non industry|"
        "의료기관(medical institute)|의료기관|not-for-profit|non-profit",
        "UNKNOWN": "",
    }
)


@lru_cache(1024)
def sponsor_class(raw: str | None) -> SponsorClass | None:
    """Sponsor class out of the register's own word for it (`U.S. Fed`, `Non-Commercial`, `Charity`)."""
    return _look_up(_SPONSOR_CLASS, raw) if raw else None


_NIH = re.compile(
    r"\((?:NIH|NCI|NIAID|NHLBI|NICHD|NIDDK|NIMH|NINDS|NIDA|NIAAA|NCATS|NCCIH|NHGRI|NIAMS|NIDCR|NINR|NIEHS|NIGMS|NIDCD|"
    r"NIMHD|NIBIB|CC)\)|\bNational Institutes of Health|\bNIH HHS$|^National Cancer Institute$|^Eunice Kennedy Shriver|"
    r"^National (?:Heart, Lung|Institute of (?:Allergy and Infectious Diseases|Diabetes and Digestive|Mental Health$))"
)
_FED = re.compile(
    r"\bVA\b|\bVeterans\b|\b(?:U\.?S\.?|United States) (?:Army|Navy|Air Force|Department|Food|Fed|Agency|Naval)|"
    r"^Centers for Disease Control and Prevention|\bWalter Reed|\bNaval (?:Medical|Health)|"
    r"^Food and Drug Administration|^Agency for Healthcare Research"
)
_CARE_OR_TEACHING = re.compile(
    r"(?i:uni[vw]er[sz]|\buniv\b|hospital|hosptial|h[oô]pita(?:l|ux)|ospedal|krankenhaus|spital\b|klini[kc]|kliniek|"
    r"\bclini(?:c|que|ca)\b(?! research)|colleg|facult|\bschool\b|hochschule|polit[eé]cni|polytech|acad[eé]m|sjukhus|"
    r"sykehus|sygehus|szpital|kórház|hastane|ziekenhuis|gasthuis|santa casa|assistance publique|hospices civils|"
    r"centre hospitalier|policlinic|azienda|medical cent(?:er|re)|medisch centrum|umc\b|infirmary|charit[eé]\b|"
    r"health service|health (?:district|board|authority)|sciences? cent(?:er|re))|"
    r"\b(?:CH|CHU|CHRU|AOU|ASST|UMC|UMCG|UZ|KU|HU|MC|LHD|AP-?HP|IRCCS|NHS|UNSW|AIIMS|PGIMER|SGPGI(?:MS)?|Mayo)\b"
)
_LEGAL_FORM = re.compile(
    r"(?i:\b(?:inc|ltd|limited|llc|gmbh|corp|corporation|incorporated|plc|kgaa|pvt|pvtltd|pty|k\.k|ltda|sdn|bhd|llp|lp|"
    r"l\.p|sarl|s\.?p\.?a|s\.?r\.?l|s\.?a\.?s|b\.v|n\.v|s\.l|s\.a|a\.s|a/s|company|companies|co)(?![\w-]))|"
    r"\b(?:AG|AB|ASA|SA|SE|NV|BV|AS|KG|OY|SL|ApS|Oyj|JSC|PJSC|OOO|OAO|NPO)(?![\w-])|有限公司|株式会社"
)
_COMPANY = re.compile(
    r"\b(?:abbott|abbvie|actelion|alcon|allergan|almirall|amgen|aspen|astellas|astra ?zeneca|baxalta|baxter|bayer|"
    r"beigene|biogen|bioprojet|biontech|boehringer|bristol-myers|burroughs ?wellcome|celgene|celltrion|cephalon|chiesi|"
    r"cipla|covance|csl|daiichi|dendreon|eisai|exelixis|ferring|galderma|gedeon richter|genentech|genmab|gilead|"
    r"glaxo\w*|gsk|grifols|guerbet|hengrui|hoechst|incyte|iqvia|ipsen|janssen|johnson & johnson|leo pharma|"
    r"lg chem|lilly|lundbeck|lupin|mallinckrodt|medimmune|medtronic|menarini|merck|merz|moderna|mylan|nestl[eé]|"
    r"novartis|novavax|novo nordisk|octapharma|organon|parexel|parke-davis|pfizer|philips|ppd|"
    r"procter (?:and|&) gamble|purdue|regeneron|rhone-poulenc|roche|sandoz|sanofi|schering\S*|searle|seqirus|"
    r"serum institute of india|servier|shionogi|shire|sinovac|sinopharm|smith ?kline\S*|sunovion|takeda|teva|ucb|"
    r"upjohn|vertex|viiv|warner[- ](?:lambert|chilcott)|wyeth|zambon|zydus)\b",
    re.I,
)
_TRADE = re.compile(
    r"(?i:phar(?:n?m)a(?!co(?:log|vigil|kinet|epidem)|cy\b|cists?\b)|\bpharm\b|\bfarma|biotech|therapeutics|"
    r"biologic(?:al)?s\b|"
    r"vaccines\b|peptides\b|genetics\b|innovations\b|pharmed\b|\bstudios\b|orthop(?:a)?edics\b|laborator(?:ies|ios)\b|laboratoires?|"
    r"\blabs\b|life ?sciences\b|bio-?sciences?\b|biomed\b|diagnostics\b|"
    r"\bindustr(?:y|ies)\b|technologies\b|\bdevices\b|\bcommercial\b|genomics\b|\bsolutions\b|\bglobal\b|bio-?thera)|"
    r"^\w*[a-z](?:vax|[Bb]io|gen|gene|immune|therapies|thera|cept|cell|vir|medix)$|^(?:Bio|Immuno|Cell|Gene|Vax)\w+$"
)
_GOVERNMENT = re.compile(
    r"\bminist(?:ry|[eé]rio|[eè]re)|minist(?:erium|erie|eriet)\b|\bgovernment|"
    r"\bdepartment of (?:health|biotechnology|science)|"
    r"\bnational (?:health|medical|science|natural science)[\w ]{0,40} (?:council|commission|foundation of china)|"
    r"\bcouncil of (?:medical|scientific)|\bpublic health (?:england|agency|department)|\bsecretar[ií]a\b|"
    r"\bcent(?:er|re)s? for disease (?:control|prevention)|\bbureau\b|\bmilitary\b|\bCCRAS\b|\bICMR\b|"
    r"\bhealth (?:commission|department)\b|\bcentral council\b",
    re.I,
)
_NETWORK = re.compile(
    r"\b(?:ECOG|SWOG|NRG|GOG|EORTC|network|consortium|(?:cooperative|oncology|study|trials?|research) group|gruppo|"
    r"groupe|grupo)\b",
    re.I,
)
_PUBLIC_BODY = re.compile(
    r"in?stitut|zentrum|\bcent(?:er|re|rum|ro)\b|gesellschaft|arbeitsge|\be\. ?v\b|sociedad|asociaci|unicancer|inserm|"
    r"gustave roussy|red cross|rotes kreuz|\bCDC\b|foundation|fundaci|fondazione|fondation|stiftung|\bsoci[eé]t|"
    r"\btrust\b|"
    r"association|associa[çz]|agency|organi[sz]ation|council|initiative|ministry|federation|alliance|committee|"
    r"m[ée]decins sans|\bWHO\b|\bPATH\b|benefic[eê]ncia",
    re.I,
)
_ORGANISATION = re.compile(
    r"program|department|division|\bunit\b|research|science|\bhealth|medic|national|international|\bgroup\b|\bunion\b|"
    r"\bclin\b|\bcancer\b|\bcare\b|fund\b|\btrials?\b|\blab\b|project|office|region|\bcity\b|ayurved|therap|children|"
    r"associates|consultants|\bsvt\b|stichting|\bfond(?:en|s)?\b|\bbanks?\b|community|family|blood|sang\b|"
    r"direction\b|estudios|laboratory|practice|"
    r"permanente|\bstudy\b|vereinigung|di[aá]lisis|\bcells?\b|innovation|\b(?:north|south)[ -]?(?:east|west)?\b",
    re.I,
)
_TITLED = re.compile(r"(?:^|[\s(])(?:dr|prof|professor|mr|mrs|ms|doctor)\b\.?|,?\s\b(?:M\.?D|Ph\.?D|MBBS)\b", re.I)
_NAME_WORD = re.compile(r"[^\W\d_](?:\.|[^\W\d_]?['\u2019]?[^\W\d_]*)(?:-[^\W\d_]+)?")


def _is_personal_name(name: str) -> bool:
    """Two to four words, each written like a name, none of them a country or an abbreviation."""
    words = name.replace(",", " ").split()
    return (
        2 <= len(words) <= 4
        and all(_NAME_WORD.fullmatch(word) and word[0].isupper() and not country(word) for word in words)
        and not any(word.isupper() and len(word) > 2 for word in words)
        and not any(character.isupper() for word in words for character in word[3:].partition("-")[0])
    )


@lru_cache(4096)
def sponsor_class_from_name(name: str | None) -> SponsorClass | None:
    """Sponsor class told from a name by its words; None for placeholders and names without a telling word.

    A university or hospital is OTHER whatever its legal form; otherwise a legal form, a known company or a word of
    the trade is INDUSTRY. A title or degree, or a mere first and last name, without an institution is INDIV.
    """
    if not name or is_placeholder(name):
        return None
    for pattern, found in _SPONSOR_RULES:
        if pattern.search(name[:_LONGEST_NAME]):
            return found
    return "INDIV" if _TITLED.search(name) or _is_personal_name(name.strip()) else None


_LONGEST_NAME = 500
_SPONSOR_RULES: tuple[tuple[re.Pattern[str], SponsorClass], ...] = (
    (_NIH, "NIH"),
    (_FED, "FED"),
    (_CARE_OR_TEACHING, "OTHER"),
    (re.compile("foundation", re.I), "OTHER"),
    (_LEGAL_FORM, "INDUSTRY"),
    (_COMPANY, "INDUSTRY"),
    (_GOVERNMENT, "OTHER_GOV"),
    (_NETWORK, "NETWORK"),
    (_PUBLIC_BODY, "OTHER"),
    (_TRADE, "INDUSTRY"),
    (_ORGANISATION, "OTHER"),
)
"""In this order: a hospital with a legal form is a hospital, an institute of a company belongs to the company."""


# --- who takes part

_SEX: dict[str, Sex] = _words(
    {
        "ALL": "both|both males and females|male and female|male/female|both, male and female|female/male|m/f|f/m|"
        "female and male|males and females|men and women|both genders|both sexes|any|ambos|masculino e feminino|"
        "男女|男女兼有|男女均可|男女とも|남녀|남녀모두|모두|무관|هر دو",
        "FEMALE": "f|females|women|woman|female only|femenino|feminino|mujeres|女|女性|여|여성|여자|زن",
        "MALE": "m|males|men|man|male only|masculino|hombres|男|男性|남|남성|남자|مرد",
    }
)
# no word boundary: line breaks get lost, as in "Female: yesMale: yes"
_SEX_PAIR = re.compile(r"(female|(?<!fe)male)\s*:\s*(yes|no)", re.I)


@lru_cache(1024)
def sex(raw: str | None) -> Sex | None:
    """Sex of the participants: `Both`, `Females`, `Female: no Male: yes`; ReBEC's `-` means both."""
    if not raw:
        return None
    if raw.strip() == "-":
        return "ALL"
    answers = {who.lower(): answer.lower() == "yes" for who, answer in _SEX_PAIR.findall(raw)}
    if answers:
        female, male = answers.get("female", False), answers.get("male", False)
        return "ALL" if female and male else "FEMALE" if female else "MALE" if male else None
    return _look_up(_SEX, raw)


_AGE = re.compile(
    r"[<>=≤≥\s만満]*(\d+(?:[.,]\d+)?)[\s-]*\(?\s*([^\d\s()<>=≤≥+.,-]*)[\s.]*(?:\(s\)|-?\s*old)?\s*\)?\s*(?:old|of age)?"
    r"\s*(\+)?\s*",
    re.I,
)
_UNITS_OF_AGE = (
    (1.0, "y|yr|yrs|year|years|age|a|año|años|ano|anos|jahre|ans|岁|周岁|歳|才|세|سال|ปี"),
    (1 / 12, "m|mo|month|months|mes|meses|mês|个月|月|月龄|か月|ヶ月|개월|ماه|เดือน"),
    (7 / 365.25, "w|wk|wks|week|weeks|semana|semanas|周|週|주|هفته|สัปดาห์"),
    (1 / 365.25, "d|day|days|día|días|dia|dias|天|日|일|روز|วัน"),
    (1 / (24 * 365.25), "h|hr|hour|hours|hora|horas|小时|時間|시간|ساعت"),
    (1 / (24 * 60 * 365.25), "min|minute|minutes|minutos|分钟|分"),
)
_YEARS_OF_UNIT = {"": 1.0, **{word: years for years, words in _UNITS_OF_AGE for word in words.split("|")}}


@lru_cache(8192)
def age_years(raw: str | None, is_maximum: bool = False) -> float | None:
    """An age limit in years; None for no limit, not said, or not an age.

    A bare number is in years. As a maximum, 0 and `65+` mean no limit; from 120 years on no limit is meant in any
    case. 99 and 100 stay as they are.
    """
    if not raw:
        return None
    match = _AGE.fullmatch(raw)
    factor = _YEARS_OF_UNIT.get(match[2].lower()) if match else None
    if match is None or factor is None:
        return None
    years = float(match[1].replace(",", ".")) * factor
    if years >= MAXIMUM_PLAUSIBLE_AGE or (is_maximum and (years == 0 or match[3])):
        return None
    return years


_WHOLE_NUMBER = re.compile(r"\d{1,9}(?:\.0+)?|\d{1,3}(?:[, ]\d{3})+")
_GROUP_SIZE = re.compile(r"[:\uff1a]\s*(\d{1,8})\s*[人名例명]?\s*(?:[;\uff1b]|$)")
_CLOCK = re.compile(r"\d:\d\d:\d\d")
_A_NUMBER = re.compile(r"\d[\d.,]*")
_NOT_PEOPLE = re.compile(
    r"\s*-?(?:%|percent|months?|weeks?|days?|years?|hours?|min|m?g\b|ml|kg|cm|mm|arms?\b|groups?\b|sites?\b|"
    r"cent(?:er|re)|hosp)",
    re.I,
)
_DIVIDED_SIZE = re.compile(
    r"([\d,]{1,11})\s*\(\s*(\d{1,8}) (?:patients |participants |subjects )?(?:in|per|for) (?:each )?"
    r"(?:study )?(?:arm|group)s?\s*\)",
    re.I,
)
_LIMIT_OF_EXPORT = 250
"""ICTRP cuts long target sizes off near 255 characters, also within a number."""


@lru_cache(8192)
def enrollment(raw: str | None) -> int | None:
    """Number of participants: a number, ChiCTR's `group:30;group:30;` summed, or the only number of a sentence.

    `400 (200 in each arm)` is 400.

    Placeholders (anything with 9999) and texts with several numbers give None.
    """
    if not raw or "9999" in raw or _CLOCK.search(raw):
        return None
    text = _plain(raw).strip()
    if _WHOLE_NUMBER.fullmatch(text):
        return int(float(text.replace(",", "").replace(" ", "")))
    divided = _DIVIDED_SIZE.fullmatch(text)
    if divided and _WHOLE_NUMBER.fullmatch(divided[1]):
        whole, part = int(divided[1].replace(",", "")), int(divided[2])
        return whole if part and whole > part and whole % part == 0 else None
    groups = list(_GROUP_SIZE.finditer(text))
    if groups:
        is_whole = groups[-1].end() == len(text) and (len(text) < _LIMIT_OF_EXPORT or not text[-1].isdecimal())
        return sum(int(group[1]) for group in groups) if is_whole else None
    numbers = list(_A_NUMBER.finditer(text))
    if len(numbers) != 1:
        return None
    start, end = numbers[0].span()
    value = numbers[0][0].rstrip(".,")
    if text[:start][-1:].isalnum() or text[:start].endswith("-") or not _WHOLE_NUMBER.fullmatch(value):
        return None
    if _NOT_PEOPLE.match(text, end) or (text[end : end + 1].isalnum() and text[end] not in "人名例명"):
        return None
    return int(float(value.replace(",", "")))


# --- dates

DateOrder = Literal["ymd", "dmy", "mdy", "excel"]

_MONTH_NAMES = "january february march april may june july august september october november december"
_MONTHS = {name: number for number, full in enumerate(_MONTH_NAMES.split(), 1) for name in (full, full[:3], full[:4])}
_MONTHS |= {
    name: number
    for names in (
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    )
    for number, name in enumerate(names.split(), 1)
}
_DAYS = (0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_EXCEL_DAY_ZERO = date(1899, 12, 30)

_ISO = re.compile(
    r"(\d{4})[-/.](\d{1,2})(?:[-/.](\d{1,2})(?:[+-]\d\d:\d\d)?)?(?:[T\s]\s*\d{1,2}:.*|(?!\d)[^\dT-][^\d]*)?",
    re.S | re.A,
)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})", re.A)
_NUMERIC = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})(?:\s.*)?", re.S | re.A)
_MONTH_YEAR = re.compile(r"(\d{1,2})[-/.](\d{4})", re.A)
_MONTH_FIRST = re.compile(
    r"([a-z]{3,9})\.?[\s,-]*(?:(\d{1,2})(?:st|nd|rd|th)?\s*,?\s+)?(\d{4})(?:\s+\d{1,2}:.*)?", re.I | re.A
)
_DAY_FIRST = re.compile(
    r"(\d{1,2})(?:st|nd|rd|th)?[\s./-]*(?:(?:of|de)\s+)?([a-zç]{3,10})\.?[\s,/-]*(?:del?\s+)?(\d{4})(?:\s+\d{1,2}:.*)?",
    re.I | re.A,
)
_YEAR_FIRST = re.compile(
    r"(\d{4})\s*[-/ ]?\s*([a-z]{3,9})\.?(?:[\s-]+(\d{1,2}))?(?![\d])(?:\s*[-/\u2013].*)?", re.I | re.A
)
_YEAR = re.compile(
    r"(\d{4})(?:\s*-\s*\d{4})?(?:\s+(?:spring|summer|autumn|fall|winter|\d\w{2}\s+\w+|\w+\s+quarter).*)?|"
    r"(?:spring|summer|autumn|fall|winter)\s+(\d{4})",
    re.I | re.A,
)


@lru_cache(65536)
def parse_date(raw: str | None, order: DateOrder | None = None) -> str | None:
    """A date as precise as it was given: `2019`, `2019-05` or `2019-05-31`; None if it is no (possible) date.

    `order` settles 03/04/2019 only: without it the year alone is sure (both orders are tried, one may be impossible).
    Times and zones are cut off, not applied: registers write local midnight. The first date of a range counts
    (`1998 Dec-1999 Jan`), of a season the year. Serial numbers of spreadsheets are read with order `excel` only.
    1900-01-01 is what exports write where there is none, and gives None.
    """
    if not raw or len(raw) > 80:
        return None
    if len(raw) == 10 and raw[4] == "-" == raw[7] and raw.isascii():
        year, month, day = raw[:4], raw[5:7], raw[8:]
        if year.isdecimal() and month.isdecimal() and day.isdecimal():
            return _iso(int(year), int(month), int(day))
    text = _plain(raw).strip()
    if not text.isascii():
        text = _CJK_DATE.sub(_of_east_asia, text)
    if order == "excel":
        number = text.partition(".")[0]  # the rest is the time of day
        if number.isdecimal() and 0 < int(number) < 2_958_466:
            return _iso(*(_EXCEL_DAY_ZERO + timedelta(days=int(number))).timetuple()[:3])
    if match := _ISO.fullmatch(text):
        return _iso(int(match[1]), int(match[2]), int(match[3]) if match[3] else None)
    if match := _COMPACT.fullmatch(text):
        return _iso(int(match[1]), int(match[2]), int(match[3]))
    if match := _NUMERIC.fullmatch(text):
        return _of_numbers(int(match[1]), int(match[3]), int(match[4]), order)
    if (match := _MONTH_FIRST.fullmatch(text)) and match[1].lower() in _MONTHS:
        return _of_name(match[3], match[1], match[2])
    if (match := _DAY_FIRST.fullmatch(text)) and match[2].lower() in _MONTHS:
        return _of_name(match[3], match[2], match[1])
    if (match := _YEAR_FIRST.fullmatch(text)) and match[2].lower() in _MONTHS:
        return _of_name(match[1], match[2], match[3])
    if match := _MONTH_YEAR.fullmatch(text):
        return _iso(int(match[2]), int(match[1]), None)
    if match := _YEAR.fullmatch(text):
        year = match[1] or match[2]
        return year if 1700 <= int(year) < 2200 else None
    return None


_CJK_DATE = re.compile(
    r"(令和|平成|昭和)?\s*(\d{1,4}|元)\s*[年년]\s*(?:(\d{1,2})\s*[月월]\s*(?:(\d{1,2})\s*[日일])?)?", re.A
)
_YEAR_BEFORE_ERA = {"令和": 2018, "平成": 1988, "昭和": 1925}


def _of_east_asia(match: re.Match[str]) -> str:
    """`2019年5月31日`, `令和元年5月31日` and `2019년 5월 31일` with dashes between the numbers."""
    year = _YEAR_BEFORE_ERA.get(match[1], 0) + (1 if match[2] == "元" else int(match[2]))
    return "-".join(part for part in (str(year), match[3], match[4]) if part)


def _iso(year: int, month: int, day: int | None) -> str | None:
    if not (1700 <= year < 2200 and 1 <= month <= 12):
        return None
    if day is None:
        return f"{year}-{month:02d}"
    if not 1 <= day <= _DAYS[month] or (day == 29 and month == 2 and monthrange(year, 2)[1] == 28):
        return None
    text = f"{year}-{month:02d}-{day:02d}"
    return None if text == MISSING_DATE else text


def _of_numbers(first: int, second: int, year: int, order: DateOrder | None) -> str | None:
    day_first, month_first = _iso(year, second, first), _iso(year, first, second)
    if day_first and month_first and day_first != month_first:
        return day_first if order == "dmy" else month_first if order == "mdy" else str(year)
    return day_first or month_first


def _of_name(year: str, month: str, day: str | None) -> str | None:
    return _iso(int(year), _MONTHS[month.lower()], int(day) if day else None)


def date_order(register: str) -> Literal["ymd", "dmy"]:
    """Order of day, month and year in ICTRP's registration dates of this register."""
    return "ymd" if register in ("chictr", "itmctr", "cris", "irct", "slctr", "nl_omon") else "dmy"


# --- countries

_COUNTRIES = """
AD Andorra|AE United Arab Emirates=UAE|AF Afghanistan|AG Antigua and Barbuda|AI Anguilla|AN Netherlands Antilles|
AL Albania|AM Armenia|AO Angola|AQ Antarctica|AR Argentina|AS American Samoa|AT Austria=Österreich|AU Australia|
AW Aruba|
AX Aland Islands|AZ Azerbaijan|BA Bosnia and Herzegovina=Bosnia & Herzegovina=Bosnia=Bosnia-Herzegovina|BB Barbados|
BD Bangladesh|BE Belgium=Belgique=België|BF Burkina Faso=Upper Volta|BG Bulgaria|BH Bahrain|BI Burundi|BJ Benin=Dahomey|
BL Saint Barthélemy|
BQ Bonaire, Sint Eustatius and Saba=Bonaire Saint Eustatius and Saba|BV Bouvet Island|BM Bermuda|
BN Brunei Darussalam=Brunei|BO Bolivia=Bolivia, Plurinational State of|BR Brazil=Brasil|BS Bahamas|BT Bhutan|
BW Botswana|BY Belarus=Byelarus=Belorussia|BZ Belize|CA Canada|CC Cocos (Keeling) Islands|
CD Congo, The Democratic Republic of the=Democratic Republic of the Congo=Democratic Republic of Congo=
Congo, Democratic Republic=Congo, Democratic Republic of the=Congo (Kinshasa)=Congo-Kinshasa=DR Congo=DRC=Zaire|
CF Central African Republic|CG Congo=Congo, Republic of the=Republic of the Congo=Congo-Brazzaville=Congo (Brazzaville)|
CH Switzerland=Schweiz=Suisse=Svizzera|
CI Côte D'Ivoire=Ivory Coast|CK Cook Islands|CL Chile|CM Cameroon|
CN China=Chinese=Chian=People's Republic of China=P.R. China=PR China=PRC=China (mainland)=Mainland China=中国|
CO Colombia|CR Costa Rica|CU Cuba|CV Cape Verde=Cabo Verde|CW Curaçao|CX Christmas Island|CY Cyprus|
CZ Czechia=Czech Republic=Czech|DE Germany=Deutschland=Federal Republic of Germany=West Germany=East Germany|
DJ Djibouti|DK Denmark=Danmark|DM Dominica|
DO Dominican Republic|DZ Algeria|EC Ecuador|EE Estonia|EH Western Sahara|EG Egypt=Arab Republic of Egypt|ER Eritrea|
ES Spain=España|ET Ethiopia|FI Finland|FJ Fiji|FK Falkland Islands (Malvinas)=Falkland Islands|
FM Micronesia, Federated States of=Micronesia|FO Faroe Islands|FR France|GA Gabon|GD Grenada|GE Georgia|
GF French Guiana|GG Guernsey|GH Ghana|GI Gibraltar|GL Greenland|GM Gambia|GN Guinea|
GB United Kingdom=UK=U.K.=Great Britain=United Kingdom of Great Britain and Northern Ireland=England=Scotland=Wales=
Northern Ireland=England and Wales=UK - A member state concerned=GB - no longer in EU/EEA|GP Guadeloupe|
GQ Equatorial Guinea|GR Greece=EL=Hellas=Hellenic Republic|
GS South Georgia and the South Sandwich Islands=South Georgia and the South Sandwich Is|GT Guatemala|GU Guam|
GW Guinea-Bissau|GY Guyana|HK Hong Kong=Hong Kong SAR=Hong Kong, China=Hongkong|HM Heard Island and McDonald Islands|
HN Honduras|HR Croatia=Hrvatska|HT Haiti|HU Hungary|ID Indonesia|IE Ireland=Republic of Ireland=Eire|IL Israel|
IM Isle of Man|IN India|IO British Indian Ocean Territory|IQ Iraq|
IR Iran, Islamic Republic of=Iran=Islamic Republic of Iran=ایران|IS Iceland|IT Italy=Italia|JE Jersey|JM Jamaica|
JO Jordan|JP Japan=日本|KE Kenya|KG Kyrgyzstan=Kyrgyz Republic|KH Cambodia|KI Kiribati|KM Comoros|
KN Saint Kitts and Nevis=St. Kitts and Nevis|
KP Korea, Democratic People's Republic of=North Korea=Korea, North=Democratic People's Republic of Korea|
KR Korea, Republic of=South Korea=Republic of Korea=Korea=Korea, South=Korea (South)=대한민국=한국|KW Kuwait|
KY Cayman Islands|KZ Kazakhstan|LA Lao People's Democratic Republic=Laos=Lao PDR|LB Lebanon|
LC Saint Lucia=St. Lucia|
LI Liechtenstein|LK Sri Lanka=Ceylon|LR Liberia|LS Lesotho|LT Lithuania|LU Luxembourg|LV Latvia|
LY Libyan Arab Jamahiriya=Libya|MA Morocco|MC Monaco|MD Moldova, Republic of=Moldova=Republic of Moldova|ME Montenegro|
MF Saint Martin=Saint Martin (French part)|MG Madagascar|MH Marshall Islands|
MK North Macedonia=Macedonia=Macedonia, The Former Yugoslav Republic of=The former Yugoslav Republic of Macedonia=
Macedonia, FYRO=Republic of North Macedonia=FYROM|ML Mali|MM Myanmar=Burma|MN Mongolia|MO Macau=Macao|
MP Northern Mariana Islands|MQ Martinique|MR Mauritania|MS Montserrat|MT Malta|MU Mauritius|MV Maldives|MW Malawi|
MX Mexico=México|MY Malaysia|MZ Mozambique|NA Namibia|NC New Caledonia|NE Niger|NF Norfolk Island|NG Nigeria|
NI Nicaragua|NL Netherlands=Holland|NO Norway=Norge|NP Nepal|NR Nauru|NU Niue|NZ New Zealand|OM Oman|PA Panama|
PE Peru=Perú|
PF French Polynesia|PG Papua New Guinea|PH Philippines|PK Pakistan|PL Poland=Polska|PM Saint Pierre and Miquelon|
PN Pitcairn|
PR Puerto Rico|
PS Palestinian Territories, Occupied=Palestinian Territory, occupied=Palestinian Territory=Palestine=
Palestine, State of=State of Palestine=Palestinian Territories=Occupied Palestinian Territory|PT Portugal|PW Palau|
PY Paraguay|QA Qatar|RE Réunion|RO Romania|RS Serbia|RU Russian Federation=Russia=The Russian Federation|RW Rwanda|
SA Saudi Arabia=Kingdom of Saudi Arabia=KSA|SB Solomon Islands|SC Seychelles|SD Sudan|SE Sweden=Sverige|SG Singapore|
SH Saint Helena|SJ Svalbard and Jan Mayen|SI Slovenia|SK Slovakia=Slovak Republic|SL Sierra Leone|SM San Marino|
SN Senegal|SO Somalia|SR Suriname|SS South Sudan|ST Sao Tome and Principe|SV El Salvador|
SX Sint Maarten=Sint Maarten (Dutch part)|SY Syrian Arab Republic=Syria|SZ Eswatini=Swaziland|
TC Turks and Caicos Islands|TD Chad|TF French Southern Territories|TG Togo|TH Thailand=Siam=ประเทศไทย=ไทย|TJ Tajikistan|
TK Tokelau|TL Timor-Leste=East Timor|TM Turkmenistan|TN Tunisia|TO Tonga|TR Turkey=Türkiye=Turkiye=Turkey (Türkiye)|
TT Trinidad and Tobago=Trinidad & Tobago|TV Tuvalu|
TW Taiwan=Taiwan, Province of China=Taiwan, Republic of China=Chinese Taipei=Taiwan, China=台湾|
TZ Tanzania=Tanzania, United Republic of=United Republic of Tanzania|UA Ukraine|UG Uganda|
UM United States Minor Outlying Islands|US United States=USA=United States of America=U.S.A.=U.S.=United States (USA)|
UY Uruguay|UZ Uzbekistan|VA Holy See (Vatican City State)=Holy See=Vatican City=Vatican|
VC Saint Vincent and the Grenadines=Saint Vincent and The Grenadines=St. Vincent and the Grenadines|
VE Venezuela=Venezuela, Bolivarian Republic of|
VG Virgin Islands, British|VI Virgin Islands (U.S.)=US Virgin Islands|
VN Vietnam=Viet Nam=Socialist Republic of Vietnam|VU Vanuatu|WF Wallis and Futuna|WS Samoa|XK Kosovo|YE Yemen|
YT Mayotte|ZA South Africa|ZM Zambia|ZW Zimbabwe=Rhodesia|YU Former Yugoslavia=Yugoslavia|
CS Former Serbia and Montenegro=Serbia and Montenegro
"""


REGIONS = (
    "africa", "america", "americas", "asia", "asiaexceptjapan", "asiapacific", "australasia", "centralamerica",
    "easterneurope", "europe", "europeanunion", "global", "international", "latinamerica", "middleeast",
    "multinational", "northafrica", "northamerica", "oceania", "southamerica", "southeastasia", "subsaharanafrica",
    "westerneurope", "worldwide",
)  # fmt: skip
"""What registers list among countries though it is none; letters only, in lower case."""


def _country_key(text: str) -> str:
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return _squash(plain).removeprefix("the")


def _countries() -> tuple[dict[str, str], dict[str, str]]:
    by_name: dict[str, str] = {}
    by_code: dict[str, str] = {"UK": "United Kingdom", "EL": "Greece"}
    for entry in _COUNTRIES.replace("\n", "").split("|"):
        canonical, *variants = entry[3:].split("=")
        by_code[entry[:2]] = canonical
        for name in (canonical, *variants):
            by_name[_country_key(name)] = canonical
    return by_name, by_code


_COUNTRY_OF_NAME, _COUNTRY_OF_CODE = _countries()


@lru_cache(4096)
def country(raw: str | None) -> str | None:
    """A country in ClinicalTrials.gov's spelling, from any register's spelling or its ISO code of two capitals."""
    if not raw:
        return None
    text = raw.strip()
    if len(text) == 2 and text.isascii():
        return _COUNTRY_OF_CODE.get(text)
    return _COUNTRY_OF_NAME.get(_country_key(text))
