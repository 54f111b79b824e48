"""Release files: opened from disk, from gzip and from zip archives, with faults that name the file."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO

import msgspec

from trialpanorama.errors import UserError

_HTML = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<!doctype html|<html)", re.I)
_LONGEST = 300
"""Characters that may be said of a file."""


class ReleaseFile(msgspec.Struct, frozen=True):
    """One file of a release: a file on disk or a member of a zip archive, plain or gzipped."""

    path: Path
    member: str | None = None

    @property
    def name(self) -> str:
        """The file's own name, without folders and without .gz."""
        return (self.member or self.path.name).rsplit("/", 1)[-1].removesuffix(".gz")

    @property
    def label(self) -> str:
        """What a message calls it."""
        return f"{self.path}!{self.member}" if self.member else str(self.path)

    def unusable(self, what: str, next_step: str = "Get the file again, and add it once more.") -> UserError:
        """The error for a file that cannot be read: `what` is wrong with it, as a part of a sentence.

        What the file itself says in it is brought to one line of a bearable length.
        """
        what = " ".join("".join(letter if letter.isprintable() else " " for letter in what).split())
        what = what if len(what) <= _LONGEST else f"{what[:_LONGEST]}..."
        return UserError(f"{self.label}: {what}. What is installed stays in use. {next_step}")

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Its decompressed bytes; a file that is damaged or cut short raises UserError when that is met."""
        with self._opened() as stream:
            yield io.BufferedReader(_Guarded(stream, self), 2**18)

    @contextmanager
    def text(self, encoding: str = "utf-8-sig") -> Iterator[IO[str]]:
        """Its decompressed text, line ends made "\\n"."""
        with self._opened() as raw:
            stream = io.BufferedReader(_Guarded(raw, self, is_text=True), 2**18)
            text = io.TextIOWrapper(stream, encoding=encoding)
            try:
                yield text
            except UnicodeDecodeError:
                raise self.unusable(f"is no {encoding.removesuffix('-sig')} text") from None

    def head(self, size: int) -> bytes:
        """Its first bytes, decompressed."""
        with self.open() as stream:
            return stream.read(size)

    @contextmanager
    def _opened(self) -> Iterator[IO[bytes] | gzip.GzipFile]:
        try:
            if self.member is None:
                raw: IO[bytes] = self.path.open("rb")
            else:
                archive = zipfile.ZipFile(self.path)
                raw = archive.open(self.member)
        except RuntimeError:  # what zipfile raises for a password
            raise self.unusable("is protected by a password", "Unpack it, and add what is in it.") from None
        except (OSError, zipfile.BadZipFile, NotImplementedError, KeyError) as error:
            raise self.unusable(f"cannot be opened ({_words(error)})") from None
        with raw:
            try:
                is_gzip = raw.read(2) == b"\x1f\x8b"
                raw.seek(0)
            except (OSError, zipfile.BadZipFile, zlib.error, EOFError) as error:
                raise self.unusable(f"cannot be read ({_words(error)})") from None
            if not is_gzip:
                yield raw
            else:
                with gzip.GzipFile(fileobj=raw) as unpacked:
                    yield unpacked


def foreign(file: ReleaseFile) -> str:
    """What a file that no vocabulary knows seems to be, as the end of a sentence; "" if nothing tells it."""
    head = file.head(1024)
    if not head:
        return ": it is empty"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return ": it is UTF-16 text, and UTF-8 is read"
    if _HTML.match(head):
        return ": it is a page of the web, as a server sends it in the place of a file"
    return ""


def find_files(path: Path) -> list[ReleaseFile]:
    """The release files that a path stands for: itself, the members of a zip archive, or all files below a folder."""
    if not path.exists():
        raise UserError(f"No such file or folder: {path}. Give the files, folders or zip archives of a release.")
    if path.is_dir():
        inner = (Path(folder) / name for folder, _, names in os.walk(path) for name in names)
        return [
            file
            for found in sorted(inner)
            if found.name != "fetch.json" and found.suffix != ".part"
            for file in find_files(found)
        ]
    if not zipfile.is_zipfile(path):
        return [ReleaseFile(path)]
    with zipfile.ZipFile(path) as archive:
        return [ReleaseFile(path, info.filename) for info in archive.infolist() if not info.is_dir()]


def sha256(path: Path) -> str:
    """The hash of a file as it lies on disk."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _words(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__


class _Guarded(io.RawIOBase):
    """A stream whose faults say which file they are in."""

    def __init__(self, stream: IO[bytes] | gzip.GzipFile, file: ReleaseFile, is_text: bool = False) -> None:
        self._stream = stream
        self._file = file
        self._is_text = is_text

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        try:
            data = self._stream.read(len(view))
        except Exception as error:  # decompressors raise a dozen kinds of error on damaged data
            if isinstance(error, EOFError):
                raise self._file.unusable("ends before its end: it is cut short") from None
            raise self._file.unusable(f"is damaged ({_words(error)})") from None
        if self._is_text and b"\0" in data:  # a hole that a broken download left, or another encoding
            raise self._file.unusable("holds zero bytes: it is damaged, or no UTF-8 text")
        view[: len(data)] = data
        return len(data)
