"""What every reader needs: cut a stream into entries with flat memory, keep a bad entry from harming its neighbours.

A reader is `each(entries, to_record)`: the entries come from one of the cutters here (`json_values`, `xml_elements`,
`csv_rows`, `whole`), and `to_record` turns the bytes or row of one entry into a Record or raises Unreadable.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import html
import io
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from operator import itemgetter
from typing import BinaryIO, cast

import msgspec
from lxml import etree

from trialpanorama.errors import RejectReason, Unreadable
from trialpanorama.record import Place, Record, Reject

MAX_ENTRY_BYTES = 32 * 2**20
"""No real study, row or article comes near this size; a larger entry is a reject, read past without being kept."""

_CHUNK = 1 << 18


class Entry(msgspec.Struct, gc=False):
    """One study, row or article before it is read."""

    data: bytes
    """The entry's own bytes; of a table row its cells, joined by the unit separator (U+001F)."""
    ordinal: int
    offset: int | None = None
    line: int | None = None
    row: dict[str, str] | None = None
    """The cells by column name, for a table row."""


def each(entries: Iterable[Entry | Reject], to_record: Callable[[Entry], Record]) -> Iterator[Record | Reject]:
    """Turn entries into Records one by one; whatever goes wrong with one of them becomes its Reject."""
    for entry in entries:
        if isinstance(entry, Reject):
            yield entry
            continue
        place = Place(
            ordinal=entry.ordinal,
            offset=entry.offset,
            line=entry.line,
            entry_sha256=_digest(entry.data),
        )
        try:
            record = to_record(entry)
        except Unreadable as unreadable:
            yield Reject(reason=unreadable.reason, detail=unreadable.detail, place=place)
        except RecursionError:
            yield Reject(reason="reader_fault", detail="nested too deeply", place=place)
        except Exception as fault:  # a reader's own mistake must not take the neighbours with it
            yield Reject(reason="reader_fault", detail=f"{type(fault).__name__}: {fault}"[:500], place=place)
        else:
            record.place = place
            yield record


def one_or_more(
    stream: BinaryIO,
    begins_one: re.Pattern[bytes],
    cut: Callable[[BinaryIO], Iterable[Entry | Reject]],
    to_record: Callable[[Entry], Record],
) -> Iterator[Record | Reject]:
    """Read content that begins like a single entry as one; cut it into several only if it is not well formed as one."""
    data, whole_stream = peek(stream, MAX_ENTRY_BYTES)
    if len(data) < MAX_ENTRY_BYTES and begins_one.match(data):
        begin = 3 if data.startswith(codecs.BOM_UTF8) else 0
        outcome = next(each([Entry(data[begin:], 1, begin)], to_record))
        if isinstance(outcome, Record) or outcome.reason not in ("malformed_json", "malformed_xml", "truncated"):
            yield outcome
            return
    yield from each(cut(whole_stream), to_record)


# --- text


_BREAK = re.compile(r"(?i)<\s*(?:br|/p|/div|/li|/tr)\s*/?\s*>")
_BEGINS_BLOCK = re.compile(r"(?i)(?<=[^\s>])[ \t]*<(?:p|div|ul|ol|li|tr)(?:\s[^<>]{0,200})?>")
"""A paragraph or item that begins behind words of the same line."""
_TAG = re.compile(r"</?[A-Za-z][A-Za-z0-9]*(?:\s[^<>]{0,200})?/?\s*>")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")


def fold(text: str | None) -> str | None:
    """One line of text: every run of white space becomes one blank; empty becomes None."""
    if not text:
        return None
    if text.isprintable() and "  " not in text:  # no white space but single blanks
        return text.strip() or None
    return " ".join(text.split()) or None


def block(text: str | None) -> str | None:
    """A text of several lines: blanks folded within lines, blank lines at most one in a row; empty becomes None."""
    if not text:
        return None
    if not any(map(text.__contains__, _UNTIDY)) and text.replace("\n", "").isprintable():
        return text.strip() or None
    return _joined_lines(text, "\n")


_ODD_BLANKS = "\t\x0b\x0c\x1c\x1d\x1e\x1f"
"""White space of ASCII that is neither a blank nor a line break; that of other scripts is not printable either."""
_UNTIDY = ("  ", "\n ", " \n", "\n\n\n", "\r")


def unwrap(text: str | None) -> str | None:
    """A text whose lines were wrapped at some width: blank lines divide paragraphs, other breaks become blanks."""
    return _joined_lines(text, " ") if text else None


_LINE_BREAK = re.compile(r"\r\n?|\n")
_BLANK_LINES = re.compile("\0\0+")


def _joined_lines(text: str, line_break: str) -> str | None:
    """Lines without superfluous blanks, joined; blank lines become one."""
    if "\n" not in text and "\r" not in text:
        return fold(text)
    lines = [*map(str.strip, text.split("\n"))]  # which also takes the \r off \r\n
    if any(map(text.__contains__, _ODD_BLANKS)) or not (text.isascii() or all(map(str.isprintable, lines))):
        lines = [" ".join(line.split()) for line in _LINE_BREAK.split(text)]
    joined = "\0".join(lines)
    if "\r" in joined:
        return _joined_lines(text.replace("\r\n", "\n").replace("\r", "\n"), line_break)
    while "  " in joined:
        joined = joined.replace("  ", " ")
    joined = joined.strip("\0")
    joined = _BLANK_LINES.sub("\n\n", joined) if "\0\0\0" in joined else joined.replace("\0\0", "\n\n")
    return joined.replace("\0", line_break) or None


def from_html(text: str | None) -> str | None:
    """A text with HTML in it: breaks become lines, other tags go, entities (also doubled ones) become characters."""
    if not text:
        return None
    if "&" in text:
        text = html.unescape(html.unescape(text))
    if "<" in text:
        text = _TAG.sub("", _BREAK.sub("\n", _BEGINS_BLOCK.sub("\n", text)))
    return block(_CONTROL.sub("", text))


# --- cutting streams into entries


def _digest(data: bytes) -> str:
    return hashlib.sha256(data, usedforsecurity=False).hexdigest()


def reject(
    reason: RejectReason, detail: str, data: bytes, ordinal: int, offset: int | None, line: int | None = None
) -> Reject:
    """A Reject for bytes that never became an Entry."""
    place = Place(ordinal=ordinal, offset=offset, line=line, entry_sha256=_digest(data))
    return Reject(reason=reason, detail=detail, place=place)


def _too_large(data: bytes, ordinal: int, offset: int | None, line: int | None = None) -> Reject:
    detail = f"larger than {MAX_ENTRY_BYTES >> 20} MiB; the hash is of its beginning"
    return reject("entry_too_large", detail, data, ordinal, offset, line)


def whole(stream: BinaryIO) -> Iterator[Entry | Reject]:
    """The whole stream as one entry (legacy XML: one study a file)."""
    data = stream.read(MAX_ENTRY_BYTES + 1)
    yield _too_large(data, 1, 0) if len(data) > MAX_ENTRY_BYTES else Entry(data, 1, 0)


_JSON_TOKEN = re.compile(rb'"(?:[^"\\\n]+|\\.)*+"|["{}\[\]]', re.DOTALL)
_JSON_STRING_REST = re.compile(rb'(?:[^"\\\n]+|\\.)*+', re.DOTALL)
_QUOTE, _BACKSLASH, _OPEN, _CLOSE, _OPEN_LIST, _CLOSE_LIST = b'"\\{}[]'


def json_values(stream: BinaryIO, list_keys: tuple[str, ...] = ()) -> Iterator[Entry | Reject]:
    """Cut JSON into its objects: a single one, one a line, an array of them, or an envelope around such an array.

    `list_keys` are the keys under which an envelope may hold the array ("studies"). Only brackets and strings are
    looked at, so the bytes still have to be decoded; an object that JSON's grammar cannot have where it stands is
    taken for the beginning of the next entry, so that a broken entry does not swallow its neighbours.
    """
    beginning = stream.read(_AT_ONCE_BYTES)
    if len(beginning) < _AT_ONCE_BYTES:
        entries = _json_at_once(beginning, list_keys)
        if entries is not None:
            yield from entries
            return
    rejoined = _Rejoined(beginning, stream)
    del beginning
    list_key = (
        re.compile(rb'"(?:%s)"\s*:\s*\Z' % b"|".join(re.escape(k.encode()) for k in list_keys)) if list_keys else None
    )
    buffer, base, scan = b"", 0, 0
    open_brackets = bytearray()
    envelope = b""
    start, ordinal = 0, 0
    in_string = skipping = seen = after_list = False
    while chunk := rejoined.read(max(_CHUNK, len(buffer) // 4)):
        buffer = buffer + chunk if buffer else chunk
        while True:
            if in_string:
                rest = _JSON_STRING_REST.match(buffer, scan)
                scan = rest.end() if rest else scan
                if scan >= len(buffer) or (buffer[scan] == _BACKSLASH and scan == len(buffer) - 1):
                    break
                # a raw line break cannot stand in a JSON string: the string was not closed, and ends here
                scan, in_string = scan + 1, False
            token = _JSON_TOKEN.search(buffer, scan)
            if token is None:
                scan = len(buffer)
                break
            at, scan = token.span()
            byte = buffer[at]
            if byte == _QUOTE:
                in_string = scan - at == 1
            elif byte in (_OPEN, _OPEN_LIST):
                if open_brackets:
                    if (
                        byte == _OPEN_LIST
                        and list_key
                        and not after_list
                        and not open_brackets.strip(b"{")
                        and list_key.search(buffer, max(at - 80, 0), at)
                    ):
                        envelope = bytes(open_brackets)
                        open_brackets.clear()
                        seen, skipping = True, False
                        continue
                    if byte == _OPEN and not _may_begin_object(buffer, at, open_brackets[-1]):
                        if not after_list:
                            ordinal += 1
                            yield reject(
                                "malformed_json", "the object is not closed", buffer[start:at], ordinal, base + start
                            )
                        open_brackets.clear()
                        skipping = after_list = False
                if not open_brackets:
                    seen = True
                    if byte == _OPEN_LIST:
                        continue
                    start = at
                open_brackets.append(byte)
            elif envelope and not open_brackets:
                open_brackets, envelope, after_list = bytearray(envelope), b"", True
            elif open_brackets:
                open_brackets.pop()
                if not open_brackets and after_list:
                    after_list = False
                elif not open_brackets:
                    ordinal += 1
                    if skipping:
                        yield _too_large(buffer[:_CHUNK], ordinal, None)
                    else:
                        yield Entry(buffer[start:scan], ordinal, base + start)
                    skipping = False
        inside_entry = open_brackets and not after_list
        if inside_entry and not skipping and len(buffer) - start > MAX_ENTRY_BYTES:
            skipping = True
        kept = start if inside_entry and not skipping else max(scan - 80, 0)
        if kept:
            buffer, base, scan, start = buffer[kept:], base + kept, scan - kept, max(start - kept, 0)
    if open_brackets and not after_list:
        ordinal += 1
        if skipping:
            yield _too_large(buffer, ordinal, None)
        else:
            yield reject("truncated", "the JSON ends inside this entry", buffer[start:], ordinal, base + start)
    elif not seen:
        yield reject("malformed_json", "no JSON object in it", buffer, 1, base)


def _json_at_once(data: bytes, list_keys: tuple[str, ...]) -> list[Entry] | None:
    """The same for JSON that fits in memory and is well formed, ten times faster; None if it is not."""
    text = data.removeprefix(codecs.BOM_UTF8).strip()
    entries: list[Entry] = []
    at = 0
    try:
        for document in [text] if text.startswith(b"[") else _json_documents(text):
            pages = [bytes(raw).strip() for raw in _RAW_LIST.decode(document)] if document[:1] == b"[" else [document]
            for page in pages:
                listed = _enclosed_list(page, list_keys)
                if listed is not None:
                    at = data.index(listed[:200], at)
                for raw in [page] if listed is None else _RAW_LIST.decode(listed):
                    value = bytes(raw).strip()
                    if len(value) > MAX_ENTRY_BYTES or not value.startswith(b"{"):
                        return None
                    at = data.index(b"{", at)  # nothing but commas and what encloses the list stands between values
                    entries.append(Entry(value, len(entries) + 1, at))
                    at += len(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return entries


def _json_documents(text: bytes) -> list[bytes]:
    """The one JSON value that the text is, or those of its lines; raises DecodeError if it is neither."""
    try:
        return [bytes(_RAW.decode(text))]
    except msgspec.DecodeError:
        return [bytes(raw) for raw in _RAW.decode_lines(text)]


def _enclosed_list(document: bytes, list_keys: tuple[str, ...]) -> bytes | None:
    """The array that an envelope holds under one of the keys, alone or inside other envelopes; None if it is none."""
    if not any(b'"%s"' % key.encode() in document for key in list_keys):
        return None
    while document.startswith(b"{"):
        inside = _RAW_OBJECT.decode(document)
        found = next((bytes(inside[key]) for key in list_keys if key in inside), b"")
        if found.startswith(b"["):
            return found
        document = bytes(next(iter(inside.values()))) if len(inside) == 1 else b""
    return None


_AT_ONCE_BYTES = 2 * MAX_ENTRY_BYTES
_RAW = msgspec.json.Decoder(msgspec.Raw)
_RAW_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_RAW_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


class _Rejoined:
    """A stream that gives back the bytes that were already taken from it."""

    def __init__(self, beginning: bytes, rest: BinaryIO) -> None:
        self._beginning: BinaryIO | None = io.BytesIO(beginning)
        self._rest = rest

    def read(self, size: int) -> bytes:
        if self._beginning is None:
            return self._rest.read(size)
        chunk = self._beginning.read(size)
        if len(chunk) < size:
            self._beginning = None
            chunk += self._rest.read(size - len(chunk))
        return chunk


def _may_begin_object(buffer: bytes, at: int, enclosing: int) -> bool:
    before = at - 1
    while before >= 0 and buffer[before] in b" \t\r\n":
        before -= 1
    if before < 0:
        return True
    return buffer[before] in (b":" if enclosing == _OPEN else b"[,")


def xml_elements(stream: BinaryIO, tags: tuple[str, ...]) -> Iterator[Entry | Reject]:
    """Cut an XML set into its top elements by their tags, without parsing what stands between them.

    The bytes of an element keep the document's encoding; wrap the stream in `as_utf8` first. An element that begins
    before the last one has ended makes the last one a reject, not its neighbour.
    """
    names = b"|".join(tag.encode() for tag in tags)
    opening = re.compile(rb"<(%s)(?=[\s>])|<!--" % names)
    closing = {tag.encode(): re.compile(rb"</%s\s*>|<(?:%s)(?=[\s>])" % (tag.encode(), names)) for tag in tags}
    buffer, base, ordinal = b"", 0, 0
    at = searched = 0
    tag: bytes | None = None
    skipping = is_ended = False
    while True:
        if tag is None:
            found = opening.search(buffer, at)
            if found and not found.group(1):
                at = found.start()
                end_of_comment = buffer.find(b"-->", found.end())
                if end_of_comment >= 0:
                    at = end_of_comment
                    continue
                if is_ended or len(buffer) - at > MAX_ENTRY_BYTES:
                    opening = re.compile(rb"<(%s)(?=[\s>])" % names)  # one without an end hides nothing
                    continue
            elif found:
                tag, at, searched = found.group(1), found.start(), found.end()
            else:
                at = max(len(buffer) - 64, at)
        if tag is not None:
            end = closing[tag].search(buffer, searched)
            if end:
                ordinal += 1
                is_closed = end.group().startswith(b"</")
                if skipping:
                    yield _too_large(buffer[at : at + _CHUNK], ordinal, None)
                    skipping = False
                elif is_closed:
                    yield Entry(buffer[at : end.end()], ordinal, base + at)
                else:
                    detail = f"<{tag.decode()}> is not closed"
                    yield reject("malformed_xml", detail, buffer[at : end.start()], ordinal, base + at)
                at, tag = end.end() if is_closed else end.start(), None
                continue
            searched = max(len(buffer) - 64, at + len(tag) + 1)
            if len(buffer) - at > MAX_ENTRY_BYTES:
                skipping = True
            if skipping:
                at = searched = max(len(buffer) - 64, at)
        if is_ended:
            break
        chunk = stream.read(max(_CHUNK, (len(buffer) - at) // 4))
        is_ended = not chunk
        buffer, base, searched, at = buffer[at:] + chunk, base + at, searched - at, 0
    if tag is not None:
        ordinal += 1
        if skipping:
            yield _too_large(buffer[at:], ordinal, None)
        else:
            yield reject("truncated", f"the input ends inside <{tag.decode()}>", buffer[at:], ordinal, base + at)


def text_lines(stream: BinaryIO) -> Iterator[bytes | None]:
    """Lines of a stream with their ends; None stands for a line larger than an entry may be, read past."""
    while line := stream.readline(MAX_ENTRY_BYTES):
        if len(line) == MAX_ENTRY_BYTES and not line.endswith(b"\n"):
            while (more := stream.readline(MAX_ENTRY_BYTES)) and not more.endswith(b"\n"):
                pass
            yield None
        else:
            yield line


def begun_entries(stream: BinaryIO, begins: Callable[[bytes], bool | None]) -> Iterator[Entry | Reject]:
    """Entries of a text, each from the line that begins it to the next such line.

    `begins` is True of the first line of an entry, False of one that begins something else, None of all others.
    """
    lines: list[bytes] = []
    is_entry = False
    ordinal = begun = size = 0

    def closed() -> Entry | Reject:
        data = b"".join(lines)
        if size > MAX_ENTRY_BYTES:
            return reject("entry_too_large", "the hash is of its beginning", data, ordinal, None, begun)
        return Entry(data, ordinal, None, begun)

    for number, line in enumerate(text_lines(stream), 1):
        if line is not None and (beginning := begins(line)) is not None:
            if lines:
                yield closed()
            is_entry, begun, size, lines = beginning, number, 0, []
            ordinal += is_entry
        if is_entry:
            size += MAX_ENTRY_BYTES + 1 if line is None else len(line)
            if line and size <= MAX_ENTRY_BYTES:
                lines.append(line)
    if lines:
        yield closed()


_HEADER_BYTES = 65_536
_LONGEST_TITLE = 200
_HEADER_WITHIN = 20
"""A table begins within so many rows: above it may stand a title, empty lines, and the `sep=;` of spreadsheets."""


@lru_cache(4)
def _first_rows(head: bytes) -> tuple[tuple[str, int, list[str]], ...]:
    """Those of the first rows of a table that may be its header, by delimiter and number (from 0)."""
    text = head.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")
    if "\0" in text[:1000] or text.lstrip()[:1] in ("<", "{", "["):
        return ()
    found: list[tuple[str, int, list[str]]] = []
    for delimiter in ",;\t":
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        try:
            for number, row in enumerate(islice(rows, _HEADER_WITHIN)):
                if len(row) > (delimiter != ",") and len(max(row, key=len)) <= _LONGEST_TITLE:
                    found.append((delimiter, number, [cell.strip() for cell in row]))
        except csv.Error:
            pass  # of this delimiter the rows before
    return tuple(found)


def table_header(head: bytes, is_header: Callable[[list[str]], bool]) -> tuple[str, int, list[str]] | None:
    """Of a table that begins with these bytes: its delimiter, and which of its rows is the first that is a header."""
    rows = _first_rows(head)
    return next(((sign, number, row) for sign, number, row in rows if is_header(row)), None)


def csv_rows(
    stream: BinaryIO,
    header: Callable[[list[str]], bool] | tuple[str, ...] = any,
    begins_row: re.Pattern[str] | None = None,
    name: Callable[[list[str]], Sequence[str]] = list,
) -> Iterator[Entry | Reject]:
    """Rows of a CSV file as entries with their cells by column name.

    `header` tells which of the first rows is the header, and so the delimiter; or it is the header of a table without
    one, in which the first group of `begins_row` is the delimiter. `name` gives the columns of a header their names.
    A row with fewer cells than the header, or with more that are not empty, is a reject. If `begins_row` matches a
    later line of such a row, a quotation mark was not closed: only the lines before it are rejected, and reading goes
    on from there.
    """
    csv.field_size_limit(MAX_ENTRY_BYTES)
    source = text_lines(stream)
    waiting: deque[bytes | None] = deque()
    taken: list[str] = []
    too_large = False

    def lines() -> Iterator[str]:
        nonlocal too_large
        while True:
            raw = waiting.popleft() if waiting else next(source, b"")
            if raw == b"":
                return
            too_large = raw is None
            taken.append("\n" if raw is None else raw.decode("utf-8", "surrogateescape"))
            yield taken[-1].replace("\0", "")

    line, ordinal, above, size = 1, 0, 0, 0
    for raw in source:
        waiting.append(raw)
        size += len(raw or b"")
        if size >= _HEADER_BYTES:
            break
    if waiting:
        waiting[0] = waiting[0] and waiting[0].removeprefix(codecs.BOM_UTF8)
    first = b"".join(raw or b"\n" for raw in waiting)
    delimiter = ","
    names: Sequence[str] = ()
    if isinstance(header, tuple):
        names = header
        rows = first.decode("utf-8", "replace").split("\n")
        found = next(filter(None, map(begins_row.match, rows)), None) if begins_row else None
        delimiter = found[1] if found else ","
    elif table := table_header(first[:_HEADER_BYTES], header):
        delimiter, above, _ = table
    while True:
        taken.clear()
        too_large = False
        detail = ""
        try:
            cells = next(csv.reader(lines(), delimiter=delimiter))
        except StopIteration:
            return
        except csv.Error as error:
            cells, detail = [], str(error)
        first_line, line = line, line + len(taken)
        if not names:
            if above == 0:
                names = name([cell.strip() for cell in cells])
            above -= 1
            continue
        if not detail and not too_large and not any(map(str.strip, cells)):
            continue  # an empty line is no row, nor is one of empty cells
        if len(cells) > len(names) and not any(map(str.strip, cells[len(names) :])):
            del cells[len(names) :]
        ordinal += 1
        unclosed = len(taken) > 1 and sum(text.count('"') for text in taken) % 2 == 1
        if (len(cells) != len(names) or unclosed) and begins_row is not None:
            again = next((i for i, text in enumerate(taken) if i and begins_row.match(text)), None)
            if again is not None:
                line -= len(taken) - again
                waiting.extendleft(text.encode("utf-8", "surrogateescape") for text in reversed(taken[again:]))
                del taken[again:]
                cells, detail = [], "a quotation mark is not closed"
        if too_large:
            yield _too_large(b"", ordinal, None, first_line)
        elif len(cells) != len(names):
            detail = detail or f"{len(cells)} cells where the header has {len(names)}"
            data = "".join(taken).encode("utf-8", "surrogateescape")
            yield reject("malformed_row", detail, data, ordinal, None, first_line)
        else:
            data = "\x1f".join(cells).encode("utf-8", "surrogateescape")
            try:
                data.decode("utf-8")
            except UnicodeDecodeError as error:
                detail = f"byte {error.object[error.start]:#04x} is not UTF-8"
                yield reject("invalid_encoding", detail, data, ordinal, None, first_line)
            else:
                yield Entry(data, ordinal, None, first_line, dict(zip(names, cells, strict=True)))


# --- XML


_ENCODING = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
_FORBIDDEN_REFERENCE = re.compile(rb"&#(?:x0*(?:[0-8bcefBCEF]|1[0-9a-fA-F])|0*(?:[0-8]|1[124-9]|2\d|3[01]));")
_FORBIDDEN_BYTE = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def _parser(keep_blanks: bool) -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        collect_ids=False,
        remove_blank_text=not keep_blanks,
        remove_comments=True,
        remove_pis=True,
    )


_PARSER = _parser(keep_blanks=False)
_MIXED_PARSER = _parser(keep_blanks=True)


_ROOT = re.compile(rb"<[^!?\s]")


def parse_xml(data: bytes, mixed: bool = False) -> etree._Element:
    """The root element of one entry; raises Unreadable. Characters that XML forbids are dropped, entities refused.

    `mixed` keeps white space between elements, which is text where words carry markup (`<i>E</i> <b>coli</b>`).
    """
    root = _ROOT.search(data)
    if data.find(b"<!ENTITY", 0, root.start() if root else len(data)) >= 0:
        raise Unreadable("forbidden_xml_entities", "the document type declares entities")
    parser = _MIXED_PARSER if mixed else _PARSER
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as first:
        error = first
        cleaned = _FORBIDDEN_BYTE.sub(b"", _FORBIDDEN_REFERENCE.sub(b"", data)).lstrip()
        if cleaned != data:
            try:
                return etree.fromstring(cleaned, parser)
            except etree.XMLSyntaxError as again:
                error = again
        message = str(error).split(", line")[0]
        if "encod" in message.lower() or "utf-8" in message.lower():
            raise Unreadable("invalid_encoding", message) from None
        if "Premature end" in message or "not finish" in message.lower():
            raise Unreadable("truncated", message) from None
        if message.startswith("Entity"):
            raise Unreadable("forbidden_xml_entities", message) from None
        raise Unreadable("malformed_xml", message) from None


children: Callable[[etree._Element], list[etree._Element]] = itemgetter(slice(None))
"""The children of an element; to iterate over the element itself takes lxml three times as long."""


def peek(stream: BinaryIO, size: int) -> tuple[bytes, BinaryIO]:
    """The first bytes of a stream, and a stream that still has them (to be read in chunks, not by lines)."""
    head = stream.read(size)
    return head, cast(BinaryIO, _Rejoined(head, stream))


def as_utf8(stream: BinaryIO, head: bytes) -> BinaryIO:
    """The same text in UTF-8, where the XML declaration or byte-order mark names another encoding."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _Recoded(stream, "utf-16")
    declared = _ENCODING.search(head[:400])
    name = declared.group(1).decode().lower() if declared else "utf-8"
    return stream if name in ("utf-8", "utf8", "us-ascii", "ascii") else _Recoded(stream, name)


class _Recoded(io.RawIOBase, BinaryIO):
    """A byte stream of text, re-encoded as UTF-8 on the way."""

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self._stream = stream
        try:
            self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        except LookupError:
            self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def read(self, size: int = -1) -> bytes:
        while chunk := self._stream.read(size):
            if text := self._decoder.decode(chunk):  # nothing while a character is incomplete
                return text.encode("utf-8", "replace")
        return self._decoder.decode(b"", final=True).encode("utf-8", "replace")
