"""Where the lines of a plot run: numbers for the templates, which draw them as SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

WIDTH, LEFT, RIGHT = 700, 290, 90
"""Of a forest plot, in its own units: all, the names on the left, the figures on the right."""
_ROW = 26
_LABEL = 38
"""Characters of a name."""
MOST_ROWS = 30
"""Of one plot; the table beside it has all."""


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers from low to high."""
    span = high - low
    if not math.isfinite(span) or span <= 0:
        return [low]
    step = 10.0 ** math.floor(math.log10(span / about))
    step = next(s for s in (step, 2 * step, 5 * step, 10 * step) if span / s <= about)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 12) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    found = [
        digit * 10.0**power
        for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        for digit in (1, 2, 5)
        if low <= digit * 10.0**power <= high
    ]
    return found if len(found) <= 8 else [tick for tick in found if math.log10(tick) % 1 == 0]


def forest(rows: Sequence[Mapping[str, Any]], *, is_log: bool, null: float | None) -> dict[str, Any] | None:
    """A line for each estimate with its interval (`label`, `value`, `low`, `high`); None where nothing can be drawn.

    `null` is where there is no difference: a dashed line. On a logarithmic scale what is not above 0 is left out.
    """
    usable = [row for row in rows if _is_drawn(row["value"], is_log)]
    if not usable:
        return None
    shown = usable[:MOST_ROWS]
    ends = [x for row in shown for x in (row["value"], row["low"], row["high"]) if _is_drawn(x, is_log)]
    low, high = min(ends + ([null] if null is not None else [])), max(ends + ([null] if null is not None else []))
    if is_log:
        low, high = low / 1.1, high * 1.1
    else:
        pad = (high - low or abs(high) or 1.0) * 0.05
        low, high = low - pad, high + pad
    scale = math.log if is_log else float
    first, span = scale(low), scale(high) - scale(low)
    width = WIDTH - LEFT - RIGHT

    def x(value: float) -> float:
        return round(LEFT + width * (scale(value) - first) / span, 1)

    lines = []
    for number, row in enumerate(shown):
        ends_of = [row[end] if _is_drawn(row[end], is_log) else None for end in ("low", "high")]
        lines.append(
            {
                "y": 20 + _ROW * number,
                "x": x(row["value"]),
                "low": None if ends_of[0] is None else x(ends_of[0]),
                "high": None if ends_of[1] is None else x(ends_of[1]),
                "label": _cut(row["label"]),
                "said": row["label"],
                "figure": figure(row["value"], row["low"], row["high"]),
                "short": figure(row["value"]),
            }
        )
    bottom = 20 + _ROW * len(shown)
    return {
        "width": WIDTH,
        "height": bottom + 26,
        "left": LEFT,
        "right": WIDTH - RIGHT,
        "figures": WIDTH - RIGHT + 8,
        "bottom": bottom,
        "rows": lines,
        "null": None if null is None else x(null),
        "ticks": [(x(tick), f"{tick:g}") for tick in (_log_ticks(low, high) if is_log else ticks(low, high, 4))],
        "left_out": len(rows) - len(shown),
    }


def _is_drawn(value: float | None, is_log: bool) -> bool:
    return value is not None and math.isfinite(value) and (value > 0 or not is_log)


def _cut(text: str) -> str:
    """The beginning and end of a long name: outcomes of one trial often begin alike."""
    half = _LABEL // 2
    return text if len(text) <= _LABEL else f"{text[: half - 1].rstrip()}…{text[-half:].lstrip()}"


def figure(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """An estimate with its interval, such as "0.71 (0.52 to 0.98)"."""
    if value is None:
        return ""
    said = ["" if end is None else f"{end + 0.0:.4g}" for end in (value, low, high)]  # + 0.0: no -0
    return said[0] if low is None and high is None else f"{said[0]} ({said[1]} to {said[2]})"


def power_curve(
    points: Sequence[Mapping[str, float]], size: float | None, reached: float | None
) -> dict[str, Any] | None:
    """Power (0 to 1) against size; the size that was found is marked. None where there are fewer than two points."""
    known = [tuple(point.values()) for point in points]
    if len(known) < 2:
        return None
    left, top, width, height = 46, 12, 560, 240
    low, high = known[0][0], known[-1][0]
    span = high - low or 1.0

    def place(n: float, power: float) -> tuple[float, float]:
        return round(left + width * (n - low) / span, 1), round(top + height * (1 - power), 1)

    return {
        "width": left + width + 24,
        "height": top + height + 44,
        "left": left,
        "top": top,
        "right": left + width,
        "bottom": top + height,
        "line": " ".join(f"{x},{y}" for x, y in (place(n, power) for n, power in known)),
        "across": [(place(tick, 0)[0], f"{tick:,.0f}") for tick in ticks(low, high, 6)],
        "up": [(place(low, tick)[1], f"{tick:g}") for tick in (0, 0.2, 0.4, 0.6, 0.8, 1)],
        "found": place(size, reached) if size is not None and reached is not None and low <= size <= high else None,
        "unit": "events" if "events" in points[0] else "participants",
    }
