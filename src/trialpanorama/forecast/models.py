"""A fitted model as arrays on disk, and its forecasts: text and facts in, probabilities and contributions out.

A model is a folder: `model.json` (labels, words, names of facts, temperature) and one `.npy` file an array, read
without pickle, so that opening a folder runs nothing. Forecasts need numpy alone, and are those of the models that
scikit-learn fitted, to single precision.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trialpanorama.errors import UserError
from trialpanorama.forecast.ontology import Names, facts_of
from trialpanorama.forecast.reading import restricted
from trialpanorama.tasks import AnyLabelTask, AnySample, Sample
from trialpanorama.tasks._trials import Start

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

_TOKEN = re.compile(r"\b\w\w+\b")
_BEGINNING, _SHORTEST, _LONGEST = 400, 2, 5
"""Characters whose letters are read, and how many letters a piece has: as the forecaster reads them."""
_WEIGHT_OF_LETTERS = 0.5
_LEAST_PROBABILITY = 1e-4

Spans = list[tuple[int, int]]


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """What a model's arrays are about; the content of its `model.json`."""

    labels: list[str]
    positive: str
    """The label whose probability has an interval and reasons."""
    priors: dict[str, float]
    """Share of each label among the trials that it was fitted on."""
    n: int
    temperature: float
    told: list[str]
    """The fields of a trial's start that it reads."""
    facts: list[str]
    words: list[str]
    letters: list[str]


class Row(msgspec.Struct, frozen=True):
    """A description as numbers."""

    columns: Any
    """Of the words and letters that the model knows."""
    values: Any
    spans: dict[int, Spans]
    """Where each column's text stands."""
    facts: Any


class Moved(msgspec.Struct, frozen=True):
    """What moved a forecast, in log-odds."""

    said: Any
    """By column of words and letters; those that the description does not hold are columns too."""
    facts: Any
    """By place in `Shape.facts`."""
    base: float
    """Log-odds of a trial of which nothing is known."""
    total: float
    """Log-odds of this one: the base and all that moved it."""


class Trees:
    """A forest as arrays: nodes of all trees in one row, and where each tree begins."""

    def __init__(self, arrays: Mapping[str, Any], prefix: str) -> None:
        self.feature, self.threshold = arrays[f"{prefix}feature"], arrays[f"{prefix}threshold"]
        self.left, self.right = arrays[f"{prefix}left"], arrays[f"{prefix}right"]
        self.value, self.roots = arrays[f"{prefix}value"], arrays[f"{prefix}roots"]

    def leaves(self, rows: Any) -> Any:
        """The leaf of each row (rows x features) in each tree."""
        import numpy as np

        nodes = np.broadcast_to(self.roots.ravel(), (len(rows), self.roots.size)).copy()
        place = np.arange(len(rows))[:, None]
        while (inner := self.feature[nodes] >= 0).any():
            feature = np.maximum(self.feature[nodes], 0)
            goes_left = rows[place, feature] <= self.threshold[nodes]
            nodes = np.where(inner, np.where(goes_left, self.left[nodes], self.right[nodes]), nodes)
        return nodes

    def moved(self, row: Any, label: int) -> tuple[float, Numbers, float]:
        """A label's probability at the roots, what each feature added down to the leaves (Saabas 2014), and there."""
        import numpy as np

        value = self.value[:, label]
        added = np.zeros(len(row))
        nodes = self.roots.copy()
        while (inner := self.feature[nodes] >= 0).any():
            at = nodes[inner]
            feature = self.feature[at]
            after = np.where(row[feature] <= self.threshold[at], self.left[at], self.right[at])
            np.add.at(added, feature, (value[after] - value[at]).astype(np.float64))
            nodes[inner] = after
        trees = len(self.roots)
        return float(value[self.roots].mean()), added / trees, float(value[nodes].mean())


class Model:
    """A fitted model."""

    def __init__(self, shape: Shape, arrays: Mapping[str, Any], names: Names | None = None) -> None:
        """`names` say what names of conditions and drugs mean, as when it was fitted."""
        self.shape, self.arrays, self.names = shape, arrays, names or {}
        self._forest = Trees(arrays, "tree_")

    @classmethod
    def open(cls, folder: Path, names: Names | None = None) -> Model:
        """Read a model's folder; raises UserError where it is not one."""
        import numpy as np

        try:
            shape = msgspec.json.decode((folder / "model.json").read_bytes(), type=Shape)
            arrays = {
                path.stem: np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
                for path in sorted(folder.glob("*.npy"))
            }
            return cls(shape, arrays, names)
        except (OSError, ValueError, KeyError, msgspec.MsgspecError) as error:
            raise UserError(
                f"{folder} is not a fitted model ({error}). Fit it anew: trialpanorama outcome fit"
            ) from None

    @staticmethod
    def save(folder: Path, shape: Shape, arrays: Mapping[str, Any]) -> None:
        """Write a model's folder."""
        import numpy as np

        folder.mkdir(parents=True)
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", array, allow_pickle=False)
        (folder / "model.json").write_bytes(msgspec.json.encode(shape))

    @property
    def usual(self) -> float:
        """Share of the positive label among the trials that it was fitted on."""
        return self.shape.priors[self.shape.positive]

    @cached_property
    def positive(self) -> int:
        """The place of the positive label."""
        return self.shape.labels.index(self.shape.positive)

    @cached_property
    def _words(self) -> dict[str, int]:
        return {word: place for place, word in enumerate(self.shape.words)}

    @cached_property
    def _letters(self) -> dict[str, int]:
        return {piece: place for place, piece in enumerate(self.shape.letters, len(self.shape.words))}

    @cached_property
    def _facts(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.shape.facts)}

    # --- reading

    def row(self, text: str, facts: Mapping[str, str | float]) -> Row:
        """A description and its facts as numbers; words that the model has not met are left out."""
        import numpy as np

        spans: dict[int, Spans] = defaultdict(list)
        lowered = text.lower()
        parts = []
        for found, weight in ((self._words_in(lowered), 1.0), (self._letters_in(text), _WEIGHT_OF_LETTERS)):
            times: dict[int, int] = {}
            for column, start, end in found:
                times[column] = times.get(column, 0) + 1
                spans[column].append((start, end))
            columns = np.fromiter(sorted(times), dtype=np.int64, count=len(times))
            counts = np.array([times[column] for column in columns.tolist()], dtype=np.float64)
            values = (1 + np.log(counts)) * self.arrays["idf"][columns] if len(columns) else counts
            parts.append((columns, values / (math.sqrt(float(values @ values)) or 1.0) * weight))
        said = np.zeros(len(self.shape.facts))
        for name, value in facts.items():
            key, number = (f"{name}={value}", 1.0) if isinstance(value, str) else (name, float(value))
            if (place := self._facts.get(key)) is not None:
                said[place] = number
        columns, values = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return Row(columns, values, dict(spans), said)

    def _words_in(self, lowered: str) -> list[tuple[int, int, int]]:
        found, known = [], self._words
        before: tuple[str, int] | None = None
        for match in _TOKEN.finditer(lowered):
            word, start, end = match.group(), match.start(), match.end()
            if (column := known.get(word)) is not None:
                found.append((column, start, end))
            if before and (column := known.get(f"{before[0]} {word}")) is not None:
                found.append((column, before[1], end))
            before = word, start
        return found

    def _letters_in(self, text: str) -> list[tuple[int, int, int]]:
        """Pieces of words with the blanks around them, as scikit-learn's `char_wb` cuts them."""
        found, known = [], self._letters
        for match in re.finditer(r"\S+", text[:_BEGINNING].lower()):
            word, start = f" {match.group()} ", match.start() - 1
            for length in range(_SHORTEST, _LONGEST + 1):
                for offset in range(max(1, len(word) - length + 1)):
                    if (column := known.get(word[offset : offset + length])) is not None:
                        end = min(start + offset + length, match.end())
                        found.append((column, max(start + offset, match.start()), end))
                if len(word) <= length:
                    break
        return found

    # --- forecasts

    def row_of(self, start: Start, task: AnyLabelTask) -> Row:
        """A trial's start as the task describes it, as numbers."""
        return self.row(*self.described(start, task))

    def described(self, start: Start, task: AnyLabelTask) -> tuple[str, dict[str, str | float]]:
        """A trial's start as the model reads it: the task's description of what it knows, and the facts."""
        sample = asked(restricted(start, self.shape.told))
        return task.text(sample), {**task.features(sample), **facts_of(sample.inputs, self.names)}

    def probability(self, start: Start, task: AnyLabelTask) -> float:
        """Of the positive label."""
        return float(self.probabilities([self.row_of(start, task)])[0, self.positive])

    def probabilities(self, rows: Sequence[Row]) -> Numbers:
        """Rows x labels."""
        import numpy as np

        linear = np.array([self._linear(row) for row in rows])
        forest = self._forest.value[self._forest.leaves(self._dense(rows))].mean(axis=1).astype(np.float64)
        logs = (np.log(np.maximum(linear, _LEAST_PROBABILITY)) + np.log(np.maximum(forest, _LEAST_PROBABILITY))) / 2
        return _softmax(_softmax_logs(logs) / self.shape.temperature)

    def parts(self, rows: Sequence[Row]) -> dict[str, Numbers]:
        """The positive label's probability by each of the two models alone, and by the floors."""
        import numpy as np

        linear = np.array([self._linear(row) for row in rows])
        forest = self._forest.value[self._forest.leaves(self._dense(rows))].mean(axis=1)
        words, facts = (np.asarray(self.arrays[f"floor_{name}"], dtype=np.float64) for name in ("words", "facts"))
        by_words, by_facts = [], []
        for row in rows:
            is_word = row.columns < len(self.shape.words)
            by_words.append(words[row.columns[is_word]] @ row.values[is_word] + words[-1])
            by_facts.append(facts[:-1] @ row.facts + facts[-1])
        return {
            "prior": np.full(len(rows), self.usual),
            "design facts, logistic regression": 1 / (1 + np.exp(-np.array(by_facts))),
            "words, logistic regression": 1 / (1 + np.exp(-np.array(by_words))),
            "regression alone": linear[:, self.positive],
            "forest alone": forest[:, self.positive].astype(np.float64),
        }

    def _linear(self, row: Row) -> Numbers:
        import numpy as np

        coefficients = np.asarray(self.arrays["coefficients"][:, row.columns], dtype=np.float64)
        chances = 1 / (1 + np.exp(-(coefficients @ row.values + self.arrays["intercepts"])))
        found: Numbers = np.array([1 - chances[0], chances[0]]) if len(self.shape.labels) == 2 else chances
        return found

    def _dense(self, rows: Sequence[Row]) -> Any:
        """What the forest reads: its words and letters, and the facts."""
        import numpy as np

        frequent = self.arrays["frequent"]
        found = np.zeros((len(rows), len(frequent) + len(self.shape.facts)), dtype=np.float32)
        for number, row in enumerate(rows):
            place = np.searchsorted(frequent, row.columns)
            place[place == len(frequent)] = 0
            known = frequent[place] == row.columns
            found[number, self.arrays["frequent_place"][place[known]]] = row.values[known]
            found[number, len(frequent) :] = row.facts
        return found

    def refitted(self, rows: Sequence[Row]) -> Numbers:
        """Log-odds of the positive label by the models refitted on resampled trials: rows x refits."""
        import numpy as np

        arrays = self.arrays
        linear = np.array(
            [
                np.asarray(arrays["again_coefficients"][:, row.columns], dtype=np.float64) @ row.values
                + arrays["again_intercepts"]
                for row in rows
            ]
        )
        trees = Trees(arrays, "again_tree_")
        leaves = trees.leaves(self._dense(rows))
        chances = trees.value[leaves].reshape(len(rows), *trees.roots.shape).mean(axis=2).astype(np.float64)
        # A small forest that says never means seldom: its spread must not be that of the logarithm of nothing.
        least = 1 / (2 * trees.roots.shape[1])
        chances = np.clip(chances, least, 1 - least)
        limit = math.log(1 / _LEAST_PROBABILITY - 1)
        logits = (np.clip(linear, -limit, limit) + np.clip(_logit(chances), -limit, limit)) / 2
        found: Numbers = logits / arrays["again_temperatures"]
        return found

    @cached_property
    def _unsaid(self) -> tuple[Numbers, Numbers, float]:
        """Of the positive label: the coefficients, what a word adds that is not said, and the log-odds of the mean."""
        import numpy as np

        label = self.positive
        side = -1.0 if len(self.shape.labels) == 2 and label == 0 else 1.0
        which = 0 if len(self.shape.labels) == 2 else label
        coefficients = side * np.asarray(self.arrays["coefficients"][which], dtype=np.float64)
        unsaid = -coefficients * np.asarray(self.arrays["mean"], dtype=np.float64)
        return coefficients, unsaid, side * float(self.arrays["intercepts"][which]) - float(unsaid.sum())

    def moved(self, row: Row) -> Moved:
        """What moved the forecast of the positive label, from a trial of which nothing is known.

        Of two labels the parts add up to the log-odds of `probabilities`. Of more the regression is that of the label
        against the rest.
        """
        import numpy as np

        arrays, label = self.arrays, self.positive
        coefficients, unsaid, linear_base = self._unsaid
        by_word = unsaid.copy()
        by_word[row.columns] += coefficients[row.columns] * row.values
        before, added, after = self._forest.moved(self._dense([row])[0], label)
        # What trees add is in probability; put on the scale of log-odds so that it ends where the forest ends.
        low, high = _logit(np.array([before])), _logit(np.array([after]))
        stretch = (
            float((high - low)[0]) / (after - before) if abs(after - before) > 1e-9 else 1 / (before * (1 - before))
        )
        scale = 1 / (2 * self.shape.temperature)
        frequent = arrays["frequent"]
        in_order = np.empty(len(frequent), dtype=np.int64)
        in_order[arrays["frequent_place"]] = frequent
        by_word[in_order] += added[: len(frequent)] * stretch
        said, facts = by_word * scale, added[len(frequent) :] * stretch * scale
        base = (linear_base + float(low[0])) * scale
        return Moved(said, facts, base, base + float(said.sum() + facts.sum()))


def asked(start: Start) -> AnySample:
    """A trial as a sample without an answer, so that a task can describe it."""
    return Sample(id="", subject="", split="test", group="", date="", inputs=start, gold=None)


def _logit(chances: Any) -> Any:
    import numpy as np

    safe = np.clip(chances, _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
    return np.log(safe) - np.log1p(-safe)


def _softmax_logs(logs: Numbers) -> Numbers:
    import numpy as np

    top = logs.max(axis=1, keepdims=True)
    found: Numbers = logs - top - np.log(np.exp(logs - top).sum(axis=1, keepdims=True))
    return found


def _softmax(logs: Numbers) -> Numbers:
    import numpy as np

    found: Numbers = np.exp(_softmax_logs(logs))
    return found
