"""ChiCTR's XML: one trial a file, in the layout of the uploads to WHO, its element misspelt `Triall`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trialpanorama.sample._files import Archive
from trialpanorama.sample._native import Native
from trialpanorama.sample.mess import Mess
from trialpanorama.sample.model import Registration, Trial
from trialpanorama.sample.provider_xml import provider_trial

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<trials subjects="1">\n'


def _entries(trial: Trial, registration: Registration, mess: Mess) -> Iterator[tuple[str, Any]]:
    del mess  # the page that gives the file keeps it tidy
    text = provider_trial(trial, registration, "Triall").replace("scientific_acronym", "Scientific_acronym")
    yield registration.id, (f"{registration.id}.xml", f"{_HEAD}{text}</trials>\n")


NATIVES = (Native("ChiCTR", "chictr", "chictr-xml", "registries/chictr/chictr_{:03d}.zip", Archive, _entries),)
