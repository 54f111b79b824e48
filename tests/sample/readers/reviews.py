"""Systematic reviews in zips with one member a review, read with the standard library.

The id of every input is the PMID of the review's own article, with which the name of the member begins (or the name of
its folder, or its last part). A table or RIS file is as many inputs as it has references, and one for the review.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path


def _members(path: Path) -> Iterator[tuple[str, str, str]]:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            found = re.search(r"99\d{6}", name)
            assert found is not None, name
            yield found.group(), name, archive.read(name).decode()


def _topics(path: Path) -> Iterator[tuple[str, str]]:
    for id, _, text in _members(path):
        assert re.match(r"Topic: [A-Z]{2}99\d{4} \n\nTitle: .*\n\nQuery: \n", text)
        yield id, text


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    for id, name, text in _members(path):
        width = 1 if name.endswith(".txt") else 4
        assert all(len(line.split()) == width for line in text.splitlines())
        yield id, f"{name}\n{text}"


def _tables(path: Path) -> Iterator[tuple[str, str]]:
    for id, name, text in _members(path):
        header, *rows = csv.reader(io.StringIO(text, newline=""))
        assert {len(row) for row in rows} <= {len(header)}
        yield from ((id, "\n".join(row)) for row in rows)
        yield id, f"{name} FICTIONAL"


def _references(path: Path) -> Iterator[tuple[str, str]]:
    for id, name, text in _members(path):
        entries = [entry for entry in re.split(r"(?m)^ER  - $", text) if entry.strip()]
        assert all(entry.strip().startswith("TY  - ") for entry in entries)
        yield from ((id, entry) for entry in entries)
        yield id, f"{name} FICTIONAL"


def _objects(path: Path) -> Iterator[tuple[str, str]]:
    for id, _, text in _members(path):
        for line in text.splitlines():
            assert json.loads(line)["id"] == id
            yield id, line


FORMATS = {
    "clef-tar-topic": _topics,
    "qrels": _lines,
    "labelled-table": _tables,
    "ris": _references,
    "pmid-list": _lines,
    "ielab-seed-topics": _objects,
}
