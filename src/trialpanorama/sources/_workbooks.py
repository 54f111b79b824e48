"""Excel workbooks: the rows of their sheets, and what stands in a cell as the text a table would have there."""

from __future__ import annotations

import csv
import io
import re
import tempfile
import warnings
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from itertools import islice
from typing import Any, BinaryIO, cast

from trialpanorama.errors import Unreadable

_MAX_BYTES = 2**29
"""A workbook whose text expands to more than this is no registry export (the largest known has some 20 MB)."""
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_BATCH_ROWS = 1000


def sheets(stream: BinaryIO) -> Iterator[tuple[str, Iterator[tuple[Any, ...]]]]:
    """The name and rows of every sheet, values as Excel last computed them; raises Unreadable where it is damaged."""
    import openpyxl

    try:
        if not stream.seekable():
            copy = tempfile.SpooledTemporaryFile(max_size=1 << 25)  # noqa: SIM115 - closed with the workbook
            while chunk := stream.read(1 << 20):
                copy.write(chunk)
            stream = cast(BinaryIO, copy)
        stream.seek(0)
        with zipfile.ZipFile(stream) as archive:
            size = sum(info.file_size for info in archive.infolist())
        if size > _MAX_BYTES:
            raise Unreadable("decompression_bomb", f"the workbook expands to {size >> 20} MiB")
        stream.seek(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and links, which are not read
            workbook = openpyxl.load_workbook(stream, read_only=True, data_only=True)
    except Unreadable:
        raise
    except Exception as error:  # openpyxl raises whatever its parts raise
        raise Unreadable("broken_archive", f"not a readable workbook: {error}"[:300]) from None
    try:
        for sheet in workbook.worksheets:
            yield sheet.title, _rows(sheet)
    finally:
        workbook.close()


def _rows(sheet: Any) -> Iterator[tuple[Any, ...]]:
    try:
        sheet.reset_dimensions()
        yield from sheet.iter_rows(values_only=True)
    except Exception as error:  # openpyxl raises whatever its parts raise
        raise Unreadable("truncated", f"the workbook breaks off: {error}"[:300]) from None


def as_tables(stream: BinaryIO) -> Iterator[tuple[str, BinaryIO]]:
    """The name of every sheet and the CSV that it would be saved as, dates as 2021-03-15; raises Unreadable."""
    for title, rows in sheets(stream):
        with tempfile.TemporaryFile() as table:
            while batch := [*islice(rows, _BATCH_ROWS)]:
                text = io.StringIO(newline="")
                csv.writer(text).writerows([cell_text(cell) for cell in row] for row in batch)
                table.write(text.getvalue().encode("utf-8", "replace"))
            table.seek(0)
            yield title, cast(BinaryIO, table)


def cell_text(cell: Any) -> str:
    """What stands in a cell, as text; a number or date as a text file would have it."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), cell) if "_x" in cell else cell
    if isinstance(cell, datetime):
        return cell.isoformat(" ") if cell.time() != cell.min.time() else cell.date().isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
