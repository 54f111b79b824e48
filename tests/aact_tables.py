"""AACT tables for tests: written by the sample's writer, compared with what the register's own JSON gives."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from trialpanorama import sources
from trialpanorama.errors import RejectReason
from trialpanorama.record import Record, Reject
from trialpanorama.sample import aact

COLLECTION = sources.source("aact").collections[0]
NOT_CARRIED = {
    ".mesh_terms[].id": "AACT has the terms alone",
    ".results.baseline.measures[].denoms": "given for each class",
    ".results.baseline.measures[].classes[].denoms": "where they say nothing else than those of the whole",
    ".results.baseline.measures[].classes[].denoms[].counts": "a group without a value has no row",
    ".results.outcome_measures[].classes[].denoms": "not at all",
    ".results.baseline.measures[]": "a measure without a value has no row",
    ".results.adverse_events.frequency_threshold": "stands in the rows of events, so it is lost where there is none",
    ".results.adverse_events.time_frame": "the same",
    ".results.adverse_events.description": "the same",
    ".results.adverse_events.serious_events[].notes": "not at all",
    ".results.adverse_events.other_events[].notes": "not at all",
    ".results.baseline.measures[].classes[].categories[].measurements[].lower_limit": "a number: 167.0 became 167",
    ".results.baseline.measures[].classes[].categories[].measurements[].upper_limit": "the same",
}
"""Where a Record of AACT's tables may differ from that of API v2, and why."""


class InMemory:
    """The members of a collection, out of memory."""

    def __init__(self, members: dict[str, bytes]) -> None:
        self._members = members
        self.names = list(members)
        self.bytes = sum(map(len, members.values()))

    def open(self, name: str) -> BinaryIO:
        return io.BytesIO(self._members[name])

    def fault(self, name: str) -> tuple[RejectReason, str] | None:
        return None


def read(members: dict[str, bytes], part: int = 0, parts: int = 1) -> list[Record | Reject]:
    """What the collection gives for these members."""
    return list(COLLECTION.read(InMemory(members), part, parts))


def members_of(folder: Path) -> dict[str, bytes]:
    """The files of a folder."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def tables_of(
    documents: Iterable[dict[str, Any]],
    path: Path,
    as_exported: bool = False,
    change: Callable[[str, dict[str, Any]], None] = lambda *_: None,
) -> dict[str, bytes]:
    """The tables of these API v2 documents, each row changed as told."""
    archive = aact.TablesArchive(path, "aact-flat-files", as_exported)
    for document in documents:
        rows = aact.tables(document)
        for table, listed in rows.items():
            for row in listed:
                change(table, row)
        archive.add(rows)
    archive.close()
    with zipfile.ZipFile(path) as written:
        return {name: written.read(name) for name in written.namelist()}


def of_json(document: dict[str, Any]) -> Record:
    """The Record of the same document as API v2 JSON."""
    reader = next(f for f in sources.source("clinicaltrials_gov").formats if f.name == "api-v2-json")
    (record,) = reader.read(io.BytesIO(json.dumps(document).encode()))
    assert isinstance(record, Record)
    return record


def differences(expected: Record, found: Record, as_exported: bool = False) -> Iterator[tuple[str, Any, Any]]:
    """Where two Records differ, contacts and places apart; after the export, quotation marks and blanks apart."""

    def compare(one: Any, other: Any, place: str) -> Iterator[tuple[str, Any, Any]]:
        if isinstance(one, dict) and isinstance(other, dict):
            for key in sorted(one.keys() | other.keys()):
                yield from compare(one.get(key), other.get(key), f"{place}.{key}")
        elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
            for first, second in zip(one, other, strict=True):
                yield from compare(first, second, f"{place}[]")
        elif place.endswith(".measures") and one and not other:
            yield f"{place}[]", one, other
        elif as_exported and isinstance(one, str) and isinstance(other, str):
            if re.sub(r'[\s"]', "", one) != re.sub(r'[\s"]', "", other):
                yield place, one, other
        elif one != other:
            yield place, one, other

    built = [msgspec.to_builtins(record) for record in (expected, found)]
    for record in built:
        record.pop("contacts", None), record.pop("place")
    yield from compare(*built, "")
