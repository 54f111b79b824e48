"""How benchmarks/builtin_drugs.py chooses what is built in, and that the files in the package are what it makes."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest

from tests.ontologies.releases import FIXTURES, names
from trialpanorama.ontologies import Concept, Concepts, Name, NameKind, install, load

PATH = Path(__file__).resolve().parents[2] / "benchmarks" / "builtin_drugs.py"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("builtin_drugs", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["builtin_drugs"] = module
    spec.loader.exec_module(module)
    return module


def _drug(id: str, *texts: str, kind: NameKind = "exact") -> Concept:
    return Concept(
        id=id,
        name=texts[0],
        kind="drug",
        names=[Name(texts[0], "preferred"), *(Name(text, kind) for text in texts[1:])],
    )


@pytest.mark.parametrize(
    ("drugs", "others", "expected"),
    [
        ([_drug("D:1", "Zelvotinib", "ZLV")], [_drug("M:1", "zelvotinib")], {"D:1": ["M:1"]}),
        ([_drug("D:1", "Zelvo-tinib")], [_drug("M:1", "Other", "ZELVO TINIB")], {"D:1": ["M:1"]}),
        ([_drug("D:1", "A", "Marsupine"), _drug("D:2", "B", "Marsupine")], [_drug("M:1", "Marsupine")], {}),
        ([_drug("D:1", "Marsupine")], [_drug("M:1", "A", "Marsupine"), _drug("M:2", "Marsupine")], {}),
        ([_drug("D:1", "A", "B")], [_drug("M:1", "A"), _drug("M:2", "B")], {}),
        ([_drug("D:1", "A"), _drug("D:2", "B")], [_drug("M:1", "A", "B")], {}),
        ([_drug("D:1", "Zelvotinib", "Met", kind="abbreviation")], [_drug("M:1", "Met")], {}),
    ],
    ids=["name", "spelling", "two-drugs", "two-others", "drug-in-two", "other-in-two", "abbreviation"],
)
def test_only_what_is_one_to_one_is_the_same(
    benchmark: ModuleType, drugs: Sequence[Concept], others: Sequence[Concept], expected: dict[str, list[str]]
) -> None:
    assert benchmark.one_to_one(drugs, others) == expected


def test_made_of_fixtures(benchmark: ModuleType, tmp_path: Path) -> None:
    vocabulary, ema = FIXTURES / "drugbank" / "drugbank vocabulary.csv", FIXTURES / "ema" / "ema_to_rxnorm.tsv"
    benchmark.main(vocabulary, ema, tmp_path)
    drugs = load(tmp_path, only=["drugbank"], with_everyday=False)
    zelvotinib = drugs.get("DRUGBANK:DB99001")
    assert zelvotinib is not None
    assert zelvotinib.cross_references == ["RXCUI:9000001"]
    assert zelvotinib.attributes == {"cas": "999001-01-1", "unii": "0ZELVOT1N1"}


def _content(concepts: Concepts) -> dict[str, object]:
    return {concept.id: (names(concepts, concept.id), concept.attributes) for concept in concepts.all()}


def test_the_built_in_files_are_what_it_makes(benchmark: ModuleType, shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "ontologies"
    benchmark.main(folder / "drugbank_vocabulary_cc0.csv.gz", folder / "ema_to_rxnorm.tsv.gz", tmp_path / "made")
    for name in ("drugbank", "hgnc"):
        made = load(tmp_path / "made", only=[name], with_everyday=False)
        shipped = load(tmp_path / "nothing", only=[name], with_everyday=False)
        assert _content(made) == _content(shipped)
        assert made.versions[name].version == shipped.versions[name].version


def test_brands_of_one_ingredient_come_along(tmp_path: Path) -> None:
    drugs = load(tmp_path, only=["drugbank"], with_everyday=False)
    brands = {name.text: drug.name for drug in drugs.all() for name in drug.names if name.kind == "brand"}
    assert brands["Viagra"] == "Sildenafil"
    assert brands["Zyprexa"] == "Olanzapine"
    assert len(brands) > 500


def test_nothing_of_the_built_in_lexicon_keeps_a_user_from_a_newer_release(tmp_path: Path) -> None:
    install([FIXTURES / "drugbank"], tmp_path)
    drugs = load(tmp_path, only=["drugbank"], with_everyday=False)
    assert [drug.id for drug in drugs.all()] == ["DRUGBANK:DB99001", "DRUGBANK:DB99002", "DRUGBANK:DB99003"]
