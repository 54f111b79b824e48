"""NCBI's E-utilities: what a form has, and what an answer says of its failure."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date

from lxml import etree

from trialpanorama.errors import Unreadable
from trialpanorama.fetching import Session
from trialpanorama.sources._reading import fold, parse_xml

EUTILS = "https://eutils.ncbi.nlm.nih.gov/entrez/eutils/"
REQUESTS_PER_MINUTE = 180
_KEY = "NCBI_API_KEY"
TERMS = f"three requests a second, ten with a key in ${_KEY} (https://www.ncbi.nlm.nih.gov/books/NBK25497/)"
"""How often the E-utilities may be asked, and where that is said."""


def pace(session: Session) -> None:
    """Ask as often as the user's key allows, where there is one."""
    if os.environ.get(_KEY):
        session.pace(600)


def form(database: str, fields: dict[str, str]) -> dict[str, str]:
    """The fields of a request, with those that every request has."""
    key = os.environ.get(_KEY)
    return {"db": database, "tool": "trialpanorama", "retmode": "xml", **fields, **({"api_key": key} if key else {})}


def slashed(day: date) -> str:
    """A day as the E-utilities write it."""
    return f"{day:%Y/%m/%d}"


def root_of(data: bytes) -> etree._Element | None:
    """The root of an answer; None if it is not well formed."""
    try:
        return parse_xml(data)
    except Unreadable:
        return None


def is_no_search(data: bytes) -> str | None:
    """What is wrong with an answer of esearch, which tells of its failures with status 200."""
    root = root_of(data)
    if root is None or root.tag != "eSearchResult":
        return "no result of a search came"
    if root.find("ERROR") is not None or root.find("Count") is None:
        return f"the search failed ({fold(root.findtext('ERROR')) or 'no reason given'})"
    return None


def fetch_articles(
    session: Session,
    database: str,
    name: str,
    ids: list[str],
    ids_of: Callable[[etree._Element], set[str] | None],
    prefix: str,
) -> None:
    """Fetch articles by their ids into one file; `ids_of` tells which an answer holds, None if it is no set of them.

    What does not come is asked for twice more; then it was deleted or is broken, and is named with the prefix.
    """
    if session.has(name) and session.log.files[name].records is not None:
        return
    tries = 0

    def came_in(data: bytes) -> set[str] | None:
        root = root_of(data)
        return ids_of(root) if root is not None else None

    def is_incomplete(data: bytes) -> str | None:
        nonlocal tries
        tries += 1
        came = came_in(data)
        if came is None:
            return "no set of articles came"
        missing = set(ids) - came
        return f"{len(missing):,} of {len(ids):,} articles did not come" if missing and tries < 3 else None

    fields = form(database, {"id": ",".join(ids)})
    data = session.read(f"{EUTILS}efetch.fcgi", form=fields, kind="xml", name=name, check=is_incomplete)
    came = came_in(data) or set()
    session.count(name, len(came))
    for id in ids:
        if id not in came:
            session.lacks(f"{prefix}{id}")
