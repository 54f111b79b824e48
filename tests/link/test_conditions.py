"""Conditions become concepts of the built-in lexicon; what would only nearly be right stays unlinked."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialpanorama.link._links import Link
from trialpanorama.link.conditions import LONG_TEXT, ConditionLinker
from trialpanorama.ontologies import Concepts, load


@pytest.fixture(scope="module")
def concepts() -> Concepts:
    return load(Path("no-such-store"), only={"mesh", "mondo", "doid"})


@pytest.fixture(scope="module")
def linker(concepts: Concepts) -> ConditionLinker:
    return ConditionLinker(concepts)


def named(concepts: Concepts, links: list[Link]) -> list[str]:
    found = [concepts.get(link.concept_id) for link in links if link.concept_id]
    return [concept.name for concept in found if concept]


@pytest.mark.parametrize(
    ("text", "expected", "method"),
    [
        ("Breast Neoplasms", ["Breast Neoplasms"], "exact"),
        ("breast cancer", ["Breast Neoplasms"], "exact"),
        ("Diabetes Mellitus Type II", ["Diabetes Mellitus, Type 2"], "exact"),
        ("Crohn's diseases", ["Crohn Disease"], "exact"),
        ("heart attack", ["Myocardial Infarction"], "exact"),
        ("Cancer of the larynx", ["Laryngeal Neoplasms"], "exact"),
        ("failure of the heart", ["Heart Failure"], "reordered"),
        ("Renal Diseases", ["Kidney Diseases"], "exact"),
        ("Stage IIIB breast cancer AJCC v8", ["Breast Neoplasms"], "stripped"),
        ("recurrent or metastatic breast cancer", ["Breast Neoplasms"], "stripped"),
        ("newly diagnosed adult asthma", ["Asthma"], "stripped"),
        ("Mild Cognitive Impairment (MCI)", ["Cognitive Dysfunction"], "exact"),
        ("Schizophrenai", ["Schizophrenia"], "fuzzy"),
        ("chronic obstructve pulmonary disease", ["Pulmonary Disease, Chronic Obstructive"], "fuzzy"),
        ("HIV patients", ["HIV Infections"], "stripped"),
        ("postoperative stroke in adults", ["Stroke"], "stripped"),
        ("decompensated asthma", ["Asthma"], "stripped"),
        ("haemodialysis patients", ["Renal Dialysis"], "exact"),
        ("intubation study", ["Intubation"], "stripped"),
        ("healthy male volunteers", ["Healthy Volunteers"], "variant"),
        ("chemotherapy-naive breast cancer", ["Breast Neoplasms"], "stripped"),
        ("Emergency use of U07.2", ["COVID-19"], "exact"),  # a name with a code in it
        ("cytopenias", ["Cytopenia"], "exact"),  # a heading that MeSH got after 2016
        ("post-op complication", ["Postoperative Complications"], "variant"),
        ("Bell paralysis", ["Bell Palsy"], "variant"),
        ("Krebs des Pankreas", ["Pancreatic Neoplasms"], "exact"),
        ("Cáncer de mama avanzado", ["Breast Neoplasms"], "stripped"),
        ("tumore del polmone", ["Lung Neoplasms"], "exact"),
        ("Philadelphia-positive asthma", ["Asthma"], "stripped"),  # not the city
    ],
)
def test_one_name(linker: ConditionLinker, concepts: Concepts, text: str, expected: list[str], method: str) -> None:
    [links] = linker.link([text])
    assert named(concepts, links) == expected
    assert links[0].method == method
    assert 0.5 < links[0].score <= 1
    assert links[0].matched


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("diabetes and hypertension", ["Diabetes Mellitus", "Hypertension"]),
        ("Asthma; Obesity", ["Asthma", "Obesity"]),
        ("1. Asthma\n2. Obesity", ["Asthma", "Obesity"]),
        ("breast and ovarian cancer", ["Breast Neoplasms", "Ovarian Neoplasms"]),
        ("anxiety in patients with breast cancer", ["Anxiety", "Breast Neoplasms"]),
        ("prevention of asthma", ["Asthma"]),
        ("J45 - Asthma", ["Asthma"]),
        ("infection with HIV", ["HIV Infections"]),
        ("hemophilia A with inhibitors", ["Hemophilia A"]),
        ("HER2-negative, hormone receptor positive metastatic breast cancer", ["Breast Neoplasms"]),
        ("Asthma, Obesity, Anxiety", ["Asthma", "Obesity", "Anxiety"]),
        ("lung disease (asthma)", ["Asthma"]),
        ("Diabetes mellitus Typ 2", ["Diabetes Mellitus, Type 2"]),
        ("2型糖尿病 Type 2 diabetes", ["Diabetes Mellitus, Type 2"]),
        ("wobbling pulmonary sequelae of COVID-19 in xqzzy", ["COVID-19"]),  # stays itself whatever is beside it
        ("participants who receive endoscopy", ["Endoscopy"]),
        ("asthma presenting to the wobbling", ["Asthma"]),
        ("hemophilia A and B", ["Hemophilia A"]),  # "a" is no article
        ("Dengue-Fieber", ["Dengue"]),  # and no fever beside it
    ],
)
def test_several_in_one(linker: ConditionLinker, concepts: Concepts, text: str, expected: list[str]) -> None:
    [links] = linker.link([text])
    assert named(concepts, links) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Neuropathy, hereditary optic",  # not neuropathy
        "pulmonary wobbling hypertension",  # not hypertension
        "diabetic wobbling ulcer",
        "fracture of the wobbling",
        "asthma wobbling syndrome",
        "Rupture of the Wobbling Ligament",  # not ruptures
        "Wobbling anxiety",
        "contrast-induced nephropathy",
        "Effectiveness",
        "perinatal infection",  # the event tells which
        "SARS-CoV-2 negative wobbling",
        "wobblers who are not showing wobbling SARS-CoV-2 infection",
        "xqzzy",
        "cáncer de wobbel",  # of what is not understood
        "Apnea del wobbel",
        "methicillin-resistant wobbling",
        "adult disease",  # not the ADULT syndrome
        "HFwqEF",  # an abbreviation, one letter from another
        "refractory cytopenia with wobbling",
        "HIV- women",
        "young women",  # not the Young syndrome
        "therapy dogs",  # not the diseases of dogs
        "stone person syndrome",  # not a stone
        "Kaposi",  # there are several
        "hypomania",  # not hypocapnia
        "overheating",  # not overeating
        "cancer de la wobbel",
        "allergie aux wobbels",
        "POEM",  # not POEMS
        "HIES",  # not several HIE
        "SAIDs",  # not SAIDS
    ],
)
def test_what_is_only_nearly_right_is_left(linker: ConditionLinker, text: str) -> None:
    [links] = linker.link([text])
    assert [link.concept_id for link in links] == [None]
    assert links[0].method == "none"
    assert links[0].text == text
    assert len(links[0].candidates) <= 3
    scores = [candidate.score for candidate in links[0].candidates]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("text", ["ER- breast cancer", "HER2- breast cancer", "Ph- asthma"])
def test_what_is_not_there_is_not_linked_as_there(linker: ConditionLinker, concepts: Concepts, text: str) -> None:
    [links] = linker.link([text])
    assert named(concepts, links)
    assert not any("positive" in name for name in named(concepts, links))


def test_near_concepts_are_kept_where_none_was_linked(linker: ConditionLinker) -> None:
    [[link]] = linker.link(["asthma wobbling syndrome"])
    assert "Asthma" in [candidate.name for candidate in link.candidates]


def test_abbreviations_are_read_from_the_record(linker: ConditionLinker, concepts: Concepts) -> None:
    [links] = linker.link(["ZZD"], ["A trial in Crohn disease"])
    assert named(concepts, links) == []
    [links] = linker.link(["ZZD"], ["A trial in zoster-like zonal dermatitis, here herpes zoster disease (ZZD)"])
    assert links[0].text == "ZZD"
    [links] = linker.link(["XHF"], ["Exercise in extreme heart failure (XHF)"])
    assert named(concepts, links) in (["Heart Failure"], [])
    [links] = linker.link(["ASTH"], ["Inhalers in asthma (ASTH)"])
    assert named(concepts, links) == ["Asthma"]
    assert links[0].method == "abbreviation"


PROSE = (
    "Inclusion: adults with chronic obstructive pulmonary disease (XOPD) and a history of stroke who smoke.\n"
    "Exclusion: no diabetes mellitus, absence of asthma; uncontrolled hypertension, or any malignancy in five years. "
    "Patients without heart failure but angina pectoris may take part. XOPD must be stable, and all visits were kept. "
    "Consent is given in writing by the participant or a legal representative before any procedure of the study."
)


def test_running_text(linker: ConditionLinker, concepts: Concepts) -> None:
    text = PROSE.replace("XOPD", "COPD")
    assert len(text) > LONG_TEXT
    [links] = linker.link([text])
    said = {link.text: (link.is_negated, link.is_history) for link in links}
    assert said["stroke"] == (False, True)
    assert said["diabetes mellitus"] == (True, False)
    assert said["asthma"] == (True, False)
    assert said["hypertension"] == (False, False)
    assert said["heart failure"] == (True, False)
    assert said["angina pectoris"] == (False, False)
    assert [link.text for link in links].count("COPD") == 2
    assert all(text[link.start : link.end] == link.text for link in links)
    assert all(before.end <= after.start for before, after in pairwise(links))


def test_a_short_text_can_be_searched_as_running_text(linker: ConditionLinker, concepts: Concepts) -> None:
    [links, nothing] = linker.find(["No wobbling asthma, but history of stroke", "Age over 18"])
    assert named(concepts, links) == ["Asthma", "Stroke"]
    assert [(link.is_negated, link.is_history) for link in links] == [(True, False), (False, True)]
    assert nothing == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Must meet ALL of the following: asthma", ["Asthma"]),
        ("FOR ALL PATIENTS: asthma", ["Asthma"]),
        ("ALL female participants with stroke", ["Stroke"]),
        ("No prior treatment for ALL", ["Precursor Cell Lymphoblastic Leukemia-Lymphoma"]),
        ("ALL patients in first remission", ["Precursor Cell Lymphoblastic Leukemia-Lymphoma"]),
    ],
)
def test_all_in_capitals_may_be_a_determiner(
    linker: ConditionLinker, concepts: Concepts, text: str, expected: list[str]
) -> None:
    [links] = linker.find([text])
    assert named(concepts, links) == expected


WORDS = st.sampled_from(
    [
        "breast",
        "cancer",
        "stage III",
        "diabetes",
        "type 2",
        "and",
        "with",
        "of",
        "the",
        "acute",
        "asthma,",
        "(COPD)",
        "patients",
        "heart failure",
        "-",
        ";",
        "/",
        "HIV",
        "infection",
        "due to",
        "neuropathy",
        "recurrent",
        "healthy",
        "volunteers",
        "pain",
        "α",
        "é",
        "糖尿病",
        "&#39;s",
        "not",
        "without",
    ]
)


@given(st.lists(st.lists(WORDS, max_size=12).map(" ".join), min_size=1, max_size=5))
@settings(max_examples=150, derandomize=True, deadline=None)
def test_places_are_exact_and_the_order_of_texts_does_not_matter(linker: ConditionLinker, texts: list[str]) -> None:
    found = linker.link(texts)
    for text, links in zip(texts, found, strict=True):
        for link in links:
            assert text[link.start : link.end] == link.text
        assert all(before.end <= after.start for before, after in pairwise(links))
        assert bool(links) == bool(text.strip())
    order = list(range(len(texts)))
    random.Random(1).shuffle(order)
    assert linker.link([texts[index] for index in order]) == [found[index] for index in order]


@given(st.text(max_size=400))
@settings(max_examples=150, derandomize=True, deadline=None)
def test_any_text_can_be_given(linker: ConditionLinker, text: str) -> None:
    for link in linker.link([text])[0]:
        assert text[link.start : link.end] == link.text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Myocardial inflammation", "Myocarditis"),
        ("off-pump CABG", "Coronary Artery Bypass, Off-Pump"),
        ("neuraxial anaesthesia", "Anesthesia, Conduction"),
        ("RA01.0", "COVID-19"),
        ("Chirurgie", "Surgical Procedures, Operative"),
        ("Stage IV uterine sarcoma", "uterine corpus sarcoma"),
    ],
)
def test_everyday_names_of_states_and_procedures(
    linker: ConditionLinker, concepts: Concepts, text: str, expected: str
) -> None:
    assert named(concepts, linker.link([text])[0]) == [expected]
