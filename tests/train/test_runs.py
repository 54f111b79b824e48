"""A run's folder is its own, goes on where it was killed, and fails with one sentence and its last checkpoint kept."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.tiny_models import small_designs, tiny_qwen3
from trialpanorama.errors import UserError
from trialpanorama.train import recipe, runs, sft

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("trl") is None, reason="the train extra is not installed"),
    pytest.mark.slow,
]

CHILD = """
import sys
from pathlib import Path
import torch
from trialpanorama.train import recipe, sft
torch.set_num_threads(1)
{before}
sft.run(recipe.read(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), tell=print)
"""
KILLED_WHILE_IT_WRITES = """
import os, signal
save, saved = torch.save, []
def killing(obj, path, *args, **kwargs):
    saved.append(path)
    if "checkpoint-8" in str(path):
        save(obj, path)
        os.truncate(path, os.path.getsize(path) // 2)
        os.kill(os.getpid(), signal.SIGKILL)
    save(obj, path, *args, **kwargs)
torch.save = killing
"""


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Place:
    """Samples, a tiny model, and a recipe of twelve steps with checkpoints after four and eight."""

    def __init__(self, folder: Path) -> None:
        self.tasks = folder / "tasks"
        small_designs(self.tasks, train=24, validation=4, test=1)
        self.model = tiny_qwen3(folder / "model", ["difference of standard deviations"], hidden=32)
        self.file = folder / "recipe.yaml"
        self.recipe = recipe.Recipe(
            method="sft", meaning="A check of the plumbing.", model=str(self.model),
            data=recipe.Data(tasks={"sample_size": 1.0}), epochs=2, length=512, batch=4, batch_per_device=2,
            learning_rate=1e-3, warmup=0.1, precision="float32", save_every=4, gradient_checkpointing=False,
        )  # fmt: skip
        self.file.write_text(recipe.dump(self.recipe))

    def with_(self, **changes: Any) -> recipe.Recipe:
        return msgspec.structs.replace(self.recipe, **changes)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("place"))


@pytest.fixture(scope="module")
def undisturbed(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "undisturbed"
    sft.run(place.recipe, place.tasks, out)
    return out


def _weights(out: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    (file,) = (out / "model").glob("*.safetensors")
    return load_file(file)


def _same(one: Path, other: Path) -> bool:
    import torch

    ours, theirs = _weights(one), _weights(other)
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def _names(out: Path) -> list[str]:
    return sorted(path.name for path in out.iterdir())


def test_the_record_says_what_was_made_of_what(place: Place, undisturbed: Path) -> None:
    record = runs.read(undisturbed)
    assert _names(undisturbed) == ["checkpoint-12", "checkpoint-8", "model", "run.json"]
    assert (record.state, record.steps, record.all_steps, record.accumulation) == ("finished", 12, 12, 2)
    assert record.recipe["learning_rate"] == 1e-3
    assert record.is_fictional
    assert record.data["train"].rows == {"sample_size": 24}
    assert len(record.data["train"].files["sample_size/train.jsonl"]) == 64
    assert record.libraries.keys() >= {"torch", "transformers", "trl", "peft", "accelerate", "datasets"}
    (sitting,) = record.sittings
    # Two epochs of every token, of the prompt too.
    assert sitting.tokens == 2 * record.data["train"].tokens
    assert sitting.seconds > 0
    losses = [log["eval_loss"] for log in record.history if "eval_loss" in log]
    assert [log["step"] for log in record.history if "eval_loss" in log] == [0, 6, 12]
    assert losses[-1] < losses[0]
    assert str(place.tasks) not in (undisturbed / "model" / "config.json").read_text()
    assert not (undisturbed / "model" / "training_args.bin").exists()


def test_a_run_killed_while_it_writes_a_checkpoint_ends_with_the_weights_it_would_have_had(
    place: Place, undisturbed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    child = subprocess.run(
        [sys.executable, "-c", CHILD.format(before=KILLED_WHILE_IT_WRITES), place.file, place.tasks, out],
        env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert child.returncode == -9, child.stderr
    assert _names(out) == [".writing", "checkpoint-4", "run.json"]
    assert (out / ".writing" / "checkpoint-8" / "model.safetensors").is_file()
    assert runs.read(out).state == "running"
    told: list[str] = []
    record = sft.run(place.recipe, place.tasks, out, resume=True, tell=told.append)
    assert told[0] == f"Going on from {out / 'checkpoint-4'} (12 steps in all)."
    assert _same(out, undisturbed)
    assert _names(out) == _names(undisturbed)
    assert [(one.from_step, one.to_step, one.ended) for one in record.sittings] == [
        (0, 4, "running"),
        (4, 12, "finished"),
    ]
    whole = {log["step"]: log["loss"] for log in runs.read(undisturbed).history if "loss" in log}
    assert {log["step"]: log["loss"] for log in record.history if "loss" in log} == whole


def test_a_run_that_the_user_ends_goes_on_with_its_random_numbers(place: Place, tmp_path: Path) -> None:
    chosen = place.with_(lora=recipe.Lora(rank=4, alpha=8, dropout=0.3))
    sft.run(chosen, place.tasks, tmp_path / "whole")
    told: list[str] = []

    def interrupt(line: str) -> None:
        told.append(line)
        if line.startswith("step 7/"):
            raise KeyboardInterrupt

    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        sft.run(chosen, place.tasks, out, tell=interrupt)
    assert told[-1] == f"{out / 'checkpoint-4'} is kept: go on from there with --resume."
    assert runs.read(out).state == "interrupted"
    assert not (out / "model").exists()
    sft.run(chosen, place.tasks, out, resume=True)
    assert _same(out, tmp_path / "whole")
    # What has ended is not trained again.
    before = (out / "run.json").read_bytes()
    assert sft.run(chosen, place.tasks, out, resume=True).state == "finished"
    assert (out / "run.json").read_bytes() == before


def test_a_folder_that_is_in_use_is_not_written_into(place: Place, undisturbed: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds a run already.*--resume"):
        runs.begin(place.recipe, undisturbed)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match=r"is not empty, and holds no run"):
        runs.begin(place.recipe, tmp_path)
    with pytest.raises(UserError, match=r"is not empty"):
        runs.begin(place.recipe, tmp_path / "notes.txt")
    with pytest.raises(UserError, match=r"holds no run"):
        runs.begin(place.recipe, tmp_path, resume=True)
    (tmp_path / "run.json").write_text('{"state": 3}')
    with pytest.raises(UserError, match=r"is no record of a run"):
        runs.begin(place.recipe, tmp_path, resume=True)


def test_a_run_goes_on_only_as_it_began(
    place: Place, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match=r"another recipe: learning_rate was 0\.001, and is 0\.1"):
        runs.begin(place.with_(learning_rate=0.1), undisturbed, resume=True)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match=r"trained by 1 processes, and now there are 2"):
        runs.begin(place.recipe, undisturbed, resume=True)
    monkeypatch.undo()
    out = tmp_path / "out"
    shutil.copytree(undisturbed, out)
    record = runs.read(out)
    record.state = "interrupted"
    record.data["train"].files["sample_size/train.jsonl"] = "0" * 64
    (out / "run.json").write_bytes(msgspec.json.encode(record))
    with pytest.raises(UserError, match=r"began on other samples: sample_size/train.jsonl was 0000"):
        sft.run(place.recipe, place.tasks, out, resume=True)


@pytest.mark.parametrize(
    ("batch", "at_once", "processes", "steps"),
    [(16, 1, 1, 16), (16, 2, 4, 2), (8, 8, 1, 1), (16, 3, 1, None), (4, 2, 4, None)],
)
def test_a_batch_is_shared_evenly_or_refused(
    batch: int, at_once: int, processes: int, steps: int | None, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", str(processes))
    chosen = place.with_(batch=batch, batch_per_device=at_once)
    if steps is not None:
        assert runs.accumulation(chosen) == steps
        return
    with pytest.raises(UserError, match=r"cannot be shared evenly") as refused:
        runs.accumulation(chosen)
    advised = int(str(refused.value).rpartition("=")[2])
    assert runs.accumulation(place.with_(batch=advised, batch_per_device=at_once)) >= 1


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_the_last_checkpoint(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trl import SFTTrainer

    honest = SFTTrainer.compute_loss

    def poisoned(self: Any, *given: Any, **named: Any) -> Any:
        loss = honest(self, *given, **named)
        return loss * float("nan") if self.model.training and self.state.global_step == 5 else loss

    monkeypatch.setattr(SFTTrainer, "compute_loss", poisoned)
    out = tmp_path / "out"
    with pytest.raises(
        UserError, match=r"not a finite number at step 6; .*lower learning_rate \(now 0\.001\).*checkpoint-4 is kept"
    ):
        sft.run(place.recipe, place.tasks, out)
    assert _names(out) == ["checkpoint-4", "run.json"]
    record = runs.read(out)
    assert record.state == "failed"
    assert "not a finite number" in str(record.sittings[0].why)
    monkeypatch.undo()
    assert sft.run(place.recipe, place.tasks, out, resume=True).state == "finished"


def test_a_full_disk_ends_the_run_and_keeps_the_last_checkpoint(
    place: Place, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    write = torch.save

    def full(what: Any, path: Any, *given: Any, **named: Any) -> None:
        write(what, path, *given, **named)
        if "checkpoint-8" in str(path):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    out = tmp_path / "out"
    with pytest.raises(UserError, match=r"disk of .* is full: checkpoint-8 could not.*checkpoint-4 is kept"):
        sft.run(place.recipe, place.tasks, out)
    assert _names(out) == ["checkpoint-4", "run.json"]
    monkeypatch.undo()
    sft.run(place.recipe, place.tasks, out, resume=True)
    assert _same(out, undisturbed)


def test_a_disk_that_is_really_full_is_recognised(place: Place, tmp_path: Path) -> None:
    mounted = tmp_path / "small"
    mounted.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=900k", "tmpfs", mounted], capture_output=True, check=False
    ) if shutil.which("mount") else None  # fmt: skip
    if made is None or made.returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        with pytest.raises(UserError, match=r"disk of .* is full: checkpoint-8 could not.*checkpoint-4 is kept"):
            sft.run(place.recipe, place.tasks, mounted / "out")
        assert _names(mounted / "out") == ["checkpoint-4", "run.json"]
    finally:
        subprocess.run(["umount", mounted], check=True)


def test_full_memory_says_what_takes_less(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch
    from trl import SFTTrainer

    def exhausted(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(SFTTrainer, "training_step", exhausted)
    with pytest.raises(UserError, match=r"memory is full at step 1.*batch_per_device=1.*There is no checkpoint yet"):
        sft.run(place.recipe, place.tasks, tmp_path / "out")


def test_most_steps_end_a_run_before_its_epochs_do(place: Place, tmp_path: Path) -> None:
    record = sft.run(place.with_(most_steps=3, save_every=None), place.tasks, tmp_path / "out")
    assert (record.steps, record.all_steps) == (3, 3)
    rates = [log["learning_rate"] for log in record.history if "learning_rate" in log]
    assert rates[-1] < max(rates)  # the schedule ends with the run
    assert sft.run(place.with_(most_steps=99, epochs=0.5), place.tasks, tmp_path / "half").steps == 3
