"""Numbers in running text: limits and ranges with their units, as criteria write them.

"at least 18 years", "18-65 y", "≥ 1.5 x ULN", "between 7,0 % and 10,5 %", "ANC >= 1.500/mm3", "ECOG 0-1".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Literal

import msgspec

from trialpanorama.link._criteria_words import ROMAN, SIGNS, WORD_NUMBERS, set_of
from trialpanorama.ontologies.ucum import Units

Comparator = Literal["=", "<", "<=", ">", ">=", "between"]
TIMES = {
    "a": 365.25,
    "mo": 30.4375,
    "wk": 7.0,
    "d": 1.0,
    "h": 1 / 24,
    "min": 1 / 1440,
    "s": 1 / 86400,
    "{half_life}": 0.0,
}
"""Units of time, and how many days each is."""


class Quantity(msgspec.Struct, gc=False):
    """A number, or two, that a text gives as a limit."""

    start: int
    end: int
    comparator: Comparator | None
    """None: nothing says which side is meant (a bare value, or the register lost the sign)."""
    low: float | None
    high: float | None
    unit: str | None
    unit_raw: str
    """As written, "" if there is none."""
    is_within: bool = False
    """It says how long ago ("within 4 weeks", "in the past year")."""
    is_lost: bool = False
    """The register lost the sign before it: "=18 years" was "≥18 years"."""
    is_told: bool = False
    """A sign, a word or a range says that it is a limit."""


_NUMBER = (
    r"\d{1,3}(?:[,'’\u00a0\u202f ]\d{3})+(?![\d.,]*\d)(?:\.\d{1,2}(?!\d))?|\d{1,3}(?:\.\d{3}){2,}(?!\d)|"
    r"\d+(?:[.,·]\d+)?"
)
_START = re.compile(
    rf"(?<![\w.,/^*\u4e00-\u9fff])(?<![A-Za-z]-)(?P<digits>{_NUMBER})|(?<=[\u4e00-\u9fff])(?P<after>{_NUMBER})"
    rf"|\b(?P<word>{'|'.join(sorted(WORD_NUMBERS, key=len, reverse=True))})\b(?:\s?\((?P<same>\d+)\))?"
    r"|(?<![\w-])(?P<roman>I{1,3}|IV)(?![\w.]*[\w])",
    re.IGNORECASE,
)
_LOOK_BACK = 48
_FILLER = (
    r"(?:\s|:|\()*(?:(?:the )?(?:ages?|value|values|score|dose|doses|total) (?:of )?|or equal to |than |of |a |"
    r"an |the |"
    r"about |approximately |approx\.? |~\s?|to )?(?:the )?(?:age of )?"
)
_BEFORE = tuple(
    (sign, re.compile(rf"(?:(?<!\w)|(?<=\d)|(?=\W))(?P<said>{words}){_FILLER}$", re.IGNORECASE))
    for sign, words in SIGNS
)
_BETWEEN = re.compile(
    r"\b(?:between|from|aged?|ages|ranging from|ranges? from|range(?: of)?|ranging|entre|zwischen|von|"
    r"de)(?: the ages? of| ages?| of)?[\s:]*(?:≥|>=|>)?\s*$",
    re.IGNORECASE,
)
_PERIOD = re.compile(r"\b(?:within|last|past|previous|prior|preceding|during|first)\b", re.IGNORECASE)
_LOST = re.compile(r"(?:^|[\s(])[=?]$")
_RANGE = re.compile(
    rf"\s{{0,2}}(?P<joint>-|–|—|−|~|～|to|through|until|til|till|and|or|up to|bis|à|y|a|e|至|到|&|"
    rf"<)\s{{0,2}}(?:(?:less than|under|up to|<=?|≤|=)\s?)?(?P<digits>{_NUMBER})(?![\d/]|-?[a-z]{{2}}\d)",
    re.IGNORECASE,
)
_LIST = re.compile(
    r"(?:,?\s?(?:,|/|or|and|to|-|–|and/or|through)\s?(?P<value>\d|I{1,3}|IV)(?![\w.%]|,\d))", re.IGNORECASE
)
_RATIO = re.compile(r"\s?/\s?(?P<digits>\d{2,3})(?![\d/])")
_AFTER = re.compile(
    r"\s*(?:\([^()]{0,24}\)\s*)?(?:old|of age)?,?\s*(?:(?P<least>\+|(?:or|and|&)\s*(?:older|more|greater|higher|"
    r"above|over|up(?:wards?)?|longer|later|larger|elder|beyond|old(?=\b)(?!er))\b|"
    r"(?:or|and) (?:years )?(?:older|over|above)|以上|及以上|minimum\b|et plus|y más|und älter|or >)|"
    r"(?P<most>(?:or|and)\s*(?:less|lower|younger|below|under|fewer|shorter|smaller|earlier)\b|以下|maximum\b))",
    re.IGNORECASE,
)
_THOUSAND = re.compile(r"[Kk](?![\w/])")
_CONVERTS = re.compile(r"\b1\s?[A-Za-z\[\]/]+\s*$")
_IS = re.compile(r"\s*=")
_REVERSED = re.compile(r"\s*(?P<sign><=|>=|[<>≤≥])\s*(?=[A-Za-z])")
_TURNED = {"<": ">", "≤": ">", ">": "<", "≥": "<"}
_CLASSED = re.compile(r"\b(?:stage|class|grade|type|ASA|NYHA|CCS)\s*[:=]?\s*$", re.IGNORECASE)
_WINDOW = re.compile(r"(?:m\([23]\)|[^,;:()\[\]\r\n<>≥≤=&]|\r?\n(?=[%A-Za-zµμ/])){0,44}")
_UNIT_WORD = re.compile(r"\S+")
_TIMES_NORMAL = re.compile(
    r"\s*(?:-|\s)?(?:x|×|times|fold|-fold|\*|xs)?\s*(?:the\s+|of\s+|above\s+|site'?s?\s+|local\s+|"
    r"laboratory'?s?\s+|institution(?:al|'s)?\s+|age[- ]adjusted\s+){0,5}"
    r"(?P<what>(?:x\s?)?ULN|UNL|ULNR|(?:upper\s+(?:limits?|bound|range|end)\s+(?:of|"
    r"for)\s+(?:the\s+)?(?:institutional\s+|laboratory\s+|local\s+)?(?:normal|reference)(?:\s+(?:range|values?|"
    r"limits?))?|upper\s+limits?(?=\s*(?:[).,;]|$))|upper\s+(?:normal\s+(?:limits?|range|values?)|"
    r"reference\s+(?:limit|range))|"
    r"normal(?:\s+(?:upper\s+limit|limits?|range|values?))?|institutional\s+upper\s+limits?(?:\s+of\s+normal)?|"
    r"N)(?!\w))(?:\s*[(\[]\s*(?:the\s+)?(?:ULN|UNL)\s*[)\]])?",
    re.IGNORECASE,
)
_IS_NORMAL_ALONE = re.compile(r"\s*(?:normal|N)\b", re.IGNORECASE)
_PLAIN_WORDS = set_of(
    "a at as in or on and of to is if be per are an by the for with no not was has have had all any h2 hr2 out ar "
    "up so do go am we us t in. or. pm i"
)
"""Words that are also symbols of units in UCUM, and mean none in running text."""
_OWN_UNITS = {
    "g/l": "g/L", "G/L": "10*9/L", "Gi/L": "10*9/L", "Gpt/L": "10*9/L", "kg/sq.m": "kg/m2", "kg/sqm": "kg/m2",
    "kg/square meter": "kg/m2", "kg per square meter": "kg/m2", "kg/m": "kg/m2", "kg / m2": "kg/m2", "kg/ m2": "kg/m2",
    "y": "a", "yo": "a", "yr": "a", "yrs": "a", "y.o.": "a", "year-old": "a", "ys": "a", "jahre": "a", "jahren": "a",
    "ans": "a", "años": "a", "anos": "a", "anni": "a", "jaar": "a", "лет": "a",
    "岁": "a", "周岁": "a", "歳": "a", "세": "a",
    "mois": "mo", "monate": "mo", "monaten": "mo", "meses": "mo", "mesi": "mo", "maanden": "mo",
    "个月": "mo", "月": "mo",
    "semaines": "wk", "wochen": "wk", "semanas": "wk", "settimane": "wk", "weken": "wk", "周": "wk", "jours": "d",
    "tage": "d", "tagen": "d", "días": "d", "dias": "d", "giorni": "d", "dagen": "d", "天": "d", "heures": "h",
    "stunden": "h", "horas": "h", "小时": "h", "half-lives": "{half_life}", "half-life": "{half_life}",
    "half lives": "{half_life}", "weeks'": "wk", "years'": "a", "months'": "mo", "days'": "d", "drinks": "{drinks}",
    "mm³": "mm3", "msec": "ms", "cell/mm3": "{cells}/mm3", "cells/mcl": "{cells}/uL", "mm^3": "mm3", "/mm^3": "/mm3",
    "/cubic millimeter": "/mm3", "cm": "cm", "mm": "mm", "calendar days": "d", "consecutive days": "d", "℃": "Cel",
    "degree c": "Cel", "degree celsius": "Cel", "degree centigrade": "Cel", "degrees centigrade": "Cel",
    "degree f": "[degF]", "degree fahrenheit": "[degF]", "°": "", "º c": "Cel", "ºc": "Cel", "grams": "g",
    "lbs": "[lb_av]", "pounds": "[lb_av]", "mmol/mol": "mmol/mol",
    "cigarettes": "{cigarettes}", "pack-years": "{pack}.a", "ms": "ms", "/min": "/min", "/minute": "/min",
    "breaths/min": "{breaths}/min",
    "times/min": "/min", "times/minute": "/min", "bpm": "{beats}/min", "x10^9": "10*9", "dioptres": "[diop]", "d": "d",
    "completed weeks": "wk", "weeks gestation": "wk", "weeks of gestation": "wk", "full years": "a", "days old": "d",
    "months old": "mo", "weeks old": "wk", "months of age": "mo", "weeks of age": "wk", "days of age": "d",
    "hours of age": "h",
}  # fmt: skip
_COUNTED = re.compile(r"(?:\{cells\}|\{platelets\}|\{neutrophils\})?/(?:mm3|uL|mL)$|\{copies\}/mL$")


class Quantities:
    """Finds numbers with their limits and units."""

    def __init__(self, units: Units) -> None:
        self._units = units
        self._unit = lru_cache(maxsize=20_000)(self._normalised)

    def find(self, text: str, start: int = 0, end: int | None = None) -> Iterator[Quantity]:
        """The quantities in a part of a text, from left to right, none within another."""
        part = text[start:end]
        place = 0
        for match in _START.finditer(part):
            if match.start() < place:
                continue
            if quantity := self._quantity(part, match, place):
                place = quantity.end
                quantity.start += start
                quantity.end += start
                yield quantity

    def _quantity(self, text: str, match: re.Match[str], floor: int) -> Quantity | None:
        start, end = match.span()
        sign, begin, is_within = self._sign(text, start, floor)
        digits = match["digits"] or match["after"]
        low_text = match["same"] or (digits if digits else "")
        if digits is None and match["roman"]:
            if not match["roman"].isupper():
                return None
            low = float(ROMAN[match["roman"]])
            if (
                match["roman"] == "I"
                and not _LIST.match(text, end)
                and not _CLASSED.search(text[max(0, start - 12) : start])
            ):
                return None
        elif digits is None and not low_text:
            low = float(WORD_NUMBERS[match["word"].lower()])
        else:
            low = number(low_text)
        if _THOUSAND.match(text, end):
            low, end = low * 1000, end + 1
        is_lost = sign is None and bool(_LOST.search(text[max(0, start - 2) : start]))
        if sign == "=" and "=" in text[begin:start]:
            if _CONVERTS.search(text[max(0, begin - 12) : begin]):  # "(1 mmHg = 0.133 kPa)"
                return None
            sign, is_lost = None, True
        if digits and (ratio := _RATIO.match(text, end)) and low >= 60 and float(ratio["digits"]) >= 30:
            raw, unit, last = self._unit_behind(text, ratio.end())
            return Quantity(begin, last, _comparator(sign), low, float(ratio["digits"]), unit, raw or "/", is_told=True)
        raw, unit, behind = self._unit_behind(text, end)
        if match["roman"]:
            raw, unit, behind = "", None, end
        if unit and _COUNTED.search(unit) and "." in low_text and low_text.endswith("00"):
            low = number(low_text.replace(".", ""))
        high: float | None = None
        last = behind
        is_range = False
        if not match["roman"] and (found := _RANGE.match(text, behind)):
            joint = found["joint"].lower()
            is_between = (
                bool(_BETWEEN.search(text[max(floor, begin - 24) : begin]))
                if joint not in ("-", "–", "—", "~")
                else True
            )
            upper = number(found["digits"])
            raw2, unit2, behind2 = self._unit_behind(text, found.end())
            if unit2 and _COUNTED.search(unit2) and "." in found["digits"] and found["digits"].endswith("00"):
                upper = number(found["digits"].replace(".", ""))
            is_joined = (
                joint in ("to", "through", "until", "bis", "à", "至", "到", "～", "−", "til", "till", "up to")
                or is_between
            )
            if joint in ("a", "e", "y", "<", "&", "or") and not (is_between and unit2):
                is_joined = False
            if is_joined and _ordered(low, unit or unit2, upper, unit2 or unit):
                is_range, high, last = True, upper, behind2
                if unit is None:
                    raw, unit = raw2, unit2
                elif unit2 is not None and unit2 != unit:
                    factor = self._units.convert(low, unit, unit2)
                    if factor is not None:
                        low, raw, unit = round(factor, 6), raw2, unit2
        if not is_range and sign is None and not raw:
            values = [low]
            place = end
            while len(values) < 6 and (more := _LIST.match(text, place)):
                value = ROMAN.get(more["value"].upper()) or (float(more["value"]) if more["value"].isdigit() else None)
                if value is None:
                    break
                values.append(float(value))
                place = more.end()
            if len(values) > 1:
                return Quantity(start, place, "between", min(values), max(values), None, "", is_told=False)
        if is_range:
            return Quantity(begin if sign else start, last, "between", low, high, unit, raw, is_within, False, True)
        if after := _AFTER.match(text, last):
            if sign is None or (sign in ("=", ">=") and after["least"]):
                sign, last = (">=" if after["least"] else "<="), after.end()
            is_lost = False
        if sign is None and (found := _REVERSED.match(text, last)):  # "18 years <= age"
            sign = _TURNED[found["sign"][0]] + ("" if len(found["sign"]) == 1 and found["sign"] in "<>" else "=")
            is_lost = False
        if sign is None and low == 1 and raw and _IS.match(text, last):
            return None
        if sign is None and not raw and not is_lost and not match["roman"]:
            return Quantity(start, end, None, low, low, None, "") if digits and len(digits) < 4 else None
        comparator = _comparator(sign)
        least = None if comparator in ("<", "<=") else low
        most = None if comparator in (">", ">=") else low
        return Quantity(begin, last, comparator, least, most, unit, raw, is_within, is_lost, comparator is not None)

    def _sign(self, text: str, start: int, floor: int) -> tuple[str | None, int, bool]:
        """What stands before a number and makes it a limit, where it begins, and whether it is a period before."""
        low = max(floor, start - _LOOK_BACK)
        window = text[low:start]
        for sign, pattern in _BEFORE:
            if found := pattern.search(window):
                said = found["said"]
                return sign, low + found.start("said"), bool(_PERIOD.search(said))
        return None, start, False

    def _unit_behind(self, text: str, end: int) -> tuple[str, str | None, int]:
        """The unit behind a number as written and in UCUM, and where it ends."""
        if found := _TIMES_NORMAL.match(text, end):
            said = found["what"].upper()
            if (
                said not in ("N", "NORMAL")
                or text.startswith("N", end)
                or re.search(r"x|×|times|fold|\*", text[end : found.start("what")], re.I)
            ):
                return text[end : found.end()].strip(), "{ULN}", found.end()
        window = _WINDOW.match(text, end)
        if window is None or not window[0]:
            return "", None, end
        shift = end
        said = window[0]
        stripped = said.lstrip(" -\u00a0\r\n")
        if said.startswith("-") and not stripped[:1].isalpha():
            return "", None, end
        shift += len(said) - len(stripped)
        words = [word.span() for word in _UNIT_WORD.finditer(stripped)][:5]
        for count in range(len(words), 0, -1):
            raw = stripped[: words[count - 1][1]].rstrip(".,;:'’*")
            if not raw or (count > 1 and raw[-1] in "/x×*-"):
                continue
            if (unit := self._unit(raw)) is not None:
                rest = self._unit(stripped[slice(*words[count - 1])]) or ""
                if count > 1 and rest.startswith("{") and self._unit(stripped[: words[count - 2][1]]):
                    continue  # "100/mm3 platelets"
                return raw, unit or None, shift + len(raw)
        if words and "-" in (first := stripped[: words[0][1]]):  # "18 years-65 years"
            raw = re.split("[-–—]", first)[0]
            if raw and (unit := self._unit(raw)) is not None:
                return raw, unit or None, shift + len(raw)
        return "", None, end

    def _normalised(self, raw: str) -> str | None:
        """A unit in UCUM; "" for a sign of one that says nothing, None for what is no unit."""
        raw = raw.replace("(3)", "3").replace("(2)", "2")
        lower = raw.lower()
        if raw in _OWN_UNITS or lower in _OWN_UNITS:
            return _OWN_UNITS.get(raw, _OWN_UNITS.get(lower))
        if lower in _PLAIN_WORDS or not re.match(r"[A-Za-z%‰°℃µμ/×x*\d\u0080-\uffff]", raw):
            return None
        if raw[0].isdigit() and not raw.startswith("10"):
            return None
        if len(raw) == 1 and raw not in "%gLhd‰":
            return None
        words = lower.split()
        is_phrase = len(words) > 1 and not any("/" in word or word == "per" for word in words)
        if is_phrase and any(word in _PLAIN_WORDS and word != "of" for word in words):
            return None
        if words[-1] in ("of", "in", "at", "or", "and", "a", "the", "to", "for", "with"):
            return None
        return self._units.normalise(raw)


def _comparator(sign: str | None) -> Comparator | None:
    return sign  # type: ignore[return-value]  # one of SIGNS


def _ordered(low: float, unit: str | None, high: float, upper: str | None) -> bool:
    if unit and upper and unit != upper and unit in TIMES and upper in TIMES:
        return low * TIMES[unit] < high * TIMES[upper]
    return low < high


def number(text: str) -> float:
    """A number as written in a text, with thousands or decimals behind a comma, a point, an apostrophe or a space."""
    plain = re.sub("[\u00a0\u202f '’]", "", text).replace("·", ".")
    if "," in plain and "." in plain:
        last = max(plain.rfind(","), plain.rfind("."))
        plain = re.sub("[.,]", "", plain[:last]) + "." + plain[last + 1 :]
    elif plain.count(",") > 1 or plain.count(".") > 1:
        plain = re.sub("[.,]", "", plain)
    elif "," in plain:
        whole, _, rest = plain.partition(",")
        plain = whole + rest if len(rest) == 3 and whole not in ("0", "") and len(whole) < 4 else f"{whole}.{rest}"
    return float(Fraction(plain)) if len(plain) < 40 else float("inf")
