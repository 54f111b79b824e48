"""Make the built-in lexicon (src/trialpanorama/ontologies/builtin) of installed vocabularies that may be passed on.

    python benchmarks/builtin_lexicon.py STORE

Of each vocabulary it takes the concepts that trials are about, with all their names, and the cross-references that lead
to another vocabulary of the lexicon. Which release each row comes from stands in the row.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from trialpanorama.ontologies import Concept, Release, load
from trialpanorama.ontologies._store import BUILT_IN, write

SMALLEST = 19
"""Compression level; the files are written once and shipped."""


def _is_of_trials(concept: Concept) -> bool:
    """MeSH: diseases, drugs, procedures, behaviour, physiology, persons, health care; no anatomy, species, places."""
    return any(tree[0] in "CDEFGMN" for tree in concept.attributes.get("tree_numbers", "").split(";") if tree)


SELECTIONS: dict[str, Callable[[Concept], bool]] = {
    "doid": lambda concept: not concept.is_obsolete,
    "mesh": _is_of_trials,
    "mondo": lambda concept: not concept.is_obsolete,
}
"""By vocabulary, which of its concepts are taken."""


def main(store: Path) -> int:
    """Write the files anew, and print what is in them."""
    concepts = load(store, only=SELECTIONS, with_everyday=False)
    chosen = {
        name: [concept for concept in concepts.all() if concepts.installed(concept.id).name == name and takes(concept)]
        for name, takes in SELECTIONS.items()
    }
    ids = {concept.id for of in chosen.values() for concept in of}
    total = 0
    for name, of in chosen.items():
        kept = [
            msgspec.structs.replace(
                concept,
                parents=[id for id in concept.parents if id in ids],
                cross_references=[id for id in concept.cross_references if id in ids],
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
        path = BUILT_IN / f"{name}.parquet"
        write(installed, Release(installed.version, kept, mechanisms), path, SMALLEST)
        total += path.stat().st_size
        names = sum(len(concept.names) for concept in kept)
        print(f"{name} {installed.version}: {len(kept):,} concepts, {names:,} names, {path.stat().st_size:,} bytes")
    print(f"together {total:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
