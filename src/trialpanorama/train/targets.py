"""Replies to learn from that are more than the gold: searches that were tried, sizes that are reckoned step by step.

Whatever a task has no such reply for is replied to as the task itself demonstrates.
"""

from __future__ import annotations

import copy
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from trialpanorama.baselines import _assumptions, calculator
from trialpanorama.baselines.retriever import search_for
from trialpanorama.power import Sizing
from trialpanorama.tasks import SEED, AnySample, AnyTask, Sample, Unreadable, warehouse_of
from trialpanorama.tasks._replies import words
from trialpanorama.tasks._reviews import Question
from trialpanorama.tasks.sample_size import Calculation, Planned, SampleSize
from trialpanorama.tasks.study_search import Query, StudySearch, sought

if TYPE_CHECKING:
    import duckdb


def demonstration(chosen: AnyTask, sample: AnySample, *, reasoning: bool = False) -> str | None:
    """The reply to a sample that a model is to imitate; none where there is none worth it.

    For a study search the best of several searches that were run on the snapshot; with `reasoning`, for a sample size
    the calculator's steps before the size; else the task's own demonstration. Raises UserError for a search whose
    snapshot is not there.
    """
    if isinstance(chosen, StudySearch):
        best = tried(chosen, sample) if sample.snapshot else None
        return chosen.reply(best) if best else None
    if reasoning and isinstance(chosen, SampleSize) and (said := reckoned(chosen, sample)):
        return said
    return chosen.demonstration(sample)


# --- searches


_MOST_TITLES = 20_000
"""Titles of a snapshot, drawn at random, that tell how often each word stands in a title anyway."""
_WORD = re.compile(r"[a-z][a-z-]{3,}")
_SIZES = (3, 6, 12)
"""So many words are put into a search, at most."""
_LEAST_LIFT = 3
"""How much oftener a word must stand in titles of included papers than in others."""
_TRIALS = "randomi*[tiab] OR placebo[tiab] OR trial[tiab]"


def tried(chosen: StudySearch, sample: Sample[Question, Query]) -> Query | None:
    """The search that finds most of what the review included: among the first 100, then the first 500.

    Of equals it is the one that finds fewer papers. None where no search finds anything of it.
    """
    found = {query: chosen.score(query, sample) for query in candidates(chosen, sample)}
    if not found:
        return None
    best = max(found, key=lambda q: (found[q]["recall_100"], found[q]["recall_500"], -found[q]["retrieved"]))
    return best if found[best]["recall_500"] else None


def candidates(chosen: StudySearch, sample: Sample[Question, Query]) -> list[Query]:
    """Searches worth trying for a review: what its question offers, and words that its included papers suggest.

    The question offers the task's own demonstration, and itself with the drugs of its topic. The included papers lend
    words that several of their titles share and other titles seldom have: no id, no name of an author and no title.
    """
    found = [search_for(sample)]
    if own := chosen.demonstration(sample):
        read = chosen.read(own, sample)
        found += [] if isinstance(read, Unreadable) else [read]
    telling_words = telling(sample)
    for most in _SIZES:
        if some := telling_words[:most]:
            either = " OR ".join(f"{word}[tiab]" for word in some)
            found += [
                *(Query(_with(text, some), "plain") for text in (sample.inputs.title, found[0].query)),
                Query(either, "pubmed"),
                Query(f"({either}) AND ({_TRIALS})", "pubmed"),
            ]
    return list(dict.fromkeys(found))


def _with(text: str, more: list[str]) -> str:
    """A text with the words that it does not have yet."""
    there = _words(text)
    return " ".join((text, *(word for word in more if word not in there)))


def telling(sample: Sample[Question, Query]) -> list[str]:
    """Words that titles of the included papers share and other titles seldom have, the most telling first."""
    with warehouse_of(sample.snapshot).connect() as con:
        rows = con.execute(
            "SELECT title FROM papers SEMI JOIN (SELECT unnest($ids) AS paper_id) USING (paper_id) "
            "WHERE title IS NOT NULL",
            {"ids": sought(sample)},
        ).fetchall()
    usual, total = _usual(sample.snapshot)
    named = Counter(word for (title,) in rows for word in _words(title))
    # A word of one title alone would point at that paper.
    least = max(2, math.ceil(len(rows) / 10))
    lift = {
        word: math.log((count / len(rows)) / ((usual[word] + 0.5) / (total + 1))) * math.sqrt(count)
        for word, count in named.items()
        if count >= least and count / len(rows) >= _LEAST_LIFT * (usual[word] + 0.5) / (total + 1)
    }
    return sorted(lift, key=lambda word: (-lift[word], word))


@lru_cache(maxsize=4)
def _usual(snapshot: str) -> tuple[Counter[str], int]:
    """In how many titles of a random part of a snapshot's papers each word stands, and how many titles that are."""
    with warehouse_of(snapshot).connect() as con:
        rows = con.execute(
            f"SELECT title FROM papers WHERE title IS NOT NULL ORDER BY md5('{SEED}:' || paper_id) LIMIT {_MOST_TITLES}"
        ).fetchall()
    return Counter(word for (title,) in rows for word in _words(title)), len(rows)


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))


# --- sizes


def reckoned(chosen: SampleSize, sample: Sample[Calculation, Planned]) -> str | None:
    """The calculator's steps in <think> tags, then the reply with the size that they come to.

    Only where all that the calculation needs was read in the text, and its size is within 5 % of the right one: steps
    that end elsewhere would teach to reckon towards a number that does not follow. Else none.
    """
    asked = sample.inputs
    reading = calculator.reading_of(asked)
    try:
        sizing, arms = calculator.calculation(reading.assumptions)
    except calculator.NotEnough:
        return None
    required = calculator.required_by(sizing, arms, reading.assumptions)
    size = required.size(asked.answer_type, asked.includes_drop_out)
    if size <= 0 or not calculator.claims_all(reading, asked.answer_type):
        return None
    answer = Planned(size, asked.answer_type)
    if not chosen.score(answer, sample)["within_5"]:
        return None
    lines = [
        f"Formula: {sizing.formula}.",
        *_assumed(reading.assumptions, sizing),
        *sizing.steps,
        *_enrolled(reading.assumptions, sizing, required, arms, asked),
        f"Asked is {_MEANT[asked.answer_type]}: {size:,}.",
    ]
    return "\n".join(("<think>", *lines, "</think>", "", chosen.reply(answer)))


_MEANT = {"total": "the total of all arms", "per_arm": "the size of an arm", "events": "the number of events"}
_USUAL = ("alpha", "sides", "power")
_SPELT = {"sd": "SD", "icc": "ICC", "drop_out": "drop-out"}


def _assumed(told: _assumptions.Assumptions, sizing: Sizing) -> Iterator[str]:
    """What was read in the text; and what is assumed as planners do, where the text does not say it."""
    said = {key: value for key, value in msgspec.structs.asdict(told).items() if value is not None and key != "design"}
    yield f"The text says: {'; '.join(f'{_spelt(key)} {_number(value)}' for key, value in said.items())}."
    usual = [
        f"{_spelt(key)} {_number(value)}"
        for key, value in sizing.assumptions.items()
        if key in _USUAL and getattr(told, key) is None
    ]
    if usual:
        yield f"It does not say, and usual is: {'; '.join(usual)}."


def _enrolled(
    told: _assumptions.Assumptions,
    sizing: Sizing,
    required: calculator.Required,
    arms: int,
    asked: Calculation,
) -> Iterator[str]:
    """What is reckoned after the calculation: several arms, a design effect, drop-out."""
    if asked.answer_type == "events":
        return
    if required.total != sizing.n_total:
        effect = f" and a design effect of {_number(told.design_effect)}" if told.design_effect else ""
        yield f"With arms: {arms}{effect}: {required.per_arm:,} in the largest arm, {required.total:,} in total."
    if asked.includes_drop_out and told.drop_out and told.design != "dropout":
        kept = _number(1 - told.drop_out)
        yield (
            f"Drop-out {_number(told.drop_out)}: each arm is divided by {kept} and rounded up: "
            f"{required.enrolled_per_arm:,} in the largest arm, {required.enrolled_total:,} in total."
        )


def _spelt(key: str) -> str:
    return _SPELT.get(key, key.replace("_", " "))


def _number(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


# --- linked concepts

HEAD = "Concepts that words of this description were linked to:"
_MOST_CONCEPTS = 30
_MENTIONS = """
    SELECT DISTINCT study_id, text, concept_name, concept_id
    FROM mentions SEMI JOIN (SELECT unnest($ids) AS study_id) USING (study_id)
    WHERE kind NOT IN ('endpoint', 'adverse_event') AND field NOT IN ('outcomes', 'adverse_events')
        AND concept_id IS NOT NULL AND concept_name IS NOT NULL AND text IS NOT NULL
        AND NOT coalesce(is_negated, false) AND NOT coalesce(is_history, false)
    ORDER BY ALL"""


def linked(chosen: AnyTask, con: duckdb.DuckDBPyConnection, samples: Iterable[AnySample]) -> AnyTask:
    """The task with the concepts that words of a description were linked to below it, in the prompts of these samples.

    Of the concepts of a trial only those are shown whose words stand in the description as it is shown, so nothing that
    was masked comes back; and none whose name has a word that an option (or an item that is to be written) has and the
    description has not.
    """
    mentions: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for subject, *mention in con.execute(_MENTIONS, {"ids": sorted({one.subject for one in samples})}).fetchall():
        mentions[subject].append((mention[0], mention[1], mention[2]))

    def prompt(sample: AnySample) -> str:
        text, whole = chosen.text(sample), chosen.prompt(sample)
        block = concepts(chosen, sample, mentions.get(sample.subject, ()))
        return whole.replace(text, f"{text}\n\n{block}", 1) if block else whole

    found = copy.copy(chosen)
    vars(found)["prompt"] = prompt
    return found


def concepts(chosen: AnyTask, sample: AnySample, mentions: Iterable[tuple[str, str, str]]) -> str:
    """The lines to stand below a description, in the order of its words; empty where nothing is to be shown.

    `mentions` are words of the trial's record with the name and id of the concept that they were linked to.
    """
    text = chosen.text(sample)
    said = f" {words(text)} "
    # What was masked for the sake of the answer; never the letter or label itself, whose traces would tell it.
    answers: Iterable[str] = getattr(sample.inputs, "options", ()) or getattr(sample.gold, "items", ())
    told = set(words(" ".join(answers)).split()).difference(said.split())
    at: dict[tuple[str, str], int] = {}
    for mention, name, id in mentions:
        place = said.find(f" {words(mention)} ") if words(mention) else -1
        if place >= 0 and told.isdisjoint(words(name).split()):
            line = (name, id)
            at[line] = min(place, at.get(line, place))
    if not at or text not in chosen.prompt(sample):
        return ""
    lines = sorted(at, key=lambda line: (at[line], line))[:_MOST_CONCEPTS]
    return "\n".join((HEAD, *(f"- {name} ({id})" for name, id in lines)))
