"""A report about a folder of runs, from the logs alone: results, differences, strata, what it took, plots, samples.

As HTML it is one file without anything to fetch: it opens offline, follows the reader's light or dark scheme, and
prints. As Markdown and LaTeX it is the tables.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

import msgspec

from trialpanorama.errors import UserError
from trialpanorama.evaluate.figures import Row, table
from trialpanorama.evaluate.published import SOURCE
from trialpanorama.evaluate.results import Result, check_date, named, read_logs, restrict
from trialpanorama.evaluate.runs import CUTOFF
from trialpanorama.evaluate.sheets import NONE, WRITERS, html, latex_text, more_sheets, number, published, sheets
from trialpanorama.tasks import task

_SAMPLES_SHOWN = 6
_TRUTHS = ("complete", "success")
"""Columns of scores that say what happened, where another one, `probability`, says what was forecast."""
_DASHES = ("", "7 4", "2 3", "9 3 2 3", "4 2", "12 4")


FORMATS = {"html": "html", "htm": "html", "md": "md", "markdown": "md", "tex": "tex", "latex": "tex"}
"""What a report can be written as, by its name or the file's suffix."""
_READING = (
    "Intervals are 95 % percentile bootstrap intervals; whole groups (a trial's samples, a review's) are drawn. n is "
    "how many samples were asked: those that failed got no reply, are in no figure, and are counted; replies that were "
    "refused, unreadable or truncated are in every figure, as wrong answers, and counted apart. The floor is the "
    "majority baseline on the same samples where it was run, else blind guessing."
)


def report(
    log_dir: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    format: str | None = None,
    after: str | None = None,
) -> Path:
    """Write the report of a folder of logs as HTML, Markdown or LaTeX (by `format`, else the suffix); returns its path.

    `after` is a day, month or year: only samples dated later count; with `cutoff`, those later than each model's
    training cut-off. In the HTML page the numbers behind the table stand as JSON. Raises UserError where there is no
    log, for an unknown format, and for a date that is none.
    """
    path = Path(out)
    kind = FORMATS.get((format or path.suffix.lstrip(".") or "html").lower())
    if kind is None:
        raise UserError(f"A report is html, md or tex, not {format or path.suffix}. Name it so, or give --format.")
    results = looked_at(read_logs(log_dir), after)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(results) if kind == "html" else document(results, kind), encoding="utf-8")
    return path


def looked_at(results: Sequence[Result], after: str | None) -> list[Result]:
    """The part of runs that is about samples after a date, or (`cutoff`) after each model's training cut-off."""
    if after is None:
        return list(results)
    if after != CUTOFF:
        check_date(after)
        return [restrict(one, after) for one in results]
    return [restrict(one, one.cutoff) if one.cutoff else one for one in results]


def document(results: Sequence[Result], kind: str) -> str:
    """The tables of a report as Markdown (`md`) or LaTeX (`tex`, for the package booktabs)."""
    write, is_markdown = WRITERS[kind], kind == "md"
    fictional = "FICTIONAL: these trials are made up, and the figures say nothing about real ones."
    parts = ["# Results" if is_markdown else "% Needs \\usepackage{booktabs}"]
    if any(one.is_fictional for one in results):
        parts.append(f"**{fictional}**" if is_markdown else f"\\textbf{{{fictional}}}")
    rows = table(results)
    for name, mine in named(results).items():
        title, meaning = task(name).title, task(name).meaning
        parts.append(
            f"## {title}\n\n{meaning}" if is_markdown else f"\\section{{{latex_text(title)}}}\n{latex_text(meaning)}"
        )
        parts += [write(sheet) for sheet in sheets(mine, [row for row in rows if row.task == name])]
    parts.append(f"## How to read this\n\n{_READING}" if is_markdown else latex_text(_READING))
    return "\n\n".join(parts) + "\n"


def page(results: Sequence[Result]) -> str:
    """The report of some runs as HTML."""
    rows = table(results)
    sections = [_atlas(results)]
    for name, mine in named(results).items():
        chosen = task(name)
        sections.append(
            f'<section><h2 id="{escape(name)}">{escape(chosen.title)}</h2><p>{escape(chosen.meaning)}</p>'
            + _table([row for row in rows if row.task == name])
            + _forest([row for row in rows if row.task == name])
            + _curves(mine)
            + "".join(map(html, more_sheets(mine)))
            + _samples(mine)
            + "</section>"
        )
    numbers = msgspec.json.encode(rows).decode().replace("<", "\\u003c")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>TrialPanorama: results</title><style>{_STYLE}</style></head><body><main><h1>Results</h1>"
        + _banner(results)
        + "".join(sections)
        + f"<section><h2>How to read this</h2><p>{_READING}</p></section>"
        f'<script type="application/json" id="rows">{numbers}</script></main></body></html>\n'
    )


def _banner(results: Iterable[Result]) -> str:
    if not any(result.is_fictional for result in results):
        return ""
    return (
        '<p class="banner" role="note"><b>FICTIONAL</b> These trials are made up. The figures show that the software '
        "works; they say nothing about any model or about real trials.</p>"
    )


def _atlas(results: Sequence[Result]) -> str:
    parts = []
    for snapshot in dict.fromkeys(result.snapshot for result in results):
        atlas = next(result.atlas for result in results if result.snapshot == snapshot)
        counts = "".join(
            f"<div><dt>{escape(name.capitalize())}</dt><dd>{atlas[name]:,}</dd></div>"
            for name in ("inputs", "records", "rejects", "trials")
            if isinstance(atlas.get(name), int)
        )
        sources = ", ".join(f"{escape(str(name))} {count:,}" for name, count in (atlas.get("sources") or {}).items())
        parts.append(
            f'<dl class="atlas">{counts}</dl><p class="small">Records by source: {sources}. '
            f"Snapshot <code>{escape(snapshot)}</code></p>"
        )
    return f"<section><h2>The warehouse</h2>{''.join(parts)}</section>"


# --- tables


def _table(rows: Sequence[Row]) -> str:
    lines = []
    for row in rows:
        interval = NONE if row.low is None else f"{number(row.low)} to {number(row.high)}"
        fictional = ' <span class="tag">FICTIONAL</span>' if row.is_fictional else ""
        meaning = task(row.task).metric(row.metric).meaning
        counts = "".join(
            f'<td class="n{" bad" if count else ""}">{count:,}</td>'
            for count in (row.failed, row.refused, row.unreadable, row.truncated)
        )
        lines.append(
            f"<tr><td>{escape(row.model)}{fictional}</td>"
            f'<td title="{escape(meaning)}">{escape(row.title)} {row.arrow}</td>'
            f'<td class="n"><b>{number(row.value)}</b></td><td class="n">{interval}</td>'
            f'<td class="n">{number(row.floor)}</td><td class="n">{row.n:,}</td>{counts}</tr>'
        )
    lines += _published(rows[0].task)
    version, split = rows[0].version, rows[0].split
    return (
        f'<div class="scroll"><table><caption>Version {version}, {escape(split)} split. ↑ more is better, ↓ less is '
        "better, →1 best at 1.</caption><thead><tr><th>Model</th><th>Metric</th><th>Value</th><th>95 % interval</th>"
        "<th>Floor</th><th>n</th><th>Failed</th><th>Refused</th><th>Unreadable</th><th>Truncated</th></tr></thead>"
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def _published(name: str) -> list[str]:
    """What was published for a task, plainly marked as measured on other data."""
    found = published(name)
    empty = f'<td class="n">{NONE}</td>'
    lines = [f'<tr class="other"><td colspan="10">{escape(SOURCE)}</td></tr>'] if found else []
    for metric in task(name).metrics:
        lines += [
            f'<tr class="other"><td>{escape(one.model)} <span class="tag">other data</span></td>'
            f"<td>{escape(metric.title)} {metric.arrow}</td>"
            f'<td class="n">{number(one.figures[metric.name])}</td>{empty * 2}'
            f'<td class="n">{one.n:,}</td>{empty * 4}</tr>'
            for one in found
            if metric.name in one.figures
        ]
    return lines


def _samples(results: Sequence[Result]) -> str:
    parts = []
    for one in results:
        # What a reader wants to see first is what went wrong.
        chosen = sorted(
            one.samples, key=lambda s: (s.error is None, s.scores is not None and s.scores["correct"] == 1)
        )[:_SAMPLES_SHOWN]
        for sample in chosen:
            verdict = (
                "failed"
                if sample.scores is None
                else sample.outcome
                if sample.outcome != "answered"
                else "right"
                if sample.scores["correct"]
                else "wrong"
            )
            said = sample.error if sample.scores is None else sample.why_unreadable or sample.answer
            parts.append(
                f'<details><summary>{escape(one.model)}: <span class="tag">{verdict}</span></summary><dl>'
                f"<dt>Right answer</dt><dd><code>{escape(sample.gold)}</code></dd><dt>Read as</dt><dd>"
                f"<code>{escape(said or '')}</code></dd><dt>Reply</dt><dd><pre>{escape(sample.reply[:4000])}</pre></dd>"
                f"<dt>Prompt</dt><dd><pre>{escape(sample.prompt[:8000])}</pre></dd></dl></details>"
            )
    return f'<details class="browser"><summary>Samples, wrong ones first</summary>{"".join(parts)}</details>'


# --- plots


def _forest(rows: Sequence[Row]) -> str:
    """Each metric that lies between 0 and 1, one line a model: its value and interval, and the floor, dashed."""
    beyond = {
        row.metric for row in rows for end in (row.value, row.low, row.high) if end is not None and not 0 <= end <= 1
    }
    shown = [
        row
        for row in rows
        if row.value is not None and row.metric not in beyond and task(row.task).metric(row.metric).direction != "one"
    ]
    if not shown:
        return ""
    left, width, line = 230, 430, 24
    parts: list[str] = []
    y = 18
    for metric in dict.fromkeys(row.metric for row in shown):
        block = [row for row in shown if row.metric == metric]
        head = f"{block[0].title} {block[0].arrow}"
        parts.append(f'<text x="0" y="{y}" class="head">{escape(head)}</text>')
        top = y + 8
        for row in block:
            y += line
            x = left + width * float(row.value or 0)
            label = row.model if len(row.model) <= 32 else "…" + row.model[-31:]
            interval = ""
            if row.low is not None and row.high is not None:
                low, high = left + width * row.low, left + width * row.high
                interval = (
                    f'<path d="M{low:.1f} {y - 4}H{high:.1f}M{low:.1f} {y - 8}v8M{high:.1f} {y - 8}v8" class="bar"/>'
                )
            parts.append(
                f'<text x="{left - 10}" y="{y}" text-anchor="end">{escape(label)}</text>{interval}'
                f'<circle cx="{x:.1f}" cy="{y - 4}" r="4" class="dot"/>'
                f'<text x="{left + width + 12}" y="{y}">{row.value:.3f}</text>'
            )
        floor = next((row.floor for row in block if row.floor is not None), None)
        if floor is not None:
            x = left + width * floor
            parts.append(f'<path d="M{x:.1f} {top}V{y + 4}" class="floor"><title>floor {floor:.3f}</title></path>')
        y += line + 10
    axis = "".join(
        f'<text x="{left + width * tick / 4:.0f}" y="{y + 12}" text-anchor="middle">{tick / 4:g}</text>'
        f'<path d="M{left + width * tick / 4:.1f} {y - 8}v6" class="axis"/>'
        for tick in range(5)
    )
    return (
        f'<figure><svg viewBox="0 0 {left + width + 70} {y + 20}" role="img" aria-label="Metrics with intervals">'
        f'<path d="M{left} {y - 8}H{left + width}" class="axis"/>{axis}{"".join(parts)}</svg>'
        "<figcaption>Each metric with its 95 % interval. The dashed line is the floor: the majority baseline, or blind "
        "guessing.</figcaption></figure>"
    )


def _curves(results: Sequence[Result]) -> str:
    """Reliability (what was forecast against what happened) and ROC of the runs that give probabilities."""
    size, gap, top, left = 260, 90, 20, 44
    reliability, roc, legend = [], [], []
    drawn = [result for result in results if result.scores]
    truths = [name for name in _TRUTHS if drawn and {name, "probability"} <= drawn[0].columns.keys()]
    if not truths:
        return ""
    for index, one in enumerate(drawn):
        scores = one.columns
        truth, probability = scores[truths[0]].tolist(), scores["probability"].tolist()
        style = f'class="line c{index % 6}" stroke-dasharray="{_DASHES[index % 6]}"'
        bins = _bins(truth, probability)
        points = " ".join(f"{left + size * x:.1f},{top + size * (1 - y):.1f}" for x, y, _ in bins)
        reliability.append(f'<polyline points="{points}" {style}/>')
        reliability += [
            f'<circle cx="{left + size * x:.1f}" cy="{top + size * (1 - y):.1f}" class="mark c{index % 6}" '
            f'r="{2 + 5 * (n / len(truth)) ** 0.5:.1f}">'
            f"<title>{escape(one.model)}: forecast {x:.2f}, happened {y:.2f}, n {n}</title></circle>"
            for x, y, n in bins
        ]
        start = left + size + gap
        points = " ".join(f"{start + size * x:.1f},{top + size * (1 - y):.1f}" for x, y in _roc(truth, probability))
        roc.append(f'<polyline points="{points}" {style}/>')
        y = top + size + 56 + 20 * index
        legend.append(f'<path d="M{left} {y - 4}h40" {style}/><text x="{left + 50}" y="{y}">{escape(one.model)}</text>')
    frames = "".join(
        f'<rect x="{x}" y="{top}" width="{size}" height="{size}" class="frame"/>'
        f'<path d="M{x} {top + size}L{x + size} {top}" class="floor"/>'
        f'<text x="{x}" y="{top - 7}" class="head">{title}</text>'
        f'<text x="{x + size / 2}" y="{top + size + 32}" text-anchor="middle">{across}</text>'
        f'<text transform="translate({x - 30} {top + size / 2}) rotate(-90)" text-anchor="middle">{up}</text>'
        + "".join(
            f'<text x="{x + size * t / 2}" y="{top + size + 15}" text-anchor="middle">{t / 2:g}</text>'
            f'<text x="{x - 6}" y="{top + size * (1 - t / 2) + 4}" text-anchor="end">{t / 2:g}</text>'
            for t in range(3)
        )
        for x, title, across, up in (
            (left, "Reliability", f"forecast probability of {truths[0]}", "share that came true"),
            (left + size + gap, "ROC", f"others called {truths[0]}", f"{truths[0]} called so"),
        )
    )
    height = top + size + 60 + 20 * len(drawn)
    return (
        f'<figure><svg viewBox="0 0 {left + 2 * size + gap + 10} {height}" role="img" '
        f'aria-label="Reliability and ROC curves">{frames}{"".join(reliability)}{"".join(roc)}{"".join(legend)}</svg>'
        "<figcaption>Left: forecasts in ten groups of equal size; on the dashed line they are right on average, and a "
        "larger dot holds more trials. Right: the dashed line is guessing.</figcaption></figure>"
    )


def _bins(truth: Sequence[float], probability: Sequence[float], most: int = 10) -> list[tuple[float, float, int]]:
    """Forecasts in groups of about equal size, equal forecasts together: mean forecast, share that came true, n."""
    pairs = sorted(zip(probability, truth, strict=True))
    least, groups = len(pairs) / most, [[pairs[0]]]
    for pair in pairs[1:]:
        if len(groups[-1]) >= least and pair[0] != groups[-1][-1][0]:
            groups.append([pair])
        else:
            groups[-1].append(pair)
    return [(sum(p for p, _ in g) / len(g), sum(t for _, t in g) / len(g), len(g)) for g in groups]


def _roc(truth: Sequence[float], probability: Sequence[float]) -> list[tuple[float, float]]:
    positives = sum(truth) or 1.0
    negatives = len(truth) - sum(truth) or 1.0
    points, hits, alarms = [(0.0, 0.0)], 0.0, 0.0
    pairs = sorted(zip(probability, truth, strict=True), reverse=True)
    for index, (value, is_positive) in enumerate(pairs):
        hits, alarms = hits + is_positive, alarms + 1 - is_positive
        if index + 1 == len(pairs) or pairs[index + 1][0] != value:
            points.append((alarms / negatives, hits / positives))
    return points


_STYLE = """
:root{--ink:#1d2430;--soft:#5b6675;--paper:#fff;--rule:#d5dae1;--tint:#f4f6f8;--accent:#0b5c8a;--warn:#8a4b00;
  --warnbg:#fff3dc;--c0:#0b5c8a;--c1:#b3541e;--c2:#3a7d44;--c3:#7a3e9d;--c4:#8a6d00;--c5:#4a4a4a}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#a3adba;--paper:#14181e;--rule:#343c47;
  --tint:#1c222a;--accent:#6cb8e6;--warn:#ffcf87;--warnbg:#3a2c12;--c0:#6cb8e6;--c1:#f0935c;--c2:#7cc98a;
  --c3:#c79be6;--c4:#e0c35a;--c5:#bdbdbd}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:60rem;margin:0 auto;padding:1.5rem 1rem 4rem}
h1{font-size:1.9rem;margin:.2em 0}
h2{margin:2em 0 .3em}
section{margin-bottom:1.5rem}
.small,caption,figcaption{color:var(--soft);font-size:.87rem;text-align:left}
.banner{background:var(--warnbg);color:var(--warn);border-left:5px solid var(--warn);padding:.7rem 1rem}
.tag{font-size:.72rem;letter-spacing:.03em;border:1px solid var(--warn);color:var(--warn);border-radius:3px;
  padding:0 .35em}
.atlas{display:flex;flex-wrap:wrap;gap:.6rem}
.atlas div{background:var(--tint);border-radius:6px;padding:.6rem 1rem;min-width:8rem}
.atlas dt{color:var(--soft);font-size:.85rem}
.atlas dd{margin:0;font-size:1.5rem;font-variant-numeric:tabular-nums}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;margin:1rem 0;font-size:.93rem}
caption{padding:.2rem 0}
th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid var(--rule);vertical-align:top}
th{font-weight:600}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.bad{color:var(--warn);font-weight:600}
.other td{color:var(--soft);font-style:italic}
figure{margin:1.2rem 0}
svg{width:100%;height:auto;max-width:46rem}
svg text{font:13px system-ui,sans-serif;fill:var(--ink)}
svg .head{font-weight:600}
.axis,.frame{stroke:var(--rule);fill:none}
.floor{stroke:var(--soft);stroke-dasharray:4 4;fill:none}
.bar{stroke:var(--ink);stroke-width:1.5;fill:none}
.dot{fill:var(--accent)}
.line{fill:none;stroke-width:2}
.c0{stroke:var(--c0)}
.c1{stroke:var(--c1)}
.c2{stroke:var(--c2)}
.c3{stroke:var(--c3)}
.c4{stroke:var(--c4)}
.c5{stroke:var(--c5)}
.mark{fill:var(--paper);stroke-width:1.5}
details{margin:.3rem 0}
summary{cursor:pointer}
.browser>details{margin-left:1rem}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--tint);padding:.6rem;border-radius:4px;
  max-height:22rem;overflow:auto}
code{overflow-wrap:anywhere}
@media print{body{font-size:10.5pt}
main{max-width:none;padding:0}
.browser{display:none}
section,figure,tr{break-inside:avoid}
.banner{border:2px solid}}
"""
