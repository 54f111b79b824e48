"""Releases that lie at fixed addresses: fetched as they are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec

from trialpanorama.errors import Refused, UserError
from trialpanorama.fetching import Fetch, Session, Wanted

_YEARS = 3
"""How many years are tried for the newest release: the next one's comes before its year begins."""


class Download(msgspec.Struct, frozen=True):
    """One file of a release."""

    name: str
    """What it is called in the output folder; "{year}" stands for the year of the release."""
    url: str
    """Its address, by https, with "{year}" where that changes."""
    kind: Literal["json", "xml", "text", "zip", "gzip"] = "text"


def fetched_from(downloads: Sequence[Download], hosts: tuple[str, ...], terms: str) -> Fetch:
    """How a release of these files is fetched; `hosts` are all that are asked, and that redirects may lead to."""
    is_yearly = any("{year}" in download.url for download in downloads)

    def run(session: Session, wanted: Wanted) -> None:
        if wanted.since or (wanted.query and not (is_yearly and wanted.query.isdigit())):
            raise UserError(f"A release is fetched whole. {_YEARLY if is_yearly else _WHOLE}")
        year = wanted.query
        for download in downloads:
            year = _save(session, download, year)

    return Fetch(run=run, hosts=hosts, terms=terms, queries=_YEARLY if is_yearly else _WHOLE, takes_since=False)


_YEARLY = "--query 2026 names the year of a release; without it the newest is fetched."
_WHOLE = "There is nothing to choose: leave --query and --since away."


def _save(session: Session, download: Download, year: str) -> str:
    """Save a file of this year's release, or else of the newest; returns its year."""
    newest = datetime.now(UTC).year + 1
    is_open = "{year}" in download.url and not year
    tried = [str(newest - past) for past in range(_YEARS)] if is_open else [year]
    kept = [one for one in tried if session.has(download.name.replace("{year}", one))]
    for one in kept or tried:
        try:
            session.save(download.name.replace("{year}", one), download.url.replace("{year}", one), kind=download.kind)
            return one
        except Refused as error:
            if error.status != 404 or one == tried[-1]:
                raise
    return year
