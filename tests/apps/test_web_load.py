"""Fifty people at once on 200 thousand trials: quick answers, no error, flat memory."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the web extra is not installed")
pytest.importorskip("psutil", reason="psutil is not installed")

TRIALS = 200_000
SECONDS = float(os.environ.get("TRIALPANORAMA_LOAD_SECONDS", "600"))


def _benchmark() -> ModuleType:
    path = Path(__file__).parents[2] / "benchmarks" / "web.py"
    spec = importlib.util.spec_from_file_location("benchmark_of_web", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["benchmark_of_web"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def large(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """$TRIALPANORAMA_BIG_WAREHOUSE, else copies of a small fictional warehouse."""
    if given := os.environ.get("TRIALPANORAMA_BIG_WAREHOUSE"):
        return Path(given)
    small: Path = request.getfixturevalue("warehouse")
    from trialpanorama.warehouse import Warehouse

    with Warehouse.open(small).connect() as connection:
        (number,) = connection.execute("SELECT count(*) FROM studies").fetchone() or (1,)
    folder = tmp_path_factory.mktemp("large") / "warehouse"
    made: Path = _benchmark().multiply(small, -(-TRIALS // number), folder).path
    return made


@pytest.mark.verify
def test_many_people_at_once_are_answered_quickly_without_errors_in_flat_memory(large: Path) -> None:
    found = _benchmark().load(large, users=50, seconds=SECONDS, think=2.0)
    assert found.errors == []
    for kind, seconds in found.seconds.items():
        assert len(seconds) > SECONDS
        assert np.percentile(seconds, 95) < 0.3, kind
    # the second half of the time adds nothing worth speaking of to the first
    half = len(found.memory) // 2
    early, late = np.median(found.memory[half // 2 : half]), np.median(found.memory[-half // 2 :])
    assert late < early * 1.05 + 20 * 2**20


def test_a_multiplied_warehouse_holds_each_trial_under_new_ids(warehouse: Path, tmp_path: Path) -> None:
    from trialpanorama.warehouse import Warehouse

    made = _benchmark().multiply(warehouse, 3, tmp_path / "large")
    with made.connect() as connection, Warehouse.open(warehouse).connect() as small:
        count = "SELECT count(*), count(DISTINCT study_id) FROM studies"
        (rows, ids), (one, _) = (opened.execute(count).fetchone() or (0, 0) for opened in (connection, small))
        assert rows == ids == 3 * one
        joined = "SELECT count(*) FROM studies JOIN trial_records USING (study_id) JOIN records USING (record_id)"
        (many,), (few,) = (opened.execute(joined).fetchone() or (0,) for opened in (connection, small))
        assert many == 3 * few > 0
