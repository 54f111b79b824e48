"""The copy that pages about one trial are looked up in: the same facts, made once, and never in the way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the web extra is not installed")

from trialpanorama.apps.graph import neighbours_facts
from trialpanorama.apps.show import show_facts
from trialpanorama.apps.web.reading import Reading, reading
from trialpanorama.apps.web.site import Site, folder_beside
from trialpanorama.warehouse import Warehouse


def test_the_copy_says_of_every_trial_and_paper_what_the_warehouse_says(warehouse: Path, tmp_path: Path) -> None:
    opened = Warehouse.open(warehouse)
    copied = reading(opened, tmp_path / "web", pytest.fail)
    assert isinstance(copied, Reading)
    with opened.connect() as connection:
        trials = connection.execute("SELECT study_id FROM studies ORDER BY number_of_records DESC, 1 LIMIT 12")
        ids = [row[0] for row in trials.fetchall()]
        ids += [row[0] for row in connection.execute("SELECT paper_id FROM papers ORDER BY 1 LIMIT 3").fetchall()]
    for one in ids:
        assert show_facts(copied, one) == show_facts(opened, one)
        assert neighbours_facts(copied, one) == neighbours_facts(opened, one)


def test_the_copy_is_made_once_for_a_snapshot_and_older_ones_go(warehouse: Path, tmp_path: Path) -> None:
    folder = tmp_path / "web"
    folder.mkdir()
    (folder / "lookup-older-1.duckdb").write_bytes(b"")
    (folder / "audit.jsonl").write_text("{}", encoding="utf-8")
    first = reading(Warehouse.open(warehouse), folder, pytest.fail)
    assert isinstance(first, Reading)
    made = first.copy.stat().st_mtime_ns
    os.utime(first.copy, ns=(made, made - 10**9))
    reading(Warehouse.open(warehouse), folder, pytest.fail)
    assert first.copy.stat().st_mtime_ns == made - 10**9
    assert sorted(one.name for one in folder.iterdir()) == ["audit.jsonl", first.copy.name]


def test_where_no_copy_can_be_made_the_warehouse_is_read(warehouse: Path, tmp_path: Path) -> None:
    (tmp_path / "web").write_text("a file", encoding="utf-8")
    said: list[str] = []
    opened = Warehouse.open(warehouse)
    assert reading(opened, tmp_path / "web", said.append) is opened
    assert len(said) == 1
    assert "slower" in said[0]


def test_a_connection_to_the_copy_cannot_change_it(warehouse: Path, tmp_path: Path) -> None:
    import duckdb

    with (
        reading(Warehouse.open(warehouse), tmp_path / "web", pytest.fail).connect() as connection,
        pytest.raises(duckdb.Error, match="read-only"),
    ):
        connection.execute("DELETE FROM studies")


def test_what_is_remembered_is_bounded_and_belongs_to_a_snapshot(warehouse: Path) -> None:
    site, made = Site(warehouse), []

    def make(number: int) -> int:
        made.append(number)
        return number

    assert [site.remember("a", lambda: make(1)), site.remember("a", lambda: make(2))] == [1, 1]
    for number in range(1_000):
        site.remember(number, lambda number=number: make(number))  # type: ignore[misc]  # bound now
    assert len(site._answers) < 1_000
    assert site.remember("a", lambda: make(3)) == 3
    assert folder_beside(warehouse).name == "warehouse.web"
