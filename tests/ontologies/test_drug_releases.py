"""For every vocabulary of drugs, genes and adverse events: damage is one clear error, and the old one stays."""

from __future__ import annotations

import gzip
import shutil
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ontologies.releases import FIXTURES, copy
from trialpanorama.errors import UserError
from trialpanorama.ontologies import HEAD_BYTES, Concept, install, load, vocabularies

RELEASES: dict[str, tuple[str, ...]] = {
    "atc": ("2026 ATC.csv",),
    "chembl": ("molecule_dictionary.tsv", "molecule_synonyms.tsv", "molecule_hierarchy.tsv"),
    "drugbank": ("drugbank vocabulary.csv",),
    "drugcentral": (),
    "ema": ("ema_to_rxnorm.tsv",),
    "hgnc": ("hgnc_complete_set.txt",),
    "meddra": (),
    "rxnorm": (),
}
"""By vocabulary, the files of one release; none: all files of the fixture."""
MAIN = {
    "atc": "2026 ATC.csv",
    "chembl": "molecule_dictionary.tsv",
    "drugbank": "drugbank vocabulary.csv",
    "drugcentral": "drug.target.interaction.tsv",
    "ema": "ema_to_rxnorm.tsv",
    "hgnc": "hgnc_complete_set.txt",
    "meddra": "pt.asc",
    "rxnorm": "RXNCONSO.RRF",
}


def _release(name: str, folder: Path) -> Path:
    return copy(name, folder, *RELEASES[name])


def _all(store: Path, name: str) -> list[Concept]:
    return list(load(store, only=[name], with_everyday=False).all())


@pytest.mark.parametrize("name", RELEASES)
def test_a_release_reads_the_same_twice_and_zipped(name: str, tmp_path: Path) -> None:
    release = _release(name, tmp_path / "release")
    (first,) = install([release], tmp_path / "a")
    (again,) = install([release], tmp_path / "a")
    archive = tmp_path / "release.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(release.rglob("*")):
            if path.is_file():
                packed.write(path, path.relative_to(release))
    (zipped,) = install([archive], tmp_path / "b")
    assert (first.name, first.concepts, first.version) == (again.name, again.concepts, again.version)
    assert first.name == zipped.name == name
    assert _all(tmp_path / "a", name) == _all(tmp_path / "b", name) != []


@pytest.mark.parametrize("name", [name for name in RELEASES if name != "meddra"])
def test_a_file_may_be_gzipped(name: str, tmp_path: Path) -> None:
    install([_release(name, tmp_path / "plain")], tmp_path / "a")
    packed = _release(name, tmp_path / "packed")
    for path in [path for path in packed.rglob("*") if path.is_file()]:
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
        path.unlink()
    install([packed], tmp_path / "b")
    assert _all(tmp_path / "a", name) == _all(tmp_path / "b", name)


@pytest.mark.parametrize("name", RELEASES)
def test_a_file_that_is_cut_short_leaves_the_old_one_in_use(name: str, tmp_path: Path) -> None:
    store = tmp_path / "store"
    install([_release(name, tmp_path / "whole")], store)
    before = _all(store, name)
    cut = _release(name, tmp_path / "cut")
    (main,) = cut.rglob(MAIN[name])
    data = main.read_bytes().rstrip()
    main.write_bytes(data[: data.rindex(b"\n") + 4] if data.count(b"\n") else data[: len(data) // 2])
    with pytest.raises(UserError) as caught:
        install([cut], store)
    message = str(caught.value)
    assert MAIN[name] in message
    assert "stays in use" in message
    assert "\n" not in message
    assert _all(store, name) == before


@pytest.mark.parametrize("name", RELEASES)
def test_a_damaged_archive_leaves_the_old_one_in_use(name: str, tmp_path: Path) -> None:
    store = tmp_path / "store"
    release = _release(name, tmp_path / "whole")
    install([release], store)
    before = _all(store, name)
    shutil.make_archive(str(tmp_path / "damaged"), "zip", release)
    archive = tmp_path / "damaged.zip"
    data = bytearray(archive.read_bytes())
    for place in range(len(data) // 4, len(data) // 4 + 40):
        data[place] ^= 0xFF
    archive.write_bytes(bytes(data))
    with pytest.raises(UserError):
        install([archive], store)
    assert _all(store, name) == before


def test_a_list_that_ends_in_the_middle_of_a_line_is_cut_short(tmp_path: Path) -> None:
    folder = copy("drugcentral", tmp_path / "copy")
    path = folder / "PMDA_Approved.csv"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(UserError, match=r"PMDA_Approved\.csv: ends in the middle of a line"):
        install([folder], tmp_path / "store")


@pytest.mark.parametrize("name", RELEASES)
def test_a_web_page_in_its_place_is_no_release(name: str, tmp_path: Path) -> None:
    page = tmp_path / MAIN[name]
    page.write_text("<!DOCTYPE html><html><body>Please log in to download</body></html>\n")
    with pytest.raises(UserError, match="no release file of a vocabulary"):
        install([page], tmp_path / "store")


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("drugbank", "Common name", "Name", "no release file"),
        ("drugbank", ",CAS,", ",Number,", "has no column CAS"),
        ("hgnc", "locus_type", "type of locus", "has no column locus_type"),
        ("ema", "rxcui", "rx", "column rxcui|no release file"),
        ("chembl", "chembl_id", "id", "no release file"),
        ("drugcentral", "STRUCT_ID", "ID", "no release file"),
        ("atc", "ATC code", "Thing", "no release file"),
        ("rxnorm", "|ENG|", "|", "has 17 cells in line 1, 18 are expected"),
        ("rxnorm", "|ENG|", "|ENG|new|", "has 19 cells in line 1, 18 are expected"),
        ("meddra", "Marsh fever$", "Marsh fever", "has 10 cells in line 1, 11 are expected"),
    ],
)
def test_another_layout_is_refused(name: str, old: str, new: str, said: str, tmp_path: Path) -> None:
    store = tmp_path / "store"
    install([_release(name, tmp_path / "whole")], store)
    before = _all(store, name)
    changed = copy(name, tmp_path / "changed", MAIN[name])
    (main,) = changed.rglob(MAIN[name])
    text = main.read_bytes().decode()
    assert old in text
    main.write_bytes(text.replace(old, new).encode())
    given = changed if name in ("rxnorm", "meddra") else main  # whose other files stand beside it
    for path in () if given == main else sorted(_release(name, tmp_path / "beside").rglob("*.*")):
        if path.is_file() and path.name != MAIN[name]:
            (main.parent / path.name).write_bytes(path.read_bytes())
    with pytest.raises(UserError, match=said):
        install([given], store)
    assert _all(store, name) == before


@pytest.mark.parametrize("name", RELEASES)
def test_it_says_how_it_is_got(name: str) -> None:
    vocabulary = vocabularies()[name]
    assert (vocabulary.fetch is None) != (vocabulary.no_fetch is None)
    assert all((vocabulary.licence, vocabulary.how_to_get, *(part.meaning for part in vocabulary.parts)))
    assert vocabulary.home_page.startswith("https://")


def test_what_may_not_be_passed_on() -> None:
    closed = {name for name in RELEASES if not vocabularies()[name].is_open}
    assert closed == {"atc", "ema", "meddra"}


def test_every_fixture_is_recognised_by_its_vocabulary_alone() -> None:
    for name in RELEASES:
        for path in sorted((FIXTURES / name).rglob("*.*")):
            head = path.read_bytes()[:HEAD_BYTES]
            known = [
                (vocabulary.name, part.name)
                for vocabulary in vocabularies().values()
                for part in vocabulary.parts
                if part.recognise(head, path.name)
            ]
            assert [of for of, _ in known] == [name], path


@settings(derandomize=True, max_examples=150, deadline=None)
@given(
    head=st.one_of(
        st.binary(max_size=200),
        st.text(max_size=200).map(str.encode),
        st.lists(st.sampled_from(['"', ",", "\t", "|", "$", "\n", "\r", "A", "A01", "DB00001", "\x00", ";"])).map(
            lambda pieces: "".join(pieces).encode()
        ),
    ),
    name=st.sampled_from([*MAIN.values(), "FDA_Approved.csv", "meddra_release.asc", "x.bin"]),
)
def test_anything_at_all_can_be_asked_what_it_is(head: bytes, name: str) -> None:
    for vocabulary in RELEASES:
        for part in vocabularies()[vocabulary].parts:
            assert part.recognise(head, name) in (True, False)
