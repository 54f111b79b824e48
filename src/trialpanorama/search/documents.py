"""The documents that are searched: each paper and each trial of a snapshot is one row of its texts and values."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

    from trialpanorama.search.index import Hit

_LINKED = """
    said AS (
        SELECT DISTINCT study_id, concept_id FROM mentions
        WHERE field IN ('conditions', 'interventions') AND kind IN ('condition', 'drug', 'procedure', 'behaviour')
            AND concept_id IS NOT NULL AND NOT coalesce(is_negated, false) AND NOT coalesce(is_history, false)),
    same AS (
        SELECT concept_id, concept_id AS mesh FROM concepts WHERE starts_with(concept_id, 'MESH:')
        UNION SELECT concept_id, unnest([x FOR x IN cross_references IF starts_with(x, 'MESH:')]) FROM concepts
        UNION SELECT concept_id, 'MESH:' || drugbank_mesh_id FROM drug_concepts WHERE drugbank_mesh_id IS NOT NULL),
    higher AS (
        SELECT a.concept_id, s.mesh FROM concept_ancestors a JOIN same s ON s.concept_id = a.ancestor_id
            ANTI JOIN (FROM same WHERE starts_with(mesh, 'MESH:D')) d ON d.concept_id = a.concept_id),
    linked_ AS (
        SELECT study_id, list(DISTINCT s.mesh ORDER BY s.mesh) FILTER (s.mesh IS NOT NULL) AS linked,
            list(DISTINCT h.mesh ORDER BY h.mesh) FILTER (h.mesh IS NOT NULL) AS linked_above
        FROM said LEFT JOIN same s USING (concept_id) LEFT JOIN higher h USING (concept_id) GROUP BY study_id)"""
"""The MeSH headings that the conditions and interventions of a trial were linked to.

Of a concept without a heading of its own (a rarer disease, a supplementary record) it is those of what stands above it.
What is denied, past, or only asked of participants is no heading.
"""
_UNLINKED = "linked_ AS (SELECT '' AS study_id, NULL::VARCHAR[] AS linked, NULL::VARCHAR[] AS linked_above WHERE false)"
_PAPER_TEXT = "concat_ws(' ', p.abstract, p.vernacular_title)"
_TRIAL_TEXT = "concat_ws(' ', s.abstract, s.inclusion_criteria, s.exclusion_criteria, s.eligibility_criteria)"
_DOCUMENTS = f"""
    WITH LINKED,
    headings AS (
        SELECT r.record_id,
            list(DISTINCT lower(m.term) ORDER BY lower(m.term)) FILTER (NOT m.is_ancestor) AS heading,
            list(DISTINCT lower(m.term) ORDER BY lower(m.term))
                FILTER (NOT m.is_ancestor AND m.is_major) AS major_heading,
            list(DISTINCT lower(m.term) ORDER BY lower(m.term)) AS heading_above,
            list(DISTINCT lower(q) ORDER BY lower(q)) FILTER (q IS NOT NULL) AS qualifier,
            list(DISTINCT lower(m.term) || '/' || lower(q) ORDER BY lower(m.term) || '/' || lower(q))
                FILTER (q IS NOT NULL) AS qualified_heading
        FROM (SELECT record_id, unnest(mesh_terms) AS m FROM records) r
            LEFT JOIN LATERAL (SELECT unnest(m.qualifiers) AS q) ON true
        GROUP BY r.record_id),
    papers_ AS (
        SELECT 'paper' AS kind, paper_id AS id, p.title,
            {_PAPER_TEXT} AS abstract, p.keywords AS keyword,
            p.chemicals AS substance, p.authors AS author,
            [p.journal, p.journal_abbreviation, p.issn] AS journal, NULL::VARCHAR[] AS other,
            p.publication_types AS publication_type, p.languages AS language,
            list_concat([paper_id, p.doi, p.pmcid], p.registry_ids) AS ids, NULL::VARCHAR[] AS country,
            NULL::VARCHAR[] AS register, NULL AS status, NULL::VARCHAR[] AS phase, p.source,
            p.first_published_date AS published, NULL AS sex,
            NULL AS minimum_age_years, NULL AS maximum_age_years, NULL::VARCHAR[] AS linked,
            NULL::VARCHAR[] AS linked_above, h.* EXCLUDE (record_id)
        FROM papers p LEFT JOIN headings h USING (record_id)),
    conditions_ AS (
        SELECT study_id, list(condition_name ORDER BY position, condition_name) AS names FROM conditions GROUP BY 1),
    interventions_ AS (
        SELECT t.study_id, list(DISTINCT r.i.name ORDER BY r.i.name) AS names
        FROM trial_records t JOIN (SELECT record_id, unnest(interventions) AS i FROM records) r USING (record_id)
        GROUP BY 1),
    trial_headings AS (
        SELECT t.study_id, list_sort(list_distinct(flatten(list(h.heading)))) AS heading,
            list_sort(list_distinct(flatten(list(h.major_heading)))) AS major_heading,
            list_sort(list_distinct(flatten(list(h.heading_above)))) AS heading_above,
            list_sort(list_distinct(flatten(list(h.qualifier)))) AS qualifier,
            list_sort(list_distinct(flatten(list(h.qualified_heading)))) AS qualified_heading
        FROM trial_records t JOIN headings h USING (record_id) GROUP BY 1),
    ids_ AS (
        SELECT study_id, list(DISTINCT id ORDER BY id) AS ids FROM identifiers WHERE role <> 'mentioned' GROUP BY 1),
    trials_ AS (
        SELECT 'trial' AS kind, s.study_id AS id, concat_ws(' / ', s.public_title,
                nullif(s.scientific_title, s.public_title), s.acronym) AS title,
            {_TRIAL_TEXT} AS abstract,
            list_concat(s.keywords, c.names) AS keyword, d.names AS substance, NULL::VARCHAR[] AS author,
            NULL::VARCHAR[] AS journal, list_concat([s.sponsor], s.collaborators) AS other,
            ['Clinical Trial Registration'] AS publication_type, NULL::VARCHAR[] AS language,
            list_concat([s.study_id], i.ids) AS ids, s.countries AS country, s.registers AS register,
            s.recruitment_status AS status, s.phases AS phase, s.source,
            coalesce(s.registration_date, s.first_submitted_date, s.start_date) AS published, s.sex,
            s.minimum_age_years, s.maximum_age_years, l.linked, l.linked_above, h.* EXCLUDE (study_id)
        FROM studies s LEFT JOIN conditions_ c USING (study_id) LEFT JOIN interventions_ d USING (study_id)
            LEFT JOIN trial_headings h USING (study_id) LEFT JOIN ids_ i USING (study_id)
            LEFT JOIN linked_ l USING (study_id)
        WHERE s.kind = 'registration')
    SELECT * FROM papers_ UNION ALL BY NAME SELECT * FROM trials_"""


def documents_sql(connection: duckdb.DuckDBPyConnection) -> str:
    """The SQL that gives every document of a snapshot; a warehouse of an older version has no links."""
    names = "SELECT count(*) FROM duckdb_views() WHERE view_name = 'mentions'"
    is_linked = connection.execute(names).fetchone() != (0,)
    return _DOCUMENTS.replace("LINKED", _LINKED if is_linked else _UNLINKED, 1)


def number_of(key: str) -> int:
    """The number of a document, from its kind and id: 62 bits, so that two never share one."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest()) >> 2


KEYS = """
    SELECT 'paper:' || paper_id AS key FROM papers
    UNION ALL SELECT 'trial:' || study_id FROM studies WHERE kind = 'registration'"""
"""The SQL that gives the key of every document: its kind and id."""


def documents(connection: duckdb.DuckDBPyConnection) -> Iterator[dict[str, Any]]:
    """The documents of a snapshot in the order of kind and id."""
    return rows(connection, f"FROM ({documents_sql(connection)}) ORDER BY kind, id")


def rows(connection: duckdb.DuckDBPyConnection, sql: str) -> Iterator[dict[str, Any]]:
    """The rows of a query, by the names of its columns."""
    found = connection.execute(sql)
    names = [column[0] for column in found.description or ()]
    while batch := found.fetchmany(2_000):
        for row in batch:
            yield dict(zip(names, row, strict=True))


def abstracts(connection: duckdb.DuckDBPyConnection, hits: Iterable[Hit]) -> dict[tuple[str, str], str]:
    """The texts in which hits are searched beside their titles, by kind and id."""
    ids = [hit.id for hit in hits]
    rows = connection.execute(
        f"""SELECT 'paper', p.paper_id, {_PAPER_TEXT} FROM papers p WHERE p.paper_id IN (SELECT unnest($ids))
            UNION ALL SELECT 'trial', s.study_id, {_TRIAL_TEXT} FROM studies s
            WHERE s.kind = 'registration' AND s.study_id IN (SELECT unnest($ids))""",
        {"ids": ids},
    ).fetchall()
    return {(kind, id): text for kind, id, text in rows}


def ranked_text(row: Mapping[str, Any]) -> str:
    """The text of a document by which it is ranked; its title counts twice."""
    title = row["title"] or ""
    texts = [title, title, row["abstract"], *(row["heading"] or ()), *(row["keyword"] or ()), *(row["substance"] or ())]
    return " ".join(text for text in texts if text)
