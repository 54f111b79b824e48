"""Registrations that no id links."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import duckdb
import pytest

from trialpanorama.record import Identifier, Intervention, PartialDate, Record, Sponsor
from trialpanorama.resolve import NEAR_MISSES
from trialpanorama.resolve.model import model

Study = Callable[..., Record]
Resolved = Callable[..., duckdb.DuckDBPyConnection]
NCT, SECOND, DRKS, EUCTR = "NCT99000001", "NCT99000002", "DRKS99000001", "2090-000001-10"
LINKS = """SELECT id_a, id_b, method, is_accepted, reason FROM trial_links
           WHERE method IN ('title', 'similar') ORDER BY score DESC, id_a, id_b"""


@pytest.fixture
def nct(study: Study) -> Record:
    return study(NCT, "clinicaltrials_gov")


def test_two_that_say_the_same_are_one_study_with_the_weights_that_say_so(
    resolved: Resolved, study: Study, crowd: list[Record], nct: Record
) -> None:
    con = resolved([nct, study(DRKS, "drks", enrollment_target=125), *crowd])
    ((a, b, method, accepted, reason, score, evidence),) = con.execute(
        "SELECT id_a, id_b, method, is_accepted, reason, score, evidence FROM trial_links"
    ).fetchall()
    assert (a, b, method, accepted, reason) == (NCT, DRKS, "title", True, None)
    by_field = {row["field"]: row for row in evidence}
    assert by_field["size"] == {
        "field": "size", "value_a": "120", "value_b": "125", "weight": model().weight("size", "near"),
    }  # fmt: skip
    bits = sum(row["weight"] for row in evidence)
    assert score == pytest.approx(1 / (1 + 2**-bits))
    assert score >= model().accept
    assert con.execute("SELECT DISTINCT study_id FROM trial_records WHERE record_id LIKE '%9900000%'").fetchall() == [
        (NCT,)
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"interventions": [Intervention("Quenolast")], "scientific_title": "A randomised placebo controlled study of "
         "quenolast in adults with glowing fever", "public_title": "Quenolast for glowing fever in Fictionland"},
        {"enrollment_target": 4_000, "start_date": PartialDate("2096"), "sponsors": [Sponsor("Humming Society")],
         "outcomes": []},
        {"scientific_title": "An open extension of zarvolimab in adults with glowing fever: long-term follow-up study",
         "public_title": "Zarvolimab extension study", "start_date": PartialDate("2091-06"), "enrollment_target": 80},
    ],
    ids=["other drug", "another study of the same name", "extension"],
)  # fmt: skip
def test_siblings_are_two_studies_and_may_be_seen_as_near_misses(
    resolved: Resolved, study: Study, crowd: list[Record], nct: Record, changes: dict[str, Any]
) -> None:
    con = resolved([nct, study(DRKS, "drks", **changes), *crowd])
    assert con.execute("SELECT count(*) FROM trial_links WHERE is_accepted").fetchall() == [(0,)]


def test_of_two_sisters_in_one_register_the_better_is_taken(
    resolved: Resolved, study: Study, crowd: list[Record], nct: Record
) -> None:
    sister = study(
        SECOND, "clinicaltrials_gov", enrollment_target=900, start_date=PartialDate("2090-09"),
        public_title="Zarvolimab for glowing fever in Nowhereland",
    )  # fmt: skip
    con = resolved([nct, sister, study(DRKS, "drks"), *crowd])
    accepted = [row[:2] for row in con.execute(LINKS).fetchall() if row[3]]
    assert accepted == [(NCT, DRKS)]


def test_two_that_are_equally_like_leave_it_open(
    resolved: Resolved, study: Study, crowd: list[Record], nct: Record
) -> None:
    con = resolved([nct, study(SECOND, "clinicaltrials_gov"), study(DRKS, "drks"), *crowd])
    assert [row[2:] for row in con.execute(LINKS).fetchall()] == [("title", False, "ambiguous_match")] * 2


def test_an_id_settles_what_likeness_leaves_open(
    resolved: Resolved, study: Study, crowd: list[Record], nct: Record
) -> None:
    named = study(SECOND, "clinicaltrials_gov", Identifier(DRKS, "drks"))
    euctr = study(f"{EUCTR}-DE", "euctr")
    con = resolved([nct, named, study(DRKS, "drks"), euctr, *crowd])
    links = {(a, b): reason for a, b, _, _, reason in con.execute(LINKS).fetchall()}
    assert links[NCT, DRKS] == "same_register"  # it has an id-link to another of that register
    assert con.execute("SELECT is_accepted FROM trial_links WHERE method = 'secondary_id'").fetchall() == [(True,)]


def test_near_misses_are_kept_but_not_all(resolved: Resolved, study: Study, crowd: list[Record], nct: Record) -> None:
    def miss(number: int) -> Record:
        return study(
            f"DRKS990002{number:02d}", "drks", enrollment_target=800 + 100 * number, outcomes=[],
            scientific_title=f"Zarvolimab in glowing fever, site {number}", sponsors=[],
        )  # fmt: skip

    con = resolved([nct, *map(miss, range(2 * NEAR_MISSES)), *crowd])
    ((kept, reasons),) = con.execute(
        "SELECT count(*), list(DISTINCT reason) FROM trial_links WHERE NOT is_accepted AND id_a = ?", [NCT]
    ).fetchall()
    assert kept == NEAR_MISSES
    assert set(reasons) <= {"too_little_evidence", "ambiguous_match"}


def test_the_outcome_does_not_depend_on_the_order_of_records(
    resolved: Resolved, study: Study, crowd: list[Record], nct: Record
) -> None:
    records = [
        nct, study(SECOND, "clinicaltrials_gov", enrollment_target=60), study(DRKS, "drks", sponsors=[]),
        study(f"{EUCTR}-DE", "euctr", public_title="Zarvolimab bei Glimmfieber"), study(f"{EUCTR}-ES", "euctr"),
        study("ISRCTN99000001", "isrctn", start_date=PartialDate("2090")), *crowd,
    ]  # fmt: skip
    expected = resolved(records).execute("FROM trial_links").fetchall()
    assert len(expected) > 3
    for seed in (1, 2):
        random.Random(seed).shuffle(records)
        assert resolved(records, seed=seed).execute("FROM trial_links").fetchall() == expected
