"""Abbreviations that a text defines, and what it denies or reports as past."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialpanorama.link._context import TRIGGERS, Said, abbreviations, is_short_for, said_before, said_behind


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "adults with chronic obstructive pulmonary disease (COPD)",
            [("COPD", "chronic obstructive pulmonary disease")],
        ),
        ("COPD (chronic obstructive pulmonary disease)", [("COPD", "chronic obstructive pulmonary disease")]),
        ("acute kidney injury [AKI] and heart failure (HF)", [("AKI", "acute kidney injury"), ("HF", "heart failure")]),
        ("tumour necrosis factor alpha (TNF-a)", [("TNF-a", "tumour necrosis factor alpha")]),
        ("older people (over 65)", []),
        ("a drug (XYZ) of unknown kind", []),
        ("heart failure (NYHA)", []),
    ],
)
def test_abbreviations(text: str, expected: list[tuple[str, str]]) -> None:
    found = list(abbreviations(text))
    assert [(one.short, one.long) for one in found] == expected
    assert all(text[one.start : one.end] == one.long for one in found)


@given(st.text(alphabet="abAB ()[];,-1", max_size=60))
@settings(max_examples=300, derandomize=True)
def test_any_text_can_be_read(text: str) -> None:
    for one in abbreviations(text):
        assert text[one.start : one.end] == one.long
        assert is_short_for(one.short, one.long)


def said(text: str) -> list[Said]:
    """The triggers in a text: at one place the longest, as the matcher gives them."""
    spaced = f" {text} "
    every = sorted(
        (
            Said(spaced.find(f" {words} "), spaced.find(f" {words} ") + len(words), trigger)
            for words, trigger in TRIGGERS.items()
            if f" {words} " in spaced
        ),
        key=lambda one: (one.start, -one.end),
    )
    kept: list[Said] = []
    for one in every:
        if not kept or one.start >= kept[-1].end:
            kept.append(one)
    return kept


@pytest.mark.parametrize(
    ("text", "mention", "expected"),
    [
        ("patients without diabetes", "diabetes", (True, False)),
        ("absence of diabetes", "diabetes", (True, False)),
        ("stroke with or without diabetes", "diabetes", (False, False)),
        ("no more than mild diabetes", "diabetes", (False, False)),
        ("not greater than usual in diabetes", "diabetes", (False, False)),
        ("history of stroke", "stroke", (False, True)),
        ("without diabetes but stroke", "stroke", (False, False)),
        ("without consent. Has diabetes", "diabetes", (False, False)),
        ("no pain due to cancer", "cancer", (False, False)),
        ("diabetes", "diabetes", (False, False)),
        ("without " + "many other words of some length " * 3 + "diabetes", "diabetes", (False, False)),
    ],
)
def test_what_a_text_denies_and_reports_as_past(text: str, mention: str, expected: tuple[bool, bool]) -> None:
    start = text.index(mention)
    assert said_before(text, start, [one for one in said(text) if one.end <= start]) == expected


def test_words_behind_a_mention_count_too() -> None:
    text = "diabetes is excluded"
    assert said_behind(text, 8, Said(9, 20, "negated before")) == (True, False)
    assert said_behind(text, 8, Said(9, 20, "history before")) == (False, True)
    assert said_behind("diabetes. It is excluded", 8, Said(13, 24, "negated before")) == (False, False)
