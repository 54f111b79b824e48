"""Codes that other registrations explain. All names of trials and codes are made up."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest

from trialpanorama.link import _found_rows
from trialpanorama.link._links import Link
from trialpanorama.link.codes import explain_codes

CODE = Link(0, 6, "QZX-12", None, "code", 0.0, kind="drug")
METFORMIN = Link(0, 9, "metformin", "DRUGBANK:DB00331", "exact", 1.0, "Metformin", kind="drug")
LISINOPRIL = Link(0, 10, "lisinopril", "DRUGBANK:DB00722", "exact", 1.0, "Lisinopril", kind="drug")
BIGUANIDES = Link(0, 10, "biguanides", "MESH:D001645", "exact", 1.0, "Biguanides", kind="drug")
BESIDE = Link(11, 17, "QZX 12", "DRUGBANK:DB00331", "context", 0.85, "Metformin", kind="drug")

Said = tuple[str, str, str | None, list[Link]]


def explained(*said: Said) -> tuple[str | None, str, float, str | None, str | None]:
    """Concept, method, score, name and study of the code of the first entry (study, text, hint, links)."""
    con = duckdb.connect()
    found = _found_rows("drug", [(text, hint, links) for _, text, hint, links in said])
    entries = pa.table(
        {"study_id": [s for s, *_ in said], "text": [t for _, t, *_ in said], "hint": [s[2] for s in said]}
    )
    con.register("rows", found)
    con.register("entries", entries)
    con.execute("CREATE TEMP TABLE found AS SELECT DISTINCT ON (said, hint, part) * FROM rows")
    con.execute("CREATE TEMP TABLE said_interventions AS FROM entries")
    explain_codes(con)
    row = con.execute(
        "SELECT concept_id, method, score, matched, qualifier FROM found WHERE text = 'QZX-12'"
    ).fetchone()
    assert row is not None
    return row


ALONE: Said = ("T1", "QZX-12", "DRUG", [CODE])
OTHER: Said = ("T2", "metformin", "DRUG\nGlucophage\nqzx12", [METFORMIN])
BRACKETS: Said = ("T3", "metformin (QZX 12)", None, [METFORMIN, BESIDE])


@pytest.mark.parametrize(("by", "study"), [(OTHER, "T2"), (BRACKETS, "T3")])
def test_a_code_is_the_drug_that_another_registration_calls_so(by: Said, study: str) -> None:
    assert explained(ALONE, by) == ("DRUGBANK:DB00331", "registered", 0.8, "Metformin", study)


def test_a_code_that_several_registrations_explain_is_surer() -> None:
    again: Said = ("T4", *OTHER[1:])
    assert explained(ALONE, again, OTHER, BRACKETS) == ("DRUGBANK:DB00331", "registered", 0.9, "Metformin", "T2")


@pytest.mark.parametrize(
    "others",
    [
        [],
        [("T2", "metformin", "DRUG\nqzx13", [METFORMIN])],
        [OTHER, ("T3", "lisinopril", "DRUG\nQZX-12", [LISINOPRIL])],
        [("T2", "metformin + lisinopril", "DRUG\nQZX-12", [METFORMIN, LISINOPRIL])],
        [("T2", "biguanides", "DRUG\nQZX-12", [BIGUANIDES])],
    ],
    ids=["nobody", "another code", "two disagree", "two drugs", "a group"],
)
def test_a_code_that_nobody_explains_or_not_alike_stays_unlinked(others: list[Said]) -> None:
    assert explained(ALONE, *others)[:2] == (None, "code")
