"""AACT's flat files, read with the standard library: the rows of every table that belong to a study."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path


def _flat_files(path: Path) -> Iterator[tuple[str, str]]:
    texts: dict[str, list[str]] = {}
    studies: list[str] = []
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            rows = list(csv.reader(io.StringIO(archive.read(name).decode(), newline=""), delimiter="|"))
            place = rows[0].index("nct_id")
            assert {len(row) for row in rows} == {len(rows[0])}, name
            for row in rows[1:]:
                if name == "studies.txt":
                    studies.append(row[place])
                texts.setdefault(row[place], []).append("|".join(row))
    assert set(texts) == set(studies)
    yield from ((study, "\n".join(texts[study])) for study in studies)


FORMATS = {"aact-flat-files": _flat_files}
