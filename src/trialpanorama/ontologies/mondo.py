"""MONDO: one disease ontology over many, as OBO, and as tables of its mappings (SSSOM)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from trialpanorama.ontologies import HEAD_BYTES, Concept, Name, Part, Release, ReleaseFile, Vocabulary, _obo, _sssom
from trialpanorama.ontologies._curies import curie
from trialpanorama.ontologies._downloads import Download, fetched_from

_OBSOLETE = "obsolete "
_RELEASE = re.compile(r"/releases/([^/]+)/")


def _read(parts: Mapping[str, Sequence[ReleaseFile]]) -> Release:
    mapped = _read_mappings(parts["mappings"]) if "mappings" in parts else None
    if "obo" not in parts:
        assert mapped is not None  # one of the two is there
        named = [concept for concept in mapped.concepts if concept.name]
        return Release(mapped.version, named)
    release = _obo.read(parts["obo"][0], "MONDO", "condition", are_references_typed=True)
    if mapped is None:
        return release
    more = {concept.id: concept.cross_references for concept in mapped.concepts}
    concepts = [
        msgspec.structs.replace(
            concept, cross_references=list(dict.fromkeys([*concept.cross_references, *more.get(concept.id, ())]))
        )
        for concept in release.concepts
    ]
    return Release(release.version, concepts, date=release.date)


def _read_mappings(tables: Sequence[ReleaseFile]) -> Release:
    labels: dict[str, str] = {}
    same: dict[str, list[str]] = defaultdict(list)
    versions = set()
    for file in tables:
        stated = _sssom.declared(file.head(HEAD_BYTES), "mapping_set_version") or ""
        versions.add(found[1] if (found := _RELEASE.search(stated)) else stated)
        for mapping in _sssom.mappings(file):
            labels.setdefault(mapping.subject_id, mapping.subject_label)
            if mapping.predicate_id == "skos:exactMatch":
                same[mapping.subject_id].append(curie(mapping.object_id))
    if len(versions) > 1:
        raise tables[-1].unusable(
            f"is not of the same release as {tables[0].label} ({', '.join(sorted(versions))})",
            "Add files of one release.",
        )
    return Release(
        version=versions.pop() or None,
        concepts=[
            Concept(
                id=id,
                name=label.removeprefix(_OBSOLETE),
                kind="condition",
                names=[Name(label.removeprefix(_OBSOLETE), "preferred")],
                cross_references=list(dict.fromkeys(same[id])),
                is_obsolete=label.startswith(_OBSOLETE),
            )
            for id, label in labels.items()
            if id.startswith("MONDO:")
        ],
    )


VOCABULARY = Vocabulary(
    name="mondo",
    prefix="MONDO",
    title="Mondo Disease Ontology",
    home_page="https://mondo.monarchinitiative.org",
    licence="CC BY 4.0; its mapping tables CC0 1.0",
    is_open=True,
    how_to_get="Fetched by `vocabularies fetch mondo`; or download mondo.obo, which has synonyms, from its releases.",
    parts=(
        Part(
            name="obo",
            meaning="mondo.obo: every class with its names, broader classes and cross-references",
            recognise=lambda head, name: _obo.is_obo(head, name, "MONDO"),
        ),
        Part(
            name="mappings",
            meaning="mondo_*.sssom.tsv: classes with their labels, and what they are called in another vocabulary",
            recognise=lambda head, name: _sssom.is_sssom(head) and b"MONDO:" in head,
            may_be_many=True,
        ),
    ),
    read=_read,
    fetch=fetched_from(
        [Download("mondo.obo", "https://github.com/monarch-initiative/mondo/releases/latest/download/mondo.obo")],
        hosts=("github.com", "objects.githubusercontent.com", "release-assets.githubusercontent.com"),
        terms="CC BY 4.0: free with attribution (mondo.monarchinitiative.org).",
    ),
)
