"""Why two ids are one Trial, or why not."""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import pytest

from trialpanorama.apps.explaining import explanation_text
from trialpanorama.errors import UserError
from trialpanorama.record import Condition, Identifier, Intervention, PartialDate, Record, Sponsor
from trialpanorama.resolve.explain import explain
from trialpanorama.resolve.model import model
from trialpanorama.resolve.overrides import Override

Study = Callable[..., Record]
Resolved = Callable[..., duckdb.DuckDBPyConnection]
NCT, SISTER, DRKS, ISRCTN, EUCTR = "NCT99000001", "NCT99000002", "DRKS99000001", "ISRCTN99000001", "2090-000001-10"
KNEE = "NCT99000135"


@pytest.fixture
def con(resolved: Resolved, study: Study, crowd: list[Record]) -> duckdb.DuckDBPyConnection:
    """A small warehouse: a chain of three registrations, a sister and many others."""
    sister = study(
        SISTER, "clinicaltrials_gov", public_title="Zarvolimab for glowing fever in Nowhereland", enrollment_target=640,
        scientific_title="A randomised placebo controlled study of zarvolimab in children with glowing fever",
        start_date=PartialDate("2090-08"), conditions=[Condition("Glowing fever in childhood")],
        interventions=[Intervention("Zarvolimab")], sponsors=[Sponsor("Fictional University of Fairport")],
    )  # fmt: skip
    records = [
        study(NCT, "clinicaltrials_gov"),
        study(DRKS, "drks", Identifier(f"{EUCTR}-DE", "euctr"), Identifier(NCT, "clinicaltrials_gov")),
        study(
            f"{EUCTR}-DE", "euctr", public_title="Zarvolimab bei Glimmfieber", scientific_title=None, sponsors=[],
            outcomes=[], start_date=None, enrollment_target=None,
        ),
        sister, study(ISRCTN, "isrctn", enrollment_target=64), *crowd,
    ]  # fmt: skip
    made = resolved(records, overrides=[Override(NCT, ISRCTN, False, "told by the sponsor")])
    made.execute(
        """CREATE TEMP VIEW studies AS SELECT study_id, 'registration' AS kind, public_title, scientific_title
           FROM trial_records JOIN records USING (record_id) WHERE precedence = 1"""
    )
    made.execute("CREATE TEMP VIEW identifiers AS SELECT 'x' AS study_id, 'y' AS id, 'alias' AS role WHERE false")
    return made


def test_a_chain_of_links_says_why_two_are_one(con: duckdb.DuckDBPyConnection) -> None:
    found = explain(con, "nct99000001", f"EUCTR{EUCTR}")
    assert found.is_one
    assert [(step.id_a, step.id_b, step.method) for step in found.path] == [
        (NCT, DRKS, "secondary_id"),
        (f"{EUCTR}-DE", DRKS, "secondary_id"),
    ]
    text = explanation_text(found)
    assert text.startswith(f"{NCT} and {EUCTR} are one trial ({NCT}), by a chain of 2 links.")
    assert "strength 0.90" in text


def test_a_person_said_that_they_are_two(con: duckdb.DuckDBPyConnection) -> None:
    found = explain(con, NCT, ISRCTN)
    assert not found.is_one
    assert (found.refused[0].method, found.refused[0].reason) == ("override", "override")
    assert "a person says that they are two" in explanation_text(found)
    assert "told by the sponsor" in explanation_text(found)


def test_a_near_miss_shows_what_was_missing(con: duckdb.DuckDBPyConnection) -> None:
    found = explain(con, SISTER, DRKS)
    assert not found.is_one
    step = found.refused[0] if found.refused else found.compared_now
    assert step is not None
    weights = [reason.weight or 0 for reason in step.evidence]
    assert step.score == pytest.approx(1 / (1 + 2 ** -sum(weights)))
    assert {reason.field for reason in step.evidence} >= {"prior", "title", "size", "start", "sponsor"}


def test_what_was_never_compared_is_compared_now(con: duckdb.DuckDBPyConnection) -> None:
    found = explain(con, KNEE, DRKS)
    assert found.refused == []
    assert found.compared_now is not None
    assert found.compared_now.score < model().show
    text = explanation_text(found)
    assert "too little in common for a build to compare them" in text
    assert f"{KNEE} = {DRKS}  # why" in text
    total = sum(reason.weight or 0 for reason in found.compared_now.evidence)
    assert f"{total:+.2f}  bits of log-odds" in text


def test_two_of_one_register_are_never_joined_by_what_they_say(con: duckdb.DuckDBPyConnection) -> None:
    found = explain(con, KNEE, SISTER)
    assert found.compared_now is not None
    assert found.compared_now.reason == "same_register"
    text = explanation_text(found)
    assert "both of one register" in text
    assert "too little in common" not in text


def test_records_of_one_id_need_no_link(con: duckdb.DuckDBPyConnection) -> None:
    found = explain(con, EUCTR, f"{EUCTR}-DE")
    assert (found.is_one, found.path) == (True, [])
    assert "their records share one id" in explanation_text(found)


def test_an_unknown_id_is_a_users_error_with_those_that_are_near(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(UserError, match=rf'has the id "NCT99000003"\. Close: .*{NCT}'):
        explain(con, "NCT99000003", NCT)
    with pytest.raises(UserError, match="Search titles with"):
        explain(con, NCT, "something else")
