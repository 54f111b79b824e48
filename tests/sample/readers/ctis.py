"""CTIS: a trial a line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path


def _trials(path: Path) -> Iterator[tuple[str, str]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        trial = json.loads(line)
        yield trial["ctNumber"], json.dumps(trial, ensure_ascii=False)


FORMATS: dict[str, Callable[[Path], Iterator[tuple[str, str]]]] = {"ctis-json": _trials}
