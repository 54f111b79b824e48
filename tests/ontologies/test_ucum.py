"""Units: the release, the expressions, and what people write."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ontologies.releases import copy, names, read
from trialpanorama.errors import UserError
from trialpanorama.ontologies import install, load
from trialpanorama.ontologies.ucum import Units

NOWHERE = Path("no such folder")
UNITS = Units(load(NOWHERE, only=["ucum"]))
"""The built-in units."""


def test_the_release_gives_units_and_prefixes(tmp_path: Path) -> None:
    concepts = read("ucum", tmp_path)
    assert concepts.versions["ucum"].version == "2.2"
    assert concepts.versions["ucum"].date == "2099-06-17"
    assert names(concepts, "UCUM:Cel") == {"degree Celsius": "preferred", "°C": "abbreviation", "Cel": "code"}
    celsius = concepts.get("UCUM:Cel")
    assert celsius is not None
    assert celsius.kind == "unit"
    assert (celsius.attributes["function"], celsius.attributes["unit"]) == ("Cel", "K")
    prefix = concepts.get("UCUM:prefix/m")
    assert prefix is not None
    assert (prefix.kind, prefix.attributes["value"]) == ("other", "1e-3")
    units = Units(concepts)
    assert units.factor("mg/dL", "g/L") == Fraction(1, 100)
    assert units.convert(37, "Cel", "K") == pytest.approx(310.15)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('version="2.2"', 'version="9.9"', 'UCUM version "9.9"'),
        ("</root>", "", "no whole XML document"),
        ('<base-unit Code="g"', '<base-unit Kode="g"', "without Code"),
    ],
)
def test_an_unknown_or_damaged_release_is_one_clear_error(old: str, new: str, message: str, tmp_path: Path) -> None:
    file = copy("ucum", tmp_path / "release") / "ucum-essence.xml"
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(UserError, match=f"ucum-essence.xml: .*{message}.*stays in use"):
        install([file], tmp_path / "store")


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("mg/dL", "mg/dL"), ("mg/dl", "mg/dL"), ("MG/DL", "mg/dL"), ("mg per dl", "mg/dL"),
        ("mmHg", "mm[Hg]"), ("mm Hg", "mm[Hg]"), ("MMHG", "mm[Hg]"),
        ("x10^9/L", "10*9/L"), ("x 10^9/l", "10*9/L"), ("×10⁹/L", "10*9/L"), ("10E9/L", "10*9/L"), ("x109/L", "10*9/L"),
        ("x10(9)/L", "10*9/L"), ("10*9/L", "10*9/L"), ("cells x 10^9/L", "10*9/L"), ("K/uL", "10*3/uL"),
        ("years", "a"), ("Years of age", "a"), ("yrs.", "a"), ("months", "mo"), ("week(s)", "wk"), ("hr", "h"),
        ("kg/m2", "kg/m2"), ("kg/m^2", "kg/m2"), ("Kg/m²", "kg/m2"),
        ("mL/min/1.73m2", "mL/min/{1.73_m2}"), ("ml/min/1.73 m²", "mL/min/{1.73_m2}"),
        ("µg/mL", "ug/mL"), ("μg/ml", "ug/mL"), ("mcg/kg/day", "ug/kg/d"), ("micrograms per litre", "ug/L"),
        ("IU/L", "[iU]/L"), ("U/L", "U/L"), ("mIU/mL", "m[iU]/mL"), ("µIU/mL", "u[iU]/mL"), ("mEq/L", "meq/L"),
        ("mM", "mmol/L"), ("mmol/l", "mmol/L"), ("umol/L", "umol/L"), ("M", "mol/L"),
        ("°C", "Cel"), ("℃", "Cel"), ("degrees celsius", "Cel"), ("%", "%"), ("percent", "%"),
        ("/mm3", "/mm3"), ("per mm3", "/mm3"), ("cells/µL", "{cells}/uL"), ("copies/mL", "{copies}/mL"),
        ("x ULN", "{ULN}"), ("bpm", "{beats}/min"), ("mg/24h", "mg/(24.h)"), ("pack-years", "{pack}.a"),
        ("lbs", "[lb_av]"), ("inches", "[in_i]"), ("letters", "{letters}"), ("dB", "dB"), ("mg/m²/day", "mg/m2/d"),
        ("MG/KG/D", "mg/kg/d"), ("micromoles/L", "umol/L"), ("times / min", "{times}/min"), ("[MET]", "[MET]"),
        ("lymphocytes/mm3", "{lymphocytes}/mm3"), ("× 109/L", "10*9/L"),
    ],
)  # fmt: skip
def test_what_people_write_becomes_ucum(written: str, code: str) -> None:
    assert UNITS.normalise(written) == code
    assert UNITS.parse(code) is not None
    assert UNITS.normalise(code) == code


@pytest.mark.parametrize(
    "written",
    [
        "",
        "TC",
        "A",
        "A4",
        "G/L",
        " ",
        "foo",
        "C",
        "1.5 x 10^9/L",
        "mg//dL",
        "mg/",
        "of age",
        "§",
        "and",
        "patients",
        "mg dL foo",
    ],
)
def test_what_is_no_unit_is_none(written: str) -> None:
    assert UNITS.normalise(written) is None


@pytest.mark.parametrize(
    ("unit", "into", "factor"),
    [
        ("mg/dL", "g/L", Fraction(1, 100)),
        ("10*3/uL", "10*9/L", Fraction(1)),
        ("/mm3", "/uL", Fraction(1)),
        ("wk", "d", Fraction(7)),
        ("a", "d", Fraction(1461, 4)),
        ("mo", "a", Fraction(1, 12)),
        ("[lb_av]", "kg", Fraction(45359237, 100000000)),
        ("mm[Hg]", "kPa", Fraction(1333220, 10**7)),
        ("m[iU]/L", "u[iU]/mL", Fraction(1)),
        ("meq/L", "mmol/L", Fraction(1)),
        ("kg/m2", "g/cm2", Fraction(1, 10)),
        ("mg/(24.h)", "mg/d", Fraction(1)),
        ("g/(kg.d)", "mg/kg/h", Fraction(1000, 24)),
        ("%", "1", Fraction(1, 100)),
        ("[iU]", "mg", None),
        ("kg", "m", None),
        ("mg", "nonsense", None),
    ],
)
def test_factors_are_exact(unit: str, into: str, factor: Fraction | None) -> None:
    assert UNITS.factor(unit, into) == factor


def test_scales_with_a_zero_of_their_own_are_converted_and_not_multiplied() -> None:
    assert UNITS.convert(98.6, "[degF]", "Cel") == pytest.approx(37.0)
    assert UNITS.convert(37, "Cel", "[degF]") == pytest.approx(98.6)
    assert UNITS.convert(7.4, "[pH]", "nmol/L") == pytest.approx(39.81, abs=0.01)
    assert UNITS.factor("Cel", "K") is None
    assert UNITS.parse("Cel/min") is None
    assert UNITS.parse("Cel2") is None
    assert UNITS.convert(1, "kg", "Cel") is None
    assert UNITS.convert(2.5, "mg/dL", "mg/L") == 25.0


@pytest.mark.parametrize(
    "code",
    [
        "mg/",
        "(mg",
        "mg)",
        "mg..g",
        "{",
        "[iU",
        "m g",
        "10*",
        "kkg",
        "mmin",
        ".",
        "mg/0",
        "10*999999999",
        "²",
        "(" * 5000,
    ],
)
def test_broken_expressions_are_no_units(code: str) -> None:
    assert (UNITS.parse(code) is None) == (code != "10*")


@settings(derandomize=True, max_examples=150, deadline=None)
@given(st.text(max_size=20) | st.from_regex(r"[a-zA-Z0-9/.*^()\[\]{} %µ²]{1,15}", fullmatch=True))
def test_any_text_is_understood_or_not_and_what_is_understood_parses(text: str) -> None:
    code = UNITS.normalise(text)
    assert code is None or UNITS.parse(code) is not None


_CODES = ["mg/dL", "g/L", "kg", "wk", "a", "d", "mmol/L", "10*9/L", "/uL", "mm[Hg]", "[iU]/mL", "m[iU]/L", "kg/m2"]


@settings(derandomize=True, max_examples=150, deadline=None)
@given(st.sampled_from(_CODES), st.sampled_from(_CODES), st.floats(1e-6, 1e6))
def test_conversions_go_back_the_way_they_came(one: str, other: str, value: float) -> None:
    there = UNITS.convert(value, one, other)
    assert (there is None) == (UNITS.factor(one, other) is None)
    if there is not None:
        assert UNITS.convert(there, other, one) == pytest.approx(value)
