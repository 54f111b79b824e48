"""OBO flat files (formats 1.2 and 1.4): the terms of an ontology, with their names, parents and references."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from trialpanorama.ontologies import Concept, ConceptKind, Name, NameKind, Release, ReleaseFile, distinct_names
from trialpanorama.ontologies._curies import curie

FORMATS = ("1.0", "1.2", "1.4")
_SCOPES: dict[str, NameKind] = {"EXACT": "exact", "NARROW": "narrow", "BROAD": "broad", "RELATED": "related"}
_SYNONYM = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(EXACT|NARROW|BROAD|RELATED)?\s*([^\s\[{]*)')
_TYPE_DEFINED = re.compile(r'(\S+)\s+"((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")
_REST = re.compile(r"(?<!\\)\s*[!{].*$")
"""What may follow a value: qualifiers, and a comment."""
_RELEASE = re.compile(r"(?:^|/)(\d{4}-\d\d-\d\d|v?\d[\w.-]*)(?:/|$)")
_OBSOLETE = re.compile(r"^obsolete[ :_]+", re.I)
_SHORT = ("abbreviation", "acronym", "0003000", "0003012")
"""How the types of abbreviated names are called in one ontology or another."""
_DOUBTFUL = ("deprecated", "dubious", "misnomer", "misspelling", "exclude")
"""The same of names that the ontology itself warns of."""


class Term(msgspec.Struct):
    """A [Term] stanza: the values of each tag, in order."""

    id: str
    tags: dict[str, list[str]]

    def all(self, tag: str) -> list[str]:
        """The values of a tag as they are written, qualifiers and comments included."""
        return self.tags.get(tag, [])

    def first(self, tag: str) -> str | None:
        """The first value of a tag without what follows it."""
        values = self.all(tag)
        return plain(values[0]) if values else None


def plain(value: str) -> str:
    """A value without qualifiers and comment, its escapes undone."""
    return _unescaped(_REST.sub("", value)).strip()


def is_obo(head: bytes, name: str, prefix: str) -> bool:
    """Whether a file that begins with these bytes is an ontology in OBO whose terms have this prefix.

    The name of the file decides where a long header has not said it by then.
    """
    if not head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"format-version:"):
        return False
    stated = re.search(rb"(?m)^ontology: *(\S+)", head)
    called = stated[1].decode("utf-8", "replace").rsplit("/", 1)[-1] if stated else name
    return called.lower().startswith(prefix.lower())


def read(file: ReleaseFile, prefix: str, kind: ConceptKind, *, are_references_typed: bool = False) -> Release:
    """The terms of this prefix as concepts.

    `are_references_typed`: only cross-references that are marked as equivalent count (as MONDO marks them). Raises
    UserError for a format that is not known, and for a file that is cut short.
    """
    header: dict[str, list[str]] = {}
    terms = list(_terms(file, header))
    version = (header.get("format-version") or [""])[0]
    if version not in FORMATS:
        raise file.unusable(
            f"is in OBO format {version or 'without a number'}; {', '.join(FORMATS)} are read",
            "Get it in one of these.",
        )
    types = {
        found[1]: found[2].lower() for said in header.get("synonymtypedef", ()) if (found := _TYPE_DEFINED.match(said))
    }
    own = [term for term in terms if term.id.startswith(f"{prefix}:")]
    known = {term.id for term in own}
    for term in own:
        for parent in _parents(term, prefix):
            if parent not in known:
                raise file.unusable(f"has no term {parent}, which {term.id} is a kind of: it is cut short")
    said = (header.get("data-version") or [""])[0]
    release = found[1] if (found := _RELEASE.search(said)) else said or None
    return Release(
        version=release,
        date=release if release and re.fullmatch(r"\d{4}-\d\d-\d\d", release) else None,
        concepts=[_concept(term, prefix, kind, types, are_references_typed) for term in own if term.first("name")],
    )


def _terms(file: ReleaseFile, header: dict[str, list[str]]) -> Iterator[Term]:
    """The [Term] stanzas; what stands before the first stanza goes into `header`."""
    tags, stanza, line = header, "", "\n"
    with file.text() as text:
        for line in text:
            stripped = line.strip()
            if stripped.startswith("["):
                if stanza == "[Term]":
                    yield _term(file, tags)
                tags, stanza = {}, stripped
            elif stripped and not stripped.startswith("!"):
                tag, colon, value = stripped.partition(":")
                if not colon:
                    raise file.unusable(f'has a line without tag ("{stripped[:60]}"): it is cut short or no OBO file')
                tags.setdefault(tag, []).append(value.strip())
    if not line.endswith("\n"):
        raise file.unusable("ends in the middle of a line: it is cut short")
    if stanza == "[Term]":
        yield _term(file, tags)


def _term(file: ReleaseFile, tags: dict[str, list[str]]) -> Term:
    if not tags.get("id"):
        raise file.unusable("has a term without id: it is no OBO file of a version that is known")
    return Term(plain(tags["id"][0]), tags)


def _parents(term: Term, prefix: str) -> list[str]:
    return sorted({id for value in term.all("is_a") if (id := plain(value)).startswith(f"{prefix}:")})


def _concept(term: Term, prefix: str, kind: ConceptKind, types: dict[str, str], are_typed: bool) -> Concept:
    name = _OBSOLETE.sub("", term.first("name") or "")
    is_obsolete = term.first("is_obsolete") == "true"
    replaced = [plain(value) for value in term.all("replaced_by")]
    alternatives = [plain(value) for value in term.all("alt_id")]
    attributes = {"replaced_by": ";".join(replaced), "alternative_ids": ";".join(alternatives)}
    return Concept(
        id=term.id,
        name=name,
        kind=kind,
        names=distinct_names(name, filter(None, (_name(value, types) for value in term.all("synonym")))),
        parents=_parents(term, prefix),
        cross_references=list(dict.fromkeys(_references(term, are_typed))),
        attributes={key: value for key, value in attributes.items() if value},
        is_obsolete=is_obsolete,
    )


def _name(value: str, types: dict[str, str]) -> Name | None:
    found = _SYNONYM.match(value)
    if not found or not found[1].strip():
        return None
    kind = _SCOPES[found[2] or "RELATED"]
    said = f"{found[3]} {types.get(found[3], '')}".lower()
    if any(word in said for word in _DOUBTFUL):
        kind = "related"
    elif kind == "exact" and any(word in said for word in _SHORT):
        kind = "abbreviation"
    return Name(_unescaped(found[1]).strip(), kind)


def _references(term: Term, are_typed: bool) -> Iterator[str]:
    for value in term.all("property_value"):
        predicate, _, target = value.partition(" ")
        if predicate.rsplit("/", 1)[-1].rsplit("#", 1)[-1] in ("skos:exactMatch", "exactMatch"):
            yield curie(plain(target.strip('"')))
    for value in term.all("xref"):
        if not are_typed or ":equivalentTo" in value or '"equivalentTo' in value:
            yield curie(plain(value).split(" ")[0])


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: {"n": "\n", "t": "\t", "W": " "}.get(found[1], found[1]), text)
