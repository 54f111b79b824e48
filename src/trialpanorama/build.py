"""The stages in their order: read, resolve Records to Trials, link words to concepts, make the tables, publish.

A build works in a staging folder beside the warehouse. What is finished there is kept when a build is killed, and the
next build of the same inputs goes on from it; the warehouse itself changes only at the end, in one step. Building on
more inputs adds them to what the warehouse has: nothing that was read before is lost or read again.
"""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from trialpanorama import engine, ingest, ontologies, sources
from trialpanorama.errors import UserError
from trialpanorama.link import link
from trialpanorama.record import Record, Reject
from trialpanorama.resolve import resolve
from trialpanorama.resolve.overrides import Override, read_overrides
from trialpanorama.tables import TABLES, build_tables
from trialpanorama.warehouse import (
    ColumnMeaning,
    InputFile,
    Manifest,
    SourceCount,
    VocabularyUsed,
    Warehouse,
    arrow_schema,
    check_place,
    fields,
    only_one_build,
    publish,
    snapshot_id,
    staging_folder,
    working_connection,
    write_catalogue,
)

if TYPE_CHECKING:
    import duckdb

STAGES = ("ingest", "resolve", "link", "tables", "publish")


class Progress(msgspec.Struct):
    """How far a build is: shown by the command line, one line a stage or a live bar."""

    stage: str
    """One of STAGES."""
    done: int
    total: int
    unit: str
    """What `done` and `total` count: bytes, tables."""
    records: int = 0
    rejects: int = 0


class _Plan(msgspec.Struct):
    """What a staging folder is being filled for; another plan does not continue it."""

    reader: str
    keep_contacts: bool
    files: list[InputFile]
    vocabularies: list[VocabularyUsed]
    overrides: str


def build(
    inputs: Iterable[Path | str],
    warehouse: Path | str,
    *,
    workers: int | None = None,
    keep_contacts: bool = False,
    replace: bool = False,
    spark_master: str | None = None,
    vocabularies: Path | None = None,
    overrides: Path | None = None,
    progress: Callable[[Progress], None] | None = None,
    warn: Callable[[str], None] = lambda _: None,
) -> Manifest:
    """Read inputs into a warehouse, adding to what it has (or replacing it), and return its manifest.

    Inputs are files or folders of registry data, also zipped or compressed. E-mail addresses and telephone numbers are
    dropped unless `keep_contacts`. Inputs are read by this machine's processes, or by a Spark cluster if its master is
    named; the warehouse is the same. `vocabularies` is the folder of installed terminologies (the user's own if not
    given); a warehouse that was linked with other releases is linked anew. `overrides` is a file of merges that are
    made or undone by hand; the warehouse keeps its copy and goes by it until another is given, and `warn` is told of
    ids in it that no Record has. Raises UserError when inputs do not exist, hold no file, or another build runs.
    """
    target = Path(os.path.realpath(warehouse))  # behind a link: the link stays
    staging = staging_folder(target)
    report = progress or (lambda _: None)
    workers = workers or engine.default_workers()
    with only_one_build(target):
        check_place(target)
        old = None if replace else _existing(target)
        files = ingest.find_inputs([Path(path) for path in inputs], exclude=(target, staging))
        if not files:
            raise UserError("There is no file in the inputs. Give files or folders of registry data.")
        reader = ingest.reader_fingerprint()
        if old is not None and old.keep_contacts != keep_contacts:
            kept = "keeps" if old.keep_contacts else "does not keep"
            raise UserError(
                f"The warehouse at {target} {kept} contacts, this build would not do the same. "
                f"Add {'--keep-contacts' if old.keep_contacts else '--replace'}, or name another --warehouse."
            )
        if old is not None and old.reader != reader:
            files = _with_old_inputs(old, files, target)
            old = None
        new = files if old is None else _not_yet_in(old, files)
        if vocabularies is not None and not vocabularies.is_dir():
            raise UserError(f"There is no folder {vocabularies} of terminologies. See: trialpanorama vocabularies list")
        store = vocabularies or ontologies.default_store()
        used = _vocabularies(store)
        by_hand = overrides if overrides is not None else target / OVERRIDES
        decisions = read_overrides(by_hand) if overrides is not None or by_hand.exists() else []
        text = by_hand.read_text(encoding="utf-8-sig") if decisions else ""
        if old is not None and not new and old.vocabularies == used and _kept_overrides(target) == text:
            return old
        plan = _Plan(reader, keep_contacts, (old.files if old else []) + new, used, text)
        return _Build(target, staging, old, new, plan, decisions, store, workers, spark_master, report, warn).run()


OVERRIDES = "overrides.txt"
"""The copy, in a warehouse, of the decisions that a person made."""


def _kept_overrides(target: Path) -> str:
    kept = target / OVERRIDES
    return kept.read_text(encoding="utf-8") if kept.exists() else ""


def _vocabularies(store: Path) -> list[VocabularyUsed]:
    """The releases that words are linked with: what is installed, and the built-in lexicon for what is not."""
    return [
        VocabularyUsed(
            name=of.name,
            version=of.version,
            concepts=of.concepts,
            is_built_in=of.is_built_in,
            licence=of.licence,
            is_open=of.is_open,
            sha256=[file.sha256 for file in of.inputs],
        )
        for of in ontologies.releases(store)
    ]


def _existing(target: Path) -> Manifest | None:
    if (target / "manifest.json").exists():
        return Warehouse.open(target).manifest
    if target.is_dir() and any(target.iterdir()):
        raise UserError(f"{target} is no whole warehouse: it has no manifest.json. Add --replace to build it anew.")
    return None


def _with_old_inputs(old: Manifest, files: list[InputFile], target: Path) -> list[InputFile]:
    """The old inputs with the new: after an upgrade everything has to be read again."""
    paths = {file.path for file in files}
    gone = [file.path for file in old.files if file.path not in paths and not ingest.stored_path(file).exists()]
    if gone:
        raise UserError(
            f"The warehouse at {target} was built by another version, and {len(gone)} of its inputs are gone "
            f"({gone[0]} ...), so it cannot be brought up to date. Add --replace, or name another --warehouse."
        )
    return [file for file in old.files if file.path not in paths] + files


def _not_yet_in(old: Manifest, files: list[InputFile]) -> list[InputFile]:
    """Files that the warehouse lacks: the same bytes count as the same file, as often as they were given."""
    have = Counter(file.sha256 for file in old.files)
    new = []
    for file in files:
        if have[file.sha256] > 0:
            have[file.sha256] -= 1
        else:
            new.append(file)
    return new


class _Build:
    """One run of the stages; every step can be found done from an earlier run that was killed."""

    def __init__(
        self,
        target: Path,
        staging: Path,
        old: Manifest | None,
        new: list[InputFile],
        plan: _Plan,
        overrides: Sequence[Override],
        store: Path,
        workers: int,
        spark_master: str | None,
        report: Callable[[Progress], None],
        warn: Callable[[str], None],
    ) -> None:
        self.target = target
        self.staging = staging
        self.old = old
        self.new = new
        self.plan = plan
        self.overrides = overrides
        self.store = store
        self.workers = workers
        self.spark_master = spark_master
        self.report = report
        self.warn = warn
        self.seconds: dict[str, float] = {}

    def run(self) -> Manifest:
        units = ingest.plan(self.new, self.staging, self.plan.keep_contacts, self.old.files if self.old else ())
        self._prepare({unit.name for unit in units})
        self._ingest(units)
        counts = self._tables()
        manifest = self._manifest(counts)
        self._publish(manifest)
        return manifest

    def _prepare(self, units: set[str]) -> None:
        """Make the staging folder, or keep of an earlier one what belongs to this build."""
        plan = self.plan
        written = self.staging / "plan.json"
        try:
            earlier = msgspec.json.decode(written.read_bytes(), type=_Plan)
        except (OSError, msgspec.MsgspecError):
            earlier = None
        same_reading = earlier is not None and (earlier.reader, earlier.keep_contacts) == (
            self.plan.reader,
            self.plan.keep_contacts,
        )
        if not same_reading:
            shutil.rmtree(self.staging, ignore_errors=True)
        self.staging.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.staging / "spill", ignore_errors=True)
        if earlier != plan:
            for name in ("stages", "tables", "manifest.json"):
                _remove(self.staging / name)
            written.write_bytes(msgspec.json.encode(plan))
        carried = self._carry_over()
        for path in self.staging.rglob("*"):
            of_a_unit = path.parent.name in ("units", "rejects") or path.parent.parent.name == "records"
            stale = of_a_unit and path.stem not in units and path.stem not in carried
            if path.is_file() and (stale or path.suffix == ".part"):
                path.unlink()
        for unit in units:
            if not ingest.unit_marker(self.staging, unit).exists():
                for path in (*self.staging.glob(f"records/*/{unit}.parquet"), self.staging / f"rejects/{unit}.parquet"):
                    path.unlink(missing_ok=True)

    def _carry_over(self) -> set[str]:
        """Link what the warehouse has into the staging folder; its files are never changed, only linked."""
        if self.old is None:
            return set()
        carried = set()
        for folder in ("units", "records", "rejects"):
            for path in (self.target / folder).rglob("*"):
                if path.is_file():
                    carried.add(path.stem)
                    copy = self.staging / path.relative_to(self.target)
                    if not copy.exists():
                        copy.parent.mkdir(parents=True, exist_ok=True)
                        try:
                            os.link(path, copy)
                        except OSError:
                            shutil.copy2(path, copy)
        return carried

    def _ingest(self, units: list[ingest.Unit]) -> None:
        begun = time.perf_counter()
        sizes = {unit.name: sum(piece.bytes for piece in unit.pieces) or 1 for unit in units}
        counts: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
        progress = Progress("ingest", 0, sum(sizes.values()), "bytes")

        def add(result: ingest.UnitResult) -> None:
            for path, records, rejects in result.counts:
                counts[path] = (counts[path][0] + records, counts[path][1] + rejects)
                progress.records += records
                progress.rejects += rejects
            progress.done += sizes[result.name]
            self.report(progress)

        waiting = []
        for unit in units:
            marker = ingest.unit_marker(self.staging, unit.name)
            if marker.exists():
                add(msgspec.json.decode(marker.read_bytes(), type=ingest.UnitResult))
            else:
                waiting.append(unit)
        self.report(progress)
        # the largest first, so that no worker is left with a large one at the end
        waiting.sort(key=lambda unit: sizes[unit.name], reverse=True)
        if self.spark_master:
            results = engine.run_on_spark(ingest.read_unit, waiting, self.spark_master)
        else:
            results = engine.run(ingest.read_unit, waiting, self.workers)
        for result in results:
            add(result)
        if lost := ingest.changed(self.new):
            raise UserError(
                f"{lost[0].path} changed while it was read. Nothing was added; type the same again once it rests."
            )
        for file in self.new:
            file.records, file.rejects = counts[file.path]
            file.inputs = file.records + file.rejects
        self.seconds["ingest"] = time.perf_counter() - begun

    def _tables(self) -> dict[str, int]:
        """Resolve, link, and make the tables; a stage that was finished before a kill is not done again."""
        counts: dict[str, int] = {}
        folder = self.staging / "tables"
        folder.mkdir(exist_ok=True)
        (self.staging / "stages").mkdir(exist_ok=True)
        connection = working_connection(self.staging, threads=self.workers)
        try:
            connection.execute("CREATE TABLE source_licences (source VARCHAR, is_open BOOLEAN)")
            for source in sources.sources().values():
                connection.execute("INSERT INTO source_licences VALUES (?, ?)", [source.name, source.is_open])
            for stage, function in (("resolve", self._resolve), ("link", self._link), ("tables", build_tables)):
                begun = time.perf_counter()
                self.report(Progress(stage, 0, 1, "stage"))
                marker = self.staging / "stages" / f"{stage}.json"
                if marker.exists():
                    counts |= msgspec.json.decode(marker.read_bytes(), type=dict[str, int])
                else:
                    made = function(connection, folder)
                    counts |= made
                    partial = marker.with_suffix(".part")
                    partial.write_bytes(msgspec.json.encode(made))
                    partial.replace(marker)
                self.report(Progress(stage, 1, 1, "stage"))
                self.seconds[stage] = time.perf_counter() - begun
        finally:
            connection.close()
        return counts

    def _resolve(self, connection: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, int]:
        before = self.target / "tables"
        previous = before if (before / "trial_records.parquet").exists() else None
        return resolve(connection, folder, previous=previous, overrides=self.overrides, warn=self.warn)

    def _link(self, connection: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, int]:
        return link(connection, folder, self.store, self.workers)

    def _manifest(self, made: dict[str, int]) -> Manifest:
        begun = time.perf_counter()
        self.report(Progress("publish", 0, 1, "stage"))
        connection = working_connection(self.staging, threads=self.workers)
        try:
            tables = sorted(
                path.stem for path in (self.staging / "tables").glob("*.parquet") if path.stem != "dictionary"
            )
            for table in tables:
                connection.execute(f"CREATE VIEW \"{table}\" AS SELECT * FROM read_parquet('tables/{table}.parquet')")
            names = [*tables, "records", "rejects"]
            counts = {name: _count(connection, f'SELECT count(*) FROM "{name}"') for name in names}
            dictionary = dictionary_rows(connection, names)
            write_catalogue(self.staging, dictionary, table_meanings())
            return Manifest(
                tool_version=version("trialpanorama"),
                reader=self.plan.reader,
                built=datetime.now(UTC).isoformat(timespec="seconds"),
                snapshot=snapshot_id(connection, [name for name in names if name != "trial_aliases"]),
                inputs=counts["records"] + counts["rejects"],
                records=counts["records"],
                rejects=counts["rejects"],
                trials=counts["studies"],
                is_fictional=_count(connection, "SELECT count(*) FROM records WHERE is_fictional") > 0,
                keep_contacts=self.plan.keep_contacts,
                tables=counts | {"dictionary": len(dictionary)},
                rejects_by_reason=dict(
                    connection.execute("SELECT reason, count(*) FROM rejects GROUP BY 1 ORDER BY 2 DESC, 1").fetchall()
                ),
                sources=_source_counts(connection),
                vocabularies=self.plan.vocabularies,
                files=self.plan.files,
                stage_seconds=self.seconds,
            )
        finally:
            connection.close()
            self.seconds["publish"] = time.perf_counter() - begun

    def _publish(self, manifest: Manifest) -> None:
        if (self.target / "index").is_dir():
            _remove(self.staging / "index")  # of a build that was killed while copying
            shutil.copytree(self.target / "index", self.staging / "index")  # the next search brings it up to date
        for name in ("stages", "spill", "plan.json"):
            _remove(self.staging / name)
        if self.plan.overrides:
            (self.staging / OVERRIDES).write_text(self.plan.overrides, encoding="utf-8")
        for path in self.staging.rglob("none.parquet"):
            if any(other != path for other in (self.staging / path.parent.name).rglob("*.parquet")):
                path.unlink()
        (self.staging / "manifest.json").write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1))
        check_place(self.target)  # what came there meanwhile is not taken away, either
        publish(self.staging, self.target)
        self.report(Progress("publish", 1, 1, "stage"))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _count(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0


def _source_counts(connection: duckdb.DuckDBPyConnection) -> list[SourceCount]:
    rejects = dict(
        connection.execute("SELECT source, count(*) FROM rejects WHERE source IS NOT NULL GROUP BY 1").fetchall()
    )
    registers: dict[str, dict[str, int]] = defaultdict(dict)
    for source, register, count in connection.execute(
        "SELECT source, coalesce(register, 'none'), count(*) FROM records GROUP BY 1, 2 ORDER BY 3 DESC, 2"
    ).fetchall():
        registers[source][register] = count
    newest = dict(
        connection.execute(
            "SELECT source, max(greatest(last_updated_date.date, exported_date.date)) FROM records GROUP BY 1"
        ).fetchall()
    )
    return [
        SourceCount(
            name=source.name,
            title=source.title,
            licence=source.licence,
            is_open=source.is_open,
            records=sum(registers[source.name].values()),
            rejects=rejects.get(source.name, 0),
            registers=registers[source.name],
            newest=newest.get(source.name),
        )
        for source in sources.sources().values()
        if source.name in registers or source.name in rejects
    ]


_STRUCTS: dict[str, type[msgspec.Struct]] = {"records": Record, "rejects": Reject, "dictionary": ColumnMeaning}
"""The tables whose rows are structs."""


def table_meanings() -> dict[str, str]:
    """What one row of each table is."""
    meanings = {name: (struct.__doc__ or "").strip().splitlines()[0] for name, struct in _STRUCTS.items()}
    return meanings | {table.name: table.meaning for table in TABLES}


def dictionary_rows(connection: duckdb.DuckDBPyConnection, names: list[str]) -> list[ColumnMeaning]:
    """What every column of every table means, with the type that it really has."""
    rows: list[ColumnMeaning] = []
    declared = {table.name: table for table in TABLES}
    for name in sorted({*names, "dictionary"}):
        table = declared.get(name)
        if table is not None:
            for position, column in enumerate(table.columns, 1):
                published = column.name in table.published_columns
                rows.append(
                    ColumnMeaning(
                        name,
                        column.name,
                        position,
                        column.type,
                        column.meaning,
                        column.unit,
                        list(column.values),
                        published,
                    )
                )
        elif name in _STRUCTS:
            empty = connection.from_arrow(arrow_schema(_STRUCTS[name]).empty_table())
            types = dict(zip(empty.columns, map(str, empty.types), strict=True))
            for position, field in enumerate(fields(_STRUCTS[name]), 1):
                type_ = types[field.name]
                rows.append(
                    ColumnMeaning(name, field.name, position, type_, field.meaning, field.unit, list(field.values))
                )
    return rows
