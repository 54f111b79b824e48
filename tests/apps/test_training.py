"""The commands that train: recipes to read, plans of runs, runs, exports; one clear line for each mistake."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.apps.conftest import Done
from tests.train import every_task

Command = Callable[..., Done]

pytestmark = pytest.mark.skipif(importlib.util.find_spec("trl") is None, reason="the train extra is not installed")


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return every_task.write(tmp_path_factory.mktemp("every") / "samples")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from trialpanorama.train.tiny import tiny_qwen3

    return tiny_qwen3(tmp_path_factory.mktemp("model"), ["How many are needed?", "Which belongs to it?"])


def test_recipes_are_listed_with_their_meaning(command: Command) -> None:
    told = command("train", "recipes", "--json").json
    assert {"qwen3_8b_phase1", "llama3_8b_grpo_search", "tiny"} <= {one["name"] for one in told}
    assert all(one["meaning"] and one["method"] in ("sft", "grpo") for one in told)
    listed = command("train", "recipes").out
    assert all(one["name"] in listed for one in told)


def test_a_recipe_that_was_printed_can_be_used(command: Command, tmp_path: Path, samples: Path) -> None:
    printed = command("train", "recipes", "qwen3_8b_phase2").out
    assert "# 16 = 4 GPUs x 1 sample at once x 4 of accumulation." in printed
    (tmp_path / "own.yaml").write_text(printed)
    done = command("train", "sft", "own.yaml", "--samples", samples, "--dry-run", "--json")
    assert done.code == 0
    assert done.json["method"] == "sft"


def test_a_dry_run_tells_what_would_run_and_leaves_nothing(command: Command, tmp_path: Path, samples: Path) -> None:
    done = command("train", "sft", "qwen3_8b_phase1", "--samples", samples, "--devices", 4, "--dry-run")
    assert (done.code, list(tmp_path.iterdir())) == (0, [])
    for told in (
        "8,190,735,360 weights, all of them trained",
        "15 (3 epochs of 5), each of 16 samples = 4 devices x 2 at once x 2 accumulated",
        "ZeRO-3",
        "SFTConfig",
        "accelerate launch --config_file",
        "FICTIONAL",
    ):
        assert told in done.out
    told = command("train", "grpo", "qwen3_8b_grpo_size", "--samples", samples, "--dry-run", "--json").json
    assert (told["steps"], told["replies"]) == (5, 5 * 128)
    assert told["memory"][0]["rollouts"] > 0
    assert told["checked"]


def test_settings_reach_the_run(command: Command, samples: Path) -> None:
    done = command(
        "train", "sft", "outcome_lora", "--samples", samples, "--set", "lora.rank=4", "--set", "data.most_samples=7",
        "--dry-run", "--json",
    )  # fmt: skip
    assert done.json["tasks"]["outcome_prediction"]["rows"] == 7
    assert 0 < done.json["trained_parameters"] < 0.01 * done.json["parameters"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["sft", "qwen_8b_phase1"], "qwen3_8b_phase1"),
        (["sft", "tiny_grpo"], "trialpanorama train grpo tiny_grpo"),
        (["grpo", "tiny"], "trialpanorama train sft tiny"),
        (["sft", "tiny", "--set", "epoch=1"], "did you mean epochs"),
        (["sft", "tiny", "--samples", "nowhere"], "no folder nowhere"),
        (["sft", "tiny", "--samples", ".", "--warehouse", "."], "give one of them"),
        (["sft", "tiny", "--samples", ".", "--dry-run"], "no model folder tiny"),
        (["sft", "qwen3_8b_phase1", "--samples", ".", "--dry-run"], "holds no samples of arm_design"),
        (["sft", "tiny"], "There is no warehouse"),
        (["export", "out", "--to", "axolotl"], "llamafactory"),
        (["recipes", "qwen"], "recipe"),
    ],
)
def test_a_mistake_is_one_line(command: Command, samples: Path, arguments: list[str], says: str) -> None:
    if arguments[0] == "export":
        arguments = [*arguments, "--samples", str(samples)]
    done = command("train", *arguments)
    assert (done.code, done.out) == (2, "")
    assert says in done.err
    assert len([line for line in done.err.splitlines() if not line.startswith("Counting")]) == 1


def test_the_papers_road_is_written(command: Command, samples: Path, tmp_path: Path) -> None:
    done = command("train", "export", "road", "--to", "verl", "--samples", samples, "--json")
    assert done.json["sample_size/train.parquet"] == 20
    assert "run.sh" in done.err
    assert yaml.safe_load((tmp_path / "road" / "qwen3_8b_size.yaml").read_text())["trainer"]["total_epochs"] == 5
    again = command("train", "export", "road", "--to", "verl", "--samples", samples)
    assert again.code == 2


@pytest.mark.slow
def test_a_run_ends_in_a_model_and_goes_on_only_where_it_is_asked(
    command: Command, samples: Path, small: Path, tmp_path: Path
) -> None:
    asked = [
        "train", "sft", "tiny", "--samples", samples, "--set", f"model={small}", "--set", "length=4096",
        "--set", "data.most_samples=4", "--set", "epochs=1",
    ]  # fmt: skip
    done = command(*asked)
    assert done.code == 0
    assert "runs/tiny/model: sft, 1 steps on 8 rows" in done.out
    assert "FICTIONAL" in done.out
    assert "step 1/1" in done.err
    assert (tmp_path / "runs" / "tiny" / "model" / "config.json").is_file()
    refused = command(*asked)
    assert refused.code == 2
    assert "--resume" in refused.err
    resumed = command(*asked, "--resume", "--json")
    assert resumed.json["state"] == "finished"


@pytest.mark.slow
def test_reinforcement_shows_what_was_replied(command: Command, samples: Path, small: Path) -> None:
    done = command(
        "train", "grpo", "tiny_grpo", "--samples", samples, "--out", "own", "--set", f"model={small}",
        "--set", "most_steps=1", "--set", "rollouts.tokens=8", "--set", "data.most_samples=4",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "own/model: grpo, 1 steps on 4 rows of sample_size" in done.out
    assert "reward" in done.err
