"""A build is whole or absent, goes on where it was killed, and gives the same snapshot however it was made."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from trialpanorama import build as building
from trialpanorama import ingest, ontologies, sample, sources
from trialpanorama.build import build
from trialpanorama.errors import UserError
from trialpanorama.link import link
from trialpanorama.resolve import resolve
from trialpanorama.tables import build_tables
from trialpanorama.warehouse import Warehouse, only_one_build, snapshot_id, staging_folder, working_connection

from .test_ingest import articles


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small fictional sample in every format."""
    folder = tmp_path_factory.mktemp("sample")
    sample.write(folder, trials=60, seed=7)
    return folder


@pytest.fixture(scope="module")
def whole(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A warehouse of all of it, built at once by one worker; for reading and copying."""
    folder = tmp_path_factory.mktemp("whole") / "W"
    build([inputs], folder, workers=1)
    return Warehouse.open(folder)


def test_records_and_rejects_are_all_inputs(whole: Warehouse) -> None:
    manifest = whole.manifest
    assert manifest.records > 60
    assert manifest.inputs == manifest.records + manifest.rejects == sum(file.inputs for file in manifest.files)
    assert manifest.is_fictional
    assert "reader_fault" not in manifest.rejects_by_reason


@pytest.mark.slow
def test_the_snapshot_is_the_same_for_any_number_of_workers_and_any_place(
    inputs: Path, whole: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = whole.manifest
    moved = tmp_path / "elsewhere" / inputs.name
    shutil.copytree(inputs, moved)
    monkeypatch.setattr(ingest, "UNIT_BYTES", 60_000)
    two = build([moved], tmp_path / "two", workers=2)
    assert one.snapshot == two.snapshot
    assert one.tables == two.tables


def _shuffled(warehouse: Path, staging: Path, seed: int) -> None:
    """The Records of a warehouse in another order, in other files and row groups."""
    for folder in sorted((warehouse / "records").iterdir()):
        (staging / "records" / folder.name).mkdir(parents=True)
        with duckdb.connect() as con:
            rows = f"SELECT * FROM read_parquet('{folder}/*.parquet')"
            for part in range(2):
                con.execute(
                    f"COPY (FROM ({rows}) WHERE hash(record_id) % 2 = {part} ORDER BY md5(record_id || '{seed}')) "
                    f"TO '{staging}/records/{folder.name}/{seed}{part}.parquet' (ROW_GROUP_SIZE 2048)"
                )
    shutil.copytree(warehouse / "rejects", staging / "rejects")


@pytest.mark.slow
@pytest.mark.parametrize(("threads", "seed"), [(1, 1), (4, 2)])
def test_tables_depend_neither_on_threads_nor_on_the_order_of_records(
    whole: Warehouse, tmp_path: Path, threads: int, seed: int
) -> None:
    _shuffled(whole.path, tmp_path, seed)
    (tmp_path / "tables").mkdir()
    con = working_connection(tmp_path, threads=threads)
    con.execute("CREATE TABLE source_licences (source VARCHAR, is_open BOOLEAN)")
    con.executemany(
        "INSERT INTO source_licences VALUES (?, ?)", [(one.name, one.is_open) for one in sources.sources().values()]
    )
    resolve(con, tmp_path / "tables")
    link(con, tmp_path / "tables", ontologies.default_store())
    build_tables(con, tmp_path / "tables")
    con.close()
    names = [path.stem for path in sorted((tmp_path / "tables").glob("*.parquet"))]
    assert {*names, "records", "rejects", "dictionary"} == {*whole.manifest.tables}
    ids = []
    for folder in (tmp_path, whole.path):
        with duckdb.connect() as con:
            for name in names:
                con.execute(f"CREATE VIEW {name} AS FROM read_parquet('{folder}/tables/{name}.parquet')")
            ids.append({name: snapshot_id(con, [name]) for name in names})
    assert ids[0] == ids[1]


@pytest.mark.slow
def test_building_on_more_inputs_adds_and_loses_nothing(inputs: Path, whole: Warehouse, tmp_path: Path) -> None:
    first = inputs / "pubmed"
    build([first], tmp_path / "W", workers=1)
    before = Warehouse.open(tmp_path / "W").query("SELECT record_id FROM records").column(0).to_pylist()
    grown = build([inputs], tmp_path / "W", workers=1)
    after = Warehouse.open(tmp_path / "W").query("SELECT record_id FROM records").column(0).to_pylist()
    assert set(before) < set(after)
    assert len(after) == len(set(after)) == grown.records
    assert whole.snapshot == grown.snapshot


def test_the_same_inputs_again_change_nothing(inputs: Path, tmp_path: Path) -> None:
    first = build([inputs / "pubmed"], tmp_path / "W", workers=1)
    again = build([inputs / "pubmed"], tmp_path / "W", workers=1)
    assert again.built == first.built


@pytest.mark.slow
def test_replace_starts_anew(whole: Warehouse, tmp_path: Path) -> None:
    shutil.copytree(whole.path, tmp_path / "W")
    (tmp_path / "set.xml").write_bytes(articles(99000001))
    manifest = build([tmp_path / "set.xml"], tmp_path / "W", workers=1, replace=True)
    assert manifest.inputs == 1


@pytest.mark.slow
def test_contacts_are_not_kept_unless_asked(inputs: Path, whole: Warehouse, tmp_path: Path) -> None:
    shutil.copytree(whole.path, tmp_path / "without")
    build([inputs], tmp_path / "with", workers=1, keep_contacts=True)
    assert _count_contacts(tmp_path / "without") == 0
    assert _count_contacts(tmp_path / "with") > 0
    with pytest.raises(UserError, match="contacts"):
        build([inputs], tmp_path / "without", workers=1, keep_contacts=True)


def _count_contacts(warehouse: Path) -> int:
    """Cells of any text column of any table that hold the sample's reserved addresses and numbers."""
    opened = Warehouse.open(warehouse)
    connection = opened.connect()
    found = 0
    for table in opened.table_names():
        row = connection.execute(
            f"""SELECT count(*) FROM (SELECT to_json(t)::VARCHAR AS text FROM "{table}" t)
                WHERE regexp_matches(text, '[A-Za-z0-9._-]+@[A-Za-z0-9-]+[.][a-z]+')
                   OR regexp_matches(text, '202[ -.]?555[ -.]?01[0-9][0-9]|20 7946 0[0-9][0-9][0-9]')"""
        ).fetchone()
        found += row[0] if row else 0
    return found


def test_terminologies_that_are_named_have_to_be_there(tmp_path: Path) -> None:
    (tmp_path / "set.xml").write_bytes(articles(99000001))
    with pytest.raises(UserError, match=r"no folder .*nowhere"):
        build([tmp_path / "set.xml"], tmp_path / "W", vocabularies=tmp_path / "nowhere")


def test_no_file_at_all_is_said(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(UserError, match="no file"):
        build([tmp_path / "in"], tmp_path / "W")


def test_the_warehouse_is_never_its_own_input(inputs: Path, tmp_path: Path) -> None:
    shutil.copytree(inputs / "pubmed", tmp_path / "pubmed")
    first = build([tmp_path], tmp_path / "W", workers=1)
    again = build([tmp_path], tmp_path / "W", workers=1)
    assert again.inputs == first.inputs


@pytest.mark.parametrize("replace", [False, True])
def test_what_is_no_warehouse_is_never_replaced(inputs: Path, tmp_path: Path, replace: bool) -> None:
    (tmp_path / "mine").mkdir()
    thesis = tmp_path / "mine" / "thesis.txt"
    for content in ("", "{}"):
        thesis.write_text("mine")
        (tmp_path / "mine" / "manifest.json").write_text(content)  # many programs have one
        for place in (thesis, tmp_path / "mine"):
            with pytest.raises(UserError, match=r"Name .*folder: --warehouse"):
                build([inputs], place, replace=replace)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".lock") == [
        "manifest.json",
        "thesis.txt",
    ]


def test_what_came_into_a_warehouse_during_its_build_is_not_taken_away(
    whole: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(whole.path, tmp_path / "W")
    (tmp_path / "more.txt").write_text("more")
    for stage in ("_ingest", "_tables", "_manifest"):
        monkeypatch.setattr(building._Build, stage, lambda *_: (tmp_path / "W" / "notes.txt").write_text("mine"))
    with pytest.raises(UserError, match=r"notes\.txt"):
        build([tmp_path / "more.txt"], tmp_path / "W")
    assert Warehouse.open(tmp_path / "W").snapshot == whole.snapshot
    assert (tmp_path / "W" / "notes.txt").read_text() == "mine"


def test_an_input_that_changes_while_it_is_read_ends_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "set.xml").write_bytes(articles(99000001))
    read = ingest.read_unit

    def change_and_read(unit: ingest.Unit) -> ingest.UnitResult:
        (tmp_path / "set.xml").write_bytes(articles(99000001, 99000002))
        return read(unit)

    monkeypatch.setattr(ingest, "read_unit", change_and_read)
    with pytest.raises(UserError, match=r"set\.xml changed while it was read"):
        build([tmp_path / "set.xml"], tmp_path / "W", workers=1)
    assert not (tmp_path / "W").exists()


def test_half_a_warehouse_is_only_replaced_when_that_is_asked(inputs: Path, tmp_path: Path) -> None:
    (tmp_path / "W" / "records").mkdir(parents=True)
    with pytest.raises(UserError, match="--replace"):
        build([inputs], tmp_path / "W")


def test_a_link_to_a_warehouse_stays_a_link(whole: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    shutil.copytree(whole.path, tmp_path / "disk" / "W")
    (tmp_path / "W").symlink_to(tmp_path / "disk" / "W")
    staging = staging_folder(tmp_path / "W")
    assert staging == staging_folder(tmp_path / "disk" / "W")
    with only_one_build(tmp_path / "W"), pytest.raises(UserError, match="Another build"):
        build([tmp_path], tmp_path / "disk" / "W")


_SCRIPT = """
import sys
from trialpanorama.build import build
from trialpanorama import ingest
ingest.UNIT_BYTES = 30_000
if __name__ == "__main__":
    print(build(sys.argv[2:], sys.argv[1], workers=2).snapshot)
"""


def _killed_builds(inputs: Path, folder: Path, times: int) -> None:
    """Kill builds at random moments; the old warehouse stays readable, the next build ends as an undisturbed one."""
    script = folder / "run.py"
    script.write_text(_SCRIPT)
    old = build([inputs / "pubmed"], folder / "W", workers=1)
    shutil.copytree(folder / "W", folder / "old")
    command = [sys.executable, str(script)]
    begun = time.perf_counter()
    undisturbed = subprocess.run(
        [*command, str(folder / "V"), str(inputs / "pubmed"), str(inputs)], check=True, capture_output=True, text=True
    ).stdout.strip()
    duration = time.perf_counter() - begun
    chance = random.Random(5)
    killed = attempts = 0
    while killed < times:
        attempts += 1
        assert attempts < 10 * times, "most builds end before they can be killed"
        process = subprocess.Popen(
            [*command, str(folder / "W"), str(inputs)], stdout=subprocess.PIPE, start_new_session=True
        )
        try:
            process.wait(chance.uniform(0.1, 1.0) * duration)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed += 1
        assert Warehouse.open(folder / "W").snapshot in (old.snapshot, undisturbed)
        assert Warehouse.open(folder / "W").query("SELECT count(*) FROM records").column(0)[0].as_py() > 0
        if Warehouse.open(folder / "W").snapshot == undisturbed:  # it came to its end: begin anew
            shutil.rmtree(folder / "W")
            shutil.copytree(folder / "old", folder / "W")
    assert build([inputs], folder / "W", workers=1).snapshot == undisturbed
    assert not staging_folder(folder / "W").exists()


@pytest.mark.slow
def test_a_killed_build_is_resumed(inputs: Path, whole: Warehouse, tmp_path: Path) -> None:
    """Killed while it reads, and while it makes tables; the moments are told by what is done, not by a clock."""
    script, staging = tmp_path / "run.py", staging_folder(tmp_path / "W")
    script.write_text(_SCRIPT)
    old = build([inputs / "pubmed"], tmp_path / "W", workers=1)
    for done, times in (("units/*", 3), ("stages/resolve.json", 1)):
        process = subprocess.Popen(
            [sys.executable, str(script), str(tmp_path / "W"), str(inputs)],
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        while process.poll() is None and len(list(staging.glob(done))) < times:
            time.sleep(0.005)
        assert process.poll() is None, "the build ended before it could be killed"
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert Warehouse.open(tmp_path / "W").snapshot == old.snapshot
    resumed = build([inputs], tmp_path / "W", workers=1)
    assert resumed.snapshot == whole.snapshot
    assert not staging.exists()


@pytest.mark.verify
def test_twenty_killed_builds(inputs: Path, tmp_path: Path) -> None:
    _killed_builds(inputs, tmp_path, times=int(os.environ.get("TRIALPANORAMA_KILLS", "20")))


@pytest.mark.verify
def test_a_cluster_makes_the_same_warehouse(inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyspark", reason="the cluster needs pyspark: pip install 'trialpanorama[spark]'")
    if shutil.which("java") is None:
        pytest.skip("the cluster needs Java")
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    monkeypatch.setattr(ingest, "UNIT_BYTES", 100_000)
    local = build([inputs], tmp_path / "local", workers=1)
    cluster = build([inputs], tmp_path / "cluster", spark_master="local-cluster[2,1,1024]")
    assert cluster.snapshot == local.snapshot
    assert cluster.tables == local.tables
