"""The lexicon that comes with the package: small, sound, and said where it is from."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from trialpanorama.ontologies import Concept, Concepts, install, load, vocabularies
from trialpanorama.ontologies._store import BUILT_IN, PRECEDENCE, everyday_names

LARGEST = 3_500_000
"""Bytes that the lexicon may take in all."""


@pytest.fixture(scope="module")
def concepts() -> Concepts:
    return load(Path("no such folder"))


def test_it_is_small() -> None:
    assert sum(path.stat().st_size for path in BUILT_IN.rglob("*") if path.is_file()) < LARGEST


def test_every_file_has_its_licence_stated() -> None:
    stated = (BUILT_IN / "README.md").read_text(encoding="utf-8")
    files = (path.relative_to(BUILT_IN).as_posix() for path in BUILT_IN.rglob("*") if path.is_file())
    assert [name for name in files if name not in stated] == ["README.md"]


def test_every_file_says_its_source_version_and_licence(concepts: Concepts) -> None:
    assert {"mesh", "doid", "mondo", "comet", "ucum", "drugbank", "hgnc"} <= concepts.versions.keys()
    for name, installed in concepts.versions.items():
        assert name in vocabularies()
        assert installed.is_built_in
        assert installed.is_open
        assert installed.version
        assert installed.licence
        assert installed.concepts == sum(concepts.installed(concept.id) is installed for concept in concepts.all())


def test_ids_have_the_prefix_of_their_vocabulary_and_parents_are_there(concepts: Concepts) -> None:
    for concept in concepts.all():
        assert concept.id.startswith(vocabularies()[concepts.installed(concept.id).name].prefix)
        assert all(parent in concepts for parent in concept.parents)
        assert concept.names[0].text == concept.name
        assert concept.names[0].kind == "preferred"
        assert not concept.is_obsolete


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("heart attack", "MESH:D009203"),
        ("T2DM", "MESH:D003924"),
        ("NSCLC", "MESH:D002289"),
        ("Breast Cancer", "MESH:D001943"),
        ("COVID-19", "MONDO:0100096"),
    ],
)
def test_common_conditions_are_found_by_the_names_people_use(name: str, id: str, concepts: Concepts) -> None:
    named = {
        concepts.preferred(concept.id, "condition")
        for concept in concepts.all("condition")
        if any(given.text.casefold() == name.casefold() for given in concept.names)
    }
    assert id in named


def test_a_disease_has_its_broader_ones_and_its_equivalents(concepts: Concepts) -> None:
    broader = dict(concepts.ancestors("MESH:D003924"))
    assert broader["MESH:D003920"] == 1  # diabetes mellitus
    assert broader["MESH:D008659"] > 1  # metabolic diseases
    assert concepts.equivalents("MESH:D003924") == {"MESH:D003924", "DOID:9352", "MONDO:0005148"}
    assert concepts.preferred("DOID:0080600", "condition") == "MONDO:0100096"  # COVID-19, which MeSH of 2016 lacks


def test_a_concept_of_a_release_without_hierarchy_has_the_broader_ones_of_its_equivalents(concepts: Concepts) -> None:
    assert concepts.parents("MONDO:0100096") != []
    assert "MESH:D014777" in dict(concepts.ancestors("MONDO:0100096"))  # virus diseases


def test_equivalents_hold_one_concept_of_a_vocabulary_and_agree(concepts: Concepts) -> None:
    groups = {concepts.equivalents(concept.id) for concept in concepts.all()}
    for group in groups:
        prefixes = Counter(id.partition(":")[0] for id in group)
        assert max(prefixes.values()) == 1
        assert all(concepts.equivalents(id) == group for id in group)
    joined = [group for group in groups if len(group) > 1]
    assert len(joined) > 10_000
    for kind in PRECEDENCE:
        for group in joined[:500]:
            assert len({concepts.preferred(id, kind) for id in group if PRECEDENCE[kind][0] in group}) <= 1


def test_everyday_names_are_names_of_concepts_that_are_there(concepts: Concepts) -> None:
    unknown = [ids for ids, _ in everyday_names() if not any(id in concepts for id in ids)]
    assert unknown == []
    meant: dict[str, set[str]] = {}
    for ids, name in everyday_names():
        meant.setdefault(name.text.casefold(), set()).add(ids[0])
    assert {text: ids for text, ids in meant.items() if len(ids) > 1} == {}


def test_headings_that_mesh_got_later_are_known(concepts: Concepts) -> None:
    found = concepts.get("MESH:D000095542")
    assert found is not None
    assert (found.name, found.kind) == ("Cytopenia", "condition")
    assert concepts.installed(found.id).version != concepts.versions["mesh"].version
    assert "MESH:D006402" in dict(concepts.ancestors(found.id))  # hematologic diseases
    assert load(with_everyday=False).get(found.id) is None


def test_a_release_that_has_a_later_heading_gives_it_itself(tmp_path: Path) -> None:
    tree = tmp_path / "mesh2030_tree.psv"
    rows = ("C15.378|D000095542|Cytopenia of tomorrow", "C15|D006425|Blood", "Z01|D005842|Places")
    tree.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    install([tree], tmp_path / "store")
    concepts = load(tmp_path / "store")
    assert [one.name for one in concepts.all(prefix="MESH:D000095542")] == ["Cytopenia of tomorrow"]


def test_concepts_come_in_a_fixed_order(concepts: Concepts) -> None:
    def order(concept: Concept) -> tuple[str, str, str]:
        installed = concepts.installed(concept.id)
        return installed.name, installed.version, concept.id

    ids = [order(concept) for concept in concepts.all()]
    assert ids == sorted(ids)
