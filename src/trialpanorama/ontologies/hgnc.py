"""HGNC: approved symbols and names of human genes, with the symbols they had before and the aliases in use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from trialpanorama.ontologies import (
    Concept,
    Name,
    NameKind,
    Part,
    Release,
    ReleaseFile,
    Vocabulary,
    distinct_names,
)
from trialpanorama.ontologies._downloads import Download, fetched_from
from trialpanorama.ontologies._tables import header, rows

_COLUMNS = ("hgnc_id", "symbol", "name", "locus_group", "locus_type", "status")
_KEYS = ("hgnc_id", "symbol")
"""Columns that tell what a table is; which others it lacks, the error says."""
_NAMES: tuple[tuple[str, NameKind], ...] = (
    ("name", "exact"),
    ("alias_symbol", "abbreviation"),
    ("prev_symbol", "abbreviation"),
    ("alias_name", "exact"),
    ("prev_name", "exact"),
)
"""Columns with further names ("|" between several), and what they are."""
_REFERENCES = {
    "entrez_id": "NCBIGene",
    "ensembl_gene_id": "ENSEMBL",
    "uniprot_ids": "UniProtKB",
    "omim_id": "OMIM",
}


def _read(parts: Mapping[str, Sequence[ReleaseFile]]) -> Release:
    (file,) = parts["complete-set"]
    concepts, newest = [], ""
    for row in rows(file, _COLUMNS):
        if not row["hgnc_id"].startswith("HGNC:"):
            raise file.unusable(f'has a row with the id "{row["hgnc_id"]}", which is none of HGNC')
        newest = max(newest, row.get("date_modified", ""))
        concepts.append(_concept(row))
    return Release(version=newest or None, date=newest or None, concepts=concepts)


def _concept(row: Mapping[str, str]) -> Concept:
    attributes = {
        "symbol": row["symbol"],
        "locus_group": row["locus_group"],
        "locus_type": row["locus_type"],
        "location": row.get("location", ""),
    }
    return Concept(
        id=row["hgnc_id"],
        name=row["symbol"],
        kind="gene",
        names=distinct_names(
            row["symbol"], (Name(text, kind) for column, kind in _NAMES for text in _several(row.get(column, "")))
        ),
        cross_references=[
            f"{prefix}:{id}" for column, prefix in _REFERENCES.items() for id in _several(row.get(column, ""))
        ],
        attributes={name: value for name, value in attributes.items() if value},
        is_obsolete=row["status"] != "Approved",
    )


def _several(cell: str) -> Iterator[str]:
    return (text for part in cell.split("|") if (text := part.strip()))


VOCABULARY = Vocabulary(
    name="hgnc",
    prefix="HGNC",
    title="HUGO Gene Nomenclature Committee, complete set",
    home_page="https://www.genenames.org",
    licence="CC0 1.0",
    is_open=True,
    how_to_get="Fetched by `vocabularies fetch hgnc`; or download hgnc_complete_set.txt from genenames.org/download.",
    parts=(
        Part(
            name="complete-set",
            meaning="hgnc_complete_set.txt (or another set of the same columns): one gene a row, separated by tabs",
            recognise=lambda head, name: set(_KEYS) <= set(header(head)),
        ),
    ),
    read=_read,
    fetch=fetched_from(
        (
            Download(
                name="hgnc_complete_set.txt",
                url="https://storage.googleapis.com/public-download-files/hgnc/tsv/tsv/hgnc_complete_set.txt",
            ),
        ),
        hosts=("storage.googleapis.com",),
        terms="HGNC gives its data to everyone without restriction, and asks to be named "
        "(genenames.org/about/license).",
    ),
)
