"""CTIS: a search by POST whose pages count from 1 and end with row 10,000, and a trial at a time by its number."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

from tests.replay import Asked, Reply, Run, Service
from trialpanorama.fetching import Wanted

_LAST_ROW = 10_000
_FIRST = date(2022, 1, 31)
TRIALS = {f"2090-5{number:05d}-{number % 90 + 10}-00": number for number in range(1, 131)}
"""Trials in the order of their decisions, three to a day, and changed in another order."""
GONE = next(number for number, place in TRIALS.items() if place == 77)
"""A trial that the list has and that is not shown."""


def _title(place: int) -> str:
    return f"FICTIONAL trial of {('tea', 'coffee')[place % 2]} in {('sleepiness', 'neuroblastoma')[place % 5 == 0]}"


def _changed(place: int) -> date:
    return _FIRST + timedelta(days=place * 37 % 700)


def _is_found(number: str, place: int, criteria: dict[str, Any]) -> bool:
    words = f"{number} {_title(place)}".lower().split()
    any_ = [word.strip() for word in criteria.get("containAny", "").lower().split(",") if word.strip()]
    return (
        all(word in words for word in criteria.get("containAll", "").lower().split())
        and (not any_ or any(word in words for word in any_))
        and criteria.get("number", number) == number
        and place % 12 + 1 in criteria.get("status", range(1, 13))
    )


def _page(asked: dict[str, Any], trials: dict[str, int], last_row: int) -> dict[str, Any]:
    page, size = asked["pagination"]["page"], asked["pagination"]["size"]
    found = [(number, place) for number, place in trials.items() if _is_found(number, place, asked["searchCriteria"])]
    if asked["sort"] == {"property": "decisionDate", "direction": "DESC"}:
        found.reverse()
    start = (page - 1) * size
    rows = found[start : min(start + size, last_row)] if page > 0 else []
    return {
        "pagination": {"totalRecords": len(found) if page > 0 else 0, "totalPages": -(-len(found) // size)},
        "data": [
            {"ctNumber": number, "ctTitle": _title(place), "lastUpdated": f"{_changed(place):%d/%m/%Y}"}
            for number, place in rows
        ],
    }


def _trial(number: str, place: int) -> dict[str, Any]:
    details = {"clinicalTrialIdentifiers": {"fullTitle": _title(place)}}
    return {
        "ctNumber": number,
        "ctStatus": place % 12 + 1,
        "authorizedApplication": {"authorizedPartI": {"trialDetails": details}},
    }


def answers(last_row: int = _LAST_ROW) -> Service:
    """A CTIS that shows so many rows of a search."""

    def answer(asked: Asked) -> Reply:
        if (asked.method, asked.path) == ("POST", "/ctis-public-api/search"):
            if asked.json["pagination"]["page"] * asked.json["pagination"]["size"] > last_row:
                return Reply(b'{"message": "Result window is too large"}', "application/json", status=400)
            return Reply(json.dumps(_page(asked.json, TRIALS, last_row)).encode(), "application/json")
        number = asked.path.removeprefix("/ctis-public-api/retrieve/")
        if number in TRIALS and number != GONE and asked.method == "GET":
            return Reply(json.dumps(_trial(number, TRIALS[number])).encode(), "application/json")
        return Reply(b'{"message": "not found"}', "application/json", status=404)

    return Service(answer, ())


def _shown(*, since: date = _FIRST, without: str = "") -> tuple[str, ...]:
    return tuple(
        number
        for number, place in TRIALS.items()
        if number != GONE and _changed(place) >= since and not (without and without in _title(place))
    )


_SOME = tuple(TRIALS)[6:8]
_PAGE_OF_SEARCH = "https://euclinicaltrials.eu/ctis-public/search"
_SINCE = date(2023, 6, 1)

SERVICE = Service(
    answer=answers().answer,
    runs=(
        Run(Wanted(query=", ".join(_SOME)), _SOME),
        Run(Wanted(), _shown()),
        Run(Wanted(query="FICTIONAL tea", since=_SINCE), _shown(since=_SINCE, without="coffee")),
        Run(
            Wanted(query=_PAGE_OF_SEARCH + '?lang=en#searchCriteria={"containAny":"tea, neuroblastoma","title":null}'),
            tuple(id for id in _shown() if "tea" in _title(TRIALS[id]) or "neuroblastoma" in _title(TRIALS[id])),
        ),
        Run(Wanted(query=_PAGE_OF_SEARCH + "?lang=en&basicSearchInputAND=coffee"), _shown(without="tea")),
        Run(Wanted(query=f"https://euclinicaltrials.eu/ctis-public/view/{_SOME[0]}"), _SOME[:1]),
    ),
)
