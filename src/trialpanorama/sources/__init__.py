"""The world in: one file per registry or literature source, found by walking this folder.

A source is a module with a `SOURCE`. It says how a user gets the data, and how each of its formats is recognised
and read. Reading is pure: a stream of bytes in, Records and Rejects out, in the order of the input, one for each
study, row or article. Where the bytes come from (folder, zip, gzip) and what becomes of Records is not its business
(`trialpanorama.ingest`).
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import BinaryIO, Protocol

import msgspec

from trialpanorama.errors import RejectReason, UnknownName
from trialpanorama.fetching import Fetch
from trialpanorama.record import Record, Reject

HEAD_BYTES = 65_536
"""How much of the (decompressed) content a format is recognised by."""


class Format(msgspec.Struct, frozen=True):
    """One of the formats in which a source gives its data."""

    name: str
    """Short name, such as `api-v2-json`."""
    meaning: str
    """One sentence: what it is and how a user gets it."""
    recognise: Callable[[bytes], bool]
    """Whether content that begins with these bytes (up to HEAD_BYTES, byte-order mark included) is in this format."""
    read: Callable[..., Iterator[Record | Reject]]
    """Read one file or archive member from a byte stream; `place.ordinal`, `.offset`, `.line` and `.entry_sha256` are
    set, the rest of `place` is not. Never raises for what the bytes say; never holds more than a few entries in
    memory."""
    uses_name: bool = False
    """Whether `read` also takes the name of the file or member: for formats that say something nowhere else."""

    def outcomes(self, stream: BinaryIO, name: str = "") -> Iterator[Record | Reject]:
        """Read a stream that has this name (a path inside an archive, or a file's name)."""
        return self.read(stream, name) if self.uses_name else self.read(stream)


class Members(Protocol):
    """The members of an archive, or the files of a folder, that one collection is made of."""

    names: Sequence[str]
    bytes: int
    """Their size together, decompressed."""

    def open(self, name: str) -> BinaryIO:
        """A member's bytes from the beginning; they end early, and nothing is raised, where it is damaged."""

    def fault(self, name: str) -> tuple[RejectReason, str] | None:
        """What ended the member early, known once it has been read."""


class Collection(msgspec.Struct, frozen=True):
    """A format that spreads each study over many members of one archive, such as the tables of a database."""

    name: str
    """Short name, such as `flat-files`."""
    meaning: str
    """One sentence: what it is and how a user gets it."""
    choose: Callable[[Sequence[str], Callable[[str], bytes]], Sequence[str]]
    """Of the names of an archive's members those that make up such a collection, none if it is no such archive; the
    function gives the first bytes of a member. A member that is not chosen is an input of its own."""
    read: Callable[[Members, int, int], Iterator[Record | Reject]]
    """Read one of several parts (from 0) of the studies, divided by their ids: every study is in exactly one part, with
    a `place` that does not depend on their number, `member` included. Never raises for what the bytes say; memory does
    not grow with the size of the archive."""


class Source(msgspec.Struct, frozen=True):
    """A registry, a portal or a literature database."""

    name: str
    """The file's name in this folder; the name in commands and tables."""
    title: str
    home_page: str
    licence: str
    """Licence or terms of use, in a few words."""
    is_open: bool
    """Whether rows from it may be passed on: `export` leaves others out unless told otherwise."""
    registers: tuple[str, ...]
    """The registers whose ids its records carry (names of `trialpanorama.identifiers`)."""
    obtain: str
    """How a user gets the data, in a sentence or two."""
    formats: tuple[Format, ...]
    collections: tuple[Collection, ...] = ()
    """What it gives as archives whose members belong together."""
    fetch: Fetch | None = None
    """How it is fetched; a source has either this or `no_fetch`."""
    no_fetch: str | None = None
    """Why it is not fetched, in a sentence: its terms, or that it has no interface for it."""


@cache
def sources() -> dict[str, Source]:
    """Every source, by name, in alphabetical order."""
    found: dict[str, Source] = {}
    for module in sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")):
        found[module] = importlib.import_module(f"{__name__}.{module}").SOURCE
    return found


def source(name: str) -> Source:
    """The source of this name; raises UnknownName with the nearest."""
    try:
        return sources()[name]
    except KeyError:
        raise UnknownName("source", name, sources(), "trialpanorama sources") from None


def recognise(head: bytes) -> tuple[Source, Format] | None:
    """The source and format of content that begins with these bytes; none if no source knows it."""
    for candidate in sources().values():
        for format in candidate.formats:
            if format.recognise(head):
                return candidate, format
    return None


def choose_collection(
    names: Sequence[str], head: Callable[[str], bytes]
) -> tuple[Source, Collection, Sequence[str]] | None:
    """The source and collection that members of these names make up, and which of them do; none if no source knows it.

    `head` gives the first bytes of a member.
    """
    for candidate in sources().values():
        for collection in candidate.collections:
            if chosen := collection.choose(names, head):
                return candidate, collection, chosen
    return None
