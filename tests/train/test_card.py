"""The model card of a run: everything that it was made of, how it scored, and what must not be taken from it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import yaml

from trialpanorama.errors import UserError
from trialpanorama.evaluate import Row
from trialpanorama.train import card, recipe, runs


def a_run(
    folder: Path, *, is_fictional: bool = False, parameters: int = 8_000_000_000, state: str = "finished"
) -> Path:
    """The folder of a run on outcomes that began from an earlier run."""
    settings = dict(recipe.settings_of(recipe.read("outcome_lora", [f"model={folder.parent / 'earlier' / 'model'}"])))
    learnt = runs.Learnt(
        rows={"outcome_prediction": 38}, tokens=12_345, longest=987, samples={"outcome_prediction": 41},
        left_out={"outcome_prediction": {"longer than the recipe's length": 3}}, split_up={"outcome_prediction": 0},
        files={"outcome_prediction/train.jsonl": "ab" * 32}, snapshots=["0123456789abcdef"], is_fictional=is_fictional,
    )  # fmt: skip
    sitting = runs.Sitting(began="2026-11-22T01:00:00+00:00", from_step=0, to_step=9, seconds=90.0, ended="finished")
    record = runs.Run(
        trialpanorama="0.6.0", method="sft", recipe=settings, state=state,  # type: ignore[arg-type]  # one of them
        data={"train": learnt, "validation": msgspec.structs.replace(learnt, files={"x/validation.jsonl": "cd" * 32})},
        is_fictional=is_fictional, parameters=parameters, trained_parameters=1_000, precision="bf16", attention="sdpa",
        processes=1, accumulation=1, steps=9, all_steps=9, history=[], sittings=[sitting],
        libraries={"torch": "2.13.0"}, machine={"devices": ["A made-up accelerator"], "processor": "x86_64"},
    )  # fmt: skip
    (folder / "model").mkdir(parents=True)
    (folder / runs.RECORD).write_bytes(msgspec.json.encode(record))
    return folder


def a_row(**more: object) -> Row:
    given = {
        "task": "outcome_prediction", "version": 1, "model": "run", "split": "test", "metric": "average_precision",
        "title": "Average precision", "arrow": "↑", "value": 0.61, "low": 0.5, "high": 0.7, "n": 120, "failed": 2,
        "refused": 0, "unreadable": 3, "truncated": 4, "floor": 0.55, "is_fictional": False, "snapshot": "0123456789",
        "log": "/somewhere/of/this/machine.eval",
    }  # fmt: skip
    return msgspec.convert(given | more, Row)


def test_a_card_tells_data_recipe_scores_use_and_limits(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")
    (run / "scores.json").write_bytes(msgspec.json.encode([a_row(), a_row(value=None, low=None, high=None)]))
    path = card.write(run)
    text = path.read_text(encoding="utf-8")
    assert path == run / "README.md"
    front = yaml.safe_load(text.split("---")[1])
    assert front["library_name"] == "peft"
    assert front["license"] == "other"
    assert "base_model" not in front
    for told in (
        "Supervised fine-tuning of `earlier`", "1,000 of 8,000,000,000 weights", "A made-up accelerator",
        "| outcome_prediction | Average precision ↑ | run | 0.610 [0.500, 0.700] | 120 | 2 | 7 | 0.550 |",
        "| not defined |", "| outcome_prediction | 41 | 38 | 0 | 3 longer than the recipe's length |",
        f"`{'ab' * 32}`", f"`{'cd' * 32}`", "`0123456789abcdef`", "rank: 16", "## Intended use", "## Limits",
        "no medical device", f"Data: {card.UNNAMED}", "torch 2.13.0",
    ):  # fmt: skip
        assert told in text, told
    assert str(tmp_path) not in text
    assert "/somewhere" not in text
    assert "FICTIONAL" not in text
    assert "plumbing" not in text


@pytest.mark.parametrize(
    ("is_fictional", "parameters", "told"),
    [
        (True, 8_000_000_000, ("FICTIONAL", "A check of the plumbing, not a finding:** the trials are made up")),
        (False, 164_224, ("A check of the plumbing, not a finding:** the model has 164,224 weights",)),
    ],
)
def test_what_is_no_finding_says_so_at_the_top(
    tmp_path: Path, is_fictional: bool, parameters: int, told: tuple[str, ...]
) -> None:
    text = card.card(a_run(tmp_path / "run", is_fictional=is_fictional, parameters=parameters))
    for words in told:
        assert words in text.partition("## Scores")[0]
    assert ("fictional-data" in text) == is_fictional
    assert "Not scored yet" in text


def test_licences_are_kept_once_they_are_named(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")
    card.write(run, card.Licences(data="CC0"))
    card.write(run, card.Licences(base_model="Apache-2.0"))
    text = card.write(run).read_text(encoding="utf-8")
    assert "Data: CC0." in text
    assert "Base model: Apache-2.0." in text
    assert card.UNNAMED not in text


def test_a_model_of_the_hub_is_named_as_the_base(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")
    record = runs.read(run)
    record.recipe |= {"model": "Qwen/Qwen3-8B", "lora": None}
    (run / runs.RECORD).write_bytes(msgspec.json.encode(record))
    front = yaml.safe_load(card.card(run).split("---")[1])
    assert (front["base_model"], front["library_name"]) == ("Qwen/Qwen3-8B", "transformers")


def test_a_run_that_has_not_ended_has_no_card(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"interrupted.*--resume"):
        card.write(a_run(tmp_path / "run", state="interrupted"))
    with pytest.raises(UserError, match="holds no run"):
        card.write(tmp_path)
