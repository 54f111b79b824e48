"""Flaws of data, splits and engineering that no single task owns."""

from __future__ import annotations

import ast
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.handmade import HandTrial, connection, many_trials, warehouse
from trialpanorama import tasks
from trialpanorama.link.conditions import ConditionLinker
from trialpanorama.ontologies import load
from trialpanorama.tables import TABLES
from trialpanorama.tasks import SPLITS
from trialpanorama.tasks._strata import strata
from trialpanorama.tasks._trials import trials
from trialpanorama.warehouse import ColumnMeaning, write_catalogue

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))


def test_flaw_17_a_trial_in_the_training_of_one_task_and_the_test_of_another() -> None:
    many = many_trials(120)

    def each_task_for_itself() -> dict[str, dict[str, str]]:
        return {
            name: {t.study_id: random.Random(f"{name}{t.number}").choice(("train", "test")) for t in many}
            for name in ("endpoint_design", "trial_completion")
        }

    apart = each_task_for_itself()
    assert any(apart["endpoint_design"][id] != apart["trial_completion"][id] for id in apart["trial_completion"])

    con = connection(many)
    sides: dict[str, set[str]] = {}
    for task in tasks.tasks().values():
        for split in SPLITS:
            for sample in task.samples(con, split):
                for id in (sample.subject, sample.group, *sample.entities):
                    sides.setdefault(id, set()).add(split)
    assert len(sides) > 100
    assert all(len(found) == 1 for found in sides.values())


def test_flaw_23_validation_items_that_were_trained_on() -> None:
    con = connection(many_trials(120))
    task = tasks.task("trial_completion")
    made = {split: {sample.id for sample in task.samples(con, split)} for split in SPLITS}
    carved_out_of_training = set(sorted(made["train"])[:10])
    assert carved_out_of_training & made["train"], "a validation set drawn from what is trained on"
    assert made["validation"]
    assert not made["validation"] & made["train"]
    assert not made["validation"] & made["test"]


def test_flaw_27_ancestors_pass_for_conditions() -> None:
    con = connection([HandTrial(number=1, conditions=("Gloaming Fever",))])
    for depth, name in enumerate(("Fevers", "Infections", "Diseases"), 1):
        con.execute(
            "INSERT INTO conditions (study_id, condition_name, condition_mesh_type, depth) VALUES (?, ?, ?, ?)",
            ["NCT99000001", name, "ancestor", depth],
        )
    published_rule = con.execute("SELECT count(*) FROM conditions WHERE study_id = 'NCT99000001'").fetchall()
    assert published_rule == [(4,)], "without a depth, ancestors cannot be told from what the trial is about"
    (trial,) = (trial for split in SPLITS for trial in trials(con, split))
    assert trial.start.conditions == ["Gloaming Fever"]


def test_flaw_27_numbers_and_dates_kept_as_text() -> None:
    assert sorted(["9", "10"]) == ["10", "9"], "numbers as text sort wrongly"
    types = {(table.name, column.name): column.type for table in TABLES for column in table.columns}
    for column in ("enrollment_actual", "enrollment_target", "number_of_arms", "minimum_age_years"):
        assert types["studies", column] in ("BIGINT", "INTEGER", "DOUBLE")
    for column in ("start_date", "registration_date", "completion_date", "last_updated_date"):
        assert types["studies", column] == "DATE"


def test_flaw_28_a_mention_that_no_concept_was_found_for_disappears() -> None:
    linker = ConditionLinker(load())
    texts = ["Asthma", "Gloaming Fever of the Left Ear"]
    found = linker.link(texts)
    flawed = [link.text for links in found for link in links if link.concept_id]
    assert flawed == ["Asthma"], "an inner join with the ontology loses the other"
    assert [link.text for links in found for link in links] == texts
    assert found[1][0].concept_id is None


def test_flaw_29_one_licence_for_rows_of_every_source(tmp_path: Path) -> None:
    opened = warehouse(tmp_path / "w", [HandTrial(number=1), HandTrial(number=2)])
    path = opened.path / "tables" / "studies.parquet"
    rows = pq.read_table(path)
    place = rows.column_names.index("is_open")
    rows = rows.set_column(place, rows.field(place), [[True, False]])
    pq.write_table(rows, path)
    assert rows.num_rows == 2, "passed on under one tag, both would go out"
    write_catalogue(opened.path, [ColumnMeaning("studies", "study_id", 1, "VARCHAR", "The Trial")], {})
    opened.export("parquet", tmp_path / "out")
    out = tmp_path / "out" / "studies.parquet"
    assert pq.read_table(out).column("study_id").to_pylist() == ["NCT99000001"]


SECRET = re.compile(
    r"""(?x) \b(?:sk-[A-Za-z0-9]{20,} | hf_[A-Za-z0-9]{20,} | gh[pousr]_[A-Za-z0-9]{30,} | AKIA[0-9A-Z]{16})\b
    | (?i:(?:api|access|secret|wandb|ncbi)[_-]?(?:key|token))["']?\s*[:=]\s*["'][0-9a-fA-F]{30,}["']"""
)


def test_flaw_31_keys_in_the_repository() -> None:
    flawed = f'ncbi_api_key = "{"0123456789abcdef" * 2}4567"'
    assert SECRET.search(flawed)
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = listed.stdout.split("\n") if listed.returncode == 0 else [str(p.relative_to(ROOT)) for p in SOURCES]
    paths = [ROOT / name for name in names if name]
    assert len(paths) > 100
    for path in paths:
        if path.is_file() and path.suffix in (".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".json", ".sh", ""):
            assert not SECRET.search(path.read_text("utf-8", errors="replace")), path


def test_flaw_32_commands_that_only_work_in_their_own_folder(tmp_path: Path) -> None:
    script = tmp_path / "run_task.py"
    script.write_text("import helper\n")
    (tmp_path / "helper.py").write_text("")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    flawed = subprocess.run([sys.executable, "run_task.py"], cwd=elsewhere, capture_output=True, check=False)
    assert flawed.returncode != 0
    ours = subprocess.run(
        [sys.executable, "-m", "trialpanorama.apps.cli", "tasks", "list", "--json"],
        cwd=elsewhere,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": ""},
    )
    assert ours.returncode == 0, ours.stderr
    assert "trial_completion" in ours.stdout
    assert not list(elsewhere.iterdir())


PERSONAL = re.compile(r"""["'](?:/home/|/Users/|/data/|/scratch/|/mnt/|[A-Z]:\\\\Users)""")


def test_flaw_34_paths_of_one_persons_machine() -> None:
    assert PERSONAL.search('model_path = "/' + 'home/someone/checkpoint-14190"')
    for path in SOURCES:
        assert not PERSONAL.search(path.read_text("utf-8")), path


def _hacks(source: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            found += [name for name in names if name.split(".")[0] in ("pdb", "ipdb")]
        elif isinstance(node, ast.Attribute) and ast.unparse(node) == "sys.path":
            found.append("sys.path")
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "breakpoint":
            found.append("breakpoint")
    return found


def test_flaw_37_debuggers_and_search_path_hacks_left_in() -> None:
    assert sorted(_hacks("import sys, pdb\nsys.path.append('..')")) == ["pdb", "sys.path"]
    for path in SOURCES:
        assert not _hacks(path.read_text("utf-8")), path


def test_flaw_37_importing_needs_no_environment() -> None:
    flawed = subprocess.run(
        [sys.executable, "-c", "import os; os.environ['BENCHMARK_DATA_PATH']"], capture_output=True, check=False, env={}
    )
    assert flawed.returncode != 0
    ours = subprocess.run(
        [sys.executable, "-c", "import trialpanorama.tasks; trialpanorama.tasks.tasks()"],
        capture_output=True,
        text=True,
        check=False,
        env={},
    )
    assert ours.returncode == 0, ours.stderr


@pytest.mark.parametrize(
    ("title", "design"),
    [
        ("A decentralized trial of Fictumab in Gloaming Fever", "decentralised"),
        ("GLOAM: a platform trial in Gloaming Fever", "platform"),
        ("Fictumab in Gloaming Fever", "other"),
    ],
)
def test_flaw_39_figures_that_cannot_be_broken_down_by_design_or_rarity(title: str, design: str) -> None:
    con = connection([HandTrial(number=1, title=title)])
    con.execute("UPDATE conditions SET concept_id = 'MONDO:1', depth = 0")
    found = strata(con)["NCT99000001"]
    assert found["design"] == design
    assert found["condition frequency"] == "1 to 10 trials"
