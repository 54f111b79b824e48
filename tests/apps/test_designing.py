"""`trialpanorama designs`: from a draft, or a few words, to similar trials and how they were designed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.apps.conftest import Done
from trialpanorama.apps.designing import became, described, limits_text, number
from trialpanorama.designs import Figure, Shared, Similar
from trialpanorama.errors import UserError
from trialpanorama.warehouse import Warehouse

Command = Callable[..., Done]


@pytest.fixture(scope="module")
def commonest(warehouse: Path) -> str:
    """A condition that several trials of the warehouse are about."""
    with Warehouse.open(warehouse).connect() as con:
        row = con.execute(
            """SELECT concept_name FROM mentions WHERE field = 'conditions' AND concept_id IS NOT NULL
               GROUP BY 1 ORDER BY count(DISTINCT study_id) DESC, 1 LIMIT 1"""
        ).fetchone()
    assert row is not None
    return str(row[0])


def test_a_condition_leads_to_similar_trials_and_their_designs(
    command: Command, warehouse: Path, commonest: str
) -> None:
    done = command("designs", "-c", commonest, "-n", "5", "-w", warehouse)
    assert done.code == 0
    assert done.out.startswith("FICTIONAL")
    for said in ("what became of it", "first quartile", "enrollment", "duration months", "Eligibility", commonest):
        assert said in done.out
    facts = command("designs", "-c", commonest, "-n", "5", "-w", warehouse, "--json").json
    assert len(facts["similar"]) == 5
    assert facts["is_fictional"]
    assert facts["compares_words"]
    assert facts["draft"]["conditions"] == [commonest]
    assert all(commonest in one["shared"]["conditions"] for one in facts["similar"][:3])
    assert facts["summary"]["trials"] == [one["study_id"] for one in facts["similar"]]
    for one in facts["summary"]["figures"].values():
        assert one["n"] == len(one["trials"]) <= 5
        assert one["n"] == 0 or one["low"] <= one["median"] <= one["high"]
    assert facts["summary"]["figures"]["enrollment"]["n"] > 0
    assert facts["snapshot"] == Warehouse.open(warehouse).snapshot


def test_a_draft_in_a_file_is_read_and_its_template_is_printed(
    command: Command, warehouse: Path, tmp_path: Path
) -> None:
    template = command("designs", "template")
    assert template.code == 0
    assert "FICTIONAL" in template.out
    (tmp_path / "draft.yaml").write_text(template.out, encoding="utf-8")
    facts = command("designs", tmp_path / "draft.yaml", "-w", warehouse, "--json").json
    assert facts["draft"]["title"] == "Verolimab for adults with moderate asthma"
    assert facts["draft"]["phases"] == ["PHASE2"]
    assert facts["similar"]


def test_a_trial_of_the_warehouse_is_not_similar_to_itself(
    command: Command, warehouse: Path, inputs: list[Path], tmp_path: Path
) -> None:
    lines = next(inputs[0].rglob("ctg-studies_001.ndjson")).read_text(encoding="utf-8").splitlines()
    study = tmp_path / "study.json"
    study.write_text(lines[0], encoding="utf-8")
    id = json.loads(lines[0])["protocolSection"]["identificationModule"]["nctId"]
    assert command("show", id, "-w", warehouse).code == 0
    facts = command("designs", study, "-w", warehouse, "--json").json
    assert facts["draft"]["id"] == id
    assert all(id not in one["ids"] for one in facts["similar"])
    assert facts["similar"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give a file, a condition or an intervention"),
        (["-c", "Asthma", "--phase", "seven"], '"seven" is no phase'),
        (["nothing.yaml"], "nothing.yaml cannot be read"),
        (["template.txt", "-c", "Asthma"], "not both"),
        (["-c", "Asthma", "--before", "yesterday"], '"yesterday" is not a day'),
    ],
)
def test_a_mistake_is_one_line(command: Command, warehouse: Path, arguments: list[str], said: str) -> None:
    done = command("designs", *arguments, "-w", warehouse)
    assert done.code == 2
    assert said in done.err
    assert done.err.count("\n") == 1


def test_nothing_similar_is_said(command: Command, warehouse: Path) -> None:
    done = command("designs", "-c", "Qqqq", "-w", warehouse)
    assert done.code == 0
    assert "No trial here" in done.out


def test_few_words_make_a_draft() -> None:
    record = described(["Asthma"], ["Fictumab"], ["2/3"], 120)
    assert (record.phases, record.enrollment_target) == (["PHASE2", "PHASE3"], 120)
    with pytest.raises(UserError):
        described()


def test_figures_and_limits_are_read_easily() -> None:
    assert [number(one) for one in (None, 3.0, 2.25, 1234.5, 0.0)] == ["", "3", "2.2", "1,234", "0"]
    age = Figure(name="low", meaning="", unit="a", n=3, median=18.0, low=18.0, high=18.0)
    liver = Figure(name="high", meaning="", unit="{ULN}", n=4, median=2.5, low=1.5, high=3.0)
    assert limits_text([age, liver]) == "from 18 years; up to 2.5 × upper limit of normal (1.5 to 3)"
    ended = Similar(
        study_id="a", ids=[], title=None, score=1, shared=Shared(), status="TERMINATED", why_stopped="Slow accrual",
        primary_endpoint_met=False,
    )  # fmt: skip
    assert became(ended) == "terminated; primary endpoint not met; Slow accrual"
