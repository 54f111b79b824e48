"""DrugBank open vocabulary: the names, CAS numbers and UNIIs of DrugBank's drugs, which its makers gave away.

Its synonyms are a mixed bag: international names in many languages, abbreviations, development codes, but also trade
names of pesticides ("Balance"), salts' second halves ("Sulfate"), symbols of elements and amino acids ("As", "Met"),
foods and laboratory values. They are kept, and told apart by the kind of the name. A drug whose own name is such a
word has the attribute `is_common_word`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from trialpanorama.ontologies import Concept, Name, NameKind, Part, Release, ReleaseFile, Vocabulary, distinct_names
from trialpanorama.ontologies._tables import header, rows

_COLUMNS = ("DrugBank ID", "Accession Numbers", "Common name", "CAS", "UNII", "Synonyms")
_KEYS = ("DrugBank ID", "Common name")
"""Columns that tell what a table is; which others it lacks, the error says."""
_KEY = "Standard InChI Key"
_COMMON_WORDS = Path(__file__).parent / "builtin" / "common_words.txt"
_CODE = re.compile(r"(?i)[a-z]{1,6}[- ]?[0-9]{2,}([-. ]?[a-z0-9]{1,6}){0,2}")
"""Development codes: "BAY 59-7939", "CP-461", "SCH 727965"."""
_ABBREVIATION = re.compile(r"[A-Za-z0-9αβγ+/-]{1,6}")


@cache
def common_words() -> frozenset[str]:
    """Names of drugs that mostly mean something else, or nothing that is given as a drug (case-folded)."""
    lines = _COMMON_WORDS.read_text(encoding="utf-8").splitlines()
    return frozenset(line.casefold() for line in lines if line and not line.startswith("#"))


def name_kind(text: str) -> NameKind:
    """How far a further name of a drug may be trusted.

    `related`: an everyday word, a laboratory value, a food or half a name, which means the drug only where nothing but
    a drug can be meant; `abbreviation`: up to six signs that are not written like a word; `code`: a development code.
    """
    if text.casefold() in common_words():
        return "related"
    if _CODE.fullmatch(text):
        return "code"
    if _ABBREVIATION.fullmatch(text) and (len(text) <= 3 or not (text.islower() or text.istitle())):
        return "abbreviation"
    return "exact"


def _read(parts: Mapping[str, Sequence[ReleaseFile]]) -> Release:
    (file,) = parts["vocabulary-csv"]
    concepts = []
    for row in rows(file, _COLUMNS, ","):
        id, preferred = row["DrugBank ID"], row["Common name"].strip()
        if not re.fullmatch(r"DB\d{5,}", id) or not preferred:
            raise file.unusable(f'has the id "{id}" with the name "{preferred}", which is no drug of DrugBank')
        others = (text.strip() for text in row["Synonyms"].split(" | "))
        attributes = {
            "cas": row["CAS"],
            "unii": row["UNII"],
            "inchi_key": row.get(_KEY, ""),
            "accession_numbers": row["Accession Numbers"].replace(" | ", ";"),
            "is_common_word": "true" if preferred.casefold() in common_words() else "",
        }
        concepts.append(
            Concept(
                id=f"DRUGBANK:{id}",
                name=preferred,
                kind="drug",
                names=distinct_names(preferred, (Name(text, name_kind(text)) for text in others if text)),
                cross_references=[f"UNII:{row['UNII']}"] if row["UNII"] else [],
                attributes={name: value for name, value in attributes.items() if value},
            )
        )
    return Release(version=None, concepts=concepts)


VOCABULARY = Vocabulary(
    name="drugbank",
    prefix="DRUGBANK",
    title="DrugBank open vocabulary",
    home_page="https://go.drugbank.com/releases/latest#open-data",
    licence="CC0 1.0 (the open vocabulary; the rest of DrugBank is licensed)",
    is_open=True,
    how_to_get="Download the DrugBank Vocabulary (drugbank_all_drugbank_vocabulary.csv.zip) from the open data page, "
    "and give its version: `vocabularies add FILE --version 5.1.13`. All of an older one is in the package.",
    parts=(
        Part(
            name="vocabulary-csv",
            meaning="drugbank vocabulary.csv (or the zip or gzip of it): one drug a row",
            recognise=lambda head, name: set(_KEYS) <= set(header(head, ",")),
        ),
    ),
    read=_read,
    no_fetch="DrugBank hands out its files, the open ones too, to those who are logged in to a free account.",
)
