"""The search index, made by a command of its own or with a build, and what is said of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.apps.conftest import Done

Command = Callable[..., Done]


def test_the_index_is_made_once_and_searched(command: Command, warehouse: Path, tmp_path: Path) -> None:
    copy = tmp_path / "W"
    shutil.copytree(warehouse, copy, ignore=shutil.ignore_patterns("index*"))
    done = command("index", "-w", copy, "--json")
    assert done.code == 0
    facts = done.json
    assert facts["documents"] == facts["indexed"] > 80
    assert (facts["removed"], facts["vectors_made"]) == (0, True)
    assert "index" in done.err
    again = command("index", "-w", copy)
    assert again.out == (
        f"{facts['documents']:,} documents in the index of snapshot {facts['snapshot']}: nothing has changed\n"
    )
    found = command("search", "FICTIONAL[ti]", "--json", "-k", "0", "-w", copy)
    assert found.json["snapshot"] == facts["snapshot"]
    assert found.json["total"] > 80


def test_a_build_makes_the_index_when_asked(command: Command, inputs: list[Path], tmp_path: Path) -> None:
    done = command("build", inputs[0] / "ctis", "--index", "-w", tmp_path / "W")
    assert done.code == 0
    assert "documents in the index of snapshot" in done.out.splitlines()[-1]
    assert command("index", "-w", tmp_path / "W", "--json").json["indexed"] == 0


@pytest.mark.parametrize("name", ["index", "build"])
def test_a_warehouse_whose_index_cannot_be_written_gets_one_line(
    command: Command, warehouse: Path, inputs: list[Path], tmp_path: Path, name: str
) -> None:
    copy = tmp_path / "W"
    shutil.copytree(warehouse, copy, ignore=shutil.ignore_patterns("index*"))
    (copy / "index.lock").mkdir()
    done = command("index", "-w", copy) if name == "index" else command("build", *inputs, "--index", "-w", copy)
    assert done.code == 2
    assert "make it writable" in done.err
