"""The model card of a training run: what was learnt from what, how, how well, for what use, and what is not known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml

from trialpanorama.checkpoints import HUB_NAME
from trialpanorama.errors import UserError
from trialpanorama.evaluate import Row
from trialpanorama.tasks import task
from trialpanorama.train import runs
from trialpanorama.train.scoring import SCORED
from trialpanorama.train.tiny import MOST_TINY

CARD, LICENCES = "README.md", "licences.json"
UNNAMED = "not named by whoever trained it: find it out before the model is passed on"


class Licences(msgspec.Struct, frozen=True):
    """What only the user can know: the terms of the data and of the model that training began from."""

    data: str = ""
    base_model: str = ""


def write(run: Path, licences: Licences | None = None) -> Path:
    """Write the card of a run as RUN/README.md; returns the file.

    Licences that are named once are kept. Raises UserError for a folder that is no finished run.
    """
    before = _licences(run)
    if licences is not None:
        before = Licences(licences.data or before.data, licences.base_model or before.base_model)
        (run / LICENCES).write_bytes(msgspec.json.encode(before))
    path = run / CARD
    partial = run / f".{CARD}"
    partial.write_text(card(run, before), encoding="utf-8")
    partial.replace(path)
    return path


def card(run: Path, licences: Licences | None = None) -> str:
    """The text of a run's card, with the front matter that model hubs read."""
    record = runs.read(run)
    if record.state != "finished":
        raise UserError(f"{run} is {record.state}, and has no model to describe. Go on with it: --resume")
    licences = licences or _licences(run)
    base = str(record.recipe["model"])
    front: dict[str, Any] = {
        "library_name": "peft" if record.recipe.get("lora") else "transformers",
        "pipeline_tag": "text-generation",
        "language": ["en"],
        "tags": ["clinical-trials", record.method, *(["fictional-data"] if record.is_fictional else [])],
        "license": "other",
    }
    if HUB_NAME.fullmatch(base) and not Path(base).exists():
        front["base_model"] = base
    parts = [
        f"---\n{yaml.safe_dump(front, sort_keys=False)}---",
        f"# {run.resolve().name}",
        *_warnings(record),
        _about(record, base),
        "## Scores",
        *_scores(run),
        "## What it learnt from",
        *_data(record),
        "## Recipe",
        f"```yaml\n{yaml.safe_dump(_told(record.recipe), sort_keys=False, allow_unicode=True)}```",
        "## Intended use",
        _USE,
        "## Limits",
        _LIMITS,
        "## Licences",
        f"- Data: {licences.data or UNNAMED}. Registries and publishers set their own terms; the rows' sources are in "
        "the warehouse.\n"
        f"- Base model: {licences.base_model or UNNAMED}. What it says of derived models holds for this one.",
        "## Made with",
        f"TrialPanorama {record.trialpanorama}; "
        + ", ".join(f"{name} {version}" for name, version in record.libraries.items())
        + ".",
    ]
    return "\n\n".join(parts) + "\n"


_USE = (
    "Research on questions about clinical trials: the tasks above, asked as the package asks them. Its replies are "
    "suggestions for people who know the field and check them."
)
_LIMITS = """\
- It is no medical device, and gives no advice on the care of a patient.
- It saw registry entries, which sponsors write about their own trials: what registries lack or embellish, it learnt.
- A forecast is about trials like those it learnt from. Later years, rare conditions and other registers are other
  trials; the tables of the package's experiments say how much that matters.
- What the base model read before is not known: it may have met the trials that it is tested on.
- A probability that it puts into words is not calibrated; the odds of its answers, calibrated on validation samples,
  are scored apart (rows that begin with `odds/`)."""


def _warnings(record: runs.Run) -> Iterator[str]:
    if record.is_fictional:
        yield "> **FICTIONAL:** it learnt from trials that are made up, and knows nothing about real ones."
    if record.is_fictional or record.parameters <= MOST_TINY:
        why = "the trials are made up" if record.is_fictional else f"the model has {record.parameters:,} weights"
        yield f"> **A check of the plumbing, not a finding:** {why}."


def _about(record: runs.Run, base: str) -> str:
    kinds = {"sft": "Supervised fine-tuning", "grpo": "Reinforcement (GRPO)"}
    titles = ", ".join(task(name).title.lower() for name in record.data["train"].rows)
    began = record.sittings[0].began[:10] if record.sittings else "an unknown day"
    devices = ", ".join(record.machine.get("devices") or ()) or f"{record.machine.get('processor', '?')} processor"
    return (
        f"{kinds.get(record.method, record.method)} of `{_short(base)}` on {titles}: {record.trained_parameters:,} of "
        f"{record.parameters:,} weights, {record.steps:,} steps in {record.precision}, begun on {began}, "
        f"{record.seconds / 60:,.1f} minutes on {devices} ({record.processes} process"
        f"{'' if record.processes == 1 else 'es'}). {record.recipe.get('meaning', '')}".rstrip()
    )


def _scores(run: Path) -> Iterator[str]:
    try:
        rows = msgspec.json.decode((run / SCORED).read_bytes(), type=list[Row])
    except FileNotFoundError:
        yield "Not scored yet. Type: `trialpanorama train score RUN`"
        return
    cells = [
        [
            row.task,
            f"{row.title} {row.arrow}",
            row.model,
            interval_text(row.value, row.low, row.high),
            row.n,
            row.failed,
            row.unreadable + row.truncated,
            row.floor,
        ]
        for row in rows
    ]
    yield markdown_table(
        ["task", "metric", "asked", "value [95 % interval]", "n", "failed", "unreadable", "floor"], cells
    )
    snapshots = sorted({row.snapshot for row in rows})
    yield (
        f"Test samples of snapshot {', '.join(f'`{one}`' for one in snapshots)}"
        f"{'; FICTIONAL trials' if any(row.is_fictional for row in rows) else ''}. Intervals are bootstrap intervals "
        "over whole groups of samples. ↑ higher is better, ↓ lower is better, →1 nearer to 1 is better. Failed samples "
        "are in no figure, unreadable replies count as wrong."
    )


def _data(record: runs.Run) -> Iterator[str]:
    learnt = record.data["train"]
    rows = [
        [
            name,
            learnt.samples.get(name, 0),
            count,
            learnt.split_up.get(name, 0),
            "; ".join(f"{many:,} {why}" for why, many in learnt.left_out.get(name, {}).items()),
        ]
        for name, count in learnt.rows.items()
    ]
    yield markdown_table(["task", "training samples", "rows", "asked in parts", "left out"], rows)
    snapshots = ", ".join(f"`{one}`" for one in learnt.snapshots) or "none that is named"
    yield f"{learnt.tokens:,} tokens an epoch, the longest row {learnt.longest:,}. Snapshots: {snapshots}."
    files = [[name, f"`{digest}`"] for split in record.data.values() for name, digest in sorted(split.files.items())]
    yield markdown_table(["samples", "SHA-256"], files)


def _told(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe without places of the machine that it ran on."""
    return {**recipe, "model": _short(str(recipe["model"]))}


def _short(model: str) -> str:
    """A hub's name as it is; of a folder the last parts that tell it."""
    path = Path(model)
    if HUB_NAME.fullmatch(model) and not path.exists():
        return model
    return path.parent.name if path.name == runs.MODEL else path.name


def _licences(run: Path) -> Licences:
    try:
        return msgspec.json.decode((run / LICENCES).read_bytes(), type=Licences)
    except FileNotFoundError:
        return Licences()


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Rows under their headings, as Markdown."""

    def line(cells: Sequence[Any]) -> str:
        return f"| {' | '.join(map(_cell, cells))} |"

    return "\n".join([line(headings), line(["---"] * len(headings)), *map(line, rows)])


def interval_text(value: float | None, low: float | None, high: float | None, *, signed: bool = False) -> str:
    """A figure with its interval in brackets."""
    form = "+.3f" if signed else ".3f"
    if value is None:
        return "not defined"
    return f"{value:{form}}" + (f" [{low:{form}}, {high:{form}}]" if low is not None and high is not None else "")


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    text = "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
    return text.replace("|", "\\|")
