"""What the commands that train models do and print: recipes, plans of runs, runs, exports to other frameworks."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trialpanorama.apps.console import put, put_json, say, table
from trialpanorama.errors import UserError

if TYPE_CHECKING:
    from trialpanorama.train.plans import Plan
    from trialpanorama.train.recipe import Method, Recipe
    from trialpanorama.train.runs import Run
    from trialpanorama.warehouse import Warehouse

training_app = typer.Typer(
    help="Language models that learn from the tasks: supervised fine-tuning, reinforcement with the tasks' own scores."
)

_GB = 1e9


def _complete_recipes(incomplete: str) -> list[str]:
    from trialpanorama.train.recipe import names

    return [name for name in names() if name.startswith(incomplete)]


RecipeArgument = Annotated[
    str,
    typer.Argument(metavar="RECIPE", help="A name (see: train recipes), or a file.", autocompletion=_complete_recipes),
]
SettingsOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change the recipe, as in data.most_samples=100.")
]
WarehouseOption = Annotated[
    Path | None,
    typer.Option(
        "--warehouse", "-w", metavar="DIR", help="Its samples; else $TRIALPANORAMA_WAREHOUSE, else ./warehouse."
    ),
]
SamplesOption = Annotated[
    Path | None,
    typer.Option("--samples", metavar="DIR", help="Samples that tasks build wrote, in place of a warehouse."),
]
OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="The folder of the run; else runs/NAME-OF-THE-RECIPE.")
]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint in the folder.")]
DryOption = Annotated[
    bool, typer.Option("--dry-run", help="Say what would run: samples, tokens, steps, memory, disk; train nothing.")
]
DevicesOption = Annotated[
    int | None, typer.Option("--devices", metavar="N", min=1, help="Of a dry run: so many GPUs; else this machine's.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@training_app.command("sft")
def supervised(
    recipe: RecipeArgument,
    settings: SettingsOption = None,
    warehouse: WarehouseOption = None,
    samples: SamplesOption = None,
    out: OutOption = None,
    resume: ResumeOption = False,
    dry_run: DryOption = False,
    devices: DevicesOption = None,
    json: JsonOption = False,
) -> None:
    """Fine-tune a model on the right replies of tasks; a run that was stopped goes on with --resume."""
    _train("sft", recipe, settings or (), warehouse, samples, out, resume, dry_run, devices, json)


@training_app.command("grpo")
def reinforced(
    recipe: RecipeArgument,
    settings: SettingsOption = None,
    warehouse: WarehouseOption = None,
    samples: SamplesOption = None,
    out: OutOption = None,
    resume: ResumeOption = False,
    dry_run: DryOption = False,
    devices: DevicesOption = None,
    json: JsonOption = False,
) -> None:
    """Reinforce a model's own replies by the tasks' scores; a run that was stopped goes on with --resume."""
    _train("grpo", recipe, settings or (), warehouse, samples, out, resume, dry_run, devices, json)


@training_app.command("recipes")
def recipes(
    name: Annotated[
        str | None, typer.Argument(metavar="[RECIPE]", help="Print this one.", autocompletion=_complete_recipes)
    ] = None,
    json: JsonOption = False,
) -> None:
    """List the recipes that come with the package; or print one, to begin one's own from."""
    from trialpanorama.train.recipe import RECIPES, names, read, settings_of

    if name is not None:
        found = read(name)
        path = RECIPES / f"{name}.yaml"
        put_json(settings_of(found)) if json else put((path if path.exists() else Path(name)).read_text("utf-8"))
        return
    every = {known: read(known) for known in names()}
    if json:
        put_json([{"name": known, **settings_of(one)} for known, one in every.items()])
        return
    rows = [[known, one.method, one.model, one.meaning] for known, one in every.items()]
    put(table(["recipe", "method", "model", "meaning"], rows, widest=120))


@training_app.command("export")
def export(
    out: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    to: Annotated[str, typer.Option("--to", metavar="llamafactory|verl", help="The framework.")],
    warehouse: WarehouseOption = None,
    samples: SamplesOption = None,
    json: JsonOption = False,
) -> None:
    """Write the paper's road for an unmodified LLaMA-Factory (both phases) or verl (sample size, then search)."""
    from trialpanorama.train.exports import export as write

    written = write(_source(warehouse, samples), out, to)
    put_json(written) if json else put(table(["file", "samples"], list(written.items())))
    say(f"Next: sh {shlex.quote(str(out / 'run.sh'))}, which says what it takes")


def _train(
    method: Method,
    name: str,
    settings: Sequence[str],
    warehouse: Path | None,
    samples: Path | None,
    out: Path | None,
    resume: bool,
    dry_run: bool,
    devices: int | None,
    json: bool,
) -> None:
    from trialpanorama.train.recipe import read

    recipe = read(name, settings)
    if recipe.method != method:
        raise UserError(f"{name} is a recipe for {recipe.method}. Type: trialpanorama train {recipe.method} {name}")
    if dry_run:
        from trialpanorama.train.plans import plan

        say("Counting samples and tokens ...")
        found = plan(recipe, _source(warehouse, samples), devices=devices)
        put_json(found) if json else put(plan_text(found, recipe))
        return
    out = out or Path("runs") / Path(name).stem
    record = _run(recipe, _source(warehouse, samples), out, resume)
    from trialpanorama.train.runs import is_main

    if is_main():
        from trialpanorama.train import card

        card.write(out)
        put_json(record) if json else put(run_text(record, out))


def _source(warehouse: Path | None, samples: Path | None) -> Warehouse | Path:
    from trialpanorama.warehouse import Warehouse

    if samples is None:
        return Warehouse.open(warehouse)
    if warehouse is not None:
        raise UserError("Samples come from --warehouse or from --samples: give one of them.")
    if not samples.is_dir():
        raise UserError(f"There is no folder {samples}. Write one: trialpanorama tasks build --out {samples}")
    return samples


def _run(recipe: Recipe, source: Warehouse | Path, out: Path, resume: bool) -> Run:
    if recipe.method == "sft":
        from trialpanorama.train import sft

        return sft.run(recipe, source, out, resume, tell=say)
    from trialpanorama.train import grpo

    return grpo.run(recipe, source, out, resume, tell=say, show=grpo.shown_on(sys.stderr))


# --- text


def run_text(record: Run, out: Path) -> str:
    """What a run that ended came to."""
    from trialpanorama.apps.show import FICTIONAL

    learnt = record.data["train"]
    first, last = _held_out(record)
    lines = [
        f"{out / 'model'}: {record.method}, {record.steps:,} steps on {sum(learnt.rows.values()):,} rows of "
        f"{', '.join(learnt.rows)}; {record.trained_parameters:,} of {record.parameters:,} weights trained in "
        f"{record.seconds:,.0f} s"
    ]
    if first is not None and last is not None:
        lines.append(f"Held-out loss {last:.4f}, before {first:.4f}")
    if record.is_fictional:
        lines.append(f"{FICTIONAL} A check of the plumbing, not a finding.")
    return "\n".join(lines)


def _held_out(record: Run) -> tuple[float | None, float | None]:
    """The first and last loss on the validation samples."""
    losses = [entry["eval_loss"] for entry in record.history if "eval_loss" in entry]
    return (losses[0], losses[-1]) if losses else (None, None)


def plan_text(found: Plan, recipe: Recipe) -> str:
    """A plan for a terminal."""
    from trialpanorama.apps.show import FICTIONAL
    from trialpanorama.train.plans import LAUNCH

    lines = [found.meaning, ""]

    def line(label: str, text: str) -> None:
        lines.append(f"  {label:<10} {text}")

    line("model", f"{found.model}{_weights(found)}")
    prompts = " of prompts" if found.replies else ""
    line("tokens", f"{found.tokens:,}{prompts} an epoch, {found.tokens_are}")
    sharing = f"{_many(found.devices, 'device')} x {recipe.batch_per_device} at once x {found.accumulation} accumulated"
    each = "replies" if found.replies else "samples"
    line(
        "steps",
        f"{found.steps:,} ({recipe.epochs:g} epochs of {found.steps_per_epoch:,}), each of {recipe.batch} {each} = "
        f"{sharing}",
    )
    if found.replies:
        line("replies", f"{found.replies:,} in all")
    line("held out", f"{found.validation_rows:,} validation rows")
    rows = [
        [task, one.samples, one.rows, one.split_up, sum(one.left_out.values()), one.tokens, one.median_tokens,
         one.longest_tokens]
        for task, one in found.tasks.items()
    ]  # fmt: skip
    headings = ["task", "samples", "rows", "split up", "left out", "tokens", "median", "longest"]
    lines += ["", table(headings, rows)]
    for task, one in found.tasks.items():
        if one.left_out:
            lines.append(f"{task} leaves out: " + ", ".join(f"{count:,} {why}" for why, count in one.left_out.items()))
    lines += ["", *_memory_lines(found)]
    if found.checked:
        lines.append(f"Taken by {', '.join(found.checked)}.")
    lines += [f"Note: {note}" for note in found.notes]
    if found.is_fictional:
        lines.append(FICTIONAL)
    launch = " ".join(
        shlex.quote(part) for part in ("accelerate", "launch", "--config_file", str(LAUNCH / "fsdp.yaml"))
    )
    lines += [
        "",
        "Run it: the same without --dry-run. On several GPUs:",
        f"  {launch} -m trialpanorama.apps.cli train {found.method} ...",
        f"  (beside it: {', '.join(sorted(path.name for path in LAUNCH.glob('*.yaml')))})",
    ]
    return "\n".join(lines)


def _weights(found: Plan) -> str:
    if found.parameters is None or found.trained_parameters is None:
        return ""
    share = "all" if found.trained_parameters == found.parameters else f"{found.trained_parameters:,}"
    return f": {found.parameters:,} weights, {share} of them trained"


def _memory_lines(found: Plan) -> list[str]:
    if not found.memory or found.checkpoint_bytes is None or found.disk_bytes is None:
        return []
    columns = ("weights", "gradients", "optimizer", "gathered", "activations", "rollouts", "total")
    rows = [
        [one.layout, one.devices, *(round(getattr(one, column) / _GB, 1) for column in columns)] for one in found.memory
    ]
    cells = [[f"{cell:.1f}" if isinstance(cell, float) else cell for cell in row] for row in rows]
    has = f"; one of this machine's has {found.device_bytes / _GB:.1f}" if found.device_bytes else ""
    return [
        f"GB on each device at its fullest: an estimate, workspace of 1 to 3 GB not counted{has}",
        table(["layout", "devices", *columns], cells),
        f"Disk: {found.checkpoint_bytes / _GB:.1f} GB a checkpoint, {found.disk_bytes / _GB:.1f} GB in all",
    ]


def _many(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
