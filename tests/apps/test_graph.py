"""What the commands of the graph say, over a small warehouse made by hand."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import duckdb
import msgspec
import pytest

from trialpanorama.apps.graph import (
    export_facts,
    export_text,
    neighbours_facts,
    neighbours_text,
    overdue_facts,
    overdue_text,
    paths_facts,
    paths_text,
)
from trialpanorama.warehouse import Warehouse

A, B = "NCT99000001", "NCT99000002"


class HandMade(SimpleNamespace):
    """What the commands need of a warehouse."""

    def connect(self) -> duckdb.DuckDBPyConnection:
        return duckdb.connect(str(self.path), read_only=True)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    path = tmp_path / "hand.duckdb"
    with duckdb.connect(str(path)) as con:
        con.execute(f"""
            CREATE TABLE studies AS SELECT *, 'registration' AS kind, 'INTERVENTIONAL' AS trial_type,
                    'COMPLETED' AS recruitment_status, NULL::DATE AS start_date, DATE '2015-01-01' AS completion_date,
                    NULL::DATE AS primary_completion_date, NULL::VARCHAR AS primary_completion_date_type,
                    'ACTUAL' AS completion_date_type, NULL::DATE AS results_posted_date, ['r'] AS record_ids,
                    'Fictional Co' AS sponsor, 'INDUSTRY' AS lead_sponsor_class, true AS is_open
                FROM (VALUES ('{A}', 'Zarvolimab in fever', NULL), ('{B}', 'Zarvolimab again', true))
                    t(study_id, title, has_results);
            CREATE TABLE records AS SELECT 'r' AS record_id, {{'date': '2020-01-01'}} AS exported_date,
                {{'date': '2014-01-01'}} AS last_updated_date;
            CREATE TABLE paper_links AS SELECT '7' AS paper_id, '{A}' AS study_id, 'databank' AS method,
                true AS is_accepted, NULL::VARCHAR AS reason, 'protocol' AS paper_type;
            CREATE TABLE papers AS SELECT '7' AS paper_id, 'A protocol' AS title, true AS is_open;
            CREATE TABLE reviews (review_id VARCHAR, title VARCHAR, is_open BOOLEAN);
            CREATE TABLE review_studies (review_id VARCHAR, study_ids VARCHAR[], decision VARCHAR);
            CREATE TABLE identifiers (study_id VARCHAR, id VARCHAR, role VARCHAR);
            CREATE TABLE concepts AS SELECT 'DRUGBANK:DB1' AS concept_id, 'Zarvolimab' AS name, ['Zarvolimab'] AS names,
                true AS is_open;
            CREATE TABLE sponsors (sponsor_id VARCHAR, normalized_name VARCHAR, is_open BOOLEAN);
            CREATE TABLE drug_moa (accession VARCHAR, target_name VARCHAR, is_open BOOLEAN);
            CREATE TABLE relations AS SELECT head AS head_id, type AS head_type, tail AS tail_id, tail_type,
                    relation AS relation_type, 'exact' AS method, score::DOUBLE AS score, DATE '2014-05-06' AS date,
                    [{{'field': 'f', 'id': 'said', 'record_id': 'r'}}] AS evidence, 'r' AS record_id, 'ctg' AS source,
                    'free' AS licence, is_open
                FROM (VALUES ('{A}', 'trial', 'DRUGBANK:DB1', 'drug', 'tests_drug', 0.8, true),
                    ('{B}', 'trial', 'DRUGBANK:DB1', 'drug', 'tests_drug', 1.0, true),
                    ('7', 'publication', '{A}', 'trial', 'names_id_of', 0.98, false))
                    t(head, type, tail, tail_type, relation, score, is_open)""")
    made = HandMade(path=path, snapshot="abc", manifest=SimpleNamespace(is_fictional=True))
    return cast(Warehouse, made)


def as_json(facts: dict[str, Any]) -> Any:
    return json.loads(msgspec.json.encode(facts))


def test_neighbours(warehouse: Warehouse) -> None:
    facts = as_json(neighbours_facts(warehouse, A, limit=1))
    assert {"snapshot", "is_fictional", "node", "total", "by_relation", "neighbours"} <= facts.keys()
    assert facts["neighbours"][0]["node"] == {"id": "7", "type": "publication", "name": "A protocol"}
    assert facts["neighbours"][0]["edge"]["date"] == "2014-05-06"
    text = neighbours_text(facts)
    for words in (f"{A} (trial) Zarvolimab in fever", "FICTIONAL", "< names_id_of", "0.980", "first 1 of 2"):
        assert words in text


def test_neighbours_that_share_something(warehouse: Warehouse) -> None:
    facts = as_json(neighbours_facts(warehouse, A, share="drug"))
    assert (facts["total"], facts["trials"][0]["trial"]["id"]) == (1, B)
    assert "Zarvolimab again" in neighbours_text(facts)
    none = as_json(neighbours_facts(warehouse, A, share="review"))
    assert "0 other trials share a review" in neighbours_text(none)


def test_paths(warehouse: Warehouse) -> None:
    facts = as_json(paths_facts(warehouse, "7", B))
    assert [node["id"] for node in facts["paths"][0]["nodes"]] == ["7", A, "DRUGBANK:DB1", B]
    lines = paths_text(facts).splitlines()
    assert lines[-4:] == [
        "   7 (publication) A protocol",
        f"   --names_id_of-> {A} (trial) Zarvolimab in fever",
        "   --tests_drug-> DRUGBANK:DB1 (drug) Zarvolimab",
        f"   <-tests_drug-- {B} (trial) Zarvolimab again",
    ]
    assert "--max-length" in paths_text(as_json(paths_facts(warehouse, "7", B, max_length=2)))


def test_export(warehouse: Warehouse, tmp_path: Path) -> None:
    facts = as_json(export_facts(warehouse, "kgx", tmp_path / "out"))
    assert (facts["nodes"], facts["edges"], facts["files"]) == (3, 2, ["edges.tsv", "nodes.tsv"])
    assert "1 edges were left out" in export_text(facts)
    every = export_facts(warehouse, "kgx", tmp_path / "all", include_restricted=True)
    assert (every["edges"], every["edges_left_out"]) == (3, 0)
    assert "left out" not in export_text(every)


def test_overdue(warehouse: Warehouse) -> None:
    facts = as_json(overdue_facts(warehouse))
    assert {"rule", "months", "until", "total", "trials"} <= facts.keys()
    assert (facts["until"], facts["total"], facts["trials"][0]["study_id"]) == ("2020-01-01", 1, A)
    text = overdue_text(facts)
    for words in ("more than 12 months", "not a legal finding", "protocol 1", "INDUSTRY 1", "FICTIONAL"):
        assert words in text
    cut = overdue_text(as_json(overdue_facts(warehouse, limit=0)))
    assert "the 0 longest overdue" in cut
