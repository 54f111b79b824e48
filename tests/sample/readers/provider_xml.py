"""The uploads of registers to WHO, ChiCTR's own file among them: every trial of a file or of a zip of files."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path


def _trials(path: Path) -> Iterator[tuple[str, str]]:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            documents = [archive.read(name) for name in archive.namelist()]
    else:
        documents = [path.read_bytes()]
    for document in documents:
        root = ElementTree.fromstring(document.replace(b"&#1;", b""))  # which is no XML
        for trial in (element for element in root.iter() if element.tag in ("trial", "Triall")):
            yield trial.findtext("main/trial_id") or "", ElementTree.tostring(trial, "unicode")


_SOURCES = ("cris", "irct", "rebec", "repec", "tctr", "rpcec", "ctri", "jrct", "nl_omon", "pactr", "slctr", "lbctr")
FORMATS: dict[str, Callable[[Path], Iterator[tuple[str, str]]]] = {
    "chictr-xml": _trials,
    **{f"{source}-provider-xml": _trials for source in _SOURCES},
}
