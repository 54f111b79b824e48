"""The three measured defects of the TOP literature, and flaws of the published benchmark that concern outcomes."""

from __future__ import annotations

import csv
import gzip
import re
from pathlib import Path

import numpy as np

from tests.tasks.test_outcome_labels import TOP_ROW, write
from tests.tasks.test_outcome_prediction import FAILURE, SUCCESS, sample
from trialpanorama.tasks import Unreadable
from trialpanorama.tasks._scores import auroc, average_precision
from trialpanorama.tasks.outcome_prediction import TASK, Forecast

_STOPPED = re.compile(r"terminat|withdr[ae]w|suspend", re.IGNORECASE)


def _rows(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt") as file:
        return list(csv.DictReader(file))


def _flawed_prompt(row: dict[str, str]) -> str:
    """The published kind of prompt: the whole row, as it stands."""
    return "\n".join(f"{name}: {cell}" for name, cell in row.items() if name != "label")


def test_outcome_defect_1_the_status_of_the_row_is_in_no_prompt(tmp_path: Path) -> None:
    ends = [("terminated", "0"), ("completed", "1")]
    rows = [TOP_ROW | {"nctid": f"NCT9900010{n}", "status": s, "label": y} for n, (s, y) in enumerate(ends)]
    assert [str(int(not _STOPPED.search(_flawed_prompt(row)))) for row in rows] == ["0", "1"], "a rule reads the label"
    samples = list(TASK.samples_from([write(tmp_path / "top.csv", rows)], "test"))
    assert {TASK.label(one) for one in samples} == {"success", "failure"}
    assert len({TASK.prompt(one) for one in samples}) == 1
    assert len({str(TASK.features(one)) for one in samples}) == 1


def test_real_outcome_defect_1_the_rule_on_status_finds_nothing_here(
    shared_data: Path,
) -> None:
    path = shared_data / "outcomes" / "top_phase_I_valid.csv.gz"
    rows = {row["nctid"]: row for row in _rows(path)}
    samples = list(TASK.samples_from([path], "test"))
    truth = np.array([float(TASK.label(one) == "success") for one in samples])
    flawed = np.array([float(not _STOPPED.search(rows[one.subject]["status"])) for one in samples])
    assert auroc(truth, flawed) > 0.8, "no honest model of the literature reaches 0.73"
    # The reason of a stop, where there is one, is in the flawed prompt word by word, and in none of ours.
    reasons = [(one, " ".join(rows[one.subject]["why_stop"].split())) for one in samples]
    told = [(one, why) for one, why in reasons if len(why.split()) >= 3]
    assert len(told) > 15
    for one, why in told:
        assert why in " ".join(_flawed_prompt(rows[one.subject]).split())
        assert why.lower() not in " ".join(TASK.prompt(one).split()).lower()


def test_outcome_defect_2_average_precision_is_of_probabilities_not_of_answers() -> None:
    """Cutting scores at 0.5 before the figure throws the ranking away: the published PR-AUC."""
    chances = [0.95, 0.9, 0.85, 0.8, 0.7, 0.65, 0.6, 0.55]
    golds = [SUCCESS, SUCCESS, SUCCESS, SUCCESS, FAILURE, FAILURE, FAILURE, FAILURE]
    scores = [TASK.score(Forecast("success", p), sample(g)) for p, g in zip(chances, golds, strict=True)]
    truth = np.array([score["success"] for score in scores])
    flawed = average_precision(truth, (np.array(chances) > 0.5).astype(float))
    assert flawed == 0.5, "no better than chance"
    assert TASK.aggregate(scores)["average_precision"] == 1
    assert TASK.metrics[0].name == "average_precision"


def test_outcome_defect_3_molecules_that_no_drug_is_are_not_used(tmp_path: Path) -> None:
    """A row of trastuzumab with the SMILES of a platinum complex: the flawed match makes it a platinum trial."""
    row = TOP_ROW | {"drugs": "['trastuzumab']", "smiless": "['[H][N]([H])([H])[Pt]1OC(=O)C(=O)O1']"}
    other = row | {"nctid": "NCT99000002", "smiless": "['CC']"}
    is_platinum = ["[Pt" in one["smiless"] for one in (row, other)]
    assert is_platinum == [True, False], "one drug, two molecules"
    samples = list(TASK.samples_from([write(tmp_path / "top.csv", [row, other])], "test"))
    assert samples[0].inputs == samples[1].inputs
    assert all("Pt" not in TASK.prompt(one) and "platin" not in TASK.prompt(one) for one in samples)


def test_real_outcome_defect_3_platinum_stands_beside_drugs_that_hold_none(shared_data: Path) -> None:
    platinum = re.compile(r"(?i)platin|\b(?:cddp|cbdca|folfox|folfirinox|xelox|capox|paraplatin|eloxatin)")
    rows = _rows(shared_data / "outcomes" / "top_phase_I_train.csv.gz")
    flawed = [row for row in rows if "[Pt" in row["smiless"]]
    wrong = [row for row in flawed if not platinum.search(row["drugs"])]
    assert len(flawed) > 50
    assert len(wrong) > 0.4 * len(flawed)


def test_flaw_04_what_cannot_be_read_counts_as_wrong_and_stays() -> None:
    replies = ['{"outcome": "success", "probability": 0.9}', "I cannot say", '{"outcome": null}', "{"]
    read = [TASK.read(reply, sample()) for reply in replies]
    kept = [answer for answer in read if not isinstance(answer, Unreadable)]
    flawed = sum(answer.outcome == "success" for answer in kept) / len(kept)
    assert flawed == 1, "dropping failures makes them a perfect score"
    scores = [TASK.score(answer, sample()) for answer in read]
    assert sum(score["correct"] for score in scores) / len(scores) == 0.25
    assert sum(score["unreadable"] for score in scores) == 3


def test_flaw_15_no_identifier_reaches_a_prompt(tmp_path: Path) -> None:
    row = TOP_ROW | {"criteria": "Participants of NCT99000001 or of ISRCTN99000001, see EudraCT 2010-012345-20"}
    (one,) = TASK.samples_from([write(tmp_path / "top.csv", [row])], "test")
    assert "NCT99000001" in _flawed_prompt(row)
    assert not re.search(r"NCT\d|ISRCTN\d|2010-012345", TASK.prompt(one))
