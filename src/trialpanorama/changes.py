"""What changed between versions: per trial, register and field, from which export to which.

A warehouse loses no version: every export of a registration is its own Record. Here the versions of one record
(source, register and id) are put in the order in which they were known, and each is compared with the one before it.
ICTRP's copy of a registration and the register's own are not versions of each other, as each says things in its way.

**When a version was known.** On the day of its export, as the file itself says it. Where it says none, its last update
in the register: it was so at least since then. Where it has neither, the day on which the file was last changed.
Versions known on one day are copies of each other (a CSV and a spreadsheet of one export): a field has changed only if
no copy of the one day agrees with any copy of the other.

**What is a change.** Values are compared as they were folded, not as they were spelt; lists by their members, whatever
the order; texts without regard to case and white space. What only belongs to the copy (where it was read, when it was
exported, refreshed or verified) is none. A value that one side lacks is no change where its file has the field for no
entry, and the other file for so many that some were to be expected: the one export has no such column. Formats whose
names begin alike (web-csv, web-xlsx) are one kind of export. Between different kinds only what both say is compared,
and not what each kind writes in its own way: outcomes, criteria, interventions, sites and the like.

**What is not said.** No trial is called removed. A file never says whether it is complete: most are the answer to a
search, or a part of a larger export, and a trial that is missing in the next one need not have left the register.
"""

from __future__ import annotations

import difflib
import re
import tempfile
from calendar import monthrange
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import groupby
from typing import TYPE_CHECKING, Any

import msgspec

from trialpanorama import identifiers
from trialpanorama.errors import UserError
from trialpanorama.record import Record
from trialpanorama.warehouse import fields, sql_text

if TYPE_CHECKING:
    import duckdb

    from trialpanorama.warehouse import Warehouse


class Field(msgspec.Struct, frozen=True):
    """Something that is compared between two versions."""

    name: str
    compared: str
    """SQL over a Record `r`: the text (or list of texts) that is compared; NULL where nothing is said."""
    matters: bool = False
    """Whether a reviewer or a trial's designer has to know it."""
    is_list: bool = False
    shown: str | None = None
    """SQL of what is shown, where that is more than what is compared."""
    in_one_kind: bool = False
    """Compared only between exports of one kind, as each writes it in its own way."""


def _plain(name: str, matters: bool = False) -> Field:
    return Field(name, f"r.{name}::VARCHAR", matters)


def _canonical(name: str, value: str | None = None, raw: str | None = None, matters: bool = False) -> Field:
    """A folded value, with the source's own word beside it; the word alone where it was not folded."""
    value, raw = value or f"r.{name}::VARCHAR", raw or f"r.{name}_raw"
    shown = f"""CASE WHEN {value} IS NULL THEN {raw}
        WHEN {raw} IS NULL OR lower(replace({raw}, ' ', '_')) = lower({value}) THEN {value}
        ELSE concat({value}, ' ("', {raw}, '")') END"""
    return Field(name, f"coalesce({value}, {raw})", matters, shown=shown)


def _day(name: str, matters: bool = False) -> Field:
    value = f"coalesce(r.{name}.date, r.{name}.raw)"
    return Field(name, value, matters, shown=f"concat({value}, ' (' || lower(r.{name}.type) || ')')")


def _age(name: str) -> Field:
    # no age is no limit, or not said: its many words are not compared
    return Field(
        name, f"CASE WHEN r.{name}_years IS NOT NULL THEN concat(printf('%g', r.{name}_years), ' years') END", True
    )


def _members(
    name: str, member: str, matters: bool = False, where: str = "true", of: str | None = None, in_one_kind: bool = True
) -> Field:
    members = f"[{member} FOR m IN r.{of or name} IF {where}]"
    return Field(name, members, matters, is_list=True, in_one_kind=in_one_kind)


_OUTCOME = "concat(m.measure, ' [' || m.time_frame || ']', ': ' || m.description)"
_CRITERIA = "concat_ws(chr(10), r.eligibility_criteria, r.inclusion_criteria, r.exclusion_criteria)"
_REGISTERED = "concat('registered ', coalesce(r.registration_date.date, 'on a day that is not given'))"
_PERSON = "concat_ws(', ', m.name, m.affiliation)"

FIELDS: tuple[Field, ...] = (
    # what no earlier file had: a trial registered since, one registered before, a registration or publication of one
    Field("trial", "NULL", True, shown=_REGISTERED),
    Field("first_seen", "NULL", True, shown=_REGISTERED),
    Field("registration", "NULL", True, shown=_REGISTERED),
    Field("publication", "NULL", True, shown="coalesce(r.scientific_title, r.public_title, r.id)"),
    # what a reviewer or a designer has to know
    _canonical("status", matters=True),
    _plain("why_stopped", True),
    _members("primary_outcomes", _OUTCOME, True, "m.type = 'PRIMARY'", "outcomes"),
    Field(
        "enrollment_target",
        "coalesce(r.enrollment_target::VARCHAR, CASE WHEN r.enrollment_actual IS NULL THEN r.enrollment_raw END)",
        True,
    ),
    _plain("enrollment_actual", True),
    _day("primary_completion_date", True),
    _day("completion_date", True),
    Field(
        "results",
        "CASE WHEN r.has_results OR r.results_posted_date.date IS NOT NULL OR r.results IS NOT NULL THEN "
        "concat('posted', ' ' || r.results_posted_date.date) END",
        True,
    ),
    Field(
        "results_values",
        "CASE WHEN r.results IS NOT NULL THEN hash(r.results)::VARCHAR END",
        True,
        shown="concat(len(r.results.outcome_measures), ' outcome measures')",
        in_one_kind=True,
    ),
    Field("eligibility", f"nullif({_CRITERIA}, '')", True, in_one_kind=True),
    _age("minimum_age"),
    _age("maximum_age"),
    _canonical("sex", matters=True),
    _plain("healthy_volunteers", True),
    Field(
        "references",
        """[coalesce('PMID ' || m.pmid, m.doi, m.citation) FOR m IN r."references"]""",
        True,
        is_list=True,
        in_one_kind=True,
    ),
    Field("is_retracted", "CASE WHEN r.paper.is_retracted THEN 'retracted' END", True),
    Field(
        "corrections",
        "[concat(m.type, ' ', coalesce('PMID ' || m.pmid, m.citation)) FOR m IN r.paper.corrections]",
        True,
        is_list=True,
    ),
    # the rest
    _plain("public_title"),
    _plain("scientific_title"),
    _plain("acronym"),
    _plain("brief_summary"),
    _plain("detailed_description"),
    Field("keywords", "r.keywords", is_list=True),
    _members("identifiers", "m.id", where="coalesce(m.role, 'secondary') <> 'mentioned'"),
    _plain("last_known_status"),
    _day("first_submitted_date"),
    _day("registration_date"),
    _day("start_date"),
    _canonical("study_type"),
    _canonical("phases", "nullif(array_to_string(list_sort(r.phases), '/'), '')", "r.phase_raw"),
    _canonical("allocation"),
    _canonical("intervention_model"),
    _plain("intervention_model_description"),
    _plain("observational_model"),
    _plain("time_perspective"),
    _canonical("masking", "coalesce(r.masking, CASE r.is_masked WHEN true THEN 'MASKED' WHEN false THEN 'NONE' END)"),
    _plain("masking_description"),
    Field("masked_roles", "r.masked_roles", is_list=True),
    _canonical("primary_purpose"),
    _plain("number_of_arms"),
    _plain("target_duration"),
    _plain("study_population"),
    _plain("sampling_method"),
    _members("conditions", "m.name", in_one_kind=False),
    _members("mesh_terms", "m.term", where="NOT coalesce(m.is_ancestor, false)"),
    _members("interventions", "concat(m.name, ': ' || m.description)"),
    _members("arms", "concat(m.label, ': ' || m.description)"),
    _members("secondary_outcomes", _OUTCOME, where="m.type = 'SECONDARY'", of="outcomes"),
    _members("other_outcomes", _OUTCOME, where="m.type = 'OTHER'", of="outcomes"),
    _members("sponsors", "concat(m.name, ' (' || lower(m.role) || ')')"),
    _plain("responsible_party"),
    _members("officials", _PERSON),
    _members("countries", "m.name", where="NOT coalesce(m.is_removed, false)", in_one_kind=False),
    _members("locations", "concat_ws(', ', m.facility, m.city, m.country)"),
    _plain("has_dmc"),
    _plain("has_expanded_access"),
    _plain("ipd_sharing"),
    _plain("ipd_description"),
    _members("links", "m.url"),
)
"""What is compared, in the order in which it is shown; at most 64, as a version's changes are the bits of a number."""

NOT_COMPARED = frozenset(
    {
        # of the copy
        *("record_id", "content_sha256", "source", "kind", "register", "id", "url", "licence", "is_fictional"),
        *("language", "place", "notes", "contacts", "exported_date", "last_updated_date", "verified_date"),
        # said in more detail by others, or set once and corrected at most
        *("study_design_raw", "is_fda_regulated_drug", "is_fda_regulated_device"),
        *("biospecimen_retention", "review", "minimum_age_raw", "maximum_age_raw"),
    }
)
"""The fields of Record that are not compared."""


class Change(msgspec.Struct):
    """One field of a record that two versions say differently."""

    field: str
    matters: bool
    old: str | None = None
    """What the older version says; none for a list, and where it says nothing."""
    new: str | None = None
    removed: list[str] = []
    """Members of a list that only the older version has."""
    added: list[str] = []
    difference: str | None = None
    """Of a long text, or of a list's one member that was reworded, the words that differ with a few around them:
    `... aged [-18-]{+16+} or over ...`."""


class Step(msgspec.Struct):
    """A record's way from one version to the next."""

    source: str
    register: str | None
    id: str
    url: str | None
    before: str | None
    """When the older version was known, ISO 8601; none for a record that no earlier file had."""
    when: str
    """When the newer version was known."""
    changes: list[Change]


class TrialChanges(msgspec.Struct):
    """What changed about one Trial."""

    study_id: str
    title: str | None
    matters: bool
    steps: list[Step]
    """In the order of time."""


class Changes(msgspec.Struct):
    """What changed in a warehouse in a time."""

    since: str
    until: str | None
    query: str | None
    snapshot: str
    is_fictional: bool
    versioned: int
    """Records of which the warehouse has several versions, at whatever time."""
    first_known: str | None
    """When the oldest version was known."""
    last_known: str | None
    matching: int | None
    """Trials that the query finds, changed or not; none without a query."""
    total: int
    """Trials with changes of the kind that was asked for."""
    by_field: dict[str, int]
    """How many changes of each field, those that matter first."""
    trials: list[TrialChanges]
    """The first `limit` of them: with a changed field that matters; new ones; those only first seen; the rest. Of
    each of these the newest first."""

    @property
    def mattering(self) -> int:
        """How many of the changes matter."""
        return sum(self.by_field.get(field.name, 0) for field in FIELDS if field.matters)

    @property
    def others(self) -> int:
        """How many do not."""
        return sum(self.by_field.values()) - self.mattering


_NEW = sum(1 << bit for bit, field in enumerate(FIELDS) if field.compared == "NULL")
_MATTERS = sum(1 << bit for bit, field in enumerate(FIELDS) if field.matters)
_ALL = 2**64 - 1
_BIT = {field.name: 1 << bit for bit, field in enumerate(FIELDS)}
_MEMORY = "900MB"
_LEAST_ENTRIES = 20
"""A file of so many entries shows by itself which fields its export has; smaller ones are taken together by format."""
_SAMPLED = 20_000
"""So many entries are looked at for the fields that exports have, as many of each; at least 20, at most 200."""
_COMMON, _LIKELY = 0.1, 5
"""An export lacks a field if none of its entries has it, at least this share of the other export's, and so many were
to be expected."""
_TRIALS_AT_ONCE = 20_000


def changes(
    warehouse: Warehouse,
    since: str,
    *,
    until: str | None = None,
    query: str | None = None,
    limit: int | None = 50,
    everything: bool = False,
) -> Changes:
    """What changed from one version to the next, where the newer one was known in the time from `since` to `until`.

    Both are ISO 8601 dates, also of a month or year, and belong to the time. With a query, only Trials that it finds
    (`query_condition`). Without `everything`, only changes that matter. Raises UserError for what is no date, and for
    a query without words.
    """
    first, last = first_day(since), last_day(until) if until else date.max.isoformat()
    if first > last:
        raise UserError(f"The time begins on {first} and ends on {last}: exchange --since and --until.")
    with tempfile.TemporaryDirectory() as spill:
        con = warehouse.connect()
        try:
            con.execute(f"SET enable_progress_bar = false; SET memory_limit = '{_MEMORY}'")
            con.execute("SET temp_directory = ?", [spill])
            con.execute("SET preserve_insertion_order = false")
            con.execute(_FOLD)
            con.execute(_OF_TRIAL)
            _versions(con, warehouse)
            matching = _chosen(con, query)
            con.execute(_STEPS, {"first": first, "last": last})
            con.execute(_COPIES)
            _compare(con)
            con.execute(_FOUND, {"first": first})
            visible = (1 << len(FIELDS)) - 1 if everything else _MATTERS
            con.execute(_RANKED.format(visible=visible))
            (total,) = _row(con, "SELECT count(*) FROM ranked")
            shown = total if limit is None else min(limit, total)
            return Changes(
                since=since,
                until=until,
                query=query,
                snapshot=warehouse.snapshot,
                is_fictional=warehouse.manifest.is_fictional,
                **_facts(con),
                matching=matching,
                total=total,
                by_field=_by_field(con),
                trials=[
                    trial
                    for begin in range(0, shown, _TRIALS_AT_ONCE)
                    for trial in _trials(con, begin, min(begin + _TRIALS_AT_ONCE, shown), visible)
                ],
            )
        finally:
            con.close()


# --- what is asked for


def first_day(text: str) -> str:
    """The first day of a date, which may be a month or year alone; raises UserError if it is none."""
    return _days(text)[0]


def last_day(text: str) -> str:
    """The last day of a date, which may be a month or year alone; raises UserError if it is none."""
    return _days(text)[1]


def _days(text: str) -> tuple[str, str]:
    whole = re.fullmatch(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?", text.strip())
    try:
        if whole is None:
            raise ValueError
        year, month, day = (int(part) if part else 0 for part in whole.groups())
        first = date(year, month or 1, day or 1)
        last_month = month or 12
        last = date(year, last_month, day or monthrange(year, last_month)[1])
    except ValueError:
        raise UserError(f'"{text}" is no date. Write it as 2025-04-01, 2025-04 or 2025.') from None
    return first.isoformat(), last.isoformat()


class _Wanted(msgspec.Struct):
    """A query, taken apart."""

    ids: list[str]
    patterns: list[str]
    """A regular expression for each word and phrase."""


def _read_query(con: duckdb.DuckDBPyConnection, query: str) -> _Wanted:
    if query.count('"') % 2:
        raise UserError("The query has a quotation mark without a second one: put a phrase between two.")
    found = [one for one in identifiers.find(query) if identifiers.REGISTERS[one.register].is_trial_register]
    rest = query
    for one in reversed(found):
        rest = rest[: one.start] + " " + rest[one.end :]
    (rest,) = _row(con, "SELECT strip_accents(lower($rest))", {"rest": rest})
    patterns = []
    for phrase, word in re.findall(r'"([^"]*)"|([^\s"]+)', rest):
        parts = re.findall(r"[^\W_]+", phrase or word)
        if parts:
            begins = "" if ord(parts[0][0]) > 0x2E80 else r"(?:^|[^\pL\pN])"  # no spaces between words in Chinese
            patterns.append(begins + r"[^\pL\pN]+".join(parts))
    if not found and not patterns:
        raise UserError(f'The query "{query}" has no word to look for.')
    return _Wanted([one.id for one in found], patterns)


_SEARCHED = """strip_accents(lower(concat_ws(chr(10), r.public_title, r.scientific_title, r.acronym, r.id,
    array_to_string([concat_ws(' ', m.name, m.code) FOR m IN r.conditions], chr(10)),
    array_to_string([m.name FOR m IN r.interventions], chr(10)),
    array_to_string(flatten([m.other_names FOR m IN r.interventions]), chr(10)),
    array_to_string([m.name FOR m IN r.sponsors], chr(10)), array_to_string(r.keywords, chr(10)),
    array_to_string([m.id FOR m IN r.identifiers], chr(10)))))"""
"""Where the words of a query are looked for: titles, conditions, interventions, sponsors, keywords, ids."""


def _chosen(con: duckdb.DuckDBPyConnection, query: str | None) -> int | None:
    """Put the Trials that a query finds into `chosen`, all without one; returns how many it finds.

    A Trial is found if one of its Records has every word and phrase of the query, wherever it has it; words are found
    from their beginning, without regard to case, accents and punctuation. A registry number finds the Trials that
    have it, and words beside it narrow them down.
    """
    if query is None:
        con.execute("CREATE TEMP VIEW chosen AS SELECT DISTINCT study_id FROM of_trial")
        return None
    wanted = _read_query(con, query)
    con.execute("CREATE TEMP TABLE wanted_ids AS SELECT unnest($ids::VARCHAR[]) AS id", {"ids": wanted.ids})
    conditions = [f"regexp_matches(text, $p{number})" for number in range(len(wanted.patterns))]
    having = f"count(DISTINCT w.id) = {len(wanted.ids)}"
    by_id = f"""SELECT study_id FROM identifiers i JOIN wanted_ids w ON i.id = w.id OR starts_with(i.id, w.id || '-')
        GROUP BY study_id HAVING {having}"""
    by_text = f"""SELECT study_id FROM (SELECT record_id, {_SEARCHED} AS text FROM records r)
        JOIN of_trial USING (record_id) WHERE {" AND ".join(conditions)}"""
    parts = ([by_id] if wanted.ids else []) + ([by_text] if conditions else [])
    both = " INTERSECT ".join(f"({part})" for part in parts)
    con.execute(
        f"CREATE TEMP TABLE chosen AS SELECT DISTINCT study_id FROM ({both})",
        {f"p{number}": pattern for number, pattern in enumerate(wanted.patterns)},
    )
    return int(_row(con, "SELECT count(*) FROM chosen")[0])


# --- versions, and the steps between them

_FOLD = """CREATE TEMP MACRO folded(t) AS lower(
    replace(replace(replace(replace(replace(t, ' ', ''), chr(10), ''), chr(13), ''), chr(9), ''), chr(160), ''))"""

_OF_TRIAL = """CREATE TEMP TABLE of_trial AS
    SELECT record_id, study_id FROM trial_records UNION SELECT record_id, study_id FROM publication_links"""


def _date(text: str) -> str:
    """A date as precise as it was given as the first day that it can mean."""
    return f"try_cast(left({text} || '-01-01', 10) AS DATE)"


def _versions(con: duckdb.DuckDBPyConnection, warehouse: Warehouse) -> None:
    """`versions`: of every Record its identity, when it was known, and the export whose columns it shares."""
    import pyarrow as pa

    files = warehouse.manifest.files
    con.register(
        "files",
        pa.table({"sha256": [file.sha256 for file in files], "modified": [file.modified[:10] for file in files]}),
    )
    con.execute(f"CREATE TEMP TABLE parts AS SELECT DISTINCT filename, hash(filename) AS part FROM {_PARTS}")
    con.execute(_VERSIONS)
    con.unregister("files")


_PARTS = "read_parquet('records/**/*.parquet', filename = true)"


def _records(con: duckdb.DuckDBPyConnection, wanted: str) -> str:
    """SQL of the files that hold the Records of a query: a watch on the newest export need not read all older ones."""
    parts = con.execute(
        f"SELECT filename FROM parts WHERE part IN (SELECT part FROM versions SEMI JOIN ({wanted}) USING (record_id))"
    ).fetchall()
    names = ", ".join(sql_text(name) for (name,) in sorted(parts))
    return f"read_parquet([{names}])" if parts else "(FROM records LIMIT 0)"


_VERSIONS = f"""CREATE TEMP TABLE versions AS
    WITH modified AS (SELECT sha256, min(try_cast(modified AS DATE)) AS modified FROM files GROUP BY sha256)
    SELECT record_id, part, source, coalesce(register, '') AS register, id,
        coalesce(exported, updated, modified) AS known, exported IS NOT NULL AS is_dated, begun,
        concat(source, ' ', split_part(format, '-', 1)) AS kind,
        concat(source, ' ', format,
            CASE WHEN count(*) OVER (PARTITION BY file) >= {_LEAST_ENTRIES} THEN file END) AS export
    FROM (SELECT r.record_id, r.source, r.register, r.id, r.place.format AS format, m.modified,
            hash(r.filename) AS part, {_date("r.exported_date.date")} AS exported,
            {_date("r.last_updated_date.date")} AS updated,
            coalesce({_date("r.registration_date.date")}, {_date("r.first_submitted_date.date")},
                least({_date("r.paper.publication_date.date")}, {_date("r.paper.electronic_date.date")})) AS begun,
            hash(r.place.file_sha256, r.place.member) AS file
        FROM {_PARTS} r LEFT JOIN modified m ON m.sha256 = r.place.file_sha256)"""

_STEPS = """CREATE TEMP TABLE steps AS
    SELECT row_number() OVER (ORDER BY source, register, id, known) AS step, *
    FROM (SELECT *, lag(known) OVER (PARTITION BY source, register, id ORDER BY known) AS before
        FROM (SELECT DISTINCT source, register, id, known FROM versions))
    WHERE known BETWEEN CAST($first AS DATE) AND CAST($last AS DATE)"""

_COPIES = """
    CREATE TEMP TABLE step_trials AS
    SELECT DISTINCT s.step, t.study_id FROM steps s JOIN versions v USING (source, register, id, known)
        JOIN of_trial t USING (record_id) SEMI JOIN chosen USING (study_id);
    CREATE TEMP TABLE copies AS
    SELECT s.step, v.known = s.known AS is_new, v.record_id, v.export, v.kind
    FROM steps s JOIN versions v ON v.source = s.source AND v.register = s.register AND v.id = s.id
        AND v.known IN (s.known, s.before)
    WHERE s.step IN (SELECT step FROM step_trials)"""

_FOUND = f"""
    CREATE TEMP TABLE found AS
    WITH exports AS (
            SELECT source, known, lag(known) OVER (PARTITION BY source ORDER BY known) AS earlier
            FROM (SELECT DISTINCT source, known FROM versions WHERE is_dated)),
        members AS (SELECT * FROM versions JOIN trial_records USING (record_id)),
        trials AS (SELECT study_id, min(known) AS earliest FROM members GROUP BY study_id),
        ids AS (SELECT register, id, min(known) AS earliest FROM versions GROUP BY register, id),
        new AS (
            SELECT s.step, s.register, s.id, s.known, any_value(t.study_id) AS study_id,
                bool_or(v.begun >= least(e.earlier, CAST($first AS DATE))) AS is_young
            FROM steps s JOIN versions v USING (source, register, id, known)
                LEFT JOIN exports e ON v.is_dated AND e.source = v.source AND e.known = v.known
                LEFT JOIN trial_records t USING (record_id)
            WHERE s.before IS NULL AND s.step IN (SELECT step FROM step_trials)
            GROUP BY ALL
            HAVING bool_or(CASE WHEN v.is_dated THEN e.earlier IS NOT NULL ELSE v.begun >= CAST($first AS DATE) END))
    SELECT step, bits FROM changed
    UNION ALL
    SELECT step, CASE
        WHEN study_id IS NULL THEN {_BIT["publication"]} WHEN t.earliest < n.known THEN {_BIT["registration"]}
        WHEN is_young THEN {_BIT["trial"]} ELSE {_BIT["first_seen"]} END::UBIGINT
    FROM new n LEFT JOIN trials t USING (study_id) JOIN ids i ON i.register = n.register AND i.id = n.id
    WHERE i.earliest = n.known"""
"""Every step with what is new in it, as bits: changed fields; or a Trial, registration or publication.

Something is new in a dated export if its source has an earlier one without it; in other files if it was registered, or
published, in the time that was asked for: all of them could have been there before.
"""

_RANKED = f"""
    CREATE TEMP TABLE ranked AS
    SELECT study_id, row_number() OVER (
        ORDER BY bool_or(bits & {_MATTERS - _NEW} <> 0) DESC, bool_or(bits & {_NEW - _BIT["first_seen"]} <> 0) DESC,
            bool_or(bits & {_MATTERS} <> 0) DESC, max(known) DESC, study_id) AS place
    FROM found JOIN steps USING (step) JOIN step_trials USING (step) WHERE bits & {{visible}} <> 0 GROUP BY study_id"""


# --- comparing


def _print(field: Field) -> str:
    """SQL of a number that is the same for values that count as the same; NULL where nothing is said."""
    if field.is_list:
        members = f"[y FOR y IN [folded(x) FOR x IN {field.compared}] IF y <> '']"
        return f"CASE WHEN len({members}) > 0 THEN hash(list_sort(list_distinct({members}))) END"
    return f"CASE WHEN ({field.compared}) <> '' THEN hash(folded({field.compared})) END"


_IS_FOLDED = "r.status = 'UNKNOWN' AND len([n FOR n IN r.notes IF n.field = 'status']) > 0"
"""ICTRP's web export says of a study only that it does not recruit: that agrees with every status that does not."""


_DOUBTFUL = """CREATE TEMP TABLE doubtful AS
    SELECT step FROM copies o JOIN copies n USING (step)
        JOIN whole a ON a.record_id = o.record_id JOIN whole b ON b.record_id = n.record_id
    WHERE NOT o.is_new AND n.is_new GROUP BY step HAVING NOT bool_or(a.print = b.print)"""
"""`doubtful`: the steps on which no copy repeats one of the older version."""

_SAMPLE = f"""CREATE TEMP TABLE sampled AS
    WITH wanted AS (SELECT DISTINCT export FROM copies SEMI JOIN doubtful USING (step))
    SELECT record_id, export FROM versions SEMI JOIN wanted USING (export)
    QUALIFY row_number() OVER (PARTITION BY export ORDER BY record_id)
        <= greatest(20, least(200, {_SAMPLED} // (SELECT greatest(count(*), 1) FROM wanted)))"""
"""`sampled`: some entries of each export, to see which fields it has."""


def _compare(con: duckdb.DuckDBPyConnection) -> None:
    """Put into `changed` the fields that differ between the versions of each step, as bits.

    Most versions repeat the one before to the letter: they are found by one number for each Record, and only the rest
    is compared field by field.
    """
    import pyarrow as pa

    columns_of_record = ", ".join(f'r."{field.name}"' for field in fields(Record) if field.name not in NOT_COMPARED)
    wanted = "SELECT record_id FROM copies JOIN steps USING (step) WHERE before IS NOT NULL"
    con.execute(
        f"""CREATE TEMP TABLE whole AS SELECT r.record_id, hash({columns_of_record}) AS print
            FROM {_records(con, wanted)} r SEMI JOIN ({wanted}) USING (record_id)"""
    )
    con.execute(_DOUBTFUL)
    con.execute(_SAMPLE)
    compared = [(bit, field) for bit, field in enumerate(FIELDS) if not _NEW >> bit & 1]
    prints = ", ".join(f"{_print(field)} AS p{bit}" for bit, field in compared)
    wanted = "SELECT record_id FROM copies SEMI JOIN doubtful USING (step) UNION SELECT record_id FROM sampled"
    con.execute(
        f"""CREATE TEMP TABLE prints AS
            SELECT r.record_id, {_IS_FOLDED} AS is_folded, coalesce(r.status = 'RECRUITING', false) AS recruits,
                {prints}
            FROM {_records(con, wanted)} r SEMI JOIN ({wanted}) USING (record_id)"""
    )
    pairs = con.execute(
        """SELECT DISTINCT o.export, n.export, o.kind = n.kind
           FROM copies o JOIN copies n USING (step) SEMI JOIN doubtful USING (step)
           WHERE NOT o.is_new AND n.is_new AND o.export <> n.export"""
    ).fetchall()
    lacking = _lacking(con, [pair[:2] for pair in pairs], compared)
    in_one_kind = sum(1 << bit for bit, field in compared if field.in_one_kind)
    columns: dict[str, list[Any]] = {
        "old_export": [old for old, _, _ in pairs],
        "new_export": [new for _, new, _ in pairs],
        "lacking": [lacking[old, new] if is_same_kind else _ALL for old, new, is_same_kind in pairs],
        "incomparable": [0 if is_same_kind else in_one_kind for _, _, is_same_kind in pairs],
    }
    types = (pa.string(), pa.string(), pa.uint64(), pa.uint64())
    con.register(
        "pairs", pa.table([pa.array(v, t) for v, t in zip(columns.values(), types, strict=True)], list(columns))
    )

    def bits(condition: str) -> str:
        """The bits of the fields for which the condition, with {} for the field's number, is true."""
        return " | ".join(
            f"CASE WHEN {condition.format(bit)} THEN {1 << bit}::UBIGINT ELSE 0::UBIGINT END" for bit, _ in compared
        )

    con.execute(
        f"""CREATE TEMP TABLE changed AS
            SELECT step, bit_or(differs) & xor(bit_or(same), {_ALL}::UBIGINT) AS bits
            FROM (SELECT o.step,
                    {bits("a.p{0} IS NOT DISTINCT FROM b.p{0}")}
                        | CASE WHEN a.is_folded AND NOT b.recruits OR b.is_folded AND NOT a.recruits
                            THEN {_BIT["status"]}::UBIGINT ELSE 0::UBIGINT END AS same,
                    (({bits("a.p{0} <> b.p{0}")}) & xor(coalesce(incomparable, 0), {_ALL}::UBIGINT))
                        | (({bits("(a.p{0} IS NULL) <> (b.p{0} IS NULL)")})
                            & xor(coalesce(lacking, 0), {_ALL}::UBIGINT)) AS differs
                FROM (FROM copies SEMI JOIN doubtful USING (step)) o
                    JOIN copies n ON n.step = o.step AND n.is_new AND NOT o.is_new
                    JOIN prints a ON a.record_id = o.record_id JOIN prints b ON b.record_id = n.record_id
                    LEFT JOIN pairs ON old_export = o.export AND new_export = n.export)
            GROUP BY step HAVING bits <> 0"""
    )
    con.unregister("pairs")


def _lacking(
    con: duckdb.DuckDBPyConnection, pairs: Sequence[tuple[str, str]], compared: Sequence[tuple[int, Field]]
) -> dict[tuple[str, str], int]:
    """For each pair of exports the bits of the fields that one of them has no column for, as far as can be seen."""
    if not pairs:
        return {}
    filled = ", ".join(f"count(p{bit})" for bit, _ in compared)
    counts = {
        export: (total, filled)
        for export, total, *filled in con.execute(
            f"SELECT export, count(*), {filled} FROM prints JOIN sampled USING (record_id) GROUP BY export"
        ).fetchall()
    }

    def is_lacking(total: int, filled: int, other_total: int, other_filled: int) -> bool:
        return filled == 0 and total * other_filled >= max(_COMMON * total, _LIKELY) * other_total

    found = {}
    for old, new in pairs:
        (old_total, old_filled), (new_total, new_filled) = counts[old], counts[new]
        found[old, new] = sum(
            1 << bit
            for (bit, _), before, after in zip(compared, old_filled, new_filled, strict=True)
            if is_lacking(old_total, before, new_total, after) or is_lacking(new_total, after, old_total, before)
        )
    return found


# --- what is shown


def _facts(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    versioned, first, last = _row(
        con,
        """SELECT count(*) FILTER (days > 1), min(first), max(last) FROM (
               SELECT count(DISTINCT known) AS days, min(known)::VARCHAR AS first, max(known)::VARCHAR AS last
               FROM versions GROUP BY source, register, id)""",
    )
    return {"versioned": versioned, "first_known": first, "last_known": last}


def _by_field(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    counted = ", ".join(f"count(*) FILTER (bits & {1 << bit} <> 0)" for bit in range(len(FIELDS)))
    counts = _row(con, f"SELECT {counted} FROM found")
    return {field.name: count for field, count in zip(FIELDS, counts, strict=True) if count}


def _trials(con: duckdb.DuckDBPyConnection, begin: int, end: int, visible: int) -> Iterator[TrialChanges]:
    """The Trials of these places, with their steps and values."""
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE shown AS
            SELECT place, study_id, step, bits, source, register, id, before, known
            FROM ranked JOIN step_trials USING (study_id) JOIN found USING (step) JOIN steps USING (step)
            WHERE place > {begin} AND place <= {end} AND bits & {visible} <> 0"""
    )
    (used,) = _row(con, f"SELECT coalesce(bit_or(bits), 0) & {visible} FROM shown")
    used_fields = [(bit, field) for bit, field in enumerate(FIELDS) if used >> bit & 1]
    values = ", ".join(
        f"CASE WHEN bits & {1 << bit} <> 0 THEN to_json({field.shown or field.compared})::VARCHAR END"
        for bit, field in used_fields
    )
    said: dict[int, dict[bool, tuple[str | None, list[Any]]]] = {}
    copies: dict[str, list[tuple[int, bool]]] = {}
    for step, is_new, record_id in con.execute(
        "SELECT step, is_new, record_id FROM copies SEMI JOIN shown USING (step) ORDER BY step, record_id DESC"
    ).fetchall():
        copies.setdefault(record_id, []).append((step, is_new))
    wanted = "SELECT record_id, bit_or(bits) AS bits FROM copies JOIN shown USING (step) GROUP BY record_id"
    cursor = con.execute(
        f"""SELECT r.record_id, r.url, [{values}] FROM {_records(con, wanted)} r JOIN ({wanted}) USING (record_id)
            ORDER BY record_id DESC"""
    )
    while rows := cursor.fetchmany(1_000):
        for record_id, url, texts in rows:
            decoded = [msgspec.json.decode(text) if text else None for text in texts]
            for step, is_new in copies[record_id]:
                # of several copies, the first that says it
                _, earlier = said.setdefault(step, {}).get(is_new, (None, decoded))
                merged = [value or other for value, other in zip(decoded, earlier, strict=True)]
                said[step][is_new] = (url, merged)
    titles = dict(con.execute("SELECT study_id, title FROM studies SEMI JOIN shown USING (study_id)").fetchall())
    steps = con.execute(
        """SELECT study_id, step, bits, source, register, id, before::VARCHAR, known::VARCHAR
           FROM shown ORDER BY place, known, source, register, id"""
    ).fetchall()
    for study_id, group in groupby(steps, key=lambda row: row[0]):
        found = []
        for _, step, bits, source, register, id, before, known in group:
            url, new = said[step][True]
            _, old = said[step].get(False, (None, [None] * len(used_fields)))
            found.append(
                Step(
                    source=source,
                    register=register or None,
                    id=id,
                    url=url,
                    before=before,
                    when=known,
                    changes=[
                        _change(field, before_, after)
                        for (bit, field), before_, after in zip(used_fields, old, new, strict=True)
                        if bits >> bit & 1
                    ],
                )
            )
        yield TrialChanges(
            study_id=study_id,
            title=titles.get(study_id),
            matters=any(change.matters for step in found for change in step.changes),
            steps=found,
        )


def _change(field: Field, old: Any, new: Any) -> Change:
    if not field.is_list:
        is_long = bool(old and new) and max(len(old), len(new)) > _LONG
        difference = word_difference(old, new) if is_long else None
        return Change(field.name, field.matters, old or None, new or None, difference=difference)
    had, has = ({_folded(member): member for member in members or [] if member} for members in (old, new))
    removed = [member for key, member in had.items() if key not in has]
    added = [member for key, member in has.items() if key not in had]
    is_reworded = len(removed) == len(added) == 1 and len(removed[0]) > _LONG
    difference = word_difference(removed[0], added[0]) if is_reworded else None
    return Change(field.name, field.matters, removed=removed, added=added, difference=difference)


def _folded(text: str) -> str:
    return "".join(text.lower().split())


_LONG = 100
"""Of texts longer than this the words that differ are shown."""
_AROUND = 4
_MOST_PAIRS = 30_000
"""Texts with more pairs of equal words are shown as removed and added, whatever is kept between them."""


def word_difference(old: str, new: str) -> str:
    """The words that differ, with a few around them: `... aged [-18-]{+16+} or over ...`."""
    a, b = old.split(), new.split()
    same = min(len(a), len(b))
    begin = next((i for i in range(same) if a[i] != b[i]), same)
    end = next((i for i in range(same - begin) if a[-1 - i] != b[-1 - i]), same - begin)
    old_words, new_words = a[begin : len(a) - end], b[begin : len(b) - end]
    operations: Sequence[tuple[str, int, int, int, int]]
    times = Counter(old_words)
    if sum(times[word] for word in new_words) > _MOST_PAIRS:
        operations = [("replace", 0, len(old_words), 0, len(new_words))]
    else:
        operations = difflib.SequenceMatcher(None, old_words, new_words, autojunk=False).get_opcodes()
    parts = _kept(a[:begin], is_first=True, is_last=False)
    for name, i1, i2, j1, j2 in operations:
        if name == "equal":
            parts += _kept(old_words[i1:i2], is_first=False, is_last=False)
        else:
            removed, added = (" ".join(_clipped(words)) for words in (old_words[i1:i2], new_words[j1:j2]))
            parts.append((f"[-{removed}-]" if removed else "") + (f"{{+{added}+}}" if added else ""))
    parts += _kept(a[len(a) - end :] if end else [], is_first=False, is_last=True)
    return " ".join(parts)


def _kept(words: list[str], *, is_first: bool, is_last: bool) -> list[str]:
    """Words around a difference, the middle of them left out."""
    before, after = ([] if is_first else words[:_AROUND]), ([] if is_last else words[-_AROUND:])
    return words if len(words) <= len(before) + len(after) else [*before, "...", *after]


def _clipped(words: list[str], most: int = 40) -> list[str]:
    return words if len(words) <= most else [*words[:most], f"... ({len(words) - most} more words)"]


def _row(con: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, Any] | None = None) -> tuple[Any, ...]:
    return tuple(con.execute(sql, parameters).fetchall()[0])
