"""What a training run is to do, in a readable file: read, checked, and changed by `--set key=value`."""

from __future__ import annotations

import datetime
import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

import msgspec
import yaml

from trialpanorama.errors import UnknownName, UserError

RECIPES = Path(__file__).parent / "recipes"
"""Those that come with the package."""

Method = Literal["sft", "grpo"]
Precision = Literal["bf16", "float32"]
Attention = Literal["auto", "flash_attention_2", "sdpa", "eager"]
Positive = Annotated[int, msgspec.Meta(ge=1)]
Share = Annotated[float, msgspec.Meta(gt=0, le=1)]


class Data(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which samples are learnt from."""

    tasks: dict[str, Annotated[float, msgspec.Meta(gt=0)]]
    """Tasks or variants, and how often an epoch shows each of their samples on average: 0.5 shows half of them, 2 each
    one twice."""
    most_samples: Positive | None = None
    """The first so many training samples of each task; they are in shuffled order."""
    before: datetime.date | None = None
    """Only samples dated before this day (ISO 8601), for runs that are tested on later years."""
    reasoning: bool = False
    """Whether the right reply of a sample size is preceded by the calculator's steps, in <think> tags."""
    linked_text: bool = False
    """Whether the concepts that a description's words were linked to stand below it."""
    curriculum: bool = False
    """Whether samples that the task's floor answers come first, the others later; else they are shuffled."""


class Lora(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Low-rank adapters in place of all weights (Hu et al. 2022)."""

    rank: Positive = 16
    alpha: Positive = 32
    dropout: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0


class Rollouts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What reinforcement samples from the model."""

    per_prompt: Annotated[int, msgspec.Meta(ge=2)] = 8
    tokens: Positive = 1024
    """The longest reply."""
    temperature: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    top_p: Share = 1.0
    kl: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    """Weight of the distance to the model that training began from; 0 keeps no copy of it."""
    format_weight: Annotated[float, msgspec.Meta(ge=0, le=0.5)] = 0.1
    """What a reply in the form that was asked for earns beside the task's own reward, which is 0 to 1."""
    vllm: Literal["off", "colocate", "server"] = "off"
    """Whether vLLM generates the replies: in this process, or on a server (`trl vllm-serve`)."""


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One training run; every key of a recipe file."""

    method: Method
    meaning: str
    """What this run is for, and where its figures come from."""
    model: str
    """A folder with a model, an earlier run (its `model/` is taken), or a name on the model hub."""
    data: Data
    epochs: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    most_steps: Positive | None = None
    """Optimiser steps after which to end, whatever the epochs say."""
    length: Positive = 8192
    """Tokens of prompt and reply together; a sample that is longer is split up or left out, and counted."""
    batch: Positive = 16
    """Samples (of `grpo`: replies) per optimiser step, over all devices."""
    batch_per_device: Positive = 1
    """Those that a device holds at once; the rest is gradient accumulation."""
    learning_rate: Annotated[float, msgspec.Meta(gt=0)] = 1e-6
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warmup: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0
    """Share of the steps over which the learning rate rises."""
    lora: Lora | None = None
    """Absent: all weights are trained."""
    rollouts: Rollouts | None = None
    """Of `grpo` alone."""
    precision: Precision = "bf16"
    attention: Attention = "auto"
    """`auto` takes FlashAttention 2 where it is installed and the device has it, else PyTorch's own (sdpa)."""
    packing: bool = False
    """Whether short samples share a row of `length` tokens; they do not see one another."""
    gradient_checkpointing: bool = True
    evaluate_every: Positive | None = None
    """Steps between measurements on validation samples; absent: once an epoch."""
    save_every: Positive | None = None
    """Steps between checkpoints; absent: once an epoch."""
    keep: Positive = 2
    """Checkpoints that stay on disk, the latest ones."""
    seed: int = 20261121

    def __post_init__(self) -> None:
        if not self.data.tasks:
            raise ValueError("`data.tasks` names no task")
        if self.method == "grpo" and self.rollouts is None:
            raise ValueError("`rollouts` is missing: what grpo samples from the model")
        if self.method == "sft" and self.rollouts is not None:
            raise ValueError("`rollouts` is for grpo; sft samples nothing")
        if self.rollouts is not None and self.batch % self.rollouts.per_prompt:
            raise ValueError(
                f"`batch` counts replies, and {self.batch} is no multiple of `rollouts.per_prompt`, "
                f"{self.rollouts.per_prompt}"
            )


class _Words(yaml.SafeLoader):
    """Reads numbers and truth values as YAML 1.2 does: 1e-6 is a number, `off` a word."""


_Words.yaml_implicit_resolvers = {
    first: [one for one in found if one[0].rpartition(":")[2] not in ("bool", "float")]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Words.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"(true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
_Words.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?$|[-+]?\.(inf|Inf|INF)$|\.(nan|NaN|NAN)$"
    ),
    list("-+.0123456789"),
)


def names() -> list[str]:
    """The recipes that come with the package."""
    return sorted(path.stem for path in RECIPES.glob("*.yaml"))


def read(name: str | Path, settings: Sequence[str] = ()) -> Recipe:
    """The recipe of this name, or in this file, with `key=value` settings put in (`data.most_samples=100`).

    Raises UserError, naming file, key and what is possible, for a file that is none, an unknown key, a wrong value.
    """
    path = Path(name)
    if not path.suffix and not path.exists() and path.name == str(name):
        path = RECIPES / f"{name}.yaml"
        if not path.exists():
            raise UnknownName("recipe", str(name), names(), "trialpanorama train recipes")
    try:
        found = yaml.load(path.read_bytes(), _Words)
    except OSError as why:
        raise UserError(
            f"{path} cannot be read ({why.strerror}). Name a recipe file, or one of: {', '.join(names())}"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as why:
        place = getattr(why, "problem_mark", None)
        where = f"line {place.line + 1}" if place else "its text"
        raise UserError(f"{path} is no YAML: {getattr(why, 'problem', None) or why} in {where}.") from None
    if not isinstance(found, dict):
        raise UserError(f"{path} holds no keys and values. Begin from a recipe of the package: {RECIPES}")
    for setting in settings:
        _put(found, setting)
    try:
        return msgspec.convert(found, Recipe)
    except msgspec.ValidationError as why:
        raise UserError(f"{path}: {_explained(str(why))}") from None


def dump(recipe: Recipe) -> str:
    """The recipe as a file would hold it, defaults included."""
    return str(yaml.safe_dump(msgspec.to_builtins(recipe), sort_keys=False, allow_unicode=True))


def _put(recipe: dict[str, Any], setting: str) -> None:
    """Put `part.key=value` into a recipe; the value is read as YAML."""
    key, equals, text = setting.partition("=")
    if not equals or not key:
        raise UserError(f"--set {setting}: a setting is key=value, as in --set data.most_samples=100")
    try:
        value = yaml.load(text, _Words)
    except yaml.YAMLError:
        raise UserError(f"--set {setting}: {text} is no YAML value. Quote it: --set '{key}=\"...\"'") from None
    *parents, last = key.split(".")
    inner: Any = recipe
    for parent in parents:
        if inner.get(parent) is None:
            inner[parent] = {}
        inner = inner[parent]
        if not isinstance(inner, dict):
            raise UserError(f"--set {setting}: {parent} is no block of a recipe.")
    inner[last] = value


def _explained(why: str) -> str:
    """A fault that msgspec found, in a user's words, with the nearest key where one is unknown."""
    message, _, place = why.partition(" - at `$")
    where = place.rstrip("`").lstrip(".")
    if "unknown field" in message:
        key = message.split("`")[1]
        block = _block(where)
        near = difflib.get_close_matches(key, block.__struct_fields__, 1)
        hint = f"did you mean {near[0]}?" if near else f"possible: {', '.join(block.__struct_fields__)}"
        return f"unknown key {where + '.' if where else ''}{key}; {hint}"
    return f"{where}: {message}" if where else message


def _block(where: str) -> type[msgspec.Struct]:
    """The part of a recipe that a key stands in."""
    found: type[msgspec.Struct] = Recipe
    for name in filter(None, where.split(".")):
        kinds = [get_type_hints(found)[name]]
        kinds += get_args(kinds[0])
        found = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, msgspec.Struct)), found)
    return found


def settings_of(recipe: Recipe) -> Mapping[str, Any]:
    """Every key and value, for a record of a run."""
    settings: Mapping[str, Any] = msgspec.to_builtins(recipe)
    return settings
