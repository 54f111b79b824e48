"""NCBI's E-utilities: what a form has, and what an answer says of its failure."""

from __future__ import annotations

import os
from datetime import date

from lxml import etree

from trialpanorama.errors import Unreadable
from trialpanorama.sources._fetching import Session
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
