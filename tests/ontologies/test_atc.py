"""How ATC is read: native releases with made-up entries."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ontologies.releases import FIXTURES, get, read
from trialpanorama.errors import UserError
from trialpanorama.ontologies import install

ATC = FIXTURES / "atc"


def test_levels_are_parents(tmp_path: Path) -> None:
    classes = read("atc", tmp_path, ATC / "2026 ATC.csv")
    assert {concept.id: (concept.name, concept.kind, concept.attributes["level"]) for concept in classes.all()} == {
        "ATC:L": ("ANTINEOPLASTIC AND IMMUNOMODULATING AGENTS OF A MARSH", "other", "1"),
        "ATC:L99": ("MARSH AGENTS", "other", "2"),
        "ATC:L99E": ("OTHER MARSH AGENTS", "other", "3"),
        "ATC:L99EX": ("Other marsh agents", "other", "4"),
        "ATC:L99EX01": ("zelvotinib", "drug", "5"),
        "ATC:L99EX02": ("marsupine, combinations", "drug", "5"),
    }
    assert classes.ancestors("ATC:L99EX01") == [("ATC:L99EX", 1), ("ATC:L99E", 2), ("ATC:L99", 3), ("ATC:L", 4)]
    assert classes.versions["atc"].version == "2026"


@pytest.mark.parametrize("file", ["two columns.tsv", "2026 ATC.xml"])
def test_other_ways_in_which_it_is_written(file: str, tmp_path: Path) -> None:
    classes = read("atc", tmp_path, ATC / file)
    assert [concept.id for concept in classes.all()] == ["ATC:L", "ATC:L99", "ATC:L99EX01"]
    drug = get(classes, "ATC:L99EX01")
    assert (drug.name, drug.parents) == ("zelvotinib", [])


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("Code;Name\nL;MARSH AGENTS\nL99;MARSH AGENTS, OTHER\n", ";"),
        ("atc_code,atc_name,ddd\nL,MARSH AGENTS,NA\nL99,OTHER,NA\n", ","),
        ("L,MARSH AGENTS\nL99,OTHER\n", ","),
        ("name\tcode\nMARSH AGENTS\tL\nOTHER\tL99\n", "\t"),
    ],
    ids=["semicolon", "more-columns", "no-header", "name-first"],
)
def test_what_users_export(text: str, delimiter: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(text)
    classes = read("atc", tmp_path / "store", path)
    assert [concept.id for concept in classes.all()] == ["ATC:L", "ATC:L99"]


def test_codes_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("code,name\nL,MARSH AGENTS\nL9,OTHER\n")
    with pytest.raises(UserError, match='"L9"'):
        install([path], tmp_path / "store")
    xml = tmp_path / "ATC.xml"
    xml.write_text((ATC / "2026 ATC.xml").read_text(encoding="utf-8")[:-40], encoding="utf-8")
    with pytest.raises(UserError, match="no complete XML"):
        install([xml], tmp_path / "store")


def test_a_table_that_is_cut_in_a_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "2026 ATC.csv"
    path.write_bytes((ATC / "2026 ATC.csv").read_bytes()[:-4])
    with pytest.raises(UserError, match="in the middle of a line"):
        install([path], tmp_path / "store")


def test_the_index_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "2026 ATC.xml"
    path.write_bytes(b"\xef\xbb\xbf" + (ATC / "2026 ATC.xml").read_bytes())
    assert len(read("atc", tmp_path / "store", path)) == 3
