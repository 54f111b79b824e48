"""Searches from the command line: what was read, what was found, and the record of it for a paper."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from trialpanorama.apps.console import Reporter, table
from trialpanorama.search import Search, to_text
from trialpanorama.search.index import Found, Index, Limits
from trialpanorama.search.patients import Patient
from trialpanorama.search.ranked import Ranked
from trialpanorama.warehouse import Warehouse


def reading_facts(search: Search) -> dict[str, Any]:
    """How a query was read."""
    return {
        "syntax": search.syntax,
        "tree": msgspec.to_builtins(search.tree),
        "printed": to_text(search),
        "notes": list(search.notes),
    }


def find(warehouse: Warehouse, search: Search, limits: Limits, *, most: int, ranking: str) -> Found:
    """Search a warehouse, first making the index, and the vectors for a ranking that needs them, if it has none."""
    is_ranked = search.syntax == "plain" and ranking != "bm25"
    opened = Ranked if is_ranked else Index
    with Reporter() as reporter:
        if not opened.is_ready(warehouse):
            reporter.update("index", 0)
        index = opened.open(warehouse)
    if isinstance(index, Ranked):
        return index.search(to_text(search), limits, ranking=ranking, most=most)
    return index.search(search, limits, most=most)


def found_facts(query: str, search: Search, found: Found, limits: Limits) -> dict[str, Any]:
    """What a search found, as JSON."""
    return {
        "query": query,
        "syntax": search.syntax,
        "printed": to_text(search),
        "snapshot": found.snapshot,
        "before": limits.before,
        "patient": msgspec.to_builtins(limits.patient),
        "ranking": found.ranking,
        "total": found.total,
        "hits": [msgspec.to_builtins(hit) for hit in found.hits],
        "notes": list(found.notes),
    }


def found_text(found: Found) -> str:
    """What a search found, for a terminal."""
    rows = [[hit.id, hit.kind, hit.date, hit.score, hit.title] for hit in found.hits]
    leaves_none_out = found.ranking in ("dense", "fused")
    lines = [f"{found.total:,} {'ranked' if leaves_none_out else 'found'} in snapshot {found.snapshot}"]
    if rows:
        lines += ["", table(["id", "kind", "date", "score", "title"], rows, widest=80)]
    return "\n".join(lines)


def patient_text(patient: Patient) -> str:
    """What is known of a patient, such as "45 years old, male"."""
    age = [f"{patient.age_years:g} years old"] if patient.age_years is not None else []
    return ", ".join([*age, *([patient.sex.lower()] if patient.sex else [])]) or "of unknown age and sex"


def search_record(warehouse: Warehouse, query: str, search: Search, found: Found, limits: Limits) -> str:
    """The record of a search that PRISMA-S asks for, as Markdown (Rethlefsen 2021, doi:10.1186/s13643-020-01542-z).

    It names the database with its snapshot, sources and dates (items 1, 2 and 13), the query as typed and as read (8),
    limits (9) and the number found (15).
    """
    manifest = warehouse.manifest
    sources = [f"| {one.title} | {one.records:,} | {one.newest or ''} |" for one in manifest.sources]
    said = [f"published or registered before {limits.before}"] if limits.before else []
    said += [f"{name} is {value}" for name, value in limits.only.items()]
    if limits.patient:
        said += [f"trials that take a patient {patient_text(limits.patient)}"]
    notes = [f"- {note}" for note in found.notes]
    parts = [
        "# Record of a search",
        f"- Database: TrialPanorama warehouse, snapshot `{found.snapshot}`, built {manifest.built}"
        + (" from FICTIONAL data" if manifest.is_fictional else ""),
        f"- Tool: trialpanorama {manifest.tool_version}; query language: {search.syntax}"
        + (f", ranked by {found.ranking}" if search.syntax == "plain" else ""),
        f"- Date of the search: {datetime.now(UTC).date()}",
        f"- Limits: {'; '.join(said) or 'none'}",
        f"- Found: {found.total:,}",
        "",
        "## Query as typed",
        "",
        *(f"    {line}" for line in query.strip("\n").splitlines()),
        "",
        "## Query as read",
        "",
        f"    {to_text(search)}",
        "",
        *(["## Notes", "", *notes, ""] if notes else []),
        "## Sources in the snapshot",
        "",
        "| source | records | newest entry |",
        "| --- | --- | --- |",
        *sources,
        "",
    ]
    return "\n".join(parts)


def write_record(path: Path, text: str) -> None:
    """Write the record of a search beside what it is for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
