"""References as EndNote (XML) and BibTeX programs export them, read by the tags that RIS has for the same."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import BinaryIO

from trialpanorama.errors import Unreadable
from trialpanorama.record import Record, Reject
from trialpanorama.sources._reading import (
    Entry,
    as_utf8,
    begun_entries,
    block,
    parse_xml,
    peek,
    xml_elements,
)
from trialpanorama.sources._review_exports import read_references

# --- EndNote's XML

_ENDNOTE = {
    "TI": "titles/title",
    "T2": "titles/secondary-title",
    "JF": "periodical/full-title",
    "J2": "periodical/abbr-1",
    "AU": "contributors/authors/author",
    "PY": "dates/year",
    "VL": "volume",
    "IS": "number",
    "SP": "pages",
    "SN": "isbn",
    "AB": "abstract",
    "KW": "keywords/keyword",
    "DO": "electronic-resource-num",
    "AN": "accession-num",
    "DB": "remote-database-name",
    "C2": "custom2",
    "U1": "custom1",
    "N1": "notes",
    "RN": "research-notes",
    "LA": "language",
    "UR": "urls//url",
}
"""Where EndNote keeps what RIS has under a tag."""
_ENDNOTE_TYPES = {"Journal Article": "JOUR", "Conference Proceedings": "CONF", "Thesis": "THES", "Book": "BOOK"}


def is_endnote_xml(head: bytes) -> bool:
    """Whether records of EndNote's XML stand in it."""
    return b"<records" in head and b"<record>" in head and b"<ref-type" in head


def read_endnote_xml(stream: BinaryIO, name: str) -> Iterator[Record | Reject]:
    """References, then the review that they belong to."""
    head, stream = peek(stream, 1024)
    return read_references(xml_elements(as_utf8(stream, head), ("record",)), _endnote_fields, name)


def _endnote_fields(entry: Entry) -> dict[str, list[str]]:
    record = parse_xml(entry.data, mixed=True)
    said = {
        tag: [text for found in record.iterfind(path) if (text := block("".join(map(str, found.itertext()))))]
        for tag, path in _ENDNOTE.items()
    }
    kind = record.find("ref-type")
    named = kind.get("name", "") if kind is not None else ""
    return {**said, "TY": [_ENDNOTE_TYPES.get(named, named)]}


# --- BibTeX

_BIBTEX = {
    "TI": "title",
    "JF": "journal journaltitle booktitle",
    "J2": "shortjournal",
    "PY": "year date",
    "VL": "volume",
    "IS": "number issue",
    "SP": "pages",
    "SN": "issn isbn",
    "AB": "abstract",
    "DO": "doi",
    "U1": "pmid",
    "C2": "pmcid pmc",
    "N1": "note annote annotation",
    "LA": "language langid",
    "UR": "url",
}
_BIBTEX_TYPES = {"article": "JOUR", "inproceedings": "CONF", "conference": "CONF", "phdthesis": "THES", "book": "BOOK"}
_BEGINS = re.compile(rb"\s*@([A-Za-z]+)\s*[{(]")
_FIRST = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s|%[^\n]*\n)*+@[A-Za-z]+\s*[{(]")
_REFERENCE = re.compile(rb"@[A-Za-z]+\s*[{(]\s*[^\s,{}=\"]{1,200}\s*,\s*[A-Za-z][\w-]*\s*=")
_KIND = re.compile(r"([{(])")
_FIELD = re.compile(r"[\s,]*([A-Za-z][\w-]*)\s*=\s*")
_NO_REFERENCES = frozenset({b"comment", b"preamble", b"string"})
_ACCENTS = {
    "`": "\u0300",
    "'": "\u0301",
    "^": "\u0302",
    "~": "\u0303",
    "=": "\u0304",
    "u": "\u0306",
    ".": "\u0307",
    '"': "\u0308",
    "r": "\u030a",
    "H": "\u030b",
    "v": "\u030c",
    "c": "\u0327",
    "k": "\u0328",
}
_ACCENT = re.compile(r"""\\(?:([`'^~=."])\s*|([uvHrck])(?:\s+|(?=\{)))\{?\s*\\?([A-Za-z])\}?""")
_LETTERS = {
    "textdegree": "°",
    "textendash": "–",
    "textemdash": "—",
    "textquoteright": "’",
    "ss": "ß",
    "o": "ø",
    "O": "Ø",
    "ae": "æ",
    "AE": "Æ",
    "aa": "å",
    "AA": "Å",
    "l": "ł",
    "L": "Ł",
    "i": "ı",
}
_LETTER = re.compile(rf"\\({'|'.join(_LETTERS)})(?![A-Za-z])\s*")


def is_bibtex(head: bytes) -> bool:
    """Whether it begins with an entry of BibTeX, and has a title."""
    is_titled = re.search(rb"(?i)\btitle\s*=", head) is not None
    return _FIRST.match(head) is not None and _REFERENCE.search(head) is not None and is_titled


def read_bibtex(stream: BinaryIO, name: str) -> Iterator[Record | Reject]:
    """References, then the review that they belong to."""
    return read_references(begun_entries(stream, _begins), _bibtex_fields, name)


def _begins(line: bytes) -> bool | None:
    begun = _BEGINS.match(line)
    return begun[1].lower() not in _NO_REFERENCES if begun else None


def _bibtex_fields(entry: Entry) -> dict[str, list[str]]:
    try:
        text = entry.data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable("invalid_encoding", f"byte {error.object[error.start]:#04x} is not UTF-8") from None
    kind, opening, rest = _KIND.split(text, 1)
    key, _, rest = rest.rstrip().removesuffix("}" if opening == "{" else ")").partition(",")
    fields: dict[str, str] = {}
    at = 0
    while found := _FIELD.match(rest, at):
        raw, at = _value(rest, found.end())
        fields.setdefault(found[1].lower(), raw)
    if not fields:
        raise Unreadable("malformed_text", f"the entry {key.strip()[:60]!r} has no field")
    said = {
        tag: [value for name in names.split() if (value := _plain(fields.get(name, "")))]
        for tag, names in _BIBTEX.items()
    }
    said["SP"] = [pages.replace("--", "-") for pages in said["SP"]]
    said["AU"] = [_plain(author) for author in re.split(r"\s+and\s+", fields.get("author", "")) if author.strip()]
    said["KW"] = [_plain(word) for word in re.split("[;,]", fields.get("keywords", "")) if word.strip()]
    kind = kind.partition("@")[2].strip().lower()
    return {**said, "ID": [key.strip()], "TY": [_BIBTEX_TYPES.get(kind, kind)]}


def _value(text: str, at: int) -> tuple[str, int]:
    """The value that begins here, in braces, in quotation marks or bare, and where it ends."""
    opening = text[at : at + 1]
    if opening not in ("{", '"'):
        end = re.compile(r"[,\n]|\Z").search(text, at)
        assert end is not None
        return text[at : end.start()].strip(), end.start()
    depth = 0
    for sign in re.compile(r'\\.|[{}"]', re.DOTALL).finditer(text, at if opening == "{" else at + 1):
        depth += {"{": 1, "}": -1}.get(sign[0], 0)
        if depth <= 0 and sign[0] == ("}" if opening == "{" else '"'):
            return text[at + 1 : sign.start()], sign.end()
    raise Unreadable("malformed_text", f"a value is not closed: {text[at : at + 40]!r}")


def _plain(text: str) -> str:
    """The text without TeX's braces, its accents and letters as characters."""
    if "\\" in text:
        text = _ACCENT.sub(lambda m: unicodedata.normalize("NFC", m[3] + _ACCENTS[m[1] or m[2]]), text)
        text = re.sub(r"\\([&%$#_])", r"\1", _LETTER.sub(lambda m: _LETTERS[m[1]], text))
    return " ".join(text.replace("{", "").replace("}", "").split())
