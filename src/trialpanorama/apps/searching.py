"""Searches from the command line: what was read, what was found, and the record of it for a paper."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from trialpanorama.apps.console import Reporter, table
from trialpanorama.errors import UserError
from trialpanorama.search import Search, to_text
from trialpanorama.search.documents import abstracts
from trialpanorama.search.embedding import Encoder
from trialpanorama.search.headings import tree
from trialpanorama.search.highlights import highlight
from trialpanorama.search.index import Found, Highlight, Index, Limits
from trialpanorama.search.patients import Patient
from trialpanorama.search.ranked import ENCODED, Ranked
from trialpanorama.search.translation import translate
from trialpanorama.warehouse import Warehouse


def reading_facts(search: Search) -> dict[str, Any]:
    """How a query was read, and what it means by the MeSH that is installed."""
    translated = None if search.syntax == "plain" else translate(search, tree().names)
    return {
        "syntax": search.syntax,
        "tree": msgspec.to_builtins(search.tree),
        "printed": to_text(search),
        "notes": list(translated.search.notes if translated else search.notes),
        "translated": to_text(translated.search) if translated else None,
        "translations": msgspec.to_builtins(translated.translations) if translated else [],
    }


def find(
    warehouse: Warehouse,
    search: Search,
    limits: Limits,
    *,
    most: int,
    ranking: str,
    encoder: str | None = None,
    facets: bool = False,
    highlights: bool = False,
) -> Found:
    """Search a warehouse, first making the index, and the vectors for a ranking that needs them, if it has none."""
    if ranks_all(search, ranking) and facets:
        raise UserError(
            f"The ranking {ranking} leaves nothing out, so there is nothing to count. Write --ranking bm25."
        )
    if encoder is not None and ranking not in ENCODED:
        raise UserError(f"The ranking {ranking} takes no encoder. Write --ranking {' or '.join(ENCODED)}.")
    index = open_index(warehouse, search, ranking, encoder)
    found = look(index, search, limits, most=most, ranking=ranking, facets=facets)
    return mark(warehouse, index, search, found) if highlights else found


def ranks_all(search: Search, ranking: str) -> bool:
    """Whether a search orders all documents by how near they are, instead of finding some of them."""
    return search.syntax == "plain" and ranking != "bm25"


def open_index(warehouse: Warehouse, search: Search, ranking: str, encoder: str | None = None) -> Index | Ranked:
    """What a search needs of a warehouse, made first if it is not there.

    A ranking that needs an encoder takes this one, else the one that is installed.
    """
    opened = Ranked if ranks_all(search, ranking) else Index
    with Reporter() as reporter:
        loaded = Encoder(encoder) if opened is Ranked and ranking in ENCODED else None
        if opened is Index:
            return Index.open(warehouse, lambda done, total: reporter.update("index", done, total, "documents"))
        return Ranked.open(warehouse, loaded, told(reporter))


def told(reporter: Reporter) -> Callable[[str, int, int], None]:
    """What is told how far an index and its vectors are, and shows it."""

    def show(stage: str, done: int, total: int) -> None:
        reporter.update(stage, done, total or None, "documents" if total else "")

    return show


def look(
    index: Index | Ranked, search: Search, limits: Limits, *, most: int, ranking: str, facets: bool = False
) -> Found:
    """Search an index that is open, as `find` does."""
    if isinstance(index, Ranked):
        return index.search(to_text(search), limits, ranking=ranking, most=most)
    return index.search(search, limits, most=most, facets=facets)


def mark(warehouse: Warehouse, index: Index | Ranked, search: Search, found: Found) -> Found:
    """The hits with the words of the search marked in their titles and abstracts."""
    if isinstance(index, Index) and search.syntax != "plain":
        search = index.meaning(search)
    with warehouse.connect() as connection:
        return highlight(found, search, abstracts(connection, found.hits))


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
        "translated": found.translated,
        "translations": msgspec.to_builtins(found.translations),
        "vocabulary": found.vocabulary,
        "facets": {facet.field: dict(facet.counts) for facet in found.facets},
    }


def found_text(found: Found) -> str:
    """What a search found, for a terminal."""
    rows = [[hit.id, hit.kind, hit.date, hit.score, hit.title] for hit in found.hits]
    leaves_none_out = found.ranking != "bm25"
    lines = [f"{found.total:,} {'ranked' if leaves_none_out else 'found'} in snapshot {found.snapshot}"]
    if rows:
        lines += ["", table(["id", "kind", "date", "score", "title"], rows, widest=80)]
    for hit in found.hits:
        lines += [f"\n{hit.id}", *(f"  {marked(one)}" for one in hit.highlights)] if hit.highlights else []
    for facet in found.facets:
        lines += ["", table([facet.field, "found"], [[value, f"{count:,}"] for value, count in facet.counts])]
    return "\n".join(lines)


def marked(one: Highlight) -> str:
    """A title or piece of an abstract on one line, its marked words between asterisks."""
    pieces, end = [], 0
    for start, stop in one.marks:
        pieces += [one.text[end:start], f"**{one.text[start:stop]}**"]
        end = stop
    text = " ".join("".join([*pieces, one.text[end:]]).split())
    return text if one.field == "title" else f"... {text} ..."


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
    translated = [
        f"## Query as looked for, by {found.vocabulary}",
        "",
        f"    {found.translated}",
        "",
        *(f"- `{one.words}` was taken for `{one.meaning}`" for one in found.translations),
        "",
    ]
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
        *(translated if found.translations else []),
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
