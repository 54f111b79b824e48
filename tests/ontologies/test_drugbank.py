"""How the DrugBank open vocabulary is read: a file with made-up entries, and the real one where it is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ontologies.releases import get, names, read
from trialpanorama.ontologies import install, load
from trialpanorama.ontologies.drugbank import common_words, name_kind


def test_a_drug_with_its_names_and_numbers(tmp_path: Path) -> None:
    drugs = read("drugbank", tmp_path, version="9.9.9")
    drug = get(drugs, "DRUGBANK:DB99001")
    assert (drug.name, drug.kind, drug.cross_references) == ("Zelvotinib", "drug", ["UNII:0ZELVOT1N1"])
    assert drug.attributes == {
        "cas": "999001-01-1",
        "unii": "0ZELVOT1N1",
        "inchi_key": "AAAAAAAAAAAAAA-BBBBBBBBBB-N",
        "accession_numbers": "BIOD99001;BTD99001",
    }
    assert names(drugs, drug.id) == {
        "Zelvotinib": "preferred",
        "Zelvotinibum": "exact",
        "Zélvotinib": "exact",
        "ZVT": "abbreviation",
        "ZLV 20-417": "code",
        "Balance": "related",
    }
    assert drugs.versions["drugbank"].version == "9.9.9"


def test_commas_in_names_and_words_that_are_names(tmp_path: Path) -> None:
    drugs = read("drugbank", tmp_path)
    assert names(drugs, "DRUGBANK:DB99002") == {
        "Marsupine": "preferred",
        "1,2-dimarsyl-3-pine": "exact",
        "Met": "abbreviation",
        "Marsup": "exact",
    }
    water = get(drugs, "DRUGBANK:DB99003")
    assert water.attributes["is_common_word"] == "true"
    assert names(drugs, "DRUGBANK:DB99003")["Aqua"] == "related"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Acetylsalicylic acid", "exact"),
        ("5-FU", "abbreviation"),
        ("AZT", "abbreviation"),
        ("ddI", "abbreviation"),
        ("HCTZ", "abbreviation"),
        ("As", "abbreviation"),
        ("Urea", "related"),
        ("MILK PROTEIN", "related"),
        ("Same", "related"),
        ("Bayer", "related"),
        ("BAY 59-7939", "code"),
        ("CP-461", "code"),
        ("SCH 727965", "code"),
        ("Kava", "related"),
        ("Ibuprofen", "exact"),
        ("Zinc", "related"),
    ],
)
def test_how_far_a_name_may_be_trusted(text: str, kind: str) -> None:
    assert name_kind(text) == kind


def test_common_words_are_case_folded_and_each_stands_once() -> None:
    path = Path(__file__).parents[2] / "src" / "trialpanorama" / "ontologies" / "builtin" / "common_words.txt"
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    assert sorted(lines) == sorted(common_words())


def test_the_real_vocabulary(shared_data: Path, tmp_path: Path) -> None:
    install([shared_data / "ontologies" / "drugbank_vocabulary_cc0.csv.gz"], tmp_path)
    drugs = load(tmp_path, only=["drugbank"], with_everyday=False)
    assert len(drugs) == 19_842
    assert names(drugs, "DRUGBANK:DB00945")["Aspirin"] == "exact"
    built_in = load(tmp_path / "nothing", only=["drugbank"], with_everyday=False)
    assert {concept.id for concept in built_in.all()} == {concept.id for concept in drugs.all()}
