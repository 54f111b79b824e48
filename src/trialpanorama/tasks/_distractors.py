"""Sets of four trials that are alike, so that what belongs to one is a distractor for the other three.

Each of the four is asked about once, with the same four options, and each option is the right one once. So nothing
about the options alone, neither length nor style nor subject, tells which is right. What the description shares with
the options would tell: words that stand in some options and in some of the four descriptions are masked in the
descriptions, whichever trial they belong to, and a trial's own interventions are masked in the options.
"""

from __future__ import annotations

import math
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Literal

import msgspec

from trialpanorama.tasks import SEED, Split
from trialpanorama.tasks._replies import words
from trialpanorama.tasks._trials import Start, Trial, describe, trials

if TYPE_CHECKING:
    import duckdb

MASK, INTERVENTION = "[masked]", "[intervention]"
FOUR = 4

_AT_ONCE = 10_000
"""Trials among which fours are sought: a random part of a split, so that memory does not grow with the warehouse."""
_CANDIDATES, _BEST = 150, 20
_TOO_ALIKE = 0.6
"""Share of words in common above which two texts may both be right."""
_TELLING, _FEWEST = 0.3, 5
"""A word that stands in more than this share of all texts (and in more than so many) gives nothing away."""
_FEWEST_KEYS = 2
_WORD = re.compile(r"[^\W_]+")
_STOP_WORDS = frozenset(
    _WORD.findall(
        "a an and are as at be by for from has have in is it its no not of on or than that the their this to was were "
        "which who will with within up after before during"
    )
)
_NO_CONDITION = frozenset(["healthy", "healthy volunteers", "healthy volunteer", "healthy participants", "health"])
"""Stand where a register asks for a condition, and make no two trials alike."""

Likeness = Literal["same condition", "related condition", "same design"]


def key(word: str) -> str:
    """What two forms of a word have in common: its first six letters."""
    return word[:6].lower()


def keys(text: str) -> frozenset[str]:
    """The words of a text that say something, by their keys."""
    return frozenset(key(word) for word in _WORD.findall(text.lower()) if word not in _STOP_WORDS)


def forms(text: str) -> frozenset[str]:
    """The words of a text as they are, and their keys with a star: what two texts may be recognised by.

    Keys alone would take words of one beginning for one word, and words alone would miss other forms of a word.
    """
    said = frozenset(word for word in _WORD.findall(text.lower()) if word not in _STOP_WORDS)
    return said | {f"{key(word)}*" for word in said}


def overlap(one: frozenset[str], other: frozenset[str]) -> float:
    """Share of words in common, from 0 to 1."""
    common = len(one & other)
    return common / (len(one) + len(other) - common) if one or other else 1.0


def too_alike(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether what is right for one trial may be right for another that says the same in other words."""
    return overlap(one, other) >= _TOO_ALIKE


class Facts(msgspec.Struct):
    """What a design task asks of a trial, and what it shows."""

    stem: Start
    """The description without what is asked for."""
    option: str
    items: list[str]
    """All that is right for the trial, one by one."""
    phrases: list[str] = []
    """What must not stand in a description word for word."""
    elsewhere: list[str] = []
    """What else is right for it, though it is not asked for."""
    said: str | None = None
    """The option without what does not tell it from others, as a time frame; the whole option where there is none."""
    parts: list[str] = []
    """The items that the option is made of."""
    kinds: frozenset[str] = frozenset()
    """General kinds that it is of: what two options of one kind say is right of both trials, in whatever words."""
    form: tuple[bool, ...] = ()
    """How the option is written; those of another form would stand out."""
    hides_interventions: bool = True
    """Whether an option must not name what is given, since the description does."""


class Entry(msgspec.Struct):
    """A trial that can be asked about."""

    trial: Trial
    facts: Facts
    keys: frozenset[str]
    own: tuple[frozenset[str], ...]
    """The words of each of its items."""
    elsewhere: tuple[frozenset[str], ...]
    bare: frozenset[str]
    """The words of the option as it is shown: what is given is not named."""
    parts: frozenset[frozenset[str]]
    """The words of each item that the option is made of."""
    names: frozenset[str]
    conditions: frozenset[str]
    condition_keys: frozenset[str]
    kinds: frozenset[str]
    register: str
    concepts: frozenset[str] = frozenset()
    parents: frozenset[str] = frozenset()


class Four(msgspec.Struct):
    """Four trials that are alike, in a fixed order, and how common words are among the trials they were found in."""

    entries: list[Entry]
    likeness: Likeness
    is_common: Callable[[str], bool]

    @property
    def seed(self) -> str:
        """What draws for these four begin with."""
        return f"{SEED}:" + ":".join(sorted(entry.trial.study_id for entry in self.entries))

    @property
    def group(self) -> str:
        """Their samples stand or fall together."""
        return min(entry.trial.group for entry in self.entries)

    def shown(self, texts: Sequence[Sequence[str]]) -> list[list[str]]:
        """The texts of each of the four as options: what is given in any of the trials is not named."""
        conditions = frozenset(word for entry in self.entries for word in entry.condition_keys)
        hidden = frozenset(
            f"{word}*"
            for entry in self.entries
            if entry.facts.hides_interventions
            for word in entry.names - conditions
            if not self.is_common(f"{word}*")
        )
        return [[_hide(text, hidden, INTERVENTION) for text in own] for own in texts]

    def stems(self, texts: Sequence[Sequence[str]]) -> list[Start]:
        """The four descriptions, without words or phrases of these options that would tell to which one belongs."""
        said = [forms(describe(entry.facts.stem)) for entry in self.entries]
        asked = [frozenset(form for text in own for form in forms(text)) for own in texts]
        everywhere = frozenset.intersection(*said) | frozenset.intersection(*asked)
        telling = frozenset(
            form
            for form in frozenset.union(*asked) - everywhere
            if len(form.rstrip("*")) > 1 and not self.is_common(form)
        )
        phrases = [phrase for entry in self.entries for phrase in entry.facts.phrases]
        # "[masked] C" would still tell of vitamin C
        phrases += [
            found[0]
            for own in texts
            for text in own
            for found in _LETTERED.finditer(text)
            if found[1].lower() in telling
        ]
        return [without(entry.facts.stem, phrases, telling) for entry in self.entries]


_LETTERED = re.compile(r"\b([^\W\d_]{3,})[ -][A-Z]\d{0,2}\b")
_APART = r"[\W_]+"


def without(start: Start, phrases: Iterable[str], telling: frozenset[str] = frozenset()) -> Start:
    """A description with phrases (whatever stands between their words) and words (by their forms) masked."""
    said = f" {words(describe(start))} "
    found = [
        re.compile(rf"(?i)(?<![^\W_]){_APART.join(map(re.escape, words(phrase).split()))}(?![^\W_])")
        for phrase in sorted(set(phrases), key=lambda phrase: (-len(phrase), phrase))
        # A single word stands in a description for other reasons too; whether it tells is judged with the others.
        if " " in words(phrase) and f" {words(phrase)} " in said
    ]

    def mask(text: str | None) -> str | None:
        if text is None:
            return None
        for phrase in found:
            text = phrase.sub(MASK, text)
        return _hide(text, telling, MASK)

    return msgspec.structs.replace(
        start,
        title=mask(start.title) or "",
        scientific_title=mask(start.scientific_title),
        criteria=mask(start.criteria),
        conditions=[mask(name) or "" for name in start.conditions],
        interventions=[
            msgspec.structs.replace(one, name=mask(one.name) or "", description=mask(one.description))
            for one in start.interventions
        ],
        arms=[
            msgspec.structs.replace(
                arm,
                label=mask(arm.label),
                description=mask(arm.description),
                interventions=[mask(name) or "" for name in arm.interventions],
            )
            for arm in start.arms
        ],
    )


_OURS = re.compile(r"\[(?:masked|intervention|id|acronym)\]|[^\W_]+")


def _hide(text: str, hidden: frozenset[str], mark: str) -> str:
    if not hidden:
        return text

    def hide(found: re.Match[str]) -> str:
        word = found[0].lower()
        return mark if word in hidden or (word[0] != "[" and f"{key(word)}*" in hidden) else found[0]

    text = _OURS.sub(hide, text)
    return re.sub(rf"{re.escape(mark)}(?:[^\S\n]*[-–/,.]?[^\S\n]*{re.escape(mark)})+", mark, text)


def fours(
    con: duckdb.DuckDBPyConnection,
    split: Split,
    facts_of: Callable[[Trial], Facts | str],
    left_out: Counter[str],
) -> Iterator[Four]:
    """Fours of a split, in a fixed order; each trial is in one of them or is counted as left out, by reason."""
    entries = (entry for trial in trials(con, split) if (entry := entry_of(trial, facts_of, left_out)))
    while some := list(islice(entries, _AT_ONCE)):
        _add_concepts(con, some)
        yield from _Pool(some).fours(left_out)


def entry_of(trial: Trial, facts_of: Callable[[Trial], Facts | str], left_out: Counter[str]) -> Entry | None:
    """A trial as it can be asked about; none where it cannot, and why is counted."""
    start = trial.start
    found: Facts | str
    if start.trial_type not in ("INTERVENTIONAL", "OBSERVATIONAL"):
        found = "neither interventional nor observational"
    elif not start.conditions:
        found = "no condition"
    else:
        found = facts_of(trial)
    if isinstance(found, str):
        left_out[found] += 1
        return None
    names = frozenset(
        word for one in start.interventions for word in keys(f"{one.name} {_initials(one.name)}") if len(word) > 2
    )
    condition_keys = frozenset(word for name in start.conditions for word in keys(name))
    bare = keys(found.option if found.said is None else found.said)
    if found.hides_interventions:
        bare -= names - condition_keys
        if len(bare) < _FEWEST_KEYS:
            left_out["nothing but what is given"] += 1
            return None
    return Entry(
        trial=trial,
        facts=found,
        keys=keys(found.option),
        own=tuple(keys(item) for item in found.items),
        elsewhere=tuple(keys(text) for text in found.elsewhere),
        bare=bare,
        parts=frozenset(keys(part) for part in found.parts),
        names=names,
        conditions=frozenset(words(name) for name in start.conditions) - _NO_CONDITION,
        condition_keys=condition_keys,
        kinds=frozenset(one.type or "" for one in start.interventions),
        # The letters that an id begins with tell its register, and with it how its texts are laid out.
        register=re.split(r"[^A-Za-z]", trial.study_id, maxsplit=1)[0],
    )


def _initials(name: str) -> str:
    """What a name of several words may be called for short: LVAD of "Left ventricular assist device"."""
    return "".join(word[0] for word in words(name).split() if word not in _STOP_WORDS)


def _add_concepts(con: duckdb.DuckDBPyConnection, entries: Sequence[Entry]) -> None:
    by_id = {entry.trial.study_id: entry for entry in entries}
    rows = con.execute(
        """SELECT study_id, list(DISTINCT concept_id) FILTER (depth = 0), list(DISTINCT concept_id) FILTER (depth > 0)
           FROM conditions WHERE concept_id IS NOT NULL AND depth <= 2 AND study_id IN (SELECT unnest(?))
           GROUP BY study_id""",
        [sorted(by_id)],
    ).fetchall()
    for study_id, concepts, parents in rows:
        by_id[study_id].concepts = frozenset(concepts or ())
        by_id[study_id].parents = frozenset(parents or ())


class _Pool:
    """Puts trials together that are alike."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = entries
        in_options: Counter[str] = Counter()
        in_texts: Counter[str] = Counter()
        for entry in entries:
            in_options.update(entry.keys)
            in_texts.update(forms(f"{entry.facts.option} {describe(entry.facts.stem)}"))
        most = max(_FEWEST, _TELLING * len(entries))
        common = frozenset(form for form, count in in_texts.items() if count > most)
        self.is_common = common.__contains__
        # A rare word that two texts share says more than a frequent one.
        self.weight = {word: math.log(1 + len(entries) / count) ** 2 for word, count in in_options.items()}
        self.length = [math.sqrt(self._sum(entry.keys)) for entry in entries]

    def fours(self, left_out: Counter[str]) -> Iterator[Four]:
        """Fours of the same condition first, then of related ones, then of the same design."""
        free = set(range(len(self.entries)))
        found: list[Four] = []
        for likeness, ways in _WAYS:
            lists: dict[tuple[str, ...], list[int]] = defaultdict(list)
            for place in sorted(free):
                for way in ways(self.entries[place]):
                    lists[way].append(place)
            # Who has the fewest to choose from chooses first.
            choices = {place: sum(len(lists[way]) for way in ways(self.entries[place])) for place in free}
            for place in sorted(free, key=lambda place: (choices[place], place)):
                if place in free and (team := self._team(place, free, [lists[w] for w in ways(self.entries[place])])):
                    free.difference_update(team)
                    entries = sorted((self.entries[one] for one in team), key=lambda entry: entry.trial.study_id)
                    found.append(Four(entries, likeness, self.is_common))
        left_out["fewer than three similar trials"] += len(free)
        random.Random(SEED).shuffle(found)
        yield from found

    def _team(self, place: int, free: set[int], lists: Sequence[Sequence[int]]) -> list[int] | None:
        """This trial and the three free ones most like it and each other."""
        found: dict[int, None] = {}
        for some in sorted(lists, key=len):
            among = [other for other in some if other in free and other != place]
            # Long lists are sampled, each trial its own part of them.
            if len(among) > _CANDIDATES:
                among = random.Random(f"{SEED}:{self.entries[place].trial.study_id}").sample(among, _CANDIDATES)
            found.update(dict.fromkeys(among))
            if len(found) >= _CANDIDATES:
                break
        known = {(place, other): self._likeness(place, other) for other in found}
        best = sorted(
            (other for other in found if known[place, other] > -math.inf), key=lambda o: (-known[place, o], o)
        )
        best = best[:_BEST]
        team = [place]
        while len(team) < FOUR:
            for other in best:
                if (team[-1], other) not in known:
                    known[team[-1], other] = self._likeness(team[-1], other) if other != team[-1] else -math.inf
            likeness, chosen = max(
                ((sum(known[one, other] for one in team), -other) for other in best if other not in team),
                default=(-math.inf, 0),
            )
            if likeness == -math.inf:
                return None
            team.append(-chosen)
        return team

    def _likeness(self, place: int, other: int) -> float:
        """How alike two trials and their options are; minus infinity where an option may be right for both."""
        one, two = self.entries[place], self.entries[other]
        if (
            one.trial.group == two.trial.group
            or one.facts.form != two.facts.form
            or one.facts.kinds & two.facts.kinds
            or too_alike(one.keys, two.keys)
            or too_alike(one.bare, two.bare)
            # Of two options one of which says less of the same, the lesser is right for both trials.
            or one.bare <= two.bare
            or two.bare <= one.bare
            or _shares_half(one, two)
            or _shares_half(two, one)
            or any(too_alike(own, two.keys) for own in one.own + one.elsewhere)
            or any(too_alike(own, one.keys) for own in two.own + two.elsewhere)
        ):
            return -math.inf
        start, theirs = one.trial.start, two.trial.start
        design = (
            2.0 * bool(one.conditions & two.conditions)
            + 2.0 * bool(one.concepts & two.concepts)
            + 1.0 * (overlap(one.concepts | one.parents, two.concepts | two.parents) if one.concepts else 0.0)
            + 1.0 * overlap(one.condition_keys, two.condition_keys)
            + 1.0 * (one.register == two.register)
            + 0.5 * (start.phases == theirs.phases)
            + 0.5 * bool(one.kinds & two.kinds)
            + 0.5 * (start.trial_type == theirs.trial_type)
            + 0.25 * (start.allocation == theirs.allocation)
            + 0.25 * (_is_open(start) == _is_open(theirs))
            - 0.25 * abs(len(one.facts.items) - len(two.facts.items))
        )
        wording = self._sum(one.keys & two.keys) / (self.length[place] * self.length[other])
        return design + 3.0 * wording - abs(math.log(len(one.facts.option) / len(two.facts.option)))

    def _sum(self, found: frozenset[str]) -> float:
        # Sorted, so that rounding does not hang on the order of a set.
        return math.fsum(self.weight[word] for word in found)


def _shares_half(one: Entry, two: Entry) -> bool:
    """Whether half of the items of an option, or more, are word for word items of another trial."""
    return bool(one.parts) and 2 * len(one.parts.intersection(two.own)) >= len(one.parts)


def _is_open(start: Start) -> bool:
    return start.masking in (None, "NONE")


_Ways = Sequence[tuple[str, ...]]


def _by_condition(entry: Entry) -> _Ways:
    return [("name", name) for name in sorted(entry.conditions)] + [("is", one) for one in sorted(entry.concepts)]


def _by_relation(entry: Entry) -> _Ways:
    return [("is", one) for one in sorted(entry.concepts | entry.parents)] + [
        ("word", word) for word in sorted(entry.condition_keys)
    ]


def _by_design(entry: Entry) -> _Ways:
    return [(entry.trial.start.trial_type or "", *entry.trial.start.phases)]


_WAYS: tuple[tuple[Likeness, Callable[[Entry], _Ways]], ...] = (
    ("same condition", _by_condition),
    ("related condition", _by_relation),
    ("same design", _by_design),
)
