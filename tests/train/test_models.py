"""Models are found, loaded whole, and merged; what cannot be used is said in one sentence."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.tiny_models import tiny_qwen3
from trialpanorama.errors import UserError
from trialpanorama.train import models
from trialpanorama.train.recipe import Lora

pytestmark = pytest.mark.skipif(importlib.util.find_spec("trl") is None, reason="the train extra is not installed")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_qwen3(tmp_path_factory.mktemp("models") / "tiny", ["How many patients per arm? 120"], hidden=32)


@pytest.fixture
def copy(model: Path, tmp_path: Path) -> Path:
    return shutil.copytree(model, tmp_path / "copy")


def _logits(loaded: models.Loaded) -> Any:
    import torch

    with torch.no_grad():
        return loaded.model.eval()(input_ids=torch.tensor([[3, 4, 5, 6, 7, 8]])).logits


def _adapter_of(model: Path, folder: Path) -> Any:
    """Write an adapter of random weights, as a run of LoRA leaves it; returns the model with it, unmerged."""
    import torch
    from peft import get_peft_model

    torch.manual_seed(1)
    adapted = get_peft_model(models.load(model, precision="float32").model, models.adapter(Lora(rank=4, alpha=8)))
    for name, weight in adapted.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(weight, std=0.3)
    adapted.save_pretrained(folder)
    models.tokenizer(model).save_pretrained(folder)
    return adapted


def test_a_folder_is_loaded_with_what_the_machine_can_do(model: Path) -> None:
    import torch

    loaded = models.load(model)
    assert loaded.tokenizer.chat_template
    if torch.cuda.is_available():
        assert loaded.model.dtype == torch.bfloat16
    else:
        assert (loaded.precision, loaded.attention, loaded.model.dtype) == ("float32", "sdpa", torch.float32)
    assert torch.equal(_logits(loaded), _logits(models.load(str(model))))


def test_weights_that_learn_are_kept_in_float32_and_others_in_bf16(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setattr(models, "usable", lambda precision: precision)
    assert models.load(model, trained="all").model.dtype == torch.float32
    assert models.load(model, trained="adapter").model.dtype == torch.bfloat16
    assert models.load(model, trained="none").model.dtype == torch.bfloat16
    assert models.load(model, precision="float32").model.dtype == torch.float32
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    assert models.load(model, trained="adapter").model.dtype == torch.float32


def test_an_adapter_is_merged_and_gives_the_logits_that_it_gave_beside_the_model(model: Path, tmp_path: Path) -> None:
    import torch

    adapted = _adapter_of(model, tmp_path / "adapter")
    beside = _logits(models.Loaded(adapted, models.tokenizer(model), "float32", "sdpa"))
    plain = _logits(models.load(model, precision="float32"))
    merged = models.load(tmp_path / "adapter", precision="float32")
    assert not hasattr(merged.model, "peft_config") or not merged.model.peft_config
    assert (beside - plain).abs().max() > 0.1
    assert torch.allclose(_logits(merged), beside, atol=1e-4)
    written = models.merge(tmp_path / "adapter", tmp_path / "merged")
    assert not (written / "adapter_config.json").exists()
    assert torch.allclose(_logits(models.load(written, precision="float32")), beside, atol=1e-4)


def test_an_adapter_on_an_adapter_is_merged_in_order(model: Path, tmp_path: Path) -> None:
    import torch

    _adapter_of(model, tmp_path / "first")
    adapted = _adapter_of(tmp_path / "first", tmp_path / "second")
    config = tmp_path / "second" / "adapter_config.json"
    facts = json.loads(config.read_text())
    config.write_text(json.dumps(facts | {"base_model_name_or_path": str(tmp_path / "first")}))
    beside = _logits(models.Loaded(adapted, models.tokenizer(model), "float32", "sdpa"))
    assert torch.allclose(_logits(models.load(tmp_path / "second", precision="float32")), beside, atol=1e-4)


def test_the_folder_of_a_run_stands_for_its_model(model: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "run.json").write_text("{}")
    with pytest.raises(UserError, match=r"has no model yet.*--resume"):
        models.load(run)
    shutil.copytree(model, run / "model")
    assert models.load(run).model.num_parameters() == models.load(model).model.num_parameters()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no-such-model", "There is no model folder no-such-model"),
        ("./runs/phase1", "There is no model folder"),
        ("/nowhere/runs/phase1", "There is no model folder"),
        ("", "holds no model|There is no model folder"),
    ],
)
def test_a_missing_folder_is_named(name: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message):
        models.load(name)


def test_a_file_or_an_empty_folder_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match=r"is a file"):
        models.load(tmp_path / "file")
    with pytest.raises(UserError, match=r"neither config.json nor adapter_config.json"):
        models.load(tmp_path)


def test_a_name_on_the_hub_without_a_network_says_how_to_bring_it(monkeypatch: pytest.MonkeyPatch) -> None:
    models.require()
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match=r"hub cannot be reached.*hf download no-one/no-model --local-dir DIR"):
        models.load("no-one/no-model")


@pytest.mark.parametrize(
    ("cause", "message"),
    [
        ("GatedRepoError", "licence to be accepted"),
        ("RepositoryNotFoundError", "no model of that name"),
        ("ConnectError", "cannot be reached"),
        ("SomethingElse", r"cannot be had \(OSError: in other words\)"),
    ],
)
def test_what_the_hub_says_is_told_apart(cause: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    models.require()
    from transformers import AutoTokenizer

    def refuse(_: str) -> None:
        raise OSError("in other words") from type(cause, (OSError,), {})("no")

    monkeypatch.setattr(AutoTokenizer, "from_pretrained", refuse)
    with pytest.raises(UserError, match=message):
        models.tokenizer("some-one/some-model")


def test_a_model_that_is_not_whole_is_refused(copy: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(copy / "model.safetensors")
    kept = {name: weight for name, weight in weights.items() if "layers.1.mlp.up_proj" not in name}
    save_file(kept, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"not a whole model: 1 of its tensors are missing, model\.layers\.1\.mlp"):
        models.load(copy)
    content = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"cannot be read"):
        models.load(copy)


def test_a_tokenizer_of_another_model_is_refused(copy: Path, tmp_path: Path) -> None:
    other = tiny_qwen3(tmp_path / "other", ["many different words make a larger vocabulary than that"] * 9, hidden=32)
    for path in other.glob("tokenizer*"):
        shutil.copy(path, copy)
    with pytest.raises(UserError, match=r"they are of two models"):
        models.load(copy)


def test_without_a_chat_template_no_question_can_be_put(tmp_path: Path) -> None:
    folder = tiny_qwen3(tmp_path / "plain", ["text"], hidden=32, template=None)
    with pytest.raises(UserError, match=r"has no chat template"):
        models.load(folder)


def test_an_adapter_whose_model_is_gone_says_which(model: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(model, tmp_path / "moved")
    _adapter_of(moved, tmp_path / "adapter")
    shutil.rmtree(moved)
    with pytest.raises(UserError, match=r"was trained on .*moved. There is no model folder"):
        models.load(tmp_path / "adapter")
    (tmp_path / "adapter" / "adapter_config.json").write_text("[]")
    with pytest.raises(UserError, match=r"does not name the model"):
        models.load(tmp_path / "adapter")


def test_flash_attention_needs_its_library_and_a_gpu(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import transformers.utils

    monkeypatch.setattr(transformers.utils, "is_flash_attn_2_available", lambda: False)
    with pytest.raises(UserError, match=r"pip install flash-attn.*--set attention=sdpa"):
        models.load(model, attention="flash_attention_2")
    monkeypatch.setattr(transformers.utils, "is_flash_attn_2_available", lambda: True)
    assert models.usable_attention("auto", "bf16") == "flash_attention_2"
    assert models.usable_attention("auto", "float32") == "sdpa"
    assert models.usable_attention("eager", "bf16") == "eager"


def test_without_the_extra_the_command_to_install_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in ("trl", "peft") else find(name))
    with pytest.raises(UserError, match=r"\(trl, peft\).*pip install 'trialpanorama\[train\]'"):
        models.load("anything")
