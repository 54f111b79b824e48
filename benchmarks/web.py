"""How fast the web pages answer: many users at once on this machine, each looking for something else.

    python benchmarks/web.py --warehouse DIR [--copies N] [--users 50] [--seconds 30] [--think 1.0]

It starts `trialpanorama serve` on a free port, and each user in turn searches (a page of hits, with counts and marked
words) and opens a trial. Queries are words of the warehouse's own titles, trials are drawn at random, with a fixed
seed; `--think` is the mean pause of a user between two pages (seconds, uniform from nothing to twice that; 0 for none).
Prints n, errors, the 50th, 95th and 99th percentile (with 95 % bootstrap intervals for the 95th), and the server's
memory as it went. With `--copies` each trial of the warehouse is there so many times, under new ids, in a folder that
is deleted at the end: the same words, in so many times as many documents.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import httpx2
import numpy as np
import psutil

from trialpanorama.warehouse import Warehouse

sys.path.insert(0, str(Path(__file__).parent))
from _multiplied import multiply

SEED = 7
WARMING = 3.0
"""Seconds at the start that are not counted."""
MEMORY_EVERY = 2.0
"""Seconds between looks at the server's memory."""


def material(warehouse: Path) -> tuple[list[str], list[str]]:
    """Words to search for, and trials to open."""
    with Warehouse.open(warehouse).connect() as connection:
        rows = connection.execute(
            "SELECT study_id, title FROM studies WHERE kind = 'registration' AND title IS NOT NULL ORDER BY study_id"
        ).fetchall()
    chance = random.Random(SEED)
    words = sorted({word.lower() for _, title in rows for word in re.findall(r"[A-Za-z]{5,}", title)})
    queries = [" ".join(chance.sample(words, 1)) for _ in range(4_000)]
    queries += [f"{a}[tiab] OR {b}*" for a, b in (chance.sample(words, 2) for _ in range(4_000))]
    chance.shuffle(queries)
    return queries, chance.sample([row[0] for row in rows], min(8_000, len(rows)))


async def user(
    client: httpx2.AsyncClient, number: int, until: float, think: float, queries: Sequence[str], trials: Sequence[str],
    taken: dict[str, list[tuple[float, float]]], errors: list[str],
) -> None:  # fmt: skip
    """Search and open trials until the time is over."""
    chance = random.Random(SEED + number)
    await asyncio.sleep(chance.random() * max(think, 0.1))
    while time.monotonic() < until:
        for kind, address, asked in (
            ("search", "/search", {"q": chance.choice(queries)}),
            ("trial", "/trial", {"id": chance.choice(trials)}),
        ):
            begun = time.monotonic()
            try:
                answer = await client.get(address, params=asked)
                if answer.status_code != 200:
                    errors.append(f"{answer.status_code} {address} {asked}")
            except httpx2.HTTPError as error:
                errors.append(f"{type(error).__name__} {address} {asked}")
            taken[kind].append((begun, time.monotonic() - begun))
            await asyncio.sleep(chance.random() * 2 * think)


def percentile_interval(seconds: Sequence[float], percent: float) -> tuple[float, float, float]:
    """A percentile with its 95 % bootstrap interval."""
    drawn = np.random.default_rng(SEED)
    values = np.array(seconds)
    found = [np.percentile(drawn.choice(values, len(values)), percent) for _ in range(500)]
    low, high = np.percentile(found, [2.5, 97.5])
    return float(np.percentile(values, percent)), float(low), float(high)


async def measure(
    base: str, warehouse: Path, users: int, seconds: float, think: float
) -> tuple[dict[str, list[float]], list[str]]:
    """Seconds of every answer after the warming, by kind of page, and what went wrong."""
    queries, trials = material(warehouse)
    taken: dict[str, list[tuple[float, float]]] = defaultdict(list)
    errors: list[str] = []
    limits = httpx2.Limits(max_connections=users)
    async with httpx2.AsyncClient(base_url=base, timeout=60, limits=limits) as client:
        for address in ("/search?q=warming", f"/trial?id={trials[0]}"):  # makes the index and the copy
            await client.get(address, timeout=600)
        begun = time.monotonic()
        until = begun + WARMING + seconds
        await asyncio.gather(
            *(user(client, number, until, think, queries, trials, taken, errors) for number in range(users))
        )
    counted = {kind: [took for start, took in all_ if start >= begun + WARMING] for kind, all_ in taken.items()}
    return counted, errors


class Measured(NamedTuple):
    """What a server did under load."""

    seconds: dict[str, list[float]]
    """Of every answer after the warming, by kind of page."""
    errors: list[str]
    memory: list[int]
    """Bytes of the server's memory, sampled alike from the end of the warming on."""
    spent: float
    """Seconds of a core."""


def load(warehouse: Path, users: int, seconds: float, think: float) -> Measured:
    """Start the pages of a warehouse, and have users visit them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["trialpanorama.apps.cli", "serve", "--port", str(port), "--warehouse", str(warehouse)]
    server = subprocess.Popen([sys.executable, "-m", *command])
    memory: list[int] = []
    is_over = threading.Event()

    def watch(process: psutil.Process) -> None:
        while not is_over.wait(MEMORY_EVERY):
            memory.append(process.memory_info().rss)

    try:
        process = psutil.Process(server.pid)
        while server.poll() is None:
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        spent = sum(process.cpu_times()[:2])
        watcher = threading.Thread(target=watch, args=(process,), daemon=True)
        watcher.start()
        counted, errors = asyncio.run(measure(f"http://127.0.0.1:{port}", warehouse, users, seconds, think))
        is_over.set()
        watcher.join()
        used = sum(process.cpu_times()[:2]) - spent
    finally:
        is_over.set()
        server.terminate()
        server.wait(20)
    return Measured(counted, errors, memory, used)


def main() -> None:
    """Start the pages, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--warehouse", type=Path, required=True)
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--think", type=float, default=1.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        warehouse = arguments.warehouse
        if arguments.copies > 1:
            warehouse = multiply(warehouse, arguments.copies, Path(folder) / "warehouse").path
        found = load(warehouse, arguments.users, arguments.seconds, arguments.think)
        trials = Warehouse.open(warehouse).manifest.trials
    print(
        f"{trials:,} trials, {arguments.users} users, {arguments.seconds:g} s, mean pause {arguments.think:g} s, "
        f"{psutil.cpu_count()} cores, load average {psutil.getloadavg()[0]:.1f}"
    )
    for kind, seconds in sorted(found.seconds.items()):
        middle, last = np.percentile(seconds, 50), np.percentile(seconds, 99)
        p95, low, high = percentile_interval(seconds, 95)
        print(
            f"{kind:<7} n {len(seconds):>6,}  p50 {1000 * middle:.0f} ms  p95 {1000 * p95:.0f} ms "
            f"({1000 * low:.0f} to {1000 * high:.0f})  p99 {1000 * last:.0f} ms"
        )
    answered = sum(map(len, found.seconds.values()))
    print(f"{1000 * found.spent / answered:.0f} ms of a core for each page, with the warming")
    print(f"{answered / arguments.seconds:.1f} pages a second; errors {len(found.errors)} {found.errors[:3] or ''}")
    print(
        "memory of the server (MB):",
        " ".join(f"{one / 2**20:.0f}" for one in found.memory[:: len(found.memory) // 10 or 1]),
    )


if __name__ == "__main__":
    main()
