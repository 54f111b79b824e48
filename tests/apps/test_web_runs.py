"""The page of runs: each log is read and computed once, also over a new start of the pages."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the web extra is not installed")

from tests.handmade import many_trials, warehouse
from trialpanorama import evaluate, tasks
from trialpanorama.apps.web.runs import Runs
from trialpanorama.errors import UserError
from trialpanorama.evaluate import read_logs, results, table


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    opened = warehouse(folder / "w", many_trials(60))
    tasks.build(opened)
    for model in ("baseline/majority", "baseline/linear"):
        evaluate.run("trial_completion", model, opened.path, log_dir=folder / "logs")
    return folder / "logs"


class _Counted:
    """How often a log is read from end to end."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.read: list[str] = []
        original = results.read_result

        def counted(path: Any) -> Any:
            self.read.append(Path(path).name)
            return original(path)

        patch.setattr(results, "read_result", counted)

    def since(self) -> list[str]:
        found, self.read = self.read, []
        return sorted(found)


def test_each_log_is_read_once_and_the_table_is_that_of_the_command(
    logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, kept = tmp_path / "logs", tmp_path / "kept"
    shutil.copytree(logs, folder)
    counted = _Counted(monkeypatch)
    expected = table(read_logs(folder))
    runs = Runs(kept)
    rows, unread = runs.table(folder)
    assert sorted(map(repr, rows)) == sorted(map(repr, expected))
    assert unread == []
    names = sorted(path.name for path in folder.glob("*.eval"))
    assert counted.since() == names
    assert runs.table(folder)[0] == rows
    assert Runs(kept).table(folder)[0] == rows  # a new start
    assert counted.since() == []
    # a log that is new is read, and the baseline that it stands beside
    again = folder / names[-1].replace("completion_", "completion_x")
    shutil.copy(folder / names[-1], again)
    assert len(runs.table(folder)[0]) == len(rows)  # of repeated runs one
    assert set(counted.since()) <= {again.name, *names}
    one = runs.one(folder, names[0])
    assert len(one.samples) == one.n > 0


def test_a_damaged_log_is_named_and_takes_no_other_with_it(logs: Path, tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    shutil.copytree(logs, folder)
    first, second = sorted(folder.glob("*.eval"))
    first.write_bytes(first.read_bytes()[:100])
    rows, unread = Runs(tmp_path / "kept").table(folder)
    assert unread == [first.name]
    assert {Path(row.log).name for row in rows} == {second.name}
    second.unlink()
    with pytest.raises(UserError, match="holds no log"):
        Runs(tmp_path / "kept").table(folder)
    with pytest.raises(UserError, match="No run here"):
        Runs(tmp_path / "kept").one(folder, "../../etc/passwd")


def test_runs_are_shown_where_nothing_can_be_kept(logs: Path, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("not a folder", encoding="utf-8")
    rows, _ = Runs(tmp_path / "kept").table(logs)
    assert {row.model for row in rows} == {"baseline/majority", "baseline/linear"}
