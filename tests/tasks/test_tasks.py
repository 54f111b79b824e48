"""The plug-in shape, and samples on disk."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec
import pytest

from tests.handmade import HandTrial, connection, many_trials, warehouse
from tests.tasks.test_trials import TRIAL_TASKS
from trialpanorama import tasks
from trialpanorama.errors import UnknownName, UserError
from trialpanorama.tasks import SPLITS, Card, LabelTask


def test_every_file_of_the_folder_is_a_task_that_says_what_it_is() -> None:
    files = {path.stem for path in Path(tasks.__file__).parent.glob("[!_]*.py")}
    assert set(tasks.tasks()) == files
    for name, task in tasks.tasks().items():
        assert task.name == name
        assert task.version >= 1
        assert task.title
        assert task.meaning.endswith(".")
        assert len({metric.name for metric in task.metrics}) == len(task.metrics) >= 2


def test_a_misspelt_task_is_told_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"Close: trial_completion"):
        tasks.task("trial_completon")


def test_samples_go_to_disk_with_a_card_that_counts_every_trial(tmp_path: Path) -> None:
    open_trials = [
        HandTrial(number=900 + i, status="RECRUITING", title=f"An open trial of something number {i}") for i in range(3)
    ]
    undated = HandTrial(
        number=950, title="A trial without a date", studies={"registration_date": None, "start_date": None}
    )
    opened = warehouse(tmp_path / "w", [*many_trials(120), *open_trials, undated])
    cards = tasks.build(opened)
    assert set(cards) == set(tasks.tasks())
    for name, card in cards.items():
        if name in TRIAL_TASKS:
            assert sum(card.samples.values()) + sum(sum(c.values()) for c in card.left_out.values()) == 123
        assert card == msgspec.json.decode((opened.path / "tasks" / name / "card.json").read_bytes(), type=Card)
        assert card.undated == 1
        assert card.snapshot == opened.snapshot
        assert card.is_fictional
        for split in SPLITS:
            lines = (opened.path / "tasks" / name / f"{split}.jsonl").read_bytes().splitlines()
            assert len(lines) == card.samples[split]
            assert lines or name not in TRIAL_TASKS
            if isinstance(tasks.task(name), LabelTask):
                assert sum(card.labels[split].values()) == len(lines)
    assert sum(c.get("status RECRUITING", 0) for c in cards["trial_completion"].left_out.values()) == 3


def test_samples_on_disk_are_the_samples_made_anew_and_old_ones_are_not_used(tmp_path: Path) -> None:
    opened = warehouse(tmp_path / "w", many_trials(60))
    task = tasks.task("trial_completion")
    anew = tasks.load(opened, task, "test")
    tasks.build(opened, names=["trial_completion"])
    assert tasks.load(opened, task, "test") == anew
    place = opened.path / "tasks" / "trial_completion" / "test.jsonl"
    place.write_bytes(place.read_bytes().splitlines()[0] + b"\n")
    assert len(tasks.load(opened, task, "test")) == 1, "the card fits, so the file is used"
    opened.manifest.snapshot = "another"
    assert tasks.load(opened, task, "test") == [msgspec.structs.replace(sample, snapshot="another") for sample in anew]


def test_the_same_tables_give_the_same_samples_whatever_the_order_of_rows() -> None:
    trials = many_trials(60)
    forward, backward = connection(trials), connection(trials[::-1])
    for task in tasks.tasks().values():
        for split in SPLITS:
            one = [msgspec.json.encode(s) for s in task.samples(forward, split)]
            other = [msgspec.json.encode(s) for s in task.samples(backward, split)]
            assert one == other
            assert one or task.name not in TRIAL_TASKS


def test_a_split_without_samples_says_what_to_do(tmp_path: Path) -> None:
    opened = warehouse(tmp_path / "w", [])
    with pytest.raises(UserError, match="holds no test sample for trial_completion"):
        tasks.require([], tasks.task("trial_completion"), "test", opened)


@pytest.mark.parametrize("name", ["trial_completion", "endpoint_design"])
def test_a_split_is_cut_to_its_size_and_every_trial_still_counted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    task, con = tasks.task(name), connection(many_trials(120))
    unused: Counter[str] = Counter()
    everything = [sample.id for sample in task.samples(con, "train", unused)]
    monkeypatch.setattr(type(task), "most_samples", {"train": 12, "validation": 1, "test": 1})
    monkeypatch.setattr("trialpanorama.tasks._trials._AT_ONCE", 10)
    left_out: Counter[str] = Counter()
    some = [sample.id for sample in task.samples(con, "train", left_out)]
    assert some == everything[:12]
    assert len(some) + sum(left_out.values()) == len(everything) + sum(unused.values())
    assert left_out[tasks.NOT_NEEDED] > 0
