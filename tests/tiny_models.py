"""What the tests of training share: tiny models (of `trialpanorama.train.tiny`), and a task small enough for one."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import msgspec

from trialpanorama import power
from trialpanorama.tasks import SPLITS, AnySample, Card, Sample, Split, task
from trialpanorama.tasks.sample_size import Calculation, Planned
from trialpanorama.train.tiny import TEMPLATE, tiny_qwen3

__all__ = ["TEMPLATE", "greedy_replies", "small_designs", "tiny_qwen3"]

_DRUGS = ("Amaroxil", "Belivex", "Cortanid", "Delumab", "Estrivan", "Faloprine", "Gerovast", "Hepalux")
_CONDITIONS = ("asthma", "migraine", "gout", "psoriasis", "sciatica", "insomnia", "eczema", "angina")
_FRAMES = (
    "{drug} is compared with placebo in {condition}. The difference is {d} standard deviations and the power {power} %",
    "In {condition}, {drug} or placebo is given. With {power} % power, a difference of {d} standard deviations is seen",
    "Power {power} %, difference {d} standard deviations: a trial of {drug} against placebo for {condition}",
)


def small_designs(
    folder: Path, train: int = 192, validation: int = 16, test: int = 48, seed: int = 20261121
) -> dict[Split, list[AnySample]]:
    """Write made-up samples of `sample_size` as `tasks build` would, ten designs of two arms in many wordings.

    The sizes are the calculator's. A wording (drug, condition, frame, design) stands in one split alone; the designs
    stand in all, so that a model can know the size of one that it has met in other words, and of no other.
    """
    designs = [(d, share) for d in (0.4, 0.5, 0.6, 0.8, 1.0) for share in (0.8, 0.9)]
    sizes = {(d, share): int(power.t_test(difference=d, sd=1, power=share).n_total or 0) for d, share in designs}
    wordings = [
        (frame, drug, ill, *one) for frame in _FRAMES for drug in _DRUGS for ill in _CONDITIONS for one in designs
    ]
    random.Random(seed).shuffle(wordings)
    asked = task("sample_size")
    found: dict[Split, list[AnySample]] = {}
    out = folder / asked.name
    out.mkdir(parents=True)
    taken = iter(wordings)
    for split, count in zip(SPLITS, (train, validation, test), strict=True):
        found[split] = []
        for number, (frame, drug, ill, d, share) in zip(range(1, count + 1), taken, strict=False):
            text = frame.format(drug=drug, condition=ill, d=d, power=round(100 * share))
            name = f"small-{split}-{number:04d}"
            found[split].append(
                Sample(
                    id=name, subject=name, split=split, group=name, date="", is_fictional=True, snapshot="fictional",
                    strata={"origin": "generated"},
                    inputs=Calculation(f"{text}; two-sided 5 % level.", "total", 2, None),
                    gold=Planned(sizes[d, share], "total"),
                )
            )  # fmt: skip
        lines = b"".join(msgspec.json.encode(sample) + b"\n" for sample in found[split])
        (out / f"{split}.jsonl").write_bytes(lines)
    card = Card(
        task=asked.name, version=asked.version, title=asked.title, meaning=asked.meaning, snapshot="fictional",
        is_fictional=True, seed=seed, code="", samples={split: len(found[split]) for split in SPLITS},
        first_date={}, last_date={}, labels={}, left_out={}, strata={},
    )  # fmt: skip
    (out / "card.json").write_bytes(msgspec.json.encode(card))
    return found


def greedy_replies(folder: Path, prompts: Sequence[str], most_tokens: int = 48) -> list[str]:
    """What a model in a folder (or that of a run) replies to each prompt, the likeliest token each time."""
    import torch

    from trialpanorama.train import models

    loaded = models.load(folder, precision="float32", attention="sdpa")
    words = loaded.tokenizer
    words.padding_side = "left"
    asked = words.apply_chat_template(
        [[{"role": "user", "content": prompt}] for prompt in prompts],
        add_generation_prompt=True, padding=True, return_tensors="pt", return_dict=True,
    )  # fmt: skip
    with torch.no_grad():
        made = loaded.model.eval().generate(**asked, max_new_tokens=most_tokens, do_sample=False)
    return list(words.batch_decode(made[:, asked["input_ids"].shape[1] :], skip_special_tokens=True))
