"""Writing XML: elements with their text escaped, or with others inside."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr


def element(name: str, text: object = "", **attributes: str) -> str:
    """An element with a text, on a line of its own; empty ones are closed at once."""
    return _element(name, escape(str(text)), attributes)


def parent(name: str, *children: str, **attributes: str) -> str:
    """An element with others inside."""
    inside = "".join(children)
    return _element(name, f"\n{inside}" if inside else "", attributes)


def _element(name: str, inside: str, attributes: dict[str, str]) -> str:
    said = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
    return f"<{name}{said}>{inside}</{name}>\n" if inside else f"<{name}{said}/>\n"
