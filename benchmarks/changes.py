"""How long `changes` takes, and how much memory, beside a bare scan of the columns that it compares.

    python benchmarks/changes.py [--trials N] [--versions N] [--changing SHARE] [--rounds N]

A fictional sample is built once and its registrations are copied until there are N trials, each in several versions a
month apart; of each version to the next the given share of trials changes its status, enrolment or criteria. Measures
are taken in turn, each in a process of its own, and the least time of each counts; memory is the most that the process
held, without what it held before.

bare scan     DuckDB adds up one number for each Record, made of all columns that are compared
"""

from __future__ import annotations

import argparse
import multiprocessing
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from trialpanorama import sample
from trialpanorama.build import build
from trialpanorama.changes import NOT_COMPARED, changes
from trialpanorama.record import Record
from trialpanorama.warehouse import Warehouse, fields

SAMPLED = 2_000
"""Trials of the sample that is copied."""


def make(folder: Path, trials: int, versions: int, changing: float) -> Warehouse:
    """A warehouse of so many trials in so many versions, out of copies of a sample."""
    sample.write(folder / "sample", SAMPLED, 1)
    build([folder / "sample" / "registries"], folder / "W")
    warehouse = Warehouse.open(folder / "W")
    con = duckdb.connect()
    con.execute("SET enable_progress_bar = false; SET memory_limit = '2GB'; SET preserve_insertion_order = false")
    con.execute(f"SET temp_directory = '{folder}'")
    con.execute(f"SET file_search_path = '{folder / 'W'}'")
    con.execute(
        """CREATE TABLE one AS SELECT * FROM read_parquet('records/**/*.parquet')
           WHERE coalesce(kind, 'REGISTRATION') = 'REGISTRATION'
           QUALIFY row_number() OVER (PARTITION BY source, register, id ORDER BY record_id) = 1"""
    )
    (registrations,) = con.execute("SELECT count(*) FROM one").fetchall()[0]
    copies = -(-trials // registrations)
    old = [*(folder / "W" / "records").rglob("*.parquet")]
    for version in range(versions):
        # a trial changes in a version if a number made of both says so, and keeps what earlier versions changed
        changed = " + ".join(
            f"(hash(id, copy, {number}) % 1000 < {round(changing * 1000)})::INTEGER" for number in range(1, version + 1)
        )
        con.execute(
            f"""COPY (
                SELECT * EXCLUDE (copy, times) REPLACE (
                    {{'file': 'version-{version}', 'file_sha256': 'version-{version}', 'member': NULL,
                        'format': place.format, 'ordinal': place.ordinal, 'offset': NULL, 'line': place.line,
                        'entry_sha256': place.entry_sha256}} AS place,
                    concat(record_id, '-', copy, '-{version}') AS record_id, concat(id, '-', copy) AS id,
                    {{'date': '2030-{version + 1:02d}-01', 'type': NULL, 'raw': NULL}} AS exported_date,
                    CASE WHEN times % 3 = 1 THEN 'TERMINATED' ELSE status END AS status,
                    coalesce(enrollment_target, 0) + times * 10 AS enrollment_target,
                    concat(inclusion_criteria, CASE WHEN times % 2 = 1 THEN ' Able to walk.' END) AS inclusion_criteria)
                FROM (SELECT *, {changed or "0"} AS times FROM one, (SELECT unnest(range({copies})) AS copy))
            ) TO '{folder / "W" / "records" / f"version-{version}.parquet"}'
            (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 8192)"""
        )
    for path in old:
        path.unlink()
    con.execute("CREATE VIEW records AS SELECT * FROM read_parquet('records/**/*.parquet')")
    for table, select in {
        "trial_records": "SELECT record_id, id AS study_id, 1::BIGINT AS precedence FROM records",
        "studies": "SELECT id AS study_id, any_value(public_title) AS title FROM records GROUP BY id",
        "identifiers": "SELECT DISTINCT id AS study_id, id FROM records",
    }.items():
        con.execute(f"COPY ({select}) TO '{folder / 'W' / 'tables' / table}.parquet' (FORMAT parquet)")
    return warehouse


def bare_scan(warehouse: Warehouse) -> str:
    """Read every compared column of every Record."""
    con = warehouse.connect()
    columns = ", ".join(f'"{field.name}"' for field in fields(Record) if field.name not in NOT_COMPARED)
    (count, _) = con.execute(f"SELECT count(*), bit_xor(hash({columns})) FROM records").fetchall()[0]
    return f"{count:,} records"


def all_changes(warehouse: Warehouse) -> str:
    """All versions, the first fifty trials shown."""
    found = changes(warehouse, "2030", everything=True)
    return f"{sum(found.by_field.values()):,} changes in {found.total:,} trials"


def last_changes(warehouse: Warehouse) -> str:
    """What the newest version changed: what a weekly watch asks."""
    (newest,) = warehouse.connect().execute("SELECT max(exported_date.date) FROM records").fetchall()[0]
    found = changes(warehouse, newest)
    return f"{sum(found.by_field.values()):,} changes in {found.total:,} trials"


def queried_changes(warehouse: Warehouse) -> str:
    """The newest version, of trials about one disease."""
    (newest,) = warehouse.connect().execute("SELECT max(exported_date.date) FROM records").fetchall()[0]
    found = changes(warehouse, newest, query="diabetes insulin")
    return f"{sum(found.by_field.values()):,} changes in {found.total:,} of {found.matching:,} trials"


def whole_list(warehouse: Warehouse) -> str:
    """All versions, every trial with its values."""
    found = changes(warehouse, "2030", everything=True, limit=None)
    return f"{sum(len(trial.steps) for trial in found.trials):,} steps"


def _peak_megabytes() -> float:
    """The most memory that this process held (Linux)."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024 if found else float("nan")


def _measure(measure: Callable[[Warehouse], str], path: Path, queue: Any) -> None:
    warehouse = Warehouse.open(path)
    before = _peak_megabytes()
    begun, cpu = time.perf_counter(), time.process_time()
    said = measure(warehouse)
    seconds = time.perf_counter() - begun, time.process_time() - cpu
    queue.put((said, *seconds, _peak_megabytes() - before))


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--trials", type=int, default=50_000)
    arguments.add_argument("--versions", type=int, default=4)
    arguments.add_argument("--changing", type=float, default=0.1)
    arguments.add_argument("--rounds", type=int, default=3)
    chosen = arguments.parse_args()
    measures = (bare_scan, all_changes, last_changes, queried_changes, whole_list)
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as temporary:
        warehouse = make(Path(temporary), chosen.trials, chosen.versions, chosen.changing)
        size = sum(path.stat().st_size for path in (warehouse.path / "records").rglob("*.parquet"))
        print(f"{chosen.trials:,} FICTIONAL trials in {chosen.versions} versions, {size / 1e6:,.0f} MB of Parquet")
        best: dict[str, tuple[float, float, float, str]] = {}
        for _ in range(chosen.rounds):
            for measure in measures:
                queue = spawn.Queue()
                process = spawn.Process(target=_measure, args=(measure, warehouse.path, queue))
                process.start()
                said, wall, cpu, megabytes = queue.get()
                process.join()
                name = measure.__name__.replace("_", " ")
                wall_before, cpu_before, megabytes_before, _ = best.get(name, (wall, cpu, 0.0, said))
                best[name] = min(wall, wall_before), min(cpu, cpu_before), max(megabytes, megabytes_before), said
    bare_wall, bare_cpu, bare_megabytes, _ = best["bare scan"]
    for name, (wall, cpu, megabytes, said) in best.items():
        print(
            f"  {name:<16} {wall:7.2f} s ({wall / bare_wall:4.1f} x)  {cpu:7.2f} s of CPU ({cpu / bare_cpu:4.1f} x)  "
            f"{megabytes:6,.0f} MB ({megabytes / bare_megabytes:4.1f} x)  {said}"
        )


if __name__ == "__main__":
    main()
