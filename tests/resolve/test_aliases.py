"""Old trial ids over rebuilds; a person's overrides; what registers disagree on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from trialpanorama.record import Country, Identifier, PartialDate, Record
from trialpanorama.resolve.overrides import Override

Study = Callable[..., Record]
Resolved = Callable[..., duckdb.DuckDBPyConnection]
NCT, ISRCTN, DRKS = "NCT99000001", "ISRCTN99000001", "DRKS99000001"
OTHER: dict[str, Any] = {"public_title": "Quenolast for the humming knee", "scientific_title": None, "sponsors": [],
         "interventions": [], "conditions": [], "outcomes": [], "start_date": None, "enrollment_target": 7}  # fmt: skip
ALIASES = "SELECT old_study_id, study_id, change, records_moved FROM trial_aliases"
SAME = [Override(ISRCTN, DRKS, True, "told by the sponsor", "overrides.txt, line 1")]


def test_ids_lead_on_over_merges_splits_and_new_names(resolved: Resolved, study: Study, tmp_path: Path) -> None:
    isrctn, drks = study(ISRCTN, "isrctn"), study(DRKS, "drks", **OTHER)
    assert resolved([isrctn, drks], "first").execute(ALIASES).fetchall() == []

    merged = resolved([isrctn, drks], "second", previous="first", overrides=SAME)
    assert merged.execute(ALIASES).fetchall() == [(DRKS, ISRCTN, "merged", 1)]

    nct = study(NCT, "clinicaltrials_gov", Identifier(ISRCTN, "isrctn"))
    renamed = resolved([isrctn, drks, nct], "third", previous="second", overrides=SAME)
    assert renamed.execute(ALIASES).fetchall() == [(DRKS, NCT, "merged", 1), (ISRCTN, NCT, "renamed", 2)]

    again = resolved([isrctn, drks, nct], "fourth", previous="third", overrides=SAME)
    assert again.execute(ALIASES).fetchall() == renamed.execute(ALIASES).fetchall()

    split = resolved([isrctn, drks, nct], "fifth", previous="fourth")
    assert split.execute(ALIASES).fetchall() == [(ISRCTN, NCT, "renamed", 2), (NCT, DRKS, "split", 1)]
    assert split.execute("SELECT DISTINCT study_id FROM trial_records ORDER BY 1").fetchall() == [(DRKS,), (NCT,)]


def test_a_trial_whose_records_were_replaced_is_found_by_its_own_id(resolved: Resolved, study: Study) -> None:
    resolved([study(ISRCTN, "isrctn", record_id="old")], "first")
    nct = study(NCT, "clinicaltrials_gov", Identifier(ISRCTN, "isrctn"))
    con = resolved([study(ISRCTN, "isrctn", record_id="new"), nct], "second", previous="first")
    assert con.execute(ALIASES).fetchall() == [(ISRCTN, NCT, "renamed", 0)]


def test_the_same_inputs_give_the_same_ids_whatever_was_before(resolved: Resolved, study: Study) -> None:
    records = [study(ISRCTN, "isrctn"), study(DRKS, "drks", **OTHER)]
    resolved(records, "merged", overrides=SAME)
    sql = "FROM trial_records"
    fresh = resolved(records, "fresh").execute(sql).fetchall()
    assert resolved(records, "after", previous="merged").execute(sql).fetchall() == fresh


def test_an_override_makes_a_merge_that_nothing_else_would(resolved: Resolved, study: Study) -> None:
    con = resolved([study(ISRCTN, "isrctn"), study(DRKS, "drks", **OTHER)], overrides=SAME)
    sql = (
        "SELECT method, is_accepted, evidence[1].field, evidence[1].value_a FROM trial_links WHERE method = 'override'"
    )
    assert con.execute(sql).fetchall() == [("override", True, "override", "told by the sponsor")]


def test_an_override_undoes_a_merge_also_through_others(resolved: Resolved, study: Study) -> None:
    records = [
        study(NCT, "clinicaltrials_gov", Identifier(ISRCTN, "isrctn"), Identifier(DRKS, "drks")),
        study(ISRCTN, "isrctn", Identifier(DRKS, "drks"), Identifier(NCT, "clinicaltrials_gov")), study(DRKS, "drks"),
    ]  # fmt: skip
    apart = [Override(DRKS, NCT, False)]
    con = resolved(records, overrides=apart)
    assert con.execute("SELECT DISTINCT study_id FROM trial_records ORDER BY 1").fetchall() == [(DRKS,), (NCT,)]
    refused = con.execute("SELECT id_a, id_b, method, reason FROM trial_links WHERE NOT is_accepted ORDER BY ALL")
    assert refused.fetchall() == [
        (ISRCTN, DRKS, "secondary_id", "override"),
        (NCT, DRKS, "override", "override"),
        (NCT, DRKS, "secondary_id", "override"),
    ]


def test_an_override_of_an_id_that_no_record_has_is_told(resolved: Resolved, study: Study) -> None:
    told: list[str] = []
    con = resolved([study(ISRCTN, "isrctn")], overrides=SAME, warn=told.append)
    assert told == [f"overrides.txt, line 1: no Record here has the id {DRKS}, so that the line changes nothing."]
    assert con.execute("SELECT count(*) FROM trial_links").fetchall() == [(0,)]


def test_disagreements_name_both_values_and_forgive_precision(resolved: Resolved, study: Study) -> None:
    nct = study(
        NCT, "clinicaltrials_gov", Identifier(DRKS, "drks"), status="COMPLETED", start_date=PartialDate("2090-03"),
        countries=[Country("Spain"), Country("France")],
    )  # fmt: skip
    drks = study(
        DRKS, "drks", status="RECRUITING", start_date=PartialDate("2090-03-01"), phases=[], enrollment_target=99,
        countries=[Country("France"), Country("Spain")], last_updated_date=PartialDate("2005"),
    )  # fmt: skip
    old = study(DRKS, "drks", record_id="old", status="WITHDRAWN", last_updated_date=PartialDate("2001"))
    con = resolved([nct, drks, old])
    rows = con.execute("SELECT study_id, field, number_of_values, said, source FROM disagreements").fetchall()
    assert [(row[0], row[1], row[2]) for row in rows] == [(NCT, "enrollment_target", 2), (NCT, "status", 2)]
    assert rows[1][3] == [
        {"says": "COMPLETED", "said_by": "clinicaltrials_gov", "record_id": f"clinicaltrials_gov:{NCT}"},
        {"says": "RECRUITING", "said_by": "drks", "record_id": f"drks:{DRKS}"},
    ]
    assert rows[1][4] == "clinicaltrials_gov; ictrp"
