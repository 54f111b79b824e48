"""What the code says about itself, as facts and as pages of docs/: dictionary, sources, tasks, commands.

Each fact is written once, beside the code that it is about; `make docs` renders them (`python -m
trialpanorama.apps.pages docs`), and a test fails while a committed page is stale.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

import msgspec

if TYPE_CHECKING:
    from trialpanorama.sources import Source
    from trialpanorama.warehouse import FieldMeaning

_RENDERED = "<!-- Rendered from the code by `make docs`; edit the code. -->\n"


def dictionary() -> dict[str, dict[str, Any]]:
    """Every table by name: what a row is, its key, and its columns with type, meaning, unit and values."""
    import duckdb

    from trialpanorama.build import dictionary_rows, table_meanings
    from trialpanorama.record import Record, Reject
    from trialpanorama.tables import TABLES
    from trialpanorama.warehouse import arrow_schema, fields

    structs = {"records": Record, "rejects": Reject}
    meanings = {name: _row(meaning) for name, meaning in table_meanings().items()}
    connection = duckdb.connect()
    try:
        for name, struct in structs.items():
            connection.register(name, arrow_schema(struct).empty_table())
        rows = dictionary_rows(connection, [*(known.name for known in TABLES), *structs])
    finally:
        connection.close()
    tables: dict[str, dict[str, Any]] = {
        name: {"name": name, "meaning": meanings[name], "columns": []} for name in sorted(meanings)
    }
    for column in rows:
        tables[column.table_name]["columns"].append(
            {
                "name": column.column_name,
                "type": column.type,
                "meaning": column.meaning,
                "unit": column.unit,
                "values": list(column.allowed_values),
                "is_published": column.is_published,
            }
        )
    for name, struct in structs.items():
        for facts, field in zip(tables[name]["columns"], fields(struct), strict=True):
            part = _struct(field.annotation)
            facts |= {"part": _kind(field.annotation) if part else None, "inside": _inside(field.annotation)}
    return tables


def _struct(annotation: Any) -> type[msgspec.Struct] | None:
    """The struct that a field holds, one or many or perhaps none of it; None for a plain value."""
    if isinstance(annotation, type):
        return annotation if issubclass(annotation, msgspec.Struct) else None
    return next(filter(None, map(_struct, get_args(annotation))), None)


def _fields(struct: type[msgspec.Struct]) -> list[tuple[FieldMeaning, dict[str, Any]]]:
    from trialpanorama.warehouse import fields

    return [
        (field, {"name": field.name, "meaning": field.meaning, "unit": field.unit, "values": list(field.values)})
        for field in fields(struct)
    ]


def _inside(annotation: Any) -> list[dict[str, Any]]:
    """The fields of the struct that a nested column holds; a part inside a part is named with a dot."""
    found = []
    for field, fact in _fields(struct) if (struct := _struct(annotation)) else ():
        found += [fact, *(inner | {"name": f"{field.name}.{inner['name']}"} for inner in _inside(field.annotation))]
    return found


def _parts() -> list[type[msgspec.Struct]]:
    """Every struct inside a Record or a Reject, in the order in which it is met."""
    from trialpanorama.record import Record, Reject

    found: list[type[msgspec.Struct]] = []

    def visit(struct: type[msgspec.Struct]) -> None:
        for field, _ in _fields(struct):
            inner = _struct(field.annotation)
            if inner is not None and inner not in found:
                found.append(inner)
                visit(inner)

    visit(Record)
    visit(Reject)
    return found


def _kind(annotation: Any) -> str:
    """A field's type in words."""
    if get_origin(annotation) is list:
        return f"list of {_kind(get_args(annotation)[0])}"
    if get_origin(annotation) is Annotated:
        return _kind(get_args(annotation)[0])
    if get_origin(annotation) is Literal:
        return "text"
    if isinstance(annotation, type):
        plain = {str: "text", int: "whole number", float: "number", bool: "yes or no"}
        return plain.get(annotation) or f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    return _kind(next(argument for argument in get_args(annotation) if argument is not type(None)))


def _row(meaning: str) -> str:
    """What one row is, to stand after "one row is"."""
    text = meaning.removeprefix("One row is ").removeprefix("A row of the `dictionary` table: ").rstrip(".")
    return text[:1].lower() + text[1:]


def source_facts(source: Source) -> dict[str, Any]:
    """What a source says about itself."""
    readable = [(format.name, format.meaning) for format in source.formats]
    readable += [(collection.name, collection.meaning) for collection in source.collections]
    fetch = source.fetch
    return {
        "name": source.name,
        "title": source.title,
        "home_page": source.home_page,
        "licence": source.licence,
        "is_open": source.is_open,
        "registers": list(source.registers),
        "obtain": source.obtain,
        "formats": [{"name": name, "meaning": meaning} for name, meaning in readable],
        "fetch": {
            "terms": fetch.terms,
            "queries": fetch.queries,
            "hosts": list(fetch.hosts),
            "requests_per_minute": fetch.requests_per_minute,
            "takes_since": fetch.takes_since,
        }
        if fetch
        else None,
        "no_fetch": source.no_fetch,
    }


def dictionary_page() -> str:
    """The data dictionary as Markdown."""
    parts = [
        _RENDERED,
        "# Data dictionary\n",
        "Every table of a warehouse. The same texts stand in the database itself, as comments and as the table "
        "`dictionary`, and in `trialpanorama dictionary TABLE`. A column marked * belongs to the published "
        "TrialPanorama database. Unknown is NULL, never an empty text or 0.\n",
    ]
    tables = dictionary()
    parts.append("\n".join(f"- [{name}](#{name}): {facts['meaning']}" for name, facts in tables.items()) + "\n")
    for name, facts in tables.items():
        parts.append(f"## {name}\n\nOne row is {facts['meaning']}.\n")
        rows = []
        for column in facts["columns"]:
            mark = " *" if column["is_published"] else ""
            kind = column.get("part") or short_type(column["type"])
            rows.append([f"`{column['name']}`{mark}", kind, _meaning(column)])
        parts.append(markdown(["column", "type", "meaning"], rows))
    parts.append("## Parts\n\nWhat the nested columns of records and rejects hold.\n")
    for part in _parts():
        rows = [[f"`{field.name}`", _kind(field.annotation), _meaning(fact)] for field, fact in _fields(part)]
        parts.append(f"### {part.__name__}\n\n{(part.__doc__ or '').splitlines()[0]}\n")
        parts.append(markdown(["field", "type", "meaning"], rows))
    return "\n".join(parts)


def _meaning(fact: dict[str, Any]) -> str:
    unit = f" ({fact['unit']})" if fact["unit"] else ""
    values = ". Values: " + ", ".join(f"`{value}`" for value in fact["values"]) if fact["values"] else ""
    return f"{fact['meaning']}{unit}{values}"


def sources_page() -> str:
    """The sources as Markdown."""
    from trialpanorama.sources import sources

    parts = [
        _RENDERED,
        "# Sources\n",
        "What `trialpanorama build` can read. A file is recognised by its content, not by its name; it may lie in a "
        "folder, a zip or a gzip. To add a source, add one file to `src/trialpanorama/sources/` and its fixtures.\n",
    ]
    for source in sources().values():
        facts = source_facts(source)
        passed_on = "passed on by `export`" if source.is_open else "left out of `export` unless told otherwise"
        parts.append(
            f"## {source.title}\n\n`{source.name}`: <{source.home_page}>. Registers: {', '.join(source.registers)}.\n\n"
            f"{source.obtain}\n\nLicence: {source.licence}; {passed_on}.\n"
        )
        if fetch := source.fetch:
            parts.append(
                f"`trialpanorama fetch {source.name} --out DIR` fetches it from {', '.join(fetch.hosts)}, with at most "
                f"{fetch.requests_per_minute:g} requests a minute. {fetch.terms} {fetch.queries}\n"
            )
        else:
            parts.append(f"Not fetched: {source.no_fetch}\n")
        parts.append(markdown(["format", "meaning"], [[f"`{f['name']}`", f["meaning"]] for f in facts["formats"]]))
    return "\n".join(parts)


def tasks_page() -> str:
    """Tasks and baselines as Markdown."""
    from trialpanorama.baselines import baselines
    from trialpanorama.tasks import tasks, variants

    lines = [
        "# Tasks",
        "",
        _RENDERED,
        "What is asked, and how answers are scored. An arrow says which way is better; the first figure of a task is "
        "its headline. An unreadable reply is in every figure, as a wrong answer; a failed call is in none, and "
        "counted.",
    ]
    for known in (*tasks().values(), *variants().values()):
        lines += ["", f"## {known.name}", "", known.meaning, ""]
        lines.append(markdown(["figure", "what it is"], [[f"{m.title} {m.arrow}", m.meaning] for m in known.metrics]))
    lines += ["", "# Baselines", "", "Answers without a language model: `--model baseline/NAME`.", ""]
    lines.append(markdown(["baseline", "what it does"], [[name, made.meaning] for name, made in baselines().items()]))
    return "\n".join(lines) + "\n"


def cli_page() -> str:
    """Every command with its arguments and options, as Markdown."""
    from typer.main import get_command

    from trialpanorama.apps.cli import app

    parts = [
        _RENDERED,
        "# Commands\n",
        "Results go to standard output, progress and messages to standard error; `--json` writes one document. "
        "Exit codes: 0 done, 2 the input was at fault, 1 the program was, 130 interrupted. An error is one line; "
        "`--debug` anywhere on the line shows its traceback. The warehouse is `--warehouse DIR`, else "
        "`$TRIALPANORAMA_WAREHOUSE`, else `./warehouse`. `trialpanorama --install-completion` teaches your shell "
        "the names.\n",
    ]
    for path, command in _commands(get_command(app), ["trialpanorama"]):
        arguments = [p for p in command.params if p.param_type_name == "argument"]
        options = [p for p in command.params if p.param_type_name == "option" and p.name != "help"]
        usage = " ".join([*path, *(_place(p) for p in arguments), "[OPTIONS]" if options else ""]).rstrip()
        parts.append(f"## {' '.join(path[1:])}\n\n`{usage}`\n\n{command.help}\n")
        rows = [[f"`{_place(p)}`", p.help, _default(p)] for p in arguments if p.help]
        for p in options:
            value = f" {p.metavar}" if p.metavar else ""
            rows.append([f"`{', '.join(p.opts)}{value}`", p.help, _default(p)])
        if rows:
            parts.append(markdown(["", "meaning", "unless given"], rows))
    return "\n".join(parts)


PAGES = {"cli.md": cli_page, "dictionary.md": dictionary_page, "sources.md": sources_page, "tasks.md": tasks_page}
"""The rendered pages of docs/."""


def _commands(group: Any, path: list[str]) -> list[tuple[list[str], Any]]:
    found: list[tuple[list[str], Any]] = []
    for name, command in group.commands.items():
        inner = [*path, name]
        found += _commands(command, inner) if hasattr(command, "commands") else [(inner, command)]
    return found


def _place(argument: Any) -> str:
    name = argument.metavar or argument.name.upper()
    return name if argument.required or name.startswith("[") else f"[{name}]"


def _default(parameter: Any) -> str:
    value = parameter.default
    return "" if value is None or value is False or parameter.required else f"`{value}`"


def short_type(sql_type: str) -> str:
    """A SQL type without the inside of a struct."""
    return "STRUCT[]" if sql_type.startswith("STRUCT") and sql_type.endswith("[]") else sql_type.split("(")[0]


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def write(folder: Path) -> None:
    """Write every rendered page into a folder."""
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
