"""Human Disease Ontology: as OBO, and as the pair of tables that its curators publish."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from trialpanorama.ontologies import Concept, Name, Part, Release, ReleaseFile, Vocabulary
from trialpanorama.ontologies._curies import curie
from trialpanorama.ontologies._tables import header, rows

_CLASSES = ("id", "label", "subClassOf")
_REFERENCES = ("id", "label", "xref")


def _is_table(columns: Sequence[str], head: bytes) -> bool:
    return header(head) == list(columns) and (b"DOID:" in head or head.count(b"\n") < 2)


def _read(parts: Mapping[str, Sequence[ReleaseFile]]) -> Release:
    return _read_tables(parts["classes-table"][0], [*parts.get("references-table", ())])


def _read_tables(classes: ReleaseFile, references: Sequence[ReleaseFile]) -> Release:
    labels: dict[str, str] = {}
    broader: dict[str, list[str]] = defaultdict(list)
    for row in rows(classes, _CLASSES):
        labels[row["id"]] = row["label"]
        broader[row["id"]].append(row["subClassOf"])
    ids = {label: id for id, label in labels.items()}
    same: dict[str, list[str]] = defaultdict(list)
    for file in references:
        for row in rows(file, _REFERENCES):
            same[row["id"]].append(row["xref"])
    return Release(
        version=None,
        concepts=[
            Concept(
                id=id,
                name=label,
                kind="condition",
                names=[Name(label, "preferred")],
                parents=sorted({ids[parent] for parent in broader[id] if parent in ids}),
                cross_references=list(dict.fromkeys(map(curie, same[id]))),
            )
            for id, label in labels.items()
        ],
    )


VOCABULARY = Vocabulary(
    name="doid",
    prefix="DOID",
    title="Human Disease Ontology",
    home_page="https://disease-ontology.org",
    licence="CC0 1.0",
    is_open=True,
    how_to_get="Fetched by `vocabularies fetch doid`; or download doid.obo from disease-ontology.org.",
    parts=(
        Part(
            name="classes-table",
            meaning="HumanDO.tsv: every class with its label and its broader class",
            recognise=lambda head, name: _is_table(_CLASSES, head),
        ),
        Part(
            name="references-table",
            meaning="allXREFinDO.tsv: the cross-references of every class",
            recognise=lambda head, name: _is_table(_REFERENCES, head),
            is_supplement=True,
        ),
    ),
    read=_read,
    no_fetch="to come",
)
