"""Facts as what is sent: JSON, CSV that a spreadsheet cannot be tricked with, and HTML from the templates."""

from __future__ import annotations

import csv
import functools
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec

from trialpanorama.apps.web.pages import Rows

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = Path(__file__).resolve().parent
_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def json_bytes(facts: Any) -> bytes:
    """Facts as JSON."""
    return msgspec.json.format(msgspec.json.encode(facts, enc_hook=str), indent=2)


def csv_text(rows: Rows) -> str:
    """Rows as CSV; lists and structs as JSON, and no text that a spreadsheet would take for a formula."""
    columns, lines = rows
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([_cell(name) for name in columns])
    writer.writerows([_cell(value) for value in line] for line in lines)
    return out.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, list | tuple | dict):
        value = msgspec.json.encode(value, enc_hook=str).decode()
    if isinstance(value, str) and value.startswith(_STARTS_FORMULA):
        return f"'{value}"  # so that a spreadsheet shows it as it is
    return value


@functools.cache
def _templates() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    templates = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"number": number, "words": words, "plain": plain, "short": short, "pieces": pieces}
    return templates


def html(template: str, **context: Any) -> str:
    """A page."""
    return _templates().get_template(template).render(**context)


def link(path: str, **asked: Any) -> str:
    """The address of a page with these parameters; what is empty is left out."""
    given = {name: value for name, value in asked.items() if value not in (None, "", 0)}
    return f"{path}?{urlencode(given, doseq=True)}" if given else path


def number(value: Any, digits: int = 3) -> str:
    """A number as it is read: 12,345 or 0.712."""
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.{digits}f}"


def words(name: Any) -> str:
    """A name of the code in words."""
    text = str(name).replace("_", " ")
    return text.lower() if text.isupper() else text


def plain(value: Any) -> str:
    """Any value as text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.5g}"
    if isinstance(value, list | tuple):
        return "; ".join(plain(part) for part in value)
    if isinstance(value, Mapping):
        return "; ".join(f"{words(name)} {plain(part)}" for name, part in value.items())
    return str(value)


def short(value: Any, longest: int = 200) -> str:
    """The beginning of a long text."""
    text = " ".join(plain(value).split())
    return text if len(text) <= longest else text[: longest - 1] + "…"


def pieces(highlight: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """A text in pieces, each with whether it is marked."""
    text, found, end = highlight["text"], [], 0
    for start, stop in highlight["marks"]:
        found += [(text[end:start], False), (text[start:stop], True)]
        end = stop
    return [piece for piece in [*found, (text[end:], False)] if piece[0]]
