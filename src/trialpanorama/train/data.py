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

from trialpanorama.baselines import baseline
from trialpanorama.errors import UserError
from trialpanorama.tasks import AnySample, AnyTask, Card, Split, load, task
from trialpanorama.tasks.study_screening import Batch, Decision, Decisions, StudyScreening
from trialpanorama.train import targets
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
FLOORS = ("calculator", "retriever", "reader", "lexical")
"""Baselines that tell easy samples from hard ones: of a task, the first that can answer it. Constant answers cannot."""
_AT_ONCE = 256
"""Samples whose tokens are counted at once."""
_THOUGHT = ("<think>", "</think>")


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
    reasoned: Counter[str]
    """By task: rows whose reply is reckoned step by step before it is given."""
    linked: Counter[str]
    """By task: rows whose description is followed by the concepts that it was linked to."""
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
    the training split; `before` every split but the test. Raises UserError where nothing is left to learn from, the
    tokenizer has no chat template, or an option needs the warehouse.
    """
    if not getattr(tokenizer, "chat_template", None):
        raise UserError(
            f"The tokenizer of {recipe.model} has no chat template, so that no question can be put to the model. Take "
            "one that was tuned to follow instructions, such as Qwen/Qwen3-8B."
        )
    if recipe.data.linked_text and not isinstance(source, Warehouse):
        raise UserError(
            f"data.linked_text reads the linked tables of a warehouse, and {source} is a folder of samples. Give the "
            "warehouse: --warehouse FOLDER"
        )
    prepared = Prepared(
        rows=[], tokens=[], prompt_tokens=[], samples=Counter(), left_out={}, split_up=Counter(), reasoned=Counter(),
        linked=Counter(), files={}, snapshots=[], is_fictional=False,
    )  # fmt: skip
    placed: list[tuple[float, str, _Row]] = []
    con = source.connect() if isinstance(source, Warehouse) and recipe.data.linked_text else None
    try:
        for name in sorted(recipe.data.tasks):
            chosen = task(name)
            found = samples_of(source, chosen, split)
            prepared.samples[name] = len(found)
            prepared.files[f"{name}/{split}.jsonl"] = fingerprint(found)
            prepared.is_fictional |= any(sample.is_fictional for sample in found)
            prepared.snapshots += sorted({one.snapshot for one in found if one.snapshot}.difference(prepared.snapshots))
            counted = prepared.left_out.setdefault(name, Counter())
            shown = targets.linked(chosen, con, found) if con else chosen
            kept = _Maker(recipe, shown, tokenizer, counted).kept(found, split)
            prepared.split_up[name] = sum(len(one.rows) > 1 for one in kept)
            placed += _placed(recipe, chosen, kept, split, counted)
    finally:
        if con:
            con.close()
    if split == "train" and not placed:
        raise UserError(_nothing(source, prepared))
    for _, _, row in sorted(placed, key=lambda one: one[:2]):
        prepared.rows.append(row.row)
        prepared.tokens.append(row.tokens)
        prepared.prompt_tokens.append(row.prompt_tokens)
        prepared.reasoned[row.row["task"]] += row.is_reasoned
        prepared.linked[row.row["task"]] += targets.HEAD in row.row["prompt"][0]["content"]
    return prepared


def _nothing(source: Warehouse | Path, prepared: Prepared) -> str:
    """Why there is nothing to learn from, and what to do."""
    place, names = getattr(source, "path", source), ", ".join(prepared.left_out)
    if not prepared.samples.total():
        return (
            f"{place} holds no training sample of {names}. Build it from more trials, or see why they were left out: "
            "trialpanorama tasks build"
        )
    reasons: Counter[str] = sum(prepared.left_out.values(), Counter())
    said = "; ".join(f"{count:,} {why}" for why, count in reasons.most_common())
    return f"Of {prepared.samples.total():,} training samples of {names} none is left to learn from: {said}."


def fingerprint(samples: Sequence[AnySample]) -> str:
    """SHA-256 of samples as a file holds them, one JSON a line."""
    digest = hashlib.sha256()
    for sample in samples:
        digest.update(msgspec.json.encode(sample) + b"\n")
    return digest.hexdigest()


def samples_of(source: Warehouse | Path, chosen: AnyTask, split: Split) -> list[AnySample]:
    """The samples of a split, of a warehouse or of a folder as `tasks build` writes it; UserError where none can be."""
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
    """What it asks: a sample, or a part of one."""
    tokens: int = 0
    prompt_tokens: int = 0

    @property
    def messages(self) -> list[dict[str, str]]:
        return [*self.row["prompt"], *self.row.get("completion", ())]

    @property
    def is_reasoned(self) -> bool:
        return "completion" in self.row and self.messages[-1]["content"].startswith(_THOUGHT[0])

    @property
    def texts(self) -> list[str]:
        """What it says apart from its thoughts."""
        said = [one["content"] for one in self.messages]
        return [*said[:-1], said[-1].split(_THOUGHT[1], 1)[1]] if self.is_reasoned else said


class _Kept(msgspec.Struct):
    sample: AnySample
    rows: list[_Row]


class _Maker:
    """Makes the rows of one task."""

    def __init__(
        self, recipe: Recipe, chosen: AnyTask, tokenizer: PreTrainedTokenizerBase, left_out: Counter[str]
    ) -> None:
        self._recipe, self._task, self._tokenizer, self._left_out = recipe, chosen, tokenizer, left_out
        added = tokenizer.added_tokens_decoder.values()
        self._markers = {*tokenizer.all_special_tokens, *(one.content for one in added if one.special), *_THOUGHT}
        reply = recipe.rollouts.tokens if recipe.rollouts else 0
        self._room = recipe.length - reply

    def kept(self, samples: Sequence[AnySample], split: Split) -> list[_Kept]:
        """The samples that can be learnt from, in their order, with their rows; what else there is, is counted."""
        wanted = [sample for sample in samples if self._is_early(sample, split)]
        most = self._recipe.data.most_samples if split == "train" else None
        found: list[_Kept] = []
        first = 0
        while first < len(wanted) and (most is None or len(found) < most):
            # No more than may still be needed: to try searches takes long.
            last = first + min(_AT_ONCE, len(wanted) if most is None else most - len(found))
            found += self._rows_of(wanted[first:last])
            first = last
        if unread := len(wanted[first:]):
            self._left_out[NOT_NEEDED] += unread
        return found

    def _is_early(self, sample: AnySample, split: Split) -> bool:
        before = self._recipe.data.before
        # A design that is made up has no date, and tells nothing of later years.
        if before is None or split == "test" or sample.strata.get("origin") == "generated":
            return True
        if sample.date and sample.date < before.isoformat():
            return True
        self._left_out[TOO_LATE if sample.date else UNDATED] += 1
        return False

    def _rows_of(self, samples: Sequence[AnySample]) -> Iterator[_Kept]:
        made = [self._row(sample) for sample in samples]
        self._count([row for row in made if row])
        for sample, row in zip(samples, made, strict=True):
            if row is None:
                self._left_out[NO_DEMONSTRATION] += 1
            elif any(marker in text for marker in self._markers for text in row.texts):
                self._left_out[MARKERS] += 1
            elif fitting := self._fitting(row):
                yield _Kept(sample, fitting)
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
            reply = targets.demonstration(self._task, sample, reasoning=self._recipe.data.reasoning)
            if reply is None:
                return None
            row |= {"completion": [{"role": "assistant", "content": reply}], "sample": sample.id}
        return _Row(row, sample)

    def _count(self, made: Sequence[_Row]) -> None:
        """Tell each row its tokens, as TRL's trainers make them."""
        if not made:
            return
        asked = self._ids([row.row["prompt"] for row in made], add_generation_prompt=True)
        whole = self._ids([row.messages for row in made]) if "completion" in made[0].row else asked
        for row, prompt, both in zip(made, asked, whole, strict=True):
            row.tokens, row.prompt_tokens = len(both), len(prompt)

    def _ids(self, conversations: list[list[dict[str, str]]], add_generation_prompt: bool = False) -> list[list[int]]:
        found: Any = self._tokenizer.apply_chat_template(
            conversations, add_generation_prompt=add_generation_prompt, tokenize=True, return_dict=True
        )
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


def _placed(
    recipe: Recipe, chosen: AnyTask, kept: Sequence[_Kept], split: Split, left_out: Counter[str]
) -> list[tuple[float, str, _Row]]:
    """Each row as often as its task's weight says, with its place in the order: a share of the way, then at random."""
    is_training = split == "train"
    weight = recipe.data.tasks[chosen.name] if is_training else 1.0
    whole = int(weight)
    drawn = sorted(range(len(kept)), key=lambda place: _random(recipe.seed, "weight", kept[place].sample.id))
    once_more = set(drawn[: round((weight - whole) * len(kept))])
    times = [whole + (place in once_more) for place in range(len(kept))]
    if unseen := times.count(0):
        left_out[NOT_DRAWN] += unseen
    by_ease = is_training and recipe.data.curriculum
    shown = [one.sample for one, often in zip(kept, times, strict=True) if often]
    ease = _ease(recipe, chosen, shown) if by_ease else {}
    found = [
        (-ease.get(one.sample.id, 0.0), _random(recipe.seed, "order", chosen.name, row.sample.id, str(copy)), row)
        for one, often in zip(kept, times, strict=True)
        for copy in range(often)
        for row in one.rows
    ]
    found.sort(key=lambda one: one[:2])
    return [
        ((number + 0.5) / len(found) if by_ease else 0.0, chance, row) for number, (_, chance, row) in enumerate(found)
    ]


def _ease(recipe: Recipe, chosen: AnyTask, samples: Sequence[AnySample]) -> dict[str, float]:
    """The reward of the task's floor on each sample, by id; fitted on the other half of the groups.

    So each task goes from easy to hard on its own scale, and the tasks stay mixed. Nothing for a task whose only floor
    is a constant answer, as trial completion: easy would be one label. Its samples are spread evenly.
    """
    name = next((name for name in FLOORS if samples and baseline(name).answers(chosen, samples[0])), None)
    side = {sample.id: int(_random(recipe.seed, "half", sample.group), 16) % 2 for sample in samples}
    if name is None or len(set(side.values())) < 2:
        return {}
    found = {}
    for half in (0, 1):
        floor = baseline(name)()
        floor.fit([sample for sample in samples if side[sample.id] != half], chosen)
        for sample in samples:
            if side[sample.id] == half:
                answer = chosen.read(floor.answer(sample), sample)
                found[sample.id] = chosen.reward(chosen.score(answer, sample))
    return found


def _random(seed: int, *parts: str) -> str:
    """What to order by, for an order that looks random and depends on nothing else."""
    return hashlib.sha256(":".join((str(seed), *parts)).encode()).hexdigest()
