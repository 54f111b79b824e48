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

from trialpanorama import sources

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
INPUTS = sorted(
    path
    for name in sources.sources()
    for path in (FIXTURES / name).rglob("*")
    if path.is_file() and not path.name.endswith(".golden.json")
)


def outcomes_of(path: Path) -> str:
    """What the source makes of a fixture, as the text of its golden file."""
    data = path.read_bytes()
    if data.startswith(b"\x1f\x8b"):
        data = gzip.decompress(data)
    source = sources.source(path.relative_to(FIXTURES).parts[0])
    source = sources.source(source.through) if source.through else source
    format = next((f for f in source.formats if f.recognise(data[: sources.HEAD_BYTES])), None)
    assert format is not None, f"{source.name} does not recognise {path.name}"
    outcomes = msgspec.to_builtins(list(format.outcomes(io.BytesIO(data), path.name)))
    return msgspec.json.format(msgspec.json.encode(outcomes), indent=2).decode() + "\n"


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
