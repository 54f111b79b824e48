"""What the commands that ask models do and print: evaluate, compare, rescore, sanity, report."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trialpanorama.apps.console import Reporter, say, table
from trialpanorama.errors import UnknownName, UserError

if TYPE_CHECKING:
    from trialpanorama.evaluate import Contestant, Difference, Options, Result
    from trialpanorama.warehouse import Warehouse

SANITY_SAMPLES = 3
_SANITY_PATIENCE: dict[str, Any] = {"max_retries": 1, "attempt_timeout": 120}


def logs_folder(logs: Path | None) -> Path:
    """The folder of logs of a command: as given, else $INSPECT_LOG_DIR, else ./logs."""
    return logs or Path(os.environ.get("INSPECT_LOG_DIR") or "logs")


def text_or_file(given: str | None) -> str | None:
    """A text, or what the file of that name says."""
    if given is None:
        return None
    try:
        path = Path(given)
        return path.read_text(encoding="utf-8").strip() if path.is_file() else given
    except (OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and len(given) > 200:  # a text too long to be a file's name
            return given
        raise UserError(f"{given} cannot be read as text: {error}.") from None


def generation_options(pairs: Sequence[str], **given: Any) -> dict[str, Any]:
    """Inspect's generation options: KEY=VALUE pairs (VALUE as YAML reads it), and those that were given by name."""
    found = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise UserError(f'An option is KEY=VALUE, not "{pair}". Example: --option reasoning_effort=low')
        try:
            found[key.strip()] = msgspec.yaml.decode(value.encode())
        except msgspec.MsgspecError:
            found[key.strip()] = value
    return found | {key: value for key, value in given.items() if value is not None}


def contestants(
    models: Sequence[str], matrix: Path | None, prices: Path | None, base_url: str | None = None
) -> list[Contestant]:
    """The models of a command line and of a model-matrix file, with their prices; UserError where there is none."""
    from trialpanorama.baselines import baseline
    from trialpanorama.evaluate import Contestant, priced, read_matrix, read_prices

    found = [Contestant(model=model, base_url=None if model.startswith("baseline/") else base_url) for model in models]
    found += read_matrix(matrix) if matrix else []
    if not found:
        raise UserError("Which model? Give --model NAME (baseline/majority, openai/gpt-4o ...) or --models FILE.")
    for one in found:
        if one.model.startswith("baseline/"):
            baseline(one.model.removeprefix("baseline/"))
    return priced(found, read_prices(prices)) if prices else found


def evaluate_models(
    names: Sequence[str],
    models: Sequence[str | Contestant],
    warehouse: Path | None,
    options: Options | None = None,
    *,
    logs: Path | None = None,
) -> list[Result]:
    """Ask every model every task, several models at a time, and show how far it is; names are checked before."""
    from trialpanorama.evaluate import Options, run_all
    from trialpanorama.tasks import SPLITS, task

    options = options or Options()
    for name in names:
        task(name)
    if options.split not in SPLITS:
        raise UnknownName("split", options.split, SPLITS)
    with Reporter() as reporter:
        stage = f"{', '.join(names)}: {len(models)} model{'s' if len(models) != 1 else ''}"
        reporter.update(stage, 0)
        return run_all(
            names,
            models,
            warehouse,
            options,
            log_dir=logs_folder(logs),
            progress=lambda done, total: reporter.update(stage, done, total, "samples"),
        )


def say_outcomes(results: Iterable[Result]) -> None:
    """Tell of runs that did not answer all, and how to have the rest asked."""
    for one in results:
        if one.failed and not one.model.startswith("baseline/"):
            say(
                f"{one.model} failed on {one.failed:,} of {one.n:,} samples of {one.task}. "
                "The same command asks for those alone."
            )


def usage_text(results: Sequence[Result]) -> str:
    """What models took: tokens, and cost where it is known; nothing where none was asked."""
    rows = [
        [one.task, one.model, one.usage.input_tokens, one.usage.cache_read_tokens, one.usage.output_tokens,
         one.usage.cost]
        for one in results
        if one.usage.output_tokens
    ]  # fmt: skip
    return table(["task", "model", "input tokens", "cached", "output tokens", "US $"], rows) if rows else ""


def differences_text(found: Sequence[Difference]) -> str:
    """Paired differences, each with its interval, p-value and n."""
    from trialpanorama.tasks import task

    rows = [
        [
            one.task,
            f"{(metric := task(one.task).metric(one.metric)).title} {metric.arrow}",
            one.mine,
            one.theirs,
            one.value,
            f"{one.low:+.3f} to {one.high:+.3f}" if one.low is not None and one.high is not None else "",
            one.p_value,
            one.n,
            one.groups,
            one.left_out,
        ]
        for one in found
    ]
    headings = ["task", "metric", "first", "second", "difference", "95 % interval", "p", "n", "groups", "left out"]
    return f"{found[0].model} less {found[0].other}, on the samples that both answered\n\n{table(headings, rows)}"


# --- sanity


def sanity_facts(
    names: Sequence[str], models: Sequence[Contestant], warehouse: Warehouse, samples: int = SANITY_SAMPLES
) -> list[dict[str, Any]]:
    """Ask each model a few samples of each task (of all unless named), and say what came back.

    A task of which the warehouse makes no sample is passed over, with a word, unless it was named. Every call counts:
    `failed` tells those that brought no reply.
    """
    from trialpanorama.evaluate import Options
    from trialpanorama.tasks import load, require, task, tasks

    chosen = []
    for name in names or tasks():
        found = load(warehouse, task(name), "test")
        if names:
            require(found, task(name), "test", warehouse)
        elif not found:
            say(f"{name}: {warehouse.path} holds no test sample, so that it is not tried")
            continue
        chosen.append(name)
    options = Options(limit=samples, config=_SANITY_PATIENCE, fresh=True)
    with tempfile.TemporaryDirectory() as folder:
        results = _tried(chosen, models, warehouse, options, Path(folder))
    return [
        {
            "task": one.task,
            "model": one.model,
            "asked": one.n,
            **{str(outcome): count for outcome, count in one.outcomes.items()},
            "input_tokens": one.usage.input_tokens,
            "output_tokens": one.usage.output_tokens,
            "error": next((sample.error for sample in one.samples if sample.error), one.error),
        }
        for one in results
    ]


def _tried(
    names: Sequence[str], models: Sequence[Contestant], warehouse: Warehouse, options: Options, folder: Path
) -> list[Result]:
    from trialpanorama.errors import TrialPanoramaError
    from trialpanorama.evaluate import read_logs

    try:
        return evaluate_models(names, models, warehouse.path, options, logs=folder)
    except TrialPanoramaError:
        # Where nothing at all was answered the logs still say why, one by one.
        if not any(folder.glob("*.eval")):
            raise
        return read_logs(folder)


def sanity_text(facts: Sequence[dict[str, Any]]) -> str:
    """The same as a table."""
    headings = ["task", "model", "asked", "answered", "unreadable", "truncated", "refused", "failed", "output_tokens"]
    rows = [[one[name] for name in headings] for one in facts]
    errors = dict.fromkeys(f"{one['model']}: {one['error']}" for one in facts if one["failed"])
    return "\n".join([table([heading.replace("_", " ") for heading in headings], rows), *errors])
