"""Human Disease Ontology: as OBO, and as the pair of tables that its curators publish."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from trialpanorama.ontologies import Concept, Name, Part, Release, ReleaseFile, Vocabulary, _obo
from trialpanorama.ontologies._curies import curie
from trialpanorama.ontologies._downloads import Download, fetched_from
from trialpanorama.ontologies._tables import header, rows

_CLASSES = ("id", "label", "subClassOf")
_REFERENCES = ("id", "label", "xref")
_ROOTS = 1
"""The root has no row of its own."""
_STRAY = 0.005
"""The share of broader classes that a whole table may lack."""


def _is_table(columns: Sequence[str], head: bytes) -> bool:
    return header(head) == list(columns) and b"DOID:" in head


def _read(parts: Mapping[str, Sequence[ReleaseFile]]) -> Release:
    if "obo" in parts:
        return _obo.read(parts["obo"][0], "DOID", "condition")
    return _read_tables(parts["classes-table"][0], parts.get("references-table", ()))


def _read_tables(classes: ReleaseFile, references: Sequence[ReleaseFile]) -> Release:
    labels: dict[str, str] = {}
    broader: dict[str, set[str]] = defaultdict(set)
    for row in rows(classes, _CLASSES):
        if not row["id"].startswith("DOID:") or not row["label"]:
            raise classes.unusable(f'has the id "{row["id"]}" with the label "{row["label"]}", which is no class of it')
        labels[row["id"]] = row["label"]
        broader[row["id"]].add(row["subClassOf"])
    ids = {label: id for id, label in labels.items()}
    unknown = {label for above in broader.values() for label in above if label and label not in ids}
    if len(unknown) > max(_ROOTS, _STRAY * len(ids)):
        raise classes.unusable(f'has no class "{min(unknown)}", which others are kinds of: it is cut short')
    known = frozenset(labels)
    same: dict[str, list[str]] = defaultdict(list)
    for file in references:
        for row in rows(file, _REFERENCES):
            same[row["id"]].append(curie(row["xref"]))
            if row["label"] in unknown:  # the root has references, and no row of its own
                labels[row["id"]] = row["label"]
                ids[row["label"]] = row["id"]
        if same.keys().isdisjoint(known):
            raise file.unusable(f"has no class of {classes.label}", "Add files of one release.")
    return Release(
        version=None,
        concepts=[
            Concept(
                id=id,
                name=label,
                kind="condition",
                names=[Name(label, "preferred")],
                parents=sorted(ids[parent] for parent in broader[id] if parent in ids),
                cross_references=list(dict.fromkeys(same[id])),
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
    how_to_get="Fetched by `vocabularies fetch doid`; or download doid.obo, which has synonyms (disease-ontology.org).",
    parts=(
        Part(
            name="obo",
            meaning="doid.obo: every class with its names, broader classes and cross-references",
            recognise=lambda head, name: _obo.is_obo(head, name, "DOID"),
        ),
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
    fetch=fetched_from(
        [
            Download(
                "doid.obo",
                "https://raw.githubusercontent.com/DiseaseOntology/HumanDiseaseOntology/main/src/ontology/doid.obo",
            )
        ],
        hosts=("raw.githubusercontent.com",),
        terms="CC0: anything may be done with it (disease-ontology.org).",
    ),
)
