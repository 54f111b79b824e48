"""Which of these candidates should a systematic review include? Asked in batches that fit a prompt uncut."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

import msgspec

from trialpanorama.errors import UserError
from trialpanorama.tasks import NOT_NEEDED, Metric, Sample, Split, Task, Unreadable
from trialpanorama.tasks._replies import json_objects, spoken
from trialpanorama.tasks._reviews import (
    Looked,
    Question,
    Review,
    background,
    describe,
    masked,
    published,
    published_question,
    reviews,
    shuffled,
    texts,
)
from trialpanorama.tasks._scores import auroc, share

if TYPE_CHECKING:
    import duckdb

    from trialpanorama.tasks import Columns
    from trialpanorama.tasks._scores import Column

MOST_CANDIDATES, MOST_CHARACTERS = 20, 24_000
"""Of a batch: with some four characters a token, prompt and reply stay within 8,192 tokens, and nothing is cut. A
single candidate (of a balanced batch, a single pair) may be longer, and is shown whole."""
LEAST_PREVALENCE = 0.05
"""Included share at natural prevalence, up to which random papers are added where a review's own exclusions on title
and abstract are not known."""
NOTHING_EXCLUDED = "nothing that the review excluded is in the warehouse"

Verdict = Literal["include", "exclude"]


class Candidate(msgspec.Struct, frozen=True, omit_defaults=True):
    """A paper to be judged; texts are masked."""

    title: str
    abstract: str | None = None


class Batch(msgspec.Struct, frozen=True):
    """A review's question, and candidates that are numbered from 1."""

    question: Question
    candidates: list[Candidate]


class Decision(msgspec.Struct, frozen=True):
    """What a reply says of one candidate."""

    candidate: int
    """Its number; one that the batch does not have is made up."""
    decision: Verdict | None
    """None where the reply's word is neither."""
    probability: float
    """That it should be included."""


class Decisions(msgspec.Struct, frozen=True):
    """All that a reply says, in its order; a candidate may be missing, made up or named twice."""

    decisions: list[Decision]


class Judged(NamedTuple):
    """What an answer comes to for one candidate."""

    verdict: Verdict | None
    """None where the answer contradicts itself, or its word is no verdict."""
    probability: float


def judged(answer: Decisions | Unreadable, sample: Sample[Batch, Decisions]) -> list[Judged | None]:
    """What an answer says of each candidate, each counted once; None of one that it leaves out.

    Named twice with one verdict is that verdict, with the mean probability; with different ones it is none.
    """
    said: dict[int, list[Decision]] = {}
    for decision in answer.decisions if isinstance(answer, Decisions) else ():
        said.setdefault(decision.candidate, []).append(decision)
    found: list[Judged | None] = []
    for number in range(1, len(sample.inputs.candidates) + 1):
        given = said.get(number, ())
        verdicts = {decision.decision for decision in given}
        mean = sum(decision.probability for decision in given) / (len(given) or 1)
        found.append(Judged(given[0].decision if len(verdicts) == 1 else None, mean) if given else None)
    return found


# --- figures


def _each_review(columns: Columns, compute: Callable[[Column, Column], float]) -> float:
    """A figure of each review's candidates, averaged over the reviews for which it is defined."""
    import numpy as np

    found = []
    for group in np.unique(columns["group"]):
        of = columns["group"] == group
        found.append(compute(columns["included"][of], columns["probability"][of]))
    defined = [value for value in found if not math.isnan(value)]
    return sum(defined) / len(defined) if defined else math.nan


def work_saved(included: Column, probability: Column, recall: float = 0.95) -> float:
    """WSS@95 (Cohen 2006): the share that need not be read, from the likeliest on, to find 95 % of what is included,
    less the 5 % that reading at random saves too. Candidates of one probability are read together."""
    import numpy as np

    total = included.sum()
    if not total or total == included.size:
        return math.nan
    order = np.argsort(-probability, kind="stable")
    # in whole candidates, as 0.95 of 20 must be 19
    needed = math.ceil(round(recall * float(total), 9))
    last = probability[order][int(np.searchsorted(np.cumsum(included[order]), needed))]
    return float((probability < last).sum()) / included.size - (1 - recall)


def _recall(columns: Columns, verdict: float, included: float) -> float:
    return share((columns["verdict"] == verdict)[columns["included"] == included].astype(float))


def _precision(columns: Columns) -> float:
    chosen = columns["verdict"] == 1
    return share(columns["included"][chosen])


def _f1(columns: Columns) -> float:
    hits = float(((columns["verdict"] == 1) & (columns["included"] == 1)).sum())
    all_of_both = float((columns["verdict"] == 1).sum() + columns["included"].sum())
    return 2 * hits / all_of_both if all_of_both else math.nan


METRICS = (
    Metric(
        "accuracy",
        "Accuracy",
        "higher",
        "Share of candidates judged rightly, each once; one that a reply leaves out, contradicts itself on or cannot "
        "be read for is wrong",
        lambda c: share(c["correct"]),
    ),
    Metric(
        "precision",
        "Precision",
        "higher",
        "Share of included papers among the candidates that replies include",
        _precision,
    ),
    Metric(
        "recall",
        "Recall",
        "higher",
        "Share of the included papers that replies include; those that they leave out are missed",
        lambda c: _recall(c, 1, 1),
    ),
    Metric("f1", "F1", "higher", "Harmonic mean of precision and recall", _f1),
    Metric(
        "specificity",
        "Specificity",
        "higher",
        "Share of the excluded papers that replies exclude in words; leaving out is not excluding",
        lambda c: _recall(c, 0, 0),
    ),
    Metric(
        "auroc",
        "AUROC",
        "higher",
        "Chance that an included paper is given a higher probability than an excluded one of the same review, averaged "
        "over reviews; without a verdict the wrong one counts as given for certain",
        lambda c: _each_review(c, auroc),
        0.5,
    ),
    Metric(
        "wss_95",
        "WSS@95",
        "higher",
        "Share of a review's candidates that need not be read to find 95 % of what it included, less 5 %, averaged "
        "over reviews",
        lambda c: _each_review(c, work_saved),
        0.0,
    ),
    Metric(
        "missing",
        "Missing",
        "lower",
        "Share of candidates without a verdict: left out, contradicted, or in a reply that cannot be read",
        lambda c: share(c["missing"]),
        0.0,
    ),
    Metric(
        "made_up",
        "Made up",
        "lower",
        "Verdicts on candidates that do not exist, for each candidate; they are ignored",
        lambda c: share(c["made_up"]),
        0.0,
    ),
)


# --- the task


class _Planned(NamedTuple):
    id: str
    review: Review
    papers: list[Looked]


class StudyScreening(Task[Batch, Decisions]):
    """Include or exclude candidates: as many of the one as of the other."""

    name = "study_screening"
    version = 2
    title = "Study screening"
    meaning = (
        "Include or exclude each candidate of a review, by its question, title and abstract; half of them were "
        "included, and those excluded on their full text are taken first."
    )
    most_samples: ClassVar[Mapping[Split, int]] = {"train": 100_000, "validation": 2_000, "test": 5_000}
    inputs = Batch
    answer = Decisions
    metrics = METRICS

    def samples(
        self, con: duckdb.DuckDBPyConnection, split: Split, left_out: Counter[str] | None = None
    ) -> Iterator[Sample[Batch, Decisions]]:
        """Batches of candidates of the reviews of a split."""
        counted: Counter[str] = Counter() if left_out is None else left_out
        yield from self.ask(con, reviews(con, split, counted), self.most_samples[split], counted)

    def ask(
        self, con: duckdb.DuckDBPyConnection, of: Iterable[Review], most: int | None, left_out: Counter[str]
    ) -> Iterator[Sample[Batch, Decisions]]:
        """Batches of candidates of these reviews, at most so many, in a fixed shuffled order."""
        planned: list[_Planned] = []
        for review in of:
            batches = _batches(self._chosen(con, review))
            if not batches:
                left_out[NOTHING_EXCLUDED] += 1
            planned += [
                _Planned(f"{review.id}@{self.version}#{number}", review, papers)
                for number, papers in enumerate(batches, 1)
            ]
        planned.sort(key=lambda one: shuffled(one.id))
        kept = planned[:most]
        asked = {one.review.id for one in kept}
        left_out[NOT_NEEDED] += len({one.review.id for one in planned} - asked)
        left_out += Counter()  # drops what is counted 0
        for first in range(0, len(kept), _AT_ONCE):
            some = kept[first : first + _AT_ONCE]
            said = texts(con, (paper.id for one in some for paper in one.papers))
            for id, review, papers in some:
                yield self._sample(
                    id, review.id, review.split, review.question, [(*said[p.id], p.is_included) for p in papers],
                    date=review.date, is_fictional=review.is_fictional,
                    entities=[*review.own_papers, *(p.id for p in papers if p.is_included), *review.studies],
                )  # fmt: skip

    def _chosen(self, con: duckdb.DuckDBPyConnection, review: Review) -> list[list[Looked]]:
        """What is asked about, in units that stay together: pairs of an included and an excluded paper."""
        included, excluded = _mixed(review.id, review.included), _mixed(review.id, review.excluded)
        excluded = sorted(excluded, key=lambda paper: not paper.was_read)[: len(included)]
        return [list(pair) for pair in zip(included, _mixed(review.id, excluded), strict=False)]

    def _sample(
        self,
        id: str,
        subject: str,
        split: Split,
        question: Question,
        papers: Sequence[tuple[str, str | None, bool]],
        *,
        date: str = "",
        is_fictional: bool = False,
        entities: Iterable[str] = (),
    ) -> Sample[Batch, Decisions]:
        return Sample(
            id=id,
            subject=subject,
            split=split,
            group=subject,
            date=date,
            is_fictional=is_fictional,
            entities=sorted({subject, *entities}),
            inputs=Batch(question, [Candidate(title, abstract) for title, abstract, _ in papers]),
            gold=Decisions(
                [
                    Decision(number, "include" if is_included else "exclude", float(is_included))
                    for number, (_, _, is_included) in enumerate(papers, 1)
                ]
            ),
        )

    def prompt(self, sample: Sample[Batch, Decisions]) -> str:
        """The review's question, and the candidates by number."""
        return (
            "You are an experienced systematic reviewer. Below are the question of a systematic review and "
            f"{len(sample.inputs.candidates)} candidates that its search found, by title and abstract. Decide for each "
            "candidate whether the review should include it.\n\n"
            f"<review>\n{describe(sample.inputs.question)}\n</review>\n\n{_listed(sample.inputs.candidates)}\n\n"
            "End your reply with one JSON object and nothing after it, with each candidate once:\n"
            '{"decisions": [{"candidate": its number, "decision": "include" or "exclude", "probability": probability '
            "that the review should include it, from 0 to 1}, ...]}"
        )

    def reply(self, answer: Decisions) -> str:
        """The JSON object that the prompt asks for."""
        return msgspec.json.encode(answer).decode()

    def read(self, reply: str, sample: Sample[Batch, Decisions]) -> Decisions | Unreadable:
        """The verdicts of a reply, wherever its JSON has them; without JSON, lines such as `3: include`.

        Also understood: "included", "INCLUDE"; numbers as "3" or "Candidate 3"; rows of a table; objects that give each
        number its verdict; objects and lines that list the numbers under `included` and `excluded`; a `confidence` in
        the verdict, up to 1 or 100. A
        verdict without a probability is given for certain. A reply without any verdict is Unreadable, never "exclude
        all".
        """
        text = spoken(reply)
        if not text:
            return Unreadable("the reply is empty, or ends within a thought")
        found = [decision for item in json_objects(text) for decision in _decisions(item)]
        if not found:
            found = [_decision(number, {"decision": word}) for number, word in _LINE.findall(text)]
            found += [
                _decision(number, {"decision": listed[1]})
                for line in text.splitlines()
                if (listed := _LIST.fullmatch(line)) and not re.search(r"[^\d\s,;#]", _LINKS.sub(" ", listed[2]))
                for number in re.findall(r"\d{1,9}", listed[2])
            ]
        known = range(1, len(sample.inputs.candidates) + 1)
        if not any(decision.decision and decision.candidate in known for decision in found):
            return Unreadable("no verdict on any of the candidates")
        return Decisions(found)

    def rows(self, answer: Decisions | Unreadable, sample: Sample[Batch, Decisions]) -> list[dict[str, float]]:
        """A row for each candidate; `verdict` is 1 for include, 0 for exclude, -1 for none."""
        made_up = _made_up(answer, sample)
        rows = []
        for place, (one, gold) in enumerate(zip(judged(answer, sample), sample.gold.decisions, strict=True)):
            verdict = one.verdict if one else None
            truth = float(gold.decision == "include")
            rows.append(
                {
                    "included": truth,
                    "verdict": -1.0 if verdict is None else float(verdict == "include"),
                    "correct": float(verdict == gold.decision),
                    "probability": one.probability if one and verdict else 1 - truth,
                    "missing": float(verdict is None),
                    "made_up": float(made_up if place == 0 else 0),
                }
            )
        return rows

    def score(self, answer: Decisions | Unreadable, sample: Sample[Batch, Decisions]) -> dict[str, float]:
        """Shares over the batch, and how many verdicts are left out, contradictory and made up."""
        rows, said = self.rows(answer, sample), judged(answer, sample)
        sides = [[row["correct"] for row in rows if row["included"] == included] for included in (0.0, 1.0)]
        return {
            "correct": float(all(row["correct"] for row in rows)),
            "unreadable": float(isinstance(answer, Unreadable)),
            "accuracy": sum(row["correct"] for row in rows) / len(rows),
            "balanced_accuracy": sum(sum(side) / len(side) for side in sides if side) / sum(map(bool, sides)),
            "left_out": float(sum(one is None for one in said)),
            "contradicted": float(sum(one is not None and one.verdict is None for one in said)),
            "made_up": float(_made_up(answer, sample)),
        }

    def reward(self, scores: Mapping[str, float]) -> float:
        """Accuracy on the batch, included and excluded papers counting alike."""
        return scores["balanced_accuracy"]

    def text(self, sample: Sample[Batch, Decisions]) -> str:
        """The review's question and the candidates."""
        return f"{describe(sample.inputs.question)}\n\n{_listed(sample.inputs.candidates)}"

    def samples_from(
        self, paths: Sequence[Path], split: Split, con: duckdb.DuckDBPyConnection | None = None
    ) -> Iterator[Sample[Batch, Decisions]]:
        """Samples out of published JSONL (metadata, inputs, context: PMID, title, abstract; labels: PMID, label).

        Texts and labels are joined by PMID, in whatever order they stand; each PMID is one candidate. A candidate of
        which either is missing is left out. Long lists make several batches.
        """
        for row in published(paths, split, "study_screening"):
            id, question = published_question(row)
            labels = {str(one.get("PMID")).strip(): str(one.get("label")).lower() for one in row.get("labels") or ()}
            papers = {
                str(one.get("PMID")).strip(): (
                    masked(str(one["title"])),
                    masked(str(one.get("abstract") or "")) or None,
                )
                for one in row.get("context") or ()
                if one.get("title")
            }
            judged_papers = [
                Looked(pmid, labels[pmid] == "included", False, sum(len(text or "") for text in papers[pmid]), None)
                for pmid in papers
                if labels.get(pmid) in ("included", "excluded")
            ]
            if not judged_papers:
                raise UserError(f"The review {id} has no candidate with both a title and a label.")
            for number, batch in enumerate(_batches([[paper] for paper in judged_papers]), 1):
                yield self._sample(
                    f"{id}@{self.version}#{number}", id, split, question,
                    [(*papers[paper.id], paper.is_included) for paper in batch],
                    entities=[paper.id for paper in batch if paper.is_included],
                )  # fmt: skip


class NaturalScreening(StudyScreening):
    """Include or exclude candidates, in the shares in which a reviewer meets them."""

    name = "study_screening_natural"
    title = "Study screening at natural prevalence"
    meaning = (
        "Include or exclude each candidate of a review, by its question, title and abstract: all that it judged, and "
        "random papers where what it excluded on title and abstract is not known."
    )

    def _chosen(self, con: duckdb.DuckDBPyConnection, review: Review) -> list[list[Looked]]:
        included, excluded = review.included, review.excluded
        if all(paper.was_read for paper in excluded):
            wanted = round(len(included) / LEAST_PREVALENCE) - len(included) - len(excluded)
            excluded = excluded + background(con, review, wanted)
        return [[paper] for paper in _mixed(review.id, included + excluded)] if excluded else []


_AT_ONCE = 400
"""Batches whose texts are read at once."""


def _mixed(review_id: str, papers: Iterable[Looked]) -> list[Looked]:
    return sorted(papers, key=lambda paper: shuffled(review_id, paper.id))


def _batches(units: Iterable[list[Looked]]) -> list[list[Looked]]:
    """Units one after the other, as many in a batch as fit; each batch in an order of its own."""
    batches: list[list[Looked]] = []
    room = 0
    for unit in units:
        length = sum(paper.length for paper in unit)
        if not batches or len(batches[-1]) + len(unit) > MOST_CANDIDATES or length > room:
            batches.append([])
            room = MOST_CHARACTERS
        batches[-1] += unit
        room -= length
    return [sorted(batch, key=lambda paper: shuffled("batch", paper.id)) for batch in batches]


def _listed(candidates: Iterable[Candidate]) -> str:
    return "\n\n".join(
        f"Candidate {number}\nTitle: {one.title}\nAbstract: {one.abstract or '(none)'}"
        for number, one in enumerate(candidates, 1)
    )


def _made_up(answer: Decisions | Unreadable, sample: Sample[Batch, Decisions]) -> int:
    known = range(1, len(sample.inputs.candidates) + 1)
    said = {one.candidate for one in answer.decisions} if isinstance(answer, Decisions) else set()
    return len(said.difference(known))


# --- reading

_VERDICTS: dict[str, Verdict] = {
    **dict.fromkeys(("include", "included", "inclusion", "yes", "relevant", "true"), "include"),
    **dict.fromkeys(("exclude", "excluded", "exclusion", "no", "irrelevant", "not relevant", "false"), "exclude"),
}
_NUMBER_KEYS = ("candidate", "number", "id", "index", "candidate_id", "candidate_number", "study", "paper", "pmid")
_VERDICT_KEYS = ("decision", "verdict", "label", "judgement", "judgment", "answer", "include", "included")
_NUMBER = re.compile(r"(?i)\s*(?:candidate|study|paper|no\.?|number)?\s*[#\[(]?\s*(\d{1,9})\s*[\])]?\s*")
_LINE = re.compile(
    r"(?im)(?:^|[{,])[ \t*_\-•>|\"'`\[(]*+(?:candidate|study|paper|no\.?)?[ \t]*+#?(\d{1,9})"
    r"[\"'\])]*+\s*+[.:)=\-–—>*|]++[\s*_\"'`]*+"
    r"(include|exclude|included|excluded)\b"
)
"""A number and its verdict at the start of a line or row, or as an entry of what looks like a dictionary."""
_LIST = re.compile(r"(?i)[\s*_\-•>]*+(included?|excluded?)[\s*_]*+:(.*)")
"""A line that lists the numbers of one verdict and nothing else."""
_LINKS = re.compile(r"(?i)\b(?:candidates?|studies|and)\b|[*_\[\].&]")


def _decisions(item: Mapping[str, object]) -> Iterator[Decision]:
    """The verdicts of a JSON object, whatever it calls the list that they stand in."""
    numbers = (_number(item[key]) for key in _NUMBER_KEYS if key in item)
    own = next((number for number in numbers if number is not None), None)
    if own is not None and (_word(item) is not None or "probability" in item or "confidence" in item):
        yield _decision(own, item)
        return
    for key, value in item.items():
        verdict = _VERDICTS.get(key.replace("_", " "))
        if isinstance(value, list) and verdict:
            said = [known for one in value if (known := _number(one)) is not None]
            yield from (_decision(number, {"decision": verdict}) for number in said)
        elif (number := _number(key)) is not None:
            yield _decision(number, value if isinstance(value, dict) else {"decision": value})
        elif isinstance(value, dict):
            yield from _decisions(value)
        elif isinstance(value, list):
            yield from (decision for one in value if isinstance(one, dict) for decision in _decisions(one))


def _number(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    found = _NUMBER.fullmatch(value.replace("_", " ")) if isinstance(value, str) else None
    return int(found[1]) if found else None


def _decision(number: int | str, item: Mapping[str, object]) -> Decision:
    verdict = _VERDICTS.get(_word(item) or "")
    certain = {"include": 1.0, "exclude": 0.0, None: 0.5}[verdict]
    probability = _share(item.get("probability", item.get("probability_of_inclusion")), 1)
    if probability is None and (confidence := _share(item.get("confidence"), 100)) is not None:
        probability = round(1 - confidence, 9) if verdict == "exclude" else confidence
    return Decision(int(number), verdict, certain if probability is None else probability)


def _word(item: Mapping[str, object]) -> str | None:
    """What an entry says in place of a verdict, in small letters."""
    said = next((item[key] for key in _VERDICT_KEYS if isinstance(item.get(key), str | bool)), None)
    return None if said is None else " ".join(re.findall(r"[a-z]+", str(said).lower()))


def _share(value: object, most: float) -> float | None:
    """A number from 0 to 1, or to 100 of such as say percent; anything else is none."""
    if isinstance(value, str):
        is_percent = value.strip().endswith("%")
        text = value.strip().removesuffix("%").strip()
        if not re.fullmatch(r"\d+(?:\.\d*)?|\.\d+", text):
            return None
        value, most = float(text), 100.0 if is_percent else most
        if is_percent:
            return value / 100 if value <= 100 else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        return None
    return float(value) / 100 if value > 1 else float(value)


TASK = StudyScreening()
VARIANTS = (NaturalScreening(),)
