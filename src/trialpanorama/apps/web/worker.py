"""The process beside the pages that works off their queue: `python -m trialpanorama.apps.web.worker FOLDER WAREHOUSE`.

A process of its own, so that a batch does not slow the pages down, and a file that ends a program ends only this one.
It ends when its standard input does, which is when the server ends, however that comes about.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trialpanorama.apps.web.jobs import LEASE, Draft, Job, Jobs
from trialpanorama.apps.web.uploads import read_content
from trialpanorama.errors import UserError

if TYPE_CHECKING:
    from trialpanorama.forecast import Forecast
    from trialpanorama.record import Record
    from trialpanorama.warehouse import Warehouse

SIMILAR, SIMILAR_IN_BATCH, MOST_WITH_SIMILAR = 10, 0, 20
"""Similar trials beside a forecast; none where the job has more drafts than this, which would take too long."""


def main(arguments: Sequence[str]) -> None:
    """Work off the queue of a folder until standard input ends."""
    folder, warehouse = map(Path, arguments)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's, which ends this
    if hasattr(os, "nice"):
        os.nice(5)  # pages come first
    worker = _Worker(Jobs(folder), warehouse)
    threading.Thread(target=_listen, args=(worker,), daemon=True).start()
    threading.Thread(target=worker.beat, daemon=True).start()
    while True:
        worker.is_called.clear()
        worker.work_off()
        worker.warm_up()
        worker.is_called.wait(LEASE / 2)  # a dead worker's job is found without a call


def _listen(worker: _Worker) -> None:
    # not through a buffer, whose lock a thread would hold when the program ends
    while said := os.read(sys.stdin.fileno(), 65_536):
        worker.soon_asked = said.decode("utf-8", "replace").strip().rpartition("\n")[2] or worker.soon_asked
        worker.is_called.set()
    os._exit(0)  # every finished draft is on disk


class _Worker:
    def __init__(self, jobs: Jobs, warehouse: Path) -> None:
        self.name = secrets.token_hex(8)
        self.is_called = threading.Event()
        self.soon_asked = ""
        """A forecast that is likely to be asked for: its folder."""
        self._jobs = jobs
        self._warehouse = warehouse
        self._forecasts: dict[tuple[str, int], Forecast] = {}

    def beat(self) -> None:
        while True:
            time.sleep(LEASE / 4)
            with contextlib.suppress(sqlite3.Error):  # the disk is busy: the next beat follows soon
                if self._jobs.is_busy():
                    self._jobs.beat(self.name)

    def work_off(self) -> None:
        while job := self._jobs.claim(self.name):
            try:
                asker: Forecast | UserError = self._forecast(job.model)
            except UserError as error:
                asker = error
            self._work(job, asker, _opened(self._warehouse))

    def warm_up(self) -> None:
        """Read what the first forecast needs, so that its user does not wait for it."""
        folder, self.soon_asked = self.soon_asked, ""
        if folder:
            from trialpanorama.designs import read_draft, template

            with contextlib.suppress(Exception):  # a user who asks will be told
                asker = self._forecast(folder)
                asker.predict(read_draft(template().encode(), "draft.yaml"), _opened(self._warehouse), similar=SIMILAR)

    def _forecast(self, folder: str) -> Forecast:
        """A fitted forecast, opened once, and again when it was fitted anew."""
        from trialpanorama.forecast import Forecast

        try:
            key = folder, (Path(folder) / "card.json").stat().st_mtime_ns
        except OSError:
            key = folder, 0
        if key not in self._forecasts:
            self._forecasts = {key: Forecast.open(folder)}
        return self._forecasts[key]

    def _work(self, job: Job, asker: Forecast | UserError, warehouse: Warehouse | None) -> None:
        while draft := self._jobs.begin(job.id, self.name):
            try:
                if isinstance(asker, UserError):
                    raise asker
                try:
                    record = self._read(job, draft)
                except FileNotFoundError:  # it was deleted just now
                    return
                similar = SIMILAR_IN_BATCH if job.total > MOST_WITH_SIMILAR else SIMILAR
                found = asker.predict(record, warehouse, source=draft.name, similar=similar)
                facts = msgspec.to_builtins(found, enc_hook=str) | {"draft": _as_draft(record)}
                self._jobs.put(job.id, draft.position, facts=facts)
            except UserError as error:
                self._jobs.put(job.id, draft.position, problem=str(error))
            except Exception as error:
                print(f"{type(error).__name__} on draft {draft.position} of {job.id}: {error}", file=sys.stderr)
                self._jobs.put(job.id, draft.position, problem=f"Unexpected {type(error).__name__} while reading it.")
        summary = None
        if not isinstance(asker, UserError):
            try:
                summary = self._summary(job, asker)
            except Exception as error:  # the forecasts stand without it
                print(f"{type(error).__name__} on the summary of {job.id}: {error}", file=sys.stderr)
        self._jobs.finish(job.id, self.name, summary)

    def _read(self, job: Job, draft: Draft) -> Record:
        from trialpanorama.designs import read_draft

        content = read_content(self._jobs.uploads / job.id / draft.file, draft.member)
        return read_draft(content, draft.name)

    def _summary(self, job: Job, asker: Forecast) -> dict[str, Any] | None:
        """What the drafts of a job have to do with each other, if that was asked."""
        labels = self._jobs.labels(job.id)
        if job.kind == "forecast":
            return evaluated(self._jobs.drafts(job.id), labels, asker) if labels else None
        drafts = self._jobs.drafts(job.id)
        if len(drafts) != 2 or any(draft.facts is None for draft in drafts):
            return None
        one, other = (self._read(job, draft) for draft in drafts)
        found = asker.compare(one, other, sources=(drafts[0].name, drafts[1].name))
        whole: dict[str, Any] = msgspec.to_builtins(found, enc_hook=str)
        return {name: value for name, value in whole.items() if name not in ("first", "second")}


def _opened(path: Path) -> Warehouse | None:
    from trialpanorama.warehouse import Warehouse

    try:
        return Warehouse.open(path)
    except UserError:  # it is being exchanged, or is gone: forecasts come without similar trials
        return None


def _as_draft(record: Record) -> str:
    from trialpanorama.designs import draft_of, draft_text

    return draft_text(draft_of(record))


def evaluated(drafts: Sequence[Draft], labels: Mapping[str, int], asker: Forecast) -> dict[str, Any]:
    """How well the forecasts of a job agree with the labels (1: success) that its user gave.

    Trials that the model was fitted on are left out. Beside each figure stands what the share of successes that the
    model was fitted on, said of every trial, would have reached.
    """
    import numpy as np

    from trialpanorama.evaluate.figures import intervals
    from trialpanorama.tasks.outcome_prediction import TASK

    forecast = {
        draft.facts["id"]: draft.facts for draft in drafts if draft.facts is not None and draft.facts["id"] in labels
    }
    known = {id: facts for id, facts in forecast.items() if not facts["model"]["knows_trial"]}
    threshold = asker.card.outcome.threshold or 0.5
    success = np.array([labels[id] for id in known], dtype=np.float64)

    def columns(probability: Any) -> dict[str, Any]:
        said = (probability >= threshold).astype(np.float64)
        return {
            "success": success,
            "probability": probability,
            "said_success": said,
            "correct": (said == success).astype(np.float64),
        }

    found = columns(np.array([facts["probability"] for facts in known.values()], dtype=np.float64))
    floor = columns(np.full(len(known), asker.outcome.usual, dtype=np.float64))
    reached = intervals(found, {metric.name: metric.compute for metric in TASK.metrics})
    usual = intervals(floor, {metric.name: metric.compute for metric in TASK.metrics}, resamples=0)
    return {
        "n": len(known),
        "successes": int(success.sum()),
        "threshold": threshold,
        "labels": len(labels),
        "without_forecast": len(labels) - len(forecast),
        "fitted_on": len(forecast) - len(known),
        "metrics": [
            {
                "name": metric.name,
                "title": metric.title,
                "arrow": metric.arrow,
                "meaning": metric.meaning,
                "value": reached[metric.name].value,
                "low": reached[metric.name].low,
                "high": reached[metric.name].high,
                "floor": usual[metric.name].value,
            }
            for metric in TASK.metrics
        ],
    }


if __name__ == "__main__":
    main(sys.argv[1:])
