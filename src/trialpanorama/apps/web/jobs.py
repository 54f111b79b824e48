"""Work that takes longer than a page: a queue on SQLite beside the warehouse, and the process that works it off.

A job is a set of uploaded drafts. Once `accept` has returned, its files and rows are on disk; each finished draft is a
row of its own, so that after a killed server or worker only the draft that was being read is read again. A worker holds
a job by a lease that it renews; what a dead one held is taken up by the next.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import msgspec

from trialpanorama.apps.web.uploads import Received, sweep, sync

State = Literal["waiting", "working", "done"]
Kind = Literal["forecast", "compare"]
"""A forecast of each draft, or of two with what differs between them."""
LEASE = 10.0
"""Seconds without a sign of life after which a worker is held for dead."""
MOST_TRIES = 2
"""A draft on which so many workers died is left out."""
MOST_KEPT = 4 * 2**30
"""Bytes of all uploads together."""

_TABLES = """
    CREATE TABLE IF NOT EXISTS jobs (
        id TEXT PRIMARY KEY, created TEXT NOT NULL, model TEXT NOT NULL, bytes INTEGER NOT NULL,
        kind TEXT NOT NULL,
        labels TEXT NOT NULL, summary TEXT, state TEXT NOT NULL, worker TEXT, beat REAL
    );
    CREATE TABLE IF NOT EXISTS drafts (
        job TEXT NOT NULL, position INTEGER NOT NULL, file TEXT NOT NULL, member TEXT, name TEXT NOT NULL,
        tries INTEGER NOT NULL DEFAULT 0, facts TEXT, problem TEXT, PRIMARY KEY (job, position)
    );
"""


class Job(msgspec.Struct, frozen=True):
    """A job as it stands: how many drafts it has, and how many are done, of these how many without an answer."""

    id: str
    created: str
    model: str
    bytes: int
    kind: Kind
    labels: int
    """Of how many trials its user said what became of them."""
    state: State
    total: int
    done: int
    failed: int
    first: str
    """The name of its first draft."""
    summary: dict[str, Any] | None = None
    """What its drafts have to do with each other: how well the labels were forecast, or the second beside the first."""


class Draft(NamedTuple):
    """One draft of a job: its facts, or why there are none, or neither yet."""

    position: int
    file: str
    member: str | None
    name: str
    facts: dict[str, Any] | None
    problem: str | None


class Jobs:
    """The queue in a folder (`WAREHOUSE.web`)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.uploads = folder / "uploads"
        self._path = folder / "jobs.sqlite"
        self._is_made = False

    @contextlib.contextmanager
    def _open(self, *, outlives_power: bool = False) -> Iterator[sqlite3.Connection]:
        """A connection, its work kept as one: over any kill, and if asked over a loss of power (slow)."""
        if not self._is_made:
            self.uploads.mkdir(mode=0o700, parents=True, exist_ok=True)
        connection = sqlite3.connect(self._path, timeout=20, isolation_level=None)
        try:
            connection.execute(f"PRAGMA synchronous = {'FULL' if outlives_power else 'NORMAL'}")
            connection.execute("PRAGMA secure_delete = ON")
            if not self._is_made:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.executescript(_TABLES)
                self._path.chmod(0o600)
                self._is_made = True
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
        finally:
            connection.close()

    @contextlib.contextmanager
    def _look(self) -> Iterator[sqlite3.Connection | None]:
        """A connection that changes nothing; none where nothing was ever uploaded."""
        if not self._path.exists():
            yield None
            return
        connection = sqlite3.connect(self._path, timeout=20, isolation_level=None)
        try:
            yield connection
        finally:
            connection.close()

    # --- from the pages

    def accept(
        self, received: Received, drafts: Sequence[tuple[str, str | None, str]], *, model: str, kind: Kind = "forecast",
        labels: Mapping[str, int] = MappingProxyType({}),
    ) -> str:  # fmt: skip
        """Keep an upload and queue its drafts (file, member of an archive, name); returns the job's id.

        Raises UserError where uploads take too much room.
        """
        from trialpanorama.errors import UserError

        size = sum(one.size for one in received.files)
        with self._look() as looked:
            kept = looked.execute("SELECT coalesce(sum(bytes), 0) FROM jobs").fetchone()[0] if looked else 0
        if kept + size > MOST_KEPT:
            raise UserError(
                f"All uploads together may have {MOST_KEPT // 2**30} GB, of which {kept / 2**30:.1f} are taken: "
                "delete some."
            )
        id = secrets.token_hex(8)
        self.uploads.mkdir(mode=0o700, parents=True, exist_ok=True)
        received.folder.rename(self.uploads / id)
        sync(self.uploads)
        try:
            with self._open(outlives_power=True) as connection:
                connection.execute(
                    "INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?, NULL, 'waiting', NULL, NULL)",
                    (id, datetime.now(UTC).isoformat(timespec="milliseconds"), model, size, kind, _text(dict(labels))),
                )
                connection.executemany(
                    "INSERT INTO drafts (job, position, file, member, name) VALUES (?, ?, ?, ?, ?)",
                    [(id, position, *draft) for position, draft in enumerate(drafts)],
                )
        except BaseException:
            shutil.rmtree(self.uploads / id, ignore_errors=True)
            raise
        return id

    def get(self, id: str) -> Job | None:
        """A job by its id."""
        return next(iter(self._jobs("WHERE id = ?", id)), None)

    def all(self) -> list[Job]:
        """Every job, the latest first."""
        return self._jobs("")

    def _jobs(self, where: str, *values: str) -> list[Job]:
        with self._look() as connection:
            if connection is None:
                return []
            rows = connection.execute(
                f"""SELECT id, created, model, bytes, kind, labels, state, count(*),
                    sum(facts IS NOT NULL OR problem IS NOT NULL), sum(problem IS NOT NULL),
                    min(CASE WHEN position = 0 THEN name END), summary
                    FROM jobs JOIN drafts ON job = id {where} GROUP BY id ORDER BY created DESC, id""",
                values,
            ).fetchall()
        return [
            Job(id, created, model, size, kind, len(msgspec.json.decode(labels)), state, total, done, failed, first,
                _read(summary))
            for id, created, model, size, kind, labels, state, total, done, failed, first, summary in rows
        ]  # fmt: skip

    def drafts(self, id: str, first: int = 0, most: int = -1) -> list[Draft]:
        """The drafts of a job in their order."""
        with self._look() as connection:
            if connection is None:
                return []
            rows = connection.execute(
                """SELECT position, file, member, name, facts, problem FROM drafts
                    WHERE job = ? AND position >= ? ORDER BY position LIMIT ?""",
                (id, first, most),
            ).fetchall()
        return [
            Draft(position, file, member, name, _read(facts), problem)
            for position, file, member, name, facts, problem in rows
        ]

    def delete(self, id: str) -> bool:
        """Delete a job with its files and results, overwriting them in the queue; False if unknown."""
        if self.get(id) is None:
            return False
        with self._open(outlives_power=True) as connection:
            connection.execute("DELETE FROM drafts WHERE job = ?", (id,))
            connection.execute("DELETE FROM jobs WHERE id = ?", (id,))
        shutil.rmtree(self.uploads / id, ignore_errors=True)
        with self._look() as looked:
            if looked is not None:
                looked.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return True

    def is_busy(self) -> bool:
        """Whether a job waits or is worked on."""
        with self._look() as connection:
            return bool(connection and connection.execute("SELECT 1 FROM jobs WHERE state != 'done'").fetchone())

    def sweep(self) -> None:
        """Remove what a killed server left of uploads that it had not acknowledged."""
        sweep(self.uploads, lambda name: self.get(name) is not None)

    # --- from the worker

    def claim(self, worker: str) -> Job | None:
        """Take up the oldest job that waits, or that a dead worker left."""
        with self._open() as connection:
            row = connection.execute(
                """SELECT id FROM jobs WHERE state = 'waiting' OR (state = 'working' AND (worker = ? OR beat < ?))
                    ORDER BY created, id LIMIT 1""",
                (worker, time.time() - LEASE),
            ).fetchone()
            if row is None:
                return None
            connection.execute(
                "UPDATE jobs SET state = 'working', worker = ?, beat = ? WHERE id = ?", (worker, time.time(), row[0])
            )
        return self.get(row[0])

    def beat(self, worker: str) -> None:
        """Say that a worker is alive."""
        with self._open() as connection:
            connection.execute(
                "UPDATE jobs SET beat = ? WHERE worker = ? AND state = 'working'", (time.time(), worker)
            )  # fmt: skip

    def begin(self, id: str, worker: str) -> Draft | None:
        """The next draft of a job, its try counted; None if all are done, or the job was deleted or taken over."""
        with self._open() as connection:
            if not connection.execute("SELECT 1 FROM jobs WHERE id = ? AND worker = ?", (id, worker)).fetchone():
                return None
            connection.execute(
                """UPDATE drafts SET problem = 'Reading it ended the program: it is left out.'
                    WHERE job = ? AND facts IS NULL AND problem IS NULL AND tries >= ?""",
                (id, MOST_TRIES),
            )
            row = connection.execute(
                """SELECT position, file, member, name FROM drafts
                    WHERE job = ? AND facts IS NULL AND problem IS NULL ORDER BY position LIMIT 1""",
                (id,),
            ).fetchone()
            if row is None:
                return None
            connection.execute("UPDATE drafts SET tries = tries + 1 WHERE job = ? AND position = ?", (id, row[0]))
        position, file, member, name = row
        return Draft(position, file, member, name, None, None)

    def put(self, id: str, position: int, facts: Any = None, problem: str | None = None) -> None:
        """Write down what came of a draft."""
        with self._open() as connection:
            connection.execute(
                "UPDATE drafts SET facts = ?, problem = ? WHERE job = ? AND position = ?",
                (None if facts is None else _text(facts), problem, id, position),
            )

    def labels(self, id: str) -> dict[str, int]:
        """What became of the trials of a job, as its user says."""
        with self._look() as connection:
            row = connection.execute("SELECT labels FROM jobs WHERE id = ?", (id,)).fetchone() if connection else None
        return msgspec.json.decode(row[0], type=dict[str, int]) if row else {}

    def finish(self, id: str, worker: str, summary: Any = None) -> None:
        """Say that all of a job is done."""
        with self._open() as connection:
            connection.execute(
                "UPDATE jobs SET state = 'done', summary = ? WHERE id = ? AND worker = ?",
                (None if summary is None else _text(summary), id, worker),
            )


def _text(value: Any) -> str:
    return msgspec.json.encode(value, enc_hook=str).decode()


def _read(text: str | None) -> dict[str, Any] | None:
    return msgspec.json.decode(text) if text else None


class Worker:
    """The process that works off the queue: started when there is work, ended with the server."""

    def __init__(self, jobs: Jobs, warehouse: Path) -> None:
        self._command = [sys.executable, "-m", "trialpanorama.apps.web.worker", str(jobs.folder), str(warehouse)]
        self._jobs = jobs
        self._starting = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def wake(self, soon_asked: str = "") -> None:
        """Have it look at the queue, and open a forecast that will be asked for; a worker that died is replaced."""
        with self._starting:
            if self._process is None or self._process.poll() is not None:
                self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
            pipe = self._process.stdin
            with contextlib.suppress(OSError):  # it died just now: the next call starts another
                assert pipe is not None
                pipe.write(f"{soon_asked}\n".encode())
                pipe.flush()

    def keep_going(self) -> None:
        """Replace a worker that died with work left."""
        if (self._process is None or self._process.poll() is not None) and self._jobs.is_busy():
            self.wake()

    def stop(self) -> None:
        """End it; what it had not finished is taken up at the next start."""
        with self._starting:
            if self._process is None:
                return
            assert self._process.stdin is not None
            with contextlib.suppress(OSError):
                self._process.stdin.close()  # which tells it to end
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
