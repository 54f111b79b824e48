"""Plans: what they count is what a run does, and what they estimate holds to known figures."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path

import msgspec
import pytest

from tests.train import every_task
from trialpanorama.errors import UserError
from trialpanorama.tasks import task
from trialpanorama.train import plans, recipe

pytestmark = pytest.mark.skipif(importlib.util.find_spec("trl") is None, reason="the train extra is not installed")


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return every_task.write(tmp_path_factory.mktemp("every") / "samples")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from trialpanorama.train.tiny import tiny_qwen3

    return tiny_qwen3(tmp_path_factory.mktemp("model"), ["How many are needed?", "Which belongs to it?"])


SHAPES = {
    "llama": {"intermediate_size": 96, "num_key_value_heads": 2},
    "mistral": {"intermediate_size": 80, "num_key_value_heads": 4},
    "qwen2": {"intermediate_size": 96, "num_key_value_heads": 1, "tie_word_embeddings": True},
    "qwen3": {"intermediate_size": 64, "num_key_value_heads": 2, "head_dim": 24},
}


@pytest.mark.parametrize("kind", SHAPES)
def test_weights_are_counted_as_the_library_makes_them(kind: str, tmp_path: Path) -> None:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.for_model(
        kind, hidden_size=64, num_hidden_layers=3, num_attention_heads=4, vocab_size=320, **SHAPES[kind]
    )
    config.save_pretrained(tmp_path)
    found = plans.read_architecture(tmp_path / "config.json")
    assert found is not None
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
        assert found.parameters == model.num_parameters()
        adapted = get_peft_model(model, LoraConfig(r=8, target_modules="all-linear", task_type="CAUSAL_LM"))
    assert found.adapter_parameters(8) == adapted.get_nb_trainable_parameters()[0]


@pytest.mark.parametrize(
    ("name", "weights"), [("Qwen/Qwen3-8B", 8_190_735_360), ("meta-llama/Meta-Llama-3-8B-Instruct", 8_030_261_248)]
)
def test_the_recipes_models_have_the_weights_that_their_makers_publish(name: str, weights: int) -> None:
    shape = plans._BUILT_IN[name]
    assert shape.parameters == weights


def test_no_architecture_is_made_up(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"model_type": "mixtral", "num_attention_heads": 4}')
    assert plans.read_architecture(path) is None
    path.write_text('{"model_type": "llama"}')
    with pytest.raises(UserError, match=r"config\.json"):
        plans.read_architecture(path)


def test_all_weights_take_sixteen_bytes_each_however_they_lie() -> None:
    shape = plans._BUILT_IN["Qwen/Qwen3-8B"]
    found = recipe.read("qwen3_8b_phase1")
    for layout, devices in (("one GPU", 1), ("FSDP", 4), ("ZeRO-3", 4)):
        held = plans.memory(found, shape, layout, devices, 8192)  # type: ignore[arg-type]
        assert held.weights + held.gradients + held.optimizer == pytest.approx(16 * shape.parameters / devices)


def test_memory_grows_and_shrinks_as_it_must() -> None:
    shape = plans._BUILT_IN["Qwen/Qwen3-8B"]
    full = recipe.read("qwen3_8b_phase1")

    def total(settings: list[str], tokens: int = 8192) -> int:
        return plans.memory(recipe.read("qwen3_8b_phase1", settings), shape, "one GPU", 1, tokens).total

    plain = plans.memory(full, shape, "one GPU", 1, 8192).total
    assert total([], 4096) < plain < total(["gradient_checkpointing=false"])
    assert total(["lora.rank=16"]) < 0.3 * plain
    assert total(["lora.rank=16"]) < total(["lora.rank=64"])
    assert total(["attention=eager"]) > plain
    size = recipe.read("qwen3_8b_grpo_size")
    with_copy = recipe.read("qwen3_8b_grpo_size", ["rollouts.kl=0.05"])
    first, second = (plans.memory(one, shape, "one GPU", 1, 3072) for one in (size, with_copy))
    assert second.weights - first.weights == 2 * shape.parameters


@pytest.mark.parametrize(("kind", "attention"), [("qwen3", "sdpa"), ("llama", "sdpa"), ("qwen3", "eager")])
def test_activations_are_what_is_kept_for_the_gradient(kind: str, attention: str, tmp_path: Path) -> None:
    """Against the tensors that PyTorch keeps of a real pass, weights apart: within a tenth."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.for_model(
        kind, hidden_size=256, num_hidden_layers=4, num_attention_heads=8, num_key_value_heads=2, head_dim=32,
        intermediate_size=768, vocab_size=64,
    )  # fmt: skip
    config.save_pretrained(tmp_path)
    model = AutoModelForCausalLM.from_config(config, attn_implementation=attention, dtype=torch.float32).train()
    weights = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
    kept: dict[int, torch.Tensor] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.untyped_storage().data_ptr() not in weights:
            kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        output = model.model(torch.zeros(2, 256, dtype=torch.long), use_cache=False).last_hidden_state
    there = sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
    shape = plans.read_architecture(tmp_path / "config.json")
    assert shape is not None
    settings = ["gradient_checkpointing=false", "precision=float32", "batch_per_device=2", f"attention={attention}"]
    estimate = plans._activations(recipe.read("qwen3_8b_phase1", [*settings, "lora.rank=8"]), shape, 256)
    assert estimate - 2 * output.nbytes == pytest.approx(there, rel=0.1)


def test_keys_and_values_of_replies() -> None:
    """8 kv heads of 128 in 36 layers, keys and values in two bytes: 147,456 bytes a token, for 128 replies of 3,072."""
    shape = plans._BUILT_IN["Qwen/Qwen3-8B"]
    found = recipe.read("qwen3_8b_grpo_size", ["rollouts.vllm=off"])
    assert plans.memory(found, shape, "one GPU", 1, 3072).rollouts == 128 * 3072 * 147_456
    server = recipe.read("qwen3_8b_grpo_size", ["rollouts.vllm=server"])
    assert plans.memory(server, shape, "one GPU", 1, 3072).rollouts == 0


def test_tokens_are_the_models_own_where_it_is_there(samples: Path, small: Path) -> None:
    settings = [f"model={small}", "length=8192", "data.tasks={sample_size: 1}", "data.most_samples=5"]
    counted = plans.plan(recipe.read("tiny", settings), samples)
    assert counted.tokens_are == "counted by the model's tokenizer"
    from trialpanorama.train import data, models

    learnt = data.rows(recipe.read("tiny", settings), samples, models.tokenizer(small), "train")
    assert counted.tokens == sum(learnt.tokens)
    assert counted.tasks["sample_size"].left_out == {data.NOT_NEEDED: 15}


def test_estimated_tokens_say_so_and_follow_the_characters(samples: Path) -> None:
    found = plans.plan(recipe.read("qwen3_8b_phase1", ["model=nobody/no-such-model"]), samples)
    assert "estimated" in found.tokens_are
    assert found.memory == []
    assert any("architecture" in note for note in found.notes)
    card = task("arm_design")
    lines = (samples / "arm_design" / "train.jsonl").read_bytes().splitlines()
    said = [card.prompt(one) + (card.demonstration(one) or "") for one in map(card.decode, lines)]
    expected = sum(len(text) for text in said) / plans.CHARACTERS_PER_TOKEN
    assert found.tasks["arm_design"].tokens == pytest.approx(expected + 20 * len(said), rel=0.01)


@pytest.mark.parametrize(
    ("settings", "devices", "per_epoch", "steps"),
    [
        (["batch=16", "batch_per_device=2", "epochs=3"], 4, 5, 15),  # 80 rows
        (["batch=24", "batch_per_device=3", "epochs=1"], 4, 4, 4),  # 80 rows: the last step is smaller
        (["batch=16", "batch_per_device=16", "epochs=0.5"], 1, 5, 3),
        (["batch=16", "batch_per_device=4", "epochs=3", "most_steps=7"], 2, 5, 7),
    ],
)
def test_steps_of_fine_tuning(samples: Path, settings: list[str], devices: int, per_epoch: int, steps: int) -> None:
    found = plans.plan(recipe.read("qwen3_8b_phase1", settings), samples, devices=devices)
    assert (found.steps_per_epoch, found.steps) == (per_epoch, steps)


def test_packed_rows_are_fewer(samples: Path) -> None:
    loose = plans.plan(recipe.read("one_gpu", ["packing=false"]), samples)
    packed = plans.plan(recipe.read("one_gpu", ["batch=1"]), samples)
    assert packed.steps == math.ceil(packed.tokens / 4096)
    assert packed.tokens == loose.tokens


def test_steps_of_reinforcement_leave_out_prompts_that_fill_none(samples: Path) -> None:
    found = plans.plan(recipe.read("qwen3_8b_grpo_size", ["batch=24", "batch_per_device=4"]), samples, devices=2)
    assert (found.steps_per_epoch, found.steps, found.replies) == (6, 30, 30 * 24)  # 20 prompts, 3 a step
    with pytest.raises(UserError, match=r"20 prompts are fewer than the 32 .*--set batch=160"):
        plans.plan(recipe.read("qwen3_8b_grpo_size", ["batch=256"]), samples)


def test_what_would_end_a_run_ends_its_plan(samples: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="3 devices hold 2 each"):
        plans.plan(recipe.read("qwen3_8b_phase1"), samples, devices=3)
    with pytest.raises(UserError, match="no model folder tiny"):
        plans.plan(recipe.read("tiny"), samples)
    with pytest.raises(UserError, match="no samples of arm_design"):
        plans.plan(recipe.read("qwen3_8b_phase1"), tmp_path)


def test_a_run_that_is_to_come_is_counted_as_what_it_begins_from(samples: Path) -> None:
    found = plans.plan(recipe.read("llama3_8b_grpo_search"), samples)
    assert found.parameters == 8_030_261_248
    assert any("runs/llama3_8b_grpo_size is not there yet" in note for note in found.notes)


def test_a_plan_is_json(samples: Path, small: Path) -> None:
    found = plans.plan(recipe.read("tiny", [f"model={small}"]), samples)
    assert msgspec.json.decode(msgspec.json.encode(found), type=plans.Plan) == found
    assert found.is_fictional


@pytest.mark.slow
def test_a_run_takes_the_steps_that_were_planned(samples: Path, small: Path, tmp_path: Path) -> None:
    from trialpanorama.train import sft

    settings = [f"model={small}", "length=4096", "data.most_samples=5", "epochs=1", "batch=4", "batch_per_device=2"]
    asked = recipe.read("tiny", settings)
    planned = plans.plan(asked, samples)
    done = sft.run(asked, samples, tmp_path / "run")
    assert done.all_steps == done.steps == planned.steps
    assert done.parameters == planned.parameters
    assert sum(done.data["train"].rows.values()) == planned.rows
    assert done.data["train"].tokens == planned.tokens
    checkpoint = sum(path.stat().st_size for path in next((tmp_path / "run").glob("checkpoint-*")).iterdir())
    assert planned.checkpoint_bytes is not None
    weights_and_moments = [
        path.stat().st_size
        for path in next((tmp_path / "run").glob("checkpoint-*")).iterdir()
        if path.name in ("model.safetensors", "optimizer.pt")
    ]
    assert planned.checkpoint_bytes == pytest.approx(sum(weights_and_moments), rel=0.2)
    assert checkpoint >= sum(weights_and_moments)
