"""Where trials, papers and reviews stand: no trial, review or included study on two sides."""

from __future__ import annotations

import datetime
from typing import Any

import duckdb

from tests.handmade import HandTrial, connection, many_trials
from trialpanorama.tasks import SPLITS
from trialpanorama.tasks._splits import held_back, split_all, undated
from trialpanorama.tasks._strata import strata
from trialpanorama.tasks._trials import trials


def _insert(con: duckdb.DuckDBPyConnection, table: str, **row: Any) -> None:
    columns = ", ".join(f'"{name}"' for name in row)
    con.execute(f'INSERT INTO "{table}" ({columns}) VALUES ({", ".join("?" * len(row))})', list(row.values()))


def _review(con: duckdb.DuckDBPyConnection, review: str, until: str | None, included: dict[str, list[str]]) -> None:
    date = datetime.date.fromisoformat(until) if until else None
    _insert(con, "reviews", review_id=review, title=f"On {review}", search_until_date=date)
    for paper, studies in included.items():
        _insert(con, "review_studies", review_id=review, report_id=paper, study_ids=studies, decision="INCLUDED")


def _paper(con: duckdb.DuckDBPyConnection, paper: str, date: str | None = None, reports: str | None = None) -> None:
    day = datetime.date.fromisoformat(date) if date else None
    _insert(con, "papers", paper_id=paper, title=f"Paper {paper}", first_published_date=day)
    if reports:
        _insert(con, "paper_links", paper_id=paper, study_id=reports, is_accepted=True)


def _sides(con: duckdb.DuckDBPyConnection, table: str, key: str) -> dict[str, str]:
    split_all(con)
    return dict(con.execute(f"SELECT {key}, split FROM {table}").fetchall())


def _ten_reviews(con: duckdb.DuckDBPyConnection) -> None:
    """REV-0 (oldest) to REV-9, each with a paper of its own; all share the paper `common`."""
    _paper(con, "common")
    for number in range(10):
        _paper(con, f"own-{number}")
        _review(con, f"REV-{number}", f"{2010 + number}-01-01", {f"own-{number}": [], "common": []})


def test_reviews_are_cut_by_date_and_what_they_include_goes_with_the_latest_of_them() -> None:
    con = connection(many_trials(60))
    _ten_reviews(con)
    sides = _sides(con, "review_splits", "review_id")
    assert [sides[f"REV-{n}"] for n in range(10)] == ["train"] * 7 + ["validation"] + ["test"] * 2
    papers = _sides(con, "paper_splits", "paper_id")
    assert {n: papers[f"own-{n}"] for n in range(10)} == {n: sides[f"REV-{n}"] for n in range(10)}
    assert papers["common"] == "test"


def test_a_trial_that_a_test_review_includes_makes_no_training_sample() -> None:
    many = many_trials(60)
    con = connection(many)
    _ten_reviews(con)
    early = min(many, key=lambda trial: trial.registered)
    late = max(many, key=lambda trial: trial.registered)
    _paper(con, "early-paper", reports=early.study_id)
    _insert(con, "review_studies", review_id="REV-9", report_id="early-paper", study_ids=[], decision="INCLUDED")
    _insert(con, "review_studies", review_id="REV-0", report_id=None, study_ids=[late.study_id], decision="INCLUDED")
    _paper(con, "late-paper", "2001-01-01", reports=late.study_id)
    papers = _sides(con, "paper_splits", "paper_id")
    assert papers["early-paper"] == "test"
    assert papers["late-paper"] == "test", "a report stands where its trial does, whatever its date"
    used = {trial.study_id for split in SPLITS for trial in trials(con, split)}
    assert early.study_id not in used
    assert late.study_id in used, "a review of an earlier split does not take a trial out of the test"
    assert held_back(con) == 1


def test_a_review_of_which_too_little_is_indexed_ties_nothing() -> None:
    con = connection(many_trials(60))
    _ten_reviews(con)
    _paper(con, "lonely", "2000-01-01")
    _paper(con, "later", "2001-01-01")
    _review(con, "REV-X", "2030-01-01", {"lonely": [], "not-here-1": [], "not-here-2": []})
    split_all(con)
    usable = dict(con.execute("SELECT review_id, is_usable FROM review_splits").fetchall())
    assert not usable["REV-X"]
    assert all(usable[f"REV-{n}"] for n in range(10))
    assert _sides(con, "paper_splits", "paper_id")["lonely"] == "train"


def test_a_review_without_dates_takes_that_of_its_newest_paper() -> None:
    con = connection(many_trials(30))
    _ten_reviews(con)
    _paper(con, "dated", "2014-06-01")
    _review(con, "REV-D", None, {"dated": []})
    split_all(con)
    assert con.execute("SELECT date FROM review_splits WHERE review_id = 'REV-D'").fetchall() == [("2014-06-01",)]


def test_a_paper_that_names_many_trials_joins_none() -> None:
    many = many_trials(60)
    con = connection(many)
    _paper(con, "overview", "1999-01-01")
    for trial in many[:20]:
        _insert(con, "paper_links", paper_id="overview", study_id=trial.study_id, is_accepted=True)
    split_all(con)
    assert con.execute("SELECT group_id FROM paper_splits").fetchall() == [("overview",)]


def test_places_count_from_one_within_a_split_whatever_the_order_of_rows() -> None:
    found = []
    for many in (many_trials(60), many_trials(60)[::-1]):
        con = connection(many)
        split_all(con)
        found.append(con.execute("SELECT study_id, split, place FROM trial_splits ORDER BY split, place").fetchall())
    assert found[0] == found[1]
    for split in SPLITS:
        places = [place for _, side, place in found[0] if side == split]
        assert places == list(range(1, len(places) + 1))


def test_an_undated_trial_stands_in_no_split_and_is_counted() -> None:
    con = connection([*many_trials(30), HandTrial(number=950, studies={"registration_date": None, "start_date": None})])
    assert undated(con) == 1


# --- strata


def test_strata_say_area_phase_rarity_design_and_register() -> None:
    many = [HandTrial(number=i, title="A trial of a thing") for i in range(1, 13)]
    many.append(HandTrial(number=50, title="A decentralised clinical trial of a thing"))
    many.append(HandTrial(number=51, title="A randomised platform trial of a thing", studies={"phase": None}))
    con = connection(many)
    con.execute("UPDATE conditions SET concept_id = 'MESH:X1', depth = 0 WHERE study_id <> 'NCT99000050'")
    con.execute("UPDATE conditions SET concept_id = 'MESH:X2', depth = 0 WHERE study_id = 'NCT99000050'")
    trees = [{"name": "tree_numbers", "value": "C23.888;C04.588.033;C04.2"}]
    _insert(con, "concepts", concept_id="MESH:X1", vocabulary="mesh", attributes=trees)
    found = strata(con)
    assert found["NCT99000001"] == {
        "therapeutic area": "neoplasms",
        "phase": "PHASE2",
        "condition frequency": "11 to 100 trials",
        "design": "other",
        "register": "clinicaltrials_gov",
    }
    assert found["NCT99000050"]["design"] == "decentralised"
    assert found["NCT99000050"]["therapeutic area"] == "unknown"
    assert found["NCT99000050"]["condition frequency"] == "1 to 10 trials"
    assert found["NCT99000051"]["design"] == "platform"
    assert found["NCT99000051"]["phase"] == "unknown"
