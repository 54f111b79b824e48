"""The benchmark of searching and screening without labels of the review at hand."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.reviewed import many_reviews, reviewed_warehouse
from trialpanorama import tasks
from trialpanorama.warehouse import Warehouse

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import screening

    yield screening
    sys.modules.pop("screening", None)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    made = reviewed_warehouse(tmp_path_factory.mktemp("benchmark") / "w", many_reviews(), snapshot="benchmark0000000")
    tasks.register(made)
    return made


def test_every_review_is_left_out_once_and_counted(benchmark: Any, opened: Warehouse) -> None:
    found = benchmark.screen(opened, "study_screening_natural")
    assert len(found["reviews"]) == 10
    assert found["candidates"] == 180
    assert sum(one["included"] for one in found["reviews"].values()) == 60
    value, low, high = found["figures"]["auroc"]
    assert 0.9 < low <= value <= high <= 1
    searched = benchmark.search(opened)
    assert searched["figures"]["retriever"]["recall_100"][0] == 1
    facts = {"screening": {"study_screening_natural": found}, "search": searched}
    assert "10 reviews, 180 candidates" in benchmark.show(facts)


def test_what_the_review_at_hand_looked_at_is_not_learnt_from(benchmark: Any, opened: Warehouse) -> None:
    samples = [one for split in tasks.SPLITS for one in tasks.load(opened, tasks.task("study_screening"), split)]
    known = benchmark.folded(samples[0].inputs.candidates[0].title)
    kept = benchmark.without(samples, frozenset([known]))
    before, after = (sum(len(one.inputs.candidates) for one in some) for some in (samples, kept))
    assert after == before - 1
    for sample in kept:
        assert len(sample.inputs.candidates) == len(sample.gold.decisions)
        assert known not in {benchmark.folded(one.title) for one in sample.inputs.candidates}
