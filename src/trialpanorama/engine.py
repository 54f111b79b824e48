"""Where work runs: this machine's processes, or a Spark cluster. A stage hands over pure tasks and takes their results.

A task is a picklable function of one argument that reads files and writes files of its own; results come back as
they are done, in no order. The same functions run in both places. A local worker that loses its parent ends at once,
so that a killed build leaves nobody writing; on a cluster, the inputs and the folder of the warehouse have to lie
where every machine sees them under the same path, and the package has to be installed on each.
"""

from __future__ import annotations

import ctypes
import itertools
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from trialpanorama.errors import TrialPanoramaError, UserError

if TYPE_CHECKING:
    import pyarrow as pa

Task = TypeVar("Task")
Result = TypeVar("Result")


def default_workers() -> int:
    """One worker for each core that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def run(function: Callable[[Task], Result], tasks: Sequence[Task], workers: int) -> Iterator[Result]:
    """Yield the result of each task as it is done; with one worker, or one task, in this process."""
    if workers <= 1 or len(tasks) <= 1:
        for task in tasks:
            yield function(task)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(tasks)), context, _end_with_parent, (os.getpid(),))
    try:
        waiting = iter(tasks)
        running = {pool.submit(function, task) for task in itertools.islice(waiting, 2 * workers)}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                running |= {pool.submit(function, following) for following in itertools.islice(waiting, 1)}
                yield future.result()
    except BrokenProcessPool:
        raise TrialPanoramaError(
            "A process that worked was ended from outside; most often the memory did not suffice. What is finished is "
            "kept: type the same again, with fewer --workers."
        ) from None
    except BaseException:
        for process in list((pool._processes or {}).values()):
            process.terminate()
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def run_on_spark(function: Callable[[Task], Result], tasks: Sequence[Task], master: str) -> Iterator[Result]:
    """The same on a Spark cluster (`spark://host:port`, `yarn`, `local[2]`): one Spark task for each task.

    Raises UserError where pyspark or Java is missing.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise UserError("Spark is not installed. Type: pip install 'trialpanorama[spark]'") from None
    try:
        session = SparkSession.builder.master(master).appName("trialpanorama").getOrCreate()
    except Exception as error:
        raise UserError(
            f"Spark does not start at {master} ({str(error).splitlines()[0]}). Is Java 17 installed?"
        ) from None
    try:
        payload = [(pickle.dumps(task),) for task in tasks]
        if payload:
            frame = session.createDataFrame(payload, "task binary").repartition(len(payload))
            work = partial(_work_on_batches, function)
            for row in frame.mapInArrow(work, "result binary").toLocalIterator():
                yield pickle.loads(row.result)
    finally:
        session.stop()


def _work_on_batches(function: Callable[[Task], Result], batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    for batch in batches:
        for task in batch.column(0):
            result = pickle.dumps(function(pickle.loads(task.as_py())))
            yield pa.RecordBatch.from_pydict({"result": pa.array([result], pa.binary())})


def _end_with_parent(parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends its workers
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
