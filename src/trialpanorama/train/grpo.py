"""Reinforcement with verifiable rewards: a model learns from its own replies, on TRL's GRPOTrainer.

For each prompt the model writes several replies; those that the task's own score puts above the mean of their group
become likelier, the others less likely (GRPO, Shao et al. 2024). What is chosen here, and why:

- `loss_type="dapo"`: each token of a step counts alike, so that a long wrong reply is not cheaper than a short one. It
  is what the paper's training code (verl) does by default, and what it leaves as it is.
- `scale_rewards="group"`: advantages are divided by the group's standard deviation, as in the paper's code too. Where
  almost all replies of a group are alike, the rare one weighs more than it would without (Liu et al. 2025).
- no distance to the starting model (`rollouts.kl: 0`), as in the paper: rewards are verified, so that there is no
  learned judge to be fooled, and no second copy of the model is kept.
- one update per sampled reply (on-policy), replies that were cut off included: they earn what they say, mostly 0.

OUT/rollouts.jsonl keeps prompt, reply, parsed answer, right answer and rewards side by side.
"""

from __future__ import annotations

import importlib.util
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import msgspec

from trialpanorama.errors import UserError
from trialpanorama.train import data, models, rewards, runs

if TYPE_CHECKING:
    from rich.table import Table
    from transformers import PreTrainedTokenizerBase, TrainerCallback
    from trl import GRPOConfig

    from trialpanorama.train.data import Prepared
    from trialpanorama.train.recipe import Recipe
    from trialpanorama.train.runs import Begun, Run, Tell
    from trialpanorama.warehouse import Warehouse

ROLLOUTS = "rollouts.jsonl"
MOST_VALIDATION = 100
"""Held-out prompts that are replied to at each measurement, once each; the paper's code has as many."""
_KEPT_A_STEP, _MOST_BYTES = 16, 64 * 2**20
"""Replies of each step that go to OUT/rollouts.jsonl, and its size from which on none do."""
_LONGEST_PROMPT, _LONGEST_REPLY = 2_000, 4_000
"""Characters that are kept there; what stands in the middle of longer ones is marked as left out."""


class Rollout(msgspec.Struct, frozen=True, kw_only=True):
    """A reply that was learnt from, and what it earned."""

    step: int
    """From 1: the optimiser step that learns from it."""
    task: str
    sample: str
    """Its id; empty where the sample cannot be read."""
    prompt: str
    reply: str
    answer: str | None
    """As it was read; none where it is no answer, or the sample cannot be judged."""
    why: str | None
    gold: str | None
    rewards: dict[str, float]
    """The task's own by its name, and `form`; empty where the sample cannot be judged."""
    reward: float | None
    """Their weighted sum: what is trained on."""


Show = Callable[[Sequence[Rollout]], None]
"""Called with the replies to one prompt, now and then."""


def run(
    recipe: Recipe,
    source: Warehouse | Path,
    out: Path,
    resume: bool = False,
    *,
    tell: Tell = runs.silent,
    show: Show | None = None,
) -> Run:
    """Train a recipe's model on its own replies to the training samples; the result is OUT/model and OUT/run.json.

    `source` is a warehouse, or a folder as `tasks build` writes it; searches run on the snapshot that the samples were
    made from. `resume` goes on from the last whole checkpoint in OUT; of a run that has ended it returns the record.
    Raises UserError for what cannot be done or goes wrong on the way (see `runs`), KeyboardInterrupt where the user
    ends it.
    """
    if recipe.method != "grpo" or recipe.rollouts is None:
        raise UserError(f"The recipe's method is {recipe.method}. Type: trialpanorama train {recipe.method}")
    if recipe.packing:
        raise UserError("packing is for sft: grpo samples its replies itself. Type --set packing=false")
    _require_vllm(recipe)
    begun = runs.begin(recipe, out, resume, tell)
    if begun.finished:
        return begun.finished
    words = models.tokenizer(recipe.model)
    learnt = _asked(recipe, source, words)
    held_out = _held_out(recipe, source, words)
    if held_out is None:
        begun.tell("There are no validation samples: nothing is measured on the way.")

    from datasets import Dataset

    # Before the model: DeepSpeed shares it between processes while it is loaded, if it is to.
    config = configuration(begun, held_out is not None)
    loaded = models.load(
        recipe.model,
        precision=recipe.precision,
        attention=recipe.attention,
        trained="adapter" if recipe.lora else "all",
    )
    kept = _Rollouts(recipe, out, begun.checkpoint)
    try:
        trainer = _trainer()(
            model=loaded.model,
            reward_funcs=kept.functions(),
            args=config,
            train_dataset=Dataset.from_list(learnt.rows),
            eval_dataset=Dataset.from_list(held_out.rows) if held_out else None,
            processing_class=loaded.tokenizer,
            peft_config=models.adapter(recipe.lora) if recipe.lora else None,
            callbacks=[_watch(kept, recipe, begun.tell, show)],
        )
    except ConnectionError as why:
        raise UserError(
            f"rollouts.vllm: server, and no vLLM server answers ({why}). Start one (trl vllm-serve --model "
            f"{recipe.model}), or generate in this process: --set rollouts.vllm=off"
        ) from why
    kept.trainer = trainer
    prepared = {"train": learnt} | ({"validation": held_out} if held_out else {})
    return begun.train(trainer, loaded, prepared)


def configuration(begun: Begun, evaluate: bool) -> GRPOConfig:
    """A recipe as TRL takes it; `evaluate` where there are held-out prompts."""
    from trl import GRPOConfig

    recipe, rollouts = begun.recipe, begun.recipe.rollouts
    assert rollouts is not None  # the recipe of a grpo run has them
    return GRPOConfig(
        **begun.arguments(evaluate=evaluate),
        num_generations=rollouts.per_prompt,
        num_generations_eval=1,
        max_completion_length=rollouts.tokens,
        temperature=rollouts.temperature,
        top_p=rollouts.top_p,
        beta=rollouts.kl,
        loss_type="dapo",
        scale_rewards="group",
        reward_weights=[*(1.0 for _ in recipe.data.tasks), rollouts.format_weight],
        shuffle_dataset=not recipe.data.curriculum,
        use_vllm=rollouts.vllm != "off",
        vllm_mode="server" if rollouts.vllm == "server" else "colocate",
        vllm_max_model_length=recipe.length,
    )


def _require_vllm(recipe: Recipe) -> None:
    mode = recipe.rollouts.vllm if recipe.rollouts else "off"
    if mode != "off" and importlib.util.find_spec("vllm") is None:
        raise UserError(
            f"rollouts.vllm: {mode} needs vLLM, which is not installed. Install it on a machine with a GPU (pip "
            "install vllm), or let the trainer generate, more slowly: --set rollouts.vllm=off"
        )


def _asked(recipe: Recipe, source: Warehouse | Path, words: PreTrainedTokenizerBase) -> Prepared:
    """The training prompts; raises UserError where they are too few for a step, or cannot be judged."""
    assert recipe.rollouts is not None
    learnt = data.rows(recipe, source, words, "train")
    at_once = recipe.batch // recipe.rollouts.per_prompt
    if len(learnt.rows) < at_once:
        reasons = sum(learnt.left_out.values(), Counter[str]())
        raise UserError(
            f"{len(learnt.rows):,} of {learnt.samples.total():,} training samples can be learnt from, and one step "
            f"takes {at_once} prompts (batch / rollouts.per_prompt). "
            + "; ".join(f"{count:,} {reason}" for reason, count in reasons.most_common())
        )
    for row in {row["task"]: row for row in learnt.rows}.values():
        # A snapshot that is not there is told before anything is trained.
        chosen, asked = rewards.decoded(row["task"], row["sample"])
        rewards.judge(row["task"], row["sample"], chosen.reply(asked.gold))
    return learnt


def _held_out(recipe: Recipe, source: Warehouse | Path, words: PreTrainedTokenizerBase) -> Prepared | None:
    """Validation prompts; none where a warehouse is too small to have any."""
    try:
        found = data.rows(recipe, source, words, "validation")
    except UserError:  # the training samples came from the same source, so that only their absence can be meant
        return None
    for row in found.rows[MOST_VALIDATION:]:
        found.left_out[row["task"]][data.NOT_NEEDED] += 1
    found.rows, found.tokens, found.prompt_tokens = (
        found.rows[:MOST_VALIDATION],
        found.tokens[:MOST_VALIDATION],
        found.prompt_tokens[:MOST_VALIDATION],
    )
    return found if found.rows else None


def _trainer() -> type[Any]:
    """TRL's trainer, which tells how long it generates."""
    from trl import GRPOTrainer

    class Timed(runs.guarded(GRPOTrainer)):  # type: ignore[misc]
        seconds_generating = 0.0

        def _generate(self, *given: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                return super()._generate(*given, **named)
            finally:
                self.seconds_generating = time.perf_counter() - began

    return Timed


# --- what was replied


class _Rollouts:
    """The reward functions of a run, and what they were asked about; the first process keeps it."""

    def __init__(self, recipe: Recipe, out: Path, checkpoint: Path | None) -> None:
        self._path, self._weight = out / ROLLOUTS, recipe.rollouts.format_weight if recipe.rollouts else 0.0
        self._functions = rewards.functions(recipe.data.tasks)
        self._after = int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0
        self._begun = False
        self._seconds = 0.0
        self.trainer: Any = None
        self.latest: list[Rollout] = []

    def functions(self) -> list[rewards.Reward]:
        """Those of `rewards`; the last of them, which is asked about every reply, also takes note of it."""
        form = self._functions[-1]

        def noting(**columns: Any) -> list[float | None]:
            began = time.perf_counter()
            found = form(**columns)
            columns["log_metric"]("seconds/generation", self.trainer.seconds_generating)
            columns["log_metric"]("seconds/rewards", self._seconds + time.perf_counter() - began)
            self._seconds = 0.0
            if self.trainer.model.training and runs.is_main():
                step = self.trainer.state.global_step + 1
                replies = zip(*(columns[key] for key in ("prompts", "completions", "task", "sample")), strict=True)
                self._note([self._rollout(step, *one) for one in replies])
            return found

        noting.__name__ = rewards.FORM
        return [*(self._timed(function) for function in self._functions[:-1]), noting]

    def _timed(self, function: rewards.Reward) -> rewards.Reward:
        def timed(**columns: Any) -> list[float | None]:
            began = time.perf_counter()
            found = function(**columns)
            self._seconds += time.perf_counter() - began
            return found

        timed.__name__ = function.__name__
        return timed

    def _rollout(self, step: int, prompt: Any, completion: Any, task: str, sample: str) -> Rollout:
        found = rewards.judged(task, sample, completion)
        return Rollout(
            step=step,
            task=task,
            sample=rewards.decoded(task, sample)[1].id if found else "",
            prompt=rewards.said(prompt),
            reply=rewards.said(completion),
            answer=found.answer if found else None,
            why=found.why if found else "the sample cannot be judged",
            gold=found.gold if found else None,
            rewards={task: found.reward, rewards.FORM: found.form} if found else {},
            reward=found.reward + self._weight * found.form if found else None,
        )

    def _note(self, rollouts: list[Rollout]) -> None:
        self.latest = rollouts
        if not self._begun:
            self._begun = True
            _drop_after(self._path, self._after)
        with self._path.open("ab") as file:
            for one in rollouts[:_KEPT_A_STEP]:
                if file.tell() >= _MOST_BYTES:
                    return
                short = msgspec.structs.replace(
                    one, prompt=_short(one.prompt, _LONGEST_PROMPT), reply=_short(one.reply, _LONGEST_REPLY)
                )
                file.write(msgspec.json.encode(short) + b"\n")


def read(out: Path) -> Iterator[Rollout]:
    """The replies that a run kept, in the order of its steps."""
    with (out / ROLLOUTS).open("rb") as lines:
        for line in lines:
            yield msgspec.json.decode(line, type=Rollout)


def _drop_after(path: Path, step: int) -> None:
    """Take out what a run that was killed noted after its last checkpoint: it is done again."""
    if not path.exists():
        return
    kept = [line for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"}\n")]
    path.write_bytes(b"".join(line for line in kept if msgspec.json.decode(line, type=Rollout).step <= step))


def _short(text: str, most: int) -> str:
    half = (most - 7) // 2
    return text if len(text) <= most else f"{text[:half]} [...] {text[-half:]}"


# --- what a person sees


def shown_on(stream: TextIO) -> Show:
    """Shows replies as a table on a terminal, else one line each."""

    def show(rollouts: Sequence[Rollout]) -> None:
        if stream.isatty():
            from rich.console import Console

            Console(file=stream).print(table(rollouts))
        else:
            stream.writelines(f"{line(one)}\n" for one in rollouts)

    return show


def line(rollout: Rollout) -> str:
    """A reply on one line: `step 3 · sample_size · design-1@1 · reward 1.100 (sample_size 1, form 1) · answer ...`."""
    earned = ", ".join(f"{name} {value:.3g}" for name, value in rollout.rewards.items())
    reward = "none" if rollout.reward is None else f"{rollout.reward:.3f}"
    parts = (
        f"step {rollout.step}", rollout.task, rollout.sample, f"reward {reward} ({earned})",
        f"answer {rollout.answer or f'none: {rollout.why}'}", f"gold {rollout.gold}",
        f"reply {_short(rollout.reply, 200)!r}",
    )  # fmt: skip
    return " · ".join(" ".join(part.split()) for part in parts)


def table(rollouts: Sequence[Rollout]) -> Table:
    """The replies to one prompt, side by side with what was read in them, the right answer and the rewards."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    first = rollouts[0]
    made = Table(
        box=box.SIMPLE,
        title=f"step {first.step}, {first.task}, {first.sample}",
        caption=Text(_short(first.prompt, 600), justify="left"),
    )
    names = list(dict.fromkeys(name for one in rollouts for name in one.rewards))
    for heading in ("reply", "answer", "gold"):
        made.add_column(heading, overflow="fold")
    for heading in (*names, "reward"):
        made.add_column(heading, justify="right")
    for one in rollouts:
        values = [one.rewards.get(name) for name in names] + [one.reward]
        # As Text: what a model writes may look like rich's own markup.
        cells = [_short(one.reply, 400), one.answer or f"none: {one.why}", one.gold or ""]
        made.add_row(*map(Text, cells), *("" if value is None else f"{value:.3g}" for value in values))
    return made


def _watch(kept: _Rollouts, recipe: Recipe, tell: Tell, show: Show | None) -> TrainerCallback:
    """Shows replies now and then, and warns where nothing can be learnt from them."""
    from transformers import TrainerCallback

    assert recipe.rollouts is not None
    tokens, per_prompt = recipe.rollouts.tokens, recipe.rollouts.per_prompt
    warnings = (
        (
            "completions/clipped_ratio",
            f"All replies were cut off at {tokens} tokens. Raise rollouts.tokens, or begin from a model that was "
            "fine-tuned to end its replies.",
        ),
        (
            "frac_reward_zero_std",
            f"The {per_prompt} replies to each prompt all earned the same, so that nothing was learnt. Take easier "
            "or harder samples, a higher rollouts.temperature, or a model that was fine-tuned on the task.",
        ),
        ("unjudged", "No reply could be judged: the snapshot that the samples were made from does not answer."),
    )
    told: set[str] = set()

    class Watch(TrainerCallback):  # type: ignore[misc, unused-ignore]
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            if "loss" not in logs:
                return
            for key, warning in warnings:
                if logs.get(key) != 1:
                    told.discard(key)
                elif key not in told:  # again only after it was better
                    told.add(key)
                    tell(f"Warning at step {state.global_step}: {warning}")
            if show and kept.latest:
                first = kept.latest[0]
                show([one for one in kept.latest[:per_prompt] if one.prompt == first.prompt])

    return Watch()
