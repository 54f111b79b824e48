"""A tiny model learns generated tasks: from the reply's tokens alone, each sample for itself.

The model and the samples are made up, so that the figures are a check of the plumbing, not a finding.
"""

from __future__ import annotations

import importlib.util
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.tiny_models import greedy_replies, small_designs, tiny_qwen3
from trialpanorama.errors import TrialPanoramaError, UserError
from trialpanorama.tasks import AnySample, task
from trialpanorama.train import data, models, recipe, runs, sft

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("trl") is None, reason="the train extra is not installed"),
    pytest.mark.slow,
]
ASKED = task("sample_size")


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("place")
    samples = small_designs(folder / "tasks", train=512, validation=16, test=48)
    texts = [ASKED.prompt(sample) + ASKED.reply(sample.gold) for sample in samples["train"]]
    tiny_qwen3(folder / "model", texts)
    return folder


def _recipe(place: Path, **changes: Any) -> recipe.Recipe:
    plain = recipe.Recipe(
        method="sft", meaning="A check of the plumbing.", model=str(place / "model"),
        data=recipe.Data(tasks={"sample_size": 1.0}), length=256, batch=8, batch_per_device=8, learning_rate=4e-3,
        warmup=0.1, precision="float32", gradient_checkpointing=False,
    )  # fmt: skip
    return msgspec.structs.replace(plain, **changes)


def _few(place: Path, count: int) -> recipe.Data:
    return recipe.Data(tasks={"sample_size": 1.0}, most_samples=count)


def _samples(place: Path, split: str) -> list[AnySample]:
    with (place / "tasks" / "sample_size" / f"{split}.jsonl").open("rb") as lines:
        return [ASKED.decode(line) for line in lines]


def _held_out_losses(record: runs.Run) -> list[float]:
    return [log["eval_loss"] for log in record.history if "eval_loss" in log]


def _right(model: Path, samples: Sequence[AnySample]) -> int:
    replies = greedy_replies(model, [ASKED.prompt(sample) for sample in samples])
    return sum(ASKED.read(reply, sample) == sample.gold for reply, sample in zip(replies, samples, strict=True))


def test_it_lowers_the_loss_of_held_out_samples_and_lifts_their_exact_match_above_the_floor(
    place: Path, tmp_path: Path
) -> None:
    from scipy.stats import binomtest

    told: list[str] = []
    record = sft.run(_recipe(place, epochs=4, evaluate_every=128), place / "tasks", tmp_path / "out", tell=told.append)
    losses = _held_out_losses(record)
    assert losses[-1] < losses[0] / 20  # 6.1 before, below 0.1 after
    assert any("held-out loss" in line for line in told)
    samples = _samples(place, "test")
    learnt = Counter(sample.gold.sample_size for sample in _samples(place, "train"))
    constant = learnt.most_common(1)[0][0]
    floor = sum(sample.gold.sample_size == constant for sample in samples) / len(samples)
    right = _right(tmp_path / "out", samples)
    low, high = binomtest(right, len(samples)).proportion_ci(method="exact")
    # 48 of 48 [0.93, 1.00] when this was written; one constant answer reaches 0.08.
    assert low > floor + 0.3, f"{right} of {len(samples)} right [{low:.2f}, {high:.2f}], floor {floor:.2f}"
    assert _right(place / "model", samples) == 0


def test_only_the_reply_is_learnt_from_and_the_template_is_applied_once(place: Path) -> None:
    made = _trainer(place).train_dataset[0]
    words = models.tokenizer(place / "model")
    row = data.rows(_recipe(place), place / "tasks", words, "train").rows[0]
    text = words.decode(made["input_ids"])
    assert text == (
        f"<|im_start|>user\n{row['prompt'][0]['content']}<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
        f"{row['completion'][0]['content']}<|im_end|>\n"
    )
    learnt = words.decode([label for label in made["labels"] if label != -100])
    assert learnt == f"<think>\n\n</think>\n\n{row['completion'][0]['content']}<|im_end|>\n"


def _trainer(place: Path, **changes: Any) -> Any:
    """The trainer of a run, as it stands before it trains."""
    caught: list[Any] = []

    def keep(self: Any, trainer: Any, loaded: Any, prepared: Any) -> None:
        caught.append(trainer)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs.Begun, "train", keep)
        sft.run(_recipe(place, **changes), place / "tasks", place / "never")
    return caught[0]


def test_packed_samples_give_the_gradients_that_they_give_alone(place: Path) -> None:
    import torch

    few = _few(place, 8)
    apart, packed = (
        _trainer(place, data=few),
        _trainer(place, data=few, packing=True, batch=1, batch_per_device=1, length=1024),
    )
    assert len(apart.train_dataset) == 8
    assert len(packed.train_dataset) == 1
    gradients = []
    for trainer in (apart, packed):
        batch = trainer.data_collator([trainer.train_dataset[place] for place in range(len(trainer.train_dataset))])
        trainer.model.train()
        loss = trainer.compute_loss(trainer.model, dict(batch))
        loss.backward()
        gradients.append((loss.detach(), torch.cat([weight.grad.flatten() for weight in trainer.model.parameters()])))
    (loss, one), (packed_loss, other) = gradients
    assert torch.allclose(loss, packed_loss, atol=1e-5)
    assert torch.allclose(one, other, atol=1e-5)


def test_packing_is_refused_where_samples_would_see_one_another(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import transformers.models.qwen3.modeling_qwen3 as qwen3

    loaded = models.load(place / "model", precision="float32", attention="eager")
    sft.require_apart(loaded.model, loaded.attention)
    masks = qwen3.create_causal_mask

    def leaking(**given: Any) -> Any:
        return masks(**given | {"position_ids": None})

    monkeypatch.setattr(qwen3, "create_causal_mask", leaking)
    with pytest.raises(UserError, match=r"would see one another.*--set packing=false"):
        sft.require_apart(loaded.model, loaded.attention)
    loaded.model.to("meta")
    with pytest.raises(UserError, match=r"cannot be checked"):
        sft.require_apart(loaded.model, loaded.attention)


def test_a_packed_run_trains_on_every_token(place: Path, tmp_path: Path) -> None:
    chosen = _recipe(place, data=_few(place, 32), packing=True, batch=2, batch_per_device=1, length=512)
    record = sft.run(chosen, place / "tasks", tmp_path / "out")
    assert record.state == "finished"
    assert record.sittings[0].tokens == record.data["train"].tokens


def test_an_adapter_is_trained_kept_and_gone_on_from(place: Path, tmp_path: Path) -> None:
    lora = recipe.Lora(rank=8, alpha=16)
    few = _recipe(place, data=_few(place, 32), lora=lora)
    first = sft.run(few, place / "tasks", tmp_path / "first")
    assert 0 < first.trained_parameters < first.parameters / 2
    assert (tmp_path / "first" / "model" / "adapter_config.json").is_file()
    assert not (tmp_path / "first" / "model" / "model.safetensors").exists()
    # A second phase begins from what the first one learnt, whole or as an adapter on it.
    for name, again in (("whole", None), ("second", lora)):
        then = msgspec.structs.replace(few, model=str(tmp_path / "first"), lora=again)
        second = sft.run(then, place / "tasks", tmp_path / name)
        assert _held_out_losses(second)[0] == pytest.approx(_held_out_losses(first)[-1], abs=1e-4)
        models.load(tmp_path / name)


def test_gradient_checkpointing_changes_nothing_but_the_memory(place: Path, tmp_path: Path) -> None:
    few = _recipe(place, data=_few(place, 16))
    plain = sft.run(few, place / "tasks", tmp_path / "plain")
    saving = sft.run(msgspec.structs.replace(few, gradient_checkpointing=True), place / "tasks", tmp_path / "saving")
    losses = [[log["loss"] for log in run.history if "loss" in log] for run in (plain, saving)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)


def test_a_curriculum_keeps_its_order(place: Path) -> None:
    chosen = recipe.Data(tasks={"sample_size": 1.0}, most_samples=32, curriculum=True)
    for given, kind in ((chosen, "SequentialSampler"), (_few(place, 32), "RandomSampler")):
        assert type(_trainer(place, data=given)._get_train_sampler()).__name__ == kind
    with pytest.raises(UserError, match=r"wants them in its order"):
        sft.run(_recipe(place, data=chosen, packing=True), place / "tasks", place / "never")


def test_without_validation_samples_it_trains_and_says_so(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "tasks", tmp_path / "tasks")
    (tmp_path / "tasks" / "sample_size" / "validation.jsonl").write_bytes(b"")
    told: list[str] = []
    record = sft.run(_recipe(place, data=_few(place, 16)), tmp_path / "tasks", tmp_path / "out", tell=told.append)
    assert "no validation samples" in told[0]
    assert record.data["validation"].rows == {}
    assert not any("eval_loss" in log for log in record.history)


def test_samples_of_which_none_fits_are_refused_with_the_reasons(place: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"Of 512 training samples.*512 longer than the recipe's length"):
        sft.run(_recipe(place, length=8), place / "tasks", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_trainer_that_loses_tokens_is_noticed(place: Path) -> None:
    prepared = data.rows(_recipe(place), place / "tasks", models.tokenizer(place / "model"), "train")
    whole = _trainer(place).train_dataset
    sft._check_nothing_is_lost(prepared, whole)
    with pytest.raises(TrialPanoramaError, match=r"Please report this"):
        sft._check_nothing_is_lost(prepared, whole.select(range(511)))


def test_what_is_no_recipe_of_fine_tuning_is_refused(place: Path, tmp_path: Path) -> None:
    rollouts = recipe.Rollouts()
    with pytest.raises(UserError, match=r"method is grpo. Type: trialpanorama train grpo"):
        sft.run(_recipe(place, method="grpo", rollouts=rollouts), place / "tasks", tmp_path / "out")
    (tmp_path / "mine.yaml").write_text(recipe.dump(_recipe(place)) + "lerning_rate: 1\n")
    with pytest.raises(UserError, match=r"unknown key lerning_rate; did you mean learning_rate\?"):
        recipe.read(tmp_path / "mine.yaml")
    with pytest.raises(UserError, match=r"There is no model folder gone"):
        sft.run(_recipe(place, model="gone"), place / "tasks", tmp_path / "out")
    with pytest.raises(UserError, match=r"holds no samples of trial_completion"):
        sft.run(_recipe(place, data=recipe.Data(tasks={"trial_completion": 1.0})), place / "tasks", tmp_path / "out")
    assert not (tmp_path / "out").exists()
