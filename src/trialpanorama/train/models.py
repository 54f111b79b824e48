"""Language models to train and to ask: from a folder, an earlier run, or the model hub.

Loading them needs the `train` extra. Nothing that a model brings along is run as code.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from trialpanorama.checkpoints import explained, place_of
from trialpanorama.errors import UserError

if TYPE_CHECKING:
    from peft import LoraConfig
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from trialpanorama.train.recipe import Attention, Lora, Precision

Trained = Literal["all", "adapter", "none"]
"""Which weights of a model will learn: all of them, those of an adapter that is put on it, or none."""

_LIBRARIES = ("torch", "transformers", "trl", "peft", "accelerate", "datasets")
_OPTION = "--set model="
"""How a recipe's model is named from the command line."""


class Loaded(NamedTuple):
    """A model that is ready for use, and what was chosen for it."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    precision: Precision
    """What it computes in."""
    attention: str


def require() -> None:
    """Raise UserError where the `train` extra is missing; else keep its libraries from reporting the run to anyone."""
    missing = [name for name in _LIBRARIES if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(
            f"Training needs more libraries ({', '.join(missing)}). Install them: pip install 'trialpanorama[train]'"
        )
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from datasets.utils.logging import disable_progress_bar
    from transformers.utils import logging

    disable_progress_bar()
    logging.disable_progress_bar()


def load(
    name: str | Path, *, precision: Precision = "bf16", attention: Attention = "auto", trained: Trained = "none"
) -> Loaded:
    """The model and tokenizer of this name, on the processor (a trainer moves it to its devices).

    `name` is a folder with a model, the folder of an earlier run, or a name on the model hub. An adapter is merged into
    the model that it was trained on. Weights that learn are kept in float32 whatever the precision, as bf16 would round
    away steps as small as those of a learning rate of 1e-6. Where the device cannot compute in bf16, it is float32.
    Raises UserError where there is no such model, it is not whole, or its tokenizer has no chat template.
    """
    require()
    precision = usable(precision)
    chosen = usable_attention(attention, precision)
    words = tokenizer(name)
    # FSDP wants one type for all weights that it shards together, those of an adapter among them.
    sharded = os.environ.get("ACCELERATE_USE_FSDP", "false").lower() == "true"
    in_full = precision == "float32" or trained == "all" or (trained == "adapter" and sharded)
    model = _weights(_place(name), "float32" if in_full else "bfloat16", chosen)
    rows = model.get_input_embeddings().weight.shape[0]
    if 0 < rows < len(words):  # none are seen where another process holds them
        raise UserError(f"{name}: its tokenizer has {len(words)} tokens and its model {rows}: they are of two models.")
    return Loaded(model, words, precision, chosen)


def tokenizer(name: str | Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a model, with the chat template that puts questions to it. Raises UserError as `load` does."""
    require()
    from transformers import AutoTokenizer

    place = _place(name)
    with explained(place, _OPTION):
        found: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(place)
    if not found.chat_template:
        raise UserError(
            f"The tokenizer of {name} has no chat template, so that no question can be put to the model. Take a model "
            "that was tuned to follow instructions, such as Qwen/Qwen3-8B, or add its chat_template.jinja."
        )
    if found.pad_token is None:
        found.pad_token = found.eos_token
    return found


def merge(name: str | Path, out: Path) -> Path:
    """Write a model with its adapter merged into it, for servers that take no adapters; returns the folder."""
    kept = _kept_as(_place(name))
    loaded = load(name, precision="float32")
    loaded.model.to(kept).save_pretrained(out)
    loaded.tokenizer.save_pretrained(out)
    return out


def adapter(lora: Lora) -> LoraConfig:
    """PEFT's configuration of low-rank adapters on every linear layer but the last."""
    require()
    from peft import LoraConfig

    return LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )


def usable(precision: Precision) -> Precision:
    """What this machine computes in where a recipe asks for this precision: bf16 needs a GPU that has it."""
    from transformers.utils import is_torch_bf16_gpu_available

    return precision if precision == "float32" or is_torch_bf16_gpu_available() else "float32"


def usable_attention(attention: Attention, precision: Precision) -> str:
    """The implementation of attention that a recipe's word stands for here; raises UserError for one that cannot be."""
    from transformers.utils import is_flash_attn_2_available

    has_flash = precision == "bf16" and is_flash_attn_2_available()
    if attention == "auto":
        return "flash_attention_2" if has_flash else "sdpa"
    if attention == "flash_attention_2" and not has_flash:
        raise UserError(
            "attention: flash_attention_2 needs an NVIDIA GPU, precision: bf16 and its library (pip install "
            "flash-attn). PyTorch's own does without: --set attention=sdpa"
        )
    return attention


# --- where a model lies


def _place(name: str | Path) -> str:
    """The folder of a model, or its name on the hub; raises UserError for what can be neither."""
    path = Path(name).expanduser()
    if path.is_dir():
        return str(_folder(path))
    return place_of(name, _OPTION, "Qwen/Qwen3-8B")


def _folder(path: Path) -> Path:
    """The folder of the weights in a folder that a user names: a model's own, or that of a run."""
    if (path / "run.json").is_file() and not (path / "config.json").is_file():
        if not (path / "model").is_dir():
            raise UserError(
                f"{path} is a run that has not ended: it has no model yet. Go on with it (--resume), or name one of "
                "its checkpoints."
            )
        path = path / "model"
    if not (path / "config.json").is_file() and _adapter(path) is None:
        raise UserError(f"{path} holds no model: it has neither config.json nor adapter_config.json.")
    return path


class _Adapter(msgspec.Struct):
    base_model_name_or_path: str


def _adapter(place: str | Path) -> str | None:
    """The name of the model that the adapter in a folder was trained on; none where the folder holds a whole model."""
    path = Path(place) / "adapter_config.json"
    if not path.is_file():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Adapter).base_model_name_or_path
    except msgspec.MsgspecError:
        raise UserError(f"{path} does not name the model that the adapter was trained on.") from None


def _weights(place: str, dtype: str, attention: str) -> PreTrainedModel:
    import torch

    base = _adapter(place)
    if base is not None:
        from peft import PeftModel

        try:
            whole = _weights(_place(base), "float32", attention)
        except UserError as why:
            raise UserError(f"The adapter in {place} was trained on {base}. {why}") from None
        with explained(place, _OPTION):
            merged: PreTrainedModel = PeftModel.from_pretrained(whole, place).merge_and_unload()
        # PEFT froze them; what learns now is for the trainer to say.
        return merged.requires_grad_(True).to(getattr(torch, dtype))

    from transformers import AutoModelForCausalLM

    with explained(place, _OPTION):
        model, told = AutoModelForCausalLM.from_pretrained(
            place, dtype=getattr(torch, dtype), attn_implementation=attention, output_loading_info=True
        )
    # The library fills what is missing with random numbers, and only warns.
    if lost := sorted(told["missing_keys"]) if int(os.environ.get("RANK", "0")) == 0 else []:
        raise UserError(
            f"{place} is not a whole model: {len(lost)} of its tensors are missing, {lost[0]} among them. "
            "Copy or save it again."
        )
    return model


def _kept_as(place: str) -> Any:
    """The type of the numbers that the model in a folder, or the one below its adapter, is stored in."""
    from transformers import AutoConfig

    while (base := _adapter(place)) is not None:
        place = _place(base)
    return AutoConfig.from_pretrained(place).dtype
