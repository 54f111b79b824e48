"""What one split knows of another, looked for in the samples as they were written: ids, texts, citations."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

import msgspec

from trialpanorama import identifiers
from trialpanorama.tasks import SPLITS, AnyTask, Split

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Shingles = NDArray[np.uint64]

SHINGLE_WORDS = 10
"""Words in a row that two texts must share to share anything."""
NEAR = 0.5
"""Share of the shorter text's runs of words that are in the other, from which on two texts are near-duplicates."""
_KEPT = 8
"""One of so many shingles is compared: the choice depends on the shingle alone, so that shares stay as they are."""
_FEWEST = 5
"""Kept shingles that a text needs to be compared at all: a handful of words is no text to be known again."""
_COMMON = 40
"""A run of words in more texts than this is a formula of the field, and tells no text from another."""
_SHOWN = 50


class Crossing(msgspec.Struct, kw_only=True):
    """A trial, paper or review that samples of several splits are made of."""

    id: str
    where: dict[str, list[str]]
    """Tasks by split."""


class NearDuplicate(msgspec.Struct, kw_only=True):
    """A test sample (or one for validation) whose text an earlier split has."""

    sample: str
    task: str
    split: Split
    other: str
    other_task: str
    other_split: Split
    shared: float
    """Share of the shorter text's runs of words that are in both."""


class Citation(msgspec.Struct, kw_only=True):
    """A sample of an earlier split in whose text an id of a later one stands."""

    sample: str
    task: str
    split: Split
    cites: str
    of_split: Split


class Contamination(msgspec.Struct, kw_only=True):
    """What was found; the lists hold the first fifty of each."""

    samples: int
    compared: int
    """Samples whose text is long enough to be compared."""
    crossing_ids: int
    crossing: list[Crossing]
    near_duplicate_samples: int
    """Samples for test or validation with a near-duplicate in an earlier split."""
    near_duplicates_by_task: dict[str, int]
    near_duplicates: list[NearDuplicate]
    citations: int
    citing: list[Citation]


def contamination(folder: Path, tasks: Mapping[str, AnyTask]) -> Contamination:
    """Compare the splits of all tasks whose samples lie in a folder."""
    import numpy as np

    names: list[tuple[str, str, Split]] = []
    entities: dict[str, dict[Split, set[str]]] = defaultdict(lambda: defaultdict(set))
    said: list[tuple[int, set[str]]] = []
    shingles: list[Shingles] = []
    vocabulary: dict[str, int] = {}
    for name, task in tasks.items():
        for split in SPLITS:
            with (folder / name / f"{split}.jsonl").open("rb") as file:
                for line in file:
                    sample = task.decode(line)
                    for id in {sample.subject, *sample.entities}:
                        entities[id][split].add(name)
                    text = task.text(sample)
                    found = {known.id for known in identifiers.find(text)}
                    if found:
                        said.append((len(names), found))
                    # Generated designs are worded by templates, and divided by what they ask to calculate.
                    is_generated = sample.strata.get("origin") == "generated"
                    shingles.append(_shingles("" if is_generated else text, vocabulary))
                    names.append((sample.id, name, split))
    crossing = [
        Crossing(id=id, where={split: sorted(where[split]) for split in SPLITS if split in where})
        for id, where in sorted(entities.items())
        if len(where) > 1
    ]
    order = {split: place for place, split in enumerate(SPLITS)}
    citing = [
        Citation(sample=names[at][0], task=names[at][1], split=names[at][2], cites=id, of_split=split)
        for at, found in said
        for id in sorted(found)
        for split in entities.get(id, ())
        if order[split] > order[names[at][2]]
    ]
    near = _near_duplicates(shingles, np.array([order[split] for _, _, split in names], np.int64))
    return Contamination(
        samples=len(names),
        compared=sum(len(one) >= _FEWEST for one in shingles),
        crossing_ids=len(crossing),
        crossing=crossing[:_SHOWN],
        near_duplicate_samples=len(near),
        near_duplicates_by_task=dict(sorted(Counter(names[later][1] for later in near).items())),
        near_duplicates=[
            NearDuplicate(
                sample=names[later][0],
                task=names[later][1],
                split=names[later][2],
                other=names[earlier][0],
                other_task=names[earlier][1],
                other_split=names[earlier][2],
                shared=round(shared, 3),
            )
            for later, (earlier, shared) in list(near.items())[:_SHOWN]
        ],
        citations=len(citing),
        citing=citing[:_SHOWN],
    )


def _shingles(text: str, vocabulary: dict[str, int]) -> Shingles:
    """Hashes of a text's runs of words, thinned out; ascending, each once."""
    import numpy as np

    words = re.findall(r"[^\W_]+", text.lower())
    if len(words) < SHINGLE_WORDS:
        return np.empty(0, np.uint64)
    numbers = np.array(
        [vocabulary.get(word) or vocabulary.setdefault(word, crc32(word.encode()) | 1 << 33) for word in words],
        np.uint64,
    )
    runs = np.lib.stride_tricks.sliding_window_view(numbers, SHINGLE_WORDS)
    factors = np.array([pow(0x9E3779B97F4A7C15, power + 1, 1 << 64) for power in range(SHINGLE_WORDS)], np.uint64)
    hashed = (runs * factors).sum(axis=1, dtype=np.uint64)
    hashed ^= hashed >> np.uint64(29)
    return np.unique(hashed[hashed % np.uint64(_KEPT) == 0])


def _near_duplicates(shingles: list[Shingles], side: NDArray[np.int64]) -> dict[int, tuple[int, float]]:
    """For each text with near-duplicates in an earlier split, the nearest of them and the share they have in common."""
    import numpy as np

    sizes = np.array([len(one) for one in shingles], np.int64)
    if not sizes.sum():
        return {}
    values = np.concatenate(shingles)
    owners = np.repeat(np.arange(len(shingles)), sizes)
    order = np.argsort(values, kind="stable")
    values, owners = values[order], owners[order]
    edges = np.flatnonzero(np.diff(values)) + 1
    shared: Counter[tuple[int, int]] = Counter()
    for run in _runs(edges, len(values)):
        texts = owners[run]
        if 1 < len(texts) <= _COMMON and len(set(side[texts].tolist())) > 1:
            for later in texts.tolist():
                shared.update((later, earlier) for earlier in texts.tolist() if side[earlier] < side[later])
    nearest: dict[int, tuple[int, float]] = {}
    for (later, earlier), common in sorted(shared.items()):
        shorter = int(min(sizes[later], sizes[earlier]))
        if shorter >= _FEWEST and common / shorter >= NEAR and common / shorter > nearest.get(later, (0, 0.0))[1]:
            nearest[later] = (earlier, common / shorter)
    return dict(sorted(nearest.items()))


def _runs(edges: NDArray[np.int64], length: int) -> Iterable[slice]:
    start = 0
    for end in [*edges.tolist(), length]:
        if end - start > 1:
            yield slice(start, end)
        start = end
