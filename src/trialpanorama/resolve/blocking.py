"""Which registrations are worth comparing: those that share something few others have.

Every registration gets keys (pairs of the rarest words of its titles, a word with the sponsor or the start date, the
acronym, the protocol code ...). Registrations of two registers that share a key are a candidate pair, unless too many
share it; of its candidates, each registration keeps those with which it shares the most. So the work grows with the
number of registrations and not with its square. All of it is SQL, out of core.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialpanorama.resolve.features import Profile, Rarity

if TYPE_CHECKING:
    import duckdb

LARGEST_BLOCK = 30
"""A key that more registrations share says too little, and would make the pairs too many."""
MOST_CANDIDATES = 6
"""So many candidates of each registration are compared, those with the most in common."""
LEAST_SHARED = 400
"""Candidates share at least so much: 100 for each key they share, and up to 340 more the fewer others share it."""
RAREST_WORDS = 7
"""So many words of each title are paired with one another."""
_COMMON = 20
"""Words in fewer titles need no count: they are as rare as can be."""

_FIRST = "arg_min({0}, version) FILTER ({0} IS NOT NULL)"
_FIRST_LIST = "arg_min({0}, version) FILTER (len({0}) > 0)"
_LEADS = "[s.name FOR s IN r.sponsors IF coalesce(s.role, 'LEAD') = 'LEAD']"
_HELPERS = "[s.name FOR s IN r.sponsors IF coalesce(s.role, 'LEAD') <> 'LEAD']"
# A code that two registrations of one register have is of a grant or a programme, and not of a study (`grants` below).
_CODES = """[i.id FOR i IN r.identifiers IF i.register IS NULL AND length(i.id) >= 4
    AND coalesce(i.role, 'secondary') IN ('organisation', 'secondary') AND regexp_matches(i.id, '[0-9]')]"""
_ID = "CASE WHEN register IN ('euctr', 'ctis') THEN left(id, 14) ELSE id END"
"""What a register counts as one study."""
_CRITERIA = """substr(coalesce(nullif(concat_ws(' ', r.inclusion_criteria, r.exclusion_criteria), ''),
    r.eligibility_criteria), 1, 3000)"""
_SECONDARY = "substr(array_to_string([o.measure FOR o IN r.outcomes IF o.type = 'SECONDARY'], '; '), 1, 3000)"
_COUNTRIES = """CASE WHEN len(r.countries) > 0 THEN [c.name FOR c IN r.countries IF NOT coalesce(c.is_removed, false)]
    ELSE [s.country FOR s IN r.locations IF s.country IS NOT NULL] END"""


def _once(name: str, most: int) -> str:
    """The first distinct values of a list, in their order."""
    return f"[x FOR x, i IN {name} IF list_position({name}, x) = i][:{most}] AS {name}"


PROFILES = f"""
    CREATE OR REPLACE TEMP TABLE profiles AS
    WITH grants AS (
        SELECT list(DISTINCT code) AS codes
        FROM (SELECT code FROM (SELECT register, {_ID} AS id, unnest({_CODES}) AS code FROM records r
                WHERE coalesce(kind, 'REGISTRATION') = 'REGISTRATION')
            GROUP BY register, code HAVING count(DISTINCT id) > 1))
    SELECT (row_number() OVER (ORDER BY key))::INTEGER AS number, * REPLACE (
        {_once("titles", 8)}, {_once("acronyms", 4)}, {_once("codes", 12)}, {_once("sponsors", 4)},
        {_once("collaborators", 12)}, {_once("sizes", 4)})
    FROM (SELECT key, any_value(register) AS register,
        flatten(list(titles ORDER BY version)) AS titles,
        list(acronym ORDER BY version) FILTER (acronym IS NOT NULL) AS acronyms,
        flatten(list(codes ORDER BY version)) AS codes,
        flatten(list(sponsors ORDER BY version)) AS sponsors,
        flatten(list(collaborators ORDER BY version)) AS collaborators,
        {_FIRST_LIST.format("conditions")} AS conditions,
        {_FIRST_LIST.format("interventions")} AS interventions,
        {_FIRST_LIST.format("outcomes")} AS outcomes,
        flatten(list(sizes ORDER BY version)) AS sizes,
        {_FIRST.format("start")} AS start, {_FIRST.format("completion")} AS completion,
        list_sort(list_distinct(flatten(list(countries)))) AS countries,
        {_FIRST_LIST.format("phases")} AS phases, {_FIRST.format("study_type")} AS study_type,
        {_FIRST.format("allocation")} AS allocation, {_FIRST.format("masking")} AS masking,
        {_FIRST.format("primary_purpose")} AS primary_purpose,
        {_FIRST.format("intervention_model")} AS intervention_model,
        {_FIRST.format("minimum_age_years")} AS minimum_age, {_FIRST.format("maximum_age_years")} AS maximum_age,
        {_FIRST.format("sex")} AS sex, {_FIRST.format("criteria")} AS criteria,
        {_FIRST.format("secondary")} AS secondary
    FROM (
        SELECT g.key, g.register, g.version,
            [t FOR t IN [r.public_title, r.scientific_title] IF t IS NOT NULL] AS titles,
            r.acronym, [c FOR c IN {_CODES} IF NOT list_contains(coalesce(grants.codes, []), c)] AS codes,
            {_LEADS} AS sponsors, {_HELPERS} AS collaborators,
            [c.name FOR c IN r.conditions] AS conditions,
            flatten([[i.name] || coalesce(i.other_names, []) FOR i IN r.interventions]) AS interventions,
            [o.measure FOR o IN r.outcomes IF o.type = 'PRIMARY'] AS outcomes,
            [n FOR n IN [r.enrollment_target, r.enrollment_actual] IF n > 0] AS sizes,
            r.start_date.date AS start, coalesce(r.completion_date.date, r.primary_completion_date.date) AS completion,
            {_COUNTRIES} AS countries, r.phases, r.study_type, r.allocation, r.masking, r.primary_purpose,
            r.intervention_model, r.minimum_age_years, r.maximum_age_years, r.sex, {_CRITERIA} AS criteria,
            nullif({_SECONDARY}, '') AS secondary
        FROM registrations g JOIN records r USING (record_id), grants)
    GROUP BY key)"""

WORDS = "regexp_extract_all(strip_accents(lower({text})), '[\\p{{L}}\\p{{N}}_]+')"
"""The words of a text, as `titles.words` cuts them but for a few letters."""

_TITLE_WORDS = f"""
    CREATE OR REPLACE TEMP TABLE title_words AS
    SELECT DISTINCT number, title, word
    FROM (SELECT number, title, unnest({WORDS.format(text="text")}) AS word
        FROM (SELECT number, unnest(titles) AS text, generate_subscripts(titles, 1) AS title FROM profiles))"""

_WORD_COUNTS = """
    CREATE OR REPLACE TEMP TABLE word_counts AS
    SELECT word, count(DISTINCT number) AS registrations FROM title_words GROUP BY word"""

# A word that one registration alone has finds nothing: the rarest words are those of two registrations or more.
_KEYS = f"""
    CREATE OR REPLACE TEMP TABLE block_keys AS
    WITH rare AS (
        SELECT number, title, word, registrations,
            row_number() OVER (PARTITION BY number, title ORDER BY registrations, word) AS place
        FROM title_words JOIN word_counts USING (word) WHERE registrations > 1
        QUALIFY place <= {RAREST_WORDS}),
    said AS (
        SELECT number, word, place FROM rare WHERE place <= 5),
    sponsor AS (
        SELECT number, regexp_replace(strip_accents(lower(unnest(sponsors))), '[^\\p{{L}}\\p{{N}}]+', '', 'g') AS name
        FROM profiles),
    enrolled AS (
        SELECT number, start, unnest(sizes) AS size FROM profiles),
    found AS (
        SELECT number, 'w' AS kind, word AS value FROM rare
        UNION ALL
        SELECT a.number, 'ww', concat(least(a.word, b.word), ' ', greatest(a.word, b.word))
        FROM rare a JOIN rare b ON a.number = b.number AND a.title = b.title AND a.word < b.word
        UNION ALL
        SELECT number, 'sw', concat(name, ' ', word) FROM sponsor JOIN said USING (number)
        UNION ALL
        SELECT number, 'dw', concat(start, ' ', word) FROM profiles JOIN said USING (number) WHERE length(start) >= 7
        UNION ALL
        SELECT number, 'ss', concat(name, ' ', size) FROM sponsor JOIN enrolled USING (number)
        UNION ALL
        SELECT number, 'dd', concat(start, ' ', completion) FROM profiles
        WHERE length(start) = 10 AND length(completion) = 10
        UNION ALL
        SELECT number, 'ds', concat(start, ' ', size) FROM enrolled WHERE length(start) = 10
        UNION ALL
        SELECT number, 'a', upper(regexp_replace(unnest(acronyms), '[\\W_]+', '', 'g')) FROM profiles
        UNION ALL
        SELECT number, 'c', upper(regexp_replace(unnest(codes), '[\\W_]+', '', 'g')) FROM profiles)
    SELECT DISTINCT number, hash(kind, value) AS block FROM found WHERE value <> ''"""

_CANDIDATES = f"""
    CREATE OR REPLACE TEMP TABLE candidates AS
    WITH sized AS (
        SELECT number, block, count(*) OVER (PARTITION BY block) AS size FROM block_keys
        QUALIFY size BETWEEN 2 AND {LARGEST_BLOCK}),
    placed AS (SELECT s.*, p.register FROM sized s JOIN profiles p USING (number)),
    shared AS (
        SELECT a.number AS a, b.number AS b,
            sum(CAST(round(100 * ln({LARGEST_BLOCK} / a.size)) + 100 AS BIGINT)) AS common
        FROM placed a JOIN placed b ON a.block = b.block AND a.number < b.number AND a.register {{sign}} b.register
        GROUP BY ALL
        HAVING common >= {LEAST_SHARED}),
    ranked AS (
        SELECT a, b, row_number() OVER (PARTITION BY a ORDER BY common DESC, b) AS rank_a,
            row_number() OVER (PARTITION BY b ORDER BY common DESC, a) AS rank_b
        FROM shared)
    SELECT one.key AS key_a, other.key AS key_b
    FROM ranked JOIN profiles one ON one.number = a JOIN profiles other ON other.number = b
    WHERE rank_a <= {MOST_CANDIDATES} OR rank_b <= {MOST_CANDIDATES}"""

TEMPORARY = ("profiles", "candidates")


def block(con: duckdb.DuckDBPyConnection, *, within_registers: bool = False) -> Rarity:
    """Make the tables `profiles` and `candidates` (key_a < key_b, of two registers); returns how rare words are.

    `con` has `records` and `registrations` (key, register, record_id, version). With `within_registers`, candidates are
    of one register: studies that are alike and yet two, from which weights are learnt.
    """
    candidates = _CANDIDATES.format(sign="=" if within_registers else "<>")
    for statement in (PROFILES, _TITLE_WORDS, _WORD_COUNTS, _KEYS, candidates):
        con.execute(statement)
    counted = con.execute(f"SELECT word, registrations FROM word_counts WHERE registrations >= {_COMMON}").fetchall()
    ((titles,),) = con.execute("SELECT count(*) FROM profiles").fetchall()
    for name in ("title_words", "word_counts", "block_keys"):  # large, and needed no more
        con.execute(f"DROP TABLE {name}")
    return Rarity(titles, dict(counted))


_LISTS = (
    "titles",
    "acronyms",
    "codes",
    "sponsors",
    "collaborators",
    "conditions",
    "interventions",
    "outcomes",
    "sizes",
)
_COLUMNS = f"""key, register, {", ".join(f"coalesce({name}, [])" for name in (*_LISTS, "countries", "phases"))},
    start, completion, study_type, sex, [allocation, masking, primary_purpose, intervention_model],
    [minimum_age, maximum_age], criteria, secondary"""


def profiles(con: duckdb.DuckDBPyConnection, where: str = "true") -> dict[str, Profile]:
    """The profiles of some registrations, by their keys; `where` is a condition on the table `profiles`."""
    found = {}
    for row in con.execute(f"SELECT {_COLUMNS} FROM profiles WHERE {where}").fetchall():
        found[row[0]] = Profile._make(tuple(value) if isinstance(value, list) else value for value in row)
    return found
