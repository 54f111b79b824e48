"""How the table of European medicines is read: a file with made-up entries, and the real one where it is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ontologies.releases import FIXTURES, get, names, read
from trialpanorama.ontologies import install, load
from trialpanorama.ontologies.ema import parts_of


@pytest.mark.parametrize(
    ("name", "ingredients", "brand"),
    [
        ("marsupine 150 MG Oral Tablet", ("marsupine",), None),
        ("24 HR marsupine 9 MG Extended Release Oral Tablet [Marsup]", ("marsupine",), "Marsup"),
        (
            "amarsine 5 MG / hydromarsothiazide 12.5 MG / valmarsan 160 MG Oral Tablet",
            ("amarsine", "hydromarsothiazide", "valmarsan"),
            None,
        ),
        (
            "0.3 ML methoxy polyethylene glycol-marsetin beta 0.133 MG/ML Prefilled Syringe",
            ("methoxy polyethylene glycol-marsetin beta",),
            None,
        ),
        ("1 ML ustemarsumab-ttwe 90 MG/ML Auto-Injector [Marsky]", ("ustemarsumab",), "Marsky"),
        ("marsferon alfa 30 MG Injection", ("marsferon alfa",), None),
        ("marsoferon-alfa 30 MG Injection", ("marsoferon-alfa",), None),
        ("samarsium Sm 153 leximarsam", ("samarsium Sm 153 leximarsam",), None),
        (
            "0.5 ML L1 protein, Marsh papillomavirus type 16 vaccine 0.04 MG/ML Injection",
            ("L1 protein, Marsh papillomavirus type 16 vaccine",),
            None,
        ),
        ("marsutide 210 MG", ("marsutide",), None),
        ("marsutide 25 MG/ML [Marsutiq]", ("marsutide",), "Marsutiq"),
        ("marsupine Oral Tablet [Opsmars]", ("marsupine",), "Opsmars"),
        ("Tilmarsocept 0.05 MG Kit for radiopharmaceutical preparation Box of 5", ("Tilmarsocept",), None),
        ("{7 (marsvaptan 30 MG Oral Tablet) / 7 (marsvaptan 90 MG Oral Tablet) } Pack", ("marsvaptan",), None),
        ("{2 (0.2 ML) (esmarsamine 140 MG/ML Nasal Spray) } Pack", ("esmarsamine",), None),
        (
            "{1 (1.25 ML marsuronidase, human recombinant 160 UNT/ML Injection) / 1 (25 ML marsoglobulin G, human "
            "100 MG/ML Injection) } Pack",
            ("marsuronidase, human recombinant", "marsoglobulin G, human"),
            None,
        ),
        ("{9 (8.3 ML onamarsogene abemarsovec-xioi 20000000000000 VECTOR-GENOMES/ML Injection [Zolmars]) } Pack "
         "[Zolmars Kit 13.1 - 13.5 kg]", ("onamarsogene abemarsovec",), "Zolmars"),
        ("marsantigen A 0.03 MG/ML / marsantigen B 0.03 MG/ML / marsanti...", ("marsantigen A", "marsantigen B"), None),
    ],
)  # fmt: skip
def test_ingredients_and_brand_of_a_name(name: str, ingredients: tuple[str, ...], brand: str | None) -> None:
    assert parts_of(name).ingredients == ingredients
    assert parts_of(name).brand == brand


def test_ingredients_medicines_and_rxnorm_drugs(tmp_path: Path) -> None:
    table = read("ema", tmp_path)
    assert {concept.id: concept.name for concept in table.all("drug")} == {
        "EMA.SUBSTANCE:lumabrumab": "lumabrumab",
        "EMA.SUBSTANCE:marsh-virus-strain-a-nowhere-1-2030-antigen": "marsh virus strain A/Nowhere/1/2030 antigen",
        "EMA.SUBSTANCE:marsh-virus-strain-b-nowhere-2-2030-antigen": "marsh virus strain B/Nowhere/2/2030 antigen",
        "EMA.SUBSTANCE:marsupine": "marsupine",
        "EMA.SUBSTANCE:zelvotinib": "Zelvotinib",
        "EMA.SUBSTANCE:zelvotinib-maleate": "zelvotinib maleate",
        "EMA:EMEA/H/C/990001": "Marszel",
        "EMA:EMEA/H/C/990003": "Lumabra",
        "RXCUI:9000108": "24 HR marsupine 5 MG / zelvotinib maleate 20 MG Extended Release Oral Tablet [Marszel]",
        "RXCUI:9000109": "{7 (zelvotinib maleate 20 MG Oral Tablet [Marszel]) / 7 (marsupine 5 MG Oral Tablet) } Pack "
        "[Marszel Starter]",
        "RXCUI:9000110": "0.4 ML lumabrumab-abcd 100 MG/ML Prefilled Syringe [Lumabra]",
        "RXCUI:9000112": "marsh virus strain A/Nowhere/1/2030 antigen 0.03 MG/ML / marsh virus strain "
        "B/Nowhere/2/2030 antigen 0.03 MG/ML / marsh virus str...",
    }
    assert all(concept.attributes["ema_approved"] == "true" for concept in table.all())
    medicine = get(table, "EMA:EMEA/H/C/990001")
    assert medicine.attributes["ingredient"] == "EMA.SUBSTANCE:marsupine;EMA.SUBSTANCE:zelvotinib-maleate"
    ingredient = get(table, "EMA.SUBSTANCE:zelvotinib")
    assert ingredient.attributes["ema_products"] == "EMEA/H/C/990002"
    assert ingredient.cross_references == ["RXCUI:9000001"]
    assert names(table, "EMA:EMEA/H/C/990003") == {"Lumabra": "preferred"}
    assert table.versions["ema"].version == "2025-12-04"


def test_an_ingredient_is_found_by_its_name_in_other_vocabularies(tmp_path: Path) -> None:
    install([FIXTURES / "ema", FIXTURES / "drugbank", FIXTURES / "rxnorm", FIXTURES / "drugcentral"], tmp_path)
    drugs = load(tmp_path, only=["ema", "drugbank", "rxnorm", "drugcentral"], with_everyday=False)
    assert drugs.equivalents("DRUGBANK:DB99001") == {
        "DRUGBANK:DB99001",
        "DrugCentral:99001",
        "EMA.SUBSTANCE:zelvotinib",
        "RXCUI:9000001",
    }
    assert drugs.preferred("EMA.SUBSTANCE:marsupine", "drug") == "DRUGBANK:DB99002"


def test_the_real_table(shared_data: Path, tmp_path: Path) -> None:
    install([shared_data / "ontologies" / "ema_to_rxnorm.tsv.gz"], tmp_path)
    table = load(tmp_path, only=["ema"], with_everyday=False)
    substances = {concept.name.casefold() for concept in table.all() if "ema_products" in concept.attributes}
    assert {"irbesartan", "trastuzumab", "lopinavir", "insulin glargine", "follitropin alfa"} <= substances
    assert len(substances) > 1_000
    drugs = load(tmp_path / "nothing", only=["drugbank"], with_everyday=False)
    known = {name.text.casefold() for drug in drugs.all() for name in drug.names}
    # what DrugBank does not call so are salts, strains and toxoids
    assert len(substances & known) / len(substances) > 0.85
