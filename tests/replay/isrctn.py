"""ISRCTN's query interface: no pages, ten trials unless a limit is said, days without an hour ignored."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from functools import lru_cache

from tests.replay import Asked, Reply, Run, Service
from trialpanorama.fetching import Wanted

_FIRST = datetime(2004, 1, 1)
EDITED = {f"ISRCTN99{number:06d}": _FIRST + timedelta(days=(number * number) % 7900) for number in range(1, 601)}
"""When each trial was changed last: more of them than are fetched in one answer."""
_TITLES = {id: f"{('Cold feet', 'Warm socks')[int(id[-1]) % 2]} {id[-3:]} (FICTIONAL)" for id in EDITED}
_BOUND = re.compile(r"lastEdited (GE|LT) (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)")
_DEFAULT_LIMIT = 10


@lru_cache
def _found(query: str) -> list[str]:
    words = re.sub(r"AND|[()]", "", _BOUND.sub("", query)).strip()
    field = re.fullmatch(r'condition:"(.*)"', words)
    words = field[1] if field else words
    bounds = [(comparison, datetime.fromisoformat(bound)) for comparison, bound in _BOUND.findall(query)]
    return [
        id
        for id, edited in EDITED.items()
        if all(edited >= bound if comparison == "GE" else edited < bound for comparison, bound in bounds)
        and (not words or words == id or words in _TITLES[id])
    ]


def answer(asked: Asked) -> Reply:
    """The trials that match, as many as were asked for."""
    if asked.path != "/api/query/format/default" or not asked.parameters.get("q"):
        return Reply(b"", status=400)
    found = _found(asked.parameters["q"])
    limit = int(asked.parameters.get("limit", _DEFAULT_LIMIT))
    trials = "".join(
        f'<fullTrial><trial lastUpdated="{EDITED[id].isoformat()}Z" publicIdentifierCanonical="{id}">'
        f"<isrctn>{id[6:]}</isrctn><trialDescription><title>{_TITLES[id]}</title></trialDescription></trial></fullTrial>"
        for id in found[:limit]
    )
    namespace = 'xmlns="http://www.67bricks.com/isrctn"'
    document = (
        f'<?xml version="1.0" encoding="UTF-8"?><allTrials totalCount="{len(found)}" {namespace}>{trials}</allTrials>'
    )
    return Reply(document.encode(), "application/xml")


_SOCKS = tuple(id for id in EDITED if int(id[-3:]) % 2)
_SINCE = date(2020, 1, 1)
_SEARCH = (
    "https://www.isrctn.com/search?q=&filters=condition%3AWarm+socks&page=1&pageSize=10&searchType=advanced-search"
)

SERVICE = Service(
    answer=answer,
    runs=(
        Run(Wanted(query="ISRCTN99000007"), ("ISRCTN99000007",)),
        Run(Wanted(), tuple(EDITED)),
        Run(Wanted(query=_SEARCH), _SOCKS),
        Run(
            Wanted(query="Warm socks", since=_SINCE),
            tuple(id for id in _SOCKS if EDITED[id].date() >= _SINCE),
        ),
        Run(Wanted(query="https://www.isrctn.com/ISRCTN99000008"), ("ISRCTN99000008",)),
    ),
)
