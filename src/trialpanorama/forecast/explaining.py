"""What moved a forecast, in the words of the draft: passages, facts of the design, and what it does not say."""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from trialpanorama.forecast.models import Model, Moved, Row
from trialpanorama.forecast.ontology import AREA, SUBSTANCE
from trialpanorama.forecast.prediction import Reason

MOST_REASONS, MOST_WORDS = 12, 4
_LONGEST, _SHOWN = 240, 200
"""Characters from which on a line is taken apart into sentences, and of a passage that are shown."""
_HEADS = (
    "Title|Official title|Study type|Phase|Allocation|Intervention model|Observational model|Time perspective|"
    "Primary purpose|Masking|Number of arms|Lead sponsor|Data monitoring committee|Conditions|Sex|Least age|"
    "Greatest age|Healthy volunteers|Name of the lead sponsor"
)
"""The lines of `tasks._trials.describe` that hold one fact."""
_LINE = re.compile(rf"({_HEADS}): ")
_BLOCK = re.compile(r"(Interventions|Arms|Eligibility criteria):$")
_SENTENCE = re.compile(r"(?<=[.;])\s+")
_WORD = re.compile(r"\w+")


class Passage(NamedTuple):
    """A line or sentence of a description."""

    place: str
    start: int
    end: int


def passages(text: str) -> Iterator[Passage]:
    """The parts of a description (as the tasks write it), each with the heading that it stands under."""
    block, start = "Description", 0
    for line in text.split("\n"):
        end = start + len(line)
        if match := _BLOCK.match(line):
            block = match.group(1)
        else:
            match = _LINE.match(line)
            # Criteria come last, and may hold lines that look like a fact.
            if match and (block != "Eligibility criteria" or match.group(1) == "Name of the lead sponsor"):
                yield Passage(match.group(1), start + match.end(), end)
            elif line.strip():
                low = start
                if len(line) > _LONGEST:
                    for cut in _SENTENCE.finditer(line):
                        if start + cut.start() - low > _LONGEST / 4:
                            yield Passage(block, low, start + cut.start())
                            low = start + cut.end()
                yield Passage(block, low, end)
        start = end + 1


def reasons(
    model: Model,
    row: Row,
    moved: Moved,
    text: str,
    facts: Mapping[str, str | float],
    probability: float,
    sign: float = 1.0,
) -> list[Reason]:
    """What moved a forecast, the strongest first, and last what is not said.

    `sign` -1 turns it round, for the risk of the opposite. `probability` is the one that is explained, after turning.
    """
    logit = math.log(max(probability, 1e-6)) - math.log(max(1 - probability, 1e-6))
    found: list[Reason] = []

    def add(kind: str, place: str, said: str, effect: float, words: list[str]) -> None:
        effect *= sign
        points = 100 * (probability - 1 / (1 + math.exp(effect - logit)))
        shown = said if len(said) <= _SHOWN else said[:_SHOWN].rsplit(" ", 1)[0] + " ..."
        found.append(
            Reason(kind=kind, place=place, text=shown, words=words, effect=round(effect, 4), points=round(points, 2))  # type: ignore[arg-type]
        )

    by_word = _by_word(model, row, moved, text)
    starts = sorted(by_word)
    for passage in passages(text):
        inside = starts[bisect_right(starts, passage.start - 1) : bisect_right(starts, passage.end - 1)]
        if not inside:
            continue
        effect = sum(by_word[at][1] for at in inside)
        each: dict[str, float] = defaultdict(float)
        for at in inside:
            each[by_word[at][0]] += by_word[at][1]
        same = sorted((word for word in each if each[word] * effect > 0), key=lambda word: -abs(each[word]))
        add("text", passage.place, text[passage.start : passage.end].strip(" -"), effect, same[:MOST_WORDS])
    for (place, said), effect in _by_fact(model, moved, facts).items():
        add("fact", place, said, effect, [])
    found = sorted(found, key=lambda reason: -abs(reason.effect))[: MOST_REASONS - 1]
    absent = moved.said.copy()
    absent[row.columns] = 0
    strength = abs(absent[: len(model.shape.words)])
    missing = strength.argpartition(-MOST_WORDS)[-MOST_WORDS:] if len(strength) > MOST_WORDS else strength.argsort()
    by_strength = sorted(missing.tolist(), key=lambda column: (-strength[column], column))
    words = [model.shape.words[column] for column in by_strength if absent[column]]
    if words:
        said = "words that other trials have and this one lacks"
        add("absent", "Not said", said, float(absent.sum()), words)
    return found


def _by_word(model: Model, row: Row, moved: Moved, text: str) -> dict[int, tuple[str, float]]:
    """What each word of a text added, by where it begins; a pair of words is shared between the two."""
    tokens = [(match.start(), match.end()) for match in _WORD.finditer(text)]
    starts = [start for start, _ in tokens]
    found = dict.fromkeys(starts, 0.0)
    for column in row.columns.tolist():
        effect = float(moved.said[column])
        if not effect:
            continue
        spans = row.spans[column]
        is_pair = column < len(model.shape.words) and " " in model.shape.words[column]
        for start, end in spans:
            ends = (start, end - 1) if is_pair else (start,)
            for at in ends:
                place = max(bisect_right(starts, at) - 1, 0)
                if starts:
                    found[starts[place]] += effect / len(spans) / len(ends)
    return {start: (text[start:end].lower(), found[start]) for start, end in tokens}


_FACTS = (
    (
        re.compile(r"(?:criteria|inclusion|exclusion)_"),
        "Eligibility criteria",
        "length, items, limits, subjects",
    ),
    (re.compile(r"interventions?(?:$|_(?!model))"), "Interventions", "their number, names and kinds"),
    (re.compile(r"conditions$|cancer$"), "Conditions", "their number, and whether they are cancers"),
    (re.compile(rf"{AREA}$"), "Conditions", "their therapeutic area"),
    (re.compile(rf"{SUBSTANCE}$"), "Interventions", "the kind of substance"),
    (re.compile(r"phases?$"), "Phase", "the phase, or that none is given"),
    (re.compile(r"arms$"), "Arms", "their number"),
)


def _by_fact(model: Model, moved: Moved, facts: Mapping[str, str | float]) -> dict[tuple[str, str], float]:
    """What facts added; those that belong together as one."""
    found: dict[tuple[str, str], float] = defaultdict(float)
    for place, effect in enumerate(moved.facts.tolist()):
        if not effect:
            continue
        name = model.shape.facts[place].partition("=")[0]
        head, said = next(
            ((head, said) for known, head, said in _FACTS if known.match(name)),
            (name.replace("_", " ").capitalize(), str(facts.get(name, "not given")).replace("_", " ").lower()),
        )
        found[head, said] += effect
    return found
