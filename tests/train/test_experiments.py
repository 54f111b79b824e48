"""Experiments: what their arms are, that finished arms stay, that no label is on both sides, and what a report says."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.handmade import many_trials, warehouse
from tests.tasks.test_outcome_labels import TOP_ROW
from tests.tasks.test_outcome_labels import write as write_labels
from tests.train.test_card import a_run
from tests.train.threads import one_thread  # noqa: F401  # a fixture
from trialpanorama.errors import UnknownName, UserError
from trialpanorama.tasks import LabelTask, task
from trialpanorama.train import experiments, recipe, runs
from trialpanorama.warehouse import Warehouse


@pytest.mark.parametrize("scale", ["tiny", "full"])
@pytest.mark.parametrize("name", experiments.names())
def test_arms_and_pairs_belong_together(name: str, scale: experiments.Scale) -> None:
    found = experiments.experiment(name, scale)
    arms = {arm.name: arm for arm in found.arms}
    assert found.name == name
    assert len(arms) == len(found.arms) >= 2
    assert {arm for pair in found.pairs for arm in pair} <= set(arms)
    assert all(one != other for one, other in found.pairs)
    for arm in found.arms:
        learnt = [stage for stage in arm.stages if stage.method == "sft"]
        assert all(set(stage.data.tasks) <= set(found.tasks) for stage in arm.stages)
        assert all(set(stage.data.tasks) == set(found.tasks) for stage in learnt)
        if arm.take == "odds":
            assert all(isinstance(task(one), LabelTask) for one in found.tasks)


def test_arms_differ_in_what_is_asked() -> None:
    both = {arm.name: arm for arm in experiments.experiment("sft_and_rl").arms}
    assert both["sft+rl"].stages == (*both["sft"].stages, *both["rl"].stages)
    assert [stage.method for stage in both["sft+rl"].stages] == ["sft", "grpo", "grpo"]
    plain, linked = (arm.stages[0] for arm in experiments.experiment("linked_text").arms)
    assert msgspec.structs.replace(linked, data=plain.data) == plain
    assert (plain.data.linked_text, linked.data.linked_text) == (False, True)
    (early,) = experiments.experiment("later_years").arms[1].stages
    assert str(early.data.before) == "2023-01-01"
    sizes = [arm.stages[0].data.most_samples for arm in experiments.experiment("data_scaling").arms if arm.stages]
    assert sizes == sorted(sizes)  # type: ignore[type-var]  # none is None, or this fails
    lora = experiments.experiment("outcome").arms[1].stages[0]
    assert lora.lora is not None


def test_settings_reach_the_stages_that_have_them() -> None:
    found = experiments.experiment("sft_and_rl", "tiny", ["data.most_samples=5", "rollouts.tokens=7"])
    supervised, size, search = found.arms[-1].stages
    assert {stage.data.most_samples for stage in (supervised, size, search)} == {5}
    assert [stage.rollouts.tokens for stage in (size, search) if stage.rollouts] == [7, 7]
    with pytest.raises(UserError, match="unknown key"):
        experiments.experiment("outcome", "tiny", ["data.most=5"])
    with pytest.raises(UnknownName, match="outcome"):
        experiments.experiment("outcomes")


# --- runs


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return warehouse(tmp_path_factory.mktemp("experiments") / "w", many_trials(20))


def _labels(path: Path, numbers: range, *, good_succeeds: bool) -> Path:
    """Trials of two drugs; in one file the good one succeeds, in the other it fails."""
    rows = [
        TOP_ROW
        | {
            "nctid": f"NCT98{number:06}",
            "label": str(int((number % 2 == 1) == good_succeeds)),
            "phase": f"phase {1 + number % 3}",
            "drugs": f"['{'goodumab' if number % 2 else 'badumab'}']",
            "criteria": f"Inclusion Criteria: adults, group {number}",
        }
        for number in numbers
    ]
    return write_labels(path, rows)


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Training that leaves the weights as they are; the list holds the methods that were called."""
    called: list[str] = []

    def run(chosen: recipe.Recipe, source: Any, out: Path, resume: bool = False, **_: Any) -> runs.Run:
        called.append(chosen.method)
        a_run(out)
        (out / "model").rmdir()
        shutil.copytree(chosen.model, out / "model")
        return runs.read(out)

    monkeypatch.setattr(experiments.sft, "run", run)
    return called


@pytest.mark.usefixtures("one_thread")
def test_outcomes_are_learnt_from_one_benchmark_and_tested_on_another(
    opened: Warehouse, tmp_path: Path, trained: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    learnt = _labels(tmp_path / "learnt.csv", range(1, 41), good_succeeds=True)
    tested = _labels(tmp_path / "tested.csv", range(35, 51), good_succeeds=False)
    labels = experiments.Labels((learnt,), (tested,))
    out = tmp_path / "out"
    monkeypatch.setattr(experiments, "_CLASSICAL", ("forecaster", "majority"))
    report = experiments.run("outcome", opened, out, scale="tiny", labels=labels, limit=16, resamples=40)
    assert trained == ["sft"]

    # Six trials stand in both files: they are tested, and not learnt from.
    source = experiments._LabelFiles(labels, opened, tmp_path / "again")
    sides = {
        split: {sample.subject for sample in source.load("outcome_prediction", split)}
        for split in ("train", "validation", "test")
    }  # type: ignore[var-annotated]
    assert source.left_out == 6
    assert len(sides["test"]) == 16
    assert len(sides["train"]) + len(sides["validation"]) == 34
    assert not sides["test"] & (sides["train"] | sides["validation"])
    assert not sides["train"] & sides["validation"]

    figures = {(row.model, row.metric): row for row in report.figures}
    assert {row.n for row in report.figures} == {16}
    assert {row.failed for row in report.figures} == {0}
    # What was learnt is wrong where it is tested: nobody was fitted on the tested labels.
    area = figures["forecaster", "auroc"].value
    assert area is not None
    assert area < 0.1
    assert "the model is tiny" in report.plumbing
    assert {part.group for part in report.parts} == {"PHASE1", "PHASE2", "PHASE3"}
    text = (out / "report.md").read_text(encoding="utf-8")
    assert experiments.PLUMBING in text
    assert "| lora | untrained |" in text
    assert str(tmp_path) not in text
    assert msgspec.json.decode((out / "report.json").read_bytes())["experiment"] == "outcome"

    # What is finished is neither trained nor asked again, and the report comes out the same.
    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("asked again")

    monkeypatch.setattr(experiments, "run_all", never)
    again = experiments.run("outcome", opened, out, scale="tiny", labels=labels, limit=16, resamples=40)
    assert trained == ["sft"]
    assert experiments.markdown(again) == text
    with pytest.raises(AssertionError, match="asked again"):
        experiments.run("outcome", opened, out, scale="tiny", labels=labels, limit=8, resamples=40)


def test_labels_are_for_outcomes_and_samples_must_be_there(opened: Warehouse, tmp_path: Path) -> None:
    labels = experiments.Labels((tmp_path / "a.csv",), (tmp_path / "b.csv",))
    with pytest.raises(UserError, match="are for: outcome"):
        experiments.run("data_scaling", opened, tmp_path, scale="tiny", labels=labels)
    with pytest.raises(UserError, match=r"holds no train sample for (sample_size|study_search).*tasks build"):
        experiments.run("sft_and_rl", opened, tmp_path, scale="tiny")


@pytest.mark.verify
def test_all_experiments_run_from_end_to_end_at_tiny_scale(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the train extra is not installed")
    from trialpanorama import sample, tasks
    from trialpanorama.build import build

    sample.write(tmp_path / "sample", 1_600, 3)
    build([tmp_path / "sample"], tmp_path / "w")
    opened = Warehouse.open(tmp_path / "w")
    tasks.build(opened)
    began = time.monotonic()
    for name in experiments.names():
        report = experiments.run(name, opened, tmp_path / name, scale="tiny")
        sys.stderr.write(experiments.markdown(report))
        planned = experiments.experiment(name, "tiny")
        assert {(row.task, row.model) for row in report.figures} == {
            (asked, arm.name) for asked in planned.tasks for arm in planned.arms
        }
        assert all(row.n and not row.failed for row in report.figures)
        assert {(one.model, one.other) for one in report.differences} == set(planned.pairs)
        assert bool(report.parts) == bool(planned.part)
        assert report.is_fictional
        assert report.plumbing == "the trials are made up and the model is tiny"
    assert time.monotonic() - began < 900
