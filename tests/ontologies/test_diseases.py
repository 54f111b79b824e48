"""The Disease Ontology and MONDO from OBO, from tables and from mappings."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tests.ontologies.releases import FIXTURES, copy, names, read
from trialpanorama.errors import UserError
from trialpanorama.ontologies import install, load
from trialpanorama.ontologies._curies import curie

DOID, MONDO = FIXTURES / "doid", FIXTURES / "mondo"


def test_obo_terms_keep_names_by_scope_parents_and_references(tmp_path: Path) -> None:
    doid = read("doid", tmp_path, DOID / "doid.obo")
    fever = doid.get("DOID:9990002")
    assert fever is not None
    assert (fever.name, fever.kind, fever.parents) == ("lunar fever", "condition", ["DOID:9990001"])
    assert names(doid, fever.id) == {
        "lunar fever": "preferred",
        "crater fever": "narrow",
        "LUFE": "abbreviation",
        "moon fever": "exact",
        'moon "madness"': "related",
    }
    assert fever.cross_references == ["ORPHA:9999", "MESH:D999002", "SNOMEDCT:99999999", "UMLS:C9999999"]
    assert fever.attributes == {"alternative_ids": "DOID:9990009"}
    assert doid.ancestors(fever.id) == [("DOID:9990001", 1), ("DOID:9990003", 2)]
    assert (doid.versions["doid"].version, doid.versions["doid"].date) == ("2099-01-31", "2099-01-31")
    assert "UBERON:9990001" not in doid


def test_an_ontology_is_known_by_its_header_or_by_the_name_of_its_file(tmp_path: Path) -> None:
    text = (DOID / "doid.obo").read_text()
    nameless = text.replace("ontology: doid\n", "")
    (tmp_path / "terms.obo").write_text(text)
    (tmp_path / "doid-base.obo").write_text(nameless)
    for name in ("terms.obo", "doid-base.obo"):
        assert len(read("doid", tmp_path / f"store of {name}", tmp_path / name)) == 4
    (tmp_path / "other.obo").write_text(nameless)
    with pytest.raises(UserError, match="no release file"):
        install([tmp_path / "other.obo"], tmp_path / "store")


def test_obsolete_terms_are_found_by_id_alone(tmp_path: Path) -> None:
    doid = read("doid", tmp_path, DOID / "doid.obo")
    old = doid.get("DOID:9990004")
    assert old is not None
    assert (old.name, old.is_obsolete, old.attributes) == ("moon sickness", True, {"replaced_by": "DOID:9990002"})
    assert [concept.id for concept in doid.all()] == ["DOID:9990001", "DOID:9990002", "DOID:9990003"]


def test_the_pair_of_tables_gives_classes_and_references(tmp_path: Path) -> None:
    doid = read("doid", tmp_path, DOID / "HumanDO.tsv", DOID / "allXREFinDO.tsv")
    fever = doid.get("DOID:9990002")
    assert fever is not None
    assert fever.parents == ["DOID:9990001", "DOID:9990003"]
    assert fever.cross_references == ["MESH:D999002", "SNOMEDCT:99999999"]
    assert doid.versions["doid"].version.startswith("sha256:")
    assert read("doid", tmp_path, DOID / "HumanDO.tsv", version="2099-01").versions["doid"].version == "2099-01"


def test_mondo_takes_marked_equivalents_only(tmp_path: Path) -> None:
    mondo = read("mondo", tmp_path, MONDO / "mondo.obo")
    fever = mondo.get("MONDO:9990001")
    assert fever is not None
    assert fever.cross_references == ["DOID:9990002", "MESH:D999002"]
    assert names(mondo, fever.id) == {"lunar fever": "preferred", "LUFE": "abbreviation", "lunacy": "related"}
    assert mondo.versions["mondo"].version == "2099-02-28"


def test_mappings_alone_give_labels_and_exact_matches(tmp_path: Path) -> None:
    mondo = read("mondo", tmp_path, *sorted(MONDO.glob("*.tsv")))
    fever = mondo.get("MONDO:9990001")
    assert fever is not None
    assert fever.cross_references == ["DOID:9990002", "MESH:D999002"]
    assert mondo.versions["mondo"].version == "2099-02-28"
    old = mondo.get("MONDO:9990003")
    assert old is not None
    assert old.is_obsolete
    assert old.name == "moon sickness"
    both = read("mondo", tmp_path, MONDO / "mondo.obo", MONDO / "mondo_exactmatch_doid.sssom.tsv")
    disease = both.get("MONDO:9990002")
    assert disease is not None
    assert disease.cross_references == ["DOID:9990003"]


def test_mappings_without_labels_add_to_the_ontology_and_are_nothing_alone(tmp_path: Path) -> None:
    file = copy("mondo", tmp_path / "release", "mondo_exactmatch_doid.sssom.tsv") / "mondo_exactmatch_doid.sssom.tsv"
    file.write_text(file.read_text().replace("subject_label", "subject_note"))
    mondo = read("mondo", tmp_path / "store", MONDO / "mondo.obo", file)
    disease = mondo.get("MONDO:9990002")
    assert disease is not None
    assert disease.cross_references == ["DOID:9990003"]
    with pytest.raises(UserError, match="has no concept of Mondo"):
        install([file], tmp_path / "store")


def test_equivalents_join_three_vocabularies_and_the_preferred_is_taken(tmp_path: Path) -> None:
    install([FIXTURES / "mesh" / "desc2099.xml", DOID / "doid.obo", MONDO / "mondo.obo"], tmp_path)
    concepts = load(tmp_path, only=["mesh", "doid", "mondo"])
    same = frozenset({"MESH:D999002", "DOID:9990002", "MONDO:9990001"})
    assert {concepts.equivalents(id) for id in same} == {same}
    assert concepts.preferred("DOID:9990002", "condition") == "MESH:D999002"
    without = load(tmp_path, only=["doid", "mondo"])
    assert without.preferred("DOID:9990002", "condition") == "MONDO:9990001"
    assert without.preferred("DOID:9990001", "condition") == "DOID:9990001"
    assert without.equivalents("MESH:D999002") == frozenset()


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("doid/doid.obo", "format-version: 1.2", "format-version: 3.0", "OBO format 3.0"),
        ("doid/doid.obo", "\n\n[Term]\nid: DOID:9990003\nname: disease", "", "no term DOID:9990003.*cut short"),
        ("doid/doid.obo", "name: has crater\n", "name: has cra", "middle of a line"),
        ("doid/doid.obo", "id: DOID:9990001\n", "", "term without id"),
        ("doid/HumanDO.tsv", '"disease"\n"DOID:9990002"', '"dise', "cells in line"),
        ("doid/HumanDO.tsv", '"lunar disease"\t"disease"', '"disease of moons"\t"disease of worlds"', "cut short"),
        ("mondo/mondo.obo", "id: MONDO:9990003\nname: ob", "moon", "without tag"),
        ("mondo/mondo_exactmatch_mesh.sssom.tsv", "ManualMappingCuration\n", "ManualMapping", "middle of a line"),
    ],
    ids=["format", "parent", "line", "id", "row", "class", "tag", "mapping"],
)
def test_a_damaged_or_unknown_release_is_one_clear_error(
    file: str, old: str, new: str, message: str, tmp_path: Path
) -> None:
    path = copy(file.split("/")[0], tmp_path / "release", Path(file).name) / Path(file).name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(UserError, match=f"{path.name}: .*{message}.* stays in use"):
        install([path], tmp_path / "store")


def test_mappings_of_two_releases_are_no_release(tmp_path: Path) -> None:
    folder = copy("mondo", tmp_path / "release", "mondo_exactmatch_mesh.sssom.tsv", "mondo_exactmatch_doid.sssom.tsv")
    file = folder / "mondo_exactmatch_doid.sssom.tsv"
    file.write_text(file.read_text().replace("releases/2099-02-28", "releases/2098-12-31"))
    with pytest.raises(UserError, match=r"not of the same release .*2098-12-31, 2099-02-28"):
        install([folder], tmp_path / "store")


def test_a_gzipped_release_that_ends_early_is_cut_short(tmp_path: Path) -> None:
    packed = gzip.compress((DOID / "doid.obo").read_bytes(), mtime=0)
    file = tmp_path / "doid.obo.gz"
    file.write_bytes(packed)
    assert len(read("doid", tmp_path / "store", file)) == 4
    file.write_bytes(packed[:-20])
    with pytest.raises(UserError, match=r"doid\.obo\.gz: .*cut short"):
        install([file], tmp_path / "store")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("SNOMEDCT_US_2025_09_01:702342007", "SNOMEDCT:702342007"),
        ("mesh:D003924", "MESH:D003924"),
        ("UMLS_CUI:C0011860", "UMLS:C0011860"),
        ("ORDO:752", "ORPHA:752"),
        ("MIM:264300", "OMIM:264300"),
        ("NEWVOCABULARY:1", "NEWVOCABULARY:1"),
        ("no prefix", "no prefix"),
        ("http://identifiers.org/mesh/D003924", "MESH:D003924"),
        ("http://purl.obolibrary.org/obo/DOID_9352", "DOID:9352"),
        ("http://www.orpha.net/ORDO/Orphanet_752", "ORPHA:752"),
        ("https://example.org", "https://example.org"),
    ],
)
def test_ids_of_others_get_one_prefix(written: str, meant: str) -> None:
    assert curie(written) == meant
