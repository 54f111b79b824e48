"""Spellings of one organisation are brought together, and different ones kept apart; names are fictional or known."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trialpanorama.link.sponsors import cleaned, sponsor_id

SAME = {
    "legal form": ("Pfizer", "Pfizer Inc.", "Pfizer, Inc", "PFIZER", "Pfizer Ltd"),
    "article": ("University of Northisle", "The University of Northisle", "university of northisle"),
    "country": ("Northisle Hospital", "Northisle Hospital, Germany", "Northisle Hospital, UK"),
    "abbreviation": ("Northern Trials Group", "Northern Trials Group (NTG)", "Northern Trials Group - NTG"),
    "department": ("Northisle University", "Department of Surgery, Northisle University"),
    "letters": ("Kırdar Hastanesi", "Kirdar Hastanesi", "KIRDAR HASTANESI"),
    "more letters": ("Sørby Sykehus", "Sorby Sykehus"),
    "saint": ("St. Olga Hospital", "Saint Olga Hospital", "St Olga Hospital"),
    "short": ("Univ. Hosp. Northisle", "University Hospital Northisle"),
    "accents": ("Hôpital du Nord", "Hopital du Nord", "HÔPITAL DU NORD"),
    "also called": ("GlaxoSmithKline", "GSK", "Glaxo SmithKline plc"),
    "both": ("Hoffmann-La Roche", "F. Hoffmann-La Roche Ltd", "Roche"),
    "joining words": ("Merck Sharp & Dohme", "Merck Sharp and Dohme Corp.", "MSD", "Merck & Co., Inc.", "Merck and Co"),
    "place of a namesake": ("Merck KGaA", "Merck KGaA, Darmstadt, Germany"),
}


@pytest.mark.parametrize("what", SAME)
def test_spellings_of_one(what: str) -> None:
    assert len({sponsor_id(name) for name in SAME[what]}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("University of Northisle", "University of Southisle"),
        ("Northisle University Hospital", "Northisle University"),
        ("Merck KGaA", "Merck Sharp & Dohme"),
        ("Merck KGaA", "Merck & Co., Inc."),
        ("National Cancer Institute", "National Cancer Center"),
    ],
    ids=["place", "hospital", "merck", "merck and co", "institute"],
)
def test_different_ones_stay_apart(one: str, other: str) -> None:
    assert sponsor_id(one) != sponsor_id(other)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("  Pfizer   Inc. ", "Pfizer"),
        ('"Northisle Trials"', "Northisle Trials"),
        ("The Northisle Group, LLC, USA", "Northisle Group"),
        ("Eli Lilly and Company", "Eli Lilly"),
        ("Northisle GmbH & Co. KG", "Northisle"),
        ("Health and", "Health and"),
        ("Co", "Co"),
        ("Inc.", "Inc"),
    ],
    ids=["spaces", "quotation", "all", "and company", "and co", "no company", "nothing left", "only a form"],
)
def test_cleaned(name: str, shown: str) -> None:
    assert cleaned(name) == shown


PARTS = st.sampled_from(
    [
        "The ",
        "Inc.",
        " Ltd",
        ", USA",
        " (ABC)",
        "Dept of X, ",
        "University ",
        "of ",
        "Co",
        " & ",
        "®",
        '"',
        "'",
        ".",
        " ",
        "the",
        "Roche",
        "Ğ",
        "ß",
    ]
)


@settings(max_examples=500, derandomize=True, deadline=None)
@example("®")
@example('"')
@example("The The Inc. Inc.")
@example("X Inc of")
@given(st.lists(PARTS | st.text(max_size=5), min_size=1, max_size=12).map("".join).filter(bool))
def test_any_name_is_cleaned_once_and_keeps_something(name: str) -> None:
    assert cleaned(name) != ""
    assert cleaned(cleaned(name)) == cleaned(name)
    assert sponsor_id(name) != ""
    assert sponsor_id(sponsor_id(name)) == sponsor_id(name)
    assert sponsor_id(cleaned(name)) == sponsor_id(name)


@pytest.mark.parametrize(
    "name", ["Inc " * 50_000, "(" * 100_000, "Dept of, " * 30_000, "a, USA" * 30_000, " " * 100_000]
)
def test_long_names_take_no_long_time(name: str) -> None:
    started = time.process_time()
    sponsor_id(name)
    assert time.process_time() - started < 2
