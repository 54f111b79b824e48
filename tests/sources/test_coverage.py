"""The table docs/coverage.md says how much each source reads, counted on the fixtures; here it is made and held.

After a change that is meant, write it anew and read the difference before you commit it:

    TRIALPANORAMA_WRITE_GOLDEN=1 python -m pytest tests/sources/test_coverage.py
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from trialpanorama import sources
from trialpanorama.apps.coverage import MAPPED_FIELDS, Coverage
from trialpanorama.apps.pages import markdown
from trialpanorama.record import Record

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "coverage.md"
HEAD = f"""<!-- Made by tests/sources/test_coverage.py; see there. -->
# How much each source reads

For each source: which formats of its own it reads and whether ICTRP's exports carry its records too, and how many of
the {len(MAPPED_FIELDS)} fields that most registers publish its fixtures fill (three or more hand-written entries each,
with the expected Records beside them in `tests/fixtures`). *Fields* counts those that at least one entry fills, *mean*
the share that an entry fills on average. What a register does not publish cannot be filled: the last column names it.
How full the fields are on real files is measured by `python benchmarks/coverage.py FOLDER...`.

"""


def entries(name: str) -> list[dict[str, Any]]:
    goldens = sorted((FIXTURES / name).rglob("*.golden.json"))
    return [entry for path in goldens for entry in msgspec.json.decode(path.read_bytes()) if "id" in entry]


def fixture_coverage(name: str) -> Coverage:
    return Coverage(msgspec.convert(entry, Record) for entry in entries(name))


def page() -> str:
    rows = []
    in_ictrp = {entry.get("register") for entry in entries("ictrp")}
    for source in sources.sources().values():
        found = fixture_coverage(source.name)
        formats = ", ".join(given.name for given in (*source.formats, *source.collections))
        how = f"native: {formats}"
        if source.name != "ictrp" and in_ictrp & {*source.registers}:
            how += "; and through ictrp"
        missing = [name for name, share in found.shares.items() if not share]
        shown = f"{found.fields}/{len(MAPPED_FIELDS)}"
        rows.append([f"`{source.name}`", how, str(found.records), shown, f"{found.mean:.0%}", ", ".join(missing)])
    columns = ["source", "how it is read", "entries", "fields", "mean", "never filled"]
    return HEAD + markdown(columns, rows)


def test_the_coverage_table_is_that_of_the_fixtures() -> None:
    text = page()
    if os.environ.get("TRIALPANORAMA_WRITE_GOLDEN"):
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text, "docs/coverage.md is stale: see the top of this file"


def test_every_registry_fills_most_of_the_mapped_fields() -> None:
    assert len(MAPPED_FIELDS) == 30
    for source in sources.sources().values():
        found = fixture_coverage(source.name)
        assert found.shares["its own id"] == 1
        if set(source.registers) - {"pubmed", "pmc", "cochrane", "doi"}:
            assert found.fields >= 20, source.name
