"""The graph: edges drawn from hand-made tables, what stands beside and between nodes, and exports read back."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import networkx
import pytest

from trialpanorama.errors import UnknownName, UserError
from trialpanorama.link import graph
from trialpanorama.link.graph import Node, curie, export_graph, find_node, neighbours, paths, sharing
from trialpanorama.record import Country, Location, Paper, PartialDate, Record
from trialpanorama.relations import NODE_TYPES, RELATIONS, RELATIONS_SQL
from trialpanorama.warehouse import records_table

A, B, C = "NCT99000001", "NCT99000002", "NCT99000003"
TABLES = """
    CREATE TABLE studies (study_id VARCHAR, title VARCHAR, kind VARCHAR, is_open BOOLEAN);
    CREATE TABLE papers (paper_id VARCHAR, title VARCHAR, is_open BOOLEAN);
    CREATE TABLE reviews (review_id VARCHAR, title VARCHAR, is_open BOOLEAN);
    CREATE TABLE review_studies (review_id VARCHAR, study_ids VARCHAR[], decision VARCHAR);
    CREATE TABLE identifiers (study_id VARCHAR, id VARCHAR, role VARCHAR);
    CREATE TABLE concepts (concept_id VARCHAR, name VARCHAR, kind VARCHAR, names VARCHAR[], parents VARCHAR[],
        vocabulary VARCHAR, vocabulary_version VARCHAR, source VARCHAR, licence VARCHAR, is_open BOOLEAN);
    CREATE TABLE sponsors (study_id VARCHAR, role VARCHAR, sponsor_name VARCHAR, sponsor_id VARCHAR,
        normalized_name VARCHAR, position BIGINT, record_id VARCHAR, source VARCHAR, licence VARCHAR, is_open BOOLEAN);
    CREATE TABLE drug_moa (drug_moa_id VARCHAR, accession VARCHAR, target_name VARCHAR, moa DOUBLE, action_type VARCHAR,
        act_type VARCHAR, moa_source VARCHAR, act_source VARCHAR, source VARCHAR, licence VARCHAR, is_open BOOLEAN)"""


def fill(con: duckdb.DuckDBPyConnection, table: str, *rows: dict[str, Any]) -> None:
    for row in rows:
        con.execute(f"INSERT INTO {table} BY NAME SELECT {', '.join(f'${name} AS {name}' for name in row)}", row)


def concept(id: str, name: str, kind: str, **of: Any) -> dict[str, Any]:
    return {
        "concept_id": id, "name": name, "kind": kind, "names": [name], "parents": [], "vocabulary": "mesh",
        "vocabulary_version": "2026", "source": "mesh", "licence": "free", "is_open": True,
    } | of  # fmt: skip


# --- drawing the edges


@pytest.fixture
def drawn() -> Iterator[duckdb.DuckDBPyConnection]:
    """The relations of a handful of Records, and of what was linked to them."""
    day = PartialDate(date="2015-03-01")
    records = [
        Record(id=A, record_id="a", register="clinicaltrials_gov", source="ctg", registration_date=day,
               last_updated_date=PartialDate(date="2018-02"),
               countries=[Country("France"), Country("Asia (except Japan)"), Country("Chad", is_removed=True)]),
        Record(id=B, record_id="b", register="clinicaltrials_gov", source="ctg", locations=[Location(country="Chad")]),
        Record(id="1", record_id="p", register="pubmed", source="pubmed", kind="PUBLICATION",
               paper=Paper(publication_date=PartialDate(date="2016-07"))),
    ]  # fmt: skip
    con = duckdb.connect()
    con.register("records", records_table(records))
    con.execute(TABLES)
    con.execute("""
        CREATE TABLE source_licences AS FROM (VALUES ('ctg', true), ('pubmed', false)) t(source, is_open);
        CREATE TABLE members AS SELECT id AS study_id, record_id, source, 'free' AS licence, true AS is_open,
            1 AS precedence, 'registration' AS kind FROM records WHERE register = 'clinicaltrials_gov';
        CREATE TABLE newest_papers AS SELECT record_id, id AS paper_id, kind FROM records WHERE kind = 'PUBLICATION';
        CREATE TABLE review_records AS SELECT 'CD1' AS review_id, 'p' AS record_id WHERE false;
        CREATE TABLE review_papers AS SELECT 'CD1' AS review_id, '1' AS paper_id WHERE false;
        CREATE TABLE reviewed AS SELECT 'CD1' AS review_id, '1' AS report_id, 'INCLUDED' AS decision,
            NULL::VARCHAR AS decision_full_text, ['r'] AS record_ids, 'reviews' AS source, 'x' AS licence,
            true AS is_open;
        CREATE TABLE trial_links AS SELECT 'a' AS record_a, 'b' AS record_b, 'mutual_id' AS method, 0.9 AS score,
            'follow_on_study' AS reason, [{'field': 'id', 'value_a': 'x', 'value_b': 'y'}, {'field': 'title',
            'value_a': 'Extension study of zarvolimab', 'value_b': 'Zarvolimab in fever'}] AS evidence, 'ctg' AS source,
            'free' AS licence, true AS is_open;
        CREATE TABLE drug_concepts AS SELECT 'DRUGBANK:DB1' AS concept_id, 'm1' AS drug_moa_id, true AS is_open;
        CREATE TABLE paper_links (paper_id VARCHAR, study_id VARCHAR, method VARCHAR, score DOUBLE, is_accepted BOOLEAN,
            paper_date DATE, evidence STRUCT(field VARCHAR, value_paper VARCHAR, value_trial VARCHAR, weight DOUBLE)[],
            record_id VARCHAR, source VARCHAR, licence VARCHAR, is_open BOOLEAN);
        INSERT INTO paper_links SELECT '1', study_id, method, score, accepted, '2016-07-01',
                [{'field': 'abstract', 'value_paper': 'NCT', 'value_trial': 'NCT', 'weight': NULL}], 'p', 'pubmed', 'x',
                false
            FROM (VALUES ('NCT99000001', 'databank', 0.98, true), ('NCT99000001', 'abstract', 0.95, true),
                ('NCT99000001', 'background_reference', 0.1, false), ('NCT99000002', 'mention', 0.25, false),
                ('NCT99000002', 'similarity', 0.7, false)) t(study_id, method, score, accepted);
        CREATE TABLE mentions (study_id VARCHAR, concept_id VARCHAR, kind VARCHAR, field VARCHAR, position BIGINT,
            part BIGINT, text VARCHAR, method VARCHAR, score DOUBLE, is_negated BOOLEAN, record_id VARCHAR,
            source VARCHAR, licence VARCHAR, is_open BOOLEAN);
        INSERT INTO mentions SELECT 'NCT99000001', concept, kind, field, position, 1, text, method, score, negated, 'a',
                'ctg', 'free', open
            FROM (VALUES ('MESH:D1', 'condition', 'conditions', 1, 'fevers', 'variant', 0.9, false, true),
                ('MESH:D1', 'condition', 'conditions', 2, 'Fever', 'exact', 1.0, false, true),
                ('MESH:D2', 'condition', 'eligibility_criteria', 1, 'rash', 'exact', 1.0, false, true),
                ('DRUGBANK:DB1', 'drug', 'interventions', 1, 'zarvolimab', 'exact', 1.0, NULL, true),
                ('HGNC:1', 'biomarker', 'outcomes', 1, 'GLOW1', 'exact', 1.0, false, true),
                ('HGNC:1', 'biomarker', 'eligibility_criteria', 1, 'GLOW1', 'exact', 1.0, true, true),
                ('MEDDRA:1', 'adverse_event', 'adverse_events', 1, 'Rash', 'exact', 1.0, false, false),
                (NULL, 'condition', 'conditions', 3, 'glow', 'none', 0.0, false, true))
                t(concept, kind, field, position, text, method, score, negated, open)""")
    fill(
        con,
        "concepts",
        concept("MESH:D1", "Fever", "condition", parents=["MESH:D2", "MESH:D9"]),
        concept("MESH:D2", "Signs", "condition"),
        concept("DRUGBANK:DB1", "Zarvolimab", "drug"),
        concept("HGNC:1", "GLOW1", "gene"),
        concept("MEDDRA:1", "Rash", "event", is_open=False),
    )
    common = {"record_id": "a", "source": "ctg", "licence": "free", "is_open": True}
    fill(
        con,
        "sponsors",
        {"study_id": A, "role": "LEAD", "sponsor_name": "Fictional Inc.", "sponsor_id": "fictional co", "position": 1}
        | common,
        {"study_id": A, "role": "COLLABORATOR", "sponsor_name": "Other", "sponsor_id": "other", "position": 2} | common,
        {"study_id": A, "role": "FUNDER", "sponsor_name": "FICTIONAL", "sponsor_id": "fictional co", "position": 3}
        | common,
    )
    moa = {"drug_moa_id": "m1", "source": "drugcentral", "licence": "CC BY-SA", "is_open": True}
    fill(
        con,
        "drug_moa",
        {"accession": "P1|P2", "target_name": "Glow kinase", "moa": 1.0, "action_type": "INHIBITOR"} | moa,
        {"accession": None, "target_name": "Ribosome", "moa": None, "act_type": "Ki"} | moa,
    )
    con.execute(f"CREATE TABLE relations AS {RELATIONS_SQL}")
    yield con
    con.close()


def test_every_kind_of_edge_is_drawn(drawn: duckdb.DuckDBPyConnection) -> None:
    found = drawn.execute(
        "SELECT head_id, head_type, relation_type, tail_id, tail_type FROM relations ORDER BY ALL"
    ).fetchall()
    assert found == [
        ("1", "publication", "background_of", A, "trial"),
        ("1", "publication", "mentions_id_of", B, "trial"),
        ("1", "publication", "names_id_of", A, "trial"),
        ("CD1", "publication", "includes", "1", "publication"),
        ("DRUGBANK:DB1", "drug", "acts_on", "UniProtKB:P1", "target"),
        ("DRUGBANK:DB1", "drug", "acts_on", "UniProtKB:P2", "target"),
        ("DRUGBANK:DB1", "drug", "binds", "target:Ribosome", "target"),
        ("MESH:D1", "condition", "subclass_of", "MESH:D2", "condition"),
        (A, "trial", "follows", B, "trial"),
        (A, "trial", "measures_biomarker", "HGNC:1", "gene"),
        (A, "trial", "recruits_in", "country:France", "country"),
        (A, "trial", "reports_event", "MEDDRA:1", "adverse_event"),
        (A, "trial", "sponsored_by", "sponsor:fictional_co", "sponsor"),
        (A, "trial", "studies_condition", "MESH:D1", "condition"),
        (A, "trial", "supported_by", "sponsor:other", "sponsor"),
        (A, "trial", "tests_drug", "DRUGBANK:DB1", "drug"),
        (B, "trial", "recruits_in", "country:Chad", "country"),
    ]
    known = {relation.name for relation in RELATIONS}
    assert {row[2] for row in found} <= known
    assert {row[1] for row in found} | {row[4] for row in found} <= {type.name for type in NODE_TYPES}


def test_an_edge_has_method_score_date_and_evidence(drawn: duckdb.DuckDBPyConnection) -> None:
    def edge(relation: str) -> list[tuple[Any, ...]]:
        return drawn.execute(
            "SELECT method, score, CAST(date AS VARCHAR), evidence, record_id, is_open FROM relations "
            "WHERE relation_type = $1",
            [relation],
        ).fetchall()

    place = {"field": "conditions", "id": "Fever", "record_id": "a"}
    assert edge("studies_condition") == [("exact", 1.0, "2015-03-01", [place], "a", True)]
    said = [{"field": "abstract", "id": "NCT", "record_id": "p"}]
    assert edge("names_id_of") == [("databank", 0.98, "2016-07-01", said, "p", False)]
    assert edge("background_of")[0][:3] == ("background_reference", 0.1, "2018-02-01")
    assert edge("subclass_of")[0][:4] == ("mesh", None, None, [{"field": "parents", "id": "2026", "record_id": None}])
    assert edge("reports_event")[0][-1] is False


def test_an_edge_to_a_concept_names_the_release_of_its_terminology(drawn: duckdb.DuckDBPyConnection) -> None:
    found = dict(drawn.execute("SELECT relation_type, vocabulary_version FROM relations").fetchall())
    of_concepts = {"studies_condition", "tests_drug", "measures_biomarker", "reports_event", "subclass_of", "acts_on"}
    assert {relation for relation, version in found.items() if version == "2026"} == of_concepts | {"binds"}


@pytest.mark.parametrize(
    "title",
    [
        "Estudio de extensión de zarvolimab", "Verlängerungsstudie mit Zarvolimab", "Expanded access to zarvolimab",
        "Zarvolimab for people who completed study ZAR-1", "Quality of life substudies of ZAR-1",
    ],
)  # fmt: skip
def test_a_study_that_follows_another_is_told_by_the_marks_of_its_title(
    drawn: duckdb.DuckDBPyConnection, title: str
) -> None:
    drawn.execute("""CREATE OR REPLACE TABLE trial_links AS SELECT * REPLACE ([evidence[1],
        {'field': 'title', 'value_a': 'Zarvolimab in fever', 'value_b': $title}] AS evidence) FROM trial_links""",
        {"title": title})  # fmt: skip
    sql = f"SELECT head_id, tail_id FROM ({RELATIONS_SQL}) WHERE relation_type = 'follows'"
    assert drawn.execute(sql).fetchall() == [(B, A)]


def test_each_edge_is_drawn_once(drawn: duckdb.DuckDBPyConnection) -> None:
    twice = "SELECT head_id, tail_id, relation_type FROM relations GROUP BY ALL HAVING count(*) > 1"
    assert drawn.execute(twice).fetchall() == []


# --- walking on it


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """Three trials of one condition; two share a rare drug, and a country with five hundred others."""
    con = duckdb.connect()
    con.execute(TABLES)
    con.execute("CREATE TABLE mentions AS SELECT 'DRUGBANK:DB1' AS concept_id, 'Zarvo' AS text")
    con.execute("""
        CREATE TABLE relations (head_id VARCHAR, head_type VARCHAR, tail_id VARCHAR, tail_type VARCHAR,
            relation_type VARCHAR, method VARCHAR, score DOUBLE, date DATE,
            evidence STRUCT(field VARCHAR, id VARCHAR, record_id VARCHAR)[], vocabulary_version VARCHAR,
            record_id VARCHAR, source VARCHAR, licence VARCHAR, is_open BOOLEAN)""")
    fill(con, "studies", *(
        {"study_id": id, "title": title, "kind": "registration", "is_open": id != C}
        for id, title in ((A, "Zarvolimab in fever"), (B, "Zarvolimab\tagain & <again>"), (C, "Mibketinib in fever"))
    ))  # fmt: skip
    fill(con, "papers", {"paper_id": "7", "title": "Fever", "is_open": True})
    fill(con, "reviews", {"review_id": "CD999999", "title": "Fever reviewed", "is_open": True})
    fill(con, "review_studies", {"review_id": "CD999999", "study_ids": [A, C], "decision": "INCLUDED"})
    fill(con, "identifiers", {"study_id": A, "id": "DRKS99000001", "role": "secondary"},
         {"study_id": A, "id": "2090-000001-10-DE", "role": "secondary"})  # fmt: skip
    fill(con, "concepts", concept("MESH:D1", "Glowing Fever", "condition", names=["Glowing Fever", "pyrexia lucens"]),
         concept("DRUGBANK:DB1", "Zarvolimab", "drug"), concept("DRUGBANK:DB2", "Mibketinib", "drug"))  # fmt: skip

    def edge(head: str, relation: str, tail: str, tail_type: str, head_type: str = "trial", **of: Any) -> None:
        fill(con, "relations", {
            "head_id": head, "head_type": head_type, "tail_id": tail, "tail_type": tail_type, "relation_type": relation,
            "method": "exact", "score": 1.0, "date": "2015-03-01", "is_open": True, "source": "clinicaltrials_gov",
            "licence": "free", "record_id": "a", "evidence": [{"field": "f", "id": "said", "record_id": "a"}],
        } | of)  # fmt: skip

    for trial in (A, B, C):
        edge(trial, "studies_condition", "MESH:D1", "condition")
        edge(trial, "recruits_in", "country:South_Korea", "country")
    edge(A, "tests_drug", "DRUGBANK:DB1", "drug", score=0.8)
    edge(B, "tests_drug", "DRUGBANK:DB1", "drug")
    edge(C, "tests_drug", "DRUGBANK:DB2", "drug")
    edge("7", "names_id_of", A, "trial", "publication")
    edge("7", "mentions_id_of", C, "trial", "publication", score=0.25)
    edge("7", "RetractionOf", "8", "publication", "publication", is_open=False)
    con.execute("""INSERT INTO relations BY NAME SELECT 'NCT98' || lpad(i::VARCHAR, 6, '0') AS head_id,
        'trial' AS head_type, 'country:South_Korea' AS tail_id, 'country' AS tail_type, 'recruits_in' AS relation_type,
        true AS is_open FROM range(500) t(i)""")
    yield con
    con.close()


@pytest.mark.parametrize(
    ("text", "id"),
    [
        (A, A), ("nct 99000001", A), ("DRKS99000001", A), ("2090-000001-10", A), ("PMID: 7", "7"), ("7", "7"),
        ("MESH:D1", "MESH:D1"), ("glowing  fever", "MESH:D1"), ("Pyrexia lucens", "MESH:D1"),
        ("south korea", "country:South_Korea"), ("Fictional Laboratories GmbH", "sponsor:fictional_laboratories"),
        ("ZARVO", "DRUGBANK:DB1"), ("UK", "country:United_Kingdom"), ("Great Britain", "country:United_Kingdom"),
    ],
)  # fmt: skip
def test_a_node_is_found_by_what_people_type(con: duckdb.DuckDBPyConnection, text: str, id: str) -> None:
    con.execute("INSERT INTO identifiers VALUES ($1, '2090-000001-10', 'secondary')", [A])
    con.execute(
        """INSERT INTO relations BY NAME FROM (VALUES
        ($1, 'trial', 'sponsored_by', 'sponsor:fictional_laboratories', 'sponsor'),
        ($1, 'trial', 'recruits_in', 'country:United_Kingdom', 'country'))
        t(head_id, head_type, relation_type, tail_id, tail_type)""",
        [A],
    )
    assert find_node(con, text).id == id


def test_a_node_has_its_preferred_name_whatever_was_typed(con: duckdb.DuckDBPyConnection) -> None:
    assert find_node(con, "Pyrexia lucens") == Node("MESH:D1", "condition", "Glowing Fever")


def test_a_node_that_is_not_there_has_near_misses(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(UnknownName, match="Zarvolimab"):
        find_node(con, "Zarvolimap")


def test_neighbours_come_in_order_with_their_counts(con: duckdb.DuckDBPyConnection) -> None:
    found = neighbours(con, A)
    assert found.node == Node(A, "trial", "Zarvolimab in fever")
    assert (found.total, sum(found.by_relation.values())) == (4, 4)
    assert [(one.edge.relation, one.direction, one.node.id) for one in found.neighbours] == [
        ("names_id_of", "in", "7"),
        ("studies_condition", "out", "MESH:D1"),
        ("tests_drug", "out", "DRUGBANK:DB1"),
        ("recruits_in", "out", "country:South_Korea"),
    ]
    assert found.neighbours[3].node.name == "South Korea"
    assert found.neighbours[2].edge.score == 0.8
    assert found.neighbours[2].edge.evidence == [{"field": "f", "id": "said", "record_id": "a"}]


def test_neighbours_of_a_hub_are_counted_and_cut(con: duckdb.DuckDBPyConnection) -> None:
    found = neighbours(con, "country:South_Korea", limit=3)
    assert (found.total, len(found.neighbours)) == (503, 3)


def test_neighbours_of_a_type_or_relation(con: duckdb.DuckDBPyConnection) -> None:
    assert [one.node.id for one in neighbours(con, A, types=["drug"]).neighbours] == ["DRUGBANK:DB1"]
    assert [one.node.id for one in neighbours(con, A, relations=["names_id_of"]).neighbours] == ["7"]
    assert neighbours(con, "7", relations=["RetractionOf"]).total == 1
    with pytest.raises(UnknownName, match="drug"):
        neighbours(con, A, types=["drugs"])
    with pytest.raises(UnknownName, match="tests_drug"):
        neighbours(con, A, relations=["test_drug"])


def test_paths_go_by_the_rarest_nodes_and_not_through_hubs(con: duckdb.DuckDBPyConnection) -> None:
    found = paths(con, A, B)
    assert [[node.id for node in path.nodes] for path in found] == [[A, "DRUGBANK:DB1", B], [A, "MESH:D1", B]]
    assert found[0].rarity > found[1].rarity > 0
    assert [edge.relation for edge in found[0].edges] == ["tests_drug", "tests_drug"]
    assert (found[0].edges[1].head_id, found[0].edges[1].tail_id) == (B, "DRUGBANK:DB1")


def test_a_hub_may_be_the_end_of_a_path(con: duckdb.DuckDBPyConnection) -> None:
    (found,) = paths(con, A, "country:South_Korea", max_length=1)
    assert [node.id for node in found.nodes] == [A, "country:South_Korea"]


def test_paths_leave_out_weak_edges_unless_they_are_named(con: duckdb.DuckDBPyConnection) -> None:
    assert [[node.id for node in path.nodes] for path in paths(con, "7", C)] == [["7", A, "MESH:D1", C]]
    named = paths(con, "7", C, relations=["mentions_id_of"])
    assert [[node.id for node in path.nodes] for path in named] == [["7", C]]


def test_no_path_is_an_answer(con: duckdb.DuckDBPyConnection) -> None:
    assert paths(con, "7", C, max_length=2) == []
    fill(con, "papers", {"paper_id": "9", "title": "Alone", "is_open": True})
    assert paths(con, A, "9", max_length=6) == []


@pytest.mark.parametrize("seed", range(8))
def test_paths_are_as_short_as_networkx_finds_them(seed: int) -> None:
    """Random graphs: the same length as a plain breadth-first search, each step an edge, no way twice."""
    import random

    rng = random.Random(seed)
    with duckdb.connect() as con:
        con.execute(TABLES)
        con.execute("""CREATE TABLE relations (head_id VARCHAR, head_type VARCHAR, tail_id VARCHAR, tail_type VARCHAR,
            relation_type VARCHAR, method VARCHAR, score DOUBLE, date DATE,
            evidence STRUCT(field VARCHAR, id VARCHAR, record_id VARCHAR)[], vocabulary_version VARCHAR,
            is_open BOOLEAN)""")
        edges = {(f"X:{rng.randrange(30)}", f"X:{rng.randrange(30)}") for _ in range(32)}
        plain = networkx.Graph((one, other) for one, other in edges if one != other)
        for one, other in sorted(edges):
            if one != other:
                fill(con, "relations", {"head_id": one, "head_type": "drug", "tail_id": other, "tail_type": "drug",
                                        "relation_type": "subclass_of"})  # fmt: skip
        for _ in range(6):
            a, b = rng.sample(sorted(plain), 2)
            found = paths(con, a, b, max_length=6, limit=1_000)
            expected = []
            if networkx.has_path(plain, a, b) and networkx.shortest_path_length(plain, a, b) <= 6:
                expected = sorted(tuple(way) for way in networkx.all_shortest_paths(plain, a, b))
            assert sorted(tuple(node.id for node in path.nodes) for path in found) == expected


@pytest.mark.parametrize(("a", "b", "length"), [(A, A, 4), (A, B, 0), (A, B, 7)])
def test_paths_refuse_what_makes_no_sense(con: duckdb.DuckDBPyConnection, a: str, b: str, length: int) -> None:
    with pytest.raises(UserError):
        paths(con, a, b, max_length=length)


def test_sharing_ranks_by_how_rare_the_shared_things_are(con: duckdb.DuckDBPyConnection) -> None:
    total, found = sharing(con, A, "drug")
    assert total == 1
    assert [(one.trial.id, one.trial.name, [node.name for node in one.shared]) for one in found] == [
        (B, "Zarvolimab\tagain & <again>", ["Zarvolimab"])
    ]
    assert found[0].score == pytest.approx(0.585)  # log2(3 / 2)
    assert [one.trial.id for one in sharing(con, A, "condition")[1]] == [B, C]
    assert sharing(con, A, "review")[1][0].trial.id == C
    assert sharing(con, A, "review")[1][0].shared == [Node("CD999999", "review", "Fever reviewed")]
    assert sharing(con, A, "sponsor") == (0, [])
    assert sharing(con, A, "country", limit=2)[0] == 502


def test_only_trials_are_compared(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(UserError, match="only trials"):
        sharing(con, "MESH:D1", "drug")
    with pytest.raises(UnknownName, match="drug"):
        sharing(con, A, "drugs")  # type: ignore[arg-type]


# --- exports


def read(path: Path, separator: str) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        if separator == "\t":  # KGX has no quotes
            return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        return list(csv.DictReader(file))


def test_graphml_comes_back_through_networkx(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    fill(con, "relations", {"head_id": A, "head_type": "trial", "tail_id": "DRUGBANK:DB1", "tail_type": "drug",
                            "relation_type": "involves_biomarker", "is_open": True})  # fmt: skip
    counts = export_graph(con, tmp_path / "g", "graphml")
    found = networkx.read_graphml(tmp_path / "g" / "graph.graphml")
    assert isinstance(found, networkx.MultiDiGraph)
    assert (found.number_of_nodes(), found.number_of_edges()) == (counts["nodes"], counts["edges"])
    assert found.nodes[A] == {"type": "trial", "name": "Zarvolimab in fever"}
    assert found.nodes[B]["name"] == "Zarvolimab again & <again>"
    between = sorted(found.get_edge_data(A, "DRUGBANK:DB1").values(), key=lambda edge: edge["relation"])
    assert [edge["relation"] for edge in between] == ["involves_biomarker", "tests_drug"]
    assert (between[1]["score"], between[1]["is_open"], between[1]["date"]) == (0.8, True, "2015-03-01")
    again = tmp_path / "again.graphml"
    networkx.write_graphml(found, again)
    assert networkx.utils.graphs_equal(networkx.read_graphml(again), found)


def test_closed_rows_and_names_are_left_out_unless_asked_for(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    some, every = (
        export_graph(con, tmp_path / "a", "parquet"),
        export_graph(con, tmp_path / "b", "parquet", include_closed=True),
    )
    assert (every["edges"] - some["edges"], every["nodes"] - some["nodes"]) == (1, 1)
    name = f"SELECT name FROM '{tmp_path}/%s/nodes.parquet' WHERE id = '{C}'"
    assert con.execute(name % "a").fetchall() == [(None,)]
    assert con.execute(name % "b").fetchall() == [("Mibketinib in fever",)]
    assert con.execute(f"SELECT count(*) FROM '{tmp_path}/a/edges.parquet' WHERE NOT is_open").fetchall() == [(0,)]


_CURIE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*:[^\s|]+")
_PREDICATES = re.compile(r"biolink:[a-z][a-z_]*")
_CATEGORIES = re.compile(r"biolink:[A-Z][A-Za-z]*")
_LEVELS = {
    "knowledge_assertion",
    "logical_entailment",
    "prediction",
    "statistical_association",
    "observation",
    "not_provided",
}
_AGENTS = {
    "manual_agent", "automated_agent", "data_analysis_pipeline", "computational_model", "text_mining_agent",
    "image_processing_agent", "manual_validation_of_automated_agent", "not_provided",
}  # fmt: skip


def test_kgx_keeps_its_rules(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """https://biolink.github.io/kgx/kgx_format.html: required columns, CURIEs, Biolink terms, no dangling ends."""
    counts = export_graph(con, tmp_path / "k", "kgx", include_closed=True)
    nodes, edges = read(tmp_path / "k" / "nodes.tsv", "\t"), read(tmp_path / "k" / "edges.tsv", "\t")
    assert (len(nodes), len(edges)) == (counts["nodes"], counts["edges"])
    ids = [node["id"] for node in nodes]
    assert len(set(ids)) == len(ids)
    for node in nodes:
        assert _CURIE.fullmatch(node["id"])
        assert _CATEGORIES.fullmatch(node["category"])
    for edge in edges:
        assert {edge["subject"], edge["object"]} <= set(ids)
        assert _PREDICATES.fullmatch(edge["predicate"])
        assert edge["knowledge_level"] in _LEVELS
        assert edge["agent_type"] in _AGENTS
        assert re.fullmatch(r"infores:[a-z0-9]+(-[a-z0-9]+)*", edge["primary_knowledge_source"])
    assert len({edge["id"] for edge in edges}) == len(edges)
    assert f"clinicaltrials:{A}" in ids
    assert {edge["publications"] for edge in edges if edge["original_predicate"] == "names_id_of"} == {"PMID:7"}


def test_every_edge_names_a_resource() -> None:
    sources = ("clinicaltrials_gov", "ictrp", "mesh; drugbank", None)
    assert [graph.infores(source) for source in sources] == [
        "infores:clinicaltrials", "infores:ictrp", "infores:mesh-drugbank", "infores:trialpanorama",
    ]  # fmt: skip


@pytest.mark.parametrize("one", [*RELATIONS, *NODE_TYPES], ids=lambda one: one.name)
def test_biolink_terms_are_those_of_the_model(one: Any) -> None:
    """Of version 4.4.6, in which they are not deprecated; it has no word for what a trial tests or measures."""
    assert (one.predicate if hasattr(one, "predicate") else one.category) in {
        "biolink:affects", "biolink:interacts_with", "biolink:mentions", "biolink:occurs_in", "biolink:related_to",
        "biolink:subclass_of", "biolink:Agent", "biolink:ChemicalEntity", "biolink:ClinicalTrial",
        "biolink:DiseaseOrPhenotypicFeature", "biolink:Gene", "biolink:GeographicLocation",
        "biolink:InformationContentEntity", "biolink:NamedThing", "biolink:PhenotypicFeature", "biolink:Procedure",
        "biolink:Protein", "biolink:Publication",
    }  # fmt: skip
    assert getattr(one, "agent", "manual_agent") in _AGENTS


@pytest.mark.parametrize(
    ("id", "type", "expected"),
    [
        (A, "trial", f"clinicaltrials:{A}"), ("ISRCTN99000001", "trial", "ISRCTN:ISRCTN99000001"),
        ("CTRI/2099/01/000001", "trial", "CTRI:CTRI/2099/01/000001"), ("7", "publication", "PMID:7"),
        ("7", "trial", "PMID:7"), ("PMC99", "publication", "PMC:PMC99"), ("10.1/a b", "publication", "doi:10.1/a%20b"),
        ("CD999999", "review", "trialpanorama:CD999999"), ("country:Côte_d'Ivoire", "country",
         "trialpanorama:country%3AC%C3%B4te_d%27Ivoire"), ("MESH:D1", "condition", "MESH:D1"),
        ("UniProtKB:P1", "target", "UniProtKB:P1"), ("target:a|b", "target", "trialpanorama:target%3Aa%7Cb"),
        ("CHEMBL.COMPOUND:CHEMBL25", "drug", "CHEMBL.COMPOUND:CHEMBL25"),
    ],
)  # fmt: skip
def test_curies(id: str, type: str, expected: str) -> None:
    assert curie(id, type) == expected
    assert _CURIE.fullmatch(expected)


def test_neo4j_files_have_the_headers_of_its_importer(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    counts = export_graph(con, tmp_path / "n", "neo4j")
    nodes, edges = read(tmp_path / "n" / "nodes.csv", ","), read(tmp_path / "n" / "edges.csv", ",")
    assert {"id:ID", ":LABEL"} <= nodes[0].keys()
    assert {":START_ID", ":END_ID", ":TYPE", "score:double"} <= edges[0].keys()
    assert (len(nodes), len(edges)) == (counts["nodes"], counts["edges"])
    ids = {node["id:ID"] for node in nodes}
    assert len(ids) == len(nodes)
    assert {edge[end] for edge in edges for end in (":START_ID", ":END_ID")} <= ids
    assert {edge[":TYPE"] for edge in edges} == {
        "STUDIES_CONDITION",
        "RECRUITS_IN",
        "TESTS_DRUG",
        "NAMES_ID_OF",
        "MENTIONS_ID_OF",
    }
    assert next(node["name"] for node in nodes if node["id:ID"] == B) == "Zarvolimab again & <again>"


@pytest.mark.parametrize("format", ["parquet", "graphml", "kgx", "neo4j"])
def test_the_same_graph_gives_the_same_bytes(con: duckdb.DuckDBPyConnection, tmp_path: Path, format: Any) -> None:
    export_graph(con, tmp_path / "one", format)
    con.execute("CREATE TABLE turned AS SELECT * FROM relations ORDER BY hash(head_id)")
    con.execute("DROP TABLE relations")
    con.execute("ALTER TABLE turned RENAME TO relations")
    export_graph(con, tmp_path / "two", format)
    for path in sorted((tmp_path / "one").iterdir()):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_an_export_goes_into_a_new_folder_in_a_known_format(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("here already")
    with pytest.raises(UserError, match="not an empty folder"):
        export_graph(con, tmp_path, "kgx")
    with pytest.raises(UnknownName, match="graphml"):
        export_graph(con, tmp_path / "y", "graphm")  # type: ignore[arg-type]
    assert not (tmp_path / "y").exists()


def test_a_search_for_paths_is_bounded(con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "MOST_VISITED", 1)
    assert paths(con, "7", C, max_length=6) == []
