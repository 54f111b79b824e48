"""Power statements: where a text says how a trial's size was calculated, and which of its numbers is that size.

A statement is a run of sentences around one that names a power. Its sizes are the whole numbers that count people or
events; one of them is what the calculation gave, and all of them are masked before the statement becomes a question.
What nearly every statement says (significance, power, drop-out) is read here, too.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

AnswerType = Literal["total", "per_arm", "events"]
ASKED, OTHER = "[N]", "[number]"
"""What stands for the size that is asked for, and for every other size of a statement."""


class Statement(msgspec.Struct, frozen=True):
    """A power statement with its sizes taken out."""

    text: str
    """The size that is asked for is `[N]`, all others are `[number]`."""
    size: int
    answer_type: AnswerType
    arms: int | None
    """How many arms the statement speaks of, where it says so."""
    includes_drop_out: bool | None
    """Whether the size has the stated drop-out in it; none where no drop-out is stated."""


def _rule(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


# --- whole numbers

_UNITS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_VALUES = {word: value for value, word in enumerate(_UNITS)} | {word: 10 * value for value, word in enumerate(_TENS, 2)}
_WORD = "|".join(sorted([*_VALUES, "hundred", "thousand"], key=len, reverse=True))
_IN_WORDS = rf"(?:{_WORD})(?:(?:-| | and |-and-)(?:{_WORD}))*"
_GROUPED = r"\d{1,3}(?:[,\u00a0\u2009\u202f ]\d{3})+(?![\d.,]*\d)"
_WHOLE = rf"(?<![\w.,·:/±-])(?:{_GROUPED}|\d+|\b{_IN_WORDS}\b)(?![\d%]|[.,·:]\d|-\d| ?%)"


def whole(text: str) -> int:
    """The value of a whole number in digits (with separators of thousands) or in words."""
    if text[0].isdigit():
        return int(re.sub(r"\D", "", text))
    total = part = 0
    for word in re.split(r"[-\s]+", text.lower()):
        if word == "hundred":
            part = max(part, 1) * 100
        elif word == "thousand":
            total, part = total + max(part, 1) * 1000, 0
        else:
            part += _VALUES.get(word, 0)
    return total + part


_SPELT = re.compile(
    rf"(?i)\b(?!one\b(?!-? ?(?:sided|tailed|sample|hundred|thousand)))(?!zero\b){_IN_WORDS}\b",
)


def plain(text: str) -> str:
    """A statement in one spelling: points for decimals, % for per cent, digits for words, no references."""
    text = unicodedata.normalize("NFKC", text.replace("·", ".").replace("∙", "."))
    text = re.sub(r"[‐‑‒–—−]", "-", text).replace("⩽", "≤").replace("⩾", "≥")
    text = re.sub(r"\[\d[\d,\s-]*\]", "", text)
    text = re.sub(r"(?<=[a-z)%])([.,])\d{1,3}(?:[,-]\d{1,3})*(?=\s|$)", r"\1", text)
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)
    text = re.sub(r"(?<=\d),(?=\d{1,2}(?!\d))", ".", text)
    text = re.sub(r"(?<![\d.\w])\.(?=\d)", "0.", text)
    text = re.sub(r"(?i)\bone[- ]third\b", "33.3%", text)
    text = re.sub(r"(?i)\bone[- ]quarter\b", "0.25", text)
    text = re.sub(r"(?i)\bone (?=standard deviation|SD\b)", "1 ", text)
    text = re.sub(r"(?i)\b(?:halving|halves|halved|halve)\b", "50% reduction", text)
    text = re.sub(r"(?i)\bby (?:one )?half\b", "by 50%", text)
    text = re.sub(r"(?i)\bone[- ]half\b|\bhalf of (?:an?|the)\b|\bhalf an? (?=SD\b|standard)", "0.5 ", text)
    text = re.sub(r"(?i)(?<=\b(?:of|by) )one(?= (?!of|or|and|arm|group|to\b|year|month|week|side)[a-z])", "1", text)
    text = _SPELT.sub(lambda found: str(whole(found.group())), text)
    text = re.sub(r"(?i)\b(?:one|1) (?:in|out of) (\d+)\b", lambda found: f"{100 / max(int(found[1]), 1):.4g}%", text)
    text = re.sub(r"(?i)\s?per\s?cent(?:age)?(?:[- ]points?)?\b|\s?%(?:\s?-?points?\b)?", "%", text)
    return re.sub(r"\s+", " ", text)


# --- what nearly every statement says

NUMBER = r"(\d+(?:\.\d+)?)\s?(%?)"
_TWO_SIDED = r"(?:two|2|bi|double)[- ]?(?:sided|tailed|lateral|way)"
_ONE_SIDED = r"(?:one|1|uni|single)[- ]?(?:sided|tailed|lateral)"
_SIDED = rf"(?:\(?(?:{_TWO_SIDED}|{_ONE_SIDED})\)?[ ,]*)"
_GAP = r"[^.;\d\[]"
_ERROR_1 = r"type[- ](?:i|1|one)\b"
_ALPHA = (
    _rule(rf"(?:α|\balph?a\b|\balfa\b|\ba(?= ?=)|\b{_ERROR_1}(?:\serror)?){_GAP}{{0,45}}?{NUMBER}"),
    _rule(
        rf"{NUMBER}\s*(?:\(?p\)?\s*)?{_SIDED}?(?:α|alpha|{_ERROR_1}|level of sign|signific|p[- ]?value"
        rf"|(?:probability|chance|risk) of (?:committing |making )?(?:an? )?{_ERROR_1}|probability level|level\b"
        rf"|error level)"
    ),
    _rule(
        rf"\bsignifican(?:ce|t)\b(?!\s(?:difference|change|reduc|improve|increase|effect)){_GAP}{{0,40}}?{NUMBER}",
    ),
    _rule(
        rf"\bp(?![a-z])(?:[- ]?values?)?\s?(?:of|was|is|set|at|level|to|less|than|<|≤|=|>|:|,|\s){{0,6}}{NUMBER}",
    ),
    _rule(
        rf"{_SIDED}(?:(?:level|test|tests?,?)\s)?(?:of |at |at the |at a |with )*{NUMBER}(?! ?(?:power|confidence"
        rf"|CI\b))"
    ),
    _rule(rf"{NUMBER}\s?(?:{_SIDED})?(?:confidence|CI\b|certainty)"),
    _rule(rf"\bconfidence(?: level| interval)?s?{_GAP}{{0,12}}{NUMBER}"),
)
_LEVELS, _CONFIDENCE = (1, 2), 5
"""The rules that read a level by its name, and from which on levels of confidence are given."""
_POWER_AFTER = _rule(r"\s*(?:of )?(?:statistical |study )?power")
_POWER = (
    _rule(rf"{NUMBER}\s?(?:or (?:more|greater|higher) |statistical |study |test )?power"),
    _rule(
        r"\bpower(?:ed)?\b(?:[\s,(=:>≥-]*(?:of|at|is|was|be|to|set|level|about|approximately|around|least|a|an|as|more"
        r"|than|the|study|test|statistical|desired|required|to detect (?:\w+ ){1,4}?(?:was|is)|in|excess|up|over|equal"
        r"|1-β|1 - β|β|and|fixed|assumed|by|defined|value|would|will|should|with|detection|taken|accepted|minimum)\b)*"
        rf"[\s,(=:>≥)-]*{NUMBER}(?!\s?(?:confidence|CI\b|two|2-|significan))",
    ),
    _rule(rf"\b1\s?-\s?(?:β|beta\b){_GAP}{{0,12}}?{NUMBER}"),
    _rule(rf"(?<!α and )(?<!alpha and )(?:β|\bbeta\b|\btype[- ](?:ii|2)\b(?:\serror)?){_GAP}{{0,25}}?{NUMBER}"),
    _rule(
        rf"{NUMBER}\s?(?:probability|chance|likelihood|certainty|certain|sure) (?:of|to|that|for) (?:be able to )?"
        r"(?:detect|find|show|demonstr|reject|observ|identif)",
    ),
    _rule(rf"\b(?:probability|chance|likelihood) of (?:detecting|finding|showing)\b{_GAP}{{0,80}}?\bof {NUMBER}"),
    _rule(rf"(?:α|\balpha\b) and (?:β|beta)(?:\s(?:errors?|levels?))?{_GAP}{{0,25}}?\d+(?:\.\d+)?\s?%? and {NUMBER}"),
)
_POWER_AT_LAST = _rule(
    rf"\bpower\b(?:[^.;]|\.\d){{0,160}}?\b(?:is|was|be|exceeds?|exceeded) (?:at least |about |approximately )?{NUMBER}",
    rf"\bwith (?:a |the )?(?:probability|chance|likelihood) of {NUMBER}",
)
"""The power told at the end of its sentence: sought where no other rule finds one."""
_BETA = (3, 6)
"""The rules that read a type II error."""
_LOST = (
    r"(?:drop(?:ped|ping)?[- ]?(?:outs?|offs?)\b|attrition|wastage|withdraw\w*|discontinu\w*|missing|\blost\b"
    r"|(?<!blood )(?<!weight )(?<!bone )\bloss(?:es)?\b(?! of (?!patients|participants|subjects|follow))"
    r"|(?:non-?\s?|in|un|not (?:be )?)evaluable|non-?\s?(?:complian|adheren)\w*|non-?\s?respon(?:se|ders?)\b"
    r"|over-?\s?sampl\w*|incomplete\b|protocol (?:violat|deviat)\w*|(?:not|fail\w* to) complet\w*|non-?\s?participa\w*"
    r"|ineligib\w*|non-?\s?return\w*)"
)
_DROP_OUT = (
    _rule(rf"{NUMBER}[^.;,\d\[]{{0,40}}?{_LOST}"),
    _rule(rf"{_LOST}{_GAP}{{0,50}}?{NUMBER}"),
    _rule(
        r"\b(?:sample|size|number of (?:patients|participants|subjects))\b(?:[^.;]|\.\d){0,120}?"
        rf"(?:increased|inflated|raised|enlarged) by {NUMBER}"
    ),
    _rule(
        r"(?:increas|inflat|rais|enlarg)\w* (?:the |each |this |our )?(?:sample|number|size|group|arm)"
        rf"{_GAP}{{0,30}}?by {NUMBER}"
    ),
    _rule(rf"(?:additional|extra|further) {NUMBER}(?! (?:absolute|relative|reduction|increase|difference))"),
)


class Found(msgspec.Struct, frozen=True):
    """A value read in a text, and where."""

    value: float
    start: int
    end: int


def proportion(number: str, percent: str) -> float:
    """A proportion out of 0.05, 5% or (as sloppy texts have it) 5."""
    value = float(number)
    return value / 100 if percent or value > 1 else value


def alphas(text: str) -> list[Found]:
    """Every significance level that a (plain) statement names, the plainest wording first."""
    found = []
    for place, rule in enumerate(_ALPHA):
        for match in rule.finditer(text):
            value = proportion(match[1], match[2])
            # A "significance level of 95 %" is a confidence.
            is_confidence = place in _LEVELS and value >= 0.94 and not _POWER_AFTER.match(text, match.end())
            value = 1 - value if place >= _CONFIDENCE or is_confidence else value
            is_whole = not match[2] and "." not in match[1]
            if (
                not is_whole
                and (match[2] or float(match[1]) < 1)
                and (0.0005 <= value <= 0.1 or (place == 0 and value in (0.15, 0.2)))
            ):
                found.append(Found(round(value, 6), match.start(1), match.end(2)))
    return found


def powers(text: str) -> list[Found]:
    """Every power that a (plain) statement names; of type II errors their complement."""
    found = []
    for place, rule in enumerate(_POWER):
        for match in rule.finditer(text):
            value = proportion(match[1], match[2])
            value = 1 - value if place in _BETA and value <= 0.4 else value
            if 0.5 <= value < 1 and (match[2] or float(match[1]) < 1):
                found.append(Found(round(value, 6), match.start(1), match.end(2)))
    if not found and (last := _POWER_AT_LAST.search(text)):
        place = 1 if last[1] else 3
        if 0.5 <= (value := proportion(last[place], last[place + 1])) < 1:
            found.append(Found(value, last.start(place), last.end(place + 1)))
    return found


def drop_outs(text: str) -> list[Found]:
    """Every share of participants that a (plain) statement expects to lose."""
    found = []
    for rule in _DROP_OUT:
        for match in rule.finditer(text):
            value = proportion(match[1], match[2])
            if match[2] and 0.005 <= value <= 0.65:
                found.append(Found(value, match.start(1), match.end(2)))
    return found


# --- sizes

_PEOPLE = (
    r"(?:patients?|participants?|subjects?|individuals?|persons?|people|volunteers?|women|men|females?|males?|girls"
    r"|boys|children|infants?|neonates?|newborns?|babies|toddlers|adults?|adolescents?|teenagers|students?|pupils"
    r"|mothers?|couples?|parents?|families|residents?|cases|controls?|completers|respondents?|recipients?|survivors?"
    r"|players|athletes|smokers|users|veterans|workers|nurses|physicians|clinicians|dogs|cats|horses|animals|rats|mice"
    r"|pigs|cows|eyes|knees|hips|teeth|limbs|legs|lesions|implants|wounds|pregnancies|cycles|embryos|births|dyads|pairs"
    r"|observations|prescriptions|measurements|samples?|evaluable|enrol\w+)"
)
_EVENTS = (
    r"(?:events?|deaths?|relapses?|recurrences?|endpoints?|end points?|failures|fractures|infections|episodes"
    r"|exacerbations)"
)
_UNITS_OF_PEOPLE = (
    r"(?:clusters?|practices?|clinics?|gps?|general practitioners?|schools?|classes|villages?|cent(?:er|re)s?"
    r"|hospitals?|sites?|famil(?:y|ies)|households?|communit(?:y|ies)|wards?|teams?|units?|homes?|pharmac(?:y|ies)"
    r"|districts?|neighbou?rhoods?|therapists?|pa?ediatricians?|peer groups?)"
)
_CLUSTER = rf"(?:{_UNITS_OF_PEOPLE}|parent|dog|person|patient|subject|cow)"
_GROUP = (
    r"(?:groups?|arms?|conditions?|cohorts?|treatments?|cells?|branch(?:es)?|regimens?|regimes?|sequences?|limbs?"
    r"|strat(?:um|a)|interventions?|category|class)"
)
_TIME = r"(?:years?|weeks?|months?|days?|hours?|hrs?|minutes?|min|mm|cm|kg|m?g|points?|%)\b"
_BETWEEN = (
    r"(?!(?:in|per|of|and|or|the|with|to|from|by|for|at|is|was|years?|weeks?|months?|days?|hours?|minutes?|mm|cm|kg|g"
    r"|mg|ml|points?|units?|times|fold|sds?|standard|mmol|h|min|who|that|versus|vs|groups?|arms?)\b)[\w’'/+-]+\s+"
)
_ABOUT = (
    r"(?:(?:approximately|about|around|at least|nearly|almost|over|more than|a|minimum|maximum|of|up to|least|some|only"
    r"|roughly|circa|approx\.?)\s+)*"
)
_LINK = (
    r"(?:[\s,(=:]+(?:of|to|be|was|were|is|at|as|calculated|estimated|determined|computed|set|required|needed|necessary"
    r"|planned|approximately|about|around|least|an?|the|total|minimum|minimal|per|each|in|for|groups?|arms?|n"
    r"|would|will"
    r"|therefore|found|target|should|has|had|have|been|by|evaluable|subjects|patients|participants|both|two|study"
    r"|treatment|this|our|yielded|gave|resulted|obtained|that|we|intervention|increased|and|with)\b){0,12}[\s,(=:]+"
)
_SIZE = _rule(
    rf"\bn\s?[=:]\s?{_ABOUT}(?P<n>{_WHOLE})",
    rf"(?P<people>{_WHOLE})\s*(?:-\s?)?(?:{_BETWEEN}){{0,4}}?(?P<noun>{_PEOPLE}|{_EVENTS}|{_CLUSTER})\b",
    rf"\b(?:sample|study|group|trial)\s?(?:population\s)?sizes?\b{_LINK}(?P<sized>{_WHOLE})(?!\s?{_TIME})",
    r"\b(?:population|cohort|sample|total|groups|enrol\w+|recruit\w*|randomi[sz]e|includ(?:e|ing)|estimated to be)\s"
    rf"(?:(?:number|sample|of|was|is|to|be|with)\s)*{_ABOUT}(?P<total>{_WHOLE})"
    rf"(?!\s?(?:{_TIME}|centers|centres|%|groups|arms))",
    rf"(?P<grouped>{_WHOLE})\s*(?:/\s?|(?:\w+\s+){{0,2}}?(?:in|per|for|to|on|into|within)\s+)"
    rf"(?:each|every|either|both|the two|the)?\s*(?:\w+[-\s]){{0,3}}?{_GROUP}\b",
    rf"(?P<each>{_WHOLE})\s+(?:each\b|total\b|in total|in all|altogether|overall)",
    rf"\bnumbers? (?:of )?(?:{_BETWEEN}){{0,2}}{_PEOPLE}[^.;\d]{{0,50}}?\b(?:was|is|be|were|are|at)\s"
    rf"{_ABOUT}(?P<number>{_WHOLE})(?!\s?{_TIME})",
    rf"\b(?:and|or|to|[-–])\s*(?P<second>{_WHOLE})(?=\s*(?:,? ?respectively|in the|for the|{_PEOPLE}))",
)
_NAME_BEFORE = _rule(
    r"\b(?:types?|phases?|grades?|stages?|levels?|weeks?|days?|months?|visits?|versions?|groups?|arms?|figures?|tables?"
    r"|aged?|cox|sf|model|cd|stat\w*|sas|spss|g\*?power|category|class|first|last|score)\s*$",
)
_OF_A_CLUSTER = _rule(
    r"^(?:\s*[\w-]+){0,4}?\s*(?:/|\b(?:per|from each|in each|for each|at each|within each|of each|by each|each)\b)\s*"
    rf"(?:[\w-]+\s){{0,2}}?{_CLUSTER}\b",
)
_CLUSTERS_AFTER = _rule(rf"\s*(?:[\w-]+\s+)?{_UNITS_OF_PEOPLE}\b")
_CLUSTER_BEFORE = _rule(
    r"\b(?:clusters?|practices?|clinics?|gps?|schools?|classes|villages?|households?|families|wards?)\s(?:each\s)?"
    r"(?:of|with|having|containing|including|recruiting|enrolling|providing|contributing)\s"
    r"(?:(?:about|approximately|around|an average of|a mean of|at least|size)\s)?$",
    r"(?:cluster|class|practice|family|litter|block)\s+sizes?\s[^.;\d]{0,25}$",
    r"each supplying\s*$",
)
_EACH_AFTER = _rule(
    r"^[^.;\d\[]{0,60}?(?:\b(?:each|every|either|both|per|respective)\b|/)\s*(?:of (?:the )?)?"
    rf"(?:(?:two|three|four|2|3|4)\s)?(?:[\w-]+\s){{0,4}}?{_GROUP}\b",
    rf"^\s*(?:{_PEOPLE}\s*)?(?:per|/)[- ]?(?:group|arm)",
    rf"^\s*(?:{_PEOPLE}\s+)?each\b(?!\s+{_CLUSTER})",
    rf"^\s*(?:[\w-]+\s){{0,3}}?in (?:the )?(?:two|three|both) {_GROUP}\b",
)
_EACH_BEFORE = _rule(
    rf"\b(?:each|per|every|either)\s(?:of the (?:\w+ )?)?(?:[\w-]+\s){{0,3}}?{_GROUP}\b[^.;\d]{{0,40}}$",
    r"\bgroup sizes?\b[^.;\d]{0,25}$",
)
_ONE_ARM = _rule(
    r"^[^.;\d\[]{0,30}?\b(?:(?:in|to|for|receiving|on) the (?:[\w-]+\s){0,3}?(?:groups?|arms?|conditions?)"
    r"|(?:in|for|on) (?:controls?|placebo))\b",
)
_UNEQUAL_BEFORE = _rule(r"\b(?:groups?|sizes|arms) (?:of|with)\s*$")
_UNEQUAL_AFTER = re.compile(r"\s*and\s\d|\D{0,30}\band \d")
_TOTAL_BEFORE = _rule(r"\b(?:totals?|overall|altogether|in all)\b[^.;\d]{0,45}$")
_TOTAL_AFTER = _rule(r"^[^.;,\d]{0,35}\b(?:in total|in all|altogether|overall|total)\b")
_EARLIER = _rule(
    r"\b(?:previous|prior|pilot|earlier|first|last|remaining|preliminary|historical|published)\b[^.;\d]{0,40}$",
)
_RANGE_AFTER = re.compile(r"\s?(?:-|–|to|or)\s?\d")
_RANGE_BEFORE = _rule(r"\b(?:one|1) (?:in|of)\s*$", r"\bper\s*$", r"\d\s?(?:-|–|to|and)\s*$")

_Kind = Literal["total", "per_arm", "events", "arm", "other"]


class Size(msgspec.Struct, frozen=True):
    """A whole number that counts people, or what people are counted in."""

    value: int
    start: int
    end: int
    kind: _Kind
    """`arm` is one of several arms, or of a range: masked, and never asked for; `other` stays as it is."""


def sizes(text: str) -> list[Size]:
    """The whole numbers of a statement that count people or events, in their order."""
    found: dict[int, Size] = {}
    place = 0
    while match := _SIZE.search(text, place):
        name = next(key for key, value in match.groupdict().items() if value is not None and key != "noun")
        start, end = match.span(name)
        place = max(end, match.start() + 1)
        if name in ("people", "grouped") and _NAME_BEFORE.search(text[max(0, start - 30) : start]):
            continue
        value = whole(match[name])
        if value >= _LEAST and (not found or start >= max(size.end for size in found.values())):
            found[start] = Size(value, start, end, _kind(text, start, end, (match["noun"] or "").lower()))
    return [found[start] for start in sorted(found)]


_LEAST = 4
"""No trial is planned with fewer: smaller numbers count arms, sites and looks."""


def _kind(text: str, start: int, end: int, noun: str) -> _Kind:
    after, before = re.sub(r"\([^)]*\)", "", text[end : end + 160]), text[max(0, start - 90) : start]
    before = before.rsplit(". ", 1)[-1]
    if _EARLIER.search(before):
        return "other"
    if _UNEQUAL_BEFORE.search(before) and _UNEQUAL_AFTER.match(after):
        return "arm"
    if _OF_A_CLUSTER.search(after) or _CLUSTER_BEFORE.search(before):
        return "other"
    if _RANGE_AFTER.match(text, end) or _RANGE_BEFORE.search(before):
        return "arm"
    if _CLUSTERS_AFTER.match(after) or (noun and re.fullmatch(_UNITS_OF_PEOPLE, noun) and noun != "families"):
        return "other"
    if noun and re.fullmatch(_EVENTS, noun):
        return "events"
    if _EACH_AFTER.search(after):
        return "per_arm"
    if _TOTAL_BEFORE.search(before) or _TOTAL_AFTER.search(after):
        return "total"
    if _EACH_BEFORE.search(before):
        return "per_arm"
    return "arm" if _ONE_ARM.search(after) else "total"


_STANDS_ALONE = _rule(rf"\s*(?:$|[().,;]|(?:{_PEOPLE}|and|or|in|per|to|were|was|is|are|will|would|each)\b)")
_AMOUNT_BEFORE = _rule(
    r"\b(?:differences?|changes?|deviations?|sds?|means?|reductions?|increases?|decreases?|margin|improvements?|scores?"
    r"|improv\w+|worsen\w+|reduc\w+|declin\w+|gain\w*)\b"
    r"[^.;\d]{0,30}$",
)
_ANY_WHOLE = re.compile(_WHOLE, re.IGNORECASE)


def mask(text: str, asked: int | None, also: Iterable[int] = ()) -> str:
    """A statement with its sizes taken out, and with them what is a multiple or part of the one that is asked for.

    `asked` is where that one begins; `also` are further numbers that are no assumption.
    """
    read = {size.start: size for size in sizes(text)}
    hidden = {start: size for start, size in read.items() if size.kind != "other" or size.value in set(also)}
    values = {size.value for size in hidden.values()} | set(also)
    given = next((whole(found.group()) for found in _ANY_WHOLE.finditer(text) if found.start() == asked), None)
    if given is not None:
        values |= {given * k for k in range(2, 7)}
        values |= {given // k for k in range(2, 7) if given % k == 0 and given // k >= 10}
    pieces, place = [], 0
    for found in _ANY_WHOLE.finditer(text):
        start, end = found.span()
        is_other = start in read and start not in hidden
        is_repeated = whole(found.group()) in values and bool(_STANDS_ALONE.match(text, end))
        is_repeated = is_repeated and not _AMOUNT_BEFORE.search(text[max(0, start - 50) : start])
        if start == asked or start in hidden or (is_repeated and not is_other):
            pieces += [text[place:start], ASKED if start == asked else OTHER]
            place = hidden[start].end if start in hidden else end
    return "".join([*pieces, text[place:]])


_ARMS = _rule(
    r"(?<![\d.,])\b(?:(?P<count>two|three|four|five|six|2|3|4|5|6)\b(?![- ]?(?:sided|tailed|way|min|hour|day|week"
    r"|month|year|point))[- ]?"
    r"(?:\w+[- ]){0,3}?(?:groups|arms|conditions|treatment arms"
    r"|treatments|sequences|arm|group)|both|either|control (?:group|arm)|control and|and control|placebo"
    r"|(?:the )?other group|versus|vs|comparator|between[- ](?:the )?(?:group|arm|treatment)s?)\b",
)


def arms(text: str) -> int | None:
    """How many arms a statement speaks of; none where it does not say."""
    found = list(_ARMS.finditer(text))
    counted = [match["count"].lower() for match in found if match["count"]]
    if counted:
        return int(counted[0]) if counted[0].isdigit() else _VALUES[counted[0]]
    return 2 if found else None


# --- statements

_SENTENCE_END = re.compile(r"(?<=[.!?])(?:\[[\d,\s–-]+\])?\s+(?=[\"“(\[]?[A-Z0-9α-ω])")
_NO_END = _rule(r"(?:\b(?:vs|e\.g|i\.e|approx|ca|cf|et al|fig|ref|no|dr|resp|incl|st|min|max)|\b[A-Z])\.$")
_SAYS_POWER = _rule(
    r"\bpower(?:ed)?\b(?![- ](?:output|doppler|supply|spectr|density|field|meter))",
    r"(?:β|\bbeta\b)(?:[- ](?:error|level|risk|value))*\s*(?:of|=|<|at|was|is|set|to|,)+\s*(?:a\s|at\s|to\s)*"
    r"(?:0?[.·]\d|\d\d?\s?%)",
    r"\bbeta (?:error|risk)|type[- ](?:ii|2)\b",
    r"\b(?:80|85|90|95)\s?% (?:probability|chance) (?:of|to) (?:detect|find|show|demonstr)",
)
_CUE = _rule(
    r"\bpower(?:ed)?\b|sample[- ]size|\bα|\balpha\b|\balfa\b|type[- ](?:i|1|ii|2)\b|β\s?=|signific\w+ level"
    r"|level of signif|to detect|\bassum|drop[- ]?out|attrition|loss(?:es)? (?:to|of|at|during|in)\b|lost to|withdraw"
    r"|standard deviation|\bsd\b|hazard ratio|effect[- ]size|margin"
    r"|clinically (?:relevant|important|meaningful|significant)|minimal\w* (?:clinically )?(?:relevant|important)"
    r"|intra-?\s?(?:class|cluster)|\bicc\b|\bneed|requir|necessary|expected|anticipat|hypothesi[sz]ed"
    r"|\b(?:calculat|estimat)\w+ (?:that|the|of)",
)
_NUMERIC = re.compile(r"\d|sample size")
_REQUIRED = _rule(
    r"\brequir|\bneed|necess|sample size|sufficient|adequate|\bprovide|would (?:have|give|allow|be)|calculated"
    r"|estimated|\bto (?:detect|achieve|ensure|obtain|observe|demonstrate|show)|\bhad to|determined|powered"
    r"|power (?:of|to|analysis|calc)",
)
_DONE = _rule(
    r"\b(?:were|was|had been|have been|has been) (?:finally |actually |subsequently |ultimately |then |initially )?"
    r"(?:enrol|recruit|randomi[sz]ed|complet|analy[sz]ed|screen|exclud|assigned|allocated|consented)|\bcompleted\b"
    r"|\bwe (?:randomi[sz]ed|enrol\w+ed|recruited)\b|\bscreen",
)
_AFTERWARDS = _rule(r"post[- ]?hoc|observed power|in retrospect|a posteriori|achieved power")
_LOSES = _rule(_LOST)
_BEFORE, _AFTER, _LONGEST = 4, 3, 2_600
"""Sentences that belong to one that names a power, and characters of a statement, at most."""


def _sentences(text: str) -> list[tuple[int, int]]:
    cuts, start = [], 0
    for found in _SENTENCE_END.finditer(text):
        if not _NO_END.search(text[max(start, found.start() - 8) : found.start()]):
            cuts.append((start, found.start()))
            start = found.end()
    return [*cuts, (start, len(text))]


def windows(text: str) -> Iterator[str]:
    """The runs of sentences of a text that speak of a power and of a size, each with what belongs to it."""
    for paragraph in text.split("\n"):
        # Rows of tables hold tabs.
        if "\t" in paragraph or not _SAYS_POWER.search(paragraph):
            continue
        parts = _sentences(paragraph)
        said = [paragraph[start:end] for start, end in parts]
        taken = -1
        for place, sentence in enumerate(said):
            if place <= taken or not re.search(r"\d", sentence) or not _SAYS_POWER.search(sentence):
                continue
            first = last = place
            while first - 1 > taken and place - first < _BEFORE:
                # A sentence without a number may stand between two that belong together.
                step = next((k for k in (1, 2) if first - k > taken and _NUMERIC.search(said[first - k])), 0)
                if not step:
                    break
                first -= step
            while last + 1 < len(said) and last - place < _AFTER and _CUE.search(said[last + 1]):
                last += 1
            window = paragraph[parts[first][0] : parts[last][1]]
            if len(window) <= _LONGEST and any(size.kind in ("total", "per_arm", "events") for size in sizes(window)):
                taken = last
                yield window


def statement(window: str) -> Statement | str:
    """A statement ready to be asked, or why it cannot be."""
    if _AFTERWARDS.search(window):
        return "the power was computed after the trial"
    read, parts = sizes(window), _sentences(window)
    best: tuple[float, Size] | None = None
    for size in read:
        if size.kind in ("other", "arm"):
            continue
        start, end = next(part for part in parts if part[0] <= size.start <= part[1])
        said = window[start:end]
        worth = 3.0 * bool(_SAYS_POWER.search(said)) + 2.0 * bool(_REQUIRED.search(said))
        worth -= 3.0 * bool(_DONE.search(said)) + 1.5 * bool(_LOSES.search(window[start : size.start]))
        if best is None or worth > best[0]:
            best = (worth, size)
    if best is None or best[0] <= 0:
        return "the power statement gives no size that was planned"
    asked = best[1]
    text = mask(window, asked.start)
    if problem := _lacks(text):
        return problem
    each = [size.value for size in read if size.kind == "per_arm"]
    # A bare number that is raised to one per arm counts an arm itself.
    is_arm = asked.kind == "total" and bool(each) and all(asked.value <= one <= 1.6 * asked.value for one in each)
    return Statement(
        text=text,
        size=asked.value,
        answer_type="per_arm" if is_arm or asked.kind == "per_arm" else "events" if asked.kind == "events" else "total",
        arms=_arms(window, read),
        includes_drop_out=_includes_drop_out(window, asked, read, parts),
    )


def statements(text: str) -> Iterator[Statement | str]:
    """The statements of a text in their order, or why each cannot be asked."""
    for window in windows(text):
        yield statement(window)


def _arms(window: str, read: list[Size]) -> int | None:
    """From a total beside a size per arm, else from the words."""
    for total in (size.value for size in read if size.kind == "total"):
        for one in (size.value for size in read if size.kind == "per_arm"):
            if total % one == 0 and 2 <= total // one <= 6:
                return total // one
    return arms(window)


_ROUNDED = 0.03
"""How far a size that was raised for drop-out may be off, as authors round."""


def _includes_drop_out(window: str, asked: Size, read: list[Size], parts: list[tuple[int, int]]) -> bool | None:
    lost = drop_outs(plain(window))
    if not lost:
        return None
    kept = 1 - lost[0].value
    for other in (size for size in read if size.kind == asked.kind and size.start != asked.start):
        if math.isclose(other.value * kept, asked.value, rel_tol=_ROUNDED):
            return False
        if math.isclose(asked.value * kept, other.value, rel_tol=_ROUNDED):
            return True
    start, end = next(part for part in parts if part[0] <= asked.start <= part[1])
    if _LOSES.search(window[start : asked.start]) or _COUNTED_IN.match(window, end):
        return True
    if _LOSES.search(window[:start]) and not _LOSES.search(window[asked.end :]):
        # Assumed before anything is computed.
        return True
    followed = any(asked.end <= size.start <= end and size.kind != "other" for size in read)
    return bool(_LOSES.search(window[asked.end : end])) and not followed


_COUNTED_IN = _rule(
    rf"\s*(?:this|these) (?:number |figure |sample size |estimate )?(?:already )?(?:includ|account"
    rf"|allow)\w*[^.;]{{0,40}}?{_LOST}"
)
_SPREAD = _rule(
    r"hazard ratio|\bHR\b|odds ratio|relative risk|risk ratio|effect[- ]size|cohen|standardi[sz]ed|\d\s?SDs?\b"
    r"|standard deviations?\b|\bSDs?\b|[±σ]|\+/-|margin|equivalence|correlation|coefficient of variation|\bCV\b"
    r"|\bvariability|standard error|median",
)
_NO_EFFECT = _rule(r"\s?-?(?:weeks?|months?|days?|years?|hours?|h\b|sided|tailed|groups?|arms?|times)")


def _lacks(masked: str) -> str | None:
    """Why a masked statement cannot be answered, told by what it must say at least; none if it may be."""
    text = plain(masked)
    found = powers(text)
    if not found:
        return "the power statement gives no value of the power"
    taken = [*found, *alphas(text), *drop_outs(text)]
    left = [
        number
        for number in re.finditer(r"(?<![\w.])\d+(?:\.\d+)?\s?%?", text)
        if not any(one.start < number.end() and number.start() < one.end for one in taken)
        and not _NO_EFFECT.match(text, number.end())
    ]
    rates = [number for number in left if "%" in number.group() or 0 < float(number.group()) < 1]
    if len(rates) >= 2 or (left and _SPREAD.search(text)):
        return None
    return "the power statement does not say the whole effect"
