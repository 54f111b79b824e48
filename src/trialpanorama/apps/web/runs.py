"""The runs of a folder of logs, each read and computed once: what was found stays beside the warehouse, log by log."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

from trialpanorama.errors import UserError

if TYPE_CHECKING:
    from trialpanorama.evaluate import Result, Row

_T = TypeVar("_T")
_VERSION = 1
"""Changes with what is kept; what another version kept is made anew."""


class _Log(NamedTuple):
    """A log as it lies there: its path, and a key that changes with it."""

    path: str
    key: str


class _Found(msgspec.Struct):
    """What a log says of its run, without samples; None where it is no run of ours, or cannot be read."""

    run: bytes | None = None
    """A Result as JSON."""
    problem: str | None = None


class Runs:
    """Runs and their results tables; `kept` is a folder for what was computed, used if it can be written to."""

    def __init__(self, kept: Path) -> None:
        self._kept = kept
        self._reading = threading.Lock()
        self._results: dict[str, Result | None] = {}
        self._problems: dict[str, str] = {}
        self._rows: dict[str, list[Row]] = {}
        self._read: dict[str, Result] = {}

    def table(self, folder: Path) -> tuple[list[Row], list[str]]:
        """The results table of a folder of logs, of repeated runs the latest, and the logs that cannot be read.

        Raises UserError where there is no run.
        """
        with self._reading:
            logs = [(log, run) for log in _logs(folder) if (run := self._result(log))]
            unread = sorted(Path(path).name for path in self._problems if Path(path).is_relative_to(folder.resolve()))
            if not logs:
                raise UserError(
                    f"{folder} holds no log of our tasks. Make one: trialpanorama evaluate TASK "
                    "--model baseline/majority"
                )
            latest = {_kind(run, run.model): (log, run) for log, run in sorted(logs, key=lambda one: one[1].created)}
            floors = {_kind(run, ""): log for log, run in latest.values() if run.model == "baseline/majority"}
            beside: dict[_Log | None, list[_Log]] = {}
            for log, run in latest.values():
                beside.setdefault(floors.get(_kind(run, "")), []).append(log)
            for floor, together in beside.items():
                self._compute(together, floor)
            self._read.clear()  # samples are many: they are read again for the page that shows them
            rows = [
                row for floor, together in beside.items() for log in together for row in self._rows[_key(log, floor)]
            ]
            return rows, unread

    def one(self, folder: Path, name: str) -> Result:
        """A run with its samples, by the name of its log; raises UserError if there is none."""
        from trialpanorama.evaluate.results import read_result

        with self._reading:
            for log in _logs(folder):
                if Path(log.path).name == name and self._result(log):
                    return read_result(log.path)
        raise UserError(f'No run here has the log "{name[:100]}". See the page of runs.')

    def _result(self, log: _Log) -> Result | None:
        from trialpanorama.evaluate.results import Result, UnreadableLog

        if log.key not in self._results:
            found = self._load(log.key, _Found)
            if found is None:
                try:
                    whole = msgspec.structs.replace(self._whole(log), samples=[])
                    found = _Found(msgspec.json.encode(whole))
                except UnreadableLog as error:  # damaged, or being written
                    found = _Found(problem=str(error)[:300])
                except UserError:  # of another task
                    found = _Found()
                except Exception as error:
                    found = _Found(problem=f"{type(error).__name__}: {error}"[:300])
                self._save(log.key, found)
            self._results[log.key] = msgspec.json.decode(found.run, type=Result) if found.run else None
            self._problems.pop(log.path, None)
            if found.problem:
                self._problems[log.path] = found.problem
        return self._results[log.key]

    def _compute(self, logs: list[_Log], floor: _Log | None) -> None:
        """Have the lines of runs: each depends on its run and on that of the majority baseline alone."""
        from trialpanorama.evaluate import Row, table

        for log in logs:
            kept = None if _key(log, floor) in self._rows else self._load(_key(log, floor) + "-rows", list[Row])
            if kept is not None:
                self._rows[_key(log, floor)] = kept
        missing = {self._whole(log).log: log for log in logs if _key(log, floor) not in self._rows}
        if not missing:
            return
        chosen = [*missing.values()] + ([floor] if floor and floor not in missing.values() else [])
        rows = table(map(self._whole, chosen))
        for path, log in missing.items():
            self._rows[_key(log, floor)] = [row for row in rows if row.log == path]
            self._save(_key(log, floor) + "-rows", self._rows[_key(log, floor)])

    def _whole(self, log: _Log) -> Result:
        from trialpanorama.evaluate.results import read_result

        if log.key not in self._read:
            self._read[log.key] = read_result(log.path)
        return self._read[log.key]

    def _load(self, key: str, kind: type[_T]) -> _T | None:
        try:
            return msgspec.json.decode((self._kept / f"{key}.json").read_bytes(), type=kind)
        except (OSError, msgspec.MsgspecError):
            return None

    def _save(self, key: str, value: object) -> None:
        with contextlib.suppress(OSError):  # it is computed again at the next start
            self._kept.mkdir(mode=0o700, parents=True, exist_ok=True)
            partial = self._kept / f".{key}.{os.getpid()}.part"
            partial.write_bytes(msgspec.json.encode(value))
            partial.replace(self._kept / f"{key}.json")


def _key(log: _Log, floor: _Log | None) -> str:
    return log.key + (floor.key if floor and floor != log else "")


def _kind(run: Result, model: str) -> tuple[str, int, str, str, str]:
    return run.task, run.version, model, run.split, run.snapshot


def _logs(folder: Path) -> list[_Log]:
    from inspect_ai.log import list_eval_logs

    from trialpanorama import __version__

    found = []
    for info in list_eval_logs(os.fspath(folder.resolve())):
        path = info.name.removeprefix("file:" + "//")
        with contextlib.suppress(OSError):
            state = os.stat(path)
            said = f"{_VERSION}|{__version__}|{path}|{state.st_mtime_ns}|{state.st_size}"
            found.append(_Log(path, hashlib.sha256(said.encode()).hexdigest()[:24]))
    return found
