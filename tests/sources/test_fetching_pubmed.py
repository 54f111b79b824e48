"""PubMed's ceiling of 9,999, its failures with status 200, its lost articles, its files; and what may be pasted."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from tests.replay import Asked, Replay, Reply, Service, contents, fetch_from, pubmed

from trialpanorama import sources
from trialpanorama.errors import FetchFailed, UserError
from trialpanorama.fetching import Session, Wanted
from trialpanorama.sources.pubmed import _term

SOURCE = sources.source("pubmed")
_PMID = re.compile(rb"<PMID[^>]*>(\d+)</PMID>")


def pmids_of(folder: Path) -> list[str]:
    """Every article of the fetched files, in order."""
    files = sorted(contents(folder).items())
    return [pmid.decode() for name, data in files if name.endswith(".xml") for pmid in _PMID.findall(data)]


def searches(replay: Replay) -> list[Asked]:
    return [asked for asked in replay.asked if asked.path.endswith("esearch.fcgi")]


def test_a_search_with_25_000_finds_is_fetched_whole(tmp_path: Path) -> None:
    """12,000 came to PubMed on one day, 11,000 of them were also entered on one day, by different publication dates."""
    day, articles = date(2015, 6, 1), {}
    for n in range(25_000):
        dates = dict.fromkeys(("edat", "crdt", "dp", "mdat"), date(1990, 1, 1) + timedelta(days=n % 9_000))
        if n < 12_000:
            dates["edat"] = day
        if n < 11_000:
            dates["crdt"] = day
        articles[str(99_100_000 + n)] = dates
    with Replay(Service(pubmed.eutils(articles), ())) as replay:
        log = fetch_from(replay, SOURCE, Wanted("fever"), tmp_path, timeout_s=30)
    assert sorted(pmids_of(tmp_path)) == sorted(articles)
    assert (log.total, log.records, log.unit, log.missing) == (25_000, 25_000, "articles", [])
    assert all(int(asked.form["retmax"]) == pubmed.MOST for asked in searches(replay))
    assert any("[dp]" in asked.form["term"] for asked in searches(replay))
    assert len(searches(replay)) < 120
    assert all(asked.method == "POST" for asked in replay.asked)
    assert max(len(asked.form["id"].split(",")) for asked in replay.asked if "id" in asked.form) == 500


def test_what_no_date_divides_is_counted_as_missing(tmp_path: Path) -> None:
    same = dict.fromkeys(("edat", "crdt", "dp", "mdat"), date(2015, 6, 1))
    articles = {str(99_100_000 + n): same for n in range(10_500)}
    with Replay(Service(pubmed.eutils(articles), ())) as replay:
        log = fetch_from(replay, SOURCE, Wanted("fever"), tmp_path, timeout_s=30)
    assert len(pmids_of(tmp_path)) == 9_999
    assert log.missing == ["501 of the 10,500 articles that PubMed counts"]


def test_since_goes_by_the_last_change_also_below_the_ceiling(tmp_path: Path) -> None:
    with Replay(pubmed.SERVICE) as replay:
        fetch_from(replay, SOURCE, Wanted("fictional[ti]", date(2020, 1, 8)), tmp_path)
    (search,) = searches(replay)
    assert (search.form["datetype"], search.form["mindate"]) == ("mdat", "2020/01/08")
    assert search.form["term"] == "fictional[ti]"


def test_articles_that_never_come_are_named(tmp_path: Path) -> None:
    lost = {"99001002", "99001005"}
    with Replay(Service(pubmed.eutils(pubmed.ARTICLES, lost=lost), ())) as replay:
        log = fetch_from(replay, SOURCE, Wanted("fictional"), tmp_path)
    assert set(pmids_of(tmp_path)) == set(pubmed.ARTICLES) - lost
    assert sorted(log.missing) == ["PMID 99001002", "PMID 99001005"]
    assert log.complete
    assert [asked.path.rpartition("/")[2] for asked in replay.asked] == ["esearch.fcgi"] + ["efetch.fcgi"] * 3


def test_articles_that_came_at_the_second_try_are_not_missing(tmp_path: Path) -> None:
    some, whole = pubmed.eutils(pubmed.ARTICLES, lost={"99001002"}), pubmed.eutils(pubmed.ARTICLES)
    answers = iter([whole, some, whole])
    with Replay(Service(lambda asked: next(answers)(asked), ())) as replay:
        log = fetch_from(replay, SOURCE, Wanted("fictional"), tmp_path)
    assert set(pmids_of(tmp_path)) == set(pubmed.ARTICLES)
    assert (log.missing, log.retries) == ([], 1)


def test_a_word_that_pubmed_leaves_out_is_said(tmp_path: Path) -> None:
    with Replay(pubmed.SERVICE) as replay:
        log = fetch_from(replay, SOURCE, Wanted("fictional OR flumblebug"), tmp_path)
    assert log.missing == ['PubMed does not know "flumblebug" and left it out of the search']


@pytest.mark.parametrize(
    "body",
    [
        b"<eSearchResult><ERROR>Search Backend failed: \n read failed</ERROR></eSearchResult>",
        b'<?xml version="1.0"?><eFetchResult><ERROR>Unable to obtain query #1</ERROR></eFetchResult>',
        b'{"error": "API rate limit exceeded", "count": "11"}',
        b"<eSearchResult></eSearchResult>",
        b"",
    ],
)
def test_a_failure_with_status_200_passes_or_is_told(body: bytes, tmp_path: Path) -> None:
    failures = iter([Reply(body, "text/xml")])
    with Replay(Service(lambda asked: next(failures, None) or pubmed.answer(asked), ())) as replay:
        assert fetch_from(replay, SOURCE, Wanted("fictional"), tmp_path / "once").records == len(pubmed.ARTICLES)
    always = Service(lambda asked: Reply(body, "text/xml"), ())
    with Replay(always) as replay, pytest.raises(FetchFailed, match="8 times"):
        fetch_from(replay, SOURCE, Wanted("fictional"), tmp_path / "always")


def test_ids_that_were_found_are_not_asked_for_again_in_the_next_run(tmp_path: Path) -> None:
    stop = iter([False, True])
    service = Service(lambda asked: Reply(b"", status=403) if next(stop, False) else pubmed.answer(asked), ())
    with Replay(service) as replay:
        with pytest.raises(UserError, match="403"):
            fetch_from(replay, SOURCE, Wanted("fictional"), tmp_path)
        log = fetch_from(replay, SOURCE, Wanted("fictional"), tmp_path)
    assert [asked.path.rpartition("/")[2] for asked in replay.asked] == ["esearch.fcgi", "efetch.fcgi", "efetch.fcgi"]
    assert log.records == len(pubmed.ARTICLES)


def test_a_key_is_sent_and_never_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NCBI_API_KEY", "a-made-up-key")
    paces: list[float] = []
    monkeypatch.setattr(Session, "pace", lambda session, pace: paces.append(pace))
    with Replay(pubmed.SERVICE) as replay:
        fetch_from(replay, SOURCE, Wanted("fictional"), tmp_path)
    assert {asked.form["api_key"] for asked in replay.asked} == {"a-made-up-key"}
    assert all(not asked.parameters for asked in replay.asked)
    assert b"a-made-up-key" not in (tmp_path / "fetch.json").read_bytes()
    assert paces == [600]


def test_without_a_key_none_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NCBI_API_KEY", raising=False)
    with Replay(pubmed.SERVICE) as replay:
        fetch_from(replay, SOURCE, Wanted("fictional"), tmp_path)
    assert all("api_key" not in asked.form and asked.form["tool"] == "trialpanorama" for asked in replay.asked)


@pytest.mark.parametrize(("query", "since"), [("", None), ("baseline", date(2026, 1, 1))])
def test_what_cannot_be_asked_is_answered_with_what_can(query: str, since: date | None, tmp_path: Path) -> None:
    with Replay(pubmed.SERVICE) as replay, pytest.raises(UserError, match="--query updatefiles"):
        fetch_from(replay, SOURCE, Wanted(query, since), tmp_path)
    assert replay.asked == []


def test_a_file_that_is_not_what_its_checksum_says_is_fetched_again(tmp_path: Path) -> None:
    seen: list[str] = []

    def answer(asked: Asked) -> Reply:
        reply = pubmed.answer(asked)
        seen.append(asked.path)
        if asked.path.endswith("0001.xml.gz") and seen.count(asked.path) == 1:
            other = pubmed.answer(Asked("GET", asked.path.replace("0001", "0002"), {}, {}, b""))
            return Reply(other.body, other.type, headers=reply.headers)
        return reply

    with Replay(Service(answer, ())) as replay:
        fetch_from(replay, SOURCE, Wanted("updatefiles"), tmp_path / "once")
        assert contents(tmp_path / "once") == pubmed._PACKED
    service = Service(lambda asked: answer(asked) if "md5" not in asked.path else Reply(b"MD5= " + b"0" * 32), ())
    with Replay(service) as replay, pytest.raises(FetchFailed, match="does not have the checksum"):
        fetch_from(replay, SOURCE, Wanted("updatefiles"), tmp_path / "always")
    assert not [name for name in contents(tmp_path / "always") if name.endswith(".gz")]


@pytest.mark.parametrize(
    ("query", "term"),
    [
        ("asthma AND 2020[dp]", "asthma AND 2020[dp]"),
        ("https://pubmed.ncbi.nlm.nih.gov/?term=asthma+AND+child&sort=date&size=200&page=3", "asthma AND child"),
        ("https://pubmed.ncbi.nlm.nih.gov/99001003/", "99001003[uid]"),
        (
            "https://pubmed.ncbi.nlm.nih.gov/?term=asthma&filter=pubt.clinicaltrial&filter=pubt.review&filter=years.2010-2020",
            "(asthma) AND (clinicaltrial[filter] OR review[filter]) AND (2010:2020[dp])",
        ),
        (
            "https://pubmed.ncbi.nlm.nih.gov/?term=asthma&filter=dates.2010%2F1%2F1-2020%2F2%2F2&filter=hum_ani.humans",
            "(asthma) AND (2010/1/1:2020/2/2[dp]) AND (humans[filter])",
        ),
    ],
)
def test_a_query_in_pubmeds_language(query: str, term: str) -> None:
    assert _term(Wanted(query)) == term


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("https://pubmed.ncbi.nlm.nih.gov/?term=x&colour=red", "colour"),
        ("https://pubmed.ncbi.nlm.nih.gov/?term=x&filter=datesearch.y_5&filter=years.last", "years.last"),
        ("https://pubmed.ncbi.nlm.nih.gov/?linkname=pubmed_pubmed&from_uid=1", "from_uid, linkname"),
        ("https://pubmed.ncbi.nlm.nih.gov/advanced/", "no search term"),
        ("https://example.org/?term=x", "example.org is not PubMed"),
    ],
)
def test_what_is_not_known_of_an_address_is_refused_by_name(query: str, named: str) -> None:
    with pytest.raises(UserError, match=named):
        _term(Wanted(query))
