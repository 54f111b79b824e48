"""The paper's own road: data and settings for an unmodified LLaMA-Factory (two phases of SFT) or verl (two of GRPO).

What is written comes from the package's recipes and rows, so that a run there and a run here learn from the same
prompts and are paid by the same scores:

    llamafactory  PHASE_SPLIT.jsonl, dataset_info.json, MODEL_PHASE.yaml, deepspeed_zero3.json, run.sh
    verl          TASK/SPLIT.parquet, reward.py, MODEL_TASK.yaml, run.sh

The keys were checked against llamafactory 0.9.5 and verl 0.9.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import yaml

from trialpanorama.errors import UnknownName, UserError
from trialpanorama.tasks import SPLITS, _exports, task
from trialpanorama.train import data, plans
from trialpanorama.train import recipe as recipes

if TYPE_CHECKING:
    from trialpanorama.warehouse import Warehouse

FRAMEWORKS = ("llamafactory", "verl")
MODELS = ("qwen3_8b", "llama3_8b")
"""The paper's two, as the recipes call them."""
GPUS = 4
"""Of the paper's runs."""
_TEMPLATES = {"qwen3_8b": "qwen", "llama3_8b": "llama3"}
"""Chat templates of LLaMA-Factory, as the paper names them."""
_PHASES = ("phase1", "phase2")
_REWARDED = {"size": "sample_size", "search": "study_search"}
"""The recipes of reinforcement, in their order, and what each is about."""


def export(source: Warehouse | Path, out: Path, framework: str) -> dict[str, int]:
    """Write data, settings and a launcher for another framework into an empty folder; the samples of each data file.

    `source` is a warehouse, or a folder as `tasks build` writes it. Raises UnknownName for a framework that does not
    exist, UserError where the folder is not empty, or there is no sample.
    """
    if framework not in FRAMEWORKS:
        raise UnknownName("framework", framework, FRAMEWORKS)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} is there already, and not an empty folder. Name another.")
    return (_llamafactory if framework == "llamafactory" else _verl)(source, out)


# --- LLaMA-Factory


def _llamafactory(source: Warehouse | Path, out: Path) -> dict[str, int]:
    written: dict[str, int] = {}
    for phase in _PHASES:
        recipe = recipes.read(f"{MODELS[0]}_{phase}")
        for split in ("train", "validation"):
            try:
                found = data.rows(recipe, source, plans.tokenizer(recipe.model)[0], split)
            except UserError:
                if split == "train":
                    raise
                continue
            if found.rows:
                out.mkdir(parents=True, exist_ok=True)
                path = f"{phase}_{split}.jsonl"
                with (out / path).open("wb") as file:
                    for row in found.rows:
                        line = {"id": row["sample"], "messages": [*row["prompt"], *row["completion"]]}
                        file.write(msgspec.json.encode(line) + b"\n")
                written[path] = len(found.rows)
    _exports._dataset_info(out, (), written)
    for model in MODELS:
        for phase in _PHASES:
            settings = llamafactory_settings(model, phase, f"{phase}_validation.jsonl" in written)
            _write(
                out / f"{model}_{phase}.yaml",
                settings,
                f"{recipes.read(f'{model}_{phase}').meaning} For LLaMA-Factory 0.9.5: sh run.sh {model}",
            )
    (out / "deepspeed_zero3.json").write_bytes(msgspec.json.format(msgspec.json.encode(DEEPSPEED)) + b"\n")
    (out / "run.sh").write_text(_LLAMAFACTORY_RUN.format(gpus=GPUS), encoding="utf-8")
    return written


def llamafactory_settings(model: str, phase: str, has_validation: bool) -> dict[str, Any]:
    """LLaMA-Factory's arguments for a phase of the paper's supervised training, on four GPUs."""
    recipe = recipes.read(f"{model}_{phase}")
    measured = {
        "eval_dataset": f"trialpanorama_{phase}_validation",
        "per_device_eval_batch_size": recipe.batch_per_device,
        "eval_strategy": "epoch",
    }
    return {
        "model_name_or_path": recipe.model if phase == _PHASES[0] else f"saves/{model}_{_PHASES[0]}",
        "stage": "sft",
        "do_train": True,
        "finetuning_type": "full",
        "deepspeed": "deepspeed_zero3.json",
        "flash_attn": "fa2",
        "dataset_dir": ".",
        "dataset": f"trialpanorama_{phase}_train",
        "template": _TEMPLATES[model],
        "cutoff_len": recipe.length,
        "output_dir": f"saves/{model}_{phase}",
        "per_device_train_batch_size": recipe.batch_per_device,
        "gradient_accumulation_steps": recipe.batch // (recipe.batch_per_device * GPUS),
        "num_train_epochs": recipe.epochs,
        "learning_rate": recipe.learning_rate,
        "lr_scheduler_type": recipe.schedule,
        "warmup_steps": 0,
        "bf16": True,
        "save_strategy": "epoch",
        "save_total_limit": recipe.keep,
        "logging_steps": 10,
        "report_to": "none",
        "seed": recipe.seed,
    } | (measured if has_validation else {})


DEEPSPEED: dict[str, Any] = {
    "train_batch_size": "auto",
    "train_micro_batch_size_per_gpu": "auto",
    "gradient_accumulation_steps": "auto",
    "gradient_clipping": "auto",
    "bf16": {"enabled": "auto"},
    "zero_optimization": {
        "stage": 3,
        "overlap_comm": True,
        "contiguous_gradients": True,
        "reduce_bucket_size": "auto",
        "stage3_prefetch_bucket_size": "auto",
        "stage3_param_persistence_threshold": "auto",
        "stage3_gather_16bit_weights_on_model_save": True,
    },
}
"""DeepSpeed's configuration of ZeRO-3; `auto` is filled in by transformers from the arguments."""

_LLAMAFACTORY_RUN = """\
#!/bin/sh
# Both phases of supervised training, one after the other: sh run.sh qwen3_8b, or sh run.sh llama3_8b
set -eu
cd "$(dirname "$0")"
model=${{1:?qwen3_8b or llama3_8b}}
export FORCE_TORCHRUN=1 NPROC_PER_NODE=${{NPROC_PER_NODE:-{gpus}}}
llamafactory-cli train "${{model}}_phase1.yaml"
llamafactory-cli train "${{model}}_phase2.yaml"
"""


# --- verl


def _verl(source: Warehouse | Path, out: Path) -> dict[str, int]:
    by_task = {
        name: [one for split in SPLITS for one in data.samples_of(source, task(name), split)]
        for name in _REWARDED.values()
    }
    written = _exports.export(by_task, out, "verl", by_task)
    for model in MODELS:
        for name, about in _REWARDED.items():
            learnt, held_out = f"{about}/train.parquet", f"{about}/validation.parquet"
            if learnt not in written:
                raise UserError(f"There is no train sample of {about}. Build the warehouse from more trials.")
            settings = verl_settings(model, name, held_out if held_out in written else learnt)
            meaning = f"{recipes.read(f'{model}_grpo_{name}').meaning} For verl 0.9.1: sh run.sh {model} FOLDER"
            if held_out not in written:
                meaning += " There was no validation sample: it measures itself on what it learns from."
            _write(out / f"{model}_{name}.yaml", settings, meaning)
    (out / "run.sh").write_text(_VERL_RUN, encoding="utf-8")
    return written


def verl_settings(model: str, name: str, held_out: str) -> dict[str, Any]:
    """verl's configuration, as far as it differs from the framework's own, for a half of the paper's reinforcement."""
    recipe = recipes.read(f"{model}_grpo_{name}")
    assert recipe.rollouts is not None
    prompts = recipe.batch // recipe.rollouts.per_prompt
    return {
        "hydra": {"searchpath": ["pkg://verl.trainer.config"]},
        "defaults": ["ppo_trainer", "_self_"],
        "data": {
            "train_files": f"{_REWARDED[name]}/train.parquet",
            "val_files": held_out,
            "train_batch_size": prompts,
            "max_prompt_length": recipe.length - recipe.rollouts.tokens,
            "max_response_length": recipe.rollouts.tokens,
            "filter_overlong_prompts": True,
            "truncation": "error",
        },
        "actor_rollout_ref": {
            "model": {"path": "???", "enable_gradient_checkpointing": recipe.gradient_checkpointing},
            "actor": {
                "ppo_mini_batch_size": prompts,
                "ppo_micro_batch_size_per_gpu": recipe.batch_per_device,
                "use_kl_loss": bool(recipe.rollouts.kl),
                "optim": {"lr": recipe.learning_rate},
            },
            "rollout": {
                "name": "vllm",
                "n": recipe.rollouts.per_prompt,
                "temperature": recipe.rollouts.temperature,
                "top_p": recipe.rollouts.top_p,
                "tensor_model_parallel_size": GPUS,
                "gpu_memory_utilization": 0.6,
                "log_prob_micro_batch_size_per_gpu": recipe.batch_per_device,
            },
        },
        "algorithm": {"adv_estimator": "grpo", "use_kl_in_reward": False},
        "reward": {"custom_reward_function": {"path": "reward.py", "name": "compute_score"}},
        "trainer": {
            "project_name": "trialpanorama",
            "experiment_name": f"{model}_{name}",
            "logger": ["console"],
            "nnodes": 1,
            "n_gpus_per_node": GPUS,
            "total_epochs": int(recipe.epochs),
            "save_freq": recipe.save_every,
            "test_freq": recipe.evaluate_every,
        },
    }


_VERL_RUN = r"""#!/bin/sh
# Reinforcement on sample size, then on study search from the weights of the first:
#   sh run.sh qwen3_8b FOLDER-OF-THE-MODEL, or sh run.sh llama3_8b FOLDER-OF-THE-MODEL
# The rewards of study search run each query on the snapshot that the samples were made from.
set -eu
: "${TRIALPANORAMA_WAREHOUSE:?the folder of the warehouse that the samples were made from}"
export TRIALPANORAMA_WAREHOUSE
start=$(cd "${2:?the folder of the model to begin from}" && pwd)
cd "$(dirname "$0")"
model=${1:?qwen3_8b or llama3_8b}
train() {
    python3 -m verl.trainer.main_ppo --config-path "$PWD" --config-name "$1" actor_rollout_ref.model.path="$2"
    saved=checkpoints/trialpanorama/$1
    step=$(cat "$saved/latest_checkpointed_iteration.txt")
    python3 -m verl.model_merger merge --backend fsdp --local_dir "$saved/global_step_$step/actor" \
        --target_dir "models/$1"
}
train "${model}_size" "$start"
train "${model}_search" "$PWD/models/${model}_size"
"""


def _write(path: Path, settings: Mapping[str, Any], meaning: str) -> None:
    text = yaml.safe_dump(dict(settings), sort_keys=False, allow_unicode=True)
    path.write_text(f"# {meaning}\n{text}", encoding="utf-8")
