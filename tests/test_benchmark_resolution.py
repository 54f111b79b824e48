"""The benchmark of resolution: hiding ids, scoring pairs, joining scores into groups; and what was judged."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
A, B, C, D = "A", "B", "C", "D"


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import _resolution

    yield _resolution
    for name in ("_resolution", "_resolution_rivals"):
        sys.modules.pop(name, None)


def row(id: str, register: str, record_id: str, **fields: Any) -> dict[str, Any]:
    return {"record_id": record_id, "id": id, "register": register, "source": register} | fields


def test_no_id_is_left_and_records_of_one_registration_still_share_theirs(benchmark: Any) -> None:
    rows = [
        row("NCT99000001", "clinicaltrials_gov", "1",
            public_title="Part of ISRCTN 99000001, see FIC-GLO-1 and ABC 12/7.",
            identifiers=[{"id": "FIC-GLO-1", "role": "organisation"}, {"id": "abc 12/7", "role": "organisation"}],
            references=[{"pmid": "99000001"}], url="https://example.org/NCT99000001", enrollment_target=120),
        row("2090-000001-10-DE", "euctr", "2", keywords=["eudract number 2090-000001-10"]),
        row("2090-000001-10-FR", "euctr", "3",
            arms=[{"label": "Quenolast (fic-glo-1)", "intervention_names": ["Q 10"]}]),
        row("99000001", "pubmed", "4", kind="PUBLICATION", scientific_title="Results of NCT99000001"),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="abc 12/7"):
        benchmark.hide(rows)
    rows[0]["public_title"] = "Part of ISRCTN 99000001, see FIC-GLO-1."
    del rows[0]["identifiers"][1]
    trial, german, french, paper = benchmark.hide(rows)
    assert benchmark.left_over([trial, german, french, paper], {"fic-glo-1"}) == set()
    assert trial["public_title"] == "Part of , see "
    assert trial["enrollment_target"] == 120
    assert french["arms"] == [{"label": "Quenolast ()", "intervention_names": ["Q 10"]}]
    assert german["id"] == french["id"] == benchmark.opaque("2090-000001-10")
    assert len({trial["id"], german["id"], paper["id"]}) == 3
    assert [one["register"] for one in (trial, german)] == ["clinicaltrials_gov", "euctr"]
    assert not {"references", "url"} & set(trial)
    assert "NCT" not in json.dumps([trial, german, french, paper])


def test_scores_count_pairs(benchmark: Any) -> None:
    true = benchmark.pairs_within({A: "1", B: "1", C: "1", D: "2"})
    found = benchmark.pairs_within({A: "x", B: "x", C: "y", D: "y"})
    scores = benchmark.score(found, true)
    assert (scores.right, scores.found, scores.true) == (1, 2, 3)
    assert scores.precision[0] == 1 / 2
    assert scores.recall[0] == 1 / 3
    assert scores.f1[0] == pytest.approx(2 / 5)
    assert benchmark.score(true, true).f1 == (1, 1, 1)
    assert benchmark.score(set(), true).f1[0] == 0


def test_wilson_intervals_are_those_of_the_books(benchmark: Any) -> None:
    share, low, high = benchmark.wilson(81, 263)  # Newcombe 1998, Statistics in Medicine 17:857, table I
    assert (round(share, 4), round(low, 4), round(high, 4)) == (0.308, 0.2553, 0.3662)
    assert [round(value, 4) for value in benchmark.wilson(0, 20)] == [0, 0, 0.1611]
    assert benchmark.wilson(0, 0) == (0, 0, 1)


def test_groups_grow_from_the_best_score_and_a_guard_keeps_registers_apart(benchmark: Any) -> None:
    compared = benchmark.Compared([(A, B), (B, C), (C, D)], {})
    registers = {A: "drks", B: "isrctn", C: "drks", D: "euctr"}
    task = benchmark.Task(compared, compared, registers, {(A, B), (C, D)})
    scores = np.array([0.9, 0.8, 0.7])
    cluster = benchmark.rivals.cluster
    assert cluster(task, scores, 0.85, False) == {(A, B)}
    assert len(cluster(task, scores, 0.5, False)) == 6
    assert cluster(task, scores, 0.5, True) == {(A, B), (C, D)}
    threshold, f1 = benchmark.rivals.best_threshold(lambda _: scores, [task], True)
    assert (threshold, f1) == (0.7, 1)


def test_the_frozen_seed_is_not_scored_on_the_way(benchmark: Any) -> None:
    with pytest.raises(SystemExit, match="kept for the last run"):
        benchmark.development(benchmark.FROZEN["seed"], 10, True)


@pytest.mark.slow
def test_a_development_collection_is_scored(benchmark: Any, capsys: pytest.CaptureFixture[str]) -> None:
    benchmark.development(11, 150, True)
    figures = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines() if line.startswith("resolve_"))
    assert float(figures["resolve_precision"]) > 0.9
    assert float(figures["resolve_recall"]) > 0.8


def test_every_pair_that_was_drawn_is_judged_once(benchmark: Any) -> None:
    judged = json.loads((BENCHMARKS / "judged" / "pairs.json").read_text())
    pairs = [(one["a"], one["b"]) for one in judged["pairs"]]
    assert all(a < b for a, b in pairs)
    assert len(set(pairs)) == len(pairs)
    assert {one["judged"] for one in judged["pairs"]} <= set(judged["judgements"])
    assert {one["reason"] for one in judged["pairs"]} <= set(judged["reasons"])
    for file in ("pairs_pool.json", "pairs_drawn.json"):
        drawn = json.loads((BENCHMARKS / "judged" / file).read_text())["pairs"]
        assert {tuple(one) if isinstance(one, list) else (one["a"], one["b"]) for one in drawn} <= set(pairs)
