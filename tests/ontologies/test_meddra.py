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


@pytest.mark.parametrize(("name", "lacking"), [("llt.asc", "LLT 99000004"), ("pt.asc", "PT 99000004")])
def test_a_file_that_lacks_terms_which_the_others_name_is_cut_short(name: str, lacking: str, tmp_path: Path) -> None:
    folder = copy("meddra", tmp_path / "copy")
    (path,) = folder.rglob(name)
    rows = [row for row in path.read_text(encoding="utf-8").splitlines(keepends=True) if "99000004$Marsh" not in row]
    path.write_text("".join(rows) or "99000009$Other$99000001$$$$$$$$$\n", encoding="utf-8")
    with pytest.raises(UserError, match=rf"{name}: has no {lacking}, which the other files name: it is cut short"):
        install([folder], tmp_path / "store")
