"""Medical Subject Headings of the US National Library of Medicine: descriptors and supplementary concepts."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from trialpanorama.ontologies import (
    Concept,
    ConceptKind,
    Name,
    Part,
    Release,
    ReleaseFile,
    Vocabulary,
    distinct_names,
)

_TREE_NUMBER = re.compile(r"[A-Z]\d\d(\.\d{2,3})*")
_UNIQUE_ID = re.compile(r"[DC]\d{6,9}")
_TREE_ROW = re.compile(rb"(\xef\xbb\xbf)?[A-Z]\d\d(\.\d+)*\|D\d{6,9}\|[^|\r\n]+\r?\n")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_KINDS: tuple[tuple[str, ConceptKind], ...] = (
    ("C", "condition"),
    ("F03", "condition"),
    ("D", "drug"),
    ("E", "procedure"),
    ("M", "population"),
)
"""Branches of the tree and the kind of what they hold; the first that one of the tree numbers is in counts."""


class _Entry(msgspec.Struct):
    id: str
    name: str
    trees: list[str] = []
    names: list[Name] = []


def _kind(trees: Sequence[str]) -> ConceptKind:
    return next((kind for branch, kind in _KINDS if any(tree.startswith(branch) for tree in trees)), "other")


def _concepts(entries: Mapping[str, _Entry]) -> list[Concept]:
    """Descriptors with their broader ones, which their places in the tree give."""
    places = {tree: entry.id for entry in entries.values() for tree in entry.trees}
    return [
        Concept(
            id=f"MESH:{entry.id}",
            name=entry.name,
            kind=_kind(entry.trees),
            names=distinct_names(entry.name, entry.names),
            parents=sorted(
                {
                    f"MESH:{places[broader]}"
                    for tree in entry.trees
                    if (broader := tree.rpartition(".")[0]) in places and places[broader] != entry.id
                }
            ),
            attributes={"tree_numbers": ";".join(sorted(entry.trees))} if entry.trees else {},
        )
        for entry in entries.values()
    ]


def _read(parts: Mapping[str, Sequence[ReleaseFile]]) -> Release:
    entries = _read_tree_table(parts["tree-table"][0])
    for file in parts.get("synonyms-json", ()):
        _add_synonyms(file, entries)
    return Release(version=_year(parts["tree-table"][0]), concepts=_concepts(entries))


def _year(file: ReleaseFile) -> str | None:
    """The year of the release, which the files say in their names."""
    found = _YEAR.search(file.name)
    return found[0] if found else None


def _read_tree_table(file: ReleaseFile) -> dict[str, _Entry]:
    entries: dict[str, _Entry] = {}
    with file.text() as text:
        for number, line in enumerate(text, 1):
            cells = line.rstrip("\n").split("|")
            if len(cells) != 3 or not _TREE_NUMBER.fullmatch(cells[0]) or not _UNIQUE_ID.fullmatch(cells[1]):
                raise file.unusable(f"has no tree number, id and heading in line {number}")
            entries.setdefault(cells[1], _Entry(cells[1], cells[2])).trees.append(cells[0])
    _check_whole(file, entries)
    return entries


def _check_whole(file: ReleaseFile, entries: Mapping[str, _Entry]) -> None:
    """The tree ends with the geographical headings (Z): a file without them is cut short."""
    if not any(tree.startswith("Z") for entry in entries.values() for tree in entry.trees):
        raise file.unusable("ends before the branch Z of the tree: it is cut short")


class _Synonyms(msgspec.Struct):
    id: str
    name: str
    synonyms: list[str]


def _add_synonyms(file: ReleaseFile, entries: Mapping[str, _Entry]) -> None:
    by_id: dict[str, list[str]] = defaultdict(list)
    with file.open() as stream:
        try:
            found = msgspec.json.decode(stream.read(), type=list[_Synonyms])
        except msgspec.ValidationError as error:
            raise file.unusable(f"is no list of headings with synonyms ({error})") from None
        except msgspec.DecodeError:
            raise file.unusable("is no whole JSON document: it is cut short or damaged") from None
    for entry in found:
        by_id[entry.id] += entry.synonyms
    if not by_id.keys() & entries.keys():
        raise file.unusable("has no heading of the descriptors that it was added with")
    for id in by_id.keys() & entries.keys():
        entries[id].names += [Name(text) for text in by_id[id]]


VOCABULARY = Vocabulary(
    name="mesh",
    prefix="MESH",
    title="Medical Subject Headings (MeSH)",
    home_page="https://www.nlm.nih.gov/mesh/meshhome.html",
    licence="NLM terms: free, with the source, version and changes stated",
    is_open=True,
    how_to_get="Fetched by `vocabularies fetch mesh`; or download descYYYY and suppYYYY from nlmpubs.nlm.nih.gov.",
    parts=(
        Part(
            name="tree-table",
            meaning="A table of tree number, unique id and heading, separated by '|'",
            recognise=lambda head, name: bool(_TREE_ROW.match(head)),
        ),
        Part(
            name="synonyms-json",
            meaning="A JSON list of headings (id, name) with their entry terms (synonyms)",
            recognise=lambda head, name: bool(re.match(rb'\s*\[\s*\{\s*"id"\s*:\s*"[DC]\d+"', head)),
            is_supplement=True,
        ),
    ),
    read=_read,
    no_fetch="to come",
)
