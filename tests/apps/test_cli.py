"""The command line's promises: exit codes, one-line errors, one JSON document, near misses, what is said where."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import trialpanorama
from tests.apps.conftest import Done
from trialpanorama.apps.cli import app

Command = Callable[..., Done]


def assert_one_line(done: Done, code: int, *words: str) -> None:
    """The command failed with this code, one line on standard error, nothing on standard output."""
    assert done.code == code, done.err
    assert done.out == ""
    assert done.err.count("\n") == 1, done.err
    for word in words:
        assert word in done.err


# --- help and mistakes on the command line


def test_no_argument_gives_the_commands(command: Command) -> None:
    done = command()
    assert done.code == 0
    for registered in app.registered_commands:
        assert registered.callback is not None
        assert registered.callback.__name__.split("_")[0] in done.out


def test_help_begins_where_a_newcomer_does(command: Command) -> None:
    out = command("--help").out
    titles = ("Start here", "Registry data", "Trial design", "Tasks and models", "About")
    places = [out.index(title) for title in titles]
    assert places == sorted(places)
    assert out.index(" demo ") < out.index(" mcp ")


def test_version(command: Command) -> None:
    assert command("--version").out == f"trialpanorama {trialpanorama.__version__}\n"


def test_version_is_that_of_the_installed_package() -> None:
    from importlib.metadata import version

    assert version("trialpanorama") == trialpanorama.__version__


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("biuld x", ["'build'", "trialpanorama --help"]),
        ("build", ["INPUT", "trialpanorama build --help"]),
        ("build x --wrokers 2", ["--workers"]),
        ("build x --workers two", ["--workers", "integer"]),
        ("build x --workers 0", ["--workers"]),
        ("tasks biuld", ["build"]),
        ("sources clinicaltrials", ["clinicaltrials_gov"]),
        ("sources nothing-like-it", ["There are", "pubmed"]),
        ("dictionary stduies", ["studies"]),
        ("tasks build trial_completoin --warehouse {w}", ["trial_completion"]),
        ("problems ictpr --warehouse {w}", ["ictrp"]),
        ("query SELECT --format tabel --warehouse {w}", ["table"]),
        ("query SELEC --warehouse {w}", ["dictionary"]),
        ("export out --format parqet --warehouse {w}", ["parquet"]),
        ("show @@@ --warehouse {w}", ["@@@", "trialpanorama query"]),
        ("show NCT99 --warehouse {w}", ["Close: NCT99"]),
        ("build /no/such/place", ["/no/such/place"]),
        ("demo .", ["not the folder of an earlier demo"]),
    ],
)
def test_a_mistake_gets_one_line(
    line: str, words: list[str], command: Command, warehouse: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert_one_line(command(*line.format(w=warehouse).split()), 2, *words)
    assert (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("line", ["atlas", "problems", "show NCT00000001", "query SELECT", "export out", "tasks build"])
def test_without_a_warehouse_the_user_hears_how_to_make_one(line: str, command: Command) -> None:
    assert_one_line(command(*line.split()), 2, "trialpanorama build")


def test_our_own_fault_is_one_line_unless_debugging(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("the\nworks")

    monkeypatch.setattr("trialpanorama.apps.doctor.doctor_facts", fail)
    assert_one_line(command("doctor"), 1, "RuntimeError: the works", "trialpanorama doctor --debug")
    with pytest.raises(RuntimeError, match="works"):
        command("doctor", "--debug")


def test_what_the_system_refuses_is_one_line(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise PermissionError(13, "Permission denied", "W")

    monkeypatch.setattr("trialpanorama.apps.doctor.doctor_facts", fail)
    assert_one_line(command("doctor"), 2, "Permission denied: W. Name another place")


# --- interruption


def test_ctrl_c_says_how_to_go_on(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("trialpanorama.apps.demo.build_warehouse", interrupt)
    done = command("build", "some file", "--workers", "1")
    assert done.code == 130
    assert "trialpanorama build 'some file' --workers 1" in done.err
    assert "Traceback" not in done.err


@pytest.mark.slow
def test_ctrl_c_ends_a_real_process(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "trialpanorama.apps.cli", "sample", str(tmp_path / "s"), "--trials", "300000"],
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not any(path.is_file() for path in (tmp_path / "s").rglob("*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Interrupted" in err
    assert "Traceback" not in err


# --- where the warehouse is


def test_the_warehouse_is_the_option_then_the_variable_then_the_folder(
    command: Command, warehouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command("atlas").code == 2
    (tmp_path / "warehouse").symlink_to(warehouse)
    assert command("atlas").code == 0
    monkeypatch.setenv("TRIALPANORAMA_WAREHOUSE", str(tmp_path / "nowhere"))
    assert command("atlas").code == 2
    assert command("atlas", "--warehouse", warehouse).code == 0


# --- reading


def test_atlas(command: Command, warehouse: Path) -> None:
    facts = command("atlas", "--json", "--warehouse", warehouse).json
    assert {"inputs", "records", "rejects", "trials", "snapshot", "sources"} <= facts.keys()
    assert facts["inputs"] == facts["records"] + facts["rejects"]
    assert facts["rejects"] == 2
    assert {source["name"] for source in facts["sources"]} >= {"clinicaltrials_gov", "ictrp", "pubmed"}
    assert sum(facts["statuses"].values()) == facts["trials"] - facts["trials_known_from_publications_alone"]
    text = command("atlas", "--warehouse", warehouse).out
    assert "FICTIONAL" in text
    assert f"{facts['records']:,} records + 2 rejects" in text
    assert len(text.splitlines()) <= 14


def test_problems_name_the_place(command: Command, warehouse: Path) -> None:
    facts = command("problems", "--json", "--warehouse", warehouse).json
    places = {reject["reason"]: reject["places"] for reject in facts["rejects_by_reason"]}
    assert places.keys() == {"not_a_registry_export", "deletion_notice"}
    assert places["not_a_registry_export"][0]["file"].endswith("notes.txt")
    text = command("problems", "--warehouse", warehouse).out
    assert "notes.txt" in text
    assert command("problems", "ictrp", "--json", "--warehouse", warehouse).json["rejects"] == 0


def test_show_finds_a_trial_by_each_of_its_ids(command: Command, warehouse: Path) -> None:
    rows = command(
        "query",
        """SELECT study_id, list(DISTINCT id ORDER BY id) AS ids FROM identifiers
           JOIN studies USING (study_id) WHERE len(registers) > 1 AND role IN ('primary', 'secondary')
           AND register IS NOT NULL GROUP BY 1 ORDER BY 1 LIMIT 2""",
        "--json",
        "--warehouse",
        warehouse,
    ).json
    assert rows
    for row in rows:
        for id in row["ids"]:
            facts = command("show", id.lower(), "--json", "--warehouse", warehouse).json
            assert facts["id"] == row["study_id"], id


def test_show_says_who_says_what_and_why_they_are_one(command: Command, warehouse: Path) -> None:
    (row, *_) = command(
        "query", "SELECT study_id FROM studies WHERE len(registers) > 1 ORDER BY 1", "--json", "--warehouse", warehouse
    ).json
    facts = command("show", row["study_id"], "--json", "--warehouse", warehouse).json
    assert len(facts["records"]) > 1
    assert [record["precedence"] for record in facts["records"]] == list(range(1, len(facts["records"]) + 1))
    assert any(link["is_accepted"] and link["evidence"] for link in facts["links"])
    titles = facts["fields"]["public_title"]
    assert set(titles["says"]) <= {record["record_id"] for record in facts["records"]}
    text = command("show", row["study_id"], "--warehouse", warehouse).out
    assert "FICTIONAL" in text
    assert "Why they are held for one study" in text
    for record in facts["records"]:
        assert record["id"] in text


def test_show_marks_only_real_differences(command: Command, warehouse: Path) -> None:
    rows = command(
        "query",
        "SELECT study_id FROM studies WHERE number_of_records > 1 ORDER BY 1",
        "--json",
        "--warehouse",
        warehouse,
    ).json
    seen = set()
    for row in rows[:10]:
        facts = command("show", row["study_id"], "--json", "--warehouse", warehouse).json
        for found in facts["fields"].values():
            values = {str(value).casefold() for value in found["says"].values()}
            if len(values) == 1:
                assert found["agree"]
            seen.add(found["agree"])
    assert seen == {True, False}


def test_show_a_publication(command: Command, warehouse: Path) -> None:
    (row, *_) = command(
        "query",
        "SELECT head_id, tail_id FROM relations WHERE tail_type = 'trial' ORDER BY 1",
        "--json",
        "--warehouse",
        warehouse,
    ).json
    facts = command("show", row["head_id"], "--json", "--warehouse", warehouse).json
    if facts["kind"] == "publication":
        assert row["tail_id"] in [about["id"] for about in facts["about"]]
        assert row["tail_id"] in command("show", f"PMID: {row['head_id']}", "--warehouse", warehouse).out
    study = command("show", row["tail_id"], "--json", "--warehouse", warehouse).json
    assert row["head_id"] in [paper["id"] for paper in study["publications"]]


def test_query_formats(command: Command, warehouse: Path) -> None:
    sql = "SELECT study_id, phases FROM studies WHERE len(phases) > 0 ORDER BY 1 LIMIT 3"
    rows = command("query", sql, "--format", "json", "--warehouse", warehouse).json
    csv = command("query", sql, "--format", "csv", "--warehouse", warehouse).out.splitlines()
    table = command("query", sql, "--warehouse", warehouse)
    assert len(rows) == 3
    assert csv[0] == "study_id,phases"
    assert [line.split(",")[0] for line in csv[1:]] == [row["study_id"] for row in rows]
    assert table.out.splitlines()[0].split() == ["study_id", "phases"]
    assert "3 rows" in table.err


@pytest.mark.parametrize(
    "sql", ["DROP TABLE studies", "SELECT * FROM read_csv('/etc/passwd')", "COPY studies TO 'x.csv'"]
)
def test_query_can_only_read_the_warehouse(sql: str, command: Command, warehouse: Path, tmp_path: Path) -> None:
    assert_one_line(command("query", sql, "--warehouse", warehouse), 2)
    assert list(tmp_path.iterdir()) == []


def test_export_says_what_it_wrote_and_overwrites_nothing(command: Command, warehouse: Path, tmp_path: Path) -> None:
    done = command("export", "out", "--format", "sqlite", "--include-restricted", "--warehouse", warehouse)
    assert done.code == 0, done.err
    (file,) = (tmp_path / "out").iterdir()
    with sqlite3.connect(file) as database:
        (studies,) = database.execute("SELECT count(*) FROM studies").fetchone()
    assert studies == command("atlas", "--json", "--warehouse", warehouse).json["trials"]
    assert_one_line(command("export", "out", "--warehouse", warehouse), 2, "out")


# --- what the code says about itself


def test_sources(command: Command) -> None:
    listed = command("sources", "--json").json
    assert {"clinicaltrials_gov", "ictrp", "pubmed"} <= {source["name"] for source in listed}
    one = command("sources", "ictrp", "--json").json
    assert one in listed
    text = command("sources", "ictrp").out
    assert all(format["name"] in text for format in one["formats"])
    assert all(source["name"] in command("sources").out for source in listed)


def test_tasks(command: Command, warehouse: Path, tmp_path: Path) -> None:
    listed = command("tasks", "list", "--json").json
    assert {"trial_completion", "endpoint_design"} <= {task["name"] for task in listed}
    cards = command("tasks", "build", "--json", "--out", "samples", "--warehouse", warehouse).json
    contamination = cards.pop("contamination")
    assert contamination["samples"] == sum(sum(card["samples"].values()) for card in cards.values())
    assert contamination["crossing_ids"] == 0
    assert cards.keys() <= {task["name"] for task in listed}
    assert all(name in cards or name.startswith(tuple(cards)) for name in (task["name"] for task in listed))
    for name, card in cards.items():
        lines = (tmp_path / "samples" / name / "train.jsonl").read_text(encoding="utf-8").splitlines()
        assert len(lines) == card["samples"]["train"]
    text = command("tasks", "build", "trial_completion", "--out", "samples", "--warehouse", warehouse).out
    assert "trial_completion" in text
    assert "endpoint_design" not in text
    assert "FICTIONAL" in text
    assert "Contamination: 0 ids" in text


def test_a_sample_is_shown_as_a_model_gets_it(command: Command, warehouse: Path) -> None:
    (shown,) = command("tasks", "show", "trial_completion", "--json", "--warehouse", warehouse).json
    assert shown["split"] == "test"
    text = command("tasks", "show", "trial_completion", "--warehouse", warehouse).out
    assert shown["prompt"] in text
    assert f"Right reply: {shown['right_reply']}" in text
    misspelt = command("tasks", "show", "trial_complete", "--warehouse", warehouse)
    assert_one_line(misspelt, 2, "Close: trial_completion")


def test_dictionary_is_what_the_warehouse_has(command: Command, warehouse: Path) -> None:
    tables = command("dictionary", "--json").json
    built = command(
        "query", "SELECT table_name, column_name, type FROM dictionary", "--json", "--warehouse", warehouse
    ).json
    told = {(name, column["name"]) for name, table in tables.items() for column in table["columns"]}
    assert told == {(row["table_name"], row["column_name"]) for row in built}
    assert all(column["meaning"] for table in tables.values() for column in table["columns"])
    assert "recruitment_status" in command("dictionary", "studies").out


def test_doctor(command: Command, warehouse: Path) -> None:
    facts = command("doctor", "--json", "--warehouse", warehouse).json
    assert facts["warehouse"]["snapshot"]
    assert "duckdb" in facts["libraries"]
    assert facts["inspect_plugin"] is True
    assert facts["extras"].keys() == {"train", "web", "spark", "embed"}
    text = command("doctor").out
    assert facts["python"] in text
    assert "Nothing is wrong." in text or facts["problems"]


# --- long work


def test_a_piped_build_says_a_line_per_stage(command: Command, inputs: list[Path]) -> None:
    done = command("build", *inputs, "--warehouse", "w", "--workers", "1")
    assert done.code == 0, done.err
    stages = [line.split(":")[0] for line in done.err.splitlines()]
    assert stages == ["ingest", "resolve", "link", "tables", "publish", "Next"]
    assert "snapshot" in done.out


def test_names_are_completed(warehouse: Path) -> None:
    environment = os.environ | {
        "_TRIALPANORAMA_COMPLETE": "complete_bash",
        "COMP_WORDS": "trialpanorama sources clin",
        "COMP_CWORD": "2",
    }
    code = "import sys; sys.argv[0] = 'trialpanorama'; from trialpanorama.apps.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.split() == ["clinicaltrials_gov"]
