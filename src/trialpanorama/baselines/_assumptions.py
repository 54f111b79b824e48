"""The assumptions of a power statement, read from its words.

Rules in the order in which statements are read by a statistician: level, power and losses first, then what names its
effect (a hazard ratio, a margin, an effect size), then differences beside a spread, at last two rates. What one rule
has read the next cannot. Of several values the one nearest to the size that is asked for counts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from trialpanorama.tasks._power_statements import (
    ASKED,
    OTHER,
    Found,
    alphas,
    arms,
    drop_outs,
    plain,
    powers,
    proportion,
)


class Assumptions(msgspec.Struct, frozen=True, kw_only=True):
    """What a sample size rests on. Shares are from 0 to 1; what is not known is none."""

    design: str = "two_means"
    alpha: float | None = None
    sides: int | None = None
    power: float | None = None
    mean_difference: float | None = None
    sd: float | None = None
    sd_2: float | None = None
    effect_size: float | None = None
    proportion_1: float | None = None
    proportion_2: float | None = None
    hazard_ratio: float | None = None
    event_rate_1: float | None = None
    event_rate_2: float | None = None
    event_probability: float | None = None
    median_1: float | None = None
    median_2: float | None = None
    accrual: float | None = None
    follow_up: float | None = None
    margin: float | None = None
    correlation: float | None = None
    icc: float | None = None
    cluster_size: float | None = None
    design_effect: float | None = None
    coefficient_of_variation: float | None = None
    allocation_ratio: float | None = None
    arms: int | None = None
    drop_out: float | None = None
    precision: float | None = None
    prevalence: float | None = None
    n_evaluable: int | None = None
    looks: int | None = None
    boundary: str | None = None
    test: str | None = None


# --- reading

_V = r"(?P<v>\d+(?:\.\d+)?)\s?(?P<p>%?)"
_HEDGE = (
    r"(?:(?:of|is|was|be|to|as|at|about|approximately|around|least|up|a|an|=|:|>|≥|<|≤|\(|or|more|than|only|just"
    r"|minimum|equal|some|assumed|expected|estimated|set)\s*)*"
)


def _rule(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


_ONE_SIDED = _rule(r"\b(?:one|1|single|uni)[- ]?(?:sided?|tail(?:ed)?|lateral)\b")
_TWO_SIDED = _rule(r"\b(?:two|2|bi|double)[- ]?(?:sided?|tail(?:ed)?|lateral)\b")
_HAZARD_RATIO = _rule(
    rf"(?:hazards? ratios?|\bHRs?\b)(?:\s?\(HR\))?\)?(?!\s(?:with|at|for) )[^.;\d]{{0,28}}?{_V}(?![- ]?"
    rf"(?:sided|tailed|treat|arm))"
)
_EFFECT_SIZE = _rule(
    r"(?:effect[- ]sizes?|\bcohen['’]?s?\b[^.;\d]{0,12}|standardi[sz]ed (?:mean )?(?:difference|effect)"
    r"|\bSMD\b|\bs\.m\.d\.|(?-i:\bES\b|\bd\s?=|\bf\s?=))[^.;\d%]{0,40}?(?P<v>\d+(?:\.\d+)?)(?P<p>)(?!\s?%|\d)"
    r"|(?P<v2>\d+(?:\.\d+)?)(?P<p2>)\s?(?:(?:of an? |of the )?(?:SDs?|standard deviations?)\b(?! of| =)"
    r"|standardi[sz]ed (?:mean )?(?:difference|effect))"
)
_EFFECT_WORDS = _rule(
    r"\b(small|medium|moderate|large)(?:[- ]to[- ](?:medium|moderate|large))?[- ]"
    r"(?:standardi[sz]ed )?effect"
)
_SD = (
    _rule(rf"\d\s?(?:[a-z/%]+\s)?(?:±|\+/-|\+-)\s?{_V}"),
    _rule(
        rf"(?:standard deviations?|\bSDs?\b|\bs\.d\.|σ|\bsigma\b|standard error|\bSEM\b"
        rf"|root mean square error)(?:\s?\((?:SD|s\.d\.|σ)\))?[^.;\d]{{0,90}}?{_V}(?!\d|\s?%?\s?(?:CI|confidence))"
    ),
    _rule(rf"{_V}(?:\s?[a-z/μ]+){{0,3}}\s?\(?(?:standard deviations?|\bSDs?)\b"),
    _rule(rf"\bS\s?=\s?{_V}"),
    _rule(
        rf"\(SD\s?{_V}|\bvariability (?:of|is"
        rf"|was)[^.;\d]{{0,20}}{_V.replace('<v>', '<v2>').replace('<p>', '<p2>')}"
    ),
    _rule(rf"(?:±|\+/-|\+-)\s?{_V}"),
    _rule(rf"(?:coefficients? of variation|\bCV\b)(?![^.;\d]{{0,40}}cluster)[^.;\d]{{0,30}}?{_V}"),
)
_MEAN_SD = (
    _rule(r"(?P<m>\d+(?:\.\d+)?)\s?(?:[a-z/%]+\s)?(?:±|\+/-|[(,]\s?(?:±|SD|s\.d\.)[:=]?)\s?(?P<v>\d+(?:\.\d+)?)"),
    _rule(
        r"\b(?:means?|differences?|changes?)\s?\(\s?±?\s?(?:SD"
        r"|standard deviation)(?:,? ?SD)?\s?\)[^.;\d]{0,60}?(?P<m>\d+(?:\.\d+)?)[^.;\d(]{0,12}"
        r"\((?P<v>\d+(?:\.\d+)?)(?P<p>)\)"
    ),
)
_MEAN = _rule(
    r"\b(?:mean|average)\b(?! (?:cluster|[\w-]+ ){0,2}?(?:differ|chang|reduc|increas|decreas|improv"
    r"|effect))[^.;\d±]{0,60}?"
    r"(?P<v>\d+(?:\.\d+)?)(?!\s?%)"
)
_MARGIN = (
    _rule(
        rf"(?:non-?\s?inferiority|equivalence)?\s?(?:margins?|limits?|bounds?|boundar\w+|\bdelta\b|Δ"
        rf"|δ)\)?[^.;\d]{{0,45}}?{_V}"
    ),
    _rule(rf"{_V}\s?(?:\w+ ){{0,3}}(?:non-?inferiority |equivalence )?(?:margin|limit)"),
    _rule(rf"{_V}\s?(?:as |is |was )?(?:a |the )?(?:maxim\w+|largest|greatest)(?: \w+)? difference"),
    _rule(rf"less than or equal to {_V}"),
    _rule(rf"\bnot (?:to )?exceed[^.;\d]{{0,20}}?{_V}"),
    _rule(rf"(?:not (?:be )?(?:worse|inferior|lower|more)|no (?:worse|more))[^.;\d]{{0,60}}?{_V}"),
    _rule(rf"(?:non-?\s?inferior|equivalen)\w*[^.;\d]{{0,60}}?{_V}"),
    _rule(rf"(?:difference|excess)[^.;\d]{{0,30}}?{_V}[^.;\d]{{0,20}}(?:or less|is unimportant|or smaller)"),
)
_RATIO_OF = _rule(
    rf"(?:relative risk|risk ratio|odds ratio"
    rf"|rate ratio)[^.;\d]{{0,80}}?\bis {_V.replace('<v>', '<v2>').replace('<p>', '<p2>')}(?!\d|\.\d|\s?%)|"
    rf"(?:odds ratio|(?-i:\bOR\b)|relative risk|risk ratio|rate ratio|(?-i:\bRR\b))(?:\s?\((?:OR"
    rf"|RR)\))?(?! reduc)[^.;\d]{{0,25}}?{_V}(?!\d|\.\d|\s?%)"
)
_CORRELATION = _rule(r"(?:\bcorrelation(?: coefficient)?|\br|ρ|\brho)\b[^.;\d]{0,35}?(?P<v>0?\.\d+)(?P<p>)")
_ICC = _rule(
    r"(?:\bICCs?\b|(?:intra|within|inter)-?\s?(?:class|cluster|practice|school|class(?:room)?|famil|group"
    r"|cent(?:er|re)|village"
    r"|communit|household|site|physician|provider|ward|gp)\w*[- ](?:correlation|coefficient)(?:\scoefficient)?|ρ"
    r"|\brho)\b"
    r"[^.;\d]{0,80}?(?P<v>0?\.\d+)(?P<p>)"
)
_INFLATION = _rule(
    rf"(?:design effects?|variance inflation factor|(?<!attrition )inflation factor"
    rf"|\bVIF\b)[^.;\d]{{0,30}}?{_V}"
)
_CLUSTER_SIZE = (
    _rule(r"\bclusters? of (?:about |approximately |an average of |size )?(?P<v>\d+(?:\.\d+)?)(?P<p>)"),
    _rule(
        r"(?:per|each|every) (?:cluster|practice|gp|school|class|village|clinic)\b[^.;\d]{0,30}?"
        r"(?P<v>\d+(?:\.\d+)?)(?P<p>)(?!\s?%|\.)"
    ),
    _rule(r"cluster sizes?[^.;\d]{0,25}?(?P<v>\d+(?:\.\d+)?)(?P<p>)"),
    _rule(
        r"(?P<v>\d+(?:\.\d+)?)(?P<p>)\s?(?:(?:\w+\s){0,5}?(?:per|in each|from each|for each|within each"
        r"|at each|of each)|/)\s?(?:\w+\s){0,2}?(?:clusters?|practices?|clinics?|gps?|general pract\w+"
        r"|schools?|class\w*|villages?|cent(?:er|re)s?|hospitals?|sites?|famil\w+|households?|communit\w+"
        r"|wards?|teams?|units?|homes?|physicians?|therapists?)\b"
    ),
    _rule(
        r"each\s(?:supplying|recruiting|with|of|enrolling|including|contributing)\s(?:about |approximately "
        r"|an average of )?(?P<v>\d+)(?P<p>)"
    ),
    _rule(r"average of (?P<v>\d+)(?P<p>) \w+ (?:\w+ )?(?:for|per|in|from) each"),
)
_RAISED = _rule(
    r"\bcluster(?:[^.]|\.\d){0,120}?(?:increas|inflat|rais|ris|multipl|enlarg|adjust|becom)(?:[^.]|\.\d){0,80}?\[#\]"
    r"|\b(?:increas|inflat|rais|multipl|enlarg|adjust)(?:[^.]|\.\d){0,40}?(?:\[#\](?:[^.]"
    r"|\.\d){0,80}?\b(?:cluster|design effect)"
    r"|\b(?:cluster|design effect)(?:[^.]|\.\d){0,120}?\[#\])"
)
_VARIATION = _rule(rf"(?:coefficients? of variation|\bCV\b)[^.;\d]{{0,30}}?{_V}")
_RATIO = _rule(
    r"(?<![\d:.])(?P<a>\d+(?:\.\d+)?)\s?(?::|to)\s?(?P<b>\d+(?:\.\d+)?)(?![\d:])(?=[^.;]{0,40}(?:ratio|alloc"
    r"|random|fashion|assign))|(?:ratio|alloc\w+|random\w+)[^.;\d]{0,40}?(?P<c>\d+(?:\.\d+)?)\s?(?::|to)\s?"
    r"(?P<d>\d+(?:\.\d+)?)(?![\d:])"
)
_CHANGE = (
    _rule(
        rf"(?:differences?|improvements?|benefit|gain|change|reductions?|decreases?|increases?|effects?|rise"
        rf"|fall|drop|delta|Δ|MCID|excess)\b(?!\s?(?:in|of) \w+ from)[^.;\d~]{{0,70}}?{_V}"
    ),
    _rule(
        rf"\b(?:detect|show|find|identify|demonstrate|observe|differ|reduc\w+|improv\w+|lower\w*|decreas\w+"
        rf"|increas\w+)\b[^.;\d~]{{0,60}}?{_V}"
    ),
    _rule(
        rf"{_V}[-\s]*(?:[a-zμ%·/².]+[-\s]*){{0,5}}?(?:differences?|improvements?|change|reductions?|decreases?"
        rf"|increases?|benefit|gain|lower|higher|shorter|longer|less|fewer)\b"
    ),
    _rule(rf"\bd\s?=\s?{_V}|\bΔ\s?=\s?{_V.replace('<v>', '<v2>').replace('<p>', '<p2>')}"),
)
_MEANS = (
    _rule(
        r"\bmeans?\b[^.;\d]{0,50}?(?P<a>\d+(?:\.\d+)?)(?:(?!standard|\bSD|decreas|differ|reduc"
        r"|increas)[^.;\d%]){0,45}?\b"
        r"(?:and|vs\.?|versus|to|compared (?:with|to))\b(?:(?!standard|\bSD|decreas|differ|reduc"
        r"|increas)[^.;\d]){0,40}?(?P<b>\d+(?:\.\d+)?)(?!\d|\.\d|\s?%)"
    ),
    _rule(
        r"\bfrom\s(?:(?:a|an|about|mean|of|expected|average|baseline)\s)*(?P<a>\d+(?:\.\d+)?)[^.;\d%]{0,50}?"
        r"\bto\s(?:(?:a|an|about|mean|of|expected|average)\s)*"
        r"(?P<b>\d+(?:\.\d+)?)(?!\d|\.\d|\s?%)"
    ),
    _rule(
        r"(?P<a>\d+(?:\.\d+)?)(?!\d|\.\d|\s?%)[^.;\d%]{0,12}\b(?:in|for"
        r"|with) (?:the )?(?:[\w-]+ ){0,3}?(?:groups?|arms?"
        r"|controls?|placebo)\b[^.;\d%]{0,25}?\band (?P<b>\d+(?:\.\d+)?)(?!\d|\.\d|\s?%)[^.;\d%]{0,12}\b(?:in|for"
        r"|with)\b"
    ),
)
_R = r"(?<![\w.~/-])(\d+(?:\.\d+)?)\s?(%?)"
_GAP = r"[^.;\d~]{0,90}?"
_PAIR = (
    _rule(rf"\bnull\b(?:[^.;\d]|[^\w\s]){{0,60}}?{_R}(?:[^.]|\.\d){{0,120}}?\balternative\b[^.\d]{{0,60}}?{_R}"),
    _rule(rf"\bfrom {_HEDGE}{_R}{_GAP}\bto {_HEDGE}{_R}"),
    # Set apart in brackets: (12.0% to 8.4%).
    _rule(rf"\({_R} (?:to|vs?\.?|versus|compared (?:with|to)) {_R}\)"),
    _rule(rf"\bbetween\b[^.;\d~]{{0,45}}?{_R}{_GAP}\band\b[^.;\d~]{{0,40}}?{_R}"),
    _rule(
        rf"{_R}{_GAP}\b(?:versus|vs?\.?|compared (?:with|to)|as against|against|rather than|in contrast (?:to"
        rf"|with)|as opposed to|as compared (?:with|to)|relative to)\s{_GAP}{_R}"
    ),
    _rule(rf"{_R}{_GAP}(?:\b(?:and|or|while|whereas|but|to|with)\b|,|/){_GAP}{_R}"),
)
_ABSOLUTE = _rule(r"absolut|(?<!\bend )(?<!\bend-)\bpoints?\b|risk difference|difference|\bpp\b")


_TIME_SPAN = _rule(
    r"(?P<before>(?:\b(?:up to|to|at|after|within|over|for|during|in|from|until|first|next|last|every|than"
    r"|minimum of)\s)?)(?<![\w.])(?:\d+(?:\.\d+)?(?:\s?(?:-|to|and|or)\s?))?\d+(?:\.\d+)?(?:\s?-\s?|\s)?"
    r"(?:weeks?|wk|months?|mo|days?|d|years?|yrs?|hours?|hrs?|h|minutes?|mins?)\b"
)


_UNIT_OF_TIME = r"(?:weeks?|months?|days?|years?|hours?|hrs?|h|minutes?|mins?|s|seconds?)\b"
_FROM_TO = _rule(
    r"(\b(?:reduc|decreas|increas|shorten|prolong|lengthen|exten|fall|rise|improv"
    r"|differ)\w*[^.;]{0,80}?\bfrom (?:about )?)"
    rf"([1-9]\d*(?:\.\d+)?)(\s{_UNIT_OF_TIME})?([^.;\d]{{0,50}}?\bto (?:about )?)(\d+(?:\.\d+)?)\s{_UNIT_OF_TIME}"
)
"""A time that is the outcome, and changes from one value to another."""


def _timeless(found: re.Match[str]) -> str:
    before = found.string[max(0, found.start() - 80) : found.start()].rsplit(". ", 1)[-1]
    if found["before"].strip().lower() == "at" and re.search(r"(?i)(?:standard dev|\bSD|σ)[^.;\d]{0,40}$", before):
        return found.group()
    is_measured = _MEASURED.search(before) or _MEASURED_AFTER.match(found.string, found.end())
    return found.group() if not found["before"] and is_measured else " "


_MEASURED = _rule(
    r"differ|reduc|improv|change|increas|decreas|standard dev|\bSD\b|σ|±|\bmeans?\b|median|detect|shorter"
    r"|longer|margin"
)
_MEASURED_AFTER = _rule(
    r"\s(?:to be|as|was|is|\(?SD)\b[^.;\d]{0,40}(?:differ|reduc|improv|relevant|important|standard dev)|\s?\(?SD\b"
)
_NO_AMOUNT = _rule(
    r"(?<![\w.])(\d+)(?:[- ](?:groups?|arms?|interventions?|treatments?|sided|tailed|way|sample|conditions?"
    r"|regimens?|drugs?|products?|means|proportions|independent|parallel|study|studies|stage|phase|period"
    r"|x \d|by \d|times|follow|visits?|measure\w+|primary|main|comparisons|co-?primary|endpoints?|outcomes?"
    r"|centers|centres|sites|clusters|practices|schools|occasions|years?|week)\b)"
)


_SQUARED = _rule(rf"\bvariance (?:of|was|is|=)[^.;\d]{{0,30}}?{_V}")
_MEDIANS = _rule(
    r"median[^.;\d]{0,60}?(\d+(?:\.\d+)?)[^.;\d]{0,60}?\b(?:to|and|versus|vs\.?|compared)\b[^.;\d]{0,40}?(\d+"
    r"(?:\.\d+)?)"
)
_MEDIANS_APART = _rule(
    r"median (?:survival|time|overall|progression|disease|event|duration)(?:[^.;\d]{0,80}?)(\d+(?:\.\d+)?)\s"
    r"(?:months|weeks|days|years)\b(?:[^.\d]|\.\d){0,20}[^\d]{0,60}?(?:increas|improv|prolong|exten|rais|reduc)\w*"
    r"[^.;\d]{0,30}?\bto (\d+(?:\.\d+)?)\s(?:months|weeks|days|years)"
)
_UPPER = re.compile(r"\b(1\.[1-6]\d*|1[1-6]\d(?:\.\d+)?)\s?(%?)")
_TRUE_RATIO = _rule(r"true ratio[^.;\d]{0,30}?(?P<v>\d(?:\.\d+)?)(?P<p>)")
_EXPECTED = _rule(
    r"(?:expected|true|actual) (?:difference|disadvantage|deficit)[^.;\d]{0,40}?(?P<v>\d+(?:\.\d+)?)"
    r"(?P<p>)"
)


_NUMBERED = _rule(
    r"\b(groups?|arms?|grades?|phases?|stages?|days?|weeks?|visits?)\s\d+\b"
    r"(?:(?:,|\s(?:and|or|to))\s?\d+\b)*(?!\s?%|\.\d|:|\s?\(?(?:SD|±))"
)
_SCALE = _rule(
    r"\b(?:on|of|using|with) (?:a|an|the|its) ((?:0-)?\d+)[- ]?(?:mm|cm|points?"
    r"|items?)?[- ](?:[\w-]+ ){0,3}?(?:scale|vas\b|visual)"
)
_RANGE = _rule(
    r"\b(?:var(?:y|ies|ied|ying)|rang(?:es?|ed|ing)) (?:between|from) \d+(?:\.\d+)?\s?%? (?:and|to) \d+(?:\.\d+)?\s?%?"
)
_OUT_OF = _rule(
    r"(?<![\w.])([1-9]\d?) (?:of|in|out of) (?:every )?(10|20|50|100|1000)\b(?=[^.;]{0,60}\b(?:would|will|expect"
    r"|have|relaps|risk|rate))"
)
_ANCHOR = "¶"
_LATER = 4


_POINTS = _rule(r"(?:\s?%|\s?per ?cent(?:age)?)(?:\s|-)points?\b")
"""Said of a difference of two shares, these are no part of the first."""


class _Reader:
    """Reads the parts of a statement one after another; what is read is blanked, so that it is read once."""

    def __init__(self, text: str) -> None:
        self.text = plain(_POINTS.sub("% absolute", text)).replace(OTHER, "[#]")
        self.anchor = max(self.text.find(ASKED), 0)
        self.percents: frozenset[int] = frozenset()
        self.is_clear = True

    def settle(self, strength: Found | None) -> None:
        """Read around the power where the size that is asked for stands in another sentence, as an enrolment may."""
        first, last = sorted((self.anchor, strength.start if strength else self.anchor))
        if strength is not None and (ASKED not in self.text or ". " in self.text[first:last]):
            self.anchor = strength.start
        self.text = f"{self.text[: self.anchor]}{_ANCHOR}{self.text[self.anchor :]}"

    def tidy(self) -> None:
        """Take out numbers that are names (SF-36, IL6), times that are no outcome, and asides without a number."""
        text = re.sub(
            r"(?<![\w.])(?!SD|HR|OR|RR|SE)[A-Za-z]{2,}[A-Za-z/]*-?\d+[\w-]*|"
            r"(?<![\w.=])[A-Z]-\d+|\b[A-Z]\d+[A-Z]\w*|(?<=\bmean) \d(?= ?=)",
            "",
            re.sub(r"\b\d+\(OH\)", "", self.text),
        )
        text = _RANGE.sub(" ", text)
        text = _OUT_OF.sub(lambda found: f"{100 * int(found[1]) / int(found[2]):.4g}%", text)
        text = _NUMBERED.sub(r"\1", text)
        text = _SCALE.sub(lambda found: found[0].replace(found[1], ""), text)
        text = re.sub(r"\((?![^()]*(?:\bSD|standard dev))[^()\d\[\]~±]*\)", "", text)
        text = _FROM_TO.sub(lambda found: f"{found[1]}{found[2]}{found[4]}{found[5]} ", text)
        text = _TIME_SPAN.sub(_timeless, text)
        self.text = re.sub(r" +", " ", _NO_AMOUNT.sub("", text))
        self.percents = frozenset(found.start() for found in re.finditer(r"\d+(?:\.\d+)?(?=\s?%)", self.text))
        self.anchor = max(self.text.find(_ANCHOR), 0)

    def blank(self, start: int, end: int) -> None:
        """Take out what has been read."""
        self.text = f"{self.text[:start]}{'~' * (end - start)}{self.text[end:]}"

    def nearest(self, found: Sequence[Found]) -> Found | None:
        """The one that stands nearest to where the calculation is told; what comes in a later sentence is far."""
        return min(found, key=self._distance, default=None)

    def _distance(self, one: Found) -> int:
        if one.start > self.anchor and ". " in self.text[self.anchor : one.start]:
            return _LATER * (one.start - self.anchor)
        return abs(one.start - self.anchor)

    def doubt(self, found: Sequence[Found | tuple[float, float]]) -> None:
        """Two different values for one thing leave a doubt which is meant."""
        values = {one.value if isinstance(one, Found) else one for one in found}
        self.is_clear = self.is_clear and len(values) < 2

    def take(
        self, *rules: re.Pattern[str], low: float = 0.0, high: float = math.inf, as_share: bool = False
    ) -> Found | None:
        """The value nearest to the size that is asked for, by the first rule that finds any."""
        for rule in rules:
            found = []
            for match in rule.finditer(self.text):
                name = "v" if match["v"] is not None else "v2"
                value = float(match[name])
                percent = match["p" if name == "v" else "p2"]
                value = proportion(match[name], percent) if as_share else value
                if low < value < high:
                    found.append(Found(value, match.start(name), match.end(name) + len(percent or "")))
            if (best := self.nearest(found)) is not None:
                self.doubt(found)
                self.blank(best.start, best.end)
                return best
        return None

    def is_percent(self, one: Found) -> bool:
        """The value was given in per cent."""
        return one.start in self.percents

    def ratio(self) -> float | None:
        """The allocation, the larger arm to the smaller."""
        found = _RATIO.search(self.text)
        if found is None:
            return None
        one, two = ("a", "b") if found["a"] else ("c", "d")
        first, second = float(found[one]), float(found[two])
        if not (0 < first < _MOST_UNEQUAL and 0 < second < _MOST_UNEQUAL):
            return None
        self.blank(found.start(one), found.end(two))
        return max(first, second) / min(first, second)

    def rates(self) -> list[Found]:
        """The numbers left that may be proportions."""
        found = []
        for match in re.finditer(r"(?<![\w.~±<])(\d+(?:\.\d+)?)\s?(%?)", self.text):
            value = float(match[1])
            if (match[2] and value < 100) or (not match[2] and 0 < value < 1):
                found.append(Found(value / 100 if match[2] else value, match.start(), match.end()))
        return found


_MOST_UNEQUAL = 20.0


class Reading(msgspec.Struct, frozen=True):
    """What a statement gives."""

    assumptions: Assumptions
    claims: bool
    """Level, power and a whole effect were read, and nothing speaks of a design that these do not size."""
    is_printed: bool = False
    """A statement whose size was taken out: its authors may have computed otherwise than they say."""


def read(text: str) -> Reading:
    """The assumptions that a statement gives, and whether it gives all that its calculation needs."""
    r = _Reader(text)
    low = r.text.lower()
    lost, strength = r.nearest(drop_outs(r.text)), r.nearest(powers(r.text))
    alpha = r.nearest(alphas(r.text))
    r.doubt(powers(r.text))
    r.doubt(alphas(r.text))
    for one in [*powers(r.text), *(one for one in alphas(r.text) if alpha and one.value == alpha.value)]:
        r.blank(one.start, one.end)
    for one in drop_outs(r.text):
        if lost and one.value == lost.value:
            r.blank(one.start, one.end)
    r.settle(strength)
    r.tidy()
    said: dict[str, Any] = {
        "alpha": alpha and alpha.value,
        "power": strength and strength.value,
        "sides": 1 if _ONE_SIDED.search(low) else 2 if _TWO_SIDED.search(low) else None,
        "drop_out": lost and lost.value,
        "arms": arms(text),
        "test": next((name for name, rule in _TESTS.items() if re.search(rule, low)), None),
    }
    special = _special(r, low)
    if special is not None:
        # Neither a diagnostic accuracy nor an allowance for drop-out has a power.
        return Reading(Assumptions(**said | special), True)
    # A size that is raised for clusters afterwards is one without them.
    is_raised = _RAISED.search(r.text, r.anchor) is not None
    icc = r.take(_ICC, high=1)
    icc = None if is_raised else icc
    is_inflated = not is_raised and (icc is None or "design effect" in low)
    inflation = r.take(_INFLATION, low=1, high=100) if is_inflated else None
    cluster = r.take(*_CLUSTER_SIZE, low=1, high=5000)
    said |= {
        "allocation_ratio": r.ratio(),
        "icc": icc and icc.value,
        "cluster_size": cluster and cluster.value,
        "design_effect": inflation and inflation.value,
    }
    found = _effect(r, low, said)
    is_printed = ASKED in text
    if found is None:
        design = "paired_means" if re.search(r"cross-?\s?over", low) else "two_means"
        return Reading(Assumptions(design=design, **said), False, is_printed)
    effect, is_clear = found
    whole = alpha is not None and strength is not None and not _BEYOND.search(low)
    whole = whole and not (is_printed and (_PAIRED.search(low) or _REPEATED.search(low)))
    return Reading(Assumptions(**said | effect), whole and is_clear and r.is_clear, is_printed)


_TESTS = {
    "fisher": r"fisher",
    "continuity": r"continuity|yates|corrected chi",
    "pooled": r"pooled variance|without (?:a )?continuity",
    "arcsine": r"arc-?sin",
    "wilcoxon": r"wilcoxon|mann-?\s?whitney|rank[- ]sum",
    "exact": r"exact binomial|binomial test",
}
_BEYOND = _rule(
    r"interaction|factorial|simulat|simon|(?:two|2)[- ]stage|bayes|subgroup|sequential|nomogram|multivaria|regression"
)
_REPEATED = _rule(r"repeated|longitudinal|mixed (?:model|effect|linear)|correlation|covariance|ancova")


def _special(r: _Reader, low: str) -> dict[str, Any] | None:
    """Calculations that have words of their own: looks at interim, allowances, accuracy, discordant pairs."""
    if fixed := re.search(r"without (?:any )?(?:interim )?looks[^.;\d]{0,60}?(\d+)", low):
        looks = re.search(r"(\d+)\s(?:\w+ ){0,3}(?:looks|analyses)", low)
        boundary = "pocock" if "pocock" in low else "obrien-fleming"
        if looks:
            return {
                "design": "group_sequential",
                "n_evaluable": int(fixed[1]),
                "looks": int(looks[1]),
                "boundary": boundary,
            }
    if "sensitivity" in low or "specificity" in low:
        near = {
            name: r.take(_rule(rf"\b(?:{words})\b[^.;\d]{{0,60}}?{_V}"), as_share=True, high=1)
            for name, words in (
                ("precision", "half-width|precision|within ±|within"),
                ("proportion_1", "sensitivity"),
                ("proportion_2", "specificity"),
                ("prevalence", "prevalence"),
            )
        }
        if near["precision"] and near["prevalence"] and (near["proportion_1"] or near["proportion_2"]):
            return {"design": "diagnostic", **{name: one.value for name, one in near.items() if one}}
    if "power" not in low and (given := re.search(r"(\d+) (?:evaluable|completers|complete|participants with)", low)):
        return {"design": "dropout", "n_evaluable": int(given[1])}
    if "discordant" in low or "mcnemar" in low:
        gain, loss = (
            r.take(_rule(rf"{_V}[^.;\d]{{0,60}}?only (?:under|on|with|after) (?:the )?{arm}"), as_share=True, high=1)
            for arm in ("treatment", "control")
        )
        if gain and loss:
            return {"design": "paired_proportions", "proportion_1": gain.value, "proportion_2": loss.value}
    return None


_NOT_WORSE = _rule(
    r"non-?\s?inferior|at least as (?:good|high|effective)|not (?:be )?(?:more than [\d.]+ ?% )?(?:worse|inferior)"
)
_ALIKE = _rule(
    r"equivalence\b|(?<!considered )\bequivalent\b(?! to\b)|(?:show|demonstrat|prov|establish"
    r"|test)\w*[^.;]{0,60}\bequivalent"
)
_PAIRED = _rule(
    r"\bpaired\b|within[- ](?:subject|patient|participant|person|individual)|intra-?(?:individual|subject|patient)"
    r"|cross-?\s?over|within[- ]?(?:SEM|SD|standard)|one[- ]sample|single[- ](?:group|sample)|before and after"
    r"|pre-?post|matched pairs?"
    r"|\b1[- ]sample"
)
_WITHIN = _rule(r"within[- ](?:(?:subject|patient|participant|person)\s)?(?:standard|sd|sem)")
_OF_DIFFERENCES = _rule(r"(?:standard deviation|\bsd) of the (?:paired |within[\w-]+ |mean )?differences?\b")
_VARIANCE = _rule(r"\banova\b|analysis of variance")
_COVARIATE = _rule(r"ancova|covariance|baseline|pre-? ?(?:and|to) post")
_ONE_GROUP = _rule(
    r"(?:one|1)[- ]sample|(?:one|1)[- ]group|single[- ](?:group|arm)|null hypothesis (?:rate|proportion|response)"
    r"|historical|\bphase (?:ii|2)[ab]?\b|minimax|\bp0\b|uninterest|binomial|target response"
)
_ONE_GROUP_TEST = _rule(r"(?:one|1)[- ](?:group|sample) (?:[\w-]+ ){0,2}?(?:chi|χ|binomial|z|proportion)")
_SEVERAL_GROUPS = _rule(
    r"randomi|\bcontrols?\b|placebo|versus|\bvs\b|(?:per|each|both|between|the 2|either) (?:\w+ )?(?:groups?|arms?)"
)
_ALONE = _rule(r"\bchanges?\b")
_ARMS_APART = _rule(r"between|effect\b|placebo|differences?\b|groups?\b|arms?\b|treatments\b|two-sample|unpaired")
_TO_EVENT = _rule(
    r"log-?\s?rank|surviv(?:al|e) (?:rate )?(?:of|at|rate|from)|time[- ]to[- ]event|kaplan|hazard"
    r"|\b(?:dfs|pfs|rfs|efs|os) (?:rates?|at|of|from)\b"
)
_FREE = _rule(r"surviv|free|alive|\b(?:dfs|pfs|os|rfs|efs)\b")


def _effect(r: _Reader, low: str, said: dict[str, Any]) -> tuple[dict[str, Any], bool] | None:
    """The design with its effect, and whether nothing of it is a guess."""
    count = said["arms"] or 2
    clustered = bool(said["icc"] and said["cluster_size"])
    ratio_of = r.take(_RATIO_OF, low=0.02, high=30)
    hazard = r.take(_HAZARD_RATIO, low=0.05, high=6)
    if hazard is None and (cut := r.take(_HAZARD_CUT, as_share=True, high=1)):
        hazard = Found(1 - cut.value, cut.start, cut.end)
    if hazard is not None:
        return {"design": "survival", "hazard_ratio": hazard.value, **(_times(low) or _events(r, low))}, True
    if found := _margin(r, low):
        return found
    if (size := r.take(_EFFECT_SIZE, low=0.02, high=3)) is not None:
        is_f = bool(re.search(r"\bf\s?=|cohen['’]?s f|effect size f\b", low))
        is_f = is_f or (bool(_VARIANCE.search(low)) and count > 2 and size.value <= 0.45)
        design = "anova" if is_f else _of_means(low, clustered)
        return {"design": "paired_means" if design == "crossover_means" else design, "effect_size": size.value}, True
    has_spread = re.search(r"\bSD\b|standard deviation|±", r.text)
    if "correlation" in low and not has_spread and (one := r.take(_CORRELATION, low=0.05, high=0.99)):
        return {"design": "correlation", "correlation": one.value}, True
    of_difference = next(
        (one for rule in _MEAN_SD for one in rule.finditer(r.text) if _is_change(r, *one.span("m"))), None
    )
    if of_difference is not None:
        change, sd = float(of_difference["m"]), float(of_difference["v"])
        if _LIKELY[0] * sd <= change <= _LIKELY[1] * sd and sd:
            return {"design": _of_means(low, clustered), "mean_difference": change, "sd": sd}, True
    told = [(float(one["m"]), float(one["v"])) for rule in _MEAN_SD for one in rule.finditer(r.text)]
    centres = [mean for mean, _ in told]
    spread: Found | None = r.take(_MEAN_SD[1], *_SD)
    if spread is None and (squared := r.take(_SQUARED)):
        spread = Found(math.sqrt(squared.value), squared.start, squared.end)
    if spread is not None and len(told) == 2 and spread.value in (told[0][1], told[1][1]):
        # Each of two means has a spread of its own.
        both = math.hypot(told[0][1], told[1][1]) / math.sqrt(2)
        spread = Found(both, spread.start, spread.end)
    if spread is not None and (difference := _difference(r, spread, centres)):
        is_f = bool(_VARIANCE.search(low) and count > 2 and re.search(r"f[- ]test|one-way", low))
        design = "anova" if is_f else _of_means(low, clustered)
        effect: dict[str, Any] = {"design": design, "mean_difference": difference, "sd": spread.value}
        if design == "two_means" and _COVARIATE.search(low) and (one := r.take(_CORRELATION, low=0.05, high=0.99)):
            effect |= {"design": "repeated_measures", "correlation": one.value}
        return effect, True
    if found_medians := _MEDIANS.search(low) or _MEDIANS_APART.search(low):
        first, second = float(found_medians[1]), float(found_medians[2])
        if first and second and first != second:
            return {"design": "survival", "median_1": first, "median_2": second}, True
    pair = _cumulated(_proportions(r, ratio_of, low), low)
    if pair is not None and 0 < pair[0] < 1 and 0 < pair[1] < 1 and pair[0] != pair[1]:
        first, second, is_clear = pair
        is_alone = _ONE_GROUP_TEST.search(low) or (_ONE_GROUP.search(low) and not _SEVERAL_GROUPS.search(low))
        if clustered or is_alone:
            if clustered:
                return {"design": "cluster_proportions", "proportion_1": first, "proportion_2": second}, is_clear
            alone = {"design": "one_proportion", "arms": None}
            return {**alone, "proportion_1": first, "proportion_2": second}, is_clear
        if _TO_EVENT.search(low):
            first, second = (1 - first, 1 - second) if _FREE.search(low) else (first, second)
            return {"design": "survival", "event_rate_1": first, "event_rate_2": second}, is_clear
        # Rates per year are no shares of the participants.
        is_rate = bool(_RATE_CUE.search(low)) or "mean" not in low
        is_clear = is_clear and is_rate and not re.search(r"per (?:person-?\s?)?year|annual", low)
        return {"design": "two_proportions", "proportion_1": first, "proportion_2": second}, is_clear
    if word := _EFFECT_WORDS.search(r.text):
        value = {"small": 0.2, "medium": 0.5, "moderate": 0.5, "large": 0.8}[word[1].lower()]
        if _VARIANCE.search(low) and count > 2:
            # Cohen's f of two arms is half of his d.
            return {"design": "anova", "effect_size": value / 2}, True
        return {"design": "paired_means" if _PAIRED.search(low) else "two_means", "effect_size": value}, True
    return None


_HAZARD_CUT = _rule(
    rf"{_V}\s?(?:relative )?(?:hazard reduction|reduction in (?:the )?hazard)|(?:hazard|hazard rates?) (?:by|of) "
    rf"{_V.replace('<v>', '<v2>').replace('<p>', '<p2>')}\s?%"
)


def _of_means(low: str, clustered: bool) -> str:
    if clustered:
        return "cluster_means"
    if _OF_DIFFERENCES.search(low):
        return "paired_means"
    if _ALONE.search(low) and not _SEVERAL_GROUPS.search(low) and not _ARMS_APART.search(low):
        return "paired_means"
    return "crossover_means" if _WITHIN.search(low) else "paired_means" if _PAIRED.search(low) else "two_means"


def _margin(r: _Reader, low: str) -> tuple[dict[str, Any], bool] | None:
    """Non-inferiority and equivalence."""
    is_worse = _NOT_WORSE.search(low)
    if not is_worse and not _ALIKE.search(low):
        return None
    kind = "noninferiority" if is_worse else "equivalence"
    if (cv := r.take(_VARIATION, as_share=True, high=2)) is not None:
        limits = [float(one[1]) / (100 if one[2] else 1) for one in _UPPER.finditer(r.text)]
        limit = max((one for one in limits if one >= 1.1), default=None)
        expected = r.take(_TRUE_RATIO, low=0.7, high=1.4)
        return {
            "design": "bioequivalence",
            "margin": limit and limit - 1,
            "coefficient_of_variation": cv.value,
            "effect_size": expected and expected.value,
        }, True
    spread = r.take(*_SD)
    margin = r.take(*_MARGIN)
    if margin is None:
        return None
    if spread is not None and (r.is_percent(spread) or not r.is_percent(margin)):
        expected = r.take(_EXPECTED)
        away = None if expected is None else -expected.value if is_worse else expected.value
        design = f"{kind}_means"
        return {"design": design, "margin": margin.value, "sd": spread.value, "mean_difference": away}, True
    value = margin.value / 100 if r.is_percent(margin) or margin.value >= 1 else margin.value
    pair = _pair(r)
    first, second = pair or (None, None)
    if first is None or second is None or abs(first - second) > _FAR:
        rate = r.nearest([one for one in r.rates() if 0.01 < one.value < 1])
        if rate is None:
            return None
        first, second = rate.value, None
    design = f"{kind}_proportions"
    return {"design": design, "margin": value, "proportion_1": first, "proportion_2": second}, value < 0.5


_FAR = 0.35
"""Two rates that are farther apart than this are not those of two treatments that are held to be alike."""


_RATE_CUE = _rule(
    r"proportion|\brates?\b|incidence|prevalence|percent|probab|respon|success|mortality|cure|risk|frequency"
    r"|surviv|infect|adheren|complication|occur|patients who|of (?:the )?(?:patients|participants|women|men"
    r"|children|subjects|cases|infants|controls)"
)


_OF_ALL = _rule(rf"{_V} of all (?:patients|participants|subjects)")
_DURATION = r"[^.;\d]{0,60}?(\d+(?:\.\d+)?)[\s-]*(week|month|year)"
_MONTHS = {"week": 12 / 52, "month": 1.0, "year": 12.0}


def _times(low: str) -> dict[str, float] | None:
    """The control arm's median time to the event, accrual and follow-up, in months; none unless all are said."""
    found = {
        name: re.search(rf"\b(?:{words})\b{_DURATION}", low)
        for name, words in (
            ("median_1", "median"),
            ("accrual", "accrual|recruitment|enrolment|enrollment"),
            ("follow_up", "follow-?up"),
        )
    }
    told = {name: float(one[1]) * _MONTHS[one[2]] for name, one in found.items() if one}
    return told if len(told) == len(found) else None


def _events(r: _Reader, low: str) -> dict[str, float]:
    """Shares of the arms with an event, or of the control arm alone."""
    if everyone := r.take(_OF_ALL, as_share=True, high=1):
        return {"event_probability": everyone.value}
    pair = _pair(r)
    rate = r.nearest([one for one in r.rates() if 0.01 <= one.value < 1 and not _is_change(r, one.start, one.end)])
    shares = list(pair) if pair else [rate.value] if rate else []
    shares = [1 - one for one in shares] if _FREE.search(low) else shares
    return dict(zip(("event_rate_1", "event_rate_2"), shares, strict=False))


_MEAN_TO = _rule(
    r"\b(?:reduc|decreas|increas|improv|fall|rise|rais|lower|drop)\w*[^.;\d~]{0,40}?\bto (?:below |above |about "
    r"|a mean of )?"
    r"(?P<v>\d+(?:\.\d+)?)(?!\d|\.\d|\s?%)"
)
_OPPOSITE = _rule(
    r"\b(?:improv|increas|gain|rise)\w*[^.;\d~]{0,30}?(?:of|by) (?P<a>\d+(?:\.\d+)?)\b[^.;\d~]{0,80}?"
    r"\b(?:worsen|decreas|declin|deteriorat|loss|fall)\w*[^.;\d~]{0,20}?(?:of|by) (?P<b>\d+(?:\.\d+)?)"
)


def _difference(r: _Reader, spread: Found, centres: Sequence[float]) -> float | None:
    """The difference of means, in the unit of the standard deviation; `centres` are means that a spread goes with."""
    r.text = re.sub(r"\([^()\d\[\]]*\)", lambda found: " " * len(found.group()), r.text)
    in_percent = r.is_percent(spread)
    centres = centres or [float(found["v"]) for found in _MEAN.finditer(r.text)]
    if opposite := _OPPOSITE.search(r.text):
        return float(opposite["a"]) + float(opposite["b"])
    if len(centres) == 2 and _LIKELY[0] <= abs(centres[0] - centres[1]) / spread.value <= _LIKELY[1]:
        return abs(centres[0] - centres[1])
    mean = centres[0] if centres else None
    if len(centres) == 1 and mean and (end := _MEAN_TO.search(r.text)):
        difference = abs(mean - float(end["v"]))
        if _LIKELY[0] <= difference / spread.value <= _LIKELY[1]:
            return difference
    # Beside a change in per cent the mean is what it is of, and no difference.
    told = centres if not in_percent and any(r.is_percent(one) for one in r.rates()) else ()
    for rule in _MEANS:
        for pair in rule.finditer(r.text):
            difference = abs(float(pair["a"]) - float(pair["b"]))
            # What is read from 0 on is a scale.
            if float(pair["a"]) and _LIKELY[0] <= difference / spread.value <= _LIKELY[1]:
                return difference
    if in_percent and (shares := _pair(r)):
        difference = 100 * abs(shares[0] - shares[1])
        if _LIKELY[0] <= difference / spread.value <= _LIKELY[1]:
            return difference
    for rule in _CHANGE:
        found = []
        for match in rule.finditer(r.text):
            name = "v" if match["v"] is not None else "v2"
            one = Found(float(match[name]), match.start(name), match.end(name))
            if one.value > 0 and not re.match(r"\s?(?:~|groups|arms|tailed|-\d)", r.text[one.end : one.end + 7]):
                found.append(one)
        for same_unit in (True, False):
            likely = []
            for one in found:
                is_same = r.is_percent(one) == in_percent
                value = one.value
                if not is_same and r.is_percent(one) and mean is not None:
                    value = one.value / 100 * mean
                if is_same == same_unit and one.value not in told and _LIKELY[0] <= value / spread.value <= _LIKELY[1]:
                    likely.append(Found(value, one.start, one.end))
            if (best := r.nearest(likely)) is not None:
                r.doubt(likely)
                return best.value
    return None


_LIKELY = (0.04, 6.0)
"""Differences in standard deviations beyond these are not what was meant."""


def _is_change(r: _Reader, start: int, end: int) -> bool:
    """The number is a difference, not one of the two that differ."""
    return bool(_CHANGE_AFTER.match(r.text, end) or _CHANGE_BEFORE.search(r.text[max(0, start - 90) : start]))


_CHANGE_AFTER = _rule(
    r"\s?(?:absolute |relative |risk |or (?:more|greater) |\w+ )?(?:differences?|reductions?|increases?"
    r"|decreases?|improvements?|decline|lower|higher|less|fewer|more|relative|absolute)\b"
)
_CHANGE_BEFORE = _rule(
    r"(?:differences?|reductions?|increases?|decreases?|improvements?|reduced|decreased|increased|lowered|rises|falls"
    r"|lower|improved|effect|Δ\s?=|delta\s?=)\s(?:(?:in|of|by) (?!rates?|proportion|cure"
    r"|between)[\w-]+\s){0,2}?(?:of|by|is|was|at least|about|approximately|around|a|an|=|>|≥|\s)*$"
    r"|\bdifferences?\s(?:in|between) (?:[\w-]+\s){1,7}?of (?:at least |about |approximately |around |>|≥|\s)*$"
    r"|\b(?:differences?|reductions?|increases?|improvements?)\s(?:in|of|between) (?:[\w-]+\s){1,11}?(?:would"
    r"|will|to|should)"
    r" be (?:at least |about |approximately |around |over |>|≥|\s)*$"
)


_LOOSE = 5
"""The place of the rule that takes any two rates that an `and` joins."""


def _apart(pair: tuple[float, float]) -> float:
    return abs(math.asin(math.sqrt(pair[0])) - math.asin(math.sqrt(pair[1])))


def _pair(r: _Reader) -> tuple[float, float] | None:
    """Two proportions that are set against each other, the control's first where that can be told."""
    for order, rule in enumerate(_PAIR):
        found: list[tuple[int, float, float]] = []
        place = 0
        while match := rule.search(r.text, place):
            place = match.start(1) + len(match[1])
            one, p1, two, p2 = match[1], match[2], match[3], match[4]
            if not p1 and p2 and match.start(3) - match.end(1) <= 14 and float(one) >= 5:
                p1 = p2
            first, second = (float(v) / 100 if p else float(v) for v, p in ((one, p1), (two, p2)))
            if first == second or not 0 < first < 1 or not 0 < second < 1:
                continue
            ends = ((match.start(1), match.end(2)), (match.start(3), match.end(4)))
            if order == _LOOSE and any(_is_change(r, *end) for end in ends):
                continue
            found.append((abs(match.start() - r.anchor), first, second))
        if found:
            # A trial of several comparisons is sized for the smallest.
            near = min(found)[0]
            r.doubt([one[1:] for one in found])
            return min((one[1:] for one in found if one[0] <= near + 150), key=_apart)
    return None


_YEARLY = _rule(
    r"\d\s?%?\s?(?:per|a|each|/)\s?(?:(?:person|patient)[- ]?)?year\b(?!-old)|\b(?:annual"
    r"|yearly)\b[^.;\d]{0,60}\d|\d\s?%\s?(?:annual|yearly)"
)
_FOLLOWED = _rule(
    r"follow(?:ed)?[- ]?up[^.;\d]{0,50}?(\d+(?:\.\d+)?)[\s-]*(month|year)|(\d+(?:\.\d+)?)[\s-]*(month"
    r"|year)s?(?:['’]? of)?(?: \w+)? follow"
)


def _cumulated(pair: tuple[float, float, bool] | None, low: str) -> tuple[float, float, bool] | None:
    """Two rates per year over the years of follow-up, where both are said."""
    followed = _FOLLOWED.search(low)
    if pair is None or followed is None or not _YEARLY.search(low) or max(pair[:2]) > _MOST_A_YEAR:
        return pair
    years = float(followed[1] or followed[3]) * _MONTHS[followed[2] or followed[4]] / 12
    return 1 - (1 - pair[0]) ** years, 1 - (1 - pair[1]) ** years, pair[2]


_MOST_A_YEAR = 0.3
"""Larger shares are not lost every year."""


_DOWN_TO = _rule(
    rf"(?:reduc|decreas|increas|lower|improv|rais|rise|fall"
    rf"|drop|doubl|halv)\w*[^.;\d~\[]{{0,60}}?(?:\d+(?:\.\d+)?% \((?:i\.e\. )?)?\bto (?!be\b){_HEDGE}{_R}"
)
_DIFF = (
    _rule(
        rf"(?:differences?|reductions?|decreases?|increases?|improvements?|decline|effect|reduc\w+|lower\w*"
        rf"|(?:rises?|falls?|drops?) by\b"
        rf"|decreas\w+|increas\w+|improv\w+|(?:vaccine|protective) efficacy|protection)\b"
        rf"(?:(?!\b(?:over(?! \d)|from|compared|versus)\b)[^.;,\d~]){{0,60}}?{_V}"
    ),
    _rule(
        rf"{_V}\s?(?!or\b)(?:[\w-]+\s){{0,4}}?(?:differences?|reductions?|decreases?|increases?|improvements?|decline"
        rf"|lower|higher|less|fewer|more)\b"
    ),
    _rule(rf"\bdetect\b[^.;\d~]{{0,50}}?{_V}"),
)


_ADVERSE = _rule(
    r"recurren|relaps|mortality|death|\bdie|fail|infection|complication|adverse|vomiting|nausea|\bpain|readmi"
    r"|stroke|incidence"
)
_RISES = _rule(r"improv|increas|higher|more|rais|rise")
_MEASURE = _rule(r"\bmeans?\b|t-?\s?test|\bscores?\b|\blevels? of\b|duration|volume|\bpain\b|pressure|consumption")


def _proportions(r: _Reader, ratio_of: Found | None, low: str) -> tuple[float, float, bool] | None:
    pair = _pair(r)
    if pair is not None:
        return *pair, True
    if ratio_of is not None and (base := r.nearest(r.rates())) is not None:
        odds = base.value / (1 - base.value) * ratio_of.value
        treated = odds / (1 + odds) if "odds" in low or " or " in low else base.value * ratio_of.value
        return base.value, treated, treated < 1
    ends = [Found(float(m[1]) / 100, m.start(1), m.end(2)) for m in _DOWN_TO.finditer(r.text) if m[2]]
    if (end := r.nearest(ends)) is not None:
        base = r.nearest([one for one in r.rates() if one.start != end.start and not _is_change(r, one.start, one.end)])
        if base is not None:
            return base.value, end.value, True
    found: list[Found] = []
    for rule in _DIFF:
        for match in rule.finditer(r.text):
            if match["p"]:
                found.append(Found(float(match["v"]) / 100, match.start("v"), match.end("p")))
    change = r.nearest(found)
    r.doubt(found)
    changes = {one.start for one in found}
    others = [one for one in r.rates() if one.start not in changes]
    if change is not None and others:
        for one in others:
            for two in others:
                is_near = one.start < two.start and ". " not in r.text[one.end : two.start]
                if is_near and math.isclose(abs(one.value - two.value), change.value):
                    return one.value, two.value, True
        cued = [
            one
            for one in others
            if re.search(
                r"(?i)control|placebo|standard|usual|baseline|without|reference|assum|expect|estimat|incidence"
                r"|prevalence|rate",
                r.text[max(0, one.start - 60) : one.end + 40],
            )
        ]
        base = r.nearest(cued or others)
        assert base is not None
        near = r.text[max(0, change.start - 90) : change.end + 40]
        absolute = bool(_ABSOLUTE.search(near)) and not re.search(r"(?i)relative", near)
        falls = bool(re.search(r"(?i)reduc|decreas|lower|declin|less|fewer|protect|efficacy|drop", near))
        if not absolute and falls:
            return base.value, base.value * (1 - change.value), bool(cued)
        rises = bool(re.search(r"(?i)absolut|point|improv|increas|higher|more|rais|rise", near))
        if change.value >= base.value and not rises:
            # More than there is can only be a share of it.
            return base.value, base.value * (1 - change.value), bool(cued)
        up, down = base.value + change.value, base.value - change.value
        if falls:
            return (base.value, down, True) if down > 0 else (base.value, base.value * (1 - change.value), False)
        if re.search(r"(?i)relative", near):
            return base.value, base.value * (1 + change.value), True
        is_down = up >= 1 or (
            not _RISES.search(near)
            and down > 0
            and bool(_ADVERSE.search(r.text[max(0, base.start - 60) : base.end + 60]))
        )
        return base.value, down if is_down else up, bool(cued)
    if change is not None and change.value < 1 and not others and _RATE_CUE.search(low) and not _MEASURE.search(low):
        # No rate is told: the difference lies about one half, where it takes the most.
        return 0.5 - change.value / 2, 0.5 + change.value / 2, False
    if len(others) >= 2:
        close = sorted(others, key=lambda one: abs(one.start - r.anchor))[:2]
        one, two = sorted(close, key=lambda o: o.start)
        if one.value != two.value:
            return one.value, two.value, False
    return None
