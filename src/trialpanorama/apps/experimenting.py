"""What the commands about trained models do and print: train score, train card, train push, experiment."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trialpanorama.apps.console import Reporter, put, put_json, say
from trialpanorama.apps.training import JsonOption, SettingsOption, WarehouseOption, training_app
from trialpanorama.errors import UnknownName, UserError

if TYPE_CHECKING:
    from trialpanorama.train.hub import Upload

RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")]


def _complete_experiments(incomplete: str) -> list[str]:
    from trialpanorama.train.experiments import names

    return [name for name in names() if name.startswith(incomplete)]


# --- the score of a run


@training_app.command("score")
def score_command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run, or of a model.")],
    tasks: Annotated[
        list[str] | None,
        typer.Option("--task", metavar="TASK", help="Ask this one; may be repeated. Else what the run learnt."),
    ] = None,
    split: Annotated[str, typer.Option(metavar="test|validation|train", help="Which samples to ask.")] = "test",
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Ask only so many samples (a random part).")
    ] = None,
    after: Annotated[str | None, typer.Option(metavar="DATE", help="Ask only samples dated later.")] = None,
    odds: Annotated[
        bool,
        typer.Option("--odds", help="Take the calibrated odds of each label in place of words; tasks with labels."),
    ] = False,
    base_url: Annotated[
        str | None, typer.Option(metavar="URL", help="A vLLM server that serves the model; else it is loaded here.")
    ] = None,
    served_as: Annotated[
        str | None, typer.Option(metavar="NAME", help="What that server calls it; else the folder of the model.")
    ] = None,
    max_tokens: Annotated[int, typer.Option(metavar="N", min=1, help="Longest reply, in tokens.")] = 2048,
    warehouse: WarehouseOption = None,
    json: JsonOption = False,
) -> None:
    """Ask a trained model the samples of tasks, as evaluate asks any model; logs and figures stay in the run."""
    from trialpanorama.apps.evaluating import say_outcomes
    from trialpanorama.apps.show import results_text
    from trialpanorama.evaluate import table as results_table
    from trialpanorama.evaluate.results import check_date
    from trialpanorama.tasks import SPLITS, task
    from trialpanorama.train import card, runs, scoring
    from trialpanorama.warehouse import Warehouse

    is_run = (run / runs.RECORD).is_file()
    if not run.is_dir():
        raise UserError(f"There is no folder {run}. Train a model first: trialpanorama train sft RECIPE")
    if not tasks and not is_run:
        raise UserError(f"{run} holds no run, so that nothing says what it learnt. Name tasks: --task NAME")
    names = list(tasks or runs.read(run).data["train"].rows)
    for name in names:
        task(name)
    if split not in SPLITS:
        raise UnknownName("split", split, SPLITS)
    if odds and base_url is not None:
        raise UserError("--odds reads the model's own probabilities, which a server does not tell: leave --base-url.")
    opened = Warehouse.open(warehouse)
    with Reporter() as reporter:
        stage = f"{', '.join(names)}: {run.resolve().name}"
        reporter.update(stage, 0)
        results = scoring.score(
            run, opened, names,
            split=split, limit=limit, after=check_date(after) if after else None, take="odds" if odds else "words",
            base_url=base_url, served_as=served_as, max_tokens=max_tokens,
            progress=lambda done, total: reporter.update(stage, done, total, "samples"),
        )  # fmt: skip
    rows = results_table(results)
    put_json(rows) if json else put(results_text(rows))
    say_outcomes(results)
    if is_run:
        say(f"Model card: {card.write(run)}")
    say(f"Logs: {run / scoring.SCORES}. Next: trialpanorama report --logs {shlex.quote(str(run / scoring.SCORES))}")


@training_app.command("card")
def card_command(
    run: RunArgument,
    data_licence: Annotated[str, typer.Option(metavar="TEXT", help="Terms of the data it learnt from.")] = "",
    base_licence: Annotated[str, typer.Option(metavar="TEXT", help="Terms of the model that it began from.")] = "",
) -> None:
    """Write the model card of a run, RUN/README.md: data, recipe, scores, use, limits; licences, kept once named."""
    from trialpanorama.train import card

    named = card.Licences(data_licence, base_licence) if data_licence or base_licence else None
    put(str(card.write(run, named)))


# --- to a hub


@training_app.command("push")
def push_command(
    run: RunArgument,
    name: Annotated[str, typer.Argument(metavar="OWNER/MODEL", help="What the hub shall call it.")],
    yes: Annotated[bool, typer.Option("--yes", help="Send it without asking.")] = False,
    json: JsonOption = False,
) -> None:
    """Send a trained model with its card to a model hub, into a private repository; $HF_TOKEN must let it.

    Weights, tokenizer and card are sent; checkpoints, logs and samples are not.
    """
    from trialpanorama.train import card, hub, runs

    runs.read(run)
    card.write(run)
    upload = hub.upload_of(run, name)
    agree(upload, yes)
    address = hub.push(upload)
    put_json({"name": name, "address": address, "files": [path.name for path in upload.files]}) if json else put(
        address
    )


def agree(upload: Upload, yes: bool, confirm: Callable[[str], bool] | None = None) -> None:
    """Say what would be sent and where to; raise UserError unless someone agrees, by --yes or at a terminal."""
    say(
        f"{len(upload.files)} files, {upload.bytes / 1e6:,.1f} MB, would be sent to {upload.host} as {upload.name}: "
        f"{', '.join(path.name for path in upload.files)}."
    )
    if yes:
        return
    if confirm is None and not sys.stdin.isatty():
        raise UserError("Nothing was sent. To agree to it add --yes.")
    if not (confirm or _asked)("Send them?"):
        raise UserError("Nothing was sent.")


def _asked(question: str) -> bool:
    say(f"{question} [y/N]")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


# --- experiments


def experiment_command(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="sft_and_rl, linked_text, later_years, rare_conditions, data_scaling or outcome.",
            autocompletion=_complete_experiments,
        ),
    ],
    scale: Annotated[
        str, typer.Option(metavar="tiny|full", help="full: the recipes as they are; tiny: minutes on a processor.")
    ] = "full",
    model: Annotated[
        str | None, typer.Option(metavar="FOLDER|NAME", help="Where all arms begin; else the recipes' model.")
    ] = None,
    labels: Annotated[
        list[Path] | None,
        typer.Option("--labels", metavar="FILE", help="Of outcome: label files to learn from, such as TOP's."),
    ] = None,
    tested_on: Annotated[
        list[Path] | None,
        typer.Option("--tested-on", metavar="FILE", help="Of outcome: label files to test on, such as CTO's."),
    ] = None,
    settings: SettingsOption = None,
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="Ask only so many test samples.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Runs, logs and report; else experiments/NAME.")
    ] = None,
    warehouse: WarehouseOption = None,
    json: JsonOption = False,
) -> None:
    """Train the arms of an experiment, score them on the same samples and compare them; writes a report.

    Arms that are finished are not run again. On generated trials or a tiny model it is a check of the plumbing, not a
    finding, and the report says so.
    """
    from trialpanorama.train import experiments
    from trialpanorama.warehouse import Warehouse

    if scale not in ("tiny", "full"):
        raise UnknownName("scale", scale, ("tiny", "full"))
    if bool(labels) != bool(tested_on):
        raise UserError("--labels and --tested-on go together: what is learnt from, and what is tested on.")
    files = experiments.Labels(tuple(labels), tuple(tested_on)) if labels and tested_on else None
    out = out or Path("experiments") / name
    experiments.experiment(name, scale, settings or ())  # type: ignore[arg-type]  # looked up above
    report = experiments.run(
        name, Warehouse.open(warehouse), out,
        scale=scale,  # type: ignore[arg-type]  # looked up above
        model=model, labels=files, settings=settings or (), limit=limit, tell=say,
    )  # fmt: skip
    put_json(report) if json else put(experiments.markdown(report))
    say(f"Report: {out / 'report.md'}")
