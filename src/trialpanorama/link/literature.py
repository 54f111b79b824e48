"""Which papers are about which Trial: what an id or a register says, and what titles, people and numbers tell.

An id says as much as the place where it stands: in a databank list, in an abstract or after "registered as" it is the
paper's own trial; in an introduction or a reference list, or among many, it is somebody else's. Where no id tells, the
paper and the trials that share rare words, people, codes or numbers with it are scored as record linkage does: each
field adds or takes away bits of evidence. One trial far ahead of all others is taken; everything else is left alone.
"""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import msgspec

from trialpanorama import identifiers
from trialpanorama.errors import UserError
from trialpanorama.relations import first_day
from trialpanorama.tables import NEWEST_PAPERS, TABLES, PaperMethod, write_table
from trialpanorama.warehouse import sql_text

if TYPE_CHECKING:
    import duckdb

MANY = 3
"""A paper that names more trials than this one is a review of them, whatever it calls itself."""

PLACE_SCORES: dict[PaperMethod, float] = {
    "databank": 0.98, "registration_statement": 0.97, "abstract": 0.95, "methods": 0.8, "mention": 0.25,
    "result_reference": 0.9, "derived_reference": 0.85, "background_reference": 0.1, "reference": 0.2,
}  # fmt: skip
"""What a link that somebody states is worth, 0 to 1; fixed per method, not a probability."""

AMONG_MANY = 0.3
"""What an id is worth at most in a paper that names many trials."""

ENOUGH = 0.5
"""Least worth of a stated link that is accepted."""

LIKELY, KEPT = 0.95, 0.5
"""Least probability at which similarity is accepted, and at which it is kept as a near miss."""

AHEAD_BITS = 3.0
"""How far the best trial of a paper must be ahead of the second."""


def link_papers(con: duckdb.DuckDBPyConnection, out: Path) -> dict[str, int]:
    """Write paper_links into `out`; returns how many rows it has.

    `con` has the relations `records` and `source_licences` (source, is_open); `out` has trial_records and
    publication_links, as resolve writes them. The outcome depends neither on the order of Records nor on the number of
    threads.
    """
    for name in ("trial_records", "publication_links"):
        place = sql_text(out / f"{name}.parquet")
        con.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT * FROM read_parquet({place})")
    con.create_function("person_key", person_key, ["VARCHAR"], "VARCHAR")
    for statement in (NEWEST_PAPERS, _PAPERS, _TRIALS, _GIVEN_IDS):
        con.execute(statement)
    _places(con)
    for statement in (_STATED, *_KEYS, *_CANDIDATES, *_COMPARED):
        con.execute(statement)
    count = write_table(con, next(table for table in TABLES if table.name == "paper_links"), _PAPER_LINKS, out)
    for name in _TEMPORARY:
        con.execute(f"DROP TABLE {name}")
    con.remove_function("person_key")
    return {"paper_links": count}


# --- what a paper is

_PROTOCOL = (
    r"\b(study|trial|research) protocol\b|\bprotocol (for|of)\b|\brationale and (study )?design\b"
    r"|\bdesign and rationale\b|\b(study|trial) design\b|\bdesign of (a|the|an)\b.*\b(trial|study)\b"
)
_SECONDARY = (
    r"\bsecondary analys[ei]s\b|\bpost[- ]?hoc\b|\bsubgroup analys|\bsub[- ]?stud(y|ies)\b|\bancillary\b|\bexploratory "
    r"analys|\bpooled analys|\bpredict(or|ors|ing|ion)\b|\bcost[- ](effectiveness|utility|benefit)\b|\beconomic "
    r"(evaluation|analysis)\b|\bbaseline characteristics\b|\blong[- ]term follow[- ]?up\b"
    r"|\bextension (study|phase|trial)\b|\breanalysis\b|\bretrospective analys|\bmediat(or|ors|ion)\b"
    r"|\bsecondary (outcomes?|end ?points?)\b"
)
_REVIEW = r"\bsystematic(ally)? review|\bmeta[- ]?analys|\b(literature|narrative|scoping) review\b|\ba review\b"
_COMMENT = r"^(comment(ary)?|editorial|letter|reply|re|correction|corrigendum|erratum|retraction)\b[ :]"
_RESULTS = (
    r"\brandomi[sz]ed\b|\b(clinical|controlled|pilot|cross-?over|feasibility) (trial|study)\b"
    r"|\bphase ([0-4]|i{1,3}|iv)\b|\bdouble[- ]blind|\bplacebo"
)


def _types(*names: str) -> str:
    listed = ", ".join(f"'{name}'" for name in names)
    return f"len([t FOR t IN coalesce(r.paper.publication_types, []) IF t IN ({listed})]) > 0"


_IS_TRIAL_TYPE = (
    "len([t FOR t IN coalesce(r.paper.publication_types, []) IF regexp_matches(t, "
    "'^(Randomized Controlled|Controlled Clinical|Pragmatic Clinical|Adaptive Clinical|Equivalence) Trial$"
    "|^Clinical (Trial|Study)(, Phase [IV]+)?$|^Observational Study$')]) > 0"
)

PAPER_TYPE = f"""CASE
    WHEN {_types("Clinical Trial Protocol")} OR regexp_matches(lower(r.scientific_title), '{_PROTOCOL}') THEN 'protocol'
    WHEN r.kind = 'REVIEW'
        OR {_types("Review", "Systematic Review", "Meta-Analysis", "Scoping Review", "Practice Guideline")}
        OR regexp_matches(lower(r.scientific_title), '{_REVIEW}') THEN 'review'
    WHEN {_types("Comment", "Editorial", "Letter", "News", "Published Erratum", "Retraction of Publication")}
        OR regexp_matches(lower(r.scientific_title), '{_COMMENT}') THEN 'comment'
    WHEN regexp_matches(lower(r.scientific_title), '{_SECONDARY}') THEN 'secondary'
    WHEN {_IS_TRIAL_TYPE} OR regexp_matches(lower(concat_ws(' ', r.scientific_title, r.brief_summary)), '{_RESULTS}')
        THEN 'results'
    ELSE 'other' END"""
"""SQL: which `PaperType` Record `r` is, by its publication types and the words of its title; else of its abstract."""


_PAPERS = f"""
    CREATE OR REPLACE TEMP TABLE lit_papers AS
    SELECT n.paper_id, r.record_id, r.source, r.licence, l.is_open, {PAPER_TYPE} AS paper_type,
        least({first_day("r.paper.publication_date")}, {first_day("r.paper.electronic_date")}) AS paper_date,
        lower(r.paper.doi) AS doi, r.scientific_title AS title, r.brief_summary AS abstract
    FROM records r JOIN newest_papers n USING (record_id) LEFT JOIN source_licences l ON l.source = r.source"""

_IS_REGISTRATION = "coalesce(r.kind, 'REGISTRATION') = 'REGISTRATION'"

_TRIALS = f"""
    CREATE OR REPLACE TEMP TABLE lit_trials AS
    SELECT t.study_id, min(coalesce({first_day("r.start_date")}, {first_day("r.registration_date")})) AS start_date,
        arg_min({first_day("r.completion_date")}, t.precedence) AS completion_date,
        bool_or(r.status IN ('COMPLETED', 'TERMINATED')) AS is_over,
        arg_min(r.record_id, t.precedence) AS record_id, arg_min(r.source, t.precedence) AS source,
        arg_min(r.licence, t.precedence) AS licence, bool_and(l.is_open) AS is_open
    FROM records r JOIN trial_records t USING (record_id) LEFT JOIN source_licences l ON l.source = r.source
    WHERE {_IS_REGISTRATION} GROUP BY t.study_id"""

# --- what is said: ids in papers, references in registers

_IS_TRIAL_REGISTER = ", ".join(f"'{name}'" for name, r in identifiers.REGISTERS.items() if r.is_trial_register)

_GIVEN_IDS = f"""
    CREATE OR REPLACE TEMP TABLE given_ids AS
    SELECT record_id, count(DISTINCT i.id) AS trials
    FROM (SELECT record_id, unnest(identifiers) AS i FROM records WHERE kind <> 'REGISTRATION')
    WHERE i.register IN ({_IS_TRIAL_REGISTER}) AND coalesce(i.role, 'secondary') IN ('secondary', 'mentioned')
    GROUP BY record_id"""
"""`given_ids`: how many trials each paper names, whether they are in the warehouse or not."""

_STATEMENT = re.compile(
    r"(?:regist(?:ered|ration|ry|rado|riert)|identifier|trial (?:number|no|id)\b|clinicaltrials\.gov|isrctn\b|eudract"
    r"|(?:this|our|present) (?:trial|study))[^.;]{0,80}$",
    re.I,
)
"""What stands just before an id that a paper gives as its own registration."""

_OWN_SECTION = re.compile(
    r"method|trial registration|regist|design|ethic|declaration|footnote|funding|supporting", re.I
)
_OTHERS_SECTION = re.compile(
    r"introduction|background|discussion|conclusion|reference|related work|literature|limitation|future", re.I
)


def place_of(path: str, before: str) -> PaperMethod:
    """What a place in a full text says of an id there: `path` are the headings, `before` the text before the id."""
    if _OTHERS_SECTION.search(path) and not _OWN_SECTION.search(path):
        return "mention"
    if _STATEMENT.search(before[-160:]):
        return "registration_statement"
    return "methods" if _OWN_SECTION.search(path) else "mention"


def _places(con: duckdb.DuckDBPyConnection) -> None:
    """Put into `places` the best place of each id that a full text gives; Records keep only the first."""
    import pyarrow as pa

    rows: list[tuple[str, str, str, str]] = []
    read = con.execute(_FULL_TEXTS)
    rank = get_args(PaperMethod)
    while texts := read.fetchmany(500):
        for record_id, ids, sections in texts:
            wanted, best = set(ids), dict[str, tuple[int, str, str]]()
            for path, text in sections:
                for found in identifiers.find(text):
                    if found.id in wanted:
                        method = place_of(path, text[: found.start])
                        best[found.id] = min(
                            best.get(found.id, (len(rank), "", "")),
                            (rank.index(method), method, path),
                            key=lambda b: b[0],
                        )
            rows += [
                (record_id, id, method, " > ".join(filter(None, ["full text", path])))
                for id, (_, method, path) in sorted(best.items())
            ]
    columns = zip(*rows, strict=True) if rows else [[], [], [], []]
    table = pa.table([pa.array(c, pa.string()) for c in columns], names=["record_id", "id", "method", "field"])
    con.register("rows_of_python", table)
    con.execute("CREATE OR REPLACE TEMP TABLE places AS FROM rows_of_python")
    con.unregister("rows_of_python")


_FULL_TEXTS = """
    SELECT r.record_id, l.ids, [[concat_ws(' > ', s.path, s.title), s.text] FOR s IN r.paper.sections]
    FROM records r JOIN (SELECT record_id, list(id) AS ids FROM publication_links
        WHERE field LIKE 'full text%' GROUP BY record_id) l USING (record_id)
    WHERE len(r.paper.sections) > 0"""

_SCORE_OF = "CASE method " + " ".join(f"WHEN '{m}' THEN {s}" for m, s in PLACE_SCORES.items()) + " END"
_REGISTERED_AS = r"(regist|identifier|number|clinicaltrials\.gov|isrctn|eudract)[^.;]{0,60}$"

_STATED = f"""
    CREATE OR REPLACE TEMP TABLE stated AS
    WITH by_id AS (
        SELECT r.id AS paper_id, l.study_id, coalesce(p.field, l.field) AS field, l.id AS value_paper,
            CASE WHEN l.role = 'secondary' THEN 'databank' WHEN l.field IN ('title', 'abstract', 'other abstract')
                THEN 'abstract' ELSE coalesce(p.method, 'mention') END AS method,
            g.trials > {MANY} OR r.kind = 'REVIEW' AS is_among_many, l.record_id, l.source, l.licence, l.is_open
        FROM publication_links l JOIN records r USING (record_id) LEFT JOIN places p ON p.record_id = l.record_id
                AND p.id = l.id AND l.field LIKE 'full text%'
            LEFT JOIN given_ids g ON g.record_id = l.record_id
        WHERE r.review IS NULL),
    listed AS (
        SELECT t.study_id, t.record_id, r.source, r.licence, l.is_open, unnest(r."references") AS said
        FROM records r JOIN trial_records t USING (record_id) LEFT JOIN source_licences l ON l.source = r.source
        WHERE {_IS_REGISTRATION}),
    by_reference AS (
        SELECT coalesce(said.pmid, p.paper_id) AS paper_id, study_id, 'references' AS field,
            coalesce(said.pmid, said.doi) AS value_paper,
            CASE said.type WHEN 'RESULT' THEN 'result_reference' WHEN 'DERIVED' THEN 'derived_reference'
                WHEN 'BACKGROUND' THEN 'background_reference' ELSE 'reference' END AS method,
            false AS is_among_many, l.record_id, l.source, l.licence, l.is_open
        FROM listed l LEFT JOIN (SELECT doi, min(paper_id) AS paper_id FROM lit_papers GROUP BY doi) p
            ON said.pmid IS NULL AND p.doi = lower(said.doi)
        WHERE said.pmid IS NOT NULL OR p.paper_id IS NOT NULL),
    every AS (FROM by_id UNION ALL FROM by_reference),
    scored AS (
        SELECT *, least({_SCORE_OF}, CASE WHEN is_among_many THEN {AMONG_MANY} END) AS score FROM every)
    SELECT paper_id, study_id, method, max(score) AS score, bool_and(is_among_many) AS is_among_many,
        list_sort(list_distinct(list({{'field': field, 'value_paper': value_paper, 'value_trial': study_id,
            'weight': NULL::DOUBLE}}))) AS evidence,
        min(record_id) AS record_id, arg_min(source, record_id) AS source, arg_min(licence, record_id) AS licence,
        bool_and(is_open) AS is_open
    FROM scored GROUP BY paper_id, study_id, method"""
"""`stated`: one row for each paper, Trial and way in which an id or a register puts them together."""

# --- what is alike: keys that a paper and a trial may share

_STOP = (
    "a an and are as at by for from in into is its of on or that the their this to using use versus vs via was were "
    "with without after before between during among study studies trial trials clinical randomized controlled patient "
    "patients subject subjects participant participants people adult adults treatment therapy effect effects efficacy "
    "safety evaluation evaluate comparison compare fictional"
)
_STOPPED = "[" + ", ".join(f"'{word}'" for word in sorted(set(_STOP.split(" ")))) + "]"


def _words(text: str) -> str:
    """The distinct words of a text without case, accents, plurals and the spelling of either side of the Atlantic."""
    folded = f"lower(strip_accents({text}))"
    for pattern, replacement in (
        (r"is(ed|ing|ations?|es?)\b", r"iz\1"),
        (r"[ao]e", "e"),
        (r"ours?\b", "or"),
        (r"\Bs\b", ""),
    ):
        folded = f"regexp_replace({folded}, '{pattern}', '{replacement}', 'g')"
    split = f"list_distinct(regexp_split_to_array({folded}, '[^a-z0-9]+'))"
    return f"[w FOR w IN {split} IF length(w) > 1 AND NOT list_contains({_STOPPED}, w)]"


_MONTHS = {
    name: f"{number:02d}"
    for number, name in enumerate(
        ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
         "december"), 1)
}  # fmt: skip
_MONTH = "(?i)\\b(" + "|".join(_MONTHS) + ")[,]? (?:of )?((?:19|20)[0-9]{2})\\b"
_MONTH_NUMBER = "CASE lower({0}) " + " ".join(f"WHEN '{m}' THEN '{n}'" for m, n in _MONTHS.items()) + " END"
_CAPITALS = r"\b[A-Z0-9][A-Za-z0-9]*-?[A-Z0-9][A-Za-z0-9-]*(?: (?:[0-9]{1,2}|[IVX]{1,4})[A-D]?)?\b"
_CODE = r"\b[A-Za-z]{1,10}[-/_ ]?[0-9]{2,}[A-Za-z0-9/_-]*\b"


def _acronyms(text: str) -> str:
    # AURORA-2, "(AURORA) 2" and CoVac19, but neither Double-Blind nor stage IIIA
    plain = f"regexp_replace({text}, '\\) ([0-9]{{1,2}}|[IVX]{{1,4}})\\b', ' \\1', 'g')"
    found = f"regexp_extract_all({plain}, '{_CAPITALS}')"
    is_one = "regexp_matches(a, '[A-Z]{2}|[a-z][A-Z]|[A-Z][a-z]?[0-9]') AND NOT regexp_full_match(a, '[IVX]+[A-Da-d]?')"
    return f"[upper(replace(a, ' ', '-')) FOR a IN {found} IF {is_one}]"


def _code(text: str) -> str:
    return f"upper(regexp_replace({text}, '[^A-Za-z0-9]', '', 'g'))"


_IS_CODE = (
    "length({0}) BETWEEN 6 AND 24 AND regexp_matches({0}, '[A-Z]') AND regexp_matches({0}, '[0-9].*[0-9].*[0-9]')"
)
_IS_ACRONYM = "length({0}) BETWEEN 3 AND 20 AND regexp_matches({0}, '[A-Z].*[A-Z]')"

_NO_PERSON = re.compile(
    r"\b(?:trials?|stud(?:y|ies)|director|call cent(?:er|re)|research|medical|clinical|group|team"
    r"|investigators?|network|committee|consortium|collaborat\w+|association|society)\b",
    re.I,
)
_NAME = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")
_DEGREE = re.compile(
    r"\b(?:prof(?:essor)?|dr|mr|mrs|ms|md|ph\.?d|m\.?d|dm|msc|mph|frcp|pharmd|do|facp|rn|mbbs|pi|mbchb|med|habil|univ)\b\.?",
    re.I,
)


def person_key(name: str) -> str:
    """Last name and first initial of a person, however a register writes the name; "" where it is no person's."""
    head, comma, tail = name.partition(",")
    words = _NAME.findall(_DEGREE.sub(" ", head))
    given = _NAME.findall(_DEGREE.sub(" ", tail.split(",")[0])) if comma else []
    if any(character.isdigit() for character in name) or _NO_PERSON.search(name):
        return ""
    if len(words) == 1 and given:
        last, first = words[0], given[0]
    elif 2 <= len(words) <= 5:
        last, first = words[-1], words[0]
    else:
        return ""
    return f"{last} {first[0]}".casefold() if len(last) > 1 else ""


_PAPER_TEXT = "concat_ws(' ', title, abstract)"

_KEYS = (
    # papers that no id ties to a trial, and that speak of one by their type or a register's list
    f"""
    CREATE OR REPLACE TEMP TABLE open_papers AS
    SELECT p.* FROM lit_papers p
    WHERE (paper_type IN ('results', 'protocol', 'secondary')
            OR paper_type = 'other' AND paper_id IN (SELECT paper_id FROM stated))
        AND title IS NOT NULL AND paper_id NOT IN (
        SELECT paper_id FROM stated WHERE score >= {ENOUGH} AND method NOT LIKE '%reference'
        UNION
        SELECT r.id FROM (SELECT id, unnest(identifiers) AS i FROM records WHERE kind = 'PUBLICATION') r
        WHERE i.register IN ({_IS_TRIAL_REGISTER})
            AND (i.role = 'secondary' OR i.field IN ('title', 'abstract', 'other abstract')))""",
    f"""
    CREATE OR REPLACE TEMP TABLE paper_keys AS
    WITH said AS (
        SELECT p.paper_id, r.scientific_title AS title, r.brief_summary AS abstract, r.paper.authors AS authors,
            r.paper.grants AS grants
        FROM records r JOIN open_papers p ON p.paper_id = r.id WHERE r.kind = 'PUBLICATION'),
    found AS (
        SELECT paper_id, 'title' AS field, unnest({_words("title")}) AS key FROM said
        UNION ALL SELECT paper_id, 'text', unnest({_words(_PAPER_TEXT)}) FROM said
        UNION ALL SELECT paper_id, 'acronym', unnest({_acronyms("title")}) FROM said
        UNION ALL SELECT paper_id, 'code', {_code(f"unnest(regexp_extract_all({_PAPER_TEXT}, '{_CODE}'))")} FROM said
        UNION ALL SELECT paper_id, 'code', {_code("unnest([split_part(g, ' ', 1) FOR g IN grants])")} FROM said
        UNION ALL SELECT paper_id, 'person', person_key(coalesce(
                a.last_name || ', ' || coalesce(a.initials, a.fore_name), a.collective_name, ''))
            FROM (SELECT paper_id, unnest(authors) AS a FROM said)
        UNION ALL SELECT paper_id, 'sponsor', unnest({_words("array_to_string(a.affiliations, ' ')")})
            FROM (SELECT paper_id, unnest(authors) AS a FROM said)
        UNION ALL SELECT paper_id, 'number', replace(unnest(regexp_extract_all(
            abstract, '\\b([1-9][0-9]?[0-9]?,[0-9]{{3}}|[1-9][0-9]{{1,5}})\\b')), ',', '') FROM said
        UNION ALL SELECT paper_id, 'month', unnest([month[2] || '-' || {_MONTH_NUMBER.format("month[1]")}
            FOR month IN list_zip(
                regexp_extract_all(abstract, '{_MONTH}', 1), regexp_extract_all(abstract, '{_MONTH}', 2))]) FROM said)
    SELECT DISTINCT paper_id, field, key FROM found WHERE key <> ''""",
    f"""
    CREATE OR REPLACE TEMP TABLE trial_keys AS
    WITH said AS (
        SELECT t.study_id, r.* FROM records r JOIN trial_records t USING (record_id) WHERE {_IS_REGISTRATION}),
    titles AS (
        SELECT DISTINCT study_id, title FROM (
            SELECT study_id, unnest([public_title, scientific_title]) AS title FROM said) WHERE title IS NOT NULL),
    numbered AS (
        SELECT study_id, row_number() OVER (PARTITION BY study_id ORDER BY title) AS part, title FROM titles),
    given AS (SELECT study_id, unnest(interventions) AS i FROM said),
    codes AS (SELECT study_id, unnest(identifiers) AS i FROM said),
    dates AS (SELECT study_id, unnest([start_date.date, primary_completion_date.date, completion_date.date])[:7] AS key
        FROM said),
    found AS (
        SELECT study_id, 'title' AS field, part, unnest({_words("title")}) AS key FROM numbered
        UNION ALL SELECT study_id, 'acronym', 0, unnest({_acronyms("title")}) FROM numbered WHERE title <> upper(title)
        UNION ALL SELECT study_id, 'acronym', 0, upper(replace(trim(acronym), ' ', '-')) FROM said
        UNION ALL SELECT study_id, 'drug', 0, unnest({
        _words("concat_ws(' ', i.name, array_to_string(i.other_names, ' '))")
    })
            FROM given WHERE coalesce(i.type, 'DRUG') <> 'OTHER'
                AND NOT regexp_matches(i.name, '(?i)placebo|standard care|usual care')
        UNION ALL SELECT study_id, 'condition', 0, unnest({
        _words("array_to_string([c.name FOR c IN conditions], ' ')")
    }) FROM said
        UNION ALL SELECT study_id, 'outcome', 0, unnest({
        _words("array_to_string([o.measure FOR o IN outcomes IF o.type = 'PRIMARY'], ' ')")
    }) FROM said
        UNION ALL SELECT study_id, 'person', 0, person_key(o.name)
            FROM (SELECT study_id, unnest(officials) AS o FROM said)
        UNION ALL SELECT study_id, 'sponsor', 0, unnest({
        _words("array_to_string(list_concat([s.name FOR s IN sponsors], [o.affiliation FOR o IN officials]), ' ')")
    }) FROM said
        UNION ALL SELECT study_id, 'code', 0, {_code("i.id")} FROM codes
            WHERE i.register IS NULL AND coalesce(i.role, 'secondary') IN ('organisation', 'secondary')
        UNION ALL SELECT study_id, 'number', 0, CAST(unnest([enrollment_actual, enrollment_target]) AS VARCHAR)
            FROM said
        UNION ALL SELECT study_id, 'month', 0, key FROM dates WHERE length(key) = 7)
    SELECT DISTINCT study_id, field, part, key FROM found
    WHERE CASE field WHEN 'code' THEN {_IS_CODE.format("key")} WHEN 'number' THEN length(key) > 1
        WHEN 'acronym' THEN {_IS_ACRONYM.format("key")} ELSE key <> '' END""",
    # bits of information in a key: how rare it is where it can be shared; exact, so that sums are the same in any order
    """
    CREATE OR REPLACE TEMP TABLE key_bits AS
    WITH held AS (
        SELECT 'text' AS field, key, 'p' || paper_id AS id FROM paper_keys WHERE field = 'text'
        UNION SELECT 'text', key, 't' || study_id FROM trial_keys
            WHERE field IN ('title', 'drug', 'condition', 'outcome')
        UNION SELECT field, key, 'p' || paper_id FROM paper_keys WHERE field NOT IN ('title', 'text')
        UNION SELECT field, key, 't' || study_id FROM trial_keys
            WHERE field IN ('acronym', 'person', 'sponsor', 'code')),
    counted AS (
        SELECT field, key, count(*) AS documents, count(*) FILTER (id[1] = 't') AS trials
        FROM held GROUP BY field, key),
    sizes AS (SELECT (SELECT count(*) FROM open_papers) AS papers, (SELECT count(*) FROM lit_trials) AS trials)
    SELECT c.field, key, c.trials, CAST(floor(100 * log2(greatest(1.0, CASE WHEN field IN ('number', 'month')
        THEN s.papers::DOUBLE ELSE (s.papers + s.trials)::DOUBLE END / documents))) AS BIGINT) AS bits
    FROM counted c, sizes s""",
    """
    CREATE OR REPLACE TEMP TABLE key_fields AS FROM (VALUES ('title', 'title', 'text'), ('drug', 'text', 'text'),
        ('condition', 'text', 'text'), ('outcome', 'text', 'text'), ('person', 'person', 'person'),
        ('acronym', 'acronym', 'acronym'), ('code', 'code', 'code'), ('number', 'number', 'number'),
        ('month', 'month', 'month'), ('sponsor', 'sponsor', 'sponsor')) t(field, paper_field, bits_field)""",
)

MOST_TRIALS, MOST_KEYS, MOST_CANDIDATES = 300, 8, 25
"""Blocking: a key that more trials hold joins nothing; of each paper the rarest keys and the best trials are kept."""

_CANDIDATES = (
    f"""
    CREATE OR REPLACE TEMP TABLE candidates AS
    WITH rare AS (
        SELECT p.paper_id, p.field, p.key, b.bits
        FROM paper_keys p JOIN key_fields f
                ON f.paper_field = p.field AND f.field IN ('title', 'acronym', 'code', 'person')
            JOIN key_bits b ON b.field = f.bits_field AND b.key = p.key
        WHERE b.trials BETWEEN 1 AND {MOST_TRIALS}
        QUALIFY row_number() OVER (PARTITION BY p.paper_id, p.field ORDER BY b.bits DESC, p.key) <= {MOST_KEYS}),
    pairs AS (
        SELECT r.paper_id, t.study_id, sum(r.bits) AS bits
        FROM rare r JOIN (
                SELECT DISTINCT study_id, CASE field WHEN 'drug' THEN 'title' ELSE field END AS field, key
                FROM trial_keys) t ON t.field = r.field AND t.key = r.key
        GROUP BY r.paper_id, t.study_id)
    SELECT paper_id, study_id FROM (FROM pairs
        QUALIFY row_number() OVER (PARTITION BY paper_id ORDER BY bits DESC, study_id) <= {MOST_CANDIDATES})
    UNION
    SELECT DISTINCT s.paper_id, s.study_id
    FROM stated s JOIN open_papers USING (paper_id) JOIN lit_trials USING (study_id)""",
)

_COMPARED = (
    """
    CREATE OR REPLACE TEMP TABLE shared AS
    SELECT c.paper_id, c.study_id, t.field, t.part, sum(b.bits) / 100.0 AS bits, max(b.bits) / 100.0 AS rarest,
        count(*) AS keys, min(b.trials) AS trials, string_agg(t.key, ' ' ORDER BY t.key) AS said
    FROM candidates c JOIN trial_keys t USING (study_id) JOIN key_fields f USING (field)
        JOIN paper_keys p ON p.paper_id = c.paper_id AND p.field = f.paper_field AND p.key = t.key
        JOIN key_bits b ON b.field = f.bits_field AND b.key = t.key
    GROUP BY c.paper_id, c.study_id, t.field, t.part""",
    """
    CREATE OR REPLACE TEMP TABLE in_trial AS
    SELECT t.study_id, t.field, t.part, sum(b.bits) / 100.0 AS bits
    FROM trial_keys t JOIN key_fields f USING (field) JOIN key_bits b ON b.field = f.bits_field AND b.key = t.key
    WHERE t.study_id IN (SELECT study_id FROM candidates) GROUP BY t.study_id, t.field, t.part""",
    """
    CREATE OR REPLACE TEMP TABLE in_paper AS
    SELECT p.paper_id, p.field, sum(b.bits) / 100.0 AS bits
    FROM paper_keys p JOIN key_fields f ON f.paper_field = p.field AND (f.field = f.paper_field OR f.field = 'drug')
        JOIN key_bits b ON b.field = f.bits_field AND b.key = p.key
    WHERE p.paper_id IN (SELECT paper_id FROM candidates) GROUP BY p.paper_id, p.field""",
    """
    CREATE OR REPLACE TEMP TABLE compared AS
    WITH titles AS (
        SELECT s.paper_id, s.study_id, s.said,
            0.6 * 2 * s.bits / (t.bits + p.bits) + 0.4 * s.bits / least(t.bits, p.bits) AS alike, s.bits
        FROM shared s JOIN in_trial t USING (study_id, field, part)
            JOIN in_paper p ON p.paper_id = s.paper_id AND p.field = 'title'
        WHERE s.field = 'title' AND least(t.bits, p.bits) > 0
        QUALIFY row_number() OVER (PARTITION BY s.paper_id, s.study_id ORDER BY alike DESC, s.said) = 1),
    every AS (
        SELECT c.paper_id, c.study_id, f.field, s.said, coalesce(s.bits, 0) AS bits, coalesce(s.rarest, 0) AS rarest,
            coalesce(s.keys, 0) AS keys, s.trials, t.bits AS trial_bits, p.bits AS paper_bits
        FROM candidates c CROSS JOIN key_fields f
            JOIN in_trial t ON t.study_id = c.study_id AND t.field = f.field
            JOIN in_paper p ON p.paper_id = c.paper_id AND p.field = f.paper_field
            LEFT JOIN shared s ON s.paper_id = c.paper_id AND s.study_id = c.study_id AND s.field = f.field
        WHERE f.field <> 'title'),
    days AS (
        SELECT c.paper_id, c.study_id, p.paper_type, p.paper_date, t.start_date, t.completion_date, t.is_over
        FROM candidates c JOIN lit_papers p USING (paper_id) JOIN lit_trials t USING (study_id)),
    weighed AS (
        SELECT c.paper_id, c.study_id, 'title' AS field, t.said, t.alike,
            greatest(-4, (coalesce(alike, 0) - 0.3) * 20 * least(1, coalesce(t.bits, 0) / 25)
                - 3 * (1 - coalesce(alike, 0))) AS weight,
            alike >= 0.8 AND t.bits >= 45 OR alike >= 0.9 AND t.bits >= 30 AS is_distinctive
        FROM candidates c LEFT JOIN titles t USING (paper_id, study_id)
        UNION ALL
        SELECT paper_id, study_id, field, said, NULL, CASE field
            WHEN 'drug' THEN CASE WHEN bits = 0 THEN -5
                ELSE -2 + 4 * least(1, 1.5 * bits / trial_bits) + least(rarest, 12) / 6 END
            WHEN 'condition' THEN CASE WHEN bits = 0 THEN -4 ELSE -1 + 3 * least(1, 1.3 * bits / trial_bits) END
            WHEN 'outcome' THEN 4 * bits / trial_bits - 1
            WHEN 'person' THEN CASE WHEN bits = 0 THEN -2 ELSE least(rarest, 12) * 0.7 + least(keys - 1, 3) END
            WHEN 'acronym' THEN least(rarest, 14) * 0.5
            WHEN 'code' THEN least(rarest, 14) * 0.8
            WHEN 'number' THEN CASE WHEN bits = 0 THEN -2 ELSE least(rarest, 8) * 0.7 END
            WHEN 'month' THEN least(bits, 14) * 0.5
            ELSE least(bits, 10) * 0.3 END,
            CASE field WHEN 'acronym' THEN rarest >= 8 AND trials <= 3 WHEN 'code' THEN rarest >= 8
                WHEN 'number' THEN rarest >= 6 WHEN 'month' THEN bits >= 6 WHEN 'person' THEN keys > 1 END
        FROM every
        UNION ALL
        SELECT paper_id, study_id, 'date', NULL, NULL, CASE
            WHEN paper_date IS NULL OR start_date IS NULL THEN 0
            WHEN paper_type = 'protocol' THEN CASE WHEN paper_date < start_date - INTERVAL 2 YEAR THEN -30 ELSE 0 END
            WHEN paper_date < start_date + INTERVAL 2 MONTH THEN -30
            WHEN NOT coalesce(is_over, false) OR completion_date IS NULL THEN 0
            WHEN paper_date < completion_date - INTERVAL 3 MONTH THEN -2
            WHEN paper_date < completion_date + INTERVAL 4 YEAR THEN 1
            WHEN paper_date > completion_date + INTERVAL 10 YEAR THEN -3 ELSE 0 END, false
        FROM days
        UNION ALL
        SELECT paper_id, study_id, 'stated', string_agg(method, ' ' ORDER BY method), NULL,
            max(CASE method WHEN 'mention' THEN 1 ELSE 3 END), bool_or(method LIKE '%reference')
        FROM candidates JOIN stated USING (paper_id, study_id) GROUP BY paper_id, study_id)
    SELECT paper_id, study_id, round(sum(CAST(round(100 * weight) AS BIGINT)) / 100.0 - 14, 2) AS bits,
        coalesce(bool_or(is_distinctive), false)
            OR coalesce(bool_or(field = 'person' AND weight > 0) AND max(alike) >= 0.6, false)
            AND NOT bool_or(field = 'number' AND weight < 0) AS is_distinctive,
        list({'field': field, 'value_paper': said, 'value_trial': said, 'weight': round(weight, 2)} ORDER BY field)
            FILTER (round(weight, 2) <> 0) AS evidence
    FROM weighed GROUP BY paper_id, study_id""",
)
"""Weights in bits (base-2 logarithms of likelihood ratios), rounded before they are added; the last 14 stand for the
thousands of trials that a paper is not about."""

_PAPER_LINKS = f"""
    WITH ranked AS (
        SELECT *, bits - coalesce(max(bits) OVER (PARTITION BY paper_id ORDER BY bits DESC, study_id
            ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING), -99) AS ahead,
            row_number() OVER (PARTITION BY paper_id ORDER BY bits DESC, study_id) AS place,
            1 / (1 + pow(2, -greatest(-60, bits))) AS score
        FROM compared),
    alike AS (
        SELECT c.paper_id, c.study_id, 'similarity' AS method, round(c.score, 4) AS score,
            CASE WHEN c.score < {LIKELY} THEN 'unlikely' WHEN NOT is_distinctive THEN 'topic_only'
                WHEN place > 1 OR ahead < {AHEAD_BITS} THEN 'ambiguous' END AS reason,
            c.evidence, p.record_id, p.source, p.licence,
            coalesce(p.is_open, false) AND coalesce(t.is_open, false) AS is_open
        FROM ranked c JOIN lit_papers p USING (paper_id) JOIN lit_trials t USING (study_id) WHERE c.score >= {KEPT}),
    said AS (
        SELECT paper_id, study_id, method, score,
            CASE WHEN score >= {ENOUGH} THEN NULL WHEN is_among_many THEN 'many_trials'
            WHEN method LIKE '%reference' THEN 'weak_reference' ELSE 'weak_place' END AS reason,
            evidence, record_id, source, licence, is_open
        FROM stated),
    dated AS (
        SELECT s.* REPLACE (CASE WHEN reason IS NULL AND method = 'result_reference'
                AND p.paper_date < t.start_date - INTERVAL 1 YEAR THEN 'before_start' ELSE reason END AS reason)
        FROM said s LEFT JOIN lit_papers p USING (paper_id) LEFT JOIN lit_trials t USING (study_id))
    SELECT e.*, reason IS NULL AS is_accepted, p.paper_type, p.paper_date
    FROM (FROM dated UNION ALL FROM alike) e LEFT JOIN lit_papers p USING (paper_id)"""

_TEMPORARY = (
    "newest_papers", "lit_papers", "lit_trials", "given_ids", "places", "stated", "open_papers", "paper_keys",
    "trial_keys", "key_bits", "key_fields", "candidates", "shared", "in_trial", "in_paper", "compared",
)  # fmt: skip


# --- what is missing

Lacking = Literal["both", "results", "paper"]
_LACKING: dict[Lacking, str] = {
    "both": "without posted results and without a paper here that reports them",
    "results": "without posted results, whatever papers there are",
    "paper": "without a paper here that reports them, whatever was posted",
}
_OVERDUE_RULE = (
    "Interventional trials that are completed or terminated, whose primary completion (else completion) lies more than "
    "{months} months before the newest date in the snapshot, {lacking}. A list to look into, not a legal finding: "
    "exemptions, delays that were granted and papers that this snapshot does not hold are not known to it."
)


def overdue_rule(months: int, lacking: Lacking) -> str:
    """What counts as overdue, in a few sentences."""
    return _OVERDUE_RULE.format(months=months, lacking=_LACKING[lacking])


class Overdue(msgspec.Struct):
    """A trial whose results are overdue by the rule, and what was looked for and found instead."""

    study_id: str
    title: str | None
    sponsor: str | None
    sponsor_class: str | None
    status: str
    completed: str
    """Primary completion, else completion, ISO 8601."""
    due: str
    days_overdue: int
    last_seen: str | None
    """The last update or export of its Records: what was posted later is not known."""
    is_seen_after_due: bool
    other_papers: dict[str, int]
    """Papers that were found, by type, or by how weakly they are tied to it: where papers of results are asked about,
    none of these is one."""
    has_results: bool
    """Whether its register has posted results."""


def overdue(
    con: duckdb.DuckDBPyConnection,
    *,
    months: int = 12,
    limit: int | None = None,
    until: str | None = None,
    lacking: Lacking = "both",
) -> tuple[str, int, list[Overdue]]:
    """Trials whose results are overdue: the date counted to, how many there are, and the trials, the longest first.

    `overdue_rule` says what counts; `until` stands in for the snapshot's newest date. `con` is a connection to a
    warehouse. Raises UserError for what is no date or no number of months.
    """
    if months < 0:
        raise UserError(f"{months} is no number of months. Type: --months 12")
    try:
        wanted = datetime.date.fromisoformat(until) if until else None
    except ValueError:
        raise UserError(f'"{until}" is no date. Type it as year-month-day: --until 2024-12-31') from None
    newest = wanted or (con.execute(_NEWEST).fetchone() or (None,))[0]
    if newest is None:
        raise UserError("No record here says when it was exported or updated. Name the date: --until YEAR-MONTH-DAY")
    asked = {"newest": newest, "months": months, "results": lacking != "paper", "paper": lacking != "results"}
    rows = con.execute(_OVERDUE, asked).fetchall()
    names = Overdue.__struct_fields__
    found = [msgspec.convert(dict(zip(names, row, strict=True)), Overdue) for row in rows[:limit]]
    return newest.isoformat(), len(rows), found


_NEWEST = f"SELECT greatest(max({first_day('exported_date')}), max({first_day('last_updated_date')})) FROM records"

_OVERDUE = f"""
    WITH done AS (
        SELECT study_id, title, sponsor, lead_sponsor_class, recruitment_status, record_ids, start_date,
            CASE WHEN coalesce(primary_completion_date_type, '') <> 'ANTICIPATED'
                AND primary_completion_date IS NOT NULL THEN primary_completion_date
                WHEN coalesce(completion_date_type, '') <> 'ANTICIPATED' THEN completion_date END AS completed,
            coalesce(has_results, false) OR results_posted_date IS NOT NULL AS is_posted
        FROM studies
        WHERE kind = 'registration' AND trial_type = 'INTERVENTIONAL'
            AND recruitment_status IN ('COMPLETED', 'TERMINATED')
            AND NOT ($results AND is_posted)),
    late AS (SELECT *, CAST(completed + to_months(CAST($months AS INTEGER)) AS DATE) AS due FROM done),
    counted AS (
        SELECT study_id, paper_id, bool_or(is_accepted AND (paper_type = 'results'
                OR method = 'result_reference' AND coalesce(paper_type, 'other') = 'other')) AS reports,
            CASE WHEN bool_or(is_accepted) THEN coalesce(any_value(paper_type), 'not in the warehouse')
                ELSE max(reason) END AS what
        FROM paper_links WHERE study_id IN (SELECT study_id FROM late WHERE due < $newest) GROUP BY study_id, paper_id),
    papers AS (
        SELECT study_id, bool_or(reports) AS reports, map_from_entries(list((what, papers))) AS others
        FROM (SELECT study_id, what, bool_or(reports) AS reports, count(*) AS papers
            FROM counted GROUP BY study_id, what)
        GROUP BY study_id),
    seen AS (
        SELECT l.study_id,
            greatest(max({first_day("r.exported_date")}), max({first_day("r.last_updated_date")})) AS last_seen
        FROM records r JOIN (SELECT study_id, unnest(record_ids) AS record_id FROM late WHERE due < $newest) l
            USING (record_id)
        GROUP BY l.study_id)
    SELECT l.study_id, title, sponsor, lead_sponsor_class, recruitment_status, CAST(completed AS VARCHAR),
        CAST(due AS VARCHAR), CAST($newest - due AS BIGINT), CAST(last_seen AS VARCHAR),
        coalesce(last_seen > due, false),
        coalesce(others, MAP {{}}::MAP(VARCHAR, BIGINT)), is_posted
    FROM late l LEFT JOIN papers USING (study_id) LEFT JOIN seen USING (study_id)
    WHERE due < $newest AND NOT ($paper AND coalesce(reports, false)) ORDER BY due, l.study_id"""
