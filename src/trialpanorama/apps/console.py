"""How the command line speaks: results on standard output, everything else on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


def put(text: str) -> None:
    """Write a result."""
    sys.stdout.write(text.rstrip("\n") + "\n")


def put_json(value: Any) -> None:
    """Write a result as one JSON document."""
    put(msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2).decode())


def say(message: str) -> None:
    """Tell the user something that is not the result."""
    sys.stderr.write(message.rstrip("\n") + "\n")


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, widest: int = 70) -> str:
    """Rows under their headings; numbers to the right, long texts cut at `widest` characters, None as a blank."""
    cells = [[_cell(value, widest) for value in row] for row in rows]
    numeric = [all(row[i][1] for row in cells) and bool(cells) for i in range(len(columns))]
    widths = [max(len(name), *(len(row[i][0]) for row in cells), 0) for i, name in enumerate(columns)]

    def line(texts: Iterable[str]) -> str:
        padded = (text.rjust(w) if right else text.ljust(w) for text, w, right in zip(texts, widths, numeric, strict=True))
        return "  ".join(padded).rstrip()

    return "\n".join([line(columns), line("-" * width for width in widths), *(line(c[0] for c in row) for row in cells)])


def _cell(value: Any, widest: int) -> tuple[str, bool]:
    """The text of a cell, and whether it goes to the right."""
    if value is None:
        return "", True
    if isinstance(value, bool):
        return ("yes" if value else "no"), False
    if isinstance(value, int):
        return f"{value:,}", True
    if isinstance(value, float):
        return f"{value:.3f}", True
    text = " ".join(str(value).split())
    return (text if len(text) <= widest else text[: widest - 3] + "..."), False


class Reporter:
    """Shows how far long work is: a live bar on a terminal, one line a stage when standard error is piped."""

    def __init__(self) -> None:
        self._live: Progress | None = None
        self._bar: TaskID | None = None
        self._stage: str | None = None
        self._began = 0.0
        self._done = 0
        self._unit = ""

    def __enter__(self) -> Reporter:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            self._live = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._live.start()
        return self

    def update(self, stage: str, done: int, total: int | None, unit: str = "") -> None:
        """Say that `done` of `total` (None: not known) units of a stage are finished."""
        if stage != self._stage:
            self._close()
            self._stage, self._began = stage, time.monotonic()
            if self._live:
                self._bar = self._live.add_task(stage, total=total, rate="")
        self._done, self._unit = done, unit
        if self._live and self._bar is not None:
            self._live.update(self._bar, completed=done, total=total, rate=self._rate())

    def _rate(self) -> str:
        seconds = time.monotonic() - self._began
        return f"{self._done / seconds:,.0f} {self._unit or 'done'}/s" if seconds > 0.1 and self._done else ""

    def _close(self) -> None:
        if self._stage is None:
            return
        if self._live and self._bar is not None:
            self._live.remove_task(self._bar)
        seconds, rate = time.monotonic() - self._began, self._rate()
        count = f"{self._done:,} {self._unit}".strip() if self._done else "done"
        say(f"{self._stage}: {count} in {seconds:.1f} s" + (f" ({rate})" if rate else ""))
        self._stage, self._bar = None, None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._close()
        if self._live:
            self._live.stop()
