"""Biomarkers: genes only where they are meant, other markers, and the part that each plays in a study."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialpanorama.link.biomarkers import PARTS, PLACES, BiomarkerLinker
from trialpanorama.ontologies import Concepts, load

NOTHING: list[str] = []


@pytest.fixture(scope="module")
def concepts() -> Concepts:
    return load(Path("no-such-store"), only={"hgnc", "mesh"})


@pytest.fixture(scope="module")
def linker(concepts: Concepts) -> BiomarkerLinker:
    return BiomarkerLinker(concepts)


def found(linker: BiomarkerLinker, concepts: Concepts, text: str) -> list[str | None]:
    """The symbols or headings of the markers of a text, in order."""
    (links,) = linker.link([text])
    meant = [concepts.get(link.concept_id or "") for link in links]
    return [concept.name if concept else None for concept in meant]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("EGFR mutation-positive lung cancer", ["EGFR"]),
        ("HER2-negative breast cancer", ["ERBB2"]),
        ("HER-2/neu overexpressing tumours", ["ERBB2"]),
        ("PD-L1 expression >= 50 %", ["CD274"]),
        ("BRAF V600E mutated melanoma", ["BRAF"]),
        ("patients with MET amplification", ["MET"]),
        ("c-KIT positive", ["KIT"]),
        ("AR expression by IHC", ["AR"]),
        ("prostate-specific antigen below 4 ng/ml", ["KLK3"]),
        ("serum CEA levels", ["CEACAM5"]),
    ],
)
def test_genes_are_found_where_they_are_meant(
    linker: BiomarkerLinker, concepts: Concepts, text: str, expected: list[str]
) -> None:
    assert found(linker, concepts, text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Patients met the criteria in a set of kits, then had a rest with the cat.",
        "The MET study", "KIT FOR HOME USE", "seen in the ER", "the CAT score", "AR glasses", "REST AND RECOVERY",
        "EGFR inhibitor", "previous anti-PD-1 treatment", "ACE inhibitors", "VEGF receptor antagonists",
        "recombinant IL-2", "G-CSF after chemotherapy", "ras-like", "umbilical cord pH",
        "selective estrogen receptor modulators", "prior VEGF-based therapy", "CEA-containing vaccines",
        "use of a potent inhibitor of CYP3A4", "CYP3A4 potent inhibitors", "strong inducers of the CYP3A4 enzyme",
        "CYP3A4 substrates with a narrow window", "GM-CSF in HIV-positive patients",
    ],
)  # fmt: skip
def test_words_and_targets_of_drugs_are_no_markers(linker: BiomarkerLinker, concepts: Concepts, text: str) -> None:
    assert found(linker, concepts, text) == NOTHING


@pytest.mark.parametrize(
    ("text", "because"),
    [
        ("hypersensitivity, G6PD deficiency", ""),
        ("HIV-positive adults with CD4 cells", ""),
        ("CD4 cells in HIV negative adults", ""),
        ("HIV-infected, CD4-positive cells", "predictive"),
        ("sensitivity of EGFR mutations", "diagnostic"),
    ],
)
def test_words_about_something_else_tell_no_part(linker: BiomarkerLinker, text: str, because: str) -> None:
    (links,) = linker.link([text])
    assert [link.qualifier for link in links if link.concept_id and link.concept_id.startswith("HGNC:")] == [because]


@pytest.mark.parametrize("text", ["HbA1c", "LDL cholesterol", "viral load", "platelet count", "QTc", "MSI-H tumours"])
def test_other_markers_are_found_too(linker: BiomarkerLinker, text: str) -> None:
    (links,) = linker.link([text])
    assert len(links) == 1
    assert links[0].kind == "biomarker"


@pytest.mark.parametrize(
    ("text", "place", "part", "because"),
    [
        ("EGFR mutation-positive lung cancer", "condition", "predictive", "mutation"),
        ("HER2-negative breast cancer", "condition", "predictive", "negative"),
        ("BRCA1 germline carriers", "criteria", "susceptibility/risk", "germline"),
        ("ALT <= 2.5 x upper limit of normal", "criteria", "safety", "upper limit of normal"),
        ("Platelet count at least 100,000", "criteria", "safety", "at least"),
        ("Diagnosis confirmed by procalcitonin", "criteria", "diagnostic", "Diagnosis"),
        ("Prognostic value of Ki-67", "title", "prognostic", "Prognostic"),
        ("Serial measurement of ctDNA", "outcome", "monitoring", "Serial"),
        ("HbA1c at week 24", "primary outcome", "surrogate endpoint", "primary outcome"),
        ("Change from baseline in IL-6", "outcome", "pharmacodynamic/response", "Change from baseline"),
        ("Role of cystatin C", "title", "", ""),
    ],
)
def test_the_part_is_told_with_the_words_that_tell_it(
    linker: BiomarkerLinker, text: str, place: str, part: str, because: str
) -> None:
    (links,) = linker.link([text], [place])
    (link,) = links
    assert link.qualifier == part
    assert link.matched.endswith(f"({because})") if because else "(" not in link.matched


def test_absent_markers_are_marked(linker: BiomarkerLinker) -> None:
    (links,) = linker.link(["Tumours without EGFR mutation"])
    assert [link.is_negated for link in links] == [True]


WORDS = st.sampled_from(
    ["EGFR", "mutation", "HbA1c", "MET", "(", ")", "positive", "PSA", "change", "in", "≥", "Übung", "IL-6",
     "\n", "anti-", "+"]
)  # fmt: skip
TEXTS = st.tuples(st.lists(WORDS, max_size=10).map(" ".join) | st.text(max_size=30), st.sampled_from([None, *PLACES]))


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.lists(TEXTS, max_size=6), st.randoms(use_true_random=False))
def test_offsets_are_exact_and_order_does_not_count(
    linker: BiomarkerLinker, texts: list[tuple[str, str | None]], shuffled: random.Random
) -> None:
    links = linker.link([text for text, _ in texts], [place for _, place in texts])
    for (text, _), of_text in zip(texts, links, strict=True):
        for link in of_text:
            assert text[link.start : link.end] == link.text
            assert link.qualifier in ("", *PARTS)
    order = list(range(len(texts)))
    shuffled.shuffle(order)
    again = linker.link([texts[i][0] for i in order], [texts[i][1] for i in order])
    assert [again[order.index(i)] for i in range(len(texts))] == links


@pytest.mark.parametrize(
    ("text", "denied"),
    [
        ("Bilirubin no greater than 2 times normal AST no greater than 3 times normal", [False, False]),
        ("No active ischaemic heart disease LVEF at least 50 %", [False]),
        ("No severe liver disease (ALT or AST above 5 times ULN)", [False, False]),
        ("No active infection Hepatitis B surface antigen checked", [False]),
        ("Tuberculosis that was not treated\n* Hepatitis B surface antigen positive", [False]),
        ("Disease that was not treated. PSA above 4 ng/ml", [False]),
        ("No SGOT and/or SGPT above 3 times ULN", [True, True]),
        ("Must not have AST, ALT above 100 U/L", [True, True]),
        ("No overexpression of HER2", [True]),
        ("Without an EGFR mutation", [True]),
        ("Not more than 30 ng/ml PSA", [False]),
    ],
)
def test_what_is_denied_is_the_marker_right_behind_and_its_list(
    linker: BiomarkerLinker, text: str, denied: list[bool]
) -> None:
    (links,) = linker.link([text], ["criteria"])
    assert [link.is_negated for link in links] == denied


@pytest.mark.parametrize(
    "text",
    [
        "Allergy to any Janus kinase 2 (JAK2) inhibitor",
        "Cyclooxygenase-2 (COX-2) inhibitors during the study",
        "Drugs that inhibit CYP1A2 or interact with CYP3A4",
        "Treatment with anti- IL-6",
        "A monoclonal antibody against CD52",
        "A ligand for the peroxisome proliferator-activated receptor gamma",
        "People with anti-drug antibodies (ADA) positive",
        "Renal failure (EGFR < 30 ml/min/1.73 m2)",
    ],
)
def test_what_a_drug_acts_on_or_is_broken_down_by_is_no_marker(
    linker: BiomarkerLinker, concepts: Concepts, text: str
) -> None:
    assert found(linker, concepts, text) == NOTHING


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CYP2D6 poor metabolizers", ["CYP2D6"]),
        ("ADA deficiency", ["ADA"]),
        ("HER2 (ERBB2) positive breast cancer", ["ERBB2", "ERBB2"]),
    ],
)
def test_such_genes_are_found_where_they_are_measured(
    linker: BiomarkerLinker, concepts: Concepts, text: str, expected: list[str]
) -> None:
    assert found(linker, concepts, text) == expected
