"""Forecasts from the command line: `outcome fit`, `outcome evaluate`, `predict`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from trialpanorama.apps.console import Reporter, put, put_json, say, table
from trialpanorama.errors import REJECT_REASONS, UserError

if TYPE_CHECKING:
    from trialpanorama.forecast import Comparison, Evaluation, Prediction, Reason
    from trialpanorama.forecast.fitting import Card
    from trialpanorama.record import Record
    from trialpanorama.warehouse import Warehouse

FICTIONAL = "FICTIONAL: made-up trials; the figures mean nothing."
_DRAFTS = (".yaml", ".yml")
_SIMILAR = 10
"""Past trials beside one forecast; many forecasts are made without, as looking for them takes longest."""
_SHOWN = 8
"""Reasons and similar trials that a terminal shows; `--json` gives all."""

outcome_app = typer.Typer(
    help="Forecasts of what becomes of trials: fit a model, measure it on trials it has not seen."
)

WarehouseOption = Annotated[
    Path | None,
    typer.Option(
        "--warehouse", "-w", metavar="DIR", help="The warehouse; else $TRIALPANORAMA_WAREHOUSE, else ./warehouse."
    ),
]
ModelOption = Annotated[
    Path | None,
    typer.Option(
        "--model", metavar="DIR", help="The fitted forecast; else $TRIALPANORAMA_MODEL, else WAREHOUSE.models/forecast."
    ),
]
LabelsOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--labels",
        metavar="FILE",
        help="CSV files of trials whose outcome is known (TOP, CTO, TrialBench); may be repeated.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@outcome_app.command("fit")
def fit_command(
    warehouse: WarehouseOption = None,
    labels: LabelsOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where the model goes; else WAREHOUSE.models/forecast.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Learn from the warehouse's training split, and from label files, what becomes of trials.

    A model that was fitted on label files is for your own use: their terms apply. It takes minutes on two cores.
    """
    import msgspec

    from trialpanorama.forecast import find_model, fit

    house = _warehouse(warehouse, needed=not labels)
    folder = out or find_model(None, house.path if house else warehouse)
    with Reporter() as reporter:
        card = fit(house, folder, labels or (), progress=lambda stage: reporter.update(stage, 0))
    if as_json:
        put_json({"folder": str(folder), **msgspec.to_builtins(card)})
    else:
        put(card_text(folder, card))


@outcome_app.command("evaluate")
def evaluate_command(
    warehouse: WarehouseOption = None,
    labels: LabelsOption = None,
    model: ModelOption = None,
    split: Annotated[
        Literal["validation", "test"], typer.Option("--split", help="Which held-out split of the warehouse.")
    ] = "test",
    as_json: JsonOption = False,
) -> None:
    """Measure the fitted forecast on trials that it has not seen, beside floors, with 95 % intervals."""
    import msgspec

    from trialpanorama.forecast import Forecast, evaluate

    forecast = Forecast.open(model, warehouse)
    house = _warehouse(warehouse, needed=not labels)
    with Reporter() as reporter:
        reporter.update("measuring", 0)
        found = evaluate(forecast, house, labels or (), split=split)
    if as_json:
        put_json({"evaluations": [msgspec.to_builtins(one) for one in found]})
    else:
        put("\n\n".join(evaluation_text(one) for one in found))


def predict_command(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="Trials of any registry's format, drafts in YAML or JSON, folders or archives of many.",
            show_default=False,
        ),
    ],
    compare: Annotated[
        bool, typer.Option("--compare", help="What changes from the first draft to the second.")
    ] = False,
    run: Annotated[
        Path | None,
        typer.Option(
            "--language-model", metavar="RUN", help="Folder of a training run whose model gives a second opinion."
        ),
    ] = None,
    similar: Annotated[
        int | None,
        typer.Option("--similar", min=0, help="How many past trials to show: 10 beside one trial, else none."),
    ] = None,
    warehouse: WarehouseOption = None,
    model: ModelOption = None,
    as_json: JsonOption = False,
) -> None:
    """Forecast whether trials will succeed or be stopped, and say why.

    Only what is known at a trial's start is read: no status, date, result or reached enrolment.
    """
    import msgspec

    from trialpanorama.forecast import Forecast
    from trialpanorama.forecast.predicting import SecondOpinion

    forecast = Forecast.open(model, warehouse)
    house = _warehouse(warehouse, needed=run is not None)
    if compare:
        drafts = list(read_drafts(files))
        if len(drafts) != 2 or any(isinstance(draft, UserError) for _, draft in drafts):
            wrong = next((str(draft) for _, draft in drafts if isinstance(draft, UserError)), f"{len(drafts)} given")
            raise UserError(f"--compare takes two drafts: {wrong}. Example: predict first.yaml second.yaml --compare")
        (one, first), (other, second) = drafts
        comparison = forecast.compare(first, second, house, sources=(one, other))  # type: ignore[arg-type]
        if as_json:
            put_json(msgspec.to_builtins(comparison))
        else:
            put(comparison_text(comparison))
        return
    asker = SecondOpinion(run, house) if run and house else None
    found: list[Prediction] = []
    failed: list[tuple[str, UserError]] = []
    drafts_read = read_drafts(files)
    first_two = list(islice(drafts_read, 2))
    if similar is None:
        similar = _SIMILAR if len(first_two) == 1 else 0
    with Reporter() as reporter:
        for number, (source, draft) in enumerate(chain(first_two, drafts_read), 1):
            if number > 1:
                reporter.update("forecasts", number, None, "trials")
            try:
                if isinstance(draft, UserError):
                    raise draft
                found.append(forecast.predict(draft, house, source=source, similar=similar))
                if asker:
                    found[-1].opinions.append(asker.of(draft))
            except UserError as error:
                failed.append((source, error))
    if not found:
        raise failed[0][1] if failed else UserError("The files hold no trial.")
    for _, why in failed[:_SHOWN]:
        say(str(why))
    if len(failed) > _SHOWN:
        say(f"... and {len(failed) - _SHOWN:,} more that are no trial")
    if as_json:
        errors = [{"source": source, "error": str(why)} for source, why in failed]
        several = len(found) + len(failed) > 1
        put_json([*map(msgspec.to_builtins, found), *errors] if several else msgspec.to_builtins(found[0]))
    else:
        put(prediction_text(found[0]) if len(found) == 1 else predictions_text(found))


def _warehouse(path: Path | None, needed: bool) -> Warehouse | None:
    """The warehouse; none where there is none, none was named and none is needed."""
    import os

    from trialpanorama.warehouse import ENVIRONMENT_VARIABLE, Warehouse, find_warehouse

    named = path is not None or bool(os.environ.get(ENVIRONMENT_VARIABLE))
    if not needed and not named and not (find_warehouse() / "manifest.json").exists():
        return None
    return Warehouse.open(path)


def read_drafts(files: Sequence[Path]) -> Iterator[tuple[str, Record | UserError]]:
    """The trials of files, folders and archives, each with where it stands; an error for each that is none."""
    from trialpanorama.designs import read_draft
    from trialpanorama.ingest import Piece, find_inputs, read_piece
    from trialpanorama.record import Record

    if missing := [str(path) for path in files if not path.exists()]:
        raise UserError(f"No such file: {', '.join(missing)}. Give a registry's file, or a draft in YAML.")
    # In the order of the command line, and a file that is given twice is asked about twice.
    for given in files:
        for file in find_inputs([given]):
            path = Path(file.path)
            rejects: list[tuple[str, UserError]] = []
            records = 0
            for outcome in read_piece(Piece(file)) if path.suffix.lower() not in _DRAFTS else ():
                source = ":".join(filter(None, (file.file, outcome.place.member)))
                if isinstance(outcome, Record):
                    records += 1
                    yield source, outcome
                else:
                    why = REJECT_REASONS[outcome.reason] + (f" ({outcome.detail})" if outcome.detail else "")
                    rejects.append((source, UserError(f"{source} is no trial that can be read: {why}.")))
            if records or len(rejects) > 1 or path.is_dir():
                yield from rejects
                continue
            # No registry wrote it: a draft, or what is wrong with it as a draft's reader says it.
            try:
                yield file.file, read_draft(path.read_bytes(), path.name)
            except UserError as error:
                yield file.file, error


# --- in a terminal


def card_text(folder: Path, card: Card) -> str:
    """A fitted model for a terminal."""
    lines = [FICTIONAL] if card.is_fictional else []
    lines += [
        f"Fitted in {card.seconds:.0f} s on {card.fitted_on}; snapshot {card.snapshot}",
        "",
    ]
    rows: list[list[Any]] = []
    for name, part in (("success", card.outcome), ("kind of failure", card.failure), ("completion", card.completion)):
        if part is None:
            rows.append([name, 0, "too few trials", None, None, None, None])
            continue
        labels = ", ".join(f"{label} {many:,}" for label, many in part.labels.items())
        figures = part.left_out
        rows.append(
            [name, part.n, labels, figures.get("auroc"), figures.get("brier"), figures.get("brier_of_the_prior"),
             figures.get("calibration_slope")]
        )  # fmt: skip
    lines.append(table(["model", "trials", "labels", "AUROC", "Brier", "prior's", "slope"], rows, widest=90))
    lines += ["", "Figures are on trials left out of fitting in turn; measure it forward in time: outcome evaluate"]
    if card.left_out:
        lines.append("Not learnt from: " + "; ".join(f"{many:,} {why}" for why, many in card.left_out.items()))
    lines += [_licence(card.licence), f"Model: {folder}"]
    return "\n".join(lines)


def evaluation_text(found: Evaluation) -> str:
    """Figures on held-out trials for a terminal."""
    share = found.positives / found.n
    ends = "succeed" if found.question == "outcome" else "are stopped"
    lines = [FICTIONAL] if found.is_fictional else []
    lines.append(f"{found.question}: {found.trials}; {found.n:,} trials, of which {share:.1%} {ends}")
    lines += [f"Left out: {many:,}, {why}" for why, many in found.left_out.items()]
    metrics = list(dict.fromkeys(figure.metric for figure in found.figures))
    titles = {figure.metric: f"{figure.title} {figure.arrow}" for figure in found.figures}
    by = {(figure.model, figure.phase, figure.metric): figure for figure in found.figures}
    rows = []
    for model, phase in dict.fromkeys((figure.model, figure.phase) for figure in found.figures):
        cells = [by.get((model, phase, metric)) for metric in metrics]
        n = next(cell.n for cell in cells if cell)
        rows.append([phase, model, n, *(_figure(c.value, c.low, c.high) if c else "" for c in cells)])
    lines += ["", table(["phase", "model", "n", *(titles[metric] for metric in metrics)], rows, widest=40)]
    if found.threshold is not None:
        lines.append(f"F1 at probability {found.threshold:.3f}, chosen on {found.threshold_from}")
    rows = [
        [d.other, f"{d.title} {d.arrow}", _figure(d.value, d.low, d.high, sign=True), d.n] for d in found.differences
    ]
    lines += ["", "The forecast less the others, on the same trials", table(["other", "metric", "", "n"], rows)]
    rows = [
        [one.threshold, _figure(one.forecast, one.low, one.high), one.all,
         _figure(one.gain, one.gain_low, one.gain_high, sign=True)]
        for one in found.decision
    ]  # fmt: skip
    lines += ["", "Net benefit a trial, of acting where the probability is at least the threshold"]
    lines.append(table(["threshold", "by the forecast", "on all", "gain over all or none"], rows))
    return "\n".join(lines)


def _figure(value: float | None, low: float | None, high: float | None, sign: bool = False) -> str:
    if value is None:
        return "not defined"
    form = "{:+.3f}" if sign else "{:.3f}"
    return form.format(value) + (
        f" ({form.format(low)}, {form.format(high)})" if low is not None and high is not None else ""
    )


def prediction_text(found: Prediction) -> str:
    """A forecast for a terminal."""
    from trialpanorama.forecast import OUTCOME_MEANINGS

    lines = [FICTIONAL] if found.fictional else []
    lines += [f"{found.title}{f' ({found.id})' if found.id else ''}", ""]
    low, high = found.interval
    lines.append(
        f"  success    {found.probability:.0%} (95 % interval {low:.0%} to {high:.0%}); usual {found.model.usual:.0%}"
    )
    for opinion in found.opinions:
        lines.append(
            f"  {opinion.name} says {opinion.probability:.0%} (calibrated on {opinion.calibrated_on:,} samples)"
        )
    others = sorted(
        ((name, chance) for name, chance in found.classes.items() if name != "success"), key=lambda item: -item[1]
    )
    lines += [
        f"{'  otherwise' if not i else '':<13}{chance:.0%} {OUTCOME_MEANINGS[name]}"
        for i, (name, chance) in enumerate(others)
    ]
    if found.completion:
        risk = found.completion
        low, high = risk.interval
        lines.append(f"  stopped    {risk.risk:.0%} (95 % interval {low:.0%} to {high:.0%}); usual {risk.usual:.0%}")
        likely = "; ".join(f"{one.probability:.0%} {one.meaning}" for one in risk.likely_reasons[:3])
        lines.append(f"  if stopped {likely}")
    lines += ["", "What moved success, in percentage points", _reasons(found.reasons)]
    if found.completion:
        lines += ["", "What moved the risk of being stopped", _reasons(found.completion.reasons)]
    if found.similar:
        rows = [[one.study_id, one.title, one.outcome or "", one.why_stopped or ""] for one in found.similar[:_SHOWN]]
        lines += ["", "Similar trials", table(["trial", "title", "outcome", "why stopped"], rows, widest=50)]
    if found.expected:
        figures = [
            [figure.meaning, figure.median, figure.low, figure.high, figure.unit, figure.n]
            for name, figure in found.expected.figures.items()
            if name in ("duration_months", "sites", "accrual_per_month", "enrollment") and figure.n
        ]
        lines += ["", "How they went", table(["", "median", "1st quartile", "3rd quartile", "unit", "n"], figures)]
    model = found.model
    lines += ["", f"Model: {model.name}, fitted {model.date} on {model.fitted_on}; snapshot {model.snapshot}"]
    lines.append(_licence(model.licence))
    return "\n".join([*lines, *(f"Note: {note}" for note in found.notes)])


def _reasons(found: Sequence[Reason]) -> str:
    rows = [[f"{one.points:+.1f}", one.place, one.text, ", ".join(one.words)] for one in found[:_SHOWN]]
    return table(["points", "where", "what", "words"], rows, widest=60)


def predictions_text(found: Sequence[Prediction]) -> str:
    """Many forecasts as a table."""
    rows = [
        [one.source, one.title, one.probability, f"{one.interval[0]:.2f} to {one.interval[1]:.2f}",
         one.completion.risk if one.completion else None, "known to the model" if one.model.knows_trial else ""]
        for one in found
    ]  # fmt: skip
    headings = ["file", "title", "success", "95 % interval", "stopped", ""]
    lines = [FICTIONAL] if any(one.fictional for one in found) else []
    notes = dict.fromkeys(note for one in found for note in one.notes if note.startswith("Fitted on"))
    return "\n".join([*lines, table(headings, rows, widest=50), "", _licence(found[0].model.licence), *notes])


def comparison_text(found: Comparison) -> str:
    """Two drafts for a terminal."""
    lines = [FICTIONAL] if found.fictional else []
    for name, one in (("first", found.first), ("second", found.second)):
        low, high = one.interval
        risk = f"; stopped {one.completion.risk:.0%}" if one.completion else ""
        lines.append(f"{name:<7} {one.source}: success {one.probability:.0%} ({low:.0%} to {high:.0%}){risk}")
    low, high = found.interval
    lines.append(
        f"change  {100 * found.difference:+.1f} points of success (95 % interval {100 * low:+.1f} to {100 * high:+.1f})"
    )
    if found.risk_difference is not None:
        lines.append(f"        {100 * found.risk_difference:+.1f} points of being stopped")
    lines += ["", "What changes it", _reasons(found.reasons) if found.reasons else "nothing that they say"]
    lines.append(_licence(found.first.model.licence))
    return "\n".join(lines)


def _licence(text: str) -> str:
    """Under which terms the trials stand that were learnt from; those of many registers are told by --json."""
    return f"Licence: {textwrap.shorten(text, 150, placeholder=' ... (all of it: --json)')}"
