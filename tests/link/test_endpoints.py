"""Measures get the domain of outcomes that their words say."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialpanorama.link.endpoints import EndpointLinker
from trialpanorama.ontologies._store import load

LINKER = EndpointLinker(load(None, only=["comet"]))
CASES = {
    "All-cause mortality at 28 days": (1, "Death"),
    "Overall survival": (1, "Death"),
    "Platelet count": (2, "Physiological/clinical"),
    "Left ventricular ejection fraction": (3, "Physiological/clinical"),
    "Serum testosterone": (5, "Physiological/clinical"),
    "Tinnitus severity": (6, "Physiological/clinical"),
    "Best corrected visual acuity": (7, "Physiological/clinical"),
    "Episodes of vomiting": (8, "Physiological/clinical"),
    "Time to clinical recovery": (9, "Physiological/clinical"),
    "Symptomatic improvement": (9, "Physiological/clinical"),
    "Serum ALT": (10, "Physiological/clinical"),
    "Neutralising antibody titre": (11, "Physiological/clinical"),
    "Viral load in nasal swabs": (12, "Physiological/clinical"),
    "Change in HbA1c": (14, "Physiological/clinical"),
    "Bone mineral density": (15, "Physiological/clinical"),
    "Progression-free survival": (16, "Physiological/clinical"),
    "Seizure frequency": (17, "Physiological/clinical"),
    "Live birth": (18, "Physiological/clinical"),
    "Acute kidney injury": (19, "Physiological/clinical"),
    "Erectile function": (20, "Physiological/clinical"),
    "Beck Depression Inventory": (21, "Physiological/clinical"),
    "Change in PaO2/FiO2": (22, "Physiological/clinical"),
    "PASI 75": (23, "Physiological/clinical"),
    "Systolic blood pressure": (24, "Physiological/clinical"),
    "Six-minute walk distance": (25, "Life impact"),
    "Perceived stress scale": (28, "Life impact"),
    "Montreal Cognitive Assessment (MoCA)": (29, "Life impact"),
    "EORTC QLQ-C30": (30, "Life impact"),
    "Adherence to treatment": (32, "Life impact"),
    "Incremental cost": (34, "Resource use"),
    "Length of hospital stay": (35, "Resource use"),
    "Need for mechanical ventilation": (36, "Resource use"),
    "Caregiver burden": (37, "Resource use"),
    "Number of participants with adverse events": (38, "Adverse events"),
    "Time to biochemical relapse": (16, "Physiological/clinical"),
    "Incidence of leukaemia": (16, "Physiological/clinical"),
    "Serum tumor necrosis factor alpha": (11, "Physiological/clinical"),
    "Von Willebrand factor": (2, "Physiological/clinical"),
    "Change in arterial partial pressure of carbon dioxide": (22, "Physiological/clinical"),
    "American Urological Association Symptom Index": (19, "Physiological/clinical"),
    "Peak systolic velocity": (24, "Physiological/clinical"),
    "Change in FPG": (14, "Physiological/clinical"),
    "General self-efficacy scale": (28, "Life impact"),
    "Exercise capacity": (25, "Life impact"),
    "Expanded Prostate Cancer Index Composite": (30, "Life impact"),
}


def domain(text: str) -> int | None:
    link = LINKER.link([text], [None])[0][0]
    return int(link.concept_id.rpartition(":")[2]) if link.concept_id else None


@pytest.mark.parametrize("text", CASES)
def test_domains(text: str) -> None:
    link = LINKER.link([text], ["primary"])[0][0]
    number, area = CASES[text]
    assert link.concept_id == f"COMET:{number}"
    assert link.qualifier.lower().startswith(area.lower().split("/")[0])
    assert text[link.start : link.end] == link.text == link.matched


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("Symptomatic relief", 17),
        ("Prognostic factors", 30),
        ("Positive PCR", 16),
        ("Acute respiratory distress", 28),
        ("Increase of rates", 32),
    ],
    ids=["tics", "FACT", "pCR", "distress", "ease of"],
)
def test_abbreviations_are_not_seen_in_words(text: str, wrong: int) -> None:
    assert domain(text) != wrong


def test_what_no_rule_knows_has_no_domain() -> None:
    link = LINKER.link(["Zorblatt coefficient"], [None])[0][0]
    assert (link.concept_id, link.method, link.score, link.text) == (None, "none", 0.0, "Zorblatt coefficient")


@pytest.mark.parametrize("text", [*CASES, "DD", "Survival", "Overall survival\nfollow-up"])
@pytest.mark.parametrize(("before", "behind"), [("", " "), ("", "\n"), (" ", ""), ("\t ", " \u00a0")])
def test_blanks_around_a_measure_change_nothing(text: str, before: str, behind: str) -> None:
    [bare], [wide] = LINKER.link([text, before + text + behind], [None, None])
    assert (wide.concept_id, wide.method, wide.score, wide.text) == (
        bare.concept_id,
        bare.method,
        bare.score,
        bare.text,
    )
    assert wide.start == bare.start + len(before)


def test_what_is_telling_decides() -> None:
    assert domain("Cost of hospital stay and blood pressure") in (34, 35)
    assert domain("Overall survival of people with seizures") == 1


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.lists(st.text(max_size=200) | st.sampled_from(list(CASES)), max_size=4))
def test_any_texts_give_one_link_each(texts: list[str]) -> None:
    found = LINKER.link(texts, [None] * len(texts))
    assert [len(links) for links in found] == [1] * len(texts)
    for text, (link,) in zip(texts, found, strict=True):
        assert text[link.start : link.end] == link.text
        assert 0 <= link.score <= 1
    assert found[::-1] == LINKER.link(texts[::-1], [None] * len(texts))


@pytest.mark.parametrize("text", ["a" * 100_000, "rate of " * 20_000, "(" * 50_000, "COVID " * 20_000])
def test_long_texts_take_no_long_time(text: str) -> None:
    started = time.process_time()
    LINKER.link([text], [None])
    assert time.process_time() - started < 2


def test_words_that_tell_little_count_less() -> None:
    (vague,), (telling,) = LINKER.link(["Size of the tumour", "Serum ALT"], [None, None])
    assert vague.score < telling.score
