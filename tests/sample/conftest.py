"""Samples that several tests read, written once; and a reader that shares no code with the package."""

from __future__ import annotations

import csv
import gzip
import importlib
import io
import json
import pkgutil
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.sample import readers
from trialpanorama import sample
from trialpanorama.record import Record
from trialpanorama.sample import windows
from trialpanorama.sample._native import Native
from trialpanorama.sample.model import Registration, Trial
from trialpanorama.sources import HEAD_BYTES, recognise

csv.field_size_limit(2**31 - 1)


@dataclass
class Written:
    """A sample on disk and its truth."""

    directory: Path
    summary: sample.Summary
    truth: dict[str, Any]

    def entries(self, file: str, format: str) -> Iterator[tuple[str, str]]:
        """Id and whole text of every input of a file, read with the standard library (and openpyxl) only."""
        yield from read(self.directory / file, format)

    def all_entries(self) -> Iterator[tuple[str, str, str]]:
        """File, id and text of every input, hostile ones excepted."""
        for item in self.truth["inputs"]:
            if not item["file"].startswith("hostile/"):
                for id, text in self.entries(item["file"], item["format"]):
                    yield item["file"], id, text


def _write(directory: Path, trials: int, seed: int, mess: sample.Mess, hostile: bool = False) -> Written:
    summary = sample.write(directory, trials, seed, mess, hostile=hostile)
    return Written(directory, summary, json.loads((directory / "truth.json").read_bytes()))


@pytest.fixture(scope="session")
def messy(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """700 trials with the mess that is usual, and the folder of broken inputs."""
    return _write(tmp_path_factory.mktemp("messy") / "sample", 700, 3, sample.Mess(), hostile=True)


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """300 trials without any mess."""
    return _write(tmp_path_factory.mktemp("clean") / "sample", 300, 4, sample.CLEAN)


def read(path: Path, format: str) -> Iterator[tuple[str, str]]:
    """Id and whole text of every input of a file; formats of single registers have their reader in `readers/`."""
    for module in pkgutil.iter_modules(readers.__path__):
        formats = importlib.import_module(f"{readers.__name__}.{module.name}").FORMATS
        if format in formats:
            yield from formats[format](path)
            return
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                content = archive.read(name).decode()
                if name.endswith(".xml"):
                    yield ET.fromstring(content).findtext("id_info/nct_id") or "", content
                else:
                    yield _nct(json.loads(content)), content
        return
    if format == "xlsx":
        yield from _spreadsheet(path)
        return
    text = (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()).decode()
    if format == "api-v2-json-array":
        for study in json.loads(text):
            yield _nct(study), json.dumps(study)
    elif format == "api-v2-ndjson":
        for line in text.splitlines():
            yield _nct(json.loads(line)), line
    elif format == "api-v1-json":
        for item in json.loads(text)["FullStudiesResponse"]["FullStudies"]:
            yield item["Study"]["ProtocolSection"]["IdentificationModule"]["NCTId"], json.dumps(item)
    elif format in ("api-v2-csv", "web-csv"):
        rows = list(csv.reader(io.StringIO(text, newline="")))
        assert {len(row) for row in rows} == {30 if format == "api-v2-csv" else 40}
        yield from ((row[0], "\n".join(row)) for row in rows[1:])
    elif format == "full-csv":
        for row in csv.reader(io.StringIO(text, newline="")):
            assert len(row) == 63
            yield row[0], "\n".join(row)
    elif format == "web-xml":
        for trial in ET.fromstring(text):
            yield trial.findtext("TrialID") or "", ET.tostring(trial, "unicode")
    elif format == "pubmed-xml":
        for article in ET.fromstring(text):
            yield next(article.iter("PMID")).text or "", ET.tostring(article, "unicode")
    elif format == "medline":
        for block in text.strip().split("\n\n"):
            assert block.startswith("PMID- ")
            yield block.split("\n", 1)[0][6:], block
    else:
        raise AssertionError(f"no reader for {format}")


def _nct(study: dict[str, Any]) -> str:
    return str(study["protocolSection"]["identificationModule"]["nctId"])


def _spreadsheet(path: Path) -> Iterator[tuple[str, str]]:
    import openpyxl

    book = openpyxl.load_workbook(path, read_only=True)
    rows = book.worksheets[0].iter_rows(values_only=True)
    assert len(next(rows)) == 40
    for row in rows:
        yield str(row[0]), "\n".join("" if cell is None else str(cell) for cell in row)
    book.close()


def read_back(native: Native, folder: Path, mess: sample.Mess) -> list[tuple[Trial, Registration, Record]]:
    """What the project's reader makes of a file that six windows of trials were written to, beside what is true."""
    path = folder / Path(native.path.format(1)).name
    output = native.open(path, native.format)
    given = {}
    for number in range(6):
        for trial in windows.window(5, number, 200, mess).trials:
            for registration in trial.registrations:
                if registration.register == native.register:
                    ((id, entry),) = native.entries(trial, registration, mess)
                    output.add(entry)
                    given[id] = (trial, registration)
    output.close()
    assert [id for id, _ in read(path, native.format)] == [*given]
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    claimed = recognise(content[:HEAD_BYTES])
    assert claimed is not None
    assert claimed[0].name == native.source
    assert claimed[1].name == native.format
    records = list(claimed[1].outcomes(io.BytesIO(content)))
    assert len(records) == len(given) >= 6
    assert all(isinstance(record, Record) for record in records)
    return [(*given[record.id], record) for record in records if isinstance(record, Record)]
