"""Files whose bytes depend on their content alone, and that count the inputs written to them."""

from __future__ import annotations

import csv
import datetime
import gzip
import io
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Protocol, cast

_ZIP_DATE = (2025, 6, 30, 12, 0, 0)
_LEVEL = 1  # the samples are large and short-lived: time counts more than space


class Output(Protocol):
    """A file of the sample while it is being written."""

    path: Path
    format: str
    inputs: int
    rejects: int

    def add(self, entry: Any) -> str:
        """Write one input; returns the archive member it went to, or an empty text."""

    def close(self) -> None:
        """Finish the file."""


class Text:
    """Entries one after the other, plain or gzip by the file's name, between a head and a tail."""

    def __init__(self, path: Path, format: str, head: str = "", between: str = "", tail: str = "") -> None:
        self.path, self.format, self.inputs, self.rejects = path, format, 0, 0
        self._between, self._tail = between, tail
        self._raw: IO[bytes] = path.open("wb")
        self._file: IO[bytes] = self._raw
        if path.suffix == ".gz":
            self._file = cast("IO[bytes]", gzip.GzipFile("", "wb", _LEVEL, self._raw, mtime=0))
        self._file.write(head.encode())

    def add(self, entry: str | bytes) -> str:
        """Write one input."""
        if self.inputs and self._between:
            self._file.write(self._between.encode())
        self._file.write(entry.encode() if isinstance(entry, str) else entry)
        self.inputs += 1
        return ""

    def close(self) -> None:
        """Write the tail and finish the file."""
        self._file.write(self._tail.encode())
        self._file.close()
        self._raw.close()


class Table:
    """A CSV file, with or without a header."""

    def __init__(self, path: Path, format: str, header: Sequence[str] = (), quote_all: bool = False) -> None:
        self._text = Text(path, format)
        self.path, self.format, self.rejects = path, format, 0
        self._buffer = io.StringIO()
        self._writer = csv.writer(
            self._buffer, quoting=csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL, lineterminator="\n"
        )
        self.inputs = 0
        if header:
            self._row(header)

    def _row(self, cells: Sequence[str]) -> None:
        self._writer.writerow(cells)
        self._text.add(self._buffer.getvalue())
        self._buffer.seek(0)
        self._buffer.truncate()

    def add(self, entry: Sequence[str]) -> str:
        """Write one row."""
        self._row(entry)
        self.inputs += 1
        return ""

    def close(self) -> None:
        """Finish the file."""
        self._text.close()


class Archive:
    """A zip with one input a member."""

    def __init__(self, path: Path, format: str) -> None:
        self.path, self.format, self.inputs, self.rejects = path, format, 0, 0
        self._zip = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL)

    def add(self, entry: tuple[str, str | bytes]) -> str:
        """Write one member: its name and content."""
        name, content = entry
        self._zip.writestr(zip_member(name), content)
        self.inputs += 1
        return name

    def close(self) -> None:
        """Finish the archive."""
        self._zip.close()


def zip_member(name: str) -> zipfile.ZipInfo:
    """A member with a fixed date."""
    member = zipfile.ZipInfo(name, _ZIP_DATE)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = 0o644 << 16
    return member


class Spreadsheet:
    """An XLSX file of one sheet."""

    def __init__(self, path: Path, format: str, header: Sequence[str]) -> None:
        import openpyxl

        self.path, self.format, self.inputs, self.rejects = path, format, 0, 0
        self._book = openpyxl.Workbook(write_only=True)
        self._sheet = self._book.create_sheet("ICTRP")
        self._sheet.append(list(header))

    def add(self, entry: Sequence[object]) -> str:
        """Write one row."""
        self._sheet.append(list(entry))
        self.inputs += 1
        return ""

    def close(self) -> None:
        """Save, then give the file the dates that the library would set to now."""
        self._book.properties.created = datetime.datetime(*_ZIP_DATE)
        draft = self.path.with_suffix(".draft")
        self._book.save(draft)
        with (
            zipfile.ZipFile(draft) as source,
            zipfile.ZipFile(self.path, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as target,
        ):
            for name in source.namelist():
                with source.open(name) as member, target.open(zip_member(name), "w") as copy:
                    if name == "docProps/core.xml":
                        copy.write(
                            re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>2025-06-30T12:00:00Z", member.read())
                        )
                    else:
                        while block := member.read(1 << 20):
                            copy.write(block)
        draft.unlink()
