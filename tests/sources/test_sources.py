"""The shape of a source plug-in: what every file in sources/ has, so that nothing else has to know of it."""

from __future__ import annotations

import gzip
import pkgutil
from functools import partial
from pathlib import Path

import pytest

from trialpanorama import identifiers, sources
from trialpanorama.errors import UnknownName
from trialpanorama.sources import HEAD_BYTES, Source

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
NAMES = sorted(module.name for module in pkgutil.iter_modules(sources.__path__) if not module.name.startswith("_"))


def fixtures_of(name: str) -> list[Path]:
    """The input files of a source's fixtures, without what is expected of them."""
    found = (path for path in (FIXTURES / name).rglob("*") if path.is_file())
    return sorted(path for path in found if not path.name.endswith(".golden.json"))


def head_of(path: Path) -> bytes:
    data = path.read_bytes()
    return (gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data)[:HEAD_BYTES]


def recognising(head: bytes) -> list[tuple[str, str]]:
    return [(s.name, f.name) for s in sources.sources().values() for f in s.formats if f.recognise(head)]


def test_every_file_is_a_source_of_that_name() -> None:
    assert NAMES
    assert list(sources.sources()) == NAMES
    assert [source.name for source in sources.sources().values()] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_text_says_something(name: str) -> None:
    source = sources.source(name)
    texts = [getattr(source, field) for field in Source.__struct_fields__ if isinstance(getattr(source, field), str)]
    texts += [text for given in (*source.formats, *source.collections) for text in (given.name, given.meaning)]
    assert all(text.strip() == text and text for text in texts)
    assert source.home_page.startswith("https://")
    assert source.obtain.endswith(".")


@pytest.mark.parametrize("name", NAMES)
def test_formats_have_names_of_their_own_and_registers_are_known(name: str) -> None:
    source = sources.source(name)
    names = [given.name for given in (*source.formats, *source.collections)]
    assert names
    assert len(set(names)) == len(names)
    assert source.registers
    assert set(source.registers) <= set(identifiers.REGISTERS)


@pytest.mark.parametrize("name", NAMES)
def test_every_format_has_a_fixture(name: str) -> None:
    recognised = {found for path in fixtures_of(name) for found in recognising(head_of(path))}
    assert {(name, format.name) for format in sources.source(name).formats} <= recognised


@pytest.mark.parametrize("name", [name for name in NAMES if sources.source(name).collections])
def test_every_collection_has_a_fixture_in_a_folder_and_takes_no_other_files(name: str) -> None:
    chosen = set()
    for folder in {path.parent for other in NAMES for path in fixtures_of(other)}:
        names = sorted(path.name for path in folder.iterdir() if path.is_file())
        found = sources.choose_collection(names, partial(_head_in, folder))
        assert found is None or found[0].name == folder.relative_to(FIXTURES).parts[0]
        chosen |= {found[1].name} if found and found[0].name == name else set()
    assert chosen == {collection.name for collection in sources.source(name).collections}


def _head_in(folder: Path, name: str) -> bytes:
    return (folder / name).read_bytes()[:HEAD_BYTES]


@pytest.mark.parametrize("path", [p for name in NAMES for p in fixtures_of(name)], ids=lambda path: path.name)
def test_no_fixture_is_recognised_twice_or_by_another_source(path: Path) -> None:
    found = recognising(head_of(path))
    assert len(found) <= 1
    assert all(source == path.relative_to(FIXTURES).parts[0] for source, _ in found)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\xef\xbb\xbf",
        b"\0" * 1000,
        b"\xff" * 1000,
        b"{}",
        b"[]",
        b"<html><body>Sign in</body></html>",
        b"name,age\nx,1\n",
        b"PK\x03\x04",
        b"%PDF-1.7",
        b"TY  - JOUR\nTI  - x\nER  - \n",
        b"<article><title/></article>",
    ],
)
def test_what_is_no_registry_data_is_recognised_by_none(head: bytes) -> None:
    assert recognising(head) == []


def test_an_unknown_source_is_told_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="pubmed"):
        sources.source("pubmeed")
