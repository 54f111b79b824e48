"""The stage that makes a warehouse searchable: its index, and the vectors that ranked search needs."""

from __future__ import annotations

import time
from typing import Any

from trialpanorama.apps.console import Reporter
from trialpanorama.apps.searching import told
from trialpanorama.search.embedding import Embeddings, Encoder
from trialpanorama.search.index import Index
from trialpanorama.search.making import FOLDER
from trialpanorama.search.ranked import Ranked
from trialpanorama.warehouse import Warehouse


def make_index(warehouse: Warehouse, *, embed: bool = False, encoder: str | None = None) -> dict[str, Any]:
    """Make what searches need, or bring it up to date by what changed; say what was done.

    With `embed` documents are encoded too, by this encoder, else by the one that is installed.
    """
    with Reporter() as reporter:
        loaded = Encoder(encoder) if embed or encoder else None
        reporter.update("index", 0, unit="documents")
        made = Index.bring_up_to_date(warehouse, lambda done, total: reporter.update("index", done, total, "documents"))
        begun = time.perf_counter()
        had_vectors = Ranked.is_ready(warehouse)
        opened = Ranked.open(warehouse, progress=told(reporter))
        fitted = time.perf_counter()
        had_embeddings = loaded is None or Embeddings.is_ready(
            Embeddings.folder(warehouse.path / FOLDER, loaded), warehouse.snapshot
        )
        if not had_embeddings:
            Ranked.open(warehouse, loaded, told(reporter))
    return {
        "snapshot": warehouse.snapshot,
        "documents": opened.index.documents,
        "indexed": made.indexed if made else 0,
        "removed": made.removed if made else 0,
        "index_seconds": made.seconds if made else 0.0,
        "vectors_made": not had_vectors,
        "vector_seconds": 0.0 if had_vectors else round(fitted - begun, 3),
        "encoder": loaded.name if loaded else None,
        "embeddings_made": not had_embeddings,
        "embedding_seconds": 0.0 if had_embeddings else round(time.perf_counter() - fitted, 3),
        "rankings": list(Ranked.ready(warehouse)),
    }


def index_text(facts: dict[str, Any]) -> str:
    """What was done, on one line."""
    held = f"{facts['documents']:,} documents in the index of snapshot {facts['snapshot']}"
    done = [
        f"{facts['indexed']:,} new or changed, {facts['removed']:,} removed in {facts['index_seconds']:.1f} s"
        if facts["index_seconds"] or facts["vectors_made"]
        else "",
        f"vectors in {facts['vector_seconds']:.1f} s" if facts["vectors_made"] else "",
        f"encoded by {facts['encoder']} in {facts['embedding_seconds']:.1f} s" if facts["embeddings_made"] else "",
    ]
    return f"{held}: {'; '.join(filter(None, done)) or 'nothing has changed'}"
