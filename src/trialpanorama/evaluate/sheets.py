"""The tables of a report, once as cells and then as HTML, Markdown or LaTeX."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape

import msgspec

from trialpanorama.errors import UserError
from trialpanorama.evaluate.comparing import Difference, difference
from trialpanorama.evaluate.figures import Row, Stratum, strata, table
from trialpanorama.evaluate.published import MARK, PUBLISHED, SOURCE, Published
from trialpanorama.evaluate.results import BASELINE_PREFIX, Result
from trialpanorama.tasks import task

MOST_GROUPS = 12
"""Groups of a stratum that a table shows, the largest; metrics.json beside the log holds all."""
NONE = "–"
_MOST_METRICS = 5


class Sheet(msgspec.Struct, frozen=True):
    """A table of texts."""

    caption: str
    headings: list[str]
    rows: list[list[str]]
    texts: int = 1
    """How many columns, from the left, are words; the others are numbers."""
    apart: int | None = None
    """The number of the row from which on the rows are of another kind."""


def number(value: float | None, *, sign: bool = False) -> str:
    """A figure with three digits after the point; large ones with one."""
    if value is None:
        return NONE
    return f"{value:{'+' if sign else ''}{',.1f' if abs(value) >= 100 else '.3f'}}"


def spread(value: float | None, low: float | None, high: float | None, *, sign: bool = False) -> str:
    """A figure with its interval."""
    inner = "" if low is None else f" [{number(low, sign=sign)}, {number(high, sign=sign)}]"
    return number(value, sign=sign) + inner


# --- what the tables hold


def results_sheets(rows: Sequence[Row]) -> list[Sheet]:
    """The runs of one task, one line a model, so many metrics in a table as fit beside one another."""
    metrics = list(dict.fromkeys(row.metric for row in rows))
    return [_results(rows, metrics[place : place + _MOST_METRICS]) for place in range(0, len(metrics), _MOST_METRICS)]


def _results(rows: Sequence[Row], shown: Sequence[str]) -> Sheet:
    """Some metrics of runs; below them what was published for the task, on other data."""
    chosen, version, split = task(rows[0].task), rows[0].version, rows[0].split
    runs: dict[tuple[str, str], dict[str, Row]] = {}
    for row in rows:
        runs.setdefault((row.model, row.log), {})[row.metric] = row
    lines = []
    for (model, _), found in runs.items():
        one = next(iter(found.values()))
        figures = [
            spread(found[name].value, found[name].low, found[name].high) if name in found else NONE for name in shown
        ]
        counts = [f"{count:,}" for count in (one.n, one.failed, one.refused, one.unreadable, one.truncated)]
        lines.append([model + (" (FICTIONAL)" if one.is_fictional else ""), *figures, *counts])
    own = len(lines)
    for other in published(rows[0].task):
        if not other.figures.keys() & set(shown):
            continue
        figures = [number(other.figures.get(name)) for name in shown]
        lines.append([f"{other.model} ({MARK})", *figures, f"{other.n:,}", *[NONE] * 4])
    note = f" Below the line: {SOURCE}." if len(lines) > own else ""
    return Sheet(
        f"{chosen.title} (version {version}, {split} split): figures with 95 % intervals; ↑ more is better, ↓ less is "
        f"better, →1 best at 1.{note}",
        ["Model", *(f"{chosen.metric(name).title} {chosen.metric(name).arrow}" for name in shown),
         "n", "Failed", "Refused", "Unreadable", "Truncated"],
        lines,
        apart=own if len(lines) > own else None,
    )  # fmt: skip


def published(name: str) -> list[Published]:
    """What was published for a task, as far as our metrics have something beside it."""
    known = {metric.name for metric in task(name).metrics}
    return [one for one in PUBLISHED.get(name, ()) if known & one.figures.keys()]


def differences(results: Sequence[Result]) -> list[Difference]:
    """Each run of a task less the majority baseline, in the headline metric, where both were asked the same."""
    floor = next((result for result in results if result.model == f"{BASELINE_PREFIX}majority"), None)
    found = []
    for one in results:
        if floor is None or one is floor:
            continue
        try:
            found.append(difference(one, floor))
        except UserError:  # another snapshot, version or split, or no sample in common: the two do not compare
            continue
    return found


def differences_sheet(found: Sequence[Difference], caption: str) -> Sheet:
    """Paired differences: what the first has more than the second."""
    lines = [
        [
            one.model, one.other, task(one.task).metric(one.metric).title, number(one.mine), number(one.theirs),
            spread(one.value, one.low, one.high, sign=True), NONE if one.p_value is None else f"{one.p_value:.3f}",
            f"{one.n:,}", f"{one.left_out:,}",
        ]
        for one in found
    ]  # fmt: skip
    headings = ["Model", "Less", "Metric", "Its figure", "The other's", "Difference", "p", "n", "Left out"]
    return Sheet(caption, headings, lines, texts=3)


def strata_sheet(results: Sequence[Result]) -> Sheet | None:
    """The headline metric of a task's runs by stratum, one column a run; None where samples tell of no stratum."""
    found = {one.log: {(row.stratum, row.group): row for row in strata(one)} for one in results}
    sizes: dict[tuple[str, str], int] = {}
    for rows in found.values():
        for key, row in rows.items():
            sizes[key] = max(sizes.get(key, 0), row.n)
    lines = []
    for stratum in dict.fromkeys(key[0] for key in sizes):
        groups = sorted((key for key in sizes if key[0] == stratum), key=lambda key: (-sizes[key], key[1]))
        lines += [[*key, *(_stratum(found[one.log].get(key)) for one in results)] for key in groups[:MOST_GROUPS]]
        if len(groups) > MOST_GROUPS:
            lines.append([stratum, f"{len(groups) - MOST_GROUPS} smaller ones: see metrics.json", *[""] * len(results)])
    if not lines:
        return None
    metric = task(results[0].task).metrics[0]
    return Sheet(
        f"{metric.title} {metric.arrow} by stratum, with 95 % intervals and, in brackets, the samples that were asked",
        ["Stratum", "Group", *(one.model for one in results)],
        lines,
        texts=2,
    )


def _stratum(row: Stratum | None) -> str:
    return NONE if row is None else f"{spread(row.value, row.low, row.high)} ({row.n:,})"


def usage_sheet(results: Sequence[Result]) -> Sheet | None:
    """What runs took: tokens, repeated requests, cost where it is known; None where no model was asked."""
    lines = []
    for one in results:
        used = one.usage
        if one.model.startswith(BASELINE_PREFIX):
            continue
        lines.append(
            [
                one.model, one.created[:16].replace("T", " "),
                *(f"{count:,}" for count in (one.n, used.input_tokens, used.cache_read_tokens, used.output_tokens,
                                             used.reasoning_tokens, sum(s.repetitions for s in one.samples))),
                NONE if used.cost is None else f"{used.cost:,.4f}",
            ]
        )  # fmt: skip
    headings = [
        "Model",
        "Begun",
        "n",
        "Input tokens",
        "Cached",
        "Output tokens",
        "of them reasoning",
        "Repeated",
        "US $",
    ]
    caption = (
        "What the runs took, replies of earlier attempts included; cost where the provider or a price table tells it"
    )
    return Sheet(caption, headings, lines, texts=2) if lines else None


def sheets(results: Sequence[Result], rows: Sequence[Row] | None = None) -> list[Sheet]:
    """The tables about the runs of one task."""
    return [*results_sheets(table(results) if rows is None else rows), *more_sheets(results)]


def more_sheets(results: Sequence[Result]) -> list[Sheet]:
    """What there is to say about the runs of one task beside their figures: differences, strata, what they took."""
    found: list[Sheet | None] = []
    if compared := differences(results):
        found.append(differences_sheet(compared, "Paired difference to the majority baseline, on the same samples"))
    found += [strata_sheet(results), usage_sheet(results)]
    return [sheet for sheet in found if sheet is not None]


# --- how they are written


def markdown(sheet: Sheet) -> str:
    """As a table of GitHub's Markdown, its caption above it."""

    def line(cells: Iterable[str]) -> str:
        return "| " + " | ".join(cell.replace("|", r"\|").replace("\n", " ") for cell in cells) + " |"

    marks = ["---" if place < sheet.texts else "---:" for place in range(len(sheet.headings))]
    return "\n".join([f"*{sheet.caption}*", "", line(sheet.headings), line(marks), *map(line, sheet.rows)])


_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "↑": r"$\uparrow$", "↓": r"$\downarrow$",
    "→": r"$\rightarrow$", "–": "--", "<": r"\textless{}", ">": r"\textgreater{}", "\n": " ",
}  # fmt: skip


def latex_text(text: str) -> str:
    """A text as LaTeX prints it."""
    return "".join(_LATEX.get(character, character) for character in text)


def latex(sheet: Sheet) -> str:
    """As a LaTeX table with the rules of the package booktabs."""
    columns = "l" * sheet.texts + "r" * (len(sheet.headings) - sheet.texts)

    # A row that began with a bracket would be taken for an argument of the line end before it.
    def line(cells: Iterable[str]) -> str:
        return " & ".join(f"{{}}{text}" if (text := latex_text(cell)).startswith("[") else text for cell in cells)

    body = [f"{line(row)} \\\\" for row in sheet.rows]
    if sheet.apart is not None:
        body.insert(sheet.apart, r"\midrule")
    return "\n".join(
        [
            r"\begin{table}[htbp]", r"\centering", r"\small", rf"\caption{{{latex_text(sheet.caption)}}}",
            rf"\begin{{tabular}}{{{columns}}}", r"\toprule", f"{line(sheet.headings)} \\\\", r"\midrule", *body,
            r"\bottomrule", r"\end{tabular}", r"\end{table}",
        ]
    )  # fmt: skip


def html(sheet: Sheet) -> str:
    """As a table of HTML."""
    heads = "".join(f"<th>{escape(heading)}</th>" for heading in sheet.headings)
    lines = []
    for place, row in enumerate(sheet.rows):
        kind = ' class="other"' if sheet.apart is not None and place >= sheet.apart else ""
        cells = (
            f"<td>{escape(cell)}</td>" if column < sheet.texts else f'<td class="n">{escape(cell)}</td>'
            for column, cell in enumerate(row)
        )
        lines.append(f"<tr{kind}>{''.join(cells)}</tr>")
    return (
        f'<div class="scroll"><table><caption>{escape(sheet.caption)}</caption><thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


WRITERS: dict[str, Callable[[Sheet], str]] = {"md": markdown, "tex": latex}
