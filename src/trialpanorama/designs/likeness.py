"""Trials that are like a planned one, ranked by what they share with it, and what became of them.

The draft's conditions and interventions are linked by the names that the concepts of the snapshot have, so that no
terminology is loaded, and one snapshot gives one answer on every machine.
"""

from __future__ import annotations

import datetime
import functools
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from trialpanorama.record import Record
from trialpanorama.vocabulary import InterventionType, Phase, SponsorClass, StudyType

if TYPE_CHECKING:
    import duckdb

    from trialpanorama.warehouse import Warehouse


class Shared(msgspec.Struct, frozen=True, kw_only=True):
    """What a trial has in common with a draft: why it is thought similar."""

    conditions: list[str] = []
    """Names of the most specific concepts that both are about."""
    interventions: list[str] = []
    """Names of the most specific concepts (drugs, procedures) that both test."""
    phases: list[Phase] = []
    intervention_types: list[InterventionType] = []
    parts: dict[str, float] = {}
    """How alike they are in each respect (a key of WEIGHTS), 0 to 1."""


class Similar(msgspec.Struct, frozen=True, kw_only=True):
    """A registered trial that is like a draft, and what became of it."""

    study_id: str
    ids: list[str]
    """All its registry numbers."""
    title: str | None
    score: float
    """How alike, 0 to 1."""
    shared: Shared
    study_type: StudyType | None = None
    phases: list[Phase] = []
    enrollment: int | None = None
    """Reached, else planned; participants."""
    status: str | None = None
    outcome: Literal["COMPLETED", "STOPPED", "ONGOING", "UNDETERMINED"] | None = None
    """How it ended; None: not known, or not yet at the day that was asked for."""
    why_stopped: str | None = None
    """In the sponsor's words."""
    has_results: bool | None = None
    primary_endpoint_met: bool | None = None
    """Whether the posted p-values of its primary endpoints are below 0.05: all (true) or none (false) of them."""
    registration_date: datetime.date | None = None
    start_date: datetime.date | None = None
    completion_date: datetime.date | None = None
    sponsor: str | None = None
    sponsor_class: SponsorClass | None = None
    is_fictional: bool = False


def similar(warehouse: Warehouse, record: Record, count: int = 10, before: str | None = None) -> list[Similar]:
    """The `count` registered trials that are most like a draft, the best first; of the same score, by id.

    No trial that is the draft itself (by an id or the title) is among them. With `before` (ISO 8601) only trials
    registered before that day, and of what became of them only what had happened by then. Words are ranked by the
    search index where the warehouse has one; it works without.
    """
    with warehouse.connect() as con:
        about = _About(con, warehouse, record)
        words = _by_words(warehouse, record, before)
        candidates = _candidates(con, about, words, before)
        scored = sorted(
            ((_score(about, one, words), one) for one in candidates),
            key=lambda found: (-found[0][0], found[1].study_id),
        )[:count]
        became = _became(con, [one.study_id for _, one in scored], before)
    return [
        Similar(
            study_id=one.study_id,
            title=one.title,
            score=score,
            shared=shared,
            study_type=one.study_type,
            phases=one.phases,
            **became[one.study_id],
        )
        for (score, shared), one in scored
    ]


WEIGHTS: Mapping[str, float] = {
    "conditions": 0.4,
    "interventions": 0.25,
    "words": 0.2,
    "phases": 0.1,
    "study_type": 0.1,
    "intervention_types": 0.05,
}
"""What each respect counts for; those that a draft says nothing of are left out, and the others share the whole."""
_CANDIDATES = 400
"""Trials that are compared more closely: so many by concepts, and as many by words."""
_LEAST_BITS = math.log2(3)
"""Broader concepts that more than half of all trials have (such as Disease) make no trial similar."""
_NAMED, _NAMED_ABOVE = 5, 2
"""Concepts that are named as shared; and broader ones where there is nothing else."""
_SHORTEST_NAME, _LONGEST_NAME = 3, 7
"""Characters of a name that is looked up at least (mg is no magnesium), and its words at most."""
_PHASES: Mapping[str, float] = {"EARLY_PHASE1": 0.5, "PHASE1": 1, "PHASE2": 2, "PHASE3": 3, "PHASE4": 4}
_FIELDS = ("conditions", "interventions")
_KINDS: Mapping[str, list[str]] = {"conditions": ["condition"], "interventions": ["drug", "procedure"]}
"""Concepts that the words of a field may mean though no trial wrote them there."""


class _Knowledge:
    """What a snapshot knows of its concepts: what stands above each, and how much each tells."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        above = con.execute("SELECT concept_id, list(ancestor_id) FROM concept_ancestors GROUP BY concept_id")
        self.above = {concept: frozenset(ancestors) for concept, ancestors in above.fetchall()}
        self.names: dict[str, str] = dict(con.execute("SELECT concept_id, name FROM concepts").fetchall())
        counts = con.execute(f"""
            WITH said AS ({_SAID})
            SELECT field, concept, count(DISTINCT study_id) FROM (
                SELECT field, study_id, concept_id AS concept FROM said
                UNION ALL SELECT field, study_id, ancestor_id FROM said JOIN concept_ancestors USING (concept_id))
            GROUP BY field, concept""").fetchall()
        ((trials,),) = con.execute("SELECT count(*) FROM studies WHERE kind = 'registration'").fetchall()
        # never nothing: where all trials are about one disease, it still is what they are about
        self.bits = {(field, concept): math.log2(1 + trials / n) for field, concept, n in counts}

    def closure(self, concepts: Iterable[str]) -> frozenset[str]:
        """Concepts with all that stands above them."""
        own = frozenset(concepts)
        return own.union(*(self.above.get(one, frozenset()) for one in own))

    def weight(self, field: str, concepts: Iterable[str]) -> float:
        """How much concepts tell together, in bits."""
        return sum(self.bits.get((field, one), 0.0) for one in concepts)

    def alike(self, field: str, one: frozenset[str], other: frozenset[str]) -> float:
        """What two closures share of what they tell (simGIC, Pesquita 2007): 0 to 1."""
        whole = self.weight(field, one | other)
        return self.weight(field, one & other) / whole if whole else 0.0

    def shared(self, field: str, own: Sequence[str], theirs: Sequence[str]) -> list[str]:
        """Names of what two lists have in common: what one of them says itself, else what stands nearest above."""
        both = self.closure(own) & self.closure(theirs)
        said = both & {*own, *theirs}
        found = said or {one for one in both if self.weight(field, [one]) >= _LEAST_BITS}
        higher = frozenset().union(*(self.above.get(one, frozenset()) for one in found))
        order = sorted(found - higher, key=lambda one: (-self.weight(field, [one]), one))
        return [self.names.get(one, one) for one in order[: _NAMED if said else _NAMED_ABOVE]]


_SAID = """
    SELECT DISTINCT study_id, field, concept_id FROM mentions
    WHERE field IN ('conditions', 'interventions') AND concept_id IS NOT NULL AND NOT coalesce(is_negated, false)"""


@functools.lru_cache(maxsize=4)
def _knowledge(folder: Path, snapshot: str) -> _Knowledge:
    from trialpanorama.warehouse import Warehouse

    with Warehouse.open(folder).connect() as con:
        return _Knowledge(con)


class _About:
    """What a draft is about, in the concepts of a snapshot."""

    def __init__(self, con: duckdb.DuckDBPyConnection, warehouse: Warehouse, record: Record) -> None:
        self.known = _knowledge(warehouse.path, warehouse.snapshot)
        texts = {
            "conditions": [one.name for one in record.conditions],
            "interventions": [name for one in record.interventions for name in (one.name, *one.other_names)],
        }
        self.concepts = {field: _linked(con, field, texts[field]) for field in _FIELDS}
        self.closures = {field: self.known.closure(self.concepts[field]) for field in _FIELDS}
        self.study_type = record.study_type
        self.phases = set(record.phases) - {"NA"}
        self.types = {one.type for one in record.interventions if one.type}
        self.ids = [record.id, *(one.id for one in record.identifiers if _is_own(one.role, one.id))]
        self.titles = [_plain(title) for title in (record.public_title, record.scientific_title) if title]


def _is_own(role: str, id: str) -> bool:
    """Whether an identifier tells which trial it is; sponsors' short codes, such as 01, name many."""
    return role in ("primary", "alias", "secondary", "bridge") or (role == "organisation" and len(id) > 5)


def _plain(text: str) -> str:
    return " ".join(_words(text))


def _words(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKD", text).casefold()
    return re.findall(r"[^\W_]+", "".join(sign for sign in folded if not unicodedata.combining(sign)))


def _linked(con: duckdb.DuckDBPyConnection, field: str, texts: Sequence[str]) -> list[str]:
    """The concepts that texts name, by the names that the snapshot has for them, the longest names first.

    A name that trials of the snapshot write in the same field means what it mostly means there.
    """
    spans = {text: _spans(text) for text in dict.fromkeys(texts)}
    names = sorted({name for found in spans.values() for _, _, name in found})
    if not names:
        return []
    rows = con.execute(
        """
        WITH wanted AS (SELECT unnest($names) AS name),
        said AS (
            SELECT lower(text) AS name, concept_id, count(*) AS n FROM mentions
            WHERE field = $field AND concept_id IS NOT NULL AND lower(text) IN (FROM wanted) GROUP BY ALL),
        known AS (
            SELECT lower(name) AS name, concept_id, 0 AS n
            FROM (SELECT concept_id, unnest(names) AS name FROM concepts WHERE list_contains($kinds, kind))
            WHERE lower(name) IN (FROM wanted))
        SELECT name, arg_max(concept_id, (n, concept_id)) FROM (FROM said UNION ALL FROM known) GROUP BY name""",
        {"names": names, "field": field, "kinds": _KINDS[field]},
    ).fetchall()
    meaning = dict(rows)
    concepts: dict[str, None] = {}
    for found in spans.values():
        taken: set[int] = set()
        for first, last, name in found:
            if name in meaning and taken.isdisjoint(range(first, last)):
                taken.update(range(first, last))
                concepts[meaning[name]] = None
    return list(concepts)


def _spans(text: str) -> list[tuple[int, int, str]]:
    """The runs of words in a text, the longest first: first word, the word after the last, the run in lower case."""
    places = [match.span() for match in re.finditer(r"[^\W_]+(?:['’][^\W_]+)?", text[:2_000])][:200]
    return [
        (first, first + length, " ".join(text[places[first][0] : places[first + length - 1][1]].lower().split()))
        for length in range(min(_LONGEST_NAME, len(places)), 0, -1)
        for first in range(len(places) - length + 1)
        if places[first + length - 1][1] - places[first][0] >= _SHORTEST_NAME
    ]


def _by_words(warehouse: Warehouse, record: Record, before: str | None) -> dict[str, float] | None:
    """Trials by how well their words fit those of a draft, the best 1; None without an index."""
    from trialpanorama.search import Search
    from trialpanorama.search.index import Index, Limits
    from trialpanorama.search.tree import Text

    said = [record.public_title, record.scientific_title, *(one.name for one in record.conditions), *record.keywords]
    said += [one.name for one in record.interventions]
    text = " ".join(filter(None, said))
    if not text.strip() or not Index.is_ready(warehouse):
        return None
    found = Index.open(warehouse).search(
        Search("plain", Text(text[:20_000], ("all",))), Limits(before, {"kind": "trial"}), most=_CANDIDATES
    )
    best = max((hit.score for hit in found.hits), default=0.0) or 1.0
    return {hit.id: hit.score / best for hit in found.hits}


class _Candidate(msgspec.Struct, frozen=True):
    """A trial that may be similar."""

    study_id: str
    title: str | None
    study_type: StudyType | None
    phases: list[Phase]
    types: list[InterventionType]
    concepts: dict[str, list[str]]
    """Concepts by the field they were found in."""


_REGISTERED = "coalesce(registration_date, first_submitted_date, start_date)"


def _candidates(
    con: duckdb.DuckDBPyConnection, about: _About, words: Mapping[str, float] | None, before: str | None
) -> list[_Candidate]:
    """Trials that share concepts with a draft, the most telling first, and those that share words with it."""
    told = [
        (field, concept, about.known.bits.get((field, concept), 0.0))
        for field in _FIELDS
        for concept in sorted(about.closures[field])
    ]
    told = [one for one in told if one[2] >= _LEAST_BITS or one[1] in about.concepts[one[0]]]
    rows = con.execute(
        f"""
        WITH told AS (SELECT unnest($fields) AS field, unnest($concepts) AS concept, unnest($bits) AS bits),
        said AS ({_SAID}),
        below AS (
            SELECT field, concept, bits, concept AS concept_id FROM told
            UNION ALL SELECT field, concept, bits, concept_id
            FROM told JOIN concept_ancestors a ON a.ancestor_id = told.concept),
        held AS (SELECT DISTINCT study_id, field, concept, bits FROM said JOIN below USING (field, concept_id)),
        allowed AS (
            SELECT study_id, title, trial_type, coalesce(phases, []) AS phases FROM studies
            WHERE kind = 'registration' AND ($before IS NULL OR {_REGISTERED} < CAST($before AS DATE))
                AND study_id NOT IN (SELECT study_id FROM identifiers
                    WHERE list_contains($ids, id) AND role <> 'mentioned')
                AND NOT list_contains($ids, study_id)),
        near AS (
            SELECT study_id FROM held JOIN allowed USING (study_id) GROUP BY study_id, phases
            ORDER BY sum(bits) + CASE WHEN list_has_any(phases, $phases) THEN 1 ELSE 0 END DESC, study_id
            LIMIT {_CANDIDATES}),
        chosen AS (FROM near UNION SELECT unnest($words))
        SELECT study_id, title, trial_type, phases,
            (SELECT list(DISTINCT intervention_type ORDER BY intervention_type) FROM disposition d
             WHERE d.study_id = a.study_id AND intervention_type IS NOT NULL),
            (SELECT list({{'field': field, 'id': concept_id}} ORDER BY field, concept_id) FROM said s
             WHERE s.study_id = a.study_id)
        FROM allowed a WHERE study_id IN (FROM chosen) ORDER BY study_id""",
        {
            "fields": [field for field, _, _ in told],
            "concepts": [concept for _, concept, _ in told],
            "bits": [bits for _, _, bits in told],
            "before": before,
            "ids": about.ids,
            "phases": sorted(about.phases),
            "words": list(words or ()),
        },
    ).fetchall()
    return [
        _Candidate(
            study_id,
            title,
            study_type,
            phases,
            types or [],
            {field: [one["id"] for one in concepts or () if one["field"] == field] for field in _FIELDS},
        )
        for study_id, title, study_type, phases, types, concepts in rows
        if not title or _plain(title) not in about.titles
    ]


def _score(about: _About, one: _Candidate, words: Mapping[str, float] | None) -> tuple[float, Shared]:
    """How alike a draft and a trial are, and in what."""
    parts = {
        field: about.known.alike(field, about.closures[field], about.known.closure(one.concepts[field]))
        for field in _FIELDS
        if about.closures[field]
    }
    if words is not None:
        parts["words"] = words.get(one.study_id, 0.0)
    if about.phases:
        parts["phases"] = _phases_alike(about.phases, one.phases)
    if about.study_type:
        parts["study_type"] = float(one.study_type == about.study_type)
    if about.types:
        parts["intervention_types"] = len(about.types & set(one.types)) / len(about.types | set(one.types))
    whole = sum(WEIGHTS[name] for name in parts) or 1.0
    score = sum(WEIGHTS[name] * value for name, value in parts.items()) / whole
    return round(score, 4), Shared(
        **{field: about.known.shared(field, about.concepts[field], one.concepts[field]) for field in _FIELDS},
        phases=[phase for phase in one.phases if phase in about.phases],
        intervention_types=sorted(about.types & set(one.types)),
        parts={name: round(value, 4) for name, value in parts.items()},
    )


def _phases_alike(own: Iterable[str], theirs: Iterable[str]) -> float:
    """1 for a phase in common, half for neighbours."""
    gaps = [abs(_PHASES[one] - _PHASES[other]) for one in own for other in theirs if other in _PHASES]
    return 0.0 if not gaps or min(gaps) > 1 else 1.0 - min(gaps) / 2


def _became(con: duckdb.DuckDBPyConnection, ids: Sequence[str], before: str | None) -> dict[str, dict[str, Any]]:
    """What became of trials, as far as it had by a day; and their numbers, dates and sponsors."""
    found = con.execute(
        f"""
        WITH numbers AS (
            SELECT study_id, list(DISTINCT id ORDER BY id) AS ids FROM identifiers
            WHERE list_contains($ids, study_id) AND role IN ('primary', 'alias', 'secondary', 'bridge')
                AND register IS NOT NULL GROUP BY study_id),
        primary_p AS (
            SELECT study_id, CASE WHEN bool_and(is_below) THEN true WHEN NOT bool_or(is_below) THEN false END AS is_met
            FROM (
                SELECT study_id, p_value < 0.05 OR (p_value = 0.05 AND p_value_inequality IN ('<', '<=')) AS is_below
                FROM results
                WHERE list_contains($ids, study_id) AND endpoint_type = 'PRIMARY' AND p_value IS NOT NULL
                    AND (p_value < 0.05 OR coalesce(non_inferiority_type, 'SUPERIORITY') LIKE 'SUPERIORITY%')
                    AND NOT (p_value < 0.05 AND p_value_inequality IN ('>', '>=')))
            GROUP BY study_id),
        told AS (
            SELECT s.*, o.outcome_type, p.is_met, coalesce(n.ids, []) AS ids,
                $before IS NULL OR coalesce(s.completion_date, s.primary_completion_date) < CAST($before AS DATE)
                    AS has_ended,
                $before IS NULL OR s.results_posted_date < CAST($before AS DATE) AS has_posted
            FROM studies s LEFT JOIN outcomes o USING (study_id) LEFT JOIN numbers n USING (study_id)
                LEFT JOIN primary_p p USING (study_id)
            WHERE list_contains($ids, s.study_id))
        SELECT study_id, ids, lead_sponsor_class AS sponsor_class, sponsor, is_fictional,
            {_REGISTERED} AS registration_date, start_date,
            CASE WHEN has_ended THEN coalesce(nullif(enrollment_actual, 0), enrollment_target) END AS enrollment,
            CASE WHEN has_ended THEN recruitment_status END AS status,
            CASE WHEN has_ended THEN outcome_type END AS outcome,
            CASE WHEN has_ended THEN why_stopped END AS why_stopped,
            CASE WHEN has_ended THEN completion_date END AS completion_date,
            CASE WHEN has_posted THEN coalesce(has_results, results_posted_date IS NOT NULL) END AS has_results,
            CASE WHEN has_posted THEN is_met END AS primary_endpoint_met
        FROM told""",
        {"ids": list(ids), "before": before},
    )
    names = [column[0] for column in found.description or ()]
    rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    return {row.pop("study_id"): row for row in rows}
