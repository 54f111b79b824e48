"""The stage that makes a warehouse searchable: its index, and the vectors that ranked search needs."""

from __future__ import annotations

import time
from typing import Any

from trialpanorama.apps.console import Reporter
from trialpanorama.search.index import Index
from trialpanorama.search.ranked import Ranked
from trialpanorama.warehouse import Warehouse


def make_index(warehouse: Warehouse) -> dict[str, Any]:
    """Make what searches need, or bring it up to date by what changed; say what was done."""
    with Reporter() as reporter:
        reporter.update("index", 0, unit="documents")
        made = Index.bring_up_to_date(warehouse, lambda done, total: reporter.update("index", done, total, "documents"))
        begun = time.perf_counter()
        had_vectors = Ranked.is_ready(warehouse)
        if not had_vectors:
            reporter.update("vectors", 0)
        opened = Ranked.open(warehouse)
        seconds = 0.0 if had_vectors else round(time.perf_counter() - begun, 3)
    return {
        "snapshot": warehouse.snapshot,
        "documents": opened.index.documents,
        "indexed": made.indexed if made else 0,
        "removed": made.removed if made else 0,
        "index_seconds": made.seconds if made else 0.0,
        "vectors_made": not had_vectors,
        "vector_seconds": seconds,
    }


def index_text(facts: dict[str, Any]) -> str:
    """What was done, on one line."""
    held = f"{facts['documents']:,} documents in the index of snapshot {facts['snapshot']}"
    if not (facts["index_seconds"] or facts["vectors_made"]):
        return f"{held}: nothing has changed"
    done = f"{facts['indexed']:,} new or changed, {facts['removed']:,} removed in {facts['index_seconds']:.1f} s"
    return f"{held}: {done}" + (f"; vectors in {facts['vector_seconds']:.1f} s" if facts["vectors_made"] else "")
