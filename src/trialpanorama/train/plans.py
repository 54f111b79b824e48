"""What a run would do, before it does anything: samples, tokens, steps, memory and disk (`train ... --dry-run`).

Numbers of samples and steps are those of the run. Tokens are the model's own where its tokenizer is at hand, else an
estimate by characters. Memory is an estimate from the architecture, for three ways to hold a model on devices; each
part of it says what it is made of.
"""

from __future__ import annotations

import math
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec.structs import replace

from trialpanorama.errors import UserError
from trialpanorama.train import data, grpo, models, runs, sft
from trialpanorama.train import recipe as recipes
from trialpanorama.train.recipe import Recipe

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from trialpanorama.warehouse import Warehouse

CHARACTERS_PER_TOKEN = 3.5
"""Of an estimate: registry English has 3.5 to 4.5 in the tokenizers of Qwen3 and Llama 3; the low end counts safely."""
_TEMPLATE_TOKENS = 20
"""That a chat template puts around a question and a reply."""
LAUNCH = Path(__file__).parent / "launch"
"""Configurations for `accelerate launch`: one GPU, FSDP, DeepSpeed, two machines."""
SHARDS = 4
"""Devices over which sharding is planned on a machine that has fewer: as in the launch files and the paper."""

Layout = Literal["one GPU", "FSDP", "ZeRO-3"]


class Architecture(msgspec.Struct, frozen=True, kw_only=True):
    """A dense decoder of Llama's kind, in the words of its config.json."""

    source: str
    """Where these figures come from."""
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    intermediate_size: int
    vocab_size: int
    tie_word_embeddings: bool = False
    attention_bias: bool = False
    query_key_norm: bool = False
    """Whether queries and keys of a head are normalised, as in Qwen3."""

    @property
    def queries(self) -> int:
        """Width of a layer's queries."""
        return self.num_attention_heads * self.head_dim

    @property
    def keys(self) -> int:
        """Width of a layer's keys, and of its values."""
        return self.num_key_value_heads * self.head_dim

    @property
    def layer_parameters(self) -> int:
        """Weights of one layer."""
        h, q, k = self.hidden_size, self.queries, self.keys
        bias = q + 2 * k if self.attention_bias else 0
        norms = 2 * h + (2 * self.head_dim if self.query_key_norm else 0)
        return 2 * h * q + 2 * h * k + bias + 3 * h * self.intermediate_size + norms

    @property
    def parameters(self) -> int:
        """All weights."""
        embedding = self.vocab_size * self.hidden_size
        return (
            embedding * (1 if self.tie_word_embeddings else 2)
            + self.num_hidden_layers * self.layer_parameters
            + self.hidden_size
        )

    def adapter_parameters(self, rank: int) -> int:
        """Weights of LoRA on every linear layer but the output."""
        h, q, k, f = self.hidden_size, self.queries, self.keys, self.intermediate_size
        return self.num_hidden_layers * rank * ((h + q) + 2 * (h + k) + (q + h) + 3 * (h + f))


_BUILT_IN = {
    "Qwen/Qwen3-8B": Architecture(
        source="config.json of Qwen/Qwen3-8B (8.19 billion weights)",
        hidden_size=4096,
        num_hidden_layers=36,
        num_attention_heads=32,
        num_key_value_heads=8,
        head_dim=128,
        intermediate_size=12288,
        vocab_size=151936,
        query_key_norm=True,
    ),
    "meta-llama/Meta-Llama-3-8B-Instruct": Architecture(
        source="config.json of meta-llama/Meta-Llama-3-8B-Instruct (8.03 billion weights)",
        hidden_size=4096,
        num_hidden_layers=32,
        num_attention_heads=32,
        num_key_value_heads=8,
        head_dim=128,
        intermediate_size=14336,
        vocab_size=128256,
    ),
}
"""Of the recipes' models, so that a run can be planned where they are not."""


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """What one device holds at its fullest, in bytes."""

    layout: Layout
    devices: int
    weights: int
    gradients: int
    optimizer: int
    """AdamW's two moments, and the float32 copy of the weights that DeepSpeed keeps."""
    gathered: int
    """Weights that are there for the moment only: those of other devices, or in a lower precision."""
    activations: int
    rollouts: int
    """The replies' keys and values, and the generator's own weights; not there at once with the activations."""

    @property
    def total(self) -> int:
        """The larger of learning and of sampling."""
        held = self.weights + self.gradients + self.optimizer
        return held + max(self.gathered + self.activations, self.rollouts)


class TaskPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One task in an epoch."""

    samples: int
    rows: int
    split_up: int
    """Samples that are asked in parts, as they are too long."""
    reasoned: int
    """Rows whose reply begins with a calculator's steps."""
    left_out: dict[str, int]
    tokens: int
    median_tokens: int
    longest_tokens: int


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a run would do."""

    method: str
    meaning: str
    model: str
    architecture: Architecture | None
    parameters: int | None
    trained_parameters: int | None
    tasks: dict[str, TaskPlan]
    validation_rows: int
    rows: int
    tokens: int
    """Of one epoch: prompts and replies; of `grpo` the prompts alone, each counted once."""
    tokens_are: str
    """Whether they are counted by the model's tokenizer or estimated."""
    devices: int
    accumulation: int
    """Passes over `batch_per_device` samples before a step."""
    steps_per_epoch: int
    steps: int
    replies: int
    """That are sampled in all (`grpo`)."""
    memory: list[Memory]
    device_bytes: int | None
    """What one of this machine's devices has; none where there is none."""
    checkpoint_bytes: int | None
    disk_bytes: int | None
    """Of the checkpoints that stay, the one that is being written, and the final weights."""
    checked: list[str]
    """The libraries' own classes that took the recipe."""
    files: dict[str, str]
    is_fictional: bool
    notes: list[str]
    """What a user should know before the run."""


def plan(recipe: Recipe, source: Warehouse | Path, *, devices: int | None = None) -> Plan:
    """What a run of this recipe on these samples would do, on so many devices (those of this machine unless given).

    Nothing is fetched and no weights are read. Raises UserError for what would end the run at once: no sample, a batch
    that the devices cannot share out, too few prompts for one step.
    """
    notes: list[str] = []
    base = _base(recipe.model)
    if base != recipe.model:
        notes.append(f"{recipe.model} is not there yet; counted as {base}, which its recipe begins from.")
    words, tokens_are = tokenizer(base)
    here, device_bytes = _devices()
    devices = devices or here or 1
    accumulation = _accumulation(recipe, devices)

    # A curriculum changes the order alone, and takes as long as the baselines that tell easy from hard.
    shuffled = replace(recipe, data=replace(recipe.data, curriculum=False))
    learnt = data.rows(shuffled, source, words, "train")
    validation = _validation_rows(shuffled, source, words)
    steps_per_epoch = _steps_per_epoch(recipe, learnt, devices, accumulation)
    steps = math.ceil(recipe.epochs * steps_per_epoch)
    steps = min(steps, recipe.most_steps or steps)
    if not validation:
        notes.append("No validation sample: nothing measures the run while it goes on.")
    if recipe.rollouts and recipe.rollouts.vllm != "off" and not _installed("vllm"):
        notes.append(
            f"rollouts.vllm is {recipe.rollouts.vllm} and vLLM is not installed here: pip install vllm, or "
            "--set rollouts.vllm=off, which is slower by far."
        )
    shape = architecture(base)
    if shape is None:
        notes.append(f"The architecture of {base} is not known here: no estimate of memory and disk.")
    memory = _memories(recipe, shape, learnt, devices) if shape else []
    trained = _trained(recipe, shape) if shape else None
    checkpoint = _checkpoint(recipe, shape) if shape else None
    return Plan(
        method=recipe.method,
        meaning=recipe.meaning,
        model=recipe.model,
        architecture=shape,
        parameters=shape.parameters if shape else None,
        trained_parameters=trained,
        tasks=_tasks(learnt),
        validation_rows=validation,
        rows=len(learnt.rows),
        tokens=sum(learnt.tokens),
        tokens_are=tokens_are,
        devices=devices,
        accumulation=accumulation,
        steps_per_epoch=steps_per_epoch,
        steps=steps,
        replies=steps * recipe.batch if recipe.rollouts else 0,
        memory=memory,
        device_bytes=device_bytes,
        checkpoint_bytes=checkpoint[0] if checkpoint else None,
        disk_bytes=(recipe.keep + 1) * checkpoint[0] + checkpoint[1] if checkpoint else None,
        checked=_checked(recipe, bool(validation), notes),
        files=learnt.files,
        is_fictional=learnt.is_fictional,
        notes=notes,
    )


# --- the model


def _base(model: str) -> str:
    """The model whose shape a run has: for the folder of a run that is yet to be made, what its recipe begins from."""
    seen: list[str] = []
    while not Path(model).exists() and (name := Path(model).name) in recipes.names() and name not in seen:
        seen.append(name)
        model = recipes.read(name).model
    return model


def architecture(model: str) -> Architecture | None:
    """That of a folder, an earlier run, what an adapter was trained on, or a model of the recipes; else none."""
    for folder in (Path(model), Path(model) / "model"):
        if (folder / "config.json").is_file():
            return read_architecture(folder / "config.json")
        if (adapter := folder / "adapter_config.json").is_file():
            return architecture(msgspec.json.decode(adapter.read_bytes())["base_model_name_or_path"])
    return _BUILT_IN.get(model)


def read_architecture(path: Path) -> Architecture | None:
    """The architecture that a config.json tells; none where it is not of this kind (experts, other attention)."""
    try:
        told: Mapping[str, Any] = msgspec.json.decode(path.read_bytes())
        heads = told["num_attention_heads"]
        return Architecture(
            source=path.name,
            hidden_size=told["hidden_size"],
            num_hidden_layers=told["num_hidden_layers"],
            num_attention_heads=heads,
            num_key_value_heads=told.get("num_key_value_heads") or heads,
            head_dim=told.get("head_dim") or told["hidden_size"] // heads,
            intermediate_size=told["intermediate_size"],
            vocab_size=told["vocab_size"],
            tie_word_embeddings=told.get("tie_word_embeddings", False),
            attention_bias=told.get("attention_bias", told["model_type"] == "qwen2"),
            query_key_norm=told["model_type"] == "qwen3",
        ) if told["model_type"] in ("llama", "mistral", "qwen2", "qwen3") else None  # fmt: skip
    except (OSError, msgspec.MsgspecError, KeyError, TypeError):
        raise UserError(f"{path} is no configuration of a language model. Name another with --set model=...") from None


class _Estimate:
    """Stands in for a tokenizer that is not at hand: it counts characters."""

    chat_template = "estimate"
    all_special_tokens: Sequence[str] = ()
    added_tokens_decoder: Mapping[int, object] = {}

    def apply_chat_template(
        self, conversations: Sequence[Sequence[Mapping[str, str]]], **_: object
    ) -> dict[str, list[range]]:
        characters = [sum(len(message["content"]) for message in one) for one in conversations]
        return {"input_ids": [range(_TEMPLATE_TOKENS + round(n / CHARACTERS_PER_TOKEN)) for n in characters]}


def tokenizer(model: str) -> tuple[PreTrainedTokenizerBase, str]:
    """The model's tokenizer, if it can be had without a network, else an estimate by characters; and which it is."""
    counted = "counted by the model's tokenizer"
    if Path(model).exists() or "/" not in model:
        return models.tokenizer(model), counted
    try:
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(model, local_files_only=True), counted
    except (ImportError, OSError, ValueError):
        why = f"estimated, {CHARACTERS_PER_TOKEN} characters each: the tokenizer of {model} is not at hand"
        return _Estimate(), why


def _devices() -> tuple[int, int | None]:
    """How many GPUs this machine has, and the bytes of one."""
    try:
        import torch
    except ImportError:
        return 0, None
    count = torch.cuda.device_count()
    return count, int(torch.cuda.get_device_properties(0).total_memory) if count else None


def _installed(name: str) -> bool:
    return find_spec(name) is not None


# --- rows and steps


def _accumulation(recipe: Recipe, devices: int) -> int:
    at_once = recipe.batch_per_device * devices
    if recipe.batch % at_once:
        raise UserError(
            f"A step of {recipe.batch} cannot be shared out: {devices} devices hold {recipe.batch_per_device} each at "
            f"once, {at_once} together. --set batch_per_device or --set batch so that one divides the other."
        )
    return recipe.batch // at_once


def _validation_rows(recipe: Recipe, source: Warehouse | Path, words: PreTrainedTokenizerBase) -> int:
    try:
        rows = len(data.rows(recipe, source, words, "validation").rows)
    except UserError:
        return 0
    return min(rows, grpo.MOST_VALIDATION) if recipe.rollouts else rows


def _steps_per_epoch(recipe: Recipe, learnt: data.Prepared, devices: int, accumulation: int) -> int:
    """As the trainers count: SFT takes a last, smaller step; GRPO leaves out prompts that do not fill one."""
    rows = len(learnt.rows)
    if recipe.rollouts:
        prompts = recipe.batch // recipe.rollouts.per_prompt
        if rows < prompts:
            raise UserError(
                f"{rows:,} prompts are fewer than the {prompts:,} of one step, so there would be none. Give more "
                f"samples, or --set batch={rows * recipe.rollouts.per_prompt} or less."
            )
        return rows // prompts
    if recipe.packing:
        rows = math.ceil(sum(learnt.tokens) / recipe.length)
    return math.ceil(math.ceil(rows / (recipe.batch_per_device * devices)) / accumulation)


def _tasks(learnt: data.Prepared) -> dict[str, TaskPlan]:
    found = {}
    for task, samples in learnt.samples.items():
        tokens = [count for row, count in zip(learnt.rows, learnt.tokens, strict=True) if row["task"] == task]
        found[task] = TaskPlan(
            samples=samples,
            rows=len(tokens),
            split_up=learnt.split_up[task],
            reasoned=learnt.reasoned[task],
            left_out=dict(learnt.left_out[task]),
            tokens=sum(tokens),
            median_tokens=round(statistics.median(tokens)) if tokens else 0,
            longest_tokens=max(tokens, default=0),
        )
    return found


# --- memory and disk


def _trained(recipe: Recipe, shape: Architecture) -> int:
    return shape.adapter_parameters(recipe.lora.rank) if recipe.lora else shape.parameters


def _memories(recipe: Recipe, shape: Architecture, learnt: data.Prepared, devices: int) -> list[Memory]:
    shards = devices if devices > 1 else SHARDS
    longest = recipe.length if recipe.packing else max(learnt.tokens)
    if recipe.rollouts:
        longest += recipe.rollouts.tokens
    layouts: tuple[tuple[Layout, int], ...] = (("one GPU", 1), ("FSDP", shards), ("ZeRO-3", shards))
    return [memory(recipe, shape, layout, count, longest) for layout, count in layouts]


def memory(recipe: Recipe, shape: Architecture, layout: Layout, devices: int, tokens: int) -> Memory:
    """What one of so many devices holds, where the longest row has so many tokens: an estimate, by these rules.

    All weights: 16 bytes each, however they are laid out (float32 weights, gradient, two moments; or, in DeepSpeed,
    bfloat16 weights and gradients beside a float32 copy and moments: Rajbhandari et al. 2020, section 3.1). LoRA: the
    frozen weights in the recipe's precision, and 16 bytes for each of the adapters'. Activations: with checkpointing
    the input of every layer and the inside of one, else the inside of all; the output layer goes over the vocabulary in
    parts, so that no logits are held. Workspace and fragmentation (1 to 3 GB) come on top.
    """
    low = 2 if recipe.precision == "bf16" else 4
    weights, trained = shape.parameters, _trained(recipe, shape)
    # FSDP shards weights of one type alone, so that frozen ones are float32 too.
    frozen = weights * (4 if layout == "FSDP" else low) if recipe.lora else 0
    deepspeed = layout == "ZeRO-3"
    held = frozen + trained * (low if deepspeed else 4)
    gradients = trained * (low if deepspeed else 4)
    optimizer = trained * (12 if deepspeed and low == 2 else 8)
    # What is whole on a device for the moment: two layers and the ends (FSDP), at most a billion weights (DeepSpeed
    # stage3_max_live_parameters), or all weights in bfloat16 (autocast keeps its copies over a pass).
    ends = 2 * shape.vocab_size * shape.hidden_size
    gathered = {
        "one GPU": weights * low if not recipe.lora and low == 2 else 0,
        "FSDP": (2 * shape.layer_parameters + ends) * low,
        "ZeRO-3": min(weights, 10**9) * low,
    }[layout]
    return Memory(
        layout=layout,
        devices=devices,
        weights=held // devices + (weights * low if recipe.rollouts and recipe.rollouts.kl and not recipe.lora else 0),
        gradients=gradients // devices,
        optimizer=optimizer // devices,
        gathered=gathered,
        activations=_activations(recipe, shape, tokens),
        rollouts=_rollouts(recipe, shape, layout, devices, tokens, low),
    )


def _activations(recipe: Recipe, shape: Architecture, tokens: int) -> int:
    low = 2 if recipe.precision == "bf16" else 4
    h, q, k, f = shape.hidden_size, shape.queries, shape.keys, shape.intermediate_size
    rows = recipe.batch_per_device
    # Kept of a layer for its gradient, per token: its input, two norms (float32 within) and the sum between the halves;
    # queries, keys and values before and after rotation; attention's output; the four stages of the feed-forward part.
    inside = low * (4 * h + 3 * q + 4 * k + 4 * f) + 2 * 4 * h
    layer = rows * tokens * inside
    if recipe.attention == "eager":  # softmax in float32 and its rounding, of each head, for all pairs of tokens
        layer += rows * shape.num_attention_heads * tokens * tokens * (4 + low % 4)
    inputs = rows * tokens * h * low
    layers = shape.num_hidden_layers
    stored = layers * inputs + layer if recipe.gradient_checkpointing else layers * layer
    # The output layer's gradient is summed in float32; the states before it are held twice.
    output = 0 if recipe.lora else shape.vocab_size * h * 4
    return int(stored + 2 * rows * tokens * h * 4 + output)


def _rollouts(recipe: Recipe, shape: Architecture, layout: Layout, devices: int, tokens: int, low: int) -> int:
    if recipe.rollouts is None:
        return 0
    if recipe.rollouts.vllm == "server":
        return 0
    at_once = max(1, recipe.batch // devices)
    cache = at_once * tokens * 2 * shape.num_hidden_layers * shape.keys * low
    whole = shape.parameters * low if layout != "one GPU" or recipe.rollouts.vllm == "colocate" else 0
    return cache + whole


def _checkpoint(recipe: Recipe, shape: Architecture) -> tuple[int, int]:
    """Bytes of a checkpoint (weights and the optimiser's moments in float32), and of the final model."""
    trained = _trained(recipe, shape)
    return trained * 12, trained * 4


# --- the libraries' own classes


def _checked(recipe: Recipe, evaluate: bool, notes: list[str]) -> list[str]:
    """Put the recipe into TRL's configuration, as the run will; what took it, with its version."""
    if not _installed("trl"):
        notes.append("TRL is not installed here, and has not checked the recipe: pip install 'trialpanorama[train]'")
        return []
    with tempfile.TemporaryDirectory() as folder:  # that a configuration names, and nothing is written into
        begun = runs.begin(recipe, Path(folder) / "run")
        configuration: Callable[[runs.Begun, bool], Any] = (
            sft.configuration if recipe.method == "sft" else grpo.configuration
        )
        found = [configuration(begun, evaluate)]
    if recipe.lora:
        found.append(models.adapter(recipe.lora))
    packages = {type(one).__name__: type(one).__module__.split(".")[0] for one in found}
    return [f"{package} {version(package)}: {name}" for name, package in packages.items()]
