"""The API v2 of ClinicalTrials.gov: pages with tokens, filters by number, by date of the last update, by words."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any

from tests.replay import Asked, Reply, Run, Service
from trialpanorama.fetching import Wanted

STUDIES = {f"NCT99000{number:03d}": f"2090-03-{2 + number // 2:02d}" for number in range(1, 9)}
"""Id and date of the last update, several a day."""
_PARAMETERS = {
    "query.term",
    "query.cond",
    "filter.ids",
    "filter.advanced",
    "aggFilters",
    "format",
    "sort",
    "countTotal",
}
_RECENT = re.compile(r"AREA\[LastUpdatePostDate\]RANGE\[(\d{4}-\d\d-\d\d),MAX\]")


def _study(nct_id: str) -> dict[str, Any]:
    return {
        "protocolSection": {
            "identificationModule": {"nctId": nct_id, "briefTitle": f"FICTIONAL Trial of Imaginary Fever {nct_id[-1]}"},
            "statusModule": {"lastUpdatePostDateStruct": {"date": STUDIES[nct_id], "type": "ACTUAL"}},
            "descriptionModule": {"briefSummary": 'Ünlikely – but "quoted" } ] things are said about it.'},
        },
        "hasResults": False,
    }


def _bad(why: str) -> Reply:
    return Reply(why.encode(), "text/plain", 400)


def answer(asked: Asked, *, page_size: int = 3) -> Reply:
    """A page of a search; a token is where it goes on, and only good for the same search."""
    if asked.path != "/api/v2/studies" or asked.method != "GET":
        return Reply(b"", status=404)
    given = dict(asked.parameters)
    token, size = given.pop("pageToken", None), int(given.pop("pageSize", "10"))
    if unknown := given.keys() - _PARAMETERS:
        return _bad(f"`{min(unknown)}` is unknown parameter")
    if given.get("sort") != "LastUpdatePostDate:asc":
        return _bad("`sort` is expected to be known to this server")
    found = list(STUDIES)
    if ids := given.get("filter.ids"):
        found = [nct_id for nct_id in found if nct_id in ids.split(",")]
    for since in _RECENT.findall(given.get("filter.advanced", "")):
        found = [nct_id for nct_id in found if date.fromisoformat(STUDIES[nct_id]) >= date.fromisoformat(since)]
    if given.get("query.term", "fever") not in "fictional trial of imaginary fever":
        found = []
    search = f"{sorted(given.items())}".encode().hex()[-16:]
    start = 0
    if token is not None:
        start_text, _, of = token.partition("~")
        if of != search:
            return _bad("`pageToken` is not valid for the request parameters")
        start = int(start_text)
    size = min(size, page_size)
    page: dict[str, Any] = {"studies": [_study(nct_id) for nct_id in found[start : start + size]]}
    if token is None and given.get("countTotal") == "true":
        page = {"totalCount": len(found), **page}
    if start + size < len(found):
        page["nextPageToken"] = f"{start + size}~{search}"
    return Reply(json.dumps(page, ensure_ascii=False).encode(), "application/json")


SERVICE = Service(
    answer=answer,
    runs=(
        Run(Wanted(), tuple(STUDIES)),
        Run(Wanted(query="fever", since=date(2090, 3, 4)), tuple(STUDIES)[3:]),
        Run(Wanted(query="NCT99000002, nct99000005"), ("NCT99000002", "NCT99000005")),
        Run(Wanted(query="https://clinicaltrials.gov/search?term=fever&viewType=Table&lastUpdPost=2090-03-06_"),
            tuple(STUDIES)[7:]),
        Run(Wanted(query="https://www.clinicaltrials.gov/study/NCT99000003?tab=results"), ("NCT99000003",)),
        Run(Wanted(query="nothing like it"), ()),
    ),
)  # fmt: skip
