"""Text of any encoding as UTF-8, before a reader sees it: what spreadsheets and older systems save.

A byte-order mark decides. Without one a text is UTF-8, unless most of its first bytes beyond ASCII cannot be: then it
is in one of the encodings that spreadsheets save tables in, where the characters that this gives leave no doubt. A few
damaged bytes in UTF-8 are never a reason to take it for something else.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Callable
from typing import Any, BinaryIO

_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_DECLARED = re.compile(rb"(\A\s*<\?xml[^>]{0,200}?encoding\s*=\s*)(?:\"[^\"<>]*\"|'[^'<>]*')")
_OF_XML_OR_JSON = re.compile(rb"(?:\xef\xbb\xbf)?\s*+[<{\[]")
_DECIDED_WITHIN = 1 << 20
"""How much text, from the first byte beyond ASCII on, its encoding is told from."""
_CHUNK = 1 << 18


class Text:
    """The text of a stream in UTF-8, its lines ending in line feeds where they end in carriage returns alone.

    JSON and XML have rules of their own: they are recoded where a byte-order mark (or every other byte being zero)
    tells from what; an encoding that XML declares is its reader's business.
    """

    def __init__(self, head: bytes, stream: BinaryIO, head_bytes: int) -> None:
        """`head` are the first bytes of `stream`, as they are; so many of the text are wanted."""
        self.head = head
        self.stream = stream
        self._head_bytes = head_bytes
        self._guess = _Guess()
        encoding = _marked(head)
        if head.startswith(b"PK"):
            return  # a workbook
        if encoding:
            self._translate(_Decoder(encoding))
        elif not _OF_XML_OR_JSON.match(head):
            self._translate(self._guess)
        if b"\r" in self.head and b"\n" not in self.head and not self.head.lstrip().startswith(b"<"):
            self._translate(lambda data, _: data.replace(b"\r", b"\n"))

    @property
    def guessed(self) -> str | None:
        """The encoding that was told from the characters it gives, once the first of them has been met."""
        return self._guess.encoding

    def _translate(self, translate: Callable[[bytes, bool], bytes]) -> None:
        stream = _Translated(self.stream, translate)
        self.head = stream.peek(self._head_bytes)
        self.stream = stream


def _marked(head: bytes) -> str | None:
    """The encoding that a byte-order mark tells, or zero bytes at every other place."""
    for mark, encoding in _MARKS.items():
        if head.startswith(mark):
            return encoding
    start = head[: min(len(head), 200) & ~1]
    if len(start) >= 8:
        for encoding, zeros, letters in (
            ("utf-16-le", start[1::2], start[::2]),
            ("utf-16-be", start[::2], start[1::2]),
        ):
            if not zeros.strip(b"\0") and b"\0" not in letters:
                return encoding
    return None


class _Decoder:
    """Pieces of text in another encoding, as UTF-8; an XML declaration says so too."""

    def __init__(self, encoding: str) -> None:
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._is_first = True

    def __call__(self, data: bytes, is_last: bool) -> bytes:
        found = self._decoder.decode(data, final=is_last).encode("utf-8", "replace")
        if self._is_first and found:
            found = _DECLARED.sub(rb'\1"utf-8"', found.removeprefix(codecs.BOM_UTF8), count=1)
            self._is_first = False
        return found


class _Guess:
    """Pieces of text whose encoding nothing says; those before the first byte beyond ASCII need none."""

    def __init__(self) -> None:
        self.encoding: str | None = None
        self._waiting = b""
        self._decode: Callable[[bytes, bool], bytes] | None = None

    def __call__(self, data: bytes, is_last: bool) -> bytes:
        if self._decode is None:
            if not self._waiting and data.isascii():
                return data
            self._waiting += data
            if len(self._waiting) < _DECIDED_WITHIN and not is_last:
                return b""
            data, self._waiting = self._waiting, b""
            self.encoding = guess(data)
            self._decode = _Decoder(self.encoding) if self.encoding else lambda data, _: data
        return self._decode(data, is_last)


class _Translated(io.RawIOBase, BinaryIO):
    """A stream whose bytes go through a function on the way, in pieces of which the last is told."""

    def __init__(self, stream: BinaryIO, translate: Callable[[bytes, bool], bytes]) -> None:
        self._stream = stream
        self._translate = translate
        self._ready = b""
        self._is_ended = False

    def readable(self) -> bool:
        return True

    def peek(self, size: int) -> bytes:
        """The next bytes, which stay to be read: fewer only where the stream ends."""
        while len(self._ready) < size and not self._is_ended:
            data = self._stream.read(_CHUNK)
            self._is_ended = not data
            self._ready += self._translate(data, self._is_ended)
        return self._ready[:size]

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        part = self.peek(1) and self._ready[: len(view)]
        view[: len(part)] = part
        self._ready = self._ready[len(part) :]
        return len(part)


# --- which encoding

_LONG_SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]+")
_LEAST_EVIDENCE = 3
_WIDE = re.compile("[^\x00-\x7f]")
_KANA = re.compile("[\u3041-\u30ff]")
_HALF_WIDTH = re.compile("[\uff61-\uff9f]")
_HANGUL = re.compile("[\uac00-\ud7a3]")
_HAN = re.compile("[\u4e00-\u9fff]")
_KANA_OR_SIGN = re.compile("[^\x00-\x7f\u4e00-\u9fff\uff61-\uff9f\ue000-\uf8ff]")
_SIGNS = re.compile("[‘’“”—–…·×÷±≥≤℃°αβγμ→éèêáàíìóòúùü]")
_NOT_IN_A_WORD = re.compile(
    "[a-z](?:[^\x00-\x7f‘’“”–—…\xad\xb7\xc0-\xff\u0152\u0153\u0160\u0161\u017d\u017e\u0178][a-z]"
    "|[\xc0-\xd6\xd8-\xde\u0152\u0160\u017d\u0178])"
)
"""What no Western language has after a small letter; other encodings of one byte read as this one have it."""


def guess(text: bytes) -> str | None:
    """The encoding of a text that is not in UTF-8; None if it is, or may be, or cannot be told."""
    text = text[: text.rfind(b"\n") + 1] or text  # no character is cut in two
    if _decoded(text, "utf-8") is not None:
        return None
    kept = _LONG_SEQUENCE.sub(b"", text)
    foreign = sum(map(len, _BEYOND_ASCII.findall(kept)))
    beyond = sum(map(len, _BEYOND_ASCII.findall(text)))
    if foreign < _LEAST_EVIDENCE or 5 * foreign < beyond:
        return None
    for name, is_it in _CANDIDATES.items():
        # what decodes as two bytes a character makes little sense by chance; one byte a character always decodes
        if (name != "cp1252" or 2 * foreign >= beyond) and (read := _decoded(text, name)) and is_it(read):
            return name
    return None


def _decoded(text: bytes, encoding: str) -> str | None:
    try:
        return text.decode(encoding)
    except UnicodeDecodeError:
        return None


def _share(text: str, of: re.Pattern[str]) -> float:
    return len(of.findall(text)) / max(len(_WIDE.findall(text)), 1)


def _is_shift_jis(text: str) -> bool:
    # Western letters read as this are Chinese characters and half-width ones
    return _share(text, _KANA_OR_SIGN) >= 0.2 and _share(text, _HALF_WIDTH) <= 0.1


def _is_japanese(text: str) -> bool:
    return _share(text, _KANA) >= 0.2 and _share(text, _HAN) >= 0.1


def _is_korean(text: str) -> bool:
    hangul, han = _share(text, _HANGUL), _share(text, _HAN)
    return hangul >= 0.5 and hangul >= 0.95 * (hangul + han)


def _is_chinese(text: str) -> bool:
    wide = _WIDE.findall(text)
    common = sum(len(character.encode("gb2312", "ignore")) == 2 for character in wide)
    return (_share(text, _HAN) >= 0.5 and common >= 0.9 * len(wide)) or _share(text, _SIGNS) >= 0.9


def _is_western(text: str) -> bool:
    beyond = re.findall("[^\x00-\x7f]+", text)
    alone = sum(len(run) == 1 for run in beyond)
    turkish = sum(text.count(letter) for letter in "\xfe\xf0\xfd")  # where Turkish has its own letters
    return (
        alone >= 0.5 * len(beyond)
        and len(_NOT_IN_A_WORD.findall(text)) <= 0.02 * len(beyond)
        and turkish <= 0.2 * len(beyond)
    )


_CANDIDATES: dict[str, Callable[[str], bool]] = {
    "cp932": _is_shift_jis,
    "euc_jp": _is_japanese,
    "cp949": _is_korean,
    "gb18030": _is_chinese,
    "cp1252": _is_western,
}
