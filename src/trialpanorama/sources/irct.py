"""IRCT, Iran: one XML a trial, under the consecutive numbers of its pages."""

from __future__ import annotations

import re
from collections.abc import Iterator

from trialpanorama.errors import Refused, UserError
from trialpanorama.fetching import Fetch, Session, Wanted
from trialpanorama.sources import Source
from trialpanorama.sources._provider_xml import provider_xml

_HOST = "en.irct.ir"
_PAGE = re.compile(r"/trial/(\d{1,7})(?:/|$)")
_NUMBERS = re.compile(r"(\d{1,7})(?:\s*-\s*(\d{1,7}))?")
_AT_ONCE = 100
"""Trials of so many numbers stand in one file; what is not finished of them is asked for again."""
_EMPTY_AT_THE_END = 10
"""About half of the numbers have no public trial; so many files in a row without any are the end of the registry."""


def _fetch(session: Session, wanted: Wanted) -> None:
    """Number after number, to the last that was asked for or to where no trials come any more."""
    numbers = _wanted_numbers(wanted)
    session.expect(None, "trials")
    empty = set(session.recall("empty") or ())
    in_a_row = 0
    for first, last in _blocks(numbers):
        name = f"irct-{first:06d}.xml"
        if first not in empty and not session.has(name):
            documents = [data for number in range(first, last + 1) if (data := _trial(session, number))]
            if documents:
                session.keep(name, b"\n".join(documents), _address(first))
                session.count(name, len(documents))
            else:
                empty.add(first)
                session.remember("empty", sorted(empty))
        in_a_row = in_a_row + 1 if first in empty else 0
        if numbers is None and in_a_row == _EMPTY_AT_THE_END:
            return
    if numbers is not None and in_a_row:
        session.lacks("the last of these numbers: no trial is public under them")


def _wanted_numbers(wanted: Wanted) -> tuple[int, int] | None:
    """The first and the last number; None: all."""
    if wanted.since:
        raise UserError(
            "IRCT does not say what changed when. Leave out --since, or give newer numbers: --query 80000-90000"
        )
    if not wanted.query:
        return None
    page = _PAGE.match(wanted.address.path) if wanted.address else None
    said = _NUMBERS.fullmatch(page[1] if page else wanted.query.strip())
    if said is None or int(said[2] or said[1]) < int(said[1]):
        raise UserError(
            f'IRCT cannot be searched for "{wanted.query}". Give the number or numbers of trial pages (80123 or '
            f"80000-80200), or the address of one: https://{_HOST}/trial/80123"
        )
    return int(said[1]), int(said[2] or said[1])


def _blocks(numbers: tuple[int, int] | None) -> Iterator[tuple[int, int]]:
    """First and last number of each file: 1 to 100, 101 to 200 ..., as far as they are wanted."""
    first, last = numbers or (1, 10**7)
    while first <= last:
        end = min(first + _AT_ONCE - 1 - (first - 1) % _AT_ONCE, last)
        yield first, end
        first = end + 1


def _address(number: int) -> str:
    return f"https://{_HOST}/trial/{number}/xml"


def _trial(session: Session, number: int) -> bytes | None:
    """The XML of a number; None if no trial is public under it."""
    try:
        data = session.read(_address(number), kind="xml")
    except Refused as refused:
        if refused.status in (404, 410):
            return None
        raise
    return data if b"<trial_id>" in data else None


SOURCE = Source(
    name="irct",
    title="Iranian Registry of Clinical Trials",
    home_page="https://en.irct.ir/",
    licence="IRCT terms of use; the rights stay with the registrants",
    is_open=False,
    registers=("irct",),
    obtain=(
        "Native: the XML behind a trial's page, https://en.irct.ir/trial/NUMBER/xml, in the layout in which registries "
        "upload to WHO; fetch walks the numbers. WHO's exports carry IRCT too: see ictrp."
    ),
    formats=(provider_xml("irct"),),
    fetch=Fetch(
        run=_fetch,
        hosts=(_HOST, "irct.ir", "www.irct.ir", "irct.behdasht.gov.ir"),
        requests_per_minute=60,
        takes_since=False,
        terms=(
            "IRCT shows its trials to everyone and offers the XML of each on its page; it names no conditions for "
            "that. The whole registry is some 80,000 requests, a day at the pace that is kept."
        ),
        queries=(
            "--query takes the number or numbers of trial pages (80123 or 80000-80200) or the address of one; --since "
            "is not possible, for the XML does not say when a trial changed."
        ),
    ),
)
