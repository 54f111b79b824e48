"""What the pages are about: a warehouse, its index, a folder of runs; opened once, and again when they change."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trialpanorama.apps.web.jobs import Jobs, Worker
from trialpanorama.apps.web.reading import reading
from trialpanorama.apps.web.runs import Runs
from trialpanorama.errors import UserError
from trialpanorama.warehouse import Warehouse

if TYPE_CHECKING:
    import duckdb

    from trialpanorama.search.index import Index

_REMEMBERED = 400
"""Answers that are kept, the latest."""
SQL_SECONDS, SQL_MEMORY_MB, SQL_AT_ONCE = 20, 512, 2
"""What a query of the SQL page may take, and how many run beside each other."""


class Site:
    """A warehouse that is shown, and perhaps a folder of runs."""

    def __init__(
        self, warehouse: Path, logs: Path | None = None, *, say: Callable[[str], None] = lambda _: None
    ) -> None:
        self.path = warehouse
        self.logs = logs
        self.folder = folder_beside(warehouse)
        self._say = say
        self.queries = threading.BoundedSemaphore(SQL_AT_ONCE)
        self._opening = threading.RLock()
        self._answers: OrderedDict[Hashable, Any] = OrderedDict()
        self._state: tuple[int, int] | None = None
        self._warehouse: Warehouse
        self._kept_open: duckdb.DuckDBPyConnection | None = None
        self._index: Index | None = None
        self._reading: Warehouse | None = None
        self.runs = Runs(self.folder / "runs")
        self.jobs = Jobs(self.folder)
        self.worker = Worker(self.jobs, warehouse)
        _ = self.warehouse

    @property
    def warehouse(self) -> Warehouse:
        """The warehouse as it is now: a build exchanges it, and then what was remembered of the old one is dropped."""
        with self._opening:
            try:
                found = (self.path / "manifest.json").stat()
                state = (found.st_ino, found.st_mtime_ns)
            except OSError:
                state = None  # it is missing: opening says so
            if state is None or state != self._state:
                self._warehouse = Warehouse.open(self.path)
                self._index = self._reading = None
                self._answers.clear()
                self._state = state
            return self._warehouse

    @property
    def reading(self) -> Warehouse:
        """The warehouse for pages about one trial, paper or node: looked up in a copy with indexes, made if need be."""
        with self._opening:
            warehouse = self.warehouse
            if self._reading is None:
                if self._kept_open is not None:
                    self._kept_open.close()
                self._reading = reading(warehouse, self.folder, self._say)
                # connections opened beside one that stays open share what it has read
                self._kept_open = self._reading.connect()
            return self._reading

    @property
    def index(self) -> Index:
        """The search index of the warehouse, made if it has none."""
        from trialpanorama.search.index import Index

        with self._opening:
            warehouse = self.warehouse
            if self._index is None:
                self._index = Index.open(warehouse)
            return self._index

    @property
    def rankings(self) -> tuple[str, ...]:
        """The rankings of plain words for which the warehouse has what they need."""
        from trialpanorama.search.ranked import Ranked

        return Ranked.ready(self.warehouse)

    def prepare(self) -> None:
        """Make what pages need of a new snapshot, so that the first visitor does not wait for it."""
        from trialpanorama.search.index import Index

        if not Index.is_ready(self.warehouse):
            self._say("Making the search index, once for this snapshot ...")
        try:
            _ = self.reading, self.index
        except UserError as error:  # all but the search works
            self._say(str(error))
        if self.runs_folder.is_dir():
            threading.Thread(target=self._prepare_runs, daemon=True).start()

    def close(self) -> None:
        """End what runs beside the pages."""
        self.worker.stop()

    def _prepare_runs(self) -> None:
        with contextlib.suppress(UserError):  # the page says it
            self.runs.table(self.runs_folder)

    def remember(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """What `make` gives for this snapshot, made once."""
        whole = (self.warehouse.snapshot, self.rankings, key)  # vectors can be made while the pages are shown
        with self._opening:
            if whole in self._answers:
                self._answers.move_to_end(whole)
                return self._answers[whole]
        made = make()
        with self._opening:
            self._answers[whole] = made
            while len(self._answers) > _REMEMBERED:
                self._answers.popitem(last=False)
        return made

    @property
    def runs_folder(self) -> Path:
        """The folder of logs: the one that was given, else Inspect's."""
        return self.logs or Path(os.environ.get("INSPECT_LOG_DIR") or "logs")

    def check_runs(self) -> Path:
        """The folder of logs; raises UserError where there is none."""
        folder = self.runs_folder
        if not folder.is_dir():
            raise UserError(
                f"There is no folder of runs at {folder}. Run a task: trialpanorama evaluate; or give serve --logs DIR."
            )
        return folder


def folder_beside(warehouse: Path) -> Path:
    """Where the pages keep what they make: beside the warehouse, as a build exchanges the whole of it."""
    return warehouse.resolve().with_name(f"{warehouse.resolve().name}.web")
