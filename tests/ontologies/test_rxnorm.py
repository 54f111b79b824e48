"""How RxNorm is read: native releases with made-up entries."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.ontologies.releases import FIXTURES, copy, get, names, read
from trialpanorama.errors import UserError
from trialpanorama.ontologies import Concepts, install


@pytest.fixture(scope="module")
def rxnorm(tmp_path_factory: pytest.TempPathFactory) -> Concepts:
    return read("rxnorm", tmp_path_factory.mktemp("store"))


def test_what_a_trial_can_name_is_kept(rxnorm: Concepts) -> None:
    types = {concept.id: concept.attributes["term_type"] for concept in rxnorm.all("drug")}
    assert types == {
        "RXCUI:9000001": "IN",
        "RXCUI:9000002": "PIN",
        "RXCUI:9000003": "IN",
        "RXCUI:9000004": "MIN",
        "RXCUI:9000005": "BN",
        "RXCUI:9000007": "SCD",
        "RXCUI:9000008": "SBD",
        "RXCUI:9000009": "BN",
        "RXCUI:9000013": "SCD",
        "RXCUI:9000014": "GPCK",
    }


def test_an_ingredient_has_the_names_and_codes_of_open_sources(rxnorm: Concepts) -> None:
    assert names(rxnorm, "RXCUI:9000001") == {"zelvotinib": "preferred", "Zelvotinibum": "exact"}
    ingredient = get(rxnorm, "RXCUI:9000001")
    assert ingredient.name == "zelvotinib"
    assert ingredient.cross_references == ["UNII:0ZELVOT1N1", "ATC:L99EX01", "DRUGBANK:DB99001", "MESH:D990001"]


@pytest.mark.parametrize(
    ("id", "attribute", "ingredients"),
    [
        ("RXCUI:9000002", "salt_of", "RXCUI:9000001"),
        ("RXCUI:9000004", "ingredient", "RXCUI:9000001;RXCUI:9000003"),
        ("RXCUI:9000005", "ingredient", "RXCUI:9000001"),
        ("RXCUI:9000007", "ingredient", "RXCUI:9000001"),
        ("RXCUI:9000008", "ingredient", "RXCUI:9000001"),
        ("RXCUI:9000009", "ingredient", "RXCUI:9000001;RXCUI:9000003"),
        ("RXCUI:9000013", "ingredient", "RXCUI:9000001;RXCUI:9000003"),
        ("RXCUI:9000014", "ingredient", "RXCUI:9000001"),
    ],
)
def test_salts_brands_drugs_and_packs_lead_to_their_ingredients(
    rxnorm: Concepts, id: str, attribute: str, ingredients: str
) -> None:
    concept = get(rxnorm, id)
    assert concept.attributes[attribute] == ingredients
    alone = ";" not in ingredients and concept.attributes["term_type"] != "MIN"
    assert concept.parents == ([ingredients] if alone else [])


def test_the_direction_in_which_a_relationship_is_written_does_not_matter(tmp_path: Path) -> None:
    turned = copy("rxnorm", tmp_path / "turned")
    path = turned / "rrf" / "RXNREL.RRF"
    rows = [line.split("|") for line in path.read_text().splitlines()]
    for row in rows:
        row[0], row[4] = row[4], row[0]
    path.write_text("".join("|".join(row) + "\n" for row in rows))
    there, back = read("rxnorm", tmp_path / "a"), read("rxnorm", tmp_path / "b", turned)
    assert list(there.all()) == list(back.all())


def test_marks_of_state(rxnorm: Concepts) -> None:
    marketed, old = get(rxnorm, "RXCUI:9000007"), get(rxnorm, "RXCUI:9000010")
    assert marketed.attributes["marketed_in"] == "US"
    assert old.is_obsolete


def test_the_release_date_is_in_the_name_of_the_readme_or_the_archive(rxnorm: Concepts, tmp_path: Path) -> None:
    assert rxnorm.versions["rxnorm"].version == "2026-03-02"
    folder = FIXTURES / "rxnorm" / "rrf"
    archive = shutil.make_archive(str(tmp_path / "RxNorm_full_prescribe_04062026"), "zip", folder)
    (installed,) = install([Path(archive)], tmp_path / "store")
    assert (installed.version, installed.date) == ("2026-04-06", "2026-04-06")


def test_names_without_relationships_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"stands without RXNREL\.RRF"):
        install([FIXTURES / "rxnorm" / "rrf" / "RXNCONSO.RRF"], tmp_path)


def test_a_last_row_without_line_end_is_a_cut(tmp_path: Path) -> None:
    cut = copy("rxnorm", tmp_path / "cut")
    path = cut / "rrf" / "RXNREL.RRF"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match=r"RXNREL\.RRF.*cut short"):
        install([cut], tmp_path / "store")


def test_names_that_are_cut_between_two_rows_lack_what_the_relationships_name(tmp_path: Path) -> None:
    folder = copy("rxnorm", tmp_path / "release")
    names = next(folder.rglob("RXNCONSO.RRF"))
    rows = names.read_text().splitlines(keepends=True)
    names.write_text("".join(rows[: len(rows) // 2]))
    with pytest.raises(UserError, match=r"RXNCONSO.RRF: lacks \d of the \d+ concepts that RXNREL.RRF names"):
        install([folder], tmp_path / "store")
