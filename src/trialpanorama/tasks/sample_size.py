"""How many participants: from the design and assumptions of a trial to its size.

Samples are of two kinds, told apart by the stratum `origin` and never mixed in a figure. `reported`: power statements
of registered trials, abstracts and full texts, with every size masked; the key is the size that the authors state.
`generated`: designs made up, whose size is exact. Total, per arm and events are different questions: a reply in another
unit is converted where the arms are known to be equal, else it is wrong and counted apart.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, get_args

import msgspec

from trialpanorama.tasks import NOT_NEEDED, SEED, Metric, Sample, Split, Task, Unreadable
from trialpanorama.tasks._power_statements import ASKED, OTHER, AnswerType, Statement, statements
from trialpanorama.tasks._replies import json_objects, spoken, words
from trialpanorama.tasks._size_designs import designs
from trialpanorama.tasks._splits import split_all
from trialpanorama.tasks._trials import Mask

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    from numpy.typing import NDArray

    Columns = Mapping[str, NDArray[np.float64]]

MOST_GENERATED: Mapping[Split, int] = {"train": 3_000, "validation": 200, "test": 500}
WORST = math.log(10)
"""Log error of an answer that is ten times too large or too small, or worse, or that cannot be read."""
_LARGEST = 10**9


class Calculation(msgspec.Struct, frozen=True):
    """A design in words, and what is asked of it."""

    text: str
    answer_type: AnswerType
    arms: int | None = None
    """How many arms of equal size there are, where that is known: only then are totals and sizes per arm converted."""
    includes_drop_out: bool | None = None
    """Whether the stated drop-out is to be allowed for; none where none is stated."""


class Planned(msgspec.Struct, frozen=True):
    """A size, and what it counts."""

    sample_size: int
    unit: AnswerType


# --- metrics


def _of(origin: float, compute: Callable[[Columns], float]) -> Callable[[Columns], float]:
    """A figure over the samples of one origin; not a number where a run has none of it."""

    def computed(columns: Columns) -> float:
        import numpy as np

        if "reported" not in columns:
            return math.nan
        chosen = columns["reported"] == origin
        if not chosen.any():
            return math.nan
        return compute({key: np.asarray(values)[chosen] for key, values in columns.items()})

    return computed


def _median(key: str) -> Callable[[Columns], float]:
    def computed(columns: Columns) -> float:
        import numpy as np

        return float(np.median(columns[key]))

    return computed


def _mean(key: str) -> Callable[[Columns], float]:
    return lambda columns: float(columns[key].mean())


def _metrics(origin: float, suffix: str, of: str) -> Iterator[Metric]:
    for share in (20, 10, 5):
        yield Metric(
            f"within_{share}{suffix}",
            f"Within {share} % ({of})",
            "higher",
            f"Share of answers from 1/{1 + share / 100:g} to {1 + share / 100:g} times the size, as far down as up on "
            f"the log scale; {of}",
            _of(origin, _mean(f"within_{share}")),
        )
    for name, compute in (("median", _median("log_error")), ("mean", _mean("log_error"))):
        yield Metric(
            f"{name}_log_error{suffix}",
            f"{name.capitalize()} log error ({of})",
            "lower",
            f"The {name} of |ln(answer / size)|, the same for twice as many and half as many; at most ln 10, which an "
            f"unreadable reply gets; {of}",
            _of(origin, compute),
        )
    yield Metric(
        f"mae{suffix}",
        f"Mean absolute error ({of})",
        "lower",
        f"In participants or events; an unreadable reply counts as 0; a few huge trials rule it; {of}",
        _of(origin, _mean("error")),
    )


class SampleSize(Task[Calculation, Planned]):
    """How many participants a trial needs."""

    name = "sample_size"
    version = 3
    title = "Sample size"
    meaning = "From the stated design and assumptions to the number of participants or events that they call for."
    most_samples: ClassVar[Mapping[Split, int]] = {"train": 20_000, "validation": 2_000, "test": 4_000}
    inputs = Calculation
    answer = Planned
    metrics = (
        *_metrics(1.0, "", "reported"),
        *_metrics(0.0, "_generated", "generated"),
        Metric(
            "other_unit",
            "In another unit",
            "lower",
            "Share of answers, of either origin, that count something else than was asked and cannot be converted; "
            "they are wrong",
            _mean("other_unit"),
        ),
    )

    def samples(
        self, con: duckdb.DuckDBPyConnection, split: Split, left_out: Counter[str] | None = None
    ) -> Iterator[Sample[Calculation, Planned]]:
        """Reported and generated samples in turn, as long as there are both: the first n hold some of each."""
        counted: Counter[str] = Counter() if left_out is None else left_out
        reported = _reported(con, split, counted, self.version)
        generated = self._generated(split)
        made = 0
        sources: list[Iterator[Sample[Calculation, Planned]]] = [reported, generated]
        while sources and made < self.most_samples[split]:
            for source in list(sources):
                sample = next(source, None)
                if sample is None:
                    sources.remove(source)
                elif made < self.most_samples[split]:
                    made += 1
                    yield sample
        if unread := sum(1 for source in sources for _ in source):
            counted[NOT_NEEDED] += unread

    def _generated(self, split: Split) -> Iterator[Sample[Calculation, Planned]]:
        made = designs(_split_of, split, MOST_GENERATED[split], SEED)
        for number, design in enumerate(made, 1):
            name = f"design-{split}-{number:05d}"
            yield Sample(
                id=f"{name}@{self.version}",
                subject=name,
                split=split,
                group=name,
                # Nothing dates what is made up; it is younger than any model.
                date="",
                strata={"origin": "generated", "method": design.method},
                inputs=Calculation(design.text, design.answer_type, design.arms, design.includes_drop_out),
                gold=Planned(design.size, design.answer_type),
            )

    def prompt(self, sample: Sample[Calculation, Planned]) -> str:
        """The text, what is asked, and the form of the reply."""
        asked = sample.inputs
        hidden = ""
        if ASKED in asked.text:
            others = f" ({OTHER} stands for other sizes)" if OTHER in asked.text else ""
            hidden = f"{ASKED} is the number that you are asked for{others}.\n"
        lost = {
            True: " Allow for the drop-out that is stated.",
            False: " Do not add an allowance for drop-out.",
            None: "",
        }
        return (
            "A trial is planned as follows.\n\n"
            f"{asked.text}\n\n{hidden}{_QUESTIONS[asked.answer_type]}{lost[asked.includes_drop_out]}\n"
            f'Reply with JSON only: {{"sample_size": a whole number, "unit": "{asked.answer_type}"}}'
        )

    rests_on_figures = True

    def wording(self, sample: Sample[Calculation, Planned]) -> str:
        """The design and its assumptions."""
        return sample.inputs.text

    def worded(self, sample: Sample[Calculation, Planned], text: str) -> Sample[Calculation, Planned]:
        """The sample with design and assumptions in other words."""
        return msgspec.structs.replace(sample, inputs=msgspec.structs.replace(sample.inputs, text=text))

    def reply(self, answer: Planned) -> str:
        """The JSON that the prompt asks for."""
        return msgspec.json.encode(answer).decode()

    def read(self, reply: str, sample: Sample[Calculation, Planned]) -> Planned | Unreadable:
        """One whole number with its unit, out of JSON or out of plain words; never one number of several.

        "1,500 patients", "N = 1500", "about 120 per arm" and "240 (120 per arm)" are read, also where JSON holds them;
        a range, a decimal, a negative number, or several that are not told apart by their units are not.
        """
        said = spoken(reply)
        if not said:
            return Unreadable("nothing is said")
        asked = sample.inputs.answer_type
        objects = [found for found in json_objects(said) if _KEYS & found.keys()]
        if not objects:
            final = list(_FINAL.finditer(said))
            return _from_words(final[-1][1] if final else said, asked)
        answers = {_from_object(found, asked) for found in objects}
        if len(answers) > 1:
            return Unreadable("several answers are given")
        return answers.pop()

    def score(self, answer: Planned | Unreadable, sample: Sample[Calculation, Planned]) -> dict[str, float]:
        """Within 20, 10 and 5 %, on the log scale; `correct` is within 20 %."""
        gold = float(sample.gold.sample_size)
        size = 0.0 if isinstance(answer, Unreadable) else _converted(answer, sample.inputs)
        log_error = min(abs(math.log(size / gold)), WORST) if size else WORST
        within = {f"within_{share}": float(log_error <= math.log(1 + share / 100) + 1e-12) for share in (20, 10, 5)}
        return {
            "correct": within["within_20"],
            "unreadable": float(isinstance(answer, Unreadable)),
            "other_unit": float(isinstance(answer, Planned) and not size),
            **within,
            "log_error": log_error,
            "error": abs(size - gold),
            "reported": float(sample.strata.get("origin", "reported") != "generated"),
        }

    def reward(self, scores: Mapping[str, float]) -> float:
        """A third each for being within 20, 10 and 5 %: nearer is better, and nothing pays for being far off."""
        return (scores["within_20"] + scores["within_10"] + scores["within_5"]) / 3

    def text(self, sample: Sample[Calculation, Planned]) -> str:
        """The design in words."""
        return sample.inputs.text

    def features(self, sample: Sample[Calculation, Planned]) -> Mapping[str, str | float]:
        """What is asked."""
        asked = sample.inputs
        return {
            "answer_type": asked.answer_type,
            "drop_out": str(asked.includes_drop_out),
            "arms": float(asked.arms or 0),
        }


_QUESTIONS: dict[AnswerType, str] = {
    "total": "How many participants does this ask for in total, all arms together?",
    "per_arm": "How many participants does this ask for in each arm?",
    "events": "How many events does this ask for in total?",
}


def _split_of(digest: str) -> Split:
    """The split of a generated calculation, by its hash: 70, 10 and 20 %."""
    place = int(digest[:8], 16) / 16**8
    return "train" if place < 0.7 else "validation" if place < 0.8 else "test"


def _converted(answer: Planned, asked: Calculation) -> float:
    """The answer in the unit asked for; 0 where it cannot be converted."""
    if answer.unit == asked.answer_type:
        return float(answer.sample_size)
    if asked.arms is None or "events" in (answer.unit, asked.answer_type):
        return 0.0
    return float(answer.sample_size * asked.arms) if asked.answer_type == "total" else answer.sample_size / asked.arms


# --- reading replies

_UNITS: tuple[AnswerType, ...] = get_args(AnswerType)
_KEYS = {"sample_size", "sample_size_needed", "answer", "n", "total", "per_arm", "events"}
_UNIT_WORDS: dict[str, AnswerType] = {
    "total": "total",
    "in total": "total",
    "overall": "total",
    "per arm": "per_arm",
    "per group": "per_arm",
    "each arm": "per_arm",
    "each group": "per_arm",
    "events": "events",
}
_PEOPLE = re.compile(r"^(?:participants?|patients?|subjects?|people|persons?|individuals?)\b\s*")
"""Whom a size counts; whether in total or per arm they do not say."""
_FINAL = re.compile(
    # Possessive, as a model that says "the answer is" without end would be read for minutes.
    r"(?i)\b(?:final answer|answer|sample size)\b\W{0,4}+(?:(?:is|of|needed|required|total)\b\W{0,4}+){0,3}+"
    r"([^\n\d]*+\d[^\n]*)"
)
_SPACED = re.compile(r"(?<=\d)[,\u00a0\u2009\u202f ](?=\d{3}(?!\d))")
_ANY_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:[eE]\d+)?(?![\w])")
_PER_ARM = re.compile(
    r"(?i)^\W*(?:\w+\W+){0,2}?(?:(?:per|in each|in every|for each|each)\b(?:\W+\w+){0,2}?\W+(?:arm|group)s?\b"
    r"|(?:per|each)\W*$|per_arm)"
)
_TOTAL = re.compile(r"(?i)^\W*(?:\w+\W+){0,3}?(?:total|altogether|overall|in all)\b")
_TOTAL_BEFORE = re.compile(r"(?i)\b(?:total|overall|altogether)\b\W*(?:\w+\W+){0,3}$")
_PER_ARM_BEFORE = re.compile(r"(?i)\b(?:per|each) (?:arm|group)\b\W*(?:\w+\W+){0,2}$")
_EVENTS = re.compile(r"(?i)^\W*(?:\w+\W+){0,1}?events?\b")
_UNIT_AFTER: tuple[tuple[AnswerType, re.Pattern[str]], ...] = (
    ("events", _EVENTS),
    ("per_arm", _PER_ARM),
    ("total", _TOTAL),
)
_UNIT_BEFORE: tuple[tuple[AnswerType, re.Pattern[str]], ...] = (
    ("per_arm", _PER_ARM_BEFORE),
    ("total", _TOTAL_BEFORE),
)
_RANGE = re.compile(r"\d\s*(?:-|–|—|to|or|and)\s*\d")


def _from_object(found: Mapping[str, Any], asked: AnswerType) -> Planned | Unreadable:
    named = [key for key in ("sample_size", "sample_size_needed", "answer", "n") if key in found]
    if not named:
        # {"per_arm": 60, "total": 120} names its units itself.
        if asked in found:
            return _sized(found[asked], asked)
        only = next(kind for kind in _UNITS if kind in found)
        return _sized(found[only], only)
    said = found.get("unit")
    if said is not None and not isinstance(said, str):
        return Unreadable("the unit is no word")
    named_unit = _PEOPLE.sub("", words(said)) if said else ""
    unit = _UNIT_WORDS.get(named_unit) if named_unit else "total" if said and asked == "events" else asked
    if unit is None:
        return Unreadable("the unit is none of total, per_arm and events")
    value = found[named[0]]
    if any(found[key] != value for key in named[1:]):
        return Unreadable("several answers are given")
    if isinstance(value, str):
        answer = _from_words(value, unit)
        if isinstance(answer, Planned) and named_unit and answer.unit != unit:
            return Unreadable("two units are given")
        return answer
    return _sized(value, unit)


def _sized(value: object, unit: AnswerType) -> Planned | Unreadable:
    if isinstance(value, str):
        return _from_words(value, unit)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Unreadable("the size is no number")
    # Compared before anything else: an integer of JSON may be too large for a float.
    if not 0 < value <= _LARGEST:
        return Unreadable("the size is out of range")
    if value != int(value):
        return Unreadable("the size is no whole number")
    return Planned(int(value), unit)


def _from_words(text: str, asked: AnswerType) -> Planned | Unreadable:
    """The size in plain words: one number, or several whose units tell them apart."""
    text = _SPACED.sub("", text.replace("−", "-"))
    if re.search(r"\d\s*%", text) or _RANGE.search(text) or re.search(r"-\s*\d", text):
        return Unreadable("a range, a share or a negative number is given")
    numbers = list(_ANY_NUMBER.finditer(text))
    if not numbers:
        return Unreadable("no number is given")
    found: dict[AnswerType, set[float]] = {}
    bare: set[float] = set()
    for place, number in enumerate(numbers):
        after = text[number.end() : numbers[place + 1].start() if place + 1 < len(numbers) else len(text)]
        before = text[numbers[place - 1].end() if place else 0 : number.start()]
        unit = next((kind for kind, rule in _UNIT_AFTER if rule.search(after)), None)
        unit = unit or next((kind for kind, rule in _UNIT_BEFORE if rule.search(before)), None)
        (found.setdefault(unit, set()) if unit else bare).add(float(number.group()))
    if bare and not found:
        found[asked] = bare
    elif bare:
        # Beside one size per arm a number without a unit is the total if it counts two to six such arms.
        per_arm = found.get("per_arm", set())
        wholes = {arms * size for size in per_arm for arms in range(2, 7)}
        if "total" in found or len(per_arm) != 1 or not bare <= wholes:
            return Unreadable("several numbers are given")
        found["total"] = bare
    unit = asked if asked in found else next(iter(found)) if len(found) == 1 else None
    if unit is None or len(found[unit]) > 1:
        return Unreadable("several numbers are given")
    return _sized(found[unit].pop(), unit)


# --- reported statements


class _Source(msgspec.Struct):
    """A trial or paper with texts that may hold a power statement."""

    subject: str
    group: str
    date: str
    is_fictional: bool
    entities: list[str]
    texts: list[str]
    names: list[str]
    """What identifies it in its texts."""


def _reported(
    con: duckdb.DuckDBPyConnection, split: Split, counted: Counter[str], version: int
) -> Iterator[Sample[Calculation, Planned]]:
    """The statements of the trials and papers of a split, one text never twice in any split."""
    split_all(con)
    seen: dict[str, str] = {}
    # The splits before are read as well: what was asked there is not asked again.
    for side in _ORDER[: _ORDER.index(split) + 1]:
        own = counted if side == split else Counter[str]()
        for kind, sources in (("trials", _trials(con, side)), ("papers", _papers(con, side))):
            total = _count(con, kind, side)
            with_text = 0
            for source in sources:
                with_text += 1
                made, reasons = 0, Counter[str]()
                mask = Mask(source.names)
                for text in source.texts:
                    for found in statements(text):
                        if isinstance(found, str):
                            reasons[found] += 1
                            continue
                        key = words(found.text)
                        if key in seen:
                            reasons["the statement stands in another text, too"] += 1
                            continue
                        seen[key] = source.subject
                        made += 1
                        if side == split:
                            yield _sample(source, found, mask(found.text) or found.text, made, split, version)
                if not made:
                    own[f"{kind}: {reasons.most_common(1)[0][0] if reasons else _NO_STATEMENT}"] += 1
            if total > with_text:
                own[f"{kind}: {_NO_STATEMENT}"] += total - with_text


_ORDER: tuple[Split, ...] = ("test", "validation", "train")
_NO_STATEMENT = "no power statement"


def _sample(
    source: _Source, found: Statement, text: str, number: int, split: Split, version: int
) -> Sample[Calculation, Planned]:
    return Sample(
        id=f"{source.subject}@{version}" + (f"#{number}" if number > 1 else ""),
        subject=source.subject,
        split=split,
        group=source.group,
        date=source.date,
        is_fictional=source.is_fictional,
        entities=source.entities,
        strata={"origin": "reported"},
        inputs=Calculation(text, found.answer_type, found.arms, found.includes_drop_out),
        gold=Planned(found.size, found.answer_type),
    )


_SAID = r"(?i)power|\bbeta\b|β|type[- ](?:ii|2) error"
"""What a text with a power statement has in it: the others are not read at all."""


def _count(con: duckdb.DuckDBPyConnection, kind: str, split: Split) -> int:
    used = "trial_splits WHERE is_used AND" if kind == "trials" else "paper_splits WHERE"
    return int(con.execute(f"SELECT count(*) FROM {used} split = ?", [split]).fetchall()[0][0])


def _trials(con: duckdb.DuckDBPyConnection, split: Split) -> Iterator[_Source]:
    """The trials of a split whose registry texts, endpoints or posted analyses speak of power."""
    texts = """SELECT study_id, abstract AS text FROM studies
               UNION ALL SELECT study_id, description FROM endpoints
               UNION ALL SELECT study_id, group_description FROM results
               UNION ALL SELECT study_id, description FROM results"""
    if _has(con, "records", "detailed_description"):
        texts += """ UNION ALL
            SELECT s.study_id, r.detailed_description
            FROM (SELECT study_id, unnest(record_ids) AS record_id FROM studies) s JOIN records r USING (record_id)"""
    for row in con.execute(
        f"""SELECT t.study_id, any_value(t.group_id), any_value(t.date), any_value(coalesce(s.is_fictional, false)),
                   list(DISTINCT x.text ORDER BY x.text),
                   (SELECT list(DISTINCT id ORDER BY id) FROM identifiers i WHERE i.study_id = t.study_id)
            FROM trial_splits t JOIN studies s USING (study_id) JOIN ({texts}) x USING (study_id)
            WHERE t.split = ? AND t.is_used AND regexp_matches(x.text, '{_SAID}')
            GROUP BY t.study_id, t.place ORDER BY t.place""",
        [split],
    ).fetchall():
        study, group, date, is_fictional, found, names = row
        yield _Source(study, group, date, is_fictional, [], found, [study, *(names or ())])


def _papers(con: duckdb.DuckDBPyConnection, split: Split) -> Iterator[_Source]:
    """The papers of a split whose abstract or full text speaks of power."""
    texts = "SELECT paper_id, abstract AS text, -1 AS place FROM papers"
    if _has(con, "records", "paper"):
        texts += """ UNION ALL
            SELECT id, section.text, place FROM (
                SELECT id, unnest(paper.sections) AS section, generate_subscripts(paper.sections, 1) AS place
                FROM records WHERE len(paper.sections) > 0)"""
    for row in con.execute(
        f"""SELECT t.paper_id, any_value(t.group_id), any_value(t.date), any_value(coalesce(p.is_fictional, false)),
                   list(x.text ORDER BY x.place, x.text), any_value(p.doi), any_value(p.pmcid),
                   (SELECT list(DISTINCT study_id ORDER BY study_id) FROM paper_links l
                    WHERE l.paper_id = t.paper_id AND l.is_accepted)
            FROM paper_splits t JOIN papers p USING (paper_id) JOIN ({texts}) x USING (paper_id)
            WHERE t.split = ? AND regexp_matches(x.text, '{_SAID}')
            GROUP BY t.paper_id, t.place ORDER BY t.place""",
        [split],
    ).fetchall():
        paper, group, date, is_fictional, found, doi, pmcid, studies = row
        names = [name for name in (paper, doi, pmcid) if name]
        yield _Source(paper, group, date, is_fictional, studies or [], found, [*names, *(studies or ())])


def _has(con: duckdb.DuckDBPyConnection, table: str, column: str) -> bool:
    """Whether there is such a table with such a column: tables made in memory come without the records."""
    found = con.execute("SELECT column_name FROM duckdb_columns() WHERE table_name = ?", [table]).fetchall()
    return (column,) in found


TASK = SampleSize()
