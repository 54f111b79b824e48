"""MONDO: one disease ontology over many, as OBO, and as tables of its mappings (SSSOM)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from trialpanorama.ontologies import HEAD_BYTES, Concept, Name, Part, Release, ReleaseFile, Vocabulary, _sssom
from trialpanorama.ontologies._curies import curie

_OBSOLETE = "obsolete "
_RELEASE = re.compile(r"/releases/([^/]+)/")


def _read(parts: Mapping[str, Sequence[ReleaseFile]]) -> Release:
    labels: dict[str, str] = {}
    same: dict[str, list[str]] = defaultdict(list)
    versions = set()
    for file in parts["mappings"]:
        stated = _sssom.declared(file.head(HEAD_BYTES), "mapping_set_version") or ""
        versions.add(found[1] if (found := _RELEASE.search(stated)) else stated)
        for mapping in _sssom.mappings(file):
            labels.setdefault(mapping.subject_id, mapping.subject_label)
            if mapping.predicate_id == "skos:exactMatch":
                same[mapping.subject_id].append(curie(mapping.object_id))
    if len(versions) > 1:
        raise parts["mappings"][-1].unusable(
            f"is not of the same release as {parts['mappings'][0].label} ({', '.join(sorted(versions))})",
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
            if id.startswith("MONDO:") and label
        ],
    )


VOCABULARY = Vocabulary(
    name="mondo",
    prefix="MONDO",
    title="Mondo Disease Ontology",
    home_page="https://mondo.monarchinitiative.org",
    licence="CC BY 4.0",
    is_open=True,
    how_to_get="Fetched by `vocabularies fetch mondo`; or download mondo.obo from monarch-initiative/mondo.",
    parts=(
        Part(
            name="mappings",
            meaning="mondo_*.sssom.tsv: classes with their labels, and what they are called in another vocabulary",
            recognise=lambda head, name: _sssom.is_sssom(head) and b"MONDO:" in head,
            may_be_many=True,
        ),
    ),
    read=_read,
    no_fetch="to come",
)
