"""What a run learns from: the samples of tasks as prompts and right replies, nothing of them cut.

A text that a model sees is the task's own prompt, in one message of the user; the chat template is the trainer's to
apply, once. What does not fit the recipe's length is split where the task's questions can be (batches of candidates),
else left out and counted.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trialpanorama.errors import UserError
from trialpanorama.tasks import AnySample, AnyTask, Card, Split, load, task
from trialpanorama.tasks.study_screening import Batch, Decision, Decisions, StudyScreening
from trialpanorama.warehouse import Warehouse

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from trialpanorama.train.recipe import Recipe

TOO_LONG = "longer than the recipe's length"
NO_DEMONSTRATION = "no reply that is worth imitating"
MARKERS = "its text holds a marker of the model's chat template"
TOO_LATE = "dated on or after data.before"
UNDATED = "without a date, as data.before asks for one"
NOT_NEEDED = "more than data.most_samples"
NOT_DRAWN = "not drawn, as the task's weight is below 1"
_AT_ONCE = 256
"""Samples whose tokens are counted at once."""


class Prepared(msgspec.Struct, kw_only=True):
    """What a run learns from, and what became of every sample that it could have learnt from.

    Of each task: `samples` = those that rows are made of + all that `left_out` counts.
    """

    rows: list[dict[str, Any]]
    """In the order to learn in. For sft `prompt`, `completion` (messages), `task` and `sample` (its id); for grpo
    `prompt`, `task` and `sample` (its JSON, which the task decodes)."""
    tokens: list[int]
    """Of each row, as the trainer will count them: prompt and completion; for grpo the prompt."""
    prompt_tokens: list[int]
    """Of each row's prompt, up to where the reply begins."""
    samples: Counter[str]
    """By task: all that the split has."""
    left_out: dict[str, Counter[str]]
    """By task and reason."""
    split_up: Counter[str]
    """By task: samples that were too long as a whole and are asked in parts."""
    files: dict[str, str]
    """SHA-256 of the samples of each `TASK/SPLIT.jsonl`, as `tasks build` writes it."""
    snapshots: list[str]
    """Of the warehouses that the samples were made from."""
    is_fictional: bool
    """Whether any of it is."""

    @property
    def by_task(self) -> Counter[str]:
        """Rows of each task."""
        return Counter(row["task"] for row in self.rows)


def rows(recipe: Recipe, source: Warehouse | Path, tokenizer: PreTrainedTokenizerBase, split: Split) -> Prepared:
    """The samples of a recipe's tasks as rows for TRL's trainers, in the order to learn in, none over the length.

    `source` is a warehouse, or a folder as `tasks build` writes it. Weights, `most_samples` and `curriculum` concern
    the training split; `before` every split but the test. Raises UserError where there is no such sample at all, the
    tokenizer has no chat template, or an option needs the warehouse.
    """
    if not getattr(tokenizer, "chat_template", None):
        raise UserError(
            f"The tokenizer of {recipe.model} has no chat template, so that no question can be put to the model. Take "
            "one that was tuned to follow instructions, such as Qwen/Qwen3-8B."
        )
    prepared = Prepared(
        rows=[], tokens=[], prompt_tokens=[], samples=Counter(), left_out={}, split_up=Counter(), files={},
        snapshots=[], is_fictional=False,
    )  # fmt: skip
    snapshots: set[str] = set()
    placed: list[tuple[Any, _Row]] = []
    for name in sorted(recipe.data.tasks):
        chosen = task(name)
        found = _samples(source, chosen, split)
        prepared.samples[name] = len(found)
        prepared.files[f"{name}/{split}.jsonl"] = fingerprint(found)
        prepared.is_fictional |= any(sample.is_fictional for sample in found)
        snapshots.update(sample.snapshot for sample in found if sample.snapshot)
        counted = prepared.left_out.setdefault(name, Counter())
        kept = _Maker(recipe, chosen, tokenizer, counted).kept(found, split)
        prepared.split_up[name] = sum(len(parts) > 1 for parts in kept)
        placed += _weighted(recipe, name, kept, split, counted)
    prepared.snapshots = sorted(snapshots)
    if not prepared.samples.total():
        raise UserError(
            f"{getattr(source, 'path', source)} holds no {split} sample of {', '.join(sorted(recipe.data.tasks))}. "
            "Build it from more trials, or see why they were left out: trialpanorama tasks build"
        )
    placed.sort(key=lambda one: one[0])
    for _, row in placed:
        prepared.rows.append(row.row)
        prepared.tokens.append(row.tokens)
        prepared.prompt_tokens.append(row.prompt_tokens)
    return prepared


def fingerprint(samples: Sequence[AnySample]) -> str:
    """SHA-256 of samples as a file holds them, one JSON a line."""
    digest = hashlib.sha256()
    for sample in samples:
        digest.update(msgspec.json.encode(sample) + b"\n")
    return digest.hexdigest()


def _samples(source: Warehouse | Path, chosen: AnyTask, split: Split) -> list[AnySample]:
    if isinstance(source, Warehouse):
        return load(source, chosen, split)
    folder = source / chosen.name
    try:
        card = msgspec.json.decode((folder / "card.json").read_bytes(), type=Card)
    except (OSError, msgspec.MsgspecError):
        raise UserError(
            f"{source} holds no samples of {chosen.name} (a folder of that name with a card.json). Write them: "
            f"trialpanorama tasks build --task {chosen.name}"
        ) from None
    if (card.task, card.version) != (chosen.name, chosen.version):
        raise UserError(
            f"{folder} holds {card.task} of version {card.version}, and this TrialPanorama has version "
            f"{chosen.version} of {chosen.name}. Write them anew: trialpanorama tasks build"
        )
    with (folder / f"{split}.jsonl").open("rb") as lines:
        return [chosen.decode(line) for line in lines]


# --- one sample


class _Row(msgspec.Struct):
    row: dict[str, Any]
    sample: AnySample
    tokens: int
    prompt_tokens: int


class _Maker:
    """Makes the rows of one task."""

    def __init__(
        self, recipe: Recipe, chosen: AnyTask, tokenizer: PreTrainedTokenizerBase, left_out: Counter[str]
    ) -> None:
        self._recipe, self._task, self._tokenizer, self._left_out = recipe, chosen, tokenizer, left_out
        self._markers = [str(token) for token in tokenizer.all_special_tokens]
        reply = recipe.rollouts.tokens if recipe.rollouts else 0
        self._room = recipe.length - reply

    def kept(self, samples: Sequence[AnySample], split: Split) -> list[list[_Row]]:
        """The rows of each sample that can be learnt from, in the order of samples; what else there is, is counted."""
        wanted = [sample for sample in samples if self._is_early(sample, split)]
        most = self._recipe.data.most_samples if split == "train" else None
        found: list[list[_Row]] = []
        for first in range(0, len(wanted), _AT_ONCE):
            if most is not None and len(found) >= most:
                self._left_out[NOT_NEEDED] += len(wanted) - first
                break
            found += self._rows_of(wanted[first : first + _AT_ONCE])
        if most is not None and len(found) > most:
            self._left_out[NOT_NEEDED] += len(found) - most
        return found[:most]

    def _is_early(self, sample: AnySample, split: Split) -> bool:
        before = self._recipe.data.before
        # A design that is made up has no date, and tells nothing of later years.
        if before is None or split == "test" or sample.strata.get("origin") == "generated":
            return True
        if sample.date and sample.date < before.isoformat():
            return True
        self._left_out[TOO_LATE if sample.date else UNDATED] += 1
        return False

    def _rows_of(self, samples: Sequence[AnySample]) -> Iterator[list[_Row]]:
        made = [self._row(sample) for sample in samples]
        self._count([row for row in made if row])
        for row in made:
            if row is None:
                self._left_out[NO_DEMONSTRATION] += 1
            elif any(marker in message["content"] for marker in self._markers for message in self._messages(row)):
                self._left_out[MARKERS] += 1
            elif parts := self._fitting(row):
                yield parts
            else:
                self._left_out[TOO_LONG] += 1

    def _row(self, sample: AnySample) -> _Row | None:
        row: dict[str, Any] = {
            "prompt": [{"role": "user", "content": self._task.prompt(sample)}],
            "task": self._task.name,
        }
        if self._recipe.method == "grpo":
            row["sample"] = msgspec.json.encode(sample).decode()
        else:
            reply = self._task.demonstration(sample)
            if reply is None:
                return None
            row |= {"completion": [{"role": "assistant", "content": reply}], "sample": sample.id}
        return _Row(row, sample, 0, 0)

    @staticmethod
    def _messages(row: _Row) -> list[dict[str, str]]:
        return [*row.row["prompt"], *row.row.get("completion", ())]

    def _count(self, made: Sequence[_Row]) -> None:
        """Tell each row its tokens, as TRL's trainers make them."""
        if not made:
            return
        asked = self._ids([row.row["prompt"] for row in made], add_generation_prompt=True)
        whole = self._ids([self._messages(row) for row in made]) if "completion" in made[0].row else asked
        for row, prompt, both in zip(made, asked, whole, strict=True):
            row.tokens, row.prompt_tokens = len(both), len(prompt)

    def _ids(self, conversations: list[list[dict[str, str]]], **options: bool) -> list[list[int]]:
        found: Any = self._tokenizer.apply_chat_template(conversations, tokenize=True, return_dict=True, **options)
        ids: list[list[int]] = found["input_ids"]
        return ids

    def _fitting(self, row: _Row) -> list[_Row]:
        """The row, or the rows of its sample's parts, as many as must be; none where a part cannot be parted."""
        if row.tokens <= self._room:
            return [row]
        fitting: list[_Row] = []
        for part in halves(self._task, row.sample):
            made = self._row(part)
            if made is None:
                return []
            self._count([made])
            smaller = self._fitting(made)
            if not smaller:
                return []
            fitting += smaller
        return fitting


def halves(chosen: AnyTask, sample: AnySample) -> list[AnySample]:
    """Two samples that ask together what one asks: half of the candidates of a screening each; else nothing."""
    if not isinstance(chosen, StudyScreening) or len(sample.inputs.candidates) < 2:
        return []
    middle = (len(sample.inputs.candidates) + 1) // 2
    return [
        msgspec.structs.replace(
            sample,
            id=f"{sample.id}.{number}",
            inputs=Batch(sample.inputs.question, sample.inputs.candidates[part]),
            gold=Decisions(
                [
                    Decision(place, one.decision, one.probability)
                    for place, one in enumerate(sample.gold.decisions[part], 1)
                ]
            ),
        )
        for number, part in enumerate((slice(None, middle), slice(middle, None)), 1)
    ]


# --- how often, and in what order


def _weighted(
    recipe: Recipe, name: str, kept: Sequence[list[_Row]], split: Split, left_out: Counter[str]
) -> Iterator[tuple[Any, _Row]]:
    """Each row as often as its task's weight says, with its place in the order."""
    weight = recipe.data.tasks[name] if split == "train" else 1.0
    whole = int(weight)
    drawn = sorted(range(len(kept)), key=lambda place: _random(recipe.seed, "weight", kept[place][0].sample.id))
    once_more = set(drawn[: round((weight - whole) * len(kept))])
    for place, parts in enumerate(kept):
        times = whole + (place in once_more)
        if not times:
            left_out[NOT_DRAWN] += 1
        for copy in range(times):
            for row in parts:
                yield _random(recipe.seed, "order", name, row.sample.id, str(copy)), row


def _random(seed: int, *parts: str) -> str:
    return hashlib.sha256(":".join((str(seed), *parts)).encode()).hexdigest()
