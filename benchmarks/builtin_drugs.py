"""Make the built-in lexicon of drugs and genes (src/trialpanorama/ontologies/builtin/drugbank.parquet, hgnc.parquet).

    python benchmarks/builtin_drugs.py DRUGBANK_VOCABULARY_CSV EMA_TO_RXNORM_TSV

Drugs are all of the DrugBank open vocabulary (CC0), without keys of structures. A drug gets a cross-reference

- to the MeSH descriptor that bears its name, where the name is that of one drug and one descriptor only;
- to its RxNorm ingredient, where the table of European medicines names that.

It also gets the brand names that RxNorm gives drugs with this ingredient alone, as far as that table has them. Both are
RxNorm's own names and numbers, which are in the public domain; nothing of the European Medicines Agency or of the OMOP
vocabularies is taken.

Genes are those of `builtin_genes.tsv` (HGNC, CC0): markers of trials, with the aliases by which trials call them. A
gene's name that is also a drug's ("erythropoietin") is kept as a related name.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import msgspec

from trialpanorama.ontologies import Concept, Name, Release, distinct_names, install, load, vocabulary
from trialpanorama.ontologies._store import BUILT_IN, Installed, write

GENES = Path(__file__).parent / "builtin_genes.tsv"
GENES_VERSION = "selection of 2026-11-21"
LEFT_OUT = ("inchi_key", "accession_numbers")
SMALLEST = 19
"""Compression level; the files are written once and shipped."""


def main(vocabulary_csv: Path, ema: Path, into: Path = BUILT_IN) -> int:
    """Write both files anew, and print what is in them."""
    with tempfile.TemporaryDirectory() as folder:
        install([vocabulary_csv, ema], Path(folder))
        drugs, european, mesh = (
            load(Path(folder), only=[name], with_everyday=False) for name in ("drugbank", "ema", "mesh")
        )
    same = one_to_one(drugs.all("drug"), (concept for concept in mesh.all() if _is_substance(concept)))
    numbered = {concept.id: concept.cross_references for concept in european.all() if concept.cross_references}
    for id, (substance,) in one_to_one(drugs.all("drug"), (c for c in european.all() if c.id in numbered)).items():
        same.setdefault(id, []).extend(numbered[substance])
    brands = _brands(drugs.all("drug"), european.all())
    kept = [
        msgspec.structs.replace(
            concept,
            names=distinct_names(concept.name, concept.names + brands.get(concept.id, [])),
            cross_references=sorted(same.get(concept.id, [])),
            attributes={key: value for key, value in concept.attributes.items() if key not in LEFT_OUT},
        )
        for concept in drugs.all()
    ]
    _write(drugs.versions["drugbank"], kept, into)
    genes = list(read_genes(GENES, _by_name(drugs.all("drug"))))
    of = vocabulary("hgnc")
    _write(
        Installed(name="hgnc", title=of.title, version=GENES_VERSION, licence=of.licence, is_open=True, concepts=0),
        genes,
        into,
    )
    return 0


def one_to_one(drugs: Iterable[Concept], others: Iterable[Concept]) -> dict[str, list[str]]:
    """By drug, the one concept that has one of its names, where no other drug has that name and no other concept."""
    of_drugs, of_others = _by_name(drugs), _by_name(others)
    found: dict[str, set[str]] = defaultdict(set)
    back: dict[str, set[str]] = defaultdict(set)
    for name, ids in of_drugs.items():
        if len(ids) == 1 and len(of_others.get(name, ())) == 1:
            (drug,), (other,) = ids, of_others[name]
            found[drug].add(other)
            back[other].add(drug)
    return {
        drug: list(ids) for drug, ids in found.items() if len(ids) == 1 and all(len(back[other]) == 1 for other in ids)
    }


def _brands(drugs: Iterable[Concept], european: Iterable[Concept]) -> dict[str, list[Name]]:
    """By drug, the brands of RxNorm drugs that have this ingredient alone."""
    european = list(european)
    substances = {concept.id: concept.name for concept in european}
    of_drugs = _by_name(drugs)
    found: dict[str, dict[str, Name]] = defaultdict(dict)
    for concept in european:
        # what comes from the OMOP vocabularies has no RxNorm number, and no concept of its own
        if concept.id.startswith("RXCUI:") and (brand := concept.attributes.get("brand")):
            ingredients = concept.attributes.get("ingredient", "").split(";")
            ids = of_drugs.get(_plain(substances.get(ingredients[0], "")), set())
            if len(ingredients) == len(ids) == 1:
                found[next(iter(ids))][brand] = Name(brand, "brand")
    held = Counter(brand for names in found.values() for brand in names)
    return {id: [name for name in names.values() if held[name.text] == 1] for id, names in found.items()}


def _by_name(concepts: Iterable[Concept]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for concept in concepts:
        for name in concept.names:
            if name.kind in ("preferred", "exact"):
                found[_plain(name.text)].add(concept.id)
    return found


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", " ", text.casefold()).strip()


def _is_substance(concept: Concept) -> bool:
    return any(tree.startswith("D") for tree in concept.attributes.get("tree_numbers", "").split(";"))


def read_genes(path: Path, drugs: Collection[str]) -> Iterator[Concept]:
    """The genes of a table: HGNC id (or none, if it was not checked), symbol, name, aliases."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            id, symbol, name, aliases = line.split("\t")
            others = [
                Name(text, "related" if _plain(text) in drugs else "exact" if " " in text else "abbreviation")
                for text in aliases.split("|")
            ]
            others.insert(0, Name(name, "related" if _plain(name) in drugs else "exact"))
            yield Concept(
                id=id or f"HGNC.SYMBOL:{symbol}",
                name=symbol,
                kind="gene",
                names=distinct_names(symbol, (each for each in others if each.text)),
                attributes={"symbol": symbol},
            )


def _write(installed: Installed, concepts: list[Concept], into: Path) -> None:
    if len({concept.id for concept in concepts}) < len(concepts):
        raise SystemExit(f"{installed.name} has an id twice")
    installed = msgspec.structs.replace(installed, concepts=len(concepts), inputs=[], installed="", is_built_in=True)
    path = into / f"{installed.name}.parquet"
    write(installed, Release(installed.version, concepts), path, SMALLEST)
    names = sum(len(concept.names) for concept in concepts)
    references = sum(bool(concept.cross_references) for concept in concepts)
    print(
        f"{installed.name} {installed.version}: {len(concepts):,} concepts, {names:,} names, {references:,} with a "
        f"cross-reference, {path.stat().st_size:,} bytes"
    )


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
