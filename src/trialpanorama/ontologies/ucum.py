"""Unified Code for Units of Measure: its atoms and prefixes, and what units of trials are in it.

`Units` reads UCUM expressions ("mg/dL", "10*9/L", "mm[Hg]"), makes them of what people write ("mmHg", "x10^9/l",
"years"), and converts between commensurable ones with exact factors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import cached_property, lru_cache
from math import exp, log
from typing import TYPE_CHECKING

import msgspec

from trialpanorama.ontologies import Concept, Concepts, Name, Part, Release, ReleaseFile, Vocabulary, distinct_names
from trialpanorama.ontologies._downloads import Download, fetched_from

if TYPE_CHECKING:
    from lxml.etree import _Element

_NAMESPACE = "http://unitsofmeasure.org/ucum-essence"
_PREFIX_ID = "UCUM:prefix/"
_LONGEST = 100
"""Characters of an expression; longer text is no unit."""
_VERSIONS = re.compile(r"[12]\.\d+(\.\d+)?")


# --- reading the release


def _read(parts: Mapping[str, Sequence[ReleaseFile]]) -> Release:
    from lxml import etree

    file = parts["essence-xml"][0]
    with file.open() as stream:
        try:
            root = etree.parse(stream, etree.XMLParser(resolve_entities=False, no_network=True)).getroot()
        except etree.XMLSyntaxError as error:
            raise file.unusable(f"is no whole XML document ({error})") from None
    version = root.get("version", "")
    if not _VERSIONS.fullmatch(version):
        raise file.unusable(f'is of UCUM version "{version}", which is not known')
    concepts = []
    for element in root:
        code = element.get("Code")
        if not isinstance(element.tag, str):
            continue
        if not code:
            raise file.unusable(f"has a {etree.QName(element).localname} without Code in line {element.sourceline}")
        concepts.append(_concept(element, etree.QName(element).localname, code))
    return Release(version, concepts, date=root.get("revision-date"))


def _concept(element: _Element, tag: str, code: str) -> Concept:
    names = [_text(child) for child in element.findall(f"{{{_NAMESPACE}}}name")] or [code]
    symbols = [_text(child) for child in element.findall(f"{{{_NAMESPACE}}}printSymbol")]
    value = element.find(f"{{{_NAMESPACE}}}value")
    attributes = {"code_of_capitals": element.get("CODE", ""), "dimension": element.get("dim", "")}
    if value is not None:
        function = value.find(f"{{{_NAMESPACE}}}function")
        attributes["value"] = (value if function is None else function).get("value", "")
        attributes["unit"] = (value if function is None else function).get("Unit", "")
        attributes["function"] = "" if function is None else function.get("name", "")
    for flag, attribute in (("isMetric", "is_metric"), ("isArbitrary", "is_arbitrary")):
        attributes[attribute] = "true" if element.get(flag) == "yes" or (tag, flag) == ("base-unit", "isMetric") else ""
    attributes["property"] = "".join(_text(child) for child in element.findall(f"{{{_NAMESPACE}}}property")[:1])
    return Concept(
        id=f"{_PREFIX_ID}{code}" if tag == "prefix" else f"UCUM:{code}",
        name=names[0],
        kind="other" if tag == "prefix" else "unit",
        names=distinct_names(
            names[0],
            [*map(Name, names), *(Name(symbol, "abbreviation") for symbol in symbols if symbol), Name(code, "code")],
        ),
        attributes={key: said for key, said in attributes.items() if said},
    )


def _text(element: _Element) -> str:
    return " ".join("".join(map(str, element.itertext())).split())


# --- units as numbers


class Unit(msgspec.Struct, frozen=True):
    """What a unit is: a multiple of base units."""

    code: str
    """In UCUM."""
    factor: Fraction
    """How many of the base units it is."""
    dimensions: tuple[tuple[str, int], ...]
    """Exponents of the base units, by their codes; units defined by a procedure, such as [iU], count as such."""
    function: str = ""
    """How its scale is related to the base units, where it is not by a factor: "Cel", "degF", "pH" ..."""


class Units:
    """The units of a loaded UCUM, and what can be said with them."""

    def __init__(self, concepts: Concepts) -> None:
        self._atoms: dict[str, dict[str, str]] = {}
        self._prefixes: dict[str, Fraction] = {}
        self._words: dict[str, str] = {}
        self._remembered = lru_cache(2**16)(self._parse)
        prefix_names: dict[str, str] = {}
        metric_names: dict[str, str] = {}
        for concept in concepts.all(prefix="UCUM"):
            if concept.id.startswith(_PREFIX_ID):
                code = concept.id.removeprefix(_PREFIX_ID)
                self._prefixes[code] = Fraction(concept.attributes["value"])
                prefix_names[concept.name.lower()] = code
            elif concept.kind == "unit" and concept.id.startswith("UCUM:"):
                code = concept.id.removeprefix("UCUM:")
                self._atoms[code] = concept.attributes
                named = {name.text.lower(): code for name in concept.names if name.kind in ("preferred", "exact")}
                self._words |= {word: code for word, code in named.items() if word not in self._words}
                if "is_metric" in concept.attributes:
                    metric_names |= named
        self._words |= {
            prefix + word: prefix_code + code
            for prefix, prefix_code in prefix_names.items()
            for word, code in metric_names.items()
            if prefix + word not in self._words
        }
        self._words |= {word: code for word, code in _SPELLINGS.items() if self._is_known(code)}

    def parse(self, code: str) -> Unit | None:
        """The unit of a UCUM expression; None if it is none."""
        return self._remembered(code) if len(code) <= _LONGEST else None

    def normalise(self, text: str) -> str | None:
        """The UCUM expression of a unit as people write it; None if it is not understood.

        Case matters where UCUM's does ("mmol" and "Mmol"); "l" is "L".
        """
        said = _plain(text)
        if not said or len(said) > _LONGEST or said in _AMBIGUOUS:
            return None
        if said in self._words:
            return self._words[said]
        if (lower := said.lower()) in self._words:
            return self._words[lower]
        if self._is_meant(said):
            return _canonical(said)
        parts: list[str] = []
        for text in re.split(r"\s*/\s*|\s+per\s+|^per\s+", _POWERS.sub(_power, said)):
            part = self._component(text)
            if part is None or (parts and not part):
                return None
            parts.append(part)
        code = "/".join(
            f"({part})" if number and "." in _NOTES.sub("", part) else part for number, part in enumerate(parts) if part
        )
        code = f"/{code}" if parts[0] == "" else code
        return _canonical(code) if code.strip("/") and self._is_known(code) else None

    def _is_meant(self, said: str) -> bool:
        """Whether what is written is UCUM, and not by chance."""
        bare = _NOTES.sub("", said)
        if _MISREAD.search(bare) or not re.fullmatch(r"[!-~]+", said):
            return False
        are_capitals = bare.isupper() and "[" not in bare
        if are_capitals and (sum(map(str.isalpha, bare)) > 1 or self._is_known(said.lower())):
            return False  # "MG" means mg, and "TC" no teracoulombs
        return self._is_known(said)

    def factor(self, unit: str, into: str) -> Fraction | None:
        """How many of one unit one of the other is; None if they are not commensurable or have no fixed factor."""
        one, other = self.parse(unit), self.parse(into)
        if one is None or other is None or one.dimensions != other.dimensions or one.function or other.function:
            return None
        return one.factor / other.factor

    def convert(self, value: float, unit: str, into: str) -> float | None:
        """A value in another unit; None if the units are not commensurable."""
        one, other = self.parse(unit), self.parse(into)
        if one is None or other is None or one.dimensions != other.dimensions:
            return None
        if not one.function and not other.function:
            return float(Fraction(str(value)) * one.factor / other.factor)
        proper = _FUNCTIONS[one.function][0](value) * float(one.factor)
        return _FUNCTIONS[other.function][1](proper / float(other.factor))

    def _is_known(self, code: str) -> bool:
        return self.parse(code) is not None

    def _component(self, text: str) -> str | None:
        """One part of what stands between strokes; "" where nothing stands there."""
        text = text.strip()
        if not text:
            return ""
        if found := _AREA.fullmatch(text):
            return f"{{{found[1]}_m2}}"
        for candidate in (text, text.lower(), text.replace(" ", ""), text.lower().replace(" ", "")):
            for singular in (candidate, candidate.removesuffix("s") if len(candidate) > 4 else candidate):
                if singular in self._words:
                    return self._words[singular]
        joined = text.replace(" ", "")
        for candidate in (joined, joined.lower() if len(joined) > 1 and not joined[1:].isdigit() else joined):
            if self._is_meant(candidate):
                return candidate
        if (found := _EXPONENT.fullmatch(joined)) and (code := self._component(found[1])):
            return f"{code}{found[2]}"
        if (found := _MULTIPLIED.fullmatch(text)) and (code := self._component(found[2])):
            return f"{found[1]}.{code}"
        if len(words := text.split()) == 2 and (codes := [*map(self._component, words)]) and all(codes):
            counted = [code for code in codes if code and not code.startswith("{")]  # "cells 10*9"
            return counted[0] if len(counted) == 1 else None
        return None

    # --- UCUM's grammar: terms of components that are multiplied or divided

    def _parse(self, code: str) -> Unit | None:
        tokens = _TOKENS.findall(code)
        if not code or "".join(tokens) != code:
            return None
        try:
            factor, dimensions, function = self._term(tokens)
        except _NoUnit:
            return None
        if tokens:
            return None
        return Unit(code, factor, tuple(sorted((base, power) for base, power in dimensions.items() if power)), function)

    def _term(self, tokens: list[str]) -> _Parts:
        divides = bool(tokens) and tokens[0] == "/"
        if divides:
            tokens.pop(0)
        total: _Parts = (Fraction(1), {}, "")
        is_first = not divides
        while True:
            part = self._simple(tokens)
            if part[2] and (not is_first or (tokens and tokens[0] != ")")):
                raise _NoUnit  # a scale that has a zero of its own cannot be a factor
            total = _times(total, part, -1 if divides else 1)
            is_first = False
            if not tokens or tokens[0] == ")":
                return total
            divides = tokens.pop(0) == "/"

    def _simple(self, tokens: list[str]) -> _Parts:
        token = tokens.pop(0) if tokens else ""
        if token == "(":
            inside = self._term(tokens)
            if not tokens or tokens.pop(0) != ")":
                raise _NoUnit
            return inside
        if token.startswith("{"):
            return Fraction(1), {}, ""
        if token in ("", "/", ".", ")"):
            raise _NoUnit
        part = self._atom(token)
        if tokens and tokens[0].startswith("{"):
            tokens.pop(0)
        return part

    def _atom(self, token: str) -> _Parts:
        if re.fullmatch(r"[0-9]{1,12}", token):
            if not int(token):
                raise _NoUnit
            return Fraction(token), {}, ""
        found = re.fullmatch(r"(.*?)([+-]?[0-9]{1,2})?", token)
        for symbol, exponent in ((token, "1"), (found[1], found[2] or "1")) if found else ():
            if (part := self._prefixed(symbol)) is not None:
                power = int(exponent)
                if part[2] and power != 1:
                    raise _NoUnit
                return part if power == 1 else _times((Fraction(1), {}, ""), part, power)
        raise _NoUnit

    def _prefixed(self, symbol: str) -> _Parts | None:
        if symbol in self._atoms:
            return self._defined[symbol]
        for length in (2, 1):
            prefix, atom = symbol[:length], symbol[length:]
            if prefix in self._prefixes and "is_metric" in self._atoms.get(atom, {}):
                factor, dimensions, function = self._defined[atom]
                return factor * self._prefixes[prefix], dimensions, function
        return None

    @cached_property
    def _defined(self) -> _Definitions:
        return _Definitions(self)


class _NoUnit(Exception):
    """The expression is no unit."""


_Parts = tuple[Fraction, dict[str, int], str]
"""Factor, exponents of the base units, and function."""


class _Definitions(dict[str, _Parts]):
    """What each atom is, worked out when it is first asked for."""

    def __init__(self, units: Units) -> None:
        self._units = units

    def __missing__(self, code: str) -> _Parts:
        said = self._units._atoms[code]
        if "dimension" in said or ("is_arbitrary" in said and said.get("unit", "1") == "1") or not said.get("unit"):
            parts: _Parts = (Fraction(1), {code: 1}, "")
        elif (function := said.get("function", "")) and function not in _FUNCTIONS:
            parts = (Fraction(1), {code: 1}, "")
        else:
            unit = self._units.parse(said["unit"])
            if unit is None:
                raise _NoUnit
            parts = (Fraction(said.get("value") or "1") * unit.factor, dict(unit.dimensions), function)
        self[code] = parts
        return parts


def _times(one: _Parts, other: _Parts, power: int) -> _Parts:
    dimensions = dict(one[1])
    for base, exponent in other[1].items():
        dimensions[base] = dimensions.get(base, 0) + exponent * power
    return one[0] * other[0] ** power, dimensions, one[2] or other[2]


_TOKENS = re.compile(r"\{[^{}]*\}|[()./]|(?:\[[^\[\]]*\]|[^()./{}\[\]\s])+")
_FUNCTIONS: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "": (lambda value: value, lambda proper: proper),
    "Cel": (lambda value: value + 273.15, lambda proper: proper - 273.15),
    "degF": (lambda value: value + 459.67, lambda proper: proper - 459.67),
    "pH": (lambda value: 10.0**-value, lambda proper: -log(proper, 10)),
    "lg": (lambda value: 10.0**value, lambda proper: log(proper, 10)),
    "ln": (exp, log),
}
"""From a special unit's scale to the multiple of its proper unit, and back."""


# --- units as people write them

_SAME = str.maketrans(
    {"µ": "u", "μ": "u", "×": "x", "·": ".", "⋅": ".", "∙": ".", "−": "-", "–": "-", "℃": "°C", "℉": "°F"}
    | {lowered: str(digit) for digit, lowered in enumerate("₀₁₂₃₄₅₆₇₈₉")}
)
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_POWERS = re.compile(
    r"(?i)(?<![\w.])(?:(\d+)\s*)?(?:[x*]?\s*10\s*(?:\^|\*\*|e|exp|\(|\*)\s*([+-]?\d+)\)?|x\s*10(\d{1,2})(?=/))\s*"
)
"""Powers of ten, also where the exponent has lost its place: "x109/L"."""
_AREA = re.compile(r"(?i)(1\.73)(?:\s*m\s*\^?\s*(?:2|sq|squared)?)?")
_EXPONENT = re.compile(r"(.*?[A-Za-z\]])\^?([+-]?[23])")
_NOTES = re.compile(r"\{[^{}]*\}")
_MULTIPLIED = re.compile(r"([1-9]\d*)\s*([A-Za-z].*)")
_AMBIGUOUS = frozenset({"G/L", "G/l"})
"""Gram or giga: capitals in one text, a thousand million cells in another."""
_MISREAD = re.compile(r"^(?:[CFKMSTGHNWJVABRYPb]\d*|pt|cc)$|\d\.\d")
"""Letters that UCUM gives a meaning which nobody means in a protocol (coulomb, farad ...), and decimals, which it takes
for products."""


def _plain(text: str) -> str:
    text = re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻]+", lambda found: "^" + found[0].translate(_RAISED), text)
    return " ".join(text.translate(_SAME).replace("(s)", "s").split()).strip(" .,;:")


def _power(found: re.Match[str]) -> str:
    times = f"{found[1]}." if found[1] and found[1] != "1" else ""
    return f"{times}10*{int(found[2] or found[3])} "


def _canonical(code: str) -> str:
    """The one way of writing a code that is used here: litres as L, powers of ten as 10*."""
    code = re.sub(r"(?<![A-Za-z\[{'_])([munpfdckhM]?|da)l(?![A-Za-z\]}_'])", r"\1L", code)
    return code.replace("10^", "10*")


_SPELLINGS: dict[str, str] = {
    spelling: code
    for code, spellings in {
        "a": "year years yr yrs y yo y/o year-old year-olds years-old",
        "mo": "month months mos mth mths",
        "wk": "week weeks wks w",
        "d": "d day days",
        "h": "h hour hours hr hrs",
        "min": "minute minutes mins",
        "s": "second seconds sec secs",
        "ms": "msec msecs",
        "ug": "mcg ug microgram micrograms",
        "ug/L": "mcg/l",
        "kg": "kgs kilo kilos kilogram kilograms",
        "g": "g gm gms gr gram grams grammes",
        "mg": "mgs milligram milligrams",
        "ng": "nanogram nanograms",
        "pg": "picogram picograms",
        "L": "l liter liters litre litres ltr",
        "mL": "ml cc milliliter milliliters millilitre millilitres",
        "dL": "dl deciliter deciliters decilitre",
        "uL": "ul mcl microliter microliters microlitre microlitres",
        "mm3": "mm3 cmm cumm mm^3",
        "cm": "cms centimeter centimeters centimetre centimetres",
        "mm": "mms millimeter millimeters millimetre millimetres",
        "um": "um micron microns micrometer micrometers micrometre",
        "m": "meter meters metre metres",
        "m2": "m2 m^2 sqm m²",
        "[in_i]": "inch inches",
        "[ft_i]": "foot feet",
        "[lb_av]": "lb lbs pound pounds",
        "mm[Hg]": "mmhg mm-hg torr",
        "cm[H2O]": "cmh2o",
        "kPa": "kpa",
        "Cel": "°c degc celsius centigrade",
        "[degF]": "°f degf fahrenheit",
        "%": "% percent pct percents percentage",
        "[ppm]": "ppm",
        "[iU]": "iu iu's ius i.u. international-unit",
        "k[iU]": "kiu",
        "m[iU]": "miu",
        "u[iU]": "uiu",
        "[arb'U]": "au",
        "U": "u unit units",
        "mU": "mu milliunit milliunits",
        "uU": "uu microunit microunits",
        "mol": "mole moles",
        "mol/L": "M",
        "mmol/L": "mM",
        "umol/L": "uM",
        "nmol/L": "nM",
        "pmol/L": "pM",
        "eq": "equivalent equivalents",
        "meq": "meq milliequivalent milliequivalents mEq",
        "ueq": "ueq uEq",
        "osm": "osmol",
        "mosm": "mosm mosmol mOsm mOsmol milliosmole milliosmoles",
        "Gy": "gray grays gy",
        "cGy": "cgy",
        "{ULN}": "uln ULN unl xuln xunl",
        "{LLN}": "lln LLN",
        "{score}": "score point points pts",
        "{beats}": "beat beats",
        "{beats}/min": "bpm",
        "{breaths}": "breath breaths",
        "{cells}": "cell cells wbc",
        "{lymphocytes}": "lymphocyte lymphocytes",
        "{leukocytes}": "leukocyte leukocytes leucocytes",
        "{times}": "time times",
        "{fold}": "fold",
        "{copies}": "copy copies",
        "{letters}": "letter letters",
        "{events}": "event events episode episodes",
        "{drinks}": "drink drinks",
        "{cigarettes}": "cigarette cigarettes",
        "{platelets}": "platelet platelets",
        "{neutrophils}": "neutrophil neutrophils",
        "{pack}.a": "pack-year pack-years packyear packyears pack/years",
        "10*3": "thousand",
        "10*6": "million",
        "10*9": "billion giga",
        "10*3/uL": "k/ul k/mm3 k/mcl k/cumm",
        "[diop]": "diopter diopters dioptre dioptres",
        "dB": "db decibel decibels",
        "[HPF]": "hpf",
        "kcal": "kcals kilocalorie kilocalories",
        "[MET].min": "met-min met-minutes",
    }.items()
    for spelling in spellings.split()
} | {
    "years old": "a",
    "years of age": "a",
    "mm hg": "mm[Hg]",
    "millimeters of mercury": "mm[Hg]",
    "cm h2o": "cm[H2O]",
    "cu mm": "mm3",
    "cubic millimeter": "mm3",
    "cubic millimetre": "mm3",
    "pack years": "{pack}.a",
    "square meter": "m2",
    "square metre": "m2",
    "degrees celsius": "Cel",
    "degrees c": "Cel",
    "degrees fahrenheit": "[degF]",
    "degrees f": "[degF]",
    "deg c": "Cel",
    "deg f": "[degF]",
    "international units": "[iU]",
    "international unit": "[iU]",
    "x uln": "{ULN}",
    "x unl": "{ULN}",
    "times uln": "{ULN}",
    "upper limit of normal": "{ULN}",
    "lower limit of normal": "{LLN}",
}
"""Units as registry entries write them, and their codes; those in capitals and small letters are not the same."""


VOCABULARY = Vocabulary(
    name="ucum",
    prefix="UCUM",
    title="Unified Code for Units of Measure (UCUM)",
    home_page="https://ucum.org",
    licence="UCUM licence: free to use and to pass on, with its notice and unchanged",
    is_open=True,
    how_to_get="Fetched by `vocabularies fetch ucum`; or download ucum-essence.xml from ucum.org.",
    parts=(
        Part(
            name="essence-xml",
            meaning="ucum-essence.xml: prefixes, base units and units",
            recognise=lambda head, name: _NAMESPACE.encode() in head,
        ),
    ),
    read=_read,
    fetch=fetched_from(
        [
            Download(
                "ucum-essence.xml", "https://raw.githubusercontent.com/ucum-org/ucum/main/ucum-essence.xml", kind="xml"
            )
        ],
        hosts=("raw.githubusercontent.com",),
        terms="Free of charge under the UCUM licence (ucum.org/license).",
    ),
)
