"""Trials as tasks may show them: what was known at the start, masked, and on which side of the split it stands.

A warehouse tells the present state of a register, so every column of `studies` is judged once: SHOWN says what a task
may show, WITHHELD says what it may not, and why. A column that is in neither fails a test.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from trialpanorama import identifiers
from trialpanorama.tasks import Split
from trialpanorama.tasks._splits import split_all

if TYPE_CHECKING:
    import duckdb

SHOWN = (
    "title",
    "public_title",
    "scientific_title",
    "trial_type",
    "phase",
    "phases",
    "allocation",
    "intervention_model",
    "observational_model",
    "time_perspective",
    "masking",
    "is_masked",
    "masked_roles",
    "primary_purpose",
    "number_of_arms",
    "minimum_age_years",
    "maximum_age_years",
    "sex",
    "healthy_volunteers",
    "eligibility_criteria",
    "inclusion_criteria",
    "exclusion_criteria",
    "sponsor",
    "lead_sponsor_class",
    "has_dmc",
)
"""Columns of `studies` that a register asks for at registration and that an end does not change. Sponsors can edit
them later; a current copy cannot tell."""

_END = "tells how the trial ended"
_IDENTITY = "names the trial, so that a model could remember it"
_NOW = "is as of now: it changes while the trial runs, and its absence tells how the trial ended"
_COPY = "is about the copies, not about the trial; finished trials are copied and published more often"

WITHHELD: dict[str, str] = {
    "recruitment_status": _END,
    "status_raw": _END,
    "last_known_status": _END,
    "why_stopped": _END,
    "has_results": _END,
    "actual_accrual": _END,
    "enrollment_actual": _END,
    "target_accrual": "is overwritten by the reached number when the trial ends: being there at all tells the end",
    "enrollment_target": "is overwritten by the reached number when the trial ends: being there at all tells the end",
    "countries": "is read from the sites: " + _NOW,
    "number_of_locations": _NOW,
    "collaborators": _NOW,
    "abstract": "is free text that is rewritten to report the end",
    "keywords": _NOW,
    "start_date": "is moved, or stays an estimate, where the trial never began",
    "start_year": "is moved, or stays an estimate, where the trial never began",
    "first_submitted_date": "together with the end still being open, it tells which trials could have finished",
    "registration_date": "together with the end still being open, it tells which trials could have finished",
    **{
        f"{date}{suffix}": _END
        for date in (
            "primary_completion_date",
            "completion_date",
            "results_posted_date",
            "last_updated_date",
            "verified_date",
        )
        for suffix in ("", "_precision", "_type")
    },
    **{
        f"{date}_{suffix}": "is as of now"
        for date in ("first_submitted_date", "registration_date", "start_date")
        for suffix in ("precision", "type")
    },
    "study_id": _IDENTITY,
    "acronym": _IDENTITY,
    "min_age": "repeats minimum_age_years",
    "max_age": "repeats maximum_age_years",
    "min_age_unit": "repeats minimum_age_years",
    "max_age_unit": "repeats maximum_age_years",
    "kind": _COPY,
    "is_fictional": "is said by the run, not by the prompt",
    **dict.fromkeys(
        (
            "study_source",
            "registers",
            "record_ids",
            "number_of_records",
            "sources",
            "licences",
            "source",
            "licence",
            "is_open",
        ),
        _COPY,
    ),
}
"""Columns of `studies` that no prompt may show, and why."""


class Arm(msgspec.Struct, frozen=True, omit_defaults=True):
    """A group of participants, as planned."""

    label: str | None = None
    type: str | None = None
    description: str | None = None
    interventions: list[str] = []


class Intervention(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is given or done, as planned."""

    name: str
    type: str | None = None
    description: str | None = None


class Start(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was known of a trial at its start; texts are masked."""

    title: str
    scientific_title: str | None = None
    trial_type: str | None = None
    phases: list[str] = []
    allocation: str | None = None
    intervention_model: str | None = None
    observational_model: str | None = None
    time_perspective: str | None = None
    masking: str | None = None
    masked_roles: list[str] = []
    primary_purpose: str | None = None
    number_of_arms: int | None = None
    minimum_age_years: float | None = None
    maximum_age_years: float | None = None
    sex: str | None = None
    healthy_volunteers: bool | None = None
    criteria: str | None = None
    lead_sponsor: str | None = None
    """Who is responsible for it; known at the start, and shown only where the end is asked for."""
    lead_sponsor_class: str | None = None
    has_dmc: bool | None = None
    conditions: list[str] = []
    interventions: list[Intervention] = []
    arms: list[Arm] = []


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """A registered trial: its start, and what only the gold answer may use."""

    study_id: str
    split: Split
    group: str
    date: str
    is_fictional: bool
    start: Start
    status: str | None
    outcome_type: str | None
    why_stopped: str | None
    registered_after_end: bool
    is_stop_from_title: bool
    """Whether only its title says that it was called off: where ICTRP exports ChiCTR, no other end can be seen."""
    primary: list[tuple[str, str | None]]
    """Measure and time frame of each primary endpoint."""
    measures: list[str]
    """Measures of all its endpoints."""


# --- reading

_AT_ONCE = 10_000
"""Trials that are read in one query, so that memory is bounded and who needs only some reads only some."""

_QUERY = """
WITH chosen AS (SELECT study_id, date, group_id, split, place FROM trial_splits WHERE %s),
named AS (
    SELECT study_id, list(condition_name ORDER BY position) AS conditions FROM conditions
    WHERE study_id IN (SELECT study_id FROM chosen) AND condition_mesh_type IS NULL GROUP BY study_id),
given AS (
    SELECT study_id, list({'name': name, 'type': type, 'description': description} ORDER BY position) AS interventions
    FROM (SELECT study_id, intervention_position AS position, any_value(intervention_name) AS name,
                 any_value(intervention_type) AS type, any_value(intervention_description) AS description
          FROM disposition WHERE study_id IN (SELECT study_id FROM chosen) AND intervention_name IS NOT NULL
          GROUP BY study_id, intervention_position)
    GROUP BY study_id),
groups AS (
    SELECT study_id, list({'label': label, 'type': type, 'description': description, 'interventions': interventions}
                          ORDER BY position) AS arms
    FROM (SELECT study_id, arm_position AS position, any_value(arm_label) AS label, any_value(group_type) AS type,
                 any_value(arm_description) AS description,
                 coalesce(list(intervention_name ORDER BY intervention_position)
                          FILTER (intervention_name IS NOT NULL), []) AS interventions
          FROM disposition WHERE study_id IN (SELECT study_id FROM chosen) AND arm_position IS NOT NULL
          GROUP BY study_id, arm_position)
    GROUP BY study_id),
measured AS (
    SELECT study_id, list(measure ORDER BY endpoint_type, position) AS measures,
           coalesce(list({'measure': measure, 'time_frame': time_frame} ORDER BY position)
                    FILTER (endpoint_type = 'PRIMARY'), []) AS primary_endpoints
    FROM endpoints WHERE study_id IN (SELECT study_id FROM chosen) AND measure IS NOT NULL GROUP BY study_id),
known AS (
    SELECT study_id, list(DISTINCT id ORDER BY id) AS ids,
           list(DISTINCT raw ORDER BY raw) FILTER (raw IS NOT NULL) AS raws
    FROM identifiers WHERE study_id IN (SELECT study_id FROM chosen) GROUP BY study_id)
SELECT s.study_id, c.split, c.date, c.group_id, coalesce(s.is_fictional, false), s.title, s.scientific_title,
       s.trial_type,
       s.phases, s.allocation, s.intervention_model, s.observational_model, s.time_perspective,
       coalesce(s.masking, CASE WHEN s.is_masked THEN 'MASKED' WHEN NOT s.is_masked THEN 'NONE' END), s.masked_roles,
       s.primary_purpose, s.number_of_arms, s.minimum_age_years, s.maximum_age_years, s.sex, s.healthy_volunteers,
       s.eligibility_criteria, s.inclusion_criteria, s.exclusion_criteria, s.sponsor, s.lead_sponsor_class, s.has_dmc,
       named.conditions, given.interventions, groups.arms, s.acronym, known.ids, known.raws,
       o.overall_status, o.outcome_type, o.why_terminated, s.registration_date > s.completion_date,
       o.outcome_type = 'STOPPED' AND s.study_source IN ('chictr', 'itmctr')
           AND NOT coalesce(regexp_matches(lower(s.status_raw), 'stop|terminat|withdr'), false),
       measured.primary_endpoints, measured.measures
FROM chosen c JOIN studies s USING (study_id) LEFT JOIN outcomes o USING (study_id)
LEFT JOIN named USING (study_id) LEFT JOIN given USING (study_id) LEFT JOIN groups USING (study_id)
LEFT JOIN measured USING (study_id) LEFT JOIN known USING (study_id)
ORDER BY c.place
"""


def trials(con: duckdb.DuckDBPyConnection, split: Split) -> Iterator[Trial]:
    """The trials of a split, in a fixed shuffled order."""
    for after in range(0, count(con, split), _AT_ONCE):
        of_split = "split = $split AND is_used AND place > $after AND place <= $after + $most"
        given = {"split": split, "after": after, "most": _AT_ONCE}
        yield from map(_trial, con.execute(_QUERY % of_split, given).fetchall())


def trials_of(con: duckdb.DuckDBPyConnection, study_ids: Sequence[str]) -> Iterator[Trial]:
    """The trials of these study ids, in no telling order; those without a date are in no split, and not among them."""
    split_all(con)
    for after in range(0, len(study_ids), _AT_ONCE):
        given = {"ids": list(study_ids[after : after + _AT_ONCE])}
        yield from map(_trial, con.execute(_QUERY % "study_id IN (SELECT unnest($ids))", given).fetchall())


def count(con: duckdb.DuckDBPyConnection, split: Split) -> int:
    """How many trials a split has that may make samples."""
    split_all(con)
    found = con.execute("SELECT count(*) FROM trial_splits WHERE split = ? AND is_used", [split]).fetchall()
    return int(found[0][0])


def _trial(row: tuple[Any, ...]) -> Trial:
    (
        study_id, split, date, group, is_fictional, title, scientific_title, trial_type, phases, allocation,
        intervention_model, observational_model, time_perspective, masking, masked_roles, primary_purpose,
        number_of_arms, minimum_age, maximum_age, sex, healthy, eligibility, inclusion, exclusion, sponsor,
        sponsor_class, has_dmc, conditions, interventions, arms, acronym, ids, raws, status, outcome_type, why_stopped,
        registered_after_end, is_stop_from_title, primary, measures,
    ) = row  # fmt: skip
    mask = PlanMask([study_id, *(ids or ()), *(raws or ())], acronym)
    if eligibility:
        criteria = mask(eligibility)
    else:
        criteria = "\n".join(
            f"{head}:\n{mask(text)}"
            for head, text in (("Inclusion criteria", inclusion), ("Exclusion criteria", exclusion))
            if text
        )
    start = Start(
        title=mask(title) or "",
        scientific_title=mask(scientific_title),
        trial_type=trial_type,
        phases=phases or [],
        allocation=allocation,
        intervention_model=intervention_model,
        observational_model=observational_model,
        time_perspective=time_perspective,
        masking=masking,
        masked_roles=masked_roles or [],
        primary_purpose=primary_purpose,
        number_of_arms=number_of_arms,
        minimum_age_years=minimum_age,
        maximum_age_years=maximum_age,
        sex=sex,
        healthy_volunteers=healthy,
        criteria=criteria or None,
        lead_sponsor=mask(sponsor),
        lead_sponsor_class=sponsor_class,
        has_dmc=has_dmc,
        conditions=[text for name in conditions or () if (text := mask(name))],
        interventions=[
            Intervention(name, i["type"], mask(i["description"]))
            for i in interventions or ()
            if (name := mask(i["name"]))
        ],
        arms=[
            Arm(
                mask(arm["label"]),
                arm["type"],
                mask(arm["description"]),
                [name for i in arm["interventions"] if (name := mask(i))],
            )
            for arm in arms or ()
        ],
    )
    return Trial(
        study_id=study_id,
        split=split,
        group=group,
        date=date,
        is_fictional=is_fictional,
        start=start,
        status=status,
        outcome_type=outcome_type,
        why_stopped=why_stopped,
        registered_after_end=bool(registered_after_end),
        is_stop_from_title=bool(is_stop_from_title),
        primary=[(text, mask(e["time_frame"])) for e in primary or () if (text := mask(e["measure"]))],
        measures=list(measures or ()),
    )


# --- masking

_SENTENCE = re.compile(r"[^.!?\n]*[.!?]?\s*")
_ENDED = r"(?:terminat|withdr[ae]w|suspend|discontinu|cancel|halt|abandon|stopp|clos|complet)\w*"
_STATUS = rf"(?:(?:prematurely|early|permanently|temporarily)\ )?{_ENDED}"
_WORD = r"(?:terminated|withdrawn|suspended|cancelled|canceled|completed|closed|halted)"
_AFTER = r"(?:\s+(?:early|stud(?:y|ies)|trial))?"
_TELLS = re.compile(
    rf"""(?xi)
      \b(?:stud(?:y|ies)|trial|protocol|enrol?lment|recruitment|accrual)\s+
          (?:was|were|is|has\ been|have\ been|had\ been|got|is\ now|is\ currently)\s+(?:\w+\s+)?{_STATUS}
    | \b(?:stud(?:y|ies)|trial)\s+(?:stopped|closed|cancell?ed|withdrawn|terminated|abandoned)\b
    | \bno\ (?:patients?|participants?|subjects?)\ (?:was|were|have\ been|has\ been)\ (?:enrol|recruit|includ)
    | \bdue\ to\ (?:slow|poor|low)\ (?:accrual|enrol?lment|recruitment)
    """
)
_MARK = re.compile(
    rf"""(?xi)
      (?<![(\[{{*<])[(\[{{*<]++\s*+(?:stud(?:y|ies)\s+|trial\s+)?{_STATUS}\s*(?:early|stud(?:y|ies)|trial)?\s*[)\]}}*>]+
    | ^\s*+(?:stud(?:y|ies)\s+|trial\s+)?(?:early\ )?{_WORD}{_AFTER}\s*+(?:[:–—]|-(?=\s))\s*+
    | (?<!\s)\s++[:–—-]\s*+{_WORD}{_AFTER}\s*$
    """
)


class Mask:
    """Takes out of a trial's texts what identifies it, and sentences that tell its end."""

    def __init__(self, ids: Iterable[str], acronym: str | None = None) -> None:
        forms = {form for text in ids for form in (text.lower(), *text.lower().split(":"))}
        known = {form for form in forms if len(form) >= 5 and any(map(str.isdigit, form))}
        self._ids = sorted(known, key=lambda form: (-len(form), form))
        short = (acronym or "").strip()
        # An acronym that is an ordinary word, or a letter or two, would eat the text.
        self._acronym = short if len(short) >= 3 and not short.islower() else None

    def __call__(self, text: str | None) -> str | None:
        """The text without ids, acronym and tell-tale sentences; none where nothing is left."""
        if not text:
            return None
        lowered = text.lower()
        for known in self._ids:
            if known in lowered:
                text = re.sub(rf"(?i)(?<![a-z0-9]){re.escape(known)}(?![a-z0-9])", "[id]", text)
        for found in reversed(identifiers.find(text)):
            text = f"{text[: found.start]}[id]{text[found.end :]}"
        if self._acronym and self._acronym in text:
            text = re.sub(rf"(?<!\w){re.escape(self._acronym)}(?!\w)", "[acronym]", text)
        text = _MARK.sub(" ", text)
        if _TELLS.search(text):
            text = "".join(sentence for sentence in _SENTENCE.findall(text) if not _TELLS.search(sentence))
        return re.sub(r"[ \t]+", " ", text).strip() or None


_DATE = (
    r"(?:\d{1,2}[/-](?:\d{1,2}[/-])?\d{2,4}|(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*\.?\ "
    r"(?:\d{1,2},?\ )?\d{4}|(?:19|20)\d\d)\b"
)
_CLOSED = r"closed\ (?:to|for)\ (?:\w+\ ){0,2}(?:accrual|recruitment|enrol\w+|entry)"
_AMENDED = re.compile(rf"(?i)\b(?:(?:as )?per )?amend(?:ed|ments?),? (?:of )?{_DATE}\s*:\s*")
_SINCE = re.compile(
    rf"""(?xi)
      [(\[][^()\[\]\n]{{0,160}}
        (?:\b{_CLOSED}
          |\b(?:arm|strat(?:um|a)|phase|cohort|study|part|group)\b[^()\[\]\n]{{0,30}}\bclosed\b
          |\b(?:closed|open|opened|stopped|completed|suspended|amend(?:ed|ment)|effective|as\ of)\ [^()\[\]\n]{{0,40}}?
              {_DATE}
        )[^()\[\]\n]{{0,300}}[)\]]
    | (?:\b(?:is|are|was|were|now)\ )?\b{_CLOSED}(?:\ (?:as\ of|effective|on|since))?(?:\ {_DATE})?
    | \b(?:effective|as\ of)\ {_DATE},?
    """
)
"""What became of parts of a trial, and when they were changed: written while it ran."""


class PlanMask(Mask):
    """Takes out what was written into a plan since, too: parts that were closed, and dates of amendments."""

    def __call__(self, text: str | None) -> str | None:
        """As of every text, and without notices of what happened since."""
        return super().__call__(_SINCE.sub(" ", _AMENDED.sub("", text)) if text else text)


# --- describing

_MOST_CRITERIA, _MOST_DESCRIPTION = 6_000, 800
"""Characters of a text that are shown: longer ones are cut, for all trials alike."""


def describe(start: Start) -> str:
    """A trial as a reader sees it, one fact a line; what is not known is left out."""
    lines: list[str] = []

    def add(head: str, value: object) -> None:
        if value not in (None, "", []):
            lines.append(f"{head}: {value}")

    add("Title", start.title)
    if start.scientific_title != start.title:
        add("Official title", start.scientific_title)
    add("Study type", _words(start.trial_type))
    add("Phase", ", ".join(_words(phase) for phase in start.phases))
    add("Allocation", _words(start.allocation))
    add("Intervention model", _words(start.intervention_model))
    add("Observational model", _words(start.observational_model))
    add("Time perspective", _words(start.time_perspective))
    add("Primary purpose", _words(start.primary_purpose))
    roles = ", ".join(_words(role) for role in start.masked_roles)
    add("Masking", f"{_words(start.masking)} ({roles})" if roles and start.masking else _words(start.masking))
    add("Number of arms", start.number_of_arms)
    add("Lead sponsor", _words(start.lead_sponsor_class))
    add("Data monitoring committee", None if start.has_dmc is None else "yes" if start.has_dmc else "no")
    add("Conditions", "; ".join(start.conditions))
    if start.interventions:
        lines.append("Interventions:")
        lines += [f"- {_typed(i.type, i.name, i.description)}" for i in start.interventions]
    if start.arms:
        lines.append("Arms:")
        for arm in start.arms:
            given = f" [{'; '.join(arm.interventions)}]" if arm.interventions else ""
            lines.append(f"- {_typed(arm.type, arm.label or 'unnamed', arm.description)}{given}")
    add("Sex", _words(start.sex))
    add("Least age", _age(start.minimum_age_years))
    add("Greatest age", _age(start.maximum_age_years))
    add("Healthy volunteers", None if start.healthy_volunteers is None else "yes" if start.healthy_volunteers else "no")
    if start.criteria:
        lines.append(f"Eligibility criteria:\n{_cut(start.criteria, _MOST_CRITERIA)}")
    return "\n".join(lines)


def _words(token: str | None) -> str:
    return "not applicable" if token == "NA" else (token or "").replace("_", " ").lower()


def _age(years: float | None) -> str | None:
    return None if years is None else f"{years:g} years"


def _typed(kind: str | None, name: str, description: str | None) -> str:
    head = f"{_words(kind)}: {name}" if kind else name
    return f"{head}. {_cut(description, _MOST_DESCRIPTION)}" if description else head


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most].rsplit(" ", 1)[0] + " ..."
