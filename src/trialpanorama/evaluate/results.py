"""What came of a run, read back from its log: every sample accounted for, tokens and cost, and two files beside it."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import msgspec

from trialpanorama.errors import UserError
from trialpanorama.tasks import columns

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog, EvalSample

    from trialpanorama.tasks import Columns

BASELINE_PREFIX = "baseline/"
Outcome = Literal["answered", "unreadable", "truncated", "refused", "failed"]
OUTCOMES: dict[Outcome, str] = {
    "answered": "the reply was read as an answer, right or wrong",
    "unreadable": "the reply was no answer; it is in every figure, as a wrong one",
    "truncated": "the reply ended at the limit of tokens before it was an answer; in every figure, as a wrong one",
    "refused": "the provider says that the model or its filter refused; in every figure, as a wrong answer",
    "failed": "no reply came, after all repetitions; in no figure, and counted beside each",
}


class Usage(msgspec.Struct, frozen=True):
    """What replies took, in tokens as the provider counts them."""

    input_tokens: int = 0
    """Without those that the provider had cached."""
    output_tokens: int = 0
    """With those of reasoning."""
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    cost: float | None = None
    """US dollars, as the provider says or from the prices of the run; None where neither is known."""

    def __add__(self, other: Usage) -> Usage:
        costs = [cost for cost in (self.cost, other.cost) if cost is not None]
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cache_read_tokens + other.cache_read_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
            sum(costs) if costs else None,
        )


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a model's tokens cost: US dollars per million."""

    input: float
    output: float
    cache_read: float | None = None
    """As `input` unless given."""
    cache_write: float | None = None
    """As `input` unless given."""

    def cost(self, usage: Usage) -> float:
        """US dollars."""
        read = self.input if self.cache_read is None else self.cache_read
        write = self.input if self.cache_write is None else self.cache_write
        return (
            usage.input_tokens * self.input
            + usage.output_tokens * self.output
            + usage.cache_read_tokens * read
            + usage.cache_write_tokens * write
        ) / 1e6


class SampleResult(msgspec.Struct, kw_only=True):
    """What came of one sample of a run."""

    id: str
    scores: dict[str, float] | None
    """None where the run failed on it."""
    outcome: Outcome = "answered"
    error: str | None = None
    prompt: str = ""
    reply: str = ""
    """As the model gave it."""
    answer: str | None = None
    """As it was read; none where it was unreadable."""
    gold: str = ""
    why_unreadable: str | None = None
    rows: list[dict[str, float]] = []
    """What the metrics are computed over: the scores, or one row for each decision of the answer."""
    reward: float | None = None
    group: str = ""
    """Samples of one group stand or fall together."""
    date: str = ""
    strata: dict[str, str] = {}
    usage: Usage = Usage()
    repetitions: int = 0
    """Requests that Inspect made again, as the one before brought no reply; a provider's client may repeat, too."""


class Result(msgspec.Struct, kw_only=True):
    """A run of one model on one task, as its log tells it."""

    log: str
    task: str
    version: int
    model: str
    split: str
    snapshot: str
    is_fictional: bool
    created: str
    status: str
    """success, cancelled or error: in the latter two, and where it is still started, samples may be missing."""
    n: int
    """Samples that were asked."""
    samples: list[SampleResult]
    atlas: dict[str, Any]
    """Counts of the warehouse that the samples came from."""
    error: str | None = None
    after: str | None = None
    """Only samples dated later than this were asked, or are looked at."""
    cutoff: str | None = None
    """When the model's training data ends, as its user says."""
    settings: dict[str, Any] = {}
    """How it was asked: generation options, system prompt, whether a schema was given."""

    @property
    def failed(self) -> int:
        """Samples without a score: the model or the run failed on them, or never came to them."""
        return self.n - len(self.scores)

    @property
    def outcomes(self) -> dict[Outcome, int]:
        """How many samples ended how; the numbers add up to `n`."""
        counted = Counter(sample.outcome for sample in self.samples if sample.scores is not None)
        return {name: self.failed if name == "failed" else counted[name] for name in get_args(Outcome)}

    @property
    def unreadable(self) -> int:
        """Replies that were no answer, neither refused nor cut off; they count as wrong."""
        return self.outcomes["unreadable"]

    @property
    def scores(self) -> list[dict[str, float]]:
        """The scores of the samples that have them."""
        return [sample.scores for sample in self.samples if sample.scores is not None]

    @property
    def columns(self) -> Columns:
        """The rows of the samples that have scores, as columns."""
        return columns_of(self.samples)

    @property
    def usage(self) -> Usage:
        """Of all replies together, those that an earlier run had received included."""
        return sum((sample.usage for sample in self.samples), Usage())


def columns_of(samples: Iterable[SampleResult]) -> Columns:
    """The rows of samples that have scores, as columns, with the number of each row's group."""
    scored = [(row, sample.group) for sample in samples if sample.scores is not None for row in sample.rows]
    return columns([row for row, _ in scored], [group for _, group in scored])


def later(date: str, after: str) -> bool:
    """Whether something dated `date` is later than the day, month or year `after`; the undated is not."""
    return bool(date) and date[: len(after)] > after


def restrict(one: Result, after: str) -> Result:
    """The part of a run that is about samples dated after a day, month or year (ISO 8601)."""
    kept = [sample for sample in one.samples if later(sample.date, after)]
    both = max(after, one.after) if one.after else after
    return msgspec.structs.replace(one, samples=kept, n=len(kept), after=both)


def check_date(text: str) -> str:
    """A day, month or year as ISO 8601; raises UserError for anything else."""
    if not re.fullmatch(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?", text):
        raise UserError(f'"{text}" is no date. Give a day, month or year: 2025-06-30, 2025-06 or 2025.')
    return text


# --- reading logs


def result(log: EvalLog) -> Result:
    """What a log tells about its run; raises UserError for a log of something else."""
    about = log.eval.metadata or {}
    if "task_version" not in about:
        raise UserError(f"{log.location} is not a log of a TrialPanorama task.")
    price = msgspec.convert(about["price"], Price) if about.get("price") else None
    samples = [_sample(sample, price) for sample in log.samples or ()]
    order = {str(id): place for place, id in enumerate(log.eval.dataset.sample_ids or ())}
    samples.sort(key=lambda sample: order.get(sample.id, len(order)))
    asked = log.results.total_samples if log.results else 0
    return Result(
        log=log.location.removeprefix("file://"),
        task=str(about["task"]),
        version=int(about["task_version"]),
        model=str(about.get("label") or _model_name(log)),
        split=str(about["split"]),
        snapshot=str(about["snapshot"]),
        is_fictional=bool(about["is_fictional"]),
        created=str(log.eval.created),
        status=log.status,
        n=max(asked, len(samples), len(order) or int(log.eval.dataset.samples or 0)),
        samples=samples,
        atlas=dict(about.get("atlas") or {}),
        error=log.error.message if log.error else None,
        after=about.get("after"),
        cutoff=about.get("cutoff"),
        settings=dict(about.get("settings") or {}),
    )


def _sample(sample: EvalSample, price: Price | None) -> SampleResult:
    score = next(iter((sample.scores or {}).values()), None)
    scores = dict(score.value) if score is not None and isinstance(score.value, dict) else None
    found = dict(score.metadata or {}) if score is not None else {}
    about = (sample.metadata or {}).get("sample", {})
    return SampleResult(
        id=str(sample.id),
        scores=scores,
        outcome=_outcome(scores, found),
        error=_reason(sample.error.message) if sample.error else None,
        prompt=_text(sample.input),
        reply=sample.output.completion,
        answer=score.answer if score else None,
        gold=sample.target if isinstance(sample.target, str) else "",
        why_unreadable=score.explanation if score else None,
        rows=list(found.get("rows", ())),
        reward=found.get("reward"),
        group=str(about.get("group") or sample.id),
        date=str(about.get("date") or ""),
        strata=dict(about.get("strata") or {}),
        usage=_usage(sample, price),
        repetitions=sum(event.retries or 0 for event in sample.events if event.event == "model"),
    )


def _reason(message: str) -> str:
    """Why a sample failed, without the request that Inspect repeats in it."""
    if given_up := re.search(r"^RetryError\(.*raised (\w+)>", message, re.DOTALL):
        return f"no reply after all repetitions: {given_up[1]}"
    return message.rpartition(r"\n\n")[2] if message.startswith("ModelGenerateError") else message


def _text(asked: Any) -> str:
    return asked if isinstance(asked, str) else "\n\n".join(message.text for message in asked)


def _outcome(scores: Mapping[str, Any] | None, found: Mapping[str, Any]) -> Outcome:
    if scores is None:
        return "failed"
    said = found.get("outcome")
    return said if said in OUTCOMES else "unreadable" if scores.get("unreadable") else "answered"


def _usage(sample: EvalSample, price: Price | None) -> Usage:
    # A reply that an earlier run had received tells its usage; the model was not called for it.
    used = list(sample.model_usage.values())
    if not used and sample.output.usage is not None:
        used = [sample.output.usage]
    found = Usage()
    for one in used:
        tokens = Usage(
            one.input_tokens,
            one.output_tokens,
            one.input_tokens_cache_read or 0,
            one.input_tokens_cache_write or 0,
            one.reasoning_tokens or 0,
        )
        cost = one.total_cost if one.total_cost is not None else price.cost(tokens) if price else None
        found += msgspec.structs.replace(tokens, cost=cost)
    return found


def _model_name(log: EvalLog) -> str:
    if log.eval.model != "none/none":
        return str(log.eval.model)
    # The baseline says in its output who it is; a run that never came so far has only the solver's name.
    for sample in log.samples or ():
        if sample.output.model.startswith(BASELINE_PREFIX):
            return sample.output.model
    return BASELINE_PREFIX + (log.eval.solver or "majority").rpartition("/")[2]


class UnreadableLog(UserError):
    """A file that is no log of a run, or a damaged one."""


def read_log(path: str | os.PathLike[str]) -> EvalLog:
    """What Inspect reads out of a file; raises UnreadableLog for a file that is no log, or a damaged one."""
    from zipfile import BadZipFile

    from inspect_ai.log import read_eval_log

    try:
        return read_eval_log(os.fspath(path))
    except (ValueError, LookupError, OSError, EOFError, BadZipFile) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        shown = os.fspath(path).removeprefix("file://")
        raise UnreadableLog(f"{shown} cannot be read as the log of a run ({reason}). Such logs end in .eval.") from None


def read_result(path: str | os.PathLike[str]) -> Result:
    """The run of one log file."""
    return result(read_log(path))


def read_logs(log_dir: str | os.PathLike[str], *, all_runs: bool = False) -> list[Result]:
    """The runs of a folder of logs, oldest first; of repeated runs only the latest, unless `all_runs`.

    Logs of other tasks are passed over. Raises UserError where there is none of ours.
    """
    from inspect_ai.log import list_eval_logs

    folder = Path(log_dir)
    if not folder.is_dir():
        raise UserError(
            f"There is no folder {folder}. Make a run first: trialpanorama evaluate TASK --model baseline/majority"
        )
    dated = []
    for info in list_eval_logs(os.fspath(folder.resolve())):
        log = read_log(info.name)
        if "task_version" in (log.eval.metadata or {}):
            dated.append((log.eval.created, info.mtime or 0.0, log.location, result(log)))
    found = [one for *_, one in sorted(dated, key=lambda entry: entry[:3])]
    if not found:
        raise UserError(
            f"{folder} holds no log of our tasks. Make one: trialpanorama evaluate TASK --model baseline/majority"
        )
    if all_runs:
        return found
    latest = {(one.task, one.version, one.model, one.split, one.snapshot): one for one in found}
    return [one for one in found if latest[one.task, one.version, one.model, one.split, one.snapshot] is one]


# --- files beside the log


def slug(name: str) -> str:
    """A name as part of a path."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-.") or "model"


def write_results(one: Result, figures: Mapping[str, Any]) -> Path:
    """Write MODEL/TIME_TASK/results.json and metrics.json in the folder of a run's log; returns that folder.

    `results.json` holds what came of each sample, `metrics.json` the figures with their intervals and counts.
    """
    folder = Path(one.log).parent / slug(one.model) / f"{_time(one.created)}_{one.task}"
    folder.mkdir(parents=True, exist_ok=True)
    about = {
        name: getattr(one, name)
        for name in ("task", "version", "model", "split", "snapshot", "created", "status", "is_fictional", "n")
    } | {"log": Path(one.log).name}
    samples = [
        {
            **{
                name: getattr(sample, name)
                for name in ("id", "date", "group", "outcome", "reply", "answer", "gold", "why_unreadable", "scores",
                             "reward", "error", "repetitions")
            },
            **msgspec.structs.asdict(sample.usage),
        }
        for sample in one.samples
    ]  # fmt: skip
    _write(folder / "results.json", {**about, "samples": samples})
    more = {"after": one.after, "cutoff": one.cutoff, "settings": one.settings, "outcomes": one.outcomes}
    _write(folder / "metrics.json", {**about, **more, "usage": one.usage, **figures})
    return folder


def _write(path: Path, content: Mapping[str, Any]) -> None:
    partial = path.with_name(f".{path.name}")
    partial.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
    partial.replace(path)


def _time(created: str) -> str:
    return created[:19].replace(":", "-")


def named(results: Sequence[Result]) -> dict[str, list[Result]]:
    """Runs by the task that they are about, in their order."""
    found: dict[str, list[Result]] = {}
    for one in results:
        found.setdefault(one.task, []).append(one)
    return found
