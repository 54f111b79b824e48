"""What `explain` prints of a built warehouse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trialpanorama.apps.explaining import explain_command
from trialpanorama.errors import UserError
from trialpanorama.warehouse import Warehouse


@pytest.fixture
def opened(warehouse: Path) -> Warehouse:
    return Warehouse.open(warehouse)


def _links(warehouse: Warehouse, where: str) -> list[tuple[str, str]]:
    with warehouse.connect() as con:
        sql = f"SELECT id_a, id_b FROM trial_links WHERE register_a <> register_b AND {where} ORDER BY ALL"
        return con.execute(sql).fetchall()


def test_one_trial_in_two_registers_is_told_with_its_chain(
    opened: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = _links(opened, "is_accepted")
    assert pairs
    for a, b in pairs[:3]:
        explain_command(opened, a, b, False)
        text = capsys.readouterr().out
        assert f"{a} and {b} are one trial" in text
        assert "strength" in text or "bits of log-odds" in text
        explain_command(opened, b, a, True)
        told = json.loads(capsys.readouterr().out)
        assert told["is_one"]
        assert told["snapshot"] == opened.snapshot
        assert told["path"][0]["evidence"]


def test_two_trials_are_told_with_what_is_missing(opened: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    with opened.connect() as con:
        sql = "SELECT study_id FROM studies WHERE kind = 'registration' ORDER BY study_id"
        ids = [row[0] for row in con.execute(sql).fetchall()]
    explain_command(opened, ids[0], ids[-1], False)
    text = capsys.readouterr().out
    assert "are two trials." in text
    assert "Compared now, they give:" in text or "refused" in text
    assert f"{ids[0]} = {ids[-1]}  # why" in text


def test_a_publication_is_never_compared(opened: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    with opened.connect() as con:
        ((paper,), *_) = con.execute("SELECT study_id FROM studies WHERE kind = 'publication' ORDER BY 1").fetchall()
        ((trial,), *_) = con.execute("SELECT study_id FROM studies WHERE kind = 'registration' ORDER BY 1").fetchall()
    explain_command(opened, paper, trial, False)
    assert "publication alone, which is never compared" in capsys.readouterr().out


def test_an_unknown_id_is_a_users_mistake(opened: Warehouse) -> None:
    with pytest.raises(UserError, match="No trial of this warehouse has the id"):
        explain_command(opened, "NCT00000000", "NCT00000000", False)
