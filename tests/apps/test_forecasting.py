"""Commands outcome fit, outcome evaluate and predict, as a user types them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.apps.conftest import Done
from tests.forecast.made import FAST, REFITS, XML, label_rows
from tests.tasks.test_outcome_labels import write
from trialpanorama.forecast import Forecast, evaluating, fit
from trialpanorama.forecast.reading import start_of
from trialpanorama.ingest import Piece, find_inputs, read_piece
from trialpanorama.record import Record
from trialpanorama.tasks._trials import trials_of
from trialpanorama.warehouse import Warehouse

Command = Callable[..., Done]
DRAFT = """\
public_title: Fictumab lozenge in Gloaming Fever
phases: [PHASE2]
conditions: [Gloaming Fever]
interventions:
  - name: Fictumab lozenge
    type: DRUG
inclusion_criteria:
  - Speckled nails seen at two visits
"""


class Fitted(NamedTuple):
    """A model, the warehouse it was fitted on, and labelled trials that it has not seen."""

    model: Path
    warehouse: Path
    held_out: Path


@pytest.fixture(scope="module")
def fitted(warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    folder = tmp_path_factory.mktemp("forecast")
    labels = write(folder / "labels.csv", label_rows(120, 500_000, 1))
    held_out = write(folder / "held_out.csv", label_rows(60, 600_000, 2))
    fit(Warehouse.open(warehouse), folder / "model", [labels], settings=FAST, refits=REFITS)
    return Fitted(folder / "model", warehouse, held_out)


@pytest.fixture(autouse=True)
def _few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluating, "RESAMPLES", 60)


@pytest.fixture
def predict(command: Command, fitted: Fitted) -> Command:
    def call(*arguments: str | Path) -> Done:
        return command("predict", *arguments, "--model", fitted.model)

    return call


def test_fit_then_predict_with_nothing_but_the_defaults(command: Command, tmp_path: Path) -> None:
    labels = write(tmp_path / "labels.csv", label_rows(40, 500_000, 5))
    done = command("outcome", "fit", "--labels", labels)
    assert done.code == 0, done.err
    assert "own use only" in done.out
    assert (tmp_path / "warehouse.models" / "forecast" / "card.json").exists()
    (tmp_path / "draft.yaml").write_text(DRAFT)
    asked = command("predict", "draft.yaml", "--json")
    assert asked.code == 0, asked.err
    assert 0 < asked.json["probability"] < 1
    assert asked.json["completion"] is None


def test_without_a_model_one_line_says_what_to_run(command: Command) -> None:
    done = command("predict", XML)
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert "trialpanorama outcome fit" in done.err


def test_without_a_warehouse_or_labels_fit_says_what_is_missing(command: Command) -> None:
    done = command("outcome", "fit")
    assert done.code == 2
    assert "There is no warehouse" in done.err


def test_one_trial_is_one_document(predict: Command, fitted: Fitted) -> None:
    done = predict(XML, "--json", "--warehouse", fitted.warehouse)
    assert done.code == 0, done.err
    found = done.json
    assert {"probability", "interval", "reasons", "completion", "similar", "model"} <= set(found)
    assert found["id"] == "NCT99000101"
    assert found["fictional"] is True
    assert sum(found["classes"].values()) == pytest.approx(1, abs=1e-4)
    assert found["expected"]["trials"] == [one["study_id"] for one in found["similar"]]


def test_every_output_of_a_fictional_model_says_so(predict: Command, command: Command, fitted: Fitted) -> None:
    outputs = [
        predict(XML).out,
        predict(XML, XML).out,
        predict(XML, XML, "--compare").out,
        command("outcome", "evaluate", "--model", fitted.model, "--labels", fitted.held_out).out,
    ]
    assert all(out.startswith("FICTIONAL") for out in outputs)


def test_similar_trials_of_the_warehouse_are_shown(predict: Command, fitted: Fitted, tmp_path: Path) -> None:
    con = Warehouse.open(fitted.warehouse).connect()
    ((condition,),) = con.execute(
        "SELECT condition_name FROM conditions WHERE condition_mesh_type = 'linked' GROUP BY 1 "
        "ORDER BY count(DISTINCT study_id) DESC, 1 LIMIT 1"
    ).fetchall()
    con.close()
    draft = tmp_path / "draft.yaml"
    draft.write_text(f"public_title: A planned trial\nconditions: ['{condition}']\n")
    done = predict(draft, "--json", "--similar", "3", "--warehouse", fitted.warehouse)
    assert 0 < len(done.json["similar"]) <= 3
    shown = predict(draft, "--warehouse", fitted.warehouse).out
    assert "Similar trials" in shown
    assert done.json["similar"][0]["study_id"] in shown


def test_a_draft_says_what_moved_it(predict: Command, tmp_path: Path) -> None:
    (tmp_path / "draft.yaml").write_text(DRAFT)
    done = predict(tmp_path / "draft.yaml")
    assert done.code == 0, done.err
    assert "lozenge" in done.out.split("What moved success")[1]


def test_two_drafts_are_compared(predict: Command, tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(DRAFT)
    (tmp_path / "two.yaml").write_text(DRAFT.replace("lozenge", "spray"))
    done = predict(tmp_path / "one.yaml", tmp_path / "two.yaml", "--compare", "--json")
    assert done.json["difference"] < 0
    assert done.json["interval"][0] <= done.json["difference"] <= done.json["interval"][1]
    for files in ([XML], [XML, XML, XML], [XML, tmp_path / "none.yaml"]):
        assert predict(*files, "--compare").code == 2


def test_many_files_and_archives_keep_what_is_good(predict: Command, tmp_path: Path) -> None:
    text = XML.read_text(encoding="utf-8")
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
        for number in range(4):
            archive.writestr(f"trials/{number}.xml", text.replace("NCT99000101", f"NCT9900020{number}"))
        archive.writestr("notes.txt", "no trial")
    folder = tmp_path / "folder"
    folder.mkdir()
    shutil.copy(XML, folder / "a.xml")
    (folder / "b.xml").write_text(text[: len(text) // 2], encoding="utf-8")
    done = predict(tmp_path / "many.zip", folder, "--json")
    assert done.code == 0, done.err
    good = [one for one in done.json if "probability" in one]
    bad = [one for one in done.json if "error" in one]
    assert [one["id"] for one in good] == [*(f"NCT9900020{number}" for number in range(4)), "NCT99000101"]
    assert len(bad) == 2
    assert len({one["probability"] for one in good}) == 1
    assert "many.zip:notes.txt" in done.err
    table = predict(tmp_path / "many.zip").out
    assert table.count("Fictamab Versus Placebo") == 4


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.xml", b"", "no bytes"),
        ("notes.txt", b"Dear colleague, please find the protocol attached.", "no source recognises"),
        ("results.xml", b"<clinical_results><outcome_list/></clinical_results>", "no"),
        ("half.xml", b"<clinical_study><id_info><nct_id>NCT99000101</nct_id>", "no study that can be read"),
        ("bomb.xml", b'<!DOCTYPE a [<!ENTITY b "c">]><clinical_study>&b;</clinical_study>', "entities"),
        ("bare.yaml", b"phases: [PHASE1]\n", "neither a title nor"),
        ("odd.yaml", b"colour: blue\n", "colour"),
        (
            "bare.xml",
            b"<clinical_study><id_info><nct_id>NCT99000101</nct_id></id_info>"
            b"<study_type>Interventional</study_type></clinical_study>",
            "nothing to go by",
        ),
    ],
)
def test_what_is_no_trial_is_one_sentence(
    predict: Command, tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    done = predict(tmp_path / name)
    assert (done.code, done.out) == (2, ""), done.out
    assert said in done.err
    assert "Traceback" not in done.err


def test_a_file_that_is_not_there(predict: Command) -> None:
    done = predict("nowhere.xml")
    assert done.code == 2
    assert "No such file: nowhere.xml" in done.err


def test_evaluate_prints_floors_and_intervals(command: Command, fitted: Fitted) -> None:
    done = command("outcome", "evaluate", "--model", fitted.model, "--labels", fitted.held_out, "--json")
    assert done.code == 0, done.err
    (found,) = done.json["evaluations"]
    assert found["n"] == 60
    brier = next(d for d in found["differences"] if (d["other"], d["metric"]) == ("prior", "brier"))
    assert brier["high"] < 0
    shown = command("outcome", "evaluate", "--model", fitted.model, "--labels", fitted.held_out).out
    for said in ("prior", "words, logistic regression", "Net benefit", "Calibration slope", "F1 at probability"):
        assert said in shown


def test_a_file_is_read_as_the_warehouse_reads_it(inputs: list[Path], warehouse: Path) -> None:
    """What a model is asked about a file is what it learnt from the warehouse, to the letter."""
    con = Warehouse.open(warehouse).connect()
    rows = con.execute(
        "SELECT record_ids[1], study_id FROM studies WHERE kind = 'registration' AND number_of_records = 1"
    ).fetchall()
    study = dict(rows)
    known = {trial.study_id: trial.start for trial in trials_of(con, sorted(study.values()))}
    con.close()
    compared = 0
    for file in find_inputs(inputs):
        for record in read_piece(Piece(file)):
            if isinstance(record, Record) and (start := known.get(study.get(record.record_id, ""))) is not None:
                assert start_of(record) == start
                compared += 1
    assert compared > 30


def test_asking_loads_no_fitting_library(fitted: Fitted, tmp_path: Path) -> None:
    """A forecast is quick as nothing is imported that only fitting needs."""
    script = (
        "import sys\nfrom trialpanorama.apps.cli import run\n"
        f"assert run(['predict', {str(XML)!r}, '--model', {str(fitted.model)!r}, '--json']) == 0\n"
        "print(sorted({'sklearn', 'scipy', 'torch', 'pandas', 'inspect_ai', 'duckdb'} & set(sys.modules)), "
        "file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stderr.strip() == "[]"
    assert json.loads(done.stdout)["id"] == "NCT99000101"


def test_a_model_opens_from_where_it_lies(fitted: Fitted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIALPANORAMA_MODEL", str(fitted.model))
    assert Forecast.open().card.label_file_trials == 120
