"""The graph's vocabulary: what kinds of nodes and edges there are, and the SQL that draws the edges.

The rows of the table `relations` are edges between typed nodes. What a relation means, and the term of the Biolink
Model (4.4.6) that comes nearest to it, is said here once; the data dictionary and the exports take it from here.
"""

from __future__ import annotations

import msgspec

from trialpanorama.vocabulary import REGIONS

SAID_COUNTRIES = f"""[c.name FOR c IN r.countries IF NOT coalesce(c.is_removed, false)
    AND regexp_replace(lower(c.name), '[^a-z]', '', 'g') NOT IN {REGIONS!r}]"""
"""SQL: the countries of recruitment that a Record `r` lists, without continents and the like."""


class NodeType(msgspec.Struct, frozen=True):
    """A kind of node."""

    name: str
    meaning: str
    category: str
    """The Biolink class that comes nearest."""


class Relation(msgspec.Struct, frozen=True):
    """A kind of edge."""

    name: str
    meaning: str
    predicate: str
    """The Biolink predicate that comes nearest."""
    agent: str = "manual_agent"
    """Who made the statement, in Biolink's words: manual_agent for what people wrote into a register or terminology."""
    is_weak: bool = False
    """It says little of what its nodes have in common: paths do not go along it unless asked to."""


NODE_TYPES: tuple[NodeType, ...] = (
    NodeType("trial", "A Trial, by its study_id", "biolink:ClinicalTrial"),
    NodeType("publication", "An article, by its PMID, else PMC id, DOI or own id", "biolink:Publication"),
    NodeType("review", "A systematic review, by its review_id or PMID", "biolink:Publication"),
    NodeType("condition", "A concept of a disease or health problem", "biolink:DiseaseOrPhenotypicFeature"),
    NodeType("drug", "A concept of a drug", "biolink:ChemicalEntity"),
    NodeType("gene", "A concept of a gene, as a biomarker", "biolink:Gene"),
    NodeType("outcome", "A concept of what is measured", "biolink:InformationContentEntity"),
    NodeType("adverse_event", "A concept of an adverse event", "biolink:PhenotypicFeature"),
    NodeType("procedure", "A concept of a procedure", "biolink:Procedure"),
    NodeType("target", "What a drug acts on, by its UniProt accession where it has one", "biolink:Protein"),
    NodeType("sponsor", "An organisation, whatever its spelling", "biolink:Agent"),
    NodeType("country", "A country, in ClinicalTrials.gov's spelling", "biolink:GeographicLocation"),
    NodeType("other", "A concept of another kind", "biolink:NamedThing"),
)

_MINING = "text_mining_agent"
_PIPELINE = "data_analysis_pipeline"

RELATIONS: tuple[Relation, ...] = (
    # papers and trials
    Relation("names_id_of", "the paper gives a registry id of the Trial as its own", "biolink:mentions", _MINING),
    Relation(
        "mentions_id_of",
        "the paper gives a registry id of the Trial where papers cite others, or among many",
        "biolink:mentions",
        _MINING,
        is_weak=True,
    ),
    Relation(
        "reports_on", "titles, people, numbers and dates say that the paper is about it", "biolink:mentions", _PIPELINE
    ),
    Relation("result_of", "the register lists it as reporting results (the sponsor's claim)", "biolink:mentions"),
    Relation("derived_from", "the register found the Trial's id in it", "biolink:mentions", "automated_agent"),
    Relation("background_of", "the register lists it as background", "biolink:related_to", is_weak=True),
    Relation("cited_by", "the register lists it without a type", "biolink:related_to", is_weak=True),
    # reviews
    Relation("includes", "the reviewers included the report", "biolink:mentions"),
    Relation("excludes", "they excluded it on its full text", "biolink:mentions", is_weak=True),
    Relation("published_as", "the article that is the review", "biolink:related_to"),
    # trials and what they are about
    Relation("studies_condition", "the Trial is about the condition", "biolink:related_to", _MINING),
    Relation("tests_drug", "the drug is among the Trial's interventions", "biolink:related_to", _MINING),
    Relation("measures_biomarker", "the biomarker is among the Trial's outcomes", "biolink:related_to", _MINING),
    Relation(
        "involves_biomarker", "its titles or criteria name the biomarker", "biolink:related_to", _MINING, is_weak=True
    ),
    Relation(
        "measures_outcome", "the Trial measures an outcome of the domain", "biolink:related_to", _MINING, is_weak=True
    ),
    Relation("reports_event", "the Trial's posted results count the adverse event", "biolink:related_to", _MINING),
    Relation("sponsored_by", "the lead sponsor", "biolink:related_to"),
    Relation("supported_by", "a collaborator or funder", "biolink:related_to"),
    Relation("recruits_in", "a country of recruitment", "biolink:occurs_in"),
    Relation("follows", "an extension, follow-up or sub-study of the other Trial", "biolink:related_to", _PIPELINE),
    # what terminologies say
    Relation("acts_on", "the drug acts through the target", "biolink:affects"),
    Relation("binds", "a potency of the drug at the target was measured", "biolink:interacts_with", is_weak=True),
    Relation("subclass_of", "the next broader concept", "biolink:subclass_of"),
)

CORRECTION_PREDICATE = "biolink:related_to"
"""Of NLM's own words for corrections, such as RetractionOf, which stand as they are."""

NODE_MEANING = "What the head is. " + "; ".join(f"{type.name}: {type.meaning}" for type in NODE_TYPES)
RELATION_MEANING = (
    "; ".join(f"{relation.name}: {relation.meaning}" for relation in RELATIONS)
    + "; else NLM's word for a correction, such as RetractionOf"
)


def first_day(struct: str) -> str:
    """SQL: a PartialDate as a DATE, a month or year alone as its first day."""
    text = f"{struct}.date"
    return f"try_cast({text} || CASE length({text}) WHEN 4 THEN '-01-01' WHEN 7 THEN '-01' ELSE '' END AS DATE)"


_CONCEPT_TYPE = """CASE c.kind WHEN 'event' THEN 'adverse_event' WHEN 'unit' THEN 'other' WHEN 'population' THEN 'other'
    ELSE c.kind END"""

_MENTIONED = """CASE WHEN m.kind = 'condition' AND m.field = 'conditions' THEN 'studies_condition'
        WHEN m.kind = 'drug' AND m.field = 'interventions' THEN 'tests_drug'
        WHEN m.kind = 'biomarker' AND m.field = 'outcomes' THEN 'measures_biomarker'
        WHEN m.kind = 'biomarker' THEN 'involves_biomarker'
        WHEN m.kind = 'endpoint' THEN 'measures_outcome'
        WHEN m.kind = 'adverse_event' THEN 'reports_event' END"""

FOLLOW_ON = {
    "extension": r"\bextensions?\b|\bestensione\b|\bprolongation (?:de|du|des)\b|\bverlangerungsstudie\b|"
    r"\bextended (?:access|treatment|follow[- ]?up)\b",
    "long-term": r"\blong[- ]?term\b",
    "follow-up": r"\b(?:open[- ]label|safety|observational|survival) follow[- ]?up\b|"
    r"\bfollow[- ]?up (?:study|trial|protocol)\b",
    "roll-over": r"\broll[- ]?over\b",
    "sub-study": r"\bsub[- ]?(?:study|studies|trial|protocol)\b|\bancillary (?:\w+ ){0,2}stud(?:y|ies)\b",
    "continuation": r"\bcontinu(?:ation|ed access)\b",
}
"""Words of a title, without case and accents, by which a study calls itself a later part of another, by what they say.
Python and DuckDB read these patterns alike."""
FOLLOW_ON_ELSE = {
    "follow-up": r"\bfollow[- ]?up of (?:participants|patients|subjects|volunteers|children) (?:\w+ )?(?:of|in|from) "
    r"(?:the )?(?:[\w-]+ )?(?:study|trial|\w+-\d+)\b",
    "continuation": r"\bwho (?:have |had )?(?:previously )?(?:completed|participated in) (?:the )?"
    r"(?:\w+ ){0,2}(?:study|studies|trials?)\b",
    "expanded access": r"\bexpanded[- ]access\b|\bcompassionate use\b|\bpost[- ](?:trial|study) access\b",
}
"""Words that say so where none of those do: beside them they would set two titles of one extension apart."""

_AFTER = "|".join((*FOLLOW_ON.values(), *FOLLOW_ON_ELSE.values()))

RELATIONS_SQL = rf"""
    WITH registered AS (
        SELECT w.report_id, min(m.study_id) AS study_id
        FROM records r JOIN members m USING (record_id)
            JOIN (SELECT DISTINCT report_id FROM reviewed WHERE NOT regexp_full_match(report_id, '[0-9]+')) w
                ON w.report_id = r.id
        WHERE coalesce(r.kind, 'REGISTRATION') = 'REGISTRATION' GROUP BY w.report_id),
    paper_dates AS (
        SELECT n.paper_id,
            least({first_day("r.paper.publication_date")}, {first_day("r.paper.electronic_date")}) AS date
        FROM records r JOIN newest_papers n USING (record_id)),
    review_dates AS (
        SELECT v.review_id, coalesce(min(d.date), max({first_day("r.review.search_until_date")})) AS date
        FROM records r JOIN review_records v USING (record_id) LEFT JOIN review_papers p USING (review_id)
            LEFT JOIN paper_dates d USING (paper_id)
        GROUP BY v.review_id),
    trial_dates AS (
        SELECT m.study_id,
            min(coalesce({first_day("r.registration_date")}, {first_day("r.first_submitted_date")})) AS date,
            max({first_day("r.last_updated_date")}) AS updated
        FROM records r JOIN members m USING (record_id) WHERE m.kind = 'registration' GROUP BY m.study_id),
    literature AS (
        SELECT l.paper_id AS head_id, l.study_id AS tail_id, 'trial' AS tail_type, CASE
                WHEN method = 'similarity' THEN 'reports_on' WHEN method = 'result_reference' THEN 'result_of'
                WHEN method = 'derived_reference' THEN 'derived_from'
                WHEN method = 'background_reference' THEN 'background_of' WHEN method = 'reference' THEN 'cited_by'
                WHEN is_accepted THEN 'names_id_of' ELSE 'mentions_id_of' END AS relation_type,
            method, score, CASE WHEN method LIKE '%reference' THEN t.updated ELSE l.paper_date END AS date,
            e.field, e.value_paper AS id, l.record_id, l.source, l.licence, l.is_open
        FROM (SELECT *, unnest(CASE method WHEN 'similarity' THEN evidence[:1] ELSE evidence END) AS e FROM paper_links
              WHERE is_accepted OR method <> 'similarity') l LEFT JOIN trial_dates t USING (study_id)
        UNION ALL
        SELECT paper_id, said.pmid, 'publication', said.type, 'corrections', NULL, date, 'corrections', said.pmid,
            record_id, source, licence, is_open
        FROM (SELECT n.*, d.date, r.source, r.licence, s.is_open, unnest(r.paper.corrections) AS said
              FROM records r JOIN newest_papers n USING (record_id) LEFT JOIN paper_dates d USING (paper_id)
                LEFT JOIN source_licences s ON s.source = r.source)
        WHERE said.pmid IS NOT NULL
        UNION ALL
        SELECT review_id, coalesce(study_id, report_id),
            CASE WHEN regexp_matches(report_id, '^([0-9]+$|10\.|PMC[0-9]|REF-)') THEN 'publication' ELSE 'trial' END,
            CASE decision WHEN 'INCLUDED' THEN 'includes' ELSE 'excludes' END, 'reviewers', NULL, date,
            'review.studies', report_id, unnest(record_ids), source, licence, is_open
        FROM reviewed LEFT JOIN registered USING (report_id) LEFT JOIN review_dates USING (review_id)
        WHERE decision = 'INCLUDED' OR decision_full_text = 'EXCLUDED'
        UNION ALL
        SELECT p.review_id, p.paper_id, 'publication', 'published_as', 'identifiers', NULL, d.date, 'identifiers',
            p.paper_id, v.record_id, r.source, r.licence, s.is_open
        FROM records r JOIN review_records v USING (record_id) JOIN review_papers p USING (review_id)
            LEFT JOIN paper_dates d USING (paper_id) LEFT JOIN source_licences s ON s.source = r.source),
    reviews AS (
        SELECT paper_id FROM newest_papers WHERE kind = 'REVIEW' UNION SELECT review_id FROM review_records),
    of_literature AS (
        SELECT head_id, CASE WHEN head_id IN (FROM reviews) THEN 'review' ELSE 'publication' END AS head_type, tail_id,
            CASE WHEN tail_type = 'publication' AND tail_id IN (FROM reviews) THEN 'review' ELSE tail_type END
                AS tail_type,
            relation_type, arg_max(method, (coalesce(score, 0), method)) AS method, max(score) AS score,
            min(date) AS date,
            list_sort(list_distinct(list({{'field': field, 'id': id, 'record_id': record_id}}))) AS evidence,
            min(record_id) AS record_id, arg_min(source, record_id) AS source, arg_min(licence, record_id) AS licence,
            bool_and(is_open) AS is_open
        FROM literature GROUP BY head_id, tail_id, tail_type, relation_type),
    mentioned AS (
        SELECT m.study_id, m.concept_id, {_CONCEPT_TYPE} AS tail_type, {_MENTIONED} AS relation_type, m.method, m.score,
            m.is_open, {{'field': m.field, 'id': m.text, 'record_id': m.record_id}} AS place, m.source, m.licence,
            (-m.score, m.field, m.position, m.part, m.record_id) AS near
        FROM mentions m JOIN concepts c USING (concept_id) WHERE NOT coalesce(m.is_negated, false)),
    of_concepts AS (
        SELECT study_id AS head_id, 'trial' AS head_type, concept_id AS tail_id, any_value(tail_type) AS tail_type,
            relation_type, arg_min(method, near) AS method, max(score) AS score, arg_min(place, near) AS place,
            arg_min(source, near) AS source, arg_min(licence, near) AS licence, bool_and(is_open) AS is_open
        FROM mentioned WHERE relation_type IS NOT NULL GROUP BY study_id, concept_id, relation_type),
    of_sponsors AS (
        SELECT study_id AS head_id, 'trial' AS head_type, 'sponsor:' || replace(sponsor_id, ' ', '_') AS tail_id,
            'sponsor' AS tail_type,
            CASE WHEN bool_or(is_lead) THEN 'sponsored_by' ELSE 'supported_by' END AS relation_type,
            'register' AS method, NULL::DOUBLE AS score,
            arg_min({{'field': 'sponsors', 'id': sponsor_name, 'record_id': record_id}}, near) AS place,
            arg_min(source, near) AS source, arg_min(licence, near) AS licence, bool_and(is_open) AS is_open
        FROM (SELECT *, coalesce(role, 'LEAD') = 'LEAD' AS is_lead, (NOT is_lead, position, record_id) AS near
            FROM sponsors)
        WHERE sponsor_id IS NOT NULL GROUP BY study_id, sponsor_id),
    located AS (
        SELECT m.study_id, m.record_id, m.source, m.licence, m.is_open, m.precedence, unnest(list_distinct(CASE
            WHEN len(r.countries) > 0 THEN {SAID_COUNTRIES}
            ELSE [s.country FOR s IN r.locations IF s.country IS NOT NULL] END)) AS country
        FROM records r JOIN members m USING (record_id) WHERE m.kind = 'registration'),
    of_countries AS (
        SELECT study_id AS head_id, 'trial' AS head_type, 'country:' || replace(country, ' ', '_') AS tail_id,
            'country' AS tail_type, 'recruits_in' AS relation_type, 'register' AS method, NULL::DOUBLE AS score,
            arg_min({{'field': 'countries', 'id': country, 'record_id': record_id}}, precedence) AS place,
            arg_min(source, precedence) AS source, arg_min(licence, precedence) AS licence, bool_and(is_open) AS is_open
        FROM located GROUP BY study_id, country),
    linked AS (
        SELECT a.study_id AS study_a, b.study_id AS study_b, l.*,
            regexp_matches(strip_accents(lower(t.value_a)), '{_AFTER}') AS is_a_after,
            regexp_matches(strip_accents(lower(t.value_b)), '{_AFTER}') AS is_b_after
        FROM trial_links l JOIN members a ON a.record_id = l.record_a JOIN members b ON b.record_id = l.record_b,
            LATERAL (SELECT [e FOR e IN l.evidence IF e.field = 'title'][1] AS t)
        WHERE l.reason = 'follow_on_study' AND a.study_id <> b.study_id),
    of_trials AS (
        SELECT CASE WHEN is_a_after THEN study_a ELSE study_b END AS head_id, 'trial' AS head_type,
            CASE WHEN is_a_after THEN study_b ELSE study_a END AS tail_id, 'trial' AS tail_type,
            'follows' AS relation_type, arg_max(method, (score, method)) AS method, max(score) AS score,
            arg_max({{'field': evidence[1].field, 'id': coalesce(evidence[1].value_a, evidence[1].value_b),
                'record_id': CASE WHEN is_a_after THEN record_a ELSE record_b END}},
                (score, method, record_a, record_b)) AS place,
            arg_max(source, (score, method, record_a, record_b)) AS source,
            arg_max(licence, (score, method, record_a, record_b)) AS licence, bool_and(is_open) AS is_open
        FROM linked WHERE is_a_after <> is_b_after GROUP BY 1, 3),
    targets AS (
        SELECT DISTINCT d.concept_id AS head_id, m.*, unnest(CASE WHEN m.accession IS NULL
            THEN ['target:' || replace(m.target_name, ' ', '_')]
            ELSE ['UniProtKB:' || trim(a) FOR a IN string_split_regex(m.accession, '[|;,]')] END) AS tail_id,
            d.is_open AND m.is_open AS both_open
        FROM drug_moa m JOIN drug_concepts d USING (drug_moa_id)),
    of_drugs AS (
        SELECT head_id, 'drug' AS head_type, tail_id, 'target' AS tail_type,
            CASE WHEN moa = 1 THEN 'acts_on' ELSE 'binds' END AS relation_type,
            min(coalesce(lower(action_type), lower(act_type))) AS method, NULL::DOUBLE AS score,
            min({{'field': 'drug_moa', 'id': coalesce(moa_source, act_source), 'record_id': NULL::VARCHAR}}) AS place,
            min(source) AS source, min(licence) AS licence, bool_and(both_open) AS is_open
        FROM targets WHERE tail_id IS NOT NULL GROUP BY head_id, tail_id, relation_type),
    of_terminologies AS (
        SELECT c.concept_id AS head_id, {_CONCEPT_TYPE} AS head_type, p.concept_id AS tail_id,
            {_CONCEPT_TYPE.replace("c.", "p.")} AS tail_type, 'subclass_of' AS relation_type, c.vocabulary AS method,
            NULL::DOUBLE AS score,
            {{'field': 'parents', 'id': c.vocabulary_version, 'record_id': NULL::VARCHAR}} AS place,
            c.source, c.licence, c.is_open AND p.is_open AS is_open
        FROM (SELECT *, unnest(list_distinct(parents)) AS parent FROM concepts) c
            JOIN concepts p ON p.concept_id = c.parent),
    edges AS (
        FROM of_literature
        UNION ALL BY NAME
        SELECT e.* EXCLUDE (place), d.date, [place] AS evidence, place.record_id AS record_id
        FROM (FROM of_concepts UNION ALL BY NAME FROM of_sponsors UNION ALL BY NAME FROM of_countries
              UNION ALL BY NAME FROM of_trials) e LEFT JOIN trial_dates d ON d.study_id = e.head_id
        UNION ALL BY NAME
        SELECT * EXCLUDE (place), [place] AS evidence, NULL::VARCHAR AS record_id
        FROM (FROM of_drugs UNION ALL BY NAME FROM of_terminologies)),
    versions AS (SELECT concept_id, min(vocabulary_version) AS vocabulary_version FROM concepts GROUP BY concept_id)
    SELECT e.*, coalesce(t.vocabulary_version, h.vocabulary_version) AS vocabulary_version
    FROM edges e LEFT JOIN versions t ON t.concept_id = e.tail_id LEFT JOIN versions h ON h.concept_id = e.head_id"""
"""Rows of `relations`, over Records and the tables of resolve and link.

An edge keeps the first or all of the places that say so. Its date is that of the document that says so: the day a paper
or review was published (else until when the review searched), the last update of a register's list of papers, the
registration of the trial; terminologies have versions, not dates.
"""
