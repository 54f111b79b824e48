"""Medical Subject Headings of the US National Library of Medicine: descriptors and supplementary concepts."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from trialpanorama.ontologies import (
    HEAD_BYTES,
    Concept,
    ConceptKind,
    Name,
    NameKind,
    Part,
    Release,
    ReleaseFile,
    Vocabulary,
    distinct_names,
)
from trialpanorama.ontologies._downloads import Download, fetched_from

if TYPE_CHECKING:
    from lxml.etree import _Element

_TREE_NUMBER = re.compile(r"[A-Z]\d\d(\.\d{2,3})*")
_UNIQUE_ID = re.compile(r"[DC]\d{6,9}")
_TREE_ROW = re.compile(rb"(\xef\xbb\xbf)?[A-Z]\d\d(\.\d+)*\|D\d{6,9}\|[^|\r\n]+\r?\n")
_TREE_LINE = re.compile(rb"(\xef\xbb\xbf)?[^;|\r\n]+;[A-Z]\d\d(\.\d+)*\r?\n")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_DECLARED_YEAR = re.compile(rb"<!DOCTYPE[^>]*?((?:19|20)\d\d)(?:\d{4})?\.dtd")
_KINDS: tuple[tuple[str, ConceptKind], ...] = (
    ("C", "condition"),
    ("F03", "condition"),
    ("D", "drug"),
    ("E", "procedure"),
    ("M", "population"),
)
"""Branches of the tree and the kind of what they hold; the first that one of the tree numbers is in counts."""
_CLASSES: dict[str, ConceptKind] = {"1": "drug", "2": "procedure", "3": "condition"}
"""Classes of supplementary records; the others are organisms and the like."""
_LEXICAL: dict[str, NameKind] = {
    "ABB": "abbreviation",
    "ABX": "abbreviation",
    "ACR": "abbreviation",
    "ACX": "abbreviation",
    "LAB": "code",
    "TRD": "brand",
}
_RELATIONS: dict[str, NameKind] = {"BRD": "broad", "REL": "related"}
"""How a concept of a record stands to the preferred one, where its names do not mean the record. Those of narrower ones
(NRW) do: MeSH has no other record for them, and indexes what bears them under this one."""
_CAS = re.compile(r"\d{2,7}-\d\d-\d")
_UNII = re.compile(r"(?=.*[A-Z])[0-9A-Z]{10}")


class _Entry(msgspec.Struct):
    """A record as it is put together from the files of a release."""

    id: str
    name: str
    trees: list[str] = []
    names: list[Name] = []
    kind: ConceptKind | None = None
    """None: as its places in the tree say, else those of the first heading that it is mapped to."""
    headings: list[str] = []
    """Ids of the descriptors that a supplementary record is mapped to."""
    attributes: dict[str, str] = {}


_Entries = dict[str, _Entry]


def _read(parts: Mapping[str, Sequence[ReleaseFile]]) -> Release:
    entries: _Entries = {}
    for part, read in _READERS.items():
        for file in parts.get(part, ()):
            read(file, entries)
    given = [file for part in _READERS for file in parts.get(part, ())]
    _check_trees(given[0], entries)
    named = {found[0]: file for file in given if (found := _YEAR.search(file.name))}
    if len(named) > 1:
        raise next(iter(named.values())).unusable(
            f"is not of the same year as the other files ({', '.join(sorted(named))})", "Add files of one year."
        )
    year = next(iter(named), None) or next(filter(None, map(_declared_year, given)), None)
    return Release(version=year, concepts=_concepts(entries))


def _check_trees(file: ReleaseFile, entries: _Entries) -> None:
    """Above each place in the tree there is another; in a file that lacks one of them other records are missing too."""
    places = {tree for entry in entries.values() for tree in entry.trees}
    for tree in sorted(places):
        if "." in tree and tree.rpartition(".")[0] not in places:
            raise file.unusable(f"has no heading above the place {tree} of the tree: it is cut short")


def _declared_year(file: ReleaseFile) -> str | None:
    """The year of a file in XML, from the declaration of its type; the others say it in their names only."""
    declared = _DECLARED_YEAR.search(file.head(HEAD_BYTES))
    return declared[1].decode() if declared else None


def _kind(entry: _Entry, entries: _Entries) -> ConceptKind:
    if entry.kind:
        return entry.kind
    if _is_supplementary(entry.id):  # most are substances
        return next((_kind(entries[heading], entries) for heading in entry.headings if heading in entries), "drug")
    return next((kind for branch, kind in _KINDS if any(tree.startswith(branch) for tree in entry.trees)), "other")


def _concepts(entries: _Entries) -> list[Concept]:
    """Every record with its broader ones, which its places in the tree and its headings give."""
    places = {tree: entry.id for entry in entries.values() for tree in entry.trees}

    def broader(entry: _Entry) -> Iterator[str]:
        for tree in entry.trees:
            parent = places.get(tree.rpartition(".")[0])
            if parent and parent != entry.id:
                yield f"MESH:{parent}"
        for heading in entry.headings:
            if heading in entries:
                yield f"MESH:{heading}"

    return [
        Concept(
            id=f"MESH:{entry.id}",
            name=entry.name,
            kind=_kind(entry, entries),
            names=distinct_names(entry.name, entry.names),
            parents=sorted({*broader(entry)}),
            attributes=({"tree_numbers": ";".join(sorted(entry.trees))} if entry.trees else {}) | entry.attributes,
        )
        for entry in entries.values()
    ]


# --- XML: desc2026.xml, supp2026.xml


def _read_descriptors(file: ReleaseFile, entries: _Entries) -> None:
    for record in _records(file, "DescriptorRecord"):
        id, name = record.findtext("DescriptorUI") or "", record.findtext("DescriptorName/String") or ""
        trees = [tree.text or "" for tree in record.iterfind("TreeNumberList/TreeNumber")]
        _check(file, id, name, trees)
        attributes = _registry_numbers(record)
        entries[id] = _Entry(id, name.strip(), trees, [*_terms(record)], attributes=attributes)


def _read_supplement(file: ReleaseFile, entries: _Entries) -> None:
    for record in _records(file, "SupplementalRecord"):
        id = record.findtext("SupplementalRecordUI") or ""
        name = record.findtext("SupplementalRecordName/String") or ""
        _check(file, id, name, [])
        headings = record.iterfind("HeadingMappedToList/HeadingMappedTo/DescriptorReferredTo/DescriptorUI")
        entries[id] = _Entry(
            id,
            name.strip(),
            names=[*_terms(record)],
            kind=_CLASSES.get(record.get("SCRClass", "1"), "other"),
            headings=[(heading.text or "").lstrip("*") for heading in headings],
            attributes=_registry_numbers(record),
        )


def _records(file: ReleaseFile, tag: str) -> Iterator[_Element]:
    from lxml import etree

    with file.open() as stream:
        try:
            for _, element in etree.iterparse(
                stream, tag=tag, resolve_entities=False, load_dtd=False, no_network=True, huge_tree=True
            ):
                yield element
                element.clear()
                while element.getprevious() is not None:
                    del element.getparent()[0]
        except etree.XMLSyntaxError as error:
            raise file.unusable(f"is no whole XML document ({error.msg}): it is cut short or damaged") from None


def _check(file: ReleaseFile, id: str, name: str, trees: Iterable[str]) -> None:
    if not _UNIQUE_ID.fullmatch(id) or not name.strip():
        raise file.unusable(f'has a record with the id "{id}" and the name "{name}": it is of a version not known')
    for tree in trees:
        if not _TREE_NUMBER.fullmatch(tree):
            raise file.unusable(f'has the tree number "{tree}" at {id}: it is of a version not known')


def _terms(record: _Element) -> Iterator[Name]:
    """The terms of a record, those of its preferred concept first."""
    concepts = [*record.iterfind("ConceptList/Concept")]
    relations = {
        other: _RELATIONS.get(relation.get("RelationName", ""))
        for concept in concepts
        for relation in concept.iterfind("ConceptRelationList/ConceptRelation")
        for other in (relation.findtext("Concept1UI"), relation.findtext("Concept2UI"))
        if other
    }
    for concept in sorted(concepts, key=lambda concept: concept.get("PreferredConceptYN") != "Y"):
        is_preferred = concept.get("PreferredConceptYN") == "Y"
        stands = None if is_preferred else relations.get(concept.findtext("ConceptUI") or "")
        for term in concept.iterfind("TermList/Term"):
            if text := (term.findtext("String") or "").strip():
                yield Name(text, stands or _LEXICAL.get(term.get("LexicalTag", ""), "exact"))


def _registry_numbers(record: _Element) -> dict[str, str]:
    preferred = record.find("ConceptList/Concept[@PreferredConceptYN='Y']")
    return {} if preferred is None else _numbers(number.text or "" for number in preferred.iter("RegistryNumber"))


def _numbers(given: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for number in given:
        if _CAS.fullmatch(number):
            found.setdefault("cas", number)
        elif _UNII.fullmatch(number):
            found.setdefault("unii", number)
    return found


# --- ASCII: d2026.bin, c2026.bin, mtrees2026.bin


def _read_ascii(file: ReleaseFile, entries: _Entries) -> None:
    for record in _ascii_records(file):
        id, name, trees = record["UI"][0] if record["UI"] else "", "".join(record["MH"][:1]), record["MN"]
        _check(file, id, name, trees)
        names = [_ascii_name(value) for tag in ("PRINT ENTRY", "ENTRY") for value in record[tag]]
        entries[id] = _Entry(id, name, trees, names, attributes=_numbers(record["RN"]))


def _add_ascii_supplement(file: ReleaseFile, entries: _Entries) -> None:
    """Read supplementary records, which name the headings that they are mapped to by their words."""
    ids = {entry.name: entry.id for entry in entries.values() if not _is_supplementary(entry.id)}
    for record in _ascii_records(file):
        id, name = "".join(record["UI"][:1]), "".join(record["NM"][:1])
        _check(file, id, name, [])
        mapped = [heading.lstrip("*") for heading in record["HM"]]
        headings = [ids.get(heading) or ids.get(heading.partition("/")[0]) for heading in mapped]
        entries[id] = _Entry(
            id,
            name,
            names=[_ascii_name(value) for value in record["SY"]],
            headings=[heading for heading in headings if heading],
            attributes=_numbers(record["RN"]),
        )


def _is_supplementary(id: str) -> bool:
    return id.startswith("C")


def _ascii_records(file: ReleaseFile) -> Iterator[dict[str, list[str]]]:
    record: dict[str, list[str]] | None = None
    line = "\n"
    with file.text() as text:
        for line in text:
            if line.startswith("*NEWRECORD"):
                if record is not None:
                    yield record
                record = defaultdict(list)
            elif record is not None:
                tag, mark, value = line.rstrip("\n").partition(" = ")
                if mark:  # what has none goes on with the text of the line before, which is never one of these
                    record[tag].append(value)
    if not line.endswith("\n"):
        raise file.unusable("ends in the middle of a line: it is cut short")
    if record is not None:
        yield record


def _ascii_name(value: str) -> Name:
    """An entry term; the letters in its last field say what the fields are (a: the term, c: lexical, d: relation)."""
    fields = value.split("|")
    said = dict(zip(fields[-1], fields, strict=False)) if len(fields) > 1 else {"a": value}
    relation = _RELATIONS.get(said.get("d", ""))
    return Name(said.get("a", fields[0]).strip(), relation or _LEXICAL.get(said.get("c", ""), "exact"))


def _add_trees(file: ReleaseFile, entries: _Entries) -> None:
    """Take the places in the tree from a list that names its headings by their words."""
    by_name = {entry.name: entry for entry in entries.values()}
    found = 0
    last = "\n"
    with file.text() as text:
        for number, last in enumerate(text, 1):
            name, mark, tree = last.rstrip("\n").rpartition(";")
            if not mark or not _TREE_NUMBER.fullmatch(tree):
                raise file.unusable(f"has no heading and tree number in line {number}")
            entry = by_name.get(name)
            if entry is not None:
                found += 1
                if tree not in entry.trees:
                    entry.trees.append(tree)
    if not last.endswith("\n"):
        raise file.unusable("ends in the middle of a line: it is cut short")
    if not found:
        raise file.unusable("has no heading of the descriptors that it was added with", "Add files of one year.")


# --- tables that others made of it


def _read_tree_table(file: ReleaseFile, entries: _Entries) -> None:
    own: _Entries = {}
    with file.text() as text:
        for number, line in enumerate(text, 1):
            cells = line.rstrip("\n").split("|")
            is_row = (
                len(cells) == 3 and _TREE_NUMBER.fullmatch(cells[0]) and _UNIQUE_ID.fullmatch(cells[1]) and cells[2]
            )
            if not is_row:
                raise file.unusable(f"has no tree number, id and heading in line {number}: it is cut short or damaged")
            own.setdefault(cells[1], _Entry(cells[1], cells[2])).trees.append(cells[0])
    if not any(tree.startswith("Z") for entry in own.values() for tree in entry.trees):
        raise file.unusable("ends before the branch Z (places), the tree's last: it is cut short")
    for id, entry in own.items():
        entries.setdefault(id, entry)


class _Synonyms(msgspec.Struct):
    id: str
    name: str
    synonyms: list[str]


def _add_synonyms(file: ReleaseFile, entries: _Entries) -> None:
    with file.open() as stream:
        try:
            found = msgspec.json.decode(stream.read(), type=list[_Synonyms])
        except msgspec.ValidationError as error:
            raise file.unusable(f"is no list of headings with synonyms ({error})") from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise file.unusable("is no whole JSON document: it is cut short or damaged") from None
    by_id: dict[str, list[str]] = defaultdict(list)
    for entry in found:
        by_id[entry.id] += entry.synonyms
    if not by_id.keys() & entries.keys():
        raise file.unusable("has no heading of the descriptors that it was added with")
    for id in by_id.keys() & entries.keys():
        entries[id].names += [Name(text) for text in by_id[id]]


_READERS = {
    "descriptors-xml": _read_descriptors,
    "supplement-xml": _read_supplement,
    "descriptors-ascii": _read_ascii,
    "tree-table": _read_tree_table,
    "supplement-ascii": _add_ascii_supplement,
    "tree-ascii": _add_trees,
    "synonyms-json": _add_synonyms,
}
"""By part, in the order in which they are read: what only adds comes last."""


VOCABULARY = Vocabulary(
    name="mesh",
    prefix="MESH",
    title="Medical Subject Headings (MeSH)",
    home_page="https://www.nlm.nih.gov/mesh/meshhome.html",
    licence="NLM terms: free, with the source, version and changes stated",
    is_open=True,
    how_to_get="Fetched by `vocabularies fetch mesh`; or download descYYYY.xml and suppYYYY.xml (nlm.nih.gov/mesh).",
    parts=(
        Part(
            name="descriptors-xml",
            meaning="descYYYY.xml: the descriptors, with their terms and places in the tree",
            recognise=lambda head, name: b"<DescriptorRecordSet" in head,
        ),
        Part(
            name="supplement-xml",
            meaning="suppYYYY.xml: supplementary concepts (rare diseases, substances), mapped to descriptors",
            recognise=lambda head, name: b"<SupplementalRecordSet" in head,
            is_supplement=True,
        ),
        Part(
            name="descriptors-ascii",
            meaning="dYYYY.bin: the descriptors, as lines of TAG = value",
            recognise=lambda head, name: (
                head.lstrip(b"\xef\xbb\xbf").startswith(b"*NEWRECORD") and b"RECTYPE = D" in head
            ),
        ),
        Part(
            name="supplement-ascii",
            meaning="cYYYY.bin: supplementary concepts, as lines of TAG = value",
            recognise=lambda head, name: (
                head.removeprefix(b"\xef\xbb\xbf").startswith(b"*NEWRECORD") and b"RECTYPE = C" in head
            ),
            is_supplement=True,
        ),
        Part(
            name="tree-table",
            meaning="A table of tree number, unique id and heading, separated by '|'",
            recognise=lambda head, name: bool(_TREE_ROW.match(head)),
        ),
        Part(
            name="tree-ascii",
            meaning="mtreesYYYY.bin: headings with their tree numbers, separated by ';'",
            recognise=lambda head, name: bool(_TREE_LINE.match(head)),
            is_supplement=True,
        ),
        Part(
            name="synonyms-json",
            meaning="A JSON list of headings (id, name) with their entry terms (synonyms)",
            recognise=lambda head, name: bool(re.match(rb'\s*\[\s*\{\s*"id"\s*:\s*"[DC]\d+"', head)),
            is_supplement=True,
        ),
    ),
    read=_read,
    fetch=fetched_from(
        [
            Download(
                f"{name}{{year}}.gz",
                f"https://nlmpubs.nlm.nih.gov/projects/mesh/MESH_FILES/xmlmesh/{name}{{year}}.gz",
                kind="gzip",
            )
            for name in ("desc", "supp")
        ],
        hosts=("nlmpubs.nlm.nih.gov",),
        terms="Free to download and use; the source, its version and changes are to be stated "
        "(nlm.nih.gov/databases/download/terms_and_conditions.html).",
    ),
)
