"""Delimited tables of vocabularies, read by the names in their header."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence

from trialpanorama.ontologies._files import ReleaseFile


def header(head: bytes, delimiter: str = "\t") -> list[str]:
    """The cells of the first line, without quotes and byte-order mark."""
    line = head.split(b"\n", 1)[0].decode("utf-8-sig", "replace").rstrip("\r")
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def rows(
    file: ReleaseFile, columns: Sequence[str], delimiter: str = "\t", comment: str | None = None
) -> Iterator[dict[str, str]]:
    """The rows of a table by column; raises UserError without these columns, or for a row that is cut short."""
    csv.field_size_limit(2**27)
    with file.text() as text:
        reader = csv.reader(whole_lines(file, text, comment), delimiter=delimiter)
        names = next(reader, [])
        if missing := [name for name in columns if name not in names]:
            raise file.unusable(f"has no column {' and no column '.join(missing)}; it is of a kind that is not known")
        try:
            for cells in reader:
                if len(cells) != len(names):
                    raise file.unusable(f"has {len(cells)} cells in line {reader.line_num}, {len(names)} are expected")
                yield dict(zip(names, cells, strict=True))
        except csv.Error as error:
            raise file.unusable(f"is no such table (line {reader.line_num}: {error})") from None


def whole_lines(file: ReleaseFile, text: Iterable[str], comment: str | None = None) -> Iterator[str]:
    """The lines but for comments; raises UserError for a last one that is cut short."""
    for line in text:
        if not line.endswith("\n"):  # what publishes these tables ends every line
            raise file.unusable("ends in the middle of a line: it is cut short")
        if not (comment and line.startswith(comment)):
            yield line
