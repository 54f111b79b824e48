"""DRKS: the studies of an exported search."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path


def _studies(path: Path) -> Iterator[tuple[str, str]]:
    for study in json.loads(path.read_bytes()):
        yield study["drksId"], json.dumps(study, ensure_ascii=False)


FORMATS: dict[str, Callable[[Path], Iterator[tuple[str, str]]]] = {"drks-json": _studies}
