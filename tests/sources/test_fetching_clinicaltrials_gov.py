"""What ClinicalTrials.gov's API does to a client that pages for hours, and what may be pasted as a query."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from pathlib import Path

import msgspec
import pytest
from tests.replay import Asked, Replay, Reply, Service, clinicaltrials_gov, contents, fetch_from

from trialpanorama import sources
from trialpanorama.errors import FetchFailed, Refused, UserError
from trialpanorama.fetching import Wanted
from trialpanorama.sources.clinicaltrials_gov import _asked, _page_parameters

SOURCE = sources.source("clinicaltrials_gov")


def studies_of(folder: Path) -> list[str]:
    """Every study of the fetched pages, in order."""
    pages = [msgspec.json.decode(data) for _, data in sorted(contents(folder).items())]
    return [study["protocolSection"]["identificationModule"]["nctId"] for page in pages for study in page["studies"]]


def test_every_page_asks_for_all_that_the_register_allows(tmp_path: Path) -> None:
    with Replay(clinicaltrials_gov.SERVICE) as replay:
        log = fetch_from(replay, SOURCE, Wanted(), tmp_path)
    assert [asked.parameters["pageSize"] for asked in replay.asked] == ["1000"] * 3
    assert (log.total, log.unit, log.records, log.missing) == (8, "studies", 8, [])
    assert sorted(log.files) == [f"studies-00000{number}.json" for number in (1, 2, 3)]


def expiring(after: int, times: int = 1, page_size: int = 3) -> Service:
    """Refuses a token as expired at its `after`-th use, that many times."""
    tokens: Counter[str] = Counter()

    def answer(asked: Asked) -> Reply:
        if asked.parameters.get("pageToken"):
            tokens["uses"] += 1
            if tokens["uses"] >= after and tokens["refusals"] < times:
                tokens["refusals"] += 1
                return Reply(b"`pageToken` has expired", status=400)
        return clinicaltrials_gov.answer(asked, page_size=page_size)

    return Service(answer, ())


@pytest.mark.parametrize("after", [1, 2])
def test_an_expired_token_begins_the_search_anew_from_the_last_date(after: int, tmp_path: Path) -> None:
    with Replay(expiring(after)) as replay:
        log = fetch_from(replay, SOURCE, Wanted(), tmp_path)
    assert log.complete
    assert set(studies_of(tmp_path)) == set(clinicaltrials_gov.STUDIES)
    assert len(studies_of(tmp_path)) <= len(clinicaltrials_gov.STUDIES) + 2, (
        "more than the studies of one day came twice"
    )
    assert log.missing == []
    last = max(clinicaltrials_gov.STUDIES[id] for id in studies_of(tmp_path)[: 3 * after])
    anew = next(asked.parameters for asked in replay.asked if "filter.advanced" in asked.parameters)
    assert anew["filter.advanced"] == f"AREA[LastUpdatePostDate]RANGE[{last},MAX]"
    assert "pageToken" not in anew


def test_an_expired_token_is_also_got_over_in_the_next_run(tmp_path: Path) -> None:
    """The run that saw the token expire is stopped right after; the next one asks the same as it would have."""
    inner = expiring(2)
    left = [4]

    def answer(asked: Asked) -> Reply:
        left[0] -= 1
        return inner.answer(asked) if left[0] else Reply(b"no more", status=403)

    with Replay(Service(answer, ())) as replay:
        with pytest.raises(Refused):
            fetch_from(replay, SOURCE, Wanted(), tmp_path)
        log = fetch_from(replay, SOURCE, Wanted(), tmp_path)
    assert set(studies_of(tmp_path)) == set(clinicaltrials_gov.STUDIES)
    assert log.memory == {}


def test_a_search_that_is_refused_outright_is_not_begun_anew(tmp_path: Path) -> None:
    service = Service(lambda asked: Reply(b"`query.term`: syntax", status=400), ())
    with Replay(service) as replay, pytest.raises(Refused, match=r"query\.term.*sources clinicaltrials_gov"):
        fetch_from(replay, SOURCE, Wanted("((("), tmp_path)
    assert len(replay.asked) == 1


def test_tokens_that_are_always_refused_end_in_a_refusal(tmp_path: Path) -> None:
    """Two studies have one date, and a page holds one of them: from that date the search never gets on."""
    with Replay(expiring(1, times=99, page_size=1)) as replay, pytest.raises(Refused, match="has expired"):
        fetch_from(replay, SOURCE, Wanted(), tmp_path)
    assert len(replay.asked) < 9


def test_tokens_that_are_always_refused_do_no_harm_while_each_page_brings_something(tmp_path: Path) -> None:
    with Replay(expiring(1, times=99)) as replay:
        log = fetch_from(replay, SOURCE, Wanted(), tmp_path)
    assert set(studies_of(tmp_path)) == set(clinicaltrials_gov.STUDIES)
    assert log.missing == []


def going_round(pages: int) -> Service:
    """Gives so many pages over and over, each time with a token that was never seen."""
    answers = iter(range(1_000))

    def answer(asked: Asked) -> Reply:
        number = next(answers)
        reply = json.loads(
            clinicaltrials_gov.answer(Asked("GET", asked.path, {"sort": asked.parameters["sort"]}, {}, b"")).body
        )
        reply["studies"] = reply["studies"][: 1 if pages else 0]
        if pages:
            reply["studies"][0]["protocolSection"]["identificationModule"]["nctId"] = f"NCT9900000{number % pages + 1}"
        return Reply(
            json.dumps({"totalCount": 500, **reply, "nextPageToken": f"new-{number}"}).encode(), "application/json"
        )

    return Service(answer, ())


@pytest.mark.parametrize("pages", [0, 1, 3])
def test_pages_that_come_again_end_with_one_line(pages: int, tmp_path: Path) -> None:
    with Replay(going_round(pages)) as replay, pytest.raises(FetchFailed, match="same page again and again"):
        fetch_from(replay, SOURCE, Wanted(), tmp_path)
    assert len(replay.asked) < 30


def test_what_the_register_announced_and_did_not_give_is_missing(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Reply:
        reply = json.loads(clinicaltrials_gov.answer(asked).body)
        return Reply(json.dumps(reply | ({"totalCount": 1_010} if "totalCount" in reply else {})).encode())

    with Replay(Service(answer, ())) as replay:
        log = fetch_from(replay, SOURCE, Wanted(), tmp_path)
    assert log.missing == ["1,002 of the 1,010 studies that the register announced"]


SEARCH = "https://clinicaltrials.gov/search?"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {}),
        ("heart attack", {"query.term": "heart attack"}),
        ("NCT99000001", {"filter.ids": "NCT99000001"}),
        ("nct99000001 | NCT99000002,NCT99000003", {"filter.ids": "NCT99000001,NCT99000002,NCT99000003"}),
        (SEARCH + "cond=Lung+Cancer&term=EGFR&viewType=Table&page=3&rank=7",
         {"query.cond": "Lung Cancer", "query.term": "EGFR"}),
        (SEARCH + "intr=x&titles=y&outc=z&spons=s&lead=l&id=i",
         {"query.intr": "x", "query.titles": "y", "query.outc": "z", "query.spons": "s", "query.lead": "l",
          "query.id": "i"}),
        (SEARCH + "aggFilters=status:rec%20com,phase:3&limit=100", {"aggFilters": "status:rec com,phase:3"}),
        (SEARCH + "start=2020-01-01_2021-12-31&primComp=_2023-01-01",
         {"filter.advanced": "(AREA[StartDate]RANGE[2020-01-01,2021-12-31]) AND "
                             "(AREA[PrimaryCompletionDate]RANGE[MIN,2023-01-01])"}),
        (SEARCH + "resFirstPost=2024-01-01_", {"filter.advanced": "AREA[ResultsFirstPostDate]RANGE[2024-01-01,MAX]"}),
        (SEARCH + "ageRange=18y_6m",
         {"filter.advanced": "(AREA[MinimumAge]RANGE[18 years,MAX]) AND (AREA[MaximumAge]RANGE[MIN,6 months])"}),
        (SEARCH + "locStr=Orlando,%20Florida&country=United%20States&state=Florida&city=Orlando&distance=50",
         {"filter.advanced": "SEARCH[Location](AREA[LocationCity]\"Orlando\" AND AREA[LocationState]\"Florida\" AND "
                             "AREA[LocationCountry]\"United States\")"}),
        (SEARCH + "locStr=Rome&lat=41.9&lng=12.5&distance=25&city=Rome", {"filter.geo": "distance(41.9,12.5,25mi)"}),
        (SEARCH + "lat=41.9&lng=-12.5&distance=25km", {"filter.geo": "distance(41.9,-12.5,25km)"}),
        (SEARCH + "locStr=somewhere", {"query.locn": "somewhere"}),
        ("https://clinicaltrials.gov/expert-search?term=AREA%5BPhase%5DPHASE3", {"query.term": "AREA[Phase]PHASE3"}),
        ("https://clinicaltrials.gov/study/NCT99000001?cond=x&rank=1", {"filter.ids": "NCT99000001"}),
        ("https://clinicaltrials.gov/api/v2/studies?query.cond=x&filter.overallStatus=RECRUITING&pageSize=5&format=csv",
         {"query.cond": "x", "filter.overallStatus": "RECRUITING"}),
        ("https://clinicaltrials.gov/api/v2/studies?filter.advanced=AREA[Phase]PHASE3&start=2020-01-01_",
         {"filter.advanced": "(AREA[Phase]PHASE3) AND (AREA[StartDate]RANGE[2020-01-01,MAX])"}),
    ],
)  # fmt: skip
def test_a_query_in_the_words_of_the_api(query: str, expected: dict[str, str]) -> None:
    assert _asked(Wanted(query)) == expected


@pytest.mark.parametrize(
    ("query", "named"),
    [
        (SEARCH + "cond=x&colour=red&shape=round", "colour, shape"),
        ("https://clinicaltrials.gov/ct2/results?cond=x&recrs=a", "recrs"),
        ("https://example.org/search?cond=x", "example.org is not ClinicalTrials.gov"),
    ],
)
def test_what_is_not_known_of_an_address_is_refused_by_name(query: str, named: str) -> None:
    with pytest.raises(UserError, match=named):
        _asked(Wanted(query))


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"message": "try later"}', b'{"studies": {}}', b'{"studies": [1]}'])
def test_json_that_is_no_page_is_asked_for_again(body: bytes, tmp_path: Path) -> None:
    wrong = iter([body])
    service = Service(
        lambda asked: (
            Reply(next(wrong), "application/json") if wrong.__length_hint__() else clinicaltrials_gov.answer(asked)
        ),
        (),
    )
    with Replay(service) as replay:
        log = fetch_from(replay, SOURCE, Wanted(), tmp_path / "once")
    assert (log.records, log.retries) == (8, 1)
    with (
        Replay(Service(lambda asked: Reply(body), ())) as replay,
        pytest.raises(FetchFailed, match="no page of studies"),
    ):
        fetch_from(replay, SOURCE, Wanted(), tmp_path / "always")


def test_a_run_that_goes_on_reads_no_page_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = [3]

    def answer(asked: Asked) -> Reply:
        left[0] -= 1
        return clinicaltrials_gov.answer(asked) if left[0] else Reply(b"no more", status=403)

    with Replay(Service(answer, ())) as replay:
        with pytest.raises(Refused):
            fetch_from(replay, SOURCE, Wanted(), tmp_path)
        for path in tmp_path.glob("studies-*.json"):
            path.write_bytes(b"?" * path.stat().st_size)
        log = fetch_from(replay, SOURCE, Wanted(), tmp_path)
    assert (log.complete, log.records, log.missing, log.memory) == (True, 8, [], {})


def test_since_is_joined_to_what_the_search_says_itself() -> None:
    asked = {"filter.advanced": "AREA[Phase]PHASE3"}
    assert _page_parameters(asked, "2026-01-31", "token")["filter.advanced"] == (
        "(AREA[LastUpdatePostDate]RANGE[2026-01-31,MAX]) AND (AREA[Phase]PHASE3)"
    )
    assert asked == {"filter.advanced": "AREA[Phase]PHASE3"}


def test_the_address_that_fetch_json_names_is_the_one_that_was_asked(tmp_path: Path) -> None:
    with Replay(clinicaltrials_gov.SERVICE) as replay:
        log = fetch_from(replay, SOURCE, Wanted("fever", date(2090, 3, 4)), tmp_path)
    assert log.files["studies-000001.json"].url.startswith(
        "https://clinicaltrials.gov/api/v2/studies?query.term=fever&"
    )
    assert "RANGE%5B2090-03-04%2CMAX%5D" in log.files["studies-000001.json"].url
