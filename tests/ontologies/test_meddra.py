"""How MedDRA is read: native releases with made-up entries."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ontologies.releases import FIXTURES, copy, get, names, read
from trialpanorama.errors import UserError
from trialpanorama.ontologies import install


def test_terms_of_every_level(tmp_path: Path) -> None:
    terms = read("meddra", tmp_path)
    assert {concept.id: (concept.name, concept.attributes["level"]) for concept in terms.all("event")} == {
        "MEDDRA:99000001": ("Marsh disorders", "SOC"),
        "MEDDRA:99000002": ("Marsh fevers and related", "HLGT"),
        "MEDDRA:99000003": ("Marsh fevers NEC", "HLT"),
        "MEDDRA:99000004": ("Marsh fever", "PT"),
        "MEDDRA:99000005": ("Fever of the marsh", "LLT"),
    }
    assert terms.ancestors("MEDDRA:99000005") == [
        ("MEDDRA:99000004", 1),
        ("MEDDRA:99000003", 2),
        ("MEDDRA:99000002", 3),
        ("MEDDRA:99000001", 4),
    ]
    preferred = get(terms, "MEDDRA:99000004")
    assert preferred.attributes["primary_soc"] == "MEDDRA:99000001"
    assert names(terms, "MEDDRA:99000001") == {"Marsh disorders": "preferred", "Marsh": "abbreviation"}
    assert get(terms, "MEDDRA:99000006").is_obsolete


def test_the_version_is_in_the_release_file_or_the_folder(tmp_path: Path) -> None:
    assert read("meddra", tmp_path / "a").versions["meddra"].version == "99.1"
    folder = copy("meddra", tmp_path / "copy")
    (said,) = folder.rglob("meddra_release.asc")
    said.unlink()
    assert read("meddra", tmp_path / "b", folder).versions["meddra"].version == "99.1"


def test_a_part_of_the_distribution_is_refused(tmp_path: Path) -> None:
    (path,) = (FIXTURES / "meddra").rglob("pt.asc")
    with pytest.raises(UserError, match=r"stands without llt\.asc"):
        install([path], tmp_path)
