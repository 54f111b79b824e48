"""Exports to LLaMA-Factory and verl: what they hold, and that those frameworks' own classes take every key.

The frameworks are no dependency. Where they are installed their classes judge; everywhere the keys are held against the
names below, which were read from llamafactory 0.9.5 and verl 0.9.1.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from tests.train import every_task
from trialpanorama.errors import UserError
from trialpanorama.train import exports

pytestmark = pytest.mark.skipif(importlib.util.find_spec("trl") is None, reason="the train extra is not installed")

LLAMAFACTORY_0_9_5 = {
    "model_name_or_path", "stage", "do_train", "finetuning_type", "deepspeed", "flash_attn", "dataset_dir", "dataset",
    "eval_dataset", "template", "cutoff_len", "output_dir", "per_device_train_batch_size", "per_device_eval_batch_size",
    "gradient_accumulation_steps", "num_train_epochs", "learning_rate", "lr_scheduler_type", "warmup_steps", "bf16",
    "save_strategy", "save_total_limit", "eval_strategy", "logging_steps", "report_to", "seed",
}  # fmt: skip
"""Arguments of its dataclasses that the export may use."""
VERL_0_9_1 = {
    "data.train_files", "data.val_files", "data.train_batch_size", "data.max_prompt_length",
    "data.max_response_length", "data.filter_overlong_prompts", "data.truncation", "actor_rollout_ref.model.path",
    "actor_rollout_ref.model.enable_gradient_checkpointing", "actor_rollout_ref.actor.ppo_mini_batch_size",
    "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu", "actor_rollout_ref.actor.use_kl_loss",
    "actor_rollout_ref.actor.optim.lr", "actor_rollout_ref.rollout.name", "actor_rollout_ref.rollout.n",
    "actor_rollout_ref.rollout.temperature", "actor_rollout_ref.rollout.top_p",
    "actor_rollout_ref.rollout.tensor_model_parallel_size", "actor_rollout_ref.rollout.gpu_memory_utilization",
    "actor_rollout_ref.rollout.log_prob_micro_batch_size_per_gpu", "algorithm.adv_estimator",
    "algorithm.use_kl_in_reward", "reward.custom_reward_function.path", "reward.custom_reward_function.name",
    "trainer.project_name", "trainer.experiment_name", "trainer.logger", "trainer.nnodes", "trainer.n_gpus_per_node",
    "trainer.total_epochs", "trainer.save_freq", "trainer.test_freq",
}  # fmt: skip
"""Keys of its ppo_trainer configuration that the export may use."""
DEEPSPEED_0_19 = {
    "train_batch_size", "train_micro_batch_size_per_gpu", "gradient_accumulation_steps", "gradient_clipping", "bf16",
    "zero_optimization", "stage", "overlap_comm", "contiguous_gradients", "reduce_bucket_size",
    "stage3_prefetch_bucket_size", "stage3_param_persistence_threshold", "stage3_gather_16bit_weights_on_model_save",
    "enabled",
}  # fmt: skip


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return every_task.write(tmp_path_factory.mktemp("every") / "samples")


@pytest.fixture(scope="module")
def llamafactory(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "llamafactory"
    exports.export(samples, out, "llamafactory")
    return out


@pytest.fixture(scope="module")
def verl(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "verl"
    exports.export(samples, out, "verl")
    return out


def settings(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def keys(found: Mapping[str, Any], before: str = "") -> Iterator[str]:
    for key, value in found.items():
        if isinstance(value, dict):
            yield from keys(value, f"{before}{key}.")
        else:
            yield before + key


# --- LLaMA-Factory


def test_both_phases_are_written_with_their_data(llamafactory: Path) -> None:
    named = msgspec.json.decode((llamafactory / "dataset_info.json").read_bytes())
    for model in exports.MODELS:
        for phase, tasks in (("phase1", 4), ("phase2", 3)):  # no search is verified without a warehouse
            told = settings(llamafactory / f"{model}_{phase}.yaml")
            for key, count in (("dataset", 20 * tasks), ("eval_dataset", 3 * tasks)):
                file = llamafactory / named[told[key]]["file_name"]
                rows = [msgspec.json.decode(line) for line in file.read_bytes().splitlines()]
                assert len(rows) == count
                assert all([one["role"] for one in row["messages"]] == ["user", "assistant"] for row in rows)
            assert (llamafactory / told["deepspeed"]).is_file()
    assert settings(llamafactory / "qwen3_8b_phase2.yaml")["model_name_or_path"] == "saves/qwen3_8b_phase1"
    assert settings(llamafactory / "qwen3_8b_phase1.yaml")["output_dir"] == "saves/qwen3_8b_phase1"


def test_the_papers_figures_are_there(llamafactory: Path) -> None:
    for model, shared in (("qwen3_8b", (2, 2)), ("llama3_8b", (4, 1))):
        told = settings(llamafactory / f"{model}_phase1.yaml")
        assert (told["per_device_train_batch_size"], told["gradient_accumulation_steps"]) == shared
        assert (told["cutoff_len"], told["learning_rate"], told["num_train_epochs"]) == (8192, 1e-6, 3)
        told = settings(llamafactory / f"{model}_phase2.yaml")
        assert (told["per_device_train_batch_size"], told["gradient_accumulation_steps"]) == (1, 4)
        assert told["num_train_epochs"] == 10


def test_llamafactory_is_told_nothing_that_it_does_not_know(llamafactory: Path) -> None:
    for path in llamafactory.glob("*.yaml"):
        assert not settings(path).keys() - LLAMAFACTORY_0_9_5


def test_deepspeed_is_told_nothing_that_it_does_not_know(llamafactory: Path) -> None:
    told = msgspec.json.decode((llamafactory / "deepspeed_zero3.json").read_bytes())
    assert {key.rpartition(".")[2] for key in keys(told)} | told.keys() <= DEEPSPEED_0_19
    assert told["zero_optimization"]["stage"] == 3


def test_llamafactory_itself_takes_the_settings(llamafactory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISABLE_VERSION_CHECK", "1")  # it wants an older transformers; its arguments are what counts
    parser = pytest.importorskip("llamafactory.hparams.parser", reason="LLaMA-Factory is not installed")
    from transformers import HfArgumentParser

    for path in llamafactory.glob("*.yaml"):
        told = settings(path) | {"use_cpu": True, "bf16": False}
        told.pop("deepspeed")  # its class asks for DeepSpeed itself
        _, data, training, tuning, _ = HfArgumentParser(parser._TRAIN_ARGS).parse_dict(told)
        assert data.dataset == [told["dataset"]]
        assert training.num_train_epochs == told["num_train_epochs"]
        assert tuning.finetuning_type == "full"


@pytest.mark.verify
def test_deepspeed_itself_takes_the_settings() -> None:
    pytest.importorskip("deepspeed", reason="DeepSpeed is not installed (it comes as source alone)")
    from deepspeed.runtime.zero.config import DeepSpeedZeroConfig

    zero = {key: value for key, value in exports.DEEPSPEED["zero_optimization"].items() if value != "auto"}
    assert DeepSpeedZeroConfig(**zero).stage == 3
    names = {field.alias or name for name, field in DeepSpeedZeroConfig.model_fields.items()}
    assert exports.DEEPSPEED["zero_optimization"].keys() <= names | set(DeepSpeedZeroConfig.model_fields)


# --- verl


def test_verl_gets_both_tasks_and_our_reward(verl: Path) -> None:
    import pyarrow.parquet as pq

    for model in exports.MODELS:
        for name, about, longest in (("size", "sample_size", 1024), ("search", "study_search", 512)):
            told = settings(verl / f"{model}_{name}.yaml")
            assert told["data"]["train_files"] == f"{about}/train.parquet"
            assert pq.read_metadata(verl / told["data"]["train_files"]).num_rows == 20
            assert pq.read_metadata(verl / told["data"]["val_files"]).num_rows == 3
            assert (told["data"]["max_prompt_length"], told["data"]["max_response_length"]) == (2048, longest)
            assert told["actor_rollout_ref"]["rollout"]["n"] == 8
            assert (told["data"]["train_batch_size"], told["trainer"]["total_epochs"]) == (16, 5)
            assert (verl / told["reward"]["custom_reward_function"]["path"]).is_file()


def test_verl_is_told_nothing_that_it_does_not_know(verl: Path) -> None:
    for path in verl.glob("*.yaml"):
        told = settings(path)
        assert told.pop("defaults") == ["ppo_trainer", "_self_"]
        told.pop("hydra")
        assert not set(keys(told)) - VERL_0_9_1


def test_the_reward_file_pays_right_answers(verl: Path) -> None:
    import importlib.util

    import pyarrow.parquet as pq

    spec = importlib.util.spec_from_file_location("exported_reward", verl / "reward.py")
    assert spec is not None
    assert spec.loader is not None
    reward = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reward)
    row = pq.read_table(verl / "sample_size" / "train.parquet").to_pylist()[0]
    given = (row["data_source"], row["reward_model"]["ground_truth"])
    assert reward.compute_score(given[0], given[1], given[1], row["extra_info"]) == 1
    assert reward.compute_score(given[0], "I cannot say", given[1], row["extra_info"]) == 0


def test_verl_itself_takes_the_settings(verl: Path) -> None:
    pytest.importorskip("hydra", reason="Hydra, on which verl runs, is not installed")
    pytest.importorskip("verl.workers.config", reason="verl is not installed, or not whole")
    from hydra import compose, initialize_config_dir
    from verl.utils.config import validate_config

    with initialize_config_dir(str(verl), version_base=None):
        for path in verl.glob("*.yaml"):
            config = compose(path.stem, overrides=["actor_rollout_ref.model.path=somewhere"])
            validate_config(config, use_reference_policy=False, use_critic=False)
            assert config.algorithm.adv_estimator == "grpo"
            assert config.actor_rollout_ref.rollout.response_length == config.data.max_response_length


# --- both


@pytest.mark.parametrize(("framework", "arguments"), [("llamafactory", ["qwen3_8b"]), ("verl", ["llama3_8b", "first"])])
def test_the_launcher_runs_both_halves_in_their_order(
    framework: str, arguments: list[str], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """The script runs, with programs in place of the frameworks that write down what they are asked."""
    (tmp_path / "first").mkdir()
    (tmp_path / "bin").mkdir()
    for name in ("llamafactory-cli", "python3"):
        program = tmp_path / "bin" / name
        program.write_text(
            f'#!/bin/sh\necho "$@" >> {tmp_path}/told\n'
            'case "$*" in *main_ppo*) run=$6; mkdir -p "checkpoints/trialpanorama/$run"\n'
            'echo 7 > "checkpoints/trialpanorama/$run/latest_checkpointed_iteration.txt";; esac\n'
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    out = tmp_path / "out"
    shutil.copytree(request.getfixturevalue(framework), out)
    environment = os.environ | {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "TRIALPANORAMA_WAREHOUSE": "w"}
    subprocess.run(["sh", str(out / "run.sh"), *arguments], check=True, env=environment, cwd=tmp_path, timeout=60)
    told = (tmp_path / "told").read_text().splitlines()
    if framework == "llamafactory":
        assert told == ["train qwen3_8b_phase1.yaml", "train qwen3_8b_phase2.yaml"]
    else:
        assert [line.split()[1] for line in told] == ["verl.trainer.main_ppo", "verl.model_merger"] * 2
        assert told[0].endswith(f"--config-name llama3_8b_size actor_rollout_ref.model.path={tmp_path / 'first'}")
        assert "global_step_7/actor" in told[1]
        assert told[2].endswith(f"actor_rollout_ref.model.path={out / 'models' / 'llama3_8b_size'}")
    without = subprocess.run(["sh", str(out / "run.sh")], env=environment, capture_output=True, text=True, timeout=60)
    assert without.returncode != 0


def test_what_cannot_be_written_is_said(samples: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="llamafactory"):
        exports.export(samples, tmp_path / "new", "llamafctory")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "there").touch()
    with pytest.raises(UserError, match="not an empty folder"):
        exports.export(samples, tmp_path / "full", "verl")


def test_without_validation_samples_nothing_is_asked_of_them(tmp_path: Path) -> None:
    samples = every_task.write(tmp_path / "samples", validation=0)
    exports.export(samples, tmp_path / "llamafactory", "llamafactory")
    told = settings(tmp_path / "llamafactory" / "qwen3_8b_phase1.yaml")
    assert not {"eval_dataset", "eval_strategy"} & told.keys()
    exports.export(samples, tmp_path / "verl", "verl")
    told = settings(tmp_path / "verl" / "qwen3_8b_size.yaml")
    assert told["data"]["val_files"] == told["data"]["train_files"]
