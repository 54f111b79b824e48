"""What the evidence says: did an outcome rise, fall, or not differ significantly, against a comparator.

The key is never written by a model. It rests on one of two things, said in each sample's stratum `evidence`:

- `analysis`: a statistical analysis that a registered trial posted. Significance is what its p-value and its 95 %
  interval both say; the direction is that of the posted values, where the estimate agrees with them.
- `triple`: an intervention, a comparator and an outcome of a published trial, with the direction that annotators found
  in its abstract, where none of them disagrees.

What these do not decide makes no question, and is counted. Conclusions of reviews make none: no rule can verify them.
The three answers are equally frequent, within each kind of evidence and each split, and so are the letters.
"""

from __future__ import annotations

import html
import math
import random
import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

import msgspec

from trialpanorama.tasks import NOT_NEEDED, SEED, SPLITS, Metric, Sample, Split, Unreadable
from trialpanorama.tasks._choice import LETTERS, ChoiceTask, Chosen, Letter
from trialpanorama.tasks._replies import words
from trialpanorama.tasks._scores import macro_f1, share
from trialpanorama.tasks._splits import split_all
from trialpanorama.tasks._trials import Mask

if TYPE_CHECKING:
    import duckdb

Effect = Literal["INCREASED", "DECREASED", "NO_DIFFERENCE"]
EFFECTS: tuple[Effect, ...] = get_args(Effect)
ANSWERS: dict[Effect, str] = {
    "INCREASED": "significantly increased",
    "DECREASED": "significantly decreased",
    "NO_DIFFERENCE": "no significant difference",
}
"""How each effect is worded as an option."""
EFFECT_OF = {answer: effect for effect, answer in ANSWERS.items()}
"""The effect that each option stands for."""

ALPHA = 0.05
"""Two-sided; intervals of another confidence than 95 % decide nothing."""
_LEVEL = 95.0
_ROUNDED = 1e-9
_MOST_OF_ONE = 6
"""Questions that one trial or paper gives at most, so that none dominates."""
_AT_ONCE = 5_000
"""Trials whose results are read in one query, so that memory is bounded."""
_LONGEST = 600
"""Characters of a description that are shown."""


class Evidence(msgspec.Struct, frozen=True):
    """A text or table of results, a question about it, and the answers to choose from."""

    text: str
    """The abstract, or the posted results of one outcome; masked. Empty where the question tells it all."""
    question: str
    options: list[str]
    """Texts of A, B and C, and of D where published items have four."""


class _Question(msgspec.Struct):
    """A question before its options are placed."""

    id: str
    subject: str
    group: str
    date: str
    is_fictional: bool
    entities: list[str]
    strata: dict[str, str]
    text: str
    question: str
    effect: Effect


class EvidenceSummary(ChoiceTask):
    """Choose what the evidence says."""

    name = "evidence_summary"
    version = 3
    title = "Evidence summary"
    meaning = (
        "From an abstract or posted results: was an outcome significantly increased, significantly decreased, or not "
        "significantly different, against a comparator."
    )
    # The test has as many as the published benchmark.
    most_samples: ClassVar[Mapping[Split, int]] = {"train": 50_000, "validation": 1_000, "test": 1_000}
    inputs = Evidence  # type: ignore[assignment]
    metrics = (
        Metric(
            "accuracy",
            "Accuracy",
            "higher",
            "Share of samples whose right answer was chosen; an unreadable reply is wrong",
            lambda c: share(c["correct"]),
            1 / len(EFFECTS),
        ),
        Metric(
            "macro_f1",
            "Macro F1",
            "higher",
            "F1 of each effect (increased, decreased, no difference), averaged: lower than accuracy where one is lost",
            lambda c: macro_f1(c["effect"], c["chosen_effect"]),
            1 / len(EFFECTS),
        ),
    )

    def samples(
        self, con: duckdb.DuckDBPyConnection, split: Split, left_out: Counter[str] | None = None
    ) -> Iterator[Sample[Any, Chosen]]:
        """Questions on the trials and papers of a split, equally many for each effect.

        Reasons in `left_out` begin with what is counted: trials, analyses, papers, comparisons, questions or reviews.
        """
        split_all(con)
        counted: Counter[str] = Counter() if left_out is None else left_out
        most = self.most_samples[split]
        _count_reviews(con, split, counted)
        kinds = [
            _balanced(list(questions), counted)
            for questions in (_analyses(con, split, most, counted), _triples(con, split, counted))
        ]
        # Both kinds by turns, in proportion to their numbers, so that any first part of the split is like the whole.
        chosen = [
            question
            for _, question in sorted(
                (((place + 0.5) / len(kind), question) for kind in kinds for place, question in enumerate(kind)),
                key=lambda placed: (placed[0], placed[1].id),
            )
        ]
        if len(chosen) > most:
            counted[f"questions: {NOT_NEEDED}"] += len(chosen) - most
        letters: list[int] = []
        for made, question in enumerate(chosen[:most]):
            # Each run of three samples has its right answer once at each letter.
            if not letters:
                letters = random.Random(f"{SEED}:{split}:{made}").sample(range(len(EFFECTS)), len(EFFECTS))
            right = letters.pop()
            options = [ANSWERS[effect] for effect in EFFECTS if effect != question.effect]
            random.Random(f"{SEED}:{question.id}").shuffle(options)
            options.insert(right, ANSWERS[question.effect])
            yield Sample(
                id=question.id,
                subject=question.subject,
                split=split,
                group=question.group,
                date=question.date,
                is_fictional=question.is_fictional,
                entities=question.entities,
                strata=question.strata,
                inputs=Evidence(question.text, question.question, options),
                gold=Chosen(LETTERS[right]),
            )

    def prompt(self, sample: Sample[Any, Chosen]) -> str:
        """The evidence, the question and the options."""
        options = "\n".join(f"{letter}. {text}" for letter, text in self.options(sample).items())
        text = sample.inputs.text
        shown = f"Below is evidence from a clinical trial.\n\n<evidence>\n{text}\n</evidence>\n\n" if text else ""
        return (
            f"{shown}{sample.inputs.question}\n\n{options}\n\n"
            'End your reply with one JSON object and nothing after it:\n{"answer": the letter of your choice}'
        )

    rests_on_figures = True

    def wording(self, sample: Sample[Any, Chosen]) -> str:
        """The question; the evidence stays as it is."""
        return str(sample.inputs.question)

    def worded(self, sample: Sample[Any, Chosen], text: str) -> Sample[Any, Chosen]:
        """The sample with the question in other words."""
        return msgspec.structs.replace(sample, inputs=msgspec.structs.replace(sample.inputs, question=text))

    def read(self, reply: str, sample: Sample[Any, Chosen]) -> Chosen | Unreadable:
        """As of every question with letters; a letter that stands for no option is none."""
        answer = super().read(reply, sample)
        if isinstance(answer, Chosen) and answer.answer not in self.options(sample):
            return Unreadable("the letter stands for no option")
        return answer

    def score(self, answer: Chosen | Unreadable, sample: Sample[Any, Chosen]) -> dict[str, float]:
        """Whether the letter is right; `effect` and `chosen_effect` are places in EFFECTS, -1 for none.

        Where the options are of another kind, as those of published items, each letter is a class of its own.
        """
        options = self.options(sample)

        def effect(letter: Letter) -> float:
            found = EFFECT_OF.get(options.get(letter, ""))
            return float(EFFECTS.index(found) if found else len(EFFECTS) + LETTERS.index(letter))

        return super().score(answer, sample) | {
            "effect": effect(sample.gold.answer),
            "chosen_effect": effect(answer.answer) if isinstance(answer, Chosen) else -1.0,
        }

    def text(self, sample: Sample[Any, Chosen]) -> str:
        """The evidence and what is asked of it."""
        return f"{sample.inputs.text}\n\n{sample.inputs.question}".strip()

    def labels(self, sample: Sample[Any, Chosen]) -> Sequence[str]:
        """The letters of the options."""
        return tuple(self.options(sample))

    def options(self, sample: Sample[Any, Chosen]) -> Mapping[str, str]:
        """The text of each letter."""
        return dict(zip(LETTERS, sample.inputs.options, strict=False))

    def features(self, sample: Sample[Any, Chosen]) -> Mapping[str, str | float]:
        """How often the sentences nearest to the question speak of more, of less, of no difference, of significance."""
        asked = set(words(sample.inputs.question).split())
        near = sorted(
            re.split(r"(?<=[.;])\s+|\n", sample.inputs.text),
            key=lambda sentence: -len(asked & set(words(sentence).split())) / (5 + len(words(sentence).split())),
        )[:2]
        return {name: float(len(rule.findall(" ".join(near)))) for name, rule in _CUES.items()}


_CUES = {
    "more": re.compile(r"(?i)\b(?:increas|higher|greater|more\b|longer|rose|improv|superior|better)"),
    "less": re.compile(r"(?i)\b(?:decreas|lower|less\b|fewer|shorter|reduc|fell|declin|smaller|worse)"),
    "no difference": re.compile(
        r"(?i)\b(?:no|not|without|nor|neither)\b[^.;]{0,40}\b(?:differ|significan|effect|change)"
        r"|\bsimilar|\bcomparable"
    ),
    "significant p": re.compile(r"(?i)\bp\s*(?:[<=≤]\s*0?\.0[0-4]|<\s*0?\.05)"),
    "other p": re.compile(r"(?i)\bp\s*(?:[=>]\s*(?:0?\.[1-9]|0?\.0[5-9])|>\s*0?\.05)|\bN\.?S\b"),
}


def _balanced(questions: list[_Question], counted: Counter[str]) -> list[_Question]:
    """As many questions of each effect, the effects by turns in shuffled order."""
    order = sorted(questions, key=lambda question: random.Random(f"{SEED}:{question.id}").random())
    by_effect = {effect: [question for question in order if question.effect == effect] for effect in EFFECTS}
    least = min(len(found) for found in by_effect.values())
    if len(questions) > 3 * least:
        counted["questions: more of their answer than of the rarest"] += len(questions) - 3 * least
    turns = zip(*(found[:least] for found in by_effect.values()), strict=True)
    return [
        question
        for place, turn in enumerate(turns)
        for question in random.Random(f"{SEED}:{place}").sample(turn, len(turn))
    ]


def _count_reviews(con: duckdb.DuckDBPyConnection, split: Split, counted: Counter[str]) -> None:
    """Reviews make no question; they are counted."""
    found = con.execute("SELECT count(*) FROM review_splits WHERE split = ?", [split]).fetchall()
    if found[0][0]:
        counted["reviews: no rule can verify a conclusion in words"] += found[0][0]


# --- posted analyses

_ANALYSES = """
WITH chosen AS (SELECT * FROM trial_splits
    WHERE split = $split AND is_used AND place > $after AND place <= $after + $most)
SELECT c.study_id, c.group_id, c.date, coalesce(s.is_fictional, false), s.acronym, r.outcomes, r.description,
       r.time_frame, r.measure_type, r.unit_of_measure, m.dispersion_type, r.group_ids, m.groups, m.denoms, m.classes,
       r.group_description, r.non_inferiority_type, r.statistical_method, r.p_value, r.p_value_inequality,
       r.p_value_raw, r.estimate_type, r.estimate, r.estimate_raw, r.ci_percent, r.ci_sides, r.ci_lower, r.ci_upper
FROM chosen c JOIN studies s USING (study_id) JOIN results r USING (study_id)
LEFT JOIN (SELECT record_id, unnest(results.outcome_measures) AS m,
                  generate_subscripts(results.outcome_measures, 1) AS outcome_position
           FROM records WHERE len(results.outcome_measures) > 0 AND record_id IN (
               SELECT record_id FROM results WHERE study_id IN (SELECT study_id FROM chosen))) o
       ON o.record_id = r.record_id AND o.outcome_position = r.outcome_position
WHERE r.analysis_position IS NOT NULL
ORDER BY c.place, r.outcome_position, r.analysis_position
"""


_POSTED = """SELECT place FROM trial_splits WHERE split = ? AND is_used
             AND study_id IN (SELECT study_id FROM results WHERE analysis_position IS NOT NULL)"""


class _Analysis(msgspec.Struct):
    """A row of _ANALYSES."""

    study_id: str
    group: str
    date: str
    is_fictional: bool
    acronym: str | None
    outcome: str | None
    description: str | None
    time_frame: str | None
    measure: str | None
    unit: str | None
    dispersion: str | None
    group_ids: list[str] | None
    groups: list[dict[str, Any]] | None
    denoms: list[dict[str, Any]] | None
    classes: list[dict[str, Any]] | None
    about: str | None
    hypothesis: str | None
    method: str | None
    p: float | None
    p_inequality: str | None
    p_raw: str | None
    estimate_type: str | None
    estimate: float | None
    estimate_raw: str | None
    level: float | None
    sides: str | None
    low: float | None
    high: float | None


def _analyses(con: duckdb.DuckDBPyConnection, split: Split, most: int, counted: Counter[str]) -> Iterator[_Question]:
    """The questions that posted analyses decide, trial by trial."""
    total = con.execute("SELECT count(*) FROM trial_splits WHERE split = ? AND is_used", [split]).fetchall()[0][0]
    posted = con.execute(f"SELECT count(*) FROM ({_POSTED})", [split]).fetchall()[0][0]
    if total > posted:
        counted["trials: no posted analysis"] += total - posted
    effects: Counter[Effect] = Counter()
    for after in range(0, total if posted else 0, _AT_ONCE):
        if 3 * min(effects[effect] for effect in EFFECTS) >= most:
            unread = con.execute(f"SELECT count(*) FROM ({_POSTED}) WHERE place > ?", [split, after]).fetchall()[0][0]
            if unread:
                counted[f"trials: {NOT_NEEDED}"] += unread
            return
        found: dict[str, list[_Question]] = defaultdict(list)
        for row in con.execute(_ANALYSES, {"split": split, "after": after, "most": _AT_ONCE}).fetchall():
            analysis = _Analysis(*row)
            asked = _ask(analysis)
            if isinstance(asked, str):
                counted[f"analyses: {asked}"] += 1
            else:
                found[analysis.study_id].append(asked)
        for study_id, questions in found.items():
            kept = _few(study_id, questions, "analyses", counted)
            effects.update(question.effect for question in kept)
            yield from kept


def _few(subject: str, questions: list[_Question], what: str, counted: Counter[str]) -> list[_Question]:
    """At most _MOST_OF_ONE of a subject's questions, drawn once and for all."""
    if len(questions) > _MOST_OF_ONE:
        counted[f"{what}: more than {_MOST_OF_ONE} of one trial or paper"] += len(questions) - _MOST_OF_ONE
        questions = random.Random(f"{SEED}:{subject}").sample(questions, _MOST_OF_ONE)
    return [
        msgspec.structs.replace(question, id=f"{subject}@{EvidenceSummary.version}#{number}")
        for number, question in enumerate(questions, 1)
    ]


_RATIO = re.compile(r"(?i)\bratio\b|\bratios\b|\b[hor]r\b|relative risk|cox proportional")
_DIFFERENCE = re.compile(r"(?i)differ|\brd\b")
_ODDS = re.compile(r"(?i)\bodds\b|\bor\b")
_HAZARD = re.compile(r"(?i)hazard|\bhr\b|\bcox\b")
_ONE_SIDED = re.compile(r"(?i)\b(?:1|one)[- ]?(?:sided|tailed)")
_CONTROL = re.compile(r"(?i)placebo|control|\bsham\b|vehicle|standard|\busual\b|^no\b")
_COUNT = re.compile(r"(?i)^\W*(?:number of )?(?:participants?|patients?|subjects?|persons?|people)\W*$")
_PERCENT = re.compile(r"(?i)percent|%|proportion")


def _ask(analysis: _Analysis) -> _Question | str:
    """The question of an analysis, or why it makes none."""
    if "INFERIORITY" in (analysis.hypothesis or "") or "EQUIVALENCE" in (analysis.hypothesis or ""):
        return "of non-inferiority or equivalence"
    if analysis.sides == "ONE_SIDED" or _ONE_SIDED.search(f"{analysis.method} {analysis.p_raw}"):
        return "one-sided"
    if not analysis.group_ids or not analysis.groups or len(set(analysis.group_ids)) != 2:
        return "not between two groups"
    titles = {group["id"]: group for group in analysis.groups if group["title"]}
    if any(id not in titles for id in analysis.group_ids) or not analysis.outcome:
        return "group or outcome without title"
    first, second = (titles[id] for id in analysis.group_ids)
    if _CONTROL.search(first["title"]) and not _CONTROL.search(second["title"]):
        first, second = second, first
    if words(first["title"]) == words(second["title"]):
        return "two groups of one title"
    block = _block(analysis)
    if block is None:
        return "which of several posted values it compares is not told"
    values = [_value(analysis, block, group["id"]) for group in (first, second)]
    if values[0] is None or values[1] is None:
        return "a group without posted value"
    significant = _significance(analysis)
    if isinstance(significant, str):
        return significant
    if _contradicts(analysis, values[0], values[1]):
        return "estimate and posted values disagree"
    if significant and values[0] == values[1]:
        return "a significant difference between equal values"
    effect: Effect = "NO_DIFFERENCE" if not significant else "INCREASED" if values[0] > values[1] else "DECREASED"
    mask = Mask([analysis.study_id], analysis.acronym)
    text, outcome = mask(_table(analysis, block, first, second)), mask(_outcome(analysis, block))
    one, other = mask(first["title"]), mask(second["title"])
    if not text or not outcome or not one or not other:
        return "nothing left after masking"
    return _Question(
        id="",
        subject=analysis.study_id,
        group=analysis.group,
        date=analysis.date,
        is_fictional=analysis.is_fictional,
        entities=[],
        strata={"evidence": "analysis"},
        text=text,
        question=(
            f"Compared with the group {_quoted(other)}, what do these results say of the value of the outcome "
            f"{_quoted(outcome)} in the group {_quoted(one)} (two-sided, at the 5 % level)?"
        ),
        effect=effect,
    )


def _quoted(text: str) -> str:
    # Some sources escape what is escaped already.
    plain = html.unescape(html.unescape(html.unescape(text)))
    return '"' + " ".join(plain.replace('"', "'").split()).rstrip(".,;:") + '"'


def _number(text: str | None) -> float | None:
    """The number that a posted value is; none where it is more than a number."""
    try:
        found = float((text or "").strip().rstrip("%").replace(",", ""))
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _block(analysis: _Analysis) -> dict[str, Any] | None:
    """The posted values that an analysis compares: the only ones, or the only ones whose title it names."""
    blocks = analysis.classes or []
    if len(blocks) > 1:
        said = f" {words(analysis.about or '')} "
        blocks = [block for block in blocks if block["title"] and f" {words(block['title'])} " in said]
    return blocks[0] if len(blocks) == 1 and len(blocks[0]["categories"] or []) == 1 else None


def _outcome(analysis: _Analysis, block: Mapping[str, Any]) -> str:
    return f"{analysis.outcome}: {block['title']}" if block["title"] else analysis.outcome or ""


def _measurement(block: Mapping[str, Any], group: str) -> dict[str, Any] | None:
    return next((m for m in block["categories"][0]["measurements"] or [] if m["group_id"] == group), None)


def _analysed(analysis: _Analysis, block: Mapping[str, Any], group: str) -> float | None:
    """How many of a group were analysed; the denominators of the values before those of the outcome."""
    for denoms in (block["denoms"], analysis.denoms):
        for denom in denoms or []:
            for count in denom["counts"] or []:
                if count["group_id"] == group:
                    return _number(count["value"])
    return None


def _value(analysis: _Analysis, block: Mapping[str, Any], group: str) -> float | None:
    """The posted value of a group; of a count of participants the share."""
    measured = _measurement(block, group)
    value = _number(measured["value"]) if measured else None
    if value is None or not _is_count(analysis):
        return value
    analysed = _analysed(analysis, block, group)
    return value / analysed if analysed else None


def _is_count(analysis: _Analysis) -> bool:
    counts = analysis.measure in ("COUNT_OF_PARTICIPANTS", "NUMBER", "COUNT_OF_UNITS", None)
    return counts and bool(_COUNT.match(analysis.unit or ""))


def _significance(analysis: _Analysis) -> bool | str:
    """Whether p-value and interval both say that the difference is significant, or why that is not known."""
    by_p = by_interval = None
    if analysis.p is not None:
        sign = analysis.p_inequality or "="
        if sign in ("=", "<", "<=") and (analysis.p < ALPHA or (sign == "<" and analysis.p == ALPHA)):
            by_p = True
        elif sign in ("=", ">", ">=") and (analysis.p > ALPHA or (sign != "=" and analysis.p == ALPHA)):
            by_p = False
    nothing = no_effect(analysis.estimate_type or "")
    if analysis.level == _LEVEL and analysis.low is not None and analysis.high is not None:
        if not analysis.low <= (analysis.low if analysis.estimate is None else analysis.estimate) <= analysis.high:
            return "the estimate lies outside its interval"
        if nothing == 1 and analysis.low < 0:
            return "a ratio below zero"
        if nothing is not None and nothing not in (analysis.low, analysis.high):
            by_interval = not analysis.low < nothing < analysis.high
    if _is_at_odds(analysis, nothing):
        return "p-value and interval disagree"
    if by_p is not None and by_interval is not None and by_p != by_interval:
        return "p-value and interval disagree"
    decided = by_interval if by_p is None else by_p
    return "neither a p-value nor a 95 % interval decides" if decided is None else decided


def _is_at_odds(analysis: _Analysis, nothing: float | None) -> bool:
    """Whether p-value and interval, of any level, contradict each other: "p < 0.01", and 99 % limits of 0.9 and 1.3."""
    p, level, low, high = analysis.p, analysis.level, analysis.low, analysis.high
    if p is None or level is None or low is None or high is None or nothing is None or nothing in (low, high):
        return False
    alpha, sign = 1 - level / 100, analysis.p_inequality or "="
    if not low < nothing < high:
        return sign in ("=", ">", ">=") and p > alpha + _ROUNDED
    is_below = p < alpha + _ROUNDED if sign == "<" else p < alpha - _ROUNDED
    return is_below and sign in ("=", "<", "<=")


def _decides(analysis: _Analysis) -> bool:
    """Whether the interval is one that tells significance."""
    nothing = no_effect(analysis.estimate_type or "")
    return analysis.level == _LEVEL and nothing is not None and nothing not in (analysis.low, analysis.high)


def no_effect(kind: str) -> float | None:
    """What an estimate of this kind is where there is no effect: 1 of a ratio, 0 of a difference; else unknown."""
    if re.search(r"(?i)\blog\b|efficacy", kind) or bool(_RATIO.search(kind)) == bool(_DIFFERENCE.search(kind)):
        return None
    return 1.0 if _RATIO.search(kind) else 0.0


def _contradicts(analysis: _Analysis, one: float, other: float) -> bool:
    """Whether the effect that the posted values show, whichever group is the reference, lies outside the interval.

    A hazard ratio cannot be computed from values, and without an interval nothing is checked.
    """
    nothing = no_effect(analysis.estimate_type or "")
    if analysis.level is None or analysis.low is None or analysis.high is None or nothing is None:
        return False
    if nothing == 0:
        scale = 100.0 if _is_count(analysis) and max(abs(analysis.low), abs(analysis.high)) > 1 else 1.0
        effects = [scale * (one - other), scale * (other - one)]
    elif _HAZARD.search(analysis.estimate_type or ""):
        return False
    else:
        if _ODDS.search(analysis.estimate_type or ""):
            unit = 100.0 if _PERCENT.search(analysis.unit or "") and not _is_count(analysis) else 1.0
            if not (0 < one < unit and 0 < other < unit):
                return False
            one, other = one / (unit - one), other / (unit - other)
        if one <= 0 or other <= 0:
            return False
        effects = [one / other, other / one]
    slack = 1e-6 + 0.005 * (analysis.high - analysis.low)
    return not any(analysis.low - slack <= effect <= analysis.high + slack for effect in effects)


def _table(analysis: _Analysis, block: Mapping[str, Any], first: Mapping[str, Any], second: Mapping[str, Any]) -> str:
    """The posted results of an outcome as a reader sees them; the p-value only where no interval tells it."""
    lines = [f"Outcome: {_outcome(analysis, block)}"]
    if analysis.description and words(analysis.description) != words(analysis.outcome or ""):
        lines.append(f"Description: {_cut(analysis.description)}")
    if analysis.time_frame:
        lines.append(f"Time frame: {analysis.time_frame}")
    measure = (analysis.measure or "value").replace("_", " ").lower()
    spread = f" ({analysis.dispersion.replace('_', ' ').lower()})" if analysis.dispersion else ""
    unit = f", in {analysis.unit}" if analysis.unit else ""
    lines.append(f"Measured: {measure}{spread}{unit}")
    for group in (first, second):
        measured, analysed = _measurement(block, group["id"]) or {}, _analysed(analysis, block, group["id"])
        limits = " to ".join(limit for limit in (measured.get("lower_limit"), measured.get("upper_limit")) if limit)
        around = next((f" ({said})" for said in (measured.get("spread"), limits) if said), "")
        counted = f", {analysed:g} analysed" if analysed is not None else ""
        about = f": {_cut(group['description'])}" if group["description"] else ""
        lines.append(f"Group {_quoted(group['title'])}{about}\n  {measured.get('value')}{around}{counted}")
    if analysis.method:
        lines.append(f"Method: {analysis.method}")
    interval = ""
    if analysis.level is not None and analysis.low is not None and analysis.high is not None:
        interval = f" ({analysis.level:g} % confidence interval {analysis.low:g} to {analysis.high:g})"
    if analysis.estimate_type and analysis.estimate_raw:
        lines.append(f"{analysis.estimate_type}: {analysis.estimate_raw}{interval}")
    if analysis.p_raw and not (analysis.estimate_raw and interval and _decides(analysis)):
        lines.append(f"p-value: {analysis.p_raw}")
    return "\n".join(lines)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST].rsplit(" ", 1)[0] + " [...]"


# --- triples

_CONCLUSION = re.compile(r"(?i)^\W*(?:main |overall )?(?:conclu|interpretation|discussion|implication|summary)")
_ADMINISTRATION = re.compile(r"(?i)registration|registry|funding|supplementary|trial number|^source")
_TELLING_WORDS = 8
"""Words of an annotated passage that must stand in the abstract: annotators cut the ends roughly."""
_NEIGHBOURS = 12


def _triples(con: duckdb.DuckDBPyConnection, split: Split, counted: Counter[str]) -> Iterator[_Question]:
    """The questions that annotated comparisons decide, paper by paper."""
    places = _papers(con)
    here = {paper: placed for paper, placed in places.items() if placed[2] == split}
    total = con.execute(
        "SELECT count(*) FROM paper_splits WHERE split = ? AND paper_id NOT IN "
        "(SELECT paper_id FROM findings WHERE direction IS NOT NULL)",
        [split],
    ).fetchall()[0][0]
    if total:
        counted["papers: no annotated comparison"] += total
    if split == "train" and (unplaced := sum(not placed[2] for placed in places.values())):
        counted["papers: neither a date nor a PubMed Central number"] += unplaced
    comparisons: dict[str, dict[tuple[str, ...], list[tuple[Any, ...]]]] = defaultdict(lambda: defaultdict(list))
    for row in con.execute(
        """SELECT paper_id, intervention, comparator, outcome, direction, evidence, is_confirmed FROM findings
           WHERE direction IS NOT NULL ORDER BY paper_id, question, annotator, position"""
    ).fetchall():
        if row[0] in here:
            comparisons[row[0]][tuple(words(text or "") for text in row[1:4])].append(row)
    linked = defaultdict(list)
    for paper, study in con.execute(
        "SELECT DISTINCT paper_id, study_id FROM paper_links WHERE is_accepted ORDER BY ALL"
    ).fetchall():
        linked[paper].append(study)
    for paper, doi, pmcid, is_fictional, abstract, sections in con.execute(
        """SELECT paper_id, doi, pmcid, coalesce(is_fictional, false), abstract, abstract_sections FROM papers
           WHERE paper_id IN (SELECT paper_id FROM findings WHERE direction IS NOT NULL) ORDER BY paper_id"""
    ).fetchall():
        if paper not in comparisons:
            continue
        if not abstract:
            counted["papers: no abstract"] += 1
            continue
        mask = Mask([id for id in (paper, doi, pmcid) if id])
        group, date, _, is_estimated = here[paper]
        found = []
        for answers in comparisons[paper].values():
            asked = _asked(answers, abstract, sections, mask)
            if isinstance(asked, str):
                counted[f"comparisons: {asked}"] += 1
                continue
            text, question, effect, is_concluded = asked
            found.append(
                _Question(
                    id="",
                    subject=paper,
                    group=group,
                    date=date,
                    is_fictional=is_fictional,
                    entities=linked.get(paper, []),
                    strata={
                        "evidence": "triple",
                        "conclusion": "shown" if is_concluded else "withheld",
                        "date": "known" if not is_estimated else "estimated" if date else "unknown",
                    },
                    text=text,
                    question=question,
                    effect=effect,
                )
            )
        yield from _few(paper, found, "comparisons", counted)


def _asked(
    answers: list[tuple[Any, ...]], abstract: str, sections: list[dict[str, Any]] | None, mask: Mask
) -> tuple[str, str, Effect, bool] | str:
    """Text, question, effect and whether the conclusion is shown; or why the comparison makes no question."""
    if len({answer[4] for answer in answers}) > 1:
        return "annotators disagree"
    confirmed = [answer for answer in answers if answer[6] is not False]
    if not confirmed:
        return "no annotation was confirmed"
    intervention, comparator, outcome = (mask(text) for text in confirmed[0][1:4])
    if not intervention or not comparator or not outcome:
        return "intervention, comparator or outcome not named"
    if words(intervention) == words(comparator):
        return "intervention and comparator named alike"
    effect: Effect = confirmed[0][4]
    marks = [" ".join(words(answer[5]).split()[:_TELLING_WORDS]) for answer in confirmed if answer[5]]
    told = [section for section in sections or [] if not _ADMINISTRATION.search(section["label"] or "")]
    before = [section for section in told if not _CONCLUSION.search(section["label"] or "")]
    # Without the conclusion where the results tell it: the answer is read, and not repeated.
    for kept, is_concluded in ((before, len(before) == len(told)), (told, True), (None, True)):
        text = mask(abstract if kept is None else "\n".join(_headed(section) for section in kept))
        if text and any(mark and f" {mark} " in f" {words(text)} " for mark in marks):
            question = (
                f"Compared with {_quoted(comparator)}, what did {_quoted(intervention)} do to the outcome "
                f"{_quoted(outcome)}?"
            )
            return text, question, effect, is_concluded
    return "the abstract does not hold the evidence"


def _headed(section: Mapping[str, Any]) -> str:
    return f"{section['label']}: {section['text']}" if section["label"] else str(section["text"])


_NUMBER = re.compile(r"^PMC(\d+)$")


def _papers(con: duckdb.DuckDBPyConnection) -> dict[str, tuple[str, str, str, bool]]:
    """Group, date, split of each annotated paper, and whether the date is estimated; no split where nothing tells it.

    Papers are where all tasks have them. One without a date stands in no split: if it has a PubMed Central
    number, which are given out in the order of time, it is cut by the number in the usual shares, and dated by
    the papers with the nearest numbers where there are any (on 908 dated papers off by 0.2 years in the median,
    2.2 years at the 90th percentile).
    """
    placed = {
        paper: (group, date, split, False)
        for paper, group, date, split in con.execute(
            """SELECT paper_id, group_id, date, split FROM paper_splits
               WHERE paper_id IN (SELECT paper_id FROM findings WHERE direction IS NOT NULL)"""
        ).fetchall()
    }
    known = sorted(
        (int(match.group(1)), date.toordinal())
        for pmcid, date in con.execute(
            """SELECT pmcid, first_published_date FROM papers
               WHERE pmcid IS NOT NULL AND first_published_date IS NOT NULL"""
        ).fetchall()
        if (match := _NUMBER.match(pmcid))
    )
    undated = {}
    for paper, pmcid in con.execute(
        """SELECT DISTINCT f.paper_id, coalesce(p.pmcid, f.paper_id) FROM findings f LEFT JOIN papers p USING (paper_id)
           WHERE f.direction IS NOT NULL AND f.paper_id NOT IN (SELECT paper_id FROM paper_splits) ORDER BY ALL"""
    ).fetchall():
        match = _NUMBER.match(pmcid)
        if match:
            undated[paper] = int(match.group(1))
        else:
            placed[paper] = (paper, "", "", False)
    ordered = sorted(undated, key=lambda paper: (undated[paper], paper))
    first, second = int(0.7 * len(ordered)), int(0.8 * len(ordered))
    for index, paper in enumerate(ordered):
        split = SPLITS[0] if index < first else SPLITS[1] if index < second else SPLITS[2]
        placed[paper] = (paper, _date_near(undated[paper], known), split, True)
    return placed


def _date_near(number: int, known: list[tuple[int, int]]) -> str:
    """The median date of the papers with the nearest numbers; empty where no paper has both."""
    import datetime

    if not known:
        return ""
    at = bisect_left(known, (number, 0))
    near = sorted(date for _, date in known[max(0, at - _NEIGHBOURS // 2) : at + _NEIGHBOURS // 2])
    return datetime.date.fromordinal(near[len(near) // 2]).isoformat()


TASK = EvidenceSummary()
