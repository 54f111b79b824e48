"""What the design tasks share: one question with four options, one with any number of right ones, one in free text."""

from __future__ import annotations

import random
import re
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from trialpanorama.tasks import NOT_NEEDED, SEED, Metric, Sample, Split, Task, Unreadable
from trialpanorama.tasks._choice import (
    LETTERS,
    MANY_LETTERS,
    Choice,
    ChoiceTask,
    Chosen,
    ChosenSeveral,
    SeveralChoicesTask,
)
from trialpanorama.tasks._distractors import FOUR, Entry, Four, entry_of, fours, keys, too_alike, without
from trialpanorama.tasks._replies import json_objects, spoken
from trialpanorama.tasks._scores import share
from trialpanorama.tasks._trials import Start, count, describe, trials

if TYPE_CHECKING:
    import duckdb

AS_PUBLISHED: Mapping[Split, int] = {"train": 27_321, "validation": 1_000, "test": 1_000}
"""As many samples as the published benchmark has."""

_FOURS_IN_TURN = 50
"""So many fours take turns: a limited run sees many of them, and a full one asks about each of their trials."""


class _Asked(msgspec.Struct):
    """A question about one of four trials."""

    four: Four
    entry: Entry
    stem: Start
    options: list[list[str]]
    """What belongs to the trial asked about first, then what belongs to the others."""

    def sample(self, split: Split, version: int, inputs: Any, gold: Any) -> Sample[Any, Any]:
        """The question as a sample."""
        trial = self.entry.trial
        return Sample(
            id=f"{trial.study_id}@{version}",
            subject=trial.study_id,
            split=split,
            group=self.four.group,
            date=trial.date,
            is_fictional=trial.is_fictional,
            entities=[one.trial.study_id for one in self.four.entries if one is not self.entry],
            strata={"distractors": self.four.likeness},
            inputs=inputs,
            gold=gold,
        )


class _FromFours:
    """Samples of which four share their options."""

    facts: ClassVar[Any]
    """What is asked of a trial and what is shown of it, or why it cannot be asked."""
    most_samples: ClassVar[Mapping[Split, int]]

    @abstractmethod
    def texts(self, four: Four, left_out: Counter[str]) -> list[list[str]] | None:
        """The options that belong to each of four trials; none, with the four counted, where there are none."""

    def asked(
        self, con: duckdb.DuckDBPyConnection, split: Split, left_out: Counter[str] | None = None
    ) -> Iterator[_Asked]:
        """The questions of a split."""
        counted: Counter[str] = Counter()
        most, made = self.most_samples[split], 0
        found = (
            (four, texts) for four in fours(con, split, self.facts, counted) if (texts := self.texts(four, counted))
        )
        while made < most and (turn := list(islice(found, _FOURS_IN_TURN))):
            laid_out = []
            for four, texts in turn:
                order = random.Random(four.seed).sample(range(FOUR), FOUR)
                shown = four.shown(texts)
                laid_out.append((four, order, shown, four.stems(shown)))
            for seat in range(FOUR):
                for four, order, shown, stems in laid_out[: most - made]:
                    own = order[seat]
                    made += 1
                    yield _Asked(four, four.entries[own], stems[own], [shown[own], *shown[:own], *shown[own + 1 :]])
        if left_out is not None:
            left_out.update(counted)
            if unasked := count(con, split) - made - counted.total():
                left_out[NOT_NEEDED] += unasked


class DesignTask(_FromFours, ChoiceTask):
    """Choose which of four options belongs to the trial described."""

    most_samples: ClassVar[Mapping[Split, int]] = AS_PUBLISHED
    note = "Words that would give the answer away are masked."

    def texts(self, four: Four, left_out: Counter[str]) -> list[list[str]] | None:
        """One option of each trial."""
        return [[entry.facts.option] for entry in four.entries]

    def samples(
        self, con: duckdb.DuckDBPyConnection, split: Split, left_out: Counter[str] | None = None
    ) -> Iterator[Sample[Choice, Chosen]]:
        """One question for each trial that three others are like."""
        letters: list[int] = []
        for made, asked in enumerate(self.asked(con, split, left_out)):
            # Each run of four samples has its right answer once at each letter.
            letters = letters or random.Random(f"{SEED}:{split}:{made}").sample(range(FOUR), FOUR)
            right = letters.pop()
            (own,), *others = asked.options
            options = [text for (text,) in others]
            random.Random(f"{SEED}:{asked.entry.trial.study_id}").shuffle(options)
            options.insert(right, own)
            yield asked.sample(split, self.version, Choice(asked.stem, options), Chosen(LETTERS[right]))


class SeveralDesignsTask(_FromFours, SeveralChoicesTask):
    """Choose all that belongs to the trial described, among what belongs to it and to three others."""

    most_samples: ClassVar[Mapping[Split, int]] = AS_PUBLISHED
    note = DesignTask.note
    _SIZES = (1, 2, 2, 3)

    def texts(self, four: Four, left_out: Counter[str]) -> list[list[str]] | None:
        """One to three items of each trial, as far as it has them; none that may be right for another of the four."""
        draw = random.Random(f"{four.seed}:several")
        texts = []
        for entry, size in zip(four.entries, draw.sample(self._SIZES, FOUR), strict=True):
            elsewhere = [own for other in four.entries if other is not entry for own in other.own + other.elsewhere]
            fit = [
                item
                for item, own in dict(zip(entry.facts.items, entry.own, strict=True)).items()
                if len(own) > 1 and not any(too_alike(own, theirs) for theirs in elsewhere)
            ]
            if not fit:
                left_out["no item of one of four similar trials is its own"] += FOUR
                return None
            texts.append([fit[place] for place in sorted(draw.sample(range(len(fit)), min(size, len(fit))))])
        return texts

    def samples(
        self, con: duckdb.DuckDBPyConnection, split: Split, left_out: Counter[str] | None = None
    ) -> Iterator[Sample[Choice, ChosenSeveral]]:
        """One question for each trial that three others are like."""
        for asked in self.asked(con, split, left_out):
            options = [(text, not place) for place, own in enumerate(asked.options) for text in own]
            random.Random(f"{SEED}:{asked.entry.trial.study_id}").shuffle(options)
            right = [MANY_LETTERS[place] for place, (_, is_right) in enumerate(options) if is_right]
            yield asked.sample(
                split, self.version, Choice(asked.stem, [text for text, _ in options]), ChosenSeveral(right)
            )


# --- free text


class Open(msgspec.Struct, frozen=True):
    """A trial of which a part is to be written."""

    trial: Start


class Written(msgspec.Struct, frozen=True):
    """What was written, item by item."""

    items: list[str]


MATCHED = 0.5
"""F1 of words from which on an item that was written counts as one of the trial's."""

_MOST_ITEMS = 60
_LISTED = re.compile(r"(?m)^[ \t]*(?:[-*•]|\(?\d{1,2}[.)])[ \t]+(\S.*)$")


class FreeDesignTask(Task[Open, Written]):
    """Write what belongs to the trial described.

    Scored without a language model, and strictly: an item written is matched with at most one of the trial's, and
    only if their words agree (F1 of the sets of words at least 0.5), so that right ideas in other words count as
    wrong. Figures compare models with each other, and tell little on how good a design is.
    """

    facts: ClassVar[Any]
    """What is asked of a trial and what is shown of it, or why it cannot be asked."""
    most_samples: ClassVar[Mapping[Split, int]] = AS_PUBLISHED
    question: str
    """What to write."""
    inputs = Open
    answer = Written
    metrics = (
        Metric(
            "f1",
            "F1 of items",
            "higher",
            "Mean over samples of the harmonic mean of precision and recall of the items, matched by their words; an "
            "unreadable reply counts 0",
            lambda c: share(c["f1"]),
        ),
        Metric(
            "precision",
            "Precision of items",
            "higher",
            "Mean share of the items written that are of the trial",
            lambda c: share(c["precision"]),
        ),
        Metric(
            "recall",
            "Recall of items",
            "higher",
            "Mean share of the trial's items that were written",
            lambda c: share(c["recall"]),
        ),
    )

    def samples(
        self, con: duckdb.DuckDBPyConnection, split: Split, left_out: Counter[str] | None = None
    ) -> Iterator[Sample[Open, Written]]:
        """One question for each trial that has something to write."""
        counted: Counter[str] = Counter()
        made = 0
        for trial in trials(con, split):
            if made == self.most_samples[split]:
                break
            if entry := entry_of(trial, self.facts, counted):
                made += 1
                facts = entry.facts
                yield Sample(
                    id=f"{trial.study_id}@{self.version}",
                    subject=trial.study_id,
                    split=split,
                    group=trial.group,
                    date=trial.date,
                    is_fictional=trial.is_fictional,
                    inputs=Open(without(facts.stem, facts.phrases)),
                    gold=Written(list(dict.fromkeys(facts.items))[:_MOST_ITEMS]),
                )
        if left_out is not None:
            left_out.update(counted)
            if unasked := count(con, split) - made - counted.total():
                left_out[NOT_NEEDED] += unasked

    def prompt(self, sample: Sample[Open, Written]) -> str:
        """The trial's description and what to write."""
        return (
            f"Below is a clinical trial as it was planned.\n\n<trial>\n{self.text(sample)}\n</trial>\n\n"
            f"{self.question}\n\n"
            'End your reply with one JSON object and nothing after it:\n{"items": [list of strings, one for each]}'
        )

    def reply(self, answer: Written) -> str:
        """The JSON object that the prompt asks for."""
        return msgspec.json.encode(answer).decode()

    def read(self, reply: str, sample: Sample[Open, Written]) -> Written | Unreadable:
        """The items of a reply: the one list of its JSON object, or its list marked by bullets or numbers."""
        text = spoken(reply)
        if not text:
            return Unreadable("the reply is empty, or ends within a thought")
        found = [item["items"] for item in json_objects(text) if "items" in item]
        if not found:
            listed = [line.strip() for line in _LISTED.findall(text)]
            return Written(listed[:_MOST_ITEMS]) if listed else Unreadable("neither a JSON object nor a list")
        if any(one != found[0] for one in found[1:]):
            return Unreadable("several JSON objects with different items")
        (items, *_) = found
        items = items.splitlines() if isinstance(items, str) else items
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            return Unreadable("the items are no list of strings")
        return Written([item.strip() for item in items if item.strip()][:_MOST_ITEMS])

    def score(self, answer: Written | Unreadable, sample: Sample[Open, Written]) -> dict[str, float]:
        """Precision, recall and F1 of the items; `correct` where all are there and nothing else."""
        written = answer.items if isinstance(answer, Written) else []
        hits = matches(written, sample.gold.items)
        f1 = 2 * hits / (len(written) + len(sample.gold.items)) if written else 0.0
        return {
            "correct": float(f1 == 1.0),
            "unreadable": float(isinstance(answer, Unreadable)),
            "precision": hits / len(written) if written else 0.0,
            "recall": hits / len(sample.gold.items),
            "f1": f1,
            "written": float(len(written)),
        }

    def reward(self, scores: Mapping[str, float]) -> float:
        """F1: hardly any answer is all right."""
        return scores["f1"]

    def text(self, sample: Sample[Open, Written]) -> str:
        """The trial's description."""
        return describe(sample.inputs.trial)


def matches(written: Sequence[str], true: Sequence[str]) -> int:
    """How many items can be paired one to one with a true one whose words agree."""
    from scipy.optimize import linear_sum_assignment

    if not written or not true:
        return 0
    theirs = [keys(item) for item in true]
    agreement = [[float(_f1(mine, other) >= MATCHED) for other in theirs] for mine in (keys(item) for item in written)]
    rows, columns = linear_sum_assignment(agreement, maximize=True)
    return sum(int(agreement[row][column]) for row, column in zip(rows, columns, strict=True))


def _f1(one: frozenset[str], other: frozenset[str]) -> float:
    return 2 * len(one & other) / (len(one) + len(other)) if one and other else 0.0
