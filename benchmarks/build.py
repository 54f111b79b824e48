"""How fast a build is, where its time goes, what a second worker brings, and how much memory it takes at most.

    python benchmarks/build.py [INPUT ...] [--trials N] [--rounds N]

Without inputs it writes a fictional sample of N trials first. Workers are compared in one run, round by round, and
the least time of each counts; memory is the largest sum of resident memory over all processes of a build, sampled
every 50 ms.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from pathlib import Path

import psutil

from trialpanorama import ingest, sample
from trialpanorama.build import build
from trialpanorama.record import Record
from trialpanorama.warehouse import Manifest, lines_table


class PeakMemory:
    """The most memory that this process and its children held together, in MB."""

    def __init__(self) -> None:
        self.megabytes = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        own = psutil.Process()
        while not self._done.wait(0.05):
            total = 0
            for process in (own, *own.children(recursive=True)):
                try:
                    total += process.memory_info().rss
                except psutil.Error:
                    continue
            self.megabytes = max(self.megabytes, total / 1e6)


def steps(inputs: list[Path]) -> tuple[dict[str, float], int, int]:
    """CPU seconds of each step of reading on one core, with the number of entries and bytes read."""
    seconds = dict.fromkeys(("read", "scrub, encode, hash", "to columns"), 0.0)
    entries = size = 0
    for file in ingest.find_inputs(inputs):
        size += file.bytes
        lines: list[bytes] = []
        begun = time.process_time()
        for outcome in ingest.read_piece(ingest.Piece(file)):
            read = time.process_time()
            seconds["read"] += read - begun
            entries += 1
            if isinstance(outcome, Record):
                lines.append(ingest.record_line(outcome, keep_contacts=False))
            seconds["scrub, encode, hash"] += time.process_time() - read
            if len(lines) >= 1_000:
                seconds["to columns"] += _columns(lines)
            begun = time.process_time()
        seconds["to columns"] += _columns(lines)
    return seconds, entries, size


def _columns(lines: list[bytes]) -> float:
    begun = time.process_time()
    lines_table(Record, b"\n".join(lines))
    lines.clear()
    return time.process_time() - begun


def timed_build(inputs: list[Path], folder: Path, workers: int) -> tuple[float, float, Manifest]:
    """Seconds of the ingest stage, peak memory in MB, and the manifest."""
    with PeakMemory() as memory:
        manifest = build(inputs, folder, workers=workers, replace=True)
    return manifest.stage_seconds["ingest"], memory.megabytes, manifest


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("inputs", nargs="*", type=Path)
    arguments.add_argument("--trials", type=int, default=20_000)
    arguments.add_argument("--rounds", type=int, default=3)
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        inputs = chosen.inputs
        if not inputs:
            begun = time.perf_counter()
            sample.write(folder / "sample", trials=chosen.trials, seed=1)
            print(f"sample: {chosen.trials:,} fictional trials in {time.perf_counter() - begun:.1f} s")
            inputs = [folder / "sample"]
        seconds, entries, size = steps(inputs)
        total = sum(seconds.values())
        print(f"one core: {entries:,} entries, {size / 1e6:,.0f} MB on disk, {entries / total:,.0f} entries/s")
        for name, part in seconds.items():
            print(f"  {name:<22} {part:7.2f} s  {part / total:6.1%}")
        best: dict[int, float] = {}
        peak: dict[int, float] = {}
        snapshots = set()
        manifest = None
        for _ in range(chosen.rounds):
            for workers in (1, 2):
                taken, megabytes, manifest = timed_build(inputs, folder / "W", workers)
                best[workers] = min(taken, best.get(workers, taken))
                peak[workers] = max(megabytes, peak.get(workers, 0))
                snapshots.add(manifest.snapshot)
        assert manifest is not None
        print(f"ingest with 2 workers on {os.cpu_count()} cores: {best[1] / best[2]:.2f} times as fast as with one")
        print(f"  1 worker {best[1]:.1f} s, 2 workers {best[2]:.1f} s, {manifest.inputs / best[2]:,.0f} inputs/s")
        print(f"peak memory of the whole build: {peak[1]:,.0f} MB with 1 worker, {peak[2]:,.0f} MB with 2")
        shares = ", ".join(f"{stage} {taken:.1f} s" for stage, taken in manifest.stage_seconds.items())
        print(f"stages with 2 workers: {shares}")
        print(f"snapshots: {', '.join(sorted(snapshots))} (one, if all builds agree)")


if __name__ == "__main__":
    main()
