"""The recipes and launch files of the package: each is taken by the libraries that will run it."""

from __future__ import annotations

import importlib.util
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.train import every_task
from trialpanorama.train import plans, recipe
from trialpanorama.train.tiny import tiny_qwen3

pytestmark = pytest.mark.skipif(importlib.util.find_spec("trl") is None, reason="the train extra is not installed")


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return every_task.write(tmp_path_factory.mktemp("every") / "samples")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of a few thousand weights, for the recipes that ask for one."""
    return tiny_qwen3(tmp_path_factory.mktemp("model"), ["How many are needed?", "Which belongs to it?"])


@pytest.mark.parametrize("name", recipe.names())
def test_every_recipe_passes_a_dry_run(name: str, samples: Path, small: Path) -> None:
    settings = [f"model={small}", "length=4096"] if name.startswith("tiny") else []
    found = recipe.read(name, settings)
    devices = 1 if name.startswith("tiny") or name == "one_gpu" else 4
    planned = plans.plan(found, samples, devices=devices)
    config = "SFTConfig" if found.method == "sft" else "GRPOConfig"
    assert any(config in taken for taken in planned.checked)
    assert any("LoraConfig" in taken for taken in planned.checked) == (found.lora is not None)
    assert planned.steps >= 1
    assert found.batch == found.batch_per_device * devices * planned.accumulation
    assert set(planned.tasks) == set(found.data.tasks)
    for task in planned.tasks.values():
        assert task.samples == 20
        assert task.rows + sum(task.left_out.values()) >= task.samples
    assert [memory.layout for memory in planned.memory] == ["one GPU", "FSDP", "ZeRO-3"]


PAPER = {
    "phase1": {"epochs": 3, "length": 8192, "learning_rate": 1e-6, "batch": 16},
    "phase2": {"epochs": 10, "length": 8192, "learning_rate": 1e-6, "batch": 16},
    "grpo_size": {"epochs": 5, "learning_rate": 1e-6, "batch": 16 * 8},
    "grpo_search": {"epochs": 5, "learning_rate": 1e-6, "batch": 16 * 8},
}


@pytest.mark.parametrize("model", ["qwen3_8b", "llama3_8b"])
@pytest.mark.parametrize("stage", PAPER)
def test_the_papers_figures_stand_in_its_recipes(model: str, stage: str) -> None:
    found = recipe.read(f"{model}_{stage}")
    assert {key: getattr(found, key) for key in PAPER[stage]} == PAPER[stage]
    assert found.lora is None
    if found.rollouts:
        assert (found.rollouts.per_prompt, found.rollouts.kl) == (8, 0)


@pytest.mark.parametrize("model", ["qwen3_8b", "llama3_8b"])
def test_each_stage_begins_where_the_one_before_ends(model: str) -> None:
    stages = [f"{model}_{stage}" for stage in PAPER]
    for before, after in pairwise(stages):
        assert recipe.read(after).model == f"runs/{before}"
    eight = [task for stage in stages[:2] for task in recipe.read(stage).data.tasks]
    assert len(eight) == len(set(eight)) == 8


# --- launch files

LAUNCHED = sorted(plans.LAUNCH.glob("*.yaml"))


@pytest.mark.parametrize("path", LAUNCHED, ids=lambda path: path.stem)
def test_accelerate_takes_every_launch_file_and_knows_every_key(path: Path) -> None:
    """Accelerate's own loader refuses unknown keys on top, and swallows those inside: its launcher must know them."""
    from accelerate.commands.config.config_args import load_config_from_file
    from accelerate.commands.launch import launch_command_parser

    config = load_config_from_file(str(path))
    known = vars(launch_command_parser().parse_args(["script.py"]))
    inner: dict[str, Any] = {**config.fsdp_config, **config.deepspeed_config}
    assert not inner.keys() - known.keys()
    assert config.mixed_precision == "bf16"


def _environment(path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What `accelerate launch` would tell the processes it starts."""
    from accelerate.commands import launch
    from accelerate.utils.launch import prepare_multi_gpu_env

    args = launch.launch_command_parser().parse_args(["--config_file", str(path), "script.py"])
    args.nondefault = set()
    args, _, _ = launch._validate_launch_command(args)
    found: dict[str, str] = prepare_multi_gpu_env(args)
    return found


@pytest.mark.parametrize(("name", "processes"), [("fsdp", 4), ("two_nodes", 8)])
def test_sharding_reaches_the_processes(name: str, processes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from accelerate.utils import FullyShardedDataParallelPlugin

    path = plans.LAUNCH / f"{name}.yaml"
    environment = _environment(path, monkeypatch)
    for key, value in environment.items():
        monkeypatch.setenv(key, str(value))
    assert environment["ACCELERATE_USE_FSDP"] == "true"
    plugin = FullyShardedDataParallelPlugin()
    assert plugin.fsdp_version == 2
    assert plugin.reshard_after_forward is True
    assert plugin.state_dict_type.name == "FULL_STATE_DICT"
    assert yaml.safe_load(path.read_text())["num_processes"] == processes


@pytest.mark.verify
def test_deepspeed_itself_takes_the_launch_file() -> None:
    """With DeepSpeed, by its own class; accelerate's plug-in for it does not load without."""
    pytest.importorskip("deepspeed", reason="DeepSpeed is not installed (it comes as source alone)")
    from accelerate import DeepSpeedPlugin

    told = yaml.safe_load((plans.LAUNCH / "deepspeed_zero3.yaml").read_text())["deepspeed_config"]
    plugin = DeepSpeedPlugin(
        zero_stage=told["zero_stage"],
        zero3_init_flag=told["zero3_init_flag"],
        zero3_save_16bit_model=told["zero3_save_16bit_model"],
        offload_optimizer_device=told["offload_optimizer_device"],
        offload_param_device=told["offload_param_device"],
    )
    assert plugin.deepspeed_config["zero_optimization"]["stage"] == 3
    from deepspeed.runtime.zero.config import DeepSpeedZeroConfig

    assert DeepSpeedZeroConfig(**plugin.deepspeed_config["zero_optimization"]).stage == 3
