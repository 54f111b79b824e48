"""The benchmark of training: all of it runs, at toy size; and it counts what it says."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from trialpanorama.errors import UserError
from trialpanorama.train import plans

pytestmark = pytest.mark.skipif(importlib.util.find_spec("trl") is None, reason="the train extra is not installed")

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import training

    yield training
    sys.modules.pop("training", None)


@pytest.mark.slow
def test_all_of_it_runs_at_toy_size(benchmark: Any) -> None:
    found = benchmark.measure(64, 1, ("lora", "grpo"), tiny=True)
    cases = found["cases"]
    told = [(one["part"], one["rows"], one["by"]) for one in cases]
    two_ways = [(rows, by) for rows in ("full length", "mixed lengths") for by in ("ours", "stock")]
    assert told == [("lora", *way) for way in two_ways] + [("grpo", "prompts", "ours")]
    assert all(one["tokens_per_second"] > 0 and one["seconds_per_step"] > 0 for one in cases)
    # Eight rows of 64 tokens a step, whoever trains.
    for one in cases:
        if one["rows"] == "full length":
            assert one["tokens_per_second"] * one["seconds_per_step"] == pytest.approx(8 * 64)
    assert set(cases[-1]["stages"]) == {"sampling", "rewards", "learning"}
    assert sum(cases[-1]["stages"].values()) == pytest.approx(cases[-1]["seconds_per_step"])
    assert all(seconds > 0 for seconds in cases[-1]["stages"].values())
    assert "not a finding" in benchmark.text(found)


def test_without_a_gpu_it_says_so(benchmark: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match=r"no NVIDIA GPU.*--tiny"):
        benchmark.measure(64, 1, benchmark.PARTS, tiny=False)


def test_the_work_of_a_token(benchmark: Any) -> None:
    """Six times the weights that are multiplied, and attention over half the row on average, forward and back."""
    shape = plans.architecture("Qwen/Qwen3-8B")
    assert shape is not None
    multiplied = shape.parameters - shape.vocab_size * shape.hidden_size
    work = benchmark.flops_per_token(shape, 36, 8192, lora=False)
    assert work == pytest.approx(6 * multiplied + 36 * 12 * 4096 * 8192 / 2, rel=1e-4)
    assert benchmark.flops_per_token(shape, 36, 8192, lora=True) == pytest.approx(work - 2 * multiplied, rel=1e-4)
