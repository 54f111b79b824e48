"""RxNorm: normalised names of drugs in the United States, in the release format RRF (full or prescribable content).

Of the concepts those that a trial can name are kept: ingredients (IN), precise ingredients, which are salts and esters
(PIN), several ingredients together (MIN), brand names (BN), clinical and branded drugs with strength and form (SCD,
SBD) and packs (GPCK, BPCK). Names come from RxNorm itself, and for ingredients also from sources without restriction.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from trialpanorama.ontologies import (
    Concept,
    Name,
    Part,
    Release,
    ReleaseFile,
    Vocabulary,
    distinct_names,
)
from trialpanorama.ontologies._downloads import Download, fetched_from

_CONSO, _REL, _SAT = 18, 16, 13
"""How many cells a row of each file has."""
_SUBSTANCES = ("IN", "PIN", "MIN")
_TYPES = (*_SUBSTANCES, "BN", "SCD", "SBD", "GPCK", "BPCK")
_SYNONYMS = ("SY", "PSN", "TMSY")
_PATHS: dict[str, tuple[str, ...]] = {
    "PIN": ("IN",),
    "MIN": ("IN",),
    "BN": ("MIN", "PIN", "IN"),
    "SCDC": ("PIN", "IN"),
    "SBDC": ("SCDC",),
    "SCD": ("MIN", "SCDC"),
    "SBD": ("SCD", "SBDC"),
    "GPCK": ("SCD",),
    "BPCK": ("GPCK", "SBD", "SCD"),
}
"""By type, the types through which a concept comes to its ingredients. Each pair is related in one way only, so that
the direction of a row (`form_of`, `has_form` ...) need not be read."""
_CROSS_REFERENCES = {"ATC": "ATC", "DRUGBANK": "DRUGBANK", "MSH": "MESH"}
"""Sources whose codes are ids elsewhere."""
_OPEN_SOURCES = ("ATC", "CVX", "DRUGBANK", "MSH", "MTHSPL", "VANDF")
"""Sources without restriction (level 0 of the UMLS licence), whose names of ingredients are taken over."""
_MAY_LACK = 0.05
"""The share of related concepts that the file of names may lack: a release of some sources relates a few others too."""
_UNII = re.compile(r"[A-Z0-9]{10}")
_DATE_IN_NAME = re.compile(r"_(\d\d)(\d\d)(\d{4})(?!\d)")


class _Atoms(msgspec.Struct):
    """What the rows of one concept say."""

    type: str = ""
    name: str = ""
    is_obsolete: bool = False
    names: dict[str, None] = {}
    references: dict[str, None] = {}


def _rows(file: ReleaseFile, cells: int) -> Iterator[list[str]]:
    with file.text() as text:
        for number, line in enumerate(text, 1):
            row = line.rstrip("\n").split("|")
            if len(row) != cells + 1 or row[-1] or not row[0].isdigit() or not line.endswith("\n"):
                raise file.unusable(
                    f"has {len(row) - 1} cells in line {number}, {cells} are expected: it is cut short, or of a "
                    "version that is not known"
                )
            yield row


def _read(parts: Mapping[str, Sequence[ReleaseFile]]) -> Release:
    (names,) = parts["names"]
    if "relationships" not in parts:
        raise names.unusable("stands without RXNREL.RRF", "Add the whole zip archive, or the folder rrf.")
    atoms, types, listed = _atoms(names)
    related: dict[str, set[str]] = defaultdict(set)
    named: set[str] = set()
    for row in _rows(parts["relationships"][0], _REL):
        first, second = row[0], row[4]
        if second and row[10] == "RXNORM":
            named |= {first, second}
            for one, other in ((first, second), (second, first)):
                if types.get(other) in _PATHS.get(types.get(one, ""), ()):
                    related[one].add(other)
    lacking = len(named - listed)
    if lacking > _MAY_LACK * len(named):
        raise names.unusable(f"lacks {lacking:,} of the {len(named):,} concepts that RXNREL.RRF names: it is cut short")
    marks: dict[str, dict[str, str]] = defaultdict(dict)
    for file in parts.get("attributes", ()):
        for row in _rows(file, _SAT):
            if row[9] == "RXNORM" and row[8] == "RXN_HUMAN_DRUG":
                marks[row[0]]["marketed_in"] = row[10]
    date = _date([*parts.get("readme", ()), names])
    return Release(
        version=date,
        date=date,
        concepts=[
            _concept(id, found, sorted(_ingredients(id, types, related), key=int), atoms, marks[id])
            for id, found in atoms.items()
        ],
    )


def _atoms(file: ReleaseFile) -> tuple[dict[str, _Atoms], dict[str, str], set[str]]:
    """The concepts that are kept, the type of every concept of RxNorm, and all ids, also of what was taken out."""
    listed: set[str] = set()
    atoms: dict[str, _Atoms] = {}
    types: dict[str, str] = {}
    for row in _rows(file, _CONSO):
        id, source, type, code, text, suppressed = row[0], row[11], row[12], row[13], row[14], row[16]
        listed.add(id)
        if suppressed in ("Y", "E"):  # editors took it out
            continue
        found = atoms.setdefault(id, _Atoms())
        if source == "RXNORM" and type in (*_TYPES, "SCDC", "SBDC"):
            types[id] = found.type = type
            found.name, found.is_obsolete = text, suppressed == "O"
        elif source == "RXNORM":
            if type in _SYNONYMS and suppressed == "N":
                found.names[text] = None
        elif suppressed == "N":
            if source in _CROSS_REFERENCES:
                found.references[f"{_CROSS_REFERENCES[source]}:{code}"] = None
            elif source == "MTHSPL" and type == "SU" and _UNII.fullmatch(code):
                found.references[f"UNII:{code}"] = None
            if source in _OPEN_SOURCES:
                found.names[text] = None
    return {id: found for id, found in atoms.items() if found.type in _TYPES}, types, listed


def _ingredients(id: str, types: Mapping[str, str], related: Mapping[str, set[str]]) -> set[str]:
    """The ingredients (IN) of a concept; of an ingredient itself none."""
    for type in _PATHS.get(types[id], ()):
        others = [other for other in related.get(id, ()) if types[other] == type]
        found = (
            set(others) if type == "IN" else {each for other in others for each in _ingredients(other, types, related)}
        )
        if found:
            return found
    return set()


def _concept(
    id: str, found: _Atoms, ingredients: Sequence[str], atoms: Mapping[str, _Atoms], marks: Mapping[str, str]
) -> Concept:
    ids = [f"RXCUI:{ingredient}" for ingredient in ingredients if ingredient in atoms]
    attributes = {"term_type": found.type, **marks}
    if ids:
        attributes["salt_of" if found.type == "PIN" else "ingredient"] = ";".join(ids)
    # Other sources' names of a product with strength and form are as many as its packs, and say no more.
    names = found.names if found.type in (*_SUBSTANCES, "BN") else ()
    references = list(found.references) if found.type in _SUBSTANCES else []
    return Concept(
        id=f"RXCUI:{id}",
        name=found.name,
        kind="drug",
        names=distinct_names(found.name, (Name(text) for text in names if text.casefold() != found.name.casefold())),
        parents=ids if found.type != "MIN" and len(ids) == 1 else [],
        cross_references=references,
        attributes=attributes,
        is_obsolete=found.is_obsolete,
    )


def _date(files: Iterable[ReleaseFile]) -> str | None:
    """The date in the name of the readme, the archive or the folder: RxNorm_full_prescribe_06032024.zip."""
    match = next((match for file in files if (match := _DATE_IN_NAME.search(file.label))), None)
    return f"{match[3]}-{match[1]}-{match[2]}" if match else None


def _part(name: str, file_name: str, meaning: str, is_supplement: bool = False) -> Part:
    return Part(
        name=name,
        meaning=f"{file_name}: {meaning}",
        # of any number of cells, so that the error can say how many there are
        recognise=lambda head, given: given.upper() == file_name and b"|" in head.split(b"\n", 1)[0],
        is_supplement=is_supplement,
    )


VOCABULARY = Vocabulary(
    name="rxnorm",
    prefix="RXCUI",
    title="RxNorm",
    home_page="https://www.nlm.nih.gov/research/umls/rxnorm",
    licence="RxNorm's own names and codes and the prescribable content: public domain; the full release: UMLS licence",
    is_open=True,
    how_to_get="`vocabularies fetch rxnorm` fetches the Current Prescribable Content, which needs no licence; the full "
    "release (RxNorm_full_*.zip) is downloaded with a free UMLS account. Add the zip as it is.",
    parts=(
        _part("names", "RXNCONSO.RRF", "names and codes of every concept, by source"),
        _part("relationships", "RXNREL.RRF", "which drug has which ingredient, salt and brand", is_supplement=True),
        _part("attributes", "RXNSAT.RRF", "which drugs are marketed", is_supplement=True),
        Part(
            name="readme",
            meaning="Readme_*_MMDDYYYY.txt: the date of the release is in its name",
            recognise=lambda head, name: name.lower().startswith("readme_") and b"RxNorm" in head,
            is_supplement=True,
            may_be_many=True,
        ),
    ),
    read=_read,
    fetch=fetched_from(
        (
            Download(
                name="RxNorm_full_prescribe_current.zip",
                url="https://download.nlm.nih.gov/rxnorm/RxNorm_full_prescribe_current.zip",
                kind="zip",
            ),
        ),
        hosts=("download.nlm.nih.gov",),
        terms="The National Library of Medicine gives the Current Prescribable Content without licensing restrictions "
        "(nlm.nih.gov/research/umls/rxnorm/docs/prescribe.html), and asks to be acknowledged.",
    ),
)
