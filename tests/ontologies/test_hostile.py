"""Whatever a file holds: it is a release, or one clear error; nothing else happens."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ontologies.releases import FIXTURES
from trialpanorama.errors import UserError
from trialpanorama.ontologies import install, load, vocabularies

RELEASES = {
    "mesh-xml": ("mesh/desc2099.xml", "mesh/supp2099.xml"),
    "mesh-ascii": ("mesh/d2099.bin", "mesh/mtrees2099.bin"),
    "mesh-ascii-supplement": ("mesh/c2099.bin", "mesh/d2099.bin"),
    "mesh-table": ("mesh/mesh2099_tree_ui_name.psv", "mesh/synonyms.json"),
    "doid-obo": ("doid/doid.obo",),
    "doid-tables": ("doid/HumanDO.tsv", "doid/allXREFinDO.tsv"),
    "mondo-obo": ("mondo/mondo.obo", "mondo/mondo_exactmatch_mesh.sssom.tsv"),
    "mondo-mappings": ("mondo/mondo_exactmatch_doid.sssom.tsv", "mondo/mondo_exactmatch_mesh.sssom.tsv"),
    "ucum": ("ucum/ucum-essence.xml",),
    "drugbank": ("drugbank/drugbank vocabulary.csv",),
    "hgnc": ("hgnc/hgnc_complete_set.txt",),
    "ema": ("ema/ema_to_rxnorm.tsv",),
    "atc": ("atc/2026 ATC.csv",),
    "atc-xml": ("atc/2026 ATC.xml",),
    "rxnorm-names": tuple(f"rxnorm/rrf/{name}.RRF" for name in ("RXNCONSO", "RXNREL", "RXNSAT")),
    "rxnorm-relationships": tuple(f"rxnorm/rrf/{name}.RRF" for name in ("RXNREL", "RXNCONSO")),
    "drugcentral-targets": ("drugcentral/drug.target.interaction.tsv", "drugcentral/structures.smiles.tsv"),
    "drugcentral-list": ("drugcentral/FDA_Approved.csv", "drugcentral/structures.smiles.tsv"),
    "chembl": ("chembl/molecule_dictionary.tsv", "chembl/molecule_synonyms.tsv"),
    "meddra": tuple(
        f"meddra/MedDRA_99_1_English/MedAscii/{name}.asc"
        for name in ("llt", "pt", "hlt", "hlgt", "soc", "hlt_pt", "hlgt_hlt", "soc_hlgt")
    ),
}
"""The files of a release; the first is damaged."""
_BITS = (b'"', b"\t", b"\n", b"|", b"<", b"&x;", b"\x00", b"\xff\xfe", b": ", b"\r", b"[", b"{", b"9" * 40)


def _damaged(data: bytes, chance: random.Random) -> bytes:
    """One to three changes: a cut, a piece lost, a piece doubled, a byte changed, something put in."""
    for _ in range(chance.randint(1, 3)):
        start = chance.randrange(max(len(data), 1))
        end = min(start + chance.randint(1, 60), len(data))
        data = chance.choice(
            (
                data[:start],
                data[:start] + data[end:],
                data[:end] + data[start:],
                data[:start] + bytes([chance.randrange(256)]) + data[start + 1 :],
                data[:start] + chance.choice(_BITS) + data[start:],
            )
        )
    return data


@pytest.mark.parametrize("name", RELEASES)
def test_a_damaged_file_is_a_release_or_one_clear_error(name: str, tmp_path: Path) -> None:
    first, *others = (FIXTURES / path for path in RELEASES[name])
    chance = random.Random(f"damaged {name}")
    errors = 0
    for number in range(60):
        file = tmp_path / first.name
        file.write_bytes(_damaged(first.read_bytes(), chance))
        store = tmp_path / str(number)
        message = ""
        try:
            install([file, *others], store)
        except UserError as error:
            message = str(error)
        if message:
            errors += 1
            assert message.isprintable()
            assert any(str(given) in message for given in (file, *others))
            assert not store.exists()
            continue
        for concept in load(store, only=[one.removesuffix(".parquet") for one in map(_name, store.iterdir())]).all():
            assert concept.id
            assert concept.name.strip()
        shutil.rmtree(store)
    assert errors > 10


def _name(path: Path) -> str:
    return path.name


_HEADS = st.binary(max_size=300) | st.text(max_size=200).map(str.encode)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(_HEADS, st.sampled_from(["doid.obo", "x.csv", "RXNCONSO.RRF", "pt.asc", "data"]))
def test_any_bytes_can_be_asked_what_they_are(head: bytes, name: str) -> None:
    for vocabulary in vocabularies().values():
        for part in vocabulary.parts:
            assert part.recognise(head, name) in (True, False)


@pytest.mark.parametrize("name", sorted(path.name for path in FIXTURES.iterdir()))
def test_every_fixture_file_is_known_as_one_part_of_its_own_vocabulary(name: str) -> None:
    """No two vocabularies claim the same file."""
    for path in sorted((FIXTURES / name).rglob("*")):
        if not path.is_file():
            continue
        head = path.read_bytes()[:65_536]
        claimed = [
            (vocabulary.name, part.name)
            for vocabulary in vocabularies().values()
            for part in vocabulary.parts
            if part.recognise(head, path.name.removesuffix(".gz"))
        ]
        assert len(claimed) <= 1, path
        assert [vocabulary for vocabulary, _ in claimed] in ([name], []), path
