"""Making the index of a snapshot: documents that changed are put into it, and those that are gone taken out.

What belongs together lies in one folder (`index/documents.N`), which `index/state.json` names. A new one is made beside
it, of the old one where that can be used, and named when it is whole: whenever this is killed, the old one stands.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trialpanorama import engine
from trialpanorama.errors import UserError
from trialpanorama.search import headings
from trialpanorama.search.documents import KEYS, documents_sql, number_of, rows
from trialpanorama.search.words import analyzer
from trialpanorama.warehouse import Warehouse, sql_text

if TYPE_CHECKING:
    import duckdb
    import tantivy

VERSION = 6
"""Changes with what is indexed; an index of another version is made anew."""
FOLDER = "index"

WORDS = ("title", "abstract", "keyword", "heading_word", "substance", "author", "journal", "other")
"""Fields of words, with the places where they stand."""
VALUES = (
    "heading", "major_heading", "heading_above", "qualified_heading", "qualifier", "publication_type", "language",
    "id", "country", "register", "status", "phase", "kind", "source", "sex",
)  # fmt: skip
"""Fields of whole values, in lower case."""
FACETS = ("kind", "register", "status", "phase", "year")
"""What documents that were found are counted by."""
ANY_AGE = 99_999_999
"""The greatest age (days) where a trial states none."""

MEMORY_MB = 256
"""Of each thread that indexes; what is found in it is written as one segment."""
_MOST_THREADS = 8
_MANY = 10_000
"""Documents, from which on more than one thread indexes."""
_REPORTED = 2_000
"""Documents after which progress is told again."""

Progress = Callable[[int, int], None]
"""Told how many documents of how many have been indexed."""


class Made(msgspec.Struct, frozen=True):
    """What was done to an index to bring it up to date."""

    documents: int
    """How many it holds now."""
    indexed: int
    """How many of them are new or changed."""
    removed: int
    """How many were taken out, as they are gone or changed."""
    seconds: float


@contextlib.contextmanager
def making(warehouse: Warehouse) -> Iterator[None]:
    """Hold a warehouse's index alone while it is made, others wait; raises UserError if it cannot be written."""
    try:
        lock = (warehouse.path / "index.lock").open("w")
    except OSError as error:
        raise UserError(
            f"The index of {warehouse.path} cannot be made there ({error.strerror}). Searching has to write to the "
            "warehouse's folder once for each snapshot: make it writable, or copy the warehouse."
        ) from None
    with lock:
        try:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        except ImportError:
            pass
        yield


def is_ready(warehouse: Warehouse) -> bool:
    """Whether the index of this warehouse's snapshot is there."""
    state = _state(warehouse.path / FOLDER)
    return (state.get("version"), state.get("snapshot")) == (VERSION, warehouse.snapshot)


def open_documents(folder: Path) -> tuple[Path, tantivy.Index]:
    """The folder of the finished index of a warehouse, and the index in it."""
    place = folder / str(_state(folder)["folder"])
    return place, _open(place)


def writer_threads(documents: int) -> int:
    """How many threads index so many documents; a small index is best in one piece."""
    return min(engine.default_workers(), _MOST_THREADS) if documents >= _MANY else 1


def make(folder: Path, connection: duckdb.DuckDBPyConnection, snapshot: str, progress: Progress) -> Made:
    """Bring the index up to date with a snapshot."""
    begun = time.perf_counter()
    tree = headings.tree()
    folder.mkdir(exist_ok=True)
    state = _state(folder)
    is_same = (state.get("version"), state.get("vocabulary")) == (VERSION, tree.digest)
    current = str(state.get("folder", ""))
    _remove_all_but(folder, current)
    place = folder / f"documents.{int(current.rpartition('.')[2] or 0) + 1}"
    if is_same and (folder / current / "contents.parquet").exists():
        _copy(folder / current, place)
    else:
        place.mkdir()
    made = _index(place, connection, tree, progress)
    _write_headings(place, connection, tree)
    unfinished = folder / "state.json.part"
    facts = {"version": VERSION, "snapshot": snapshot, "vocabulary": tree.digest, "folder": place.name}
    unfinished.write_text(json.dumps(facts), encoding="utf-8")
    unfinished.replace(folder / "state.json")
    _remove_all_but(folder, place.name)
    return msgspec.structs.replace(made, seconds=round(time.perf_counter() - begun, 3))


def _index(place: Path, connection: duckdb.DuckDBPyConnection, tree: headings.Tree, progress: Progress) -> Made:
    """Put the documents that changed into the index that lies in a folder, or into a new one."""
    known = place / "contents.parquet"
    if known.exists():
        connection.execute(f"CREATE TEMP VIEW old_ AS FROM read_parquet({sql_text(known)})")
    else:
        connection.execute("CREATE TEMP VIEW old_ AS SELECT '' AS key, 0::UBIGINT AS content WHERE false")
    connection.execute(f"CREATE TEMP TABLE keys_ AS {KEYS}")
    gone = [key for (key,) in connection.execute("SELECT key FROM old_ ANTI JOIN keys_ USING (key)").fetchall()]
    before, total = (
        int(row[0])
        for row in connection.execute("SELECT count(*) FROM old_ UNION ALL SELECT count(*) FROM keys_").fetchall()
    )

    index = _open(place) if before else _new(place)
    threads = writer_threads(total)
    writer = index.writer(heap_size=threads * MEMORY_MB * 2**20, num_threads=threads)
    for key in gone:
        writer.delete_documents_by_term("key", key)
    made: dict[str, int] = {}
    document = _Documents(tree)
    changed = f"""
        SELECT d.*, o.key IS NOT NULL AS is_known FROM (
            SELECT kind || ':' || id AS key, hash(d) AS content, d.* FROM ({documents_sql(connection)}) d) d
        LEFT JOIN old_ o ON o.key = d.key
        WHERE o.content IS DISTINCT FROM d.content"""
    replaced = 0
    for row in rows(connection, changed):
        if row["is_known"]:
            writer.delete_documents_by_term("key", row["key"])
            replaced += 1
        writer.add_document(document(row))
        made[row["key"]] = row["content"]
        if len(made) % _REPORTED == 0:
            progress(len(made), total)
    writer.commit()
    writer.wait_merging_threads()
    progress(total, total)
    _write_contents(place, connection, made)
    return Made(total, len(made), len(gone) + replaced, 0)


def _write_contents(place: Path, connection: duckdb.DuckDBPyConnection, made: dict[str, int]) -> None:
    """Which documents the index holds now, with a hash of what each says; and the order of their numbers."""
    import numpy as np
    import pyarrow as pa

    connection.register(
        "made_", pa.table({"key": pa.array(made.keys(), pa.string()), "content": pa.array(made.values(), pa.uint64())})
    )
    known = place / "contents.parquet"
    connection.execute(
        f"""COPY (FROM made_ UNION ALL FROM old_ SEMI JOIN keys_ USING (key) ANTI JOIN made_ USING (key) ORDER BY key)
            TO {sql_text(f"{known}.part")} (FORMAT parquet)"""
    )
    Path(f"{known}.part").replace(known)
    keys = connection.execute(
        f"SELECT key FROM read_parquet({sql_text(known)}) ORDER BY substr(key, instr(key, ':') + 1), key"
    ).fetchall()
    numbers = np.array([number_of(key) for (key,) in keys], dtype=np.int64)
    order = np.argsort(numbers)
    np.save(place / "order.npy", np.stack([numbers[order], order]))


def _write_headings(place: Path, connection: duckdb.DuckDBPyConnection, tree: headings.Tree) -> None:
    given = connection.execute(
        "SELECT DISTINCT lower(m.term) FROM (SELECT unnest(mesh_terms) AS m FROM records) ORDER BY 1"
    ).fetchall()
    others = {
        headings.key(term): term for (term,) in given if term and headings.key(term) and not tree.names.heading(term)
    }
    names = msgspec.structs.replace(tree.names, others=others)
    (place / "headings.json").unlink(missing_ok=True)  # of the index before, it may be a link
    (place / "headings.json").write_bytes(msgspec.json.encode(names))


def _state(folder: Path) -> dict[str, Any]:
    try:
        state: dict[str, Any] = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return state


def _remove_all_but(folder: Path, current: str) -> None:
    """Remove what is left of other indexes: older ones, and those that were never finished."""
    for path in (*folder.glob("documents*"), *folder.glob("contents.parquet*"), *folder.glob("headings.json")):
        if path.name != current:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _copy(old: Path, new: Path) -> None:
    """A copy of an index whose large files, which are never changed, are the same files."""

    def link(one: str, other: str) -> None:
        try:
            os.link(one, other)
        except OSError:
            shutil.copy2(one, other)

    shutil.copytree(old, new, copy_function=link)


def _schema() -> tantivy.Schema:
    import tantivy

    builder = tantivy.SchemaBuilder()
    for name in WORDS:
        builder.add_text_field(name, stored=name == "title", tokenizer_name="words")
    for name in VALUES:
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic", fast=name in FACETS)
    for name in ("published", "minimum_age", "maximum_age", "number"):
        builder.add_integer_field(name, stored=name == "published", indexed=True, fast=True)
    builder.add_text_field("key", stored=True, tokenizer_name="raw", index_option="basic")
    return builder.build()


def _new(place: Path) -> tantivy.Index:
    import tantivy

    (place / "tantivy").mkdir()
    index = tantivy.Index(_schema(), path=str(place / "tantivy"))
    index.register_tokenizer("words", analyzer())
    return index


def _open(place: Path) -> tantivy.Index:
    import tantivy

    try:
        index = tantivy.Index.open(str(place / "tantivy"))
    except ValueError as error:
        raise UserError(
            f"The index in {place.parent} cannot be read ({error}). Delete that folder and search again."
        ) from None
    index.register_tokenizer("words", analyzer())
    index.reload()
    return index


_VALUES_OF = (
    ("id", "ids"),
    *((name, name) for name in ("qualifier", "publication_type", "language", "country", "register", "phase")),
)
"""Fields of values with the column of which each is made."""


class _Documents:
    """Makes documents of the index from rows; what stands above a heading is looked up once."""

    def __init__(self, tree: headings.Tree) -> None:
        self._by_id = tree.by_id
        self._indexed = functools.cache(tree.indexed)
        self._above = tree.above

    def __call__(self, row: dict[str, Any]) -> tantivy.Document:
        import tantivy

        published = row["published"]
        youngest, oldest = row["minimum_age_years"], row["maximum_age_years"]
        fields: dict[str, Any] = {
            "key": row["key"],
            "number": number_of(row["key"]),
            "title": row["title"] or "",
            "abstract": row["abstract"] or "",
            "published": int(str(published).replace("-", "")) if published else 0,
            "minimum_age": round(youngest * 365.25) if youngest else 0,
            "maximum_age": round(oldest * 365.25) if oldest else ANY_AGE,
        }
        for name in ("keyword", "substance", "author", "journal"):
            if said := row[name]:
                fields[name] = [text for text in said if text]
        if others := [*(row["other"] or ()), *(row["country"] or ())]:
            fields["other"] = [text for text in others if text]
        if row["heading"]:
            fields["heading_word"] = row["heading"]
        for name in ("kind", "source", "status", "sex"):
            if value := row[name]:
                fields[name] = value.lower()
        values = self._headings(row) if row["heading_above"] or row["linked"] or row["linked_above"] else {}
        for name, column in _VALUES_OF:
            if said := row[column]:
                values[name] = said
        for name, said in values.items():
            fields[name] = sorted({text.lower() for text in said if text})
        return tantivy.Document.from_dict(fields)

    def _headings(self, row: dict[str, Any]) -> dict[str, Any]:
        """The headings of a document: its own, those it was linked to, and those above them."""
        indexed = self._indexed
        named = {name for heading in row["heading"] or () for name in (heading, indexed(heading))}
        named.update(self._by_id[id] for id in row["linked"] or () if id in self._by_id)
        higher = {name for heading in row["heading_above"] or () for name in (heading, indexed(heading))}
        higher.update(self._by_id[id] for id in row["linked_above"] or () if id in self._by_id)
        higher |= named
        higher.update(above for name in tuple(higher) for above in self._above.get(name, ()))
        pairs = (pair.rpartition("/") for pair in row["qualified_heading"] or ())
        return {
            "heading": named,
            "major_heading": [*map(indexed, row["major_heading"] or ())],
            "heading_above": higher,
            "qualified_heading": [f"{indexed(heading)}/{qualifier}" for heading, _, qualifier in pairs],
        }
