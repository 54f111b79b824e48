"""What benchmarks/search.py counts, on rankings whose measures are known."""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path
from types import ModuleType

import pytest

from trialpanorama.warehouse import Warehouse

PATH = Path(__file__).resolve().parents[2] / "benchmarks" / "search.py"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("search_benchmark", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["search_benchmark"] = module
    spec.loader.exec_module(module)
    return module


def test_measures_of_a_ranking_by_hand(benchmark: ModuleType) -> None:
    topic = benchmark.Topic("", {"a": 2, "b": 1, "c": 0, "d": 0, "e": 2}, 2, is_patient=True)
    assert topic.relevant == {"a", "e"}
    found = ["c", "a", "x", "b", "e"]
    ideal = 2 + 2 / math.log2(3) + 1 / 2
    expected = (2 / math.log2(3) + 1 / math.log2(5) + 2 / math.log2(6)) / ideal
    assert benchmark.ndcg(found, topic.judged, 10) == pytest.approx(expected)
    assert benchmark.ndcg(found, topic.judged, 2) == pytest.approx(2 / math.log2(3) / (2 + 2 / math.log2(3)))
    assert benchmark.ndcg(["a", "e", "b"], topic.judged, 10) == pytest.approx(1)
    # one judged other document before a; two, as many as count, before e; x was not judged
    assert benchmark.bpref(found, topic) == pytest.approx((1 - 1 / 2 + 1 - 2 / 2) / 2)
    assert benchmark.bpref(["x", "a", "e"], topic) == 1
    assert benchmark.measures(found, topic)["recall_100"] == 1
    assert benchmark.measures(["x"] * 100 + ["a"], topic)["recall_100"] == 0


def test_an_interval_holds_the_mean_and_narrows_with_more_topics(benchmark: ModuleType) -> None:
    mean, low, high = benchmark.interval([0.0, 1.0] * 10)
    assert (mean, low < 0.5 < high) == (0.5, True)
    assert high - low == pytest.approx(2 * 1.96 * 0.5 / math.sqrt(20), rel=0.2)
    assert benchmark.interval([0.3] * 5) == [0.3, 0.3, 0.3]


def test_engines_agree_on_generated_texts(benchmark: ModuleType, tmp_path: Path) -> None:
    texts = list(benchmark.generate(300, 3))
    assert texts == list(benchmark.generate(300, 3))
    warehouse = benchmark.generated_warehouse(tmp_path, texts)
    assert isinstance(warehouse, Warehouse)
    ids = [str(10_000_000 + at) for at in range(300)]
    engines = [benchmark.our_engine(warehouse)]
    engines += [one for one in benchmark.others(ids, [" ".join(text) for text in texts]) if not isinstance(one, str)]
    assert {engine.name for engine in engines} >= {"trialpanorama", "SQLite FTS5"}
    for at in (5, 250):
        rare = max(texts[at][0].split(), key=lambda word: -sum(word in f"{a} {b}" for a, b in texts))
        for engine in engines:
            assert ids[at] in engine.search(f"{rare} {texts[at][0]}", 3), engine.name


def test_indexing_is_measured_made_anew_and_brought_up_to_date(benchmark: ModuleType) -> None:
    facts = benchmark.measure_indexing(200)
    assert [one["words"] for one in facts["texts"]] == [230, 100]
    for one in facts["texts"]:
        assert one["bare"]["documents_per_processor_second"] > one["ours"]["documents_per_processor_second"] > 0
        assert (one["nothing_changed"]["indexed"], one["a_hundredth_changed"]["indexed"]) == (0, 2)
    assert "documents/s" in benchmark.show({"indexing": facts})


def test_published_boolean_queries_are_read_and_printed_the_same(benchmark: ModuleType, shared_data: Path) -> None:
    facts = benchmark.measure_boolean(None)["all"]
    assert facts["queries"] == facts["read"] == facts["same"] == 289
    assert facts["strict"] >= 274
