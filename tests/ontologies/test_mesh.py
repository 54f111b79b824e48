"""MeSH from its XML, its ASCII files and tables made of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ontologies.releases import FIXTURES, copy, names, read
from trialpanorama.errors import UserError
from trialpanorama.ontologies import install

MESH = FIXTURES / "mesh"
XML, ASCII, TABLE = (MESH / name for name in ("desc2099.xml", "d2099.bin", "mesh2099_tree_ui_name.psv"))


def test_descriptors_have_names_by_what_they_mean_places_and_parents(tmp_path: Path) -> None:
    mesh = read("mesh", tmp_path, XML)
    fever = mesh.get("MESH:D999002")
    assert fever is not None
    assert (fever.name, fever.kind, fever.parents) == ("Lunar Fever", "condition", ["MESH:D999001"])
    assert fever.attributes == {"tree_numbers": "C99.200;F03"}
    assert names(mesh, "MESH:D999002") == {
        "Lunar Fever": "preferred", "LUFE": "abbreviation", "Crater Fever": "exact",
        "Moon Sickness": "broad",
    }  # fmt: skip
    assert fever.names[0].kind == "preferred"
    assert names(mesh, "MESH:D999003") == {
        "Selenomab & Salts": "preferred", "Moonacil": "brand", "MN-0099": "code",
    }  # fmt: skip
    drug = mesh.get("MESH:D999003")
    assert drug is not None
    assert (drug.kind, drug.attributes) == ("drug", {"tree_numbers": "D27", "unii": "ZZ99YY88XX"})
    assert mesh.versions["mesh"].version == "2099"
    assert mesh.ancestors("MESH:D999002") == [("MESH:D999001", 1)]


@pytest.mark.parametrize("main", [ASCII, TABLE], ids=["ascii", "table"])
def test_every_form_gives_the_same_descriptors(main: Path, tmp_path: Path) -> None:
    one, other = read("mesh", tmp_path / "a", XML), read("mesh", tmp_path / "b", main)
    for concept in one.all():
        same = other.get(concept.id)
        assert same is not None
        assert (same.name, same.kind, same.parents) == (concept.name, concept.kind, concept.parents)
        assert same.attributes.get("tree_numbers") == concept.attributes["tree_numbers"]
    assert len(one) == len(other)


def test_ascii_says_what_a_term_is_in_its_last_field(tmp_path: Path) -> None:
    mesh = read("mesh", tmp_path, ASCII)
    assert names(mesh, "MESH:D999002") == {
        "Lunar Fever": "preferred", "Crater Fever": "exact", "LUFE": "abbreviation", "Fever, Lunar": "exact",
        "Moon Sickness": "broad",
    }  # fmt: skip
    assert names(mesh, "MESH:D999003")["Moonacil"] == "brand"


def test_supplementary_concepts_stand_below_their_headings(tmp_path: Path) -> None:
    mesh = read("mesh", tmp_path, XML, MESH / "supp2099.xml")
    disease, drug = mesh.get("MESH:C999901"), mesh.get("MESH:C999902")
    assert disease is not None
    assert drug is not None
    assert (disease.kind, disease.parents) == ("condition", ["MESH:D999002"])
    assert mesh.ancestors(disease.id) == [("MESH:D999002", 1), ("MESH:D999001", 2)]
    assert names(mesh, disease.id) == {"Lunar Fever, Familial": "preferred", "Exampleson Disease": "exact"}
    assert (drug.kind, drug.attributes) == ("drug", {"cas": "999999-99-9"})


def test_supplementary_concepts_in_ascii_are_those_of_the_xml(tmp_path: Path) -> None:
    mesh = read("mesh", tmp_path, ASCII, MESH / "c2099.bin")
    disease, drug = mesh.get("MESH:C999901"), mesh.get("MESH:C999902")
    assert disease is not None
    assert drug is not None
    assert (disease.kind, disease.parents) == ("condition", ["MESH:D999002"])
    assert names(mesh, disease.id) == {
        "Lunar Fever, Familial": "preferred", "Exampleson Disease": "exact", "Moon Disease": "broad",
    }  # fmt: skip
    assert (drug.kind, drug.attributes) == ("drug", {"cas": "999999-99-9"})
    with pytest.raises(UserError, match="only adds to another file"):
        install([MESH / "c2099.bin"], tmp_path / "alone")


def test_synonyms_and_trees_are_added_to_descriptors(tmp_path: Path) -> None:
    mesh = read("mesh", tmp_path / "a", TABLE, MESH / "synonyms.json")
    assert names(mesh, "MESH:D999002") == {
        "Lunar Fever": "preferred", "Fever, Lunar": "exact", "Moon Fever": "exact",
    }  # fmt: skip
    bare = copy("mesh", tmp_path / "bare", "d2099.bin", "mtrees2099.bin")
    text = (bare / "d2099.bin").read_text()
    (bare / "d2099.bin").write_text("".join(f"{line}\n" for line in text.splitlines() if not line.startswith("MN")))
    placed = read("mesh", tmp_path / "b", bare)
    assert placed.ancestors("MESH:D999002") == [("MESH:D999001", 1)]


@pytest.mark.parametrize("name", ["supp2099.xml", "mtrees2099.bin", "synonyms.json"])
def test_what_only_adds_is_no_release(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"only adds to another file of .* Add it together with that file"):
        install([MESH / name], tmp_path)


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("desc2099.xml", "<DescriptorUI>D999002</DescriptorUI>", "<UI>D999002</UI>", "version not known"),
        ("desc2099.xml", "<TreeNumber>C99<", "<TreeNumber>C/99<", "tree number"),
        ("desc2099.xml", "</DescriptorRecordSet>", "", "no whole XML document"),
        ("d2099.bin", "UI = D999002\n", "", "version not known"),
        ("d2099.bin", "UI = D999004\n", "UI = D999004", "cut short"),
        ("mesh2099_tree_ui_name.psv", "\nZ01|D999004|Sea of Testing", "\n", "branch Z"),
        ("mesh2099_tree_ui_name.psv", "|Sea of Testing", "", "line 5"),
        ("mesh2099_tree_ui_name.psv", "|Sea of Testing", "|", "line 5"),
        ("mesh2099_tree_ui_name.psv", "C99|D999001|Lunar Diseases\n", "", "no heading above the place C99.200"),
    ],
    ids=[
        "other-element",
        "other-tree",
        "cut-xml",
        "no-id",
        "cut-line",
        "cut-table",
        "cut-row",
        "cut-name",
        "no-parent",
    ],
)
def test_a_damaged_or_unknown_release_is_one_clear_error(
    name: str, old: str, new: str, message: str, tmp_path: Path
) -> None:
    file = copy("mesh", tmp_path / "release", name) / name
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    with pytest.raises(UserError, match=f"{name}: .*{message}.* stays in use"):
        install([file], tmp_path / "store")


def test_files_of_two_years_are_no_release(tmp_path: Path) -> None:
    folder = copy("mesh", tmp_path / "release", "desc2099.xml", "supp2099.xml")
    (folder / "supp2099.xml").rename(folder / "supp2098.xml")
    with pytest.raises(UserError, match=r"not of the same year .*2098, 2099"):
        install([folder], tmp_path / "store")


def test_entities_of_a_document_are_not_expanded(tmp_path: Path) -> None:
    file = tmp_path / "desc2099.xml"
    secret = tmp_path / "secret.txt"
    secret.write_text("do not read this")
    declared = f'<!DOCTYPE DescriptorRecordSet [<!ENTITY outside SYSTEM "{secret.as_uri()}">]>'
    text = XML.read_text().replace(XML.read_text().splitlines()[1], declared)
    file.write_text(text.replace("<String>Moonacil</String>", "<String>Moonacil &outside;</String>"))
    mesh = read("mesh", tmp_path / "store", file)
    assert not any("do not read" in name for name in names(mesh, "MESH:D999003"))
