"""The audit of linking counts what it says."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from trialpanorama.ontologies import Concept, Concepts, Name, Release, load, vocabulary
from trialpanorama.ontologies._store import _described, write

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def _module(name: str) -> ModuleType:
    sys.path.insert(0, str(BENCHMARKS))
    try:
        spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(BENCHMARKS))


@pytest.fixture(scope="module")
def mentions() -> ModuleType:
    return _module("_mentions")


@pytest.fixture(scope="module")
def concepts(tmp_path_factory: pytest.TempPathFactory) -> Concepts:
    """Fever above dengue, in one vocabulary; dengue again in another."""
    store = tmp_path_factory.mktemp("store")
    fever = Concept(id="MESH:D1", name="Fever", kind="condition", names=[Name("Fever", "preferred")])
    dengue = Concept(
        id="MESH:D2", name="Dengue", kind="condition", names=[Name("Dengue", "preferred")], parents=["MESH:D1"]
    )
    same = Concept(
        id="DOID:2", name="dengue disease", kind="condition", names=[Name("dengue disease", "preferred")],
        cross_references=["MESH:D2"],
    )  # fmt: skip
    for name, given in (("mesh", [fever, dengue]), ("doid", [same])):
        of = vocabulary(name)
        release = Release(version="1", concepts=given)
        write(_described(of, release, "1", []), release, store / f"{name}.parquet")
    return load(store)


def _judged(verdict: str, *things: list[str], also: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"verdict": verdict, "things": list(things), "also": list(also)}


def test_an_equivalent_is_right_a_broader_one_is_wrong(mentions: ModuleType, concepts: Concepts) -> None:
    same = mentions.Sameness(concepts)
    judged = [_judged("linkable", ["MESH:D2"])] * 3
    found = [mentions.Found(("DOID:2", "MESH:D2")), mentions.Found(("MESH:D1",)), mentions.Found(())]
    audited = mentions.audit(judged, found, same)
    assert audited["precision"]["of"] == [1, 2]
    assert audited["recall"]["of"] == [1, 3]
    assert (audited["broader"], audited["narrower"], audited["other_wrong"]) == (1, 0, 0)
    assert audited["unlinked_unlinkable"]["of"] == [0, 1]
    narrow = mentions.audit([_judged("linkable", ["MESH:D1"])], [mentions.Found(("MESH:D2",))], same)
    assert (narrow["broader"], narrow["narrower"]) == (0, 1)


def test_what_may_be_linked_counts_neither_way(mentions: ModuleType, concepts: Concepts) -> None:
    judged = [_judged("unlinkable", also=("MESH:D1",)), _judged("not_a_drug")]
    found = [mentions.Found(("MESH:D1",)), mentions.Found((), is_apart=True)]
    audited = mentions.audit(judged, found, mentions.Sameness(concepts))
    assert audited["precision"]["of"] == [0, 0]
    assert audited["recall"]["of"] == [0, 0]
    assert audited["set_apart_wrongly"]["of"] == [0, 1]
    assert audited["not_a_drug_linked"]["of"] == [0, 1]


def test_silver_truth_is_compared_by_sets(mentions: ModuleType, concepts: Concepts) -> None:
    terms = [("Dengue", "D2", False), ("Chills", None, False), ("Fever", "D1", True)]
    record = {
        "source": "s",
        "format": "f",
        "conditions": [{"name": "dengue"}, {"name": "fever"}],
        "mesh_terms": [{"term": t, "id": i, "is_ancestor": a, "about": "condition"} for t, i, a in terms],
    }
    lookup = mentions.lookup(mentions.lexicon(concepts, "condition"))
    texts = mentions.silver_texts(record, "condition")
    answers = dict(zip(texts, lookup(texts), strict=True))
    pooled = mentions.silver([record], "condition", answers, mentions.Sameness(concepts))["all"]
    assert pooled["precision"]["of"] == [1, 2]
    assert pooled["recall"]["of"] == [1, 2]
    assert pooled["wrong_but_broader_or_narrower"] == 1
    assert pooled["terms_that_the_vocabularies_have"] == 1


def test_wilson_interval(mentions: ModuleType) -> None:
    low, high = mentions.wilson(95, 100)
    assert low == pytest.approx(0.8882, abs=2e-4)
    assert high == pytest.approx(0.9785, abs=2e-4)
    assert mentions.wilson(0, 0) is None


def test_the_second_sample_takes_each_unlinked_text_once(mentions: ModuleType) -> None:
    sampling = mentions.sampling
    found = [
        {"source": "s", "register": "r", "id": f"T{n}", "record_id": f"{n}", "field": "conditions", "position": 1}
        | {"text": f"unlinked {n % 400}" if n % 2 else "linked"}
        for n in range(2000)
    ]
    texts = {sampling.sha256(one["text"]): one["text"] for one in found}
    sample, strata = sampling.draw_second(found, "conditions", lambda given: [one["text"] != "linked" for one in given])
    first = {one["id"] for one in sampling.draw(found, "conditions")}
    assert len({one["id"] for one in sample} - first) == len(sample) == 250
    drawn = [texts[one["sha256"]] for one, stratum in zip(sample, strata, strict=True) if stratum == "unlinked"]
    assert len(set(drawn)) == len(drawn) == 100
    assert "linked" not in drawn
    assert "text" not in sample[0]


def test_the_second_sample_is_read_by_stratum(mentions: ModuleType) -> None:
    judged = json.loads((BENCHMARKS / "judged" / "mentions_drugs_2.json").read_text(encoding="utf-8"))["mentions"]
    places = [{**one, "text": "another text", "type": None} for one in judged]
    assert mentions.second_mentions("drug", places) == {"uniform": [], "unlinked": []}
    one = {**judged[0], "sha256": mentions.sampling.sha256("another text")}
    assert mentions.in_these_data("drug", [one], places) == [{**one, "text": "another text", "type": None}]


@pytest.mark.parametrize(
    ("name", "size"),
    [("mentions_conditions", 300), ("mentions_drugs", 300), ("mentions_conditions_2", 250), ("mentions_drugs_2", 250)],
)
def test_judged_files_hold_no_text(name: str, size: int) -> None:
    judged = json.loads((BENCHMARKS / "judged" / f"{name}.json").read_text(encoding="utf-8"))
    assert len(judged["mentions"]) == size
    keys = {"source", "register", "id", "record_id", "field", "position", "sha256"}
    for mention in judged["mentions"]:
        assert keys | {"verdict", "confidence"} <= mention.keys() <= keys | {
            "verdict", "confidence", "things", "also", "note", "second_thoughts"}  # fmt: skip
        assert (mention["verdict"] == "linkable") == bool(mention.get("things"))
        for thing in [*mention.get("things", []), mention.get("also", [])]:
            assert all(":" in id and " " not in id for id in thing)
