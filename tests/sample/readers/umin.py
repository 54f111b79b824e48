"""UMIN's file of the whole registry: the rows below its two rows of headers."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Iterator
from pathlib import Path


def _rows(path: Path) -> Iterator[tuple[str, str]]:
    rows = list(csv.reader(io.StringIO(gzip.decompress(path.read_bytes()).decode("utf-8"), newline="")))
    assert {len(row) for row in rows} == {len(rows[0])}
    assert not any(rows[1][:2]), "the second row is a header too"
    yield from ((row[1], "\n".join(row)) for row in rows[2:])


FORMATS: dict[str, Callable[[Path], Iterator[tuple[str, str]]]] = {"bulk-csv": _rows}
