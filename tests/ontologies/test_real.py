"""The real release files: every id and name is counted by another parser, and the vocabularies hang together."""

from __future__ import annotations

import csv
import gzip
import json
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from trialpanorama.errors import UserError
from trialpanorama.ontologies import Concepts, install, load
from trialpanorama.ontologies.ucum import Units

LOAD_SECONDS = 10
"""A machine that tests run on may be busy; alone it takes less than one."""


@pytest.fixture(scope="module")
def files(shared_data: Path) -> Path:
    return shared_data / "ontologies"


@pytest.fixture(scope="module")
def store(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vocabularies")
    install([files], folder)
    return folder


@pytest.fixture(scope="module")
def concepts(store: Path) -> Concepts:
    began = time.monotonic()
    loaded = load(store)
    assert time.monotonic() - began < LOAD_SECONDS
    return loaded


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        lines = (line for line in file if not line.startswith("#"))
        yield from csv.DictReader(lines, delimiter="\t")


def _of(concepts: Concepts, name: str) -> set[str]:
    release = concepts.versions[name]
    return {concept.id for concept in concepts.all() if concepts.installed(concept.id) is release}


def test_mesh_has_every_heading_place_and_entry_term(files: Path, concepts: Concepts) -> None:
    trees = defaultdict(set)
    with gzip.open(files / "mesh2016_tree_ui_name.psv.gz", "rt", encoding="utf-8") as file:
        for line in file:
            tree, id, _ = line.rstrip("\n").split("|")
            trees[f"MESH:{id}"].add(tree)
    assert _of(concepts, "mesh") == trees.keys()
    assert concepts.versions["mesh"].version == "2016"
    for id, places in trees.items():
        concept = concepts.get(id)
        assert concept is not None
        assert set(concept.attributes["tree_numbers"].split(";")) == places
        above = {tree.rpartition(".")[0] for tree in places} - {""}
        assert len(concept.parents) <= len(above)
        assert bool(concept.parents) == bool(above)
    with gzip.open(files / "mesh_synonyms_subset.json.gz", "rt", encoding="utf-8") as file:
        for entry in json.load(file):
            concept = concepts.get(f"MESH:{entry['id']}")
            if concept is not None and concept.id in trees:
                assert set(entry["synonyms"]) <= {name.text for name in concept.names}


def test_the_disease_ontologies_have_every_class_and_reference(files: Path, concepts: Concepts) -> None:
    root = "DOID:4"  # which has references only
    assert _of(concepts, "doid") == {row["id"] for row in _rows(files / "doid_HumanDO.tsv.gz")} | {root}
    assert dict(concepts.ancestors("DOID:2841"))[root] > 1
    referred = {row["id"]: row["xref"] for row in _rows(files / "doid_allXREFinDO.tsv.gz") if "MESH:" in row["xref"]}
    for id, reference in referred.items():
        concept = concepts.get(id)
        assert concept is not None
        assert reference in concept.cross_references
    mapped = [row for path in sorted((files / "mondo").glob("*.gz")) for row in _rows(path)]
    current = {row["subject_id"] for row in mapped if not row["subject_label"].startswith("obsolete ")}
    assert _of(concepts, "mondo") == current
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", concepts.versions["mondo"].version)


def test_every_unit_is_understood_and_the_built_in_ones_are_the_same(concepts: Concepts, tmp_path: Path) -> None:
    units = Units(concepts)
    codes = [concept.id.removeprefix("UCUM:") for concept in concepts.all("unit")]
    assert len(codes) > 300
    assert [code for code in codes if units.parse(code) is None] == []
    built_in = load(tmp_path, only=["ucum"])
    ours = Units(built_in)
    for concept in built_in.all("unit"):
        code = concept.id.removeprefix("UCUM:")
        theirs, mine = units.parse(code), ours.parse(code)
        assert theirs is not None
        assert mine is not None
        assert (mine.dimensions, mine.function) == (theirs.dimensions, theirs.function), code
        assert float(mine.factor) == pytest.approx(float(theirs.factor), rel=1e-9), code


def test_common_diseases_are_one_thing_in_three_vocabularies(concepts: Concepts) -> None:
    for mesh, doid, mondo in (
        ("MESH:D001249", "DOID:2841", "MONDO:0004979"),  # asthma
        ("MESH:D003924", "DOID:9352", "MONDO:0005148"),  # type 2 diabetes
        ("MESH:D001172", "DOID:7148", "MONDO:0008383"),  # rheumatoid arthritis
        ("MESH:D006528", "DOID:684", "MONDO:0007256"),  # hepatocellular carcinoma
    ):
        assert concepts.equivalents(doid) == {mesh, doid, mondo}
        assert concepts.preferred(mondo, "condition") == mesh


@pytest.mark.parametrize(
    "name",
    [
        "doid_HumanDO.tsv.gz",
        "drugbank_vocabulary_cc0.csv.gz",
        "ema_to_rxnorm.tsv.gz",
        "mesh2016_tree_ui_name.psv.gz",
        "ucum-essence.xml",
    ],
)
def test_half_of_a_file_is_refused_and_the_old_one_stays(name: str, files: Path, store: Path, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in store.iterdir()}
    data = (files / name).read_bytes()
    plain = gzip.decompress(data) if name.endswith(".gz") else data
    lines = plain[: plain.rindex(b"\n", 0, len(plain) // 2) + 1]
    for part, called in (
        (data[: len(data) // 2], name),
        (plain[: len(plain) // 2], name.removesuffix(".gz")),
        (lines, name.removesuffix(".gz")),
    ):
        file = tmp_path / called
        file.write_bytes(part)
        with pytest.raises(UserError, match="stays in use"):
            install([file], store)
    assert {path.name: path.read_bytes() for path in store.iterdir()} == before
