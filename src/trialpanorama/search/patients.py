"""From a description of a patient to what trials ask first: age and sex, and the words that say what ails them."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

_UNITS = {"year": 1.0, "yr": 1.0, "y": 1.0, "month": 1 / 12, "mo": 1 / 12, "week": 7 / 365.25, "wk": 7 / 365.25,
          "day": 1 / 365.25}  # fmt: skip
_AGE = re.compile(
    r"""(?xi) (?<![\d./*-]) (?P<number>\d{1,3})
    (?: [ -]* (?P<unit>years?|yrs?|months?|mos?|weeks?|wks?|days?|y(?=[ /-]?o\b))\b
            (?: [ -]*(?:old|of[ ]age|o)\b | /o\b | (?=[ ]+(?:\w+[ ]+){0,2}(?:man|woman|male|female|boy|girl)\b) )
      | [ ]*y[ /]?o\b
      | (?=[ ]?[MF]\b)
    )""",
)
_AGED = re.compile(
    r"(?i)\b(?:aged?|age of|age is|age:)[ ]*(?P<number>\d{1,3})\b(?:[ -]*(?P<unit>years?|months?|weeks?|days?))?"
)
_FEMALE = re.compile(
    r"(?i)\b(?:woman|women|female|girl|lady|daughter|she|her|hers|pregnant|G\d+ ?P\d+)\b|(?:\d|\bo|\byo|old) ?F\b"
)
_MALE = re.compile(r"(?i)\b(?:man|men|male|boy|gentleman|son|he|his|him)\b|(?:\d|\bo|\byo|old) ?M\b")
_DENIED = re.compile(r"(?i)\b(?:no|denies|denied|without|negative for|not|never)\b[^.,;]*")
_FIGURE = re.compile(r"\b\d[\d.,/%-]*\w*\b")


class Patient(msgspec.Struct, frozen=True):
    """What a description says of a patient; None where it does not say."""

    age_years: float | None = None
    sex: Literal["FEMALE", "MALE"] | None = None


def read_patient(description: str) -> Patient:
    """Age and sex, read from a description such as "A 45-year-old man with ..." or "19 yo F, G1P1, ...".

    The first age counts; the sex is that of the first word that tells one.
    """
    found = _AGE.search(description) or _AGED.search(description)
    age = None
    if found:
        unit = (found["unit"] or "y").lower().rstrip("s")
        age = round(int(found["number"]) * _UNITS[unit], 4)
    start = found.start() if found else 0  # before the age stand others, and whom the patient came with stands after
    female, male = _FEMALE.search(description, start), _MALE.search(description, start)
    if female and male:
        return Patient(age, "FEMALE" if female.start() < male.start() else "MALE")
    return Patient(age, "FEMALE" if female else "MALE" if male else None)


def ailments(description: str) -> str:
    """The words of a description that can say what ails the patient: without figures and what is said not to be."""
    return _FIGURE.sub(" ", _DENIED.sub(" ", description))
