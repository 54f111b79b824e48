"""IRCT: one XML a trial under consecutive numbers, 404 for those that are not public, and an end that nothing tells."""

from __future__ import annotations

import re

from tests.replay import Asked, Reply, Run, Service
from trialpanorama.fetching import Wanted

PUBLIC = {number: f"IRCT9990{number:08d}N1" for number in range(1, 110) if number % 3}
"""Trials by their numbers: half of the numbers have none."""
_EMPTY = 99
"""A number that answers with XML without a trial in it."""


def answer(asked: Asked) -> Reply:
    """The XML of a number."""
    page = re.fullmatch(r"/trial/([1-9]\d*)/xml", asked.path)
    number = int(page[1]) if page else 0
    if number not in PUBLIC and number != _EMPTY:
        return Reply(b"<html><title>Not Found</title></html>", "text/html", status=404)
    trial = (
        f"<trial><main><trial_id>{PUBLIC[number]}</trial_id><reg_name>IRCT</reg_name>"
        f"<public_title>FICTIONAL trial {number}</public_title></main></trial>"
        if number in PUBLIC
        else ""
    )
    return Reply(f'<?xml version="1.0" encoding="utf-8"?>\n<trials>{trial}</trials>'.encode(), "text/xml")


def _of(first: int, last: int) -> tuple[str, ...]:
    return tuple(id for number, id in PUBLIC.items() if first <= number <= last)


SERVICE = Service(
    answer=answer,
    runs=(
        Run(Wanted(query="97-104"), _of(97, 104)),
        Run(Wanted(query="https://en.irct.ir/trial/7"), _of(7, 7)),
        Run(Wanted(query="3"), ()),
    ),
)
"""The walk to the end, which is long, is in tests/sources/test_fetching_irct.py."""
