"""Runs: tasks times models, several at a time, begun again where they ended, scored anew without asking."""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trialpanorama.baselines import baseline
from trialpanorama.errors import TrialPanoramaError, UserError
from trialpanorama.evaluate.figures import metrics_facts
from trialpanorama.evaluate.matrix import Contestant
from trialpanorama.evaluate.replies import Replies, replies_of
from trialpanorama.evaluate.results import (
    BASELINE_PREFIX,
    Result,
    check_date,
    read_log,
    read_result,
    result,
    write_results,
)
from trialpanorama.tasks import Split, task

if TYPE_CHECKING:
    from inspect_ai import Task as InspectTask
    from inspect_ai.log import EvalLog
    from inspect_ai.model import GenerateConfig, Model

    from trialpanorama.evaluate.plugin import Questions

_MODEL_EXAMPLES = "openai/gpt-4o, hf/Qwen/Qwen3-0.6B, vllm/..., baseline/majority"
CUTOFF = "cutoff"
"""As `after`: the training cut-off of each model."""
PATIENCE: dict[str, Any] = {"max_retries": 8, "attempt_timeout": 600}
"""How often a request is repeated, and how many seconds each may take, unless the run says otherwise.

The wait doubles each time from about three seconds: eight repetitions outlast a quarter of an hour.
"""
_NOT_OF_THE_REPLY = {
    "max_retries", "timeout", "attempt_timeout", "stream_idle_timeout", "max_connections", "adaptive_connections",
    "batch", "cache",
}  # fmt: skip
"""Options that change how a reply is fetched and not what it says."""
_TRIES_OF_A_SAMPLE = 2

Progress = Callable[[int, int], None]
"""Called with the samples that are done and all that are asked."""


class Options(msgspec.Struct, kw_only=True, frozen=True):
    """What a run asks, and how."""

    split: Split = "test"
    limit: int | None = None
    """Ask only so many samples: the first, which are a random part of the split."""
    after: str | None = None
    """Ask only samples dated later than this day, month or year; `cutoff`: than each model's training cut-off."""
    paths: tuple[Path, ...] = ()
    """Files of labels, or of a published benchmark, that samples are read from; else they come from the warehouse."""
    system_prompt: str | None = None
    structured: bool = True
    """Whether a schema of the reply is given to providers that take one."""
    config: dict[str, Any] = {}
    """Inspect's generation options for all models; a model's own go before."""
    fresh: bool = False
    """Whether to ask everything anew, instead of going on where the same run ended."""


class _Run(msgspec.Struct, kw_only=True):
    """One model on one task, ready to be run."""

    contestant: Contestant
    task_name: str
    asked: Any
    """Questions: a type of the plug-in, which is not loaded at start-up."""
    made: Any
    """Inspect's Task."""
    replies: Replies | None


def run(
    task_name: str,
    model: str | Model,
    warehouse: str | os.PathLike[str] | None = None,
    *,
    split: Split = "test",
    limit: int | None = None,
    log_dir: str | os.PathLike[str] | None = None,
    display: str = "none",
    config: Mapping[str, Any] | None = None,
) -> Result:
    """Ask a model every sample of a task and write one log.

    `model` is `baseline/NAME` or any of Inspect's model names (or a model object). `limit` takes the first samples,
    which are a random part of the split. The log goes to `log_dir`, else $INSPECT_LOG_DIR, else ./logs. `config` holds
    Inspect's generation options (temperature, max_tokens ...). Raises UserError where the model cannot be had, and an
    error where it answers nothing.
    """
    options = Options(split=split, limit=limit, config=dict(config or {}))
    (found,) = run_all([task_name], [model], warehouse, options, log_dir=log_dir, display=display)
    return found


def run_all(
    task_names: Sequence[str],
    models: Sequence[str | Contestant | Model],
    warehouse: str | os.PathLike[str] | None = None,
    options: Options | None = None,
    *,
    log_dir: str | os.PathLike[str] | None = None,
    display: str = "none",
    progress: Progress | None = None,
) -> list[Result]:
    """Ask every model every task, several models at a time; a log for each, with results.json and metrics.json.

    A run that was ended before all of its samples had a reply is gone on with: what was answered is not asked again.
    The results are in the order of tasks, then of models. Raises UserError for what cannot be run, before anything is
    asked; an error where no run answers anything; and KeyboardInterrupt where the user ends it.
    """
    options = options or Options()
    load_environment()
    folder = Path(log_dir or os.environ.get("INSPECT_LOG_DIR") or "logs")
    counter = _Counter(progress)
    runs = _prepare(task_names, models, warehouse, options, folder, counter)
    came: dict[tuple[str, str], Result] = {}
    # Baselines compute in this process: beside them, the replies of models would wait to be read until they are late.
    for is_baseline in (True, False):
        chosen = [one for one in runs if (one.replies is None) == is_baseline]
        logs = _eval(chosen, folder, display) if chosen else []
        # Of runs that had not begun when the user ended it all there is no log.
        if len(logs) < len(chosen) or any(log.status == "cancelled" for log in logs):
            raise KeyboardInterrupt
        came |= {(one.task, one.model): one for one in map(result, logs)}
    found = []
    for one in runs:
        ended = came[one.task_name, one.contestant.label]
        write_results(ended, metrics_facts(ended))
        if one.replies is not None and ended.status == "success" and not ended.failed:
            one.replies.discard()
        found.append(ended)
    if not any(one.scores for one in found):
        raise _nothing(found[0])
    return found


def _nothing(found: Result) -> TrialPanoramaError:
    why = found.error or next((sample.error for sample in found.samples if sample.error), None) or "no reason given"
    kind = TrialPanoramaError if found.model.startswith(BASELINE_PREFIX) and "UserError" not in why else UserError
    return kind(
        f"{found.model} answered none of {found.n} samples of {found.task}: {why.strip().splitlines()[-1]} "
        f"The log: {found.log}"
    )


class _Counter:
    """How many samples are done, over all runs that go on at once."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress, self._done, self.total = progress, 0, 0

    def __call__(self) -> None:
        # A sample that is tried again is done again.
        self._done = min(self._done + 1, self.total)
        if self._progress is not None:
            self._progress(self._done, self.total)


def _prepare(
    task_names: Sequence[str],
    models: Sequence[str | Contestant | Model],
    warehouse: str | os.PathLike[str] | None,
    options: Options,
    folder: Path,
    counter: _Counter,
) -> list[_Run]:
    chosen = list(dict.fromkeys(task(name).name for name in task_names))
    entries = [_entry(model) for model in models]
    for entry, _ in entries:
        _check(entry, options)
    labels = [entry.label for entry, _ in entries]
    if twice := next((label for label in labels if labels.count(label) > 1), None):
        raise UserError(f"{twice} is named twice. Give each a `name` of its own in a file of models.")
    with _mistakes():
        from trialpanorama.evaluate import plugin

        asked_models = [
            (entry, _model(entry, options) if found is None else _with(found, options)) for entry, found in entries
        ]
    path = os.fspath(warehouse) if warehouse is not None else None
    runs = []
    for name in chosen:
        asked_after: dict[str | None, Questions] = {}
        for entry, model in asked_models:
            after = entry.cutoff if options.after == CUTOFF else options.after
            if after not in asked_after:
                asked_after[after] = plugin.questions(
                    name, path, options.split, paths=options.paths, after=after, limit=options.limit
                )
            runs.append(_ready(name, entry, model, asked_after[after], after, options, folder, counter))
    counter.total = sum(len(one.asked.samples) for one in runs)
    return runs


def _entry(model: str | Contestant | Model) -> tuple[Contestant, Model | None]:
    if isinstance(model, Contestant):
        return model, None
    return (Contestant(model=model), None) if isinstance(model, str) else (Contestant(model=str(model)), model)


def _check(entry: Contestant, options: Options) -> None:
    """Raise UserError for what is wrong with a model before any is loaded."""
    if entry.model.startswith(BASELINE_PREFIX):
        baseline(entry.model.removeprefix(BASELINE_PREFIX))
    elif "/" not in entry.model:
        raise UserError(f'A model is PROVIDER/NAME or baseline/NAME, not "{entry.model}". Examples: {_MODEL_EXAMPLES}')
    if options.after == CUTOFF and entry.cutoff is None and not entry.model.startswith(BASELINE_PREFIX):
        raise UserError(f"{entry.label} has no `cutoff` in the file of models. Add one, or say --after DATE.")
    if options.after not in (None, CUTOFF):
        check_date(str(options.after))


def _ready(
    name: str,
    entry: Contestant,
    model: Model | str,
    asked: Questions,
    after: str | None,
    options: Options,
    folder: Path,
    counter: _Counter,
) -> _Run:
    from trialpanorama.evaluate import plugin

    is_baseline = isinstance(model, str)
    structured = options.structured if entry.structured is None else entry.structured
    schema = plugin.schema_of(name, asked.samples[0]) if structured and not is_baseline else None
    settings = {
        "config": {key: value for key, value in _config(entry, options).items() if key not in _NOT_OF_THE_REPLY},
        "system_prompt": entry.system_prompt or options.system_prompt,
        "structured": schema is not None,
    }
    replies = None
    if not is_baseline:
        identity = {"task": name, "version": task(name).version, "snapshot": asked.snapshot, "split": options.split}
        identity |= {"model": entry.model, "label": entry.label, "base_url": entry.base_url, "args": entry.args}
        replies = replies_of(folder, identity | settings)
        if options.fresh:
            replies.discard()
    solver = (
        plugin.asking(plugin.Asking(replies, schema, counter))
        if replies is not None
        else plugin.baseline_solver(entry.model.removeprefix(BASELINE_PREFIX), counter)()
    )
    price = msgspec.to_builtins(entry.price) if entry.price else None
    about = {"label": entry.label, "after": after, "cutoff": entry.cutoff, "price": price, "settings": settings}
    made = plugin.make_task(
        name, split=options.split, asked=asked, solver=solver, model=plugin.NO_MODEL if is_baseline else model,
        metadata={key: value for key, value in about.items() if value is not None},
    )  # fmt: skip
    return _Run(contestant=entry, task_name=name, asked=asked, made=made, replies=replies)


def _eval(runs: Sequence[_Run], folder: Path, display: str) -> list[EvalLog]:
    import inspect_ai

    made: list[InspectTask] = [one.made for one in runs]
    is_asked = runs[0].replies is not None
    return list(
        inspect_ai.eval(
            made,
            model=None,
            log_dir=os.fspath(folder),
            display=display,  # type: ignore[arg-type]
            max_tasks=len({one.contestant.label for one in runs}),
            # What the request itself does not repeat, such as a body that ends in the middle of its JSON.
            retry_on_error=_TRIES_OF_A_SAMPLE - 1 if is_asked else None,
            log_level="error",
            log_realtime=False,
            score_display=False,
            acp_server=False,
            ctl_server=False,
        )
    )


# --- models


def load_environment() -> None:
    """Read the file .env of this folder, or of the nearest above it that has one; what is set already is left."""
    from dotenv import find_dotenv, load_dotenv

    if found := find_dotenv(usecwd=True):
        load_dotenv(found, override=False)


def _config(entry: Contestant, options: Options) -> dict[str, Any]:
    return PATIENCE | options.config | entry.config


def _generate_config(wanted: Mapping[str, Any]) -> GenerateConfig:
    from inspect_ai.model import GenerateConfig
    from pydantic import ValidationError

    unknown = sorted(wanted.keys() - GenerateConfig.model_fields.keys())
    if unknown:
        raise UserError(
            f"Inspect has no generation option {', '.join(unknown)}. It has temperature, max_tokens, seed ..."
        )
    try:
        return GenerateConfig.model_validate(wanted)
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"Generation option {'.'.join(map(str, first['loc']))}: {first['msg']}.") from None


def _with(model: Model, options: Options) -> Model:
    """A model that was given as an object, with the options of the run."""
    made = copy.copy(model)
    made.config = made.config.merge(_generate_config(PATIENCE | options.config))
    return made


def _model(entry: Contestant, options: Options) -> Model | str:
    """Inspect's model; the name of a baseline."""
    from inspect_ai.model import ModelInfo, ModelOutput, ModelUsage, get_model, set_model_info

    if entry.model.startswith(BASELINE_PREFIX):
        return entry.model
    system_prompt = entry.system_prompt or options.system_prompt
    config = _generate_config(_config(entry, options) | ({"system_message": system_prompt} if system_prompt else {}))
    if entry.model.startswith("mockllm/"):
        # Inspect's mock model counts tokens with a file that it downloads; told the usage, it stays offline.
        def reply(*_: Any) -> ModelOutput:
            output = ModelOutput.from_content(model=entry.model, content="Default output from mockllm/model")
            output.usage = ModelUsage(input_tokens=0, output_tokens=0, total_tokens=0)
            return output

        return get_model(entry.model, config=config, custom_outputs=reply, memoize=False)
    if entry.model.startswith("hf/"):  # Inspect would look up what is known of it by loading it a second time
        set_model_info(entry.model, ModelInfo())
    with _mistakes(entry.model):
        return get_model(entry.model, config=config, base_url=entry.base_url, memoize=False, **entry.args)


@contextmanager
def _mistakes(model: str = "") -> Iterator[None]:
    """Tell in one line what Inspect finds wrong with a model's name, key or package."""
    from inspect_ai._util.error import PrerequisiteError

    try:
        yield
    except PrerequisiteError as error:
        raise UserError(_plain(str(error.message))) from None
    except (ValueError, ImportError, LookupError, TypeError) as error:
        if not model:
            raise
        raise UserError(f'There is no model "{model}": {_plain(str(error))} Examples: {_MODEL_EXAMPLES}') from None


def _plain(text: str) -> str:
    return " ".join(re.sub(r"\[/?[a-z ]+\]", "", text).split()).removeprefix("ERROR: ")


# --- scoring anew


def rescore(path: str | os.PathLike[str], out: str | os.PathLike[str] | None = None) -> Result:
    """Read and score the replies of a log anew, without asking any model; writes a log of its own.

    It is LOG-rescored.eval beside the log unless `out` is given, with results.json and metrics.json of its own. Raises
    UserError for a log whose questions are no longer asked in the same words: its replies answer other ones.
    """
    from inspect_ai import score
    from inspect_ai.log import write_eval_log

    from trialpanorama.evaluate import plugin

    source = Path(path)
    if not source.is_file():
        raise UserError(f"There is no log {source}.")
    log = read_log(source)
    before = result(log)
    chosen = task(before.task)
    for sample in log.samples or ():
        try:
            decoded = chosen.decode(msgspec.json.encode(sample.metadata["sample"]))
            same = chosen.prompt(decoded) == sample.input
        except (msgspec.MsgspecError, KeyError):
            same = False
        if not same:
            raise UserError(
                f"{source} asks {before.task} (version {before.version}) in other words than version {chosen.version} "
                "does: its replies answer other questions. Run it again: trialpanorama evaluate"
            )
    # What failed has no reply to score, and stays as it is.
    answered = [sample for sample in log.samples or () if sample.error is None]
    failed = [sample for sample in log.samples or () if sample.error is not None]
    if not answered:
        raise UserError(f"{source} holds no reply.")
    scored = score(
        log.model_copy(update={"samples": answered}),
        plugin.answers(before.task),
        # The model that replied is not needed, and its key may not be at hand.
        model=plugin.NO_MODEL,
        action="overwrite",
        display="none",
    )
    scored.samples = [*(scored.samples or ()), *failed]
    scored.eval.metadata = (scored.eval.metadata or {}) | {"task_version": chosen.version}
    if scored.results is not None:
        scored.results.total_samples = before.n
    target = Path(out) if out is not None else source.with_name(f"{source.stem}-rescored.eval")
    target.parent.mkdir(parents=True, exist_ok=True)
    write_eval_log(scored, os.fspath(target))
    found = read_result(target)
    write_results(found, metrics_facts(found))
    return found
