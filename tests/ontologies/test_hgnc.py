"""How HGNC is read: native releases with made-up entries."""

from __future__ import annotations

from pathlib import Path

from tests.ontologies.releases import get, names, read
from trialpanorama.ontologies import load


def test_a_gene_with_its_symbols_and_names(tmp_path: Path) -> None:
    genes = read("hgnc", tmp_path)
    gene = get(genes, "HGNC:990001")
    assert (gene.name, gene.kind, gene.is_obsolete) == ("ZELV1", "gene", False)
    assert names(genes, gene.id) == {
        "ZELV1": "preferred",
        "zelvin receptor 1": "exact",
        "ZR1": "abbreviation",
        "HZEL": "abbreviation",
        "ZLVR": "abbreviation",
        "zelvin binding protein": "exact",
        "marsh receptor": "exact",
        "zelvin receptor": "exact",
    }
    assert gene.attributes == {
        "symbol": "ZELV1",
        "locus_group": "protein-coding gene",
        "locus_type": "gene with protein product",
        "location": "30q1.1",
    }
    assert gene.cross_references == [
        "NCBIGene:990001",
        "ENSEMBL:ENSG99000000001",
        "UniProtKB:Z99001",
        "UniProtKB:Z99002",
        "OMIM:990001",
    ]


def test_withdrawn_entries_are_obsolete_and_the_newest_change_is_the_version(tmp_path: Path) -> None:
    genes = read("hgnc", tmp_path)
    assert get(genes, "HGNC:990003").is_obsolete
    assert genes.versions["hgnc"].version == "2026-03-01"


def test_the_built_in_genes_hold_together(tmp_path: Path) -> None:
    genes = list(load(tmp_path, only=["hgnc"], with_everyday=False).all())
    symbols = {gene.attributes["symbol"] for gene in genes}
    assert len(genes) == len(symbols) >= 400
    aliases = [name.text for gene in genes for name in gene.names[1:] if name.kind == "abbreviation"]
    assert not symbols.intersection(aliases)
    assert all(gene.id.startswith("HGNC:") or gene.id == f"HGNC.SYMBOL:{gene.name}" for gene in genes)
    by_name = {name.text: gene.id for gene in genes for name in gene.names}
    assert by_name["HER2"] == "HGNC:3430"
    assert by_name["PD-L1"] == by_name["CD274"] == "HGNC:17635"
    assert by_name["KRAS"] == "HGNC:6407"
