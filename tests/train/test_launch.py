"""Two processes that `accelerate launch` starts train what one does."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.tiny_models import small_designs, tiny_qwen3
from trialpanorama.train import recipe, runs, sft

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("trl") is None, reason="the train extra is not installed"),
    pytest.mark.slow,
]


def _launch(*arguments: object) -> subprocess.CompletedProcess[str]:
    # Without a GPU in sight "multi_gpu" means processes that talk through gloo; with --cpu, Accelerate wants MPI.
    return subprocess.run(
        [
            sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2",
            "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no",
            "--num_cpu_threads_per_process", "1", "--main_process_port", "0",
            "-m", "trialpanorama.apps.cli", *map(str, arguments),
        ],
        env=os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "ACCELERATE_USE_CPU": "true"},
        capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip


def test_two_processes_match_one(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    small_designs(tmp_path / "tasks", train=24, validation=4, test=1)
    model = tiny_qwen3(tmp_path / "model", ["difference of standard deviations"], hidden=32)
    chosen = recipe.Recipe(
        method="sft", meaning="A check of the plumbing.", model=str(model),
        data=recipe.Data(tasks={"sample_size": 1.0}), length=512, batch=4, batch_per_device=2, learning_rate=1e-3,
        precision="float32", save_every=3, gradient_checkpointing=False,
    )  # fmt: skip
    (tmp_path / "recipe.yaml").write_text(recipe.dump(chosen))
    places = ("--samples", tmp_path / "tasks", "--out", tmp_path / "two")
    launched = _launch("train", "sft", tmp_path / "recipe.yaml", *places, "--json")
    assert launched.returncode == 0, launched.stderr[-3000:]
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        one = sft.run(chosen, tmp_path / "tasks", tmp_path / "one")
    finally:
        torch.set_num_threads(before)
    two = runs.read(tmp_path / "two")
    assert (one.processes, one.accumulation) == (1, 2)
    assert (two.processes, two.accumulation) == (2, 1)
    assert (two.state, two.steps, two.sittings[0].tokens) == ("finished", 6, one.sittings[0].tokens)
    for key in ("loss", "eval_loss"):
        theirs = [log[key] for log in two.history if key in log]
        assert theirs == pytest.approx([log[key] for log in one.history if key in log], rel=1e-4)
        assert theirs
    ours, theirs = (load_file(tmp_path / name / "model" / "model.safetensors") for name in ("one", "two"))
    assert ours.keys() == theirs.keys()
    assert all(torch.allclose(ours[name], theirs[name], atol=1e-5) for name in ours)
    # One process speaks for both, and the checkpoints are whole.
    assert launched.stderr.count("step 6/6 · loss") == 1
    assert msgspec.json.decode(launched.stdout, type=runs.Run).steps == 6
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == [
        "README.md", "checkpoint-3", "checkpoint-6", "model", "run.json",
    ]  # fmt: skip
