"""What every training run shares: its folder, its record, how it goes on after a kill, and how it fails.

A method of training (`sft`, `grpo`) uses it so:

    begun = begin(recipe, out, resume, tell)          # the folder may be used; nothing is written yet
    config = SFTConfig(**begun.arguments(evaluate=True), ...)
    loaded = models.load(...)                         # after the configuration, which DeepSpeed must know first
    trainer = guarded(SFTTrainer)(model=loaded.model, args=config, ...)
    return begun.train(trainer, loaded, {"train": ..., "validation": ...})

OUT holds `checkpoint-N/` (whole as soon as it is there), `model/` (at the end, likewise) and `run.json`. With several
processes every one of them makes these calls, and OUT must be a folder that all of them see.
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import math
import os
import platform
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from trialpanorama import __version__, checkpoints
from trialpanorama.errors import UserError
from trialpanorama.train import models
from trialpanorama.train.recipe import settings_of

if TYPE_CHECKING:
    from transformers import Trainer, TrainerCallback

    from trialpanorama.train.data import Prepared
    from trialpanorama.train.recipe import Recipe

Tell = Callable[[str], None]
"""Called with one line for a person, now and then."""
State = Literal["running", "finished", "interrupted", "failed"]

RECORD, MODEL = "run.json", "model"
_WRITING = ".writing"
_CHECKPOINT = re.compile(r"checkpoint-(\d+)")
_TOLD = (
    "torch", "transformers", "trl", "peft", "accelerate", "datasets", "tokenizers", "deepspeed", "flash-attn", "vllm",
)  # fmt: skip
_LINES = 200
"""How often a run reports at most; the record keeps as many."""


def silent(_: str) -> None:
    """Tells nobody."""


class Learnt(msgspec.Struct, kw_only=True):
    """What a run took from one split."""

    rows: dict[str, int]
    """By task."""
    tokens: int
    longest: int
    """Tokens of the longest row."""
    samples: dict[str, int]
    """By task: all that the split has."""
    left_out: dict[str, dict[str, int]]
    """By task and reason."""
    split_up: dict[str, int]
    """By task: samples that were asked in parts."""
    files: dict[str, str]
    """SHA-256 of the samples of each TASK/SPLIT.jsonl."""
    snapshots: list[str]
    is_fictional: bool


class Sitting(msgspec.Struct, kw_only=True):
    """From a start of the run, or from where it went on, to where it ended; kept at each checkpoint."""

    began: str
    """Date and time, UTC."""
    from_step: int
    to_step: int
    seconds: float = 0.0
    """Of wall time, measurements and checkpoints included."""
    tokens: int = 0
    """That were learnt from, prompts included."""
    tokens_per_second: float | None = None
    ended: State = "running"
    """`running` in the record of a run that was killed."""
    why: str | None = None


class Run(msgspec.Struct, kw_only=True):
    """The record of a run: what was asked, of what it was made, how it went (OUT/run.json)."""

    trialpanorama: str
    """Version."""
    method: str
    recipe: dict[str, Any]
    """All settings, defaults included."""
    state: State
    data: dict[str, Learnt]
    """By split."""
    is_fictional: bool
    """Whether any of the samples is made up: what is measured then is a check of the plumbing, not a finding."""
    parameters: int
    trained_parameters: int
    precision: str
    """That was computed in; a machine without bf16 takes float32."""
    attention: str
    processes: int
    accumulation: int
    """Batches of a device that make one step."""
    steps: int
    """Done."""
    all_steps: int
    history: list[dict[str, Any]]
    """What the trainer logged: step, epoch, loss, learning_rate, eval_loss ..."""
    sittings: list[Sitting]
    libraries: dict[str, str]
    machine: dict[str, Any]

    @property
    def seconds(self) -> float:
        """Wall time of all sittings."""
        return sum(sitting.seconds for sitting in self.sittings)


def read(out: Path) -> Run:
    """The record of the run in a folder; raises UserError where there is none."""
    try:
        return msgspec.json.decode((out / RECORD).read_bytes(), type=Run)
    except FileNotFoundError:
        raise UserError(f"{out} holds no run ({RECORD} is missing).") from None
    except msgspec.MsgspecError as why:
        raise UserError(f"{out / RECORD} is no record of a run: {why}.") from None


def last_checkpoint(out: Path) -> Path | None:
    """The latest whole checkpoint of a run."""
    there = _checkpoints(out)
    return there[-1] if there else None


def is_main() -> bool:
    """Whether this process is the one that writes and speaks for all of them."""
    return int(os.environ.get("RANK", "0")) == 0


def processes() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def accumulation(recipe: Recipe) -> int:
    """Batches of each device that make one step of `recipe.batch` samples; raises UserError where none do."""
    at_once = recipe.batch_per_device * processes()
    if recipe.batch % at_once:
        next_batch = math.ceil(recipe.batch / at_once) * at_once
        raise UserError(
            f"batch: {recipe.batch} samples cannot be shared evenly by {processes()} processes that take "
            f"batch_per_device: {recipe.batch_per_device} at once. Try --set batch={next_batch}"
        )
    return recipe.batch // at_once


def begin(recipe: Recipe, out: Path, resume: bool = False, tell: Tell = silent) -> Begun:
    """A run that may write into OUT, from the start or from its last checkpoint. Nothing is changed yet.

    Raises UserError where OUT holds something else, or another recipe's run, or with `resume` no run; where a setting
    cannot be had on this machine; and where the `train` extra is missing.
    """
    models.require()
    steps_together = accumulation(recipe)
    models.usable_attention(recipe.attention, models.usable(recipe.precision))
    if not resume:
        if (out / RECORD).is_file():
            raise UserError(f"{out} holds a run already. Go on with it (--resume), or name another folder.")
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise UserError(f"{out} is not empty, and holds no run. Name another folder.")
        return Begun(recipe, out, None, None, steps_together, tell)
    earlier = read(out)
    if differing := _difference(earlier.recipe, settings_of(recipe)):
        raise UserError(f"{out} holds a run of another recipe: {differing}. Name another folder.")
    if earlier.processes != processes():
        raise UserError(
            f"{out} was trained by {earlier.processes} processes, and now there are {processes()}: it would not go on "
            "as it began."
        )
    return Begun(recipe, out, earlier, last_checkpoint(out), steps_together, tell)


class Begun:
    """A run that is about to be trained."""

    def __init__(
        self, recipe: Recipe, out: Path, earlier: Run | None, checkpoint: Path | None, steps_together: int, tell: Tell
    ) -> None:
        self.recipe, self.out, self.checkpoint = recipe, out, checkpoint
        self._earlier, self._accumulation = earlier, steps_together
        self.tell: Tell = tell if is_main() else silent

    @property
    def finished(self) -> Run | None:
        """The record of a run that has ended, so that there is nothing to go on with."""
        return self._earlier if self._earlier and self._earlier.state == "finished" else None

    def arguments(self, *, evaluate: bool) -> dict[str, Any]:
        """What the configurations of TRL's trainers have in common; `evaluate` where there are held-out rows."""
        import torch
        from transformers import TrainingArguments

        recipe = self.recipe
        renamed = "activation_checkpointing"  # in newer versions of transformers
        checkpointing = renamed if hasattr(TrainingArguments, renamed) else "gradient_checkpointing"
        every: dict[str, Any] = {"save_strategy": "steps" if recipe.save_every else "epoch"}
        if recipe.save_every:
            every["save_steps"] = recipe.save_every
        if evaluate:
            every["eval_strategy"] = "steps" if recipe.evaluate_every else "epoch"
            every["eval_steps"] = recipe.evaluate_every
            every["eval_on_start"] = self.checkpoint is None
        return every | {
            "output_dir": str(self.out),
            "num_train_epochs": recipe.epochs,
            "per_device_train_batch_size": recipe.batch_per_device,
            "per_device_eval_batch_size": recipe.batch_per_device,
            "gradient_accumulation_steps": self._accumulation,
            "learning_rate": recipe.learning_rate,
            "lr_scheduler_type": "constant_with_warmup" if recipe.schedule == "constant" else recipe.schedule,
            "warmup_steps": recipe.warmup,  # below 1: a share
            "max_grad_norm": 1.0,
            "bf16": models.usable(recipe.precision) == "bf16",
            checkpointing: recipe.gradient_checkpointing,
            "seed": recipe.seed,
            "data_seed": recipe.seed,
            "logging_nan_inf_filter": False,
            "ddp_find_unused_parameters": False,
            "dataloader_pin_memory": torch.cuda.is_available(),
            "report_to": "none",
            "disable_tqdm": True,
        }

    def train(self, trainer: Any, loaded: models.Loaded, data: Mapping[str, Prepared]) -> Run:
        """Train, keep the model, and write the record. `trainer` is of a class that `guarded` made.

        Raises UserError where a loss or gradient is no number any more, the disk or the device's memory is full, or the
        run began on other samples; KeyboardInterrupt where the user ends it. The last whole checkpoint is kept in any
        case.
        """
        from transformers import PrinterCallback

        record = self._record(trainer, loaded, data)
        if self._earlier and (differing := _difference(_files(self._earlier), _files(record))):
            raise UserError(f"{self.out} began on other samples: {differing}. Name another folder.")
        _wait()  # until every process has seen the folder as it was
        if is_main():
            self.out.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(self.out / _WRITING, ignore_errors=True)
        notes = _Notes(record, self.out, self.checkpoint, self.tell)
        notes.write()
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(_watch(notes, self.recipe))
        if self.checkpoint:
            self.tell(f"Going on from {self.checkpoint} ({record.all_steps} steps in all).")
        elif self._earlier:
            self.tell(f"{self.out} has no whole checkpoint: from the start.")
        try:
            trainer.train(resume_from_checkpoint=str(self.checkpoint) if self.checkpoint else None)
            if trainer.eval_dataset is not None and not _is_evaluated(trainer):
                trainer.evaluate()
            with _whole(self.out, MODEL) as folder:
                trainer.save_model(str(folder))
                if is_main():
                    (folder / "training_args.bin").unlink(missing_ok=True)  # code, and paths of this machine
        except KeyboardInterrupt:
            notes.end(trainer, "interrupted", None)
            self.tell(_kept(self.out))
            raise
        except BaseException as why:
            notes.end(trainer, "failed", f"{type(why).__name__}: {why}")
            if type(why).__name__ == "OutOfMemoryError":
                raise UserError(
                    f"The device's memory is full at step {trainer.state.global_step + 1}. Try --set batch_per_device="
                    f"{max(1, self.recipe.batch_per_device // 2)}, gradient_checkpointing=true, a shorter length, or "
                    f"lora.rank=16. {_kept(self.out)}"
                ) from why
            raise
        notes.end(trainer, "finished", None)
        return record

    def _record(self, trainer: Any, loaded: models.Loaded, data: Mapping[str, Prepared]) -> Run:
        steps = trainer.set_initial_training_values(trainer.args, trainer.get_train_dataloader())[-1]
        if self.recipe.most_steps is not None and self.recipe.most_steps < steps:
            steps = trainer.args.max_steps = self.recipe.most_steps
        trainer.args.logging_steps = math.ceil(steps / _LINES)
        learnt = {split: _learnt(prepared) for split, prepared in data.items()}
        return Run(
            trialpanorama=__version__,
            method=self.recipe.method,
            recipe=dict(settings_of(self.recipe)),
            state="running",
            data=learnt,
            is_fictional=any(one.is_fictional for one in learnt.values()),
            parameters=sum(_size(weight) for weight in trainer.model.parameters()),
            trained_parameters=sum(_size(weight) for weight in trainer.model.parameters() if weight.requires_grad),
            precision=loaded.precision,
            attention=loaded.attention,
            processes=processes(),
            accumulation=self._accumulation,
            steps=_step_of(self.checkpoint),
            all_steps=steps,
            history=[],
            sittings=list(self._earlier.sittings) if self._earlier else [],
            libraries=_libraries(),
            machine=_machine(),
        )


def guarded(trainer: type[Any]) -> type[Any]:
    """A trainer's class whose checkpoints appear when they are whole, and that tells nobody but the user of the run."""

    class Guarded(trainer):  # type: ignore[misc]
        def _save_checkpoint(self, model: Any, trial: Any) -> None:
            out, name = Path(self.args.output_dir), f"checkpoint-{self.state.global_step}"
            with _whole(out, name) as folder:
                self.args.output_dir = str(folder.parent)
                try:
                    super()._save_checkpoint(model, trial)
                finally:
                    self.args.output_dir = str(out)

        def create_model_card(self, *_: Any, **__: Any) -> None:
            """The run's own card says what it is."""

        def _send_telemetry(self) -> None:
            """Nothing about a run leaves the machine."""

    return Guarded


# --- folders that are whole or not there


@contextmanager
def _whole(out: Path, name: str) -> Iterator[Path]:
    """A folder to write into, by all processes, that becomes OUT/NAME when all of it lies on the disk."""
    folder = out / _WRITING / name
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield folder
        for file in folder.rglob("*"):
            if file.is_file():
                with file.open("rb") as opened:
                    os.fsync(opened.fileno())
        _wait()
        if is_main():
            if (out / name).exists():
                shutil.rmtree(out / name)
            folder.rename(out / name)
            shutil.rmtree(out / _WRITING)
        _wait()
    except BaseException as why:
        is_full = _is_full(why, out)
        shutil.rmtree(out / _WRITING, ignore_errors=True)
        if is_full:
            raise UserError(
                f"The disk of {out} is full: {name} could not be written, and nothing half-written stays. Make room; "
                f"fewer checkpoints need less (--set keep=1). {_kept(out)}"
            ) from why
        raise


def _is_full(error: BaseException, out: Path) -> bool:
    causes = list(checkpoints.causes(error))
    if any(isinstance(one, OSError) and one.errno in (errno.ENOSPC, errno.EDQUOT) for one in causes):
        return True
    # Libraries that write in another language say it in words, PyTorch not even that.
    told = " ".join(map(str, causes))
    if "os error 28" in told or "No space left" in told or "Disk quota exceeded" in told:
        return True
    return "inline_container" in told and shutil.disk_usage(out).free < 2**20


def _checkpoints(out: Path) -> list[Path]:
    return sorted((path for path in out.glob("checkpoint-*") if _CHECKPOINT.fullmatch(path.name)), key=_step_of)


def _step_of(checkpoint: Path | None) -> int:
    return int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0


def _kept(out: Path) -> str:
    last = last_checkpoint(out)
    return f"{last} is kept: go on from there with --resume." if last else "There is no checkpoint yet."


def _wait() -> None:
    """Until every process has come here."""
    from accelerate import PartialState

    PartialState().wait_for_everyone()


# --- the record


class _Notes:
    """The record of a run while it goes on."""

    def __init__(self, record: Run, out: Path, checkpoint: Path | None, tell: Tell) -> None:
        self.record, self.out, self.tell = record, out, tell
        step = _step_of(checkpoint)
        self._sitting = Sitting(
            began=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), from_step=step, to_step=step
        )
        record.sittings.append(self._sitting)
        self._began = time.monotonic()
        self.tokens_before = 0

    def count(self, tokens: float) -> None:
        """Take up how many tokens were learnt from until now."""
        self._sitting.tokens = int(tokens) - self.tokens_before
        self._sitting.tokens_per_second = round(self._sitting.tokens / (time.monotonic() - self._began), 1)

    def line(self, logs: Mapping[str, Any], step: int) -> str:
        """What to tell after a step."""
        parts = [f"step {step:,}/{self.record.all_steps:,}"]
        parts += [
            f"{name} {logs[key]:.4f}"
            for key, name in (("loss", "loss"), ("reward", "reward"), _held_out(logs))
            if key in logs
        ]
        if "loss" in logs:
            done, passed = step - self._sitting.from_step, time.monotonic() - self._began
            if self._sitting.tokens_per_second:
                parts.append(f"{self._sitting.tokens_per_second:,.0f} tokens/s")
            if done:
                left = datetime.timedelta(seconds=round(passed / done * (self.record.all_steps - step)))
                parts.append(f"{left} left")
        return " · ".join(parts)

    def keep(self, state: Any) -> None:
        """Note how far the trainer has come."""
        self.record.steps = self._sitting.to_step = state.global_step
        self.record.history = list(state.log_history)
        self._sitting.seconds = round(time.monotonic() - self._began, 3)
        self.write()

    def end(self, trainer: Any, state: State, why: str | None) -> None:
        self.record.state = self._sitting.ended = state
        self._sitting.why = why
        with contextlib.suppress(OSError) if state == "failed" else contextlib.nullcontext():
            self.keep(trainer.state)

    def write(self) -> None:
        if not is_main():
            return
        partial = self.out / f".{RECORD}"
        partial.write_bytes(msgspec.json.format(msgspec.json.encode(self.record)) + b"\n")
        partial.replace(self.out / RECORD)


def _watch(notes: _Notes, recipe: Recipe) -> TrainerCallback:
    """Ends a run whose loss or gradients are no numbers any more; notes and tells how it goes."""
    import torch
    from transformers import TrainerCallback

    def stop(what: str, step: int) -> None:
        raise UserError(
            f"{what} is not a finite number at step {step}; nothing of it was kept. Try a lower learning_rate (now "
            f"{recipe.learning_rate:g}), a longer warmup (now {recipe.warmup:g}) or --set precision=float32. "
            f"{_kept(notes.out)}"
        )

    class Watch(TrainerCallback):  # type: ignore[misc, unused-ignore]
        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            notes.tokens_before = int(state.num_input_tokens_seen)

        def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **given: Any) -> None:
            # A loss that is no number gives gradients that are none: this is before any of them reaches a weight.
            gradients = [weight.grad for weight in given["model"].parameters() if weight.grad is not None]
            # Of weights that are shared out, a process looks at its own part.
            gradients = [gradient.to_local() if hasattr(gradient, "to_local") else gradient for gradient in gradients]
            if gradients and not torch.isfinite(torch.nn.utils.get_total_norm(gradients)).item():
                stop("The loss or its gradient", state.global_step + 1)

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            for key in ("loss", "grad_norm", "eval_loss"):
                if not math.isfinite(logs.get(key, 0.0)):
                    stop(f"{key} ({logs[key]})", state.global_step)
            if "num_tokens" in logs:
                notes.count(logs["num_tokens"])
            if logs.keys() & {"loss", "eval_loss"}:
                notes.tell(notes.line(logs, state.global_step))

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            notes.keep(state)
            if is_main():
                for old in _checkpoints(notes.out)[: -recipe.keep]:
                    shutil.rmtree(old)

    return Watch()


def _held_out(logs: Mapping[str, Any]) -> tuple[str, str]:
    """What a measurement on held-out samples is told by: reinforcement has no loss that says anything."""
    return ("eval_reward", "held-out reward") if "eval_reward" in logs else ("eval_loss", "held-out loss")


def _is_evaluated(trainer: Trainer) -> bool:
    return any("eval_loss" in log and log["step"] == trainer.state.global_step for log in trainer.state.log_history)


def _learnt(prepared: Prepared) -> Learnt:
    return Learnt(
        rows=dict(prepared.by_task),
        tokens=sum(prepared.tokens),
        longest=max(prepared.tokens, default=0),
        samples=dict(prepared.samples),
        left_out={task: dict(counted) for task, counted in prepared.left_out.items()},
        split_up=dict(prepared.split_up),
        files=dict(prepared.files),
        snapshots=list(prepared.snapshots),
        is_fictional=prepared.is_fictional,
    )


def _files(record: Run) -> dict[str, str]:
    return {name: digest for learnt in record.data.values() for name, digest in learnt.files.items()}


def _difference(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """The first key whose value changed, in words."""
    for key in sorted(earlier.keys() | now.keys()):
        if earlier.get(key) != now.get(key):
            return f"{key} was {earlier.get(key)}, and is {now.get(key)}"
    return None


def _size(weight: Any) -> int:
    return int(getattr(weight, "ds_numel", 0) or weight.numel())  # DeepSpeed leaves a process its own part alone


def _libraries() -> dict[str, str]:
    found = {}
    for name in _TOLD:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def _machine() -> dict[str, Any]:
    import torch

    devices = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    return {
        "system": platform.system(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "devices": devices,
        "python": platform.python_version(),
    }
