"""What a person uploads: taken in part by part within limits, written to disk before it is acknowledged, or not kept.

A refusal at any moment, a lost connection or a full disk leaves nothing behind: parts are collected in a folder of
their own, which is removed unless it was kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
import time
import unicodedata
import zipfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

from trialpanorama.apps.web.safety import Receive, Refusal

MB = 2**20
LARGEST_UPLOAD, LARGEST_FILE, LARGEST_UNPACKED = 128 * MB, 16 * MB, 512 * MB
"""Bytes of a request, of one draft, and of all drafts of an archive when unpacked."""
MOST_FILES = 2_000
"""Files of a request, and members of an archive."""
LARGEST_FIELD, MOST_FIELDS, LONGEST_NAME = 512 * 1024, 100, 255
UNTOUCHED = 600
"""Seconds after which a folder that nobody writes to was left by a killed server."""
_PARTIAL = ".part-"


class UploadedFile(NamedTuple):
    """A file of a form: the name of its field, its own name, where it lies, and its bytes."""

    field: str
    name: str
    path: Path
    size: int


class Received(NamedTuple):
    """A form with files: they lie in `folder`, on disk for good, until `discard`."""

    folder: Path
    fields: dict[str, str]
    files: list[UploadedFile]

    def discard(self) -> None:
        """Remove what was not kept."""
        shutil.rmtree(self.folder, ignore_errors=True)


async def receive_form(
    folder: Path, headers: Mapping[str, str], receive: Receive, check: Callable[[dict[str, str]], None]
) -> Received:
    """A form with files; `check` is asked with the fields so far before the first file is written, and at the end.

    Raises Refusal: with 413 for what is too large, 415 for another kind of body, 400 for one that cannot be read,
    507 where the disk is full.
    """
    from python_multipart import MultipartParser
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import parse_options_header

    kind, options = parse_options_header(headers.get("content-type", ""))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise Refusal(415, "Files have to be sent as multipart/form-data.")
    too_large = Refusal(413, f"An upload may have {LARGEST_UPLOAD // MB} MB at most.")
    if not headers.get("content-length", "0").isdecimal():
        raise Refusal(400, "The length of the request is not a number.")
    if int(headers.get("content-length", "0")) > LARGEST_UPLOAD:
        raise too_large
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=folder))
    except OSError as error:
        raise _no_room(error) from None
    parts = _Parts(partial, check)
    try:
        parser = MultipartParser(options[b"boundary"], parts.callbacks())  # type: ignore[arg-type]  # a typed dict
        size, is_more = 0, True
        while is_more:
            message = await receive()
            if message["type"] != "http.request":
                raise Refusal(400, "The request ended early.")
            body = message.get("body", b"")
            size += len(body)
            if size > LARGEST_UPLOAD:
                raise too_large
            parser.write(body)
            is_more = message.get("more_body", False)
        parser.finalize()
        if not parts.is_whole:
            raise Refusal(400, "The form ends in the middle.")
        check(parts.fields)
        await asyncio.to_thread(_make_durable, partial)
    except FormParserError as error:
        parts.discard()
        raise Refusal(400, f"The form cannot be read: {str(error)[:200]}") from None
    except OSError as error:
        parts.discard()
        raise _no_room(error) from None
    except BaseException:
        parts.discard()
        raise
    return Received(partial, parts.fields, parts.files)


def _no_room(error: OSError) -> Refusal:
    return Refusal(507, f"The upload cannot be kept: {error.strerror or type(error).__name__}.")


class _Parts:
    """What the parts of a form become as their bytes arrive: fields in memory, files on disk."""

    def __init__(self, folder: Path, check: Callable[[dict[str, str]], None]) -> None:
        self.fields: dict[str, str] = {}
        self.files: list[UploadedFile] = []
        self.is_whole = False
        self._folder, self._check = folder, check
        self._headers: dict[str, bytearray] = {}
        self._header, self._value = bytearray(), bytearray()
        self._name, self._file_name = "", ""
        self._text = bytearray()
        self._file: IO[bytes] | None = None
        self._size = 0

    def callbacks(self) -> dict[str, Callable[..., Any]]:
        return {
            "on_part_begin": self._headers.clear,
            "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._begin_part,
            "on_part_data": self._add,
            "on_part_end": self._end_part,
            "on_end": self._end,
        }

    def discard(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _end_header(self) -> None:
        self._headers[self._header.decode("latin-1").lower()] = self._value
        self._header, self._value = bytearray(), bytearray()

    def _begin_part(self) -> None:
        from python_multipart.multipart import parse_options_header

        said = self._headers.get("content-disposition", bytearray()).decode("latin-1")
        kind, options = parse_options_header(said)
        if kind != b"form-data" or b"name" not in options:
            raise Refusal(400, "A part of the form has no name.")
        self._name = options[b"name"].decode("utf-8", "replace")
        self._text, self._size = bytearray(), 0
        if b"filename" not in options:
            if len(self.fields) >= MOST_FIELDS:
                raise Refusal(400, f"A form may have {MOST_FIELDS} fields at most.")
            return
        self._file_name = check_name(options[b"filename"].decode("utf-8", "replace"))
        if len(self.files) >= MOST_FILES:
            raise Refusal(413, f"An upload may have {MOST_FILES:,} files at most: send them as several.")
        if not self.files:
            self._check(self.fields)
        self._file = (self._folder / f"{len(self.files):06}").open("xb")

    def _add(self, data: bytes, start: int, end: int) -> None:
        self._size += end - start
        if self._file is not None:
            self._file.write(data[start:end])
        elif self._size > LARGEST_FIELD:
            raise Refusal(413, f"A field of a form may have {LARGEST_FIELD // 1024} KB at most.")
        else:
            self._text += data[start:end]

    def _end_part(self) -> None:
        if self._file is None:
            self.fields.setdefault(self._name, self._text.decode("utf-8", "replace"))
            return
        path = Path(self._file.name)
        self._file.close()
        self._file = None
        if not self._size and not self._file_name:  # a file field that was left empty
            path.unlink()
            return
        self.files.append(UploadedFile(self._name, self._file_name, path, self._size))

    def _end(self) -> None:
        self.is_whole = True


def check_name(name: str) -> str:
    """A file's name as it may be shown; raises Refusal for one that leads elsewhere or cannot be printed."""
    if len(name) > LONGEST_NAME:
        raise Refusal(400, f"The name of a file may have {LONGEST_NAME} characters at most.")
    if any(unicodedata.category(character) in ("Cc", "Cf", "Cs") for character in name):
        raise Refusal(400, "The name of a file holds characters that cannot be printed.")
    parts = name.replace("\\", "/").split("/")
    if ".." in parts or name.startswith(("/", "\\")) or name[1:2] == ":":
        raise Refusal(400, f'The name "{name[:80]}" leads out of its folder: rename the file.')
    return name


def _make_durable(folder: Path) -> None:
    for path in folder.iterdir():
        sync(path)
    sync(folder)


def sync(path: Path) -> None:
    """Have the system write a file, or what a folder holds, to disk now."""
    try:
        opened = os.open(path, os.O_RDONLY)
    except PermissionError:  # folders cannot be opened on Windows, where they need it not
        if path.is_dir():
            return
        raise
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def is_archive(path: Path) -> bool:
    """Whether a file begins as a zip archive does."""
    with path.open("rb") as file:
        return file.read(2) == b"PK"


def members(path: Path) -> list[str]:
    """The files of an archive, each of which was unpacked on trial within the limits.

    Raises Refusal for what is no plain archive of drafts: damaged, encrypted, nested, a bomb, or also something else.
    """
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
            if min((info.header_offset for info in archive.infolist()), default=0) or not _ends(file, archive):
                raise Refusal(400, "The archive is also something else: pack the files anew.")
            _check_members(infos)
            left = LARGEST_UNPACKED
            for info in infos:
                left -= _unpacked_size(archive, info, min(left, LARGEST_FILE))
            return [info.filename for info in infos]
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise Refusal(400, f"The archive is damaged: {str(error)[:200]}") from None
    except Exception as error:  # decompressors raise a dozen kinds of error on damaged data
        if isinstance(error, Refusal | MemoryError):
            raise
        raise Refusal(400, f"The archive is damaged: {type(error).__name__}.") from None


def _ends(file: IO[bytes], archive: zipfile.ZipFile) -> bool:
    """Whether nothing stands behind the archive's directory and the comment that it declares."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 22 - len(archive.comment)))
    return file.read(4) == b"PK\x05\x06"


def _check_members(infos: list[zipfile.ZipInfo]) -> None:
    if not infos:
        raise Refusal(400, "The archive is empty.")
    if len(infos) > MOST_FILES:
        raise Refusal(413, f"An archive may have {MOST_FILES:,} files at most: this has {len(infos):,}.")
    names = [info.filename for info in infos]
    if len({*names}) != len(names):
        raise Refusal(400, "The archive holds several files of the same name.")
    for info in infos:
        check_name(info.filename)
        if info.flag_bits & 1:
            raise Refusal(400, "The archive is protected by a password: send it without one.")
        if info.external_attr >> 28 == 0xA:
            raise Refusal(400, f'"{info.filename[:80]}" of the archive is a link, not a file.')


def _unpacked_size(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> int:
    size = 0
    with archive.open(info) as member:
        while piece := member.read(MB):
            if not size and piece.startswith((b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!")):
                raise Refusal(400, f'"{info.filename[:80]}" is an archive inside an archive: unpack it first.')
            size += len(piece)
            if size > most:
                raise Refusal(
                    413,
                    f"The archive unpacks to too much: {LARGEST_FILE // MB} MB a file and {LARGEST_UNPACKED // MB} MB "
                    "in all are taken.",
                )
    return size


def read_content(path: Path, member: str | None) -> bytes:
    """What was uploaded: a file, or a member of an archive that was looked through before."""
    if member is None:
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive, archive.open(member) as opened:
        return opened.read(LARGEST_FILE)


def sweep(folder: Path, is_known: Callable[[str], bool]) -> None:
    """Remove what a killed server left: folders that nobody writes to and no upload knows."""
    if not folder.is_dir():
        return
    for one in folder.iterdir():
        if is_known(one.name):
            continue
        with contextlib.suppress(OSError):
            if max(path.stat().st_mtime for path in (one, *one.iterdir())) < time.time() - UNTOUCHED:
                shutil.rmtree(one, ignore_errors=True)


Receiver = Callable[[dict[str, str], Receive, Callable[[dict[str, str]], None]], Awaitable[Received]]
"""Takes in a form with files: headers, what hands on the body, and what checks the fields."""
