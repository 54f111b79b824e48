"""Releases of vocabularies in their native formats, with made-up entries, and how tests read them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from trialpanorama.ontologies import Concept, Concepts, install, load

FIXTURES = Path(__file__).parent.parent / "fixtures" / "ontologies"


def read(name: str, store: Path, *paths: Path, version: str | None = None) -> Concepts:
    """What is in the store once these files (by default the fixture of the vocabulary) have been installed."""
    install(paths or [FIXTURES / name], store, version=version)
    return load(store, only=[name], with_everyday=False)


def get(concepts: Concepts, id: str) -> Concept:
    """The concept of this id, which is there."""
    concept = concepts.get(id)
    assert concept is not None, id
    return concept


def names(concepts: Concepts, id: str) -> Mapping[str, str]:
    """The kind of each name of a concept."""
    return {name.text: name.kind for name in get(concepts, id).names}


def copy(name: str, folder: Path, *only: str) -> Path:
    """A writable copy of the fixture of a vocabulary, or of these of its files."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted((FIXTURES / name).rglob("*")):
        if path.is_file() and (not only or path.name in only):
            target = folder / path.relative_to(FIXTURES / name)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    return folder
