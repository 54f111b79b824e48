"""OpenTrials XML: the trials of a file."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from pathlib import Path


def _trials(path: Path) -> Iterator[tuple[str, str]]:
    for trial in ElementTree.parse(path).getroot():
        yield trial.findtext("trial_identification/trial_id") or "", ElementTree.tostring(trial, "unicode")


FORMATS: dict[str, Callable[[Path], Iterator[tuple[str, str]]]] = {"opentrials-xml": _trials}
