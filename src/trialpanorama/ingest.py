"""Bytes in, Records and Rejects out: opens files and archives, recognises formats, walks the sources.

Inputs = records + rejects, always: every study, row or article ends as one Record or one Reject, and so does every
file or archive member that is no trial data. What one input does (a broken member, a bomb, a reader's fault) never
reaches its neighbours, and memory does not grow with the size of an input.
"""

from __future__ import annotations

import bz2
import hashlib
import io
import lzma
import os
import re
import stat
import tarfile
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO, Any, BinaryIO, cast
from urllib.parse import unquote_to_bytes

import msgspec
from isal import igzip_lib

from trialpanorama import identifiers, sources
from trialpanorama.errors import RejectReason, Unreadable, UserError
from trialpanorama.record import Note, Place, Record, Reject
from trialpanorama.sources._encodings import Text
from trialpanorama.sources._workbooks import as_tables
from trialpanorama.warehouse import InputFile, fields, lines_table

BOMB_RATIO = 200
"""Registry data expands about 10 to 30 times; nothing real comes near this."""
BOMB_LEAST_BYTES = 64 * 2**20
"""Expansion below this is let through whatever its ratio: it can harm nobody."""
SPOOL_BYTES = 512 * 2**20
"""A spreadsheet inside an archive has to be unpacked to be read; larger ones are rejected."""

# --- finding the input files


def find_inputs(paths: Iterable[Path], exclude: Iterable[Path] = ()) -> list[InputFile]:
    """All files at and below these paths, hashed, in a stable order; raises UserError naming all that do not exist.

    A folder that holds a collection unpacked (`sources.Collection`) is one input with the files that belong to it.
    """
    paths = list(paths)
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        raise UserError(f"No such file or folder: {', '.join(missing)}. Give files or folders of registry data.")
    if streams := [str(path) for path in paths if not (path.is_file() or path.is_dir())]:
        raise UserError(f"{streams[0]} is neither a file nor a folder. Save what comes from it, and give that file.")
    excluded = [path.resolve() for path in exclude]
    found: dict[Path, str] = {}
    for given in paths:
        for path in sorted(_walk(given)):
            resolved = path.resolve()
            if any(resolved == other or other in resolved.parents for other in excluded):
                continue
            found.setdefault(resolved, str(path.relative_to(given.parent) if given.is_dir() else path.name))
    folders = _folders_of_members(found)
    inputs: dict[Path, str] = {}
    for path, label in found.items():
        if folder := folders.get(path):
            inputs.setdefault(folder, str(Path(label).parent) if Path(label).parent.name else folder.name)
        else:
            inputs[path] = label
    return [_describe(path, label) for path, label in inputs.items()]


def _folders_of_members(found: Iterable[Path]) -> dict[Path, Path]:
    """The folder of each file that is a part of a collection which lies unpacked, and was given whole."""
    by_folder: dict[Path, list[str]] = {}
    for path in found:
        by_folder.setdefault(path.parent, []).append(path.name)
    return {
        folder / name: folder
        for folder, names in by_folder.items()
        if (chosen := _chosen(names, partial(_file_head, folder))) and {*chosen[2]} == {*_unpacked(folder)}
        for name in chosen[2]
    }


def _chosen(names: Sequence[str], head: Callable[[str], bytes]) -> _Chosen | None:
    try:
        return sources.choose_collection(names, head)
    except Exception:  # a plug-in's own mistake must not take the archive with it: it is read member by member
        return None


def _file_head(folder: Path, name: str) -> bytes:
    try:
        with (folder / name).open("rb") as file:
            return file.read(sources.HEAD_BYTES)
    except OSError:
        return b""


_OF_SYSTEM = re.compile(
    r"(?:\A|.*/)(?:__MACOSX/.*|\._[^/]*|\.DS_Store|Thumbs\.db|desktop\.ini)\Z", re.IGNORECASE | re.DOTALL
)
"""What macOS and Windows leave in folders and archives: it is nobody's data, and no input."""


def _walk(path: Path) -> Iterator[Path]:
    """Files at and below a path, those behind links too, and folders that cannot be opened."""
    if not path.is_dir():
        yield path
        return
    fetched: set[str] = set()
    closed: list[OSError] = []
    entered: set[str] = set()
    for folder, inner, names in os.walk(path, onerror=closed.append, followlinks=True):
        real = os.path.realpath(folder)
        if real in entered:  # by a link that leads back
            inner.clear()
            continue
        entered.add(real)
        if "fetch.json" in names or folder in fetched:  # what `fetch` says of its folder, and has not finished
            fetched.update(os.path.join(folder, name) for name in inner)
            names = [name for name in names if name != "fetch.json" and not name.endswith(".part")]
        for name in names:
            if not _OF_SYSTEM.match(name):
                yield Path(folder) / name
        inner[:] = [name for name in inner if name != "__MACOSX"]
    yield from (Path(error.filename) for error in closed)


def _describe(path: Path, label: str) -> InputFile:
    sha256, size, modified = "", 0, ""
    try:
        status = path.stat()
        size = status.st_size
        modified = datetime.fromtimestamp(int(status.st_mtime), UTC).isoformat()
        if stat.S_ISREG(status.st_mode):
            with path.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        elif stat.S_ISDIR(status.st_mode):
            files = [_describe(path / name, name) for name in _unpacked(path)]
            sha256 = hashlib.sha256("".join(f"{file.file}\0{file.sha256}\n" for file in files).encode()).hexdigest()
            size = sum(file.bytes for file in files)
    except OSError:
        pass  # reading it will end in a reject that says why
    return InputFile(file=_printable(label), path=_stored(path), sha256=sha256, bytes=size, modified=modified)


def _printable(name: str) -> str:
    """A name with the bytes that are no UTF-8 (of an old file system or archive) written out."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _stored(path: Path) -> str:
    """A path as a manifest can hold it; one that is no UTF-8 as a file: address."""
    return str(path) if _printable(str(path)) == str(path) else path.as_uri()


def stored_path(file: InputFile) -> Path:
    """Where an input file lies."""
    address = file.path.removeprefix("file:")
    return Path(os.fsdecode(unquote_to_bytes(address)) if address != file.path else address)


def changed(files: Iterable[InputFile]) -> list[InputFile]:
    """The files that are no longer what they were when they were found."""
    found = ((file, _describe(stored_path(file), file.file)) for file in files if not _looks_the_same(file))
    return [file for file, now in found if now.sha256 != file.sha256]


def _looks_the_same(file: InputFile) -> bool:
    try:
        status = stored_path(file).stat()
    except OSError:
        return not file.sha256
    modified = datetime.fromtimestamp(int(status.st_mtime), UTC).isoformat()
    return stat.S_ISREG(status.st_mode) and (status.st_size, modified) == (file.bytes, file.modified)


def _chosen_of_folder(folder: Path) -> _Chosen | None:
    try:
        names = sorted(path.name for path in folder.iterdir() if path.is_file())
    except OSError:
        return None
    return _chosen(names, partial(_file_head, folder))


def _unpacked(folder: Path) -> Sequence[str]:
    """The files of a folder that make up a collection."""
    chosen = _chosen_of_folder(folder)
    return chosen[2] if chosen else ()


# --- opening: files, compressed files, archives


class _Source:
    """A stream whose faults end it instead of raising, so that what was read before them is kept."""

    def __init__(self, stream: IO[bytes], compressed_bytes: Callable[[], int]) -> None:
        self._stream = stream
        self._compressed_bytes = compressed_bytes
        self._count = 0
        self.fault: tuple[RejectReason, str] | None = None

    def read(self, size: int) -> bytes:
        if self.fault:
            return b""
        try:
            data = self._stream.read(size)
        except Exception as error:  # decompressors raise a dozen kinds of error on damaged data
            from_system = isinstance(error, OSError) and error.errno is not None
            self.fault = (
                "file_not_readable" if from_system else "broken_archive",
                f"{error}"[:300] or type(error).__name__,
            )
            return b""
        self._count += len(data)
        if self._count > BOMB_LEAST_BYTES and self._count > BOMB_RATIO * max(self._compressed_bytes(), 1):
            self.fault = ("decompression_bomb", f"expands more than {BOMB_RATIO} times")
            return b""
        return data


class _Stream(io.RawIOBase):
    """The guarded stream as a file object, with the bytes that were looked at put back."""

    def __init__(self, head: bytes, rest: _Source) -> None:
        self._head = head
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        if self._head:
            data, self._head = self._head[: len(view)], self._head[len(view) :]
        else:
            data = self._rest.read(len(view))
        view[: len(data)] = data
        return len(data)


_Read = Iterator[tuple[str | None, Record | Reject]]
"""Entries with the archive member that they stand in."""
_Chosen = tuple[sources.Source, sources.Collection, Sequence[str]]


def _read_file(path: Path, members: range | None, part: int, parts: int) -> _Read:
    """Every entry of one input file with the archive member it stands in; never raises for what the file is."""
    if path.is_dir():
        yield from _read_folder(path, part, parts)
        return
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            yield None, Reject(reason="file_not_readable", detail="not a regular file")
            return
        file = path.open("rb")
    except OSError as error:
        yield None, Reject(reason="file_not_readable", detail=error.strerror or str(error))
        return
    with file:
        if is_zip_archive(file):
            yield from _read_zip(file, members, part, parts)
        else:
            yield from _read_stream(file, file, None, path.name, depth=0)


def is_zip_archive(file: BinaryIO) -> bool:
    """Whether the file is a zip of files, rather than a spreadsheet (which is a zip inside)."""
    head = file.read(4)
    file.seek(0)
    if head not in (b"PK\x03\x04", b"PK\x05\x06"):
        return False
    try:
        with zipfile.ZipFile(file) as archive:
            return "xl/workbook.xml" not in archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return True
    finally:
        file.seek(0)


def _members_of(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    return [info for info in archive.infolist() if not info.is_dir() and not _OF_SYSTEM.match(info.filename)]


def _read_zip(file: BinaryIO, members: range | None, part: int, parts: int, depth: int = 0) -> _Read:
    try:
        archive = zipfile.ZipFile(file)
        infos = _members_of(archive)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        yield None, Reject(reason="broken_archive", detail=str(error)[:300])
        return
    if not infos:
        yield None, Reject(reason="empty_file", detail="the archive has no member")
        return
    if chosen := _chosen_of_zip(archive):
        opened = {name: archive.getinfo(name) for name in chosen[2]}
        size = sum(info.file_size for info in opened.values())
        yield from _read_collection(
            chosen, _OpenedMembers(chosen[2], size, lambda name: _open_member(archive, opened[name])), part, parts
        )
        taken = {id(info) for info in opened.values()}
        infos = [info for info in infos if id(info) not in taken] if part == 0 else []
    for info in infos if members is None else infos[members.start : members.stop]:
        name = info.filename
        member = _open_member(archive, info)
        if isinstance(member, Reject):
            yield name, member
            continue
        with member:
            compressed = partial(max, info.compress_size, 1)
            for place, outcome in _read_stream(member, None, compressed, name, depth + 1):
                yield name if place is None else f"{name}/{place}", outcome


def _open_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> IO[bytes] | Reject:
    if info.flag_bits & 1:
        return Reject(reason="encrypted_archive", detail="the member is protected by a password")
    if info.file_size > BOMB_LEAST_BYTES and info.file_size > BOMB_RATIO * max(info.compress_size, 1):
        return Reject(reason="decompression_bomb", detail=f"would expand to {info.file_size} bytes")
    try:
        return archive.open(info)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        return Reject(reason="broken_archive", detail=str(error)[:300])


# --- collections: studies that are spread over many members


def _chosen_of_zip(archive: zipfile.ZipFile) -> _Chosen | None:
    def head(name: str) -> bytes:
        member = _open_member(archive, archive.getinfo(name))
        if isinstance(member, Reject):
            return b""
        with member:
            return _read_head(_Source(member, lambda: 1 << 62))

    return _chosen(archive.namelist(), head)


class _OpenedMembers:
    """The members of a collection, whose faults end them instead of raising."""

    def __init__(self, names: Sequence[str], size: int, opens: Callable[[str], IO[bytes] | Reject]) -> None:
        self.names = names
        self.bytes = size
        self._opens = opens
        self._opened: dict[str, _Source | Reject] = {}

    def open(self, name: str) -> BinaryIO:
        member = self._opens(name)
        if isinstance(member, Reject):
            self._opened[name] = member
            return io.BytesIO()
        source = _Source(member, lambda: 1 << 62)  # a bomb was told by what the archive says of the member's size
        self._opened[name] = source
        return cast(BinaryIO, io.BufferedReader(_Stream(b"", source), 1 << 20))

    def fault(self, name: str) -> tuple[RejectReason, str] | None:
        opened = self._opened[name]
        return (opened.reason, opened.detail) if isinstance(opened, Reject) else opened.fault


_FOLDER_CHANGED = "the folder has changed since it was found"


def _read_folder(folder: Path, part: int, parts: int) -> _Read:
    chosen = _chosen_of_folder(folder)
    if chosen is None:
        detail = "the folder cannot be opened" if not os.access(folder, os.R_OK | os.X_OK) else _FOLDER_CHANGED
        yield None, Reject(reason="file_not_readable", detail=detail)
        return

    def opens(name: str) -> IO[bytes] | Reject:
        try:
            return (folder / name).open("rb")
        except OSError as error:
            return Reject(reason="file_not_readable", detail=error.strerror or str(error))

    size = sum(path.stat().st_size for path in map(folder.joinpath, chosen[2]) if path.is_file())
    yield from _read_collection(chosen, _OpenedMembers(chosen[2], size, opens), part, parts)


def _read_collection(chosen: _Chosen, members: sources.Members, part: int, parts: int) -> _Read:
    owner, collection, _ = chosen
    try:
        for outcome in collection.read(members, part, parts):
            if isinstance(outcome, Record):
                outcome.source = outcome.source or owner.name
                outcome.licence = outcome.licence or owner.licence
            else:
                outcome.source = owner.name
            outcome.place.format = collection.name
            yield outcome.place.member, outcome
    except OSError:  # no room for what a collection has to set aside: no fault of the input
        raise
    except Exception as fault:  # a reader's own mistake must not take the other inputs with it
        detail = f"{type(fault).__name__}: {fault}"[:300]
        yield None, Reject(reason="reader_fault", detail=detail, source=owner.name)


def _read_stream(
    stream: IO[bytes], seekable: BinaryIO | None, compressed_bytes: Callable[[], int] | None, name: str, depth: int
) -> Iterator[tuple[str | None, Record | Reject]]:
    """Entries of a file or member: decompressed where it is compressed, cut up where it is a tar archive, else read."""
    source = _Source(stream, compressed_bytes or (lambda: 1 << 62))
    head = _read_head(source)
    decompressor = next((new for magic, new in _COMPRESSED.items() if head.startswith(magic)), None)
    if decompressor is not None and depth < 3:
        inner = _Decompressed(cast(BinaryIO, io.BufferedReader(_Stream(head, source), 1 << 18)), decompressor)
        plain = _COMPRESSED_ENDING.sub("", name)
        yield from _read_stream(cast(IO[bytes], inner), None, compressed_bytes or stream.tell, plain, depth + 1)
    elif head[257:262] == b"ustar" and depth < 3:
        yield from _read_tar(io.BufferedReader(_Stream(head, source), 1 << 20), source, compressed_bytes, depth)
    elif head.startswith((b"PK\x03\x04", b"PK\x05\x06")) and seekable is None:
        yield from _read_zip_member(head, source, name, depth)
    else:
        content = seekable if head.startswith(b"PK") and seekable is not None else None
        if content is not None:
            content.seek(0)
        else:
            content = cast(BinaryIO, io.BufferedReader(_Stream(head, source), 1 << 18))
        for outcome in _read_content(head, content, source, name):
            yield None, outcome


_COMPRESSED_ENDING = re.compile(r"(?i)\.(?:gz|bz2|xz|lzma)\Z")


class _Decompressed(io.RawIOBase):
    """A compressed stream, decompressed as far as it goes: what comes before the damage is not lost with it."""

    def __init__(self, stream: BinaryIO, new: Callable[[], Any]) -> None:
        self._stream = stream
        self._new = new
        self._decompressor = new()

    def read(self, size: int = -1) -> bytes:
        size = 1 << 18 if size < 0 else size
        while True:
            data = b""
            if self._decompressor.eof:
                data = self._decompressor.unused_data.lstrip(b"\0") or self._stream.read(1 << 16).lstrip(b"\0")
                if not data:
                    return b""
                self._decompressor = self._new()
            elif self._decompressor.needs_input:
                data = self._stream.read(1 << 16)
                if not data:
                    raise EOFError("the compressed stream ends before its end marker")
            if output := self._decompressor.decompress(data, size):
                return bytes(output)


_COMPRESSED: dict[bytes, Callable[[], Any]] = {
    b"\x1f\x8b": lambda: igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_GZIP),
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ\x00": lzma.LZMADecompressor,
    b"\x5d\x00\x00": lzma.LZMADecompressor,
}


def _read_head(source: _Source) -> bytes:
    head = b""
    while len(head) < sources.HEAD_BYTES and (chunk := source.read(sources.HEAD_BYTES - len(head))):
        head += chunk
    return head


def _read_tar(
    stream: io.BufferedReader, source: _Source, compressed_bytes: Callable[[], int] | None, depth: int
) -> Iterator[tuple[str | None, Record | Reject]]:
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for info in archive:
                if info.isfile() and not _OF_SYSTEM.match(info.name):
                    member = archive.extractfile(info)
                    if member is not None:
                        for place, outcome in _read_stream(member, None, compressed_bytes, info.name, depth + 1):
                            yield info.name if place is None else f"{info.name}/{place}", outcome
    except (tarfile.TarError, OSError, EOFError) as error:
        reason, detail = source.fault or ("broken_archive", str(error)[:300])
        yield None, Reject(reason=reason, detail=detail)
        return
    if source.fault:
        yield None, Reject(reason=source.fault[0], detail=source.fault[1])


def _read_zip_member(
    head: bytes, source: _Source, name: str, depth: int
) -> Iterator[tuple[str | None, Record | Reject]]:
    """A zip inside an archive, such as a spreadsheet, is unpacked and read; deep inside of others it is a reject."""
    with tempfile.SpooledTemporaryFile(max_size=1 << 24) as spooled:
        spooled.write(head)
        while chunk := source.read(1 << 20):
            spooled.write(chunk)
            if spooled.tell() > SPOOL_BYTES:
                detail = f"a zip of more than {SPOOL_BYTES >> 20} MiB inside an archive: unpack it first"
                yield None, Reject(reason="entry_too_large", detail=detail)
                return
        spooled.seek(0)
        seekable = cast(BinaryIO, spooled)
        if source.fault is not None or not is_zip_archive(seekable):
            for outcome in _read_content(head, seekable, source, name):
                yield None, outcome
        elif depth > 2:
            yield None, Reject(reason="nested_archive", detail="an archive inside an archive: unpack it first")
        else:
            yield from _read_zip(seekable, None, 0, 1, depth)


_GUESSED_ENCODING = "the file does not say in which encoding it is; its characters do"
_OTHER_FORMATS: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"\A%PDF-"), "PDF"),
    (re.compile(rb"\A\xd0\xcf\x11\xe0"), "an old Excel or Word file: save it as CSV or XLSX"),
    (re.compile(rb"\A\x28\xb5\x2f\xfd"), "Zstandard: decompress it first"),
    (re.compile(rb"\A(?:7z\xbc\xaf|Rar!)"), "a 7z or RAR archive: unpack it first"),
    (re.compile(rb"<rss[\s>]|<feed[\s>]"), "a news feed"),
    (re.compile(rb"(?i)\A\s*+(?:<!doctype html|<html[\s>])"), "a web page: look there for a download or an export"),
    (re.compile(rb"\APGDMP"), "a PostgreSQL dump, such as AACT's: download the pipe-delimited flat files instead"),
)


def _read_content(head: bytes, content: BinaryIO, source: _Source, name: str) -> Iterator[Record | Reject]:
    """Entries of content that is neither compressed nor an archive."""
    if not head:
        reason, detail = source.fault or ("empty_file", "no bytes")
        yield Reject(reason=reason, detail=detail)
        return
    digest = Place(entry_sha256=hashlib.sha256(head).hexdigest())
    text = Text(head, content, sources.HEAD_BYTES)
    if text.stream is not content:
        head, content = text.head, cast(BinaryIO, io.BufferedReader(cast(io.RawIOBase, text.stream), 1 << 18))
    try:
        recognised = sources.recognise(head)
    except Exception as fault:
        yield Reject(reason="reader_fault", detail=f"{type(fault).__name__}: {fault}"[:300], place=digest)
        return
    if recognised is None:
        known = next((name for pattern, name in _OTHER_FORMATS if pattern.search(head[:4096])), None)
        if source.fault:
            yield Reject(reason=source.fault[0], detail=source.fault[1], place=digest)
        elif known:
            yield Reject(reason="format_without_reader", detail=known, place=digest)
        else:
            yield Reject(reason="not_a_registry_export", detail="no source recognises the content", place=digest)
        return
    owner, format = recognised
    held: Record | Reject | None = None
    count = 0
    try:
        for outcome in format.outcomes(content, name):
            if held is not None:
                yield held
            held = outcome
            count += 1
            if isinstance(outcome, Record):
                outcome.source = outcome.source or owner.name
                outcome.licence = outcome.licence or owner.licence
                if text.guessed:
                    outcome.notes.append(Note("place", _GUESSED_ENCODING, text.guessed))
            else:
                outcome.source = owner.name
            outcome.place.format = format.name
    except Exception as error:  # a reader's own mistake must not take the neighbours with it
        broken = Reject(
            reason=error.reason if isinstance(error, Unreadable) else "reader_fault",
            detail=error.detail if isinstance(error, Unreadable) else f"{type(error).__name__}: {error}"[:300],
            source=owner.name,
            place=Place(format=format.name, ordinal=count + 1),
        )
        yield from (outcome for outcome in (held, broken) if outcome is not None)
        return
    if head.startswith(b"PK") and isinstance(held, Reject) and held.reason == "not_a_registry_export":
        yield from _read_sheets(content, source, name, held)
        return
    if source.fault:
        # the last entry was cut short by the fault; of several, a whole one before it is kept
        reason, detail = source.fault
        place = held.place if held is not None else Place(format=format.name)
        if isinstance(held, Record) and count > 1:
            yield held
            place = Place(format=format.name, ordinal=count + 1)
        held = Reject(reason=reason, detail=detail, source=owner.name, place=place)
    if held is None:
        held = Reject(reason="empty_file", detail="no entry in it", source=owner.name, place=Place(format=format.name))
    yield held


def _read_sheets(workbook: BinaryIO, source: _Source, name: str, otherwise: Reject) -> Iterator[Record | Reject]:
    """Entries of the sheets that a source knows as the tables they would be saved as; if there is none, this Reject."""
    count = 0
    try:
        for _, table in as_tables(workbook):
            head = table.read(sources.HEAD_BYTES)
            table.seek(0)
            if sources.recognise(head) is None:
                continue
            before = count
            for outcome in _read_content(head, table, source, name):
                count += 1
                outcome.place.ordinal += before
                yield outcome
    except Unreadable as unreadable:
        otherwise = Reject(reason=unreadable.reason, detail=unreadable.detail, place=Place(ordinal=count + 1))
        count = 0
    if not count:
        yield otherwise


# --- what must not be kept

_EMAIL = re.compile(
    r"(?<![\w.+%'-])[\w.+%'-]+\s?(?:@|＠|\(at\)|\[at\])\s?[\w-]+(?:\.[\w-]+)+",
    re.IGNORECASE,
)
_PHONE = re.compile(
    r"""(?ix)
    (?<![\w+])\+\s?\d{1,3}[\s().\-/]*\d(?:[\s().\-/]*\d){6,12}(?!\d)
    | \(\d{3}\)\s?\d{3}[-.\s]\d{4}(?!\d)
    | (?<![\d.\-/])(?:1[-.])?\d{3}([-.])\d{3}\1\d{4}(?![\d\-/])
    | (?P<word>(?:\b(?:tele?(?:phone|fone|f)?|phone|fax|mobile|cell|whatsapp|hotline|call|contact|ph)\b|[☎✆])
      (?:\s?(?:no|nr|number|num|us|at|on|is))?[\s.:)(]{0,4})
      (?!(?:19|20)\d\d\s?[-/–]\s?(?:19|20)?\d\d)\(?\+?\d(?:[\s().\-/]?\d){6,14}(?!\d)
    """
)
_DIGITS = re.compile(r"\d(?:[\s().\-/]*\d){6}")
_DIGITS_IN_LINE = re.compile(rb"\d[\d().\- /]{6,}")
_PHONE_SHAPE = re.compile(rb"\d{3}\) ?\d{3}[-. ]\d{4}|(?:1[-.])?\d{3}([-.])\d{3}\1\d{4}")
_PHONE_WORD = re.compile(
    rb"(?i:tel|fon|fax|phone|mobile|cell|whatsapp|hotline|call|contact|ph\b)|\xe2\x98\x8e|\xe2\x9c\x86|\+"
)
_LETTERS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_QUOTATION_MARK = ord('"')
_EMAIL_SIGNS = ("@", "＠", "(at)", "[at]", "(AT)", "[AT]")
_EMAIL_SIGNS_IN_LINE = tuple(sign.encode() for sign in _EMAIL_SIGNS)


def without_contacts(text: str) -> str:
    """The text with e-mail addresses and telephone numbers replaced by words that say so."""
    if any(sign in text for sign in _EMAIL_SIGNS):
        text = _EMAIL.sub("[e-mail removed]", text)
    if _DIGITS.search(text):
        text = _PHONE.sub(_without_number, text)
    return text


_DECIMAL = re.compile(r"(?<![\d.])(?:0\.\d+|\d{1,3}\.\d{1,2})(?![\d.])")
_LONG_NUMBER = re.compile(r"(?<![\d.])\d{4,}(?![\d.])")


def _without_number(match: re.Match[str]) -> str:
    found, word = match[0], match["word"] or ""
    is_statistic = (
        found.count("(") > 1  # +45 (26) 38 (24)
        or re.match(r"\+\s?0(?!0)", found) is not None  # no country has that code; +0044 is written for 0044
        or bool(_DECIMAL.search(found) and not _LONG_NUMBER.search(found))  # +2.5 (20.9), pH 4.18-5.87
    )
    if is_statistic and (not word or word.startswith("pH")):
        return found
    return f"{word}[telephone removed]"


def _may_hold_contacts(line: bytes) -> bool:
    """A quick look at a record's JSON, so that the few records with contacts pay for the thorough one."""
    if any(sign in line for sign in _EMAIL_SIGNS_IN_LINE):
        return True
    for digits in _DIGITS_IN_LINE.finditer(line):
        at = digits.start()
        before = line[at - 1]
        if before in _LETTERS:
            continue  # NCT00000001 and the like
        if _PHONE_SHAPE.match(line, at):
            return True
        if before != _QUOTATION_MARK and _PHONE_WORD.search(line, max(at - 28, 0), at):
            return True
    return False


_NOT_TEXT = {"id", "pmid", "doi", "url", "date", "orcid", "file", "file_sha256", "entry_sha256", "member"}
"""Fields in which digits are no telephone number, and which must stay as they are to be found again."""


def _scrub(value: Any, key: str = "") -> Any:
    if isinstance(value, str):
        return without_contacts(value) if key not in _NOT_TEXT or "@" in value else value
    if isinstance(value, list):
        return [_scrub(item, key) for item in value]
    if isinstance(value, dict):
        return {name: _scrub(item, name) for name, item in value.items()}
    return value


# --- a unit of work


class Piece(msgspec.Struct, frozen=True):
    """A file, a range of an archive's members, or a part of a collection, that one worker reads."""

    file: InputFile
    copy_number: int = 1
    """Which of several files with the same bytes it is, so that each keeps its own Records."""
    first_member: int | None = None
    last_member: int | None = None
    """The member after the last that is read."""
    bytes: int = 0
    """Its size when decompressed, as far as that is known beforehand."""
    part: int = 0
    """Of a collection: which of its parts."""
    parts: int = 1


class Unit(msgspec.Struct, frozen=True):
    """What one worker reads and writes at a time: one or many pieces, one Parquet file for each source met."""

    name: str
    pieces: tuple[Piece, ...]
    folder: str
    keep_contacts: bool = False


class UnitResult(msgspec.Struct):
    """What came of a unit: the counts of each of its pieces."""

    name: str
    counts: list[tuple[str, int, int]]
    """Of each piece: path of the file, records, rejects."""


UNIT_BYTES = 16 * 2**20
"""How much decompressed data one worker reads at a time: small enough to be shared out evenly."""
UNIT_FILES = 1_000


def plan(files: Iterable[InputFile], folder: Path, keep_contacts: bool, known: Iterable[InputFile] = ()) -> list[Unit]:
    """Divide files into units of similar size: small files together, large zip archives by ranges of their members.

    `known` are files that the warehouse has already; a new file with the same bytes as one of them is its next copy.
    """
    copies = Counter(file.sha256 for file in known)
    pieces: list[Piece] = []
    for file in files:
        copies[file.sha256] += 1
        pieces.extend(_pieces(file, copies[file.sha256]))
    units: list[Unit] = []
    group: list[Piece] = []
    size = 0
    for position, piece in enumerate(pieces):
        group.append(piece)
        size += piece.bytes
        last = position == len(pieces) - 1
        if last or size + pieces[position + 1].bytes > UNIT_BYTES or len(group) >= UNIT_FILES:
            key = "|".join(
                f"{p.file.sha256}:{p.file.file}:{p.copy_number}:{p.first_member}:{p.last_member}:{p.part}:{p.parts}"
                for p in group
            )
            name = hashlib.sha256(key.encode()).hexdigest()[:16]
            units.append(Unit(name, tuple(group), str(folder), keep_contacts))
            group, size = [], 0
    return units


_COMPRESSION = 6
"""How many times registry data expands, for formats that do not say: only to divide work evenly."""


def _pieces(file: InputFile, copy_number: int) -> list[Piece]:
    """A file in pieces of bounded size, as far as it can be read in pieces (an archive can)."""
    size = file.bytes
    try:
        path = stored_path(file)
        if path.is_dir():
            return _parts(file, copy_number, size)
        if stat.S_ISREG(path.stat().st_mode):
            with path.open("rb") as opened:
                head = opened.read(8)
                opened.seek(0)
                if any(head.startswith(magic) for magic in _COMPRESSED):
                    size *= _COMPRESSION
                elif head.startswith(b"PK"):
                    with zipfile.ZipFile(opened) as archive:
                        sizes = [info.file_size for info in _members_of(archive)]
                        is_collection = _chosen_of_zip(archive) is not None
                    size = sum(sizes)
                    if is_collection:
                        return _parts(file, copy_number, size)
                    if is_zip_archive(opened) and size > UNIT_BYTES // 4:
                        return _member_ranges(file, copy_number, sizes)
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        pass  # reading it will end in a reject that says why
    return [Piece(file, copy_number, bytes=size)]


PART_BYTES = 2**30
MOST_PARTS = 8
"""Each part of a collection reads through all of it, which is quick beside what becomes of its share."""


def _parts(file: InputFile, copy_number: int, size: int) -> list[Piece]:
    parts = min(1 + size // PART_BYTES, MOST_PARTS)
    return [Piece(file, copy_number, None, None, size // parts, part, parts) for part in range(parts)]


def _member_ranges(file: InputFile, copy_number: int, sizes: list[int]) -> list[Piece]:
    ranges: list[Piece] = []
    first = size = 0
    for member, member_bytes in enumerate(sizes):
        size += member_bytes
        if size >= UNIT_BYTES // 4 or member == len(sizes) - 1:
            ranges.append(Piece(file, copy_number, first, member + 1, size))
            first, size = member + 1, 0
    return ranges


def unit_marker(folder: Path, name: str) -> Path:
    """The file that says that a unit is done and what came of it."""
    return folder / "units" / f"{name}.json"


BATCH_BYTES = 12 * 2**20


def read_unit(unit: Unit) -> UnitResult:
    """Read a unit's pieces and write `records/SOURCE/UNIT.parquet`, `rejects/UNIT.parquet`, and its marker last."""
    folder = Path(unit.folder)
    writers = _Writers(folder, unit.name)
    result = UnitResult(unit.name, [])
    try:
        for piece in unit.pieces:
            records = rejects = 0
            for outcome in read_piece(piece):
                if isinstance(outcome, Record):
                    writers.add(f"records/{outcome.source}", Record, record_line(outcome, unit.keep_contacts))
                    records += 1
                else:
                    writers.add("rejects", Reject, reject_line(outcome))
                    rejects += 1
            result.counts.append((piece.file.path, records, rejects))
        writers.close()
    except BaseException:
        writers.abandon()
        raise
    marker = unit_marker(folder, unit.name)
    marker.parent.mkdir(parents=True, exist_ok=True)
    unfinished = marker.with_suffix(f".{os.getpid()}.part")
    unfinished.write_bytes(msgspec.json.encode(result))
    unfinished.replace(marker)
    return result


def read_piece(piece: Piece) -> Iterator[Record | Reject]:
    """Records and Rejects of a file or a range of its members, with their place and key set."""
    members = None if piece.first_member is None else range(piece.first_member, piece.last_member or piece.first_member)
    for member, outcome in _read_file(stored_path(piece.file), members, piece.part, piece.parts):
        place = outcome.place
        place.file, place.file_sha256 = piece.file.file, piece.file.sha256
        place.member = member = None if member is None else _printable(member)
        if isinstance(outcome, Record):
            key = f"{place.file_sha256}|{piece.copy_number}|{member}|{place.ordinal}"
            outcome.record_id = hashlib.sha256(key.encode()).hexdigest()[:20]
        yield outcome


def read_content(content: bytes, name: str) -> Iterator[Record | Reject]:
    """Records (without contacts) and Rejects of what is held in memory, such as an upload, with their place and key."""
    file = io.BytesIO(content)
    digest = hashlib.sha256(content).hexdigest()
    found = _read_zip(file, None, 0, 1) if is_zip_archive(file) else _read_stream(file, file, None, name, depth=0)
    for member, outcome in found:
        place = outcome.place
        place.file, place.file_sha256, place.member = name, digest, member
        if isinstance(outcome, Record):
            outcome.record_id = hashlib.sha256(f"{digest}|1|{member}|{place.ordinal}".encode()).hexdigest()[:20]
            outcome = msgspec.json.decode(record_line(outcome, keep_contacts=False), type=Record)
        yield outcome


_ENCODER = msgspec.json.Encoder()


_HUGE_NUMBER = re.compile(rb"[\[:,]-?\d{19,}[\],}]")
_TOO_LARGE = "a number too large to be one was left out"


def _within_64_bits(record: Record) -> Record:
    """The Record without integers that no column can hold; a note keeps each."""
    notes = []

    def lessened(value: Any, field: str) -> Any:
        if isinstance(value, dict):
            return {name: lessened(inner, field or name) for name, inner in value.items()}
        if isinstance(value, list):
            return [lessened(inner, field) for inner in value]
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            notes.append(Note(field, _TOO_LARGE, str(value)))
            return None
        return value

    content = lessened(msgspec.to_builtins(record), "")
    content["notes"] = content.get("notes", []) + msgspec.to_builtins(notes)
    return msgspec.convert(content, Record)


def record_line(record: Record, keep_contacts: bool) -> bytes:
    """One JSON line of a Record: without contacts unless they are kept, with the hash of its content.

    A Record is fictional if its id is in a reserved range and it says so itself: some registers draw ids at random,
    so that a real id can fall into the range.
    """
    if not keep_contacts:
        record.contacts = []
    file, record_id, record.place.file, record.record_id = record.place.file, record.record_id, "", ""
    line = _ENCODER.encode(record)
    if _HUGE_NUMBER.search(line):
        record = _within_64_bits(record)
        line = _ENCODER.encode(record)
    if b"FICTIONAL" in line and identifiers.is_fictional(record.id, record.register):
        record.is_fictional = True
        line = _ENCODER.encode(record)
    if not keep_contacts and _may_hold_contacts(line):
        line = _ENCODER.encode(_scrub(msgspec.json.decode(line)))
    digest = hashlib.sha256(line).hexdigest()
    record.place.file, record.record_id = file, record_id
    own = _ENCODER.encode({"record_id": record_id, "content_sha256": digest})
    return own[:-1] + b"," + line[1:].replace(b'"place":{', b'"place":{"file":' + _ENCODER.encode(file) + b",", 1)


def reject_line(reject: Reject) -> bytes:
    """One JSON line of a Reject; its detail is scrubbed, as it can quote the input."""
    reject.detail = _printable(without_contacts(reject.detail))
    return _ENCODER.encode(reject)


class _Writers:
    """Parquet files of a unit, one a folder, written in batches of bounded size and renamed when whole."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._lines: dict[str, bytearray] = {}
        self._structs: dict[str, type[msgspec.Struct]] = {}
        self._open: dict[str, Any] = {}

    def _unfinished(self, place: str) -> Path:
        return self._folder / place / f".{self._name}.{os.getpid()}.part"

    def add(self, place: str, struct: type[msgspec.Struct], line: bytes) -> None:
        lines = self._lines.setdefault(place, bytearray())
        self._structs[place] = struct
        lines += line
        lines += b"\n"
        if len(lines) > BATCH_BYTES:
            self._flush(place)

    def _flush(self, place: str) -> None:
        import pyarrow.parquet

        table = lines_table(self._structs[place], bytes(self._lines[place]))
        if place not in self._open:
            unfinished = self._unfinished(place)
            unfinished.parent.mkdir(parents=True, exist_ok=True)
            self._open[place] = pyarrow.parquet.ParquetWriter(unfinished, table.schema, compression="zstd")
        self._open[place].write_table(table)
        self._lines[place] = bytearray()

    def close(self) -> None:
        for place, lines in self._lines.items():
            if lines:
                self._flush(place)
        for place, writer in self._open.items():
            writer.close()
            self._unfinished(place).replace(self._folder / place / f"{self._name}.parquet")

    def abandon(self) -> None:
        for place, writer in self._open.items():
            writer.close()
            self._unfinished(place).unlink(missing_ok=True)


def reader_fingerprint() -> str:
    """Changes whenever inputs have to be read again: with the version of the package or the shape of a Record."""
    from importlib.metadata import version

    shape = "|".join(f"{field.name}:{field.annotation}" for field in fields(Record))
    return hashlib.sha256(f"{version('trialpanorama')}|{shape}".encode()).hexdigest()[:16]
