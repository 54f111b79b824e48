"""What is installed stays whole: releases replace one another at once, damage is found, and concepts hang together."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from tests.ontologies.releases import FIXTURES, copy, read
from trialpanorama.errors import UnknownName, UserError
from trialpanorama.ontologies import (
    Concept,
    Concepts,
    Name,
    Release,
    _store,
    default_store,
    install,
    load,
    vocabularies,
)

DOID, MESH = FIXTURES / "doid", FIXTURES / "mesh"


def _concepts(folder: Path, **of: list[Concept]) -> Concepts:
    """Made-up vocabularies as they are loaded."""
    for name, concepts in of.items():
        facts = vocabularies()[name]
        installed = _store._described(facts, Release("1", concepts), "1", [])
        _store.write(installed, Release("1", concepts), folder / f"{name}.parquet")
    return load(folder, only=list(of), with_everyday=False)


def _concept(id: str, name: str, *same: str, names: tuple[str, ...] = (), **more: object) -> Concept:
    return Concept(
        id=id,
        name=name,
        kind="condition",
        names=[*map(Name, names)],
        cross_references=list(same),
        **more,  # type: ignore[arg-type]
    )


# --- installing


def test_what_is_installed_says_where_it_comes_from(tmp_path: Path) -> None:
    (installed,) = install([DOID / "doid.obo"], tmp_path)
    assert (installed.name, installed.version, installed.concepts) == ("doid", "2099-01-31", 4)
    assert [(file.name, file.part, len(file.sha256)) for file in installed.inputs] == [("doid.obo", "obo", 64)]
    assert installed.licence == "CC0 1.0"
    assert installed.tool.startswith("trialpanorama ")
    concepts = load(tmp_path, only=["doid"])
    assert concepts.versions == {"doid": installed}
    assert concepts.installed("DOID:9990001") == installed


def test_all_vocabularies_of_a_folder_are_installed(tmp_path: Path) -> None:
    folder = copy("doid", tmp_path / "a" / "releases", "doid.obo")
    copy("mesh", folder, "desc2099.xml")
    (folder / "notes.txt").write_text("nothing of a vocabulary\n")
    assert [one.name for one in install([folder], tmp_path / "store")] == ["doid", "mesh"]
    assert sorted(path.name for path in (tmp_path / "store").iterdir()) == ["doid.parquet", "mesh.parquet"]


def test_a_row_that_stands_twice_is_one_concept(tmp_path: Path) -> None:
    file = copy("mondo", tmp_path / "release", "mondo.obo") / "mondo.obo"
    term = "\n[Term]\nid: MONDO:9990002\nname: disease\n"
    file.write_text(file.read_text() + term + term)
    (installed,) = install([file], tmp_path / "store")
    assert installed.concepts == len(load(tmp_path / "store", only=["mondo"])) == 3


def test_a_zip_archive_is_opened(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "tables.zip", "w") as archive:
        for name in ("HumanDO.tsv", "allXREFinDO.tsv"):
            archive.write(DOID / name, f"DO/{name}")
    doid = read("doid", tmp_path / "store", tmp_path / "tables.zip")
    assert [file.name for file in doid.versions["doid"].inputs] == ["HumanDO.tsv", "allXREFinDO.tsv"]
    assert len(doid) == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no release file of a vocabulary that is known here: it is empty"),
        (b"just some words\n", "no release file of a vocabulary"),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "no release file .*: it is a page of the web"),
        ((DOID / "doid.obo").read_text().encode("utf-16"), "no release file .*: it is UTF-16 text"),
        ((DOID / "doid.obo").read_bytes() + b"\0" * 512, "zero bytes"),
        (b"\x1f\x8b\x08\x00 this is no gzip", "damaged|cut short"),
        (b"PK\x03\x04 this is no zip", "no release file of a vocabulary"),
    ],
    ids=["empty", "text", "page", "utf-16", "hole", "gzip", "zip"],
)
def test_another_file_is_one_clear_error(content: bytes, message: str, tmp_path: Path) -> None:
    install([DOID / "doid.obo"], tmp_path / "store")
    file = tmp_path / "doid.obo"
    file.write_bytes(content)
    with pytest.raises(UserError, match=f"doid.obo.*({message}).*stays in use") as caught:
        install([file], tmp_path / "store")
    assert "\n" not in str(caught.value)
    assert len(load(tmp_path / "store", only=["doid"])) == 4


def test_a_folder_without_release_and_a_missing_path_are_errors(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="has no release file"):
        install([tmp_path / "empty"], tmp_path / "store")
    with pytest.raises(UserError, match="No such file or folder"):
        install([tmp_path / "nowhere"], tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_files_of_a_folder_that_are_no_release_files_are_named(tmp_path: Path) -> None:
    folder = copy("mesh", tmp_path / "mesh", "desc2099.xml")
    (folder / "supp2099.xml").write_bytes(b"")
    said: list[str] = []
    install([folder], tmp_path / "store", warn=said.append)
    assert said[0].partition(":")[0] == "Left out, for no release file that is known here"
    assert "supp2099.xml" in said[0]
    said.clear()
    install([folder / "desc2099.xml"], tmp_path / "store", warn=said.append)
    assert said == []


def test_a_first_release_that_is_small_beside_the_lexicon_is_told_of(tmp_path: Path) -> None:
    said: list[str] = []
    install([DOID / "doid.obo"], tmp_path, warn=said.append)
    assert len(said) == 1
    assert "has 4 concepts, the built-in lexicon 12," in said[0]
    assert said[0].endswith("trialpanorama vocabularies remove doid")
    install([FIXTURES / "hgnc"], tmp_path, force=True, warn=said.append)
    assert len(said) == 1


def test_nothing_changes_if_one_of_several_releases_cannot_be_used(tmp_path: Path) -> None:
    broken = copy("mesh", tmp_path / "release", "desc2099.xml") / "desc2099.xml"
    broken.write_bytes(broken.read_bytes()[:-200])
    with pytest.raises(UserError, match="cut short"):
        install([DOID / "doid.obo", broken], tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_two_files_of_one_kind_are_an_error(tmp_path: Path) -> None:
    shutil.copy(DOID / "doid.obo", tmp_path / "older.obo")
    with pytest.raises(UserError, match=r"both the obo of Human Disease Ontology: add one of them"):
        install([DOID / "doid.obo", tmp_path / "older.obo"], tmp_path / "store")


def test_far_fewer_concepts_need_force(tmp_path: Path) -> None:
    store = tmp_path / "store"
    install([DOID / "doid.obo"], store)
    small = tmp_path / "HumanDO.tsv"
    small.write_text('id\tlabel\tsubClassOf\n"DOID:9990003"\t"disease"\t\n')
    with pytest.raises(UserError, match=r"HumanDO\.tsv has 1 concepts, the installed 2099-01-31 has 4.*--force"):
        install([small], store)
    assert len(load(store, only=["doid"])) == 4
    install([small], store, force=True)
    assert len(load(store, only=["doid"])) == 1


def test_a_write_that_fails_leaves_the_old_one_and_no_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install([DOID / "doid.obo"], tmp_path)
    before = (tmp_path / "doid.parquet").read_bytes()

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(UserError, match=r"cannot be written \(No space left on device\)"):
        install([DOID / "doid.obo"], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["doid.parquet"]
    assert (tmp_path / "doid.parquet").read_bytes() == before


def test_the_order_in_which_files_are_given_does_not_matter(tmp_path: Path) -> None:
    given = [DOID / "HumanDO.tsv", DOID / "allXREFinDO.tsv", MESH / "desc2099.xml"]
    install(given, tmp_path / "a")
    install(given[::-1], tmp_path / "b")
    one, other = (load(tmp_path / name, only=["doid", "mesh"]) for name in "ab")
    assert [*one.all()] == [*other.all()]
    assert {name: of.version for name, of in one.versions.items()} == {
        name: of.version for name, of in other.versions.items()
    }


# --- what lies in the store


@pytest.mark.parametrize("damage", ["cut", "empty", "other"])
def test_a_damaged_installed_file_is_found_and_can_be_removed(damage: str, tmp_path: Path) -> None:
    install([DOID / "doid.obo"], tmp_path)
    path = tmp_path / "doid.parquet"
    data = path.read_bytes()
    path.write_bytes({"cut": data[: len(data) // 2], "empty": b"", "other": b"something else"}[damage])
    with pytest.raises(UserError, match=r"doid is damaged .* trialpanorama vocabularies remove doid"):
        load(tmp_path)
    _store.remove("doid", tmp_path)
    assert load(tmp_path).versions["doid"].is_built_in


def test_damaged_bytes_are_found_or_harmless(tmp_path: Path) -> None:
    install([DOID / "doid.obo"], tmp_path)
    path = tmp_path / "doid.parquet"
    data = path.read_bytes()
    whole = load(tmp_path, only=["doid"])
    found = 0
    for place in range(0, len(data), 31):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :])
        try:
            damaged = load(tmp_path, only=["doid"])
        except UserError:
            found += 1
            continue
        assert [*damaged.all()] == [*whole.all()]
    assert found > 20


def test_an_installed_vocabulary_takes_the_place_of_the_built_in_one(tmp_path: Path) -> None:
    assert load(tmp_path / "nothing", only=["doid"]).versions["doid"].is_built_in
    install([DOID / "doid.obo"], tmp_path)
    assert not load(tmp_path, only=["doid"]).versions["doid"].is_built_in
    assert load(tmp_path).versions["mesh"].is_built_in


def test_unknown_names_have_near_ones(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="mesh"):
        load(tmp_path, only=["mehs"])
    with pytest.raises(UnknownName, match="There are none"):
        _store.remove("mesh", tmp_path)


def test_the_store_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRIALPANORAMA_VOCABULARIES", str(tmp_path / "here"))
    assert default_store() == tmp_path / "here"
    monkeypatch.delenv("TRIALPANORAMA_VOCABULARIES")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert default_store() == tmp_path / "data" / "trialpanorama" / "vocabularies"


# --- concepts


def test_names_parents_and_attributes_come_back_as_they_were(tmp_path: Path) -> None:
    concept = Concept(
        id="DOID:1",
        name="lunar fever",
        kind="condition",
        names=[Name("lunar fever", "preferred"), Name("LUFE", "abbreviation"), Name("fièvre de la lune")],
        parents=["DOID:2"],
        cross_references=["MESH:D1"],
        attributes={"cas": "1-2-3", "note": "a;b"},
    )
    concepts = _concepts(tmp_path, doid=[concept, _concept("DOID:2", "disease")])
    assert concepts.get("DOID:1") == concept
    assert concepts.get("DOID:9") is None
    assert [found.id for found in concepts.all("condition")] == ["DOID:1", "DOID:2"]
    assert [*concepts.all("drug")] == []
    assert "DOID:2" in concepts


def test_ancestors_have_their_shortest_distance_and_a_cycle_ends(tmp_path: Path) -> None:
    concepts = _concepts(
        tmp_path,
        doid=[
            _concept("DOID:1", "a", parents=["DOID:2", "DOID:3"]),
            _concept("DOID:2", "b", parents=["DOID:3"]),
            _concept("DOID:3", "c", parents=["DOID:4"]),
            _concept("DOID:4", "d", parents=["DOID:1"]),
        ],
    )
    assert concepts.ancestors("DOID:1") == [("DOID:2", 1), ("DOID:3", 1), ("DOID:4", 2)]
    assert concepts.ancestors("DOID:99") == []


def test_a_chain_of_references_does_not_join_what_a_vocabulary_tells_apart(tmp_path: Path) -> None:
    concepts = _concepts(
        tmp_path,
        doid=[_concept("DOID:1", "type 1", "MESH:D1"), _concept("DOID:2", "type 2", "MONDO:2")],
        mesh=[_concept("MESH:D1", "Fever, Type 1")],
        mondo=[_concept("MONDO:2", "type 2", "MESH:D1")],
    )
    groups = {concepts.equivalents(id) for id in ("DOID:1", "DOID:2", "MESH:D1", "MONDO:2")}
    assert all(len({id.partition(":")[0] for id in group}) == len(group) for group in groups)
    assert concepts.equivalents("DOID:2") == {"DOID:2", "MONDO:2"}


def test_of_several_references_the_one_with_the_same_name_counts(tmp_path: Path) -> None:
    concepts = _concepts(
        tmp_path,
        doid=[
            _concept("DOID:1", "familial lunar fever", "MESH:D1"),
            _concept("DOID:2", "lunar fever", "MESH:D1"),
            _concept("DOID:3", "crater pox", "MESH:D2"),
            _concept("DOID:4", "rim pox", "MESH:D2"),
        ],
        mesh=[_concept("MESH:D1", "Fever, Lunar"), _concept("MESH:D2", "Poxes of the Moon")],
    )
    assert concepts.equivalents("DOID:2") == {"DOID:2", "MESH:D1"}
    assert concepts.equivalents("DOID:1") == {"DOID:1"}
    assert concepts.equivalents("MESH:D2") == {"MESH:D2"}


def test_concepts_of_one_preferred_name_are_the_same_and_a_reference_to_another_is_not(tmp_path: Path) -> None:
    concepts = _concepts(
        tmp_path,
        mesh=[
            _concept("MESH:D1", "Lunar Failure", names=("Congestive Lunar Failure",)),
            _concept("MESH:D2", "Chronic Moon Sickness", names=("Lasting Moon Sickness",)),
            _concept("MESH:D3", "End-Stage Moon Sickness"),
        ],
        mondo=[
            _concept("MONDO:1", "lunar failure"),
            _concept("MONDO:2", "congestive lunar failure", "MESH:D1"),
            _concept("MONDO:3", "lasting moon sickness", "MESH:D3"),
        ],
    )
    assert concepts.equivalents("MONDO:1") == {"MONDO:1", "MESH:D1"}
    assert concepts.equivalents("MONDO:2") == {"MONDO:2"}
    assert concepts.equivalents("MONDO:3") == {"MONDO:3"}  # another heading bears its name


def test_substances_are_joined_by_their_numbers(tmp_path: Path) -> None:
    drug = {"kind": "drug", "name": "testocillin"}
    concepts = _concepts(
        tmp_path,
        drugbank=[Concept(id="DRUGBANK:DB1", attributes={"unii": "ZZ99YY88XX"}, **drug)],  # type: ignore[arg-type]
        rxnorm=[
            Concept(id="RXCUI:1", cross_references=["UNII:ZZ99YY88XX"], **drug),  # type: ignore[arg-type]
            Concept(id="RXCUI:2", attributes={"cas": "1-1-1"}, **drug),  # type: ignore[arg-type]
        ],
        mesh=[Concept(id="MESH:D1", attributes={"unii": "ZZ99YY88XX", "cas": "1-1-1"}, **drug)],  # type: ignore[arg-type]
    )
    assert concepts.equivalents("MESH:D1") == {"DRUGBANK:DB1", "RXCUI:1", "MESH:D1"}
    assert concepts.preferred("MESH:D1", "drug") == "DRUGBANK:DB1"
    assert concepts.preferred("RXCUI:2", "drug") == "RXCUI:2"


def test_obsolete_concepts_join_nothing(tmp_path: Path) -> None:
    concepts = _concepts(
        tmp_path,
        doid=[_concept("DOID:1", "lunar fever", "MESH:D1", is_obsolete=True)],
        mesh=[_concept("MESH:D1", "Lunar Fever")],
    )
    assert concepts.equivalents("MESH:D1") == {"MESH:D1"}
    assert [concept.id for concept in concepts.all()] == ["MESH:D1"]


def test_a_name_that_denies_what_the_other_says_is_not_the_same(tmp_path: Path) -> None:
    concepts = _concepts(
        tmp_path,
        doid=[
            _concept("DOID:1", "non-lunar crater fever", "MONDO:1"),
            _concept("DOID:2", "nonlunar rim pox", "MONDO:2"),
            _concept("DOID:3", "rough fever, non-lunar", "MONDO:3"),
        ],
        mondo=[
            _concept("MONDO:1", "lunar fever of the craters"),
            _concept("MONDO:2", "pox of the rims"),
            _concept("MONDO:3", "fever of the non-lunar rough"),
        ],
    )
    assert concepts.equivalents("DOID:1") == {"DOID:1"}
    assert concepts.equivalents("DOID:2") == {"DOID:2", "MONDO:2"}
    assert concepts.equivalents("DOID:3") == {"DOID:3", "MONDO:3"}
