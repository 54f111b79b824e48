"""How the command line speaks: results on standard output, everything else on standard error."""

from __future__ import annotations

import errno
import os
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


_REFUSALS = {
    errno.ENOSPC: "Make room there, and type the same again.",
    errno.EDQUOT: "Make room there, and type the same again.",
    errno.EROFS: "Name another place, or make it writable.",
    errno.EACCES: "Name another place, or ask for the right to it.",
    errno.EPERM: "Name another place, or ask for the right to it.",
    errno.ENAMETOOLONG: "Name another place.",
    errno.ENOTDIR: "Name another place.",
    errno.EISDIR: "Name a file.",
}


def refusal(error: Exception) -> str | None:
    """What stops a command from outside (no room, no right, tables of another version); None for any other error."""
    if type(error).__name__ in ("BinderException", "CatalogException"):  # of DuckDB, which need not be loaded
        lacking = str(error).splitlines()[0].rstrip(".")
        return (
            f"The warehouse lacks what this version looks for ({lacking}). If another version built it, build it anew: "
            "trialpanorama build INPUT... --warehouse DIR --replace"
        )
    number = error.errno if isinstance(error, OSError) else None
    # DuckDB and SQLite have errors of their own for it
    if os.strerror(errno.ENOSPC) in str(error) or "disk is full" in str(error):
        number = errno.ENOSPC
    if number not in _REFUSALS:
        return None
    place = f": {named}" if (named := getattr(error, "filename", None)) else ""
    return f"{os.strerror(number)}{place}. {_REFUSALS[number]}"


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, widest: int = 70) -> str:
    """Rows under their headings; numbers to the right, long texts cut at `widest` characters, None as a blank."""
    cells = [[_cell(value, widest) for value in row] for row in rows]
    numeric = [all(row[i][1] for row in cells) and bool(cells) for i in range(len(columns))]
    widths = [max(len(name), *(len(row[i][0]) for row in cells), 0) for i, name in enumerate(columns)]

    def line(texts: Iterable[str]) -> str:
        padded = (
            text.rjust(w) if right else text.ljust(w) for text, w, right in zip(texts, widths, numeric, strict=True)
        )
        return "  ".join(padded).rstrip()

    return "\n".join(
        [line(columns), line("-" * width for width in widths), *(line(c[0] for c in row) for row in cells)]
    )


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
    """Shows how far long work is: a live bar on a terminal, a line per stage (and per half minute) when piped."""

    _SECONDS_BETWEEN_LINES = 30.0

    def __init__(self) -> None:
        self._live: Progress | None = None
        self._bar: TaskID | None = None
        self._stage: str | None = None
        self._began = 0.0
        self._spoke = 0.0
        self._first = 0.0
        self._done = 0.0
        self._total: float | None = None
        self._unit = ""
        self._detail = ""

    def __enter__(self) -> Reporter:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn

            columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"))
            self._live = Progress(*columns, console=Console(stderr=True), transient=True)
            self._live.start()
        return self

    def update(self, stage: str, done: float, total: float | None = None, unit: str = "", detail: str = "") -> None:
        """Say that `done` of `total` (None: not known) units of a stage are finished."""
        now = time.monotonic()
        if stage != self._stage:
            self._close()
            self._stage, self._began, self._spoke, self._first = stage, now, now, done
            if self._live:
                self._bar = self._live.add_task(stage, total=total, state="")
        self._done, self._total, self._unit, self._detail = done, total, unit, detail
        if self._live and self._bar is not None:
            self._live.update(self._bar, completed=done, total=total, state=self._state())
        elif unit and now - self._spoke > self._SECONDS_BETWEEN_LINES:
            self._spoke = now
            say(f"{stage}: {self._state()}")

    def _state(self) -> str:
        """Done of total, rate and time left."""
        if not self._unit:
            return self._detail
        seconds = max(time.monotonic() - self._began, 1e-3)
        rate = (self._done - self._first) / seconds  # what an earlier run had finished says nothing about this one
        parts = [f"{_number(self._done)} of {_number(self._total)} {self._unit}" if self._total else self._counted()]
        parts += [self._detail] if self._detail else []
        if rate and seconds > 1:
            parts.append(f"{_number(rate)} {self._unit}/s")
            if self._total:
                parts.append(f"{max(self._total - self._done, 0) / rate:.0f} s left")
        return ", ".join(parts)

    def _counted(self) -> str:
        return f"{_number(self._done)} {self._unit}"

    def _close(self) -> None:
        if self._stage is None:
            return
        if self._live and self._bar is not None:
            self._live.remove_task(self._bar)
        parts = [self._counted() if self._unit else "done", self._detail]
        seconds = time.monotonic() - self._began
        say(f"{self._stage}: {', '.join(filter(None, parts))} in {seconds:.1f} s")
        self._stage, self._bar = None, None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._close()
        if self._live:
            self._live.stop()


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:,.1f}" if value < 100 and value != int(value) else f"{value:,.0f}"
