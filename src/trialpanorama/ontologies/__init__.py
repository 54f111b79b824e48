"""The words: one file per terminology, found by walking this folder.

A terminology is a module with a `VOCABULARY`. It says how a user gets the release, under which licence, how each kind
of its files is recognised, and how they become Concepts. What is installed, and the compact lexicon that comes with the
package for what is not, is `load`ed as one body of Concepts (`ontologies/_store.py`).
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Literal

import msgspec

from trialpanorama.errors import UnknownName
from trialpanorama.fetching import Fetch

HEAD_BYTES = 65_536
"""How much of the (decompressed) content a release file is recognised by."""

NameKind = Literal["preferred", "exact", "abbreviation", "brand", "code", "narrow", "broad", "related"]
ConceptKind = Literal[
    "condition", "drug", "gene", "outcome", "event", "unit", "procedure", "population", "other"
]  # fmt: skip


class Name(msgspec.Struct, frozen=True):
    """A name of a concept, as its vocabulary writes it."""

    text: str
    kind: NameKind = "exact"
    """`narrow`, `broad` and `related` names do not mean the concept itself."""


def distinct_names(preferred: str, others: Iterable[Name]) -> list[Name]:
    """The preferred name, then the others as they come; each text once."""
    first = Name(preferred, "preferred")
    names = {first.text: first}
    for name in others:
        names.setdefault(name.text, name)
    return list(names.values())


class Concept(msgspec.Struct, frozen=True, kw_only=True):
    """One term of a vocabulary."""

    id: str
    """A CURIE with the Biolink prefix, such as MESH:D003924."""
    name: str
    kind: ConceptKind
    names: list[Name] = []
    """All names, the preferred one first."""
    parents: list[str] = []
    """Ids of the next broader concepts of the same vocabulary."""
    cross_references: list[str] = []
    """Ids (CURIEs) in other vocabularies that this one holds to be the same thing."""
    attributes: dict[str, str] = {}
    """What else is known: `tree_numbers` (separated by ";"), `cas`, `unii`, `salt_of`, `symbol` ..."""
    is_obsolete: bool = False


class Mechanism(msgspec.Struct, frozen=True, kw_only=True):
    """One target of a drug; the columns of the published `drug_moa` table."""

    drug_id: str
    """The drug's concept, of the vocabulary that says so."""
    drug_name: str | None = None
    target_name: str | None = None
    target_class: str | None = None
    accession: str | None = None
    """UniProt accessions; several, of a complex, are separated by "|"."""
    gene: str | None = None
    swissprot: str | None = None
    act_value: float | None = None
    """Potency: the negative decimal logarithm of the molar concentration."""
    act_unit: str | None = None
    act_type: str | None = None
    act_comment: str | None = None
    act_source: str | None = None
    relation: str | None = None
    moa: bool | None = None
    """Whether the target is part of the mechanism of action; None: the release does not say."""
    moa_source: str | None = None
    act_source_url: str | None = None
    moa_source_url: str | None = None
    action_type: str | None = None
    tdl: str | None = None
    organism: str | None = None


class Release(msgspec.Struct, frozen=True):
    """What was read of the files of one release."""

    version: str | None
    """As the release says it; None where it does not (it is then known by the hash of its files)."""
    concepts: list[Concept]
    mechanisms: list[Mechanism] = []
    date: str | None = None
    """When it was released, ISO 8601, where the release says so."""


class Part(msgspec.Struct, frozen=True):
    """One of the kinds of files in which a vocabulary is released."""

    name: str
    """Short name, such as `descriptor-xml`."""
    meaning: str
    """One sentence: what it is and what the file is called."""
    recognise: Callable[[bytes, str], bool]
    """Whether a file that begins with these bytes (up to HEAD_BYTES, decompressed, byte-order mark included) and has
    this name (without .gz) is one."""
    is_supplement: bool = False
    """Whether it only adds to another part, and is no release by itself."""
    may_be_many: bool = False
    """Whether one release may have several files of this kind."""


class Vocabulary(msgspec.Struct, frozen=True, kw_only=True):
    """A terminology: its facts, and how its releases are read."""

    name: str
    """The file's name in this folder; the name in commands and tables."""
    prefix: str
    """What its ids begin with, such as MESH."""
    title: str
    home_page: str
    licence: str
    """Licence or terms of use, in a few words."""
    is_open: bool
    """Whether rows with its names and ids may be passed on: `export` leaves others out unless told otherwise."""
    how_to_get: str
    """How a user gets the release, in a sentence or two."""
    parts: tuple[Part, ...]
    read: Callable[[Mapping[str, Sequence[ReleaseFile]]], Release]
    """Read the files of one release, given by the names of their parts.

    Raises UserError, by `ReleaseFile.unusable`, for a file that is cut short, of the wrong kind or of a version that is
    not known."""
    fetch: Fetch | None = None
    """How it is fetched; a vocabulary has either this or `no_fetch`."""
    no_fetch: str | None = None
    """Why it is not fetched, in a sentence: its licence, or that it has no fixed address."""


@cache
def vocabularies() -> dict[str, Vocabulary]:
    """Every vocabulary, by name, in alphabetical order."""
    found: dict[str, Vocabulary] = {}
    for module in sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")):
        if module != "builtin":
            found[module] = importlib.import_module(f"{__name__}.{module}").VOCABULARY
    return found


def vocabulary(name: str) -> Vocabulary:
    """The vocabulary of this name; raises UnknownName with the nearest."""
    try:
        return vocabularies()[name]
    except KeyError:
        raise UnknownName("vocabulary", name, vocabularies(), "trialpanorama vocabularies list") from None


# These need the shapes above, and belong to what this module offers.
from trialpanorama.ontologies._files import ReleaseFile  # noqa: E402
from trialpanorama.ontologies._kept import cache_folder  # noqa: E402
from trialpanorama.ontologies._store import Concepts, Installed, default_store, install, load, releases  # noqa: E402

__all__ = [
    "Concept",
    "ConceptKind",
    "Concepts",
    "Installed",
    "Mechanism",
    "Name",
    "NameKind",
    "Part",
    "Release",
    "ReleaseFile",
    "Vocabulary",
    "cache_folder",
    "default_store",
    "distinct_names",
    "install",
    "load",
    "releases",
    "vocabularies",
    "vocabulary",
]
