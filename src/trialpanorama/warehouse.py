"""Tables on disk: a folder of Parquet files with a DuckDB catalogue over them, and a manifest of what is in it.

    records/SOURCE/*.parquet   what each source says, one row per Record
    tables/*.parquet           Trials and everything linked to them
    rejects/*.parquet          inputs that could not be read
    warehouse.duckdb           views over all of these, with the meaning of every column
    manifest.json              inputs (hash, size, date), counts, tool version, snapshot id

A warehouse is never changed in place: a build fills a staging folder, and `publish` exchanges it for the old one in
one step of the file system. The Parquet and SQL schemas are rendered from `trialpanorama.record`.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import re
import shutil
import threading
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from trialpanorama.errors import UnknownName, UserError
from trialpanorama.record import Record, Reject

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

ExportFormat = Literal["parquet", "csv", "sqlite", "hf"]
DEFAULT_FOLDER = "warehouse"
ENVIRONMENT_VARIABLE = "TRIALPANORAMA_WAREHOUSE"


# --- columns rendered from structs


class FieldMeaning(msgspec.Struct, frozen=True):
    """What is known about one field of a struct: the data dictionary's row."""

    name: str
    annotation: Any
    """The Python type without its Annotated wrapper."""
    meaning: str
    unit: str | None = None
    values: tuple[str, ...] = ()


@cache
def fields(struct: type[msgspec.Struct]) -> tuple[FieldMeaning, ...]:
    """The fields of a struct in order, with meaning, unit and allowed values as its annotations say."""
    found = []
    for name, hint in typing.get_type_hints(struct, include_extras=True).items():
        meaning, unit, values = "", None, tuple[str, ...]()
        if typing.get_origin(hint) is Annotated:
            hint, *extras = typing.get_args(hint)
            for meta in extras:
                if isinstance(meta, msgspec.Meta):
                    meaning = meta.description or meaning
                    unit = (meta.extra or {}).get("unit")
                    values = tuple((meta.extra or {}).get("values", ()))
        found.append(FieldMeaning(name, hint, meaning, unit, values or _literal_values(hint)))
    return tuple(found)


def _literal_values(hint: Any) -> tuple[str, ...]:
    if typing.get_origin(hint) is Literal:
        return tuple(typing.get_args(hint))
    for argument in typing.get_args(hint):
        if values := _literal_values(argument):
            return values
    return ()


def arrow_type(hint: Any) -> pa.DataType:
    """The Arrow type of a Python annotation as the structs of `record` use them."""
    import pyarrow as pa

    origin = typing.get_origin(hint)
    if origin is Annotated:
        return arrow_type(typing.get_args(hint)[0])
    if origin in (typing.Union, types.UnionType):
        return arrow_type(next(a for a in typing.get_args(hint) if a is not type(None)))
    if origin is list:
        return pa.list_(arrow_type(typing.get_args(hint)[0]))
    if origin is Literal or hint is str:
        return pa.string()
    plain = {int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    return plain[hint] if hint in plain else pa.struct(list(arrow_schema(hint)))


@cache
def arrow_schema(struct: type[msgspec.Struct]) -> pa.Schema:
    """The Arrow (and so Parquet) schema of a struct; each field's meaning is its `comment` metadata."""
    import pyarrow as pa

    return pa.schema(
        [pa.field(f.name, arrow_type(f.annotation), metadata={"comment": f.meaning}) for f in fields(struct)]
    )


def lines_table(struct: type[msgspec.Struct], lines: bytes) -> pa.Table:
    """Rows of a struct, given as JSON (one object a line), as an Arrow table."""
    import pyarrow as pa
    import pyarrow.json

    schema = arrow_schema(struct)
    if not lines:
        return schema.empty_table()
    return pyarrow.json.read_json(
        pa.BufferReader(lines),
        read_options=pyarrow.json.ReadOptions(use_threads=False, block_size=len(lines) + 1),
        parse_options=pyarrow.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error"),
    ).cast(schema)


def records_table(records: Sequence[Record]) -> pa.Table:
    """Records as an Arrow table."""
    return lines_table(Record, msgspec.json.Encoder().encode_lines(records))


# --- the manifest


class InputFile(msgspec.Struct, kw_only=True):
    """One input file of a warehouse, and what came of it."""

    file: str
    """As given to `build`, or its path below a folder given there."""
    path: str
    """Where it lay when it was read."""
    sha256: str
    bytes: int
    modified: str
    """Date and time of the file's last change, ISO 8601, UTC."""
    inputs: int = 0
    records: int = 0
    rejects: int = 0


class SourceCount(msgspec.Struct, kw_only=True):
    """What a warehouse holds from one source."""

    name: str
    title: str
    licence: str
    is_open: bool
    records: int
    rejects: int
    registers: dict[str, int]
    """Records by the register of their id."""
    newest: str | None = None
    """The latest date of update or export among its records, ISO 8601."""


class VocabularyUsed(msgspec.Struct, frozen=True, kw_only=True):
    """A release of a terminology that words were linked with."""

    name: str
    version: str
    concepts: int
    is_built_in: bool
    """Whether it came with the package, and not from a copy that the user installed."""
    licence: str
    is_open: bool
    sha256: list[str]
    """Of the files that it was read from."""


class Manifest(msgspec.Struct, kw_only=True):
    """What a warehouse was made of, by what, and how much is in it."""

    tool_version: str
    reader: str
    """Fingerprint of the readers and the Record's schema; inputs are read again when it changes."""
    built: str
    """When the build ended, ISO 8601, UTC."""
    snapshot: str
    """Hash of the canonical content of all tables: the same for the same inputs, whatever machine or worker count."""
    inputs: int
    records: int
    rejects: int
    trials: int
    is_fictional: bool
    keep_contacts: bool
    tables: dict[str, int]
    """Rows of each table."""
    rejects_by_reason: dict[str, int]
    sources: list[SourceCount]
    vocabularies: list[VocabularyUsed] = []
    """What words were linked with; empty in a warehouse of an older version."""
    files: list[InputFile]
    stage_seconds: dict[str, float]


# --- opening and reading


def find_warehouse(option: str | os.PathLike[str] | None = None) -> Path:
    """The folder of the warehouse: the option, else $TRIALPANORAMA_WAREHOUSE, else ./warehouse."""
    return Path(option or os.environ.get(ENVIRONMENT_VARIABLE) or DEFAULT_FOLDER)


class Warehouse:
    """A finished warehouse, to be read; nothing here can change it."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest

    @classmethod
    def open(cls, path: str | os.PathLike[str] | None = None) -> Warehouse:
        """Open the warehouse at this place (or where `find_warehouse` looks); raises UserError if there is none."""
        folder = find_warehouse(path)
        _recover(folder)
        try:
            content = (folder / "manifest.json").read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            raise UserError(
                f"There is no warehouse at {folder}. Make one: trialpanorama build INPUT... --warehouse {folder}"
            ) from None
        try:
            manifest = msgspec.json.decode(content, type=Manifest)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise UserError(
                f"{folder / 'manifest.json'} is not a manifest of this version ({error}). "
                f"Build it anew: trialpanorama build INPUT... --warehouse {folder} --replace"
            ) from None
        parts = [f"tables/{table}.parquet" for table in manifest.tables.keys() - {"records", "rejects"}]
        lost = [part for part in ("warehouse.duckdb", "records", *sorted(parts)) if not (folder / part).exists()]
        if lost:
            raise UserError(
                f"The warehouse at {folder} is damaged: it has no {lost[0]}. "
                f"Build it anew: trialpanorama build INPUT... --warehouse {folder} --replace"
            )
        return cls(folder, manifest)

    @property
    def snapshot(self) -> str:
        """The citable id of this warehouse's content."""
        return self.manifest.snapshot

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A read-only DuckDB connection for code that is trusted; the tables are its views."""
        import duckdb

        place = self.path / "warehouse.duckdb"
        try:
            connection = duckdb.connect(str(place), read_only=True)
        except duckdb.Error as error:
            raise UserError(f"{place} cannot be opened: {str(error).splitlines()[0]}") from None
        look_in(connection, self.path)
        connection.execute("SET enable_progress_bar = false")
        return connection

    def table_names(self) -> list[str]:
        """The names of all tables, in alphabetical order."""
        return sorted(self.manifest.tables)

    def query(
        self,
        sql: str,
        *,
        seconds: float = 60,
        memory_mb: int = 1024,
        max_rows: int | None = None,
        max_result_mb: int = 512,
    ) -> pa.Table:
        """Answer one SELECT of someone who is not trusted: no file or network access, time and memory bounded.

        Raises UserError when the query is not a single SELECT, is wrong, or meets a bound.
        """
        import duckdb
        import pyarrow as pa

        # a fenced connection opens absolute paths only; the catalogue's are relative, so that it can be moved
        connection = duckdb.connect()
        folder = f"{self.path.resolve()}/"
        pattern = re.sub(r"([\[*?])", r"[\1]", folder)
        _create_views(connection, self.path, pattern)
        timer = threading.Timer(seconds, connection.interrupt)
        try:
            _fence(connection, sorted({folder, pattern}), memory_mb)
            try:
                statements = connection.extract_statements(sql)
            except duckdb.Error as error:
                raise UserError(_sql_message(error)) from None
            is_pragma = sql.lstrip().lower().startswith("pragma")  # which DuckDB 1.4 reads as a SELECT
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT or is_pragma:
                raise UserError(
                    "A query is one SELECT statement: the warehouse is read-only. See: trialpanorama query --help"
                )
            timer.start()
            try:
                reader = connection.sql(statements[0].query).arrow(10_000)
                batches, rows, size = [], 0, 0
                for batch in reader:
                    batches.append(batch)
                    rows, size = rows + batch.num_rows, size + batch.nbytes
                    if max_rows is not None and rows >= max_rows:
                        break
                    if size > max_result_mb * 2**20:
                        raise UserError(
                            f"The result is larger than {max_result_mb} MB. Add a LIMIT, or name fewer columns."
                        )
            except duckdb.InterruptException:
                raise UserError(
                    f"The query took more than {seconds:g} s and was stopped. Raise the limit: --seconds N"
                ) from None
            except duckdb.OutOfMemoryException:
                raise UserError(
                    f"The query needs more than {memory_mb} MB of memory. Raise the limit: --memory-mb N"
                ) from None
            except duckdb.Error as error:
                raise UserError(_sql_message(error)) from None
            table = pa.Table.from_batches(batches, schema=reader.schema)
            return table.slice(0, max_rows) if max_rows is not None else table
        finally:
            timer.cancel()
            connection.close()

    def export(
        self,
        format: ExportFormat,
        directory: Path,
        *,
        include_restricted: bool = False,
        progress: Callable[[str, int], None] | None = None,
    ) -> dict[str, int]:
        """Write the tables into a new or empty folder; returns the rows of each.

        Rows of sources whose terms do not allow passing them on are left out unless `include_restricted`. `hf` writes
        the eleven tables of the published TrialPanorama database under their published names and columns, with a
        dataset card, as `datasets.load_dataset(directory, table)` reads them.
        """
        if format not in typing.get_args(ExportFormat):
            raise UnknownName("export format", format, typing.get_args(ExportFormat))
        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            raise UserError(f"{directory} exists and is not an empty folder. Name a new one.")
        directory.mkdir(parents=True, exist_ok=True)
        connection = self.connect()
        counts: dict[str, int] = {}
        try:
            writer = _SqliteWriter(directory / "trialpanorama.sqlite") if format == "sqlite" else None
            for table, columns in self._export_columns(connection, published_only=format == "hf").items():
                where = "" if include_restricted else self._open_rows(connection, table)
                chosen = ", ".join(f'"{column}"' for column in columns)
                select = f'SELECT {chosen} FROM "{table}"{where}'
                if format in ("parquet", "hf"):
                    folder = directory / table if format == "hf" else directory
                    folder.mkdir(exist_ok=True)
                    target = sql_text(f"{folder / table}.parquet")
                    connection.execute(f"COPY ({select}) TO {target} (FORMAT parquet, COMPRESSION zstd)")
                elif format == "csv":
                    flat = ", ".join(_flat(name, type_) for name, type_ in _types(connection, select))
                    target = sql_text(f"{directory / table}.csv")
                    connection.execute(f"COPY (SELECT {flat} FROM ({select})) TO {target} (FORMAT csv, HEADER)")
                elif writer is not None:
                    writer.write(connection, table, select)
                row = connection.execute(f"SELECT count(*) FROM ({select})").fetchone()
                counts[table] = int(row[0]) if row else 0
                if progress:
                    progress(table, counts[table])
            if writer is not None:
                writer.close()
        finally:
            connection.close()
        if format == "hf":
            (directory / "README.md").write_text(self._dataset_card(counts), encoding="utf-8")
        return counts

    def _export_columns(self, connection: duckdb.DuckDBPyConnection, published_only: bool) -> dict[str, list[str]]:
        rows = connection.execute(
            "SELECT table_name, column_name FROM dictionary WHERE is_published OR NOT $only "
            "ORDER BY table_name, position",
            {"only": published_only},
        ).fetchall()
        columns: dict[str, list[str]] = {}
        for table, column in rows:
            columns.setdefault(table, []).append(column)
        return columns

    def _open_rows(self, connection: duckdb.DuckDBPyConnection, table: str) -> str:
        names = {name for name, _ in _types(connection, f'SELECT * FROM "{table}"')}
        if "is_open" in names:
            return " WHERE is_open"
        if "source" in names:
            closed = [source.name for source in self.manifest.sources if not source.is_open]
            listed = ", ".join(f"'{name}'" for name in closed)
            return f" WHERE source IS NULL OR source NOT IN ({listed})" if closed else ""
        return ""

    def _dataset_card(self, counts: Mapping[str, int]) -> str:
        fictional = "Every trial in it is FICTIONAL.\n\n" if self.manifest.is_fictional else ""
        configs = "\n".join(
            f"  - config_name: {table}\n    data_files:\n      - split: all\n        path: {table}/{table}.parquet"
            for table in counts
        )
        rows = "\n".join(f"| {table} | {count} |" for table, count in counts.items())
        return (
            f"---\npretty_name: TrialPanorama tables\nconfigs:\n{configs}\n---\n\n# TrialPanorama tables\n\n{fictional}"
            f"Snapshot `{self.snapshot}`, tables and columns as in the published TrialPanorama database "
            f"(arXiv 2505.16097).\n\n| table | rows |\n| --- | --- |\n{rows}\n"
        )


def look_in(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Have the views of a connection, whose paths are relative, read in this folder."""
    connection.execute("SET file_search_path = ?", [_search_path(folder)])


def _search_path(folder: Path) -> str:
    place = str(folder.resolve())
    if "," in place:
        raise UserError(f"{place} has a comma in it, at which DuckDB ends a path. Name another: --warehouse DIR")
    return place


def _fence(connection: duckdb.DuckDBPyConnection, folders: Sequence[str], memory_mb: int) -> None:
    """Take everything away from a connection that a query has no need for."""
    connection.execute(f"SET memory_limit = '{memory_mb}MB'")
    connection.execute("SET temp_directory = ''")
    connection.execute("SET allowed_directories = ?", [folders])
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _sql_message(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    said = " ".join(lines[:2])
    return f"{said}{'' if said.endswith(('.', '!', '?')) else '.'} Tables and columns: trialpanorama dictionary"


def _types(connection: duckdb.DuckDBPyConnection, select: str) -> list[tuple[str, str]]:
    return [(row[0], row[1]) for row in connection.execute(f"DESCRIBE {select}").fetchall()]


def _flat(name: str, type_: str) -> str:
    nested = type_.endswith("[]") or type_.startswith(("STRUCT", "MAP"))
    return f'to_json("{name}") AS "{name}"' if nested else f'"{name}"'


class _SqliteWriter:
    """Writes tables into a SQLite file; lists and structs become JSON text, dates ISO text."""

    def __init__(self, path: Path) -> None:
        import sqlite3

        self._sqlite = sqlite3.connect(path)

    def write(self, connection: duckdb.DuckDBPyConnection, table: str, select: str) -> None:
        kinds = {"BIGINT": "INTEGER", "INTEGER": "INTEGER", "BOOLEAN": "INTEGER", "DOUBLE": "REAL", "FLOAT": "REAL"}
        columns = _types(connection, select)
        flat = ", ".join(
            f'CAST("{name}" AS VARCHAR) AS "{name}"' if type_ in ("DATE", "TIMESTAMP") else _flat(name, type_)
            for name, type_ in columns
        )
        declared = ", ".join(f'"{name}" {kinds.get(type_, "TEXT")}' for name, type_ in columns)
        self._sqlite.execute(f'CREATE TABLE "{table}" ({declared})')
        marks = ", ".join("?" * len(columns))
        cursor = connection.execute(f"SELECT {flat} FROM ({select})")
        while rows := cursor.fetchmany(5_000):
            self._sqlite.executemany(f'INSERT INTO "{table}" VALUES ({marks})', rows)
        self._sqlite.commit()

    def close(self) -> None:
        self._sqlite.close()


# --- making one


class ColumnMeaning(msgspec.Struct, frozen=True):
    """A row of the `dictionary` table: one column of one table, as a user should read it."""

    table_name: Annotated[str, msgspec.Meta(description="Table")]
    column_name: Annotated[str, msgspec.Meta(description="Column")]
    position: Annotated[int, msgspec.Meta(description="Place of the column in its table, from 1")]
    type: Annotated[str, msgspec.Meta(description="SQL type")]
    meaning: Annotated[str, msgspec.Meta(description="What a value means")]
    unit: Annotated[str | None, msgspec.Meta(description="Unit of the values")] = None
    allowed_values: Annotated[list[str], msgspec.Meta(description="All values that can occur")] = []
    is_published: Annotated[bool, msgspec.Meta(description="A column of the published TrialPanorama database")] = False


def write_parquet(table: pa.Table, path: Path) -> None:
    """Write a Parquet file so that it is either whole or absent."""
    import pyarrow.parquet

    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    pyarrow.parquet.write_table(table, partial, compression="zstd")
    partial.replace(path)


def working_connection(folder: Path, memory_mb: int = 900, threads: int | None = None) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection for building, with `records` and `rejects`; its memory is bounded, it spills to disk."""
    import duckdb

    spill = folder / "spill"
    spill.mkdir(exist_ok=True)
    connection = duckdb.connect()
    connection.execute(f"SET memory_limit = '{memory_mb}MB'")
    connection.execute("SET temp_directory = ?", [str(spill)])
    connection.execute("SET parquet_metadata_cache = true")  # else each statement parses the footers of all records
    if threads:
        connection.execute(f"SET threads = {threads}")
    look_in(connection, folder)
    for name, struct in (("records", Record), ("rejects", Reject)):
        if not any((folder / name).rglob("*.parquet")):
            write_parquet(arrow_schema(struct).empty_table(), folder / name / "none.parquet")
        connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{name}/**/*.parquet')")
    return connection


def write_catalogue(folder: Path, dictionary: Sequence[ColumnMeaning], table_meanings: Mapping[str, str]) -> None:
    """Write warehouse.duckdb: a view over each table's Parquet, with the meanings as comments."""
    import duckdb

    write_parquet(
        lines_table(ColumnMeaning, msgspec.json.Encoder().encode_lines(dictionary)),
        folder / "tables" / "dictionary.parquet",
    )
    path = folder / "warehouse.duckdb"
    path.unlink(missing_ok=True)
    connection = duckdb.connect(str(path))
    try:
        look_in(connection, folder)
        names = _create_views(connection, folder, "")
        for name in names & table_meanings.keys():
            connection.execute(f'COMMENT ON VIEW "{name}" IS {sql_text(table_meanings[name])}')
        for column in dictionary:
            if column.table_name in names:
                with contextlib.suppress(
                    duckdb.Error
                ):  # comments are a courtesy; the dictionary table has the same text
                    connection.execute(
                        f'COMMENT ON COLUMN "{column.table_name}"."{column.column_name}" IS {sql_text(column.meaning)}'
                    )
    finally:
        connection.close()


def _create_views(connection: duckdb.DuckDBPyConnection, folder: Path, prefix: str) -> set[str]:
    """Create a view over each table's Parquet files, opened with this prefix; returns their names."""
    places = {"records": "records/**/*.parquet", "rejects": "rejects/**/*.parquet"}
    places |= {file.stem: f"tables/{file.name}" for file in sorted((folder / "tables").glob("*.parquet"))}
    for name, place in places.items():
        connection.execute(f'CREATE VIEW "{name}" AS SELECT * FROM read_parquet({sql_text(prefix + place)})')
    return set(places)


def sql_text(value: object) -> str:
    """A text or a path between the quotes that SQL wants around it."""
    return "'" + str(value).replace("'", "''") + "'"


def snapshot_id(connection: duckdb.DuckDBPyConnection, tables: Sequence[str]) -> str:
    """Hash of the canonical content of tables: each row's text hashed, the hashes added up, whatever the rows' order.

    `records` stands with its rows' own `content_sha256`, which leaves out where the file lay.
    """
    digest = hashlib.sha256()
    for table in sorted(tables):
        row_text = {
            "records": "content_sha256",
            "rejects": "to_json({'source': source, 'reason': reason, 'place': [place.member, place.ordinal::VARCHAR, "
            "place.file_sha256, place.entry_sha256]})::VARCHAR",
        }.get(table, "to_json(t)::VARCHAR")
        sums = connection.execute(
            f"""SELECT count(*), sum(md5_number_lower(text)::HUGEINT), sum(md5_number_upper(text)::HUGEINT)
                FROM (SELECT {row_text} AS text FROM "{table}" t)"""
        ).fetchone()
        digest.update(f"{table}:{sums}\n".encode())
    return digest.hexdigest()[:16]


# --- exchanging folders


_PARTS = {"records", "rejects", "tables", "units", "tasks", "index", "index.lock", "overrides.txt"}
_PARTS |= {"manifest.json", "warehouse.duckdb"}
"""What lies in a warehouse: what builds write, what search and `tasks build` add to it."""


def check_place(target: Path) -> None:
    """Raise UserError where no warehouse can be, or where anything else lies: a build would take that away."""
    _search_path(target)
    try:
        foreign = sorted(path.name for path in target.iterdir() if path.name not in _PARTS and path.name != ".DS_Store")
    except FileNotFoundError:
        return
    except NotADirectoryError:
        raise UserError(f"{target} is a file. Name a folder: --warehouse DIR") from None
    if foreign:
        named = ", ".join(foreign[:3]) + (" ..." if len(foreign) > 3 else "")
        raise UserError(
            f"{target} holds what belongs to no warehouse ({named}), and a build would replace all of it. "
            "Name another folder: --warehouse DIR"
        )


def _beside(target: Path, ending: str) -> Path:
    """A hidden folder beside the warehouse itself, not beside a link to it, so that it is on the same file system."""
    real = Path(os.path.realpath(target))
    return real.parent / f".{real.name}.{ending}"


def staging_folder(target: Path) -> Path:
    """Where a build of this warehouse works."""
    return _beside(target, "building")


def publish(staging: Path, target: Path) -> None:
    """Put a finished staging folder in the warehouse's place; at every moment there is a whole one.

    Linux exchanges two folders in one step (renameat2). Elsewhere the old folder is renamed first, and a reader that
    comes between the two renames puts it back.
    """
    for path in sorted(staging.rglob("*"), reverse=True):
        if path.is_file():
            _flush(path)
    if not target.exists():
        staging.rename(target)
        return
    previous = _beside(target, "previous")
    shutil.rmtree(previous, ignore_errors=True)
    if _exchange(staging, target):
        staging.rename(previous)
    else:
        target.rename(previous)
        staging.rename(target)
    shutil.rmtree(previous, ignore_errors=True)


def _recover(target: Path) -> None:
    previous = _beside(target, "previous")
    if not target.exists() and (previous / "manifest.json").exists():
        with contextlib.suppress(OSError):  # another reader was quicker
            previous.rename(target)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _exchange(one: Path, other: Path) -> bool:
    at_working_directory, exchange_flag = -100, 2
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return False
    arguments = (at_working_directory, os.fsencode(one), at_working_directory, os.fsencode(other), exchange_flag)
    return bool(renameat2(*arguments) == 0)


@contextlib.contextmanager
def only_one_build(target: Path) -> Iterator[None]:
    """Hold the build lock of a warehouse; raises UserError if another build holds it. It ends with the process."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with _beside(target, "lock").open("w") as lock:
        try:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:
            pass
        except OSError:
            raise UserError(
                f"Another build of {target} is running. Wait for it, or name another --warehouse."
            ) from None
        yield
