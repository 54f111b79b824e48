"""Supervised fine-tuning: a model learns to give the right replies, on TRL's SFTTrainer.

The loss is that of the reply's tokens alone, averaged over all replies of a step, however the step is shared between
devices. A run that was killed goes on from its last checkpoint with the samples, random numbers and optimiser state
that it would have had: on one thread of a processor it ends with the same weights to the bit.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from trialpanorama.errors import TrialPanoramaError, UserError
from trialpanorama.train import data, models, runs

if TYPE_CHECKING:
    from transformers import PreTrainedModel
    from trl import SFTConfig

    from trialpanorama.train.data import Prepared
    from trialpanorama.train.recipe import Recipe
    from trialpanorama.train.runs import Begun, Run, Tell
    from trialpanorama.warehouse import Warehouse


def run(recipe: Recipe, source: Warehouse | Path, out: Path, resume: bool = False, *, tell: Tell = runs.silent) -> Run:
    """Fine-tune a recipe's model on the training samples of its tasks; the result is OUT/model and OUT/run.json.

    `source` is a warehouse, or a folder as `tasks build` writes it. `resume` goes on from the last whole checkpoint in
    OUT; of a run that has ended it returns the record. `tell` is called with a line now and then. Raises UserError for
    what cannot be done or goes wrong on the way (see `runs`), KeyboardInterrupt where the user ends it.
    """
    if recipe.method != "sft":
        raise UserError(f"The recipe's method is {recipe.method}. Type: trialpanorama train {recipe.method}")
    if recipe.packing and recipe.data.curriculum:
        raise UserError("packing puts samples together by their length, and data.curriculum wants them in its order.")
    begun = runs.begin(recipe, out, resume, tell)
    if begun.finished:
        return begun.finished
    words = models.tokenizer(recipe.model)
    learnt = data.rows(recipe, source, words, "train")
    held_out = data.rows(recipe, source, words, "validation")
    if not held_out.rows:
        begun.tell("There are no validation samples: nothing is measured on the way.")

    from datasets import Dataset
    from trl import SFTTrainer

    # Before the model: DeepSpeed shares it between processes while it is loaded, if it is to.
    config = configuration(begun, bool(held_out.rows))
    loaded = models.load(
        recipe.model,
        precision=recipe.precision,
        attention=recipe.attention,
        trained="adapter" if recipe.lora else "all",
    )
    if recipe.packing:
        require_apart(loaded.model, loaded.attention)
    trainer = runs.guarded(SFTTrainer)(
        model=loaded.model,
        args=config,
        train_dataset=Dataset.from_list(_messages(learnt)),
        eval_dataset=Dataset.from_list(_messages(held_out)) if held_out.rows else None,
        processing_class=loaded.tokenizer,
        peft_config=models.adapter(recipe.lora) if recipe.lora else None,
    )
    _check_nothing_is_lost(learnt, trainer.train_dataset)
    return begun.train(trainer, loaded, {"train": learnt, "validation": held_out})


def configuration(begun: Begun, evaluate: bool) -> SFTConfig:
    """A recipe as TRL takes it; `evaluate` where there are held-out rows."""
    from trl import SFTConfig

    recipe = begun.recipe
    return SFTConfig(
        **begun.arguments(evaluate=evaluate),
        max_length=recipe.length if recipe.packing else None,  # nothing is over it; without it nothing can be cut
        packing=recipe.packing,
        eval_packing=False,
        completion_only_loss=True,
        train_sampling_strategy="sequential" if recipe.data.curriculum else "random",
    )


def require_apart(model: PreTrainedModel, attention: str) -> None:
    """Raise UserError where samples that share a row would see one another: tried on the model, with two of them."""
    import torch

    weights = [weight for weight in model.parameters() if weight.numel() and weight.device.type != "meta"]
    if attention == "flash_attention_2":  # its kernel is told where each sample ends
        return
    advice = "Take FlashAttention 2 (--set attention=flash_attention_2), or --set packing=false"
    if len(weights) < len(list(model.parameters())):
        raise UserError(f"packing with attention {attention} cannot be checked on a model that is shared out. {advice}")
    places = torch.tensor([[0, 1, 2, 3, 0, 1, 2, 3]])
    one, other = torch.tensor([[2, 3, 4, 5, 6, 7, 8, 9]]), torch.tensor([[5, 4, 3, 2, 6, 7, 8, 9]])
    model.eval()
    with torch.no_grad():
        seen, unseen = (
            model(input_ids=ids, position_ids=places, use_cache=False).logits[0, 4:].float() for ids in (one, other)
        )
    if not torch.equal(seen, unseen):
        raise UserError(f"With attention {attention} of this model, packed samples would see one another. {advice}")


def _messages(prepared: Prepared) -> list[dict[str, Any]]:
    return [{"prompt": row["prompt"], "completion": row["completion"]} for row in prepared.rows]


def _check_nothing_is_lost(prepared: Prepared, made: Any) -> None:
    """Raise an error where the trainer's tokens are not those that were counted: samples cut, dropped, or templated
    twice."""
    there = sum(map(len, made["input_ids"]))
    if there != sum(prepared.tokens):
        raise TrialPanoramaError(
            f"The trainer made {there:,} tokens of samples that have {sum(prepared.tokens):,}. Please report this, "
            "with the versions of trl and transformers."
        )
