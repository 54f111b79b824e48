"""How fast a model of 8 billion weights learns on an NVIDIA GPU, and where the time goes.

    python benchmarks/training.py [--length N] [--steps N] [--parts PART...] [--out FILE] [--tiny]

The model has the shape of Qwen3-8B and random weights, so that nothing is fetched. Each part is measured with the
package's configuration ("ours") and with TRL's defaults ("stock": what SFTTrainer does when it is told the model, the
length and the rows, and nothing else), in one run on one machine:

    lora    LoRA of rank 16 on all layers; the same adapter in both
    full    all weights; of so many layers as fit with float32 weights (stock keeps them in bf16, where steps as small
            as those of a learning rate of 1e-6 are rounded away)
    grpo    reinforcement on sample size with LoRA, ours alone: steps a second, and the share of each stage

lora and full take rows of the full length, and rows with the lengths of the design tasks. Tokens are counted without
padding. FLOPs are the model's own: 6 per weight and token for all weights, 4 for LoRA (frozen weights need no
gradient), and attention's; what checkpointing computes again is not counted. The peak is that of a bf16 matrix product
measured in the same run, beside the vendor's figure where it is known. --tiny runs all of it at toy size on a
processor: a check of the script, and nothing that it prints is a finding.
"""

from __future__ import annotations

import argparse
import gc
import math
import platform
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from trialpanorama.apps.console import table
from trialpanorama.errors import UserError
from trialpanorama.tasks import Sample, task
from trialpanorama.tasks._size_designs import designs
from trialpanorama.tasks.sample_size import Calculation, Planned
from trialpanorama.train import grpo, models, plans, recipe, rewards, runs, sft
from trialpanorama.train.plans import Architecture
from trialpanorama.train.recipe import Recipe
from trialpanorama.train.tiny import tiny_qwen3

PARTS = ("lora", "full", "grpo")
VENDOR_TFLOPS = {
    "B200": 2250, "H200": 989, "H100 80GB HBM3": 989, "H100 PCIe": 756, "A100": 312, "L40S": 362,
    "RTX 4090": 165, "RTX 3090": 71,
}  # fmt: skip
"""Dense bf16 in tensor cores, from NVIDIA's data sheets (without sparsity); by a part of the device's name."""
MEDIAN_LENGTH, SPREAD = 750, 0.55
"""Of a log-normal distribution of tokens: rows of arms, criteria, endpoints and completion."""
PROMPTS = 16


class Case(msgspec.Struct, kw_only=True):
    """One measurement; figures are none where the memory was not enough."""

    part: str
    rows: str
    by: str
    layers: int
    tokens_per_second: float | None = None
    share_of_measured_peak: float | None = None
    share_of_vendor_peak: float | None = None
    peak_memory_gb: float | None = None
    seconds_per_step: float | None = None
    stages: dict[str, float] = {}
    """Seconds of a step, by stage."""
    note: str = ""


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--length", type=int, default=8192, help="tokens of a row")
    parser.add_argument("--steps", type=int, default=6, help="that are measured, after two that are not")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    parser.add_argument("--tiny", action="store_true", help="at toy size on a processor: a check of the script")
    given = parser.parse_args()
    try:
        found = measure(given.length, given.steps, given.parts, tiny=given.tiny)
    except UserError as why:
        print(f"Error: {why}", file=sys.stderr)
        return 2
    print(text(found))
    if given.out:
        given.out.write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    return 0


def measure(length: int, steps: int, parts: Any, *, tiny: bool) -> dict[str, Any]:
    """All measurements, with the machine they were made on. Raises UserError where there is no NVIDIA GPU."""
    models.require()
    import torch

    if not tiny and not torch.cuda.is_available():
        raise UserError(
            "There is no NVIDIA GPU here. A check of the script on a processor: benchmarks/training.py --tiny"
        )
    bench = Bench(length, steps, tiny=tiny)
    try:
        cases = [case for part in parts for case in bench.part(part)]
    finally:
        shutil.rmtree(bench.folder)
    return {
        "is_a_check_of_the_script": tiny,
        "machine": runs._machine(),
        "libraries": runs._libraries(),
        "length": bench.length,
        "measured_peak_tflops": bench.peak / 1e12,
        "vendor_peak_tflops": bench.vendor / 1e12 if bench.vendor else None,
        "cases": msgspec.to_builtins(cases),
    }


class Bench:
    """The models, rows and clocks of one run."""

    def __init__(self, length: int, steps: int, *, tiny: bool) -> None:
        import torch

        self.tiny, self.steps = tiny, steps
        self.length = min(length, 128) if tiny else length
        self.device = torch.device("cpu" if tiny else "cuda")
        self.folder = Path(tempfile.mkdtemp(prefix="trialpanorama-training-"))
        self.peak = _matmul_peak(self.device, 256 if tiny else 8192)
        name = "" if tiny else torch.cuda.get_device_name()
        self.vendor = next((rate * 1e12 for part, rate in VENDOR_TFLOPS.items() if part in name), None)
        self.random = random.Random(20261121)
        published = plans.architecture("Qwen/Qwen3-8B")
        assert published is not None
        self.shape: Architecture = (
            msgspec.structs.replace(
                published, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                head_dim=16, intermediate_size=192, vocab_size=2048,
            )
            if tiny
            else published
        )  # fmt: skip

    def part(self, name: str) -> Iterator[Case]:
        """The measurements of one part."""
        if name == "grpo":
            yield self._tried(
                Case(part=name, rows="prompts", by="ours", layers=self.shape.num_hidden_layers), self._grpo
            )
            return
        for rows in ("full length", "mixed lengths"):
            for by in ("ours", "stock"):
                layers = self.shape.num_hidden_layers if name == "lora" else self._fitting_layers()
                yield self._tried(Case(part=name, rows=rows, by=by, layers=layers), self._sft)

    def _tried(self, case: Case, run: Callable[[Case], None]) -> Case:
        import torch

        gc.collect()
        if not self.tiny:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        print(f"{case.part}, {case.rows}, {case.by} ...", file=sys.stderr)
        try:
            run(case)
        except torch.OutOfMemoryError:
            case.note = "out of memory"
        if not self.tiny:
            case.peak_memory_gb = torch.cuda.max_memory_allocated() / 1e9
        return case

    # --- the model and what it learns

    def _fitting_layers(self) -> int:
        """Layers of which all weights can be trained on this device, by the estimate of a dry run, 6 GB spared."""
        import torch

        if self.tiny:
            return self.shape.num_hidden_layers
        room = torch.cuda.get_device_properties(0).total_memory - 6e9
        asked = self._recipe("full")
        for layers in range(self.shape.num_hidden_layers, 0, -1):
            shape = msgspec.structs.replace(self.shape, num_hidden_layers=layers)
            if plans.memory(asked, shape, "one GPU", 1, self.length).total <= room:
                return layers
        raise UserError("Not one layer of the model can be trained on this device. Leave it out: --parts lora grpo")

    def _model(self, layers: int) -> Path:
        """A folder with a model of so many layers in bf16, and a tokenizer."""
        import torch
        from transformers import Qwen3Config, Qwen3ForCausalLM

        folder = self.folder / f"model-{layers}"
        if folder.exists():
            return folder
        for other in self.folder.glob("model-*"):
            shutil.rmtree(other)  # two would take too much of a disk
        prompts = [task("sample_size").prompt(sample) for sample in _designs(PROMPTS)]
        tiny_qwen3(folder, prompts, vocabulary=1024)
        for weights in folder.glob("*.safetensors"):
            weights.unlink()
        kept = {key: getattr(self.shape, key) for key in Architecture.__struct_fields__ if hasattr(Qwen3Config(), key)}
        config = Qwen3Config(
            **kept | {"num_hidden_layers": layers, "layer_types": None}, max_position_embeddings=40960, dtype="bfloat16"
        )
        with torch.device(self.device):
            model = Qwen3ForCausalLM(config).to(torch.bfloat16)
        model.save_pretrained(folder)
        return folder

    def _rows(self, kind: str, count: int) -> list[dict[str, list[int]]]:
        """Rows of random tokens, the last twentieth of each the reply."""
        made = []
        for _ in range(count):
            size = self.length
            if kind != "full length":
                drawn = self.random.lognormvariate(math.log(MEDIAN_LENGTH), SPREAD)
                size = min(self.length, max(20, round(drawn * (self.length / 8192 if self.tiny else 1))))
            ids = [self.random.randrange(10, 500) for _ in range(size)]
            reply = max(1, size // 20)
            made.append({"input_ids": ids, "labels": [-100] * (size - reply) + ids[size - reply :]})
        return made

    def _recipe(self, part: str) -> Recipe:
        name = {"lora": "outcome_lora", "full": "qwen3_8b_phase1", "grpo": "qwen3_8b_grpo_size"}[part]
        settings = [f"length={self.length}", "batch=8", "batch_per_device=2"]
        if part == "grpo":
            vllm = "colocate" if find_spec("vllm") else "off"
            settings = ["batch=32", "batch_per_device=4", f"rollouts.vllm={vllm}", "lora.rank=16"]
        if self.tiny:
            settings += ["precision=float32", "attention=sdpa"]
        if self.tiny and part == "grpo":
            settings += ["rollouts.tokens=8", "batch=8"]
        return recipe.read(name, settings)

    # --- what is measured

    def _quiet(self, config: Any) -> None:
        """Leave out what is no learning: checkpoints, logs, progress; and end after the steps that are measured."""
        config.save_strategy = config.logging_strategy = "no"
        config.report_to, config.disable_tqdm, config.max_steps = [], True, self.steps + 2

    def _sft(self, case: Case) -> None:
        from datasets import Dataset
        from transformers import PrinterCallback
        from trl import SFTConfig, SFTTrainer

        asked = self._recipe(case.part)
        model = self._model(case.layers)
        steps = self.steps + 2
        out = self.folder / "run"
        adapter = models.adapter(asked.lora) if asked.lora else None
        if case.by == "ours":
            has_flash = models.usable_attention(asked.attention, models.usable(asked.precision)) == "flash_attention_2"
            if case.rows == "mixed lengths" and has_flash:
                asked = msgspec.structs.replace(asked, packing=True, batch_per_device=1)
                case.note = "packed"
            config = sft.configuration(runs.begin(asked, out), evaluate=False)
            loaded = models.load(
                model, precision=asked.precision, attention=asked.attention, trained="adapter" if asked.lora else "all"
            )
            given: Any = loaded.model
            words = loaded.tokenizer
            case.note = ", ".join(filter(None, (case.note, loaded.attention)))
        else:
            config = SFTConfig(output_dir=str(out), max_length=self.length, use_cpu=self.tiny, bf16=not self.tiny)
            given, words = str(model), models.tokenizer(model)
        self._quiet(config)
        rows = self._rows(case.rows, 16 * steps * (8 if "packed" in case.note else 1))
        trainer = runs.guarded(SFTTrainer)(
            model=given, args=config, train_dataset=Dataset.from_list(rows), processing_class=words, peft_config=adapter
        )
        clock = Clock(trainer, self.device)
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        seconds, tokens = clock.after(2)
        case.seconds_per_step = seconds / self.steps
        case.tokens_per_second = tokens / seconds
        longest = self.length if case.rows == "full length" else MEDIAN_LENGTH
        work = flops_per_token(self.shape, case.layers, longest, lora=asked.lora is not None)
        case.share_of_measured_peak = case.tokens_per_second * work / self.peak
        if self.vendor:
            case.share_of_vendor_peak = case.tokens_per_second * work / self.vendor

    def _grpo(self, case: Case) -> None:
        from datasets import Dataset
        from transformers import PrinterCallback
        from trl import GRPOTrainer

        asked = self._recipe("grpo")
        assert asked.rollouts is not None
        config = grpo.configuration(runs.begin(asked, self.folder / "run"), evaluate=False)
        self._quiet(config)
        loaded = models.load(
            self._model(case.layers), precision=asked.precision, attention=asked.attention, trained="adapter"
        )
        rows = [
            {
                "prompt": [{"role": "user", "content": task("sample_size").prompt(sample)}],
                "task": "sample_size",
                "sample": msgspec.json.encode(sample).decode(),
            }
            for sample in _designs(PROMPTS)
        ]
        assert asked.lora is not None
        trainer = runs.guarded(GRPOTrainer)(
            model=loaded.model,
            reward_funcs=rewards.functions(asked.data.tasks),
            args=config,
            train_dataset=Dataset.from_list(rows),
            processing_class=loaded.tokenizer,
            peft_config=models.adapter(asked.lora),
        )
        stages = {"sampling": "_generate", "rewards": "_calculate_rewards"}
        clock = Clock(trainer, self.device, stages)
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        seconds, tokens = clock.after(2)
        case.seconds_per_step = seconds / self.steps
        case.tokens_per_second = tokens / seconds
        case.stages = {name: sum(times[2:]) / self.steps for name, times in clock.stages.items()}
        case.stages["learning"] = case.seconds_per_step - sum(case.stages.values())
        case.note = f"vllm {asked.rollouts.vllm}, {loaded.attention}"


class Clock:
    """Measures a trainer's steps: seconds, tokens without padding, and the seconds of some of its methods."""

    def __init__(self, trainer: Any, device: Any, stages: Mapping[str, str] | None = None) -> None:
        from transformers import TrainerCallback

        self.seconds: list[float] = []
        self.tokens: list[int] = []
        self.stages: dict[str, list[float]] = {name: [] for name in stages or ()}
        self._device, self._began, self._seen = device, 0.0, 0
        clock = self

        class Steps(TrainerCallback):  # type: ignore[misc, unused-ignore]
            def on_step_begin(self, *_: Any, **__: Any) -> None:
                clock._began, clock._seen = clock._now(), 0

            def on_step_end(self, *_: Any, **__: Any) -> None:
                clock.seconds.append(clock._now() - clock._began)
                clock.tokens.append(clock._seen)

        trainer.add_callback(Steps())
        self._wrap(trainer, "compute_loss", self._count)
        for name, method in (stages or {}).items():
            self._wrap(trainer, method, None, self.stages[name])

    def _now(self) -> float:
        if self._device.type == "cuda":
            import torch

            torch.cuda.synchronize()
        return time.perf_counter()

    def _count(self, inputs: Mapping[str, Any]) -> None:
        masks = [inputs[key] for key in ("attention_mask", "prompt_mask", "completion_mask") if key in inputs]
        self._seen += sum(int(mask.sum()) for mask in masks) if masks else inputs["input_ids"].numel()

    def _wrap(
        self,
        trainer: Any,
        method: str,
        count: Callable[[Mapping[str, Any]], None] | None,
        times: list[float] | None = None,
    ) -> None:
        plain = getattr(trainer, method)

        def timed(*given: Any, **named: Any) -> Any:
            if count:
                count(given[1] if len(given) > 1 else named["inputs"])
                return plain(*given, **named)
            began = self._now()
            made = plain(*given, **named)
            assert times is not None
            times.append(self._now() - began)
            return made

        setattr(trainer, method, timed)

    def after(self, first: int) -> tuple[float, int]:
        """Seconds and tokens of all steps but the first so many."""
        return sum(self.seconds[first:]), sum(self.tokens[first:])


def flops_per_token(shape: Architecture, layers: int, length: int, *, lora: bool) -> float:
    """What a token of a row of this length costs to learn from, forward and back, nothing computed twice counted."""
    weights = layers * shape.layer_parameters + shape.vocab_size * shape.hidden_size  # looking up costs nothing
    attention = layers * 2 * shape.queries * length  # forward: two products over, on average, half the row
    return (4 if lora else 6) * weights + 3 * attention


def _matmul_peak(device: Any, size: int) -> float:
    """FLOPs a second of a large matrix product in bf16 (float32 on a processor)."""
    import torch

    kind = torch.bfloat16 if device.type == "cuda" else torch.float32
    a, b = (torch.randn(size, size, device=device, dtype=kind) for _ in range(2))
    best = math.inf
    for _ in range(20):
        if device.type == "cuda":
            torch.cuda.synchronize()
        began = time.perf_counter()
        a @ b
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - began)
    return float(2 * size**3 / best)


def _designs(count: int) -> list[Sample[Calculation, Planned]]:
    """Made-up designs whose size is known, as samples."""
    return [
        Sample(
            id=f"design-{number}", subject=f"design-{number}", split="train", group=f"design-{number}", date="",
            is_fictional=True, strata={"origin": "generated"},
            inputs=Calculation(design.text, design.answer_type, design.arms, design.includes_drop_out),
            gold=Planned(design.size, design.answer_type),
        )
        for number, design in enumerate(designs(lambda _: "train", "train", count, 20261121), 1)
    ]  # fmt: skip


def text(found: Mapping[str, Any]) -> str:
    """The figures as a table."""
    machine = ", ".join(found["machine"]["devices"]) or platform.processor() or platform.machine()
    lines = [
        f"{machine}; length {found['length']:,}; measured peak {found['measured_peak_tflops']:,.1f} TFLOP/s"
        + (f", vendor's {found['vendor_peak_tflops']:,.0f}" if found["vendor_peak_tflops"] else "")
    ]
    if found["is_a_check_of_the_script"]:
        lines.append("A check of the script on a tiny model, not a finding.")
    columns = (
        "part", "rows", "by", "layers", "tokens_per_second", "share_of_measured_peak", "share_of_vendor_peak",
        "peak_memory_gb", "seconds_per_step", "note",
    )  # fmt: skip
    cells = [[case[column] for column in columns] for case in found["cases"]]
    lines.append(table([column.replace("_", " ") for column in columns], cells))
    for case in found["cases"]:
        if case["stages"]:
            shares = {name: seconds / case["seconds_per_step"] for name, seconds in case["stages"].items()}
            lines.append(
                f"{case['part']}: {1 / case['seconds_per_step']:.3f} steps/s, "
                + ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
            )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
