"""What is learnt from, what is held back, and what the folder says of itself."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.forecast.made import FAST, Made, label_rows
from tests.handmade import connection, many_trials
from tests.handmade import warehouse as warehouse_of
from tests.tasks.test_outcome_labels import TOP_ROW, write
from trialpanorama.errors import UserError
from trialpanorama.forecast import OUTCOMES, fit, fitting
from trialpanorama.forecast.fitting import KIND_OF_REASON
from trialpanorama.tasks._outcome_labels import read_reasons
from trialpanorama.tasks._splits import split_all
from trialpanorama.tasks.trial_completion import REASONS


def test_the_card_says_what_it_was_fitted_on(fitted: Made) -> None:
    card = fitted.forecast.card
    assert (card.warehouse_trials, card.label_file_trials, card.outcome.n) == (0, 200, 200)
    assert card.snapshot == fitted.warehouse.snapshot
    assert card.outcome.labels == {"success": 100, "failure": 100}
    assert card.completion is not None
    assert card.completion.n == 168
    assert card.outcome.calibrated_on == 200
    assert (card.outcome.left_out["auroc"] or 0) > 0.7
    assert card.outcome.threshold is not None
    assert card.outcome.threshold_from == "200 trials left out of fitting in turn"
    assert [file.name for file in card.label_files] == ["labels.csv"]
    readme = (fitted.forecast.folder / "README.md").read_text()
    assert "**FICTIONAL" in readme
    assert "own use only" in readme
    assert card.outcome.reads == ["conditions", "criteria", "interventions", "phases"]
    assert "It reads for outcome: conditions, criteria, interventions, phases." in readme


def test_what_was_fitted_on_label_files_may_not_be_passed_on(fitted: Made) -> None:
    assert not fitted.forecast.card.is_shippable
    assert "do not pass it on" in fitted.forecast.card.licence


def test_made_up_trials_make_a_fictional_model(fitted: Made) -> None:
    assert fitted.forecast.card.is_fictional


def test_every_reason_has_a_kind_and_all_kinds_are_counted(fitted: Made) -> None:
    assert set(KIND_OF_REASON) == set(REASONS)
    assert set(KIND_OF_REASON.values()) == set(OUTCOMES[1:])
    counts = fitted.forecast.card.failures
    assert list(counts) == list(OUTCOMES[1:])
    part = fitted.forecast.card.failure
    assert part is not None
    assert part.n == sum(counts.values()) > 60
    # Only stopped trials of label files hold harm as a reason.
    assert counts["failed_safety"] > 5


def test_words_on_why_a_trial_stopped_are_read_as_labels_alone(tmp_path: Path) -> None:
    rows = [TOP_ROW, TOP_ROW | {"nctid": "NCT99000002", "why_stop": " "}]
    plain = write(tmp_path / "plain.csv", [{"nctid": "NCT99000003", "label": "1"}])
    assert read_reasons([write(tmp_path / "top.csv", rows), plain]) == {"NCT99000001": "slow accrual"}


def test_held_out_trials_of_the_warehouse_are_not_learnt_from_label_files(tmp_path: Path) -> None:
    trials = many_trials(100)
    con = connection(trials)
    split_all(con)
    later = {row[0] for row in con.execute("SELECT study_id FROM trial_splits WHERE split <> 'train'").fetchall()}
    assert len(later) == 30
    rows = label_rows(80, 500_000, 3)
    named = [row | {"nctid": trial.study_id} for row, trial in zip(label_rows(100, 1, 4), trials, strict=True)]
    labels = write(tmp_path / "labels.csv", rows + named)
    card = fit(warehouse_of(tmp_path / "w", trials), tmp_path / "m", [labels], settings=FAST, refits=2)
    assert card.left_out == {"in the warehouse's validation or test split": 30}
    assert card.label_file_trials == 150
    seen = (tmp_path / "m" / "seen.bin").read_bytes()
    from trialpanorama.forecast import Forecast

    forecast = Forecast.open(tmp_path / "m")
    assert len(seen) % 8 == 0
    assert not any(forecast.knows(study) for study in later)
    assert all(forecast.knows(trial.study_id.lower()) for trial in trials if trial.study_id not in later)


def test_without_a_warehouse_label_files_are_enough(tmp_path: Path) -> None:
    labels = write(tmp_path / "labels.csv", label_rows(60, 500_000, 5))
    card = fit(None, tmp_path / "model", [labels], settings=FAST, refits=2)
    assert card.completion is None
    assert card.snapshot == "none"
    # An older model is exchanged; something else is left alone.
    fit(None, tmp_path / "model", [labels], settings=msgspec.structs.replace(FAST, trees=5), refits=2)
    (tmp_path / "a file").write_text("keep")
    with pytest.raises(UserError, match="cannot be written"):
        fit(None, tmp_path / "a file" / "model", [labels])
    (tmp_path / "a file").unlink()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("keep")
    with pytest.raises(UserError, match="Name another place"):
        fit(None, tmp_path / "notes", [labels])
    (tmp_path / "notes" / "card.json").write_text("{}")
    with pytest.raises(UserError, match="Name another place"):
        fit(None, tmp_path / "notes", [labels])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["labels.csv", "model", "notes"]


@pytest.mark.parametrize("labels", [[("1", 30)], [("1", 30), ("0", 4)], [("1", 8), ("0", 8)]])
def test_too_few_trials_are_one_sentence(labels: list[tuple[str, int]], tmp_path: Path) -> None:
    ends = [end for end, times in labels for _ in range(times)]
    rows = [row | {"label": end} for row, end in zip(label_rows(len(ends), 1, 1), ends, strict=True)]
    with pytest.raises(UserError, match=r"trials to learn from, .* succeeded; at least 20"):
        fit(None, tmp_path / "model", [write(tmp_path / "labels.csv", rows)])
    assert not (tmp_path / "model").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["labels.csv"]


def test_the_same_trials_give_the_same_model(fitted: Made, tmp_path: Path) -> None:
    labels = write(tmp_path / "labels.csv", label_rows(60, 500_000, 5))
    contents = []
    for name in ("one", "two"):
        fit(None, tmp_path / name, [labels], settings=FAST, refits=2)
        contents.append({p.name: p.read_bytes() for p in sorted((tmp_path / name / "outcome").iterdir())})
    assert contents[0] == contents[1]


def test_of_very_many_trials_some_are_drawn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fitting, "MOST_SAMPLES", 50)
    labels = write(tmp_path / "labels.csv", label_rows(80, 500_000, 5))
    card = fit(None, tmp_path / "model", [labels], settings=FAST, refits=2)
    assert (card.outcome.n, card.label_file_trials) == (50, 50)


def test_what_may_not_be_passed_on_makes_a_model_for_own_use(tmp_path: Path) -> None:
    trials = many_trials(30)
    for trial in trials[:3]:
        trial.studies["licence"] = "closed"
    for trial in trials[3:]:
        trial.studies.update(licence="CC0", is_open=True)
    house = warehouse_of(tmp_path / "w", trials)
    assert fitting._licences(house, {trial.study_id for trial in trials[3:]}) == (
        "fitted on registry entries under: CC0 (27 trials)",
        True,
    )
    said, is_open = fitting._licences(house, {trial.study_id for trial in trials})
    assert not is_open
    assert said.endswith("CC0 (27 trials); closed (3 trials); not all may be passed on")
