"""Every fixture of every source gives exactly the Records and Rejects that lie beside it as readable JSON.

A fixture is `tests/fixtures/SOURCE/FILE`; what is expected of it is `FILE.golden.json`, a list in the order of the
input. After a change that is meant, write them anew and read the difference before you commit it:

    TRIALPANORAMA_WRITE_GOLDEN=1 python -m pytest tests/sources/test_golden.py
"""

from __future__ import annotations

import gzip
import io
import os
from pathlib import Path

import msgspec
import pytest

from trialpanorama import ingest, sources
from trialpanorama.record import Record, Reject

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"


def inputs_of(name: str) -> list[Path]:
    """The fixtures of a source: files, and folders whose files are one collection."""
    files = [p for p in (FIXTURES / name).rglob("*") if p.is_file() and not p.name.endswith(".golden.json")]
    return sorted(Path(found.path) for found in ingest.find_inputs(files)) if files else []


INPUTS = [path for name in sources.sources() for path in inputs_of(name)]


def collected(path: Path) -> list[Record | Reject]:
    """What a collection gives, an unpacked one too, without what ingest adds."""
    (found,) = ingest.find_inputs([path] if path.is_file() else path.iterdir())
    outcomes = list(ingest.read_piece(ingest.Piece(found)))
    for outcome in outcomes:
        outcome.place.file = outcome.place.file_sha256 = ""
        if isinstance(outcome, Record):
            outcome.record_id = ""
    return outcomes


def outcomes_of(path: Path) -> str:
    """What the source makes of a fixture, as the text of its golden file."""
    data = path.read_bytes() if path.is_file() else b""
    if not data or (data.startswith(b"PK") and ingest.is_zip_archive(io.BytesIO(data))):
        return _as_text(collected(path))
    if data.startswith(b"\x1f\x8b"):
        data = gzip.decompress(data)
    source = sources.source(path.relative_to(FIXTURES).parts[0])
    format = next((f for f in source.formats if f.recognise(data[: sources.HEAD_BYTES])), None)
    assert format is not None, f"{source.name} does not recognise {path.name}"
    return _as_text(list(format.outcomes(io.BytesIO(data), path.name)))


def _as_text(outcomes: list[Record | Reject]) -> str:
    return msgspec.json.format(msgspec.json.encode(msgspec.to_builtins(outcomes)), indent=2).decode() + "\n"


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: "/".join(path.relative_to(FIXTURES).parts))
def test_a_fixture_gives_what_its_golden_file_says(path: Path) -> None:
    golden = path.with_name(path.name + ".golden.json")
    found = outcomes_of(path)
    if os.environ.get("TRIALPANORAMA_WRITE_GOLDEN"):
        golden.write_text(found, encoding="utf-8")
    assert golden.exists(), f"no {golden.name}: see the top of this file"
    assert found == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sources.sources())
def test_every_source_has_three_entries_or_more_in_its_own_registers_name(name: str) -> None:
    source = sources.source(name)
    read = [
        entry
        for path in INPUTS
        if path.relative_to(FIXTURES).parts[0] == name
        for entry in msgspec.json.decode(path.with_name(path.name + ".golden.json").read_bytes())
        if "id" in entry
    ]
    assert len(read) >= 3
    assert {entry.get("register") for entry in read} <= {*source.registers, None}


def test_no_golden_file_has_lost_its_fixture() -> None:
    orphans = [path for path in FIXTURES.rglob("*.golden.json") if path.with_name(path.name[:-12]) not in INPUTS]
    assert orphans == []
