"""Names found inside texts: one automaton for all names, many texts in one buffer, the rest in numpy.

Every name is looked for with a space on both sides, in a text in which everything that is neither letter nor digit
became a space. A hit inside a word cannot occur then, and the automaton leaves most of the text to a search for
spaces, which makes it faster than the bare search for the same names.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec

from trialpanorama.link._names import needs_capitals

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHUNK = 4_000_000
"""Characters searched at a time: enough that the work per chunk does not count, little enough to stay in memory."""
_SEPARATOR = b" \0 "
_AS_WRITTEN = -1


class Matches(msgspec.Struct, frozen=True):
    """Where names occur, ordered by text and start; four arrays of one length."""

    text: NDArray[np.int64]
    """Index into the texts."""
    start: NDArray[np.int64]
    """First code point in that text."""
    end: NDArray[np.int64]
    """Behind the last code point."""
    name: NDArray[np.int64]
    """Index into the names; of names that differ only in case or marks, the first."""

    def __len__(self) -> int:
        return len(self.text)


def _ascii_table() -> bytes:
    return bytes(c if chr(c).isalnum() and c < 128 else 0x20 for c in range(256))


_ASCII = _ascii_table()
_WIDE: Any = None


def _wide_table() -> NDArray[np.uint8]:
    """For each code point below 0x3000 one byte: its base letter, a mark of its own for Greek letters, or a space."""
    import numpy as np

    global _WIDE
    if _WIDE is None:
        table = np.full(0x3000, 0x20, dtype=np.uint8)
        for point in range(0x3000):
            character = chr(point)
            base = unicodedata.normalize("NFKD", character)[0]
            if base.isascii() and base.isalnum():
                table[point] = ord(base)
            elif 0x370 <= point < 0x400 and character.isalpha():
                table[point] = 0x80 + (ord(character.lower()) & 0x7F)
        _WIDE = table
    return _WIDE  # type: ignore[no-any-return]


def fold(text: str) -> bytes:
    """One byte for each code point: letters without accents, digits, and a space for anything else. Case is kept."""
    if text.isascii():
        return text.encode("ascii").translate(_ASCII)
    import numpy as np

    table = _wide_table()
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    folded: bytes = table[np.minimum(points, len(table) - 1)].tobytes()
    return folded


class Matcher:
    """Finds names in texts: whole words, longest first, whatever the case, accents and hyphens.

    An abbreviation that is a common word or has at most three letters ("ALL", "MS") must have its capitals in the text.
    """

    def __init__(self, names: Sequence[str]) -> None:
        import ahocorasick_rs
        import numpy as np

        first: dict[bytes, int] = {}
        self._written: dict[bytes, int] = {}
        """Names whose case must be as it is here, by their letters."""
        for index, name in enumerate(names):
            written = b" ".join(fold(name).split())
            if needs_capitals(name):
                self._written.setdefault(written, index)
                first.setdefault(written.lower(), _AS_WRITTEN)
            elif written and first.get(written.lower(), _AS_WRITTEN) == _AS_WRITTEN:
                first[written.lower()] = index
        self._names = np.fromiter(first.values(), dtype=np.int64, count=len(first))
        self._automaton = ahocorasick_rs.BytesAhoCorasick(
            [b" " + pattern + b" " for pattern in first] or [b" \0\0 "],
            matchkind=ahocorasick_rs.MatchKind.Standard,
            implementation=ahocorasick_rs.Implementation.ContiguousNFA,
        )

    def find(self, texts: Sequence[str], threads: int = 1) -> Matches:
        """Where the names occur; matches do not overlap, the leftmost wins and at one place the longest."""
        import numpy as np

        chunks = list(_chunks(texts))
        if threads > 1 and len(chunks) > 1:
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(threads) as pool:
                found = list(pool.map(lambda chunk: self._find(texts, *chunk), chunks))
        else:
            found = [self._find(texts, *chunk) for chunk in chunks]
        if not found:
            nothing = np.empty(0, dtype=np.int64)
            return Matches(nothing, nothing, nothing, nothing)
        return Matches(*(np.concatenate(column) for column in zip(*found, strict=True)))

    def _find(self, texts: Sequence[str], low: int, high: int) -> tuple[NDArray[np.int64], ...]:
        import numpy as np

        folded = [fold(text) for text in texts[low:high]]
        cased = b" " + _SEPARATOR.join(folded) + b" "
        hits = self._automaton.find_matches_as_indexes(cased.lower(), overlapping=True)
        # through one run of plain integers: numpy would look at each tuple's shape first
        flat = np.fromiter(chain.from_iterable(hits), dtype=np.int64, count=3 * len(hits)).reshape(-1, 3)
        name, start, end = flat[:, 0], flat[:, 1] + 1, flat[:, 2] - 1
        name = self._names[name]
        for hit in np.flatnonzero(name == _AS_WRITTEN).tolist():
            name[hit] = self._written.get(cased[start[hit] : end[hit]], _AS_WRITTEN)
        right = name != _AS_WRITTEN
        name, start, end = name[right], start[right], end[right]
        kept = _longest(start, end)
        name, start, end = name[kept], start[kept], end[kept]
        lengths = np.fromiter((len(text) for text in folded), dtype=np.int64, count=len(folded))
        begins = np.concatenate(([1], np.cumsum(lengths[:-1] + len(_SEPARATOR)) + 1))
        text = np.searchsorted(begins, start, side="right") - 1
        return text + low, start - begins[text], end - begins[text], name


def _chunks(texts: Sequence[str]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    low = size = 0
    for index, text in enumerate(texts):
        size += len(text)
        if size >= CHUNK:
            found.append((low, index + 1))
            low, size = index + 1, 0
    if low < len(texts):
        found.append((low, len(texts)))
    return found


def _longest(start: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.int64]:
    """Indices of the matches that are kept, in order: from left to right, at each place the longest without overlap.

    In each round whatever begins behind the end of all that stand before it is sure to be kept; what it overlaps goes.
    Few rounds are needed, as many as matches overlap in a chain.
    """
    import numpy as np

    order = np.lexsort((-end, start))
    kept: list[NDArray[np.int64]] = []
    while len(order):
        s, e = start[order], end[order]
        reach = np.concatenate(([-1], np.maximum.accumulate(e)[:-1]))
        sure = s >= reach
        kept.append(order[sure])
        # each match stands in the cluster of the last sure one at or before it
        border = e[sure][np.cumsum(sure) - 1]
        order = order[~sure & (s >= border)]
    if not kept:
        return np.empty(0, dtype=np.int64)
    found = np.concatenate(kept)
    return found[np.argsort(start[found], kind="stable")]


class LikeNames:
    """Names of one first letter, of which those that can be near to another are found by the letters they share.

    How many letters two names have in common, in whatever order, bounds every likeness letter by letter: what is left
    out cannot be near enough, and the few that remain are compared one by one.
    """

    def __init__(self, names: Sequence[str]) -> None:
        import numpy as np

        self._names = list(names)
        written = np.array([_one_byte_each(name) for name in names], dtype="S")
        signs = written.view(np.uint8).reshape(len(names), written.itemsize)
        self._lengths = np.fromiter(map(len, names), dtype=np.int16, count=len(names))
        self._counts = {
            sign: (signs == sign).sum(axis=1).astype(np.int16) for sign in np.unique(signs).tolist() if sign
        }
        self._heads = [signs[:, place].copy() for place in range(1, min(4, written.itemsize))]

    def within(self, name: str, distance: int) -> list[str]:
        """The names that so many insertions, deletions, exchanges and swaps of neighbours may lead to, and others."""
        import numpy as np

        return self._named(np.maximum(self._lengths, len(name)) - self._shared(name) <= distance)

    def like(self, name: str, likeness: float) -> list[str]:
        """The names of the same first letter whose similarity by Jaro and Winkler may reach this, and others."""
        import numpy as np

        shared = self._shared(name)
        jaro = (shared / self._lengths + shared / len(name) + 1) / 3
        same = np.ones(len(self._names), dtype=bool)
        begins = np.ones(len(self._names))
        for head, sign in zip(self._heads, _one_byte_each(name)[1:4], strict=False):
            same = same & (head == sign)
            begins += same
        return self._named(jaro + 0.1 * begins * (1 - jaro) >= likeness - 1e-9)

    def _shared(self, name: str) -> NDArray[np.int16]:
        import numpy as np

        shared = np.zeros(len(self._names), dtype=np.int16)
        written = _one_byte_each(name)
        for sign in set(written):
            if sign in self._counts:
                shared += np.minimum(self._counts[sign], written.count(sign))
        return shared

    def _named(self, chosen: NDArray[np.bool_]) -> list[str]:
        import numpy as np

        return [self._names[place] for place in np.flatnonzero(chosen).tolist()]


def _one_byte_each(name: str) -> bytes:
    """A name with one byte for each character; those that Latin-1 lacks count as one and the same."""
    return name.encode("latin-1", "replace")
