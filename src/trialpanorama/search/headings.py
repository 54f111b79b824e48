"""The headings of MeSH: the names by which a search may call them, and what stands above each in the tree."""

from __future__ import annotations

import functools
import hashlib
import re
import unicodedata
from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from trialpanorama import ontologies

if TYPE_CHECKING:
    from trialpanorama.ontologies import Concept, Concepts

VOCABULARY = "mesh"
_WORD = re.compile(r"[^\W_]+")
_MEANING = frozenset(("preferred", "exact", "abbreviation", "brand", "code"))
"""Kinds of names that mean the heading itself; a broad or related one would find something else."""


class Names(msgspec.Struct, frozen=True):
    """The names of all headings, as an index keeps them."""

    release: str
    """The release that they were read from, such as "MeSH 2026"."""
    names: dict[str, str]
    """Each name and entry term, as `key` writes it, with the heading that it means."""
    others: dict[str, str] = {}
    """Headings that sources gave to documents and that this release lacks, by key."""

    def heading(self, name: str) -> str | None:
        """The heading that a name or entry term means, as MeSH writes it; None if this release has none."""
        return self.names.get(key(name))

    def mapped(self, words: str) -> str | None:
        """The heading that words (as `key` writes them) mean to PubMed's automatic mapping.

        As they stand; else in the singular or plural, or turned round at a comma, where that is a heading itself.
        """
        if words in self.names:
            return self.names[words]
        turned = " ".join(reversed(words.rsplit(" ", 1)))
        for form in (words, f"{words}s", words.removesuffix("s"), turned, f"{turned}s"):
            if form in self.others:
                return self.others[form]
            found = self.names.get(form)
            if found and key(found) == form:
                return found
        return None


class Tree(msgspec.Struct, frozen=True):
    """The headings as documents are indexed with them; all in lower case."""

    names: Names
    by_id: dict[str, str]
    """Each heading by its id, such as MESH:D009203."""
    digest: str
    """Hash of the release and of what was read from it."""
    above: dict[str, tuple[str, ...]]
    """What stands above each heading in any of its places in the tree, in alphabetical order."""

    def indexed(self, name: str) -> str:
        """The heading that a document is indexed with, under the name that this release has for it."""
        return (self.names.heading(name) or name).lower()


def key(name: str) -> str:
    """A name without case, accents and punctuation, which no one writes twice in the same way."""
    plain = name
    if not name.isascii():
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode() or name
    return " ".join(_WORD.findall(plain.lower()))


def tree() -> Tree:
    """The headings of the MeSH that is installed, or of the built-in one."""
    (release,) = (one for one in ontologies.releases() if one.name == VOCABULARY)
    return _tree(msgspec.json.encode(release))


@functools.cache
def _tree(release: bytes) -> Tree:
    """The headings of a release, which are read once however many indexes are made."""
    return read(ontologies.load(only=[VOCABULARY], with_everyday=False))


def read(concepts: Concepts) -> Tree:
    """The headings of a loaded vocabulary; supplementary concepts are none."""
    headings: list[Concept] = [one for one in concepts.all() if one.id.startswith("MESH:D")]
    names: dict[str, str] = {}
    for one in headings:
        names.setdefault(key(one.name), one.name)
    for one in headings:  # after all headings: what one is called no other may be
        for name in one.names:
            if name.kind in _MEANING and len(short := key(name.text)) > 1:
                names.setdefault(short, one.name)
    at: dict[str, str] = {}
    places: dict[str, list[str]] = defaultdict(list)
    for one in headings:
        low = one.name.lower()
        for place in filter(None, one.attributes.get("tree_numbers", "").split(";")):
            at[place] = low
            places[low].append(place)
    above = {
        low: tuple(sorted({at[higher] for place in found for higher in _higher(place) if higher in at} - {low}))
        for low, found in places.items()
    }
    by_id = {one.id: one.name.lower() for one in headings}
    said = Names(f"MeSH {concepts.versions[VOCABULARY].version}", names)
    digest = hashlib.blake2b(msgspec.json.encode((said, by_id, above)), digest_size=8).hexdigest()
    return Tree(said, by_id, digest, above)


def _higher(place: str) -> list[str]:
    """The places above one: C14 and C14.280 of C14.280.647."""
    parts = place.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts))]
