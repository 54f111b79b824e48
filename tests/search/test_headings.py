"""A heading finds what stands below it in the tree, by whatever name it is called, and words find their heading."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.search.test_index import article
from trialpanorama import ontologies
from trialpanorama.build import build
from trialpanorama.search import QueryError, parse, to_text
from trialpanorama.search.headings import Names, key, read, tree
from trialpanorama.search.index import Index
from trialpanorama.search.translation import translate
from trialpanorama.warehouse import Warehouse

LINKED, ASKED, DIABETIC = "NCT99000011", "NCT99000012", "NCT99000013"
"""Trials to which their register attached no heading."""
ARTICLES: dict[str, dict[str, object]] = {
    "11": {"title": "One", "abstract": "A", "mesh": ["Myocardial Infarction*"], "types": ["Letter"], "year": "2001"},
    "12": {"title": "Two", "abstract": "B", "mesh": ["Anterior Wall Myocardial Infarction/drug therapy"],
           "types": ["Letter"], "year": "2002"},
    "13": {"title": "Three", "abstract": "A heart that had no attack", "mesh": ["Heart Failure"], "types": ["Letter"],
           "year": "2003"},
    "14": {"title": "Four", "abstract": "D", "mesh": ["Heart Attack"], "types": ["Letter"], "year": "2004"},
    "15": {"title": "Five", "abstract": "E", "mesh": ["Fictional Ailments"], "types": ["Letter"], "year": "2005"},
    "16": {"title": "Six", "abstract": "An infarction of the myocardial wall", "mesh": [], "types": ["Letter"],
           "year": "2006"},
}  # fmt: skip


def trial(id: str, condition: str, drug: str, criteria: str = "") -> dict[str, object]:
    return {
        "protocolSection": {
            "identificationModule": {"nctId": id, "briefTitle": "A FICTIONAL study"},
            "statusModule": {"overallStatus": "COMPLETED"},
            "conditionsModule": {"conditions": [condition]},
            "eligibilityModule": {"eligibilityCriteria": criteria},
            "designModule": {"studyType": "INTERVENTIONAL"},
            "armsInterventionsModule": {"interventions": [{"type": "DRUG", "name": drug}]},
        }
    }


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    folder = tmp_path_factory.mktemp("headings")
    articles = "".join(article(pmid, facts) for pmid, facts in ARTICLES.items())
    (folder / "articles.xml").write_text(f"<PubmedArticleSet>{articles}</PubmedArticleSet>", encoding="utf-8")
    trials = [
        trial(LINKED, "Heart attack", "Metoprolol tartrate 50 mg"),
        trial(ASKED, "Healthy volunteers", "Placebo", "Exclusion Criteria:\n\n* Myocardial infarction"),
        trial(DIABETIC, "Type 2 Diabetes Mellitus", "Metformin"),
    ]
    (folder / "trials.json").write_text(json.dumps(trials), encoding="utf-8")
    build([folder / "articles.xml", folder / "trials.json"], folder / "W", workers=1)
    return Index.open(Warehouse.open(folder / "W"))


INFARCTIONS = {"11", "14", LINKED}
MEANINGS: dict[str, set[str]] = {
    # what a source attached and what words were linked to, and what stands below it
    '"Myocardial Infarction"[mh:noexp]': INFARCTIONS,
    '"Myocardial Infarction"[mh]': INFARCTIONS | {"12"},
    '"Heart Diseases"[mh]': INFARCTIONS | {"12", "13"},
    '"Heart Diseases"[mh:noexp]': set(),
    "exp Heart Diseases/": INFARCTIONS | {"12", "13"},
    "Heart Diseases/": set(),
    "Myocardial Infarction.sh.": INFARCTIONS,
    "Metoprolol[mh:noexp]": {LINKED},
    '"Adrenergic beta-Antagonists"[mh]': set(),  # an action of the drug, not a place above it
    "Propanolamines[mh]": {LINKED},
    '"Diabetes Mellitus"[mh]': {DIABETIC},
    '"Diabetes Mellitus"[mh:noexp]': set(),
    # entry terms
    '"Heart attack"[mh]': INFARCTIONS | {"12"},
    '"heart ATTACKS"[mh:noexp]': INFARCTIONS,
    "exp Heart Attack/": INFARCTIONS | {"12"},
    "*Heart Attack/": {"11"},
    "Heart Attack[majr]": {"11"},
    "Anterior Wall Myocardial Infarction/dt": {"12"},
    "Heart Attack/dt": set(),
    "Infarct*[mh]": set(),
    "Myocardial Inf*[mh:noexp]": INFARCTIONS,
    # a heading that the release lacks
    '"Fictional Ailments"[mh]': {"15"},
    '"Fictional Cures"[mh]': set(),
    # words without a field
    "type 2 diabetes": {DIABETIC},
    "heart attack": INFARCTIONS | {"12", "13", "16", ASKED},
    '"heart attack"': {"14", LINKED},  # its words: a condition's name is a keyword of a trial
    "heart attack[tiab]": {LINKED},
    "fictional ailment": {"15"},
    "(heart attack) NOT (myocardial[tiab] OR heart[tiab])": {"11", "12", "14"},
}  # fmt: skip


@pytest.mark.parametrize(("query", "expected"), MEANINGS.items(), ids=MEANINGS)
def test_a_heading_finds_what_it_means(index: Index, query: str, expected: set[str]) -> None:
    found = index.search(parse(query))
    assert {hit.id for hit in found.hits} == expected
    assert found.translated is not None
    # what is printed as looked for finds the same
    again = index.search(parse(found.translated, parse(query).syntax))
    assert {hit.id for hit in again.hits} == expected
    assert again.translations == ()


def test_what_was_looked_for_instead_is_said(index: Index) -> None:
    found = index.search(parse('heart attack AND "heart attacks"[mh] AND aspirin[ti] AND "Fictional Cures"[mh]'))
    either = '"Myocardial Infarction"[mh] OR (myocardial[all] AND infarction[all]) OR (heart[all] AND attack[all])'
    assert [(one.words, one.meaning) for one in found.translations] == [
        ("heart attack", either),
        ('"heart attacks"[mh]', '"Myocardial Infarction"[mh]'),
    ]
    assert found.translated == f'({either}) AND "Myocardial Infarction"[mh] AND aspirin[ti] AND "Fictional Cures"[mh]'
    assert found.vocabulary == index.names.release
    assert found.vocabulary.startswith("MeSH ")
    (note,) = found.notes
    assert note.startswith("No heading of MeSH")
    assert note.endswith('"Fictional Cures"')
    many = index.search(parse(" OR ".join(f'"Fictional {n}"[mh]' for n in range(1_000)))).notes
    assert len(many) == 1
    assert many[0].endswith("and 990 more")
    plain = index.search(parse("heart attack", "plain"))
    assert (plain.translated, plain.translations) == (None, ())


NAMES = Names("MeSH 2999", {
    "stroke": "Stroke", "strokes": "Stroke", "cerebral stroke": "Stroke", "biopsy needle": "Biopsy, Needle",
    "pain": "Pain", "pain relief": "Analgesia", "analgesia": "Analgesia", "in": "Indium", "lead": "Lead",
}, {"odd ailments": "odd ailments"})  # fmt: skip
MAPPED = {
    "stroke": '"Stroke"[mh] OR stroke[all]',
    "Cerebral Stroke": '"Stroke"[mh] OR stroke[all] OR (Cerebral[all] AND Stroke[all])',
    "pain relief": '"Analgesia"[mh] OR analgesia[all] OR (pain[all] AND relief[all])',  # the longest run, not "pain"
    "pain in stroke": '("Pain"[mh] OR pain[all]) AND ("Stroke"[mh] OR stroke[all])',
    "needle biopsies": "needle[all] AND biopsies[all]",
    "needle biopsy": '"Biopsy, Needle"[mh] OR (biopsy[all] AND needle[all]) OR (needle[all] AND biopsy[all])',
    "pains": '"Pain"[mh] OR pain[all] OR pains[all]',
    "odd ailment": '"odd ailments"[mh] OR (odd[all] AND ailments[all]) OR (odd[all] AND ailment[all])',
    "stroke*": "stroke*[all]",
    "cerebral* stroke": 'cerebral*[all] AND ("Stroke"[mh] OR stroke[all])',
    '"cerebral stroke"': '"cerebral stroke"',
    "stroke[ti]": "stroke[ti]",
    "the": "the[all]",
    "pain cerebral* Pain pain": '("Pain"[mh] OR pain[all]) AND cerebral*[all] AND ("Pain"[mh] OR Pain[all])',
    "in": "in[all]",
    "NCT99000001 stroke": 'NCT99000001[uid] AND ("Stroke"[mh] OR stroke[all])',
    "(stroke NOT pain) relief": '(("Stroke"[mh] OR stroke[all]) NOT ("Pain"[mh] OR pain[all])) AND relief[all]',
}


@pytest.mark.parametrize(("query", "expected"), MAPPED.items(), ids=MAPPED)
def test_words_are_mapped_as_pubmed_says(query: str, expected: str) -> None:
    assert to_text(translate(parse(query, "pubmed"), NAMES).search) == expected


def test_ovid_maps_headings_but_no_words() -> None:
    search = translate(parse("exp Cerebral Stroke/ or pain relief or Strokes.sh.", "ovid"), NAMES).search
    assert to_text(search) == 'exp Stroke/ or "pain relief" or Stroke.sh.'


@settings(max_examples=200, derandomize=True, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["stroke", "pain", "relief", "Needle", "biopsy,", "in", "AND", "OR", "NOT", "(", ")", '"', "*", "12", "-",
             "[mh]", "[ti]", "strok*", "of", "NCT99000001", "naïve", "lead-in"]
        ),
        max_size=12,
    )
)  # fmt: skip
def test_a_mapped_search_is_printed_read_and_mapped_the_same(words: list[str]) -> None:
    try:
        search = parse(" ".join(words), "pubmed", repairs=True)
    except QueryError:
        return
    mapped = translate(search, NAMES).search
    again = parse(to_text(mapped), "pubmed")
    assert again.tree == mapped.tree
    assert translate(again, NAMES).translations == ()


def test_what_stands_above_is_told_by_places_in_the_tree(tmp_path: Path) -> None:
    rows = ["C01|D990001|Ailments", "C01.100|D990002|Odd Ailments", "C01.100.200|D990003|Very Odd Ailments",
            "C02|D990004|Rarities", "C02.300|D990002|Odd Ailments",
            "Z01|D990005|Places"]  # fmt: skip
    (tmp_path / "mesh2999.psv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    ontologies.install([tmp_path / "mesh2999.psv"], tmp_path / "store", version="2999")
    made = read(ontologies.load(tmp_path / "store", only=["mesh"], with_everyday=False))
    assert made.names.release == "MeSH 2999"
    assert made.above["odd ailments"] == ("ailments", "rarities")
    # it stands in one of the places of what is above it, and not below the other
    assert made.above["very odd ailments"] == ("ailments", "odd ailments")
    assert made.by_id["MESH:D990003"] == "very odd ailments"
    assert made.digest != tree().digest


def test_a_name_is_known_however_it_is_written() -> None:
    assert key("Sjögren's  Syndrome") == key("sjogren's syndrome") == "sjogren s syndrome"
    assert tree().names.heading("BETA BLOCKERS") == tree().names.heading("beta-Blockers")
    assert tree().names.heading("no such heading") is None
