"""Make the built-in lexicon (src/trialpanorama/ontologies/builtin) of installed vocabularies that may be passed on.

    python benchmarks/builtin_lexicon.py STORE

Of each vocabulary it takes the concepts that trials are about, with all their names and the cross-references to another
vocabulary of the lexicon, even to concepts that the lexicon lacks: a newer release may have them. Which release each
row comes from stands in the row. Units and the domains of outcomes come from the tables beside this file (lexicon/),
which hold facts only: UCUM's own file may not be changed. The headings that MeSH got after 2016, whose places in the
tree no file at hand has, stand in such a table too, with a kind and broader headings that were written down for this
project (lexicon/mesh_later.tsv; ids, headings and terms: courtesy of the US National Library of Medicine). Left out of
it are those that MONDO or the Disease Ontology has, and terms that another concept bears. Drugs and genes:
builtin_drugs.py.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

import trialpanorama
from trialpanorama.ontologies import Concept, Installed, Name, Release, install, load, vocabulary
from trialpanorama.ontologies._store import BUILT_IN, LATER, write

SMALLEST = 19
"""Compression level; the files are written once and shipped."""


def _is_of_trials(concept: Concept) -> bool:
    """MeSH: all but disciplines, technology, humanities, information science, kinds of publications and places."""
    return any(tree[0] in "ABCDEFGIMN" for tree in concept.attributes.get("tree_numbers", "").split(";") if tree)


TABLES = Path(__file__).parent / "lexicon"

SELECTIONS: dict[str, Callable[[Concept], bool]] = {
    "doid": lambda concept: not concept.is_obsolete,
    "mesh": _is_of_trials,
    "mondo": lambda concept: not concept.is_obsolete,
}
"""By vocabulary, which of its concepts are taken."""


def _put(installed: Installed, release: Release, path: Path | None = None) -> int:
    """Write a vocabulary; returns the bytes."""
    path = path or BUILT_IN / f"{installed.name}.parquet"
    write(installed, release, path, SMALLEST)
    names = sum(len(concept.names) for concept in release.concepts)
    bytes = path.stat().st_size
    print(f"{installed.name} {installed.version}: {installed.concepts:,} concepts, {names:,} names, {bytes:,} bytes")
    return bytes


def _domains() -> int:
    with tempfile.TemporaryDirectory() as folder:
        install([TABLES / "outcome_domains.csv"], Path(folder))
        concepts = load(Path(folder), only=["comet"])
        installed = msgspec.structs.replace(concepts.versions["comet"], installed="", is_built_in=True)
        return _put(installed, Release(installed.version, [*concepts.all()]))


def _units() -> int:
    concepts = []
    with (TABLES / "units.tsv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            names = row["names"].split("|")
            attributes = {
                "value": row["value"],
                "unit": row["unit"],
                "dimension": row["note"] if row["what"] == "base" else "",
                "function": row["note"] if row["what"] == "scale" else "",
                "is_metric": "true"
                if row["what"] in ("base", "metric", "arbitrary") or row["code"] in ("Cel", "B")
                else "",
                "is_arbitrary": "true" if row["what"] == "arbitrary" else "",
            }
            concepts.append(
                Concept(
                    id=f"UCUM:prefix/{row['code']}" if row["what"] == "prefix" else f"UCUM:{row['code']}",
                    name=names[0],
                    kind="other" if row["what"] == "prefix" else "unit",
                    names=[*map(Name, names), Name(row["code"], "code")],
                    attributes={key: said for key, said in attributes.items() if said},
                )
            )
    installed = Installed(
        name="ucum",
        title="Units of trials, with the codes of UCUM",
        version=f"trialpanorama {trialpanorama.__version__}",
        licence="facts; the codes are those of UCUM",
        is_open=True,
        concepts=len(concepts),
        tool=f"trialpanorama {trialpanorama.__version__}",
        is_built_in=True,
    )
    return _put(installed, Release(installed.version, concepts))


def _later() -> int:
    """Headings that MeSH's release of 2016 lacks: `ontologies.load` adds those that the MeSH it loads lacks, too."""
    with (TABLES / "mesh_later.tsv").open(encoding="utf-8") as file:
        concepts = [
            Concept(
                id=f"MESH:{row['id']}",
                name=row["heading"],
                kind=row["kind"],  # type: ignore[arg-type]
                names=[Name(term) for term in row["terms"].split("|") if term],
                parents=[f"MESH:{id}" for id in row["broader"].split()],
            )
            for row in csv.DictReader(file, delimiter="\t")
        ]
    mesh = vocabulary("mesh")
    installed = Installed(
        name="mesh",
        title=f"{mesh.title}, headings since 2016",
        version="after 2016",
        licence=mesh.licence,
        is_open=True,
        concepts=len(concepts),
        tool=f"trialpanorama {trialpanorama.__version__}",
        is_built_in=True,
    )
    return _put(installed, Release(installed.version, concepts), LATER)


def main(store: Path) -> int:
    """Write the files anew, and print what is in them."""
    concepts = load(store, only=SELECTIONS, with_everyday=False)
    chosen = {
        name: [concept for concept in concepts.all() if concepts.installed(concept.id).name == name and takes(concept)]
        for name, takes in SELECTIONS.items()
    }
    ids = {concept.id for of in chosen.values() for concept in of}
    prefixes = tuple(f"{vocabulary(name).prefix}:" for name in SELECTIONS)
    total = _domains() + _units() + _later()
    for name, of in chosen.items():
        kept = [
            msgspec.structs.replace(
                concept,
                parents=[id for id in concept.parents if id in ids],
                cross_references=[id for id in concept.cross_references if id.startswith(prefixes)],
            )
            for concept in of
        ]
        mechanisms = [each for concept in kept for each in concepts.mechanisms(concept.id)]
        installed = msgspec.structs.replace(
            concepts.versions[name],
            concepts=len(kept),
            mechanisms=len(mechanisms),
            installed="",
            is_built_in=True,
        )
        total += _put(installed, Release(installed.version, kept, mechanisms))
    print(f"together {total:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
