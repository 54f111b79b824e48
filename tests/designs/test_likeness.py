"""Trials that are like a draft, and how those were designed, on trials made by hand."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest

from tests import handmade
from tests.handmade import HandTrial
from trialpanorama.designs import WEIGHTS, Draft, DraftIntervention, Similar, record_of, similar, summary
from trialpanorama.record import Record
from trialpanorama.tables import TABLES
from trialpanorama.warehouse import Warehouse, arrow_schema, write_parquet


def _concept(id: str, kind: str, *names: str) -> dict[str, Any]:
    return {"concept_id": id, "name": names[0], "names": list(names), "kind": kind}


CONCEPTS = [
    _concept("C:LUNG", "condition", "Lung trouble"),
    _concept("C:AMBER", "condition", "Amber Lung", "Lungs, amber"),
    _concept("C:FOG", "condition", "Fog Lung"),
    _concept("C:EAR", "condition", "Restless Ear Syndrome", "Amber"),
    _concept("D:MAB", "drug", "Imaginary antibodies"),
    _concept("D:FIC", "drug", "Fictumab", "FIC-17"),
    _concept("D:GIN", "drug", "Imaginast"),
    _concept("D:EXA", "drug", "Examplinib"),
    _concept("D:MG", "drug", "Magnesium", "mg"),
]
ABOVE = {"C:AMBER": "C:LUNG", "C:FOG": "C:LUNG", "D:FIC": "D:MAB", "D:GIN": "D:MAB"}
NAMES = {one["name"]: one["concept_id"] for one in CONCEPTS}

TRIALS = [
    HandTrial(number=1, title="Fictumab in Amber Lung", conditions=("Amber Lung",), also=("ISRCTN99000001",),
              completed="2016-03-01", registered="2015-03-01",
              studies={"enrollment_actual": 80, "primary_completion_date": datetime.date(2016, 1, 1),
                       "results_posted_date": datetime.date(2017, 5, 1), "has_results": True,
                       "number_of_locations": 4}),
    HandTrial(number=2, title="Imaginast in Amber Lung", conditions=("Amber Lung",), drug="Imaginast",
              status="TERMINATED", why_stopped="Slow accrual", completed="2018-01-01", registered="2016-03-01",
              studies={"enrollment_actual": 10}),
    HandTrial(number=3, title="Examplinib in Fog Lung", conditions=("Fog Lung",), drug="Examplinib",
              completed="2019-03-01", registered="2018-03-01",
              studies={"phases": ["PHASE3"], "enrollment_actual": 400, "number_of_arms": 4}),
    HandTrial(number=4, title="Examplinib in Restless Ear Syndrome", conditions=("Restless Ear Syndrome",),
              drug="Examplinib", registered="2012-01-01", status="WITHDRAWN", studies={"enrollment_actual": 0}),
    HandTrial(number=5, title="Fictumab in Restless Ear Syndrome", conditions=("Restless Ear Syndrome",),
              registered="2014-01-01", status="RECRUITING"),
    *(HandTrial(number=number, title=f"Lamps {number}", conditions=("Darkness",), drug="Lamp")
      for number in range(10, 20)),
    *(HandTrial(number=number, title="Silence", conditions=("Restless Ear Syndrome",), drug="Silence")
      for number in range(47, 39, -1)),
]  # fmt: skip


def _mentions(trial: HandTrial) -> list[dict[str, Any]]:
    said = [("conditions", "condition", name) for name in trial.conditions] + [("interventions", "drug", trial.drug)]
    found = [
        {"study_id": trial.study_id, "field": field, "kind": kind, "text": text, "concept_id": NAMES[text],
         "position": 1, "part": 1, "is_negated": False}
        for field, kind, text in said if text in NAMES
    ]  # fmt: skip
    return found + [
        {"study_id": trial.study_id, "field": "outcomes", "kind": "endpoint", "position": 1, "part": 1,
         "text": "fever score", "matched": "Fever Score", "concept_id": "COMET:1"}
        for _ in trial.primary if "fever score" in trial.primary[0]
    ]  # fmt: skip


def _criterion(trial: int, is_inclusion: bool, kind: str, text: str, **more: Any) -> dict[str, Any]:
    return {"study_id": f"NCT99{trial:06d}", "is_inclusion": is_inclusion, "kind": kind, "text": text,
            "position": 1, "part": 1, **more}  # fmt: skip


ROWS = {
    "concepts": CONCEPTS,
    "concept_ancestors": [
        {"concept_id": below, "ancestor_id": above, "ancestor_name": above, "depth": 1}
        for below, above in ABOVE.items()
    ],
    "mentions": [row for trial in TRIALS for row in _mentions(trial)],
    "criteria": [
        _criterion(1, True, "age", "Adults of 18 years or more", entity="years", low=18.0, unit="a"),
        _criterion(2, True, "age", "From 40 to 60 years", entity="age", low=40.0, high=60.0, unit="a"),
        _criterion(3, True, "age", "At least 24 months", low=24.0, unit="mo"),
        _criterion(1, False, "measurement", "Creatinine above 2", concept_name="Creatinine", low=2.0, unit="mg/dL"),
        _criterion(2, False, "measurement", "Creatinine over 3 mg/dL at screening", concept_name="Creatinine",
                   low=3.0, unit="mg/dL"),
        _criterion(3, True, "measurement", "Creatinine of 1", concept_name="Creatinine", high=1.0, unit="mg/dL"),
        _criterion(3, False, "other", "Whatever"),
    ],
    "results": [
        {"study_id": f"NCT99{trial:06d}", "endpoint_type": "PRIMARY", "p_value": p, "p_value_inequality": sign,
         "non_inferiority_type": kind}
        for trial, p, sign, kind in (
            (1, 0.01, "=", None), (1, 0.05, "<", "SUPERIORITY"),
            (2, 0.4, "=", "SUPERIORITY_OR_OTHER"),
            (3, 0.01, "=", None), (3, 0.2, "=", None),
            (4, 0.4, "=", "NON_INFERIORITY"),
        )
    ],
}  # fmt: skip


def _put(warehouse: Path, rows: dict[str, list[dict[str, Any]]]) -> None:
    """Fill tables that trials made by hand leave empty."""
    for table in TABLES:
        if table.name in rows:
            with duckdb.connect() as con:
                columns = ", ".join(f'"{column.name}" {column.type}' for column in table.columns)
                con.execute(f"CREATE TABLE made ({columns})")
                for row in rows[table.name]:
                    names = ", ".join(row)
                    con.execute(
                        f"INSERT INTO made ({names}) VALUES ({', '.join('?' for _ in row)})", list(row.values())
                    )
                con.execute(f"COPY made TO '{warehouse / 'tables' / table.name}.parquet' (FORMAT parquet)")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    folder = tmp_path_factory.mktemp("designs") / "warehouse"
    opened = handmade.warehouse(folder, TRIALS, snapshot="designs")
    _put(folder, ROWS)
    return opened


def _draft(conditions: Sequence[str], interventions: Sequence[str], **more: Any) -> Record:
    given = [DraftIntervention(name=name, type="DRUG") for name in interventions]
    return record_of(Draft(conditions=list(conditions), interventions=given, **more))


AMBER = _draft(["Amber Lung"], ["Fictumab 150 mg"], phases=["PHASE2"])


def _numbers(found: Iterable[Similar]) -> list[int]:
    return [int(one.study_id[5:]) for one in found]


def test_the_nearest_trials_come_first_by_what_they_share(made: Warehouse) -> None:
    found = similar(made, AMBER)
    assert _numbers(found)[:2] == [1, 2]
    first, second = found[:2]
    assert (first.shared.conditions, first.shared.interventions) == (["Amber Lung"], ["Fictumab"])
    assert first.shared.parts == {
        "conditions": 1.0, "interventions": 1.0, "phases": 1.0, "study_type": 1.0, "intervention_types": 1.0,
    }  # fmt: skip
    assert first.score == 1.0
    # another antibody: nothing that either says itself, but what stands above both
    assert second.shared.interventions == ["Imaginary antibodies"]
    assert 0 < second.shared.parts["interventions"] < 1
    by_number = dict(zip(_numbers(found), found, strict=True))
    # a sister disease tested with another drug, and the same drug in another disease
    assert by_number[3].shared.conditions == ["Lung trouble"]
    assert by_number[3].shared.parts["phases"] == 0.5
    assert by_number[5].shared.interventions == ["Fictumab"]
    assert 4 not in by_number  # nothing in common
    whole = sum(WEIGHTS[name] for name in second.shared.parts)
    assert second.score == pytest.approx(
        sum(WEIGHTS[name] * value for name, value in second.shared.parts.items()) / whole, abs=2e-4
    )
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


def test_what_became_of_them_is_said(made: Warehouse) -> None:
    found = dict(zip(_numbers(similar(made, AMBER)), similar(made, AMBER), strict=True))
    one = found[1]
    assert (one.status, one.outcome, one.enrollment, one.has_results) == ("COMPLETED", "COMPLETED", 80, True)
    assert one.ids == ["ISRCTN99000001", "NCT99000001"]
    assert one.completion_date == datetime.date(2016, 3, 1)
    assert one.is_fictional
    assert (found[2].status, found[2].why_stopped) == ("TERMINATED", "Slow accrual")
    assert [found[number].primary_endpoint_met for number in (1, 2, 3)] == [True, False, None]
    withdrawn = similar(made, _draft(["Restless Ear Syndrome"], ["Examplinib"]))[0]
    assert _numbers([withdrawn]) == [4]
    assert withdrawn.primary_endpoint_met is None


def test_the_draft_itself_is_never_among_them(made: Warehouse) -> None:
    def without(**more: Any) -> list[int]:
        return _numbers(similar(made, _draft(["Amber Lung"], ["Fictumab"], **more)))

    assert without()[0] == 1
    assert 1 not in without(id="NCT99000001")
    assert 1 not in without(id="ISRCTN99000001")
    assert 1 not in without(public_title="FICTUMAB in Amber  Lung.")
    secondary = msgspec.structs.replace(AMBER, identifiers=[_identifier("NCT99000001", "secondary")])
    assert 1 not in _numbers(similar(made, secondary))
    mentioned = msgspec.structs.replace(AMBER, identifiers=[_identifier("NCT99000001", "mentioned")])
    assert _numbers(similar(made, mentioned))[0] == 1


def _identifier(id: str, role: str) -> Any:
    from trialpanorama.record import Identifier

    return Identifier(id=id, register="clinicaltrials_gov", role=role)


def test_before_a_day_nothing_is_known_that_came_later(made: Warehouse) -> None:
    found = similar(made, AMBER, before="2016-02-01")
    assert _numbers(found) == [1, 5]  # the others were registered later
    one = found[0]
    assert one.registration_date == datetime.date(2015, 3, 1)
    said = (one.status, one.outcome, one.enrollment, one.completion_date, one.has_results, one.primary_endpoint_met)
    assert said == (None,) * 6
    later = similar(made, AMBER, before="2016-04-01")[0]
    assert (later.status, later.enrollment, later.has_results) == ("COMPLETED", 80, None)
    assert similar(made, AMBER, before="2017-06-01")[0].primary_endpoint_met is True


def test_ties_are_divided_by_id_and_the_count_is_kept(made: Warehouse) -> None:
    found = similar(made, _draft(["Restless Ear Syndrome"], []), count=6)
    assert _numbers(found) == [4, 5, 40, 41, 42, 43]
    assert len({one.score for one in found}) == 1
    assert found == similar(made, _draft(["Restless Ear Syndrome"], []), count=6)


def test_words_are_read_by_the_names_of_the_snapshot(made: Warehouse) -> None:
    def about(*names: str) -> list[str]:
        found = similar(made, _draft(names, []), count=1)
        return found[0].shared.conditions if found else []

    assert about("Severe LUNGS, amber in adults") == ["Amber Lung"]
    # the longest name wins: "Amber" alone would be another disease
    assert about("Amber Lung") == ["Amber Lung"]
    assert about("amber") == ["Restless Ear Syndrome"]
    assert about("Something else") == []
    doses = similar(made, _draft([], ["FIC-17 150 mg"]), count=1)[0]
    assert doses.shared.interventions == ["Fictumab"]
    assert similar(made, _draft([], ["150 mg"])) == []  # no magnesium


def test_an_index_adds_words_and_is_not_needed(made: Warehouse, tmp_path: Path) -> None:
    import shutil

    from trialpanorama.search.index import Index

    plain = similar(made, _draft(["Unheard-of illness"], [], public_title="Lamps 17 at home"))
    assert plain == []
    copy = tmp_path / "warehouse"
    shutil.copytree(made.path, copy)
    write_parquet(arrow_schema(Record).empty_table(), copy / "records" / "none.parquet")
    indexed = Warehouse.open(copy)
    Index.open(indexed)
    found = similar(indexed, _draft(["Unheard-of illness"], [], public_title="Lamps 17 at home"))
    assert _numbers(found)[0] == 17
    assert found[0].shared.parts["words"] == 1.0
    assert similar(indexed, AMBER)[0].shared.parts["words"] > 0
    assert 17 not in _numbers(similar(indexed, _draft([], [], public_title="Lamps 17")))  # its own title


# --- summaries


@pytest.fixture(scope="module")
def three(made: Warehouse) -> list[Similar]:
    found = {int(one.study_id[5:]): one for one in similar(made, AMBER)}
    return [found[number] for number in (1, 2, 3)]


def test_figures_are_medians_with_quartiles_and_the_trials_behind_them(made: Warehouse, three: list[Similar]) -> None:
    figures = summary(made, three).figures
    enrolled = figures["enrollment"]
    assert (enrolled.n, enrolled.low, enrolled.median, enrolled.high) == (3, 45.0, 80.0, 240.0)
    assert enrolled.trials == {"NCT99000001": 80.0, "NCT99000002": 10.0, "NCT99000003": 400.0}
    assert figures["enrollment_per_arm"].trials == {"NCT99000001": 40.0, "NCT99000002": 5.0, "NCT99000003": 100.0}
    # stopped trials have no duration that tells how long such a trial takes
    assert {id: round(months, 2) for id, months in figures["duration_months"].trials.items()} == {
        "NCT99000001": round(366 / 30.4375, 2), "NCT99000003": round(365 / 30.4375, 2),
    }  # fmt: skip
    assert figures["accrual_per_month"].trials["NCT99000001"] == pytest.approx(80 / (306 / 30.4375))
    assert (figures["sites"].n, figures["sites"].median) == (1, 4.0)
    assert (figures["maximum_age_years"].n, figures["maximum_age_years"].median) == (0, None)
    assert all(one.meaning and one.unit for one in figures.values())


def test_a_trial_that_enrolled_nobody_has_no_size(made: Warehouse) -> None:
    found = [one for one in similar(made, _draft(["Restless Ear Syndrome"], ["Examplinib"])) if _numbers([one]) == [4]]
    assert summary(made, found).figures["enrollment"].n == 0


def test_arms_criteria_and_endpoints_are_counted(made: Warehouse, three: list[Similar]) -> None:
    designs = summary(made, three)
    assert designs.trials == [one.study_id for one in three]
    assert designs.is_fictional
    assert designs.ended == {"COMPLETED": 2, "STOPPED": 1}
    assert designs.why_stopped == {"NCT99000002": "Slow accrual"}
    (arms,) = designs.arms
    assert (arms.name, arms.n, arms.of) == ("1 experimental, 1 placebo comparator", 3, 3)
    assert arms.examples == ["Active | Control"]
    assert [(one.name, one.n) for one in designs.comparators] == [("placebo", 3)]
    assert [(one.name, one.n) for one in designs.features["masking"]] == [("DOUBLE", 3)]
    criteria = {(one.kind, one.is_inclusion): one for one in designs.criteria}
    age = criteria["age", True]
    assert (age.name, age.n, age.of) == ("age", 3, 3)
    # two trials write years, one months: the limits are those in years
    assert [(one.name, one.unit, one.n, one.median) for one in age.limits] == [
        ("low", "a", 2, 29.0), ("high", "a", 1, 60.0),
    ]  # fmt: skip
    creatinine = criteria["measurement", False]
    assert (creatinine.name, creatinine.trials) == ("Creatinine", ["NCT99000001", "NCT99000002"])
    assert creatinine.examples == ["Creatinine above 2", "Creatinine over 3 mg/dL at screening"]
    assert criteria["measurement", True].trials == ["NCT99000003"]
    assert ("other", False) not in criteria  # of which nothing was understood
    (endpoint,) = designs.endpoints
    assert (endpoint.name, endpoint.n, endpoint.time_frames) == ("fever score", 3, ["12 weeks"])
    assert designs.secondary_endpoints == []


def test_where_all_trials_are_about_one_disease_they_are_still_found(tmp_path: Path) -> None:
    trials = [HandTrial(number=number, title=f"Study {number}") for number in range(1, 6)]
    opened = handmade.warehouse(tmp_path / "warehouse", trials, snapshot="one-disease")
    fever = _concept("C:FEVER", "condition", "Gloaming Fever")
    mentions = [
        {"study_id": one.study_id, "field": "conditions", "kind": "condition", "text": "Gloaming Fever",
         "concept_id": "C:FEVER", "position": 1, "part": 1}
        for one in trials
    ]  # fmt: skip
    _put(opened.path, {"concepts": [fever], "mentions": mentions})
    found = similar(opened, _draft(["Gloaming fever"], []))
    assert _numbers(found) == [1, 2, 3, 4, 5]
    assert found[0].shared.parts["conditions"] == 1.0


def test_no_trials_have_no_designs(made: Warehouse) -> None:
    designs = summary(made, [])
    assert not (designs.trials)
    assert not (designs.arms)
    assert not (designs.criteria)
    assert not (designs.endpoints)
    assert {one.n for one in designs.figures.values()} == {0}
