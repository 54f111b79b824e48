"""Sample size and power on the command line: a command for each calculation, made from what it says of itself."""

from __future__ import annotations

import csv
import functools
import inspect
import io
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from typer.main import get_group

from trialpanorama.apps.console import put, put_json, say, table
from trialpanorama.errors import UnknownName, UserError
from trialpanorama.power import METHODS, Assurance, Method, Parameter, Sizing, assurance, curve, sensitivity

TYPES: dict[str, Any] = {"number": float, "count": int, "word": str, "numbers": str}
ALSO = {"n_total": ("--n",)}
"""Shorter names."""
BAR = 50
"""Characters of a bar that stands for power 1."""


def sizing_facts(
    sizing: Sizing, *, rows: Sequence[Mapping[str, Any]] | None, points: Sequence[Any] | None, belief: Assurance | None
) -> dict[str, Any]:
    """A calculation as JSON; `table`, `curve` and `assurance` where they were asked for."""
    facts: dict[str, Any] = msgspec.to_builtins(sizing)
    if rows is not None:
        facts["table"] = rows
    if points is not None:
        facts["curve"] = points
    if belief is not None:
        facts["assurance"] = msgspec.to_builtins(belief)
    return facts


def sizing_text(sizing: Sizing) -> str:
    """A calculation for a terminal: what came out, what it rests on, how it was computed."""
    known = METHODS[sizing.method]
    lines = [known.title]

    def line(label: str, text: str) -> None:
        lines.append(f"  {label:<12} {text}")

    if sizing.n_total is not None:
        line("n total", f"{sizing.n_total:,}{_arms(sizing.n_per_arm)}")
        if sizing.n_evaluable_per_arm != sizing.n_per_arm:
            line("evaluable", f"{sum(sizing.n_evaluable_per_arm):,}{_arms(sizing.n_evaluable_per_arm)}")
    if sizing.events is not None:
        line("events", f"{sizing.events:,}")
    if sizing.power is not None:
        line("power", f"{sizing.power:.4f}")
    for name, value in sizing.effect.items():
        line("effect", f"{_words(name)} {value:.5g}")
    columns = _columns(sizing.details)
    for name, value in sizing.details.items():
        if name not in columns and name != "stop_probability":
            line(_words(name), _value(value))
    line("formula", sizing.formula)
    assumed = (f"{_words(name)} {_value(value)}{_unit(sizing, name)}" for name, value in sizing.assumptions.items())
    line("assuming", "; ".join(assumed))
    if columns:
        rows = [[_value(value) for value in row] for row in zip(*columns.values(), strict=True)]
        lines += ["", table(["look", *map(_words, columns)], [[k, *row] for k, row in enumerate(rows, 1)])]
    lines += ["", *(f"{i}. {step}" for i, step in enumerate(sizing.steps, 1))]
    lines += ["", *(f"Warning: {warning}" for warning in sizing.warnings)] if sizing.warnings else []
    return "\n".join(lines)


def _columns(details: Mapping[str, Any]) -> dict[str, list[Any]]:
    """What is known of each look at a group-sequential trial."""
    looks = len(details.get("z_bounds", ()))
    columns = {name: value for name, value in details.items() if isinstance(value, list) and len(value) == looks}
    for name, stops in details.get("stop_probability", {}).items():
        columns[f"stops_with_{name}"] = stops
    return columns


def rows_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """A sensitivity table for a terminal; columns that are empty in all rows are left out."""
    columns = [name for name in rows[0] if any(row[name] is not None for row in rows)]
    cells = [[_value(row[c]) if isinstance(row[c], list) else row[c] for c in columns] for row in rows]
    return table([_words(name) for name in columns], cells, widest=90)


def curve_text(points: Sequence[Mapping[str, float]]) -> str:
    """A power curve as bars."""
    size = next(iter(points[0]))
    lines = [f"{_words(size):>9}  power"]
    for point in points:
        lines.append(f"{point[size]:>9,.0f}  {point['power']:.3f}  {'#' * round(BAR * point['power'])}")
    return "\n".join(lines)


def csv_rows(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as CSV; sizes of several arms are joined by spaces."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(rows[0])
    for row in rows:
        writer.writerow([" ".join(map(str, v)) if isinstance(v, list | tuple) else v for v in row.values()])
    return text.getvalue()


def _arms(sizes: Sequence[int]) -> str:
    return f"  ({' + '.join(f'{n:,}' for n in sizes)})" if len(sizes) > 1 else ""


def _words(name: str) -> str:
    return name.replace("_", " ")


def _unit(sizing: Sizing, name: str) -> str:
    return f" {sizing.units[name]}" if name in sizing.units else ""


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.5g}"
    if isinstance(value, Mapping):
        return "; ".join(f"{_words(key)} {_value(one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_value(one) for one in value)
    return str(value)


# --- what is typed


def read_value(known: Method, name: str, text: str) -> Any:
    """One value of a parameter, as it is typed."""
    kind = known.parameters[name].kind
    try:
        if kind == "numbers":
            return [float(part) for part in text.split(",")]
        return int(text) if kind == "count" else float(text) if kind == "number" else text
    except ValueError:
        what = {"count": "a whole number", "number": "a number", "numbers": "numbers with commas between them"}[kind]
        raise UserError(f'"{text}" is not {what}, as --{name.replace("_", "-")} needs.') from None


def read_vary(known: Method, texts: Sequence[str]) -> dict[str, list[Any]]:
    """The values that a table goes through, from NAME=VALUE,VALUE,... (lists of numbers: with ; between them)."""
    vary: dict[str, list[Any]] = {}
    for text in texts:
        name, equals, values = text.partition("=")
        name = name.strip().lstrip("-").replace("-", "_")
        if not equals or not values.strip():
            raise UserError(f'"{text}" says no values: type --vary NAME=VALUE,VALUE such as --vary alpha=0.05,0.01.')
        if name not in known.parameters:
            raise UnknownName(f"option of {known.name}", name, known.parameters, f"trialpanorama power {known.name} -h")
        between = ";" if known.parameters[name].kind == "numbers" else ","
        vary[name] = [read_value(known, name, value.strip()) for value in values.split(between)]
    return vary


def run_sizing(
    known: Method, given: dict[str, Any], *, vary: Sequence[str], draw: bool, prior_sd: float | None, out: Path | None,
    json: bool,
) -> None:  # fmt: skip
    """Compute, and print or write what was asked for."""
    varied = read_vary(known, vary)
    if varied and (draw or prior_sd is not None):
        raise UserError("A table shows sizes and power: leave out --curve and --prior-sd, or --vary.")
    for name, parameter in known.parameters.items():
        if parameter.is_required and name not in given and name not in varied:
            raise UserError(
                f"--{name.replace('_', '-')} is missing: {parameter.meaning} "
                f"See: trialpanorama power {known.name} --help"
            )
    rows = sensitivity(known.name, varied, **given) if varied else None
    good = next((row for row in rows or () if row["problem"] is None), None)
    if rows and good is None:
        raise UserError(rows[0]["problem"])
    sizing = known.size(**given, **{name: good[name] for name in varied} if good else {})
    points = curve(known.name, **given) if draw else None
    belief = assurance(known.name, prior_sd, **given) if prior_sd is not None else None
    facts = sizing_facts(sizing, rows=rows, points=points, belief=belief)
    if out is not None:
        single = {name: facts[name] for name in ("method", "n_total", "n_per_arm", "events", "power", "formula")}
        try:
            out.write_text(csv_rows(rows or points or [single]), encoding="utf-8")
        except OSError as error:
            raise UserError(f"{out} cannot be written: {error.strerror}. Give another --csv.") from None
        say(f"Written: {out}")
    if json:
        put_json(facts)
        return
    parts = [rows_text(rows) if rows else sizing_text(sizing)]
    if points:
        parts.append(curve_text(points))
    if belief:
        parts.append(
            f"Assurance {belief.assurance:.4f} (prior: {belief.prior}); power at its centre {belief.power:.4f}.\n"
            f"  {belief.formula}"
        )
    put("\n\n".join(parts))


# --- the commands


def _option(name: str, parameter: Parameter) -> inspect.Parameter:
    option = typer.Option(
        f"--{name.replace('_', '-')}", *ALSO.get(name, ()), metavar=parameter.metavar,
        help=parameter.meaning + (" Needed." if parameter.is_required else ""),
    )  # fmt: skip
    default = None if parameter.is_required else parameter.default
    annotation: Any = Annotated[TYPES[parameter.kind] | None, option]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


_COMMON: dict[str, tuple[Any, Any]] = {
    "vary": (
        Annotated[
            list[str] | None,
            typer.Option("--vary", metavar="NAME=X,X,...", help="A table over these values; may be given again."),
        ],
        None,
    ),
    "curve": (Annotated[bool, typer.Option("--curve", help="Also the power at other sizes.")], False),
    "prior_sd": (
        Annotated[
            float | None,
            typer.Option(
                "--prior-sd",
                metavar="X",
                help="Also the assurance: the effect is normal around the one given, with this sd.",
            ),
        ],
        None,
    ),
    "csv": (
        Annotated[
            Path | None, typer.Option("--csv", metavar="FILE", help="Write the table, the curve or the result as CSV.")
        ],
        None,
    ),
    "json": (Annotated[bool, typer.Option("--json", help="Print one JSON document.")], False),
}


def _command(known: Method) -> Callable[..., None]:
    """The command of a calculation, with an option for each of its parameters."""

    def command(**typed: Any) -> None:
        common = {name: typed.pop(name, default) for name, (_, default) in _COMMON.items()}
        given = {
            name: read_value(known, name, value) if known.parameters[name].kind == "numbers" else value
            for name, value in typed.items()
            if value is not None
        }
        run_sizing(
            known, given, vary=common["vary"] or (), draw=common["curve"], prior_sd=common["prior_sd"],
            out=common["csv"], json=common["json"],
        )  # fmt: skip

    left_out = {"curve", "prior_sd"} if known.build is None else set() if known.prior else {"prior_sd"}
    parameters = [_option(name, parameter) for name, parameter in known.parameters.items()]
    parameters += [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in _COMMON.items()
        if name not in left_out
    ]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what Typer reads
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    paragraphs = (inspect.getdoc(known.size) or "").split("\n\n")
    command.__doc__ = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    return command


@functools.cache
def commands() -> MutableMapping[str, Any]:
    """Every command of `power`, by name."""
    app = typer.Typer(context_settings={"help_option_names": ["-h", "--help"]})
    for known in METHODS.values():
        app.command(known.name, short_help=known.title)(_command(known))
    made: MutableMapping[str, Any] = get_group(app).commands
    return made
