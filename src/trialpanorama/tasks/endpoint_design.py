"""Which of four primary endpoints belongs to this trial.

The other three are primary endpoints of other trials of the same split, as like this one as can be had: the same
condition (else a related one), phase and kind of intervention, worded like the right one, about as long, and sharing
no fewer words with the description where such are to be had, so that counting words does not give the answer away.
`baseline/lexical` measures how far it still does.
"""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, ClassVar

import msgspec

from trialpanorama.tasks import NOT_NEEDED, SEED, Sample, Split
from trialpanorama.tasks._choice import LETTERS, Choice, ChoiceTask, Chosen
from trialpanorama.tasks._replies import words
from trialpanorama.tasks._trials import Start, Trial, count, describe, trials

if TYPE_CHECKING:
    import duckdb

_READ_FOR_EACH = 3
"""Trials that are read for each sample asked for: the others are rivals, or have no endpoint to ask for."""
_CANDIDATES = 150
_TOO_ALIKE = 0.6
"""Share of words in common above which two endpoints may both be right."""
_LONGEST = 400
_STOP_WORDS = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "by",
        "for",
        "from",
        "in",
        "is",
        "it",
        "no",
        "not",
        "of",
        "on",
        "or",
        "the",
        "to",
        "with",
        "within",
        "up",
        "after",
        "before",
        "during",
        "baseline",
        "change",
        "from",
        "day",
        "days",
        "week",
        "weeks",
        "month",
        "months",
        "year",
        "years",
        "time",
        "study",
        "treatment",
        "patients",
        "participants",
        "subjects",
        "group",
    ]
)


class _Entry(msgspec.Struct):
    """A trial with an endpoint that can be asked for."""

    trial: Trial
    endpoint: str
    """As it is shown."""
    tokens: frozenset[str]
    stem: frozenset[str]
    conditions: frozenset[str]
    condition_words: frozenset[str]
    kinds: frozenset[str]
    own: tuple[frozenset[str], ...]
    """The words of every endpoint of the trial."""


class EndpointDesign(ChoiceTask):
    """Choose the primary endpoint."""

    name = "endpoint_design"
    version = 1
    title = "Endpoint design"
    meaning = "Which of four primary endpoints belongs to the trial described; the others come from similar trials."
    # As many as the published benchmark has.
    most_samples: ClassVar[Mapping[Split, int]] = {"train": 27_321, "validation": 1_000, "test": 1_000}
    question = "Which of these is a primary endpoint of this trial?"

    def samples(
        self, con: duckdb.DuckDBPyConnection, split: Split, left_out: Counter[str] | None = None
    ) -> Iterator[Sample[Choice, Chosen]]:
        """One question for each trial of a split that has a primary endpoint and three rivals."""
        counted: Counter[str] = Counter() if left_out is None else left_out
        most = self.most_samples[split]
        chosen = islice(trials(con, split), _READ_FOR_EACH * most)
        entries = [entry for trial in chosen if (entry := _entry(trial, counted))]
        if (unread := count(con, split) - _READ_FOR_EACH * most) > 0:
            counted[NOT_NEEDED] += unread
        pool = _Pool(entries)
        made = 0
        letters: list[int] = []
        for place, entry in enumerate(entries):
            if made == most:
                counted[NOT_NEEDED] += len(entries) - place
                break
            rivals = pool.rivals(place)
            if len(rivals) < len(LETTERS) - 1:
                counted["fewer than three similar endpoints"] += 1
                continue
            # Each run of four samples has its right answer once at each letter.
            if not letters:
                letters = random.Random(f"{SEED}:{split}:{made}").sample(range(len(LETTERS)), len(LETTERS))
            right = letters.pop()
            options = [entries[rival].endpoint for rival in rivals]
            random.Random(f"{SEED}:{entry.trial.study_id}").shuffle(options)
            options.insert(right, entry.endpoint)
            made += 1
            yield Sample(
                id=f"{entry.trial.study_id}@{self.version}",
                subject=entry.trial.study_id,
                split=split,
                group=entry.trial.group,
                date=entry.trial.date,
                is_fictional=entry.trial.is_fictional,
                inputs=Choice(entry.trial.start, options),
                gold=Chosen(LETTERS[right]),
            )


def _tokens(text: str) -> frozenset[str]:
    return frozenset(word for word in words(text).split() if word not in _STOP_WORDS)


def _entry(trial: Trial, counted: Counter[str]) -> _Entry | None:
    if trial.start.trial_type not in ("INTERVENTIONAL", "OBSERVATIONAL"):
        counted["neither interventional nor observational"] += 1
        return None
    if not trial.primary:
        counted["no primary endpoint"] += 1
        return None
    if not trial.start.conditions:
        counted["no condition"] += 1
        return None
    stem = describe(trial.start)
    plain_stem = f" {words(stem)} "
    usable = [
        (measure, frame) for measure, frame in trial.primary if len(_tokens(measure)) >= 2 and len(measure) <= _LONGEST
    ]
    if not usable:
        counted["no endpoint of two words or more"] += 1
        return None
    measure, frame = next(((m, f) for m, f in usable if f" {words(m)} " not in plain_stem), (None, None))
    if measure is None:
        counted["the description contains the endpoint"] += 1
        return None
    frame = frame if frame and len(frame) <= 80 else None
    return _Entry(
        trial=trial,
        endpoint=f"{measure} (time frame: {frame})" if frame else measure,
        tokens=_tokens(measure),
        stem=_tokens(stem),
        conditions=frozenset(words(name) for name in trial.start.conditions),
        condition_words=frozenset(word for name in trial.start.conditions for word in _tokens(name)),
        kinds=frozenset(i.type or "" for i in trial.start.interventions),
        own=tuple(_tokens(text) for text in trial.measures),
    )


class _Pool:
    """Finds the rivals of an endpoint among the trials of its split."""

    def __init__(self, entries: Sequence[_Entry]) -> None:
        self.entries = entries
        self.by_condition: dict[str, list[int]] = defaultdict(list)
        self.by_word: dict[str, list[int]] = defaultdict(list)
        self.by_design: dict[tuple[str, ...], list[int]] = defaultdict(list)
        frequency: Counter[str] = Counter()
        for place, entry in enumerate(entries):
            for name in sorted(entry.conditions):
                self.by_condition[name].append(place)
            for word in sorted(entry.condition_words):
                self.by_word[word].append(place)
            self.by_design[_design(entry.trial.start)].append(place)
            frequency.update(entry.tokens)
        # A rare word that two texts share says more than a frequent one.
        self.weight = {word: 1 / (1 + count) ** 0.5 for word, count in frequency.items()}

    def rivals(self, place: int) -> list[int]:
        """Up to three entries that are as like this one as can be had, yet certainly wrong."""
        entry = self.entries[place]
        ranked = sorted(
            (-self._likeness(entry, self.entries[other]), self.entries[other].trial.study_id, other)
            for other in self._candidates(place)
            if self._is_wrong(entry, self.entries[other])
        )
        chosen: list[int] = []
        for _, _, other in ranked:
            if all(_overlap(self.entries[other].tokens, self.entries[one].tokens) < _TOO_ALIKE for one in chosen):
                chosen.append(other)
                if len(chosen) == len(LETTERS) - 1:
                    break
        return chosen

    def _candidates(self, place: int) -> list[int]:
        entry = self.entries[place]
        places: dict[int, None] = {}
        lists = [self.by_condition[name] for name in sorted(entry.conditions)]
        lists += sorted((self.by_word[word] for word in sorted(entry.condition_words)), key=len)
        lists.append(self.by_design[_design(entry.trial.start)])
        for found in lists:
            # Long lists are sampled, each trial its own part of them.
            if len(found) > _CANDIDATES:
                found = random.Random(f"{SEED}:{entry.trial.study_id}").sample(found, _CANDIDATES)
            places.update(dict.fromkeys(found))
            if len(places) > _CANDIDATES:
                break
        return [other for other in places if other != place]

    def _is_wrong(self, entry: _Entry, other: _Entry) -> bool:
        if other.trial.group == entry.trial.group or _overlap(entry.tokens, other.tokens) >= _TOO_ALIKE:
            return False
        return all(_overlap(own, other.tokens) < _TOO_ALIKE for own in entry.own)

    def _likeness(self, entry: _Entry, other: _Entry) -> float:
        start, theirs = entry.trial.start, other.trial.start
        same = (
            4.0 * bool(entry.conditions & other.conditions)
            + 1.0 * _overlap(entry.condition_words, other.condition_words)
            + 0.5 * (start.phases == theirs.phases)
            + 0.5 * bool(entry.kinds & other.kinds)
            + 0.5 * (start.trial_type == theirs.trial_type)
        )
        answer = self._shared(entry.tokens & other.tokens, entry.tokens | other.tokens)
        mine, theirs_in_mine = (self._shared(tokens & entry.stem, tokens) for tokens in (entry.tokens, other.tokens))
        # On 1,000 real trials these weights left 33 % to the option with most shared words, 20 % to that with fewest,
        # 24 % to the longest and 19 % to the shortest.
        length = abs(math.log(len(entry.endpoint) / len(other.endpoint)))
        return same + 2.0 * answer - 6.0 * max(0.0, mine - theirs_in_mine) - length

    def _shared(self, common: frozenset[str], everything: frozenset[str]) -> float:
        weight = self.weight
        total = sum([weight.get(word, 1.0) for word in everything])
        return sum([weight.get(word, 1.0) for word in common]) / total if common else 0.0


def _design(start: Start) -> tuple[str, ...]:
    return (start.trial_type or "", *start.phases)


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    common = len(one & other)
    return common / (len(one) + len(other) - common) if one or other else 1.0


TASK = EndpointDesign()
