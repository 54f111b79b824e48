"""How trials were designed: their arms, criteria, endpoints and sizes, with the trials behind each figure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

import msgspec

from trialpanorama.vocabulary import ArmType

if TYPE_CHECKING:
    import duckdb

    from trialpanorama.designs.likeness import Similar
    from trialpanorama.warehouse import Warehouse


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A number over trials: median and quartiles."""

    name: str
    meaning: str
    unit: str
    n: int
    """Trials that have it."""
    median: float | None = None
    low: float | None = None
    """First quartile."""
    high: float | None = None
    """Third quartile."""
    trials: dict[str, float] = {}
    """The value of each trial."""


class Common(msgspec.Struct, frozen=True, kw_only=True):
    """Something that some of the trials have in common, the most frequent first."""

    name: str
    n: int
    """Trials that have it."""
    of: int
    """Trials of which it is known whether they have it."""
    trials: list[str] = []
    examples: list[str] = []
    """Wordings, as registered."""
    kind: str | None = None
    """Of a criterion: what it asks about (age, condition, measurement ...)."""
    is_inclusion: bool | None = None
    """Of a criterion: whether it lets people in."""
    time_frames: list[str] = []
    """Of an endpoint."""
    limits: list[Figure] = []
    """Of a criterion: its lower and upper limits, one figure for each unit."""


class Designs(msgspec.Struct, frozen=True, kw_only=True):
    """How some trials were designed."""

    trials: list[str]
    """Their study ids."""
    is_fictional: bool
    """Whether any of them was made up."""
    ended: dict[str, int]
    """How many completed, were stopped, go on; of how many it cannot be told (UNDETERMINED)."""
    why_stopped: dict[str, str]
    """Of those that were stopped: the sponsor's words."""
    arms: list[Common]
    """Which types of arm stand side by side, such as "2 experimental, 1 placebo comparator"."""
    comparators: list[Common]
    """What the comparator arms get."""
    features: dict[str, list[Common]]
    """allocation, intervention_model, masking, primary_purpose, sex."""
    criteria: list[Common]
    """What eligibility asks about."""
    endpoints: list[Common]
    """Primary endpoints by concept or measure."""
    secondary_endpoints: list[Common]
    figures: dict[str, Figure]
    """number_of_arms, enrollment, enrollment_per_arm, duration_months, sites, accrual_per_month, minimum_age_years,
    maximum_age_years."""


def summary(warehouse: Warehouse, similar: Sequence[Similar]) -> Designs:
    """How these trials were designed: arms, criteria, endpoints, sizes, duration, sites, accrual, each with its n."""
    ids = [one.study_id for one in similar]
    with warehouse.connect() as con:
        con.execute("CREATE TEMP TABLE chosen AS SELECT unnest($ids) AS study_id", {"ids": ids})
        return Designs(
            trials=ids,
            is_fictional=any(one.is_fictional for one in similar),
            ended=dict(sorted(Counter(one.outcome or "UNDETERMINED" for one in similar).items())),
            why_stopped={one.study_id: one.why_stopped for one in similar if one.why_stopped},
            arms=_arm_patterns(con),
            comparators=_comparators(con),
            features=_features(con),
            criteria=_criteria(con),
            endpoints=_endpoints(con, ("PRIMARY",)),
            secondary_endpoints=_endpoints(con, ("SECONDARY", "OTHER_PRE_SPECIFIED")),
            figures=_figures(con),
        )


MOST_COMMON = 25
"""Of a list of what is common to some trials."""
_EXAMPLES = 3
_MONTH_DAYS = 30.4375


def _figure(name: str, meaning: str, unit: str, trials: Mapping[str, float]) -> Figure:
    """Median and quartiles (linear between neighbours) of one value a trial."""
    import numpy as np

    if not trials:
        return Figure(name=name, meaning=meaning, unit=unit, n=0)
    low, median, high = np.quantile(list(trials.values()), [0.25, 0.5, 0.75]).tolist()
    return Figure(
        name=name, meaning=meaning, unit=unit, n=len(trials), median=median, low=low, high=high, trials=dict(trials)
    )


_MEASURES: Mapping[str, tuple[str, str, str]] = {
    "number_of_arms": ("coalesce(s.number_of_arms, a.arms)", "Arms, or groups of an observational study", "arms"),
    "enrollment": (
        "coalesce(nullif(s.enrollment_actual, 0), nullif(s.enrollment_target, 0))",
        "Participants reached, else planned; trials that enrolled none are left out",
        "participants",
    ),
    "enrollment_per_arm": (
        "coalesce(nullif(s.enrollment_actual, 0), nullif(s.enrollment_target, 0)) / coalesce(s.number_of_arms, a.arms)",
        "Participants divided by the number of arms",
        "participants per arm",
    ),
    "duration_months": (
        "CASE WHEN o.outcome_type = 'COMPLETED' THEN nullif(greatest("
        "date_diff('day', s.start_date, coalesce(s.completion_date, s.primary_completion_date)), 0), 0)"
        f" / {_MONTH_DAYS} END",
        "From the start to the end of trials that were completed",
        "months",
    ),
    "sites": ("nullif(s.number_of_locations, 0)", "Sites that the register lists", "sites"),
    "accrual_per_month": (
        "CASE WHEN o.outcome_type = 'COMPLETED' THEN nullif(s.enrollment_actual, 0) / nullif(greatest(date_diff("
        f"'day', s.start_date, coalesce(s.primary_completion_date, s.completion_date)), 0), 0) * {_MONTH_DAYS} END",
        "Participants reached per month between the start and the last measurement of the primary outcome, of "
        "completed trials. Registers do not say when recruitment ended: follow-up is within, so recruitment was faster",
        "participants per month",
    ),
    "minimum_age_years": ("s.minimum_age_years", "Least age, of trials that state one", "years"),
    "maximum_age_years": ("s.maximum_age_years", "Greatest age, of trials that state one", "years"),
}
"""Figures: SQL over a study `s`, its outcome `o` and its arms `a`; what they mean; their unit."""


def _figures(con: duckdb.DuckDBPyConnection) -> dict[str, Figure]:
    columns = ", ".join(f"CAST({sql} AS DOUBLE)" for sql, _, _ in _MEASURES.values())
    rows = con.execute(f"""
        SELECT s.study_id, {columns}
        FROM studies s JOIN chosen USING (study_id) LEFT JOIN outcomes o USING (study_id)
            LEFT JOIN (SELECT study_id, count(DISTINCT arm_position) AS arms FROM disposition JOIN chosen
                USING (study_id) WHERE arm_position IS NOT NULL GROUP BY study_id) a USING (study_id)
        ORDER BY s.study_id""").fetchall()
    return {
        name: _figure(name, meaning, unit, {row[0]: row[place] for row in rows if row[place] is not None})
        for place, (name, (_, meaning, unit)) in enumerate(_MEASURES.items(), 1)
    }


def _common(rows: Iterable[tuple[str, str, str | None]], of: int | None = None) -> list[Common]:
    """What trials have in common, from rows of name, trial and wording: the most frequent first, then by name."""
    trials: dict[str, dict[str, None]] = {}
    examples: dict[str, dict[str, None]] = {}
    for name, study_id, wording in rows:
        trials.setdefault(name, {})[study_id] = None
        if wording:
            examples.setdefault(name, {})[wording] = None
    known = len({study_id for found in trials.values() for study_id in found}) if of is None else of
    return [
        Common(name=name, n=len(found), of=known, trials=list(found), examples=list(examples.get(name, ()))[:_EXAMPLES])
        for name, found in sorted(trials.items(), key=lambda one: (-len(one[1]), one[0]))[:MOST_COMMON]
    ]


def _arm_patterns(con: duckdb.DuckDBPyConnection) -> list[Common]:
    rows = con.execute("""
        SELECT study_id, arm_position, any_value(group_type), any_value(arm_label)
        FROM disposition JOIN chosen USING (study_id) WHERE arm_position IS NOT NULL
        GROUP BY ALL ORDER BY study_id, arm_position""").fetchall()
    arms: dict[str, list[tuple[str | None, str | None]]] = {}
    for study_id, _, kind, label in rows:
        arms.setdefault(study_id, []).append((kind, label))
    order = [*get_args(ArmType)]
    patterns = []
    for study_id, found in arms.items():
        kinds = Counter(kind for kind, _ in found if kind)
        if len(found) == kinds.total():  # an arm of unknown type leaves the pattern unknown
            name = ", ".join(f"{kinds[kind]} {_spoken(kind)}" for kind in order if kind in kinds)
            patterns.append((name, study_id, " | ".join(label for _, label in found if label)))
    return _common(patterns)


def _spoken(name: str) -> str:
    return name.replace("_", " ").lower()


def _comparators(con: duckdb.DuckDBPyConnection) -> list[Common]:
    rows = con.execute("""
        SELECT CASE WHEN contains(lower(x.intervention_name), 'placebo') THEN 'placebo'
                ELSE lower(coalesce(d.concept_name, x.intervention_name, x.group_type)) END, x.study_id,
            coalesce(x.intervention_name, x.arm_label)
        FROM disposition x JOIN chosen USING (study_id)
            LEFT JOIN (SELECT study_id, position, any_value(concept_name) AS concept_name, count(*) AS n FROM drugs
                       WHERE concept_id IS NOT NULL GROUP BY ALL HAVING n = 1) d
                ON d.study_id = x.study_id AND d.position = x.intervention_position
        WHERE x.group_type IN ('ACTIVE_COMPARATOR', 'PLACEBO_COMPARATOR', 'SHAM_COMPARATOR', 'NO_INTERVENTION')
        ORDER BY x.study_id, x.arm_position, x.intervention_position""").fetchall()
    return _common((_spoken(name), study_id, wording) for name, study_id, wording in rows)


_FEATURES = ("allocation", "intervention_model", "masking", "primary_purpose", "sex")


def _features(con: duckdb.DuckDBPyConnection) -> dict[str, list[Common]]:
    rows = con.execute(
        f"SELECT study_id, {', '.join(_FEATURES)} FROM studies JOIN chosen USING (study_id) ORDER BY study_id"
    ).fetchall()
    return {
        name: _common((row[place], row[0], None) for row in rows if row[place])
        for place, name in enumerate(_FEATURES, 1)
    }


def _criteria(con: duckdb.DuckDBPyConnection) -> list[Common]:
    """What eligibility asks about, by concept, else by its words; a value must keep its direction to be counted."""
    rows = con.execute("""
        SELECT study_id, kind, is_inclusion, coalesce(concept_name, lower(entity)) AS about, text, low, high, unit
        FROM criteria JOIN chosen USING (study_id)
        WHERE kind IS NOT NULL AND (concept_name IS NOT NULL OR entity IS NOT NULL OR kind IN ('age', 'sex'))
        ORDER BY study_id, position, part""").fetchall()
    with_criteria = len({row[0] for row in rows})
    groups: dict[tuple[str, bool | None, str], list[Any]] = {}
    for row in rows:
        _, kind, is_inclusion, about, *_ = row
        about = kind if kind in _ONE_THING else about
        groups.setdefault((kind, is_inclusion, about), []).append(row)
    found = []
    for (kind, is_inclusion, about), asked in groups.items():
        trials = list(dict.fromkeys(row[0] for row in asked))
        wordings = sorted(dict.fromkeys(" ".join(row[4].split()) for row in asked if row[4]), key=len)
        found.append(
            Common(
                name=about,
                n=len(trials),
                of=with_criteria,
                trials=trials,
                examples=wordings[:_EXAMPLES],
                kind=kind,
                is_inclusion=is_inclusion,
                limits=_limits(asked),
            )
        )
    found.sort(key=lambda one: (-one.n, one.kind or "", one.name, str(one.is_inclusion)))
    return found[: 2 * MOST_COMMON]


_ONE_THING = (
    "age",
    "sex",
    "pregnancy",
    "consent",
    "contraception",
    "life expectancy",
    "language",
    "performance status",
)
"""Kinds of criteria that are about one thing, whatever words they use."""


def _limits(asked: Sequence[Any]) -> list[Figure]:
    """The lower and upper limits of a criterion, for the unit that most trials write it in."""
    units = Counter(row[7] for row in asked if row[7] and (row[5] is not None or row[6] is not None))
    if not units:
        return []
    unit = min(units, key=lambda one: (-units[one], one))
    figures = []
    for name, place, meaning in (("low", 5, "Lower limit"), ("high", 6, "Upper limit")):
        trials = {row[0]: row[place] for row in reversed(asked) if row[7] == unit and row[place] is not None}
        if trials:
            figures.append(_figure(name, meaning, unit, trials))
    return figures


_UNKNOWN_ENDPOINT = "in other words"
"""Outcomes of which no word is known; they stand last."""


def _endpoints(con: duckdb.DuckDBPyConnection, types: Sequence[str]) -> list[Common]:
    """What is measured, by the words that were known for an endpoint or biomarker, else by its domain."""
    rows = con.execute(
        f"""
        WITH known AS (
            SELECT study_id, position,
                CASE kind WHEN 'biomarker' THEN concept_name ELSE lower(trim(matched)) END AS name
            FROM mentions JOIN chosen USING (study_id)
            WHERE field = 'outcomes' AND kind IN ('endpoint', 'biomarker') AND NOT coalesce(is_negated, false))
        SELECT DISTINCT coalesce(k.name, '{_UNKNOWN_ENDPOINT}'), e.study_id, e.measure, e.time_frame,
            coalesce(e.endpoint_domain, ''), e.position
        FROM endpoints e JOIN chosen USING (study_id)
            LEFT JOIN known k ON k.study_id = e.study_id AND k.position = e.position AND k.name IS NOT NULL
        WHERE list_contains($types, e.endpoint_type) AND e.measure IS NOT NULL ORDER BY ALL""",
        {"types": list(types)},
    ).fetchall()
    frames: dict[str, Counter[str]] = {}
    domains: dict[str, Counter[str]] = {}
    for name, _, _, frame, domain, _ in rows:
        domains.setdefault(name, Counter())[domain] += 1
        if frame:
            frames.setdefault(name, Counter())[" ".join(frame.split())] += 1
    found = _common((name, study_id, measure) for name, study_id, measure, *_ in rows)
    found.sort(key=lambda one: one.name == _UNKNOWN_ENDPOINT)
    return [
        msgspec.structs.replace(
            one,
            kind=domains[one.name].most_common(1)[0][0] or None,
            time_frames=[frame for frame, _ in frames.get(one.name, Counter()).most_common(_EXAMPLES)],
        )
        for one in found
    ]
