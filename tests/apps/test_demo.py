"""The demo goes the whole way without a network, says what is fictional, and can be run again."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.apps.conftest import Done
from tests.forecast.made import FAST, REFITS
from trialpanorama import tasks
from trialpanorama.apps.cli import run
from trialpanorama.forecast import fit
from trialpanorama.warehouse import Warehouse

Command = Callable[..., Done]
REPOSITORY = Path(__file__).parents[2]
_connect = socket.socket.connect


def refuse(self: socket.socket, address: Any) -> None:
    """In place of socket.connect: nothing but this machine's own sockets."""
    if self.family != socket.AF_UNIX:
        raise AssertionError(f"the network was opened: {address}")
    _connect(self, address)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any use of the network fails."""
    monkeypatch.setattr(socket.socket, "connect", refuse)


class Demo(NamedTuple):
    """The demo's folder, and what it printed."""

    folder: Path
    out: str


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo as the README runs it, without a network."""
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as out:
        patch.chdir(folder)
        patch.delenv("TRIALPANORAMA_WAREHOUSE", raising=False)
        patch.setattr(socket.socket, "connect", refuse)
        assert run(["demo"]) == 0
    return Demo(folder, out.getvalue())


@pytest.mark.slow
def test_the_readme_shows_what_the_demo_prints(demo: Demo) -> None:
    """All but the date of the build and the last digits of figures, which depend on the machine's arithmetic."""
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    shown = readme[readme.index("demo/warehouse: snapshot") :].split("\n```", 1)[0].splitlines()
    assert [_comparable(line) for line in shown] == [_comparable(line) for line in demo.out.splitlines()]


@pytest.mark.slow
def test_the_demo_says_what_is_fictional_and_what_to_type_next(
    demo: Demo, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(demo.folder)
    lines = demo.out.splitlines()
    atlas, table = lines[: lines.index("")], lines[lines.index("") :]
    assert "FICTIONAL" in atlas[0]
    for task in ("trial_completion", "endpoint_design"):
        for model in ("baseline/majority", "baseline/linear"):
            assert any(task in line and model in line for line in table)
    assert any(line.startswith("FICTIONAL") for line in table)
    (page,) = [line.removeprefix("Report: ") for line in table if line.startswith("Report: ")]
    assert "FICTIONAL" in (demo.folder / page).read_text(encoding="utf-8")

    (next_line,) = [line.removeprefix("Next: ") for line in table if line.startswith("Next: ")]
    for line in [next_line, *table[table.index(f"Next: {next_line}") + 1 :]]:
        if "openai/" not in line:
            assert command(*shlex.split(line)[1:]).code == 0, line

    snapshot = command("atlas", "--json", "--warehouse", "demo/warehouse").json["snapshot"]
    again = command("report", "again.html", "--logs", "demo/logs", "--json")
    assert {row["snapshot"] for row in again.json["results"]} == {snapshot}


GUIDES = sorted((REPOSITORY / "docs" / "guides").glob("*.md"))


@pytest.mark.slow
@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_a_guides_commands_run_one_after_another(
    guide: Path, demo: Demo, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In the demo's folder; blocks with a title need more than that (a network, a key, files), or do not end.

    A forecast is fitted with fewer trees and refits than a user's: that it runs is what is looked at.
    """
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(fit, "__kwdefaults__", fit.__kwdefaults__ | {"settings": FAST, "refits": REFITS})
    (tmp_path / "demo").symlink_to(demo.folder / "demo")
    for block in re.findall(r"```bash\n(.*?)```", guide.read_text(encoding="utf-8"), re.DOTALL):
        for line in block.splitlines():
            words, _, target = line.partition(" > ")
            if line.startswith("trialpanorama "):
                done = command(*shlex.split(words, comments=True)[1:])
                assert done.code == 0, f"{line}\n{done.err}"
                if target:
                    Path(target).write_text(done.out, encoding="utf-8")
            elif line.startswith("sed "):
                subprocess.run(line, shell=True, check=True)
            else:
                assert line in ("make demo", "make test"), line


@pytest.mark.slow
@pytest.mark.parametrize("page", [*GUIDES, REPOSITORY / "README.md"], ids=lambda path: path.stem)
def test_python_in_the_guides_runs(page: Path, demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(demo.folder / "demo" if page.stem == "README" else demo.folder)
    for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        exec(block, {})


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted((REPOSITORY / "docs").rglob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebooks_cells_run(path: Path, demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(demo.folder)
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert not any(cell.get("outputs") for cell in cells), "outputs are not committed"
    names: dict[str, Any] = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)


@pytest.mark.slow
def test_the_baseline_in_the_guide_answers(demo: Demo) -> None:
    """The one that `extending` shows is a baseline as it stands."""
    page = (REPOSITORY / "docs" / "guides" / "extending.md").read_text(encoding="utf-8")
    (block,) = re.findall(r'```python title="src/trialpanorama/baselines/[a-z]+.py"\n(.*?)```', page, re.DOTALL)
    names: dict[str, Any] = {}
    exec(block, names)
    task = tasks.task("endpoint_design")
    samples = tasks.load(Warehouse.open(demo.folder / "demo" / "warehouse"), task, "test")
    longest = names["BASELINE"]()
    assert longest.answers(task, samples[0])
    longest.fit(samples, task)
    for sample in samples[:20]:
        options = task.options(sample)  # type: ignore[attr-defined]
        answer = task.read(longest.answer(sample), sample)
        assert len(options[answer.answer]) == max(map(len, options.values()))


@pytest.mark.slow
@pytest.mark.usefixtures("no_network")
def test_the_demo_can_be_run_again(demo: Demo, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """With other trials, which replace the first ones: so it comes after all that looks at those."""
    monkeypatch.chdir(demo.folder)
    before = command("atlas", "--json", "--warehouse", "demo/warehouse").json
    assert command("demo", "--trials", "200", "--seed", "8").code == 0
    after = command("atlas", "--json", "--warehouse", "demo/warehouse").json
    assert after["snapshot"] != before["snapshot"]
    assert after["files"] <= before["files"] + 2


def _comparable(line: str) -> list[str]:
    words = line.removeprefix("Next:").split()
    if line.startswith("demo/warehouse"):
        return words[:3]  # up to the snapshot id
    if "baseline/" in line:
        return [word for word in words if "." not in word]
    return words[1:] if "--warehouse" in line else words  # the command's own path is the machine's


def test_evaluate_and_report(command: Command, warehouse: Path) -> None:
    line = ["evaluate", "trial_completion", "--model", "baseline/majority", "--limit", "5", "--warehouse", warehouse]
    rows = command(*line, "--logs", "runs", "--json").json
    assert {row["n"] for row in rows} == {5}
    assert {row["model"] for row in rows} == {"baseline/majority"}
    done = command("report", "--logs", "runs", "--json")
    assert [row | {"log": None} for row in done.json["results"]] == [row | {"log": None} for row in rows]
    assert Path(done.json["report"]).exists()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("evaluate trial_completoin --model baseline/majority", ["trial_completion"]),
        ("evaluate trial_completion --model baseline/majorty", ["majority"]),
        ("evaluate trial_completion --model gpt", ["PROVIDER/NAME"]),
        ("evaluate trial_completion --model baseline/majority --split tets", ["test"]),
        ("evaluate trial_completion", ["--model"]),
        ("evaluate trial_completion --model baseline/majority --limit 0", ["--limit"]),
    ],
)
def test_a_mistake_in_evaluate_is_found_before_any_run(
    line: str, words: list[str], command: Command, warehouse: Path, tmp_path: Path
) -> None:
    done = command(*line.split(), "--warehouse", warehouse)
    assert done.code == 2
    assert done.out == ""
    assert done.err.count("\n") == 1, done.err
    for word in words:
        assert word in done.err
    assert list(tmp_path.iterdir()) == []


def test_report_without_runs_says_how_to_make_one(command: Command) -> None:
    done = command("report")
    assert done.code == 2
    assert "trialpanorama evaluate" in done.err
