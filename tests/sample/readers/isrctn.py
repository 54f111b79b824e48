"""ISRCTN: the trials of an answer of its interface."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from pathlib import Path


def _trials(path: Path) -> Iterator[tuple[str, str]]:
    for full in ElementTree.parse(path).getroot():
        yield full[0].attrib["publicIdentifierCanonical"], ElementTree.tostring(full, "unicode")


FORMATS: dict[str, Callable[[Path], Iterator[tuple[str, str]]]] = {"isrctn-xml": _trials}
