"""JATS full texts in a zip, read with the standard library."""

from __future__ import annotations

import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Iterator
from pathlib import Path


def _full_texts(path: Path) -> Iterator[tuple[str, str]]:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            root = ET.fromstring(archive.read(name))
            yield (
                root.findtext("front/article-meta/article-id[@pub-id-type='pmid']") or "",
                ET.tostring(root, "unicode"),
            )


FORMATS = {"pmc-jats": _full_texts}
