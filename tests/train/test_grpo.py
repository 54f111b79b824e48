"""Reinforcement of a tiny model: a check of the plumbing, not a finding about language models."""

from __future__ import annotations

import importlib.util
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.tiny_models import small_designs, tiny_qwen3
from trialpanorama.errors import UserError
from trialpanorama.evaluate import figures
from trialpanorama.tasks import AnySample, task
from trialpanorama.train import data, grpo, models, recipe, rewards, runs, sft
from trialpanorama.train.recipe import Recipe

pytestmark = pytest.mark.skipif(importlib.util.find_spec("trl") is None, reason="the train extra is not installed")

SIZE = task("sample_size")


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def plan(model: Path, method: str = "grpo", **settings: Any) -> Recipe:
    basic: dict[str, Any] = {
        "method": method, "meaning": "A test.", "model": str(model), "data": {"tasks": {"sample_size": 1.0}},
        "epochs": 50, "length": 512, "schedule": "constant", "precision": "float32", "attention": "sdpa",
        "gradient_checkpointing": False, "evaluate_every": 1_000, "save_every": 1_000,
    }  # fmt: skip
    return msgspec.convert(basic | settings, Recipe)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reinforced")


@pytest.fixture(scope="module")
def written(folder: Path) -> dict[Any, list[AnySample]]:
    """Small questions by split; all of them lie in FOLDER/tasks."""
    return dict(small_designs(folder / "tasks"))


@pytest.fixture(scope="module")
def designs(written: dict[Any, list[AnySample]]) -> list[AnySample]:
    """The held-out samples."""
    return written["test"]


@pytest.fixture(scope="module")
def untrained(folder: Path, written: dict[Any, list[AnySample]]) -> Path:
    return tiny_qwen3(folder / "untrained", [SIZE.prompt(one) + SIZE.reply(one.gold) for one in written["train"]])


def _sampled(model: Path, samples: list[AnySample], seed: int, each: int = 4) -> NDArray[np.float64]:
    """The mean reward of each sample's replies, drawn with this seed."""
    import torch

    loaded = models.load(model, precision="float32", attention="sdpa")
    words = loaded.tokenizer
    words.padding_side = "left"
    prompts = [[{"role": "user", "content": SIZE.prompt(one)}] for one in samples for _ in range(each)]
    asked = words.apply_chat_template(
        prompts, add_generation_prompt=True, padding=True, return_tensors="pt", return_dict=True
    )
    torch.manual_seed(seed)
    with torch.no_grad():
        made = loaded.model.eval().generate(**asked, max_new_tokens=40, do_sample=True, temperature=1.0, top_k=0)
    replies = words.batch_decode(made[:, asked["input_ids"].shape[1] :], skip_special_tokens=True)
    encoded = [msgspec.json.encode(one).decode() for one in samples for _ in range(each)]
    earned = [rewards.judge("sample_size", one, reply).reward for one, reply in zip(encoded, replies, strict=True)]
    means: NDArray[np.float64] = np.array(earned).reshape(len(samples), each).mean(axis=1)
    return means


# --- what is refused


def _refused(given: Recipe, folder: Path, why: str) -> None:
    with pytest.raises(UserError, match=why):
        grpo.run(given, folder / "tasks", folder / "never")
    assert not (folder / "never").exists()


def test_what_cannot_be_run_is_told(
    folder: Path, designs: list[AnySample], untrained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampling = {"per_prompt": 4, "tokens": 8}
    _refused(plan(untrained, "sft"), folder, "train sft")
    _refused(plan(untrained, rollouts=sampling, packing=True), folder, "packing=false")
    _refused(plan(untrained, rollouts=sampling, batch=4_000), folder, "192 of 192 .* one step takes 1000 prompts")
    _refused(plan(untrained, rollouts=sampling, length=60, batch=4), folder, "192 longer than")
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "vllm" else find(name))
    for mode in ("colocate", "server"):
        _refused(plan(untrained, rollouts=sampling | {"vllm": mode}), folder, "pip install vllm.*rollouts.vllm=off")


def test_a_search_whose_snapshot_is_not_there_is_told_before_training(
    folder: Path, untrained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRIALPANORAMA_WAREHOUSE", raising=False)
    row = {"task": "study_search", "prompt": [], "sample": json.dumps({
        "id": "a", "subject": "a", "split": "train", "group": "a", "date": "", "snapshot": "feedfeedfeedfeed",
        "inputs": {"title": "Drugs"}, "gold": {"query": '"99000001"[uid]'},
    })}  # fmt: skip
    real = data.rows(
        plan(untrained, rollouts={"per_prompt": 4, "tokens": 8}), folder / "tasks", models.tokenizer(untrained), "train"
    )
    found = msgspec.structs.replace(real, rows=[row] * 4)
    monkeypatch.setattr(data, "rows", lambda *_: found)
    given = plan(untrained, rollouts={"per_prompt": 4, "tokens": 8}, batch=4, data={"tasks": {"study_search": 1}})
    with pytest.raises(UserError):
        grpo.run(given, folder / "tasks", folder / "never")


# --- what a recipe becomes


def test_the_recipes_of_the_package_become_trl_configurations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [name for name in recipe.names() if recipe.read(name).method == "grpo"]
    assert names
    for name in names:
        given = recipe.read(name, ["rollouts.vllm=off", "precision=float32", "attention=sdpa"])
        config = grpo.configuration(runs.begin(given, tmp_path / name), evaluate=True)
        assert given.rollouts is not None
        assert config.generation_batch_size == given.batch, "as many replies a step as the recipe says"
        assert config.num_generations == given.rollouts.per_prompt
        assert config.steps_per_generation == config.gradient_accumulation_steps, "each reply is learnt from once"
        assert (config.beta, config.loss_type, config.scale_rewards) == (given.rollouts.kl, "dapo", "group")
        assert len(config.reward_weights) == len(given.data.tasks) + 1
        assert config.reward_weights[-1] == given.rollouts.format_weight


# --- what a person sees

ROLLOUT = grpo.Rollout(
    step=3, task="sample_size", sample="small-1", prompt="How many?", reply='[bold] {"sample_size": 7}\nthat is all',
    answer='{"sample_size":7,"unit":"total"}', why=None, gold='{"sample_size":9,"unit":"total"}',
    rewards={"sample_size": 0.0, "form": 1.0}, reward=0.1,
)  # fmt: skip


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_replies_are_shown_side_by_side_with_what_was_read_and_earned() -> None:
    silent = msgspec.structs.replace(ROLLOUT, reply="", answer=None, why="nothing is said", rewards={}, reward=None)
    piped, terminal = io.StringIO(), Terminal()
    for stream in (piped, terminal):
        grpo.shown_on(stream)([ROLLOUT, silent])
    first, second = piped.getvalue().splitlines()
    assert "step 3 · sample_size · small-1 · reward 0.100 (sample_size 0, form 1)" in first
    assert r'reply \'[bold] {"sample_size": 7}\nthat is all\''.replace("\\'", "'") in first
    assert "reward none" in second
    assert "none: nothing is said" in second
    shown = terminal.getvalue()
    for text in ("step 3, sample_size, small-1", "[bold]", "reward", "form", "How many?", "gold"):
        assert text in shown


# --- runs


@pytest.mark.slow
def test_truncation_and_equal_rewards_are_warned_of_and_logged_rewards_are_those_trained_on(
    folder: Path, designs: list[AnySample], untrained: Path
) -> None:
    told: list[str] = []
    shown: list[Any] = []
    out = folder / "cut off"
    given = plan(
        untrained, batch=8, batch_per_device=8, most_steps=2, learning_rate=1e-4, lora={"rank": 4, "alpha": 8},
        rollouts={"per_prompt": 4, "tokens": 2, "kl": 0.02},
    )  # fmt: skip
    found = grpo.run(given, folder / "tasks", out, tell=told.append, show=shown.append)
    assert sum("cut off at 2 tokens" in line for line in told) == 1, "once, though it stayed so"
    assert sum("all earned the same" in line for line in told) == 1
    assert [len(group) for group in shown] == [4, 4]
    kept = list(grpo.read(out))
    assert [one.step for one in kept] == [1] * 8 + [2] * 8
    logged = [log for log in found.history if "loss" in log]
    for log in logged:
        mine = [one for one in kept if one.step == log["step"]]
        assert log["reward"] == pytest.approx(np.mean([one.reward for one in mine]))
        assert log["rewards/sample_size/mean"] == pytest.approx(np.mean([one.rewards["sample_size"] for one in mine]))
        assert log["rewards/form/mean"] == pytest.approx(np.mean([one.rewards["form"] for one in mine]))
        assert log["unreadable"] == pytest.approx(np.mean([one.answer is None for one in mine]))
        assert 0 < log["seconds/generation"] + log["seconds/rewards"] < log["step_time"]
        assert log["unjudged"] == 0
        assert log["kl"] >= 0
    assert (found.state, found.method, found.is_fictional) == ("finished", "grpo", True)
    assert found.data["validation"].rows == {"sample_size": 16}
    assert any("eval_reward" in log for log in found.history)
    assert (out / "model" / "adapter_config.json").is_file()
    assert found.trained_parameters < found.parameters


class Killed(BaseException):
    pass


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_and_ends_as_one_that_was_not(
    folder: Path, designs: list[AnySample], untrained: Path
) -> None:
    import torch
    from safetensors.torch import load_file

    given = plan(
        untrained, batch=8, batch_per_device=4, most_steps=4, learning_rate=1e-2, save_every=2,
        rollouts={"per_prompt": 4, "tokens": 12},
    )  # fmt: skip

    def kill_at(step: int) -> Callable[[Any], None]:
        def show(rollouts: Any) -> None:
            if rollouts[0].step == step:
                raise Killed

        return show

    whole, killed = folder / "whole", folder / "killed"
    grpo.run(given, folder / "tasks", whole)
    with pytest.raises(Killed):
        grpo.run(given, folder / "tasks", killed, show=kill_at(3))
    assert [one.step for one in grpo.read(killed)][-1] == 3
    grpo.run(given, folder / "tasks", killed, resume=True)
    assert list(grpo.read(killed)) == list(grpo.read(whole)), "the same replies, each once"
    one, other = (load_file(run / "model" / "model.safetensors") for run in (whole, killed))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture(scope="module")
def warm(folder: Path, untrained: Path) -> Path:
    """A model that was taught a little, and is right now and then: where all replies fail, nothing can be learnt."""
    taught = plan(untrained, "sft", batch=16, batch_per_device=16, most_steps=90, learning_rate=5e-3)
    sft.run(taught, folder / "tasks", folder / "warm")
    return folder / "warm"


def _lift(folder: Path, warm: Path, designs: list[AnySample], seed: int) -> NDArray[np.float64]:
    """What reinforcement adds to the mean reward of each held-out sample.

    Sixty steps, since what thirty add (0.06 here, with an interval that reaches 0) hangs on the machine's arithmetic.
    """
    out = folder / f"reinforced-{seed}"
    reinforced = plan(
        warm, batch=64, batch_per_device=64, most_steps=60, learning_rate=1e-3, seed=seed,
        rollouts={"per_prompt": 8, "tokens": 40},
    )  # fmt: skip
    grpo.run(reinforced, folder / "tasks", out)
    lifts: NDArray[np.float64] = _sampled(out, designs, seed) - _sampled(warm, designs, seed)
    return lifts


def _least(lifts: NDArray[np.float64]) -> float:
    """The lower end of the bootstrap interval of the mean."""
    found = figures.bootstrap({"lift": lifts}, lambda columns: float(columns["lift"].mean()))
    assert found.low is not None
    return found.low


@pytest.mark.slow
def test_reinforcement_lifts_the_reward_of_held_out_prompts(folder: Path, designs: list[AnySample], warm: Path) -> None:
    lifts = _lift(folder, warm, designs, seed=1)
    assert _least(lifts) > 0


@pytest.mark.verify
def test_reinforcement_lifts_the_reward_with_other_seeds_too(
    folder: Path, designs: list[AnySample], warm: Path
) -> None:
    lifts = [_lift(folder, warm, designs, seed) for seed in (2, 3, 4)]
    assert sum(lift.mean() > 0 for lift in lifts) == 3
    assert _least(np.concatenate(lifts)) > 0
