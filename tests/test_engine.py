"""Work runs the same with one worker and with several."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trialpanorama import engine
from trialpanorama.errors import TrialPanoramaError


def double(number: int) -> int:
    """A task that can be sent to another process."""
    if number < 0:
        raise ValueError("negative")
    return 2 * number


@pytest.mark.parametrize("workers", [1, 2])
def test_every_task_gives_its_result_once(workers: int) -> None:
    assert sorted(engine.run(double, list(range(20)), workers)) == [2 * n for n in range(20)]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_failing_task_raises_in_the_caller(workers: int) -> None:
    with pytest.raises(ValueError, match="negative"):
        list(engine.run(double, [1, -1, 2, 3], workers))


def end(number: int) -> int:
    """What the system does to a process when memory runs out."""
    os._exit(9)


def test_a_worker_that_is_ended_from_outside_is_told() -> None:
    with pytest.raises(TrialPanoramaError, match="fewer --workers"):
        list(engine.run(end, [1, 2], 2))


_PARENT = """
import os, sys, time
from trialpanorama import engine
def task(n):
    open(sys.argv[1] + str(os.getpid()), "w").close()
    time.sleep(60)
if __name__ == "__main__":
    list(engine.run(task, [1, 2], 2))
"""


def test_workers_end_with_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(_PARENT)
    parent = subprocess.Popen([sys.executable, str(script), str(tmp_path / "worker-")])
    workers: list[int] = []
    for _ in range(600):
        workers = [int(path.name.removeprefix("worker-")) for path in tmp_path.glob("worker-*")]
        if len(workers) == 2:
            break
        time.sleep(0.1)
    assert len(workers) == 2
    parent.kill()
    parent.wait()
    for _ in range(300):
        if not any(_is_running(pid) for pid in workers):
            break
        time.sleep(0.1)
    assert not any(_is_running(pid) for pid in workers)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        status = Path(f"/proc/{pid}/stat")
        return not (status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] == "Z")
    except ProcessLookupError:
        return False
