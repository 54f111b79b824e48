"""EU CTR: the protocols of a full-text download, ctrdata's records, and results in a zip."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path


def _protocols(path: Path) -> Iterator[tuple[str, str]]:
    text = path.read_bytes().decode()
    for protocol in text.split("\r\nSummary\r\n")[1:]:
        link = re.search(r"^Link: \S+/trial/([\d-]+)/(\w+)/\r$", protocol, re.M)
        assert link is not None
        yield f"{link[1]}-{link[2]}", protocol


def _records(path: Path) -> Iterator[tuple[str, str]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        yield record["_id"], json.dumps(record, ensure_ascii=False)


def _results(path: Path) -> Iterator[tuple[str, str]]:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            yield name.split()[1], archive.read(name).decode()


FORMATS: dict[str, Callable[[Path], Iterator[tuple[str, str]]]] = {
    "euctr-full-text": _protocols,
    "euctr-ctrdata": _records,
    "euctr-results-xml": _results,
}
