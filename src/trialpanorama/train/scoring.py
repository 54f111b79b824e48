"""From a trained model to its score: its replies through the same evaluation as any model's, or its odds of each label.

A reply is generated in this process (`hf/`) or by a vLLM server, and read and scored as every other. Where a task asks
to choose among labels the odds may be taken in place of the words: how likely the model is to begin each of the replies
that stand for them, sharpened or dimmed by one temperature that is fitted on validation samples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from trialpanorama.baselines import frequencies
from trialpanorama.errors import UserError
from trialpanorama.evaluate import Contestant, Options, Result, read_logs, run_all, table
from trialpanorama.tasks import AnyLabelTask, AnySample, LabelTask, Split, load, require, task, tasks
from trialpanorama.train import models
from trialpanorama.warehouse import Warehouse

if TYPE_CHECKING:
    from inspect_ai.model import Model
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Message = Mapping[str, str]
Answering = Literal["words", "odds"]
"""Whether the model's words are read, or the odds of each label are taken (of tasks with labels)."""

SCORES, SCORED = "scores", "scores.json"
"""Folder of a run with the logs of its scores, and file with the figures of all of them."""
MOST_CALIBRATED = 500
"""Validation samples that a temperature is fitted on: one number needs no more."""
MOST_TOKENS = 2_048
"""Of a reply, unless said otherwise: reasoning and an answer, or a few dozen decisions."""
_COLDEST, _HOTTEST = -4.0, 4.0
"""Logarithms of the temperatures that are tried."""


# --- odds of replies


def option_log_odds(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, prompt: str | Sequence[Message], replies: Sequence[str]
) -> list[float]:
    """The log-probability of each of several replies to a prompt, given that it is one of them.

    That is what the model would reply if at each token only those were allowed with which one of the replies goes on:
    what all replies share, or what must follow, does not count. The exponentials add up to 1, and the difference of two
    values is their log-odds. `prompt` is what the user says, or the messages up to the reply; the chat template is
    applied as in training. Raises ValueError for replies that are not distinct.
    """
    import torch

    messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else [*prompt]
    if not replies or len(set(replies)) < len(replies):
        raise ValueError("replies must be distinct, and at least one")
    if len(replies) == 1:
        return [0.0]
    asked = [[*messages, {"role": "assistant", "content": reply}] for reply in replies]
    found: Any = tokenizer.apply_chat_template(asked, tokenize=True, return_dict=True)
    ids: list[list[int]] = found["input_ids"]
    shared = next(place for place, tokens in enumerate(zip(*ids, strict=False)) if len(set(tokens)) > 1)
    ends = [one[shared:] for one in ids]
    longest = max(map(len, ends))
    device = model.device
    with torch.inference_mode():
        # What the replies share is read once, then each goes on from there.
        begun = model(torch.tensor([ids[0][:shared]], device=device), use_cache=True, logits_to_keep=1)
        first = begun.logits[:, -1:].expand(len(ends), -1, -1)
        cache = begun.past_key_values
        cache.batch_repeat_interleave(len(ends))
        padded = torch.tensor([end + [0] * (longest - len(end)) for end in ends], device=device)
        is_there = torch.tensor([[1] * (shared + len(end)) + [0] * (longest - len(end)) for end in ends], device=device)
        rest = model(padded, attention_mask=is_there, past_key_values=cache, use_cache=True).logits[:, :-1]
        logits = torch.cat([first, rest], dim=1).float().cpu()
    return [_within(logits[row], end, ends) for row, end in enumerate(ends)]


def _within(logits: Any, end: Sequence[int], ends: Sequence[Sequence[int]]) -> float:
    """Log-probability of one end of a reply, where only those in `ends` are allowed."""
    total = 0.0
    for place, token in enumerate(end):
        allowed = sorted({other[place] for other in ends if other[:place] == end[:place] and len(other) > place})
        if len(allowed) > 1:
            total += float(logits[place, token] - logits[place, allowed].logsumexp(0))
    return total


class Odds:
    """A language model as a forecaster of labels: probabilities from the odds of the replies that stand for them."""

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        chosen: AnyLabelTask,
        training: Sequence[AnySample],
        validation: Sequence[AnySample] = (),
    ) -> None:
        """`training` says what the reply for each label looks like and how frequent it is; `validation` calibrates.

        A label that no training sample has is given no probability. Without validation samples the model's own odds
        are left as they are.
        """
        self.task = chosen
        self._model, self._tokenizer = model, tokenizer
        self._priors = frequencies(training, chosen)
        self._replies = {chosen.label(sample): chosen.reply(sample.gold) for sample in reversed(training)}
        self.temperature = 1.0
        known = [sample for sample in validation if chosen.label(sample) in self._replies][:MOST_CALIBRATED]
        self.calibrated_on = len(known)
        """Validation samples that the temperature was fitted on."""
        if known and len(self._replies) > 1:
            self.temperature = _temperature(
                [self._odds(chosen.prompt(sample)) for sample in known], [chosen.label(sample) for sample in known]
            )

    def probabilities(self, prompt: str) -> dict[str, float]:
        """How likely each label is in answer to a prompt of the task; they add up to 1."""
        return _softened(self._odds(prompt), self.temperature)

    def reply(self, prompt: str) -> str:
        """The reply that the probabilities stand for."""
        return self.task.reply(self.task.decide(self.probabilities(prompt), self._priors))

    def _odds(self, prompt: str) -> dict[str, float]:
        found = option_log_odds(self._model, self._tokenizer, prompt, list(self._replies.values()))
        return dict(zip(self._replies, found, strict=True))


def _softened(odds: Mapping[str, float], temperature: float) -> dict[str, float]:
    """Probabilities from log-odds, which a temperature above 1 makes more timid (Guo et al. 2017)."""
    scaled = {label: value / temperature for label, value in odds.items()}
    highest = max(scaled.values())
    total = sum(math.exp(value - highest) for value in scaled.values())
    return {label: math.exp(value - highest) / total for label, value in scaled.items()}


def _temperature(odds: Sequence[Mapping[str, float]], truth: Sequence[str]) -> float:
    """The temperature under which the truth is likeliest."""
    from scipy.optimize import minimize_scalar

    def loss(logarithm: float) -> float:
        chances = [_softened(one, math.exp(logarithm))[label] for one, label in zip(odds, truth, strict=True)]
        return -sum(math.log(max(chance, 1e-12)) for chance in chances) / len(chances)

    return math.exp(float(minimize_scalar(loss, bounds=(_COLDEST, _HOTTEST), method="bounded").x))


# --- models as evaluation knows them


def answering(kind: str, name: str, answer: Callable[[str], str]) -> Model:
    """Inspect's model for a function from prompt to reply, which tables call KIND/NAME."""
    from inspect_ai.model import GenerateConfig, Model, ModelAPI, ModelOutput, modelapi

    @modelapi(name=kind)
    class Answerer(ModelAPI):
        async def generate(self, input: Any, tools: Any, tool_choice: Any, config: GenerateConfig) -> ModelOutput:
            return ModelOutput.from_content(model=f"{kind}/{name}", content=answer(input[-1].text))

        def max_connections(self) -> int:
            return 1

    return Model(Answerer(model_name=name), GenerateConfig())


def rephrased(entry: Contestant, prompts: Mapping[str, str]) -> Model:
    """The model of a contestant, asked other words than the task's own: `prompts` gives them for each of those.

    The log shows the task's own; what was truly asked stands in the reply's metadata as `asked`.
    """
    from inspect_ai.model import ChatMessageUser, GenerateConfig, Model, ModelAPI, ModelOutput, get_model, modelapi

    config = GenerateConfig(**entry.config)
    inner = get_model(entry.model, config=config, base_url=entry.base_url, memoize=False, **entry.args)

    @modelapi(name="rephrased")
    class Rephrased(ModelAPI):
        async def generate(self, input: Any, tools: Any, tool_choice: Any, config: GenerateConfig) -> ModelOutput:
            said = prompts[input[-1].text]
            messages = [*input[:-1], ChatMessageUser(content=said)]
            found = await inner.api.generate(messages, tools, tool_choice, inner.config.merge(config))
            output = found[0] if isinstance(found, tuple) else found
            if isinstance(output, Exception):
                raise output
            output.metadata = {**(output.metadata or {}), "asked": said}
            return output

        def max_connections(self) -> int:
            return inner.api.max_connections()

    return Model(Rephrased(model_name=entry.label), GenerateConfig())


def contestant(
    model: Path | str,
    name: str,
    *,
    base_url: str | None = None,
    served_as: str | None = None,
    max_tokens: int = MOST_TOKENS,
) -> Contestant:
    """The model of a run or a folder, or of the hub, as one that takes part: in this process, or on a vLLM server.

    The likeliest token is taken each time, so that a score can be repeated. An adapter is merged into its model first,
    beside it. A server calls a model as it was told to (`served_as`), else by the folder that it was started with.
    Raises UserError where there is no such model.
    """
    whole = _whole(model)
    if base_url is not None:
        return Contestant(
            model=f"vllm/{served_as or whole}", name=name, base_url=base_url, structured=False,
            config={"max_tokens": max_tokens, "temperature": 0.0},
        )  # fmt: skip
    models.require()
    precision = "bfloat16" if models.usable("bf16") == "bf16" else "float32"
    return Contestant(
        model=f"hf/{name}", name=name, structured=False, config={"max_tokens": max_tokens},
        args={"model_path": whole, "do_sample": False, "dtype": precision},
    )  # fmt: skip


def _whole(model: Path | str) -> str:
    """The folder of a whole model, into which an adapter is merged where that is all there is; or a hub's name."""
    folder = Path(model) / "model" if (Path(model) / "model").is_dir() else Path(model)
    if not (folder / "adapter_config.json").is_file():
        return str(folder) if folder.is_dir() else str(model)
    merged = folder.with_name("merged")
    if not (merged / "config.json").is_file():
        partial = merged.with_name(".merged")
        models.merge(folder, partial)
        partial.replace(merged)
    return str(merged)


# --- the score of a run


def score(
    run: Path,
    warehouse: Warehouse,
    names: Sequence[str],
    *,
    split: Split = "test",
    limit: int | None = None,
    after: str | None = None,
    take: Answering = "words",
    base_url: str | None = None,
    max_tokens: int = MOST_TOKENS,
    served_as: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Result]:
    """Ask the model of a run the samples of tasks; logs go to RUN/scores, the figures of all of them to scores.json.

    `run` is the folder of a training run, or of a model. `take="odds"` is for tasks with labels; its rows in tables
    begin with `odds/`. Raises UserError for a folder without a model and for a task without samples or labels.
    """
    folder = run / SCORES
    options = Options(split=split, limit=limit, after=after)
    name = run.resolve().name
    if take == "words":
        asked = contestant(run, name, base_url=base_url, served_as=served_as, max_tokens=max_tokens)
        found = run_all(names, [asked], warehouse.path, options, log_dir=folder, progress=progress)
    else:
        found = []
        for odds in odds_of(run, warehouse, names):
            found += run_all(
                [odds.task.name], [answering("odds", name, odds.reply)], warehouse.path, options,
                log_dir=folder, progress=progress,
            )  # fmt: skip
    rows = table(read_logs(folder))
    (run / SCORED).write_bytes(msgspec.json.format(msgspec.json.encode(rows), indent=2) + b"\n")
    return found


def odds_of(run: Path | str, warehouse: Warehouse, names: Sequence[str]) -> Iterator[Odds]:
    """The model of a run as a forecaster of the labels of each task, calibrated on validation samples.

    Raises UserError for a task without labels, before anything is loaded.
    """
    chosen = [_label_task(name) for name in names]
    loaded = models.load(run)
    for one in chosen:
        training = load(warehouse, one, "train")
        require(training, one, "train", warehouse)
        yield Odds(loaded.model, loaded.tokenizer, one, training, load(warehouse, one, "validation"))


def _label_task(name: str) -> AnyLabelTask:
    chosen = task(name)
    if not isinstance(chosen, LabelTask):
        with_labels = ", ".join(known for known, one in tasks().items() if isinstance(one, LabelTask))
        raise UserError(f"{name} does not ask to choose among labels. Odds are for: {with_labels}.")
    return chosen
