"""ANZCTR: the files of a zip."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path


def _trials(path: Path) -> Iterator[tuple[str, str]]:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            content = archive.read(name).decode()
            yield ElementTree.fromstring(content).findtext("actrnumber") or "", content


FORMATS: dict[str, Callable[[Path], Iterator[tuple[str, str]]]] = {"anzctr-xml": _trials}
